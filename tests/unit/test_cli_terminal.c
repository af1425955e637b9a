#include "tests/unit/cli_rig.h"

/* Whole runs of the command line with a person at its terminal. */

static const struct rig_answer silent[] = {{NULL, 0, NULL, NULL}};
static struct rig rig;

static void
setup(void)
{
	rig_open(&rig);
	rig.answers = silent;
}

static void
teardown(void)
{
	rig_close(&rig);
}

static const struct rig_answer issued[] = {
	{"POST /keyd/clients/7/issue ", 200, ENVELOPE, NULL},
	{"POST /keyd/clients/7/receipt ", 200, CLIENT, NULL},
	{NULL, 0, NULL, NULL},
};

static const struct rig_answer revoked[] = {
	{"GET /keyd/clients/Rollbook ", 200, CLIENT, NULL},
	{"POST /keyd/clients/7/revoke ", 200, CLIENT, NULL},
	{NULL, 0, NULL, NULL},
};

#define HIT                                                                              \
	"{\"items\":[{\"what\":\"secret\",\"client_id\":7,\"secret_number\":3,"          \
	"\"key\":\"" KEY "\",\"may_stop\":true}],\"notes\":[]}"

START_TEST(the_last_characters_of_the_key_confirm_and_another_word_does_not)
{
	static const struct rig_step right[] = {{"to go on: ", "5TZW\n"}, {NULL, NULL}},
				     wrong[] = {{"to go on: ", "yes\n"}, {NULL, NULL}},
				     broken[] = {{"to go on: ", "\003"}, {NULL, NULL}};

	rig.answers = revoked;
	rig.steps = right;
	rig_run_to(&rig, "client|revoke|Rollbook");
	ck_assert_msg(rig.code == 0, "%s", rig.screen);
	ck_assert_uint_eq(rig.served, 2);
	rig.steps = wrong;
	rig_run_to(&rig, "client|revoke|Rollbook");
	ck_assert_int_eq(rig.code, 2);
	ck_assert_uint_eq(rig.served, 1);
	rig.steps = broken;
	rig_run_to(&rig, "client|revoke|Rollbook");
	ck_assert_int_eq(rig.code, 2);
	ck_assert_uint_eq(rig.served, 1);
	has(rig.screen, "nothing was changed");
}
END_TEST

START_TEST(a_shown_secret_is_gone_from_the_terminal_after_enter)
{
	static const struct rig_step steps[] = {
		{"Press Enter when you have them: ", "\n"}, {NULL, NULL}};
	const char *enter, *leave, *shown;

	rig.answers = issued;
	rig.steps = steps;
	rig_run_to(&rig, "client|issue|7");
	ck_assert_msg(rig.code == 0, "%s", rig.screen);
	ck_assert_uint_eq(rig.served, 2);
	enter = strstr(rig.screen, "\033[?1049h");
	leave = strstr(rig.screen, "\033[?1049l");
	shown = strstr(rig.screen, SECRET);
	ck_assert(enter && shown && leave && enter < shown && shown < leave);
	ck_assert_ptr_null(strstr(leave, "kds_"));
	/* Erased within that screen as well, for terminals that have but one. */
	ck_assert_ptr_nonnull(strstr(shown, "\033[H\033[2J\033[?1049l"));
}
END_TEST

START_TEST(a_secret_that_was_not_taken_over_gets_no_receipt)
{
	static const struct rig_step steps[] = {
		{"Press Enter when you have them: ", "\003"}, {NULL, NULL}};

	rig.answers = issued;
	rig.steps = steps;
	rig_run_to(&rig, "client|issue|7");
	ck_assert_int_eq(rig.code, 2);
	ck_assert_uint_eq(rig.served, 1);
	has(rig.screen, "keyd client deliver 7");
	ck_assert_ptr_null(strstr(strstr(rig.screen, "\033[?1049l"), "kds_"));
}
END_TEST

START_TEST(a_pasted_line_leaves_no_trace_and_its_secret_is_stopped)
{
	static const struct rig_answer answers[] = {{"POST /keyd/find ", 200, HIT, NULL},
		{"POST /keyd/find/quarantine ", 200,
			"{\"items\":[],\"notes\":[\"in quarantine\"]}", NULL},
		{NULL, 0, NULL, NULL}};
	static const struct rig_step steps[] = {
		{"(not shown): ",
			"\033[200~GET /?secret=" SECRET "\nnext line\033[201~\r"},
		{"[n] nothing: ", "1\n"}, {NULL, NULL}};
	const char *second;

	rig.answers = answers;
	rig.steps = steps;
	rig_run_to(&rig, "client|find");
	ck_assert_msg(rig.code == 0, "%s", rig.screen);
	ck_assert_uint_eq(rig.served, 2);
	has_not(rig.screen, "QVMZZ");
	has_not(rig.screen, "next line");
	has(rig.requests, "{\"pasted\":\"GET /?secret=" SECRET " next line\"}");
	second = strstr(rig.requests, "/keyd/find/quarantine");
	ck_assert_ptr_nonnull(second);
	has(second, "{\"pasted\":\"" SECRET "\"}");
	has(rig.screen, "in quarantine");
}
END_TEST

