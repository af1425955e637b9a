#ifndef KEYD_CORE_WIRE_HTTP_CLIENT_H
#define KEYD_CORE_WIRE_HTTP_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

/* An HTTP/1.1 client (RFC 9112) over keyd's local Unix socket, one request at a time,
 * for an event loop: it never blocks, says which events it waits for, and goes on when
 * stepped. It speaks with keyd's own front only, so it takes what that front sends and
 * nothing else: Content-Length or chunked, no trailers, no upgrade, no body that ends
 * with the connection. What was sent and received is wiped. One thread. */
struct http_client;

#define HTTP_HEAD_MAX    16384 /* status line and header fields, bytes */
#define HTTP_HEADERS_MAX 64    /* header fields of a response */

struct http_header {
	const char *name;
	const char *value;
};

struct http_request {
	const char *method;                /* GET, POST, PUT, PATCH, DELETE */
	const char *target;                /* "/keyd/vendors?limit=50" */
	const struct http_header *headers; /* beside Host and Content-Length */
	size_t header_count;
	const void *body;
	size_t body_len;
};

enum http_want {
	HTTP_WANT_READ = 1,
	HTTP_WANT_WRITE = 2,
};

/* body_max bounds a response's body; request_max the whole request. NULL: no memory. */
struct http_client *http_client_new(size_t body_max, size_t request_max);
void http_client_free(struct http_client *c); /* NULL is fine */

/* Connects to a stream socket of the file system, closing the connection before.
 * KERR_NOTFOUND: no such socket. KERR_CLOSED: nobody listens. KERR_DENIED: its mode does
 * not admit us. KERR_BUSY: its queue is full, try again. */
enum kerr http_client_connect(struct http_client *c, const char *path) MUST_CHECK;
/* Takes over a connected stream socket. */
enum kerr http_client_adopt(struct http_client *c, int fd) MUST_CHECK;
void http_client_close(struct http_client *c);
bool http_client_connected(const struct http_client *c);

/* Begins a request and forgets the response before; step it then. Everything is copied.
 * KERR_CLOSED: there is no connection (any more) and nothing was sent: connect and ask
 * again. KERR_CONFLICT: the last one is not finished. KERR_INVALID: what is no method,
 * target or header field. KERR_TOO_LARGE: over request_max. */
enum kerr http_client_request(
	struct http_client *c, const struct http_request *request) MUST_CHECK;
/* Goes as far as it can without waiting. KERR_OK: the response is there. KERR_BUSY: wait
 * for what http_client_wants() says. Else the connection is closed, and whether keyd
 * acted on the request is not known: KERR_CLOSED, KERR_PROTOCOL, KERR_TOO_LARGE (over
 * body_max), KERR_NOMEM, KERR_IO. */
enum kerr http_client_step(struct http_client *c) MUST_CHECK;

int http_client_fd(const struct http_client *c);         /* -1 when not connected */
unsigned http_client_wants(const struct http_client *c); /* enum http_want, or 0 */

/* The response, borrowed until the next request. */
unsigned http_client_status(const struct http_client *c); /* 0 before it is there */
/* Name in any case; NULL when there is none, the first when there are several. */
const char *http_client_header(const struct http_client *c, const char *name);
const uint8_t *http_client_body(const struct http_client *c, size_t *ret_len);

/* For who may block. Connects, waiting while the queue is full. KERR_TIMEOUT and as
 * http_client_connect. */
enum kerr http_client_connect_wait(
	struct http_client *c, const char *path, int timeout_ms) MUST_CHECK;
/* Steps until the response is there. KERR_TIMEOUT leaves the request going on: wait
 * again or close. */
enum kerr http_client_wait(struct http_client *c, int timeout_ms) MUST_CHECK;
/* http_client_request and http_client_wait in one. */
enum kerr http_client_call(struct http_client *c, const struct http_request *request,
	int timeout_ms) MUST_CHECK;

#endif
