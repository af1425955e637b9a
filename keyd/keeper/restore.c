#include "keyd/keeper/restore.h"

#include <pwd.h>
#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "core/log.h"
#include "core/model/model.h"
#include "keyd/keeper/answer.h"
#include "keyd/keeper/lanes.h"
#include "keyd/keeper/model/backup.h"

/* keyd restore: an empty state directory takes the rows of a backup; every generation
 * rises, so that no token of before is active; what the sink says was taken away since is
 * taken away again; in a gap that the owner accepts, everything is quarantined. */

#define ROWS_MAX     ((size_t)1 << 30)
#define GAP          600 /* seconds from the sink's newest head to when keyd last ran */
#define EPOCH_BEGINS INT64_C(1577836800) /* 2020-01-01: an epoch has 31 bits */

const struct record *
restore_asked(const struct record *asked)
{
	const struct record *request = record_count(asked, RESTORE_ASK_ASK) > 0
					       ? record_at(asked, RESTORE_ASK_ASK, 0)
					       : NULL;

	return request != NULL && record_count(request, REQUEST_BODY) > 0
		       ? record_at(request, REQUEST_BODY, 0)
		       : NULL;
}

static enum kerr
keep_slot(void *with, int kind, const char *label, const void *sealed, size_t len)
{
	struct restore *r = with;
	struct record *row = record_new(r->op.arena, store_schema(TABLE_seal_slot));
	enum kerr err;

	if (row == NULL)
		return KERR_NOMEM;
	record_set_int(row, ROW_SEAL_SLOT_KIND, kind);
	record_set_int(row, ROW_SEAL_SLOT_CREATED, r->op.now);
	err = record_set_text(row, ROW_SEAL_SLOT_LABEL, label);
	if (err == KERR_OK)
		err = record_set_text(row, ROW_SEAL_SLOT_DEPLOYMENT, r->facts.deployment);
	if (err == KERR_OK)
		err = record_set_bytes(row, ROW_SEAL_SLOT_SEALED, sealed, len);
	return err == KERR_OK ? store_put(r->op.store, TABLE_seal_slot, row) : err;
}

enum kerr
restore_collect(void *with, struct record *row)
{
	struct restore *r = with;
	int64_t *more;

	if (r->count == r->room) {
		more = mem_grow(r->ids, r->room, r->room == 0 ? 1024 : r->room * 2,
			sizeof(*more));
		if (more == NULL)
			return KERR_NOMEM;
		r->ids = more;
		r->room = r->room == 0 ? 1024 : r->room * 2;
	}
	r->ids[r->count++] = record_int(row, ROW_ID);
	return KERR_OK;
}

static enum kerr
all_ids(struct restore *r, enum table_id table)
{
	struct arena *a = arena_new(1u << 20);
	enum kerr err;

	if (a == NULL)
		return KERR_NOMEM;
	r->count = 0;
	err = store_scan(store_as_reader(r->op.store), table, a, restore_collect, r);
	arena_free(a);
	return err;
}

/* One client: its generation rises above every one that was ever used; in a gap it waits
 * in quarantine. */
static enum kerr
raise_client(struct restore *r, int64_t id, int64_t epoch)
{
	struct record *row;
	int64_t state;
	enum kerr err = store_get(
		store_as_reader(r->op.store), TABLE_client, id, r->scratch, &row);

	if (err == KERR_DAMAGED)
		return KERR_OK; /* fenced: it is not used at all */
	if (err != KERR_OK)
		return err;
	state = record_int(row, ROW_CLIENT_STATE);
	record_set_int(row, ROW_CLIENT_GENERATION,
		(epoch << 32) + (record_int(row, ROW_CLIENT_GENERATION) & 0xffffffff) +
			1);
	if (r->gap && state != CLIENT_IS_REVOKED && state != CLIENT_IS_QUARANTINED) {
		record_set_int(row, ROW_CLIENT_STATE, CLIENT_IS_QUARANTINED);
		err = record_set_text(row, ROW_CLIENT_REASON,
			"restored with a gap: what happened in it is not known");
		r->quarantined++;
	}
	if (err == KERR_OK)
		err = store_update(r->op.store, TABLE_client, row, r->op.now);
	return err;
}

