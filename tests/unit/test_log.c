#include "core/log.h"

#include <check.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINE_MAX_LEN 4096

static int pipe_fd[2];
static char got[1 << 20];

static void
catch_stderr(void)
{
	ck_assert_int_eq(pipe2(pipe_fd, O_CLOEXEC | O_NONBLOCK), 0);
	ck_assert_int_ge(fcntl(pipe_fd[1], F_SETPIPE_SZ, 1 << 20), 1 << 20);
	ck_assert_int_eq(dup2(pipe_fd[1], STDERR_FILENO), STDERR_FILENO);
}

/* What was logged since the last call. */
static const char *
logged(void)
{
	ssize_t n = read(pipe_fd[0], got, sizeof(got) - 1);

	got[n > 0 ? n : 0] = '\0';
	return got;
}

START_TEST(a_json_line_is_one_object)
{
	char pid[32];
	const char *line;

	snprintf(pid, sizeof(pid), "\"pid\":%ld,", (long)getpid());
	log_start("keeper", LOG_INFO, true);
	log_write(LOG_WARN, "peer-ended", "00c0ffee", LOG_TEXT("peer", "front"),
		LOG_NUM("frames", -12));
	line = logged();
	ck_assert_int_eq(line[strlen(line) - 1], '\n');
	ck_assert_ptr_eq(strchr(line, '\n'), line + strlen(line) - 1);
	ck_assert_mem_eq(line, "{\"time\":\"20", 11);
	ck_assert_ptr_nonnull(strstr(line, pid));
	ck_assert_ptr_nonnull(strstr(line,
		"\"event\":\"peer-ended\",\"request\":\"00c0ffee\",\"peer\":\"front\","
		"\"frames\":-12}\n"));
	ck_assert_ptr_nonnull(strstr(line, "\"level\":\"warn\",\"role\":\"keeper\","));
}
END_TEST

START_TEST(a_text_line_quotes_what_could_be_mistaken)
{
	log_start("front", LOG_INFO, false);
	log_write(LOG_INFO, "listening", "", LOG_TEXT("address", "127.0.0.1:8443"),
		LOG_TEXT("name", "a b"), LOG_TEXT("forged", "x level=error"),
		LOG_TEXT("quote", "\"\\"), LOG_TEXT("empty", ""));
	ck_assert_ptr_nonnull(strstr(logged(),
		" listening address=127.0.0.1:8443 name=\"a b\" "
		"forged=\"x level=error\" quote=\"\\\"\\\\\" empty=\"\"\n"));
}
END_TEST

START_TEST(no_value_ends_a_line_or_reaches_the_terminal)
{
	static const char *const hostile =
		"a\nb\r\x1b[2J\x7f\xe2\x80\xae\xf3\xa0\x81\x81\xff\"\\";

	for (int json = 0; json < 2; json++) {
		const char *line;

		log_start("front", LOG_INFO, json != 0);
		log_write(LOG_INFO, "asked", hostile, LOG_TEXT("name", hostile));
		line = logged();
		ck_assert_ptr_eq(strchr(line, '\n'), line + strlen(line) - 1);
		for (const char *p = line; p[1] != '\0'; p++)
			ck_assert(*p >= 0x20 && *p < 0x7f);
		ck_assert_ptr_nonnull(strstr(
			line, json ? "\"name\":\"a\\u000ab\\u000d\\u001b[2J\\u007f\\u202e"
				     "\\udb40\\udc41\\\\xff\\\"\\\\\"}"
				   : "name=\"a\\u000ab\\u000d\\u001b[2J\\u007f\\u202e"
				     "\\udb40\\udc41\\\\xff\\\"\\\\\"\n"));
	}
}
END_TEST

START_TEST(text_of_any_script_is_left_readable)
{
	log_start("front", LOG_INFO, true);
	log_write(LOG_INFO, "asked", "", LOG_TEXT("name", "Peñasco 東京"));
	ck_assert_ptr_nonnull(strstr(logged(), "\"name\":\"Peñasco 東京\"}"));
}
END_TEST

START_TEST(lines_above_the_level_are_dropped)
{
	log_start("front", LOG_WARN, true);
	log_write(LOG_INFO, "asked", "", LOG_NUM("n", 1));
	log_write(LOG_DEBUG, "asked", "", LOG_NUM("n", 1));
	ck_assert_str_eq(logged(), "");
	log_write(LOG_ERROR, "failed", "", LOG_NUM("n", 1));
	ck_assert_ptr_nonnull(strstr(logged(), "\"level\":\"error\""));
	log_event(LOG_WARN, "bare", NULL, NULL, 0);
	ck_assert_ptr_nonnull(strstr(logged(), "\"event\":\"bare\"}\n"));
}
END_TEST

