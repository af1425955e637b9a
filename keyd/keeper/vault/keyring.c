#include "keyd/keeper/vault/vault.h"

#include <sodium.h>
#include <string.h>

#include "core/arena.h"
#include "keyd/keeper/vault/parts.h"
#include "keyd/keeper/vault/seal.h"

/* The numbered keys: which there are, which is active, their sealed form under a wrapping
 * key. Knows nothing of what they are used for but the purpose. */

#define KEYS_MAX 65536 /* a data epoch a week is 52 a year */

const char *const key_purposes[] = {[KEY_VERIFIER] = "verifier",
	[KEY_TOKEN_MAC] = "token-mac",
	[KEY_ROW_MAC] = "row-mac",
	[KEY_INDEX] = "index",
	[KEY_AUDIT] = "audit",
	[KEY_BACKUP] = "backup",
	[KEY_STATE] = "state",
	[KEY_DATA] = "data",
	NULL};
_Static_assert(sizeof(key_purposes) / sizeof(key_purposes[0]) == KEY__COUNT + 1,
	"a word for each");
const char *const key_states[] = {[KEY_ACTIVE] = "active",
	[KEY_DECRYPT_ONLY] = "decrypt-only",
	[KEY_DESTROYED] = "destroyed",
	NULL};
_Static_assert(sizeof(key_states) / sizeof(key_states[0]) == KEY_STATE__COUNT + 1,
	"a word for each");

