#include <sodium.h>
#include <string.h>

#include "core/model/model.h"
#include "keyd/keeper/index/parts.h"

/* Which tokens are active, and how many there are of what. */

#define EXPIRING   (INT64_C(30) * 86400)
#define COUNT_AGE  60         /* seconds after which dates are looked at again */
#define MANY       (1U << 16) /* clients that take more than a millisecond to count */
#define COUNT_MANY 30

static bool
application_is_live(const struct index *x, const struct index_application *a, int64_t now)
{
	return index_application_stands(x, a) && a->node.state == APPLICATION_IS_LIVE &&
	       now >= index_time(a->starts) && now < index_time(a->ends);
}

static bool
has_ods(const struct index *x, const struct index_application *a, int64_t ods)
{
	uint32_t target = index_find(x, INDEX_ODS, ods);
	const struct index_link *l;
	uint32_t slot;

	if (target == 0 || !index_ods_stands(x, target))
		return false;
	for (slot = a->links[1]; slot != 0; slot = l->next) {
		l = index_at(x, INDEX_ODS_LINK, slot);
		if (l->target == target)
			return true;
	}
	return false;
}

static bool
was_ended(const struct index *x, const struct index_client *c, const uint8_t *tag)
{
	const struct index_ended *e;
	uint32_t slot;

	for (slot = c->ended; slot != 0; slot = e->next) {
		e = index_at(x, INDEX_ENDED, slot);
		if (sodium_memcmp(e->tag, tag, sizeof(e->tag)) == 0)
			return true;
	}
	return false;
}

bool
index_token_active(
	struct index *x, const struct index_token *token, int64_t now, int64_t ods)
{
	const struct index_client *c = index_client_of(x, token->client);
	const struct index_application *a;
	const struct index_secret *s;

	if (c == NULL || !index_is_there(c->flags) || c->state != CLIENT_IS_LIVE ||
		c->generation != token->generation)
		return false;
	a = index_at(x, INDEX_APPLICATION, c->application);
	if (!application_is_live(x, a, now))
		return false;
	s = index_secret_of(x, c, token->secret_number);
	if (s == NULL || !index_is_there(s->flags) || s->state == SECRET_IS_QUARANTINED ||
		s->state == SECRET_IS_REVOKED)
		return false;
	if (ods > 0 && ((token->audience_ods != 0 && token->audience_ods != ods) ||
			       !has_ods(x, a, ods)))
		return false;
	return !was_ended(x, c, token->jti_tag);
}

unsigned
index_ended_count(struct index *x, int64_t client, int64_t now)
{
	const struct index_client *c = index_client_of(x, client);
	const struct index_ended *e;
	unsigned count = 0;
	uint32_t slot;

	for (slot = c == NULL ? 0 : c->ended; slot != 0; slot = e->next) {
		e = index_at(x, INDEX_ENDED, slot);
		if (e->generation == c->generation && now < index_time(e->expires))
			count++;
	}
	return count;
}

static void
count_clients(const struct index *x, int64_t now, struct index_counts *ret)
{
	const struct slab *rows = &x->tables[INDEX_CLIENT].rows;

	for (uint32_t slot = 1; slot < rows->next; slot++) {
		const struct index_client *c = slab_at(rows, slot);

		if ((c->flags & INDEX_PRESENT) == 0 || c->state == CLIENT_IS_REVOKED)
			continue;
		ret->clients++;
		if (c->state == CLIENT_IS_QUARANTINED)
			ret->quarantined++;
		if (c->state == CLIENT_IS_LIVE && index_is_there(c->flags) &&
			application_is_live(
				x, index_at(x, INDEX_APPLICATION, c->application), now))
			ret->live++;
	}
}

static void
count_secrets(const struct index *x, int64_t now, struct index_counts *ret)
{
	const struct slab *rows = &x->tables[INDEX_SECRET].rows;

	for (uint32_t slot = 1; slot < rows->next; slot++) {
		const struct index_secret *s = slab_at(rows, slot);

		if ((s->flags & INDEX_PRESENT) == 0)
			continue;
		if (s->state == SECRET_IS_QUARANTINED)
			ret->quarantined++;
		if (s->state == SECRET_IS_SEALED || s->state == SECRET_IS_DELIVERED)
			ret->undelivered++;
		if (s->state <= SECRET_IS_RETIRING && now < index_time(s->ends) &&
			index_time(s->ends) <= now + EXPIRING)
			ret->expiring++;
	}
}

static uint64_t
bytes_of(const struct index *x)
{
	uint64_t bytes = sizeof(*x) + x->text_bytes + x->texts.cap +
			 x->numbers_room * sizeof(x->numbers[0]) +
			 keymap_bytes(&x->client_keys) + keymap_bytes(&x->caller_keys) +
			 keymap_bytes(&x->edorg_names);

	for (size_t i = 0; i < INDEX_KIND__COUNT; i++)
		bytes += slab_bytes(&x->tables[i].rows) + idmap_bytes(&x->tables[i].ids);
	return bytes;
}

void
index_counts(struct index *x, int64_t now, struct index_counts *ret)
{
	int64_t age = now - x->counted;
	bool fresh = x->counted != 0 && age >= 0 && age < COUNT_AGE &&
		     x->changes == x->counted_changes;

	if (x->tables[INDEX_CLIENT].rows.next > MANY && x->counted != 0)
		fresh = fresh || (age >= 0 && age < COUNT_MANY);
	if (!fresh) {
		memset(&x->counts, 0, sizeof(x->counts));
		count_clients(x, now, &x->counts);
		count_secrets(x, now, &x->counts);
		x->counted = now;
		x->counted_changes = x->changes;
	}
	*ret = x->counts;
	ret->bytes = bytes_of(x);
}
