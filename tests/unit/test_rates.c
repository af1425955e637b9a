#include "keyd/keeper/rates.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/credential.h"
#include "keyd/keeper/source.h"
#include "keyd/role/settings.h"

#define NOW    (INT64_C(20000) * 86400)
#define LIMIT  120
#define FAILED 600
#define FACTOR 10
#define KEY    "kd0123456789ABCDEFGHJKMN"

static struct vault *vault;
static struct arena *arena;
static struct record *settings;
static struct rates *rates;

static void
setup(void)
{
	vault = vault_new();
	ck_assert_int_eq(vault_create(vault, NULL), KERR_OK);
	arena = arena_new(4U << 20);
	settings = record_new(arena, &settings_schema);
	record_set_int(settings, SETTINGS_RATE_KEY, LIMIT);
	record_set_int(settings, SETTINGS_RATE_SOURCE, FAILED);
	record_set_int(settings, SETTINGS_RATE_USUAL, FACTOR);
	rates = rates_new(settings, vault);
	ck_assert_ptr_nonnull(rates);
	/* The minute of the start is another one. */
	ck_assert_int_eq(
		rates_source(rates, (const uint8_t[16]){0}, NOW - 3600), KERR_OK);
}

static void
teardown(void)
{
	rates_free(rates);
	arena_free(arena);
	vault_free(vault);
}

/* 10.0.x.y, mapped. */
static const uint8_t *
from(unsigned n)
{
	static uint8_t source[16];

	memset(source, 0, sizeof(source));
	source[10] = source[11] = 0xff;
	source[12] = 10;
	source[13] = (uint8_t)(n >> 16);
	source[14] = (uint8_t)(n >> 8);
	source[15] = (uint8_t)n;
	return source;
}

/* How many of `tries` requests are looked at. */
static unsigned
asked(const char *key, const uint8_t *source, int64_t now, unsigned tries)
{
	unsigned passed = 0;

	for (unsigned i = 0; i < tries; i++)
		passed += rates_ask(rates, key, source, now) == KERR_OK;
	return passed;
}

START_TEST(a_key_and_network_may_ask_so_often_in_a_minute)
{
	ck_assert_uint_eq(asked(KEY, from(1), NOW, 500), LIMIT);
	ck_assert_uint_eq(asked(KEY, from(1), NOW + 59, 500), 0);
	ck_assert_uint_eq(rates_retry(NOW + 59), 1);
	ck_assert_uint_eq(asked(KEY, from(1), NOW + 60, 500), LIMIT);
}
END_TEST

START_TEST(every_spelling_of_a_key_is_the_same_key)
{
	static const char *const spellings[] = {KEY, "kd0123456789abcdefghjkmn",
		" KD-01234-56789-ABCDE-FGHJK-MN\n", "kdo123456789ABCDEFGHJKMN",
		"kdO1234S6789ABCDEFGHJKMN" /* another */};
	unsigned passed = 0;

	for (unsigned i = 0; i < 400; i++)
		passed += asked(spellings[i % 4], from(1), NOW, 1);
	ck_assert_uint_eq(passed, LIMIT);
	ck_assert_uint_eq(asked(spellings[4], from(1), NOW, 1), 1);
}
END_TEST

START_TEST(other_networks_of_the_key_are_not_refused)
{
	unsigned shares = 0;

	/* From any number of addresses: no counter is the client's. A few of 200 share
	 * one of 65,536 buckets. */
	for (unsigned i = 0; i < 200; i++)
		shares += asked(KEY, from(i), NOW, LIMIT) < LIMIT - 1;
	ck_assert_uint_le(shares, 6);
}
END_TEST

START_TEST(addresses_of_one_ipv6_network_count_together)
{
	uint8_t a[16] = {0x20, 1, 0x0d, 0xb8, 0, 1, 0, 2}, b[16];
	char text[SOURCE_TEXT_SIZE];

	memcpy(b, a, sizeof(b));
	b[15] = 9;
	b[8] = 7;
	ck_assert_uint_eq(asked(KEY, a, NOW, 500), LIMIT);
	ck_assert_uint_eq(asked(KEY, b, NOW, 500), 0);
	source_text(b, text);
	ck_assert_str_eq(text, "2001:db8:1:2::/64");
	b[7] = 3;
	ck_assert_uint_eq(asked(KEY, b, NOW, 500), LIMIT);
	source_text(from(258), text);
	ck_assert_str_eq(text, "10.0.1.2");
}
END_TEST

