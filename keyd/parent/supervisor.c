#include "keyd/parent/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/log.h"
#include "keyd/parent/files.h"
#include "keyd/parent/notify.h"
#include "keyd/role/settings.h"
#include "keyd/role/start.h"

#define TICK_MS       1000
#define FIRST_WAIT_MS 100
#define LONGEST_WAIT  30000
#define FIRST_TRIES   3      /* before it ever served, whoever started it should hear */
#define SILENT_MS     30000  /* a ready role says ALIVE every five seconds */
#define STARTING_MS   300000 /* a keeper may have a schema to upgrade */
#define STOP_MS       15000
#define ORPHAN_MS     1000       /* for a front whose keeper is gone */
#define KILLED        UINT64_MAX /* of kill_ms: SIGKILL was sent */
#define LOCAL_WAITING 2
#define LOCAL_MAX     128

static void fill(struct supervisor *s);
static void advance(struct supervisor *s);

static uint64_t
now(struct supervisor *s)
{
	return uv_now(&s->loop);
}

static void
log_child(enum log_level level, const char *event, const struct child *c,
	const char *detail)
{
	log_write(level, event, "", LOG_TEXT("process", child_name(c->slot)),
		LOG_NUM("number", c->number), LOG_NUM("pid", child_pid(c)),
		LOG_TEXT("detail", detail));
}

static struct child *
find_keeper(struct supervisor *s)
{
	for (struct child *c = s->children; c; c = c->next) {
		if (c->slot == SLOT_KEEPER && c->ready && !c->ending)
			return c;
	}
	return NULL;
}

static unsigned
count_of(const struct supervisor *s, enum slot slot)
{
	unsigned count = 0;

	for (const struct child *c = s->children; c; c = c->next)
		count += c->slot == slot;
	return count;
}

/* Those that fill their slot: a local front that has its connection makes room for one
 * that waits. */
static unsigned
count_filling(const struct supervisor *s, enum slot slot, bool only_ready)
{
	unsigned count = 0;

	for (const struct child *c = s->children; c; c = c->next)
		count += c->slot == slot && !c->ending && !c->taken &&
			 (c->ready || !only_ready);
	return count;
}

static int
copy_of(int fd)
{
	return fcntl(fd, F_DUPFD_CLOEXEC, 0);
}

static enum kerr
hand_all(struct child *c, enum handover_word what, const int *fds, unsigned count)
{
	enum kerr err = KERR_OK;

	for (unsigned i = 0; err == KERR_OK && i < count; i++)
		err = child_hand(c, what, copy_of(fds[i]));
	return err;
}

static enum kerr
hand_if_there(struct child *c, enum handover_word what, int fd)
{
	return fd < 0 ? KERR_OK : child_hand(c, what, copy_of(fd));
}

static enum kerr
equip_keeper(struct supervisor *s, struct child *c, struct fault *fault)
{
	int syslog = -1;
	enum kerr err = files_syslog(s->settings, &syslog, fault);

	/* A log that is down later must not keep keyd from coming back. */
	if (err != KERR_OK && !s->served)
		return err;
	err = child_hand(c, HANDOVER_STATE, copy_of(s->state));
	if (err == KERR_OK)
		err = child_hand(c, HANDOVER_SINK, copy_of(s->sink));
	if (err == KERR_OK)
		err = hand_if_there(c, HANDOVER_SEAL_KEY, s->seal_key);
	if (err == KERR_OK)
		err = hand_if_there(c, HANDOVER_CREDENTIAL, s->credential);
	if (err == KERR_OK)
		err = hand_if_there(c, HANDOVER_SYSLOG, syslog);
	if (err == KERR_OK)
		err = child_hand(c, HANDOVER_LOCAL_LISTENER, copy_of(s->doors.local));
	if (syslog >= 0)
		close(syslog);
	return err;
}

static enum kerr
equip_front(struct supervisor *s, struct child *c)
{
	enum kerr err = hand_all(
		c, HANDOVER_PUBLIC_LISTENER, s->doors.public, s->doors.public_count);

	if (err == KERR_OK)
		err = hand_all(
			c, HANDOVER_ADMIN_LISTENER, s->doors.admin, s->doors.admin_count);
	/* Each front reads from the beginning. */
	if (err == KERR_OK)
		err = child_hand(c, HANDOVER_CERTIFICATE, files_again(s->certificate));
	if (err == KERR_OK)
		err = child_hand(c, HANDOVER_KEY, files_again(s->key));
	return err;
}

