#include <stdio.h>

#include "core/model/model.h"
#include "keyd/keeper/model/client_answer.h"
#include "keyd/keeper/model/idempotency.h"
#include "keyd/keeper/model/op.h"
#include "keyd/keeper/model/operations.h"
#include "keyd/keeper/model/refs.h"
#include "keyd/keeper/model/secrets.h"
#include "keyd/keeper/model/states.h"
#include "keyd/role/settings.h"

/* A client's life: its secrets made, delivered, rotated; suspended, quarantined,
 * released, revoked. */

static const char *
reason_of(const struct op *op)
{
	const struct record *act = op_body(op);

	return act != NULL ? record_text(act, CLIENT_ACT_REASON) : "";
}

/* The client of the request, if the person may do that to it. */
static enum kerr
find_client(struct op *op, enum verb verb, struct record **ret)
{
	struct access_object object = {.table = TABLE_client};
	enum kerr err = KERR_OK;

	if (op_body(op) != NULL)
		err = record_check(op_body(op), RECORD_CHANGE, &op->fault);
	if (err == KERR_OK)
		err = refs_find(op, TABLE_client, op_ref(op), "client", ret);
	if (err != KERR_OK)
		return err;
	object.application = record_int(*ret, ROW_CLIENT_APPLICATION_ID);
	err = op_allow(op, verb, &object);
	if (err == KERR_OK && record_has(op->asked, REQUEST_VERSION) &&
		record_int(op->asked, REQUEST_VERSION) != record_int(*ret, ROW_VERSION))
		return op_fault(op, KERR_CONFLICT, "version",
			"the client was changed meanwhile: look at it again");
	return err;
}

static enum kerr
answer_client(struct op *op, int64_t id)
{
	struct record *row;
	enum kerr err = store_get(op->reader, TABLE_client, id, op->arena, &row);

	op->answer = record_new(op->arena, &client_schema);
	if (err != KERR_OK || op->answer == NULL)
		return err != KERR_OK ? err : KERR_NOMEM;
	return client_answer(op, row, true, op->answer);
}

/* Moves the client itself. raise: its tokens end with it (a higher generation). */
static enum kerr
move_client(struct op *op, const struct record *client, enum client_move move, bool raise,
	const char *action)
{
	struct record *row;
	int64_t to;
	enum kerr err = store_get(
		op->reader, TABLE_client, record_int(client, ROW_ID), op->arena, &row);

	if (err == KERR_OK)
		err = client_move(record_int(row, ROW_CLIENT_STATE), move, &to);
	if (err == KERR_CONFLICT)
		return op_fault(op, err, "state",
			"a client that is %s cannot be moved by %s",
			client_states[record_int(row, ROW_CLIENT_STATE)],
			client_move_name(move));
	if (err != KERR_OK)
		return err;
	if (to == record_int(row, ROW_CLIENT_STATE) && !raise)
		return KERR_OK;
	record_set_int(row, ROW_CLIENT_STATE, to);
	if (raise)
		record_set_int(row, ROW_CLIENT_GENERATION,
			record_int(row, ROW_CLIENT_GENERATION) + 1);
	record_unset(row, ROW_CLIENT_REASON);
	if (reason_of(op)[0] != '\0')
		err = record_set_text(row, ROW_CLIENT_REASON, reason_of(op));
	return err == KERR_OK ? op_update(op, TABLE_client, row, NULL, action) : err;
}

struct seek {
	bool undelivered; /* looks for a sealed one, else for any usable one */
	struct record *found;
	struct op *op;
};

static enum kerr
seek_secret(void *with, struct record *row)
{
	struct seek *s = with;
	int64_t state = record_int(row, ROW_SECRET_STATE);
	enum kerr err;

	if (s->undelivered ? state != SECRET_IS_SEALED : !secret_is_usable(state))
		return KERR_OK;
	err = store_get(s->op->reader, TABLE_secret, record_int(row, ROW_ID),
		s->op->arena, &s->found);
	return err == KERR_OK ? KERR_CLOSED : err;
}

static struct record *
new_envelope(struct op *op)
{
	op->answer = record_new(op->arena, &envelope_schema);
	return op->answer;
}

/* The same request under the same Idempotency-Key: the same secret once more.
 * KERR_NOTFOUND: a new request. */
static enum kerr
repeat(struct op *op, const struct record *client)
{
	struct record *secret;
	int64_t id = 0;
	enum kerr err = idempotency_find(op, &id);

	if (err == KERR_OK)
		err = store_get(op->reader, TABLE_secret, id, op->arena, &secret);
	if (err != KERR_OK)
		return err;
	if (new_envelope(op) == NULL)
		return KERR_NOMEM;
	return secrets_show(op, client, secret, true, op->answer);
}

