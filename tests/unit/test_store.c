#include "keyd/keeper/store/store.h"

#include <check.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/model/model.h"
#include "tests/support/store_world.h"

#define RESERVE ((size_t)1 << 20)

static struct store_world w;

static void
setup(void)
{
	world_start(&w, RESERVE);
}

static void
teardown(void)
{
	world_end(&w);
}

static void
ok(enum kerr err)
{
	ck_assert_str_eq(kerr_name(err), "ok");
}

static struct store_reader *
self(void)
{
	return store_as_reader(w.store);
}

static struct record *
get(enum table_id table, int64_t id)
{
	struct record *row = NULL;

	ok(store_get(self(), table, id, w.arena, &row));
	return row;
}

static int64_t
one_client(void)
{
	int64_t id;

	ok(store_begin(w.store, false));
	id = world_client(&w, world_application(&w, "app"), "kdAAAAAAAAAAAAAAAAAAAAAA");
	ok(store_commit(w.store));
	return id;
}

static void
reopen(void)
{
	world_close(&w);
	ok(world_open(&w));
	ck_assert_uint_eq(store_damage(w.store), 0);
	ck_assert_uint_eq(store_fenced(w.store), 0);
}

START_TEST(an_inserted_row_is_read_back_with_id_and_version)
{
	int64_t id = one_client();
	struct record *row = get(TABLE_client, id);

	ck_assert_int_eq(record_int(row, ROW_ID), id);
	ck_assert_int_eq(record_int(row, ROW_VERSION), 1);
	ck_assert_int_eq(record_int(row, ROW_TENANT_ID), 1);
	ck_assert_str_eq(record_text(row, ROW_CLIENT_KEY), "kdAAAAAAAAAAAAAAAAAAAAAA");
	ck_assert_str_eq(record_text(row, ROW_CLIENT_STATE), "live");
	ck_assert(!record_has(row, ROW_CLIENT_REASON));
}
END_TEST

START_TEST(an_update_with_an_old_version_is_a_conflict_and_changes_nothing)
{
	int64_t id = one_client();
	struct record *first = get(TABLE_client, id), *second = get(TABLE_client, id);

	ok(store_begin(w.store, false));
	record_set_int(first, ROW_CLIENT_STATE, CLIENT_IS_SUSPENDED);
	ok(store_update(w.store, TABLE_client, first, 2000));
	ck_assert_int_eq(record_int(first, ROW_VERSION), 2);
	record_set_int(second, ROW_CLIENT_STATE, CLIENT_IS_REVOKED);
	ck_assert_int_eq(
		store_update(w.store, TABLE_client, second, 2000), KERR_CONFLICT);
	ok(store_commit(w.store));
	second = get(TABLE_client, id);
	ck_assert_int_eq(record_int(second, ROW_CLIENT_STATE), CLIENT_IS_SUSPENDED);
	ck_assert_int_eq(record_int(second, ROW_VERSION), 2);
	world_close(&w);
	ck_assert_int_eq(world_sql(&w, "SELECT count(*) FROM client_past"), 1);
	ok(world_open(&w));
	ck_assert_uint_eq(store_damage(w.store), 0);
}
END_TEST

static void
expect_at(int64_t id, int64_t at, int64_t version, int state)
{
	struct record *past;

	ok(store_get_at(self(), TABLE_client, id, at, w.arena, &past));
	ck_assert_int_eq(record_int(past, ROW_VERSION), version);
	ck_assert_int_eq(record_int(past, ROW_CLIENT_STATE), state);
}

