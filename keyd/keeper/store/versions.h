#ifndef KEYD_KEEPER_STORE_VERSIONS_H
#define KEYD_KEEPER_STORE_VERSIONS_H

#include "keyd/keeper/store/store.h"

/* The version of every security row, in memory: 8 bytes a row, a version and the first
 * bytes of its MAC. The write thread changes it as it goes, and a log of what was there
 * before takes a change back and tells readers what their older view of the database must
 * hold. Beside it the rows that are set aside. */
struct versions;

#define VERSIONS_ID_MAX (((int64_t)1 << 32) - 1)
#define VERSIONS_NEWEST UINT64_MAX

struct versions *versions_new(void);    /* NULL: no memory */
void versions_free(struct versions *v); /* NULL is fine */

/* What a row with that version and MAC is known as; 0: no row, or a version that cannot
 * be. */
uint64_t versions_entry(int64_t version, const uint8_t *mac);
/* Present, the transaction of the write thread included (write thread); 0: there is no
 * such row. */
uint64_t versions_get(struct versions *v, enum table_id table, int64_t id);
int64_t versions_version(uint64_t entry);
/* What a view of the database that began after `snapshot` commits must hold. (any thread)
 * VERSIONS_NEWEST: the writer's. */
uint64_t versions_at(
	struct versions *v, enum table_id table, int64_t id, uint64_t snapshot);

/* At start, without a log. KERR_NOMEM, KERR_TOO_LARGE for an id that keyd never gave. */
enum kerr versions_load(
	struct versions *v, enum table_id table, int64_t id, uint64_t entry) MUST_CHECK;
/* In a transaction (write thread). entry 0: removed. */
enum kerr versions_set(
	struct versions *v, enum table_id table, int64_t id, uint64_t entry) MUST_CHECK;
size_t versions_mark(const struct versions *v);
void versions_undo(struct versions *v, size_t mark);
/* The transaction is committed; what no view from `oldest` on needs is forgotten. */
void versions_commit(struct versions *v, uint64_t oldest);
/* Takes back what was not committed. */
void versions_rollback(struct versions *v);
uint64_t versions_now(struct versions *v); /* commits so far */
size_t versions_log(struct versions *v);   /* changes that the log still holds */

/* (any thread) Sets a row aside; it stays so until the store is closed. */
enum kerr versions_fence(struct versions *v, enum table_id table, int64_t id) MUST_CHECK;
bool versions_fenced(struct versions *v, enum table_id table, int64_t id);
uint64_t versions_fenced_count(struct versions *v);

#endif
