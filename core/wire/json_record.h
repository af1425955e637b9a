#ifndef KEYD_CORE_WIRE_JSON_RECORD_H
#define KEYD_CORE_WIRE_JSON_RECORD_H

#include <stddef.h>
#include <stdint.h>

#include "core/arena.h"
#include "core/err.h"
#include "core/record.h"

/* Reads records from JSON (RFC 8259), strictly: an object of known members, each once
 * and of its type, no null, at most JSON_DEPTH_MAX deep, no NUL, nothing behind it. What
 * is read is bounded by the caller's body limit and the arena's ceiling. A fault names
 * the member (never its value, and a name only when it looks like one, since people
 * paste secrets in wrong places). */

#define JSON_DEPTH_MAX 8

/* Once per process, before any reading and before the jail: from then on jansson wipes
 * what it frees, and it needs no file for its hash seed. */
void json_start(void);

/* KERR_INVALID with the fault's field; KERR_NOMEM also when no secret's slot is free.
 * Types only: bounds and required fields are record_check's. On failure no secret is
 * left behind; on success the secrets are the record's. */
enum kerr json_record_read(const struct schema *s, struct arena *a, const void *text,
	size_t len, struct record **ret, struct fault *fault) MUST_CHECK;

/* For what others define: members that the schema does not have are passed over (RFC
 * 7519 section 4, RFC 6749 section 3.2), names match ignoring case, as Ed-Fi's token
 * endpoints take them; the same name twice is refused. */
enum kerr json_record_read_loose(const struct schema *s, struct arena *a,
	const void *text, size_t len, struct record **ret,
	struct fault *fault) MUST_CHECK;

/* What json_list_begin() and its like write: an array in the arena of records of schema
 * s. */
struct json_list {
	struct record **items;
	size_t count;
	int64_t total;     /* -1: not counted */
	const char *after; /* NULL: that was all */
};
/* KERR_INVALID with the place of the fault, KERR_NOMEM; no secret is left behind then. */
enum kerr json_list_read(const struct schema *s, struct arena *a, const void *text,
	size_t len, struct json_list *ret, struct fault *fault) MUST_CHECK;
void json_list_drop_secrets(struct json_list *list); /* of every record */

/* A problem document into *ret (members it does not know are passed over, RFC 9457
 * section 3). KERR_PROTOCOL when it is none; an err that is not known becomes
 * KERR_INTERNAL. */
enum kerr json_problem_read(const void *text, size_t len, struct fault *ret) MUST_CHECK;

#endif
