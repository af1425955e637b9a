#include "keyd/cli/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include <sodium.h>

#include "core/arena.h"

#define SIGNALS 5

struct terminal {
	int fd;
	struct termios found;
	struct sigaction former[SIGNALS];
	sigset_t mask;
	bool inside; /* on the screen of its own */
	bool plain;  /* cannot do escape sequences */
};

static const int signals[SIGNALS] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP};

/* It is enough that the waiting ends. */
static void
notice(int number)
{
	(void)number;
}

/* They come while a key is waited for and at no other time, so that none is lost between
 * a prompt and its answer. */
static void
take_signals(struct terminal *t)
{
	sigset_t held;

	sigemptyset(&held);
	for (int i = 0; i < SIGNALS; i++)
		sigaddset(&held, signals[i]);
	sigprocmask(SIG_BLOCK, &held, &t->mask);
	for (int i = 0; i < SIGNALS; i++) {
		struct sigaction action = {
			.sa_handler = signals[i] == SIGTSTP ? SIG_IGN : notice};

		sigaction(signals[i], &action, &t->former[i]);
	}
}

/* One that came behind the last key is dropped: what was asked is answered. */
static void
give_back_signals(struct terminal *t)
{
	sigprocmask(SIG_SETMASK, &t->mask, NULL);
	for (int i = 0; i < SIGNALS; i++)
		sigaction(signals[i], &t->former[i], NULL);
}

/* False: Ctrl-C or its like, or the terminal went. */
static bool
next_byte(struct terminal *t, char *ret)
{
	struct pollfd p = {.fd = t->fd, .events = POLLIN};

	return ppoll(&p, 1, NULL, &t->mask) == 1 && read(t->fd, ret, 1) == 1;
}

struct terminal *
terminal_open(void)
{
	const char *term = getenv("TERM");
	struct terminal *t = mem_new(1, sizeof(*t));

	if (!t)
		return NULL;
	t->fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (t->fd < 0 || tcgetattr(t->fd, &t->found) != 0) {
		if (t->fd >= 0)
			close(t->fd);
		mem_free(t);
		return NULL;
	}
	t->plain = !term || !*term || strcmp(term, "dumb") == 0;
	take_signals(t);
	return t;
}

void
terminal_close(struct terminal *t)
{
	if (!t)
		return;
	terminal_leave(t);
	tcsetattr(t->fd, TCSAFLUSH, &t->found);
	give_back_signals(t);
	close(t->fd);
	mem_free(t);
}

