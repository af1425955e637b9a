#ifndef KEYD_CORE_RECORD_H
#define KEYD_CORE_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/arena.h"
#include "core/buf.h"
#include "core/err.h"
#include "core/secret.h"

/* Records: what crosses between processes, what the interface shows, what a row of the
 * store is. One schema row per field drives reading, checking, writing, the frame's
 * encoding, the command line's tables and OpenAPI. */

enum field_type {
	FIELD_BOOL,
	FIELD_INT,   /* int64, min…max */
	FIELD_TIME,  /* seconds since 1970 UTC; RFC 3339 in JSON */
	FIELD_DATE,  /* days since 1970; 2026-06-30 in JSON */
	FIELD_TEXT,  /* UTF-8 without hidden characters, min…max bytes */
	FIELD_ENUM,  /* a word of words[]; its index here, the word elsewhere */
	FIELD_BYTES, /* min…max bytes; base64url in JSON */
	/* pooled secret, min…max bytes; printed only by the reply that delivers it */
	FIELD_SECRET,
	FIELD_INTS, /* list of int64, min…max elements */
	/* list of text, min…max elements, each at most FIELD_TEXTS_ITEM_MAX bytes */
	FIELD_TEXTS,
	FIELD_RECORDS, /* list of records of schema sub, min…max elements */
	FIELD__COUNT
};
#define FIELD_TEXTS_ITEM_MAX 512

enum field_flag {
	FIELD_REQUIRED = 1, /* in what a caller sends to add; always there in an answer */
	FIELD_SERVER = 2,   /* set by keyd alone; refused in input */
	FIELD_FIXED = 4,    /* may be given when added, never changed */
	FIELD_COLUMN = 8,   /* a column of the command line's and console's tables */
	FIELD_FILTER = 16,  /* lists can be filtered by it */
	FIELD_SORT = 32,    /* lists can be sorted by it */
	FIELD_OPERATOR = 64, /* seen by operators of keyd only, never by vendors */
};

struct schema;

struct field {
	const char
		*name; /* JSON member, and option of the command line with '-' for '_' */
	const char *doc;          /* one sentence */
	const char *const *words; /* FIELD_ENUM: NULL-terminated */
	const struct schema *sub; /* FIELD_RECORDS */
	int64_t min, max;
	enum field_type type;
	unsigned flags;
};

struct schema {
	const char *name; /* "vendor"; OpenAPI's component name */
	const char *doc;
	const struct field *fields;
	unsigned count; /* at most 64: presence is a bit set */
};

struct record;

/* A record without any field set. NULL when the arena is exhausted. Everything it is
 * given is copied into the arena, but secrets, which it owns: they are freed by
 * record_drop_secrets() or handed out by record_take_secret(). */
struct record *record_new(struct arena *a, const struct schema *s);
const struct schema *record_schema(const struct record *r);
void record_drop_secrets(struct record *r); /* also of sub records; NULL is fine */

/* Is the field set? False also for an index beyond the schema. */
bool record_has(const struct record *r, unsigned f);
/* As if it had never been set; a secret is freed. */
void record_unset(struct record *r, unsigned f);

/* Setters return KERR_NOMEM only; bounds are record_check's. Using one of another type
 * is a programming error and aborts. */
void record_set_int(
	struct record *r, unsigned f, int64_t v); /* BOOL, INT, TIME, DATE, ENUM */
enum kerr record_set_text(struct record *r, unsigned f, const char *text) MUST_CHECK;
enum kerr record_set_bytes(struct record *r, unsigned f, const void *bytes,
	size_t len) MUST_CHECK; /* TEXT, BYTES */
void record_set_secret(struct record *r, unsigned f,
	struct secret *take); /* frees the one before; NULL unsets */
void record_set_empty(
	struct record *r, unsigned f); /* a list that is set and has no elements */
enum kerr record_add_int(struct record *r, unsigned f, int64_t v) MUST_CHECK;
enum kerr record_add_text(
	struct record *r, unsigned f, const char *text, size_t len) MUST_CHECK;
struct record *record_add_record(
	struct record *r, unsigned f); /* empty, of field's sub; NULL: no memory */
enum kerr record_add_existing(
	struct record *r, unsigned f, struct record *sub) MUST_CHECK; /* same arena */
/* Copies one field's value (or that it is not set), or every set field that both schemas
 * have by name and type. Lists replace what was there. KERR_INVALID when to's words lack
 * the word of a FIELD_ENUM. */
enum kerr record_copy_field(struct record *to, unsigned tf, const struct record *from,
	unsigned ff) MUST_CHECK;
enum kerr record_copy_same(struct record *to, const struct record *from) MUST_CHECK;

/* Getters: an unset field is 0, "", NULL, an empty list. All borrowed from the record. */
int64_t record_int(const struct record *r, unsigned f);
const char *record_text(const struct record *r,
	unsigned f); /* NUL-terminated, never NULL; ENUM gives the word */
const uint8_t *record_bytes(const struct record *r, unsigned f, size_t *ret_len);
const struct secret *record_secret(const struct record *r, unsigned f);
struct secret *record_take_secret(struct record *r, unsigned f);
size_t record_count(const struct record *r, unsigned f); /* elements of a list */
int64_t record_int_at(const struct record *r, unsigned f, size_t i);
const char *record_text_at(const struct record *r, unsigned f, size_t i);
struct record *record_at(const struct record *r, unsigned f, size_t i);

/* Index of the field with that name; -1 when there is none. */
int schema_field(const struct schema *s, const char *name);

enum record_use { RECORD_ADD, RECORD_CHANGE, RECORD_ANSWER };
/* Bounds, words, UTF-8 and hidden characters, required fields (ADD), server fields and
 * fixed fields (ADD, CHANGE). The first fault only, with the field's name. */
enum kerr record_check(
	const struct record *r, enum record_use use, struct fault *fault) MUST_CHECK;

/* The frame's form: per set field, rising: u8 index; BOOL u8; INT TIME DATE ENUM i64;
 * TEXT BYTES SECRET u32 length and bytes; lists u32 count and elements (a record
 * element: u32 length and its own encoding). */
void record_encode(const struct record *r, struct buf *out);
/* Decodes the whole of bytes; refuses what record_encode could not have made
 * (KERR_PROTOCOL) and what exceeds the schema's bounds (KERR_INVALID): numbers, words,
 * lengths, a NUL in text. Text's characters are record_check's. On failure no secret is
 * left behind. */
enum kerr record_decode(const struct schema *s, struct arena *a, const void *bytes,
	size_t len, struct record **ret) MUST_CHECK;

#endif
