#ifndef KEYD_KEEPER_AUDIT_TAIL_H
#define KEYD_KEEPER_AUDIT_TAIL_H

#include <stdint.h>

#include "core/secret.h"
#include "core/trail/line.h"
#include "keyd/keeper/vault/vault.h"

/* The forward-secure MAC of the records that no signed head covers yet. Each record has a
 * key of its own, which is made from the one before it, and that one is forgotten. The
 * first comes from the vault's audit key and a salt that lies in the signer's file and
 * is overwritten with the signer, so that no MAC of an earlier tail can be made again. */

#define TAIL_MAC_LEN  32
#define TAIL_SALT_LEN 32

/* The key of the first record behind number `since`. NULL: no such key, no free slot. */
struct secret *tail_start(struct vault *v, uint32_t key_number, const struct secret *salt,
	const char *segment, uint64_t since);
/* The MAC of a record under its key. */
void tail_mac(const struct secret *key, const uint8_t hash[TRAIL_HASH_LEN],
	uint8_t ret[TAIL_MAC_LEN]);
/* The key of the record `steps` later; the given one stays. NULL: no free slot. */
struct secret *tail_after(const struct secret *key, uint64_t steps);

#endif
