#include "keyd/cli/arguments.h"

#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "core/credential.h"
#include "core/text.h"
#include "keyd/parent/config/nearest.h"

/* Two rounds over argv: the first finds the words of the command, which says what the
 * options of the second are. */

#define WORDS_MAX   4  /* of one command, and help before them */
#define CHOICES_MAX 96 /* names offered when one was mistyped */
#define NAME_MAX_   64
#define KID_LEN     43 /* of a signing key, RFC 7638 with SHA-256 */

struct reading {
	int argc;
	char **argv;
	struct arguments *args;
	struct fault *fault;
	int words[WORDS_MAX]; /* where in argv the words of the command stand */
	int word_count;
};

/* The name of an option without its dashes and value. */
static size_t
name_length(const char *arg)
{
	return strcspn(arg + 2, "=");
}

static bool
is_option(const char *arg)
{
	return arg[0] == '-' && arg[1] != '\0';
}

/* The own option of that name; OPTION__COUNT when there is none. */
static enum option
own_option(const char *name, size_t len)
{
	for (int o = 0; o < OPTION__COUNT; o++) {
		const char *n = option_row((enum option)o)->name;

		if (strlen(n) == len && memcmp(n, name, len) == 0)
			return (enum option)o;
	}
	return OPTION__COUNT;
}

/* Cursors and key ids are as random as a secret, and no places where people paste. */
static bool
is_random_by_right(char **argv, int i)
{
	const char *before = i > 1 ? argv[i - 1] : "";

	if (strncmp(argv[i], "--after=", 8) == 0 || strcmp(before, "--after") == 0)
		return true;
	return strcmp(before, "withdraw") == 0 && strlen(argv[i]) == KID_LEN;
}

/* A person who pastes a secret into the wrong place must not find it repeated. */
static enum kerr
refuse_secrets(struct reading *r)
{
	for (int i = 1; i < r->argc; i++) {
		char *arg = r->argv[i];
		size_t len = strlen(arg);
		if (is_random_by_right(r->argv, i) || !credential_looks_secret(arg, len))
			continue;
		sodium_memzero(arg, len);
		return fault_set(r->fault, KERR_INVALID, "",
			"that looks like a secret: treat it as leaked, since arguments "
			"stand in the process list and the shell's history. keyd client "
			"find, without an argument, asks for it and leaves no trace");
	}
	return KERR_OK;
}

/* Is there a command whose words are these, or begin with them and a blank? */
static bool
is_group(const char *words)
{
	size_t len = strlen(words);

	for (size_t i = 0; i < commands_count(); i++) {
		const char *w = command_at(i)->words;

		if (strncmp(w, words, len) == 0 && (w[len] == ' ' || !w[len]))
			return true;
	}
	return false;
}

/* The longest row of words that begin a command. */
static void
join_words(struct reading *r, int count, char *out, size_t size)
{
	size_t n = 0;

	out[0] = '\0';
	for (int i = 0; i < count; i++) {
		int rc = snprintf(
			out + n, size - n, "%s%s", i ? " " : "", r->argv[r->words[i]]);

		/* So long is no command. */
		if (rc < 0 || (size_t)rc >= size - n) {
			out[0] = '\0';
			return;
		}
		n += (size_t)rc;
	}
}

/* What could stand behind the words, for a suggestion. */
static void
nearest_next(const char *words, const char *typed, char out[NAME_MAX_])
{
	const char *found;
	char next[CHOICES_MAX][NAME_MAX_];
	const char *choices[CHOICES_MAX + 1];
	size_t len = strlen(words), count = 0;

	for (size_t i = 0; i < commands_count() && count < CHOICES_MAX; i++) {
		const char *w = command_at(i)->words;
		size_t n;

		if (strncmp(w, words, len) != 0 || (len && w[len] != ' '))
			continue;
		w += len + (len ? 1 : 0);
		n = strcspn(w, " ");
		if (n >= NAME_MAX_)
			continue;
		memcpy(next[count], w, n);
		next[count][n] = '\0';
		choices[count] = next[count];
		count++;
	}
	choices[count] = NULL;
	found = nearest_word(typed, choices);
	snprintf(out, NAME_MAX_, "%s", found ? found : "");
}

