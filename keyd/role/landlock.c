#include "keyd/role/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The kernel's uapi, written down here: the header of Debian 12 ends at ABI 2, and the
 * kernel may be newer. */
#define FS_EXECUTE        (1ULL << 0) /* ABI 1 */
#define FS_WRITE_FILE     (1ULL << 1)
#define FS_READ_FILE      (1ULL << 2)
#define FS_READ_DIR       (1ULL << 3)
#define FS_REMOVE_DIR     (1ULL << 4)
#define FS_REMOVE_FILE    (1ULL << 5)
#define FS_MAKE_DIR       (1ULL << 7)
#define FS_MAKE_REG       (1ULL << 8)
#define FS_REFER          (1ULL << 13) /* ABI 2 */
#define FS_TRUNCATE       (1ULL << 14) /* ABI 3 */
#define FS_IOCTL_DEV      (1ULL << 15) /* ABI 5 */
#define NET_BIND_TCP      (1ULL << 0)  /* ABI 4 */
#define NET_CONNECT_TCP   (1ULL << 1)
#define SCOPE_ABSTRACT    (1ULL << 0) /* ABI 6 */
#define SCOPE_SIGNAL      (1ULL << 1)
#define CREATE_VERSION    (1U << 0)
#define RULE_PATH_BENEATH 1

struct path_beneath_attr {
	uint64_t allowed;
	int32_t parent;
} __attribute__((packed));

struct ruleset_attr {
	uint64_t handled_fs;
	uint64_t handled_net; /* ABI 4 */
	uint64_t scoped;      /* ABI 6 */
};

#define FS_READ (FS_READ_FILE | FS_READ_DIR)
#define FS_FILE_RIGHTS                                                                   \
	(FS_EXECUTE | FS_WRITE_FILE | FS_READ_FILE | FS_TRUNCATE | FS_IOCTL_DEV)
#define FS_KEEP                                                                          \
	(FS_READ | FS_WRITE_FILE | FS_TRUNCATE | FS_MAKE_REG | FS_MAKE_DIR |             \
		FS_REMOVE_FILE | FS_REMOVE_DIR)
#define FS_ABI_1 ((1ULL << 13) - 1)

/* Resolver files are replaced by renaming, so their directories are what has to be named.
 */
static const char *const courier_reads[] = {"/etc", "/usr/share/ca-certificates",
	"/usr/local/share/ca-certificates", "/usr/share/zoneinfo", "/run/systemd/resolve",
	"/run/resolvconf", "/usr/lib", "/lib", "/lib64"};

int
sandbox_landlock_abi(void)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, CREATE_VERSION);

	return abi < 0 ? 0 : (int)abi;
}

static uint64_t
handled_fs(int abi)
{
	uint64_t rights = FS_ABI_1;

	if (abi >= 2)
		rights |= FS_REFER;
	if (abi >= 3)
		rights |= FS_TRUNCATE;
	if (abi >= 5)
		rights |= FS_IOCTL_DEV;
	return rights;
}

static int
new_ruleset(enum sandbox_role role, int abi)
{
	struct ruleset_attr attr = {.handled_fs = handled_fs(abi)};
	size_t size = sizeof(attr.handled_fs);

	if (abi >= 4) {
		attr.handled_net = NET_BIND_TCP;
		if (role != SANDBOX_COURIER)
			attr.handled_net |= NET_CONNECT_TCP;
		size += sizeof(attr.handled_net);
	}
	if (abi >= 6) {
		attr.scoped = SCOPE_ABSTRACT | SCOPE_SIGNAL;
		size += sizeof(attr.scoped);
	}
	return (int)syscall(SYS_landlock_create_ruleset, &attr, size, 0);
}

static bool
allow(int ruleset, int fd, uint64_t rights)
{
	struct path_beneath_attr beneath = {.allowed = rights, .parent = fd};
	struct stat st;

	if (fstat(fd, &st) != 0)
		return false;
	if (!S_ISDIR(st.st_mode))
		beneath.allowed &= FS_FILE_RIGHTS;
	return syscall(SYS_landlock_add_rule, ruleset, RULE_PATH_BENEATH, &beneath, 0) ==
	       0;
}

static bool
allow_courier(int ruleset)
{
	for (size_t i = 0; i < sizeof(courier_reads) / sizeof(courier_reads[0]); i++) {
		int fd = open(courier_reads[i], O_PATH | O_CLOEXEC);
		bool good = fd < 0 || allow(ruleset, fd, FS_READ);

		if (fd >= 0)
			close(fd);
		if (!good)
			return false;
	}
	return true;
}

enum kerr
landlock_enter(enum sandbox_role role, const struct sandbox_dir *dirs, size_t count,
	struct fault *fault)
{
	int abi = sandbox_landlock_abi();
	bool good;
	int ruleset;

	if (!abi)
		return KERR_OK;
	ruleset = new_ruleset(role, abi);
	good = ruleset >= 0;
	for (size_t i = 0; good && i < count; i++)
		good = allow(ruleset, dirs[i].fd,
			(dirs[i].writable ? FS_KEEP : FS_READ) & handled_fs(abi));
	if (good && role == SANDBOX_COURIER)
		good = allow_courier(ruleset);
	if (good)
		good = syscall(SYS_landlock_restrict_self, ruleset, 0) == 0;
	if (!good)
		fault_set(fault, KERR_IO, "", "Landlock (ABI %d): %s", abi,
			strerror(errno));
	if (ruleset >= 0)
		close(ruleset);
	return good ? KERR_OK : KERR_IO;
}
