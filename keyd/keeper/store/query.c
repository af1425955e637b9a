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

/* What is being written: the text, the parameters so far, and whether no index but the
 * sort's is to be taken. */
struct text {
	const struct store_query *q;
	struct buf *out;
	unsigned n;
	bool walk;
};

/* An expression is no column to SQLite, so that it takes no index for it. */
static void
put_name(struct text *t, unsigned column)
{
	const struct field *f = field_of(t->q->table, column);
	bool plain = !t->walk || column == t->q->sort || f->type == FIELD_BYTES;

	if (plain)
		buf_printf(t->out, "\"%s\"", f->name);
	else
		buf_printf(t->out, "\"%s\" %s", f->name, is_text(f) ? "|| ''" : "+ 0");
}

static void
put_ids(struct text *t, size_t count)
{
	buf_put_text(t->out, " IN (");
	for (unsigned i = 0; i < padded(count); i++)
		buf_printf(t->out, "%s$%u", i ? ", " : "", ++t->n);
	buf_put_text(t->out, ")");
}

/* At or below the one organization, or any of several. */
static void
put_within(struct text *t, const struct store_condition *c)
{
	buf_put_text(t->out, " IN (SELECT \"below_id\" FROM \"edorg_closure\" WHERE "
			     "\"above_id\"");
	if (c->count > 0)
		put_ids(t, c->count);
	else
		buf_printf(t->out, " = $%u", ++t->n);
	buf_put_text(t->out, ")");
}

static void
put_link(struct text *t, const struct store_condition *c)
{
	const struct schema *link = store_schema(c->link);

	put_name(t, c->column);
	buf_printf(t->out, " IN (SELECT \"%s\" FROM \"%s\" WHERE \"%s\"",
		link->fields[c->link_from].name, link->name,
		link->fields[c->link_to].name);
	if (c->test == STORE_LINKED)
		buf_printf(t->out, " = $%u", ++t->n);
	else
		put_within(t, c);
	buf_put_text(t->out, ")");
}

static void
put_compared(struct text *t, unsigned column, const char *how)
{
	put_name(t, column);
	buf_printf(t->out, " %s $%u", how, ++t->n);
}

static void
put_condition(struct text *t, const struct store_condition *c)
{
	switch (c->test) {
	case STORE_IS:
		put_compared(t, c->column, "=");
		break;
	case STORE_IS_NULL:
		put_name(t, c->column);
		buf_put_text(t->out, " IS NULL");
		break;
	case STORE_ABOVE:
		put_compared(t, c->column, ">");
		break;
	case STORE_BELOW:
		put_compared(t, c->column, "<");
		break;
	case STORE_BEGINS:
		put_compared(t, c->column, ">=");
		buf_put_text(t->out, " AND ");
		put_compared(t, c->column, "<");
		break;
	case STORE_CONTAINS:
		/* Within a query of its own it reads the column's index, not the rows. */
		buf_printf(t->out,
			"\"id\" IN (SELECT \"id\" FROM \"%s\" WHERE \"%s\" LIKE $%u "
			"ESCAPE '\\')",
			store_schema(t->q->table)->name,
			field_of(t->q->table, c->column)->name, ++t->n);
		break;
	case STORE_WITHIN:
		put_name(t, c->column);
		put_within(t, c);
		break;
	case STORE_IN:
		if (c->count == 0) {
			buf_put_text(t->out, "1 = 0");
			break;
		}
		put_name(t, c->column);
		put_ids(t, c->count);
		break;
	case STORE_LINKED:
	case STORE_LINKED_WITHIN:
		put_link(t, c);
		break;
	}
}

static void
put_after(struct text *t)
{
	const char *than = t->q->descending ? "<" : ">";

	if (t->q->sort == ROW_ID) {
		buf_printf(t->out, "\"id\" %s $%u", than, ++t->n);
		return;
	}
	buf_printf(t->out, "(\"%s\", \"id\") %s ($%u, $%u)",
		field_of(t->q->table, t->q->sort)->name, than, t->n + 1, t->n + 2);
	t->n += 2;
}

static void
put_where(struct text *t)
{
	const char *glue = " WHERE ";

	for (size_t i = 0; i < t->q->count; i++) {
		buf_put_text(t->out, glue);
		put_condition(t, &t->q->conditions[i]);
		glue = " AND ";
	}
	if (t->q->has_after) {
		buf_put_text(t->out, glue);
		put_after(t);
	}
}

static void
put_order(struct text *t)
{
	const char *way = t->q->descending ? " DESC" : "";

	buf_put_text(t->out, " ORDER BY ");
	if (t->q->sort != ROW_ID)
		buf_printf(t->out, "\"%s\"%s, ", field_of(t->q->table, t->q->sort)->name,
			way);
	buf_printf(t->out, "\"id\"%s", way);
	if (t->q->limit)
		buf_printf(t->out, " LIMIT $%u", ++t->n);
}

enum kerr
query_sql(const struct store_query *q, enum query_form form, struct buf *out)
{
	struct text t = {.q = q, .out = out, .walk = form == QUERY_WALK};
	enum kerr err = check(q);
	const char *name;

	if (err != KERR_OK)
		return err;
	name = store_schema(q->table)->name;
	switch (form) {
	case QUERY_ROWS:
	case QUERY_WALK:
		buf_put_text(out, "SELECT ");
		schema_columns(q->table, "", out);
		buf_printf(out, " FROM \"%s\"", name);
		break;
	case QUERY_COUNT:
		buf_printf(out, "SELECT count(*) FROM \"%s\"", name);
		break;
	case QUERY_PROBE:
		buf_printf(out, "SELECT count(*) FROM (SELECT 1 FROM \"%s\"", name);
		break;
	case QUERY_DELETE:
		buf_printf(out,
			"DELETE FROM \"%s\" WHERE \"id\" IN (SELECT \"id\" FROM \"%s\"",
			name, name);
		break;
	}
	put_where(&t);
	if (form == QUERY_PROBE)
		buf_printf(out, " LIMIT %d) AS \"some\"", QUERY_MANY);
	else if (form != QUERY_COUNT)
		put_order(&t);
	if (form == QUERY_DELETE)
		buf_put_text(out, ")");
	return buf_error(out);
}

bool
query_may_be_broad(const struct store_query *q)
{
	if (q->limit < 2 || q->count == 0)
		return false;
	if (q->count == 1 && q->sort == ROW_ID && q->conditions[0].test == STORE_IS)
		return false; /* an index by that column has the ids in order */
	for (size_t i = 0; i < q->count; i++) {
		if (q->conditions[i].test == STORE_CONTAINS)
			return false;
	}
	return true;
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
	if (q->limit && form != QUERY_COUNT && form != QUERY_PROBE)
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
