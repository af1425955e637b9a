#include "keyd/keeper/store/store.h"

#include <check.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/model/model.h"
#include "tests/support/store_world.h"

/* Another hand at the database's file: whatever it does, no row is served that keyd did
 * not write last. */

#define RESERVE ((size_t)1 << 20)
#define KEY_ONE "kdONEONEONEONEONEONEONEO"
#define KEY_TWO "kdTWOTWOTWOTWOTWOTWOTWOT"
#define PAGE    4096

static struct store_world w;

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

/* Two clients, the first in its second version. The store is closed. */
static void
setup(void)
{
	struct record *row;
	int64_t application;

	world_start(&w, RESERVE);
	ok(store_begin(w.store, false));
	application = world_application(&w, "app");
	ck_assert_int_eq(world_client(&w, application, KEY_ONE), 1);
	ck_assert_int_eq(world_client(&w, application, KEY_TWO), 2);
	ok(store_get(self(), TABLE_client, 1, w.arena, &row));
	record_set_int(row, ROW_CLIENT_STATE, CLIENT_IS_SUSPENDED);
	ok(store_update(w.store, TABLE_client, row, 2000));
	ok(store_commit(w.store));
	world_close(&w);
	(void)world_sql(&w, "SELECT 1");
}

/* The bytes as the database's whole content: without a WAL that has it otherwise. */
static void
put_file(const uint8_t *bytes, size_t len)
{
	char wal[192];

	(void)snprintf(wal, sizeof(wal), "%s-wal", w.file);
	(void)remove(wal);
	world_write(w.file, bytes, len);
}

static void
teardown(void)
{
	world_end(&w);
}

static enum kerr
get(int64_t id)
{
	struct record *row;

	return store_get(self(), TABLE_client, id, w.arena, &row);
}

/* The store opens with damage, client 1 is set aside, client 2 is served. */
static void
expect_first_fenced(const char *what)
{
	ck_assert_msg(world_open(&w) == KERR_DAMAGED, "%s", what);
	ck_assert_msg(store_damage(w.store) > 0, "%s", what);
	ck_assert_msg(store_is_fenced(w.store, TABLE_client, 1), "%s", what);
	ck_assert_msg(get(1) == KERR_DAMAGED, "%s", what);
	ck_assert_msg(get(2) == KERR_OK, "%s", what);
	world_close(&w);
}

START_TEST(a_change_in_any_column_is_found_and_the_row_set_aside)
{
	static const char *const changes[] = {
		"tenant_id = tenant_id + 1",
		"version = version + 1",
		"application_id = application_id + 1",
		"key = 'kdX' || substr(key, 4)",
		"name = name || ' '",
		"state = 'live'",
		"generation = generation + 1",
		"reason = ''",
		"created = created - 1",
		"valid_from = valid_from + 1",
		"mac_key = mac_key + 1",
		"mac = zeroblob(32)",
	};
	char copy[192];

	(void)snprintf(copy, sizeof(copy), "%s/good", w.directory);
	world_copy(w.file, copy);
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		char sql[256];

		(void)snprintf(sql, sizeof(sql),
			"PRAGMA ignore_check_constraints = ON; UPDATE client SET %s "
			"WHERE "
			"id = 1",
			changes[i]);
		(void)world_sql(&w, sql);
		expect_first_fenced(changes[i]);
		world_copy(copy, w.file);
	}
	ok(world_open(&w));
	ck_assert_int_eq(remove(copy), 0);
}
END_TEST

START_TEST(an_old_copy_of_a_row_with_its_old_mac_is_found_and_not_used)
{
	(void)world_sql(&w,
		"UPDATE client SET (version, state, valid_from, mac_key, mac) = (SELECT "
		"version, state, valid_from, mac_key, mac FROM client_past WHERE id = 1) "
		"WHERE id = 1");
	expect_first_fenced("old copy");
	/* without its history it cannot be named, but something is wrong all the same */
	(void)world_sql(&w, "DELETE FROM client_past");
	ck_assert_int_eq(world_open(&w), KERR_DAMAGED);
	ck_assert_uint_gt(store_damage(w.store), 0);
}
END_TEST

