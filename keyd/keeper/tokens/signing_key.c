#include "keyd/keeper/tokens/tokens.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "core/arena.h"
#include "core/model/model.h"
#include "keyd/keeper/tokens/parts.h"

/* A signing key's life outside the store: generated, taken apart, put together, named. */

#define BASE64 sodium_base64_VARIANT_URLSAFE_NO_PADDING

static size_t
public_len_of(int alg)
{
	return alg == SIGNING_ALG_ES256 ? P256_POINT_LEN : RSA_MODULUS_LEN;
}

static bool
is_alg(int alg)
{
	return alg == SIGNING_ALG_ES256 || alg == SIGNING_ALG_RS256;
}

/* The members that RFC 7638 section 3.2 asks for, in its order, hashed. */
enum kerr
signing_kid(int alg, const void *public_half, size_t len, char ret[SIGNING_KID_LEN + 1])
{
	char x[sodium_base64_ENCODED_LEN(RSA_MODULUS_LEN, BASE64)];
	char y[sodium_base64_ENCODED_LEN(P256_POINT_LEN / 2, BASE64)];
	char text[sizeof(x) + sizeof(y) + 64];
	uint8_t hash[crypto_hash_sha256_BYTES];
	int n;

	if (!is_alg(alg) || len != public_len_of(alg))
		return KERR_INVALID;
	if (alg == SIGNING_ALG_ES256) {
		sodium_bin2base64(x, sizeof(x), public_half, len / 2, BASE64);
		sodium_bin2base64(y, sizeof(y), (const uint8_t *)public_half + len / 2,
			len / 2, BASE64);
		n = snprintf(text, sizeof(text),
			"{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"%s\",\"y\":\"%s\"}", x,
			y);
	} else {
		sodium_bin2base64(x, sizeof(x), public_half, len, BASE64);
		n = snprintf(text, sizeof(text),
			"{\"e\":\"AQAB\",\"kty\":\"RSA\",\"n\":\"%s\"}", x);
	}
	if (n < 0 || (size_t)n >= sizeof(text))
		return KERR_INTERNAL;
	crypto_hash_sha256(hash, (const uint8_t *)text, (size_t)n);
	sodium_bin2base64(ret, SIGNING_KID_LEN + 1, hash, sizeof(hash), BASE64);
	return KERR_OK;
}

/* Takes pkey, also on failure. */
static enum kerr
key_new(int alg, EVP_PKEY *pkey, const uint8_t *public_half, struct signing_key **ret)
{
	struct signing_key *k = mem_new(1, sizeof(*k));

	if (k == NULL) {
		EVP_PKEY_free(pkey);
		return KERR_NOMEM;
	}
	k->pkey = pkey;
	k->alg = alg;
	k->public_len = public_len_of(alg);
	memcpy(k->public_half, public_half, k->public_len);
	if (signing_kid(alg, k->public_half, k->public_len, k->kid) != KERR_OK) {
		signing_key_free(k);
		return KERR_INTERNAL;
	}
	*ret = k;
	return KERR_OK;
}

static bool
public_of(const EVP_PKEY *pkey, int alg, uint8_t ret[SIGNING_PUBLIC_MAX])
{
	uint8_t point[1 + P256_POINT_LEN];
	BIGNUM *n = NULL;
	size_t len = 0;
	bool ok;

	if (alg == SIGNING_ALG_RS256) {
		ok = EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_N, &n) == 1 &&
		     BN_bn2binpad(n, ret, RSA_MODULUS_LEN) == RSA_MODULUS_LEN;
		BN_free(n);
		return ok;
	}
	if (EVP_PKEY_get_octet_string_param(
		    pkey, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point), &len) != 1 ||
		len != sizeof(point) || point[0] != 4)
		return false;
	memcpy(ret, point + 1, P256_POINT_LEN);
	return true;
}

enum kerr
signing_key_generate(int alg, struct signing_key **ret)
{
	uint8_t public_half[SIGNING_PUBLIC_MAX];
	EVP_PKEY *pkey;

	if (!is_alg(alg))
		return KERR_UNSUPPORTED;
	pkey = alg == SIGNING_ALG_ES256
		       ? EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256")
		       : EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)RSA_BITS);
	if (pkey == NULL || !public_of(pkey, alg, public_half)) {
		EVP_PKEY_free(pkey);
		ERR_clear_error();
		return KERR_CRYPTO;
	}
	return key_new(alg, pkey, public_half, ret);
}

static bool
export_number(const EVP_PKEY *pkey, const char *name, uint8_t *ret, int len)
{
	BIGNUM *n = BN_secure_new();
	bool ok = n != NULL && EVP_PKEY_get_bn_param(pkey, name, &n) == 1 &&
		  BN_bn2binpad(n, ret, len) == len;

	BN_clear_free(n);
	return ok;
}

enum kerr
signing_key_export(const struct signing_key *k, struct secret **ret)
{
	uint8_t bytes[2 * RSA_PRIME_LEN];
	struct secret *s = NULL;
	size_t len;
	bool ok;

	if (k->alg == SIGNING_ALG_ES256) {
		len = P256_SCALAR_LEN;
		ok = export_number(
			k->pkey, OSSL_PKEY_PARAM_PRIV_KEY, bytes, P256_SCALAR_LEN);
	} else {
		len = sizeof(bytes);
		ok = export_number(k->pkey, OSSL_PKEY_PARAM_RSA_FACTOR1, bytes,
			     RSA_PRIME_LEN) &&
		     export_number(k->pkey, OSSL_PKEY_PARAM_RSA_FACTOR2,
			     bytes + RSA_PRIME_LEN, RSA_PRIME_LEN);
	}
	if (ok)
		s = secret_new(bytes, len);
	sodium_memzero(bytes, sizeof(bytes));
	ERR_clear_error();
	if (!ok)
		return KERR_CRYPTO;
	if (s == NULL)
		return KERR_NOMEM;
	*ret = s;
	return KERR_OK;
}

enum kerr
signing_key_import(int alg, const struct secret *private_half, const void *public_half,
	size_t public_len, struct signing_key **ret)
{
	size_t want = alg == SIGNING_ALG_ES256 ? P256_SCALAR_LEN : 2 * RSA_PRIME_LEN;
	EVP_PKEY *pkey;

	if (!is_alg(alg))
		return KERR_UNSUPPORTED;
	if (public_len != public_len_of(alg) || secret_len(private_half) != want)
		return KERR_DAMAGED;
	pkey = alg == SIGNING_ALG_ES256
		       ? pkey_from_ec(secret_reveal(private_half), public_half)
		       : pkey_from_rsa(secret_reveal(private_half), public_half);
	ERR_clear_error();
	if (pkey == NULL)
		return KERR_DAMAGED;
	return key_new(alg, pkey, public_half, ret);
}

void
signing_key_free(struct signing_key *k)
{
	if (k == NULL)
		return;
	EVP_PKEY_free(k->pkey);
	mem_free(k);
}

int
signing_key_alg(const struct signing_key *k)
{
	return k->alg;
}

const char *
signing_key_kid(const struct signing_key *k)
{
	return k->kid;
}

const uint8_t *
signing_key_public(const struct signing_key *k, size_t *ret_len)
{
	*ret_len = k->public_len;
	return k->public_half;
}
