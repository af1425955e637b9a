#include "keyd/keeper/store/cache.h"

#include <string.h>

#include "core/arena.h"

#define KEPT 48

struct kept {
	char *sql;
	struct db_stmt *st;
	uint64_t used;
	bool taken;
};

struct cache {
	struct db *db;
	uint64_t clock;
	struct kept kept[KEPT];
};

struct cache *
cache_new(struct db *db)
{
	struct cache *c = mem_new(1, sizeof(*c));

	if (c)
		c->db = db;
	return c;
}

static void
drop(struct kept *k)
{
	db_finalize(k->st);
	mem_free(k->sql);
	*k = (struct kept){.sql = NULL};
}

void
cache_free(struct cache *c)
{
	if (!c)
		return;
	for (unsigned i = 0; i < KEPT; i++)
		drop(&c->kept[i]);
	mem_free(c);
}

/* The idle statement with that text, else the place to put it; NULL: all are taken. */
static struct kept *
place_for(struct cache *c, const char *sql)
{
	struct kept *oldest = NULL;

	for (unsigned i = 0; i < KEPT; i++) {
		struct kept *k = &c->kept[i];

		if (k->taken)
			continue;
		if (k->sql && strcmp(k->sql, sql) == 0)
			return k;
		if (!oldest || k->used < oldest->used)
			oldest = k;
	}
	return oldest;
}

enum kerr
cache_take(struct cache *c, const char *sql, struct db_stmt **ret)
{
	struct kept *k = place_for(c, sql);
	size_t size = strlen(sql) + 1;
	enum kerr err;

	if (!k)
		return db_prepare(c->db, sql, ret);
	if (!k->sql || strcmp(k->sql, sql) != 0) {
		drop(k);
		err = db_prepare(c->db, sql, &k->st);
		if (err != KERR_OK)
			return err;
		k->sql = mem_new(size, 1);
		if (!k->sql) {
			drop(k);
			return KERR_NOMEM;
		}
		memcpy(k->sql, sql, size);
	}
	k->taken = true;
	k->used = ++c->clock;
	*ret = k->st;
	return KERR_OK;
}

void
cache_give(struct cache *c, struct db_stmt *st)
{
	if (!st)
		return;
	for (unsigned i = 0; i < KEPT; i++) {
		if (c->kept[i].st == st) {
			db_reset(st);
			c->kept[i].taken = false;
			return;
		}
	}
	db_finalize(st);
}
