#include "admin-tui/frame.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "admin-tui/input.h"
#include "core/model/model.h"

#define TEXT_SIZE     512
#define SLOW_MS       400
#define ROWS_LEAST    10
#define COLUMNS_LEAST 40

/* What the bar says at its right end: waiting, not connected, or who one is. */
static void
state_text(struct console *c, char *out, size_t size)
{
	const struct record *status = console_status(c);
	uint64_t waiting = api_waiting_ms(console_api(c));
	struct fault fault;

	if (api_state(console_api(c), &fault) != KERR_OK)
		snprintf(out, size, "! not connected");
	else if (waiting >= SLOW_MS)
		snprintf(out, size, "waiting %" PRIu64 " s", waiting / 1000);
	else if (status == NULL)
		snprintf(out, size, "connecting");
	else
		snprintf(out, size, "%s %s %s", record_text(status, STATUS_YOU),
			draw_sign(DRAW_DOT), record_text(status, STATUS_PHASE));
}

static void
draw_bar(const struct frame *f, const struct area *all)
{
	char left[TEXT_SIZE], right[TEXT_SIZE];
	struct buf place;
	const char *text = NULL;
	int width;

	buf_init(&place, TEXT_SIZE);
	if (f->screen->kind->place != NULL)
		f->screen->kind->place(f->screen, &place);
	if (place.len > 0)
		text = buf_text(&place);
	snprintf(left, sizeof(left), " keyd %s %s%s%s", draw_sign(DRAW_DOT),
		f->screen->kind->title, text != NULL ? "  " : "",
		text != NULL ? text : "");
	state_text(f->console, right, sizeof(right) - 1);
	width = draw_width(right);
	if (width > all->columns / 2)
		width = all->columns / 2;
	draw_text(0, 0, all->columns, DRAW_BAR, left);
	draw_text(0, all->columns - width - 2, 1, DRAW_BAR, "");
	draw_text(0, all->columns - width - 1, width, DRAW_BAR, right);
	buf_clear(&place);
}

static bool
is_own(const struct screen *s, enum action_id id)
{
	return !action_everywhere(id) && action_on(id, s->kind->name) &&
	       (s->kind->offers == NULL || s->kind->offers(s, id));
}

static bool
draw_hint(const struct area *all, int *column, enum action_id id)
{
	char key[16];
	const char *name = action_at(id)->name;
	int width;

	input_key_name(action_at(id)->keys[0], key, sizeof(key));
	width = draw_width(key) + 1 + draw_width(name) + 2;
	if (*column + width > all->columns)
		return false;
	draw_text(all->rows - 1, *column, draw_width(key), DRAW_KEY, key);
	draw_text(all->rows - 1, *column + draw_width(key) + 1, draw_width(name),
		DRAW_DIM, name);
	*column += width;
	return true;
}

/* The screen's own first, then what goes everywhere, as far as there is room. */
static void
draw_hints(const struct frame *f, const struct area *all)
{
	static const enum action_id everywhere[] = {
		ACTION_HELP, ACTION_CLOSE, ACTION_FIND, ACTION_PASTE};
	int column = 1;

	if (f->screen->kind->modal) {
		draw_text(all->rows - 1, 1, all->columns - 1, DRAW_DIM,
			"Enter you have it   Esc you do not");
		return;
	}
	for (int id = 0; id < ACTION__COUNT; id++) {
		if (is_own(f->screen, (enum action_id)id) &&
			!draw_hint(all, &column, (enum action_id)id))
			return;
	}
	for (size_t i = 0; i < sizeof(everywhere) / sizeof(everywhere[0]); i++) {
		if (!draw_hint(all, &column, everywhere[i]))
			return;
	}
}

static void
draw_note(const struct frame *f, const struct area *all)
{
	struct fault fault;
	enum kerr err = api_state(console_api(f->console), &fault);

	if (f->note[0] != '\0')
		draw_text(all->rows - 2, 1, all->columns - 1, f->note_style, f->note);
	else if (err != KERR_OK)
		draw_text(all->rows - 2, 1, all->columns - 1, DRAW_WARN, fault.text);
}

void
frame_draw(const struct frame *f)
{
	struct area all = draw_screen();
	struct area body = {.row = 1, .columns = all.columns, .rows = all.rows - 3};
	struct area under = {.row = 1, .columns = all.columns, .rows = all.rows - 2};

	draw_clear();
	if (all.rows < ROWS_LEAST || all.columns < COLUMNS_LEAST) {
		draw_text(0, 0, all.columns, DRAW_PLAIN, "This terminal is too small.");
		return;
	}
	draw_bar(f, &all);
	f->screen->area = body;
	f->screen->kind->draw(f->screen, &body);
	if (f->form != NULL) {
		form_draw(f->form, &under);
		draw_text(all.rows - 1, 1, all.columns - 1, DRAW_DIM,
			"Enter on   Esc give up");
		if (f->note[0] != '\0')
			draw_text(
				all.rows - 1, 1, all.columns - 1, f->note_style, f->note);
		return;
	}
	draw_note(f, &all);
	draw_hints(f, &all);
}
