#include "core/trail/trail.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/base64.h"
#include "core/clock.h"

enum kerr
trail_wrong(struct trail *t, uint64_t seq, const char *fmt, ...)
{
	va_list ap;

	if (t->wrong != 0)
		return KERR_DAMAGED;
	va_start(ap, fmt);
	if (vsnprintf(t->text, sizeof(t->text), fmt, ap) < 0)
		t->text[0] = '\0';
	va_end(ap);
	t->wrong = seq > 0 ? seq : 1;
	return KERR_DAMAGED;
}

void
trail_resume(struct trail *t, const struct note *head)
{
	*t = (struct trail){.head = *head, .at.seq = head->seq, .first = head->seq + 1};
	memcpy(t->segment, head->segment, sizeof(t->segment));
	memcpy(t->at.hash, head->hash, sizeof(t->at.hash));
	memcpy(t->signer, head->next, sizeof(t->signer));
}

void
trail_put_place(struct buf *out, const struct trail_place *place)
{
	char hex[TRAIL_HEX_SIZE];

	trail_hex(place->hash, hex);
	buf_printf(out, "%" PRIu64 ":%s", place->seq, hex);
}

enum kerr
trail_read_place(struct trail_text text, struct trail_place *ret)
{
	const char *colon = memchr(text.p, ':', text.len);
	struct trail_place place;
	struct trail_text seq, hex;

	if (colon == NULL)
		return KERR_INVALID;
	seq = (struct trail_text){text.p, (size_t)(colon - text.p)};
	hex = (struct trail_text){colon + 1, text.len - seq.len - 1};
	if (trail_number(seq, &place.seq) != KERR_OK ||
		trail_unhex(hex, place.hash) != KERR_OK)
		return KERR_INVALID;
	*ret = place;
	return KERR_OK;
}

static bool
is_action(struct trail_text line, const char *action)
{
	struct trail_text value;

	return trail_find(line, "action", &value) && value.len == strlen(action) &&
	       memcmp(value.p, action, value.len) == 0;
}

static enum kerr
read_signer(struct trail_text after, uint8_t ret[TRAIL_KEY_LEN])
{
	uint8_t key[TRAIL_KEY_LEN];
	struct trail_text text;
	size_t len = 0;

	if (!trail_value(after, "signer", &text) ||
		base64_decode(BASE64_PADDED, text.p, text.len, key, sizeof(key), &len) !=
			KERR_OK ||
		len != sizeof(key))
		return KERR_INVALID;
	memcpy(ret, key, sizeof(key));
	return KERR_OK;
}

/* What the first record of a segment says. */
struct opening {
	char segment[TRAIL_SEGMENT_SIZE];
	uint64_t first;
	uint8_t signer[TRAIL_KEY_LEN];
	struct trail_place head; /* seq 0: the first segment of all */
	struct trail_place seen;
};

static enum kerr
read_opening(struct trail_text line, struct opening *o)
{
	struct trail_text after, before, name, place;

	*o = (struct opening){.first = 0};
	if (!trail_find(line, "after", &after) || !trail_value(after, "segment", &name) ||
		trail_segment_first(name, &o->first) != KERR_OK ||
		read_signer(after, o->signer) != KERR_OK)
		return KERR_INVALID;
	memcpy(o->segment, name.p, name.len);
	if (trail_value(after, "seen", &place) &&
		trail_read_place(place, &o->seen) != KERR_OK)
		return KERR_INVALID;
	if (trail_find(line, "before", &before) && trail_value(before, "head", &place) &&
		trail_read_place(place, &o->head) != KERR_OK)
		return KERR_INVALID;
	return KERR_OK;
}

static enum kerr
begin_segment(struct trail *t, struct trail_text line, uint64_t seq)
{
	struct opening o;
	bool first = t->at.seq == 0;

	if (read_opening(line, &o) != KERR_OK || o.first != seq ||
		seq != 1 + (o.head.seq > o.seen.seq ? o.head.seq : o.seen.seq))
		/* which number it had is not to be known: named is its place */
		return trail_wrong(t, first && t->begins != 0 ? t->begins : t->at.seq + 1,
			"what stands behind record %" PRIu64
			" begins a segment as record %" PRIu64 " and does not say which",
			t->at.seq, seq);
	if (!first && (o.head.seq != t->at.seq ||
			      memcmp(o.head.hash, t->at.hash, TRAIL_HASH_LEN) != 0))
		return trail_wrong(t, seq,
			"record %" PRIu64 " begins a segment behind record %" PRIu64
			", which is not record %" PRIu64 " as it stands here",
			seq, o.head.seq, t->at.seq);
	if (first && t->begins != 0 && t->begins != seq)
		return trail_wrong(t, t->begins,
			"the log begins with record %" PRIu64
			" and not with record %" PRIu64,
			seq, t->begins);
	if (first) {
		t->first = seq;
		t->older = seq - 1;
	}
	memcpy(t->segment, o.segment, sizeof(t->segment));
	memcpy(t->signer, o.signer, sizeof(t->signer));
	t->seen = o.seen;
	t->segments++;
	trail_begin(t->segment, t->at.hash);
	t->at.seq = seq - 1;
	return KERR_OK;
}

