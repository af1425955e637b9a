#include "tests/unit/audit_rig.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/uio.h>
#include <time.h>

/* A sink that hangs, is full, or does not give back what was written: the C library's
 * calls, for files of the sink only. */
static _Atomic bool hangs, unread, full, forgets;
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t opened = PTHREAD_COND_INITIALIZER;

static bool
is_in_sink(int fd)
{
	char name[64], path[512];
	ssize_t n;

	(void)snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	n = readlink(name, path, sizeof(path) - 1);
	if (n <= 0)
		return false;
	path[n] = '\0';
	return strstr(path, "-sink/") != NULL;
}

static void
hang(_Atomic bool *which)
{
	pthread_mutex_lock(&gate);
	while (*which)
		pthread_cond_wait(&opened, &gate);
	pthread_mutex_unlock(&gate);
}

int
fdatasync(int fd)
{
	if (hangs && is_in_sink(fd))
		hang(&hangs);
	return fsync(fd);
}

static void
let_go(void)
{
	pthread_mutex_lock(&gate);
	hangs = unread = false;
	pthread_cond_broadcast(&opened);
	pthread_mutex_unlock(&gate);
}

ssize_t
write(int fd, const void *bytes, size_t len)
{
	struct iovec iov = {(void *)(uintptr_t)bytes, len};

	if (full && is_in_sink(fd)) {
		static _Atomic bool more;

		if (len < 40 || more) {
			more = false;
			errno = ENOSPC;
			return -1;
		}
		more = true;
		iov.iov_len = len / 2 - 7;
	}
	return writev(fd, &iov, 1);
}

ssize_t
pread(int fd, void *bytes, size_t len, off_t at)
{
	struct iovec iov = {bytes, len};
	ssize_t n;

	if (unread && is_in_sink(fd))
		hang(&unread);
	n = preadv(fd, &iov, 1, at);

	if (n > 0 && forgets && is_in_sink(fd))
		((uint8_t *)bytes)[n / 2] ^= 1;
	return n;
}

static struct rig r;

static void
setup(void)
{
	rig_start(&r);
}

static void
teardown(void)
{
	full = forgets = false;
	let_go();
	rig_end(&r);
}

static uint64_t
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static void
is_state(enum sink_state_word state)
{
	struct audit_sink_status s;

	audit_sink_status(r.a, &s);
	ck_assert_msg(s.state == (int)state, "%s and not %s: %s", sink_states[s.state],
		sink_states[state], s.text);
}

static void
becomes(enum sink_state_word state)
{
	struct audit_sink_status s;
	uint64_t until = now_ms() + 8000;

	do {
		audit_sink_status(r.a, &s);
		if (s.state == (int)state)
			return;
		(void)usleep(10000);
	} while (now_ms() < until);
	is_state(state);
}

/* Until the newest head is in the sink, which nobody else waits for. */
static void
wait_heads(size_t wanted)
{
	uint64_t until = now_ms() + 5000;
	size_t n;

	do {
		struct buf heads;
		struct trail_text rest, note;

		rig_sink_read(&r, "heads-", &heads);
		rest = (struct trail_text){(const char *)heads.data, heads.len};
		for (n = 0; note_next(&rest, &note) == KERR_OK;)
			n++;
		buf_clear(&heads);
		if (n == wanted)
			return;
		(void)usleep(10000);
	} while (now_ms() < until);
	ck_assert_uint_eq(n, wanted);
}

/* The sink's files agree with each other and with the database. */
static void
is_sound(uint64_t last)
{
	struct buf records, heads, text;
	struct trail t;

	rig_sink_read(&r, "records-", &records);
	rig_sink_read(&r, "heads-", &heads);
	ck_assert_msg(rig_check(records.data, records.len, &heads, &t) == KERR_OK, "%s",
		t.text);
	ck_assert_uint_eq(t.at.seq, last);
	rig_export(&r, &text);
	ck_assert_msg(
		rig_check(text.data, text.len, &heads, &t) == KERR_OK, "%s", t.text);
	buf_clear(&records);
	buf_clear(&heads);
	buf_clear(&text);
}

