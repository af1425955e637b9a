#include "keyd/front/basic.h"

#include <string.h>

#include "tests/fuzz/fuzz.h"

/* The value of an Authorization field. */

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool started;
	const char *value = (const char *)data, *bearer = NULL;
	struct basic b;
	size_t len = 0;

	if (!started)
		FUZZ_CHECK(secret_pool_start(8, NULL) == KERR_OK);
	started = true;
	if (basic_read(value, size, &b) == KERR_OK) {
		FUZZ_CHECK(
			b.secret != NULL && secret_len(b.secret) <= BASIC_PASSWORD_MAX);
		FUZZ_CHECK(b.user_len <= BASIC_USER_MAX && strlen(b.user) <= b.user_len);
	} else {
		FUZZ_CHECK(b.secret == NULL);
	}
	basic_clear(&b);
	if (bearer_read(value, size, &bearer, &len) == KERR_OK)
		FUZZ_CHECK(len > 0 && bearer >= value && bearer + len <= value + size);
	return 0;
}
