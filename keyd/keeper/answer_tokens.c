#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "core/clock.h"
#include "core/credential.h"
#include "core/model/model.h"
#include "core/text.h"
#include "keyd/keeper/answer.h"
#include "keyd/keeper/rates.h"
#include "keyd/keeper/sign.h"
#include "keyd/keeper/usage.h"
#include "keyd/role/settings.h"

/* Tokens: who may have one, and which are active (RFC 6749 section 4.4, RFC 7662, RFC
 * 7009, Ed-Fi's token_info). Nothing about a token, a client or a caller is taken on a
 * front's word but that the signature was good, and a jti that only the keeper can make
 * stands behind that. */

/* The macers, made at the first question after the vault is open. */
static enum kerr
macers(struct keeper *k)
{
	if (k->jti_macer == NULL) {
		k->jti_key = vault_active(k->vault, KEY_TOKEN_MAC);
		k->jti_macer = vault_macer_new(k->vault, k->jti_key, JTI_USE);
	}
	if (k->tag_macer == NULL)
		k->tag_macer = vault_macer_new(
			k->vault, vault_active(k->vault, KEY_INDEX), JTI_TAG_USE);
	return k->jti_macer != NULL && k->tag_macer != NULL ? KERR_OK : KERR_NOMEM;
}

/* The jti is the keeper's own and counts now; its client, secret and ODS are the index's
 * business. */
static enum kerr
read_jti(struct keeper *k, const uint8_t *bytes, size_t len, int64_t now, struct jti *ret)
{
	uint32_t key;
	enum kerr err;

	if (macers(k) != KERR_OK)
		return KERR_NOMEM;
	err = jti_key(bytes, len, &key);
	if (err == KERR_OK && key != k->jti_key)
		err = KERR_DENIED;
	if (err == KERR_OK)
		err = jti_check(k->jti_macer, bytes, len, ret);
	if (err == KERR_OK && (ret->expires <= now || ret->issued < k->tokens_since))
		err = KERR_EXPIRED;
	return err;
}

static bool
is_good(struct keeper *k, const struct jti *j, const uint8_t *bytes, int64_t now,
	int64_t ods)
{
	uint8_t tag[JTI_TAG_LEN] = {0};
	const struct index_token token = {.client = j->client,
		.generation = j->generation,
		.secret_number = j->secret_number,
		.audience_ods = j->audience,
		.jti_tag = tag};

	/* Where no token of the client was ended there is no tag to compare with. */
	if (index_ended_count(k->index, j->client, now) > 0)
		jti_tag(k->tag_macer, bytes, tag);
	return index_token_active(k->index, &token, now, ods);
}

static bool
active(struct keeper *k, const struct jti *j, const uint8_t *bytes, int64_t now,
	int64_t ods)
{
	return !k->restricted && is_good(k, j, bytes, now, ods);
}

static const char *
issuer(const struct keeper *k)
{
	return record_text(k->settings, SETTINGS_PUBLIC_URL);
}

static const char *
audience(const struct keeper *k)
{
	const char *aud = record_text(k->settings, SETTINGS_AUDIENCE);

	return aud[0] != '\0' ? aud : issuer(k);
}

/* RFC 7662 section 2.2. What is said comes from the index, not from the token. */
static enum kerr
describe(struct keeper *k, const struct jti *j, const uint8_t *bytes,
	struct record *answer)
{
	struct index_claims c;
	char id[JTI_TEXT_LEN + 1];
	enum kerr err = index_claims(k->index, j->client, &c);
	size_t i;

	if (err != KERR_OK)
		return err;
	jti_text(bytes, id);
	record_set_int(answer, INTROSPECTION_EXP, j->expires);
	record_set_int(answer, INTROSPECTION_IAT, j->issued);
	record_set_int(answer, INTROSPECTION_CLAIMSET_VERSION, c.claimset_version);
	record_set_int(answer, INTROSPECTION_YEAR, c.year);
	err = record_set_text(answer, INTROSPECTION_SCOPE, c.claimset_v8);
	if (err == KERR_OK)
		err = record_set_text(answer, INTROSPECTION_CLIENT_ID, c.key);
	if (err == KERR_OK)
		err = record_set_text(answer, INTROSPECTION_SUB, c.key);
	if (err == KERR_OK)
		err = record_set_text(answer, INTROSPECTION_TOKEN_TYPE, "Bearer");
	if (err == KERR_OK)
		err = record_set_text(answer, INTROSPECTION_AUD, audience(k));
	if (err == KERR_OK)
		err = record_set_text(answer, INTROSPECTION_ISS, issuer(k));
	if (err == KERR_OK)
		err = record_set_text(answer, INTROSPECTION_JTI, id);
	if (err == KERR_OK)
		err = record_set_text(answer, INTROSPECTION_PREFIXES, c.prefixes);
	if (err == KERR_OK)
		err = record_set_text(answer, INTROSPECTION_EDORGS, c.edorgs);
	if (err == KERR_OK)
		err = record_set_text(answer, INTROSPECTION_STORES, c.stores);
	if (err == KERR_OK)
		err = record_set_text(answer, INTROSPECTION_CLAIMSET, c.claimset);
	for (i = 0; err == KERR_OK && i < c.ods_count; i++)
		err = record_add_int(answer, INTROSPECTION_ODS, c.ods[i]);
	return err;
}

