#include "keyd/front/connection_steps.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "keyd/front/dispatch.h"
#include "keyd/front/proxy.h"
#include "keyd/front/reply.h"
#include "keyd/front/sources.h"

#define TLS_RECORD_HEAD 5
#define TLS_HANDSHAKE   22 /* content type, RFC 8446 section 5.1 */
/* A hello that is longer is read as it comes. */
#define TLS_HELLO_MAX   4096
/* Of a request that was refused before its end, so much and so long is still read, since
 * a socket that is closed with bytes in it takes the answer away from the caller. */
#define LINGER_MS       2000
#define LINGER_BYTES    (1U << 20)

uint64_t
connection_in_time(const struct connection *c, uint64_t ms)
{
	return ms ? front_now(c->table->front) + ms : 0;
}

/* Counted once the caller's own address is known. */
bool
connection_admit(struct connection *c)
{
	struct front *f = c->table->front;

	if (c->door == DOOR_LOCAL || c->state == CONNECTION_PROXY)
		return true;
	c->counted = sources_add(f->sources, c->source, f->limits.connections_source);
	if (!c->counted)
		f->counters.turned_away++;
	return c->counted;
}

/* Waits, without an event for each byte, until so many bytes are there. An event with
 * fewer then means that no more will come. */
static void
wait_for(struct connection *c, int bytes)
{
	c->waited = bytes > 1 ? bytes : 0;
	(void)setsockopt(c->fd, SOL_SOCKET, SO_RCVLOWAT, &bytes, sizeof(bytes));
}

static enum next
step_proxy(struct connection *c)
{
	size_t want = 0;
	enum kerr err = proxy_read_header(c->fd, c->source, &want);

	if (err == KERR_BUSY && want != (size_t)c->waited) {
		wait_for(c, (int)want);
		return NEXT_READ;
	}
	if (err != KERR_OK)
		return NEXT_END;
	wait_for(c, 1);
	c->state = c->tls ? CONNECTION_HELLO : CONNECTION_REQUEST;
	return connection_admit(c) ? NEXT_STEP : NEXT_END;
}

/* OpenSSL would hold 25 KiB for a caller that sends its hello byte by byte, so the record
 * stays in the socket until it is whole. */
static enum next
step_hello(struct connection *c)
{
	struct front *f = c->table->front;
	uint8_t head[TLS_RECORD_HEAD];
	ssize_t n = recv(c->fd, head, sizeof(head), MSG_PEEK | MSG_DONTWAIT);
	int whole;

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? NEXT_READ : NEXT_END;
	if (n == 0 || head[0] != TLS_HANDSHAKE)
		return NEXT_END;
	if (n < TLS_RECORD_HEAD) {
		if (c->waited)
			return NEXT_END;
		wait_for(c, TLS_RECORD_HEAD);
		return NEXT_READ;
	}
	whole = TLS_RECORD_HEAD + (head[3] << 8 | head[4]);
	if (c->waited != whole && whole <= TLS_HELLO_MAX) {
		wait_for(c, whole);
		return NEXT_READ;
	}
	wait_for(c, 1);
	c->ssl = tls_session(f->tls, c->fd);
	c->state = CONNECTION_HANDSHAKE;
	return c->ssl ? NEXT_STEP : NEXT_END;
}

static enum next
step_handshake(struct connection *c)
{
	struct front *f = c->table->front;

	switch (tls_handshake(c->ssl)) {
	case TLS_DONE:
		f->counters.handshakes++;
		c->buffers_until = connection_in_time(c, CONNECTION_BUFFERS_MS);
		c->state = CONNECTION_REQUEST;
		c->deadline = connection_in_time(c, f->limits.idle_ms);
		return NEXT_STEP;
	case TLS_WANT_READ:
		return NEXT_READ;
	case TLS_WANT_WRITE:
		return NEXT_WRITE;
	case TLS_CLOSED:
	case TLS_BROKEN:
		break;
	}
	f->counters.handshakes_failed++;
	return NEXT_END;
}

