#ifndef KEYD_KEEPER_TOKENS_TOKENS_H
#define KEYD_KEEPER_TOKENS_TOKENS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/arena.h"
#include "core/buf.h"
#include "core/err.h"
#include "core/record.h"
#include "core/secret.h"
#include "keyd/keeper/store/store.h"
#include "keyd/keeper/vault/vault.h"

/* Tokens and the keys that sign them: RFC 9068 JWTs that the keeper writes from its own
 * rows, each with an id (jti) that only the keeper can make. Nothing here parses JSON or
 * a token. */

/* Once per keeper, before the jail and before any other call that ends in OpenSSL:
 * OpenSSL then reads no configuration file, wipes what it frees and keeps private keys on
 * a locked heap of its own. KERR_NOMEM when that cannot be locked. */
enum kerr tokens_start(struct fault *fault) MUST_CHECK;

/* The id of a token: a fixed record of JTI_LEN bytes, little endian, and its base64url
 * text in the claim `jti`.
 *
 *   u16 format (1)  u32 token MAC key  u64 client  u64 generation  u32 secret number
 *   u64 audience  u64 issued  u64 expires  12 random bytes  16 bytes of keyed BLAKE2b
 * over these
 */
#define JTI_LEN      78
#define JTI_TEXT_LEN 104
#define JTI_TAG_LEN  16
#define JTI_USE      "jti" /* of the vault_macer of a KEY_TOKEN_MAC key */

struct jti {
	uint32_t mac_key; /* number of the keyring key */
	uint32_t secret_number;
	int64_t client; /* row */
	uint64_t generation;
	int64_t audience; /* ODS row the token is for alone; 0: the issuer's audience */
	int64_t issued;
	int64_t expires;
	uint8_t random[12];
};

/* A new id: fills j->random, and *ret. m is the macer of j->mac_key. (any thread) */
void jti_make(const struct vault_macer *m, struct jti *j, uint8_t ret[JTI_LEN]);
void jti_text(const uint8_t jti[JTI_LEN], char ret[JTI_TEXT_LEN + 1]);
/* The number of the MAC key that it names, for choosing the macer. KERR_INVALID when it
 * is no jti of this format. */
enum kerr jti_key(const void *bytes, size_t len, uint32_t *ret) MUST_CHECK;
/* KERR_INVALID for another form, KERR_DENIED when the MAC is not m's. Whether it has
 * expired or its client may still use it is the caller's question. (any thread) */
enum kerr jti_check(const struct vault_macer *m, const void *bytes, size_t len,
	struct jti *ret) MUST_CHECK;
#define JTI_TAG_USE "jti-tag"
/* Under which an ended token is kept and found; m is of a KEY_INDEX key and the use
 * "jti-tag". */
void jti_tag(const struct vault_macer *m, const uint8_t jti[JTI_LEN],
	uint8_t ret[JTI_TAG_LEN]);

/* What a token says. Texts are UTF-8 and borrowed. */
struct token_claims {
	const char *issuer;
	const char *audience;
	const char *client;   /* the key: sub and client_id */
	const char *jti;      /* jti_text() */
	const char *scope;    /* the claimset in v8's spelling */
	const char *prefixes; /* namespacePrefixes: separated by commas, as the next two;
				 may be "" */
	const char *edorgs;   /* educationOrganizationIds, decimal */
	const char *stores;   /* dataStoreIds, decimal */
	const char *claimset; /* in ODS/API 7's spelling */
	int64_t claimset_version;
	int64_t year;
	int64_t issued;
	int64_t expires;
	const int64_t *ods; /* ods_ids */
	size_t ods_count;
};
/* Appends the claims as a JSON object (RFC 9068 section 2.2, Ed-Fi API v8's names).
 * KERR_INVALID when a text is missing or not UTF-8; KERR_TOO_LARGE, KERR_NOMEM of the
 * buffer. */
enum kerr claims_write(const struct token_claims *c, struct buf *out) MUST_CHECK;

/* One signing key with its private half, in OpenSSL's memory. alg is an enum
 * signing_alg_word. */
struct signing_key;

#define SIGNING_KID_LEN 43
#define SIGNING_PUBLIC_MAX                                                               \
	256 /* x and y (64), or the modulus (256; the exponent is 65537) */

/* P-256 or RSA of 2,048 bits (that takes up to a second). KERR_UNSUPPORTED, KERR_CRYPTO.
 */
