#include "tests/unit/model_rig.h"

#include "core/credential.h"

/* What each kind accepts and refuses, and what it answers. */

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

/* Refused, in that field. */
#define refuses(err, where, message, ref, ...)                                           \
	do {                                                                             \
		ck_assert_str_eq(kerr_name(rig_try(&r, (message), (ref), __VA_ARGS__)),  \
			kerr_name(err));                                                 \
		ck_assert_str_eq(r.op.fault.field, (where));                             \
	} while (0)

static enum kerr
accepting(uint16_t message, const char *ref, const char *const *body)
{
	struct record *asked = rig_request(&r, message, ref, body);

	record_set_int(asked, REQUEST_ACCEPT, 1);
	return rig_ask(&r, message, asked);
}

START_TEST(a_school_year_ends_in_its_year_after_it_starts_within_400_days)
{
	refuses(KERR_INVALID, "ends", MESSAGE_YEAR_ADD, NULL, "year", "2027", "starts",
		"2027-07-01", "ends", "2027-06-30");
	refuses(KERR_INVALID, "ends", MESSAGE_YEAR_ADD, NULL, "year", "2027", "starts",
		"2026-01-01", "ends", "2027-06-30");
	refuses(KERR_INVALID, "ends", MESSAGE_YEAR_ADD, NULL, "year", "2028", "starts",
		"2026-07-01", "ends", "2027-06-30");
	rig_must(&r, MESSAGE_YEAR_ADD, NULL, "year", "2027", "starts", "2026-07-01",
		"ends", "2027-06-30");
	ck_assert_int_eq(rig_int(r.op.answer, "year"), 2027);
	refuses(KERR_EXISTS, "", MESSAGE_YEAR_ADD, NULL, "year", "2027", "starts",
		"2026-07-01", "ends", "2027-06-30");
	refuses(KERR_INVALID, "year", MESSAGE_YEAR_CHANGE, "2027", "year", "2028");
	rig_must(&r, MESSAGE_YEAR_CHANGE, "2027", "ends", "2027-07-31");
}
END_TEST

START_TEST(look_alike_vendors_and_meeting_prefixes_are_warned_of)
{
	rig_must(&r, MESSAGE_VENDOR_ADD, NULL, "name", "Acme Learning", "kind", "sis",
		"namespace_prefixes", "uri://acme.org/sis https://acme.org");
	ck_assert_uint_eq(record_count(r.op.answer, VENDOR_PREFIXES), 2);
	ck_assert_str_eq(
		record_text_at(r.op.answer, VENDOR_PREFIXES, 0), "uri://acme.org/sis");
	refuses(KERR_CONFLICT, "name", MESSAGE_VENDOR_ADD, NULL, "name", "ACME learning",
		"kind", "sis");
	/* the first letter is Cyrillic */
	refuses(KERR_CONFLICT, "name", MESSAGE_VENDOR_ADD, NULL, "name",
		"\xd0\x90"
		"cme Learning",
		"kind", "sis");
	rig_ok(&r, accepting(MESSAGE_VENDOR_ADD, NULL,
			   BODY("name", "ACME learning", "kind", "sis")));
	refuses(KERR_CONFLICT, "namespace_prefixes", MESSAGE_VENDOR_ADD, NULL, "name",
		"Bolt", "kind", "hr", "namespace_prefixes", "uri://acme.org/sis/x");
	refuses(KERR_CONFLICT, "namespace_prefixes", MESSAGE_VENDOR_ADD, NULL, "name",
		"Bolt", "kind", "hr", "namespace_prefixes", "uri://acme");
	rig_ok(&r, accepting(MESSAGE_VENDOR_ADD, NULL,
			   BODY("name", "Bolt", "kind", "hr", "namespace_prefixes",
				   "uri://acme.org")));
	/* a vendor's own prefixes do not meet each other */
	rig_must(&r, MESSAGE_VENDOR_ADD, NULL, "name", "Cube", "kind", "hr",
		"namespace_prefixes", "uri://cube.org uri://cube.org/x");
}
END_TEST

