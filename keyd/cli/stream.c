#include "keyd/cli/stream.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/arena.h"
#include "core/wire/http_response.h"
#include "keyd/cli/call.h"
#include "keyd/cli/progress.h"

#define PIECE      ((size_t)64 << 10)
#define BODY_MAX   ((size_t)1 << 31)
#define CONNECT_MS 5000
#define STEP_MS    100
#define SILENCE_S  900 /* so long may keyd be silent over a large backup */

struct flow {
	struct cli *c;
	const struct stream *s;
	struct http_client *http; /* owns the connection */
	int fd;
	struct http_response response;
	struct buf sending;
	size_t sent;
	uint64_t left; /* of the file, not read yet */
	uint64_t moved;
	struct progress progress;
	struct progress silence;
};

static enum kerr
begin(struct flow *f)
{
	const struct stream *s = f->s;
	uint64_t length = s->in_len + (s->head ? s->head->len : 0);
	enum kerr err = f->c->socket[0] ? KERR_OK : call_find_socket(f->c);

	if (err != KERR_OK)
		return err;
	f->http = http_client_new(PIECE, PIECE);
	err = f->http ? http_client_connect_wait(f->http, f->c->socket, CONNECT_MS)
		      : KERR_NOMEM;
	if (err != KERR_OK)
		return call_broken(f->c, err);
	f->fd = http_client_fd(f->http);
	f->left = s->in_len;
	buf_printf(&f->sending, "%s %s HTTP/1.1\r\nHost: localhost\r\n", s->method,
		s->target);
	if (s->type)
		buf_printf(&f->sending, "Content-Type: %s\r\n", s->type);
	if (strcmp(s->method, "GET") != 0)
		buf_printf(&f->sending, "Content-Length: %" PRIu64 "\r\n", length);
	buf_put_text(&f->sending, "\r\n");
	if (s->head)
		buf_put(&f->sending, s->head->data, s->head->len);
	err = buf_error(&f->sending);
	return err == KERR_OK ? err : call_broken(f->c, err);
}

/* The next piece of the file, when the one before is gone. */
static enum kerr
refill(struct flow *f)
{
	size_t n = f->left < PIECE ? (size_t)f->left : PIECE;
	uint8_t *room;
	ssize_t got;

	if (f->sent < f->sending.len || !f->left)
		return KERR_OK;
	buf_reset(&f->sending);
	f->sent = 0;
	room = buf_reserve(&f->sending, n);
	if (!room)
		return call_broken(f->c, buf_error(&f->sending));
	got = read(f->s->in, room, n);
	if (got <= 0)
		return fault_set(&f->c->fault, KERR_IO, "", "the file cannot be read: %s",
			got < 0 ? strerror(errno) : "it became shorter");
	buf_added(&f->sending, (size_t)got);
	f->left -= (uint64_t)got;
	return KERR_OK;
}

/* KERR_BUSY: the other side takes no more at the moment, or all is sent. */
static enum kerr
send_some(struct flow *f)
{
	for (;;) {
		enum kerr err = refill(f);
		ssize_t n;

		if (err != KERR_OK)
			return err;
		if (f->sent == f->sending.len)
			return KERR_BUSY;
		n = send(f->fd, f->sending.data + f->sent, f->sending.len - f->sent,
			MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return KERR_BUSY;
		/* It may have answered before it had all. */
		if (n < 0) {
			f->left = 0;
			f->sent = f->sending.len;
			return KERR_BUSY;
		}
		f->sent += (size_t)n;
		f->moved += (uint64_t)n;
		progress_start(&f->silence, NULL);
	}
}

/* What came of a good answer goes on at once. */
static enum kerr
drain(struct flow *f)
{
	struct http_response *r = &f->response;
	bool good = r->state != HTTP_RESPONSE_HEAD && r->status >= 200 && r->status < 300;
	enum kerr err;

	if (!good || !f->s->out || !r->body.len)
		return KERR_OK;
	if (f->s->out->fd >= 0)
		err = file_write(f->s->out, r->body.data, r->body.len, &f->c->fault);
	else
		err = print(r->body.data, r->body.len);
	if (err != KERR_OK && !f->c->fault.text[0])
		fault_set(&f->c->fault, err, "", "writing to standard output failed");
	f->moved += r->body.len;
	buf_reset(&r->body);
	return err;
}

/* KERR_OK: the answer is whole. */
static enum kerr
receive_some(struct flow *f)
{
	for (;;) {
		uint8_t *room = buf_reserve(&f->response.in, PIECE / 2);
		enum kerr err, drained;
		ssize_t n;

		if (!room)
			return call_broken(f->c, buf_error(&f->response.in));
		n = recv(f->fd, room, PIECE / 2, MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return KERR_BUSY;
		if (n <= 0)
			return call_broken(f->c, KERR_CLOSED);
		progress_start(&f->silence, NULL);
		buf_added(&f->response.in, (size_t)n);
		err = http_response_feed(&f->response);
		if (err != KERR_OK && err != KERR_BUSY)
			return call_broken(f->c, err);
		drained = drain(f);
		if (drained != KERR_OK || err == KERR_OK)
			return drained;
	}
}

static enum kerr
run(struct flow *f)
{
	enum kerr err;

	progress_start(&f->progress, f->s->what);
	progress_start(&f->silence, NULL);
	f->c->after_send = true;
	for (;;) {
		struct pollfd p = {.fd = f->fd, .events = POLLIN};

		err = send_some(f);
		if (err == KERR_BUSY)
			err = receive_some(f);
		if (err != KERR_BUSY)
			break;
		if (progress_seconds(&f->silence) >= SILENCE_S) {
			err = call_broken(f->c, KERR_TIMEOUT);
			break;
		}
		if (f->sent < f->sending.len)
			p.events |= POLLOUT;
		if (poll(&p, 1, STEP_MS) < 0 && errno != EINTR) {
			err = call_broken(f->c, KERR_IO);
			break;
		}
		progress_step(&f->progress, f->moved, f->s->in_len);
	}
	progress_end(&f->progress);
	f->c->after_send = false;
	return err;
}

static enum kerr
take_answer(struct flow *f, struct buf *answer)
{
	const struct http_response *r = &f->response;

	if (r->status < 200 || r->status >= 300)
		return call_take_problem(f->c, r->status, r->body.data, r->body.len,
			http_response_header(r, "Retry-After"));
	if (answer)
		buf_put(answer, r->body.data, r->body.len);
	return answer && buf_error(answer) != KERR_OK
		       ? call_broken(f->c, buf_error(answer))
		       : KERR_OK;
}

enum kerr
stream_call(struct cli *c, const struct stream *s, struct buf *answer)
{
	struct flow *f = mem_new(1, sizeof(*f));
	enum kerr err;

	c->fault = (struct fault){0};
	c->after_send = false;
	buf_reset(&c->problem);
	if (!f)
		return call_broken(c, KERR_NOMEM);
	f->c = c;
	f->s = s;
	buf_init(&f->sending, 2 * PIECE);
	http_response_init(&f->response, s->out ? BODY_MAX : PIECE);
	err = begin(f);
	if (err == KERR_OK)
		err = run(f);
	if (err == KERR_OK)
		err = take_answer(f, answer);
	buf_clear(&f->sending);
	http_response_clear(&f->response);
	http_client_free(f->http);
	mem_free(f);
	return err;
}
