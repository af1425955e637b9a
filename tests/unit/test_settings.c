#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "keyd/role/settings.h"

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

static struct record *
given(void)
{
	static const enum settings_field texts[] = {SETTINGS_STATE_DIRECTORY,
		SETTINGS_AUDIT_SINK, SETTINGS_PUBLIC_URL, SETTINGS_CERTIFICATE,
		SETTINGS_TLS_KEY};
	struct record *r = record_new(arena, &settings_schema);

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		ck_assert_int_eq(
			record_set_text(r, texts[i], "https://somewhere"), KERR_OK);
	return r;
}

START_TEST(every_default_is_within_its_own_bounds)
{
	struct record *r = given();
	struct fault fault = {.err = KERR_OK};

	ck_assert_int_eq(settings_defaults(r), KERR_OK);
	for (unsigned f = 0; f < SETTINGS__COUNT; f++)
		ck_assert_msg(record_has(r, f), "%s", settings_row(f)->path);
	ck_assert_msg(record_check(r, RECORD_ADD, &fault) == KERR_OK, "%s: %s",
		fault.field, fault.text);
}
END_TEST

START_TEST(what_must_be_given_has_no_default_and_is_missed)
{
	struct record *r = record_new(arena, &settings_schema);
	struct fault fault;

	ck_assert_int_eq(settings_defaults(r), KERR_OK);
	ck_assert(!record_has(r, SETTINGS_STATE_DIRECTORY));
	ck_assert(!record_has(r, SETTINGS_PUBLIC_URL));
	ck_assert_int_eq(record_check(r, RECORD_ADD, &fault), KERR_INVALID);
	ck_assert_str_eq(fault.field, "state_directory");
}
END_TEST

START_TEST(a_default_leaves_alone_what_was_set)
{
	struct record *r = given();

	record_set_int(r, SETTINGS_TOKEN_SECONDS, 90);
	record_set_empty(r, SETTINGS_ADMIN_LISTEN);
	ck_assert_int_eq(settings_defaults(r), KERR_OK);
	ck_assert_int_eq(record_int(r, SETTINGS_TOKEN_SECONDS), 90);
	ck_assert_uint_eq(record_count(r, SETTINGS_ADMIN_LISTEN), 0);
	ck_assert_uint_eq(record_count(r, SETTINGS_PUBLIC_LISTEN), 1);
	ck_assert_str_eq(record_text_at(r, SETTINGS_PUBLIC_LISTEN, 0), "127.0.0.1:8443");
	ck_assert_str_eq(record_text(r, SETTINGS_LOG_LEVEL), "info");
}
END_TEST

START_TEST(the_doors_are_on_loopback_unless_told_otherwise)
{
	ck_assert_str_eq(settings_row(SETTINGS_PUBLIC_LISTEN)->preset, "127.0.0.1:8443");
	ck_assert_str_eq(settings_row(SETTINGS_ADMIN_LISTEN)->preset, "127.0.0.1:8444");
}
END_TEST

START_TEST(settings_survive_the_frame_and_fit_in_it)
{
	struct record *r = given();
	struct record *back = NULL;
	struct buf b;

	ck_assert_int_eq(settings_defaults(r), KERR_OK);
	buf_init(&b, 32000);
	record_encode(r, &b);
	ck_assert_int_eq(buf_error(&b), KERR_OK);
	ck_assert_int_eq(
		record_decode(&settings_schema, arena, b.data, b.len, &back), KERR_OK);
	for (unsigned f = 0; f < SETTINGS__COUNT; f++)
		ck_assert(record_has(back, f));
	ck_assert_int_eq(record_int(back, SETTINGS_IDLE_SECONDS), 75);
	buf_clear(&b);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("settings");
	TCase *tc = tcase_create("settings");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, every_default_is_within_its_own_bounds);
	tcase_add_test(tc, what_must_be_given_has_no_default_and_is_missed);
	tcase_add_test(tc, a_default_leaves_alone_what_was_set);
	tcase_add_test(tc, the_doors_are_on_loopback_unless_told_otherwise);
	tcase_add_test(tc, settings_survive_the_frame_and_fit_in_it);
	suite_add_tcase(s, tc);
	return s;
}

int
main(void)
{
	SRunner *r = srunner_create(suite());
	int failed;

	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