START_TEST(a_network_that_fails_too_often_is_not_looked_at)
{
	for (unsigned i = 0; i < FAILED; i++) {
		ck_assert_int_eq(rates_source(rates, from(1), NOW), KERR_OK);
		rates_failed(rates, from(1), NOW);
	}
	ck_assert_int_eq(rates_source(rates, from(1), NOW), KERR_TOO_MANY);
	ck_assert_uint_eq(asked(KEY, from(1), NOW, 1), 0);
	ck_assert_int_eq(rates_source(rates, from(2), NOW), KERR_OK);
	ck_assert_uint_eq(asked(KEY, from(2), NOW, 1), 1);
	ck_assert_int_eq(rates_source(rates, from(1), NOW + 60), KERR_OK);
}
END_TEST

/* Two thousand networks that fail all they may, and few of a hundred thousand others
 * share all their counters with them. */
START_TEST(a_crowd_of_failing_networks_hides_few_others)
{
	unsigned refused = 0;

	for (unsigned n = 0; n < 2000; n++) {
		for (unsigned i = 0; i < FAILED; i++)
			rates_failed(rates, from(n), NOW);
	}
	for (unsigned n = 100000; n < 200000; n++)
		refused += rates_source(rates, from(n), NOW) != KERR_OK;
	ck_assert_uint_le(refused, 20);
}
END_TEST

/* Keys that nobody has come from many networks; who succeeded before has a counter of its
 * own. */
START_TEST(a_flood_of_unknown_keys_refuses_nobody_who_succeeded)
{
	char key[CREDENTIAL_KEY_LEN + 1];

	ck_assert_uint_eq(asked(KEY, from(1), NOW, 1), 1);
	rates_succeeded(rates, KEY, from(1), NOW);
	for (unsigned i = 0; i < 2000000; i++) {
		snprintf(key, sizeof(key), "kd%022u", i);
		(void)asked(key, from(i % 5000), NOW + 60, 1);
	}
	ck_assert_uint_eq(asked(KEY, from(1), NOW + 60, 500), LIMIT);
}
END_TEST

START_TEST(success_does_not_give_a_second_helping)
{
	unsigned passed = asked(KEY, from(1), NOW, LIMIT / 2);

	rates_succeeded(rates, KEY, from(1), NOW);
	passed += asked(KEY, from(1), NOW, 500);
	ck_assert_uint_eq(passed, LIMIT);
}
END_TEST

static void
succeed_on_days(unsigned first, unsigned count)
{
	for (unsigned d = first; d < first + count; d++)
		rates_succeeded(rates, KEY, from(1), NOW + d * INT64_C(86400));
}

START_TEST(a_usual_network_has_a_higher_limit_and_still_one)
{
	int64_t day = NOW + INT64_C(6) * 86400;

	succeed_on_days(0, 6);
	ck_assert_uint_eq(asked(KEY, from(1), day, 5000), LIMIT);
	succeed_on_days(6, 1);
	ck_assert_uint_eq(asked(KEY, from(1), day + 60, 5000), LIMIT * FACTOR);
	/* Another network of the key, and another key of the network, have not. */
	ck_assert_uint_eq(asked(KEY, from(2), day + 60, 5000), LIMIT);
	ck_assert_uint_eq(
		asked("kd0123456789ABCDEFGHJKMP", from(1), day + 60, 5000), LIMIT);
	/* Three weeks later it has, two more later no more. */
	day += INT64_C(21) * 86400;
	ck_assert_uint_eq(asked(KEY, from(1), day, 5000), LIMIT * FACTOR);
	day += INT64_C(14) * 86400;
	ck_assert_uint_eq(asked(KEY, from(1), day, 5000), LIMIT);
}
END_TEST

