#ifndef KEYD_FRONT_ROUTES_H
#define KEYD_FRONT_ROUTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"
#include "keyd/front/exchange.h"
#include "keyd/front/http.h"

/* Every route: method, path, doors, how large a body may be, who answers. What a route
 * does not have in its row it cannot do. Until there is log-in over HTTPS the admin door
 * on TCP has three rows; whatever else is asked there is answered 401. */

enum route_flag {
	ROUTE_OAUTH = 1,     /* errors in OAuth's form */
	ROUTE_SECRETS = 2,   /* the answer delivers a secret */
	ROUTE_CREATED = 4,   /* 201, with a Location where the answer has an id */
	ROUTE_CHANGE = 8,    /* the body is a change: what is left out stays */
	ROUTE_UPLOAD = 16,   /* the body is application/x-keyd-restore */
	ROUTE_DOCUMENT = 32, /* the answer is the bytes of one field of the record */
};

struct route {
	const char *name; /* for log, metrics and OpenAPI's operationId */
	enum http_method method;
	const char *path; /* with at most one {ref}, a whole segment */
	unsigned doors;   /* bits of enum door */
	size_t body_max;  /* bytes; 0: it takes no body */
	uint16_t message; /* to the keeper; 0: the handler's own affair */
	unsigned flags;
	void (*handle)(struct exchange *ex);
};

/* How many rows there are. */
size_t routes_count(void);
/* NULL beyond the last. */
const struct route *route_at(size_t i);
/* The place of a row, as route_at() has it. */
size_t route_index(const struct route *r);

/* The row for that request. NULL: none, and *ret_methods has a bit for each method that
 * the path has at that door (0: no such path). {ref} comes out decoded. */
const struct route *route_find(enum door door, enum http_method method, const char *path,
	size_t len, struct exchange *ex, unsigned *ret_methods);

#endif
