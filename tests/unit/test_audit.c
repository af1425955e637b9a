#include "tests/unit/audit_rig.h"

#include "core/credential.h"
#include "core/text.h"

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

static struct record *
verify(void)
{
	struct record *v = record_new(r.w.arena, &audit_verify_schema);

	ok(audit_verify(r.a, store_as_reader(r.w.store), v));
	return v;
}

static void
is_verdict(enum audit_verdict_word verdict, int64_t at)
{
	struct record *v = verify();

	ck_assert_msg(record_int(v, AUDIT_VERIFY_VERDICT) == verdict &&
			      record_int(v, AUDIT_VERIFY_AT) == at,
		"%s at %" PRId64 ": %s", record_text(v, AUDIT_VERIFY_VERDICT),
		record_int(v, AUDIT_VERIFY_AT), record_text(v, AUDIT_VERIFY_TEXT));
}

static const char *
line_of(int64_t seq)
{
	struct record *row = NULL;

	ok(store_get(
		store_as_reader(r.w.store), TABLE_audit_record, seq, r.w.arena, &row));
	return record_text(row, ROW_AUDIT_RECORD_LINE);
}

static struct record *
parsed(const char *line)
{
	struct record *audit = record_new(r.w.arena, &audit_schema);

	ok(audit_parse(line, strlen(line), audit));
	return audit;
}

START_TEST(the_first_record_begins_a_segment_and_names_its_signer)
{
	struct record *first;

	rig_add(&r, 1);
	ck_assert_uint_eq(audit_seq(r.a), 2);
	first = parsed(line_of(1));
	ck_assert_str_eq(record_text(first, AUDIT_ACTION), "audit.segment");
	ck_assert_ptr_nonnull(strstr(record_text(first, AUDIT_AFTER), "signer="));
	ck_assert_ptr_nonnull(
		strstr(record_text(first, AUDIT_AFTER), vault_deployment(r.w.vault)));
}
END_TEST

START_TEST(what_goes_into_a_line_comes_out_of_it)
{
	struct audit_entry e = rig_entry(6);
	struct record *back;

	e.from = "tab\there, 100 %, line\nend, \xe2\x80\xae turned, \xff byte";
	e.after = "name=caf\xc3\xa9; note=50%25 off%3B really";
	e.approval = "bert";
	ok(store_begin(r.w.store, false));
	ok(audit_append(r.a, &e, r.now));
	ok(store_commit(r.w.store));
	audit_committed(r.a);
	back = parsed(line_of(2));
	ck_assert_int_eq(record_int(back, AUDIT_SEQ), 2);
	ck_assert_int_eq(record_int(back, AUDIT_TIME), RIG_BEGIN);
	ck_assert_str_eq(record_text(back, AUDIT_WHO), "anna");
	ck_assert_str_eq(record_text(back, AUDIT_APPROVAL), "bert");
	ck_assert_str_eq(record_text(back, AUDIT_AFTER), e.after);
	ck_assert_int_eq(record_int(back, AUDIT_OBJECT_ID), 7);
	/* bad bytes are written out; what is hidden is kept, but stands escaped */
	ck_assert_ptr_nonnull(strstr(record_text(back, AUDIT_FROM), "\\xff byte"));
	ck_assert_ptr_null(strchr(line_of(2), '\n'));
	ck_assert_ptr_null(strstr(line_of(2), "\xe2\x80\xae"));
	ok(record_check(back, RECORD_ANSWER, &r.fault));
}
END_TEST

START_TEST(only_what_append_writes_is_read)
{
	static const char *const bad[] = {"", "sequence=1", "who=a\tsequence=1",
		"sequence=1\ttime=2026-11-24T17:00:00Z\twho=a\taction=b\taction=c",
		"sequence=1\ttime=2026-11-24T17:00:00Z\twho=a\taction=b\tcolour=red",
		"sequence=1\ttime=2026-11-24T17:00:00Z\twho=a%zz\taction=b",
		"sequence=1\ttime=2026-11-24T17:00:00Z\twho=a%0a\taction=b",
		"sequence=1\ttime=2026-11-24T17:00:00Z\twho=a%00\taction=b",
		"sequence=1\ttime=2026-11-24T17:00:00Z\twho=a%4\taction=b",
		"sequence=01\ttime=2026-11-24T17:00:00Z\twho=a\taction=b",
		"sequence=-1\ttime=2026-11-24T17:00:00Z\twho=a\taction=b",
		"sequence=1\ttime=yesterday\twho=a\taction=b",
		"sequence=1\ttime=2026-11-24T17:00:00Z\twho=a\taction=b\t",
		"sequence=1\ttime=2026-11-24T17:00:00Z\twho=a\taction=b\thash=00"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct record *audit = record_new(r.w.arena, &audit_schema);

		ck_assert_msg(audit_parse(bad[i], strlen(bad[i]), audit) != KERR_OK, "%s",
			bad[i]);
	}
}
END_TEST

