#include "core/arena.h"

#include <check.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

START_TEST(memory_is_zeroed_aligned_and_apart)
{
	struct arena *a = arena_new(1 << 20);
	unsigned char *before = NULL;

	for (size_t size = 0; size < 700; size++) {
		unsigned char *p = arena_alloc(a, size);

		ck_assert_ptr_nonnull(p);
		ck_assert_uint_eq((uintptr_t)p % 16, 0);
		ck_assert_ptr_ne(p, before);
		for (size_t i = 0; i < size; i++)
			ck_assert_uint_eq(p[i], 0);
		memset(p, 0xaa, size);
		before = p;
	}
	arena_free(a);
}
END_TEST

START_TEST(the_ceiling_is_on_the_sum)
{
	struct arena *a = arena_new(64 << 10);
	size_t sum = 0;

	while (arena_alloc(a, 48) != NULL)
		sum += 48;
	ck_assert_uint_le(sum, 64 << 10);
	ck_assert_uint_gt(sum, (64 << 10) - 48);
	ck_assert_ptr_nonnull(arena_alloc(a, (64 << 10) - sum));
	ck_assert_ptr_null(arena_alloc(a, 1));
	arena_reset(a);
	ck_assert_ptr_nonnull(arena_alloc(a, 64 << 10));
	arena_free(a);
}
END_TEST

START_TEST(sizes_that_would_wrap_are_refused)
{
	struct arena *a = arena_new(SIZE_MAX);

	ck_assert_ptr_null(arena_alloc(a, SIZE_MAX));
	ck_assert_ptr_null(arena_alloc(a, SIZE_MAX - 15));
	ck_assert_ptr_null(arena_copy(a, "", SIZE_MAX));
	ck_assert_ptr_nonnull(arena_alloc(a, 1));
	arena_free(a);
	ck_assert_ptr_null(mem_new(SIZE_MAX / 2, 4));
	ck_assert_ptr_null(mem_grow(NULL, 0, SIZE_MAX / 2, 4));
}
END_TEST

START_TEST(a_small_ceiling_is_no_trap)
{
	struct arena *a = arena_new(0);

	ck_assert_ptr_nonnull(a);
	ck_assert_ptr_null(arena_alloc(a, 0));
	arena_reset(a);
	arena_free(a);
	a = arena_new(20);
	ck_assert_ptr_nonnull(arena_alloc(a, 16));
	ck_assert_ptr_null(arena_alloc(a, 1));
	arena_free(a);
	arena_free(NULL);
}
END_TEST

START_TEST(reset_wipes_and_keeps_the_first_block)
{
	static const char secret[] = "sixteen bytes it";
	struct arena *a = arena_new(1 << 20);
	char *first = arena_text(a, secret);
	char *again;

	ck_assert_str_eq(first, secret);
	ck_assert_ptr_nonnull(arena_alloc(a, 100000));
	arena_reset(a);
	ck_assert_uint_eq((unsigned char)first[0], 0);
	again = arena_alloc(a, 32);
	ck_assert_ptr_eq(again, first);
	for (size_t i = 0; i < 32; i++)
		ck_assert_uint_eq((unsigned char)again[i], 0);
	arena_free(a);
}
END_TEST

START_TEST(copies_end_with_a_nul_and_may_hold_one)
{
	struct arena *a = arena_new(4096);
	char *p = arena_copy(a, "a\0b", 3);

	ck_assert_mem_eq(p, "a\0b\0", 4);
	ck_assert_str_eq(arena_copy(a, NULL, 0), "");
	ck_assert_str_eq(arena_text(a, "text"), "text");
	arena_free(a);
}
END_TEST

START_TEST(a_table_grows_zeroed_and_keeps_its_rows)
{
	int *table = mem_new(2, sizeof(*table));

	table[0] = 7;
	table[1] = 8;
	table = mem_grow(table, 2, 1000, sizeof(*table));
	ck_assert_ptr_nonnull(table);
	ck_assert_int_eq(table[0], 7);
	ck_assert_int_eq(table[1], 8);
	for (int i = 2; i < 1000; i++)
		ck_assert_int_eq(table[i], 0);
	mem_free(table);
	table = mem_grow(NULL, 0, 3, sizeof(*table));
	ck_assert_int_eq(table[2], 0);
	mem_free(table);
	table = mem_new(0, 0);
	ck_assert_ptr_nonnull(table);
	mem_free(table);
	mem_free(NULL);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("arena");
	TCase *tc = tcase_create("arena");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tc, memory_is_zeroed_aligned_and_apart);
	tcase_add_test(tc, the_ceiling_is_on_the_sum);
	tcase_add_test(tc, sizes_that_would_wrap_are_refused);
	tcase_add_test(tc, a_small_ceiling_is_no_trap);
	tcase_add_test(tc, reset_wipes_and_keeps_the_first_block);
	tcase_add_test(tc, copies_end_with_a_nul_and_may_hold_one);
	tcase_add_test(tc, a_table_grows_zeroed_and_keeps_its_rows);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
