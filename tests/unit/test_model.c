#include "tests/unit/model_rig.h"

#include "core/credential.h"

/* The path of a change, references, lists and who sees what, on a real store, vault and
 * audit chain. */

static struct model_rig r;

static void
setup(void)
{
	rig_start(&r);
}

static void
teardown(void)
{
	rig_end(&r);
}

static void
vendor(const char *name)
{
	rig_must(&r, MESSAGE_VENDOR_ADD, NULL, "name", name, "kind", "sis");
}

static void
edorg(const char *number, const char *name, const char *kind, const char *parent)
{
	if (parent != NULL)
		rig_must(&r, MESSAGE_EDORG_ADD, NULL, "number", number, "name", name,
			"kind", kind, "parent", parent);
	else
		rig_must(&r, MESSAGE_EDORG_ADD, NULL, "number", number, "name", name,
			"kind", kind);
}

/* The newest audit record. */
static struct record *
newest_record(void)
{
	const struct store_query q = {.table = TABLE_audit_record, .descending = true};
	struct record *row, *audit = record_new(r.arena, &audit_schema);
	const char *line;

	rig_ok(&r, store_first(store_as_reader(r.w.store), &q, r.arena, &row));
	line = record_text(row, ROW_AUDIT_RECORD_LINE);
	rig_ok(&r, audit_parse(line, strlen(line), audit));
	return audit;
}

START_TEST(a_deployment_begins_with_tenant_owner_claimsets_and_keys)
{
	struct record *page;

	ck_assert_uint_eq(rig_count(&r, TABLE_claimset), 12);
	ck_assert_uint_eq(rig_count(&r, TABLE_claimset_version), 12);
	ck_assert_uint_eq(rig_count(&r, TABLE_signing_key), 2);
	ck_assert_int_eq(r.who.tenant, ACCESS_HOME_TENANT);
	ck_assert_uint_eq(r.who.role_count, 1);
	rig_ok(&r, rig_list(&r, MESSAGE_CLAIMSET_LIST, NULL, "name", NULL, 0));
	page = r.op.answer;
	ck_assert_int_eq(rig_int(page, "total"), 12);
	rig_ok(&r, rig_ask(&r, MESSAGE_CLAIMSET_SHOW,
			   rig_request(&r, MESSAGE_CLAIMSET_SHOW,
				   "Ed-Fi API Publisher - Reader", NULL)));
	ck_assert_str_eq(rig_text(r.op.answer, "v8_name"), "EdFiAPIPublisherReader");
	ck_assert_int_eq(rig_int(r.op.answer, "number"), 1);
}
END_TEST

START_TEST(each_row_change_has_one_audit_record_and_one_change_for_the_index)
{
	uint64_t records = rig_count(&r, TABLE_audit_record);
	struct record *audit;

	vendor("Acme");
	ck_assert_uint_eq(rig_count(&r, TABLE_audit_record), records + 1);
	ck_assert_ptr_nonnull(r.op.changes);
	ck_assert_ptr_null(r.op.changes->next);
	ck_assert_int_eq(r.op.changes->table, TABLE_vendor);
	ck_assert_str_eq(record_text(r.op.changes->row, ROW_VENDOR_NAME), "Acme");
	audit = newest_record();
	ck_assert_str_eq(rig_text(audit, "action"), "vendor.add");
	ck_assert_str_eq(rig_text(audit, "object"), "vendor");
	ck_assert_str_eq(rig_text(audit, "who"), "olga");
	ck_assert_str_eq(rig_text(audit, "via"), "local socket, uid 1000");
	ck_assert_str_eq(rig_text(audit, "act"), r.op.request);
	ck_assert_ptr_nonnull(strstr(rig_text(audit, "after"), "name=Acme"));

	rig_must(&r, MESSAGE_VENDOR_CHANGE, "Acme", "contact", "Bo");
	ck_assert_uint_eq(rig_count(&r, TABLE_audit_record), records + 2);
	ck_assert_int_eq(rig_int(newest_record(), "object_version"), 2);
}
END_TEST

START_TEST(a_change_that_changes_nothing_is_none)
{
	uint64_t records;

	vendor("Acme");
	records = rig_count(&r, TABLE_audit_record);
	rig_must(&r, MESSAGE_VENDOR_CHANGE, "Acme", "kind", "sis");
	ck_assert_uint_eq(rig_count(&r, TABLE_audit_record), records);
	ck_assert_int_eq(rig_int(r.op.answer, "version"), 1);
}
END_TEST

