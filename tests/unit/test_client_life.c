#include "tests/unit/model_rig.h"

#include "core/credential.h"
#include "tests/support/backup_file.h"

/* A client's life through the operations, its secrets found by what was pasted, and the
 * backup of it all. */

#define DAY 86400

static struct model_rig r;

static void
setup(void)
{
	rig_start(&r);
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
}

static void
teardown(void)
{
	rig_end(&r);
}

static const char *
client_state(void)
{
	rig_ok(&r, rig_ask(&r, MESSAGE_CLIENT_SHOW,
			   rig_request(&r, MESSAGE_CLIENT_SHOW, "Client", NULL)));
	return rig_text(r.op.answer, "state");
}

static int64_t
generation(void)
{
	(void)client_state();
	return rig_int(r.op.answer, "generation");
}

static struct record *
secret_row(int64_t number)
{
	const struct store_condition c = {
		.column = ROW_SECRET_NUMBER, .test = STORE_IS, .number = number};
	const struct store_query q = {
		.table = TABLE_secret, .conditions = &c, .count = 1};
	struct record *row;

	rig_ok(&r, store_first(store_as_reader(r.w.store), &q, r.arena, &row));
	return row;
}

static int64_t
secret_is(int64_t number)
{
	return record_int(secret_row(number), ROW_SECRET_STATE);
}

/* Issued and taken out of the answer; the caller frees it. */
static struct secret *
issued(void)
{
	rig_must(&r, MESSAGE_CLIENT_ISSUE, "Client", "reason", "test");
	return record_take_secret(r.op.answer, ENVELOPE_SECRET);
}

static void
used(int64_t number)
{
	char id[24];

	snprintf(id, sizeof(id), "%lld",
		(long long)record_int(secret_row(number), ROW_ID));
	rig_ok(&r, rig_ask(&r, MESSAGE_SECRET_USED,
			   rig_request(&r, MESSAGE_SECRET_USED, id, NULL)));
}

static void
calendar(void)
{
	clock_start(0);
	clock_confirm();
	rig_ok(&r, rig_ask(&r, MESSAGE_CALENDAR, NULL));
}

START_TEST(a_secret_is_issued_delivered_received_and_used)
{
	struct secret *first = issued();
	const struct secret *again;

	ck_assert_ptr_nonnull(first);
	ck_assert_str_eq(client_state(), "live");
	ck_assert_int_eq(secret_is(1), SECRET_IS_SEALED);
	rig_must(&r, MESSAGE_CLIENT_DELIVER, "Client", "reason", "lost");
	again = record_secret(r.op.answer, ENVELOPE_SECRET);
	ck_assert(secret_equal(first, again));
	ck_assert(r.op.releases_secret);
	secret_free(first);
	rig_must(&r, MESSAGE_CLIENT_RECEIPT, "Client", "secret_number", "1");
	ck_assert_int_eq(secret_is(1), SECRET_IS_DELIVERED);
	ck_assert_int_eq(rig_try(&r, MESSAGE_CLIENT_DELIVER, "Client", "reason", "x"),
		KERR_CONFLICT);
	used(1);
	ck_assert_int_eq(secret_is(1), SECRET_IS_LIVE);
}
END_TEST

START_TEST(a_retiring_secret_ends_at_its_hard_end)
{
	secret_free(issued());
	used(1);
	rig_must(&r, MESSAGE_CLIENT_ROTATE, "Client", "overlap_days", "10");
	ck_assert_int_eq(rig_int(r.op.answer, "former_ends"), r.now + 10 * DAY);
	ck_assert_int_eq(secret_is(1), SECRET_IS_RETIRING);
	r.now += 10 * DAY - 1;
	calendar();
	ck_assert_int_eq(secret_is(1), SECRET_IS_RETIRING);
	r.now += 1;
	calendar();
	ck_assert_int_eq(secret_is(1), SECRET_IS_ENDED);
}
END_TEST

START_TEST(a_retiring_secret_ends_when_it_is_quiet_and_its_successor_is_in_use)
{
	secret_free(issued());
	used(1);
	rig_must(&r, MESSAGE_CLIENT_ROTATE, "Client", "overlap_days", "60", "quiet_days",
		"2");
	r.now += 3 * DAY;
	calendar();
	ck_assert_int_eq(secret_is(1), SECRET_IS_RETIRING); /* nothing replaces it yet */
	used(2);
	calendar();
	ck_assert_int_eq(secret_is(1), SECRET_IS_ENDED);
	ck_assert_int_eq(secret_is(2), SECRET_IS_LIVE);
}
END_TEST

