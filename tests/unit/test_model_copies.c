#include "tests/unit/model_rig.h"

/* Where the sealed copy of a secret must not outlive its use: revoked, quarantined,
 * retired and received ones. */

static struct model_rig r;
static uint64_t signing_keys; /* their record keys are no copies */

static void
setup(void)
{
	rig_start(&r);
	signing_keys = rig_count(&r, TABLE_record_key);
	rig_must(&r, MESSAGE_YEAR_ADD, NULL, "year", "2027", "starts", "2026-07-01",
		"ends", "2027-06-30");
	rig_must(&r, MESSAGE_VENDOR_ADD, NULL, "name", "Acme", "kind", "sis");
	rig_must(&r, MESSAGE_EDORG_ADD, NULL, "number", "255901", "name", "District",
		"kind", "lea");
	rig_must(&r, MESSAGE_ODS_ADD, NULL, "name", "ODS", "stage", "production",
		"school_year", "2027", "check_mode", "introspect");
	rig_must(&r, MESSAGE_APPLICATION_ADD, NULL, "name", "App", "vendor", "Acme",
		"school_year", "2027", "claimset", "SIS Vendor",
		"education_organizations", "255901", "ods", "ODS");
	rig_must(&r, MESSAGE_CLIENT_ADD, NULL, "name", "Client", "application", "App");
	rig_must(&r, MESSAGE_CLIENT_ISSUE, "Client", "reason", "test");
}

static void
teardown(void)
{
	rig_end(&r);
}

static uint64_t
copies(void)
{
	const struct store_condition open = {
		.column = ROW_DELIVERY_OPENED, .test = STORE_IS_NULL};
	const struct store_query q = {
		.table = TABLE_delivery, .conditions = &open, .count = 1};
	uint64_t n = 0;

	rig_ok(&r, store_count(store_as_reader(r.w.store), &q, &n));
	ck_assert_uint_eq(rig_count(&r, TABLE_record_key), n + signing_keys);
	return n;
}

START_TEST(revoking_a_client_destroys_the_copies_that_waited)
{
	rig_must(&r, MESSAGE_CLIENT_ROTATE, "Client", "overlap_days", "10");
	ck_assert_uint_ge(copies(), 1);
	rig_must(&r, MESSAGE_CLIENT_REVOKE, "Client", "reason", "over");
	ck_assert_uint_eq(copies(), 0);
	ck_assert(r.op.forget);
}
END_TEST

START_TEST(quarantining_a_client_destroys_the_copies_that_waited)
{
	rig_must(&r, MESSAGE_CLIENT_QUARANTINE, "Client", "reason", "leaked");
	ck_assert_uint_eq(copies(), 0);
}
END_TEST

START_TEST(quarantining_a_secret_destroys_its_copy)
{
	rig_must(&r, MESSAGE_CLIENT_QUARANTINE, "Client", "secret_number", "1");
	ck_assert_uint_eq(copies(), 0);
}
END_TEST

START_TEST(a_secret_that_another_one_replaces_is_not_kept_for_delivery)
{
	rig_must(&r, MESSAGE_CLIENT_ROTATE, "Client", "overlap_days", "10");
	ck_assert_uint_eq(copies(), 1);
}
END_TEST

START_TEST(the_same_request_again_shows_no_secret_that_was_quarantined)
{
	struct record *asked = rig_request(&r, MESSAGE_CLIENT_ROTATE, "Client", NULL);
	static const uint8_t key[] = "0123456789abcdef0123456789abcdef";

	rig_ok(&r, record_set_bytes(asked, REQUEST_IDEMPOTENCY, key, 32));
	rig_ok(&r, rig_ask(&r, MESSAGE_CLIENT_ROTATE, asked));
	rig_ok(&r, rig_ask(&r, MESSAGE_CLIENT_ROTATE, asked));
	ck_assert_ptr_nonnull(record_secret(r.op.answer, ENVELOPE_SECRET));
	rig_must(&r, MESSAGE_CLIENT_QUARANTINE, "Client", "secret_number", "2");
	ck_assert_int_eq(rig_ask(&r, MESSAGE_CLIENT_ROTATE, asked), KERR_CONFLICT);
}
END_TEST

