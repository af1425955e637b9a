#include "core/wire/json_parse.h"

#include <stddef.h>
#include <string.h>

#include <sodium.h>

#include "core/arena.h"
#include "core/wire/json_record.h"

#define NAME_MAX_SHOWN   32
#define DIGITS_MAX_SHOWN 2

/* jansson frees without telling the size, so it stands before what is handed out. */
union wiped {
	size_t size;
	max_align_t align;
};

static void *
wiped_new(size_t size)
{
	union wiped *head;

	if (size > SIZE_MAX - sizeof(*head))
		return NULL;
	head = mem_new(1, sizeof(*head) + size);
	if (!head)
		return NULL;
	head->size = size;
	return head + 1;
}

static void
wiped_free(void *p)
{
	union wiped *head;

	if (!p)
		return;
	head = (union wiped *)p - 1;
	sodium_memzero(p, head->size);
	mem_free(head);
}

void
json_start(void)
{
	json_set_alloc_funcs(wiped_new, wiped_free);
	json_object_seed(randombytes_random() | 1U); /* 0 would make it open a file */
}

/* May a name that we do not know be repeated to whoever sent it? Secrets and keys have
 * capitals, digits, hyphens or more length than a member's name. */
static bool
may_be_shown(const char *name, size_t len)
{
	size_t digits = 0;

	if (!len || len > NAME_MAX_SHOWN || name[0] < 'a' || name[0] > 'z')
		return false;
	for (size_t i = 0; i < len; i++) {
		if (name[i] >= '0' && name[i] <= '9')
			digits++;
		else if ((name[i] < 'a' || name[i] > 'z') && name[i] != '_')
			return false;
	}
	return digits <= DIGITS_MAX_SHOWN;
}

enum kerr
json_refuse_unknown(
	const struct place *outer, const char *name, size_t len, struct fault *fault)
{
	struct place at = {.outer = outer, .name = name};

	if (!may_be_shown(name, len))
		at.name = "?";
	return place_refuse(&at, fault, "is not known here");
}

/* Depth and NUL before jansson sees it: it would go 2,048 levels down. */
static enum kerr
scan(const uint8_t *p, size_t len, struct fault *fault)
{
	unsigned depth = 0;
	bool in_string = false;

	for (size_t i = 0; i < len; i++) {
		if (!p[i])
			return fault_set(
				fault, KERR_INVALID, "", "the JSON has a NUL byte");
		if (in_string) {
			if (p[i] == '\\')
				i++;
			else if (p[i] == '"')
				in_string = false;
		} else if (p[i] == '"') {
			in_string = true;
		} else if (p[i] == '{' || p[i] == '[') {
			if (++depth > JSON_DEPTH_MAX)
				return fault_set(fault, KERR_INVALID, "",
					"the JSON is nested too deeply");
		} else if ((p[i] == '}' || p[i] == ']') && depth) {
			depth--;
		}
	}
	return KERR_OK;
}

/* jansson stops right behind the name's closing quote. */
static enum kerr
refuse_duplicate(const char *text, size_t at, struct fault *fault)
{
	struct place where = {.name = "?"};
	char name[NAME_MAX_SHOWN + 1];
	size_t len = 0;

	while (at >= 2 && len + 2 <= at && len <= NAME_MAX_SHOWN &&
		text[at - 2 - len] != '"')
		len++;
	if (at >= 2 + len && may_be_shown(text + at - 1 - len, len)) {
		memcpy(name, text + at - 1 - len, len);
		name[len] = '\0';
		where.name = name;
	}
	return place_refuse(&where, fault, "is given twice");
}

/* Never jansson's own sentence, which quotes what was sent. */
static enum kerr
refuse_syntax(
	const char *text, size_t len, const json_error_t *error, struct fault *fault)
{
	enum json_error_code code = json_error_code(error);
	size_t at = error->position > 0 ? (size_t)error->position : 0;
	const char *what = "is not JSON";

	if (code == json_error_out_of_memory)
		return fault_set(fault, KERR_NOMEM, "", "%s", kerr_text(KERR_NOMEM));
	if (code == json_error_duplicate_key)
		return refuse_duplicate(text, at <= len ? at : len, fault);
	if (code == json_error_premature_end_of_input)
		what = "ends too early";
	else if (code == json_error_end_of_input_expected)
		what = "has something behind its end";
	else if (code == json_error_invalid_utf8)
		what = "is not UTF-8";
	else if (code == json_error_null_character || code == json_error_null_byte_in_key)
		what = "has a NUL character";
	else if (code == json_error_numeric_overflow)
		what = "has a number that is too large";
	return fault_set(fault, KERR_INVALID, "", "the JSON %s (line %d, column %d)",
		what, error->line, error->column);
}

enum kerr
json_parse_object(const void *text, size_t len, json_t **ret, struct fault *fault)
{
	json_error_t error;
	enum kerr err;
	json_t *json;

	if (!len)
		return fault_set(fault, KERR_INVALID, "", "there is no JSON");
	err = scan(text, len, fault);
	if (err != KERR_OK)
		return err;
	json = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
	if (!json) {
		err = refuse_syntax(text, len, &error, fault);
		sodium_memzero(&error, sizeof(error));
		return err;
	}
	if (!json_is_object(json)) {
		json_decref(json);
		return fault_set(fault, KERR_INVALID, "", "the JSON must be an object");
	}
	*ret = json;
	return KERR_OK;
}
