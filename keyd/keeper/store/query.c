#include "keyd/keeper/store/query.h"

#include <string.h>

#define CONDITIONS_MAX 16
#define PATTERNS_MAX   ((size_t)1 << 20)

static bool
has_field(enum table_id table, unsigned column)
{
	return column < store_schema(table)->count;
}

/* Of a column that check() found to be there. */
static const struct field *
field_of(enum table_id table, unsigned column)
{
	return &store_schema(table)->fields[column];
}

static bool
is_text(const struct field *f)
{
	return f->type == FIELD_TEXT || f->type == FIELD_ENUM;
}

/* Lists of ids come in few lengths, so that their statements are found again. */
static unsigned
padded(size_t count)
{
	unsigned n = 1;

	while (n < count)
		n *= 2;
	return n;
}

static bool
link_is_valid(const struct store_condition *c)
{
	return (unsigned)c->link < TABLE__COUNT && field_of(c->link, c->link_from) &&
	       field_of(c->link, c->link_to);
}

static bool
condition_is_valid(const struct store_query *q, const struct store_condition *c)
{
	const struct field *f;

	if (!has_field(q->table, c->column))
		return false;
	f = field_of(q->table, c->column);
	switch (c->test) {
	case STORE_IS:
	case STORE_ABOVE:
	case STORE_BELOW:
		return f->type != FIELD_BYTES || c->text;
	case STORE_IS_NULL:
		return true;
	case STORE_WITHIN:
		return c->count <= QUERY_IDS_MAX;
	case STORE_BEGINS:
	case STORE_CONTAINS:
		return is_text(f) && c->text;
	case STORE_IN:
		return !is_text(f) && c->count <= QUERY_IDS_MAX && (c->ids || !c->count);
	case STORE_LINKED:
	case STORE_LINKED_WITHIN:
		return c->count <= QUERY_IDS_MAX && link_is_valid(c);
	}
	return false;
}

static enum kerr
check(const struct store_query *q)
{
	if ((unsigned)q->table >= TABLE__COUNT || q->count > CONDITIONS_MAX)
		return KERR_INVALID;
	if (!has_field(q->table, q->sort) || schema_nullable(q->table, q->sort))
		return KERR_INVALID;
	for (size_t i = 0; i < q->count; i++) {
		if (!condition_is_valid(q, &q->conditions[i]))
			return KERR_INVALID;
	}
	return KERR_OK;
}

static void
put_in(const char *name, size_t count, unsigned *n, struct buf *out)
{
	if (count == 0) {
		buf_put_text(out, "1 = 0");
		return;
	}
	buf_printf(out, "\"%s\" IN (", name);
	for (unsigned i = 0; i < padded(count); i++)
		buf_printf(out, "%s$%u", i ? ", " : "", ++*n);
	buf_put_text(out, ")");
}

/* At or below the one organization, or any of several. */
static void
put_within(const struct store_condition *c, unsigned *n, struct buf *out)
{
	buf_put_text(out, " IN (SELECT \"below_id\" FROM \"edorg_closure\" WHERE ");
	if (c->count > 0)
		put_in("above_id", c->count, n, out);
	else
		buf_printf(out, "\"above_id\" = $%u", ++*n);
	buf_put_text(out, ")");
}

static void
put_link(const struct store_condition *c, const char *name, unsigned *n, struct buf *out)
{
	const struct schema *link = store_schema(c->link);

	buf_printf(out, "\"%s\" IN (SELECT \"%s\" FROM \"%s\" WHERE \"%s\"", name,
		link->fields[c->link_from].name, link->name,
		link->fields[c->link_to].name);
	if (c->test == STORE_LINKED)
		buf_printf(out, " = $%u", ++*n);
	else
		put_within(c, n, out);
	buf_put_text(out, ")");
}

static void
put_condition(const struct store_query *q, const struct store_condition *c, unsigned *n,
	struct buf *out)
{
	const char *name = field_of(q->table, c->column)->name;

	switch (c->test) {
	case STORE_IS:
		buf_printf(out, "\"%s\" = $%u", name, ++*n);
		break;
	case STORE_IS_NULL:
		buf_printf(out, "\"%s\" IS NULL", name);
		break;
	case STORE_ABOVE:
		buf_printf(out, "\"%s\" > $%u", name, ++*n);
		break;
	case STORE_BELOW:
		buf_printf(out, "\"%s\" < $%u", name, ++*n);
		break;
	case STORE_BEGINS:
		buf_printf(out, "\"%s\" >= $%u AND ", name, *n + 1);
		buf_printf(out, "\"%s\" < $%u", name, *n + 2);
		*n += 2;
		break;
	case STORE_CONTAINS:
		/* Within a query of its own it reads the column's index, not the rows. */
		buf_printf(out,
			"\"id\" IN (SELECT \"id\" FROM \"%s\" WHERE \"%s\" LIKE $%u "
			"ESCAPE '\\')",
			store_schema(q->table)->name, name, ++*n);
		break;
	case STORE_WITHIN:
		buf_printf(out, "\"%s\"", name);
		put_within(c, n, out);
		break;
	case STORE_IN:
		put_in(name, c->count, n, out);
		break;
	case STORE_LINKED:
	case STORE_LINKED_WITHIN:
		put_link(c, name, n, out);
		break;
	}
}

