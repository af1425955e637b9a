#include "keyd/keeper/model/secrets.h"

#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "core/credential.h"
#include "core/model/model.h"
#include "keyd/role/settings.h"

enum kerr
secrets_each(struct op *op, int64_t client, store_each each, void *with)
{
	const struct store_condition of_client = {
		.column = ROW_SECRET_CLIENT_ID, .test = STORE_IS, .number = client};
	const struct store_query q = {.table = TABLE_secret,
		.conditions = &of_client,
		.count = 1,
		.descending = true};
	enum kerr err = store_select(op->reader, &q, op->arena, each, with);

	return err == KERR_CLOSED ? KERR_OK : err;
}

enum kerr
secrets_number(struct op *op, int64_t client, int64_t number, struct record **ret)
{
	const struct store_condition c[] = {
		{.column = ROW_SECRET_CLIENT_ID, .test = STORE_IS, .number = client},
		{.column = ROW_SECRET_NUMBER, .test = STORE_IS, .number = number}};
	const struct store_query q = {.table = TABLE_secret, .conditions = c, .count = 2};
	enum kerr err = store_first(op->reader, &q, op->arena, ret);

	if (err == KERR_NOTFOUND)
		return op_fault(op, err, "secret_number",
			"this client has no secret with that number");
	return err;
}

static enum kerr
highest(void *with, struct record *row)
{
	int64_t *n = with;

	if (record_int(row, ROW_SECRET_NUMBER) > *n)
		*n = record_int(row, ROW_SECRET_NUMBER);
	return KERR_OK;
}

/* The earliest of what was wished, the end of the agreement and the end of the school
 * year. */
static enum kerr
last_moment(struct op *op, const struct record *client, const struct record *act,
	int64_t *ret)
{
	struct record *application, *year;
	struct store_condition of_year = {
		.column = ROW_SCHOOL_YEAR_YEAR, .test = STORE_IS};
	const struct store_query q = {
		.table = TABLE_school_year, .conditions = &of_year, .count = 1};
	int64_t end;
	enum kerr err = store_get(op->reader, TABLE_application,
		record_int(client, ROW_CLIENT_APPLICATION_ID), op->arena, &application);

	if (err != KERR_OK)
		return err;
	*ret = clock_day_start(record_int(application, ROW_APPLICATION_ENDS) + 1);
	of_year.number = record_int(application, ROW_APPLICATION_YEAR);
	err = store_first(op->reader, &q, op->arena, &year);
	if (err != KERR_OK)
		return err;
	end = clock_day_start(record_int(year, ROW_SCHOOL_YEAR_ENDS) + 1);
	if (end < *ret)
		*ret = end;
	if (act != NULL && record_has(act, CLIENT_ACT_NOT_AFTER)) {
		if (record_int(act, CLIENT_ACT_NOT_AFTER) <= op->now)
			return op_fault(
				op, KERR_INVALID, "not_after", "that is in the past");
		if (record_int(act, CLIENT_ACT_NOT_AFTER) < *ret)
			*ret = record_int(act, CLIENT_ACT_NOT_AFTER);
	}
	if (*ret <= op->now)
		return op_fault(op, KERR_CONFLICT, "application",
			"the agreement or the school year of this application is over");
	return KERR_OK;
}

/* What verifies the secret, and the tag by which a pasted one is found. */
static enum kerr
put_verifier(struct op *op, struct record *row, const char *key,
	const struct secret *canonical)
{
	uint32_t number = vault_active(op->vault, KEY_VERIFIER);
	uint8_t verifier[VAULT_VERIFIER_LEN], tag[VAULT_TAG_LEN];
	enum kerr err = vault_verifier(op->vault, number, key, canonical, verifier);

	if (err == KERR_OK)
		err = vault_secret_tag(op->vault, number, canonical, tag);
	record_set_int(row, ROW_SECRET_VERIFIER_KEY, number);
	if (err == KERR_OK)
		err = record_set_bytes(
			row, ROW_SECRET_VERIFIER, verifier, sizeof(verifier));
	if (err == KERR_OK)
		err = record_set_bytes(row, ROW_SECRET_TAG, tag, sizeof(tag));
	return err;
}

