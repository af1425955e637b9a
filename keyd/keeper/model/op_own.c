#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "core/model/model.h"
#include "core/text.h"
#include "keyd/keeper/model/idempotency.h"
#include "keyd/keeper/model/op.h"
#include "keyd/keeper/model/operations.h"
#include "keyd/keeper/model/secrets.h"
#include "keyd/keeper/tokens/tokens.h"

/* What keyd changes by itself: the first use of a secret, last uses, ends that the
 * calendar brings, tokens ended by their clients. The same path as any change; no person
 * is behind it. */

/* delivered → live; the record key of its copy goes. Asked again after it has happened,
 * nothing happens. */
static enum kerr
secret_used(struct op *op)
{
	struct record *secret;
	int64_t id;
	enum kerr err = text_to_int(op_ref(op), strlen(op_ref(op)), &id);

	if (err == KERR_OK)
		err = store_get(op->reader, TABLE_secret, id, op->arena, &secret);
	if (err != KERR_OK)
		return err;
	if (record_int(secret, ROW_SECRET_STATE) != SECRET_IS_SEALED &&
		record_int(secret, ROW_SECRET_STATE) != SECRET_IS_DELIVERED)
		return KERR_OK;
	return secrets_move(op, secret, SECRET_MOVE_USE, "secret.use");
}

static enum kerr
keep_usage(struct op *op, const struct op_usage *u)
{
	struct record *row = record_new(op->arena, store_schema(TABLE_usage));
	enum kerr err = KERR_OK;

	if (row == NULL)
		return KERR_NOMEM;
	record_set_int(row, ROW_USAGE_SECRET_ID, u->secret);
	record_set_int(row, ROW_USAGE_HOUR, u->hour);
	if (u->source[0] != '\0')
		err = record_set_text(row, ROW_USAGE_SOURCE, u->source);
	return err == KERR_OK ? store_put(op->store, TABLE_usage, row) : err;
}

static enum kerr
count_issued(struct op *op, const struct op_usage *u)
{
	const struct store_condition c[] = {
		{.column = ROW_ISSUED_CLIENT_ID, .test = STORE_IS, .number = u->client},
		{.column = ROW_ISSUED_HOUR, .test = STORE_IS, .number = u->hour}};
	const struct store_query q = {.table = TABLE_issued, .conditions = c, .count = 2};
	struct record *row, *former;
	int64_t count = u->count;
	enum kerr err = store_first(op->reader, &q, op->arena, &former);

	if (err == KERR_OK)
		count += record_int(former, ROW_ISSUED_COUNT);
	else if (err != KERR_NOTFOUND)
		return err;
	row = record_new(op->arena, store_schema(TABLE_issued));
	if (row == NULL)
		return KERR_NOMEM;
	record_set_int(row, ROW_ISSUED_CLIENT_ID, u->client);
	record_set_int(row, ROW_ISSUED_HOUR, u->hour);
	record_set_int(row, ROW_ISSUED_COUNT, count);
	return store_put(op->store, TABLE_issued, row);
}

static enum kerr
usage(struct op *op)
{
	enum kerr err = KERR_OK;
	size_t i;

	for (i = 0; err == KERR_OK && i < op->usage_count; i++) {
		err = keep_usage(op, &op->usage[i]);
		if (err == KERR_OK)
			err = count_issued(op, &op->usage[i]);
	}
	return err;
}

