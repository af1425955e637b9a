#include <check.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/model/model.h"
#include "keyd/keeper/index/idmap.h"
#include "keyd/keeper/index/index.h"
#include "tests/support/index_world.h"

/* The index against a second, slow one that only knows lists (index_world.h), and what a
 * list cannot show. */

static struct vault *vault;

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

START_TEST(the_index_answers_as_lists_of_rows_would)
{
	static const int64_t strides[] = {1, 255, INT64_C(1000000007)};
	unsigned good = 0;

	for (unsigned round = 0; round < 30; round++) {
		struct world w;

		world_seed(round + 1);
		world_init(&w, vault, strides[round % 3]);
		world_live(&w, 400, round % 2 == 0 ? 95 : 60);
		good += w.good;
		world_clear(&w);
	}
	ck_assert_uint_gt(good, 100); /* it is not all refusals */
}
END_TEST

START_TEST(rows_in_any_order_give_the_same_answers)
{
	for (unsigned round = 0; round < 50; round++) {
		struct world w;

		world_seed(round + 100);
		world_init(&w, vault, 1);
		world_put_all_shuffled(&w);
		for (unsigned i = 0; i < 100; i++)
			world_compare(&w);
		world_clear(&w);
	}
}
END_TEST

START_TEST(what_was_removed_leaves_room_for_what_comes)
{
	struct index_counts before, after;
	struct world w;

	world_seed(7);
	world_init(&w, vault, 1);
	world_put_all_shuffled(&w);
	index_counts(w.index, 1, &before);
	for (unsigned i = 0; i < 200; i++) {
		world_drop_all_shuffled(&w);
		index_counts(w.index, 1, &after);
		ck_assert_uint_eq(
			after.clients + after.quarantined + after.undelivered, 0);
		world_put_all_shuffled(&w);
	}
	index_counts(w.index, 1, &after);
	ck_assert_uint_le(after.bytes, before.bytes + 1024);
	world_clear(&w);
}
END_TEST

/* A world in which the first client has a good secret. */
static void
one_good(struct world *w)
{
	world_init(w, vault, 1);
	world_put_good(w);
}

static enum index_verdict
ask(struct world *w, const char *key, const char *secret)
{
	struct secret *typed = secret_new(secret, strlen(secret));
	struct index_holder holder;
	enum index_verdict verdict;

	ck_assert_ptr_nonnull(typed);
	verdict = index_authenticate(w->index, key, typed, WORLD_NOW, &holder);
	secret_free(typed);
	return verdict;
}

static void
written(const struct world *w, size_t s, char ret[CREDENTIAL_SECRET_LEN + 1])
{
	memcpy(ret, secret_reveal(w->secret[s].typed), CREDENTIAL_SECRET_LEN);
	ret[CREDENTIAL_SECRET_LEN] = '\0';
}

START_TEST(key_and_secret_are_known_in_every_spelling)
{
	char secret[CREDENTIAL_SECRET_LEN + 1], key[64], *bare = secret;
	struct world w;

	one_good(&w);
	written(&w, 0, secret);
	ck_assert_int_eq(ask(&w, w.client[0].key, secret), INDEX_GOOD);
	snprintf(key, sizeof(key), " %s\n", w.client[0].key);
	for (char *p = key; *p != '\0'; p++)
		*p = (char)tolower((unsigned char)*p);
	for (const char *p = secret; *p != '\0'; p++) {
		if (*p != '-')
			*bare++ = (char)tolower((unsigned char)*p);
	}
	*bare = '\0';
	ck_assert_int_eq(ask(&w, key, secret), INDEX_GOOD);
	world_clear(&w);
}
END_TEST

START_TEST(mistakes_of_typing_are_told_apart)
{
	char secret[CREDENTIAL_SECRET_LEN + 1], other[CREDENTIAL_KEY_LEN + 1];
	struct secret *never = credential_secret_new();
	char wrong[CREDENTIAL_SECRET_LEN + 1];
	struct world w;

	one_good(&w);
	written(&w, 0, secret);
	memcpy(wrong, secret_reveal(never), CREDENTIAL_SECRET_LEN);
	wrong[CREDENTIAL_SECRET_LEN] = '\0';
	credential_key_new(other);
	ck_assert_int_eq(ask(&w, other, secret), INDEX_UNKNOWN_KEY);
	ck_assert_int_eq(ask(&w, "", ""), INDEX_UNKNOWN_KEY);
	ck_assert_int_eq(ask(&w, "admin", "kds_"), INDEX_UNKNOWN_KEY);
	ck_assert_int_eq(ask(&w, secret, secret), INDEX_SECRET_AS_KEY);
	ck_assert_int_eq(ask(&w, w.client[0].key, wrong), INDEX_WRONG_SECRET);
	ck_assert_int_eq(ask(&w, w.client[0].key, ""), INDEX_WRONG_SECRET);
	ck_assert_int_eq(ask(&w, w.client[0].key, "password"), INDEX_WRONG_SECRET);
	ck_assert_int_eq(ask(&w, w.caller[0].key, secret), INDEX_UNKNOWN_KEY);
	secret[10] = secret[10] == '7' ? '8' : '7';
	ck_assert_int_eq(ask(&w, w.client[0].key, secret), INDEX_TYPING_ERROR);
	secret_free(never);
	world_clear(&w);
}
END_TEST

