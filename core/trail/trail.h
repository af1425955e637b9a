#ifndef KEYD_CORE_TRAIL_TRAIL_H
#define KEYD_CORE_TRAIL_TRAIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/trail/line.h"
#include "core/trail/note.h"

/* Checks an audit chain that is fed to it, in order: each record with its hash, each head
 * after the record that it names. Needs no key; what it cannot know is whether records
 * behind the last one were cut off, or all of it written anew: that only heads kept
 * elsewhere tell (trail_outside()). The first fault sticks and names its record. */

/* Fixed words of records that the chain itself is made of. */
#define TRAIL_ACTION_SEGMENT                                                             \
	"audit.segment"                    /* a segment begins; after: segment, signer */
#define TRAIL_ACTION_SIGNER "audit.signer" /* the signer was lost; after: signer */

struct trail_place {
	uint64_t seq;
	uint8_t hash[TRAIL_HASH_LEN];
};

struct trail {
	char segment[TRAIL_SEGMENT_SIZE]; /* "" before the first record */
	uint64_t begins;                  /* first record there must be; 0: unknown */
	uint64_t first;                   /* first record seen */
	struct trail_place at;            /* the last one that was sound */
	struct trail_place seen; /* before this segment: newest record known elsewhere */
	uint8_t signer[TRAIL_KEY_LEN]; /* who signs the next head */
	uint8_t later[TRAIL_KEY_LEN];  /* the same, by heads from outside */
	struct note head;              /* newest head; seq 0: none */
	uint64_t records, heads, outside, segments;
	uint64_t replaced;   /* record that brought a signer in for a lost one; 0: none */
	uint64_t older;      /* begins behind this record of an older segment; 0: whole */
	struct note witness; /* newest head from outside that agrees; seq 0: none */
	uint64_t wrong;      /* the first record that is wrong; 0: none */
	char text[320];      /* what is wrong with it */
};

/* Zeroed (but for begins) is a trail before its first record. This one goes on behind a
 * head that is known to be good. */
void trail_resume(struct trail *t, const struct note *head);
/* KERR_DAMAGED once something is wrong, at t->wrong. The line comes without its hash. */
enum kerr trail_record(struct trail *t, struct trail_text line,
	const uint8_t hash[TRAIL_HASH_LEN]) MUST_CHECK;
enum kerr trail_head(struct trail *t, struct trail_text note) MUST_CHECK;
/* A head from elsewhere, in order, when its record and the chain's own heads of that
 * record were fed: it must say the same, and be the chain's own, or one that is later
 * than the log, or one that the same signer made while nothing happened. *ret_later: its
 * record is not here yet, feed on and come again. Heads of an old segment behind its end,
 * which a restore has named, count as agreeing. */
enum kerr trail_outside(
	struct trail *t, struct trail_text note, bool *ret_later) MUST_CHECK;
/* At the end: a head from outside names a record that is not there. */
enum kerr trail_is_cut(struct trail *t, struct trail_text note) MUST_CHECK;
/* Sets what is wrong, once. Returns KERR_DAMAGED. */
enum kerr trail_wrong(struct trail *t, uint64_t seq, const char *fmt, ...)
	PRINTF_LIKE(3, 4);
/* One sentence on what was found, for a person. */
void trail_summary(const struct trail *t, struct buf *out);

/* "SEQ:HEX", as records name places in a chain. */
void trail_put_place(struct buf *out, const struct trail_place *place);
enum kerr trail_read_place(struct trail_text text, struct trail_place *ret) MUST_CHECK;

#endif
