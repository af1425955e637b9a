#include "keyd/keeper/audit/sink.h"

#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/model/model.h"

#define START_MS    5000
#define STOP_MS     5000
#define HANGS_US    UINT64_C(2000000)
#define BEHIND_US   UINT64_C(1000000)
#define BACKOFF_MAX 4
#define ARENA_MAX   ((size_t)64 * 1024 * 1024)
#define STACK       ((size_t)512 * 1024)

void
sink_busy(struct sink *s, bool busy)
{
	pthread_mutex_lock(&s->lock);
	s->busy_us = busy ? clock_monotonic_us() : 0;
	pthread_mutex_unlock(&s->lock);
}

enum kerr
sink_read_begin(struct sink *s)
{
	bool may;

	pthread_mutex_lock(&s->lock);
	may = !s->abandoned;
	s->reading = may;
	pthread_mutex_unlock(&s->lock);
	return may ? KERR_OK : KERR_CLOSED;
}

void
sink_read_end(struct sink *s)
{
	pthread_mutex_lock(&s->lock);
	s->reading = false;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
}

void
sink_says(struct sink *s, const char *fmt, ...)
{
	va_list ap;

	pthread_mutex_lock(&s->lock);
	va_start(ap, fmt);
	if (vsnprintf(s->text, sizeof(s->text), fmt, ap) < 0)
		s->text[0] = '\0';
	va_end(ap);
	pthread_mutex_unlock(&s->lock);
}

static struct timespec
in_us(uint64_t us)
{
	struct timespec ts;

	us += clock_monotonic_us();
	ts.tv_sec = (time_t)(us / 1000000);
	ts.tv_nsec = (long)(us % 1000000 * 1000);
	return ts;
}

static void
sink_free(struct sink *s)
{
	sink_file_close(&s->records);
	sink_file_close(&s->heads);
	if (s->dir >= 0)
		close(s->dir);
	buf_clear(&s->out);
	arena_free(s->arena);
	pthread_cond_destroy(&s->changed);
	pthread_mutex_destroy(&s->lock);
	mem_free(s);
}

static enum sink_trouble
trouble_of(const struct sink *s, enum kerr err)
{
	if (err == KERR_OK)
		return SINK_FINE;
	if (err == KERR_CONFLICT)
		return SINK_DIFFERS;
	return err == KERR_DAMAGED && s->compared ? SINK_STUCK : SINK_TROUBLE;
}

/* What the thread's turn came to; the lock is held. */
static void
note_outcome(struct sink *s, enum kerr err)
{
	s->trouble = trouble_of(s, err);
	if (err == KERR_OK) {
		s->text[0] = '\0';
		s->backoff = 0;
		s->retry_us = 0;
		if (s->seq >= s->goal.seq)
			s->lag_us = 0;
	} else {
		s->backoff = s->backoff > 0 ? 2 * s->backoff : 1;
		if (s->backoff > BACKOFF_MAX)
			s->backoff = BACKOFF_MAX;
		s->retry_us = clock_monotonic_us() + s->backoff * UINT64_C(1000000);
		if (s->text[0] == '\0')
			(void)snprintf(s->text, sizeof(s->text),
				"the sink cannot be written: %s", kerr_text(err));
	}
	pthread_cond_broadcast(&s->changed);
}

/* The files of this goal's segment, compared: at first, after trouble, and when a segment
 * begins. */
static enum kerr
have_files(struct sink *s, const struct chain_place *goal)
{
	enum kerr err;

	if (s->records.fd >= 0 && s->heads.fd >= 0 && !s->differs &&
		strcmp(s->at.segment, goal->segment) == 0)
		return KERR_OK;
	err = sink_compare(s, goal);
	s->differs = err == KERR_CONFLICT;
	if (err != KERR_OK && err != KERR_CONFLICT)
		return err;
	pthread_mutex_lock(&s->lock);
	s->compared = true;
	s->trouble = trouble_of(s, err);
	if (err == KERR_OK)
		s->seq = s->at.seq;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
	return err;
}

/* One turn: up to the goal as it was at its beginning. The lock is not held. */
static enum kerr
turn(struct sink *s, const struct chain_place *goal, struct trail_text still)
{
	enum kerr err = have_files(s, goal);

	if (err == KERR_OK)
		err = sink_catch_up(s, goal, still);
	if (err != KERR_OK) {
		/* what they hold is not known: they are opened and read anew */
		sink_file_close(&s->records);
		sink_file_close(&s->heads);
	}
	return err;
}

