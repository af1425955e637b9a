#include "keyd/keeper/tokens/tokens.h"

#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "core/model/model.h"

/* The set of signing keys as rows of the store, and its few moves. A row's private half
 * is sealed under a record key of its own; when the key signs no more the record key is
 * deleted, so that no copy of the row can sign again. */

#define PLACE      "signing_key"
#define SEALED_MAX 1024
#define LIVE_MAX                                                                         \
	64 /* keys not withdrawn: two for each algorithm, and some that still verify */

struct live_key {
	int64_t id;
	int64_t published;
	int64_t ends;
	int alg;
	int state;
};

struct live_keys {
	struct live_key at[LIVE_MAX];
	size_t count;
};

static enum kerr
collect(void *with, struct record *row)
{
	struct live_keys *keys = with;
	struct live_key *k = &keys->at[keys->count];

	if (record_int(row, ROW_SIGNING_KEY_STATE) == SIGNING_IS_WITHDRAWN)
		return KERR_OK;
	if (keys->count == LIVE_MAX)
		return KERR_TOO_MANY;
	k->id = record_int(row, ROW_ID);
	k->published = record_int(row, ROW_SIGNING_KEY_PUBLISHED);
	k->ends = record_int(row, ROW_SIGNING_KEY_ENDS);
	k->alg = (int)record_int(row, ROW_SIGNING_KEY_ALG);
	k->state = (int)record_int(row, ROW_SIGNING_KEY_STATE);
	keys->count++;
	return KERR_OK;
}

static enum kerr
live_keys(struct store_reader *r, struct arena *a, struct live_keys *ret)
{
	struct store_query q = {.table = TABLE_signing_key};

	ret->count = 0;
	return store_select(r, &q, a, collect, ret);
}

/* The youngest of that kind; NULL when there is none. */
static const struct live_key *
find(const struct live_keys *keys, int alg, int state)
{
	const struct live_key *found = NULL;

	for (size_t i = 0; i < keys->count; i++)
		if (keys->at[i].alg == alg && keys->at[i].state == state)
			found = &keys->at[i];
	return found;
}

/* The row's id is not known before it is inserted, so the kid stands for it: it names the
 * public half, which must fit the private one. */
static struct seal_place
place_of(const char *kid)
{
	return (struct seal_place){
		.table = PLACE, .column = "sealed", .purpose = kid, .version = 1};
}

static struct store_query
record_key_query(struct store_condition ret_conditions[2], int64_t id)
{
	ret_conditions[0] = (struct store_condition){
		.column = ROW_RECORD_KEY_PLACE, .test = STORE_IS, .text = PLACE};
	ret_conditions[1] = (struct store_condition){
		.column = ROW_RECORD_KEY_ROW_ID, .test = STORE_IS, .number = id};
	return (struct store_query){
		.table = TABLE_record_key, .conditions = ret_conditions, .count = 2};
}

static enum kerr
forget_private(const struct signing_set *s, int64_t id)
{
	struct store_condition conditions[2];
	struct store_query q = record_key_query(conditions, id);
	enum kerr err = store_delete(s->store, &q);

	if (err == KERR_OK)
		store_forget_soon(s->store);
	return err;
}

static enum kerr
keep_record_key(const struct signing_set *s, int64_t id, const struct buf *wrapped)
{
	struct record *row = record_new(s->arena, store_schema(TABLE_record_key));
	enum kerr err;

	if (row == NULL)
		return KERR_NOMEM;
	record_set_int(row, ROW_RECORD_KEY_ROW_ID, id);
	record_set_int(row, ROW_RECORD_KEY_EPOCH, vault_active(s->vault, KEY_DATA));
	err = record_set_text(row, ROW_RECORD_KEY_PLACE, PLACE);
	if (err == KERR_OK)
		err = record_set_bytes(
			row, ROW_RECORD_KEY_WRAPPED, wrapped->data, wrapped->len);
	return err == KERR_OK ? store_put(s->store, TABLE_record_key, row) : err;
}

static enum kerr
seal_private(const struct signing_set *s, const struct signing_key *k,
	struct buf *ret_sealed, struct buf *ret_wrapped)
{
	struct seal_place place = place_of(signing_key_kid(k));
	struct secret *private_half = NULL;
	enum kerr err = signing_key_export(k, &private_half);