static struct seal_place
place_of(const struct record *client, int64_t secret_row)
{
	return (struct seal_place){.table = "delivery",
		.column = "sealed",
		.purpose = "delivery",
		.row = secret_row,
		.tenant = record_int(client, ROW_TENANT_ID),
		.version = 1};
}

/* The sealed copy for whoever did not get the answer, its record key apart from it. */
static enum kerr
seal_copy(struct op *op, const struct record *client, const struct record *secret,
	const struct secret *clear)
{
	int64_t id = record_int(secret, ROW_ID), until;
	struct seal_place place = place_of(client, id);
	struct record *delivery = record_new(op->arena, store_schema(TABLE_delivery));
	struct record *key = record_new(op->arena, store_schema(TABLE_record_key));
	struct buf sealed, wrapped;
	enum kerr err;

	if (delivery == NULL || key == NULL)
		return KERR_NOMEM;
	buf_init(&sealed, 4096);
	buf_init(&wrapped, 4096);
	until = op->now + record_int(op->settings, SETTINGS_DELIVERY_DAYS) * 86400;
	if (record_int(secret, ROW_SECRET_NOT_AFTER) < until)
		until = record_int(secret, ROW_SECRET_NOT_AFTER);
	err = vault_seal(op->vault, &place, secret_reveal(clear), secret_len(clear),
		&sealed, &wrapped);
	record_set_int(delivery, ROW_TENANT_ID, record_int(client, ROW_TENANT_ID));
	record_set_int(delivery, ROW_DELIVERY_CLIENT_ID, record_int(client, ROW_ID));
	record_set_int(delivery, ROW_DELIVERY_SECRET_ID, id);
	record_set_int(delivery, ROW_DELIVERY_UNTIL, until);
	if (err == KERR_OK)
		err = record_set_bytes(
			delivery, ROW_DELIVERY_SEALED, sealed.data, sealed.len);
	if (err == KERR_OK)
		err = op_insert(op, TABLE_delivery, delivery, "delivery.seal");
	record_set_int(key, ROW_RECORD_KEY_ROW_ID, id);
	record_set_int(key, ROW_RECORD_KEY_EPOCH, vault_active(op->vault, KEY_DATA));
	if (err == KERR_OK)
		err = record_set_text(key, ROW_RECORD_KEY_PLACE, "delivery");
	if (err == KERR_OK)
		err = record_set_bytes(
			key, ROW_RECORD_KEY_WRAPPED, wrapped.data, wrapped.len);
	if (err == KERR_OK)
		err = store_put(op->store, TABLE_record_key, key);
	buf_clear(&sealed);
	buf_clear(&wrapped);
	return err;
}

static enum kerr
fill_envelope(struct op *op, const struct record *client, const struct record *secret,
	struct secret *clear_taken, struct record *e)
{
	char url[256];
	enum kerr err;

	record_set_secret(e, ENVELOPE_SECRET, clear_taken);
	record_set_int(e, ENVELOPE_CLIENT_ID, record_int(client, ROW_ID));
	record_set_int(e, ENVELOPE_NUMBER, record_int(secret, ROW_SECRET_NUMBER));
	record_set_int(e, ENVELOPE_NOT_BEFORE, record_int(secret, ROW_SECRET_NOT_BEFORE));
	record_set_int(e, ENVELOPE_NOT_AFTER, record_int(secret, ROW_SECRET_NOT_AFTER));
	snprintf(url, sizeof(url), "%s/oauth/token",
		record_text(op->settings, SETTINGS_PUBLIC_URL));
	err = record_set_text(e, ENVELOPE_KEY, record_text(client, ROW_CLIENT_KEY));
	if (err == KERR_OK)
		err = record_set_text(e, ENVELOPE_TOKEN_URL, url);
	if (err == KERR_OK && op->request[0] != '\0')
		err = record_set_text(e, ENVELOPE_REQUEST, op->request);
	op->releases_secret = true;
	return err;
}

