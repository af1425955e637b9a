#include <check.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "keyd/keeper/tokens/tokens.h"

static const int64_t ods[] = {4, 9223372036854775807};

static struct token_claims
sample(void)
{
	return (struct token_claims){.issuer = "https://keyd.example/oauth",
		.audience = "https://keyd.example/oauth",
		.client = "kd0123456789ABCDEFGHJKMN",
		.jti = "AQAJ",
		.scope = "SISVendor",
		.prefixes = "uri://ed-fi.org,uri://vendor.example",
		.edorgs = "255901,9223372036854775807",
		.stores = "4,5",
		.claimset = "SIS Vendor",
		.claimset_version = 2,
		.year = 2026,
		.issued = 1764000000,
		.expires = 1764000600,
		.ods = ods,
		.ods_count = 2};
}

static json_t *
written(const struct token_claims *c)
{
	struct buf out;
	json_t *json;

	buf_init(&out, 8192);
	ck_assert_int_eq(claims_write(c, &out), KERR_OK);
	json = json_loadb((const char *)out.data, out.len,
		JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
	ck_assert_msg(json != NULL, "%s", buf_text(&out));
	buf_clear(&out);
	return json;
}

static const char *
text_of(const json_t *json, const char *name)
{
	return json_string_value(json_object_get(json, name));
}

START_TEST(the_claims_are_these_to_the_byte)
{
	struct token_claims c = sample();
	struct buf out;

	buf_init(&out, 4096);
	ck_assert_int_eq(claims_write(&c, &out), KERR_OK);
	ck_assert_str_eq(buf_text(&out),
		"{\"iss\":\"https://keyd.example/"
		"oauth\",\"sub\":\"kd0123456789ABCDEFGHJKMN\","
		"\"aud\":\"https://keyd.example/"
		"oauth\",\"client_id\":\"kd0123456789ABCDEFGHJKMN\","
		"\"iat\":1764000000,\"exp\":1764000600,\"jti\":\"AQAJ\",\"scope\":"
		"\"SISVendor\","
		"\"namespacePrefixes\":\"uri://ed-fi.org,uri://vendor.example\","
		"\"educationOrganizationIds\":\"255901,9223372036854775807\","
		"\"dataStoreIds\":\"4,5\",\"claimset\":\"SIS "
		"Vendor\",\"claimset_version\":2,"
		"\"school_year\":2026,\"ods_ids\":[4,9223372036854775807]}");
	buf_clear(&out);
}
END_TEST

START_TEST(what_rfc_9068_asks_for_is_there_with_its_type)
{
	static const char *const texts[] = {"iss", "sub", "aud", "client_id", "jti",
		"scope", "namespacePrefixes", "educationOrganizationIds", "dataStoreIds"};
	struct token_claims c = sample();
	json_t *json = written(&c);

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		ck_assert_msg(text_of(json, texts[i]) != NULL, "%s", texts[i]);
	ck_assert(json_is_integer(json_object_get(json, "exp")));
	ck_assert(json_is_integer(json_object_get(json, "iat")));
	ck_assert_uint_eq(json_array_size(json_object_get(json, "ods_ids")), 2);
	json_decref(json);
}
END_TEST

START_TEST(every_character_of_a_name_comes_through)
{
	char every[128], hostile[] = "\",\"scope\":\"EdFiODSAdminApp\",\"x\":\"";
	struct token_claims c = sample();
	json_t *json;

	for (int i = 1; i < 128; i++)
		every[i - 1] = (char)i;
	every[127] = '\0';
	c.claimset = every;
	c.prefixes = "Gr\xc3\xb6\xc3\x9f"
		     "e \xe2\x80\xa8 \xf0\x9f\x8f\xab";
	c.jti = hostile;
	c.client = "\\";
	json = written(&c);
	ck_assert_str_eq(text_of(json, "claimset"), every);
	ck_assert_str_eq(text_of(json, "namespacePrefixes"), c.prefixes);
	ck_assert_str_eq(text_of(json, "jti"), hostile);
	ck_assert_str_eq(text_of(json, "scope"), "SISVendor");
	ck_assert_str_eq(text_of(json, "sub"), "\\");
	json_decref(json);
}
END_TEST

START_TEST(a_scope_with_a_blank_stays_one_string)
{
	struct token_claims c = sample();
	json_t *json;

	c.scope = "SIS Vendor";
	json = written(&c);
	ck_assert_str_eq(text_of(json, "scope"), "SIS Vendor");
	json_decref(json);
}
END_TEST

START_TEST(lists_may_be_empty)
{
	struct token_claims c = sample();
	json_t *json;

	c.prefixes = c.edorgs = c.stores = "";
	c.ods = NULL;
	c.ods_count = 0;
	json = written(&c);
	ck_assert_str_eq(text_of(json, "educationOrganizationIds"), "");
	ck_assert_uint_eq(json_array_size(json_object_get(json, "ods_ids")), 0);
	json_decref(json);
}
END_TEST

START_TEST(a_text_that_is_missing_or_no_utf8_is_refused)
{
	struct token_claims c = sample();
	struct buf out;

	buf_init(&out, 4096);
	c.scope = NULL;
	ck_assert_int_eq(claims_write(&c, &out), KERR_INVALID);
	c = sample();
	c.claimset = "\xc0\xaf";
	ck_assert_int_eq(claims_write(&c, &out), KERR_INVALID);
	ck_assert_uint_eq(out.len, 0);
	buf_clear(&out);
}
END_TEST

START_TEST(a_full_buffer_is_told)
{
	struct token_claims c = sample();
	struct buf out;

	buf_init(&out, 100);
	ck_assert_int_eq(claims_write(&c, &out), KERR_TOO_LARGE);
	buf_clear(&out);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("claims");
	TCase *tc = tcase_create("claims");
	SRunner *runner;
	int failed;

	tcase_add_test(tc, the_claims_are_these_to_the_byte);
	tcase_add_test(tc, what_rfc_9068_asks_for_is_there_with_its_type);
	tcase_add_test(tc, every_character_of_a_name_comes_through);
	tcase_add_test(tc, a_scope_with_a_blank_stays_one_string);
	tcase_add_test(tc, lists_may_be_empty);
	tcase_add_test(tc, a_text_that_is_missing_or_no_utf8_is_refused);
	tcase_add_test(tc, a_full_buffer_is_told);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
