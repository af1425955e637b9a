#ifndef KEYD_KEEPER_INDEX_INDEX_H
#define KEYD_KEEPER_INDEX_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/record.h"
#include "core/secret.h"
#include "keyd/keeper/store/store.h"
#include "keyd/keeper/vault/vault.h"

/* What the answering thread knows: who may have tokens and which are active, in memory,
 * filled with rows as they stand in the store and nothing else. Belongs to the answering
 * thread; no locks, no disk. At most 220 bytes a live client with one secret and an
 * application of its own on one ODS for one organization. */
struct index;

/* v must be open before anything is authenticated and outlive the index. Keeps one pooled
 * secret. NULL when there is no memory or no slot of the pool. */
struct index *index_new(struct vault *v);
void index_free(struct index *x);

/* Takes over a row of tenant, vendor, edorg, ods, claimset, application,
 * application_edorg, application_ods, client, secret, caller or ended_token; of another
 * table: nothing. Rows may come in any order, an application before its vendor. A row
 * that was removed comes through index_drop. KERR_NOMEM leaves what was there. */
enum kerr index_put(
	struct index *x, enum table_id table, const struct record *row) MUST_CHECK;
void index_drop(struct index *x, enum table_id table, int64_t id);
/* A fenced row: what it describes is not live until it is put again. An organization or
 * ODS of an application is as if it had been dropped; a token that was ended stays so. */
void index_fence(struct index *x, enum table_id table, int64_t id);

/* Who has this key and secret. secret is as typed; canonical form and verifier are
 * computed here. Unknown keys take the time of a wrong secret. now in seconds. */
enum index_verdict {
	INDEX_GOOD,
	INDEX_UNKNOWN_KEY,
	INDEX_WRONG_SECRET,
	INDEX_TYPING_ERROR,  /* the secret has a secret's form with a wrong group */
	INDEX_SECRET_AS_KEY, /* a secret was sent as key */
	INDEX_NOT_YET,       /* before not_before */
	INDEX_EXPIRED,       /* secret, agreement or application over */
	INDEX_SUSPENDED,     /* client, vendor or tenant; or a row of them is fenced or
				missing */
	INDEX_QUARANTINED,
	INDEX_REVOKED,
	INDEX_VERDICT__COUNT
};
struct index_holder {
	int64_t client;
	int64_t secret_row;
	uint32_t secret_number;
	uint64_t generation;
	int64_t not_after; /* earliest of the secret's not-after, hard end, and the end of
			      the agreement, in seconds */
	bool first_use;    /* the secret is sealed or delivered: its first token queues a
			      write */
};
/* Of several reasons the gravest: revoked, quarantined, suspended, expired, not yet. A
 * draft is an unknown key. *ret is filled whenever the secret was right, whatever the
 * verdict. */
enum index_verdict index_authenticate(struct index *x, const char *key,
	const struct secret *secret, int64_t now, struct index_holder *ret);
/* A caller (introspection): INDEX_GOOD gives its ODS row. */
enum index_verdict index_authenticate_caller(
	struct index *x, const char *key, const struct secret *secret, int64_t *ret_ods);

/* What the keeper's own id of a token says of it. */
struct index_token {
	int64_t client;
	uint64_t generation;
	uint32_t secret_number;
	int64_t audience_ods;   /* the ODS that it is for alone; 0: all of the client's */
	const uint8_t *jti_tag; /* 16 bytes */
};
/* Is this token active: generation is the client's, client, vendor, tenant, application
 * live and within their dates, its secret neither quarantined nor revoked, not ended, and
 * (ods > 0) that ODS among the application's and the token's. */
bool index_token_active(
	struct index *x, const struct index_token *token, int64_t now, int64_t ods);

/* What is answered about a client: borrowed until the next
 * index_claims/index_put/index_drop. Comma separated texts as v8 has them, numbers
 * rising. */
struct index_claims {
	const char *key;
	const char *claimset;    /* ODS/API 7's spelling */
	const char *claimset_v8; /* v8's: the scope */
	int64_t claimset_version;
	int64_t year;
	int64_t tenant;
	const char *prefixes;
	const char *edorgs;
	const char *stores; /* ods row ids */
	const int64_t *ods;
	size_t ods_count;
	bool all_introspect; /* every ODS of the application asks keyd */
};
/* KERR_NOTFOUND when the client or what it belongs to is not there, KERR_NOMEM. */
enum kerr index_claims(
	struct index *x, int64_t client, struct index_claims *ret) MUST_CHECK;
/* Name and kind (an edorg_kind_word) of an education organization by its tenant and
 * number, for token_info; NULL when unknown. Borrowed like claims. */
const char *index_edorg_name(
	const struct index *x, int64_t tenant, int64_t number, int *ret_kind);
/* The ODS whose api_url is that resource (RFC 8707); 0 when it is none of the client's.
 */
int64_t index_resource(struct index *x, int64_t client, const char *url);

struct index_counts {
	uint64_t clients; /* not revoked */
	uint64_t live;
	uint64_t quarantined; /* clients and secrets */
	uint64_t undelivered; /* secrets sealed or delivered, not yet used */
	uint64_t expiring;    /* live secrets that end within 30 days */
	uint64_t bytes;       /* memory of the index */
};
/* With more than 65,536 clients the numbers may be half a minute old. */
void index_counts(struct index *x, int64_t now, struct index_counts *ret);
/* Tokens of a client that were ended by RFC 7009 and have not expired: at most 64, then
 * no more. */
unsigned index_ended_count(struct index *x, int64_t client, int64_t now);

#endif
