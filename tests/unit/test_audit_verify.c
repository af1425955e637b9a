#include "tests/unit/audit_rig.h"

#include <time.h>

#include "keyd/cli/audit-verify/verify.h"

/* The stand-alone verifier as an auditor runs it. */

static struct rig r;
static char said[4096], complained[4096];

static void
setup(void)
{
	rig_start(&r);
}

static void
teardown(void)
{
	rig_end(&r);
}

static enum verify_exit
run(const char *const *args)
{
	static char name[] = "keyd-audit-verify";
	char *argv[16] = {name};
	FILE *out = fmemopen(said, sizeof(said), "w");
	FILE *err = fmemopen(complained, sizeof(complained), "w");
	enum verify_exit result;
	int argc = 1;

	said[0] = complained[0] = '\0';
	for (; args[argc - 1] != NULL; argc++)
		argv[argc] = (char *)(uintptr_t)args[argc - 1];
	result = verify_run(argc, argv, out, err);
	(void)fclose(out);
	(void)fclose(err);
	return result;
}
#define RUN(...) run((const char *const[]){__VA_ARGS__, NULL})

static void
write_log(char path[256], const void *bytes, size_t len)
{
	(void)snprintf(path, 256, "%s/export.log", r.sink);
	world_write(path, bytes, len);
}

START_TEST(an_export_is_verified_alone_and_with_the_sinks_heads)
{
	char log[256], heads[512];
	struct buf text;

	rig_sink(&r);
	rig_add(&r, 20);
	rig_head(&r);
	rig_wait(&r);
	rig_add(&r, 2);
	rig_head(&r);
	audit_sink_stop(r.a);
	rig_export(&r, &text);
	write_log(log, text.data, text.len);
	rig_sink_path(&r, "heads-", heads);
	ck_assert_int_eq(RUN(log), VERIFY_SOUND);
	ck_assert_ptr_nonnull(strstr(said, "consistent: 23 records, 2 signed heads"));
	ck_assert_int_eq(RUN("--heads", heads, log), VERIFY_SOUND);
	ck_assert_ptr_nonnull(strstr(said, "complete: 23 records, 2 signed heads; "));
	ck_assert_ptr_nonnull(strstr(said, "vouches for record 23 and all before it"));
	ck_assert_int_eq(RUN("--json", "--heads", heads, log), VERIFY_SOUND);
	ck_assert_ptr_nonnull(strstr(said, "{\"verdict\":\"complete\",\"first\":1,"
					   "\"last\":23,\"heads\":2,\"at\":0,"));
	text.data[text.len / 2] ^= 4;
	write_log(log, text.data, text.len);
	ck_assert_int_eq(RUN(log), VERIFY_BROKEN);
	ck_assert_ptr_nonnull(strstr(said, "broken at record "));
	ck_assert_int_eq(unlink(log), 0);
	buf_clear(&text);
}
END_TEST

START_TEST(what_cannot_be_verified_is_said_and_exits_2)
{
	ck_assert_int_eq(RUN("--frobnicate"), VERIFY_FAILED);
	ck_assert_ptr_nonnull(strstr(complained, "no such option: --frobnicate"));
	ck_assert_int_eq(RUN("/nowhere/\x1b[31mlog"), VERIFY_FAILED);
	ck_assert_ptr_null(strchr(complained, '\x1b'));
	ck_assert_int_eq(RUN("a", "b"), VERIFY_FAILED);
	ck_assert_int_eq(RUN("--heads"), VERIFY_FAILED);
	ck_assert_int_eq(RUN("--json"), VERIFY_FAILED);
	ck_assert_int_eq(RUN(r.sink), VERIFY_FAILED);
	ck_assert_int_eq(RUN("--help"), VERIFY_SOUND);
	ck_assert_ptr_nonnull(strstr(said, "usage: keyd-audit-verify"));
}
END_TEST

START_TEST(a_long_log_is_verified_in_time)
{
	const uint64_t records = 100000;
	struct timespec begin, end;
	char log[256];
	struct buf text;
	double seconds;

	for (uint64_t i = 0; i < records; i += 2000) {
		rig_add(&r, 2000);
		rig_head(&r);
	}
	rig_export(&r, &text);
	write_log(log, text.data, text.len);
	clock_gettime(CLOCK_MONOTONIC, &begin);
	ck_assert_int_eq(RUN(log), VERIFY_SOUND);
	clock_gettime(CLOCK_MONOTONIC, &end);
	seconds = (double)(end.tv_sec - begin.tv_sec) +
		  (double)(end.tv_nsec - begin.tv_nsec) / 1e9;
	/* 1,000,000 in 5 s; with sanitizers, and beside other tests */
	ck_assert_msg(seconds < 5, "%.2f s", seconds);
	ck_assert_int_eq(unlink(log), 0);
	buf_clear(&text);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("audit verify");
	TCase *tc = tcase_create("audit verify");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 110);
	tcase_add_test(tc, an_export_is_verified_alone_and_with_the_sinks_heads);
	tcase_add_test(tc, what_cannot_be_verified_is_said_and_exits_2);
	tcase_add_test(tc, a_long_log_is_verified_in_time);
	suite_add_tcase(s, tc);
	return s;
}

int
main(void)
{
	SRunner *runner = srunner_create(suite());
	int failed;

	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
