#include "tests/support/index_world.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/model/model.h"
#include "keyd/keeper/store/store.h"

#define DAY 86400

/* Mostly the first. */
static int
word(int count)
{
	return world_any(100) < 85 ? 0 : (int)world_any((size_t)count);
}

/* What the vault makes of the secret, in canonical form, for the key. */
static void
verify(struct world *w, const char *key, uint32_t verifier_key,
	const struct secret *typed, uint8_t ret[VAULT_VERIFIER_LEN])
{
	struct secret *canonical;

	ck_assert_int_eq(credential_secret_read((const char *)secret_reveal(typed),
				 CREDENTIAL_SECRET_LEN, &canonical, NULL),
		CREDENTIAL_SECRET);
	ck_assert_int_eq(
		vault_verifier(w->vault, verifier_key, key, canonical, ret), KERR_OK);
	secret_free(canonical);
}

void
world_verifier_key(struct world *w, size_t s, uint32_t key)
{
	w->secret[s].verifier_key = key;
	verify(w, w->client[world_secret_client(s)].key, key, w->secret[s].typed,
		w->secret[s].verifier);
}

void
world_init(struct world *w, struct vault *v, int64_t stride)
{
	memset(w, 0, sizeof(*w));
	w->vault = v;
	w->stride = stride;
	w->newer_key = vault_active(v, KEY_VERIFIER);
	w->arena = arena_new(1U << 20);
	w->index = index_new(v);
	ck_assert_ptr_nonnull(w->index);
	for (size_t c = 0; c < WORLD_CLIENTS; c++)
		credential_key_new(w->client[c].key);
	for (size_t s = 0; s < WORLD_SECRETS; s++) {
		w->secret[s].typed = credential_secret_new();
		world_verifier_key(w, s, s % 2 == 0 ? w->newer_key : KEY_VERIFIER + 1);
	}
	for (size_t k = 0; k < WORLD_CALLERS; k++) {
		credential_key_new(w->caller[k].key);
		w->caller[k].typed = credential_secret_new();
		verify(w, w->caller[k].key, w->newer_key, w->caller[k].typed,
			w->caller[k].verifier);
	}
	for (size_t e = 0; e < WORLD_ENDED; e++)
		memset(w->ended[e].tag, (int)e + 1, sizeof(w->ended[e].tag));
}

void
world_clear(struct world *w)
{
	for (size_t s = 0; s < WORLD_SECRETS; s++)
		secret_free(w->secret[s].typed);
	for (size_t k = 0; k < WORLD_CALLERS; k++)
		secret_free(w->caller[k].typed);
	index_free(w->index);
	arena_free(w->arena);
}

/* A row of the table with the n-th id. */
static struct record *
row_of(struct world *w, enum table_id table, size_t n, int64_t tenant)
{
	struct record *row;

	arena_reset(w->arena);
	row = record_new(w->arena, store_schema(table));
	ck_assert_ptr_nonnull(row);
	record_set_int(row, ROW_ID, world_id(w, n));
	record_set_int(row, ROW_TENANT_ID, tenant);
	record_set_int(row, ROW_VERSION, 1);
	return row;
}

static void
text(struct record *row, unsigned column, const char *value)
{
	ck_assert_int_eq(record_set_text(row, column, value), KERR_OK);
}

static void
put(struct world *w, enum table_id table, struct world_row *is, struct record *row)
{
	enum kerr err =
		w->put != NULL ? w->put(w, table, row) : index_put(w->index, table, row);

	ck_assert_int_eq(err, KERR_OK);
	is->present = true;
	is->fenced = false;
}

static void
put_tenant(struct world *w, size_t n)
{
	struct record *row = row_of(w, TABLE_tenant, n, 0);

	record_set_int(row, ROW_TENANT_STATE, w->tenant[n].state);
	put(w, TABLE_tenant, &w->tenant[n].is, row);
}

static void
put_vendor(struct world *w, size_t n)
{
	struct record *row = row_of(w, TABLE_vendor, n, world_id(w, 0));

	record_set_int(row, ROW_VENDOR_STATE, w->vendor[n].state);
	text(row, ROW_VENDOR_PREFIXES, w->vendor[n].prefixes);
	put(w, TABLE_vendor, &w->vendor[n].is, row);
}

static void
put_edorg(struct world *w, size_t n)
{
	struct record *row = row_of(w, TABLE_edorg, n, w->edorg[n].tenant_id);

	record_set_int(row, ROW_EDORG_NUMBER, w->edorg[n].number);
	text(row, ROW_EDORG_NAME, w->edorg[n].name);
	put(w, TABLE_edorg, &w->edorg[n].is, row);
}

