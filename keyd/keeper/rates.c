#include "keyd/keeper/rates.h"

#include <sodium.h>
#include <stdbool.h>
#include <string.h>

#include "core/credential.h"
#include "keyd/keeper/index/keymap.h"
#include "keyd/keeper/index/slab.h"
#include "keyd/keeper/source.h"
#include "keyd/role/settings.h"

#define WINDOW   60
#define PATIENCE 5 /* seconds that a reservation is waited for */
#define SHARED   65536U
#define ROWS                                                                             \
	4 /* of the counters of networks: two that share one are apart in another        \
	   */
#define ROW_CELLS  32768U
#define PAIRS_MAX  262144U
#define WANTS_MAX  4096U
#define DAY        86400
#define USUAL_DAYS 7
#define MONTH_BITS 0x3fffffffU
#define START_PART 8  /* in the first minute: what is left, by this, is reserved */
#define FORGOTTEN  30 /* days after which a pair's counter may be given to another */
#define TAG_LEN    16
#define SWEEP      64

_Static_assert(crypto_shorthash_siphashx24_BYTES == TAG_LEN, "a tag is one hash");

enum meter_kind { METER_SHARED = 1, METER_SOURCE, METER_PAIR };

enum meter_state { METER_FREE, METER_WANTED, METER_RESERVED };

struct meter {
	uint32_t window; /* number of the minute that count is of */
	uint32_t count;
	uint32_t asked; /* when the reservation was asked for, low bits of the second */
	uint32_t upto;  /* the count that was asked for */
	uint32_t state;
};

/* A key from a network that succeeded. */
struct pair {
	uint8_t tag[TAG_LEN];
	struct meter meter;
	uint32_t next;
	uint32_t day;  /* of the last success; 0: the slot is free */
	uint32_t days; /* bit n: success n days before it */
};

struct want {
	uint8_t bucket[TAG_LEN];
	uint32_t window;
	uint32_t limit;
};

struct rates {
	struct vault *vault;
	bool keyed;
	uint8_t key[crypto_shorthash_siphashx24_KEYBYTES];
	uint32_t limit_key, limit_source, usual_factor;
	uint32_t first; /* window of the first question */
	bool started;
	bool reserving;
	struct meter *shared;
	struct meter *sources; /* ROWS rows of ROW_CELLS */
	struct slab pairs;
	struct keymap tags;
	uint32_t pair_count;
	uint32_t hand; /* where the next pair to be forgotten is looked for */
	struct want *wants;
	size_t want_count;
};

struct rates *
rates_new(const struct record *settings, struct vault *v)
{
	struct rates *r = mem_new(1, sizeof(*r));
	const struct keymap options = {.entries = r == NULL ? NULL : &r->pairs,
		.key_at = offsetof(struct pair, tag),
		.key_len = TAG_LEN,
		.next_at = offsetof(struct pair, next)};

	if (r == NULL)
		return NULL;
	r->vault = v;
	r->limit_key = (uint32_t)record_int(settings, SETTINGS_RATE_KEY);
	r->limit_source = (uint32_t)record_int(settings, SETTINGS_RATE_SOURCE);
	r->usual_factor = (uint32_t)record_int(settings, SETTINGS_RATE_USUAL);
	randombytes_buf(r->key, sizeof(r->key));
	slab_init(&r->pairs, sizeof(struct pair));
	/* Untouched pages of these take no memory. */
	r->shared = mem_new(SHARED, sizeof(struct meter));
	r->sources = mem_new((size_t)ROWS * ROW_CELLS, sizeof(struct meter));
	r->wants = mem_new(WANTS_MAX, sizeof(struct want));
	if (r->shared == NULL || r->sources == NULL || r->wants == NULL ||
		keymap_init(&r->tags, &options) != KERR_OK) {
		rates_free(r);
		return NULL;
	}
	return r;
}

void
rates_free(struct rates *r)
{
	if (r == NULL)
		return;
	keymap_clear(&r->tags);
	slab_clear(&r->pairs);
	mem_free(r->shared);
	mem_free(r->sources);
	mem_free(r->wants);
	sodium_memzero(r->key, sizeof(r->key));
	mem_free(r);
}

