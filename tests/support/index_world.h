#ifndef KEYD_TESTS_SUPPORT_INDEX_WORLD_H
#define KEYD_TESTS_SUPPORT_INDEX_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "core/clock.h"
#include "core/credential.h"
#include "core/record.h"
#include "keyd/keeper/index/index.h"
#include "keyd/keeper/vault/vault.h"

/* A few rows of every table of the index, kept in plain arrays beside an index that is
 * given the same rows, and the index's questions answered from the arrays by looking at
 * everything: slow, and with nothing of how the index does it. */

enum {
	WORLD_TENANTS = 2,
	WORLD_VENDORS = 3,
	WORLD_EDORGS = 6,
	WORLD_ODS = 4,
	WORLD_CLAIMSETS = 2,
	WORLD_APPLICATIONS = 4,
	WORLD_LINKS = 10,
	WORLD_CLIENTS = 6,
	WORLD_SECRETS_EACH = 3,
	WORLD_SECRETS = WORLD_CLIENTS * WORLD_SECRETS_EACH,
	WORLD_CALLERS = 3,
	WORLD_ENDED = 8,
};
#define WORLD_NOW (INT64_C(20000) * 86400)

struct world_row {
	bool present, fenced;
};

struct world {
	struct vault *vault;
	struct index *index;
	struct arena *arena; /* of the row at hand */
	int64_t stride;      /* between ids */
	uint32_t newer_key;  /* of callers and every second secret */
	/* NULL: index_put() */
	enum kerr (*put)(struct world *w, enum table_id table, const struct record *row);
	unsigned good; /* authentications that succeeded */
	struct {
		struct world_row is;
		int state;
	} tenant[WORLD_TENANTS];
	struct {
		struct world_row is;
		int state;
		char prefixes[64];
	} vendor[WORLD_VENDORS];
	struct {
		struct world_row is;
		int64_t tenant_id, number;
		char name[32];
	} edorg[WORLD_EDORGS];
	struct {
		struct world_row is;
		int state, mode;
	} ods[WORLD_ODS];
	struct {
		struct world_row is;
		char name[32], v8_name[32];
	} claimset[WORLD_CLAIMSETS];
	struct {
		struct world_row is;
		size_t tenant, vendor, claimset;
		int64_t version, year, starts, ends;
		int state;
	} application[WORLD_APPLICATIONS];
	struct world_link {
		struct world_row is;
		size_t application, target;
	} edorg_link[WORLD_LINKS], ods_link[WORLD_LINKS];
	struct {
		struct world_row is;
		size_t application;
		char key[CREDENTIAL_KEY_LEN + 1];
		int64_t generation;
		int state;
	} client[WORLD_CLIENTS];
	struct {
		struct world_row is;
		int64_t not_before, not_after, hard_end; /* -1: none */
		int state;
		struct secret *typed;
		uint32_t verifier_key;
		uint8_t verifier[VAULT_VERIFIER_LEN];
	} secret[WORLD_SECRETS];
	struct {
		struct world_row is;
		size_t ods;
		char key[CREDENTIAL_KEY_LEN + 1];
		int state;
		struct secret *typed;
		uint8_t verifier[VAULT_VERIFIER_LEN];
	} caller[WORLD_CALLERS];
	struct {
		struct world_row is;
		size_t client;
		int64_t generation, expires;
		uint8_t tag[16];
	} ended[WORLD_ENDED];
};

/* The same numbers after the same seed; below count. */
void world_seed(uint64_t seed);
size_t world_any(size_t count);

void world_init(struct world *w, struct vault *v, int64_t stride);
void world_clear(struct world *w);
/* Row id of the n-th row of a table. */
int64_t world_id(const struct world *w, size_t n);
size_t world_secret_client(size_t s);
/* The secret's number within its client. */
int64_t world_number(size_t s);
const char *world_url(size_t ods);
bool world_is_there(const struct world_row *is);
int64_t world_moment(void); /* somewhere around the dates of the rows */

/* Puts, drops or fences some row; fullness: so many of a hundred are puts. */
void world_step(struct world *w, unsigned fullness);
void world_put_all_shuffled(struct world *w);
void world_drop_all_shuffled(struct world *w);
/* Row 0 of every table, with everything as it should be. */
void world_put_good(struct world *w);
/* Further clients with an application, a secret and links each: from first to end. */
void world_fill(struct world *w, size_t first, size_t end);
void world_drop_secrets(struct world *w, size_t client);
void world_agreement(struct world *w, size_t application, int64_t starts, int64_t ends);
void world_secret_dates(struct world *w, size_t s, int64_t not_before, int64_t not_after);
/* From the next put on the secret's verifier is under that key of the vault. */
void world_verifier_key(struct world *w, size_t s, uint32_t key);
void world_bad_verifier(struct world *w, size_t s);
void world_bad_key(struct world *w, size_t client);
void world_end_token(struct world *w, size_t ended, size_t client);

/* Asks the index some questions and asserts that it answers as the arrays do. */
void world_compare(struct world *w);
/* So many steps with questions between. */
void world_live(struct world *w, unsigned steps, unsigned fullness);

/* The questions. */
enum index_verdict world_authenticate(struct world *w, size_t client, size_t secret,
	int64_t now, struct index_holder *ret);
enum index_verdict world_authenticate_caller(
	struct world *w, size_t caller, int64_t *ret_ods);
bool world_token_active(
	struct world *w, const struct index_token *token, int64_t now, int64_t ods);
unsigned world_ended_count(struct world *w, size_t client, int64_t now);
struct world_claims {
	const char *claimset, *claimset_v8, *prefixes;
	int64_t claimset_version, year, tenant;
	char edorgs[256], stores[256];
	int64_t ods[WORLD_ODS];
	size_t ods_count;
	bool all_introspect;
};
bool world_claims(struct world *w, size_t client, struct world_claims *ret);
int64_t world_resource(struct world *w, size_t client, size_t ods);
/* But bytes. */
void world_counts(struct world *w, int64_t now, struct index_counts *ret);

#endif
