#include "core/buf.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

START_TEST(what_is_put_comes_out_through_a_cursor)
{
	struct cursor c;
	struct buf b;

	buf_init(&b, 1024);
	buf_put_u8(&b, 0xfe);
	buf_put_u16(&b, 0x1234);
	buf_put_u32(&b, 0x89abcdef);
	buf_put_u64(&b, 0x1122334455667788);
	buf_put_text(&b, "end");
	ck_assert_int_eq(buf_error(&b), KERR_OK);
	ck_assert_mem_eq(b.data, "\xfe\x34\x12\xef\xcd\xab\x89\x88\x77", 9);
	cursor_init(&c, b.data, b.len);
	ck_assert_uint_eq(cursor_u8(&c), 0xfe);
	ck_assert_uint_eq(cursor_u16(&c), 0x1234);
	ck_assert_uint_eq(cursor_u32(&c), 0x89abcdef);
	ck_assert(cursor_u64(&c) == 0x1122334455667788);
	ck_assert_mem_eq(cursor_bytes(&c, 3), "end", 3);
	ck_assert(!c.failed && c.left == 0);
	buf_clear(&b);
}
END_TEST

START_TEST(reading_past_the_end_fails_for_good)
{
	static const uint8_t three[] = {1, 2, 3};
	struct cursor c;

	cursor_init(&c, three, sizeof(three));
	ck_assert_uint_eq(cursor_u32(&c), 0);
	ck_assert(c.failed);
	/* Even what would fit: a caller that checks once at the end must see it. */
	ck_assert_uint_eq(cursor_u8(&c), 0);
	ck_assert_ptr_null(cursor_bytes(&c, 0));
	cursor_init(&c, three, sizeof(three));
	ck_assert_ptr_null(cursor_bytes(&c, SIZE_MAX));
	ck_assert(c.failed);
}
END_TEST

START_TEST(no_bytes_are_a_place_and_not_a_failure)
{
	struct cursor c;
	struct buf b;

	cursor_init(&c, NULL, 0);
	ck_assert_ptr_nonnull(cursor_bytes(&c, 0));
	ck_assert(!c.failed);
	cursor_init(&c, NULL, 5);
	ck_assert_ptr_null(cursor_bytes(&c, 5));
	ck_assert(c.failed);
	buf_init(&b, 0);
	buf_put(&b, NULL, 0);
	ck_assert_ptr_nonnull(buf_reserve(&b, 0));
	ck_assert_str_eq(buf_text(&b), "");
	ck_assert_int_eq(buf_error(&b), KERR_OK);
	buf_clear(&b);
}
END_TEST

START_TEST(the_ceiling_holds_to_the_byte_and_the_failure_sticks)
{
	struct buf b;

	buf_init(&b, 300);
	for (int i = 0; i < 300; i++)
		buf_put_u8(&b, (uint8_t)i);
	ck_assert_int_eq(buf_error(&b), KERR_OK);
	ck_assert_ptr_nonnull(buf_text(&b));
	ck_assert_uint_eq(b.len, 300);
	buf_put_u8(&b, 1);
	ck_assert_int_eq(buf_error(&b), KERR_TOO_LARGE);
	ck_assert_ptr_null(buf_text(&b));
	ck_assert_ptr_null(buf_reserve(&b, 0));
	buf_reset(&b);
	ck_assert_int_eq(buf_error(&b), KERR_OK);
	buf_put_text(&b, "again");
	ck_assert_str_eq(buf_text(&b), "again");
	buf_clear(&b);
}
END_TEST

START_TEST(sizes_that_would_wrap_are_too_large)
{
	struct buf b;

	buf_init(&b, SIZE_MAX);
	buf_put_u8(&b, 1);
	ck_assert_ptr_null(buf_reserve(&b, SIZE_MAX));
	ck_assert_int_eq(buf_error(&b), KERR_TOO_LARGE);
	buf_clear(&b);
}
END_TEST

START_TEST(adding_more_than_was_reserved_is_a_fault)
{
	struct buf b;

	buf_init(&b, 16);
	ck_assert_ptr_nonnull(buf_reserve(&b, 4));
	buf_added(&b, 17);
	ck_assert_int_eq(buf_error(&b), KERR_INTERNAL);
	ck_assert_uint_eq(b.len, 0);
	buf_reset(&b);
	buf_consume(&b, 1);
	ck_assert_int_eq(buf_error(&b), KERR_INTERNAL);
	buf_clear(&b);
}
END_TEST