/* Quotes are even and braces close: JSON enough to see that a cut line is whole. */
static void
expect_whole(const char *line)
{
	bool inside = false;

	for (const char *p = line; *p != '\0'; p++) {
		if (inside && *p == '\\') {
			p++;
			ck_assert(strchr("u\"\\", *p) != NULL && *p != '\0');
		} else if (*p == '"') {
			inside = !inside;
		}
	}
	ck_assert(!inside);
	ck_assert_str_eq(line + strlen(line) - 2, "}\n");
}

START_TEST(a_line_that_is_too_long_is_cut_and_says_so)
{
	static const char *const fill[] = {
		"x", "\n", "\"", "\xff", "東", "\xf3\xa0\x81\x81"};
	char text[5001];

	log_start("front", LOG_INFO, true);
	for (size_t f = 0; f < sizeof(fill) / sizeof(fill[0]); f++) {
		for (size_t len = 200; len < 5000 - 4; len += 17) {
			size_t step = strlen(fill[f]), n = 0;
			const char *line;

			while (n + step <= len) {
				memcpy(text + n, fill[f], step);
				n += step;
			}
			text[n] = '\0';
			log_write(LOG_INFO, "asked", "", LOG_TEXT("name", text),
				LOG_TEXT("more", text), LOG_NUM("n", INT64_MIN));
			line = logged();
			ck_assert_uint_le(strlen(line), LINE_MAX_LEN);
			expect_whole(line);
			ck_assert(len < 4096 || strstr(line, ",\"cut\":true}\n") != NULL);
			ck_assert(
				(strstr(line, ",\"n\":-9223372036854775808}") != NULL) !=
				(strstr(line, ",\"cut\":true}") != NULL));
		}
	}
}
END_TEST

START_TEST(many_values_are_cut_between_them)
{
	struct log_value values[600];

	for (int json = 0; json < 2; json++) {
		const char *line;

		log_start("front", LOG_INFO, json != 0);
		for (size_t i = 0; i < 600; i++)
			values[i] = LOG_NUM("value", (int64_t)i * 1000003);
		log_event(LOG_INFO, "many", "", values, 600);
		line = logged();
		ck_assert_uint_le(strlen(line), LINE_MAX_LEN);
		ck_assert_ptr_nonnull(
			strstr(line, json ? ",\"cut\":true}\n" : " cut=true\n"));
		if (json)
			expect_whole(line);
	}
}
END_TEST

static void *
write_lines(void *arg)
{
	for (int i = 0; i < 200; i++)
		log_write(LOG_INFO, "line", "", LOG_TEXT("from", arg), LOG_NUM("n", i));
	return NULL;
}

START_TEST(lines_of_threads_do_not_mix)
{
	static char names[4][2] = {"a", "b", "c", "d"};
	pthread_t threads[4];
	int lines = 0;

	log_start("front", LOG_INFO, true);
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(
			pthread_create(&threads[i], NULL, write_lines, names[i]), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	logged();
	for (char *line = got, *end; *line != '\0'; line = end + 1) {
		end = strchr(line, '\n');
		ck_assert_ptr_nonnull(end);
		ck_assert_mem_eq(line, "{\"time\":\"", 9);
		ck_assert_int_eq(end[-1], '}');
		lines++;
	}
	ck_assert_int_eq(lines, 800);
}
END_TEST

START_TEST(a_lost_log_stops_nothing)
{
	log_start("front", LOG_INFO, true);
	close(STDERR_FILENO);
	log_write(LOG_INFO, "asked", "", LOG_NUM("n", 1));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("log");
	TCase *tc = tcase_create("log");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tc, catch_stderr, NULL);
	tcase_set_timeout(tc, 30);
	tcase_add_test(tc, a_json_line_is_one_object);
	tcase_add_test(tc, a_text_line_quotes_what_could_be_mistaken);
	tcase_add_test(tc, no_value_ends_a_line_or_reaches_the_terminal);
	tcase_add_test(tc, text_of_any_script_is_left_readable);
	tcase_add_test(tc, lines_above_the_level_are_dropped);
	tcase_add_test(tc, a_line_that_is_too_long_is_cut_and_says_so);
	tcase_add_test(tc, many_values_are_cut_between_them);
	tcase_add_test(tc, lines_of_threads_do_not_mix);
	tcase_add_test(tc, a_lost_log_stops_nothing);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
