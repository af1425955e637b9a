#include "core/wire/json_record.h"

#include <check.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "core/secret.h"
#include "core/wire/json_write.h"

enum { PART_NAME, PART_TOKEN, PART__COUNT };

static const struct field part_fields[] = {
	[PART_NAME] = {.name = "name", .type = FIELD_TEXT, .min = 1, .max = 20},
	[PART_TOKEN] = {.name = "token", .type = FIELD_SECRET, .min = 1, .max = 64},
};
static const struct schema part_schema = {
	.name = "part", .fields = part_fields, .count = PART__COUNT};

static const char *const colours[] = {"red", "green", "blue", NULL};

enum {
	T_BOOL,
	T_INT,
	T_TIME,
	T_DATE,
	T_TEXT,
	T_ENUM,
	T_BYTES,
	T_SECRET,
	T_INTS,
	T_TEXTS,
	T_PARTS,
	T__COUNT
};

static const struct field thing_fields[] = {
	[T_BOOL] = {.name = "on", .type = FIELD_BOOL},
	[T_INT] = {.name = "size", .type = FIELD_INT, .min = INT64_MIN, .max = INT64_MAX},
	[T_TIME] = {.name = "at", .type = FIELD_TIME},
	[T_DATE] = {.name = "day", .type = FIELD_DATE},
	[T_TEXT] = {.name = "title", .type = FIELD_TEXT, .min = 0, .max = 400},
	[T_ENUM] = {.name = "colour", .type = FIELD_ENUM, .words = colours},
	[T_BYTES] = {.name = "hash", .type = FIELD_BYTES, .min = 0, .max = 80},
	[T_SECRET] = {.name = "secret", .type = FIELD_SECRET, .min = 1, .max = 100},
	[T_INTS] = {.name = "numbers", .type = FIELD_INTS, .min = 0, .max = 4},
	[T_TEXTS] = {.name = "words", .type = FIELD_TEXTS, .min = 0, .max = 20},
	[T_PARTS] = {.name = "parts",
		.type = FIELD_RECORDS,
		.sub = &part_schema,
		.min = 0,
		.max = 10},
};
static const struct schema thing_schema = {
	.name = "thing", .fields = thing_fields, .count = T__COUNT};

static struct arena *arena;
static struct buf out;
static struct fault fault;

static void
start(void)
{
	ck_assert_int_eq(secret_pool_start(8, &fault), KERR_OK);
	json_start();
}

static void
setup(void)
{
	arena = arena_new(1 << 20);
	ck_assert_ptr_nonnull(arena);
	buf_init(&out, 1 << 20);
	memset(&fault, 0, sizeof(fault));
}

static void
teardown(void)
{
	buf_clear(&out);
	arena_free(arena);
}

static unsigned
free_slots(void)
{
	struct secret *held[16] = {NULL};
	unsigned n = 0;

	while (n < 16 && (held[n] = secret_new("x", 1)))
		n++;
	for (unsigned i = 0; i < n; i++)
		secret_free(held[i]);
	return n;
}

static struct record *
reads(const char *text)
{
	struct record *r = NULL;
	enum kerr err =
		json_record_read(&thing_schema, arena, text, strlen(text), &r, &fault);

	ck_assert_msg(err == KERR_OK, "%s: %s %s", text, fault.field, fault.text);
	return r;
}

static void
refuses_bytes(const char *text, size_t len, const char *field)
{
	struct record *r = NULL;

	memset(&fault, 0, sizeof(fault));
	ck_assert_msg(json_record_read(&thing_schema, arena, text, len, &r, &fault) ==
			      KERR_INVALID,
		"%s", text);
	ck_assert_ptr_null(r);
	ck_assert_str_eq(fault.field, field);
	ck_assert(fault.text[0]);
	ck_assert_ptr_null(strstr(fault.text, "PLANTED"));
	ck_assert_uint_eq(free_slots(), 8);
}

static void
refuses(const char *text, const char *field)
{
	refuses_bytes(text, strlen(text), field);
}

