/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a confined process cannot do, and what it still can. Each act is tried in a process of its
 * own, and free too: what fails there proves nothing.
 */
#include "fs/confine.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/keyctl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "fs/daemon.h"
#include "tests/unit/scratch.h"
#include "tests/unit/suite.h"

static const char *at(const char *name)
{
	return vt_scratch_path(name);
}

static void make_file(const char *name)
{
	int fd = open(at(name), O_WRONLY | O_CREAT, 0644);

	ck_assert_int_ge(fd, 0);
	(void) close(fd);
}

/* A store, and a folder beside it. */
static void begin(void)
{
	(void) vt_scratch();
	ck_assert_int_eq(mkdir(at("store"), 0755), 0);
	ck_assert_int_eq(mkdir(at("store/tmp"), 0755), 0);
	ck_assert_int_eq(mkdir(at("store/shards"), 0755), 0);
	ck_assert_int_eq(mkdir(at("beside"), 0755), 0);
	ck_assert_int_eq(mkdir(at("source"), 0755), 0);
	ck_assert_int_eq(mkdir(at("scratch"), 0755), 0);
	make_file("store/file");
	make_file("beside/file");
	make_file("source/file");
}

static void confine(struct vt_confinement *out)
{
	const struct vt_bounds bounds = {.store = at("store"), .serves = true};

	vt_confine(&bounds, out);
}

/* As who publishes a folder, and sorts in another one. */
static void confine_publisher(struct vt_confinement *out)
{
	char store[PATH_MAX], scratch[PATH_MAX], source[PATH_MAX];
	const char *const readable[] = {"-", source, "/proc/self/fd/0"};
	const struct vt_bounds bounds = {
		.store = store, .scratch = scratch, .readable = readable, .readable_count = 3};

	strcpy(store, at("store"));
	strcpy(scratch, at("scratch"));
	strcpy(source, at("source"));
	vt_confine(&bounds, out);
}

/* 0, or the errno of `act`: in another process, after `prepare`, which may be NULL. */
static int try_after(void (*prepare)(struct vt_confinement *), int (*act)(void))
{
	struct vt_confinement confinement;
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		if (prepare)
			prepare(&confinement);
		_exit(act() < 0 ? errno : 0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFEXITED(status), "ended by signal %d", WTERMSIG(status));
	return WEXITSTATUS(status);
}

static int try(int (*act)(void), bool confined)
{
	return try_after(confined ? confine : NULL, act);
}

static struct vt_confinement in_force(void)
{
	struct vt_confinement confinement;
	int ends[2];
	pid_t pid;

	ck_assert_int_eq(pipe(ends), 0);
	pid = fork();
	if (pid == 0) {
		confine(&confinement);
		_exit(write(ends[1], &confinement, sizeof confinement) < 0);
	}
	ck_assert_int_eq(read(ends[0], &confinement, sizeof confinement), sizeof confinement);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	return confinement;
}

static bool is_in_force(const char *what)
{
	struct vt_confinement confinement = in_force();

	return strstr(confinement.holds, what) != NULL;
}

struct act {
	const char *name;
	int (*act)(void);
};

static void check_refused(const struct act *acts, size_t count, int code)
{
	size_t proven = 0;

	for (size_t i = 0; i < count; i++) {
		int r = try(acts[i].act, true);

		ck_assert_msg(r == code, "%s: %s", acts[i].name, strerror(r));
		proven += try(acts[i].act, false) != code;
	}
	ck_assert_uint_gt(proven, geteuid() == 0 ? count / 2 : 0);
}

static void check_allowed(const struct act *acts, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		int r = try(acts[i].act, true);

		ck_assert_msg(r == 0, "%s: %s", acts[i].name, strerror(r));
	}
}

#define ACT(name, expression)                                                                      \
	static int name(void)                                                                      \
	{                                                                                          \
		return (int) (expression);                                                         \
	}
