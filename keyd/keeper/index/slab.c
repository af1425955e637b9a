#include "keyd/keeper/index/slab.h"

#include <stdbool.h>
#include <string.h>

#include "core/arena.h"

void
slab_init(struct slab *s, size_t size)
{
	*s = (struct slab){.size = size, .next = 1};
}

void
slab_clear(struct slab *s)
{
	for (uint32_t i = 0; i < s->count; i++)
		mem_free(s->chunks[i]);
	mem_free(s->chunks);
	slab_init(s, s->size);
}

static bool
grow(struct slab *s)
{
	uint8_t *chunk;

	if (s->count == UINT32_MAX >> SLAB_SHIFT)
		return false;
	if (s->count == s->room) {
		uint32_t room = s->room == 0 ? 8 : s->room * 2;
		uint8_t **chunks =
			mem_grow(s->chunks, s->room, room, sizeof(s->chunks[0]));

		if (chunks == NULL)
			return false;
		s->chunks = chunks;
		s->room = room;
	}
	chunk = mem_new(SLAB_CHUNK, s->size);
	if (chunk == NULL)
		return false;
	s->chunks[s->count++] = chunk;
	return true;
}

uint32_t
slab_add(struct slab *s)
{
	uint32_t slot = s->free;

	if (slot != 0) {
		void *entry = slab_at(s, slot);

		memcpy(&s->free, entry, sizeof(s->free));
		memset(entry, 0, sizeof(s->free));
		return slot;
	}
	if (s->next >> SLAB_SHIFT == s->count && !grow(s))
		return 0;
	return s->next++;
}

void
slab_remove(struct slab *s, uint32_t slot)
{
	void *entry = slab_at(s, slot);

	memset(entry, 0, s->size);
	memcpy(entry, &s->free, sizeof(s->free));
	s->free = slot;
}

size_t
slab_bytes(const struct slab *s)
{
	return (size_t)s->count * SLAB_CHUNK * s->size + s->room * sizeof(s->chunks[0]);
}