START_TEST(a_record_is_written_as_it_is_read)
{
	static const char text[] =
		"{\"on\":true,\"size\":-9223372036854775808,"
		"\"at\":\"2026-11-24T17:00:00Z\",\"day\":\"2026-06-30\","
		"\"title\":\"Zoë \\\"x\\\\y\\\"\\n\\u0001\\u007f/\",\"colour\":\"blue\","
		"\"hash\":\"AP8-_w\",\"numbers\":[1,-2,9223372036854775807],"
		"\"words\":[\"\",\"b\"],\"parts\":[{\"name\":\"a\"},{}]}";
	struct record *r = reads(text);
	const uint8_t *bytes;
	size_t len;

	ck_assert_str_eq(record_text(r, T_TEXT), "Zoë \"x\\y\"\n\x01\x7f/");
	bytes = record_bytes(r, T_BYTES, &len);
	ck_assert_uint_eq(len, 4);
	ck_assert_mem_eq(bytes, "\x00\xff\x3e\xff", 4);
	ck_assert_int_eq(record_int(r, T_TIME), 1795539600);
	json_record_write(&out, r, 0);
	ck_assert_int_eq(buf_error(&out), KERR_OK);
	ck_assert_str_eq(buf_text(&out), text);
}
END_TEST

START_TEST(secrets_are_written_only_when_asked_for)
{
	struct record *r = reads("{\"secret\":\"PLANTED\\\"1\",\"parts\":"
				 "[{\"token\":\"PLANTED2\"}]}");

	ck_assert_mem_eq(secret_reveal(record_secret(r, T_SECRET)), "PLANTED\"1", 9);
	json_record_write(&out, r, 0);
	ck_assert_str_eq(buf_text(&out), "{\"parts\":[{}]}");
	buf_reset(&out);
	json_record_write(&out, r, JSON_WITH_SECRETS);
	ck_assert_str_eq(buf_text(&out),
		"{\"secret\":\"PLANTED\\\"1\",\"parts\":[{\"token\":\"PLANTED2\"}]}");
	record_drop_secrets(r);
	ck_assert_uint_eq(free_slots(), 8);
}
END_TEST

/* Blocks as the heap hands them out, with what was in them before. */
static bool
heap_holds(const char *text, size_t size)
{
	void *blocks[64] = {NULL};
	bool found = false;

	for (size_t i = 0; i < 64; i++) {
		blocks[i] = malloc(size);
		ck_assert_ptr_nonnull(blocks[i]);
		/* So that the compiler believes somebody filled it. */
		__asm__ volatile("" : "+r"(blocks[i]) : : "memory");
		found = found || memmem(blocks[i], size, text, strlen(text));
	}
	for (size_t i = 0; i < 64; i++)
		free(blocks[i]);
	return found;
}

START_TEST(jansson_leaves_nothing_of_a_secret_in_freed_memory)
{
	static const char text[] =
		"{\"secret\":\"0123456789012345678901234567890123PLANTED\"}";
	struct record *r = reads(text);

	record_drop_secrets(r);
	for (size_t size = 24; size < 512; size += 16)
		ck_assert_msg(!heap_holds("PLANTED", size), "%zu bytes", size);
}
END_TEST

START_TEST(every_fault_names_its_field)
{
	refuses("{\"on\":1}", "on");
	refuses("{\"on\":null}", "on");
	refuses("{\"size\":1.0}", "size");
	refuses("{\"size\":\"1\"}", "size");
	refuses("{\"at\":1}", "at");
	refuses("{\"at\":\"2026-11-24 17:00\"}", "at");
	refuses("{\"at\":\"2026-02-30T17:00:00Z\"}", "at");
	refuses("{\"day\":\"2026-13-01\"}", "day");
	refuses("{\"title\":{}}", "title");
	refuses("{\"colour\":\"yellow\"}", "colour");
	refuses("{\"colour\":0}", "colour");
	refuses("{\"hash\":\"AP8+/w\"}", "hash");
	refuses("{\"hash\":\"AP8-_w==\"}", "hash");
	refuses("{\"hash\":\"AP8-_x\"}", "hash"); /* bits beyond the last byte */
	refuses("{\"numbers\":7}", "numbers");
	refuses("{\"numbers\":[1,\"2\"]}", "numbers");
	refuses("{\"numbers\":[1,2,3,4,5]}", "numbers");
	refuses("{\"words\":[1]}", "words");
	refuses("{\"parts\":[{},{\"name\":1}]}", "parts[1].name");
	refuses("{\"parts\":[{\"token\":\"PLANTED\"},{\"nam\":1}]}", "parts[1].nam");
	refuses("{\"parts\":[[]]}", "parts");
	refuses("{\"tittle\":1}", "tittle");
	refuses("{\"secret\":\"PLANTED\",\"zzz\":1}", "zzz");
	refuses("{\"secret\":7}", "secret");
	refuses("{\"title\":\"a\",\"title\":\"b\"}", "title");
	refuses("{\"secret\":\"PLANTED\",\"secret\":\"PLANTED\"}", "secret");
	refuses("{\"parts\":[{\"name\":\"a\",\"name\":\"b\"}]}", "name");
}
END_TEST

