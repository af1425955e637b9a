#ifndef KEYD_PARENT_CONFIG_CHECK_H
#define KEYD_PARENT_CONFIG_CHECK_H

#include "core/record.h"
#include "keyd/role/settings.h"

/* Where each setting stands in the file; 0: it is not there. */
struct config_lines {
	const char *file;
	unsigned of[SETTINGS__COUNT];
};

/* Sets *fault (file, line, key, what would be right) and returns KERR_INVALID. */
enum kerr config_refuse(const struct config_lines *lines, enum settings_field f,
	struct fault *fault, const char *fmt, ...) PRINTF_LIKE(4, 5);
/* What a schema row cannot say: paths, addresses, networks, the URL, and what must fit
 * together. KERR_INVALID. */
enum kerr config_check(const struct record *settings, const struct config_lines *lines,
	struct fault *fault) MUST_CHECK;

#endif
