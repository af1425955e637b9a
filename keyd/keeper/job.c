#include "keyd/keeper/job.h"

#include <errno.h>
#include <time.h>

struct job *
job_new(size_t max)
{
	struct arena *arena = arena_new(max);
	struct job *j;

	if (arena == NULL)
		return NULL;
	j = arena_alloc(arena, sizeof(*j));
	if (j == NULL) {
		arena_free(arena);
		return NULL;
	}
	j->arena = arena;
	j->uid = -1;
	return j;
}

void
job_free(struct job *j)
{
	if (j == NULL)
		return;
	record_drop_secrets(j->asked);
	record_drop_secrets(j->answer);
	arena_free(j->arena);
}

struct record *
job_answer(struct job *j)
{
	if (j->answer == NULL && j->row->answered != NULL)
		j->answer = record_new(j->arena, j->row->answered);
	return j->answer;
}

void
queue_init(struct queue *q, size_t max)
{
	pthread_condattr_t attr;

	*q = (struct queue){.max = max};
	pthread_mutex_init(&q->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&q->there, &attr);
	pthread_condattr_destroy(&attr);
}

enum kerr
queue_put(struct queue *q, struct job *j, bool first)
{
	enum kerr err = KERR_OK;
	struct job **head, **tail;

	pthread_mutex_lock(&q->lock);
	head = first ? &q->first_head : &q->head;
	tail = first ? &q->first_tail : &q->tail;
	if (q->closed) {
		err = KERR_CLOSED;
	} else if (!first && q->count >= q->max) {
		err = KERR_BUSY;
	} else {
		j->next = NULL;
		if (*tail != NULL)
			(*tail)->next = j;
		else
			*head = j;
		*tail = j;
		if (!first)
			q->count++;
		pthread_cond_signal(&q->there);
	}
	pthread_mutex_unlock(&q->lock);
	return err;
}

static void
wait_for_job(struct queue *q, unsigned timeout_ms)
{
	struct timespec until;
	int rc = 0;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += timeout_ms / 1000;
	until.tv_nsec += (long)(timeout_ms % 1000) * 1000000L;
	if (until.tv_nsec >= 1000000000L) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000L;
	}
	while (rc != ETIMEDOUT && !q->closed && q->head == NULL && q->first_head == NULL)
		rc = pthread_cond_timedwait(&q->there, &q->lock, &until);
}

struct job *
queue_take(struct queue *q, size_t most, unsigned timeout_ms, bool *ret_first)
{
	struct job *taken = NULL, *last;
	size_t n;
	bool first;

	pthread_mutex_lock(&q->lock);
	if (q->head == NULL && q->first_head == NULL)
		wait_for_job(q, timeout_ms);
	first = q->first_head != NULL;
	if (first) {
		taken = q->first_head;
		q->first_head = q->first_tail = NULL;
	} else if (q->head != NULL) {
		taken = last = q->head;
		for (n = 1; n < most && last->next != NULL; n++)
			last = last->next;
		q->head = last->next;
		last->next = NULL;
		if (q->head == NULL)
			q->tail = NULL;
		q->count -= n;
	}
	pthread_mutex_unlock(&q->lock);
	if (ret_first != NULL)
		*ret_first = first;
	return taken;
}

bool
queue_is_closed(struct queue *q)
{
	bool closed;

	pthread_mutex_lock(&q->lock);
	closed = q->closed;
	pthread_mutex_unlock(&q->lock);
	return closed;
}

void
queue_close(struct queue *q)
{
	pthread_mutex_lock(&q->lock);
	q->closed = true;
	pthread_cond_broadcast(&q->there);
	pthread_mutex_unlock(&q->lock);
}