/* From the vault's key the buckets are the same after a restart. */
static void
take_key(struct rates *r)
{
	uint8_t key[32];

	if (r->keyed || !vault_is_open(r->vault) ||
		vault_mac(r->vault, vault_active(r->vault, KEY_INDEX), "rates", NULL, 0,
			key, sizeof(key)) != KERR_OK)
		return;
	memcpy(r->key, key, sizeof(r->key));
	sodium_memzero(key, sizeof(key));
	r->keyed = true;
}

static uint32_t
window_of(struct rates *r, int64_t now)
{
	uint32_t window = (uint32_t)(now / WINDOW);

	take_key(r);
	if (!r->started) {
		r->started = true;
		r->first = window;
	}
	return window;
}

static uint32_t
half(uint32_t limit)
{
	return limit / 2 + limit % 2;
}

/* The meter for that minute: in the one of the start it has what may have been used
 * before without a trace on disk. */
static void
turn(const struct rates *r, struct meter *m, uint32_t window, uint32_t limit)
{
	if (m->window == window)
		return;
	*m = (struct meter){
		.window = window, .count = window == r->first ? half(limit) : 0};
}

/* Nothing is waited for in the minute of the start: whoever comes first after a restart
 * is answered, and the reservation follows. */
static bool
may(const struct rates *r, const struct meter *m, uint32_t limit, int64_t now)
{
	if (m->count >= limit)
		return false;
	if (m->count < half(limit) || !r->reserving || m->window == r->first)
		return true;
	return m->state == METER_RESERVED || (uint32_t)now - m->asked > PATIENCE;
}

/* The whole limit; in the minute of the start, which begins at the half, a part of what
 * is left: several restarts within a minute must not use it up by themselves. */
static uint32_t
next_block(const struct rates *r, const struct meter *m, uint32_t limit)
{
	if (m->window != r->first || m->count + START_PART >= limit)
		return limit;
	return m->count + (limit - m->count) / START_PART;
}

static void
ask_for(struct rates *r, struct meter *m, const uint8_t bucket[TAG_LEN], uint32_t limit,
	int64_t now)
{
	if (m->state == METER_WANTED || m->count < limit / 4)
		return;
	if (m->state == METER_RESERVED && (m->count < m->upto || m->upto >= limit))
		return;
	m->state = METER_WANTED;
	m->asked = (uint32_t)now;
	m->upto = next_block(r, m, limit);
	if (r->want_count == WANTS_MAX)
		return; /* memory only */
	memcpy(r->wants[r->want_count].bucket, bucket, TAG_LEN);
	r->wants[r->want_count].window = m->window;
	r->wants[r->want_count++].limit = m->upto;
}

/* The name of a bucket on disk. A pair's is its tag but for the first byte. */
static void
bucket_of(enum meter_kind kind, uint32_t number, uint8_t ret[TAG_LEN])
{
	memset(ret, 0, TAG_LEN);
	ret[0] = (uint8_t)kind;
	memcpy(ret + 4, &number, sizeof(number));
}

struct asker {
	uint8_t network[SOURCE_LEN];
	uint8_t tag[TAG_LEN]; /* of key and network */
	uint32_t cells[ROWS]; /* of the network */
};

static void
asker_source(const struct rates *r, const uint8_t source[16], struct asker *ret)
{
	uint8_t hash[TAG_LEN];
	uint32_t words[ROWS];

	source_network(source, ret->network);
	crypto_shorthash_siphashx24(hash, ret->network, sizeof(ret->network), r->key);
	memcpy(words, hash, sizeof(words));
	for (uint32_t row = 0; row < ROWS; row++)
		ret->cells[row] = row * ROW_CELLS + words[row] % ROW_CELLS;
}

static void
asker_key(const struct rates *r, const char *key, struct asker *ret)
{
	char canonical[CREDENTIAL_KEY_LEN + 1];
	uint8_t bytes[2 * TAG_LEN];
	size_t len = strlen(key);

	if (credential_key_canonical(key, len, canonical) == KERR_OK) {
		key = canonical;
		len = CREDENTIAL_KEY_LEN;
	}
	crypto_shorthash_siphashx24(bytes, (const uint8_t *)key, len, r->key);
	memcpy(bytes + TAG_LEN, ret->network, TAG_LEN);
	crypto_shorthash_siphashx24(ret->tag, bytes, sizeof(bytes), r->key);
	ret->tag[0] = METER_PAIR;
}

