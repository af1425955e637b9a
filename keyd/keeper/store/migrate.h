#ifndef KEYD_KEEPER_STORE_MIGRATE_H
#define KEYD_KEEPER_STORE_MIGRATE_H

#include "keyd/keeper/store/db.h"

/* The numbered SQL files of migrations/, compiled in; ends with a row of number 0. The
 * database's user_version is the number of the last one it had. */
struct migration {
	int64_t number;
	const char *sql;
};
extern const struct migration store_migrations[];

/* The number of the newest schema this program knows. */
int64_t migrate_newest(void);
/* Makes the newest schema in an empty database, in one transaction. */
enum kerr migrate_new(struct db *db, struct fault *fault) MUST_CHECK;
/* Is the database keyd's, its schema one that this program knows, and exactly as the
 * migrations make it? KERR_NEWER, KERR_DAMAGED. *ret_number is its schema's; 0: there is
 * nothing in it. */
enum kerr migrate_check(
	struct db *db, int64_t *ret_number, struct fault *fault) MUST_CHECK;
/* Brings a former schema to the newest one, in one transaction that the caller begins and
 * commits. */
enum kerr migrate_run(struct db *db, int64_t from, struct fault *fault) MUST_CHECK;

#endif
