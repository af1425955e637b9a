#include "keyd/keeper/index/keymap.h"

#include <sodium.h>
#include <stdbool.h>
#include <string.h>

_Static_assert(crypto_shorthash_KEYBYTES == 16, "the hash's key fits");

static const uint8_t *
key_of(const struct keymap *m, uint32_t slot)
{
	return (const uint8_t *)slab_at(m->entries, slot) + m->key_at;
}

static uint32_t *
next_of(const struct keymap *m, uint32_t slot)
{
	return (uint32_t *)(void *)((uint8_t *)slab_at(m->entries, slot) + m->next_at);
}

static uint32_t
hash_of(const struct keymap *m, const void *key)
{
	uint8_t out[crypto_shorthash_BYTES];
	uint32_t hash;

	crypto_shorthash(out, key, m->key_len, m->secret);
	memcpy(&hash, out, sizeof(hash));
	return hash;
}

static uint32_t *
bucket_at(const struct keymap *m, uint32_t n)
{
	return slab_at(&m->buckets, n + 1);
}

static uint32_t *
bucket_of(const struct keymap *m, uint32_t hash)
{
	uint32_t n = hash & (2 * m->level - 1);

	if (n >= m->level + m->split)
		n &= m->level - 1;
	return bucket_at(m, n);
}

enum kerr
keymap_init(struct keymap *m, const struct keymap *options)
{
	*m = *options;
	slab_init(&m->buckets, sizeof(uint32_t));
	if (slab_add(&m->buckets) == 0)
		return KERR_NOMEM;
	m->level = 1;
	m->split = 0;
	m->count = 0;
	randombytes_buf(m->secret, sizeof(m->secret));
	return KERR_OK;
}

void
keymap_clear(struct keymap *m)
{
	slab_clear(&m->buckets);
}

uint32_t
keymap_find(const struct keymap *m, const void *key)
{
	uint32_t slot = *bucket_of(m, hash_of(m, key));

	/* Keys are names, not secrets: where two differ may be told by the time. */
	while (slot != 0 && memcmp(key_of(m, slot), key, m->key_len) != 0)
		slot = *next_of(m, slot);
	return slot;
}

/* One more bucket takes its part of the one that it was split from. */
static void
split(struct keymap *m)
{
	uint32_t mask = 2 * m->level - 1, n = m->level + m->split;
	uint32_t *from, *to, slot;

	if (m->level > UINT32_MAX / 4 || slab_add(&m->buckets) == 0)
		return;
	from = bucket_at(m, m->split);
	to = bucket_at(m, n);
	slot = *from;
	*from = 0;
	while (slot != 0) {
		uint32_t next = *next_of(m, slot);
		uint32_t *into = (hash_of(m, key_of(m, slot)) & mask) == n ? to : from;

		*next_of(m, slot) = *into;
		*into = slot;
		slot = next;
	}
	if (++m->split == m->level) {
		m->level *= 2;
		m->split = 0;
	}
}

void
keymap_add(struct keymap *m, uint32_t slot)
{
	uint32_t *bucket;

	if (++m->count > m->level + m->split)
		split(m);
	bucket = bucket_of(m, hash_of(m, key_of(m, slot)));
	*next_of(m, slot) = *bucket;
	*bucket = slot;
}

void
keymap_remove(struct keymap *m, uint32_t slot)
{
	uint32_t *at = bucket_of(m, hash_of(m, key_of(m, slot)));

	while (*at != 0 && *at != slot)
		at = next_of(m, *at);
	if (*at == 0)
		return;
	*at = *next_of(m, slot);
	*next_of(m, slot) = 0;
	m->count--;
}

size_t
keymap_bytes(const struct keymap *m)
{
	return slab_bytes(&m->buckets);
}
