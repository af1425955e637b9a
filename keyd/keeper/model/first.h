#ifndef KEYD_KEEPER_MODEL_FIRST_H
#define KEYD_KEEPER_MODEL_FIRST_H

#include "keyd/keeper/model/op.h"

/* The rows that a deployment begins with: itself, one tenant, its first owner, the
 * shipped claimsets by name, the first signing key and a spare. Written by init in its
 * transaction, each with its audit record; op->who is the owner. */
struct first_rows {
	const char *deployment;
	const char *tenant;
	const char *owner; /* login name */
	int64_t owner_uid;
};
/* Within a transaction; op->fault says what failed. */
enum kerr first_write(struct op *op, const struct first_rows *first) MUST_CHECK;

#endif
