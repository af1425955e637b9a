#ifndef KEYD_CLI_ASK_H
#define KEYD_CLI_ASK_H

#include "core/secret.h"
#include "keyd/cli/cli.h"

/* Questions to the person. */

/* Wants the words typed at the terminal that is one of two (the second may be NULL),
 * unless --yes or --dry-run is there; without a terminal it is refused. The text before
 * has said what ends. KERR_OK: go on; else c->fault is set. */
enum kerr ask_confirmed(struct cli *c, const char *prompt, const char *either,
	const char *other) MUST_CHECK;
/* A secret: from standard input when the operand of that number is "-", else at the
 * terminal, without echo. KERR_NOTFOUND: there is no terminal either. NULL in *ret:
 * nothing was typed. */
enum kerr ask_secret(struct cli *c, const char *prompt, unsigned operand,
	struct secret **ret) MUST_CHECK;
/* What standard input has, to its end, without the end of its last line; at most size
 * bytes. KERR_TOO_LARGE, KERR_IO with c->fault set. */
enum kerr ask_input(struct cli *c, char *out, size_t size, size_t *ret_len) MUST_CHECK;

#endif
