#ifndef KEYD_CORE_ERR_H
#define KEYD_CORE_ERR_H

/* How a function says that it failed: an enum for programs, a fault for people. */

#define MUST_CHECK              __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, first) __attribute__((format(printf, fmt, first)))

enum kerr {
#define KERR(name, sentence) KERR_##name,
#include "core/err.def"
#undef KERR
	KERR__COUNT
};

/* The name in lower case with hyphens ("too-large"); "unknown" for a number that is
 * none. Static. */
const char *kerr_name(enum kerr err);
/* The sentence of the table, for a person. Static. */
const char *kerr_text(enum kerr err);

/* A failure as a person needs it: what was wrong, in which field or at which place,
 * what to do next. Plain values without ownership; never holds a secret: callers put no
 * input of a secret field in it. */
struct fault {
	enum kerr err;
	char field[64]; /* field, option, column or path; "" when it is about the whole */
	char text[384];
};

/* Sets *fault (which may be NULL) and returns err. The text is cut at its size. */
enum kerr fault_set(struct fault *fault, enum kerr err, const char *field,
	const char *fmt, ...) PRINTF_LIKE(4, 5);

#endif