START_TEST(a_secret_typed_as_a_name_is_not_repeated)
{
	refuses("{\"kds_PLANTED-0000\":1}", "?");
	refuses("{\"PLANTED\":1}", "?");
	refuses("{\"a1b2c3d4e5\":1}", "?");
	refuses("{\"\":1}", "?");
	refuses("{\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\":1}", "?");
	refuses("{\"PLANTED\":1,\"PLANTED\":1}", "?");
	refuses("{\"a\\u0022PLANTED\":1,\"a\\u0022PLANTED\":1}", "?");
	refuses("{\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\":1,"
		"\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\":1}",
		"?");
	refuses("{\"title\":PLANTED}", "");
	refuses("{\"secret\":\"PLANTED", "");
}
END_TEST

START_TEST(a_secret_longer_than_any_slot_is_refused)
{
	char text[SECRET_POOL_MAX_LEN + 32];

	memset(text, 'x', sizeof(text));
	memcpy(text, "{\"secret\":\"", 11);
	memcpy(text + sizeof(text) - 3, "\"}", 3);
	refuses(text, "secret");
}
END_TEST

START_TEST(what_is_not_exactly_one_object_is_refused)
{
	refuses("", "");
	refuses(" ", "");
	refuses("[]", "");
	refuses("7", "");
	refuses("\"a\"", "");
	refuses("{}{}", "");
	refuses("{} x", "");
	refuses("{", "");
	refuses("{\"a\" 1}", "");
	refuses("{'title':1}", "");
	refuses("{\"title\":\"a\",}", "");
	refuses("{\"title\":\"\xff\"}", "");
	refuses("{\"title\":\"\xed\xa0\x80\"}", "");
	refuses("{\"title\":\"\\ud800\"}", "");
	refuses("{\"title\":\"a\\u0000b\"}", "");
	refuses("{\"ti\\u0000tle\":\"a\"}", "");
	refuses("{\"size\":9223372036854775808}", "");
	refuses("{\"size\":01}", "");
	refuses("{\"size\":NaN}", "");
	refuses_bytes("{}\0", 3, "");
	refuses_bytes("{\"title\":\"a\0b\"}", 15, "");
	refuses_bytes("{\"title\":\"a\\\0b\"}", 16, "");
	reads(" {} \r\n");
}
END_TEST

START_TEST(nesting_is_bounded_but_not_by_brackets_in_text)
{
	refuses("{\"a\":[[[[[[[[1]]]]]]]]}", "");
	reads("{\"title\":\"[[[[[[[[[[[[\\\"[[[[[[[\"}");
}
END_TEST

START_TEST(every_cut_of_a_document_is_refused_without_a_leak)
{
	static const char text[] = "{\"secret\":\"PLANTED\",\"parts\":[{\"token\":"
				   "\"PLANTED\",\"name\":\"\\u00e4\"}],\"size\":1}";

	for (size_t len = 0; len < sizeof(text) - 1; len++)
		refuses_bytes(text, len, "");
}
END_TEST

