#include "tests/unit/audit_rig.h"

/* An export of a chain of two segments, and what was done to it. The pieces: the header,
 * then records and heads. */

#define PIECES_MAX 64

static struct rig r;
static struct buf text;  /* the export */
static struct buf heads; /* of the sink, first segment */
static struct {
	size_t at, len;
	uint64_t seq; /* record, or the record that the head names */
	bool head;
} pieces[PIECES_MAX];
static size_t count;

static void
cut_into_pieces(void)
{
	size_t at = 0;
	uint64_t seq = 0;

	count = 0;
	while (at < text.len) {
		const char *p = (const char *)text.data + at;
		const char *end;

		ck_assert_uint_lt(count, PIECES_MAX);
		pieces[count].head = strncmp(p, "keyd audit ", 11) == 0;
		if (pieces[count].head) {
			end = strstr(strstr(p, "\n\n") + 2, "\n\n") + 2;
		} else {
			end = strchr(p, '\n') + 1;
			if (count > 0)
				seq++;
		}
		pieces[count].at = at;
		pieces[count].len = (size_t)(end - p);
		pieces[count].seq = seq;
		at += pieces[count].len;
		count++;
	}
}

static void
setup(void)
{
	struct audit_mark old, seen = {.seq = 9};

	rig_start(&r);
	rig_sink(&r);
	rig_add(&r, 3);
	rig_head(&r);
	r.now += 300;
	rig_head(&r); /* nothing happened */
	rig_add(&r, 2);
	rig_head(&r);
	rig_add(&r, 3);
	rig_wait(&r);
	rig_head(&r);
	/* heads are behind their records */
	audit_sink_stop(r.a);
	rig_sink_read(&r, "heads-", &heads);
	old = audit_mark(r.a);
	memcpy(seen.head, old.head, sizeof(seen.head));
	ok(store_begin(r.w.store, false));
	ok(audit_new_segment(r.a, old, seen, r.now));
	ok(store_commit(r.w.store));
	audit_committed(r.a);
	rig_add(&r, 2);
	rig_head(&r);
	rig_add(&r, 1);
	rig_export(&r, &text);
	(void)buf_text(&text);
	cut_into_pieces();
}

static void
teardown(void)
{
	buf_clear(&text);
	buf_clear(&heads);
	rig_end(&r);
}

static void
is_wrong(enum kerr err, const struct trail *t, uint64_t from, uint64_t to,
	const char *what, size_t i)
{
	ck_assert_msg(err == KERR_DAMAGED && t->wrong >= from && t->wrong <= to,
		"%s %zu: %s, record %" PRIu64 " and not %" PRIu64 "–%" PRIu64 ": %s",
		what, i, kerr_name(err), t->wrong, from, to, t->text);
	ck_assert(t->text[0] != '\0');
}

START_TEST(a_sound_export_is_consistent_and_with_heads_complete)
{
	struct trail t;

	ok(rig_check(text.data, text.len, NULL, &t));
	ck_assert_uint_eq(t.first, 1);
	ck_assert_uint_eq(t.at.seq, 13);
	ck_assert_uint_eq(t.heads, 4);
	ck_assert_uint_eq(t.witness.seq, 0);
	ok(rig_check(text.data, text.len, &heads, &t));
	ck_assert_uint_eq(t.witness.seq, 9);
	ck_assert_uint_eq(t.outside, 4);
}
END_TEST

START_TEST(every_flipped_bit_is_found_and_named)
{
	struct trail t;

	for (size_t i = 0; i < count; i++) {
		for (size_t bit = 0; bit < 8 * pieces[i].len; bit++) {
			uint8_t *at = text.data + pieces[i].at + bit / 8;
			enum kerr err;

			*at ^= (uint8_t)(1 << bit % 8);
			err = rig_check(text.data, text.len, NULL, &t);
			*at ^= (uint8_t)(1 << bit % 8);
			/* a head may be taken for what follows its record */
			is_wrong(err, &t, i == 0 ? 1 : pieces[i].seq,
				i == 0 ? UINT64_MAX : pieces[i].seq + pieces[i].head,
				"bit", 1000000 * i + bit);
		}
	}
}
END_TEST

START_TEST(every_flipped_bit_of_the_heads_from_outside_is_found)
{
	struct trail t;

	for (size_t bit = 0; bit < 8 * heads.len; bit++) {
		enum kerr err;

		heads.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		err = rig_check(text.data, text.len, &heads, &t);
		heads.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		is_wrong(err, &t, 1, UINT64_MAX, "bit", bit);
	}
}
END_TEST

/* The export without piece i. */
static void
drop(struct buf *out, size_t i)
{
	buf_init(out, text.len * 2);
	buf_put(out, text.data, pieces[i].at);
	buf_put(out, text.data + pieces[i].at + pieces[i].len,
		text.len - pieces[i].at - pieces[i].len);
}

