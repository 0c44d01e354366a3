/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See standing.h. A server that dies alone is replaced by its keeper, and is then found to serve
 * the mount already; one that died with its keeper is replaced here, by the first that connects.
 */
#include "tools/standing.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "fs/holdings.h"
#include "fs/mount.h"
#include "fs/mount_table.h"
#include "fs/rows.h"
#include "fs/systemd.h"
#include "index/base/error.h"

#define NAME_FUSE  "mount"
#define NAME_STATE "state"

void vt_standing_done(struct vt_standing *standing)
{
	vt_cleanup_close(&standing->fuse_fd);
	vt_cleanup_close(&standing->state_fd);
	standing->fuse_fd = standing->state_fd = -1;
}

/* ---- systemd's copy -------------------------------------------------------------------------- */

static void store(const struct vt_standing *standing)
{
	vt_systemd_notify("FDSTORE=1\nFDNAME=" NAME_FUSE, standing->fuse_fd);
	vt_systemd_notify("FDSTORE=1\nFDNAME=" NAME_STATE, standing->state_fd);
}

static void unstore(void)
{
	vt_systemd_notify("FDSTOREREMOVE=1\nFDNAME=" NAME_FUSE, -1);
	vt_systemd_notify("FDSTOREREMOVE=1\nFDNAME=" NAME_STATE, -1);
}

static int is_point(void *point, const struct vt_mounted *mounted)
{
	return strcmp(mounted->point, point) == 0;
}

/* The kernel says so of a descriptor whose mount is gone. */
static bool has_ended(int fuse_fd)
{
	struct pollfd p = {.fd = fuse_fd};

	return poll(&p, 1, 0) > 0;
}

int vt_standing_restore(struct vt_standing *standing, struct vt_error *err)
{
	int r;

	standing->fuse_fd = vt_systemd_take(NAME_FUSE);
	standing->state_fd = vt_systemd_take(NAME_STATE);
	r = vt_mounted_list(is_point, (void *) (uintptr_t) standing->point, err);
	if (r > 0 && standing->fuse_fd >= 0 && standing->state_fd >= 0 &&
	    !has_ended(standing->fuse_fd))
		return 1;
	if (standing->fuse_fd >= 0 || standing->state_fd >= 0)
		unstore();
	vt_standing_done(standing);
	return r < 0 ? r : 0;
}

/* ---- the server ------------------------------------------------------------------------------ */

/* What the server has to know of the mount, as a new one in place of an old one last. */
static int note_site(void *args, const struct vt_mounted *mounted)
{
	const char *point = vt_json_text(args, "mountpoint", "");
	vt_cleanup(vt_json_freep) json_t *row = json_object();
	char device[VT_DEVICE_TEXT];

	(void) vt_json_set_text(row, "mountpoint", mounted->point, strlen(mounted->point));
	if (strcmp(vt_json_text(row, "mountpoint", ""), point) != 0)
		return 0;
	vt_device_format(mounted->device, device);
	(void) json_object_set_new(args, "device", json_string(device));
	(void) vt_json_set_text(args, "source", mounted->source, strlen(mounted->source));
	return 0;
}

static int call_server(struct vt_cli *cli, const struct vt_standing *standing, const char *op,
		       int fd, json_t *options, struct vt_error *err)
{
	vt_cleanup(vt_json_freep) json_t *result = NULL;
	struct vt_call call = {.op = op, .fd = fd};
	int r = vt_cli_connect(cli, err);

	if (r < 0)
		return r;
	call.args = json_pack("{s:O*}", "options", options);
	(void) vt_json_set_text(call.args, "mountpoint", standing->point, strlen(standing->point));
	(void) vt_mounted_list(note_site, call.args, NULL);
	r = vt_client_call(cli->client, &call, &result, err);
	return r < 0 ? r : (int) json_integer_value(json_object_get(result, "pid"));
}

/* Both descriptors wait in a socket whose other end goes with the request. */
static int adopt(struct vt_cli *cli, const struct vt_standing *standing, json_t *options,
		 struct vt_error *err)
{
	const struct vt_hold hold = {.uid = geteuid(),
				     .fuse_fd = standing->fuse_fd,
				     .state_fd = standing->state_fd,
				     .mountpoint = (char *) (uintptr_t) standing->point};
	vt_autoclose int mine = -1, theirs = -1;
	int ends[2], r;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return vt_fail(err, errno, "cannot make a socket pair: %m");
	mine = ends[0];
	theirs = ends[1];
	r = vt_holdings_send_mount(mine, &hold);
	if (r < 0)
		return vt_fail(err, -r, "cannot hand the mount over: %m");
	return call_server(cli, standing, "mount.adopt", theirs, options, err);
}

int vt_standing_hand_over(struct vt_cli *cli, struct vt_standing *standing, json_t *options,
			  struct vt_error *err)
{
	int r = -EACCES;

	if (standing->state_fd >= 0)
		r = adopt(cli, standing, options, err);
	if (r == -EACCES && standing->fresh) {
		vt_cleanup_close(&standing->state_fd);
		standing->state_fd = -1;
		r = call_server(cli, standing, "mount", standing->fuse_fd, options, err);
	}
	if (r >= 0)
		standing->fresh = false;
	return r;
}

/* ---- staying --------------------------------------------------------------------------------- */

/* 1: the server is gone. */
static int watch(const struct vt_standing *standing, pid_t server, struct vt_error *err)
{
	vt_autoclose int pidfd = -1;
	int patience = -1;

	if (standing->state_fd >= 0) {
		pidfd = (int) syscall(SYS_pidfd_open, server, 0);
		/* Dead already, or of a container whose processes cannot be seen: asked again. */
		patience = pidfd < 0 ? 1000 : -1;
	}
	return vt_mounted_wait_end(standing->point, pidfd, patience, err);
}

int vt_standing_stay(struct vt_cli *cli, struct vt_standing *standing, pid_t server,
		     struct vt_error *err)
{
	int r;

	if (standing->state_fd >= 0)
		store(standing);
	else
		vt_standing_done(standing);
	vt_systemd_notify("READY=1", -1);
	do {
		vt_cli_done(cli); /* the mount keeps the server; an idle connection need not */
		r = watch(standing, server, err);
		if (r > 0)
			r = server = vt_standing_hand_over(cli, standing, NULL, err);
	} while (r > 0);
	if (r == -EINTR) {
		vt_systemd_notify("STOPPING=1", -1);
		r = vt_mount_detach(standing->point, false, err);
	}
	if (r == 0)
		unstore();
	return r;
}
