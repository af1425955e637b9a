#include "core/wire/http_client.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/arena.h"
#include "core/buf.h"
#include "core/clock.h"
#include "core/wire/http_response.h"

#define READ_SIZE        16384
#define RETRY_CONNECT_MS 10

struct http_client {
	int fd;
	bool busy; /* a request is under way */
	struct buf out;
	size_t sent;
	struct http_response response;
};

struct http_client *
http_client_new(size_t body_max, size_t request_max)
{
	struct http_client *c = mem_new(1, sizeof(*c));

	if (!c)
		return NULL;
	c->fd = -1;
	buf_init(&c->out, request_max);
	http_response_init(&c->response, body_max);
	return c;
}

void
http_client_close(struct http_client *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	c->busy = false;
	c->sent = 0;
	buf_clear(&c->out);
}

void
http_client_free(struct http_client *c)
{
	if (!c)
		return;
	http_client_close(c);
	http_response_clear(&c->response);
	mem_free(c);
}

bool
http_client_connected(const struct http_client *c)
{
	return c->fd >= 0;
}

static enum kerr
connect_error(int error)
{
	switch (error) {
	case ENOENT:
	case ENOTDIR:
		return KERR_NOTFOUND;
	case ECONNREFUSED:
	case ECONNRESET:
		return KERR_CLOSED;
	case EACCES:
	case EPERM:
		return KERR_DENIED;
	case EAGAIN:
		return KERR_BUSY;
	default:
		return KERR_IO;
	}
}

enum kerr
http_client_connect(struct http_client *c, const char *path)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	size_t len = strlen(path);
	int fd, rc;

	http_client_close(c);
	if (!len || len >= sizeof(addr.sun_path))
		return KERR_INVALID;
	memcpy(addr.sun_path, path, len);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return KERR_IO;
	do {
		rc = connect(fd, (const struct sockaddr *)&addr, sizeof(addr));
	} while (rc != 0 && errno == EINTR);
	if (rc != 0) {
		enum kerr err = connect_error(errno);

		close(fd);
		return err;
	}
	c->fd = fd;
	return KERR_OK;
}

enum kerr
http_client_adopt(struct http_client *c, int fd)
{
	int flags = fcntl(fd, F_GETFL);

	http_client_close(c);
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0)
		return KERR_IO;
	c->fd = fd;
	return KERR_OK;
}

static bool
is_method(const char *method)
{
	static const char *const methods[] = {"GET", "POST", "PUT", "PATCH", "DELETE"};

	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		if (strcmp(methods[i], method) == 0)
			return true;
	}
	return false;
}

static bool
is_target(const char *target)
{
	if (target[0] != '/')
		return false;
	for (const char *p = target; *p; p++) {
		if (*p <= ' ' || *p >= 0x7f)
			return false;
	}
	return true;
}

static bool
is_value(const char *value)
{
	for (const char *p = value; *p; p++) {
		if ((uint8_t)*p < ' ' || *p == 0x7f)
			return false;
	}
	return true;
}

static bool
is_request(const struct http_request *q)
{
	if (!is_method(q->method) || !is_target(q->target))
		return false;
	for (size_t i = 0; i < q->header_count; i++) {
		const struct http_header *h = &q->headers[i];

		if (!http_is_token(h->name, strlen(h->name)) || !is_value(h->value))
			return false;
	}
	return true;
}

static void
write_request(struct buf *out, const struct http_request *q)
{
	buf_printf(out, "%s %s HTTP/1.1\r\nHost: localhost\r\n", q->method, q->target);
	for (size_t i = 0; i < q->header_count; i++) {
		buf_put_text(out, q->headers[i].name);
		buf_put_text(out, ": ");
		buf_put_text(out, q->headers[i].value);
		buf_put_text(out, "\r\n");
	}
	if (q->body_len || strcmp(q->method, "GET") != 0)
		buf_printf(out, "Content-Length: %zu\r\n", q->body_len);
	buf_put_text(out, "\r\n");
	if (q->body_len)
		buf_put(out, q->body, q->body_len);
}

/* Did the other side end an idle connection, or say what nobody asked for? */
static bool
is_stale(const struct http_client *c)
{
	char byte;
	ssize_t n = recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);

	return n >= 0 || (errno != EAGAIN && errno != EINTR);
}

enum kerr
http_client_request(struct http_client *c, const struct http_request *request)
{
	enum kerr err;

	if (c->busy)
		return KERR_CONFLICT;
	if (!is_request(request))
		return KERR_INVALID;
	if (c->fd >= 0 && is_stale(c))
		http_client_close(c);
	if (c->fd < 0)
		return KERR_CLOSED;
	http_response_reset(&c->response);
	buf_clear(&c->out);
	write_request(&c->out, request);
	err = buf_error(&c->out);
	if (err != KERR_OK) {
		buf_clear(&c->out);
		return err;
	}
	c->sent = 0;
	c->busy = true;
	return KERR_OK;
}

