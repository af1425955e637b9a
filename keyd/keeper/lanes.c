#include "keyd/keeper/lanes.h"

#include "core/clock.h"
#include "core/log.h"
#include "core/model/model.h"
#include "keyd/keeper/answer.h"
#include "keyd/keeper/rates.h"
#include "keyd/keeper/usage.h"

/* What comes back from the lanes beside an answer, and what the answering thread gives
 * them by itself. */

void
lanes_arrived(struct keeper *k, struct job *j)
{
	struct service_result *s = j->service;

	if (s->accepted)
		k->restricted = false;
	if (s->index != NULL) {
		index_free(k->index);
		k->index = s->index;
		k->restricted = s->restricted;
		k->tokens_since = s->tokens_since;
	}
	buf_clear(&s->slot);
	if (s->keys != NULL) {
		arena_free(k->keys_arena);
		k->keys_arena = s->keys_arena;
		k->keys = s->keys;
	}
	if (s->phase != k->phase || s->keys != NULL)
		answer_phase(k, s->phase);
}

/* A job of the keeper's own: nobody waits for its answer. */
static void
own_job(struct keeper *k, uint16_t number, struct job *j)
{
	j->row = gate_find(number);
	if (queue_put(&k->write, j, false) != KERR_OK)
		job_free(j);
}

static void
flush_usage(struct keeper *k)
{
	struct job *j = job_new(4u << 20);

	if (j == NULL)
		return;
	usage_take(k->usage, j->arena, &j->usage, &j->usage_count);
	if (j->usage_count > 0)
		own_job(k, MESSAGE_USAGE, j);
	else
		job_free(j);
}

void
lanes_second(struct keeper *k)
{
	if (k->phase != PHASE_BIT_SERVING)
		return;
	if (clock_monotonic_us() - k->flushed_us < 60u * 1000000u)
		return;
	k->flushed_us = clock_monotonic_us();
	if (k->usage != NULL)
		flush_usage(k);
}
