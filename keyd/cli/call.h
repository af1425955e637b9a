#ifndef KEYD_CLI_CALL_H
#define KEYD_CLI_CALL_H

#include <stdint.h>

#include "core/buf.h"
#include "keyd/cli/cli.h"

/* Requests to keyd over its local socket. On failure c->fault says why, with keyd's own
 * problem document in c->problem where it sent one. */

#define CALL_REF_MAX 256

struct call {
	const char *method;
	const char *target;        /* path and query */
	const struct record *body; /* NULL: none */
	bool changes; /* If-Match and the options of a change belong to this request */
	bool once;    /* with c->request as Idempotency-Key */
};
/* The body of the answer, borrowed until the next call. Says on the terminal that time
 * passes when it takes more than a second. */
enum kerr call(struct cli *c, const struct call *q, const uint8_t **ret_body,
	size_t *ret_len) MUST_CHECK;
/* Where keyd listens, into c->socket: --socket, KEYD_SOCKET, or the configuration's. */
enum kerr call_find_socket(struct cli *c) MUST_CHECK;
/* The target of the command's own request: its path with ref in the place of {ref}, the
 * query of a list, and the options of a change. */
enum kerr call_target(
	struct cli *c, const char *path, const char *ref, struct buf *out) MUST_CHECK;
/* 128 random bits in hexadecimal into c->request, or what --request-id or --retry say. */
enum kerr call_name_request(struct cli *c) MUST_CHECK;

/* GET of one record; in c->arena. */
enum kerr call_show(struct cli *c, const char *path, const char *ref,
	const struct schema *s, struct record **ret) MUST_CHECK;

/* The path of the running configuration file: --config, KEYD_CONFIG, or the usual. */
const char *config_path(const struct cli *c);

/* Takes over what the answer of a failed request says. head: name of a header to its
 * value, NULL when there is none. Returns the error. */
enum kerr call_take_problem(struct cli *c, unsigned status, const void *body, size_t len,
	const char *retry_after);
/* The fault of a failure of the connection. */
enum kerr call_broken(struct cli *c, enum kerr err);

#endif
