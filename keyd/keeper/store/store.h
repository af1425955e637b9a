#ifndef KEYD_KEEPER_STORE_STORE_H
#define KEYD_KEEPER_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/arena.h"
#include "core/record.h"
#include "keyd/keeper/vault/vault.h"

/* The database: verbs and rows, no SQL above it. Rows are records whose schema is their
 * table's. Security rows are written whole by one function, which counts their version,
 * copies the former one to <table>_past, authenticates the new one with a keyed MAC over
 * all its columns and keeps the digest; a row read must have its MAC and the version that
 * memory holds, else it is fenced off: KERR_DAMAGED, never used. The writing store
 * belongs to the write thread; a reader belongs to one reading thread. */
struct store;
struct store_reader;

enum table_kind { TABLE_SECURITY, TABLE_PLAIN };
enum table_id {
#define TABLE(prefix, name, kind) TABLE_##name,
#define COLUMN(...)
#define END(...)
#include "keyd/keeper/store/tables.def"
#undef TABLE
#undef COLUMN
#undef END
	TABLE__COUNT
};

/* Columns by number: ROW_ID, ROW_TENANT_ID and ROW_VERSION are the first of every
 * security table; a plain table has ROW_ID and goes on at 1: ROW_KEYRING_PURPOSE. */
enum row_field { ROW_ID, ROW_TENANT_ID, ROW_VERSION };
#define TABLE(prefix, name, kind)                                                        \
	enum name##_column                                                               \
	{                                                                                \
		prefix##__FIRST = TABLE_FIRST_##kind,
#define TABLE_FIRST_TABLE_SECURITY 2
#define TABLE_FIRST_SECURITY       2
#define TABLE_FIRST_PLAIN          0
#define COLUMN(prefix, id, ...)    prefix##_##id,
#define END(prefix, name)                                                                \
	prefix##__COUNT                                                                  \
	}                                                                                \
	;
#include "keyd/keeper/store/tables.def"
#undef TABLE
#undef COLUMN
#undef END

/* What the rows of that table are, and whether they are security rows. Static. */
const struct schema *store_schema(enum table_id table);
enum table_kind store_kind(enum table_id table);
/* KERR_NOTFOUND for a name that is no table. */
enum kerr store_table(const char *name, enum table_id *ret) MUST_CHECK;

struct store_options {
	const char *directory; /* path of the state directory, as the jail allows it */
	size_t reserve; /* bytes of free pages kept for what takes away; at least 64 MiB,
			   tests may ask for less */
	struct vault *vault;
};
/* Opens keyd.db in the directory, making an empty one when there is none; reads nothing
 * that needs keys. *ret_empty tells that init has not been done. KERR_NEWER,
 * KERR_DAMAGED, KERR_IO with sentences that say what to do. */
enum kerr store_open(const struct store_options *o, struct store **ret, bool *ret_empty,
	struct fault *fault) MUST_CHECK;
void store_close(struct store *s);
/* Once the vault is open: migrations, the version of every row into memory, MACs, counts,
 * digest and sealed state. KERR_DAMAGED is not final: *fault says what, store_damage()
 * counts, and the store serves what is sound. */
enum kerr store_unsealed(struct store *s, struct fault *fault) MUST_CHECK;
/* What differs at start from the sealed state: 0 none. Accepted by a named act: the
 * present rows become the truth. */
uint64_t store_damage(const struct store *s);
enum kerr store_damage_accept(struct store *s) MUST_CHECK; /* within a transaction */
uint64_t store_fenced(const struct store *s);              /* rows set aside */
bool store_is_fenced(const struct store *s, enum table_id table, int64_t id);

/* The state that is sealed with every transaction (set before store_commit). */
struct store_state {
	uint64_t audit_seq;
	uint8_t audit_head[32];
	int64_t last_seen;
};
/* Of the transaction, or as it was last committed. */
void store_state_set(struct store *s, const struct store_state *state);
void store_state_get(const struct store *s, struct store_state *ret);

/* Transactions of the write thread. use_reserve: what takes away (revoke, quarantine,
 * suspend and their records) may use the reserved pages; others get KERR_FULL before they
 * touch them. A failed commit has changed nothing. Savepoints nest once: an operation
 * within a group; after store_undo the group goes on without it. */
enum kerr store_begin(struct store *s, bool use_reserve) MUST_CHECK;
enum kerr store_commit(struct store *s) MUST_CHECK;
void store_rollback(struct store *s);
enum kerr store_save(struct store *s, bool use_reserve) MUST_CHECK;
enum kerr store_keep(struct store *s) MUST_CHECK;
void store_undo(struct store *s);
/* Between transactions on the write thread: checkpoints, grows the WAL ahead, forgets
 * destroyed record keys; about once a second. *ret_full tells whether ordinary writes are
 * refused now. */
enum kerr store_tend(struct store *s, bool *ret_full) MUST_CHECK;
/* A record key was destroyed: the WAL is truncated at the next store_tend that may. */
void store_forget_soon(struct store *s);

/* Rows. Insert sets ROW_ID and ROW_VERSION = 1; update needs ROW_ID and the version that
 * was read (KERR_CONFLICT when another is there) and sets the next; remove leaves a
 * tombstone, and its last version in _past. KERR_EXISTS when a unique key is taken. now
 * is what valid_from and valid_to get. */
