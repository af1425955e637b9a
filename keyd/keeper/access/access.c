#include "keyd/keeper/access/access.h"

#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "core/model/model.h"

#define BIT(verb) (1u << (verb))
#define EVERY_BIT (BIT(VERB__COUNT) - 1)

/* What each role may do. A role that is not everywhere may do it to what lies within its
 * scope, and read what belongs to the whole state. */
static const struct {
	unsigned verbs;
	bool everywhere;
} rights[ROLE_IS__COUNT] = {
	[ROLE_IS_OWNER] = {EVERY_BIT, true},
	[ROLE_IS_STATE] = {EVERY_BIT & ~(BIT(VERB_PEOPLE) | BIT(VERB_KEYS)), true},
	[ROLE_IS_HUB] = {BIT(VERB_READ) | BIT(VERB_ISSUE) | BIT(VERB_SUSPEND) |
				 BIT(VERB_QUARANTINE) | BIT(VERB_REVOKE),
		false},
	[ROLE_IS_AUDITOR] = {BIT(VERB_READ) | BIT(VERB_AUDIT), true},
};

static enum kerr
take_role(void *with, struct record *row)
{
	struct person *p = with;
	struct person_role *role;

	if (p->role_count == PERSON_ROLES_MAX)
		return KERR_CLOSED;
	role = &p->roles[p->role_count++];
	role->role = (int)record_int(row, ROW_OPERATOR_ROLE_ROLE);
	role->scope = record_int(row, ROW_OPERATOR_ROLE_SCOPE_ID);
	role->ends = record_int(row, ROW_OPERATOR_ROLE_ENDS);
	return KERR_OK;
}

enum kerr
access_person(struct store_reader *r, int64_t uid, const char *user, struct arena *a,
	struct person *ret)
{
	const struct store_condition c[] = {
		{.column = ROW_OPERATOR_USER, .test = STORE_IS, .text = user},
		{.column = ROW_OPERATOR_UID, .test = STORE_IS, .number = uid},
		{.column = ROW_OPERATOR_STATE,
			.test = STORE_IS,
			.number = OPERATOR_IS_LIVE}};
	const struct store_query q = {
		.table = TABLE_operator, .conditions = c, .count = 3};
	struct store_condition of_operator = {
		.column = ROW_OPERATOR_ROLE_OPERATOR_ID, .test = STORE_IS};
	const struct store_query roles = {
		.table = TABLE_operator_role, .conditions = &of_operator, .count = 1};
	struct record *row;
	enum kerr err;

	*ret = (struct person){.uid = uid};
	snprintf(ret->name, sizeof(ret->name), "%s", user);
	snprintf(ret->user, sizeof(ret->user), "%s", user);
	snprintf(ret->via, sizeof(ret->via), "local socket");
	if (uid <= 0 || strcmp(ret->user, user) != 0)
		return KERR_OK;
	err = store_first(r, &q, a, &row);
	if (err == KERR_NOTFOUND)
		return KERR_OK;
	if (err != KERR_OK)
		return err;
	ret->operator_id = record_int(row, ROW_ID);
	ret->tenant = record_int(row, ROW_TENANT_ID);
	snprintf(ret->name, sizeof(ret->name), "%s", record_text(row, ROW_OPERATOR_NAME));
	of_operator.number = ret->operator_id;
	return store_select(r, &roles, a, take_role, ret);
}

static bool
may_ever(const struct person_role *role, enum verb verb)
{
	return role->role >= 0 && role->role < ROLE_IS__COUNT &&
	       (rights[role->role].verbs & BIT(verb)) != 0;
}

static bool
has_ended(const struct person_role *role, int64_t today)
{
	return role->ends != 0 && role->ends < today;
}

void
access_scope(
	const struct person *who, enum verb verb, int64_t today, struct access_scope *ret)
{
	unsigned i;

	*ret = (struct access_scope){.everything = false};
	for (i = 0; i < who->role_count; i++) {
		const struct person_role *role = &who->roles[i];

		if (!may_ever(role, verb) || has_ended(role, today))
			continue;
		if (rights[role->role].everywhere)
			ret->everything = true;
		else if (role->scope != 0)
			ret->edorgs[ret->count++] = role->scope;
	}
	if (ret->everything)
		ret->count = 0;
}

/* Is there a row of that table that passes? */
static enum kerr
exists(struct store_reader *r, enum table_id table, const struct store_condition c[2],
	struct arena *a)
{
	const struct store_query q = {.table = table, .conditions = c, .count = 2};
	struct record *row;

