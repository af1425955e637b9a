#ifndef KEYD_CORE_TEXT_H
#define KEYD_CORE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"

/* Text from outside: is it UTF-8, is it plain, how may it be shown. The one place that
 * knows Unicode (utf8proc behind it). */

/* The first character and whether it is hidden (as text_has_hidden() says): its length
 * in bytes, 0 when there is none or the first byte begins no UTF-8; then the results
 * are untouched. */
size_t text_next(const char *text, size_t len, uint32_t *ret_char, bool *ret_hidden);
bool text_is_utf8(const char *text,
	size_t len); /* RFC 3629: no surrogates, no overlong forms; NUL is false */
/* True when there is a control, format, bidirectional, tag, variation-selector, private
 * or unassigned character. */
bool text_has_hidden(const char *text, size_t len);
/* Appends what may reach a terminal or a log line: hidden characters and bad bytes as
 * \u{…} or \x.. */
void text_scrub(struct buf *out, const char *text, size_t len);
/* Appends NFC; KERR_INVALID when it is not UTF-8. */
enum kerr text_nfc(struct buf *out, const char *text, size_t len) MUST_CHECK;
/* Appends a form that is equal for names a person would take for the same: NFKC,
 * case-folded, runs of blanks as one, marks dropped, common look-alikes of Latin
 * letters in Cyrillic and Greek mapped. */
enum kerr text_skeleton(struct buf *out, const char *text, size_t len) MUST_CHECK;
/* Columns on a terminal (wide = 2, combining = 0) of scrubbed text. */
size_t text_columns(const char *text, size_t len);
/* Longest prefix of at most columns, in bytes, never splitting a cluster's base and
 * marks. */
size_t text_prefix(const char *text, size_t len, size_t columns);
/* Decimal, whole text, no sign but '-', no blanks, no leading zeros but "0":
 * KERR_INVALID, KERR_TOO_LARGE. */
enum kerr text_to_int(const char *text, size_t len, int64_t *ret) MUST_CHECK;

#endif
