#include "core/record_slots.h"

#include <inttypes.h>

#include "core/place.h"
#include "core/text.h"

/* 0001-01-01 … 9999-12-31: what has a form in RFC 3339. */
#define TIME_MIN INT64_C(-62135596800)
#define TIME_MAX INT64_C(253402300799)
#define DATE_MIN INT64_C(-719162)
#define DATE_MAX INT64_C(2932896)

static enum kerr check_record(const struct record *r, enum record_use use,
	const struct place *outer, struct fault *fault);

static bool
between(int64_t v, int64_t min, int64_t max)
{
	return v >= min && v <= max;
}

static bool
is_word(const char *const *words, int64_t v)
{
	if (v < 0)
		return false;
	for (int64_t i = 0; words[i]; i++) {
		if (i == v)
			return true;
	}
	return false;
}

/* A schema that names no bounds for a point in time means any that can be written. */
static bool
time_fits(const struct field *field, int64_t v, int64_t min, int64_t max)
{
	if (!between(v, min, max))
		return false;
	return (!field->min && !field->max) || between(v, field->min, field->max);
}

enum kerr
record_number_fits(const struct field *field, int64_t v)
{
	bool fits = false;

	switch (field->type) {
	case FIELD_BOOL:
		fits = v == 0 || v == 1;
		break;
	case FIELD_INT:
	case FIELD_INTS:
		fits = field->type == FIELD_INTS || between(v, field->min, field->max);
		break;
	case FIELD_TIME:
		fits = time_fits(field, v, TIME_MIN, TIME_MAX);
		break;
	case FIELD_DATE:
		fits = time_fits(field, v, DATE_MIN, DATE_MAX);
		break;
	case FIELD_ENUM:
		fits = is_word(field->words, v);
		break;
	case FIELD_TEXT:
	case FIELD_BYTES:
	case FIELD_SECRET:
	case FIELD_TEXTS:
	case FIELD_RECORDS:
	case FIELD__COUNT:
		break;
	}
	return fits ? KERR_OK : KERR_INVALID;
}

enum kerr
record_length_fits(const struct field *field, size_t len)
{
	if (len > INT64_MAX || !between((int64_t)len, field->min, field->max))
		return KERR_INVALID;
	return KERR_OK;
}

static enum kerr
check_number(
	const struct field *field, int64_t v, const struct place *at, struct fault *fault)
{
	if (record_number_fits(field, v) == KERR_OK)
		return KERR_OK;
	if (field->type == FIELD_INT)
		return place_refuse(at, fault, "must be from %" PRId64 " to %" PRId64,
			field->min, field->max);
	if (field->type == FIELD_BOOL)
		return place_refuse(at, fault, "must be true or false");
	if (field->type != FIELD_ENUM)
		return place_refuse(at, fault, "is outside what is allowed");
	return place_refuse_word(at, fault, field->words);
}

static enum kerr
check_length(const struct field *field, size_t len, const char *unit,
	const struct place *at, struct fault *fault)
{
	if (record_length_fits(field, len) == KERR_OK)
		return KERR_OK;
	if (len == 0)
		return place_refuse(at, fault, "must not be empty");
	if (field->min == field->max)
		return place_refuse(
			at, fault, "must have exactly %" PRId64 " %s", field->max, unit);
	return place_refuse(at, fault, "must have %" PRId64 " to %" PRId64 " %s",
		field->min, field->max, unit);
}

static enum kerr
check_characters(
	const char *text, size_t len, const struct place *at, struct fault *fault)
{
	if (!text_is_utf8(text, len))
		return place_refuse(at, fault, "is not valid UTF-8 text");
	if (text_has_hidden(text, len))
		return place_refuse(at, fault, "has control or invisible characters");
	return KERR_OK;
}

static enum kerr
check_texts(const struct record_list *list, const struct place *at, struct fault *fault)
{
	for (uint32_t i = 0; i < list->count; i++) {
		const struct record_text *t = &list->at.texts[i];
		enum kerr err;

		if (t->len > FIELD_TEXTS_ITEM_MAX)
			return place_refuse(at, fault, "has an element that is too long");
		err = check_characters(t->text, t->len, at, fault);
		if (err != KERR_OK)
			return err;
	}
	return KERR_OK;
}

static enum kerr
check_records(const struct record_list *list, enum record_use use, struct place *at,
	struct fault *fault)
{
	/* A list is given whole, so what is in it is new also when the record around it
	 * is only changed. */
	enum record_use inner = use == RECORD_CHANGE ? RECORD_ADD : use;

	for (uint32_t i = 0; i < list->count; i++) {
		enum kerr err;

		at->index = i;
		err = check_record(list->at.records[i], inner, at, fault);
		if (err != KERR_OK)
			return err;
	}
	return KERR_OK;
}

static enum kerr
check_value(const struct record *r, unsigned f, enum record_use use, struct place *at,
	struct fault *fault)
{
	const struct field *field = &r->schema->fields[f];
	const union record_slot *slot = &r->slots[f];
	enum kerr err = KERR_OK;

	switch (field->type) {
	case FIELD_BOOL:
	case FIELD_INT:
	case FIELD_TIME:
	case FIELD_DATE:
	case FIELD_ENUM:
		return check_number(field, slot->number, at, fault);
	case FIELD_TEXT:
		err = check_length(field, slot->bytes.len, "bytes", at, fault);
		if (err == KERR_OK)
			err = check_characters(
				(const char *)slot->bytes.p, slot->bytes.len, at, fault);
		return err;
	case FIELD_BYTES:
		return check_length(field, slot->bytes.len, "bytes", at, fault);
	case FIELD_SECRET:
		return check_length(field, secret_len(slot->secret), "bytes", at, fault);
	case FIELD_INTS:
		return check_length(field, slot->list.count, "elements", at, fault);
	case FIELD_TEXTS:
		err = check_length(field, slot->list.count, "elements", at, fault);
		return err == KERR_OK ? check_texts(&slot->list, at, fault) : err;
	case FIELD_RECORDS:
		err = check_length(field, slot->list.count, "elements", at, fault);
		return err == KERR_OK ? check_records(&slot->list, use, at, fault) : err;
	case FIELD__COUNT:
		break;
	}
	return KERR_INTERNAL;
}

static enum kerr
check_record(const struct record *r, enum record_use use, const struct place *outer,
	struct fault *fault)
{
	for (unsigned f = 0; f < r->schema->count; f++) {
		const struct field *field = &r->schema->fields[f];
		struct place at = {.outer = outer, .name = field->name};
		enum kerr err;

		if (!record_has(r, f)) {
			if (use == RECORD_ADD && (field->flags & FIELD_REQUIRED) &&
				!(field->flags & FIELD_SERVER))
				return place_refuse(&at, fault, "is missing");
			continue;
		}
		if (use != RECORD_ANSWER && (field->flags & FIELD_SERVER))
			return place_refuse(&at, fault, "is set by keyd alone");
		if (use == RECORD_CHANGE && (field->flags & FIELD_FIXED))
			return place_refuse(&at, fault, "cannot be changed");
		err = check_value(r, f, use, &at, fault);
		if (err != KERR_OK)
			return err;
	}
	return KERR_OK;
}

enum kerr
record_check(const struct record *r, enum record_use use, struct fault *fault)
{
	return check_record(r, use, NULL, fault);
}