static struct pair *
pair_of(const struct rates *r, const uint8_t tag[TAG_LEN])
{
	uint32_t slot = keymap_find(&r->tags, tag);

	return slot == 0 ? NULL : slab_at(&r->pairs, slot);
}

static struct meter *
shared_of(const struct rates *r, const uint8_t tag[TAG_LEN], uint32_t *ret_number)
{
	memcpy(ret_number, tag + 4, sizeof(*ret_number));
	*ret_number %= SHARED;
	return &r->shared[*ret_number];
}

/* What the network certainly failed: the least of its counters, each of which others may
 * have raised too. */
static bool
source_may(struct rates *r, const struct asker *from, uint32_t window, uint32_t limit,
	int64_t now)
{
	for (unsigned row = 0; row < ROWS; row++) {
		struct meter *m = &r->sources[from->cells[row]];

		turn(r, m, window, r->limit_source);
		if (may(r, m, limit, now))
			return true;
	}
	return false;
}

static bool
is_usual(const struct pair *p, int64_t now)
{
	uint32_t today = (uint32_t)(now / DAY), age = today - p->day;

	if (p->day > today || age > 29)
		return false;
	return __builtin_popcount((p->days << age) & MONTH_BITS) >= USUAL_DAYS;
}

static uint32_t
times(uint32_t limit, uint32_t factor)
{
	uint64_t product = (uint64_t)limit * factor;

	return product > UINT32_MAX / 2 ? UINT32_MAX / 2 : (uint32_t)product;
}

enum kerr
rates_ask(struct rates *r, const char *key, const uint8_t source[16], int64_t now)
{
	uint32_t window = window_of(r, now), number, limit = r->limit_key;
	uint32_t limit_source = r->limit_source;
	uint8_t bucket[TAG_LEN];
	struct asker from;
	struct meter *m;
	struct pair *p;

	asker_source(r, source, &from);
	asker_key(r, key, &from);
	p = pair_of(r, from.tag);
	if (p != NULL) {
		m = &p->meter;
		memcpy(bucket, from.tag, TAG_LEN);
		if (is_usual(p, now)) {
			limit = times(limit, r->usual_factor);
			limit_source = times(limit_source, r->usual_factor);
		}
	} else {
		m = shared_of(r, from.tag, &number);
		bucket_of(METER_SHARED, number, bucket);
	}
	turn(r, m, window, limit);
	if (!source_may(r, &from, window, limit_source, now) || !may(r, m, limit, now))
		return KERR_TOO_MANY;
	m->count++;
	ask_for(r, m, bucket, limit, now);
	return KERR_OK;
}

enum kerr
rates_source(struct rates *r, const uint8_t source[16], int64_t now)
{
	uint32_t window = window_of(r, now);
	struct asker from;

	asker_source(r, source, &from);
	return source_may(r, &from, window, r->limit_source, now) ? KERR_OK
								  : KERR_TOO_MANY;
}

void
rates_failed(struct rates *r, const uint8_t source[16], int64_t now)
{
	uint32_t window = window_of(r, now), least = UINT32_MAX;
	uint8_t bucket[TAG_LEN];
	struct asker from;

	asker_source(r, source, &from);
	for (unsigned row = 0; row < ROWS; row++) {
		struct meter *m = &r->sources[from.cells[row]];

		turn(r, m, window, r->limit_source);
		if (m->count < least)
			least = m->count;
	}
	/* Only the least need rise: the others count somebody else too. */
	for (unsigned row = 0; row < ROWS; row++) {
		struct meter *m = &r->sources[from.cells[row]];

		if (m->count > least || least == UINT32_MAX)
			continue;
		m->count++;
		bucket_of(METER_SOURCE, from.cells[row], bucket);
		ask_for(r, m, bucket, r->limit_source, now);
	}
}

/* Gives the entry of a pair back that nobody has seen for long, if there is one. */
static bool
forget_one(struct rates *r, uint32_t today)
{
	for (unsigned i = 0; i < SWEEP; i++) {
		const struct pair *p;

		r->hand = r->hand + 1 < r->pairs.next ? r->hand + 1 : 1;
		p = slab_at(&r->pairs, r->hand);
		if (p->day == 0 || today - p->day <= FORGOTTEN)
			continue;
		keymap_remove(&r->tags, r->hand);
		slab_remove(&r->pairs, r->hand);
		r->pair_count--;
		return true;
	}
	return false;
}

