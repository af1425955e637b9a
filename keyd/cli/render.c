#include "keyd/cli/render.h"

#include <inttypes.h>
#include <langinfo.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/text.h"

#define COLUMNS_MAX 64
#define GAP         2 /* blanks between columns */
#define NARROWEST   8 /* a column is not cut below that */
#define VALUE_MAX   65536
#define INDENT      2
#define SENTENCE    30 /* bytes: a longer element of a list is no word */

struct render
render_for_stdout(void)
{
	struct render how = {0};
	struct winsize size;

	if (isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0)
		how.width = size.ws_col;
	how.ellipsis = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	return how;
}

void
render_text(struct buf *out, const char *text)
{
	text_scrub(out, text, strlen(text));
}

static void
put_elements(struct buf *out, const struct record *r, unsigned f)
{
	bool ints = record_schema(r)->fields[f].type == FIELD_INTS;
	size_t count = record_count(r, f);

	for (size_t i = 0; i < count; i++) {
		if (i)
			buf_put_text(out, ", ");
		if (ints) {
			buf_printf(out, "%" PRId64, record_int_at(r, f, i));
		} else {
			render_text(out, record_text_at(r, f, i));
		}
	}
	if (!count)
		buf_put_text(out, "none");
}

static void
put_time(struct buf *out, int64_t t, bool date)
{
	char text[CLOCK_TEXT_SIZE];

	if (date)
		clock_date_text(t, text);
	else
		clock_text(t, text);
	buf_put_text(out, text);
}

void
render_value(struct buf *out, const struct record *r, unsigned f)
{
	size_t len = 0;

	if (!record_has(r, f)) {
		buf_put_u8(out, '-');
		return;
	}
	switch (record_schema(r)->fields[f].type) {
	case FIELD_BOOL:
		buf_put_text(out, record_int(r, f) ? "yes" : "no");
		break;
	case FIELD_INT:
		buf_printf(out, "%" PRId64, record_int(r, f));
		break;
	case FIELD_TIME:
		put_time(out, record_int(r, f), false);
		break;
	case FIELD_DATE:
		put_time(out, record_int(r, f), true);
		break;
	case FIELD_TEXT:
	case FIELD_ENUM:
		render_text(out, record_text(r, f));
		break;
	case FIELD_BYTES:
		record_bytes(r, f, &len);
		buf_printf(out, "%zu bytes", len);
		break;
	case FIELD_SECRET:
		buf_put_text(out, "(not shown)");
		break;
	case FIELD_INTS:
	case FIELD_TEXTS:
		put_elements(out, r, f);
		break;
	case FIELD_RECORDS:
		buf_printf(out, "%zu", record_count(r, f));
		break;
	case FIELD__COUNT:
		break;
	}
}

static void
pad(struct buf *out, size_t n)
{
	while (n--)
		buf_put_u8(out, ' ');
}

struct column {
	unsigned field;
	size_t width;
	bool number; /* stands to the right */
	bool firm;   /* is never cut: half a key or a date says nothing */
};

struct table {
	struct column columns[COLUMNS_MAX];
	size_t count;
	struct render how;
};

static void
put_heading(struct buf *out, const char *name)
{
	for (; *name; name++)
		buf_put_u8(out,
			(uint8_t)(*name >= 'a' && *name <= 'z' ? *name - 32 : *name));
}

static void
measure(struct table *t, struct record *const *items, size_t count)
{
	struct buf value;

	buf_init(&value, VALUE_MAX);
	for (size_t i = 0; i < t->count; i++) {
		for (size_t k = 0; k < count; k++) {
			size_t width;

			buf_reset(&value);
			render_value(&value, items[k], t->columns[i].field);
			width = text_columns((const char *)value.data, value.len);
			if (width > t->columns[i].width)
				t->columns[i].width = width;
		}
	}
	buf_clear(&value);
}

static size_t
total_width(const struct table *t)
{
	size_t sum = t->count ? GAP * (t->count - 1) : 0;

	for (size_t i = 0; i < t->count; i++)
		sum += t->columns[i].width;
	return sum;
}

/* Takes from the widest column of texts, one by one, until the line fits or nothing may
 * be cut any more. */
static void
fit(struct table *t)
{
	size_t sum = total_width(t);

	while (t->how.width && sum > t->how.width) {
		struct column *widest = NULL;

		for (size_t i = 0; i < t->count; i++) {
			struct column *c = &t->columns[i];

			if (!c->firm && c->width > NARROWEST &&
				(!widest || c->width > widest->width))
				widest = c;
		}
		if (!widest)
			return;
		widest->width--;
		sum--;
	}
}

static void
put_cell(struct buf *out, const struct table *t, size_t i, const struct buf *value)
{
	const struct column *c = &t->columns[i];
	const char *text = (const char *)value->data;
	size_t width = text_columns(text, value->len);
	bool last = i + 1 == t->count;

	if (i)
		pad(out, GAP);
	if (width > c->width) {
		size_t n = text_prefix(text, value->len, c->width - 1);

		width = text_columns(text, n) + 1;
		buf_put(out, text, n);
		buf_put_text(out, t->how.ellipsis ? "\xe2\x80\xa6" : "~");
		text = "";
	} else if (c->number) {
		pad(out, c->width - width);
		width = c->width;
		buf_put(out, text, value->len);
	} else {
		buf_put(out, text, value->len);
	}
	if (!last && width < c->width)
		pad(out, c->width - width);
}