static enum kerr
refuse_word(struct reading *r, const char *words, const char *typed)
{
	char near[NAME_MAX_];

	nearest_next(words, typed, near);
	if (!typed[0])
		return fault_set(r->fault, KERR_INVALID, "",
			"keyd%s%s needs a further word; keyd help%s%s lists them",
			words[0] ? " " : "", words, words[0] ? " " : "", words);
	return fault_set(r->fault, KERR_INVALID, "",
		"keyd%s%s does not know the word %.40s%s%s%s; keyd help%s%s lists them",
		words[0] ? " " : "", words, typed, near[0] ? "; did you mean " : "", near,
		near[0] ? "?" : "", words[0] ? " " : "", words);
}

/* The first three words that are not options or their values. An option that only a
 * command knows stands behind its words, so it ends the search. */
static void
collect_words(struct reading *r)
{
	for (int i = 1; i < r->argc && r->word_count < WORDS_MAX; i++) {
		const char *arg = r->argv[i];
		enum option o;

		if (!is_option(arg)) {
			r->words[r->word_count++] = i;
			continue;
		}
		o = arg[1] == '-' ? own_option(arg + 2, name_length(arg)) : OPTION_HELP;
		if (o == OPTION__COUNT)
			return;
		if (option_row(o)->value && !strchr(arg, '='))
			i++;
	}
}

static bool
asks_help(const struct reading *r)
{
	for (int i = 1; i < r->argc; i++) {
		if (strcmp(r->argv[i], "--help") == 0 || strcmp(r->argv[i], "-h") == 0)
			return true;
	}
	return r->word_count == 0;
}

/* Finds the command; with `help WORDS…` or --help a group is enough. */
static enum kerr
find_command(struct reading *r)
{
	char *words = r->args->words;
	size_t size = sizeof(r->args->words);
	bool help = asks_help(r);

	if (r->word_count && strcmp(r->argv[r->words[0]], "help") == 0) {
		memmove(r->words, r->words + 1, sizeof(r->words) - sizeof(r->words[0]));
		r->word_count--;
		help = true;
	}
	if (help)
		r->args->options[OPTION_HELP] = "";
	for (int n = r->word_count; n > 0; n--) {
		join_words(r, n, words, size);
		r->args->command = command_find(words);
		if (r->args->command) {
			r->word_count = n;
			return KERR_OK;
		}
	}
	for (int n = r->word_count; n > 0; n--) {
		join_words(r, n, words, size);
		if (!is_group(words))
			continue;
		if (help && n == r->word_count)
			return KERR_OK;
		return refuse_word(
			r, words, n < r->word_count ? r->argv[r->words[n]] : "");
	}
	words[0] = '\0';
	if (!r->word_count)
		return KERR_OK;
	return refuse_word(r, "", r->argv[r->words[0]]);
}

static enum kerr
refuse_option(struct reading *r, const char *name, size_t len)
{
	char names[CHOICES_MAX][NAME_MAX_];
	const struct command *c = r->args->command;
	const char *choices[CHOICES_MAX + 1], *near;
	char typed[NAME_MAX_];
	size_t count = 0;

	for (unsigned f = 0; c->body && f < c->body->count; f++) {
		if (!command_has_field(c, f))
			continue;
		field_option(&c->body->fields[f], names[count], NAME_MAX_);
		choices[count] = names[count];
		count++;
	}
	for (unsigned f = 0; command_takes(c, OPTION_FILTER) && f < c->answer->count;
		f++) {
		if (!(c->answer->fields[f].flags & FIELD_FILTER) ||
			count == CHOICES_MAX / 2)
			continue;
		field_option(&c->answer->fields[f], names[count], NAME_MAX_);
		choices[count] = names[count];
		count++;
	}
	for (int o = 0; o < OPTION__COUNT; o++) {
		if (command_takes(c, (enum option)o))
			choices[count++] = option_row((enum option)o)->name;
	}
	choices[count] = NULL;
	snprintf(typed, sizeof(typed), "%.*s", len < 40 ? (int)len : 40, name);
	near = nearest_word(typed, choices);
	return fault_set(r->fault, KERR_INVALID, "",
		"keyd %s has no option --%s%s%s%s; keyd %s --help lists them", c->words,
		typed, near ? "; did you mean --" : "", near ? near : "", near ? "?" : "",
		c->words);
}

static enum kerr
read_filter(struct reading *r, const char *text)
{
	const char *equals = strchr(text, '=');
	int f = equals ? command_filter(r->args->command, text, (size_t)(equals - text))
		       : -1;

	if (f < 0)
		return fault_set(r->fault, KERR_INVALID, "filter",
			"it must be FIELD=VALUE with a field that this list can be "
			"filtered by; keyd %s --help names them",
			r->args->command->words);
	query_add(&r->args->query, r->args->command->answer->fields[f].name, equals + 1,
		strlen(equals + 1));
	return KERR_OK;
}

