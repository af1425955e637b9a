#include "core/text.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

/* Control, format, surrogate, private, unassigned, and the two that break lines. */
#define HIDDEN_CATEGORIES                                                                \
	(1U << UTF8PROC_CATEGORY_CC | 1U << UTF8PROC_CATEGORY_CF |                       \
		1U << UTF8PROC_CATEGORY_CS | 1U << UTF8PROC_CATEGORY_CO |                \
		1U << UTF8PROC_CATEGORY_CN | 1U << UTF8PROC_CATEGORY_ZL |                \
		1U << UTF8PROC_CATEGORY_ZP)

size_t
text_next(const char *text, size_t len, uint32_t *ret_char, bool *ret_hidden)
{
	const utf8proc_property_t *prop;
	utf8proc_int32_t c;
	utf8proc_ssize_t n;

	if (len == 0)
		return 0;
	if ((unsigned char)text[0] < 0x80) {
		*ret_char = (unsigned char)text[0];
		*ret_hidden = *ret_char < 0x20 || *ret_char == 0x7f;
		return 1;
	}
	n = utf8proc_iterate(
		(const utf8proc_uint8_t *)text, len > 4 ? 4 : (utf8proc_ssize_t)len, &c);
	if (n <= 0)
		return 0;
	prop = utf8proc_get_property(c);
	*ret_char = (uint32_t)c;
	/* Default_Ignorable_Code_Point: variation selectors, fillers, joiners. */
	*ret_hidden = (HIDDEN_CATEGORIES >> prop->category & 1) != 0 || prop->ignorable;
	return (size_t)n;
}

bool
text_is_utf8(const char *text, size_t len)
{
	size_t at = 0;

	while (at < len) {
		utf8proc_ssize_t n;
		utf8proc_int32_t c;
		unsigned char byte = (unsigned char)text[at];

		if (byte < 0x80) {
			if (byte == 0)
				return false;
			at++;
			continue;
		}
		n = utf8proc_iterate((const utf8proc_uint8_t *)text + at,
			len - at > 4 ? 4 : (utf8proc_ssize_t)(len - at), &c);
		if (n <= 0)
			return false;
		at += (size_t)n;
	}
	return true;
}

bool
text_has_hidden(const char *text, size_t len)
{
	size_t at = 0;

	while (at < len) {
		uint32_t c;
		bool hidden;
		size_t n = text_next(text + at, len - at, &c, &hidden);

		if (n == 0 || hidden)
			return true;
		at += n;
	}
	return false;
}

void
text_scrub(struct buf *out, const char *text, size_t len)
{
	size_t at = 0, plain = 0;

	while (at < len) {
		uint32_t c = 0;
		bool hidden = false;
		size_t n = text_next(text + at, len - at, &c, &hidden);

		if (n > 0 && !hidden) {
			at += n;
			continue;
		}
		buf_put(out, text + plain, at - plain);
		if (n == 0)
			buf_printf(out, "\\x%02x", (unsigned char)text[at]);
		else
			buf_printf(out, "\\u{%x}", (unsigned)c);
		at += n > 0 ? n : 1;
		plain = at;
	}
	buf_put(out, text + plain, at - plain);
}

static bool
is_ascii(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)text[i] >= 0x80)
			return false;
	}
	return true;
}

static enum kerr
map_error(utf8proc_ssize_t n)
{
	return n == UTF8PROC_ERROR_NOMEM ? KERR_NOMEM : KERR_INVALID;
}

enum kerr
text_nfc(struct buf *out, const char *text, size_t len)
{
	utf8proc_uint8_t *mapped = NULL;
	utf8proc_ssize_t n;

	if (!text_is_utf8(text, len))
		return KERR_INVALID;
	if (is_ascii(text, len)) {
		buf_put(out, text, len);
		return buf_error(out);
	}
	n = utf8proc_map((const utf8proc_uint8_t *)text, (utf8proc_ssize_t)len, &mapped,
		UTF8PROC_STABLE | UTF8PROC_COMPOSE);
	if (n < 0)
		return map_error(n);
	buf_put(out, mapped, (size_t)n);
	free(mapped);
	return buf_error(out);
}

