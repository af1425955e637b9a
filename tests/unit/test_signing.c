#include <check.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "core/model/model.h"
#include "keyd/keeper/tokens/tokens.h"
#include "tests/unit/vectors.h"

#define VECTORS "jose-vectors.txt"
#define BASE64  sodium_base64_VARIANT_URLSAFE_NO_PADDING

static const struct token_claims sample = {.issuer = "https://keyd.example",
	.audience = "https://keyd.example",
	.client = "kd0123456789ABCDEFGHJKMN",
	.jti = "AQAJ",
	.scope = "SISVendor",
	.prefixes = "uri://ed-fi.org",
	.edorgs = "255901",
	.stores = "4",
	.claimset = "SIS Vendor",
	.claimset_version = 2,
	.year = 2026,
	.issued = 1764000000,
	.expires = 1764000600};

/* A verifier that shares nothing with the signer but OpenSSL. */

static EVP_PKEY *
public_pkey(int alg, const uint8_t *bytes, size_t len)
{
	OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(
		NULL, alg == SIGNING_ALG_ES256 ? "EC" : "RSA", NULL);
	BIGNUM *n = BN_bin2bn(bytes, (int)len, NULL);
	uint8_t point[65] = {4};
	EVP_PKEY *pkey = NULL;
	OSSL_PARAM *params;

	if (alg == SIGNING_ALG_ES256) {
		memcpy(point + 1, bytes, 64);
		OSSL_PARAM_BLD_push_utf8_string(
			b, OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0);
		OSSL_PARAM_BLD_push_octet_string(
			b, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point));
	} else {
		OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_N, n);
		OSSL_PARAM_BLD_push_uint(b, OSSL_PKEY_PARAM_RSA_E, 65537);
	}
	params = OSSL_PARAM_BLD_to_param(b);
	ck_assert_int_eq(EVP_PKEY_fromdata_init(ctx), 1);
	ck_assert_int_eq(EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params), 1);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(b);
	EVP_PKEY_CTX_free(ctx);
	BN_free(n);
	return pkey;
}

static size_t
decode(const char *text, size_t len, uint8_t *ret, size_t room)
{
	size_t n = 0;

	ck_assert_int_eq(
		sodium_base642bin(ret, room, text, len, NULL, &n, NULL, BASE64), 0);
	return n;
}

static bool
verifies(int alg, const uint8_t *public_half, size_t public_len, const char *token)
{
	const char *last = strrchr(token, '.');
	EVP_PKEY *pkey = public_pkey(alg, public_half, public_len);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t raw[256], *der = NULL;
	size_t len = decode(last + 1, strlen(last + 1), raw, sizeof(raw));
	int der_len = (int)len;
	bool good;

	if (alg == SIGNING_ALG_ES256) {
		ECDSA_SIG *sig = ECDSA_SIG_new();

		ck_assert_uint_eq(len, 64);
		ECDSA_SIG_set0(
			sig, BN_bin2bn(raw, 32, NULL), BN_bin2bn(raw + 32, 32, NULL));
		der_len = i2d_ECDSA_SIG(sig, &der);
		ECDSA_SIG_free(sig);
	}
	ck_assert_int_eq(
		EVP_DigestVerifyInit_ex(ctx, NULL, "SHA2-256", NULL, NULL, pkey, NULL),
		1);
	good = EVP_DigestVerify(ctx, der != NULL ? der : raw, (size_t)der_len,
		       (const uint8_t *)token, (size_t)(last - token)) == 1;
	OPENSSL_free(der);
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(pkey);
	return good;
}

static char *
signed_by(const struct signing_key *k, const struct token_claims *c, struct buf *token)
{
	struct token_signer *s = NULL;

	buf_init(token, TOKEN_MAX + 1);
	ck_assert_int_eq(token_signer_new(k, &s), KERR_OK);
	ck_assert_int_eq(token_signer_sign(s, c, token), KERR_OK);
	token_signer_free(s);
	ck_assert_ptr_nonnull(buf_text(token));
	return (char *)token->data;
}

static struct signing_key *
imported(int alg, const char *private_name, const char *public_name)
{
	struct signing_key *k = NULL;
	struct vector public_half, private_half;
	struct secret *s;

	vector_bytes(VECTORS, private_name, &private_half);
	vector_bytes(VECTORS, public_name, &public_half);
	s = secret_new(private_half.bytes, private_half.len);
	ck_assert_int_eq(
		signing_key_import(alg, s, public_half.bytes, public_half.len, &k),
		KERR_OK);
	secret_free(s);
	return k;
}

