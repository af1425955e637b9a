#ifndef KEYD_CORE_RECORD_SLOTS_H
#define KEYD_CORE_RECORD_SLOTS_H

#include "core/record.h"

/* What a record is made of: for record.c, record_check.c and record_codec.c alone. */

#define RECORD_DEPTH_MAX 8 /* records within records */

struct record_text {
	const char *text; /* NUL-terminated */
	size_t len;
};

struct record_list {
	union {
		int64_t *ints;
		struct record_text *texts;
		struct record **records;
		void *any;
	} at;
	uint32_t count;
	uint32_t cap;
};

/* One per field of the schema; all zero while the field is not set. */
union record_slot {
	int64_t number;
	struct {
		const uint8_t *p; /* a NUL stands behind the last byte */
		size_t len;
	} bytes;
	struct secret *secret;
	struct record_list list;
};

struct record {
	const struct schema *schema;
	struct arena *arena;
	uint64_t present;
	/* Bytes behind the slots that came with the same allocation: a decoded record's
	 * texts go there. */
	uint8_t *spare;
	size_t spare_len;
	union record_slot slots[];
};

#define RECORD_TYPE(t) (1U << (t))
#define RECORD_NUMBERS                                                                   \
	(RECORD_TYPE(FIELD_BOOL) | RECORD_TYPE(FIELD_INT) | RECORD_TYPE(FIELD_TIME) |    \
		RECORD_TYPE(FIELD_DATE) | RECORD_TYPE(FIELD_ENUM))
#define RECORD_LISTS                                                                     \
	(RECORD_TYPE(FIELD_INTS) | RECORD_TYPE(FIELD_TEXTS) | RECORD_TYPE(FIELD_RECORDS))

/* record_new with spare bytes in the same allocation. */
struct record *record_new_spare(struct arena *a, const struct schema *s, size_t spare);
/* len bytes with a NUL behind them, from the spare bytes while they last, then from the
 * arena; NULL: no memory. */
const uint8_t *record_keep(struct record *r, const void *bytes, size_t len);
/* Room for count elements in all, each of the field's type. */
enum kerr record_list_room(struct record *r, unsigned f, uint32_t count) MUST_CHECK;

/* Bounds of one number or of a length, as the schema has them; KERR_INVALID. */
enum kerr record_number_fits(const struct field *field, int64_t v) MUST_CHECK;
enum kerr record_length_fits(const struct field *field, size_t len) MUST_CHECK;

#endif
