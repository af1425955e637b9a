#ifndef KEYD_CORE_TRAIL_NOTE_H
#define KEYD_CORE_TRAIL_NOTE_H

#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/trail/line.h"

/* A head of the chain as a signed note (C2SP signed-note, Ed25519): what was the newest
 * record when, and by whom the next head will be signed.
 *
 *   keyd audit SEGMENT
 *   SEQUENCE
 *   BASE64 OF THE HASH
 *   time 2026-11-24T17:00:00Z
 *   next BASE64 OF THE PUBLIC KEY
 *
 *   — keyd-audit-DEPLOYMENT BASE64(4 bytes of key id, 64 bytes of signature)
 *
 * There is one way to write a note: what reads differently is none. */

#define NOTE_MAX     512
#define NOTE_SIG_LEN 64

struct note {
	char segment[TRAIL_SEGMENT_SIZE];
	uint64_t seq;
	uint8_t hash[TRAIL_HASH_LEN];
	int64_t time;
	uint8_t next[TRAIL_KEY_LEN];
	uint8_t id[4]; /* of the key that signed */
	uint8_t sig[NOTE_SIG_LEN];
};

/* Appends the text that is signed, up to the end of its last line. */
void note_put_text(struct buf *out, const struct note *n);
/* The id of a public key under the name that this segment's notes are signed with. */
void note_key_id(const char *segment, const uint8_t key[TRAIL_KEY_LEN], uint8_t ret[4]);
/* Appends the whole note, with n's id and signature. */
void note_put(struct buf *out, const struct note *n);
/* KERR_INVALID. */
enum kerr note_read(struct trail_text text, struct note *ret) MUST_CHECK;
/* KERR_CRYPTO when it was not signed with this key. */
enum kerr note_verify(const struct note *n, const uint8_t key[TRAIL_KEY_LEN]) MUST_CHECK;
/* The note at the beginning of bytes: takes it off *rest, with the empty line that parts
 * it from the next one. What a broken write left behind is passed over: it ends in a line
 * "~". KERR_NOTFOUND at the end, KERR_INVALID when none begins or ends there (*rest is
 * not moved). */
enum kerr note_next(struct trail_text *rest, struct trail_text *ret) MUST_CHECK;

#endif
