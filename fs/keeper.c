/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See keeper.h. States, seen from here:
 *
 *     WATCHING    a server lives; its messages change what is held
 *     RESTARTING  it died without a word: another is started and given everything
 *     TRYING      like WATCHING, of a server that is a new program (an upgrade): it either starts a
 *                 keeper of its own and says STOP, or dies, and the next one is our program again
 *     STOPPING    it said STOP, and none is to follow it; what it says of mounts is still done
 *     (ended)     a server that was stopping is gone, or one that died had no mount, or another
 *                 keeper follows it (vt_holdings_succeed())
 *
 * The death is learnt from a pidfd and not from the socket: that one is closed while the dying
 * process still has the index locked. While no server lives, readers wait in the kernel and callers
 * in the listening socket's backlog; nothing here ever aborts a mount.
 *
 * The server is confined (confine.h) and the keeper, which executes programs and unmounts, is not:
 * what a server that others have taken over might ask for is not done for it.
 */
#include "fs/keeper.h"

#include "fs/daemon.h"
#include "fs/holdings.h"
#include "fs/mount.h"
#include "fs/mount_table.h"
#include "fs/process.h"
#include "index/base/cleanup.h"
#include "index/base/clock.h"
#include "index/base/crashpoint.h"
#include "index/base/error.h"
#include "index/base/log.h"
#include "index/folder.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <utlist.h>

#define PAUSE_FIRST_MS 10
#define PAUSE_MAX_MS   5000
#define DEATHS_MAX     20 /* in DEATHS_NS: from then on only every PAUSE_MAX_MS */
#define DEATHS_NS      (60 * VT_NS_PER_SEC)
#define DYING_MS       30000
#define QUICK_NS       VT_NS_PER_SEC /* a server that lived longer died of something else */

struct keeper {
	const char *dir;
	struct vt_holdings holdings;
	pid_t server;
	int pidfd, socket; /* the server's */
	bool trying;       /* the server is not our program */
	bool stopping;
	uint64_t started_ns;         /* monotonic: when it was */
	uint64_t deaths[DEATHS_MAX]; /* monotonic: a ring of the last ones */
	unsigned death_count, quick; /* all; quick ones in a row */
};

static void forget_server(struct keeper *keeper)
{
	vt_cleanup_close(&keeper->pidfd);
	vt_cleanup_close(&keeper->socket);
	keeper->pidfd = keeper->socket = -1;
}

static int watch(struct keeper *keeper, pid_t server, int socket, struct vt_error *err)
{
	keeper->server = server;
	keeper->socket = socket;
	keeper->started_ns = vt_clock_monotonic_ns();
	keeper->pidfd = (int) syscall(SYS_pidfd_open, server, 0);
	return keeper->pidfd < 0 ? vt_fail(err, errno, "cannot watch the server: %m") : 0;
}

/* ---- watching -------------------------------------------------------------------------------- */

/*
 * The server closed its end of the socket: it is dying, which takes a moment, or else it has taken
 * us for dead and started another keeper.
 */
static bool wait_for_death(struct keeper *keeper)
{
	struct pollfd p = {.fd = keeper->pidfd, .events = POLLIN};
	int r;

	if (keeper->pidfd < 0)
		return true; /* it was dead before it could be watched */
	do {
		r = poll(&p, 1, DYING_MS);
	} while (r < 0 && errno == EINTR);
	return r > 0;
}

/* It has to be the mount that was told of: anything else may be mounted there by now. */
static int is_held(void *context, const struct vt_mounted *mounted)
{
	const struct vt_hold *hold = context;

	return strcmp(mounted->point, hold->mountpoint) == 0 &&
	       (!hold->device || mounted->device == hold->device);
}

/* A mount point is only what the mounter said; for others nothing is unmounted. */
static void unmount_own(struct keeper *keeper)
{
	struct vt_hold *hold;
	struct vt_error err;

	DL_FOREACH (keeper->holdings.list, hold)
		if (hold->uid == geteuid() && vt_mounted_list(is_held, hold, NULL) > 0 &&
		    vt_mount_detach(hold->mountpoint, true, &err) < 0)
			vt_log(VT_LOG_WARNING, "cannot unmount '%s': %s", hold->mountpoint,
			       err.text);
}

