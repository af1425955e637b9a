#include "core/model/model.h"
#include "keyd/keeper/model/operations.h"
#include "keyd/keeper/model/refs.h"
#include "keyd/keeper/model/shape.h"
#include "keyd/role/gate.h"

/* Claimsets by name. */

static enum kerr fill(struct op *op, const struct record *row, struct record *ret);

static const struct shape_pair pairs[] = {
	{CLAIMSET_ID, ROW_ID},
	{CLAIMSET_NAME, ROW_CLAIMSET_NAME},
	{CLAIMSET_V8_NAME, ROW_CLAIMSET_V8_NAME},
	{CLAIMSET_NUMBER, ROW_CLAIMSET_NUMBER},
	{CLAIMSET_NOTE, ROW_CLAIMSET_NOTE},
	{CLAIMSET_CREATED, ROW_CLAIMSET_CREATED},
	{CLAIMSET_VERSION, ROW_VERSION},
};
static const struct list_column columns[] = {
	{.field = CLAIMSET_ID, .column = ROW_ID},
	{.field = CLAIMSET_NAME, .column = ROW_CLAIMSET_NAME},
	{.field = CLAIMSET_CREATED, .column = ROW_CLAIMSET_CREATED},
};
static const struct list claimsets = {.table = TABLE_claimset,
	.page = &claimset_list_schema,
	.item = &claimset_schema,
	.columns = columns,
	.count = sizeof(columns) / sizeof(columns[0]),
	.sight = LIST_STATEWIDE,
	.fill = fill};
static const struct shape shape = {.word = "claimset",
	.list = &claimsets,
	.pairs = pairs,
	.count = sizeof(pairs) / sizeof(pairs[0])};

static enum kerr
fill(struct op *op, const struct record *row, struct record *ret)
{
	(void)op;
	return shape_fill(&shape, row, ret);
}

static enum kerr
list(struct op *op)
{
	return list_run(op, &claimsets);
}

static enum kerr
show(struct op *op)
{
	struct record *row;
	enum kerr err = refs_find(op, TABLE_claimset, op_ref(op), "claimset", &row);

	return err == KERR_OK ? shape_show(op, &shape, row,
					(struct access_object){.statewide = true})
			      : err;
}

const struct op_row op_claimset_rows[] = {
	{MESSAGE_CLAIMSET_LIST, list},
	{MESSAGE_CLAIMSET_SHOW, show},
	{0, NULL},
};
