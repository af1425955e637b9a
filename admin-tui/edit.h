#ifndef KEYD_ADMIN_TUI_EDIT_H
#define KEYD_ADMIN_TUI_EDIT_H

#include <stdbool.h>
#include <stdint.h>

#include "admin-tui/draw.h"
#include "core/buf.h"

/* A line of text that a person types. What it held is wiped. */
struct edit {
	struct buf text;
	size_t at; /* byte of the cursor */
};

void edit_init(struct edit *e, size_t max);      /* empty; max in bytes */
void edit_clear(struct edit *e);                 /* wipes and frees */
void edit_set(struct edit *e, const char *text); /* instead of what is there; copied */
const char *edit_text(struct edit *e); /* NUL-terminated, borrowed until it changes */
/* Takes a key that moves, deletes or is a character; false when it is none of these. */
bool edit_key(struct edit *e, uint32_t key);
/* Puts text in at the cursor: what is not UTF-8, or is hidden, is left out. */
void edit_insert(struct edit *e, const char *text, size_t len);
/* Draws the end of the line that holds the cursor; hidden: a sign for each character. */
void edit_draw(struct edit *e, int row, int column, int width, bool hidden);

#endif
