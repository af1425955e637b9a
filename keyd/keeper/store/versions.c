#include "keyd/keeper/store/versions.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "core/arena.h"

/* A tree of fixed depth by id: what a reading thread once saw never moves. */
#define LEAF_BITS 10
#define NODE_BITS 11
#define LEAF_SIZE (1U << LEAF_BITS)
#define NODE_SIZE (1U << NODE_BITS)

struct leaf {
	_Atomic uint64_t at[LEAF_SIZE];
};
struct node {
	_Atomic(struct leaf *) at[NODE_SIZE];
};
struct root {
	_Atomic(struct node *) at[NODE_SIZE];
};

#define LOG_FIRST 256
#define LOG_PRUNE 1024
#define NO_CHANGE UINT32_MAX

struct change {
	uint64_t commit; /* the one that it is part of */
	uint64_t place;
	uint64_t former;
	uint32_t next; /* older change in the same bucket */
};

struct versions {
	_Atomic(struct root *) roots[TABLE__COUNT];
	pthread_mutex_t lock; /* of all below */
	uint64_t now;
	struct change *log;
	size_t count, cap; /* cap is a power of two, and the number of buckets */
	size_t committed;  /* changes before are of former commits */
	size_t prune_at;
	uint32_t *buckets;
	uint64_t *fenced;            /* places, rising */
	_Atomic size_t fenced_count; /* read without the lock too */
	size_t fenced_cap;
};

static uint64_t
place_of(enum table_id table, int64_t id)
{
	return (uint64_t)table << 56 | ((uint64_t)id & (UINT64_MAX >> 8));
}

uint64_t
versions_entry(int64_t version, const uint8_t *mac)
{
	uint64_t head;

	if (version < 1 || version > UINT32_MAX)
		return 0;
	head = (uint64_t)mac[0] | (uint64_t)mac[1] << 8 | (uint64_t)mac[2] << 16 |
	       (uint64_t)mac[3] << 24;
	return head << 32 | (uint64_t)version;
}

int64_t
versions_version(uint64_t entry)
{
	return (int64_t)(entry & UINT32_MAX);
}

static bool
buckets_new(struct versions *v, size_t cap)
{
	uint32_t *buckets = mem_new(cap, sizeof(*buckets));

	if (!buckets)
		return false;
	memset(buckets, 0xff, cap * sizeof(*buckets));
	mem_free(v->buckets);
	v->buckets = buckets;
	return true;
}

struct versions *
versions_new(void)
{
	struct versions *v = mem_new(1, sizeof(*v));

	if (!v)
		return NULL;
	(void)pthread_mutex_init(&v->lock, NULL);
	v->log = mem_new(LOG_FIRST, sizeof(*v->log));
	v->cap = LOG_FIRST;
	v->prune_at = LOG_PRUNE;
	if (!v->log || !buckets_new(v, LOG_FIRST)) {
		versions_free(v);
		return NULL;
	}
	return v;
}

static void
node_free(struct node *n)
{
	for (unsigned i = 0; n && i < NODE_SIZE; i++)
		mem_free(atomic_load(&n->at[i]));
	mem_free(n);
}

void
versions_free(struct versions *v)
{
	if (!v)
		return;
	for (unsigned t = 0; t < TABLE__COUNT; t++) {
		struct root *r = atomic_load(&v->roots[t]);

		for (unsigned i = 0; r && i < NODE_SIZE; i++)
			node_free(atomic_load(&r->at[i]));
		mem_free(r);
	}
	(void)pthread_mutex_destroy(&v->lock);
	mem_free(v->log);
	mem_free(v->buckets);
	mem_free(v->fenced);
	mem_free(v);
}

/* Where the entry of that id lies; NULL: nothing was ever put there. */
static _Atomic uint64_t *
find(struct versions *v, enum table_id table, int64_t id)
{
	struct root *r;
	struct node *n;
	struct leaf *l;

	if (id < 1 || id > VERSIONS_ID_MAX)
		return NULL;
	r = atomic_load_explicit(&v->roots[table], memory_order_acquire);
	if (!r)
		return NULL;
	n = atomic_load_explicit(
		&r->at[id >> (LEAF_BITS + NODE_BITS)], memory_order_acquire);
	if (!n)
		return NULL;
	l = atomic_load_explicit(
		&n->at[id >> LEAF_BITS & (NODE_SIZE - 1)], memory_order_acquire);
	return l ? &l->at[id & (LEAF_SIZE - 1)] : NULL;
}

