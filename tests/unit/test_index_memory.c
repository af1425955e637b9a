#include <check.h>
#include <stdlib.h>

#include "core/arena.h"
#include "tests/support/index_world.h"

/* The index while memory runs out: the linker puts what stands here in the place of
 * mem_new(). */

void *__real_mem_new(size_t count, size_t size);
void *__wrap_mem_new(size_t count, size_t size);

static unsigned failing; /* the n-th allocation from now on; 0: none */
static unsigned failed;

void *
__wrap_mem_new(size_t count, size_t size)
{
	if (failing > 0 && --failing == 0) {
		failed++;
		return NULL;
	}
	return __real_mem_new(count, size);
}

static struct vault *vault;
static struct world before; /* the step that is being made */

static void
setup(void)
{
	uint32_t number;

	vault = vault_new();
	ck_assert_int_eq(vault_create(vault, NULL), KERR_OK);
	ck_assert_int_eq(vault_key_renew(vault, KEY_VERIFIER, &number), KERR_OK);
}

static void
teardown(void)
{
	vault_free(vault);
}

/* Puts the row with the first allocation failing, then the second, until none is left to
 * fail. Each failure leaves what was there, but that a client rests whose ended token
 * could not be taken in. */
static enum kerr
put_starving(struct world *w, enum table_id table, const struct record *row)
{
	enum kerr err = KERR_NOMEM;
	size_t client;

	for (unsigned nth = 1; err == KERR_NOMEM; nth++) {
		if (nth > 1)
			world_compare(&before);
		failing = nth;
		err = index_put(w->index, table, row);
		failing = 0;
		if (err != KERR_NOMEM || table != TABLE_ended_token)
			continue;
		client =
			(size_t)(record_int(row, ROW_ENDED_TOKEN_CLIENT_ID) / w->stride) -
			1;
		w->client[client].is.fenced |= w->client[client].is.present;
		before.client[client].is = w->client[client].is;
	}
	return err;
}

START_TEST(a_row_that_could_not_be_taken_in_changes_nothing)
{
	for (unsigned round = 0; round < 20; round++) {
		struct world w;

		world_seed(round + 1000);
		/* Every row has pages of its own, so that there is much to allocate. */
		world_init(&w, vault, INT64_C(1000000007));
		w.put = put_starving;
		for (unsigned i = 0; i < 300; i++) {
			before = w;
			world_step(&w, 60);
			world_compare(&w);
		}
		world_clear(&w);
	}
	ck_assert_uint_gt(failed, 1000);
}
END_TEST

START_TEST(an_index_that_could_not_be_made_is_none)
{
	struct index *x = NULL;

	for (unsigned nth = 1; x == NULL; nth++) {
		ck_assert_uint_le(nth, 20);
		failing = nth;
		x = index_new(vault);
	}
	failing = 0;
	index_free(x);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("index_memory");
	TCase *tc = tcase_create("index_memory");
	SRunner *runner;
	int number;

	if (secret_pool_start(256, NULL) != KERR_OK)
		return EXIT_FAILURE;
	tcase_set_timeout(tc, 100);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a_row_that_could_not_be_taken_in_changes_nothing);
	tcase_add_test(tc, an_index_that_could_not_be_made_is_none);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	number = srunner_ntests_failed(runner);
	srunner_free(runner);
	return number == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
