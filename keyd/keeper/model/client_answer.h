#ifndef KEYD_KEEPER_MODEL_CLIENT_ANSWER_H
#define KEYD_KEEPER_MODEL_CLIENT_ANSWER_H

#include "keyd/keeper/model/op.h"

/* A client as people see it: its row, its application's names, its secrets with their
 * last use, its next moves. with_secrets: all of it (show); else what a list shows. */
enum kerr client_answer(struct op *op, const struct record *client_row, bool with_secrets,
	struct record *ret) MUST_CHECK;

#endif
