#include "keyd/keeper/usage.h"

#include <string.h>

#include "keyd/keeper/index/keymap.h"
#include "keyd/keeper/index/slab.h"
#include "keyd/keeper/source.h"

#define HOUR 3600

struct use {
	struct op_usage is; /* begins with what it is looked up by */
	uint32_t next;
};
#define KEY_LEN (offsetof(struct op_usage, hour) + sizeof(int64_t))
_Static_assert(KEY_LEN == 3 * sizeof(int64_t), "secret, client and hour lie in a row");

struct usage {
	struct slab uses;
	struct keymap found;
	size_t count;
};

struct usage *
usage_new(void)
{
	struct usage *u = mem_new(1, sizeof(*u));
	const struct keymap options = {.entries = u == NULL ? NULL : &u->uses,
		.key_len = KEY_LEN,
		.next_at = offsetof(struct use, next)};

	if (u == NULL)
		return NULL;
	slab_init(&u->uses, sizeof(struct use));
	if (keymap_init(&u->found, &options) != KERR_OK) {
		mem_free(u);
		return NULL;
	}
	return u;
}

void
usage_free(struct usage *u)
{
	if (u == NULL)
		return;
	keymap_clear(&u->found);
	slab_clear(&u->uses);
	mem_free(u);
}

/* The entry with that secret, client and hour; NULL when there is no room. */
static struct op_usage *
entry(struct usage *u, const struct op_usage *key)
{
	uint32_t slot = keymap_find(&u->found, key);
	struct op_usage *is;

	if (slot != 0)
		return slab_at(&u->uses, slot);
	slot = u->count < USAGE_MAX ? slab_add(&u->uses) : 0;
	if (slot == 0)
		return NULL;
	is = slab_at(&u->uses, slot);
	is->secret = key->secret;
	is->client = key->client;
	is->hour = key->hour;
	keymap_add(&u->found, slot);
	u->count++;
	return is;
}

void
usage_note(struct usage *u, int64_t client, int64_t secret, const uint8_t source[16],
	int64_t now)
{
	struct op_usage key = {
		.secret = secret, .client = client, .hour = now - now % HOUR};
	struct op_usage *is = entry(u, &key);

	if (is == NULL)
		return;
	is->count++;
	source_text(source, is->source);
}

size_t
usage_count(const struct usage *u)
{
	return u->count;
}

void
usage_take(struct usage *u, struct arena *a, struct op_usage **ret, size_t *ret_count)
{
	size_t room = u->count, taken = 0;
	struct op_usage *list = NULL;
	uint32_t last = u->uses.next;

	*ret = NULL;
	*ret_count = 0;
	while (room > 0 && (list = arena_alloc(a, room * sizeof(*list))) == NULL)
		room /= 2;
	for (uint32_t slot = 1; slot < last && taken < room; slot++) {
		struct use *use = slab_at(&u->uses, slot);

		if (use->is.count == 0) /* given back */
			continue;
		list[taken++] = use->is;
		keymap_remove(&u->found, slot);
		slab_remove(&u->uses, slot);
	}
	u->count -= taken;
	if (u->count == 0)
		slab_clear(&u->uses); /* a busy hour's memory is not kept */
	*ret = list;
	*ret_count = taken;
}

void
usage_give_back(struct usage *u, const struct op_usage *uses, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct op_usage *is = uses[i].count > 0 ? entry(u, &uses[i]) : NULL;

		if (is == NULL)
			continue;
		if (is->count == 0)
			memcpy(is->source, uses[i].source, sizeof(is->source));
		is->count += uses[i].count;
	}
}
