#include "core/record_slots.h"

#include <string.h>

/* Up to this size the bytes of a frame's record are copied into the record's own
 * allocation. */
#define SPARE_MAX 1024

static enum kerr decode(const struct schema *s, struct arena *a, struct cursor *c,
	unsigned depth, struct record **ret);

static size_t encoded_list_size(const struct record_list *list, enum field_type type);

static size_t
encoded_size(const struct record *r)
{
	size_t size = 0;

	for (unsigned f = 0; f < r->schema->count; f++) {
		const union record_slot *slot = &r->slots[f];
		enum field_type type = r->schema->fields[f].type;

		if (!record_has(r, f))
			continue;
		if (type == FIELD_BOOL)
			size += 2;
		else if (RECORD_TYPE(type) & RECORD_NUMBERS)
			size += 9;
		else if (RECORD_TYPE(type) & RECORD_LISTS)
			size += 5 + encoded_list_size(&slot->list, type);
		else if (type == FIELD_SECRET)
			size += 5 + secret_len(slot->secret);
		else
			size += 5 + slot->bytes.len;
	}
	return size;
}

static size_t
encoded_list_size(const struct record_list *list, enum field_type type)
{
	size_t size = 0;

	if (type == FIELD_INTS)
		return list->count * sizeof(int64_t);
	for (uint32_t i = 0; i < list->count; i++) {
		if (type == FIELD_TEXTS)
			size += 4 + list->at.texts[i].len;
		else
			size += 4 + encoded_size(list->at.records[i]);
	}
	return size;
}

static uint8_t *
put_u32(uint8_t *p, uint32_t v)
{
	for (unsigned i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> (8 * i));
	return p + 4;
}

static uint8_t *
put_i64(uint8_t *p, int64_t v)
{
	for (unsigned i = 0; i < 8; i++)
		p[i] = (uint8_t)((uint64_t)v >> (8 * i));
	return p + 8;
}

static uint8_t *
put_sized(uint8_t *p, const void *bytes, size_t len)
{
	p = put_u32(p, (uint32_t)len);
	if (len)
		memcpy(p, bytes, len);
	return p + len;
}

static uint8_t *put_record(uint8_t *p, const struct record *r);

static uint8_t *
put_list(uint8_t *p, const struct record_list *list, enum field_type type)
{
	p = put_u32(p, list->count);
	for (uint32_t i = 0; i < list->count; i++) {
		if (type == FIELD_INTS) {
			p = put_i64(p, list->at.ints[i]);
		} else if (type == FIELD_TEXTS) {
			p = put_sized(p, list->at.texts[i].text, list->at.texts[i].len);
		} else {
			uint8_t *end = put_record(p + 4, list->at.records[i]);

			put_u32(p, (uint32_t)(end - p - 4));
			p = end;
		}
	}
	return p;
}

static uint8_t *
put_record(uint8_t *p, const struct record *r)
{
	for (unsigned f = 0; f < r->schema->count; f++) {
		const union record_slot *slot = &r->slots[f];
		enum field_type type = r->schema->fields[f].type;

		if (!record_has(r, f))
			continue;
		*p++ = (uint8_t)f;
		if (type == FIELD_BOOL)
			*p++ = slot->number != 0;
		else if (RECORD_TYPE(type) & RECORD_NUMBERS)
			p = put_i64(p, slot->number);
		else if (RECORD_TYPE(type) & RECORD_LISTS)
			p = put_list(p, &slot->list, type);
		else if (type == FIELD_SECRET)
			p = put_sized(
				p, secret_reveal(slot->secret), secret_len(slot->secret));
		else
			p = put_sized(p, slot->bytes.p, slot->bytes.len);
	}
	return p;
}

void
record_encode(const struct record *r, struct buf *out)
{
	size_t size = encoded_size(r);
	uint8_t *p;

	/* Lengths are u32 in a frame, so a larger one is made to fail like any that is
	 * over the buffer's ceiling. */
	p = buf_reserve(out, size <= UINT32_MAX ? size : SIZE_MAX);
	if (!p)
		return;
	put_record(p, r);
	buf_added(out, size);
}

static enum kerr
decode_number(struct record *r, unsigned f, struct cursor *c)
{
	const struct field *field = &r->schema->fields[f];
	int64_t v;

	v = field->type == FIELD_BOOL ? cursor_u8(c) : (int64_t)cursor_u64(c);
	if (c->failed)
		return KERR_PROTOCOL;
	if (record_number_fits(field, v) != KERR_OK)
		return field->type == FIELD_BOOL ? KERR_PROTOCOL : KERR_INVALID;
	r->slots[f].number = v;
	return KERR_OK;
}

