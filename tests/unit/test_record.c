#include "core/record.h"

#include <check.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "core/secret.h"

enum { PART_NAME, PART_TOKEN, PART_UNTIL, PART__COUNT };

static const struct field part_fields[] = {
	[PART_NAME] = {.name = "name",
		.type = FIELD_TEXT,
		.min = 1,
		.max = 20,
		.flags = FIELD_REQUIRED},
	[PART_TOKEN] = {.name = "token", .type = FIELD_SECRET, .min = 1, .max = 64},
	[PART_UNTIL] = {.name = "until", .type = FIELD_TIME},
};
static const struct schema part_schema = {
	.name = "part", .fields = part_fields, .count = PART__COUNT};

static const char *const colours[] = {"red", "green", "blue", NULL};
static const char *const other_colours[] = {"blue", "red", NULL};

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
	T_MADE,
	T_FIXED,
	T__COUNT
};

static const struct field thing_fields[] = {
	[T_BOOL] = {.name = "on", .type = FIELD_BOOL},
	[T_INT] = {.name = "size", .type = FIELD_INT, .min = -5, .max = 1000},
	[T_TIME] = {.name = "at", .type = FIELD_TIME},
	[T_DATE] = {.name = "day", .type = FIELD_DATE},
	[T_TEXT] = {.name = "title",
		.type = FIELD_TEXT,
		.min = 1,
		.max = 40,
		.flags = FIELD_REQUIRED},
	[T_ENUM] = {.name = "colour", .type = FIELD_ENUM, .words = colours},
	[T_BYTES] = {.name = "hash", .type = FIELD_BYTES, .min = 2, .max = 8},
	[T_SECRET] = {.name = "secret", .type = FIELD_SECRET, .min = 1, .max = 100},
	[T_INTS] = {.name = "numbers", .type = FIELD_INTS, .min = 0, .max = 100},
	[T_TEXTS] = {.name = "words", .type = FIELD_TEXTS, .min = 0, .max = 20},
	[T_PARTS] = {.name = "parts",
		.type = FIELD_RECORDS,
		.sub = &part_schema,
		.min = 0,
		.max = 10},
	[T_MADE] = {.name = "made", .type = FIELD_TIME, .flags = FIELD_SERVER},
	[T_FIXED] = {.name = "fixed",
		.type = FIELD_INT,
		.min = 0,
		.max = 9,
		.flags = FIELD_FIXED},
};
static const struct schema thing_schema = {
	.name = "thing", .fields = thing_fields, .count = T__COUNT};

static struct arena *arena;

static void
setup(void)
{
	arena = arena_new(1 << 20);
	ck_assert_ptr_nonnull(arena);
}

static void
teardown(void)
{
	arena_free(arena);
}

static void
start_pool(void)
{
	struct fault fault;

	ck_assert_int_eq(secret_pool_start(8, &fault), KERR_OK);
}

static struct record *
full_thing(void)
{
	struct record *r = record_new(arena, &thing_schema);
	struct record *part;

	ck_assert_ptr_nonnull(r);
	record_set_int(r, T_BOOL, 1);
	record_set_int(r, T_INT, -5);
	record_set_int(r, T_TIME, 1800000000);
	record_set_int(r, T_DATE, 20634);
	ck_assert_int_eq(record_set_text(r, T_TEXT, "Zoë's"), KERR_OK);
	record_set_int(r, T_ENUM, 2);
	ck_assert_int_eq(record_set_bytes(r, T_BYTES, "\0\1\2", 3), KERR_OK);
	record_set_secret(r, T_SECRET, secret_new("hush", 4));
	for (int i = 0; i < 30; i++)
		ck_assert_int_eq(
			record_add_int(r, T_INTS, i * INT64_C(10000000000)), KERR_OK);
	ck_assert_int_eq(record_add_text(r, T_TEXTS, "one", 3), KERR_OK);
	ck_assert_int_eq(record_add_text(r, T_TEXTS, "", 0), KERR_OK);
	part = record_add_record(r, T_PARTS);
	ck_assert_ptr_nonnull(part);
	ck_assert_int_eq(record_set_text(part, PART_NAME, "inner"), KERR_OK);
	record_set_secret(part, PART_TOKEN, secret_new("inside", 6));
	record_set_int(r, T_MADE, 1);
	record_set_int(r, T_FIXED, 9);
	return r;
}