static enum kerr
raise_all(struct restore *r)
{
	const struct store_query q = {.table = TABLE_deployment};
	struct record *deployment;
	int64_t epoch;
	size_t i;
	enum kerr err =
		store_first(store_as_reader(r->op.store), &q, r->op.arena, &deployment);

	if (err != KERR_OK)
		return err;
	/* A backup may come back more than once: no epoch of a former restore of it is
	 * used again. */
	epoch = record_int(deployment, ROW_DEPLOYMENT_EPOCH) + 1;
	if (epoch < r->op.now - EPOCH_BEGINS)
		epoch = r->op.now - EPOCH_BEGINS;
	record_set_int(deployment, ROW_DEPLOYMENT_EPOCH, epoch);
	err = store_update(r->op.store, TABLE_deployment, deployment, r->op.now);
	if (err == KERR_OK)
		err = all_ids(r, TABLE_client);
	for (i = 0; err == KERR_OK && i < r->count; i++) {
		err = raise_client(r, r->ids[i], epoch);
		arena_reset(r->scratch);
	}
	return err;
}

/* What waited to be delivered cannot be shown any more: those secrets were never in
 * anybody's hands that could prove it. */
static enum kerr
end_undelivered(struct restore *r)
{
	struct record *row;
	size_t i;
	enum kerr err = all_ids(r, TABLE_secret);

	for (i = 0; err == KERR_OK && i < r->count; i++) {
		err = store_get(store_as_reader(r->op.store), TABLE_secret, r->ids[i],
			r->scratch, &row);
		if (err == KERR_OK &&
			record_int(row, ROW_SECRET_STATE) == SECRET_IS_SEALED) {
			record_set_int(row, ROW_SECRET_STATE, SECRET_IS_REVOKED);
			err = store_update(r->op.store, TABLE_secret, row, r->op.now);
		}
		arena_reset(r->scratch);
		err = err == KERR_DAMAGED ? KERR_OK : err;
	}
	return err;
}

/* Operators but the owner who restores end in a gap: who was dismissed in it must not
 * come back by it. KERR_NOTFOUND: the owner is none of them. */
static enum kerr
end_operators(struct restore *r)
{
	struct record *row;
	size_t i, left = 0;
	enum kerr err = all_ids(r, TABLE_operator);

	for (i = 0; err == KERR_OK && i < r->count; i++) {
		err = store_get(store_as_reader(r->op.store), TABLE_operator, r->ids[i],
			r->scratch, &row);
		if (err == KERR_OK &&
			strcmp(record_text(row, ROW_OPERATOR_USER), r->owner) == 0) {
			left += record_int(row, ROW_OPERATOR_STATE) == OPERATOR_IS_LIVE;
		} else if (err == KERR_OK) {
			record_set_int(row, ROW_OPERATOR_STATE, OPERATOR_IS_ENDED);
			err = store_update(r->op.store, TABLE_operator, row, r->op.now);
		}
		arena_reset(r->scratch);
		err = err == KERR_DAMAGED ? KERR_OK : err;
	}
	return err == KERR_OK && left == 0 ? KERR_NOTFOUND : err;
}

static enum kerr
open_file(struct keeper *k, struct job *j, const struct record *ask, struct buf *rows,
	struct restore *r)
{
	struct vault_part file;

	file.bytes = record_bytes(j->asked, RESTORE_ASK_DATA, &file.len);
	if (vault_is_open(k->vault))
		return fault_set(&j->fault, KERR_CONFLICT, "",
			"an init or a restore was begun here: stop keyd, empty the state "
			"directory, "
			"start again");
	return backup_open(k->vault, record_secret(ask, BACKUP_ASK_CODE), &file, rows,
		&r->facts, &j->fault);
}

