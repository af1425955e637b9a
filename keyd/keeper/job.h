#ifndef KEYD_KEEPER_JOB_H
#define KEYD_KEEPER_JOB_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/arena.h"
#include "core/record.h"
#include "keyd/keeper/model/op.h"
#include "keyd/role/gate.h"

/* A question on its way from the answering thread through another one and back. Exactly
 * one thread owns a job at a time; queues hand it on. Everything it points to lies in its
 * arena. */

struct sign_work;

struct job {
	struct job *next;
	struct arena *arena;
	const struct gate_row *row;
	uint32_t peer; /* number of the peer that asked; 0: the keeper itself */
	uint32_t id;   /* of the question */
	int64_t uid;   /* of the person, for local fronts */
	char user[33];
	char request[65]; /* request id */
	struct record *asked;
	struct op_usage *usage;
	size_t usage_count;
	struct op_block *blocks; /* MESSAGE_RATES */
	int64_t *looked;         /* MESSAGE_CALENDAR: the writer's */
	size_t block_count;
	struct sign_work *sign;
	struct record *prepared; /* MESSAGE_REVOKE_TOKEN: the row that ends the token */
	struct op_later
		later; /* read lane: to be noted by the write lane before the answer */
	/* what came of it */
	enum kerr status;
	struct record *answer;
	struct fault fault;
	struct op_change *changes;
	uint64_t wait_seq; /* the answer waits until the sink has this record; 0: it does
			      not */
	bool keys_changed;
	bool people_changed;
	bool committed; /* in the write thread: it is part of the open group */
	bool forget;
	struct service_result
		*service; /* what a lane did to the phase, for the answering thread */
};

/* max: ceiling of the arena, bytes. NULL when there is no memory. */
struct job *job_new(size_t max);
void job_free(struct job *j); /* wipes; NULL is fine */
/* The answer of its row's schema in its arena; NULL when there is no memory. */
struct record *job_answer(struct job *j);

/* First in, first out, between threads. `first` jobs go before all others. */
struct queue {
	pthread_mutex_t lock;
	pthread_cond_t there;
	struct job *head, *tail;
	struct job *first_head, *first_tail;
	size_t count;
	size_t max; /* of the ordinary ones */
	bool closed;
};

/* max: of the ordinary jobs that wait; those that go first always find room. */
void queue_init(struct queue *q, size_t max);
/* KERR_BUSY when max ordinary jobs wait, KERR_CLOSED after queue_close. The job stays the
 * caller's then. */
enum kerr queue_put(struct queue *q, struct job *j, bool first) MUST_CHECK;
/* Everything that waits (at most `most` jobs; only the first ones when there are any, and
 * *ret_first says so), oldest first; NULL when nothing came within timeout_ms, or when
 * the queue is closed and empty. */
struct job *queue_take(
	struct queue *q, size_t most, unsigned timeout_ms, bool *ret_first);
bool queue_is_closed(struct queue *q);
void queue_close(struct queue *q);

#endif