START_TEST(a_caller_needs_its_own_secret_and_is_no_client)
{
	struct index_holder holder;
	int64_t ods = 0;
	struct world w;

	one_good(&w);
	world_put_all_shuffled(&w);
	world_put_good(&w);
	ck_assert_int_eq(index_authenticate_caller(
				 w.index, w.caller[0].key, w.caller[1].typed, &ods),
		INDEX_WRONG_SECRET);
	ck_assert_int_eq(index_authenticate_caller(
				 w.index, w.client[0].key, w.secret[0].typed, &ods),
		INDEX_UNKNOWN_KEY);
	ck_assert_int_eq(index_authenticate(w.index, w.caller[0].key, w.caller[0].typed,
				 WORLD_NOW, &holder),
		INDEX_UNKNOWN_KEY);
	ck_assert_int_eq(ods, 0);
	world_clear(&w);
}
END_TEST

START_TEST(secrets_are_known_under_however_many_verifier_keys)
{
	uint32_t keys[WORLD_SECRETS];
	struct world w;

	world_seed(11);
	world_init(&w, vault, 1);
	for (size_t s = 0; s < WORLD_SECRETS; s++) {
		ck_assert_int_eq(vault_key_renew(vault, KEY_VERIFIER, &keys[s]), KERR_OK);
		world_verifier_key(&w, s, keys[s]);
	}
	world_live(&w, 1000, 70);
	for (size_t s = 0; s < WORLD_SECRETS; s++)
		world_verifier_key(&w, s, keys[s % 3]);
	world_live(&w, 1000, 70);
	world_clear(&w);
}
END_TEST

START_TEST(the_dummy_is_nobodys_secret)
{
	char secret[CREDENTIAL_SECRET_LEN + 1];
	struct world w;

	one_good(&w);
	written(&w, 0, secret);
	world_drop_secrets(&w, 0);
	ck_assert_int_eq(ask(&w, w.client[0].key, secret), INDEX_WRONG_SECRET);
	ck_assert_int_eq(ask(&w, w.client[0].key, "x"), INDEX_WRONG_SECRET);
	world_clear(&w);
}
END_TEST

START_TEST(a_day_of_agreement_ends_with_the_day_in_the_zone)
{
	char secret[CREDENTIAL_SECRET_LEN + 1];
	struct index_holder holder;
	struct world w;

	ck_assert_int_eq(clock_zone_load("America/Chicago", NULL), KERR_OK);
	one_good(&w);
	written(&w, 0, secret);
	/* 2026-06-30 ends at 05:00 UTC of the next day. */
	world_agreement(&w, 0, 20454, 20634);
	ck_assert_int_eq(index_authenticate(w.index, w.client[0].key, w.secret[0].typed,
				 1782881999, &holder),
		INDEX_GOOD);
	ck_assert_int_eq(holder.not_after, 1782882000);
	ck_assert_int_eq(index_authenticate(w.index, w.client[0].key, w.secret[0].typed,
				 1782882000, &holder),
		INDEX_EXPIRED);
	/* 2026-01-01 begins at 06:00 UTC. */
	ck_assert_int_eq(index_authenticate(w.index, w.client[0].key, w.secret[0].typed,
				 1767247199, &holder),
		INDEX_NOT_YET);
	ck_assert_int_eq(index_authenticate(w.index, w.client[0].key, w.secret[0].typed,
				 1767247200, &holder),
		INDEX_GOOD);
	world_clear(&w);
}
END_TEST

START_TEST(a_secret_without_an_end_has_none)
{
	struct index_holder holder;
	struct world w;

	one_good(&w);
	world_agreement(&w, 0, 0, INT64_MAX);
	world_secret_dates(&w, 0, 0, INT64_MAX);
	ck_assert_int_eq(index_authenticate(w.index, w.client[0].key, w.secret[0].typed,
				 INT64_C(5000000000), &holder),
		INDEX_GOOD);
	ck_assert_int_eq(holder.not_after, INT64_MAX);
	world_clear(&w);
}
END_TEST