START_TEST(names_are_composed_plain_and_without_blanks_around)
{
	static const char *const bad[] = {" Acme", "Acme ",
		"\xc2\xa0"
		"Acme",
		"   ", "Ac\xe2\x80\x8bme", "Ac\x07me", "Ac\xe2\x80\xaeme", "Ac\nme"};
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		refuses(KERR_INVALID, "name", MESSAGE_VENDOR_ADD, NULL, "name", bad[i],
			"kind", "sis");
	rig_must(&r, MESSAGE_VENDOR_ADD, NULL, "name",
		"E\xcc\x81"
		"cole",
		"kind", "sis");
	ck_assert_str_eq(rig_text(r.op.answer, "name"), "\xc3\x89"
							"cole");
	refuses(KERR_EXISTS, "", MESSAGE_VENDOR_ADD, NULL, "name",
		"\xc3\x89"
		"cole",
		"kind", "sis");
}
END_TEST

START_TEST(a_prefix_has_a_scheme_an_authority_and_no_character_of_like)
{
	static const char *const bad[] = {"acme.org", "http://acme.org", "uri://",
		"uri:///x", "uri://a,b", "uri://a%25", "uri://a_b", "uri://.a",
		"uri://a/\xc3\xa9", "https://u@a.org"};
	char longest[160] = "uri://acme.org/";
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		refuses(KERR_INVALID, "namespace_prefixes", MESSAGE_VENDOR_ADD, NULL,
			"name", "Acme", "kind", "sis", "namespace_prefixes", bad[i]);
	memset(longest + 15, 'x', 128 - 15);
	longest[128] = '\0';
	rig_must(&r, MESSAGE_VENDOR_ADD, NULL, "name", "Acme", "kind", "sis",
		"namespace_prefixes", longest);
	longest[128] = 'x';
	refuses(KERR_INVALID, "namespace_prefixes", MESSAGE_VENDOR_CHANGE, "Acme",
		"namespace_prefixes", longest);
	refuses(KERR_INVALID, "email", MESSAGE_VENDOR_CHANGE, "Acme", "email", "anna@");
}
END_TEST

static void
edorg(const char *number, const char *kind, const char *parent)
{
	rig_must(&r, MESSAGE_EDORG_ADD, NULL, "number", number, "name", number, "kind",
		kind, "parent", parent);
}

START_TEST(organizations_nest_in_their_order)
{
	rig_must(&r, MESSAGE_EDORG_ADD, NULL, "number", "1", "name", "State", "kind",
		"state");
	edorg("2", "esa", "1");
	edorg("3", "lea", "2");
	edorg("4", "lea", "1");
	edorg("5", "school", "3");
	refuses(KERR_NOTFOUND, "parent", MESSAGE_EDORG_ADD, NULL, "number", "9", "name",
		"X", "kind", "lea", "parent", "77");
	refuses(KERR_INVALID, "parent", MESSAGE_EDORG_ADD, NULL, "number", "9", "name",
		"X", "kind", "esa", "parent", "3");
	refuses(KERR_INVALID, "parent", MESSAGE_EDORG_ADD, NULL, "number", "9", "name",
		"X", "kind", "school", "parent", "2");
	refuses(KERR_INVALID, "parent", MESSAGE_EDORG_ADD, NULL, "number", "9", "name",
		"X", "kind", "state", "parent", "1");
	refuses(KERR_INVALID, "parent", MESSAGE_EDORG_ADD, NULL, "number", "9", "name",
		"X", "kind", "school");
	refuses(KERR_EXISTS, "", MESSAGE_EDORG_ADD, NULL, "number", "3", "name", "X",
		"kind", "lea", "parent", "1");
	refuses(KERR_INVALID, "number", MESSAGE_EDORG_CHANGE, "3", "number", "9");
	refuses(KERR_INVALID, "parent", MESSAGE_EDORG_CHANGE, "3", "parent", "4");
}
END_TEST

