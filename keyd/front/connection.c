#include "keyd/front/connection.h"

#include <errno.h>
#include <malloc.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/arena.h"
#include "keyd/front/dispatch.h"
#include "keyd/front/exchange.h"
#include "keyd/front/proxy.h"
#include "keyd/front/reply.h"
#include "keyd/front/sources.h"
#include "keyd/front/upload.h"

#define TLS_RECORD_HEAD 5
#define TLS_HANDSHAKE   22 /* content type, RFC 8446 section 5.1 */
/* A hello that is longer is read as it comes. */
#define TLS_HELLO_MAX 4096
/* Requests of one connection handled before the loop turns to the others. */
#define STEPS_MAX 32
/* All connections are looked at in so many sweeps. */
#define SWEEP_PARTS 8
/* Record buffers of OpenSSL are kept no longer than that. */
#define BUFFERS_MS 250
/* They leave holes of 34 KiB between what their neighbours keep; the system gets those back when so many have gone,
 * or after so long. */
#define TRIM_SESSIONS 256
#define TRIM_MS       1000
/* Of a request that was refused before its end, so much and so long is still read, since
 * a socket that is closed with bytes in it takes the answer away from the caller. */
#define LINGER_MS    2000
#define LINGER_BYTES (1U << 20)

enum connection_state {
	CONNECTION_PROXY,     /* waits for the PROXY header of a trusted proxy */
	CONNECTION_HELLO,     /* waits for the whole first record of TLS */
	CONNECTION_HANDSHAKE, /* of TLS */
	CONNECTION_REQUEST,   /* waits for a request or reads it */
	CONNECTION_ANSWER,    /* waits for the keeper */
	CONNECTION_REPLY,     /* writes */
	CONNECTION_LINGER,    /* has answered and shut, reads to the caller's end */
	CONNECTION_ENDED,
};

enum next { NEXT_STEP, NEXT_READ, NEXT_WRITE, NEXT_WAIT, NEXT_END };

struct connection {
	uv_poll_t poll;
	struct connections *table;
	struct exchange *ex; /* NULL while idle */
	struct ssl_st *ssl;  /* NULL: not yet, or plain */
	uint64_t deadline;   /* milliseconds of the loop; 0: none */
	uint64_t buffers_until;
	uint32_t slot;
	uint32_t serial; /* of the request in hand */
	int fd;
	enum connection_state state;
	enum door door;
	int armed;    /* events that the loop waits for */
	bool fresh;   /* bytes in ex->in have not been looked at */
	bool counted; /* among its address's */
	bool tls;
	int waited; /* bytes that the last event was to come with; 0: any */
	uint32_t lingered;
	uint8_t source[16];
};

struct slot {
	struct connection *c; /* NULL: free */
	uint32_t serial;      /* never starts again, so that an old asker is known as such */
	uint32_t next_free;
};

struct connections {
	struct front *front;
	uint32_t max;
	uint32_t count;
	uint32_t used; /* slots that were ever used */
	uint32_t first_free;
	uint32_t sweep_at;
	uint32_t dropped; /* sessions whose buffers went since the last trim */
	uint64_t trimmed; /* when that was */
	struct slot *slots;
};

static void on_event(uv_poll_t *poll, int status, int events);

struct connections *
connections_new(struct front *f, uint32_t max)
{
	struct connections *t = mem_new(1, sizeof(*t));

	if (!t)
		return NULL;
	t->front = f;
	t->max = max;
	t->first_free = UINT32_MAX;
	t->slots = mem_new(max, sizeof(*t->slots));
	if (!t->slots) {
		mem_free(t);
		return NULL;
	}
	return t;
}

void
connections_free(struct connections *t)
{
	if (!t)
		return;
	mem_free(t->slots);
	mem_free(t);
}

uint32_t
connections_count(const struct connections *t)
{
	return t->count;
}

static void
on_closed(uv_handle_t *handle)
{
	struct connection *c = handle->data;

	close(c->fd);
	mem_free(c);
}

static void
end(struct connection *c)
{
	struct connections *t = c->table;
	struct slot *slot = &t->slots[c->slot];

	if (c->state == CONNECTION_ENDED)
		return;
	c->state = CONNECTION_ENDED;
	if (c->ssl)
		tls_say_goodbye(c->ssl);
	tls_end(c->ssl);
	c->ssl = NULL;
	if (c->ex)
		exchange_release(c->ex);
	c->ex = NULL;
	if (c->counted)
		sources_remove(t->front->sources, c->source);
	slot->c = NULL;
	slot->next_free = t->first_free;
	t->first_free = c->slot;
	t->count--;
	uv_close((uv_handle_t *)&c->poll, on_closed);
	if (t->front->local && !t->count)
		front_stop(t->front);
}

