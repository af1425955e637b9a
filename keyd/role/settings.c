#include "keyd/role/settings.h"

#include <string.h>

#include "core/log.h"
#include "core/text.h"

const char *const log_levels[] = {[LOG_ERROR] = "error",
	[LOG_WARN] = "warn",
	[LOG_INFO] = "info",
	[LOG_DEBUG] = "debug",
	NULL};
const char *const log_formats[] = {"text", "json", NULL};

/* A row without a preset must be given. */
#define NEEDED(preset)                                                                   \
	_Generic((preset), char * : 0, const char * : 0, default : FIELD_REQUIRED)

static const struct field fields[] = {
#define SETTING(id, path, kind, preset, least, most, choice, unit, reloadable, text)     \
	[SETTINGS_##id] = {.name = (path),                                               \
		.doc = (text),                                                           \
		.words = (choice),                                                       \
		.min = (least),                                                          \
		.max = (most),                                                           \
		.type = FIELD_##kind,                                                    \
		.flags = NEEDED(preset)},
#include "keyd/role/settings.def"
#undef SETTING
};
_Static_assert(SETTINGS__COUNT <= 64, "a record has at most 64 fields");

const struct schema settings_schema = {.name = "settings",
	.doc = "the configuration",
	.fields = fields,
	.count = SETTINGS__COUNT};

static const struct setting_row rows[] = {
#define SETTING(id, yaml, kind, value, least, most, choice, measure, again, text)        \
	[SETTINGS_##id] = {.path = (yaml),                                               \
		.preset = (value),                                                       \
		.unit = (measure),                                                       \
		.reloadable = (again)},
#include "keyd/role/settings.def"
#undef SETTING
};

const struct setting_row *
settings_row(enum settings_field f)
{
	return &rows[f];
}

static enum kerr
preset_list(struct record *settings, unsigned f, const char *preset)
{
	record_set_empty(settings, f);
	while (*preset) {
		size_t len = strcspn(preset, " ");
		enum kerr err = record_add_text(settings, f, preset, len);

		if (err != KERR_OK)
			return err;
		preset += len;
		preset += strspn(preset, " ");
	}
	return KERR_OK;
}

static enum kerr
preset_word(struct record *settings, unsigned f, const char *preset)
{
	const char *const *words = fields[f].words;

	for (int64_t i = 0; words[i]; i++) {
		if (strcmp(words[i], preset) == 0) {
			record_set_int(settings, f, i);
			return KERR_OK;
		}
	}
	return KERR_INTERNAL;
}

static enum kerr
preset_field(struct record *settings, unsigned f, const char *preset)
{
	enum field_type type = fields[f].type;
	int64_t number;
	enum kerr err;

	if (type == FIELD_TEXT)
		return record_set_text(settings, f, preset);
	if (type == FIELD_TEXTS)
		return preset_list(settings, f, preset);
	if (type == FIELD_ENUM)
		return preset_word(settings, f, preset);
	if (type == FIELD_BOOL) {
		record_set_int(settings, f, strcmp(preset, "true") == 0);
		return KERR_OK;
	}
	err = text_to_int(preset, strlen(preset), &number);
	if (err == KERR_OK)
		record_set_int(settings, f, number);
	return err;
}

enum kerr
settings_defaults(struct record *settings)
{
	for (unsigned f = 0; f < SETTINGS__COUNT; f++) {
		enum kerr err;

		if (record_has(settings, f) || !rows[f].preset)
			continue;
		err = preset_field(settings, f, rows[f].preset);
		if (err != KERR_OK)
			return err;
	}
	return KERR_OK;
}
