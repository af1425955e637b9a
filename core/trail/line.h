#ifndef KEYD_CORE_TRAIL_LINE_H
#define KEYD_CORE_TRAIL_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"

/* One record of the audit chain as text (docs/audit.md): fields `name=value` parted by
 * TAB, without an end of line. In a value every control character, '%', hidden character
 * and byte that is no UTF-8 stands as %XX, upper-case hexadecimal, so that a field can be
 * found without unescaping anything. */

#define TRAIL_HASH_LEN     32
#define TRAIL_LINE_MAX     16384 /* without the hash behind it */
#define TRAIL_HASH_TEXT    70    /* TAB, "hash=", 64 hexadecimal digits */
#define TRAIL_HEX_SIZE     65
#define TRAIL_SEGMENT_SIZE 72 /* longest name of a segment and its NUL */
#define TRAIL_KEY_LEN      32 /* Ed25519 public key */

/* Part of somebody else's text, not NUL-terminated. */
struct trail_text {
	const char *p;
	size_t len;
};

/* Appends a field, with a TAB before it when the line is not empty. */
void trail_put(struct buf *line, const char *name, const char *value, size_t len);
void trail_put_number(struct buf *line, const char *name, uint64_t value);
/* The value of a field as it stands there, escapes and all; false when there is none. */
bool trail_find(struct trail_text line, const char *name, struct trail_text *ret);
/* Takes the next field off *rest. KERR_NOTFOUND at the end, KERR_INVALID. */
enum kerr trail_next(struct trail_text *rest, struct trail_text *ret_name,
	struct trail_text *ret_value) MUST_CHECK;
/* Appends the value without escapes. KERR_INVALID for what trail_put() never writes: half
 * an escape, small hexadecimal letters, NUL. */
enum kerr trail_unescape(struct buf *out, struct trail_text value) MUST_CHECK;
/* Decimal without sign or leading zeros, 1…INT64_MAX. KERR_INVALID. */
enum kerr trail_number(struct trail_text value, uint64_t *ret) MUST_CHECK;

/* Values within a value, `column=value; column=value`, where '%' and ';' of theirs stand
 * as %XX: once more unescaped than the field itself. Finds one as it stands there. */
bool trail_value(struct trail_text values, const char *column, struct trail_text *ret);
/* Appends one. */
void trail_put_value(
	struct buf *values, const char *column, const char *text, size_t len);

/* hash(0) of a segment, and hash(n) = BLAKE2b-256(hash(n-1) || line). */
void trail_begin(const char *segment, uint8_t ret[TRAIL_HASH_LEN]);
void trail_hash(
	const uint8_t former[TRAIL_HASH_LEN], struct trail_text line, uint8_t *ret);
/* Behind a record in exports and in the sink stands its hash as a last field: appends it,
 * or takes it off *line. KERR_INVALID when there is none. */
void trail_put_hash(struct buf *line, const uint8_t hash[TRAIL_HASH_LEN]);
enum kerr trail_cut_hash(struct trail_text *line, uint8_t ret[TRAIL_HASH_LEN]) MUST_CHECK;
void trail_hex(const uint8_t hash[TRAIL_HASH_LEN], char out[TRAIL_HEX_SIZE]);
enum kerr trail_unhex(struct trail_text text, uint8_t ret[TRAIL_HASH_LEN]) MUST_CHECK;

/* `DEPLOYMENT.FIRST.RANDOM`: 32 hexadecimal digits, the number of its first record, 8
 * hexadecimal digits. KERR_INVALID. */
enum kerr trail_segment_first(struct trail_text name, uint64_t *ret) MUST_CHECK;

#endif
