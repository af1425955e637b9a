#include "keyd/keeper/vault/seal.h"

#include <sodium.h>
#include <stdbool.h>
#include <string.h>

#include "core/secret.h"

/* Sealing and opening: the form of seal.h, and the two ways in which callers use it
 * (under a record key, directly under a keyring key). Which key that is, the keyring
 * knows. */

#define NONCE_LEN  crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG_LEN    crypto_aead_xchacha20poly1305_ietf_ABYTES
#define COMMIT_LEN 32
#define HEAD_LEN   8
#define AD_MAX     1024

_Static_assert(SEAL_OVERHEAD == HEAD_LEN + NONCE_LEN + COMMIT_LEN + TAG_LEN, "seal.h");
_Static_assert(crypto_aead_xchacha20poly1305_ietf_KEYBYTES == VAULT_KEY_LEN, "seal.h");

static void
put_text(struct buf *b, const char *text)
{
	size_t len = strlen(text);

	buf_put_u32(b, (uint32_t)len);
	buf_put(b, text, len);
}

static void
put_number(struct buf *b, int64_t v)
{
	buf_put_u32(b, 8);
	buf_put_u64(b, (uint64_t)v);
}

static bool
is_word(const char *text)
{
	return text != NULL && text[0] != '\0';
}

/* What is left out here could be swapped (design: format, suite, key number, deployment,
 * table, column, row, tenant, version, purpose, in this order). */
static enum kerr
associated(const struct seal_context *c, struct buf *ret)
{
	const struct seal_place *p = c->place;

	if (!is_word(p->table) || !is_word(p->column) || !is_word(p->purpose))
		return KERR_INVALID;
	buf_init(ret, AD_MAX);
	put_number(ret, (int64_t)c->format);
	put_number(ret, SEAL_SUITE);
	put_number(ret, (int64_t)c->key_number);
	put_text(ret, c->deployment);
	put_text(ret, p->table);
	put_text(ret, p->column);
	put_number(ret, p->row);
	put_number(ret, p->tenant);
	put_number(ret, p->version);
	put_text(ret, p->purpose);
	return buf_error(ret);
}

struct derived {
	uint8_t key[VAULT_KEY_LEN];
	uint8_t commitment[COMMIT_LEN];
};
_Static_assert(sizeof(struct derived) == 64, "one BLAKE2b-512");

static void
derive(const uint8_t key[VAULT_KEY_LEN], const uint8_t *nonce, const struct buf *ad,
	struct derived *ret)
{
	struct person person = vault_person(PERSON_SEAL);
	crypto_generichash_blake2b_state state;

	crypto_generichash_blake2b_init_salt_personal(
		&state, key, VAULT_KEY_LEN, sizeof(*ret), NULL, person.bytes);
	crypto_generichash_blake2b_update(&state, nonce, NONCE_LEN);
	crypto_generichash_blake2b_update(&state, ad->data, ad->len);
	crypto_generichash_blake2b_final(&state, (uint8_t *)ret, sizeof(*ret));
	sodium_memzero(&state, sizeof(state));
}

static void
put_head(uint8_t out[HEAD_LEN], const struct seal_context *c)
{
	out[0] = (uint8_t)c->format;
	out[1] = 0;
	out[2] = SEAL_SUITE;
	out[3] = 0;
	for (unsigned i = 0; i < 4; i++)
		out[4 + i] = (uint8_t)(c->key_number >> (8 * i));
}

enum kerr
seal_put(const uint8_t key[VAULT_KEY_LEN], const struct seal_context *c,
	const void *plain, size_t len, uint8_t *out)
{
	uint8_t *nonce = out + HEAD_LEN;
	struct derived d;
	struct buf ad = {0};
	enum kerr err;

	if (len > SEAL_MAX)
		return KERR_TOO_LARGE;
	err = associated(c, &ad);
	if (err == KERR_OK) {
		put_head(out, c);
		randombytes_buf(nonce, NONCE_LEN);
		derive(key, nonce, &ad, &d);
		memcpy(nonce + NONCE_LEN, d.commitment, COMMIT_LEN);
		crypto_aead_xchacha20poly1305_ietf_encrypt(nonce + NONCE_LEN + COMMIT_LEN,
			NULL, plain, len, ad.data, ad.len, NULL, nonce, d.key);
		sodium_memzero(&d, sizeof(d));
	}
	buf_clear(&ad);
	return err;
}

