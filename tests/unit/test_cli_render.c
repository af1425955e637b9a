#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "core/model/model.h"
#include "core/secret.h"
#include "core/text.h"
#include "keyd/cli/render.h"

/* Records as tables and lines. */

static struct arena *arena;
static struct buf out;

static void
setup(void)
{
	arena = arena_new(1 << 20);
	buf_init(&out, 1 << 16);
	ck_assert_ptr_nonnull(arena);
}

static void
teardown(void)
{
	buf_clear(&out);
	arena_free(arena);
}

static struct record *
vendor(int64_t id, const char *name)
{
	struct record *r = record_new(arena, &vendor_schema);

	ck_assert_ptr_nonnull(r);
	record_set_int(r, VENDOR_ID, id);
	ck_assert_int_eq(record_set_text(r, VENDOR_NAME, name), KERR_OK);
	record_set_int(r, VENDOR_KIND, VENDOR_KIND_SIS);
	record_set_int(r, VENDOR_STATE, VENDOR_IS_LIVE);
	return r;
}

static const char *
table(struct record **items, size_t count, size_t width)
{
	struct render how = {.width = width, .ellipsis = true};

	buf_reset(&out);
	render_table(&out, &vendor_schema, items, count, how);
	ck_assert_int_eq(buf_error(&out), KERR_OK);
	return buf_text(&out);
}

START_TEST(columns_stand_under_each_other_and_numbers_to_the_right)
{
	struct record *items[] = {vendor(7, "Acme"), vendor(1234, "Lee & Sons")};

	ck_assert_str_eq(table(items, 2, 0), "  ID  NAME        KIND  STATE\n"
					     "   7  Acme        sis   live\n"
					     "1234  Lee & Sons  sis   live\n");
}
END_TEST

START_TEST(wide_and_combining_characters_keep_the_columns)
{
	struct record *items[] = {vendor(1, "\xe6\x95\x99\xe8\x82\xb2"), /* 教育 */
		vendor(2, "Cafe\xcc\x81"), vendor(3, "abcd")};
	const char *text = table(items, 3, 0);
	const char *line = text;
	size_t first = 0;

	while (line && *line) {
		const char *end = strchr(line, '\n');
		const char *state = line;

		for (const char *p = line; p < end; p++) {
			if (*p == ' ')
				state = p + 1;
		}
		if (!first)
			first = text_columns(line, (size_t)(state - line));
		ck_assert_uint_eq(text_columns(line, (size_t)(state - line)), first);
		line = end + 1;
	}
}
END_TEST

START_TEST(a_line_fits_the_terminal_and_a_cut_name_says_so)
{
	struct record *items[] = {vendor(
		1, "The very long name of a company that sells software to districts")};
	const char *text = table(items, 1, 40);
	const char *second = strchr(text, '\n') + 1;

	ck_assert_uint_le(text_columns(second, strcspn(second, "\n")), 40);
	ck_assert_ptr_nonnull(strstr(second, "\xe2\x80\xa6"));
	ck_assert_ptr_nonnull(strstr(second, "live"));
	buf_reset(&out);
	render_table(&out, &vendor_schema, items, 1, (struct render){.width = 40});
	ck_assert_ptr_nonnull(strstr(buf_text(&out), "~"));
}
END_TEST

START_TEST(a_name_is_never_cut_within_a_character)
{
	char name[64] = "";

	for (size_t i = 0; i < 20; i++)
		memcpy(name + 3 * i, "\xe6\x95\x99", 4);
	for (size_t width = 24; width < 60; width++) {
		struct record *items[] = {vendor(1, name)};
		const char *text = table(items, 1, width);
		const char *second = strchr(text, '\n') + 1;
		size_t len = strcspn(second, "\n");

		ck_assert(text_is_utf8(second, len));
		ck_assert_uint_le(text_columns(second, len), width > 30 ? width : 30);
	}
}
END_TEST

START_TEST(without_a_terminal_nothing_is_cut)
{
	char name[76];
	struct record *items[1];

	memset(name, 'n', 75);
	name[75] = '\0';
	items[0] = vendor(1, name);
	ck_assert_ptr_nonnull(strstr(table(items, 1, 0), name));
}
END_TEST

