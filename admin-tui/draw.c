#include "admin-tui/draw.h"

#include <langinfo.h>
#include <locale.h>
#include <ncurses.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <term.h>
#include <unistd.h>

/* term.h names its terminfo capabilities as macros. */
#undef columns
#undef lines

#include "admin-tui/terminal.h"
#include "core/buf.h"
#include "core/text.h"

#define TEXT_MAX    65536
#define CONTROL_MAX 128
#define COPY_SIZE   16384

/* Curses has one screen for the process, so has this file. */
static struct {
	SCREEN *screen;
	FILE *file; /* what curses takes for its terminal: a memory file */
	FILE *nothing;
	bool ascii;
	bool colour;
	bool entered;
	bool cursor;
	int cursor_row, cursor_column;
	struct buf text; /* of the piece that is being drawn */
	const struct secret *secret;
	int secret_row;
} draw;

static const char *const signs[DRAW__SIGNS][2] = {
	[DRAW_DOT] = {"\xc2\xb7", "|"},
	[DRAW_DASH] = {"\xe2\x80\x93", "-"},
	[DRAW_MORE] = {"\xe2\x80\xa6", "~"},
	[DRAW_MARK] = {">", ">"},
	[DRAW_HIDDEN] = {"\xe2\x80\xa2", "*"},
};

struct look {
	attr_t attributes;
	short colour; /* -1: the terminal's own */
};

static const struct look looks[DRAW__COUNT] = {
	[DRAW_PLAIN] = {A_NORMAL, -1},
	[DRAW_BAR] = {A_REVERSE, -1},
	[DRAW_HEAD] = {A_BOLD, -1},
	[DRAW_DIM] = {A_DIM, -1},
	[DRAW_GOOD] = {A_NORMAL, COLOR_GREEN},
	[DRAW_WARN] = {A_BOLD, COLOR_YELLOW},
	[DRAW_BAD] = {A_BOLD, COLOR_RED},
	[DRAW_SELECTED] = {A_REVERSE, -1},
	[DRAW_KEY] = {A_BOLD, COLOR_CYAN},
	[DRAW_INPUT] = {A_UNDERLINE, -1},
};

static bool
is_set(const char *name)
{
	const char *value = getenv(name);

	return value != NULL && value[0] != '\0';
}

/* no-color.org: set and not empty means no colour, whatever the terminal can. */
static void
start_colours(void)
{
	draw.colour = !is_set("NO_COLOR") && has_colors() && start_color() == OK &&
		      use_default_colors() == OK;
	for (short i = 0; draw.colour && i < DRAW__COUNT; i++)
		init_pair((short)(i + 1), looks[i].colour, -1);
}

static FILE *
memory_file(void)
{
	int fd = memfd_create("keyd-console", MFD_CLOEXEC);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w+");

	if (f == NULL && fd >= 0)
		close(fd);
	return f;
}

enum kerr
draw_start(struct fault *fault)
{
	const char *type = getenv("TERM");

	if (type == NULL || type[0] == '\0')
		return fault_set(fault, KERR_INVALID, "TERM", "TERM is not set");
	if (setlocale(LC_ALL, "") == NULL)
		setlocale(LC_ALL, "C");
	draw.ascii = is_set("KEYD_ASCII") || strcmp(nl_langinfo(CODESET), "UTF-8") != 0;
	buf_init(&draw.text, TEXT_MAX);
	draw.file = memory_file();
	draw.nothing = fopen("/dev/null", "re");
	if (draw.file == NULL || draw.nothing == NULL)
		return fault_set(fault, KERR_NOMEM, "", "no memory for the screen");
	draw.screen = newterm(type, draw.file, draw.nothing);
	if (draw.screen == NULL)
		return fault_set(fault, KERR_UNSUPPORTED, "TERM",
			"the terminal type \"%.40s\" is not known here (install "
			"ncurses-term, or try TERM=xterm)",
			type);
	if (tigetstr("cup") == NULL)
		return fault_set(fault, KERR_UNSUPPORTED, "TERM",
			"this terminal cannot place its cursor");
	start_colours();
	return KERR_OK;
}

