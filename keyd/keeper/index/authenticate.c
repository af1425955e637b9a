#include <sodium.h>
#include <string.h>

#include "core/model/model.h"
#include "keyd/keeper/index/parts.h"

/* Whose key and secret these are. Whatever was sent, one secret is read and one verifier
 * made and compared; what the client's state is matters only once its secret was right.
 */

struct asked {
	char key[CREDENTIAL_KEY_LEN + 1];
	bool has_key;       /* key has the form of one */
	bool secret_as_key; /* … or that of a secret */
	enum credential_form form;
	struct secret *typed;          /* owned; NULL: there is none */
	const struct secret *compared; /* typed, or the dummy */
};

/* Of the form and length that every secret of keyd has. */
struct secret *
index_dummy_new(void)
{
	struct secret *written = credential_secret_new(), *canonical = NULL;

	if (written != NULL &&
		credential_secret_read((const char *)secret_reveal(written),
			secret_len(written), &canonical, NULL) != CREDENTIAL_SECRET)
		canonical = NULL;
	secret_free(written);
	return canonical;
}

static void
read_asked(const struct index *x, const char *key, const struct secret *secret,
	struct asked *q)
{
	const char *typed = (const char *)secret_reveal(secret);

	memset(q, 0, sizeof(*q));
	memset(q->key, '0', CREDENTIAL_KEY_LEN);
	q->has_key = credential_key_canonical(key, strlen(key), q->key) == KERR_OK;
	if (!q->has_key)
		q->secret_as_key = credential_secret_read(key, strlen(key), NULL, NULL) !=
				   CREDENTIAL_NOT_A_SECRET;
	q->form = credential_secret_read(typed, secret_len(secret), &q->typed, NULL);
	q->compared = q->typed != NULL ? q->typed : x->dummy;
}

/* What was sent, under every verifier key that a secret names, whether this client has
 * secrets under it or not: how many there are is not to be seen in the time. */
struct made {
	uint8_t verifiers[VERIFIERS_MAX][VAULT_VERIFIER_LEN];
	bool good[VERIFIERS_MAX];
	uint8_t other[VAULT_VERIFIER_LEN];
};

static bool
make(struct index *x, const struct asked *q, uint32_t key, uint8_t *ret)
{
	return vault_verifier(x->vault, key, q->key, q->compared, ret) == KERR_OK;
}

static void
make_all(struct index *x, const struct asked *q, struct made *ret)
{
	for (size_t i = 0; i < VERIFIERS_MAX; i++) {
		ret->good[i] = x->verifiers[i].secrets > 0 &&
			       make(x, q, x->verifiers[i].number, ret->verifiers[i]);
	}
}

/* The verifier under that key; NULL when the vault has none. */
static const uint8_t *
made_with(struct index *x, const struct asked *q, struct made *m, uint16_t key)
{
	for (size_t i = 0; i < VERIFIERS_MAX; i++) {
		if (m->good[i] && x->verifiers[i].number == key)
			return m->verifiers[i];
	}
	return key != 0 && make(x, q, key, m->other) ? m->other : NULL;
}

/* The client's secret that this is, in whatever state; NULL. All of them are compared. */
static const struct index_secret *
find_secret(struct index *x, const struct index_client *c, const struct asked *q)
{
	const struct index_secret *found = NULL;
	struct made m;

	make_all(x, q, &m);
	for (uint32_t slot = c == NULL ? 0 : c->secrets; slot != 0;) {
		const struct index_secret *s = index_at(x, INDEX_SECRET, slot);
		const uint8_t *verifier = made_with(x, q, &m, s->verifier_key);

		if (verifier != NULL &&
			sodium_memcmp(verifier, s->verifier, VAULT_VERIFIER_LEN) == 0)
			found = s;
		slot = s->next;
	}
	sodium_memzero(&m, sizeof(m));
	return q->typed != NULL ? found : NULL;
}