/* With the lock held: at start two threads come here. */
static _Atomic uint64_t *
make_path(struct versions *v, enum table_id table, int64_t id)
{
	struct root *r = atomic_load(&v->roots[table]);
	_Atomic(struct node *) *n;
	_Atomic(struct leaf *) *l;

	if (!r) {
		r = mem_new(1, sizeof(*r));
		if (!r)
			return NULL;
		atomic_store_explicit(&v->roots[table], r, memory_order_release);
	}
	n = &r->at[id >> (LEAF_BITS + NODE_BITS)];
	if (!atomic_load(n)) {
		struct node *fresh = mem_new(1, sizeof(*fresh));

		if (!fresh)
			return NULL;
		atomic_store_explicit(n, fresh, memory_order_release);
	}
	l = &atomic_load(n)->at[id >> LEAF_BITS & (NODE_SIZE - 1)];
	if (!atomic_load(l)) {
		struct leaf *fresh = mem_new(1, sizeof(*fresh));

		if (!fresh)
			return NULL;
		atomic_store_explicit(l, fresh, memory_order_release);
	}
	return &atomic_load(l)->at[id & (LEAF_SIZE - 1)];
}

static _Atomic uint64_t *
make(struct versions *v, enum table_id table, int64_t id)
{
	_Atomic uint64_t *at = find(v, table, id);

	if (at)
		return at;
	(void)pthread_mutex_lock(&v->lock);
	at = make_path(v, table, id);
	(void)pthread_mutex_unlock(&v->lock);
	return at;
}

uint64_t
versions_get(struct versions *v, enum table_id table, int64_t id)
{
	_Atomic uint64_t *at = find(v, table, id);

	return at ? atomic_load_explicit(at, memory_order_acquire) : 0;
}

static size_t
bucket_of(const struct versions *v, uint64_t place)
{
	return (size_t)((place * UINT64_C(0x9e3779b97f4a7c15)) >> 20) & (v->cap - 1);
}

uint64_t
versions_at(struct versions *v, enum table_id table, int64_t id, uint64_t snapshot)
{
	uint64_t place = place_of(table, id), entry;

	(void)pthread_mutex_lock(&v->lock);
	entry = versions_get(v, table, id);
	for (uint32_t i = v->buckets[bucket_of(v, place)]; i != NO_CHANGE;
		i = v->log[i].next) {
		if (v->log[i].place == place && v->log[i].commit > snapshot)
			entry = v->log[i].former;
	}
	(void)pthread_mutex_unlock(&v->lock);
	return entry;
}

enum kerr
versions_load(struct versions *v, enum table_id table, int64_t id, uint64_t entry)
{
	_Atomic uint64_t *at;

	if (id < 1 || id > VERSIONS_ID_MAX)
		return KERR_TOO_LARGE;
	at = make(v, table, id);
	if (!at)
		return KERR_NOMEM;
	atomic_store_explicit(at, entry, memory_order_release);
	return KERR_OK;
}

static void
link_change(struct versions *v, uint32_t i)
{
	uint32_t *head = &v->buckets[bucket_of(v, v->log[i].place)];

	v->log[i].next = *head;
	*head = i;
}

static enum kerr
log_room(struct versions *v)
{
	struct change *grown;
	size_t cap = v->cap * 2;

	if (v->count < v->cap)
		return KERR_OK;
	if (cap >= NO_CHANGE)
		return KERR_TOO_LARGE;
	grown = mem_grow(v->log, v->cap, cap, sizeof(*v->log));
	if (!grown)
		return KERR_NOMEM;
	v->log = grown;
	if (!buckets_new(v, cap))
		return KERR_NOMEM;
	v->cap = cap;
	for (uint32_t i = 0; i < v->count; i++)
		link_change(v, i);
	return KERR_OK;
}

enum kerr
versions_set(struct versions *v, enum table_id table, int64_t id, uint64_t entry)
{
	_Atomic uint64_t *at;
	enum kerr err;

	if (id < 1 || id > VERSIONS_ID_MAX)
		return KERR_TOO_LARGE;
	at = make(v, table, id);
	if (!at)
		return KERR_NOMEM;
	(void)pthread_mutex_lock(&v->lock);
	err = log_room(v);
	if (err == KERR_OK) {
		v->log[v->count] = (struct change){.commit = v->now + 1,
			.place = place_of(table, id),
			.former = atomic_load(at)};
		link_change(v, (uint32_t)v->count);
		v->count++;
		atomic_store_explicit(at, entry, memory_order_release);
	}
	(void)pthread_mutex_unlock(&v->lock);
	return err;
}

