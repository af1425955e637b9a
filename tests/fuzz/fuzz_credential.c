#include "core/credential.h"

#include <string.h>

#include "tests/fuzz/fuzz.h"

/* What somebody typed for a key or a secret. */

static void
read_secret(const char *typed, size_t size)
{
	struct secret *first = NULL, *second = NULL;
	int group = -1;

	switch (credential_secret_read(typed, size, &first, &group)) {
	case CREDENTIAL_SECRET:
		FUZZ_CHECK(first != NULL);
		FUZZ_CHECK(secret_len(first) == CREDENTIAL_CANONICAL_LEN);
		FUZZ_CHECK(
			credential_secret_read((const char *)secret_reveal(first),
				secret_len(first), &second, NULL) == CREDENTIAL_SECRET);
		FUZZ_CHECK(secret_equal(first, second));
		break;
	case CREDENTIAL_TYPING_ERROR:
		FUZZ_CHECK(group >= 0 && group <= CREDENTIAL_SECRET_GROUPS);
		FUZZ_CHECK(first == NULL);
		break;
	case CREDENTIAL_NOT_A_SECRET:
		FUZZ_CHECK(first == NULL && group == -1);
		break;
	}
	secret_free(first);
	secret_free(second);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool started;
	const char *typed = (const char *)data;
	char key[CREDENTIAL_KEY_LEN + 1], again[CREDENTIAL_KEY_LEN + 1];

	if (!started)
		FUZZ_CHECK(secret_pool_start(8, NULL) == KERR_OK);
	started = true;
	read_secret(typed, size);
	if (credential_key_canonical(typed, size, key) == KERR_OK) {
		FUZZ_CHECK(strlen(key) == CREDENTIAL_KEY_LEN);
		FUZZ_CHECK(credential_key_canonical(key, strlen(key), again) == KERR_OK);
		FUZZ_CHECK(strcmp(key, again) == 0);
	}
	(void)credential_looks_secret(typed, size);
	return 0;
}
