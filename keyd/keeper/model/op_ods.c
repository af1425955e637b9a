#include <string.h>

#include "core/model/model.h"
#include "keyd/keeper/model/operations.h"
#include "keyd/keeper/model/refs.h"
#include "keyd/keeper/model/shape.h"
#include "keyd/role/gate.h"

/* ODS instances: servers of one school year, each with its way of checking tokens. */

#define EXISTS "there is an ODS instance with that name"

static enum kerr fill(struct op *op, const struct record *row, struct record *ret);

static const struct shape_pair pairs[] = {
	{ODS_ID, ROW_ID},
	{ODS_NAME, ROW_ODS_NAME},
	{ODS_STAGE, ROW_ODS_STAGE},
	{ODS_STATE, ROW_ODS_STATE},
	{ODS_YEAR, ROW_ODS_YEAR},
	{ODS_MODE, ROW_ODS_MODE},
	{ODS_GENERATION, ROW_ODS_GENERATION},
	{ODS_STANDARD, ROW_ODS_STANDARD},
	{ODS_API_URL, ROW_ODS_API_URL},
	{ODS_ADMIN_URL, ROW_ODS_ADMIN_URL},
	{ODS_CONTEXT, ROW_ODS_CONTEXT},
	{ODS_EXTERNAL_ID, ROW_ODS_EXTERNAL_ID},
	{ODS_CREATED, ROW_ODS_CREATED},
	{ODS_VERSION, ROW_VERSION},
};
static const struct list_column columns[] = {
	{.field = ODS_ID, .column = ROW_ID},
	{.field = ODS_NAME, .column = ROW_ODS_NAME},
	{.field = ODS_OWNER,
		.column = ROW_ODS_OWNER_ID,
		.match = LIST_REF,
		.ref = TABLE_edorg},
	{.field = ODS_STAGE, .column = ROW_ODS_STAGE},
	{.field = ODS_STATE, .column = ROW_ODS_STATE},
	{.field = ODS_YEAR, .column = ROW_ODS_YEAR},
	{.field = ODS_EXTERNAL_ID, .column = ROW_ODS_EXTERNAL_ID},
	{.field = ODS_CREATED, .column = ROW_ODS_CREATED},
};
static const struct list instances = {.table = TABLE_ods,
	.page = &ods_list_schema,
	.item = &ods_schema,
	.columns = columns,
	.count = sizeof(columns) / sizeof(columns[0]),
	.sight = LIST_STATEWIDE,
	.fill = fill};
static const struct shape shape = {.word = "ods",
	.list = &instances,
	.pairs = pairs,
	.count = sizeof(pairs) / sizeof(pairs[0])};
static const struct access_object object = {.table = TABLE_ods, .statewide = true};

static enum kerr
fill(struct op *op, const struct record *row, struct record *ret)
{
	enum kerr err = shape_fill(&shape, row, ret);

	if (err != KERR_OK || !record_has(row, ROW_ODS_OWNER_ID))
		return err;
	return refs_put_name(op, TABLE_edorg, record_int(row, ROW_ODS_OWNER_ID),
		ROW_EDORG_NUMBER, ret, ODS_OWNER);
}

static bool
is_loopback(const char *host, size_t len)
{
	return (len == 9 && strncmp(host, "localhost", 9) == 0) ||
	       (len == 5 && strncmp(host, "[::1]", 5) == 0) ||
	       (len > 4 && strncmp(host, "127.", 4) == 0 &&
		       strspn(host, "0123456789.") >= len);
}

/* https, or http where it does not leave the machine; a host; no user, fragment, or
 * character that an address cannot have. */
static enum kerr
check_url(struct op *op, const struct record *row, unsigned column, const char *field)
{
	const char *url = record_text(row, column), *host = NULL, *p;
	bool plain = false;
	size_t len;

	if (url[0] == '\0')
		return KERR_OK;
	if (strncmp(url, "https://", 8) == 0) {
		host = url + 8;
	} else if (strncmp(url, "http://", 7) == 0) {
		host = url + 7;
		plain = true;
	}
	for (p = url; *p > ' ' && *p <= '~' && strchr("#\"<>\\^`{|}", *p) == NULL; p++)
		continue;
	len = host == NULL     ? 0
	      : host[0] == '[' ? strcspn(host, "]") + 1
			       : strcspn(host, ":/?");
	if (len == 0 || *p != '\0' || memchr(host, '@', strcspn(host, "/?")) != NULL)
		return op_fault(op, KERR_INVALID, field,
			"that is no address of a server: https://host/path");
	if (plain && !is_loopback(host, len))
		return op_fault(op, KERR_INVALID, field,
			"credentials go there: https, or http to this machine alone");
	return KERR_OK;
}