static enum kerr
take_own(struct reading *r, enum option o, const char *value)
{
	int64_t n;

	if (o == OPTION_FILTER)
		return read_filter(r, value);
	if (r->args->options[o] && o != OPTION_HELP && o != OPTION_JSON)
		return fault_set(
			r->fault, KERR_INVALID, option_row(o)->name, "it is given twice");
	if ((o == OPTION_LIMIT || o == OPTION_IF_VERSION) &&
		(text_to_int(value, strlen(value), &n) != KERR_OK || n < 1))
		return fault_set(r->fault, KERR_INVALID, option_row(o)->name,
			"it must be a whole number from 1");
	r->args->options[o] = value;
	if (o == OPTION_LIMIT || o == OPTION_AFTER || o == OPTION_SORT || o == OPTION_AT)
		query_add(&r->args->query, option_row(o)->name, value, strlen(value));
	return KERR_OK;
}

static enum kerr
take_field(struct reading *r, unsigned f, const char *value)
{
	const struct field *field = &r->args->command->body->fields[f];
	bool many = field->type == FIELD_INTS || field->type == FIELD_TEXTS ||
		    field->type == FIELD_RECORDS;

	if (!many && record_has(r->args->body, f))
		return fault_set(
			r->fault, KERR_INVALID, field->name, "it is given twice");
	return value_set(r->args->body, f, value, r->fault);
}

/* What an option's name means here. */
struct meaning {
	const char *name;
	size_t len;
	int field;  /* of the body; -1 */
	int filter; /* field of the list's items; -1 */
	enum option own;
	bool flag; /* needs no value */
};

static enum kerr
find_meaning(struct reading *r, const char *arg, struct meaning *ret)
{
	const struct command *c = r->args->command;
	struct meaning m = {.name = arg + 2, .len = arg[1] == '-' ? name_length(arg) : 0};

	if (!m.len)
		return refuse_option(r, arg + 1, strlen(arg + 1));
	m.field = command_field(c, m.name, m.len);
	m.filter = command_filter(c, m.name, m.len);
	m.own = own_option(m.name, m.len);
	if (m.field >= 0)
		m.flag = c->body->fields[m.field].type == FIELD_BOOL;
	else if (m.filter < 0 && (m.own == OPTION__COUNT || !command_takes(c, m.own)))
		return refuse_option(r, m.name, m.len);
	else
		m.flag = m.filter < 0 && !option_row(m.own)->value;
	*ret = m;
	return KERR_OK;
}

static enum kerr
take_meant(struct reading *r, const struct meaning *m, const char *value)
{
	if (m->field >= 0)
		return take_field(r, (unsigned)m->field, value);
	if (m->filter < 0)
		return take_own(r, m->own, value);
	query_add(&r->args->query, r->args->command->answer->fields[m->filter].name,
		value, strlen(value));
	return KERR_OK;
}

/* One option at argv[*at]; moves *at to its value when that is the next argument. */
static enum kerr
read_option(struct reading *r, int *at)
{
	const char *arg = r->argv[*at], *value;
	struct meaning m = {0};
	enum kerr err;

	if (strcmp(arg, "-h") == 0)
		return take_own(r, OPTION_HELP, "");
	err = find_meaning(r, arg, &m);
	if (err != KERR_OK)
		return err;
	value = m.name[m.len] == '=' ? m.name + m.len + 1 : NULL;
	if (value && m.flag && m.field < 0)
		return fault_set(r->fault, KERR_INVALID, option_row(m.own)->name,
			"it takes no value");
	if (!value && m.flag)
		value = m.field >= 0 ? "yes" : "";
	if (!value && *at + 1 < r->argc)
		value = r->argv[++*at];
	if (!value)
		return fault_set(r->fault, KERR_INVALID, "",
			"--%.*s needs a value behind it", (int)m.len, m.name);
	return take_meant(r, &m, value);
}

static bool
is_word_of_command(const struct reading *r, int i)
{
	for (int w = 0; w < r->word_count; w++) {
		if (r->words[w] == i)
			return true;
	}
	return false;
}

