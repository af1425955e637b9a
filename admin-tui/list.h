#ifndef KEYD_ADMIN_TUI_LIST_H
#define KEYD_ADMIN_TUI_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "admin-tui/actions.h"
#include "admin-tui/draw.h"
#include "core/record.h"

/* The one list: a row is selected, the others go by. Rows come from whoever has them. */

#define LIST_NONE SIZE_MAX

struct list {
	size_t at;     /* the selected row; LIST_NONE: none is */
	size_t top;    /* the first that is shown, or, backwards, the last */
	bool backward; /* row 0 is the last of the list, at the bottom */
};

struct list_column {
	unsigned field;
	const char *title;
	int width;  /* columns; 0: a share of what is left */
	int share;  /* how large a share; 0 is 1 */
	int from;   /* only where the screen has at least that many columns */
	bool state; /* drawn by what its word means */
};

struct list_rows {
	/* NULL: not there yet */
	const struct record *(*row)(const void *with, size_t i);
	const void *with;
	size_t count; /* that can be gone to */
};

/* Moves the selection by an action; false when it is none that moves. TOP and BOTTOM go
 * to the ends of what can be gone to. */
bool list_move(struct list *l, enum action_id action, size_t count, int height);
/* Keeps selection and view within count. */
void list_fit(struct list *l, size_t count, int height);
/* Titles in the area's first row, rows below. */
void list_draw(struct list *l, const struct area *a, const struct list_column *columns,
	size_t column_count, const struct list_rows *rows);
/* Rows of the area that hold rows of the list. */
int list_height(const struct area *a);

#endif
