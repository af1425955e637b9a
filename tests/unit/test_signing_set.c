#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/model/model.h"
#include "keyd/keeper/tokens/tokens.h"
#include "tests/support/store_world.h"

#define NOW ((int64_t)1764000000)
#define DAY ((int64_t)86400)

static struct store_world w;
static struct buf written; /* the actions, in order */

static void
setup(void)
{
	world_start(&w, (size_t)1 << 20);
	buf_init(&written, 1024);
}

static void
teardown(void)
{
	buf_clear(&written);
	world_end(&w);
}

static enum kerr
write_row(void *with, struct record *row, const struct record *former, const char *action)
{
	int64_t now = *(int64_t *)with;

	buf_printf(&written, "%s ", action);
	if (former == NULL)
		return store_insert(w.store, TABLE_signing_key, row, now);
	return store_update(w.store, TABLE_signing_key, row, now);
}

static struct signing_set
set_at(int64_t now)
{
	static int64_t at;

	at = now;
	buf_reset(&written);
	return (struct signing_set){.store = w.store,
		.vault = w.vault,
		.arena = w.arena,
		.now = now,
		.write = write_row,
		.with = &at};
}

static void
ok(enum kerr err)
{
	ck_assert_str_eq(kerr_name(err), "ok");
}

static void
init(void)
{
	struct signing_set s = set_at(NOW);

	ok(store_begin(w.store, false));
	ok(signing_set_init(&s, SIGNING_ALG_ES256, NULL));
	ok(store_commit(w.store));
}

static enum kerr
rotate(int64_t now, bool force, struct fault *fault)
{
	struct signing_set s = set_at(now);
	enum kerr err;

	ok(store_begin(w.store, false));
	err = signing_set_rotate(&s, SIGNING_ALG_ES256, now + 1800, force, fault);
	if (err == KERR_OK)
		ok(store_commit(w.store));
	else
		store_rollback(w.store);
	return err;
}

static enum kerr
withdraw(int64_t now, const char *kid, struct fault *fault)
{
	struct signing_set s = set_at(now);
	enum kerr err;

	ok(store_begin(w.store, false));
	err = signing_set_withdraw(&s, kid, fault);
	if (err == KERR_OK)
		ok(store_commit(w.store));
	else
		store_rollback(w.store);
	return err;
}

static struct record *
listed(bool published_only)
{
	struct record *list = NULL;

	ok(signing_set_list(store_as_reader(w.store), w.arena, published_only, &list));
	ck_assert_int_eq(
		record_int(list, LIST_TOTAL), (int64_t)record_count(list, LIST_ITEMS));
	return list;
}

/* The states of all keys in the order of their making. */
static const char *
states(void)
{
	static char text[256];
	struct record *list = listed(false);
	size_t at = 0;

	text[0] = '\0';
	for (size_t i = 0; i < record_count(list, LIST_ITEMS); i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%s",
			i > 0 ? " " : "",
			record_text(record_at(list, LIST_ITEMS, i), SIGNING_KEY_STATE));
	return text;
}

static struct record *
key_at(size_t i)
{
	return record_at(listed(false), LIST_ITEMS, i);
}

static const char *
kid_at(size_t i)
{
	return record_text(key_at(i), SIGNING_KEY_KID);
}

static enum kerr
active(struct signing_key **ret)
{
	return signing_set_active(
		store_as_reader(w.store), w.vault, SIGNING_ALG_ES256, w.arena, ret);
}

static void
assert_active_is(size_t i)
{
	struct signing_key *k = NULL;

	ok(active(&k));
	ck_assert_str_eq(signing_key_kid(k), kid_at(i));
	signing_key_free(k);
}

static uint64_t
record_keys(void)
{
	struct store_query q = {.table = TABLE_record_key};
	uint64_t count = 0;

	ok(store_count(store_as_reader(w.store), &q, &count));
	return count;
}

START_TEST(the_first_keys_are_one_active_and_one_spare)
{
	struct fault fault;
	struct signing_set s;

	init();
	ck_assert_str_eq(states(), "active spare");
	ck_assert_str_eq(buf_text(&written), "signing-key.make signing-key.make ");
	assert_active_is(0);
	ck_assert_int_eq(record_int(key_at(0), SIGNING_KEY_PUBLISHED), NOW);
	ck_assert_int_eq(record_int(key_at(0), SIGNING_KEY_ACTIVE), NOW);
	ck_assert(!record_has(key_at(1), SIGNING_KEY_ACTIVE));
	s = set_at(NOW);
	ok(store_begin(w.store, false));
	ck_assert_int_eq(signing_set_init(&s, SIGNING_ALG_ES256, &fault), KERR_EXISTS);
	store_rollback(w.store);
}
END_TEST

