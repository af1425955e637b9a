#include <string.h>

#include "keyd/keeper/store/query.h"

/* The one place where rows are written. Security rows: whole, under the next version,
 * with the former one kept, the MAC made, and version and digest taken along. */

#define ROW_COST                                                                         \
	512 /* bytes of pages that a row costs beside its own: indexes, history */

static enum kerr
may_write(struct store *s, enum table_id table, enum table_kind kind)
{
	if ((unsigned)table >= TABLE__COUNT || store_kind(table) != kind)
		return KERR_INVALID;
	if (!s->unsealed)
		return KERR_SEALED;
	if (!db_in_transaction(s->self.db))
		return KERR_INTERNAL;
	return s->spoiled ? KERR_IO : KERR_OK;
}

static size_t
row_bytes(const struct row *row)
{
	size_t size = ROW_COST;

	for (unsigned i = 0; i < row->count; i++)
		size += row->at[i].len + 9;
	return size;
}

/* What a failure left behind: with a full or failing disk SQLite may have ended the
 * transaction by itself. */
static enum kerr
failed(struct store *s, enum kerr err, bool half_way)
{
	if (half_way || !db_in_transaction(s->self.db))
		s->spoiled = true;
	return err;
}

/* last: valid_to of a former version. */
static enum kerr
run_row(struct store *s, const struct row *row, enum sql which, int64_t last)
{
	struct db_stmt *st;
	enum kerr err = conn_take(&s->self, row->table, which, &st);
	int p;

	if (err != KERR_OK)
		return err;
	p = row_bind(row, ROW_ALL, st);
	if (which == SQL_PAST_ADD)
		db_bind_int(st, p + 1, last);
	err = db_run(st);
	conn_done(&s->self, row->table, which, st);
	s->wrote = true;
	return err == KERR_CONFLICT ? KERR_INVALID : err;
}

/* Sets what is another: SQLite would write every index anew whose column is named. */
static enum kerr
run_update(struct store *s, const struct row *row, const struct row *former)
{
	uint64_t changed = row_changed(row, former);
	struct db_stmt *st = NULL;
	enum kerr err;
	int p;

	buf_reset(&s->self.text);
	err = schema_update_sql(row->table, changed, &s->self.text);
	if (err == KERR_OK)
		err = cache_take(s->self.cache, buf_text(&s->self.text), &st);
	if (err != KERR_OK)
		return err;
	p = row_bind(row, changed, st);
	db_bind_int(st, p + 1, former->at[ROW_ID].number);
	err = db_run(st);
	if (err == KERR_OK && db_changes(s->self.db) != 1)
		err = KERR_DAMAGED;
	cache_give(s->self.cache, st);
	s->wrote = true;
	return err == KERR_CONFLICT ? KERR_INVALID : err;
}

enum kerr
store_insert(struct store *s, enum table_id table, struct record *row, int64_t now)
{
	size_t mark = versions_mark(s->versions);
	uint8_t term[ROW_TERM_LEN];
	enum kerr err = may_write(s, table, TABLE_SECURITY);
	int64_t id;
	struct row r;

	if (err == KERR_OK)
		err = row_of_record(row, table, &r);
	if (err == KERR_OK)
		err = reserve_row(s, row_bytes(&r));
	if (err != KERR_OK)
		return failed(s, err, false);
	id = s->now.next[table];
	row_set_number(&r, ROW_ID, id);
	row_set_number(&r, ROW_VERSION, 1);
	row_set_number(&r, r.count - 1, now);
	err = row_seal(&r, s->macs, &s->self.scratch, term);
	if (err == KERR_OK)
		err = versions_set(s->versions, table, id, versions_entry(1, r.mac));
	if (err != KERR_OK)
		return err;
	err = run_row(s, &r, SQL_INSERT, 0);
	if (err != KERR_OK) {
		versions_undo(s->versions, mark);
		return failed(s, err, false);
	}
	tally_add(&s->now, term);
	s->now.rows[table]++;
	s->now.next[table] = id + 1;
	record_set_int(row, ROW_ID, id);
	record_set_int(row, ROW_VERSION, 1);
	return KERR_OK;
}

/* The row as it stands, sound; its bytes are borrowed until conn_done(). */
static enum kerr
former_row(struct store *s, enum table_id table, int64_t id, struct db_stmt **ret_st,
	struct row *ret, uint8_t ret_term[ROW_TERM_LEN])
{
	struct db_stmt *st;
	enum kerr err;

