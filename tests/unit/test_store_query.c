#include "keyd/keeper/store/store.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
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

struct seen {
	size_t count;
	int64_t ids[1000];
	char last[64];
};

static enum kerr
see(void *with, struct record *row)
{
	struct seen *seen = with;

	ck_assert_uint_lt(seen->count, 1000);
	seen->ids[seen->count++] = record_int(row, ROW_ID);
	if (record_schema(row) == store_schema(TABLE_client))
		(void)snprintf(seen->last, sizeof(seen->last), "%s",
			record_text(row, ROW_CLIENT_KEY));
	return KERR_OK;
}

static void
many_clients(int64_t application, unsigned from, unsigned to)
{
	for (unsigned i = from; i < to; i++) {
		char key[32];

		/* keys in another order than ids */
		(void)snprintf(key, sizeof(key), "kd%06u", (i * 7919U) % 100003U);
		(void)world_client(&w, application, key);
	}
}

static size_t
found(const struct store_query *q)
{
	struct seen seen = {.count = 0};
	uint64_t count;

	ok(store_select(self(), q, w.arena, see, &seen));
	ok(store_count(self(), q, &count));
	ck_assert_uint_eq(count, seen.count);
	return seen.count;
}

static size_t
times(const struct seen *seen, int64_t id)
{
	size_t n = 0;

	for (size_t i = 0; i < seen->count; i++)
		n += seen->ids[i] == id;
	return n;
}

START_TEST(paging_visits_each_row_once_while_rows_are_inserted)
{
	struct store_query q = {
		.table = TABLE_client, .sort = ROW_CLIENT_KEY, .limit = 13};
	static struct seen seen;
	size_t before = 1;
	int64_t application;
	unsigned made = 300;

	ok(store_begin(w.store, false));
	application = world_application(&w, "app");
	many_clients(application, 0, made);
	ok(store_commit(w.store));
	while (seen.count != before) {
		before = seen.count;
		ok(store_select(self(), &q, w.arena, see, &seen));
		q.has_after = true;
		q.after_text = seen.last;
		q.after_id = seen.ids[seen.count - 1];
		ok(store_begin(w.store, false));
		many_clients(application, made, made + 3);
		ok(store_commit(w.store));
		made += 3;
	}
	for (int64_t id = 1; id <= 300; id++)
		ck_assert_uint_eq(times(&seen, id), 1);
	memset(&seen, 0, sizeof(seen));
	q = (struct store_query){.table = TABLE_client, .descending = true};
	ok(store_select(self(), &q, w.arena, see, &seen));
	ck_assert_uint_eq(seen.count, made);
	ck_assert_int_eq(seen.ids[0], made);
}
END_TEST

static struct store_condition c;
static const struct store_query clients = {
	.table = TABLE_client, .conditions = &c, .count = 1};

static void
three_clients(void)
{
	int64_t application;

	ok(store_begin(w.store, false));
	application = world_application(&w, "app");
	(void)world_client(&w, application, "kdABCD");
	(void)world_client(&w, application, "kdABDE");
	(void)world_client(&w, application, "kd%_\\X");
	ok(store_commit(w.store));
}

START_TEST(conditions_on_texts_find_what_holds_and_nothing_else)
{
	three_clients();
	c = (struct store_condition){
		.column = ROW_CLIENT_KEY, .test = STORE_IS, .text = "kdABCD"};
	ck_assert_uint_eq(found(&clients), 1);
	c.text = "kdabcd";
	ck_assert_uint_eq(found(&clients), 0);
	c.test = STORE_BEGINS;
	c.text = "kdAB";
	ck_assert_uint_eq(found(&clients), 2);
	c.text = "";
	ck_assert_uint_eq(found(&clients), 3);
	c.test = STORE_CONTAINS;
	c.text = "abc"; /* letters of ASCII in either case */
	ck_assert_uint_eq(found(&clients), 1);
	c.text = "%_\\";
	ck_assert_uint_eq(found(&clients), 1);
	c.test = STORE_ABOVE;
	c.text = "kdABCD";
	ck_assert_uint_eq(found(&clients), 1);
	c.test = STORE_BELOW;
	ck_assert_uint_eq(found(&clients), 1);
}
END_TEST

