#ifndef KEYD_ADMIN_TUI_FILTER_H
#define KEYD_ADMIN_TUI_FILTER_H

#include "core/buf.h"
#include "core/err.h"
#include "core/record.h"

/* What a person types to see only some of a list: field=value words, a value with blanks
 * in double quotes; a word alone is looked for in the list's first field that can be
 * filtered. The schema says which fields and words there are. */

/* The query of the list's address. KERR_INVALID says what would be right. */
enum kerr filter_query(const struct schema *s, const char *text, struct buf *ret,
	struct fault *fault) MUST_CHECK;
/* A text as a part of an address (RFC 3986 section 2.1); '*' stays. */
void filter_encode(struct buf *out, const char *text);
/* How the last word of text may go on: whole texts, each with a NUL behind it. */
void filter_complete(const struct schema *s, const char *text, struct buf *ret);

#endif
