#ifndef KEYD_CORE_PLACE_H
#define KEYD_CORE_PLACE_H

#include <stddef.h>

#include "core/err.h"

/* Where in a record something is, for the field of a fault: "secrets[2].until". Lives on
 * the stack of whoever walks through a record, each level pointing to the one around it.
 */
struct place {
	const struct place *outer; /* NULL: the record itself */
	const char *name;
	size_t index; /* for what is inside: which element of this list */
};

/* The path into out, cut at size and always terminated. */
void place_text(const struct place *at, char *out, size_t size);
/* Sets *fault (may be NULL) for that place and returns KERR_INVALID. */
enum kerr place_refuse(const struct place *at, struct fault *fault, const char *fmt, ...)
	PRINTF_LIKE(3, 4);
/* The same for a word that is none of words (NULL-terminated), naming them. */
enum kerr place_refuse_word(
	const struct place *at, struct fault *fault, const char *const *words);

#endif
