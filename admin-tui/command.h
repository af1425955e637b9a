#ifndef KEYD_ADMIN_TUI_COMMAND_H
#define KEYD_ADMIN_TUI_COMMAND_H

#include <stddef.h>

#include "admin-tui/console.h"

/* The three questions that every screen has: a command, what to find, what was leaked. */

void command_ask(struct console *c, const char *screen); /* ":" on that screen */
void command_ask_find(struct console *c);                /* "/" */
void command_ask_paste(struct console *c);               /* "!": nothing of it is shown */
/* Looks for a pasted text at once. */
void command_pasted(struct console *c, const char *text, size_t len);

#endif
