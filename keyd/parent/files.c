#include "keyd/parent/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "keyd/parent/owner.h"

#define LOCK_TRIES                                                                       \
	20 /* a tenth of a second each: the children of a killed parent end within it */
#define PATH_ROOM 320

/* "seal.key_file: /x: Permission denied; …" */
static enum kerr
cannot(struct fault *fault, enum settings_field f, const char *path, const char *advice)
{
	int error = errno;

	return fault_set(fault, error == ENOENT ? KERR_NOTFOUND : KERR_IO,
		settings_row(f)->path, "%s: %s: %s; %s", settings_row(f)->path, path,
		strerror(error), advice);
}

static enum kerr
give(int fd, const struct owner *owner, enum settings_field f, const char *path,
	struct fault *fault)
{
	if (owner->change && fchown(fd, owner->uid, owner->gid) != 0)
		return cannot(fault, f, path, "give it to the keeper's user");
	return KERR_OK;
}

/* What only its owner may open, root without CAP_DAC_OVERRIDE opens in the owner's name.
 */
static int
open_as(const struct owner *owner, const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC);
	int error;

	if (fd >= 0 || errno != EACCES || !owner->change)
		return fd;
	if (setegid(owner->gid) == 0 && seteuid(owner->uid) == 0)
		fd = open(path, flags | O_CLOEXEC);
	error = errno;
	if (seteuid(0) != 0 || setegid(0) != 0)
		abort(); /* half a user is nobody to go on as */
	errno = error;
	return fd;
}

/* Opens the directory; makes it, with its last part only, when it is missing. */
static enum kerr
open_directory(const struct record *settings, enum settings_field f,
	const struct owner *owner, int *ret, struct fault *fault)
{
	const char *path = record_text(settings, f);
	bool made = mkdir(path, 0700) == 0;
	enum kerr err = KERR_OK;
	int fd;

	if (!made && errno != EEXIST)
		return cannot(fault, f, path,
			"make the directories above it, or name another place");
	fd = open_as(owner, path, O_RDONLY | O_DIRECTORY | (made ? O_NOFOLLOW : 0));
	if (fd < 0)
		return cannot(fault, f, path,
			"it must be a directory that keyd's user can read");
	if (made)
		err = give(fd, owner, f, path, fault);
	if (err != KERR_OK) {
		close(fd);
		return err;
	}
	*ret = fd;
	return KERR_OK;
}

/* An empty directory of root's is what `mkdir` as root leaves: it becomes the keeper's.
 * Anything else must be so. */
static enum kerr
check_private(int fd, const struct owner *owner, enum settings_field f, const char *path,
	struct fault *fault)
{
	const char *name = settings_row(f)->path;
	struct stat st;

	if (fstat(fd, &st) != 0)
		return cannot(fault, f, path, "look at the file system");
	if (owner->change && st.st_uid == 0) {
		enum kerr err = give(fd, owner, f, path, fault);

		if (err != KERR_OK)
			return err;
	} else if (st.st_uid != owner->uid) {
		return fault_set(fault, KERR_DENIED, name,
			"%s: %s belongs to user %u; chown it to user %u, as whom the "
			"keeper "
			"runs",
			name, path, (unsigned)st.st_uid, (unsigned)owner->uid);
	}
	if (st.st_mode & 077)
		return fault_set(fault, KERR_DENIED, name,
			"%s: others may read or write %s; chmod go= %s", name, path,
			path);
	return KERR_OK;
}

static enum kerr
lock(int fd, const char *path, struct fault *fault)
{
	const struct timespec wait = {.tv_nsec = 100000000};

	for (int i = 0; i < LOCK_TRIES; i++) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			return KERR_OK;
		if (errno != EWOULDBLOCK && errno != EINTR)
			return cannot(fault, SETTINGS_STATE_DIRECTORY, path,
				"the state must lie on a local file system");
		nanosleep(&wait, NULL);
	}
	return fault_set(fault, KERR_BUSY, "state_directory",
		"state_directory: another `keyd serve` uses %s; stop that one first "
		"(keyd "
		"stop)",
		path);
}

enum kerr
files_state(const struct record *settings, int *ret, struct fault *fault)
{
	const enum settings_field f = SETTINGS_STATE_DIRECTORY;
	const char *path = record_text(settings, f);
	struct owner owner;
	int fd = -1;
	enum kerr err = owner_of(settings, SETTINGS_USER_KEEPER, &owner, fault);

	if (err == KERR_OK)
		err = open_directory(settings, f, &owner, &fd, fault);
	if (err == KERR_OK)
		err = check_private(fd, &owner, f, path, fault);
	if (err == KERR_OK)
		err = lock(fd, path, fault);
	if (err == KERR_OK)
		*ret = fd;
	else if (fd >= 0)
		close(fd);
	return err;
}

