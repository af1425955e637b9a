#include "core/wire/json_record.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include <sodium.h>

#include "core/base64.h"
#include "core/clock.h"
#include "core/place.h"
#include "core/wire/json_parse.h"
#include "core/wire/json_write.h"

static enum kerr read_record(const struct schema *s, struct arena *a, const json_t *json,
	const struct place *outer, struct record **ret, struct fault *fault);

static const char *
type_text(enum field_type type)
{
	static const char *const texts[FIELD__COUNT] = {
		[FIELD_BOOL] = "must be true or false",
		[FIELD_INT] = "must be a whole number",
		[FIELD_TIME] = "must be a time like 2026-06-30T12:00:00Z",
		[FIELD_DATE] = "must be a date like 2026-06-30",
		[FIELD_TEXT] = "must be a text",
		[FIELD_ENUM] = "must be one of the words",
		[FIELD_BYTES] = "must be base64url without padding",
		[FIELD_SECRET] = "must be a text",
		[FIELD_INTS] = "must be a list of whole numbers",
		[FIELD_TEXTS] = "must be a list of texts",
		[FIELD_RECORDS] = "must be a list of objects",
	};

	return texts[type];
}

static enum kerr
read_enum(struct record *r, unsigned f, const char *word, const struct place *at,
	struct fault *fault)
{
	const struct field *field = &record_schema(r)->fields[f];

	for (int64_t i = 0; field->words[i]; i++) {
		if (strcmp(field->words[i], word) == 0) {
			record_set_int(r, f, i);
			return KERR_OK;
		}
	}
	return place_refuse_word(at, fault, field->words);
}

/* FIELD_TIME and FIELD_DATE. KERR_INVALID when it is not of that form. */
static enum kerr
read_time(struct record *r, unsigned f, const char *text, size_t len)
{
	int64_t v;
	enum kerr err;

	if (record_schema(r)->fields[f].type == FIELD_TIME)
		err = clock_parse(text, len, &v);
	else
		err = clock_date_parse(text, len, &v);
	if (err == KERR_OK)
		record_set_int(r, f, v);
	return err;
}

static enum kerr
read_bytes(struct record *r, unsigned f, struct arena *a, const char *text, size_t len)
{
	uint8_t *bytes = arena_alloc(a, len / 4 * 3 + 3);
	size_t used;

	if (!bytes)
		return KERR_NOMEM;
	if (base64_decode(BASE64_URL, text, len, bytes, len / 4 * 3 + 3, &used) !=
		KERR_OK)
		return KERR_INVALID;
	return record_set_bytes(r, f, bytes, used);
}

static enum kerr
read_secret(struct record *r, unsigned f, const char *text, size_t len,
	const struct place *at, struct fault *fault)
{
	struct secret *s;

	if (len > SECRET_POOL_MAX_LEN)
		return place_refuse(
			at, fault, "must have at most %d bytes", SECRET_POOL_MAX_LEN);
	s = secret_new(text, len);
	if (!s)
		return KERR_NOMEM;
	record_set_secret(r, f, s);
	return KERR_OK;
}

/* Values that are strings in JSON. KERR_INVALID without a fault when the text has not
 * the type's form. */
static enum kerr
read_string(struct record *r, unsigned f, struct arena *a, const json_t *json,
	const struct place *at, struct fault *fault)
{
	enum field_type type = record_schema(r)->fields[f].type;
	const char *text = json_string_value(json);
	size_t len = json_string_length(json);
	enum kerr err = KERR_OK;

	if (!text)
		return place_refuse(at, fault, "%s", type_text(type));
	if (type == FIELD_ENUM)
		return read_enum(r, f, text, at, fault);
	if (type == FIELD_SECRET)
		return read_secret(r, f, text, len, at, fault);
	if (type == FIELD_TEXT)
		return record_set_bytes(r, f, text, len);
	if (type == FIELD_BYTES)
		err = read_bytes(r, f, a, text, len);
	else
		err = read_time(r, f, text, len);
	if (err == KERR_INVALID)
		return place_refuse(at, fault, "%s", type_text(type));
	return err;
}

static enum kerr
read_element(struct record *r, unsigned f, struct arena *a, const json_t *json,
	const struct place *at, struct fault *fault)
{
	const struct field *field = &record_schema(r)->fields[f];
	struct record *sub = NULL;
	enum kerr err;

	if (field->type == FIELD_RECORDS && json_is_object(json)) {
		err = read_record(field->sub, a, json, at, &sub, fault);
		if (err != KERR_OK)
			return err;
		err = record_add_existing(r, f, sub);
		if (err != KERR_OK)
			record_drop_secrets(sub);
		return err;
	}
	if (field->type == FIELD_INTS && json_is_integer(json))
		return record_add_int(r, f, json_integer_value(json));
	if (field->type == FIELD_TEXTS && json_is_string(json))
		return record_add_text(
			r, f, json_string_value(json), json_string_length(json));
	return place_refuse(at, fault, "%s", type_text(field->type));
}