static enum tls_result
read_plain(const struct connection *c, void *bytes, size_t size, size_t *ret)
{
	ssize_t n;

	do {
		n = recv(c->fd, bytes, size, MSG_DONTWAIT);
	} while (n < 0 && errno == EINTR);
	if (n > 0) {
		*ret = (size_t)n;
		return TLS_DONE;
	}
	return n < 0 && errno == EAGAIN ? TLS_WANT_READ : TLS_CLOSED;
}

static enum tls_result
write_plain(const struct connection *c, const void *bytes, size_t len, size_t *ret)
{
	ssize_t n;

	do {
		n = send(c->fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	if (n > 0) {
		*ret = (size_t)n;
		return TLS_DONE;
	}
	return n < 0 && errno == EAGAIN ? TLS_WANT_WRITE : TLS_CLOSED;
}

/* The caller's address is known, the request's first byte is here. */
static bool
begin_request(struct connection *c)
{
	struct front *f = c->table->front;

	c->ex = exchange_take(f);
	if (!c->ex)
		return false;
	c->ex->door = c->door;
	memcpy(c->ex->source, c->source, sizeof(c->source));
	c->ex->asker = (struct keeper_asker){.slot = c->slot, .serial = c->serial};
	return true;
}

static enum next
step_read(struct connection *c)
{
	struct front *f = c->table->front;
	enum tls_result result;
	size_t size, n = 0;
	uint8_t *room;

	if (!c->ex && !begin_request(c))
		return NEXT_END;
	size = exchange_read_size(c->ex);
	room = buf_reserve(&c->ex->in, size);
	if (!room)
		return NEXT_END;
	result =
		c->tls ? tls_read(c->ssl, room, size, &n) : read_plain(c, room, size, &n);
	switch (result) {
	case TLS_DONE:
		if (!c->ex->in.len && !c->ex->upload && c->door != DOOR_LOCAL)
			c->deadline = connection_in_time(c, f->limits.request_ms);
		buf_added(&c->ex->in, n);
		if (c->tls)
			c->buffers_until = connection_in_time(c, CONNECTION_BUFFERS_MS);
		c->fresh = true;
		return NEXT_STEP;
	case TLS_WANT_READ:
		if (!c->ex->in.len && !c->ex->upload) {
			exchange_release(c->ex);
			c->ex = NULL;
		}
		return NEXT_READ;
	case TLS_WANT_WRITE:
		return NEXT_WRITE;
	case TLS_CLOSED:
	case TLS_BROKEN:
		break;
	}
	return NEXT_END;
}

/* RFC 9110 section 10.1.1. The few bytes fit into an empty socket; if not, the caller
 * goes on after waiting in vain. */
static void
say_continue(struct connection *c)
{
	static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
	size_t n;

	if (c->tls)
		(void)tls_write(c->ssl, text, sizeof(text) - 1, &n);
	else
		(void)write_plain(c, text, sizeof(text) - 1, &n);
}

static enum next
step_request(struct connection *c)
{
	if (!c->fresh)
		return step_read(c);
	c->fresh = false;
	switch (dispatch(c->ex)) {
	case DISPATCH_MORE:
		return NEXT_STEP;
	case DISPATCH_CONTINUE:
		say_continue(c);
		return NEXT_STEP;
	case DISPATCH_DONE:
		break;
	}
	if (c->ex->replied) {
		c->state = CONNECTION_REPLY;
		return NEXT_STEP;
	}
	c->state = CONNECTION_ANSWER;
	c->deadline = c->door == DOOR_LOCAL
			      ? 0
			      : connection_in_time(c, c->table->front->limits.answer_ms);
	return NEXT_WAIT;
}

static enum next
begin_linger(struct connection *c)
{
	if (c->ssl)
		tls_say_goodbye(c->ssl);
	shutdown(c->fd, SHUT_WR);
	exchange_release(c->ex);
	c->ex = NULL;
	c->state = CONNECTION_LINGER;
	c->deadline = connection_in_time(c, LINGER_MS);
	return NEXT_STEP;
}

static enum next
step_linger(struct connection *c)
{
	uint8_t waste[CONNECTION_READ];
	ssize_t n = recv(c->fd, waste, sizeof(waste), MSG_DONTWAIT);

	if (n < 0 && errno == EAGAIN)
		return NEXT_READ;
	if (n <= 0 || (c->lingered += (uint32_t)n) > LINGER_BYTES)
		return NEXT_END;
	return NEXT_STEP;
}

static enum next
after_reply(struct connection *c)
{
	struct front *f = c->table->front;
	struct exchange *ex = c->ex;

	dispatch_finished(ex);
	if (ex->unread)
		return begin_linger(c);
	if (ex->close || f->stopping)
		return NEXT_END;
	buf_consume(&ex->in, http_in_used(&ex->http));
	c->serial = ++f->table->slots[c->slot].serial;
	c->state = CONNECTION_REQUEST;
	c->deadline =
		c->door == DOOR_LOCAL ? 0 : connection_in_time(c, f->limits.idle_ms);
	if (ex->in.len) {
		exchange_renew(ex);
		ex->asker.serial = c->serial;
		c->deadline = c->door == DOOR_LOCAL
				      ? 0
				      : connection_in_time(c, f->limits.request_ms);
		c->fresh = true;
		return NEXT_STEP;
	}
	exchange_release(ex);
	c->ex = NULL;
	return c->tls && tls_has_more(c->ssl) ? NEXT_STEP : NEXT_READ;
}

/* The next bytes of the answer: what is in memory, then what is mapped. */
static const uint8_t *
unsent(const struct exchange *ex, size_t *ret_len)
{
	size_t in_tail;

	if (ex->out_at < ex->out.len) {
		*ret_len = ex->out.len - ex->out_at;
		return ex->out.data + ex->out_at;
	}
	in_tail = ex->out_at - ex->out.len;
	*ret_len = ex->tail_len - in_tail;
	return *ret_len ? ex->tail + in_tail : NULL;
}

static enum next
step_reply(struct connection *c)
{
	struct front *f = c->table->front;
	enum tls_result result;
	size_t len, n = 0;
	const uint8_t *bytes = unsent(c->ex, &len);

	if (!len)
		return after_reply(c);
	result = c->tls ? tls_write(c->ssl, bytes, len, &n)
			: write_plain(c, bytes, len, &n);
	switch (result) {
	case TLS_DONE:
		c->ex->out_at += n;
		if (c->tls)
			c->buffers_until = connection_in_time(c, CONNECTION_BUFFERS_MS);
		return NEXT_STEP;
	case TLS_WANT_READ:
		return NEXT_READ;
	case TLS_WANT_WRITE:
		/* Who does not read its answer has no longer for it than for a request.
		 */
		if (c->door != DOOR_LOCAL && c->armed != UV_WRITABLE)
			c->deadline = connection_in_time(c, f->limits.request_ms);
		return NEXT_WRITE;
	case TLS_CLOSED:
	case TLS_BROKEN:
		break;
	}
	return NEXT_END;
}

enum next
connection_step(struct connection *c)
{
	switch (c->state) {
	case CONNECTION_PROXY:
		return step_proxy(c);
	case CONNECTION_HELLO:
		return step_hello(c);
	case CONNECTION_HANDSHAKE:
		return step_handshake(c);
	case CONNECTION_REQUEST:
		return step_request(c);
	case CONNECTION_ANSWER:
		return NEXT_WAIT;
	case CONNECTION_REPLY:
		return step_reply(c);
	case CONNECTION_LINGER:
		return step_linger(c);
	case CONNECTION_ENDED:
		break;
	}
	return NEXT_END;
}