static void
year_and_vendor(void)
{
	rig_must(&r, MESSAGE_YEAR_ADD, NULL, "year", "2026", "starts", "2025-07-01",
		"ends", "2026-06-30");
	rig_must(&r, MESSAGE_YEAR_ADD, NULL, "year", "2027", "starts", "2026-07-01",
		"ends", "2027-06-30");
	rig_must(&r, MESSAGE_VENDOR_ADD, NULL, "name", "Acme", "kind", "sis");
	rig_must(&r, MESSAGE_VENDOR_ADD, NULL, "name", "Bolt", "kind", "hr");
	rig_must(&r, MESSAGE_PRODUCT_ADD, NULL, "name", "Roster", "vendor", "Acme");
	rig_must(&r, MESSAGE_PRODUCT_ADD, NULL, "name", "Roster", "vendor", "Bolt");
	rig_must(&r, MESSAGE_EDORG_ADD, NULL, "number", "255901", "name", "Grand Bend",
		"kind", "lea");
	rig_must(&r, MESSAGE_EDORG_ADD, NULL, "number", "255902", "name", "Lake", "kind",
		"lea");
}

static void
ods(const char *name, const char *year)
{
	rig_must(&r, MESSAGE_ODS_ADD, NULL, "name", name, "stage", "production",
		"school_year", year, "check_mode", "introspect");
}

START_TEST(a_product_s_name_is_unique_within_its_vendor)
{
	year_and_vendor();
	ck_assert_str_eq(rig_text(rig_must(&r, MESSAGE_PRODUCT_ADD, NULL, "name", "Two",
					  "vendor", "1"),
				 "vendor"),
		"Acme");
	refuses(KERR_EXISTS, "", MESSAGE_PRODUCT_ADD, NULL, "name", "Roster", "vendor",
		"Acme");
	refuses(KERR_NOTFOUND, "vendor", MESSAGE_PRODUCT_ADD, NULL, "name", "X", "vendor",
		"Nobody");
	refuses(KERR_INVALID, "vendor", MESSAGE_PRODUCT_CHANGE, "Two", "vendor", "Bolt");
	ck_assert_int_eq(rig_ask(&r, MESSAGE_PRODUCT_SHOW,
				 rig_request(&r, MESSAGE_PRODUCT_SHOW, "Roster", NULL)),
		KERR_CONFLICT);
}
END_TEST

START_TEST(addresses_of_an_instance_are_https_or_stay_on_this_machine)
{
	static const char *const bad[] = {"http://ods.example.org", "ftp://ods.org",
		"https://", "https://u:p@ods.org", "https://ods.org/#x",
		"https://ods org", "http://127.0.0.1.evil.org", "http://localhost.evil"};
	static const char *const good[] = {"https://ods.example.org:443/v7/2027",
		"http://127.0.0.1:8001", "http://localhost/x", "http://[::1]:80/x"};
	char name[8];
	size_t i;

	year_and_vendor();
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		refuses(KERR_INVALID, "api_url", MESSAGE_ODS_ADD, NULL, "name", "ODS",
			"stage", "test", "school_year", "2027", "check_mode", "own",
			"api_url", bad[i]);
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		snprintf(name, sizeof(name), "ODS %zu", i);
		rig_must(&r, MESSAGE_ODS_ADD, NULL, "name", name, "stage", "test",
			"school_year", "2027", "check_mode", "own", "owner", "255901",
			"api_url", good[i]);
		ck_assert_int_eq(rig_int(r.op.answer, "owner"), 255901);
	}
	refuses(KERR_EXISTS, "api_url", MESSAGE_ODS_ADD, NULL, "name", "ODS", "stage",
		"test", "school_year", "2027", "check_mode", "own", "api_url", good[0]);
	refuses(KERR_NOTFOUND, "school_year", MESSAGE_ODS_ADD, NULL, "name", "ODS",
		"stage", "test", "school_year", "2031", "check_mode", "own");
	refuses(KERR_NOTFOUND, "owner", MESSAGE_ODS_CHANGE, "ODS 1", "owner", "9");
}
END_TEST