enum kerr
seal_peek(enum seal_format format, const void *sealed, size_t len, uint32_t *ret)
{
	struct cursor c;
	uint16_t has_format, suite;
	uint32_t number;

	cursor_init(&c, sealed, len);
	has_format = cursor_u16(&c);
	suite = cursor_u16(&c);
	number = cursor_u32(&c);
	if (len < SEAL_OVERHEAD || len - SEAL_OVERHEAD > SEAL_MAX || c.failed ||
		has_format != (uint16_t)format || suite != SEAL_SUITE)
		return KERR_DAMAGED;
	*ret = number;
	return KERR_OK;
}

enum kerr
seal_get(const uint8_t key[VAULT_KEY_LEN], const struct seal_context *c,
	const void *sealed, size_t len, uint8_t *ret_plain)
{
	const uint8_t *nonce = (const uint8_t *)sealed + HEAD_LEN;
	const uint8_t *commitment = nonce + NONCE_LEN;
	const uint8_t *body = commitment + COMMIT_LEN;
	struct derived d = {{0}, {0}};
	struct buf ad = {0};
	uint32_t number;
	enum kerr err;

	err = seal_peek(c->format, sealed, len, &number);
	if (err != KERR_OK || number != c->key_number)
		return KERR_DAMAGED;
	err = associated(c, &ad);
	if (err == KERR_OK) {
		derive(key, nonce, &ad, &d);
		if (sodium_memcmp(d.commitment, commitment, COMMIT_LEN) != 0)
			err = KERR_DENIED;
		else if (crypto_aead_xchacha20poly1305_ietf_decrypt(ret_plain, NULL, NULL,
				 body, len - SEAL_OVERHEAD + TAG_LEN, ad.data, ad.len,
				 nonce, d.key) != 0)
			err = KERR_DAMAGED;
	}
	sodium_memzero(&d, sizeof(d));
	buf_clear(&ad);
	return err;
}

/* For callers of the vault a wrong place and a damaged value are one thing. */
static enum kerr
damaged(enum kerr err)
{
	return err == KERR_DENIED ? KERR_DAMAGED : err;
}

/* The same with a keyring key: seals len bytes into out. */
static enum kerr
ring_seal(struct vault *v, const struct seal_context *c, const void *plain, size_t len,
	uint8_t *out)
{
	enum kerr err = KERR_NOTFOUND;
	struct ring_key *k;

	pthread_rwlock_rdlock(&v->lock);
	k = ring_find(v, c->key_number);
	if (k != NULL) {
		err = seal_put(secret_open(k->bytes), c, plain, len, out);
		secret_close(k->bytes);
	}
	pthread_rwlock_unlock(&v->lock);
	return err;
}

static enum kerr
ring_open(struct vault *v, const struct seal_context *c, const void *sealed, size_t len,
	uint8_t *ret_plain)
{
	/* A number that no key has is a damaged one, or its key is gone: never openable.
	 */
	enum kerr err = KERR_DAMAGED;
	struct ring_key *k;

	pthread_rwlock_rdlock(&v->lock);
	k = ring_find(v, c->key_number);
	if (k != NULL) {
		err = damaged(seal_get(secret_open(k->bytes), c, sealed, len, ret_plain));
		secret_close(k->bytes);
	}
	pthread_rwlock_unlock(&v->lock);
	return err;
}

enum kerr
vault_seal(struct vault *v, const struct seal_place *place, const void *plain, size_t len,
	struct buf *ret_sealed, struct buf *ret_wrapped)
{
	struct seal_context c = {.format = SEAL_VALUE,
		.key_number = vault_active(v, KEY_DATA),
		.deployment = v->deployment,
		.place = place};
	uint8_t record[VAULT_KEY_LEN];
	uint8_t *sealed, *wrapped;
	enum kerr err;

