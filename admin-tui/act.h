#ifndef KEYD_ADMIN_TUI_ACT_H
#define KEYD_ADMIN_TUI_ACT_H

#include <stdbool.h>
#include <stdint.h>

#include "admin-tui/console.h"

/* What can be done to a client or to one of its secrets: says what and how much it
 * touches, asks what it needs (the name, where it takes something away), does it, shows
 * what comes of it. What was typed stays until it is done. */

#define ACT_ABOUT_LINES 3

struct act_target {
	int64_t client;
	int64_t version; /* that was looked at; 0: not known */
	int64_t secret;  /* number; 0: the client itself */
	char key[32];
	char name[320];
	char about[ACT_ABOUT_LINES][512]; /* whose it is, how much hangs on it */
};

/* Is it an action of this kind? */
bool act_is(enum action_id action);
/* Can it be done to one secret alone? */
bool act_on_secret(enum action_id action);
/* Opens the form. target is copied. */
void act_begin(struct console *c, enum action_id action, const struct act_target *target);

#endif
