#ifndef KEYD_KEEPER_AUDIT_PARTS_H
#define KEYD_KEEPER_AUDIT_PARTS_H

#include <pthread.h>

#include "core/arena.h"
#include "core/trail/trail.h"
#include "keyd/keeper/audit/audit.h"
#include "keyd/keeper/audit/signer.h"
#include "keyd/keeper/audit/tail.h"

/* What the files of this room share. */

/* Where a chain is. */
struct chain_place {
	char segment[TRAIL_SEGMENT_SIZE];
	uint64_t first; /* number of the segment's first record */
	uint64_t seq;   /* newest record; 0: none yet */
	uint8_t head[TRAIL_HASH_LEN];
};

/* Who signs, and the key of the next record's MAC: the key as of the last commit, and
 * what the open transaction made of it (NULL while it has appended nothing). */
struct chain_keys {
	struct signer signer;
	uint64_t introduced; /* record that names the signer; 0: none does yet */
	struct secret *tail;
	uint64_t tail_seq; /* of the record that this key comes behind */
	struct secret *now;
	bool stuck; /* no slot was free to go back to a savepoint: nothing is appended */
};

struct sink;

struct audit {
	struct store *store;
	struct vault *vault;
	int state_fd;
	int syslog;          /* -1: none */
	struct arena *arena; /* rows, one after the other */
	struct buf line;
	struct chain_place now; /* with what is not committed */
	struct chain_keys keys;
	bool renewed; /* the open transaction began a segment: keys before it are held */
	struct chain_keys former;
	struct note head;      /* newest published one; seq 0: none */
	bool pending;          /* the signer's own head is not in the database yet */
	struct note published; /* it is, once the open transaction is committed */
	enum kerr damage;
	struct fault fault; /* what opening found, when damage is not KERR_OK */

	pthread_mutex_t lock; /* guards what follows, which other threads read */
	struct chain_place committed;
	char still[NOTE_MAX]; /* newest head of a time without records */
	size_t still_len;
	uint64_t still_seq;
	int64_t still_time;
	struct sink *_Atomic sink; /* NULL: none was started */
};

/* chain.c: the name of a new segment. */
void chain_name(struct chain_place *place, const char *deployment, uint64_t first);
/* The record that names the signer, when there is none yet: in the open transaction. */
enum kerr chain_introduce(struct audit *a, int64_t now) MUST_CHECK;
/* The next record's line into a->line. KERR_INVALID: a field that is required lacks. */
enum kerr line_compose(struct audit *a, const struct audit_entry *e, uint64_t seq,
	int64_t now) MUST_CHECK;
void keys_clear(struct chain_keys *k);

/* rows.c: the newest head in the database; KERR_NOTFOUND, KERR_DAMAGED: it is none. */
enum kerr rows_newest_head(
	struct store_reader *r, struct arena *a, struct note *ret) MUST_CHECK;
/* The newest record's number and hash; KERR_NOTFOUND, KERR_DAMAGED. */
enum kerr rows_newest(
	struct store_reader *r, struct arena *a, struct audit_mark *ret) MUST_CHECK;
/* The hash of a record, by number or of a row. KERR_NOTFOUND, KERR_DAMAGED. */
enum kerr rows_hash(struct store_reader *r, struct arena *a, uint64_t seq,
	uint8_t ret[TRAIL_HASH_LEN]) MUST_CHECK;
enum kerr rows_hash_of(const struct record *row, uint8_t ret[TRAIL_HASH_LEN]) MUST_CHECK;
/* Up to `limit` records behind number `after`, oldest first; each as store_select has it.
 */
enum kerr rows_page(struct store_reader *r, struct arena *a, uint64_t after, size_t limit,
	store_each each, void *with) MUST_CHECK;
struct rows_walk {
	struct store_reader *reader;
	struct arena *arena;
	struct trail *trail; /* NULL: nothing is checked */
	bool heads;          /* behind each record those that name it */
	/* Before each record and, with NULL, at the end; once the trail took a record, or
	 * a head. Each may be NULL (but record without a trail), and ends the walk by
	 * failing. */
	enum kerr (*before)(void *with, const struct record *row);
	enum kerr (*record)(void *with, const struct record *row);
	enum kerr (*head)(void *with, struct trail_text note);
	void *with;
};
/* Feeds the trail every record behind its last one. KERR_DAMAGED: the trail says what. */
enum kerr rows_walk(const struct rows_walk *w) MUST_CHECK;

/* sink.c: something was committed, a head was made. On the write thread. */
void sink_wake(struct audit *a);

#endif
