#include <check.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "keyd/keeper/tokens/tokens.h"

static struct vault *vault;
static struct vault_macer *macer;
static struct vault_macer *former; /* of a key that was renewed */

static void
setup(void)
{
	uint32_t number;

	vault = vault_new();
	ck_assert_int_eq(vault_create(vault, NULL), KERR_OK);
	former = vault_macer_new(vault, vault_active(vault, KEY_TOKEN_MAC), JTI_USE);
	ck_assert_int_eq(vault_key_renew(vault, KEY_TOKEN_MAC, &number), KERR_OK);
	macer = vault_macer_new(vault, number, JTI_USE);
}

static void
teardown(void)
{
	vault_macer_free(macer);
	vault_macer_free(former);
	vault_free(vault);
}

static const struct jti sample = {.mac_key = 9,
	.secret_number = 3,
	.client = 0x0102030405060708,
	.generation = 0xf000000000000001,
	.audience = 17,
	.issued = 1764000000,
	.expires = 1764000600};

START_TEST(what_is_put_in_comes_out)
{
	struct jti made = sample, read;
	uint8_t bytes[JTI_LEN];
	uint32_t key = 0;

	jti_make(macer, &made, bytes);
	ck_assert_int_eq(jti_key(bytes, sizeof(bytes), &key), KERR_OK);
	ck_assert_uint_eq(key, sample.mac_key);
	ck_assert_int_eq(jti_check(macer, bytes, sizeof(bytes), &read), KERR_OK);
	ck_assert_uint_eq(read.mac_key, sample.mac_key);
	ck_assert_uint_eq(read.secret_number, sample.secret_number);
	ck_assert_int_eq(read.client, sample.client);
	ck_assert_uint_eq(read.generation, sample.generation);
	ck_assert_int_eq(read.audience, sample.audience);
	ck_assert_int_eq(read.issued, sample.issued);
	ck_assert_int_eq(read.expires, sample.expires);
	ck_assert_mem_eq(read.random, made.random, sizeof(made.random));
}
END_TEST

START_TEST(the_fields_stand_where_the_header_says)
{
	struct jti made = sample;
	uint8_t bytes[JTI_LEN];
	char hex[2 * 50 + 1];

	jti_make(macer, &made, bytes);
	sodium_bin2hex(hex, sizeof(hex), bytes, 50);
	ck_assert_str_eq(hex, "0100"
			      "09000000"
			      "0807060504030201"
			      "01000000000000f0"
			      "03000000"
			      "1100000000000000"
			      "0081246900000000"
			      "5883246900000000");
	ck_assert_mem_eq(bytes + 50, made.random, sizeof(made.random));
}
END_TEST

START_TEST(no_flipped_bit_passes)
{
	struct jti made = sample, read;
	uint8_t bytes[JTI_LEN];

	jti_make(macer, &made, bytes);
	for (size_t bit = 0; bit < sizeof(bytes) * 8; bit++) {
		enum kerr err;

		bytes[bit / 8] ^= (uint8_t)(1U << (bit % 8));
		err = jti_check(macer, bytes, sizeof(bytes), &read);
		ck_assert_int_eq(err, bit < 16 ? KERR_INVALID : KERR_DENIED);
		bytes[bit / 8] ^= (uint8_t)(1U << (bit % 8));
	}
	ck_assert_int_eq(jti_check(macer, bytes, sizeof(bytes), &read), KERR_OK);
}
END_TEST

START_TEST(another_length_is_no_jti)
{
	struct jti made = sample, read;
	uint8_t bytes[JTI_LEN + 1] = {0};
	uint32_t key;

	jti_make(macer, &made, bytes);
	for (size_t len = 0; len <= sizeof(bytes); len++) {
		if (len == JTI_LEN)
			continue;
		ck_assert_int_eq(jti_check(macer, bytes, len, &read), KERR_INVALID);
		ck_assert_int_eq(jti_key(bytes, len, &key), KERR_INVALID);
	}
}
END_TEST

START_TEST(another_key_or_another_use_makes_none)
{
	struct vault_macer *tags =
		vault_macer_new(vault, vault_active(vault, KEY_TOKEN_MAC), "other");
	struct jti made = sample, read;
	uint8_t bytes[JTI_LEN];

	jti_make(former, &made, bytes);
	ck_assert_int_eq(jti_check(macer, bytes, sizeof(bytes), &read), KERR_DENIED);
	ck_assert_int_eq(jti_check(former, bytes, sizeof(bytes), &read), KERR_OK);
	jti_make(tags, &made, bytes);
	ck_assert_int_eq(jti_check(macer, bytes, sizeof(bytes), &read), KERR_DENIED);
	vault_macer_free(tags);
}
END_TEST

START_TEST(two_of_the_same_second_differ)
{
	struct jti one = sample, other = sample;
	uint8_t a[JTI_LEN], b[JTI_LEN], tag_a[JTI_TAG_LEN], tag_b[JTI_TAG_LEN];

	jti_make(macer, &one, a);
	jti_make(macer, &other, b);
	ck_assert_mem_ne(one.random, other.random, sizeof(one.random));
	jti_tag(former, a, tag_a);
	jti_tag(former, b, tag_b);
	ck_assert_mem_ne(tag_a, tag_b, sizeof(tag_a));
	jti_tag(former, a, tag_b);
	ck_assert_mem_eq(tag_a, tag_b, sizeof(tag_a));
}
END_TEST

START_TEST(its_text_is_base64url_of_the_whole)
{
	struct jti made = sample;
	uint8_t bytes[JTI_LEN], back[JTI_LEN];
	char text[JTI_TEXT_LEN + 1];
	size_t len = 0;

	jti_make(macer, &made, bytes);
	jti_text(bytes, text);
	ck_assert_uint_eq(strlen(text), JTI_TEXT_LEN);
	ck_assert_int_eq(sodium_base642bin(back, sizeof(back), text, strlen(text), NULL,
				 &len, NULL, sodium_base64_VARIANT_URLSAFE_NO_PADDING),
		0);
	ck_assert_uint_eq(len, JTI_LEN);
	ck_assert_mem_eq(back, bytes, JTI_LEN);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("jti");
	TCase *tc = tcase_create("jti");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, what_is_put_in_comes_out);
	tcase_add_test(tc, the_fields_stand_where_the_header_says);
	tcase_add_test(tc, no_flipped_bit_passes);
	tcase_add_test(tc, another_length_is_no_jti);
	tcase_add_test(tc, another_key_or_another_use_makes_none);
	tcase_add_test(tc, two_of_the_same_second_differ);
	tcase_add_test(tc, its_text_is_base64url_of_the_whole);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