START_TEST(an_idempotency_key_that_has_expired_begins_a_new_request)
{
	struct record *asked = rig_request(&r, MESSAGE_CLIENT_ROTATE, "Client", NULL);
	static const uint8_t key[] = "0123456789abcdef0123456789abcdef";

	rig_ok(&r, record_set_bytes(asked, REQUEST_IDEMPOTENCY, key, 32));
	rig_ok(&r, rig_ask(&r, MESSAGE_CLIENT_ROTATE, asked));
	ck_assert_int_eq(record_int(r.op.answer, ENVELOPE_NUMBER), 2);
	r.now += 601;
	rig_ok(&r, rig_ask(&r, MESSAGE_CLIENT_ROTATE, asked));
	ck_assert_int_eq(record_int(r.op.answer, ENVELOPE_NUMBER), 3);
	rig_ok(&r, rig_ask(&r, MESSAGE_CLIENT_ROTATE, asked));
	ck_assert_int_eq(record_int(r.op.answer, ENVELOPE_NUMBER), 3);
}
END_TEST

static enum kerr
end_token(uint8_t n)
{
	struct record *row = record_new(r.arena, store_schema(TABLE_ended_token));
	uint8_t tag[16] = {0};
	int64_t client = 1;

	tag[0] = n;
	rig_ok(&r, record_set_bytes(row, ROW_ENDED_TOKEN_JTI_TAG, tag, sizeof(tag)));
	record_set_int(row, ROW_ENDED_TOKEN_CLIENT_ID, client);
	record_set_int(row, ROW_ENDED_TOKEN_GENERATION, 1);
	record_set_int(row, ROW_ENDED_TOKEN_EXPIRES, r.now + 600);
	record_drop_secrets(r.op.answer);
	rig_op(&r, MESSAGE_REVOKE_TOKEN, NULL);
	r.op.prepared = row;
	r.err = rig_do(&r, op_run);
	return r.err;
}

START_TEST(no_more_tokens_are_ended_than_the_index_keeps)
{
	uint8_t n;

	for (n = 0; n < 64; n++)
		rig_ok(&r, end_token(n));
	ck_assert_int_eq(end_token(64), KERR_BUSY);
	rig_ok(&r, end_token(3));
	r.now += 601;
	rig_ok(&r, end_token(64));
}
END_TEST

START_TEST(a_paste_full_of_typing_errors_is_answered)
{
	struct record *asked = rig_request(&r, MESSAGE_FIND, NULL, BODY("text", "none"));
	struct record *body = record_at(asked, REQUEST_BODY, 0);
	static const char word[] = "eyJ.eyJhIjoxfQ.c2lnbmF0dXJlMDEyMzQ1Njc4OTAxMjM0 ";
	char pasted[40 * sizeof(word)] = "";
	size_t i, len = 0;

	for (i = 0; i < 40; i++)
		len += (size_t)snprintf(pasted + len, sizeof(pasted) - len, "%s", word);
	record_set_secret(body, FIND_ASK_PASTED, secret_new(pasted, len));
	rig_ok(&r, rig_ask(&r, MESSAGE_FIND, asked));
	record_drop_secrets(asked);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("model copies");
	TCase *t = tcase_create("copies");
	SRunner *run;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 120);
	tcase_add_test(t, revoking_a_client_destroys_the_copies_that_waited);
	tcase_add_test(t, quarantining_a_client_destroys_the_copies_that_waited);
	tcase_add_test(t, quarantining_a_secret_destroys_its_copy);
	tcase_add_test(t, a_secret_that_another_one_replaces_is_not_kept_for_delivery);
	tcase_add_test(t, the_same_request_again_shows_no_secret_that_was_quarantined);
	tcase_add_test(t, an_idempotency_key_that_has_expired_begins_a_new_request);
	tcase_add_test(t, no_more_tokens_are_ended_than_the_index_keeps);
	tcase_add_test(t, a_paste_full_of_typing_errors_is_answered);
	suite_add_tcase(s, t);
	run = srunner_create(s);
	srunner_run_all(run, CK_NORMAL);
	failed = srunner_ntests_failed(run);
	srunner_free(run);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
