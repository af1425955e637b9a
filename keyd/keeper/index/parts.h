#ifndef KEYD_KEEPER_INDEX_PARTS_H
#define KEYD_KEEPER_INDEX_PARTS_H

#include "core/buf.h"
#include "core/credential.h"
#include "keyd/keeper/index/idmap.h"
#include "keyd/keeper/index/index.h"
#include "keyd/keeper/index/keymap.h"
#include "keyd/keeper/index/slab.h"

/* What the index is made of, for the files of this folder alone. Rows refer to each other
 * by slot. A row that is referred to before it came, or after it went, is there without
 * being PRESENT. Of clients, secrets, applications and links there may be millions: their
 * structs are packed by hand. */

/* The key's 22 characters behind "kd". */
#define KEY_CHARS (CREDENTIAL_KEY_LEN - 2)

enum index_kind {
	INDEX_TENANT,
	INDEX_VENDOR,
	INDEX_EDORG,
	INDEX_ODS,
	INDEX_CLAIMSET,
	INDEX_APPLICATION,
	INDEX_EDORG_LINK,
	INDEX_ODS_LINK,
	INDEX_CLIENT,
	INDEX_SECRET,
	INDEX_CALLER,
	INDEX_ENDED,
	INDEX_KIND__COUNT
};

enum index_flag {
	INDEX_PRESENT = 1, /* a row was put */
	INDEX_FENCED = 2,  /* not to be used until it is put again */
};

/* How an entry begins that others refer to, but a client. */
struct index_node {
	int64_t id;
	uint32_t refs;
	uint8_t flags;
	uint8_t state;
	uint16_t year; /* of an application */
};

struct index_tenant {
	struct index_node node;
};

struct index_vendor {
	struct index_node node;
	char *prefixes; /* owned, as all texts here */
};

struct index_edorg {
	struct index_node node;
	int64_t name[2]; /* tenant and number, what it is looked up by */
	char *title;
	uint32_t next_named;
	int kind;
};

struct index_ods {
	struct index_node node;
	char *url;
	int mode;
};

struct index_claimset {
	struct index_node node;
	char *name, *v8_name;
};

/* Moments are uint32_t seconds since 1970; the last one, in 2106, stands for never. */
struct index_application {
	struct index_node node;
	uint32_t tenant, vendor, claimset;
	uint32_t links[2]; /* first of INDEX_EDORG_LINK, INDEX_ODS_LINK */
	uint32_t starts, ends;
	uint32_t claimset_version;
};

struct index_link {
	uint32_t application;
	uint32_t target;
	uint32_t next; /* of the application */
};

struct index_client {
	int64_t id;
	uint64_t generation;
	char key[KEY_CHARS];
	uint8_t flags;
	uint8_t state;
	uint32_t application;
	uint32_t secrets; /* first of them */
	uint32_t ended;   /* first ended token */
	uint32_t next_key;
};

struct index_secret {
	int64_t id;
	uint32_t client;
	uint32_t next; /* of the client */
	uint8_t verifier[VAULT_VERIFIER_LEN];
	uint32_t starts, ends;
	uint32_t number;
	uint16_t verifier_key;
	uint8_t state;
	uint8_t flags;
};

struct index_caller {
	int64_t id;
	uint32_t ods;
	uint32_t next_key;
	char key[KEY_CHARS];
	uint8_t flags;
	uint8_t state;
	uint16_t verifier_key;
	uint8_t verifier[VAULT_VERIFIER_LEN];
};

struct index_ended {
	uint32_t client;
	uint32_t next; /* of the client */
	uint64_t generation;
	uint32_t expires;
	uint8_t tag[16];
};

_Static_assert(
	sizeof(struct index_application) == 48 && sizeof(struct index_client) == 56 &&
		sizeof(struct index_secret) == 64 && sizeof(struct index_link) == 12,
	"a client more costs what index.h says");

struct index_table {
	struct slab rows;
	struct idmap ids;
};

/* Verifier keys that secrets name: one, or two after a renewal. */
#define VERIFIERS_MAX 8
struct index_verifier {
	uint32_t secrets;
	uint16_t number;
};

