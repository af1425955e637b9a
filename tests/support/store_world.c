#include "tests/support/store_world.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/model/model.h"
#include "core/secret.h"

#define ARENA_MAX ((size_t)64 << 20)

static void
must(bool ok, const char *what)
{
	if (ok)
		return;
	(void)fprintf(stderr, "store_world: %s failed\n", what);
	abort();
}

void
world_start(struct store_world *w, size_t reserve)
{
	static bool pool;
	const char *place = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";

	memset(w, 0, sizeof(*w));
	if (!pool)
		must(secret_pool_start(16, NULL) == KERR_OK, "secret_pool_start");
	pool = true;
	(void)snprintf(w->directory, sizeof(w->directory), "%s/keyd-store-XXXXXX", place);
	must(mkdtemp(w->directory) != NULL, "mkdtemp");
	(void)snprintf(w->file, sizeof(w->file), "%s/keyd.db", w->directory);
	w->reserve = reserve;
	w->vault = vault_new();
	must(w->vault && vault_create(w->vault, &w->fault) == KERR_OK, "vault_create");
	w->arena = arena_new(ARENA_MAX);
	must(w->arena != NULL, "arena_new");
	must(world_open(w) == KERR_OK, w->fault.text);
}

void
world_end(struct store_world *w)
{
	char path[192];

	world_close(w);
	vault_free(w->vault);
	arena_free(w->arena);
	(void)unlink(w->file);
	(void)snprintf(path, sizeof(path), "%s-wal", w->file);
	(void)unlink(path);
	(void)snprintf(path, sizeof(path), "%s-shm", w->file);
	(void)unlink(path);
	must(rmdir(w->directory) == 0, "rmdir");
}

enum kerr
world_open(struct store_world *w)
{
	struct store_options o = {
		.directory = w->directory, .reserve = w->reserve, .vault = w->vault};
	bool empty;
	enum kerr err;

	memset(&w->fault, 0, sizeof(w->fault));
	err = store_open(&o, &w->store, &empty, &w->fault);
	if (err != KERR_OK) {
		w->store = NULL;
		return err;
	}
	return store_unsealed(w->store, &w->fault);
}

void
world_close(struct store_world *w)
{
	store_close(w->store);
	w->store = NULL;
	arena_reset(w->arena);
}

static int64_t
insert(struct store_world *w, enum table_id table, struct record *row)
{
	must(store_insert(w->store, table, row, 1000) == KERR_OK,
		store_schema(table)->name);
	return record_int(row, ROW_ID);
}

static struct record *
row_of(struct store_world *w, enum table_id table)
{
	struct record *row = record_new(w->arena, store_schema(table));

	must(row != NULL, "record_new");
	record_set_int(row, ROW_TENANT_ID, 1);
	return row;
}

static void
set(struct record *row, unsigned f, const char *text)
{
	must(record_set_text(row, f, text) == KERR_OK, "record_set_text");
}

int64_t
world_vendor(struct store_world *w, const char *name)
{
	struct record *row = row_of(w, TABLE_vendor);

	set(row, ROW_VENDOR_NAME, name);
	set(row, ROW_VENDOR_SKELETON, name);
	record_set_int(row, ROW_VENDOR_KIND, VENDOR_KIND_SIS);
	record_set_int(row, ROW_VENDOR_STATE, VENDOR_IS_LIVE);
	set(row, ROW_VENDOR_PREFIXES, "uri://example.org");
	record_set_int(row, ROW_VENDOR_CREATED, 1000);
	return insert(w, TABLE_vendor, row);
}

