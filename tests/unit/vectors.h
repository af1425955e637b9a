#ifndef KEYD_TESTS_UNIT_VECTORS_H
#define KEYD_TESTS_UNIT_VECTORS_H

#include <check.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

/* Vectors of tests/data: `name value` a line, `#` begins a comment. */

struct vector {
	char text[4096];
	unsigned char bytes[2048]; /* of a value in hexadecimal */
	size_t len;
};

/* The value as it stands, without its line's end. */
static inline const char *
vector_text(const char *file, const char *name, struct vector *v)
{
	size_t name_len = strlen(name);
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/tests/data/%s", KEYD_SOURCE, file);
	f = fopen(path, "r");
	ck_assert_msg(f != NULL, "%s cannot be read", path);
	while (fgets(v->text, sizeof(v->text), f) != NULL) {
		if (strncmp(v->text, name, name_len) != 0 || v->text[name_len] != ' ')
			continue;
		fclose(f);
		v->text[strcspn(v->text, "\n")] = '\0';
		memmove(v->text, v->text + name_len + 1,
			strlen(v->text + name_len + 1) + 1);
		return v->text;
	}
	fclose(f);
	ck_abort_msg("%s has no %s", path, name);
	return NULL;
}

static inline const unsigned char *
vector_bytes(const char *file, const char *name, struct vector *v)
{
	vector_text(file, name, v);
	ck_assert_int_eq(sodium_hex2bin(v->bytes, sizeof(v->bytes), v->text,
				 strlen(v->text), NULL, &v->len, NULL),
		0);
	return v->bytes;
}

#endif
