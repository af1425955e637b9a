#include "keyd/front/basic.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include <sodium.h>

#include "keyd/front/form.h"

/* Each byte of both may be sent as %XX. */
#define DECODED_MAX (3 * (BASIC_USER_MAX + BASIC_PASSWORD_MAX) + 1)

/* What stands behind the scheme and its blanks; NULL when the scheme is another. */
static const char *
after_scheme(const char *value, size_t len, const char *scheme, size_t *ret_len)
{
	size_t n = strlen(scheme);

	if (len < n || strncasecmp(value, scheme, n) != 0 || (len > n && value[n] != ' '))
		return NULL;
	while (n < len && value[n] == ' ')
		n++;
	*ret_len = len - n;
	return value + n;
}

static void
percent_decode(uint8_t *bytes, size_t *len)
{
	uint8_t copy[DECODED_MAX];
	size_t copy_len = *len;

	if (!memchr(bytes, '%', *len))
		return;
	memcpy(copy, bytes, copy_len);
	if (form_decode_segment(copy, &copy_len) == KERR_OK) {
		memcpy(bytes, copy, copy_len);
		*len = copy_len;
	}
	sodium_memzero(copy, sizeof(copy));
}

static enum kerr
split(uint8_t *bytes, size_t len, struct basic *ret)
{
	uint8_t *colon = memchr(bytes, ':', len);
	size_t user_len, password_len;

	if (!colon)
		return KERR_UNKNOWN_CALLER;
	user_len = (size_t)(colon - bytes);
	password_len = len - user_len - 1;
	percent_decode(bytes, &user_len);
	percent_decode(colon + 1, &password_len);
	if (user_len > BASIC_USER_MAX || password_len > BASIC_PASSWORD_MAX)
		return KERR_UNKNOWN_CALLER;
	ret->secret = secret_new(colon + 1, password_len);
	if (!ret->secret)
		return KERR_NOMEM;
	memcpy(ret->user, bytes, user_len);
	ret->user[user_len] = '\0';
	ret->user_len = user_len;
	return KERR_OK;
}

enum kerr
basic_read(const char *value, size_t len, struct basic *ret)
{
	uint8_t bytes[DECODED_MAX];
	size_t used = 0;
	enum kerr err;

	ret->secret = NULL;
	ret->user_len = 0;
	ret->user[0] = '\0';
	value = after_scheme(value, len, "Basic", &len);
	if (!value)
		return KERR_UNSUPPORTED;
	if (len > (sizeof(bytes) + 2) / 3 * 4)
		return KERR_UNKNOWN_CALLER;
	if (!len || sodium_base642bin(bytes, sizeof(bytes), value, len, NULL, &used, NULL,
			    sodium_base64_VARIANT_ORIGINAL) != 0)
		err = KERR_INVALID;
	else
		err = split(bytes, used, ret);
	sodium_memzero(bytes, sizeof(bytes));
	return err;
}

void
basic_clear(struct basic *b)
{
	secret_free(b->secret);
	sodium_memzero(b->user, sizeof(b->user));
	b->secret = NULL;
	b->user_len = 0;
}

enum kerr
bearer_read(const char *value, size_t len, const char **ret, size_t *ret_len)
{
	size_t token_len = 0;
	const char *token = after_scheme(value, len, "Bearer", &token_len);

	if (!token)
		return KERR_UNSUPPORTED;
	if (!token_len)
		return KERR_INVALID;
	*ret = token;
	*ret_len = token_len;
	return KERR_OK;
}
