#include "keyd/keeper/store/schema.h"

#include <stdio.h>
#include <string.h>

#include "core/model/model.h"

#define TEXT_MAX  ((int64_t)1 << 20)
#define BYTES_MAX ((int64_t)1 << 24)
#define ENUM_MAX  63
#define SQL_MAX   8192

#define MIN_BOOL  0
#define MIN_INT   INT64_MIN
#define MIN_TIME  INT64_MIN
#define MIN_DATE  INT64_MIN
#define MIN_ENUM  0
#define MIN_TEXT  0
#define MIN_BYTES 0
#define MAX_BOOL  1
#define MAX_INT   INT64_MAX
#define MAX_TIME  INT64_MAX
#define MAX_DATE  INT64_MAX
#define MAX_ENUM  ENUM_MAX
#define MAX_TEXT  TEXT_MAX
#define MAX_BYTES BYTES_MAX

#define ROW_FIELD(js, t, nullable, words_)                                               \
	{.name = (js),                                                                   \
		.doc = (js),                                                             \
		.words = (words_),                                                       \
		.min = MIN_##t,                                                          \
		.max = MAX_##t,                                                          \
		.type = FIELD_##t,                                                       \
		.flags = (nullable) ? 0 : FIELD_REQUIRED},
#define FIRST_SECURITY                                                                   \
	ROW_FIELD("id", INT, false, NULL)                                                \
	ROW_FIELD("tenant_id", INT, false, NULL)                                         \
	ROW_FIELD("version", INT, false, NULL)
#define FIRST_PLAIN ROW_FIELD("id", INT, false, NULL)

#define TABLE(prefix, name, kind)                                                        \
	static const struct field name##_fields[] = {FIRST_##kind
#define COLUMN(prefix, id, js, type, nullable, words) ROW_FIELD(js, type, nullable, words)
#define END(prefix, name)                                                                \
	}                                                                                \
	;
#include "keyd/keeper/store/tables.def"
#undef TABLE
#undef COLUMN
#undef END

