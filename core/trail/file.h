#ifndef KEYD_CORE_TRAIL_FILE_H
#define KEYD_CORE_TRAIL_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/trail/line.h"
#include "core/trail/trail.h"

/* Reads what is written of a chain, piece by piece: an export (a header, then each record
 * and behind it the heads that name it), or a file of the sink (records or heads alone).
 */
struct trail_file;

enum trail_item {
	TRAIL_ITEM_HEADER, /* first line of an export */
	TRAIL_ITEM_RECORD, /* a line with its hash, without its end */
	TRAIL_ITEM_NOTE,   /* a head */
};

/* Reads from where the descriptor stands; it stays the caller's. NULL: no memory. */
struct trail_file *trail_file_new(int fd);
void trail_file_free(struct trail_file *f); /* NULL is fine */
/* Somebody is writing it, or broke off: a piece without an end, at the end, is none. */
void trail_file_is_live(struct trail_file *f);
/* The next piece, borrowed until the next call. What a broken write left in the sink is
 * passed over. KERR_NOTFOUND at the end; KERR_INVALID: what is there is no piece, or has
 * no end; KERR_IO. */
enum kerr trail_file_next(struct trail_file *f, enum trail_item *ret_item,
	struct trail_text *ret) MUST_CHECK;

/* The header of an export. */
struct trail_header {
	char deployment[33];
	uint64_t first, last, heads;
};
void trail_put_header(struct buf *out, const struct trail_header *h); /* with its end */
enum kerr trail_read_header(
	struct trail_text line, struct trail_header *ret) MUST_CHECK; /* without it */

/* Heads from elsewhere, beside a log: files in the order of their segments. */
struct trail_witness {
	struct trail_file *const *files;
	size_t count;
	size_t next;   /* file */
	bool as_heads; /* the log has none of its own: these are them */
	bool has;      /* note holds the next head */
	uint64_t seq;  /* of its record; 0: it cannot be read */
	size_t len;
	char note[NOTE_MAX];
};
/* Takes the first head. Faults that reading meets go to the trail, as all others. */
enum kerr trail_witness_start(struct trail_witness *w, struct trail *t) MUST_CHECK;
/* Before a further record is fed, and after the last one: what names t's newest record.
 */
enum kerr trail_witness_step(struct trail_witness *w, struct trail *t) MUST_CHECK;
/* After the last step: nothing may be left. */
enum kerr trail_witness_end(struct trail_witness *w, struct trail *t) MUST_CHECK;

/* Feeds a whole file, with heads from elsewhere (may be NULL). KERR_DAMAGED: see t;
 * KERR_IO, KERR_NOMEM. */
enum kerr trail_file_check(
	struct trail_file *f, struct trail_witness *w, struct trail *t) MUST_CHECK;

#endif
