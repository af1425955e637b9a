#include "keyd/keeper/vault/vault.h"

#include <sodium.h>
#include <string.h>

#include "core/arena.h"
#include "keyd/keeper/vault/parts.h"

/* A vault's life: made empty, opened once with a root key, closed with the process. Owns
 * the root key; what is derived from it is made where it is used. */

struct vault *
vault_new(void)
{
	struct vault *v;

	if (sodium_init() < 0)
		return NULL;
	v = mem_new(1, sizeof(*v));
	if (v == NULL)
		return NULL;
	if (pthread_rwlock_init(&v->lock, NULL) != 0) {
		mem_free(v);
		return NULL;
	}
	return v;
}

void
vault_free(struct vault *v)
{
	if (v == NULL)
		return;
	for (size_t i = 0; i < v->count; i++) {
		secret_free(v->keys[i].states);
		secret_free(v->keys[i].bytes);
	}
	mem_free(v->keys);
	secret_free(v->root);
	pthread_rwlock_destroy(&v->lock);
	mem_free(v);
}

bool
vault_is_open(const struct vault *v)
{
	return atomic_load(&v->open);
}

enum kerr
vault_take_root(struct vault *v, struct secret *root)
{
	if (vault_is_open(v)) {
		secret_free(root);
		return KERR_CONFLICT;
	}
	v->root = root;
	atomic_store(&v->open, true);
	return KERR_OK;
}

enum kerr
vault_create(struct vault *v, struct fault *fault)
{
	uint8_t name[VAULT_NAME_LEN / 2];
	struct secret *root;
	enum kerr err;

	if (vault_is_open(v))
		return fault_set(fault, KERR_CONFLICT, "", "the vault is open already");
	root = secret_guarded_random(VAULT_KEY_LEN);
	if (root == NULL)
		return fault_set(fault, KERR_NOMEM, "RLIMIT_MEMLOCK",
			"memory for the root key cannot be had or locked");
	randombytes_buf(name, sizeof(name));
	sodium_bin2hex(v->deployment, sizeof(v->deployment), name, sizeof(name));
	err = vault_take_root(v, root);
	for (int purpose = 0; err == KERR_OK && purpose < KEY__COUNT; purpose++) {
		uint32_t number;

		err = vault_key_renew(v, (enum key_purpose)purpose, &number);
	}
	if (err != KERR_OK)
		return fault_set(
			fault, err, "", "the keyring cannot be made: %s", kerr_text(err));
	return KERR_OK;
}

const char *
vault_deployment(const struct vault *v)
{
	return v->deployment;
}

enum kerr
vault_set_deployment(struct vault *v, const char *name)
{
	if (vault_is_open(v))
		return KERR_CONFLICT;
	if (strlen(name) != VAULT_NAME_LEN ||
		strspn(name, "0123456789abcdef") != VAULT_NAME_LEN)
		return KERR_INVALID;
	memcpy(v->deployment, name, VAULT_NAME_LEN);
	return KERR_OK;
}

struct person
vault_person(const char *word)
{
	struct person p = {{0}};
	size_t len = strlen(word);

	memcpy(p.bytes, word, len < PERSON_LEN ? len : PERSON_LEN);
	return p;
}
