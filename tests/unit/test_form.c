#include "keyd/front/form.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

static struct form form;
static uint8_t bytes[8192];

static enum kerr
read_text(const char *text, size_t len)
{
	struct fault fault;

	memcpy(bytes, text, len);
	return form_read(&form, bytes, len, &fault);
}

#define READ(text) read_text((text), sizeof(text) - 1)

static void
expect(const char *name, const char *value)
{
	const struct form_pair *pair = form_find(&form, name);

	ck_assert_msg(pair != NULL, "%s is not there", name);
	ck_assert_uint_eq(pair->value_len, strlen(value));
	ck_assert_mem_eq(pair->value, value, pair->value_len);
}

START_TEST(pairs_are_decoded)
{
	ck_assert_int_eq(READ("grant_type=client_credentials&scope=a+b%20c%2B&x&y="), 0);
	expect("grant_type", "client_credentials");
	expect("scope", "a b c+");
	expect("x", "");
	expect("y", "");
	ck_assert_ptr_null(form_find(&form, "grant"));
	ck_assert_int_eq(READ("na%6De=J%C3%B6rg=1"), 0);
	expect("name", "J\xc3\xb6rg=1");
}
END_TEST

START_TEST(empty_parts_between_ampersands_are_nothing)
{
	ck_assert_int_eq(READ(""), 0);
	ck_assert_uint_eq(form.count, 0);
	ck_assert_int_eq(READ("&&a=1&&b=2&"), 0);
	ck_assert_uint_eq(form.count, 2);
}
END_TEST

START_TEST(a_parameter_twice_is_refused_however_it_is_spelled)
{
	ck_assert_int_eq(READ("a=1&b=2&a=3"), KERR_INVALID);
	ck_assert_int_eq(READ("client_id=1&client%5Fid=1"), KERR_INVALID);
	ck_assert_int_eq(READ("a=1&A=1"), 0);
}
END_TEST

START_TEST(broken_encodings_are_refused)
{
	ck_assert_int_eq(READ("a=%"), KERR_INVALID);
	ck_assert_int_eq(READ("a=%4"), KERR_INVALID);
	ck_assert_int_eq(READ("a=%4g"), KERR_INVALID);
	ck_assert_int_eq(READ("a%zz=1"), KERR_INVALID);
	/* Not across the border of the value. */
	ck_assert_int_eq(READ("a=%4&1=2"), KERR_INVALID);
	ck_assert_int_eq(READ("a=%00"), KERR_INVALID);
	ck_assert_int_eq(READ("a=b\0c"), KERR_INVALID);
	ck_assert_int_eq(READ("a=%ff"), KERR_INVALID);
	ck_assert_int_eq(READ("a=%c0%af"), KERR_INVALID);
	ck_assert_int_eq(READ("a=%ed%a0%80"), KERR_INVALID);
	ck_assert_int_eq(READ("=1"), KERR_INVALID);
}
END_TEST

START_TEST(a_fault_repeats_nothing_that_was_sent)
{
	char text[] = "kds_SECRET=%zz";
	struct fault fault;

	ck_assert_int_eq(
		form_read(&form, (uint8_t *)text, strlen(text), &fault), KERR_INVALID);
	ck_assert_ptr_null(strstr(fault.text, "SECRET"));
	ck_assert_str_eq(fault.field, "");
}
END_TEST

START_TEST(more_parameters_than_there_is_room_for_are_refused)
{
	char text[1024] = "";
	size_t len = 0;

	for (int i = 0; i < FORM_PAIRS; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "&p%d=%d", i, i);
	ck_assert_int_eq(read_text(text, len), 0);
	memcpy(text + len, "&q=1", 4);
	ck_assert_int_eq(read_text(text, len + 4), KERR_INVALID);
}
END_TEST

START_TEST(a_segment_keeps_its_plus)
{
	char text[] = "a+b%2Fc%20d";
	size_t len = strlen(text);

	ck_assert_int_eq(form_decode_segment((uint8_t *)text, &len), 0);
	ck_assert_uint_eq(len, 7);
	ck_assert_mem_eq(text, "a+b/c d", 7);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("form");
	TCase *t = tcase_create("form");
	SRunner *r;
	int failed;

	tcase_add_test(t, pairs_are_decoded);
	tcase_add_test(t, empty_parts_between_ampersands_are_nothing);
	tcase_add_test(t, a_parameter_twice_is_refused_however_it_is_spelled);
	tcase_add_test(t, broken_encodings_are_refused);
	tcase_add_test(t, a_fault_repeats_nothing_that_was_sent);
	tcase_add_test(t, more_parameters_than_there_is_room_for_are_refused);
	tcase_add_test(t, a_segment_keeps_its_plus);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
