#include <ctype.h>
#include <sys/stat.h>

#include "cli_rig.h"

/* Whole runs of the command line against a keyd that the test plays. */

#define SECRET                                                                           \
	"kds_QVMZZ-X99DK-ADV8N-67CNB-DTDBZ-EWE76-H3RGY-R1R2D-MYMF8-M5CK7-KBVM1-N5A9E-"   \
	"79WDP"
#define KEY "kdTFBQZVH263ABEAN8B45TZW"
#define ENVELOPE                                                                         \
	"{\"client_id\":7,\"key\":\"" KEY "\",\"secret\":\"" SECRET                      \
	"\",\"secret_number\":3,\"not_after\":\"2027-07-01T00:00:00Z\",\"token_url\":"   \
	"\"https://k.example/oauth/token\"}"
#define CLIENT                                                                           \
	"{\"id\":7,\"key\":\"" KEY "\",\"name\":\"Roll\\u202ebook\",\"application\":"    \
	"\"App\",\"vendor\":\"Acme\",\"school_year\":2027,\"state\":\"live\","           \
	"\"generation\":1,\"education_organizations\":[255901,255902],"                  \
	"\"secrets\":[{\"number\":3,\"state\":\"live\"}],\"version\":1}"
#define PROBLEM(name, text)                                                              \
	"{\"type\":\"urn:keyd:problem:" name "\",\"title\":\"t\",\"status\":0,"          \
	"\"detail\":\"" text "\"}"

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

static void
has(const char *text, const char *part)
{
	ck_assert_msg(strstr(text, part) != NULL, "no \"%s\" in: %s", part, text);
}

static void
has_not(const char *text, const char *part)
{
	ck_assert_msg(strstr(text, part) == NULL, "\"%s\" in: %s", part, text);
}

/* A file of the rig's directory. */
static const char *
content(const char *name)
{
	static char text[8192];
	char path[128];
	ssize_t n;
	int fd;

	rig_path(&rig, name, path, sizeof(path));
	fd = open(path, O_RDONLY);
	if (fd < 0)
		return NULL;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	return text;
}

static void
run(const char *format)
{
	char line[4096], path[128];
	const char *at = strstr(format, "%s");

	rig_path(&rig, "new", path, sizeof(path));
	if (at)
		snprintf(line, sizeof(line), "%.*s%s%s", (int)(at - format), format, path,
			at + 2);
	else
		snprintf(line, sizeof(line), "%s", format);
	rig_run(&rig, line);
}

static const struct rig_answer issued[] = {
	{"POST /keyd/clients/7/issue ", 200, ENVELOPE, NULL},
	{"POST /keyd/clients/7/receipt ", 200, CLIENT, NULL},
	{NULL, 0, NULL, NULL},
};

START_TEST(a_secret_goes_into_a_new_file_before_keyd_gets_the_receipt)
{
	struct stat st;
	char path[128];

	rig.answers = issued;
	run("client|issue|7|--to|%s");
	ck_assert_msg(rig.code == 0, "%s", rig.err);
	ck_assert_uint_eq(rig.served, 2);
	has(content("new"), "key=" KEY "\n");
	has(content("new"), "secret=" SECRET "\n");
	has_not(content("new"), "client_id");
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
	run("client|issue|7|--to|%s");
	ck_assert_int_eq(rig.code, 5);
	ck_assert_str_eq(rig.requests, "");
	has(rig.err, "is there already");
	ck_assert_str_eq(content("new"), "mine");
}
END_TEST

START_TEST(the_id_that_is_announced_is_the_one_that_is_sent_and_can_be_repeated)
{
	char id[33], header[80], line[128];
	const char *at;

	rig.answers = issued;
	run("client|issue|7");
	at = strstr(rig.err, "request ");
	ck_assert_ptr_nonnull(at);
	memcpy(id, at + strlen("request "), 32);
	id[32] = '\0';
	for (size_t i = 0; i < 32; i++)
		ck_assert(isxdigit((unsigned char)id[i]));
	snprintf(header, sizeof(header), "Idempotency-Key: %s\r\n", id);
	has(rig.requests, header);
	snprintf(line, sizeof(line), "client|issue|7|--retry|%s", id);
	run(line);
	has(rig.requests, header);
	run("client|issue|7|--request-id|abc");
	ck_assert_int_eq(rig.code, 2);
	ck_assert_str_eq(rig.requests, "");
}
END_TEST

START_TEST(a_lost_answer_names_the_retry_and_leaves_no_file)
{
	static const struct rig_answer lost[] = {
		{"POST /keyd/clients/7/issue ", 0, NULL, NULL}, {NULL, 0, NULL, NULL}};

	rig.answers = lost;
	run("client|issue|7|--to|%s");
	ck_assert_int_eq(rig.code, 6);
	has(rig.err, "not known: --retry ");
	ck_assert_ptr_null(content("new"));
	run("client|issue|7|--json");
	ck_assert_int_eq(rig.code, 6);
	ck_assert_int_eq(rig.err[0], '{');
	has(rig.err, "--retry ");
}
END_TEST

