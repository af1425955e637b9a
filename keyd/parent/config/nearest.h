#ifndef KEYD_PARENT_CONFIG_NEAREST_H
#define KEYD_PARENT_CONFIG_NEAREST_H

#include <stddef.h>

/* The word a person probably meant. */

/* How many letters must be changed, added, dropped or exchanged with their neighbour to
 * come from one to the other; texts longer than 64 bytes are far from everything. */
size_t nearest_distance(const char *a, const char *b);
/* The word of a NULL-terminated list that is near enough to have been meant; NULL when
 * none is. */
const char *nearest_word(const char *typed, const char *const *words);
/* The same among the paths of the settings; a last part alone ("sink") finds its whole
 * path too. */
const char *nearest_setting(const char *typed);

#endif