/* NULL when there is no room: then the pair shares a bucket. */
static struct pair *
pair_add(struct rates *r, const uint8_t tag[TAG_LEN], uint32_t today)
{
	struct pair *p;
	uint32_t slot;

	if (r->pair_count >= PAIRS_MAX && !forget_one(r, today))
		return NULL;
	slot = slab_add(&r->pairs);
	if (slot == 0)
		return NULL;
	p = slab_at(&r->pairs, slot);
	memcpy(p->tag, tag, TAG_LEN);
	p->day = today;
	keymap_add(&r->tags, slot);
	r->pair_count++;
	return p;
}

void
rates_succeeded(struct rates *r, const char *key, const uint8_t source[16], int64_t now)
{
	uint32_t window = window_of(r, now), today = (uint32_t)(now / DAY), number;
	const struct meter *m;
	struct asker from;
	struct pair *p;

	asker_source(r, source, &from);
	asker_key(r, key, &from);
	p = pair_of(r, from.tag);
	if (p == NULL) {
		p = pair_add(r, from.tag, today);
		if (p == NULL)
			return;
		/* What it used so far it takes along. */
		m = shared_of(r, from.tag, &number);
		if (m->window == window) {
			p->meter = (struct meter){.window = window, .count = m->count};
			ask_for(r, &p->meter, from.tag, r->limit_key, now);
		}
	}
	if (today > p->day) {
		p->days = today - p->day > 31 ? 0 : p->days << (today - p->day);
		p->day = today;
	}
	p->days |= 1;
}

unsigned
rates_retry(int64_t now)
{
	return (unsigned)(WINDOW - now % WINDOW);
}

void
rates_reserve(struct rates *r, struct arena *a, int64_t now, struct rate_block **ret,
	size_t *ret_count)
{
	struct rate_block *blocks;
	size_t count = 0;

	r->reserving = true;
	*ret = NULL;
	*ret_count = 0;
	if (r->want_count == 0)
		return;
	blocks = arena_alloc(a, r->want_count * sizeof(*blocks));
	if (blocks == NULL)
		return;
	for (size_t i = 0; i < r->want_count; i++) {
		const struct want *w = &r->wants[i];

		if (w->window != (uint32_t)(now / WINDOW))
			continue; /* that minute is over */
		memcpy(blocks[count].bucket, w->bucket, TAG_LEN);
		blocks[count].window = (int64_t)w->window * WINDOW;
		blocks[count++].reserved = w->limit;
	}
	r->want_count = 0;
	*ret = blocks;
	*ret_count = count;
}

/* The meter of a bucket on disk; NULL when there is none. */
static struct meter *
meter_of(struct rates *r, const uint8_t bucket[TAG_LEN])
{
	struct pair *p;
	uint32_t number;

	memcpy(&number, bucket + 4, sizeof(number));
	if (bucket[0] == METER_SHARED && number < SHARED)
		return &r->shared[number];
	if (bucket[0] == METER_SOURCE && number < ROWS * ROW_CELLS)
		return &r->sources[number];
	if (bucket[0] != METER_PAIR)
		return NULL;
	p = pair_of(r, bucket);
	return p == NULL ? NULL : &p->meter;
}

void
rates_reserved(struct rates *r, const struct rate_block *blocks, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct meter *m = meter_of(r, blocks[i].bucket);

		if (m != NULL && m->window == (uint32_t)(blocks[i].window / WINDOW))
			m->state = METER_RESERVED;
	}
}

void
rates_load(struct rates *r, const struct rate_block *block, int64_t now)
{
	uint32_t window = window_of(r, now);
	struct meter *m;

	if (block->window / WINDOW != now / WINDOW)
		return;
	m = meter_of(r, block->bucket);
	if (m == NULL && block->bucket[0] == METER_PAIR) {
		struct pair *p = pair_add(r, block->bucket, (uint32_t)(now / DAY));

		m = p == NULL ? NULL : &p->meter;
	}
	if (m == NULL)
		return;
	*m = (struct meter){.window = window,
		.count = block->reserved > UINT32_MAX / 2 ? UINT32_MAX / 2
							  : (uint32_t)block->reserved,
		.state = METER_RESERVED};
	m->upto = m->count;
}
