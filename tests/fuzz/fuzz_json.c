#include "core/wire/json_record.h"

#include <string.h>

#include "core/model/model.h"
#include "tests/fuzz/fuzz.h"

/* A body that people send, as a record: the first byte chooses its schema. What is good
 * crosses to the keeper and is the same there. */

static const struct schema *const schemas[] = {&vendor_schema, &application_schema,
	&client_act_schema, &find_ask_schema, &operator_schema, &ods_schema, &year_schema,
	&client_schema};
#define COUNT (sizeof(schemas) / sizeof(schemas[0]))

static void
cross(const struct schema *s, struct arena *a, const struct record *r)
{
	struct record *other = NULL;
	struct buf first, second;

	buf_init(&first, 1u << 20);
	buf_init(&second, 1u << 20);
	record_encode(r, &first);
	FUZZ_CHECK(buf_error(&first) == KERR_OK);
	FUZZ_CHECK(record_decode(s, a, first.data, first.len, &other) == KERR_OK);
	record_encode(other, &second);
	FUZZ_CHECK(first.len == second.len);
	FUZZ_CHECK(first.len == 0 || memcmp(first.data, second.data, first.len) == 0);
	record_drop_secrets(other);
	buf_clear(&first);
	buf_clear(&second);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool started;
	const struct schema *s;
	struct record *r = NULL;
	struct json_list list;
	struct fault fault = {0};
	struct arena *a;

	if (size == 0)
		return 0;
	if (!started) {
		FUZZ_CHECK(secret_pool_start(64, NULL) == KERR_OK);
		json_start();
	}
	started = true;
	s = schemas[data[0] % COUNT];
	a = arena_new(1u << 20);
	FUZZ_CHECK(a != NULL);
	if (json_record_read(s, a, data + 1, size - 1, &r, &fault) == KERR_OK) {
		if (record_check(r, RECORD_ADD, &fault) == KERR_OK)
			cross(s, a, r);
		record_drop_secrets(r);
	} else {
		FUZZ_CHECK(r == NULL);
	}
	if (json_record_read_loose(s, a, data + 1, size - 1, &r, &fault) == KERR_OK)
		record_drop_secrets(r);
	if (json_list_read(s, a, data + 1, size - 1, &list, &fault) == KERR_OK)
		json_list_drop_secrets(&list);
	(void)!json_problem_read(data + 1, size - 1, &fault);
	arena_free(a);
	return 0;
}