/* Waits for something to do; the lock is held. False: the thread is to end. */
static bool
wait_for_work(struct sink *s)
{
	for (;;) {
		uint64_t now = clock_monotonic_us();
		bool failing = s->retry_us != 0;

		if (s->abandoned || (s->stop && (failing || !s->woken)))
			return false;
		if (failing ? now >= s->retry_us : s->woken)
			return true;
		if (failing) {
			struct timespec until = in_us(s->retry_us - now);

			pthread_cond_timedwait(&s->changed, &s->lock, &until);
		} else {
			pthread_cond_wait(&s->changed, &s->lock);
		}
	}
}

static void *
run(void *with)
{
	struct sink *s = with;
	bool abandoned;

	pthread_mutex_lock(&s->lock);
	while (wait_for_work(s)) {
		struct chain_place goal = s->goal;
		char still[NOTE_MAX];
		struct trail_text note = {still, s->still_len};
		enum kerr err;

		memcpy(still, s->still, s->still_len);
		s->woken = false;
		pthread_mutex_unlock(&s->lock);
		err = turn(s, &goal, note);
		pthread_mutex_lock(&s->lock);
		note_outcome(s, err);
	}
	s->ended = true;
	abandoned = s->abandoned;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
	if (abandoned)
		sink_free(s);
	return NULL;
}

void
sink_wake(struct audit *a)
{
	struct sink *s = a->sink;

	if (s == NULL)
		return;
	pthread_mutex_lock(&s->lock);
	if (a->committed.seq > s->seq && s->lag_us == 0)
		s->lag_us = clock_monotonic_us();
	/* a new segment is looked at right away, whatever the old one's trouble was */
	if (strcmp(s->goal.segment, a->committed.segment) != 0)
		s->retry_us = 0;
	s->goal = a->committed;
	s->still_len = a->still_len;
	memcpy(s->still, a->still, a->still_len);
	s->woken = true;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
}

static enum kerr
start_thread(struct sink *s)
{
	sigset_t all, former;
	pthread_attr_t attr;
	int failed;

	if (pthread_attr_init(&attr) != 0)
		return KERR_NOMEM;
	/* signals are for the thread that has the loop */
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &former);
	failed = pthread_attr_setstacksize(&attr, STACK) != 0 ||
		 pthread_create(&s->thread, &attr, run, s) != 0;
	pthread_sigmask(SIG_SETMASK, &former, NULL);
	pthread_attr_destroy(&attr);
	return failed ? KERR_NOMEM : KERR_OK;
}

static struct sink *
sink_new(int sink_fd, int state_fd)
{
	struct sink *s = mem_new(1, sizeof(*s));
	pthread_condattr_t attr;

	if (s == NULL)
		return NULL;
	/* its own: the thread may be in it when the caller has closed the other */
	s->dir = fcntl(sink_fd, F_DUPFD_CLOEXEC, 0);
	s->place = sink_place_of(sink_fd, state_fd);
	s->records.fd = s->heads.fd = -1;
	buf_init(&s->out, SINK_OUT_MAX);
	s->arena = arena_new(ARENA_MAX);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->changed, &attr);
	pthread_condattr_destroy(&attr);
	if (s->arena == NULL || s->dir < 0) {
		sink_free(s);
		return NULL;
	}
	return s;
}

/* Until the first comparison has come to an end, at most START_MS. */
static void
wait_compared(struct sink *s)
{
	struct timespec until = in_us(START_MS * UINT64_C(1000));
	int waited = 0;

	pthread_mutex_lock(&s->lock);
	while (waited == 0 && !s->compared && s->trouble == SINK_FINE)
		waited = pthread_cond_timedwait(&s->changed, &s->lock, &until);
	pthread_mutex_unlock(&s->lock);
}

void
audit_use_syslog(struct audit *a, int fd)
{
	a->syslog = fd;
}

enum kerr
audit_sink_start(struct audit *a, int sink_fd, int state_fd,
	struct audit_sink_status *ret, struct fault *fault)
{
	struct sink *s;
	enum kerr err;

