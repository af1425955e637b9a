#include "keyd/keeper/store/migrate.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "core/buf.h"

/* What is in a database of ours besides its schema's number. */
#define APPLICATION_ID 0x6b657964 /* "keyd" */
#define SCHEMA_MAX     ((size_t)4 << 20)

int64_t
migrate_newest(void)
{
	int64_t newest = 0;

	for (const struct migration *m = store_migrations; m->sql; m++)
		newest = m->number;
	return newest;
}

static enum kerr
set_number(struct db *db, int64_t number)
{
	char sql[96];

	(void)snprintf(sql, sizeof(sql),
		"PRAGMA application_id = %d; PRAGMA user_version = %d", APPLICATION_ID,
		(int)number);
	return db_exec(db, sql);
}

static enum kerr
run_range(struct db *db, int64_t above, int64_t to)
{
	enum kerr err = KERR_OK;

	for (const struct migration *m = store_migrations; m->sql && err == KERR_OK;
		m++) {
		if (m->number > above && m->number <= to)
			err = db_exec(db, m->sql);
	}
	return err == KERR_OK ? set_number(db, to) : err;
}

static enum kerr
run_fault(struct fault *fault, enum kerr err, const struct db *db, int64_t to)
{
	return fault_set(fault, err, "", "cannot bring the database to schema %d: %s",
		(int)to, db_complaint(db));
}

enum kerr
migrate_new(struct db *db, struct fault *fault)
{
	enum kerr err = db_exec(db, "BEGIN IMMEDIATE");

	if (err == KERR_OK)
		err = run_range(db, 0, migrate_newest());
	if (err == KERR_OK)
		err = db_exec(db, "COMMIT");
	if (err == KERR_OK)
		return KERR_OK;
	err = run_fault(fault, err, db, migrate_newest());
	if (db_in_transaction(db) && db_exec(db, "ROLLBACK") != KERR_OK)
		return KERR_IO;
	return err;
}

enum kerr
migrate_run(struct db *db, int64_t from, struct fault *fault)
{
	enum kerr err = run_range(db, from, migrate_newest());

	return err == KERR_OK ? err : run_fault(fault, err, db, migrate_newest());
}

/* Every table and index with the text that made it. */
static enum kerr
schema_text(struct db *db, struct buf *out)
{
	struct db_stmt *st;
	enum kerr err = db_prepare(
		db, "SELECT type, name, sql FROM sqlite_schema ORDER BY type, name", &st);

	if (err != KERR_OK)
		return err;
	while ((err = db_step(st)) == KERR_OK) {
		for (int i = 0; i < 3; i++) {
			size_t len;
			const uint8_t *text = db_column_bytes(st, i, &len);

			buf_put_u32(out, (uint32_t)len);
			buf_put(out, text, len);
		}
	}
	db_finalize(st);
	return err == KERR_NOTFOUND ? buf_error(out) : err;
}

static enum kerr
schema_hash(struct db *db, uint8_t ret[32])
{
	struct buf text;
	enum kerr err;

	buf_init(&text, SCHEMA_MAX);
	err = schema_text(db, &text);
	if (err == KERR_OK && crypto_generichash(ret, 32, text.data, text.len, NULL, 0))
		err = KERR_CRYPTO;
	buf_clear(&text);
	return err;
}

/* The hash of what the migrations make, by making it. */
static enum kerr
wanted_hash(int64_t number, uint8_t ret[32])
{
	struct db *db = NULL;
	enum kerr err = db_open("", DB_MEMORY, &db, NULL);

	if (err == KERR_OK)
		err = run_range(db, 0, number);
	if (err == KERR_OK)
		err = schema_hash(db, ret);
	db_close(db);
	return err;
}

static enum kerr
same_schema(struct db *db, int64_t number, struct fault *fault)
{
	uint8_t is[32], want[32];
	enum kerr err = schema_hash(db, is);

	if (err == KERR_OK)
		err = wanted_hash(number, want);
	if (err != KERR_OK)
		return fault_set(fault, err, "", "cannot read the database's schema: %s",
			kerr_text(err));
	if (memcmp(is, want, sizeof(is)) != 0)
		return fault_set(fault, KERR_DAMAGED, "",
			"the database's tables are not those that keyd made; restore a "
			"backup into an empty state directory");
	return KERR_OK;
}

enum kerr
migrate_check(struct db *db, int64_t *ret_number, struct fault *fault)
{
	int64_t number = 0, id = 0, tables = 0;
	enum kerr err = db_number(db, "PRAGMA user_version", &number);

	if (err == KERR_OK)
		err = db_number(db, "PRAGMA application_id", &id);
	if (err == KERR_OK)
		err = db_number(db, "SELECT count(*) FROM sqlite_schema", &tables);
	if (err != KERR_OK)
		return fault_set(
			fault, err, "", "cannot read the database: %s", db_complaint(db));
	if (number == 0 && id == 0 && tables == 0) {
		*ret_number = 0;
		return KERR_OK;
	}
	if (id != APPLICATION_ID || number < 1)
		return fault_set(fault, KERR_DAMAGED, "",
			"the file is a database, but not keyd's");
	if (number > migrate_newest())
		return fault_set(fault, KERR_NEWER, "",
			"a newer keyd made the database (schema %lld, this one knows up "
			"to %lld): install that keyd, or restore an older backup",
			(long long)number, (long long)migrate_newest());
	err = same_schema(db, number, fault);
	if (err == KERR_OK)
		*ret_number = number;
	return err;
}
