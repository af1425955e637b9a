#include "core/credential.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/text.h"

#define VECTORS KEYD_SOURCE "/tests/data/credential-vectors.txt"

static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

static void
start_pool(void)
{
	ck_assert_int_eq(secret_pool_start(16, NULL), KERR_OK);
}

/* A fresh secret as text. */
static void
make_secret(char text[CREDENTIAL_SECRET_LEN + 1])
{
	struct secret *s = credential_secret_new();

	ck_assert_ptr_nonnull(s);
	ck_assert_uint_eq(secret_len(s), CREDENTIAL_SECRET_LEN);
	memcpy(text, secret_reveal(s), CREDENTIAL_SECRET_LEN);
	text[CREDENTIAL_SECRET_LEN] = '\0';
	secret_free(s);
}

static enum credential_form
read_form(const char *typed, int *ret_group)
{
	struct secret *s = NULL;
	enum credential_form form =
		credential_secret_read(typed, strlen(typed), &s, ret_group);

	ck_assert((s != NULL) == (form == CREDENTIAL_SECRET));
	secret_free(s);
	return form;
}

static void
expect_secret(const char *typed, const char *canonical)
{
	struct secret *s = NULL;
	int group = 99;

	ck_assert_msg(credential_secret_read(typed, strlen(typed), &s, &group) ==
			      CREDENTIAL_SECRET,
		"%s", typed);
	ck_assert_uint_eq(secret_len(s), CREDENTIAL_CANONICAL_LEN);
	ck_assert_mem_eq(secret_reveal(s), canonical, CREDENTIAL_CANONICAL_LEN);
	ck_assert_int_eq(group, 99);
	secret_free(s);
}

static void
expect_key(const char *typed, const char *canonical)
{
	char key[CREDENTIAL_KEY_LEN + 1] = "untouched";
	enum kerr err = credential_key_canonical(typed, strlen(typed), key);

	if (strcmp(canonical, "-") == 0) {
		ck_assert_msg(err == KERR_INVALID, "%s", typed);
		ck_assert_str_eq(key, "untouched");
	} else {
		ck_assert_msg(err == KERR_OK, "%s", typed);
		ck_assert_str_eq(key, canonical);
	}
}

/* The four characters within the group that is numbered, the other groups taken from a
 * fresh secret. */
static void
expect_check(const char *chars, int group, char check)
{
	char text[CREDENTIAL_SECRET_LEN + 1];
	char *at;
	int wrong = 0;

	make_secret(text);
	at = text + 4 + group * 6;
	memcpy(at, chars, 4);
	for (size_t i = 0; i < 32; i++) {
		at[4] = alphabet[i];
		if (alphabet[i] == check) {
			ck_assert_int_eq(read_form(text, &wrong), CREDENTIAL_SECRET);
		} else {
			ck_assert_int_eq(
				read_form(text, &wrong), CREDENTIAL_TYPING_ERROR);
			ck_assert_int_eq(wrong, group + 1);
		}
	}
}

static int
number(const char *text)
{
	int64_t v;

	ck_assert_int_eq(text_to_int(text, strlen(text), &v), KERR_OK);
	return (int)v;
}

static void
run_vector(char *line)
{
	char *kind = line, *rest = strchr(line, ' ');
	char *second;
	int group = -1;

	ck_assert_ptr_nonnull(rest);
	*rest++ = '\0';
	second = strchr(rest, '|');
	if (second != NULL)
		*second++ = '\0';
	if (strcmp(kind, "secret") == 0) {
		expect_secret(rest, second);
	} else if (strcmp(kind, "key") == 0) {
		expect_key(rest, second);
	} else if (strcmp(kind, "wrong") == 0) {
		ck_assert_msg(
			read_form(rest, &group) == CREDENTIAL_TYPING_ERROR, "%s", rest);
		ck_assert_msg(
			group == number(second), "%s: %d not %s", rest, group, second);
	} else if (strcmp(kind, "no") == 0) {
		ck_assert_msg(
			read_form(rest, &group) == CREDENTIAL_NOT_A_SECRET, "%s", rest);
		ck_assert_int_eq(group, -1);
	} else {
		/* four characters, blank, group, blank, check character */
		char *place = strchr(rest, ' '), *check = strrchr(rest, ' ');

		ck_assert_str_eq(kind, "check");
		ck_assert(place == rest + 4 && check > place && check[2] == '\0');
		*check = '\0';
		expect_check(rest, number(place + 1), check[1]);
	}
}

START_TEST(vectors_of_another_implementation_agree)
{
	FILE *file = fopen(VECTORS, "re");
	char line[512];
	int count = 0;

	ck_assert_ptr_nonnull(file);
	while (fgets(line, sizeof(line), file) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		if (line[0] == '\0' || line[0] == '#')
			continue;
		run_vector(line);
		count++;
	}
	fclose(file);
	ck_assert_int_gt(count, 90);
}
END_TEST