static struct secret *
exported(const struct signing_key *k)
{
	struct secret *s = NULL;

	ck_assert_int_eq(signing_key_export(k, &s), KERR_OK);
	return s;
}

START_TEST(the_verifier_of_this_suite_takes_rfc_7515_a3)
{
	struct vector key, token;

	vector_bytes(VECTORS, "es256-public", &key);
	vector_text(VECTORS, "es256-token", &token);
	ck_assert(verifies(SIGNING_ALG_ES256, key.bytes, key.len, token.text));
	token.text[30] ^= 1;
	ck_assert(!verifies(SIGNING_ALG_ES256, key.bytes, key.len, token.text));
}
END_TEST

START_TEST(thumbprints_are_those_of_rfc_7638)
{
	char kid[SIGNING_KID_LEN + 1];
	struct vector key, want;

	vector_bytes(VECTORS, "thumbprint-public", &key);
	vector_text(VECTORS, "thumbprint", &want);
	ck_assert_int_eq(
		signing_kid(SIGNING_ALG_RS256, key.bytes, key.len, kid), KERR_OK);
	ck_assert_str_eq(kid, want.text);
	ck_assert_int_eq(
		signing_kid(SIGNING_ALG_ES256, key.bytes, key.len, kid), KERR_INVALID);
	vector_bytes(VECTORS, "es256-public", &key);
	vector_text(VECTORS, "es256-kid", &want);
	ck_assert_int_eq(
		signing_kid(SIGNING_ALG_ES256, key.bytes, key.len, kid), KERR_OK);
	ck_assert_str_eq(kid, want.text);
	ck_assert_int_eq(
		signing_kid(SIGNING_ALG__COUNT, key.bytes, key.len, kid), KERR_INVALID);
}
END_TEST

START_TEST(the_keys_of_rfc_7515_sign)
{
	static const struct {
		int alg;
		const char *private_name, *public_name;
	} rows[] = {{SIGNING_ALG_ES256, "es256-private", "es256-public"},
		{SIGNING_ALG_RS256, "rs256-private", "rs256-public"}};

	for (size_t i = 0; i < 2; i++) {
		struct signing_key *k =
			imported(rows[i].alg, rows[i].private_name, rows[i].public_name);
		struct vector want;
		struct secret *back = exported(k);
		struct buf token;

		vector_bytes(VECTORS, rows[i].private_name, &want);
		ck_assert_uint_eq(secret_len(back), want.len);
		ck_assert_mem_eq(secret_reveal(back), want.bytes, want.len);
		secret_free(back);
		signed_by(k, &sample, &token);
		vector_bytes(VECTORS, rows[i].public_name, &want);
		ck_assert(
			verifies(rows[i].alg, want.bytes, want.len, (char *)token.data));
		buf_clear(&token);
		signing_key_free(k);
	}
}
END_TEST

START_TEST(a_generated_key_survives_export_and_import)
{
	for (int alg = 0; alg < SIGNING_ALG__COUNT; alg++) {
		struct signing_key *k = NULL, *again = NULL;
		const uint8_t *public_half;
		struct secret *s;
		struct buf token;
		size_t len;

		ck_assert_int_eq(signing_key_generate(alg, &k), KERR_OK);
		ck_assert_int_eq(signing_key_alg(k), alg);
		public_half = signing_key_public(k, &len);
		s = exported(k);
		ck_assert_int_eq(
			signing_key_import(alg, s, public_half, len, &again), KERR_OK);
		secret_free(s);
		ck_assert_str_eq(signing_key_kid(k), signing_key_kid(again));
		signed_by(again, &sample, &token);
		ck_assert(verifies(alg, public_half, len, (char *)token.data));
		token.data[40] ^= 1;
		ck_assert(!verifies(alg, public_half, len, (char *)token.data));
		buf_clear(&token);
		signing_key_free(k);
		signing_key_free(again);
	}
}
END_TEST

