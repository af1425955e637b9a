#include <ctype.h>
#include <sys/stat.h>

#include "tests/unit/cli_rig.h"

/* Whole runs of the command line, as scripts run it, against a keyd that the test plays.
 */

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

START_TEST(a_secret_goes_into_a_new_file_before_keyd_gets_the_receipt)
{
	struct stat st;
	char path[128];

	rig.answers = issued;
	rig_run_to(&rig, "client|issue|7|--to|%s");
	ck_assert_msg(rig.code == 0, "%s", rig.err);
	ck_assert_uint_eq(rig.served, 2);
	has(rig_content(&rig, "new"), "key=" KEY "\n");
	has(rig_content(&rig, "new"), "secret=" SECRET "\n");
	has_not(rig_content(&rig, "new"), "client_id");
	rig_path(&rig, "new", path, sizeof(path));
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_int_eq(st.st_mode & 0777, 0600);
	has(rig.requests, "\"secret_number\":3");
	has_not(rig.out, "kds_");
	has_not(rig.err, "kds_");
	has(rig.out, "secret number: 3");
}
END_TEST

START_TEST(a_file_that_is_there_is_kept_and_no_secret_made)
{
	char path[128];
	int fd;

	rig_path(&rig, "new", path, sizeof(path));
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0644);
	ck_assert_int_eq(write(fd, "mine", 4), 4);
	close(fd);
	rig.answers = issued;
	rig_run_to(&rig, "client|issue|7|--to|%s");
	ck_assert_int_eq(rig.code, 5);
	ck_assert_str_eq(rig.requests, "");
	has(rig.err, "is there already");
	ck_assert_str_eq(rig_content(&rig, "new"), "mine");
}
END_TEST

START_TEST(the_id_that_is_announced_is_the_one_that_is_sent_and_can_be_repeated)
{
	char id[33], header[80], line[128];
	const char *at;

	rig.answers = issued;
	rig_run_to(&rig, "client|issue|7");
	at = strstr(rig.err, "request ");
	ck_assert_ptr_nonnull(at);
	memcpy(id, at + strlen("request "), 32);
	id[32] = '\0';
	for (size_t i = 0; i < 32; i++)
		ck_assert(isxdigit((unsigned char)id[i]));
	snprintf(header, sizeof(header), "Idempotency-Key: %s\r\n", id);
	has(rig.requests, header);
	snprintf(line, sizeof(line), "client|issue|7|--retry|%s", id);
	rig_run_to(&rig, line);
	has(rig.requests, header);
	rig_run_to(&rig, "client|issue|7|--request-id|abc");
	ck_assert_int_eq(rig.code, 2);
	ck_assert_str_eq(rig.requests, "");
}
END_TEST

START_TEST(a_lost_answer_names_the_retry_and_leaves_no_file)
{
	static const struct rig_answer lost[] = {
		{"POST /keyd/clients/7/issue ", 0, NULL, NULL}, {NULL, 0, NULL, NULL}};

	rig.answers = lost;
	rig_run_to(&rig, "client|issue|7|--to|%s");
	ck_assert_int_eq(rig.code, 6);
	has(rig.err, "not known: --retry ");
	ck_assert_ptr_null(rig_content(&rig, "new"));
	rig_run_to(&rig, "client|issue|7|--json");
	ck_assert_int_eq(rig.code, 6);
	ck_assert_int_eq(rig.err[0], '{');
	has(rig.err, "--retry ");
}
END_TEST

START_TEST(a_script_gets_the_answer_as_it_is_and_keyd_the_receipt)
{
	rig.answers = issued;
	rig_run_to(&rig,
		"client|issue|7|--json|--request-id|00112233445566778899aabbccddeeff");
	ck_assert_int_eq(rig.code, 0);
	ck_assert_str_eq(rig.out, ENVELOPE "\n");
	ck_assert_str_eq(rig.err, "");
	ck_assert_uint_eq(rig.served, 2);
	rig_run_to(&rig, "client|issue|7|--json|--no-receipt");
	ck_assert_int_eq(rig.code, 0);
	ck_assert_uint_eq(rig.served, 1);
}
END_TEST

START_TEST(a_receipt_that_fails_takes_nothing_from_the_delivery)
{
	static const struct rig_answer half[] = {
		{"POST /keyd/clients/7/issue ", 200, ENVELOPE, NULL},
		{"POST /keyd/clients/7/receipt ", 503, PROBLEM("busy", "busy"), NULL},
		{NULL, 0, NULL, NULL}};

	rig.answers = half;
	rig_run_to(&rig, "client|issue|7|--to|%s");
	ck_assert_int_eq(rig.code, 0);
	has(rig.err, "did not take the receipt");
	has(rig_content(&rig, "new"), SECRET);
}
END_TEST

