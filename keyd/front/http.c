#include "keyd/front/http.h"

#include <string.h>

#include <llhttp.h>

#include "keyd/front/http_guard.h"

struct parse {
	struct http_in *r;
	const struct buf *in;
	uint8_t *body; /* where decoded bytes of chunks go; NULL while it is about the
			  head */
};

const char *
http_method_name(enum http_method method)
{
	static const char *const names[HTTP_METHOD__COUNT] = {
		[HTTP_METHOD_GET] = "GET",
		[HTTP_METHOD_HEAD] = "HEAD",
		[HTTP_METHOD_POST] = "POST",
		[HTTP_METHOD_PUT] = "PUT",
		[HTTP_METHOD_PATCH] = "PATCH",
		[HTTP_METHOD_DELETE] = "DELETE",
		[HTTP_METHOD_OPTIONS] = "OPTIONS",
	};

	return names[method];
}

void
http_in_start(struct http_in *r)
{
	/* The fields need no wiping: they are places, and field_count says how many
	 * count. */
	memset(r, 0, offsetof(struct http_in, fields));
}

static enum http_progress
refuse(struct http_in *r, unsigned status, const char *why)
{
	r->refused = status;
	r->why = why;
	return HTTP_REFUSED;
}

static struct http_span
span_of(const struct parse *p, const char *at, size_t len)
{
	struct http_span span = {
		.at = (uint32_t)((const uint8_t *)at - p->in->data),
		.len = (uint32_t)len,
	};

	return span;
}

static int
on_field(llhttp_t *llhttp, const char *at, size_t len)
{
	struct parse *p = llhttp->data;

	if (p->r->field_count == HTTP_FIELDS)
		return HPE_USER;
	p->r->fields[p->r->field_count].name = span_of(p, at, len);
	p->r->fields[p->r->field_count].value = span_of(p, at + len, 0);
	p->r->field_count++;
	return HPE_OK;
}

static int
on_value(llhttp_t *llhttp, const char *at, size_t len)
{
	struct parse *p = llhttp->data;
	struct http_span part = span_of(p, at, len);
	struct http_span *value;

	if (!p->r->field_count)
		return HPE_USER;
	value = &p->r->fields[p->r->field_count - 1].value;
	/* A value in pieces would be a folded one, which was refused before. */
	if (value->len && value->at + value->len != part.at)
		return HPE_USER;
	if (value->len)
		value->len += part.len;
	else
		*value = part;
	return HPE_OK;
}

static int
on_body(llhttp_t *llhttp, const char *at, size_t len)
{
	struct parse *p = llhttp->data;

	if (p->body) {
		memmove(p->body + p->r->body_len, at, len);
		p->r->body_len += len;
	}
	return HPE_OK;
}

static int
on_complete(llhttp_t *llhttp)
{
	(void)llhttp;
	return HPE_PAUSED;
}

static const llhttp_settings_t head_settings = {
	.on_header_field = on_field,
	.on_header_value = on_value,
	.on_message_complete = on_complete,
};

static const llhttp_settings_t chunk_settings = {
	.on_body = on_body,
	.on_message_complete = on_complete,
};

/* llhttp's view of the first len bytes. */
static bool
parses(struct parse *p, const llhttp_settings_t *settings, size_t len, bool to_its_end)
{
	const char *text = (const char *)p->in->data;
	llhttp_errno_t err;
	llhttp_t llhttp;

	llhttp_init(&llhttp, HTTP_REQUEST, settings);
	llhttp.data = p;
	err = llhttp_execute(&llhttp, text, len);
	if (err == HPE_PAUSED || err == HPE_PAUSED_UPGRADE)
		return llhttp_get_error_pos(&llhttp) == text + len;
	return err == HPE_OK && !to_its_end;
}

