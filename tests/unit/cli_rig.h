#ifndef KEYD_TESTS_UNIT_CLI_RIG_H
#define KEYD_TESTS_UNIT_CLI_RIG_H

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/text.h"
#include "keyd/cli/program.h"

/* The command line as a process of its own, with the test as keyd on a local socket and,
 * if wanted, as the person at its terminal. */

#define SECRET                                                                           \
	"kds_QVMZZ-X99DK-ADV8N-67CNB-DTDBZ-EWE76-H3RGY-R1R2D-MYMF8-M5CK7-KBVM1-N5A9E-"   \
	"79WDP"
#define KEY "kdTFBQZVH263ABEAN8B45TZW"
#define ENVELOPE                                                                         \
	"{\"client_id\":7,\"key\":\"" KEY "\",\"secret\":\"" SECRET                      \
	"\",\"secret_number\":3,\"not_after\":\"2027-07-01T00:00:00Z\",\"token_url\":"   \
	"\"https://k.example/oauth/token\"}"
#define CLIENT                                                                           \
	"{\"id\":7,\"key\":\"" KEY "\",\"name\":\"Roll\\u202ebook\",\"application\":"    \
	"\"App\",\"vendor\":\"Acme\",\"school_year\":2027,\"state\":\"live\","           \
	"\"generation\":1,\"education_organizations\":[255901,255902],"                  \
	"\"secrets\":[{\"number\":3,\"state\":\"live\"}],\"version\":1}"
#define PROBLEM(name, text)                                                              \
	"{\"type\":\"urn:keyd:problem:" name "\",\"title\":\"t\",\"status\":0,"          \
	"\"detail\":\"" text "\"}"

#define RIG_TEXT  65536
#define RIG_LIMIT 20 /* seconds */

/* What keyd answers, in this order; the request must begin with expect. */
struct rig_answer {
	const char *expect; /* "POST /keyd/clients/1/issue"; NULL: the end */
	unsigned status;    /* 0: the connection is closed without an answer */
	const char *body;
	const char *header; /* further ones, each with its CR LF; NULL: none */
};

/* What the person does: waits for a text on the screen, then types. */
struct rig_step {
	const char *wait; /* NULL: the end */
	const char *type;
};

struct rig {
	char dir[64];
	char socket[96];
	int listener;
	/* set by the test */
	const struct rig_answer *answers;
	const struct rig_step *steps; /* NULL: there is no terminal */
	bool piped;                   /* at a terminal, but the output is no terminal */
	const char *input;            /* of standard input without a terminal */
	/* what came of it */
	int code;
	unsigned served;
	bool unexpected;
	char out[RIG_TEXT], err[RIG_TEXT];
	char screen[RIG_TEXT];   /* all that reached the terminal */
	char requests[RIG_TEXT]; /* all requests, one behind the other */
	/* within */
	int conn, pty, slave, out_fd, err_fd;
	char pending[RIG_TEXT];
	size_t pending_len, step_from;
	unsigned step;
};

static inline void
rig_open(struct rig *r)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};

	memset(r, 0, sizeof(*r));
	snprintf(r->dir, sizeof(r->dir), "/tmp/keyd-cli-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(r->dir));
	snprintf(r->socket, sizeof(r->socket), "%s/s", r->dir);
	memcpy(addr.sun_path, r->socket, strlen(r->socket) + 1);
	r->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(r->listener, (struct sockaddr *)&addr, sizeof(addr)), 0);
	ck_assert_int_eq(listen(r->listener, 8), 0);
}

static inline void
rig_path(const struct rig *r, const char *name, char *out, size_t size)
{
	snprintf(out, size, "%s/%s", r->dir, name);
}

static inline void
rig_close(struct rig *r)
{
	static const char *const names[] = {"s", "new", "other"};
	char path[128];

	close(r->listener);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		rig_path(r, names[i], path, sizeof(path));
		unlink(path);
	}
	/* Fails when something was left lying about. */
	ck_assert_int_eq(rmdir(r->dir), 0);
}

static inline void
rig_append(char *text, const char *bytes, size_t len)
{
	size_t n = strlen(text);

	ck_assert_uint_lt(n + len, RIG_TEXT);
	memcpy(text + n, bytes, len);
	text[n + len] = '\0';
}

