#include <string.h>

#include "keyd/keeper/store/query.h"

/* Getting and looking for rows. */

/* The row in the statement as a record, if it may be used. */
static enum kerr
accept_record(struct store_reader *r, const struct row *row, struct arena *a,
	struct record **ret)
{
	enum kerr err = conn_accept(r, row, NULL);

	if (err == KERR_OK) {
		err = row_to_record(row, a, ret);
		if (err == KERR_DAMAGED && store_kind(row->table) == TABLE_SECURITY &&
			versions_fence(r->store->versions, row->table,
				row->at[ROW_ID].number) != KERR_OK)
			err = KERR_NOMEM;
	}
	return err;
}

/* No row was found: right, if memory knows of none. */
static enum kerr
confirm_absent(struct store_reader *r, enum table_id table, int64_t id)
{
	struct store *s = r->store;
	uint64_t entry;

	if (store_kind(table) != TABLE_SECURITY || !s->unsealed)
		return KERR_NOTFOUND;
	if (versions_fenced(s->versions, table, id))
		return KERR_DAMAGED;
	entry = versions_get(s->versions, table, id);
	if (entry && !r->writer)
		entry = versions_at(s->versions, table, id, r->snapshot);
	if (!entry)
		return KERR_NOTFOUND;
	return versions_fence(s->versions, table, id) == KERR_OK ? KERR_DAMAGED
								 : KERR_NOMEM;
}

static enum kerr
get(struct store_reader *r, enum table_id table, int64_t id, struct arena *a,
	struct record **ret)
{
	struct db_stmt *st;
	struct row row;
	enum kerr err = conn_take(r, table, SQL_GET, &st);

	if (err != KERR_OK)
		return err;
	db_bind_int(st, 1, id);
	err = db_step(st);
	if (err == KERR_OK) {
		row_of_stmt(st, table, &row);
		err = row.at[ROW_ID].number == id ? accept_record(r, &row, a, ret)
						  : KERR_DAMAGED;
	} else if (err == KERR_NOTFOUND) {
		err = confirm_absent(r, table, id);
	}
	conn_done(r, table, SQL_GET, st);
	return err;
}

enum kerr
store_get(struct store_reader *r, enum table_id table, int64_t id, struct arena *a,
	struct record **ret)
{
	enum kerr err = conn_enter(r);

	if (err != KERR_OK)
		return err;
	err = get(r, table, id, a, ret);
	conn_leave(r);
	return err;
}

/* The text of a query, prepared; its text buffer is free again. */
static enum kerr
take_query(struct store_reader *r, const struct store_query *q, enum query_form form,
	struct db_stmt **ret)
{
	enum kerr err;

	if (store_kind(q->table) == TABLE_SECURITY && !r->store->unsealed)
		return KERR_SEALED;
	buf_reset(&r->text);
	err = query_sql(q, form, &r->text);
	return err == KERR_OK ? cache_take(r->cache, buf_text(&r->text), ret) : err;
}

/* A row of the result: whether it counts, and what each said of it. */
static enum kerr
visit(struct store_reader *r, const struct store_query *q, const struct row *row,
	struct arena *a, struct record **ret)
{
	enum kerr err = accept_record(r, row, a, ret);

	if (err != KERR_OK || query_holds(q, row))
		return err;
	if (store_kind(q->table) == TABLE_SECURITY &&
		versions_fence(r->store->versions, q->table, row->at[ROW_ID].number) !=
			KERR_OK)
		return KERR_NOMEM;
	return KERR_DAMAGED;
}

static enum kerr
select_rows(struct store_reader *r, const struct store_query *q, struct db_stmt *st,
	struct arena *a, store_each each, void *with)
{
	size_t left = q->limit ? q->limit : SIZE_MAX;
	struct record *record;
	struct row row;
	enum kerr err;

	while (left > 0 && (err = db_step(st)) == KERR_OK) {
		row_of_stmt(st, q->table, &row);
		err = visit(r, q, &row, a, &record);
		if (err == KERR_DAMAGED)
			continue;
		if (err == KERR_OK)
			err = each(with, record);
		if (err != KERR_OK)
			return err == KERR_CLOSED ? KERR_OK : err;
		left--;
	}
	return left == 0 || err == KERR_NOTFOUND ? KERR_OK : err;
}

/* The number that a counting form of the query gives. */
static enum kerr
count_rows(struct store_reader *r, const struct store_query *q, enum query_form form,
	uint64_t *ret)
{
	struct query_bind bind = {.patterns = {.data = NULL}};
	struct db_stmt *st = NULL;
	enum kerr err = take_query(r, q, form, &st);

	if (err == KERR_OK)
		err = query_bind(q, form, 0, st, &bind);
	if (err == KERR_OK)
		err = db_step(st);
	if (err == KERR_OK)
		*ret = (uint64_t)db_column_int(st, 0);
	cache_give(r->cache, st);
	query_unbind(&bind);
	return err;
}

/* A page of few rows of many: those that pass are collected and sorted when they are few,
 * else the sort's index is walked, which soon meets enough of them. SQLite cannot tell
 * without statistics. */
