#include "core/buf.h"

#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CAP 128

void
buf_init(struct buf *b, size_t max)
{
	memset(b, 0, sizeof(*b));
	b->max = max;
}

void
buf_clear(struct buf *b)
{
	/* All of it, not only len: what was reserved may have been filled and never
	 * added. */
	if (b->data != NULL) {
		sodium_memzero(b->data, b->cap);
		free(b->data);
	}
	buf_init(b, b->max);
}

void
buf_reset(struct buf *b)
{
	if (b->len > 0)
		sodium_memzero(b->data, b->len);
	b->len = 0;
	b->err = KERR_OK;
}

enum kerr
buf_error(const struct buf *b)
{
	return b->err;
}

static void
fail(struct buf *b, enum kerr err)
{
	if (b->err == KERR_OK)
		b->err = err;
}

/* Makes cap at least need, which is not above max + 1: the one byte is buf_text()'s
 * NUL. Not realloc(): it would leave the old bytes behind in freed memory. */
static bool
grow(struct buf *b, size_t need)
{
	size_t limit = b->max < SIZE_MAX ? b->max + 1 : SIZE_MAX;
	size_t cap = FIRST_CAP;
	uint8_t *data;

	if (b->cap > 0)
		cap = b->cap <= limit / 2 ? b->cap * 2 : limit;
	else if (cap > limit)
		cap = limit;
	if (cap < need)
		cap = need;
	data = malloc(cap);
	if (data == NULL) {
		fail(b, KERR_NOMEM);
		return false;
	}
	if (b->data != NULL) {
		memcpy(data, b->data, b->len);
		sodium_memzero(b->data, b->cap);
		free(b->data);
	}
	b->data = data;
	b->cap = cap;
	return true;
}

uint8_t *
buf_reserve(struct buf *b, size_t len)
{
	if (b->err != KERR_OK)
		return NULL;
	/* len of the buffer never is above max, so the difference cannot wrap. */
	if (len > b->max - b->len) {
		fail(b, KERR_TOO_LARGE);
		return NULL;
	}
	/* An empty reservation still is a place, so that NULL means failure only. */
	if ((b->data == NULL || len > b->cap - b->len) &&
		!grow(b, len > 0 ? b->len + len : 1))
		return NULL;
	return b->data + b->len;
}

void
buf_added(struct buf *b, size_t len)
{
	if (b->err != KERR_OK)
		return;
	if (len > b->cap - b->len || len > b->max - b->len) {
		fail(b, KERR_INTERNAL);
		return;
	}
	b->len += len;
}

void
buf_put(struct buf *b, const void *bytes, size_t len)
{
	uint8_t *to = buf_reserve(b, len);

	if (to == NULL || len == 0)
		return;
	memcpy(to, bytes, len);
	b->len += len;
}

void
buf_put_text(struct buf *b, const char *text)
{
	buf_put(b, text, strlen(text));
}

void
buf_put_u8(struct buf *b, uint8_t v)
{
	buf_put(b, &v, 1);
}

static void
put_number(struct buf *b, uint64_t v, size_t len)
{
	uint8_t *to = buf_reserve(b, len);

	if (to == NULL)
		return;
	for (size_t i = 0; i < len; i++)
		to[i] = (uint8_t)(v >> (8 * i));
	b->len += len;
}

void
buf_put_u16(struct buf *b, uint16_t v)
{
	put_number(b, v, 2);
}

void
buf_put_u32(struct buf *b, uint32_t v)
{
	put_number(b, v, 4);
}

void
buf_put_u64(struct buf *b, uint64_t v)
{
	put_number(b, v, 8);
}

void
buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list args, again;
	size_t room;
	int want;

	if (b->err != KERR_OK || (b->data == NULL && !grow(b, 1)))
		return;
	va_start(args, fmt);
	va_copy(again, args);
	room = b->cap - b->len;
	want = vsnprintf((char *)b->data + b->len, room, fmt, args);
	if (want < 0) {
		fail(b, KERR_INVALID);
	} else if ((size_t)want > b->max - b->len) {
		fail(b, KERR_TOO_LARGE);
	} else if ((size_t)want < room) {
		b->len += (size_t)want;
	} else if (grow(b, b->len + (size_t)want + 1)) {
		vsnprintf((char *)b->data + b->len, b->cap - b->len, fmt, again);
		b->len += (size_t)want;
	}
	/* What was printed and does not count must not stay behind the content. */
	if (b->err != KERR_OK && b->data != NULL)
		sodium_memzero(b->data + b->len, b->cap - b->len);
	va_end(again);
	va_end(args);
}

void
buf_consume(struct buf *b, size_t n)
{
	if (n > b->len) {
		fail(b, KERR_INTERNAL);
		return;
	}
	if (n == 0)
		return;
	memmove(b->data, b->data + n, b->len - n);
	b->len -= n;
	sodium_memzero(b->data + b->len, n);
}

const char *
buf_text(struct buf *b)
{
	if (b->err != KERR_OK || (b->len == b->cap && !grow(b, b->len + 1)))
		return NULL;
	b->data[b->len] = '\0';
	return (const char *)b->data;
}

void
cursor_init(struct cursor *c, const void *bytes, size_t len)
{
	static const uint8_t nothing[1];

	c->p = bytes != NULL ? bytes : nothing;
	c->left = bytes != NULL ? len : 0;
	c->failed = bytes == NULL && len > 0;
}

const uint8_t *
cursor_bytes(struct cursor *c, size_t len)
{
	const uint8_t *p = c->p;

	if (c->failed || len > c->left) {
		c->failed = true;
		return NULL;
	}
	c->p += len;
	c->left -= len;
	return p;
}

static uint64_t
read_number(struct cursor *c, size_t len)
{
	const uint8_t *p = cursor_bytes(c, len);
	uint64_t v = 0;

	if (p == NULL)
		return 0;
	for (size_t i = 0; i < len; i++)
		v |= (uint64_t)p[i] << (8 * i);
	return v;
}

uint8_t
cursor_u8(struct cursor *c)
{
	return (uint8_t)read_number(c, 1);
}

uint16_t
cursor_u16(struct cursor *c)
{
	return (uint16_t)read_number(c, 2);
}

uint32_t
cursor_u32(struct cursor *c)
{
	return (uint32_t)read_number(c, 4);
}

uint64_t
cursor_u64(struct cursor *c)
{
	return read_number(c, 8);
}