#define ROW(name)                                                                                  \
	{                                                                                          \
#name, name                                                                        \
	}
#define COUNT(rows) (sizeof(rows) / sizeof *(rows))

START_TEST(what_the_kernel_has_is_in_force)
{
	struct vt_confinement confinement;
	char words[32];
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, 1);

	begin();
	confinement = in_force();
	if (abi >= 2) {
		(void) snprintf(words, sizeof words, "landlock %ld", abi);
		ck_assert_msg(strstr(confinement.holds, words) != NULL, "%s", confinement.lacks);
	}
	if (prctl(PR_GET_SECCOMP) == 0)
		ck_assert_msg(strstr(confinement.holds, "seccomp") != NULL, "%s",
			      confinement.lacks);
	vt_scratch_done();
}
END_TEST

/* ---- files ----------------------------------------------------------------------------------- */

ACT(read_beside, open(at("beside/file"), O_RDONLY))
ACT(list_beside, open(at("beside"), O_RDONLY | O_DIRECTORY))
ACT(write_beside, open(at("beside/file"), O_WRONLY))
ACT(create_beside, open(at("beside/new"), O_WRONLY | O_CREAT, 0600))
ACT(remove_beside, unlink(at("beside/file")))
ACT(make_folder_beside, mkdir(at("beside/folder"), 0700))
ACT(change_the_user_database, open("/etc/passwd", O_WRONLY))
ACT(write_to_the_kernel, open("/proc/sys/kernel/core_pattern", O_WRONLY))
ACT(make_a_link, symlink("/etc/shadow", at("store/link")))
ACT(make_a_fifo, mkfifo(at("store/fifo"), 0600))
ACT(execute_a_shell, execl("/bin/sh", "sh", "-c", "exit 0", NULL))
ACT(look_at_a_device, open("/dev/kmsg", O_RDONLY))

ACT(link_in, link(at("beside/file"), at("store/loot")))
ACT(move_out, rename(at("store/file"), at("beside/stolen")))

static bool is_refusal(int code)
{
	return code == EACCES || code == EPERM || code == EXDEV;
}

static int execute_from_the_store(void)
{
	int fd = open(at("store/program"), O_WRONLY | O_CREAT, 0700);

	(void) !write(fd, "#!/proc/self/exe\n", 17);
	(void) close(fd);
	return execl(at("store/program"), "program", NULL);
}

START_TEST(no_file_outside_of_the_store_is_changed_and_few_are_read)
{
	static const struct act acts[] = {
		ROW(read_beside),
		ROW(list_beside),
		ROW(write_beside),
		ROW(create_beside),
		ROW(make_folder_beside),
		ROW(change_the_user_database),
		ROW(write_to_the_kernel),
		ROW(make_a_link),
		ROW(make_a_fifo),
		ROW(execute_a_shell),
		ROW(execute_from_the_store),
		ROW(look_at_a_device),
		ROW(link_in),
		ROW(move_out),
		ROW(remove_beside),
	};

	begin();
	for (size_t i = 0; is_in_force("landlock") && i < COUNT(acts); i++) {
		int r = try(acts[i].act, true);

		ck_assert_msg(is_refusal(r), "%s: %s", acts[i].name, strerror(r));
	}
	for (size_t i = 0; geteuid() == 0 && i < COUNT(acts); i++) {
		int r = try(acts[i].act, false);

		ck_assert_msg(!is_refusal(r), "%s: %s, free", acts[i].name, strerror(r));
	}
	vt_scratch_done();
}
END_TEST

