#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "core/model/model.h"
#include "keyd/keeper/answer.h"

/* Status, clock, metrics and stop: what the answering thread knows without asking
 * anybody. */

static enum kerr
put_clock(struct record *r)
{
	struct clock_status st;

	clock_status(&st);
	record_set_int(r, CLOCK_NOW, st.now);
	record_set_int(r, CLOCK_WALL, st.wall);
	record_set_int(r, CLOCK_OFFSET, st.offset);
	record_set_int(r, CLOCK_STEPPED, st.stepped);
	record_set_int(r, CLOCK_SYNC, st.synchronised);
	record_set_int(r, CLOCK_CONFIRMED, st.confirmed);
	record_set_int(
		r, CLOCK_CALENDAR, !st.stepped && (st.synchronised || st.confirmed));
	return KERR_OK;
}

static void
reason(struct record *status, const char *text)
{
	if (record_add_text(status, STATUS_REASONS, text, strlen(text)) != KERR_OK)
		record_set_int(status, STATUS_READY, 0);
}

static void
put_counts(struct keeper *k, struct record *status)
{
	struct index_counts c = {0};
	struct audit_sink_status sink = {0};

	index_counts(k->index, clock_now(), &c);
	audit_sink_status(k->audit, &sink);
	record_set_int(status, STATUS_CLIENTS, (int64_t)c.clients);
	record_set_int(status, STATUS_LIVE, (int64_t)c.live);
	record_set_int(status, STATUS_QUARANTINED, (int64_t)c.quarantined);
	record_set_int(status, STATUS_UNDELIVERED, (int64_t)c.undelivered);
	record_set_int(status, STATUS_EXPIRING, (int64_t)c.expiring);
	record_set_int(status, STATUS_AUDIT_SEQ, (int64_t)audit_seq(k->audit));
	record_set_int(status, STATUS_SINK, sink.state);
	record_set_int(status, STATUS_SINK_PLACE, sink.place);
	record_set_int(status, STATUS_SINK_LAG, (int64_t)sink.lag);
	record_set_int(status, STATUS_FENCED, (int64_t)store_fenced(k->store));
	record_set_int(status, STATUS_SLOTS, k->slots);
	if (k->automatic != NULL &&
		record_set_text(status, STATUS_AUTOMATIC, k->automatic) != KERR_OK)
		return;
	if (k->slots == 1)
		reason(status, "only one slot opens keyd; were it lost, so were "
			       "everything: keyd seal add");
	if (store_fenced(k->store) > 0)
		reason(status, "damaged rows are set aside: keyd audit verify, then "
			       "restore or accept");
	if (atomic_load(&k->pages_damaged))
		reason(status, "the database file has damaged pages: make a backup and "
			       "restore it");
	if (sink.state == SINK_IS_MISSING)
		reason(status,
			"the audit sink does not take records: nothing secret is shown");
	if (sink.state == SINK_IS_AHEAD)
		reason(status, "the audit sink knows more than the database: it was put "
			       "back; restore, "
			       "or accept with keyd status --accept-damage");
}

/* The phase, and what keeps keyd from all it could do. */
static void
put_state(struct keeper *k, struct record *status)
{
	bool serving = k->phase == PHASE_BIT_SERVING;
	struct clock_status st;

	record_set_int(status, STATUS_PHASE,
		k->phase == PHASE_BIT_EMPTY    ? PHASE_EMPTY
		: k->phase == PHASE_BIT_SEALED ? PHASE_SEALED
					       : PHASE_SERVING);
	record_set_int(status, STATUS_READY, serving && !k->restricted);
	if (k->phase == PHASE_BIT_EMPTY)
		reason(status, "nothing is set up yet: keyd init or keyd restore");
	if (k->phase == PHASE_BIT_SEALED)
		reason(status, k->starting ? "keyd is starting" : "sealed: keyd unseal");
	if (k->phase == PHASE_BIT_SEALED && k->sealed_why[0] != '\0')
		reason(status, k->sealed_why);
	if (k->restricted)
		reason(status, "damage or a gap was found at start: revoking works, "
			       "nothing is answered "
			       "active or issued until the owner accepts (keyd status "
			       "--accept-damage)");
	clock_status(&st);
	if (st.stepped)
		reason(status, "the clock jumped: keyd clock confirm when it is right");
	else if (!st.synchronised && !st.confirmed)
		reason(status, "no time service is in sync: the calendar ends nothing "
			       "until it is, or "
			       "until keyd clock confirm");
	record_set_int(status, STATUS_DISK,
		atomic_load(&k->disk_full) ? DISK_IS_FULL : DISK_IS_OK);
	if (atomic_load(&k->disk_full))
		reason(status, "the disk is full: only revoking, quarantining and "
			       "suspending work");
}

void
answer_status(struct keeper *k, struct peer *p, struct record *status)
{
	bool serving = k->phase == PHASE_BIT_SERVING;
	struct record *clock;
	char you[128];

	put_state(k, status);
	record_set_int(status, STATUS_STARTED, k->started);
	record_set_int(status, STATUS_FRONTS, (int64_t)peers_of(&k->peers, PEER_FRONT));
	if (record_set_text(status, STATUS_RELEASE, KEYD_VERSION) != KERR_OK)
		return;
	if (serving)
		put_counts(k, status);
	if (serving && record_set_text(status, STATUS_DEPLOYMENT,
			       vault_deployment(k->vault)) != KERR_OK)
		return;
	clock = record_add_record(status, STATUS_CLOCK);
	if (clock == NULL || put_clock(clock) != KERR_OK)
		return;
	if (p == NULL || p->uid < 0)
		return;
	snprintf(you, sizeof(you), "%s (uid %" PRId64 ")", p->user, p->uid);
	if (record_set_text(status, STATUS_YOU, you) != KERR_OK)
		record_unset(status, STATUS_YOU);
}