START_TEST(texts_are_cut_to_their_schema_and_required_ones_are_missed)
{
	char longest[5000];
	struct audit_entry e = rig_entry(0);
	struct record *back;

	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	for (size_t i = 0; i + 2 < sizeof(longest); i += 2)
		memcpy(longest + i, "\xc3\xa9", 2);
	e.via = e.from = e.result = e.after = longest;
	ok(store_begin(r.w.store, false));
	ok(audit_append(r.a, &e, r.now));
	e.who = "";
	ck_assert_int_eq(audit_append(r.a, &e, r.now), KERR_INVALID);
	ok(store_commit(r.w.store));
	audit_committed(r.a);
	back = parsed(line_of(2));
	ok(record_check(back, RECORD_ANSWER, &r.fault));
	ck_assert(text_is_utf8(
		record_text(back, AUDIT_AFTER), strlen(record_text(back, AUDIT_AFTER))));
}
END_TEST

START_TEST(a_line_full_of_escapes_still_fits)
{
	char percents[2049];
	struct audit_entry e = rig_entry(0);

	memset(percents, '%', sizeof(percents) - 1);
	percents[2048] = '\0';
	e.before = e.after = e.via = e.from = e.act = e.request = e.result = percents;
	ok(store_begin(r.w.store, false));
	ok(audit_append(r.a, &e, r.now));
	ok(store_commit(r.w.store));
	audit_committed(r.a);
	ck_assert_str_eq(record_text(parsed(line_of(2)), AUDIT_AFTER), percents);
}
END_TEST

START_TEST(what_looks_like_a_secret_is_withheld)
{
	struct secret *s = credential_secret_new();
	struct audit_entry e = rig_entry(0);
	char text[128];

	ck_assert_ptr_nonnull(s);
	(void)snprintf(text, sizeof(text), "%.*s", (int)secret_len(s),
		(const char *)secret_reveal(s));
	e.result = e.from = text;
	ok(store_begin(r.w.store, false));
	ok(audit_append(r.a, &e, r.now));
	ok(store_commit(r.w.store));
	audit_committed(r.a);
	ck_assert_ptr_null(strstr(line_of(2), text));
	ck_assert_ptr_null(strstr(line_of(2), "kds_"));
	secret_free(s);
}
END_TEST

START_TEST(an_undone_operation_leaves_the_chain_as_it_was)
{
	struct audit_entry e = rig_entry(0);
	struct audit_mark mark, before;

	rig_add(&r, 3);
	before = audit_mark(r.a);
	ok(store_begin(r.w.store, false));
	ok(audit_append(r.a, &e, r.now));
	mark = audit_mark(r.a);
	ok(store_save(r.w.store, false));
	ok(audit_append(r.a, &e, r.now));
	ok(audit_append(r.a, &e, r.now));
	store_undo(r.w.store);
	audit_return(r.a, mark);
	ok(store_save(r.w.store, false));
	e.who = "bert";
	ok(audit_append(r.a, &e, r.now));
	ok(store_keep(r.w.store));
	ok(store_commit(r.w.store));
	audit_committed(r.a);
	ck_assert_uint_eq(audit_seq(r.a), before.seq + 2);
	ck_assert_str_eq(record_text(parsed(line_of(6)), AUDIT_WHO), "bert");
	/* MACs of what is behind the head hold as well: a start looks at them */
	ok(rig_restart(&r));
	ok(audit_damage(r.a, &r.fault));
	is_verdict(AUDIT_VERDICT_CONSISTENT, 0);
}
END_TEST

