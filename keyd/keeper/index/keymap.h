#ifndef KEYD_KEEPER_INDEX_KEYMAP_H
#define KEYD_KEEPER_INDEX_KEYMAP_H

#include <stddef.h>
#include <stdint.h>

#include "core/err.h"
#include "keyd/keeper/index/slab.h"

/* Which entry of a slab has a key of fixed length: linear hashing, which splits one
 * bucket at each addition, so that no addition takes longer than another. Entries carry
 * the chain's next slot. The hash is keyed (SipHash): keys come from outside. */
struct keymap {
	struct slab buckets; /* one slot number each, from slot 1 on */
	const struct slab *entries;
	size_t key_at, key_len; /* offset and length of an entry's key */
	size_t next_at;         /* offset of its uint32_t next */
	uint32_t count;
	uint32_t split; /* buckets beyond `level` */
	uint32_t level; /* a power of two */
	uint8_t secret[16];
};

/* The options are entries, key_at, key_len and next_at. KERR_NOMEM. */
enum kerr keymap_init(struct keymap *m, const struct keymap *options) MUST_CHECK;
void keymap_clear(struct keymap *m);
/* 0: none. */
uint32_t keymap_find(const struct keymap *m, const void *key);
/* Of an entry whose key is not there yet. Without memory buckets get longer: it cannot
 * fail. */
void keymap_add(struct keymap *m, uint32_t slot);
void keymap_remove(struct keymap *m, uint32_t slot);
size_t keymap_bytes(const struct keymap *m);

#endif