ACT(create, open(at("store/new"), O_RDWR | O_CREAT | O_EXCL, 0600))
ACT(empty, open(at("store/file"), O_WRONLY | O_TRUNC))
ACT(shorten, truncate(at("store/file"), 0))
ACT(remove_made, unlink(at("store/new")))
ACT(list, open(at("store"), O_RDONLY | O_DIRECTORY))
ACT(make_folder, mkdir(at("store/folder"), 0700))
ACT(remove_folder, rmdir(at("store/folder")))
ACT(move_on, rename(at("store/new"), at("store/shards/new")))
ACT(link_on, link(at("store/shards/new"), at("store/tmp/new")))
ACT(remove_file, unlink(at("store/tmp/new")))
ACT(read_memory, open("/proc/self/statm", O_RDONLY))
ACT(read_memory_of_all, open("/proc/meminfo", O_RDONLY))
ACT(read_processors, open("/sys/devices/system/cpu/online", O_RDONLY))
ACT(write_to_nowhere, open("/dev/null", O_RDWR))

static int listen_in_the_store(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	(void) snprintf(address.sun_path, sizeof address.sun_path, "%s", at("store/socket"));
	return fd < 0 || bind(fd, (struct sockaddr *) &address, sizeof address) < 0 ? -1
										    : listen(fd, 1);
}

START_TEST(all_is_possible_inside_of_the_store)
{
	static const struct act acts[] = {
		ROW(create),
		ROW(empty),
		ROW(shorten),
		ROW(list),
		ROW(make_folder),
		ROW(remove_folder),
		ROW(move_on),
		ROW(link_on),
		ROW(remove_file),
		ROW(read_memory),
		ROW(read_memory_of_all),
		ROW(read_processors),
		ROW(write_to_nowhere),
		ROW(listen_in_the_store),
	};

	begin();
	check_allowed(acts, COUNT(acts));
	vt_scratch_done();
}
END_TEST

ACT(read_source, open(at("source/file"), O_RDONLY))
ACT(list_source, open(at("source"), O_RDONLY | O_DIRECTORY))
ACT(write_source, open(at("source/file"), O_WRONLY))
ACT(create_in_source, open(at("source/new"), O_WRONLY | O_CREAT, 0600))
ACT(remove_from_source, unlink(at("source/file")))
ACT(sort, open(at("scratch/new"), O_RDWR | O_CREAT | O_EXCL, 0600))
ACT(end_sorting, unlink(at("scratch/new")))
ACT(read_input, open("/proc/self/fd/0", O_RDONLY))

static int execute_itself(void)
{
	extern char **environ;
	char *const argv[] = {(char *) "test_confine", (char *) "again", NULL};
	int status = 1;
	pid_t pid;

	errno = posix_spawn(&pid, "/proc/self/exe", NULL, NULL, argv, environ);
	return errno == 0 && waitpid(pid, &status, 0) == pid && status == 0 ? 0 : -1;
}