static void
is_full_thing(const struct record *r)
{
	const uint8_t *bytes;
	size_t len;

	ck_assert_int_eq(record_int(r, T_BOOL), 1);
	ck_assert_int_eq(record_int(r, T_INT), -5);
	ck_assert_int_eq(record_int(r, T_TIME), 1800000000);
	ck_assert_int_eq(record_int(r, T_DATE), 20634);
	ck_assert_str_eq(record_text(r, T_TEXT), "Zoë's");
	ck_assert_str_eq(record_text(r, T_ENUM), "blue");
	bytes = record_bytes(r, T_BYTES, &len);
	ck_assert_mem_eq(bytes, "\0\1\2", len);
	ck_assert_uint_eq(len, 3);
	ck_assert_uint_eq(secret_len(record_secret(r, T_SECRET)), 4);
	ck_assert_mem_eq(secret_reveal(record_secret(r, T_SECRET)), "hush", 4);
	ck_assert_uint_eq(record_count(r, T_INTS), 30);
	ck_assert_int_eq(record_int_at(r, T_INTS, 29), INT64_C(290000000000));
	ck_assert_uint_eq(record_count(r, T_TEXTS), 2);
	ck_assert_str_eq(record_text_at(r, T_TEXTS, 0), "one");
	ck_assert_str_eq(record_text_at(r, T_TEXTS, 1), "");
	ck_assert_uint_eq(record_count(r, T_PARTS), 1);
	ck_assert_str_eq(record_text(record_at(r, T_PARTS, 0), PART_NAME), "inner");
	ck_assert_mem_eq(
		secret_reveal(record_secret(record_at(r, T_PARTS, 0), PART_TOKEN)),
		"inside", 6);
}

/* How many secrets can still be had: what was not given back shows. */
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

START_TEST(what_is_not_set_reads_as_nothing)
{
	struct record *r = record_new(arena, &thing_schema);
	size_t len = 7;

	ck_assert(!record_has(r, T_BOOL));
	ck_assert(!record_has(r, 63));
	ck_assert_int_eq(record_int(r, T_INT), 0);
	ck_assert_str_eq(record_text(r, T_TEXT), "");
	ck_assert_str_eq(record_text(r, T_ENUM), "");
	ck_assert_ptr_null(record_bytes(r, T_BYTES, &len));
	ck_assert_uint_eq(len, 0);
	ck_assert_ptr_null(record_secret(r, T_SECRET));
	ck_assert_uint_eq(record_count(r, T_PARTS), 0);
	ck_assert_ptr_null(record_at(r, T_PARTS, 0));
	ck_assert_str_eq(record_text_at(r, T_TEXTS, 5), "");
}
END_TEST

START_TEST(every_type_survives_the_frame)
{
	struct record *r = full_thing(), *back = NULL;
	struct buf b;

	buf_init(&b, 65536);
	record_encode(r, &b);
	ck_assert_int_eq(buf_error(&b), KERR_OK);
	ck_assert_int_eq(
		record_decode(&thing_schema, arena, b.data, b.len, &back), KERR_OK);
	is_full_thing(back);
	ck_assert_ptr_eq(record_schema(back), &thing_schema);
	record_drop_secrets(r);
	record_drop_secrets(back);
	buf_clear(&b);
	ck_assert_uint_eq(free_slots(), 8);
}
END_TEST

START_TEST(an_empty_list_is_not_a_missing_one)
{
	struct record *r = record_new(arena, &thing_schema), *back = NULL;
	struct buf b;

	record_set_empty(r, T_PARTS);
	buf_init(&b, 100);
	record_encode(r, &b);
	ck_assert_int_eq(
		record_decode(&thing_schema, arena, b.data, b.len, &back), KERR_OK);
	ck_assert(record_has(back, T_PARTS));
	ck_assert(!record_has(back, T_INTS));
	ck_assert_uint_eq(record_count(back, T_PARTS), 0);
	buf_clear(&b);
}
END_TEST

