#include "core/record.h"

#include <stdlib.h>
#include <string.h>

#include "core/record_slots.h"

#define PRESENT_MAX 64

/* The field is of one of these types, or the program is wrong and must not go on with
 * whatever the slot holds. */
static void
must_be(const struct record *r, unsigned f, unsigned types)
{
	if (f >= r->schema->count || !(RECORD_TYPE(r->schema->fields[f].type) & types))
		abort();
}

static uint64_t
bit(unsigned f)
{
	return UINT64_C(1) << f;
}

struct record *
record_new_spare(struct arena *a, const struct schema *s, size_t spare)
{
	struct record *r;
	size_t size = sizeof(*r) + s->count * sizeof(r->slots[0]);

	if (s->count > PRESENT_MAX)
		abort();
	if (spare > SIZE_MAX - size)
		return NULL;
	r = arena_alloc(a, size + spare);
	if (!r)
		return NULL;
	r->schema = s;
	r->arena = a;
	r->spare = (uint8_t *)r + size;
	r->spare_len = spare;
	return r;
}

struct record *
record_new(struct arena *a, const struct schema *s)
{
	return record_new_spare(a, s, 0);
}

const struct schema *
record_schema(const struct record *r)
{
	return r->schema;
}

static void
drop_in_list(const struct record_list *list)
{
	for (uint32_t i = 0; i < list->count; i++)
		record_drop_secrets(list->at.records[i]);
}

void
record_drop_secrets(struct record *r)
{
	if (!r)
		return;
	for (unsigned f = 0; f < r->schema->count; f++) {
		enum field_type type = r->schema->fields[f].type;

		if (type == FIELD_SECRET)
			record_unset(r, f);
		else if (type == FIELD_RECORDS)
			drop_in_list(&r->slots[f].list);
	}
}

bool
record_has(const struct record *r, unsigned f)
{
	return f < r->schema->count && (r->present & bit(f));
}

void
record_unset(struct record *r, unsigned f)
{
	must_be(r, f, ~0U);
	if (r->schema->fields[f].type == FIELD_SECRET)
		secret_free(r->slots[f].secret);
	else if (r->schema->fields[f].type == FIELD_RECORDS)
		drop_in_list(&r->slots[f].list);
	r->slots[f] = (union record_slot){.bytes = {NULL, 0}};
	r->present &= ~bit(f);
}

void
record_set_int(struct record *r, unsigned f, int64_t v)
{
	must_be(r, f, RECORD_NUMBERS);
	r->slots[f].number = v;
	r->present |= bit(f);
}

const uint8_t *
record_keep(struct record *r, const void *bytes, size_t len)
{
	uint8_t *to = r->spare;

	if (len >= r->spare_len)
		return (const uint8_t *)arena_copy(r->arena, bytes, len);
	if (len)
		memcpy(to, bytes, len);
	to[len] = '\0';
	r->spare += len + 1;
	r->spare_len -= len + 1;
	return to;
}

enum kerr
record_set_bytes(struct record *r, unsigned f, const void *bytes, size_t len)
{
	const uint8_t *copy;

	must_be(r, f, RECORD_TYPE(FIELD_TEXT) | RECORD_TYPE(FIELD_BYTES));
	copy = record_keep(r, bytes, len);
	if (!copy)
		return KERR_NOMEM;
	r->slots[f].bytes.p = copy;
	r->slots[f].bytes.len = len;
	r->present |= bit(f);
	return KERR_OK;
}

enum kerr
record_set_text(struct record *r, unsigned f, const char *text)
{
	return record_set_bytes(r, f, text, strlen(text));
}

void
record_set_secret(struct record *r, unsigned f, struct secret *take)
{
	must_be(r, f, RECORD_TYPE(FIELD_SECRET));
	if (take == r->slots[f].secret)
		return;
	record_unset(r, f);
	if (!take)
		return;
	r->slots[f].secret = take;
	r->present |= bit(f);
}

void
record_set_empty(struct record *r, unsigned f)
{
	must_be(r, f, RECORD_LISTS);
	record_unset(r, f);
	r->present |= bit(f);
}

static size_t
element_size(enum field_type type)
{
	if (type == FIELD_INTS)
		return sizeof(int64_t);
	if (type == FIELD_TEXTS)
		return sizeof(struct record_text);
	return sizeof(struct record *);
}

