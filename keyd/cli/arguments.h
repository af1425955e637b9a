#ifndef KEYD_CLI_ARGUMENTS_H
#define KEYD_CLI_ARGUMENTS_H

#include <stdbool.h>

#include "core/arena.h"
#include "core/buf.h"
#include "core/record.h"
#include "keyd/cli/command.h"

/* What a person typed, read against the table of commands. */

#define OPERANDS_MAX 4
#define QUERY_MAX    8192

struct arguments {
	const struct command *command; /* NULL: help (or version) of a group or of all */
	char words[64];                /* what was typed of its words: "client" */
	const char *options[OPTION__COUNT]; /* NULL: not given; "" when it has no value */
	const char *operands[OPERANDS_MAX];
	unsigned operand_count;
	struct record *body; /* of the command's body, in the arena; NULL: it has none */
	struct buf query;    /* "limit=20&state=live", encoded */
};

/* Reads argv (borrowed until the end). KERR_INVALID with what is wrong, and with what was
 * probably meant, in the fault; ret->command and ret->words are set as far as it came.
 * What looks like a secret is refused, never repeated, and overwritten in argv. Frees
 * with arguments_clear(). */
enum kerr arguments_read(int argc, char **argv, struct arena *a, struct arguments *ret,
	struct fault *fault) MUST_CHECK;
void arguments_clear(struct arguments *args); /* fine on a zeroed struct */

/* Sets one field of a record from its text. Lists: elements parted by commas (`\,` is a
 * comma), added to what is there. Records: `word,field=value,…`, the word being the first
 * field's. KERR_INVALID. */
enum kerr value_set(
	struct record *r, unsigned f, const char *text, struct fault *fault) MUST_CHECK;

/* name=value, encoded (application/x-www-form-urlencoded), behind an & when there is
 * something before. */
void query_add(struct buf *query, const char *name, const char *value, size_t len);
/* Appends a segment of a path, encoded (RFC 3986 section 3.3). */
void path_add(struct buf *path, const char *segment);

#endif