START_TEST(reset_and_consume_leave_nothing_behind)
{
	static const uint8_t zero[64];
	struct buf b;

	buf_init(&b, 64);
	buf_put_text(&b, "the first request|rest");
	buf_consume(&b, 18);
	ck_assert_uint_eq(b.len, 4);
	ck_assert_mem_eq(b.data, "rest", 4);
	ck_assert_mem_eq(b.data + 4, zero, 18);
	buf_put_text(&b, " and more");
	buf_reset(&b);
	ck_assert_mem_eq(b.data, zero, 22);
	buf_put_text(&b, "x");
	buf_clear(&b);
	ck_assert_ptr_null(b.data);
	ck_assert_uint_eq(b.max, 64);
	buf_clear(&b);
}
END_TEST

START_TEST(printing_grows_to_fit_and_stops_at_the_ceiling)
{
	static const uint8_t zero[64];
	char big[1000];
	struct buf b;

	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	buf_init(&b, 1010);
	buf_printf(&b, "%d:%s", 7, big);
	ck_assert_int_eq(buf_error(&b), KERR_OK);
	ck_assert_uint_eq(b.len, 1001);
	buf_printf(&b, "123456789");
	ck_assert_uint_eq(b.len, 1010);
	ck_assert_int_eq(buf_error(&b), KERR_OK);
	buf_printf(&b, "%s", "!");
	ck_assert_int_eq(buf_error(&b), KERR_TOO_LARGE);
	buf_clear(&b);
	/* What was printed and refused is not left behind the content. */
	buf_init(&b, 8);
	buf_printf(&b, "%s", "much too long");
	ck_assert_int_eq(buf_error(&b), KERR_TOO_LARGE);
	ck_assert_mem_eq(b.data, zero, b.cap);
	buf_clear(&b);
}
END_TEST

START_TEST(growing_keeps_the_content)
{
	struct buf b;

	buf_init(&b, 1 << 20);
	for (uint32_t i = 0; i < 100000; i++)
		buf_put_u32(&b, i);
	ck_assert_int_eq(buf_error(&b), KERR_OK);
	for (uint32_t i = 0; i < 100000; i++) {
		struct cursor c;

		cursor_init(&c, b.data + 4 * (size_t)i, 4);
		ck_assert_uint_eq(cursor_u32(&c), i);
	}
	buf_clear(&b);
}
END_TEST

START_TEST(every_error_has_a_name_and_a_sentence)
{
	struct fault fault;
	char big[600];

	ck_assert_str_eq(kerr_name(KERR_TOO_LARGE), "too-large");
	ck_assert_str_eq(kerr_name(KERR_OK), "ok");
	ck_assert_str_eq(kerr_name(KERR__COUNT), "unknown");
	ck_assert_str_eq(kerr_name((enum kerr) - 1), "unknown");
	for (unsigned i = 0; i < KERR__COUNT; i++) {
		ck_assert(kerr_text((enum kerr)i)[0] != '\0');
		ck_assert(strpbrk(kerr_name((enum kerr)i),
				  "_ABCDEFGHIJKLMNOPQRSTUVWXYZ") == NULL);
	}
	memset(big, 'y', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	ck_assert_int_eq(fault_set(&fault, KERR_IO, big, "%s", big), KERR_IO);
	ck_assert_uint_eq(strlen(fault.field), sizeof(fault.field) - 1);
	ck_assert_uint_eq(strlen(fault.text), sizeof(fault.text) - 1);
	ck_assert_int_eq(fault_set(NULL, KERR_IO, NULL, "x"), KERR_IO);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("buf");
	TCase *tc = tcase_create("buf");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tc, what_is_put_comes_out_through_a_cursor);
	tcase_add_test(tc, reading_past_the_end_fails_for_good);
	tcase_add_test(tc, no_bytes_are_a_place_and_not_a_failure);
	tcase_add_test(tc, the_ceiling_holds_to_the_byte_and_the_failure_sticks);
	tcase_add_test(tc, sizes_that_would_wrap_are_too_large);
	tcase_add_test(tc, adding_more_than_was_reserved_is_a_fault);
	tcase_add_test(tc, reset_and_consume_leave_nothing_behind);
	tcase_add_test(tc, printing_grows_to_fit_and_stops_at_the_ceiling);
	tcase_add_test(tc, growing_keeps_the_content);
	tcase_add_test(tc, every_error_has_a_name_and_a_sentence);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
