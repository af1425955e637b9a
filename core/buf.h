#ifndef KEYD_CORE_BUF_H
#define KEYD_CORE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

/* A growing byte buffer that is born with a ceiling. Every put is safe to chain: the
 * first failure sticks, later puts do nothing, and buf_error() says at the end what
 * happened. What it held is wiped when it grows, is reset or cleared, so that a
 * request's bytes do not stay in freed memory. */
struct buf {
	uint8_t *data; /* NULL while empty; owned */
	size_t len;
	size_t cap;
	size_t max;
	enum kerr err;
};

/* Empty, without memory yet; max is the most bytes it will ever hold. */
void buf_init(struct buf *b, size_t max);
void buf_clear(struct buf *b); /* wipes, frees, keeps max; fine on a zeroed struct */
void buf_reset(struct buf *b); /* wipes, keeps the memory */
/* The first failure since init, clear or reset: KERR_TOO_LARGE (the ceiling), KERR_NOMEM,
 * KERR_INTERNAL (more added or consumed than there is). */
enum kerr buf_error(const struct buf *b) MUST_CHECK;

/* A copy of the bytes at the end; bytes may be NULL when len is 0. */
void buf_put(struct buf *b, const void *bytes, size_t len);
/* The text without its NUL. */
void buf_put_text(struct buf *b, const char *text);
void buf_put_u8(struct buf *b, uint8_t v);   /* one byte */
void buf_put_u16(struct buf *b, uint16_t v); /* little endian, as all numbers in frames */
void buf_put_u32(struct buf *b, uint32_t v); /* the same */
void buf_put_u64(struct buf *b, uint64_t v); /* the same */
/* All of it or, when it does not fit, nothing. */
void buf_printf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Room for len bytes at the end, to be filled by the caller, then buf_added(). NULL
 * after a failure. */
uint8_t *buf_reserve(struct buf *b, size_t len);
void buf_added(struct buf *b, size_t len);
/* Drops the first n bytes (n <= len), wiping what they leave behind. */
void buf_consume(struct buf *b, size_t n);
/* NUL-terminated view of the content, borrowed until the next put; NULL after a
 * failure. */
const char *buf_text(struct buf *b);

/* A reading position in bytes that belong to somebody else. Sticky failure like buf. */
struct cursor {
	const uint8_t *p;
	size_t left;
	bool failed;
};

/* At the first of len bytes, which must outlive the cursor. */
void cursor_init(struct cursor *c, const void *bytes, size_t len);
uint8_t cursor_u8(struct cursor *c);   /* the next byte; 0 when there is none */
uint16_t cursor_u16(struct cursor *c); /* little endian; 0 when there are fewer bytes */
uint32_t cursor_u32(struct cursor *c); /* the same */
uint64_t cursor_u64(struct cursor *c); /* the same */
const uint8_t *cursor_bytes(
	struct cursor *c, size_t len); /* borrowed; NULL when there are fewer */

#endif
