#include "keyd/keeper/store/store.h"

#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "core/model/model.h"
#include "keyd/keeper/store/db.h"
#include "tests/support/store_world.h"

/* Space that is kept. A limit on the size of files stands for the end of the disk:
 * growing fails, rewriting goes on. */

#define RESERVE ((size_t)1 << 20)
#define WAL     (RESERVE + ((size_t)16 << 20))
#define CLIENTS 400

static struct store_world w;

static void
ok(enum kerr err)
{
	ck_assert_str_eq(kerr_name(err), "ok");
}

static void
setup(void)
{
	int64_t application;

	world_start(&w, RESERVE);
	ok(store_begin(w.store, false));
	application = world_application(&w, "app");
	for (unsigned i = 0; i < CLIENTS; i++) {
		char key[32];

		(void)snprintf(key, sizeof(key), "kd%u", i);
		(void)world_client(&w, application, key);
	}
	ok(store_commit(w.store));
}

static void
teardown(void)
{
	world_end(&w);
}

static off_t
size_of(const char *suffix)
{
	char path[200];
	struct stat st;

	(void)snprintf(path, sizeof(path), "%s%s", w.file, suffix);
	ck_assert_int_eq(stat(path, &st), 0);
	return st.st_size;
}

static bool
holds(const char *suffix, const char *marker)
{
	char path[200];
	uint8_t *bytes;
	size_t len;
	bool found;

	(void)snprintf(path, sizeof(path), "%s%s", w.file, suffix);
	len = world_read(path, &bytes);
	found = memmem(bytes, len, marker, strlen(marker)) != NULL;
	free(bytes);
	return found;
}

static bool
tend(void)
{
	bool full;

	ok(store_tend(w.store, &full));
	return full;
}

static void
limit_files(rlim_t bytes)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN};
	struct rlimit limit;

	ck_assert_int_eq(sigaction(SIGXFSZ, &ignore, NULL), 0);
	ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = bytes;
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* One ordinary change of about 60 KiB. */
static enum kerr
add_bulk(unsigned n)
{
	static char note[60000];
	struct record *row = record_new(w.arena, store_schema(TABLE_policy));
	char name[32];
	enum kerr err;

	memset(note, 'x', sizeof(note) - 1);
	(void)snprintf(name, sizeof(name), "policy %u", n);
	record_set_int(row, ROW_TENANT_ID, 1);
	ok(record_set_text(row, ROW_POLICY_NAME, name));
	record_set_int(row, ROW_POLICY_NUMBER, 1);
	ok(record_set_text(row, ROW_POLICY_DOCUMENT, note));
	record_set_int(row, ROW_POLICY_CREATED, 1);
	err = store_begin(w.store, false);
	if (err != KERR_OK)
		return err;
	err = store_insert(w.store, TABLE_policy, row, 1000);
	if (err != KERR_OK) {
		store_rollback(w.store);
		return err;
	}
	return store_commit(w.store);
}

/* Until an ordinary change is refused; how many went. */
static unsigned
fill_disk(void)
{
	for (unsigned n = 0; n < 2000; n++) {
		enum kerr err = add_bulk(n);

		arena_reset(w.arena);
		if (err == KERR_FULL)
			return n;
		ok(err);
	}
	ck_abort_msg("the disk was never full");
}

static void
revoke_client(int64_t id)
{
	struct record *row;

	ok(store_get(store_as_reader(w.store), TABLE_client, id, w.arena, &row));
	record_set_int(row, ROW_CLIENT_STATE, CLIENT_IS_REVOKED);
	record_set_int(row, ROW_CLIENT_GENERATION, 2);
	ok(store_update(w.store, TABLE_client, row, 3000));
	arena_reset(w.arena);
}