	return store_first(r, &q, a, &row);
}

/* KERR_OK: one of the object's organizations lies within the scope; KERR_NOTFOUND. */
static enum kerr
covers(struct store_reader *r, const struct access_scope *scope,
	const struct access_object *object, struct arena *a)
{
	const struct store_condition above[2] = {{.column = ROW_EDORG_CLOSURE_BELOW_ID,
							 .test = STORE_IS,
							 .number = object->edorg},
		{.column = ROW_EDORG_CLOSURE_ABOVE_ID,
			.test = STORE_IN,
			.ids = scope->edorgs,
			.count = scope->count}};
	const struct store_condition linked[2] = {
		{.column = ROW_APPLICATION_EDORG_APPLICATION_ID,
			.test = STORE_IS,
			.number = object->application},
		{.column = ROW_APPLICATION_EDORG_EDORG_ID,
			.test = STORE_WITHIN,
			.ids = scope->edorgs,
			.count = scope->count}};
	enum kerr err = KERR_NOTFOUND;

	if (object->edorg != 0)
		err = exists(r, TABLE_edorg_closure, above, a);
	if (err == KERR_NOTFOUND && object->application != 0)
		err = exists(r, TABLE_application_edorg, linked, a);
	return err;
}

/* The names of the roles that may do it, "owner, state or hub". */
static void
name_roles(enum verb verb, bool everywhere_only, char *out, size_t size)
{
	const char *names[ROLE_IS__COUNT];
	unsigned count = 0, i;
	size_t len = 0;

	for (i = 0; i < ROLE_IS__COUNT; i++) {
		if ((rights[i].verbs & BIT(verb)) != 0 &&
			(rights[i].everywhere || !everywhere_only))
			names[count++] = role_names[i];
	}
	out[0] = '\0';
	for (i = 0; i < count && len < size; i++)
		len += (size_t)snprintf(out + len, size - len, "%s%s",
			i == 0           ? ""
			: i + 1 == count ? " or "
					 : ", ",
			names[i]);
}

static enum kerr
refuse(const struct person *who, enum verb verb, int64_t today, struct fault *fault)
{
	char could[96], until[CLOCK_DATE_SIZE];
	unsigned i;

	if (who->uid == 0)
		return fault_set(fault, KERR_DENIED, "",
			"root may init, unseal, stop, back up and restore, nothing else: "
			"run it as an operator");
	if (who->operator_id == 0)
		return fault_set(fault, KERR_DENIED, "",
			"the user %s (uid %lld) is no operator of this keyd: an owner "
			"adds one with keyd operator add",
			who->user, (long long)who->uid);
	name_roles(verb, false, could, sizeof(could));
	for (i = 0; i < who->role_count; i++) {
		const struct person_role *role = &who->roles[i];

		if (!may_ever(role, verb) || !has_ended(role, today))
			continue;
		clock_date_text(role->ends, until);
		return fault_set(fault, KERR_DENIED, "",
			"your role %s ended on %s; the role %s could do it",
			role_names[role->role], until, could);
	}
	return fault_set(fault, KERR_DENIED, "",
		"your roles do not allow it; the role %s could", could);
}

enum kerr
access_decide(const struct access_now *now, const struct person *who, enum verb verb,
	const struct access_object *object, struct fault *fault)
{
	int64_t today = now->today;
	struct access_scope scope;
	char could[96];
	enum kerr err = KERR_NOTFOUND;

	if (who->uid == 0)
		return verb == VERB_SERVICE ? KERR_OK : refuse(who, verb, today, fault);
	access_scope(who, verb, today, &scope);
	if (!scope.everything && scope.count == 0)
		return refuse(who, verb, today, fault);
	if (object->table == TABLE_deployment && who->tenant != ACCESS_HOME_TENANT)
		return fault_set(fault, KERR_DENIED, "",
			"that is about keyd itself: the people of its first tenant do "
			"it");
	if (object->tenant != 0 && object->tenant != who->tenant)
		return fault_set(fault, KERR_DENIED, "",
			"that belongs to another tenant: its own people could");
	if (scope.everything || (verb == VERB_READ && object->statewide))
		return KERR_OK;
	err = covers(now->reader, &scope, object, now->arena);
	if (err != KERR_NOTFOUND)
		return err;
	name_roles(verb, true, could, sizeof(could));
	return fault_set(fault, KERR_DENIED, "",
		"that lies outside the education organizations of your role; the role %s "
		"could do it, or the hub of that organization",
		could);
}
