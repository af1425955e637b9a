#include "core/wire/http_response.h"

#include <string.h>
#include <strings.h>

#define INTERIM_MAX    4
#define CHUNK_LINE_MAX 10 /* eight digits and the line's end */
#define IN_MAX         ((size_t)HTTP_HEAD_MAX + 32768)

void
http_response_init(struct http_response *r, size_t body_max)
{
	memset(r, 0, sizeof(*r));
	buf_init(&r->in, IN_MAX);
	buf_init(&r->head, HTTP_HEAD_MAX);
	buf_init(&r->body, body_max);
}

void
http_response_clear(struct http_response *r)
{
	buf_clear(&r->in);
	buf_clear(&r->head);
	buf_clear(&r->body);
	r->field_count = 0;
	r->status = 0;
	r->state = HTTP_RESPONSE_HEAD;
}

void
http_response_reset(struct http_response *r)
{
	http_response_clear(r);
	r->interim = 0;
	r->close = false;
	r->chunked = false;
	r->has_length = false;
	r->left = 0;
}

bool
http_is_token(const char *text, size_t len)
{
	static const char marks[] = "!#$%&'*+-.^_`|~";

	for (size_t i = 0; i < len; i++) {
		char ch = text[i];
		bool letter = (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z');
		bool digit = ch >= '0' && ch <= '9';

		if (!letter && !digit && (!ch || !strchr(marks, ch)))
			return false;
	}
	return len > 0;
}

const char *
http_response_header(const struct http_response *r, const char *name)
{
	const char *head = (const char *)r->head.data;

	for (size_t i = 0; i < r->field_count; i++) {
		if (strcasecmp(head + r->fields[i].name, name) == 0)
			return head + r->fields[i].value;
	}
	return NULL;
}

/* "HTTP/1.1 200 OK", RFC 9112 section 4. */
static enum kerr
read_status_line(struct http_response *r, const char *line, size_t len)
{
	unsigned status = 0;

	if (len < 12 || memcmp(line, "HTTP/1.", 7) != 0 || line[8] != ' ' ||
		(line[7] != '0' && line[7] != '1'))
		return KERR_PROTOCOL;
	for (size_t i = 9; i < 12; i++) {
		if (line[i] < '0' || line[i] > '9')
			return KERR_PROTOCOL;
		status = status * 10 + (unsigned)(line[i] - '0');
	}
	if (status < 100 || status > 599 || (len > 12 && line[12] != ' '))
		return KERR_PROTOCOL;
	r->status = status;
	r->close = r->close || line[7] == '0';
	return KERR_OK;
}

/* 1*DIGIT and nothing else; more than nineteen digits cannot be meant. */
static enum kerr
read_length(struct http_response *r, const char *text)
{
	uint64_t v = 0;
	size_t len = strlen(text);

	if (r->has_length || !len || len > 19)
		return KERR_PROTOCOL;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return KERR_PROTOCOL;
		v = v * 10 + (uint64_t)(text[i] - '0');
	}
	if (v > r->body.max)
		return KERR_TOO_LARGE;
	r->has_length = true;
	r->left = (size_t)v;
	return KERR_OK;
}

/* What the fields mean for the message itself. */
static enum kerr
take_field(struct http_response *r, const char *name, const char *value)
{
	if (strcasecmp(name, "Content-Length") == 0)
		return read_length(r, value);
	if (strcasecmp(name, "Transfer-Encoding") == 0) {
		if (r->chunked || strcasecmp(value, "chunked") != 0)
			return KERR_PROTOCOL;
		r->chunked = true;
	} else if (strcasecmp(name, "Connection") == 0) {
		if (strcasecmp(value, "keep-alive") != 0)
			r->close = true;
	}
	return KERR_OK;
}

/* "Name: value", RFC 9112 section 5; no folding, no blank before the colon. */
static enum kerr
read_field(struct http_response *r, char *line, size_t len)
{
	char *head = (char *)r->head.data;
	char *colon = memchr(line, ':', len);
	char *value, *end = line + len;

	if (!colon || !http_is_token(line, (size_t)(colon - line)) ||
		r->field_count == HTTP_HEADERS_MAX)
		return KERR_PROTOCOL;
	value = colon + 1;
	while (value < end && (*value == ' ' || *value == '\t'))
		value++;
	while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	for (const char *p = value; p < end; p++) {
		if (((uint8_t)*p < ' ' && *p != '\t') || *p == 0x7f)
			return KERR_PROTOCOL;
	}
	*colon = '\0';
	*end = '\0';
	r->fields[r->field_count].name = (size_t)(line - head);
	r->fields[r->field_count].value = (size_t)(value - head);
	r->field_count++;
	return take_field(r, line, value);
}

/* All lines of the head, which ends with an empty one. Only CR LF ends a line. */
static enum kerr
read_lines(struct http_response *r)
{
	char *line = (char *)r->head.data;
	char *end = line + r->head.len - 2;
	bool first = true;

	while (line < end) {
		char *cr = memchr(line, '\r', (size_t)(end - line));
		size_t len;
		enum kerr err;

		if (!cr || cr[1] != '\n')
			return KERR_PROTOCOL;
		len = (size_t)(cr - line);
		if (memchr(line, '\n', len))
			return KERR_PROTOCOL;
		err = first ? read_status_line(r, line, len) : read_field(r, line, len);
		if (err != KERR_OK)
			return err;
		first = false;
		line = cr + 2;
	}
	return KERR_OK;
}

