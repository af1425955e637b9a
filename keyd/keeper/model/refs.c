#include "keyd/keeper/model/refs.h"

#include <stdio.h>
#include <string.h>

#include "core/credential.h"
#include "core/text.h"

#define NAME_MAX_BYTES  512
#define CANDIDATES      5
#define SKELETON_VISITS 1000 /* rows that are compared one by one at most */
#define ECHO_COLUMNS    40

/* How the rows of a table are referred to. A column of 0 is none (it would be the id). */
struct ref_kind {
	enum table_id table;
	const char *word;
	unsigned number; /* column that a plain number means before the id */
	bool number_only;
	unsigned external, key, name, skeleton;
	unsigned also; /* number that tells rows with the same name apart */
};

static const struct ref_kind kinds[] = {
	{.table = TABLE_tenant,
		.word = "tenant",
		.external = ROW_TENANT_EXTERNAL_ID,
		.name = ROW_TENANT_NAME},
	{.table = TABLE_school_year,
		.word = "school year",
		.number = ROW_SCHOOL_YEAR_YEAR},
	{.table = TABLE_vendor,
		.word = "vendor",
		.external = ROW_VENDOR_EXTERNAL_ID,
		.name = ROW_VENDOR_NAME,
		.skeleton = ROW_VENDOR_SKELETON},
	{.table = TABLE_product,
		.word = "product",
		.external = ROW_PRODUCT_EXTERNAL_ID,
		.name = ROW_PRODUCT_NAME},
	{.table = TABLE_edorg,
		.word = "education organization",
		.number = ROW_EDORG_NUMBER,
		.number_only = true,
		.external = ROW_EDORG_EXTERNAL_ID,
		.name = ROW_EDORG_NAME,
		.also = ROW_EDORG_NUMBER},
	{.table = TABLE_ods,
		.word = "ODS instance",
		.external = ROW_ODS_EXTERNAL_ID,
		.name = ROW_ODS_NAME,
		.also = ROW_ODS_YEAR},
	{.table = TABLE_claimset,
		.word = "claimset",
		.key = ROW_CLAIMSET_V8_NAME,
		.name = ROW_CLAIMSET_NAME,
		.skeleton = ROW_CLAIMSET_SKELETON},
	{.table = TABLE_application,
		.word = "application",
		.external = ROW_APPLICATION_EXTERNAL_ID,
		.name = ROW_APPLICATION_NAME,
		.also = ROW_APPLICATION_YEAR},
	{.table = TABLE_client,
		.word = "client",
		.key = ROW_CLIENT_KEY,
		.name = ROW_CLIENT_NAME},
	{.table = TABLE_caller, .word = "caller", .key = ROW_CALLER_KEY},
	{.table = TABLE_signing_key, .word = "signing key", .key = ROW_SIGNING_KEY_KID},
	{.table = TABLE_operator,
		.word = "operator",
		.key = ROW_OPERATOR_USER,
		.name = ROW_OPERATOR_NAME},
};

struct search {
	struct op *op;
	const struct ref_kind *kind;
	const struct store_condition *where;
	const char *skeleton; /* compared with, when not NULL */
	struct record *found[CANDIDATES + 1];
	size_t count, visits;
};

bool
refs_is_own(const struct op *op, const struct record *row)
{
	return op->who->uid < 0 || record_int(row, ROW_TENANT_ID) == op->who->tenant;
}

static bool
passes(const struct search *s, const struct record *row)
{
	return refs_is_own(s->op, row) &&
	       (s->where == NULL ||
		       record_int(row, s->where->column) == s->where->number);
}

static enum kerr
visit(void *with, struct record *row)
{
	struct search *s = with;
	const char *skeleton;
	enum kerr err;

	if (++s->visits > SKELETON_VISITS)
		return KERR_CLOSED;
	if (!passes(s, row))
		return KERR_OK;
	if (s->skeleton != NULL) {
		err = refs_skeleton(s->op, record_text(row, s->kind->name), &skeleton);
		if (err != KERR_OK)
			return err;
		if (strcmp(skeleton, s->skeleton) != 0)
			return KERR_OK;
	}
	s->found[s->count++] = row;
	return s->count <= CANDIDATES ? KERR_OK : KERR_CLOSED;
}

/* Rows that pass that condition; with nothing found before. */
static enum kerr
look(struct search *s, const struct store_condition *c)
{
	const struct store_query q = {
		.table = s->kind->table, .conditions = c, .count = 1};

	s->visits = 0;
	return store_select(s->op->reader, &q, s->op->arena, visit, s);
}

static enum kerr
look_for_text(struct search *s, unsigned column, const char *text)
{
	const struct store_condition c = {
		.column = column, .test = STORE_IS, .text = text};

	if (column == 0 || s->count > 0)
		return KERR_OK;
	return look(s, &c);
}