START_TEST(cut_or_changed_bytes_never_decode_out_of_bounds_nor_leak_secrets)
{
	struct record *r = full_thing(), *back;
	struct buf b;

	buf_init(&b, 65536);
	record_encode(r, &b);
	record_drop_secrets(r);
	for (size_t cut = 0; cut < b.len; cut++) {
		/* A copy of its own size, so that a sanitizer sees every byte too far. */
		uint8_t *copy = cut ? mem_new(cut, 1) : NULL;

		if (cut)
			memcpy(copy, b.data, cut);
		back = NULL;
		if (record_decode(&thing_schema, arena, copy, cut, &back) == KERR_OK)
			record_drop_secrets(back);
		mem_free(copy);
		arena_reset(arena);
	}
	for (size_t at = 0; at < b.len; at++) {
		for (unsigned bit = 0; bit < 8; bit++) {
			b.data[at] ^= (uint8_t)(1U << bit);
			back = NULL;
			if (record_decode(&thing_schema, arena, b.data, b.len, &back) ==
				KERR_OK)
				record_drop_secrets(back);
			b.data[at] ^= (uint8_t)(1U << bit);
			arena_reset(arena);
		}
	}
	buf_clear(&b);
	ck_assert_uint_eq(free_slots(), 8);
}
END_TEST

static enum kerr
decode(const char *bytes, size_t len)
{
	struct record *back = NULL;
	enum kerr err = record_decode(&thing_schema, arena, bytes, len, &back);

	if (err == KERR_OK)
		record_drop_secrets(back);
	else
		ck_assert_ptr_null(back);
	return err;
}

#define DECODE(literal) decode(literal, sizeof(literal) - 1)

START_TEST(what_the_encoder_cannot_make_is_a_broken_protocol)
{
	ck_assert_int_eq(DECODE("\x00\x01"), KERR_OK);
	ck_assert_int_eq(DECODE("\x00\x02"), KERR_PROTOCOL);
	ck_assert_int_eq(DECODE("\x00"), KERR_PROTOCOL);
	ck_assert_int_eq(DECODE("\x00\x01\x00\x01"), KERR_PROTOCOL); /* twice */
	ck_assert_int_eq(DECODE("\x0d\x01"), KERR_PROTOCOL);         /* no such field */
	ck_assert_int_eq(DECODE("\xff\x01"), KERR_PROTOCOL);
	ck_assert_int_eq(DECODE("\x01\x01\0\0\0\0\0\0\0\x00\x01"), KERR_PROTOCOL);
	ck_assert_int_eq(DECODE("\x04\xff\xff\xff\xff"), KERR_PROTOCOL);
	ck_assert_int_eq(DECODE("\x08\xff\xff\xff\xff"), KERR_PROTOCOL);
	ck_assert_int_eq(DECODE("\x0a\x01\0\0\0\xff\xff\xff\x7f"), KERR_PROTOCOL);
}
END_TEST

START_TEST(what_exceeds_the_schema_is_refused_while_decoding)
{
	ck_assert_int_eq(DECODE("\x01\xe8\x03\0\0\0\0\0\0"), KERR_OK);
	ck_assert_int_eq(DECODE("\x01\xe9\x03\0\0\0\0\0\0"), KERR_INVALID);
	ck_assert_int_eq(DECODE("\x02\xff\xff\xff\xff\xff\xff\xff\x7f"), KERR_INVALID);
	ck_assert_int_eq(DECODE("\x05\x03\0\0\0\0\0\0\0"), KERR_INVALID);
	ck_assert_int_eq(DECODE("\x05\xff\xff\xff\xff\xff\xff\xff\xff"), KERR_INVALID);
	ck_assert_int_eq(DECODE("\x04\0\0\0\0"), KERR_INVALID);
	ck_assert_int_eq(DECODE("\x04\x03\0\0\0a\0b"), KERR_INVALID);
	ck_assert_int_eq(DECODE("\x06\x01\0\0\0a"), KERR_INVALID);
	ck_assert_int_eq(DECODE("\x09\x01\0\0\0\x01\0\0\0\0"), KERR_INVALID);
}
END_TEST

START_TEST(a_list_larger_than_the_arena_is_refused_before_it_is_made)
{
	static uint8_t bytes[5 + 8 * 1000];
	static const struct field fields[] = {
		{.name = "n", .type = FIELD_INTS, .min = 0, .max = 100000}};
	static const struct schema s = {.name = "n", .fields = fields, .count = 1};
	struct arena *small = arena_new(4096);
	struct record *back = NULL;

	bytes[1] = 1000 & 255;
	bytes[2] = 1000 >> 8;
	ck_assert_int_eq(
		record_decode(&s, small, bytes, sizeof(bytes), &back), KERR_NOMEM);
	arena_free(small);
}
END_TEST

