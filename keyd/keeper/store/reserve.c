#include <stdio.h>
#include <sys/statvfs.h>

#include "core/clock.h"
#include "keyd/keeper/store/parts.h"

/* Space that is kept for what takes away, so that a full disk stops no revocation: a WAL
 * that was grown ahead, and pages within the database, filled with nothing, that are set
 * free when they are needed. Every page that the database counts has its place on the
 * disk, so that moving the WAL's pages into it needs no more. */

#define FRAME         (DB_PAGE + 24)       /* a page in the WAL */
#define WAL_LAST      ((uint64_t)16 << 20) /* of the WAL, not for ordinary writes */
#define BALLAST_PAGES 64                   /* that one row of ballast fills */
#define FREE_MIN      64   /* free pages below which there is something to do */
#define FREE_ADD      1024 /* added at once, at most */
#define LOOK_BYTES                                                                       \
	((uint64_t)128 * 1024) /* written, before free pages are counted again */
#define ROW_PAGES   24         /* that a row changes at most, usually */
#define EXACT_ROWS  64         /* from so many on a transaction's pages are counted */
#define BATCH       16         /* rows of ballast in one transaction */
#define FORGET_US   UINT64_C(60000000)
#define OLD_VIEW_US UINT64_C(30000000)
#define LOG_MAX     ((size_t)1 << 20) /* changes kept for old views */

static enum kerr
ask(struct db *db, struct db_stmt **kept, const char *sql, uint64_t *ret)
{
	enum kerr err = KERR_OK;

	if (!*kept)
		err = db_prepare(db, sql, kept);
	if (err != KERR_OK)
		return err;
	err = db_step(*kept);
	if (err == KERR_OK)
		*ret = (uint64_t)db_column_int(*kept, 0);
	db_reset(*kept);
	return err;
}

static enum kerr
free_pages(struct store *s, uint64_t *ret)
{
	return ask(s->self.db, &s->reserve.free, "PRAGMA freelist_count", ret);
}

/* Place on the disk for so many pages more; KERR_FULL. Nothing of SQLite's state changes.
 */
static enum kerr
place_for(struct store *s, uint64_t pages)
{
	struct db *db = s->self.db;
	uint64_t count;
	enum kerr err = ask(db, &s->reserve.count, "PRAGMA page_count", &count);

	if (err != KERR_OK)
		return err;
	if (count + pages > db_max_pages(db))
		return KERR_FULL;
	return db_grow_file(db, (count + pages) * DB_PAGE);
}

static enum kerr
fill(struct store *s, uint64_t pages)
{
	struct db_stmt *st;
	enum kerr err = cache_take(s->self.cache,
		"INSERT INTO \"ballast\" (\"fill\") VALUES (zeroblob($1))", &st);

	if (err != KERR_OK)
		return err;
	db_bind_int(st, 1, (int64_t)(pages * (DB_PAGE - 4)));
	err = db_run(st);
	cache_give(s->self.cache, st);
	return err;
}

/* Within the transaction: the newest row of ballast becomes free pages. */
static enum kerr
set_free(struct store *s)
{
	return conn_exec(&s->self,
		"DELETE FROM \"ballast\" WHERE \"id\" = (SELECT max(\"id\") FROM "
		"\"ballast\")");
}

/* Within the transaction: at least so many free pages, newly made. */
static enum kerr
add_free(struct store *s, uint64_t have, uint64_t pages)
{
	enum kerr err = place_for(s, have + pages + 8);

	if (err == KERR_OK)
		err = fill(s, have + pages);
	return err == KERR_OK ? set_free(s) : err;
}

/* Within the transaction: so many free pages, from the disk or, for what takes away, from
 * the ballast. */
static enum kerr
need_free(struct store *s, uint64_t need)
{
	struct reserve *r = &s->reserve;
	uint64_t free = 0;
	enum kerr err = free_pages(s, &free);

	if (err != KERR_OK || free >= need)
		return err;
	err = r->full ? KERR_FULL : add_free(s, free, need + FREE_ADD);
	if (err != KERR_FULL)
		return err;
	r->full = true;
	if (s->ordinary)
		return KERR_FULL;
	while (free < need && r->ballast > 0) {
		err = set_free(s);
		if (err == KERR_OK)
			err = free_pages(s, &free);
		if (err != KERR_OK)
			return err;
		r->ballast--;
	}
	return KERR_OK;
}

