#include "keyd/keeper/access/access.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/model/model.h"
#include "tests/support/store_world.h"

/* The decisions against a model of their own: a tree of parents that is walked upwards,
 * and roles read one by one, without closure, conditions or tables of rights. */

#define EDORGS       60
#define APPLICATIONS 40
#define LINKS        3
#define ROUNDS       100000
#define TODAY        20000

static struct store_world w;
static struct {
	int64_t id;
	int parent; /* index; -1: none */
} edorgs[EDORGS];
static struct {
	int64_t id;
	int links[LINKS]; /* indexes */
} applications[APPLICATIONS];
static uint32_t seed = 20261124;

static unsigned
roll(unsigned below)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % below;
}

static void
ok(enum kerr err)
{
	ck_assert_str_eq(kerr_name(err), "ok");
}

static struct record *
new_row(enum table_id table)
{
	struct record *row = record_new(w.arena, store_schema(table));

	ck_assert_ptr_nonnull(row);
	record_set_int(row, ROW_TENANT_ID, 1);
	return row;
}

static int64_t
insert(enum table_id table, struct record *row)
{
	ok(store_insert(w.store, table, row, 1000));
	return record_int(row, ROW_ID);
}

static void
add_edorg(int i)
{
	struct record *row = new_row(TABLE_edorg);
	int above, distance = 0;

	edorgs[i].parent = i == 0 ? -1 : (int)roll((unsigned)i);
	record_set_int(row, ROW_EDORG_NUMBER, 255900 + i);
	ok(record_set_text(row, ROW_EDORG_NAME, "District"));
	record_set_int(row, ROW_EDORG_KIND, EDORG_KIND_LEA);
	record_set_int(row, ROW_EDORG_STATE, EDORG_IS_OPEN);
	record_set_int(row, ROW_EDORG_CREATED, 1000);
	edorgs[i].id = insert(TABLE_edorg, row);
	for (above = i; above >= 0; above = edorgs[above].parent) {
		row = new_row(TABLE_edorg_closure);
		record_set_int(row, ROW_EDORG_CLOSURE_ABOVE_ID, edorgs[above].id);
		record_set_int(row, ROW_EDORG_CLOSURE_BELOW_ID, edorgs[i].id);
		record_set_int(row, ROW_EDORG_CLOSURE_DISTANCE, distance++);
		insert(TABLE_edorg_closure, row);
	}
}

static void
add_application(int i)
{
	char name[16];
	int k;

	snprintf(name, sizeof(name), "app %d", i);
	applications[i].id = world_application(&w, name);
	for (k = 0; k < LINKS; k++) {
		struct record *row = new_row(TABLE_application_edorg);

		/* each in a third of its own, so that none is linked twice */
		applications[i].links[k] =
			k * (EDORGS / LINKS) + (int)roll(EDORGS / LINKS);
		record_set_int(
			row, ROW_APPLICATION_EDORG_APPLICATION_ID, applications[i].id);
		record_set_int(row, ROW_APPLICATION_EDORG_EDORG_ID,
			edorgs[applications[i].links[k]].id);
		insert(TABLE_application_edorg, row);
	}
}

static void
setup(void)
{
	int i;

	world_start(&w, (size_t)1 << 20);
	ok(store_begin(w.store, false));
	for (i = 0; i < EDORGS; i++)
		add_edorg(i);
	for (i = 0; i < APPLICATIONS; i++)
		add_application(i);
	ok(store_commit(w.store));
}

static void
teardown(void)
{
	world_end(&w);
}

static bool
lies_within(int edorg, int64_t scope)
{
	for (; edorg >= 0; edorg = edorgs[edorg].parent) {
		if (edorgs[edorg].id == scope)
			return true;
	}
	return false;
}

struct thing {
	struct access_object object;
	int edorg, application; /* indexes; -1: none */
};

static bool
hub_may(int64_t scope, enum verb verb, const struct thing *t)
{
	int k;

	if (verb != VERB_READ && verb != VERB_ISSUE && verb != VERB_SUSPEND &&
		verb != VERB_QUARANTINE && verb != VERB_REVOKE)
		return false;
	if (scope == 0)
		return false;
	if (verb == VERB_READ && t->object.statewide)
		return true;
	if (t->edorg >= 0 && lies_within(t->edorg, scope))
		return true;
	for (k = 0; t->application >= 0 && k < LINKS; k++) {
		if (lies_within(applications[t->application].links[k], scope))
			return true;
	}
	return false;
}