START_TEST(records_within_themselves_end_at_a_depth)
{
	static struct field fields[1];
	static const struct schema s = {.name = "n", .fields = fields, .count = 1};
	uint8_t bytes[9 * 20];
	struct record *back = NULL;
	size_t len = sizeof(bytes);

	fields[0] = (struct field){
		.name = "n", .type = FIELD_RECORDS, .sub = &s, .min = 0, .max = 1};
	memset(bytes, 0, sizeof(bytes));
	for (size_t at = 0; at < len; at += 9) {
		bytes[at + 1] = 1;
		bytes[at + 5] = (uint8_t)(len - at - 9);
	}
	ck_assert_int_eq(record_decode(&s, arena, bytes, len, &back), KERR_PROTOCOL);
}
END_TEST

static void
faulty(const struct record *r, enum record_use use, const char *field)
{
	struct fault fault = {.err = KERR_OK};

	ck_assert_int_eq(record_check(r, use, &fault), KERR_INVALID);
	ck_assert_int_eq(fault.err, KERR_INVALID);
	ck_assert_str_eq(fault.field, field);
	ck_assert(fault.text[0]);
	ck_assert_int_eq(record_check(r, use, NULL), KERR_INVALID);
}

static struct record *
good(void)
{
	struct record *r = record_new(arena, &thing_schema);

	ck_assert_int_eq(record_set_text(r, T_TEXT, "title"), KERR_OK);
	return r;
}

START_TEST(checking_names_the_field_at_fault)
{
	struct record *r, *part;

	faulty(record_new(arena, &thing_schema), RECORD_ADD, "title");
	r = good();
	record_set_int(r, T_INT, 1001);
	faulty(r, RECORD_ADD, "size");
	r = good();
	record_set_int(r, T_ENUM, 3);
	faulty(r, RECORD_ADD, "colour");
	r = good();
	ck_assert_int_eq(record_set_bytes(r, T_BYTES, "123456789", 9), KERR_OK);
	faulty(r, RECORD_ANSWER, "hash");
	r = good();
	ck_assert_int_eq(record_set_bytes(r, T_TEXT, "a\xff", 2), KERR_OK);
	faulty(r, RECORD_ADD, "title");
	ck_assert_int_eq(record_set_text(r, T_TEXT,
				 "a\xe2\x80\xae"
				 "b"),
		KERR_OK);
	faulty(r, RECORD_ADD, "title");
	r = good();
	part = record_add_record(r, T_PARTS);
	ck_assert_int_eq(record_set_text(part, PART_NAME, "fine"), KERR_OK);
	part = record_add_record(r, T_PARTS);
	ck_assert_int_eq(record_set_text(part, PART_NAME, ""), KERR_OK);
	faulty(r, RECORD_CHANGE, "parts[1].name");
	record_unset(part, PART_NAME);
	faulty(r, RECORD_CHANGE, "parts[1].name");
	ck_assert_int_eq(record_check(r, RECORD_ANSWER, NULL), KERR_OK);
}
END_TEST

START_TEST(server_and_fixed_fields_are_refused_where_callers_send_them)
{
	struct record *r = good();

	record_set_int(r, T_FIXED, 3);
	ck_assert_int_eq(record_check(r, RECORD_ADD, NULL), KERR_OK);
	faulty(r, RECORD_CHANGE, "fixed");
	ck_assert_int_eq(record_check(r, RECORD_ANSWER, NULL), KERR_OK);
	record_unset(r, T_FIXED);
	record_set_int(r, T_MADE, 3);
	faulty(r, RECORD_ADD, "made");
	faulty(r, RECORD_CHANGE, "made");
	ck_assert_int_eq(record_check(r, RECORD_ANSWER, NULL), KERR_OK);
	record_unset(r, T_MADE);
	record_unset(r, T_TEXT);
	ck_assert_int_eq(record_check(r, RECORD_CHANGE, NULL), KERR_OK);
}
END_TEST

START_TEST(a_secret_belongs_to_its_record_until_taken)
{
	struct record *r = record_new(arena, &thing_schema);
	struct secret *s = secret_new("a", 1);

	record_set_secret(r, T_SECRET, s);
	record_set_secret(r, T_SECRET, s);
	ck_assert_ptr_eq(record_secret(r, T_SECRET), s);
	record_set_secret(r, T_SECRET, secret_new("b", 1));
	ck_assert_uint_eq(free_slots(), 7);
	s = record_take_secret(r, T_SECRET);
	ck_assert_mem_eq(secret_reveal(s), "b", 1);
	ck_assert(!record_has(r, T_SECRET));
	record_drop_secrets(r);
	ck_assert_uint_eq(free_slots(), 7);
	secret_free(s);
	record_set_secret(r, T_SECRET, secret_new("c", 1));
	record_unset(r, T_SECRET);
	ck_assert_uint_eq(free_slots(), 8);
	record_drop_secrets(NULL);
}
END_TEST