START_TEST(release_gives_a_new_secret_and_revokes_the_former_ones)
{
	int64_t before;

	secret_free(issued());
	used(1);
	before = generation();
	rig_must(&r, MESSAGE_CLIENT_QUARANTINE, "Client", "reason", "leaked");
	ck_assert_str_eq(client_state(), "quarantined");
	ck_assert_int_gt(generation(), before);
	before = generation();
	rig_must(&r, MESSAGE_CLIENT_RELEASE, "Client", "reason", "looked at");
	ck_assert_ptr_nonnull(record_secret(r.op.answer, ENVELOPE_SECRET));
	ck_assert_int_eq(rig_int(r.op.answer, "secret_number"), 2);
	ck_assert_int_eq(secret_is(1), SECRET_IS_REVOKED);
	ck_assert_int_gt(generation(), before);
	ck_assert_str_eq(client_state(), "live");
}
END_TEST

START_TEST(suspending_ends_every_token_and_resuming_brings_none_back)
{
	int64_t before, suspended;

	secret_free(issued());
	before = generation();
	rig_must(&r, MESSAGE_CLIENT_SUSPEND, "Client", "reason", "bill");
	suspended = generation();
	ck_assert_int_gt(suspended, before);
	rig_must(&r, MESSAGE_CLIENT_RESUME, "Client", "reason", "paid");
	ck_assert_int_ge(generation(), suspended);
	ck_assert_str_eq(client_state(), "live");
}
END_TEST

START_TEST(a_move_that_is_not_legal_is_a_conflict_and_changes_nothing)
{
	static const uint16_t of_a_draft[] = {MESSAGE_CLIENT_ROTATE,
		MESSAGE_CLIENT_SUSPEND, MESSAGE_CLIENT_RESUME, MESSAGE_CLIENT_RELEASE};
	static const uint16_t of_a_revoked[] = {MESSAGE_CLIENT_ISSUE,
		MESSAGE_CLIENT_SUSPEND, MESSAGE_CLIENT_RESUME, MESSAGE_CLIENT_QUARANTINE,
		MESSAGE_CLIENT_RELEASE, MESSAGE_CLIENT_REVOKE};
	uint64_t records = rig_count(&r, TABLE_audit_record);
	size_t i;

	for (i = 0; i < sizeof(of_a_draft) / sizeof(of_a_draft[0]); i++)
		ck_assert_int_eq(rig_try(&r, of_a_draft[i], "Client", "reason", "x"),
			KERR_CONFLICT);
	ck_assert_uint_eq(rig_count(&r, TABLE_audit_record), records);
	rig_must(&r, MESSAGE_CLIENT_REVOKE, "Client", "reason", "over");
	for (i = 0; i < sizeof(of_a_revoked) / sizeof(of_a_revoked[0]); i++)
		ck_assert_int_eq(rig_try(&r, of_a_revoked[i], "Client", "reason", "x"),
			KERR_CONFLICT);
	ck_assert_str_eq(client_state(), "revoked");
}
END_TEST

START_TEST(the_same_request_shows_the_same_secret_and_another_one_is_refused)
{
	static const uint8_t key[] = "0123456789abcdef0123456789abcdef";
	struct record *asked =
		rig_request(&r, MESSAGE_CLIENT_ISSUE, "Client", BODY("reason", "a"));
	struct record *other =
		rig_request(&r, MESSAGE_CLIENT_ISSUE, "Client", BODY("reason", "b"));
	struct secret *first;

	rig_ok(&r, record_set_bytes(asked, REQUEST_IDEMPOTENCY, key, 32));
	rig_ok(&r, record_set_bytes(other, REQUEST_IDEMPOTENCY, key, 32));
	rig_ok(&r, rig_ask(&r, MESSAGE_CLIENT_ISSUE, asked));
	first = record_take_secret(r.op.answer, ENVELOPE_SECRET);
	rig_ok(&r, rig_ask(&r, MESSAGE_CLIENT_ISSUE, asked));
	ck_assert(secret_equal(first, record_secret(r.op.answer, ENVELOPE_SECRET)));
	ck_assert_int_eq(rig_int(r.op.answer, "shown_again"), 1);
	secret_free(first);
	ck_assert_int_eq(rig_ask(&r, MESSAGE_CLIENT_ISSUE, other), KERR_MISMATCH);
	ck_assert_uint_eq(rig_count(&r, TABLE_secret), 1);
}
END_TEST

static enum kerr
paste(uint16_t message, const char *text, size_t len)
{
	struct record *asked = rig_request(&r, message, NULL, BODY("text", "none"));
	struct record *body = record_at(asked, REQUEST_BODY, 0);
	enum kerr err;

	record_unset(body, FIND_ASK_TEXT);
	record_set_secret(body, FIND_ASK_PASTED, secret_new(text, len));
	err = rig_ask(&r, message, asked);
	record_drop_secrets(asked);
	return err;
}

START_TEST(a_pasted_secret_is_found_and_whoever_has_it_may_quarantine_it)
{
	struct secret *s = issued();
	const char *text = (const char *)secret_reveal(s);
	struct record *hit;

	rig_ok(&r, paste(MESSAGE_FIND, text, secret_len(s)));
	ck_assert_uint_eq(record_count(r.op.answer, FIND_ITEMS), 1);
	hit = record_at(r.op.answer, FIND_ITEMS, 0);
	ck_assert_str_eq(rig_text(hit, "name"), "Client");
	ck_assert_int_eq(rig_int(hit, "secret_number"), 1);
	rig_ok(&r, paste(MESSAGE_FIND_QUARANTINE, text, secret_len(s)));
	ck_assert_int_eq(secret_is(1), SECRET_IS_QUARANTINED);
	ck_assert_str_eq(client_state(), "live");
	secret_free(s);
}
END_TEST

