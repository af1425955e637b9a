#include "keyd/keeper/audit/parts.h"

#include <string.h>

#define RECORDS_DUE 1000
#define SECONDS_NEW 60  /* with records that no head covers */
#define SECONDS_ANY 300 /* silence is to be told from a keyd that is gone */

bool
audit_head_due(const struct audit *a, int64_t now)
{
	const struct chain_place *c = &a->committed;
	int64_t last = a->head.seq > 0 ? a->head.time : 0;

	if (c->seq == 0)
		return false;
	if (a->still_time > last)
		last = a->still_time;
	if (a->pending || a->keys.introduced == 0 || c->seq >= a->head.seq + RECORDS_DUE)
		return true;
	if (c->seq > a->head.seq && now - last >= SECONDS_NEW)
		return true;
	return now - last >= SECONDS_ANY;
}

/* The row of a head whose signer is on disk already. */
static enum kerr
put_head(struct audit *a, const struct note *n, const char *text, size_t len)
{
	struct record *row = record_new(a->arena, store_schema(TABLE_audit_head));
	enum kerr err = KERR_NOMEM;

	if (row != NULL) {
		record_set_int(row, ROW_AUDIT_HEAD_SEQ, (int64_t)n->seq);
		err = record_set_bytes(row, ROW_AUDIT_HEAD_NOTE, text, len);
	}
	if (err == KERR_OK)
		err = store_put(a->store, TABLE_audit_head, row);
	arena_reset(a->arena);
	return err;
}

/* The head that the present signer's predecessor signed, into the open transaction. */
static enum kerr
put_pending(struct audit *a)
{
	const struct signer *s = &a->keys.signer;
	struct note n;
	enum kerr err = note_read((struct trail_text){s->note, s->note_len}, &n);

	if (err != KERR_OK)
		return KERR_DAMAGED;
	err = put_head(a, &n, s->note, s->note_len);
	if (err == KERR_OK)
		a->published = n;
	return err;
}

static enum kerr
put_note(const struct note *n, char out[NOTE_MAX], size_t *ret_len)
{
	struct buf text;
	enum kerr err;

	buf_init(&text, NOTE_MAX);
	note_put(&text, n);
	err = buf_error(&text);
	if (err == KERR_OK) {
		memcpy(out, text.data, text.len);
		*ret_len = text.len;
	}
	buf_clear(&text);
	return err;
}

/* Signs the newest record, and has the successor take over: on disk, then in memory. */
static enum kerr
hand_over(struct audit *a, int64_t now)
{
	struct note n = {.seq = a->now.seq, .time = now};
	struct chain_keys keys = {.introduced = a->keys.introduced, .tail_seq = n.seq};
	struct signer *next = &keys.signer;
	enum kerr err;

	memcpy(n.hash, a->now.head, sizeof(n.hash));
	err = signer_new(
		next, a->vault, a->now.segment, n.seq, a->keys.signer.counter + 1);
	if (err != KERR_OK)
		return err;
	err = signer_sign(&a->keys.signer, next, &n);
	if (err == KERR_OK)
		err = put_note(&n, next->note, &next->note_len);
	if (err == KERR_OK) {
		keys.tail = tail_start(
			a->vault, next->tail_key, next->salt, next->segment, n.seq);
		err = keys.tail != NULL ? KERR_OK : KERR_NOMEM;
	}
	if (err == KERR_OK)
		err = signer_save(a->state_fd, a->vault, next);
	if (err != KERR_OK) {
		keys_clear(&keys);
		return err;
	}
	/* It is on disk with its head: from here on the former one signs nothing more,
	 * whatever fails. */
	keys_clear(&a->keys);
	a->keys = keys;
	a->pending = true;
	return KERR_OK;
}

/* A head for a time in which nothing happened. */
static enum kerr
sign_still(struct audit *a, int64_t now)
{
	struct note n = {.seq = a->now.seq, .time = now};
	char text[NOTE_MAX];
	size_t len = 0;
	enum kerr err;

	memcpy(n.hash, a->now.head, sizeof(n.hash));
	err = signer_sign(&a->keys.signer, NULL, &n);
	if (err == KERR_OK)
		err = put_note(&n, text, &len);
	if (err != KERR_OK)
		return err;
	pthread_mutex_lock(&a->lock);
	memcpy(a->still, text, len);
	a->still_len = len;
	a->still_seq = n.seq;
	a->still_time = now;
	pthread_mutex_unlock(&a->lock);
	sink_wake(a);
	return KERR_OK;
}

enum kerr
audit_head_sign(struct audit *a, int64_t now)
{
	enum kerr err = KERR_OK;

	if (a->committed.seq == 0)
		return KERR_OK;
	if (a->now.seq != a->committed.seq)
		return KERR_CONFLICT;
	/* A signer that came in for a lost one is named first, and signs once that is
	 * committed. */
	if (a->keys.introduced == 0)
		return chain_introduce(a, now);
	if (!a->pending && a->now.seq == a->head.seq)
		return sign_still(a, now);
	if (!a->pending)
		err = hand_over(a, now);
	if (err == KERR_OK)
		err = signer_forget_other(a->state_fd, &a->keys.signer);
	return err == KERR_OK ? put_pending(a) : err;
}