#define APP(...)                                                                         \
	"name", "App", "vendor", "Acme", "school_year", "2027", "claimset",              \
		"SIS Vendor", "education_organizations", "255901", "ods", "Main",        \
		__VA_ARGS__

START_TEST(an_application_names_what_exists_and_fits_its_year)
{
	year_and_vendor();
	ods("Main", "2027");
	ods("Old", "2026");
	refuses(KERR_NOTFOUND, "product", MESSAGE_APPLICATION_ADD, NULL,
		APP("product", "Nothing"));
	refuses(KERR_INVALID, "ends", MESSAGE_APPLICATION_ADD, NULL,
		APP("ends", "2027-07-01"));
	refuses(KERR_INVALID, "starts", MESSAGE_APPLICATION_ADD, NULL,
		APP("starts", "2026-06-30"));
	refuses(KERR_NOTFOUND, "claimset_version", MESSAGE_APPLICATION_ADD, NULL,
		APP("claimset_version", "2"));
	refuses(KERR_NOTFOUND, "education_organizations", MESSAGE_APPLICATION_ADD, NULL,
		APP("education_organizations", "255901 77"));
	refuses(KERR_CONFLICT, "ods", MESSAGE_APPLICATION_ADD, NULL, APP("ods", "Old"));
	refuses(KERR_NOTFOUND, "claimset", MESSAGE_APPLICATION_ADD, NULL,
		APP("claimset", "E2E-NameSpaceBasedClaimSet"));
	refuses(KERR_NOTFOUND, "school_year", MESSAGE_APPLICATION_ADD, NULL,
		APP("school_year", "2031"));
	rig_must(&r, MESSAGE_APPLICATION_ADD, NULL,
		APP("product", "Roster", "agreement", "DPA-1"));
	ck_assert_str_eq(rig_text(r.op.answer, "product"), "Roster");
	ck_assert_str_eq(rig_text(r.op.answer, "vendor"), "Acme");
	ck_assert_str_eq(rig_text(r.op.answer, "claimset"), "SIS Vendor");
	ck_assert_str_eq(rig_text(r.op.answer, "state"), "live");
	ck_assert_int_eq(rig_int(r.op.answer, "claimset_version"), 1);
	ck_assert_int_eq(record_int_at(r.op.answer, APPLICATION_EDORGS, 0), 255901);
	ck_assert_str_eq(record_text_at(r.op.answer, APPLICATION_ODS, 0), "Main");
	refuses(KERR_EXISTS, "", MESSAGE_APPLICATION_ADD, NULL, APP("agreement", "x"));
	/* the year may not leave it behind */
	refuses(KERR_CONFLICT, "ends", MESSAGE_YEAR_CHANGE, "2027", "ends", "2027-06-01");
}
END_TEST

START_TEST(links_of_an_application_are_changed_by_what_differs)
{
	uint64_t records;

	year_and_vendor();
	ods("Main", "2027");
	ods("Second", "2027");
	rig_must(&r, MESSAGE_APPLICATION_ADD, NULL, APP("agreement", "x"));
	records = rig_count(&r, TABLE_audit_record);
	rig_must(&r, MESSAGE_APPLICATION_CHANGE, "App", "education_organizations",
		"255902 255902", "ods", "Main Second");
	/* one organization out, one in, one instance in; nothing else */
	ck_assert_uint_eq(rig_count(&r, TABLE_audit_record), records + 3);
	ck_assert_uint_eq(record_count(r.op.answer, APPLICATION_EDORGS), 1);
	ck_assert_int_eq(record_int_at(r.op.answer, APPLICATION_EDORGS, 0), 255902);
	ck_assert_uint_eq(record_count(r.op.answer, APPLICATION_ODS), 2);
	ck_assert_uint_eq(rig_count(&r, TABLE_application_edorg), 1);
	refuses(KERR_INVALID, "vendor", MESSAGE_APPLICATION_CHANGE, "App", "vendor",
		"Bolt");
}
END_TEST