#define TABLE(prefix, tag, kind)                                                         \
	[TABLE_##tag] = {.name = #tag,                                                   \
		.doc = #tag,                                                             \
		.fields = tag##_fields,                                                  \
		.count = sizeof(tag##_fields) / sizeof(tag##_fields[0])},
#define COLUMN(...)
#define END(...)
static const struct schema schemas[TABLE__COUNT] = {
#include "keyd/keeper/store/tables.def"
};
#undef TABLE

#define TABLE(prefix, tag, kind) [TABLE_##tag] = TABLE_##kind,
static const enum table_kind kinds[TABLE__COUNT] = {
#include "keyd/keeper/store/tables.def"
};
#undef TABLE
#undef COLUMN
#undef END

/* What a plain row replaces when it is put without an id, and what may not be replaced.
 */
static const struct plain {
	const char *unique;
	bool append_only;
} plain[TABLE__COUNT] = {
	[TABLE_record_key] = {.unique = "\"place\", \"row_id\""},
	[TABLE_tombstone] = {.unique = "\"place\", \"row_id\""},
	[TABLE_usage] = {.unique = "\"secret_id\""},
	[TABLE_issued] = {.unique = "\"client_id\", \"hour\""},
	[TABLE_rate_block] = {.unique = "\"bucket\", \"window\""},
	[TABLE_idempotency] = {.unique = "\"key_tag\""},
	[TABLE_audit_record] = {.append_only = true},
	[TABLE_audit_head] = {.append_only = true},
};

static const char *const security_tail[] = {"valid_from", "mac_key", "mac"};
#define TAIL (sizeof(security_tail) / sizeof(security_tail[0]))

const struct schema *
store_schema(enum table_id table)
{
	return &schemas[table];
}

enum table_kind
store_kind(enum table_id table)
{
	return kinds[table];
}

enum kerr
store_table(const char *name, enum table_id *ret)
{
	for (unsigned t = 0; t < TABLE__COUNT; t++) {
		if (strcmp(schemas[t].name, name) == 0) {
			*ret = (enum table_id)t;
			return KERR_OK;
		}
	}
	return KERR_NOTFOUND;
}

unsigned
schema_width(enum table_id table)
{
	return schemas[table].count + (kinds[table] == TABLE_SECURITY ? TAIL : 0);
}

static const char *
column_name(enum table_id table, unsigned i)
{
	const struct schema *s = &schemas[table];

	return i < s->count ? s->fields[i].name : security_tail[i - s->count];
}

bool
schema_append_only(enum table_id table)
{
	return plain[table].append_only;
}

bool
schema_nullable(enum table_id table, unsigned column)
{
	return !(schemas[table].fields[column].flags & FIELD_REQUIRED);
}

static void
columns_from(enum table_id table, unsigned from, const char *prefix, struct buf *out)
{
	for (unsigned i = from; i < schema_width(table); i++)
		buf_printf(out, "%s%s\"%s\"", i > from ? ", " : "", prefix,
			column_name(table, i));
}

void
schema_columns(enum table_id table, const char *prefix, struct buf *out)
{
	columns_from(table, 0, prefix, out);
}

static void
parameters(unsigned count, struct buf *out)
{
	for (unsigned i = 1; i <= count; i++)
		buf_printf(out, "%s$%u", i > 1 ? ", " : "", i);
}

static void
select_sql(enum table_id table, const char *suffix, const char *more, struct buf *out)
{
	buf_put_text(out, "SELECT ");
	schema_columns(table, "", out);
	buf_printf(out, "%s FROM \"%s%s\"", more, schemas[table].name, suffix);
}

static void
insert_sql(enum table_id table, unsigned from, const char *suffix, const char *more,
	struct buf *out)
{
	unsigned count = schema_width(table) - from + (*more ? 1 : 0);

	buf_printf(out, "INSERT INTO \"%s%s\" (", schemas[table].name, suffix);
	columns_from(table, from, "", out);
	buf_printf(out, "%s) VALUES (", more);
	parameters(count, out);
	buf_put_text(out, ")");
}

enum kerr
schema_update_sql(enum table_id table, uint64_t changed, struct buf *out)
{
	unsigned n = 0;

	buf_printf(out, "UPDATE \"%s\" SET ", schemas[table].name);
	for (unsigned i = 1; i < schema_width(table); i++) {
		if (!(changed & UINT64_C(1) << i))
			continue;
		n++;
		buf_printf(out, "%s\"%s\" = $%u", n > 1 ? ", " : "",
			column_name(table, i), n);
	}
	buf_printf(out, " WHERE \"id\" = $%u", n + 1);
	return buf_error(out);
}

static void
replace_sql(enum table_id table, const char *unique, struct buf *out)
{
	if (schema_append_only(table) || !unique)
		return;
	buf_printf(out, " ON CONFLICT (%s) DO UPDATE SET ", unique);
	for (unsigned i = 1; i < schemas[table].count; i++)
		buf_printf(out, "%s\"%s\" = excluded.\"%s\"", i > 1 ? ", " : "",
			column_name(table, i), column_name(table, i));
}

enum kerr
schema_sql(enum table_id table, enum sql which, struct buf *out)
{
	const char *name = schemas[table].name;

	switch (which) {
	case SQL_GET:
		select_sql(table, "", "", out);
		buf_put_text(out, " WHERE \"id\" = $1");
		break;
	case SQL_SCAN:
		select_sql(table, "", "", out);
		buf_put_text(out, " ORDER BY \"id\"");
		break;
	case SQL_SCAN_BACK:
		select_sql(table, "", "", out);
		buf_put_text(out, " WHERE \"id\" > $1 ORDER BY \"id\" DESC");
		break;
	case SQL_LOWER:
		select_sql(table, "", "", out);
		buf_put_text(out, " WHERE \"id\" <= $1 ORDER BY \"id\"");
		break;
	case SQL_UPPER:
		select_sql(table, "", "", out);
		buf_put_text(out, " WHERE \"id\" > $1 ORDER BY \"id\"");
		break;
	case SQL_INSERT:
		insert_sql(table, 0, "", "", out);
		break;
	case SQL_DELETE:
		buf_printf(out, "DELETE FROM \"%s\" WHERE \"id\" = $1", name);
		break;
	case SQL_AT:
		select_sql(table, "_past", ", \"valid_to\"", out);
		buf_put_text(out, " WHERE \"id\" = $1 AND \"valid_from\" <= $2"
				  " ORDER BY \"version\" DESC LIMIT 1");
		break;
	case SQL_PAST_SCAN:
		select_sql(table, "_past", ", \"valid_to\"", out);
		buf_put_text(out, " ORDER BY \"id\", \"version\"");
		break;
	case SQL_PAST_ADD:
		insert_sql(table, 0, "_past", ", \"valid_to\"", out);
		break;
	case SQL_STALE:
		buf_printf(out,
			"SELECT \"id\" FROM \"%s\" WHERE EXISTS (SELECT 1 FROM "
			"\"%s_past\" WHERE \"%s_past\".\"id\" = \"%s\".\"id\" AND "
			"\"%s_past\".\"version\" >= \"%s\".\"version\")",
			name, name, name, name, name, name);
		break;
	case SQL_ADD:
		insert_sql(table, 1, "", "", out);
		replace_sql(table, plain[table].unique, out);
		buf_put_text(out, " RETURNING \"id\"");
		break;
	case SQL_PUT:
		insert_sql(table, 0, "", "", out);
		replace_sql(table, "\"id\"", out);
		break;
	case SQL__COUNT:
		return KERR_INTERNAL;
	}
	return buf_error(out);
}

static const char *
sql_type(enum table_id table, unsigned i)
{
	const struct schema *s = &schemas[table];

	if (i >= s->count)
		return i == s->count + TAIL - 1 ? "BLOB" : "INTEGER";
	if (s->fields[i].type == FIELD_TEXT || s->fields[i].type == FIELD_ENUM)
		return "TEXT";
	return s->fields[i].type == FIELD_BYTES ? "BLOB" : "INTEGER";
}

static bool
is_text(struct db_stmt *st, int column, const char *want)
{
	size_t len;
	const uint8_t *text = db_column_bytes(st, column, &len);

	return len == strlen(want) && (len == 0 || memcmp(text, want, len) == 0);
}

static enum kerr
compare_table(struct db *db, enum table_id table, const char *suffix, unsigned more)
{
	unsigned width = schema_width(table), i = 0;
	struct db_stmt *st;
	char sql[128];
	enum kerr err;

	(void)snprintf(sql, sizeof(sql), "PRAGMA table_info(\"%s%s\")",
		schemas[table].name, suffix);
	err = db_prepare(db, sql, &st);
	if (err != KERR_OK)
		return err;
	while ((err = db_step(st)) == KERR_OK) {
		if (i < width && (!is_text(st, 1, column_name(table, i)) ||
					 !is_text(st, 2, sql_type(table, i))))
			break;
		i++;
	}
	db_finalize(st);
	if (err == KERR_NOTFOUND)
		err = KERR_OK;
	return err == KERR_OK && i != width + more ? KERR_DAMAGED : err;
}

enum kerr
schema_compare(struct db *db, struct fault *fault)
{
	for (unsigned t = 0; t < TABLE__COUNT; t++) {
		enum kerr err = compare_table(db, (enum table_id)t, "", 0);

		if (err == KERR_OK && kinds[t] == TABLE_SECURITY)
			err = compare_table(db, (enum table_id)t, "_past", 1);
		if (err != KERR_OK)
			return fault_set(fault, err, schemas[t].name,
				"the database's columns are not those of this keyd");
	}
	return KERR_OK;
}
