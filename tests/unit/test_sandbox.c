#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "keyd/role/sandbox.h"

/* Each test forks a child that closes the jail and does one thing. The child's exit
 * status is what the thing returned (0: it worked, else errno); death by SIGSYS means
 * that seccomp killed it. */

#define KILLED     (-1)
#define NOT_JAILED 250

static char inside[] = "/tmp/keyd-sandbox-XXXXXX"; /* the keeper's directory */
static char outside[] = "/tmp/keyd-outside-XXXXXX";
static pid_t tester;
static int listener = -1; /* opened before the jail, as the parent does */

typedef int (*act_fn)(void);

static int
outcome(enum sandbox_role role, act_fn act)
{
	pid_t pid;
	int status;

	tester = getpid();
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		int fd = open(inside, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
		struct sandbox_dir dir = {.fd = fd, .writable = true};
		struct fault fault;

		if (sandbox_enter(role, &dir, role == SANDBOX_KEEPER, &fault) !=
			KERR_OK) {
			fprintf(stderr, "%s\n", fault.text);
			_exit(NOT_JAILED);
		}
		_exit(act());
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	if (WIFSIGNALED(status)) {
		ck_assert_int_eq(WTERMSIG(status), SIGSYS);
		return KILLED;
	}
	ck_assert_int_ne(WEXITSTATUS(status), NOT_JAILED);
	return WEXITSTATUS(status);
}

static int
result(long r)
{
	return r < 0 ? errno : 0;
}

static int
in(const char *dir, const char *name, int flags)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return open(path, flags | O_CLOEXEC, 0600);
}

static int
act_create_inside(void)
{
	return result(in(inside, "database", O_RDWR | O_CREAT));
}

static int
act_create_outside(void)
{
	return result(in(outside, "database", O_RDWR | O_CREAT));
}

static int
act_read_passwd(void)
{
	return result(open("/etc/passwd", O_RDONLY | O_CLOEXEC));
}

static int
act_write_and_remove_inside(void)
{
	char from[128], to[128];
	int fd = in(inside, "journal", O_RDWR | O_CREAT);

	if (fd < 0 || pwrite(fd, "x", 1, 4095) != 1 || fdatasync(fd) != 0 ||
		ftruncate(fd, 10) != 0 || fallocate(fd, 0, 0, 4096) != 0)
		return errno;
	snprintf(from, sizeof(from), "%s/journal", inside);
	snprintf(to, sizeof(to), "%s/journal.new", inside);
	if (rename(from, to) != 0)
		return errno;
	return result(unlink(to));
}

static int
act_socket(void)
{
	return result(socket(AF_INET, SOCK_STREAM, 0));
}

static int
act_unix_socket(void)
{
	return result(socket(AF_UNIX, SOCK_STREAM, 0));
}

static int
act_name_people(void)
{
	for (uid_t uid = 0; uid < 300; uid++)
		(void)getpwuid(uid);
	return 0;
}

static int
act_connect(void)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(9)};

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return result(connect(listener, (struct sockaddr *)&to, sizeof(to)));
}

static int
act_accept(void)
{
	return result(accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC));
}

static int
act_execute(void)
{
	static char *const none[] = {NULL};

	return result(execve("/bin/true", none, none));
}

