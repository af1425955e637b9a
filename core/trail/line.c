#include "core/trail/line.h"

#include <inttypes.h>
#include <sodium.h>
#include <string.h>

#include "core/text.h"

#define DEPLOYMENT_LEN 32
#define RANDOM_LEN     8

static void
put_escaped(struct buf *out, const char *value, size_t len, const char *also)
{
	size_t at = 0, plain = 0;

	while (at < len) {
		bool hidden = true;
		uint32_t c = 0;
		size_t n = text_next(value + at, len - at, &c, &hidden);

		if (n > 0 && !hidden && c != '%' && (c > 0x7f || !strchr(also, (int)c))) {
			at += n;
			continue;
		}
		buf_put(out, value + plain, at - plain);
		for (n = at + (n > 0 ? n : 1); at < n; at++)
			buf_printf(out, "%%%02X", (unsigned char)value[at]);
		plain = at;
	}
	buf_put(out, value + plain, at - plain);
}

void
trail_put(struct buf *line, const char *name, const char *value, size_t len)
{
	if (line->len > 0)
		buf_put_u8(line, '\t');
	buf_put_text(line, name);
	buf_put_u8(line, '=');
	put_escaped(line, value, len, "\t");
}

void
trail_put_number(struct buf *line, const char *name, uint64_t value)
{
	buf_printf(line, "%s%s=%" PRIu64, line->len > 0 ? "\t" : "", name, value);
}

enum kerr
trail_next(struct trail_text *rest, struct trail_text *ret_name,
	struct trail_text *ret_value)
{
	const char *end, *mark;
	size_t len;

	if (rest->len == 0)
		return KERR_NOTFOUND;
	end = memchr(rest->p, '\t', rest->len);
	len = end != NULL ? (size_t)(end - rest->p) : rest->len;
	mark = memchr(rest->p, '=', len);
	if (mark == NULL || mark == rest->p || (end != NULL && len + 1 == rest->len))
		return KERR_INVALID;
	*ret_name = (struct trail_text){rest->p, (size_t)(mark - rest->p)};
	*ret_value = (struct trail_text){mark + 1, len - ret_name->len - 1};
	if (end != NULL)
		len++;
	rest->p += len;
	rest->len -= len;
	return KERR_OK;
}