	if (versions_fenced(s->versions, table, id))
		return KERR_DAMAGED;
	if (versions_get(s->versions, table, id) == 0)
		return KERR_NOTFOUND;
	err = conn_take(&s->self, table, SQL_GET, &st);
	if (err != KERR_OK)
		return err;
	db_bind_int(st, 1, id);
	err = db_step(st);
	if (err == KERR_OK) {
		row_of_stmt(st, table, ret);
		err = conn_accept(&s->self, ret, ret_term);
	} else if (err == KERR_NOTFOUND) {
		err = versions_fence(s->versions, table, id) == KERR_OK ? KERR_DAMAGED
									: KERR_NOMEM;
	}
	if (err == KERR_OK)
		*ret_st = st;
	else
		conn_done(&s->self, table, SQL_GET, st);
	return err;
}

static enum kerr
replace_row(struct store *s, struct row *r, const struct row *former, uint8_t *ret_term)
{
	int64_t version = former->at[ROW_VERSION].number + 1;
	int64_t id = former->at[ROW_ID].number;
	size_t mark = versions_mark(s->versions);
	uint64_t entry;
	enum kerr err;

	row_set_number(r, ROW_VERSION, version);
	err = row_seal(r, s->macs, &s->self.scratch, ret_term);
	if (err != KERR_OK)
		return err;
	entry = versions_entry(version, r->mac);
	if (entry == 0)
		return KERR_TOO_LARGE;
	err = versions_set(s->versions, r->table, id, entry);
	if (err != KERR_OK)
		return err;
	err = run_update(s, r, former);
	if (err != KERR_OK) {
		versions_undo(s->versions, mark);
		return failed(s, err, false);
	}
	err = run_row(s, former, SQL_PAST_ADD, row_valid_from(r));
	return err == KERR_OK ? err : failed(s, err, true);
}

enum kerr
store_update(struct store *s, enum table_id table, struct record *row, int64_t now)
{
	uint8_t old[ROW_TERM_LEN], new[ROW_TERM_LEN];
	enum kerr err = may_write(s, table, TABLE_SECURITY);
	struct db_stmt *st = NULL;
	struct row r, former;
	int64_t id;

	if (err == KERR_OK)
		err = row_of_record(row, table, &r);
	if (err == KERR_OK)
		err = reserve_row(s, 2 * row_bytes(&r));
	if (err != KERR_OK)
		return failed(s, err, false);
	id = record_int(row, ROW_ID);
	err = former_row(s, table, id, &st, &former, old);
	if (err != KERR_OK)
		return err;
	if (record_int(row, ROW_VERSION) != former.at[ROW_VERSION].number) {
		conn_done(&s->self, table, SQL_GET, st);
		return KERR_CONFLICT;
	}
	row_set_number(&r, r.count - 1, now);
	err = replace_row(s, &r, &former, new);
	if (err == KERR_OK) {
		tally_add(&s->now, old);
		tally_add(&s->now, new);
		record_set_int(row, ROW_VERSION, r.at[ROW_VERSION].number);
	}
	conn_done(&s->self, table, SQL_GET, st);
	return err;
}

static enum kerr
put_tombstone(struct store *s, enum table_id table, int64_t id, int64_t now)
{
	const char *place = store_schema(table)->name;
	struct row t = {
		.table = TABLE_tombstone, .count = store_schema(TABLE_tombstone)->count};

	t.at[ROW_TOMBSTONE_PLACE] = (struct row_value){
		.type = DB_TEXT, .bytes = (const uint8_t *)place, .len = strlen(place)};
	row_set_number(&t, ROW_TOMBSTONE_ROW_ID, id);
	row_set_number(&t, ROW_TOMBSTONE_REMOVED, now);
	return run_row(s, &t, SQL_INSERT, 0);
}

static enum kerr
delete_row(struct store *s, enum table_id table, int64_t id)
{
	struct db_stmt *st;
	enum kerr err = conn_take(&s->self, table, SQL_DELETE, &st);

	if (err != KERR_OK)
		return err;
	db_bind_int(st, 1, id);
	err = db_run(st);
	conn_done(&s->self, table, SQL_DELETE, st);
	s->wrote = true;
	return err;
}

static enum kerr
remove_row(struct store *s, const struct row *former, int64_t now)
{
	int64_t id = former->at[ROW_ID].number;
	size_t mark = versions_mark(s->versions);
	enum kerr err = versions_set(s->versions, former->table, id, 0);

	if (err != KERR_OK)
		return err;
	err = delete_row(s, former->table, id);
	if (err != KERR_OK) {
		versions_undo(s->versions, mark);
		return failed(s, err, false);
	}
	err = run_row(s, former, SQL_PAST_ADD, now);
	if (err == KERR_OK)
		err = put_tombstone(s, former->table, id, now);
	return err == KERR_OK ? err : failed(s, err, true);
}

