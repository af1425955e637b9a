#include "admin-tui/value.h"

#include <inttypes.h>
#include <string.h>

#include "core/clock.h"

void
value_time(struct buf *out, int64_t t)
{
	char text[CLOCK_TEXT_SIZE];

	clock_text(t, text);
	buf_put(out, text, 10);
	buf_put_u8(out, ' ');
	buf_put(out, text + 11, 5);
}

void
value_number(struct buf *out, int64_t v)
{
	if (v < 0) {
		buf_put_u8(out, '-');
		v = v == INT64_MIN ? INT64_MAX : -v;
	}
	if (v >= 1000) {
		value_number(out, v / 1000);
		buf_printf(out, ",%03d", (int)(v % 1000));
	} else {
		buf_printf(out, "%d", (int)v);
	}
}

static void
put_list(struct buf *out, const struct record *r, unsigned f, enum field_type type)
{
	for (size_t i = 0; i < record_count(r, f); i++) {
		if (i > 0)
			buf_put_text(out, ", ");
		if (type == FIELD_INTS)
			buf_printf(out, "%" PRId64, record_int_at(r, f, i));
		else
			buf_put_text(out, record_text_at(r, f, i));
	}
}

static void
put_value(struct buf *out, const struct record *r, unsigned f, bool exact)
{
	enum field_type type = record_schema(r)->fields[f].type;
	char text[CLOCK_TEXT_SIZE];

	if (!record_has(r, f))
		return;
	switch (type) {
	case FIELD_BOOL:
		buf_put_text(out, record_int(r, f) ? "yes" : "no");
		break;
	case FIELD_INT:
		buf_printf(out, "%" PRId64, record_int(r, f));
		break;
	case FIELD_TIME:
		clock_text(record_int(r, f), text);
		if (exact)
			buf_put_text(out, text);
		else
			value_time(out, record_int(r, f));
		break;
	case FIELD_DATE:
		clock_date_text(record_int(r, f), text);
		buf_put_text(out, text);
		break;
	case FIELD_TEXT:
	case FIELD_ENUM:
		buf_put_text(out, record_text(r, f));
		break;
	case FIELD_INTS:
	case FIELD_TEXTS:
		put_list(out, r, f, type);
		break;
	case FIELD_BYTES:
	case FIELD_SECRET:
	case FIELD_RECORDS:
	case FIELD__COUNT:
		break;
	}
}

void
value_text(struct buf *out, const struct record *r, unsigned field)
{
	put_value(out, r, field, false);
}

void
value_cell(struct buf *out, const struct record *r, unsigned field)
{
	put_value(out, r, field, true);
}

enum draw_style
value_style(const char *word)
{
	static const char *const good[] = {"live", "serving", "working", "delivered",
		"done", "complete", "consistent"};
	static const char *const bad[] = {"quarantined", "revoked", "ended", "missing",
		"ahead", "broken", "denied"};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		if (strcmp(word, good[i]) == 0)
			return DRAW_GOOD;
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (strcmp(word, bad[i]) == 0)
			return DRAW_BAD;
	}
	return DRAW_WARN;
}
