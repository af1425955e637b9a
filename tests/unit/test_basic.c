#include "keyd/front/basic.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#include <sodium.h>

static struct basic basic;

static enum kerr
read_value(const char *value)
{
	basic_clear(&basic);
	return basic_read(value, strlen(value), &basic);
}

static enum kerr
read_pair(const char *pair)
{
	static char value[4096];
	const int variant = sodium_base64_VARIANT_ORIGINAL;
	size_t at = (size_t)snprintf(value, sizeof(value), "Basic ");

	sodium_bin2base64(value + at, sizeof(value) - at, (const uint8_t *)pair,
		strlen(pair), variant);
	return read_value(value);
}

static void
expect(const char *user, const char *secret)
{
	ck_assert_str_eq(basic.user, user);
	ck_assert_ptr_nonnull(basic.secret);
	ck_assert_uint_eq(secret_len(basic.secret), strlen(secret));
	ck_assert_mem_eq(secret_reveal(basic.secret), secret, strlen(secret));
}

START_TEST(the_first_colon_splits)
{
	ck_assert_int_eq(read_pair("user:pass"), 0);
	expect("user", "pass");
	ck_assert_int_eq(read_pair("user:pa:ss:"), 0);
	expect("user", "pa:ss:");
	ck_assert_int_eq(read_pair(":"), 0);
	expect("", "");
	ck_assert_int_eq(read_pair("user"), KERR_UNKNOWN_CALLER);
	ck_assert_ptr_null(basic.secret);
}
END_TEST

START_TEST(the_scheme_is_told_in_any_case_and_no_other_is_taken)
{
	ck_assert_int_eq(read_value("bAsIc  dTpw"), 0);
	expect("u", "p");
	ck_assert_int_eq(read_value("Bearer dTpw"), KERR_UNSUPPORTED);
	ck_assert_int_eq(read_value("BasicdTpw"), KERR_UNSUPPORTED);
	ck_assert_int_eq(read_value("Bas"), KERR_UNSUPPORTED);
}
END_TEST

START_TEST(what_is_not_base64_is_refused)
{
	ck_assert_int_eq(read_value("Basic"), KERR_INVALID);
	ck_assert_int_eq(read_value("Basic "), KERR_INVALID);
	ck_assert_int_eq(read_value("Basic dTpw="), KERR_INVALID);
	ck_assert_int_eq(read_value("Basic dT!w"), KERR_INVALID);
	ck_assert_int_eq(read_value("Basic dTpwx"), KERR_INVALID);
	ck_assert_int_eq(read_value("Basic dT pw"), KERR_INVALID);
	/* Bits behind the last byte that are not zero: a second spelling. */
	ck_assert_int_eq(read_value("Basic dTpwYR=="), KERR_INVALID);
	ck_assert_int_eq(read_value("Basic dTpwYQ=="), 0);
	ck_assert_int_eq(read_value("Basic ===="), KERR_INVALID);
	ck_assert_int_eq(read_value("Basic dTp="), KERR_INVALID);
	ck_assert_int_eq(read_value("Basic dT=wdTpw"), KERR_INVALID);
	/* libsodium 1.0.18 takes every byte from 0x80 on for an 'A'. */
	ck_assert_int_eq(read_value("Basic dTp\xc7"), KERR_INVALID);
	ck_assert_int_eq(read_value("Basic =Tpw"), KERR_INVALID);
}
END_TEST

START_TEST(base64_is_read_as_libsodium_reads_it)
{
	const int variant = sodium_base64_VARIANT_ORIGINAL;
	char value[200] = "Basic ", plain[128];

	for (unsigned round = 0; round < 20000; round++) {
		size_t len = randombytes_uniform(100), used = 0;
		bool good;

		randombytes_buf(plain, len);
		sodium_bin2base64(
			value + 6, sizeof(value) - 6, (uint8_t *)plain, len, variant);
		if (len && round % 2)
			value[6 + randombytes_uniform((uint32_t)strlen(value) - 6)] =
				(char)(1 + randombytes_uniform(127));
		good = sodium_base642bin((uint8_t *)plain, sizeof(plain), value + 6,
			       strlen(value) - 6, NULL, &used, NULL, variant) == 0 &&
		       used;
		if (memchr(plain, '%', used))
			continue;
		ck_assert_msg(good == (read_value(value) != KERR_INVALID), "%s", value);
		if (!basic.secret)
			continue;
		ck_assert_uint_eq(basic.user_len + 1 + secret_len(basic.secret), used);
		ck_assert_mem_eq(basic.user, plain, basic.user_len);
		ck_assert_mem_eq(secret_reveal(basic.secret), plain + basic.user_len + 1,
			secret_len(basic.secret));
	}
}
END_TEST

START_TEST(percent_encoding_is_undone_where_it_is_one)
{
	ck_assert_int_eq(read_pair("a%2Bb:c%3Ad+e"), 0);
	expect("a+b", "c:d+e");
	ck_assert_int_eq(read_pair("user:100%"), 0);
	expect("user", "100%");
	ck_assert_int_eq(read_pair("us%65r:50%zz"), 0);
	expect("user", "50%zz");
}
END_TEST

START_TEST(what_is_longer_than_any_credential_is_no_caller)
{
	char pair[2200];

	memset(pair, 'a', sizeof(pair));
	pair[BASIC_USER_MAX] = ':';
	pair[BASIC_USER_MAX + 1 + BASIC_PASSWORD_MAX] = '\0';
	ck_assert_int_eq(read_pair(pair), 0);
	pair[BASIC_USER_MAX + 1 + BASIC_PASSWORD_MAX] = 'a';
	pair[BASIC_USER_MAX + 2 + BASIC_PASSWORD_MAX] = '\0';
	ck_assert_int_eq(read_pair(pair), KERR_UNKNOWN_CALLER);
	pair[BASIC_USER_MAX] = 'a';
	pair[BASIC_USER_MAX + 1] = ':';
	pair[BASIC_USER_MAX + 2] = '\0';
	ck_assert_int_eq(read_pair(pair), KERR_UNKNOWN_CALLER);
	memset(pair, ':', sizeof(pair));
	pair[sizeof(pair) - 1] = '\0';
	ck_assert_int_eq(read_pair(pair), KERR_UNKNOWN_CALLER);
}
END_TEST

START_TEST(a_bearer_token_is_what_follows_the_scheme)
{
	const char *token;
	size_t len;

	ck_assert_int_eq(bearer_read("Bearer abc", 10, &token, &len), 0);
	ck_assert_uint_eq(len, 3);
	ck_assert_mem_eq(token, "abc", 3);
	ck_assert_int_eq(bearer_read("bearer ", 7, &token, &len), KERR_INVALID);
	ck_assert_int_eq(bearer_read("Basic abc", 9, &token, &len), KERR_UNSUPPORTED);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("basic");
	TCase *t = tcase_create("basic");
	struct fault fault;
	SRunner *r;
	int failed;

	if (sodium_init() < 0 || secret_pool_start(16, &fault) != KERR_OK)
		return 1;
	tcase_add_test(t, the_first_colon_splits);
	tcase_add_test(t, the_scheme_is_told_in_any_case_and_no_other_is_taken);
	tcase_add_test(t, what_is_not_base64_is_refused);
	tcase_add_test(t, base64_is_read_as_libsodium_reads_it);
	tcase_add_test(t, percent_encoding_is_undone_where_it_is_one);
	tcase_add_test(t, what_is_longer_than_any_credential_is_no_caller);
	tcase_add_test(t, a_bearer_token_is_what_follows_the_scheme);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	basic_clear(&basic);
	return failed ? 1 : 0;
}