static enum kerr
rates(struct op *op)
{
	const struct store_condition old = {.column = ROW_RATE_BLOCK_WINDOW,
		.test = STORE_BELOW,
		.number = op->now - 120};
	const struct store_query q = {
		.table = TABLE_rate_block, .conditions = &old, .count = 1};
	enum kerr err = store_delete(op->store, &q);
	struct record *row;
	size_t i;

	for (i = 0; err == KERR_OK && i < op->block_count; i++) {
		row = record_new(op->arena, store_schema(TABLE_rate_block));
		if (row == NULL)
			return KERR_NOMEM;
		record_set_int(row, ROW_RATE_BLOCK_WINDOW, op->blocks[i].window);
		record_set_int(row, ROW_RATE_BLOCK_RESERVED, op->blocks[i].reserved);
		err = record_set_bytes(row, ROW_RATE_BLOCK_BUCKET, op->blocks[i].bucket,
			sizeof(op->blocks[i].bucket));
		if (err == KERR_OK)
			err = store_put(op->store, TABLE_rate_block, row);
	}
	return err;
}

#define ENDED_MAX 64 /* unexpired ones of a client, as the index keeps them */

struct ended {
	struct op *op;
	size_t count;
	bool same; /* that token was ended before */
};

static enum kerr
count_ended(void *with, struct record *row)
{
	struct ended *e = with;
	const uint8_t *tag, *prepared;
	size_t len, prepared_len;

	tag = record_bytes(row, ROW_ENDED_TOKEN_JTI_TAG, &len);
	prepared = record_bytes(e->op->prepared, ROW_ENDED_TOKEN_JTI_TAG, &prepared_len);
	e->same = e->same || (len == prepared_len && memcmp(tag, prepared, len) == 0);
	e->count += record_int(row, ROW_ENDED_TOKEN_EXPIRES) > e->op->now;
	return KERR_OK;
}

/* RFC 7009: the row was prepared by the answering thread, which authenticated the client.
 * What it counted is counted again here: questions that waited beside each other would
 * together be more than the index keeps. */
static enum kerr
end_token(struct op *op)
{
	const struct store_condition c = {.column = ROW_ENDED_TOKEN_CLIENT_ID,
		.test = STORE_IS,
		.number = record_int(op->prepared, ROW_ENDED_TOKEN_CLIENT_ID)};
	const struct store_query q = {
		.table = TABLE_ended_token, .conditions = &c, .count = 1};
	struct ended ended = {.op = op};
	struct record *client;
	enum kerr err = store_get(op->reader, TABLE_client, c.number, op->arena, &client);

	if (err == KERR_OK)
		err = store_select(op->reader, &q, op->arena, count_ended, &ended);
	if (err == KERR_OK && ended.count >= ENDED_MAX && !ended.same)
		return op_fault(
			op, KERR_BUSY, "", "too many tokens of this client were ended");
	if (err == KERR_OK && !ended.same) {
		record_set_int(
			op->prepared, ROW_TENANT_ID, record_int(client, ROW_TENANT_ID));
		err = op_insert(op, TABLE_ended_token, op->prepared, "token.end");
	}
	op->answer = record_new(op->arena, &done_schema);
	if (op->answer != NULL)
		record_set_int(op->answer, DONE_DONE, 1);
	return err;
}

#define ENDS_A_ROUND 256

struct due {
	struct op *op;
	int64_t ids[ENDS_A_ROUND];
	size_t count;
};

static enum kerr
collect(void *with, struct record *row)
{
	struct due *d = with;

	d->ids[d->count++] = record_int(row, ROW_ID);
	return d->count == ENDS_A_ROUND ? KERR_CLOSED : KERR_OK;
}

/* The end of the hour of its last use, since only the hour is known; 0: never used. */
static enum kerr
last_used(struct op *op, int64_t secret, int64_t *ret)
{
	const struct store_condition c = {
		.column = ROW_USAGE_SECRET_ID, .test = STORE_IS, .number = secret};
	const struct store_query q = {.table = TABLE_usage, .conditions = &c, .count = 1};
	struct record *use;
	enum kerr err = store_first(op->reader, &q, op->arena, &use);

	*ret = err == KERR_OK ? record_int(use, ROW_USAGE_HOUR) + 3600 : 0;
	return err == KERR_NOTFOUND ? KERR_OK : err;
}

struct successor {
	int64_t number; /* of the retiring secret */
	int64_t since;  /* when the first one that is in use was made; 0: none is */
};