/* Would it be the record that belongs here, had it that record's number? */
static bool
is_renumbered(const struct trail *t, struct trail_text line, const uint8_t *hash)
{
	const char *rest = memchr(line.p, '\t', line.len);
	uint8_t own[TRAIL_HASH_LEN];
	struct buf right;
	bool is = false;

	if (rest == NULL)
		return false;
	buf_init(&right, 2 * TRAIL_LINE_MAX);
	trail_put_number(&right, "sequence", t->at.seq + 1);
	buf_put(&right, rest, line.len - (size_t)(rest - line.p));
	if (buf_error(&right) == KERR_OK) {
		trail_hash(t->at.hash,
			(struct trail_text){(const char *)right.data, right.len}, own);
		is = memcmp(own, hash, sizeof(own)) == 0;
	}
	buf_clear(&right);
	return is;
}

static enum kerr
out_of_order(struct trail *t, uint64_t seq, struct trail_text line, const uint8_t *hash)
{
	uint64_t expected = t->at.seq + 1;

	if (t->at.seq == 0)
		return trail_wrong(t, t->begins != 0 ? t->begins : seq - 1,
			"the log begins with record %" PRIu64
			": what was before it is missing",
			seq);
	if (is_renumbered(t, line, hash))
		return trail_wrong(t, expected,
			"record %" PRIu64
			" was changed: it says that it is record %" PRIu64,
			expected, seq);
	if (seq < expected)
		return trail_wrong(t, seq,
			"record %" PRIu64 " stands again behind record %" PRIu64
			": it was doubled or moved",
			seq, t->at.seq);
	return trail_wrong(t, expected,
		"record %" PRIu64 " is missing behind record %" PRIu64
		", where record %" PRIu64 " stands: one was dropped or moved",
		expected, t->at.seq, seq);
}

static enum kerr
read_sequence(struct trail_text line, uint64_t *ret)
{
	struct trail_text name, value;

	if (trail_next(&line, &name, &value) != KERR_OK ||
		name.len != strlen("sequence") ||
		memcmp(name.p, "sequence", name.len) != 0)
		return KERR_INVALID;
	return trail_number(value, ret);
}

enum kerr
trail_record(struct trail *t, struct trail_text line, const uint8_t hash[TRAIL_HASH_LEN])
{
	uint8_t own[TRAIL_HASH_LEN];
	uint64_t seq;

	if (t->wrong != 0)
		return KERR_DAMAGED;
	if (read_sequence(line, &seq) != KERR_OK)
		return trail_wrong(t, t->at.seq + 1,
			"what stands where record %" PRIu64 " belongs is no record",
			t->at.seq + 1);
	if (is_action(line, TRAIL_ACTION_SEGMENT) && seq > t->at.seq) {
		if (begin_segment(t, line, seq) != KERR_OK)
			return KERR_DAMAGED;
	} else if (seq != t->at.seq + 1 || t->segment[0] == '\0') {
		return out_of_order(t, seq, line, hash);
	}
	trail_hash(t->at.hash, line, own);
	if (memcmp(own, hash, TRAIL_HASH_LEN) != 0)
		return trail_wrong(t, seq,
			"record %" PRIu64 " is not what was written: its hash differs",
			seq);
	if (is_action(line, TRAIL_ACTION_SIGNER)) {
		struct trail_text after;

		if (!trail_find(line, "after", &after) ||
			read_signer(after, t->signer) != KERR_OK)
			return trail_wrong(t, seq,
				"record %" PRIu64
				" brings a signer in and does not say which",
				seq);
		t->replaced = seq;
	}
	t->at.seq = seq;
	memcpy(t->at.hash, own, sizeof(t->at.hash));
	memcpy(t->later, t->signer, sizeof(t->later));
	t->records++;
	return KERR_OK;
}

static enum kerr
other_head(struct trail *t, uint64_t seq)
{
	return trail_wrong(t, seq,
		"a head says that record %" PRIu64
		" was another one: the chain was written "
		"anew up to there",
		seq);
}