START_TEST(a_missing_row_and_one_too_many_are_found)
{
	char copy[192];

	(void)snprintf(copy, sizeof(copy), "%s/good", w.directory);
	world_copy(w.file, copy);
	(void)world_sql(&w, "DELETE FROM client WHERE id = 2");
	ck_assert_int_eq(world_open(&w), KERR_DAMAGED);
	ck_assert_int_eq(get(2), KERR_NOTFOUND);
	ck_assert_int_eq(get(1), KERR_OK);
	world_close(&w);
	world_copy(copy, w.file);
	(void)world_sql(&w, "INSERT INTO vendor_contact (tenant_id, version, vendor_id, "
			    "name, email, role, valid_from, mac_key, mac) VALUES (1, 1, "
			    "1, 'a', 'b', 'c', 1, 3, zeroblob(32))");
	ck_assert_int_eq(world_open(&w), KERR_DAMAGED);
	ck_assert(store_is_fenced(w.store, TABLE_vendor_contact, 1));
	ck_assert_int_eq(get(1), KERR_OK);
	ck_assert_int_eq(remove(copy), 0);
}
END_TEST

START_TEST(a_row_of_another_table_or_id_is_not_taken)
{
	/* the second client's columns under the first one's id */
	(void)world_sql(&w,
		"UPDATE client SET key = 'x' WHERE id = 2; UPDATE client SET (tenant_id, "
		"version, application_id, key, name, state, generation, created, "
		"valid_from, mac_key, mac) = (SELECT tenant_id, version, application_id, "
		"'" KEY_TWO
		"', name, state, generation, created, valid_from, mac_key, mac "
		"FROM client WHERE id = 2) WHERE id = 1");
	ck_assert_int_eq(world_open(&w), KERR_DAMAGED);
	ck_assert_int_eq(get(1), KERR_DAMAGED);
	ck_assert_int_eq(get(2), KERR_DAMAGED);
}
END_TEST

static void
revoke_first(bool use_reserve)
{
	struct record *row;

	ok(store_begin(w.store, use_reserve));
	ok(store_get(self(), TABLE_client, 1, w.arena, &row));
	record_set_int(row, ROW_CLIENT_STATE, CLIENT_IS_REVOKED);
	ok(store_update(w.store, TABLE_client, row, 3000));
	ok(store_commit(w.store));
}

START_TEST(an_older_file_does_not_pass_under_a_newer_sealed_state)
{
	char copy[192], sql[512];

	(void)snprintf(copy, sizeof(copy), "%s/old", w.directory);
	world_copy(w.file, copy);
	ok(world_open(&w));
	revoke_first(false);
	world_close(&w);
	(void)snprintf(sql, sizeof(sql),
		"ATTACH '%s' AS old; UPDATE old.sealed_state SET sealed = (SELECT sealed "
		"FROM main.sealed_state); PRAGMA old.wal_checkpoint(TRUNCATE)",
		copy);
	(void)world_sql(&w, sql);
	world_copy(copy, w.file);
	ck_assert_int_eq(world_open(&w), KERR_DAMAGED);
	ck_assert_uint_gt(store_damage(w.store), 0);
	ck_assert_int_eq(remove(copy), 0);
}
END_TEST

