#include "keyd/front/keeper.h"

#include <string.h>
#include <unistd.h>

#include "core/arena.h"

#define SLOT_BITS     13
#define SLOT_MASK     ((1U << SLOT_BITS) - 1)
#define SERIAL_MASK   ((1U << (32 - SLOT_BITS)) - 1)
#define ANSWER_MAX    ((size_t)1 << 30) /* of what comes in a memfd */
/* Frames handled before the loop gets its turn again. */
#define FRAMES_A_STEP 64

_Static_assert(KEEPER_QUESTIONS_MAX == 1 << SLOT_BITS, "a slot is part of the id");

struct question {
	uint32_t id; /* 0: free */
	uint32_t serial;
	struct keeper_asker asker;
	uint16_t next_free;
	uint16_t number;
	uint8_t frame;
};

struct keeper {
	struct keeper_events events;
	int fd;
	unsigned open_frames;
	unsigned open_questions;
	uint8_t frame; /* place of the frame that is being filled */
	uint16_t first_free;
	uint16_t in_frame[KEEPER_FRAMES_MAX]; /* open questions of each frame */
	struct question questions[KEEPER_QUESTIONS_MAX];
	struct frame_out out;
	struct frame_in in;
};

struct keeper *
keeper_new(const struct keeper_events *events)
{
	struct keeper *k = mem_new(1, sizeof(*k));

	if (!k)
		return NULL;
	k->events = *events;
	k->fd = -1;
	for (uint32_t i = 0; i < KEEPER_QUESTIONS_MAX; i++)
		k->questions[i].next_free = (uint16_t)(i + 1);
	frame_out_init(&k->out);
	frame_in_init(&k->in);
	return k;
}

void
keeper_free(struct keeper *k)
{
	if (!k)
		return;
	frame_out_clear(&k->out);
	frame_in_clear(&k->in);
	if (k->fd >= 0)
		close(k->fd);
	mem_free(k);
}

/* Takes the question out of the table and tells whose it was. */
static struct keeper_asker
end_question(struct keeper *k, struct question *q)
{
	q->id = 0;
	q->next_free = k->first_free;
	k->first_free = (uint16_t)(q - k->questions);
	k->open_questions--;
	if (--k->in_frame[q->frame] == 0)
		k->open_frames--;
	return q->asker;
}

/* No answer can come any more. */
static void
lose(struct keeper *k)
{
	struct message m = {.status = KERR_CLOSED, .fd = -1};

	if (k->fd >= 0) {
		k->events.gone(k->events.context);
		close(k->fd);
	}
	k->fd = -1;
	frame_out_clear(&k->out);
	for (unsigned i = 0; i < KEEPER_QUESTIONS_MAX && k->open_questions; i++) {
		struct question *q = &k->questions[i];

		if (!q->id)
			continue;
		m.id = q->id;
		m.number = q->number;
		k->events.answered(k->events.context, end_question(k, q), &m);
	}
}

void
keeper_attach(struct keeper *k, int fd)
{
	lose(k);
	frame_in_clear(&k->in);
	k->fd = fd;
}

int
keeper_fd(const struct keeper *k)
{
	return k->fd;
}

bool
keeper_wants_write(const struct keeper *k)
{
	return k->fd >= 0 && k->out.count > 0;
}

void
keeper_flush(struct keeper *k)
{
	enum kerr err;

	if (k->fd < 0 || !k->out.count)
		return;
	err = frame_send(k->fd, &k->out);
	if (err != KERR_OK && err != KERR_BUSY && err != KERR_NOMEM)
		lose(k);
}

/* A place for a new frame; KERR_BUSY when as many as may be are open. */
static enum kerr
begin_frame(struct keeper *k)
{
	if (k->open_frames == KEEPER_FRAMES_MAX)
		return KERR_BUSY;
	for (uint8_t i = 0; i < KEEPER_FRAMES_MAX; i++) {
		if (!k->in_frame[i]) {
			k->frame = i;
			return KERR_OK;
		}
	}
	return KERR_BUSY;
}

static struct question *
begin_question(struct keeper *k, uint16_t number, struct keeper_asker asker)
{
	struct question *q;

	if (k->first_free >= KEEPER_QUESTIONS_MAX)
		return NULL;
	q = &k->questions[k->first_free];
	k->first_free = q->next_free;
	q->serial = (q->serial + 1) & SERIAL_MASK;
	if (!q->serial)
		q->serial = 1;
	q->id = q->serial << SLOT_BITS | (uint32_t)(q - k->questions);
	q->asker = asker;
	q->number = number;
	q->frame = k->frame;
	if (k->in_frame[k->frame]++ == 0)
		k->open_frames++;
	k->open_questions++;
	return q;
}