START_TEST(a_dry_run_of_an_issue_makes_no_file)
{
	static const struct rig_answer dry[] = {
		{"POST /keyd/clients/7/issue?dry_run=1 ", 200,
			"{\"client_id\":7,\"key\":\"" KEY "\",\"secret_number\":3}",
			NULL},
		{NULL, 0, NULL, NULL}};

	rig.answers = dry;
	rig_run_to(&rig, "client|issue|7|--dry-run|--to|%s");
	ck_assert_int_eq(rig.code, 0);
	ck_assert_uint_eq(rig.served, 1);
	ck_assert_ptr_null(rig_content(&rig, "new"));
}
END_TEST

START_TEST(what_ends_something_is_refused_without_a_terminal_or_yes)
{
	rig.answers = revoked;
	rig_run_to(&rig, "client|revoke|Rollbook");
	ck_assert_int_eq(rig.code, 2);
	ck_assert_uint_eq(rig.served, 1);
	has(rig.err, "--yes");
	has(rig.err, "255901, 255902");
	has(rig.err, "Acme");
	rig_run_to(&rig, "client|revoke|Rollbook|--yes|--reason|why");
	ck_assert_int_eq(rig.code, 0);
	ck_assert_uint_eq(rig.served, 2);
	has(rig.requests, "{\"reason\":\"why\"}");
	has_not(rig.err, "\xe2\x80\xae");
	has_not(rig.out, "\xe2\x80\xae");
}
END_TEST

START_TEST(a_secret_in_an_argument_is_never_sent_or_repeated)
{
	rig_run_to(&rig, "client|find|" SECRET);
	ck_assert_int_eq(rig.code, 2);
	ck_assert_str_eq(rig.requests, "");
	has(rig.err, "treat it as leaked");
	has_not(rig.err, "QVMZZ");
	rig_run_to(&rig, "client|show|7|" SECRET "|--json");
	ck_assert_int_eq(rig.code, 2);
	has_not(rig.err, "QVMZZ");
}
END_TEST

START_TEST(a_list_says_how_many_more_and_json_is_untouched)
{
	static const char body[] =
		"{\"items\":[" CLIENT "],\"total\":3,\"after\":\"Cur\"}";
	static const struct rig_answer answers[] = {
		{"GET /keyd/clients?limit=1&state=live ", 200, body, NULL},
		{NULL, 0, NULL, NULL}};

	rig.answers = answers;
	rig_run_to(&rig, "client|list|--limit|1|--state|live");
	ck_assert_int_eq(rig.code, 0);
	ck_assert_int_eq(strncmp(rig.out, "ID  KEY", 7), 0);
	has(rig.out, "Roll\\u{202e}book");
	has(rig.err, "1 of 3; more with --after Cur");
	rig_run_to(&rig, "client|list|--limit|1|--state|live|--json");
	ck_assert_int_eq(strncmp(rig.out, body, strlen(body)), 0);
	ck_assert_str_eq(rig.err, "");
}
END_TEST

START_TEST(keyds_own_words_say_what_is_wrong_and_where)
{
	static const struct rig_answer answers[] = {
		{"POST /keyd/vendors ", 400,
			"{\"type\":\"urn:keyd:problem:invalid\",\"title\":\"t\","
			"\"status\":400,\"detail\":\"no \\u001b[2J comma\","
			"\"field\":\"namespace_prefixes\"}",
			NULL},
		{NULL, 0, NULL, NULL}};

	rig.answers = answers;
	rig_run_to(&rig, "vendor|add|A|--kind|sis");
	ck_assert_int_eq(rig.code, 2);
	has(rig.err, "keyd: vendor add: no ");
	has(rig.err, "(--namespace-prefixes)");
	has_not(rig.err, "\033");
	rig_run_to(&rig, "vendor|add|A|--kind|sis|--json");
	ck_assert_int_eq(rig.code, 2);
	has(rig.err, "\"type\":\"urn:keyd:problem:invalid\"");
	ck_assert_str_eq(rig.out, "");
}
END_TEST

START_TEST(exit_codes_follow_from_what_keyd_says)
{
	static const struct {
		const char *problem;
		unsigned status;
		int code;
	} rows[] = {{PROBLEM("not-found", "x"), 404, 3},
		{PROBLEM("notfound", "x"), 404, 3}, {PROBLEM("denied", "x"), 403, 4},
		{PROBLEM("conflict", "x"), 409, 5}, {PROBLEM("sealed", "x"), 503, 6},
		{PROBLEM("full", "x"), 507, 7}, {PROBLEM("internal", "x"), 500, 1},
		{"<html>", 502, 1}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct rig_answer answers[] = {
			{"GET /keyd/vendors/A ", rows[i].status, rows[i].problem, NULL},
			{NULL, 0, NULL, NULL}};

		/* The name in the type is kerr_name()'s. */
		if (i == (strcmp(kerr_name(KERR_NOTFOUND), "notfound") == 0 ? 0U : 1U))
			continue;
		rig.answers = answers;
		rig_run_to(&rig, "vendor|show|A");
		ck_assert_msg(
			rig.code == rows[i].code, "%s: %d", rows[i].problem, rig.code);
	}
}
END_TEST