START_TEST(an_application_ends_by_its_last_day)
{
	year_and_vendor();
	ods("Main", "2027");
	rig_must(&r, MESSAGE_APPLICATION_ADD, NULL, APP("agreement", "x"));
	rig_must(&r, MESSAGE_APPLICATION_CHANGE, "App", "ends", "2026-09-21");
	ck_assert_str_eq(rig_text(r.op.answer, "state"), "live");
	rig_must(&r, MESSAGE_APPLICATION_CHANGE, "App", "ends", "2026-09-20");
	ck_assert_str_eq(rig_text(r.op.answer, "state"), "ended");
	rig_ok(&r, rig_list(&r, MESSAGE_APPLICATION_LIST, "state=ended vendor=Acme", NULL,
			   NULL, 0));
	ck_assert_int_eq(rig_int(r.op.answer, "total"), 1);
	rig_ok(&r, rig_list(&r, MESSAGE_APPLICATION_LIST, "state=live", NULL, NULL, 0));
	ck_assert_int_eq(rig_int(r.op.answer, "total"), 0);
	refuses(KERR_INVALID, "state", MESSAGE_APPLICATION_CHANGE, "App", "state",
		"ended");
}
END_TEST

static struct record *
operator_body(struct record *asked, int role, int64_t scope, int64_t ends)
{
	struct record *body = record_at(asked, REQUEST_BODY, 0), *one;

	one = record_add_record(body, OPERATOR_ROLES);
	record_set_int(one, ROLE_ROLE, role);
	if (scope != 0)
		record_set_int(one, ROLE_SCOPE, scope);
	if (ends != 0)
		record_set_int(one, ROLE_ENDS, ends);
	return body;
}

static enum kerr
grant(const char *user, const char *uid, int role, int64_t scope, int64_t ends)
{
	struct record *asked = rig_request(&r, MESSAGE_OPERATOR_ADD, NULL,
		BODY("name", "Some One", "user", user, "uid", uid));

	operator_body(asked, role, scope, ends);
	return rig_ask(&r, MESSAGE_OPERATOR_ADD, asked);
}

START_TEST(roles_have_the_scope_and_end_that_they_may)
{
	int64_t today = RIG_NOW / 86400;

	year_and_vendor();
	ck_assert_int_eq(grant("h", "1001", ROLE_IS_HUB, 0, 0), KERR_INVALID);
	ck_assert_int_eq(grant("h", "1001", ROLE_IS_HUB, 77, 0), KERR_NOTFOUND);
	ck_assert_int_eq(grant("h", "1001", ROLE_IS_STATE, 255901, 0), KERR_INVALID);
	ck_assert_int_eq(grant("h", "1001", ROLE_IS_STATE, 0, today - 1), KERR_INVALID);
	ck_assert_int_eq(grant("h", "1001", ROLE_IS_VENDOR, 0, 0), KERR_INVALID);
	ck_assert_int_eq(grant("h", "0", ROLE_IS_STATE, 0, 0), KERR_INVALID);
	ck_assert_int_eq(grant("h", "1000", ROLE_IS_STATE, 0, 0), KERR_EXISTS);
	ck_assert_int_eq(grant("olga", "1001", ROLE_IS_STATE, 0, 0), KERR_EXISTS);
	rig_ok(&r, grant("h", "1001", ROLE_IS_HUB, 255901, today));
	rig_as(&r, 1001, "h");
	ck_assert_uint_eq(r.who.role_count, 1);
	ck_assert_int_eq(grant("i", "1002", ROLE_IS_OWNER, 0, 0), KERR_DENIED);
}
END_TEST