enum kerr store_insert(
	struct store *s, enum table_id table, struct record *row, int64_t now) MUST_CHECK;
enum kerr store_update(
	struct store *s, enum table_id table, struct record *row, int64_t now) MUST_CHECK;
enum kerr store_remove(
	struct store *s, enum table_id table, int64_t id, int64_t now) MUST_CHECK;

/* Reading, by the writer (sees its own transaction) or by a reader. */
enum kerr store_reader_open(struct store *s, struct store_reader **ret) MUST_CHECK;
void store_reader_close(struct store_reader *r);
/* The writer's own view, for functions that read for both; borrowed. */
struct store_reader *store_as_reader(struct store *s);
/* One read transaction around several calls (lists, export, backup). */
enum kerr store_read_begin(struct store_reader *r) MUST_CHECK;
void store_read_end(struct store_reader *r);

/* A row by id: KERR_NOTFOUND, KERR_DAMAGED (fenced). */
enum kerr store_get(struct store_reader *r, enum table_id table, int64_t id,
	struct arena *a, struct record **ret) MUST_CHECK;

/* Looking for rows: every condition must hold. Columns that may be asked and sorted are
 * those with an index in migrations/; a test walks them. */
enum store_test {
	STORE_IS, /* column = number or text */
	STORE_IS_NULL,
	STORE_ABOVE,  /* column > number or text */
	STORE_BELOW,  /* column < number or text */
	STORE_BEGINS, /* text column begins with text; keys and names are compared byte by
			 byte */
	STORE_CONTAINS, /* text column contains text, letters of ASCII in either case;
			   scans */
	STORE_WITHIN, /* edorg id column is at or below edorg row number `number`, or one
			 of `ids` when there are some (closure table) */
	STORE_IN,     /* column is one of the ids in `ids` */
	STORE_LINKED, /* row id is in column `link_from` of table `link` where its column
			 `link_to` is `number` */
	STORE_LINKED_WITHIN, /* the same, where `link_to` is an edorg at or below `number`
				or one of `ids` */
};
struct store_condition {
	unsigned column;
	enum store_test test;
	int64_t number;
	const char *text;   /* NULL: the number counts; of a BYTES column `count` bytes */
	const int64_t *ids; /* at most 1,024 */
	size_t count;
	enum table_id link;
	unsigned link_from, link_to;
};
struct store_query {
	enum table_id table;
	const struct store_condition *conditions;
	size_t count;
	unsigned sort; /* column, one that is never empty; ROW_ID unless said. Ties by id
			*/
	bool descending;
	size_t limit;   /* rows at most; 0: no limit */
	bool has_after; /* page goes on behind this place */
	int64_t after_id;
	int64_t after_number;   /* value of the sort column there */
	const char *after_text; /* or text */
};
typedef enum kerr (*store_each)(void *with, struct record *row);
/* Calls each with every row that passes (borrowed: valid during the call); a row that is
 * damaged is left out and fenced. each returns KERR_OK to go on, KERR_CLOSED to stop
 * without failing. The arena is for the rows. */
enum kerr store_select(struct store_reader *r, const struct store_query *q,
	struct arena *a, store_each each, void *with) MUST_CHECK;
/* The first that passes; KERR_NOTFOUND. */
enum kerr store_first(struct store_reader *r, const struct store_query *q,
	struct arena *a, struct record **ret) MUST_CHECK;
enum kerr store_count(
	struct store_reader *r, const struct store_query *q, uint64_t *ret) MUST_CHECK;
/* Raw columns in id order for a quick start of a million rows: NULL columns are FIELD's
 * empty value. MAC and version are checked; the arena is reset between rows. */
enum kerr store_scan(struct store_reader *r, enum table_id table, struct arena *a,
	store_each each, void *with) MUST_CHECK;
/* Are the database's pages well formed (SQLite's quick_check)? Takes a second for each
 * few hundred MiB, so for a reading thread after start. KERR_DAMAGED with what is wrong.
 */
enum kerr store_check_pages(struct store_reader *r, struct fault *fault) MUST_CHECK;
/* The former versions of a row that were valid at that moment; KERR_NOTFOUND. */
enum kerr store_get_at(struct store_reader *r, enum table_id table, int64_t id,
	int64_t at, struct arena *a, struct record **ret) MUST_CHECK;

/* Plain tables: whole-row put (insert, or replace the row with that unique key) and
 * delete by condition. */
enum kerr store_put(struct store *s, enum table_id table, struct record *row) MUST_CHECK;
enum kerr store_delete(struct store *s, const struct store_query *q) MUST_CHECK;

typedef enum kerr (*store_chunk)(void *with, const void *bytes, size_t len);
/* A logical stream of all rows and their history for a backup (dump.h), each security row
 * with its MAC. The caller encrypts. Left out: rows that are set aside, keys of sealed
 * deliveries, slots that open without a person, answers kept for repeating. store_load
 * puts them back into an empty database under the same ids and versions, in a transaction
 * of the caller's: KERR_DAMAGED, KERR_NEWER, KERR_UNSUPPORTED (an older schema),
 * KERR_CONFLICT (not empty); after a failure it can only be rolled back. */
enum kerr store_dump(struct store_reader *r, store_chunk chunk, void *with,
	uint64_t *ret_rows) MUST_CHECK;
enum kerr store_load(
	struct store *s, const void *bytes, size_t len, uint64_t *ret_rows) MUST_CHECK;

#endif
