#include "keyd/cli/file.h"

#include <errno.h>
#include <fcntl.h>
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

enum kerr
file_create(const char *path, struct new_file *ret, struct fault *fault)
{
	*ret = (struct new_file){.path = path};
	ret->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	return ret->fd >= 0 ? KERR_OK : refuse(path, errno, fault);
}

enum kerr
file_create_beside(const char *path, struct new_file *ret, struct fault *fault)
{
	struct stat st;
	int n;

	*ret = (struct new_file){.path = path, .fd = -1};
	if (lstat(path, &st) == 0)
		return refuse(path, EEXIST, fault);
	n = snprintf(ret->beside, sizeof(ret->beside), "%s.partial-XXXXXX", path);
	if (n < 0 || (size_t)n >= sizeof(ret->beside)) {
		ret->beside[0] = '\0';
		return refuse(path, ENAMETOOLONG, fault);
	}
	ret->fd = mkostemp(ret->beside, O_CLOEXEC);
	if (ret->fd >= 0)
		return KERR_OK;
	n = errno;
	ret->beside[0] = '\0';
	return refuse(path, n, fault);
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

/* The name is on disk when its directory is. */
static int
sync_directory(const char *path)
{
	const char *slash = strrchr(path, '/');
	char directory[4096];
	size_t len = slash ? (size_t)(slash - path) : 0;
	int fd, rc;

	if (len >= sizeof(directory))
		return -1;
	memcpy(directory, path, len);
	directory[len] = '\0';
	fd = open(len     ? directory
		  : slash ? "/"
			  : ".",
		O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	rc = fsync(fd);
	close(fd);
	return rc;
}

enum kerr
file_finish(struct new_file *f, struct fault *fault)
{
	/* link() and not rename(): what came to be there meanwhile stays. */
	if (fsync(f->fd) != 0 || (f->beside[0] && link(f->beside, f->path) != 0) ||
		(f->beside[0] && unlink(f->beside) != 0) || sync_directory(f->path) != 0)
		return refuse(f->path, errno, fault);
	close(f->fd);
	f->fd = -1;
	return KERR_OK;
}

void
file_drop(struct new_file *f)
{
	if (f->fd < 0 || !f->path)
		return;
	close(f->fd);
	f->fd = -1;
	unlink(f->beside[0] ? f->beside : f->path);
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
