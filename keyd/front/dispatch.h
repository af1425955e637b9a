#ifndef KEYD_FRONT_DISPATCH_H
#define KEYD_FRONT_DISPATCH_H

#include "keyd/front/exchange.h"

/* From the bytes of a request to the endpoint of its route, and the account of it. */

enum dispatch_result {
	DISPATCH_MORE,     /* the request is not complete */
	DISPATCH_CONTINUE, /* nor is it, and the caller waits for 100 (Continue) */
	DISPATCH_DONE,     /* answered, or the keeper has been asked */
};

/* Looks at what ex->in has now. */
enum dispatch_result dispatch(struct exchange *ex);
/* The answer is out: counts and logs it, by the route's name and without query. */
void dispatch_finished(struct exchange *ex);

#endif
