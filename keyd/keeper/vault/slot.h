#ifndef KEYD_KEEPER_VAULT_SLOT_H
#define KEYD_KEEPER_VAULT_SLOT_H

#include <stddef.h>
#include <stdint.h>

#include "core/err.h"
#include "core/secret.h"
#include "keyd/keeper/vault/parts.h"

/* A kind of seal slot, for the files of this room alone: how an opener becomes 32 bytes.
 * A new kind is a file slot_<kind>.c and a line in slot.c's table. */

#define SLOT_PARAMS_MAX 32

struct slot_kind {
	size_t params_len; /* public bytes that stand in the slot before what is sealed */
	/* Fresh parameters; NULL when there are none. */
	void (*make)(uint8_t *params);
	/* Is it good enough for a new slot? KERR_INVALID with what it should be. */
	enum kerr (*accept)(const struct secret *opener, struct fault *fault);
	/* KERR_INVALID when it has not the form of its kind, KERR_DAMAGED for parameters
	 * that nobody made. */
	enum kerr (*derive)(const struct secret *opener, const uint8_t *params,
		uint8_t ret[VAULT_KEY_LEN], struct fault *fault);
};

extern const struct slot_kind slot_key;
extern const struct slot_kind slot_code;
extern const struct slot_kind slot_passphrase;

#endif
