#include "tests/bench/floor_http.h"

#include <string.h>
#include <strings.h>

static bool
header_is(struct span line, const char *name, struct span *ret_value)
{
	size_t len = strlen(name);

	if (line.len <= len || line.at[len] != ':' ||
		strncasecmp(line.at, name, len) != 0)
		return false;
	len++;
	while (len < line.len && line.at[len] == ' ')
		len++;
	*ret_value = (struct span){line.at + len, line.len - len};
	return true;
}

static bool
number(struct span text, size_t *ret_number)
{
	size_t n = 0;

	if (text.len == 0 || text.len > 6)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		if (text.at[i] < '0' || text.at[i] > '9')
			return false;
		n = n * 10 + (size_t)(text.at[i] - '0');
	}
	*ret_number = n;
	return true;
}

static bool
header(struct span line, struct request *r, size_t *body_len)
{
	struct span value;

	if (header_is(line, "content-length", &value))
		return number(value, body_len);
	if (header_is(line, "authorization", &value)) {
		if (value.len > 6 && strncasecmp(value.at, "basic ", 6) == 0)
			r->basic = (struct span){value.at + 6, value.len - 6};
		return true;
	}
	if (header_is(line, "connection", &value))
		r->last = value.len == 5 && strncasecmp(value.at, "close", 5) == 0;
	return true;
}

static bool
request_line(struct span line, struct request *r)
{
	const char *from = memchr(line.at, ' ', line.len);
	const char *to;

	if (from == NULL)
		return false;
	from++;
	to = memchr(from, ' ', line.len - (size_t)(from - line.at));
	if (to == NULL)
		return false;
	r->path = (struct span){from, (size_t)(to - from)};
	return true;
}

enum request_state
request_read(const char *bytes, size_t len, struct request *ret_request, size_t *ret_used)
{
	const char *end = memmem(bytes, len, "\r\n\r\n", 4);
	struct request r = {0};
	size_t body_len = 0;
	size_t head;

	if (end == NULL)
		return REQUEST_PARTIAL;
	head = (size_t)(end - bytes) + 4;
	for (const char *p = bytes; p <= end;) {
		const char *eol = memmem(p, (size_t)(end + 2 - p), "\r\n", 2);
		struct span line = {p, (size_t)(eol - p)};

		if (!(p == bytes ? request_line(line, &r) : header(line, &r, &body_len)))
			return REQUEST_BROKEN;
		p = eol + 2;
	}
	if (len - head < body_len)
		return REQUEST_PARTIAL;
	r.body = (struct span){bytes + head, body_len};
	*ret_request = r;
	*ret_used = head + body_len;
	return REQUEST_WHOLE;
}

struct span
form_field(struct span body, const char *name)
{
	size_t name_len = strlen(name);
	const char *end = body.at + body.len;

	for (const char *p = body.at; p < end;) {
		const char *amp = memchr(p, '&', (size_t)(end - p));
		size_t len = (size_t)((amp ? amp : end) - p);

		if (len > name_len && p[name_len] == '=' &&
			memcmp(p, name, name_len) == 0)
			return (struct span){p + name_len + 1, len - name_len - 1};
		p += len + 1;
	}
	return (struct span){end, 0};
}