enum kerr
record_list_room(struct record *r, unsigned f, uint32_t count)
{
	struct record_list *list = &r->slots[f].list;
	size_t size = element_size(r->schema->fields[f].type);
	void *room;

	if (count <= list->cap)
		return KERR_OK;
	room = arena_alloc(r->arena, count * size);
	if (!room)
		return KERR_NOMEM;
	if (list->count)
		memcpy(room, list->at.any, list->count * size);
	list->at.any = room;
	list->cap = count;
	return KERR_OK;
}

/* Room for one element more; the arena keeps what is outgrown, so growth is by doubling.
 */
static enum kerr
room_for_one(struct record *r, unsigned f)
{
	struct record_list *list = &r->slots[f].list;

	if (list->count < list->cap)
		return KERR_OK;
	if (list->cap > UINT32_MAX / 2)
		return KERR_NOMEM;
	return record_list_room(r, f, list->cap ? list->cap * 2 : 4);
}

enum kerr
record_add_int(struct record *r, unsigned f, int64_t v)
{
	struct record_list *list;

	must_be(r, f, RECORD_TYPE(FIELD_INTS));
	if (room_for_one(r, f) != KERR_OK)
		return KERR_NOMEM;
	list = &r->slots[f].list;
	list->at.ints[list->count++] = v;
	r->present |= bit(f);
	return KERR_OK;
}

enum kerr
record_add_text(struct record *r, unsigned f, const char *text, size_t len)
{
	struct record_list *list;
	const uint8_t *copy;

	must_be(r, f, RECORD_TYPE(FIELD_TEXTS));
	if (room_for_one(r, f) != KERR_OK)
		return KERR_NOMEM;
	copy = record_keep(r, text, len);
	if (!copy)
		return KERR_NOMEM;
	list = &r->slots[f].list;
	list->at.texts[list->count].text = (const char *)copy;
	list->at.texts[list->count].len = len;
	list->count++;
	r->present |= bit(f);
	return KERR_OK;
}

enum kerr
record_add_existing(struct record *r, unsigned f, struct record *sub)
{
	struct record_list *list;

	must_be(r, f, RECORD_TYPE(FIELD_RECORDS));
	if (sub->arena != r->arena || sub->schema != r->schema->fields[f].sub)
		abort();
	if (room_for_one(r, f) != KERR_OK)
		return KERR_NOMEM;
	list = &r->slots[f].list;
	list->at.records[list->count++] = sub;
	r->present |= bit(f);
	return KERR_OK;
}

struct record *
record_add_record(struct record *r, unsigned f)
{
	struct record *sub;

	must_be(r, f, RECORD_TYPE(FIELD_RECORDS));
	sub = record_new(r->arena, r->schema->fields[f].sub);
	if (!sub || record_add_existing(r, f, sub) != KERR_OK)
		return NULL;
	return sub;
}

/* The number in to's words of the word that v is in from's. */
static enum kerr
translate_word(
	const struct field *to, const struct field *from, int64_t v, int64_t *ret_number)
{
	if (to->words == from->words) {
		*ret_number = v;
		return KERR_OK;
	}
	if (record_number_fits(from, v) != KERR_OK)
		return KERR_INVALID;
	for (int64_t i = 0; to->words[i]; i++) {
		if (strcmp(to->words[i], from->words[v]) == 0) {
			*ret_number = i;
			return KERR_OK;
		}
	}
	return KERR_INVALID;
}

static enum kerr
copy_list(struct record *to, unsigned tf, const struct record *from, unsigned ff)
{
	const struct record_list *list = &from->slots[ff].list;
	enum field_type type = from->schema->fields[ff].type;
	enum kerr err;

	record_set_empty(to, tf);
	err = record_list_room(to, tf, list->count);
	for (uint32_t i = 0; i < list->count && err == KERR_OK; i++) {
		if (type == FIELD_INTS) {
			err = record_add_int(to, tf, list->at.ints[i]);
		} else if (type == FIELD_TEXTS) {
			const struct record_text *t = &list->at.texts[i];

			err = record_add_text(to, tf, t->text, t->len);
		} else {
			struct record *sub = record_add_record(to, tf);

			err = sub ? record_copy_same(sub, list->at.records[i])
				  : KERR_NOMEM;
		}
	}
	return err;
}

