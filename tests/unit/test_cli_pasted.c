#include <check.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "core/credential.h"
#include "core/secret.h"
#include "keyd/cli/pasted.h"

/* What is pasted to be searched for. */

#define SECRET                                                                           \
	"kds_QVMZZ-X99DK-ADV8N-67CNB-DTDBZ-EWE76-H3RGY-R1R2D-MYMF8-M5CK7-KBVM1-N5A9E-"   \
	"79WDP"
#define OTHER                                                                            \
	"kds_N6A0D-Z0GZ8-RGM63-SY6FX-0P5AA-B7DJ0-V8XB2-V1ABB-ZYKNZ-SA0DX-KM9XJ-X090P-"   \
	"ZDV3N"
#define KEY "kdTFBQZVH263ABEAN8B45TZW"

static char seen[SECRET_POOL_MAX_LEN + 1];

static void
setup(void)
{
	struct fault fault;

	ck_assert_int_eq(secret_pool_start(8, &fault), KERR_OK);
}

/* What would be sent; "" when that is nothing. */
static const char *
reduced(const char *text, size_t len)
{
	struct secret *s = NULL;

	ck_assert_int_eq(pasted_reduce(text, len, &s), KERR_OK);
	memset(seen, 0, sizeof(seen));
	if (s)
		memcpy(seen, secret_reveal(s), secret_len(s));
	secret_free(s);
	return seen;
}

/* A token as keyd's, with claims of that many bytes beside its id. */
static size_t
token(char *out, size_t size, size_t more)
{
	char claims[8192];
	size_t n = 0;

	n += (size_t)snprintf(claims, sizeof(claims), "{\"iss\":\"");
	memset(claims + n, 'x', more);
	n += more;
	n += (size_t)snprintf(
		claims + n, sizeof(claims) - n, "\",\"jti\":\"AbC-_123\",\"exp\":1}");
	snprintf(out, size, "eyJhbGciOiJFUzI1NiJ9.");
	sodium_bin2base64(out + strlen(out), size - strlen(out), (uint8_t *)claims, n,
		sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	snprintf(out + strlen(out), size - strlen(out), ".SIGNATURE");
	return strlen(out);
}

START_TEST(what_is_short_is_sent_as_it_is)
{
	ck_assert_str_eq(reduced(SECRET, strlen(SECRET)), SECRET);
	ck_assert_str_eq(reduced("some words", 10), "some words");
	ck_assert_str_eq(reduced("", 0), "");
}
END_TEST

START_TEST(of_a_long_text_only_secrets_and_keys_are_sent)
{
	char text[16384];
	size_t len;

	memset(text, 'a', sizeof(text));
	for (size_t i = 7; i < sizeof(text); i += 8)
		text[i] = ' ';
	memcpy(text + 2000, " " SECRET " ", strlen(SECRET) + 2);
	memcpy(text + 9000, "=" KEY "&", strlen(KEY) + 2);
	len = sizeof(text);
	ck_assert_str_eq(reduced(text, len), SECRET " " KEY);
}
END_TEST

START_TEST(a_long_text_without_any_is_not_sent)
{
	char text[SECRET_POOL_MAX_LEN + 1];

	memset(text, 'a', sizeof(text));
	ck_assert_str_eq(reduced(text, sizeof(text)), "");
}
END_TEST

START_TEST(of_a_token_only_its_id_is_sent)
{
	char text[16384], claims[256];
	size_t n = 0;

	for (size_t more = 10; more < 4000; more += 997) {
		const char *sent = reduced(text, token(text, sizeof(text), more));
		const char *dot = strchr(sent, '.');

		ck_assert_msg(strncmp(sent, "eyJ.", 4) == 0, "%s", sent);
		ck_assert_ptr_null(strstr(sent, "SIGNATURE"));
		ck_assert_int_eq(sodium_base642bin((uint8_t *)claims, sizeof(claims),
					 dot + 1, strlen(dot + 1) - 1, NULL, &n, NULL,
					 sodium_base64_VARIANT_URLSAFE_NO_PADDING),
			0);
		claims[n] = '\0';
		ck_assert_str_eq(claims, "{\"jti\":\"AbC-_123\"}");
	}
}
END_TEST

START_TEST(more_than_fits_is_left_out_whole)
{
	char text[16384] = "";
	const char *sent;

	for (size_t i = 0; i < 150; i++)
		memcpy(text + i * (strlen(SECRET) + 1), SECRET " ", strlen(SECRET) + 2);
	sent = reduced(text, strlen(text));
	ck_assert_uint_le(strlen(sent), SECRET_POOL_MAX_LEN);
	ck_assert_uint_eq((strlen(sent) + 1) % (strlen(SECRET) + 1), 0);
}
END_TEST

START_TEST(bytes_that_are_no_text_do_no_harm)
{
	uint8_t text[8192];

	for (unsigned round = 0; round < 200; round++) {
		randombytes_buf(text, sizeof(text));
		memcpy(text + 100, "eyJ.", 4);
		memcpy(text + 900, "eyJx.!!!!.", 10);
		(void)reduced((const char *)text, 1 + randombytes_uniform(sizeof(text)));
	}
}
END_TEST

static bool
one_secret(const char *text, const char *expected)
{
	struct secret *s = NULL, *wanted;
	bool same;

	ck_assert_int_eq(pasted_secret(text, strlen(text), &s), KERR_OK);
	if (!expected)
		return s == NULL;
	wanted = secret_new(expected, strlen(expected));
	same = s && wanted && secret_equal(s, wanted);
	secret_free(s);
	secret_free(wanted);
	return same;
}

START_TEST(the_one_secret_of_a_line_is_found_and_of_two_none)
{
	ck_assert(one_secret(SECRET, SECRET));
	ck_assert(one_secret("GET /?client_secret=" SECRET "&x=1", SECRET));
	ck_assert(one_secret(SECRET " " OTHER, NULL));
	ck_assert(one_secret("nothing here", NULL));
	ck_assert(one_secret(KEY, NULL));
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("cli-pasted");
	TCase *tc = tcase_create("pasted");

	tcase_add_unchecked_fixture(tc, setup, NULL);
	tcase_add_test(tc, what_is_short_is_sent_as_it_is);
	tcase_add_test(tc, of_a_long_text_only_secrets_and_keys_are_sent);
	tcase_add_test(tc, a_long_text_without_any_is_not_sent);
	tcase_add_test(tc, of_a_token_only_its_id_is_sent);
	tcase_add_test(tc, more_than_fits_is_left_out_whole);
	tcase_add_test(tc, bytes_that_are_no_text_do_no_harm);
	tcase_add_test(tc, the_one_secret_of_a_line_is_found_and_of_two_none);
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
