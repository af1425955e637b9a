#include "admin-tui/form.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "admin-tui/input.h"
#include "core/arena.h"
#include "core/credential.h"

#define LINES_MAX 8
#define LINE_SIZE 640

struct field {
	const char *label;
	struct edit edit;
	unsigned flags;
};

struct form {
	struct form_hooks hooks;
	char lines[LINES_MAX][LINE_SIZE];
	size_t line_count;
	struct field fields[FORM_FIELDS];
	size_t field_count, focus;
	char error[LINE_SIZE];
	char candidates[LINE_SIZE]; /* of the last completion */
	bool waiting;
};

struct form *
form_new(const struct form_hooks *hooks)
{
	struct form *f = mem_new(1, sizeof(*f));

	if (f != NULL)
		f->hooks = *hooks;
	return f;
}

void
form_free(struct form *f)
{
	if (f == NULL)
		return;
	if (f->hooks.closed != NULL)
		f->hooks.closed(f, f->hooks.with);
	for (size_t i = 0; i < f->field_count; i++)
		edit_clear(&f->fields[i].edit);
	mem_free(f);
}

void
form_say(struct form *f, const char *fmt, ...)
{
	va_list args;

	if (f->line_count == LINES_MAX)
		return;
	va_start(args, fmt);
	vsnprintf(f->lines[f->line_count++], LINE_SIZE, fmt, args);
	va_end(args);
}

void
form_ask(struct form *f, const char *label, const char *text, size_t max, unsigned flags)
{
	struct field *field;

	if (f->field_count == FORM_FIELDS)
		return;
	field = &f->fields[f->field_count++];
	field->label = label;
	field->flags = flags;
	edit_init(&field->edit, max + 1);
	edit_set(&field->edit, text);
}

const char *
form_text(struct form *f, size_t field)
{
	return field < f->field_count ? edit_text(&f->fields[field].edit) : "";
}

void
form_fail(struct form *f, const char *why)
{
	snprintf(f->error, sizeof(f->error), "%s", why);
	f->waiting = false;
}

void
form_wait(struct form *f)
{
	f->waiting = true;
	f->error[0] = '\0';
}

static size_t
shared_len(const char *a, const char *b)
{
	size_t n = 0;

	while (a[n] != '\0' && a[n] == b[n])
		n++;
	return n;
}

/* Puts in what all candidates share; shows them when that is not more than there was. */
static void
complete(struct form *f)
{
	struct edit *e = &f->fields[f->focus].edit;
	struct buf all, text;
	const char *first;
	size_t shared, shown = 0;

	buf_init(&all, 16384);
	buf_init(&text, LINE_SIZE);
	buf_put(&text, e->text.data, e->at);
	if (buf_text(&text) != NULL)
		f->hooks.complete(f->hooks.with, (const char *)text.data, &all);
	if (buf_error(&all) != KERR_OK || all.len == 0)
		goto out;
	first = (const char *)all.data;
	shared = strlen(first);
	for (size_t at = 0; at < all.len;) {
		const char *one = (const char *)all.data + at;
		size_t n = shared_len(first, one);
		const char *blank = strrchr(one, ' ');

		shared = n < shared ? n : shared;
		at += strlen(one) + 1;
		if (blank == NULL || blank[1] == '\0')
			blank = one - 1;
		if (shown + strlen(blank + 1) + 2 < sizeof(f->candidates))
			shown += (size_t)snprintf(f->candidates + shown,
				sizeof(f->candidates) - shown, "%s%s",
				shown > 0 ? "  " : "", blank + 1);
	}
	if (shared > e->at) {
		edit_insert(e, first + e->at, shared - e->at);
		f->candidates[0] = '\0';
	}
out:
	buf_clear(&all);
	buf_clear(&text);
}

static void
move_focus(struct form *f, bool on)
{
	if (on)
		f->focus = (f->focus + 1) % f->field_count;
	else
		f->focus = (f->focus + f->field_count - 1) % f->field_count;
}

enum form_outcome
form_key(struct form *f, uint32_t key)
{
	if (key == INPUT_ESCAPE || key == INPUT_CTRL('c'))
		return FORM_GIVEN_UP;
	if (f->waiting)
		return FORM_STAYS;
	f->candidates[0] = '\0';
	if (key == INPUT_ENTER && f->focus + 1 >= f->field_count)
		f->hooks.submit(f, f->hooks.with);
	else if (f->field_count == 0)
		return FORM_STAYS;
	else if (key == INPUT_TAB && f->hooks.complete != NULL)
		complete(f);
	else if (key == INPUT_TAB || key == INPUT_DOWN)
		move_focus(f, true);
	else if (key == INPUT_BACKTAB || key == INPUT_UP)
		move_focus(f, false);
	else if (key == INPUT_ENTER)
		move_focus(f, true);
	else if (edit_key(&f->fields[f->focus].edit, key))
		f->error[0] = '\0';
	return FORM_STAYS;
}

enum form_outcome
form_paste(struct form *f, const char *text, size_t len)
{
	struct field *field = &f->fields[f->focus];

	if (f->waiting || f->field_count == 0)
		return FORM_STAYS;
	if (!(field->flags & FORM_HIDDEN) && credential_looks_secret(text, len))
		return FORM_LOOKS_SECRET;
	edit_insert(&field->edit, text, len);
	if (field->flags & FORM_HIDDEN)
		f->hooks.submit(f, f->hooks.with);
	return FORM_STAYS;
}

int
form_rows(const struct form *f)
{
	return 1 + (int)f->line_count + (int)f->field_count + 1;
}

static void
draw_fields(struct form *f, const struct area *a, int row)
{
	int label = 0;

	for (size_t i = 0; i < f->field_count; i++) {
		int width = draw_width(f->fields[i].label);

		label = width > label ? width : label;
	}
	/* The focused one last: the cursor stays with it. */
	for (size_t n = 1; n <= f->field_count; n++) {
		size_t i = (f->focus + n) % f->field_count;
		struct field *field = &f->fields[i];
		int at = row + (int)i;

		draw_text(at, a->column, a->columns, DRAW_PLAIN, "");
		draw_text(at, a->column + 1, label, DRAW_KEY, field->label);
		edit_draw(&field->edit, at, a->column + label + 2, a->columns - label - 3,
			field->flags & FORM_HIDDEN);
	}
}

void
form_draw(struct form *f, const struct area *a)
{
	int row = a->row + a->rows - form_rows(f);
	const char *below = f->error;

	for (int i = 0; i < a->columns; i++)
		draw_text(row, a->column + i, 1, DRAW_DIM, draw_sign(DRAW_DASH));
	row++;
	for (size_t i = 0; i < f->line_count; i++, row++)
		draw_text(row, a->column, a->columns, DRAW_PLAIN, f->lines[i]);
	draw_fields(f, a, row);
	row += (int)f->field_count;
	draw_text(row, a->column, a->columns, DRAW_PLAIN, "");
	if (f->waiting)
		below = "asking keyd ...";
	else if (f->error[0] == '\0')
		below = f->candidates;
	draw_text(row, a->column + 1, a->columns - 1,
		f->waiting || f->error[0] == '\0' ? DRAW_DIM : DRAW_BAD, below);
}
