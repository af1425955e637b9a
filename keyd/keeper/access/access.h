#ifndef KEYD_KEEPER_ACCESS_ACCESS_H
#define KEYD_KEEPER_ACCESS_ACCESS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/arena.h"
#include "core/err.h"
#include "keyd/keeper/store/store.h"

/* The one decision function: may this person do this to that. Lists, show and acts, every
 * interface, ask here. */

enum verb {
	VERB_SERVICE, /* init, unseal, status, stop, backup, restore: uid 0 may these and
			 nothing else */
	VERB_READ,
	VERB_MODEL, /* add and change vendors, products, organizations, ODS, applications,
		       years */
	VERB_ISSUE, /* make, deliver and rotate secrets, add clients */
	VERB_SUSPEND,    /* suspend and resume */
	VERB_QUARANTINE, /* within one's scope never needs approval */
	VERB_RELEASE,    /* from quarantine: a state role */
	VERB_REVOKE,
	VERB_PEOPLE, /* operators and roles, tenants */
	VERB_KEYS,   /* seal slots, signing keys, callers, accepting damage, clock */
	VERB_AUDIT,  /* read, verify, export the audit chain */
	VERB__COUNT
};

/* The tenant that a deployment begins with: its people run keyd itself. */
#define ACCESS_HOME_TENANT 1

#define PERSON_ROLES_MAX 16
struct person_role {
	int role;      /* enum role_name_word */
	int64_t scope; /* edorg row id of a hub; 0: everything (of a hub: nothing) */
	int64_t ends;  /* day, inclusive; 0: no end */
};
/* Somebody at the local socket, as the keeper found them itself. */
struct person {
	int64_t operator_id; /* 0: not an operator */
	int64_t tenant;      /* the operator's; 0: not an operator, or keyd itself */
	char name[80];       /* the operator's name, else the user's */
	char user[33];
	int64_t uid;
	char via[64]; /* "local socket" */
	unsigned role_count;
	struct person_role roles[PERSON_ROLES_MAX];
};

/* uid and user name must both match a live operator row; else the person has no roles
 * (KERR_OK all the same). uid 0 never has any. */
enum kerr access_person(struct store_reader *r, int64_t uid, const char *user,
	struct arena *a, struct person *ret) MUST_CHECK;

/* What a decision is about: any of them may be 0. A hub's scope covers an object when one
 * of its education organizations lies at or below the scope, or (reading only) the object
 * belongs to the whole state. */
struct access_object {
	enum table_id table; /* TABLE_deployment (0): keyd itself, for people of the home
				tenant only */
	int64_t tenant;      /* 0: the person's own, as refs_find() and lists have it */
	int64_t application; /* clients and secrets: decided by their application's
				organizations */
	int64_t edorg;       /* row id */
	bool statewide;      /* vendors, products, years, claimsets, ODS */
};
/* Where and when a decision is made. */
struct access_now {
	struct store_reader *reader;
	struct arena *arena;
	int64_t today; /* civil day */
};
/* KERR_OK or KERR_DENIED with a sentence that says which role could. Other errors are the
 * store's. */
enum kerr access_decide(const struct access_now *now, const struct person *who,
	enum verb verb, const struct access_object *object,
	struct fault *fault) MUST_CHECK;

/* For lists: everything, or these edorg rows and what is below; none = denied. */
struct access_scope {
	bool everything;
	unsigned count;
	int64_t edorgs[PERSON_ROLES_MAX];
};
/* What of it the person's roles cover on that civil day. */
void access_scope(const struct person *who, enum verb verb, int64_t today,
	struct access_scope *ret);

#endif
