#ifndef KEYD_CLI_COMMAND_H
#define KEYD_CLI_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include "core/record.h"

/* The table of commands. A row says which words, which request of keyd's interface,
 * which schema its options come from and which its answer is shown by; help, reading of
 * arguments, requests and tables follow from it. A command that is more than a request
 * has a function of its own. */

struct cli;

enum option {
#define OPTION(id, ...) OPTION_##id,
#include "keyd/cli/options.def"
#undef OPTION
	OPTION__COUNT
};
#define OPTION_BIT(o) (1U << (o))
/* Every command takes these. */
#define OPTIONS_ALL                                                                      \
	(OPTION_BIT(OPTION_SOCKET) | OPTION_BIT(OPTION_CONFIG) |                         \
		OPTION_BIT(OPTION_JSON) | OPTION_BIT(OPTION_HELP) |                      \
		OPTION_BIT(OPTION_VERSION))
/* What changes something takes these too. */
#define OPTIONS_CHANGE (OPTION_BIT(OPTION_DRY_RUN) | OPTION_BIT(OPTION_ACCEPT))
/* What makes a secret can be asked for again by the id of the request. */
#define OPTIONS_AGAIN  (OPTION_BIT(OPTION_REQUEST_ID) | OPTION_BIT(OPTION_RETRY))
#define OPTIONS_LIST                                                                     \
	(OPTION_BIT(OPTION_LIMIT) | OPTION_BIT(OPTION_AFTER) | OPTION_BIT(OPTION_SORT) | \
		OPTION_BIT(OPTION_FILTER) | OPTION_BIT(OPTION_AT))
#define OPTIONS_DELIVER (OPTION_BIT(OPTION_TO) | OPTION_BIT(OPTION_NO_RECEIPT))

struct option_row {
	const char *name;
	const char *value; /* NULL: it has none */
	const char *doc;
};
const struct option_row *option_row(enum option o); /* static */

enum command_flag {
	COMMAND_LIST = 1,     /* answers a page of a list */
	COMMAND_CHANGE = 2,   /* of the body: what is left out stays as it is */
	COMMAND_DELIVERS = 4, /* the answer delivers a secret, once */
	COMMAND_ENDS = 8,     /* ends something: says what, and wants it confirmed */
	COMMAND_EARLY = 16,   /* of a phase before keyd serves */
};

struct command {
	const char *words;           /* "client revoke" */
	const char *operands;        /* as help shows them: "CLIENT", "[FILE]"; "" none */
	const char *method;          /* NULL: no request of its own */
	const char *path;            /* with at most one {ref}, the first operand */
	const struct schema *body;   /* NULL: none */
	const char *fields;          /* of body, that are options, parted by blanks;
					NULL: all that a person may set; "": none */
	const char *operand_field;   /* field of body that the first operand gives */
	const struct schema *answer; /* of the record or of an item; NULL: nothing */
	unsigned options;            /* beside OPTIONS_ALL */
	unsigned flags;
	int (*run)(struct cli *c); /* exit code; NULL: request and answer are all */
	const char *doc;           /* one sentence, and more where needed */
	const char *example;       /* a whole command line */
};

size_t commands_count(void);                /* rows of the table */
const struct command *command_at(size_t i); /* NULL beyond the end */
/* The row with exactly these words; NULL. */
const struct command *command_find(const char *words);

/* How many operands it needs and takes at most: "A [B]" is 1 and 2. */
void command_operands(const struct command *c, unsigned *ret_least, unsigned *ret_most);
/* May this option (not a field) be given? */
bool command_takes(const struct command *c, enum option o);
/* Is that field of its body an option? */
bool command_has_field(const struct command *c, unsigned f);

/* The option's name for a field: '-' for '_', and "secret" for secret_number. */
void field_option(const struct field *field, char *out, size_t size);
/* The field of a command's body that the option means (-1: none). A list's option may
 * also be given without its plural s. */
int command_field(const struct command *c, const char *option, size_t len);
/* The same among the fields that its list can be filtered by. */
int command_filter(const struct command *c, const char *option, size_t len);

#endif