enum kerr
secrets_make(struct op *op, const struct record *client, const struct record *act,
	struct record *ret_envelope)
{
	struct record *row = record_new(op->arena, store_schema(TABLE_secret));
	struct secret *clear = credential_secret_new(), *canonical = NULL;
	int64_t number = 0, not_after;
	enum kerr err = KERR_NOMEM;

	if (row == NULL || clear == NULL ||
		credential_secret_read((const char *)secret_reveal(clear),
			secret_len(clear), &canonical, NULL) != CREDENTIAL_SECRET ||
		canonical == NULL)
		goto out;
	err = secrets_each(op, record_int(client, ROW_ID), highest, &number);
	if (err == KERR_OK)
		err = last_moment(op, client, act, &not_after);
	if (err != KERR_OK)
		goto out;
	record_set_int(row, ROW_TENANT_ID, record_int(client, ROW_TENANT_ID));
	record_set_int(row, ROW_SECRET_CLIENT_ID, record_int(client, ROW_ID));
	record_set_int(row, ROW_SECRET_NUMBER, number + 1);
	record_set_int(row, ROW_SECRET_STATE, SECRET_IS_SEALED);
	record_set_int(row, ROW_SECRET_NOT_BEFORE, op->now);
	record_set_int(row, ROW_SECRET_NOT_AFTER, not_after);
	record_set_int(row, ROW_SECRET_CREATED, op->now);
	if (act != NULL && record_has(act, CLIENT_ACT_LABEL))
		err = record_set_text(
			row, ROW_SECRET_LABEL, record_text(act, CLIENT_ACT_LABEL));
	if (err == KERR_OK)
		err = put_verifier(
			op, row, record_text(client, ROW_CLIENT_KEY), canonical);
	if (err == KERR_OK)
		err = op_insert(op, TABLE_secret, row, "secret.make");
	if (err == KERR_OK)
		err = seal_copy(op, client, row, clear);
	if (err == KERR_OK)
		err = fill_envelope(op, client, row, secret_copy(clear), ret_envelope);
out:
	secret_free(canonical);
	secret_free(clear);
	return err;
}

static enum kerr
find_delivery(struct op *op, int64_t secret, struct record **ret)
{
	const struct store_condition c = {
		.column = ROW_DELIVERY_SECRET_ID, .test = STORE_IS, .number = secret};
	const struct store_query q = {.table = TABLE_delivery,
		.conditions = &c,
		.count = 1,
		.descending = true};

	return store_first(op->reader, &q, op->arena, ret);
}

static struct store_query
record_key_of(int64_t secret, struct store_condition c[2])
{
	c[0] = (struct store_condition){
		.column = ROW_RECORD_KEY_PLACE, .test = STORE_IS, .text = "delivery"};
	c[1] = (struct store_condition){
		.column = ROW_RECORD_KEY_ROW_ID, .test = STORE_IS, .number = secret};
	return (struct store_query){
		.table = TABLE_record_key, .conditions = c, .count = 2};
}

enum kerr
secrets_show(struct op *op, const struct record *client, const struct record *secret,
	bool again, struct record *ret_envelope)
{
	int64_t id = record_int(secret, ROW_ID);
	struct seal_place place = place_of(client, id);
	struct store_condition c[2];
	struct store_query q = record_key_of(id, c);
	struct record *delivery, *key;
	struct secret *clear = NULL;
	const uint8_t *sealed, *wrapped;
	size_t sealed_len, wrapped_len;
	enum kerr err = find_delivery(op, id, &delivery);

	if (err == KERR_OK)
		err = store_first(op->reader, &q, op->arena, &key);
	if (err == KERR_NOTFOUND ||
		(err == KERR_OK && record_int(delivery, ROW_DELIVERY_UNTIL) <= op->now))
		return op_fault(op, KERR_CONFLICT, "secret_number",
			"this secret was delivered, or waited too long: keyd keeps no "
			"copy; rotate "
			"makes a new one");
	if (err != KERR_OK)
		return err;
	sealed = record_bytes(delivery, ROW_DELIVERY_SEALED, &sealed_len);
	wrapped = record_bytes(key, ROW_RECORD_KEY_WRAPPED, &wrapped_len);
	err = vault_open(
		op->vault, &place, sealed, sealed_len, wrapped, wrapped_len, &clear);
	if (err != KERR_OK)
		return err;
	err = op_note(op, "secret.show", "secret", id, again ? "shown again" : "shown");
	if (err != KERR_OK) {
		secret_free(clear);
		return err;
	}
	record_set_int(ret_envelope, ENVELOPE_SHOWN_AGAIN, again);
	return fill_envelope(op, client, secret, clear, ret_envelope);
}

