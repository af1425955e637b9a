#include "keyd/front/jws.h"

#include <string.h>

#include <sodium.h>

#include "core/base64.h"
#include "core/arena.h"
#include "core/model/model.h"
#include "core/wire/json_record.h"
#include "keyd/front/jws_key.h"

#define ARENA_MAX     (64u * 1024u)
#define SIGNATURE_MAX JWS_RSA_MAX
#define TYPE          "at+jwt" /* RFC 9068 section 2.1 */

struct jws {
	struct jws_tools *tools;
	struct arena *arena; /* of the token in hand */
	char *issuer;
	struct jws_key keys[JWS_KEYS_MAX];
	bool used[JWS_KEYS_MAX];
};

/* The header that keyd writes. Anything beside it (crit, jku, jwk, x5u, b64) is refused
 * by not being here. */
enum header_field { HEADER_ALG, HEADER_TYP, HEADER_KID, HEADER__COUNT };
static const struct field header_fields[] = {
	[HEADER_ALG] = {.name = "alg", .type = FIELD_TEXT, .max = 16},
	[HEADER_TYP] = {.name = "typ", .type = FIELD_TEXT, .max = 16},
	[HEADER_KID] = {.name = "kid", .type = FIELD_TEXT, .max = JWS_KID_MAX},
};
static const struct schema header_schema = {
	.name = "jws_header", .fields = header_fields, .count = HEADER__COUNT};

/* What the front reads of the claims; the others are for validators that do not ask
 * keyd. */
enum claim_field { CLAIM_ISS, CLAIM_JTI, CLAIM__COUNT };
static const struct field claim_fields[] = {
	[CLAIM_ISS] = {.name = "iss", .type = FIELD_TEXT, .max = 256},
	[CLAIM_JTI] = {.name = "jti",
		.type = FIELD_BYTES,
		.min = JWS_JTI_MIN,
		.max = JWS_JTI_MAX},
};
static const struct schema claim_schema = {
	.name = "jwt_claims", .fields = claim_fields, .count = CLAIM__COUNT};

struct jws *
jws_new(const char *issuer)
{
	struct jws *j = mem_new(1, sizeof(*j));

	if (!j)
		return NULL;
	j->issuer = mem_new(1, strlen(issuer) + 1);
	j->arena = arena_new(ARENA_MAX);
	j->tools = jws_tools_new();
	if (!j->issuer || !j->arena || !j->tools) {
		jws_free(j);
		return NULL;
	}
	memcpy(j->issuer, issuer, strlen(issuer));
	return j;
}

void
jws_free(struct jws *j)
{
	if (!j)
		return;
	for (unsigned i = 0; i < JWS_KEYS_MAX; i++)
		jws_key_clear(&j->keys[i]);
	jws_tools_free(j->tools);
	arena_free(j->arena);
	mem_free(j->issuer);
	mem_free(j);
}

static int
find_key(const struct jws *j, const char *kid)
{
	for (int i = 0; i < JWS_KEYS_MAX; i++) {
		if (j->used[i] && strcmp(j->keys[i].kid, kid) == 0)
			return i;
	}
	return -1;
}

static enum kerr
add_key(struct jws *j, const struct record *r)
{
	size_t len;
	const uint8_t *bytes = record_bytes(r, SIGNING_KEY_PUBLIC, &len);

	for (unsigned i = 0; i < JWS_KEYS_MAX; i++) {
		enum kerr err;

		if (j->used[i])
			continue;
		err = jws_key_init(&j->keys[i], record_text(r, SIGNING_KEY_KID),
			(unsigned)record_int(r, SIGNING_KEY_ALG), bytes, len);
		j->used[i] = err == KERR_OK;
		return err;
	}
	return KERR_TOO_LARGE;
}

/* Is the key at place i still of the set, with the same bytes? */
static bool
stays(const struct jws *j, unsigned i, const struct record *list)
{
	const struct jws_key *k = &j->keys[i];
	size_t count = record_count(list, LIST_ITEMS);

	for (size_t n = 0; n < count; n++) {
		const struct record *r = record_at(list, LIST_ITEMS, n);
		size_t len;
		const uint8_t *bytes = record_bytes(r, SIGNING_KEY_PUBLIC, &len);

		if (strcmp(record_text(r, SIGNING_KEY_KID), k->kid) == 0)
			return record_int(r, SIGNING_KEY_STATE) != SIGNING_IS_WITHDRAWN &&
			       record_int(r, SIGNING_KEY_ALG) == (int64_t)k->alg &&
			       len == k->public_len &&
			       memcmp(bytes, k->public_bytes, len) == 0;
	}
	return false;
}