#define DAYS_KEPT 64
struct index_day {
	int64_t day;
	int64_t start;
};

struct index {
	struct vault *vault;
	struct index_table tables[INDEX_KIND__COUNT];
	struct keymap client_keys, caller_keys, edorg_names;
	/* What is verified where there is nothing to verify, so that it takes as long. */
	struct secret *dummy;
	uint8_t dummy_verifier[VAULT_VERIFIER_LEN];
	struct index_verifier verifiers[VERIFIERS_MAX]; /* secrets 0: free */
	struct index_day days[DAYS_KEPT]; /* first moments, by day modulo their number */
	uint64_t changes;
	/* The last answers of index_claims() and index_counts(). */
	struct buf texts;
	int64_t *numbers;
	size_t numbers_room;
	char key[CREDENTIAL_KEY_LEN + 1];
	struct index_counts counts;
	int64_t counted;
	uint64_t counted_changes;
	size_t text_bytes;
};

/* The entry in a slot; slot 0 is nobody's. */
static inline void *
index_at(const struct index *x, enum index_kind kind, uint32_t slot)
{
	return slab_at(&x->tables[kind].rows, slot);
}

/* The slot of an id; 0: none. */
static inline uint32_t
index_find(const struct index *x, enum index_kind kind, int64_t id)
{
	return idmap_find(&x->tables[kind].ids, id);
}

/* Put and not fenced. */
static inline bool
index_is_there(uint8_t flags)
{
	return (flags & (INDEX_PRESENT | INDEX_FENCED)) == INDEX_PRESENT;
}

/* A present client by its id, or NULL. */
const struct index_client *index_client_of(const struct index *x, int64_t id);
/* Its secret of that number, or NULL. */
const struct index_secret *index_secret_of(
	const struct index *x, const struct index_client *c, uint32_t number);
/* Rows are there, and nobody was suspended: dates are not looked at. */
bool index_application_stands(const struct index *x, const struct index_application *a);
bool index_ods_stands(const struct index *x, uint32_t slot);
/* Moments as they are kept, and back. */
uint32_t index_moment(int64_t t);
int64_t index_time(uint32_t moment);

/* The entry of an id, made when it is not there; 0: no memory. */
uint32_t index_want(struct index *x, enum index_kind kind, int64_t id);
/* Gives an entry back that is neither present nor referred to. */
void index_release(struct index *x, enum index_kind kind, uint32_t slot);
/* One that others refer to: want and count, and the opposite. slot 0 is fine. */
uint32_t index_ref(struct index *x, enum index_kind kind, int64_t id);
void index_unref(struct index *x, enum index_kind kind, uint32_t slot);

/* authenticate.c: a secret in canonical form that nobody has; NULL: no slot of the pool
 * is free. */
struct secret *index_dummy_new(void);

/* rows_shared.c: tenants, vendors, organizations, ODS, claimsets. */
enum kerr index_put_shared(
	struct index *x, enum index_kind kind, const struct record *row) MUST_CHECK;
void index_drop_shared(struct index *x, enum index_kind kind, uint32_t slot);
void index_free_texts(struct index *x);
/* rows_application.c */
enum kerr index_put_application(struct index *x, const struct record *row) MUST_CHECK;
void index_drop_application(struct index *x, uint32_t slot);
enum kerr index_put_link(
	struct index *x, enum index_kind kind, const struct record *row) MUST_CHECK;
void index_drop_link(struct index *x, enum index_kind kind, int64_t id, uint32_t slot);
/* rows_client.c */
enum kerr index_put_client(struct index *x, const struct record *row) MUST_CHECK;
void index_drop_client(struct index *x, uint32_t slot);
enum kerr index_put_secret(struct index *x, const struct record *row) MUST_CHECK;
void index_drop_secret(struct index *x, uint32_t slot);
enum kerr index_put_caller(struct index *x, const struct record *row) MUST_CHECK;
void index_drop_caller(struct index *x, uint32_t slot);
enum kerr index_put_ended(struct index *x, const struct record *row) MUST_CHECK;
void index_drop_ended(struct index *x, int64_t id, uint32_t slot);

#endif