START_TEST(roles_are_replaced_and_the_last_owner_stays)
{
	struct record *asked =
		rig_request(&r, MESSAGE_OPERATOR_CHANGE, "olga", BODY("name", "Olga"));
	uint64_t records;

	operator_body(asked, ROLE_IS_STATE, 0, 0);
	ck_assert_int_eq(rig_ask(&r, MESSAGE_OPERATOR_CHANGE, asked), KERR_CONFLICT);
	rig_ok(&r, grant("otto", "1001", ROLE_IS_OWNER, 0, RIG_NOW / 86400));
	records = rig_count(&r, TABLE_audit_record);
	rig_ok(&r, rig_ask(&r, MESSAGE_OPERATOR_CHANGE, asked));
	ck_assert_uint_eq(rig_count(&r, TABLE_audit_record), records + 3);
	ck_assert_uint_eq(record_count(r.op.answer, OPERATOR_ROLES), 1);
	ck_assert_str_eq(
		record_text(record_at(r.op.answer, OPERATOR_ROLES, 0), ROLE_ROLE),
		"state");
	rig_as(&r, 1001, "otto");
	/* tomorrow nobody would be owner, but today that is as it is */
	asked = rig_request(&r, MESSAGE_OPERATOR_CHANGE, "otto", BODY("name", "Otto"));
	record_set_empty(record_at(asked, REQUEST_BODY, 0), OPERATOR_ROLES);
	ck_assert_int_eq(rig_ask(&r, MESSAGE_OPERATOR_CHANGE, asked), KERR_CONFLICT);
}
END_TEST

START_TEST(a_caller_s_secret_is_in_one_answer_and_verifies)
{
	uint8_t verifier[VAULT_VERIFIER_LEN];
	const struct secret *shown;
	struct secret *canonical = NULL;
	struct record *asked, *row;
	const uint8_t *kept;
	size_t len;

	year_and_vendor();
	ods("Main", "2027");
	asked = rig_request(&r, MESSAGE_CALLER_ADD, NULL, BODY("ods", "Main"));
	record_set_int(asked, REQUEST_DRY_RUN, 1);
	rig_ok(&r, rig_ask(&r, MESSAGE_CALLER_ADD, asked));
	ck_assert_ptr_null(record_secret(r.op.answer, CALLER_SECRET));
	rig_must(&r, MESSAGE_CALLER_ADD, NULL, "ods", "Main", "cache_seconds", "30");
	ck_assert(r.op.releases_secret);
	shown = record_secret(r.op.answer, CALLER_SECRET);
	ck_assert_ptr_nonnull(shown);
	ck_assert_int_eq(credential_secret_read((const char *)secret_reveal(shown),
				 secret_len(shown), &canonical, NULL),
		CREDENTIAL_SECRET);
	rig_ok(&r, store_get(store_as_reader(r.w.store), TABLE_caller,
			   rig_int(r.op.answer, "id"), r.arena, &row));
	rig_ok(&r, vault_verifier(r.w.vault,
			   (uint32_t)record_int(row, ROW_CALLER_VERIFIER_KEY),
			   rig_text(r.op.answer, "key"), canonical, verifier));
	kept = record_bytes(row, ROW_CALLER_VERIFIER, &len);
	ck_assert_mem_eq(kept, verifier, len);
	secret_free(canonical);
	rig_ok(&r, rig_list(&r, MESSAGE_CALLER_LIST, NULL, NULL, NULL, 0));
	ck_assert_ptr_null(
		record_secret(record_at(r.op.answer, LIST_ITEMS, 0), CALLER_SECRET));
	refuses(KERR_NOTFOUND, "ods", MESSAGE_CALLER_ADD, NULL, "ods", "Nowhere");
}
END_TEST