START_TEST(every_dropped_piece_is_found_and_named)
{
	for (size_t i = 1; i < count; i++) {
		struct buf less;
		struct trail t;

		drop(&less, i);
		/* a head is missed where the next one was not signed by its successor,
		 * or, the last one, where the header's count is not reached */
		is_wrong(rig_check(less.data, less.len, NULL, &t), &t,
			pieces[i].head && pieces[i].seq > 9 ? 9 : pieces[i].seq,
			pieces[i].head ? pieces[i].seq + 3 : pieces[i].seq, "piece", i);
		buf_clear(&less);
	}
}
END_TEST

START_TEST(every_doubled_piece_is_found_and_named)
{
	for (size_t i = 0; i < count; i++) {
		struct buf more;
		struct trail t;

		buf_init(&more, text.len * 2);
		buf_put(&more, text.data, pieces[i].at + pieces[i].len);
		buf_put(&more, text.data + pieces[i].at, text.len - pieces[i].at);
		is_wrong(rig_check(more.data, more.len, NULL, &t), &t,
			i == 0 ? 1 : pieces[i].seq, i == 0 ? 1 : pieces[i].seq, "piece",
			i);
		buf_clear(&more);
	}
}
END_TEST

START_TEST(every_moved_record_is_found_and_named)
{
	for (size_t i = 1; i < count; i++) {
		for (size_t to = 1; to < count; to++) {
			struct buf moved, less;
			struct trail t;
			size_t at = pieces[to].at;
			char name[32];

			if (to == i || to == i + 1 || pieces[i].head)
				continue;
			drop(&less, i);
			if (to > i)
				at -= pieces[i].len;
			buf_init(&moved, text.len * 2);
			buf_put(&moved, less.data, at);
			buf_put(&moved, text.data + pieces[i].at, pieces[i].len);
			buf_put(&moved, less.data + at, less.len - at);
			is_wrong(rig_check(moved.data, moved.len, NULL, &t), &t, 1,
				UINT64_MAX, "piece", i);
			/* the sentence names it, or the head that stands wrongly now */
			(void)snprintf(
				name, sizeof(name), "record %" PRIu64, pieces[i].seq);
			ck_assert_msg(strstr(t.text, name) != NULL || t.wrong <= 9,
				"piece %zu to %zu: %s", i, to, t.text);
			buf_clear(&less);
			buf_clear(&moved);
		}
	}
}
END_TEST

START_TEST(a_cut_end_is_found_by_heads_from_outside)
{
	struct trail_header h = {.first = 1};

	memcpy(h.deployment, vault_deployment(r.w.vault), sizeof(h.deployment));
	/* and the header made to fit, so that nothing inside tells */
	for (size_t i = 2; i < count && pieces[i - 1].seq < 9; i++) {
		struct buf less;
		struct trail t;

		h.last = pieces[i - 1].seq;
		h.heads = 0;
		for (size_t k = 0; k < i; k++)
			h.heads += pieces[k].head;
		buf_init(&less, text.len * 2);
		trail_put_header(&less, &h);
		buf_put(&less, text.data + pieces[1].at, pieces[i].at - pieces[1].at);
		ok(rig_check(less.data, less.len, NULL, &t));
		ck_assert_uint_eq(t.witness.seq, 0);
		is_wrong(rig_check(less.data, less.len, &heads, &t), &t, h.last + 1,
			h.last + 1, "piece", i);
		buf_clear(&less);
		/* with the header as it was, that tells */
		is_wrong(rig_check(text.data, pieces[i].at, NULL, &t), &t,
			pieces[i - 1].seq + 1, pieces[i - 1].seq + 1, "cut", i);
	}
}
END_TEST

START_TEST(any_cut_of_the_text_is_found)
{
	for (size_t len = 0; len < text.len; len++) {
		struct trail t;

		is_wrong(rig_check(text.data, len, NULL, &t), &t, 1, UINT64_MAX, "length",
			len);
	}
}
END_TEST

START_TEST(records_and_heads_of_the_sink_are_verified_without_an_export)
{
	struct buf records;
	struct trail t;
	char path[512];

	/* two segments are there: the older one */
	(void)snprintf(path, sizeof(path), "records-%s.1.", vault_deployment(r.w.vault));
	rig_sink_read(&r, path, &records);
	ok(rig_check(records.data, records.len, NULL, &t));
	ck_assert_uint_eq(t.at.seq, 9);
	ok(rig_check(records.data, records.len, &heads, &t));
	ck_assert_uint_eq(t.heads, 4);
	ck_assert_uint_eq(t.witness.seq, 9);
	records.data[records.len / 2] ^= 1;
	ck_assert_int_eq(rig_check(records.data, records.len, &heads, &t), KERR_DAMAGED);
	buf_clear(&records);
}
END_TEST