static void
put_ods(struct world *w, size_t n)
{
	struct record *row = row_of(w, TABLE_ods, n, world_id(w, 0));

	record_set_int(row, ROW_ODS_STATE, w->ods[n].state);
	record_set_int(row, ROW_ODS_MODE, w->ods[n].mode);
	text(row, ROW_ODS_API_URL, world_url(n));
	put(w, TABLE_ods, &w->ods[n].is, row);
}

static void
put_claimset(struct world *w, size_t n)
{
	struct record *row = row_of(w, TABLE_claimset, n, world_id(w, 0));

	text(row, ROW_CLAIMSET_NAME, w->claimset[n].name);
	text(row, ROW_CLAIMSET_V8_NAME, w->claimset[n].v8_name);
	put(w, TABLE_claimset, &w->claimset[n].is, row);
}

static void
put_application(struct world *w, size_t n)
{
	struct record *row =
		row_of(w, TABLE_application, n, world_id(w, w->application[n].tenant));

	record_set_int(
		row, ROW_APPLICATION_VENDOR_ID, world_id(w, w->application[n].vendor));
	record_set_int(row, ROW_APPLICATION_CLAIMSET_ID,
		world_id(w, w->application[n].claimset));
	record_set_int(row, ROW_APPLICATION_CLAIMSET_VERSION, w->application[n].version);
	record_set_int(row, ROW_APPLICATION_YEAR, w->application[n].year);
	record_set_int(row, ROW_APPLICATION_STARTS, w->application[n].starts);
	record_set_int(row, ROW_APPLICATION_ENDS, w->application[n].ends);
	record_set_int(row, ROW_APPLICATION_STATE, w->application[n].state);
	put(w, TABLE_application, &w->application[n].is, row);
}

static void
put_edorg_link(struct world *w, size_t n)
{
	struct record *row = row_of(w, TABLE_application_edorg, n, world_id(w, 0));

	record_set_int(row, ROW_APPLICATION_EDORG_APPLICATION_ID,
		world_id(w, w->edorg_link[n].application));
	record_set_int(row, ROW_APPLICATION_EDORG_EDORG_ID,
		world_id(w, w->edorg_link[n].target));
	put(w, TABLE_application_edorg, &w->edorg_link[n].is, row);
}

static void
put_ods_link(struct world *w, size_t n)
{
	struct record *row = row_of(w, TABLE_application_ods, n, world_id(w, 0));

	record_set_int(row, ROW_APPLICATION_ODS_APPLICATION_ID,
		world_id(w, w->ods_link[n].application));
	record_set_int(
		row, ROW_APPLICATION_ODS_ODS_ID, world_id(w, w->ods_link[n].target));
	put(w, TABLE_application_ods, &w->ods_link[n].is, row);
}

static void
put_client(struct world *w, size_t n)
{
	struct record *row = row_of(w, TABLE_client, n, world_id(w, 0));

	record_set_int(
		row, ROW_CLIENT_APPLICATION_ID, world_id(w, w->client[n].application));
	text(row, ROW_CLIENT_KEY, w->client[n].key);
	record_set_int(row, ROW_CLIENT_STATE, w->client[n].state);
	record_set_int(row, ROW_CLIENT_GENERATION, w->client[n].generation);
	put(w, TABLE_client, &w->client[n].is, row);
}

static struct record *
secret_row(struct world *w, size_t n)
{
	struct record *row = row_of(w, TABLE_secret, n, world_id(w, 0));

	record_set_int(row, ROW_SECRET_CLIENT_ID, world_id(w, world_secret_client(n)));
	record_set_int(row, ROW_SECRET_NUMBER, world_number(n));
	record_set_int(row, ROW_SECRET_STATE, w->secret[n].state);
	record_set_int(row, ROW_SECRET_NOT_BEFORE, w->secret[n].not_before);
	record_set_int(row, ROW_SECRET_NOT_AFTER, w->secret[n].not_after);
	if (w->secret[n].hard_end >= 0)
		record_set_int(row, ROW_SECRET_HARD_END, w->secret[n].hard_end);
	record_set_int(row, ROW_SECRET_VERIFIER_KEY, w->secret[n].verifier_key);
	ck_assert_int_eq(record_set_bytes(row, ROW_SECRET_VERIFIER, w->secret[n].verifier,
				 VAULT_VERIFIER_LEN),
		KERR_OK);
	return row;
}

static void
put_secret(struct world *w, size_t n)
{
	put(w, TABLE_secret, &w->secret[n].is, secret_row(w, n));
}