START_TEST(keys_come_back_after_a_restart)
{
	init();
	world_close(&w);
	ok(world_open(&w));
	ck_assert_str_eq(states(), "active spare");
	assert_active_is(0);
}
END_TEST

START_TEST(without_keys_there_is_nothing_to_sign_with_and_nothing_to_rotate)
{
	struct signing_key *k = NULL;
	struct fault fault;

	ck_assert_int_eq(active(&k), KERR_NOTFOUND);
	ck_assert_int_eq(rotate(NOW, true, &fault), KERR_NOTFOUND);
	ck_assert_int_eq(withdraw(NOW, "none", &fault), KERR_NOTFOUND);
	ck_assert_str_eq(fault.field, "kid");
	ck_assert_uint_eq(record_count(listed(true), LIST_ITEMS), 0);
}
END_TEST

START_TEST(rotation_brings_the_spare_and_makes_a_new_one)
{
	init();
	ok(rotate(NOW + DAY, false, NULL));
	ck_assert_str_eq(states(), "verifying active spare");
	ck_assert_str_eq(buf_text(&written),
		"signing-key.retire signing-key.activate signing-key.make ");
	assert_active_is(1);
	ck_assert_int_eq(record_int(key_at(0), SIGNING_KEY_ENDS), NOW + DAY + 1800);
	ck_assert_int_eq(record_int(key_at(1), SIGNING_KEY_ACTIVE), NOW + DAY);
	ck_assert_int_eq(record_int(key_at(2), SIGNING_KEY_PUBLISHED), NOW + DAY);
}
END_TEST

START_TEST(a_spare_that_is_not_a_day_old_waits_unless_forced)
{
	struct fault fault;

	init();
	ck_assert_int_eq(rotate(NOW + DAY - 1, false, &fault), KERR_NOT_READY);
	ck_assert_ptr_nonnull(strstr(fault.text, "2025-11-25T16:00:00Z"));
	ck_assert_str_eq(states(), "active spare");
	ok(rotate(NOW + DAY - 1, true, &fault));
	ck_assert_str_eq(states(), "verifying active spare");
	/* the new spare is young again */
	ck_assert_int_eq(rotate(NOW + DAY, false, &fault), KERR_NOT_READY);
}
END_TEST

START_TEST(a_key_that_signs_no_more_cannot_sign_again)
{
	init();
	ck_assert_uint_eq(record_keys(), 2);
	ok(rotate(NOW + DAY, false, NULL));
	ck_assert_uint_eq(record_keys(), 2); /* of the new active one and the new spare */
	ok(withdraw(NOW + DAY, kid_at(1), NULL));
	ck_assert_uint_eq(record_keys(), 2);
}
END_TEST

START_TEST(a_verifying_key_is_withdrawn_when_its_last_token_has_expired)
{
	struct signing_set s;
	size_t count = 9;

	init();
	ok(rotate(NOW + DAY, false, NULL));
	s = set_at(NOW + DAY + 1799);
	ok(store_begin(w.store, false));
	ok(signing_set_expire(&s, &count));
	ok(store_commit(w.store));
	ck_assert_uint_eq(count, 0);
	s = set_at(NOW + DAY + 1800);
	ok(store_begin(w.store, false));
	ok(signing_set_expire(&s, &count));
	ok(store_commit(w.store));
	ck_assert_uint_eq(count, 1);
	ck_assert_str_eq(states(), "withdrawn active spare");
	ck_assert_str_eq(buf_text(&written), "signing-key.withdraw ");
	ck_assert_uint_eq(record_count(listed(true), LIST_ITEMS), 2);
	assert_active_is(1);
}
END_TEST

START_TEST(withdrawing_the_active_key_puts_the_spare_in_its_place_at_once)
{
	struct fault fault;

	init();
	ok(withdraw(NOW + 60, kid_at(0), &fault));
	ck_assert_str_eq(states(), "withdrawn active spare");
	assert_active_is(1);
	ck_assert_int_eq(record_int(key_at(0), SIGNING_KEY_ENDS), NOW + 60);
	ck_assert_int_eq(withdraw(NOW + 60, kid_at(0), &fault), KERR_CONFLICT);
}
END_TEST

START_TEST(withdrawing_a_spare_makes_another)
{
	init();
	ok(withdraw(NOW, kid_at(1), NULL));
	ck_assert_str_eq(states(), "active withdrawn spare");
	assert_active_is(0);
}
END_TEST

