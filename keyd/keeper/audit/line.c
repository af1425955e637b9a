#include "keyd/keeper/audit/parts.h"

#include <sodium.h>
#include <string.h>

#include "core/clock.h"
#include "core/credential.h"
#include "core/model/model.h"
#include "core/text.h"

#define CUT       "\xe2\x80\xa6"
#define WITHHELD  "(withheld: looks like a secret)"
#define FIELD_MAX 2048

/* At most max bytes, not splitting a character. */
static size_t
cut_at(const char *text, size_t len, size_t max)
{
	if (len <= max)
		return len;
	len = max - strlen(CUT);
	while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80)
		len--;
	return len;
}

static void
put_text(struct buf *line, unsigned field, const char *text, bool from_outside)
{
	const struct field *f = &audit_schema.fields[field];
	char room[FIELD_MAX];
	size_t len, plain;
	struct buf scrubbed;

	if (text == NULL || text[0] == '\0')
		return;
	buf_init(&scrubbed, 4 * FIELD_MAX + 1);
	len = strlen(text);
	if (from_outside && credential_looks_secret(text, len)) {
		text = WITHHELD;
		len = strlen(text);
	} else if (!text_is_utf8(text, len)) {
		text_scrub(&scrubbed, text, len < FIELD_MAX ? len : FIELD_MAX);
		text = buf_text(&scrubbed);
		len = scrubbed.len;
	}
	if (text == NULL) {
		line->err = buf_error(&scrubbed);
		buf_clear(&scrubbed);
		return;
	}
	plain = cut_at(text, len, (size_t)f->max);
	memcpy(room, text, plain);
	if (plain < len) {
		memcpy(room + plain, CUT, strlen(CUT));
		plain += strlen(CUT);
	}
	trail_put(line, f->name, room, plain);
	buf_clear(&scrubbed);
}

static void
put_number(struct buf *line, unsigned field, int64_t v)
{
	if (v > 0)
		trail_put_number(line, audit_schema.fields[field].name, (uint64_t)v);
}

static bool
is_given(const char *text)
{
	return text != NULL && text[0] != '\0';
}

enum kerr
line_compose(struct audit *a, const struct audit_entry *e, uint64_t seq, int64_t now)
{
	struct buf *line = &a->line;
	char when[CLOCK_TEXT_SIZE];

	if (!is_given(e->who) || !is_given(e->action) || !is_given(e->object))
		return KERR_INVALID;
	buf_reset(line);
	clock_text(now, when);
	trail_put_number(line, audit_schema.fields[AUDIT_SEQ].name, seq);
	put_text(line, AUDIT_TIME, when, false);
	put_text(line, AUDIT_WHO, e->who, true);
	put_text(line, AUDIT_VIA, e->via, true);
	put_text(line, AUDIT_FROM, e->from, true);
	put_text(line, AUDIT_APPROVAL, e->approval, false);
	put_number(line, AUDIT_TENANT, e->tenant);
	put_text(line, AUDIT_ACTION, e->action, false);
	put_text(line, AUDIT_OBJECT, e->object, false);
	put_number(line, AUDIT_OBJECT_ID, e->object_id);
	put_number(line, AUDIT_OBJECT_VERSION, e->object_version);
	put_text(line, AUDIT_ACT, e->act, false);
	put_text(line, AUDIT_RESULT, e->result, true);
	put_text(line, AUDIT_REQUEST, e->request, false);
	put_text(line, AUDIT_BEFORE, e->before, false);
	put_text(line, AUDIT_AFTER, e->after, false);
	return buf_error(line);
}

static enum kerr
set_field(struct record *r, unsigned f, struct trail_text value, struct buf *plain)
{
	int64_t number;
	enum kerr err;

	buf_reset(plain);
	err = trail_unescape(plain, value);
	if (err != KERR_OK)
		return err;
	if (f == AUDIT_TIME) {
		err = clock_parse((const char *)plain->data, plain->len, &number);
	} else if (audit_schema.fields[f].type == FIELD_INT) {
		uint64_t positive = 0;

		err = trail_number(value, &positive);
		number = (int64_t)positive;
	} else {
		return record_set_bytes(r, f, plain->data, plain->len);
	}
	if (err == KERR_OK)
		record_set_int(r, f, number);
	return err;
}

static enum kerr
set_hash(struct record *r, struct trail_text value)
{
	uint8_t hash[TRAIL_HASH_LEN];

	if (trail_unhex(value, hash) != KERR_OK)
		return KERR_INVALID;
	return record_set_bytes(r, AUDIT_HASH, hash, sizeof(hash));
}

enum kerr
audit_parse(const char *line, size_t len, struct record *ret_audit)
{
	struct trail_text rest = {line, len}, name, value;
	unsigned expected = 0;
	struct buf plain;
	enum kerr err;

	buf_init(&plain, TRAIL_LINE_MAX);
	while ((err = trail_next(&rest, &name, &value)) == KERR_OK) {
		unsigned f = expected;

		/* in the order of the schema, each at most once */
		while (f < AUDIT__COUNT &&
			(strlen(audit_schema.fields[f].name) != name.len ||
				memcmp(audit_schema.fields[f].name, name.p, name.len) !=
					0))
			f++;
		if (f == AUDIT__COUNT)
			break;
		err = f == AUDIT_HASH ? set_hash(ret_audit, value)
				      : set_field(ret_audit, f, value, &plain);
		if (err != KERR_OK)
			break;
		expected = f + 1;
	}
	buf_clear(&plain);
	if (err == KERR_OK)
		return KERR_INVALID; /* a name that is none, or stands twice */
	if (err != KERR_NOTFOUND)
		return err;
	if (!record_has(ret_audit, AUDIT_SEQ) || !record_has(ret_audit, AUDIT_TIME) ||
		!record_has(ret_audit, AUDIT_WHO) || !record_has(ret_audit, AUDIT_ACTION))
		return KERR_INVALID;
	return KERR_OK;
}
