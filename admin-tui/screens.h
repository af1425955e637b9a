#ifndef KEYD_ADMIN_TUI_SCREENS_H
#define KEYD_ADMIN_TUI_SCREENS_H

#include "admin-tui/paste.h"
#include "admin-tui/screen.h"
#include "core/record.h"

/* The kinds, for screens.c. */
extern const struct screen_kind screen_overview;
extern const struct screen_kind screen_clients;
extern const struct screen_kind screen_client;
extern const struct screen_kind screen_secret;
extern const struct screen_kind screen_find;
extern const struct screen_kind screen_audit;
extern const struct screen_kind screen_text;
extern const struct screen_kind screen_help;

/* What one screen gives to another beyond the words of a command. */

/* Shows the secret of an envelope, which it takes out of the record. */
void screen_secret_show(struct console *c, struct record *envelope);
/* Asks keyd whose it is; takes the secret. */
void screen_find_pasted(struct console *c, const struct paste *pasted);
/* Lines that can be scrolled; text is copied. */
void screen_text_show(struct console *c, const char *title, const char *text);

#endif