START_TEST(what_takes_away_goes_on_when_the_disk_is_full)
{
	unsigned went;

	limit_files(WAL);
	went = fill_disk();
	ck_assert_uint_gt(went, 50);
	ck_assert(tend());
	ck_assert_int_eq(add_bulk(9999), KERR_FULL);
	for (int64_t id = 1; id <= CLIENTS; id++) {
		ok(store_begin(w.store, true));
		revoke_client(id);
		ok(store_commit(w.store));
		if (id % 50 == 0)
			ck_assert(tend());
	}
	limit_files(RLIM_INFINITY);
	ck_assert(!tend());
	ok(add_bulk(10000));
	world_close(&w);
	ok(world_open(&w));
	ck_assert_uint_eq(store_damage(w.store), 0);
}
END_TEST

START_TEST(in_a_group_only_what_is_ordinary_is_refused)
{
	limit_files(WAL);
	(void)fill_disk();
	ok(store_begin(w.store, true));
	ck_assert_int_eq(store_save(w.store, false), KERR_FULL);
	ok(store_save(w.store, true));
	revoke_client(1);
	ok(store_keep(w.store));
	ck_assert_int_eq(store_save(w.store, false), KERR_FULL);
	ok(store_commit(w.store));
	limit_files(RLIM_INFINITY);
	world_close(&w);
	ok(world_open(&w));
	ck_assert_uint_eq(store_damage(w.store), 0);
}
END_TEST

START_TEST(a_large_transaction_that_does_not_fit_changes_nothing)
{
	struct store_query q = {.table = TABLE_vendor};
	uint64_t before, after;
	enum kerr err = KERR_OK;

	ok(store_count(store_as_reader(w.store), &q, &before));
	limit_files(WAL);
	ok(store_begin(w.store, false));
	for (unsigned i = 0; i < 100000 && err == KERR_OK; i++) {
		struct record *row = record_new(w.arena, store_schema(TABLE_profile));
		char name[4096];

		(void)snprintf(name, sizeof(name), "%u%4000d", i, 0);
		ok(record_set_text(row, ROW_PROFILE_NAME, name));
		ok(record_set_text(row, ROW_PROFILE_DEFINITION, name));
		record_set_int(row, ROW_PROFILE_CREATED, 1);
		err = store_insert(w.store, TABLE_profile, row, 1000);
		arena_reset(w.arena);
	}
	ck_assert_int_eq(err, KERR_FULL);
	store_rollback(w.store);
	ok(store_begin(w.store, true));
	revoke_client(1);
	ok(store_commit(w.store));
	limit_files(RLIM_INFINITY);
	ck_assert(!tend());
	ok(store_count(store_as_reader(w.store), &q, &after));
	ck_assert_uint_eq(before, after);
	world_close(&w);
	ok(world_open(&w));
	ck_assert_uint_eq(store_damage(w.store), 0);
}
END_TEST

START_TEST(the_wal_is_grown_ahead_and_kept)
{
	ck_assert_int_ge(size_of("-wal"), (off_t)WAL);
	for (unsigned n = 0; n < 20; n++)
		ok(add_bulk(n));
	(void)tend();
	(void)tend();
	ck_assert_int_ge(size_of("-wal"), (off_t)WAL);
	world_close(&w);
	ck_assert_int_ge(size_of("-wal"), (off_t)WAL);
	ck_assert_int_eq(
		world_sql(&w, "SELECT sum(length(fill)) >= 1000000 FROM ballast"), 1);
	ok(world_open(&w));
}
END_TEST

static void
put_record_key(int64_t row_id, const char *marker)
{
	struct record *row = record_new(w.arena, store_schema(TABLE_record_key));

	ok(record_set_text(row, ROW_RECORD_KEY_PLACE, "delivery"));
	record_set_int(row, ROW_RECORD_KEY_ROW_ID, row_id);
	record_set_int(row, ROW_RECORD_KEY_EPOCH, 1);
	ok(record_set_bytes(row, ROW_RECORD_KEY_WRAPPED, marker, strlen(marker)));
	ok(store_begin(w.store, false));
	ok(store_put(w.store, TABLE_record_key, row));
	ok(store_commit(w.store));
}

static void
destroy_record_keys(void)
{
	struct store_query q = {.table = TABLE_record_key};

	ok(store_begin(w.store, false));
	ok(store_delete(w.store, &q));
	ok(store_commit(w.store));
	store_forget_soon(w.store);
}