START_TEST(a_history_row_is_the_former_version_with_a_mac_that_holds)
{
	int64_t id = one_client();
	struct record *row = get(TABLE_client, id), *past;

	ok(store_begin(w.store, false));
	record_set_int(row, ROW_CLIENT_STATE, CLIENT_IS_SUSPENDED);
	ok(store_update(w.store, TABLE_client, row, 2000));
	record_set_int(row, ROW_CLIENT_STATE, CLIENT_IS_LIVE);
	ok(store_update(w.store, TABLE_client, row, 3000));
	ok(store_commit(w.store));
	expect_at(id, 1999, 1, CLIENT_IS_LIVE);
	expect_at(id, 2000, 2, CLIENT_IS_SUSPENDED);
	expect_at(id, 3000, 3, CLIENT_IS_LIVE);
	ck_assert_int_eq(store_get_at(self(), TABLE_client, id, 999, w.arena, &past),
		KERR_NOTFOUND);
	world_close(&w);
	(void)world_sql(&w, "UPDATE client_past SET name = 'b' WHERE version = 1");
	ok(world_open(&w));
	ck_assert_int_eq(store_get_at(self(), TABLE_client, id, 1999, w.arena, &past),
		KERR_DAMAGED);
	expect_at(id, 2000, 2, CLIENT_IS_SUSPENDED);
}
END_TEST

START_TEST(a_removed_row_leaves_a_tombstone_and_its_id_is_not_used_again)
{
	struct store_condition c = {
		.column = ROW_TOMBSTONE_PLACE, .test = STORE_IS, .text = "client"};
	struct store_query q = {.table = TABLE_tombstone, .conditions = &c, .count = 1};
	int64_t id = one_client(), application;
	struct record *row;

	application = record_int(get(TABLE_client, id), ROW_CLIENT_APPLICATION_ID);
	ok(store_begin(w.store, false));
	/* the client needs it */
	ck_assert_int_eq(store_remove(w.store, TABLE_application, application, 2000),
		KERR_CONFLICT);
	ok(store_remove(w.store, TABLE_client, id, 2000));
	ok(store_commit(w.store));
	ck_assert_int_eq(
		store_get(self(), TABLE_client, id, w.arena, &row), KERR_NOTFOUND);
	ok(store_first(self(), &q, w.arena, &row));
	ck_assert_int_eq(record_int(row, ROW_TOMBSTONE_ROW_ID), id);
	ok(store_get_at(self(), TABLE_client, id, 1500, w.arena, &row));
	ck_assert_int_eq(store_get_at(self(), TABLE_client, id, 2000, w.arena, &row),
		KERR_NOTFOUND);
	reopen();
	ok(store_begin(w.store, false));
	ck_assert_int_eq(
		world_client(&w, application, "kdBBBBBBBBBBBBBBBBBBBBBB"), id + 1);
	ok(store_commit(w.store));
}
END_TEST

START_TEST(a_taken_key_is_refused_and_the_group_goes_on)
{
	int64_t id = one_client();
	struct record *row = get(TABLE_client, id);
	int64_t application = record_int(row, ROW_CLIENT_APPLICATION_ID);

	ok(store_begin(w.store, false));
	ok(store_save(w.store, false));
	ck_assert_int_eq(store_insert(w.store, TABLE_client, row, 2000), KERR_EXISTS);
	store_undo(w.store);
	ok(store_save(w.store, false));
	(void)world_client(&w, application, "kdBBBBBBBBBBBBBBBBBBBBBB");
	ok(store_keep(w.store));
	ok(store_commit(w.store));
	world_close(&w);
	ck_assert_int_eq(world_sql(&w, "SELECT count(*) FROM client"), 2);
	ok(world_open(&w));
	ck_assert_uint_eq(store_damage(w.store), 0);
}
END_TEST

START_TEST(a_row_that_its_table_does_not_take_is_invalid)
{
	struct record *row = record_new(w.arena, store_schema(TABLE_client));

	ok(store_begin(w.store, false));
	ck_assert_int_eq(store_insert(w.store, TABLE_client, row, 1), KERR_INVALID);
	record_set_int(row, ROW_CLIENT_APPLICATION_ID, 77);
	ok(record_set_text(row, ROW_CLIENT_KEY, "k"));
	ok(record_set_text(row, ROW_CLIENT_NAME, "n"));
	record_set_int(row, ROW_CLIENT_STATE, CLIENT_IS__COUNT);
	record_set_int(row, ROW_CLIENT_GENERATION, 1);
	record_set_int(row, ROW_CLIENT_CREATED, 1);
	ck_assert_int_eq(store_insert(w.store, TABLE_client, row, 1), KERR_INVALID);
	record_set_int(row, ROW_CLIENT_STATE, CLIENT_IS_LIVE);
	/* no such application */
	ck_assert_int_eq(store_insert(w.store, TABLE_client, row, 1), KERR_INVALID);
	ok(store_commit(w.store));
	ck_assert_int_eq(store_insert(w.store, TABLE_client, row, 1), KERR_INTERNAL);
}
END_TEST

