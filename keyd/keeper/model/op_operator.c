#include <string.h>

#include "core/clock.h"
#include "core/model/model.h"
#include "keyd/keeper/model/operations.h"
#include "keyd/keeper/model/refs.h"
#include "keyd/keeper/model/shape.h"
#include "keyd/role/gate.h"

/* Operators: people of this machine with what they may do, where, until when. Roles are
 * rows of their own; a change that names roles replaces all of them. */

#define EXISTS "there is an operator with that user name"
#define NOBODY 65534

static enum kerr fill(struct op *op, const struct record *row, struct record *ret);

static const struct shape_pair pairs[] = {
	{OPERATOR_ID, ROW_ID},
	{OPERATOR_NAME, ROW_OPERATOR_NAME},
	{OPERATOR_USER, ROW_OPERATOR_USER},
	{OPERATOR_UID, ROW_OPERATOR_UID},
	{OPERATOR_STATE, ROW_OPERATOR_STATE},
	{OPERATOR_CREATED, ROW_OPERATOR_CREATED},
	{OPERATOR_VERSION, ROW_VERSION},
};
static const struct list_column columns[] = {
	{.field = OPERATOR_ID, .column = ROW_ID},
	{.field = OPERATOR_NAME, .column = ROW_OPERATOR_NAME},
	{.field = OPERATOR_USER, .column = ROW_OPERATOR_USER},
	{.field = OPERATOR_STATE, .column = ROW_OPERATOR_STATE},
	{.field = OPERATOR_CREATED, .column = ROW_OPERATOR_CREATED},
};
static const struct list operators = {.table = TABLE_operator,
	.page = &operator_list_schema,
	.item = &operator_schema,
	.columns = columns,
	.count = sizeof(columns) / sizeof(columns[0]),
	.sight = LIST_STATE_ROLE,
	.fill = fill};
static const struct shape shape = {.word = "operator",
	.list = &operators,
	.pairs = pairs,
	.count = sizeof(pairs) / sizeof(pairs[0])};
static const struct access_object object = {.table = TABLE_operator, .statewide = true};

/* Roles of an operator as they are stored. */
struct roles {
	struct op *op;
	struct record *answer; /* filled when not NULL */
	struct record *rows[PERSON_ROLES_MAX];
	bool kept[PERSON_ROLES_MAX];
	size_t count;
};

static enum kerr
take_role(void *with, struct record *row)
{
	struct roles *r = with;

	if (r->count == PERSON_ROLES_MAX)
		return KERR_CLOSED;
	r->rows[r->count++] = row;
	return KERR_OK;
}

static enum kerr
roles_of(struct op *op, int64_t operator_id, struct roles *ret)
{
	const struct store_condition c = {.column = ROW_OPERATOR_ROLE_OPERATOR_ID,
		.test = STORE_IS,
		.number = operator_id};
	const struct store_query q = {
		.table = TABLE_operator_role, .conditions = &c, .count = 1};

	*ret = (struct roles){.op = op};
	return store_select(op->reader, &q, op->arena, take_role, ret);
}

static enum kerr
fill_roles(struct op *op, const struct record *row, struct record *ret)
{
	struct roles r;
	size_t i;
	enum kerr err = roles_of(op, record_int(row, ROW_ID), &r);

	record_set_empty(ret, OPERATOR_ROLES);
	for (i = 0; err == KERR_OK && i < r.count; i++) {
		struct record *role = record_add_record(ret, OPERATOR_ROLES);

		if (role == NULL)
			return KERR_NOMEM;
		err = record_copy_field(
			role, ROLE_ROLE, r.rows[i], ROW_OPERATOR_ROLE_ROLE);
		if (err == KERR_OK)
			err = record_copy_field(
				role, ROLE_ENDS, r.rows[i], ROW_OPERATOR_ROLE_ENDS);
		if (err == KERR_OK && record_has(r.rows[i], ROW_OPERATOR_ROLE_SCOPE_ID))
			err = refs_put_name(op, TABLE_edorg,
				record_int(r.rows[i], ROW_OPERATOR_ROLE_SCOPE_ID),
				ROW_EDORG_NUMBER, role, ROLE_SCOPE);
	}
	return err;
}

static enum kerr
fill(struct op *op, const struct record *row, struct record *ret)
{
	enum kerr err = shape_fill(&shape, row, ret);

	if (err == KERR_OK)
		err = refs_put_name(op, TABLE_tenant, record_int(row, ROW_TENANT_ID),
			ROW_TENANT_NAME, ret, OPERATOR_TENANT);
	return err == KERR_OK ? fill_roles(op, row, ret) : err;
}

