#ifndef KEYD_KEEPER_VAULT_VAULT_H
#define KEYD_KEEPER_VAULT_VAULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/secret.h"

/* The keys of keyd and everything that is done with them. Seal slots wrap the root
 * key; the root key wraps wrapping keys only; these seal a keyring of random, numbered
 * keys, each with one purpose; data epochs seal per-record keys. The vault knows no
 * database: what is to be kept it gives out as sealed bytes, and takes them back. One
 * vault per process, made on one thread; once it is open, the functions marked (any
 * thread) may be called from every thread. */
struct vault;

enum key_purpose {
	KEY_VERIFIER,  /* checks secrets; the tag that finds a pasted one */
	KEY_TOKEN_MAC, /* the MAC in a token's jti */
	KEY_ROW_MAC,   /* rows of the store */
	KEY_INDEX,     /* keyed hashes for look-ups */
	KEY_AUDIT,     /* seed of the audit chain's forward-secure MAC */
	KEY_BACKUP,    /* backups */
	KEY_STATE,     /* the sealed state record */
	KEY_DATA,      /* data epochs: sealed values */
	KEY__COUNT
};
enum key_state { KEY_ACTIVE, KEY_DECRYPT_ONLY, KEY_DESTROYED, KEY_STATE__COUNT };
extern const char *const key_purposes[]; /* words of enum key_purpose */
extern const char *const key_states[];

#define VAULT_MAC_LEN      32
#define VAULT_VERIFIER_LEN 32
#define VAULT_TAG_LEN      16
#define VAULT_NAME_LEN     32 /* the deployment's name: lower-case hexadecimal */

/* An empty, sealed vault; NULL when there is no memory. */
struct vault *vault_new(void);
void vault_free(struct vault *v);          /* wipes every key; NULL is fine */
bool vault_is_open(const struct vault *v); /* (any thread) has it its root key? */
/* Makes a deployment name, a root key and one active key of each purpose, numbered
 * 1…KEY__COUNT. */
enum kerr vault_create(struct vault *v, struct fault *fault) MUST_CHECK;
const char *vault_deployment(const struct vault *v);
/* Before slots are opened: the name that stands in the database. KERR_INVALID when it is
 * no name, KERR_CONFLICT when the vault is open. */
enum kerr vault_set_deployment(struct vault *v, const char *name) MUST_CHECK;

/* Slots. Kinds are slot_kinds of core/model. The opener of a key-file or credential slot
 * is 32 random bytes; a recovery code is 160 random bits in groups (vault_recovery_code),
 * typed in any case; a passphrase of at least 12 bytes goes through Argon2id (64 MiB, 3
 * passes; about a quarter of a second). All three calls: KERR_INVALID when the opener has
 * not the form of its kind (of a recovery code the fault names the mistyped group),
 * KERR_UNSUPPORTED for a kind that is none. Adds to an open vault a slot, appended to
 * *ret_sealed. */
enum kerr vault_slot_seal(struct vault *v, int kind, const struct secret *opener,
	struct buf *ret_sealed, struct fault *fault) MUST_CHECK;
/* Opens the vault with it. KERR_DENIED when the opener is not the slot's (or the slot is
 * of another deployment), KERR_DAMAGED, KERR_CONFLICT when it is open. */
enum kerr vault_slot_open(struct vault *v, int kind, const struct secret *opener,
	const void *sealed, size_t len, struct fault *fault) MUST_CHECK;
/* Only says whether it would open, and, in an open vault, that it holds this vault's root
 * key (KERR_DAMAGED when it holds another). */
enum kerr vault_slot_test(struct vault *v, int kind, const struct secret *opener,
	const void *sealed, size_t len) MUST_CHECK;
/* A new one as it is shown: 47 characters, pooled; NULL when no slot of the pool is free.
 */
struct secret *vault_recovery_code(void);

/* The keyring. After vault_slot_open each stored key is given back with
 * vault_key_load. */
struct vault_key {
	uint32_t number;
	enum key_purpose purpose;
	enum key_state state;
};
/* On the thread that changes the keyring. */
size_t vault_key_count(const struct vault *v);
struct vault_key vault_key_at(const struct vault *v, size_t i);
/* Its form under the root key's wrapping key, appended. KERR_NOTFOUND (also a destroyed
 * one). */