static enum kerr
decode_bytes(struct record *r, unsigned f, struct cursor *c)
{
	const struct field *field = &r->schema->fields[f];
	uint32_t len = cursor_u32(c);
	const uint8_t *bytes = cursor_bytes(c, len);
	union record_slot *slot = &r->slots[f];

	if (!bytes || c->failed)
		return KERR_PROTOCOL;
	if (record_length_fits(field, len) != KERR_OK)
		return KERR_INVALID;
	if (field->type == FIELD_SECRET) {
		slot->secret = secret_new(bytes, len);
		return slot->secret ? KERR_OK : KERR_NOMEM;
	}
	if (field->type == FIELD_TEXT && memchr(bytes, 0, len))
		return KERR_INVALID;
	slot->bytes.p = record_keep(r, bytes, len);
	slot->bytes.len = len;
	return slot->bytes.p ? KERR_OK : KERR_NOMEM;
}

static enum kerr
decode_text_element(struct record *r, unsigned f, struct cursor *c)
{
	uint32_t len = cursor_u32(c);
	const uint8_t *bytes = cursor_bytes(c, len);

	if (!bytes || c->failed)
		return KERR_PROTOCOL;
	if (len > FIELD_TEXTS_ITEM_MAX || memchr(bytes, 0, len))
		return KERR_INVALID;
	return record_add_text(r, f, (const char *)bytes, len);
}

static enum kerr
decode_record_element(struct record *r, unsigned f, struct cursor *c, unsigned depth)
{
	uint32_t len = cursor_u32(c);
	const uint8_t *bytes = cursor_bytes(c, len);
	struct record_list *list = &r->slots[f].list;
	struct record *sub = NULL;
	struct cursor inner;
	enum kerr err;

	if (!bytes || c->failed || depth >= RECORD_DEPTH_MAX)
		return KERR_PROTOCOL;
	cursor_init(&inner, bytes, len);
	err = decode(r->schema->fields[f].sub, r->arena, &inner, depth + 1, &sub);
	if (err == KERR_OK)
		list->at.records[list->count++] = sub;
	return err;
}

static enum kerr
decode_list(struct record *r, unsigned f, struct cursor *c, unsigned depth)
{
	enum field_type type = r->schema->fields[f].type;
	uint32_t count = cursor_u32(c);
	size_t least = type == FIELD_INTS ? sizeof(int64_t) : sizeof(uint32_t);
	enum kerr err;

	/* Before any memory is taken for them: can so many be in what is left? */
	if (c->failed || count > c->left / least)
		return KERR_PROTOCOL;
	if (record_length_fits(&r->schema->fields[f], count) != KERR_OK)
		return KERR_INVALID;
	err = record_list_room(r, f, count);
	for (uint32_t i = 0; i < count && err == KERR_OK; i++) {
		if (type == FIELD_INTS)
			err = record_add_int(r, f, (int64_t)cursor_u64(c));
		else if (type == FIELD_TEXTS)
			err = decode_text_element(r, f, c);
		else
			err = decode_record_element(r, f, c, depth);
	}
	return err;
}

static enum kerr
decode_field(struct record *r, unsigned f, struct cursor *c, unsigned depth)
{
	unsigned type = RECORD_TYPE(r->schema->fields[f].type);
	enum kerr err;

	if (type & RECORD_NUMBERS)
		err = decode_number(r, f, c);
	else if (type & RECORD_LISTS)
		err = decode_list(r, f, c, depth);
	else
		err = decode_bytes(r, f, c);
	if (err == KERR_OK)
		r->present |= UINT64_C(1) << f;
	return err;
}

static enum kerr
decode(const struct schema *s, struct arena *a, struct cursor *c, unsigned depth,
	struct record **ret)
{
	/* Every text has a length of four bytes before it, so its bytes and NUL fit into
	 * what the encoding takes. */
	struct record *r = record_new_spare(a, s, c->left <= SPARE_MAX ? c->left : 0);
	enum kerr err = KERR_OK;
	unsigned least = 0;

	if (!r)
		return KERR_NOMEM;
	while (c->left && err == KERR_OK) {
		unsigned f = cursor_u8(c);

		if (f < least || f >= s->count)
			err = KERR_PROTOCOL;
		else
			err = decode_field(r, f, c, depth);
		least = f + 1;
	}
	if (err != KERR_OK) {
		record_drop_secrets(r);
		return err;
	}
	*ret = r;
	return KERR_OK;
}

enum kerr
record_decode(const struct schema *s, struct arena *a, const void *bytes, size_t len,
	struct record **ret)
{
	struct cursor c;

	cursor_init(&c, bytes, len);
	return decode(s, a, &c, 1, ret);
}
