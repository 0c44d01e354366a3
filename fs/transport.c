/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See transport.h.
 *
 * A restart. On Linux 6.9 and later FUSE_NOTIFY_RESEND makes the kernel queue again what the dead
 * server had read and not answered; on others we keep it ourselves (kept_requests.h). INIT tells
 * which kernel it is, so INIT itself is always kept until that is noted. If INIT was never answered
 * it is the first message; otherwise libfuse is given the saved INIT and its answer is kept from
 * the kernel.
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

#include "fs/counters.h"
#include "fs/kept_requests.h"
#include "fs/session.h"
#include "index/base/error.h"
#include "index/base/log.h"

#ifndef FUSE_HAS_RESEND /* Linux 6.9 */
#define FUSE_HAS_RESEND    (1ull << 39)
#define FUSE_NOTIFY_RESEND 7
#endif

#define MESSAGE_MAX ((1u << 20) + 8192u) /* a FUSE message: 1 MiB and headers */
#define REQUEST_MAX 4096u                /* but of a read-only mount; forgets may be lost */

static atomic_bool silent;

/* ---- messages -------------------------------------------------------------------------------- */

/*
 * VITRINE_NO_RESEND, set to anything, makes a mount that begins behave as on a kernel before 6.9.
 * It is for tests. What was decided at INIT holds for the session, whoever serves it.
 */
static enum vt_session_repeat who_repeats(const void *init, size_t len)
{
	const struct fuse_init_in *in =
		(const void *) ((const char *) init + sizeof(struct fuse_in_header));
	uint64_t flags = 0;

	if (len >= sizeof(struct fuse_in_header) + sizeof *in && in->flags & FUSE_INIT_EXT)
		flags = in->flags | (uint64_t) in->flags2 << 32;
	return flags & FUSE_HAS_RESEND && !getenv("VITRINE_NO_RESEND") ? VT_REPEAT_BY_KERNEL
								       : VT_REPEAT_KEPT;
}

static void note_init(struct vt_session *session, const void *init, size_t len)
{
	struct vt_session_record *record = session->state->record;

	if (len > sizeof record->init)
		return;
	memcpy(record->init, init, len);
	record->init_len = (unsigned) len;
	if (record->repeat == VT_REPEAT_UNDECIDED)
		record->repeat = who_repeats(init, len);
}

/*
 * A thread that is killed may still take a request from the kernel, and if it finds no memory to
 * put it into, that ends with EIO for who asked instead of being sent again (fuse_copy_fill() pins
 * the pages, and pinning brings none in for a dying process).
 */
static void touch(void *buf, size_t len)
{
	volatile char *bytes = buf;

	bytes[0] = 0;
	if (len >= REQUEST_MAX)
		bytes[REQUEST_MAX - 1] = 0;
}

static ssize_t next_message(struct vt_session *session, int fd, void *buf, size_t len)
{
	size_t stashed = atomic_exchange(&session->stash_len, 0);

	if (stashed) {
		memcpy(buf, session->stash, stashed);
		return (ssize_t) stashed;
	}
	if (session->state->record->repeat == VT_REPEAT_BY_KERNEL) {
		touch(buf, len);
		return read(fd, buf, len);
	}
	return vt_kept_requests_read(session->kept, fd, buf, len);
}

/*
 * Gives -1 and sets errno to what ends the session in silence, if it is none that libfuse takes for
 * usual: its perror() would be in a thread that may be cancelled, and one that is cancelled there
 * keeps the lock of standard error.
 */
static ssize_t read_failed(const struct vt_session *session)
{
	if (errno != EINTR && errno != EAGAIN && errno != ENOENT && errno != ENODEV) {
		vt_log(VT_LOG_WARNING, "cannot read requests, the mount ends mount='%s': %m",
		       session->mountpoint);
		errno = ENODEV;
	}
	return -1;
}

static ssize_t io_read(int fd, void *buf, size_t len, void *userdata)
{
	struct vt_session *session = userdata;
	const struct fuse_in_header *header = buf;
	ssize_t n = next_message(session, fd, buf, len);

	if (n < 0)
		return read_failed(session);
	if (n < (ssize_t) sizeof *header)
		return n;
	vt_striped_add(&session->request_count, 1);
	vt_count_message(session->service->counters, header->opcode);
	if (header->opcode == FUSE_INIT)
		note_init(session, buf, (size_t) n);
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
	struct vt_session_record *record = session->state->record;
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
		session->differs = true;
		vt_log(VT_LOG_WARNING, "this server would answer INIT differently mount='%s'",
		       session->mountpoint);
	}
}

