#ifndef KEYD_FRONT_EXCHANGE_H
#define KEYD_FRONT_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/arena.h"
#include "core/buf.h"
#include "keyd/front/front.h"
#include "keyd/front/http.h"

/* One request and its answer: lives from the request's first byte to the answer's last,
 * then it is wiped and kept for the next one. An idle connection has none. */

struct route;
struct upload;

#define EXCHANGE_REF_MAX   256
#define EXCHANGE_EXTRA_MAX 512
#define EXCHANGE_ARENA_MAX ((size_t)8 << 20)

typedef void exchange_answered(struct exchange *ex, const struct message *m);

struct exchange {
	struct front *front;
	struct exchange *next; /* in the list of spare ones */
	struct keeper_asker asker;
	enum door door;
	uint8_t source[16]; /* the caller's address, IPv4 mapped */
	struct buf in;
	struct buf out;
	struct arena *arena; /* NULL until it is needed */
	const struct route *route;
	size_t ref_len;
	char ref[EXCHANGE_REF_MAX + 1]; /* of the route's {ref}, decoded */
	char request_id[FRONT_REQUEST_ID + 1];
	uint64_t began;              /* monotonic microseconds */
	exchange_answered *answered; /* who waits for the keeper; NULL: nobody */
	struct upload *upload;       /* a body that is too large for memory */
	/* The answer. */
	bool replied;
	bool close;  /* the connection, after it */
	bool unread; /* the request has a rest that nobody wants */
	unsigned status;
	size_t out_at;       /* of the answer's first byte that is not sent */
	const uint8_t *tail; /* sent after out; lies in the mapping */
	size_t tail_len;
	void *map;
	size_t map_len;
	size_t extra_len;
	char extra[EXCHANGE_EXTRA_MAX]; /* header fields of this answer */
	struct http_in http;            /* last: not wiped field by field */
};

/* One that is empty; NULL: no memory. */
struct exchange *exchange_take(struct front *f);
/* Wipes it and keeps it, or frees it. */
void exchange_release(struct exchange *ex);
/* Ready for the next request on the same connection, whose first bytes may be there. */
void exchange_renew(struct exchange *ex);
void exchange_free_spare(struct front *f);

/* Memory of this request; NULL: none left. */
struct arena *exchange_arena(struct exchange *ex);
/* Body of the request as it was received. */
uint8_t *exchange_body(struct exchange *ex, size_t *ret_len);

/* How much to read from the caller at once. */
size_t exchange_read_size(const struct exchange *ex);

/* Asks the keeper; answered is called once, with the answer or with status KERR_CLOSED.
 * On failure the request has been answered with 503 or 500. */
void exchange_ask(struct exchange *ex, uint16_t number, const void *payload, size_t len,
	exchange_answered *answered);

#endif