struct look_alike {
	uint16_t from;
	char to;
};

/* Letters of other scripts that look like a Latin one in a usual font, upper and lower
 * case each by its own looks, in the order of their numbers. Case folding comes after
 * it. */
static const struct look_alike look_alikes[] = {
	{0x0131, 'i'}, /* dotless i */
	{0x0251, 'a'}, /* Latin alpha */
	{0x0261, 'g'}, /* script g */
	{0x0391, 'a'}, {0x0392, 'b'}, {0x0395, 'e'}, {0x0396, 'z'}, {0x0397, 'h'},
	{0x0399, 'i'}, {0x039a, 'k'}, {0x039c, 'm'}, {0x039d, 'n'}, {0x039f, 'o'},
	{0x03a1, 'p'}, {0x03a4, 't'}, {0x03a5, 'y'}, {0x03a7, 'x'}, {0x03b1, 'a'},
	{0x03b2, 'b'}, {0x03b5, 'e'}, {0x03b6, 'z'}, {0x03b7, 'h'}, {0x03b9, 'i'},
	{0x03ba, 'k'}, {0x03bc, 'm'}, {0x03bd, 'v'}, {0x03bf, 'o'}, {0x03c1, 'p'},
	{0x03c4, 't'}, {0x03c5, 'u'}, {0x03c7, 'x'}, {0x03f2, 'c'}, {0x03f3, 'j'},
	{0x03f9, 'c'}, /* Greek ends */
	{0x0405, 's'}, {0x0406, 'i'}, {0x0408, 'j'}, {0x0410, 'a'}, {0x0412, 'b'},
	{0x0415, 'e'}, {0x041a, 'k'}, {0x041c, 'm'}, {0x041d, 'h'}, {0x041e, 'o'},
	{0x0420, 'p'}, {0x0421, 'c'}, {0x0422, 't'}, {0x0423, 'y'}, {0x0425, 'x'},
	{0x0430, 'a'}, {0x0432, 'b'}, {0x0435, 'e'}, {0x043a, 'k'}, {0x043c, 'm'},
	{0x043d, 'h'}, {0x043e, 'o'}, {0x0440, 'p'}, {0x0441, 'c'}, {0x0442, 't'},
	{0x0443, 'y'}, {0x0445, 'x'}, {0x0455, 's'}, {0x0456, 'i'}, {0x0458, 'j'},
	{0x04ae, 'y'}, {0x04af, 'y'}, {0x04ba, 'h'}, {0x04bb, 'h'}, {0x04c0, 'l'},
	{0x04cf, 'l'}, {0x0500, 'd'}, {0x0501, 'd'}, {0x050c, 'g'}, {0x051a, 'q'},
	{0x051b, 'q'}, {0x051c, 'w'}, {0x051d, 'w'}, /* Cyrillic ends */
};

static utf8proc_int32_t
unmask(utf8proc_int32_t c, void *data)
{
	size_t low = 0, high = sizeof(look_alikes) / sizeof(look_alikes[0]);

	(void)data;
	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (look_alikes[mid].from == c)
			return look_alikes[mid].to;
		if (look_alikes[mid].from < c)
			low = mid + 1;
		else
			high = mid;
	}
	return c;
}

static bool
is_blank(const char *text, size_t len, size_t *ret_len)
{
	utf8proc_int32_t c;
	utf8proc_ssize_t n = utf8proc_iterate(
		(const utf8proc_uint8_t *)text, (utf8proc_ssize_t)len, &c);
	utf8proc_category_t category;

	*ret_len = n > 0 ? (size_t)n : 1;
	if (n <= 0)
		return false;
	if (c >= 0x09 && c <= 0x0d)
		return true;
	category = utf8proc_category(c);
	return category == UTF8PROC_CATEGORY_ZS || category == UTF8PROC_CATEGORY_ZL ||
	       category == UTF8PROC_CATEGORY_ZP;
}

