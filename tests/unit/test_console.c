#include "admin-tui/export.h"
#include "admin-tui/filter.h"
#include "admin-tui/input.h"
#include "admin-tui/list.h"
#include "admin-tui/paste.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "core/model/model.h"

static struct input in;
static uint32_t keys[64];
static size_t count;
static char pasted[INPUT_PASTE_MAX + 1];
static size_t pasted_len;
static bool cut;

static void
on_key(void *with, uint32_t key)
{
	(void)with;
	if (key == INPUT_PASTE) {
		const char *text = input_pasted(&in, &pasted_len);

		if (pasted_len > 0)
			memcpy(pasted, text, pasted_len);
		cut = in.cut;
	}
	if (count < 64)
		keys[count++] = key;
}

static void
feed(const char *bytes, size_t len)
{
	input_feed(&in, (const uint8_t *)bytes, len, on_key, NULL);
}

#define FEED(text) feed((text), sizeof(text) - 1)

static void
fresh(void)
{
	input_init(&in);
	count = pasted_len = 0;
	cut = false;
}

static void
clear(void)
{
	input_clear(&in);
}

static void
expect(size_t n, const uint32_t *wanted)
{
	ck_assert_uint_eq(count, n);
	for (size_t i = 0; i < n; i++)
		ck_assert_uint_eq(keys[i], wanted[i]);
}

