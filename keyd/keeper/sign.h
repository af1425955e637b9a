#ifndef KEYD_KEEPER_SIGN_H
#define KEYD_KEEPER_SIGN_H

#include "keyd/keeper/keeper.h"
#include "keyd/keeper/tokens/tokens.h"

/* The signing lane: claims that the answering thread made come in, tokens go out. */

/* What one job signs; texts lie in the job's arena. */
struct sign_work {
	struct token_claims claims;
	char jti[JTI_TEXT_LEN + 1];
};

/* The active key on its way from the write thread to the signing thread. */
struct signer_box;
struct signer_box *signer_box_new(void);    /* empty; NULL: no memory */
void signer_box_free(struct signer_box *b); /* with a key not taken; NULL is fine */
/* Takes the key over; the signing thread uses it from the next token on. */
void signer_box_put(struct signer_box *b, struct signing_key *take);

#endif
