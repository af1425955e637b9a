#include "keyd/front/http.h"

#include "tests/fuzz/fuzz.h"

/* A request as a front reads it: how its bytes are cut on the way must not matter. */

#define BODY_MAX 4096

struct outcome {
	enum http_progress progress;
	size_t used;
	size_t body_len;
};

static struct outcome
read_request(const uint8_t *data, size_t size, size_t step)
{
	struct outcome o = {.progress = HTTP_MORE};
	struct http_in r;
	struct buf in;

	buf_init(&in, 1u << 20);
	http_in_start(&r);
	for (size_t at = 0; at < size && o.progress == HTTP_MORE; at += step) {
		buf_put(&in, data + at, size - at < step ? size - at : step);
		if (r.head_len == 0)
			o.progress = http_in_head(&r, &in);
		if (r.head_len != 0 && o.progress != HTTP_REFUSED)
			o.progress = http_in_body(&r, &in, BODY_MAX);
	}
	FUZZ_CHECK(r.head_len <= in.len && r.body_len <= BODY_MAX);
	FUZZ_CHECK(r.field_count <= HTTP_FIELDS);
	if (o.progress == HTTP_REFUSED)
		FUZZ_CHECK(r.refused >= 400 && r.refused < 600 && r.why != NULL);
	if (o.progress == HTTP_READY) {
		struct http_span host;

		o.used = http_in_used(&r);
		o.body_len = r.body_len;
		FUZZ_CHECK(o.used <= in.len);
		FUZZ_CHECK(r.head_len + r.body_len <= in.len);
		(void)http_in_field(&r, &in, "host", &host, NULL);
		for (unsigned i = 0; i < r.field_count; i++)
			(void)http_span_is(&in, r.fields[i].value, "close");
	}
	buf_clear(&in);
	return o;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct outcome whole = read_request(data, size, size > 0 ? size : 1);
	struct outcome cut = read_request(data, size, 7);

	FUZZ_CHECK(whole.progress == cut.progress);
	FUZZ_CHECK(whole.used == cut.used && whole.body_len == cut.body_len);
	return 0;
}
