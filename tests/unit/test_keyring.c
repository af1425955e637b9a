#include <check.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/vault_fixture.h"

START_TEST(a_renewed_key_seals_and_the_former_one_still_opens)
{
	struct vault *v = vault_made();
	uint32_t first = vault_active(v, KEY_DATA), second = 0;
	struct sealed old, new;

	seal_text(v, "old", &old);
	ck_assert_int_eq(vault_key_renew(v, KEY_DATA, &second), KERR_OK);
	ck_assert_uint_eq(second, KEY__COUNT + 1);
	ck_assert_uint_eq(vault_active(v, KEY_DATA), second);
	ck_assert_int_eq(vault_key_at(v, first - 1).state, KEY_DECRYPT_ONLY);
	seal_text(v, "new", &new);
	ck_assert_int_eq(try_open(v, &place, &old), KERR_OK);
	vault_key_destroy(v, first);
	ck_assert_int_eq(try_open(v, &place, &old), KERR_DAMAGED);
	ck_assert_int_eq(try_open(v, &place, &new), KERR_OK);
	ck_assert_int_eq(vault_key_seal(v, first, &old.value), KERR_NOTFOUND);
	sealed_clear(&old);
	sealed_clear(&new);
	vault_free(v);
}
END_TEST

START_TEST(after_a_restart_keys_are_the_same_and_numbers_go_on)
{
	struct secret *opener = secret_new("01234567890123456789012345678901", 32);
	struct vault *v = vault_made(), *again;
	struct vault_part part = {"x", 1};
	uint8_t before[32], after[32];
	uint32_t number;
	struct sealed s;

	seal_text(v, "kept", &s);
	ck_assert_int_eq(vault_key_renew(v, KEY_DATA, &number), KERR_OK);
	ck_assert_int_eq(vault_key_renew(v, KEY_INDEX, &number), KERR_OK);
	vault_key_destroy(v, number);
	ck_assert_uint_eq(vault_active(v, KEY_INDEX), 0);
	again = restarted(v, opener);
	ck_assert_int_eq(try_open(again, &place, &s), KERR_OK);
	ck_assert_uint_eq(vault_key_count(again), KEY__COUNT + 2);
	for (int p = 0; p < KEY__COUNT; p++)
		ck_assert_uint_eq(vault_active(again, (enum key_purpose)p),
			vault_active(v, (enum key_purpose)p));
	ck_assert_int_eq(vault_mac(v, 3, "row", &part, 1, before, 32), KERR_OK);
	ck_assert_int_eq(vault_mac(again, 3, "row", &part, 1, after, 32), KERR_OK);
	ck_assert_mem_eq(before, after, 32);
	ck_assert_int_eq(vault_key_renew(again, KEY_INDEX, &number), KERR_OK);
	ck_assert_uint_eq(number, KEY__COUNT + 3);
	secret_free(opener);
	sealed_clear(&s);
	vault_free(again);
	vault_free(v);
}
END_TEST

START_TEST(a_stored_key_takes_no_other_number_or_purpose)
{
	struct secret *opener = secret_new("01234567890123456789012345678901", 32);
	struct vault *v = vault_made(), *again;
	struct vault_key k = vault_key_at(v, 0);
	struct buf b;

	buf_init(&b, 4096);
	ck_assert_int_eq(vault_key_seal(v, k.number, &b), KERR_OK);
	again = restarted(v, opener);
	ck_assert_int_eq(vault_key_load(again, k, b.data, b.len), KERR_EXISTS);
	k.number = 100;
	ck_assert_int_eq(vault_key_load(again, k, b.data, b.len), KERR_DAMAGED);
	k.number = 1;
	k.purpose = KEY_TOKEN_MAC;
	ck_assert_int_eq(vault_key_load(again, k, b.data, b.len), KERR_DAMAGED);
	k = vault_key_at(v, 0);
	for (size_t bit = 0; bit < b.len * 8; bit++) {
		b.data[bit / 8] ^= (uint8_t)(1U << (bit % 8));
		ck_assert_int_eq(vault_key_load(again, k, b.data, b.len), KERR_DAMAGED);
		b.data[bit / 8] ^= (uint8_t)(1U << (bit % 8));
	}
	secret_free(opener);
	buf_clear(&b);
	vault_free(again);
	vault_free(v);
}
END_TEST

START_TEST(another_deployment_with_the_same_keys_opens_nothing)
{
	struct secret *opener = secret_guarded_random(32);
	struct vault *v, *same;
	struct sealed s;
	struct secret *open = secret_new(secret_open(opener), 32);

	secret_close(opener);
	secret_free(opener);
	v = vault_made();
	seal_text(v, "here", &s);
	same = restarted(v, open);
	ck_assert_int_eq(try_open(same, &place, &s), KERR_OK);
	same->deployment[0] = same->deployment[0] == '0' ? '1' : '0';
	ck_assert_int_eq(try_open(same, &place, &s), KERR_DAMAGED);
	secret_free(open);
	sealed_clear(&s);
	vault_free(same);
	vault_free(v);
}
END_TEST

static struct vault *shared;
static atomic_bool stop;

static void *
use_keys(void *arg)
{
	unsigned *count = arg;

	while (!atomic_load(&stop)) {
		uint32_t key = vault_active(shared, KEY_ROW_MAC);
		struct vault_part part = {"x", 1};
		uint8_t mac[32];
		struct sealed s;

		seal_text(shared, "shared", &s);
		ck_assert_int_eq(try_open(shared, &place, &s), KERR_OK);
		ck_assert_int_eq(
			vault_mac(shared, key, "row", &part, 1, mac, 32), KERR_OK);
		sealed_clear(&s);
		(*count)++;
	}
	return NULL;
}

START_TEST(keys_are_renewed_while_other_threads_use_them)
{
	unsigned counts[2] = {0};
	pthread_t threads[2];
	uint32_t number;

	shared = vault_made();
	atomic_store(&stop, false);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(
			pthread_create(&threads[i], NULL, use_keys, &counts[i]), 0);
	for (int i = 0; i < 40; i++) {
		ck_assert_int_eq(vault_key_renew(shared, KEY_DATA, &number), KERR_OK);
		ck_assert_int_eq(vault_key_renew(shared, KEY_ROW_MAC, &number), KERR_OK);
	}
	atomic_store(&stop, true);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	vault_free(shared);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("keyring");
	TCase *tc = tcase_create("keyring");
	SRunner *runner;
	int failed;

	if (secret_pool_start(32, NULL) != KERR_OK)
		return EXIT_FAILURE;
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, a_renewed_key_seals_and_the_former_one_still_opens);
	tcase_add_test(tc, after_a_restart_keys_are_the_same_and_numbers_go_on);
	tcase_add_test(tc, a_stored_key_takes_no_other_number_or_purpose);
	tcase_add_test(tc, another_deployment_with_the_same_keys_opens_nothing);
	tcase_add_test(tc, keys_are_renewed_while_other_threads_use_them);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
