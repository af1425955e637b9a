#include "keyd/keeper/store/store.h"

#include <check.h>
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

static struct record *
get(enum table_id table, int64_t id)
{
	struct record *row = NULL;

	ok(store_get(store_as_reader(w.store), table, id, w.arena, &row));
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
