#include <string.h>

#include "core/clock.h"
#include "keyd/keeper/store/parts.h"

#define SQL_TEXT_MAX ((size_t)1 << 20)
#define ROW_MAX      ((size_t)64 << 20)

enum kerr
conn_open(struct store *s, enum db_use use, struct store_reader *r, struct fault *fault)
{
	enum kerr err;

	memset(r, 0, sizeof(*r));
	r->store = s;
	r->writer = use == DB_WRITER;
	buf_init(&r->scratch, ROW_MAX);
	buf_init(&r->text, SQL_TEXT_MAX);
	err = db_open(s->path, use, &r->db, fault);
	if (err != KERR_OK)
		return err;
	r->cache = cache_new(r->db);
	if (!r->cache)
		return fault_set(fault, KERR_NOMEM, "", "%s", kerr_text(KERR_NOMEM));
	return KERR_OK;
}

void
conn_close(struct store_reader *r)
{
	for (unsigned t = 0; t < TABLE__COUNT; t++) {
		for (unsigned w = 0; w < SQL__COUNT; w++)
			db_finalize(r->shelf[t][w]);
	}
	cache_free(r->cache);
	db_close(r->db);
	buf_clear(&r->scratch);
	buf_clear(&r->text);
}

enum kerr
conn_take(
	struct store_reader *r, enum table_id table, enum sql which, struct db_stmt **ret)
{
	struct db_stmt **shelf = &r->shelf[table][which];
	struct db_stmt *st;
	enum kerr err;

	if (*shelf && !db_busy(*shelf)) {
		*ret = *shelf;
		return KERR_OK;
	}
	buf_reset(&r->text);
	err = schema_sql(table, which, &r->text);
	if (err == KERR_OK)
		err = db_prepare(r->db, buf_text(&r->text), &st);
	if (err != KERR_OK)
		return err;
	if (!*shelf)
		*shelf = st;
	*ret = st;
	return KERR_OK;
}

void
conn_done(struct store_reader *r, enum table_id table, enum sql which, struct db_stmt *st)
{
	if (r->shelf[table][which] == st)
		db_reset(st);
	else
		db_finalize(st);
}

enum kerr
conn_exec(struct store_reader *r, const char *sql)
{
	struct db_stmt *st;
	enum kerr err = cache_take(r->cache, sql, &st);

	if (err != KERR_OK)
		return err;
	err = db_step(st);
	cache_give(r->cache, st);
	return err == KERR_NOTFOUND ? KERR_OK : err;
}

/* SQLite takes its view at the first read, not at BEGIN. */
static enum kerr
begin_view(struct store_reader *r)
{
	enum kerr err = conn_exec(r, "BEGIN");

	if (err != KERR_OK)
		return err;
	err = conn_exec(r, "SELECT \"id\" FROM \"sealed_state\"");
	if (err == KERR_OK)
		return KERR_OK;
	if (db_in_transaction(r->db) && conn_exec(r, "ROLLBACK") != KERR_OK)
		return KERR_IO;
	return err;
}

enum kerr
conn_enter(struct store_reader *r)
{
	enum kerr err;

	if (r->writer)
		return KERR_OK;
	if (r->depth > 0) {
		if (atomic_load(&r->cancelled))
			return KERR_TIMEOUT;
		r->depth++;
		return KERR_OK;
	}
	(void)pthread_mutex_lock(&r->store->gate);
	atomic_store(&r->cancelled, false);
	err = begin_view(r);
	if (err == KERR_OK) {
		r->snapshot = versions_now(r->store->versions);
		atomic_store(&r->began_us, clock_monotonic_us());
		r->depth = 1;
	}
	(void)pthread_mutex_unlock(&r->store->gate);
	return err;
}

void
conn_leave(struct store_reader *r)
{
	if (r->writer || --r->depth > 0)
		return;
	/* A view that does not end holds the WAL, and the next call finds it so. */
	if (conn_exec(r, "COMMIT") != KERR_OK && db_in_transaction(r->db) &&
		db_exec(r->db, "ROLLBACK") != KERR_OK)
		return;
	(void)pthread_mutex_lock(&r->store->gate);
	atomic_store(&r->began_us, 0);
	(void)pthread_mutex_unlock(&r->store->gate);
}

static bool
is_present(struct store_reader *r, const struct row *row, int64_t id)
{
	struct versions *v = r->store->versions;
	uint64_t want = versions_entry(row->at[ROW_VERSION].number, row->mac);

	if (want == 0)
		return false;
	if (versions_get(v, row->table, id) == want)
		return true;
	return !r->writer && versions_at(v, row->table, id, r->snapshot) == want;
}

enum kerr
conn_accept(struct store_reader *r, const struct row *row, uint8_t *ret_term)
{
	struct store *s = r->store;
	int64_t id = row->at[ROW_ID].number;
	uint8_t term[ROW_TERM_LEN];
	enum kerr err;

	if (store_kind(row->table) == TABLE_PLAIN)
		return KERR_OK;
	if (!s->unsealed)
		return KERR_SEALED;
	if (versions_fenced(s->versions, row->table, id))
		return KERR_DAMAGED;
	err = row_check(row, s->macs, &r->scratch, ret_term ? ret_term : term);
	if (err == KERR_OK && !is_present(r, row, id))
		err = KERR_DAMAGED;
	if (err == KERR_DAMAGED && versions_fence(s->versions, row->table, id) != KERR_OK)
		return KERR_NOMEM;
	return err;
}
