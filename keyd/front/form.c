#include "keyd/front/form.h"

#include <stdbool.h>
#include <string.h>

#include "core/text.h"

static int
hex_value(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

/* Is one of the eight bytes 0? */
static uint64_t
zero_in(uint64_t v)
{
	return (v - EACH(1)) & ~v & EACH(0x80);
}

/* How many bytes from the start stay as they are: ASCII without '%', '+' and NUL. A
 * token is nothing else, so eight are looked at in one go. */
static size_t
plain_run(const uint8_t *p, size_t len)
{
	size_t n = 0;

	for (; n + sizeof(uint64_t) <= len; n += sizeof(uint64_t)) {
		uint64_t v;

		memcpy(&v, p + n, sizeof(v));
		if ((v & EACH(0x80)) | zero_in(v) | zero_in(v ^ EACH('%')) |
			zero_in(v ^ EACH('+')))
			break;
	}
	return n;
}

/* In place: what is decoded is never longer. */
static enum kerr
decode(uint8_t *p, size_t *len, bool plus_is_blank)
{
	bool ascii = true;
	size_t out = plain_run(p, *len);

	for (size_t i = out; i < *len; i++) {
		uint8_t c = p[i];

		if (c == '+' && plus_is_blank) {
			c = ' ';
		} else if (c == '%') {
			int high = i + 2 < *len ? hex_value(p[i + 1]) : -1;
			int low = i + 2 < *len ? hex_value(p[i + 2]) : -1;

			if (high < 0 || low < 0)
				return KERR_INVALID;
			c = (uint8_t)(high << 4 | low);
			i += 2;
		}
		if (!c)
			return KERR_INVALID;
		ascii &= c < 0x80;
		p[out++] = c;
	}
	*len = out;
	return ascii || text_is_utf8((const char *)p, out) ? KERR_OK : KERR_INVALID;
}

enum kerr
form_decode_segment(uint8_t *bytes, size_t *len)
{
	return decode(bytes, len, false);
}

static const struct form_pair *
find(const struct form *f, const char *name, size_t len)
{
	for (unsigned i = 0; i < f->count; i++) {
		const struct form_pair *pair = &f->pairs[i];

		if (pair->name_len == len && memcmp(pair->name, name, len) == 0)
			return pair;
	}
	return NULL;
}

const struct form_pair *
form_find(const struct form *f, const char *name)
{
	return find(f, name, strlen(name));
}

static enum kerr
read_pair(struct form *f, uint8_t *p, size_t len, struct fault *fault)
{
	uint8_t *equals = memchr(p, '=', len);
	size_t name_len = equals ? (size_t)(equals - p) : len;
	size_t value_len = equals ? len - name_len - 1 : 0;
	uint8_t *value = equals ? equals + 1 : p + len;

	if (decode(p, &name_len, true) != KERR_OK ||
		decode(value, &value_len, true) != KERR_OK)
		return fault_set(fault, KERR_INVALID, "",
			"a parameter is not percent-encoded UTF-8");
	if (!name_len)
		return fault_set(fault, KERR_INVALID, "", "a parameter has no name");
	if (find(f, (const char *)p, name_len))
		return fault_set(fault, KERR_INVALID, "", "a parameter is given twice");
	if (f->count == FORM_PAIRS)
		return fault_set(
			fault, KERR_INVALID, "", "there are too many parameters");
	f->pairs[f->count++] = (struct form_pair){
		.name = (const char *)p,
		.name_len = name_len,
		.value = (const char *)value,
		.value_len = value_len,
	};
	return KERR_OK;
}

enum kerr
form_read(struct form *ret, uint8_t *bytes, size_t len, struct fault *fault)
{
	ret->count = 0;
	for (size_t at = 0; at < len;) {
		uint8_t *end = memchr(bytes + at, '&', len - at);
		size_t n = end ? (size_t)(end - bytes) - at : len - at;
		enum kerr err = KERR_OK;

		if (n)
			err = read_pair(ret, bytes + at, n, fault);
		if (err != KERR_OK)
			return err;
		at += n + 1;
	}
	return KERR_OK;
}