START_TEST(halves_of_two_keys_make_none)
{
	for (int alg = 0; alg < SIGNING_ALG__COUNT; alg++) {
		struct signing_key *one = NULL, *other = NULL, *mixed = NULL;
		const uint8_t *public_half;
		struct secret *s, *cut;
		size_t len;

		ck_assert_int_eq(signing_key_generate(alg, &one), KERR_OK);
		ck_assert_int_eq(signing_key_generate(alg, &other), KERR_OK);
		s = exported(one);
		public_half = signing_key_public(other, &len);
		ck_assert_int_eq(signing_key_import(alg, s, public_half, len, &mixed),
			KERR_DAMAGED);
		public_half = signing_key_public(one, &len);
		ck_assert_int_eq(signing_key_import(alg, s, public_half, len - 1, &mixed),
			KERR_DAMAGED);
		ck_assert_int_eq(signing_key_import(1 - alg, s, public_half, len, &mixed),
			KERR_DAMAGED);
		cut = secret_new(secret_reveal(s), secret_len(s) - 1);
		ck_assert_int_eq(signing_key_import(alg, cut, public_half, len, &mixed),
			KERR_DAMAGED);
		ck_assert_ptr_null(mixed);
		secret_free(cut);
		secret_free(s);
		signing_key_free(one);
		signing_key_free(other);
	}
}
END_TEST

START_TEST(numbers_that_are_no_key_are_refused)
{
	struct signing_key *k = NULL;
	uint8_t zeros[256] = {0};
	struct secret *ec = secret_new(zeros, 32), *rsa = secret_new(zeros, 256);

	ck_assert_int_eq(
		signing_key_import(SIGNING_ALG_ES256, ec, zeros, 64, &k), KERR_DAMAGED);
	ck_assert_int_eq(
		signing_key_import(SIGNING_ALG_RS256, rsa, zeros, 256, &k), KERR_DAMAGED);
	ck_assert_int_eq(signing_key_import(7, ec, zeros, 64, &k), KERR_UNSUPPORTED);
	ck_assert_int_eq(signing_key_generate(7, &k), KERR_UNSUPPORTED);
	ck_assert_ptr_null(k);
	secret_free(ec);
	secret_free(rsa);
}
END_TEST

START_TEST(the_header_says_algorithm_key_and_kind)
{
	struct signing_key *k =
		imported(SIGNING_ALG_ES256, "es256-private", "es256-public");
	uint8_t head[256];
	char want[256];
	struct buf token;
	const char *text = signed_by(k, &sample, &token);
	size_t len = decode(text, strcspn(text, "."), head, sizeof(head) - 1);

	head[len] = '\0';
	snprintf(want, sizeof(want),
		"{\"alg\":\"ES256\",\"kid\":\"%s\",\"typ\":\"at+jwt\"}",
		signing_key_kid(k));
	ck_assert_str_eq((char *)head, want);
	buf_clear(&token);
	signing_key_free(k);
}
END_TEST

START_TEST(the_payload_is_what_claims_write_writes)
{
	struct signing_key *k =
		imported(SIGNING_ALG_ES256, "es256-private", "es256-public");
	struct buf token, claims;
	const char *text = signed_by(k, &sample, &token), *from = strchr(text, '.') + 1;
	uint8_t payload[4096];
	size_t len = decode(from, strcspn(from, "."), payload, sizeof(payload));

	buf_init(&claims, 4096);
	ck_assert_int_eq(claims_write(&sample, &claims), KERR_OK);
	ck_assert_uint_eq(len, claims.len);
	ck_assert_mem_eq(payload, claims.data, len);
	buf_clear(&claims);
	buf_clear(&token);
	signing_key_free(k);
}
END_TEST

/* Every length on the way up: the last that fits has exactly TOKEN_MAX or a few less, and
 * the next one fails. */
START_TEST(a_token_never_is_longer_than_it_may_be)
{
	for (int alg = 0; alg < SIGNING_ALG__COUNT; alg++) {
		struct token_claims c = sample;
		struct signing_key *k = NULL;
		struct token_signer *s = NULL;
		char edorgs[3500];
		size_t longest = 0;
		struct buf token;

		ck_assert_int_eq(signing_key_generate(alg, &k), KERR_OK);
		ck_assert_int_eq(token_signer_new(k, &s), KERR_OK);
		signing_key_free(k);
		memset(edorgs, '1', sizeof(edorgs));
		buf_init(&token, 2 * TOKEN_MAX);
		c.edorgs = edorgs;
		for (size_t n = 2000; n < sizeof(edorgs); n++) {
			enum kerr err;

			edorgs[n] = '\0';
			buf_reset(&token);
			err = token_signer_sign(s, &c, &token);
			edorgs[n] = '1';
			ck_assert(err == KERR_OK || err == KERR_TOO_LARGE);
			ck_assert_uint_le(token.len, TOKEN_MAX);
			if (err == KERR_OK)
				longest = token.len;
			else
				ck_assert_uint_eq(token.len, 0);
		}
		ck_assert_uint_ge(longest, TOKEN_MAX - 2);
		/* and the signer still works */
		ck_assert_int_eq(token_signer_sign(s, &sample, &token), KERR_OK);
		buf_clear(&token);
		token_signer_free(s);
	}
}
END_TEST

