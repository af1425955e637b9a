#include "tests/bench/floor_work.h"

#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DIGEST_LEN 32
#define SECRET_LEN 44 /* base64url of a digest and NUL */
#define ID_LEN     16

static const unsigned char verifier_key[32] = "what keys the verifiers, floor..";
static const unsigned char token_key[32] = "what keys the token table, floor";
static const unsigned char seed_key[32] = "what secrets are made of, floor.";

/* Open addressing; an all-zero digest is an empty place. */
struct table {
	unsigned char (*digests)[DIGEST_LEN];
	size_t mask;
};

struct work {
	struct table clients;
	struct table tokens;
	uint32_t client_count;
	uint32_t token_count;
	EVP_PKEY *key;
	EVP_PKEY_CTX *signer;
	EVP_MD *sha256;
	char head[64]; /* base64url of the JWT's header and a dot */
	uint64_t signed_count;
};

static void
digest(const unsigned char key[32], const void *bytes, size_t len, unsigned char *out)
{
	crypto_generichash(out, DIGEST_LEN, bytes, len, key, 32);
}

static size_t
place(const struct table *t, const unsigned char *wanted)
{
	static const unsigned char empty[DIGEST_LEN];
	uint64_t at;

	memcpy(&at, wanted, sizeof at);
	while (memcmp(t->digests[at & t->mask], empty, DIGEST_LEN) != 0 &&
		sodium_memcmp(t->digests[at & t->mask], wanted, DIGEST_LEN) != 0)
		at++;
	return at & t->mask;
}

static bool
table_has(const struct table *t, const unsigned char *wanted)
{
	return sodium_memcmp(t->digests[place(t, wanted)], wanted, DIGEST_LEN) == 0;
}

static bool
table_new(struct table *t, size_t count)
{
	size_t places = 16;

	while (places < count * 2)
		places *= 2;
	t->digests = calloc(places, sizeof *t->digests);
	t->mask = places - 1;
	return t->digests != NULL;
}

static void
table_add(struct table *t, const unsigned char *added)
{
	memcpy(t->digests[place(t, added)], added, DIGEST_LEN);
}

