#include "core/model/model.h"
#include "keyd/keeper/model/operations.h"
#include "keyd/keeper/model/refs.h"
#include "keyd/keeper/model/shape.h"
#include "keyd/role/gate.h"

/* Education organizations: a tree of state, hubs, districts and schools. Its closure,
 * every organization with each one above it and itself, is what scopes are looked up in.
 */

#define EXISTS "there is an education organization with that number"

static enum kerr fill(struct op *op, const struct record *row, struct record *ret);

static const struct shape_pair pairs[] = {
	{EDORG_ID, ROW_ID},
	{EDORG_NUMBER, ROW_EDORG_NUMBER},
	{EDORG_NAME, ROW_EDORG_NAME},
	{EDORG_KIND, ROW_EDORG_KIND},
	{EDORG_STATE, ROW_EDORG_STATE},
	{EDORG_EXTERNAL_ID, ROW_EDORG_EXTERNAL_ID},
	{EDORG_CREATED, ROW_EDORG_CREATED},
	{EDORG_VERSION, ROW_VERSION},
};
static const struct list_column columns[] = {
	{.field = EDORG_ID, .column = ROW_ID},
	{.field = EDORG_NUMBER, .column = ROW_EDORG_NUMBER},
	{.field = EDORG_NAME, .column = ROW_EDORG_NAME},
	{.field = EDORG_KIND, .column = ROW_EDORG_KIND},
	{.field = EDORG_PARENT,
		.column = ROW_EDORG_PARENT_ID,
		.match = LIST_REF,
		.ref = TABLE_edorg},
	{.field = EDORG_STATE, .column = ROW_EDORG_STATE},
	{.field = EDORG_EXTERNAL_ID, .column = ROW_EDORG_EXTERNAL_ID},
	{.field = EDORG_CREATED, .column = ROW_EDORG_CREATED},
};
static const struct list edorgs = {.table = TABLE_edorg,
	.page = &edorg_list_schema,
	.item = &edorg_schema,
	.columns = columns,
	.count = sizeof(columns) / sizeof(columns[0]),
	.sight = LIST_EDORG,
	.sight_column = ROW_ID,
	.fill = fill};
static const struct shape shape = {.word = "edorg",
	.list = &edorgs,
	.pairs = pairs,
	.count = sizeof(pairs) / sizeof(pairs[0])};
static const struct access_object object = {.table = TABLE_edorg, .statewide = true};

/* Under which kinds each may hang; schools must. */
#define UNDER(kind) (1u << (kind))
static const unsigned may_hang[EDORG_KIND__COUNT] = {
	[EDORG_KIND_ESA] = UNDER(EDORG_KIND_STATE),
	[EDORG_KIND_LEA] = UNDER(EDORG_KIND_STATE) | UNDER(EDORG_KIND_ESA),
	[EDORG_KIND_SCHOOL] = UNDER(EDORG_KIND_LEA),
};

static enum kerr
fill(struct op *op, const struct record *row, struct record *ret)
{
	enum kerr err = shape_fill(&shape, row, ret);

	if (err != KERR_OK || !record_has(row, ROW_EDORG_PARENT_ID))
		return err;
	return refs_put_name(op, TABLE_edorg, record_int(row, ROW_EDORG_PARENT_ID),
		ROW_EDORG_NUMBER, ret, EDORG_PARENT);
}

/* The one above, as the body names it by its number. */
static enum kerr
put_parent(struct op *op, const struct record *body, struct record *row)
{
	int64_t kind = record_int(row, ROW_EDORG_KIND), above;
	struct record *parent;
	enum kerr err;

	if (!record_has(body, EDORG_PARENT)) {
		if (kind != EDORG_KIND_SCHOOL || record_has(row, ROW_EDORG_PARENT_ID))
			return KERR_OK;
		return op_fault(op, KERR_INVALID, "parent",
			"a school hangs under a district: give the district's number");
	}
	err = refs_edorg(op, record_int(body, EDORG_PARENT), "parent", &parent);
	if (err != KERR_OK)
		return err;
	above = record_int(parent, ROW_EDORG_KIND);
	if (above < 0 || above >= EDORG_KIND__COUNT ||
		(may_hang[kind] & UNDER(above)) == 0)
		return op_fault(op, KERR_INVALID, "parent",
			"%s does not hang under %s: state, esa, lea, school is the "
			"order, and an lea may hang under the state",
			edorg_kinds[kind], record_text(parent, ROW_EDORG_KIND));
	if (record_int(parent, ROW_EDORG_STATE) != EDORG_IS_OPEN)
		return op_fault(op, KERR_CONFLICT, "parent",
			"the one above is closed: %s",
			record_text(parent, ROW_EDORG_NAME));
	record_set_int(row, ROW_EDORG_PARENT_ID, record_int(parent, ROW_ID));
	return KERR_OK;
}

/* Rows of the closure: the other organization, how far it is, the row's own id. */
struct reach {
	struct op *op;
	unsigned column; /* of the other organization */
	struct shape_ids others, distances, rows;
};

static enum kerr
take_reach(void *with, struct record *row)
{
	struct reach *r = with;
	enum kerr err = shape_ids_add(r->op, &r->others, record_int(row, r->column));

	if (err == KERR_OK)
		err = shape_ids_add(r->op, &r->distances,
			record_int(row, ROW_EDORG_CLOSURE_DISTANCE));
	return err == KERR_OK ? shape_ids_add(r->op, &r->rows, record_int(row, ROW_ID))
			      : err;
}