static enum kerr
read_elements(struct record *r, unsigned f, struct arena *a, const json_t *json,
	struct place *at, struct fault *fault)
{
	const struct field *field = &record_schema(r)->fields[f];
	size_t count = json_array_size(json);
	enum kerr err = KERR_OK;

	if (!json_is_array(json))
		return place_refuse(at, fault, "%s", type_text(field->type));
	if (count > INT64_MAX || (int64_t)count > field->max)
		return place_refuse(
			at, fault, "must have at most %" PRId64 " elements", field->max);
	record_set_empty(r, f);
	for (size_t i = 0; i < count && err == KERR_OK; i++) {
		at->index = i;
		err = read_element(r, f, a, json_array_get(json, i), at, fault);
	}
	return err;
}

static enum kerr
read_value(struct record *r, unsigned f, struct arena *a, const json_t *json,
	struct place *at, struct fault *fault)
{
	enum field_type type = record_schema(r)->fields[f].type;

	if (json_is_null(json))
		return place_refuse(at, fault, "must not be null: leave it out");
	switch (type) {
	case FIELD_BOOL:
		if (!json_is_boolean(json))
			break;
		record_set_int(r, f, json_is_true(json));
		return KERR_OK;
	case FIELD_INT:
		if (!json_is_integer(json))
			break;
		record_set_int(r, f, json_integer_value(json));
		return KERR_OK;
	case FIELD_TIME:
	case FIELD_DATE:
	case FIELD_TEXT:
	case FIELD_ENUM:
	case FIELD_BYTES:
	case FIELD_SECRET:
		return read_string(r, f, a, json, at, fault);
	case FIELD_INTS:
	case FIELD_TEXTS:
	case FIELD_RECORDS:
		return read_elements(r, f, a, json, at, fault);
	case FIELD__COUNT:
		break;
	}
	return place_refuse(at, fault, "%s", type_text(type));
}

/* jansson's iterators take objects that are not const, though they leave them as they
 * are. */
static void *
first_member(const json_t *json)
{
	return json_object_iter((json_t *)(uintptr_t)json);
}

static void *
next_member(const json_t *json, void *member)
{
	return json_object_iter_next((json_t *)(uintptr_t)json, member);
}

static enum kerr
read_record(const struct schema *s, struct arena *a, const json_t *json,
	const struct place *outer, struct record **ret, struct fault *fault)
{
	struct record *r = record_new(a, s);
	enum kerr err = KERR_OK;

	if (!r)
		return KERR_NOMEM;
	for (void *m = first_member(json); m && err == KERR_OK;
		m = next_member(json, m)) {
		const char *name = json_object_iter_key(m);
		int f = schema_field(s, name);
		struct place at = {.outer = outer, .name = name};

		if (f < 0)
			err = json_refuse_unknown(outer, name, strlen(name), fault);
		else
			err = read_value(
				r, (unsigned)f, a, json_object_iter_value(m), &at, fault);
	}
	if (err != KERR_OK) {
		record_drop_secrets(r);
		return err;
	}
	*ret = r;
	return KERR_OK;
}

/* Inner functions leave the fault to us where it is only that memory ran out. */
static enum kerr
say_no_memory(enum kerr err, struct fault *fault)
{
	if (err == KERR_NOMEM)
		return fault_set(fault, err, "", "%s", kerr_text(err));
	return err;
}

enum kerr
json_record_read(const struct schema *s, struct arena *a, const void *text, size_t len,
	struct record **ret, struct fault *fault)
{
	json_t *json = NULL;
	enum kerr err = json_parse_object(text, len, &json, fault);

	if (err == KERR_OK)
		err = read_record(s, a, json, NULL, ret, fault);
	json_decref(json);
	return say_no_memory(err, fault);
}

static int
field_in_any_case(const struct schema *s, const char *name)
{
	for (unsigned f = 0; f < s->count; f++) {
		if (strcasecmp(s->fields[f].name, name) == 0)
			return (int)f;
	}
	return -1;
}