START_TEST(signing_keys_rotate_after_a_day_or_by_force_and_are_withdrawn)
{
	struct record *asked = rig_request(&r, MESSAGE_SIGNING_KEY_ROTATE, NULL, NULL);
	char kid[65];

	ck_assert_int_eq(rig_ask(&r, MESSAGE_SIGNING_KEY_ROTATE, asked), KERR_NOT_READY);
	record_set_int(asked, REQUEST_ACCEPT, 1);
	rig_ok(&r, rig_ask(&r, MESSAGE_SIGNING_KEY_ROTATE, asked));
	ck_assert(r.op.keys_changed);
	ck_assert_str_eq(rig_text(r.op.answer, "state"), "active");
	snprintf(kid, sizeof(kid), "%s", rig_text(r.op.answer, "kid"));
	rig_ok(&r, rig_list(&r, MESSAGE_SIGNING_KEY_LIST, NULL, NULL, NULL, 0));
	ck_assert_int_eq(rig_int(r.op.answer, "total"), 3);
	asked = rig_request(&r, MESSAGE_SIGNING_KEY_WITHDRAW, kid, NULL);
	rig_ok(&r, rig_ask(&r, MESSAGE_SIGNING_KEY_WITHDRAW, asked));
	ck_assert_str_eq(rig_text(r.op.answer, "state"), "withdrawn");
	ck_assert_int_eq(rig_ask(&r, MESSAGE_SIGNING_KEY_WITHDRAW, asked), KERR_CONFLICT);
	asked = rig_request(&r, MESSAGE_SIGNING_KEY_WITHDRAW, "none", NULL);
	ck_assert_int_eq(rig_ask(&r, MESSAGE_SIGNING_KEY_WITHDRAW, asked), KERR_NOTFOUND);
}
END_TEST

START_TEST(seal_slots_are_listed_without_what_they_hold)
{
	struct record *row = record_new(r.arena, store_schema(TABLE_seal_slot)), *slot;

	record_set_int(row, ROW_SEAL_SLOT_KIND, SLOT_KIND_RECOVERY_CODE);
	record_set_int(row, ROW_SEAL_SLOT_CREATED, RIG_NOW);
	rig_ok(&r, record_set_text(row, ROW_SEAL_SLOT_LABEL, "recovery code"));
	rig_ok(&r, record_set_text(
			   row, ROW_SEAL_SLOT_DEPLOYMENT, vault_deployment(r.w.vault)));
	rig_ok(&r, record_set_bytes(row, ROW_SEAL_SLOT_SEALED, "sealed", 6));
	rig_ok(&r, store_begin(r.w.store, false));
	rig_ok(&r, store_put(r.w.store, TABLE_seal_slot, row));
	rig_ok(&r, store_commit(r.w.store));
	rig_ok(&r, rig_list(&r, MESSAGE_SEAL_LIST, NULL, NULL, NULL, 0));
	ck_assert_int_eq(rig_int(r.op.answer, "total"), 1);
	slot = record_at(r.op.answer, LIST_ITEMS, 0);
	ck_assert_str_eq(rig_text(slot, "kind"), "recovery-code");
	ck_assert(!record_has(slot, SEAL_SLOT_SECRET));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("model rules");
	TCase *c = tcase_create("model rules");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_set_timeout(c, 110);
	tcase_add_test(c, a_school_year_ends_in_its_year_after_it_starts_within_400_days);
	tcase_add_test(c, look_alike_vendors_and_meeting_prefixes_are_warned_of);
	tcase_add_test(c, names_are_composed_plain_and_without_blanks_around);
	tcase_add_test(c, a_prefix_has_a_scheme_an_authority_and_no_character_of_like);
	tcase_add_test(c, organizations_nest_in_their_order);
	tcase_add_test(c, a_product_s_name_is_unique_within_its_vendor);
	tcase_add_test(c, addresses_of_an_instance_are_https_or_stay_on_this_machine);
	tcase_add_test(c, an_application_names_what_exists_and_fits_its_year);
	tcase_add_test(c, links_of_an_application_are_changed_by_what_differs);
	tcase_add_test(c, an_application_ends_by_its_last_day);
	tcase_add_test(c, roles_have_the_scope_and_end_that_they_may);
	tcase_add_test(c, roles_are_replaced_and_the_last_owner_stays);
	tcase_add_test(c, a_caller_s_secret_is_in_one_answer_and_verifies);
	tcase_add_test(c, signing_keys_rotate_after_a_day_or_by_force_and_are_withdrawn);
	tcase_add_test(c, seal_slots_are_listed_without_what_they_hold);
	suite_add_tcase(s, c);
	runner = srunner_create(s);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