START_TEST(a_refused_operation_leaves_neither_row_nor_record)
{
	uint64_t records, rows;

	vendor("Acme");
	records = rig_count(&r, TABLE_audit_record);
	rows = rig_count(&r, TABLE_vendor);
	ck_assert_int_eq(
		rig_try(&r, MESSAGE_VENDOR_ADD, NULL, "name", "Acme", "kind", "sis"),
		KERR_EXISTS);
	ck_assert_ptr_nonnull(strstr(r.op.fault.text, "vendor with that name"));
	ck_assert_uint_eq(rig_count(&r, TABLE_audit_record), records);
	ck_assert_uint_eq(rig_count(&r, TABLE_vendor), rows);
}
END_TEST

START_TEST(a_change_of_another_version_than_was_seen_is_refused)
{
	struct record *asked;

	vendor("Acme");
	rig_must(&r, MESSAGE_VENDOR_CHANGE, "Acme", "contact", "Bo");
	asked = rig_request(&r, MESSAGE_VENDOR_CHANGE, "Acme", BODY("contact", "Cy"));
	record_set_int(asked, REQUEST_VERSION, 1);
	ck_assert_int_eq(rig_ask(&r, MESSAGE_VENDOR_CHANGE, asked), KERR_CONFLICT);
	ck_assert_str_eq(r.op.fault.field, "version");
	record_set_int(asked, REQUEST_VERSION, 2);
	rig_ok(&r, rig_ask(&r, MESSAGE_VENDOR_CHANGE, asked));
}
END_TEST

static enum kerr
show_vendor(const char *ref)
{
	return rig_ask(
		&r, MESSAGE_VENDOR_SHOW, rig_request(&r, MESSAGE_VENDOR_SHOW, ref, NULL));
}

START_TEST(a_reference_is_an_id_then_an_external_id_then_a_name)
{
	rig_must(&r, MESSAGE_VENDOR_ADD, NULL, "name", "2", "kind", "sis");
	rig_must(&r, MESSAGE_VENDOR_ADD, NULL, "name", "Zeta", "kind", "hr",
		"external_id", "V-77");
	rig_ok(&r, show_vendor("2"));
	ck_assert_str_eq(rig_text(r.op.answer, "name"), "Zeta");
	rig_ok(&r, show_vendor("V-77"));
	ck_assert_str_eq(rig_text(r.op.answer, "name"), "Zeta");
	rig_must(&r, MESSAGE_VENDOR_ADD, NULL, "name", "77", "kind", "hr");
	rig_ok(&r, show_vendor("77"));
	ck_assert_int_eq(rig_int(r.op.answer, "id"), 3);
	rig_ok(&r, show_vendor("ZETA"));
	ck_assert_str_eq(rig_text(r.op.answer, "name"), "Zeta");
	ck_assert_int_eq(show_vendor("Eta"), KERR_NOTFOUND);
	ck_assert_ptr_nonnull(strstr(r.op.fault.text, "no vendor \"Eta\""));
	ck_assert_int_eq(show_vendor(""), KERR_INVALID);
}
END_TEST

START_TEST(an_ambiguous_reference_lists_at_most_five_candidates_with_ids)
{
	char number[8], name[16];
	int i;

	edorg("255900", "State", "state", NULL);
	for (i = 1; i <= 7; i++) {
		snprintf(number, sizeof(number), "%d", 255900 + i);
		snprintf(name, sizeof(name), "%s", i % 2 != 0 ? "Lake" : "LAKE");
		edorg(number, name, "lea", "255900");
	}
	rig_ok(&r, rig_ask(&r, MESSAGE_EDORG_SHOW,
			   rig_request(&r, MESSAGE_EDORG_SHOW, "255907", NULL)));
	ck_assert_int_eq(rig_ask(&r, MESSAGE_EDORG_SHOW,
				 rig_request(&r, MESSAGE_EDORG_SHOW, "Lake", NULL)),
		KERR_CONFLICT);
	ck_assert_ptr_nonnull(strstr(r.op.fault.text, "2 (Lake, 255901)"));
	ck_assert_ptr_null(strstr(r.op.fault.text, "255902"));
	ck_assert_int_eq(rig_ask(&r, MESSAGE_EDORG_SHOW,
				 rig_request(&r, MESSAGE_EDORG_SHOW, "lake", NULL)),
		KERR_CONFLICT);
	ck_assert_ptr_nonnull(strstr(r.op.fault.text, "255905"));
	ck_assert_ptr_null(strstr(r.op.fault.text, "255906"));
}
END_TEST

