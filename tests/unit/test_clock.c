/* The clock itself, built as the sim preset builds it, whatever this build is: what it
 * does when the wall clock steps can only be seen on a clock that a test sets. */
#undef KEYD_SIM
#define KEYD_SIM 1
#include "core/clock.c"

#include <check.h>
#include <signal.h>

#define START INT64_C(1790000000)

static char page_path[] = "/tmp/keyd-clock-XXXXXX";
static struct clock_sim *sim;

static void
make_page(void)
{
	struct clock_sim fresh = {.magic = CLOCK_SIM_MAGIC};
	int fd = mkstemp(page_path);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, &fresh, sizeof(fresh)), sizeof(fresh));
	sim = mmap(NULL, sizeof(*sim), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ck_assert(sim != MAP_FAILED);
	close(fd);
	setenv("KEYD_SIM_CLOCK", page_path, 1);
	sim->wall_s = START;
	sim->boot_us = 1000 * US;
}

static void
remove_page(void)
{
	unlink(page_path);
}

/* Seconds pass, with a look at each. */
static void
pass(int64_t seconds)
{
	for (int64_t i = 0; i < seconds; i++) {
		sim->wall_s++;
		sim->boot_us += US;
		clock_tick();
	}
}

static struct clock_status
status(void)
{
	struct clock_status s;

	clock_status(&s);
	return s;
}

START_TEST(time_passes_as_the_machine_runs)
{
	ck_assert(clock_now() == START); /* also before the start */
	clock_start(0);
	ck_assert(clock_now() == START);
	pass(3600);
	ck_assert(clock_now() == START + 3600);
	ck_assert(!status().stepped);
	/* Without any look too: days asleep are days. */
	sim->wall_s += 3 * 86400;
	sim->boot_us += 3 * 86400 * US;
	ck_assert(clock_now() == START + 3600 + 3 * 86400);
	clock_tick();
	ck_assert(!status().stepped);
}
END_TEST

START_TEST(a_step_forward_is_not_followed_until_confirmed)
{
	clock_start(START - 60);
	pass(10);
	sim->wall_s += 301;
	pass(100);
	ck_assert(clock_now() == START + 110);
	ck_assert(status().stepped);
	ck_assert(status().offset == 301);
	ck_assert(!status().confirmed);
	clock_confirm();
	ck_assert(clock_now() == START + 110 + 301);
	ck_assert(!status().stepped);
	ck_assert(status().confirmed);
	pass(10);
	ck_assert(clock_now() == START + 120 + 301);
}
END_TEST

START_TEST(a_step_back_never_takes_time_back)
{
	int64_t before;

	clock_start(0);
	pass(10);
	sim->wall_s -= 86400;
	pass(10);
	ck_assert(clock_now() == START + 20);
	ck_assert(status().stepped);
	/* Confirmed, keyd's later time stays and the wall clock is awaited at half speed.
	 */
	clock_confirm();
	ck_assert(clock_now() == START + 20);
	ck_assert(!status().stepped);
	before = clock_now();
	for (int i = 0; i < 1000; i++) {
		pass(1);
		ck_assert(clock_now() >= before);
		before = clock_now();
	}
	ck_assert(before >= START + 20 + 499 && before <= START + 20 + 501);
	pass(2 * 86400);
	ck_assert(status().offset == 0);
	ck_assert(!status().stepped);
}
END_TEST

START_TEST(a_step_that_is_undone_still_waits_for_a_person)
{
	clock_start(0);
	pass(10);
	sim->wall_s += 86400;
	pass(1);
	sim->wall_s -= 86400;
	pass(1);
	ck_assert(status().stepped);
	ck_assert(status().offset == 0);
	clock_confirm();
	ck_assert(!status().stepped);
	ck_assert(clock_now() == START + 12);
}
END_TEST

START_TEST(small_differences_are_taken_over_without_jump_or_halt)
{
	int64_t before, now;

	clock_start(0);
	sim->wall_s += 120;
	before = clock_now();
	for (int i = 0; i < 300; i++) {
		pass(1);
		now = clock_now();
		ck_assert(now - before >= 1 && now - before <= 2);
		before = now;
	}
	ck_assert(status().offset == 0);
	sim->wall_s -= 120;
	for (int i = 0; i < 300; i++) {
		pass(1);
		now = clock_now();
		ck_assert(now - before >= 0 && now - before <= 1);
		before = now;
	}
	ck_assert(status().offset == 0);
	ck_assert(!status().stepped);
}
END_TEST