/* Everything above (or below) the organization, itself among it. */
static enum kerr
reach_of(struct op *op, int64_t id, bool above, struct reach *ret)
{
	const struct store_condition c = {
		.column = above ? ROW_EDORG_CLOSURE_BELOW_ID : ROW_EDORG_CLOSURE_ABOVE_ID,
		.test = STORE_IS,
		.number = id};
	const struct store_query q = {
		.table = TABLE_edorg_closure, .conditions = &c, .count = 1};

	*ret = (struct reach){.op = op,
		.column =
			above ? ROW_EDORG_CLOSURE_ABOVE_ID : ROW_EDORG_CLOSURE_BELOW_ID};
	return store_select(op->reader, &q, op->arena, take_reach, ret);
}

static enum kerr
place(struct op *op, int64_t tenant, int64_t above, int64_t below, int64_t distance)
{
	struct record *row = record_new(op->arena, store_schema(TABLE_edorg_closure));

	if (row == NULL)
		return KERR_NOMEM;
	record_set_int(row, ROW_TENANT_ID, tenant);
	record_set_int(row, ROW_EDORG_CLOSURE_ABOVE_ID, above);
	record_set_int(row, ROW_EDORG_CLOSURE_BELOW_ID, below);
	record_set_int(row, ROW_EDORG_CLOSURE_DISTANCE, distance);
	return op_insert(op, TABLE_edorg_closure, row, "edorg.place");
}

/* Puts what `below` reaches under what the new parent reaches. */
static enum kerr
hang(struct op *op, const struct record *edorg, const struct reach *below)
{
	int64_t tenant = record_int(edorg, ROW_TENANT_ID);
	struct reach above;
	size_t a, b;
	enum kerr err;

	if (!record_has(edorg, ROW_EDORG_PARENT_ID))
		return KERR_OK;
	err = reach_of(op, record_int(edorg, ROW_EDORG_PARENT_ID), true, &above);
	for (a = 0; err == KERR_OK && a < above.others.count; a++) {
		for (b = 0; err == KERR_OK && b < below->others.count; b++)
			err = place(op, tenant, above.others.at[a], below->others.at[b],
				above.distances.at[a] + 1 + below->distances.at[b]);
	}
	return err;
}

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

/* Takes what `below` reaches from under what was above it. */
static enum kerr
unhang(struct op *op, const struct record *edorg, const struct reach *below)
{
	struct reach former, mine;
	size_t a, b;
	enum kerr err = reach_of(op, record_int(edorg, ROW_ID), true, &former);

	for (b = 0; err == KERR_OK && b < below->others.count; b++) {
		err = reach_of(op, below->others.at[b], true, &mine);
		for (a = 0; err == KERR_OK && a < mine.others.count; a++) {
			if (mine.others.at[a] != record_int(edorg, ROW_ID) &&
				is_among(&former.others, mine.others.at[a]))
				err = op_remove(op, TABLE_edorg_closure, mine.rows.at[a],
					"edorg.unplace");
		}
	}
	return err;
}

static enum kerr
add(struct op *op)
{
	const struct record *body;
	struct record *row;
	struct reach itself;
	enum kerr err = op_allow(op, VERB_MODEL, &object);

	if (err == KERR_OK)
		err = shape_body(op, true, &body);
	if (err == KERR_OK)
		err = shape_new(op, &shape, body, &row);
	if (err == KERR_OK)
		err = put_parent(op, body, row);
	if (err != KERR_OK)
		return err;
	record_set_int(row, ROW_EDORG_STATE, EDORG_IS_OPEN);
	record_set_int(row, ROW_EDORG_CREATED, op->now);
	err = shape_insert(op, &shape, row, EXISTS);
	if (err == KERR_OK)
		err = place(op, record_int(row, ROW_TENANT_ID), record_int(row, ROW_ID),
			record_int(row, ROW_ID), 0);
	if (err == KERR_OK)
		err = reach_of(op, record_int(row, ROW_ID), false, &itself);
	return err == KERR_OK ? hang(op, row, &itself) : err;
}

static enum kerr
list(struct op *op)
{
	return list_run(op, &edorgs);
}

static enum kerr
show(struct op *op)
{
	struct access_object one = {.table = TABLE_edorg};
	struct record *row;
	enum kerr err = refs_find(op, TABLE_edorg, op_ref(op), "edorg", &row);

	if (err != KERR_OK)
		return err;
	one.edorg = record_int(row, ROW_ID);
	return shape_show(op, &shape, row, one);
}

/* Another parent: the whole subtree moves, and with it who may see it. */
static enum kerr
move(struct op *op, const struct record *row)
{
	struct reach below;
	enum kerr err = reach_of(op, record_int(row, ROW_ID), false, &below);

	if (err == KERR_OK)
		err = unhang(op, row, &below);
	return err == KERR_OK ? hang(op, row, &below) : err;
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
		err = put_parent(op, body, row);
	if (err == KERR_OK)
		err = shape_update(op, &shape, row, former, EXISTS);
	if (err == KERR_OK && record_int(row, ROW_EDORG_PARENT_ID) !=
				      record_int(former, ROW_EDORG_PARENT_ID))
		err = move(op, row);
	return err == KERR_OK ? shape_answer(op, &shape, row) : err;
}

const struct op_row op_edorg_rows[] = {
	{MESSAGE_EDORG_ADD, add},
	{MESSAGE_EDORG_LIST, list},
	{MESSAGE_EDORG_SHOW, show},
	{MESSAGE_EDORG_CHANGE, change},
	{0, NULL},
};