/* Makes sure that a message of that payload fits into the frame that is being filled. */
static enum kerr
make_room(struct keeper *k, size_t len)
{
	if (k->fd < 0)
		return KERR_CLOSED;
	if (len > FRAME_MAX - FRAME_HEADER)
		return KERR_TOO_LARGE;
	if (k->out.count && FRAME_HEADER + len > FRAME_MAX - k->out.len) {
		keeper_flush(k);
		if (k->fd < 0)
			return KERR_CLOSED;
		if (k->out.count)
			return KERR_BUSY;
	}
	return k->out.count ? KERR_OK : begin_frame(k);
}

enum kerr
keeper_ask(struct keeper *k, uint16_t number, const void *payload, size_t len,
	struct keeper_asker asker, uint32_t *ret_id)
{
	struct message m = {.number = number,
		.length = (uint32_t)len,
		.payload = len ? payload : NULL,
		.fd = -1};
	enum kerr err = make_room(k, len);
	struct question *q;

	if (err != KERR_OK)
		return err;
	q = begin_question(k, number, asker);
	if (!q)
		return KERR_BUSY;
	m.id = q->id;
	err = frame_put(&k->out, &m);
	if (err != KERR_OK) {
		end_question(k, q);
		return err;
	}
	if (ret_id)
		*ret_id = q->id;
	return KERR_OK;
}

enum kerr
keeper_ask_memfd(struct keeper *k, uint16_t number, int memfd, size_t len,
	struct keeper_asker asker)
{
	struct message m = {.number = number, .length = (uint32_t)len, .fd = memfd};
	struct question *q;
	enum kerr err;

	keeper_flush(k);
	if (k->fd < 0)
		return KERR_CLOSED;
	if (k->out.count)
		return KERR_BUSY;
	err = begin_frame(k);
	if (err != KERR_OK)
		return err;
	q = begin_question(k, number, asker);
	if (!q)
		return KERR_BUSY;
	m.id = q->id;
	err = frame_put_memfd(&k->out, &m);
	if (err != KERR_OK) {
		end_question(k, q);
		return err;
	}
	return KERR_OK;
}

static enum kerr
handle(struct keeper *k, const struct message *m)
{
	struct question *q = &k->questions[m->id & SLOT_MASK];

	if (!(m->flags & FRAME_ANSWER)) {
		k->events.told(k->events.context, m);
		return KERR_OK;
	}
	if (m->fd >= 0)
		close(m->fd);
	if (!m->id || q->id != m->id || q->number != m->number || m->fd >= 0)
		return KERR_PROTOCOL;
	k->events.answered(k->events.context, end_question(k, q), m);
	return KERR_OK;
}

static enum kerr
step(struct keeper *k)
{
	int fd = k->fd;
	enum kerr err = frame_recv(fd, &k->in);

	while (err == KERR_OK) {
		struct message m;

		err = frame_next(&k->in, ANSWER_MAX, &m);
		if (err == KERR_NOTFOUND) {
			/* Secrets and tokens were in it. */
			frame_in_clear(&k->in);
			return KERR_OK;
		}
		if (err == KERR_OK)
			err = handle(k, &m);
		/* An event may have given up this channel, or taken another. */
		if (k->fd != fd)
			return KERR_BUSY;
	}
	return err;
}

void
keeper_step(struct keeper *k)
{
	enum kerr err = KERR_OK;

	if (keeper_wants_write(k))
		keeper_flush(k);
	for (unsigned i = 0; i < FRAMES_A_STEP && k->fd >= 0 && err == KERR_OK; i++)
		err = step(k);
	if (err != KERR_OK && err != KERR_BUSY)
		lose(k);
}

void *
keeper_take_map(struct keeper *k, size_t *ret_len)
{
	void *map = k->in.map;

	*ret_len = k->in.map_len;
	k->in.map = NULL;
	k->in.map_len = 0;
	return map;
}

unsigned
keeper_open_frames(const struct keeper *k)
{
	return k->open_frames;
}

unsigned
keeper_open_questions(const struct keeper *k)
{
	return k->open_questions;
}
