#include "keyd/cli/command.h"

#include <string.h>

/* What follows from a row of the table of commands. */

static const struct option_row options[OPTION__COUNT] = {
#define OPTION(id, name_, value_, doc_)                                                  \
	[OPTION_##id] = {.name = name_, .value = value_, .doc = doc_},
#include "keyd/cli/options.def"
#undef OPTION
};

const struct option_row *
option_row(enum option o)
{
	return &options[o];
}

void
command_operands(const struct command *c, unsigned *ret_least, unsigned *ret_most)
{
	const char *p = c->operands;

	*ret_least = *ret_most = 0;
	while (*p) {
		size_t n = strcspn(p, " ");

		*ret_most += 1;
		*ret_least += *p != '[';
		p += n;
		p += strspn(p, " ");
	}
}

bool
command_takes(const struct command *c, enum option o)
{
	/* --yes is harmless where nothing is asked, and scripts say it everywhere. */
	return o == OPTION_YES || ((c->options | OPTIONS_ALL) & OPTION_BIT(o)) != 0;
}

/* Is the word one of those in the list, which are parted by blanks? */
static bool
is_in(const char *list, const char *word)
{
	size_t len = strlen(word);

	for (const char *p = list; *p; p += strspn(p, " ")) {
		size_t n = strcspn(p, " ");

		if (n == len && memcmp(p, word, n) == 0)
			return true;
		p += n;
	}
	return false;
}

bool
command_has_field(const struct command *c, unsigned f)
{
	const struct field *field;

	if (!c->body || f >= c->body->count)
		return false;
	field = &c->body->fields[f];
	/* Nobody types a secret into an argument. */
	if ((field->flags & FIELD_SERVER) || field->type == FIELD_SECRET ||
		field->type == FIELD_BYTES)
		return false;
	if ((c->flags & COMMAND_CHANGE) && (field->flags & FIELD_FIXED))
		return false;
	return c->fields ? is_in(c->fields, field->name) : true;
}

void
field_option(const struct field *field, char *out, size_t size)
{
	const char *name =
		strcmp(field->name, "secret_number") == 0 ? "secret" : field->name;
	size_t n = 0;

	for (; name[n] && n + 1 < size; n++)
		out[n] = name[n] == '_' ? '-' : name[n];
	out[n] = '\0';
}

static bool
is_option_of(const struct field *field, const char *option, size_t len)
{
	bool many = field->type == FIELD_INTS || field->type == FIELD_TEXTS ||
		    field->type == FIELD_RECORDS;
	char name[64];
	size_t n;

	field_option(field, name, sizeof(name));
	n = strlen(name);
	if (n == len && memcmp(name, option, n) == 0)
		return true;
	/* "prefixes" is "prefix", "roles" is "role". */
	if (many && n > 2 && name[n - 1] == 's' &&
		(n - 1 == len || (n - 2 == len && name[n - 2] == 'e')))
		return memcmp(name, option, len) == 0;
	/* The JSON member's name is right too. */
	return strlen(field->name) == len && memcmp(field->name, option, len) == 0;
}

int
command_field(const struct command *c, const char *option, size_t len)
{
	for (unsigned f = 0; c->body && f < c->body->count; f++) {
		if (command_has_field(c, f) &&
			is_option_of(&c->body->fields[f], option, len))
			return (int)f;
	}
	return -1;
}

int
command_filter(const struct command *c, const char *option, size_t len)
{
	if (!command_takes(c, OPTION_FILTER))
		return -1;
	for (unsigned f = 0; f < c->answer->count; f++) {
		const struct field *field = &c->answer->fields[f];

		if ((field->flags & FIELD_FILTER) && is_option_of(field, option, len))
			return (int)f;
	}
	return -1;
}
