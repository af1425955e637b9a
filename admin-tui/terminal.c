#include "admin-tui/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#define QUEUE_MAX ((size_t)4 << 20)
#define READ_SIZE 4096
#define LEAVE_MAX 192
#define LEAVE_MS  200 /* for what is still in the terminal's own queue */

#define PASTE_MARKS_ON  "\033[?2004h"
#define PASTE_MARKS_OFF "\033[?2004l"

/* One for the process, since a signal handler must reach it. */
static struct {
	int fd; /* 0: not open */
	struct termios saved;
	volatile sig_atomic_t entered;
	char leave[LEAVE_MAX];
	size_t leave_len;
	struct buf queue;
	struct sigaction former[NSIG];
} term;

static const int fatal_signals[] = {
	SIGABRT, SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGSYS};

enum kerr
terminal_open(struct fault *fault)
{
	int fd = open("/dev/tty", O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	if (fd < 0)
		return fault_set(fault, KERR_IO, "",
			"there is no terminal: start it in one (with ssh: ssh -t)");
	if (tcgetattr(fd, &term.saved) != 0) {
		close(fd);
		return fault_set(fault, KERR_IO, "", "the terminal tells no modes");
	}
	term.fd = fd;
	buf_init(&term.queue, QUEUE_MAX);
	return KERR_OK;
}

void
terminal_close(void)
{
	if (term.fd == 0)
		return;
	terminal_leave();
	close(term.fd);
	term.fd = 0;
	buf_clear(&term.queue);
}

int
terminal_fd(void)
{
	return term.fd;
}

bool
terminal_size(int *ret_rows, int *ret_columns)
{
	struct winsize size;

	if (ioctl(term.fd, TIOCGWINSZ, &size) != 0 || size.ws_row == 0 ||
		size.ws_col == 0)
		return false;
	*ret_rows = size.ws_row;
	*ret_columns = size.ws_col;
	return true;
}

void
terminal_enter(const char *before, const char *after)
{
	static const char marks_off[] = PASTE_MARKS_OFF;
	struct termios raw = term.saved;
	size_t len = strlen(after);

	memcpy(term.leave, marks_off, sizeof(marks_off) - 1);
	term.leave_len = sizeof(marks_off) - 1;
	if (len <= LEAVE_MAX - term.leave_len) {
		memcpy(term.leave + term.leave_len, after, len);
		term.leave_len += len;
	}
	cfmakeraw(&raw);
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	term.entered = 1;
	tcsetattr(term.fd, TCSANOW, &raw);
	buf_put_text(&term.queue, before);
	buf_put_text(&term.queue, PASTE_MARKS_ON);
}

/* Async-signal-safe: write, poll and tcsetattr only. What is queued is not written. */
void
terminal_leave(void)
{
	struct pollfd ready = {.fd = term.fd, .events = POLLOUT};
	size_t at = 0;

	if (!term.entered)
		return;
	term.entered = 0;
	while (at < term.leave_len) {
		ssize_t n = write(term.fd, term.leave + at, term.leave_len - at);

		if (n > 0)
			at += (size_t)n;
		else if (n == 0 || errno != EAGAIN || poll(&ready, 1, LEAVE_MS) <= 0)
			break;
	}
	tcsetattr(term.fd, TCSANOW, &term.saved);
}

static void
on_fatal(int number, siginfo_t *info, void *context)
{
	(void)context;
	terminal_leave();
	/* What was there before (a sanitizer, the kernel's own) goes on from here: a
	 * fault happens again, and what somebody sent is sent again. */
	sigaction(number, &term.former[number], NULL);
	if (info->si_code <= 0)
		raise(number);
}

void
terminal_guard(void)
{
	struct sigaction act = {.sa_sigaction = on_fatal, .sa_flags = SA_SIGINFO};

	sigemptyset(&act.sa_mask);
	for (size_t i = 0; i < sizeof(fatal_signals) / sizeof(fatal_signals[0]); i++)
		sigaction(fatal_signals[i], &act, &term.former[fatal_signals[i]]);
}

struct buf *
terminal_queue(void)
{
	return &term.queue;
}

enum kerr
terminal_flush(void)
{
	struct buf *q = &term.queue;

	while (q->len > 0) {
		ssize_t n = write(term.fd, q->data, q->len);

		if (n > 0)
			buf_consume(q, (size_t)n);
		else if (n < 0 && errno == EAGAIN)
			return KERR_BUSY;
		else if (n == 0 || errno != EINTR)
			return KERR_CLOSED;
	}
	buf_clear(q);
	return KERR_OK;
}

enum kerr
terminal_read(struct buf *in)
{
	uint8_t *room = buf_reserve(in, READ_SIZE);
	ssize_t n;

	if (room == NULL)
		return KERR_NOMEM;
	do {
		n = read(term.fd, room, READ_SIZE);
	} while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		return KERR_BUSY;
	if (n <= 0)
		return KERR_CLOSED;
	buf_added(in, (size_t)n);
	return KERR_OK;
}
