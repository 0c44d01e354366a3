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

static pid_t spawn_keeper(int theirs)
{
	char server[16];
	const char *const argv[] = {"vitrine",  "keeper", "--store", vt_scratch_dir,
				    "--server", server,   NULL};
	pid_t keeper;

	(void) snprintf(server, sizeof server, "%d", (int) getpid());
	return vt_spawn_self(argv, theirs, &keeper, &err) < 0 ? -1 : keeper;
}

/* In a process of its own: gives a keeper a mount, and asks for another program or not. */
static pid_t tell_keeper(int succession, bool upgrade)
{
	const struct vt_mount_site site = {.mountpoint = "/mnt"};
	struct vt_holdings holdings = VT_HOLDINGS_INIT;
	struct vt_hold *hold;
	int ends[2], descriptor = eventfd(0, EFD_CLOEXEC), r;
	pid_t keeper;

	holdings.listener = eventfd(0, EFD_CLOEXEC);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return -1;
	keeper = spawn_keeper(ends[1]);
	r = vt_holdings_add(&holdings, descriptor, descriptor, &site, &hold, &err);
	if (r >= 0 && succession >= 0)
		r = vt_holdings_send_fd(ends[0], VT_HOLDING_SUCCESSION, succession);
	if (r >= 0)
		r = vt_holdings_send_all(ends[0], &holdings);
	if (r >= 0 && upgrade)
		r = vt_holdings_send_fd(ends[0], VT_HOLDING_PROGRAM,
					open("/proc/self/exe", O_PATH | O_CLOEXEC));
	return r < 0 ? -1 : keeper;
}

/* Pidfds of keepers whose server is dead. */
static void keepers_without_server(int *pidfds, size_t count, int succession, bool upgrade)
{
	pid_t keeper = 0, server;
	int ends[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	server = fork();
	if (server == 0) {
		for (size_t i = 0; i < count; i++) {
			keeper = tell_keeper(succession, upgrade);
			if (write(ends[1], &keeper, sizeof keeper) < 0)
				_exit(1);
		}
		_exit(read(ends[1], &keeper, 1) != 1); /* lives until they can be watched */
	}
	for (size_t i = 0; i < count; i++) {
		ck_assert_int_eq(read(ends[0], &keeper, sizeof keeper), sizeof keeper);
		ck_assert_int_gt(keeper, 0);
		pidfds[i] = (int) syscall(SYS_pidfd_open, keeper, 0);
		ck_assert_int_ge(pidfds[i], 0);
	}
	ck_assert_int_eq(write(ends[0], "", 1), 1);
	ck_assert_int_eq(waitpid(server, NULL, 0), server);
}

static int keeper_without_server(int succession, bool upgrade)
{
	int pidfd;

	keepers_without_server(&pidfd, 1, succession, upgrade);
	return pidfd;
}

static bool ends(int pidfd)
{
	struct pollfd p = {.fd = pidfd, .events = POLLIN};

	return poll(&p, 1, LONG_MS) == 1;
}

/* ---- tests ----------------------------------------------------------------------------------- */

START_TEST(a_server_that_died_is_followed_by_one_of_the_same_program)
{
	(void) vt_scratch();
	ck_assert(ends(keeper_without_server(-1, false)));
	ck_assert(was_started("ours"));
	ck_assert(!was_started("new"));
	vt_scratch_done();
}
END_TEST

START_TEST(a_new_program_that_does_not_take_over_is_followed_by_ours)
{
	(void) vt_scratch();
	ck_assert(ends(keeper_without_server(-1, true)));
	ck_assert(was_started("new"));
	ck_assert(was_started("ours"));
	vt_scratch_done();
}
END_TEST

static uint64_t left_of(int succession)
{
	uint64_t left = 0;

	return read(succession, &left, sizeof left) == sizeof left ? left : 0;
}

START_TEST(a_keeper_starts_none_when_another_has_followed)
{
	int succession = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	(void) vt_scratch();
	ck_assert(ends(keeper_without_server(succession, false)));
	ck_assert(!was_started("ours"));
	vt_scratch_done();
}
END_TEST

/* Of two servers the second finds the file of the first and ends without a word, as do all after
 * it. */
START_TEST(one_of_two_keepers_follows)
{
	struct vt_holdings holdings = VT_HOLDINGS_INIT;
	int pidfds[2];

	(void) vt_scratch();
	ck_assert_int_eq(vt_holdings_new_succession(&holdings, &err), 0);
	keepers_without_server(pidfds, 2, holdings.succession, false);
	ck_assert(ends(pidfds[0]));
	ck_assert(ends(pidfds[1]));
	ck_assert(was_started("ours"));
	ck_assert_uint_eq(left_of(holdings.succession), 0);
	vt_holdings_done(&holdings);
	vt_scratch_done();
}
END_TEST

int main(int argc, char **argv)
{
	const TTest *tests[] = {
		a_server_that_died_is_followed_by_one_of_the_same_program,
		a_new_program_that_does_not_take_over_is_followed_by_ours,
		a_keeper_starts_none_when_another_has_followed,
		one_of_two_keepers_follows,
		NULL,
	};

	if (argc > 1 && strcmp(argv[1], "server") == 0)
		return started_server(argc, argv);
	if (argc > 1 && strcmp(argv[1], "keeper") == 0)
		return vt_keeper_main(argc - 1, argv + 1);
	return vt_suite_run("keeper", tests, NULL);
}