static void
is_verdict(enum audit_verdict_word verdict)
{
	struct record *v = record_new(r.w.arena, &audit_verify_schema);

	ok(audit_verify(r.a, store_as_reader(r.w.store), v));
	ck_assert_msg(record_int(v, AUDIT_VERIFY_VERDICT) == verdict, "%s: %s",
		record_text(v, AUDIT_VERIFY_VERDICT), record_text(v, AUDIT_VERIFY_TEXT));
	ok(record_check(v, RECORD_ANSWER, &r.fault));
}

START_TEST(records_and_heads_reach_the_sink)
{
	rig_add(&r, 300);
	rig_sink(&r);
	ck_assert(!r.status.unreadable);
	rig_wait(&r);
	rig_head(&r);
	rig_add(&r, 5);
	rig_wait(&r);
	rig_head(&r);
	r.now += 300;
	rig_head(&r);
	wait_heads(3);
	becomes(SINK_IS_WORKING);
	audit_sink_status(r.a, &r.status);
	ck_assert_uint_eq(r.status.seq, 306);
	ck_assert_uint_eq(r.status.lag, 0);
	is_sound(306);
	is_verdict(AUDIT_VERDICT_COMPLETE);
}
END_TEST

START_TEST(the_sink_goes_on_where_it_was_after_a_start)
{
	for (int i = 0; i < 4; i++) {
		rig_sink(&r);
		ck_assert_int_eq(r.status.state, SINK_IS_WORKING);
		rig_add(&r, 3);
		rig_wait(&r);
		rig_head(&r);
		ok(rig_restart(&r));
	}
	rig_sink(&r);
	wait_heads(4);
	is_sound(13);
}
END_TEST

START_TEST(what_was_missed_is_caught_up)
{
	rig_sink(&r);
	rig_add(&r, 3);
	rig_wait(&r);
	audit_sink_stop(r.a);
	for (int i = 0; i < 5; i++) {
		rig_add(&r, 500);
		rig_head(&r);
	}
	rig_sink(&r);
	rig_wait(&r);
	wait_heads(5);
	is_sound(2504);
}
END_TEST

START_TEST(a_sink_that_hangs_stops_nobody)
{
	uint64_t begin;

	rig_sink(&r);
	rig_add(&r, 1);
	rig_wait(&r);
	hangs = true;
	rig_add(&r, 1);
	begin = now_ms();
	ck_assert_int_eq(audit_sink_wait(r.a, audit_seq(r.a), 300), KERR_TIMEOUT);
	ck_assert_uint_ge(now_ms() - begin, 290);
	ck_assert_uint_le(now_ms() - begin, 1000);
	ok(audit_sink_wait(r.a, 2, 0));
	/* changes and heads go on */
	rig_add(&r, 100);
	rig_head(&r);
	becomes(SINK_IS_MISSING);
	audit_sink_status(r.a, &r.status);
	ck_assert_uint_eq(r.status.lag, 101);
	is_verdict(AUDIT_VERDICT_CONSISTENT);
	let_go();
	rig_wait(&r);
	wait_heads(1);
	becomes(SINK_IS_WORKING);
	is_sound(103);
}
END_TEST

START_TEST(a_sink_that_hangs_at_the_start_is_compared_later)
{
	uint64_t begin;

	rig_sink(&r);
	rig_add(&r, 1);
	rig_wait(&r);
	ok(rig_restart(&r));
	unread = true;
	begin = now_ms();
	rig_sink(&r);
	ck_assert_uint_le(now_ms() - begin, 6000);
	ck_assert(r.status.unreadable);
	ck_assert_int_eq(r.status.state, SINK_IS_MISSING);
	ck_assert_str_eq(r.fault.text, "the sink does not answer");
	rig_add(&r, 1);
	let_go();
	rig_wait(&r);
	becomes(SINK_IS_WORKING);
	audit_sink_status(r.a, &r.status);
	ck_assert(!r.status.unreadable);
}
END_TEST

