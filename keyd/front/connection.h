#ifndef KEYD_FRONT_CONNECTION_H
#define KEYD_FRONT_CONNECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "keyd/front/front.h"

/* Connections: TLS, one request after the other, limits of time and number. An idle one
 * has no buffers; one that drips bytes has limits.request for all of a request; one that
 * has not sent the whole of its TLS hello costs its socket and 300 bytes. */

#define CONNECTION_READ 4096 /* bytes asked from the socket at once */

struct connections;

/* For at most max of them; NULL: no memory. */
struct connections *connections_new(struct front *f, uint32_t max);
/* Ends all of them at once; the loop must turn before its memory goes. */
void connections_end(struct connections *t);
void connections_free(struct connections *t);
uint32_t connections_count(const struct connections *t);

/* Serves a connected socket, which is taken over. The caller's address is the socket's.
 */
void connection_begin(struct connections *t, int fd, enum door door);
/* An answer of the keeper for whoever asked, if it is still there. */
void connection_answer(
	struct connections *t, struct keeper_asker asker, const struct message *m);
#define CONNECTION_SWEEP_MS 50
/* Looks at a part of the connections: over time, memory that can be given back. Call it
 * every CONNECTION_SWEEP_MS. */
void connection_sweep(struct connections *t);
/* Ends the ones that are idle and lets the others finish. */
void connection_stop(struct connections *t);

#endif