static enum kerr
choose_form(struct store_reader *r, const struct store_query *q, enum query_form *ret)
{
	struct store_query whole = *q;
	uint64_t some = 0;
	enum kerr err = KERR_OK;

	*ret = QUERY_ROWS;
	if (!query_may_be_broad(q))
		return KERR_OK;
	whole.has_after = false;
	err = count_rows(r, &whole, QUERY_PROBE, &some);
	if (some >= QUERY_MANY)
		*ret = QUERY_WALK;
	return err;
}

enum kerr
store_select(struct store_reader *r, const struct store_query *q, struct arena *a,
	store_each each, void *with)
{
	struct query_bind bind = {.patterns = {.data = NULL}};
	enum query_form form = QUERY_ROWS;
	struct db_stmt *st = NULL;
	enum kerr err = conn_enter(r);

	if (err != KERR_OK)
		return err;
	err = choose_form(r, q, &form);
	if (err == KERR_OK)
		err = take_query(r, q, form, &st);
	/* Rows that are set aside do not count, so a few more are asked for. */
	if (err == KERR_OK)
		err = query_bind(q, form,
			q->limit + versions_fenced_count(r->store->versions) + 8, st,
			&bind);
	if (err == KERR_OK)
		err = select_rows(r, q, st, a, each, with);
	cache_give(r->cache, st);
	query_unbind(&bind);
	conn_leave(r);
	return err;
}

static enum kerr
keep_first(void *with, struct record *row)
{
	struct record **first = with;

	*first = row;
	return KERR_CLOSED;
}

enum kerr
store_first(struct store_reader *r, const struct store_query *q, struct arena *a,
	struct record **ret)
{
	struct store_query one = *q;
	struct record *first = NULL;
	enum kerr err;

	one.limit = 1;
	err = store_select(r, &one, a, keep_first, &first);
	if (err != KERR_OK)
		return err;
	if (!first)
		return KERR_NOTFOUND;
	*ret = first;
	return KERR_OK;
}

enum kerr
store_count(struct store_reader *r, const struct store_query *q, uint64_t *ret)
{
	enum kerr err = conn_enter(r);

	if (err != KERR_OK)
		return err;
	err = count_rows(r, q, QUERY_COUNT, ret);
	conn_leave(r);
	return err;
}

struct moment {
	enum table_id table;
	int64_t id;
	int64_t at;
	bool removed; /* there is no present row */
};

/* The former version of that time. Its MAC says that keyd wrote it; that it had not ended
 * follows from the version behind it, and for the last one of a removed row is read from
 * valid_to. */
static enum kerr
get_past(struct store_reader *r, const struct moment *m, struct arena *a,
	struct record **ret)
{
	uint8_t term[ROW_TERM_LEN];
	struct db_stmt *st;
	struct row row;
	enum kerr err = conn_take(r, m->table, SQL_AT, &st);

	if (err != KERR_OK)
		return err;
	db_bind_int(st, 1, m->id);
	db_bind_int(st, 2, m->at);
	err = db_step(st);
	if (err == KERR_OK) {
		int64_t to = db_column_int(st, (int)schema_width(m->table));

		row_of_stmt(st, m->table, &row);
		err = row_check(&row, r->store->macs, &r->scratch, term);
		if (err == KERR_OK && m->removed && to <= m->at)
			err = KERR_NOTFOUND;
		if (err == KERR_OK)
			err = row_to_record(&row, a, ret);
	}
	conn_done(r, m->table, SQL_AT, st);
	return err;
}

/* When the present row began; KERR_NOTFOUND: there is none. */
static enum kerr
began(struct store_reader *r, enum table_id table, int64_t id, int64_t *ret)
{
	struct db_stmt *st;
	struct row row;
	enum kerr err = conn_take(r, table, SQL_GET, &st);

	if (err != KERR_OK)
		return err;
	db_bind_int(st, 1, id);
	err = db_step(st);
	if (err == KERR_OK) {
		row_of_stmt(st, table, &row);
		err = conn_accept(r, &row, NULL);
		*ret = row_valid_from(&row);
	}
	conn_done(r, table, SQL_GET, st);
	return err;
}

enum kerr
store_get_at(struct store_reader *r, enum table_id table, int64_t id, int64_t at,
	struct arena *a, struct record **ret)
{
	struct moment m = {.table = table, .id = id, .at = at};
	int64_t from = 0;
	enum kerr err;

	if (store_kind(table) != TABLE_SECURITY)
		return KERR_INVALID;
	if (!r->store->unsealed)
		return KERR_SEALED;
	err = conn_enter(r);
	if (err != KERR_OK)
		return err;
	err = began(r, table, id, &from);
	m.removed = err == KERR_NOTFOUND;
	if (err == KERR_OK && from <= at)
		err = get(r, table, id, a, ret);
	else if (err == KERR_OK || err == KERR_NOTFOUND)
		err = get_past(r, &m, a, ret);
	conn_leave(r);
	return err;
}

enum kerr
store_read_begin(struct store_reader *r)
{
	return conn_enter(r);
}

void
store_read_end(struct store_reader *r)
{
	conn_leave(r);
}