/* The record is sealed, so three old ones say nothing of a fourth. */
START_TEST(a_digest_recombined_from_three_older_copies_is_refused)
{
	uint8_t one[8192], sum[8192] = {0};
	char hex[2 * sizeof(sum) + 1], sql[2 * sizeof(sum) + 64];
	size_t len = 0;

	for (int n = 0; n < 3; n++) {
		struct store_state state = {.last_seen = n};

		ok(world_open(&w));
		ok(store_begin(w.store, false));
		store_state_set(w.store, &state);
		ok(store_commit(w.store));
		world_close(&w);
		len = world_blob(&w, "SELECT sealed FROM sealed_state", one, sizeof(one));
		for (size_t i = 0; i < len; i++)
			sum[i] ^= one[i];
	}
	(void)sodium_bin2hex(hex, sizeof(hex), sum, len);
	(void)snprintf(sql, sizeof(sql), "UPDATE sealed_state SET sealed = x'%s'", hex);
	(void)world_sql(&w, sql);
	ck_assert_int_eq(world_open(&w), KERR_DAMAGED);
	world_close(&w);
	(void)world_sql(&w, "DELETE FROM sealed_state");
	ck_assert_int_eq(world_open(&w), KERR_DAMAGED);
	ck_assert_int_eq(get(1), KERR_OK); /* sound by itself, and there may be reasons */
}
END_TEST

/* The page of the table that holds both clients, in the file's bytes: it begins with 13,
 * a leaf of a table. */
static uint8_t *
leaf_of_clients(uint8_t *file, size_t len)
{
	for (size_t at = 0; at + PAGE <= len; at += PAGE) {
		uint8_t *page = file + at;

		if (page[0] == 13 && memmem(page, PAGE, KEY_ONE, strlen(KEY_ONE)) &&
			memmem(page, PAGE, "a vendor system", 15))
			return page;
	}
	ck_abort_msg("no page has the clients");
}

#define CELL(page, n) ((page) + 8 + 2 * (n)) /* where the page says that row n lies */

START_TEST(the_same_row_twice_in_a_page_is_found)
{
	uint8_t *file, *page;
	size_t len = world_read(w.file, &file);

	page = leaf_of_clients(file, len);
	memcpy(CELL(page, 1), CELL(page, 0), 2);
	put_file(file, len);
	ck_assert_int_eq(world_open(&w), KERR_DAMAGED);
	ck_assert_int_eq(get(1), KERR_OK);
	ck_assert_int_ne(get(2), KERR_OK);
	free(file);
}
END_TEST

/* A key that only the index has: a page of an index begins with 10. */
START_TEST(a_damaged_index_leads_to_no_wrong_row)
{
	struct store_condition c = {.column = ROW_CLIENT_KEY, .test = STORE_IS};
	struct store_query q = {.table = TABLE_client, .conditions = &c, .count = 1};
	uint8_t *file, *page, *key;
	size_t len = world_read(w.file, &file), changed = 0;
	struct record *row;
	char other[] = KEY_TWO;

	other[sizeof(other) - 2] = 'Z';
	c.text = other;
	for (page = file; page + PAGE <= file + len; page += PAGE) {
		key = page[0] == 10 ? memmem(page, PAGE, KEY_TWO, strlen(KEY_TWO)) : NULL;
		if (key) {
			memcpy(key, other, strlen(other));
			changed++;
		}
	}
	ck_assert_uint_gt(changed, 0);
	put_file(file, len);
	ok(world_open(&w));
	ck_assert_int_eq(store_first(self(), &q, w.arena, &row), KERR_NOTFOUND);
	ck_assert(store_is_fenced(w.store, TABLE_client, 2));
	free(file);
}
END_TEST

START_TEST(pages_that_are_not_well_formed_are_named)
{
	uint8_t *file, *page;
	size_t len = world_read(w.file, &file);
	struct fault fault;

	ok(world_open(&w));
	ok(store_check_pages(self(), &fault));
	world_close(&w);
	page = leaf_of_clients(file, len);
	memcpy(CELL(page, 1), CELL(page, 0), 2);
	put_file(file, len);
	ck_assert_int_eq(world_open(&w), KERR_DAMAGED);
	ck_assert_int_eq(store_check_pages(self(), &fault), KERR_DAMAGED);
	ck_assert(strstr(fault.text, "restore"));
	free(file);
}
END_TEST

