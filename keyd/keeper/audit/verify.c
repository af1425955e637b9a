#include "keyd/keeper/audit/sink.h"

#include <inttypes.h>
#include <string.h>

#include "core/model/model.h"
#include "keyd/keeper/audit/sink_list.h"

#define ARENA_MAX ((size_t)64 * 1024 * 1024)
#define TEXT_MAX  400
#define OUTSIDE   64 /* files of heads that are read beside the chain */

struct verify {
	struct audit *audit;
	struct audit_mark committed; /* when it began */
	struct trail trail;
	struct trail_witness witness;
	struct sink_list list;
	struct sink_reading outside[OUTSIDE];
	struct trail_file *files[OUTSIDE];
	bool has_outside;
	const char *remark; /* on the sink; "" */
};

/* The heads of the sink, when it answers. */
static void
open_outside(struct verify *v)
{
	struct audit_sink_status status;
	struct sink *s = v->audit->sink;
	size_t count = 0;

	audit_sink_status(v->audit, &status);
	v->remark = "";
	/* a sink that hangs is not touched by a thread that others wait for */
	if (s == NULL || status.state == SINK_IS_MISSING) {
		v->remark = "; the sink's heads could not be read";
		return;
	}
	if (status.place == SINK_PLACE_SAME_DISK)
		v->remark = "; the sink is on the same disk, and can be put back with it";
	if (sink_list_read(&v->list, s->dir, vault_deployment(v->audit->vault), true) !=
			KERR_OK ||
		v->list.count > OUTSIDE) {
		v->remark = "; the sink's heads could not be read";
		return;
	}
	for (size_t i = 0; i < v->list.count; i++) {
		if (sink_reading_open(&v->outside[count], s->dir, v->list.at[i].segment,
			    true) != KERR_OK)
			continue;
		v->files[count] = v->outside[count].file;
		count++;
	}
	v->witness.files = v->files;
	v->witness.count = count;
	v->has_outside = count > 0;
}

/* What memory knows of the record that was the newest when this began. */
static enum kerr
check_memory(void *with, const struct record *row)
{
	struct verify *v = with;

	(void)row;
	if (v->trail.at.seq != v->committed.seq ||
		memcmp(v->trail.at.hash, v->committed.head, TRAIL_HASH_LEN) == 0)
		return KERR_OK;
	return trail_wrong(&v->trail, v->trail.at.seq,
		"record %" PRIu64 " is not the one that was committed", v->trail.at.seq);
}

static enum kerr
step_outside(void *with, const struct record *row)
{
	struct verify *v = with;

	(void)row;
	return v->has_outside ? trail_witness_step(&v->witness, &v->trail) : KERR_OK;
}

static enum kerr
check_ends(struct verify *v)
{
	struct trail *t = &v->trail;

	if (t->at.seq < v->committed.seq)
		return trail_wrong(t, t->at.seq + 1,
			"the chain ends with record %" PRIu64 ", but record %" PRIu64
			" was committed",
			t->at.seq, v->committed.seq);
	/* what was committed since this began is later than what was read */
	if (v->has_outside && v->witness.seq > audit_seq(v->audit))
		return trail_witness_end(&v->witness, t);
	return KERR_OK;
}

static enum kerr
walk(struct verify *v, struct store_reader *r, struct arena *arena)
{
	const struct rows_walk w = {.reader = r,
		.arena = arena,
		.trail = &v->trail,
		.heads = true,
		.before = step_outside,
		.record = check_memory,
		.with = v};
	enum kerr err = KERR_OK;

	if (v->has_outside)
		err = trail_witness_start(&v->witness, &v->trail);
	if (err == KERR_OK)
		err = store_read_begin(r);
	if (err != KERR_OK)
		return err;
	err = rows_walk(&w);
	store_read_end(r);
	return err == KERR_OK ? check_ends(v) : err;
}

static enum kerr
report(const struct verify *v, struct record *ret)
{
	const struct trail *t = &v->trail;
	struct buf text;
	enum kerr err;

	record_set_int(ret, AUDIT_VERIFY_FIRST, (int64_t)t->first);
	record_set_int(ret, AUDIT_VERIFY_LAST, (int64_t)t->at.seq);
	record_set_int(ret, AUDIT_VERIFY_HEADS, (int64_t)t->heads);
	record_set_int(ret, AUDIT_VERIFY_VERDICT,
		t->wrong != 0         ? AUDIT_VERDICT_BROKEN
		: t->witness.seq != 0 ? AUDIT_VERDICT_COMPLETE
				      : AUDIT_VERDICT_CONSISTENT);
	if (t->wrong != 0)
		record_set_int(ret, AUDIT_VERIFY_AT, (int64_t)t->wrong);
	buf_init(&text, 1024);
	trail_summary(t, &text);
	if (t->wrong == 0)
		buf_put_text(&text, v->remark);
	err = buf_error(&text);
	if (err == KERR_OK)
		err = record_set_bytes(ret, AUDIT_VERIFY_TEXT, text.data,
			text.len < TEXT_MAX ? text.len : TEXT_MAX);
	buf_clear(&text);
	return err;
}

enum kerr
audit_verify(struct audit *a, struct store_reader *r, struct record *ret_verify)
{
	struct verify *v = mem_new(1, sizeof(*v));
	struct arena *arena = arena_new(ARENA_MAX);
	enum kerr err = KERR_NOMEM;

	if (v == NULL || arena == NULL)
		goto out;
	v->audit = a;
	v->trail.begins = 1;
	pthread_mutex_lock(&a->lock);
	v->committed.seq = a->committed.seq;
	memcpy(v->committed.head, a->committed.head, sizeof(v->committed.head));
	pthread_mutex_unlock(&a->lock);
	open_outside(v);
	err = walk(v, r, arena);
	if (err == KERR_OK || (err == KERR_DAMAGED && v->trail.wrong != 0))
		err = report(v, ret_verify);
	for (size_t i = 0; i < OUTSIDE; i++)
		sink_reading_close(&v->outside[i]);
out:
	arena_free(arena);
	mem_free(v);
	return err;
}
