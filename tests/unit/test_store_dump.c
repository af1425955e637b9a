#include "keyd/keeper/store/store.h"

#include <check.h>
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

static enum kerr
keep_chunk(void *with, const void *bytes, size_t len)
{
	buf_put(with, bytes, len);
	return buf_error(with);
}

/* An empty database beside the other, with the same vault, as a restore has it. */
static void
start_beside(struct store_world *other)
{
	world_start(other, RESERVE);
	world_close(other);
	vault_free(other->vault);
	ck_assert_int_eq(remove(other->file), 0);
	other->vault = w.vault;
	ok(world_open(other));
}

static void
end_beside(struct store_world *other)
{
	world_close(other);
	other->vault = NULL;
	world_end(other);
}

static void
client_with_history(void)
{
	struct record *row;

	ok(store_begin(w.store, false));
	(void)world_client(&w, world_application(&w, "app"), "kdA");
	ok(store_get(self(), TABLE_client, 1, w.arena, &row));
	record_set_int(row, ROW_CLIENT_STATE, CLIENT_IS_REVOKED);
	ok(store_update(w.store, TABLE_client, row, 2000));
	ok(store_commit(w.store));
}

START_TEST(a_dump_is_loaded_under_the_same_ids_versions_and_history)
{
	struct store_world other;
	uint64_t dumped, loaded;
	struct record *row;
	struct buf stream;

	buf_init(&stream, (size_t)16 << 20);
	client_with_history();
	ok(store_dump(self(), keep_chunk, &stream, &dumped));
	start_beside(&other);
	ok(store_begin(other.store, false));
	ok(store_load(other.store, stream.data, stream.len, &loaded));
	ok(store_commit(other.store));
	ck_assert_uint_eq(loaded, dumped);
	world_close(&other);
	ok(world_open(&other));
	ok(store_get(store_as_reader(other.store), TABLE_client, 1, other.arena, &row));
	ck_assert_int_eq(record_int(row, ROW_VERSION), 2);
	ok(store_get_at(
		store_as_reader(other.store), TABLE_client, 1, 1000, other.arena, &row));
	ck_assert_int_eq(record_int(row, ROW_VERSION), 1);
	end_beside(&other);
	buf_clear(&stream);
}
END_TEST

START_TEST(a_dump_that_was_cut_or_changed_is_refused_whole)
{
	struct store_query q = {.table = TABLE_client};
	struct store_world other;
	uint64_t dumped, loaded;
	struct buf stream;

	buf_init(&stream, (size_t)16 << 20);
	client_with_history();
	ok(store_dump(self(), keep_chunk, &stream, &dumped));
	start_beside(&other);
	for (size_t i = 0; i < stream.len; i += 1 + i / 40) {
		stream.data[i] ^= 1;
		ok(store_begin(other.store, false));
		ck_assert_msg(store_load(other.store, stream.data, stream.len, &loaded) !=
				      KERR_OK,
			"byte %zu", i);
		ck_assert_int_ne(store_commit(other.store), KERR_OK);
		stream.data[i] ^= 1;
		ok(store_begin(other.store, false));
		ck_assert_int_eq(
			store_load(other.store, stream.data, i, &loaded), KERR_DAMAGED);
		store_rollback(other.store);
	}
	ok(store_count(store_as_reader(other.store), &q, &loaded));
	ck_assert_uint_eq(loaded, 0);
	end_beside(&other);
	buf_clear(&stream);
}
END_TEST

/* What was set aside is not in the stream, and what needs it does not come back without
 * it. */
START_TEST(rows_that_are_set_aside_stay_behind_with_what_hangs_on_them)
{
	struct store_query q = {.table = TABLE_client};
	struct store_world other;
	uint64_t dumped, loaded, count;
	struct buf stream;

	buf_init(&stream, (size_t)16 << 20);
	client_with_history();
	world_close(&w);
	(void)world_sql(&w, "UPDATE application SET name = 'changed'");
	ck_assert_int_eq(world_open(&w), KERR_DAMAGED);
	ok(store_dump(self(), keep_chunk, &stream, &dumped));
	start_beside(&other);
	ok(store_begin(other.store, false));
	ok(store_load(other.store, stream.data, stream.len, &loaded));
	ok(store_commit(other.store));
	ok(store_count(store_as_reader(other.store), &q, &count));
	ck_assert_uint_eq(count, 0);
	world_close(&other);
	ok(world_open(&other));
	ck_assert_uint_eq(store_damage(other.store), 0);
	end_beside(&other);
	buf_clear(&stream);
}
END_TEST

static void
put_plain(enum table_id table, unsigned text, const char *word, unsigned bytes)
{
	struct record *row = record_new(w.arena, store_schema(table));

	if (table == TABLE_seal_slot) {
		record_set_int(row, ROW_SEAL_SLOT_KIND,
			word[0] == 'k' ? SLOT_KIND_KEY_FILE : SLOT_KIND_PASSPHRASE);
		ok(record_set_text(row, ROW_SEAL_SLOT_LABEL, "a slot"));
		ok(record_set_text(row, ROW_SEAL_SLOT_DEPLOYMENT, "d"));
		record_set_int(row, ROW_SEAL_SLOT_CREATED, 1);
	} else {
		ok(record_set_text(row, text, word));
		record_set_int(row, ROW_RECORD_KEY_ROW_ID, 1);
		record_set_int(row, ROW_RECORD_KEY_EPOCH, 1);
	}
	ok(record_set_bytes(row, bytes, word, strlen(word)));
	ok(store_put(w.store, table, row));
}

START_TEST(a_dump_leaves_out_what_would_open_without_a_person)
{
	uint64_t dumped;
	struct buf stream;

	buf_init(&stream, (size_t)16 << 20);
	ok(store_begin(w.store, false));
	put_plain(TABLE_seal_slot, 0, "key-file-slot", ROW_SEAL_SLOT_SEALED);
	put_plain(TABLE_seal_slot, 0, "passphrase-slot", ROW_SEAL_SLOT_SEALED);
	put_plain(TABLE_record_key, ROW_RECORD_KEY_PLACE, "delivery",
		ROW_RECORD_KEY_WRAPPED);
	put_plain(TABLE_record_key, ROW_RECORD_KEY_PLACE, "signing_key",
		ROW_RECORD_KEY_WRAPPED);
	ok(store_commit(w.store));
	ok(store_dump(self(), keep_chunk, &stream, &dumped));
	ck_assert_uint_eq(dumped, 2);
	ck_assert(!memmem(stream.data, stream.len, "key-file-slot", 13));
	ck_assert(memmem(stream.data, stream.len, "passphrase-slot", 15));
	buf_clear(&stream);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("store dump");
	TCase *t = tcase_create("dump");

	tcase_set_timeout(t, 100);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_dump_is_loaded_under_the_same_ids_versions_and_history);
	tcase_add_test(t, a_dump_that_was_cut_or_changed_is_refused_whole);
	tcase_add_test(t, rows_that_are_set_aside_stay_behind_with_what_hangs_on_them);
	tcase_add_test(t, a_dump_leaves_out_what_would_open_without_a_person);
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