static enum kerr
equip(struct supervisor *s, struct child *c, struct fault *fault)
{
	enum kerr err = child_tell_settings(c, s->settings);

	if (err == KERR_OK && c->slot == SLOT_KEEPER)
		err = equip_keeper(s, c, fault);
	if (err == KERR_OK && c->slot == SLOT_FRONT)
		err = equip_front(s, c);
	return err == KERR_OK ? child_tell(c, MESSAGE_GO) : err;
}

/* A front's or the courier's channel to the keeper: one end for each. */
static enum kerr
start_process(struct supervisor *s, enum slot slot, struct fault *fault)
{
	struct child *keeper = find_keeper(s);
	struct child_spec spec = {.slot = slot,
		.number = ++s->last_number,
		.directory = s->directory,
		.keeper = -1,
		.events = &s->events};
	int pair[2] = {-1, -1};
	struct child *c = NULL;
	enum kerr err;

	if (slot != SLOT_KEEPER &&
		socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
			pair) != 0)
		return fault_set(fault, KERR_IO, "", "socketpair: %s", strerror(errno));
	spec.keeper = pair[0];
	err = child_start(&s->loop, &spec, &c, fault);
	if (pair[0] >= 0)
		close(pair[0]);
	if (err != KERR_OK) {
		if (pair[1] >= 0)
			close(pair[1]);
		return err;
	}
	c->next = s->children;
	s->children = c;
	log_child(LOG_DEBUG, "process-started", c, "");
	if (slot != SLOT_KEEPER) {
		err = child_hand_peer(keeper, c, pair[1]);
		if (err != KERR_OK)
			child_kill(keeper);
	}
	fault->text[0] = '\0';
	if (err == KERR_OK)
		err = equip(s, c, fault);
	if (err == KERR_OK)
		return KERR_OK;
	/* Its end is then counted like any other before READY. */
	log_child(LOG_ERROR, "process-not-equipped", c,
		fault->text[0] ? fault->text : kerr_text(err));
	child_kill(c);
	return KERR_OK;
}

static void
wait_longer(struct supervisor *s, enum slot slot)
{
	struct slot_state *state = &s->slots[slot];
	uint64_t wait = FIRST_WAIT_MS;

	for (unsigned i = 0; i < state->failures && wait < LONGEST_WAIT; i++)
		wait *= 2;
	if (wait > LONGEST_WAIT)
		wait = LONGEST_WAIT;
	state->failures++;
	state->not_before_ms = now(s) + wait;
	log_write(LOG_WARN, "start-delayed", "", LOG_TEXT("process", child_name(slot)),
		LOG_NUM("milliseconds", (int64_t)wait));
}

/* Retrying does not help here: the sentence that says what to do was logged. */
static void
give_up(struct supervisor *s, int status)
{
	s->exit_code = status;
	doors_close(&s->doors);
	s->stage = STAGE_FRONTS;
	advance(s);
}

static bool
has_room(const struct supervisor *s, enum slot slot)
{
	return count_filling(s, slot, false) < s->slots[slot].wanted &&
	       (slot != SLOT_LOCAL || count_of(s, slot) < LOCAL_MAX);
}

static void
fill_slot(struct supervisor *s, enum slot slot)
{
	while (s->stage == STAGE_RUNNING && has_room(s, slot)) {
		struct fault fault;

		if (now(s) < s->slots[slot].not_before_ms ||
			(slot != SLOT_KEEPER && !find_keeper(s)))
			return;
		if (start_process(s, slot, &fault) == KERR_OK)
			continue;
		log_write(LOG_ERROR, "start-failed", "",
			LOG_TEXT("process", child_name(slot)),
			LOG_TEXT("detail", fault.text));
		if (!s->served) {
			give_up(s, ROLE_EXIT_HOPELESS);
			return;
		}
		wait_longer(s, slot);
	}
}

static void
on_retry(uv_timer_t *timer)
{
	fill(timer->data);
}

static void
fill(struct supervisor *s)
{
	uint64_t next = UINT64_MAX;

	for (int slot = 0; slot < SLOT__COUNT; slot++)
		fill_slot(s, (enum slot)slot);
	if (s->stage != STAGE_RUNNING)
		return;
	for (int slot = 0; slot < SLOT__COUNT; slot++) {
		uint64_t at = s->slots[slot].not_before_ms;

		if (has_room(s, (enum slot)slot) && at > now(s) && at < next)
			next = at;
	}
	if (next != UINT64_MAX)
		uv_timer_start(&s->retry, on_retry, next - now(s), 0);
}

