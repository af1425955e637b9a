#ifndef KEYD_CORE_WIRE_HTTP_RESPONSE_H
#define KEYD_CORE_WIRE_HTTP_RESPONSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/wire/http_client.h"

/* The reading of one response (RFC 9112) as its bytes come in, for http_client.c. No
 * socket here. */

enum http_response_state {
	HTTP_RESPONSE_HEAD,
	HTTP_RESPONSE_BODY, /* left bytes of a Content-Length */
	HTTP_RESPONSE_CHUNK_SIZE,
	HTTP_RESPONSE_CHUNK, /* left bytes of a chunk */
	HTTP_RESPONSE_CHUNK_END,
	HTTP_RESPONSE_LAST_END, /* the empty line behind the last chunk */
	HTTP_RESPONSE_DONE,
};

struct http_field {
	size_t name; /* places in head, NUL-terminated */
	size_t value;
};

struct http_response {
	enum http_response_state state;
	unsigned status;
	unsigned interim; /* 1xx responses before this one */
	bool close;       /* the connection ends with this response */
	bool chunked;
	bool has_length;
	size_t left;
	struct buf in; /* received and not yet understood */
	struct buf head;
	struct buf body;
	struct http_field fields[HTTP_HEADERS_MAX];
	size_t field_count;
};

/* Owns nothing yet; body_max in bytes. */
void http_response_init(struct http_response *r, size_t body_max);
void http_response_reset(struct http_response *r); /* wipes; for the next response */
void http_response_clear(struct http_response *r); /* wipes and frees */
/* Takes what it can from r->in. KERR_OK: whole. KERR_BUSY: more is needed.
 * KERR_PROTOCOL, KERR_TOO_LARGE, KERR_NOMEM. */
enum kerr http_response_feed(struct http_response *r) MUST_CHECK;
const char *http_response_header(const struct http_response *r, const char *name);

/* A token of RFC 9110 section 5.6.2. */
bool http_is_token(const char *text, size_t len);

#endif
