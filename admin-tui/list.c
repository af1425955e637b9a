#include "admin-tui/list.h"

#include "admin-tui/value.h"
#include "core/buf.h"

#define COLUMNS_MAX 16
#define CELL_MAX    8192

void
list_fit(struct list *l, size_t count, int height)
{
	size_t h = height > 0 ? (size_t)height : 1;

	if (l->at >= count && l->at != LIST_NONE)
		l->at = count > 0 ? count - 1 : 0;
	if (l->at < l->top)
		l->top = l->at;
	if (l->at >= l->top + h && l->at != LIST_NONE)
		l->top = l->at - h + 1;
	if (l->top + h > count)
		l->top = count > h ? count - h : 0;
}

static void
step(struct list *l, bool down, size_t by, size_t count)
{
	bool towards_more = down != l->backward;

	if (towards_more)
		l->at = l->at + by < count ? l->at + by : count > 0 ? count - 1 : 0;
	else
		l->at = l->at > by ? l->at - by : 0;
}

bool
list_move(struct list *l, enum action_id action, size_t count, int height)
{
	size_t page = height > 1 ? (size_t)height - 1 : 1;

	if (action == ACTION_UP || action == ACTION_DOWN)
		step(l, action == ACTION_DOWN, 1, count);
	else if (action == ACTION_PAGE_UP || action == ACTION_PAGE_DOWN)
		step(l, action == ACTION_PAGE_DOWN, page, count);
	else if (action == ACTION_TOP || action == ACTION_BOTTOM)
		step(l, action == ACTION_BOTTOM, count, count);
	else
		return false;
	list_fit(l, count, height);
	return true;
}

int
list_height(const struct area *a)
{
	return a->rows - 1;
}

static int
weight(const struct list_column *c)
{
	return c->share > 0 ? c->share : 1;
}

/* What each column gets; below 0: the screen has no room for it. */
static void
share(const struct area *a, const struct list_column *columns, size_t count, int *widths)
{
	int left = a->columns - 2, shares = 0;

	for (size_t i = 0; i < count; i++) {
		widths[i] = a->columns >= columns[i].from ? columns[i].width : -1;
		if (widths[i] >= 0)
			left -= widths[i] + (i + 1 < count ? 1 : 0);
		shares += widths[i] == 0 ? weight(&columns[i]) : 0;
	}
	for (size_t i = 0; i < count; i++) {
		if (widths[i] != 0)
			continue;
		widths[i] = left > 0 ? left * weight(&columns[i]) / shares : 0;
		left -= widths[i];
		shares -= weight(&columns[i]);
	}
}

struct layout {
	const struct list_column *columns;
	const int *widths;
	size_t count;
};

static void
draw_row(const struct area *a, int row, const struct layout *layout,
	const struct record *r, bool selected)
{
	int column = a->column + 2;
	struct buf cell;

	draw_text(row, a->column, a->columns, selected ? DRAW_SELECTED : DRAW_PLAIN,
		selected ? draw_sign(DRAW_MARK) : "");
	if (r == NULL) {
		draw_text(row, column, 1, selected ? DRAW_SELECTED : DRAW_DIM,
			draw_sign(DRAW_MORE));
		return;
	}
	buf_init(&cell, CELL_MAX);
	for (size_t i = 0; i < layout->count; i++) {
		enum draw_style style = selected ? DRAW_SELECTED : DRAW_PLAIN;
		const char *text;

		if (layout->widths[i] <= 0)
			continue;
		buf_reset(&cell);
		value_text(&cell, r, layout->columns[i].field);
		text = buf_text(&cell);
		if (text == NULL)
			text = "?";
		if (layout->columns[i].state && !selected)
			style = value_style(text);
		draw_text(row, column, layout->widths[i], style, text);
		column += layout->widths[i] + 1;
	}
	buf_clear(&cell);
}

void
list_draw(struct list *l, const struct area *a, const struct list_column *columns,
	size_t column_count, const struct list_rows *rows)
{
	int widths[COLUMNS_MAX], height = list_height(a), column = a->column + 2;
	struct layout layout = {.columns = columns, .widths = widths};
	size_t shown = rows->count < (size_t)height ? rows->count : (size_t)height;

	if (column_count > COLUMNS_MAX)
		column_count = COLUMNS_MAX;
	layout.count = column_count;
	list_fit(l, rows->count, height);
	share(a, columns, column_count, widths);
	for (size_t i = 0; i < column_count; i++) {
		if (widths[i] <= 0)
			continue;
		draw_text(a->row, column, widths[i], DRAW_HEAD, columns[i].title);
		column += widths[i] + 1;
	}
	for (size_t i = 0; i < shown; i++) {
		size_t at = l->top + (l->backward ? shown - 1 - i : i);

		draw_row(a, a->row + 1 + (int)i, &layout, rows->row(rows->with, at),
			at == l->at);
	}
}