/* A notification has no number, and comes from threads that do not wait for INIT to be read. */
static bool is_init_reply(const struct vt_session_record *record,
			  const struct fuse_out_header *header)
{
	return header->unique && record->init_len &&
	       header->unique == ((const struct fuse_in_header *) record->init)->unique;
}

static ssize_t io_writev(int fd, struct iovec *iov, int count, void *userdata)
{
	struct vt_session *session = userdata;
	struct vt_session_record *record = session->state->record;
	const struct fuse_out_header *header = iov[0].iov_base;
	ssize_t n;

	if (is_init_reply(record, header)) {
		want_parallel_dirops(iov, count);
		keep_init_reply(session, iov, count);
	}
	if (header->unique && header->error < 0) /* else it is no answer */
		vt_count_error(session->service->counters, -header->error);
	if (session->swallow)
		return (ssize_t) header->len;
	while (silent)
		(void) pause();
	n = writev(fd, iov, count);
	if (record->repeat != VT_REPEAT_BY_KERNEL) {
		int code = errno;

		vt_kept_requests_answered(session->kept, header->unique);
		errno = code;
	}
	return n;
}

static const struct fuse_custom_io transport = {.writev = io_writev, .read = io_read};

/* ---- start ----------------------------------------------------------------------------------- */

static size_t read_if_ready(struct vt_session *session, void *buf)
{
	struct pollfd ready = {.fd = session->fuse_fd, .events = POLLIN};
	int flags = fcntl(session->fuse_fd, F_GETFL);
	ssize_t n = 0;

	(void) fcntl(session->fuse_fd, F_SETFL, flags | O_NONBLOCK);
	if (poll(&ready, 1, 0) > 0)
		n = io_read(session->fuse_fd, buf, MESSAGE_MAX, session);
	(void) fcntl(session->fuse_fd, F_SETFL, flags);
	return n > 0 ? (size_t) n : 0;
}

/* The first of what the dead server left, and from now on the others after it; 0: nothing. */
static size_t first_left(struct vt_session *session, void *buf)
{
	const struct fuse_out_header resend = {.len = sizeof resend, .error = FUSE_NOTIFY_RESEND};

	if (session->state->record->repeat != VT_REPEAT_BY_KERNEL)
		return vt_kept_requests_left(session->kept, session->fuse_fd, buf);
	if (write(session->fuse_fd, &resend, sizeof resend) < 0)
		vt_log(VT_LOG_WARNING,
		       "the kernel would not send requests again: those under way at the restart "
		       "never end mount='%s': %m",
		       session->mountpoint);
	return read_if_ready(session, buf);
}

static void replay_saved_init(struct vt_session *session)
{
	struct vt_session_record *record = session->state->record;
	uint8_t saved[VT_SESSION_INIT_MAX];

	memcpy(saved, record->init, record->init_len);
	session->swallow = true;
	fuse_session_process_buf(session->fuse,
				 &(struct fuse_buf){.mem = saved, .size = record->init_len});
	session->swallow = false;
}

/* Brings libfuse to where the dead server's was; see the head of this file. */
static int take_up(struct vt_session *session, struct vt_error *err)
{
	size_t len;

	session->stash = malloc(MESSAGE_MAX);
	if (!session->stash)
		return vt_fail(err, ENOMEM, "no memory to take up a mount");
	memset(session->stash, 1, MESSAGE_MAX); /* mapped now: a fault inside read() costs an EIO */
	len = first_left(session, session->stash);
	if (len > 0 && ((struct fuse_in_header *) session->stash)->opcode == FUSE_INIT) {
		note_init(session, session->stash, len);
		fuse_session_process_buf(session->fuse,
					 &(struct fuse_buf){.mem = session->stash, .size = len});
		return 0;
	}
	replay_saved_init(session);
	session->stash_len = len; /* may be slow: the loop answers it */
	return 0;
}

int vt_transport_begin(struct vt_session *session, struct vt_error *err)
{
	struct vt_session_record *record = session->state->record;
	int r = fuse_session_custom_io(session->fuse, &transport, session->fuse_fd);

	if (r < 0)
		return vt_fail(err, -r, "libfuse would not take the descriptor: %m");
	if (record->repeat != VT_REPEAT_BY_KERNEL)
		r = vt_kept_requests_open(session->state, &session->kept, err);
	if (r < 0 || !record->init_len)
		return r;
	vt_log(VT_LOG_INFO, "taking over mount='%s' requests=%s", session->mountpoint,
	       record->repeat == VT_REPEAT_BY_KERNEL ? "sent-again" : "kept");
	return take_up(session, err);
}

/* ---- end ------------------------------------------------------------------------------------- */

void vt_transport_fall_silent(void)
{
	silent = true;
}