/* What a confined server can have written is in the store, or has no name. */
static void check_program(struct keeper *keeper)
{
	char link[32], path[PATH_MAX];
	struct stat st;
	ssize_t len;

	(void) snprintf(link, sizeof link, "/proc/self/fd/%d", keeper->holdings.program);
	len = readlink(link, path, sizeof path - 1);
	path[len > 0 ? len : 0] = '\0';
	if (len > 0 && fstat(keeper->holdings.program, &st) == 0 && st.st_nlink > 0 &&
	    !vt_path_is_below(path, keeper->dir))
		return;
	vt_log(VT_LOG_ERROR, "not a program that was installed: '%s'", path);
	vt_cleanup_close(&keeper->holdings.program);
	keeper->holdings.program = -1;
}

static void act(struct keeper *keeper, int message)
{
	if (message == VT_HOLDING_STOP)
		keeper->stopping = true;
	if (message == VT_HOLDING_UNMOUNT)
		unmount_own(keeper);
	if (message == VT_HOLDING_PROGRAM)
		check_program(keeper);
}

/*
 * True: the server ended without STOP. Its last messages are read before its death is believed: the
 * end of a mount may be among them. A keeper that missed one ends while the server lives, which
 * starts another and tells it all.
 */
static bool watch_until_death(struct keeper *keeper)
{
	for (;;) {
		struct pollfd p[] = {{.fd = keeper->socket, .events = POLLIN},
				     {.fd = keeper->pidfd, .events = POLLIN}};
		struct vt_error err;
		bool lives;
		int r;

		if (poll(p, 2, -1) < 0)
			continue; /* EINTR */
		lives = keeper->pidfd >= 0 && p[1].revents == 0;
		if (p[0].revents == 0)
			return !keeper->stopping;
		r = vt_holdings_receive(keeper->socket, &keeper->holdings, &err);
		act(keeper, r);
		if (r < 0)
			vt_log(VT_LOG_WARNING, "keeper: %s", err.text);
		if (r < 0 && lives)
			return false;
		if (r == 0)
			return !keeper->stopping && wait_for_death(keeper);
	}
}

/* Only a server that the keeper started is its child. */
static void note_death(struct keeper *keeper)
{
	int status = 0;
	bool ours = waitpid(keeper->server, &status, 0) == keeper->server;

	if (!keeper->trying && keeper->holdings.program >= 0)
		vt_log(VT_LOG_INFO, "server made way pid=%d", (int) keeper->server);
	else if (!ours)
		vt_log(VT_LOG_WARNING, "server died pid=%d", (int) keeper->server);
	else if (WIFSIGNALED(status))
		vt_log(VT_LOG_WARNING, "server died pid=%d signal=%d", (int) keeper->server,
		       WTERMSIG(status));
	else
		vt_log(VT_LOG_WARNING, "server died pid=%d status=%d", (int) keeper->server,
		       WEXITSTATUS(status));
}

/* ---- restarting ------------------------------------------------------------------------------ */

/* How long to wait before the next start, in ms. */
static int next_pause(struct keeper *keeper)
{
	uint64_t now = vt_clock_monotonic_ns();
	uint64_t *oldest = &keeper->deaths[keeper->death_count++ % DEATHS_MAX];
	bool often = *oldest && now - *oldest < DEATHS_NS;
	int pause = PAUSE_FIRST_MS;

	*oldest = now;
	keeper->quick = now - keeper->started_ns < QUICK_NS ? keeper->quick + 1 : 0;
	if (often) {
		vt_log(VT_LOG_ERROR, "the server of '%s' died %d times in a minute; trying slowly",
		       keeper->dir, DEATHS_MAX);
		return PAUSE_MAX_MS;
	}
	if (keeper->quick <= 1)
		return 0;
	for (unsigned i = 2; i < keeper->quick && pause < PAUSE_MAX_MS; i++)
		pause *= 2;
	return pause < PAUSE_MAX_MS ? pause : PAUSE_MAX_MS;
}