bool
http_span_is(const struct buf *in, struct http_span span, const char *word)
{
	const uint8_t *p = in->data + span.at;

	for (uint32_t i = 0; i < span.len; i++) {
		uint8_t c = p[i];

		if (c >= 'A' && c <= 'Z')
			c |= 0x20;
		if (c != (uint8_t)word[i])
			return false;
	}
	return word[span.len] == '\0';
}

bool
http_in_field(const struct http_in *r, const struct buf *in, const char *name,
	struct http_span *ret, unsigned *ret_count)
{
	unsigned count = 0;

	for (unsigned i = 0; i < r->field_count; i++) {
		if (!http_span_is(in, r->fields[i].name, name))
			continue;
		if (count++ == 0)
			*ret = r->fields[i].value;
	}
	if (ret_count)
		*ret_count = count;
	return count == 1;
}

/* RFC 9112 section 6.3: digits only, once, of a size that cannot wrap. */
static bool
read_length(struct http_in *r, const struct buf *in, struct http_span value)
{
	if (r->has_length || !value.len || value.len > 15)
		return false;
	for (uint32_t i = 0; i < value.len; i++) {
		uint8_t c = in->data[value.at + i];

		if (c < '0' || c > '9')
			return false;
		r->length = r->length * 10 + (c - '0');
	}
	r->has_length = true;
	return true;
}

/* Does the comma-separated list have that word? RFC 9110 section 7.6.1. */
static bool
list_has(const struct buf *in, struct http_span value, const char *word)
{
	uint32_t end = value.at + value.len;

	for (uint32_t at = value.at; at < end;) {
		struct http_span one = {.at = at};

		while (at < end && in->data[at] != ',')
			at++;
		one.len = at++ - one.at;
		while (one.len && http_is_blank(in->data[one.at])) {
			one.at++;
			one.len--;
		}
		while (one.len && http_is_blank(in->data[one.at + one.len - 1]))
			one.len--;
		if (http_span_is(in, one, word))
			return true;
	}
	return false;
}

struct seen {
	unsigned hosts;
	unsigned codings;
	bool close;
	bool keep;
};

static enum http_progress
look_at_field(struct http_in *r, const struct buf *in, const struct http_field *f,
	struct seen *seen)
{
	switch (f->name.len) {
	case 4:
		seen->hosts += http_span_is(in, f->name, "host");
		break;
	case 6:
		if (!http_span_is(in, f->name, "expect"))
			break;
		if (!http_span_is(in, f->value, "100-continue"))
			return refuse(r, 417, "only 100-continue can be expected");
		r->expects_continue = true;
		break;
	case 10:
		if (!http_span_is(in, f->name, "connection"))
			break;
		seen->close |= list_has(in, f->value, "close");
		seen->keep |= list_has(in, f->value, "keep-alive");
		break;
	case 14:
		if (http_span_is(in, f->name, "content-length") &&
			!read_length(r, in, f->value))
			return refuse(r, 400, "the Content-Length is not one number");
		break;
	case 17:
		if (!http_span_is(in, f->name, "transfer-encoding"))
			break;
		if (!http_span_is(in, f->value, "chunked") || seen->codings++)
			return refuse(r, 501, "the only Transfer-Encoding is chunked");
		r->chunked = true;
		break;
	default:
		break;
	}
	return HTTP_READY;
}

/* What the fields say together: RFC 9112 sections 3.2, 6.1, 9.3. */
static enum http_progress
look_at_fields(struct http_in *r, const struct buf *in, unsigned minor)
{
	struct seen seen = {0};

	for (unsigned i = 0; i < r->field_count; i++) {
		struct http_span *value = &r->fields[i].value;

		while (value->len && http_is_blank(in->data[value->at + value->len - 1]))
			value->len--;
		if (look_at_field(r, in, &r->fields[i], &seen) != HTTP_READY)
			return HTTP_REFUSED;
	}
	if (seen.hosts > 1 || (minor == 1 && !seen.hosts))
		return refuse(r, 400, "the request needs one Host field");
	if (r->chunked && (r->has_length || minor == 0))
		return refuse(r, 400,
			"Transfer-Encoding goes neither with Content-Length nor with "
			"HTTP/1.0");
	if (minor == 0)
		r->expects_continue = false;
	r->keep_alive = !seen.close && (minor == 1 || seen.keep);
	return HTTP_READY;
}

