/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See server.h. The main thread waits for callers, signals, the keeper's death and the time to go;
 * connections and mounts have threads of their own and wake it through an eventfd.
 *
 * Who opens the index (RocksDB's LOCK) is the server. Only then does the socket appear, and at the
 * end it disappears before the LOCK is given up, so that nobody removes another one's socket.
 */
#include "fs/server.h"

#include "fs/confine.h"
#include "fs/control.h"
#include "fs/control_socket.h"
#include "fs/daemon.h"
#include "fs/fuse_connections.h"
#include "fs/holdings.h"
#include "fs/keeper_link.h"
#include "fs/leftovers.h"
#include "fs/memory.h"
#include "fs/mount.h"
#include "fs/mount_trail.h"
#include "fs/process.h"
#include "fs/requests.h"
#include "fs/service.h"
#include "fs/systemd.h"
#include "fs/transport.h"
#include "index/base/clock.h"
#include "index/base/error.h"
#include "index/base/log.h"
#include "index/index.h"
#include "policy/audit.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/stat.h>

#define IDLE_SECONDS  60
#define DRAIN_MS      5000 /* what requests get to finish in at an orderly end */
#define UNMOUNT_MS    2000
#define TICK_MS       500 /* how often memory, and a disk that was full, are looked at */
#define APART_NS      (10 * VT_NS_PER_SEC) /* starts for a disk that fails now and again */
#define MS_PER_SECOND 1000

struct options {
	const char *dir;
	int keeper;      /* socket, or -1 */
	int connections; /* fuse_connections.h; -1: they cannot be seen */
	bool foreground;
	bool upgrade; /* the keeper is an older program, and knows what to do if we die */
};

struct server {
	struct vt_host host; /* first: the host's functions get it */
	char dir[PATH_MAX];
	struct vt_service *service;
	struct vt_control *control;
	struct vt_keeper_link *keeper;
	int listener, wake, signals;
	int idle_ms;         /* -1: for ever */
	uint64_t idle_since; /* monotonic; 0: busy. The main thread's */
	dev_t device;        /* of the index's folder, with */
	ino_t inode;
	uint64_t trimmed;    /* memory.h; the main thread's, as the next */
	uint64_t anew_at_ns; /* monotonic; not begun anew before, for a disk that fails */
	bool open;           /* everything is: the LOCK, the socket and the mounts are ours */
	bool upgrade;        /* the mounts are not ours for good yet: see finish_upgrade() */
	atomic_bool stopping, making_way;
};

static struct server *server_of(struct vt_host *host)
{
	return (struct server *) host;
}

static void wake(struct server *server)
{
	uint64_t one = 1;

	(void) !write(server->wake, &one, sizeof one);
}

/* ---- what requests ask of the process ---------------------------------------------------------
 */

static void host_changed(struct vt_host *host)
{
	wake(server_of(host));
}

static void host_stop(struct vt_host *host)
{
	server_of(host)->stopping = true;
	wake(server_of(host));
}

/* Without a mount there is nobody to start the other program but the next command. */
static int host_upgrade(struct vt_host *host, int program, struct vt_error *err)
{
	struct server *server = server_of(host);
	int r;

	if (vt_sessions_count(server->service->sessions) == 0) {
		host_stop(host);
		return 0;
	}
	r = vt_keeper_link_set_program(server->keeper, program, err);
	if (r >= 0) {
		server->making_way = true;
		wake(server);
	}
	return r;
}

/* On the session's thread, when its mount is gone. */
static void mount_ended(void *context, uint64_t id)
{
	struct vt_hold *hold = context;
	struct server *server = hold->owner;

	(void) id;
	vt_leftovers_ended(server->service->leftovers, hold->device);
	wake(server);
	vt_keeper_link_release(server->keeper, hold); /* last: the server may end now */
}

/* The old keeper has everything still, and its program can go on. */
static _Noreturn void give_up(const char *mountpoint, const char *why)
{
	vt_log(VT_LOG_ERROR, "cannot take over, the old program has to mount='%s': %s", mountpoint,
	       why);
	_exit(EXIT_FAILURE);
}

/* The session owns its descriptors, also when it fails; those in `hold` are the keeper's copy. */
static int serve_mount(struct server *server, struct vt_hold *hold, int fuse_fd, int state_fd,
		       uint64_t *id, struct vt_error *err)
{
	int r;

	hold->owner = server;
	r = vt_sessions_add(server->service->sessions, fuse_fd, state_fd, hold->mountpoint,
			    hold->uid, mount_ended, hold, id, err);
	if (r < 0 && server->upgrade)
		give_up(hold->mountpoint, err->text);
	if (r < 0)
		vt_keeper_link_release(server->keeper, hold);
	return r;
}

/*
 * It is noted, and the keeper has it, before it is served: a server that dies in between loses
 * nothing.
 */
static int host_mount(struct vt_host *host, int given, int given_state,
		      const struct vt_mount_site *site, const struct vt_mount_plan *plan,
		      uint64_t *id, struct vt_error *err)
{
	struct server *server = server_of(host);
	vt_autoclose int fuse_fd = given;
	vt_autoclose int state_fd =
		given_state >= 0 ? given_state : vt_session_state_new(plan, err);
	struct vt_hold *hold;
	int r = state_fd;

	if (r >= 0)
		r = vt_session_state_decide(state_fd, plan, err);
	if (r >= 0)
		r = vt_leftovers_serve(server->service->leftovers, site, plan, given_state >= 0,
				       err);
	if (r >= 0)
		r = vt_keeper_link_hold(server->keeper, fuse_fd, state_fd, site, &hold, err);
	if (r >= 0)
		r = serve_mount(server, hold, vt_steal_fd(&fuse_fd), vt_steal_fd(&state_fd), id,
				err);
	if (r < 0)
		vt_leftovers_ended(server->service->leftovers, site->device);
	else
		wake(server);
	return r < 0 ? r : 0;
}

/* ---- taking over ----------------------------------------------------------------------------- */

static void resume(void *context, struct vt_hold *hold)
{
	struct server *server = context;

	vt_leftovers_resume(server->service->leftovers, hold->device);
}

static void take_over(void *context, struct vt_hold *hold)
{
	struct server *server = context;
	int fuse_fd = fcntl(hold->fuse_fd, F_DUPFD_CLOEXEC, 3);
	int state_fd = fcntl(hold->state_fd, F_DUPFD_CLOEXEC, 3);
	uint64_t device = hold->device, id;
	char mountpoint[PATH_MAX];
	struct vt_error err;

	(void) snprintf(mountpoint, sizeof mountpoint, "%s", hold->mountpoint);
	if (serve_mount(server, hold, fuse_fd, state_fd, &id, &err) < 0) {
		vt_log(VT_LOG_ERROR, "cannot take over mount='%s': %s", mountpoint, err.text);
		vt_leftovers_ended(server->service->leftovers, device);
	}
}

static void check_agreement(void *context, const struct vt_session_info *info)
{
	(void) context;
	if (info->differs)
		give_up(info->mountpoint, "it was begun with other features");
}

/* Up to here the old keeper would have another server of the old program follow on us. */
static void finish_upgrade(struct server *server)
{
	vt_sessions_each(server->service->sessions, check_agreement, NULL);
	server->upgrade = false;
	vt_keeper_link_replace(server->keeper);
}

/* ---- opening --------------------------------------------------------------------------------- */

static int open_signals(int *fd, struct vt_error *err)
{
	sigset_t set;

	(void) sigemptyset(&set);
	(void) sigaddset(&set, SIGTERM);
	(void) sigaddset(&set, SIGINT);
	(void) pthread_sigmask(SIG_BLOCK, &set, NULL); /* inherited by every thread */
	(void) signal(SIGPIPE, SIG_IGN);
	(void) signal(SIGHUP, SIG_IGN);
	*fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return *fd < 0 ? vt_fail(err, errno, "cannot watch for signals: %m") : 0;
}

static int read_settings(struct server *server, bool foreground, struct vt_error *err)
{
	const char *cache = getenv("VITRINE_CACHE"), *idle = getenv("VITRINE_IDLE_SECONDS");

	server->host.cache_bytes = VT_CACHE_DEFAULT;
	if (cache && *cache && vt_size_parse(cache, &server->host.cache_bytes) < 0)
		return vt_fail(err, EINVAL, "VITRINE_CACHE='%s' is no size (try 512M)", cache);
	server->idle_ms = foreground ? -1 : IDLE_SECONDS * MS_PER_SECOND;
	if (idle && *idle)
		server->idle_ms = (int) (strtod(idle, NULL) * MS_PER_SECOND);
	return 0;
}

static int look_at_index(const struct server *server, struct stat *out, struct vt_error *err)
{
	char path[PATH_MAX + sizeof "/index"];

	(void) snprintf(path, sizeof path, "%s/index", server->dir);
	return stat(path, out) < 0 ? vt_fail(err, errno, "cannot look at '%s': %m", path) : 0;
}

/*
 * Somebody may have removed the store under us and made another in its place. What we would unlink
 * and RocksDB tidy up at its closing, by name, is then the other's.
 */
static bool is_in_place(const struct server *server)
{
	struct stat st;

	if (look_at_index(server, &st, NULL) == 0 && st.st_dev == server->device &&
	    st.st_ino == server->inode)
		return true;
	vt_log(VT_LOG_WARNING, "the store was removed or replaced store='%s'", server->dir);
	return false;
}

static int open_listener(struct server *server, struct vt_error *err)
{
	int r = vt_control_listen(server->dir, &server->listener, err);

	return r < 0 ? r : vt_keeper_link_listen(server->keeper, server->listener, err);
}

/* A keeper is heard out before the index is opened, since it does not wait. */
static int open_keeper(struct server *server, int keeper, struct vt_error *err)
{
	int r = keeper >= 0 ? vt_keeper_link_adopt(server->dir, keeper, &server->keeper,
						   &server->listener, err)
			    : vt_keeper_link_new(server->dir, &server->keeper, err);

	if (r >= 0 && (keeper < 0 || server->upgrade))
		vt_keeper_link_reserve(server->keeper);
	return r;
}

static void confine(struct server *server)
{
	const struct vt_bounds bounds = {.store = server->dir, .serves = true};
	struct vt_confinement *confinement = &server->host.confinement;

	vt_confine(&bounds, confinement);
	if (confinement->lacks[0])
		vt_log(VT_LOG_WARNING, "not confined as it should be: %s", confinement->lacks);
}

/*
 * All that is read from the store is read confined. What a keeper holds is taken over only with the
 * index, as is the socket's name.
 */
static int open_parts(struct server *server, struct options *options, struct vt_error *err)
{
	int keeper = options->keeper, r = open_keeper(server, keeper, err);
	struct stat st;

	if (r < 0)
		return r;
	confine(server);
	r = vt_service_open(server->dir, server->host.cache_bytes, &server->service, err);
	server->host.service = server->service;
	if (r >= 0)
		r = vt_control_new(&server->host, host_changed, &server->control, err);
	if (r >= 0 && keeper < 0)
		r = open_listener(server, err);
	if (r >= 0)
		r = look_at_index(server, &st, err);
	if (r < 0)
		return r;
	vt_leftovers_look_through(server->service->leftovers, vt_steal_fd(&options->connections));
	server->device = st.st_dev;
	server->inode = st.st_ino;
	server->open = true;
	if (keeper >= 0)
		vt_keeper_link_each(server->keeper, resume, server);
	vt_leftovers_check(server->service->leftovers);
	if (keeper >= 0)
		vt_keeper_link_each(server->keeper, take_over, server);
	vt_mount_trail_settle(server->service->mount_trail);
	if (server->upgrade)
		finish_upgrade(server);
	return 0;
}

static int open_server(struct server *server, struct options *options, struct vt_error *err)
{
	int r = open_signals(&server->signals, err);

	if (r >= 0)
		r = read_settings(server, options->foreground, err);
	if (r < 0)
		return r;
	server->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (server->wake < 0)
		return vt_fail(err, errno, "cannot make an eventfd: %m");
	server->host.started_ns = vt_clock_realtime_ns();
	server->anew_at_ns = vt_clock_monotonic_ns() + APART_NS;
	server->host.stop = host_stop;
	server->host.mount = host_mount;
	server->host.upgrade = host_upgrade;
	return open_parts(server, options, err);
}

/* ---- running --------------------------------------------------------------------------------- */

/* How long to wait for something to happen, in ms; 0: it is time to go. */
static int time_left(struct server *server)
{
	uint64_t now = vt_clock_monotonic_ns(), idle_ms;

	if (vt_control_count(server->control) > 0 ||
	    vt_sessions_count(server->service->sessions) > 0) {
		server->idle_since = 0;
		return -1;
	}
	if (server->idle_ms < 0)
		return -1;
	if (server->idle_since == 0)
		server->idle_since = now;
	idle_ms = (now - server->idle_since) / (VT_NS_PER_SEC / MS_PER_SECOND);
	return idle_ms >= (uint64_t) server->idle_ms ? 0 : server->idle_ms - (int) idle_ms;
}

/*
 * The end of a server whose mounts go on: what was answered is in the audit log, what was not is
 * the next server's, whom the keeper starts when this one is gone. Without a keeper it stays.
 */
static void make_way(struct server *server)
{
	struct vt_error err;

	if (vt_keeper_link_fd(server->keeper) < 0)
		return;
	vt_log(VT_LOG_INFO, "making way store='%s' pid=%d", server->dir, (int) getpid());
	vt_control_drain(server->control, DRAIN_MS);
	vt_transport_fall_silent();
	vt_audit_fold(server->service->audit);
	if (vt_audit_settle(server->service->audit, &err) < 0)
		vt_log(VT_LOG_WARNING, "%s", err.text);
	_exit(EXIT_SUCCESS);
}

/*
 * A disk that was full, or failed: the index is read as before, but takes no change until it is
 * opened again. What cannot be opened now is better read for longer.
 */
static void begin_anew(struct server *server, int why)
{
	uint64_t now = vt_clock_monotonic_ns();
	struct vt_error err;

	if (why == -EIO && now < server->anew_at_ns)
		return;
	server->anew_at_ns = now + APART_NS;
	if (vt_index_would_open(server->service->index, &err) < 0) {
		if (why == -EIO)
			vt_log(VT_LOG_ERROR, "no change can be made: %s", err.text);
		return;
	}
	vt_log(VT_LOG_WARNING, "beginning anew, the disk %s again store='%s' pid=%d",
	       why == -ENOSPC ? "has room" : "can be written", server->dir, (int) getpid());
	if (vt_sessions_count(server->service->sessions) == 0)
		server->stopping = true;
	else
		make_way(server);
}

static void run(struct server *server)
{
	while (!server->stopping) {
		int stuck = vt_store_stuck(server->service->index->store);
		struct pollfd p[] = {{.fd = server->listener, .events = POLLIN},
				     {.fd = server->wake, .events = POLLIN},
				     {.fd = server->signals, .events = POLLIN},
				     {.fd = vt_keeper_link_fd(server->keeper), .events = POLLIN}};
		int left = time_left(server);
		int events = poll(p, 4, left < 0 || left > TICK_MS ? TICK_MS : left);
		uint64_t count;

		if (events == 0 && left == 0)
			return;
		vt_leftovers_check(server->service->leftovers);
		(void) vt_memory_trim(server->host.cache_bytes, &server->trimmed);
		if (stuck < 0)
			begin_anew(server, stuck);
		if (events <= 0)
			continue; /* time_left() will tell, or EINTR */
		if (p[0].revents) {
			server->idle_since = 0;
			vt_control_accept(server->control, server->listener);
		}
		if (p[1].revents)
			(void) !read(server->wake, &count, sizeof count);
		if (p[2].revents)
			return;
		if (server->making_way)
			make_way(server);
		if (p[3].revents)
			vt_keeper_link_died(server->keeper);
	}
}

/* ---- ending ---------------------------------------------------------------------------------- */

/*
 * The socket goes first, so that new callers start another server, which waits for the LOCK. Then
 * requests, mounts and the store, each while it still has what it stands on. A mount of somebody
 * else lives until the process does, and so must all that its threads use; and a store that is not
 * ours any more must not be closed at all. The end of the process is then the end of everything,
 * for which a store is as safe as after a crash.
 */
static void close_open(struct server *server)
{
	bool in_place = is_in_place(server);

	if (in_place)
		vt_control_unlink(server->dir);
	vt_keeper_link_stop(server->keeper);
	vt_cleanup_close(&server->listener);
	server->listener = -1;
	if (in_place)
		vt_control_drain(server->control, DRAIN_MS);
	vt_keeper_link_unmount(server->keeper);
	if (!vt_keeper_link_drain(server->keeper, UNMOUNT_MS) || !in_place)
		_exit(EXIT_SUCCESS);
}

static void close_server(struct server *server)
{
	if (server->open)
		close_open(server);
	vt_cleanup_close(&server->listener);
	vt_service_close(server->service);
	vt_keeper_link_free(server->keeper);
	vt_control_free(server->control);
	vt_cleanup_close(&server->wake);
	vt_cleanup_close(&server->signals);
}

static void tell_cut(const struct server *server)
{
	uint64_t bytes = vt_store_cut_bytes(server->service->index->store);

	if (bytes > 0)
		vt_log(VT_LOG_WARNING,
		       "the index had an unfinished end, moved to index/torn-MANIFEST-N store='%s' "
		       "bytes=%" PRIu64,
		       server->dir, bytes);
}

static int serve(struct options *options, int ready, struct vt_error *err)
{
	struct server server = {
		.listener = -1, .wake = -1, .signals = -1, .upgrade = options->upgrade};
	int r;

	if (!realpath(options->dir, server.dir))
		return vt_fail(err, errno, "cannot find store '%s': %m", options->dir);
	(void) chdir("/"); /* whatever folder the starter stood in may go */
	r = open_server(&server, options, err);
	if (r >= 0) {
		vt_log(VT_LOG_INFO, "serving store='%s' pid=%d cache=%llu", server.dir,
		       (int) getpid(), (unsigned long long) server.host.cache_bytes);
		tell_cut(&server);
		vt_daemon_ready(ready, 0, "");
		if (options->foreground)
			vt_systemd_notify("READY=1", -1);
		run(&server);
		vt_log(VT_LOG_INFO, "ending store='%s' pid=%d", server.dir, (int) getpid());
	}
	close_server(&server);
	return r;
}

/* ---- the process ----------------------------------------------------------------------------- */

static int parse(int argc, char **argv, struct options *out)
{
	static const struct option known[] = {{"store", required_argument, NULL, 's'},
					      {"foreground", no_argument, NULL, 'f'},
					      {"keeper", required_argument, NULL, 'k'},
					      {"upgrade", no_argument, NULL, 'u'},
					      {0}};
	int c;

	*out = (struct options){.keeper = -1, .connections = -1};
	while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
		if (c == 's')
			out->dir = optarg;
		else if (c == 'f')
			out->foreground = true;
		else if (c == 'k')
			out->keeper = atoi(optarg);
		else if (c == 'u')
			out->upgrade = true;
		else
			return -EINVAL;
	}
	return out->dir && optind == argc ? 0 : -EINVAL;
}