START_TEST(copying_is_deep_and_goes_by_name_and_word)
{
	static const struct field fields[] = {
		{.name = "parts", .type = FIELD_RECORDS, .sub = &part_schema, .max = 10},
		{.name = "colour", .type = FIELD_ENUM, .words = other_colours},
		{.name = "size", .type = FIELD_TEXT, .max = 10},
		{.name = "on", .type = FIELD_BOOL},
		{.name = "day", .type = FIELD_DATE},
	};
	static const struct schema s = {.name = "s", .fields = fields, .count = 5};
	struct record *r = full_thing(), *to = record_new(arena, &s);
	struct record *same = record_new(arena, &thing_schema);

	record_unset(r, T_DATE);
	record_set_int(to, 4, 5);
	ck_assert_int_eq(record_copy_same(to, r), KERR_OK);
	ck_assert_str_eq(record_text(to, 1), "blue");
	ck_assert_int_eq(record_int(to, 1), 0);
	ck_assert(!record_has(to, 2));
	ck_assert_int_eq(record_int(to, 3), 1);
	ck_assert_int_eq(record_int(to, 4), 5); /* not set in r */
	ck_assert_ptr_ne(record_at(to, 0, 0), record_at(r, T_PARTS, 0));
	record_set_int(r, T_DATE, 20634);
	ck_assert_int_eq(record_copy_same(same, r), KERR_OK);
	record_drop_secrets(r);
	is_full_thing(same);
	record_set_int(r, T_ENUM, 1);
	ck_assert_int_eq(record_copy_field(to, 1, r, T_ENUM), KERR_INVALID);
	record_unset(r, T_ENUM);
	ck_assert_int_eq(record_copy_field(to, 1, r, T_ENUM), KERR_OK);
	ck_assert(!record_has(to, 1));
	record_drop_secrets(same);
	record_drop_secrets(to);
	ck_assert_uint_eq(free_slots(), 8);
}
END_TEST

START_TEST(using_a_field_as_another_type_aborts)
{
	record_set_int(record_new(arena, &thing_schema), T_TEXT, 1);
}
END_TEST

START_TEST(encoding_over_the_ceiling_fails_in_the_buffer)
{
	struct record *r = good();
	struct buf b;

	buf_init(&b, 9);
	record_encode(r, &b);
	ck_assert_int_eq(buf_error(&b), KERR_TOO_LARGE);
	buf_clear(&b);
}
END_TEST

START_TEST(no_memory_while_building_is_told)
{
	struct arena *small = arena_new(1024);
	struct record *r = record_new(small, &thing_schema);
	enum kerr err = KERR_OK;

	for (int i = 0; r && i < 1000 && err == KERR_OK; i++)
		err = record_add_int(r, T_INTS, i);
	ck_assert_int_eq(err, KERR_NOMEM);
	arena_free(small);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("record");
	TCase *tc = tcase_create("record");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_unchecked_fixture(tc, start_pool, NULL);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, what_is_not_set_reads_as_nothing);
	tcase_add_test(tc, every_type_survives_the_frame);
	tcase_add_test(tc, an_empty_list_is_not_a_missing_one);
	tcase_add_test(
		tc, cut_or_changed_bytes_never_decode_out_of_bounds_nor_leak_secrets);
	tcase_add_test(tc, what_the_encoder_cannot_make_is_a_broken_protocol);
	tcase_add_test(tc, what_exceeds_the_schema_is_refused_while_decoding);
	tcase_add_test(tc, a_list_larger_than_the_arena_is_refused_before_it_is_made);
	tcase_add_test(tc, records_within_themselves_end_at_a_depth);
	tcase_add_test(tc, checking_names_the_field_at_fault);
	tcase_add_test(tc, server_and_fixed_fields_are_refused_where_callers_send_them);
	tcase_add_test(tc, a_secret_belongs_to_its_record_until_taken);
	tcase_add_test(tc, copying_is_deep_and_goes_by_name_and_word);
	tcase_add_test_raise_signal(tc, using_a_field_as_another_type_aborts, SIGABRT);
	tcase_add_test(tc, encoding_over_the_ceiling_fails_in_the_buffer);
	tcase_add_test(tc, no_memory_while_building_is_told);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