START_TEST(a_start_before_the_last_time_seen_goes_on_from_there)
{
	clock_start(START + 86400);
	ck_assert(clock_now() == START + 86400);
	ck_assert(status().stepped);
	ck_assert(status().offset == -86400);
	pass(60);
	ck_assert(clock_now() == START + 86400 + 60);
	/* A few seconds only are no step. */
	clock_start(START + 60 + 200);
	ck_assert(clock_now() == START + 260);
	ck_assert(!status().stepped);
	pass(1000);
	ck_assert(status().offset == 0);
}
END_TEST

START_TEST(a_start_long_after_the_last_time_seen_follows_the_wall)
{
	clock_start(START - 30 * 86400);
	ck_assert(clock_now() == START);
	ck_assert(!status().stepped);
}
END_TEST

START_TEST(synchronisation_is_what_the_kernel_says)
{
	clock_start(0);
	ck_assert(!status().synchronised);
	sim->synchronised = 1;
	ck_assert(status().synchronised);
}
END_TEST

static void *
watch(void *arg)
{
	int64_t before = 0;

	while (atomic_load((atomic_bool *)arg)) {
		int64_t now = clock_now();

		if (now < before)
			return arg;
		before = now;
	}
	return NULL;
}

START_TEST(no_thread_ever_sees_time_go_back)
{
	atomic_bool go = true;
	pthread_t threads[3];
	void *wrong;

	clock_start(START + 250);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, watch, &go), 0);
	for (int i = 0; i < 20000; i++) {
		sim->boot_us += 10000;
		if (i % 100 == 0)
			sim->wall_s++;
		clock_tick();
	}
	atomic_store(&go, false);
	for (int i = 0; i < 3; i++) {
		pthread_join(threads[i], &wrong);
		ck_assert_ptr_null(wrong);
	}
}
END_TEST

START_TEST(a_page_that_is_none_is_not_replaced_by_the_real_clock)
{
	setenv("KEYD_SIM_CLOCK", "/dev/null", 1);
	clock_now();
}
END_TEST

START_TEST(without_a_page_the_machine_is_the_clock)
{
	struct timespec ts;
	uint64_t before = clock_monotonic_us();

	unsetenv("KEYD_SIM_CLOCK");
	clock_gettime(CLOCK_REALTIME, &ts);
	ck_assert(clock_now() - ts.tv_sec <= 1);
	clock_start(0);
	ck_assert(clock_now() - ts.tv_sec <= 1);
	ck_assert(clock_monotonic_us() >= before);
	ck_assert(!status().stepped);
}
END_TEST

static const struct {
	int64_t t;
	const char *text;
} moments[] = {
	{0, "1970-01-01T00:00:00Z"},
	{-1, "1969-12-31T23:59:59Z"},
	{951782400, "2000-02-29T00:00:00Z"},
	{1795539600, "2026-11-24T17:00:00Z"},
	{4107542400, "2100-03-01T00:00:00Z"},
	{-62167219200, "0000-01-01T00:00:00Z"},
	{253402300799, "9999-12-31T23:59:59Z"},
};

START_TEST(moments_are_written_and_read_alike)
{
	char text[CLOCK_TEXT_SIZE];
	int64_t t;

	clock_text(moments[_i].t, text);
	ck_assert_str_eq(text, moments[_i].text);
	ck_assert_int_eq(clock_parse(text, strlen(text), &t), KERR_OK);
	ck_assert(t == moments[_i].t);
}
END_TEST

START_TEST(moments_agree_with_the_c_library)
{
	for (int64_t t = -60000000000; t < 250000000000; t += 9876543211) {
		char ours[CLOCK_TEXT_SIZE], theirs[32];
		time_t time = (time_t)t;
		struct tm tm;

		clock_text(t, ours);
		gmtime_r(&time, &tm);
		snprintf(theirs, sizeof(theirs), "%04d-%02d-%02dT%02d:%02d:%02dZ",
			(tm.tm_year + 1900) % 10000, tm.tm_mon + 1, tm.tm_mday,
			tm.tm_hour, tm.tm_min, tm.tm_sec);
		ck_assert_str_eq(ours, theirs);
	}
}
END_TEST

