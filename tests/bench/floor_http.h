#ifndef KEYD_TESTS_BENCH_FLOOR_HTTP_H
#define KEYD_TESTS_BENCH_FLOOR_HTTP_H

#include <stdbool.h>
#include <stddef.h>

/* As little HTTP/1.1 as a load generator needs: a request line, a few headers, a body of
 * a given length. It trusts its peer; it is a measure, not a server. */

struct span {
	const char *at;
	size_t len;
};

struct request {
	struct span path;
	struct span basic; /* what follows "Basic " in Authorization; len 0 when there is
			      none */
	struct span body;
	bool last; /* Connection: close */
};

enum request_state { REQUEST_WHOLE, REQUEST_PARTIAL, REQUEST_BROKEN };

/* Reads the request at the start of the bytes; *ret_used is how many it takes. Spans
 * point into them. */
enum request_state request_read(
	const char *bytes, size_t len, struct request *ret_request, size_t *ret_used);

/* The value of a field of a form body, still percent-encoded; len 0 when it is not there.
 */
struct span form_field(struct span body, const char *name);

#endif