START_TEST(a_bad_claim_is_not_signed)
{
	struct signing_key *k =
		imported(SIGNING_ALG_ES256, "es256-private", "es256-public");
	struct token_claims c = sample;
	struct token_signer *s = NULL;
	struct buf token;

	buf_init(&token, TOKEN_MAX + 1);
	ck_assert_int_eq(token_signer_new(k, &s), KERR_OK);
	c.audience = NULL;
	ck_assert_int_eq(token_signer_sign(s, &c, &token), KERR_INVALID);
	ck_assert_uint_eq(token.len, 0);
	buf_clear(&token);
	token_signer_free(s);
	signing_key_free(k);
}
END_TEST

static struct signing_key *shared;

static void *
sign_many(void *good)
{
	struct token_signer *s = NULL;
	const uint8_t *public_half;
	struct buf token;
	size_t len;

	buf_init(&token, TOKEN_MAX + 1);
	if (token_signer_new(shared, &s) != KERR_OK)
		return NULL;
	public_half = signing_key_public(shared, &len);
	for (int i = 0; i < 100; i++) {
		buf_reset(&token);
		if (token_signer_sign(s, &sample, &token) == KERR_OK &&
			buf_text(&token) != NULL)
			*(int *)good += verifies(
				SIGNING_ALG_ES256, public_half, len, (char *)token.data);
	}
	buf_clear(&token);
	token_signer_free(s);
	return NULL;
}

START_TEST(signers_of_one_key_work_side_by_side)
{
	pthread_t threads[2];
	int good[2] = {0};

	ck_assert_int_eq(signing_key_generate(SIGNING_ALG_ES256, &shared), KERR_OK);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(
			pthread_create(&threads[i], NULL, sign_many, &good[i]), 0);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	ck_assert_int_eq(good[0] + good[1], 200);
	signing_key_free(shared);
}
END_TEST

START_TEST(openssl_keeps_secrets_on_its_locked_heap)
{
	struct signing_key *k = NULL;
	size_t before;

	ck_assert_int_eq(CRYPTO_secure_malloc_initialized(), 1);
	/* the first key brings OpenSSL's own generator of random numbers, which stays */
	ck_assert_int_eq(signing_key_generate(SIGNING_ALG_ES256, &k), KERR_OK);
	signing_key_free(k);
	before = CRYPTO_secure_used();
	ck_assert_int_eq(signing_key_generate(SIGNING_ALG_ES256, &k), KERR_OK);
	ck_assert_uint_gt(CRYPTO_secure_used(), before);
	signing_key_free(k);
	k = imported(SIGNING_ALG_ES256, "es256-private", "es256-public");
	ck_assert_uint_gt(CRYPTO_secure_used(), before);
	signing_key_free(k);
	ck_assert_uint_eq(CRYPTO_secure_used(), before);
	ck_assert_int_eq(tokens_start(NULL), KERR_OK); /* a second time: nothing */
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("signing");
	TCase *tc = tcase_create("signing");
	SRunner *runner;
	int failed;

	if (tokens_start(NULL) != KERR_OK || secret_pool_start(32, NULL) != KERR_OK)
		return EXIT_FAILURE;
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, the_verifier_of_this_suite_takes_rfc_7515_a3);
	tcase_add_test(tc, thumbprints_are_those_of_rfc_7638);
	tcase_add_test(tc, the_keys_of_rfc_7515_sign);
	tcase_add_test(tc, a_generated_key_survives_export_and_import);
	tcase_add_test(tc, halves_of_two_keys_make_none);
	tcase_add_test(tc, numbers_that_are_no_key_are_refused);
	tcase_add_test(tc, the_header_says_algorithm_key_and_kind);
	tcase_add_test(tc, the_payload_is_what_claims_write_writes);
	tcase_add_test(tc, a_token_never_is_longer_than_it_may_be);
	tcase_add_test(tc, a_bad_claim_is_not_signed);
	tcase_add_test(tc, signers_of_one_key_work_side_by_side);
	tcase_add_test(tc, openssl_keeps_secrets_on_its_locked_heap);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