static void
put_caller(struct world *w, size_t n)
{
	struct record *row = row_of(w, TABLE_caller, n, world_id(w, 0));

	record_set_int(row, ROW_CALLER_ODS_ID, world_id(w, w->caller[n].ods));
	text(row, ROW_CALLER_KEY, w->caller[n].key);
	record_set_int(row, ROW_CALLER_STATE, w->caller[n].state);
	record_set_int(row, ROW_CALLER_VERIFIER_KEY, w->newer_key);
	ck_assert_int_eq(record_set_bytes(row, ROW_CALLER_VERIFIER, w->caller[n].verifier,
				 VAULT_VERIFIER_LEN),
		KERR_OK);
	put(w, TABLE_caller, &w->caller[n].is, row);
}

static void
put_ended(struct world *w, size_t n)
{
	struct record *row = row_of(w, TABLE_ended_token, n, world_id(w, 0));

	record_set_int(row, ROW_ENDED_TOKEN_CLIENT_ID, world_id(w, w->ended[n].client));
	record_set_int(row, ROW_ENDED_TOKEN_GENERATION, w->ended[n].generation);
	record_set_int(row, ROW_ENDED_TOKEN_EXPIRES, w->ended[n].expires);
	ck_assert_int_eq(record_set_bytes(row, ROW_ENDED_TOKEN_JTI_TAG, w->ended[n].tag,
				 sizeof(w->ended[n].tag)),
		KERR_OK);
	put(w, TABLE_ended_token, &w->ended[n].is, row);
}

/* Other values for a row, before it is put. */
static void
change_tenant(struct world *w, size_t n)
{
	w->tenant[n].state = word(TENANT_IS__COUNT);
}

static void
change_vendor(struct world *w, size_t n)
{
	w->vendor[n].state = word(VENDOR_IS__COUNT);
	snprintf(w->vendor[n].prefixes, sizeof(w->vendor[n].prefixes),
		"uri://v%zu-%zu.example,uri://x", n, world_any(9));
}

static void
change_edorg(struct world *w, size_t n)
{
	/* Two tenants have the same numbers. */
	w->edorg[n].tenant_id = world_id(w, n % 2);
	w->edorg[n].number = 255901 + (int64_t)(n / 2);
	snprintf(w->edorg[n].name, sizeof(w->edorg[n].name), "district %zu %zu", n,
		world_any(9));
}

static void
change_ods(struct world *w, size_t n)
{
	w->ods[n].state = world_any(4) == 0 ? (int)world_any(ODS_IS__COUNT) : ODS_IS_LIVE;
	w->ods[n].mode = word(ODS_MODE__COUNT);
}

static void
change_claimset(struct world *w, size_t n)
{
	snprintf(w->claimset[n].name, sizeof(w->claimset[n].name), "SIS Vendor %zu",
		world_any(9));
	snprintf(w->claimset[n].v8_name, sizeof(w->claimset[n].v8_name), "SISVendor%zu",
		world_any(9));
}

static void
change_application(struct world *w, size_t n)
{
	w->application[n].tenant = world_any(WORLD_TENANTS);
	w->application[n].vendor = world_any(WORLD_VENDORS);
	w->application[n].claimset = world_any(WORLD_CLAIMSETS);
	w->application[n].version = (int64_t)world_any(9) + 1;
	w->application[n].year = 2025 + (int64_t)world_any(3);
	w->application[n].starts = WORLD_NOW / DAY - (int64_t)world_any(60);
	w->application[n].ends = WORLD_NOW / DAY + (int64_t)world_any(60);
	w->application[n].state = word(APPLICATION_IS__COUNT);
}

static void
change_edorg_link(struct world *w, size_t n)
{
	w->edorg_link[n].application = world_any(WORLD_APPLICATIONS);
	w->edorg_link[n].target = world_any(WORLD_EDORGS);
}

static void
change_ods_link(struct world *w, size_t n)
{
	w->ods_link[n].application = world_any(WORLD_APPLICATIONS);
	w->ods_link[n].target = world_any(WORLD_ODS);
}

static void
change_client(struct world *w, size_t n)
{
	w->client[n].application = world_any(WORLD_APPLICATIONS);
	w->client[n].state =
		world_any(4) == 0 ? (int)world_any(CLIENT_IS__COUNT) : CLIENT_IS_LIVE;
	w->client[n].generation = (int64_t)world_any(3);
}