static int start_server(struct keeper *keeper, struct vt_error *err)
{
	char number[16];
	const char *argv[] = {"vitrine",  "server", "--store", keeper->dir,
			      "--keeper", number,   NULL,      NULL};
	vt_autoclose int mine = -1, theirs = -1;
	int ends[2], r;
	pid_t pid;

	(void) snprintf(number, sizeof number, "%d", VT_SPAWN_FD);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return vt_fail(err, errno, "cannot make a socket pair: %m");
	mine = ends[0];
	theirs = ends[1];
	keeper->trying = keeper->holdings.program >= 0;
	if (keeper->trying) {
		argv[6] = "--upgrade";
		r = vt_spawn_program(keeper->holdings.program, argv, theirs, &pid, err);
	} else {
		r = vt_spawn_self(argv, theirs, &pid, err);
	}
	if (r == -EACCES && keeper->trying)
		return vt_fail(
			err, EACCES,
			"a confined server started this keeper when another had died: it may run "
			"new programs in the folder of its own only; put it there, or stop the "
			"server first");
	if (r >= 0)
		r = watch(keeper, pid, vt_steal_fd(&mine), err);
	if (r < 0)
		return r;
	VT_CRASHPOINT("keeper-server-started");
	r = vt_holdings_send_all(keeper->socket, &keeper->holdings);
	VT_CRASHPOINT("keeper-handed-over");
	return r < 0 && r != -EPIPE ? vt_fail(err, -r, "cannot hand the mounts over: %m") : 0;
}

/* A new program that did not get as far as to start a keeper of its own is not tried again. */
static void fall_back(struct keeper *keeper)
{
	if (!keeper->trying)
		return;
	vt_log(VT_LOG_ERROR, "the new program did not take over; going on with the old one");
	vt_cleanup_close(&keeper->holdings.program);
	keeper->holdings.program = -1;
}

static void restart(struct keeper *keeper)
{
	struct vt_error err;
	int r;

	do {
		int pause = next_pause(keeper);

		forget_server(keeper);
		fall_back(keeper);
		if (pause > 0)
			(void) poll(NULL, 0, pause);
		VT_CRASHPOINT("keeper-restarting");
		r = start_server(keeper, &err);
		if (r < 0)
			vt_log(VT_LOG_ERROR, "keeper: %s", err.text);
		else
			vt_log(VT_LOG_INFO, "server started again pid=%d pause_ms=%d program=%s",
			       (int) keeper->server, pause, keeper->trying ? "new" : "ours");
	} while (r < 0);
}

static void keep(struct keeper *keeper)
{
	while (watch_until_death(keeper) && vt_holdings_succeed(&keeper->holdings)) {
		note_death(keeper);
		vt_holdings_drop_ended(&keeper->holdings);
		if (!keeper->holdings.list)
			return;
		restart(keeper);
	}
}

/* ---- start ----------------------------------------------------------------------------------- */

static int parse(int argc, char **argv, struct keeper *keeper, pid_t *server)
{
	static const struct option options[] = {{"store", required_argument, NULL, 's'},
						{"server", required_argument, NULL, 'p'},
						{0}};
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 's')
			keeper->dir = optarg;
		else if (c == 'p')
			*server = (pid_t) atoi(optarg);
		else
			return -EINVAL;
	}
	return keeper->dir && *server > 0 ? 0 : -EINVAL;
}

/*
 * Waits, in reserve, for all that there is to keep; 0: the server ended before it had any. What it
 * sent is there even if it died meanwhile, and is then all the more needed. A server that is no
 * longer our parent is dead, and its pid may be another's.
 */
static int begin(struct keeper *keeper, pid_t server, struct vt_error *err)
{
	int r = watch(keeper, server, VT_SPAWN_FD, err);

	if (r < 0 || getppid() != server) {
		vt_cleanup_close(&keeper->pidfd);
		keeper->pidfd = -1;
	}
	do {
		r = vt_holdings_receive(keeper->socket, &keeper->holdings, err);
	} while (r > 0 && r != VT_HOLDING_ALL);
	if (r == 0 && keeper->holdings.listener >= 0)
		return vt_fail(err, ESRCH, "the server died before it handed its mounts over");
	return r;
}

int vt_keeper_main(int argc, char **argv)
{
	struct keeper keeper = {.holdings = VT_HOLDINGS_INIT, .pidfd = -1, .socket = -1};
	struct vt_error err;
	pid_t server = 0;
	int r;

	if (parse(argc, argv, &keeper, &server) < 0) {
		(void) fputs("usage: vitrine keeper --store DIR --server PID\n", stderr);
		return 2;
	}
	vt_name_process();
	vt_forbid_dumps();
	r = begin(&keeper, server, &err);
	if (r < 0)
		vt_log(VT_LOG_ERROR, "keeper: %s", err.text);
	else if (r > 0)
		keep(&keeper);
	forget_server(&keeper);
	vt_holdings_done(&keeper.holdings);
	return 0;
}