static bool
is_number(const struct field *field)
{
	return field->type == FIELD_INT || field->type == FIELD_RECORDS;
}

static bool
is_firm(const struct field *field)
{
	bool text = field->type == FIELD_TEXT || field->type == FIELD_TEXTS ||
		    field->type == FIELD_INTS;

	return !text || (field->type == FIELD_TEXT && field->min == field->max);
}

void
render_table(struct buf *out, const struct schema *s, struct record *const *items,
	size_t count, struct render how)
{
	struct table t = {.how = how};
	struct buf value;

	for (unsigned f = 0; f < s->count && t.count < COLUMNS_MAX; f++) {
		if (s->fields[f].flags & FIELD_COLUMN)
			t.columns[t.count++] = (struct column){.field = f,
				.width = strlen(s->fields[f].name),
				.number = is_number(&s->fields[f]),
				.firm = is_firm(&s->fields[f])};
	}
	measure(&t, items, count);
	fit(&t);
	buf_init(&value, VALUE_MAX);
	for (size_t i = 0; i < t.count; i++) {
		buf_reset(&value);
		put_heading(&value, s->fields[t.columns[i].field].name);
		put_cell(out, &t, i, &value);
	}
	buf_put_u8(out, '\n');
	for (size_t k = 0; k < count; k++) {
		for (size_t i = 0; i < t.count; i++) {
			buf_reset(&value);
			render_value(&value, items[k], t.columns[i].field);
			put_cell(out, &t, i, &value);
		}
		buf_put_u8(out, '\n');
	}
	buf_clear(&value);
}

static void
put_label(struct buf *out, const char *name, size_t width)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < len; i++)
		buf_put_u8(out, (uint8_t)(name[i] == '_' ? ' ' : name[i]));
	buf_put_u8(out, ':');
	if (width)
		pad(out, width - len + 1);
}

/* Sentences stand on lines of their own. */
static void
put_sentences(struct buf *out, const struct record *r, unsigned f, size_t column)
{
	for (size_t i = 0; i < record_count(r, f); i++) {
		if (i)
			pad(out, column);
		render_text(out, record_text_at(r, f, i));
		buf_put_u8(out, '\n');
	}
}

static bool
has_sentences(const struct record *r, unsigned f)
{
	if (record_schema(r)->fields[f].type != FIELD_TEXTS)
		return false;
	for (size_t i = 0; i < record_count(r, f); i++) {
		if (strlen(record_text_at(r, f, i)) > SENTENCE)
			return true;
	}
	return false;
}

/* Each line of what was rendered, moved to the right. */
static void
put_indented(struct buf *out, const struct buf *block)
{
	size_t at = 0;

	while (at < block->len) {
		const uint8_t *end = memchr(block->data + at, '\n', block->len - at);
		size_t n = end ? (size_t)(end - (block->data + at)) + 1 : block->len - at;

		pad(out, INDENT);
		buf_put(out, block->data + at, n);
		at += n;
	}
}

static void
put_records(struct buf *out, const struct record *r, unsigned f, struct render how)
{
	const struct field *field = &record_schema(r)->fields[f];
	struct record *items[COLUMNS_MAX];
	size_t count = record_count(r, f);
	struct buf block;

	buf_init(&block, VALUE_MAX);
	buf_put_u8(out, '\n');
	if (how.width > INDENT)
		how.width -= INDENT;
	for (size_t i = 0; i < count && i < COLUMNS_MAX; i++)
		items[i] = record_at(r, f, i);
	if (field->max == 1 && count)
		render_record(&block, items[0], how);
	else
		render_table(&block, field->sub, items,
			count < COLUMNS_MAX ? count : COLUMNS_MAX, how);
	put_indented(out, &block);
	if (count > COLUMNS_MAX)
		buf_printf(out, "  and %zu more\n", count - COLUMNS_MAX);
	if (buf_error(&block) != KERR_OK)
		out->err = buf_error(&block);
	buf_clear(&block);
}

void
render_record(struct buf *out, const struct record *r, struct render how)
{
	const struct schema *s = record_schema(r);
	size_t width = 0;

	for (unsigned f = 0; f < s->count; f++) {
		size_t len = strlen(s->fields[f].name);

		if (record_has(r, f) && s->fields[f].type != FIELD_SECRET && len > width)
			width = len;
	}
	for (unsigned f = 0; f < s->count; f++) {
		const struct field *field = &s->fields[f];

		if (!record_has(r, f) || field->type == FIELD_SECRET)
			continue;
		if (field->type == FIELD_RECORDS && record_count(r, f)) {
			put_label(out, field->name, 0);
			put_records(out, r, f, how);
			continue;
		}
		put_label(out, field->name, width);
		if (has_sentences(r, f)) {
			put_sentences(out, r, f, width + 2);
			continue;
		}
		render_value(out, r, f);
		buf_put_u8(out, '\n');
	}
}