static inline void
rig_answer(struct rig *r, const char *request)
{
	const struct rig_answer *a = &r->answers[r->served];
	char head[512];
	int n;

	if (!r->answers || !a->expect || strncmp(request, a->expect, strlen(a->expect))) {
		static const char none[] = "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n";

		r->unexpected = true;
		(void)!write(r->conn, none, sizeof(none) - 1);
		return;
	}
	r->served++;
	if (!a->status) {
		close(r->conn);
		r->conn = -1;
		return;
	}
	n = snprintf(head, sizeof(head),
		"HTTP/1.1 %u X\r\nContent-Type: application/json\r\n%s"
		"Content-Length: %zu\r\n\r\n",
		a->status, a->header ? a->header : "", strlen(a->body));
	ck_assert_int_eq(write(r->conn, head, (size_t)n), n);
	(void)!write(r->conn, a->body, strlen(a->body));
}

/* A whole request from what has come, if there is one. */
static inline void
rig_take_request(struct rig *r)
{
	char *end = memmem(r->pending, r->pending_len, "\r\n\r\n", 4);
	const char *length;
	int64_t body = 0;
	size_t whole;

	if (!end)
		return;
	*end = '\0';
	length = strstr(r->pending, "Content-Length: ");
	if (length) {
		length += strlen("Content-Length: ");
		ck_assert_int_eq(
			text_to_int(length, strcspn(length, "\r"), &body), KERR_OK);
	}
	*end = '\r';
	whole = (size_t)(end + 4 - r->pending) + (size_t)body;
	if (r->pending_len < whole)
		return;
	rig_append(r->requests, r->pending, whole);
	rig_append(r->requests, "\n", 1);
	rig_answer(r, r->pending);
	memmove(r->pending, r->pending + whole, r->pending_len - whole);
	r->pending_len -= whole;
}

static inline void
rig_person(struct rig *r)
{
	const struct rig_step *s = &r->steps[r->step];
	const char *at;

	while (s->wait && (at = strstr(r->screen + r->step_from, s->wait))) {
		r->step_from = (size_t)(at - r->screen) + strlen(s->wait);
		/* The prompt is written before the terminal's mode is set back or after,
		 * but input is only flushed before it. */
		ck_assert_int_eq(write(r->pty, s->type, strlen(s->type)),
			(ssize_t)strlen(s->type));
		s = &r->steps[++r->step];
	}
}

static inline bool
rig_drain(int *fd, char *into)
{
	char bytes[4096];
	ssize_t n = read(*fd, bytes, sizeof(bytes));

	if (n > 0) {
		rig_append(into, bytes, (size_t)n);
		return true;
	}
	close(*fd);
	*fd = -1;
	return false;
}

static inline void
rig_turn(struct rig *r)
{
	struct pollfd p[] = {{r->listener, POLLIN, 0}, {r->conn, POLLIN, 0},
		{r->pty, POLLIN, 0}, {r->out_fd, POLLIN, 0}, {r->err_fd, POLLIN, 0}};
	ssize_t n;

	poll(p, 5, 100);
	if (p[0].revents & POLLIN) {
		if (r->conn >= 0)
			close(r->conn);
		r->conn = accept4(r->listener, NULL, NULL, SOCK_CLOEXEC);
		r->pending_len = 0;
	} else if (p[1].revents) {
		n = read(r->conn, r->pending + r->pending_len,
			sizeof(r->pending) - r->pending_len);
		if (n <= 0) {
			close(r->conn);
			r->conn = -1;
		} else {
			r->pending_len += (size_t)n;
			rig_take_request(r);
		}
	}
	if (p[2].revents && rig_drain(&r->pty, r->screen))
		rig_person(r);
	if (r->out_fd < 0 && r->err_fd < 0 && r->slave >= 0) {
		close(r->slave);
		r->slave = -1;
	}
	if (p[3].revents)
		rig_drain(&r->out_fd, r->out);
	if (p[4].revents)
		rig_drain(&r->err_fd, r->err);
}

