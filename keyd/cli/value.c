#include "keyd/cli/arguments.h"

#include <string.h>

#include "core/clock.h"
#include "core/text.h"
#include "keyd/parent/config/nearest.h"

/* From the text of an option to the value of a field. */

static const char *
form_of(enum field_type type)
{
	static const char *const forms[FIELD__COUNT] = {
		[FIELD_BOOL] = "yes or no",
		[FIELD_INT] = "a whole number",
		[FIELD_TIME] = "a time in UTC like 2026-11-24T17:00:00Z",
		[FIELD_DATE] = "a date like 2026-11-24",
		[FIELD_TEXT] = "a text",
		[FIELD_ENUM] = "a word",
		[FIELD_BYTES] = "bytes",
		[FIELD_SECRET] = "a secret, which is never typed into an argument",
		[FIELD_INTS] = "whole numbers, parted by commas",
		[FIELD_TEXTS] = "texts, parted by commas",
		[FIELD_RECORDS] = "WORD,FIELD=VALUE",
	};

	return forms[type];
}

static enum kerr
refuse_form(const struct field *field, struct fault *fault)
{
	return fault_set(
		fault, KERR_INVALID, field->name, "it must be %s", form_of(field->type));
}

static enum kerr
set_word(struct record *r, unsigned f, const char *text, size_t len, struct fault *fault)
{
	const struct field *field = &record_schema(r)->fields[f];
	struct buf list;
	const char *near = nearest_word(text, field->words), *all;
	enum kerr err;

	for (int64_t i = 0; field->words[i]; i++) {
		if (strlen(field->words[i]) == len &&
			memcmp(field->words[i], text, len) == 0) {
			record_set_int(r, f, i);
			return KERR_OK;
		}
	}
	buf_init(&list, 512);
	for (size_t i = 0; field->words[i]; i++)
		buf_printf(&list, "%s%s", i ? ", " : "", field->words[i]);
	all = buf_text(&list);
	err = fault_set(fault, KERR_INVALID, field->name, "it must be one of %s%s%s%s",
		all ? all : "its words", near ? "; did you mean " : "", near ? near : "",
		near ? "?" : "");
	buf_clear(&list);
	return err;
}

static enum kerr
set_bool(struct record *r, unsigned f, const char *text, size_t len, struct fault *fault)
{
	static const char *const yes[] = {"yes", "true", "1"};
	static const char *const no[] = {"no", "false", "0"};

	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
		bool is_yes = strlen(yes[i]) == len && memcmp(yes[i], text, len) == 0;

		if (is_yes || (strlen(no[i]) == len && memcmp(no[i], text, len) == 0)) {
			record_set_int(r, f, is_yes);
			return KERR_OK;
		}
	}
	return refuse_form(&record_schema(r)->fields[f], fault);
}

static enum kerr
set_number(
	struct record *r, unsigned f, const char *text, size_t len, struct fault *fault)
{
	const struct field *field = &record_schema(r)->fields[f];
	int64_t v = 0;
	enum kerr err;

	if (field->type == FIELD_TIME)
		err = clock_parse(text, len, &v);
	else if (field->type == FIELD_DATE)
		err = clock_date_parse(text, len, &v);
	else
		err = text_to_int(text, len, &v);
	if (err != KERR_OK)
		return refuse_form(field, fault);
	record_set_int(r, f, v);
	return KERR_OK;
}

/* The next element of a list into out, without the backslash before a comma; how far it
 * reached. */
static size_t
next_element(const char *text, char out[FIELD_TEXTS_ITEM_MAX + 1], bool *ret_fits)
{
	size_t at = 0, n = 0;

	*ret_fits = true;
	while (text[at] && text[at] != ',') {
		if (text[at] == '\\' && text[at + 1] == ',')
			at++;
		if (n < FIELD_TEXTS_ITEM_MAX)
			out[n++] = text[at];
		else
			*ret_fits = false;
		at++;
	}
	out[n] = '\0';
	return at;
}