/* The first place whose number is not below. */
static size_t
place_of(const struct vault *v, uint32_t number)
{
	size_t low = 0, high = v->count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (v->keys[mid].about.number < number)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static struct ring_key *
find_any(struct vault *v, uint32_t number)
{
	size_t at = place_of(v, number);

	if (at == v->count || v->keys[at].about.number != number)
		return NULL;
	return &v->keys[at];
}

struct ring_key *
ring_find(struct vault *v, uint32_t number)
{
	struct ring_key *k = find_any(v, number);

	return k != NULL && k->bytes != NULL ? k : NULL;
}

/* Under the lock. Were two called active, the younger one would be meant. */
static void
active_again(struct vault *v, enum key_purpose purpose)
{
	uint32_t number = 0;

	for (size_t i = 0; i < v->count; i++) {
		const struct vault_key *k = &v->keys[i].about;

		if (k->purpose == purpose && k->state == KEY_ACTIVE)
			number = k->number;
	}
	atomic_store(&v->active[purpose], number);
}

static bool
room_for_one(struct vault *v)
{
	size_t cap = v->cap > 0 ? v->cap * 2 : 16;
	struct ring_key *keys;

	if (v->count < v->cap)
		return true;
	keys = mem_grow(v->keys, v->cap, cap, sizeof(*keys));
	if (keys == NULL)
		return false;
	v->keys = keys;
	v->cap = cap;
	return true;
}

/* Takes bytes, also on failure; NULL for a destroyed key. Under the lock. */
static enum kerr
insert(struct vault *v, struct vault_key about, struct secret *bytes)
{
	struct ring_key k = {.about = about, .bytes = bytes};
	enum kerr err = KERR_OK;
	size_t at = place_of(v, about.number);

	if (at < v->count && v->keys[at].about.number == about.number)
		err = KERR_EXISTS;
	else if (v->count >= KEYS_MAX)
		err = KERR_TOO_MANY;
	else if (!room_for_one(v))
		err = KERR_NOMEM;
	if (err == KERR_OK && bytes != NULL && mac_purpose(about.purpose)) {
		k.states = mac_states_new(about.purpose, secret_open(bytes));
		secret_close(bytes);
		err = k.states != NULL ? KERR_OK : KERR_NOMEM;
	}
	if (err != KERR_OK) {
		secret_free(bytes);
		return err;
	}
	memmove(&v->keys[at + 1], &v->keys[at], (v->count - at) * sizeof(v->keys[0]));
	v->keys[at] = k;
	v->count++;
	active_again(v, about.purpose);
	return KERR_OK;
}

size_t
vault_key_count(const struct vault *v)
{
	return v->count;
}

struct vault_key
vault_key_at(const struct vault *v, size_t i)
{
	return v->keys[i].about;
}

static void
wrapping_key(struct vault *v, uint8_t ret[VAULT_KEY_LEN])
{
	struct person person = vault_person(PERSON_WRAP);

	crypto_generichash_blake2b_salt_personal(ret, VAULT_KEY_LEN,
		(const uint8_t *)v->deployment, VAULT_NAME_LEN, secret_open(v->root),
		VAULT_KEY_LEN, NULL, person.bytes);
	secret_close(v->root);
}

/* A key cannot be put in the place of one of another number or purpose. */
static struct seal_place
place_in_ring(const struct vault_key *about)
{
	return (struct seal_place){.table = "keyring",
		.column = "sealed",
		.purpose = key_purposes[about->purpose],
		.row = about->number};
}

enum kerr
vault_key_seal(struct vault *v, uint32_t number, struct buf *ret_sealed)
{
	uint8_t wrap[VAULT_KEY_LEN];
	struct ring_key *k;
	uint8_t *out;
	enum kerr err = KERR_NOTFOUND;

	if (!vault_is_open(v))
		return KERR_SEALED;
	out = buf_reserve(ret_sealed, VAULT_KEY_LEN + SEAL_OVERHEAD);
	if (out == NULL)
		return buf_error(ret_sealed);
	wrapping_key(v, wrap);
	pthread_rwlock_rdlock(&v->lock);
	k = ring_find(v, number);
	if (k != NULL) {
		struct seal_place place = place_in_ring(&k->about);
		struct seal_context c = {.format = SEAL_KEYRING,
			.deployment = v->deployment,
			.place = &place};

		err = seal_put(wrap, &c, secret_open(k->bytes), VAULT_KEY_LEN, out);
		secret_close(k->bytes);
	}
	pthread_rwlock_unlock(&v->lock);
	sodium_memzero(wrap, sizeof(wrap));
	if (err == KERR_OK)
		buf_added(ret_sealed, VAULT_KEY_LEN + SEAL_OVERHEAD);
	return err;
}

static enum kerr
unwrap(struct vault *v, const struct vault_key *about, const void *sealed, size_t len,
	struct secret **ret)
{
	struct seal_place place = place_in_ring(about);
	struct seal_context c = {
		.format = SEAL_KEYRING, .deployment = v->deployment, .place = &place};
	uint8_t wrap[VAULT_KEY_LEN], plain[VAULT_KEY_LEN];
	enum kerr err;

	if (len != VAULT_KEY_LEN + SEAL_OVERHEAD)
		return KERR_DAMAGED;
	wrapping_key(v, wrap);
	err = seal_get(wrap, &c, sealed, len, plain);
	if (err == KERR_DENIED)
		err = KERR_DAMAGED;
	if (err == KERR_OK) {
		*ret = secret_guarded_new(plain, sizeof(plain));
		err = *ret != NULL ? KERR_OK : KERR_NOMEM;
	}
	sodium_memzero(plain, sizeof(plain));
	sodium_memzero(wrap, sizeof(wrap));
	return err;
}

enum kerr
vault_key_load(struct vault *v, struct vault_key key, const void *sealed, size_t len)
{
	struct secret *bytes = NULL;
	enum kerr err = KERR_OK;

	if (!vault_is_open(v))
		return KERR_SEALED;
	if (key.number == 0 || (unsigned)key.purpose >= KEY__COUNT ||
		(unsigned)key.state >= KEY_STATE__COUNT)
		return KERR_INVALID;
	if (key.state != KEY_DESTROYED)
		err = unwrap(v, &key, sealed, len, &bytes);
	if (err != KERR_OK)
		return err;
	pthread_rwlock_wrlock(&v->lock);
	err = insert(v, key, bytes);
	pthread_rwlock_unlock(&v->lock);
	return err;
}

enum kerr
vault_key_renew(struct vault *v, enum key_purpose purpose, uint32_t *ret_number)
{
	struct vault_key about = {.purpose = purpose, .state = KEY_ACTIVE};
	struct ring_key *former;
	struct secret *bytes;
	enum kerr err;

	if (!vault_is_open(v))
		return KERR_SEALED;
	bytes = secret_guarded_random(VAULT_KEY_LEN);
	if (bytes == NULL)
		return KERR_NOMEM;
	pthread_rwlock_wrlock(&v->lock);
	about.number = v->count > 0 ? v->keys[v->count - 1].about.number + 1 : 1;
	err = insert(v, about, bytes);
	if (err == KERR_OK) {
		for (size_t i = 0; i < v->count; i++) {
			former = &v->keys[i];
			if (former->about.purpose == purpose &&
				former->about.state == KEY_ACTIVE &&
				former->about.number != about.number)
				former->about.state = KEY_DECRYPT_ONLY;
		}
		*ret_number = about.number;
	}
	pthread_rwlock_unlock(&v->lock);
	return err;
}

void
vault_key_destroy(struct vault *v, uint32_t number)
{
	struct ring_key *k;

	pthread_rwlock_wrlock(&v->lock);
	k = find_any(v, number);
	if (k != NULL) {
		secret_free(k->states);
		secret_free(k->bytes);
		k->states = NULL;
		k->bytes = NULL;
		k->about.state = KEY_DESTROYED;
		active_again(v, k->about.purpose);
	}
	pthread_rwlock_unlock(&v->lock);
}

uint32_t
vault_active(const struct vault *v, enum key_purpose purpose)
{
	return (unsigned)purpose < KEY__COUNT ? atomic_load(&v->active[purpose]) : 0;
}