START_TEST(a_secret_in_the_place_of_a_name_is_neither_kept_nor_repeated)
{
	struct secret *s = credential_secret_new();
	char text[128];

	snprintf(text, sizeof(text), "%.*s", (int)secret_len(s),
		(const char *)secret_reveal(s));
	ck_assert_int_eq(show_vendor(text), KERR_NOTFOUND);
	ck_assert_ptr_null(strstr(r.op.fault.text, text));
	ck_assert_ptr_nonnull(strstr(r.op.fault.text, "leaked"));
	text[74] = '\0';
	ck_assert_int_eq(rig_try(&r, MESSAGE_VENDOR_ADD, NULL, "name", "Acme", "kind",
				 "sis", "contact", text),
		KERR_INVALID);
	ck_assert_ptr_null(strstr(r.op.fault.text, text));
	secret_free(s);
}
END_TEST

START_TEST(pages_of_every_order_are_the_whole_list_once)
{
	static const char *const sorts[] = {
		NULL, "id", "-id", "name", "-name", "created", "-created"};
	char name[16], after[257];
	bool seen[26];
	size_t k, i;

	for (i = 0; i < 25; i++) {
		r.now = RIG_NOW + (int64_t)(i * 7 % 5);
		snprintf(name, sizeof(name), "V %c", (char)('a' + (i * 11) % 25));
		vendor(name);
	}
	for (k = 0; k < sizeof(sorts) / sizeof(sorts[0]); k++) {
		memset(seen, 0, sizeof(seen));
		after[0] = '\0';
		do {
			rig_ok(&r, rig_list(&r, MESSAGE_VENDOR_LIST, NULL, sorts[k],
					   after[0] != '\0' ? after : NULL, 4));
			ck_assert_int_eq(rig_int(r.op.answer, "total"), 25);
			for (i = 0; i < record_count(r.op.answer, LIST_ITEMS); i++) {
				int64_t id = record_int(
					record_at(r.op.answer, LIST_ITEMS, i), VENDOR_ID);

				ck_assert(!seen[id]);
				seen[id] = true;
			}
			snprintf(after, sizeof(after), "%s",
				record_text(r.op.answer, LIST_AFTER));
		} while (after[0] != '\0');
		for (i = 1; i <= 25; i++)
			ck_assert(seen[i]);
	}
}
END_TEST

START_TEST(a_cursor_of_another_list_or_order_or_of_nobody_is_refused)
{
	static const char *const bad[] = {
		"x", "!", "AAAA", "////", "AAAAAAAAAAAAAAAAAAAAAAAA", "AQUAAAEAAAAAAAAA"};
	char after[257];
	size_t i;

	for (i = 0; i < 3; i++)
		vendor(i == 0 ? "a" : i == 1 ? "b" : "c");
	rig_ok(&r, rig_list(&r, MESSAGE_VENDOR_LIST, NULL, "name", NULL, 1));
	snprintf(after, sizeof(after), "%s", record_text(r.op.answer, LIST_AFTER));
	rig_ok(&r, rig_list(&r, MESSAGE_VENDOR_LIST, NULL, "name", after, 1));
	ck_assert_int_eq(
		rig_list(&r, MESSAGE_VENDOR_LIST, NULL, "-name", after, 1), KERR_INVALID);
	ck_assert_int_eq(rig_list(&r, MESSAGE_CLAIMSET_LIST, NULL, "name", after, 1),
		KERR_INVALID);
	ck_assert_int_eq(
		rig_list(&r, MESSAGE_VENDOR_LIST, NULL, NULL, after, 1), KERR_INVALID);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ck_assert_int_eq(
			rig_list(&r, MESSAGE_VENDOR_LIST, NULL, "name", bad[i], 1),
			KERR_INVALID);
		ck_assert_str_eq(r.op.fault.field, "after");
	}
}
END_TEST

