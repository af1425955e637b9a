#ifndef KEYD_FRONT_JWS_KEY_H
#define KEYD_FRONT_JWS_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/err.h"

/* One public key and what is checked with it, by OpenSSL's EVP: for jws.c alone. */

#define JWS_KID_MAX    64
#define JWS_ES256_SIZE 64 /* bytes of x and y, of r and s: RFC 7518 section 3.4 */
#define JWS_RSA_MIN    256
#define JWS_RSA_MAX    512

struct jws_key {
	char kid[JWS_KID_MAX + 1];
	unsigned alg; /* enum signing_alg_word */
	void *pkey;   /* EVP_PKEY */
	size_t public_len;
	uint8_t public_bytes[JWS_RSA_MAX];
};

struct jws_tools; /* what OpenSSL looks up once */
/* NULL: no memory, or OpenSSL lacks what is needed. */
struct jws_tools *jws_tools_new(void);
/* NULL is fine. */
void jws_tools_free(struct jws_tools *t);

/* public: x and y of a P-256 point, or the modulus of an RSA key with exponent 65537.
 * KERR_CRYPTO when it is no such key. */
enum kerr jws_key_init(struct jws_key *k, const char *kid, unsigned alg,
	const uint8_t *bytes, size_t len) MUST_CHECK;
void jws_key_clear(struct jws_key *k); /* fine on a zeroed struct */

/* KERR_DENIED when it is not that key's signature of the bytes; KERR_CRYPTO when
 * OpenSSL cannot tell. */
enum kerr jws_key_verify(struct jws_tools *t, const struct jws_key *k, const void *bytes,
	size_t len, const uint8_t *signature, size_t signature_len) MUST_CHECK;

/* RFC 7517 section 4, RFC 7518 section 6. */
void jws_key_write(const struct jws_key *k, struct buf *out);

#endif
