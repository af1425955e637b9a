#include "tests/support/index_world.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "core/model/model.h"

#define DAY 86400

/* Tests repeat: numbers that look random and are the same each time (xorshift). */
static uint64_t state_of_chance = 1;

void
world_seed(uint64_t seed)
{
	state_of_chance = seed * UINT64_C(0x9e3779b97f4a7c15) | 1;
}

size_t
world_any(size_t count)
{
	state_of_chance ^= state_of_chance << 13;
	state_of_chance ^= state_of_chance >> 7;
	state_of_chance ^= state_of_chance << 17;
	return (size_t)((state_of_chance >> 16) % count);
}

int64_t
world_id(const struct world *w, size_t n)
{
	return ((int64_t)n + 1) * w->stride;
}

size_t
world_secret_client(size_t s)
{
	return s / WORLD_SECRETS_EACH;
}

int64_t
world_number(size_t s)
{
	return (int64_t)(s % WORLD_SECRETS_EACH) + 1;
}

const char *
world_url(size_t ods)
{
	static const char *const urls[WORLD_ODS] = {"https://one.example/api",
		"https://two.example/api", "https://three.example/api", "https://two"};

	return urls[ods];
}

bool
world_is_there(const struct world_row *is)
{
	return is->present && !is->fenced;
}

int64_t
world_moment(void)
{
	return WORLD_NOW + (int64_t)world_any(60 * DAY) - 30 * DAY;
}

static bool
application_stands(struct world *w, size_t a)
{
	return world_is_there(&w->application[a].is) &&
	       world_is_there(&w->tenant[w->application[a].tenant].is) &&
	       w->tenant[w->application[a].tenant].state == TENANT_IS_LIVE &&
	       world_is_there(&w->vendor[w->application[a].vendor].is) &&
	       w->vendor[w->application[a].vendor].state == VENDOR_IS_LIVE &&
	       world_is_there(&w->claimset[w->application[a].claimset].is);
}

static int64_t
secret_end(struct world *w, size_t s)
{
	return w->secret[s].hard_end >= 0 &&
			       w->secret[s].hard_end < w->secret[s].not_after
		       ? w->secret[s].hard_end
		       : w->secret[s].not_after;
}

static enum index_verdict
judge(struct world *w, size_t c, size_t s, int64_t now)
{
	size_t a = w->client[c].application;
	int state = w->client[c].state, secret = w->secret[s].state;

	if (state == CLIENT_IS_REVOKED || secret == SECRET_IS_REVOKED)
		return INDEX_REVOKED;
	if (state == CLIENT_IS_QUARANTINED || secret == SECRET_IS_QUARANTINED)
		return INDEX_QUARANTINED;
	if (state == CLIENT_IS_SUSPENDED || w->client[c].is.fenced ||
		w->secret[s].is.fenced || !application_stands(w, a))
		return INDEX_SUSPENDED;
	if (secret == SECRET_IS_ENDED || w->application[a].state == APPLICATION_IS_ENDED)
		return INDEX_EXPIRED;
	if (secret_end(w, s) <= now || (w->application[a].ends + 1) * DAY <= now)
		return INDEX_EXPIRED;
	if (w->secret[s].not_before > now || w->application[a].starts * DAY > now)
		return INDEX_NOT_YET;
	return INDEX_GOOD;
}

enum index_verdict
world_authenticate(struct world *w, size_t client, size_t secret, int64_t now,
	struct index_holder *ret)
{
	enum index_verdict verdict;
	size_t a = w->client[client].application;
	int64_t agreement;

	if (!w->client[client].is.present || w->client[client].state == CLIENT_IS_DRAFT) {
		if (!w->client[client].is.present || !w->secret[secret].is.present ||
			world_secret_client(secret) != client)
			return INDEX_UNKNOWN_KEY;
	} else if (!w->secret[secret].is.present ||
		   world_secret_client(secret) != client) {
		return INDEX_WRONG_SECRET;
	}
	if (w->client[client].state == CLIENT_IS_DRAFT)
		return INDEX_UNKNOWN_KEY;
	verdict = judge(w, client, secret, now);
	agreement = w->application[a].is.present ? (w->application[a].ends + 1) * DAY : 0;
	*ret = (struct index_holder){.client = world_id(w, client),
		.secret_row = world_id(w, secret),
		.secret_number = (uint32_t)world_number(secret),
		.generation = (uint64_t)w->client[client].generation,
		.not_after = secret_end(w, secret) < agreement ? secret_end(w, secret)
							       : agreement,
		.first_use = w->secret[secret].state == SECRET_IS_SEALED ||
			     w->secret[secret].state == SECRET_IS_DELIVERED};
	if (verdict == INDEX_GOOD)
		w->good++;
	return verdict;
}

static bool
ods_stands(struct world *w, size_t o)
{
	return world_is_there(&w->ods[o].is) && w->ods[o].state != ODS_IS_RETIRED;
}

enum index_verdict
world_authenticate_caller(struct world *w, size_t caller, int64_t *ret_ods)
{
	if (!w->caller[caller].is.present)
		return INDEX_UNKNOWN_KEY;
	if (w->caller[caller].state == CALLER_IS_ENDED)
		return INDEX_REVOKED;
	if (w->caller[caller].is.fenced || !ods_stands(w, w->caller[caller].ods))
		return INDEX_SUSPENDED;
	*ret_ods = world_id(w, w->caller[caller].ods);
	return INDEX_GOOD;
}

static bool
has_ods(struct world *w, size_t a, size_t o)
{
	for (size_t l = 0; l < WORLD_LINKS; l++) {
		if (world_is_there(&w->ods_link[l].is) &&
			w->ods_link[l].application == a && w->ods_link[l].target == o)
			return ods_stands(w, o);
	}
	return false;
}