static int
act_ptrace(void)
{
	return result(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
}

static int
act_bpf(void)
{
	return result(syscall(SYS_bpf, 0, NULL, 0));
}

static int
act_read_another_process(void)
{
	return result(syscall(SYS_process_vm_readv, tester, NULL, 0, NULL, 0, 0));
}

static int
act_chmod(void)
{
	return result(chmod(inside, 0777));
}

static int
act_fork(void)
{
	return result(syscall(SYS_fork));
}

static int
act_make_code(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
		MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? errno : 0;
}

static int
act_what_every_loop_does(void)
{
	int fd = memfd_create("frame", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	void *p = malloc(1 << 20);
	struct stat st;
	int pair;

	if (fd < 0 || !p || write(fd, "x", 1) != 1 || fstat(fd, &st) != 0)
		return errno;
	memset(p, 1, 1 << 20);
	free(p);
	pair = fcntl(fd, F_ADD_SEALS,
		F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);
	return result(pair);
}

static void *
run_thread(void *arg)
{
	*(int *)arg = getpid() > 0 ? 7 : 0;
	return NULL;
}

static int
act_start_thread(void)
{
	pthread_t thread;
	int seen = 0;
	int failed = pthread_create(&thread, NULL, run_thread, &seen);

	if (failed)
		return failed;
	pthread_join(thread, NULL);
	return seen == 7 ? 0 : 99;
}

static int
act_signal_parent(void)
{
	return result(syscall(SYS_tgkill, tester, tester, 0));
}

static void
setup(void)
{
	struct sockaddr_in any = {.sin_family = AF_INET};

	any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_ptr_nonnull(mkdtemp(inside));
	ck_assert_ptr_nonnull(mkdtemp(outside));
	listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(listener, (struct sockaddr *)&any, sizeof(any)), 0);
	ck_assert_int_eq(listen(listener, 1), 0);
}

static void
remove_in(const char *dir, const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	unlink(path);
}

static void
teardown(void)
{
	close(listener);
	remove_in(inside, "database");
	remove_in(outside, "database");
	rmdir(inside);
	rmdir(outside);
}

START_TEST(a_front_that_opens_a_file_dies)
{
	ck_assert_int_eq(outcome(SANDBOX_FRONT, act_read_passwd), KILLED);
	ck_assert_int_eq(outcome(SANDBOX_FRONT, act_create_inside), KILLED);
	ck_assert_int_eq(outcome(SANDBOX_LOCAL_FRONT, act_read_passwd), KILLED);
}
END_TEST

START_TEST(fronts_and_keeper_that_make_a_connection_die)
{
	static const enum sandbox_role roles[] = {
		SANDBOX_FRONT, SANDBOX_LOCAL_FRONT, SANDBOX_KEEPER};

	for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++) {
		ck_assert_int_eq(outcome(roles[i], act_socket), KILLED);
		ck_assert_int_eq(outcome(roles[i], act_unix_socket),
			roles[i] == SANDBOX_KEEPER ? EPERM : KILLED);
		ck_assert_int_eq(outcome(roles[i], act_connect), KILLED);
	}
}
END_TEST

START_TEST(only_network_front_and_keeper_accept)
{
	ck_assert_int_eq(outcome(SANDBOX_FRONT, act_accept), EAGAIN);
	ck_assert_int_eq(outcome(SANDBOX_KEEPER, act_accept), EAGAIN);
	ck_assert_int_eq(outcome(SANDBOX_LOCAL_FRONT, act_accept), EPERM);
	ck_assert_int_eq(outcome(SANDBOX_COURIER, act_accept), EPERM);
}
END_TEST

START_TEST(the_keeper_works_in_its_directory_and_nowhere_else)
{
	ck_assert_int_eq(outcome(SANDBOX_KEEPER, act_create_inside), 0);
	ck_assert_int_eq(outcome(SANDBOX_KEEPER, act_write_and_remove_inside), 0);
	ck_assert_int_eq(outcome(SANDBOX_KEEPER, act_chmod), EPERM);
	if (!sandbox_landlock_abi()) {
		printf("skipped: this kernel has no Landlock\n");
		return;
	}
	ck_assert_int_eq(outcome(SANDBOX_KEEPER, act_create_outside), EACCES);
	ck_assert_int_eq(outcome(SANDBOX_KEEPER, act_read_passwd), EACCES);
}
END_TEST

START_TEST(the_courier_reads_resolver_files_connects_and_writes_nothing)
{
	ck_assert_int_eq(outcome(SANDBOX_COURIER, act_read_passwd), 0);
	ck_assert_int_eq(outcome(SANDBOX_COURIER, act_socket), 0);
	ck_assert_int_eq(outcome(SANDBOX_COURIER, act_unix_socket), EPERM);
	ck_assert_int_eq(outcome(SANDBOX_COURIER, act_create_outside), EPERM);
}
END_TEST

START_TEST(nobody_executes_traces_or_reads_another_process)
{
	for (int role = 0; role < SANDBOX__COUNT; role++) {
		ck_assert_int_eq(outcome((enum sandbox_role)role, act_execute), KILLED);
		ck_assert_int_eq(outcome((enum sandbox_role)role, act_ptrace), KILLED);
		ck_assert_int_eq(outcome((enum sandbox_role)role, act_bpf), KILLED);
		ck_assert_int_eq(
			outcome((enum sandbox_role)role, act_read_another_process),
			KILLED);
	}
}
END_TEST

