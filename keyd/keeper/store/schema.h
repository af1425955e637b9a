#ifndef KEYD_KEEPER_STORE_SCHEMA_H
#define KEYD_KEEPER_STORE_SCHEMA_H

#include "core/buf.h"
#include "keyd/keeper/store/db.h"
#include "keyd/keeper/store/store.h"

/* What tables.def says, and every statement that is made of a table's columns alone. The
 * columns of a statement: those of the schema, then for a security table valid_from,
 * mac_key and mac. */
enum sql {
	SQL_GET,       /* $1 id */
	SQL_SCAN,      /* in the order of ids, as the pages have them */
	SQL_SCAN_BACK, /* $1: from the end down to above that id */
	SQL_LOWER,     /* as SQL_SCAN: $1 the last id */
	SQL_UPPER,     /* $1: the id before the first */
	SQL_INSERT,    /* all columns */
	SQL_DELETE,    /* $1 id */
	SQL_AT,        /* of the past: $1 id, $2 time: the newest that began by then; its
			  valid_to behind the columns */
	SQL_PAST_SCAN, /* of the past, by id and version, valid_to behind the columns */
	SQL_PAST_ADD,  /* into the past: all columns, valid_to */
	SQL_STALE,     /* ids of present rows that are not newer than a former version of
			  theirs */
	SQL_ADD, /* plain: all columns but the id; replaces what has its unique key; gives
		    the id */
	SQL_PUT, /* plain: all columns; replaces what has the id */
	SQL__COUNT
};
/* Appends the text. SQL_AT to SQL_STALE exist for security tables, SQL_ADD and SQL_PUT
 * for plain ones. */
enum kerr schema_sql(enum table_id table, enum sql which, struct buf *out) MUST_CHECK;
/* `"id", "tenant_id", …`: the columns of a statement, each behind prefix ("" or "t."). */
void schema_columns(enum table_id table, const char *prefix, struct buf *out);
/* Sets the columns that are in the bit set `changed`, in their order, of the row whose id
 * is the last parameter. */
enum kerr schema_update_sql(
	enum table_id table, uint64_t changed, struct buf *out) MUST_CHECK;
/* Columns that a statement of the table has, mac_key and mac included. */
unsigned schema_width(enum table_id table);
/* May rows of this plain table be replaced or deleted? The audit chain's may not. */
bool schema_append_only(enum table_id table);
bool schema_nullable(enum table_id table, unsigned column);
/* Do the database's tables have the columns of tables.def? KERR_DAMAGED. */
enum kerr schema_compare(struct db *db, struct fault *fault) MUST_CHECK;

#endif