bool
trail_find(struct trail_text line, const char *name, struct trail_text *ret)
{
	size_t wanted = strlen(name);
	struct trail_text field, value;

	while (trail_next(&line, &field, &value) == KERR_OK) {
		if (field.len == wanted && memcmp(field.p, name, wanted) == 0) {
			*ret = value;
			return true;
		}
	}
	return false;
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

enum kerr
trail_unescape(struct buf *out, struct trail_text value)
{
	size_t plain = 0;

	for (size_t at = 0; at < value.len; at++) {
		int high, low;

		if ((unsigned char)value.p[at] < 0x20)
			return KERR_INVALID;
		if (value.p[at] != '%')
			continue;
		if (value.len - at < 3)
			return KERR_INVALID;
		high = hex_digit(value.p[at + 1]);
		low = hex_digit(value.p[at + 2]);
		if (high < 0 || low < 0 || (high == 0 && low == 0))
			return KERR_INVALID;
		buf_put(out, value.p + plain, at - plain);
		buf_put_u8(out, (uint8_t)(high << 4 | low));
		at += 2;
		plain = at + 1;
	}
	buf_put(out, value.p + plain, value.len - plain);
	return buf_error(out);
}

enum kerr
trail_number(struct trail_text value, uint64_t *ret)
{
	int64_t number = 0;

	if (text_to_int(value.p, value.len, &number) != KERR_OK || number < 1)
		return KERR_INVALID;
	*ret = (uint64_t)number;
	return KERR_OK;
}

bool
trail_value(struct trail_text values, const char *column, struct trail_text *ret)
{
	size_t wanted = strlen(column);

	while (values.len > 0) {
		const char *end = memmem(values.p, values.len, "; ", 2);
		size_t len = end != NULL ? (size_t)(end - values.p) : values.len;

		if (len > wanted && values.p[wanted] == '=' &&
			memcmp(values.p, column, wanted) == 0) {
			*ret = (struct trail_text){
				values.p + wanted + 1, len - wanted - 1};
			return true;
		}
		if (end != NULL)
			len += 2;
		values.p += len;
		values.len -= len;
	}
	return false;
}

void
trail_put_value(struct buf *values, const char *column, const char *text, size_t len)
{
	if (values->len > 0)
		buf_put_text(values, "; ");
	buf_put_text(values, column);
	buf_put_u8(values, '=');
	put_escaped(values, text, len, ";");
}

void
trail_begin(const char *segment, uint8_t ret[TRAIL_HASH_LEN])
{
	static const char what[] = "keyd audit segment";
	crypto_generichash_state state;

	crypto_generichash_init(&state, NULL, 0, TRAIL_HASH_LEN);
	crypto_generichash_update(&state, (const uint8_t *)what, sizeof(what) - 1);
	crypto_generichash_update(&state, (const uint8_t *)segment, strlen(segment));
	crypto_generichash_final(&state, ret, TRAIL_HASH_LEN);
}

void
trail_hash(const uint8_t former[TRAIL_HASH_LEN], struct trail_text line, uint8_t *ret)
{
	crypto_generichash_state state;

	crypto_generichash_init(&state, NULL, 0, TRAIL_HASH_LEN);
	crypto_generichash_update(&state, former, TRAIL_HASH_LEN);
	crypto_generichash_update(&state, (const uint8_t *)line.p, line.len);
	crypto_generichash_final(&state, ret, TRAIL_HASH_LEN);
}

void
trail_hex(const uint8_t hash[TRAIL_HASH_LEN], char out[TRAIL_HEX_SIZE])
{
	sodium_bin2hex(out, TRAIL_HEX_SIZE, hash, TRAIL_HASH_LEN);
}

enum kerr
trail_unhex(struct trail_text text, uint8_t ret[TRAIL_HASH_LEN])
{
	uint8_t hash[TRAIL_HASH_LEN];
	char back[TRAIL_HEX_SIZE];

	if (text.len != TRAIL_HEX_SIZE - 1 || sodium_hex2bin(hash, sizeof(hash), text.p,
						      text.len, NULL, NULL, NULL) != 0)
		return KERR_INVALID;
	/* one form only, so that no bit of it can be another */
	trail_hex(hash, back);
	if (memcmp(back, text.p, text.len) != 0)
		return KERR_INVALID;
	memcpy(ret, hash, sizeof(hash));
	return KERR_OK;
}

void
trail_put_hash(struct buf *line, const uint8_t hash[TRAIL_HASH_LEN])
{
	char hex[TRAIL_HEX_SIZE];

	trail_hex(hash, hex);
	buf_put_text(line, "\thash=");
	buf_put_text(line, hex);
}

enum kerr
trail_cut_hash(struct trail_text *line, uint8_t ret[TRAIL_HASH_LEN])
{
	static const char mark[] = "\thash=";
	const char *at;

	if (line->len <= TRAIL_HASH_TEXT)
		return KERR_INVALID;
	at = line->p + line->len - TRAIL_HASH_TEXT;
	if (memcmp(at, mark, sizeof(mark) - 1) != 0)
		return KERR_INVALID;
	if (trail_unhex((struct trail_text){at + sizeof(mark) - 1, TRAIL_HEX_SIZE - 1},
		    ret) != KERR_OK)
		return KERR_INVALID;
	line->len -= TRAIL_HASH_TEXT;
	return KERR_OK;
}

static bool
is_hex(const char *p, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (!((p[i] >= '0' && p[i] <= '9') || (p[i] >= 'a' && p[i] <= 'f')))
			return false;
	}
	return true;
}

enum kerr
trail_segment_first(struct trail_text name, uint64_t *ret)
{
	struct trail_text number;

	if (name.len < DEPLOYMENT_LEN + 1 + 1 + 1 + RANDOM_LEN ||
		name.len >= TRAIL_SEGMENT_SIZE)
		return KERR_INVALID;
	number.p = name.p + DEPLOYMENT_LEN + 1;
	number.len = name.len - DEPLOYMENT_LEN - RANDOM_LEN - 2;
	if (!is_hex(name.p, DEPLOYMENT_LEN) || name.p[DEPLOYMENT_LEN] != '.' ||
		number.p[number.len] != '.' ||
		!is_hex(number.p + number.len + 1, RANDOM_LEN))
		return KERR_INVALID;
	return trail_number(number, ret);
}