#define EXPECT(...)                                                                      \
	expect(sizeof((uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t),                     \
		(const uint32_t[]){__VA_ARGS__})

START_TEST(cursor_keys_come_in_both_modes_and_in_pieces)
{
	FEED("\033[A\033OB\033[1;5C\033[5~\033[3;2~");
	FEED("\033");
	FEED("[");
	FEED("6");
	ck_assert_uint_gt(input_wait_ms(&in), 0);
	FEED("~x");
	EXPECT(INPUT_UP, INPUT_DOWN, INPUT_RIGHT, INPUT_PAGE_UP, INPUT_DELETE,
		INPUT_PAGE_DOWN, 'x');
	ck_assert_uint_eq(input_wait_ms(&in), 0);
}
END_TEST

START_TEST(a_lone_escape_is_the_key_when_nothing_follows)
{
	FEED("\033");
	ck_assert_uint_eq(count, 0);
	input_timeout(&in, on_key, NULL);
	FEED("\033q");
	EXPECT(INPUT_ESCAPE, INPUT_ESCAPE, 'q');
}
END_TEST

START_TEST(a_sequence_that_is_cut_leaves_no_keys_behind)
{
	FEED("\033[1;");
	input_timeout(&in, on_key, NULL);
	FEED("\033[999999999999999999999999999999999999Qy");
	FEED("\033[999~z");
	ck_assert_uint_eq(keys[count - 1], 'z');
	for (size_t i = 0; i < count; i++)
		ck_assert(keys[i] == 'z' || keys[i] == 'y' ||
			  (keys[i] >= '0' && keys[i] <= '9') || keys[i] == 'Q');
}
END_TEST

START_TEST(characters_are_utf_8_and_what_cannot_be_seen_is_no_key)
{
	FEED("\xc3\xa9\xe8\xa1\xa8");
	FEED("\xf0\x9f");
	FEED("\x94\x91");
	FEED("\xe2\x80\xae\xff\xc3(");
	EXPECT(0xe9, 0x8868, 0x1f511, '(');
	FEED("\r\n\t\x7f\x0c");
	ck_assert_uint_eq(keys[8], INPUT_CTRL('l'));
}
END_TEST

START_TEST(a_paste_is_one_key_whatever_is_in_it)
{
	static const char text[] = "a\r\033[Ab\033[201";

	FEED("\033[200~");
	FEED("a\r\033[Ab\033[201");
	ck_assert_uint_eq(count, 0);
	FEED("\033[201~q");
	EXPECT(INPUT_PASTE, 'q');
	ck_assert_uint_eq(pasted_len, sizeof(text) - 1);
	ck_assert_mem_eq(pasted, text, sizeof(text) - 1);
	ck_assert(!cut);
	ck_assert_uint_eq(in.paste.len, 0);
	ck_assert_ptr_null(in.paste.data);
}
END_TEST

START_TEST(a_paste_that_is_too_long_or_has_no_end_is_said_to_be_cut)
{
	FEED("\033[200~");
	for (int i = 0; i < INPUT_PASTE_MAX / 10 + 10; i++)
		FEED("qqqqqqqqqq");
	FEED("\033[201~");
	EXPECT(INPUT_PASTE);
	ck_assert(cut);
	FEED("\033[200~abc");
	input_timeout(&in, on_key, NULL);
	ck_assert_uint_eq(count, 2);
	ck_assert(cut);
}
END_TEST

#define SECRET                                                                           \
	"kds_4TAVS-RZ6XH-2YT6G-2ZDQ1-ZA9XK-M2GSX-RPM5A-058H4-FV4DY-2W30A-NXJYC-RCSE6-"   \
	"DXHDZ"

static void
expect_paste(const char *text, const char *wanted, bool whole)
{
	struct paste p;
	struct fault fault;
	char bytes[SECRET_POOL_MAX_LEN];

	ck_assert_int_eq(paste_read(text, strlen(text), &p, &fault), KERR_OK);
	ck_assert_uint_eq(secret_len(p.secret), strlen(wanted));
	memcpy(bytes, secret_reveal(p.secret), secret_len(p.secret));
	ck_assert_mem_eq(bytes, wanted, strlen(wanted));
	ck_assert(p.whole == whole);
	secret_free(p.secret);
}

START_TEST(a_whole_secret_in_a_paste_is_asked_about_alone)
{
	expect_paste(SECRET, SECRET, true);
	expect_paste(" \n" SECRET "\r\n", SECRET, true);
	expect_paste("POST client_secret=" SECRET "&x=1 (401)", SECRET, true);
	expect_paste("a line without anything", "a line without anything", false);
}
END_TEST

START_TEST(a_long_paste_is_cut_to_what_keyd_could_know)
{
	static const char key[] = "kd0123456789ABCDEFGHJKMN";
	static char text[SECRET_POOL_MAX_LEN * 2];
	struct paste p;
	struct fault fault;

	memset(text, '.', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	ck_assert_int_eq(paste_read(text, sizeof(text) - 1, &p, &fault), KERR_INVALID);
	memcpy(text + 1000, key, sizeof(key) - 1);
	expect_paste(text, key, false);
	memcpy(text + 1500, SECRET, sizeof(SECRET) - 1);
	expect_paste(text, SECRET, true);
	ck_assert_int_eq(paste_read(" \n ", 3, &p, &fault), KERR_INVALID);
}
END_TEST

static void
expect_query(const char *text, const char *wanted)
{
	struct fault fault;
	struct buf query;

	buf_init(&query, 1024);
	ck_assert_int_eq(filter_query(&client_schema, text, &query, &fault), KERR_OK);
	ck_assert_str_eq(buf_text(&query), wanted);
	buf_clear(&query);
}

START_TEST(filters_become_queries)
{
	struct fault fault;
	struct buf query;

	expect_query("", "");
	expect_query(
		"  state=live   vendor=\"Acme SIS\" ", "state=live&vendor=Acme%20SIS");
	expect_query("Acme", "name=*Acme*");
	expect_query("name=a&b=%\xc3\xa9", "name=a%26b%3D%25%C3%A9");
	buf_init(&query, 1024);
	ck_assert_int_eq(
		filter_query(&client_schema, "color=red", &query, &fault), KERR_INVALID);
	ck_assert_ptr_nonnull(strstr(fault.text, "color"));
	ck_assert_ptr_nonnull(strstr(fault.text, "state"));
	buf_clear(&query);
}
END_TEST

START_TEST(a_filter_is_completed_by_fields_and_words)
{
	struct buf all;

	buf_init(&all, 4096);
	filter_complete(&client_schema, "name=x st", &all);
	ck_assert_uint_eq(all.len, sizeof("name=x state="));
	ck_assert_str_eq((const char *)all.data, "name=x state=");
	buf_reset(&all);
	filter_complete(&client_schema, "state=q", &all);
	ck_assert_str_eq((const char *)all.data, "state=quarantined");
	buf_clear(&all);
}
END_TEST

static void
expect_cell(const char *text, const char *wanted)
{
	struct buf out;

	buf_init(&out, 256);
	export_cell(&out, text, strlen(text));
	ck_assert_str_eq(buf_text(&out), wanted);
	buf_clear(&out);
}

START_TEST(a_cell_is_no_formula_and_no_two_cells)
{
	expect_cell("plain", "plain");
	expect_cell("", "");
	expect_cell("=1+1", "'=1+1");
	expect_cell("+1", "'+1");
	expect_cell("-1", "'-1");
	expect_cell("@x", "'@x");
	expect_cell("\tx", "'\tx");
	expect_cell("\rx", "\"'\rx\"");
	expect_cell("a=b", "a=b");
	expect_cell("a,b", "\"a,b\"");
	expect_cell("=\"a\"", "\"'=\"\"a\"\"\"");
	expect_cell("a\nb", "\"a\nb\"");
}
END_TEST

START_TEST(a_list_keeps_selection_and_view_within_its_rows)
{
	struct list l = {0};

	ck_assert(list_move(&l, ACTION_UP, 0, 10));
	ck_assert_uint_eq(l.at, 0);
	list_move(&l, ACTION_BOTTOM, 100, 10);
	ck_assert_uint_eq(l.at, 99);
	ck_assert_uint_eq(l.top, 90);
	list_move(&l, ACTION_PAGE_UP, 100, 10);
	ck_assert_uint_eq(l.at, 90);
	list_fit(&l, 5, 10);
	ck_assert_uint_eq(l.at, 4);
	ck_assert_uint_eq(l.top, 0);
	/* Backwards, down goes towards row 0. */
	l = (struct list){.at = 5, .backward = true};
	list_move(&l, ACTION_DOWN, 100, 10);
	ck_assert_uint_eq(l.at, 4);
	list_move(&l, ACTION_BOTTOM, 100, 10);
	ck_assert_uint_eq(l.at, 0);
	ck_assert(!list_move(&l, ACTION_ISSUE, 100, 10));
}
END_TEST

/* A key that is bound twice on one screen would do only the first. */
START_TEST(no_key_means_two_things_on_a_screen)
{
	for (int a = 0; a < ACTION__COUNT; a++) {
		for (int b = a + 1; b < ACTION__COUNT; b++) {
			const struct action *one = action_at((enum action_id)a);
			const struct action *other = action_at((enum action_id)b);

			ck_assert_str_ne(one->name, other->name);
			for (size_t i = 0; i < ACTION_KEYS * ACTION_KEYS; i++) {
				uint32_t key = one->keys[i / ACTION_KEYS];

				ck_assert_msg(
					key == 0 || key != other->keys[i % ACTION_KEYS],
					"%s and %s", one->name, other->name);
			}
		}
	}
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("console");
	TCase *c = tcase_create("console");
	SRunner *r = srunner_create(s);
	struct fault fault;
	int failed;

	if (secret_pool_start(8, &fault) != KERR_OK)
		return EXIT_FAILURE;
	tcase_add_checked_fixture(c, fresh, clear);
	tcase_add_test(c, cursor_keys_come_in_both_modes_and_in_pieces);
	tcase_add_test(c, a_lone_escape_is_the_key_when_nothing_follows);
	tcase_add_test(c, a_sequence_that_is_cut_leaves_no_keys_behind);
	tcase_add_test(c, characters_are_utf_8_and_what_cannot_be_seen_is_no_key);
	tcase_add_test(c, a_paste_is_one_key_whatever_is_in_it);
	tcase_add_test(c, a_paste_that_is_too_long_or_has_no_end_is_said_to_be_cut);
	tcase_add_test(c, a_whole_secret_in_a_paste_is_asked_about_alone);
	tcase_add_test(c, a_long_paste_is_cut_to_what_keyd_could_know);
	tcase_add_test(c, filters_become_queries);
	tcase_add_test(c, a_filter_is_completed_by_fields_and_words);
	tcase_add_test(c, a_cell_is_no_formula_and_no_two_cells);
	tcase_add_test(c, a_list_keeps_selection_and_view_within_its_rows);
	tcase_add_test(c, no_key_means_two_things_on_a_screen);
	suite_add_tcase(s, c);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