START_TEST(what_is_found_is_left_alone_when_nothing_is_chosen)
{
	static const struct rig_answer answers[] = {
		{"POST /keyd/find ", 200, HIT, NULL}, {NULL, 0, NULL, NULL}};
	static const struct rig_step steps[] = {{"[n] nothing: ", "n\n"}, {NULL, NULL}};

	rig.answers = answers;
	rig.steps = steps;
	rig_run_to(&rig, "client|find|Roll");
	ck_assert_int_eq(rig.code, 0);
	ck_assert_uint_eq(rig.served, 1);
	has(rig.screen, "nothing was changed");
	has_not(rig.screen, "[1]");
	has(rig.requests, "{\"text\":\"Roll\"}");
}
END_TEST

START_TEST(the_client_is_stopped_by_its_number)
{
	static const struct rig_answer answers[] = {{"POST /keyd/find ", 200, HIT, NULL},
		{"POST /keyd/clients/7/quarantine ", 200, CLIENT, NULL},
		{NULL, 0, NULL, NULL}};
	static const struct rig_step steps[] = {{"[n] nothing: ", "2\n"}, {NULL, NULL}};

	rig.answers = answers;
	rig.steps = steps;
	rig_run_to(&rig, "client|find|Roll");
	ck_assert_msg(rig.code == 0, "%s", rig.screen);
	ck_assert_uint_eq(rig.served, 2);
}
END_TEST

START_TEST(init_needs_its_code_typed_back)
{
	static const struct rig_answer answers[] = {
		{"POST /keyd/init ", 200,
			"{\"recovery_code\":\"ABCD-EFGH\",\"owner\":\"ann\","
			"\"deployment\":\"d\"}",
			NULL},
		{"POST /keyd/init/confirm ", 400, PROBLEM("invalid", "not the code"),
			NULL},
		{"POST /keyd/init/confirm ", 200, "{\"done\":true}", NULL},
		{NULL, 0, NULL, NULL}};
	static const struct rig_step steps[] = {{"written down: ", "\n"},
		{"recovery code: ", "wrong\r"}, {"written down: ", "\n"},
		{"recovery code: ", "abcd-efgh\r"}, {NULL, NULL}};

	rig.answers = answers;
	rig.steps = steps;
	rig_run_to(&rig, "init|--owner|ann");
	ck_assert_msg(rig.code == 0, "%s", rig.screen);
	ck_assert_uint_eq(rig.served, 3);
	has(rig.requests, "{\"recovery_code\":\"abcd-efgh\"}");
	has(rig.screen, "owner:      ann");
	has_not(strrchr(rig.screen, '\033'), "ABCD");
}
END_TEST

START_TEST(a_new_passphrase_is_typed_twice_and_not_shown)
{
	static const struct rig_answer answers[] = {
		{"POST /keyd/seal/slots ", 201,
			"{\"number\":3,\"kind\":\"passphrase\",\"opens\":true}", NULL},
		{NULL, 0, NULL, NULL}};
	static const struct rig_step same[] = {{"passphrase: ", "correct horse\r"},
		{"again: ", "correct horse\r"}, {NULL, NULL}};
	static const struct rig_step other[] = {{"passphrase: ", "correct horse\r"},
		{"again: ", "correct mule\r"}, {NULL, NULL}};

	rig.answers = answers;
	rig.steps = same;
	rig_run_to(&rig, "seal|add|--label|night");
	ck_assert_msg(rig.code == 0, "%s", rig.screen);
	has(rig.requests, "\"secret\":\"correct horse\"");
	has_not(rig.screen, "horse");
	rig.steps = other;
	rig_run_to(&rig, "seal|add|--label|night");
	ck_assert_int_eq(rig.code, 2);
	ck_assert_uint_eq(rig.served, 0);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("cli-terminal");
	TCase *tc = tcase_create("run");

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(
		tc, the_last_characters_of_the_key_confirm_and_another_word_does_not);
	tcase_add_test(tc, a_shown_secret_is_gone_from_the_terminal_after_enter);
	tcase_add_test(tc, a_secret_that_was_not_taken_over_gets_no_receipt);
	tcase_add_test(tc, a_pasted_line_leaves_no_trace_and_its_secret_is_stopped);
	tcase_add_test(tc, what_is_found_is_left_alone_when_nothing_is_chosen);
	tcase_add_test(tc, the_client_is_stopped_by_its_number);
	tcase_add_test(tc, init_needs_its_code_typed_back);
	tcase_add_test(tc, a_new_passphrase_is_typed_twice_and_not_shown);
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
