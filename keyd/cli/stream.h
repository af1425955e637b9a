#ifndef KEYD_CLI_STREAM_H
#define KEYD_CLI_STREAM_H

#include <stdint.h>

#include "core/buf.h"
#include "keyd/cli/cli.h"
#include "keyd/cli/file.h"

/* A request or an answer too large to lie in memory: a backup, an export. */

struct stream {
	const char *method;
	const char *target;
	const char *type;       /* of the body; NULL: there is none */
	const struct buf *head; /* the body begins with it; NULL: nothing */
	int in;                 /* and goes on with this file; -1: no */
	uint64_t in_len;
	struct new_file *out; /* where the answer goes; its fd -1: standard output; NULL:
				 into memory */
	const char *what;     /* said while it takes long */
};
/* On success the answer is in out, or appended to answer (may be NULL where out is set).
 * On failure c->fault says why. */
enum kerr stream_call(
	struct cli *c, const struct stream *s, struct buf *answer) MUST_CHECK;

#endif