	if (err == KERR_OK)
		err = vault_seal(s->vault, &place, secret_reveal(private_half),
			secret_len(private_half), ret_sealed, ret_wrapped);
	secret_free(private_half);
	return err;
}

static enum kerr
row_of(const struct signing_set *s, const struct signing_key *k, int state,
	const struct buf *sealed, struct record **ret)
{
	struct record *row = record_new(s->arena, store_schema(TABLE_signing_key));
	size_t len;
	const uint8_t *public_half = signing_key_public(k, &len);
	enum kerr err;

	if (row == NULL)
		return KERR_NOMEM;
	record_set_int(row, ROW_TENANT_ID, 0);
	record_set_int(row, ROW_SIGNING_KEY_ALG, signing_key_alg(k));
	record_set_int(row, ROW_SIGNING_KEY_STATE, state);
	record_set_int(row, ROW_SIGNING_KEY_PUBLISHED, s->now);
	if (state == SIGNING_IS_ACTIVE)
		record_set_int(row, ROW_SIGNING_KEY_ACTIVE, s->now);
	record_set_int(row, ROW_SIGNING_KEY_CREATED, s->now);
	err = record_set_text(row, ROW_SIGNING_KEY_KID, signing_key_kid(k));
	if (err == KERR_OK)
		err = record_set_bytes(row, ROW_SIGNING_KEY_PUBLIC, public_half, len);
	if (err == KERR_OK)
		err = record_set_bytes(
			row, ROW_SIGNING_KEY_SEALED, sealed->data, sealed->len);
	*ret = row;
	return err;
}

static enum kerr
make(const struct signing_set *s, int alg, int state)
{
	struct signing_key *k = NULL;
	struct record *row = NULL;
	struct buf sealed, wrapped;
	enum kerr err;

	buf_init(&sealed, SEALED_MAX);
	buf_init(&wrapped, SEALED_MAX);
	err = signing_key_generate(alg, &k);
	if (err == KERR_OK)
		err = seal_private(s, k, &sealed, &wrapped);
	if (err == KERR_OK)
		err = row_of(s, k, state, &sealed, &row);
	if (err == KERR_OK)
		err = s->write(s->with, row, NULL, "signing-key.make");
	if (err == KERR_OK)
		err = keep_record_key(s, record_int(row, ROW_ID), &wrapped);
	buf_clear(&sealed);
	buf_clear(&wrapped);
	signing_key_free(k);
	return err;
}

/* One row to another state. `at` is when that began, or, for a verifying key, when it
 * ends. */
static enum kerr
move(const struct signing_set *s, int64_t id, int state, int64_t at)
{
	static const char *const actions[SIGNING_IS__COUNT] = {
		[SIGNING_IS_ACTIVE] = "signing-key.activate",
		[SIGNING_IS_VERIFYING] = "signing-key.retire",
		[SIGNING_IS_WITHDRAWN] = "signing-key.withdraw",
	};
	struct store_reader *r = store_as_reader(s->store);
	struct record *former = NULL, *row = NULL;
	enum kerr err = store_get(r, TABLE_signing_key, id, s->arena, &former);

	if (err == KERR_OK)
		err = store_get(r, TABLE_signing_key, id, s->arena, &row);
	if (err != KERR_OK)
		return err;
	record_set_int(row, ROW_SIGNING_KEY_STATE, state);
	record_set_int(row,
		state == SIGNING_IS_ACTIVE ? ROW_SIGNING_KEY_ACTIVE
					   : ROW_SIGNING_KEY_ENDS,
		at);
	err = s->write(s->with, row, former, actions[state]);
	/* only a spare and the active key have a private half that is of use */
	if (err == KERR_OK && state != SIGNING_IS_ACTIVE)
		err = forget_private(s, id);
	return err;
}

static enum kerr
failed(struct fault *fault, enum kerr err)
{
	return fault_set(
		fault, err, "", "the signing keys cannot be changed: %s", kerr_text(err));
}

