#include "keyd/parent/config/config.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/text.h"
#include "keyd/parent/config/check.h"
#include "keyd/parent/config/nearest.h"
#include "keyd/parent/config/tree.h"

#define PATH_MAX_LEN 128

struct loader {
	struct record *settings;
	struct config_lines lines;
	struct fault *fault;
};

static enum kerr
no_memory(struct fault *fault)
{
	return fault_set(fault, KERR_NOMEM, "", "%s", kerr_text(KERR_NOMEM));
}

/* What a person should write: "a whole number from 60 to 1800 (seconds)". */
static const char *
wanted(enum settings_field f, char *out, size_t size)
{
	const struct field *field = &settings_schema.fields[f];
	const char *unit = settings_row(f)->unit;

	if (field->type == FIELD_BOOL)
		return "write true or false";
	if (field->type == FIELD_TEXTS) {
		snprintf(out, size,
			"write %" PRId64 " to %" PRId64 " texts, as a list: [a, b]",
			field->min, field->max);
		return out;
	}
	if (field->type != FIELD_INT)
		return "write a text";
	snprintf(out, size, "write a whole number from %" PRId64 " to %" PRId64 "%s%s%s",
		field->min, field->max, *unit ? " (" : "", unit, *unit ? ")" : "");
	return out;
}

static enum kerr
refuse_value(struct loader *l, enum settings_field f, const struct tree *value)
{
	char room[128];
	const char *want = wanted(f, room, sizeof(room));

	if (value->kind != TREE_SCALAR)
		return config_refuse(&l->lines, f, l->fault, "%s", want);
	return config_refuse(&l->lines, f, l->fault, "'%.60s' will not do; %s%s",
		value->text, want,
		value->quoted && settings_schema.fields[f].type != FIELD_TEXT
			? ", without quotes"
			: "");
}

static enum kerr
set_number(struct loader *l, enum settings_field f, const struct tree *value)
{
	const struct field *field = &settings_schema.fields[f];
	int64_t n;

	if (value->quoted ||
		text_to_int(value->text, strlen(value->text), &n) != KERR_OK ||
		n < field->min || n > field->max)
		return refuse_value(l, f, value);
	record_set_int(l->settings, f, n);
	return KERR_OK;
}

static enum kerr
set_bool(struct loader *l, enum settings_field f, const struct tree *value)
{
	bool yes = strcmp(value->text, "true") == 0;

	if (value->quoted || (!yes && strcmp(value->text, "false") != 0))
		return refuse_value(l, f, value);
	record_set_int(l->settings, f, yes);
	return KERR_OK;
}

static enum kerr
set_word(struct loader *l, enum settings_field f, const struct tree *value)
{
	const struct field *field = &settings_schema.fields[f];
	const char *meant = nearest_word(value->text, field->words);

	for (int64_t i = 0; field->words[i]; i++) {
		if (strcmp(field->words[i], value->text) == 0) {
			record_set_int(l->settings, f, i);
			return KERR_OK;
		}
	}
	return config_refuse(&l->lines, f, l->fault, "'%.40s' is none of: %s%s%s%s",
		value->text, field->doc, meant ? "; did you mean '" : "",
		meant ? meant : "", meant ? "'?" : "");
}

static enum kerr
set_list(struct loader *l, enum settings_field f, const struct tree *value)
{
	const struct tree *item = value->kind == TREE_LIST ? value->first : value;

	record_set_empty(l->settings, f);
	for (; item;
		item = item->kind == TREE_SCALAR && item != value ? item->next : NULL) {
		if (item->kind != TREE_SCALAR || !*item->text)
			return refuse_value(l, f, item);
		if (record_add_text(l->settings, f, item->text, strlen(item->text)) !=
			KERR_OK)
			return no_memory(l->fault);
	}
	return KERR_OK;
}

