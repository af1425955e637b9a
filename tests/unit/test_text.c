#include "core/text.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Results of the appending functions as C strings, kept until the next call. */
static struct buf out;

static const char *
scrubbed(const char *text, size_t len)
{
	buf_clear(&out);
	buf_init(&out, 4096);
	text_scrub(&out, text, len);
	return buf_text(&out);
}

static const char *
skeleton(const char *text)
{
	buf_clear(&out);
	buf_init(&out, 4096);
	ck_assert_int_eq(text_skeleton(&out, text, strlen(text)), KERR_OK);
	return buf_text(&out);
}

static const char *
nfc(const char *text)
{
	buf_clear(&out);
	buf_init(&out, 4096);
	ck_assert_int_eq(text_nfc(&out, text, strlen(text)), KERR_OK);
	return buf_text(&out);
}

static void
teardown(void)
{
	buf_clear(&out);
}

struct bytes {
	const char *text;
	size_t len;
};
#define BYTES(literal)                                                                   \
	{                                                                                \
		literal, sizeof(literal) - 1                                             \
	}

/* RFC 3629 §3 and §4. */
static const struct bytes not_utf8[] = {
	BYTES("\x80"),
	BYTES("\xc0\xaf"),             /* overlong '/' */
	BYTES("\xe0\x80\xaf"),         /* and longer */
	BYTES("\xf0\x80\x80\xaf"),     /* and longer */
	BYTES("\xed\xa0\x80"),         /* surrogate U+D800 */
	BYTES("\xed\xbf\xbf"),         /* surrogate U+DFFF */
	BYTES("\xf4\x90\x80\x80"),     /* U+110000 */
	BYTES("\xf8\x88\x80\x80\x80"), /* five bytes */
	BYTES("\xff"),
	BYTES("abc\xe2\x82"), /* cut */
	BYTES("\xe2\x82x"),
	BYTES("\xf0\x9f\x98"),
	BYTES("a\0b"),
};

START_TEST(what_is_no_utf8_is_refused)
{
	const struct bytes *b = &not_utf8[_i];

	ck_assert(!text_is_utf8(b->text, b->len));
	ck_assert(text_has_hidden(b->text, b->len));
	buf_init(&out, 100);
	ck_assert_int_eq(text_nfc(&out, b->text, b->len), KERR_INVALID);
	ck_assert_int_eq(text_skeleton(&out, b->text, b->len), KERR_INVALID);
}
END_TEST

START_TEST(plain_text_of_any_script_is_utf8_and_not_hidden)
{
	static const char *const plain[] = {"", "Lincoln ISD #12 (2026)", "Peñasco",
		"Łódź", "東京", "مدرسة", "\xf0\x9f\x98\x80", "a\xcc\x81", NULL};

	for (size_t i = 0; i < 8; i++) {
		ck_assert_msg(text_is_utf8(plain[i], strlen(plain[i])), "%s", plain[i]);
		ck_assert_msg(
			!text_has_hidden(plain[i], strlen(plain[i])), "%s", plain[i]);
		ck_assert_str_eq(scrubbed(plain[i], strlen(plain[i])), plain[i]);
	}
}
END_TEST

static const struct {
	const char *name, *text, *shown;
} hidden[] = {
	{"escape", "\x1b[2J", "\\u{1b}[2J"},
	{"newline", "a\nb", "a\\u{a}b"},
	{"tab", "a\tb", "a\\u{9}b"},
	{"delete", "\x7f", "\\u{7f}"},
	{"C1 control", "\xc2\x9b", "\\u{9b}"},
	{"right-to-left override", "\xe2\x80\xaexe", "\\u{202e}xe"},
	{"isolate", "\xe2\x81\xa6", "\\u{2066}"},
	{"zero width space", "a\xe2\x80\x8b", "a\\u{200b}"},
	{"joiner", "\xe2\x80\x8d", "\\u{200d}"},
	{"byte order mark", "\xef\xbb\xbf", "\\u{feff}"},
	{"soft hyphen", "\xc2\xad", "\\u{ad}"},
	{"tag", "\xf3\xa0\x81\x81", "\\u{e0041}"},
	{"variation selector", "\xef\xb8\x8f", "\\u{fe0f}"},
	{"variation selector of the supplement", "\xf3\xa0\x84\x80", "\\u{e0100}"},
	{"Mongolian variation selector", "\xe1\xa0\x8b", "\\u{180b}"},
	{"Hangul filler", "\xe3\x85\xa4", "\\u{3164}"},
	{"line separator", "\xe2\x80\xa8", "\\u{2028}"},
	{"private use", "\xee\x80\x80", "\\u{e000}"},
	{"noncharacter", "\xef\xbf\xbf", "\\u{ffff}"},
	{"unassigned", "\xf0\xbf\xbf\xbd", "\\u{3fffd}"},
};

