#ifndef KEYD_PARENT_OWNER_H
#define KEYD_PARENT_OWNER_H

#include <stdbool.h>
#include <sys/types.h>

#include "core/record.h"
#include "keyd/role/settings.h"

/* Whose files and processes are. */
struct owner {
	uid_t uid;
	gid_t gid;
	bool change; /* we are root, and what we make must be given to them */
};

/* The user that a setting of users.* names; when not root, ourselves, whatever it names.
 * KERR_NOTFOUND with what to do; KERR_DENIED for root. */
enum kerr owner_of(const struct record *settings, enum settings_field f,
	struct owner *ret, struct fault *fault) MUST_CHECK;
/* All three users, before anything is opened. */
enum kerr owner_check(const struct record *settings, struct fault *fault) MUST_CHECK;
/* The group of admin.socket_group. KERR_NOTFOUND with what to do. */
enum kerr owner_group(const char *name, gid_t *ret, struct fault *fault) MUST_CHECK;

#endif