START_TEST(conditions_on_words_numbers_and_nothing_find_what_holds)
{
	int64_t ids[3] = {1, 3, 77};

	three_clients();
	c = (struct store_condition){
		.column = ROW_CLIENT_STATE, .test = STORE_IS, .number = CLIENT_IS_LIVE};
	ck_assert_uint_eq(found(&clients), 3);
	c.number = CLIENT_IS_REVOKED;
	ck_assert_uint_eq(found(&clients), 0);
	c.number = 99;
	ck_assert_uint_eq(found(&clients), 0);
	c = (struct store_condition){
		.column = ROW_ID, .test = STORE_IN, .ids = ids, .count = 3};
	ck_assert_uint_eq(found(&clients), 2);
	c.count = 0;
	ck_assert_uint_eq(found(&clients), 0);
	c = (struct store_condition){.column = ROW_ID, .test = STORE_ABOVE, .number = 1};
	ck_assert_uint_eq(found(&clients), 2);
	c = (struct store_condition){.column = ROW_CLIENT_REASON, .test = STORE_IS_NULL};
	ck_assert_uint_eq(found(&clients), 3);
	c.column = ROW_CLIENT_KEY;
	ck_assert_uint_eq(found(&clients), 0);
	c.column = ROW_CLIENT__COUNT;
	ck_assert_int_eq(
		store_select(self(), &clients, w.arena, see, NULL), KERR_INVALID);
}
END_TEST

static int64_t
edorg(int64_t number)
{
	struct record *row = record_new(w.arena, store_schema(TABLE_edorg));

	record_set_int(row, ROW_TENANT_ID, 1);
	record_set_int(row, ROW_EDORG_NUMBER, number);
	ok(record_set_text(row, ROW_EDORG_NAME, "a district"));
	record_set_int(row, ROW_EDORG_KIND, EDORG_KIND_LEA);
	record_set_int(row, ROW_EDORG_STATE, EDORG_IS_OPEN);
	record_set_int(row, ROW_EDORG_CREATED, 1000);
	ok(store_insert(w.store, TABLE_edorg, row, 1000));
	return record_int(row, ROW_ID);
}

static void
pair(enum table_id table, unsigned first, int64_t a, int64_t b)
{
	struct record *row = record_new(w.arena, store_schema(table));

	record_set_int(row, ROW_TENANT_ID, 1);
	record_set_int(row, first, a);
	record_set_int(row, first + 1, b);
	if (table == TABLE_edorg_closure)
		record_set_int(row, ROW_EDORG_CLOSURE_DISTANCE, a != b);
	ok(store_insert(w.store, table, row, 1000));
}

static void
above(int64_t a, int64_t b)
{
	pair(TABLE_edorg_closure, ROW_EDORG_CLOSURE_ABOVE_ID, a, b);
}

static void
application_of(int64_t application, int64_t org)
{
	pair(TABLE_application_edorg, ROW_APPLICATION_EDORG_APPLICATION_ID, application,
		org);
}

START_TEST(a_subtree_is_found_through_the_closure)
{
	struct store_query q = {.table = TABLE_application, .conditions = &c, .count = 1};
	int64_t hub, lea, other;

	ok(store_begin(w.store, false));
	hub = edorg(255901000);
	lea = edorg(255901);
	other = edorg(255902);
	above(hub, hub);
	above(hub, lea);
	above(lea, lea);
	above(other, other);
	application_of(world_application(&w, "first"), lea);
	application_of(world_application(&w, "second"), other);
	ok(store_commit(w.store));
	c = (struct store_condition){.column = ROW_ID,
		.test = STORE_LINKED_WITHIN,
		.link = TABLE_application_edorg,
		.link_from = ROW_APPLICATION_EDORG_APPLICATION_ID,
		.link_to = ROW_APPLICATION_EDORG_EDORG_ID,
		.number = hub};
	ck_assert_uint_eq(found(&q), 1);
	c.number = other;
	ck_assert_uint_eq(found(&q), 1);
	c.test = STORE_LINKED;
	ck_assert_uint_eq(found(&q), 1);
	c.number = hub;
	ck_assert_uint_eq(found(&q), 0);
	c = (struct store_condition){
		.column = ROW_ID, .test = STORE_WITHIN, .number = hub};
	q.table = TABLE_edorg;
	ck_assert_uint_eq(found(&q), 2);
	c.ids = (int64_t[]){lea, other, 77};
	c.count = 3;
	ck_assert_uint_eq(found(&q), 2);
	c.ids = (int64_t[]){lea, other, 77};
	c.count = 3;
	ck_assert_uint_eq(found(&q), 2);
}
END_TEST