/* How the body is told from what follows, RFC 9112 section 6.3. */
static enum kerr
begin_body(struct http_response *r)
{
	if (r->chunked && r->has_length)
		return KERR_PROTOCOL;
	if (r->status == 204 || r->status == 304) {
		if (r->chunked || r->left)
			return KERR_PROTOCOL;
		r->state = HTTP_RESPONSE_DONE;
		return KERR_OK;
	}
	if (!r->chunked && !r->has_length)
		return KERR_PROTOCOL;
	r->state = r->chunked ? HTTP_RESPONSE_CHUNK_SIZE : HTTP_RESPONSE_BODY;
	return KERR_OK;
}

static enum kerr
feed_head(struct http_response *r)
{
	size_t within = r->in.len < HTTP_HEAD_MAX ? r->in.len : HTTP_HEAD_MAX;
	const uint8_t *end = within ? memmem(r->in.data, within, "\r\n\r\n", 4) : NULL;
	size_t len;
	enum kerr err;

	if (!end)
		return r->in.len >= HTTP_HEAD_MAX ? KERR_TOO_LARGE : KERR_BUSY;
	len = (size_t)(end - r->in.data) + 4;
	buf_put(&r->head, r->in.data, len);
	buf_consume(&r->in, len);
	err = buf_error(&r->head);
	if (err == KERR_OK)
		err = read_lines(r);
	if (err != KERR_OK)
		return err;
	if (r->status >= 200)
		return begin_body(r);
	/* 100 Continue and its like come before the response proper; 101 was not asked
	 * for. */
	if (r->status == 101 || r->chunked || r->has_length ||
		r->interim++ >= INTERIM_MAX)
		return KERR_PROTOCOL;
	buf_reset(&r->head);
	r->field_count = 0;
	return KERR_OK;
}

static enum kerr
feed_bytes(struct http_response *r, enum http_response_state next)
{
	size_t n = r->in.len < r->left ? r->in.len : r->left;

	if (n) {
		buf_put(&r->body, r->in.data, n);
		buf_consume(&r->in, n);
		r->left -= n;
	}
	if (buf_error(&r->body) != KERR_OK)
		return buf_error(&r->body);
	if (r->left)
		return KERR_BUSY;
	r->state = next;
	return KERR_OK;
}

/* 1*HEXDIG CR LF without extensions, RFC 9112 section 7.1. */
static enum kerr
feed_chunk_size(struct http_response *r)
{
	size_t v = 0, i;

	for (i = 0; i < r->in.len && r->in.data[i] != '\r'; i++) {
		uint8_t ch = r->in.data[i];
		size_t digit;

		if (ch >= '0' && ch <= '9')
			digit = ch - (size_t)'0';
		else if ((ch | 0x20) >= 'a' && (ch | 0x20) <= 'f')
			digit = (ch | 0x20) - (size_t)'a' + 10;
		else
			return KERR_PROTOCOL;
		if (i >= CHUNK_LINE_MAX - 2)
			return KERR_PROTOCOL;
		v = v * 16 + digit;
	}
	if (r->in.len < i + 2)
		return KERR_BUSY;
	if (!i || r->in.data[i + 1] != '\n')
		return KERR_PROTOCOL;
	buf_consume(&r->in, i + 2);
	if (v > r->body.max - r->body.len)
		return KERR_TOO_LARGE;
	r->left = v;
	r->state = v ? HTTP_RESPONSE_CHUNK : HTTP_RESPONSE_LAST_END;
	return KERR_OK;
}

static enum kerr
feed_line_end(struct http_response *r, enum http_response_state next)
{
	if (r->in.len < 2)
		return KERR_BUSY;
	if (r->in.data[0] != '\r' || r->in.data[1] != '\n')
		return KERR_PROTOCOL;
	buf_consume(&r->in, 2);
	r->state = next;
	return KERR_OK;
}

static enum kerr
feed_once(struct http_response *r)
{
	switch (r->state) {
	case HTTP_RESPONSE_HEAD:
		return feed_head(r);
	case HTTP_RESPONSE_BODY:
		return feed_bytes(r, HTTP_RESPONSE_DONE);
	case HTTP_RESPONSE_CHUNK_SIZE:
		return feed_chunk_size(r);
	case HTTP_RESPONSE_CHUNK:
		return feed_bytes(r, HTTP_RESPONSE_CHUNK_END);
	case HTTP_RESPONSE_CHUNK_END:
		return feed_line_end(r, HTTP_RESPONSE_CHUNK_SIZE);
	case HTTP_RESPONSE_LAST_END:
		return feed_line_end(r, HTTP_RESPONSE_DONE);
	case HTTP_RESPONSE_DONE:
		break;
	}
	return KERR_OK;
}

enum kerr
http_response_feed(struct http_response *r)
{
	while (r->state != HTTP_RESPONSE_DONE) {
		enum kerr err = feed_once(r);

		if (err != KERR_OK)
			return err;
	}
	/* Nobody asked twice, so nothing may follow. */
	return r->in.len ? KERR_PROTOCOL : KERR_OK;
}