START_TEST(a_dropped_group_leaves_the_chain_as_it_was)
{
	struct audit_entry e = rig_entry(0);
	struct audit_mark before, after;

	/* of the very first record as well */
	ok(store_begin(r.w.store, false));
	ok(audit_append(r.a, &e, r.now));
	store_rollback(r.w.store);
	audit_dropped(r.a);
	ck_assert_uint_eq(audit_seq(r.a), 0);
	rig_add(&r, 3);
	before = audit_mark(r.a);
	ok(store_begin(r.w.store, false));
	ok(audit_append(r.a, &e, r.now));
	store_rollback(r.w.store);
	audit_dropped(r.a);
	after = audit_mark(r.a);
	ck_assert_mem_eq(&before, &after, sizeof(before));
	rig_add(&r, 1);
	ok(rig_restart(&r));
	ok(audit_damage(r.a, &r.fault));
	is_verdict(AUDIT_VERDICT_CONSISTENT, 0);
}
END_TEST

START_TEST(the_chain_goes_on_after_each_start)
{
	for (int i = 0; i < 6; i++) {
		rig_add(&r, 2);
		if (i % 2 == 1)
			rig_head(&r);
		r.now += 70;
		ok(rig_restart(&r));
		ok(audit_damage(r.a, &r.fault));
	}
	ck_assert_uint_eq(audit_seq(r.a), 13);
	is_verdict(AUDIT_VERDICT_CONSISTENT, 0);
	ck_assert_int_eq(record_int(verify(), AUDIT_VERIFY_HEADS), 3);
}
END_TEST

START_TEST(heads_are_due_by_number_and_by_time)
{
	ck_assert(!audit_head_due(r.a, r.now));
	rig_add(&r, 1);
	rig_head(&r);
	ck_assert(!audit_head_due(r.a, r.now + 59));
	ck_assert(!audit_head_due(r.a, r.now + 299));
	ck_assert(audit_head_due(r.a, r.now + 300));
	rig_add(&r, 1);
	ck_assert(!audit_head_due(r.a, r.now + 59));
	ck_assert(audit_head_due(r.a, r.now + 60));
	rig_add(&r, 999);
	ck_assert(audit_head_due(r.a, r.now));
	rig_head(&r);
	ck_assert(!audit_head_due(r.a, r.now));
	/* nothing new: the head is for the sink, and due again in five minutes */
	r.now += 300;
	rig_head(&r);
	ck_assert(!audit_head_due(r.a, r.now + 299));
	ck_assert(audit_head_due(r.a, r.now + 300));
	is_verdict(AUDIT_VERDICT_CONSISTENT, 0);
}
END_TEST

START_TEST(a_head_that_was_not_published_is_at_the_next_one)
{
	rig_add(&r, 2);
	rig_head(&r);
	rig_add(&r, 2);
	/* signed, and its signer gone; the transaction comes to nothing, and keyd ends */
	ok(store_begin(r.w.store, true));
	ok(audit_head_sign(r.a, r.now));
	store_rollback(r.w.store);
	if (_i == 0)
		audit_dropped(r.a);
	else
		ok(rig_restart(&r));
	ok(audit_damage(r.a, &r.fault));
	ck_assert(audit_head_due(r.a, r.now));
	rig_add(&r, 2);
	ok(rig_restart(&r));
	ok(audit_damage(r.a, &r.fault));
	rig_head(&r);
	rig_head(&r);
	is_verdict(AUDIT_VERDICT_CONSISTENT, 0);
	ck_assert_int_eq(record_int(verify(), AUDIT_VERIFY_HEADS), 3);
}
END_TEST

START_TEST(a_signer_survives_a_crash_at_each_write_of_its_file)
{
	uint8_t *before, *after;
	char path[256];

	(void)snprintf(path, sizeof(path), "%s/audit-signer", r.w.directory);
	rig_add(&r, 2);
	ck_assert_uint_eq(world_read(path, &before), 4096);
	ok(store_begin(r.w.store, true));
	ok(audit_head_sign(r.a, r.now));
	store_rollback(r.w.store);
	ck_assert_uint_eq(world_read(path, &after), 4096);
	rig_close(&r);
	/* the successor's slot came to nothing, was torn, is there beside the former */
	if (_i == 1)
		memcpy(before, after, 100);
	if (_i == 2)
		memcpy(before, after, 2048);
	world_write(path, before, 4096);
	ok(world_open(&r.w));
	rig_open(&r);
	ok(audit_damage(r.a, &r.fault));
	rig_add(&r, 1);
	rig_head(&r);
	rig_head(&r);
	ok(rig_restart(&r));
	ok(audit_damage(r.a, &r.fault));
	is_verdict(AUDIT_VERDICT_CONSISTENT, 0);
	ck_assert_int_eq(record_int(verify(), AUDIT_VERIFY_HEADS), _i == 2 ? 2 : 1);
	ck_assert_ptr_null(strstr(record_text(verify(), AUDIT_VERIFY_TEXT), "replaced"));
	free(before);
	free(after);
}
END_TEST

