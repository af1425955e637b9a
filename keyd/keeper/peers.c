#include "keyd/keeper/peers.h"

#include <string.h>
#include <unistd.h>

#include "core/arena.h"

/* A message that waits for room in the channel. */
struct pending {
	struct pending *next;
	struct message m;
	uint8_t *payload;
};

void
peers_init(struct peers *all, uv_loop_t *loop, peer_readable readable, peer_gone gone,
	void *data)
{
	*all = (struct peers){
		.loop = loop, .readable = readable, .gone = gone, .data = data};
}

static void
pending_free(struct pending *w)
{
	if (w->m.fd >= 0)
		close(w->m.fd);
	if (w->payload != NULL)
		explicit_bzero(w->payload, w->m.length);
	mem_free(w->payload);
	mem_free(w);
}

static void
on_closed(uv_handle_t *handle)
{
	struct peer *p = handle->data;
	struct pending *w;

	while ((w = p->pending) != NULL) {
		p->pending = w->next;
		pending_free(w);
	}
	frame_out_clear(&p->out);
	close(p->fd);
	mem_free(p);
}

void
peer_end(struct peer *p)
{
	struct peer **at;

	if (p->ended)
		return;
	p->ended = true;
	for (at = &p->all->first; *at != NULL && *at != p; at = &(*at)->next)
		;
	if (*at == p)
		*at = p->next;
	p->all->count--;
	p->all->gone(p);
	uv_poll_stop(&p->poll);
	uv_close((uv_handle_t *)&p->poll, on_closed);
}

static void
on_event(uv_poll_t *poll, int status, int events)
{
	struct peer *p = poll->data;

	if (status < 0) {
		peer_end(p);
		return;
	}
	if ((events & UV_WRITABLE) != 0 && !p->ended)
		peer_flush(p);
	if ((events & (UV_READABLE | UV_DISCONNECT)) != 0 && !p->ended)
		p->all->readable(p);
}

static void
poll_for(struct peer *p, int events)
{
	if (!p->ended && uv_poll_start(&p->poll, events, on_event) != 0)
		peer_end(p);
}

enum kerr
peers_add(struct peers *all, uint32_t number, enum peer_kind kind, int fd,
	struct peer **ret)
{
	struct peer *p = mem_new(1, sizeof(*p));

	if (p == NULL) {
		close(fd);
		return KERR_NOMEM;
	}
	p->number = number;
	p->kind = kind;
	p->fd = fd;
	p->uid = -1;
	p->all = all;
	frame_out_init(&p->out);
	if (uv_poll_init(all->loop, &p->poll, fd) != 0) {
		close(fd);
		mem_free(p);
		return KERR_IO;
	}
	p->poll.data = p;
	p->next = all->first;
	all->first = p;
	all->count++;
	poll_for(p, UV_READABLE | UV_DISCONNECT);
	*ret = p;
	return p->ended ? KERR_IO : KERR_OK;
}

struct peer *
peers_find(struct peers *all, uint32_t number)
{
	struct peer *p;

	for (p = all->first; p != NULL && p->number != number; p = p->next)
		;
	return p;
}

struct peer *
peers_waiting(struct peers *all)
{
	struct peer *p;

	for (p = all->first; p != NULL; p = p->next)
		if (p->kind == PEER_LOCAL_FRONT && !p->taken)
			return p;
	return NULL;
}

size_t
peers_of(const struct peers *all, enum peer_kind kind)
{
	const struct peer *p;
	size_t n = 0;

	for (p = all->first; p != NULL; p = p->next)
		n += p->kind == kind;
	return n;
}

static enum kerr
wait_put(struct peer *p, const struct message *m)
{
	struct pending *w = mem_new(1, sizeof(*w));

	if (w == NULL)
		return KERR_NOMEM;
	w->m = *m;
	w->m.fd = -1;
	w->m.payload = NULL;
	if (m->length > 0) {
		w->payload = mem_new(m->length, 1);
		if (w->payload == NULL) {
			mem_free(w);
			return KERR_NOMEM;
		}
		memcpy(w->payload, m->payload, m->length);
		w->m.payload = w->payload;
	}
	w->m.fd = m->fd;
	if (p->pending_last != NULL)
		p->pending_last->next = w;
	else
		p->pending = w;
	p->pending_last = w;
	return KERR_OK;
}

static enum kerr
put_now(struct peer *p, const struct message *m)
{
	if (m->length > FRAME_MAX - FRAME_HEADER - 4)
		return p->out.count > 0 ? KERR_TOO_LARGE : frame_put_large(&p->out, m);
	return frame_put(&p->out, m);
}

enum kerr
peer_put(struct peer *p, const struct message *m)
{
	enum kerr err = KERR_TOO_LARGE;

	if (p->ended) {
		if (m->fd >= 0)
			close(m->fd);
		return KERR_CLOSED;
	}
	if (p->pending == NULL) {
		err = put_now(p, m);
		if (err == KERR_TOO_LARGE && p->out.count > 0) {
			peer_flush(p);
			if (p->ended)
				return KERR_CLOSED;
			if (p->out.count == 0)
				err = put_now(p, m);
		}
	}
	if (err == KERR_TOO_LARGE)
		err = wait_put(p, m);
	return err;
}

void
peer_flush(struct peer *p)
{
	enum kerr err = KERR_OK;
	struct pending *w;

	while (!p->ended && (p->out.count > 0 || p->pending != NULL)) {
		while ((w = p->pending) != NULL && put_now(p, &w->m) == KERR_OK) {
			w->m.fd = -1;
			p->pending = w->next;
			if (p->pending == NULL)
				p->pending_last = NULL;
			pending_free(w);
		}
		err = frame_send(p->fd, &p->out);
		if (err != KERR_OK)
			break;
	}
	if (p->ended)
		return;
	if (err != KERR_OK && err != KERR_BUSY) {
		peer_end(p);
	} else if (p->full != (err == KERR_BUSY)) {
		p->full = err == KERR_BUSY;
		poll_for(p, UV_READABLE | UV_DISCONNECT | (p->full ? UV_WRITABLE : 0));
	}
}
