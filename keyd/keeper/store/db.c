#include "keyd/keeper/store/db.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "core/arena.h"

/* The one file that speaks to SQLite. */

#define FILE_STEP    (1 << 20) /* files grow by multiples of it */
#define CACHE_WRITER "PRAGMA cache_size = -16384"
#define CACHE_READER "PRAGMA cache_size = -2048"

struct db_stmt {
	sqlite3_stmt *p;
	struct db *db;
	int failed; /* the first bind that failed */
	bool busy;  /* stepped and not reset */
};

struct db {
	sqlite3 *p;
	uint64_t wal_frames;
};

static enum kerr
of_constraint(int extended)
{
	switch (extended) {
	case SQLITE_CONSTRAINT_UNIQUE:
	case SQLITE_CONSTRAINT_PRIMARYKEY:
	case SQLITE_CONSTRAINT_ROWID:
		return KERR_EXISTS;
	case SQLITE_CONSTRAINT_FOREIGNKEY:
		return KERR_CONFLICT;
	default:
		return KERR_INVALID;
	}
}

static enum kerr
of_code(int extended)
{
	switch (extended & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
		return KERR_OK;
	case SQLITE_DONE:
		return KERR_NOTFOUND;
	case SQLITE_NOMEM:
		return KERR_NOMEM;
	case SQLITE_FULL:
		return KERR_FULL;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return KERR_BUSY;
	case SQLITE_INTERRUPT:
		return KERR_TIMEOUT;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_FORMAT:
		return KERR_DAMAGED;
	case SQLITE_CONSTRAINT:
		return of_constraint(extended);
	case SQLITE_MISMATCH:
		return KERR_INVALID;
	case SQLITE_TOOBIG:
		return KERR_TOO_LARGE;
	case SQLITE_IOERR:
		return extended == SQLITE_IOERR_NOMEM ? KERR_NOMEM : KERR_IO;
	case SQLITE_READONLY:
	case SQLITE_CANTOPEN:
	case SQLITE_PERM:
	case SQLITE_PROTOCOL:
	case SQLITE_AUTH:
		return KERR_IO;
	default:
		return KERR_INTERNAL;
	}
}

static enum kerr
last(const struct db *db)
{
	enum kerr err = of_code(sqlite3_extended_errcode(db->p));

	return err == KERR_OK || err == KERR_NOTFOUND ? KERR_INTERNAL : err;
}

const char *
db_complaint(const struct db *db)
{
	return sqlite3_errmsg(db->p);
}

/* Every connection stays with its thread, so SQLite needs no locks of its own; counting
 * its memory costs one. */
