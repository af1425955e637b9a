#include "keyd/cli/pasted.h"

#include <string.h>

#include <sodium.h>

#include "core/base64.h"
#include "core/credential.h"

#define JTI_MAX    256 /* characters of a token's id */
#define CLAIMS_MAX 8192

static const char jti_name[] = "\"jti\":\"";

static bool
is_word(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z') || c == '-' || c == '_' || c == '.';
}

struct kept {
	char *text;
	size_t size, len;
};

/* What does not fit any more is left out: there are enough to look at. */
static void
keep(struct kept *k, const char *text, size_t len)
{
	size_t gap = k->len ? 1 : 0;

	if (k->len + gap + len > k->size)
		return;
	if (gap)
		k->text[k->len++] = ' ';
	memcpy(k->text + k->len, text, len);
	k->len += len;
}

/* The second of three parts (RFC 7515 section 3.1), when the first is a JOSE header. */
static bool
claims_of(const char *word, size_t len, const char **ret, size_t *ret_len)
{
	const char *dot = memchr(word, '.', len), *end;

	if (len < 3 || memcmp(word, "eyJ", 3) != 0 || !dot)
		return false;
	end = memchr(dot + 1, '.', len - (size_t)(dot + 1 - word));
	if (!end)
		return false;
	*ret = dot + 1;
	*ret_len = (size_t)(end - dot - 1);
	return true;
}

/* {"jti":"…"} alone, in a token's form. */
static void
keep_token(struct kept *k, const char *id, size_t id_len)
{
	char claims[JTI_MAX + 16], token[2 * JTI_MAX + 32] = "eyJ.";
	size_t n = 0, len;

	claims[n++] = '{';
	memcpy(claims + n, jti_name, sizeof(jti_name) - 1);
	n += sizeof(jti_name) - 1;
	memcpy(claims + n, id, id_len);
	n += id_len;
	memcpy(claims + n, "\"}", 2);
	n += 2;
	sodium_bin2base64(token + 4, sizeof(token) - 6, (const uint8_t *)claims, n,
		sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	len = strlen(token);
	token[len++] = '.';
	keep(k, token, len);
	sodium_memzero(claims, sizeof(claims));
	sodium_memzero(token, sizeof(token));
}

static bool
take_token(struct kept *k, const char *word, size_t len)
{
	uint8_t claims[CLAIMS_MAX];
	const char *part, *id, *end;
	size_t part_len, n = 0;

	if (!claims_of(word, len, &part, &part_len))
		return false;
	if (base64_decode(BASE64_URL, part, part_len, claims, sizeof(claims), &n) !=
		KERR_OK)
		n = 0;
	id = n ? memmem(claims, n, jti_name, sizeof(jti_name) - 1) : NULL;
	if (id) {
		id += sizeof(jti_name) - 1;
		end = memchr(id, '"', n - (size_t)(id - (const char *)claims));
		if (end && end - id <= JTI_MAX)
			keep_token(k, id, (size_t)(end - id));
	}
	sodium_memzero(claims, sizeof(claims));
	return true;
}

static void
take_word(struct kept *k, const char *word, size_t len)
{
	char key[CREDENTIAL_KEY_LEN + 1];

	if (take_token(k, word, len))
		return;
	if (credential_secret_read(word, len, NULL, NULL) != CREDENTIAL_NOT_A_SECRET ||
		credential_key_canonical(word, len, key) == KERR_OK)
		keep(k, word, len);
}

static bool
has_token(const char *text, size_t len)
{
	const char *part;
	size_t at = 0, n, part_len;

	while (at < len) {
		for (n = 0; at + n < len && is_word(text[at + n]); n++)
			;
		if (claims_of(text + at, n, &part, &part_len))
			return true;
		at += n + 1;
	}
	return false;
}

enum kerr
pasted_reduce(const char *text, size_t len, struct secret **ret)
{
	struct kept k = {.size = SECRET_POOL_MAX_LEN};
	size_t at = 0, n;
	enum kerr err = KERR_OK;

	*ret = NULL;
	if (len <= SECRET_POOL_MAX_LEN && !has_token(text, len)) {
		*ret = len ? secret_new(text, len) : NULL;
		return *ret || !len ? KERR_OK : KERR_NOMEM;
	}
	k.text = sodium_malloc(k.size);
	if (!k.text)
		return KERR_NOMEM;
	while (at < len) {
		for (n = 0; at + n < len && is_word(text[at + n]); n++)
			;
		if (n >= CREDENTIAL_KEY_LEN)
			take_word(&k, text + at, n);
		at += n + 1;
	}
	if (k.len) {
		*ret = secret_new(k.text, k.len);
		err = *ret ? KERR_OK : KERR_NOMEM;
	}
	sodium_free(k.text);
	return err;
}

enum kerr
pasted_secret(const char *text, size_t len, struct secret **ret)
{
	const char *found = NULL;
	size_t found_len = 0, at = 0, n;

	*ret = NULL;
	if (len <= SECRET_POOL_MAX_LEN &&
		credential_secret_read(text, len, NULL, NULL) == CREDENTIAL_SECRET) {
		*ret = secret_new(text, len);
		return *ret ? KERR_OK : KERR_NOMEM;
	}
	for (; at < len; at += n + 1) {
		for (n = 0; at + n < len && is_word(text[at + n]); n++)
			;
		if (n > SECRET_POOL_MAX_LEN || credential_secret_read(text + at, n, NULL,
						       NULL) != CREDENTIAL_SECRET)
			continue;
		if (found)
			return KERR_OK;
		found = text + at;
		found_len = n;
	}
	if (found)
		*ret = secret_new(found, found_len);
	return *ret || !found ? KERR_OK : KERR_NOMEM;
}
