#ifndef KEYD_KEEPER_MODEL_SECRETS_H
#define KEYD_KEEPER_MODEL_SECRETS_H

#include "keyd/keeper/model/op.h"
#include "keyd/keeper/model/states.h"

/* A client's secrets: made, shown, delivered, ended. The clear text lives in the answer
 * alone; what stays is what verifies it and, until delivery, a copy under a record key of
 * its own. */

/* Calls each with every secret of the client, newest first; KERR_CLOSED from it stops
 * without failing. */
enum kerr secrets_each(
	struct op *op, int64_t client, store_each each, void *with) MUST_CHECK;
/* The secret with that number of the client. */
enum kerr secrets_number(
	struct op *op, int64_t client, int64_t number, struct record **ret) MUST_CHECK;

/* Makes the next secret of a client: sealed, valid from now until the earliest of the
 * wish, the year's end and the agreement's. ret_envelope is filled but for what the
 * caller knows better (former_ends); op->releases_secret is set. */
enum kerr secrets_make(struct op *op, const struct record *client,
	const struct record *act, struct record *ret_envelope) MUST_CHECK;
/* Shows a secret that was not delivered yet once more. KERR_CONFLICT when it was
 * delivered: make a new one. */
enum kerr secrets_show(struct op *op, const struct record *client,
	const struct record *secret, bool again, struct record *ret_envelope) MUST_CHECK;
/* A receipt, or the first use: the copy is destroyed, the delivery closed. Fine when
 * there is none. */
enum kerr secrets_delivered(
	struct op *op, const struct record *secret, const char *by) MUST_CHECK;
/* Moves one secret; whichever move it is, it is not to be delivered any more: its copy is
 * destroyed. */
enum kerr secrets_move(struct op *op, const struct record *secret, enum secret_move move,
	const char *action) MUST_CHECK;
/* Retires every other usable secret of the client: hard end at the latest, earlier when
 * unused for quiet days. *ret_latest is the latest end of those, 0 when there were none.
 */
enum kerr secrets_retire_others(struct op *op, int64_t client, int64_t number,
	int64_t hard_end, int64_t quiet_days, int64_t *ret_latest) MUST_CHECK;
/* Destroys the copies that wait to be delivered: of a client that takes none any more. */
enum kerr secrets_forget_copies(struct op *op, int64_t client) MUST_CHECK;
/* Revokes every secret of the client but one that is not over. */
enum kerr secrets_revoke_others(struct op *op, int64_t client, int64_t number) MUST_CHECK;

#endif