static void
change_secret(struct world *w, size_t n)
{
	w->secret[n].state =
		world_any(2) == 0 ? (int)world_any(SECRET_IS__COUNT) : SECRET_IS_LIVE;
	w->secret[n].not_before = WORLD_NOW - (int64_t)world_any(50 * DAY);
	w->secret[n].not_after = WORLD_NOW + (int64_t)world_any(60 * DAY);
	w->secret[n].hard_end =
		world_any(2) == 0 ? -1 : WORLD_NOW + (int64_t)world_any(60 * DAY);
}

static void
change_caller(struct world *w, size_t n)
{
	w->caller[n].ods = world_any(WORLD_ODS);
	w->caller[n].state = word(CALLER_IS__COUNT);
}

static void
change_ended(struct world *w, size_t n)
{
	w->ended[n].client = world_any(WORLD_CLIENTS);
	w->ended[n].generation = (int64_t)world_any(3);
	w->ended[n].expires = world_moment();
}

#define TABLE_OF(tag, field, count_)                                                     \
	{                                                                                \
		.table = TABLE_##tag, .count = (count_), .put = put_##field,             \
		.change = change_##field, .at = offsetof(struct world, field),           \
		.size = sizeof(((struct world *)0)->field[0])                            \
	}
static const struct {
	enum table_id table;
	size_t count, at, size;
	void (*put)(struct world *w, size_t n);
	void (*change)(struct world *w, size_t n);
} tables[] = {
	TABLE_OF(tenant, tenant, WORLD_TENANTS),
	TABLE_OF(vendor, vendor, WORLD_VENDORS),
	TABLE_OF(edorg, edorg, WORLD_EDORGS),
	TABLE_OF(ods, ods, WORLD_ODS),
	TABLE_OF(claimset, claimset, WORLD_CLAIMSETS),
	TABLE_OF(application, application, WORLD_APPLICATIONS),
	TABLE_OF(application_edorg, edorg_link, WORLD_LINKS),
	TABLE_OF(application_ods, ods_link, WORLD_LINKS),
	TABLE_OF(client, client, WORLD_CLIENTS),
	TABLE_OF(secret, secret, WORLD_SECRETS),
	TABLE_OF(caller, caller, WORLD_CALLERS),
	TABLE_OF(ended_token, ended, WORLD_ENDED),
};
#define TABLES (sizeof(tables) / sizeof(tables[0]))

/* Every row begins with a struct world_row. */
static struct world_row *
row_at(struct world *w, size_t table, size_t n)
{
	return (struct world_row *)(void *)((char *)w + tables[table].at +
					    n * tables[table].size);
}

static void
drop(struct world *w, size_t table, size_t n)
{
	index_drop(w->index, tables[table].table, world_id(w, n));
	row_at(w, table, n)->present = false;
}

static void
fence(struct world *w, size_t table, size_t n)
{
	struct world_row *is = row_at(w, table, n);

	index_fence(w->index, tables[table].table, world_id(w, n));
	if (tables[table].table != TABLE_ended_token)
		is->fenced = true;
}

void
world_step(struct world *w, unsigned fullness)
{
	size_t table = world_any(TABLES), n = world_any(tables[table].count);

	if (world_any(100) < fullness) {
		tables[table].change(w, n);
		tables[table].put(w, n);
	} else if (world_any(2) == 0) {
		drop(w, table, n);
	} else {
		fence(w, table, n);
	}
}

/* Calls each for every row of every table, in any order. */
static void
shuffled(struct world *w, void (*each)(struct world *w, size_t table, size_t n))
{
	size_t rows[256][2], count = 0;

	for (size_t t = 0; t < TABLES; t++) {
		for (size_t n = 0; n < tables[t].count; n++) {
			size_t at = world_any(count + 1);

			rows[count][0] = rows[at][0];
			rows[count][1] = rows[at][1];
			rows[at][0] = t;
			rows[at][1] = n;
			count++;
		}
	}
	for (size_t i = 0; i < count; i++)
		each(w, rows[i][0], rows[i][1]);
}

static void
change_and_put(struct world *w, size_t table, size_t n)
{
	tables[table].change(w, n);
	tables[table].put(w, n);
}

void
world_put_all_shuffled(struct world *w)
{
	shuffled(w, change_and_put);
}

void
world_drop_all_shuffled(struct world *w)
{
	shuffled(w, drop);
}

