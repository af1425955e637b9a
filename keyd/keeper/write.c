#include <stdio.h>

#include "core/clock.h"
#include "core/log.h"
#include "core/model/model.h"
#include "keyd/keeper/lanes.h"

/* The write thread: the one writer. It takes what waits, runs each change in a savepoint
 * of one transaction, commits, and gives the answers back; what takes something away goes
 * before everything else, alone, and may use the reserve. */

#define GROUP_MAX    128
#define TICK_MS      1000
#define SEEN_SECONDS 60

struct writer {
	struct keeper *k;
	int64_t seen;       /* when last_seen was last stored */
	int64_t calendar;   /* when the calendar last ran */
	int64_t looked;     /* the retiring secret that it looked at last */
	uint64_t tended_us; /* when store_tend last ran */
};

void
lanes_op(struct keeper *k, struct job *j, struct store *s, struct store_reader *r,
	struct person *who, struct op *ret)
{
	*ret = (struct op){.message = j->row,
		.store = s,
		.reader = r,
		.audit = k->audit,
		.vault = k->vault,
		.settings = k->settings,
		.arena = j->arena,
		.who = who,
		.asked = j->asked,
		.request = j->request,
		.now = clock_now(),
		.usage = j->usage,
		.usage_count = j->usage_count,
		.blocks = j->blocks,
		.looked = j->looked,
		.block_count = j->block_count,
		.prepared = j->prepared};
}

void
lanes_op_done(struct job *j, struct op *op, enum kerr err)
{
	j->status = err;
	j->answer = op->answer;
	j->fault = op->fault;
	if (err != KERR_OK) {
		record_drop_secrets(j->answer);
		j->answer = NULL;
		if (j->fault.text[0] == '\0')
			fault_set(&j->fault, err, "", "%s", kerr_text(err));
		return;
	}
	j->changes = op->changes;
	j->keys_changed = op->keys_changed;
	j->people_changed = op->people_changed;
	j->forget = op->forget;
}

/* Who asks, looked up in the transaction of the change; the keeper's own jobs have no
 * person. */
static enum kerr
person_of(struct keeper *k, struct job *j, struct person *who)
{
	*who = (struct person){.uid = -1};
	if (j->peer != 0 && j->uid >= 0)
		return access_person(
			store_as_reader(k->store), j->uid, j->user, j->arena, who);
	snprintf(who->name, sizeof(who->name), "%s",
		j->user[0] != '\0' ? j->user : "keyd");
	return KERR_OK;
}

static bool
is_dry(const struct job *j)
{
	int f = j->asked != NULL ? schema_field(j->row->asked, "dry_run") : -1;

	return f >= 0 && record_int(j->asked, (unsigned)f) != 0;
}

static enum kerr
run_saved(struct keeper *k, struct job *j, struct op *op)
{
	struct audit_mark mark = audit_mark(k->audit);
	enum kerr err;

	if (j->later.action !=
		NULL) { /* the answer stands; it only has to be on record first */
		op->answer = j->answer;
		err = op_note(op, j->later.action, j->later.object, j->later.id,
			j->later.result);
	} else {
		err = op_run(op);
	}
	if (err == KERR_UNSUPPORTED && op->fault.text[0] == '\0')
		err = service_in_group(k, j, op);
	if (err == KERR_OK && !is_dry(j)) {
		err = store_keep(k->store);
		if (err == KERR_OK)
			return KERR_OK;
	}
	store_undo(k->store);
	audit_return(k->audit, mark);
	op->changes = NULL;
	op->keys_changed = op->people_changed = op->releases_secret = false;
	if (err == KERR_OK)
		record_drop_secrets(op->answer);
	return err;
}

static void
run_one(struct keeper *k, struct job *j, bool first)
{
	struct person who;
	struct op op;
	enum kerr err = person_of(k, j, &who);

	lanes_op(k, j, k->store, store_as_reader(k->store), &who, &op);
	if (err == KERR_OK)
		err = store_save(k->store, first);
	if (err == KERR_OK)
		err = run_saved(k, j, &op);
	lanes_op_done(j, &op, err);
	j->committed = err == KERR_OK && !is_dry(j);
	if (!j->committed && j->service != NULL)
		j->service->accepted = j->service->clock = false;
	if (j->committed && op.releases_secret)
		j->wait_seq = audit_mark(k->audit).seq;
}

static void
give_all(struct keeper *k, struct job *jobs)
{
	struct job *next;

	for (; jobs != NULL; jobs = next) {
		next = jobs->next;
		answer_give(k, jobs);
	}
}

static void
fail_all(struct job *jobs, enum kerr err)
{
	for (; jobs != NULL; jobs = jobs->next) {
		if (!jobs->committed && jobs->status != KERR_OK)
			continue;
		jobs->committed = false;
		if (jobs->service != NULL)
			jobs->service->accepted = jobs->service->clock = false;
		jobs->status = err;
		jobs->changes = NULL;
		jobs->wait_seq = 0;
		jobs->keys_changed = false;
		record_drop_secrets(jobs->answer);
		jobs->answer = NULL;
		fault_set(&jobs->fault, err, "", "%s%s", kerr_text(err),
			err == KERR_FULL
				? "; revoking, quarantining and suspending still work"
				: "");
	}
}

/* The keys as they are now go with the job to the answering thread, and the active one to
 * the signing thread. */