START_TEST(a_row_without_keyds_form_lets_nobody_in)
{
	struct index_holder holder;
	struct world w;

	one_good(&w);
	world_bad_verifier(&w, 0);
	ck_assert_int_ne(index_authenticate(w.index, w.client[0].key, w.secret[0].typed,
				 WORLD_NOW, &holder),
		INDEX_GOOD);
	world_put_good(&w);
	ck_assert_int_eq(index_authenticate(w.index, w.client[0].key, w.secret[0].typed,
				 WORLD_NOW, &holder),
		INDEX_GOOD);
	world_bad_key(&w, 0);
	ck_assert_int_eq(index_authenticate(w.index, w.client[0].key, w.secret[0].typed,
				 WORLD_NOW, &holder),
		INDEX_UNKNOWN_KEY);
	world_clear(&w);
}
END_TEST

START_TEST(a_fenced_end_of_a_token_does_not_bring_it_back)
{
	struct world w;
	struct index_token token;

	one_good(&w);
	token = (struct index_token){.client = world_id(&w, 0),
		.generation = (uint64_t)w.client[0].generation,
		.secret_number = 1,
		.jti_tag = w.ended[0].tag};
	ck_assert(index_token_active(w.index, &token, WORLD_NOW, 0));
	world_end_token(&w, 0, 0);
	ck_assert(!index_token_active(w.index, &token, WORLD_NOW, 0));
	index_fence(w.index, TABLE_ended_token, world_id(&w, 0));
	ck_assert(!index_token_active(w.index, &token, WORLD_NOW, 0));
	index_drop(w.index, TABLE_ended_token, world_id(&w, 0));
	ck_assert(index_token_active(w.index, &token, WORLD_NOW, 0));
	world_clear(&w);
}
END_TEST

START_TEST(a_further_client_takes_at_most_220_bytes)
{
	enum { FEW = 20000, MANY = 60000 };
	struct index_counts few, many;
	struct world w;

	one_good(&w);
	world_fill(&w, 0, FEW);
	index_counts(w.index, WORLD_NOW, &few);
	world_fill(&w, FEW, MANY);
	index_counts(w.index, WORLD_NOW, &many);
	ck_assert_uint_le((many.bytes - few.bytes) / (MANY - FEW), 220);
	ck_assert_uint_ge(many.live, MANY);
	world_clear(&w);
}
END_TEST

START_TEST(ids_far_apart_are_found_and_forgotten)
{
	struct idmap m = {0};
	int64_t ids[3000];

	world_seed(3);
	for (uint32_t i = 0; i < 3000; i++) {
		ids[i] = (int64_t)world_any((size_t)1 << 51) - (1LL << 50);
		if (i % 3 == 1)
			ids[i] = ids[i - 1] + 256; /* the next page */
		if (idmap_find(&m, ids[i]) == 0)
			ck_assert_int_eq(idmap_set(&m, ids[i], i + 1), KERR_OK);
	}
	for (uint32_t i = 0; i < 3000; i += 2)
		idmap_remove(&m, ids[i]);
	for (uint32_t i = 0; i < 3000; i++) {
		uint32_t found = idmap_find(&m, ids[i]);

		ck_assert(found == 0 || ids[found - 1] == ids[i]);
		ck_assert(i % 2 == 0 || found != 0 || ids[i] == ids[i - 1]);
	}
	for (uint32_t i = 1; i < 3000; i += 2)
		idmap_remove(&m, ids[i]);
	ck_assert_uint_eq(m.count, 0);
	idmap_clear(&m);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("index");
	TCase *tc = tcase_create("index");
	SRunner *runner;
	int failed;

	if (secret_pool_start(256, NULL) != KERR_OK)
		return EXIT_FAILURE;
	tcase_set_timeout(tc, 100);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, the_index_answers_as_lists_of_rows_would);
	tcase_add_test(tc, rows_in_any_order_give_the_same_answers);
	tcase_add_test(tc, what_was_removed_leaves_room_for_what_comes);
	tcase_add_test(tc, key_and_secret_are_known_in_every_spelling);
	tcase_add_test(tc, mistakes_of_typing_are_told_apart);
	tcase_add_test(tc, a_caller_needs_its_own_secret_and_is_no_client);
	tcase_add_test(tc, secrets_are_known_under_however_many_verifier_keys);
	tcase_add_test(tc, the_dummy_is_nobodys_secret);
	tcase_add_test(tc, a_day_of_agreement_ends_with_the_day_in_the_zone);
	tcase_add_test(tc, a_secret_without_an_end_has_none);
	tcase_add_test(tc, a_row_without_keyds_form_lets_nobody_in);
	tcase_add_test(tc, a_fenced_end_of_a_token_does_not_bring_it_back);
	tcase_add_test(tc, a_further_client_takes_at_most_220_bytes);
	tcase_add_test(tc, ids_far_apart_are_found_and_forgotten);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