static void
configure(void)
{
	(void)sqlite3_config(SQLITE_CONFIG_MULTITHREAD);
	(void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

static int
on_commit(void *with, sqlite3 *p, const char *name, int frames)
{
	struct db *db = with;

	(void)p;
	(void)name;
	db->wal_frames = (uint64_t)frames;
	return SQLITE_OK;
}

/* Sets a pragma and reads it back. */
static enum kerr
assure(struct db *db, const char *set, const char *get, int64_t want)
{
	enum kerr err = db_exec(db, set);
	int64_t got;

	if (err == KERR_OK)
		err = db_number(db, get, &got);
	if (err == KERR_OK && got != want)
		err = KERR_UNSUPPORTED;
	return err;
}

static enum kerr
restrict_sql(struct db *db)
{
	static const struct {
		int option;
		int on;
	} rows[] = {
		{SQLITE_DBCONFIG_DEFENSIVE, 1},
		{SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},
		{SQLITE_DBCONFIG_ENABLE_TRIGGER, 0},
		{SQLITE_DBCONFIG_ENABLE_VIEW, 0},
		{SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0},
		{SQLITE_DBCONFIG_WRITABLE_SCHEMA, 0},
		{SQLITE_DBCONFIG_DQS_DML, 0},
		{SQLITE_DBCONFIG_DQS_DDL, 0},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int is = -1;

		if (sqlite3_db_config(db->p, rows[i].option, rows[i].on, &is) !=
				SQLITE_OK ||
			is != rows[i].on)
			return KERR_UNSUPPORTED;
	}
	return KERR_OK;
}

static enum kerr
check_wal(struct db *db)
{
	struct db_stmt *st;
	enum kerr err = db_prepare(db, "PRAGMA journal_mode = WAL", &st);
	const uint8_t *mode;
	size_t len;

	if (err != KERR_OK)
		return err;
	err = db_step(st);
	if (err == KERR_OK) {
		mode = db_column_bytes(st, 0, &len);
		if (len != 3 || memcmp(mode, "wal", 3) != 0)
			err = KERR_UNSUPPORTED;
	}
	db_finalize(st);
	return err;
}

static enum kerr
prepare_files(struct db *db, enum db_use use)
{
	int step = FILE_STEP, keep = 1;
	enum kerr err;

	err = db_exec(db, "PRAGMA page_size = 4096; PRAGMA auto_vacuum = NONE");
	if (err == KERR_OK)
		err = check_wal(db);
	if (err == KERR_OK)
		err = assure(db, "PRAGMA synchronous = FULL", "PRAGMA synchronous", 2);
	if (err == KERR_OK)
		err = assure(db, "PRAGMA journal_size_limit = -1",
			"PRAGMA journal_size_limit", -1);
	if (err == KERR_OK)
		err = assure(db, "PRAGMA wal_autocheckpoint = 0",
			"PRAGMA wal_autocheckpoint", 0);
	if (err == KERR_OK)
		err = db_exec(db, use == DB_WRITER ? CACHE_WRITER : CACHE_READER);
	if (err == KERR_OK && use == DB_READER)
		err = assure(db, "PRAGMA query_only = ON", "PRAGMA query_only", 1);
	if (err != KERR_OK || use == DB_READER)
		return err;
	(void)sqlite3_wal_hook(db->p, on_commit, db);
	if (sqlite3_file_control(db->p, "main", SQLITE_FCNTL_CHUNK_SIZE, &step) !=
			SQLITE_OK ||
		sqlite3_file_control(db->p, "main", SQLITE_FCNTL_PERSIST_WAL, &keep) !=
			SQLITE_OK)
		return KERR_IO;
	return KERR_OK;
}

static enum kerr
prepare_connection(struct db *db, enum db_use use)
{
	enum kerr err;

	(void)sqlite3_extended_result_codes(db->p, 1);
	err = restrict_sql(db);
	if (err == KERR_OK)
		err = db_exec(
			db, "PRAGMA temp_store = MEMORY; PRAGMA cell_size_check = ON");
	if (err == KERR_OK)
		err = assure(db, "PRAGMA foreign_keys = ON", "PRAGMA foreign_keys", 1);
	if (err == KERR_OK)
		err = assure(db, "PRAGMA secure_delete = ON", "PRAGMA secure_delete", 1);
	if (err == KERR_OK && use != DB_MEMORY)
		err = prepare_files(db, use);
	return err;
}

static enum kerr
open_fault(struct fault *fault, enum kerr err, const char *path, const struct db *db)
{
	if (err == KERR_BUSY)
		return fault_set(fault, err, path,
			"another process has the database open; stop it first");
	if (err == KERR_DAMAGED)
		return fault_set(fault, err, path,
			"it is not a database; restore a backup into an empty state "
			"directory");
	return fault_set(fault, err, path, "cannot open the database: %s",
		db && db->p ? sqlite3_errmsg(db->p) : kerr_text(err));
}

enum kerr
db_open(const char *path, enum db_use use, struct db **ret, struct fault *fault)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;
	struct db *db = mem_new(1, sizeof(*db));
	enum kerr err = KERR_NOMEM;
	int rc;

	if (!db)
		return fault_set(fault, err, path, "%s", kerr_text(err));
	(void)pthread_once(&once, configure);
	if (use == DB_WRITER)
		flags |= SQLITE_OPEN_CREATE;
	if (use == DB_MEMORY)
		rc = sqlite3_open_v2(
			":memory:", &db->p, flags | SQLITE_OPEN_MEMORY, NULL);
	else
		rc = sqlite3_open_v2(path, &db->p, flags, "unix-excl");
	err = of_code(rc);
	if (err == KERR_OK)
		err = prepare_connection(db, use);
	if (err != KERR_OK) {
		err = open_fault(fault, err, path, db);
		db_close(db);
		return err;
	}
	*ret = db;
	return KERR_OK;
}

void
db_close(struct db *db)
{
	if (!db)
		return;
	(void)sqlite3_close_v2(db->p);
	mem_free(db);
}

enum kerr
db_exec(struct db *db, const char *sql)
{
	return sqlite3_exec(db->p, sql, NULL, NULL, NULL) == SQLITE_OK ? KERR_OK
								       : last(db);
}

enum kerr
db_number(struct db *db, const char *sql, int64_t *ret)
{
	struct db_stmt *st;
	enum kerr err = db_prepare(db, sql, &st);

	if (err != KERR_OK)
		return err;
	err = db_step(st);
	if (err == KERR_OK)
		*ret = db_column_int(st, 0);
	db_finalize(st);
	return err;
}

bool
db_in_transaction(const struct db *db)
{
	return !sqlite3_get_autocommit(db->p);
}

/* SQLite numbers $1, $2 as they come, whatever they say. */
static bool
numbered_in_order(sqlite3_stmt *p)
{
	int count = sqlite3_bind_parameter_count(p);
	char want[16];

	for (int i = 1; i <= count; i++) {
		const char *name = sqlite3_bind_parameter_name(p, i);

		(void)snprintf(want, sizeof(want), "$%d", i);
		if (!name || strcmp(name, want) != 0)
			return false;
	}
	return true;
}

enum kerr
db_prepare(struct db *db, const char *sql, struct db_stmt **ret)
{
	struct db_stmt *st = mem_new(1, sizeof(*st));

	if (!st)
		return KERR_NOMEM;
	if (sqlite3_prepare_v3(db->p, sql, -1, SQLITE_PREPARE_PERSISTENT, &st->p, NULL) !=
		SQLITE_OK) {
		mem_free(st);
		return last(db);
	}
	st->db = db;
	if (!numbered_in_order(st->p)) {
		db_finalize(st);
		return KERR_INTERNAL;
	}
	*ret = st;
	return KERR_OK;
}

void
db_finalize(struct db_stmt *st)
{
	if (!st)
		return;
	(void)sqlite3_finalize(st->p);
	mem_free(st);
}

bool
db_busy(const struct db_stmt *st)
{
	return st->busy;
}

static void
bound(struct db_stmt *st, int rc)
{
	if (rc != SQLITE_OK && st->failed == SQLITE_OK)
		st->failed = rc;
}

void
db_bind_null(struct db_stmt *st, int i)
{
	bound(st, sqlite3_bind_null(st->p, i));
}

void
db_bind_int(struct db_stmt *st, int i, int64_t v)
{
	bound(st, sqlite3_bind_int64(st->p, i, v));
}

void
db_bind_text(struct db_stmt *st, int i, const void *text, size_t len)
{
	bound(st, sqlite3_bind_text64(
			  st->p, i, len ? text : "", len, SQLITE_STATIC, SQLITE_UTF8));
}

void
db_bind_bytes(struct db_stmt *st, int i, const void *bytes, size_t len)
{
	bound(st, sqlite3_bind_blob64(st->p, i, len ? bytes : "", len, SQLITE_STATIC));
}

enum kerr
db_step(struct db_stmt *st)
{
	int rc;

	if (st->failed != SQLITE_OK)
		return of_code(st->failed);
	st->busy = true;
	rc = sqlite3_step(st->p);
	if (rc == SQLITE_ROW)
		return KERR_OK;
	if (rc == SQLITE_DONE)
		return KERR_NOTFOUND;
	return last(st->db);
}

enum kerr
db_run(struct db_stmt *st)
{
	enum kerr err = db_step(st);

	db_reset(st);
	if (err == KERR_NOTFOUND)
		return KERR_OK;
	return err == KERR_OK ? KERR_INTERNAL : err;
}

void
db_reset(struct db_stmt *st)
{
	if (st->busy)
		(void)sqlite3_reset(st->p);
	(void)sqlite3_clear_bindings(st->p);
	st->busy = false;
	st->failed = SQLITE_OK;
}

int64_t
db_changes(const struct db *db)
{
	return sqlite3_changes64(db->p);
}

enum db_type
db_column_type(struct db_stmt *st, int i)
{
	switch (sqlite3_column_type(st->p, i)) {
	case SQLITE_INTEGER:
		return DB_INT;
	case SQLITE_TEXT:
		return DB_TEXT;
	case SQLITE_BLOB:
		return DB_BYTES;
	case SQLITE_FLOAT:
		return DB_FLOAT;
	default:
		return DB_NULL;
	}
}

int64_t
db_column_int(struct db_stmt *st, int i)
{
	return sqlite3_column_int64(st->p, i);
}

const uint8_t *
db_column_bytes(struct db_stmt *st, int i, size_t *ret_len)
{
	const uint8_t *bytes = sqlite3_column_blob(st->p, i);

	*ret_len = (size_t)sqlite3_column_bytes(st->p, i);
	return bytes;
}

int
db_columns(const struct db_stmt *st)
{
	return sqlite3_column_count(st->p);
}

uint64_t
db_wal_frames(const struct db *db)
{
	return db->wal_frames;
}

enum kerr
db_dirty_pages(struct db *db, bool flush, uint64_t *ret)
{
	int pages = 0, high = 0;

	if (flush && sqlite3_db_cacheflush(db->p) != SQLITE_OK)
		return last(db);
	if (sqlite3_db_status(db->p, SQLITE_DBSTATUS_CACHE_WRITE, &pages, &high, 1) !=
		SQLITE_OK)
		return KERR_INTERNAL;
	*ret = (uint64_t)pages;
	return KERR_OK;
}

enum kerr
db_checkpoint(struct db *db, bool truncate)
{
	int mode = truncate ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_RESTART;
	int frames = 0, moved = 0;

	if (sqlite3_wal_checkpoint_v2(db->p, "main", mode, &frames, &moved) != SQLITE_OK)
		return last(db);
	db->wal_frames = 0;
	return KERR_OK;
}

/* SQLite's own file of the WAL; NULL before it was opened. */
static sqlite3_file *
wal_file(struct db *db)
{
	sqlite3_file *file = NULL;

	if (sqlite3_file_control(db->p, "main", SQLITE_FCNTL_JOURNAL_POINTER, &file) !=
			SQLITE_OK ||
		!file || !file->pMethods)
		return NULL;
	return file;
}

uint64_t
db_wal_size(struct db *db)
{
	sqlite3_file *file = wal_file(db);
	sqlite3_int64 size = 0;

	if (!file || file->pMethods->xFileSize(file, &size) != SQLITE_OK)
		return 0;
	return (uint64_t)size;
}

enum kerr
db_grow_wal(struct db *db, uint64_t bytes)
{
	sqlite3_file *file = wal_file(db);
	sqlite3_int64 size = (sqlite3_int64)bytes;
	int step = FILE_STEP;

	if (!file)
		return KERR_IO;
	if (file->pMethods->xFileControl(file, SQLITE_FCNTL_CHUNK_SIZE, &step) !=
		SQLITE_OK)
		return KERR_IO;
	if (file->pMethods->xFileControl(file, SQLITE_FCNTL_SIZE_HINT, &size) !=
		SQLITE_OK)
		return KERR_FULL;
	return KERR_OK;
}

enum kerr
db_grow_file(struct db *db, uint64_t bytes)
{
	sqlite3_int64 size = (sqlite3_int64)bytes;

	if (sqlite3_file_control(db->p, "main", SQLITE_FCNTL_SIZE_HINT, &size) !=
		SQLITE_OK)
		return KERR_FULL;
	return KERR_OK;
}

uint64_t
db_max_pages(struct db *db)
{
	int64_t max = 0;

	if (db_number(db, "PRAGMA max_page_count", &max) != KERR_OK)
		return 0;
	return (uint64_t)max;
}

void
db_release_memory(struct db *db)
{
	(void)sqlite3_db_release_memory(db->p);
}

void
db_interrupt(struct db *db)
{
	sqlite3_interrupt(db->p);
}