START_TEST(a_typing_error_is_told_with_its_group)
{
	struct secret *s = issued();
	char text[CREDENTIAL_SECRET_LEN];
	struct record *hit;

	ck_assert_uint_eq(secret_len(s), sizeof(text));
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (char)secret_reveal(s)[i];
	secret_free(s);
	text[4 + 6] = text[4 + 6] == '0' ? '1' : '0'; /* in the second group */
	rig_ok(&r, paste(MESSAGE_FIND, text, sizeof(text)));
	hit = record_at(r.op.answer, FIND_ITEMS, 0);
	ck_assert_int_eq(rig_int(hit, "what"), FIND_IS_TYPING_ERROR);
	ck_assert_int_eq(rig_int(hit, "wrong_group"), 2);
	ck_assert_int_eq(
		paste(MESSAGE_FIND_QUARANTINE, text, sizeof(text)), KERR_INVALID);
	ck_assert_int_eq(secret_is(1), SECRET_IS_SEALED);
}
END_TEST

START_TEST(a_secret_typed_where_it_would_be_seen_is_refused)
{
	char text[CREDENTIAL_SECRET_LEN + 1] = "";
	struct secret *s = issued();

	snprintf(text, sizeof(text), "%.*s", (int)secret_len(s),
		(const char *)secret_reveal(s));
	secret_free(s);
	ck_assert_int_eq(rig_try(&r, MESSAGE_FIND, NULL, "text", text), KERR_INVALID);
	ck_assert_ptr_null(strstr(r.op.fault.text, text));
}
END_TEST

static enum kerr
open_backup(const struct secret *code, const uint8_t *bytes, size_t len,
	struct backup_facts *ret)
{
	const struct vault_part file = {bytes, len};
	struct vault *fresh = vault_new();
	struct fault fault = {0};
	struct buf rows;
	enum kerr err;

	ck_assert_ptr_nonnull(fresh);
	buf_init(&rows, (size_t)64 << 20);
	err = backup_open(fresh, code, &file, &rows, ret, &fault);
	ck_assert(err != KERR_OK || rows.len > 0);
	buf_clear(&rows);
	vault_free(fresh);
	return err;
}

START_TEST(a_backup_opens_whole_or_not_at_all)
{
	struct secret *code, *wrong = vault_recovery_code();
	struct backup_facts written, read;
	struct buf out;
	size_t i, step;

	secret_free(issued());
	code = backup_file_slot(&r.w);
	buf_init(&out, (size_t)64 << 20);
	backup_file_write(&r.w, &out, &written);
	rig_ok(&r, open_backup(code, out.data, out.len, &read));
	ck_assert_uint_eq(read.rows, written.rows);
	ck_assert_uint_eq(read.audit_seq, written.audit_seq);
	ck_assert_str_eq(read.deployment, vault_deployment(r.w.vault));
	ck_assert_int_ne(open_backup(wrong, out.data, out.len, &read), KERR_OK);
	step = out.len / 97 + 1;
	for (i = 0; i < out.len; i += i < 256 ? 7 : step) {
		out.data[i] ^= 1;
		ck_assert_int_ne(open_backup(code, out.data, out.len, &read), KERR_OK);
		out.data[i] ^= 1;
		ck_assert_int_ne(open_backup(code, out.data, i, &read), KERR_OK);
	}
	ck_assert_int_ne(open_backup(code, out.data, out.len - 1, &read), KERR_OK);
	buf_clear(&out);
	secret_free(code);
	secret_free(wrong);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("client life");
	TCase *c = tcase_create("client life");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_set_timeout(c, 110);
	tcase_add_test(c, a_secret_is_issued_delivered_received_and_used);
	tcase_add_test(c, a_retiring_secret_ends_at_its_hard_end);
	tcase_add_test(
		c, a_retiring_secret_ends_when_it_is_quiet_and_its_successor_is_in_use);
	tcase_add_test(c, release_gives_a_new_secret_and_revokes_the_former_ones);
	tcase_add_test(c, suspending_ends_every_token_and_resuming_brings_none_back);
	tcase_add_test(c, a_move_that_is_not_legal_is_a_conflict_and_changes_nothing);
	tcase_add_test(
		c, the_same_request_shows_the_same_secret_and_another_one_is_refused);
	tcase_add_test(c, a_pasted_secret_is_found_and_whoever_has_it_may_quarantine_it);
	tcase_add_test(c, a_typing_error_is_told_with_its_group);
	tcase_add_test(c, a_secret_typed_where_it_would_be_seen_is_refused);
	tcase_add_test(c, a_backup_opens_whole_or_not_at_all);
	suite_add_tcase(s, c);
	runner = srunner_create(s);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
