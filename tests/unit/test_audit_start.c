#include "tests/unit/audit_rig.h"

#include <time.h>

/* What the sink tells of a database that was put back, and what a restore takes from it.
 */

static struct rig r;

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

/* Heads reach the sink a moment later. */
static void
is_verdict(enum audit_verdict_word verdict)
{
	uint64_t until = now_ms() + 5000;
	struct record *v;

	do {
		v = record_new(r.w.arena, &audit_verify_schema);
		ok(audit_verify(r.a, store_as_reader(r.w.store), v));
		if (record_int(v, AUDIT_VERIFY_VERDICT) == (int)verdict)
			return;
		(void)usleep(20000);
	} while (now_ms() < until);
	ck_abort_msg("%s: %s", record_text(v, AUDIT_VERIFY_VERDICT),
		record_text(v, AUDIT_VERIFY_TEXT));
}

/* Puts the database back to what it was `behind` records ago. */
static void
put_back(uint64_t behind, bool with_head)
{
	char old[200], wal[200];

	(void)snprintf(old, sizeof(old), "%s.old", r.w.file);
	(void)snprintf(wal, sizeof(wal), "%s-wal", r.w.file);
	rig_sink(&r);
	rig_add(&r, 3);
	rig_wait(&r);
	rig_close(&r);
	world_copy(r.w.file, old);
	(void)world_open(&r.w);
	rig_open(&r);
	rig_sink(&r);
	rig_add(&r, behind);
	rig_wait(&r);
	if (with_head) {
		rig_head(&r);
		wait_heads(1);
	}
	rig_close(&r);
	world_copy(old, r.w.file);
	ck_assert_int_eq(unlink(old), 0);
	(void)unlink(wal);
	ok(world_open(&r.w));
	rig_open(&r);
}

START_TEST(a_database_that_was_put_back_is_noticed)
{
	put_back(4, _i == 1);
	/* by itself it is sound, but for the signer, when that went on */
	ok(audit_damage(r.a, &r.fault));
	rig_sink(&r);
	ck_assert_int_eq(r.status.state, SINK_IS_AHEAD);
	ck_assert(!r.status.unreadable);
	ck_assert_ptr_nonnull(strstr(r.fault.text, "ahead"));
	rig_add(&r, 1);
	ck_assert_int_eq(audit_sink_wait(r.a, audit_seq(r.a), 200), KERR_TIMEOUT);
	if (_i == 1)
		is_verdict(AUDIT_VERDICT_BROKEN);
}
END_TEST

START_TEST(another_record_at_the_same_number_is_noticed)
{
	put_back(4, false);
	r.now += 1;
	rig_add(&r, 4 + (unsigned)_i);
	rig_sink(&r);
	ck_assert_int_eq(r.status.state, SINK_IS_AHEAD);
	ck_assert_ptr_nonnull(strstr(r.fault.text, "another record 8"));
}
END_TEST

START_TEST(a_new_segment_is_written_beside_what_was_ahead)
{
	struct audit_mark newest;
	int64_t time = 0;
	struct audit_replay how = {
		.deployment = vault_deployment(r.w.vault), .arena = arena_new(1 << 20)};
	struct buf heads, text;
	struct trail t;
	char name[128];

	put_back(4, true);
	rig_sink(&r);
	ck_assert_int_eq(r.status.state, SINK_IS_AHEAD);
	how.after_seq = 100;
	ok(audit_sink_replay(r.sink_fd, &how, &time, &newest));
	ck_assert_uint_eq(newest.seq, 8);
	ok(store_begin(r.w.store, false));
	ok(audit_new_segment(r.a, audit_mark(r.a), newest, r.now));
	ok(store_commit(r.w.store));
	audit_committed(r.a);
	ck_assert_uint_eq(audit_seq(r.a), 9);
	rig_wait(&r);
	becomes(SINK_IS_WORKING);
	rig_add(&r, 2);
	rig_wait(&r);
	rig_head(&r);
	is_verdict(AUDIT_VERDICT_COMPLETE);
	ok(rig_restart(&r));
	ok(audit_damage(r.a, &r.fault));
	rig_sink(&r);
	ck_assert_int_eq(r.status.state, SINK_IS_WORKING);
	/* the old segment's heads, behind its end, agree as well */
	(void)snprintf(name, sizeof(name), "heads-%s.1.", vault_deployment(r.w.vault));
	rig_sink_read(&r, name, &heads);
	rig_export(&r, &text);
	ck_assert_msg(
		rig_check(text.data, text.len, &heads, &t) == KERR_OK, "%s", t.text);
	buf_clear(&heads);
	buf_clear(&text);
	arena_free(how.arena);
}
END_TEST

struct replayed {
	uint64_t count, first, last;
	bool stops;
};

static enum kerr
count_record(void *with, const struct record *audit)
{
	struct replayed *p = with;

	if (p->count++ == 0)
		p->first = (uint64_t)record_int(audit, AUDIT_SEQ);
	p->last = (uint64_t)record_int(audit, AUDIT_SEQ);
	return p->stops ? KERR_FULL : KERR_OK;
}

START_TEST(the_sink_is_replayed_from_a_number_on)
{
	struct replayed got = {.count = 0};
	struct audit_replay how = {.deployment = vault_deployment(r.w.vault),
		.after_seq = 4,
		.arena = arena_new(1 << 20),
		.each = count_record,
		.with = &got};
	struct audit_mark newest;
	int64_t time = 0;
	char path[512];
	uint8_t *bytes;
	size_t len;

	ck_assert_int_eq(
		audit_sink_replay(r.sink_fd, &how, &time, &newest), KERR_NOTFOUND);
	rig_sink(&r);
	rig_add(&r, 9);
	rig_wait(&r);
	r.now += 120;
	rig_head(&r);
	wait_heads(1);
	audit_sink_stop(r.a);
	ok(audit_sink_replay(r.sink_fd, &how, &time, &newest));
	ck_assert_uint_eq(got.count, 6);
	ck_assert_uint_eq(got.first, 5);
	ck_assert_uint_eq(got.last, 10);
	ck_assert_uint_eq(newest.seq, 10);
	ck_assert_int_eq(time, RIG_BEGIN + 120);
	got.stops = true;
	ck_assert_int_eq(audit_sink_replay(r.sink_fd, &how, &time, &newest), KERR_FULL);
	got = (struct replayed){.count = 0};
	/* of another deployment there is nothing */
	how.deployment = "00000000000000000000000000000000";
	ck_assert_int_eq(
		audit_sink_replay(r.sink_fd, &how, &time, &newest), KERR_NOTFOUND);
	how.deployment = vault_deployment(r.w.vault);
	rig_sink_path(&r, "records-", path);
	len = world_read(path, &bytes);
	bytes[len - 200] ^= 1;
	world_write(path, bytes, len);
	ck_assert_int_eq(
		audit_sink_replay(r.sink_fd, &how, &time, &newest), KERR_DAMAGED);
	ck_assert_uint_eq(got.last, 9);
	free(bytes);
	arena_free(how.arena);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("audit start");
	TCase *tc = tcase_create("audit start");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, a_database_that_was_put_back_is_noticed, 0, 2);
	tcase_add_loop_test(tc, another_record_at_the_same_number_is_noticed, 0, 2);
	tcase_add_test(tc, a_new_segment_is_written_beside_what_was_ahead);
	tcase_add_test(tc, the_sink_is_replayed_from_a_number_on);
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