START_TEST(a_destroyed_record_key_is_in_neither_file_after_forgetting)
{
	put_record_key(1, "a-wrapped-key-to-be-forgotten");
	ck_assert(holds("-wal", "a-wrapped-key-to-be-forgotten"));
	destroy_record_keys();
	ck_assert(!tend());
	ck_assert(!holds("-wal", "a-wrapped-key-to-be-forgotten"));
	ck_assert(!holds("", "a-wrapped-key-to-be-forgotten"));
	ck_assert_int_ge(size_of("-wal"), (off_t)WAL);
	/* at most once a minute */
	put_record_key(2, "a-second-key");
	destroy_record_keys();
	ck_assert(!tend());
	ck_assert(holds("-wal", "a-second-key"));
}
END_TEST

START_TEST(a_view_that_stays_open_does_not_stop_writing)
{
	struct store_reader *r;
	struct record *row;

	ok(store_reader_open(w.store, &r));
	ok(store_read_begin(r));
	for (unsigned n = 0; n < 400; n++) {
		ok(add_bulk(n));
		arena_reset(w.arena);
		if (n % 50 == 0)
			ck_assert(!tend());
	}
	ck_assert_int_gt(size_of("-wal"), (off_t)WAL);
	ok(store_begin(w.store, false));
	revoke_client(1);
	ok(store_commit(w.store));
	ok(store_get(r, TABLE_client, 1, w.arena, &row));
	ck_assert_int_eq(record_int(row, ROW_CLIENT_STATE), CLIENT_IS_LIVE);
	store_read_end(r);
	ok(store_get(r, TABLE_client, 1, w.arena, &row));
	ck_assert_int_eq(record_int(row, ROW_CLIENT_STATE), CLIENT_IS_REVOKED);
	store_reader_close(r);
	ck_assert_uint_eq(store_fenced(w.store), 0);
}
END_TEST

static int64_t
number(struct db *db, const char *sql)
{
	int64_t n = -1;

	ok(db_number(db, sql, &n));
	return n;
}

START_TEST(a_connection_has_the_settings_that_the_promises_rest_on)
{
	static const enum db_use uses[] = {DB_WRITER, DB_READER};

	for (unsigned i = 0; i < 2; i++) {
		struct db_stmt *st;
		struct db *db;

		world_close(&w);
		ok(db_open(w.file, uses[i], &db, NULL));
		ck_assert_int_eq(number(db, "PRAGMA synchronous"), 2);
		ck_assert_int_eq(number(db, "PRAGMA foreign_keys"), 1);
		ck_assert_int_eq(number(db, "PRAGMA secure_delete"), 1);
		ck_assert_int_eq(number(db, "PRAGMA trusted_schema"), 0);
		ck_assert_int_eq(number(db, "PRAGMA wal_autocheckpoint"), 0);
		ck_assert_int_eq(number(db, "PRAGMA page_size"), 4096);
		ck_assert_int_eq(number(db, "SELECT journal_mode = 'wal' FROM "
					    "pragma_journal_mode"),
			1);
		ck_assert_int_ne(db_exec(db, "PRAGMA writable_schema = ON; DELETE FROM "
					     "sqlite_schema"),
			KERR_OK);
		ck_assert_int_eq(db_prepare(db, "SELECT $2, $1", &st), KERR_INTERNAL);
		db_close(db);
		ok(world_open(&w));
	}
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("store reserve");
	TCase *t = tcase_create("reserve");

	tcase_set_timeout(t, 100);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, what_takes_away_goes_on_when_the_disk_is_full);
	tcase_add_test(t, in_a_group_only_what_is_ordinary_is_refused);
	tcase_add_test(t, a_large_transaction_that_does_not_fit_changes_nothing);
	tcase_add_test(t, the_wal_is_grown_ahead_and_kept);
	tcase_add_test(t, a_destroyed_record_key_is_in_neither_file_after_forgetting);
	tcase_add_test(t, a_view_that_stays_open_does_not_stop_writing);
	tcase_add_test(t, a_connection_has_the_settings_that_the_promises_rest_on);
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