static enum kerr
take_operand(struct reading *r, const char *text)
{
	struct arguments *args = r->args;
	unsigned least, most;

	command_operands(args->command, &least, &most);
	if (args->operand_count == most || args->operand_count == OPERANDS_MAX)
		return fault_set(r->fault, KERR_INVALID, "",
			"%.40s is one word too many for keyd %s%s%s; put what has blanks "
			"into quotation marks",
			text, args->command->words, most ? " " : "",
			args->command->operands);
	args->operands[args->operand_count++] = text;
	return KERR_OK;
}

/* The first operand is a field of the body, and must not be given twice. */
static enum kerr
set_operand_field(struct reading *r)
{
	const struct command *c = r->args->command;
	int f = c->operand_field ? schema_field(c->body, c->operand_field) : -1;

	if (f < 0 || !r->args->operand_count || strcmp(r->args->operands[0], "-") == 0)
		return KERR_OK;
	return take_field(r, (unsigned)f, r->args->operands[0]);
}

static enum kerr
check_whole(struct reading *r)
{
	struct arguments *args = r->args;
	const struct command *c = args->command;
	unsigned least, most;
	enum kerr err;

	command_operands(c, &least, &most);
	if (args->operand_count < least)
		return fault_set(r->fault, KERR_INVALID, "",
			"keyd %s needs %s; example: %s", c->words, c->operands,
			c->example);
	if (args->options[OPTION_REQUEST_ID] && args->options[OPTION_RETRY])
		return fault_set(r->fault, KERR_INVALID, "retry",
			"--retry and --request-id are two names of one id: give one");
	err = set_operand_field(r);
	if (err != KERR_OK || !args->body || (c->flags & COMMAND_EARLY))
		return err;
	return c->run ? KERR_OK
		      : record_check(args->body,
				c->flags & COMMAND_CHANGE ? RECORD_CHANGE : RECORD_ADD,
				r->fault);
}

static enum kerr
read_rest(struct reading *r)
{
	bool only_operands = false;
	enum kerr err = KERR_OK;

	for (int i = 1; i < r->argc && err == KERR_OK; i++) {
		const char *arg = r->argv[i];

		if (is_word_of_command(r, i))
			continue;
		if (!only_operands && strcmp(arg, "--") == 0)
			only_operands = true;
		else if (!only_operands && is_option(arg))
			err = read_option(r, &i);
		else
			err = take_operand(r, arg);
	}
	if (err != KERR_OK || r->args->options[OPTION_HELP])
		return err;
	return check_whole(r);
}

/* Before a command is known only what every command takes can be said. */
static enum kerr
read_global(struct reading *r)
{
	for (int i = 1; i < r->argc; i++) {
		const char *arg = r->argv[i];
		bool dashes = is_option(arg) && arg[1] == '-';
		enum option o =
			dashes ? own_option(arg + 2, name_length(arg)) : OPTION__COUNT;

		if (strcmp(arg, "--version") == 0)
			r->args->options[OPTION_VERSION] = "";
		else if (strcmp(arg, "--json") == 0)
			r->args->options[OPTION_JSON] = "";
		else if (dashes && o == OPTION__COUNT && !r->word_count)
			return fault_set(r->fault, KERR_INVALID, "",
				"%.40s comes before the command; options of a command "
				"stand behind it",
				arg);
	}
	return KERR_OK;
}

enum kerr
arguments_read(int argc, char **argv, struct arena *a, struct arguments *ret,
	struct fault *fault)
{
	struct reading r = {.argc = argc, .argv = argv, .args = ret, .fault = fault};
	enum kerr err = refuse_secrets(&r);

	buf_init(&ret->query, QUERY_MAX);
	if (err == KERR_OK) {
		collect_words(&r);
		err = read_global(&r);
	}
	if (err == KERR_OK && ret->options[OPTION_VERSION])
		return KERR_OK;
	if (err == KERR_OK)
		err = find_command(&r);
	if (err != KERR_OK || !ret->command || ret->options[OPTION_HELP])
		return err;
	if (ret->command->body) {
		ret->body = record_new(a, ret->command->body);
		if (!ret->body)
			return fault_set(
				fault, KERR_NOMEM, "", "%s", kerr_text(KERR_NOMEM));
	}
	err = read_rest(&r);
	if (err == KERR_OK && buf_error(&ret->query) != KERR_OK)
		err = fault_set(fault, KERR_INVALID, "", "the filters are too long");
	if (err != KERR_OK && !fault->text[0])
		fault_set(fault, err, "", "%s", kerr_text(err));
	return err;
}

void
arguments_clear(struct arguments *args)
{
	record_drop_secrets(args->body);
	buf_clear(&args->query);
	args->body = NULL;
}