static void
metric(struct buf *b, const char *name, const char *type, const char *help,
	uint64_t value)
{
	buf_printf(b, "# HELP %s %s\n# TYPE %s %s\n%s %" PRIu64 "\n", name, help, name,
		type, name, value);
}

static const char *const refusals[INDEX_VERDICT__COUNT] = {
	[INDEX_GOOD] = "none",
	[INDEX_UNKNOWN_KEY] = "unknown_key",
	[INDEX_WRONG_SECRET] = "wrong_secret",
	[INDEX_TYPING_ERROR] = "typing_error",
	[INDEX_SECRET_AS_KEY] = "secret_as_key",
	[INDEX_NOT_YET] = "not_yet",
	[INDEX_EXPIRED] = "expired",
	[INDEX_SUSPENDED] = "suspended",
	[INDEX_QUARANTINED] = "quarantined",
	[INDEX_REVOKED] = "revoked",
};

static void
put_refusals(struct keeper *k, struct buf *b)
{
	unsigned v;

	buf_put_text(b, "# HELP keyd_refused_total token requests and callers refused\n"
			"# TYPE keyd_refused_total counter\n");
	for (v = 1; v < INDEX_VERDICT__COUNT; v++)
		buf_printf(b, "keyd_refused_total{cause=\"%s\"} %" PRIu64 "\n",
			refusals[v], k->refused[v]);
}

static enum kerr
put_metrics(struct keeper *k, struct record *answer)
{
	struct index_counts c = {0};
	struct audit_sink_status sink = {0};
	struct buf b;
	enum kerr err;

	buf_init(&b, 1u << 16);
	metric(&b, "keyd_phase", "gauge", "1 empty, 2 sealed, 4 serving",
		(uint64_t)k->phase);
	metric(&b, "keyd_ready", "gauge", "answers and issues",
		k->phase == PHASE_BIT_SERVING && !k->restricted);
	metric(&b, "keyd_answers_total", "counter", "questions answered by the keeper",
		k->answered);
	put_refusals(k, &b);
	if (k->phase == PHASE_BIT_SERVING) {
		index_counts(k->index, clock_now(), &c);
		audit_sink_status(k->audit, &sink);
		metric(&b, "keyd_clients", "gauge", "clients not revoked", c.clients);
		metric(&b, "keyd_clients_live", "gauge",
			"clients whose tokens can be active", c.live);
		metric(&b, "keyd_quarantined", "gauge",
			"clients and secrets in quarantine", c.quarantined);
		metric(&b, "keyd_undelivered", "gauge", "secrets not delivered",
			c.undelivered);
		metric(&b, "keyd_expiring_30d", "gauge",
			"secrets that end within 30 days", c.expiring);
		metric(&b, "keyd_index_bytes", "gauge", "memory of the index", c.bytes);
		metric(&b, "keyd_audit_sequence", "counter", "newest audit record",
			audit_seq(k->audit));
		metric(&b, "keyd_audit_sink_lag", "gauge", "records not yet in the sink",
			sink.lag);
		metric(&b, "keyd_fenced_rows", "gauge", "damaged rows set aside",
			store_fenced(k->store));
		metric(&b, "keyd_disk_full", "gauge", "ordinary changes are refused",
			atomic_load(&k->disk_full));
	}
	err = buf_error(&b);
	if (err == KERR_OK)
		err = record_set_bytes(answer, TEXT_TEXT, b.data, b.len);
	buf_clear(&b);
	return err;
}

static bool
runs_keyd(const struct keeper *k, const struct peer *p)
{
	return p->uid == 0 || p->uid == (int64_t)k->owner_uid;
}

bool
answer_needs_person(
	const struct keeper *k, const struct peer *p, const struct gate_row *row)
{
	return row->number == MESSAGE_SHUTDOWN && k->phase == PHASE_BIT_SERVING &&
	       !runs_keyd(k, p);
}

/* Root and the owner of the state directory may stop keyd in any phase; whom else the
 * roles allow is known only while it serves, and to a reading thread. */
static enum kerr
stop(struct keeper *k, struct peer *p, struct record *answer, struct fault *fault)
{
	if (!runs_keyd(k, p))
		return fault_set(fault, KERR_DENIED, "",
			"only root and the user that keyd runs as may stop it before it "
			"serves");
	record_set_int(answer, DONE_DONE, 1);
	return role_ask_stop(k->start);
}

enum kerr
answer_service(struct keeper *k, struct peer *p, const struct gate_row *row,
	struct record *answer, struct fault *fault)
{
	switch (row->number) {
	case MESSAGE_STATUS:
		answer_status(k, p, answer);
		return KERR_OK;
	case MESSAGE_HEALTH:
		answer_status(k, NULL, answer);
		return KERR_OK;
	case MESSAGE_CLOCK_SHOW:
		return put_clock(answer);
	case MESSAGE_METRICS:
		return put_metrics(k, answer);
	case MESSAGE_SHUTDOWN:
		return stop(k, p, answer, fault);
	}
	return fault_set(fault, KERR_UNSUPPORTED, "", "not known");
}
