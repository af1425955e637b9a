#include "keyd/role/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <seccomp.h>

#include "core/log.h"
#include "keyd/role/landlock.h"

/* Bits of enum sandbox_role. */
#define N    (1u << SANDBOX_FRONT)
#define L    (1u << SANDBOX_LOCAL_FRONT)
#define K    (1u << SANDBOX_KEEPER)
#define C    (1u << SANDBOX_COURIER)
#define NL   (N | L)
#define KC   (K | C)
#define NLK  (N | L | K)
#define NLKC (N | L | K | C)

enum verdict {
	ALLOW,
	KILL,
	ABSENT, /* ENOSYS: libc then takes the older call, whose arguments can be looked
		   at */
};

/* A row allows its call to roles; with a mask only when (argument & mask) == value. */
struct rule {
	int call;
	unsigned roles;
	enum verdict verdict;
	unsigned argument;
	uint64_t mask;
	uint64_t value;
};

#define CALL(name, who)                                                                  \
	{                                                                                \
		.call = SCMP_SYS(name), .roles = (who), .verdict = ALLOW                 \
	}
#define DIE(name, who)                                                                   \
	{                                                                                \
		.call = SCMP_SYS(name), .roles = (who), .verdict = KILL                  \
	}
#define DIE_IF(name, who, n, m, v)                                                       \
	{                                                                                \
		.call = SCMP_SYS(name), .roles = (who), .verdict = KILL,                 \
		.argument = (n), .mask = (m), .value = (v)                               \
	}
#define CALL_IF(name, who, n, m, v)                                                      \
	{                                                                                \
		.call = SCMP_SYS(name), .roles = (who), .verdict = ALLOW,                \
		.argument = (n), .mask = (m), .value = (v)                               \
	}

#define WHOLE    UINT32_MAX /* int arguments: above 32 bits nothing is looked at */
#define THREAD   (CLONE_VM | CLONE_THREAD | CLONE_SIGHAND)
#define CHANGING (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC | O_APPEND)

static const struct rule rules[] = {
	/* channels and connections */
	CALL(read, NLKC), CALL(write, NLKC), CALL(readv, NLKC), CALL(writev, NLKC),
	CALL(close, NLKC), CALL(recvmsg, NLKC), CALL(sendmsg, NLKC), CALL(recvfrom, NLKC),
	CALL(sendto, NLKC), CALL(shutdown, NLKC), CALL(accept4, N | K),
	CALL(getsockopt, NLKC), CALL(setsockopt, NLKC), CALL(getsockname, NLKC),
	CALL(getpeername, NLKC), CALL(fcntl, NLKC),
	CALL_IF(ioctl, NLKC, 1, WHOLE, FIONBIO), CALL_IF(ioctl, NLKC, 1, WHOLE, FIONREAD),
	/* the loop */
	CALL(epoll_wait, NLKC), CALL(epoll_pwait, NLKC), CALL(epoll_ctl, NLKC),
	CALL(poll, NLKC), CALL(epoll_create1, KC), CALL(eventfd2, KC), CALL(pipe2, KC),
	/* memory; none of it turns into code but the courier's resolver libraries */
	CALL_IF(mmap, NLK, 2, PROT_EXEC, 0), CALL(mmap, C),
	CALL_IF(mprotect, NLK, 2, PROT_EXEC, 0), CALL(mprotect, C), CALL(munmap, NLKC),
	CALL(mremap, NLKC), CALL(madvise, NLKC), CALL(brk, NLKC), CALL(mlock, NLKC),
	CALL(munlock, NLKC), CALL(memfd_create, NLKC),
	/* descriptors that are open */
	CALL(fstat, NLKC), CALL_IF(newfstatat, NL, 3, AT_EMPTY_PATH, AT_EMPTY_PATH),
	CALL(newfstatat, KC), CALL(lseek, NLKC), CALL(ftruncate, NLK),
	/* time, chance, oneself */
	CALL(clock_gettime, NLKC), CALL(clock_getres, NLKC), CALL(clock_nanosleep, NLKC),
	CALL(gettimeofday, NLKC), CALL(getrandom, NLKC), CALL(getpid, NLKC),
	CALL(gettid, NLKC), CALL(getuid, NLKC), CALL(geteuid, NLKC), CALL(getgid, NLKC),
	CALL(getegid, NLKC), CALL(getrusage, NLKC),
	CALL_IF(prlimit64, NLKC, 2, UINT64_MAX, 0),
	CALL_IF(prctl, NLKC, 0, WHOLE, PR_SET_NAME), CALL(adjtimex, K),
	CALL(clock_adjtime, K), CALL(sysinfo, KC), CALL(uname, KC),
	/* threads, signals, the end */
	CALL(futex, NLKC), CALL(sched_yield, NLKC), CALL(sched_getaffinity, NLKC),
	CALL_IF(clone, KC, 0, THREAD, THREAD),
	{.call = SCMP_SYS(clone3), .roles = NLKC, .verdict = ABSENT},
	CALL(set_robust_list, KC), CALL(rseq, KC), CALL(rt_sigaction, NLKC),
	CALL(rt_sigprocmask, NLKC), CALL(rt_sigreturn, NLKC), CALL(sigaltstack, NLKC),
	CALL(restart_syscall, NLKC), CALL(tgkill, NLKC), CALL(exit, NLKC),
	CALL(exit_group, NLKC),
	/* files of the keeper: database, keyring, sink */
	CALL(openat, K), CALL(open, K), CALL(pread64, KC), CALL(pwrite64, K),
	CALL(preadv, K), CALL(pwritev, K), CALL(fsync, K), CALL(fdatasync, K),
	CALL(fallocate, K), CALL(flock, K), CALL(unlink, K), CALL(unlinkat, K),
	CALL(rename, K), CALL(renameat, K), CALL(renameat2, K), CALL(mkdir, K),
	CALL(mkdirat, K), CALL(rmdir, K), CALL(fchmod, K), CALL(statfs, K),
	CALL(fstatfs, K), CALL(msync, K), CALL(getcwd, K), CALL(stat, KC),
	CALL(lstat, KC), CALL(access, KC), CALL(faccessat, KC), CALL(faccessat2, KC),
	CALL(readlink, KC), CALL(readlinkat, KC), CALL(getdents64, KC),
	/* what the courier reads, and where it goes */
	CALL_IF(openat, C, 2, CHANGING, 0), CALL_IF(open, C, 1, CHANGING, 0),
	CALL_IF(socket, C, 0, WHOLE, AF_INET), CALL_IF(socket, C, 0, WHOLE, AF_INET6),
	CALL_IF(socket, C, 0, WHOLE, AF_NETLINK), CALL(connect, C), CALL(bind, C),
	CALL(socketpair, C), CALL(sendmmsg, C), CALL(ppoll, C),
	/* what nobody does by mistake */
	DIE(execve, NLKC), DIE(execveat, NLKC), DIE(ptrace, NLKC), DIE(bpf, NLKC),
	DIE(process_vm_readv, NLKC), DIE(process_vm_writev, NLKC), DIE(socket, NL),
	DIE(connect, NLK), DIE(bind, NLK), DIE(listen, NLKC), DIE(open, NL),
	DIE(openat, NL), DIE(openat2, NLKC), DIE(creat, NL | C),
	/* Every family (all are below 64) but AF_UNIX, which is 1: when the keeper asks
	 * for a person's name, libc tries nscd's socket now and then, and is only
	 * refused. */
	DIE_IF(socket, K, 0, 2, 2), DIE_IF(socket, K, 0, 4, 4),
	DIE_IF(socket, K, 0, 8, 8), DIE_IF(socket, K, 0, 16, 16),
	DIE_IF(socket, K, 0, 32, 32)};