static enum kerr
look_for_number(struct search *s, const char *text)
{
	struct store_condition c = {.column = s->kind->number, .test = STORE_IS};
	struct record *row;
	enum kerr err;

	if (text_to_int(text, strlen(text), &c.number) != KERR_OK)
		return KERR_OK;
	if (s->kind->number != 0) {
		err = look(s, &c);
		if (err != KERR_OK || s->count > 0 || s->kind->number_only)
			return err;
	}
	err = store_get(s->op->reader, s->kind->table, c.number, s->op->arena, &row);
	if (err == KERR_OK && passes(s, row))
		s->found[s->count++] = row;
	return err == KERR_NOTFOUND ? KERR_OK : err;
}

static enum kerr
look_for_key(struct search *s, const char *text)
{
	char key[CREDENTIAL_KEY_LEN + 1];

	if (s->kind->table == TABLE_client || s->kind->table == TABLE_caller) {
		if (credential_key_canonical(text, strlen(text), key) != KERR_OK)
			return KERR_OK;
		text = key;
	}
	return look_for_text(s, s->kind->key, text);
}

/* By what a person takes for the same name. Where no column keeps skeletons, the names
 * that contain the text, in any case, are compared one by one. */
static enum kerr
look_for_skeleton(struct search *s, const char *name)
{
	const struct store_condition contains = {
		.column = s->kind->name, .test = STORE_CONTAINS, .text = name};
	const char *skeleton;
	enum kerr err;

	if (s->count > 0 || s->kind->name == 0)
		return KERR_OK;
	err = refs_skeleton(s->op, name, &skeleton);
	if (err != KERR_OK)
		return err;
	if (s->kind->skeleton != 0)
		return look_for_text(s, s->kind->skeleton, skeleton);
	s->skeleton = skeleton;
	err = look(s, &contains);
	s->skeleton = NULL;
	return err;
}

/* Text for a sentence: cut to what fits, never something that looks like a secret. */
static void
echo(const char *text, char *out, size_t size)
{
	struct buf b;
	size_t len = strlen(text);

	buf_init(&b, NAME_MAX_BYTES * 8);
	text_scrub(&b, text, len < NAME_MAX_BYTES ? len : NAME_MAX_BYTES);
	snprintf(out, size, "%.*s",
		(int)text_prefix((const char *)b.data, b.len, ECHO_COLUMNS),
		b.data != NULL ? (const char *)b.data : "");
	buf_clear(&b);
}

static enum kerr
not_found(const struct search *s, const char *text, const char *field)
{
	char shown[NAME_MAX_BYTES];

	if (credential_looks_secret(text, strlen(text)))
		return op_fault(s->op, KERR_NOTFOUND, field,
			"no %s is called that. It looks like a secret: treat it as "
			"leaked, and paste it where keyd client find asks for it",
			s->kind->word);
	echo(text, shown, sizeof(shown));
	return op_fault(s->op, KERR_NOTFOUND, field, "there is no %s \"%s\"",
		s->kind->word, shown);
}

static enum kerr
ambiguous(const struct search *s, const char *field)
{
	char list[320], name[NAME_MAX_BYTES], also[32];
	size_t len = 0, i;

	list[0] = '\0';
	for (i = 0; i < s->count && i < CANDIDATES && len < sizeof(list); i++) {
		const struct record *row = s->found[i];

		echo(s->kind->name != 0 ? record_text(row, s->kind->name) : "", name,
			sizeof(name));
		also[0] = '\0';
		if (s->kind->also != 0)
			snprintf(also, sizeof(also), ", %lld",
				(long long)record_int(row, s->kind->also));
		len += (size_t)snprintf(list + len, sizeof(list) - len, "%s%lld (%s%s)",
			i > 0 ? "; " : "", (long long)record_int(row, ROW_ID), name,
			also);
	}
	return op_fault(s->op, KERR_CONFLICT, field,
		"more than one %s is meant by that: say which id: %s%s", s->kind->word,
		list, s->count > CANDIDATES ? "; …" : "");
}

static const struct ref_kind *
kind_of(enum table_id table)
{
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (kinds[i].table == table)
			return &kinds[i];
	}
	return NULL;
}

/* Who is no operator learns nothing, not even what there is. */
static enum kerr
may_look(struct op *op)
{
	if (op->who->uid < 0 || op->who->tenant != 0)
		return KERR_OK;
	return op_allow(op, VERB_READ, &(struct access_object){.statewide = true});
}

static enum kerr
search_all(struct search *s, const char *text)
{
	struct buf nfc;
	const char *name;
	enum kerr err = look_for_number(s, text);

	if (err != KERR_OK || s->count > 0)
		return err;
	buf_init(&nfc, NAME_MAX_BYTES * 4);
	if (strlen(text) > NAME_MAX_BYTES ||
		text_nfc(&nfc, text, strlen(text)) != KERR_OK ||
		(name = buf_text(&nfc)) == NULL) {
		buf_clear(&nfc);
		return KERR_OK; /* no row has a name like that */
	}
	err = look_for_text(s, s->kind->external, name);
	if (err == KERR_OK)
		err = look_for_key(s, name);
	if (err == KERR_OK)
		err = look_for_text(s, s->kind->name, name);
	if (err == KERR_OK)
		err = look_for_skeleton(s, name);
	buf_clear(&nfc);
	return err;
}

