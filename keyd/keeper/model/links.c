#include "keyd/keeper/model/links.h"

#include <string.h>

#include "core/model/model.h"
#include "keyd/keeper/model/refs.h"

/* The two tables that link an application with something. */
struct link_kind {
	enum table_id table, target;
	unsigned application, other;
	const char *add, *remove;
};
static const struct link_kind edorg_links = {.table = TABLE_application_edorg,
	.target = TABLE_edorg,
	.application = ROW_APPLICATION_EDORG_APPLICATION_ID,
	.other = ROW_APPLICATION_EDORG_EDORG_ID,
	.add = "application.add-edorg",
	.remove = "application.remove-edorg"};
static const struct link_kind ods_links = {.table = TABLE_application_ods,
	.target = TABLE_ods,
	.application = ROW_APPLICATION_ODS_APPLICATION_ID,
	.other = ROW_APPLICATION_ODS_ODS_ID,
	.add = "application.add-ods",
	.remove = "application.remove-ods"};

static bool
is_among(const struct shape_ids *ids, int64_t id)
{
	size_t i;

	for (i = 0; i < ids->count; i++) {
		if (ids->at[i] == id)
			return true;
	}
	return false;
}

static enum kerr
keep_once(struct op *op, struct shape_ids *ids, const struct record *row)
{
	int64_t id = record_int(row, ROW_ID);

	return is_among(ids, id) ? KERR_OK : shape_ids_add(op, ids, id);
}

static enum kerr
read_edorgs(struct op *op, const struct record *body, struct shape_ids *ret)
{
	struct record *row;
	size_t i;
	enum kerr err = KERR_OK;

	for (i = 0; err == KERR_OK && i < record_count(body, APPLICATION_EDORGS); i++) {
		err = refs_edorg(op, record_int_at(body, APPLICATION_EDORGS, i),
			"education_organizations", &row);
		if (err == KERR_OK && record_int(row, ROW_EDORG_STATE) != EDORG_IS_OPEN)
			return op_fault(op, KERR_CONFLICT, "education_organizations",
				"%lld (%s) is closed",
				(long long)record_int(row, ROW_EDORG_NUMBER),
				record_text(row, ROW_EDORG_NAME));
		if (err == KERR_OK)
			err = keep_once(op, ret, row);
	}
	return err;
}

static enum kerr
read_ods(struct op *op, const struct record *body, int64_t year, struct shape_ids *ret)
{
	struct record *row;
	size_t i;
	enum kerr err = KERR_OK;

	for (i = 0; err == KERR_OK && i < record_count(body, APPLICATION_ODS); i++) {
		err = refs_find(op, TABLE_ods, record_text_at(body, APPLICATION_ODS, i),
			"ods", &row);
		if (err != KERR_OK)
			return err;
		if (record_int(row, ROW_ODS_YEAR) != year)
			return op_fault(op, KERR_CONFLICT, "ods",
				"the ODS instance %s is of the school year %lld, the "
				"application of %lld",
				record_text(row, ROW_ODS_NAME),
				(long long)record_int(row, ROW_ODS_YEAR),
				(long long)year);
		if (record_int(row, ROW_ODS_STATE) == ODS_IS_RETIRED)
			return op_fault(op, KERR_CONFLICT, "ods",
				"the ODS instance %s is retired",
				record_text(row, ROW_ODS_NAME));
		err = keep_once(op, ret, row);
	}
	return err;
}

enum kerr
links_read(struct op *op, const struct record *body, int64_t year, struct links *ret)
{
	enum kerr err = KERR_OK;

	*ret = (struct links){.has_edorgs = record_has(body, APPLICATION_EDORGS),
		.has_ods = record_has(body, APPLICATION_ODS)};
	if (ret->has_edorgs)
		err = read_edorgs(op, body, &ret->edorgs);
	if (err == KERR_OK && ret->has_ods)
		err = read_ods(op, body, year, &ret->ods);
	return err;
}

/* Links of an application: the id at the other end, and their own. */
struct present {
	struct op *op;
	const struct link_kind *kind;
	struct shape_ids others, rows;
};

static enum kerr
take(void *with, struct record *row)
{
	struct present *p = with;
	enum kerr err = shape_ids_add(p->op, &p->others, record_int(row, p->kind->other));

	return err == KERR_OK ? shape_ids_add(p->op, &p->rows, record_int(row, ROW_ID))
			      : err;
}

static enum kerr
links_of(struct op *op, const struct link_kind *kind, int64_t application,
	struct present *ret)
{
	const struct store_condition c = {
		.column = kind->application, .test = STORE_IS, .number = application};
	const struct store_query q = {.table = kind->table, .conditions = &c, .count = 1};

	*ret = (struct present){.op = op, .kind = kind};
	return store_select(op->reader, &q, op->arena, take, ret);
}

static enum kerr
write_kind(struct op *op, const struct link_kind *kind, const struct record *application,
	const struct shape_ids *wanted)
{
	struct present former;
	struct record *row;
	size_t i;
	enum kerr err = links_of(op, kind, record_int(application, ROW_ID), &former);

	for (i = 0; err == KERR_OK && i < former.others.count; i++) {
		if (!is_among(wanted, former.others.at[i]))
			err = op_remove(op, kind->table, former.rows.at[i], kind->remove);
	}
	for (i = 0; err == KERR_OK && i < wanted->count; i++) {
		if (is_among(&former.others, wanted->at[i]))
			continue;
		row = record_new(op->arena, store_schema(kind->table));
		if (row == NULL)
			return KERR_NOMEM;
		record_set_int(
			row, ROW_TENANT_ID, record_int(application, ROW_TENANT_ID));
		record_set_int(row, kind->application, record_int(application, ROW_ID));
		record_set_int(row, kind->other, wanted->at[i]);
		err = op_insert(op, kind->table, row, kind->add);
	}
	return err;
}

enum kerr
links_write(struct op *op, const struct record *application, const struct links *links)
{
	enum kerr err = KERR_OK;

	if (links->has_edorgs)
		err = write_kind(op, &edorg_links, application, &links->edorgs);
	if (err == KERR_OK && links->has_ods)
		err = write_kind(op, &ods_links, application, &links->ods);
	return err;
}

enum kerr
links_fill_edorgs(struct op *op, int64_t application, struct record *ret, unsigned field)
{
	struct present p;
	struct record *row;
	size_t i;
	enum kerr err = links_of(op, &edorg_links, application, &p);

	for (i = 0; err == KERR_OK && i < p.others.count; i++) {
		err = store_get(op->reader, TABLE_edorg, p.others.at[i], op->arena, &row);
		if (err == KERR_OK)
			err = record_add_int(
				ret, field, record_int(row, ROW_EDORG_NUMBER));
	}
	return err;
}

enum kerr
links_fill_ods(struct op *op, int64_t application, struct record *ret, unsigned field)
{
	struct present p;
	struct record *row;
	size_t i;
	enum kerr err = links_of(op, &ods_links, application, &p);

	for (i = 0; err == KERR_OK && i < p.others.count; i++) {
		err = store_get(op->reader, TABLE_ods, p.others.at[i], op->arena, &row);
		if (err == KERR_OK)
			err = record_add_text(ret, field, record_text(row, ROW_ODS_NAME),
				strlen(record_text(row, ROW_ODS_NAME)));
	}
	return err;
}
