#ifndef KEYD_KEEPER_INDEX_IDMAP_H
#define KEYD_KEEPER_INDEX_IDMAP_H

#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

/* Which slot a row has, by its id. Ids of a table are given out in order, so a page holds
 * the slots of 256 neighbouring ids and a row costs four bytes; ids without neighbours
 * work too, at a page each. */
struct id_page;

struct idmap {
	struct id_page **pages; /* open addressing by the page's number */
	uint32_t count;
	uint32_t room; /* a power of two, or 0 */
};

void idmap_clear(struct idmap *m); /* a zeroed map is an empty one */
/* 0: none. */
uint32_t idmap_find(const struct idmap *m, int64_t id);
/* slot is not 0. KERR_NOMEM leaves the map as it was. */
enum kerr idmap_set(struct idmap *m, int64_t id, uint32_t slot) MUST_CHECK;
void idmap_remove(struct idmap *m, int64_t id);
size_t idmap_bytes(const struct idmap *m);

#endif
