#include "keyd/front/http_guard.h"

#include <string.h>

enum byte_class {
	BYTE_TOKEN = 1,  /* tchar, RFC 9110 section 5.6.2 */
	BYTE_TARGET = 2, /* may stand in a request target */
	BYTE_VALUE = 4,  /* may stand in a field value: HTAB, SP, VCHAR, obs-text */
	BYTE_HEX = 8,
};

static const uint8_t classes[256] = {
	['\t'] = BYTE_VALUE,
	[' '] = BYTE_VALUE,
	['!'] = 7,
	['"'] = BYTE_VALUE,
	['#'] = BYTE_TOKEN | BYTE_VALUE,
	['$' ... '\''] = 7,
	['(' ... ')'] = BYTE_TARGET | BYTE_VALUE,
	['*' ... '+'] = 7,
	[','] = BYTE_TARGET | BYTE_VALUE,
	['-' ... '.'] = 7,
	['/'] = BYTE_TARGET | BYTE_VALUE,
	['0' ... '9'] = 15,
	[':' ... ';'] = BYTE_TARGET | BYTE_VALUE,
	['<'] = BYTE_VALUE,
	['='] = BYTE_TARGET | BYTE_VALUE,
	['>'] = BYTE_VALUE,
	['?' ... '@'] = BYTE_TARGET | BYTE_VALUE,
	['A' ... 'F'] = 15,
	['G' ... 'Z'] = 7,
	['['] = BYTE_TARGET | BYTE_VALUE,
	['\\'] = BYTE_VALUE,
	[']'] = BYTE_TARGET | BYTE_VALUE,
	['^'] = BYTE_TOKEN | BYTE_VALUE,
	['_'] = 7,
	['`'] = BYTE_TOKEN | BYTE_VALUE,
	['a' ... 'f'] = 15,
	['g' ... 'z'] = 7,
	['{'] = BYTE_VALUE,
	['|'] = BYTE_TOKEN | BYTE_VALUE,
	['}'] = BYTE_VALUE,
	['~'] = 7,
	[0x80 ... 0xff] = BYTE_VALUE,
};

/* Longest first words of a request line that is still to be told from another
 * protocol's. */
#define METHOD_MAX 8

bool
http_is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

static bool
refuse(struct http_guard *ret, unsigned status, const char *why)
{
	ret->status = status;
	ret->why = why;
	return false;
}

/* How many bytes from the start are of the class. */
static size_t
run_of(const uint8_t *p, size_t len, enum byte_class class)
{
	size_t n = 0;

	while (n < len && (classes[p[n]] & class))
		n++;
	return n;
}

bool
http_guard_start(const uint8_t *p, size_t len, struct http_guard *ret)
{
	size_t n = run_of(p, len, BYTE_TOKEN);

	if (len && p[0] == '\r' && (len == 1 || p[1] == '\n'))
		return true;
	if (n > METHOD_MAX || (n < len && (!n || p[n] != ' ')))
		return refuse(ret, 400, "this is not an HTTP/1.1 request");
	return true;
}

static bool
read_method(const uint8_t *p, size_t len, struct http_guard *ret)
{
	for (enum http_method m = 0; m < HTTP_METHOD__COUNT; m++) {
		const char *name = http_method_name(m);

		if (strlen(name) == len && memcmp(name, p, len) == 0) {
			ret->method = m;
			return true;
		}
	}
	return refuse(ret, 501, "the method is not known here");
}

/* The part of an absolute-form target (RFC 9112 section 3.2.2) that is the path; 0 when
 * it is none. */
static size_t
skip_authority(const uint8_t *p, size_t len)
{
	static const char *const schemes[] = {"https://", "http://"};

	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		size_t n = strlen(schemes[i]);
		const uint8_t *slash;

		if (len <= n || memcmp(p, schemes[i], n) != 0)
			continue;
		slash = memchr(p + n, '/', len - n);
		return slash ? (size_t)(slash - p) : 0;
	}
	return 0;
}

static bool
read_target(const uint8_t *base, size_t at, size_t len, struct http_guard *ret)
{
	const uint8_t *p = base + at;
	const uint8_t *mark;
	size_t skip = 0;

	if (len > HTTP_TARGET_BYTES)
		return refuse(ret, 414, "the request target is too long");
	if (p[0] != '/') {
		skip = skip_authority(p, len);
		if (!skip)
			return refuse(ret, 400, "the request target must be a path");
	}
	mark = memchr(p + skip, '?', len - skip);
	ret->has_query = mark != NULL;
	ret->path.at = (uint32_t)(at + skip);
	ret->path.len = (uint32_t)((mark ? (size_t)(mark - p) : len) - skip);
	if (mark) {
		ret->query.at = (uint32_t)(at + (size_t)(mark - p) + 1);
		ret->query.len = (uint32_t)(p + len - mark - 1);
	}
	return true;
}

static bool
read_version(const uint8_t *p, size_t len, struct http_guard *ret)
{
	if (len != 8 || memcmp(p, "HTTP/", 5) != 0 || p[5] < '0' || p[5] > '9' ||
		p[6] != '.' || p[7] < '0' || p[7] > '9')
		return refuse(ret, 400, "the request line does not end with HTTP/1.1");
	if (p[5] != '1' || p[7] > '1')
		return refuse(ret, 505, "the version of HTTP must be 1.1 or 1.0");
	ret->minor = p[7] - (unsigned)'0';
	return true;
}

