#ifndef KEYD_KEEPER_ANSWER_H
#define KEYD_KEEPER_ANSWER_H

#include "keyd/keeper/keeper.h"

/* What the answering thread says: parts of one thread in several files. */

/* Puts the answer (record of row->answered, or NULL) or the fault into the peer's next
 * frame. */
void answer_put(struct keeper *k, struct peer *p, uint32_t id, const struct gate_row *row,
	enum kerr status, const struct record *answer, const struct fault *fault);

/* answer_tokens.c: the network's questions. Each returns the status; KERR_OK with
 * *ret_answer filled in k->round; the token question is handed to the sign lane and
 * answers by itself later (*ret_later). */
enum kerr answer_introspect(
	struct keeper *k, const struct record *asked, struct record *answer);
enum kerr answer_token_info(
	struct keeper *k, const struct record *asked, struct record *answer);
enum kerr answer_token(struct keeper *k, struct peer *p, uint32_t id,
	const struct gate_row *row, const struct record *asked, struct fault *fault,
	bool *ret_later);
/* RFC 7009 is decided here; what is to be ended is written by the write lane
 * (*ret_later). */
enum kerr answer_revoke(struct keeper *k, struct peer *p, uint32_t id,
	const struct gate_row *row, const struct record *asked, struct record *answer,
	struct fault *fault, bool *ret_later);

/* answer_service.c: status, clock, metrics, stop. */
enum kerr answer_service(struct keeper *k, struct peer *p, const struct gate_row *row,
	const struct record *asked, struct record *answer, struct fault *fault);
/* What a person should know; for /readyz and status. */
void answer_status(struct keeper *k, struct peer *p, struct record *status);

/* answer_phase.c: what changes the phase, and what everybody is told of it. */
void answer_phase(struct keeper *k, enum phase_bit phase);
void answer_tell(struct keeper *k, struct peer *p); /* phase and keys to one peer */

#endif