size_t
versions_mark(const struct versions *v)
{
	return v->count;
}

void
versions_undo(struct versions *v, size_t mark)
{
	(void)pthread_mutex_lock(&v->lock);
	while (v->count > mark) {
		const struct change *c = &v->log[--v->count];
		enum table_id table = (enum table_id)(c->place >> 56);
		int64_t id = (int64_t)(c->place & (UINT64_MAX >> 8));

		atomic_store_explicit(
			find(v, table, id), c->former, memory_order_release);
		v->buckets[bucket_of(v, c->place)] = c->next;
	}
	(void)pthread_mutex_unlock(&v->lock);
}

/* Forgets the changes that every view from `oldest` on already has. */
static void
prune(struct versions *v, uint64_t oldest)
{
	size_t drop = 0;

	while (drop < v->count && v->log[drop].commit <= oldest)
		drop++;
	if (drop < v->count && v->count < v->prune_at)
		return;
	for (size_t i = 0; i < v->count; i++)
		v->buckets[bucket_of(v, v->log[i].place)] = NO_CHANGE;
	v->count -= drop;
	memmove(v->log, v->log + drop, v->count * sizeof(*v->log));
	for (uint32_t i = 0; i < v->count; i++)
		link_change(v, i);
	v->prune_at = v->count * 2 > LOG_PRUNE ? v->count * 2 : LOG_PRUNE;
}

void
versions_commit(struct versions *v, uint64_t oldest)
{
	(void)pthread_mutex_lock(&v->lock);
	v->now++;
	prune(v, oldest < v->now ? oldest : v->now);
	v->committed = v->count;
	(void)pthread_mutex_unlock(&v->lock);
}

void
versions_rollback(struct versions *v)
{
	versions_undo(v, v->committed);
}

uint64_t
versions_now(struct versions *v)
{
	uint64_t now;

	(void)pthread_mutex_lock(&v->lock);
	now = v->now;
	(void)pthread_mutex_unlock(&v->lock);
	return now;
}

size_t
versions_log(struct versions *v)
{
	size_t count;

	(void)pthread_mutex_lock(&v->lock);
	count = v->count;
	(void)pthread_mutex_unlock(&v->lock);
	return count;
}

/* The first place in the list that is not below. */
static size_t
fence_search(const struct versions *v, uint64_t place)
{
	size_t low = 0, high = v->fenced_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (v->fenced[middle] < place)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static enum kerr
fence_put(struct versions *v, uint64_t place)
{
	size_t at = fence_search(v, place);

	if (at < v->fenced_count && v->fenced[at] == place)
		return KERR_OK;
	if (v->fenced_count == v->fenced_cap) {
		size_t cap = v->fenced_cap ? v->fenced_cap * 2 : 16;
		uint64_t *grown =
			mem_grow(v->fenced, v->fenced_cap, cap, sizeof(*v->fenced));

		if (!grown)
			return KERR_NOMEM;
		v->fenced = grown;
		v->fenced_cap = cap;
	}
	memmove(v->fenced + at + 1, v->fenced + at,
		(v->fenced_count - at) * sizeof(*v->fenced));
	v->fenced[at] = place;
	v->fenced_count++;
	return KERR_OK;
}

enum kerr
versions_fence(struct versions *v, enum table_id table, int64_t id)
{
	enum kerr err;

	(void)pthread_mutex_lock(&v->lock);
	err = fence_put(v, place_of(table, id));
	(void)pthread_mutex_unlock(&v->lock);
	return err;
}

bool
versions_fenced(struct versions *v, enum table_id table, int64_t id)
{
	uint64_t place = place_of(table, id);
	size_t at;
	bool found;

	if (atomic_load(&v->fenced_count) == 0)
		return false;
	(void)pthread_mutex_lock(&v->lock);
	at = fence_search(v, place);
	found = at < v->fenced_count && v->fenced[at] == place;
	(void)pthread_mutex_unlock(&v->lock);
	return found;
}

uint64_t
versions_fenced_count(struct versions *v)
{
	return atomic_load(&v->fenced_count);
}