START_TEST(hidden_characters_are_found_and_shown)
{
	const char *text = hidden[_i].text;

	ck_assert_msg(text_is_utf8(text, strlen(text)), "%s", hidden[_i].name);
	ck_assert_msg(text_has_hidden(text, strlen(text)), "%s", hidden[_i].name);
	ck_assert_str_eq(scrubbed(text, strlen(text)), hidden[_i].shown);
	/* Scrubbed twice is scrubbed once. */
	ck_assert(!text_has_hidden(hidden[_i].shown, strlen(hidden[_i].shown)));
}
END_TEST

START_TEST(bad_bytes_are_shown_one_by_one)
{
	ck_assert_str_eq(scrubbed("a\xff\xe2\x82z", 5), "a\\xff\\xe2\\x82z");
	ck_assert_str_eq(scrubbed("a\0b", 3), "a\\u{0}b");
}
END_TEST

START_TEST(whatever_is_scrubbed_is_plain)
{
	char text[24];
	unsigned seed = 7;

	for (int round = 0; round < 20000; round++) {
		for (size_t i = 0; i < sizeof(text); i++) {
			seed = seed * 1103515245 + 12345;
			text[i] = (char)(seed >> 16);
			/* Valid sequences too: half of the bytes make short forms. */
			if (i > 0 && (seed & 0x10000))
				text[i] = (char)(0x80 | (text[i] & 0x3f));
		}
		scrubbed(text, sizeof(text));
		ck_assert(!text_has_hidden((const char *)out.data, out.len));
	}
}
END_TEST

START_TEST(composed_and_decomposed_are_one_in_nfc)
{
	ck_assert_str_eq(nfc("Pen\xcc\x83"
			     "asco"),
		"Pe\xc3\xb1"
		"asco");
	ck_assert_str_eq(nfc("plain"), "plain");
	/* Compatibility forms stay: NFC is not NFKC. */
	ck_assert_str_eq(nfc("\xef\xbc\xa1"), "\xef\xbc\xa1");
	/* A ceiling holds. */
	buf_clear(&out);
	buf_init(&out, 3);
	ck_assert_int_eq(text_nfc(&out, "\xc3\xb1\xc3\xb1", 4), KERR_TOO_LARGE);
}
END_TEST

static const struct {
	const char *text, *skeleton;
} same[] = {
	{"Lincoln ISD", "lincoln isd"},
	{"  Lincoln \t  ISD ", "lincoln isd"},
	{"Lincoln\xc2\xa0ISD", "lincoln isd"},
	{"LINCOLN ISD", "lincoln isd"},
	{"L\xc3\xadncoln ISD", "lincoln isd"},  /* i with acute */
	{"Li\xcc\x81ncoln ISD", "lincoln isd"}, /* decomposed */
	{"\xef\xbc\xac"
	 "incoln ISD",
		"lincoln isd"},                       /* fullwidth L */
	{"L\xd1\x96nc\xd0\xbeln ISD", "lincoln isd"}, /* Cyrillic i, o */
	{"L\xce\x99NC\xce\x9fLN ISD", "lincoln isd"}, /* Greek Iota, Omicron */
	{"L\xce\x8ancoln ISD", "lincoln isd"},        /* Iota with tonos */
	{"Lin\xe2\x80\x8b"
	 "coln ISD",
		"lincoln isd"}, /* zero width space */
	{"Lin\xc2\xad"
	 "coln ISD",
		"lincoln isd"},                        /* soft hyphen */
	{"\xf0\x9d\x90\x8bincoln ISD", "lincoln isd"}, /* mathematical bold L */
	{"\xd0\x90\xd0\x92\xd0\x95\xd0\x9a\xd0\x9c\xd0\x9d\xd0\xa0\xd0\xa1\xd0\xa2\xd0"
	 "\xa5",
		"abekmhpctx"}, /* Cyrillic capitals */
	{"\xd0\xb0\xd0\xb2\xd0\xb5\xd0\xba\xd0\xbc\xd0\xbd\xd1\x80\xd1\x81\xd1\x82\xd1"
	 "\x85",
		"abekmhpctx"},   /* and small letters */
	{"\xce\x9dWEA", "nwea"}, /* Greek Nu */
	{"Stra\xc3\x9f"
	 "e",
		"strasse"},
	{"", ""},
	{" \t ", ""},
};

START_TEST(names_that_look_the_same_have_one_skeleton)
{
	ck_assert_str_eq(skeleton(same[_i].text), same[_i].skeleton);
	ck_assert_str_eq(skeleton(same[_i].skeleton), same[_i].skeleton);
}
END_TEST

