#ifndef KEYD_ADMIN_TUI_CONSOLE_H
#define KEYD_ADMIN_TUI_CONSOLE_H

#include <stdbool.h>

#include "admin-tui/api.h"
#include "admin-tui/form.h"
#include "admin-tui/screen.h"
#include "core/record.h"

/* The console: one loop on which the terminal, the questions to keyd and the clock meet,
 * a pile of screens, at most one form before them, a line of notes. */

/* Runs until it is left. The fault says why it could not, or why it ended. */
enum kerr console_run(const char *socket, struct fault *fault) MUST_CHECK;

/* For the screens. */

struct api *console_api(struct console *c); /* the questions to keyd; borrowed */
uv_loop_t *console_loop(struct console *c); /* the one loop; borrowed */
/* Something is to be drawn anew; it happens once a turn of the loop. */
void console_changed(struct console *c);
/* A line for the person, until the next key. */
void console_note(struct console *c, enum draw_style style, const char *fmt, ...)
	PRINTF_LIKE(3, 4);
void console_fault(struct console *c, const struct fault *fault);
/* A screen on top, or in place of the one in front if that is of the same kind. Failures
 * become notes. NULL: it is not there. argument must not be of a screen. */
struct screen *console_open(struct console *c, const char *name, const char *argument);
/* Leaves that screen, if it is the one in front. */
void console_back(struct screen *s);
/* The form comes to the front; the console frees it. NULL (no memory) becomes a note. */
void console_form(struct console *c, struct form *f);
/* Ends it, if it is the one in front. */
void console_form_close(struct console *c, struct form *f);
void console_form_end(struct console *c); /* the same for whichever it is */
/* The screen in front asks keyd again. */
void console_refresh(struct console *c);
/* What keyd last said of itself; NULL: nothing yet. Borrowed until the loop runs on. */
const struct record *console_status(const struct console *c);
void console_act(struct console *c, enum action_id action, const char *argument);

#endif