enum kerr
files_sink(const struct record *settings, int *ret, struct fault *fault)
{
	struct owner owner;
	enum kerr err = owner_of(settings, SETTINGS_USER_KEEPER, &owner, fault);

	if (err == KERR_OK)
		err = open_directory(settings, SETTINGS_AUDIT_SINK, &owner, ret, fault);
	return err;
}

/* A key file on a file system that is read-only by now still opens; only making a slot
 * writes it. */
static int
open_key_file(const struct owner *owner, const char *path, bool *ret_made)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	*ret_made = fd >= 0;
	if (fd < 0 && errno == EEXIST)
		fd = open_as(owner, path, O_RDWR | O_NONBLOCK);
	if (fd < 0 && errno == EROFS)
		fd = open_as(owner, path, O_RDONLY | O_NONBLOCK);
	return fd;
}

enum kerr
files_seal_key(const struct record *settings, int *ret, struct fault *fault)
{
	const enum settings_field f = SETTINGS_SEAL_KEY_FILE;
	const char *path = record_text(settings, f);
	struct owner owner;
	bool made;
	enum kerr err;
	int fd;

	*ret = -1;
	if (!*path)
		return KERR_OK;
	err = owner_of(settings, SETTINGS_USER_KEEPER, &owner, fault);
	if (err != KERR_OK)
		return err;
	fd = open_key_file(&owner, path, &made);
	if (fd < 0)
		return cannot(fault, f, path,
			"its directory must be there (and mounted), and keyd's user must "
			"reach it");
	err = made ? give(fd, &owner, f, path, fault)
		   : check_private(fd, &owner, f, path, fault);
	if (err == KERR_OK)
		*ret = fd;
	else
		close(fd);
	return err;
}

enum kerr
files_credential(int *ret, struct fault *fault)
{
	const char *directory = getenv("CREDENTIALS_DIRECTORY");
	char path[PATH_ROOM];
	int n;

	*ret = -1;
	if (!directory || !*directory)
		return KERR_OK;
	n = snprintf(path, sizeof(path), "%s/keyd-seal-key", directory);
	if (n < 0 || (size_t)n >= sizeof(path))
		return fault_set(fault, KERR_INVALID, "",
			"CREDENTIALS_DIRECTORY: the path is too long");
	*ret = open(path, O_RDONLY | O_CLOEXEC);
	if (*ret < 0 && errno != ENOENT)
		return fault_set(fault, KERR_IO, "",
			"%s: %s; see LoadCredential= in the unit", path, strerror(errno));
	return KERR_OK;
}

static enum kerr
open_file(const struct record *settings, enum settings_field f, int *ret,
	struct fault *fault)
{
	const char *path = record_text(settings, f);
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0 || fstat(fd, &st) != 0) {
		enum kerr err = cannot(fault, f, path,
			"put the PEM file there, readable by the user who starts keyd, "
			"or "
			"name another one");

		if (fd >= 0)
			close(fd);
		return err;
	}
	if (f == SETTINGS_TLS_KEY && (st.st_mode & S_IRWXO)) {
		close(fd);
		return fault_set(fault, KERR_DENIED, "tls.key",
			"tls.key: everybody may read %s; chmod o= %s", path, path);
	}
	*ret = fd;
	return KERR_OK;
}

enum kerr
files_tls(const struct record *settings, int *ret_certificate, int *ret_key,
	struct fault *fault)
{
	int certificate = -1;
	enum kerr err = open_file(settings, SETTINGS_CERTIFICATE, &certificate, fault);

	if (err != KERR_OK)
		return err;
	err = open_file(settings, SETTINGS_TLS_KEY, ret_key, fault);
	if (err == KERR_OK)
		*ret_certificate = certificate;
	else
		close(certificate);
	return err;
}

enum kerr
files_syslog(const struct record *settings, int *ret, struct fault *fault)
{
	static const struct sockaddr_un log = {
		.sun_family = AF_UNIX, .sun_path = "/dev/log"};
	int fd;

	*ret = -1;
	if (!record_int(settings, SETTINGS_SYSLOG))
		return KERR_OK;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&log, sizeof(log)) != 0) {
		enum kerr err = cannot(fault, SETTINGS_SYSLOG, log.sun_path,
			"start the system's log, or set audit.syslog to false");

		if (fd >= 0)
			close(fd);
		return err;
	}
	*ret = fd;
	return KERR_OK;
}

int
files_again(int fd)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, O_RDONLY | O_CLOEXEC);
}
