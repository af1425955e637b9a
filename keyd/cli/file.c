#include "keyd/cli/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static enum kerr
refuse(const char *path, int error, struct fault *fault)
{
	enum kerr err = error == EEXIST                     ? KERR_EXISTS
			: error == ENOENT                   ? KERR_NOTFOUND
			: error == EACCES || error == EPERM ? KERR_DENIED
			: error == ENOSPC                   ? KERR_FULL
							    : KERR_IO;

	if (error == EEXIST)
		return fault_set(
			fault, err, "", "%.200s is there already: name a new file", path);
	return fault_set(fault, err, "", "%.200s: %s", path, strerror(error));
}

/* The directory part of a path into out; false when it is too long. */
static bool
directory_of(const char *path, char *out, size_t size)
{
	const char *slash = strrchr(path, '/');
	size_t len = slash ? (size_t)(slash - path) : 0;

	if (len >= size || size < 2)
		return false;
	if (!len) {
		out[0] = slash ? '/' : '.';
		out[1] = '\0';
		return true;
	}
	memcpy(out, path, len);
	out[len] = '\0';
	return true;
}

/* Under a name beside it: for file systems without O_TMPFILE. */
static enum kerr
create_beside(struct new_file *f, struct fault *fault)
{
	int n = snprintf(f->beside, sizeof(f->beside), "%s.partial-XXXXXX", f->path);

	if (n < 0 || (size_t)n >= sizeof(f->beside)) {
		f->beside[0] = '\0';
		return refuse(f->path, ENAMETOOLONG, fault);
	}
	f->fd = mkostemp(f->beside, O_CLOEXEC);
	if (f->fd >= 0)
		return KERR_OK;
	n = errno;
	f->beside[0] = '\0';
	return refuse(f->path, n, fault);
}

enum kerr
file_create(const char *path, struct new_file *ret, struct fault *fault)
{
	char directory[4096];
	struct stat st;

	*ret = (struct new_file){.path = path, .fd = -1};
	if (lstat(path, &st) == 0)
		return refuse(path, EEXIST, fault);
	if (!directory_of(path, directory, sizeof(directory)))
		return refuse(path, ENAMETOOLONG, fault);
	ret->fd = open(directory, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
	if (ret->fd >= 0)
		return KERR_OK;
	if (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL)
		return refuse(path, errno, fault);
	return create_beside(ret, fault);
}

enum kerr
file_write(struct new_file *f, const void *bytes, size_t len, struct fault *fault)
{
	const char *p = bytes;

	while (len) {
		ssize_t n = write(f->fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return refuse(f->path, errno, fault);
		p += n;
		len -= (size_t)n;
	}
	return KERR_OK;
}

/* link() and not rename(): what came to be there meanwhile stays. */
static int
give_name(const struct new_file *f)
{
	char name[64];

	if (f->beside[0])
		return link(f->beside, f->path) != 0 ? -1 : unlink(f->beside);
	snprintf(name, sizeof(name), "/proc/self/fd/%d", f->fd);
	return linkat(AT_FDCWD, name, AT_FDCWD, f->path, AT_SYMLINK_FOLLOW);
}

/* The name is on disk when its directory is. */
static int
sync_directory(const char *path)
{
	char directory[4096];
	int fd, rc;

	if (!directory_of(path, directory, sizeof(directory)))
		return -1;
	fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	rc = fsync(fd);
	close(fd);
	return rc;
}

enum kerr
file_finish(struct new_file *f, struct fault *fault)
{
	if (fsync(f->fd) != 0 || give_name(f) != 0 || sync_directory(f->path) != 0)
		return refuse(f->path, errno, fault);
	close(f->fd);
	f->fd = -1;
	return KERR_OK;
}

void
file_drop(struct new_file *f)
{
	if (f->fd < 0)
		return;
	close(f->fd);
	f->fd = -1;
	if (f->beside[0])
		unlink(f->beside);
}

enum kerr
file_open(const char *path, int *ret_fd, uint64_t *ret_len, struct fault *fault)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return refuse(path, errno, fault);
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return fault_set(fault, KERR_INVALID, "", "%.200s is not a file", path);
	}
	*ret_fd = fd;
	*ret_len = (uint64_t)st.st_size;
	return KERR_OK;
}