START_TEST(who_publishes_reads_what_is_published_and_executes_nothing)
{
	static const struct act can[] = {ROW(read_source), ROW(list_source), ROW(create),
					 ROW(remove_made), ROW(sort),        ROW(end_sorting),
					 ROW(read_input)};
	static const struct act cannot[] = {
		ROW(write_source),       ROW(create_in_source),
		ROW(remove_from_source), ROW(read_beside),
		ROW(write_beside),       ROW(create_beside),
		ROW(execute_itself),     ROW(change_the_user_database),
	};
	int ends[2];

	begin();
	ck_assert_int_eq(pipe(ends), 0);
	ck_assert_int_eq(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
	for (size_t i = 0; i < COUNT(can); i++) {
		int r = try_after(confine_publisher, can[i].act);

		ck_assert_msg(r == 0, "%s: %s", can[i].name, strerror(r));
	}
	for (size_t i = 0; is_in_force("landlock") && i < COUNT(cannot); i++) {
		int r = try_after(confine_publisher, cannot[i].act);

		ck_assert_msg(is_refusal(r), "%s: %s", cannot[i].name, strerror(r));
	}
	ck_assert_int_eq(try_after(confine, execute_itself), 0); /* as a server does */
	vt_scratch_done();
}
END_TEST

/* ---- system calls ---------------------------------------------------------------------------- */

/* None of them does harm where it is let through: what they are given is not there. */
ACT(trace, ptrace(PTRACE_SEIZE, 0, NULL, NULL))
ACT(read_a_process, syscall(SYS_process_vm_readv, 0, NULL, 0, NULL, 0, 1))
ACT(write_a_process, syscall(SYS_process_vm_writev, 0, NULL, 0, NULL, 0, 1))
ACT(take_a_descriptor, syscall(SYS_pidfd_getfd, -1, 0, 0))
ACT(load_bpf, syscall(SYS_bpf, -1, NULL, 0))
ACT(count_events, syscall(SYS_perf_event_open, NULL, 0, -1, -1, 0))
ACT(look_at_keys, syscall(SYS_keyctl, KEYCTL_DESCRIBE, -1, NULL, 0))
ACT(handle_faults, syscall(SYS_userfaultfd, -1))
ACT(open_a_ring, syscall(SYS_io_uring_setup, 0, NULL))
ACT(load_a_module, syscall(SYS_finit_module, -1, "", 0))
ACT(load_a_kernel, syscall(SYS_kexec_load, 0, 17, NULL, -1))
ACT(restart_the_machine, syscall(SYS_reboot, 0, 0, 0, NULL))
ACT(swap, swapoff("/nowhere"))
ACT(set_the_clock, syscall(SYS_clock_settime, -1, NULL))
ACT(mount_something, mount("none", "/nowhere", "none", 0, NULL))
ACT(unmount_something, umount2("/nowhere", 0))
ACT(open_a_file_system, syscall(SYS_fsopen, "none", 0))
ACT(move_a_mount, syscall(SYS_move_mount, -1, "", -1, "", 0))
ACT(change_root, chroot("/nowhere"))
ACT(enter_a_namespace, setns(-1, 0))
ACT(leave_a_namespace, unshare(CLONE_NEWUSER))
ACT(open_a_handle, syscall(SYS_open_by_handle_at, -1, NULL, 0))
ACT(change_personality, personality(PER_LINUX))
ACT(become_root, setresuid(0, 0, 0))
ACT(join_groups, setgroups(0, NULL))
ACT(execute_a_descriptor, syscall(SYS_execveat, -1, "", NULL, NULL, 0))
ACT(open_a_network, socket(AF_INET, SOCK_STREAM, 0))
ACT(open_a_network_6, socket(AF_INET6, SOCK_DGRAM, 0))
ACT(open_netlink, socket(AF_NETLINK, SOCK_RAW, 0))
ACT(type_for_the_user, ioctl(-1, TIOCSTI, ""))

static int begin_a_namespace(void)
{
	long pid = syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, 0);

	if (pid == 0)
		_exit(0);
	return (int) pid;
}

static int map_new_code(void)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return page == MAP_FAILED ? -1 : 0;
}

static int turn_data_into_code(void)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return mprotect(page, 4096, PROT_READ | PROT_EXEC);
}

START_TEST(what_a_server_never_asks_of_the_kernel_is_refused)
{
	static const struct act acts[] = {
		ROW(trace),
		ROW(read_a_process),
		ROW(write_a_process),
		ROW(take_a_descriptor),
		ROW(load_bpf),
		ROW(count_events),
		ROW(look_at_keys),
		ROW(handle_faults),
		ROW(open_a_ring),
		ROW(load_a_module),
		ROW(load_a_kernel),
		ROW(restart_the_machine),
		ROW(swap),
		ROW(set_the_clock),
		ROW(mount_something),
		ROW(unmount_something),
		ROW(open_a_file_system),
		ROW(move_a_mount),
		ROW(change_root),
		ROW(enter_a_namespace),
		ROW(leave_a_namespace),
		ROW(open_a_handle),
		ROW(change_personality),
		ROW(become_root),
		ROW(join_groups),
		ROW(execute_a_descriptor),
		ROW(open_a_network),
		ROW(open_a_network_6),
		ROW(open_netlink),
		ROW(type_for_the_user),
		ROW(begin_a_namespace),
		ROW(map_new_code),
		ROW(turn_data_into_code),
	};

	begin();
	if (is_in_force("seccomp"))
		check_refused(acts, COUNT(acts), EPERM);
	vt_scratch_done();
}
END_TEST