/* Why a secret that was right is refused, the gravest reason first. */
static enum index_verdict
judge(const struct index *x, const struct index_client *c, const struct index_secret *s,
	int64_t now)
{
	const struct index_application *a =
		index_at(x, INDEX_APPLICATION, c->application);

	if (c->state == CLIENT_IS_REVOKED || s->state == SECRET_IS_REVOKED)
		return INDEX_REVOKED;
	if (c->state == CLIENT_IS_QUARANTINED || s->state == SECRET_IS_QUARANTINED)
		return INDEX_QUARANTINED;
	if (c->state != CLIENT_IS_LIVE || !index_is_there(c->flags) ||
		!index_is_there(s->flags) || !index_application_stands(x, a))
		return INDEX_SUSPENDED;
	if (s->state == SECRET_IS_ENDED || a->node.state != APPLICATION_IS_LIVE ||
		now >= index_time(s->ends) || now >= index_time(a->ends))
		return INDEX_EXPIRED;
	if (now < index_time(s->starts) || now < index_time(a->starts))
		return INDEX_NOT_YET;
	return INDEX_GOOD;
}

static void
tell(const struct index *x, const struct index_client *c, const struct index_secret *s,
	struct index_holder *ret)
{
	const struct index_application *a =
		index_at(x, INDEX_APPLICATION, c->application);

	*ret = (struct index_holder){.client = c->id,
		.secret_row = s->id,
		.secret_number = s->number,
		.generation = c->generation,
		.not_after = index_time(s->ends < a->ends ? s->ends : a->ends),
		.first_use =
			s->state == SECRET_IS_SEALED || s->state == SECRET_IS_DELIVERED};
}

/* No secret of that client, or no client. */
static enum index_verdict
refuse(const struct asked *q, bool known)
{
	if (q->secret_as_key)
		return INDEX_SECRET_AS_KEY;
	if (!known)
		return INDEX_UNKNOWN_KEY;
	return q->form == CREDENTIAL_TYPING_ERROR ? INDEX_TYPING_ERROR
						  : INDEX_WRONG_SECRET;
}

enum index_verdict
index_authenticate(struct index *x, const char *key, const struct secret *secret,
	int64_t now, struct index_holder *ret)
{
	const struct index_client *c = NULL;
	const struct index_secret *s = NULL;
	enum index_verdict verdict;
	struct asked q;
	uint32_t slot;

	read_asked(x, key, secret, &q);
	slot = q.has_key ? keymap_find(&x->client_keys, q.key + 2) : 0;
	if (slot != 0)
		c = index_at(x, INDEX_CLIENT, slot);
	s = find_secret(x, c, &q);
	/* A draft is nobody yet. */
	if (s == NULL || c->state == CLIENT_IS_DRAFT) {
		verdict = refuse(&q, c != NULL && c->state != CLIENT_IS_DRAFT);
	} else {
		verdict = judge(x, c, s, now);
		tell(x, c, s, ret);
	}
	secret_free(q.typed);
	return verdict;
}

/* c NULL: nobody's, which takes as long. */
static bool
is_callers(struct index *x, const struct index_caller *c, const struct asked *q)
{
	uint8_t verifier[VAULT_VERIFIER_LEN];
	uint32_t key = c != NULL ? c->verifier_key : vault_active(x->vault, KEY_VERIFIER);
	const uint8_t *has = c != NULL ? c->verifier : x->dummy_verifier;
	bool same;

	if (!make(x, q, key, verifier))
		return false;
	same = sodium_memcmp(verifier, has, sizeof(verifier)) == 0;
	sodium_memzero(verifier, sizeof(verifier));
	return same && q->typed != NULL && c != NULL;
}

static enum index_verdict
judge_caller(const struct index *x, const struct index_caller *c, int64_t *ret_ods)
{
	const struct index_ods *o = index_at(x, INDEX_ODS, c->ods);

	if (c->state != CALLER_IS_LIVE)
		return INDEX_REVOKED;
	if (!index_is_there(c->flags) || !index_ods_stands(x, c->ods))
		return INDEX_SUSPENDED;
	*ret_ods = o->node.id;
	return INDEX_GOOD;
}

enum index_verdict
index_authenticate_caller(
	struct index *x, const char *key, const struct secret *secret, int64_t *ret_ods)
{
	const struct index_caller *c = NULL;
	enum index_verdict verdict;
	struct asked q;
	uint32_t slot;

	read_asked(x, key, secret, &q);
	slot = q.has_key ? keymap_find(&x->caller_keys, q.key + 2) : 0;
	if (slot != 0)
		c = index_at(x, INDEX_CALLER, slot);
	if (is_callers(x, c, &q))
		verdict = judge_caller(x, c, ret_ods);
	else
		verdict = refuse(&q, c != NULL);
	secret_free(q.typed);
	return verdict;
}