static bool
role_may(const struct person_role *r, enum verb verb, const struct thing *t)
{
	if (r->ends != 0 && TODAY > r->ends)
		return false;
	if (r->role == ROLE_IS_OWNER)
		return true;
	if (r->role == ROLE_IS_STATE)
		return verb != VERB_PEOPLE && verb != VERB_KEYS;
	if (r->role == ROLE_IS_AUDITOR)
		return verb == VERB_READ || verb == VERB_AUDIT;
	return r->role == ROLE_IS_HUB && hub_may(r->scope, verb, t);
}

static bool
may(const struct person *p, enum verb verb, const struct thing *t)
{
	unsigned i;

	if (p->uid == 0)
		return verb == VERB_SERVICE;
	if (t->object.table == TABLE_deployment && p->tenant != 1)
		return false;
	if (t->object.tenant != 0 && t->object.tenant != p->tenant)
		return false;
	for (i = 0; i < p->role_count; i++) {
		if (role_may(&p->roles[i], verb, t))
			return true;
	}
	return false;
}

static struct person
somebody(void)
{
	struct person p = {.uid = roll(20) == 0 ? 0 : 1000 + (int64_t)roll(5),
		.tenant = 1 + (int64_t)roll(2),
		.operator_id = 7,
		.name = "Anna",
		.user = "anna"};

	for (p.role_count = 0; p.role_count < roll(4); p.role_count++) {
		struct person_role *r = &p.roles[p.role_count];

		r->role = roll(3) == 0 ? (int)roll(ROLE_IS__COUNT) : ROLE_IS_HUB;
		r->scope = roll(10) == 0 ? 0 : edorgs[roll(EDORGS)].id;
		r->ends = roll(3) == 0 ? TODAY - 2 + (int64_t)roll(4) : 0;
	}
	return p;
}

static struct thing
something(void)
{
	static const enum table_id tables[] = {TABLE_deployment, TABLE_client,
		TABLE_application, TABLE_vendor, TABLE_edorg, TABLE_operator};
	struct thing t = {.edorg = -1, .application = -1};

	t.object.table = tables[roll(6)];
	t.object.tenant = (int64_t)roll(3);
	t.object.statewide = roll(3) == 0;
	if (roll(3) == 0) {
		t.edorg = (int)roll(EDORGS);
		t.object.edorg = edorgs[t.edorg].id;
	}
	if (roll(2) == 0) {
		t.application = (int)roll(APPLICATIONS);
		t.object.application = applications[t.application].id;
	}
	return t;
}

static enum kerr
decide(const struct person *p, enum verb verb, const struct access_object *object,
	struct arena *a, struct fault *fault)
{
	const struct access_now now = {
		.reader = store_as_reader(w.store), .arena = a, .today = TODAY};

	return access_decide(&now, p, verb, object, fault);
}

START_TEST(every_decision_is_that_of_a_model_of_its_own)
{
	struct arena *a = arena_new(1u << 20);
	unsigned allowed = 0;
	int i;

	for (i = 0; i < ROUNDS; i++) {
		struct person p = somebody();
		struct thing t = something();
		enum verb verb = (enum verb)roll(VERB__COUNT);
		struct fault fault = {0};
		enum kerr err = decide(&p, verb, &t.object, a, &fault);

		ck_assert_msg(err == KERR_OK || err == KERR_DENIED, "round %d: %s", i,
			kerr_name(err));
		ck_assert_msg((err == KERR_OK) == may(&p, verb, &t), "round %d", i);
		if (err == KERR_DENIED)
			ck_assert_int_gt((int)strlen(fault.text), 10);
		allowed += err == KERR_OK;
		arena_reset(a);
	}
	ck_assert_uint_gt(allowed, ROUNDS / 20);
	ck_assert_uint_lt(allowed, ROUNDS - ROUNDS / 20);
	arena_free(a);
}
END_TEST

static void
add_operator(const char *user, int64_t uid, int state)
{
	struct record *row = new_row(TABLE_operator), *role;
	int64_t id;

	ok(record_set_text(row, ROW_OPERATOR_USER, user));
	ok(record_set_text(row, ROW_OPERATOR_NAME, "Anna Smith"));
	record_set_int(row, ROW_OPERATOR_UID, uid);
	record_set_int(row, ROW_OPERATOR_STATE, state);
	record_set_int(row, ROW_OPERATOR_CREATED, 1000);
	ok(store_begin(w.store, false));
	id = insert(TABLE_operator, row);
	role = new_row(TABLE_operator_role);
	record_set_int(role, ROW_OPERATOR_ROLE_OPERATOR_ID, id);
	record_set_int(role, ROW_OPERATOR_ROLE_ROLE, ROLE_IS_OWNER);
	insert(TABLE_operator_role, role);
	ok(store_commit(w.store));
}

