#ifndef KEYD_KEEPER_MODEL_IDEMPOTENCY_H
#define KEYD_KEEPER_MODEL_IDEMPOTENCY_H

#include "keyd/keeper/model/op.h"

/* A lost reply: for ten minutes the same person, from the same uid, with the same
 * Idempotency-Key and the same request gets the same answer, recorded as shown again.
 * Only hashes of key and request are kept. */

/* Was this request answered before? KERR_NOTFOUND: no, or it carries no key. KERR_OK:
 * *ret_secret is the secret row it made. KERR_MISMATCH: another request came under the
 * same key. */
enum kerr idempotency_find(struct op *op, int64_t *ret_secret) MUST_CHECK;
/* Remembers it, in the transaction of the change. */
enum kerr idempotency_keep(struct op *op, int64_t client, int64_t secret) MUST_CHECK;
/* Forgets what is older than ten minutes. */
enum kerr idempotency_clean(struct op *op) MUST_CHECK;

#endif
