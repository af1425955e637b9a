#ifndef KEYD_ROLE_SETTINGS_H
#define KEYD_ROLE_SETTINGS_H

#include "core/record.h"

/* The configuration as a record: settings_schema has a field for each row of
 * settings.def, in its order, named by its path. Nothing in it is secret: keys are files,
 * and travel as descriptors. */

enum settings_field {
#define SETTING(id, ...) SETTINGS_##id,
#include "keyd/role/settings.def"
#undef SETTING
	SETTINGS__COUNT
};
extern const struct schema settings_schema;
extern const char *const log_levels[];
extern const char *const log_formats[];

struct setting_row {
	const char *path;
	const char *preset; /* NULL: must be given; elements of a list are separated by
			       blanks */
	const char *unit;
	bool reloadable;
};
/* The row of that field; static. */
const struct setting_row *settings_row(enum settings_field f);
/* Sets every unset field that has a default. */
enum kerr settings_defaults(struct record *settings) MUST_CHECK;

#endif
