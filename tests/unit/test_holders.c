/* SPDX-License-Identifier: Apache-2.0 */
/* Processes that hold something of a device, one way at a time. */
#include "tools/holders.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "index/base/error.h"
#include "tests/unit/suite.h"
#include "tools/cli.h"

const struct vt_command *const vt_commands[] = {NULL};

static struct vt_error err;

/* A child that has taken hold of something, and of what device; it waits to be ended. */
struct child {
	pid_t pid;
	uint64_t device; /* 0: it could not */
};

static _Noreturn void say(int to, uint64_t device)
{
	(void) prctl(PR_SET_NAME, "a holder");
	(void) !write(to, &device, sizeof device);
	for (;;)
		(void) pause();
}

static uint64_t device_of(const char *path)
{
	struct stat st;

	return stat(path, &st) < 0 ? 0 : st.st_dev;
}

static uint64_t hold_file(void)
{
	int fd = memfd_create("held", 0);
	struct stat st;

	return fstat(fd, &st) < 0 ? 0 : st.st_dev;
}

static uint64_t hold_mapping(void)
{
	int fd = memfd_create("held", 0);
	struct stat st;

	if (ftruncate(fd, 4096) < 0 || fstat(fd, &st) < 0 ||
	    mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED)
		return 0;
	(void) close(fd);
	return st.st_dev;
}

static uint64_t hold_folder(void)
{
	return chdir("/proc") < 0 ? 0 : device_of(".");
}

static uint64_t hold_mount(void)
{
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0 ||
	    mount("none", "/proc/self/task", "tmpfs", 0, NULL) < 0)
		return 0;
	return device_of("/proc/self/task");
}

static struct child begin(uint64_t (*hold)(void))
{
	struct child child = {0};
	int ends[2];

	ck_assert_int_eq(pipe(ends), 0);
	child.pid = fork();
	ck_assert_int_ge(child.pid, 0);
	if (child.pid == 0)
		say(ends[1], hold());
	ck_assert_int_eq(read(ends[0], &child.device, sizeof child.device),
			 (ssize_t) sizeof child.device);
	(void) close(ends[0]);
	(void) close(ends[1]);
	return child;
}

static void end(const struct child *child)
{
	(void) kill(child->pid, SIGKILL);
	ck_assert_int_eq(waitpid(child->pid, NULL, 0), child->pid);
}

/* ---- finding it ------------------------------------------------------------------------------ */

struct wanted {
	pid_t pid;
	unsigned found;
	struct vt_holder holder;
};

static void look(void *context, const struct vt_holder *holder)
{
	struct wanted *wanted = context;

	if (holder->pid != wanted->pid)
		return;
	wanted->found++;
	wanted->holder = *holder;
}

static void expect(const struct child *child, unsigned ways)
{
	struct wanted wanted = {.pid = child->pid};

	ck_assert_int_ge(vt_holders_each(child->device, look, &wanted, &err), 0);
	ck_assert_uint_eq(wanted.found, ways ? 1 : 0);
	ck_assert_uint_eq(wanted.holder.ways, ways);
	if (!ways)
		return;
	ck_assert_str_eq(wanted.holder.command, "a holder");
	ck_assert_uint_eq(wanted.holder.uid, geteuid());
}

START_TEST(each_way_of_holding_is_told)
{
	static const struct {
		uint64_t (*hold)(void);
		unsigned ways;
	} all[] = {{hold_file, VT_HOLDS_FILE},
		   {hold_mapping, VT_HOLDS_MAPPING},
		   {hold_folder, VT_HOLDS_FOLDER}};

	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		struct child child = begin(all[i].hold);

		ck_assert_uint_ne(child.device, 0);
		expect(&child, all[i].ways);
		end(&child);
		expect(&child, 0);
	}
}
END_TEST

START_TEST(a_mount_in_another_namespace_is_told_once)
{
	struct child child = begin(hold_mount);

	if (child.device) /* else this kernel lets nobody */
		expect(&child, VT_HOLDS_MOUNT);
	end(&child);
}
END_TEST

START_TEST(what_nobody_holds_is_held_by_nobody)
{
	struct child child = begin(hold_file);

	child.device = UINT32_MAX;
	expect(&child, 0);
	end(&child);
}
END_TEST

/* As nobody: the others' processes are not ours to look at. */
START_TEST(that_not_all_could_be_looked_at_is_told)
{
	struct wanted wanted = {0};

	if (geteuid() != 0)
		return;
	ck_assert_int_eq(vt_holders_each(UINT32_MAX, look, &wanted, &err), 1);
	ck_assert_int_eq(seteuid(65534), 0);
	ck_assert_int_eq(vt_holders_each(UINT32_MAX, look, &wanted, &err), 0);
}
END_TEST

VT_SUITE(holders, each_way_of_holding_is_told, a_mount_in_another_namespace_is_told_once,
	 what_nobody_holds_is_held_by_nobody, that_not_all_could_be_looked_at_is_told)
