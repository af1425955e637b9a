#ifndef KEYD_KEEPER_STORE_DB_H
#define KEYD_KEEPER_STORE_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

/* The door to SQLite: connections, prepared statements, files. Knows no table and no key.
 * A connection belongs to one thread, but for db_interrupt(). */
struct db;
struct db_stmt;

#define DB_PAGE 4096

enum db_use { DB_WRITER, DB_READER, DB_MEMORY };
/* Opens (a writer also makes) the file at path, private to this process, and asserts by
 * reading them back the settings that the promises rest on: WAL, synchronous=FULL,
 * foreign keys, secure_delete. DB_MEMORY has no file. KERR_BUSY: another process has it.
 * KERR_DAMAGED: it is no database. */
enum kerr db_open(const char *path, enum db_use use, struct db **ret,
	struct fault *fault) MUST_CHECK;
void db_close(struct db *db); /* NULL is fine */
/* What SQLite says about the last failure; static or borrowed until the next call. */
const char *db_complaint(const struct db *db);

/* Statements of one script or one statement without results. */
enum kerr db_exec(struct db *db, const char *sql) MUST_CHECK;
/* The first column of the first row; KERR_NOTFOUND. */
enum kerr db_number(struct db *db, const char *sql, int64_t *ret) MUST_CHECK;
bool db_in_transaction(const struct db *db);

/* One prepared statement. The parameters must be $1, $2, … and first appear in that
 * order: KERR_INTERNAL. */
enum kerr db_prepare(struct db *db, const char *sql, struct db_stmt **ret) MUST_CHECK;
void db_finalize(struct db_stmt *st);   /* NULL is fine */
bool db_busy(const struct db_stmt *st); /* between its first step and db_reset */

/* Parameters count from 1; bytes are borrowed until db_reset. A failure shows at the next
 * db_step. */
void db_bind_null(struct db_stmt *st, int i);
void db_bind_int(struct db_stmt *st, int i, int64_t v);
void db_bind_text(struct db_stmt *st, int i, const void *text, size_t len);
void db_bind_bytes(struct db_stmt *st, int i, const void *bytes, size_t len);
/* KERR_OK: a row is there. KERR_NOTFOUND: there is none (any more). Else it failed:
 * KERR_EXISTS (a unique key), KERR_CONFLICT (a reference), KERR_INVALID (a CHECK),
 * KERR_FULL, KERR_BUSY, KERR_TIMEOUT (interrupted), KERR_DAMAGED. */
enum kerr db_step(struct db_stmt *st) MUST_CHECK;
/* Steps once, expecting no row, and resets. */
enum kerr db_run(struct db_stmt *st) MUST_CHECK;
void db_reset(struct db_stmt *st);
int64_t db_changes(const struct db *db); /* rows that the last statement changed */

enum db_type { DB_NULL, DB_INT, DB_TEXT, DB_BYTES, DB_FLOAT };
/* Columns of the present row count from 0; bytes are borrowed until the next step. */
enum db_type db_column_type(struct db_stmt *st, int i);
int64_t db_column_int(struct db_stmt *st, int i);
const uint8_t *db_column_bytes(struct db_stmt *st, int i, size_t *ret_len);
int db_columns(const struct db_stmt *st);

/* Space. Frames: pages in the WAL after the last commit, 0 once it was checkpointed and
 * will be begun anew. */
uint64_t db_wal_frames(const struct db *db);
/* Pages written to the WAL since the last call; flush: after writing what this
 * transaction has changed so far. */
enum kerr db_dirty_pages(struct db *db, bool flush, uint64_t *ret) MUST_CHECK;
/* Moves the WAL's pages into the database; truncate: and cuts the WAL's file off.
 * KERR_BUSY: a reader still needs some. */
enum kerr db_checkpoint(struct db *db, bool truncate) MUST_CHECK;
/* Has the file system hold that many bytes for the WAL or the database; never makes it
 * smaller. KERR_FULL. */
enum kerr db_grow_wal(struct db *db, uint64_t bytes) MUST_CHECK;
enum kerr db_grow_file(struct db *db, uint64_t bytes) MUST_CHECK;
uint64_t db_wal_size(struct db *db);
uint64_t db_max_pages(struct db *db);
void db_release_memory(struct db *db);
/* (any thread) What runs there ends with KERR_TIMEOUT. */
void db_interrupt(struct db *db);

#endif
