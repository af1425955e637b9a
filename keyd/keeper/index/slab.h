#ifndef KEYD_KEEPER_INDEX_SLAB_H
#define KEYD_KEEPER_INDEX_SLAB_H

#include <stddef.h>
#include <stdint.h>

/* Entries of one size in chunks, named by their slot (0: none). A slot keeps its address
 * until it is given back, and growing copies no entry: the thread that answers never
 * waits for a table to be moved. */

#define SLAB_SHIFT 10
#define SLAB_CHUNK (1U << SLAB_SHIFT)

struct slab {
	uint8_t **chunks;
	uint32_t count; /* chunks */
	uint32_t room;  /* of the list of chunks */
	uint32_t next;  /* first slot that never was given out */
	uint32_t free;  /* first of those given back, chained by their first four bytes */
	size_t size;
};

/* size: bytes of an entry, at least 4. */
void slab_init(struct slab *s, size_t size);
void slab_clear(struct slab *s);
/* A zeroed entry; 0: no memory. */
uint32_t slab_add(struct slab *s);
/* Zeroes the entry and gives it back. */
void slab_remove(struct slab *s, uint32_t slot);
size_t slab_bytes(const struct slab *s);

/* The entry in a slot that was given out. */
static inline void *
slab_at(const struct slab *s, uint32_t slot)
{
	return s->chunks[slot >> SLAB_SHIFT] + (slot & (SLAB_CHUNK - 1)) * s->size;
}

#endif