START_TEST(bytes_are_found_by_their_tag)
{
	static const char tag[] = {'a', 0, 'b'};
	struct record *row = record_new(w.arena, store_schema(TABLE_rate_block));
	struct store_query q = {.table = TABLE_rate_block, .conditions = &c, .count = 1};

	ok(record_set_bytes(row, ROW_RATE_BLOCK_BUCKET, tag, sizeof(tag)));
	record_set_int(row, ROW_RATE_BLOCK_WINDOW, 60);
	record_set_int(row, ROW_RATE_BLOCK_RESERVED, 10);
	ok(store_begin(w.store, false));
	ok(store_put(w.store, TABLE_rate_block, row));
	ok(store_commit(w.store));
	c = (struct store_condition){.column = ROW_RATE_BLOCK_BUCKET,
		.test = STORE_IS,
		.text = tag,
		.count = sizeof(tag)};
	ck_assert_uint_eq(found(&q), 1);
	c.count = 1;
	ck_assert_uint_eq(found(&q), 0);
}
END_TEST

START_TEST(a_newer_schema_is_refused_and_a_changed_one_is_damage)
{
	world_close(&w);
	(void)world_sql(&w, "PRAGMA user_version = 99");
	ck_assert_int_eq(world_open(&w), KERR_NEWER);
	(void)world_sql(&w, "PRAGMA user_version = 1; DROP INDEX client_by_name");
	ck_assert_int_eq(world_open(&w), KERR_DAMAGED);
	(void)world_sql(&w, "CREATE INDEX client_by_name ON client(name)");
	ck_assert_int_eq(world_open(&w), KERR_DAMAGED);
	(void)world_sql(&w, "DROP INDEX client_by_name; CREATE INDEX \"client_by_name\" "
			    "ON \"client\" (\"name\")");
	ok(world_open(&w));
}
END_TEST

/* An index whose first column it is. */
static void
expect_index(enum table_id table, unsigned column)
{
	const struct schema *s = store_schema(table);
	char sql[512];

	(void)snprintf(sql, sizeof(sql),
		"SELECT count(*) FROM pragma_index_list('%s') l JOIN "
		"pragma_index_info(l.name) i WHERE i.seqno = 0 AND i.name = '%s'",
		s->name, s->fields[column].name);
	ck_assert_msg(world_sql(&w, sql) > 0, "%s.%s", s->name, s->fields[column].name);
}

/* The tables that lists are made of, by the name of what they show. */
static const struct {
	enum table_id table;
	const struct schema *shown;
} lists[] = {
	{TABLE_tenant, &tenant_schema},
	{TABLE_school_year, &year_schema},
	{TABLE_vendor, &vendor_schema},
	{TABLE_product, &product_schema},
	{TABLE_edorg, &edorg_schema},
	{TABLE_ods, &ods_schema},
	{TABLE_application, &application_schema},
	{TABLE_client, &client_schema},
	{TABLE_operator, &operator_schema},
	{TABLE_claimset, &claimset_schema},
	{TABLE_caller, &caller_schema},
};

START_TEST(columns_that_lists_sort_or_filter_by_have_an_index)
{
	world_close(&w);
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		const struct schema *rows = store_schema(lists[i].table);

		for (unsigned f = 0; f < lists[i].shown->count; f++) {
			const struct field *field = &lists[i].shown->fields[f];
			int column = schema_field(rows, field->name);

			if (column > ROW_ID &&
				(field->flags & (FIELD_SORT | FIELD_FILTER)))
				expect_index(lists[i].table, (unsigned)column);
		}
	}
	ok(world_open(&w));
}
END_TEST

static void
expect_words(const struct schema *s, const struct field *field)
{
	char sql[256];

	for (unsigned i = 0; field->words && field->words[i]; i++) {
		(void)snprintf(sql, sizeof(sql),
			"SELECT instr(sql, '''%s''') FROM sqlite_schema WHERE name = "
			"'%s'",
			field->words[i], s->name);
		ck_assert_msg(world_sql(&w, sql) > 0, "%s.%s %s", s->name, field->name,
			field->words[i]);
	}
}

START_TEST(every_word_of_every_column_is_one_that_the_database_takes)
{
	world_close(&w);
	for (unsigned t = 0; t < TABLE__COUNT; t++) {
		const struct schema *s = store_schema((enum table_id)t);

		for (unsigned f = 0; f < s->count; f++)
			expect_words(s, &s->fields[f]);
	}
	ok(world_open(&w));
}
END_TEST