static enum kerr
look_for_gap(struct keeper *k, struct job *j, const struct record *ask, struct restore *r)
{
	int64_t last_ran = record_has(ask, BACKUP_ASK_LAST_RAN)
				   ? record_int(ask, BACKUP_ASK_LAST_RAN)
				   : r->op.now;
	enum kerr err = restore_look(k->sink_fd, r);

	if (err != KERR_OK && err != KERR_NOTFOUND && err != KERR_DAMAGED)
		return err;
	r->gap = err != KERR_OK || r->sink_time < last_ran - GAP;
	if (r->gap && record_int(ask, BACKUP_ASK_ACCEPT) == 0)
		return fault_set(&j->fault, KERR_CONFLICT, "accept_gap",
			"what happened after the sink's newest record is not known. Say "
			"when keyd last "
			"ran (--last-ran), give the sink that was written until then, or "
			"accept the gap "
			"(--accept-gap): then every client and every operator but the "
			"owner waits in "
			"quarantine");
	return KERR_OK;
}

/* In a gap only this one stays: it must be somebody whom the backup knows. */
static enum kerr
check_owner(struct job *j, struct restore *r)
{
	const struct store_condition c = {
		.column = ROW_OPERATOR_USER, .test = STORE_IS, .text = r->owner};
	const struct store_query q = {
		.table = TABLE_operator, .conditions = &c, .count = 1};
	struct record *row;
	enum kerr err = store_first(store_as_reader(r->op.store), &q, r->op.arena, &row);

	if (err == KERR_NOTFOUND ||
		(err == KERR_OK &&
			record_int(row, ROW_OPERATOR_STATE) != OPERATOR_IS_LIVE))
		return fault_set(&j->fault, KERR_INVALID, "owner",
			"the backup knows no operator %s: name one of its owners with "
			"--owner",
			r->owner);
	return err;
}

/* Everything of a restore in one transaction. */
static enum kerr
write_all(struct keeper *k, struct job *j, const struct record *ask,
	const struct buf *rows, struct restore *r)
{
	struct secret *automatic = NULL;
	uint64_t loaded = 0;
	int kind = 0;
	size_t len;
	const uint8_t *data = record_bytes(j->asked, RESTORE_ASK_DATA, &len);
	enum kerr err = store_load(k->store, rows->data, rows->len, &loaded);

	if (err == KERR_OK)
		err = check_owner(j, r);
	if (err == KERR_OK)
		err = service_automatic(k, false, record_int(ask, BACKUP_ASK_BESIDE) != 0,
			&automatic, &kind, &j->fault);
	if (err == KERR_OK)
		err = restore_clear_keyring(k->store);
	if (err == KERR_OK)
		err = service_keep_keyring(k, r->op.now);
	if (err == KERR_OK)
		err = backup_slots(data, len, keep_slot, r);
	if (err == KERR_OK)
		err = service_keep_slot(
			k, kind, "automatic", automatic, r->op.now, &j->fault);
	secret_free(automatic);
	if (err == KERR_OK)
		err = restore_replay(k->sink_fd, r);
	if (err == KERR_OK)
		err = raise_all(r);
	if (err == KERR_OK)
		err = end_undelivered(r);
	if (err == KERR_OK && r->gap) {
		err = end_operators(r);
		if (err == KERR_NOTFOUND)
			err = fault_set(&j->fault, KERR_INVALID, "owner",
				"the backup has no operator %s, so nobody would be left "
				"to release what waits in quarantine: name the owner "
				"with --owner USER",
				r->owner);
	}
	return err;
}

static enum kerr
begin_chain(struct keeper *k, struct restore *r, struct fault *fault)
{
	struct audit_mark old = {.seq = r->facts.audit_seq};
	enum kerr err = audit_open(k->store, k->vault, k->state_fd, &k->audit, fault);

	memcpy(old.head, r->facts.audit_head, sizeof(old.head));
	if (err == KERR_OK)
		err = store_begin(k->store, true);
	if (err == KERR_OK)
		err = audit_new_segment(k->audit, old,
			r->newest.seq > old.seq ? r->newest : old, r->op.now);
	if (err == KERR_OK)
		err = store_commit(k->store);
	if (err == KERR_OK)
		audit_committed(k->audit);
	return err;
}

