#ifndef KEYD_FRONT_FLAT_H
#define KEYD_FRONT_FLAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/record.h"

/* The frame's form of a record (core/record.h) without a record: for the questions and
 * answers of the paths that are asked a hundred thousand times a second. Nothing is
 * copied but into the frame. */

#define FLAT_ASK_MAX    1536 /* the largest question: all the fields of token_ask */
#define FLAT_FIELDS_MAX 24

/* A question under construction; on the stack, to be wiped with flat_clear() since
 * secrets are in it. */
struct flat {
	size_t len;
	bool failed; /* it did not fit */
	uint8_t bytes[FLAT_ASK_MAX];
};

/* Empty. */
void flat_start(struct flat *f);
/* Wipes what was put. */
void flat_clear(struct flat *f);
/* FIELD_TEXT, FIELD_BYTES and FIELD_SECRET; fields in rising order. */
void flat_put(struct flat *f, unsigned field, const void *bytes, size_t len);
void flat_put_secret(struct flat *f, unsigned field, const struct secret *s);

struct flat_value {
	bool has;
	int64_t number;       /* BOOL, INT, TIME, DATE, ENUM */
	const uint8_t *bytes; /* TEXT, BYTES: borrowed; INTS: elements of 8 bytes, little
				 endian */
	size_t len;           /* bytes, or elements of INTS */
};
/* Reads an answer into values[0 … schema's count). KERR_PROTOCOL when it is no encoding
 * of the schema, or has a field of a type that is not named above. Numbers and lengths
 * are not compared with the schema's bounds. */
enum kerr flat_read(const struct schema *s, const void *bytes, size_t len,
	struct flat_value *ret) MUST_CHECK;
int64_t flat_int_at(const struct flat_value *v, size_t i);

#endif