static enum kerr
count_row(void *with, struct record *row)
{
	uint64_t *count = with;

	(void)row;
	++*count;
	return KERR_OK;
}

/* Ids in steps of pages: the same rows whether few pass, which are sorted, or many, for
 * which the index is walked. */
static size_t
pages_of(const struct store_query *first, unsigned state)
{
	static struct seen seen;
	struct store_query q = *first;
	size_t before = 1;

	c = (struct store_condition){
		.column = ROW_CLIENT_STATE, .test = STORE_IS, .number = state};
	memset(&seen, 0, sizeof(seen));
	while (seen.count != before && seen.count + q.limit < 1000) {
		char former[sizeof(seen.last)];

		before = seen.count;
		memcpy(former, seen.last, sizeof(former));
		ok(store_select(self(), &q, w.arena, see, &seen));
		if (q.sort == ROW_CLIENT_KEY && before && seen.count > before)
			ck_assert_str_gt(seen.last, former);
		q.has_after = true;
		q.after_text = seen.last;
		q.after_id = seen.ids[seen.count - 1];
	}
	for (size_t i = 1; i < seen.count && q.sort == ROW_ID; i++)
		ck_assert_int_gt(seen.ids[i], seen.ids[i - 1]);
	return seen.count;
}

START_TEST(a_page_is_the_same_whether_few_rows_pass_or_many)
{
	struct store_query q = clients;
	struct record *row;
	int64_t application;

	ok(store_begin(w.store, false));
	application = world_application(&w, "app");
	many_clients(application, 0, 6000);
	for (int64_t id = 100; id <= 3000; id += 100) {
		ok(store_get(self(), TABLE_client, id, w.arena, &row));
		record_set_int(row, ROW_CLIENT_STATE, CLIENT_IS_QUARANTINED);
		ok(store_update(w.store, TABLE_client, row, 2000));
	}
	ok(store_commit(w.store));
	q.limit = 100;
	q.sort = ROW_CLIENT_KEY;
	ck_assert_uint_eq(pages_of(&q, CLIENT_IS_QUARANTINED), 30);
	ck_assert_uint_eq(pages_of(&q, CLIENT_IS_LIVE), 900);
	q.sort = ROW_ID;
	ck_assert_uint_eq(pages_of(&q, CLIENT_IS_QUARANTINED), 30);
	ck_assert_uint_eq(pages_of(&q, CLIENT_IS_LIVE), 900);
}
END_TEST

/* How fast is said, not asserted: machines are shared. */
START_TEST(a_hundred_thousand_rows_are_scanned)
{
	uint64_t began = clock_monotonic_us(), written, opened, count = 0;
	int64_t application;

	ok(store_begin(w.store, false));
	application = world_application(&w, "app");
	for (unsigned i = 0; i < 100000; i += 1000) {
		many_clients(application, i, i + 1000);
		arena_reset(w.arena);
	}
	ok(store_commit(w.store));
	written = clock_monotonic_us();
	world_close(&w);
	ok(world_open(&w));
	opened = clock_monotonic_us();
	ok(store_scan(self(), TABLE_client, w.arena, count_row, &count));
	ck_assert_uint_eq(count, 100000);
	printf("100,000 rows: written in %llu ms, opened in %llu ms, scanned in %llu "
	       "ms\n",
		(unsigned long long)(written - began) / 1000,
		(unsigned long long)(opened - written) / 1000,
		(unsigned long long)(clock_monotonic_us() - opened) / 1000);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("store queries");
	TCase *t = tcase_create("queries");

	tcase_set_timeout(t, 100);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, paging_visits_each_row_once_while_rows_are_inserted);
	tcase_add_test(t, conditions_on_texts_find_what_holds_and_nothing_else);
	tcase_add_test(t, conditions_on_words_numbers_and_nothing_find_what_holds);
	tcase_add_test(t, a_subtree_is_found_through_the_closure);
	tcase_add_test(t, bytes_are_found_by_their_tag);
	tcase_add_test(t, a_newer_schema_is_refused_and_a_changed_one_is_damage);
	tcase_add_test(t, columns_that_lists_sort_or_filter_by_have_an_index);
	tcase_add_test(t, every_word_of_every_column_is_one_that_the_database_takes);
	tcase_add_test(t, a_page_is_the_same_whether_few_rows_pass_or_many);
	tcase_add_test(t, a_hundred_thousand_rows_are_scanned);
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