static enum kerr
check_role(struct op *op, const struct record *role)
{
	int64_t word = record_int(role, ROLE_ROLE);

	if (word != ROLE_IS_OWNER && word != ROLE_IS_STATE && word != ROLE_IS_HUB &&
		word != ROLE_IS_AUDITOR)
		return op_fault(op, KERR_INVALID, "roles",
			"the role %s is not given yet: owner, state, hub or auditor",
			record_text(role, ROLE_ROLE));
	if (word == ROLE_IS_HUB && !record_has(role, ROLE_SCOPE))
		return op_fault(op, KERR_INVALID, "roles",
			"a hub has a scope: the number of its education organization");
	if (word != ROLE_IS_HUB && record_has(role, ROLE_SCOPE))
		return op_fault(op, KERR_INVALID, "roles",
			"only a hub has a scope; %s is for everything",
			record_text(role, ROLE_ROLE));
	if (record_has(role, ROLE_ENDS) && record_int(role, ROLE_ENDS) < op_today(op))
		return op_fault(op, KERR_INVALID, "roles", "a role ends in the past");
	return KERR_OK;
}

/* The row that a role of the body would be. */
static enum kerr
role_row(struct op *op, const struct record *operator, const struct record * role,
	struct record **ret)
{
	struct record *row = record_new(op->arena, store_schema(TABLE_operator_role));
	struct record *edorg;
	enum kerr err = row != NULL ? check_role(op, role) : KERR_NOMEM;

	if (err != KERR_OK)
		return err;
	record_set_int(row, ROW_TENANT_ID, record_int(operator, ROW_TENANT_ID));
	record_set_int(row, ROW_OPERATOR_ROLE_OPERATOR_ID, record_int(operator, ROW_ID));
	record_set_int(row, ROW_OPERATOR_ROLE_ROLE, record_int(role, ROLE_ROLE));
	if (record_has(role, ROLE_ENDS))
		record_set_int(row, ROW_OPERATOR_ROLE_ENDS, record_int(role, ROLE_ENDS));
	if (record_has(role, ROLE_SCOPE)) {
		err = refs_edorg(op, record_int(role, ROLE_SCOPE), "roles", &edorg);
		if (err == KERR_OK)
			record_set_int(row, ROW_OPERATOR_ROLE_SCOPE_ID,
				record_int(edorg, ROW_ID));
	}
	*ret = row;
	return err;
}

static bool
is_same_role(const struct record *a, const struct record *b)
{
	return record_int(a, ROW_OPERATOR_ROLE_ROLE) ==
		       record_int(b, ROW_OPERATOR_ROLE_ROLE) &&
	       record_int(a, ROW_OPERATOR_ROLE_SCOPE_ID) ==
		       record_int(b, ROW_OPERATOR_ROLE_SCOPE_ID) &&
	       record_int(a, ROW_OPERATOR_ROLE_ENDS) ==
		       record_int(b, ROW_OPERATOR_ROLE_ENDS);
}

/* A role that is there already is left as it is. */
static enum kerr
grant(struct op *op, struct roles *former, struct record *row)
{
	size_t i;

	for (i = 0; i < former->count; i++) {
		if (!former->kept[i] && is_same_role(former->rows[i], row)) {
			former->kept[i] = true;
			return KERR_OK;
		}
	}
	return op_insert(op, TABLE_operator_role, row, "operator.grant");
}

static enum kerr
put_roles(struct op *op, const struct record *body, const struct record *operator)
{
	struct roles former;
	struct record *row;
	size_t i;
	enum kerr err = roles_of(op, record_int(operator, ROW_ID), &former);

	for (i = 0; err == KERR_OK && i < record_count(body, OPERATOR_ROLES); i++) {
		err = role_row(op, operator, record_at(body, OPERATOR_ROLES, i), &row);
		if (err == KERR_OK)
			err = grant(op, &former, row);
	}
	for (i = 0; err == KERR_OK && i < former.count; i++) {
		if (!former.kept[i])
			err = op_remove(op, TABLE_operator_role,
				record_int(former.rows[i], ROW_ID), "operator.withdraw");
	}
	op->people_changed = true;
	return err;
}

struct owners {
	struct op *op;
	int64_t tenant;
	bool found;
};

static enum kerr
look_for_owner(void *with, struct record *role)
{
	struct owners *o = with;
	struct record *operator;
	enum kerr err;

	if (record_int(role, ROW_TENANT_ID) != o->tenant ||
		(record_has(role, ROW_OPERATOR_ROLE_ENDS) &&
			record_int(role, ROW_OPERATOR_ROLE_ENDS) < op_today(o->op)))
		return KERR_OK;
	err = store_get(o->op->reader, TABLE_operator,
		record_int(role, ROW_OPERATOR_ROLE_OPERATOR_ID), o->op->arena, &operator);
	if (err != KERR_OK)
		return err == KERR_DAMAGED || err == KERR_NOTFOUND ? KERR_OK : err;
	o->found = record_int(operator, ROW_OPERATOR_STATE) == OPERATOR_IS_LIVE;
	return o->found ? KERR_CLOSED : KERR_OK;
}

