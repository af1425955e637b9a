#include "core/secret.h"

#include <check.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define SLOTS 8

/* The sanitizers turn mlock() into nothing, so that nothing can be refused under them. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

static void
start_pool(void)
{
	struct fault fault;

	ck_assert_int_eq(secret_pool_start(SLOTS, &fault), KERR_OK);
}

START_TEST(a_pooled_secret_holds_a_copy)
{
	char source[] = "only here";
	struct secret *s = secret_new(source, 9);

	memset(source, 0, sizeof(source));
	ck_assert_uint_eq(secret_len(s), 9);
	ck_assert_mem_eq(secret_reveal(s), "only here", 9);
	ck_assert_ptr_eq(secret_open(s), secret_reveal(s));
	secret_close(s);
	secret_free(s);
	secret_free(NULL);
}
END_TEST

START_TEST(a_freed_slot_is_wiped)
{
	static const uint8_t zero[SECRET_POOL_MAX_LEN];
	uint8_t bytes[SECRET_POOL_MAX_LEN];
	struct secret *s;
	const uint8_t *at;

	memset(bytes, 0x5a, sizeof(bytes));
	s = secret_new(bytes, sizeof(bytes));
	at = secret_reveal(s);
	secret_free(s);
	ck_assert_mem_eq(at, zero, sizeof(zero));
}
END_TEST

START_TEST(every_slot_is_used_and_then_none_is_left)
{
	struct secret *all[SLOTS];

	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < SLOTS; i++) {
			all[i] = secret_new(&i, sizeof(i));
			ck_assert_ptr_nonnull(all[i]);
		}
		ck_assert_ptr_null(secret_new("x", 1));
		ck_assert_ptr_null(secret_copy(all[0]));
		for (int i = 0; i < SLOTS; i++) {
			ck_assert_mem_eq(secret_reveal(all[i]), &i, sizeof(i));
			secret_free(all[i]);
		}
	}
}
END_TEST

START_TEST(what_is_too_long_for_a_slot_is_refused)
{
	uint8_t bytes[SECRET_POOL_MAX_LEN + 1] = {0};

	ck_assert_ptr_null(secret_new(bytes, sizeof(bytes)));
}
END_TEST

START_TEST(equality_is_of_length_and_bytes)
{
	struct secret *a = secret_new("abc", 3), *b = secret_new("abc", 3);
	struct secret *c = secret_new("abd", 3), *d = secret_new("ab", 2);
	struct secret *e = secret_new(NULL, 0), *f = secret_copy(e);

	ck_assert(secret_equal(a, b));
	ck_assert(!secret_equal(a, c));
	ck_assert(!secret_equal(a, d));
	ck_assert(!secret_equal(d, a));
	ck_assert(secret_equal(e, f));
	ck_assert_uint_eq(secret_len(f), 0);
	secret_free(a);
	secret_free(b);
	secret_free(c);
	secret_free(d);
	secret_free(e);
	secret_free(f);
}
END_TEST

START_TEST(a_slot_freed_twice_ends_the_process)
{
	struct secret *s = secret_new("x", 1);

	secret_free(s);
	secret_free(s);
}
END_TEST

START_TEST(a_guarded_secret_is_readable_between_open_and_close)
{
	struct secret *s = secret_guarded_new("root key", 8);
	struct secret *copy;
	const uint8_t *p;

	ck_assert_ptr_nonnull(s);
	p = secret_open(s);
	ck_assert_mem_eq(p, "root key", 8);
	secret_open(s);
	secret_close(s);
	ck_assert_mem_eq(p, "root key", 8); /* the outer opening still holds */
	copy = secret_copy(s);
	ck_assert_mem_eq(p, "root key", 8);
	secret_open(copy);
	ck_assert(secret_equal(s, copy));
	secret_close(copy);
	secret_close(s);
	secret_close(s); /* one too many must not turn the count */
	ck_assert_mem_eq(secret_open(s), "root key", 8);
	secret_free(copy);
	secret_free(s);
}
END_TEST

