#ifndef KEYD_FRONT_JWS_H
#define KEYD_FRONT_JWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/record.h"

/* Does a token carry the signature of one of keyd's own keys? RFC 7515 compact form,
 * RFC 9068 profile, RFC 8725's advice: only what keyd itself writes is taken. The front
 * says that a signature is good, never that a token is: that is the keeper's, from the
 * jti's own MAC and the index. */

#define JWS_TOKEN_MAX 4096
#define JWS_JTI_MIN   64 /* bytes of the record in the jti claim */
#define JWS_JTI_MAX   128
#define JWS_KEYS_MAX  16

struct jws;

/* issuer must be the iss of every token; copied. NULL: no memory, or an algorithm that
 * this OpenSSL lacks. Once before the jail, since OpenSSL reads its configuration then.
 */
struct jws *jws_new(const char *issuer);
void jws_free(struct jws *j); /* NULL is fine */

/* Takes the keeper's key set (signing_key_list) over. A key keeps its number as long as
 * it is there. *ret_gone has a bit for every number that no longer verifies, whatever
 * it was used for. KERR_CRYPTO: a key is none; the others count. KERR_TOO_LARGE: more
 * than JWS_KEYS_MAX. */
enum kerr jws_set_keys(
	struct jws *j, const struct record *list, uint32_t *ret_gone) MUST_CHECK;

struct jws_token {
	uint8_t jti[JWS_JTI_MAX];
	size_t jti_len;
	unsigned key; /* number of the key, below JWS_KEYS_MAX */
};
/* KERR_INVALID: not a token that keyd could have written: form, header (alg, typ and
 * kid and nothing else), issuer, jti. KERR_NOTFOUND: the kid is not known or withdrawn.
 * KERR_DENIED: the signature is wrong. KERR_NOMEM, KERR_CRYPTO. */
enum kerr jws_verify(
	struct jws *j, const char *token, size_t len, struct jws_token *ret) MUST_CHECK;

/* The key set as RFC 7517 has it, with every published key. */
void jws_write_set(const struct jws *j, struct buf *out);
/* Has any key the algorithm ("ES256", "RS256")? */
bool jws_has_alg(const struct jws *j, unsigned alg);

#endif
