#include "admin-tui/screens.h"

#include <string.h>

#include "admin-tui/screen.h"

static const struct screen_kind *const screens[] = {
	&screen_overview,
	&screen_clients,
	&screen_client,
	&screen_secret,
	&screen_find,
	&screen_audit,
	&screen_text,
	&screen_help,
};

const struct screen_kind *
screens_at(size_t i)
{
	return i < sizeof(screens) / sizeof(screens[0]) ? screens[i] : NULL;
}

const struct screen_kind *
screens_find(const char *name)
{
	for (size_t i = 0; screens_at(i) != NULL; i++) {
		if (strcmp(screens_at(i)->name, name) == 0)
			return screens_at(i);
	}
	return NULL;
}
