#include "keyd/keeper/audit/sink.h"

#include <inttypes.h>
#include <string.h>

#define PAGE_RECORDS 200
#define PAGE_HEADS   32

_Static_assert(
	SINK_OUT_MAX > (size_t)PAGE_RECORDS * (TRAIL_LINE_MAX + TRAIL_HASH_TEXT + 1),
	"a page fits");

/* A page of records as it will stand in the file. */
struct page {
	struct sink *sink;
	struct chain_place at;
	enum kerr err;
};

/* What is written must chain to what is there: a row that was changed behind keyd's back
 * does not reach the sink. */
static enum kerr
add_record(void *with, struct record *row)
{
	struct page *p = with;
	uint8_t hash[TRAIL_HASH_LEN], stored[TRAIL_HASH_LEN];
	struct trail_text line;

	line.p = (const char *)record_bytes(row, ROW_AUDIT_RECORD_LINE, &line.len);
	p->err = rows_hash_of(row, stored);
	if (p->err != KERR_OK)
		return KERR_CLOSED;
	trail_hash(p->at.head, line, hash);
	if ((uint64_t)record_int(row, ROW_ID) != p->at.seq + 1 ||
		memcmp(hash, stored, sizeof(hash)) != 0) {
		p->err = KERR_DAMAGED;
		return KERR_CLOSED;
	}
	buf_put(&p->sink->out, line.p, line.len);
	trail_put_hash(&p->sink->out, hash);
	buf_put_u8(&p->sink->out, '\n');
	p->at.seq++;
	memcpy(p->at.head, hash, sizeof(p->at.head));
	return KERR_OK;
}

static enum kerr
read_page(struct sink *s, const struct chain_place *goal, struct page *p)
{
	uint64_t left = goal->seq - s->at.seq;
	enum kerr err = sink_read_begin(s);

	if (err != KERR_OK)
		return err;
	*p = (struct page){.sink = s, .at = s->at};
	buf_reset(&s->out);
	err = rows_page(s->reader, s->arena, s->at.seq,
		left < PAGE_RECORDS ? (size_t)left : PAGE_RECORDS, add_record, p);
	sink_read_end(s);
	if (err == KERR_OK)
		err = p->err;
	if (err == KERR_OK &&
		(p->at.seq == s->at.seq ||
			(p->at.seq == goal->seq &&
				memcmp(p->at.head, goal->head, sizeof(p->at.head)) != 0)))
		err = KERR_DAMAGED;
	if (err == KERR_DAMAGED)
		sink_says(s,
			"record %" PRIu64
			" in the database is not what was committed: the sink "
			"takes nothing more",
			p->at.seq + 1);
	return err == KERR_OK ? buf_error(&s->out) : err;
}

static enum kerr
add(struct sink *s, struct sink_file *f, const void *bytes, size_t len)
{
	enum kerr err;

	sink_busy(s, true);
	err = sink_file_add(f, bytes, len);
	sink_busy(s, false);
	if (err != KERR_OK)
		sink_says(s,
			err == KERR_FULL ? "the sink has no room for %s"
					 : "writing to %s in the sink failed, or what "
					   "was read back is not what was written",
			f->name);
	return err;
}

static enum kerr
write_records(struct sink *s, const struct chain_place *goal)
{
	while (s->at.seq < goal->seq) {
		struct page p;
		enum kerr err = read_page(s, goal, &p);

		if (err == KERR_OK)
			err = add(s, &s->records, s->out.data, s->out.len);
		if (err != KERR_OK)
			return err;
		syslog_send(s->syslog, (const char *)s->out.data, s->out.len);
		s->at = p.at;
		pthread_mutex_lock(&s->lock);
		s->seq = s->at.seq;
		pthread_cond_broadcast(&s->changed);
		pthread_mutex_unlock(&s->lock);
	}
	return KERR_OK;
}

/* Heads that were read ahead: reading does not nest. */
struct heads {
	size_t count;
	struct {
		size_t len;
		char text[NOTE_MAX];
	} at[PAGE_HEADS];
};

