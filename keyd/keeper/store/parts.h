#ifndef KEYD_KEEPER_STORE_PARTS_H
#define KEYD_KEEPER_STORE_PARTS_H

#include <pthread.h>
#include <stdatomic.h>

#include "keyd/keeper/store/cache.h"
#include "keyd/keeper/store/mac.h"
#include "keyd/keeper/store/row.h"
#include "keyd/keeper/store/schema.h"
#include "keyd/keeper/store/store.h"
#include "keyd/keeper/store/versions.h"

/* What the files of this room share: the store, a connection, what is sealed with each
 * transaction. */

/* What the sealed state says of the rows. */
struct tally {
	uint8_t sum[ROW_TERM_LEN]; /* XOR of the terms of all sound rows */
	uint64_t rows[TABLE__COUNT];
	int64_t next[TABLE__COUNT]; /* id of the next row */
	uint64_t damage;            /* found and not yet accepted */
	uint8_t bad[VAULT_MAC_LEN]; /* which unsound rows were accepted as lost */
	uint64_t bad_rows;
	struct store_state state;
};

/* Space, and what is kept of it. */
struct reserve {
	uint64_t wal_bytes;             /* what the WAL is grown to */
	uint64_t ballast, ballast_want; /* rows of it */
	uint64_t unseen;                /* bytes written since free pages were counted */
	uint64_t rows;                  /* written in this transaction */
	uint64_t idle_frames;
	uint64_t forgot_us;
	bool ready; /* the ballast was looked at */
	bool full;  /* ordinary writes are refused */
	bool forget;
	struct db_stmt *count, *free;
};

struct store_reader {
	struct store *store;
	struct db *db;
	struct cache *cache;
	struct db_stmt *shelf[TABLE__COUNT][SQL__COUNT];
	struct buf scratch; /* of one row's encoding */
	struct buf text;    /* of one statement */
	bool writer;
	struct store_reader *next; /* of the store's list */
	/* A view of the database that several calls share, or one. */
	unsigned depth;
	_Atomic bool cancelled;
	_Atomic uint64_t began_us; /* 0: has no view */
	uint64_t snapshot;         /* commits before it */
};

struct store {
	char *path;
	char *directory;
	struct vault *vault;
	struct macs *macs;
	struct versions *versions;
	struct store_reader self; /* the write thread's connection */
	struct reserve reserve;
	int64_t schema;
	bool empty; /* nothing was in it when it was opened */
	bool unsealed;
	_Atomic uint64_t damage; /* of the committed tally, for other threads */
	/* A reader begins its view, and the writer commits and counts the commit, one
	 * after the other. */
	pthread_mutex_t gate;
	struct store_reader *readers;
	/* the open transaction */
	bool ordinary, outer_ordinary;
	bool saving;
	bool spoiled; /* a write failed half way: the savepoint, or all of it, must be
			 undone */
	bool wrote;
	size_t mark;
	struct tally now, saved, committed;
};

/* conn.c */
enum kerr conn_open(struct store *s, enum db_use use, struct store_reader *r,
	struct fault *fault) MUST_CHECK;
void conn_close(struct store_reader *r);
/* A statement of a table, idle and without parameters; conn_done() with it. */
enum kerr conn_take(struct store_reader *r, enum table_id table, enum sql which,
	struct db_stmt **ret) MUST_CHECK;
void conn_done(
	struct store_reader *r, enum table_id table, enum sql which, struct db_stmt *st);
enum kerr conn_exec(struct store_reader *r, const char *sql) MUST_CHECK;
/* Around every reading call; they nest. KERR_TIMEOUT: the view was cancelled. */
enum kerr conn_enter(struct store_reader *r) MUST_CHECK;
void conn_leave(struct store_reader *r);
/* May this row be used? KERR_DAMAGED: no, and it is set aside. KERR_SEALED. ret_term may
 * be NULL. */
enum kerr conn_accept(
	struct store_reader *r, const struct row *row, uint8_t *ret_term) MUST_CHECK;

typedef enum kerr (*conn_visit)(void *with, const struct row *row);
/* scan.c: every row in the order of its pages, from both sides of what cannot be read.
 * *ret_faults counts such places and those where the ids do not rise; a row there is left
 * out. */
enum kerr read_rows(struct store_reader *r, enum table_id table, conn_visit visit,
	void *with, uint64_t *ret_faults) MUST_CHECK;

/* write.c, for store_load: a row as it is, with valid_to a former version of it; and one
 * that is not to be there. */
enum kerr write_loaded(
	struct store *s, const struct row *row, const int64_t *valid_to) MUST_CHECK;
enum kerr write_unload(struct store *s, enum table_id table, int64_t id) MUST_CHECK;

/* digest.c */
void tally_add(struct tally *t, const uint8_t term[ROW_TERM_LEN]);
enum kerr digest_write(struct store *s) MUST_CHECK;
enum kerr digest_start(struct store *s, struct fault *fault) MUST_CHECK;
/* How many things are not as the sealed state says. */
uint64_t tally_differs(const struct tally *is, const struct tally *want);

/* quick.c: reads all rows with two threads, their versions into memory, and says whether
 * they are exactly as the sealed state has them; if they are not, what it loaded is worth
 * nothing. */
bool quick_start(struct store *s, const struct tally *want, struct tally *ret);

/* reserve.c */
void reserve_set(struct store *s, size_t bytes);
enum kerr reserve_start(struct store *s) MUST_CHECK;
void reserve_stop(struct store *s);
void reserve_before(struct store *s); /* a transaction */
/* Within one: at its or a savepoint's begin, before a row of so many bytes, before its
 * commit. KERR_FULL: an ordinary one must not go on. */
enum kerr reserve_begin(struct store *s) MUST_CHECK;
enum kerr reserve_row(struct store *s, size_t bytes) MUST_CHECK;
enum kerr reserve_commit(struct store *s) MUST_CHECK;

#endif