/* The copy's record key, without which the copy says nothing. */
static enum kerr
destroy_key(struct op *op, int64_t secret)
{
	struct store_condition c[2];
	struct store_query q = record_key_of(secret, c);
	struct record *key;
	enum kerr err = store_first(op->reader, &q, op->arena, &key);

	if (err == KERR_NOTFOUND)
		return KERR_OK;
	if (err == KERR_OK)
		err = store_delete(op->store, &q);
	op->forget = op->forget || err == KERR_OK;
	return err;
}

enum kerr
secrets_delivered(struct op *op, const struct record *secret, const char *by)
{
	int64_t id = record_int(secret, ROW_ID);
	struct record *delivery, *former;
	enum kerr err = destroy_key(op, id);

	if (err == KERR_OK)
		err = find_delivery(op, id, &delivery);
	if (err == KERR_OK)
		err = find_delivery(op, id, &former);
	if (err != KERR_OK)
		return err == KERR_NOTFOUND ? KERR_OK : err;
	if (record_has(former, ROW_DELIVERY_OPENED))
		return KERR_OK;
	record_unset(delivery, ROW_DELIVERY_SEALED);
	record_set_int(delivery, ROW_DELIVERY_OPENED, op->now);
	err = record_set_text(delivery, ROW_DELIVERY_OPENED_BY, by);
	return err == KERR_OK
		       ? op_update(op, TABLE_delivery, delivery, former, "delivery.close")
		       : err;
}

#define COPIES_A_ROUND 64

struct copies {
	int64_t secrets[COPIES_A_ROUND];
	size_t count;
};

static enum kerr
collect_copy(void *with, struct record *delivery)
{
	struct copies *copies = with;

	copies->secrets[copies->count++] = record_int(delivery, ROW_DELIVERY_SECRET_ID);
	return copies->count == COPIES_A_ROUND ? KERR_CLOSED : KERR_OK;
}

enum kerr
secrets_forget_copies(struct op *op, int64_t client)
{
	const struct store_condition c[] = {
		{.column = ROW_DELIVERY_CLIENT_ID, .test = STORE_IS, .number = client},
		{.column = ROW_DELIVERY_OPENED, .test = STORE_IS_NULL}};
	const struct store_query q = {
		.table = TABLE_delivery, .conditions = c, .count = 2};
	struct copies copies;
	struct record *secret;
	enum kerr err;
	size_t i;

	do {
		copies.count = 0;
		err = store_select(op->reader, &q, op->arena, collect_copy, &copies);
		if (err == KERR_CLOSED)
			err = KERR_OK;
		for (i = 0; err == KERR_OK && i < copies.count; i++) {
			err = store_get(op->reader, TABLE_secret, copies.secrets[i],
				op->arena, &secret);
			if (err == KERR_OK)
				err = secrets_delivered(op, secret, op->who->name);
		}
	} while (err == KERR_OK && copies.count == COPIES_A_ROUND);
	return err;
}