/* The secret text of the n-th client ('c') or token ('t'). */
static void
secret_text(char kind, uint32_t n, char text[SECRET_LEN])
{
	unsigned char bytes[DIGEST_LEN];
	char name[16];
	int len = snprintf(name, sizeof name, "%c%u", kind, n);

	digest(seed_key, name, (size_t)len, bytes);
	sodium_bin2base64(text, SECRET_LEN, bytes, sizeof bytes,
		sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

static void
client_id(uint32_t n, char id[ID_LEN])
{
	snprintf(id, ID_LEN, "floor%07u", n % 10000000);
}

static void
fill(struct work *w)
{
	unsigned char added[DIGEST_LEN];
	char secret[SECRET_LEN];
	char pair[ID_LEN + SECRET_LEN];
	char id[ID_LEN];

	for (uint32_t i = 0; i < w->client_count; i++) {
		client_id(i, id);
		secret_text('c', i, secret);
		int len = snprintf(pair, sizeof pair, "%s:%s", id, secret);

		digest(verifier_key, pair, (size_t)len, added);
		table_add(&w->clients, added);
	}
	for (uint32_t i = 0; i < w->token_count; i++) {
		secret_text('t', i, secret);
		digest(token_key, secret, strlen(secret), added);
		table_add(&w->tokens, added);
	}
}

static bool
signer_new(struct work *w, const char *file)
{
	static const char header[] = "{\"alg\":\"ES256\",\"typ\":\"at+jwt\"}";
	FILE *f = fopen(file, "r");

	if (f == NULL)
		return false;
	w->key = PEM_read_PrivateKey(f, NULL, NULL, NULL);
	fclose(f);
	w->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	if (w->key == NULL || w->sha256 == NULL)
		return false;
	w->signer = EVP_PKEY_CTX_new_from_pkey(NULL, w->key, NULL);
	if (w->signer == NULL || EVP_PKEY_sign_init(w->signer) <= 0)
		return false;
	sodium_bin2base64(w->head, sizeof w->head - 1, (const unsigned char *)header,
		sizeof header - 1, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	w->head[strlen(w->head) + 1] = '\0';
	w->head[strlen(w->head)] = '.';
	return true;
}

struct work *
work_new(uint32_t clients, uint32_t tokens, const char *sign_key_file)
{
	struct work *w = sodium_init() < 0 ? NULL : calloc(1, sizeof *w);

	if (w == NULL)
		return NULL;
	w->client_count = clients;
	w->token_count = tokens;
	if (!table_new(&w->clients, clients) || !table_new(&w->tokens, tokens) ||
		(sign_key_file != NULL && !signer_new(w, sign_key_file))) {
		work_free(w);
		return NULL;
	}
	fill(w);
	return w;
}

void
work_free(struct work *w)
{
	if (w == NULL)
		return;
	EVP_PKEY_CTX_free(w->signer);
	EVP_PKEY_free(w->key);
	EVP_MD_free(w->sha256);
	free(w->clients.digests);
	free(w->tokens.digests);
	free(w);
}

bool
work_dump(const struct work *w, const char *file, uint32_t count)
{
	FILE *f = fopen(file, "w");
	char id[ID_LEN];
	char secret[SECRET_LEN];
	char token[SECRET_LEN];

	if (f == NULL)
		return false;
	for (uint32_t i = 0; i < count; i++) {
		/* spread over the whole table, so that the look-ups miss the processor's
		 * cache */
		uint32_t far = (uint32_t)((uint64_t)i * 7919 % w->token_count);

		client_id(i % w->client_count, id);
		secret_text('c', i % w->client_count, secret);
		secret_text('t', far, token);
		fprintf(f, "%s %s %s\n", id, secret, token);
	}
	return fclose(f) == 0;
}

bool
work_authenticated(const struct work *w, struct span basic)
{
	unsigned char wanted[DIGEST_LEN];
	unsigned char pair[256];
	size_t len;

	if (sodium_base642bin(pair, sizeof pair, basic.at, basic.len, NULL, &len, NULL,
		    sodium_base64_VARIANT_ORIGINAL) != 0)
		return false;
	digest(verifier_key, pair, len, wanted);
	return table_has(&w->clients, wanted);
}

bool
work_known(const struct work *w, struct span token)
{
	unsigned char wanted[DIGEST_LEN];

	digest(token_key, token.at, token.len, wanted);
	return table_has(&w->tokens, wanted);
}

/* RFC 7518 Section 3.4: r and s, 32 bytes each, where OpenSSL gives DER. */
static bool
raw_signature(const unsigned char *der, size_t der_len, unsigned char raw[64])
{
	ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &der, (long)der_len);
	bool fine = sig != NULL && BN_bn2binpad(ECDSA_SIG_get0_r(sig), raw, 32) == 32 &&
		    BN_bn2binpad(ECDSA_SIG_get0_s(sig), raw + 32, 32) == 32;

	ECDSA_SIG_free(sig);
	return fine;
}

static int
claims(struct work *w, char *text, size_t size)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return snprintf(text, size,
		"{\"iss\":\"https://127.0.0.1\",\"aud\":\"https://"
		"127.0.0.1\",\"sub\":\"floor\","
		"\"client_id\":\"floor\",\"jti\":\"%016llx%016llx%016llx\",\"iat\":%lld,"
		"\"exp\":%lld,\"scope\":\"SIS-Vendor\",\"claimset\":\"SIS Vendor\","
		"\"claimset_version\":1,\"school_year\":2026,\"ods_ids\":[1],"
		"\"namespacePrefixes\":[\"uri://"
		"example.org\"],\"educationOrganizationIds\":[255901]}",
		(unsigned long long)++w->signed_count, (unsigned long long)now.tv_nsec,
		(unsigned long long)randombytes_random(), (long long)now.tv_sec,
		(long long)now.tv_sec + 600);
}

size_t
work_sign(struct work *w, char *jwt, size_t size)
{
	unsigned char hash[32], der[80], raw[64];
	size_t der_len = sizeof der;
	char payload[640];
	int payload_len = claims(w, payload, sizeof payload);
	size_t head_len = strlen(w->head);
	size_t len;

	if (payload_len < 0 || (size_t)payload_len >= sizeof payload ||
		size < head_len + sizeof payload * 4 / 3 + 96)
		return 0;
	memcpy(jwt, w->head, head_len);
	sodium_bin2base64(jwt + head_len, size - head_len, (unsigned char *)payload,
		(size_t)payload_len, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	len = strlen(jwt);
	if (EVP_Digest(jwt, len, hash, NULL, w->sha256, NULL) != 1 ||
		EVP_PKEY_sign(w->signer, der, &der_len, hash, sizeof hash) <= 0 ||
		!raw_signature(der, der_len, raw))
		return 0;
	jwt[len++] = '.';
	sodium_bin2base64(jwt + len, size - len, raw, sizeof raw,
		sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	return strlen(jwt);
}
