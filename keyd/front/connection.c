#include "keyd/front/connection.h"

#include <errno.h>
#include <malloc.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/arena.h"
#include "keyd/front/connection_steps.h"
#include "keyd/front/proxy.h"
#include "keyd/front/reply.h"
#include "keyd/front/sources.h"

/* Requests of one connection handled before the loop turns to the others. */
#define STEPS_MAX     32
/* All connections are looked at in so many sweeps. */
#define SWEEP_PARTS   8
/* Record buffers that were given back leave holes of 34 KiB between what their neighbours
 * keep; the system gets those back when so many have gone, or after so long. */
#define TRIM_SESSIONS 256
#define TRIM_MS       1000

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

static void
begin_state(struct connection *c)
{
	struct front *f = c->table->front;

	if (c->door == DOOR_LOCAL) {
		c->state = CONNECTION_REQUEST;
		return;
	}
	c->deadline = connection_in_time(c, f->limits.handshake_ms);
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
	if (!connection_admit(c))
		end(c);
	else
		arm(c, UV_READABLE);
}

static void
run(struct connection *c)
{
	for (unsigned i = 0; i < STEPS_MAX; i++) {
		switch (connection_step(c)) {
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
	/* Others' turn; a socket that can be written to brings us back in the next
	 * round. */
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
	c->deadline = connection_in_time(c, c->table->front->limits.request_ms);
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
