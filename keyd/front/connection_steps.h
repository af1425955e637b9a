#ifndef KEYD_FRONT_CONNECTION_STEPS_H
#define KEYD_FRONT_CONNECTION_STEPS_H

#include "keyd/front/connection.h"
#include "keyd/front/exchange.h"

/* What a connection is made of and what it does next: for connection.c and
 * connection_steps.c alone. */

/* Record buffers of OpenSSL are kept no longer than that. */
#define CONNECTION_BUFFERS_MS 250

enum connection_state {
	CONNECTION_PROXY,     /* waits for the PROXY header of a trusted proxy */
	CONNECTION_HELLO,     /* waits for the whole first record of TLS */
	CONNECTION_HANDSHAKE, /* of TLS */
	CONNECTION_REQUEST,   /* waits for a request or reads it */
	CONNECTION_ANSWER,    /* waits for the keeper */
	CONNECTION_REPLY,     /* writes */
	CONNECTION_LINGER,    /* has answered and shut, reads to the caller's end */
	CONNECTION_ENDED,
};

enum next { NEXT_STEP, NEXT_READ, NEXT_WRITE, NEXT_WAIT, NEXT_END };

struct connection {
	uv_poll_t poll;
	struct connections *table;
	struct exchange *ex; /* NULL while idle */
	struct ssl_st *ssl;  /* NULL: not yet, or plain */
	uint64_t deadline;   /* milliseconds of the loop; 0: none */
	uint64_t buffers_until;
	uint32_t slot;
	uint32_t serial; /* of the request in hand */
	int fd;
	enum connection_state state;
	enum door door;
	int armed;    /* events that the loop waits for */
	bool fresh;   /* bytes in ex->in have not been looked at */
	bool counted; /* among its address's */
	bool tls;
	int waited; /* bytes that the last event was to come with; 0: any */
	uint32_t lingered;
	uint8_t source[16];
};

struct slot {
	struct connection *c; /* NULL: free */
	uint32_t serial; /* never starts again, so that an old asker is known as such */
	uint32_t next_free;
};

struct connections {
	struct front *front;
	uint32_t max;
	uint32_t count;
	uint32_t used; /* slots that were ever used */
	uint32_t first_free;
	uint32_t sweep_at;
	uint32_t dropped; /* sessions whose buffers went since the last trim */
	uint64_t trimmed; /* when that was */
	struct slot *slots;
};

/* Does the next thing that the connection's state is for, and says what then. */
enum next connection_step(struct connection *c);
/* Counts the connection among its address's, once that is known; false: there are too
 * many. */
bool connection_admit(struct connection *c);
/* The moment that is ms from now; 0, which is never, for 0. */
uint64_t connection_in_time(const struct connection *c, uint64_t ms);

#endif
