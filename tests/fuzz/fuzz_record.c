#include "core/record.h"

#include <string.h>

#include "keyd/role/gate.h"
#include "tests/fuzz/fuzz.h"

/* A payload between keyd's processes; the first byte chooses the message, its highest
 * bit the answer. What is taken is what record_encode() makes, byte for byte. */

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool started;
	const struct gate_row *row;
	const struct schema *s;
	struct record *r = NULL;
	struct fault fault = {0};
	struct arena *a;
	struct buf again;

	if (size == 0)
		return 0;
	if (!started)
		FUZZ_CHECK(secret_pool_start(64, NULL) == KERR_OK);
	started = true;
	row = gate_at((data[0] & 0x7f) % gate_count());
	s = data[0] & 0x80 ? row->answered : row->asked;
	if (s == NULL)
		return 0;
	a = arena_new(4u << 20);
	FUZZ_CHECK(a != NULL);
	if (record_decode(s, a, data + 1, size - 1, &r) == KERR_OK) {
		buf_init(&again, 1u << 20);
		record_encode(r, &again);
		FUZZ_CHECK(buf_error(&again) == KERR_OK && again.len == size - 1);
		FUZZ_CHECK(
			again.len == 0 || memcmp(again.data, data + 1, again.len) == 0);
		(void)!record_check(r, RECORD_ADD, &fault);
		buf_clear(&again);
		record_drop_secrets(r);
	}
	arena_free(a);
	return 0;
}
