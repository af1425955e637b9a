#ifndef KEYD_ADMIN_TUI_SCREEN_H
#define KEYD_ADMIN_TUI_SCREEN_H

#include <stdbool.h>
#include <stddef.h>

#include "admin-tui/actions.h"
#include "admin-tui/draw.h"
#include "admin-tui/form.h"
#include "core/err.h"

/* What a screen is to the console. Each is a file screen_<name>.c with one struct
 * screen_kind, a line in screens.c and its rows in actions.def. */

struct console;

struct screen {
	const struct screen_kind *kind;
	struct console *console;
	void *state;      /* kind->size bytes, zeroed before open */
	struct area area; /* what it was last drawn into */
};

struct screen_kind {
	const char *name; /* as in actions.def, and the command that opens it */
	const char *title;
	size_t size;
	unsigned every; /* seconds after which it asks keyd again by itself; 0: never */
	bool modal; /* only OPEN and BACK, and it is closed before anything covers it */
	/* argument: what follows the command, "" for nothing. On failure the screen is
	 * not shown and close is called. */
	enum kerr (*open)(struct screen *s, const char *argument, struct fault *fault);
	void (*close)(struct screen *s); /* what open took; the memory is the console's */
	void (*draw)(struct screen *s, const struct area *a);
	/* False: not for this screen, the console goes on with it. */
	bool (*act)(struct screen *s, enum action_id action, const char *argument);
	/* NULL, or: is that action one for what is selected now? For the hints. */
	bool (*offers)(const struct screen *s, enum action_id action);
	/* It comes to the front again, or time has passed, or a person wants to know: ask
	 * keyd again. NULL: nothing to ask. */
	void (*refresh)(struct screen *s);
	void (*second)(struct screen *s); /* NULL, or once a second while in front */
	/* NULL, or what the place in the list is: "3 of 150,000". */
	void (*place)(const struct screen *s, struct buf *out);
};

/* All of them; NULL where i is beyond the last. */
const struct screen_kind *screens_at(size_t i);
const struct screen_kind *screens_find(const char *name); /* NULL: no such screen */

#endif
