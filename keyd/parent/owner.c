#include "keyd/parent/owner.h"

#include <grp.h>
#include <pwd.h>
#include <unistd.h>

enum kerr
owner_of(const struct record *settings, enum settings_field f, struct owner *ret,
	struct fault *fault)
{
	const char *path = settings_row(f)->path;
	const char *name = record_text(settings, f);
	const struct passwd *pw;

	if (geteuid() != 0) {
		*ret = (struct owner){.uid = geteuid(), .gid = getegid()};
		return KERR_OK;
	}
	pw = getpwnam(name);
	if (!pw)
		return fault_set(fault, KERR_NOTFOUND, path,
			"%s: there is no user '%s'; make it with systemd-sysusers and "
			"keyd.sysusers, or name another one",
			path, name);
	if (pw->pw_uid == 0 || pw->pw_gid == 0)
		return fault_set(fault, KERR_DENIED, path,
			"%s: '%s' is root or in root's group; name a user that has no "
			"rights",
			path, name);
	*ret = (struct owner){.uid = pw->pw_uid, .gid = pw->pw_gid, .change = true};
	return KERR_OK;
}

enum kerr
owner_check(const struct record *settings, struct fault *fault)
{
	static const enum settings_field users[] = {
		SETTINGS_USER_KEEPER, SETTINGS_USER_FRONT, SETTINGS_USER_COURIER};
	struct owner found[sizeof(users) / sizeof(users[0])];

	for (size_t i = 0; i < sizeof(users) / sizeof(users[0]); i++) {
		enum kerr err = owner_of(settings, users[i], &found[i], fault);

		if (err != KERR_OK)
			return err;
	}
	/* The front must not be able to signal or read what the keeper owns. */
	if (found[0].change &&
		(found[0].uid == found[1].uid || found[0].uid == found[2].uid))
		return fault_set(fault, KERR_DENIED, "users.keeper",
			"users.keeper: front and courier must have other users than the "
			"keeper");
	return KERR_OK;
}

enum kerr
owner_group(const char *name, gid_t *ret, struct fault *fault)
{
	const struct group *gr = getgrnam(name);

	if (!gr)
		return fault_set(fault, KERR_NOTFOUND, "admin.socket_group",
			"admin.socket_group: there is no group '%s'; make it with "
			"groupadd "
			"-r %s, or name another one",
			name, name);
	*ret = gr->gr_gid;
	return KERR_OK;
}
