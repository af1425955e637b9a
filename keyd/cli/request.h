#ifndef KEYD_CLI_REQUEST_H
#define KEYD_CLI_REQUEST_H

#include <stdint.h>

#include "keyd/cli/cli.h"

/* The usual road: the command's own request, its answer by the command's schema. */

/* Bounds and required fields of what was typed, before it is sent. */
enum kerr request_check(struct cli *c) MUST_CHECK;
/* Sends the command's request; the answer's body is borrowed until the next call. */
enum kerr request_send(
	struct cli *c, const uint8_t **ret_body, size_t *ret_len) MUST_CHECK;
/* The same about another object than the first operand. */
enum kerr request_send_about(struct cli *c, const char *ref, const uint8_t **ret_body,
	size_t *ret_len) MUST_CHECK;
/* Prints the answer: as it came with --json, else as a table or a record. */
int show_answer(struct cli *c, const uint8_t *body, size_t len);
/* Prints a record, as JSON or as text. */
int show_record(struct cli *c, const struct record *r);
/* Says what was done: a remark, or with --json an object. */
int show_done(struct cli *c, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* The answer as a record of the command's schema, in c->arena. */
enum kerr read_answer(struct cli *c, const struct schema *s, const uint8_t *body,
	size_t len, struct record **ret) MUST_CHECK;

#endif