enum kerr vault_key_seal(
	struct vault *v, uint32_t number, struct buf *ret_sealed) MUST_CHECK;
/* KERR_DAMAGED when it is not that key of this vault, KERR_EXISTS. A destroyed key is
 * loaded without bytes (NULL, 0), so that its number is not used again. Should several of
 * a purpose say that they are active, the one with the highest number is. */
enum kerr vault_key_load(
	struct vault *v, struct vault_key key, const void *sealed, size_t len) MUST_CHECK;
/* A further key; the former active one becomes decrypt-only. */
enum kerr vault_key_renew(
	struct vault *v, enum key_purpose purpose, uint32_t *ret_number) MUST_CHECK;
/* Forgets its bytes for good; what only it opens is lost. */
void vault_key_destroy(struct vault *v, uint32_t number);
uint32_t vault_active(const struct vault *v,
	enum key_purpose purpose); /* (any thread) 0 when there is none */

struct vault_part {
	const void *bytes;
	size_t len;
};
/* Keyed BLAKE2b over the parts, each preceded by its length (u32 little endian), under
 * a keyring key and a fixed word for the use ("client-secret"); ret_len 16…64. (any
 * thread) KERR_NOTFOUND when there is no such key for MACs (verifier, token-mac, row-mac,
 * index, audit). BLAKE2b-512 with personal word "keyd mac 1" over the use and the parts,
 * each with its length; its first ret_len bytes. */
enum kerr vault_mac(struct vault *v, uint32_t key, const char *use,
	const struct vault_part *parts, size_t count, uint8_t *ret,
	size_t ret_len) MUST_CHECK;
struct vault_macer;
/* The same for many MACs in a row: a state that was keyed once, to be copied per use.
 * NULL when the key is not there or no memory can be locked. It outlives the key; any
 * thread may run it. */
struct vault_macer *vault_macer_new(struct vault *v, uint32_t key, const char *use);
/* ret_len 16…64; another one is a fault of the program and aborts. */
void vault_macer_run(const struct vault_macer *m, const struct vault_part *parts,
	size_t count, uint8_t *ret, size_t ret_len);
void vault_macer_free(struct vault_macer *m); /* wipes; NULL is fine */

/* What checks a secret: keyed BLAKE2b over canonical key and canonical secret; the tag
 * over the secret alone. (any thread) */
enum kerr vault_verifier(struct vault *v, uint32_t key_number, const char *key,
	const struct secret *canonical, uint8_t ret[VAULT_VERIFIER_LEN]) MUST_CHECK;
enum kerr vault_secret_tag(struct vault *v, uint32_t key_number,
	const struct secret *canonical, uint8_t ret[VAULT_TAG_LEN]) MUST_CHECK;

/* Where a sealed value lies: its associated data. What is left out could be swapped. */
struct seal_place {
	const char *table;
	const char *column;
	const char *purpose;
	int64_t row;
	int64_t tenant;
	int64_t version;
};
/* Seals under a fresh record key, which itself is sealed by the active data epoch: the
 * value into *ret_sealed, the record key into *ret_wrapped, to be kept apart and
 * destroyed alone. XChaCha20-Poly1305 with a 32-byte key commitment that is checked
 * before opening. (any thread) */
enum kerr vault_seal(struct vault *v, const struct seal_place *place, const void *plain,
	size_t len, struct buf *ret_sealed, struct buf *ret_wrapped) MUST_CHECK;
/* The value as a pooled secret when it is at most SECRET_POOL_MAX_LEN. KERR_DAMAGED
 * when anything differs. */
enum kerr vault_open(struct vault *v, const struct seal_place *place, const void *sealed,
	size_t sealed_len, const void *wrapped, size_t wrapped_len,
	struct secret **ret) MUST_CHECK;
/* Directly under a keyring key, for values without a record key of their own: the
 * sealed state record, backups (a chunk with its number in place.row). The plaintext
 * goes to a buf, which wipes itself. */
enum kerr vault_seal_direct(struct vault *v, enum key_purpose purpose,
	const struct seal_place *place, const void *plain, size_t len,
	struct buf *ret_sealed) MUST_CHECK;
enum kerr vault_open_direct(struct vault *v, const struct seal_place *place,
	const void *sealed, size_t len, struct buf *ret_plain) MUST_CHECK;

#endif
