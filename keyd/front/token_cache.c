#include "keyd/front/token_cache.h"

#include <string.h>

#include <sodium.h>

#include "core/arena.h"

/* Entries lie in a ring in the order in which they came, so that memory is used only as
 * far as there are tokens; a table of ring places, in sets of WAYS, finds them. */
#define WAYS 8

struct entry {
	struct token_tag tag;
	uint8_t key;
	uint8_t jti_len; /* 0: free */
	uint8_t jti[JWS_JTI_MAX];
};
_Static_assert(sizeof(struct entry) + sizeof(uint32_t) <= 150, "150 bytes a token");
_Static_assert(sizeof(struct token_tag) == crypto_shorthash_siphashx24_BYTES,
	"a tag is one hash");

struct token_cache {
	uint8_t seed[crypto_shorthash_siphashx24_KEYBYTES];
	size_t sets;
	uint32_t capacity;
	uint32_t next; /* ring place that is written next */
	uint32_t count;
	uint32_t *table; /* sets × WAYS; ring place + 1, or 0 */
	struct entry *ring;
};

struct token_cache *
token_cache_new(size_t capacity)
{
	struct token_cache *c = mem_new(1, sizeof(*c));

	if (!c || capacity > UINT32_MAX - WAYS) {
		mem_free(c);
		return NULL;
	}
	c->sets = (capacity + WAYS - 1) / WAYS;
	c->sets = c->sets ? c->sets : 1;
	c->capacity = (uint32_t)(c->sets * WAYS);
	c->table = mem_new(c->capacity, sizeof(*c->table));
	c->ring = mem_new(c->capacity, sizeof(*c->ring));
	if (!c->table || !c->ring) {
		token_cache_free(c);
		return NULL;
	}
	randombytes_buf(c->seed, sizeof(c->seed));
	return c;
}

void
token_cache_free(struct token_cache *c)
{
	if (!c)
		return;
	if (c->ring)
		sodium_memzero(c->ring, c->count * sizeof(*c->ring));
	mem_free(c->ring);
	mem_free(c->table);
	sodium_memzero(c->seed, sizeof(c->seed));
	mem_free(c);
}

void
token_cache_tag(
	const struct token_cache *c, const char *token, size_t len, struct token_tag *ret)
{
	crypto_shorthash_siphashx24(ret->bytes, (const uint8_t *)token, len, c->seed);
}

static uint32_t *
set_of(const struct token_cache *c, const struct token_tag *tag)
{
	uint64_t v;

	memcpy(&v, tag->bytes, sizeof(v));
	return c->table + v % c->sets * WAYS;
}

static struct entry *
find(const struct token_cache *c, const struct token_tag *tag)
{
	const uint32_t *set = set_of(c, tag);

	for (unsigned w = 0; w < WAYS; w++) {
		struct entry *e;

		if (!set[w])
			continue;
		e = &c->ring[set[w] - 1];
		if (e->jti_len &&
			memcmp(e->tag.bytes, tag->bytes, sizeof(tag->bytes)) == 0)
			return e;
	}
	return NULL;
}

bool
token_cache_get(struct token_cache *c, const struct token_tag *tag, struct jws_token *ret)
{
	const struct entry *e = find(c, tag);

	if (!e)
		return false;
	memcpy(ret->jti, e->jti, e->jti_len);
	ret->jti_len = e->jti_len;
	ret->key = e->key;
	return true;
}

/* Takes the place of the ring's next entry out of the table. */
static void
give_way(struct token_cache *c)
{
	struct entry *e = &c->ring[c->next];
	uint32_t *set = set_of(c, &e->tag);

	for (unsigned w = 0; w < WAYS; w++) {
		if (set[w] == c->next + 1)
			set[w] = 0;
	}
	e->jti_len = 0;
}

void
token_cache_put(
	struct token_cache *c, const struct token_tag *tag, const struct jws_token *token)
{
	struct entry *e = &c->ring[c->next];
	uint32_t *set = set_of(c, tag);
	unsigned oldest = 0;
	uint32_t age = 0;

	if (find(c, tag))
		return;
	if (c->count == c->capacity)
		give_way(c);
	else
		c->count++;
	for (unsigned w = 0; w < WAYS; w++) {
		uint32_t its =
			set[w] ? (c->next + c->capacity - (set[w] - 1)) % c->capacity
			       : UINT32_MAX;

		if (its >= age) {
			age = its;
			oldest = w;
		}
	}
	if (set[oldest])
		c->ring[set[oldest] - 1].jti_len = 0;
	set[oldest] = c->next + 1;
	e->tag = *tag;
	e->key = (uint8_t)token->key;
	memcpy(e->jti, token->jti, token->jti_len);
	e->jti_len = (uint8_t)token->jti_len;
	c->next = (c->next + 1) % c->capacity;
}

void
token_cache_drop(struct token_cache *c, uint32_t keys)
{
	for (uint32_t i = 0; keys && i < c->count; i++) {
		struct entry *e = &c->ring[i];

		if (e->jti_len && e->key < 32 && (keys >> e->key & 1))
			e->jti_len = 0;
	}
}

size_t
token_cache_count(const struct token_cache *c)
{
	return c->count;
}