static void
tell_serving(struct supervisor *s)
{
	const char *url = record_text(s->settings, SETTINGS_PUBLIC_URL);

	log_write(LOG_INFO, "serving", "", LOG_TEXT("url", url),
		LOG_NUM("fronts", s->slots[SLOT_FRONT].wanted));
	notify_send("READY=1\nSTATUS=serving");
	if (!s->foreground)
		return;
	fprintf(stderr, "keyd serves %s on", url);
	for (size_t i = 0; i < record_count(s->settings, SETTINGS_PUBLIC_LISTEN); i++)
		fprintf(stderr, " %s",
			record_text_at(s->settings, SETTINGS_PUBLIC_LISTEN, i));
	fprintf(stderr, ", people on %s. Ctrl-C stops it.\n", s->doors.socket);
}

static void
check_serving(struct supervisor *s)
{
	if (s->served || s->stage != STAGE_RUNNING)
		return;
	for (int slot = 0; slot < SLOT__COUNT; slot++) {
		if (count_filling(s, (enum slot)slot, true) < s->slots[slot].wanted)
			return;
	}
	s->served = true;
	tell_serving(s);
}

static void
stop_slot(struct supervisor *s, enum slot slot)
{
	for (struct child *c = s->children; c; c = c->next) {
		if (c->slot == slot)
			child_stop(c, STOP_MS);
	}
}

/* The next step of the stop whose processes are all gone. */
static void
advance(struct supervisor *s)
{
	if (s->stage == STAGE_FRONTS) {
		stop_slot(s, SLOT_FRONT);
		stop_slot(s, SLOT_LOCAL);
		if (count_of(s, SLOT_FRONT) || count_of(s, SLOT_LOCAL))
			return;
		s->stage = STAGE_COURIER;
	}
	if (s->stage == STAGE_COURIER) {
		stop_slot(s, SLOT_COURIER);
		if (count_of(s, SLOT_COURIER))
			return;
		s->stage = STAGE_KEEPER;
	}
	if (s->stage == STAGE_KEEPER) {
		stop_slot(s, SLOT_KEEPER);
		if (count_of(s, SLOT_KEEPER))
			return;
		s->stage = STAGE_STOPPED;
		uv_stop(&s->loop);
	}
}

static void
begin_stop(struct supervisor *s, const char *why)
{
	if (s->stage != STAGE_RUNNING) {
		/* Asked again, somebody is out of patience. */
		for (struct child *c = s->children; c; c = c->next) {
			if (c->ending)
				child_kill(c);
		}
		return;
	}
	log_write(LOG_INFO, "stopping", "", LOG_TEXT("why", why));
	notify_send("STOPPING=1\nSTATUS=stopping");
	doors_close(&s->doors);
	s->stage = STAGE_FRONTS;
	advance(s);
}

static void
on_said(void *context, struct child *c, enum message_number what)
{
	struct supervisor *s = context;

	if (what == MESSAGE_STOP_ASKED) {
		begin_stop(s, "asked by a person");
		return;
	}
	if (what != MESSAGE_READY)
		return;
	if (!c->ready) {
		c->ready = true;
		s->slots[c->slot].failures = 0;
		log_child(LOG_DEBUG, "process-ready", c, "");
	} else if (c->slot == SLOT_LOCAL) {
		c->taken = true;
	}
	fill(s);
	check_serving(s);
}

static void
on_lost(void *context, struct child *c, enum kerr why)
{
	(void)context;
	if (why != KERR_CLOSED)
		log_child(LOG_ERROR, "process-broke-protocol", c, kerr_text(why));
}

static void
unlist(struct supervisor *s, const struct child *gone)
{
	struct child **at = &s->children;

	while (*at != gone)
		at = &(*at)->next;
	*at = gone->next;
}

static void
log_end(const struct child *c, int64_t status, int term_signal)
{
	bool quiet = (c->ending || c->taken) && status == 0 && !term_signal;
	char detail[64];

	if (term_signal)
		snprintf(detail, sizeof(detail), "by signal %d (%s)%s", term_signal,
			strsignal(term_signal),
			term_signal == SIGSYS ? ": the jail" : "");
	else
		snprintf(detail, sizeof(detail), "with status %" PRId64 "%s", status,
			c->ready ? "" : " before it was ready");
	log_child(quiet ? LOG_DEBUG : LOG_WARN, "process-ended", c, detail);
}

/* When the next one of its kind may start. */
static void
judge_end(struct supervisor *s, const struct child *c, int64_t status, int term_signal)
{
	if (s->stage != STAGE_RUNNING || c->ending)
		return;
	if (!c->ready && !s->served && !term_signal && status &&
		(status == ROLE_EXIT_HOPELESS ||
			s->slots[c->slot].failures == FIRST_TRIES))
		give_up(s, (int)status);
	else if (!c->ready)
		wait_longer(s, c->slot);
	else if (!c->taken && now(s) - c->started_ms < TICK_MS)
		s->slots[c->slot].not_before_ms = now(s) + FIRST_WAIT_MS;
}

