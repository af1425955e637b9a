#include "keyd/keeper/audit/parts.h"

#include <string.h>

#define PAGE_RECORDS 500
#define PAGE_HEADS   64

enum kerr
rows_newest_head(struct store_reader *r, struct arena *a, struct note *ret)
{
	const struct store_query q = {.table = TABLE_audit_head,
		.sort = ROW_AUDIT_HEAD_SEQ,
		.descending = true,
		.limit = 1};
	struct record *row = NULL;
	struct trail_text text;
	enum kerr err = store_first(r, &q, a, &row);

	if (err != KERR_OK)
		return err;
	text.p = record_text(row, ROW_AUDIT_HEAD_NOTE);
	text.len = strlen(text.p);
	err = note_read(text, ret) == KERR_OK ? KERR_OK : KERR_DAMAGED;
	arena_reset(a);
	return err;
}

enum kerr
rows_hash_of(const struct record *row, uint8_t ret[TRAIL_HASH_LEN])
{
	size_t len = 0;
	const uint8_t *hash = record_bytes(row, ROW_AUDIT_RECORD_HASH, &len);

	if (len != TRAIL_HASH_LEN)
		return KERR_DAMAGED;
	memcpy(ret, hash, len);
	return KERR_OK;
}

enum kerr
rows_hash(struct store_reader *r, struct arena *a, uint64_t seq,
	uint8_t ret[TRAIL_HASH_LEN])
{
	struct record *row = NULL;
	enum kerr err = store_get(r, TABLE_audit_record, (int64_t)seq, a, &row);

	if (err == KERR_OK)
		err = rows_hash_of(row, ret);
	arena_reset(a);
	return err;
}

enum kerr
rows_newest(struct store_reader *r, struct arena *a, struct audit_mark *ret)
{
	const struct store_query q = {
		.table = TABLE_audit_record, .descending = true, .limit = 1};
	struct record *row = NULL;
	enum kerr err = store_first(r, &q, a, &row);

	if (err == KERR_OK) {
		err = rows_hash_of(row, ret->head);
		ret->seq = (uint64_t)record_int(row, ROW_ID);
	}
	arena_reset(a);
	return err;
}

enum kerr
rows_page(struct store_reader *r, struct arena *a, uint64_t after, size_t limit,
	store_each each, void *with)
{
	const struct store_condition behind = {
		.column = ROW_ID, .test = STORE_ABOVE, .number = (int64_t)after};
	const struct store_query q = {.table = TABLE_audit_record,
		.conditions = &behind,
		.count = 1,
		.limit = limit};
	enum kerr err = store_select(r, &q, a, each, with);

	arena_reset(a);
	return err;
}

/* A walk under way: heads are read ahead, since reading does not nest. */
struct walk {
	const struct rows_walk *asked;
	struct {
		uint64_t seq;
		size_t len;
		char note[NOTE_MAX];
	} heads[PAGE_HEADS];
	size_t count, next;
	bool all_heads; /* there are no more than those here */
	uint64_t head_seq;
	uint64_t seq; /* of the last record */
	size_t records;
	enum kerr err; /* why it ended early */
};

static enum kerr
keep_head(void *with, struct record *row)
{
	struct walk *w = with;
	size_t len = 0;
	const uint8_t *note = record_bytes(row, ROW_AUDIT_HEAD_NOTE, &len);

	/* what is too long is no head, and will be said to be none */
	if (len > NOTE_MAX)
		len = NOTE_MAX;
	w->heads[w->count].seq = (uint64_t)record_int(row, ROW_AUDIT_HEAD_SEQ);
	w->heads[w->count].len = len;
	if (len > 0)
		memcpy(w->heads[w->count].note, note, len);
	w->head_seq = w->heads[w->count].seq;
	w->count++;
	return KERR_OK;
}