/* The length of the head once its blank line is there, else 0. */
static size_t
find_end(struct http_in *r, const struct buf *in)
{
	size_t from = r->searched > 3 ? r->searched - 3 : 0;
	const uint8_t *end;

	if (in->len - from < 4)
		return 0;
	end = memmem(in->data + from, in->len - from, "\r\n\r\n", 4);
	r->searched = in->len;
	return end ? (size_t)(end - in->data) + 4 : 0;
}

enum http_progress
http_in_head(struct http_in *r, struct buf *in)
{
	struct parse p = {.r = r, .in = in};
	struct http_guard guard = {0};
	size_t len;

	/* RFC 9112 section 2.2: an empty line before the request line is passed over. */
	while (!r->searched && in->len >= 2 && memcmp(in->data, "\r\n", 2) == 0)
		buf_consume(in, 2);
	len = find_end(r, in);
	if (len > HTTP_HEAD_BYTES || (!len && in->len >= HTTP_HEAD_BYTES))
		return refuse(r, 431, "the request line and fields are too long");
	if (!len)
		return http_guard_start(in->data, in->len, &guard)
			       ? HTTP_MORE
			       : refuse(r, guard.status, guard.why);
	if (!http_guard_head(in->data, len, &guard))
		return refuse(r, guard.status, guard.why);
	r->method = guard.method;
	r->path = guard.path;
	r->query = guard.query;
	r->has_query = guard.has_query;
	if (!parses(&p, &head_settings, len, false)) {
		if (r->field_count == HTTP_FIELDS)
			return refuse(r, 431, "the request has too many fields");
		return refuse(r, 400, "the request is not HTTP/1.1");
	}
	if (look_at_fields(r, in, guard.minor) != HTTP_READY)
		return HTTP_REFUSED;
	r->head_len = len;
	return HTTP_READY;
}

static enum http_progress
plain_body(struct http_in *r, const struct buf *in, size_t body_max)
{
	if (r->length > body_max)
		return refuse(r, 413, "the body is larger than this resource takes");
	r->raw = in->len - r->head_len;
	if (r->raw < r->length)
		return HTTP_MORE;
	r->raw = r->body_len = (size_t)r->length;
	return HTTP_READY;
}

static enum http_progress
chunked_body(struct http_in *r, struct buf *in, size_t body_max)
{
	struct parse p = {.r = r, .in = in, .body = in->data + r->head_len};
	struct http_guard guard = {0};
	size_t before = r->raw;
	size_t used;

	used = http_guard_chunks(&r->chunks, in->data + r->head_len + before,
		in->len - r->head_len - before, &r->body_len, &guard);
	if (guard.status)
		return refuse(r, guard.status, guard.why);
	r->raw += used;
	if (r->body_len > body_max || r->raw > 2 * body_max + HTTP_HEAD_BYTES)
		return refuse(r, 413, "the body is larger than this resource takes");
	if (!http_guard_chunks_ended(&r->chunks))
		return HTTP_MORE;
	r->body_len = 0;
	if (!parses(&p, &chunk_settings, r->head_len + r->raw, true))
		return refuse(r, 400, "the chunks of the body are not well-formed");
	return HTTP_READY;
}

enum http_progress
http_in_body(struct http_in *r, struct buf *in, size_t body_max)
{
	if (r->chunked)
		return chunked_body(r, in, body_max);
	return plain_body(r, in, body_max);
}

size_t
http_in_used(const struct http_in *r)
{
	return r->head_len + r->raw;
}