enum kerr signing_key_generate(int alg, struct signing_key **ret) MUST_CHECK;
/* The private half: the scalar (32 bytes), or the two primes (128 bytes each). Pooled;
 * owner frees. */
enum kerr signing_key_export(const struct signing_key *k, struct secret **ret) MUST_CHECK;
/* Back again; KERR_DAMAGED when private and public half are not of one key. */
enum kerr signing_key_import(int alg, const struct secret *private_half,
	const void *public_half, size_t public_len, struct signing_key **ret) MUST_CHECK;
void signing_key_free(struct signing_key *k); /* NULL is fine */
int signing_key_alg(const struct signing_key *k);
const char *signing_key_kid(const struct signing_key *k); /* borrowed */
const uint8_t *signing_key_public(
	const struct signing_key *k, size_t *ret_len); /* borrowed */
/* RFC 7638 thumbprint (SHA-256, base64url) of a public half. KERR_INVALID when its length
 * is none. */
enum kerr signing_kid(int alg, const void *public_half, size_t len,
	char ret[SIGNING_KID_LEN + 1]) MUST_CHECK;

/* Signs with one key; belongs to one thread. What OpenSSL must look up is looked up once.
 */
struct token_signer;
#define TOKEN_MAX 4096
/* k may be freed afterwards. */
enum kerr token_signer_new(
	const struct signing_key *k, struct token_signer **ret) MUST_CHECK;
void token_signer_free(struct token_signer *s); /* NULL is fine */
/* Appends the JWT (RFC 7515 compact form, typ at+jwt) with these claims. There is no way
 * to have other bytes signed. KERR_TOO_LARGE when it would be longer than TOKEN_MAX; else
 * as claims_write, KERR_CRYPTO. */
enum kerr token_signer_sign(struct token_signer *s, const struct token_claims *c,
	struct buf *ret_token) MUST_CHECK;

/* The set of signing keys in the store. For each algorithm in use there is one active key
 * and one spare; servers that fetch the set once a day must have seen a key before it
 * signs. A key's private half can be opened while it is spare or active only: after that
 * its record key is destroyed. On the write thread, within a transaction. */
#define SIGNING_PUBLISHED_SECONDS ((int64_t)24 * 3600)

/* Writes a row of signing_key with its audit record; former NULL: insert. action is the
 * audit's word: "signing-key.make", "signing-key.activate", "signing-key.retire",
 * "signing-key.withdraw". */
typedef enum kerr (*signing_write)(
	void *with, struct record *row, const struct record *former, const char *action);

struct signing_set {
	struct store *store;
	struct vault *vault;
	struct arena *arena; /* for rows */
	int64_t now;
	signing_write write;
	void *with;
};

/* The first keys of an algorithm: one active at once, since nobody has fetched a set yet
 * that lacks it, and a spare. KERR_EXISTS when there is an active one. */
enum kerr signing_set_init(
	const struct signing_set *s, int alg, struct fault *fault) MUST_CHECK;
/* The spare becomes active, the active key verifies until last_expiry (when the last
 * token that it may have signed has expired), a new spare is made. KERR_NOT_READY when
 * the spare was published less than 24 hours ago and force is not set: the fault names
 * the time; KERR_NOTFOUND without one. */
enum kerr signing_set_rotate(const struct signing_set *s, int alg, int64_t last_expiry,
	bool force, struct fault *fault) MUST_CHECK;
/* Its tokens stop verifying at once. In place of an active key the spare signs, however
 * young it is: a key that must go is worse than servers that ask again. A new spare is
 * made when one is used up. KERR_NOTFOUND, KERR_CONFLICT when it is withdrawn already or
 * nothing could take its place. */
enum kerr signing_set_withdraw(
	const struct signing_set *s, const char *kid, struct fault *fault) MUST_CHECK;
/* Withdraws the keys that need verify no more; *ret_count says how many. */
enum kerr signing_set_expire(const struct signing_set *s, size_t *ret_count) MUST_CHECK;

/* The keys as signing_key_list_schema: of the fronts (published: all but the withdrawn),
 * or all. By a reader of any thread. */
enum kerr signing_set_list(struct store_reader *r, struct arena *a, bool published_only,
	struct record **ret) MUST_CHECK;
/* The active key, opened; KERR_NOTFOUND when there is none, KERR_DAMAGED when it does not
 * open or is not what its row says. */
enum kerr signing_set_active(struct store_reader *r, struct vault *v, int alg,
	struct arena *a, struct signing_key **ret) MUST_CHECK;

#endif