START_TEST(what_is_made_is_read_again)
{
	char text[CREDENTIAL_SECRET_LEN + 1], key[CREDENTIAL_KEY_LEN + 1];
	char again[CREDENTIAL_KEY_LEN + 1];
	bool seen[32] = {false};

	for (int round = 0; round < 500; round++) {
		make_secret(text);
		ck_assert_int_eq(read_form(text, NULL), CREDENTIAL_SECRET);
		ck_assert(credential_looks_secret(text, strlen(text)));
		credential_key_new(key);
		ck_assert_uint_eq(strlen(key), CREDENTIAL_KEY_LEN);
		ck_assert_int_eq(
			credential_key_canonical(key, strlen(key), again), KERR_OK);
		ck_assert_str_eq(key, again);
		ck_assert(!credential_looks_secret(key, strlen(key)));
		for (size_t i = 2; i < CREDENTIAL_KEY_LEN; i++)
			seen[strchr(alphabet, key[i]) - alphabet] = true;
	}
	for (int i = 0; i < 32; i++)
		ck_assert(seen[i]);
}
END_TEST

START_TEST(one_wrong_character_is_found_in_its_group)
{
	char text[CREDENTIAL_SECRET_LEN + 1];
	int group = 0;

	make_secret(text);
	for (int at = 4; at < CREDENTIAL_SECRET_LEN; at++) {
		char right = text[at];

		if (right == '-')
			continue;
		for (size_t i = 0; i < 32; i++) {
			if (alphabet[i] == right)
				continue;
			text[at] = alphabet[i];
			ck_assert_int_eq(
				read_form(text, &group), CREDENTIAL_TYPING_ERROR);
			ck_assert_int_eq(group, (at - 4) / 6 + 1);
		}
		text[at] = right;
	}
}
END_TEST

static void
exchange(char *a, char *b, size_t len)
{
	char kept[8];

	memcpy(kept, a, len);
	memcpy(a, b, len);
	memcpy(b, kept, len);
}

START_TEST(two_exchanged_characters_of_a_group_are_found)
{
	char text[CREDENTIAL_SECRET_LEN + 1];
	int group = 0;

	for (int round = 0; round < 50; round++) {
		make_secret(text);
		for (int g = 0; g < CREDENTIAL_SECRET_GROUPS; g++) {
			char *at = text + 4 + 6 * g;

			for (int i = 0; i < 5; i++) {
				int k = (i + 1) % 5;

				if (at[i] == at[k])
					continue;
				exchange(at + i, at + k, 1);
				ck_assert_int_eq(
					read_form(text, &group), CREDENTIAL_TYPING_ERROR);
				ck_assert_int_eq(group, g + 1);
				exchange(at + i, at + k, 1);
			}
		}
	}
}
END_TEST

START_TEST(two_exchanged_groups_are_found)
{
	char text[CREDENTIAL_SECRET_LEN + 1];
	int group = 0;

	make_secret(text);
	for (int a = 0; a < CREDENTIAL_SECRET_GROUPS; a++) {
		for (int b = a + 1; b < CREDENTIAL_SECRET_GROUPS; b++) {
			exchange(text + 4 + 6 * a, text + 4 + 6 * b, 5);
			ck_assert_int_eq(
				read_form(text, &group), CREDENTIAL_TYPING_ERROR);
			ck_assert_int_eq(group, a + 1);
			exchange(text + 4 + 6 * a, text + 4 + 6 * b, 5);
		}
	}
}
END_TEST

START_TEST(a_character_left_out_is_found_near_its_place)
{
	char text[CREDENTIAL_SECRET_LEN + 1], cut[CREDENTIAL_SECRET_LEN + 1];
	int group = 0;

	make_secret(text);
	for (int at = 4; at < CREDENTIAL_SECRET_LEN; at++) {
		if (text[at] == '-')
			continue;
		memcpy(cut, text, (size_t)at);
		memcpy(cut + at, text + at + 1, sizeof(text) - (size_t)at - 1);
		ck_assert_int_eq(read_form(cut, &group), CREDENTIAL_TYPING_ERROR);
		ck_assert_int_ge(group, (at - 4) / 6 + 1);
	}
}
END_TEST

START_TEST(a_full_pool_is_told_by_a_missing_secret)
{
	char text[CREDENTIAL_SECRET_LEN + 1];
	struct secret *all[16], *s = NULL;

	make_secret(text);
	for (int i = 0; i < 16; i++)
		all[i] = secret_new("x", 1);
	ck_assert_int_eq(
		credential_secret_read(text, strlen(text), &s, NULL), CREDENTIAL_SECRET);
	ck_assert_ptr_null(s);
	ck_assert_ptr_null(credential_secret_new());
	for (int i = 0; i < 16; i++)
		secret_free(all[i]);
}
END_TEST

