#ifndef KEYD_ADMIN_TUI_VALUE_H
#define KEYD_ADMIN_TUI_VALUE_H

#include <stdint.h>

#include "admin-tui/draw.h"
#include "core/buf.h"
#include "core/record.h"

/* Values as people read them. The same for every screen. */

/* A field of a record; nothing for one that is not set. Times are UTC to the minute,
 * lists are joined by ", ". Not yet scrubbed: drawing does that. */
void value_text(struct buf *out, const struct record *r, unsigned field);
/* The same as a cell of a CSV file: times in full. */
void value_cell(struct buf *out, const struct record *r, unsigned field);
void value_time(struct buf *out, int64_t t); /* "2026-11-24 17:00" in UTC */
/* With a comma every three digits. */
void value_number(struct buf *out, int64_t v);
/* How a state's word is drawn: what can be used, what needs a look, what is stopped. */
enum draw_style value_style(const char *word);

#endif