START_TEST(withdrawing_a_verifying_key_touches_no_other)
{
	init();
	ok(rotate(NOW + DAY, false, NULL));
	ok(withdraw(NOW + DAY, kid_at(0), NULL));
	ck_assert_str_eq(states(), "withdrawn active spare");
	ck_assert_str_eq(buf_text(&written), "signing-key.withdraw ");
}
END_TEST

START_TEST(a_change_that_is_rolled_back_has_changed_nothing)
{
	struct signing_set s;

	init();
	s = set_at(NOW + DAY);
	ok(store_begin(w.store, false));
	ok(signing_set_rotate(&s, SIGNING_ALG_ES256, NOW + DAY + 1800, false, NULL));
	store_rollback(w.store);
	ck_assert_str_eq(states(), "active spare");
	assert_active_is(0);
}
END_TEST

START_TEST(the_private_half_of_another_key_does_not_open)
{
	struct store_query q = {.table = TABLE_record_key};
	struct signing_key *k = NULL;

	init();
	world_close(&w);
	/* both parts, so that each would open at its own place */
	world_sql(&w, "UPDATE record_key SET row_id = 3 - row_id + 10");
	world_sql(&w, "UPDATE record_key SET row_id = row_id - 10");
	ok(world_open(&w));
	ck_assert_int_eq(active(&k), KERR_DAMAGED);
	ok(store_begin(w.store, false));
	ok(store_delete(w.store, &q));
	ok(store_commit(w.store));
	ck_assert_int_eq(active(&k), KERR_DAMAGED);
	ck_assert_ptr_null(k);
}
END_TEST

START_TEST(each_algorithm_has_its_own_active_key)
{
	struct signing_set s = set_at(NOW);
	struct signing_key *k = NULL;

	ok(store_begin(w.store, false));
	ok(signing_set_init(&s, SIGNING_ALG_ES256, NULL));
	ok(signing_set_init(&s, SIGNING_ALG_RS256, NULL));
	ok(store_commit(w.store));
	ck_assert_str_eq(states(), "active spare active spare");
	ok(signing_set_active(
		store_as_reader(w.store), w.vault, SIGNING_ALG_RS256, w.arena, &k));
	ck_assert_int_eq(signing_key_alg(k), SIGNING_ALG_RS256);
	ck_assert_str_eq(signing_key_kid(k), kid_at(2));
	signing_key_free(k);
	ok(rotate(NOW + DAY, false, NULL));
	ck_assert_str_eq(states(), "verifying active active spare spare");
}
END_TEST

START_TEST(the_list_carries_what_a_front_verifies_with)
{
	struct signing_key *k = NULL;
	const uint8_t *want, *got;
	size_t want_len, got_len;

	init();
	ok(active(&k));
	want = signing_key_public(k, &want_len);
	got = record_bytes(key_at(0), SIGNING_KEY_PUBLIC, &got_len);
	ck_assert_uint_eq(want_len, got_len);
	ck_assert_mem_eq(want, got, want_len);
	ck_assert_str_eq(record_text(key_at(0), SIGNING_KEY_ALG), "ES256");
	signing_key_free(k);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("signing_set");
	TCase *tc = tcase_create("signing_set");
	SRunner *runner;
	int failed;

	if (tokens_start(NULL) != KERR_OK)
		return EXIT_FAILURE;
	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, the_first_keys_are_one_active_and_one_spare);
	tcase_add_test(tc, keys_come_back_after_a_restart);
	tcase_add_test(
		tc, without_keys_there_is_nothing_to_sign_with_and_nothing_to_rotate);
	tcase_add_test(tc, rotation_brings_the_spare_and_makes_a_new_one);
	tcase_add_test(tc, a_spare_that_is_not_a_day_old_waits_unless_forced);
	tcase_add_test(tc, a_key_that_signs_no_more_cannot_sign_again);
	tcase_add_test(tc, a_verifying_key_is_withdrawn_when_its_last_token_has_expired);
	tcase_add_test(
		tc, withdrawing_the_active_key_puts_the_spare_in_its_place_at_once);
	tcase_add_test(tc, withdrawing_a_spare_makes_another);
	tcase_add_test(tc, withdrawing_a_verifying_key_touches_no_other);
	tcase_add_test(tc, a_change_that_is_rolled_back_has_changed_nothing);
	tcase_add_test(tc, the_private_half_of_another_key_does_not_open);
	tcase_add_test(tc, each_algorithm_has_its_own_active_key);
	tcase_add_test(tc, the_list_carries_what_a_front_verifies_with);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