enum kerr
signing_set_init(const struct signing_set *s, int alg, struct fault *fault)
{
	struct live_keys keys;
	enum kerr err = live_keys(store_as_reader(s->store), s->arena, &keys);

	if (err == KERR_OK && find(&keys, alg, SIGNING_IS_ACTIVE) != NULL)
		return fault_set(
			fault, KERR_EXISTS, "alg", "there are signing keys already");
	if (err == KERR_OK)
		err = make(s, alg, SIGNING_IS_ACTIVE);
	if (err == KERR_OK)
		err = make(s, alg, SIGNING_IS_SPARE);
	return err == KERR_OK ? KERR_OK : failed(fault, err);
}

/* May the spare sign without servers that have not seen it? */
static enum kerr
old_enough(const struct signing_set *s, const struct live_key *spare, struct fault *fault)
{
	int64_t from = spare->published + SIGNING_PUBLISHED_SECONDS;
	char since[CLOCK_TEXT_SIZE], then[CLOCK_TEXT_SIZE];

	if (s->now >= from)
		return KERR_OK;
	clock_text(spare->published, since);
	clock_text(from, then);
	return fault_set(fault, KERR_NOT_READY, "",
		"the spare was published at %s; servers that fetch the key set once a "
		"day know it "
		"from %s on and would refuse its tokens before",
		since, then);
}

enum kerr
signing_set_rotate(const struct signing_set *s, int alg, int64_t last_expiry, bool force,
	struct fault *fault)
{
	const struct live_key *spare, *active;
	struct live_keys keys;
	enum kerr err = live_keys(store_as_reader(s->store), s->arena, &keys);

	if (err != KERR_OK)
		return failed(fault, err);
	spare = find(&keys, alg, SIGNING_IS_SPARE);
	active = find(&keys, alg, SIGNING_IS_ACTIVE);
	if (spare == NULL)
		return fault_set(
			fault, KERR_NOTFOUND, "alg", "there is no spare to rotate to");
	if (!force && active != NULL && old_enough(s, spare, fault) != KERR_OK)
		return KERR_NOT_READY;
	if (active != NULL)
		err = move(s, active->id, SIGNING_IS_VERIFYING, last_expiry);
	if (err == KERR_OK)
		err = move(s, spare->id, SIGNING_IS_ACTIVE, s->now);
	if (err == KERR_OK)
		err = make(s, alg, SIGNING_IS_SPARE);
	return err == KERR_OK ? KERR_OK : failed(fault, err);
}

static enum kerr
row_by_kid(const struct signing_set *s, const char *kid, struct record **ret)
{
	struct store_condition is = {
		.column = ROW_SIGNING_KEY_KID, .test = STORE_IS, .text = kid};
	struct store_query q = {
		.table = TABLE_signing_key, .conditions = &is, .count = 1};

	return store_first(store_as_reader(s->store), &q, s->arena, ret);
}

enum kerr
signing_set_withdraw(const struct signing_set *s, const char *kid, struct fault *fault)
{
	const struct live_key *spare = NULL;
	struct record *row = NULL;
	struct live_keys keys;
	enum kerr err = row_by_kid(s, kid, &row);
	int alg, state;

	if (err == KERR_NOTFOUND)
		return fault_set(
			fault, err, "kid", "there is no signing key of that kid");
	if (err == KERR_OK)
		err = live_keys(store_as_reader(s->store), s->arena, &keys);
	if (err != KERR_OK)
		return failed(fault, err);
	alg = (int)record_int(row, ROW_SIGNING_KEY_ALG);
	state = (int)record_int(row, ROW_SIGNING_KEY_STATE);
	if (state == SIGNING_IS_WITHDRAWN)
		return fault_set(
			fault, KERR_CONFLICT, "kid", "that key is withdrawn already");
	if (state == SIGNING_IS_ACTIVE) {
		spare = find(&keys, alg, SIGNING_IS_SPARE);
		if (spare == NULL)
			return fault_set(fault, KERR_CONFLICT, "kid",
				"it is the only key that signs, and there is no spare");
	}
	err = move(s, record_int(row, ROW_ID), SIGNING_IS_WITHDRAWN, s->now);
	if (err == KERR_OK && spare != NULL)
		err = move(s, spare->id, SIGNING_IS_ACTIVE, s->now);
	if (err == KERR_OK && state != SIGNING_IS_VERIFYING)
		err = make(s, alg, SIGNING_IS_SPARE);
	return err == KERR_OK ? KERR_OK : failed(fault, err);
}

