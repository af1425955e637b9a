#ifndef KEYD_ADMIN_TUI_EXPORT_H
#define KEYD_ADMIN_TUI_EXPORT_H

#include "admin-tui/console.h"

/* A list into a CSV file (RFC 4180): page by page, on the loop, with a `'` before a cell
 * that a spreadsheet would take for a formula. */

struct export_from {
	struct console *console;
	const char *path; /* of the list; static, as the schema and sort */
	const struct schema *schema;
	const char *filter; /* as typed */
	const char *sort;
};

/* Asks for the file's name first. */
void export_ask(const struct export_from *from, const char *file);
/* One export at a time; what came of it is said as a note. An existing file is left as
 * it is. */
void export_start(const struct export_from *from, const char *file);
/* Ends one that is going on; its file is removed. */
void export_stop(void);

/* Appends a cell: quoted where it must be. */
void export_cell(struct buf *out, const char *text, size_t len);

#endif
