#ifndef KEYD_ADMIN_TUI_DRAW_H
#define KEYD_ADMIN_TUI_DRAW_H

#include <stdbool.h>
#include <stddef.h>

#include "core/err.h"
#include "core/secret.h"

/* The picture: the one door to curses. Curses draws into a memory file, and what it wrote
 * there goes to the terminal's queue, so drawing never waits for the line. Every text is
 * scrubbed here, whoever sent it, and cut to its place by the columns it takes. Secrets
 * do not pass through curses: draw_secret() writes them behind its back, and
 * draw_cover() takes them off again. */

enum draw_style {
	DRAW_PLAIN,
	DRAW_BAR,  /* first line */
	DRAW_HEAD, /* titles of columns and groups */
	DRAW_DIM,  /* what is there to be found, not read */
	DRAW_GOOD, /* never colour alone: the text says the same */
	DRAW_WARN,
	DRAW_BAD,
	DRAW_SELECTED,
	DRAW_KEY,
	DRAW_INPUT,
	DRAW__COUNT
};

enum draw_sign { DRAW_DOT, DRAW_DASH, DRAW_MORE, DRAW_MARK, DRAW_HIDDEN, DRAW__SIGNS };

struct area {
	int row, column, rows, columns;
};

/* Needs terminal_open(). Reads TERM, NO_COLOR, KEYD_ASCII and the locale. */
enum kerr draw_start(struct fault *fault) MUST_CHECK;
void draw_stop(void);  /* frees; the terminal itself is terminal_leave()'s */
void draw_enter(void); /* takes the terminal over and paints everything anew */
/* Follows the terminal's size. */
void draw_resize(void);
struct area draw_screen(void); /* all of it */

void draw_clear(void); /* an empty picture, no cursor */
/* The text, cut or padded with blanks to width columns. Borrowed only. */
void draw_text(int row, int column, int width, enum draw_style style, const char *text);
/* The same at the right end of the width. */
void draw_right(int row, int column, int width, enum draw_style style, const char *text);
/* Broken at blanks into as many rows as it takes, at most the area's. Returns them. */
int draw_wrapped(const struct area *a, enum draw_style style, const char *text);
/* Columns that the text will take. */
int draw_width(const char *text);
/* Signs with an ASCII form: middle dot, dash, ellipsis, selection, hidden character. */
const char *draw_sign(enum draw_sign sign);
void draw_cursor(int row, int column); /* shows it there, until draw_clear() */
/* Sends what changed to the terminal's queue. */
void draw_show(void);
void draw_repaint(void); /* the next draw_show() sends everything */

/* Puts the secret into the picture of this draw_show(), from the row's first column on
 * and over the edge into the next row if need be, so that a terminal copies it as one
 * line. Borrowed until then. */
void draw_secret(int row, const struct secret *s);
int draw_secret_rows(const struct secret *s);
/* Blanks over a secret of that many bytes, past curses, then everything is painted
 * anew. */
void draw_cover(int row, size_t len);

#endif