START_TEST(ids_that_do_not_rise_are_found)
{
	uint8_t *file, *page, first[2];
	size_t len = world_read(w.file, &file);

	page = leaf_of_clients(file, len);
	memcpy(first, CELL(page, 0), 2);
	memcpy(CELL(page, 0), CELL(page, 1), 2);
	memcpy(CELL(page, 1), first, 2);
	put_file(file, len);
	ck_assert_int_eq(world_open(&w), KERR_DAMAGED);
	free(file);
}
END_TEST

/* What is served after any change of bits: as keyd wrote it last, or nothing. */
static void
expect_right_or_nothing(size_t at)
{
	static const int states[] = {CLIENT_IS_SUSPENDED, CLIENT_IS_LIVE};
	static const char *const keys[] = {KEY_ONE, KEY_TWO};

	for (int64_t id = 1; id <= 2; id++) {
		struct record *row = NULL;

		if (store_get(self(), TABLE_client, id, w.arena, &row) != KERR_OK) {
			ck_assert_msg(store_damage(w.store) + store_fenced(w.store) > 0,
				"silent at %zu", at);
			continue;
		}
		ck_assert_msg(
			record_int(row, ROW_CLIENT_STATE) == states[id - 1], "%zu", at);
		ck_assert_str_eq(record_text(row, ROW_CLIENT_KEY), keys[id - 1]);
	}
}

START_TEST(a_flipped_bit_anywhere_gives_no_wrong_row)
{
	uint8_t *file;
	size_t len = world_read(w.file, &file), opened = 0, refused = 0;
	size_t leaf = (size_t)(leaf_of_clients(file, len) - file);

	for (unsigned n = 0; n < 400; n++) {
		size_t at = n % 2 ? leaf + randombytes_uniform(PAGE)
				  : randombytes_uniform((uint32_t)len);
		uint8_t bit = (uint8_t)(1U << randombytes_uniform(8));
		enum kerr err;

		file[at] ^= bit;
		put_file(file, len);
		file[at] ^= bit;
		err = world_open(&w);
		if (w.store && (err == KERR_OK || err == KERR_DAMAGED)) {
			expect_right_or_nothing(at);
			opened++;
		} else {
			refused++;
		}
		world_close(&w);
	}
	ck_assert_uint_eq(opened + refused, 400);
	ck_assert_uint_gt(opened, 200);
	free(file);
}
END_TEST

/* Beside the running store: an old page comes back under its feet. */
START_TEST(an_old_page_put_back_while_running_is_refused)
{
	struct store_reader *r;
	struct record *row;
	uint8_t *old;
	size_t len = world_read(w.file, &old);
	bool full;
	FILE *f;

	ok(world_open(&w));
	revoke_first(false);
	ok(store_tend(w.store, &full));
	ok(store_tend(w.store, &full)); /* idle: everything goes to the file */
	f = fopen(w.file, "r+b");
	ck_assert(f && fwrite(old, 1, len, f) == len && fclose(f) == 0);
	ok(store_reader_open(w.store, &r));
	ck_assert_int_eq(store_get(r, TABLE_client, 1, w.arena, &row), KERR_DAMAGED);
	ck_assert(store_is_fenced(w.store, TABLE_client, 1));
	ok(store_get(r, TABLE_client, 2, w.arena, &row));
	store_reader_close(r);
	free(old);
}
END_TEST

