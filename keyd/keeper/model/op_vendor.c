#include <stdio.h>
#include <string.h>

#include "core/model/model.h"
#include "keyd/keeper/model/operations.h"
#include "keyd/keeper/model/refs.h"
#include "keyd/keeper/model/shape.h"
#include "keyd/role/gate.h"

/* Vendors: names that differ for a person, and namespace prefixes that are theirs. The
 * row keeps its prefixes in one column, separated by commas, as tokens carry them. */

#define EXISTS     "there is a vendor with that name"
#define PREFIX_MAX 128

static enum kerr fill(struct op *op, const struct record *row, struct record *ret);

static const struct shape_pair pairs[] = {
	{VENDOR_ID, ROW_ID},
	{VENDOR_NAME, ROW_VENDOR_NAME},
	{VENDOR_KIND, ROW_VENDOR_KIND},
	{VENDOR_STATE, ROW_VENDOR_STATE},
	{VENDOR_CONTACT, ROW_VENDOR_CONTACT},
	{VENDOR_EMAIL, ROW_VENDOR_EMAIL},
	{VENDOR_EXTERNAL_ID, ROW_VENDOR_EXTERNAL_ID},
	{VENDOR_CREATED, ROW_VENDOR_CREATED},
	{VENDOR_VERSION, ROW_VERSION},
};
static const struct list_column columns[] = {
	{.field = VENDOR_ID, .column = ROW_ID},
	{.field = VENDOR_NAME, .column = ROW_VENDOR_NAME},
	{.field = VENDOR_KIND, .column = ROW_VENDOR_KIND},
	{.field = VENDOR_STATE, .column = ROW_VENDOR_STATE},
	{.field = VENDOR_EXTERNAL_ID, .column = ROW_VENDOR_EXTERNAL_ID},
	{.field = VENDOR_CREATED, .column = ROW_VENDOR_CREATED},
};
static const struct list vendors = {.table = TABLE_vendor,
	.page = &vendor_list_schema,
	.item = &vendor_schema,
	.columns = columns,
	.count = sizeof(columns) / sizeof(columns[0]),
	.sight = LIST_STATEWIDE,
	.fill = fill};
static const struct shape shape = {.word = "vendor",
	.list = &vendors,
	.pairs = pairs,
	.count = sizeof(pairs) / sizeof(pairs[0])};
static const struct access_object object = {.table = TABLE_vendor, .statewide = true};

/* The next prefix of a column's text: its length; *at goes behind it. */
static size_t
next_prefix(const char **at, const char **ret)
{
	size_t len = strcspn(*at, ",");

	*ret = *at;
	*at += len + ((*at)[len] == ',');
	return len;
}

static enum kerr
fill(struct op *op, const struct record *row, struct record *ret)
{
	const char *at = record_text(row, ROW_VENDOR_PREFIXES), *prefix;
	enum kerr err = shape_fill(&shape, row, ret);
	size_t len;

	(void)op;
	while (err == KERR_OK && (len = next_prefix(&at, &prefix)) > 0)
		err = record_add_text(ret, VENDOR_PREFIXES, prefix, len);
	return err;
}

/* An authority: letters, digits, dots, hyphens, a port; then nothing or a path. No
 * character that means something to SQL's LIKE, by which an ODS compares. */
