#ifndef KEYD_ROLE_SANDBOX_H
#define KEYD_ROLE_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>

#include "core/err.h"

/* The jail of a process: what the kernel still does for it. Landlock (files, TCP,
 * signals) where the kernel has it, then seccomp: a system call that the role has no use
 * for is refused with EPERM and logged by the kernel; execve, ptrace, bpf and
 * process_vm_* end the process, and so do socket, connect and open where the role has
 * none. */

enum sandbox_role {
	SANDBOX_FRONT, /* accepts; opens nothing, connects nowhere, has no new threads */
	SANDBOX_LOCAL_FRONT, /* the same without accepting */
	SANDBOX_KEEPER, /* files below its directories, threads, accept4; no socket of its
			   own */
	SANDBOX_COURIER, /* connects; reads resolver files and certificate authorities */
	SANDBOX__COUNT
};

/* What of the file system stays reachable, with everything below it. */
struct sandbox_dir {
	int fd;        /* directory, or file when not writable; O_PATH will do; stays the
			  caller's */
	bool writable; /* else files are read and directories listed */
};

/* Closes the jail for good. Before it: loops, TLS contexts, zone data. After it: threads
 * (they inherit it); with a second thread running it fails, since Landlock holds the
 * calling thread only. dirs may be NULL with count 0. KERR_INTERNAL (threads), KERR_IO
 * with what the kernel refused. In a build without KEYD_SANDBOX it does nothing but warn
 * in the log. */
enum kerr sandbox_enter(enum sandbox_role role, const struct sandbox_dir *dirs,
	size_t count, struct fault *fault) MUST_CHECK;

/* How many system calls a role is left with. */
size_t sandbox_allowed(enum sandbox_role role);
/* Landlock's ABI number in this kernel; 0 when it has none. */
int sandbox_landlock_abi(void);

#endif