START_TEST(another_history_does_not_agree_with_heads_from_outside)
{
	struct buf other;
	struct trail t;
	struct rig forger;

	/* a whole chain, rightly made, but not the one that the sink saw */
	rig_start(&forger);
	rig_add(&forger, 9);
	rig_head(&forger);
	rig_export(&forger, &other);
	ok(rig_check(other.data, other.len, NULL, &t));
	is_wrong(rig_check(other.data, other.len, &heads, &t), &t, 1, 9, "chain", 0);
	buf_clear(&other);
	rig_end(&forger);
}
END_TEST

START_TEST(rubbish_is_refused)
{
	static const char *const bad[] = {"", "\n", "~\n", "~\n\n", "keyd audit ",
		"keyd-audit-export 1\n", "keyd-audit-export 1\t\n", "sequence=1\n",
		"keyd audit x\n\n\n\n", "keyd audit x\n1\n\n\xe2\x80\x94 a b\n\n",
		"\t\t=\n", "hash=\n", "=\thash=\n"};
	struct buf noise;
	struct trail t;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		is_wrong(
			rig_check(bad[i], strlen(bad[i]), NULL, &t), &t, 1, 1, "text", i);
	buf_init(&noise, 1 << 20);
	for (size_t i = 0; i < 100000; i++)
		buf_put_u8(&noise, (uint8_t)(i * 2654435761u >> 13));
	is_wrong(rig_check(noise.data, noise.len, NULL, &t), &t, 1, 1, "noise", 0);
	is_wrong(rig_check(text.data, text.len, &noise, &t), &t, 1, 1, "noise", 1);
	buf_clear(&noise);
}
END_TEST

/* Where the head begins that the byte before `at` belongs to. */
static size_t
head_before(size_t at)
{
	struct trail_text rest = {(const char *)heads.data, heads.len}, note;
	size_t begin = 0;

	while (note_next(&rest, &note) == KERR_OK) {
		size_t end = heads.len - rest.len;

		if (at < end)
			return begin;
		begin = end;
	}
	return begin;
}

START_TEST(a_broken_write_that_was_closed_is_passed_over)
{
	struct buf torn;
	struct trail t;
	struct buf records;
	char path[512];

	(void)snprintf(path, sizeof(path), "records-%s.1.", vault_deployment(r.w.vault));
	rig_sink_read(&r, path, &records);
	buf_init(&torn, text.len * 2);
	buf_put(&torn, records.data, records.len);
	buf_put_text(&torn, "sequence=10\ttime=20~\n");
	ok(rig_check(torn.data, torn.len, NULL, &t));
	buf_put_text(&torn, "sequence=10\ttime=20");
	is_wrong(rig_check(torn.data, torn.len, NULL, &t), &t, 10, 10, "torn", 0);
	buf_clear(&torn);
	for (size_t cut = 1; cut < heads.len; cut++) {
		size_t begin = head_before(cut);
		enum kerr err;

		if (begin == cut)
			continue;
		buf_init(&torn, heads.len * 2 + 10);
		buf_put(&torn, heads.data, cut);
		buf_put_text(&torn, "\n~\n\n");
		buf_put(&torn, heads.data + begin, heads.len - begin);
		err = rig_check(text.data, text.len, &torn, &t);
		ck_assert_msg(err == KERR_OK, "cut at %zu: %s\n%.*s", cut, t.text,
			(int)torn.len, torn.data);
		ck_assert_uint_eq(t.outside, 4);
		buf_clear(&torn);
	}
	buf_clear(&records);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("audit trail");
	TCase *tc = tcase_create("audit trail");

	tcase_add_unchecked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 110);
	tcase_add_test(tc, a_sound_export_is_consistent_and_with_heads_complete);
	tcase_add_test(tc, every_flipped_bit_is_found_and_named);
	tcase_add_test(tc, every_flipped_bit_of_the_heads_from_outside_is_found);
	tcase_add_test(tc, every_dropped_piece_is_found_and_named);
	tcase_add_test(tc, every_doubled_piece_is_found_and_named);
	tcase_add_test(tc, every_moved_record_is_found_and_named);
	tcase_add_test(tc, a_cut_end_is_found_by_heads_from_outside);
	tcase_add_test(tc, any_cut_of_the_text_is_found);
	tcase_add_test(tc, records_and_heads_of_the_sink_are_verified_without_an_export);
	tcase_add_test(tc, another_history_does_not_agree_with_heads_from_outside);
	tcase_add_test(tc, rubbish_is_refused);
	tcase_add_test(tc, a_broken_write_that_was_closed_is_passed_over);
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