enum kerr
json_record_read_loose(const struct schema *s, struct arena *a, const void *text,
	size_t len, struct record **ret, struct fault *fault)
{
	struct record *r = record_new(a, s);
	json_t *json = NULL;
	enum kerr err = r ? json_parse_object(text, len, &json, fault) : KERR_NOMEM;

	for (void *m = json ? first_member(json) : NULL; m && err == KERR_OK;
		m = next_member(json, m)) {
		int f = field_in_any_case(s, json_object_iter_key(m));
		struct place at = {.name = f < 0 ? "" : s->fields[f].name};

		if (f < 0)
			continue;
		err = record_has(r, (unsigned)f)
			      ? place_refuse(&at, fault, "is given twice")
			      : read_value(r, (unsigned)f, a, json_object_iter_value(m),
					&at, fault);
	}
	if (err == KERR_OK)
		*ret = r;
	else
		record_drop_secrets(r);
	json_decref(json);
	return say_no_memory(err, fault);
}

static enum kerr
read_items(const struct schema *s, struct arena *a, const json_t *json,
	struct json_list *list, struct fault *fault)
{
	struct place at = {.name = "items"};
	size_t count = json_array_size(json);

	if (!json_is_array(json))
		return place_refuse(&at, fault, "%s", type_text(FIELD_RECORDS));
	list->items = arena_alloc(a, (count + 1) * sizeof(struct record *));
	if (!list->items)
		return KERR_NOMEM;
	for (size_t i = 0; i < count; i++) {
		const json_t *item = json_array_get(json, i);
		enum kerr err;

		at.index = i;
		if (!json_is_object(item))
			return place_refuse(&at, fault, "%s", type_text(FIELD_RECORDS));
		err = read_record(s, a, item, &at, &list->items[i], fault);
		if (err != KERR_OK)
			return err;
		list->count = i + 1;
	}
	return KERR_OK;
}

static enum kerr
read_list_member(const char *name, struct arena *a, const json_t *json,
	struct json_list *list, struct fault *fault)
{
	struct place at = {.name = name};

	if (strcmp(name, "total") == 0) {
		if (!json_is_integer(json) && !json_is_null(json))
			return place_refuse(&at, fault, "%s", type_text(FIELD_INT));
		list->total = json_is_null(json) ? -1 : json_integer_value(json);
		return KERR_OK;
	}
	if (strcmp(name, "after") != 0)
		return json_refuse_unknown(NULL, name, strlen(name), fault);
	if (json_is_null(json))
		return KERR_OK;
	if (!json_is_string(json))
		return place_refuse(&at, fault, "%s", type_text(FIELD_TEXT));
	list->after = arena_copy(a, json_string_value(json), json_string_length(json));
	return list->after ? KERR_OK : KERR_NOMEM;
}

enum kerr
json_list_read(const struct schema *s, struct arena *a, const void *text, size_t len,
	struct json_list *ret, struct fault *fault)
{
	struct json_list list = {.total = -1};
	json_t *json = NULL;
	enum kerr err = json_parse_object(text, len, &json, fault);

	if (err == KERR_OK)
		err = read_items(s, a, json_object_get(json, "items"), &list, fault);
	if (err != KERR_OK)
		goto out;
	for (void *m = first_member(json); m && err == KERR_OK;
		m = next_member(json, m)) {
		const char *name = json_object_iter_key(m);

		if (strcmp(name, "items") != 0)
			err = read_list_member(
				name, a, json_object_iter_value(m), &list, fault);
	}
out:
	if (err == KERR_OK)
		*ret = list;
	else
		json_list_drop_secrets(&list);
	json_decref(json);
	return say_no_memory(err, fault);
}

void
json_list_drop_secrets(struct json_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		record_drop_secrets(list->items[i]);
}

static enum kerr
problem_err(const json_t *type)
{
	const char *text = json_string_value(type);
	size_t prefix = strlen(JSON_PROBLEM_TYPE);

	if (!text || strncmp(text, JSON_PROBLEM_TYPE, prefix) != 0)
		return KERR_INTERNAL;
	for (int e = KERR_OK + 1; e < KERR__COUNT; e++) {
		if (strcmp(text + prefix, kerr_name((enum kerr)e)) == 0)
			return (enum kerr)e;
	}
	return KERR_INTERNAL;
}

enum kerr
json_problem_read(const void *text, size_t len, struct fault *ret)
{
	json_t *json = NULL;
	const char *detail, *field;

	if (json_parse_object(text, len, &json, NULL) != KERR_OK)
		return KERR_PROTOCOL;
	detail = json_string_value(json_object_get(json, "detail"));
	if (!detail)
		detail = json_string_value(json_object_get(json, "title"));
	field = json_string_value(json_object_get(json, "field"));
	if (detail)
		fault_set(ret, problem_err(json_object_get(json, "type")),
			field ? field : "", "%s", detail);
	json_decref(json);
	return detail ? KERR_OK : KERR_PROTOCOL;
}