/* The WAL has room for so many pages more, and what is kept of it behind them. */
static enum kerr
need_wal(struct store *s, uint64_t pages)
{
	struct db *db = s->self.db;
	uint64_t need = (db_wal_frames(db) + pages) * FRAME + WAL_LAST;

	if (!s->ordinary || need <= db_wal_size(db))
		return KERR_OK;
	if (!s->reserve.full && db_grow_wal(db, need) == KERR_OK)
		return KERR_OK;
	s->reserve.full = true;
	return KERR_FULL;
}

void
reserve_set(struct store *s, size_t bytes)
{
	struct reserve *r = &s->reserve;

	r->wal_bytes = WAL_LAST + bytes;
	r->ballast_want = (bytes / DB_PAGE + BALLAST_PAGES - 1) / BALLAST_PAGES;
}

void
reserve_before(struct store *s)
{
	struct reserve *r = &s->reserve;
	uint64_t pages;

	r->rows = 0;
	r->unseen = 0;
	/* A reader may hinder it; then the WAL grows. */
	if (db_wal_frames(s->self.db) * FRAME > (r->wal_bytes - WAL_LAST) / 2 &&
		db_checkpoint(s->self.db, false) == KERR_OK)
		r->idle_frames = 0;
	if (db_dirty_pages(s->self.db, false, &pages) != KERR_OK)
		r->rows = EXACT_ROWS; /* the commit counts again, and says so */
}

enum kerr
reserve_begin(struct store *s)
{
	enum kerr err = KERR_OK;

	if (s->ordinary && s->reserve.full)
		return KERR_FULL;
	if (s->reserve.ready)
		err = need_free(s, FREE_MIN);
	return err == KERR_OK ? need_wal(s, ROW_PAGES) : err;
}

enum kerr
reserve_row(struct store *s, size_t bytes)
{
	struct reserve *r = &s->reserve;

	r->rows++;
	r->unseen += bytes;
	if (r->unseen < LOOK_BYTES)
		return KERR_OK;
	r->unseen = 0;
	return need_free(s, FREE_MIN + bytes / (DB_PAGE / 2));
}

enum kerr
reserve_commit(struct store *s)
{
	uint64_t pages = s->reserve.rows * ROW_PAGES + ROW_PAGES;
	enum kerr err = KERR_OK;

	if (s->reserve.rows >= EXACT_ROWS)
		err = db_dirty_pages(s->self.db, true, &pages);
	return err == KERR_OK ? need_wal(s, pages) : err;
}

static enum kerr
fill_batch(struct store *s, uint64_t rows)
{
	enum kerr err = place_for(s, rows * (BALLAST_PAGES + 1) + 8);

	if (err == KERR_OK)
		err = conn_exec(&s->self, "BEGIN IMMEDIATE");
	if (err != KERR_OK)
		return err;
	for (uint64_t i = 0; i < rows && err == KERR_OK; i++)
		err = fill(s, BALLAST_PAGES);
	if (err == KERR_OK)
		err = conn_exec(&s->self, "COMMIT");
	if (err != KERR_OK && db_in_transaction(s->self.db) &&
		conn_exec(&s->self, "ROLLBACK") != KERR_OK)
		err = KERR_IO;
	return err;
}

/* Makes the ballast whole again. */
static enum kerr
fill_up(struct store *s)
{
	struct reserve *r = &s->reserve;
	int64_t rows = 0;
	enum kerr err = db_number(s->self.db, "SELECT count(*) FROM \"ballast\"", &rows);

	r->ballast = (uint64_t)rows;
	while (err == KERR_OK && r->ballast < r->ballast_want) {
		uint64_t missing = r->ballast_want - r->ballast;
		uint64_t n = missing < BATCH ? missing : BATCH;

		reserve_before(s);
		err = fill_batch(s, n);
		if (err == KERR_OK)
			r->ballast += n;
	}
	return err;
}

