#include "core/secret.h"

#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/arena.h"

/* Owns every byte that is a secret: one slab of slots for those of requests, pages of
 * their own for those that live long. Knows nothing of what the bytes mean. */

struct secret {
	uint8_t *bytes;
	size_t len;
	struct secret *next_free; /* pooled and free */
	unsigned opened;          /* guarded: secret_open() calls not yet closed */
	bool guarded;
	bool taken;
};

static struct {
	pthread_mutex_t lock;
	struct secret *slots;
	struct secret *free;
} pool = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* One lock for all guarded secrets: there are a few, and each opening is two system
 * calls anyhow. */
static pthread_mutex_t guard_lock = PTHREAD_MUTEX_INITIALIZER;

/* sodium_malloc() goes on without a word when mlock() was refused. Locking the same
 * pages again costs nothing and tells. */
static bool
is_locked(void *p, size_t len)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	uintptr_t inside = (uintptr_t)p & (page - 1);
	uint8_t *start = (uint8_t *)p - inside;

	if (mlock(start, len + inside) != 0)
		return false;
#ifdef MADV_DONTDUMP
	if (madvise(start, len + inside, MADV_DONTDUMP) != 0)
		return false;
#endif
	return true;
}

static uint8_t *
locked_new(size_t len)
{
	uint8_t *p;

	if (sodium_init() < 0)
		return NULL;
	p = sodium_malloc(len > 0 ? len : 1);
	if (p != NULL && !is_locked(p, len > 0 ? len : 1)) {
		sodium_free(p);
		return NULL;
	}
	return p;
}

static enum kerr
cannot_lock(struct fault *fault, size_t bytes)
{
	struct rlimit limit = {0};
	/* Room for the guarded keys beside the slab; a page each. */
	unsigned long long want = ((unsigned long long)bytes + (256U << 10)) >> 10;

	if (getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
		return fault_set(fault, KERR_NOMEM, "RLIMIT_MEMLOCK",
			"%zu KiB of memory for secrets cannot be locked: the limit is "
			"%llu KiB. "
			"Allow at least %llu KiB (ulimit -l %llu, or LimitMEMLOCK=%lluK "
			"in the unit)",
			bytes >> 10, (unsigned long long)limit.rlim_cur >> 10, want, want,
			want);
	return fault_set(fault, KERR_NOMEM, "RLIMIT_MEMLOCK",
		"%zu KiB of memory for secrets cannot be had or locked", bytes >> 10);
}

enum kerr
secret_pool_start(size_t slots, struct fault *fault)
{
	struct secret *table = NULL;
	uint8_t *slab;

	if (pool.slots != NULL)
		return fault_set(
			fault, KERR_CONFLICT, "", "the pool of secrets was started");
	if (slots == 0 || slots > SIZE_MAX / 2 / SECRET_POOL_MAX_LEN)
		return fault_set(
			fault, KERR_INVALID, "slots", "%zu slots make no pool", slots);
	slab = locked_new(slots * SECRET_POOL_MAX_LEN);
	if (slab == NULL)
		return cannot_lock(fault, slots * SECRET_POOL_MAX_LEN);
	table = mem_new(slots, sizeof(*table));
	if (table == NULL) {
		sodium_free(slab);
		return fault_set(
			fault, KERR_NOMEM, "slots", "no memory for %zu slots", slots);
	}
	sodium_memzero(slab, slots * SECRET_POOL_MAX_LEN);
	for (size_t i = 0; i < slots; i++) {
		table[i].bytes = slab + i * SECRET_POOL_MAX_LEN;
		table[i].next_free = i + 1 < slots ? &table[i + 1] : NULL;
	}
	pthread_mutex_lock(&pool.lock);
	pool.slots = table;
	pool.free = table;
	pthread_mutex_unlock(&pool.lock);
	return KERR_OK;
}

struct secret *
secret_new(const void *bytes, size_t len)
{
	struct secret *s;

	if (len > SECRET_POOL_MAX_LEN)
		return NULL;
	pthread_mutex_lock(&pool.lock);
	s = pool.free;
	if (s != NULL) {
		pool.free = s->next_free;
		s->next_free = NULL;
		s->taken = true;
	}
	pthread_mutex_unlock(&pool.lock);
	if (s == NULL)
		return NULL;
	if (len > 0)
		memcpy(s->bytes, bytes, len);
	s->len = len;
	return s;
}

/* Guarded, still writable; guard_close() ends that. */
static struct secret *
guarded_alloc(size_t len)
{
	struct secret *s = mem_new(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->bytes = locked_new(len);
	if (s->bytes == NULL) {
		mem_free(s);
		return NULL;
	}
	s->len = len;
	s->guarded = true;
	s->taken = true;
	return s;
}

/* A process that cannot take its keys out of reach again, or reach them, must not go
 * on: the first would break the promise, the second would sign and seal with nothing. */
static void
protect(struct secret *s, int (*how)(void *))
{
	if (how(s->bytes) != 0)
		abort();
}

struct secret *
secret_guarded_random(size_t len)
{
	struct secret *s = guarded_alloc(len);

	if (s == NULL)
		return NULL;
	randombytes_buf(s->bytes, len);
	protect(s, sodium_mprotect_noaccess);
	return s;
}

struct secret *
secret_guarded_new(const void *bytes, size_t len)
{
	struct secret *s = guarded_alloc(len);

	if (s == NULL)
		return NULL;
	if (len > 0)
		memcpy(s->bytes, bytes, len);
	protect(s, sodium_mprotect_noaccess);
	return s;
}

const uint8_t *
secret_open(struct secret *s)
{
	if (!s->guarded)
		return s->bytes;
	pthread_mutex_lock(&guard_lock);
	if (s->opened == 0)
		protect(s, sodium_mprotect_readonly);
	s->opened++;
	pthread_mutex_unlock(&guard_lock);
	return s->bytes;
}

void
secret_close(struct secret *s)
{
	if (!s->guarded)
		return;
	pthread_mutex_lock(&guard_lock);
	if (s->opened > 0 && --s->opened == 0)
		protect(s, sodium_mprotect_noaccess);
	pthread_mutex_unlock(&guard_lock);
}

struct secret *
secret_copy(const struct secret *s)
{
	struct secret *copy;

	if (!s->guarded)
		return secret_new(s->bytes, s->len);
	copy = guarded_alloc(s->len);
	if (copy == NULL)
		return NULL;
	/* Opening changes the protection of the pages and the count, not the secret. */
	secret_open((struct secret *)(uintptr_t)s);
	memcpy(copy->bytes, s->bytes, s->len);
	secret_close((struct secret *)(uintptr_t)s);
	protect(copy, sodium_mprotect_noaccess);
	return copy;
}

void
secret_free(struct secret *s)
{
	if (s == NULL)
		return;
	if (s->guarded) {
		sodium_free(s->bytes); /* makes it writable, checks the canary, wipes */
		mem_free(s);
		return;
	}
	sodium_memzero(s->bytes, s->len);
	pthread_mutex_lock(&pool.lock);
	/* Freed twice, the slot would soon belong to two requests. */
	if (!s->taken)
		abort();
	s->taken = false;
	s->len = 0;
	s->next_free = pool.free;
	pool.free = s;
	pthread_mutex_unlock(&pool.lock);
}

size_t
secret_len(const struct secret *s)
{
	return s->len;
}

bool
secret_equal(const struct secret *a, const struct secret *b)
{
	return a->len == b->len && sodium_memcmp(a->bytes, b->bytes, a->len) == 0;
}

const uint8_t *
secret_reveal(const struct secret *s)
{
	return s->bytes;
}
