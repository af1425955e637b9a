#ifndef KEYD_ROLE_LANDLOCK_H
#define KEYD_ROLE_LANDLOCK_H

#include "keyd/role/sandbox.h"

/* The kernel's Landlock, by system call: libc has no functions for it. For sandbox.c
 * alone. */

/* Leaves this thread, and those it starts, the given directories, the role's own files
 * and nothing else; no TCP but the courier's connections; no signals to and no abstract
 * sockets of processes outside. What the kernel's version of it does not know is left
 * out; without Landlock nothing happens. KERR_IO. */
enum kerr landlock_enter(enum sandbox_role role, const struct sandbox_dir *dirs,
	size_t count, struct fault *fault) MUST_CHECK;

#endif