/* Whether ordinary writes may go on: WAL and ballast are whole, and there are free pages
 * or a way to make some. */
static enum kerr
look(struct store *s)
{
	struct reserve *r = &s->reserve;
	uint64_t free = 0;
	enum kerr err = KERR_OK;

	if (db_wal_size(s->self.db) < r->wal_bytes)
		err = db_grow_wal(s->self.db, r->wal_bytes);
	if (err == KERR_OK)
		err = fill_up(s);
	if (err == KERR_OK)
		err = free_pages(s, &free);
	if (err == KERR_OK && free < FREE_MIN)
		err = place_for(s, FREE_MIN + FREE_ADD + 8);
	return err;
}

enum kerr
reserve_start(struct store *s)
{
	struct reserve *r = &s->reserve;
	enum kerr err = look(s);

	r->ready = true;
	r->full = err == KERR_FULL;
	return err == KERR_FULL ? KERR_OK : err;
}

void
reserve_stop(struct store *s)
{
	db_finalize(s->reserve.count);
	db_finalize(s->reserve.free);
}

/* Ends views that keep the WAL from being begun anew, when that begins to hurt, or for
 * which too much is remembered. */
static void
cancel_old_views(struct store *s)
{
	struct db *db = s->self.db;
	uint64_t now = clock_monotonic_us();
	bool wal = db_wal_frames(db) * FRAME + 2 * WAL_LAST > db_wal_size(db);
	bool log = versions_log(s->versions) > LOG_MAX;

	if (!wal && !log)
		return;
	(void)pthread_mutex_lock(&s->gate);
	for (struct store_reader *r = s->readers; r; r = r->next) {
		uint64_t began = atomic_load(&r->began_us);

		if (began == 0 || (!log && began + OLD_VIEW_US > now))
			continue;
		atomic_store(&r->cancelled, true);
		db_interrupt(r->db);
	}
	(void)pthread_mutex_unlock(&s->gate);
}

static bool
room_to_forget(const struct store *s)
{
	struct statvfs fs;

	if (statvfs(s->directory, &fs) != 0)
		return false;
	return (uint64_t)fs.f_bavail * fs.f_frsize >=
	       4 * s->reserve.ballast_want * BALLAST_PAGES * DB_PAGE;
}

/* Cuts the WAL off, with the pages of destroyed record keys in it, and grows it again. */
static enum kerr
forget(struct store *s)
{
	struct reserve *r = &s->reserve;
	uint64_t now = clock_monotonic_us();
	enum kerr err;

	if (!r->forget || (r->forgot_us && now - r->forgot_us < FORGET_US) ||
		!room_to_forget(s))
		return KERR_OK;
	err = db_checkpoint(s->self.db, true);
	if (err == KERR_BUSY) /* a view still needs it: next time */
		return KERR_OK;
	if (err == KERR_OK)
		err = db_grow_wal(s->self.db, r->wal_bytes);
	r->forget = false;
	r->forgot_us = now;
	return err;
}

void
store_forget_soon(struct store *s)
{
	s->reserve.forget = true;
}

enum kerr
store_tend(struct store *s, bool *ret_full)
{
	struct reserve *r = &s->reserve;
	uint64_t frames = db_wal_frames(s->self.db);
	enum kerr err = KERR_OK;

	if (!s->unsealed) {
		*ret_full = false;
		return KERR_OK;
	}
	/* When nothing was written since the last time, or much: a busy keyd writes to
	 * the WAL alone meanwhile. */
	if (frames > 0 && (frames == r->idle_frames ||
				  frames * FRAME > (r->wal_bytes - WAL_LAST) / 4))
		err = db_checkpoint(s->self.db, false);
	r->idle_frames = frames;
	if (err == KERR_BUSY)
		err = KERR_OK;
	cancel_old_views(s);
	if (err == KERR_OK || err == KERR_FULL)
		err = forget(s);
	if (err == KERR_OK || err == KERR_FULL)
		err = look(s);
	r->full = err != KERR_OK;
	*ret_full = r->full;
	return err == KERR_FULL ? KERR_OK : err;
}