START_TEST(a_thread_that_hangs_is_left_behind)
{
	uint64_t begin = now_ms();

	rig_sink(&r);
	rig_add(&r, 1);
	rig_wait(&r);
	hangs = true;
	rig_add(&r, 1);
	(void)usleep(200000);
	begin = now_ms();
	audit_sink_stop(r.a);
	ck_assert_uint_le(now_ms() - begin, 7000);
	is_state(SINK_IS_MISSING);
	ok(rig_restart(&r));
	let_go();
	/* it ends by itself, and frees what it had: the leak checker looks */
	(void)usleep(500000);
}
END_TEST

START_TEST(a_full_sink_is_caught_up_when_there_is_room)
{
	rig_sink(&r);
	rig_add(&r, 3);
	rig_wait(&r);
	full = true;
	rig_add(&r, 20);
	ck_assert_int_eq(audit_sink_wait(r.a, audit_seq(r.a), 300), KERR_TIMEOUT);
	becomes(SINK_IS_MISSING);
	audit_sink_status(r.a, &r.status);
	ck_assert_ptr_nonnull(strstr(r.status.text, "no room"));
	full = false;
	rig_wait(&r);
	/* a head that was torn, too */
	full = true;
	rig_head(&r);
	becomes(SINK_IS_MISSING);
	full = false;
	wait_heads(1);
	becomes(SINK_IS_WORKING);
	is_sound(24);
	ok(rig_restart(&r));
	rig_sink(&r);
	rig_add(&r, 2);
	rig_wait(&r);
	is_sound(26);
}
END_TEST

START_TEST(what_is_not_read_back_does_not_count)
{
	rig_sink(&r);
	rig_add(&r, 3);
	rig_wait(&r);
	forgets = true;
	rig_add(&r, 1);
	ck_assert_int_eq(audit_sink_wait(r.a, audit_seq(r.a), 300), KERR_TIMEOUT);
	becomes(SINK_IS_MISSING);
	forgets = false;
	rig_wait(&r);
	is_sound(5);
}
END_TEST

START_TEST(a_file_that_was_moved_away_is_begun_anew)
{
	char path[512], away[520];

	rig_sink(&r);
	rig_add(&r, 3);
	rig_wait(&r);
	rig_sink_path(&r, "records-", path);
	(void)snprintf(away, sizeof(away), "%s", path);
	memcpy(strstr(away, "records-"), "rotated-", 8);
	ck_assert_int_eq(rename(path, away), 0);
	rig_add(&r, 3);
	rig_wait(&r);
	is_sound(7);
}
END_TEST

START_TEST(a_sink_of_which_nothing_is_left_is_missing)
{
	struct audit_sink_status s;

	rig_add(&r, 1);
	ok(audit_sink_start(r.a, -1, r.state_fd, &s, &r.fault));
	ck_assert(s.unreadable);
	ck_assert_int_eq(s.state, SINK_IS_MISSING);
	ck_assert_uint_eq(s.lag, 2);
	ck_assert_int_eq(audit_sink_wait(r.a, 1, 2000), KERR_TIMEOUT);
	ck_assert_int_eq(rmdir(r.sink), 0);
	rig_sink(&r);
	ck_assert(r.status.unreadable);
	ck_assert_int_eq(r.status.state, SINK_IS_MISSING);
	ck_assert_int_eq(r.fault.err, KERR_IO);
	audit_sink_stop(r.a);
	ck_assert_int_eq(mkdir(r.sink, 0700), 0);
}
END_TEST

