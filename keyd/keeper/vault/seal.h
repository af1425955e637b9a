#ifndef KEYD_KEEPER_VAULT_SEAL_H
#define KEYD_KEEPER_VAULT_SEAL_H

#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/err.h"
#include "keyd/keeper/vault/parts.h"
#include "keyd/keeper/vault/vault.h"

/* The one form of everything that is sealed, for the files of this room alone.
 *
 *   u16 format      which of the forms below
 *   u16 suite       1: keyed BLAKE2b derivation and commitment, XChaCha20-Poly1305
 *   u32 key number  of the keyring; 0 for slots and keyring keys
 *   24 nonce  32 commitment  ciphertext  16 tag
 *
 * BLAKE2b-512 keyed with the key over nonce and associated data gives the cipher's key
 * (first half) and the commitment (second half): it commits to key, nonce and place,
 * which Poly1305 does not. */

enum seal_format {
	SEAL_VALUE = 1,
	SEAL_RECORD_KEY = 2,
	SEAL_DIRECT = 3,
	SEAL_SLOT = 4,
	SEAL_KEYRING = 5,
};

#define SEAL_SUITE    1
#define SEAL_OVERHEAD (2 + 2 + 4 + 24 + 32 + 16)
#define SEAL_MAX      ((size_t)1 << 30)

struct seal_context {
	enum seal_format format;
	uint32_t key_number;
	const char *deployment;
	const struct seal_place *place;
};

/* len + SEAL_OVERHEAD bytes into out. KERR_INVALID when the place lacks a word,
 * KERR_TOO_LARGE, KERR_NOMEM. */
enum kerr seal_put(const uint8_t key[VAULT_KEY_LEN], const struct seal_context *c,
	const void *plain, size_t len, uint8_t *out) MUST_CHECK;
/* The key number in the head. KERR_DAMAGED when it is no sealed value of that format. */
enum kerr seal_peek(enum seal_format format, const void *sealed, size_t len,
	uint32_t *ret) MUST_CHECK;
/* len - SEAL_OVERHEAD bytes into ret_plain. KERR_DENIED when the commitment is another's
 * (wrong key or place), KERR_DAMAGED when it is right and the rest is not, or the head is
 * not. On failure ret_plain is zeroed or untouched. */
enum kerr seal_get(const uint8_t key[VAULT_KEY_LEN], const struct seal_context *c,
	const void *sealed, size_t len, uint8_t *ret_plain) MUST_CHECK;

#endif
