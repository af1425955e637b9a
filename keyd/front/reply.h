#ifndef KEYD_FRONT_REPLY_H
#define KEYD_FRONT_REPLY_H

#include <stdbool.h>
#include <stdint.h>

#include "keyd/front/exchange.h"

/* Answers. An endpoint puts the body into reply_body() and calls reply_send(), or calls
 * one of the others, once. The head is put before the body afterwards, so that both are
 * one write. */

#define REPLY_JSON    "application/json"
#define REPLY_PROBLEM "application/problem+json"
#define REPLY_TEXT    "text/plain; charset=utf-8"
#define REPLY_BINARY  "application/octet-stream"

/* The place for the body, empty. */
struct buf *reply_body(struct exchange *ex);
/* A header field of this answer; value without CR and LF. Too many are left out. */
void reply_field(struct exchange *ex, const char *name, const char *value);
void reply_retry_after(struct exchange *ex, int64_t seconds);
/* May be kept by caches for some minutes (instead of no-store). */
void reply_cacheable(struct exchange *ex, unsigned seconds);
/* type NULL: there is no body. */
void reply_send(struct exchange *ex, unsigned status, const char *type);
/* The body continues with bytes of a mapping, which is taken over. */
void reply_send_map(struct exchange *ex, const char *type, const void *bytes, size_t len,
	void *map, size_t map_len);

/* A failure in the form of its route: a problem document (RFC 9457), or OAuth's own (RFC
 * 6749 section 5.2). retry_after 0: what the error's kind says. */
void reply_fault(struct exchange *ex, const struct fault *fault, int64_t retry_after);
void reply_error(struct exchange *ex, enum kerr err); /* with the error's own sentence */
/* A status that is none of our errors: 404 for no route, 405, 415, what http.h refuses.
 */
void reply_refused(struct exchange *ex, unsigned status, const char *why);
/* The keeper's fault record (or nothing) of an answer whose status is not KERR_OK. */
void reply_keeper_fault(struct exchange *ex, const struct message *m);
void reply_read_fault(const struct message *m, struct fault *ret, int64_t *ret_retry);

/* OAuth: error is one of the registered words, description may be NULL. 401 also says how
 * to authenticate (RFC 9110 section 11.6.1): with Basic, or with the given challenge. */
void reply_oauth(
	struct exchange *ex, unsigned status, const char *error, const char *description);

/* The status for an error. */
unsigned reply_status(enum kerr err);

#endif