static enum kerr
refuse(struct keeper *k, enum index_verdict verdict)
{
	k->refused[verdict]++;
	return KERR_UNKNOWN_CALLER;
}

static const uint8_t *
source_of(const struct record *asked, unsigned field)
{
	size_t len;

	return record_bytes(asked, field, &len);
}

enum kerr
answer_introspect(struct keeper *k, const struct record *asked, struct record *answer)
{
	int64_t now = clock_now(), ods = 0;
	const uint8_t *bytes, *source = source_of(asked, INTROSPECT_ASK_SOURCE);
	struct jti j;
	size_t len;
	enum index_verdict verdict;
	enum kerr err = rates_source(k->rates, source, now);

	if (err != KERR_OK)
		return err;
	verdict = index_authenticate_caller(k->index,
		record_text(asked, INTROSPECT_ASK_KEY),
		record_secret(asked, INTROSPECT_ASK_SECRET), &ods);
	if (verdict != INDEX_GOOD) {
		rates_failed(k->rates, source, now);
		return refuse(k, verdict);
	}
	record_set_int(answer, INTROSPECTION_ACTIVE, 0);
	bytes = record_bytes(asked, INTROSPECT_ASK_JTI, &len);
	if (len == 0 || read_jti(k, bytes, len, now, &j) != KERR_OK ||
		!active(k, &j, bytes, now, ods))
		return KERR_OK;
	record_set_int(answer, INTROSPECTION_ACTIVE, 1);
	return describe(k, &j, bytes, answer);
}

/* Ed-Fi API 7's names of the kinds (edfi-security 4.2). */
static const char *const edorg_types[EDORG_KIND__COUNT] = {
	[EDORG_KIND_STATE] = "edfi.StateEducationAgency",
	[EDORG_KIND_ESA] = "edfi.EducationServiceCenter",
	[EDORG_KIND_LEA] = "edfi.LocalEducationAgency",
	[EDORG_KIND_SCHOOL] = "edfi.School",
};

static enum kerr
info_edorgs(struct keeper *k, int64_t tenant, const char *list, struct record *answer)
{
	enum kerr err = KERR_OK;

	while (err == KERR_OK && *list != '\0') {
		size_t n = strcspn(list, ",");
		int64_t number;
		int kind = 0;
		const char *name;
		struct record *e = record_add_record(answer, TOKEN_INFO_EDORGS);

		if (e == NULL)
			return KERR_NOMEM;
		err = text_to_int(list, n, &number);
		if (err != KERR_OK)
			return err;
		record_set_int(e, EDORG_INFO_NUMBER, number);
		name = index_edorg_name(k->index, tenant, number, &kind);
		if (name != NULL)
			err = record_set_text(e, EDORG_INFO_NAME, name);
		if (err == KERR_OK && name != NULL && kind >= 0 &&
			kind < EDORG_KIND__COUNT)
			err = record_set_text(e, EDORG_INFO_TYPE, edorg_types[kind]);
		list += n + (list[n] == ',');
	}
	return err;
}

static enum kerr
info_prefixes(const char *list, struct record *answer)
{
	enum kerr err = KERR_OK;

	while (err == KERR_OK && *list != '\0') {
		size_t n = strcspn(list, ",");

		err = record_add_text(answer, TOKEN_INFO_PREFIXES, list, n);
		list += n + (list[n] == ',');
	}
	return err;
}

