#ifndef KEYD_FRONT_FORM_H
#define KEYD_FRONT_FORM_H

#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

/* application/x-www-form-urlencoded, strictly: a body or the query of a target. */

#define FORM_PAIRS 32

struct form_pair {
	const char *name; /* both borrowed from the bytes that were read, and not
			     terminated */
	size_t name_len;
	const char *value;
	size_t value_len;
};

struct form {
	unsigned count;
	struct form_pair pairs[FORM_PAIRS];
};

/* Decodes in place, so that a secret gets no second copy, and collects the pairs.
 * KERR_INVALID: a parameter twice (RFC 6749 section 3.2), a broken percent-encoding,
 * what is not UTF-8 or has a NUL, no name, too many. The fault names no parameter:
 * people paste secrets in wrong places. */
enum kerr form_read(
	struct form *ret, uint8_t *bytes, size_t len, struct fault *fault) MUST_CHECK;
/* NULL when there is none. */
const struct form_pair *form_find(const struct form *f, const char *name);

/* Percent-decoding of one path segment, in place: *len becomes its new length.
 * KERR_INVALID as above. */
enum kerr form_decode_segment(uint8_t *bytes, size_t *len) MUST_CHECK;

#endif
