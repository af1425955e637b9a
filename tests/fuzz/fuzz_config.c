#include "keyd/parent/config/config.h"

#include <string.h>

#include "core/clock.h"
#include "tests/fuzz/fuzz.h"

/* A configuration file. A good one is shown as one that says the same. */

static void
show(const struct record *settings, struct buf *out)
{
	buf_init(out, CONFIG_MAX * 4);
	config_show(settings, out);
	FUZZ_CHECK(buf_error(out) == KERR_OK);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new(CONFIG_ARENA * 2);
	struct record *settings = NULL, *second = NULL;
	struct fault fault = {0};
	struct buf shown, again;

	FUZZ_CHECK(a != NULL);
	if (config_read("fuzz.yaml", (const char *)data, size, a, &settings, &fault) ==
		KERR_OK) {
		show(settings, &shown);
		FUZZ_CHECK(config_read("shown.yaml", (const char *)shown.data, shown.len,
				   a, &second, &fault) == KERR_OK);
		show(second, &again);
		FUZZ_CHECK(shown.len == again.len &&
			   memcmp(shown.data, again.data, shown.len) == 0);
		buf_clear(&shown);
		buf_clear(&again);
	} else {
		FUZZ_CHECK(fault.text[0] != '\0');
	}
	arena_free(a);
	return 0;
}
