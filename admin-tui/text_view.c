#include "admin-tui/text_view.h"

#include <string.h>

#include "core/text.h"

#define TEXT_MAX ((size_t)1 << 18)

void
text_view_init(struct text_view *v)
{
	*v = (struct text_view){0};
	buf_init(&v->text, TEXT_MAX);
}

void
text_view_clear(struct text_view *v)
{
	buf_clear(&v->text);
}

/* Draws the row with that number if it is in view. */
static void
draw_row(const struct text_view *v, const struct area *a, size_t row, const char *text,
	size_t len)
{
	char piece[1024];

	if (row < v->top || row >= v->top + (size_t)a->rows)
		return;
	if (len >= sizeof(piece))
		len = sizeof(piece) - 1;
	memcpy(piece, text, len);
	piece[len] = '\0';
	draw_text(a->row + (int)(row - v->top), a->column + 1, a->columns - 1,
		len > 0 && text[0] != ' ' ? DRAW_HEAD : DRAW_PLAIN, piece);
}

void
text_view_draw(struct text_view *v, const struct area *a)
{
	size_t width = a->columns > 12 ? (size_t)a->columns - 2 : 10, row = 0;
	struct buf line;

	v->height = a->rows;
	buf_init(&line, TEXT_MAX);
	for (size_t at = 0; at < v->text.len;) {
		const char *text = (const char *)v->text.data + at;
		const char *end = memchr(text, '\n', v->text.len - at);
		size_t len = end != NULL ? (size_t)(end - text) : v->text.len - at;
		size_t from = 0;

		/* Broken by what will be seen, so scrubbed first; drawing again finds
		 * nothing more. */
		buf_reset(&line);
		text_scrub(&line, text, len);
		do {
			const char *rest = (const char *)line.data + from;
			size_t n = text_prefix(rest, line.len - from, width);

			draw_row(v, a, row++, rest, n);
			from += n > 0 ? n : line.len - from;
		} while (from < line.len);
		at += len + 1;
	}
	v->rows = row;
	buf_clear(&line);
}

bool
text_view_act(struct text_view *v, enum action_id action)
{
	size_t page = v->height > 1 ? (size_t)v->height - 1 : 1;
	size_t most = v->rows > (size_t)v->height ? v->rows - (size_t)v->height : 0;
	size_t by = action == ACTION_UP || action == ACTION_DOWN ? 1 : page;

	if (action == ACTION_TOP)
		v->top = 0;
	else if (action == ACTION_BOTTOM)
		v->top = most;
	else if (action == ACTION_UP || action == ACTION_PAGE_UP)
		v->top = v->top > by ? v->top - by : 0;
	else if (action == ACTION_DOWN || action == ACTION_PAGE_DOWN)
		v->top = v->top + by < most ? v->top + by : most;
	else
		return false;
	return true;
}
