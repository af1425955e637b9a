#include <string.h>

#include "core/model/model.h"
#include "keyd/keeper/index/parts.h"

/* Clients, their secrets and ended tokens, and callers. A row whose key or verifier has
 * not keyd's form is taken over fenced: nothing can be checked with it. */

/* The 22 characters; false when the key has not keyd's form. */
static bool
read_key(const struct record *row, unsigned column, char ret[KEY_CHARS])
{
	const char *key = record_text(row, column);
	char canonical[CREDENTIAL_KEY_LEN + 1];

	memset(ret, 0, KEY_CHARS);
	if (credential_key_canonical(key, strlen(key), canonical) != KERR_OK ||
		strcmp(key, canonical) != 0)
		return false;
	memcpy(ret, canonical + 2, KEY_CHARS);
	return true;
}

static bool
read_verifier(const struct record *row, unsigned column, uint8_t ret[VAULT_VERIFIER_LEN])
{
	size_t len;
	const uint8_t *bytes = record_bytes(row, column, &len);

	if (len != VAULT_VERIFIER_LEN)
		return false;
	memcpy(ret, bytes, len);
	return true;
}

/* 0, which no key has, for a number that cannot be kept. */
static uint16_t
read_verifier_key(const struct record *row, unsigned column)
{
	int64_t number = record_int(row, column);

	return number > 0 && number <= UINT16_MAX ? (uint16_t)number : 0;
}

/* An entry is in the map of keys exactly while it has a key. */
static bool
has_key(const char key[KEY_CHARS])
{
	return key[0] != '\0';
}

static void
take_key(struct keymap *keys, uint32_t slot, char *key, const char next[KEY_CHARS])
{
	if (memcmp(key, next, KEY_CHARS) == 0)
		return;
	if (has_key(key))
		keymap_remove(keys, slot);
	memcpy(key, next, KEY_CHARS);
	if (has_key(key))
		keymap_add(keys, slot);
}

static const char no_key[KEY_CHARS];

enum kerr
index_put_client(struct index *x, const struct record *row)
{
	uint32_t slot = index_want(x, INDEX_CLIENT, record_int(row, ROW_ID));
	uint32_t application =
		slot == 0 ? 0
			  : index_ref(x, INDEX_APPLICATION,
				    record_int(row, ROW_CLIENT_APPLICATION_ID));
	struct index_client *c;
	char key[KEY_CHARS];
	bool good = read_key(row, ROW_CLIENT_KEY, key);

	if (slot == 0)
		return KERR_NOMEM;
	if (application == 0) {
		index_release(x, INDEX_CLIENT, slot);
		return KERR_NOMEM;
	}
	c = index_at(x, INDEX_CLIENT, slot);
	index_unref(x, INDEX_APPLICATION, c->application);
	c->application = application;
	take_key(&x->client_keys, slot, c->key, key);
	c->generation = (uint64_t)record_int(row, ROW_CLIENT_GENERATION);
	c->state = (uint8_t)record_int(row, ROW_CLIENT_STATE);
	c->flags = good ? INDEX_PRESENT : INDEX_PRESENT | INDEX_FENCED;
	return KERR_OK;
}

void
index_drop_client(struct index *x, uint32_t slot)
{
	struct index_client *c = index_at(x, INDEX_CLIENT, slot);

	if ((c->flags & INDEX_PRESENT) == 0)
		return;
	take_key(&x->client_keys, slot, c->key, no_key);
	index_unref(x, INDEX_APPLICATION, c->application);
	c->application = 0;
	c->flags = 0;
	index_release(x, INDEX_CLIENT, slot);
}

/* Which verifier keys are in use. One that finds no place here works too (see
 * authenticate.c), as does a secret without one. */
static void
count_verifier(struct index *x, uint16_t was, uint16_t is)
{
	struct index_verifier *free = NULL, *v;

	if (was == is)
		return;
	for (v = x->verifiers; v < x->verifiers + VERIFIERS_MAX; v++) {
		if (v->secrets > 0 && v->number == was)
			v->secrets--;
		if (v->secrets > 0 && v->number == is) {
			v->secrets++;
			is = 0;
		} else if (v->secrets == 0 && free == NULL) {
			free = v;
		}
	}
	if (is != 0 && free != NULL)
		*free = (struct index_verifier){.number = is, .secrets = 1};
}

static void
unlink_secret(struct index *x, uint32_t slot)
{
	struct index_secret *s = index_at(x, INDEX_SECRET, slot);
	struct index_client *c;
	uint32_t *at, client = s->client;

	if (client == 0)
		return;
	c = index_at(x, INDEX_CLIENT, client);
	at = &c->secrets;
	while (*at != slot)
		at = &((struct index_secret *)index_at(x, INDEX_SECRET, *at))->next;
	*at = s->next;
	s->client = 0;
	s->next = 0;
	index_release(x, INDEX_CLIENT, client);
}

