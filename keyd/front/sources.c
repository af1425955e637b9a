#include "keyd/front/sources.h"

#include <string.h>

#include <sodium.h>

#include "core/arena.h"

struct source {
	uint8_t network[16];
	uint32_t count; /* 0: free */
};

/* Open addressing with linear probing, at most half full. */
struct sources {
	uint8_t seed[crypto_shorthash_KEYBYTES];
	uint32_t mask;
	struct source *table;
};

struct sources *
sources_new(uint32_t max)
{
	struct sources *s = mem_new(1, sizeof(*s));
	uint32_t size = 16;

	if (!s || max > UINT32_MAX / 4) {
		mem_free(s);
		return NULL;
	}
	while (size < 2 * max)
		size *= 2;
	s->mask = size - 1;
	s->table = mem_new(size, sizeof(*s->table));
	if (!s->table) {
		mem_free(s);
		return NULL;
	}
	randombytes_buf(s->seed, sizeof(s->seed));
	return s;
}

void
sources_free(struct sources *s)
{
	if (!s)
		return;
	mem_free(s->table);
	mem_free(s);
}

static void
network_of(const uint8_t address[16], uint8_t ret[16])
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	memcpy(ret, address, 16);
	if (memcmp(address, mapped, sizeof(mapped)) != 0)
		memset(ret + 8, 0, 8);
}

static uint32_t
home_of(const struct sources *s, const uint8_t network[16])
{
	uint8_t hash[crypto_shorthash_BYTES];
	uint32_t v;

	crypto_shorthash(hash, network, 16, s->seed);
	memcpy(&v, hash, sizeof(v));
	return v & s->mask;
}

/* The place of that network, or the free one where it would go. */
static uint32_t
place_of(const struct sources *s, const uint8_t network[16])
{
	uint32_t at = home_of(s, network);

	while (s->table[at].count && memcmp(s->table[at].network, network, 16) != 0)
		at = (at + 1) & s->mask;
	return at;
}

bool
sources_add(struct sources *s, const uint8_t address[16], uint32_t limit)
{
	uint8_t network[16];
	struct source *place;

	network_of(address, network);
	place = &s->table[place_of(s, network)];
	if (place->count >= limit)
		return false;
	memcpy(place->network, network, 16);
	place->count++;
	return true;
}

/* Closes the gap at that place, so that probing needs no marks of what was removed. */
static void
close_gap(struct sources *s, uint32_t gap)
{
	uint32_t at = gap;

	for (;;) {
		uint32_t home;

		at = (at + 1) & s->mask;
		if (!s->table[at].count)
			break;
		home = home_of(s, s->table[at].network);
		if (((at - home) & s->mask) < ((at - gap) & s->mask))
			continue;
		s->table[gap] = s->table[at];
		gap = at;
	}
	s->table[gap].count = 0;
}

void
sources_remove(struct sources *s, const uint8_t address[16])
{
	uint8_t network[16];
	uint32_t at;

	network_of(address, network);
	at = place_of(s, network);
	if (s->table[at].count > 1)
		s->table[at].count--;
	else if (s->table[at].count)
		close_gap(s, at);
}