START_TEST(what_is_undone_leaves_digest_and_versions_right)
{
	int64_t id = one_client();
	struct record *row = get(TABLE_client, id);

	ok(store_begin(w.store, false));
	ok(store_save(w.store, false));
	record_set_int(row, ROW_CLIENT_STATE, CLIENT_IS_REVOKED);
	ok(store_update(w.store, TABLE_client, row, 2000));
	(void)world_vendor(&w, "undone");
	store_undo(w.store);
	ck_assert_int_eq(record_int(get(TABLE_client, id), ROW_VERSION), 1);
	(void)world_vendor(&w, "kept");
	ok(store_commit(w.store));
	ok(store_begin(w.store, false));
	(void)world_vendor(&w, "rolled back");
	ok(store_remove(w.store, TABLE_client, id, 2000));
	store_rollback(w.store);
	(void)get(TABLE_client, id);
	world_close(&w);
	ck_assert_int_eq(world_sql(&w, "SELECT count(*) FROM vendor"), 2);
	ok(world_open(&w));
	ck_assert_uint_eq(store_damage(w.store), 0);
	ck_assert_uint_eq(store_fenced(w.store), 0);
}
END_TEST

/* As kill -9 leaves them: the files while a transaction is open, under another name and
 * opened from there. */
START_TEST(without_a_commit_the_former_state_stands)
{
	int64_t id = one_client();
	struct record *row = get(TABLE_client, id);
	char wal[192], db_copy[192], wal_copy[192];

	(void)snprintf(wal, sizeof(wal), "%s-wal", w.file);
	(void)snprintf(db_copy, sizeof(db_copy), "%s/db", w.directory);
	(void)snprintf(wal_copy, sizeof(wal_copy), "%s/wal", w.directory);
	ok(store_begin(w.store, false));
	record_set_int(row, ROW_CLIENT_STATE, CLIENT_IS_REVOKED);
	ok(store_update(w.store, TABLE_client, row, 2000));
	for (unsigned i = 0; i < 3000; i++) { /* until pages are written ahead */
		char name[32];

		(void)snprintf(name, sizeof(name), "vendor %u", i);
		(void)world_vendor(&w, name);
	}
	world_copy(w.file, db_copy);
	world_copy(wal, wal_copy);
	store_rollback(w.store);
	world_close(&w);
	ck_assert_int_eq(rename(db_copy, w.file), 0);
	ck_assert_int_eq(rename(wal_copy, wal), 0);
	ok(world_open(&w));
	ck_assert_uint_eq(store_damage(w.store), 0);
	row = get(TABLE_client, id);
	ck_assert_int_eq(record_int(row, ROW_CLIENT_STATE), CLIENT_IS_LIVE);
}
END_TEST

START_TEST(the_sealed_state_carries_what_was_set_with_the_commit)
{
	struct store_state state = {.audit_seq = 7,
				   .audit_head = {1, 2, 3},
				   .last_seen = 1234},
			   got;

	ok(store_begin(w.store, false));
	store_state_set(w.store, &state);
	ok(store_commit(w.store));
	ok(store_begin(w.store, false));
	state.audit_seq = 8;
	store_state_set(w.store, &state);
	store_rollback(w.store);
	store_state_get(w.store, &got);
	ck_assert_uint_eq(got.audit_seq, 7);
	reopen();
	store_state_get(w.store, &got);
	ck_assert_uint_eq(got.audit_seq, 7);
	ck_assert_int_eq(got.last_seen, 1234);
	ck_assert_int_eq(got.audit_head[2], 3);
}
END_TEST

