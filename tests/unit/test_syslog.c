#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "keyd/keeper/audit/sink.h"

static int ends[2];

static void
open_log(void)
{
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, ends), 0);
}

static void
close_log(void)
{
	close(ends[0]);
	close(ends[1]);
}

static void
expect(const char *text)
{
	char got[256];
	ssize_t n = recv(ends[1], got, sizeof(got) - 1, 0);

	ck_assert_int_ge(n, 0);
	got[n] = '\0';
	ck_assert_str_eq(got, text);
}

START_TEST(each_record_is_a_message_of_its_own)
{
	static const char records[] = "seq=1\taction=a\nseq=2\taction=b\n";

	syslog_send(ends[0], records, sizeof(records) - 1);
	expect("<85>keyd-audit: seq=1\taction=a");
	expect("<85>keyd-audit: seq=2\taction=b");
	ck_assert_int_lt(recv(ends[1], (char[1]){0}, 1, 0), 0);
}
END_TEST

START_TEST(a_line_without_its_end_is_not_sent)
{
	syslog_send(ends[0], "seq=1", 5);
	ck_assert_int_lt(recv(ends[1], (char[1]){0}, 1, 0), 0);
}
END_TEST

START_TEST(a_log_that_takes_nothing_holds_nobody_up)
{
	static const char record[] = "seq=1\n";
	int i;

	for (i = 0; i < 100000; i++)
		syslog_send(ends[0], record, sizeof(record) - 1);
	syslog_send(-1, record, sizeof(record) - 1);
	expect("<85>keyd-audit: seq=1");
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("syslog");
	TCase *c = tcase_create("copies");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(c, open_log, close_log);
	tcase_add_test(c, each_record_is_a_message_of_its_own);
	tcase_add_test(c, a_line_without_its_end_is_not_sent);
	tcase_add_test(c, a_log_that_takes_nothing_holds_nobody_up);
	suite_add_tcase(s, c);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