START_TEST(without_keyd_it_says_how_to_start_it)
{
	char path[128];

	rig_path(&rig, "s", path, sizeof(path));
	unlink(path);
	rig_run_to(&rig, "status");
	ck_assert_int_eq(rig.code, 6);
	has(rig.err, "keyd serve starts it");
}
END_TEST

START_TEST(a_backup_is_whole_or_not_there)
{
	static const struct rig_answer good[] = {
		{"POST /keyd/backup ", 200, "sealed rows", NULL}, {NULL, 0, NULL, NULL}};
	static const struct rig_answer denied[] = {
		{"POST /keyd/backup ", 403, PROBLEM("denied", "no"), NULL},
		{NULL, 0, NULL, NULL}};
	static const struct rig_answer cut[] = {
		{"POST /keyd/backup ", 0, NULL, NULL}, {NULL, 0, NULL, NULL}};

	rig.answers = denied;
	rig_run_to(&rig, "backup|%s");
	ck_assert_int_eq(rig.code, 4);
	ck_assert_ptr_null(rig_content(&rig, "new"));
	rig.answers = cut;
	rig_run_to(&rig, "backup|%s");
	ck_assert_int_eq(rig.code, 6);
	ck_assert_ptr_null(rig_content(&rig, "new"));
	rig.answers = good;
	rig_run_to(&rig, "backup|%s");
	ck_assert_msg(rig.code == 0, "%s", rig.err);
	ck_assert_str_eq(rig_content(&rig, "new"), "sealed rows");
	rig_run_to(&rig, "backup|%s");
	ck_assert_int_eq(rig.code, 5);
	ck_assert_uint_eq(rig.served, 0);
}
END_TEST

START_TEST(the_code_of_a_backup_comes_from_standard_input)
{
	static const struct rig_answer answers[] = {
		{"POST /keyd/backup/check ", 200,
			"{\"time\":\"2026-11-24T17:00:00Z\",\"rows\":5}", NULL},
		{NULL, 0, NULL, NULL}};
	char path[128];
	int fd;

	rig_path(&rig, "new", path, sizeof(path));
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
	ck_assert_int_eq(write(fd, "rows", 4), 4);
	close(fd);
	rig.answers = answers;
	rig.input = "a passphrase\n";
	rig_run_to(&rig, "backup|check|%s|-");
	ck_assert_msg(rig.code == 0, "%s", rig.err);
	has(rig.out, "rows: 5");
	has(rig.requests, "Content-Type: application/x-keyd-restore\r\n");
	has_not(rig.out, "passphrase");
	rig.input = NULL;
	rig_run_to(&rig, "backup|check|%s");
	ck_assert_int_eq(rig.code, 3);
	ck_assert_str_eq(rig.requests, "");
}
END_TEST

START_TEST(init_writes_the_code_and_takes_it_away_when_keyd_does_not_confirm)
{
	static const struct rig_answer bad[] = {
		{"POST /keyd/init ", 200, "{\"recovery_code\":\"ABCD\"}", NULL},
		{"POST /keyd/init/confirm ", 500, PROBLEM("io", "disk"), NULL},
		{NULL, 0, NULL, NULL}};
	static const struct rig_answer good[] = {
		{"POST /keyd/init ", 200, "{\"recovery_code\":\"ABCD\"}", NULL},
		{"POST /keyd/init/confirm ", 200, "{\"done\":true}", NULL},
		{NULL, 0, NULL, NULL}};

	rig.answers = bad;
	rig_run_to(&rig, "init|--owner|ann|--recovery-code-to|%s");
	ck_assert_int_eq(rig.code, 1);
	ck_assert_ptr_null(rig_content(&rig, "new"));
	rig.answers = good;
	rig_run_to(&rig, "init|--owner|ann|--recovery-code-to|%s");
	ck_assert_msg(rig.code == 0, "%s", rig.err);
	ck_assert_str_eq(rig_content(&rig, "new"), "ABCD\n");
	has_not(rig.out, "ABCD");
	rig_run_to(&rig, "init|--owner|ann");
	ck_assert_int_eq(rig.code, 2);
	ck_assert_uint_eq(rig.served, 0);
}
END_TEST

