#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "core/model/model.h"
#include "keyd/keeper/model/links.h"
#include "keyd/keeper/model/operations.h"
#include "keyd/keeper/model/refs.h"
#include "keyd/keeper/model/shape.h"
#include "keyd/role/gate.h"

/* Applications: this vendor's product, for these organizations, in this school year, with
 * this claimset, on these ODS instances, under this agreement. */

#define EXISTS "there is an application with that name in the school year"

static enum kerr fill(struct op *op, const struct record *row, struct record *ret);

static const struct shape_pair pairs[] = {
	{APPLICATION_ID, ROW_ID},
	{APPLICATION_NAME, ROW_APPLICATION_NAME},
	{APPLICATION_VENDOR_ID, ROW_APPLICATION_VENDOR_ID},
	{APPLICATION_YEAR, ROW_APPLICATION_YEAR},
	{APPLICATION_CLAIMSET_VERSION, ROW_APPLICATION_CLAIMSET_VERSION},
	{APPLICATION_AGREEMENT, ROW_APPLICATION_AGREEMENT},
	{APPLICATION_PURPOSE, ROW_APPLICATION_PURPOSE},
	{APPLICATION_SIGNER, ROW_APPLICATION_SIGNER},
	{APPLICATION_STARTS, ROW_APPLICATION_STARTS},
	{APPLICATION_ENDS, ROW_APPLICATION_ENDS},
	{APPLICATION_EXTERNAL_ID, ROW_APPLICATION_EXTERNAL_ID},
	{APPLICATION_CREATED, ROW_APPLICATION_CREATED},
	{APPLICATION_VERSION, ROW_VERSION},
};
static const struct list_column columns[] = {
	{.field = APPLICATION_ID, .column = ROW_ID},
	{.field = APPLICATION_NAME, .column = ROW_APPLICATION_NAME},
	{.field = APPLICATION_VENDOR,
		.column = ROW_APPLICATION_VENDOR_ID,
		.match = LIST_REF,
		.ref = TABLE_vendor},
	{.field = APPLICATION_YEAR, .column = ROW_APPLICATION_YEAR},
	{.field = APPLICATION_CLAIMSET,
		.column = ROW_APPLICATION_CLAIMSET_ID,
		.match = LIST_REF,
		.ref = TABLE_claimset},
	{.field = APPLICATION_STATE,
		.column = ROW_APPLICATION_ENDS,
		.match = LIST_LAST_DAY},
	{.field = APPLICATION_EXTERNAL_ID, .column = ROW_APPLICATION_EXTERNAL_ID},
	{.field = APPLICATION_CREATED, .column = ROW_APPLICATION_CREATED},
};
static const struct list applications = {.table = TABLE_application,
	.page = &application_list_schema,
	.item = &application_schema,
	.columns = columns,
	.count = sizeof(columns) / sizeof(columns[0]),
	.sight = LIST_APPLICATION,
	.sight_column = ROW_ID,
	.fill = fill};
static const struct shape shape = {.word = "application",
	.list = &applications,
	.pairs = pairs,
	.count = sizeof(pairs) / sizeof(pairs[0])};
static const struct access_object object = {
	.table = TABLE_application, .statewide = true};

static enum kerr
fill_names(struct op *op, const struct record *row, struct record *ret)
{
	enum kerr err = refs_put_name(op, TABLE_vendor,
		record_int(row, ROW_APPLICATION_VENDOR_ID), ROW_VENDOR_NAME, ret,
		APPLICATION_VENDOR);

	if (err == KERR_OK && record_has(row, ROW_APPLICATION_PRODUCT_ID))
		err = refs_put_name(op, TABLE_product,
			record_int(row, ROW_APPLICATION_PRODUCT_ID), ROW_PRODUCT_NAME,
			ret, APPLICATION_PRODUCT);
	if (err == KERR_OK)
		err = refs_put_name(op, TABLE_claimset,
			record_int(row, ROW_APPLICATION_CLAIMSET_ID), ROW_CLAIMSET_NAME,
			ret, APPLICATION_CLAIMSET);
	return err;
}

