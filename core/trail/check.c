#include "core/trail/file.h"

#include <inttypes.h>
#include <string.h>

/* The next head of the files into w. */
static enum kerr
fetch(struct trail_witness *w, struct trail *t)
{
	enum trail_item item = TRAIL_ITEM_NOTE;
	struct trail_text text;
	enum kerr err = KERR_NOTFOUND;
	struct note n;

	w->has = false;
	while (w->next < w->count) {
		err = trail_file_next(w->files[w->next], &item, &text);
		if (err != KERR_NOTFOUND)
			break;
		w->next++;
	}
	if (err == KERR_NOTFOUND)
		return KERR_OK;
	if (err == KERR_INVALID || (err == KERR_OK && item != TRAIL_ITEM_NOTE) ||
		(err == KERR_OK && text.len > sizeof(w->note)))
		return trail_wrong(t, t->witness.seq,
			"what stands behind the head of record %" PRIu64
			" among the heads from outside is no head",
			t->witness.seq);
	if (err != KERR_OK)
		return err;
	w->has = true;
	w->seq = note_read(text, &n) == KERR_OK ? n.seq : 0;
	w->len = text.len;
	memcpy(w->note, text.p, text.len);
	return KERR_OK;
}

enum kerr
trail_witness_start(struct trail_witness *w, struct trail *t)
{
	w->next = 0;
	return fetch(w, t);
}

static enum kerr
feed(struct trail_witness *w, struct trail *t)
{
	struct trail_text note = {w->note, w->len};
	bool later;
	enum kerr err;

	if (!w->as_heads)
		return trail_outside(t, note, &later);
	err = trail_head(t, note);
	if (err == KERR_OK)
		t->witness = t->head;
	return err;
}

enum kerr
trail_witness_step(struct trail_witness *w, struct trail *t)
{
	while (w->has && w->seq <= t->at.seq && t->at.seq > 0) {
		enum kerr err = feed(w, t);

		if (err == KERR_OK)
			err = fetch(w, t);
		if (err != KERR_OK)
			return err;
	}
	return KERR_OK;
}

enum kerr
trail_witness_end(struct trail_witness *w, struct trail *t)
{
	if (!w->has || t->wrong != 0)
		return t->wrong != 0 ? KERR_DAMAGED : KERR_OK;
	return trail_is_cut(t, (struct trail_text){w->note, w->len});
}

static enum kerr
check_record(struct trail *t, struct trail_text line)
{
	uint8_t hash[TRAIL_HASH_LEN];

	if (trail_cut_hash(&line, hash) != KERR_OK)
		return trail_wrong(t, t->at.seq + 1,
			"what stands behind record %" PRIu64
			" is no record with its hash",
			t->at.seq);
	return trail_record(t, line, hash);
}

static enum kerr
check_header(const struct trail_header *h, struct trail *t)
{
	if (strlen(t->segment) < sizeof(h->deployment) ||
		memcmp(h->deployment, t->segment, sizeof(h->deployment) - 1) != 0)
		return trail_wrong(t, t->first,
			"the header names another deployment than record %" PRIu64,
			t->first);
	if (h->last != t->at.seq)
		return trail_wrong(t, t->at.seq + 1,
			"the header says that the log ends with record %" PRIu64
			", but it ends with record %" PRIu64,
			h->last, t->at.seq);
	if (h->heads != t->heads)
		return trail_wrong(t, t->head.seq > 0 ? t->head.seq : t->first,
			"the header counts %" PRIu64 " heads, but there are %" PRIu64
			", the last one of record %" PRIu64,
			h->heads, t->heads, t->head.seq);
	return KERR_OK;
}

/* One piece behind the first. */
static enum kerr
check_item(struct trail_witness *w, struct trail *t, enum trail_item item,
	struct trail_text text)
{
	enum kerr err = KERR_OK;

	if (item == TRAIL_ITEM_NOTE)
		return trail_head(t, text);
	if (w != NULL)
		err = trail_witness_step(w, t);
	return err == KERR_OK ? check_record(t, text) : err;
}

enum kerr
trail_file_check(struct trail_file *f, struct trail_witness *w, struct trail *t)
{
	struct trail_header header = {.first = 0};
	enum trail_item item = TRAIL_ITEM_RECORD;
	struct trail_text text;
	bool exported = false;
	enum kerr err;

	err = trail_file_next(f, &item, &text);
	if (err == KERR_OK && item == TRAIL_ITEM_HEADER) {
		exported = true;
		if (trail_read_header(text, &header) != KERR_OK)
			return trail_wrong(
				t, 1, "the header before record 1 was changed");
		t->begins = header.first;
		err = trail_file_next(f, &item, &text);
	}
	if (w != NULL) {
		enum kerr started;

		w->as_heads = !exported;
		started = trail_witness_start(w, t);
		if (started != KERR_OK)
			return started;
	}
	while (err == KERR_OK) {
		err = check_item(w, t, item, text);
		if (err == KERR_OK)
			err = trail_file_next(f, &item, &text);
	}
	if (err == KERR_INVALID)
		return trail_wrong(t, t->at.seq + 1,
			"what stands behind record %" PRIu64
			" is neither a record nor a head",
			t->at.seq);
	if (err != KERR_NOTFOUND)
		return err;
	if (t->records == 0)
		return trail_wrong(t, 1, "there is no record in it");
	if (exported && check_header(&header, t) != KERR_OK)
		return KERR_DAMAGED;
	if (w == NULL)
		return KERR_OK;
	err = trail_witness_step(w, t);
	return err == KERR_OK ? trail_witness_end(w, t) : err;
}
