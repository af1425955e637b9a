#include "keyd/keeper/vault/slot.h"

#include <string.h>

/* Key file and systemd credential: 32 random bytes, used as they are. */

static enum kerr
derive(const struct secret *opener, const uint8_t *params, uint8_t ret[VAULT_KEY_LEN],
	struct fault *fault)
{
	(void)params;
	if (secret_len(opener) != VAULT_KEY_LEN)
		return fault_set(fault, KERR_INVALID, "secret",
			"a key file holds %d bytes and nothing else; this one has %zu",
			VAULT_KEY_LEN, secret_len(opener));
	memcpy(ret, secret_reveal(opener), VAULT_KEY_LEN);
	return KERR_OK;
}

const struct slot_kind slot_key = {.derive = derive};