/* The sanitizers report what they catch as a failure of their own. */
static void
let_faults_kill(void)
{
	const struct sigaction plain = {.sa_handler = SIG_DFL};

	ck_assert_int_eq(sigaction(SIGSEGV, &plain, NULL), 0);
}

START_TEST(a_closed_guarded_secret_cannot_be_read)
{
	struct secret *s = secret_guarded_random(32);
	volatile const uint8_t *p = secret_open(s);
	uint8_t got = p[0];

	secret_close(s);
	let_faults_kill();
	got = (uint8_t)(got + p[0]);
	_exit(got == 0 ? 0 : 1);
}
END_TEST

START_TEST(an_open_guarded_secret_cannot_be_written)
{
	struct secret *s = secret_guarded_random(32);
	volatile uint8_t *p = (volatile uint8_t *)(uintptr_t)secret_open(s);

	let_faults_kill();
	p[0] = 1;
	_exit(0);
}
END_TEST

START_TEST(random_secrets_differ)
{
	struct secret *a = secret_guarded_random(32), *b = secret_guarded_random(32);

	secret_open(a);
	secret_open(b);
	ck_assert_uint_eq(secret_len(a), 32);
	ck_assert(!secret_equal(a, b));
	secret_free(a);
	secret_free(b);
}
END_TEST

static void *
use_slots(void *arg)
{
	uint8_t mark = *(const uint8_t *)arg;
	uint8_t bytes[64];

	memset(bytes, mark, sizeof(bytes));
	for (int i = 0; i < 20000; i++) {
		struct secret *s = secret_new(bytes, sizeof(bytes));
		const uint8_t *held;

		if (s == NULL)
			continue;
		held = secret_reveal(s);
		for (size_t k = 0; k < sizeof(bytes); k++) {
			if (held[k] != mark)
				return arg;
		}
		secret_free(s);
	}
	return NULL;
}

START_TEST(threads_never_share_a_slot)
{
	pthread_t threads[12];
	uint8_t marks[12];
	void *wrong;

	for (int i = 0; i < 12; i++) {
		marks[i] = (uint8_t)(i + 1);
		ck_assert_int_eq(
			pthread_create(&threads[i], NULL, use_slots, &marks[i]), 0);
	}
	for (int i = 0; i < 12; i++) {
		pthread_join(threads[i], &wrong);
		ck_assert_ptr_null(wrong);
	}
}
END_TEST

static void *
open_and_close(void *arg)
{
	struct secret *s = arg;

	for (int i = 0; i < 2000; i++) {
		if (secret_open(s)[0] != 'k')
			return arg;
		secret_close(s);
	}
	return NULL;
}

START_TEST(threads_may_open_the_same_guarded_secret)
{
	struct secret *s = secret_guarded_new("k", 1);
	pthread_t threads[4];
	void *wrong;

	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, open_and_close, s), 0);
	for (int i = 0; i < 4; i++) {
		pthread_join(threads[i], &wrong);
		ck_assert_ptr_null(wrong);
	}
	secret_free(s);
}
END_TEST

START_TEST(the_pool_is_started_once)
{
	struct fault fault;

	ck_assert_int_eq(secret_pool_start(SLOTS, &fault), KERR_CONFLICT);
	ck_assert_int_eq(fault.err, KERR_CONFLICT);
}
END_TEST

START_TEST(without_a_pool_there_are_no_pooled_secrets)
{
	struct fault fault;

	ck_assert_ptr_null(secret_new("x", 1));
	ck_assert_int_eq(secret_pool_start(0, &fault), KERR_INVALID);
	ck_assert_int_eq(secret_pool_start(SIZE_MAX / 100, &fault), KERR_INVALID);
}
END_TEST

