#ifndef KEYD_CLI_DELIVER_H
#define KEYD_CLI_DELIVER_H

#include "core/buf.h"
#include "core/record.h"

/* Appends a secret as it is: for the one place where a person takes it over. The only
 * way out of a struct secret in the command line. */
void put_secret(struct buf *out, const struct secret *s);
/* Appends what the holder of a key needs, secret and all: `name=value` lines. */
void put_credential(struct buf *out, const struct record *r);

#endif