static void
put_after(const struct store_query *q, unsigned *n, struct buf *out)
{
	const char *than = q->descending ? "<" : ">";

	if (q->sort == ROW_ID) {
		buf_printf(out, "\"id\" %s $%u", than, ++*n);
		return;
	}
	buf_printf(out, "(\"%s\", \"id\") %s ($%u, $%u)",
		field_of(q->table, q->sort)->name, than, *n + 1, *n + 2);
	*n += 2;
}

static void
put_where(const struct store_query *q, unsigned *n, struct buf *out)
{
	const char *glue = " WHERE ";

	for (size_t i = 0; i < q->count; i++) {
		buf_put_text(out, glue);
		put_condition(q, &q->conditions[i], n, out);
		glue = " AND ";
	}
	if (q->has_after) {
		buf_put_text(out, glue);
		put_after(q, n, out);
	}
}

static void
put_order(const struct store_query *q, unsigned *n, struct buf *out)
{
	const char *way = q->descending ? " DESC" : "";

	buf_put_text(out, " ORDER BY ");
	if (q->sort != ROW_ID)
		buf_printf(out, "\"%s\"%s, ", field_of(q->table, q->sort)->name, way);
	buf_printf(out, "\"id\"%s", way);
	if (q->limit)
		buf_printf(out, " LIMIT $%u", ++*n);
}

enum kerr
query_sql(const struct store_query *q, enum query_form form, struct buf *out)
{
	const char *name;
	enum kerr err = check(q);
	unsigned n = 0;

	if (err != KERR_OK)
		return err;
	name = store_schema(q->table)->name;
	switch (form) {
	case QUERY_ROWS:
		buf_put_text(out, "SELECT ");
		schema_columns(q->table, "", out);
		buf_printf(out, " FROM \"%s\"", name);
		break;
	case QUERY_COUNT:
		buf_printf(out, "SELECT count(*) FROM \"%s\"", name);
		break;
	case QUERY_DELETE:
		buf_printf(out,
			"DELETE FROM \"%s\" WHERE \"id\" IN (SELECT \"id\" FROM \"%s\"",
			name, name);
		break;
	}
	put_where(q, &n, out);
	if (form != QUERY_COUNT)
		put_order(q, &n, out);
	if (form == QUERY_DELETE)
		buf_put_text(out, ")");
	return buf_error(out);
}

/* The word of an enum's number; "" is none of its words. */
static const char *
word_of(const struct field *f, int64_t number)
{
	for (int64_t i = 0; f->words[i]; i++) {
		if (i == number)
			return f->words[i];
	}
	return "";
}

static void
bind_value(
	const struct field *f, const struct store_condition *c, int p, struct db_stmt *st)
{
	const char *text = c->text;

	if (f->type == FIELD_ENUM && !text)
		text = word_of(f, c->number);
	if (!text)
		db_bind_int(st, p, c->number);
	else if (f->type == FIELD_BYTES)
		db_bind_bytes(st, p, text, c->count);
	else
		db_bind_text(st, p, text, strlen(text));
}

/* From the text itself up to the first text that no longer begins with it. Its last byte
 * is never 0xff: it is UTF-8. */
static void
bind_begins(const struct store_condition *c, int p, struct db_stmt *st, struct buf *room)
{
	size_t len = strlen(c->text), at = room->len;

	db_bind_text(st, p, c->text, len);
	if (len == 0) { /* every text is below the first blob */
		db_bind_bytes(st, p + 1, "", 0);
		return;
	}
	buf_put(room, c->text, len);
	if (buf_error(room) == KERR_OK)
		room->data[at + len - 1]++;
	db_bind_text(st, p + 1, room->data ? room->data + at : NULL, len);
}

static void
bind_contains(
	const struct store_condition *c, int p, struct db_stmt *st, struct buf *room)
{
	size_t at = room->len;

	buf_put_u8(room, '%');
	for (const char *t = c->text; *t; t++) {
		if (*t == '%' || *t == '_' || *t == '\\')
			buf_put_u8(room, '\\');
		buf_put_u8(room, (uint8_t)*t);
	}
	buf_put_u8(room, '%');
	if (buf_error(room) == KERR_OK)
		db_bind_text(st, p, room->data + at, room->len - at);
}

