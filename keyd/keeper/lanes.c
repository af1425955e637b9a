#include "keyd/keeper/lanes.h"

#include <stdio.h>
#include <string.h>

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

	if (k->starting) {
		snprintf(k->sealed_why, sizeof(k->sealed_why), "%s", j->fault.text);
		k->starting = false;
	}
	if (s->accepted) {
		k->damaged = k->restricted = false;
		k->sink_accepted = true;
	}
	if (s->index != NULL) {
		index_free(k->index);
		k->index = s->index;
		k->damaged = s->damaged;
		k->restricted = s->restricted || s->damaged;
		k->tokens_since = s->tokens_since;
	}
	k->again = k->again || s->again;
	if (s->slots > 0)
		k->slots = s->slots;
	if (s->automatic != NULL)
		k->automatic = s->automatic;
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
	enum kerr err;

	j->row = gate_find(number);
	err = queue_put(&k->write, j, false);
	if (err == KERR_OK)
		return;
	j->status = err;
	lanes_own_done(k, j); /* what it carried waits for the next */
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

static void
reserve_rates(struct keeper *k)
{
	struct job *j = job_new(4u << 20);
	struct rate_block *blocks = NULL;
	size_t count = 0, i;

	if (j == NULL)
		return;
	rates_reserve(k->rates, j->arena, clock_now(), &blocks, &count);
	j->blocks = count > 0 ? arena_alloc(j->arena, count * sizeof(*j->blocks)) : NULL;
	if (j->blocks == NULL) {
		job_free(j);
		return;
	}
	for (i = 0; i < count; i++) {
		memcpy(j->blocks[i].bucket, blocks[i].bucket, sizeof(blocks[i].bucket));
		j->blocks[i].window = blocks[i].window;
		j->blocks[i].reserved = blocks[i].reserved;
	}
	j->block_count = count;
	own_job(k, MESSAGE_RATES, j);
}

void
lanes_own_done(struct keeper *k, struct job *j)
{
	struct rate_block b;
	size_t i;

	if (j->row->number == MESSAGE_USAGE && j->status != KERR_OK)
		usage_give_back(k->usage, j->usage, j->usage_count);
	for (i = 0; j->status == KERR_OK && i < j->block_count; i++) {
		memcpy(b.bucket, j->blocks[i].bucket, sizeof(b.bucket));
		b.window = j->blocks[i].window;
		b.reserved = j->blocks[i].reserved;
		rates_reserved(k->rates, &b, 1);
	}
}

/* Nothing is active and nothing issued while the store is damaged, or while a sink that
 * may know more was not read. */
static void
look_at_sink(struct keeper *k)
{
	struct audit_sink_status sink;

	audit_sink_status(k->audit, &sink);
	k->restricted =
		k->damaged ||
		(!k->sink_accepted && (sink.unreadable || sink.state == SINK_IS_AHEAD));
}

void
lanes_second(struct keeper *k)
{
	if (k->phase != PHASE_BIT_SERVING)
		return;
	look_at_sink(k);
	reserve_rates(k);
	if (usage_count(k->usage) < USAGE_MAX / 2 &&
		clock_monotonic_us() - k->flushed_us < 60u * 1000000u)
		return;
	k->flushed_us = clock_monotonic_us();
	flush_usage(k);
}

void
lanes_last(struct keeper *k)
{
	if (k->phase == PHASE_BIT_SERVING)
		flush_usage(k);
}
