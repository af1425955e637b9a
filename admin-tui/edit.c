#include "admin-tui/edit.h"

#include <string.h>

#include "admin-tui/input.h"
#include "core/text.h"

void
edit_init(struct edit *e, size_t max)
{
	buf_init(&e->text, max);
	e->at = 0;
}

void
edit_clear(struct edit *e)
{
	buf_clear(&e->text);
	e->at = 0;
}

void
edit_set(struct edit *e, const char *text)
{
	buf_reset(&e->text);
	buf_put_text(&e->text, text);
	if (buf_error(&e->text) != KERR_OK)
		buf_reset(&e->text);
	e->at = e->text.len;
}

const char *
edit_text(struct edit *e)
{
	const char *text = buf_text(&e->text);

	return text != NULL ? text : "";
}

static size_t
next(const struct edit *e, size_t at)
{
	uint32_t c;
	bool hidden;
	size_t n =
		text_next((const char *)e->text.data + at, e->text.len - at, &c, &hidden);

	return at + (n > 0 ? n : 1);
}

static size_t
before(const struct edit *e, size_t at)
{
	do {
		at--;
	} while (at > 0 && (e->text.data[at] & 0xc0) == 0x80);
	return at;
}

static void
cut(struct edit *e, size_t from, size_t to)
{
	size_t gone = to - from;

	memmove(e->text.data + from, e->text.data + to, e->text.len - to);
	memset(e->text.data + e->text.len - gone, 0, gone);
	e->text.len -= gone;
	e->at = from;
}

static void
cut_word(struct edit *e)
{
	size_t from = e->at;

	while (from > 0 && e->text.data[from - 1] == ' ')
		from--;
	while (from > 0 && e->text.data[from - 1] != ' ')
		from--;
	cut(e, from, e->at);
}

/* All or, when it does not fit, nothing. */
static void
put_in(struct edit *e, const char *bytes, size_t n)
{
	uint8_t *room;

	if (n > e->text.max - 1 - e->text.len)
		return;
	room = buf_reserve(&e->text, n);
	if (room == NULL) {
		edit_clear(e);
		return;
	}
	buf_added(&e->text, n);
	memmove(e->text.data + e->at + n, e->text.data + e->at, e->text.len - n - e->at);
	memcpy(e->text.data + e->at, bytes, n);
	e->at += n;
}

void
edit_insert(struct edit *e, const char *text, size_t len)
{
	size_t at = 0;

	while (at < len) {
		uint32_t c;
		bool hidden = true;
		size_t n = text_next(text + at, len - at, &c, &hidden);

		if (n > 0 && !hidden)
			put_in(e, text + at, n);
		at += n > 0 ? n : 1;
	}
}

static void
put_character(struct edit *e, uint32_t c)
{
	char bytes[4];
	size_t n = 0;

	if (c < 0x80) {
		bytes[n++] = (char)c;
	} else if (c < 0x800) {
		bytes[n++] = (char)(0xc0 | c >> 6);
	} else if (c < 0x10000) {
		bytes[n++] = (char)(0xe0 | c >> 12);
		bytes[n++] = (char)(0x80 | (c >> 6 & 0x3f));
	} else {
		bytes[n++] = (char)(0xf0 | c >> 18);
		bytes[n++] = (char)(0x80 | (c >> 12 & 0x3f));
		bytes[n++] = (char)(0x80 | (c >> 6 & 0x3f));
	}
	if (c >= 0x80)
		bytes[n++] = (char)(0x80 | (c & 0x3f));
	edit_insert(e, bytes, n);
}

static bool
move_key(struct edit *e, uint32_t key)
{
	switch (key) {
	case INPUT_LEFT:
	case INPUT_CTRL('b'):
		if (e->at > 0)
			e->at = before(e, e->at);
		return true;
	case INPUT_RIGHT:
	case INPUT_CTRL('f'):
		if (e->at < e->text.len)
			e->at = next(e, e->at);
		return true;
	case INPUT_HOME:
	case INPUT_CTRL('a'):
		e->at = 0;
		return true;
	case INPUT_END:
	case INPUT_CTRL('e'):
		e->at = e->text.len;
		return true;
	}
	return false;
}

static bool
cut_key(struct edit *e, uint32_t key)
{
	switch (key) {
	case INPUT_BACKSPACE:
		if (e->at > 0)
			cut(e, before(e, e->at), e->at);
		return true;
	case INPUT_DELETE:
	case INPUT_CTRL('d'):
		if (e->at < e->text.len)
			cut(e, e->at, next(e, e->at));
		return true;
	case INPUT_CTRL('u'):
		cut(e, 0, e->at);
		return true;
	case INPUT_CTRL('k'):
		cut(e, e->at, e->text.len);
		return true;
	case INPUT_CTRL('w'):
		cut_word(e);
		return true;
	}
	return false;
}

bool
edit_key(struct edit *e, uint32_t key)
{
	if (key < INPUT_ENTER) {
		put_character(e, key);
		return true;
	}
	return move_key(e, key) || (e->text.data != NULL && cut_key(e, key));
}

static void
draw_hidden(const struct edit *e, int row, int column, int width)
{
	struct buf b;
	size_t signs = 0;

	buf_init(&b, 4096);
	for (size_t at = 0; at < e->text.len && (int)signs < width - 1; signs++) {
		at = next(e, at);
		buf_put_text(&b, draw_sign(DRAW_HIDDEN));
	}
	draw_text(row, column, width, DRAW_INPUT, buf_text(&b));
	draw_cursor(row, column + (int)signs);
	buf_clear(&b);
}

void
edit_draw(struct edit *e, int row, int column, int width, bool hidden)
{
	struct buf head;
	size_t from = 0;
	int shown;

	if (hidden) {
		draw_hidden(e, row, column, width);
		return;
	}
	buf_init(&head, 8192);
	for (;;) {
		buf_reset(&head);
		buf_put(&head, e->text.data + from, e->at - from);
		shown = draw_width(
			buf_text(&head) != NULL ? (const char *)head.data : "");
		if (shown < width || from >= e->at)
			break;
		from = next(e, from);
	}
	draw_text(row, column, width, DRAW_INPUT, edit_text(e) + from);
	draw_cursor(row, column + shown);
	buf_clear(&head);
}