START_TEST(a_usual_network_works_while_others_fail_beside_it)
{
	succeed_on_days(0, 7);
	for (unsigned i = 0; i < 2 * FAILED; i++)
		rates_failed(rates, from(1), NOW + INT64_C(6) * 86400);
	ck_assert_uint_eq(asked(KEY, from(1), NOW + INT64_C(6) * 86400, 10), 10);
	ck_assert_uint_eq(
		asked("kd0123456789ABCDEFGHJKMP", from(1), NOW + INT64_C(6) * 86400, 10),
		0);
}
END_TEST

/* Rows of rate_block as a disk would hold them. */
static struct rate_block disk[8192];
static size_t disk_count;

static void
write_blocks(int64_t now, bool told)
{
	struct rate_block *blocks;
	size_t count;

	rates_reserve(rates, arena, now, &blocks, &count);
	ck_assert_uint_le(disk_count + count, 8192);
	if (count > 0)
		memcpy(disk + disk_count, blocks, count * sizeof(*blocks));
	disk_count += count;
	if (told)
		rates_reserved(rates, blocks, count);
}

static void
restart(int64_t now)
{
	rates_free(rates);
	rates = rates_new(settings, vault);
	for (size_t i = 0; i < disk_count; i++)
		rates_load(rates, &disk[i], now);
}

START_TEST(no_restart_gives_a_second_helping)
{
	for (unsigned used = 1; used < 200; used += 7) {
		unsigned passed = 0;
		int64_t now = NOW + (int64_t)used * 600;

		disk_count = 0;
		write_blocks(now, true);
		for (unsigned i = 0; i < used; i++) {
			passed += asked(KEY, from(1), now, 1);
			if (i % 10 == 0)
				write_blocks(now, true);
		}
		restart(now + 1);
		for (unsigned i = 0; i < 300; i++)
			passed += asked(KEY, from(1), now + 1, 1);
		ck_assert_uint_le(passed, LIMIT);
		ck_assert_uint_ge(passed, LIMIT / 4);
		/* The next minute is whole. */
		write_blocks(now + 60, true);
		passed = asked(KEY, from(1), now + 60, 500);
		write_blocks(now + 60, true);
		ck_assert_uint_eq(passed + asked(KEY, from(1), now + 60, 500), LIMIT);
	}
}
END_TEST

START_TEST(several_restarts_within_a_minute_do_not_refuse_anybody)
{
	unsigned passed = 0;

	disk_count = 0;
	for (int64_t i = 0; i < 8; i++) {
		restart(NOW + i);
		write_blocks(NOW + i, true);
		ck_assert_uint_eq(asked(KEY, from(1), NOW + i, 1), 1);
		rates_succeeded(rates, KEY, from(1), NOW + i);
		rates_failed(rates, from(1), NOW + i);
		write_blocks(NOW + i, true);
		passed++;
	}
	for (int64_t i = 0; i < 300; i++) {
		passed += asked(KEY, from(1), NOW + 9, 1);
		if (i % 4 == 0)
			write_blocks(NOW + 9, true);
	}
	ck_assert_uint_le(passed, LIMIT);
	restart(NOW + 10);
	ck_assert_uint_eq(asked(KEY, from(1), NOW + 10, 10), 0);
}
END_TEST

START_TEST(failures_of_a_network_are_remembered_over_a_restart)
{
	write_blocks(NOW, true);
	for (unsigned i = 0; i < FAILED / 2; i++)
		rates_failed(rates, from(1), NOW);
	write_blocks(NOW, true);
	restart(NOW + 1);
	ck_assert_int_eq(rates_source(rates, from(1), NOW + 1), KERR_TOO_MANY);
	ck_assert_int_eq(rates_source(rates, from(2), NOW + 1), KERR_OK);
	ck_assert_int_eq(rates_source(rates, from(1), NOW + 60), KERR_OK);
}
END_TEST

START_TEST(a_counter_of_its_own_is_remembered_over_a_restart)
{
	write_blocks(NOW, true);
	ck_assert_uint_eq(asked(KEY, from(1), NOW, 1), 1);
	rates_succeeded(rates, KEY, from(1), NOW);
	ck_assert_uint_eq(asked(KEY, from(1), NOW, LIMIT / 2), LIMIT / 2 - 1);
	write_blocks(NOW, true);
	restart(NOW + 1);
	ck_assert_uint_eq(asked(KEY, from(1), NOW + 1, 10), 0);
}
END_TEST