START_TEST(a_plain_row_replaces_the_one_with_its_key)
{
	struct store_query q = {.table = TABLE_issued};
	struct record *row = record_new(w.arena, store_schema(TABLE_issued));
	uint64_t count;

	record_set_int(row, ROW_ISSUED_CLIENT_ID, 1);
	record_set_int(row, ROW_ISSUED_HOUR, 3600);
	record_set_int(row, ROW_ISSUED_COUNT, 5);
	ok(store_begin(w.store, false));
	ok(store_put(w.store, TABLE_issued, row));
	record_unset(row, ROW_ID);
	record_set_int(row, ROW_ISSUED_COUNT, 6);
	ok(store_put(w.store, TABLE_issued, row));
	ok(store_put(w.store, TABLE_issued, row)); /* with its id now */
	ok(store_count(self(), &q, &count));
	ck_assert_uint_eq(count, 1);
	ok(store_first(self(), &q, w.arena, &row));
	ck_assert_int_eq(record_int(row, ROW_ISSUED_COUNT), 6);
	ok(store_delete(w.store, &q));
	ok(store_count(self(), &q, &count));
	ck_assert_uint_eq(count, 0);
	ok(store_commit(w.store));
}
END_TEST

START_TEST(an_audit_record_cannot_be_replaced_or_deleted)
{
	struct store_query q = {.table = TABLE_audit_record};
	struct record *row = record_new(w.arena, store_schema(TABLE_audit_record));

	record_set_int(row, ROW_ID, 1);
	ok(record_set_text(row, ROW_AUDIT_RECORD_LINE, "seq=1"));
	ok(record_set_bytes(row, ROW_AUDIT_RECORD_HASH, "h", 1));
	ok(record_set_bytes(row, ROW_AUDIT_RECORD_MAC, "m", 1));
	ok(store_begin(w.store, false));
	ok(store_put(w.store, TABLE_audit_record, row));
	ck_assert_int_eq(store_put(w.store, TABLE_audit_record, row), KERR_EXISTS);
	ck_assert_int_eq(store_delete(w.store, &q), KERR_INVALID);
	ok(store_commit(w.store));
}
END_TEST

START_TEST(before_the_vault_is_open_no_security_row_is_read_or_written)
{
	struct store_query q = {.table = TABLE_keyring};
	struct store_options o;
	struct record *row;
	uint64_t count;
	bool empty;

	(void)one_client();
	world_close(&w);
	o = (struct store_options){
		.directory = w.directory, .reserve = RESERVE, .vault = w.vault};
	ok(store_open(&o, &w.store, &empty, NULL));
	ck_assert(empty); /* no deployment, no key, no slot yet */
	ok(store_count(self(), &q, &count));
	ck_assert_int_eq(store_get(self(), TABLE_client, 1, w.arena, &row), KERR_SEALED);
	ck_assert_int_eq(store_begin(w.store, true), KERR_SEALED);
}
END_TEST

static _Atomic bool stop;
static _Atomic unsigned rounds;
static const char *_Atomic complaint;

static enum kerr
count_row(void *with, struct record *row)
{
	uint64_t *count = with;

	(void)row;
	++*count;
	return KERR_OK;
}

static const char *
read_once(struct store_reader *r, struct arena *a)
{
	struct store_condition c = {.column = ROW_CLIENT_STATE,
		.test = STORE_IS,
		.number = CLIENT_IS_SUSPENDED};
	struct store_query q = {.table = TABLE_client, .conditions = &c, .count = 1};
	int64_t id = 1 + (int64_t)(atomic_load(&rounds) % 50);
	uint64_t all = 0, suspended = 0;
	const char *wrong = NULL;
	struct record *row;

	if (store_read_begin(r) != KERR_OK)
		return "a view cannot begin";
	if (store_scan(r, TABLE_client, a, count_row, &all) != KERR_OK ||
		store_select(r, &q, a, count_row, &suspended) != KERR_OK)
		wrong = "a read failed";
	else if (all != 50 || (suspended != 0 && suspended != 50))
		wrong = "a view was torn";
	else if (store_get(r, TABLE_client, id, a, &row) != KERR_OK)
		wrong = "a row was refused";
	store_read_end(r);
	return wrong;
}

