#ifndef KEYD_CORE_WIRE_JSON_WRITE_H
#define KEYD_CORE_WIRE_JSON_WRITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/record.h"

/* Writes JSON (RFC 8259) straight into a buffer, without a tree. Failures stick in the
 * buffer: ask buf_error() at the end. */

/* A string with its quotes. Bytes that are not UTF-8 become U+FFFD, control characters
 * \u00XX. */
void json_put_string(struct buf *out, const char *text, size_t len);
void json_put_int(struct buf *out, int64_t v);
/* ,"name":"text" — without the comma when it is the first of its object. name is ours
 * and plain ASCII. */
void json_put_member(struct buf *out, bool first, const char *name, const char *text);

enum json_flag {
	JSON_WITH_SECRETS =
		1, /* only the reply that delivers a secret, and what a person typed in */
};

/* The record as an object of its set fields, in the schema's order: FIELD_TIME as RFC
 * 3339, FIELD_DATE as 2026-06-30, FIELD_ENUM as its word, FIELD_BYTES as base64url
 * without padding. FIELD_SECRET is left out unless flags say otherwise. */
void json_record_write(struct buf *out, const struct record *r, unsigned flags);

/* The form of every list: {"items":[…],"total":N,"after":"cursor"}. after is NULL at the
 * end of the list; total is written as null when negative (not counted). */
void json_list_begin(struct buf *out);
void json_list_item(struct buf *out, const struct record *r, unsigned flags);
void json_list_end(struct buf *out, int64_t total, const char *after);

#define JSON_PROBLEM_TYPE "urn:keyd:problem:" /* and the kerr_name() */

/* A problem document (RFC 9457, application/problem+json) of a fault: type from its
 * kerr_name(), title its kerr_text(), status, detail its text, and "field" when it names
 * one. */
void json_problem_write(struct buf *out, unsigned status, const struct fault *fault);

#endif
