#ifndef KEYD_CLI_CLI_H
#define KEYD_CLI_CLI_H

#include "core/arena.h"
#include "core/err.h"
#include "core/wire/http_client.h"
#include "keyd/cli/arguments.h"

/* One run of the command line: what was typed, the connection to keyd, what went wrong.
 */

enum exit_code {
	EXIT_DONE = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2, /* or the input is not valid */
	EXIT_NOTFOUND = 3,
	EXIT_DENIED = 4,
	EXIT_CONFLICT = 5,
	EXIT_AWAY = 6, /* not reachable, sealed, not ready */
	EXIT_BUSY = 7, /* or full */
};

struct cli {
	struct arguments args;
	struct arena *arena;
	struct http_client *http; /* NULL before the first request */
	struct fault fault;       /* the last failure */
	struct buf problem;       /* keyd's own words for it, JSON; empty: it is ours */
	unsigned retry_after;     /* seconds, when keyd named them */
	char request[64 * 2 + 1]; /* id of the request, "" when it needs none */
	char socket[108];
	bool after_send; /* the request left, so keyd may have acted on it */
};

/* Was the option given? */
bool cli_has(const struct cli *c, enum option o);

/* The exit code for a failure. PHASE depends on the command: what belongs to the time
 * before keyd serves comes too late, all else too early. */
int exit_of(enum kerr err, const struct command *c);

/* Says c->fault on standard error: `keyd: client issue: why (--field)` and what to do
 * next, or with --json a problem document. Returns its exit code. */
int report(struct cli *c);
/* Sets the fault, then the same. */
int report_new(struct cli *c, enum kerr err, const char *field, const char *fmt, ...)
	PRINTF_LIKE(4, 5);
/* A remark on standard error, "keyd: …"; scrubbed. */
void remark(const char *fmt, ...) PRINTF_LIKE(1, 2);

/* Writes to standard output and looks whether it arrived. KERR_IO. */
enum kerr print(const void *bytes, size_t len) MUST_CHECK;
enum kerr print_buf(const struct buf *b) MUST_CHECK; /* or the buffer's own failure */

/* Help, on standard output: of a command, of a group of commands ("client"), of all. */
void help_put_command(struct buf *out, const struct command *c);
void help_put_group(struct buf *out, const char *words); /* "": all */

#endif
