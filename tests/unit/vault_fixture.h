#ifndef KEYD_TESTS_UNIT_VAULT_FIXTURE_H
#define KEYD_TESTS_UNIT_VAULT_FIXTURE_H

#include <check.h>
#include <string.h>

#include "core/model/model.h"
#include "keyd/keeper/vault/parts.h"
#include "keyd/keeper/vault/vault.h"

/* A vault and what is sealed in it, for the suites of the vault. */

static inline struct vault *
vault_made(void)
{
	struct vault *v = vault_new();

	ck_assert_ptr_nonnull(v);
	ck_assert_int_eq(vault_create(v, NULL), KERR_OK);
	return v;
}

static const struct seal_place place = {.table = "delivery",
	.column = "sealed",
	.purpose = "secret",
	.row = 7,
	.tenant = 3,
	.version = 2};

struct sealed {
	struct buf value;
	struct buf wrapped;
};

static inline void
seal_text(struct vault *v, const char *text, struct sealed *ret)
{
	buf_init(&ret->value, 2 * SECRET_POOL_MAX_LEN);
	buf_init(&ret->wrapped, 4096);
	ck_assert_int_eq(
		vault_seal(v, &place, text, strlen(text), &ret->value, &ret->wrapped),
		KERR_OK);
}

static inline void
sealed_clear(struct sealed *s)
{
	buf_clear(&s->value);
	buf_clear(&s->wrapped);
}

static inline enum kerr
try_open(struct vault *v, const struct seal_place *at, const struct sealed *s)
{
	struct secret *opened = NULL;
	enum kerr err = vault_open(v, at, s->value.data, s->value.len, s->wrapped.data,
		s->wrapped.len, &opened);

	ck_assert_int_eq(opened != NULL, err == KERR_OK);
	secret_free(opened);
	return err;
}

/* Stored keys of one vault given to another with the same root key, as after a restart.
 */
static inline struct vault *
restarted(struct vault *old, const struct secret *opener)
{
	struct vault *v = vault_new();
	struct buf b;

	buf_init(&b, 4096);
	ck_assert_int_eq(
		vault_slot_seal(old, SLOT_KIND_KEY_FILE, opener, &b, NULL), KERR_OK);
	ck_assert_int_eq(vault_set_deployment(v, vault_deployment(old)), KERR_OK);
	ck_assert_int_eq(
		vault_slot_open(v, SLOT_KIND_KEY_FILE, opener, b.data, b.len, NULL),
		KERR_OK);
	for (size_t i = vault_key_count(old); i > 0; i--) {
		struct vault_key k = vault_key_at(old, i - 1);

		buf_reset(&b);
		if (k.state != KEY_DESTROYED)
			ck_assert_int_eq(vault_key_seal(old, k.number, &b), KERR_OK);
		ck_assert_int_eq(vault_key_load(v, k, b.data, b.len), KERR_OK);
	}
	buf_clear(&b);
	return v;
}

#endif