static enum kerr
answer(struct job *j, const struct restore *r)
{
	struct record *a = job_answer(j);

	if (a == NULL)
		return KERR_NOMEM;
	record_set_int(a, BACKUP_TIME, r->facts.time);
	record_set_int(a, BACKUP_ROWS, (int64_t)r->facts.rows);
	record_set_int(a, BACKUP_AUDIT_SEQ, (int64_t)r->facts.audit_seq);
	record_set_int(a, BACKUP_REPLAYED, (int64_t)r->replayed);
	record_set_int(a, BACKUP_GAP, r->gap);
	record_set_int(a, BACKUP_QUARANTINED, (int64_t)r->quarantined);
	return record_set_text(a, BACKUP_DEPLOYMENT, r->facts.deployment);
}

static enum kerr
name_owner(struct job *j, const struct record *ask, struct restore *r)
{
	const char *owner = record_text(ask, BACKUP_ASK_OWNER);
	struct passwd *pw = owner[0] != '\0' ? NULL : getpwuid((uid_t)j->uid);

	if (owner[0] == '\0' && j->uid == 0)
		return fault_set(&j->fault, KERR_INVALID, "owner",
			"root names the owner who restores with --owner USER");
	snprintf(r->owner, sizeof(r->owner), "%s",
		owner[0] != '\0' ? owner
		: pw != NULL     ? pw->pw_name
				 : "");
	return KERR_OK;
}

static enum kerr
restore_rows(struct keeper *k, struct job *j, const struct record *ask, struct restore *r)
{
	struct buf rows;
	enum kerr err;

	buf_init(&rows, ROWS_MAX);
	err = open_file(k, j, ask, &rows, r);
	if (err == KERR_OK)
		err = look_for_gap(k, j, ask, r);
	if (err == KERR_OK)
		err = store_unsealed(k->store, &j->fault);
	if (err == KERR_OK)
		err = store_begin(k->store, true);
	if (err == KERR_OK) {
		err = write_all(k, j, ask, &rows, r);
		if (err == KERR_OK) {
			const struct store_state state = {
				.audit_seq = r->facts.audit_seq, .last_seen = r->op.now};
			struct store_state sealed = state;

			memcpy(sealed.audit_head, r->facts.audit_head,
				sizeof(sealed.audit_head));
			store_state_set(k->store, &sealed);
			err = store_commit(k->store);
		} else {
			store_rollback(k->store);
		}
	}
	buf_clear(&rows);
	return err;
}

enum kerr
service_restore(struct keeper *k, struct job *j)
{
	const struct record *ask = restore_asked(j->asked);
	struct person who = {.uid = j->uid};
	struct restore r = {.newest = {0}};
	enum kerr err;

	if (ask == NULL || record_secret(ask, BACKUP_ASK_CODE) == NULL)
		return fault_set(&j->fault, KERR_INVALID, "secret",
			"give the recovery code or passphrase of the backup");
	lanes_op(k, j, k->store, store_as_reader(k->store), &who, &r.op);
	r.scratch = arena_new(1u << 20);
	if (r.scratch == NULL)
		return KERR_NOMEM;
	err = name_owner(j, ask, &r);
	if (err == KERR_OK)
		err = restore_rows(k, j, ask, &r);
	if (err == KERR_OK)
		err = begin_chain(k, &r, &j->fault);
	if (err == KERR_OK) {
		k->empty = false;
		err = open_up(k, j->service, &j->fault);
	}
	if (err == KERR_OK)
		err = answer(j, &r);
	if (err == KERR_OK)
		log_write(LOG_INFO, "restored", j->request,
			LOG_NUM("rows", (int64_t)r.facts.rows),
			LOG_NUM("replayed", (int64_t)r.replayed), LOG_NUM("gap", r.gap));
	mem_free(r.ids);
	arena_free(r.scratch);
	return err;
}