static void *nothing(void *context)
{
	return context;
}

static int start_a_thread(void)
{
	pthread_t thread;

	return pthread_create(&thread, NULL, nothing, NULL) == 0 ? pthread_join(thread, NULL) : -1;
}

/* Modules of the user database are loaded when they are first asked. */
static int ask_for_users(void)
{
	gid_t groups[64];
	int count = 64;

	return getpwuid(0) && getgrouplist("root", 0, groups, &count) > 0 ? 0 : -1;
}

START_TEST(what_a_server_needs_of_the_kernel_works)
{
	static const struct act acts[] = {ROW(start_a_thread), ROW(ask_for_users),
					  ROW(execute_itself)};

	begin();
	check_allowed(acts, COUNT(acts));
	vt_scratch_done();
}
END_TEST

/* ---- the process ----------------------------------------------------------------------------- */

static int has_no_new_privileges(void)
{
	return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? 0 : -1;
}

static int has_no_right_of_root(void)
{
	return chown(at("store/file"), 1, 1) == 0 ? -1 : 0;
}

START_TEST(no_right_is_kept_or_gained)
{
	static const struct act acts[] = {ROW(has_no_new_privileges), ROW(has_no_right_of_root)};

	begin();
	check_allowed(acts, COUNT(acts));
	vt_scratch_done();
}
END_TEST

static int again_and_again(void)
{
	struct vt_confinement confinement;

	for (int i = 0; i < 20; i++) {
		confine(&confinement);
		if (confinement.lacks[0])
			return -1;
	}
	return open(at("store/again"), O_WRONLY | O_CREAT, 0600);
}

START_TEST(what_is_inherited_and_added_to_does_not_wear_out)
{
	struct vt_confinement confinement;

	begin();
	confinement = in_force();
	if (!confinement.lacks[0])
		ck_assert_int_eq(try(again_and_again, true), 0);
	vt_scratch_done();
}
END_TEST

START_TEST(no_confinement_on_request_and_it_is_said)
{
	struct vt_confinement confinement;

	begin();
	ck_assert_int_eq(setenv("VITRINE_CONFINE", "no", 1), 0);
	confinement = in_force();
	ck_assert_str_eq(confinement.holds, "");
	ck_assert_ptr_nonnull(strstr(confinement.lacks, "VITRINE_CONFINE=no"));
	ck_assert_int_eq(try(create_beside, true), 0);
	vt_scratch_done();
}
END_TEST

static int dumps(void)
{
	struct rlimit core;

	vt_forbid_dumps();
	if (getrlimit(RLIMIT_CORE, &core) < 0 || core.rlim_max != 0)
		return -1;
	return prctl(PR_GET_DUMPABLE) == 0 ? 0 : -1;
}

START_TEST(no_core_is_written_and_no_limit_raised_for_one)
{
	ck_assert_int_eq(try(dumps, false), 0);
}
END_TEST

int main(int argc, char **argv)
{
	const TTest *tests[] = {
		what_the_kernel_has_is_in_force,
		no_file_outside_of_the_store_is_changed_and_few_are_read,
		all_is_possible_inside_of_the_store,
		who_publishes_reads_what_is_published_and_executes_nothing,
		what_a_server_never_asks_of_the_kernel_is_refused,
		what_a_server_needs_of_the_kernel_works,
		no_right_is_kept_or_gained,
		what_is_inherited_and_added_to_does_not_wear_out,
		no_confinement_on_request_and_it_is_said,
		no_core_is_written_and_no_limit_raised_for_one,
		NULL,
	};

	return argc > 1 ? 0 : vt_suite_run("confine", tests, NULL);
}