START_TEST(without_a_free_slot_nothing_is_kept)
{
	static const char text[] = "{\"secret\":\"a\",\"parts\":[{\"token\":\"b\"}]}";
	struct record *r = NULL;
	struct secret *held[7];

	for (size_t i = 0; i < 7; i++)
		held[i] = secret_new("x", 1);
	ck_assert_int_eq(
		json_record_read(&thing_schema, arena, text, strlen(text), &r, &fault),
		KERR_NOMEM);
	ck_assert_int_eq(fault.err, KERR_NOMEM);
	for (size_t i = 0; i < 7; i++)
		secret_free(held[i]);
	ck_assert_uint_eq(free_slots(), 8);
}
END_TEST

START_TEST(bytes_that_are_not_utf8_become_replacement_characters)
{
	json_put_string(&out,
		"a\xff"
		"é\xc3",
		5);
	ck_assert_str_eq(buf_text(&out), "\"a\xEF\xBF\xBDé\xEF\xBF\xBD\"");
	buf_reset(&out);
	json_put_string(&out, "\xf0\x9f\x98\x80\xed\xa0\x80", 7);
	ck_assert_str_eq(buf_text(&out), "\"\xf0\x9f\x98\x80\xEF\xBF\xBD\xEF\xBF\xBD"
					 "\xEF\xBF\xBD\"");
}
END_TEST

START_TEST(every_byte_string_is_written_as_json_that_reads_back)
{
	uint32_t seed = 1;

	for (int round = 0; round < 2000; round++) {
		char text[24];
		json_t *json;

		for (size_t i = 0; i < sizeof(text); i++) {
			seed = seed * 1664525 + 1013904223;
			text[i] = (char)(seed >> 24);
		}
		buf_reset(&out);
		buf_put_u8(&out, '[');
		json_put_string(&out, text, sizeof(text));
		buf_put_u8(&out, ']');
		json = json_loadb((const char *)out.data, out.len, JSON_ALLOW_NUL, NULL);
		ck_assert_ptr_nonnull(json);
		json_decref(json);
	}
}
END_TEST

START_TEST(loose_reading_passes_over_what_is_not_ours_but_not_faults)
{
	static const char good[] = "{\"SIZE\":7,\"Zzz\":[null],\"Title\":\"a\"}";
	static const char twice[] = "{\"secret\":\"PLANTED\",\"Size\":7,\"size\":8}";
	static const char wrong[] = "{\"Secret\":\"PLANTED\",\"SIZE\":true}";
	struct record *r = NULL;

	ck_assert_int_eq(json_record_read_loose(
				 &thing_schema, arena, good, strlen(good), &r, &fault),
		KERR_OK);
	ck_assert_int_eq(record_int(r, T_INT), 7);
	ck_assert_str_eq(record_text(r, T_TEXT), "a");
	ck_assert_int_eq(json_record_read_loose(
				 &thing_schema, arena, twice, strlen(twice), &r, &fault),
		KERR_INVALID);
	ck_assert_str_eq(fault.field, "size");
	ck_assert_int_eq(json_record_read_loose(
				 &thing_schema, arena, wrong, strlen(wrong), &r, &fault),
		KERR_INVALID);
	ck_assert_str_eq(fault.field, "size");
	ck_assert_uint_eq(free_slots(), 8);
}
END_TEST

START_TEST(a_list_survives)
{
	struct record *r = reads("{\"size\":7}");
	struct json_list list;

	json_list_begin(&out);
	json_list_item(&out, r, 0);
	json_list_item(&out, r, 0);
	json_list_end(&out, 12, "cur\"sor");
	ck_assert_str_eq(buf_text(&out), "{\"items\":[{\"size\":7},{\"size\":7}],"
					 "\"total\":12,\"after\":\"cur\\\"sor\"}");
	ck_assert_int_eq(
		json_list_read(&thing_schema, arena, out.data, out.len, &list, &fault),
		KERR_OK);
	ck_assert_uint_eq(list.count, 2);
	ck_assert_int_eq(record_int(list.items[1], T_INT), 7);
	ck_assert_int_eq(list.total, 12);
	ck_assert_str_eq(list.after, "cur\"sor");
	buf_reset(&out);
	json_list_begin(&out);
	json_list_end(&out, -1, NULL);
	ck_assert_str_eq(buf_text(&out), "{\"items\":[],\"total\":null,\"after\":null}");
	ck_assert_int_eq(
		json_list_read(&thing_schema, arena, out.data, out.len, &list, &fault),
		KERR_OK);
	ck_assert_uint_eq(list.count, 0);
	ck_assert_int_eq(list.total, -1);
	ck_assert_ptr_null(list.after);
}
END_TEST