START_TEST(what_nobody_asked_for_is_refused_without_killing)
{
	ck_assert_int_eq(outcome(SANDBOX_FRONT, act_fork), EPERM);
	ck_assert_int_eq(outcome(SANDBOX_KEEPER, act_fork), EPERM);
	ck_assert_int_eq(outcome(SANDBOX_FRONT, act_make_code), EPERM);
	ck_assert_int_eq(outcome(SANDBOX_KEEPER, act_make_code), EPERM);
}
END_TEST

START_TEST(the_keeper_has_threads_and_a_front_has_not)
{
	ck_assert_int_eq(outcome(SANDBOX_KEEPER, act_start_thread), 0);
	ck_assert_int_eq(outcome(SANDBOX_COURIER, act_start_thread), 0);
	ck_assert_int_ne(outcome(SANDBOX_FRONT, act_start_thread), 0);
}
END_TEST

START_TEST(the_keeper_can_ask_for_names_of_people_without_end)
{
	ck_assert_int_eq(outcome(SANDBOX_KEEPER, act_name_people), 0);
}
END_TEST

START_TEST(every_role_can_still_do_its_work)
{
	for (int role = 0; role < SANDBOX__COUNT; role++)
		ck_assert_int_eq(
			outcome((enum sandbox_role)role, act_what_every_loop_does), 0);
}
END_TEST

START_TEST(a_jailed_process_cannot_signal_those_outside)
{
	if (sandbox_landlock_abi() < 6) {
		printf("skipped: this kernel's Landlock has no scopes\n");
		return;
	}
	ck_assert_int_eq(outcome(SANDBOX_FRONT, act_signal_parent), EPERM);
	ck_assert_int_eq(outcome(SANDBOX_KEEPER, act_signal_parent), EPERM);
}
END_TEST

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;

static void *
wait_at_gate(void *arg)
{
	pthread_mutex_lock(&gate);
	pthread_mutex_unlock(&gate);
	return arg;
}

START_TEST(the_jail_does_not_close_around_a_second_thread)
{
	struct fault fault;
	pthread_t thread;

	pthread_mutex_lock(&gate);
	ck_assert_int_eq(pthread_create(&thread, NULL, wait_at_gate, NULL), 0);
	ck_assert_int_eq(sandbox_enter(SANDBOX_KEEPER, NULL, 0, &fault), KERR_INTERNAL);
	pthread_mutex_unlock(&gate);
	pthread_join(thread, NULL);
}
END_TEST

START_TEST(a_front_is_left_with_at_most_sixty_calls)
{
	ck_assert_uint_le(sandbox_allowed(SANDBOX_FRONT), 60);
	ck_assert_uint_lt(
		sandbox_allowed(SANDBOX_LOCAL_FRONT), sandbox_allowed(SANDBOX_FRONT));
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("sandbox");
	TCase *tc = tcase_create("sandbox");

	tcase_add_test(tc, a_front_is_left_with_at_most_sixty_calls);
	suite_add_tcase(s, tc);
	if (!KEYD_SANDBOX) {
		printf("skipped: built without the sandbox\n");
		return s;
	}
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a_front_that_opens_a_file_dies);
	tcase_add_test(tc, fronts_and_keeper_that_make_a_connection_die);
	tcase_add_test(tc, only_network_front_and_keeper_accept);
	tcase_add_test(tc, the_keeper_works_in_its_directory_and_nowhere_else);
	tcase_add_test(tc, the_courier_reads_resolver_files_connects_and_writes_nothing);
	tcase_add_test(tc, nobody_executes_traces_or_reads_another_process);
	tcase_add_test(tc, what_nobody_asked_for_is_refused_without_killing);
	tcase_add_test(tc, the_keeper_has_threads_and_a_front_has_not);
	tcase_add_test(tc, the_keeper_can_ask_for_names_of_people_without_end);
	tcase_add_test(tc, every_role_can_still_do_its_work);
	tcase_add_test(tc, a_jailed_process_cannot_signal_those_outside);
	tcase_add_test(tc, the_jail_does_not_close_around_a_second_thread);
	return s;
}

int
main(void)
{
	SRunner *r = srunner_create(suite());
	int failed;

	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