static void
on_ended(void *context, struct child *c, int64_t status, int term_signal)
{
	struct supervisor *s = context;

	unlist(s, c);
	log_end(c, status, term_signal);
	judge_end(s, c, status, term_signal);
	if (s->stage != STAGE_RUNNING) {
		advance(s);
		return;
	}
	if (c->slot == SLOT_KEEPER) {
		/* Nothing they hold is of use to another keeper. */
		for (struct child *other = s->children; other; other = other->next)
			child_stop(other, ORPHAN_MS);
	}
	fill(s);
}

static bool
is_stuck(struct supervisor *s, const struct child *c)
{
	if (!c->ready)
		return now(s) - c->started_ms > STARTING_MS;
	return now(s) - c->heard_ms > SILENT_MS;
}

static void
end_patience(struct child *c, enum log_level level, const char *why)
{
	log_child(level, "process-killed", c, why);
	c->kill_ms = KILLED;
	child_kill(c);
}

static void
on_tick(uv_timer_t *timer)
{
	struct supervisor *s = timer->data;

	for (struct child *c = s->children; c; c = c->next) {
		if (c->kill_ms == KILLED)
			continue;
		if (c->kill_ms && now(s) >= c->kill_ms)
			end_patience(c, LOG_WARN, "it did not stop in time");
		else if (!c->ending && is_stuck(s, c))
			end_patience(c, LOG_ERROR, "it is stuck");
	}
}

/* A process that even SIGKILL does not end (a disk that hangs) is systemd's to judge. */
static void
on_watchdog(uv_timer_t *timer)
{
	struct supervisor *s = timer->data;

	for (const struct child *c = s->children; c; c = c->next) {
		if (c->kill_ms == KILLED)
			return;
	}
	notify_send("WATCHDOG=1");
}

static void
on_signal(uv_signal_t *handle, int signum)
{
	struct supervisor *s = handle->data;

	if (signum == SIGHUP && s->stage == STAGE_RUNNING)
		supervisor_reload(s);
	else if (signum != SIGHUP)
		begin_stop(s, signum == SIGINT ? "SIGINT" : "SIGTERM");
}

static void
start_handles(struct supervisor *s)
{
	uint64_t every = notify_watchdog_ms();

	uv_timer_init(&s->loop, &s->tick);
	uv_timer_init(&s->loop, &s->retry);
	uv_timer_init(&s->loop, &s->watchdog);
	uv_signal_init(&s->loop, &s->term);
	uv_signal_init(&s->loop, &s->interrupt);
	uv_signal_init(&s->loop, &s->hangup);
	s->tick.data = s->retry.data = s->watchdog.data = s;
	s->term.data = s->interrupt.data = s->hangup.data = s;
	uv_timer_start(&s->tick, on_tick, TICK_MS, TICK_MS);
	if (every)
		uv_timer_start(&s->watchdog, on_watchdog, 0, every);
	uv_signal_start(&s->term, on_signal, SIGTERM);
	uv_signal_start(&s->interrupt, on_signal, SIGINT);
	uv_signal_start(&s->hangup, on_signal, SIGHUP);
}

static void
close_handle(uv_handle_t *handle, void *arg)
{
	(void)arg;
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

static unsigned
front_count(const struct record *settings)
{
	int64_t given = record_int(settings, SETTINGS_FRONTS);
	unsigned cores = uv_available_parallelism();

	if (given)
		return (unsigned)given;
	return cores > 1 ? cores - 1 : 1;
}

int
supervisor_run(struct supervisor *s)
{
	if (uv_loop_init(&s->loop) != 0) {
		log_event(LOG_ERROR, "no-event-loop", "", NULL, 0);
		return 1;
	}
	s->events = (struct child_events){
		.said = on_said, .lost = on_lost, .ended = on_ended, .context = s};
	s->slots[SLOT_KEEPER].wanted = 1;
	s->slots[SLOT_COURIER].wanted = 1;
	s->slots[SLOT_FRONT].wanted = front_count(s->settings);
	s->slots[SLOT_LOCAL].wanted = LOCAL_WAITING;
	start_handles(s);
	fill(s);
	uv_run(&s->loop, UV_RUN_DEFAULT);
	/* What is left are handles: no process is. */
	uv_walk(&s->loop, close_handle, NULL);
	uv_run(&s->loop, UV_RUN_DEFAULT);
	uv_loop_close(&s->loop);
	log_write(LOG_INFO, "stopped", "", LOG_NUM("status", s->exit_code));
	return s->exit_code;
}