	if (!vault_is_open(v))
		return KERR_SEALED;
	if (len > SEAL_MAX)
		return KERR_TOO_LARGE;
	/* Both or neither. */
	sealed = buf_reserve(ret_sealed, len + SEAL_OVERHEAD);
	wrapped = buf_reserve(ret_wrapped, VAULT_KEY_LEN + SEAL_OVERHEAD);
	if (sealed == NULL)
		return buf_error(ret_sealed);
	if (wrapped == NULL)
		return buf_error(ret_wrapped);
	randombytes_buf(record, sizeof(record));
	err = seal_put(record, &c, plain, len, sealed);
	c.format = SEAL_RECORD_KEY;
	if (err == KERR_OK)
		err = ring_seal(v, &c, record, sizeof(record), wrapped);
	sodium_memzero(record, sizeof(record));
	if (err == KERR_OK) {
		buf_added(ret_sealed, len + SEAL_OVERHEAD);
		buf_added(ret_wrapped, VAULT_KEY_LEN + SEAL_OVERHEAD);
	}
	return err;
}

/* The plaintext of a value under a record key, sealed_len - SEAL_OVERHEAD bytes of it. */
static enum kerr
open_value(struct vault *v, struct seal_context *c, const struct vault_part *sealed,
	const struct vault_part *wrapped, uint8_t *ret_plain)
{
	uint8_t record[VAULT_KEY_LEN];
	enum kerr err;

	if (wrapped->len != VAULT_KEY_LEN + SEAL_OVERHEAD)
		return KERR_DAMAGED;
	err = seal_peek(SEAL_RECORD_KEY, wrapped->bytes, wrapped->len, &c->key_number);
	if (err != KERR_OK)
		return err;
	c->format = SEAL_RECORD_KEY;
	err = ring_open(v, c, wrapped->bytes, wrapped->len, record);
	c->format = SEAL_VALUE;
	if (err == KERR_OK)
		err = damaged(seal_get(record, c, sealed->bytes, sealed->len, ret_plain));
	sodium_memzero(record, sizeof(record));
	return err;
}

enum kerr
vault_open(struct vault *v, const struct seal_place *place, const void *sealed,
	size_t sealed_len, const void *wrapped, size_t wrapped_len, struct secret **ret)
{
	struct seal_context c = {.deployment = v->deployment, .place = place};
	struct vault_part value = {sealed, sealed_len}, key = {wrapped, wrapped_len};
	uint8_t plain[SECRET_POOL_MAX_LEN];
	enum kerr err;

	if (!vault_is_open(v))
		return KERR_SEALED;
	if (sealed_len < SEAL_OVERHEAD)
		return KERR_DAMAGED;
	if (sealed_len - SEAL_OVERHEAD > sizeof(plain))
		return KERR_TOO_LARGE;
	err = open_value(v, &c, &value, &key, plain);
	if (err == KERR_OK) {
		struct secret *s = secret_new(plain, sealed_len - SEAL_OVERHEAD);

		if (s != NULL)
			*ret = s;
		else
			err = KERR_NOMEM;
	}
	sodium_memzero(plain, sizeof(plain));
	return err;
}

enum kerr
vault_seal_direct(struct vault *v, enum key_purpose purpose,
	const struct seal_place *place, const void *plain, size_t len,
	struct buf *ret_sealed)
{
	struct seal_context c = {.format = SEAL_DIRECT,
		.key_number = vault_active(v, purpose),
		.deployment = v->deployment,
		.place = place};
	uint8_t *out;
	enum kerr err;

	if (!vault_is_open(v))
		return KERR_SEALED;
	if (len > SEAL_MAX)
		return KERR_TOO_LARGE;
	out = buf_reserve(ret_sealed, len + SEAL_OVERHEAD);
	if (out == NULL)
		return buf_error(ret_sealed);
	err = ring_seal(v, &c, plain, len, out);
	if (err == KERR_OK)
		buf_added(ret_sealed, len + SEAL_OVERHEAD);
	return err;
}

enum kerr
vault_open_direct(struct vault *v, const struct seal_place *place, const void *sealed,
	size_t len, struct buf *ret_plain)
{
	struct seal_context c = {
		.format = SEAL_DIRECT, .deployment = v->deployment, .place = place};
	uint8_t *out;
	enum kerr err;

	if (!vault_is_open(v))
		return KERR_SEALED;
	err = seal_peek(SEAL_DIRECT, sealed, len, &c.key_number);
	if (err != KERR_OK)
		return err;
	out = buf_reserve(ret_plain, len - SEAL_OVERHEAD);
	if (out == NULL)
		return buf_error(ret_plain);
	err = ring_open(v, &c, sealed, len, out);
	if (err == KERR_OK)
		buf_added(ret_plain, len - SEAL_OVERHEAD);
	return err;
}
