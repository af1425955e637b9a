#ifndef KEYD_TESTS_SUPPORT_STORE_WORLD_H
#define KEYD_TESTS_SUPPORT_STORE_WORLD_H

#include "keyd/keeper/store/store.h"

/* A vault and a database in a directory of its own, on tmpfs where there is one, and
 * another hand at its file. */
struct store_world {
	char directory[128];
	char file[160]; /* of the database */
	size_t reserve;
	struct vault *vault; /* stays while the store is closed and opened */
	struct store *store; /* NULL: closed */
	struct arena *arena;
	struct fault fault; /* of the last world_open */
};

/* Everything here but world_open aborts when it fails. */
void world_start(struct store_world *w, size_t reserve);
void world_end(struct store_world *w);
/* The result of store_unsealed. */
enum kerr world_open(struct store_world *w);
void world_close(struct store_world *w);

/* Rows that nobody minds the names of; each returns its id. In a transaction of the
 * caller's. */
int64_t world_vendor(struct store_world *w, const char *name);
int64_t world_application(struct store_world *w, const char *name);
int64_t world_client(struct store_world *w, int64_t application, const char *key);

/* With the store closed: a statement by a plain SQLite connection, and the number in its
 * first column (0 when no row). */
int64_t world_sql(struct store_world *w, const char *sql);
/* The same for the bytes in its first column; how many. */
size_t world_blob(struct store_world *w, const char *sql, uint8_t *ret, size_t max);
/* Copies the database's file; its WAL must be empty of news (world_close leaves it so).
 */
void world_copy(const char *from, const char *to);
size_t world_read(const char *path, uint8_t **ret); /* free() it */
void world_write(const char *path, const uint8_t *bytes, size_t len);

#endif
