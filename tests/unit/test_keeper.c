/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which server a keeper starts, and whether it is the one to do so. Servers are processes of this
 * program that say in the store's folder how they were started.
 */
#include "fs/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "fs/holdings.h"
#include "fs/mount.h"
#include "fs/process.h"
#include "index/base/error.h"
#include "tests/unit/scratch.h"
#include "tests/unit/suite.h"

#define LONG_MS 20000 /* for what must happen */

static struct vt_error err;

/* ---- the servers that it starts -------------------------------------------------------------- */

/* A new program ends before it has taken over; ours ends in order, and the keeper with it. */
static int started_server(int argc, char **argv)
{
	bool upgrade = strcmp(argv[argc - 1], "--upgrade") == 0;
	char path[256];
	int fd;

	(void) snprintf(path, sizeof path, "%s/%s", argv[3], upgrade ? "new" : "ours");
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
	if (fd >= 0 && !upgrade)
		(void) vt_holdings_send(VT_SPAWN_FD, VT_HOLDING_STOP, 0);
	return fd < 0;
}

static bool was_started(const char *which)
{
	return access(vt_scratch_path(which), F_OK) == 0;
}

/* ---- the first one --------------------------------------------------------------------------- */

static pid_t spawn_keeper(int theirs, pid_t after)
{
	char server[16], before[16];
	const char *const argv[] = {"vitrine",
				    "keeper",
				    "--store",
				    vt_scratch_dir,
				    "--server",
				    server,
				    after ? "--after" : NULL,
				    before,
				    NULL};
	pid_t keeper;

	(void) snprintf(server, sizeof server, "%d", (int) getpid());
	(void) snprintf(before, sizeof before, "%d", (int) after);
	return vt_spawn_self(argv, theirs, &keeper, &err) < 0 ? -1 : keeper;
}

/* In a process of its own: gives the keeper a mount, asks for another program or not, and dies. */
static pid_t first_server(pid_t after, bool upgrade)
{
	const struct vt_mount_site site = {.mountpoint = "/mnt"};
	struct vt_holdings holdings = VT_HOLDINGS_INIT;
	struct vt_hold *hold;
	int ends[2], descriptor = eventfd(0, EFD_CLOEXEC), r;
	pid_t keeper;

	holdings.listener = eventfd(0, EFD_CLOEXEC);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return -1;
	keeper = spawn_keeper(ends[1], after);
	r = vt_holdings_add(&holdings, descriptor, descriptor, &site, &hold, &err);
	if (r >= 0)
		r = vt_holdings_send_all(ends[0], &holdings);
	if (r >= 0 && upgrade)
		r = vt_holdings_send_program(ends[0], open("/proc/self/exe", O_PATH | O_CLOEXEC));
	return r < 0 ? -1 : keeper;
}

/* A pidfd of a keeper whose server is dead. */
static int keeper_without_server(pid_t after, bool upgrade)
{
	pid_t keeper = 0, server;
	int ends[2], pidfd;

	ck_assert_int_eq(pipe(ends), 0);
	server = fork();
	if (server == 0) {
		keeper = first_server(after, upgrade);
		_exit(write(ends[1], &keeper, sizeof keeper) < 0);
	}
	ck_assert_int_eq(read(ends[0], &keeper, sizeof keeper), sizeof keeper);
	ck_assert_int_gt(keeper, 0);
	pidfd = (int) syscall(SYS_pidfd_open, keeper, 0);
	ck_assert_int_ge(pidfd, 0);
	ck_assert_int_eq(waitpid(server, NULL, 0), server);
	return pidfd;
}

static bool ends(int pidfd)
{
	struct pollfd p = {.fd = pidfd, .events = POLLIN};

	return poll(&p, 1, LONG_MS) == 1;
}

static pid_t another_keeper(void)
{
	pid_t pid = fork();

	while (pid == 0)
		(void) pause();
	return pid;
}

/* ---- tests ----------------------------------------------------------------------------------- */

START_TEST(a_server_that_died_is_followed_by_one_of_the_same_program)
{
	(void) vt_scratch();
	ck_assert(ends(keeper_without_server(0, false)));
	ck_assert(was_started("ours"));
	ck_assert(!was_started("new"));
	vt_scratch_done();
}
END_TEST

START_TEST(a_new_program_that_does_not_take_over_is_followed_by_ours)
{
	(void) vt_scratch();
	ck_assert(ends(keeper_without_server(0, true)));
	ck_assert(was_started("new"));
	ck_assert(was_started("ours"));
	vt_scratch_done();
}
END_TEST

START_TEST(a_keeper_leaves_the_next_server_to_one_before_it_that_is_still_there)
{
	pid_t before = another_keeper();

	(void) vt_scratch();
	ck_assert(ends(keeper_without_server(before, false)));
	ck_assert(!was_started("ours"));
	ck_assert_int_eq(kill(before, SIGKILL), 0);
	vt_scratch_done();
}
END_TEST

START_TEST(a_keeper_starts_the_next_server_when_the_one_before_it_is_gone)
{
	pid_t before = another_keeper();
	int pidfd;

	(void) vt_scratch();
	pidfd = keeper_without_server(before, false);
	ck_assert_int_eq(kill(before, SIGKILL), 0);
	ck_assert(ends(pidfd));
	ck_assert(was_started("ours"));
	vt_scratch_done();
}
END_TEST

int main(int argc, char **argv)
{
	const TTest *tests[] = {
		a_server_that_died_is_followed_by_one_of_the_same_program,
		a_new_program_that_does_not_take_over_is_followed_by_ours,
		a_keeper_leaves_the_next_server_to_one_before_it_that_is_still_there,
		a_keeper_starts_the_next_server_when_the_one_before_it_is_gone,
		NULL,
	};

	if (argc > 1 && strcmp(argv[1], "server") == 0)
		return started_server(argc, argv);
	if (argc > 1 && strcmp(argv[1], "keeper") == 0)
		return vt_keeper_main(argc - 1, argv + 1);
	return vt_suite_run("keeper", tests, NULL);
}