static bool
is_prefix(const char *text)
{
	static const char authority[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:";
	const char *rest = NULL;
	size_t host;

	if (strlen(text) > PREFIX_MAX)
		return false;
	if (strncmp(text, "uri://", 6) == 0)
		rest = text + 6;
	else if (strncmp(text, "https://", 8) == 0)
		rest = text + 8;
	if (rest == NULL)
		return false;
	host = strspn(rest, authority);
	if (host == 0 || rest[0] == '.' || rest[0] == '-' || rest[0] == ':' ||
		(rest[host] != '\0' && rest[host] != '/'))
		return false;
	for (rest += host; *rest != '\0'; rest++) {
		if (*rest <= ' ' || *rest > '~' || strchr(",%_\\\"'<>", *rest) != NULL)
			return false;
	}
	return true;
}

static enum kerr
put_prefixes(struct op *op, const struct record *body, struct record *row)
{
	size_t count = record_count(body, VENDOR_PREFIXES), i, k;
	struct buf all;
	enum kerr err;

	buf_init(&all, 32 * (PREFIX_MAX + 1) + 1);
	for (i = 0; i < count; i++) {
		const char *p = record_text_at(body, VENDOR_PREFIXES, i);

		if (!is_prefix(p)) {
			buf_clear(&all);
			return op_fault(op, KERR_INVALID, "namespace_prefixes",
				"number %zu is no prefix: uri:// or https://, an "
				"authority, perhaps a path; no comma, %%, _ or blank; "
				"at most %d characters",
				i + 1, PREFIX_MAX);
		}
		for (k = 0; k < i; k++) {
			if (strcmp(record_text_at(body, VENDOR_PREFIXES, k), p) == 0)
				break;
		}
		if (k < i)
			continue;
		if (all.len > 0)
			buf_put_u8(&all, ',');
		buf_put_text(&all, p);
	}
	err = buf_error(&all);
	if (err == KERR_OK)
		err = record_set_text(
			row, ROW_VENDOR_PREFIXES, all.len > 0 ? buf_text(&all) : "");
	buf_clear(&all);
	return err;
}

static enum kerr
check_email(struct op *op, const struct record *row)
{
	const char *email = record_text(row, ROW_VENDOR_EMAIL);
	const char *at = strchr(email, '@');

	if (email[0] == '\0')
		return KERR_OK;
	if (at == NULL || at == email || strchr(at + 1, '@') != NULL || at[1] == '\0' ||
		at[1] == '.' || strpbrk(email, " \t,;<>\"") != NULL)
		return op_fault(op, KERR_INVALID, "email",
			"that is no mail address: name@domain");
	return KERR_OK;
}

struct others {
	struct op *op;
	const struct record *row;
	char text[320]; /* what to warn of */
};

/* Does one of them begin the other? */
static bool
overlap(const char *a, size_t a_len, const char *b, size_t b_len)
{
	return strncmp(a, b, a_len < b_len ? a_len : b_len) == 0;
}

static enum kerr
look_at_prefixes(void *with, struct record *other)
{
	struct others *o = with;
	const char *mine = record_text(o->row, ROW_VENDOR_PREFIXES), *theirs, *p, *t;
	size_t p_len, t_len;

	if (record_int(other, ROW_ID) == record_int(o->row, ROW_ID))
		return KERR_OK;
	while ((p_len = next_prefix(&mine, &p)) > 0) {
		theirs = record_text(other, ROW_VENDOR_PREFIXES);
		while ((t_len = next_prefix(&theirs, &t)) > 0) {
			if (!overlap(p, p_len, t, t_len))
				continue;
			snprintf(o->text, sizeof(o->text),
				"the prefix %.*s meets %.*s of the vendor %s: each could "
				"write into the other's namespace",
				(int)p_len, p, (int)t_len, t,
				record_text(other, ROW_VENDOR_NAME));
			return KERR_CLOSED;
		}
	}
	return KERR_OK;
}

static enum kerr
warn_of_prefixes(struct op *op, const struct record *row)
{
	const struct store_condition own = {
		.column = ROW_TENANT_ID, .test = STORE_IS, .number = op->who->tenant};
	const struct store_query q = {
		.table = TABLE_vendor, .conditions = &own, .count = 1};
	struct others o = {.op = op, .row = row};
	enum kerr err = store_select(op->reader, &q, op->arena, look_at_prefixes, &o);

	if (err != KERR_OK || o.text[0] == '\0')
		return err;
	return shape_warn(op, "namespace_prefixes", "%s", o.text);
}

static enum kerr
look_at_name(void *with, struct record *other)
{
	struct others *o = with;

	if (record_int(other, ROW_ID) == record_int(o->row, ROW_ID) ||
		!refs_is_own(o->op, other) ||
		strcmp(record_text(other, ROW_VENDOR_NAME),
			record_text(o->row, ROW_VENDOR_NAME)) == 0)
		return KERR_OK;
	snprintf(o->text, sizeof(o->text), "the vendor %s (id %lld) looks the same",
		record_text(other, ROW_VENDOR_NAME),
		(long long)record_int(other, ROW_ID));
	return KERR_CLOSED;
}

/* Sets the skeleton; a name that a person takes for another's is warned of. */
static enum kerr
check_name(struct op *op, struct record *row)
{
	struct store_condition same = {.column = ROW_VENDOR_SKELETON, .test = STORE_IS};
	const struct store_query q = {
		.table = TABLE_vendor, .conditions = &same, .count = 1};
	struct others o = {.op = op, .row = row};
	enum kerr err = refs_skeleton(op, record_text(row, ROW_VENDOR_NAME), &same.text);

	if (err == KERR_OK)
		err = record_set_text(row, ROW_VENDOR_SKELETON, same.text);
	if (err == KERR_OK)
		err = store_select(op->reader, &q, op->arena, look_at_name, &o);
	if (err != KERR_OK || o.text[0] == '\0')
		return err;
	return shape_warn(op, "name", "%s", o.text);
}

static enum kerr
add(struct op *op)
{
	const struct record *body;
	struct record *row;
	enum kerr err = op_allow(op, VERB_MODEL, &object);

	if (err == KERR_OK)
		err = shape_body(op, true, &body);
	if (err == KERR_OK)
		err = shape_new(op, &shape, body, &row);
	if (err == KERR_OK)
		err = put_prefixes(op, body, row);
	if (err == KERR_OK)
		err = check_email(op, row);
	if (err == KERR_OK)
		err = check_name(op, row);
	if (err == KERR_OK)
		err = warn_of_prefixes(op, row);
	if (err != KERR_OK)
		return err;
	record_set_int(row, ROW_VENDOR_STATE, VENDOR_IS_LIVE);
	record_set_int(row, ROW_VENDOR_CREATED, op->now);
	return shape_insert(op, &shape, row, EXISTS);
}

static enum kerr
list(struct op *op)
{
	return list_run(op, &vendors);
}

static enum kerr
show(struct op *op)
{
	struct record *row;
	enum kerr err = refs_find(op, TABLE_vendor, op_ref(op), "vendor", &row);

	return err == KERR_OK ? shape_show(op, &shape, row, object) : err;
}

static enum kerr
change(struct op *op)
{
	const struct record *body;
	struct record *former, *row;
	enum kerr err = op_allow(op, VERB_MODEL, &object);

	if (err == KERR_OK)
		err = shape_body(op, false, &body);
	if (err == KERR_OK)
		err = shape_former(op, &shape, body, &former, &row);
	if (err == KERR_OK && record_has(body, VENDOR_PREFIXES)) {
		err = put_prefixes(op, body, row);
		if (err == KERR_OK)
			err = warn_of_prefixes(op, row);
	}
	if (err == KERR_OK)
		err = check_email(op, row);
	if (err == KERR_OK && record_has(body, VENDOR_NAME))
		err = check_name(op, row);
	if (err == KERR_OK)
		err = shape_update(op, &shape, row, former, EXISTS);
	return err == KERR_OK ? shape_answer(op, &shape, row) : err;
}

const struct op_row op_vendor_rows[] = {
	{MESSAGE_VENDOR_ADD, add},
	{MESSAGE_VENDOR_LIST, list},
	{MESSAGE_VENDOR_SHOW, show},
	{MESSAGE_VENDOR_CHANGE, change},
	{0, NULL},
};
