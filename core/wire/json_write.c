#include "core/wire/json_write.h"

#include <string.h>

#include <sodium.h>

#include "core/clock.h"
#include "core/text.h"

#define REPLACEMENT "\xEF\xBF\xBD"

static bool
is_plain(uint8_t c)
{
	return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

static void
put_escaped(struct buf *out, uint8_t c)
{
	static const char hex[] = "0123456789abcdef";
	char escape[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};

	switch (c) {
	case '"':
	case '\\':
		escape[1] = (char)c;
		break;
	case '\n':
		escape[1] = 'n';
		break;
	case '\t':
		escape[1] = 't';
		break;
	case '\r':
		escape[1] = 'r';
		break;
	default:
		buf_put(out, escape, 6);
		return;
	}
	buf_put(out, escape, 2);
}

/* A run of bytes from 0x80 on: whole when it is UTF-8, else character by character. */
static void
put_beyond_ascii(struct buf *out, const char *text, size_t len)
{
	if (text_is_utf8(text, len)) {
		buf_put(out, text, len);
		return;
	}
	while (len) {
		size_t n = 2;

		while (n <= 4 && n <= len && !text_is_utf8(text, n))
			n++;
		if (n <= 4 && n <= len) {
			buf_put(out, text, n);
		} else {
			buf_put_text(out, REPLACEMENT);
			n = 1;
		}
		text += n;
		len -= n;
	}
}

void
json_put_string(struct buf *out, const char *text, size_t len)
{
	size_t at = 0;

	buf_put_u8(out, '"');
	while (at < len) {
		size_t from = at;

		while (at < len && is_plain((uint8_t)text[at]))
			at++;
		if (at > from)
			buf_put(out, text + from, at - from);
		from = at;
		while (at < len && (uint8_t)text[at] >= 0x80)
			at++;
		if (at > from)
			put_beyond_ascii(out, text + from, at - from);
		else if (at < len)
			put_escaped(out, (uint8_t)text[at++]);
	}
	buf_put_u8(out, '"');
}

void
json_put_int(struct buf *out, int64_t v)
{
	char digits[20];
	size_t at = sizeof(digits);
	uint64_t left = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;

	do {
		digits[--at] = (char)('0' + left % 10);
		left /= 10;
	} while (left);
	if (v < 0)
		digits[--at] = '-';
	buf_put(out, digits + at, sizeof(digits) - at);
}

static void
put_name(struct buf *out, bool first, const char *name)
{
	if (!first)
		buf_put_u8(out, ',');
	buf_put_u8(out, '"');
	buf_put_text(out, name);
	buf_put(out, "\":", 2);
}

void
json_put_member(struct buf *out, bool first, const char *name, const char *text)
{
	put_name(out, first, name);
	json_put_string(out, text, strlen(text));
}

static void
put_base64(struct buf *out, const uint8_t *bytes, size_t len)
{
	const int variant = sodium_base64_VARIANT_URLSAFE_NO_PADDING;
	size_t size = sodium_base64_ENCODED_LEN(len, variant);
	uint8_t *room;

	buf_put_u8(out, '"');
	room = buf_reserve(out, size); /* with the NUL that libsodium writes */
	if (!room)
		return;
	sodium_bin2base64((char *)room, size, bytes, len, variant);
	buf_added(out, size - 1);
	buf_put_u8(out, '"');
}

static void
put_time(struct buf *out, int64_t v, bool date)
{
	char text[CLOCK_TEXT_SIZE];

	if (date)
		clock_date_text(v, text);
	else
		clock_text(v, text);
	json_put_string(out, text, strlen(text));
}

static void
put_list(struct buf *out, const struct record *r, unsigned f, unsigned flags)
{
	enum field_type type = record_schema(r)->fields[f].type;
	size_t count = record_count(r, f);

	buf_put_u8(out, '[');
	for (size_t i = 0; i < count; i++) {
		if (i)
			buf_put_u8(out, ',');
		if (type == FIELD_INTS) {
			json_put_int(out, record_int_at(r, f, i));
		} else if (type == FIELD_TEXTS) {
			const char *text = record_text_at(r, f, i);

			json_put_string(out, text, strlen(text));
		} else {
			json_record_write(out, record_at(r, f, i), flags);
		}
	}
	buf_put_u8(out, ']');
}

static void
put_secret(struct buf *out, const struct secret *s)
{
	const char *text = (const char *)secret_reveal(s);

	json_put_string(out, text, secret_len(s));
}

static void
put_value(struct buf *out, const struct record *r, unsigned f, unsigned flags)
{
	const char *text;
	const uint8_t *bytes;
	size_t len;

	switch (record_schema(r)->fields[f].type) {
	case FIELD_BOOL:
		buf_put_text(out, record_int(r, f) ? "true" : "false");
		break;
	case FIELD_INT:
		json_put_int(out, record_int(r, f));
		break;
	case FIELD_TIME:
		put_time(out, record_int(r, f), false);
		break;
	case FIELD_DATE:
		put_time(out, record_int(r, f), true);
		break;
	case FIELD_ENUM:
		text = record_text(r, f);
		json_put_string(out, text, strlen(text));
		break;
	case FIELD_TEXT:
		bytes = record_bytes(r, f, &len);
		json_put_string(out, (const char *)bytes, len);
		break;
	case FIELD_BYTES:
		bytes = record_bytes(r, f, &len);
		put_base64(out, bytes, len);
		break;
	case FIELD_SECRET:
		put_secret(out, record_secret(r, f));
		break;
	case FIELD_INTS:
	case FIELD_TEXTS:
	case FIELD_RECORDS:
		put_list(out, r, f, flags);
		break;
	case FIELD__COUNT:
		break;
	}
}

void
json_record_write(struct buf *out, const struct record *r, unsigned flags)
{
	const struct schema *s = record_schema(r);
	bool first = true;

	buf_put_u8(out, '{');
	for (unsigned f = 0; f < s->count; f++) {
		if (!record_has(r, f))
			continue;
		if (s->fields[f].type == FIELD_SECRET && !(flags & JSON_WITH_SECRETS))
			continue;
		put_name(out, first, s->fields[f].name);
		put_value(out, r, f, flags);
		first = false;
	}
	buf_put_u8(out, '}');
}

void
json_list_begin(struct buf *out)
{
	buf_put_text(out, "{\"items\":[");
}

void
json_list_item(struct buf *out, const struct record *r, unsigned flags)
{
	if (out->len && out->data[out->len - 1] != '[')
		buf_put_u8(out, ',');
	json_record_write(out, r, flags);
}

void
json_list_end(struct buf *out, int64_t total, const char *after)
{
	buf_put_u8(out, ']');
	put_name(out, false, "total");
	if (total < 0)
		buf_put_text(out, "null");
	else
		json_put_int(out, total);
	put_name(out, false, "after");
	if (after)
		json_put_string(out, after, strlen(after));
	else
		buf_put_text(out, "null");
	buf_put_u8(out, '}');
}

void
json_problem_write(struct buf *out, unsigned status, const struct fault *fault)
{
	buf_put_u8(out, '{');
	put_name(out, true, "type");
	buf_put_text(out, "\"" JSON_PROBLEM_TYPE);
	buf_put_text(out, kerr_name(fault->err));
	buf_put_u8(out, '"');
	json_put_member(out, false, "title", kerr_text(fault->err));
	put_name(out, false, "status");
	json_put_int(out, status);
	if (fault->text[0])
		json_put_member(out, false, "detail", fault->text);
	if (fault->field[0])
		json_put_member(out, false, "field", fault->field);
	buf_put_u8(out, '}');
}