START_TEST(moments_out_of_range_are_the_last_that_can_be_written)
{
	char text[CLOCK_TEXT_SIZE];

	clock_text(INT64_MAX, text);
	ck_assert_str_eq(text, "9999-12-31T23:59:59Z");
	clock_text(INT64_MIN, text);
	ck_assert_str_eq(text, "0000-01-01T00:00:00Z");
	clock_date_text(INT64_MAX, text);
	ck_assert_str_eq(text, "9999-12-31");
	clock_date_text(INT64_MIN, text);
	ck_assert_str_eq(text, "0000-01-01");
}
END_TEST

START_TEST(rfc_3339_in_utc_is_read)
{
	int64_t t;

	ck_assert_int_eq(clock_parse("2026-11-24t17:00:00z", 20, &t), KERR_OK);
	ck_assert(t == 1795539600);
	ck_assert_int_eq(clock_parse("2026-11-24T17:00:00.987Z", 24, &t), KERR_OK);
	ck_assert(t == 1795539600);
	/* The leap second of 2016 is the second after it. */
	ck_assert_int_eq(clock_parse("2016-12-31T23:59:60Z", 20, &t), KERR_OK);
	ck_assert(t == 1483228800);
	ck_assert_int_eq(clock_parse("2024-02-29T00:00:00Z", 20, &t), KERR_OK);
}
END_TEST

START_TEST(other_moments_are_refused)
{
	static const char *const wrong[] = {"", "2026-11-24", "2026-11-24T17:00:00",
		"2026-11-24T17:00:00+00:00", "2026-11-24 17:00:00Z",
		"2026-11-24T24:00:00Z", "2026-11-24T17:60:00Z", "2026-11-24T17:00:61Z",
		"2026-11-24T17:00:60Z", "2026-02-29T00:00:00Z", "2100-02-29T00:00:00Z",
		"2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z", "2026-01-00T00:00:00Z",
		"2026-04-31T00:00:00Z", "2026-11-24T17:00:00.Z", "2026-11-24T17:00:00Zx",
		"+026-11-24T17:00:00Z", "2026-11-24T1 :00:00Z", "2026-1-24T17:00:00Z "};
	int64_t t = 5;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		ck_assert_msg(clock_parse(wrong[i], strlen(wrong[i]), &t) == KERR_INVALID,
			"%s", wrong[i]);
	ck_assert_int_eq(clock_date_parse("2026-02-29", 10, &t), KERR_INVALID);
	ck_assert_int_eq(clock_date_parse("2026-6-30", 9, &t), KERR_INVALID);
	ck_assert_int_eq(clock_date_parse("2026-06-30Z", 11, &t), KERR_INVALID);
	ck_assert(t == 5);
}
END_TEST

static void
expect_day(const char *zone, const char *date, const char *start)
{
	char text[CLOCK_TEXT_SIZE];
	struct fault fault;
	int64_t day;

	ck_assert_int_eq(clock_zone_load(zone, &fault), KERR_OK);
	ck_assert_int_eq(clock_date_parse(date, strlen(date), &day), KERR_OK);
	clock_text(clock_day_start(day), text);
	ck_assert_msg(strcmp(text, start) == 0, "%s in %s began at %s, not %s", date,
		zone, text, start);
}

START_TEST(a_day_starts_at_midnight_or_at_the_first_moment_after)
{
	expect_day("America/Chicago", "2026-07-01", "2026-07-01T05:00:00Z");
	expect_day("America/Chicago", "2026-01-01", "2026-01-01T06:00:00Z");
	/* Days of a change at two: not yet changed at midnight. */
	expect_day("America/Chicago", "2026-03-08", "2026-03-08T06:00:00Z");
	expect_day("America/Chicago", "2026-11-01", "2026-11-01T05:00:00Z");
	/* Midnight is skipped: the day starts at 01:00. */
	expect_day("America/Sao_Paulo", "2017-10-15", "2017-10-15T03:00:00Z");
	expect_day("America/Sao_Paulo", "2017-10-16", "2017-10-16T02:00:00Z");
	/* The clocks go back at midnight to 23:00: one midnight, after the hour was had
	 * twice. */
	expect_day("America/Sao_Paulo", "2018-02-18", "2018-02-18T03:00:00Z");
	/* They go back at 00:01: the first of two midnights. */
	expect_day("America/St_Johns", "2006-10-29", "2006-10-29T02:30:00Z");
	/* A whole day is skipped: it starts where the next one does. */
	expect_day("Pacific/Apia", "2011-12-30", "2011-12-30T10:00:00Z");
	expect_day("Pacific/Apia", "2011-12-31", "2011-12-30T10:00:00Z");
	expect_day("Pacific/Kiritimati", "2026-07-01", "2026-06-30T10:00:00Z");
	expect_day("UTC", "2026-07-01", "2026-07-01T00:00:00Z");
	/* Far ahead too, by the rule at the end of the zone's data. */
	expect_day("America/Chicago", "2099-07-01", "2099-07-01T05:00:00Z");
}
END_TEST