static enum kerr
fill(struct op *op, const struct record *row, struct record *ret)
{
	bool over = record_int(row, ROW_APPLICATION_ENDS) < op_today(op);
	enum kerr err = shape_fill(&shape, row, ret);

	record_set_int(ret, APPLICATION_STATE,
		over ? APPLICATION_IS_ENDED : APPLICATION_IS_LIVE);
	if (err == KERR_OK)
		err = fill_names(op, row, ret);
	if (err == KERR_OK)
		err = links_fill_edorgs(
			op, record_int(row, ROW_ID), ret, APPLICATION_EDORGS);
	return err == KERR_OK
		       ? links_fill_ods(op, record_int(row, ROW_ID), ret, APPLICATION_ODS)
		       : err;
}

static enum kerr
put_vendor(struct op *op, const struct record *body, struct record *row)
{
	struct record *vendor;
	enum kerr err = refs_find(op, TABLE_vendor, record_text(body, APPLICATION_VENDOR),
		"vendor", &vendor);

	if (err != KERR_OK)
		return err;
	if (record_int(vendor, ROW_VENDOR_STATE) != VENDOR_IS_LIVE)
		return op_fault(op, KERR_CONFLICT, "vendor", "the vendor %s is %s",
			record_text(vendor, ROW_VENDOR_NAME),
			record_text(vendor, ROW_VENDOR_STATE));
	record_set_int(row, ROW_APPLICATION_VENDOR_ID, record_int(vendor, ROW_ID));
	return KERR_OK;
}

static enum kerr
put_product(struct op *op, const struct record *body, struct record *row)
{
	const struct store_condition of_vendor = {.column = ROW_PRODUCT_VENDOR_ID,
		.test = STORE_IS,
		.number = record_int(row, ROW_APPLICATION_VENDOR_ID)};
	struct record *product;
	enum kerr err;

	if (!record_has(body, APPLICATION_PRODUCT))
		return KERR_OK;
	err = refs_find_where(op, TABLE_product, record_text(body, APPLICATION_PRODUCT),
		"product", &of_vendor, &product);
	if (err == KERR_NOTFOUND)
		return op_fault(
			op, err, "product", "the vendor has no product of that name");
	if (err == KERR_OK)
		record_set_int(
			row, ROW_APPLICATION_PRODUCT_ID, record_int(product, ROW_ID));
	return err;
}

static enum kerr
find_version(struct op *op, const struct record *claimset, int64_t version)
{
	const struct store_condition c[] = {
		{.column = ROW_CLAIMSET_VERSION_CLAIMSET_ID,
			.test = STORE_IS,
			.number = record_int(claimset, ROW_ID)},
		{.column = ROW_CLAIMSET_VERSION_NUMBER,
			.test = STORE_IS,
			.number = version}};
	const struct store_query q = {
		.table = TABLE_claimset_version, .conditions = c, .count = 2};
	struct record *row;
	enum kerr err = store_first(op->reader, &q, op->arena, &row);

	if (err == KERR_NOTFOUND)
		return op_fault(op, err, "claimset_version",
			"the claimset %s has no version %lld; its newest is %lld",
			record_text(claimset, ROW_CLAIMSET_NAME), (long long)version,
			(long long)record_int(claimset, ROW_CLAIMSET_NUMBER));
	return err;
}

/* The claimset and its version: the newest, unless the body says which. */
static enum kerr
put_claimset(struct op *op, const struct record *body, struct record *row)
{
	int64_t version;
	struct record *claimset;
	enum kerr err;

	if (!record_has(body, APPLICATION_CLAIMSET) &&
		!record_has(body, APPLICATION_CLAIMSET_VERSION))
		return KERR_OK;
	if (record_has(body, APPLICATION_CLAIMSET))
		err = refs_find(op, TABLE_claimset,
			record_text(body, APPLICATION_CLAIMSET), "claimset", &claimset);
	else
		err = store_get(op->reader, TABLE_claimset,
			record_int(row, ROW_APPLICATION_CLAIMSET_ID), op->arena,
			&claimset);
	if (err != KERR_OK)
		return err;
	version = record_has(body, APPLICATION_CLAIMSET_VERSION)
			  ? record_int(body, APPLICATION_CLAIMSET_VERSION)
			  : record_int(claimset, ROW_CLAIMSET_NUMBER);
	record_set_int(row, ROW_APPLICATION_CLAIMSET_ID, record_int(claimset, ROW_ID));
	record_set_int(row, ROW_APPLICATION_CLAIMSET_VERSION, version);
	return find_version(op, claimset, version);
}