START_TEST(filters_are_of_the_kind_s_fields_and_all_hold)
{
	vendor("Acme One");
	rig_must(&r, MESSAGE_VENDOR_ADD, NULL, "name", "Acme Two", "kind", "hr");
	rig_must(&r, MESSAGE_VENDOR_ADD, NULL, "name", "Bolt", "kind", "hr");
	rig_ok(&r, rig_list(&r, MESSAGE_VENDOR_LIST, "kind=hr", NULL, NULL, 0));
	ck_assert_int_eq(rig_int(r.op.answer, "total"), 2);
	rig_ok(&r,
		rig_list(&r, MESSAGE_VENDOR_LIST, "kind=hr name=Acme*", NULL, NULL, 0));
	ck_assert_int_eq(rig_int(r.op.answer, "total"), 1);
	rig_ok(&r, rig_list(&r, MESSAGE_VENDOR_LIST, "name=*OL*", NULL, NULL, 0));
	ck_assert_int_eq(rig_int(r.op.answer, "total"), 1);
	rig_ok(&r, rig_list(&r, MESSAGE_VENDOR_LIST, "name=Acme", NULL, NULL, 0));
	ck_assert_int_eq(rig_int(r.op.answer, "total"), 0);
	ck_assert_int_eq(rig_list(&r, MESSAGE_VENDOR_LIST, "color=red", NULL, NULL, 0),
		KERR_INVALID);
	ck_assert_ptr_nonnull(strstr(r.op.fault.text, "name, kind, state"));
	ck_assert_int_eq(rig_list(&r, MESSAGE_VENDOR_LIST, "kind=tv", NULL, NULL, 0),
		KERR_INVALID);
	ck_assert_ptr_nonnull(strstr(r.op.fault.text, "sis, hr"));
	ck_assert_int_eq(
		rig_list(&r, MESSAGE_VENDOR_LIST, NULL, "kind", NULL, 0), KERR_INVALID);
	ck_assert_ptr_nonnull(strstr(r.op.fault.text, "id, name, created"));
}
END_TEST

START_TEST(a_list_of_another_day_is_refused_with_what_there_is_instead)
{
	struct record *asked = record_new(r.arena, &list_ask_schema);

	record_set_int(asked, LIST_ASK_AT, 20000);
	ck_assert_int_eq(rig_ask(&r, MESSAGE_VENDOR_LIST, asked), KERR_UNSUPPORTED);
	ck_assert_ptr_nonnull(strstr(r.op.fault.text, "audit list"));
}
END_TEST

/* State 255900; hubs 255950 and 255951; districts 1…6, three to each hub; an application
 * for each district. */
static void
state_with_hubs(void)
{
	char number[8], name[24];
	int i;

	rig_must(&r, MESSAGE_YEAR_ADD, NULL, "year", "2027", "starts", "2026-07-01",
		"ends", "2027-06-30");
	vendor("Acme");
	edorg("255900", "State", "state", NULL);
	edorg("255950", "Hub North", "esa", "255900");
	edorg("255951", "Hub South", "esa", "255900");
	rig_must(&r, MESSAGE_ODS_ADD, NULL, "name", "ODS", "stage", "production",
		"school_year", "2027", "check_mode", "introspect");
	for (i = 1; i <= 6; i++) {
		snprintf(number, sizeof(number), "%d", 255900 + i);
		snprintf(name, sizeof(name), "District %d", i);
		edorg(number, name, "lea", i <= 3 ? "255950" : "255951");
		snprintf(name, sizeof(name), "App %d", i);
		rig_must(&r, MESSAGE_APPLICATION_ADD, NULL, "name", name, "vendor",
			"Acme", "school_year", "2027", "claimset", "SIS Vendor",
			"education_organizations", number, "ods", "ODS");
	}
}

static void
add_operator(const char *user, const char *uid, int role, int64_t scope, int64_t scope2)
{
	struct record *asked = rig_request(&r, MESSAGE_OPERATOR_ADD, NULL,
		BODY("name", user, "user", user, "uid", uid));
	struct record *body = record_at(asked, REQUEST_BODY, 0), *one;

	record_set_empty(body, OPERATOR_ROLES);
	one = record_add_record(body, OPERATOR_ROLES);
	record_set_int(one, ROLE_ROLE, role);
	if (scope != 0)
		record_set_int(one, ROLE_SCOPE, scope);
	if (scope2 != 0) {
		one = record_add_record(body, OPERATOR_ROLES);
		record_set_int(one, ROLE_ROLE, role);
		record_set_int(one, ROLE_SCOPE, scope2);
	}
	rig_ok(&r, rig_ask(&r, MESSAGE_OPERATOR_ADD, asked));
	ck_assert(r.op.people_changed);
}

static int64_t
total(uint16_t message)
{
	rig_ok(&r, rig_list(&r, message, NULL, NULL, NULL, 0));
	return rig_int(r.op.answer, "total");
}

