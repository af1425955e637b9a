#ifndef KEYD_FRONT_HTTP_GUARD_H
#define KEYD_FRONT_HTTP_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "keyd/front/http.h"

/* What a strict server refuses and llhttp 8.1 takes, found in the raw bytes: for http.c
 * alone. */

struct http_guard {
	unsigned status; /* 0: nothing to refuse */
	const char *why;
	enum http_method method;
	unsigned minor; /* HTTP/1.minor */
	bool has_query;
	struct http_span path;
	struct http_span query;
};

bool http_is_blank(uint8_t c); /* SP or HTAB */

/* Can the bytes that are there begin a head? Ends a caller that speaks something else
 * at once. */
bool http_guard_start(const uint8_t *p, size_t len, struct http_guard *ret);
/* A complete head with its blank line: the request line taken apart, each field line of
 * the strict form. */
bool http_guard_head(const uint8_t *p, size_t len, struct http_guard *ret);
/* Goes on through the framing of a chunked body and returns how many of the bytes
 * belong to it; adds the sizes of chunks to *size. A fault is in ret->status. */
size_t http_guard_chunks(struct http_chunks *c, const uint8_t *p, size_t len,
	size_t *size, struct http_guard *ret);
bool http_guard_chunks_ended(const struct http_chunks *c);

#endif