void
terminal_write(struct terminal *t, const char *text, size_t len)
{
	while (len) {
		ssize_t n = write(t->fd, text, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return;
		text += n;
		len -= (size_t)n;
	}
}

static void
say(struct terminal *t, const char *text)
{
	terminal_write(t, text, strlen(text));
}

void
terminal_enter(struct terminal *t)
{
	if (t->plain || t->inside)
		return;
	say(t, "\033[?1049h\033[H\033[2J");
	t->inside = true;
}

void
terminal_leave(struct terminal *t)
{
	if (t->inside)
		say(t, "\033[H\033[2J\033[?1049l");
	t->inside = false;
}

enum kerr
terminal_line(struct terminal *t, const char *prompt, char *out, size_t size)
{
	size_t n = 0;
	bool fits = true;
	char c;

	say(t, prompt);
	for (;;) {
		if (!next_byte(t, &c)) {
			say(t, "\n");
			return KERR_CLOSED;
		}
		if (c == '\n')
			break;
		if (n + 1 < size)
			out[n++] = c;
		else
			fits = false;
	}
	out[n] = '\0';
	return fits ? KERR_OK : KERR_TOO_LARGE;
}

/* Keys, one byte each, and a paste between ESC [ 200 ~ and ESC [ 201 ~. */
struct input {
	struct terminal *t;
	char *out;
	size_t size, len;
	bool echo, pasting, too_long;
};

static void
set_keys(struct terminal *t)
{
	struct termios keys = t->found;

	keys.c_lflag &= ~(tcflag_t)(ICANON | ECHO | ECHONL);
	keys.c_lflag |= ISIG;
	keys.c_iflag |= ICRNL;
	keys.c_cc[VMIN] = 1;
	keys.c_cc[VTIME] = 0;
	tcsetattr(t->fd, TCSAFLUSH, &keys);
	if (!t->plain)
		say(t, "\033[?2004h");
}

static void
reset_keys(struct terminal *t)
{
	if (!t->plain)
		say(t, "\033[?2004l");
	tcsetattr(t->fd, TCSAFLUSH, &t->found);
	say(t, "\n");
}

/* An escape sequence: only that a paste begins or ends matters. */
static enum kerr
take_escape(struct input *in)
{
	char sequence[8];
	size_t n = 0;
	char c = 0;

	if (!next_byte(in->t, &c))
		return KERR_CLOSED;
	if (c != '[' && c != 'O')
		return KERR_BUSY;
	do {
		if (!next_byte(in->t, &c))
			return KERR_CLOSED;
		if (n < sizeof(sequence))
			sequence[n++] = c;
	} while (c < '@' || c > '~');
	if (n == 4 && memcmp(sequence, "200~", 4) == 0)
		in->pasting = true;
	if (n == 4 && memcmp(sequence, "201~", 4) == 0)
		in->pasting = false;
	return KERR_BUSY;
}

static void
put_char(struct input *in, char c)
{
	if (in->len < in->size) {
		in->out[in->len++] = c;
		if (in->echo && (unsigned char)c >= ' ' && c != 0x7f)
			terminal_write(in->t, &c, 1);
	} else {
		in->too_long = true;
	}
}

static void
erase(struct input *in, size_t n)
{
	while (n-- && in->len) {
		in->out[--in->len] = '\0';
		if (in->echo)
			say(in->t, "\b \b");
	}
}

/* KERR_BUSY: more is to come. */
static enum kerr
take_key(struct input *in)
{
	const struct termios *found = &in->t->found;
	unsigned char c;
	char byte = 0;

	if (!next_byte(in->t, &byte))
		return KERR_CLOSED;
	c = (unsigned char)byte;
	if (c == 0x1b)
		return take_escape(in);
	if (c == '\n' || c == '\r') {
		if (!in->pasting)
			return KERR_OK;
		put_char(in, ' ');
	} else if (c == '\t') {
		put_char(in, ' ');
	} else if (!in->pasting && c == found->c_cc[VEOF]) {
		return in->len ? KERR_OK : KERR_CLOSED;
	} else if (!in->pasting && (c == found->c_cc[VERASE] || c == '\b' || c == 0x7f)) {
		erase(in, 1);
	} else if (!in->pasting && c == found->c_cc[VKILL]) {
		erase(in, in->len);
	} else if (c >= ' ' && c != 0x7f) {
		put_char(in, (char)c);
	}
	return KERR_BUSY;
}

enum kerr
terminal_paste(struct terminal *t, const char *prompt, bool echo, char *out, size_t size,
	size_t *ret_len)
{
	struct input in = {.t = t, .out = out, .size = size, .echo = echo};
	enum kerr err;

	set_keys(t);
	say(t, prompt);
	while ((err = take_key(&in)) == KERR_BUSY)
		;
	reset_keys(t);
	if (err == KERR_OK && in.too_long)
		err = KERR_TOO_LARGE;
	if (err == KERR_OK)
		*ret_len = in.len;
	else
		sodium_memzero(out, size);
	return err;
}

enum kerr
terminal_secret(struct terminal *t, const char *prompt, bool echo, struct secret **ret)
{
	char *typed = sodium_malloc(SECRET_POOL_MAX_LEN);
	size_t len = 0;
	enum kerr err = KERR_NOMEM;

	if (typed)
		err = terminal_paste(t, prompt, echo, typed, SECRET_POOL_MAX_LEN, &len);
	if (err == KERR_OK) {
		*ret = len ? secret_new(typed, len) : NULL;
		if (len && !*ret)
			err = KERR_NOMEM;
	}
	sodium_free(typed);
	return err;
}
