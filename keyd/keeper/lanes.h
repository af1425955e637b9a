#ifndef KEYD_KEEPER_LANES_H
#define KEYD_KEEPER_LANES_H

#include "keyd/keeper/keeper.h"

/* Between the answering thread and the lanes: what a lane did that changes more than one
 * answer. */

struct service_result {
	enum phase_bit phase; /* the phase from now on */
	struct index *index;  /* filled; NULL: the former one stays */
	bool damaged;         /* the store or the chain is: until the owner accepts */
	bool restricted;      /* the sink is ahead, or was not read */
	bool accepted;        /* the owner accepted */
	bool clock;           /* confirmed as right, once the record of it is on disk */
	bool again; /* a restore failed and wrote nothing: a fresh keeper begins anew */
	int slots;  /* how many can unseal; 0: as before */
	const char *automatic; /* what the automatic slot withstands; NULL: as before */
	int64_t tokens_since;
	struct record *keys; /* signing_key_list in keys_arena */
	struct arena *keys_arena;
	struct buf slot; /* seal add: the sealed slot, between hash lane and write lane */
	bool hashed;
};

/* On the answering thread. */
void lanes_arrived(struct keeper *k, struct job *j);
void lanes_second(struct keeper *k);
/* The last uses of secrets go to the write lane, before it is closed. */
void lanes_last(struct keeper *k);
/* One of the keeper's own jobs came back. */
void lanes_own_done(struct keeper *k, struct job *j);

/* open.c, on the write thread: from an opened vault to service: keyring, store, audit
 * chain, sink, signing keys, index. */
enum kerr open_up(
	struct keeper *k, struct service_result *ret, struct fault *fault) MUST_CHECK;
/* The automatic slot, when there is one and its key is at hand; KERR_NOTFOUND otherwise.
 */
enum kerr open_automatic(struct keeper *k, struct fault *fault) MUST_CHECK;
/* Opens the vault with what a person typed; slot 0: whichever it fits. */
enum kerr open_slot(struct keeper *k, int64_t slot, const struct secret *typed,
	struct fault *fault) MUST_CHECK;
/* The key of the automatic slot: the credential, else the key file; NULL when there is
 * none. *ret_kind is a slot_kind. */
struct secret *open_automatic_key(struct keeper *k, int *ret_kind);
/* The keys as the fronts need them, in an arena of their own. */
enum kerr open_keys(struct keeper *k, struct service_result *ret) MUST_CHECK;

/* How many slots there are, and what the automatic one withstands. */
enum kerr open_slots(struct keeper *k, struct service_result *ret) MUST_CHECK;

/* service.c, on the write thread: init, unseal, restore (no open group), and within a
 * group the rest. */
void service_alone(struct keeper *k, struct job *j);
bool service_is_alone(const struct job *j);
enum kerr service_in_group(struct keeper *k, struct job *j, struct op *op) MUST_CHECK;
/* service_init.c */
enum kerr service_init(struct keeper *k, struct job *j) MUST_CHECK;
enum kerr service_init_confirm(struct keeper *k, struct job *j) MUST_CHECK;
/* The automatic slot's key for a new or restored deployment: makes the key file's content
 * when it is empty. NULL without a fault: attended. Refuses a key beside the data unless
 * `beside`. */
enum kerr service_automatic(struct keeper *k, bool attended, bool beside,
	struct secret **ret_key, int *ret_kind, struct fault *fault) MUST_CHECK;
/* Writes the slots and the keyring of the vault into the open transaction. */
enum kerr service_keep_keyring(struct keeper *k, int64_t now) MUST_CHECK;
enum kerr service_keep_slot(struct keeper *k, int kind, const char *label,
	const struct secret *opener, int64_t now, struct fault *fault) MUST_CHECK;

/* restore.c */
enum kerr service_restore(struct keeper *k, struct job *j) MUST_CHECK;

/* Fills an op for a job; store may be NULL. */
void lanes_op(struct keeper *k, struct job *j, struct store *s, struct store_reader *r,
	struct person *who, struct op *ret);
/* What the op brought back into the job. */
void lanes_op_done(struct job *j, struct op *op, enum kerr err);

#endif
