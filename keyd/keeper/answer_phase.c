#include "core/log.h"
#include "core/model/model.h"
#include "keyd/keeper/answer.h"

/* What every peer is told: the phase, and the keys that tokens are signed with. */

static void
tell(struct keeper *k, struct peer *p, uint16_t number, const struct record *r)
{
	struct message m = {.number = number, .fd = -1};
	struct buf b;

	buf_init(&b, 1u << 16);
	record_encode(r, &b);
	m.payload = b.data;
	m.length = (uint32_t)b.len;
	if (buf_error(&b) != KERR_OK || peer_put(p, &m) != KERR_OK)
		peer_end(p);
	buf_clear(&b);
	(void)k;
}

static int64_t
phase_word(enum phase_bit phase)
{
	switch (phase) {
	case PHASE_BIT_EMPTY:
		return PHASE_EMPTY;
	case PHASE_BIT_SEALED:
		return PHASE_SEALED;
	case PHASE_BIT_SERVING:
		return PHASE_SERVING;
	}
	return PHASE_SEALED;
}

void
answer_tell(struct keeper *k, struct peer *p)
{
	struct arena *a;
	struct record *r;

	if (p->kind != PEER_FRONT && p->kind != PEER_LOCAL_FRONT)
		return;
	a = arena_new(4096);
	r = a != NULL ? record_new(a, &phase_schema) : NULL;
	if (k->phase == PHASE_BIT_SERVING && k->keys != NULL)
		tell(k, p, MESSAGE_KEYS, k->keys);
	if (r != NULL) {
		record_set_int(r, PHASE_FIELD_PHASE, phase_word(k->phase));
		tell(k, p, MESSAGE_PHASE_IS, r);
	}
	arena_free(a);
	peer_flush(p);
}

void
answer_phase(struct keeper *k, enum phase_bit phase)
{
	struct peer *p, *next;

	if (k->phase != phase)
		log_write(LOG_INFO, "phase", "",
			LOG_TEXT("phase", phase_names[phase_word(phase)]));
	k->phase = phase;
	for (p = k->peers.first; p != NULL; p = next) {
		next = p->next;
		answer_tell(k, p);
	}
}
