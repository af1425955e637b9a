#include "core/arena.h"

#include <sodium.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define ALIGN       ((size_t)16)
#define FIRST_BLOCK ((size_t)4096)
#define MAX_BLOCK   ((size_t)1 << 20)

/* Behind `used` every block is zero: new blocks come from calloc() and reset wipes what
 * was used. So arena_alloc() has nothing to clear. */
struct block {
	struct block *next;
	size_t size;
	size_t used;
	_Alignas(16) uint8_t data[];
};

struct arena {
	struct block *first;
	struct block *last;
	size_t max;
	size_t sum; /* of what was handed out, rounded to ALIGN; the ceiling is on it */
};

static struct block *
block_new(size_t size)
{
	struct block *b;

	if (size > SIZE_MAX - sizeof(*b))
		return NULL;
	b = calloc(1, sizeof(*b) + size);
	if (b != NULL)
		b->size = size;
	return b;
}

static void
block_free(struct block *b)
{
	sodium_memzero(b->data, b->used);
	free(b);
}

struct arena *
arena_new(size_t max_bytes)
{
	struct arena *a = calloc(1, sizeof(*a));

	if (a == NULL)
		return NULL;
	a->max = max_bytes & ~(ALIGN - 1);
	a->first = block_new(a->max < FIRST_BLOCK ? a->max : FIRST_BLOCK);
	if (a->first == NULL) {
		free(a);
		return NULL;
	}
	a->last = a->first;
	return a;
}

static void
drop_after_first(struct arena *a)
{
	struct block *b = a->first->next;

	while (b != NULL) {
		struct block *next = b->next;

		block_free(b);
		b = next;
	}
	a->first->next = NULL;
	a->last = a->first;
}

void
arena_free(struct arena *a)
{
	if (a == NULL)
		return;
	drop_after_first(a);
	block_free(a->first);
	free(a);
}

void
arena_reset(struct arena *a)
{
	drop_after_first(a);
	sodium_memzero(a->first->data, a->first->used);
	a->first->used = 0;
	a->sum = 0;
}

/* A block for at least size bytes behind the last one: twice as large as that, but
 * never reserving more than the ceiling still lets through. */
static struct block *
block_add(struct arena *a, size_t size)
{
	size_t want = a->last->size < MAX_BLOCK / 2 ? a->last->size * 2 : MAX_BLOCK;
	struct block *b;

	if (want > a->max - a->sum)
		want = a->max - a->sum;
	b = block_new(want > size ? want : size);
	if (b == NULL)
		return NULL;
	a->last->next = b;
	a->last = b;
	return b;
}

void *
arena_alloc(struct arena *a, size_t size)
{
	struct block *b = a->last;
	void *p;

	if (size > SIZE_MAX - ALIGN)
		return NULL;
	size = size == 0 ? ALIGN : (size + ALIGN - 1) & ~(ALIGN - 1);
	if (size > a->max - a->sum)
		return NULL;
	if (size > b->size - b->used) {
		b = block_add(a, size);
		if (b == NULL)
			return NULL;
	}
	p = b->data + b->used;
	b->used += size;
	a->sum += size;
	return p;
}

char *
arena_copy(struct arena *a, const void *bytes, size_t len)
{
	char *p;

	if (len == SIZE_MAX)
		return NULL;
	p = arena_alloc(a, len + 1);
	if (p != NULL && len > 0)
		memcpy(p, bytes, len);
	return p;
}

char *
arena_text(struct arena *a, const char *text)
{
	return arena_copy(a, text, strlen(text));
}

void *
mem_new(size_t count, size_t size)
{
	/* Empty tables too have an address: NULL means that there is no memory. */
	if (count == 0 || size == 0)
		count = size = 1;
	if (count > SIZE_MAX / size)
		return NULL;
	return calloc(count, size);
}

void *
mem_grow(void *old, size_t old_count, size_t count, size_t size)
{
	void *p = mem_new(count, size);
	size_t kept = old_count < count ? old_count : count;

	if (p == NULL)
		return NULL;
	if (old != NULL) {
		memcpy(p, old, kept * size);
		sodium_memzero(old, old_count * size);
		free(old);
	}
	return p;
}

void
mem_free(void *p)
{
	free(p);
}