static const char *const secret_looking[] = {
	"kds_",
	"KDS_",
	"my secret is kds_4TAVS",
	"kd5_4TAVS",
	"\xd0\xba"
	"ds_4TAVS",                                         /* Cyrillic ka */
	"k\xd4\x81\xd1\x95_4TAVS",                          /* Cyrillic de, dze */
	"\xef\xbd\x8b\xef\xbd\x84\xef\xbd\x93\xef\xbc\xbf", /* fullwidth */
	"k\xe2\x80\x8b"
	"ds_", /* zero width space */
	"--secret=RZ6XH-2YT6G-2ZDQ1",
	"rz6xh-2yt6g-2zdq1",
	"see RZ6XH-2YT6G-2ZDQ1-ZA9XK, please",
	"ABCDE-FGHJK-MNPQR",
	"eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln",
	"Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.",
	"4f9d0a7c1be2835d6a0f4c9e8b7d1a3c5e2f6b80",
	"dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
	"x=dBjftJeZ4CVPmB92K27uhbUJU1p1rwW1gFWFOEjXk;",
	"4TAVSRZ6XH2YT6G2ZDQ1ZA9XKM2GSXRPM5A058H4FV4DY",
};

START_TEST(what_may_be_a_secret_looks_like_one)
{
	const char *text = secret_looking[_i];

	ck_assert_msg(credential_looks_secret(text, strlen(text)), "%s", text);
}
END_TEST

static const char *const harmless[] = {
	"",
	"kd4TAVSRZ6XH2YT6G2ZDQ1ZA",
	"KD4TAVSRZ6XH2YT6G2ZDQ1ZA",
	"Northwind Student Information",
	"north-state-learn",
	"alpha-bravo-delta-hotel",
	"texas-education-agency-student-information-2026",
	"Texas-Education-Agency-Student-Information-2026-27",
	"550e8400-e29b-41d4-a716-446655440000",
	"https://ods.example.org/2026/data/v3",
	"2026-07-01",
	"255901-044",
	"RZ6XH-2YT6G",
	"eyJ is how a header begins.",
	"version 1.2.3",
	"00000000000000000000000000000000000000000000000000",
	"\xff\xfe not text",
	"Pe\xc3\xb1"
	"asco \xe6\x9d\xb1\xe4\xba\xac",
	"kds",
};

START_TEST(keys_and_names_do_not_look_like_secrets)
{
	const char *text = harmless[_i];

	ck_assert_msg(!credential_looks_secret(text, strlen(text)), "%s", text);
}
END_TEST

START_TEST(any_three_groups_of_a_secret_are_recognised)
{
	char text[CREDENTIAL_SECRET_LEN + 1];
	char part[17];

	for (int round = 0; round < 300; round++) {
		make_secret(text);
		for (int g = 0; g + 3 <= CREDENTIAL_SECRET_GROUPS; g++) {
			memcpy(part, text + 4 + 6 * g, 17);
			ck_assert(credential_looks_secret(part, 17));
			for (int i = 0; i < 17; i++) {
				if (part[i] >= 'A' && part[i] <= 'Z')
					part[i] = (char)(part[i] - 'A' + 'a');
			}
			ck_assert(credential_looks_secret(part, 17));
		}
	}
}
END_TEST

START_TEST(long_hostile_text_is_judged_in_time)
{
	size_t len = 3 << 20;
	char *text = malloc(len);

	for (size_t i = 0; i < len; i++)
		text[i] = "eyJ"[i % 3];
	/* Only the time counts. */
	(void)credential_looks_secret(text, len);
	for (size_t i = 0; i < len; i++)
		text[i] = "A-B"[i % 3];
	ck_assert(!credential_looks_secret(text, len));
	memset(text, '-', len);
	ck_assert_int_eq(
		credential_secret_read(text, len, NULL, NULL), CREDENTIAL_NOT_A_SECRET);
	free(text);
}
END_TEST

#define COUNT(a) ((int)(sizeof(a) / sizeof((a)[0])))

int
main(void)
{
	Suite *suite = suite_create("credential");
	TCase *tc = tcase_create("credential");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_unchecked_fixture(tc, start_pool, NULL);
	tcase_set_timeout(tc, 20);
	tcase_add_test(tc, vectors_of_another_implementation_agree);
	tcase_add_test(tc, what_is_made_is_read_again);
	tcase_add_test(tc, one_wrong_character_is_found_in_its_group);
	tcase_add_test(tc, two_exchanged_characters_of_a_group_are_found);
	tcase_add_test(tc, two_exchanged_groups_are_found);
	tcase_add_test(tc, a_character_left_out_is_found_near_its_place);
	tcase_add_test(tc, a_full_pool_is_told_by_a_missing_secret);
	tcase_add_loop_test(
		tc, what_may_be_a_secret_looks_like_one, 0, COUNT(secret_looking));
	tcase_add_loop_test(
		tc, keys_and_names_do_not_look_like_secrets, 0, COUNT(harmless));
	tcase_add_test(tc, any_three_groups_of_a_secret_are_recognised);
	tcase_add_test(tc, long_hostile_text_is_judged_in_time);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