static void
bring_keys(struct keeper *k, struct job *j)
{
	if (j->service == NULL)
		j->service = arena_alloc(j->arena, sizeof(*j->service));
	if (j->service != NULL)
		j->service->phase = PHASE_BIT_SERVING;
	if (j->service == NULL || open_keys(k, j->service) != KERR_OK)
		log_write(LOG_ERROR, "keys-not-read", j->request);
}

static enum kerr
commit_group(struct keeper *k, struct job *jobs)
{
	struct store_state state;
	enum kerr err;

	store_state_get(k->store, &state);
	state.last_seen = clock_now();
	store_state_set(k->store, &state);
	err = store_commit(k->store);
	if (err != KERR_OK) {
		log_write(LOG_ERROR, "commit-failed", "",
			LOG_TEXT("error", kerr_name(err)));
		fail_all(jobs, err);
		audit_dropped(k->audit);
		return err;
	}
	audit_committed(k->audit);
	for (; jobs != NULL; jobs = jobs->next) {
		if (jobs->committed && jobs->forget)
			store_forget_soon(k->store);
		if (jobs->committed && jobs->keys_changed)
			bring_keys(k, jobs);
		if (jobs->committed && jobs->service != NULL && jobs->service->clock)
			clock_confirm();
	}
	return KERR_OK;
}

static void
run_group(struct writer *w, struct job *jobs, bool first)
{
	struct keeper *k = w->k;
	enum kerr err = store_begin(k->store, first);
	struct job *j;
	bool any = false;

	if (err != KERR_OK) {
		for (j = jobs; j != NULL; j = j->next) {
			j->status = KERR_OK;
			j->committed = true;
		}
		fail_all(jobs, err);
		give_all(k, jobs);
		return;
	}
	for (j = jobs; j != NULL; j = j->next) {
		run_one(k, j, first);
		any = any || j->committed;
	}
	if (!any) {
		store_rollback(k->store);
		audit_dropped(k->audit);
	} else if (commit_group(k, jobs) == KERR_OK) {
		w->seen = clock_now();
	}
	give_all(k, jobs);
}

/* Signs a head when one is due, and stores the time each minute, so that a start knows
 * how long keyd was away. */
static void
keep_time(struct writer *w)
{
	struct keeper *k = w->k;
	int64_t now = clock_now();
	bool head = audit_head_due(k->audit, now);
	enum kerr err;

	if (!head && now - w->seen < SEEN_SECONDS)
		return;
	w->seen = now;
	err = store_begin(k->store, true);
	if (err == KERR_OK && head) {
		err = audit_head_sign(k->audit, now);
		if (err != KERR_OK)
			store_rollback(k->store);
	}
	if (err == KERR_OK)
		err = commit_group(k, NULL);
	if (err != KERR_OK)
		log_write(LOG_ERROR, "head-not-signed", "",
			LOG_TEXT("error", kerr_name(err)));
}

/* What the calendar ends, once a minute, as a change like any other. */
static void
run_calendar(struct writer *w)
{
	struct job *j;

	if (clock_now() - w->calendar < 60 || w->k->restricted)
		return;
	w->calendar = clock_now();
	j = job_new(4u << 20);
	if (j == NULL)
		return;
	j->row = gate_find(MESSAGE_CALENDAR);
	j->looked = &w->looked;
	run_group(w, j, false);
}

static void
tend(struct writer *w)
{
	struct keeper *k = w->k;
	uint64_t now = clock_monotonic_us();
	bool full = false;

	if (!atomic_load(&k->open) || now - w->tended_us < TICK_MS * 1000u)
		return;
	w->tended_us = now;
	if (store_tend(k->store, &full) != KERR_OK)
		log_write(LOG_ERROR, "store-not-tended", "");
	if (full != atomic_load(&k->disk_full))
		log_write(
			full ? LOG_ERROR : LOG_INFO, full ? "disk-full" : "disk-ok", "");
	atomic_store(&k->disk_full, full);
	keep_time(w);
	run_calendar(w);
}

static void
give_start(struct keeper *k)
{
	struct job *j = job_new(1u << 16);
	struct fault fault = {0};
	enum kerr err;

	if (j == NULL)
		return;
	j->row = gate_find(MESSAGE_CALENDAR);
	j->service = arena_alloc(j->arena, sizeof(*j->service));
	if (j->service == NULL) {
		job_free(j);
		return;
	}
	j->service->phase = k->empty ? PHASE_BIT_EMPTY : PHASE_BIT_SEALED;
	if (!k->empty) {
		err = open_automatic(k, &fault);
		if (err == KERR_OK)
			err = open_up(k, j->service, &fault);
		if (err != KERR_OK)
			log_write(err == KERR_NOTFOUND ? LOG_INFO : LOG_ERROR,
				"not-unsealed", "", LOG_TEXT("why", fault.text));
		j->fault = fault;
	}
	answer_give(k, j);
}

void *
write_run(void *keeper)
{
	struct writer w = {.k = keeper};
	struct job *jobs, *next;
	bool first;

	give_start(w.k);
	while ((jobs = queue_take(&w.k->write, GROUP_MAX, TICK_MS, &first)) != NULL ||
		!queue_is_closed(&w.k->write)) {
		if (jobs != NULL && (!atomic_load(&w.k->open) || service_is_alone(jobs)))
			for (; jobs != NULL; jobs = next) {
				next = jobs->next;
				service_alone(w.k, jobs);
				answer_give(w.k, jobs);
			}
		else if (jobs != NULL)
			run_group(&w, jobs, first);
		tend(&w);
	}
	return NULL;
}