/* What is listed is what may be shown, one by one. */
static void
list_is_show(uint16_t list, uint16_t show, int rows)
{
	bool listed[32] = {false};
	char ref[24];
	size_t i;
	int id;

	rig_ok(&r, rig_list(&r, list, NULL, NULL, NULL, 0));
	for (i = 0; i < record_count(r.op.answer, LIST_ITEMS); i++)
		listed[record_int(record_at(r.op.answer, LIST_ITEMS, i), 0)] = true;
	for (id = 1; id <= rows; id++) {
		struct record *row;

		/* organizations are referred to by their number */
		rig_ok(&r, store_get(store_as_reader(r.w.store),
				   list == MESSAGE_EDORG_LIST ? TABLE_edorg
							      : TABLE_application,
				   id, r.arena, &row));
		snprintf(ref, sizeof(ref), "%lld",
			(long long)record_int(row, list == MESSAGE_EDORG_LIST
							   ? (unsigned)ROW_EDORG_NUMBER
							   : (unsigned)ROW_ID));
		ck_assert_int_eq(rig_ask(&r, show, rig_request(&r, show, ref, NULL)),
			listed[id] ? KERR_OK : KERR_DENIED);
	}
}

START_TEST(a_hub_lists_and_is_shown_its_own_districts_and_what_is_statewide)
{
	state_with_hubs();
	add_operator("hanna", "1001", ROLE_IS_HUB, 255950, 0);
	add_operator("hugo", "1002", ROLE_IS_HUB, 255950, 255906);
	add_operator("aud", "1003", ROLE_IS_AUDITOR, 0, 0);
	rig_as(&r, 1001, "hanna");
	ck_assert_int_eq(total(MESSAGE_EDORG_LIST), 4);
	ck_assert_int_eq(total(MESSAGE_APPLICATION_LIST), 3);
	ck_assert_int_eq(total(MESSAGE_VENDOR_LIST), 1);
	ck_assert_int_eq(total(MESSAGE_ODS_LIST), 1);
	ck_assert_int_eq(total(MESSAGE_YEAR_LIST), 1);
	ck_assert_int_eq(
		rig_list(&r, MESSAGE_OPERATOR_LIST, NULL, NULL, NULL, 0), KERR_DENIED);
	ck_assert_int_eq(
		rig_list(&r, MESSAGE_CALLER_LIST, NULL, NULL, NULL, 0), KERR_DENIED);
	list_is_show(MESSAGE_EDORG_LIST, MESSAGE_EDORG_SHOW, 9);
	list_is_show(MESSAGE_APPLICATION_LIST, MESSAGE_APPLICATION_SHOW, 6);
	ck_assert_int_eq(
		rig_try(&r, MESSAGE_VENDOR_CHANGE, "Acme", "contact", "Bo"), KERR_DENIED);

	rig_as(&r, 1002, "hugo");
	ck_assert_int_eq(total(MESSAGE_EDORG_LIST), 5);
	ck_assert_int_eq(total(MESSAGE_APPLICATION_LIST), 4);
	list_is_show(MESSAGE_APPLICATION_LIST, MESSAGE_APPLICATION_SHOW, 6);

	rig_as(&r, 1003, "aud");
	ck_assert_int_eq(total(MESSAGE_EDORG_LIST), 9);
	ck_assert_int_eq(total(MESSAGE_OPERATOR_LIST), 4);
	ck_assert_int_eq(
		rig_try(&r, MESSAGE_VENDOR_CHANGE, "Acme", "contact", "Bo"), KERR_DENIED);
}
END_TEST

START_TEST(a_moved_district_is_seen_by_its_new_hub_alone)
{
	state_with_hubs();
	edorg("2559011", "School", "school", "255901");
	add_operator("hanna", "1001", ROLE_IS_HUB, 255950, 0);
	add_operator("hugo", "1002", ROLE_IS_HUB, 255951, 0);
	rig_must(&r, MESSAGE_EDORG_CHANGE, "255901", "parent", "255951");
	ck_assert_int_eq(rig_int(r.op.answer, "parent"), 255951);
	rig_as(&r, 1001, "hanna");
	ck_assert_int_eq(total(MESSAGE_EDORG_LIST), 3);
	ck_assert_int_eq(total(MESSAGE_APPLICATION_LIST), 2);
	rig_as(&r, 1002, "hugo");
	ck_assert_int_eq(total(MESSAGE_EDORG_LIST), 6);
	list_is_show(MESSAGE_EDORG_LIST, MESSAGE_EDORG_SHOW, 10);
	/* state 10, hubs 2 × 1, districts and school: each row with all above it */
	ck_assert_uint_eq(rig_count(&r, TABLE_edorg_closure), 1 + 2 * 2 + 6 * 3 + 4);
}
END_TEST