START_TEST(memory_that_cannot_be_locked_is_refused_with_the_limit)
{
	struct rlimit limit = {.rlim_cur = 64 << 10, .rlim_max = 64 << 10};
	struct fault fault;

	if (SANITIZED) {
		puts("skipped: a sanitizer takes mlock() away");
		return;
	}
	ck_assert_int_eq(setrlimit(RLIMIT_MEMLOCK, &limit), 0);
	/* The limit does not hold root. */
	if (geteuid() == 0)
		ck_assert_int_eq(setresuid(65534, 65534, 65534), 0);
	ck_assert_int_eq(secret_pool_start(4096, &fault), KERR_NOMEM);
	ck_assert_str_eq(fault.field, "RLIMIT_MEMLOCK");
	ck_assert_ptr_nonnull(strstr(fault.text, "64 KiB"));
	ck_assert_ptr_nonnull(strstr(fault.text, "2304 KiB"));
	ck_assert_ptr_null(secret_guarded_random(128 << 10));
	/* What fits still works afterwards. */
	ck_assert_int_eq(secret_pool_start(16, &fault), KERR_OK);
}
END_TEST

/* The hexadecimal number at *at, which goes behind it. */
static uintptr_t
hex(const char **at)
{
	static const char digits[] = "0123456789abcdef";
	uintptr_t v = 0;

	for (; **at != '\0' && strchr(digits, **at) != NULL; (*at)++)
		v = v << 4 | (uintptr_t)(strchr(digits, **at) - digits);
	return v;
}

START_TEST(a_pool_is_locked_and_not_dumped)
{
	char line[512];
	bool inside = false, locked = false, undumped = false;
	struct secret *s = secret_new("x", 1);
	FILE *maps = fopen("/proc/self/smaps", "re");

	if (SANITIZED || maps == NULL) {
		puts("skipped: no smaps, or a sanitizer takes mlock() away");
		secret_free(s);
		return;
	}
	while (fgets(line, sizeof(line), maps) != NULL) {
		uintptr_t held = (uintptr_t)secret_reveal(s), from;
		const char *at = line;

		from = hex(&at);
		if (at > line && *at++ == '-') {
			inside = held >= from && held < hex(&at);
		} else if (inside && strncmp(line, "VmFlags:", 8) == 0) {
			locked = strstr(line, " lo") != NULL;
			undumped = strstr(line, " dd") != NULL;
		}
	}
	fclose(maps);
	ck_assert(locked);
	ck_assert(undumped);
	secret_free(s);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("secret");
	TCase *pool = tcase_create("pool");
	TCase *guarded = tcase_create("guarded");
	TCase *start = tcase_create("start");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(pool, start_pool, NULL);
	tcase_add_test(pool, a_pooled_secret_holds_a_copy);
	tcase_add_test(pool, a_freed_slot_is_wiped);
	tcase_add_test(pool, every_slot_is_used_and_then_none_is_left);
	tcase_add_test(pool, what_is_too_long_for_a_slot_is_refused);
	tcase_add_test(pool, equality_is_of_length_and_bytes);
	tcase_add_test_raise_signal(pool, a_slot_freed_twice_ends_the_process, SIGABRT);
	tcase_add_test(pool, threads_never_share_a_slot);
	tcase_add_test(pool, the_pool_is_started_once);
	tcase_add_test(pool, a_pool_is_locked_and_not_dumped);
	suite_add_tcase(suite, pool);

	tcase_add_test(guarded, a_guarded_secret_is_readable_between_open_and_close);
	tcase_add_test_raise_signal(
		guarded, a_closed_guarded_secret_cannot_be_read, SIGSEGV);
	tcase_add_test_raise_signal(
		guarded, an_open_guarded_secret_cannot_be_written, SIGSEGV);
	tcase_add_test(guarded, random_secrets_differ);
	tcase_add_test(guarded, threads_may_open_the_same_guarded_secret);
	suite_add_tcase(suite, guarded);

	tcase_add_test(start, without_a_pool_there_are_no_pooled_secrets);
	tcase_add_test(start, memory_that_cannot_be_locked_is_refused_with_the_limit);
	suite_add_tcase(suite, start);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