START_TEST(a_key_is_not_cut_on_a_narrow_terminal)
{
	struct record *r = record_new(arena, &client_schema);
	struct record *items[] = {r};

	record_set_int(r, CLIENT_ID, 1);
	ck_assert_int_eq(
		record_set_text(r, CLIENT_KEY, "kdTFBQZVH263ABEAN8B45TZW"), KERR_OK);
	ck_assert_int_eq(
		record_set_text(r, CLIENT_NAME, "A name that has many letters"), KERR_OK);
	render_table(&out, &client_schema, items, 1, (struct render){.width = 60});
	ck_assert_ptr_nonnull(strstr(buf_text(&out), "kdTFBQZVH263ABEAN8B45TZW"));
}
END_TEST

/* Control sequences, a right-to-left override, a line end, bytes that are no UTF-8. */
START_TEST(hostile_names_reach_no_terminal)
{
	static const char *const names[] = {"\033[2J\033]0;owned\007",
		"a\xe2\x80\xae"
		"b",
		"two\nlines", "\xff\xfe",
		"c\xc2\x9b"
		"31m",
		"tab\there"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct record *items[] = {vendor(1, names[i])};
		const char *text = table(items, 1, i % 2 ? 0 : 50);
		size_t lines = 0;

		for (const char *p = text; *p; p++) {
			lines += *p == '\n';
			ck_assert(*p == '\n' || (unsigned char)*p >= ' ');
		}
		ck_assert_uint_eq(lines, 2);
		ck_assert_ptr_null(strstr(text, "\xe2\x80\xae"));
		ck_assert_ptr_null(strstr(text, "\xc2\x9b"));
		buf_reset(&out);
		render_record(&out, items[0], (struct render){0});
		ck_assert_ptr_null(strchr(buf_text(&out), '\033'));
		ck_assert(text_is_utf8(buf_text(&out), strlen(buf_text(&out))));
	}
}
END_TEST

START_TEST(every_type_has_a_form)
{
	struct record *r = record_new(arena, &init_schema);
	struct record *c = record_new(arena, &client_schema);
	struct record *s;
	struct fault fault;
	static bool started;

	if (!started)
		ck_assert_int_eq(secret_pool_start(4, &fault), KERR_OK);
	started = true;
	record_set_int(r, INIT_ATTENDED, 1);
	record_set_secret(r, INIT_CODE, secret_new("canary", 6));
	render_record(&out, r, (struct render){0});
	ck_assert_ptr_nonnull(strstr(buf_text(&out), "attended: yes\n"));
	ck_assert_ptr_null(strstr(buf_text(&out), "canary"));
	render_value(&out, r, INIT_CODE);
	ck_assert_ptr_null(strstr(buf_text(&out), "canary"));
	record_drop_secrets(r);

	buf_reset(&out);
	record_set_int(c, CLIENT_LAST_USE, 1795539600);
	ck_assert_int_eq(record_add_int(c, CLIENT_EDORGS, 255901), KERR_OK);
	ck_assert_int_eq(record_add_int(c, CLIENT_EDORGS, 255902), KERR_OK);
	ck_assert_int_eq(record_add_text(c, CLIENT_MOVES, "issue", 5), KERR_OK);
	s = record_add_record(c, CLIENT_SECRETS);
	ck_assert_ptr_nonnull(s);
	record_set_int(s, SECRET_NUMBER, 2);
	record_set_int(s, SECRET_STATE, SECRET_IS_LIVE);
	render_record(&out, c, (struct render){0});
	ck_assert_str_eq(buf_text(&out),
		"education organizations: 255901, 255902\n"
		"secrets:\n"
		"  NUMBER  STATE  LABEL  NOT_AFTER  HARD_END  LAST_USE\n"
		"       2  live   -      -          -         -\n"
		"last use:                2026-11-24T17:00:00Z\n"
		"next moves:              issue\n");
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("cli-render");
	TCase *tc = tcase_create("render");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, columns_stand_under_each_other_and_numbers_to_the_right);
	tcase_add_test(tc, wide_and_combining_characters_keep_the_columns);
	tcase_add_test(tc, a_line_fits_the_terminal_and_a_cut_name_says_so);
	tcase_add_test(tc, a_name_is_never_cut_within_a_character);
	tcase_add_test(tc, without_a_terminal_nothing_is_cut);
	tcase_add_test(tc, a_key_is_not_cut_on_a_narrow_terminal);
	tcase_add_test(tc, hostile_names_reach_no_terminal);
	tcase_add_test(tc, every_type_has_a_form);
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