START_TEST(beyond_the_half_the_disk_is_waited_for_but_not_for_long)
{
	disk_count = 0;
	write_blocks(NOW, true);
	ck_assert_uint_eq(asked(KEY, from(1), NOW, 500), LIMIT / 2);
	write_blocks(NOW, false); /* handed over, not yet told */
	ck_assert_uint_eq(asked(KEY, from(1), NOW + 1, 500), 0);
	ck_assert_uint_eq(disk_count, 1);
	rates_reserved(rates, disk, 1);
	ck_assert_uint_eq(asked(KEY, from(1), NOW + 1, 500), LIMIT / 2);
	/* A full disk: nobody is told that it was written. */
	ck_assert_uint_eq(asked(KEY, from(2), NOW, 500), LIMIT / 2);
	ck_assert_uint_eq(asked(KEY, from(2), NOW + 6, 500), LIMIT / 2);
}
END_TEST

START_TEST(a_row_of_another_minute_or_bucket_is_nothing)
{
	struct rate_block block = {.bucket = {9, 9}, .window = NOW, .reserved = 5};

	write_blocks(NOW, true);
	rates_load(rates, &block, NOW);
	block.bucket[0] = 1;
	memset(block.bucket + 4, 0xff, 4);
	rates_load(rates, &block, NOW);
	rates_reserved(rates, &block, 1);
	block.bucket[0] = 3;
	block.window = NOW - 60;
	rates_load(rates, &block, NOW);
	ck_assert_uint_eq(asked(KEY, from(1), NOW, 10), 10);
}
END_TEST

START_TEST(what_is_reserved_names_no_key_and_no_network)
{
	write_blocks(NOW, true);
	disk_count = 0;
	(void)asked(KEY, from(1), NOW, LIMIT);
	for (unsigned i = 0; i < FAILED; i++)
		rates_failed(rates, from(1), NOW);
	write_blocks(NOW, true);
	ck_assert_uint_eq(disk_count, 1 + 4);
	for (size_t i = 0; i < disk_count; i++) {
		ck_assert_int_eq(disk[i].window, NOW);
		ck_assert(disk[i].bucket[12] == 0 && disk[i].bucket[15] == 0);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("rates");
	TCase *tc = tcase_create("rates");
	SRunner *runner;
	int failed;

	if (secret_pool_start(16, NULL) != KERR_OK)
		return EXIT_FAILURE;
	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a_key_and_network_may_ask_so_often_in_a_minute);
	tcase_add_test(tc, every_spelling_of_a_key_is_the_same_key);
	tcase_add_test(tc, other_networks_of_the_key_are_not_refused);
	tcase_add_test(tc, addresses_of_one_ipv6_network_count_together);
	tcase_add_test(tc, a_network_that_fails_too_often_is_not_looked_at);
	tcase_add_test(tc, a_crowd_of_failing_networks_hides_few_others);
	tcase_add_test(tc, a_flood_of_unknown_keys_refuses_nobody_who_succeeded);
	tcase_add_test(tc, success_does_not_give_a_second_helping);
	tcase_add_test(tc, a_usual_network_has_a_higher_limit_and_still_one);
	tcase_add_test(tc, a_usual_network_works_while_others_fail_beside_it);
	tcase_add_test(tc, no_restart_gives_a_second_helping);
	tcase_add_test(tc, several_restarts_within_a_minute_do_not_refuse_anybody);
	tcase_add_test(tc, failures_of_a_network_are_remembered_over_a_restart);
	tcase_add_test(tc, a_counter_of_its_own_is_remembered_over_a_restart);
	tcase_add_test(tc, beyond_the_half_the_disk_is_waited_for_but_not_for_long);
	tcase_add_test(tc, a_row_of_another_minute_or_bucket_is_nothing);
	tcase_add_test(tc, what_is_reserved_names_no_key_and_no_network);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