START_TEST(a_head_is_not_signed_over_what_is_not_committed)
{
	struct audit_entry e = rig_entry(0);

	rig_add(&r, 1);
	ok(store_begin(r.w.store, false));
	ok(audit_append(r.a, &e, r.now));
	ck_assert_int_eq(audit_head_sign(r.a, r.now), KERR_CONFLICT);
	store_rollback(r.w.store);
	audit_dropped(r.a);
	is_verdict(AUDIT_VERDICT_CONSISTENT, 0);
}
END_TEST

START_TEST(a_lost_signer_is_replaced_and_that_is_seen)
{
	rig_add(&r, 2);
	rig_head(&r);
	rig_add(&r, 2);
	audit_close(r.a);
	ck_assert_int_eq(unlinkat(r.state_fd, "audit-signer", 0), 0);
	rig_open(&r);
	ck_assert(audit_head_due(r.a, r.now));
	rig_head(&r);
	rig_head(&r);
	rig_add(&r, 2);
	ok(rig_restart(&r));
	ok(audit_damage(r.a, &r.fault));
	is_verdict(AUDIT_VERDICT_CONSISTENT, 0);
	ck_assert_ptr_nonnull(strstr(record_text(verify(), AUDIT_VERIFY_TEXT),
		"replaced a signer that was lost"));
}
END_TEST

START_TEST(a_signer_is_forgotten_before_its_head_is_published)
{
	uint8_t *before, *after;
	char path[256];
	size_t len;

	rig_add(&r, 1);
	(void)snprintf(path, sizeof(path), "%s/audit-signer", r.w.directory);
	len = world_read(path, &before);
	rig_head(&r);
	ck_assert_uint_ge(world_read(path, &after), len);
	/* one slot holds the successor, the other nothing at all */
	for (size_t slot = 0; slot < 2; slot++) {
		bool blank = true;

		for (size_t i = 0; i < 2048; i++)
			blank = blank && after[slot * 2048 + i] == 0;
		ck_assert_int_eq(blank, slot == 1);
	}
	free(before);
	free(after);
}
END_TEST

START_TEST(changed_rows_are_found_at_the_start_and_by_verification)
{
	static const struct {
		const char *sql;
		int64_t at;
	} tries[] = {{"UPDATE audit_record SET line = replace(line, 'anna', 'bert') "
		      "WHERE id = 3",
			     3},
		{"UPDATE audit_record SET hash = zeroblob(32) WHERE id = 3", 3},
		{"DELETE FROM audit_record WHERE id = 3", 3},
		{"DELETE FROM audit_record WHERE id = 6", 6},
		{"DELETE FROM audit_record WHERE id < 4", 1},
		{"UPDATE audit_record SET id = 30 WHERE id = 3; UPDATE audit_record "
		 "SET id = 3 WHERE id = 4; UPDATE audit_record SET id = 4 WHERE id = 30",
			3},
		{"INSERT INTO audit_record SELECT 7, line, hash, mac FROM audit_record "
		 "WHERE id = 6",
			6},
		{"UPDATE audit_head SET note = replace(note, 'next ', 'next A')", 4},
		{"UPDATE audit_head SET seq = 2", 3}};

	rig_add(&r, 3);
	rig_head(&r);
	rig_add(&r, 2);
	audit_close(r.a);
	world_close(&r.w);
	world_sql(&r.w, tries[_i].sql);
	(void)world_open(&r.w);
	rig_open(&r);
	if (tries[_i].at > 4)
		ck_assert_int_eq(audit_damage(r.a, &r.fault), KERR_DAMAGED);
	is_verdict(AUDIT_VERDICT_BROKEN, tries[_i].at);
	/* and nothing that is there is written over */
	rig_add(&r, 1);
	is_verdict(AUDIT_VERDICT_BROKEN, tries[_i].at);
}
END_TEST