static enum kerr
read_heads(struct walk *w)
{
	const struct store_condition behind = {.column = ROW_AUDIT_HEAD_SEQ,
		.test = STORE_ABOVE,
		.number = (int64_t)w->head_seq};
	const struct store_query q = {.table = TABLE_audit_head,
		.conditions = &behind,
		.count = 1,
		.sort = ROW_AUDIT_HEAD_SEQ,
		.limit = PAGE_HEADS};
	enum kerr err;

	w->count = w->next = 0;
	err = store_select(w->asked->reader, &q, w->asked->arena, keep_head, w);
	arena_reset(w->asked->arena);
	w->all_heads = w->count < PAGE_HEADS;
	return err;
}

static enum kerr
feed_heads(struct walk *w)
{
	const struct rows_walk *asked = w->asked;
	enum kerr err = KERR_OK;

	while (err == KERR_OK && w->next < w->count && w->heads[w->next].seq <= w->seq) {
		struct trail_text note = {w->heads[w->next].note, w->heads[w->next].len};

		if (asked->trail != NULL)
			err = trail_head(asked->trail, note);
		if (err == KERR_OK && asked->head != NULL)
			err = asked->head(asked->with, note);
		w->next++;
	}
	return err;
}

static enum kerr
feed_record(struct walk *w, const struct record *row)
{
	const struct rows_walk *asked = w->asked;
	uint8_t hash[TRAIL_HASH_LEN];
	struct trail_text line;
	enum kerr err = KERR_OK;

	if (asked->before != NULL)
		err = asked->before(asked->with, row);
	if (err != KERR_OK)
		return err;
	w->seq = (uint64_t)record_int(row, ROW_ID);
	line.p = (const char *)record_bytes(row, ROW_AUDIT_RECORD_LINE, &line.len);
	if (asked->trail == NULL)
		return asked->record(asked->with, row);
	if (rows_hash_of(row, hash) != KERR_OK)
		return trail_wrong(
			asked->trail, w->seq, "a record is stored without its hash");
	err = trail_record(asked->trail, line, hash);
	if (err == KERR_OK && asked->record != NULL)
		err = asked->record(asked->with, row);
	return err;
}

static enum kerr
each_record(void *with, struct record *row)
{
	struct walk *w = with;

	w->err = feed_record(w, row);
	w->records++;
	if (w->err == KERR_OK && w->asked->heads)
		w->err = feed_heads(w);
	if (w->err != KERR_OK)
		return KERR_CLOSED;
	/* before a further record, the heads behind it must be here */
	return w->asked->heads && !w->all_heads && w->next == w->count ? KERR_CLOSED
								       : KERR_OK;
}

static enum kerr
walk_page(struct walk *w)
{
	enum kerr err;

	w->records = 0;
	err = rows_page(
		w->asked->reader, w->asked->arena, w->seq, PAGE_RECORDS, each_record, w);
	return err != KERR_OK ? err : w->err;
}

static enum kerr
finish(struct walk *w)
{
	const struct rows_walk *asked = w->asked;

	/* heads of records that are not there */
	while (asked->heads && w->next < w->count) {
		enum kerr err;

		w->seq = UINT64_MAX;
		err = feed_heads(w);
		if (err == KERR_OK && !w->all_heads)
			err = read_heads(w);
		if (err != KERR_OK)
			return err;
	}
	return asked->before != NULL ? asked->before(asked->with, NULL) : KERR_OK;
}

enum kerr
rows_walk(const struct rows_walk *asked)
{
	struct walk *w = mem_new(1, sizeof(*w));
	enum kerr err = KERR_OK;

	if (w == NULL)
		return KERR_NOMEM;
	w->asked = asked;
	if (asked->trail != NULL) {
		w->seq = asked->trail->at.seq;
		w->head_seq = asked->trail->head.seq;
	}
	do {
		if (asked->heads && !w->all_heads && w->next == w->count)
			err = read_heads(w);
		if (err == KERR_OK)
			err = walk_page(w);
	} while (err == KERR_OK && w->records > 0);
	if (err == KERR_OK)
		err = finish(w);
	mem_free(w);
	return err;
}
