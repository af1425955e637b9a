#ifndef KEYD_KEEPER_TOKENS_PARTS_H
#define KEYD_KEEPER_TOKENS_PARTS_H

#include <openssl/evp.h>
#include <stddef.h>
#include <stdint.h>

#include "keyd/keeper/tokens/tokens.h"

/* What a signing key is made of: for the files of this room alone. */

#define P256_SCALAR_LEN 32
#define P256_POINT_LEN  64 /* x and y, r and s: RFC 7518 sections 6.2.1 and 3.4 */
#define RSA_BITS        2048
#define RSA_EXPONENT    65537
#define RSA_PRIME_LEN   (RSA_BITS / 16)
#define RSA_MODULUS_LEN (RSA_BITS / 8)

struct signing_key {
	EVP_PKEY *pkey;
	int alg;
	size_t public_len;
	uint8_t public_half[SIGNING_PUBLIC_MAX];
	char kid[SIGNING_KID_LEN + 1];
};

/* From numbers; NULL when OpenSSL does not take them. The bytes are the caller's to wipe.
 */
EVP_PKEY *pkey_from_ec(
	const uint8_t scalar[P256_SCALAR_LEN], const uint8_t point[P256_POINT_LEN]);
EVP_PKEY *pkey_from_rsa(
	const uint8_t primes[2 * RSA_PRIME_LEN], const uint8_t modulus[RSA_MODULUS_LEN]);

#endif
