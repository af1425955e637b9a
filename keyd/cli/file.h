#ifndef KEYD_CLI_FILE_H
#define KEYD_CLI_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

/* New files that only their owner can read. One that is there already is never touched,
 * and what was not finished is not there, however this process ends. */

struct new_file {
	const char *path;
	int fd;            /* -1: none */
	char beside[4096]; /* where it is written on a file system that needs a name; "":
			      without one */
};

/* To be given its name when it is whole. KERR_EXISTS and others with *fault. */
enum kerr file_create(
	const char *path, struct new_file *ret, struct fault *fault) MUST_CHECK;
enum kerr file_write(struct new_file *f, const void *bytes, size_t len,
	struct fault *fault) MUST_CHECK;
/* On disk, with its name. KERR_EXISTS: it was taken meanwhile. */
enum kerr file_finish(struct new_file *f, struct fault *fault) MUST_CHECK;
void file_drop(struct new_file *f); /* takes it away; fine when there is none */

/* Opens what is there. *ret_len: its length. */
enum kerr file_open(
	const char *path, int *ret_fd, uint64_t *ret_len, struct fault *fault) MUST_CHECK;

#endif