static enum kerr
put_owner(struct op *op, const struct record *body, struct record *row)
{
	struct record *owner;
	enum kerr err;

	if (!record_has(body, ODS_OWNER))
		return KERR_OK;
	err = refs_edorg(op, record_int(body, ODS_OWNER), "owner", &owner);
	if (err == KERR_OK)
		record_set_int(row, ROW_ODS_OWNER_ID, record_int(owner, ROW_ID));
	return err;
}

struct same {
	struct op *op;
	const struct record *row;
	const struct record *found;
};

static enum kerr
look_at_url(void *with, struct record *other)
{
	struct same *s = with;

	if (record_int(other, ROW_ID) == record_int(s->row, ROW_ID) ||
		!refs_is_own(s->op, other) ||
		strcmp(record_text(other, ROW_ODS_API_URL),
			record_text(s->row, ROW_ODS_API_URL)) != 0)
		return KERR_OK;
	s->found = other;
	return KERR_CLOSED;
}

/* An address is also what a token is asked for (RFC 8707), so it names one instance. */
static enum kerr
check_resource(struct op *op, const struct record *row)
{
	const struct store_query q = {.table = TABLE_ods};
	struct same s = {.op = op, .row = row};
	enum kerr err;

	if (!record_has(row, ROW_ODS_API_URL))
		return KERR_OK;
	err = store_select(op->reader, &q, op->arena, look_at_url, &s);
	if (err == KERR_OK && s.found != NULL)
		return op_fault(op, KERR_EXISTS, "api_url",
			"that is the address of the ODS instance %s (id %lld): a token "
			"for one address is for one instance",
			record_text(s.found, ROW_ODS_NAME),
			(long long)record_int(s.found, ROW_ID));
	return err;
}

static enum kerr
check(struct op *op, const struct record *body, struct record *row)
{
	enum kerr err = put_owner(op, body, row);

	if (err == KERR_OK)
		err = check_url(op, row, ROW_ODS_API_URL, "api_url");
	if (err == KERR_OK)
		err = check_url(op, row, ROW_ODS_ADMIN_URL, "admin_url");
	return err == KERR_OK ? check_resource(op, row) : err;
}

static enum kerr
add(struct op *op)
{
	const struct record *body;
	struct record *row, *year;
	enum kerr err = op_allow(op, VERB_MODEL, &object);

	if (err == KERR_OK)
		err = shape_body(op, true, &body);
	if (err == KERR_OK)
		err = refs_year(op, record_int(body, ODS_YEAR), "school_year", &year);
	if (err == KERR_OK)
		err = shape_new(op, &shape, body, &row);
	if (err == KERR_OK)
		err = check(op, body, row);
	if (err != KERR_OK)
		return err;
	record_set_int(row, ROW_ODS_STATE, ODS_IS_LIVE);
	record_set_int(row, ROW_ODS_CREATED, op->now);
	return shape_insert(op, &shape, row, EXISTS);
}

static enum kerr
list(struct op *op)
{
	return list_run(op, &instances);
}

static enum kerr
show(struct op *op)
{
	struct record *row;
	enum kerr err = refs_find(op, TABLE_ods, op_ref(op), "ods", &row);

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
	if (err == KERR_OK)
		err = check(op, body, row);
	if (err == KERR_OK)
		err = shape_update(op, &shape, row, former, EXISTS);
	return err == KERR_OK ? shape_answer(op, &shape, row) : err;
}

const struct op_row op_ods_rows[] = {
	{MESSAGE_ODS_ADD, add},
	{MESSAGE_ODS_LIST, list},
	{MESSAGE_ODS_SHOW, show},
	{MESSAGE_ODS_CHANGE, change},
	{0, NULL},
};
