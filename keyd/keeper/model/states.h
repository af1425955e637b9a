#ifndef KEYD_KEEPER_MODEL_STATES_H
#define KEYD_KEEPER_MODEL_STATES_H

#include "core/err.h"
#include "core/record.h"

/* The legal moves of clients and secrets, as tables; nothing else moves them. Words are
 * those of core/model. */

enum client_move {
	CLIENT_MOVE_ISSUE, /* a first secret */
	CLIENT_MOVE_ROTATE,
	CLIENT_MOVE_SUSPEND,
	CLIENT_MOVE_RESUME,
	CLIENT_MOVE_QUARANTINE,
	CLIENT_MOVE_RELEASE,
	CLIENT_MOVE_REVOKE,
	CLIENT_MOVE__COUNT
};
enum secret_move {
	SECRET_MOVE_DELIVER, /* a receipt came */
	SECRET_MOVE_USE,     /* the first token */
	SECRET_MOVE_RETIRE,  /* another one takes over */
	SECRET_MOVE_END,     /* its time is over */
	SECRET_MOVE_QUARANTINE,
	SECRET_MOVE_REVOKE,
	SECRET_MOVE__COUNT
};

/* The state that the move leads to; KERR_CONFLICT when it is not legal from there. */
enum kerr client_move(int64_t state, enum client_move move, int64_t *ret) MUST_CHECK;
enum kerr secret_move(int64_t state, enum secret_move move, int64_t *ret) MUST_CHECK;
/* The move as the command line has it ("quarantine"). */
const char *client_move_name(enum client_move move);
/* Adds the names of the moves that are legal from the state to a list field. */
enum kerr client_moves(int64_t state, struct record *r, unsigned field) MUST_CHECK;
/* Whether tokens can be fetched with a secret in that state, within its dates. */
bool secret_is_usable(int64_t state);

#endif