static bool
is_missing(const struct tree *value)
{
	return value->kind == TREE_SCALAR && !value->quoted &&
	       (!*value->text || strcmp(value->text, "~") == 0 ||
		       strcmp(value->text, "null") == 0);
}

static enum kerr
set_value(struct loader *l, enum settings_field f, const struct tree *value)
{
	enum field_type type = settings_schema.fields[f].type;

	l->lines.of[f] = value->key_line;
	if (is_missing(value))
		return config_refuse(&l->lines, f, l->fault,
			"there is no value behind the colon; leave the line out for the "
			"default");
	if (type == FIELD_TEXTS && value->kind != TREE_MAP)
		return set_list(l, f, value);
	if (value->kind != TREE_SCALAR)
		return refuse_value(l, f, value);
	if (type == FIELD_BOOL)
		return set_bool(l, f, value);
	if (type == FIELD_INT)
		return set_number(l, f, value);
	if (type == FIELD_ENUM)
		return set_word(l, f, value);
	if (record_set_text(l->settings, f, value->text) != KERR_OK)
		return no_memory(l->fault);
	return KERR_OK;
}

static bool
is_group(const char *path)
{
	size_t len = strlen(path);

	for (unsigned f = 0; f < SETTINGS__COUNT; f++) {
		const char *name = settings_row((enum settings_field)f)->path;

		if (strncmp(name, path, len) == 0 && name[len] == '.')
			return true;
	}
	return false;
}

static enum kerr
refuse_key(struct loader *l, const struct tree *entry, const char *path)
{
	const char *meant = nearest_setting(path);
	const char *dot = meant ? strchr(meant, '.') : NULL;
	const char *file = l->lines.file;

	if (!meant)
		return fault_set(l->fault, KERR_INVALID, path,
			"%s, line %u: there is no setting '%.80s'; `keyd config show` "
			"lists all of them",
			file, entry->key_line, path);
	if (!dot)
		return fault_set(l->fault, KERR_INVALID, path,
			"%s, line %u: there is no setting '%.80s'; did you mean '%s'?",
			file, entry->key_line, path, meant);
	return fault_set(l->fault, KERR_INVALID, path,
		"%s, line %u: there is no setting '%.80s'; did you mean '%s' (%s below "
		"%.*s)?",
		file, entry->key_line, path, meant, dot + 1, (int)(dot - meant), meant);
}

static enum kerr
take_map(struct loader *l, const struct tree *map, const char *group)
{
	for (const struct tree *entry = map->first; entry; entry = entry->next) {
		char path[PATH_MAX_LEN];
		int f, n;
		enum kerr err;

		n = snprintf(path, sizeof(path), "%s%s%s", group, *group ? "." : "",
			entry->key);
		f = schema_field(&settings_schema, path);
		/* A key with a dot in it would have to mean the same as two lines. */
		if (n >= (int)sizeof(path) || strchr(entry->key, '.'))
			f = -1;
		if (f >= 0)
			err = set_value(l, (enum settings_field)f, entry);
		else if (is_group(path) && entry->kind == TREE_MAP)
			err = take_map(l, entry, path);
		else if (is_group(path) && is_missing(entry))
			err = KERR_OK;
		else if (is_group(path))
			err = fault_set(l->fault, KERR_INVALID, path,
				"%s, line %u: '%s' is a group: write its settings "
				"below it, indented",
				l->lines.file, entry->key_line, path);
		else
			err = refuse_key(l, entry, path);
		if (err != KERR_OK)
			return err;
	}
	return KERR_OK;
}

static enum kerr
check_given(struct loader *l)
{
	for (unsigned i = 0; i < SETTINGS__COUNT; i++) {
		enum settings_field f = (enum settings_field)i;

		if (!record_has(l->settings, i) && !settings_row(f)->preset)
			return fault_set(l->fault, KERR_INVALID, settings_row(f)->path,
				"%s: %s is missing and has no default: %s", l->lines.file,
				settings_row(f)->path, settings_schema.fields[i].doc);
	}
	return KERR_OK;
}

