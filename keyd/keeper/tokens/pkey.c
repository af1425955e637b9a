#include "keyd/keeper/tokens/parts.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <stdbool.h>
#include <string.h>

/* Builds OpenSSL's keys from the few numbers that are stored. Numbers that are secret are
 * made on the locked heap. */

static EVP_PKEY *
pkey_from(const char *type, OSSL_PARAM_BLD *builder)
{
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(builder);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	EVP_PKEY *pkey = NULL;

	if (params != NULL && ctx != NULL && EVP_PKEY_fromdata_init(ctx) == 1 &&
		EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_KEYPAIR, params) != 1)
		pkey = NULL;
	EVP_PKEY_CTX_free(ctx);
	OSSL_PARAM_free(params);
	return pkey;
}

/* NULL instead of a pair that does not belong together. */
static EVP_PKEY *
checked(EVP_PKEY *pkey)
{
	EVP_PKEY_CTX *ctx =
		pkey != NULL ? EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL) : NULL;

	if (ctx == NULL || EVP_PKEY_pairwise_check(ctx) != 1) {
		EVP_PKEY_free(pkey);
		pkey = NULL;
	}
	EVP_PKEY_CTX_free(ctx);
	ERR_clear_error();
	return pkey;
}

static BIGNUM *
secure_number(const uint8_t *bytes, size_t len)
{
	BIGNUM *n = BN_secure_new();

	if (n != NULL && BN_bin2bn(bytes, (int)len, n) == NULL) {
		BN_clear_free(n);
		n = NULL;
	}
	if (n != NULL)
		BN_set_flags(n, BN_FLG_CONSTTIME);
	return n;
}

EVP_PKEY *
pkey_from_ec(const uint8_t scalar[P256_SCALAR_LEN], const uint8_t point[P256_POINT_LEN])
{
	uint8_t uncompressed[1 + P256_POINT_LEN] = {4}; /* SEC 1 section 2.3.3 */
	OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
	BIGNUM *d = secure_number(scalar, P256_SCALAR_LEN);
	EVP_PKEY *pkey = NULL;

	memcpy(uncompressed + 1, point, P256_POINT_LEN);
	if (builder != NULL && d != NULL &&
		OSSL_PARAM_BLD_push_utf8_string(
			builder, OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0) == 1 &&
		OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY,
			uncompressed, sizeof(uncompressed)) == 1 &&
		OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_PRIV_KEY, d) == 1)
		pkey = pkey_from("EC", builder);
	BN_clear_free(d);
	OSSL_PARAM_BLD_free(builder);
	return checked(pkey);
}

/* RFC 8017 section 3.2: what an RSA private key in its second form consists of. */
struct rsa_numbers {
	BIGNUM *p, *q, *n, *e, *d, *dp, *dq, *qinv;
};

static bool
rsa_numbers_new(struct rsa_numbers *r, const uint8_t *primes)
{
	r->p = secure_number(primes, RSA_PRIME_LEN);
	r->q = secure_number(primes + RSA_PRIME_LEN, RSA_PRIME_LEN);
	r->n = BN_new();
	r->e = BN_new();
	r->d = BN_secure_new();
	r->dp = BN_secure_new();
	r->dq = BN_secure_new();
	r->qinv = BN_secure_new();
	return r->p != NULL && r->q != NULL && r->n != NULL && r->e != NULL &&
	       r->d != NULL && r->dp != NULL && r->dq != NULL && r->qinv != NULL &&
	       BN_set_word(r->e, RSA_EXPONENT) == 1;
}

static void
rsa_numbers_free(struct rsa_numbers *r)
{
	BN_clear_free(r->p);
	BN_clear_free(r->q);
	BN_free(r->n);
	BN_free(r->e);
	BN_clear_free(r->d);
	BN_clear_free(r->dp);
	BN_clear_free(r->dq);
	BN_clear_free(r->qinv);
}

/* n, d, dp, dq, qinv from p, q and e. */
static bool
rsa_numbers_fill(struct rsa_numbers *r)
{
	BN_CTX *ctx = BN_CTX_secure_new();
	BIGNUM *p1 = BN_secure_new(), *q1 = BN_secure_new(), *phi = BN_secure_new();
	bool ok;

	ok = ctx != NULL && p1 != NULL && q1 != NULL && phi != NULL &&
	     BN_mul(r->n, r->p, r->q, ctx) == 1 &&
	     BN_sub(p1, r->p, BN_value_one()) == 1 &&
	     BN_sub(q1, r->q, BN_value_one()) == 1 && BN_mul(phi, p1, q1, ctx) == 1;
	if (ok) {
		BN_set_flags(phi, BN_FLG_CONSTTIME);
		ok = BN_mod_inverse(r->d, r->e, phi, ctx) != NULL;
	}
	if (ok) {
		BN_set_flags(r->d, BN_FLG_CONSTTIME);
		ok = BN_mod(r->dp, r->d, p1, ctx) == 1 &&
		     BN_mod(r->dq, r->d, q1, ctx) == 1 &&
		     BN_mod_inverse(r->qinv, r->q, r->p, ctx) != NULL;
	}
	BN_clear_free(p1);
	BN_clear_free(q1);
	BN_clear_free(phi);
	BN_CTX_free(ctx);
	return ok;
}

static bool
rsa_numbers_push(const struct rsa_numbers *r, OSSL_PARAM_BLD *builder)
{
	const struct {
		const char *name;
		const BIGNUM *number;
	} rows[] = {
		{OSSL_PKEY_PARAM_RSA_N, r->n},
		{OSSL_PKEY_PARAM_RSA_E, r->e},
		{OSSL_PKEY_PARAM_RSA_D, r->d},
		{OSSL_PKEY_PARAM_RSA_FACTOR1, r->p},
		{OSSL_PKEY_PARAM_RSA_FACTOR2, r->q},
		{OSSL_PKEY_PARAM_RSA_EXPONENT1, r->dp},
		{OSSL_PKEY_PARAM_RSA_EXPONENT2, r->dq},
		{OSSL_PKEY_PARAM_RSA_COEFFICIENT1, r->qinv},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (OSSL_PARAM_BLD_push_BN(builder, rows[i].name, rows[i].number) != 1)
			return false;
	return true;
}

EVP_PKEY *
pkey_from_rsa(
	const uint8_t primes[2 * RSA_PRIME_LEN], const uint8_t modulus[RSA_MODULUS_LEN])
{
	OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
	struct rsa_numbers r = {0};
	uint8_t n[RSA_MODULUS_LEN];
	EVP_PKEY *pkey = NULL;

	if (builder != NULL && rsa_numbers_new(&r, primes) && rsa_numbers_fill(&r) &&
		BN_bn2binpad(r.n, n, sizeof(n)) == (int)sizeof(n) &&
		memcmp(n, modulus, sizeof(n)) == 0 && rsa_numbers_push(&r, builder))
		pkey = pkey_from("RSA", builder);
	rsa_numbers_free(&r);
	OSSL_PARAM_BLD_free(builder);
	return checked(pkey);
}
