#include "keyd/keeper/usage.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define NOW INT64_C(1761000123)

static const uint8_t here[16] = {
	[10] = 0xff, [11] = 0xff, [12] = 192, [13] = 0, [14] = 2, [15] = 7};
static const uint8_t there[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 1};

static struct usage *usage;
static struct arena *arena;

static void
setup(void)
{
	usage = usage_new();
	arena = arena_new(1U << 20);
	ck_assert(usage != NULL && arena != NULL);
}

static void
teardown(void)
{
	usage_free(usage);
	arena_free(arena);
}

START_TEST(uses_of_a_secret_in_an_hour_are_one_with_the_last_network)
{
	struct op_usage *uses;
	size_t count;

	usage_note(usage, 7, 70, here, NOW);
	usage_note(usage, 7, 70, there, NOW + 1);
	usage_note(usage, 7, 71, here, NOW + 2);
	usage_note(usage, 7, 70, here, NOW + 3600);
	ck_assert_uint_eq(usage_count(usage), 3);
	usage_take(usage, arena, &uses, &count);
	ck_assert_uint_eq(count, 3);
	ck_assert_int_eq(uses[0].secret, 70);
	ck_assert_int_eq(uses[0].client, 7);
	ck_assert_int_eq(uses[0].hour, NOW - NOW % 3600);
	ck_assert_uint_eq(uses[0].count, 2);
	ck_assert_str_eq(uses[0].source, "2001:db8::/64");
	ck_assert_int_eq(uses[1].secret, 71);
	ck_assert_str_eq(uses[1].source, "192.0.2.7");
	ck_assert_int_eq(uses[2].hour, uses[0].hour + 3600);
	usage_take(usage, arena, &uses, &count);
	ck_assert_uint_eq(count, 0);
}
END_TEST

START_TEST(what_an_arena_cannot_take_stays_for_the_next)
{
	int64_t sum = 0, expected = 0;
	struct op_usage *uses;
	size_t count, rounds = 0;

	for (int64_t i = 1; i <= 30000; i++) {
		usage_note(usage, i, i, here, NOW);
		expected += i;
	}
	do {
		arena_reset(arena);
		usage_take(usage, arena, &uses, &count);
		for (size_t i = 0; i < count; i++)
			sum += uses[i].secret;
		rounds++;
	} while (count > 0);
	ck_assert_int_eq(sum, expected);
	ck_assert_uint_gt(rounds, 3);
	ck_assert_uint_eq(usage_count(usage), 0);
}
END_TEST

START_TEST(uses_beyond_the_bound_are_not_kept)
{
	for (int64_t i = 1; i <= 2 * (int64_t)USAGE_MAX; i++)
		usage_note(usage, i, i, here, NOW);
	ck_assert_uint_eq(usage_count(usage), USAGE_MAX);
}
END_TEST

START_TEST(what_was_not_written_is_counted_again_and_is_not_newer)
{
	struct op_usage *uses;
	size_t count;

	usage_note(usage, 7, 70, here, NOW);
	usage_note(usage, 8, 80, here, NOW);
	usage_take(usage, arena, &uses, &count);
	usage_note(usage, 7, 70, there, NOW);
	usage_give_back(usage, uses, count);
	usage_take(usage, arena, &uses, &count);
	ck_assert_uint_eq(count, 2);
	ck_assert_uint_eq(uses[0].count, 2);
	ck_assert_str_eq(uses[0].source, "2001:db8::/64");
	ck_assert_uint_eq(uses[1].count, 1);
	ck_assert_str_eq(uses[1].source, "192.0.2.7");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("usage");
	TCase *tc = tcase_create("usage");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, uses_of_a_secret_in_an_hour_are_one_with_the_last_network);
	tcase_add_test(tc, what_an_arena_cannot_take_stays_for_the_next);
	tcase_add_test(tc, uses_beyond_the_bound_are_not_kept);
	tcase_add_test(tc, what_was_not_written_is_counted_again_and_is_not_newer);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
