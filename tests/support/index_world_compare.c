#include <check.h>
#include <string.h>

#include "core/model/model.h"
#include "tests/support/index_world.h"

static void
compare_authentication(struct world *w, int64_t now)
{
	size_t s = world_any(WORLD_SECRETS);
	size_t c = world_any(4) == 0 ? world_any(WORLD_CLIENTS) : world_secret_client(s);
	struct index_holder got = {0}, want = {0};
	enum index_verdict is = index_authenticate(
		w->index, w->client[c].key, w->secret[s].typed, now, &got);
	enum index_verdict should = world_authenticate(w, c, s, now, &want);

	ck_assert_int_eq(is, should);
	ck_assert_int_eq(got.client, want.client);
	ck_assert_int_eq(got.secret_row, want.secret_row);
	ck_assert_uint_eq(got.secret_number, want.secret_number);
	ck_assert_uint_eq(got.generation, want.generation);
	ck_assert_int_eq(got.not_after, want.not_after);
	ck_assert(got.first_use == want.first_use);
}

static void
compare_token(struct world *w, int64_t now)
{
	static const uint8_t other[16] = {0xff};
	size_t c = world_any(WORLD_CLIENTS);
	size_t e = world_any(WORLD_ENDED);
	struct index_token token = {.client = world_id(w, c),
		.generation = world_any(4) != 0 ? (uint64_t)w->client[c].generation
						: world_any(3),
		.secret_number = (uint32_t)world_any(WORLD_SECRETS_EACH) + 1,
		.audience_ods = world_any(2) == 0 ? 0 : world_id(w, world_any(WORLD_ODS)),
		.jti_tag = world_any(2) == 0 ? other : w->ended[e].tag};
	int64_t ods = world_any(3) == 0 ? 0 : world_id(w, world_any(WORLD_ODS));

	ck_assert(index_token_active(w->index, &token, now, ods) ==
		  world_token_active(w, &token, now, ods));
	ck_assert_uint_eq(index_ended_count(w->index, token.client, now),
		world_ended_count(w, c, now));
}

static void
compare_claims(struct world *w)
{
	size_t c = world_any(WORLD_CLIENTS);
	struct index_claims got = {0};
	struct world_claims want;
	bool there = world_claims(w, c, &want);

	if (!there) {
		ck_assert_int_eq(
			index_claims(w->index, world_id(w, c), &got), KERR_NOTFOUND);
		return;
	}
	ck_assert_int_eq(index_claims(w->index, world_id(w, c), &got), KERR_OK);
	ck_assert_str_eq(got.key, w->client[c].key);
	ck_assert_str_eq(got.claimset, want.claimset);
	ck_assert_str_eq(got.claimset_v8, want.claimset_v8);
	ck_assert_int_eq(got.claimset_version, want.claimset_version);
	ck_assert_int_eq(got.year, want.year);
	ck_assert_int_eq(got.tenant, want.tenant);
	ck_assert_str_eq(got.prefixes, want.prefixes);
	ck_assert_str_eq(got.edorgs, want.edorgs);
	ck_assert_str_eq(got.stores, want.stores);
	ck_assert_uint_eq(got.ods_count, want.ods_count);
	for (size_t i = 0; i < got.ods_count; i++)
		ck_assert_int_eq(got.ods[i], want.ods[i]);
	ck_assert(got.all_introspect == want.all_introspect);
}

static void
compare_rest(struct world *w, int64_t now)
{
	size_t k = world_any(WORLD_CALLERS), o = world_any(WORLD_ODS);
	size_t e = world_any(WORLD_EDORGS), c = world_any(WORLD_CLIENTS);
	int64_t ods_got = 0, ods_want = 0;
	struct index_counts got, want;
	const char *name;
	int kind = -1;

	ck_assert_int_eq(index_authenticate_caller(w->index, w->caller[k].key,
				 w->caller[k].typed, &ods_got),
		world_authenticate_caller(w, k, &ods_want));
	ck_assert_int_eq(ods_got, ods_want);
	ck_assert_int_eq(index_resource(w->index, world_id(w, c), world_url(o)),
		world_resource(w, c, o));
	name = index_edorg_name(
		w->index, w->edorg[e].tenant_id, w->edorg[e].number, &kind);
	if (world_is_there(&w->edorg[e].is))
		ck_assert_str_eq(name, w->edorg[e].name);
	else
		ck_assert_ptr_null(name);
	index_counts(w->index, now, &got);
	world_counts(w, now, &want);
	ck_assert_uint_eq(got.clients, want.clients);
	ck_assert_uint_eq(got.quarantined, want.quarantined);
	ck_assert_uint_eq(got.undelivered, want.undelivered);
	ck_assert_uint_eq(got.live, want.live);
	ck_assert_uint_eq(got.expiring, want.expiring);
}

void
world_compare(struct world *w)
{
	int64_t now = world_moment();

	for (unsigned n = 0; n < 3; n++) {
		compare_authentication(w, now);
		compare_token(w, now);
		compare_token(w, now + 1);
	}
	compare_claims(w);
	compare_rest(w, now);
}

void
world_live(struct world *w, unsigned steps, unsigned fullness)
{
	for (unsigned i = 0; i < steps; i++) {
		world_step(w, fullness);
		world_compare(w);
	}
}
