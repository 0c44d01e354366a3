/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See transport.h.
 *
 * A restart (Linux 6.9 and later): FUSE_NOTIFY_RESEND makes the kernel queue again what the dead
 * server had read and not answered. If INIT was never answered it is the next message; otherwise
 * libfuse is given the saved INIT and its answer is kept from the kernel.
 */
#include "fs/transport.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "fs/session.h"
#include "index/base/error.h"
#include "index/base/log.h"

#ifndef FUSE_NOTIFY_RESEND /* Linux 6.9 */
#define FUSE_NOTIFY_RESEND 7
#endif

#define MESSAGE_MAX ((1u << 20) + 8192u) /* a FUSE message: 1 MiB and headers */

/* ---- messages -------------------------------------------------------------------------------- */

static ssize_t io_read(int fd, void *buf, size_t len, void *userdata)
{
	struct vt_session *session = userdata;
	struct vt_session_record *record = vt_session_state_record(session->state);
	const struct fuse_in_header *header = buf;
	size_t stashed = atomic_exchange(&session->stash_len, 0);
	ssize_t n;

	if (stashed) {
		memcpy(buf, session->stash, stashed);
		return (ssize_t) stashed;
	}
	n = read(fd, buf, len);
	if (n < (ssize_t) sizeof *header)
		return n;
	atomic_fetch_add_explicit(&session->request_count, 1, memory_order_relaxed);
	if (header->opcode == FUSE_INIT && (size_t) n <= sizeof record->init) {
		memcpy(record->init, buf, (size_t) n);
		record->init_len = (unsigned) n;
	}
	return n;
}

/* libfuse 3.14 offers PARALLEL_DIROPS and then forgets to ask for it. */
static void want_parallel_dirops(struct iovec *iov, int count)
{
	struct fuse_init_out *out;

	if (count < 2 || iov[1].iov_len < sizeof *out)
		return;
	out = iov[1].iov_base;
	out->flags |= FUSE_PARALLEL_DIROPS;
}

/* Remembers the first answer to INIT: a later server must not promise the kernel anything else. */
static void keep_init_reply(struct vt_session *session, const struct iovec *iov, int count)
{
	struct vt_session_record *record = vt_session_state_record(session->state);
	uint8_t reply[VT_SESSION_INIT_MAX];
	size_t len = 0;

	for (int i = 0; i < count; i++) {
		if (iov[i].iov_len > sizeof reply - len)
			return;
		memcpy(reply + len, iov[i].iov_base, iov[i].iov_len);
		len += iov[i].iov_len;
	}
	if (record->reply_len == 0) {
		memcpy(record->reply, reply, len);
		record->reply_len = (unsigned) len;
	} else if (record->reply_len != len || memcmp(record->reply, reply, len) != 0) {
		vt_log(VT_LOG_WARNING, "this server would answer INIT differently mount='%s'",
		       session->mountpoint);
	}
}

static ssize_t io_writev(int fd, struct iovec *iov, int count, void *userdata)
{
	struct vt_session *session = userdata;
	struct vt_session_record *record = vt_session_state_record(session->state);
	const struct fuse_out_header *header = iov[0].iov_base;
	uint64_t init = ((struct fuse_in_header *) record->init)->unique;

	if (record->init_len && header->unique == init) {
		want_parallel_dirops(iov, count);
		keep_init_reply(session, iov, count);
	}
	if (session->swallow)
		return (ssize_t) header->len;
	return writev(fd, iov, count);
}

static const struct fuse_custom_io transport = {.writev = io_writev, .read = io_read};

/* ---- start ----------------------------------------------------------------------------------- */

static ssize_t read_if_ready(struct vt_session *session, void *buf)
{
	struct pollfd ready = {.fd = session->fuse_fd, .events = POLLIN};
	int flags = fcntl(session->fuse_fd, F_GETFL);
	ssize_t n = -1;

	(void) fcntl(session->fuse_fd, F_SETFL, flags | O_NONBLOCK);
	if (poll(&ready, 1, 0) > 0)
		n = io_read(session->fuse_fd, buf, MESSAGE_MAX, session);
	(void) fcntl(session->fuse_fd, F_SETFL, flags);
	return n;
}

/* Brings libfuse to where the dead server's was; see the head of this file. */
static int take_up(struct vt_session *session, struct vt_error *err)
{
	struct vt_session_record *record = vt_session_state_record(session->state);
	struct fuse_out_header resend = {.len = sizeof resend, .error = FUSE_NOTIFY_RESEND};
	uint8_t saved[VT_SESSION_INIT_MAX];
	ssize_t n;

	session->stash = malloc(MESSAGE_MAX);
	if (!session->stash)
		return vt_fail(err, ENOMEM, "no memory to take up a mount");
	memset(session->stash, 1, MESSAGE_MAX); /* mapped now: a fault inside read() costs an EIO */
	if (write(session->fuse_fd, &resend, sizeof resend) < 0)
		vt_log(VT_LOG_WARNING,
		       "this kernel cannot send requests again (needs 6.9): those under way at the "
		       "restart never end mount='%s'",
		       session->mountpoint);
	n = read_if_ready(session, session->stash);
	if (n > 0 && ((struct fuse_in_header *) session->stash)->opcode == FUSE_INIT) {
		fuse_session_process_buf(session->fuse, &(struct fuse_buf){.mem = session->stash,
									   .size = (size_t) n});
		return 0;
	}
	memcpy(saved, record->init, record->init_len);
	session->swallow = true;
	fuse_session_process_buf(session->fuse,
				 &(struct fuse_buf){.mem = saved, .size = record->init_len});
	session->swallow = false;
	if (n > 0)
		session->stash_len = (size_t) n; /* may be slow: the loop answers it */
	return 0;
}

int vt_transport_begin(struct vt_session *session, struct vt_error *err)
{
	int r = fuse_session_custom_io(session->fuse, &transport, session->fuse_fd);

	if (r < 0)
		return vt_fail(err, -r, "libfuse would not take the descriptor: %m");
	if (vt_session_state_record(session->state)->init_len)
		return take_up(session, err);
	return 0;
}
