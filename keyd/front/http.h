#ifndef KEYD_FRONT_HTTP_H
#define KEYD_FRONT_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"

/* One HTTP/1.1 request (RFC 9112) out of a buffer of bytes. llhttp parses; what llhttp
 * takes and a strict server must not is refused before it or after it: HTTP/0.9 and
 * RTSP, an empty field name, a field that begins with a blank, obsolete folding, no
 * Host or two, Content-Length beside Transfer-Encoding, +N and 0xN lengths, bare CR or
 * LF, NUL, long chunk extensions, trailers. Works on places in the caller's buffer,
 * which may move while more arrives. */

#define HTTP_HEAD_BYTES       16384 /* request line and fields, with the blank line */
#define HTTP_TARGET_BYTES     4096
#define HTTP_FIELDS           64
#define HTTP_CHUNK_EXTENSIONS 256 /* bytes of chunk extensions in one message */

enum http_method {
	HTTP_METHOD_GET,
	HTTP_METHOD_HEAD,
	HTTP_METHOD_POST,
	HTTP_METHOD_PUT,
	HTTP_METHOD_PATCH,
	HTTP_METHOD_DELETE,
	HTTP_METHOD_OPTIONS,
	HTTP_METHOD__COUNT
};

/* A part of the buffer. */
struct http_span {
	uint32_t at;
	uint32_t len;
};

struct http_field {
	struct http_span name;
	struct http_span value; /* without the blanks around it */
};

enum http_progress {
	HTTP_MORE,    /* more bytes are needed */
	HTTP_READY,   /* the head, or the body, is complete */
	HTTP_REFUSED, /* answer `refused` and close */
};

/* Where in a chunked body the framing stands; only http.c looks inside. */
struct http_chunks {
	uint64_t left; /* of the chunk's data */
	uint32_t extensions;
	uint8_t digits;
	uint8_t state;
};

struct http_in {
	size_t searched; /* of the head, for its end */
	size_t head_len; /* 0 until it is complete */
	size_t raw;      /* of the body, bytes of the wire looked at */
	size_t body_len; /* decoded; the body stands right behind the head */
	uint64_t length; /* Content-Length */
	bool has_length;
	bool chunked;
	bool keep_alive;
	bool expects_continue;
	enum http_method method;
	struct http_span path;
	struct http_span query; /* behind '?'; len 0 when there is none */
	bool has_query;
	unsigned refused; /* status of the refusal */
	const char *why;  /* its sentence; static */
	struct http_chunks chunks;
	unsigned field_count;
	struct http_field fields[HTTP_FIELDS];
};

/* Forgets the former request. */
void http_in_start(struct http_in *r);
/* Looks for the head in what is in `in`; call again with more behind it. */
enum http_progress http_in_head(struct http_in *r, struct buf *in);
/* Goes on with the body, of at most body_max decoded bytes, after the head. */
enum http_progress http_in_body(struct http_in *r, struct buf *in, size_t body_max);
/* The bytes of `in` that a complete request took; what follows them belongs to the
 * next. */
size_t http_in_used(const struct http_in *r);

/* The value of the field with that name (ignoring case); false when there is none or
 * more than one, and then *ret_count (may be NULL) says how many there are. */
bool http_in_field(const struct http_in *r, const struct buf *in, const char *name,
	struct http_span *ret, unsigned *ret_count);
/* Does the span's text equal the word, ignoring the case of ASCII letters? */
bool http_span_is(const struct buf *in, struct http_span span, const char *word);

/* Name for a method: "GET". Static. */
const char *http_method_name(enum http_method method);

#endif