enum kerr
answer_token_info(struct keeper *k, const struct record *asked, struct record *answer)
{
	int64_t now = clock_now();
	const uint8_t *bytes, *source = source_of(asked, TOKEN_INFO_ASK_SOURCE);
	struct index_claims c;
	struct jti j;
	size_t len;
	enum kerr err = rates_source(k->rates, source, now);

	if (err != KERR_OK)
		return err;
	bytes = record_bytes(asked, TOKEN_INFO_ASK_JTI, &len);
	if (read_jti(k, bytes, len, now, &j) != KERR_OK ||
		!active(k, &j, bytes, now, 0)) {
		rates_failed(k->rates, source, now);
		return KERR_UNKNOWN_CALLER;
	}
	err = index_claims(k->index, j.client, &c);
	if (err != KERR_OK)
		return err;
	record_set_int(answer, TOKEN_INFO_ACTIVE, 1);
	record_set_int(answer, TOKEN_INFO_EXP, j.expires);
	record_set_int(answer, TOKEN_INFO_YEAR, c.year);
	err = record_set_text(answer, TOKEN_INFO_CLIENT_ID, c.key);
	if (err == KERR_OK)
		err = record_set_text(answer, TOKEN_INFO_CLAIMSET, c.claimset);
	if (err == KERR_OK)
		err = info_prefixes(c.prefixes, answer);
	return err == KERR_OK ? info_edorgs(k, c.tenant, c.edorgs, answer) : err;
}

/* The first token with a secret queues one ordinary, audited write; lost in a crash, the
 * next token queues it again. */
static void
note_first_use(struct keeper *k, int64_t secret)
{
	char ref[24];
	struct job *j = job_new(1u << 16);

	if (j == NULL)
		return;
	j->row = gate_find(MESSAGE_SECRET_USED);
	j->asked = record_new(j->arena, &plain_request_schema);
	snprintf(ref, sizeof(ref), "%lld", (long long)secret);
	if (j->asked == NULL || record_set_text(j->asked, REQUEST_REF, ref) != KERR_OK ||
		queue_put(&k->write, j, false) != KERR_OK)
		job_free(j);
}

static char *
copied(struct job *j, const char *text)
{
	return arena_text(j->arena, text);
}

/* The claims of the new token, copied so that the signing thread depends on nothing of
 * the index. */
static enum kerr
make_claims(struct keeper *k, struct job *j, const struct index_holder *h, int64_t ods,
	const char *resource, int64_t now)
{
	struct sign_work *w = arena_alloc(j->arena, sizeof(*w));
	uint8_t id[JTI_LEN];
	struct jti jti = {.mac_key = k->jti_key,
		.client = h->client,
		.generation = h->generation,
		.secret_number = h->secret_number,
		.audience = ods,
		.issued = now};
	struct index_claims c;
	int64_t lifetime, *list;
	enum kerr err = index_claims(k->index, h->client, &c);

	if (w == NULL || err != KERR_OK)
		return err != KERR_OK ? err : KERR_NOMEM;
	lifetime = record_int(k->settings,
		c.all_introspect ? SETTINGS_TOKEN_SECONDS_ASKED : SETTINGS_TOKEN_SECONDS);
	jti.expires = now + lifetime < h->not_after ? now + lifetime : h->not_after;
	jti_make(k->jti_macer, &jti, id);
	jti_text(id, w->jti);
	list = arena_alloc(j->arena, (c.ods_count + 1) * sizeof(*list));
	if (list == NULL)
		return KERR_NOMEM;
	if (ods != 0)
		list[0] = ods;
	else
		memcpy(list, c.ods, c.ods_count * sizeof(*list));
	w->claims = (struct token_claims){.issuer = issuer(k),
		.audience = ods != 0 ? copied(j, resource) : audience(k),
		.client = copied(j, c.key),
		.jti = w->jti,
		.scope = copied(j, c.claimset_v8),
		.prefixes = copied(j, c.prefixes),
		.edorgs = copied(j, c.edorgs),
		.stores = copied(j, c.stores),
		.claimset = copied(j, c.claimset),
		.claimset_version = c.claimset_version,
		.year = c.year,
		.issued = now,
		.expires = jti.expires,
		.ods = list,
		.ods_count = ods != 0 ? 1 : c.ods_count};
	j->sign = w;
	return KERR_OK;
}

/* RFC 6749 section 3.3: the scope is the claimset; asking for it, or for nothing, gives
 * it. RFC 8707: one ODS. */
static enum kerr
check_wishes(struct keeper *k, const struct record *asked, int64_t client,
	int64_t *ret_ods, struct fault *fault)
{
	const char *scope = record_text(asked, TOKEN_ASK_SCOPE);
	const char *resource = record_text(asked, TOKEN_ASK_RESOURCE);
	struct index_claims c;
	enum kerr err = index_claims(k->index, client, &c);

	*ret_ods = 0;
	if (err != KERR_OK)
		return err;
	if (scope[0] != '\0' && strcasecmp(scope, c.claimset_v8) != 0 &&
		strcasecmp(scope, c.claimset) != 0)
		return fault_set(fault, KERR_INVALID, "scope",
			"the scope of this client is its claimset");
	if (resource[0] == '\0')
		return KERR_OK;
	*ret_ods = index_resource(k->index, client, resource);
	return *ret_ods != 0 ? KERR_OK
			     : fault_set(fault, KERR_INVALID, "resource",
				       "that address is no ODS instance of this client");
}

