#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "keyd/cli/cli.h"

/* Help from the table of commands and the schemas. */

#define OPTION_COLUMN 32
#define LINE_COLUMNS  79
#define TEXT_SIZE     1024

static void
pad_to(struct buf *out, size_t start, size_t column)
{
	size_t written = out->len - start;

	do
		buf_put_u8(out, ' ');
	while (++written < column);
}

/* Sentences broken at blanks, further lines at that column. */
static void
put_wrapped(struct buf *out, const char *text, size_t len, size_t indent)
{
	const char *end = text + len;
	size_t column = indent;

	while (text < end) {
		size_t n = strcspn(text, " ");

		if (n > (size_t)(end - text))
			n = (size_t)(end - text);
		if (column > indent && column + 1 + n > LINE_COLUMNS) {
			buf_put_u8(out, '\n');
			for (column = 0; column < indent; column++)
				buf_put_u8(out, ' ');
		} else if (column > indent) {
			buf_put_u8(out, ' ');
			column++;
		}
		buf_put(out, text, n);
		column += n;
		text += n;
		text += strspn(text, " ");
	}
	buf_put_u8(out, '\n');
}

/* What stands for the value of a field's option. */
static const char *
placeholder(const struct field *field)
{
	static const char *const texts[FIELD__COUNT] = {
		[FIELD_BOOL] = "",
		[FIELD_INT] = " N",
		[FIELD_TIME] = " TIME",
		[FIELD_DATE] = " DATE",
		[FIELD_TEXT] = " TEXT",
		[FIELD_ENUM] = " WORD",
		[FIELD_BYTES] = "",
		[FIELD_SECRET] = "",
		[FIELD_INTS] = " N,N",
		[FIELD_TEXTS] = " A,B",
		[FIELD_RECORDS] = " WORD,FIELD=VALUE",
	};

	return texts[field->type];
}

static void
put_sub_fields(struct buf *out, const struct schema *s)
{
	buf_put_text(out, " (");
	for (unsigned f = 0; f < s->count; f++)
		buf_printf(out, "%s%s", f ? ", " : "", s->fields[f].name);
	buf_put_u8(out, ')');
}

static void
put_bounds(struct buf *out, const struct field *field)
{
	if (field->type == FIELD_INT && field->max < INT64_MAX)
		buf_printf(out, " (%" PRId64 " to %" PRId64 ")", field->min, field->max);
	if (field->type == FIELD_RECORDS)
		put_sub_fields(out, field->sub);
	if (field->type != FIELD_ENUM)
		return;
	buf_put_text(out, " (");
	for (size_t i = 0; field->words[i]; i++)
		buf_printf(out, "%s%s", i ? ", " : "", field->words[i]);
	buf_put_u8(out, ')');
}

static void
put_field(
	struct buf *out, const struct command *c, const struct field *field, bool filter)
{
	bool required = !filter && (field->flags & FIELD_REQUIRED) &&
			!(c->flags & COMMAND_CHANGE);
	size_t start = out->len;
	struct buf text;
	char name[64];

	field_option(field, name, sizeof(name));
	buf_printf(out, "  --%s%s", name, placeholder(field));
	pad_to(out, start, OPTION_COLUMN);
	buf_init(&text, TEXT_SIZE);
	buf_put_text(&text, filter ? "only: " : "");
	buf_put_text(&text, field->doc);
	put_bounds(&text, field);
	buf_put_text(&text, required ? "; required" : "");
	put_wrapped(out, buf_text(&text) ? buf_text(&text) : "", text.len, OPTION_COLUMN);
	buf_clear(&text);
}

static void
put_own(struct buf *out, enum option o)
{
	const struct option_row *row = option_row(o);
	size_t start = out->len;

	buf_printf(out, "  --%s%s%s", row->name, row->value ? " " : "",
		row->value ? row->value : "");
	pad_to(out, start, OPTION_COLUMN);
	put_wrapped(out, row->doc, strlen(row->doc), OPTION_COLUMN);
}