START_TEST(a_tail_that_was_written_anew_has_no_macs)
{
	char sql[1024], hex[65];
	uint8_t hash[32], former[32];
	struct record *row = NULL;
	struct trail_text line;

	/* the last record is another one, rightly hashed, as one could who has the file
	 */
	rig_add(&r, 3);
	ok(store_get(store_as_reader(r.w.store), TABLE_audit_record, 3, r.w.arena, &row));
	memcpy(former, record_bytes(row, ROW_AUDIT_RECORD_HASH, &line.len), 32);
	line.p = "sequence=4\ttime=2027-01-15T08:00:00Z\twho=bert\taction=b\tobject=c";
	line.len = strlen(line.p);
	trail_hash(former, line, hash);
	trail_hex(hash, hex);
	(void)snprintf(sql, sizeof(sql),
		"UPDATE audit_record SET line = '%s', hash = x'%s' WHERE id = 4", line.p,
		hex);
	rig_close(&r);
	world_sql(&r.w, sql);
	(void)world_open(&r.w);
	rig_open(&r);
	ck_assert_int_eq(audit_damage(r.a, &r.fault), KERR_DAMAGED);
}
END_TEST

START_TEST(a_new_segment_names_what_was_before_it)
{
	struct audit_mark old, seen = {.seq = 700};
	struct buf text;
	struct trail t;

	memset(seen.head, 7, sizeof(seen.head));
	rig_add(&r, 3);
	rig_head(&r);
	old = audit_mark(r.a);
	ok(store_begin(r.w.store, false));
	ok(audit_new_segment(r.a, old, seen, r.now));
	store_rollback(r.w.store);
	audit_dropped(r.a);
	ck_assert_uint_eq(audit_mark(r.a).seq, 4);
	rig_add(&r, 1);
	old = audit_mark(r.a);
	ok(store_begin(r.w.store, false));
	ok(audit_new_segment(r.a, old, seen, r.now));
	ok(store_commit(r.w.store));
	audit_committed(r.a);
	ck_assert_uint_eq(audit_seq(r.a), 701);
	rig_add(&r, 2);
	ok(rig_restart(&r));
	ok(audit_damage(r.a, &r.fault));
	rig_head(&r);
	rig_add(&r, 1);
	is_verdict(AUDIT_VERDICT_CONSISTENT, 0);
	rig_export(&r, &text);
	ok(rig_check(text.data, text.len, NULL, &t));
	ck_assert_uint_eq(t.segments, 2);
	ck_assert_uint_eq(t.at.seq, 704);
	buf_clear(&text);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("audit");
	TCase *tc = tcase_create("audit");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, the_first_record_begins_a_segment_and_names_its_signer);
	tcase_add_test(tc, what_goes_into_a_line_comes_out_of_it);
	tcase_add_test(tc, only_what_append_writes_is_read);
	tcase_add_test(tc, texts_are_cut_to_their_schema_and_required_ones_are_missed);
	tcase_add_test(tc, a_line_full_of_escapes_still_fits);
	tcase_add_test(tc, what_looks_like_a_secret_is_withheld);
	tcase_add_test(tc, an_undone_operation_leaves_the_chain_as_it_was);
	tcase_add_test(tc, a_dropped_group_leaves_the_chain_as_it_was);
	tcase_add_test(tc, the_chain_goes_on_after_each_start);
	tcase_add_test(tc, heads_are_due_by_number_and_by_time);
	tcase_add_loop_test(tc, a_head_that_was_not_published_is_at_the_next_one, 0, 2);
	tcase_add_loop_test(
		tc, a_signer_survives_a_crash_at_each_write_of_its_file, 0, 3);
	tcase_add_test(tc, a_head_is_not_signed_over_what_is_not_committed);
	tcase_add_test(tc, a_lost_signer_is_replaced_and_that_is_seen);
	tcase_add_test(tc, a_signer_is_forgotten_before_its_head_is_published);
	tcase_add_loop_test(
		tc, changed_rows_are_found_at_the_start_and_by_verification, 0, 9);
	tcase_add_test(tc, a_tail_that_was_written_anew_has_no_macs);
	tcase_add_test(tc, a_new_segment_names_what_was_before_it);
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