START_TEST(rubbish_in_the_sink_is_unreadable_and_left_alone)
{
	static const char *const names[] = {"records-", "heads-"};
	char path[512];
	uint8_t *bytes;
	size_t len;

	rig_sink(&r);
	rig_add(&r, 3);
	rig_wait(&r);
	rig_head(&r);
	wait_heads(1);
	audit_sink_stop(r.a);
	rig_sink_path(&r, names[_i], path);
	len = world_read(path, &bytes);
	/* the newest line, or the head's hash */
	bytes[_i == 0 ? len - 3 : 70] = _i == 0 ? 'x' : '!';
	world_write(path, bytes, len);
	rig_add(&r, 1);
	rig_sink(&r);
	ck_assert(r.status.unreadable);
	ck_assert_int_eq(r.status.state, SINK_IS_MISSING);
	ck_assert_int_eq(audit_sink_wait(r.a, audit_seq(r.a), 300), KERR_TIMEOUT);
	free(bytes);
	ck_assert_uint_eq(world_read(path, &bytes), len);
	free(bytes);
	/* once a person has moved it away, it is begun anew */
	ck_assert_int_eq(unlink(path), 0);
	becomes(SINK_IS_WORKING);
	rig_wait(&r);
	audit_sink_status(r.a, &r.status);
	ck_assert(!r.status.unreadable);
	wait_heads(1);
	is_sound(5);
}
END_TEST

START_TEST(a_pipe_in_the_place_of_a_file_does_not_hang_the_start)
{
	char path[512];
	uint64_t begin;

	rig_sink(&r);
	rig_add(&r, 1);
	rig_wait(&r);
	audit_sink_stop(r.a);
	rig_sink_path(&r, "records-", path);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	begin = now_ms();
	rig_sink(&r);
	ck_assert_uint_le(now_ms() - begin, 5500);
	ck_assert(r.status.unreadable);
}
END_TEST

START_TEST(a_row_that_was_changed_behind_its_back_does_not_reach_the_sink)
{
	struct buf records;

	rig_add(&r, 5);
	rig_close(&r);
	world_sql(&r.w, "UPDATE audit_record SET line = replace(line, 'anna', 'eve') "
			"WHERE id = 4");
	(void)world_open(&r.w);
	rig_open(&r);
	rig_sink(&r);
	ck_assert_int_eq(audit_sink_wait(r.a, 6, 300), KERR_TIMEOUT);
	becomes(SINK_IS_BEHIND);
	rig_sink_read(&r, "records-", &records);
	ck_assert_ptr_null(memmem(records.data, records.len, "eve", 3));
	buf_clear(&records);
}
END_TEST

START_TEST(the_place_is_said_as_it_is)
{
	rig_sink(&r);
	ck_assert_int_eq(r.status.place, SINK_PLACE_SAME_DISK);
	audit_sink_stop(r.a);
	/* /dev/shm and /proc are not one disk */
	if (strncmp(r.sink, "/dev/shm", 8) == 0) {
		int other = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		struct stat here, there;

		ck_assert_int_eq(fstat(r.sink_fd, &here), 0);
		ck_assert_int_eq(fstat(other, &there), 0);
		ok(audit_sink_start(r.a, r.sink_fd, other, &r.status, &r.fault));
		ck_assert_int_eq(r.status.place, here.st_dev == there.st_dev
							 ? SINK_PLACE_SAME_DISK
							 : SINK_PLACE_SAME_HOST);
		close(other);
	}
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("audit sink");
	TCase *tc = tcase_create("audit sink");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, records_and_heads_reach_the_sink);
	tcase_add_test(tc, the_sink_goes_on_where_it_was_after_a_start);
	tcase_add_test(tc, what_was_missed_is_caught_up);
	tcase_add_test(tc, a_sink_that_hangs_stops_nobody);
	tcase_add_test(tc, a_sink_that_hangs_at_the_start_is_compared_later);
	tcase_add_test(tc, a_thread_that_hangs_is_left_behind);
	tcase_add_test(tc, a_full_sink_is_caught_up_when_there_is_room);
	tcase_add_test(tc, what_is_not_read_back_does_not_count);
	tcase_add_test(tc, a_file_that_was_moved_away_is_begun_anew);
	tcase_add_test(tc, a_sink_of_which_nothing_is_left_is_missing);
	tcase_add_loop_test(tc, rubbish_in_the_sink_is_unreadable_and_left_alone, 0, 2);
	tcase_add_test(tc, a_pipe_in_the_place_of_a_file_does_not_hang_the_start);
	tcase_add_test(
		tc, a_row_that_was_changed_behind_its_back_does_not_reach_the_sink);
	tcase_add_test(tc, the_place_is_said_as_it_is);
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
