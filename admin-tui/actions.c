#include "admin-tui/actions.h"

#include <string.h>

#include "admin-tui/input.h"

static const struct action actions[ACTION__COUNT] = {
#define ACTION(id, name_, where_, help_, ...)                                            \
	[ACTION_##id] = {                                                                \
		.name = name_, .where = where_, .help = help_, .keys = {__VA_ARGS__}},
#include "admin-tui/actions.def"
#undef ACTION
};

const struct action *
action_at(enum action_id id)
{
	return &actions[id];
}

bool
action_everywhere(enum action_id id)
{
	return strcmp(actions[id].where, "*") == 0;
}

bool
action_on(enum action_id id, const char *screen)
{
	const char *at = actions[id].where;
	size_t len = strlen(screen);

	if (action_everywhere(id))
		return true;
	while (*at != '\0') {
		size_t word = strcspn(at, " ");

		if (word == len && memcmp(at, screen, len) == 0)
			return true;
		at += word + (at[word] == ' ');
	}
	return false;
}

bool
action_of_key(uint32_t key, const char *screen, enum action_id *ret)
{
	for (int id = 0; id < ACTION__COUNT; id++) {
		for (size_t i = 0; i < ACTION_KEYS && actions[id].keys[i] != 0; i++) {
			if (actions[id].keys[i] == key &&
				action_on((enum action_id)id, screen)) {
				*ret = (enum action_id)id;
				return true;
			}
		}
	}
	return false;
}

bool
action_of_name(const char *name, size_t len, const char *screen, enum action_id *ret)
{
	for (int id = 0; id < ACTION__COUNT; id++) {
		if (strlen(actions[id].name) == len &&
			memcmp(actions[id].name, name, len) == 0 &&
			action_on((enum action_id)id, screen)) {
			*ret = (enum action_id)id;
			return true;
		}
	}
	return false;
}

void
action_keys(enum action_id id, struct buf *out)
{
	char name[16];

	for (size_t i = 0; i < ACTION_KEYS && actions[id].keys[i] != 0; i++) {
		input_key_name(actions[id].keys[i], name, sizeof(name));
		if (i > 0)
			buf_put_text(out, ", ");
		buf_put_text(out, name);
	}
}
