#include "keyd/keeper/audit/tail.h"

#include <sodium.h>
#include <string.h>

#define KEY_LEN 32

struct secret *
tail_start(struct vault *v, uint32_t key_number, const struct secret *salt,
	const char *segment, uint64_t since)
{
	const struct vault_part parts[] = {{secret_reveal(salt), secret_len(salt)},
		{segment, strlen(segment)}, {&since, sizeof(since)}};
	uint8_t key[KEY_LEN];
	struct secret *first = NULL;

	if (vault_mac(v, key_number, "audit-tail", parts, 3, key, sizeof(key)) == KERR_OK)
		first = secret_new(key, sizeof(key));
	sodium_memzero(key, sizeof(key));
	return first;
}

/* One keyed hash makes the MAC, another one the next key. */
static void
step(const uint8_t key[KEY_LEN], const uint8_t *hash, uint8_t *ret)
{
	static const uint8_t next = 0;
	crypto_generichash_state state;

	crypto_generichash_init(&state, key, KEY_LEN, KEY_LEN);
	if (hash != NULL)
		crypto_generichash_update(&state, hash, TRAIL_HASH_LEN);
	else
		crypto_generichash_update(&state, &next, sizeof(next));
	crypto_generichash_final(&state, ret, KEY_LEN);
	sodium_memzero(&state, sizeof(state));
}

void
tail_mac(const struct secret *key, const uint8_t hash[TRAIL_HASH_LEN],
	uint8_t ret[TAIL_MAC_LEN])
{
	step(secret_reveal(key), hash, ret);
}

struct secret *
tail_after(const struct secret *key, uint64_t steps)
{
	uint8_t bytes[KEY_LEN];
	struct secret *later;

	memcpy(bytes, secret_reveal(key), sizeof(bytes));
	for (; steps > 0; steps--) {
		uint8_t next[KEY_LEN];

		step(bytes, NULL, next);
		memcpy(bytes, next, sizeof(bytes));
		sodium_memzero(next, sizeof(next));
	}
	later = secret_new(bytes, sizeof(bytes));
	sodium_memzero(bytes, sizeof(bytes));
	return later;
}