START_TEST(a_script_gets_the_answer_as_it_is_and_keyd_the_receipt)
{
	rig.answers = issued;
	run("client|issue|7|--json|--request-id|00112233445566778899aabbccddeeff");
	ck_assert_int_eq(rig.code, 0);
	ck_assert_str_eq(rig.out, ENVELOPE "\n");
	ck_assert_str_eq(rig.err, "");
	ck_assert_uint_eq(rig.served, 2);
	run("client|issue|7|--json|--no-receipt");
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
	run("client|issue|7|--to|%s");
	ck_assert_int_eq(rig.code, 0);
	has(rig.err, "did not take the receipt");
	has(content("new"), SECRET);
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
	run("client|issue|7|--dry-run|--to|%s");
	ck_assert_int_eq(rig.code, 0);
	ck_assert_uint_eq(rig.served, 1);
	ck_assert_ptr_null(content("new"));
}
END_TEST

static const struct rig_answer revoked[] = {
	{"GET /keyd/clients/Rollbook ", 200, CLIENT, NULL},
	{"POST /keyd/clients/7/revoke ", 200, CLIENT, NULL},
	{NULL, 0, NULL, NULL},
};

START_TEST(what_ends_something_is_refused_without_a_terminal_or_yes)
{
	rig.answers = revoked;
	run("client|revoke|Rollbook");
	ck_assert_int_eq(rig.code, 2);
	ck_assert_uint_eq(rig.served, 1);
	has(rig.err, "--yes");
	has(rig.err, "255901, 255902");
	has(rig.err, "Acme");
	run("client|revoke|Rollbook|--yes|--reason|why");
	ck_assert_int_eq(rig.code, 0);
	ck_assert_uint_eq(rig.served, 2);
	has(rig.requests, "{\"reason\":\"why\"}");
	has_not(rig.err, "\xe2\x80\xae");
	has_not(rig.out, "\xe2\x80\xae");
}
END_TEST

START_TEST(the_last_characters_of_the_key_confirm_and_another_word_does_not)
{
	static const struct rig_step right[] = {{"to go on: ", "5TZW\n"}, {NULL, NULL}},
				     wrong[] = {{"to go on: ", "yes\n"}, {NULL, NULL}},
				     broken[] = {{"to go on: ", "\003"}, {NULL, NULL}};

	rig.answers = revoked;
	rig.steps = right;
	run("client|revoke|Rollbook");
	ck_assert_msg(rig.code == 0, "%s", rig.screen);
	ck_assert_uint_eq(rig.served, 2);
	rig.steps = wrong;
	run("client|revoke|Rollbook");
	ck_assert_int_eq(rig.code, 2);
	ck_assert_uint_eq(rig.served, 1);
	rig.steps = broken;
	run("client|revoke|Rollbook");
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
	run("client|issue|7");
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
	run("client|issue|7");
	ck_assert_int_eq(rig.code, 2);
	ck_assert_uint_eq(rig.served, 1);
	has(rig.screen, "keyd client deliver 7");
	ck_assert_ptr_null(strstr(strstr(rig.screen, "\033[?1049l"), "kds_"));
}
END_TEST

#define HIT                                                                              \
	"{\"items\":[{\"what\":\"secret\",\"client_id\":7,\"secret_number\":3,"          \
	"\"key\":\"" KEY "\",\"may_stop\":true}],\"notes\":[]}"

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
	run("client|find");
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
	run("client|find|Roll");
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
	run("client|find|Roll");
	ck_assert_msg(rig.code == 0, "%s", rig.screen);
	ck_assert_uint_eq(rig.served, 2);
}
END_TEST