START_TEST(every_moment_is_in_the_day_that_has_begun)
{
	static const char *const zones[] = {"America/Chicago", "America/Sao_Paulo",
		"America/Anchorage", "Pacific/Guam", "Africa/Casablanca"};

	for (size_t z = 0; z < sizeof(zones) / sizeof(zones[0]); z++) {
		ck_assert_int_eq(clock_zone_load(zones[z], NULL), KERR_OK);
		for (int64_t day = 17000; day < 21000; day++) {
			int64_t start = clock_day_start(day);

			ck_assert(clock_day_of(start) == day);
			ck_assert(clock_day_of(start - 1) == day - 1);
		}
	}
}
END_TEST

START_TEST(before_a_zone_is_loaded_days_are_those_of_utc)
{
	setenv("TZ", "America/Chicago", 1);
	ck_assert(clock_day_start(20000) == 20000 * DAY);
	ck_assert(clock_day_of(-1) == -1);
	ck_assert(clock_day_of(20000 * DAY) == 20000);
}
END_TEST

START_TEST(what_is_no_zone_is_refused)
{
	static const char *const wrong[] = {"", "/etc/passwd", "../../../etc/passwd",
		"America/../../../etc/passwd", "America/Chi cago",
		"right/America/Chicago", ":UTC", "CST6CDT,M3.2.0", "a\nb"};
	struct fault fault;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		ck_assert_msg(clock_zone_load(wrong[i], &fault) == KERR_INVALID, "%s",
			wrong[i]);
	ck_assert_int_eq(clock_zone_load("America/Nowhere", &fault), KERR_NOTFOUND);
	ck_assert_str_eq(fault.field, "time_zone");
	ck_assert_int_eq(clock_zone_load("America", &fault), KERR_NOTFOUND);
	ck_assert_int_eq(clock_zone_load("tzdata.zi", &fault), KERR_INVALID);
	ck_assert_int_eq(clock_zone_load("zone1970", &fault), KERR_NOTFOUND);
}
END_TEST

#define COUNT(a) ((int)(sizeof(a) / sizeof((a)[0])))

int
main(void)
{
	Suite *suite = suite_create("clock");
	TCase *now = tcase_create("now");
	TCase *text = tcase_create("text");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(now, make_page, remove_page);
	tcase_set_timeout(now, 20);
	tcase_add_test(now, time_passes_as_the_machine_runs);
	tcase_add_test(now, a_step_forward_is_not_followed_until_confirmed);
	tcase_add_test(now, a_step_back_never_takes_time_back);
	tcase_add_test(now, a_step_that_is_undone_still_waits_for_a_person);
	tcase_add_test(now, small_differences_are_taken_over_without_jump_or_halt);
	tcase_add_test(now, a_start_before_the_last_time_seen_goes_on_from_there);
	tcase_add_test(now, a_start_long_after_the_last_time_seen_follows_the_wall);
	tcase_add_test(now, synchronisation_is_what_the_kernel_says);
	tcase_add_test(now, no_thread_ever_sees_time_go_back);
	tcase_add_test_raise_signal(
		now, a_page_that_is_none_is_not_replaced_by_the_real_clock, SIGABRT);
	tcase_add_test(now, without_a_page_the_machine_is_the_clock);
	suite_add_tcase(suite, now);

	tcase_set_timeout(text, 20);
	tcase_add_loop_test(text, moments_are_written_and_read_alike, 0, COUNT(moments));
	tcase_add_test(text, moments_agree_with_the_c_library);
	tcase_add_test(text, moments_out_of_range_are_the_last_that_can_be_written);
	tcase_add_test(text, rfc_3339_in_utc_is_read);
	tcase_add_test(text, other_moments_are_refused);
	tcase_add_test(text, a_day_starts_at_midnight_or_at_the_first_moment_after);
	tcase_add_test(text, every_moment_is_in_the_day_that_has_begun);
	tcase_add_test(text, before_a_zone_is_loaded_days_are_those_of_utc);
	tcase_add_test(text, what_is_no_zone_is_refused);
	suite_add_tcase(suite, text);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
