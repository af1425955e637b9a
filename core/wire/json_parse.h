#ifndef KEYD_CORE_WIRE_JSON_PARSE_H
#define KEYD_CORE_WIRE_JSON_PARSE_H

#include <stddef.h>

#include <jansson.h>

#include "core/err.h"
#include "core/place.h"

/* The door to jansson, for json_record.c: from bytes to a tree, and what is said about
 * bytes that make none. Everything else that reads JSON goes by json_record.h. */

/* One object and nothing else; json_decref() it. KERR_INVALID, KERR_NOMEM. */
enum kerr json_parse_object(
	const void *text, size_t len, json_t **ret, struct fault *fault) MUST_CHECK;
/* Refuses a member that nobody knows, with its name if that may be repeated.
 * KERR_INVALID. */
enum kerr json_refuse_unknown(
	const struct place *outer, const char *name, size_t len, struct fault *fault);

#endif