void
connections_end(struct connections *t)
{
	for (uint32_t i = 0; i < t->used; i++) {
		if (t->slots[i].c)
			end(t->slots[i].c);
	}
}

static uint64_t
in_time(const struct connection *c, uint64_t ms)
{
	return ms ? front_now(c->table->front) + ms : 0;
}

static void
arm(struct connection *c, int events)
{
	/* Asking libuv for the same again would cost two system calls. */
	if (c->armed == events)
		return;
	c->armed = events;
	if (events)
		uv_poll_start(&c->poll, events, on_event);
	else
		uv_poll_stop(&c->poll);
}

static struct slot *
take_slot(struct connections *t, uint32_t *ret)
{
	if (t->count >= t->max)
		return NULL;
	if (t->first_free != UINT32_MAX) {
		*ret = t->first_free;
		t->first_free = t->slots[*ret].next_free;
	} else {
		*ret = t->used++;
	}
	t->count++;
	return &t->slots[*ret];
}

/* IPv4 as ::ffff:a.b.c.d; a Unix socket's peer is all zero. */
static void
read_source(int fd, uint8_t ret[16])
{
	struct sockaddr_storage address = {.ss_family = AF_UNSPEC};
	socklen_t len = sizeof(address);

	memset(ret, 0, 16);
	if (getpeername(fd, (struct sockaddr *)&address, &len) != 0)
		return;
	if (address.ss_family == AF_INET) {
		ret[10] = ret[11] = 0xff;
		memcpy(ret + 12, &((struct sockaddr_in *)&address)->sin_addr, 4);
	} else if (address.ss_family == AF_INET6) {
		memcpy(ret, &((struct sockaddr_in6 *)&address)->sin6_addr, 16);
	}
}

/* Counted once the caller's own address is known. */
static bool
admit(struct connection *c)
{
	struct front *f = c->table->front;

	if (c->door == DOOR_LOCAL || c->state == CONNECTION_PROXY)
		return true;
	c->counted =
		sources_add(f->sources, c->source, f->limits.connections_source);
	if (!c->counted)
		f->counters.turned_away++;
	return c->counted;
}

static void
begin_state(struct connection *c)
{
	struct front *f = c->table->front;

	if (c->door == DOOR_LOCAL) {
		c->state = CONNECTION_REQUEST;
		return;
	}
	c->deadline = in_time(c, f->limits.handshake_ms);
	if (proxy_sends_header(f->proxies, c->source))
		c->state = CONNECTION_PROXY;
	else
		c->state = c->tls ? CONNECTION_HELLO : CONNECTION_REQUEST;
}