/* Both ends of a terminal; the child makes it its own by opening it first. */
static inline int
rig_terminal(char *name, size_t size)
{
	int fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(grantpt(fd), 0);
	ck_assert_int_eq(unlockpt(fd), 0);
	ck_assert_int_eq(ptsname_r(fd, name, size), 0);
	return fd;
}

static inline void
rig_child(const struct rig *r, int argc, char **argv, const char *tty, const int *std)
{
	int fd = -1;

	setsid();
	if (r->steps) {
		setenv("TERM", "xterm", 1);
		fd = open(tty, O_RDWR | O_CLOEXEC);
	}
	dup2(fd >= 0 ? fd : std[0], STDIN_FILENO);
	dup2(fd >= 0 && !r->piped ? fd : std[1], STDOUT_FILENO);
	dup2(fd >= 0 ? fd : std[2], STDERR_FILENO);
	_exit(program_run(argc, argv));
}

/* Runs `keyd --socket S WORDS…`, the words parted by '|'. */
static inline void
rig_run(struct rig *r, const char *line)
{
	static char name[] = "keyd", option[] = "--socket";
	char text[4096], tty[64] = "", *argv[64] = {name, option, r->socket},
			 *next = text;
	int in[2], out[2], err[2], argc = 3, status = 0;
	uint64_t end = clock_monotonic_us() + RIG_LIMIT * UINT64_C(1000000);
	pid_t pid;

	snprintf(text, sizeof(text), "%s", line);
	while (next && *next) {
		argv[argc++] = next;
		next = strchr(next, '|');
		if (next)
			*next++ = '\0';
	}
	r->conn = r->pty = r->slave = -1;
	r->served = r->step = 0;
	r->step_from = 0;
	r->unexpected = false;
	r->out[0] = r->err[0] = r->screen[0] = r->requests[0] = '\0';
	ck_assert_int_eq(
		pipe2(in, O_CLOEXEC) | pipe2(out, O_CLOEXEC) | pipe2(err, O_CLOEXEC), 0);
	fflush(NULL);
	if (r->steps) {
		r->pty = rig_terminal(tty, sizeof(tty));
		/* A terminal that nobody has open reads as gone. */
		r->slave = open(tty, O_RDWR | O_NOCTTY | O_CLOEXEC);
		ck_assert_int_ge(r->slave, 0);
	}
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		close(in[1]);
		rig_child(r, argc, argv, tty, (const int[]){in[0], out[1], err[1]});
	}
	close(in[0]);
	close(out[1]);
	close(err[1]);
	if (r->input)
		(void)!write(in[1], r->input, strlen(r->input));
	close(in[1]);
	r->out_fd = out[0];
	r->err_fd = err[0];
	while (r->out_fd >= 0 || r->err_fd >= 0 || r->pty >= 0) {
		ck_assert_msg(
			clock_monotonic_us() < end, "it hangs: %s%s", r->screen, r->err);
		rig_turn(r);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(
		WIFEXITED(status), "it ended by signal %d: %s", WTERMSIG(status), r->err);
	r->code = WEXITSTATUS(status);
	if (r->conn >= 0)
		close(r->conn);
}

/* rig_run with %s as the path of the file "new". */
static inline void
rig_run_to(struct rig *r, const char *format)
{
	char line[4096], path[128];
	const char *at = strstr(format, "%s");

	rig_path(r, "new", path, sizeof(path));
	if (at)
		snprintf(line, sizeof(line), "%.*s%s%s", (int)(at - format), format, path,
			at + 2);
	else
		snprintf(line, sizeof(line), "%s", format);
	rig_run(r, line);
}

static inline void
has(const char *text, const char *part)
{
	ck_assert_msg(strstr(text, part) != NULL, "no \"%s\" in: %s", part, text);
}

static inline void
has_not(const char *text, const char *part)
{
	ck_assert_msg(strstr(text, part) == NULL, "\"%s\" in: %s", part, text);
}

/* A file of the rig's directory. */
static inline const char *
rig_content(const struct rig *r, const char *name)
{
	static char text[8192];
	char path[128];
	ssize_t n;
	int fd;

	rig_path(r, name, path, sizeof(path));
	fd = open(path, O_RDONLY);
	if (fd < 0)
		return NULL;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	return text;
}

#endif
