#ifndef KEYD_ADMIN_TUI_API_H
#define KEYD_ADMIN_TUI_API_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include "core/err.h"

/* Questions to keyd over its local socket, on the event loop. Two lanes with a connection
 * each: what is read waits its turn and is asked again by itself after a lost connection;
 * what acts never waits behind it and is asked again only by a person. An answer comes
 * from the loop, never from within api_ask(). */
struct api;

enum api_lane { API_READ, API_ACT, API__LANES };

struct api_reply {
	enum kerr err;       /* KERR_OK: done */
	struct fault fault;  /* else why not */
	bool unasked;        /* keyd was not reached */
	bool uncertain;      /* the answer was lost: keyd may have acted */
	const uint8_t *body; /* borrowed during the call */
	size_t len;
};
typedef void api_done(void *with, const struct api_reply *reply);

struct api_call {
	enum api_lane lane;
	const char *method;
	const char *target;
	const void *body; /* JSON; NULL: none. Copied, the copy is wiped */
	size_t body_len;
	int64_t version;         /* If-Match; 0: none */
	const char *idempotency; /* Idempotency-Key; NULL: none */
	api_done *done;
	void *with; /* also who may cancel */
};

struct api_hooks {
	void (*changed)(void *with); /* state or waiting time is another one */
	void *with;
};

/* path is copied. NULL: no memory. */
struct api *api_new(uv_loop_t *loop, const char *path, const struct api_hooks *hooks);
/* Forgets every question; the loop must run once more before api_free(). */
void api_stop(struct api *a);
void api_free(struct api *a); /* NULL is fine */

/* Everything is copied. KERR_NOMEM, KERR_TOO_LARGE. */
enum kerr api_ask(struct api *a, const struct api_call *call) MUST_CHECK;
/* No answer will come to `with` any more; what is under way for it does not hold up
 * others. */
void api_cancel(struct api *a, const void *with);

/* KERR_OK while keyd can be reached, else why not with what to do about it. */
enum kerr api_state(const struct api *a, struct fault *ret);
/* How long the oldest question has been under way, in milliseconds; 0: none is. */
uint64_t api_waiting_ms(const struct api *a);

#define API_REQUEST_ID_SIZE 33
/* 128 random bits in hexadecimal, for an Idempotency-Key. */
enum kerr api_request_id(char ret[API_REQUEST_ID_SIZE]) MUST_CHECK;

#endif
