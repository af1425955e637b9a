#ifndef KEYD_ADMIN_TUI_LISTING_H
#define KEYD_ADMIN_TUI_LISTING_H

#include "admin-tui/list.h"
#include "admin-tui/pager.h"
#include "admin-tui/screen.h"

/* What the screens that show a list of keyd's have in common: rows on demand, filter,
 * order, place, export. */

#define LISTING_FILTER_MAX 512
#define LISTING_ORDERS     4

struct listing_order {
	const char *forward, *backward; /* sort parameters; "": as keyd likes */
	const char *name;               /* NULL: no more orders */
};

struct listing_kind {
	const char *path;
	const struct schema *schema;
	const struct list_column *columns;
	size_t column_count;
	struct listing_order orders[LISTING_ORDERS];
	const char *file; /* proposed for the export */
	const char *none; /* what an empty list says */
	bool counts_all;  /* keyd's total does not know the filter */
};

struct listing {
	const struct listing_kind *kind;
	struct screen *screen;
	struct pager *pager;
	struct list list;
	char filter[LISTING_FILTER_MAX + 1];
	size_t order;
};

/* The parts of a struct screen_kind whose state is a struct listing, or begins with
 * one. argument is a filter. */
enum kerr listing_open(struct screen *s, const struct listing_kind *kind,
	const char *argument, struct fault *fault) MUST_CHECK;
void listing_close(struct screen *s);
void listing_draw(struct screen *s, const struct area *a);
bool listing_act(struct screen *s, enum action_id action, const char *argument);
void listing_refresh(struct screen *s);
void listing_place(const struct screen *s, struct buf *out);
/* NULL while it is not there. Borrowed until the loop runs on. */
const struct record *listing_selected(const struct screen *s);

#endif