enum kerr
store_remove(struct store *s, enum table_id table, int64_t id, int64_t now)
{
	uint8_t old[ROW_TERM_LEN];
	enum kerr err = may_write(s, table, TABLE_SECURITY);
	struct db_stmt *st = NULL;
	struct row former;

	if (err == KERR_OK)
		err = reserve_row(s, 2 * ROW_COST);
	if (err == KERR_OK)
		err = former_row(s, table, id, &st, &former, old);
	if (err != KERR_OK)
		return err;
	err = remove_row(s, &former, now);
	if (err == KERR_OK) {
		tally_add(&s->now, old);
		s->now.rows[table]--;
	}
	conn_done(&s->self, table, SQL_GET, st);
	return err;
}

static enum kerr
add_plain(struct store *s, const struct row *r, int64_t *ret_id)
{
	struct db_stmt *st;
	enum kerr err = conn_take(&s->self, r->table, SQL_ADD, &st);

	if (err != KERR_OK)
		return err;
	(void)row_bind(r, ROW_ALL & ~UINT64_C(1), st);
	err = db_step(st);
	if (err == KERR_OK) {
		*ret_id = db_column_int(st, 0);
		err = db_step(st); /* to its end, else the row is not there */
		err = err == KERR_NOTFOUND ? KERR_OK : err;
	}
	conn_done(&s->self, r->table, SQL_ADD, st);
	s->wrote = true;
	return err;
}

enum kerr
store_put(struct store *s, enum table_id table, struct record *row)
{
	enum kerr err = may_write(s, table, TABLE_PLAIN);
	bool has_id = record_has(row, ROW_ID);
	int64_t id = 0;
	struct row r;

	if (err == KERR_OK && table == TABLE_sealed_state)
		err = KERR_INVALID;
	if (err == KERR_OK)
		err = row_of_record(row, table, &r);
	if (err == KERR_OK)
		err = reserve_row(s, row_bytes(&r));
	if (err == KERR_OK)
		err = has_id ? run_row(s, &r, SQL_PUT, 0) : add_plain(s, &r, &id);
	if (err != KERR_OK)
		return failed(s, err, false);
	if (!has_id)
		record_set_int(row, ROW_ID, id);
	return KERR_OK;
}

enum kerr
store_delete(struct store *s, const struct store_query *q)
{
	struct query_bind bind = {.patterns = {.data = NULL}};
	enum kerr err = may_write(s, q->table, TABLE_PLAIN);
	struct db_stmt *st = NULL;

	if (err == KERR_OK &&
		(q->table == TABLE_sealed_state || schema_append_only(q->table)))
		err = KERR_INVALID;
	if (err != KERR_OK)
		return err;
	buf_reset(&s->self.text);
	err = query_sql(q, QUERY_DELETE, &s->self.text);
	if (err == KERR_OK)
		err = cache_take(s->self.cache, buf_text(&s->self.text), &st);
	if (err == KERR_OK)
		err = query_bind(q, QUERY_DELETE, q->limit, st, &bind);
	if (err == KERR_OK)
		err = db_run(st);
	cache_give(s->self.cache, st);
	query_unbind(&bind);
	s->wrote = true;
	return err == KERR_OK ? err : failed(s, err, false);
}

enum kerr
write_loaded(struct store *s, const struct row *row, const int64_t *valid_to)
{
	enum kerr err = reserve_row(s, row_bytes(row));

	if (err == KERR_OK)
		err = valid_to ? run_row(s, row, SQL_PAST_ADD, *valid_to)
			       : run_row(s, row, SQL_INSERT, 0);
	return err == KERR_EXISTS || err == KERR_INVALID ? KERR_DAMAGED : err;
}

enum kerr
write_unload(struct store *s, enum table_id table, int64_t id)
{
	uint8_t old[ROW_TERM_LEN];
	struct db_stmt *st;
	struct row former;
	enum kerr err = former_row(s, table, id, &st, &former, old);

	if (err != KERR_OK)
		return err;
	conn_done(&s->self, table, SQL_GET, st);
	err = versions_set(s->versions, table, id, 0);
	if (err == KERR_OK)
		err = delete_row(s, table, id);
	if (err != KERR_OK)
		return err;
	tally_add(&s->now, old);
	s->now.rows[table]--;
	return KERR_OK;
}
