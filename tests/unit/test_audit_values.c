#include "tests/unit/audit_rig.h"

#include "core/credential.h"

/* Which values of which columns a record shows. */

static struct rig r;

static void
setup(void)
{
	rig_start(&r);
}

static void
teardown(void)
{
	rig_end(&r);
}

static const char *
is_different(enum table_id table, struct record *a, struct record *b, bool after)
{
	static struct buf before, now;

	buf_clear(&before);
	buf_clear(&now);
	buf_init(&before, 4096);
	buf_init(&now, 4096);
	ok(audit_values(&before, &now, table, a, b));
	if (buf_text(after ? &now : &before) == NULL)
		return "";
	return buf_text(after ? &now : &before);
}

START_TEST(only_what_differs_and_may_appear_is_shown)
{
	struct record *a = record_new(r.w.arena, store_schema(TABLE_secret));
	struct record *b = record_new(r.w.arena, store_schema(TABLE_secret));

	record_set_int(a, ROW_SECRET_CLIENT_ID, 7);
	record_set_int(a, ROW_SECRET_STATE, SECRET_IS_LIVE);
	record_set_int(a, ROW_SECRET_NOT_AFTER, RIG_BEGIN);
	ok(record_set_bytes(a, ROW_SECRET_VERIFIER, "verifier bytes", 14));
	ok(record_set_bytes(a, ROW_SECRET_TAG, "tag bytes", 9));
	ok(record_copy_same(b, a));
	record_set_int(b, ROW_SECRET_STATE, SECRET_IS_REVOKED);
	ok(record_set_text(b, ROW_SECRET_LABEL, "50% off; really"));
	ok(record_set_bytes(b, ROW_SECRET_VERIFIER, "other bytes", 11));
	ck_assert_str_eq(is_different(TABLE_secret, a, b, false), "state=live; label=");
	ck_assert_str_eq(is_different(TABLE_secret, a, b, true),
		"state=revoked; label=50%25 off%3B really");
	ck_assert_str_eq(is_different(TABLE_secret, NULL, a, true),
		"client_id=7; state=live; not_after=2027-01-15T08:00:00Z");
	ck_assert_str_eq(is_different(TABLE_secret, NULL, a, false), "");
	ck_assert_str_eq(is_different(TABLE_secret, a, NULL, true), "");
}
END_TEST

START_TEST(no_column_of_bytes_or_of_a_sealed_kind_appears)
{
	for (unsigned table = 0; table < TABLE__COUNT; table++) {
		const struct schema *s = store_schema((enum table_id)table);

		for (unsigned f = 0; f < s->count; f++) {
			struct record *row = record_new(r.w.arena, s);
			bool public = strcmp(s->fields[f].name, "hash") == 0;
			const char *text;

			if (s->fields[f].type != FIELD_BYTES)
				continue;
			ok(record_set_bytes(row, f, "canary-canary", 13));
			text = is_different((enum table_id)table, NULL, row, true);
			ck_assert_ptr_null(strstr(text, "canary"));
			ck_assert_msg(text[0] == '\0' || public, "%s.%s", s->name,
				s->fields[f].name);
		}
	}
}
END_TEST

START_TEST(a_secret_typed_into_a_name_does_not_appear)
{
	struct record *row = record_new(r.w.arena, store_schema(TABLE_vendor));
	struct secret *s = credential_secret_new();
	char text[128];

	(void)snprintf(text, sizeof(text), "x %.*s", (int)secret_len(s),
		(const char *)secret_reveal(s));
	ok(record_set_text(row, ROW_VENDOR_NAME, text));
	ck_assert_str_eq(is_different(TABLE_vendor, NULL, row, true),
		"name=(withheld: looks like a secret)");
	secret_free(s);
}
END_TEST

START_TEST(long_values_end_in_dots_at_a_whole_value)
{
	struct record *row = record_new(r.w.arena, store_schema(TABLE_ods));
	static const unsigned columns[] = {ROW_ODS_NAME, ROW_ODS_STANDARD,
		ROW_ODS_API_URL, ROW_ODS_ADMIN_URL, ROW_ODS_CONTEXT, ROW_ODS_EXTERNAL_ID};
	char text[600];
	const char *shown;

	memset(text, ';', sizeof(text));
	text[599] = '\0';
	for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++)
		ok(record_set_text(row, columns[i], text));
	shown = is_different(TABLE_ods, NULL, row, true);
	ck_assert_uint_le(strlen(shown), 2048);
	ck_assert_str_eq(shown + strlen(shown) - 5, "; \xe2\x80\xa6");
}
END_TEST

START_TEST(a_value_is_read_back_from_a_record)
{
	struct buf text;

	buf_init(&text, 100);
	ok(audit_value("state=live; label=50%25 off%3B really; x=", "label", &text));
	ck_assert_str_eq(buf_text(&text), "50% off; really");
	buf_reset(&text);
	ok(audit_value("state=live", "state", &text));
	ck_assert_str_eq(buf_text(&text), "live");
	ck_assert_int_eq(audit_value("state=live", "tate", &text), KERR_NOTFOUND);
	ck_assert_int_eq(audit_value("state=live", "live", &text), KERR_NOTFOUND);
	buf_clear(&text);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("audit values");
	TCase *tc = tcase_create("audit values");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, only_what_differs_and_may_appear_is_shown);
	tcase_add_test(tc, no_column_of_bytes_or_of_a_sealed_kind_appears);
	tcase_add_test(tc, a_secret_typed_into_a_name_does_not_appear);
	tcase_add_test(tc, long_values_end_in_dots_at_a_whole_value);
	tcase_add_test(tc, a_value_is_read_back_from_a_record);
	suite_add_tcase(s, tc);
	return s;
}

int
main(void)
{
	SRunner *runner = srunner_create(suite());
	int failed;

	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
