#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "core/base64.h"

static enum kerr
decode(enum base64_form form, const char *text, char ret[64])
{
	size_t len = 0;
	enum kerr err = base64_decode(form, text, strlen(text), (uint8_t *)ret, 63, &len);

	ret[err == KERR_OK ? len : 0] = '\0';
	return err;
}

START_TEST(the_vectors_of_rfc_4648_section_10)
{
	static const char *const vectors[][2] = {{"", ""}, {"Zg==", "f"}, {"Zm8=", "fo"},
		{"Zm9v", "foo"}, {"Zm9vYg==", "foob"}, {"Zm9vYmE=", "fooba"},
		{"Zm9vYmFy", "foobar"}};
	char ret[64];
	size_t i;

	for (i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		ck_assert_int_eq(decode(BASE64_PADDED, vectors[i][0], ret), KERR_OK);
		ck_assert_str_eq(ret, vectors[i][1]);
	}
	ck_assert_int_eq(decode(BASE64_URL, "Zm9vYg", ret), KERR_OK);
	ck_assert_str_eq(ret, "foob");
}
END_TEST

START_TEST(one_changed_bit_is_another_text_or_none)
{
	static const char text[] = "AAAAQUJDREVGAAAA";
	char changed[sizeof(text)], was[64], is[64];
	size_t bit;

	ck_assert_int_eq(decode(BASE64_PADDED, text, was), KERR_OK);
	for (bit = 0; bit < (sizeof(text) - 1) * 8; bit++) {
		size_t len = 0;

		memcpy(changed, text, sizeof(text));
		changed[bit / 8] = (char)(changed[bit / 8] ^ (1 << bit % 8));
		if (base64_decode(BASE64_PADDED, changed, sizeof(text) - 1, (uint8_t *)is,
			    sizeof(is), &len) == KERR_OK)
			ck_assert(len != 12 || memcmp(is, was, 12) != 0);
	}
}
END_TEST

START_TEST(blanks_wrong_padding_and_leftover_bits_are_refused)
{
	char ret[64];

	ck_assert_int_eq(decode(BASE64_PADDED, "Zm9v YmFy", ret), KERR_INVALID);
	ck_assert_int_eq(decode(BASE64_PADDED, "Zg=", ret), KERR_INVALID);
	ck_assert_int_eq(decode(BASE64_URL, "Zg==", ret), KERR_INVALID);
	ck_assert_int_eq(decode(BASE64_URL, "Zh", ret), KERR_INVALID);
	ck_assert_int_eq(decode(BASE64_URL, "Zm9+", ret), KERR_INVALID);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("base64");
	TCase *c = tcase_create("decoding");
	SRunner *r;
	int failed;

	tcase_add_test(c, the_vectors_of_rfc_4648_section_10);
	tcase_add_test(c, one_changed_bit_is_another_text_or_none);
	tcase_add_test(c, blanks_wrong_padding_and_leftover_bits_are_refused);
	suite_add_tcase(s, c);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