/* In each view every client is there, in a state that was committed as one, and none is
 * taken for damaged. */
static void *
read_on(void *with)
{
	struct arena *a = arena_new((size_t)16 << 20);
	struct store_reader *r;

	if (!a || store_reader_open(with, &r) != KERR_OK) {
		atomic_store(&complaint, "cannot read");
		return NULL;
	}
	while (!atomic_load(&stop) && !atomic_load(&complaint)) {
		arena_reset(a);
		atomic_store(&complaint, read_once(r, a));
		atomic_fetch_add(&rounds, 1);
	}
	store_reader_close(r);
	arena_free(a);
	return NULL;
}

static void
write_round(unsigned n)
{
	ok(store_begin(w.store, false));
	for (int64_t id = 1; id <= 50; id++) {
		struct record *row = get(TABLE_client, id);

		record_set_int(row, ROW_CLIENT_STATE,
			n % 2 ? CLIENT_IS_LIVE : CLIENT_IS_SUSPENDED);
		ok(store_update(w.store, TABLE_client, row, 2000 + n));
	}
	if (n % 5 == 4)
		store_rollback(w.store);
	else
		ok(store_commit(w.store));
	arena_reset(w.arena);
}

START_TEST(a_reader_sees_whole_commits_while_the_writer_goes_on)
{
	pthread_t thread;
	int64_t application;
	bool full;

	ok(store_begin(w.store, false));
	application = world_application(&w, "app");
	for (unsigned i = 0; i < 50; i++) {
		char key[32];

		(void)snprintf(key, sizeof(key), "kd%u", i);
		(void)world_client(&w, application, key);
	}
	ok(store_commit(w.store));
	ck_assert_int_eq(pthread_create(&thread, NULL, read_on, w.store), 0);
	for (unsigned n = 0; n < 60 || atomic_load(&rounds) < 60; n++) {
		if (atomic_load(&complaint))
			break;
		write_round(n);
		if (n % 10 == 9)
			ok(store_tend(w.store, &full));
	}
	atomic_store(&stop, true);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert_msg(!atomic_load(&complaint), "%s", atomic_load(&complaint));
	ck_assert_uint_eq(store_fenced(w.store), 0);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("store");
	TCase *t = tcase_create("rows");

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, an_inserted_row_is_read_back_with_id_and_version);
	tcase_add_test(
		t, an_update_with_an_old_version_is_a_conflict_and_changes_nothing);
	tcase_add_test(t, a_history_row_is_the_former_version_with_a_mac_that_holds);
	tcase_add_test(t, a_removed_row_leaves_a_tombstone_and_its_id_is_not_used_again);
	tcase_add_test(t, a_taken_key_is_refused_and_the_group_goes_on);
	tcase_add_test(t, a_row_that_its_table_does_not_take_is_invalid);
	tcase_add_test(t, what_is_undone_leaves_digest_and_versions_right);
	tcase_add_test(t, without_a_commit_the_former_state_stands);
	tcase_add_test(t, the_sealed_state_carries_what_was_set_with_the_commit);
	tcase_add_test(t, a_plain_row_replaces_the_one_with_its_key);
	tcase_add_test(t, an_audit_record_cannot_be_replaced_or_deleted);
	tcase_add_test(t, before_the_vault_is_open_no_security_row_is_read_or_written);
	tcase_add_test(t, a_reader_sees_whole_commits_while_the_writer_goes_on);
	suite_add_tcase(s, t);
	return s;
}

int
main(void)
{
	SRunner *r = srunner_create(suite());
	int failed;

	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