static bool
secret_lets(struct world *w, size_t c, uint32_t number)
{
	for (size_t s = 0; s < WORLD_SECRETS; s++) {
		if (world_secret_client(s) == c && world_number(s) == (int64_t)number)
			return world_is_there(&w->secret[s].is) &&
			       w->secret[s].state != SECRET_IS_QUARANTINED &&
			       w->secret[s].state != SECRET_IS_REVOKED;
	}
	return false;
}

bool
world_token_active(
	struct world *w, const struct index_token *token, int64_t now, int64_t ods)
{
	size_t c = (size_t)(token->client / w->stride) - 1, a = w->client[c].application;

	if (!world_is_there(&w->client[c].is) || w->client[c].state != CLIENT_IS_LIVE ||
		(uint64_t)w->client[c].generation != token->generation ||
		!application_stands(w, a) ||
		w->application[a].state != APPLICATION_IS_LIVE ||
		now < w->application[a].starts * DAY ||
		now >= (w->application[a].ends + 1) * DAY ||
		!secret_lets(w, c, token->secret_number))
		return false;
	for (size_t e = 0; e < WORLD_ENDED; e++) {
		if (w->ended[e].is.present && w->ended[e].client == c &&
			sodium_memcmp(w->ended[e].tag, token->jti_tag, 16) == 0)
			return false;
	}
	if (ods == 0)
		return true;
	if (token->audience_ods != 0 && token->audience_ods != ods)
		return false;
	return has_ods(w, a, (size_t)(ods / w->stride) - 1);
}

unsigned
world_ended_count(struct world *w, size_t client, int64_t now)
{
	unsigned count = 0;

	for (size_t e = 0; e < WORLD_ENDED; e++) {
		if (w->ended[e].is.present && w->client[client].is.present &&
			w->ended[e].client == client &&
			w->ended[e].generation == w->client[client].generation &&
			w->ended[e].expires > now)
			count++;
	}
	return count;
}

static void
list(char *out, size_t size, int64_t number)
{
	size_t len = strlen(out);

	snprintf(out + len, size - len, "%s%lld", len > 0 ? "," : "", (long long)number);
}

/* Numbers rise with the rows, of which two each have the same. */
static void
list_edorgs(struct world *w, size_t a, char *out, size_t size)
{
	for (size_t number = 0; number < WORLD_EDORGS / 2; number++) {
		bool listed = false;

		for (size_t l = 0; l < WORLD_LINKS && !listed; l++) {
			size_t e = w->edorg_link[l].target;

			listed = world_is_there(&w->edorg_link[l].is) &&
				 w->edorg_link[l].application == a && e / 2 == number &&
				 world_is_there(&w->edorg[e].is);
		}
		if (listed)
			list(out, size, 255901 + (int64_t)number);
	}
}

bool
world_claims(struct world *w, size_t client, struct world_claims *ret)
{
	size_t a = w->client[client].application;
	size_t v = w->application[a].vendor, s = w->application[a].claimset;

	memset(ret, 0, sizeof(*ret));
	if (!w->client[client].is.present || !w->application[a].is.present ||
		!w->vendor[v].is.present || !w->claimset[s].is.present)
		return false;
	ret->claimset = w->claimset[s].name;
	ret->claimset_v8 = w->claimset[s].v8_name;
	ret->prefixes = w->vendor[v].prefixes;
	ret->claimset_version = w->application[a].version;
	ret->year = w->application[a].year;
	ret->tenant = world_id(w, w->application[a].tenant);
	list_edorgs(w, a, ret->edorgs, sizeof(ret->edorgs));
	ret->all_introspect = true;
	for (size_t o = 0; o < WORLD_ODS; o++) {
		if (!has_ods(w, a, o))
			continue;
		list(ret->stores, sizeof(ret->stores), world_id(w, o));
		ret->ods[ret->ods_count++] = world_id(w, o);
		ret->all_introspect =
			ret->all_introspect && w->ods[o].mode == ODS_MODE_INTROSPECT;
	}
	ret->all_introspect = ret->all_introspect && ret->ods_count > 0;
	return true;
}

int64_t
world_resource(struct world *w, size_t client, size_t ods)
{
	return w->client[client].is.present &&
			       has_ods(w, w->client[client].application, ods)
		       ? world_id(w, ods)
		       : 0;
}

void
world_counts(struct world *w, int64_t now, struct index_counts *ret)
{
	memset(ret, 0, sizeof(*ret));
	for (size_t c = 0; c < WORLD_CLIENTS; c++) {
		size_t a = w->client[c].application;

		if (!w->client[c].is.present)
			continue;
		ret->clients += w->client[c].state != CLIENT_IS_REVOKED;
		ret->quarantined += w->client[c].state == CLIENT_IS_QUARANTINED;
		ret->live += w->client[c].state == CLIENT_IS_LIVE &&
			     !w->client[c].is.fenced && application_stands(w, a) &&
			     w->application[a].state == APPLICATION_IS_LIVE &&
			     now >= w->application[a].starts * DAY &&
			     now < (w->application[a].ends + 1) * DAY;
	}
	for (size_t s = 0; s < WORLD_SECRETS; s++) {
		int state = w->secret[s].state;

		if (!w->secret[s].is.present)
			continue;
		ret->quarantined += state == SECRET_IS_QUARANTINED;
		ret->undelivered +=
			state == SECRET_IS_SEALED || state == SECRET_IS_DELIVERED;
		ret->expiring += state <= SECRET_IS_RETIRING && secret_end(w, s) > now &&
				 secret_end(w, s) <= now + INT64_C(30) * DAY;
	}
}
