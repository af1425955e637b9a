#include "keyd/parent/doors.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "keyd/parent/config/address.h"
#include "keyd/parent/owner.h"
#include "keyd/role/settings.h"

#define BACKLOG 4096

static const char *
advice_for(int error)
{
	switch (error) {
	case EADDRINUSE:
		return "another program listens there (`ss -ltnp` shows which); stop it "
		       "or "
		       "choose another port";
	case EADDRNOTAVAIL:
		return "this machine has no such address; `ip address` shows those it "
		       "has";
	case EACCES:
		return "ports below 1024 need root or CAP_NET_BIND_SERVICE";
	default:
		return "choose another address";
	}
}

static enum kerr
cannot_listen(const char *text, enum settings_field f, struct fault *fault)
{
	int error = errno;

	return fault_set(fault, error == EADDRINUSE ? KERR_BUSY : KERR_IO,
		settings_row(f)->path, "%s: %s: %s; %s", settings_row(f)->path, text,
		strerror(error), advice_for(error));
}

static enum kerr
listen_on(const char *text, enum settings_field f, int *ret, struct fault *fault)
{
	const int yes = 1;
	struct address a;
	enum kerr err;
	int fd;

	if (address_read(text, &a) != KERR_OK)
		return fault_set(fault, KERR_INVALID, settings_row(f)->path,
			"%s: '%s' is no address", settings_row(f)->path, text);
	fd = socket(a.at.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return cannot_listen(text, f, fault);
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) == 0 &&
		(a.at.any.sa_family != AF_INET6 ||
			setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &yes, sizeof(yes)) ==
				0) &&
		bind(fd, &a.at.any, a.len) == 0 && listen(fd, BACKLOG) == 0) {
		*ret = fd;
		return KERR_OK;
	}
	err = cannot_listen(text, f, fault);
	close(fd);
	return err;
}

static enum kerr
open_door(const struct record *settings, enum settings_field f, int fds[DOORS_MAX],
	unsigned *count, struct fault *fault)
{
	size_t wanted = record_count(settings, f);

	for (size_t i = 0; i < wanted && i < DOORS_MAX; i++) {
		enum kerr err =
			listen_on(record_text_at(settings, f, i), f, &fds[*count], fault);

		if (err != KERR_OK)
			return err;
		(*count)++;
	}
	return KERR_OK;
}

static enum kerr
cannot_socket(const char *path, const char *advice, struct fault *fault)
{
	int error = errno;

	return fault_set(fault, error == EADDRINUSE ? KERR_BUSY : KERR_IO, "admin.socket",
		"admin.socket: %s: %s; %s", path, strerror(error), advice);
}

/* The last directory of the path, made when it is missing; people must pass through it.
 */
static enum kerr
make_directory(const char *path, struct fault *fault)
{
	const char *slash = strrchr(path, '/');
	char directory[108];

	if (!slash || slash == path)
		return KERR_OK;
	snprintf(directory, sizeof(directory), "%.*s", (int)(slash - path), path);
	if (mkdir(directory, 0700) == 0)
		return chmod(directory, 0755) == 0
			       ? KERR_OK
			       : cannot_socket(directory, "look at its rights", fault);
	if (errno == EEXIST)
		return KERR_OK;
	return cannot_socket(directory, "make it, or name another place", fault);
}

/* A socket that a killed keyd left behind is taken away; one that is in use has a locked
 * file beside it. */
static enum kerr
lock_socket(struct doors *d, struct fault *fault)
{
	char path[sizeof(d->socket) + 8];

	snprintf(path, sizeof(path), "%s.lock", d->socket);
	d->lock = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (d->lock < 0)
		return cannot_socket(
			path, "keyd's user must be able to write there", fault);
	if (flock(d->lock, LOCK_EX | LOCK_NB) != 0)
		return fault_set(fault, KERR_BUSY, "admin.socket",
			"admin.socket: another `keyd serve` uses %s; stop that one first "
			"(keyd stop), or name another socket",
			d->socket);
	if (unlink(d->socket) != 0 && errno != ENOENT)
		return cannot_socket(d->socket, "remove it", fault);
	return KERR_OK;
}

/* The umask let it come into the world closed to all others. */
static enum kerr
admit_group(const struct record *settings, const char *path, struct fault *fault)
{
	const char *name = record_text(settings, SETTINGS_SOCKET_GROUP);
	enum kerr err;
	gid_t gid;

	if (!*name)
		return chmod(path, 0600) == 0
			       ? KERR_OK
			       : cannot_socket(path, "look at its rights", fault);
	err = owner_group(name, &gid, fault);
	if (err != KERR_OK)
		return err;
	if (lchown(path, (uid_t)-1, gid) != 0 || chmod(path, 0660) != 0)
		return cannot_socket(path,
			"only root, or a member of the group, can give it to "
			"admin.socket_group",
			fault);
	return KERR_OK;
}

static enum kerr
open_local(const struct record *settings, struct doors *d, struct fault *fault)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	const char *path = record_text(settings, SETTINGS_SOCKET);
	enum kerr err = make_directory(path, fault);

	snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
	snprintf(d->socket, sizeof(d->socket), "%s", path);
	if (err == KERR_OK)
		err = lock_socket(d, fault);
	if (err != KERR_OK) {
		/* It is not ours to take away. */
		d->socket[0] = '\0';
		return err;
	}
	d->local = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (d->local < 0 || bind(d->local, (const struct sockaddr *)&at, sizeof(at)) != 0)
		return cannot_socket(path, "name another place", fault);
	err = admit_group(settings, path, fault);
	if (err == KERR_OK && listen(d->local, BACKLOG) != 0)
		err = cannot_socket(path, "name another place", fault);
	return err;
}

enum kerr
doors_open(const struct record *settings, struct doors *ret, struct fault *fault)
{
	enum kerr err;

	memset(ret, 0, sizeof(*ret));
	ret->local = ret->lock = -1;
	err = open_door(
		settings, SETTINGS_PUBLIC_LISTEN, ret->public, &ret->public_count, fault);
	if (err == KERR_OK)
		err = open_door(settings, SETTINGS_ADMIN_LISTEN, ret->admin,
			&ret->admin_count, fault);
	if (err == KERR_OK)
		err = open_local(settings, ret, fault);
	if (err != KERR_OK)
		doors_close(ret);
	return err;
}

void
doors_close(struct doors *d)
{
	for (unsigned i = 0; i < d->public_count; i++)
		close(d->public[i]);
	for (unsigned i = 0; i < d->admin_count; i++)
		close(d->admin[i]);
	d->public_count = d->admin_count = 0;
	if (d->socket[0])
		unlink(d->socket);
	d->socket[0] = '\0';
	if (d->local >= 0)
		close(d->local);
	if (d->lock >= 0)
		close(d->lock);
	d->local = d->lock = -1;
}
