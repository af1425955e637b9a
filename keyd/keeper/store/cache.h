#ifndef KEYD_KEEPER_STORE_CACHE_H
#define KEYD_KEEPER_STORE_CACHE_H

#include "keyd/keeper/store/db.h"

/* Statements of one connection that are kept prepared by their text. */
struct cache;

struct cache *cache_new(struct db *db); /* NULL: no memory */
void cache_free(struct cache *c);       /* NULL is fine */
/* The statement with that text, prepared if need be; the least recently used idle one
 * gives way. cache_give() it back. */
enum kerr cache_take(struct cache *c, const char *sql, struct db_stmt **ret) MUST_CHECK;
void cache_give(struct cache *c, struct db_stmt *st); /* resets it; NULL is fine */

#endif