enum kerr
jws_set_keys(struct jws *j, const struct record *list, uint32_t *ret_gone)
{
	size_t count = record_count(list, LIST_ITEMS);
	enum kerr result = KERR_OK;

	*ret_gone = 0;
	for (unsigned i = 0; i < JWS_KEYS_MAX; i++) {
		if (!j->used[i] || stays(j, i, list))
			continue;
		*ret_gone |= UINT32_C(1) << i;
		jws_key_clear(&j->keys[i]);
		j->used[i] = false;
	}
	for (size_t n = 0; n < count; n++) {
		const struct record *r = record_at(list, LIST_ITEMS, n);
		enum kerr err;

		if (record_int(r, SIGNING_KEY_STATE) == SIGNING_IS_WITHDRAWN ||
			find_key(j, record_text(r, SIGNING_KEY_KID)) >= 0)
			continue;
		err = add_key(j, r);
		if (result == KERR_OK)
			result = err;
	}
	return result;
}

/* Strict base64url without padding (RFC 7515 section 2). */
static bool
decode(const char *text, size_t len, uint8_t *ret, size_t size, size_t *ret_len)
{
	return len > 0 &&
	       base64_decode(BASE64_URL, text, len, ret, size, ret_len) == KERR_OK;
}

static enum kerr
read_header(struct jws *j, const char *text, size_t len, unsigned *ret_key)
{
	uint8_t json[256];
	size_t json_len;
	struct record *r;
	int key;

	if (len > sizeof(json) || !decode(text, len, json, sizeof(json), &json_len))
		return KERR_INVALID;
	if (json_record_read(&header_schema, j->arena, json, json_len, &r, NULL) !=
		KERR_OK)
		return KERR_INVALID;
	if (strcmp(record_text(r, HEADER_TYP), TYPE) != 0)
		return KERR_INVALID;
	key = find_key(j, record_text(r, HEADER_KID));
	if (key < 0)
		return KERR_NOTFOUND;
	/* RFC 8725 section 3.1: the key says which algorithm it is for, the token only
	 * repeats it. */
	if (strcmp(record_text(r, HEADER_ALG), signing_algs[j->keys[key].alg]) != 0)
		return KERR_INVALID;
	*ret_key = (unsigned)key;
	return KERR_OK;
}

static enum kerr
read_claims(struct jws *j, const char *text, size_t len, struct jws_token *ret)
{
	uint8_t json[JWS_TOKEN_MAX];
	size_t json_len, jti_len;
	const uint8_t *jti;
	struct record *r;

	if (!decode(text, len, json, sizeof(json), &json_len))
		return KERR_INVALID;
	if (json_record_read_loose(&claim_schema, j->arena, json, json_len, &r, NULL) !=
		KERR_OK)
		return KERR_INVALID;
	jti = record_bytes(r, CLAIM_JTI, &jti_len);
	if (strcmp(record_text(r, CLAIM_ISS), j->issuer) != 0 || jti_len < JWS_JTI_MIN ||
		jti_len > JWS_JTI_MAX)
		return KERR_INVALID;
	memcpy(ret->jti, jti, jti_len);
	ret->jti_len = jti_len;
	return KERR_OK;
}

enum kerr
jws_verify(struct jws *j, const char *token, size_t len, struct jws_token *ret)
{
	const char *first = len <= JWS_TOKEN_MAX ? memchr(token, '.', len) : NULL;
	uint8_t signature[SIGNATURE_MAX];
	const char *second;
	size_t signed_len, signature_len;
	enum kerr err;

	if (!first)
		return KERR_INVALID;
	second = memchr(first + 1, '.', len - (size_t)(first + 1 - token));
	if (!second)
		return KERR_INVALID;
	signed_len = (size_t)(second - token);
	if (!decode(second + 1, len - signed_len - 1, signature, sizeof(signature),
		    &signature_len))
		return KERR_INVALID;
	err = read_header(j, token, (size_t)(first - token), &ret->key);
	/* The claims are read only after the signature is known to be ours. */
	if (err == KERR_OK)
		err = jws_key_verify(j->tools, &j->keys[ret->key], token, signed_len,
			signature, signature_len);
	if (err == KERR_OK)
		err = read_claims(j, first + 1, (size_t)(second - first - 1), ret);
	arena_reset(j->arena);
	return err;
}

void
jws_write_set(const struct jws *j, struct buf *out)
{
	bool first = true;

	buf_put_text(out, "{\"keys\":[");
	for (unsigned i = 0; i < JWS_KEYS_MAX; i++) {
		if (!j->used[i])
			continue;
		if (!first)
			buf_put_u8(out, ',');
		jws_key_write(&j->keys[i], out);
		first = false;
	}
	buf_put_text(out, "]}");
}

bool
jws_has_alg(const struct jws *j, unsigned alg)
{
	for (unsigned i = 0; i < JWS_KEYS_MAX; i++) {
		if (j->used[i] && j->keys[i].alg == alg)
			return true;
	}
	return false;
}
