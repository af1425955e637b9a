#include "keyd/front/form.h"

#include <string.h>

#include "core/arena.h"
#include "tests/fuzz/fuzz.h"

/* A form body, and a segment of a path. */

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *bytes = mem_new(size > 0 ? size : 1, 1);
	struct fault fault = {0};
	struct form form;
	size_t len = size;

	FUZZ_CHECK(bytes != NULL);
	if (size > 0)
		memcpy(bytes, data, size);
	if (form_read(&form, bytes, size, &fault) == KERR_OK) {
		FUZZ_CHECK(form.count <= FORM_PAIRS);
		for (unsigned i = 0; i < form.count; i++) {
			const struct form_pair *p = &form.pairs[i];

			FUZZ_CHECK(p->name_len > 0 && p->name_len <= size);
			FUZZ_CHECK(memchr(p->name, 0, p->name_len) == NULL);
			FUZZ_CHECK(p->value_len == 0 ||
				   memchr(p->value, 0, p->value_len) == NULL);
		}
		(void)form_find(&form, "client_id");
	} else {
		FUZZ_CHECK(fault.text[0] != '\0');
	}
	if (size > 0)
		memcpy(bytes, data, size);
	if (form_decode_segment(bytes, &len) == KERR_OK)
		FUZZ_CHECK(len <= size);
	mem_free(bytes);
	return 0;
}
