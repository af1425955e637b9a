#include "admin-tui/paste.h"

#include <string.h>

#include "core/credential.h"

static bool
is_word(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
}

/* How much of keyd's a word is: 3 a secret, 2 one with a typing error, 1 a key. */
static int
worth(const char *word, size_t len)
{
	char key[CREDENTIAL_KEY_LEN + 1];

	switch (credential_secret_read(word, len, NULL, NULL)) {
	case CREDENTIAL_SECRET:
		return 3;
	case CREDENTIAL_TYPING_ERROR:
		return 2;
	case CREDENTIAL_NOT_A_SECRET:
		break;
	}
	return credential_key_canonical(word, len, key) == KERR_OK ? 1 : 0;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

enum kerr
paste_read(const char *text, size_t len, struct paste *ret, struct fault *fault)
{
	size_t best = 0, best_len = 0, n;
	int most = 0, value;

	while (len > 0 && is_blank(text[len - 1]))
		len--;
	while (len > 0 && is_blank(text[0])) {
		text++;
		len--;
	}
	if (len == 0)
		return fault_set(fault, KERR_INVALID, "", "there is nothing in it");
	for (size_t at = 0; at < len; at += n + 1) {
		for (n = 0; at + n < len && is_word(text[at + n]); n++)
			;
		value = n >= CREDENTIAL_KEY_LEN ? worth(text + at, n) : 0;
		if (value > most) {
			most = value;
			best = at;
			best_len = n;
		}
	}
	/* A whole secret goes alone; else keyd sees all, if it is not too much. */
	if (most < 3 && len <= SECRET_POOL_MAX_LEN) {
		best = 0;
		best_len = len;
	} else if (most == 0) {
		return fault_set(fault, KERR_INVALID, "",
			"no key or secret of keyd's form in it, and too long to be asked "
			"whole (%d bytes)",
			SECRET_POOL_MAX_LEN);
	}
	ret->whole = most == 3;
	ret->secret = secret_new(text + best, best_len);
	return ret->secret != NULL
		       ? KERR_OK
		       : fault_set(fault, KERR_NOMEM, "", "%s", kerr_text(KERR_NOMEM));
}