static enum kerr
add_elements(struct record *r, unsigned f, const char *text, struct fault *fault)
{
	const struct field *field = &record_schema(r)->fields[f];
	char element[FIELD_TEXTS_ITEM_MAX + 1];
	enum kerr err = KERR_OK;
	int64_t v = 0;

	if (!*text && !record_has(r, f))
		record_set_empty(r, f);
	while (err == KERR_OK && *text) {
		bool fits;
		size_t n = next_element(text, element, &fits);

		text += n;
		if (*text == ',')
			text++;
		if (!fits ||
			(field->type == FIELD_INTS &&
				text_to_int(element, strlen(element), &v) != KERR_OK))
			return refuse_form(field, fault);
		err = field->type == FIELD_INTS
			      ? record_add_int(r, f, v)
			      : record_add_text(r, f, element, strlen(element));
	}
	return err;
}

/* One "field=value", or the word alone that stands for the first field. */
static enum kerr
set_part(struct record *sub, const struct field *of, const char *part, bool first,
	struct fault *fault)
{
	const struct schema *s = record_schema(sub);
	const char *equals = strchr(part, '=');
	char name[64];
	int f = -1;

	if (!equals && first)
		return value_set(sub, 0, part, fault);
	if (equals && (size_t)(equals - part) < sizeof(name)) {
		memcpy(name, part, (size_t)(equals - part));
		name[equals - part] = '\0';
		f = schema_field(s, name);
	}
	/* Records within records have no written form here. */
	if (f < 0 || s->fields[f].type == FIELD_RECORDS ||
		s->fields[f].type == FIELD_SECRET)
		return refuse_form(of, fault);
	return value_set(sub, (unsigned)f, equals + 1, fault);
}

static enum kerr
add_record(struct record *r, unsigned f, const char *text, struct fault *fault)
{
	const struct field *field = &record_schema(r)->fields[f];
	char part[FIELD_TEXTS_ITEM_MAX + 1];
	struct record *sub;
	enum kerr err = KERR_OK;
	bool first = true;

	if (!*text) {
		if (!record_has(r, f))
			record_set_empty(r, f);
		return KERR_OK;
	}
	sub = record_add_record(r, f);
	if (!sub)
		return KERR_NOMEM;
	while (err == KERR_OK && *text) {
		bool fits;

		text += next_element(text, part, &fits);
		if (*text == ',')
			text++;
		err = fits ? set_part(sub, field, part, first, fault)
			   : refuse_form(field, fault);
		first = false;
	}
	return err;
}

enum kerr
value_set(struct record *r, unsigned f, const char *text, struct fault *fault)
{
	size_t len = strlen(text);

	switch (record_schema(r)->fields[f].type) {
	case FIELD_BOOL:
		return set_bool(r, f, text, len, fault);
	case FIELD_INT:
	case FIELD_TIME:
	case FIELD_DATE:
		return set_number(r, f, text, len, fault);
	case FIELD_ENUM:
		return set_word(r, f, text, len, fault);
	case FIELD_TEXT:
		return record_set_text(r, f, text);
	case FIELD_INTS:
	case FIELD_TEXTS:
		return add_elements(r, f, text, fault);
	case FIELD_RECORDS:
		return add_record(r, f, text, fault);
	case FIELD_BYTES:
	case FIELD_SECRET:
	case FIELD__COUNT:
		break;
	}
	return refuse_form(&record_schema(r)->fields[f], fault);
}

static bool
is_unreserved(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
	       (c >= 'a' && c <= 'z') || c == '-' || c == '_' || c == '.' || c == '~';
}

static void
put_encoded(struct buf *out, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (is_unreserved(text[i]))
			buf_put_u8(out, (uint8_t)text[i]);
		else
			buf_printf(out, "%%%02X", (unsigned)(uint8_t)text[i]);
	}
}

void
query_add(struct buf *query, const char *name, const char *value, size_t len)
{
	if (query->len)
		buf_put_u8(query, '&');
	put_encoded(query, name, strlen(name));
	buf_put_u8(query, '=');
	put_encoded(query, value, len);
}

void
path_add(struct buf *path, const char *segment)
{
	put_encoded(path, segment, strlen(segment));
}