static void
put_exits(struct buf *out)
{
	buf_put_text(out,
		"exit codes: 0 done, 1 failed, 2 usage or invalid input, 3 not found,\n"
		"  4 not allowed, 5 conflict, 6 keyd not reachable, sealed or not "
		"ready,\n"
		"  7 busy or full\n");
}

void
help_put_command(struct buf *out, const struct command *c)
{
	buf_printf(out, "usage: keyd %s%s%s [OPTION]...\n\n", c->words,
		c->operands[0] ? " " : "", c->operands);
	put_wrapped(out, c->doc, strlen(c->doc), 0);
	buf_put_text(out, "\noptions:\n");
	for (unsigned f = 0; c->body && f < c->body->count; f++) {
		if (command_has_field(c, f))
			put_field(out, c, &c->body->fields[f], false);
	}
	for (unsigned f = 0; command_takes(c, OPTION_FILTER) && f < c->answer->count;
		f++) {
		if (c->answer->fields[f].flags & FIELD_FILTER)
			put_field(out, c, &c->answer->fields[f], true);
	}
	for (int o = 0; o < OPTION__COUNT; o++) {
		if (c->options & OPTION_BIT(o))
			put_own(out, (enum option)o);
	}
	for (int o = 0; o < OPTION__COUNT; o++) {
		if (OPTIONS_ALL & OPTION_BIT(o))
			put_own(out, (enum option)o);
	}
	buf_printf(out, "\nexample: %s\n\n", c->example);
	put_exits(out);
}

static bool
belongs(const char *words, const char *group)
{
	size_t len = strlen(group);

	return !len ||
	       (strncmp(words, group, len) == 0 && (words[len] == ' ' || !words[len]));
}

/* The first sentence. */
static void
put_first(struct buf *out, const char *doc)
{
	const char *end = strstr(doc, ". ");
	size_t n = end ? (size_t)(end - doc) + 1 : strlen(doc);

	put_wrapped(out, doc, n, OPTION_COLUMN);
}

/* One line for a kind's four verbs keeps the list of all on a screen or two. */
static void
put_all(struct buf *out)
{
	for (size_t i = 0; i < commands_count(); i++) {
		const struct command *c = command_at(i);
		const struct command *next;
		size_t first = strcspn(c->words, " "), start = out->len;

		buf_put_text(out, "  ");
		buf_put(out, c->words, first);
		if (c->words[first])
			buf_printf(out, "%s", c->words + first);
		while (c->words[first] && (next = command_at(i + 1)) &&
			strncmp(next->words, c->words, first + 1) == 0 &&
			!strchr(next->words + first + 1, ' ')) {
			buf_printf(out, "|%s", next->words + first + 1);
			i++;
		}
		if (i < commands_count() && command_at(i) == c) {
			pad_to(out, start, OPTION_COLUMN);
			put_first(out, c->doc);
		} else {
			buf_put_u8(out, '\n');
		}
	}
}

void
help_put_group(struct buf *out, const char *words)
{
	buf_printf(out, "usage: keyd %s%sCOMMAND [OPTION]...\n\n", words,
		words[0] ? " " : "");
	if (!words[0])
		buf_put_text(out, "Keys and secrets for Ed-Fi: a client of keyd's local "
				  "socket.\n\n");
	buf_put_text(out, "commands:\n");
	if (!words[0])
		put_all(out);
	for (size_t i = 0; words[0] && i < commands_count(); i++) {
		const struct command *c = command_at(i);
		size_t start = out->len;

		if (!belongs(c->words, words))
			continue;
		buf_printf(out, "  %s%s%s", c->words, c->operands[0] ? " " : "",
			c->operands);
		pad_to(out, start, OPTION_COLUMN);
		put_first(out, c->doc);
	}
	buf_put_text(out, "\noptions of every command:\n");
	for (int o = 0; o < OPTION__COUNT; o++) {
		if (OPTIONS_ALL & OPTION_BIT(o))
			put_own(out, (enum option)o);
	}
	buf_put_text(out, "\nkeyd help COMMAND, or COMMAND --help, says more\n\n");
	put_exits(out);
}
