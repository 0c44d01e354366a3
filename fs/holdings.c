/* SPDX-License-Identifier: Apache-2.0 */
/* See holdings.h. A message is a head, and for a mount its path; at most two descriptors. */
#include "fs/holdings.h"

#include "fs/mount.h"
#include "fs/session_state.h"
#include "index/base/cleanup.h"
#include "index/base/error.h"
#include "index/store_facts.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <utlist.h>

#define DESCRIPTORS_MAX 2u
#define SEND_WAIT_MS    1000 /* a keeper does little else than read */

struct head {
	uint32_t kind, uid;
	uint64_t id, device;
};

struct packet {
	struct head head;
	char mountpoint[4096];
	int fds[DESCRIPTORS_MAX]; /* -1: none */
};

static void free_hold(struct vt_hold *hold)
{
	if (!hold)
		return;
	vt_cleanup_close(&hold->fuse_fd);
	vt_cleanup_close(&hold->state_fd);
	free(hold->mountpoint);
	free(hold);
}

void vt_holdings_done(struct vt_holdings *holdings)
{
	struct vt_hold *hold, *next;

	DL_FOREACH_SAFE(holdings->list, hold, next)
	vt_holdings_remove(holdings, hold);
	vt_cleanup_close(&holdings->listener);
	vt_cleanup_close(&holdings->program);
	vt_cleanup_close(&holdings->succession);
	holdings->listener = holdings->program = holdings->succession = -1;
}

int vt_holdings_new_succession(struct vt_holdings *holdings, struct vt_error *err)
{
	holdings->succession = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
	return holdings->succession < 0 ? vt_fail(err, errno, "cannot make an eventfd: %m") : 0;
}

bool vt_holdings_succeed(struct vt_holdings *holdings)
{
	uint64_t one;
	bool taken = holdings->succession < 0 ||
		     read(holdings->succession, &one, sizeof one) == sizeof one;

	vt_cleanup_close(&holdings->succession);
	holdings->succession = -1;
	return taken;
}

/* Takes both descriptors, also on failure. */
static struct vt_hold *new_hold(const struct vt_mount_site *site, int fuse_fd, int state_fd)
{
	struct vt_hold *hold = calloc(1, sizeof *hold);

	if (!hold) {
		vt_cleanup_close(&fuse_fd);
		vt_cleanup_close(&state_fd);
		return NULL;
	}
	hold->uid = site->uid;
	hold->device = site->device;
	hold->fuse_fd = fuse_fd;
	hold->state_fd = state_fd;
	hold->mountpoint = strdup(site->mountpoint);
	if (!hold->mountpoint || fuse_fd < 0 || state_fd < 0) {
		free_hold(hold);
		return NULL;
	}
	return hold;
}

int vt_holdings_add(struct vt_holdings *holdings, int fuse_fd, int state_fd,
		    const struct vt_mount_site *site, struct vt_hold **out, struct vt_error *err)
{
	struct vt_hold *hold = new_hold(site, fcntl(fuse_fd, F_DUPFD_CLOEXEC, 3),
					fcntl(state_fd, F_DUPFD_CLOEXEC, 3));

	if (!hold)
		return vt_fail(err, errno ? errno : ENOMEM,
			       "cannot keep a mount's descriptors: %m");
	hold->id = holdings->next_id++;
	DL_APPEND(holdings->list, hold);
	*out = hold;
	return 0;
}

struct vt_hold *vt_holdings_find(struct vt_holdings *holdings, uint64_t id)
{
	struct vt_hold *hold;

	DL_SEARCH_SCALAR(holdings->list, hold, id, id);
	return hold;
}

void vt_holdings_remove(struct vt_holdings *holdings, struct vt_hold *hold)
{
	if (!hold)
		return;
	DL_DELETE(holdings->list, hold);
	free_hold(hold);
}

void vt_holdings_drop_ended(struct vt_holdings *holdings)
{
	struct vt_hold *hold, *next;

	DL_FOREACH_SAFE(holdings->list, hold, next)
	{
		struct pollfd p = {.fd = hold->fuse_fd};

		if (poll(&p, 1, 0) > 0 && p.revents & (POLLERR | POLLHUP | POLLNVAL))
			vt_holdings_remove(holdings, hold);
	}
}

void vt_holdings_form(char out[VT_HOLDINGS_FORM_MAX])
{
	(void) snprintf(out, VT_HOLDINGS_FORM_MAX, "messages %d, sessions %d, store %d",
			VT_HOLDINGS_FORMAT, VT_SESSION_STATE_FORMAT, VT_STORE_FORMAT);
}

/* ---- sending --------------------------------------------------------------------------------- */

static void attach(struct msghdr *message, char *control, const int *fds, size_t count)
{
	struct cmsghdr *c = (struct cmsghdr *) control;

	if (count == 0)
		return;
	message->msg_control = control;
	message->msg_controllen = CMSG_SPACE(count * sizeof *fds);
	*c = (struct cmsghdr){.cmsg_len = CMSG_LEN(count * sizeof *fds),
			      .cmsg_level = SOL_SOCKET,
			      .cmsg_type = SCM_RIGHTS};
	memcpy(CMSG_DATA(c), fds, count * sizeof *fds);
}

static int send_packet(int socket, const struct head *head, const char *mountpoint, const int *fds,
		       size_t count)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(DESCRIPTORS_MAX * sizeof *fds)] = {0};
	struct iovec parts[] = {{(void *) (uintptr_t) head, sizeof *head},
				{(void *) (uintptr_t) mountpoint, strlen(mountpoint)}};
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
	struct pollfd p = {.fd = socket, .events = POLLOUT};

	attach(&message, control, fds, count);
	for (;;) {
		if (sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
			return 0;
		if (errno == EAGAIN && poll(&p, 1, SEND_WAIT_MS) == 0)
			return -EAGAIN;
		if (errno != EAGAIN && errno != EINTR)
			return -errno;
	}
}

