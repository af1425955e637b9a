#ifndef KEYD_KEEPER_STORE_MAC_H
#define KEYD_KEEPER_STORE_MAC_H

#include "keyd/keeper/vault/vault.h"

/* The keyed states of the row-MAC keys, by key number, made when they are first needed.
 * (any thread) */
struct macs;

struct macs *macs_new(struct vault *v); /* NULL: no memory */
void macs_free(struct macs *m);         /* NULL is fine */
/* Of that key, borrowed until macs_free; NULL when the vault does not have it, or it is
 * none of this purpose. */
const struct vault_macer *macs_of(struct macs *m, uint32_t key);
/* Of the active key. */
const struct vault_macer *macs_active(struct macs *m, uint32_t *ret_key);
/* Another use of the active key: a hash of which rows are set aside. */
enum kerr macs_hash(struct macs *m, const char *use, const void *bytes, size_t len,
	uint8_t ret[VAULT_MAC_LEN]) MUST_CHECK;

#endif
