#ifndef KEYD_CORE_THING_H
#define KEYD_CORE_THING_H

#include "core/err.h"

/* What a thing is. */
struct thing {
	int (*turn)(struct thing *t);
};
typedef void (*thing_done)(struct thing *t);
_Static_assert(sizeof(int) == 4, "int");

/* Makes one; NULL when there is no memory. */
struct thing *thing_new(void);
void thing_free(struct thing *t); /* NULL is fine */

/* Both turn it; any thread. */
void thing_left(struct thing *t);
void thing_right(struct thing *t);

enum kerr thing_read(
	struct thing *t) MUST_CHECK;
void thing_printf(struct thing *t, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static inline int
thing_size(const struct thing *t)
{
	return t != NULL;
}

/* How many; never negative. */
static inline int
thing_count(const struct thing *t)
{
	return t != NULL;
}

#endif