void
world_put_good(struct world *w)
{
	for (size_t t = 0; t < TABLES; t++) {
		if (tables[t].table == TABLE_ended_token)
			continue;
		tables[t].change(w, 0);
	}
	w->tenant[0].state = TENANT_IS_LIVE;
	w->vendor[0].state = VENDOR_IS_LIVE;
	w->ods[0].state = ODS_IS_LIVE;
	w->application[0].tenant = w->application[0].vendor = 0;
	w->application[0].claimset = 0;
	w->application[0].state = APPLICATION_IS_LIVE;
	w->edorg_link[0].application = w->edorg_link[0].target = 0;
	w->ods_link[0].application = w->ods_link[0].target = 0;
	w->client[0].application = 0;
	w->client[0].state = CLIENT_IS_LIVE;
	w->secret[0].state = SECRET_IS_LIVE;
	w->secret[0].hard_end = -1;
	w->secret[0].not_before = 0;
	w->secret[0].not_after = WORLD_NOW * 2;
	for (size_t t = 0; t < TABLES; t++) {
		if (tables[t].table != TABLE_ended_token)
			tables[t].put(w, 0);
	}
}

void
world_fill(struct world *w, size_t first, size_t end)
{
	struct world_row is;

	for (size_t i = first; i < end; i++) {
		size_t n = i + 100;
		char key[CREDENTIAL_KEY_LEN + 1];
		struct record *row = row_of(w, TABLE_application, n, world_id(w, 0));

		record_set_int(row, ROW_APPLICATION_VENDOR_ID, world_id(w, 0));
		record_set_int(row, ROW_APPLICATION_CLAIMSET_ID, world_id(w, 0));
		record_set_int(row, ROW_APPLICATION_STARTS, 0);
		record_set_int(row, ROW_APPLICATION_ENDS, 30000);
		put(w, TABLE_application, &is, row);
		row = row_of(w, TABLE_application_edorg, n, world_id(w, 0));
		record_set_int(row, ROW_APPLICATION_EDORG_APPLICATION_ID, world_id(w, n));
		record_set_int(row, ROW_APPLICATION_EDORG_EDORG_ID, world_id(w, 0));
		put(w, TABLE_application_edorg, &is, row);
		row = row_of(w, TABLE_application_ods, n, world_id(w, 0));
		record_set_int(row, ROW_APPLICATION_ODS_APPLICATION_ID, world_id(w, n));
		record_set_int(row, ROW_APPLICATION_ODS_ODS_ID, world_id(w, 0));
		put(w, TABLE_application_ods, &is, row);
		row = row_of(w, TABLE_client, n, world_id(w, 0));
		credential_key_new(key);
		record_set_int(row, ROW_CLIENT_APPLICATION_ID, world_id(w, n));
		text(row, ROW_CLIENT_KEY, key);
		record_set_int(row, ROW_CLIENT_STATE, CLIENT_IS_LIVE);
		put(w, TABLE_client, &is, row);
		row = secret_row(w, 0);
		record_set_int(row, ROW_ID, world_id(w, n));
		record_set_int(row, ROW_SECRET_CLIENT_ID, world_id(w, n));
		put(w, TABLE_secret, &is, row);
	}
}

void
world_drop_secrets(struct world *w, size_t client)
{
	for (size_t s = 0; s < WORLD_SECRETS; s++) {
		if (world_secret_client(s) == client)
			index_drop(w->index, TABLE_secret, world_id(w, s));
	}
}

void
world_agreement(struct world *w, size_t application, int64_t starts, int64_t ends)
{
	w->application[application].starts = starts;
	w->application[application].ends = ends;
	put_application(w, application);
}

void
world_secret_dates(struct world *w, size_t s, int64_t not_before, int64_t not_after)
{
	w->secret[s].not_before = not_before;
	w->secret[s].not_after = not_after;
	put_secret(w, s);
}

void
world_bad_verifier(struct world *w, size_t s)
{
	struct record *row = secret_row(w, s);

	ck_assert_int_eq(
		record_set_bytes(row, ROW_SECRET_VERIFIER, w->secret[s].verifier, 31),
		KERR_OK);
	ck_assert_int_eq(index_put(w->index, TABLE_secret, row), KERR_OK);
}

void
world_bad_key(struct world *w, size_t client)
{
	char key[CREDENTIAL_KEY_LEN + 1];

	memcpy(key, w->client[client].key, sizeof(key));
	w->client[client].key[CREDENTIAL_KEY_LEN - 1] = '\0';
	put_client(w, client);
	memcpy(w->client[client].key, key, sizeof(key));
}

void
world_end_token(struct world *w, size_t ended, size_t client)
{
	w->ended[ended].client = client;
	w->ended[ended].generation = w->client[client].generation;
	w->ended[ended].expires = WORLD_NOW + 600;
	put_ended(w, ended);
}
