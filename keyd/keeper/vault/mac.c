#include "keyd/keeper/vault/vault.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "core/arena.h"
#include "keyd/keeper/vault/parts.h"

/* Keyed hashes. A key is put into BLAKE2b's state once and the state copied for each MAC:
 * opening guarded pages 100,000 times a second would cost more than the hashes. The
 * states lie on locked pages that stay readable, so whoever reads this process's memory
 * reads them: that is the price. */

#define HASH_LEN 64

typedef crypto_generichash_blake2b_state blake_state;

enum mac_state { MAC_PLAIN, MAC_VERIFIER, MAC_TAG, MAC_STATE__COUNT };
static const char *const words[MAC_STATE__COUNT] = {
	[MAC_PLAIN] = NULL, /* vault_mac() feeds the caller's */
	[MAC_VERIFIER] = "verifier",
	[MAC_TAG] = "secret-tag",
};

/* The states' size is a multiple of their alignment, and guarded memory ends where a page
 * does. */
_Static_assert(sizeof(blake_state) % 64 == 0, "states lie in a row");

struct vault_macer {
	struct secret *state;
};

bool
mac_purpose(enum key_purpose purpose)
{
	switch (purpose) {
	case KEY_VERIFIER:
	case KEY_TOKEN_MAC:
	case KEY_ROW_MAC:
	case KEY_INDEX:
	case KEY_AUDIT:
		return true;
	case KEY_BACKUP:
	case KEY_STATE:
	case KEY_DATA:
	case KEY__COUNT:
		break;
	}
	return false;
}

static void
feed(blake_state *state, const void *bytes, size_t len)
{
	uint8_t head[4] = {(uint8_t)len, (uint8_t)(len >> 8), (uint8_t)(len >> 16),
		(uint8_t)(len >> 24)};

	crypto_generichash_blake2b_update(state, head, sizeof(head));
	crypto_generichash_blake2b_update(state, bytes, len);
}

/* The first ret_len bytes of the hash; ends the state. */
static void
finish(blake_state *state, uint8_t *ret, size_t ret_len)
{
	uint8_t hash[HASH_LEN];

	crypto_generichash_blake2b_final(state, hash, sizeof(hash));
	memcpy(ret, hash, ret_len);
	sodium_memzero(hash, sizeof(hash));
	sodium_memzero(state, sizeof(*state));
}

static struct secret *
keep(const void *states, size_t len)
{
	struct secret *s = secret_guarded_new(states, len);

	if (s != NULL)
		secret_open(s); /* for life */
	return s;
}

static const blake_state *
state_of(const struct secret *kept, enum mac_state which)
{
	const uint8_t *at = secret_reveal(kept) + (size_t)which * sizeof(blake_state);

	return (const blake_state *)(const void *)at;
}

struct secret *
mac_states_new(enum key_purpose purpose, const uint8_t key[VAULT_KEY_LEN])
{
	struct person person = vault_person(PERSON_MAC);
	size_t count = purpose == KEY_VERIFIER ? MAC_STATE__COUNT : 1;
	blake_state states[MAC_STATE__COUNT];
	struct secret *kept;

	for (size_t i = 0; i < count; i++) {
		crypto_generichash_blake2b_init_salt_personal(
			&states[i], key, VAULT_KEY_LEN, HASH_LEN, NULL, person.bytes);
		if (words[i] != NULL)
			feed(&states[i], words[i], strlen(words[i]));
	}
	kept = keep(states, count * sizeof(states[0]));
	sodium_memzero(states, sizeof(states));
	return kept;
}

/* A copy of one of a key's states. */
static enum kerr
state_get(struct vault *v, uint32_t key, enum mac_state which, blake_state *ret)
{
	struct ring_key *k;
	enum kerr err = KERR_NOTFOUND;

	pthread_rwlock_rdlock(&v->lock);
	k = ring_find(v, key);
	if (k != NULL && k->states != NULL &&
		(which == MAC_PLAIN || k->about.purpose == KEY_VERIFIER)) {
		memcpy(ret, state_of(k->states, which), sizeof(*ret));
		err = KERR_OK;
	}
	pthread_rwlock_unlock(&v->lock);
	return err;
}

static bool
good_len(size_t len)
{
	return len >= 16 && len <= HASH_LEN;
}

enum kerr
vault_mac(struct vault *v, uint32_t key, const char *use, const struct vault_part *parts,
	size_t count, uint8_t *ret, size_t ret_len)
{
	blake_state state;
	enum kerr err;

	if (!good_len(ret_len))
		return KERR_INVALID;
	err = state_get(v, key, MAC_PLAIN, &state);
	if (err != KERR_OK)
		return err;
	feed(&state, use, strlen(use));
	for (size_t i = 0; i < count; i++)
		feed(&state, parts[i].bytes, parts[i].len);
	finish(&state, ret, ret_len);
	return KERR_OK;
}

struct vault_macer *
vault_macer_new(struct vault *v, uint32_t key, const char *use)
{
	struct vault_macer *m = NULL;
	blake_state state;

	if (state_get(v, key, MAC_PLAIN, &state) != KERR_OK)
		return NULL;
	feed(&state, use, strlen(use));
	m = mem_new(1, sizeof(*m));
	if (m != NULL)
		m->state = keep(&state, sizeof(state));
	sodium_memzero(&state, sizeof(state));
	if (m != NULL && m->state == NULL) {
		mem_free(m);
		m = NULL;
	}
	return m;
}

void
vault_macer_run(const struct vault_macer *m, const struct vault_part *parts, size_t count,
	uint8_t *ret, size_t ret_len)
{
	blake_state state;

	if (!good_len(ret_len))
		abort(); /* a fault of the program; there is no MAC to go on with */
	memcpy(&state, state_of(m->state, MAC_PLAIN), sizeof(state));
	for (size_t i = 0; i < count; i++)
		feed(&state, parts[i].bytes, parts[i].len);
	finish(&state, ret, ret_len);
}

void
vault_macer_free(struct vault_macer *m)
{
	if (m == NULL)
		return;
	secret_free(m->state);
	mem_free(m);
}

enum kerr
vault_verifier(struct vault *v, uint32_t key_number, const char *key,
	const struct secret *canonical, uint8_t ret[VAULT_VERIFIER_LEN])
{
	blake_state state;
	enum kerr err = state_get(v, key_number, MAC_VERIFIER, &state);

	if (err != KERR_OK)
		return err;
	feed(&state, key, strlen(key));
	feed(&state, secret_reveal(canonical), secret_len(canonical));
	finish(&state, ret, VAULT_VERIFIER_LEN);
	return KERR_OK;
}

enum kerr
vault_secret_tag(struct vault *v, uint32_t key_number, const struct secret *canonical,
	uint8_t ret[VAULT_TAG_LEN])
{
	blake_state state;
	enum kerr err = state_get(v, key_number, MAC_TAG, &state);

	if (err != KERR_OK)
		return err;
	feed(&state, secret_reveal(canonical), secret_len(canonical));
	finish(&state, ret, VAULT_TAG_LEN);
	return KERR_OK;
}