enum kerr
refs_find_where(struct op *op, enum table_id table, const char *text, const char *field,
	const struct store_condition *where, struct record **ret)
{
	struct search s = {.op = op, .kind = kind_of(table), .where = where};
	enum kerr err = may_look(op);

	if (err != KERR_OK)
		return err;
	if (s.kind == NULL)
		return KERR_INTERNAL;
	if (text[0] == '\0')
		return op_fault(op, KERR_INVALID, field, "say which %s", s.kind->word);
	err = search_all(&s, text);
	if (err == KERR_DAMAGED)
		return op_fault(op, err, field,
			"the stored row of that %s is damaged and was set aside: keyd "
			"status",
			s.kind->word);
	if (err != KERR_OK)
		return err;
	if (s.count == 0)
		return not_found(&s, text, field);
	if (s.count > 1)
		return ambiguous(&s, field);
	*ret = s.found[0];
	return KERR_OK;
}

enum kerr
refs_find(struct op *op, enum table_id table, const char *text, const char *field,
	struct record **ret)
{
	return refs_find_where(op, table, text, field, NULL, ret);
}

/* The own row with that number in that column. */
static enum kerr
find_number(struct op *op, enum table_id table, unsigned column, int64_t number,
	struct record **ret)
{
	const struct store_condition c = {
		.column = column, .test = STORE_IS, .number = number};
	struct search s = {.op = op, .kind = kind_of(table)};
	enum kerr err = look(&s, &c);

	if (err != KERR_OK)
		return err;
	if (s.count == 0)
		return KERR_NOTFOUND;
	*ret = s.found[0];
	return KERR_OK;
}

enum kerr
refs_edorg(struct op *op, int64_t number, const char *field, struct record **ret)
{
	enum kerr err = find_number(op, TABLE_edorg, ROW_EDORG_NUMBER, number, ret);

	if (err == KERR_NOTFOUND)
		return op_fault(op, err, field,
			"there is no education organization %lld: keyd edorg add comes "
			"first",
			(long long)number);
	return err;
}

enum kerr
refs_year(struct op *op, int64_t year, const char *field, struct record **ret)
{
	enum kerr err =
		find_number(op, TABLE_school_year, ROW_SCHOOL_YEAR_YEAR, year, ret);

	if (err == KERR_NOTFOUND)
		return op_fault(op, err, field,
			"there is no school year %lld: keyd year add comes first",
			(long long)year);
	return err;
}

enum kerr
refs_put_name(struct op *op, enum table_id table, int64_t id, unsigned column,
	struct record *answer, unsigned field)
{
	struct record *row;
	enum kerr err = store_get(op->reader, table, id, op->arena, &row);

	return err == KERR_OK ? record_copy_field(answer, field, row, column) : err;
}

static enum kerr
keep(struct op *op, struct buf *b, enum kerr err, const char **ret)
{
	const char *text = err == KERR_OK ? buf_text(b) : NULL;

	if (err == KERR_OK && text == NULL)
		err = buf_error(b) != KERR_OK ? buf_error(b) : KERR_NOMEM;
	if (err == KERR_OK) {
		*ret = arena_text(op->arena, text);
		err = *ret != NULL ? KERR_OK : KERR_NOMEM;
	}
	buf_clear(b);
	return err;
}

enum kerr
refs_skeleton(struct op *op, const char *name, const char **ret)
{
	struct buf b;

	buf_init(&b, NAME_MAX_BYTES * 8);
	return keep(op, &b, text_skeleton(&b, name, strlen(name)), ret);
}

static bool
is_blank(uint32_t c)
{
	return c == ' ' || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) ||
	       c == 0x202f || c == 0x205f || c == 0x3000;
}

/* Also true when there is nothing at all. */
static bool
has_blank_edge(const char *text, size_t len)
{
	uint32_t c = ' ';
	bool hidden, first = true;
	size_t n;

	while ((n = text_next(text, len, &c, &hidden)) > 0) {
		if (first && is_blank(c))
			return true;
		first = false;
		text += n;
		len -= n;
	}
	return is_blank(c);
}

enum kerr
refs_name(struct op *op, const char *text, const char *field, const char **ret)
{
	struct buf b;
	size_t len = strlen(text);

	if (!text_is_utf8(text, len) || text_has_hidden(text, len))
		return op_fault(op, KERR_INVALID, field,
			"it is no plain text: characters that cannot be seen are not "
			"taken");
	if (credential_looks_secret(text, len))
		return op_fault(op, KERR_INVALID, field,
			"it looks like a secret: treat that one as leaked, and use "
			"another text");
	if (has_blank_edge(text, len))
		return op_fault(op, KERR_INVALID, field,
			"it is empty, or begins or ends with a blank");
	buf_init(&b, NAME_MAX_BYTES * 4);
	return keep(op, &b, text_nfc(&b, text, strlen(text)), ret);
}
