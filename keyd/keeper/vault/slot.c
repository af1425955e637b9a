#include "keyd/keeper/vault/slot.h"

#include <sodium.h>
#include <string.h>

#include "core/model/model.h"
#include "keyd/keeper/vault/seal.h"

/* Seal slots: a byte that names the kind, the kind's public parameters, and the root key
 * sealed under what the opener becomes. A changed parameter gives another key, so it
 * needs no authentication of its own. */

static const struct slot_kind *const kinds[SLOT_KIND__COUNT] = {
	[SLOT_KIND_KEY_FILE] = &slot_key,
	[SLOT_KIND_CREDENTIAL] = &slot_key,
	[SLOT_KIND_RECOVERY_CODE] = &slot_code,
	[SLOT_KIND_PASSPHRASE] = &slot_passphrase,
};

static const struct slot_kind *
kind_of(int kind)
{
	return kind >= 0 && kind < SLOT_KIND__COUNT ? kinds[kind] : NULL;
}

static size_t
slot_len(const struct slot_kind *k)
{
	return 1 + k->params_len + VAULT_KEY_LEN + SEAL_OVERHEAD;
}

static struct seal_place
place_of(int kind)
{
	return (struct seal_place){
		.table = "seal_slot", .column = "sealed", .purpose = slot_kinds[kind]};
}

/* The opener's key of this deployment and kind: the same key file in two of them opens
 * neither's other. */
static enum kerr
slot_wrapping_key(const struct vault *v, int kind, const struct secret *opener,
	const uint8_t *params, uint8_t ret[VAULT_KEY_LEN], struct fault *fault)
{
	struct person person = vault_person(PERSON_SLOT);
	uint8_t material[VAULT_KEY_LEN], where[1 + VAULT_NAME_LEN];
	enum kerr err = kinds[kind]->derive(opener, params, material, fault);

	if (err != KERR_OK)
		return err;
	where[0] = (uint8_t)kind;
	memcpy(where + 1, v->deployment, VAULT_NAME_LEN);
	crypto_generichash_blake2b_salt_personal(ret, VAULT_KEY_LEN, where, sizeof(where),
		material, sizeof(material), NULL, person.bytes);
	sodium_memzero(material, sizeof(material));
	return KERR_OK;
}

enum kerr
vault_slot_seal(struct vault *v, int kind, const struct secret *opener,
	struct buf *ret_sealed, struct fault *fault)
{
	const struct slot_kind *k = kind_of(kind);
	uint8_t wrap[VAULT_KEY_LEN];
	uint8_t *out;
	enum kerr err;

	if (!vault_is_open(v))
		return fault_set(fault, KERR_SEALED, "",
			"a slot can only be added to an open vault");
	if (k == NULL)
		return fault_set(fault, KERR_UNSUPPORTED, "kind",
			"there is no slot of kind %d", kind);
	err = k->accept != NULL ? k->accept(opener, fault) : KERR_OK;
	if (err != KERR_OK)
		return err;
	out = buf_reserve(ret_sealed, slot_len(k));
	if (out == NULL)
		return fault_set(
			fault, buf_error(ret_sealed), "", "no room for the slot");
	out[0] = (uint8_t)kind;
	if (k->make != NULL)
		k->make(out + 1);
	err = slot_wrapping_key(v, kind, opener, out + 1, wrap, fault);
	if (err == KERR_OK) {
		struct seal_place place = place_of(kind);
		struct seal_context c = {.format = SEAL_SLOT,
			.deployment = v->deployment,
			.place = &place};

		err = seal_put(wrap, &c, secret_open(v->root), VAULT_KEY_LEN,
			out + 1 + k->params_len);
		secret_close(v->root);
		if (err != KERR_OK)
			fault_set(fault, err, "", "the slot cannot be sealed: %s",
				kerr_text(err));
	}
	sodium_memzero(wrap, sizeof(wrap));
	if (err == KERR_OK)
		buf_added(ret_sealed, slot_len(k));
	return err;
}

/* The root key in the slot, guarded. */
static enum kerr
slot_root(struct vault *v, int kind, const struct secret *opener,
	const struct vault_part *slot, struct secret **ret, struct fault *fault)
{
	const struct slot_kind *k = kind_of(kind);
	uint8_t wrap[VAULT_KEY_LEN], root[VAULT_KEY_LEN];
	const uint8_t *bytes = slot->bytes;
	enum kerr err;

	if (k == NULL)
		return fault_set(fault, KERR_UNSUPPORTED, "kind",
			"there is no slot of kind %d", kind);
	if (slot->len != slot_len(k) || bytes[0] != kind)
		return fault_set(fault, KERR_DAMAGED, "",
			"the %s slot is damaged; open another one", slot_kinds[kind]);
	err = slot_wrapping_key(v, kind, opener, bytes + 1, wrap, fault);
	if (err == KERR_OK) {
		struct seal_place place = place_of(kind);
		struct seal_context c = {.format = SEAL_SLOT,
			.deployment = v->deployment,
			.place = &place};

		err = seal_get(wrap, &c, bytes + 1 + k->params_len,
			VAULT_KEY_LEN + SEAL_OVERHEAD, root);
		if (err == KERR_DENIED)
			fault_set(fault, err, "", "this %s does not open the slot",
				slot_kinds[kind]);
		else if (err != KERR_OK)
			fault_set(fault, err, "",
				"the %s slot is damaged; open another one",
				slot_kinds[kind]);
	}
	if (err == KERR_OK) {
		*ret = secret_guarded_new(root, sizeof(root));
		if (*ret == NULL)
			err = fault_set(fault, KERR_NOMEM, "RLIMIT_MEMLOCK",
				"memory for the root key cannot be had or locked");
	}
	sodium_memzero(root, sizeof(root));
	sodium_memzero(wrap, sizeof(wrap));
	return err;
}

enum kerr
vault_slot_open(struct vault *v, int kind, const struct secret *opener,
	const void *sealed, size_t len, struct fault *fault)
{
	struct vault_part slot = {sealed, len};
	struct secret *root = NULL;
	enum kerr err;

	if (vault_is_open(v))
		return fault_set(fault, KERR_CONFLICT, "", "the vault is open already");
	err = slot_root(v, kind, opener, &slot, &root, fault);
	if (err != KERR_OK)
		return err;
	return vault_take_root(v, root);
}

enum kerr
vault_slot_test(struct vault *v, int kind, const struct secret *opener,
	const void *sealed, size_t len)
{
	struct vault_part slot = {sealed, len};
	struct secret *root = NULL;
	enum kerr err = slot_root(v, kind, opener, &slot, &root, NULL);

	if (err == KERR_OK && vault_is_open(v)) {
		secret_open(root);
		secret_open(v->root);
		if (!secret_equal(root, v->root))
			err = KERR_DAMAGED;
		secret_close(v->root);
		secret_close(root);
	}
	secret_free(root);
	return err;
}