	if (a->sink != NULL)
		return fault_set(fault, KERR_EXISTS, "audit.sink", "it is running");
	if (sink_fd < 0) {
		audit_sink_status(a, ret);
		fault_set(fault, KERR_NOTFOUND, "audit.sink", "%s", ret->text);
		return KERR_OK;
	}
	s = sink_new(sink_fd, state_fd);
	if (s == NULL)
		return fault_set(fault, KERR_NOMEM, "audit.sink",
			"the sink's directory cannot be used: out of memory or "
			"descriptors");
	s->syslog = a->syslog;
	err = store_reader_open(a->store, &s->reader);
	if (err == KERR_OK) {
		a->sink = s;
		sink_wake(a);
		err = start_thread(s);
	}
	if (err != KERR_OK) {
		a->sink = NULL;
		if (s->reader != NULL)
			store_reader_close(s->reader);
		sink_free(s);
		return fault_set(fault, err, "audit.sink",
			"the audit sink cannot be started: %s", kerr_text(err));
	}
	wait_compared(s);
	audit_sink_status(a, ret);
	if (ret->unreadable || ret->state == SINK_IS_AHEAD)
		fault_set(fault, ret->unreadable ? KERR_IO : KERR_CONFLICT, "audit.sink",
			"%s", ret->text);
	return KERR_OK;
}

void
audit_sink_stop(struct audit *a)
{
	struct timespec until = in_us(STOP_MS * UINT64_C(1000));
	struct sink *s = a->sink;
	bool ended;
	int waited = 0;

	if (s == NULL)
		return;
	pthread_mutex_lock(&s->lock);
	s->stop = true;
	pthread_cond_broadcast(&s->changed);
	while (waited == 0 && !s->ended)
		waited = pthread_cond_timedwait(&s->changed, &s->lock, &until);
	ended = s->ended;
	s->abandoned = !ended;
	/* in the database it cannot hang for long; in the sink's file system it can */
	while (s->reading && !s->ended)
		pthread_cond_wait(&s->changed, &s->lock);
	a->sink = NULL;
	store_reader_close(s->reader);
	s->reader = NULL;
	if (!ended)
		pthread_detach(s->thread);
	pthread_mutex_unlock(&s->lock);
	if (ended) {
		pthread_join(s->thread, NULL);
		sink_free(s);
	}
}

/* The lock is held. */
static int
state_of(const struct sink *s, uint64_t now)
{
	if (s->trouble == SINK_DIFFERS)
		return SINK_IS_AHEAD;
	if (!s->compared || s->trouble == SINK_TROUBLE ||
		(s->busy_us != 0 && now - s->busy_us > HANGS_US))
		return SINK_IS_MISSING;
	if (s->trouble == SINK_STUCK || (s->lag_us != 0 && now - s->lag_us > BEHIND_US))
		return SINK_IS_BEHIND;
	return SINK_IS_WORKING;
}

void
audit_sink_status(const struct audit *a, struct audit_sink_status *ret)
{
	struct sink *s = a->sink;
	uint64_t now = clock_monotonic_us();

	*ret = (struct audit_sink_status){
		.state = SINK_IS_MISSING, .unreadable = true, .lag = audit_seq(a)};
	if (s == NULL) {
		(void)snprintf(ret->text, sizeof(ret->text), "there is no audit sink");
		return;
	}
	pthread_mutex_lock(&s->lock);
	ret->state = state_of(s, now);
	ret->place = s->place;
	ret->seq = s->seq;
	ret->lag = s->goal.seq > s->seq ? s->goal.seq - s->seq : 0;
	ret->unreadable = !s->compared;
	memcpy(ret->text, s->text, sizeof(ret->text));
	if (ret->text[0] == '\0' && ret->state == SINK_IS_MISSING)
		(void)snprintf(ret->text, sizeof(ret->text), "the sink does not answer");
	pthread_mutex_unlock(&s->lock);
}

enum kerr
audit_sink_wait(struct audit *a, uint64_t seq, unsigned ms)
{
	struct timespec until = in_us(ms * UINT64_C(1000));
	struct sink *s = a->sink;
	int waited = 0;
	bool there;

	if (s == NULL)
		return KERR_TIMEOUT;
	pthread_mutex_lock(&s->lock);
	while (waited == 0 && s->seq < seq)
		waited = pthread_cond_timedwait(&s->changed, &s->lock, &until);
	there = s->seq >= seq;
	pthread_mutex_unlock(&s->lock);
	return there ? KERR_OK : KERR_TIMEOUT;
}
