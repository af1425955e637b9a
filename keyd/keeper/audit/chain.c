#include "keyd/keeper/audit/parts.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "core/text.h"

#define VARIANT sodium_base64_VARIANT_ORIGINAL
#define KEYD    "keyd"

_Static_assert(AUDIT_HASH_LEN == TRAIL_HASH_LEN, "one hash");
_Static_assert(AUDIT_LINE_MAX == TRAIL_LINE_MAX, "one line");

void
keys_clear(struct chain_keys *k)
{
	signer_clear(&k->signer);
	secret_free(k->tail);
	secret_free(k->now);
	*k = (struct chain_keys){.introduced = 0};
}

void
chain_name(struct chain_place *place, const char *deployment, uint64_t first)
{
	uint32_t random;

	randombytes_buf(&random, sizeof(random));
	*place = (struct chain_place){.first = first, .seq = first - 1};
	if (snprintf(place->segment, sizeof(place->segment), "%s.%" PRIu64 ".%08" PRIx32,
		    deployment, first, random) >= (int)sizeof(place->segment))
		place->segment[0] = '\0'; /* cannot be: the name's length is fixed */
	trail_begin(place->segment, place->head);
}

/* The store seals where the chain is with the transaction. */
static void
tell_store(struct audit *a)
{
	struct store_state state;

	store_state_get(a->store, &state);
	state.audit_seq = a->now.seq;
	memcpy(state.audit_head, a->now.head, sizeof(state.audit_head));
	store_state_set(a->store, &state);
}

static enum kerr
put_row(struct audit *a, uint64_t seq, const uint8_t *hash, const uint8_t *mac)
{
	struct record *row = record_new(a->arena, store_schema(TABLE_audit_record));
	enum kerr err = KERR_NOMEM;

	if (row != NULL) {
		record_set_int(row, ROW_ID, (int64_t)seq);
		err = record_set_bytes(
			row, ROW_AUDIT_RECORD_LINE, a->line.data, a->line.len);
	}
	if (err == KERR_OK)
		err = record_set_bytes(row, ROW_AUDIT_RECORD_HASH, hash, TRAIL_HASH_LEN);
	if (err == KERR_OK)
		err = record_set_bytes(row, ROW_AUDIT_RECORD_MAC, mac, TAIL_MAC_LEN);
	if (err == KERR_OK)
		err = store_put(a->store, TABLE_audit_record, row);
	arena_reset(a->arena);
	return err;
}

/* The line that was composed becomes the next record. */
static enum kerr
put_line(struct audit *a)
{
	const struct trail_text line = {(const char *)a->line.data, a->line.len};
	const struct secret *key = a->keys.now != NULL ? a->keys.now : a->keys.tail;
	uint8_t hash[TRAIL_HASH_LEN], mac[TAIL_MAC_LEN];
	struct secret *next;
	enum kerr err;

	if (key == NULL || a->keys.stuck)
		return KERR_NOMEM;
	next = tail_after(key, 1);
	if (next == NULL)
		return KERR_NOMEM;
	trail_hash(a->now.head, line, hash);
	tail_mac(key, hash, mac);
	err = put_row(a, a->now.seq + 1, hash, mac);
	if (err != KERR_OK) {
		secret_free(next);
		return err;
	}
	secret_free(a->keys.now);
	a->keys.now = next;
	a->now.seq++;
	memcpy(a->now.head, hash, sizeof(a->now.head));
	tell_store(a);
	return KERR_OK;
}

static enum kerr
put_entry(struct audit *a, const struct audit_entry *e, int64_t now)
{
	enum kerr err = line_compose(a, e, a->now.seq + 1, now);

	return err == KERR_OK ? put_line(a) : err;
}

static void
put_key(struct buf *out, const uint8_t key[TRAIL_KEY_LEN])
{
	char text[sodium_base64_ENCODED_LEN(TRAIL_KEY_LEN, VARIANT)];

	sodium_bin2base64(text, sizeof(text), key, TRAIL_KEY_LEN, VARIANT);
	trail_put_value(out, "signer", text, strlen(text));
}

/* A segment begins: which, who signs its heads, and what was before it. */
static enum kerr
put_opening(struct audit *a, const struct audit_mark *old_head,
	const struct audit_mark *seen, int64_t now)
{
	struct audit_entry e = {.who = KEYD,
		.action = TRAIL_ACTION_SEGMENT,
		.object = "audit",
		.result = "done"};
	struct trail_place place;
	struct buf before, after, text;
	enum kerr err;

	buf_init(&before, 256);
	buf_init(&after, 512);
	buf_init(&text, 128);
	trail_put_value(&after, "segment", a->now.segment, strlen(a->now.segment));
	put_key(&after, a->keys.signer.key);
	if (seen->seq > 0) {
		place.seq = seen->seq;
		memcpy(place.hash, seen->head, sizeof(place.hash));
		trail_put_place(&text, &place);
		trail_put_value(&after, "seen", (const char *)text.data, text.len);
	}
	if (old_head->seq > 0) {
		buf_reset(&text);
		place.seq = old_head->seq;
		memcpy(place.hash, old_head->head, sizeof(place.hash));
		trail_put_place(&text, &place);
		trail_put_value(&before, "head", (const char *)text.data, text.len);
		e.before = buf_text(&before);
	}
	e.after = buf_text(&after);
	err = e.after == NULL ? buf_error(&after) : put_entry(a, &e, now);
	if (err == KERR_OK)
		a->keys.introduced = a->now.seq;
	buf_clear(&before);
	buf_clear(&after);
	buf_clear(&text);
	return err;
}