void
connection_begin(struct connections *t, int fd, enum door door)
{
	struct connection *c = mem_new(1, sizeof(*c));
	uint32_t place = 0;
	struct slot *slot = c ? take_slot(t, &place) : NULL;
	int on = 1;

	if (!slot) {
		t->front->counters.turned_away++;
		mem_free(c);
		close(fd);
		return;
	}
	c->table = t;
	c->slot = place;
	c->serial = ++slot->serial;
	c->fd = fd;
	c->door = door;
	c->tls = door != DOOR_LOCAL && !t->front->plain;
	slot->c = c;
	/* Refused for a Unix socket, where there is nothing to delay. */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	read_source(fd, c->source);
	if (uv_poll_init(&t->front->loop, &c->poll, fd) != 0) {
		slot->c = NULL;
		slot->next_free = t->first_free;
		t->first_free = place;
		t->count--;
		close(fd);
		mem_free(c);
		return;
	}
	c->poll.data = c;
	begin_state(c);
	if (!admit(c))
		end(c);
	else
		arm(c, UV_READABLE);
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
	return admit(c) ? NEXT_STEP : NEXT_END;
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
		c->buffers_until = in_time(c, BUFFERS_MS);
		c->state = CONNECTION_REQUEST;
		c->deadline = in_time(c, f->limits.idle_ms);
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
	result = c->tls ? tls_read(c->ssl, room, size, &n)
			: read_plain(c, room, size, &n);
	switch (result) {
	case TLS_DONE:
		if (!c->ex->in.len && !c->ex->upload && c->door != DOOR_LOCAL)
			c->deadline = in_time(c, f->limits.request_ms);
		buf_added(&c->ex->in, n);
		if (c->tls)
			c->buffers_until = in_time(c, BUFFERS_MS);
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

/* RFC 9110 section 10.1.1. The few bytes fit into an empty socket; if not, the caller goes
 * on after waiting in vain. */
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
			      : in_time(c, c->table->front->limits.answer_ms);
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
	c->deadline = in_time(c, LINGER_MS);
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
	c->deadline = c->door == DOOR_LOCAL ? 0 : in_time(c, f->limits.idle_ms);
	if (ex->in.len) {
		exchange_renew(ex);
		ex->asker.serial = c->serial;
		c->deadline = c->door == DOOR_LOCAL
				      ? 0
				      : in_time(c, f->limits.request_ms);
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
			c->buffers_until = in_time(c, BUFFERS_MS);
		return NEXT_STEP;
	case TLS_WANT_READ:
		return NEXT_READ;
	case TLS_WANT_WRITE:
		/* Who does not read its answer has no longer for it than for a request. */
		if (c->door != DOOR_LOCAL && c->armed != UV_WRITABLE)
			c->deadline = in_time(c, f->limits.request_ms);
		return NEXT_WRITE;
	case TLS_CLOSED:
	case TLS_BROKEN:
		break;
	}
	return NEXT_END;
}

static enum next
step(struct connection *c)
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

static void
run(struct connection *c)
{
	for (unsigned i = 0; i < STEPS_MAX; i++) {
		switch (step(c)) {
		case NEXT_STEP:
			break;
		case NEXT_READ:
			arm(c, UV_READABLE);
			return;
		case NEXT_WRITE:
			arm(c, UV_WRITABLE);
			return;
		case NEXT_WAIT:
			return;
		case NEXT_END:
			end(c);
			return;
		}
	}
	/* Others' turn; a socket that can be written to brings us back in the next round. */
	arm(c, UV_READABLE | UV_WRITABLE);
}

static void
on_event(uv_poll_t *poll, int status, int events)
{
	struct connection *c = poll->data;

	(void)events;
	if (status < 0) {
		end(c);
		return;
	}
	/* The next request, or the end, before this one's answer: it has to wait. */
	if (c->state == CONNECTION_ANSWER)
		arm(c, 0);
	else
		run(c);
}

void
connection_answer(
	struct connections *t, struct keeper_asker asker, const struct message *m)
{
	struct connection *c = asker.slot < t->used ? t->slots[asker.slot].c : NULL;
	exchange_answered *answered;

	if (!c || c->serial != asker.serial || c->state != CONNECTION_ANSWER ||
		!c->ex->answered)
		return;
	answered = c->ex->answered;
	c->ex->answered = NULL;
	answered(c->ex, m);
	if (!c->ex->replied)
		return;
	c->state = CONNECTION_REPLY;
	run(c);
}

/* What a connection has its time for is over. */
static void
expire(struct connection *c)
{
	c->table->front->counters.timeouts++;
	if (c->state == CONNECTION_REQUEST && c->ex && c->ex->in.len) {
		c->ex->close = true;
		reply_refused(c->ex, 408, "the request did not arrive in time");
	} else if (c->state == CONNECTION_ANSWER) {
		c->ex->answered = NULL;
		reply_error(c->ex, KERR_TIMEOUT);
	} else {
		end(c);
		return;
	}
	c->state = CONNECTION_REPLY;
	c->deadline = in_time(c, c->table->front->limits.request_ms);
	run(c);
}

static void
trim(struct connections *t, uint64_t now)
{
	if (!t->dropped || now < t->trimmed + TRIM_MS ||
		(t->dropped < TRIM_SESSIONS && now < t->trimmed + 10 * TRIM_MS))
		return;
	malloc_trim(0);
	t->dropped = 0;
	t->trimmed = now;
}

void
connection_sweep(struct connections *t)
{
	uint32_t part = t->used / SWEEP_PARTS + 1;
	uint64_t now = front_now(t->front);

	if (t->sweep_at >= t->used)
		t->sweep_at = 0;
	for (uint32_t n = 0; n < part && t->sweep_at < t->used; n++) {
		struct connection *c = t->slots[t->sweep_at++].c;

		if (!c)
			continue;
		if (c->ssl && c->buffers_until && now >= c->buffers_until) {
			tls_drop_buffers(c->ssl);
			c->buffers_until = 0;
			t->dropped++;
		}
		if (c->deadline && now >= c->deadline)
			expire(c);
	}
	trim(t, now);
}

void
connection_stop(struct connections *t)
{
	for (uint32_t i = 0; i < t->used; i++) {
		struct connection *c = t->slots[i].c;

		if (c && (!c->ex || c->state < CONNECTION_REQUEST))
			end(c);
	}
}
