#include "core/model/model.h"
#include "keyd/keeper/model/operations.h"
#include "keyd/keeper/model/refs.h"
#include "keyd/keeper/model/shape.h"
#include "keyd/role/gate.h"

/* Tenants: states that share one keyd. Their rows belong to the first of them, whose
 * people run it. */

#define EXISTS "there is a tenant with that name"

static enum kerr fill(struct op *op, const struct record *row, struct record *ret);

static const struct shape_pair pairs[] = {
	{TENANT_ID, ROW_ID},
	{TENANT_NAME, ROW_TENANT_NAME},
	{TENANT_STATE, ROW_TENANT_STATE},
	{TENANT_EXTERNAL_ID, ROW_TENANT_EXTERNAL_ID},
	{TENANT_CREATED, ROW_TENANT_CREATED},
	{TENANT_VERSION, ROW_VERSION},
};
static const struct list_column columns[] = {
	{.field = TENANT_ID, .column = ROW_ID},
	{.field = TENANT_NAME, .column = ROW_TENANT_NAME},
	{.field = TENANT_STATE, .column = ROW_TENANT_STATE},
	{.field = TENANT_EXTERNAL_ID, .column = ROW_TENANT_EXTERNAL_ID},
	{.field = TENANT_CREATED, .column = ROW_TENANT_CREATED},
};
static const struct list tenants = {.table = TABLE_tenant,
	.page = &tenant_list_schema,
	.item = &tenant_schema,
	.columns = columns,
	.count = sizeof(columns) / sizeof(columns[0]),
	.sight = LIST_STATE_ROLE,
	.fill = fill};
static const struct shape shape = {.word = "tenant",
	.list = &tenants,
	.pairs = pairs,
	.count = sizeof(pairs) / sizeof(pairs[0])};
static const struct access_object keyd_itself = {.table = TABLE_deployment};

static enum kerr
fill(struct op *op, const struct record *row, struct record *ret)
{
	(void)op;
	return shape_fill(&shape, row, ret);
}

static enum kerr
add(struct op *op)
{
	const struct record *body;
	struct record *row;
	enum kerr err = op_allow(op, VERB_PEOPLE, &keyd_itself);

	if (err == KERR_OK)
		err = shape_body(op, true, &body);
	if (err == KERR_OK)
		err = shape_new(op, &shape, body, &row);
	if (err != KERR_OK)
		return err;
	record_set_int(row, ROW_TENANT_ID, ACCESS_HOME_TENANT);
	record_set_int(row, ROW_TENANT_STATE, TENANT_IS_LIVE);
	record_set_int(row, ROW_TENANT_CREATED, op->now);
	return shape_insert(op, &shape, row, EXISTS);
}

static enum kerr
list(struct op *op)
{
	return list_run(op, &tenants);
}

static enum kerr
show(struct op *op)
{
	struct record *row;
	enum kerr err = refs_find(op, TABLE_tenant, op_ref(op), "tenant", &row);

	return err == KERR_OK
		       ? shape_show(op, &shape, row, (struct access_object){.edorg = 0})
		       : err;
}

static enum kerr
change(struct op *op)
{
	const struct record *body;
	struct record *former, *row;
	enum kerr err = op_allow(op, VERB_PEOPLE, &keyd_itself);

	if (err == KERR_OK)
		err = shape_body(op, false, &body);
	if (err == KERR_OK)
		err = shape_former(op, &shape, body, &former, &row);
	if (err == KERR_OK)
		err = shape_update(op, &shape, row, former, EXISTS);
	return err == KERR_OK ? shape_answer(op, &shape, row) : err;
}

const struct op_row op_tenant_rows[] = {
	{MESSAGE_TENANT_ADD, add},
	{MESSAGE_TENANT_LIST, list},
	{MESSAGE_TENANT_SHOW, show},
	{MESSAGE_TENANT_CHANGE, change},
	{0, NULL},
};