/* A signer that nobody has named: the former one's file is gone. */
static enum kerr
put_signer(struct audit *a, int64_t now)
{
	struct audit_entry e = {.who = KEYD,
		.action = TRAIL_ACTION_SIGNER,
		.object = "audit",
		.result = "the signer's file was lost"};
	struct buf after;
	enum kerr err;

	buf_init(&after, 128);
	put_key(&after, a->keys.signer.key);
	e.after = buf_text(&after);
	err = e.after == NULL ? buf_error(&after) : put_entry(a, &e, now);
	if (err == KERR_OK)
		a->keys.introduced = a->now.seq;
	buf_clear(&after);
	return err;
}

enum kerr
chain_introduce(struct audit *a, int64_t now)
{
	static const struct audit_mark none;

	if (a->keys.introduced > 0)
		return KERR_OK;
	return a->now.seq == 0 ? put_opening(a, &none, &none, now) : put_signer(a, now);
}

enum kerr
audit_append(struct audit *a, const struct audit_entry *e, int64_t now)
{
	enum kerr err = chain_introduce(a, now);

	return err == KERR_OK ? put_entry(a, e, now) : err;
}

struct audit_mark
audit_mark(const struct audit *a)
{
	struct audit_mark mark = {.seq = a->now.seq};

	memcpy(mark.head, a->now.head, sizeof(mark.head));
	return mark;
}

/* Back to the keys before a segment that the transaction began. */
static void
return_keys(struct audit *a)
{
	if (!a->renewed)
		return;
	keys_clear(&a->keys);
	a->keys = a->former;
	a->former = (struct chain_keys){.introduced = 0};
	a->renewed = false;
}

void
audit_return(struct audit *a, struct audit_mark mark)
{
	if (a->renewed && mark.seq < a->now.first) {
		return_keys(a);
		memcpy(a->now.segment, a->committed.segment, sizeof(a->now.segment));
		a->now.first = a->committed.first;
	}
	a->now.seq = mark.seq;
	memcpy(a->now.head, mark.head, sizeof(a->now.head));
	if (a->keys.introduced > mark.seq)
		a->keys.introduced = 0;
	secret_free(a->keys.now);
	a->keys.now = NULL;
	a->keys.stuck = false;
	if (mark.seq > a->keys.tail_seq) {
		a->keys.now = tail_after(a->keys.tail, mark.seq - a->keys.tail_seq);
		a->keys.stuck = a->keys.now == NULL;
	}
	tell_store(a);
}

void
audit_committed(struct audit *a)
{
	if (a->keys.now != NULL) {
		secret_free(a->keys.tail);
		a->keys.tail = a->keys.now;
		a->keys.tail_seq = a->now.seq;
		a->keys.now = NULL;
	}
	if (a->renewed) {
		keys_clear(&a->former);
		a->renewed = false;
	}
	if (a->published.seq > 0) {
		a->head = a->published;
		a->published.seq = 0;
		a->pending = false;
	}
	pthread_mutex_lock(&a->lock);
	a->committed = a->now;
	pthread_mutex_unlock(&a->lock);
	sink_wake(a);
}

void
audit_dropped(struct audit *a)
{
	struct audit_mark mark = {.seq = a->committed.seq};

	memcpy(mark.head, a->committed.head, sizeof(mark.head));
	a->published.seq = 0;
	return_keys(a);
	a->now = a->committed;
	audit_return(a, mark);
}

uint64_t
audit_seq(const struct audit *a)
{
	/* the lock is no part of what the caller may not change */
	pthread_mutex_t *lock = (pthread_mutex_t *)(uintptr_t)&a->lock;
	uint64_t seq;

	pthread_mutex_lock(lock);
	seq = a->committed.seq;
	pthread_mutex_unlock(lock);
	return seq;
}

enum kerr
audit_new_segment(struct audit *a, struct audit_mark old_head,
	struct audit_mark seen_outside, int64_t now)
{
	uint64_t last = old_head.seq > seen_outside.seq ? old_head.seq : seen_outside.seq;
	uint64_t counter = a->keys.signer.counter;
	struct chain_keys keys = {.tail_seq = last};
	struct chain_place place;
	enum kerr err;

	if (a->renewed)
		return KERR_CONFLICT;
	chain_name(&place, vault_deployment(a->vault), last + 1);
	err = signer_new(&keys.signer, a->vault, place.segment, last, counter + 1);
	if (err != KERR_OK)
		return err;
	keys.tail = tail_start(
		a->vault, keys.signer.tail_key, keys.signer.salt, place.segment, last);
	if (keys.tail == NULL) {
		err = KERR_NOMEM;
		goto out;
	}
	/* before the commit: a signer that is named must be there after a crash */
	err = signer_save(a->state_fd, a->vault, &keys.signer);
	if (err != KERR_OK)
		goto out;
	a->former = a->keys;
	a->keys = keys;
	a->renewed = true;
	a->now = place;
	return put_opening(a, &old_head, &seen_outside, now);
out:
	keys_clear(&keys);
	return err;
}