enum kerr
record_copy_field(struct record *to, unsigned tf, const struct record *from, unsigned ff)
{
	const union record_slot *slot;
	const struct field *field;
	struct secret *secret;
	int64_t number;

	must_be(from, ff, ~0U);
	field = &from->schema->fields[ff];
	slot = &from->slots[ff];
	must_be(to, tf, RECORD_TYPE(field->type));
	if (to == from && tf == ff)
		return KERR_OK;
	if (!record_has(from, ff)) {
		record_unset(to, tf);
		return KERR_OK;
	}
	switch (field->type) {
	case FIELD_ENUM:
		if (translate_word(&to->schema->fields[tf], field, slot->number,
			    &number) != KERR_OK)
			return KERR_INVALID;
		record_set_int(to, tf, number);
		return KERR_OK;
	case FIELD_BOOL:
	case FIELD_INT:
	case FIELD_TIME:
	case FIELD_DATE:
		record_set_int(to, tf, slot->number);
		return KERR_OK;
	case FIELD_TEXT:
	case FIELD_BYTES:
		return record_set_bytes(to, tf, slot->bytes.p, slot->bytes.len);
	case FIELD_SECRET:
		secret = secret_copy(slot->secret);
		if (!secret)
			return KERR_NOMEM;
		record_set_secret(to, tf, secret);
		return KERR_OK;
	case FIELD_INTS:
	case FIELD_TEXTS:
	case FIELD_RECORDS:
		return copy_list(to, tf, from, ff);
	case FIELD__COUNT:
		break;
	}
	abort();
}

enum kerr
record_copy_same(struct record *to, const struct record *from)
{
	for (unsigned ff = 0; ff < from->schema->count; ff++) {
		const struct field *field = &from->schema->fields[ff];
		enum kerr err;
		int tf;

		if (!record_has(from, ff))
			continue;
		tf = to->schema == from->schema ? (int)ff
						: schema_field(to->schema, field->name);
		if (tf < 0 || to->schema->fields[tf].type != field->type)
			continue;
		err = record_copy_field(to, (unsigned)tf, from, ff);
		if (err != KERR_OK)
			return err;
	}
	return KERR_OK;
}

int64_t
record_int(const struct record *r, unsigned f)
{
	must_be(r, f, RECORD_NUMBERS);
	return r->slots[f].number;
}

const char *
record_text(const struct record *r, unsigned f)
{
	const struct field *field;
	const char *text;

	must_be(r, f, RECORD_TYPE(FIELD_TEXT) | RECORD_TYPE(FIELD_ENUM));
	if (!record_has(r, f))
		return "";
	field = &r->schema->fields[f];
	if (field->type == FIELD_ENUM) {
		if (record_number_fits(field, r->slots[f].number) != KERR_OK)
			return "";
		return field->words[r->slots[f].number];
	}
	text = (const char *)r->slots[f].bytes.p;
	return text;
}

const uint8_t *
record_bytes(const struct record *r, unsigned f, size_t *ret_len)
{
	must_be(r, f, RECORD_TYPE(FIELD_TEXT) | RECORD_TYPE(FIELD_BYTES));
	*ret_len = r->slots[f].bytes.len;
	return r->slots[f].bytes.p;
}

const struct secret *
record_secret(const struct record *r, unsigned f)
{
	must_be(r, f, RECORD_TYPE(FIELD_SECRET));
	return r->slots[f].secret;
}

struct secret *
record_take_secret(struct record *r, unsigned f)
{
	struct secret *taken;

	must_be(r, f, RECORD_TYPE(FIELD_SECRET));
	taken = r->slots[f].secret;
	r->slots[f].secret = NULL;
	r->present &= ~bit(f);
	return taken;
}

size_t
record_count(const struct record *r, unsigned f)
{
	must_be(r, f, RECORD_LISTS);
	return r->slots[f].list.count;
}

int64_t
record_int_at(const struct record *r, unsigned f, size_t i)
{
	must_be(r, f, RECORD_TYPE(FIELD_INTS));
	return i < r->slots[f].list.count ? r->slots[f].list.at.ints[i] : 0;
}

const char *
record_text_at(const struct record *r, unsigned f, size_t i)
{
	must_be(r, f, RECORD_TYPE(FIELD_TEXTS));
	return i < r->slots[f].list.count ? r->slots[f].list.at.texts[i].text : "";
}

struct record *
record_at(const struct record *r, unsigned f, size_t i)
{
	must_be(r, f, RECORD_TYPE(FIELD_RECORDS));
	return i < r->slots[f].list.count ? r->slots[f].list.at.records[i] : NULL;
}

int
schema_field(const struct schema *s, const char *name)
{
	for (unsigned f = 0; f < s->count; f++) {
		if (strcmp(s->fields[f].name, name) == 0)
			return (int)f;
	}
	return -1;
}