START_TEST(damage_lasts_until_it_is_accepted_and_what_is_set_aside_stays_so)
{
	(void)world_sql(&w, "UPDATE client SET name = 'y' WHERE id = 2");
	for (unsigned n = 0; n < 2; n++) {
		ck_assert_int_eq(world_open(&w), KERR_DAMAGED);
		ck_assert_int_eq(get(2), KERR_DAMAGED);
		if (n == 0)
			revoke_first(true); /* what takes away goes on */
		world_close(&w);
	}
	ck_assert_int_eq(world_open(&w), KERR_DAMAGED);
	ok(store_begin(w.store, true));
	ok(store_damage_accept(w.store));
	store_rollback(w.store);
	ck_assert_uint_gt(store_damage(w.store), 0);
	ok(store_begin(w.store, true));
	ok(store_damage_accept(w.store));
	ok(store_commit(w.store));
	ck_assert_uint_eq(store_damage(w.store), 0);
	world_close(&w);
	ok(world_open(&w));
	ck_assert_uint_eq(store_damage(w.store), 0);
	ck_assert_int_eq(get(2), KERR_DAMAGED);
	ck_assert_int_eq(get(1), KERR_OK);
	world_close(&w);
	(void)world_sql(&w, "UPDATE client SET name = 'z' WHERE id = 1");
	ck_assert_int_eq(world_open(&w), KERR_DAMAGED);
}
END_TEST

START_TEST(an_old_row_that_was_accepted_is_still_not_used)
{
	(void)world_sql(&w,
		"UPDATE client SET (version, state, valid_from, mac_key, mac) = (SELECT "
		"version, state, valid_from, mac_key, mac FROM client_past WHERE id = 1) "
		"WHERE id = 1");
	ck_assert_int_eq(world_open(&w), KERR_DAMAGED);
	ok(store_begin(w.store, true));
	ok(store_damage_accept(w.store));
	ok(store_commit(w.store));
	world_close(&w);
	ok(world_open(&w));
	ck_assert_int_eq(get(1), KERR_DAMAGED);
	ck_assert_int_eq(get(2), KERR_OK);
}
END_TEST

START_TEST(no_write_touches_a_row_that_is_set_aside)
{
	struct record *row = NULL;

	ok(world_open(&w));
	ok(store_get(self(), TABLE_client, 1, w.arena, &row));
	row = record_new(w.arena, store_schema(TABLE_client));
	ok(store_get(self(), TABLE_client, 2, w.arena, &row));
	store_close(w.store);
	w.store = NULL;
	(void)world_sql(&w, "UPDATE client SET name = 'y' WHERE id = 2");
	ck_assert_int_eq(world_open(&w), KERR_DAMAGED);
	ok(store_begin(w.store, true));
	ck_assert_int_eq(store_update(w.store, TABLE_client, row, 4000), KERR_DAMAGED);
	ck_assert_int_eq(store_remove(w.store, TABLE_client, 2, 4000), KERR_DAMAGED);
	ok(store_commit(w.store));
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("store damage");
	TCase *t = tcase_create("damage");

	tcase_set_timeout(t, 100);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_change_in_any_column_is_found_and_the_row_set_aside);
	tcase_add_test(t, an_old_copy_of_a_row_with_its_old_mac_is_found_and_not_used);
	tcase_add_test(t, a_missing_row_and_one_too_many_are_found);
	tcase_add_test(t, a_row_of_another_table_or_id_is_not_taken);
	tcase_add_test(t, an_older_file_does_not_pass_under_a_newer_sealed_state);
	tcase_add_test(t, a_digest_recombined_from_three_older_copies_is_refused);
	tcase_add_test(t, the_same_row_twice_in_a_page_is_found);
	tcase_add_test(t, a_damaged_index_leads_to_no_wrong_row);
	tcase_add_test(t, pages_that_are_not_well_formed_are_named);
	tcase_add_test(t, ids_that_do_not_rise_are_found);
	tcase_add_test(t, a_flipped_bit_anywhere_gives_no_wrong_row);
	tcase_add_test(t, an_old_page_put_back_while_running_is_refused);
	tcase_add_test(
		t, damage_lasts_until_it_is_accepted_and_what_is_set_aside_stays_so);
	tcase_add_test(t, an_old_row_that_was_accepted_is_still_not_used);
	tcase_add_test(t, no_write_touches_a_row_that_is_set_aside);
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