void
draw_stop(void)
{
	if (draw.screen != NULL) {
		delscreen(draw.screen);
		draw.screen = NULL;
	}
	if (draw.file != NULL)
		fclose(draw.file);
	if (draw.nothing != NULL)
		fclose(draw.nothing);
	draw.file = draw.nothing = NULL;
	buf_clear(&draw.text);
}

/* Without the padding ("$<2>") that terminals of long ago wanted: this goes out from a
 * signal handler too, where nobody can wait. */
static void
add_capability(char *out, const char *name)
{
	const char *value = tigetstr(name);
	size_t len = strlen(out);

	if (value == NULL || value == (char *)-1)
		return;
	while (*value != '\0' && len + 1 < CONTROL_MAX) {
		if (value[0] == '$' && value[1] == '<' && strchr(value, '>') != NULL)
			value = strchr(value, '>') + 1;
		else
			out[len++] = *value++;
	}
	out[len] = '\0';
}

void
draw_enter(void)
{
	char before[CONTROL_MAX] = "", after[CONTROL_MAX] = "";

	/* The first time curses does that itself. */
	if (draw.entered)
		add_capability(before, "smcup");
	draw.entered = true;
	add_capability(after, "sgr0");
	add_capability(after, "cnorm");
	add_capability(after, "rmcup");
	terminal_enter(before, after);
	draw_resize();
	draw_repaint();
}

void
draw_resize(void)
{
	int rows = 24, columns = 80;

	terminal_size(&rows, &columns);
	resizeterm(rows, columns);
}

struct area
draw_screen(void)
{
	return (struct area){.rows = LINES, .columns = COLS};
}

void
draw_clear(void)
{
	erase();
	draw.cursor = false;
	draw.secret = NULL;
}

/* What may be shown of a text: scrubbed, and escaped beyond ASCII where the terminal has
 * nothing else. Borrowed until the next call. */
static const char *
presentable(const char *text, size_t *ret_len)
{
	struct buf *b = &draw.text;
	size_t from, len, at = 0;

	buf_reset(b);
	text_scrub(b, text, strlen(text));
	from = b->len;
	if (draw.ascii) {
		/* The escaped copy goes behind the scrubbed one. */
		while (at < from) {
			uint32_t c = 0;
			bool hidden;
			size_t n = text_next(
				(const char *)b->data + at, from - at, &c, &hidden);

			if (n == 1)
				buf_put_u8(b, (uint8_t)c);
			else
				buf_printf(b, "\\u{%x}", (unsigned)c);
			at += n > 0 ? n : 1;
		}
	}
	if (buf_text(b) == NULL) {
		*ret_len = 1;
		return "?";
	}
	len = draw.ascii ? b->len - from : from;
	*ret_len = len;
	return (const char *)b->data + (draw.ascii ? from : 0);
}

static void
set_style(enum draw_style style)
{
	short pair = draw.colour && looks[style].colour >= 0 ? (short)(style + 1) : 0;

	attr_set(looks[style].attributes, pair, NULL);
}

/* Never wider than what is left of the line. */
static int
fit(int row, int column, int width)
{
	if (row < 0 || row >= LINES || column < 0 || column >= COLS)
		return 0;
	return width > COLS - column ? COLS - column : width;
}

static void
put(int row, int column, int width, const char *text, size_t len)
{
	size_t shown = text_prefix(text, len, (size_t)width);

	mvhline(row, column, ' ', width);
	if (shown == len) {
		mvaddnstr(row, column, text, (int)len);
		return;
	}
	shown = text_prefix(text, len, (size_t)width - 1);
	mvaddnstr(row, column, text, (int)shown);
	mvaddstr(row, column + (int)text_columns(text, shown), draw_sign(DRAW_MORE));
}

void
draw_text(int row, int column, int width, enum draw_style style, const char *text)
{
	const char *shown;
	size_t len;

	width = fit(row, column, width);
	if (width <= 0)
		return;
	shown = presentable(text, &len);
	set_style(style);
	put(row, column, width, shown, len);
	set_style(DRAW_PLAIN);
}

int
draw_width(const char *text)
{
	size_t len;
	const char *shown = presentable(text, &len);

	return (int)text_columns(shown, len);
}