int64_t
world_application(struct store_world *w, const char *name)
{
	struct record *row = row_of(w, TABLE_claimset);
	int64_t claimset;

	set(row, ROW_CLAIMSET_NAME, name);
	set(row, ROW_CLAIMSET_SKELETON, name);
	set(row, ROW_CLAIMSET_V8_NAME, name);
	record_set_int(row, ROW_CLAIMSET_NUMBER, 1);
	record_set_int(row, ROW_CLAIMSET_CREATED, 1000);
	claimset = insert(w, TABLE_claimset, row);
	row = row_of(w, TABLE_application);
	set(row, ROW_APPLICATION_NAME, name);
	record_set_int(row, ROW_APPLICATION_VENDOR_ID, world_vendor(w, name));
	record_set_int(row, ROW_APPLICATION_YEAR, 2027);
	record_set_int(row, ROW_APPLICATION_CLAIMSET_ID, claimset);
	record_set_int(row, ROW_APPLICATION_CLAIMSET_VERSION, 1);
	record_set_int(row, ROW_APPLICATION_STARTS, 20000);
	record_set_int(row, ROW_APPLICATION_ENDS, 20365);
	record_set_int(row, ROW_APPLICATION_STATE, APPLICATION_IS_LIVE);
	record_set_int(row, ROW_APPLICATION_CREATED, 1000);
	return insert(w, TABLE_application, row);
}

int64_t
world_client(struct store_world *w, int64_t application, const char *key)
{
	struct record *row = row_of(w, TABLE_client);

	record_set_int(row, ROW_CLIENT_APPLICATION_ID, application);
	set(row, ROW_CLIENT_KEY, key);
	set(row, ROW_CLIENT_NAME, "a vendor system");
	record_set_int(row, ROW_CLIENT_STATE, CLIENT_IS_LIVE);
	record_set_int(row, ROW_CLIENT_GENERATION, 1);
	record_set_int(row, ROW_CLIENT_CREATED, 1000);
	return insert(w, TABLE_client, row);
}

/* Steps through every statement of sql and keeps the first column of the last row in
 * *got. */
static void
run(struct store_world *w, const char *sql, sqlite3_value **got)
{
	sqlite3_stmt *st;
	sqlite3 *db;
	const char *rest = sql;

	must(!w->store, "closing first");
	must(sqlite3_open(w->file, &db) == SQLITE_OK, "sqlite3_open");
	while (*rest) {
		int rc;

		if (sqlite3_prepare_v2(db, rest, -1, &st, &rest) != SQLITE_OK)
			must(false, sqlite3_errmsg(db));
		while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
			sqlite3_value_free(*got);
			*got = sqlite3_value_dup(sqlite3_column_value(st, 0));
		}
		must(rc == SQLITE_DONE, sqlite3_errmsg(db));
		(void)sqlite3_finalize(st);
	}
	must(sqlite3_wal_checkpoint_v2(
		     db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL) == SQLITE_OK,
		"checkpoint");
	must(sqlite3_close(db) == SQLITE_OK, "sqlite3_close");
}

int64_t
world_sql(struct store_world *w, const char *sql)
{
	sqlite3_value *got = NULL;
	int64_t number;

	run(w, sql, &got);
	number = got ? sqlite3_value_int64(got) : 0;
	sqlite3_value_free(got);
	return number;
}

size_t
world_blob(struct store_world *w, const char *sql, uint8_t *ret, size_t max)
{
	sqlite3_value *got = NULL;
	size_t len;

	run(w, sql, &got);
	must(got != NULL, sql);
	len = (size_t)sqlite3_value_bytes(got);
	must(len <= max, sql);
	memcpy(ret, sqlite3_value_blob(got), len);
	sqlite3_value_free(got);
	return len;
}

size_t
world_read(const char *path, uint8_t **ret)
{
	FILE *f = fopen(path, "rb");
	long len;

	must(f != NULL, path);
	must(fseek(f, 0, SEEK_END) == 0, path);
	len = ftell(f);
	rewind(f);
	*ret = malloc((size_t)len + 1);
	must(*ret && fread(*ret, 1, (size_t)len, f) == (size_t)len, path);
	(void)fclose(f);
	return (size_t)len;
}

void
world_write(const char *path, const uint8_t *bytes, size_t len)
{
	FILE *f = fopen(path, "wb");

	must(f && fwrite(bytes, 1, len, f) == len, path);
	must(fclose(f) == 0, path);
}

void
world_copy(const char *from, const char *to)
{
	uint8_t *bytes;
	size_t len = world_read(from, &bytes);

	world_write(to, bytes, len);
	free(bytes);
}
