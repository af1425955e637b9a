#include "keyd/front/flat.h"

#include <string.h>

#include <sodium.h>

void
flat_start(struct flat *f)
{
	f->len = 0;
	f->failed = false;
}

void
flat_clear(struct flat *f)
{
	sodium_memzero(f->bytes, f->len);
	f->len = 0;
}

void
flat_put(struct flat *f, unsigned field, const void *bytes, size_t len)
{
	uint8_t *p = f->bytes + f->len;

	if (f->failed || len > sizeof(f->bytes) - f->len ||
		sizeof(f->bytes) - f->len - len < 5) {
		f->failed = true;
		return;
	}
	*p++ = (uint8_t)field;
	for (unsigned i = 0; i < 4; i++)
		*p++ = (uint8_t)(len >> (8 * i));
	if (len)
		memcpy(p, bytes, len);
	f->len += 5 + len;
}

void
flat_put_secret(struct flat *f, unsigned field, const struct secret *s)
{
	flat_put(f, field, secret_reveal(s), secret_len(s));
}

static enum kerr
read_value(enum field_type type, struct cursor *c, struct flat_value *v)
{
	switch (type) {
	case FIELD_BOOL:
		v->number = cursor_u8(c);
		break;
	case FIELD_INT:
	case FIELD_TIME:
	case FIELD_DATE:
	case FIELD_ENUM:
		v->number = (int64_t)cursor_u64(c);
		break;
	case FIELD_TEXT:
	case FIELD_BYTES:
		v->len = cursor_u32(c);
		v->bytes = cursor_bytes(c, v->len);
		break;
	case FIELD_INTS:
		v->len = cursor_u32(c);
		v->bytes = cursor_bytes(c, v->len * sizeof(int64_t));
		break;
	case FIELD_SECRET:
	case FIELD_TEXTS:
	case FIELD_RECORDS:
	case FIELD__COUNT:
		return KERR_PROTOCOL;
	}
	v->has = true;
	return c->failed ? KERR_PROTOCOL : KERR_OK;
}

enum kerr
flat_read(const struct schema *s, const void *bytes, size_t len, struct flat_value *ret)
{
	unsigned least = 0;
	struct cursor c;

	memset(ret, 0, s->count * sizeof(*ret));
	cursor_init(&c, bytes, len);
	while (c.left) {
		unsigned f = cursor_u8(&c);

		if (f < least || f >= s->count ||
			read_value(s->fields[f].type, &c, &ret[f]) != KERR_OK)
			return KERR_PROTOCOL;
		least = f + 1;
	}
	return KERR_OK;
}

int64_t
flat_int_at(const struct flat_value *v, size_t i)
{
	uint64_t number = 0;

	for (unsigned b = 0; b < 8; b++)
		number |= (uint64_t)v->bytes[8 * i + b] << (8 * b);
	return (int64_t)number;
}