void
draw_right(int row, int column, int width, enum draw_style style, const char *text)
{
	int own = draw_width(text);

	if (own > width)
		own = width;
	draw_text(row, column, width - own, style, "");
	draw_text(row, column + width - own, own, style, text);
}

/* Bytes of the next row: up to the last blank that fits, if there is one. */
static size_t
row_len(const char *text, size_t len, size_t columns)
{
	size_t n = text_prefix(text, len, columns), at = n;

	if (n == len)
		return n;
	while (at > 0 && text[at] != ' ')
		at--;
	return at > 0 ? at : n;
}

int
draw_wrapped(const struct area *a, enum draw_style style, const char *text)
{
	struct buf all;
	size_t at = 0, len;
	const char *shown = presentable(text, &len);
	int rows = 0;

	/* A copy, since drawing uses the same buffer. */
	buf_init(&all, TEXT_MAX);
	buf_put(&all, shown, len);
	while (buf_text(&all) != NULL && at < len && rows < a->rows && a->columns > 0) {
		char *row = (char *)all.data + at;
		size_t n = row_len(row, len - at, (size_t)a->columns);
		char after = row[n];

		if (rows + 1 < a->rows)
			row[n] = '\0';
		draw_text(a->row + rows++, a->column, a->columns, style, row);
		row[n] = after;
		at += n > 0 ? n : 1;
		while (at < len && all.data[at] == ' ')
			at++;
	}
	buf_clear(&all);
	return rows;
}

const char *
draw_sign(enum draw_sign sign)
{
	return signs[sign][draw.ascii];
}

void
draw_cursor(int row, int column)
{
	draw.cursor = true;
	draw.cursor_row = row;
	draw.cursor_column = column;
}

/* What curses wrote, from its file to the terminal's queue. */
static void
take_output(void)
{
	uint8_t bytes[COPY_SIZE];
	int fd = fileno(draw.file);
	off_t at = 0;
	ssize_t n;

	fflush(draw.file);
	while ((n = pread(fd, bytes, sizeof(bytes), at)) > 0) {
		buf_put(terminal_queue(), bytes, (size_t)n);
		at += n;
	}
	if (ftruncate(fd, 0) == 0)
		lseek(fd, 0, SEEK_SET);
}

static int
put_to_queue(int c)
{
	buf_put_u8(terminal_queue(), (uint8_t)c);
	return c;
}

static void
place(int row, int column)
{
	tputs(tparm(tigetstr("cup"), row, column, 0, 0, 0, 0, 0, 0, 0), 1, put_to_queue);
}

/* A terminal with automatic margins is left to break the line itself: it then knows that
 * it is one. */
static void
put_past_curses(int row, const uint8_t *bytes, size_t len)
{
	size_t width = (size_t)COLS;

	for (size_t at = 0; at < len && row < LINES; at++) {
		if (at == 0 || (at % width == 0 && !tigetflag("am")))
			place(row + (int)(at / width), 0);
		buf_put_u8(terminal_queue(), bytes != NULL ? bytes[at] : ' ');
	}
}

void
draw_show(void)
{
	int row = draw.cursor && draw.cursor_row < LINES ? draw.cursor_row : 0;
	int column = draw.cursor && draw.cursor_column < COLS ? draw.cursor_column : 0;

	curs_set(draw.cursor ? 1 : 0);
	move(row, column);
	refresh();
	take_output();
	if (draw.secret == NULL)
		return;
	put_past_curses(
		draw.secret_row, secret_reveal(draw.secret), secret_len(draw.secret));
	place(row, column); /* where curses believes the cursor to be */
}

void
draw_repaint(void)
{
	clearok(curscr, TRUE);
}

int
draw_secret_rows(const struct secret *s)
{
	return (int)((secret_len(s) + (size_t)COLS - 1) / (size_t)COLS);
}

void
draw_secret(int row, const struct secret *s)
{
	draw.secret = s;
	draw.secret_row = row;
}

void
draw_cover(int row, size_t len)
{
	put_past_curses(row, NULL, len);
	draw_repaint();
}