START_TEST(a_secret_in_an_argument_is_never_sent_or_repeated)
{
	run("client|find|" SECRET);
	ck_assert_int_eq(rig.code, 2);
	ck_assert_str_eq(rig.requests, "");
	has(rig.err, "treat it as leaked");
	has_not(rig.err, "QVMZZ");
	run("client|show|7|" SECRET "|--json");
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
	run("client|list|--limit|1|--state|live");
	ck_assert_int_eq(rig.code, 0);
	ck_assert_int_eq(strncmp(rig.out, "ID  KEY", 7), 0);
	has(rig.out, "Roll\\u{202e}book");
	has(rig.err, "1 of 3; more with --after Cur");
	run("client|list|--limit|1|--state|live|--json");
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
	run("vendor|add|A|--kind|sis");
	ck_assert_int_eq(rig.code, 2);
	has(rig.err, "keyd: vendor add: no ");
	has(rig.err, "(--namespace-prefixes)");
	has_not(rig.err, "\033");
	run("vendor|add|A|--kind|sis|--json");
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
		run("vendor|show|A");
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
	run("status");
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
	run("backup|%s");
	ck_assert_int_eq(rig.code, 4);
	ck_assert_ptr_null(content("new"));
	rig.answers = cut;
	run("backup|%s");
	ck_assert_int_eq(rig.code, 6);
	ck_assert_ptr_null(content("new"));
	rig.answers = good;
	run("backup|%s");
	ck_assert_msg(rig.code == 0, "%s", rig.err);
	ck_assert_str_eq(content("new"), "sealed rows");
	run("backup|%s");
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
	run("backup|check|%s|-");
	ck_assert_msg(rig.code == 0, "%s", rig.err);
	has(rig.out, "rows: 5");
	has(rig.requests, "Content-Type: application/x-keyd-restore\r\n");
	has_not(rig.out, "passphrase");
	rig.input = NULL;
	run("backup|check|%s");
	ck_assert_int_eq(rig.code, 3);
	ck_assert_str_eq(rig.requests, "");
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
	run("init|--owner|ann");
	ck_assert_msg(rig.code == 0, "%s", rig.screen);
	ck_assert_uint_eq(rig.served, 3);
	has(rig.requests, "{\"recovery_code\":\"abcd-efgh\"}");
	has(rig.screen, "owner:      ann");
	has_not(strrchr(rig.screen, '\033'), "ABCD");
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
	run("init|--owner|ann|--recovery-code-to|%s");
	ck_assert_int_eq(rig.code, 1);
	ck_assert_ptr_null(content("new"));
	rig.answers = good;
	run("init|--owner|ann|--recovery-code-to|%s");
	ck_assert_msg(rig.code == 0, "%s", rig.err);
	ck_assert_str_eq(content("new"), "ABCD\n");
	has_not(rig.out, "ABCD");
	run("init|--owner|ann");
	ck_assert_int_eq(rig.code, 2);
	ck_assert_uint_eq(rig.served, 0);
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
	run("seal|add|--label|night");
	ck_assert_msg(rig.code == 0, "%s", rig.screen);
	has(rig.requests, "\"secret\":\"correct horse\"");
	has_not(rig.screen, "horse");
	rig.steps = other;
	run("seal|add|--label|night");
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
	run("status");
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
	run("vendor|show|A");
	ck_assert_int_eq(rig.code, 1);
	has(rig.err, "different releases");
}
END_TEST

static void
add_all(TCase *tc)
{
	tcase_add_test(tc, a_secret_goes_into_a_new_file_before_keyd_gets_the_receipt);
	tcase_add_test(tc, a_file_that_is_there_is_kept_and_no_secret_made);
	tcase_add_test(
		tc, the_id_that_is_announced_is_the_one_that_is_sent_and_can_be_repeated);
	tcase_add_test(tc, a_lost_answer_names_the_retry_and_leaves_no_file);
	tcase_add_test(tc, a_script_gets_the_answer_as_it_is_and_keyd_the_receipt);
	tcase_add_test(tc, a_receipt_that_fails_takes_nothing_from_the_delivery);
	tcase_add_test(tc, a_dry_run_of_an_issue_makes_no_file);
	tcase_add_test(tc, what_ends_something_is_refused_without_a_terminal_or_yes);
	tcase_add_test(
		tc, the_last_characters_of_the_key_confirm_and_another_word_does_not);
	tcase_add_test(tc, a_shown_secret_is_gone_from_the_terminal_after_enter);
	tcase_add_test(tc, a_secret_that_was_not_taken_over_gets_no_receipt);
	tcase_add_test(tc, a_pasted_line_leaves_no_trace_and_its_secret_is_stopped);
	tcase_add_test(tc, what_is_found_is_left_alone_when_nothing_is_chosen);
	tcase_add_test(tc, the_client_is_stopped_by_its_number);
	tcase_add_test(tc, a_secret_in_an_argument_is_never_sent_or_repeated);
	tcase_add_test(tc, a_list_says_how_many_more_and_json_is_untouched);
	tcase_add_test(tc, keyds_own_words_say_what_is_wrong_and_where);
	tcase_add_test(tc, exit_codes_follow_from_what_keyd_says);
	tcase_add_test(tc, without_keyd_it_says_how_to_start_it);
	tcase_add_test(tc, a_backup_is_whole_or_not_there);
	tcase_add_test(tc, the_code_of_a_backup_comes_from_standard_input);
	tcase_add_test(tc, init_needs_its_code_typed_back);
	tcase_add_test(
		tc, init_writes_the_code_and_takes_it_away_when_keyd_does_not_confirm);
	tcase_add_test(tc, a_new_passphrase_is_typed_twice_and_not_shown);
	tcase_add_test(tc, status_of_a_keyd_that_is_not_ready_is_six);
	tcase_add_test(tc, an_answer_of_another_release_is_said_to_be_one);
}

static Suite *
suite(void)
{
	Suite *s = suite_create("cli-run");
	TCase *tc = tcase_create("run");

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	add_all(tc);
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