START_TEST(a_broken_list_names_the_place_and_leaks_nothing)
{
	static const struct {
		const char *text;
		const char *field;
	} rows[] = {
		{"{\"total\":1}", "items"},
		{"{\"items\":{}}", "items"},
		{"{\"items\":[1]}", "items"},
		{"{\"items\":[{\"secret\":\"s\"},{\"size\":true}]}", "items[1].size"},
		{"{\"items\":[{\"secret\":\"s\"}],\"total\":\"1\"}", "total"},
		{"{\"items\":[{\"secret\":\"s\"}],\"after\":1}", "after"},
		{"{\"items\":[],\"other\":1}", "other"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct json_list list = {.count = 0};

		ck_assert_int_eq(json_list_read(&thing_schema, arena, rows[i].text,
					 strlen(rows[i].text), &list, &fault),
			KERR_INVALID);
		ck_assert_str_eq(fault.field, rows[i].field);
		ck_assert_uint_eq(free_slots(), 8);
	}
}
END_TEST

START_TEST(a_problem_survives)
{
	struct fault back = {.err = KERR_OK};
	static const char strange[] =
		"{\"type\":\"about:blank\",\"title\":\"Oh\",\"x\":1}";

	fault_set(&fault, KERR_TOO_LARGE, "items[3].name", "is \"too\" long");
	json_problem_write(&out, 413, &fault);
	ck_assert_str_eq(buf_text(&out),
		"{\"type\":\"urn:keyd:problem:too-large\","
		"\"title\":\"it is larger than allowed\",\"status\":413,"
		"\"detail\":\"is \\\"too\\\" long\",\"field\":\"items[3].name\"}");
	ck_assert_int_eq(json_problem_read(out.data, out.len, &back), KERR_OK);
	ck_assert_int_eq(back.err, KERR_TOO_LARGE);
	ck_assert_str_eq(back.field, "items[3].name");
	ck_assert_str_eq(back.text, "is \"too\" long");
	ck_assert_int_eq(json_problem_read(strange, strlen(strange), &back), KERR_OK);
	ck_assert_int_eq(back.err, KERR_INTERNAL);
	ck_assert_str_eq(back.text, "Oh");
	ck_assert_int_eq(json_problem_read("<html>", 6, &back), KERR_PROTOCOL);
	ck_assert_int_eq(json_problem_read("{}", 2, &back), KERR_PROTOCOL);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("json_record");
	TCase *tc = tcase_create("json_record");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_unchecked_fixture(tc, start, NULL);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a_record_is_written_as_it_is_read);
	tcase_add_test(tc, secrets_are_written_only_when_asked_for);
	tcase_add_test(tc, jansson_leaves_nothing_of_a_secret_in_freed_memory);
	tcase_add_test(tc, every_fault_names_its_field);
	tcase_add_test(tc, a_secret_typed_as_a_name_is_not_repeated);
	tcase_add_test(tc, a_secret_longer_than_any_slot_is_refused);
	tcase_add_test(tc, what_is_not_exactly_one_object_is_refused);
	tcase_add_test(tc, nesting_is_bounded_but_not_by_brackets_in_text);
	tcase_add_test(tc, every_cut_of_a_document_is_refused_without_a_leak);
	tcase_add_test(tc, without_a_free_slot_nothing_is_kept);
	tcase_add_test(tc, bytes_that_are_not_utf8_become_replacement_characters);
	tcase_add_test(tc, every_byte_string_is_written_as_json_that_reads_back);
	tcase_add_test(tc, loose_reading_passes_over_what_is_not_ours_but_not_faults);
	tcase_add_test(tc, a_list_survives);
	tcase_add_test(tc, a_broken_list_names_the_place_and_leaks_nothing);
	tcase_add_test(tc, a_problem_survives);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