enum kerr
secrets_move(struct op *op, const struct record *secret, enum secret_move move,
	const char *action)
{
	struct record *row;
	int64_t to;
	enum kerr err = store_get(
		op->reader, TABLE_secret, record_int(secret, ROW_ID), op->arena, &row);

	if (err == KERR_OK)
		err = secret_move(record_int(row, ROW_SECRET_STATE), move, &to);
	if (err == KERR_CONFLICT)
		return op_fault(op, err, "secret_number", "the secret is %s already",
			record_text(row, ROW_SECRET_STATE));
	if (err != KERR_OK)
		return err;
	record_set_int(row, ROW_SECRET_STATE, to);
	err = op_update(op, TABLE_secret, row, NULL, action);
	if (err == KERR_OK)
		err = secrets_delivered(op, row, op->who->name);
	return err;
}

struct others {
	struct op *op;
	int64_t number, hard_end, quiet_days, latest;
	int64_t ids[64];
	size_t count;
	bool revoke;
};

/* Collects first and writes afterwards, so that no statement is read while its rows
 * change. */
static enum kerr
collect(void *with, struct record *row)
{
	struct others *o = with;
	int64_t state = record_int(row, ROW_SECRET_STATE), to;
	bool wanted = o->revoke
			      ? secret_move(state, SECRET_MOVE_REVOKE, &to) == KERR_OK &&
					state != SECRET_IS_ENDED
			      : secret_is_usable(state);

	if (record_int(row, ROW_SECRET_NUMBER) == o->number || !wanted)
		return KERR_OK;
	if (o->count == sizeof(o->ids) / sizeof(o->ids[0]))
		return KERR_TOO_LARGE;
	o->ids[o->count++] = record_int(row, ROW_ID);
	return KERR_OK;
}

static enum kerr
retire_one(struct others *o, int64_t id)
{
	struct op *op = o->op;
	struct record *row;
	int64_t end = o->hard_end, to, state;
	enum kerr err = store_get(op->reader, TABLE_secret, id, op->arena, &row);

	if (err != KERR_OK)
		return err;
	state = record_int(row, ROW_SECRET_STATE);
	if (record_int(row, ROW_SECRET_NOT_AFTER) < end)
		end = record_int(row, ROW_SECRET_NOT_AFTER);
	if (record_has(row, ROW_SECRET_HARD_END) &&
		record_int(row, ROW_SECRET_HARD_END) < end)
		end = record_int(row, ROW_SECRET_HARD_END);
	if (end > o->latest)
		o->latest = end;
	if (secret_move(state, SECRET_MOVE_RETIRE, &to) != KERR_OK)
		to = state; /* retiring already: only its end may come nearer */
	record_set_int(row, ROW_SECRET_STATE, to);
	record_set_int(row, ROW_SECRET_HARD_END, end);
	record_set_int(row, ROW_SECRET_QUIET_DAYS, o->quiet_days);
	err = op_update(op, TABLE_secret, row, NULL, "secret.retire");
	/* Nobody is given a secret that is on its way out. */
	return err == KERR_OK ? secrets_delivered(op, row, op->who->name) : err;
}

enum kerr
secrets_retire_others(struct op *op, int64_t client, int64_t number, int64_t hard_end,
	int64_t quiet_days, int64_t *ret_latest)
{
	struct others o = {.op = op,
		.number = number,
		.hard_end = hard_end,
		.quiet_days = quiet_days};
	enum kerr err = secrets_each(op, client, collect, &o);
	size_t i;

	for (i = 0; err == KERR_OK && i < o.count; i++)
		err = retire_one(&o, o.ids[i]);
	*ret_latest = o.latest;
	return err;
}

enum kerr
secrets_revoke_others(struct op *op, int64_t client, int64_t number)
{
	struct others o = {.op = op, .number = number, .revoke = true};
	enum kerr err = secrets_each(op, client, collect, &o);
	struct record *row;
	size_t i;

	for (i = 0; err == KERR_OK && i < o.count; i++) {
		err = store_get(op->reader, TABLE_secret, o.ids[i], op->arena, &row);
		if (err == KERR_OK)
			err = secrets_move(op, row, SECRET_MOVE_REVOKE, "secret.revoke");
	}
	return err;
}