/* method SP target SP version; RFC 9112 section 3, without its leniency about blanks. */
static bool
read_request_line(const uint8_t *p, size_t len, struct http_guard *ret)
{
	size_t method = run_of(p, len, BYTE_TOKEN);
	size_t target;

	if (!method || method == len || p[method] != ' ')
		return refuse(ret, 400, "the request line is not well-formed");
	target = run_of(p + method + 1, len - method - 1, BYTE_TARGET);
	if (!target || method + 1 + target == len || p[method + 1 + target] != ' ')
		return refuse(ret, 400, "the request line is not well-formed");
	return read_version(p + method + target + 2, len - method - target - 2, ret) &&
	       read_method(p, method, ret) && read_target(p, method + 1, target, ret);
}

static bool
check_field_line(const uint8_t *p, size_t len, struct http_guard *ret)
{
	size_t name = run_of(p, len, BYTE_TOKEN);

	if (!name || name == len || p[name] != ':')
		return refuse(ret, 400, "a field has no proper name");
	if (run_of(p + name + 1, len - name - 1, BYTE_VALUE) != len - name - 1)
		return refuse(ret, 400, "a field has a control character");
	return true;
}

bool
http_guard_head(const uint8_t *p, size_t len, struct http_guard *ret)
{
	size_t at = 0;

	while (at < len) {
		const uint8_t *end = memchr(p + at, '\n', len - at);
		size_t line = end ? (size_t)(end - p) - at : 0;
		bool good;

		if (!line || p[at + line - 1] != '\r')
			return refuse(ret, 400, "a line does not end with CR and LF");
		line--;
		if (!line)
			return true;
		good = at ? check_field_line(p + at, line, ret)
			  : read_request_line(p, line, ret);
		if (!good)
			return false;
		at += line + 2;
	}
	return refuse(ret, 400, "the request is not HTTP/1.1");
}

/* RFC 9112 section 7.1. */
enum chunk_state {
	CHUNK_SIZE,
	CHUNK_EXTENSION,
	CHUNK_SIZE_LF,
	CHUNK_DATA,
	CHUNK_DATA_CR,
	CHUNK_DATA_LF,
	CHUNK_END_CR,
	CHUNK_END_LF,
	CHUNK_ENDED,
};

#define CHUNK_DIGITS_MAX 8

static bool
chunk_size_byte(struct http_chunks *c, uint8_t byte, struct http_guard *ret)
{
	if (classes[byte] & BYTE_HEX) {
		unsigned v = byte <= '9' ? byte - (unsigned)'0'
					 : (byte | 0x20) - (unsigned)'a' + 10;

		if (++c->digits > CHUNK_DIGITS_MAX)
			return refuse(ret, 413, "a chunk is too large");
		c->left = c->left << 4 | v;
		return true;
	}
	if (!c->digits)
		return refuse(ret, 400, "a chunk has no size");
	c->state = byte == '\r' ? CHUNK_SIZE_LF : CHUNK_EXTENSION;
	if (byte != '\r' && byte != ';' && !http_is_blank(byte))
		return refuse(ret, 400, "the size of a chunk is not a number");
	return true;
}

static bool
chunk_extension_byte(struct http_chunks *c, uint8_t byte, struct http_guard *ret)
{
	if (byte == '\r') {
		c->state = CHUNK_SIZE_LF;
		return true;
	}
	if (!(classes[byte] & BYTE_VALUE))
		return refuse(ret, 400, "a chunk extension has a control character");
	if (++c->extensions > HTTP_CHUNK_EXTENSIONS)
		return refuse(ret, 400, "the chunk extensions are too long");
	return true;
}

/* A byte that must be CR or LF, and what comes then. */
static bool
chunk_line_byte(struct http_chunks *c, uint8_t byte, struct http_guard *ret)
{
	static const struct {
		uint8_t byte;
		uint8_t next;
	} expected[] = {
		[CHUNK_SIZE_LF] = {'\n', CHUNK_DATA},
		[CHUNK_DATA_CR] = {'\r', CHUNK_DATA_LF},
		[CHUNK_DATA_LF] = {'\n', CHUNK_SIZE},
		[CHUNK_END_CR] = {'\r', CHUNK_END_LF},
		[CHUNK_END_LF] = {'\n', CHUNK_ENDED},
	};
	unsigned state = c->state;

	if (byte != expected[state].byte)
		return refuse(ret, 400,
			state == CHUNK_END_CR ? "fields behind the body are not taken"
					      : "a chunk does not end with CR and LF");
	c->state = expected[state].next;
	if (state == CHUNK_SIZE_LF && !c->left)
		c->state = CHUNK_END_CR;
	if (state == CHUNK_DATA_LF) {
		c->digits = 0;
		c->left = 0;
	}
	return true;
}

size_t
http_guard_chunks(struct http_chunks *c, const uint8_t *p, size_t len, size_t *size,
	struct http_guard *ret)
{
	size_t at = 0;

	while (at < len && c->state != CHUNK_ENDED) {
		bool good;

		if (c->state == CHUNK_DATA) {
			size_t n = len - at < c->left ? len - at : (size_t)c->left;

			at += n;
			*size += n;
			c->left -= n;
			if (!c->left)
				c->state = CHUNK_DATA_CR;
			continue;
		}
		if (c->state == CHUNK_SIZE)
			good = chunk_size_byte(c, p[at], ret);
		else if (c->state == CHUNK_EXTENSION)
			good = chunk_extension_byte(c, p[at], ret);
		else
			good = chunk_line_byte(c, p[at], ret);
		if (!good)
			return at;
		at++;
	}
	return at;
}

bool
http_guard_chunks_ended(const struct http_chunks *c)
{
	return c->state == CHUNK_ENDED;
}