static struct person
look_up(int64_t uid, const char *user)
{
	struct person p;

	ok(access_person(store_as_reader(w.store), uid, user, w.arena, &p));
	return p;
}

START_TEST(a_person_has_roles_only_when_number_and_name_both_match)
{
	struct person p;

	add_operator("anna", 1000, OPERATOR_IS_LIVE);
	p = look_up(1000, "anna");
	ck_assert_uint_eq(p.role_count, 1);
	ck_assert_str_eq(p.name, "Anna Smith");
	ck_assert_str_eq(p.user, "anna");
	ck_assert_int_eq(p.tenant, 1);
	ck_assert_uint_eq(look_up(1000, "eve").role_count, 0);
	ck_assert_uint_eq(look_up(1001, "anna").role_count, 0);
	ck_assert_uint_eq(look_up(1000, "").role_count, 0);
	ck_assert_str_eq(look_up(1001, "eve").name, "eve");
}
END_TEST

START_TEST(an_ended_operator_and_root_have_no_roles)
{
	add_operator("anna", 1000, OPERATOR_IS_ENDED);
	add_operator("root", 0, OPERATOR_IS_LIVE);
	ck_assert_uint_eq(look_up(1000, "anna").role_count, 0);
	ck_assert_uint_eq(look_up(0, "root").role_count, 0);
	ck_assert_int_eq(look_up(0, "root").operator_id, 0);
}
END_TEST

START_TEST(a_refusal_names_the_role_that_could)
{
	struct person hub = {.uid = 1000,
		.operator_id = 1,
		.tenant = 1,
		.role_count = 1,
		.roles = {{.role = ROLE_IS_HUB, .scope = edorgs[1].id}}};
	struct access_object object = {.table = TABLE_vendor, .statewide = true};
	struct fault fault = {0};

	ck_assert_int_eq(decide(&hub, VERB_MODEL, &object, w.arena, &fault), KERR_DENIED);
	ck_assert_ptr_nonnull(strstr(fault.text, "owner or state"));
	hub.roles[0].role = ROLE_IS_STATE;
	hub.roles[0].ends = TODAY - 1;
	ck_assert_int_eq(decide(&hub, VERB_MODEL, &object, w.arena, &fault), KERR_DENIED);
	ck_assert_ptr_nonnull(strstr(fault.text, "ended on 2024-10-03"));
	hub.operator_id = 0;
	hub.role_count = 0;
	ck_assert_int_eq(decide(&hub, VERB_READ, &object, w.arena, &fault), KERR_DENIED);
	ck_assert_ptr_nonnull(strstr(fault.text, "no operator"));
}
END_TEST

START_TEST(a_scope_for_lists_holds_what_is_neither_ended_nor_of_another_verb)
{
	struct person p = {.uid = 1000,
		.operator_id = 1,
		.tenant = 1,
		.role_count = 3,
		.roles = {{.role = ROLE_IS_HUB, .scope = 5, .ends = TODAY},
			{.role = ROLE_IS_HUB, .scope = 6, .ends = TODAY - 1},
			{.role = ROLE_IS_HUB, .scope = 7}}};
	struct access_scope s;

	access_scope(&p, VERB_READ, TODAY, &s);
	ck_assert(!s.everything);
	ck_assert_uint_eq(s.count, 2);
	ck_assert_int_eq(s.edorgs[0], 5);
	ck_assert_int_eq(s.edorgs[1], 7);
	access_scope(&p, VERB_MODEL, TODAY, &s);
	ck_assert(!s.everything && s.count == 0);
	p.roles[1] = (struct person_role){.role = ROLE_IS_AUDITOR};
	access_scope(&p, VERB_READ, TODAY, &s);
	ck_assert(s.everything);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("access");
	TCase *c = tcase_create("access");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_set_timeout(c, 110);
	tcase_add_test(c, every_decision_is_that_of_a_model_of_its_own);
	tcase_add_test(c, a_person_has_roles_only_when_number_and_name_both_match);
	tcase_add_test(c, an_ended_operator_and_root_have_no_roles);
	tcase_add_test(c, a_refusal_names_the_role_that_could);
	tcase_add_test(
		c, a_scope_for_lists_holds_what_is_neither_ended_nor_of_another_verb);
	suite_add_tcase(s, c);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