#define RULES (sizeof(rules) / sizeof(rules[0]))

size_t
sandbox_allowed(enum sandbox_role role)
{
	unsigned bit = 1u << role;
	size_t count = 0;

	for (size_t i = 0; i < RULES; i++) {
		bool again = false;

		for (size_t j = 0; j < i; j++)
			again |= rules[j].call == rules[i].call && rules[j].roles & bit;
		count += rules[i].verdict == ALLOW && rules[i].roles & bit && !again;
	}
	return count;
}

#if KEYD_SANDBOX

static uint32_t
action(enum verdict verdict)
{
	switch (verdict) {
	case ALLOW:
		return SCMP_ACT_ALLOW;
	case KILL:
		return SCMP_ACT_KILL_PROCESS;
	case ABSENT:
		return SCMP_ACT_ERRNO(ENOSYS);
	}
	return SCMP_ACT_KILL_PROCESS;
}

static int
add_rule(scmp_filter_ctx filter, const struct rule *rule)
{
	struct scmp_arg_cmp only = {.arg = rule->argument,
		.op = SCMP_CMP_MASKED_EQ,
		.datum_a = rule->mask,
		.datum_b = rule->value};

	return seccomp_rule_add_array(
		filter, action(rule->verdict), rule->call, rule->mask ? 1 : 0, &only);
}

static enum kerr
seccomp_enter(enum sandbox_role role, struct fault *fault)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int failed = filter ? 0 : -ENOMEM;

	for (size_t i = 0; failed == 0 && i < RULES; i++) {
		if (rules[i].roles & (1u << role))
			failed = add_rule(filter, &rules[i]);
	}
	if (failed == 0)
		failed = seccomp_attr_set(
			filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	/* A search tree instead of a list: the front passes here on every read and write.
	 */
	if (failed == 0)
		failed = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	/* A kernel without the log flag is no reason to go unjailed. */
	if (failed == 0)
		(void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_LOG, 1);
	if (failed == 0)
		failed = seccomp_load(filter);
	seccomp_release(filter);
	if (failed)
		return fault_set(fault, KERR_IO, "", "seccomp: %s", strerror(-failed));
	return KERR_OK;
}

/* A process's task directory has a link for each thread, and two of its own. */
static bool
is_alone(void)
{
	struct stat st;

	return stat("/proc/self/task", &st) != 0 || st.st_nlink <= 3;
}

enum kerr
sandbox_enter(enum sandbox_role role, const struct sandbox_dir *dirs, size_t count,
	struct fault *fault)
{
	enum kerr err;

	if (!is_alone())
		return fault_set(fault, KERR_INTERNAL, "",
			"the jail must close before other threads start");
	/* Both need it, and a test or a role that came here on another way may lack it.
	 */
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return fault_set(fault, KERR_IO, "", "no_new_privs: %s", strerror(errno));
	err = landlock_enter(role, dirs, count, fault);
	return err == KERR_OK ? seccomp_enter(role, fault) : err;
}

#else

enum kerr
sandbox_enter(enum sandbox_role role, const struct sandbox_dir *dirs, size_t count,
	struct fault *fault)
{
	(void)role;
	(void)dirs;
	(void)count;
	(void)fault;
	log_event(LOG_WARN, "built-without-sandbox", "", NULL, 0);
	return KERR_OK;
}

#endif