static enum kerr
look_for_successor(void *with, struct record *row)
{
	struct successor *s = with;

	if (record_int(row, ROW_SECRET_NUMBER) > s->number &&
		record_int(row, ROW_SECRET_STATE) == SECRET_IS_LIVE)
		s->since = record_int(
			row, ROW_SECRET_CREATED); /* newest first: the oldest wins */
	return KERR_OK;
}

/* A retiring secret ends when its successor has been seen in use and it has not for its
 * quiet days; never later than its hard end. Its state is housekeeping: refusal is
 * decided by its dates at the moment of use. */
static enum kerr
is_over(struct op *op, const struct record *secret, bool *ret)
{
	struct successor s = {.number = record_int(secret, ROW_SECRET_NUMBER)};
	int64_t used, quiet = record_int(secret, ROW_SECRET_QUIET_DAYS) * 86400;
	enum kerr err;

	*ret = record_int(secret, ROW_SECRET_NOT_AFTER) <= op->now ||
	       (record_has(secret, ROW_SECRET_HARD_END) &&
		       record_int(secret, ROW_SECRET_HARD_END) <= op->now);
	if (*ret || record_int(secret, ROW_SECRET_STATE) != SECRET_IS_RETIRING)
		return KERR_OK;
	err = secrets_each(
		op, record_int(secret, ROW_SECRET_CLIENT_ID), look_for_successor, &s);
	if (err == KERR_OK)
		err = last_used(op, record_int(secret, ROW_ID), &used);
	if (err == KERR_OK && s.since != 0)
		*ret = op->now - (used > s.since ? used : s.since) >= quiet;
	return err;
}

static enum kerr
end_those_over(struct op *op, const struct due *d)
{
	enum kerr err = KERR_OK;
	struct record *row;
	bool over;
	size_t i;

	for (i = 0; err == KERR_OK && i < d->count; i++) {
		err = store_get(op->reader, TABLE_secret, d->ids[i], op->arena, &row);
		if (err == KERR_OK)
			err = is_over(op, row, &over);
		if (err == KERR_OK && over)
			err = secrets_move(op, row, SECRET_MOVE_END, "secret.end");
	}
	return err;
}

/* Secrets in that state of which the time in that column is over. */
static enum kerr
end_due(struct op *op, int64_t state, unsigned column)
{
	struct due d = {.op = op};
	const struct store_condition c[] = {
		{.column = ROW_SECRET_STATE, .test = STORE_IS, .number = state},
		{.column = column, .test = STORE_BELOW, .number = op->now + 1}};
	const struct store_query q = {.table = TABLE_secret, .conditions = c, .count = 2};
	enum kerr err = store_select(op->reader, &q, op->arena, collect, &d);

	return err == KERR_OK || err == KERR_CLOSED ? end_those_over(op, &d) : err;
}

/* Retiring secrets that are not used any more. Of many a round looks at some, the next
 * one at those after them: quiet days are not minutes. */
static enum kerr
end_quiet(struct op *op)
{
	struct due d = {.op = op};
	const struct store_condition c[] = {{.column = ROW_SECRET_STATE,
						    .test = STORE_IS,
						    .number = SECRET_IS_RETIRING},
		{.column = ROW_ID,
			.test = STORE_ABOVE,
			.number = op->looked != NULL ? *op->looked : 0}};
	const struct store_query q = {.table = TABLE_secret, .conditions = c, .count = 2};
	enum kerr err = store_select(op->reader, &q, op->arena, collect, &d);

	if (err != KERR_OK && err != KERR_CLOSED)
		return err;
	if (op->looked != NULL)
		*op->looked = d.count == ENDS_A_ROUND ? d.ids[d.count - 1] : 0;
	return end_those_over(op, &d);
}

/* Copies that nobody fetched in time are forgotten; the secret itself stays until its own
 * end. */
