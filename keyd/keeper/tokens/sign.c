#include "keyd/keeper/tokens/tokens.h"

#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <sodium.h>
#include <string.h>

#include "core/arena.h"
#include "core/model/model.h"
#include "keyd/keeper/tokens/parts.h"

/* Writes and signs tokens (RFC 7515 section 3.1). Everything that OpenSSL would look up
 * by name at each signature is kept: digest, its context, the key's context with its
 * parameters set. */

#define BASE64        sodium_base64_VARIANT_URLSAFE_NO_PADDING
#define DIGEST_LEN    32
#define SIGNATURE_MAX RSA_MODULUS_LEN
/* claims of this length fill a token with the shortest signature */
#define CLAIMS_MAX    (TOKEN_MAX * 3 / 4)

struct token_signer {
	EVP_PKEY_CTX *key;
	EVP_MD *sha256;
	EVP_MD_CTX *digest;
	struct buf claims;
	size_t signature_len;
	int alg;
	size_t head_len;
	char head[256]; /* base64url of the JOSE header, and the point behind it */
};

static bool
head_init(struct token_signer *s, const char *kid)
{
	struct buf json;
	bool ok;

	buf_init(&json, 160);
	/* RFC 9068 section 2.1 */
	buf_printf(&json, "{\"alg\":\"%s\",\"kid\":\"%s\",\"typ\":\"at+jwt\"}",
		signing_algs[s->alg], kid);
	ok = buf_error(&json) == KERR_OK;
	if (ok) {
		sodium_bin2base64(
			s->head, sizeof(s->head) - 1, json.data, json.len, BASE64);
		s->head_len = strlen(s->head);
		s->head[s->head_len++] = '.';
	}
	buf_clear(&json);
	return ok;
}

static bool
context_init(struct token_signer *s, EVP_PKEY *pkey)
{
	s->sha256 = EVP_MD_fetch(NULL, "SHA2-256", NULL);
	s->digest = EVP_MD_CTX_new();
	s->key = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
	if (s->sha256 == NULL || s->digest == NULL || s->key == NULL ||
		EVP_PKEY_sign_init(s->key) != 1)
		return false;
	return s->alg == SIGNING_ALG_ES256 ||
	       (EVP_PKEY_CTX_set_rsa_padding(s->key, RSA_PKCS1_PADDING) == 1 &&
		       EVP_PKEY_CTX_set_signature_md(s->key, s->sha256) == 1);
}

enum kerr
token_signer_new(const struct signing_key *k, struct token_signer **ret)
{
	struct token_signer *s = mem_new(1, sizeof(*s));

	if (s == NULL)
		return KERR_NOMEM;
	buf_init(&s->claims, CLAIMS_MAX);
	s->alg = k->alg;
	s->signature_len = k->alg == SIGNING_ALG_ES256 ? P256_POINT_LEN : RSA_MODULUS_LEN;
	if (!head_init(s, k->kid) || !context_init(s, k->pkey)) {
		token_signer_free(s);
		ERR_clear_error();
		return KERR_CRYPTO;
	}
	*ret = s;
	return KERR_OK;
}

void
token_signer_free(struct token_signer *s)
{
	if (s == NULL)
		return;
	EVP_PKEY_CTX_free(s->key);
	EVP_MD_CTX_free(s->digest);
	EVP_MD_free(s->sha256);
	buf_clear(&s->claims);
	mem_free(s);
}

/* r and s at their full length instead of OpenSSL's DER (RFC 7518 section 3.4). */
static bool
raw_from_der(const uint8_t *der, size_t len, uint8_t ret[P256_POINT_LEN])
{
	const unsigned char *at = der;
	ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &at, (long)len);
	bool ok = sig != NULL &&
		  BN_bn2binpad(ECDSA_SIG_get0_r(sig), ret, P256_POINT_LEN / 2) > 0 &&
		  BN_bn2binpad(ECDSA_SIG_get0_s(sig), ret + P256_POINT_LEN / 2,
			  P256_POINT_LEN / 2) > 0;

	ECDSA_SIG_free(sig);
	return ok;
}

static bool
sign_bytes(
	struct token_signer *s, const void *bytes, size_t len, uint8_t ret[SIGNATURE_MAX])
{
	uint8_t digest[DIGEST_LEN], der[SIGNATURE_MAX];
	size_t der_len = sizeof(der);

	if (EVP_DigestInit_ex2(s->digest, s->sha256, NULL) != 1 ||
		EVP_DigestUpdate(s->digest, bytes, len) != 1 ||
		EVP_DigestFinal_ex(s->digest, digest, NULL) != 1 ||
		EVP_PKEY_sign(s->key, der, &der_len, digest, sizeof(digest)) != 1)
		return false;
	if (s->alg == SIGNING_ALG_ES256)
		return raw_from_der(der, der_len, ret);
	memcpy(ret, der, s->signature_len);
	return der_len == s->signature_len;
}

static size_t
base64_len(size_t len)
{
	return sodium_base64_encoded_len(len, BASE64) - 1;
}

/* sodium writes a NUL behind, so one byte more must be there. */
static char *
put_base64(char *at, const void *bytes, size_t len)
{
	size_t text = base64_len(len);

	sodium_bin2base64(at, text + 1, bytes, len, BASE64);
	return at + text;
}

enum kerr
token_signer_sign(
	struct token_signer *s, const struct token_claims *c, struct buf *ret_token)
{
	uint8_t signature[SIGNATURE_MAX];
	char *token, *at;
	size_t len;
	enum kerr err;

	buf_reset(&s->claims);
	err = claims_write(c, &s->claims);
	if (err != KERR_OK)
		return err;
	len = s->head_len + base64_len(s->claims.len) + 1 + base64_len(s->signature_len);
	if (len > TOKEN_MAX)
		return KERR_TOO_LARGE;
	token = (char *)buf_reserve(ret_token, len + 1);
	if (token == NULL)
		return buf_error(ret_token);
	memcpy(token, s->head, s->head_len);
	at = put_base64(token + s->head_len, s->claims.data, s->claims.len);
	if (!sign_bytes(s, token, (size_t)(at - token), signature)) {
		ERR_clear_error();
		return KERR_CRYPTO;
	}
	*at++ = '.';
	put_base64(at, signature, s->signature_len);
	buf_added(ret_token, len);
	return buf_error(ret_token);
}