enum kerr
index_put_secret(struct index *x, const struct record *row)
{
	int64_t id = record_int(row, ROW_ID);
	int64_t ends = record_int(row, ROW_SECRET_NOT_AFTER);
	uint32_t client =
		index_want(x, INDEX_CLIENT, record_int(row, ROW_SECRET_CLIENT_ID));
	uint32_t slot = client == 0 ? 0 : index_want(x, INDEX_SECRET, id);
	struct index_secret *s;
	struct index_client *c;
	uint16_t verifier_key;

	if (client == 0)
		return KERR_NOMEM;
	if (slot == 0) {
		index_release(x, INDEX_CLIENT, client);
		return KERR_NOMEM;
	}
	s = index_at(x, INDEX_SECRET, slot);
	if (s->client != client) {
		unlink_secret(x, slot);
		c = index_at(x, INDEX_CLIENT, client);
		s->client = client;
		s->next = c->secrets;
		c->secrets = slot;
	}
	if (record_has(row, ROW_SECRET_HARD_END) &&
		record_int(row, ROW_SECRET_HARD_END) < ends)
		ends = record_int(row, ROW_SECRET_HARD_END);
	s->starts = index_moment(record_int(row, ROW_SECRET_NOT_BEFORE));
	s->ends = index_moment(ends);
	s->number = (uint32_t)record_int(row, ROW_SECRET_NUMBER);
	s->state = (uint8_t)record_int(row, ROW_SECRET_STATE);
	verifier_key = read_verifier_key(row, ROW_SECRET_VERIFIER_KEY);
	s->flags = INDEX_PRESENT;
	if (!read_verifier(row, ROW_SECRET_VERIFIER, s->verifier))
		verifier_key = 0;
	count_verifier(x, s->verifier_key, verifier_key);
	s->verifier_key = verifier_key;
	if (s->verifier_key == 0)
		s->flags |= INDEX_FENCED;
	return KERR_OK;
}

void
index_drop_secret(struct index *x, uint32_t slot)
{
	const struct index_secret *s = index_at(x, INDEX_SECRET, slot);
	int64_t id = s->id;

	count_verifier(x, s->verifier_key, 0);
	unlink_secret(x, slot);
	idmap_remove(&x->tables[INDEX_SECRET].ids, id);
	slab_remove(&x->tables[INDEX_SECRET].rows, slot);
}

enum kerr
index_put_caller(struct index *x, const struct record *row)
{
	uint32_t ods = index_ref(x, INDEX_ODS, record_int(row, ROW_CALLER_ODS_ID));
	uint32_t slot =
		ods == 0 ? 0 : index_want(x, INDEX_CALLER, record_int(row, ROW_ID));
	struct index_caller *c;
	char key[KEY_CHARS];
	bool good = read_key(row, ROW_CALLER_KEY, key);

	if (slot == 0) {
		index_unref(x, INDEX_ODS, ods);
		return KERR_NOMEM;
	}
	c = index_at(x, INDEX_CALLER, slot);
	index_unref(x, INDEX_ODS, c->ods);
	c->ods = ods;
	take_key(&x->caller_keys, slot, c->key, key);
	c->state = (uint8_t)record_int(row, ROW_CALLER_STATE);
	c->verifier_key = read_verifier_key(row, ROW_CALLER_VERIFIER_KEY);
	if (!read_verifier(row, ROW_CALLER_VERIFIER, c->verifier))
		c->verifier_key = 0;
	good = good && c->verifier_key != 0;
	c->flags = good ? INDEX_PRESENT : INDEX_PRESENT | INDEX_FENCED;
	return KERR_OK;
}

void
index_drop_caller(struct index *x, uint32_t slot)
{
	struct index_caller *c = index_at(x, INDEX_CALLER, slot);
	int64_t id = c->id;

	take_key(&x->caller_keys, slot, c->key, no_key);
	index_unref(x, INDEX_ODS, c->ods);
	idmap_remove(&x->tables[INDEX_CALLER].ids, id);
	slab_remove(&x->tables[INDEX_CALLER].rows, slot);
}

static void
unlink_ended(struct index *x, uint32_t slot)
{
	struct index_ended *e = index_at(x, INDEX_ENDED, slot);
	struct index_client *c;
	uint32_t *at, client = e->client;

	if (client == 0)
		return;
	c = index_at(x, INDEX_CLIENT, client);
	at = &c->ended;
	while (*at != slot)
		at = &((struct index_ended *)index_at(x, INDEX_ENDED, *at))->next;
	*at = e->next;
	e->client = 0;
	e->next = 0;
	index_release(x, INDEX_CLIENT, client);
}

enum kerr
index_put_ended(struct index *x, const struct record *row)
{
	int64_t id = record_int(row, ROW_ID);
	int64_t client_id = record_int(row, ROW_ENDED_TOKEN_CLIENT_ID);
	uint32_t client = index_want(x, INDEX_CLIENT, client_id);
	uint32_t slot = client == 0 ? 0 : index_want(x, INDEX_ENDED, id);
	struct index_ended *e;
	struct index_client *c;
	const uint8_t *tag;
	size_t len;

	if (client == 0)
		return KERR_NOMEM;
	if (slot == 0) {
		/* What was ended must not go on, so all of the client's tokens rest. */
		((struct index_client *)index_at(x, INDEX_CLIENT, client))->flags |=
			INDEX_FENCED;
		index_release(x, INDEX_CLIENT, client);
		return KERR_NOMEM;
	}
	e = index_at(x, INDEX_ENDED, slot);
	if (e->client != client) {
		unlink_ended(x, slot);
		c = index_at(x, INDEX_CLIENT, client);
		e->client = client;
		e->next = c->ended;
		c->ended = slot;
	}
	tag = record_bytes(row, ROW_ENDED_TOKEN_JTI_TAG, &len);
	memset(e->tag, 0, sizeof(e->tag));
	if (len == sizeof(e->tag))
		memcpy(e->tag, tag, len);
	e->generation = (uint64_t)record_int(row, ROW_ENDED_TOKEN_GENERATION);
	e->expires = index_moment(record_int(row, ROW_ENDED_TOKEN_EXPIRES));
	return KERR_OK;
}

void
index_drop_ended(struct index *x, int64_t id, uint32_t slot)
{
	unlink_ended(x, slot);
	idmap_remove(&x->tables[INDEX_ENDED].ids, id);
	slab_remove(&x->tables[INDEX_ENDED].rows, slot);
}