/* Runs of blanks as one, none at the ends. */
static void
put_words(struct buf *out, const char *text, size_t len)
{
	bool gap = false, begun = false;
	size_t at = 0;

	while (at < len) {
		size_t n;

		if (is_blank(text + at, len - at, &n)) {
			gap = begun;
		} else {
			if (gap)
				buf_put_u8(out, ' ');
			buf_put(out, text + at, n);
			gap = false;
			begun = true;
		}
		at += n;
	}
}

enum kerr
text_skeleton(struct buf *out, const char *text, size_t len)
{
	/* First apart, so that a Greek letter with an accent is found in the table;
	 * then together. */
	const utf8proc_option_t apart = UTF8PROC_STABLE | UTF8PROC_COMPAT |
					UTF8PROC_DECOMPOSE | UTF8PROC_STRIPMARK |
					UTF8PROC_IGNORE;
	const utf8proc_option_t fold = UTF8PROC_STABLE | UTF8PROC_COMPAT |
				       UTF8PROC_COMPOSE | UTF8PROC_STRIPMARK |
				       UTF8PROC_IGNORE | UTF8PROC_CASEFOLD;
	utf8proc_uint8_t *first = NULL, *second = NULL;
	utf8proc_ssize_t n;
	enum kerr err;

	if (!text_is_utf8(text, len))
		return KERR_INVALID;
	n = utf8proc_map(
		(const utf8proc_uint8_t *)text, (utf8proc_ssize_t)len, &first, apart);
	if (n >= 0)
		n = utf8proc_map_custom(first, n, &second, fold, unmask, NULL);
	if (n < 0) {
		err = map_error(n);
		goto out;
	}
	put_words(out, (const char *)second, (size_t)n);
	err = buf_error(out);
out:
	free(first);
	free(second);
	return err;
}

/* The next cluster's bytes and columns. A byte that is no UTF-8 is a cluster of one
 * column. */
static size_t
cluster(const char *text, size_t len, size_t *ret_columns)
{
	utf8proc_int32_t before = 0, c, state = 0;
	size_t at = 0, columns = 0;

	while (at < len) {
		utf8proc_ssize_t n = utf8proc_iterate((const utf8proc_uint8_t *)text + at,
			len - at > 4 ? 4 : (utf8proc_ssize_t)(len - at), &c);

		if (n <= 0) {
			if (at == 0)
				at = columns = 1;
			break;
		}
		if (at > 0 && utf8proc_grapheme_break_stateful(before, c, &state))
			break;
		columns += (size_t)utf8proc_charwidth(c);
		at += (size_t)n;
		before = c;
	}
	*ret_columns = columns;
	return at;
}

size_t
text_columns(const char *text, size_t len)
{
	size_t at = 0, sum = 0;

	while (at < len) {
		size_t columns;

		at += cluster(text + at, len - at, &columns);
		sum += columns;
	}
	return sum;
}

size_t
text_prefix(const char *text, size_t len, size_t columns)
{
	size_t at = 0, sum = 0;

	while (at < len) {
		size_t width;
		size_t n = cluster(text + at, len - at, &width);

		if (width > columns - sum)
			break;
		sum += width;
		at += n;
	}
	return at;
}

enum kerr
text_to_int(const char *text, size_t len, int64_t *ret)
{
	bool negative = len > 0 && text[0] == '-';
	size_t start = negative ? 1 : 0;
	uint64_t limit = (uint64_t)INT64_MAX + (negative ? 1 : 0), v = 0;

	if (len == start)
		return KERR_INVALID;
	for (size_t i = start; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return KERR_INVALID;
	}
	if (text[start] == '0' && (len > start + 1 || negative))
		return KERR_INVALID;
	for (size_t i = start; i < len; i++) {
		uint64_t digit = (uint64_t)(text[i] - '0');

		if (v > (limit - digit) / 10)
			return KERR_TOO_LARGE;
		v = v * 10 + digit;
	}
	/* Negated as unsigned: -INT64_MIN has no signed form. */
	*ret = (int64_t)(negative ? 0 - v : v);
	return KERR_OK;
}
