#ifndef KEYD_CLI_PASTED_H
#define KEYD_CLI_PASTED_H

#include <stddef.h>

#include "core/secret.h"

/* What was pasted to be searched for, made as small as a question to keyd may be: as it
 * is when it is short; else the words in it that may be a secret, a token or a key. Of a
 * token only its id is kept, so that the token itself is not sent. *ret is NULL when
 * nothing of that kind is in it. KERR_NOMEM. */
enum kerr pasted_reduce(const char *text, size_t len, struct secret **ret) MUST_CHECK;
/* The one whole secret in it, as it was written: for stopping it. *ret is NULL when there
 * is none, or more than one. KERR_NOMEM. */
enum kerr pasted_secret(const char *text, size_t len, struct secret **ret) MUST_CHECK;

#endif