enum kerr
trail_head(struct trail *t, struct trail_text text)
{
	struct note n;

	if (t->wrong != 0)
		return KERR_DAMAGED;
	if (note_read(text, &n) != KERR_OK)
		return trail_wrong(t, t->at.seq,
			"the head that stands behind record %" PRIu64
			" is no signed head",
			t->at.seq);
	if (n.seq != t->at.seq || strcmp(n.segment, t->segment) != 0)
		return trail_wrong(t, n.seq > t->at.seq ? t->at.seq + 1 : t->at.seq,
			"behind record %" PRIu64 " stands the head of record %" PRIu64
			": it was moved, or what it names is missing",
			t->at.seq, n.seq);
	if (memcmp(n.hash, t->at.hash, TRAIL_HASH_LEN) != 0)
		return other_head(t, n.seq);
	if (note_verify(&n, t->signer) != KERR_OK)
		return trail_wrong(t, n.seq,
			"the head of record %" PRIu64
			" is not signed by the key that the head "
			"before it names: it was changed, doubled, or one before it is "
			"missing",
			n.seq);
	memcpy(t->signer, n.next, sizeof(t->signer));
	memcpy(t->later, n.next, sizeof(t->later));
	t->head = n;
	t->heads++;
	return KERR_OK;
}

static bool
is_own_head(const struct trail *t, const struct note *n)
{
	const struct note *own = &t->head;

	return own->seq == n->seq && own->time == n->time &&
	       memcmp(own->id, n->id, sizeof(n->id)) == 0 &&
	       memcmp(own->sig, n->sig, sizeof(n->sig)) == 0 &&
	       memcmp(own->next, n->next, sizeof(n->next)) == 0;
}

/* The chain has left the segment, or passed the record. */
static enum kerr
outside_behind(struct trail *t, const struct note *n)
{
	if (strcmp(n->segment, t->segment) != 0 && n->seq <= t->seen.seq) {
		if (n->seq != t->seen.seq ||
			memcmp(n->hash, t->seen.hash, TRAIL_HASH_LEN) == 0)
			return KERR_OK;
	}
	return trail_wrong(t, n->seq,
		"a head from outside that names record %" PRIu64
		" has no place in this log",
		n->seq);
}

enum kerr
trail_outside(struct trail *t, struct trail_text text, bool *ret_later)
{
	struct note n;

	*ret_later = false;
	if (t->wrong != 0)
		return KERR_DAMAGED;
	if (note_read(text, &n) != KERR_OK)
		return trail_wrong(t, t->witness.seq > 0 ? t->witness.seq : t->first,
			"a head from outside, the one behind that of record %" PRIu64
			", is no signed head",
			t->witness.seq);
	if (n.seq > t->at.seq) {
		*ret_later = true;
		return KERR_OK;
	}
	if (n.seq < t->at.seq || strcmp(n.segment, t->segment) != 0)
		return outside_behind(t, &n);
	if (memcmp(n.hash, t->at.hash, TRAIL_HASH_LEN) != 0)
		return other_head(t, n.seq);
	if (!is_own_head(t, &n)) {
		bool still = memcmp(n.next, t->later, TRAIL_KEY_LEN) == 0;

		/* a record has one head whose signer hands over, and it would be here */
		if (note_verify(&n, t->later) != KERR_OK ||
			(!still && t->head.seq == n.seq))
			return trail_wrong(t, n.seq,
				"the head of record %" PRIu64
				" from outside is not the one in this log",
				n.seq);
		memcpy(t->later, n.next, sizeof(t->later));
	}
	t->witness = n;
	t->outside++;
	return KERR_OK;
}

enum kerr
trail_is_cut(struct trail *t, struct trail_text text)
{
	struct note n;

	if (note_read(text, &n) != KERR_OK)
		return trail_wrong(t, t->at.seq, "a head from outside is no signed head");
	return trail_wrong(t, t->at.seq + 1,
		"the log ends with record %" PRIu64
		", but a head from outside names record %" PRIu64 ": its end was cut off",
		t->at.seq, n.seq);
}

void
trail_summary(const struct trail *t, struct buf *out)
{
	char when[CLOCK_TEXT_SIZE];

	if (t->wrong != 0) {
		buf_put_text(out, t->text);
		return;
	}
	if (t->witness.seq > 0) {
		clock_text(t->witness.time, when);
		buf_printf(out,
			"a head from outside, of %s, vouches for record %" PRIu64
			" and all before it",
			when, t->witness.seq);
	} else {
		buf_printf(out,
			"records %" PRIu64 " to %" PRIu64 " agree with each other; "
			"only heads from outside tell whether the end was cut off",
			t->first, t->at.seq);
	}
	if (t->replaced > 0)
		buf_printf(out, "; record %" PRIu64 " replaced a signer that was lost",
			t->replaced);
	if (t->older > 0)
		buf_printf(
			out, "; records up to %" PRIu64 " are in older logs", t->older);
}
