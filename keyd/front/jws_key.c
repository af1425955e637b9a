#include "keyd/front/jws_key.h"

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <sodium.h>

#include "core/arena.h"
#include "core/model/model.h"
#include "core/wire/json_write.h"

#define RSA_EXPONENT 65537
#define DER_MAX      80

struct jws_tools {
	EVP_MD *sha256;
	EVP_MD_CTX *ctx;
};

struct jws_tools *
jws_tools_new(void)
{
	struct jws_tools *t = mem_new(1, sizeof(*t));

	if (!t)
		return NULL;
	t->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	t->ctx = EVP_MD_CTX_new();
	if (!t->sha256 || !t->ctx) {
		jws_tools_free(t);
		return NULL;
	}
	return t;
}

void
jws_tools_free(struct jws_tools *t)
{
	if (!t)
		return;
	EVP_MD_CTX_free(t->ctx);
	EVP_MD_free(t->sha256);
	mem_free(t);
}

static EVP_PKEY *
pkey_from(const char *type, OSSL_PARAM *params)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	EVP_PKEY *pkey = NULL;

	if (!ctx || EVP_PKEY_fromdata_init(ctx) != 1 ||
		EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1)
		pkey = NULL;
	EVP_PKEY_CTX_free(ctx);
	return pkey;
}

static EVP_PKEY *
es256_key(const uint8_t *bytes, size_t len)
{
	uint8_t point[1 + JWS_ES256_SIZE] = {POINT_CONVERSION_UNCOMPRESSED};
	char group[] = "prime256v1";
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
		OSSL_PARAM_construct_octet_string(
			OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point)),
		OSSL_PARAM_construct_end(),
	};

	if (len != JWS_ES256_SIZE)
		return NULL;
	memcpy(point + 1, bytes, len);
	return pkey_from("EC", params);
}

static EVP_PKEY *
rs256_key(const uint8_t *bytes, size_t len)
{
	OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
	BIGNUM *n = BN_bin2bn(bytes, (int)len, NULL);
	OSSL_PARAM *params = NULL;
	EVP_PKEY *pkey = NULL;

	if (!builder || !n || len < JWS_RSA_MIN || len > JWS_RSA_MAX)
		goto out;
	if (OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, n) != 1 ||
		OSSL_PARAM_BLD_push_uint(builder, OSSL_PKEY_PARAM_RSA_E, RSA_EXPONENT) !=
			1)
		goto out;
	params = OSSL_PARAM_BLD_to_param(builder);
	if (params)
		pkey = pkey_from("RSA", params);
out:
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(builder);
	BN_free(n);
	return pkey;
}

enum kerr
jws_key_init(struct jws_key *k, const char *kid, unsigned alg, const uint8_t *bytes,
	size_t len)
{
	EVP_PKEY *pkey = NULL;

	if (!kid[0] || strlen(kid) > JWS_KID_MAX || len > sizeof(k->public_bytes))
		return KERR_CRYPTO;
	if (alg == SIGNING_ALG_ES256)
		pkey = es256_key(bytes, len);
	else if (alg == SIGNING_ALG_RS256)
		pkey = rs256_key(bytes, len);
	if (!pkey)
		return KERR_CRYPTO;
	memset(k, 0, sizeof(*k));
	memcpy(k->kid, kid, strlen(kid));
	memcpy(k->public_bytes, bytes, len);
	k->public_len = len;
	k->alg = alg;
	k->pkey = pkey;
	return KERR_OK;
}

void
jws_key_clear(struct jws_key *k)
{
	EVP_PKEY_free(k->pkey);
	memset(k, 0, sizeof(*k));
}

/* JOSE has r and s side by side (RFC 7518 section 3.4), OpenSSL wants them in DER. */
static int
to_der(const uint8_t *signature, size_t len, uint8_t der[DER_MAX])
{
	const int half = JWS_ES256_SIZE / 2;
	ECDSA_SIG *sig;
	BIGNUM *r, *s;
	int size = -1;

	if (len != JWS_ES256_SIZE)
		return -1;
	sig = ECDSA_SIG_new();
	r = BN_bin2bn(signature, half, NULL);
	s = BN_bin2bn(signature + half, half, NULL);
	if (!sig || !r || !s || ECDSA_SIG_set0(sig, r, s) != 1) {
		BN_free(r);
		BN_free(s);
	} else {
		size = i2d_ECDSA_SIG(sig, NULL);
		size = size > 0 && size <= DER_MAX ? i2d_ECDSA_SIG(sig, &der) : -1;
	}
	ECDSA_SIG_free(sig);
	return size;
}

enum kerr
jws_key_verify(struct jws_tools *t, const struct jws_key *k, const void *bytes,
	size_t len, const uint8_t *signature, size_t signature_len)
{
	uint8_t der[DER_MAX];
	int good;

	if (k->alg == SIGNING_ALG_ES256) {
		int size = to_der(signature, signature_len, der);

		if (size < 0)
			return KERR_DENIED;
		signature = der;
		signature_len = (size_t)size;
	}
	if (EVP_MD_CTX_reset(t->ctx) != 1 ||
		EVP_DigestVerifyInit(t->ctx, NULL, t->sha256, NULL, k->pkey) != 1)
		return KERR_CRYPTO;
	good = EVP_DigestVerify(t->ctx, signature, signature_len, bytes, len);
	return good == 1 ? KERR_OK : KERR_DENIED;
}

static void
put_base64url(struct buf *out, const char *name, const uint8_t *bytes, size_t len)
{
	char text[sodium_base64_ENCODED_LEN(
		JWS_RSA_MAX, sodium_base64_VARIANT_URLSAFE_NO_PADDING)];

	sodium_bin2base64(
		text, sizeof(text), bytes, len, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	json_put_member(out, false, name, text);
}

void
jws_key_write(const struct jws_key *k, struct buf *out)
{
	const size_t half = JWS_ES256_SIZE / 2;
	bool es256 = k->alg == SIGNING_ALG_ES256;

	buf_put_u8(out, '{');
	json_put_member(out, true, "kty", es256 ? "EC" : "RSA");
	json_put_member(out, false, "use", "sig");
	json_put_member(out, false, "kid", k->kid);
	json_put_member(out, false, "alg", signing_algs[k->alg]);
	if (es256) {
		json_put_member(out, false, "crv", "P-256");
		put_base64url(out, "x", k->public_bytes, half);
		put_base64url(out, "y", k->public_bytes + half, half);
	} else {
		put_base64url(out, "n", k->public_bytes, k->public_len);
		json_put_member(out, false, "e", "AQAB");
	}
	buf_put_u8(out, '}');
}