/* Makes the secret and remembers the request; dry: nothing is shown. */
static enum kerr
make(struct op *op, const struct record *client)
{
	struct record *secret;
	enum kerr err;

	if (new_envelope(op) == NULL)
		return KERR_NOMEM;
	err = secrets_make(op, client, op_body(op), op->answer);
	if (err != KERR_OK)
		return err;
	if (record_int(op->asked, REQUEST_DRY_RUN) != 0)
		record_set_secret(op->answer, ENVELOPE_SECRET, NULL);
	err = secrets_number(op, record_int(client, ROW_ID),
		record_int(op->answer, ENVELOPE_NUMBER), &secret);
	return err == KERR_OK ? idempotency_keep(op, record_int(client, ROW_ID),
					record_int(secret, ROW_ID))
			      : err;
}

static enum kerr
issue(struct op *op)
{
	struct seek seek = {.op = op};
	struct record *client;
	enum kerr err = find_client(op, VERB_ISSUE, &client);

	if (err == KERR_OK)
		err = repeat(op, client);
	if (err != KERR_NOTFOUND)
		return err;
	err = secrets_each(op, record_int(client, ROW_ID), seek_secret, &seek);
	if (err != KERR_OK)
		return err;
	if (seek.found != NULL)
		return op_fault(op, KERR_CONFLICT, "client",
			"it has a secret already (number %lld, %s): %s",
			(long long)record_int(seek.found, ROW_SECRET_NUMBER),
			secret_states[record_int(seek.found, ROW_SECRET_STATE)],
			record_int(seek.found, ROW_SECRET_STATE) == SECRET_IS_SEALED
				? "deliver shows it, rotate makes another"
				: "rotate puts a new one beside it");
	err = move_client(op, client, CLIENT_MOVE_ISSUE, false, "client.issue");
	return err == KERR_OK ? make(op, client) : err;
}

static enum kerr
deliver(struct op *op)
{
	struct seek seek = {.op = op, .undelivered = true};
	const struct record *act = op_body(op);
	struct record *client;
	enum kerr err = find_client(op, VERB_ISSUE, &client);

	if (err != KERR_OK)
		return err;
	if (act != NULL && record_has(act, CLIENT_ACT_SECRET))
		err = secrets_number(op, record_int(client, ROW_ID),
			record_int(act, CLIENT_ACT_SECRET), &seek.found);
	else
		err = secrets_each(op, record_int(client, ROW_ID), seek_secret, &seek);
	if (err != KERR_OK)
		return err;
	if (seek.found == NULL ||
		record_int(seek.found, ROW_SECRET_STATE) != SECRET_IS_SEALED)
		return op_fault(op, KERR_CONFLICT, "client",
			"no secret of this client waits to be delivered; rotate makes a "
			"new one");
	if (record_int(client, ROW_CLIENT_STATE) != CLIENT_IS_LIVE)
		return op_fault(op, KERR_CONFLICT, "state", "the client is not live");
	return new_envelope(op) != NULL
		       ? secrets_show(op, client, seek.found, true, op->answer)
		       : KERR_NOMEM;
}

/* The terminal or the file has it: keyd keeps only what verifies it. */
static enum kerr
receipt(struct op *op)
{
	const struct record *act = op_body(op);
	struct record *client, *secret;
	enum kerr err = find_client(op, VERB_ISSUE, &client);

	if (err == KERR_OK && (act == NULL || !record_has(act, CLIENT_ACT_SECRET)))
		return op_fault(
			op, KERR_INVALID, "secret_number", "a receipt names the secret");
	if (err == KERR_OK)
		err = secrets_number(op, record_int(client, ROW_ID),
			record_int(act, CLIENT_ACT_SECRET), &secret);
	if (err == KERR_OK && record_int(secret, ROW_SECRET_STATE) == SECRET_IS_SEALED)
		err = secrets_move(op, secret, SECRET_MOVE_DELIVER, "secret.deliver");
	else if (err == KERR_OK)
		err = secrets_delivered(op, secret, op->who->name);
	return err == KERR_OK ? answer_client(op, record_int(client, ROW_ID)) : err;
}

static int64_t
days(const struct op *op, unsigned field, unsigned setting)
{
	const struct record *act = op_body(op);

	return act != NULL && record_has(act, field) ? record_int(act, field)
						     : record_int(op->settings, setting);
}