START_TEST(status_of_a_keyd_that_is_not_ready_is_six)
{
	static const struct rig_answer answers[] = {
		{"GET /keyd/status ", 200, "{\"phase\":\"sealed\",\"ready\":false}",
			NULL},
		{NULL, 0, NULL, NULL}};

	rig.answers = answers;
	rig_run_to(&rig, "status");
	ck_assert_int_eq(rig.code, 6);
	has(rig.out, "phase: sealed");
}
END_TEST

START_TEST(an_answer_of_another_release_is_said_to_be_one)
{
	static const struct rig_answer answers[] = {
		{"GET /keyd/vendors/A ", 200, "{\"nonsense\":1}", NULL},
		{NULL, 0, NULL, NULL}};

	rig.answers = answers;
	rig_run_to(&rig, "vendor|show|A");
	ck_assert_int_eq(rig.code, 1);
	has(rig.err, "different releases");
}
END_TEST

START_TEST(a_file_that_is_no_sound_export_is_broken_without_asking_keyd)
{
	char path[128];
	int fd;

	rig_path(&rig, "new", path, sizeof(path));
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
	ck_assert_int_eq(write(fd, "sequence=1\taction=x\n", 20), 20);
	close(fd);
	rig_run_to(&rig, "audit|verify|%s");
	ck_assert_int_eq(rig.code, 1);
	has(rig.out, "verdict: broken");
	ck_assert_str_eq(rig.requests, "");
	rig_run_to(&rig, "audit|verify|/nonexistent/file");
	ck_assert_int_eq(rig.code, 3);
}
END_TEST

START_TEST(an_exported_chain_is_whole_or_not_there)
{
	static const struct rig_answer good[] = {
		{"GET /keyd/audit/export ", 200, "sequence=1\n", NULL},
		{"GET /keyd/audit/export ", 200, "sequence=1\n", NULL},
		{NULL, 0, NULL, NULL}};
	static const struct rig_answer sealed[] = {
		{"GET /keyd/audit/export ", 503, PROBLEM("sealed", "sealed"), NULL},
		{NULL, 0, NULL, NULL}};

	rig.answers = sealed;
	rig_run_to(&rig, "audit|export|%s");
	ck_assert_int_eq(rig.code, 6);
	ck_assert_ptr_null(rig_content(&rig, "new"));
	rig.answers = good;
	rig_run_to(&rig, "audit|export|%s|--json");
	ck_assert_msg(rig.code == 0, "%s", rig.err);
	ck_assert_str_eq(rig_content(&rig, "new"), "sequence=1\n");
	has(rig.out, "{\"done\":true");
	rig_run_to(&rig, "audit|export");
	ck_assert_str_eq(rig.out, "sequence=1\n");
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("cli-run");
	TCase *tc = tcase_create("run");

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a_secret_goes_into_a_new_file_before_keyd_gets_the_receipt);
	tcase_add_test(tc, a_file_that_is_there_is_kept_and_no_secret_made);
	tcase_add_test(
		tc, the_id_that_is_announced_is_the_one_that_is_sent_and_can_be_repeated);
	tcase_add_test(tc, a_lost_answer_names_the_retry_and_leaves_no_file);
	tcase_add_test(tc, a_script_gets_the_answer_as_it_is_and_keyd_the_receipt);
	tcase_add_test(tc, a_receipt_that_fails_takes_nothing_from_the_delivery);
	tcase_add_test(tc, a_dry_run_of_an_issue_makes_no_file);
	tcase_add_test(tc, what_ends_something_is_refused_without_a_terminal_or_yes);
	tcase_add_test(tc, a_secret_in_an_argument_is_never_sent_or_repeated);
	tcase_add_test(tc, a_list_says_how_many_more_and_json_is_untouched);
	tcase_add_test(tc, keyds_own_words_say_what_is_wrong_and_where);
	tcase_add_test(tc, exit_codes_follow_from_what_keyd_says);
	tcase_add_test(tc, without_keyd_it_says_how_to_start_it);
	tcase_add_test(tc, a_backup_is_whole_or_not_there);
	tcase_add_test(tc, the_code_of_a_backup_comes_from_standard_input);
	tcase_add_test(
		tc, init_writes_the_code_and_takes_it_away_when_keyd_does_not_confirm);
	tcase_add_test(tc, status_of_a_keyd_that_is_not_ready_is_six);
	tcase_add_test(tc, an_answer_of_another_release_is_said_to_be_one);
	tcase_add_test(tc, a_file_that_is_no_sound_export_is_broken_without_asking_keyd);
	tcase_add_test(tc, an_exported_chain_is_whole_or_not_there);
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
