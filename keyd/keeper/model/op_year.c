#include "core/clock.h"
#include "core/model/model.h"
#include "core/text.h"
#include "keyd/keeper/model/operations.h"
#include "keyd/keeper/model/refs.h"
#include "keyd/keeper/model/shape.h"
#include "keyd/role/gate.h"

/* School years, named by the year in which they end. */

#define EXISTS     "there is that school year already"
#define LENGTH_MAX 400 /* days */

static enum kerr fill(struct op *op, const struct record *row, struct record *ret);

static const struct shape_pair pairs[] = {
	{YEAR_ID, ROW_ID},
	{YEAR_YEAR, ROW_SCHOOL_YEAR_YEAR},
	{YEAR_STARTS, ROW_SCHOOL_YEAR_STARTS},
	{YEAR_ENDS, ROW_SCHOOL_YEAR_ENDS},
	{YEAR_CREATED, ROW_SCHOOL_YEAR_CREATED},
	{YEAR_VERSION, ROW_VERSION},
};
static const struct list_column columns[] = {
	{.field = YEAR_ID, .column = ROW_ID},
	{.field = YEAR_YEAR, .column = ROW_SCHOOL_YEAR_YEAR},
	{.field = YEAR_CREATED, .column = ROW_SCHOOL_YEAR_CREATED},
};
static const struct list years = {.table = TABLE_school_year,
	.page = &year_list_schema,
	.item = &year_schema,
	.columns = columns,
	.count = sizeof(columns) / sizeof(columns[0]),
	.sight = LIST_STATEWIDE,
	.fill = fill};
static const struct shape shape = {.word = "year",
	.list = &years,
	.pairs = pairs,
	.count = sizeof(pairs) / sizeof(pairs[0])};
static const struct access_object object = {
	.table = TABLE_school_year, .statewide = true};

static enum kerr
fill(struct op *op, const struct record *row, struct record *ret)
{
	(void)op;
	return shape_fill(&shape, row, ret);
}

static enum kerr
check(struct op *op, const struct record *row)
{
	int64_t starts = record_int(row, ROW_SCHOOL_YEAR_STARTS);
	int64_t ends = record_int(row, ROW_SCHOOL_YEAR_ENDS), year = 0;
	char text[CLOCK_DATE_SIZE];

	if (starts >= ends)
		return op_fault(
			op, KERR_INVALID, "ends", "a school year ends after it starts");
	if (ends - starts > LENGTH_MAX)
		return op_fault(op, KERR_INVALID, "ends",
			"a school year is at most %d days long", LENGTH_MAX);
	clock_date_text(ends, text);
	if (text_to_int(text, 4, &year) != KERR_OK ||
		year != record_int(row, ROW_SCHOOL_YEAR_YEAR))
		return op_fault(op, KERR_INVALID, "ends",
			"the school year %lld ends in %lld, not on %s",
			(long long)record_int(row, ROW_SCHOOL_YEAR_YEAR),
			(long long)record_int(row, ROW_SCHOOL_YEAR_YEAR), text);
	return KERR_OK;
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
		err = check(op, row);
	if (err != KERR_OK)
		return err;
	record_set_int(row, ROW_SCHOOL_YEAR_CREATED, op->now);
	return shape_insert(op, &shape, row, EXISTS);
}

static enum kerr
list(struct op *op)
{
	return list_run(op, &years);
}

static enum kerr
show(struct op *op)
{
	struct record *row;
	enum kerr err = refs_find(op, TABLE_school_year, op_ref(op), "year", &row);

	return err == KERR_OK ? shape_show(op, &shape, row, object) : err;
}

struct outside {
	const struct record *year;
	uint64_t count;
};

static enum kerr
look_outside(void *with, struct record *application)
{
	struct outside *o = with;

	if (record_int(application, ROW_APPLICATION_ENDS) >
			record_int(o->year, ROW_SCHOOL_YEAR_ENDS) ||
		record_int(application, ROW_APPLICATION_STARTS) <
			record_int(o->year, ROW_SCHOOL_YEAR_STARTS))
		o->count++;
	return KERR_OK;
}

/* No application may be left reaching beyond its year. */
static enum kerr
check_applications(struct op *op, const struct record *row)
{
	const struct store_condition c[] = {
		{.column = ROW_APPLICATION_YEAR,
			.test = STORE_IS,
			.number = record_int(row, ROW_SCHOOL_YEAR_YEAR)},
		{.column = ROW_TENANT_ID,
			.test = STORE_IS,
			.number = record_int(row, ROW_TENANT_ID)}};
	const struct store_query q = {
		.table = TABLE_application, .conditions = c, .count = 2};
	struct outside o = {.year = row};
	enum kerr err = store_select(op->reader, &q, op->arena, look_outside, &o);

	if (err == KERR_OK && o.count > 0)
		return op_fault(op, KERR_CONFLICT, "ends",
			"%llu applications of this year would reach beyond it: change "
			"their dates first",
			(unsigned long long)o.count);
	return err;
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
		err = check(op, row);
	if (err == KERR_OK)
		err = check_applications(op, row);
	if (err == KERR_OK)
		err = shape_update(op, &shape, row, former, EXISTS);
	return err == KERR_OK ? shape_answer(op, &shape, row) : err;
}

const struct op_row op_year_rows[] = {
	{MESSAGE_YEAR_ADD, add},
	{MESSAGE_YEAR_LIST, list},
	{MESSAGE_YEAR_SHOW, show},
	{MESSAGE_YEAR_CHANGE, change},
	{0, NULL},
};