static enum kerr
authenticate(struct keeper *k, const struct record *asked, struct index_holder *ret,
	struct fault *fault)
{
	const uint8_t *source = source_of(asked, TOKEN_ASK_SOURCE);
	const char *key = record_text(asked, TOKEN_ASK_KEY);
	int64_t now = clock_now();
	enum index_verdict verdict;
	enum kerr err = rates_ask(k->rates, key, source, now);

	if (err != KERR_OK)
		return fault_set(
			fault, err, "", "too many requests of this key or network");
	verdict = index_authenticate(
		k->index, key, record_secret(asked, TOKEN_ASK_SECRET), now, ret);
	if (verdict == INDEX_GOOD) {
		rates_succeeded(k->rates, key, source, now);
		return KERR_OK;
	}
	rates_failed(k->rates, source, now);
	return refuse(k, verdict);
}

enum kerr
answer_token(struct keeper *k, struct question *q)
{
	const struct record *asked = q->asked;
	int64_t now = clock_now(), ods;
	struct index_holder h;
	struct job *j;
	enum kerr err = macers(k);

	if (err == KERR_OK)
		err = authenticate(k, asked, &h, &q->fault);
	if (err == KERR_OK)
		err = check_wishes(k, asked, h.client, &ods, &q->fault);
	if (err != KERR_OK)
		return err;
	j = job_new(1u << 16);
	if (j == NULL)
		return KERR_NOMEM;
	j->row = q->row;
	j->peer = q->peer->number;
	j->id = q->id;
	err = make_claims(k, j, &h, ods, record_text(asked, TOKEN_ASK_RESOURCE), now);
	if (err == KERR_OK)
		err = queue_put(&k->sign, j, false);
	if (err != KERR_OK) {
		job_free(j);
		return err;
	}
	q->peer->open++;
	q->later = true;
	usage_note(k->usage, h.client, h.secret_row, source_of(asked, TOKEN_ASK_SOURCE),
		now);
	if (h.first_use)
		note_first_use(k, h.secret_row);
	return KERR_OK;
}

/* RFC 7009: only a token of the client itself is ended; of any other, or of none, the
 * answer is the same. */
enum kerr
answer_revoke(struct keeper *k, struct question *q)
{
	const struct record *asked = q->asked;
	int64_t now = clock_now();
	const uint8_t *bytes;
	uint8_t tag[JTI_TAG_LEN];
	struct index_holder h;
	struct jti jti;
	struct job *j;
	size_t len;
	enum kerr err = authenticate(k, asked, &h, &q->fault);

	if (err != KERR_OK)
		return err;
	record_set_int(q->answer, DONE_DONE, 1);
	bytes = record_bytes(asked, REVOKE_ASK_JTI, &len);
	if (len == 0 || read_jti(k, bytes, len, now, &jti) != KERR_OK ||
		jti.client != h.client || !is_good(k, &jti, bytes, now, 0))
		return KERR_OK; /* not active now, nor when the owner accepts damage */
	if (index_ended_count(k->index, h.client, now) >= 64)
		return fault_set(&q->fault, KERR_BUSY, "",
			"too many tokens of this client were ended");
	jti_tag(k->tag_macer, bytes, tag);
	j = job_new(1u << 16);
	if (j == NULL)
		return KERR_NOMEM;
	j->row = q->row;
	j->peer = q->peer->number;
	j->id = q->id;
	j->prepared = record_new(j->arena, store_schema(TABLE_ended_token));
	err = j->prepared != NULL ? record_set_bytes(j->prepared, ROW_ENDED_TOKEN_JTI_TAG,
					    tag, sizeof(tag))
				  : KERR_NOMEM;
	if (err == KERR_OK) {
		record_set_int(j->prepared, ROW_ENDED_TOKEN_CLIENT_ID, h.client);
		record_set_int(
			j->prepared, ROW_ENDED_TOKEN_GENERATION, (int64_t)jti.generation);
		record_set_int(j->prepared, ROW_ENDED_TOKEN_EXPIRES, jti.expires);
		snprintf(j->user, sizeof(j->user), "%s",
			record_text(asked, REVOKE_ASK_KEY));
		err = queue_put(&k->write, j, false);
	}
	if (err != KERR_OK) {
		job_free(j);
		return err;
	}
	q->peer->open++;
	q->later = true;
	return KERR_OK;
}
