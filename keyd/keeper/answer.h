#ifndef KEYD_KEEPER_ANSWER_H
#define KEYD_KEEPER_ANSWER_H

#include "keyd/keeper/keeper.h"

/* What the answering thread says: parts of one thread in several files. */

/* A question that is answered, or whose answer came back from a lane. */
struct question {
	struct peer *peer;
	uint32_t id;
	const struct gate_row *row;
	const struct record *asked; /* NULL: no payload */
	struct record *answer;      /* of row->answered; NULL: none */
	struct fault fault;
	bool later; /* a lane has it, and answers */
};

/* Puts the answer, or with another status than KERR_OK the fault, into the peer's next
 * frame. */
void answer_put(struct keeper *k, const struct question *q, enum kerr status);

/* answer_tokens.c: the network's questions. Each returns the status, the answer is filled
 * in k->round. */
enum kerr answer_introspect(
	struct keeper *k, const struct record *asked, struct record *answer);
enum kerr answer_token_info(
	struct keeper *k, const struct record *asked, struct record *answer);
/* Handed to the sign lane when it is allowed. */
enum kerr answer_token(struct keeper *k, struct question *q);
/* RFC 7009 is decided here; what is to be ended is handed to the write lane. */
enum kerr answer_revoke(struct keeper *k, struct question *q);

/* answer_service.c: status, clock, metrics, stop. */
enum kerr answer_service(struct keeper *k, struct peer *p, const struct gate_row *row,
	struct record *answer, struct fault *fault);
/* Who asks to stop must be looked up in the store: a reading thread's question then. */
bool answer_needs_person(
	const struct keeper *k, const struct peer *p, const struct gate_row *row);
/* What a person should know; for /readyz and status. */
void answer_status(struct keeper *k, struct peer *p, struct record *status);

/* answer_phase.c: what changes the phase, and what everybody is told of it. */
void answer_phase(struct keeper *k, enum phase_bit phase);
void answer_tell(struct keeper *k, struct peer *p); /* phase and keys to one peer */

#endif
