#include "keyd/parent/environment.h"

#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "core/arena.h"

/* Where zone data lies, and in builds that are not released what tests set. */
static const char *const passed[] = {
	"TZDIR=",
#if KEYD_SIM || !defined(NDEBUG)
	"KEYD_",
	"ASAN_OPTIONS=",
	"LSAN_OPTIONS=",
	"TSAN_OPTIONS=",
	"UBSAN_OPTIONS=",
#endif
};

static bool
is_passed(const char *entry)
{
	for (size_t i = 0; i < sizeof(passed) / sizeof(passed[0]); i++) {
		if (strncmp(entry, passed[i], strlen(passed[i])) == 0)
			return true;
	}
	return false;
}

char **
environment_new(void)
{
	size_t count = 0;
	char **list;

	while (environ && environ[count])
		count++;
	list = mem_new(count + 1, sizeof(*list));
	if (!list)
		return NULL;
	for (size_t i = 0, kept = 0; i < count; i++) {
		if (is_passed(environ[i]))
			list[kept++] = environ[i];
	}
	return list;
}

void
environment_free(char **environment)
{
	mem_free(environment);
}