/* Within the school year; all of it unless the body says otherwise. */
static enum kerr
put_dates(struct op *op, const struct record *year, struct record *row)
{
	int64_t first = record_int(year, ROW_SCHOOL_YEAR_STARTS);
	int64_t last = record_int(year, ROW_SCHOOL_YEAR_ENDS);
	char from[CLOCK_DATE_SIZE], to[CLOCK_DATE_SIZE];

	if (!record_has(row, ROW_APPLICATION_STARTS))
		record_set_int(row, ROW_APPLICATION_STARTS, first);
	if (!record_has(row, ROW_APPLICATION_ENDS))
		record_set_int(row, ROW_APPLICATION_ENDS, last);
	clock_date_text(first, from);
	clock_date_text(last, to);
	if (record_int(row, ROW_APPLICATION_STARTS) < first)
		return op_fault(op, KERR_INVALID, "starts",
			"the school year goes from %s to %s", from, to);
	if (record_int(row, ROW_APPLICATION_ENDS) > last)
		return op_fault(op, KERR_INVALID, "ends",
			"the school year goes from %s to %s", from, to);
	if (record_int(row, ROW_APPLICATION_ENDS) <
		record_int(row, ROW_APPLICATION_STARTS))
		return op_fault(op, KERR_INVALID, "ends", "it ends before it starts");
	return KERR_OK;
}

/* What the body names, as ids in the row. */
static enum kerr
resolve(struct op *op, const struct record *body, struct record *row)
{
	struct record *year;
	enum kerr err = refs_year(
		op, record_int(row, ROW_APPLICATION_YEAR), "school_year", &year);

	if (err == KERR_OK)
		err = put_product(op, body, row);
	if (err == KERR_OK)
		err = put_claimset(op, body, row);
	return err == KERR_OK ? put_dates(op, year, row) : err;
}

static enum kerr
add(struct op *op)
{
	struct links links;
	const struct record *body;
	struct record *row;
	enum kerr err = op_allow(op, VERB_MODEL, &object);

	if (err == KERR_OK)
		err = shape_body(op, true, &body);
	if (err == KERR_OK)
		err = shape_new(op, &shape, body, &row);
	if (err == KERR_OK)
		err = put_vendor(op, body, row);
	if (err == KERR_OK)
		err = resolve(op, body, row);
	if (err == KERR_OK)
		err = links_read(op, body, record_int(row, ROW_APPLICATION_YEAR), &links);
	if (err != KERR_OK)
		return err;
	record_set_int(row, ROW_APPLICATION_STATE, APPLICATION_IS_LIVE);
	record_set_int(row, ROW_APPLICATION_CREATED, op->now);
	err = shape_insert(op, &shape, row, EXISTS);
	if (err == KERR_OK)
		err = links_write(op, row, &links);
	return err == KERR_OK ? shape_answer(op, &shape, row) : err;
}

static enum kerr
list(struct op *op)
{
	return list_run(op, &applications);
}

static enum kerr
show(struct op *op)
{
	struct access_object one = {.table = TABLE_application};
	struct record *row;
	enum kerr err = refs_find(op, TABLE_application, op_ref(op), "application", &row);

	if (err != KERR_OK)
		return err;
	one.application = record_int(row, ROW_ID);
	return shape_show(op, &shape, row, one);
}

static enum kerr
change(struct op *op)
{
	struct links links;
	const struct record *body;
	struct record *former, *row;
	enum kerr err = op_allow(op, VERB_MODEL, &object);

	if (err == KERR_OK)
		err = shape_body(op, false, &body);
	if (err == KERR_OK)
		err = shape_former(op, &shape, body, &former, &row);
	if (err == KERR_OK)
		err = resolve(op, body, row);
	if (err == KERR_OK)
		err = links_read(op, body, record_int(row, ROW_APPLICATION_YEAR), &links);
	if (err == KERR_OK)
		err = shape_update(op, &shape, row, former, EXISTS);
	if (err == KERR_OK)
		err = links_write(op, row, &links);
	return err == KERR_OK ? shape_answer(op, &shape, row) : err;
}

const struct op_row op_application_rows[] = {
	{MESSAGE_APPLICATION_ADD, add},
	{MESSAGE_APPLICATION_LIST, list},
	{MESSAGE_APPLICATION_SHOW, show},
	{MESSAGE_APPLICATION_CHANGE, change},
	{0, NULL},
};
