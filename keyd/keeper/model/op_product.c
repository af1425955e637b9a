#include "core/model/model.h"
#include "keyd/keeper/model/operations.h"
#include "keyd/keeper/model/refs.h"
#include "keyd/keeper/model/shape.h"
#include "keyd/role/gate.h"

/* What vendors sell: a name that is unique within its vendor. */

#define EXISTS "the vendor has a product with that name"

static enum kerr fill(struct op *op, const struct record *row, struct record *ret);

static const struct shape_pair pairs[] = {
	{PRODUCT_ID, ROW_ID},
	{PRODUCT_NAME, ROW_PRODUCT_NAME},
	{PRODUCT_VENDOR_ID, ROW_PRODUCT_VENDOR_ID},
	{PRODUCT_EXTERNAL_ID, ROW_PRODUCT_EXTERNAL_ID},
	{PRODUCT_CREATED, ROW_PRODUCT_CREATED},
	{PRODUCT_VERSION, ROW_VERSION},
};
static const struct list_column columns[] = {
	{.field = PRODUCT_ID, .column = ROW_ID},
	{.field = PRODUCT_NAME, .column = ROW_PRODUCT_NAME},
	{.field = PRODUCT_VENDOR,
		.column = ROW_PRODUCT_VENDOR_ID,
		.match = LIST_REF,
		.ref = TABLE_vendor},
	{.field = PRODUCT_EXTERNAL_ID, .column = ROW_PRODUCT_EXTERNAL_ID},
	{.field = PRODUCT_CREATED, .column = ROW_PRODUCT_CREATED},
};
static const struct list products = {.table = TABLE_product,
	.page = &product_list_schema,
	.item = &product_schema,
	.columns = columns,
	.count = sizeof(columns) / sizeof(columns[0]),
	.sight = LIST_STATEWIDE,
	.fill = fill};
static const struct shape shape = {.word = "product",
	.list = &products,
	.pairs = pairs,
	.count = sizeof(pairs) / sizeof(pairs[0])};
static const struct access_object object = {.table = TABLE_product, .statewide = true};

static enum kerr
fill(struct op *op, const struct record *row, struct record *ret)
{
	enum kerr err = shape_fill(&shape, row, ret);

	return err == KERR_OK ? refs_put_name(op, TABLE_vendor,
					record_int(row, ROW_PRODUCT_VENDOR_ID),
					ROW_VENDOR_NAME, ret, PRODUCT_VENDOR)
			      : err;
}

static enum kerr
add(struct op *op)
{
	const struct record *body;
	struct record *row, *vendor;
	enum kerr err = op_allow(op, VERB_MODEL, &object);

	if (err == KERR_OK)
		err = shape_body(op, true, &body);
	if (err == KERR_OK)
		err = refs_find(op, TABLE_vendor, record_text(body, PRODUCT_VENDOR),
			"vendor", &vendor);
	if (err == KERR_OK && record_int(vendor, ROW_VENDOR_STATE) == VENDOR_IS_DEPARTED)
		return op_fault(op, KERR_CONFLICT, "vendor", "that vendor has departed");
	if (err == KERR_OK)
		err = shape_new(op, &shape, body, &row);
	if (err != KERR_OK)
		return err;
	record_set_int(row, ROW_PRODUCT_VENDOR_ID, record_int(vendor, ROW_ID));
	record_set_int(row, ROW_PRODUCT_CREATED, op->now);
	return shape_insert(op, &shape, row, EXISTS);
}

static enum kerr
list(struct op *op)
{
	return list_run(op, &products);
}

static enum kerr
show(struct op *op)
{
	struct record *row;
	enum kerr err = refs_find(op, TABLE_product, op_ref(op), "product", &row);

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
		err = shape_update(op, &shape, row, former, EXISTS);
	return err == KERR_OK ? shape_answer(op, &shape, row) : err;
}

const struct op_row op_product_rows[] = {
	{MESSAGE_PRODUCT_ADD, add},
	{MESSAGE_PRODUCT_LIST, list},
	{MESSAGE_PRODUCT_SHOW, show},
	{MESSAGE_PRODUCT_CHANGE, change},
	{0, NULL},
};
