#ifndef KEYD_KEEPER_AUDIT_SIGNER_H
#define KEYD_KEEPER_AUDIT_SIGNER_H

#include <stdbool.h>
#include <stdint.h>

#include "core/secret.h"
#include "core/trail/note.h"
#include "keyd/keeper/audit/tail.h"
#include "keyd/keeper/vault/vault.h"

/* Who signs the next head. Its key lies in the file `audit-signer` of the state
 * directory, sealed, in one of two slots of fixed size: a signer signs a head that names
 * its successor, the successor is written into the other slot together with that head,
 * then the former one is overwritten, and only then the head is published. A crash
 * between any two of these leaves a signer that goes on, and the head. Written in
 * place, so that it needs no room on a full disk. */

struct signer {
	struct secret *seed;
	uint8_t key[TRAIL_KEY_LEN]; /* public */
	struct secret *salt;        /* of the tail that begins with this signer */
	uint32_t tail_key;          /* number of the vault's key */
	uint64_t since;             /* that tail covers the records behind this one */
	uint64_t counter;           /* rises with each signer; its parity is the slot */
	char segment[TRAIL_SEGMENT_SIZE];
	size_t note_len; /* the head that its predecessor signed; 0: none */
	char note[NOTE_MAX];
};

void signer_clear(struct signer *s); /* fine on a zeroed struct */
/* A new one in memory. KERR_NOMEM: no free slot for secrets. */
enum kerr signer_new(struct signer *ret, struct vault *v, const char *segment,
	uint64_t since, uint64_t counter) MUST_CHECK;
/* Signs n, whose next and segment it takes from successor (or itself when NULL). */
enum kerr signer_sign(const struct signer *s, const struct signer *successor,
	struct note *n) MUST_CHECK;

/* Writes it into its slot, on disk when this returns. The other slot stays. KERR_IO. */
enum kerr signer_save(int state_fd, struct vault *v, const struct signer *s) MUST_CHECK;
/* Overwrites the slot that is not this one's. */
enum kerr signer_forget_other(int state_fd, const struct signer *s) MUST_CHECK;
/* What stands in a slot (0, 1). KERR_NOTFOUND: no file, or nothing there; KERR_DAMAGED.
 */
enum kerr signer_load(
	int state_fd, struct vault *v, unsigned slot, struct signer *ret) MUST_CHECK;

#endif