START_TEST(names_that_differ_have_different_skeletons)
{
	char first[64];

	snprintf(first, sizeof(first), "%s", skeleton("Lincoln ISD"));
	ck_assert_str_ne(skeleton("Lincoln ISD 2"), first);
	ck_assert_str_ne(skeleton("LincolnISD"), first);
	snprintf(first, sizeof(first), "%s", skeleton("東京"));
	ck_assert_str_ne(skeleton("京都"), first);
}
END_TEST

START_TEST(columns_are_those_of_a_terminal)
{
	ck_assert_uint_eq(text_columns("abc", 3), 3);
	ck_assert_uint_eq(text_columns("東京", 6), 4);
	ck_assert_uint_eq(text_columns("e\xcc\x81", 3), 1);
	ck_assert_uint_eq(text_columns("\xc3\xa9", 2), 1);
	ck_assert_uint_eq(text_columns("", 0), 0);
	ck_assert_uint_eq(text_columns("\xff\xff", 2), 2);
}
END_TEST

START_TEST(a_prefix_never_splits_a_cluster)
{
	ck_assert_uint_eq(text_prefix("abc", 3, 2), 2);
	ck_assert_uint_eq(text_prefix("abc", 3, 9), 3);
	ck_assert_uint_eq(text_prefix("abc", 3, 0), 0);
	/* Half of a wide character is none. */
	ck_assert_uint_eq(text_prefix("東京", 6, 3), 3);
	ck_assert_uint_eq(text_prefix("東京", 6, 1), 0);
	/* The mark stays with its base. */
	ck_assert_uint_eq(text_prefix("ae\xcc\x81\xcc\xa3z", 7, 2), 6);
	ck_assert_uint_eq(text_prefix("ae\xcc\x81z", 5, 1), 1);
	/* Cut bytes end in time. */
	ck_assert_uint_eq(text_prefix("a\xe6\x9d", 3, 10), 3);
}
END_TEST

START_TEST(numbers_have_one_spelling)
{
	int64_t v = 99;

	ck_assert_int_eq(text_to_int("0", 1, &v), KERR_OK);
	ck_assert(v == 0);
	ck_assert_int_eq(text_to_int("-17", 3, &v), KERR_OK);
	ck_assert(v == -17);
	ck_assert_int_eq(text_to_int("9223372036854775807", 19, &v), KERR_OK);
	ck_assert(v == INT64_MAX);
	ck_assert_int_eq(text_to_int("-9223372036854775808", 20, &v), KERR_OK);
	ck_assert(v == INT64_MIN);
	v = 5;
	ck_assert_int_eq(text_to_int("9223372036854775808", 19, &v), KERR_TOO_LARGE);
	ck_assert_int_eq(text_to_int("-9223372036854775809", 20, &v), KERR_TOO_LARGE);
	ck_assert_int_eq(text_to_int("99999999999999999999", 20, &v), KERR_TOO_LARGE);
	ck_assert_int_eq(text_to_int("99999999999999999999x", 21, &v), KERR_INVALID);
	ck_assert(v == 5);
}
END_TEST

START_TEST(other_spellings_of_numbers_are_refused)
{
	static const char *const wrong[] = {"", "-", "+1", "01", "-0", "00", "-01", " 1",
		"1 ", "0x10", "1e3", "1.0", "--1", "1_0"};
	int64_t v;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		ck_assert_msg(text_to_int(wrong[i], strlen(wrong[i]), &v) == KERR_INVALID,
			"%s", wrong[i]);
	ck_assert_int_eq(text_to_int("1\0", 2, &v), KERR_INVALID);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("text");
	TCase *tc = tcase_create("text");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tc, NULL, teardown);
	tcase_add_loop_test(tc, what_is_no_utf8_is_refused, 0,
		(int)(sizeof(not_utf8) / sizeof(not_utf8[0])));
	tcase_add_test(tc, plain_text_of_any_script_is_utf8_and_not_hidden);
	tcase_add_loop_test(tc, hidden_characters_are_found_and_shown, 0,
		(int)(sizeof(hidden) / sizeof(hidden[0])));
	tcase_add_test(tc, bad_bytes_are_shown_one_by_one);
	tcase_add_test(tc, whatever_is_scrubbed_is_plain);
	tcase_add_test(tc, composed_and_decomposed_are_one_in_nfc);
	tcase_add_loop_test(tc, names_that_look_the_same_have_one_skeleton, 0,
		(int)(sizeof(same) / sizeof(same[0])));
	tcase_add_test(tc, names_that_differ_have_different_skeletons);
	tcase_add_test(tc, columns_are_those_of_a_terminal);
	tcase_add_test(tc, a_prefix_never_splits_a_cluster);
	tcase_add_test(tc, numbers_have_one_spelling);
	tcase_add_test(tc, other_spellings_of_numbers_are_refused);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
