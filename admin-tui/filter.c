#include "admin-tui/filter.h"

#include <stdio.h>
#include <string.h>

#define NAME_MAX_LEN 64

static bool
is_filter(const struct field *f)
{
	return (f->flags & FIELD_FILTER) != 0;
}

/* RFC 3986 section 2.1: what is not unreserved is escaped. */
static void
put_encoded(struct buf *out, const char *text, size_t len)
{
	static const char unreserved[] = "-._~*";

	for (size_t i = 0; i < len; i++) {
		char c = text[i];
		bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			     (c >= '0' && c <= '9') ||
			     (c != '\0' && strchr(unreserved, c) != NULL);

		if (plain)
			buf_put_u8(out, (uint8_t)c);
		else
			buf_printf(out, "%%%02X", (unsigned char)c);
	}
}

void
filter_encode(struct buf *out, const char *text)
{
	put_encoded(out, text, strlen(text));
}

static const struct field *
first_filter(const struct schema *s)
{
	for (unsigned i = 0; i < s->count; i++) {
		if (is_filter(&s->fields[i]))
			return &s->fields[i];
	}
	return NULL;
}

static enum kerr
refuse(const struct schema *s, const char *name, size_t len, struct fault *fault)
{
	struct buf names;

	buf_init(&names, 512);
	for (unsigned i = 0; i < s->count; i++) {
		if (is_filter(&s->fields[i]))
			buf_printf(&names, "%s%s", names.len > 0 ? ", " : "",
				s->fields[i].name);
	}
	fault_set(fault, KERR_INVALID, "", "no filter \"%.*s\": there are %s", (int)len,
		name, buf_text(&names));
	buf_clear(&names);
	return KERR_INVALID;
}

static const struct field *
find_filter(const struct schema *s, const char *name, size_t len)
{
	for (unsigned i = 0; i < s->count; i++) {
		if (is_filter(&s->fields[i]) && strlen(s->fields[i].name) == len &&
			memcmp(s->fields[i].name, name, len) == 0)
			return &s->fields[i];
	}
	return NULL;
}

/* How far a word goes: to the next blank that is not within quotes. */
static size_t
word_len(const char *text)
{
	bool quoted = false;
	size_t n = 0;

	for (; text[n] != '\0' && (quoted || text[n] != ' '); n++) {
		if (text[n] == '"')
			quoted = !quoted;
	}
	return n;
}

static void
put_value(struct buf *out, const char *value, size_t len)
{
	if (len >= 2 && value[0] == '"' && value[len - 1] == '"') {
		value++;
		len -= 2;
	}
	put_encoded(out, value, len);
}

static enum kerr
put_word(const struct schema *s, const char *word, size_t len, struct buf *ret,
	struct fault *fault)
{
	const char *equals = memchr(word, '=', len);
	size_t name = equals != NULL ? (size_t)(equals - word) : 0;
	const struct field *f =
		equals != NULL ? find_filter(s, word, name) : first_filter(s);

	if (f == NULL)
		return refuse(s, word, name, fault);
	if (ret->len > 0)
		buf_put_u8(ret, '&');
	buf_printf(ret, "%s=", f->name);
	/* A name is seldom known whole. */
	if (equals == NULL && f->max > 0 && strcmp(f->name, "name") == 0) {
		buf_put_u8(ret, '*');
		put_value(ret, word, len);
		buf_put_u8(ret, '*');
	} else if (equals == NULL) {
		put_value(ret, word, len);
	} else {
		put_value(ret, equals + 1, len - name - 1);
	}
	return KERR_OK;
}

enum kerr
filter_query(
	const struct schema *s, const char *text, struct buf *ret, struct fault *fault)
{
	enum kerr err = KERR_OK;

	text += strspn(text, " ");
	while (err == KERR_OK && *text != '\0') {
		size_t len = word_len(text);

		err = put_word(s, text, len, ret, fault);
		text += len;
		text += strspn(text, " ");
	}
	if (err == KERR_OK && buf_error(ret) != KERR_OK)
		err = fault_set(fault, KERR_TOO_LARGE, "", "that is too long a filter");
	return err;
}

static void
put_candidate(struct buf *ret, const char *text, size_t keep, const char *word,
	const char *behind)
{
	buf_put(ret, text, keep);
	buf_put_text(ret, word);
	buf_put(ret, behind, strlen(behind) + 1);
}

void
filter_complete(const struct schema *s, const char *text, struct buf *ret)
{
	const char *blank = strrchr(text, ' ');
	const char *word = blank != NULL ? blank + 1 : text;
	const char *equals = strchr(word, '=');
	size_t keep = (size_t)(word - text), len = strlen(word);

	for (unsigned i = 0; i < s->count; i++) {
		const struct field *f = &s->fields[i];
		size_t name = strlen(f->name);

		if (!is_filter(f))
			continue;
		if (equals == NULL && strncmp(f->name, word, len) == 0)
			put_candidate(ret, text, keep, f->name, "=");
		if (equals == NULL || f->words == NULL ||
			(size_t)(equals - word) != name ||
			memcmp(f->name, word, name) != 0)
			continue;
		for (size_t w = 0; f->words[w] != NULL; w++) {
			if (strncmp(f->words[w], equals + 1, strlen(equals + 1)) == 0)
				put_candidate(
					ret, text, keep + name + 1, f->words[w], "");
		}
	}
}
