#ifndef KEYD_KEEPER_MODEL_BACKUP_H
#define KEYD_KEEPER_MODEL_BACKUP_H

#include "core/buf.h"
#include "keyd/keeper/store/store.h"
#include "keyd/keeper/vault/vault.h"

/* The file of a backup: a head in clear (whose it is, from when, the slots that a person
 * opens, the sealed keyring), then the stream of rows in chunks under the keyring's
 * backup key, each bound to its place, then an end that holds the head's hash and the
 * number of chunks: a file that is cut, mixed or changed anywhere is refused whole.
 * Numbers are little endian. */

struct backup_facts {
	char deployment[VAULT_NAME_LEN + 1];
	int64_t time;
	uint64_t rows;
	uint64_t audit_seq;
	uint8_t audit_head[32];
};

/* One read transaction. state is what the store's sealed state says about it. */
enum kerr backup_write(struct store_reader *r, struct vault *v, int64_t now,
	const struct store_state *state, struct buf *out,
	struct backup_facts *ret) MUST_CHECK;

/* Opens a backup (the bytes of its file): the vault, which must be fresh, takes the
 * deployment's name, root key (by the slot that the code opens) and keyring; the rows'
 * stream goes to ret_rows. KERR_INVALID: no backup; KERR_DENIED: the code opens no slot;
 * KERR_DAMAGED: changed or cut. */
enum kerr backup_open(struct vault *fresh, const struct secret *code,
	const struct vault_part *file, struct buf *ret_rows, struct backup_facts *ret,
	struct fault *fault) MUST_CHECK;

/* A slot as a backup holds it, sealed: to be written again by restore. */
typedef enum kerr (*backup_slot)(
	void *with, int kind, const char *label, const void *sealed, size_t len);
/* Calls each with the slots of a backup that backup_open has found whole; what it returns
 * ends it. KERR_INVALID: no backup; KERR_DAMAGED. */
enum kerr backup_slots(
	const void *bytes, size_t len, backup_slot each, void *with) MUST_CHECK;

#endif