static enum kerr
rotate(struct op *op)
{
	struct seek seek = {.op = op};
	struct record *client;
	int64_t latest = 0;
	enum kerr err = find_client(op, VERB_ISSUE, &client);

	if (err == KERR_OK)
		err = repeat(op, client);
	if (err != KERR_NOTFOUND)
		return err;
	err = secrets_each(op, record_int(client, ROW_ID), seek_secret, &seek);
	if (err == KERR_OK && seek.found == NULL)
		return op_fault(op, KERR_CONFLICT, "client",
			"it has no secret to rotate: issue makes one");
	if (err == KERR_OK)
		err = move_client(op, client, CLIENT_MOVE_ROTATE, false, "client.rotate");
	if (err == KERR_OK)
		err = make(op, client);
	if (err == KERR_OK)
		err = secrets_retire_others(op, record_int(client, ROW_ID),
			record_int(op->answer, ENVELOPE_NUMBER),
			op->now + days(op, CLIENT_ACT_OVERLAP, SETTINGS_OVERLAP_DAYS) *
					  86400,
			days(op, CLIENT_ACT_QUIET, SETTINGS_QUIET_DAYS), &latest);
	if (err == KERR_OK && latest != 0)
		record_set_int(op->answer, ENVELOPE_HARD_END, latest);
	return err;
}

static enum kerr
move_and_answer(struct op *op, enum verb verb, enum client_move move, bool raise,
	const char *action)
{
	struct record *client;
	enum kerr err = find_client(op, verb, &client);

	if (err == KERR_OK)
		err = move_client(op, client, move, raise, action);
	return err == KERR_OK ? answer_client(op, record_int(client, ROW_ID)) : err;
}

static enum kerr
suspend(struct op *op)
{
	return move_and_answer(
		op, VERB_SUSPEND, CLIENT_MOVE_SUSPEND, true, "client.suspend");
}

static enum kerr
resume(struct op *op)
{
	return move_and_answer(
		op, VERB_SUSPEND, CLIENT_MOVE_RESUME, false, "client.resume");
}

/* One secret alone when the request names one, else the client. */
static enum kerr
stop(struct op *op, enum verb verb, enum client_move move, enum secret_move secret_stop,
	const char *what)
{
	const struct record *act = op_body(op);
	struct record *client, *secret;
	char action[32];
	enum kerr err = find_client(op, verb, &client);

	if (err != KERR_OK)
		return err;
	if (act != NULL && record_has(act, CLIENT_ACT_SECRET)) {
		snprintf(action, sizeof(action), "secret.%s", what);
		err = secrets_number(op, record_int(client, ROW_ID),
			record_int(act, CLIENT_ACT_SECRET), &secret);
		if (err == KERR_OK)
			err = secrets_move(op, secret, secret_stop, action);
	} else {
		snprintf(action, sizeof(action), "client.%s", what);
		err = move_client(op, client, move, true, action);
		if (err == KERR_OK)
			err = secrets_forget_copies(op, record_int(client, ROW_ID));
	}
	return err == KERR_OK ? answer_client(op, record_int(client, ROW_ID)) : err;
}

static enum kerr
quarantine(struct op *op)
{
	return stop(op, VERB_QUARANTINE, CLIENT_MOVE_QUARANTINE, SECRET_MOVE_QUARANTINE,
		"quarantine");
}

static enum kerr
revoke(struct op *op)
{
	return stop(op, VERB_REVOKE, CLIENT_MOVE_REVOKE, SECRET_MOVE_REVOKE, "revoke");
}

/* Out of quarantine: with a new secret, the former ones revoked. */
static enum kerr
release(struct op *op)
{
	struct record *client;
	enum kerr err = find_client(op, VERB_RELEASE, &client);

	if (err == KERR_OK)
		err = repeat(op, client);
	if (err != KERR_NOTFOUND)
		return err;
	err = move_client(op, client, CLIENT_MOVE_RELEASE, true, "client.release");
	if (err == KERR_OK)
		err = make(op, client);
	return err == KERR_OK ? secrets_revoke_others(op, record_int(client, ROW_ID),
					record_int(op->answer, ENVELOPE_NUMBER))
			      : err;
}

const struct op_row op_client_life_rows[] = {
	{MESSAGE_CLIENT_ISSUE, issue},
	{MESSAGE_CLIENT_DELIVER, deliver},
	{MESSAGE_CLIENT_RECEIPT, receipt},
	{MESSAGE_CLIENT_ROTATE, rotate},
	{MESSAGE_CLIENT_SUSPEND, suspend},
	{MESSAGE_CLIENT_RESUME, resume},
	{MESSAGE_CLIENT_QUARANTINE, quarantine},
	{MESSAGE_CLIENT_RELEASE, release},
	{MESSAGE_CLIENT_REVOKE, revoke},
	{0, NULL},
};