/* The exit statuses of the command line; server_start.c reads them. */
static int exit_status(int r)
{
	return r >= 0                        ? 0
	       : r == -EACCES || r == -EPERM ? 3
	       : r == -ENOENT                ? 4
	       : r == -EBADMSG               ? 5
	       : r == -EBUSY || r == -EAGAIN ? 6
					     : 1;
}

/* Whose, where to, and out of the way of the store's folders. */
static int settle(struct options *options, int *ready, struct vt_error *err)
{
	bool background = !options->foreground && options->keeper < 0;
	int r;

	vt_name_process();
	if (options->upgrade)
		(void) close(VT_SPAWN_FD + 1);             /* this program's file; see process.h */
	options->connections = vt_fuse_connections_open(); /* root sees them always */
	r = vt_become_owner(options->dir, err);
	(void) umask(077);
	vt_raise_file_limit();
	vt_forbid_dumps();
	if (r >= 0 && background)
		r = vt_daemonize(ready, err);
	if (r >= 0 && background)
		r = vt_log_to_store(options->dir, err);
	return r;
}

int vt_server_main(int argc, char **argv)
{
	struct options options;
	struct vt_error err;
	int ready = -1, r;

	if (parse(argc, argv, &options) < 0) {
		(void) fputs("usage: vitrine server --store DIR [--foreground]\n", stderr);
		return 2;
	}
	r = settle(&options, &ready, &err);
	if (r >= 0)
		r = serve(&options, ready, &err);
	if (r < 0 && ready < 0)
		(void) fprintf(stderr, "vitrine: %s\n", err.text);
	else if (r < 0)
		vt_daemon_ready(ready, exit_status(r), err.text);
	return exit_status(r);
}
