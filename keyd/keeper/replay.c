#include <string.h>

#include "core/arena.h"
#include "core/model/model.h"
#include "keyd/keeper/restore.h"

/* What takes something away, found in the sink behind a backup, is taken away again. A
 * record that only may have taken something away (an application or a role changed) stops
 * what it was about: better a call in the morning than a key that works again. */

enum effect {
	SET_STATE,    /* of the object itself */
	STOP_CLIENTS, /* of the application */
};

struct rule {
	const char *action;
	enum table_id table;
	enum effect effect;
	unsigned column; /* SET_STATE */
	int64_t state;
};

static const struct rule rules[] = {
	{"client.revoke", TABLE_client, SET_STATE, ROW_CLIENT_STATE, CLIENT_IS_REVOKED},
	{"client.quarantine", TABLE_client, SET_STATE, ROW_CLIENT_STATE,
		CLIENT_IS_QUARANTINED},
	{"client.suspend", TABLE_client, SET_STATE, ROW_CLIENT_STATE,
		CLIENT_IS_SUSPENDED},
	{"secret.revoke", TABLE_secret, SET_STATE, ROW_SECRET_STATE, SECRET_IS_REVOKED},
	{"secret.quarantine", TABLE_secret, SET_STATE, ROW_SECRET_STATE,
		SECRET_IS_QUARANTINED},
	{"secret.end", TABLE_secret, SET_STATE, ROW_SECRET_STATE, SECRET_IS_ENDED},
	{"caller.end", TABLE_caller, SET_STATE, ROW_CALLER_STATE, CALLER_IS_ENDED},
	{"caller.change", TABLE_caller, SET_STATE, ROW_CALLER_STATE, CALLER_IS_ENDED},
	{"operator.change", TABLE_operator, SET_STATE, ROW_OPERATOR_STATE,
		OPERATOR_IS_ENDED},
	{"vendor.change", TABLE_vendor, SET_STATE, ROW_VENDOR_STATE, VENDOR_IS_SUSPENDED},
	{"application.change", TABLE_application, STOP_CLIENTS, 0, 0},
	{"signing-key.withdraw", TABLE_signing_key, SET_STATE, ROW_SIGNING_KEY_STATE,
		SIGNING_IS_WITHDRAWN},
};

static const struct rule *
rule_of(const char *action, const char *object)
{
	size_t i;
	enum table_id table;

	if (store_table(object, &table) != KERR_OK)
		return NULL;
	if (strncmp(object, "application_", 12) == 0 ||
		strcmp(object, "operator_role") == 0)
		return NULL; /* their parents are named too */
	for (i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		if (strcmp(rules[i].action, action) == 0 && rules[i].table == table)
			return &rules[i];
	return NULL;
}

/* Moves only downwards: what is final stays final. */
static bool
is_graver(const struct rule *rule, int64_t present)
{
	if (rule->table == TABLE_client)
		return present != CLIENT_IS_REVOKED && present < rule->state;
	if (rule->table == TABLE_secret)
		return present != SECRET_IS_REVOKED && present < rule->state;
	return present != rule->state;
}

static enum kerr
set_state(struct restore *r, const struct rule *rule, int64_t id)
{
	struct record *row;
	enum kerr err = store_get(
		store_as_reader(r->op.store), rule->table, id, r->scratch, &row);

	if (err == KERR_NOTFOUND || err == KERR_DAMAGED)
		return KERR_OK; /* made after the backup: it is not there to be used */
	if (err != KERR_OK || !is_graver(rule, record_int(row, rule->column)))
		return err;
	if (rule->table == TABLE_operator &&
		strcmp(record_text(row, ROW_OPERATOR_USER), r->owner) == 0)
		return KERR_OK;
	record_set_int(row, rule->column, rule->state);
	err = store_update(r->op.store, rule->table, row, r->op.now);
	r->replayed += err == KERR_OK;
	return err;
}

static enum kerr
collect(void *with, struct record *row)
{
	return restore_collect(with, row);
}

static enum kerr
stop_clients(struct restore *r, int64_t application)
{
	const struct rule quarantine = {"client.quarantine", TABLE_client, SET_STATE,
		ROW_CLIENT_STATE, CLIENT_IS_QUARANTINED};
	const struct store_condition c = {.column = ROW_CLIENT_APPLICATION_ID,
		.test = STORE_IS,
		.number = application};
	const struct store_query q = {
		.table = TABLE_client, .conditions = &c, .count = 1};
	size_t i;
	enum kerr err;

	r->count = 0;
	err = store_select(store_as_reader(r->op.store), &q, r->scratch, collect, r);
	for (i = 0; err == KERR_OK && i < r->count; i++)
		err = set_state(r, &quarantine, r->ids[i]);
	return err;
}

static enum kerr
take_away(void *with, const struct record *audit)
{
	struct restore *r = with;
	const struct rule *rule = rule_of(
		record_text(audit, AUDIT_ACTION), record_text(audit, AUDIT_OBJECT));
	int64_t id = record_int(audit, AUDIT_OBJECT_ID);
	enum kerr err = KERR_OK;

	if (rule == NULL)
		return KERR_OK;
	switch (rule->effect) {
	case SET_STATE:
		err = set_state(r, rule, id);
		break;
	case STOP_CLIENTS:
		err = stop_clients(r, id);
		break;
	}
	arena_reset(r->scratch);
	return err;
}

static enum kerr
only_look(void *with, const struct record *audit)
{
	(void)with;
	(void)audit;
	return KERR_OK;
}

static enum kerr
walk(int sink_fd, struct restore *r, audit_each each)
{
	struct arena *a = arena_new(1u << 20);
	struct audit_replay how = {.deployment = r->facts.deployment,
		.after_seq = r->facts.audit_seq,
		.arena = a,
		.each = each,
		.with = r};
	enum kerr err;

	if (a == NULL || sink_fd < 0) {
		arena_free(a);
		return a == NULL ? KERR_NOMEM : KERR_NOTFOUND;
	}
	err = audit_sink_replay(sink_fd, &how, &r->sink_time, &r->newest);
	arena_free(a);
	return err;
}

enum kerr
restore_look(int sink_fd, struct restore *r)
{
	return walk(sink_fd, r, only_look);
}

enum kerr
restore_replay(int sink_fd, struct restore *r)
{
	enum kerr err = walk(sink_fd, r, take_away);

	/* A sink that knows nothing, or is damaged towards its end, makes a gap, which
	 * was accepted. */
	return (err == KERR_NOTFOUND || err == KERR_DAMAGED) && r->gap ? KERR_OK : err;
}

enum kerr
restore_clear_keyring(struct store *s)
{
	enum kerr err = store_delete(s, &(struct store_query){.table = TABLE_keyring});

	return err == KERR_OK
		       ? store_delete(s, &(struct store_query){.table = TABLE_seal_slot})
		       : err;
}