static enum kerr
check_bounds(struct loader *l)
{
	struct fault found;
	int f;

	if (record_check(l->settings, RECORD_ADD, &found) == KERR_OK)
		return KERR_OK;
	/* An element of a list is named with its index. */
	found.field[strcspn(found.field, "[")] = '\0';
	f = schema_field(&settings_schema, found.field);
	if (f < 0)
		return fault_set(l->fault, KERR_INVALID, found.field, "%s: %s: %s",
			l->lines.file, found.field, found.text);
	return config_refuse(
		&l->lines, (enum settings_field)f, l->fault, "%.200s", found.text);
}

enum kerr
config_read(const char *file, const char *bytes, size_t len, struct arena *a,
	struct record **ret, struct fault *fault)
{
	struct loader l = {.lines = {.file = file}, .fault = fault};
	struct tree *tree;
	enum kerr err = tree_read(file, bytes, len, a, &tree, fault);

	if (err != KERR_OK)
		return err;
	if (tree->kind != TREE_MAP)
		return fault_set(fault, KERR_INVALID, "",
			"%s, line %u: write settings, one a line: name: value", file,
			tree->line);
	l.settings = record_new(a, &settings_schema);
	if (!l.settings)
		return no_memory(fault);
	err = take_map(&l, tree, "");
	if (err == KERR_OK)
		err = check_given(&l);
	if (err == KERR_OK && settings_defaults(l.settings) != KERR_OK)
		err = no_memory(fault);
	if (err == KERR_OK)
		err = check_bounds(&l);
	if (err == KERR_OK)
		err = config_check(l.settings, &l.lines, fault);
	if (err == KERR_OK)
		*ret = l.settings;
	return err;
}

static enum kerr
read_whole(int fd, struct buf *out)
{
	for (;;) {
		uint8_t *room = buf_reserve(out, 4096);
		ssize_t n;

		if (!room)
			return buf_error(out);
		n = read(fd, room, 4096);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? KERR_IO : KERR_OK;
		buf_added(out, (size_t)n);
	}
}

static enum kerr
cannot_open(const char *path, int error, struct fault *fault)
{
	if (error == ENOENT)
		return fault_set(fault, KERR_NOTFOUND, "",
			"%s is not there; write it (docs/operations.md has an example) "
			"or "
			"name another one with --config",
			path);
	if (error == EACCES)
		return fault_set(fault, KERR_DENIED, "",
			"%s cannot be read by this user; start as root or with a file of "
			"your own (--config)",
			path);
	return fault_set(fault, KERR_IO, "", "%s: %s", path, strerror(error));
}

static enum kerr
check_file(const char *path, int fd, struct fault *fault)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return cannot_open(path, errno, fault);
	if (!S_ISREG(st.st_mode))
		return fault_set(fault, KERR_INVALID, "", "%s is not a file", path);
	if (st.st_mode & S_IWOTH)
		return fault_set(fault, KERR_DENIED, "",
			"%s can be written by everybody; chmod o-w %s", path, path);
	return KERR_OK;
}

enum kerr
config_load(const char *path, struct arena *a, struct record **ret, struct fault *fault)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct buf text;
	enum kerr err;

	if (fd < 0)
		return cannot_open(path, errno, fault);
	buf_init(&text, CONFIG_MAX + 4096);
	err = check_file(path, fd, fault);
	if (err == KERR_OK) {
		err = read_whole(fd, &text);
		if (err != KERR_OK)
			fault_set(fault, err, "", "%s: %s", path, kerr_text(err));
	}
	if (err == KERR_OK && text.len > CONFIG_MAX)
		err = fault_set(fault, KERR_TOO_LARGE, "", "%s: more than %u bytes", path,
			CONFIG_MAX);
	if (err == KERR_OK)
		err = config_read(path, (const char *)text.data, text.len, a, ret, fault);
	buf_clear(&text);
	close(fd);
	return err;
}