/* KERR_OK: all is sent, or the other side takes no more; it may have answered even so. */
static enum kerr
send_some(struct http_client *c)
{
	while (c->sent < c->out.len) {
		ssize_t n = send(c->fd, c->out.data + c->sent, c->out.len - c->sent,
			MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n >= 0) {
			c->sent += (size_t)n;
			continue;
		}
		if (errno == EINTR)
			continue;
		if (errno == EAGAIN)
			return KERR_BUSY;
		if (errno != EPIPE && errno != ECONNRESET)
			return KERR_IO;
		c->response.close = true;
		break;
	}
	c->sent = 0;
	buf_clear(&c->out);
	return KERR_OK;
}

/* KERR_BUSY when nothing is there at the moment. */
static enum kerr
receive_some(struct http_client *c)
{
	for (;;) {
		struct buf *in = &c->response.in;
		uint8_t *room = buf_reserve(in, READ_SIZE);
		enum kerr err;
		ssize_t n;

		if (!room)
			return buf_error(in);
		n = recv(c->fd, room, READ_SIZE, MSG_DONTWAIT);
		if (n == 0)
			return KERR_CLOSED;
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return KERR_BUSY;
		if (n < 0)
			return errno == ECONNRESET ? KERR_CLOSED : KERR_IO;
		buf_added(in, (size_t)n);
		err = http_response_feed(&c->response);
		if (err != KERR_BUSY)
			return err;
	}
}

enum kerr
http_client_step(struct http_client *c)
{
	enum kerr err;

	if (!c->busy)
		return http_client_status(c) ? KERR_OK : KERR_CLOSED;
	err = send_some(c);
	if (err == KERR_OK || err == KERR_BUSY)
		err = receive_some(c);
	if (err == KERR_BUSY)
		return err;
	/* An answer that came before the whole request was taken leaves nothing that
	 * could be used again. */
	if (err != KERR_OK || c->response.close || c->out.len)
		http_client_close(c);
	if (err != KERR_OK)
		http_response_reset(&c->response);
	c->busy = false;
	return err;
}

int
http_client_fd(const struct http_client *c)
{
	return c->fd;
}

unsigned
http_client_wants(const struct http_client *c)
{
	if (!c->busy)
		return 0;
	return HTTP_WANT_READ | (c->sent < c->out.len ? HTTP_WANT_WRITE : 0U);
}

unsigned
http_client_status(const struct http_client *c)
{
	return c->response.state == HTTP_RESPONSE_DONE ? c->response.status : 0;
}

const char *
http_client_header(const struct http_client *c, const char *name)
{
	return http_response_header(&c->response, name);
}

const uint8_t *
http_client_body(const struct http_client *c, size_t *ret_len)
{
	*ret_len = c->response.body.len;
	return c->response.body.data;
}

/* Milliseconds to go; 0 when it is over. */
static int
left_ms(uint64_t end_us)
{
	uint64_t now = clock_monotonic_us();

	return now >= end_us ? 0 : (int)((end_us - now + 999) / 1000);
}

static uint64_t
end_of(int timeout_ms)
{
	return clock_monotonic_us() + (uint64_t)(timeout_ms > 0 ? timeout_ms : 0) * 1000;
}

enum kerr
http_client_connect_wait(struct http_client *c, const char *path, int timeout_ms)
{
	uint64_t end = end_of(timeout_ms);
	enum kerr err;

	/* A full queue of a Unix socket has no event to wait for. */
	while ((err = http_client_connect(c, path)) == KERR_BUSY) {
		if (!left_ms(end))
			return KERR_TIMEOUT;
		poll(NULL, 0, RETRY_CONNECT_MS);
	}
	return err;
}

enum kerr
http_client_wait(struct http_client *c, int timeout_ms)
{
	uint64_t end = end_of(timeout_ms);
	enum kerr err;

	while ((err = http_client_step(c)) == KERR_BUSY) {
		struct pollfd p = {.fd = c->fd, .events = POLLIN};
		int left = left_ms(end);

		if (!left)
			return KERR_TIMEOUT;
		if (http_client_wants(c) & HTTP_WANT_WRITE)
			p.events |= POLLOUT;
		if (poll(&p, 1, left) < 0 && errno != EINTR)
			return KERR_IO;
	}
	return err;
}

enum kerr
http_client_call(
	struct http_client *c, const struct http_request *request, int timeout_ms)
{
	enum kerr err = http_client_request(c, request);

	return err == KERR_OK ? http_client_wait(c, timeout_ms) : err;
}
