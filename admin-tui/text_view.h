#ifndef KEYD_ADMIN_TUI_TEXT_VIEW_H
#define KEYD_ADMIN_TUI_TEXT_VIEW_H

#include <stdbool.h>

#include "admin-tui/actions.h"
#include "admin-tui/draw.h"
#include "core/buf.h"

/* Lines to be read, scrolled when there are more than rows. Long ones are broken; one
 * that does not begin with a blank is a heading. */

struct text_view {
	struct buf text; /* lines, each with its '\n' */
	size_t top;      /* row that is shown first, of those the lines take */
	size_t rows;     /* that there were when it was last drawn */
	int height;
};

void text_view_init(struct text_view *v);  /* empty */
void text_view_clear(struct text_view *v); /* wipes and frees */
/* As many rows as the area has; keeps `top` within the text. */
void text_view_draw(struct text_view *v, const struct area *a);
bool text_view_act(struct text_view *v, enum action_id action); /* false: not for it */

#endif