START_TEST(who_is_no_operator_learns_nothing)
{
	state_with_hubs();
	rig_as(&r, 1009, "eve");
	ck_assert_int_eq(show_vendor("Acme"), KERR_DENIED);
	ck_assert_int_eq(show_vendor("Nobody"), KERR_DENIED);
	ck_assert_int_eq(
		rig_list(&r, MESSAGE_VENDOR_LIST, NULL, NULL, NULL, 0), KERR_DENIED);
	rig_as(&r, 0, "root");
	ck_assert_int_eq(show_vendor("Acme"), KERR_DENIED);
}
END_TEST

START_TEST(tenants_do_not_see_each_other)
{
	struct record *asked, *role;

	state_with_hubs();
	rig_must(&r, MESSAGE_TENANT_ADD, NULL, "name", "second");
	asked = rig_request(&r, MESSAGE_OPERATOR_ADD, NULL,
		BODY("name", "Sue", "user", "sue", "uid", "1005", "tenant", "second"));
	role = record_add_record(record_at(asked, REQUEST_BODY, 0), OPERATOR_ROLES);
	record_set_int(role, ROLE_ROLE, ROLE_IS_OWNER);
	rig_ok(&r, rig_ask(&r, MESSAGE_OPERATOR_ADD, asked));
	ck_assert_str_eq(rig_text(r.op.answer, "tenant"), "second");

	rig_as(&r, 1005, "sue");
	ck_assert_int_eq(show_vendor("Acme"), KERR_NOTFOUND);
	ck_assert_int_eq(show_vendor("1"), KERR_NOTFOUND);
	ck_assert_int_eq(total(MESSAGE_VENDOR_LIST), 0);
	ck_assert_int_eq(total(MESSAGE_TENANT_LIST), 0);
	ck_assert_int_eq(
		rig_try(&r, MESSAGE_TENANT_ADD, NULL, "name", "third"), KERR_DENIED);
	ck_assert_int_eq(rig_try(&r, MESSAGE_SIGNING_KEY_ROTATE, NULL, "alg", "ES256"),
		KERR_DENIED);
	vendor("Acme");
	ck_assert_int_eq(total(MESSAGE_VENDOR_LIST), 1);
	rig_as(&r, 1000, "olga");
	ck_assert_int_eq(total(MESSAGE_VENDOR_LIST), 1);
	ck_assert_int_eq(total(MESSAGE_TENANT_LIST), 2);
	rig_ok(&r, show_vendor("Acme"));
	ck_assert_int_eq(rig_int(r.op.answer, "id"), 1);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("model");
	TCase *c = tcase_create("model");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_set_timeout(c, 110);
	tcase_add_test(c, a_deployment_begins_with_tenant_owner_claimsets_and_keys);
	tcase_add_test(
		c, each_row_change_has_one_audit_record_and_one_change_for_the_index);
	tcase_add_test(c, a_change_that_changes_nothing_is_none);
	tcase_add_test(c, a_refused_operation_leaves_neither_row_nor_record);
	tcase_add_test(c, a_change_of_another_version_than_was_seen_is_refused);
	tcase_add_test(c, a_reference_is_an_id_then_an_external_id_then_a_name);
	tcase_add_test(c, an_ambiguous_reference_lists_at_most_five_candidates_with_ids);
	tcase_add_test(c, a_secret_in_the_place_of_a_name_is_neither_kept_nor_repeated);
	tcase_add_test(c, pages_of_every_order_are_the_whole_list_once);
	tcase_add_test(c, a_cursor_of_another_list_or_order_or_of_nobody_is_refused);
	tcase_add_test(c, a_list_of_another_day_is_refused_with_what_there_is_instead);
	tcase_add_test(c, filters_are_of_the_kind_s_fields_and_all_hold);
	tcase_add_test(
		c, a_hub_lists_and_is_shown_its_own_districts_and_what_is_statewide);
	tcase_add_test(c, a_moved_district_is_seen_by_its_new_hub_alone);
	tcase_add_test(c, who_is_no_operator_learns_nothing);
	tcase_add_test(c, tenants_do_not_see_each_other);
	suite_add_tcase(s, c);
	runner = srunner_create(s);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