static enum kerr
close_deliveries(struct op *op)
{
	struct due d = {.op = op};
	const struct store_condition c[] = {{.column = ROW_DELIVERY_UNTIL,
						    .test = STORE_BELOW,
						    .number = op->now + 1},
		{.column = ROW_DELIVERY_OPENED, .test = STORE_IS_NULL}};
	const struct store_query q = {
		.table = TABLE_delivery, .conditions = c, .count = 2};
	enum kerr err = store_select(op->reader, &q, op->arena, collect, &d);
	struct record *delivery, *secret;
	size_t i;

	for (i = 0; (err == KERR_OK || err == KERR_CLOSED) && i < d.count; i++) {
		err = store_get(
			op->reader, TABLE_delivery, d.ids[i], op->arena, &delivery);
		if (err == KERR_OK)
			err = store_get(op->reader, TABLE_secret,
				record_int(delivery, ROW_DELIVERY_SECRET_ID), op->arena,
				&secret);
		if (err == KERR_OK)
			err = secrets_delivered(op, secret, "nobody: its time was over");
	}
	return err == KERR_CLOSED ? KERR_OK : err;
}

static enum kerr
forget_ended_tokens(struct op *op)
{
	struct due d = {.op = op};
	const struct store_condition c = {.column = ROW_ENDED_TOKEN_EXPIRES,
		.test = STORE_BELOW,
		.number = op->now};
	const struct store_query q = {
		.table = TABLE_ended_token, .conditions = &c, .count = 1};
	enum kerr err = store_select(op->reader, &q, op->arena, collect, &d);
	size_t i;

	err = err == KERR_CLOSED ? KERR_OK : err;
	for (i = 0; err == KERR_OK && i < d.count; i++)
		err = op_remove(op, TABLE_ended_token, d.ids[i], "token.forget");
	return err;
}

static enum kerr
write_key(void *with, struct record *row, const struct record *former, const char *action)
{
	struct op *op = with;

	return former == NULL ? op_insert(op, TABLE_signing_key, row, action)
			      : op_update(op, TABLE_signing_key, row, former, action);
}

static enum kerr
expire_keys(struct op *op)
{
	const struct signing_set set = {.store = op->store,
		.vault = op->vault,
		.arena = op->arena,
		.now = op->now,
		.write = write_key,
		.with = op};
	size_t count = 0;
	enum kerr err = signing_set_expire(&set, &count);

	op->keys_changed = op->keys_changed || count > 0;
	return err;
}

/* Once a minute. Ends nothing while the clock cannot be trusted (promise 6); forgetting
 * what has long expired is no end. */
static enum kerr
calendar(struct op *op)
{
	static const int64_t states[] = {
		SECRET_IS_LIVE, SECRET_IS_DELIVERED, SECRET_IS_SEALED};
	struct clock_status clock;
	enum kerr err = idempotency_clean(op);
	size_t i;

	clock_status(&clock);
	if (clock.stepped || !(clock.synchronised || clock.confirmed))
		return err;
	if (err == KERR_OK)
		err = end_due(op, SECRET_IS_RETIRING, ROW_SECRET_HARD_END);
	for (i = 0; err == KERR_OK && i < sizeof(states) / sizeof(states[0]); i++)
		err = end_due(op, states[i], ROW_SECRET_NOT_AFTER);
	if (err == KERR_OK)
		err = end_quiet(op);
	if (err == KERR_OK)
		err = close_deliveries(op);
	if (err == KERR_OK)
		err = forget_ended_tokens(op);
	return err == KERR_OK ? expire_keys(op) : err;
}

const struct op_row op_own_rows[] = {
	{MESSAGE_SECRET_USED, secret_used},
	{MESSAGE_USAGE, usage},
	{MESSAGE_REVOKE_TOKEN, end_token},
	{MESSAGE_RATES, rates},
	{MESSAGE_CALENDAR, calendar},
	{0, NULL},
};
