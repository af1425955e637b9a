#ifndef KEYD_CLI_RENDER_H
#define KEYD_CLI_RENDER_H

#include <stdbool.h>

#include "core/buf.h"
#include "core/record.h"

/* Records as people read them, by their schemas. Whatever came from outside is scrubbed;
 * secrets are never among it. */

struct render {
	size_t width;  /* columns of the terminal; 0: nothing is cut */
	bool ellipsis; /* a cut text ends in …, else in ~ */
};
/* For standard output: cut to the terminal's width, not at all where it is none. */
struct render render_for_stdout(void);

/* Appends one field's value: yes or no, 2026-11-24T17:00:00Z, a list's elements parted by
 * ", "; "-" when it is not set. */
void render_value(struct buf *out, const struct record *r, unsigned f);
/* Appends text from outside, scrubbed. */
void render_text(struct buf *out, const char *text);
/* Appends the set fields, a line each, lists of records as tables. */
void render_record(struct buf *out, const struct record *r, struct render how);
/* Appends a table of the schema's columns, with a heading. Columns that are numbers stand
 * to the right. */
void render_table(struct buf *out, const struct schema *s, struct record *const *items,
	size_t count, struct render how);

#endif
