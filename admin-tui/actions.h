#ifndef KEYD_ADMIN_TUI_ACTIONS_H
#define KEYD_ADMIN_TUI_ACTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"

/* What can be done, from actions.def: one row is binding, command, hint and help. */

enum action_id {
#define ACTION(id, ...) ACTION_##id,
#include "admin-tui/actions.def"
#undef ACTION
	ACTION__COUNT
};

#define ACTION_KEYS 4

struct action {
	const char *name;
	const char *where; /* screens, parted by blanks; "*": all */
	const char *help;
	uint32_t keys[ACTION_KEYS]; /* 0: no more */
};

const struct action *action_at(enum action_id id); /* its row; static */
/* Is it an action of that screen? */
bool action_on(enum action_id id, const char *screen);
bool action_everywhere(enum action_id id);
/* By key or by name, on that screen; false when there is none. */
bool action_of_key(uint32_t key, const char *screen, enum action_id *ret);
bool action_of_name(
	const char *name, size_t len, const char *screen, enum action_id *ret);
/* Its keys by name: "Up, k". */
void action_keys(enum action_id id, struct buf *out);

#endif