static int
bind_ids(const struct store_condition *c, int n, struct db_stmt *st)
{
	for (unsigned i = 0; c->count && i < padded(c->count); i++)
		db_bind_int(st, ++n, c->ids[i < c->count ? i : c->count - 1]);
	return n;
}

static int
bind_condition(const struct store_query *q, const struct store_condition *c, int n,
	struct db_stmt *st, struct buf *room)
{
	const struct field *f = field_of(q->table, c->column);

	switch (c->test) {
	case STORE_IS:
	case STORE_ABOVE:
	case STORE_BELOW:
		bind_value(f, c, ++n, st);
		break;
	case STORE_IS_NULL:
		break;
	case STORE_BEGINS:
		bind_begins(c, n + 1, st, room);
		n += 2;
		break;
	case STORE_CONTAINS:
		bind_contains(c, ++n, st, room);
		break;
	case STORE_IN:
		n = bind_ids(c, n, st);
		break;
	case STORE_LINKED:
		db_bind_int(st, ++n, c->number);
		break;
	case STORE_WITHIN:
	case STORE_LINKED_WITHIN:
		if (c->count > 0)
			n = bind_ids(c, n, st);
		else
			db_bind_int(st, ++n, c->number);
		break;
	}
	return n;
}

static int
bind_after(const struct store_query *q, int n, struct db_stmt *st)
{
	struct store_condition at = {.number = q->after_number, .text = q->after_text};

	if (q->sort != ROW_ID)
		bind_value(field_of(q->table, q->sort), &at, ++n, st);
	db_bind_int(st, ++n, q->after_id);
	return n;
}

/* Room is made at once, since what is bound must not move. */
static enum kerr
make_room(const struct store_query *q, struct buf *room)
{
	size_t need = 0;

	buf_init(room, PATTERNS_MAX);
	for (size_t i = 0; i < q->count; i++) {
		const struct store_condition *c = &q->conditions[i];

		if (c->test == STORE_BEGINS || c->test == STORE_CONTAINS)
			need += 2 * strlen(c->text) + 2;
	}
	if (need)
		(void)buf_reserve(room, need);
	return buf_error(room);
}

enum kerr
query_bind(const struct store_query *q, enum query_form form, uint64_t limit,
	struct db_stmt *st, struct query_bind *ret)
{
	enum kerr err = make_room(q, &ret->patterns);
	int n = 0;

	if (err != KERR_OK)
		return err;
	for (size_t i = 0; i < q->count; i++)
		n = bind_condition(q, &q->conditions[i], n, st, &ret->patterns);
	if (q->has_after)
		n = bind_after(q, n, st);
	if (q->limit && form != QUERY_COUNT)
		db_bind_int(st, ++n, (int64_t)limit);
	return buf_error(&ret->patterns);
}

void
query_unbind(struct query_bind *b)
{
	buf_clear(&b->patterns);
}

static int
compare(const struct field *f, const struct store_condition *c, const struct row_value *v)
{
	const char *text = c->text;
	size_t len, both;
	int d;

	if (f->type == FIELD_ENUM && !text)
		text = word_of(f, c->number);
	if (!text)
		return (v->number > c->number) - (v->number < c->number);
	len = f->type == FIELD_BYTES ? c->count : strlen(text);
	both = len < v->len ? len : v->len;
	d = both ? memcmp(v->bytes, text, both) : 0;
	return d ? d : (v->len > len) - (v->len < len);
}

static bool
is_one_of(const struct store_condition *c, int64_t number)
{
	for (size_t i = 0; i < c->count; i++) {
		if (c->ids[i] == number)
			return true;
	}
	return false;
}

static bool
condition_holds(
	const struct field *f, const struct store_condition *c, const struct row_value *v)
{
	switch (c->test) {
	case STORE_IS:
		return v->type != DB_NULL && compare(f, c, v) == 0;
	case STORE_ABOVE:
		return v->type != DB_NULL && compare(f, c, v) > 0;
	case STORE_BELOW:
		return v->type != DB_NULL && compare(f, c, v) < 0;
	case STORE_IS_NULL:
		return v->type == DB_NULL;
	case STORE_BEGINS:
		return v->len >= strlen(c->text) &&
		       (v->len == 0 || memcmp(v->bytes, c->text, strlen(c->text)) == 0);
	case STORE_IN:
		return v->type == DB_INT && is_one_of(c, v->number);
	case STORE_CONTAINS: /* of other tables, or no index decides */
	case STORE_WITHIN:
	case STORE_LINKED:
	case STORE_LINKED_WITHIN:
		return true;
	}
	return false;
}

bool
query_holds(const struct store_query *q, const struct row *row)
{
	for (size_t i = 0; i < q->count; i++) {
		const struct store_condition *c = &q->conditions[i];

		if (!condition_holds(
			    field_of(q->table, c->column), c, &row->at[c->column]))
			return false;
	}
	return true;
}
