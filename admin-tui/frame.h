#ifndef KEYD_ADMIN_TUI_FRAME_H
#define KEYD_ADMIN_TUI_FRAME_H

#include "admin-tui/console.h"

/* What stands around a screen: the bar above it, the hints, the note and the form below.
 */

struct frame {
	struct console *console;
	struct screen *screen;
	struct form *form; /* NULL: none is open */
	const char *note;
	enum draw_style note_style;
};

/* The whole picture, the screen in it. */
void frame_draw(const struct frame *f);

#endif