enum kerr
signing_set_expire(const struct signing_set *s, size_t *ret_count)
{
	struct live_keys keys;
	enum kerr err = live_keys(store_as_reader(s->store), s->arena, &keys);
	size_t count = 0;

	for (size_t i = 0; err == KERR_OK && i < keys.count; i++) {
		const struct live_key *k = &keys.at[i];

		if (k->state != SIGNING_IS_VERIFYING || k->ends > s->now)
			continue;
		err = move(s, k->id, SIGNING_IS_WITHDRAWN, k->ends);
		count++;
	}
	if (err == KERR_OK)
		*ret_count = count;
	return err;
}

struct listing {
	struct record *list;
	bool published_only;
	int64_t total;
};

static enum kerr
list_one(void *with, struct record *row)
{
	struct listing *l = with;
	struct record *item;
	enum kerr err;

	if (l->published_only &&
		record_int(row, ROW_SIGNING_KEY_STATE) == SIGNING_IS_WITHDRAWN)
		return KERR_OK;
	item = record_add_record(l->list, LIST_ITEMS);
	if (item == NULL)
		return KERR_NOMEM;
	l->total++;
	err = record_copy_same(item, row);
	if (err == KERR_OK)
		err = record_copy_field(
			item, SIGNING_KEY_ENDS, row, ROW_SIGNING_KEY_ENDS);
	if (err == KERR_OK)
		err = record_copy_field(
			item, SIGNING_KEY_PUBLIC, row, ROW_SIGNING_KEY_PUBLIC);
	return err;
}

enum kerr
signing_set_list(
	struct store_reader *r, struct arena *a, bool published_only, struct record **ret)
{
	struct store_query q = {.table = TABLE_signing_key};
	struct listing l = {.list = record_new(a, &signing_key_list_schema),
		.published_only = published_only};
	enum kerr err;

	if (l.list == NULL)
		return KERR_NOMEM;
	record_set_empty(l.list, LIST_ITEMS);
	err = store_select(r, &q, a, list_one, &l);
	if (err != KERR_OK)
		return err;
	record_set_int(l.list, LIST_TOTAL, l.total);
	*ret = l.list;
	return KERR_OK;
}

static enum kerr
open_private(struct store_reader *r, struct vault *v, const struct record *row,
	struct arena *a, struct secret **ret)
{
	struct seal_place place = place_of(record_text(row, ROW_SIGNING_KEY_KID));
	struct store_condition conditions[2];
	struct store_query q = record_key_query(conditions, record_int(row, ROW_ID));
	const uint8_t *sealed, *wrapped;
	size_t sealed_len, wrapped_len;
	struct record *key = NULL;
	enum kerr err = store_first(r, &q, a, &key);

	if (err != KERR_OK)
		return err == KERR_NOTFOUND ? KERR_DAMAGED : err;
	sealed = record_bytes(row, ROW_SIGNING_KEY_SEALED, &sealed_len);
	wrapped = record_bytes(key, ROW_RECORD_KEY_WRAPPED, &wrapped_len);
	return vault_open(v, &place, sealed, sealed_len, wrapped, wrapped_len, ret);
}

enum kerr
signing_set_active(struct store_reader *r, struct vault *v, int alg, struct arena *a,
	struct signing_key **ret)
{
	const struct live_key *active;
	struct secret *private_half = NULL;
	struct signing_key *k = NULL;
	const uint8_t *public_half;
	size_t public_len;
	struct record *row = NULL;
	struct live_keys keys;
	enum kerr err = live_keys(r, a, &keys);

	if (err != KERR_OK)
		return err;
	active = find(&keys, alg, SIGNING_IS_ACTIVE);
	if (active == NULL)
		return KERR_NOTFOUND;
	err = store_get(r, TABLE_signing_key, active->id, a, &row);
	if (err == KERR_OK)
		err = open_private(r, v, row, a, &private_half);
	if (err == KERR_OK) {
		public_half = record_bytes(row, ROW_SIGNING_KEY_PUBLIC, &public_len);
		err = signing_key_import(alg, private_half, public_half, public_len, &k);
	}
	secret_free(private_half);
	if (err == KERR_OK &&
		strcmp(signing_key_kid(k), record_text(row, ROW_SIGNING_KEY_KID)) != 0) {
		signing_key_free(k);
		err = KERR_DAMAGED;
	}
	if (err == KERR_OK)
		*ret = k;
	return err;
}
