#ifndef KEYD_KEEPER_VAULT_PARTS_H
#define KEYD_KEEPER_VAULT_PARTS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/secret.h"
#include "keyd/keeper/vault/vault.h"

/* What a vault is made of: for the files of this room alone. */

#define VAULT_KEY_LEN 32

/* A numbered key. bytes is closed but while something is sealed or derived with it; NULL
 * once destroyed. */
struct ring_key {
	struct vault_key about;
	struct secret *bytes;
	struct secret
		*states; /* of a MAC key: its keyed states, readable for life (mac.c) */
};

struct vault {
	/* Of keys: the write thread adds and destroys while others use them. */
	pthread_rwlock_t lock;
	struct ring_key *keys; /* by rising number */
	size_t count;
	size_t cap;
	_Atomic uint32_t active[KEY__COUNT];
	struct secret *root; /* set once, before `open` says so */
	atomic_bool open;
	char deployment[VAULT_NAME_LEN + 1];
};

/* Takes root (also on failure) and opens the vault with it. KERR_CONFLICT when it is
 * open. */
enum kerr vault_take_root(struct vault *v, struct secret *root) MUST_CHECK;

/* The key of that number that still has its bytes, borrowed under the lock; NULL when
 * there is none. */
struct ring_key *ring_find(struct vault *v, uint32_t number);

/* The keyed states of a key that MACs; NULL when there is no locked memory. */
struct secret *mac_states_new(enum key_purpose purpose, const uint8_t key[VAULT_KEY_LEN]);
/* Does a key of this purpose compute MACs? The others only seal. */
bool mac_purpose(enum key_purpose purpose);

/* BLAKE2b of 32 bytes, keyed and with one of the PERSON_ words, so that one key's uses
 * stay apart. */
#define PERSON_LEN  16
#define PERSON_WRAP "keyd wrap 1"
#define PERSON_SLOT "keyd slot 1"
#define PERSON_SEAL "keyd seal 1"
#define PERSON_MAC  "keyd mac 1"
struct person {
	uint8_t bytes[PERSON_LEN];
};
/* The word padded with zeros, as BLAKE2b takes it (RFC 7693 leaves the parameter out;
 * BLAKE2's own paper has it). */
struct person vault_person(const char *word);

#endif
