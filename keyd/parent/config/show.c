#include "keyd/parent/config/config.h"

#include <inttypes.h>
#include <string.h>

/* Quoted always, so that no text reads as a number or a word; control characters were
 * refused when it was read. */
static void
put_text(struct buf *out, const char *text)
{
	buf_put_u8(out, '"');
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			buf_put_u8(out, '\\');
		buf_put_u8(out, (uint8_t)*text);
	}
	buf_put_u8(out, '"');
}

static void
put_value(struct buf *out, const struct record *settings, unsigned f)
{
	enum field_type type = settings_schema.fields[f].type;
	size_t count = type == FIELD_TEXTS ? record_count(settings, f) : 0;

	if (type == FIELD_INT) {
		buf_printf(out, "%" PRId64, record_int(settings, f));
		return;
	}
	if (type == FIELD_BOOL) {
		buf_put_text(out, record_int(settings, f) ? "true" : "false");
		return;
	}
	if (type == FIELD_ENUM) {
		buf_put_text(out, record_text(settings, f));
		return;
	}
	if (type != FIELD_TEXTS) {
		put_text(out, record_text(settings, f));
		return;
	}
	buf_put_u8(out, '[');
	for (size_t i = 0; i < count; i++) {
		buf_put_text(out, i ? ", " : "");
		put_text(out, record_text_at(settings, f, i));
	}
	buf_put_u8(out, ']');
}

static void
put_comment(struct buf *out, unsigned f, const char *indent)
{
	const struct field *field = &settings_schema.fields[f];
	const struct setting_row *row = settings_row((enum settings_field)f);

	buf_printf(out, "%s# %s", indent, field->doc);
	if (field->type == FIELD_INT)
		buf_printf(out, "; %" PRId64 " to %" PRId64 "%s%s", field->min,
			field->max, *row->unit ? " " : "", row->unit);
	if (!row->preset)
		buf_put_text(out, "; must be given");
	else
		buf_printf(out, "; default %s", *row->preset ? row->preset : "none");
	if (row->reloadable)
		buf_put_text(out, "; SIGHUP takes it over");
	buf_put_u8(out, '\n');
}

void
config_show(const struct record *settings, struct buf *out)
{
	const char *group = "";
	size_t group_len = 0;

	for (unsigned f = 0; f < SETTINGS__COUNT; f++) {
		const char *path = settings_row((enum settings_field)f)->path;
		const char *dot = strchr(path, '.');
		size_t len = dot ? (size_t)(dot - path) : 0;

		if (dot && (len != group_len || strncmp(path, group, len) != 0))
			buf_printf(out, "%.*s:\n", (int)len, path);
		group = path;
		group_len = len;
		put_comment(out, f, dot ? "  " : "");
		buf_printf(out, "%s%s: ", dot ? "  " : "", dot ? dot + 1 : path);
		put_value(out, settings, f);
		buf_put_u8(out, '\n');
	}
}
