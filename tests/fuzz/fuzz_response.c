#include "core/wire/http_response.h"

#include "tests/fuzz/fuzz.h"

/* An answer as the command line and the console read it: how its bytes are cut on the way
 * must not matter. */

#define BODY_MAX 4096

struct outcome {
	enum kerr err;
	unsigned status;
	size_t body_len;
};

static struct outcome
read_response(const uint8_t *data, size_t size, size_t step)
{
	struct outcome o = {.err = KERR_BUSY};
	struct http_response r;
	size_t at;

	http_response_init(&r, BODY_MAX);
	for (at = 0; at < size && o.err == KERR_BUSY; at += step) {
		buf_put(&r.in, data + at, size - at < step ? size - at : step);
		o.err = http_response_feed(&r);
	}
	FUZZ_CHECK(r.body.len <= BODY_MAX && r.field_count <= HTTP_HEADERS_MAX);
	if (o.err == KERR_OK && at < size)
		o.err = KERR_PROTOCOL; /* as the client finds with the next read */
	if (o.err == KERR_OK) {
		FUZZ_CHECK(r.status >= 200 && r.status < 600);
		o.status = r.status;
		o.body_len = r.body.len;
		(void)http_response_header(&r, "content-type");
	}
	http_response_clear(&r);
	return o;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct outcome whole = read_response(data, size, size > 0 ? size : 1);
	struct outcome cut = read_response(data, size, 5);

	FUZZ_CHECK((whole.err == KERR_OK) == (cut.err == KERR_OK));
	FUZZ_CHECK((whole.err == KERR_BUSY) == (cut.err == KERR_BUSY));
	FUZZ_CHECK(whole.status == cut.status && whole.body_len == cut.body_len);
	return 0;
}