int vt_holdings_send(int socket, enum vt_holding_message kind, uint64_t id)
{
	struct head head = {.kind = kind, .id = id};

	return send_packet(socket, &head, "", NULL, 0);
}

int vt_holdings_send_mount(int socket, const struct vt_hold *hold)
{
	struct head head = {
		.kind = VT_HOLDING_MOUNT, .uid = hold->uid, .id = hold->id, .device = hold->device};
	int fds[] = {hold->fuse_fd, hold->state_fd};

	return send_packet(socket, &head, hold->mountpoint, fds, 2);
}

int vt_holdings_send_fd(int socket, enum vt_holding_message kind, int fd)
{
	struct head head = {.kind = kind};

	return send_packet(socket, &head, "", &fd, 1);
}

int vt_holdings_send_all(int socket, const struct vt_holdings *holdings)
{
	const struct vt_hold *hold;
	int r = vt_holdings_send_fd(socket, VT_HOLDING_LISTENER, holdings->listener);

	DL_FOREACH (holdings->list, hold)
		if (r >= 0)
			r = vt_holdings_send_mount(socket, hold);
	return r < 0 ? r : vt_holdings_send(socket, VT_HOLDING_ALL, holdings->next_id);
}

/* ---- receiving ------------------------------------------------------------------------------- */

static void take_descriptors(struct msghdr *message, int fds[DESCRIPTORS_MAX])
{
	struct cmsghdr *c = CMSG_FIRSTHDR(message);
	size_t count =
		c && c->cmsg_type == SCM_RIGHTS ? (c->cmsg_len - CMSG_LEN(0)) / sizeof *fds : 0;

	for (size_t i = 0; i < DESCRIPTORS_MAX; i++)
		fds[i] = -1;
	if (count > 0) /* the control buffer has room for no more than fit */
		memcpy(fds, CMSG_DATA(c), count * sizeof *fds);
}

/*
 * 1, or 0 at the end. ECONNRESET comes once, when the other end is gone and had not read all that
 * was sent to it; what it had sent itself comes after.
 */
static int receive_packet(int socket, struct packet *out, struct vt_error *err)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(DESCRIPTORS_MAX * sizeof *out->fds)];
	struct iovec parts[] = {{&out->head, sizeof out->head},
				{out->mountpoint, sizeof out->mountpoint - 1}};
	struct msghdr message = {.msg_iov = parts,
				 .msg_iovlen = 2,
				 .msg_control = control,
				 .msg_controllen = sizeof control};
	ssize_t n;

	do {
		n = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
	} while (n < 0 && (errno == EINTR || errno == ECONNRESET));
	if (n == 0)
		return 0;
	if (n < 0)
		return vt_fail(err, errno, "cannot hear the keeper's other end: %m");
	take_descriptors(&message, out->fds);
	if ((size_t) n < sizeof out->head)
		return vt_fail(err, EBADMSG, "a message about mounts is too short");
	out->mountpoint[(size_t) n - sizeof out->head] = '\0';
	return 1;
}

/* In place of the one before. */
static void take_one(int *held, struct packet *packet)
{
	vt_cleanup_close(held);
	*held = vt_steal_fd(&packet->fds[0]);
}

static int apply(struct vt_holdings *holdings, struct packet *packet, struct vt_error *err)
{
	const struct vt_mount_site site = {.mountpoint = packet->mountpoint,
					   .device = packet->head.device,
					   .uid = packet->head.uid};
	struct vt_hold *hold;

	switch (packet->head.kind) {
	case VT_HOLDING_LISTENER:
		take_one(&holdings->listener, packet);
		break;
	case VT_HOLDING_MOUNT:
		if (packet->fds[0] < 0 || packet->fds[1] < 0)
			return vt_fail(err, EBADMSG, "a mount came without its descriptors");
		hold = new_hold(&site, vt_steal_fd(&packet->fds[0]), vt_steal_fd(&packet->fds[1]));
		if (!hold)
			return vt_fail(err, ENOMEM, "no memory for a mount");
		hold->id = packet->head.id;
		DL_APPEND(holdings->list, hold);
		break;
	case VT_HOLDING_GONE:
		vt_holdings_remove(holdings, vt_holdings_find(holdings, packet->head.id));
		break;
	case VT_HOLDING_ALL:
		holdings->next_id = packet->head.id;
		break;
	case VT_HOLDING_STOP: /* who waits in its backlog is told by that */
		vt_cleanup_close(&holdings->listener);
		holdings->listener = -1;
		break;
	case VT_HOLDING_UNMOUNT:
		break;
	case VT_HOLDING_PROGRAM:
		take_one(&holdings->program, packet);
		break;
	case VT_HOLDING_SUCCESSION:
		if (packet->fds[0] < 0)
			return vt_fail(err, EBADMSG, "a succession came without its descriptor");
		take_one(&holdings->succession, packet);
		break;
	default:
		return vt_fail(err, EBADMSG, "a message about mounts is of an unknown kind");
	}
	return (int) packet->head.kind;
}

int vt_holdings_receive(int socket, struct vt_holdings *holdings, struct vt_error *err)
{
	struct packet packet = {.fds = {-1, -1}};
	int r = receive_packet(socket, &packet, err);

	if (r > 0)
		r = apply(holdings, &packet, err);
	for (size_t i = 0; i < DESCRIPTORS_MAX; i++)
		vt_cleanup_close(&packet.fds[i]);
	return r;
}
