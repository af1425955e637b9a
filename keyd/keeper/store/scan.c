#include <string.h>

#include "keyd/keeper/store/parts.h"

/* Reading whole tables. */

struct walk {
	struct store_reader *r;
	enum table_id table;
	conn_visit visit;
	void *with;
	int64_t last; /* id of the row before */
	uint64_t faults;
};

/* Steps through the rows of a statement. KERR_NOTFOUND at its end; KERR_DAMAGED when the
 * pages cannot be read on. */
static enum kerr
walk(struct walk *w, struct db_stmt *st, bool back, enum kerr *ret_visit)
{
	bool first = true;
	struct row row;
	enum kerr err;

	*ret_visit = KERR_OK;
	while ((err = db_step(st)) == KERR_OK) {
		int64_t id;

		row_of_stmt(st, w->table, &row);
		id = row.at[ROW_ID].number;
		if (!first && (back ? id >= w->last : id <= w->last)) {
			w->faults++;
			continue;
		}
		first = false;
		w->last = id;
		*ret_visit = w->visit(w->with, &row);
		if (*ret_visit != KERR_OK)
			return KERR_OK;
	}
	return err;
}

static enum kerr
walk_with(struct walk *w, enum sql which, int64_t above, enum kerr *ret_visit)
{
	struct db_stmt *st;
	enum kerr err = conn_take(w->r, w->table, which, &st);

	if (err != KERR_OK) {
		*ret_visit = KERR_OK;
		return err;
	}
	if (which == SQL_SCAN_BACK)
		db_bind_int(st, 1, above);
	err = walk(w, st, which == SQL_SCAN_BACK, ret_visit);
	conn_done(w->r, w->table, which, st);
	return err;
}

enum kerr
read_rows(struct store_reader *r, enum table_id table, conn_visit visit, void *with,
	uint64_t *ret_faults)
{
	struct walk w = {.r = r, .table = table, .visit = visit, .with = with};
	enum kerr visited, err = walk_with(&w, SQL_SCAN, 0, &visited);

	if (err == KERR_DAMAGED) {
		w.faults++;
		err = walk_with(&w, SQL_SCAN_BACK, w.last, &visited);
		if (err == KERR_DAMAGED) /* what lies between cannot be read */
			err = KERR_NOTFOUND;
	}
	*ret_faults = w.faults;
	if (visited != KERR_OK)
		return visited;
	return err == KERR_NOTFOUND ? KERR_OK : err;
}

struct scan {
	struct store_reader *r;
	struct arena *a;
	store_each each;
	void *with;
};

static enum kerr
scan_row(void *with, const struct row *row)
{
	struct scan *s = with;
	struct record *record;
	enum kerr err = conn_accept(s->r, row, NULL);

	if (err == KERR_DAMAGED)
		return KERR_OK;
	if (err != KERR_OK)
		return err;
	arena_reset(s->a);
	err = row_to_record(row, s->a, &record);
	if (err == KERR_DAMAGED)
		return versions_fence(
			s->r->store->versions, row->table, row->at[ROW_ID].number);
	return err == KERR_OK ? s->each(s->with, record) : err;
}

enum kerr
store_scan(struct store_reader *r, enum table_id table, struct arena *a, store_each each,
	void *with)
{
	struct scan s = {.r = r, .a = a, .each = each, .with = with};
	uint64_t faults;
	enum kerr err = conn_enter(r);

	if (err != KERR_OK)
		return err;
	err = read_rows(r, table, scan_row, &s, &faults);
	conn_leave(r);
	return err == KERR_CLOSED ? KERR_OK : err;
}

enum kerr
store_check_pages(struct store_reader *r, struct fault *fault)
{
	struct db_stmt *st;
	enum kerr err = conn_enter(r);

	if (err != KERR_OK)
		return fault_set(fault, err, "", "%s", kerr_text(err));
	err = cache_take(r->cache, "PRAGMA quick_check(1)", &st);
	if (err == KERR_OK) {
		err = db_step(st);
		if (err == KERR_OK) {
			size_t len;
			const uint8_t *text = db_column_bytes(st, 0, &len);

			if (len != 2 || memcmp(text, "ok", 2) != 0)
				err = fault_set(fault, KERR_DAMAGED, "",
					"the database's pages are damaged (%.*s): "
					"restore "
					"a backup",
					(int)(len < 200 ? len : 200), (const char *)text);
		} else {
			err = fault_set(fault, err, "", "%s", db_complaint(r->db));
		}
		cache_give(r->cache, st);
	}
	conn_leave(r);
	return err;
}