/* A deployment without an owner could never have one again. */
static enum kerr
check_owners(struct op *op)
{
	const struct store_condition c = {.column = ROW_OPERATOR_ROLE_ROLE,
		.test = STORE_IS,
		.number = ROLE_IS_OWNER};
	const struct store_query q = {
		.table = TABLE_operator_role, .conditions = &c, .count = 1};
	struct owners o = {.op = op, .tenant = op->who->tenant};
	enum kerr err = store_select(op->reader, &q, op->arena, look_for_owner, &o);

	if (err == KERR_OK && !o.found)
		return op_fault(op, KERR_CONFLICT, "roles",
			"nobody would be owner any more: give the role to another "
			"operator first");
	return err;
}

/* Names that log-in programs take; root and nobody are no operators. */
static enum kerr
check_user(struct op *op, const struct record *row)
{
	const char *user = record_text(row, ROW_OPERATOR_USER);
	int64_t uid = record_int(row, ROW_OPERATOR_UID);
	const struct store_condition c = {
		.column = ROW_OPERATOR_UID, .test = STORE_IS, .number = uid};
	const struct store_query q = {
		.table = TABLE_operator, .conditions = &c, .count = 1};
	struct record *other;
	enum kerr err;

	if (strpbrk(user, " \t:/,") != NULL || user[0] == '-' ||
		(user[0] >= '0' && user[0] <= '9'))
		return op_fault(op, KERR_INVALID, "user", "that is no login name");
	if (uid == 0 || strcmp(user, "root") == 0)
		return op_fault(op, KERR_INVALID, "uid",
			"root is no operator: it may init, unseal, stop, back up and "
			"restore");
	if (uid == NOBODY)
		return op_fault(op, KERR_INVALID, "uid", "nobody is no operator");
	err = store_first(op->reader, &q, op->arena, &other);
	if (err == KERR_NOTFOUND)
		return KERR_OK;
	if (err != KERR_OK)
		return err;
	return op_fault(op, KERR_EXISTS, "uid",
		"the operator %s (id %lld) has that number",
		record_text(other, ROW_OPERATOR_USER),
		(long long)record_int(other, ROW_ID));
}

/* The tenant that the operator works in: the person's own, or, for the people of the
 * first one, any. */
static enum kerr
put_tenant(struct op *op, const struct record *body, struct record *row)
{
	struct record *tenant;
	enum kerr err;

	record_set_int(row, ROW_TENANT_ID, op->who->tenant);
	if (!record_has(body, OPERATOR_TENANT))
		return KERR_OK;
	err = op_allow(
		op, VERB_PEOPLE, &(struct access_object){.table = TABLE_deployment});
	if (err == KERR_OK)
		err = refs_find(op, TABLE_tenant, record_text(body, OPERATOR_TENANT),
			"tenant", &tenant);
	if (err == KERR_OK)
		record_set_int(row, ROW_TENANT_ID, record_int(tenant, ROW_ID));
	return err;
}

static enum kerr
add(struct op *op)
{
	const struct record *body;
	struct record *row;
	enum kerr err = op_allow(op, VERB_PEOPLE, &object);

	if (err == KERR_OK)
		err = shape_body(op, true, &body);
	if (err == KERR_OK)
		err = shape_new(op, &shape, body, &row);
	if (err == KERR_OK)
		err = check_user(op, row);
	if (err == KERR_OK)
		err = put_tenant(op, body, row);
	if (err != KERR_OK)
		return err;
	record_set_int(row, ROW_OPERATOR_STATE, OPERATOR_IS_LIVE);
	record_set_int(row, ROW_OPERATOR_CREATED, op->now);
	err = shape_insert(op, &shape, row, EXISTS);
	if (err == KERR_OK)
		err = put_roles(op, body, row);
	return err == KERR_OK ? shape_answer(op, &shape, row) : err;
}

static enum kerr
list(struct op *op)
{
	return list_run(op, &operators);
}

static enum kerr
show(struct op *op)
{
	struct record *row;
	enum kerr err = refs_find(op, TABLE_operator, op_ref(op), "operator", &row);

	return err == KERR_OK
		       ? shape_show(op, &shape, row, (struct access_object){.edorg = 0})
		       : err;
}

static enum kerr
change(struct op *op)
{
	const struct record *body;
	struct record *former, *row;
	enum kerr err = op_allow(op, VERB_PEOPLE, &object);

	if (err == KERR_OK)
		err = shape_body(op, false, &body);
	if (err == KERR_OK)
		err = shape_former(op, &shape, body, &former, &row);
	if (err == KERR_OK)
		err = shape_update(op, &shape, row, former, EXISTS);
	if (err == KERR_OK && record_has(body, OPERATOR_ROLES)) {
		err = put_roles(op, body, row);
		if (err == KERR_OK)
			err = check_owners(op);
	}
	op->people_changed = err == KERR_OK;
	return err == KERR_OK ? shape_answer(op, &shape, row) : err;
}

const struct op_row op_operator_rows[] = {
	{MESSAGE_OPERATOR_ADD, add},
	{MESSAGE_OPERATOR_LIST, list},
	{MESSAGE_OPERATOR_SHOW, show},
	{MESSAGE_OPERATOR_CHANGE, change},
	{0, NULL},
};
