#include "keyd/keeper/vault/slot.h"

#include <sodium.h>

#include "core/buf.h"

/* A person's passphrase through Argon2id (RFC 9106). Parameters in the slot: u32 passes,
 * u32 KiB, salt; so that they can grow without making old slots unreadable. */

#define PASSES     3
#define KIB        (64U << 10)
#define PASSES_MAX 16
#define KIB_MIN    (8U << 10)
#define KIB_MAX    (256U << 10) /* a damaged slot must not take the machine's memory */
#define PARAMS_LEN (4 + 4 + crypto_pwhash_argon2id_SALTBYTES)
#define SHORTEST   12

_Static_assert(PARAMS_LEN <= SLOT_PARAMS_MAX, "slot.h");

static void
put_u32(uint8_t *out, uint32_t v)
{
	for (unsigned i = 0; i < 4; i++)
		out[i] = (uint8_t)(v >> (8 * i));
}

static void
make(uint8_t *params)
{
	put_u32(params, PASSES);
	put_u32(params + 4, KIB);
	randombytes_buf(params + 8, crypto_pwhash_argon2id_SALTBYTES);
}

/* Backups carry this slot, so whoever finds one may guess for years. */
static enum kerr
accept(const struct secret *opener, struct fault *fault)
{
	if (secret_len(opener) < SHORTEST)
		return fault_set(fault, KERR_INVALID, "secret",
			"a passphrase has at least %d characters; take several words",
			SHORTEST);
	return KERR_OK;
}

static enum kerr
derive(const struct secret *opener, const uint8_t *params, uint8_t ret[VAULT_KEY_LEN],
	struct fault *fault)
{
	struct cursor c;
	uint32_t passes, kib;

	cursor_init(&c, params, PARAMS_LEN);
	passes = cursor_u32(&c);
	kib = cursor_u32(&c);
	if (passes < 1 || passes > PASSES_MAX || kib < KIB_MIN || kib > KIB_MAX)
		return fault_set(fault, KERR_DAMAGED, "",
			"the passphrase slot is damaged; open another one");
	if (crypto_pwhash_argon2id(ret, VAULT_KEY_LEN,
		    (const char *)secret_reveal(opener), secret_len(opener), params + 8,
		    passes, (size_t)kib << 10,
		    crypto_pwhash_argon2id_ALG_ARGON2ID13) != 0)
		return fault_set(fault, KERR_NOMEM, "",
			"a passphrase needs %u MiB of memory for a moment", kib >> 10);
	return KERR_OK;
}

const struct slot_kind slot_passphrase = {
	.params_len = PARAMS_LEN, .make = make, .accept = accept, .derive = derive};