static enum kerr
keep_head(void *with, struct record *row)
{
	struct heads *h = with;
	size_t len = 0;
	const uint8_t *note = record_bytes(row, ROW_AUDIT_HEAD_NOTE, &len);

	if (len == 0 || len > NOTE_MAX)
		return KERR_DAMAGED;
	memcpy(h->at[h->count].text, note, len);
	h->at[h->count].len = len;
	h->count++;
	return KERR_OK;
}

static enum kerr
read_heads(struct sink *s, struct heads *h)
{
	const struct store_condition range[] = {
		{.column = ROW_AUDIT_HEAD_SEQ,
			.test = STORE_ABOVE,
			.number = (int64_t)(s->head.seq > 0 ? s->head.seq
							    : s->at.first - 1)},
		{.column = ROW_AUDIT_HEAD_SEQ,
			.test = STORE_BELOW,
			.number = (int64_t)s->at.seq + 1}};
	const struct store_query q = {.table = TABLE_audit_head,
		.conditions = range,
		.count = 2,
		.sort = ROW_AUDIT_HEAD_SEQ,
		.limit = PAGE_HEADS};
	enum kerr err = sink_read_begin(s);

	if (err != KERR_OK)
		return err;
	h->count = 0;
	err = store_select(s->reader, &q, s->arena, keep_head, h);
	arena_reset(s->arena);
	sink_read_end(s);
	return err;
}

/* A head is kept when it names the record that is there under its number, and when no
 * other head has that number. */
static enum kerr
check_head(struct sink *s, struct trail_text text, struct note *n)
{
	uint8_t hash[TRAIL_HASH_LEN];
	enum kerr err = note_read(text, n) == KERR_OK ? KERR_OK : KERR_DAMAGED;

	if (err == KERR_OK)
		err = sink_read_begin(s);
	if (err == KERR_OK) {
		err = rows_hash(s->reader, s->arena, n->seq, hash);
		sink_read_end(s);
	}
	if (err == KERR_OK &&
		(strcmp(n->segment, s->at.segment) != 0 || n->seq > s->at.seq ||
			n->seq < s->head.seq ||
			memcmp(hash, n->hash, sizeof(hash)) != 0 ||
			(n->seq == s->head.seq &&
				memcmp(n->hash, s->head.hash, sizeof(n->hash)) != 0)))
		err = KERR_DAMAGED;
	if (err == KERR_DAMAGED)
		sink_says(s,
			"a head in the database does not name a record that is there: "
			"the sink refuses it");
	return err;
}

static enum kerr
write_head(struct sink *s, struct trail_text text)
{
	struct note n;
	enum kerr err = check_head(s, text, &n);

	if (err != KERR_OK)
		return err;
	buf_reset(&s->out);
	buf_put(&s->out, text.p, text.len);
	buf_put_u8(&s->out, '\n');
	err = buf_error(&s->out);
	if (err == KERR_OK)
		err = add(s, &s->heads, s->out.data, s->out.len);
	if (err == KERR_OK)
		s->head = n;
	return err;
}

static enum kerr
write_heads(struct sink *s)
{
	struct heads *h = mem_new(1, sizeof(*h));
	enum kerr err = KERR_NOMEM;

	if (h == NULL)
		return err;
	do {
		err = read_heads(s, h);
		for (size_t i = 0; err == KERR_OK && i < h->count; i++)
			err = write_head(
				s, (struct trail_text){h->at[i].text, h->at[i].len});
	} while (err == KERR_OK && h->count == PAGE_HEADS);
	mem_free(h);
	return err;
}

/* Of a time without records: no later head may be there, and the file must have the one
 * whose successor signed it. */
static enum kerr
write_still(struct sink *s, struct trail_text still)
{
	struct note n;

	if (still.len == 0 || note_read(still, &n) != KERR_OK || s->head.seq == 0 ||
		n.seq != s->head.seq || n.time <= s->head.time ||
		strcmp(n.segment, s->at.segment) != 0)
		return KERR_OK;
	return write_head(s, still);
}

enum kerr
sink_catch_up(struct sink *s, const struct chain_place *goal, struct trail_text still)
{
	enum kerr err = write_records(s, goal);

	if (err == KERR_OK)
		err = write_heads(s);
	return err == KERR_OK ? write_still(s, still) : err;
}
