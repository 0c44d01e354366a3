/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See message.h. Time is bounded by deadlines rather than by socket timeouts: those begin anew with
 * every byte, and a peer that sends one a second would never run out of them.
 */
#include "fs/message.h"

#include "index/base/clock.h"
#include "index/base/error.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#define MAGIC           "VTC1"
#define FLUSH_AT        (64u << 10)
#define MESSAGE_WAIT_MS 30000  /* a message must be complete after its first byte */
#define SEND_WAIT_MS    600000 /* a pager may stand still for a while, but not for ever */

void vt_message_done(struct vt_message *message)
{
	json_decref(message->json);
	vt_buf_done(&message->blob);
	vt_cleanup_close(&message->fd);
	*message = VT_MESSAGE_INIT;
}

int vt_message_parse_head(const void *raw, const struct vt_message_head *max,
			  struct vt_message_head *out, struct vt_error *err)
{
	struct vt_reader r = vt_reader_over(raw, VT_MESSAGE_HEAD);
	const void *magic = vt_reader_get(&r, 4);
	struct vt_message_head head;

	if (memcmp(magic, MAGIC, 4) != 0)
		return vt_fail(err, EPROTO,
			       "the other end speaks another protocol than this vitrine (%s)",
			       MAGIC);
	head.json_len = vt_reader_le32(&r);
	head.blob_len = vt_reader_le32(&r);
	if (vt_reader_le32(&r) != 0)
		return vt_fail(err, EBADMSG, "the reserved field of a message is not 0");
	if (head.json_len > max->json_len || head.blob_len > max->blob_len)
		return vt_fail(err, EMSGSIZE,
			       "a message of %u bytes of JSON and %u of blob is larger than %u and "
			       "%u may be",
			       head.json_len, head.blob_len, max->json_len, max->blob_len);
	*out = head;
	return 0;
}

int vt_message_parse_json(const void *text, size_t len, json_t **out, struct vt_error *err)
{
	json_error_t why;
	json_t *json = json_loadb(text, len, JSON_REJECT_DUPLICATES, &why);

	if (!json)
		return vt_fail(err, EBADMSG, "a message is not JSON: %s", why.text);
	if (!json_is_object(json)) {
		json_decref(json);
		return vt_fail(err, EBADMSG, "a message is JSON but no object");
	}
	*out = json;
	return 0;
}

static int append(const char *data, size_t len, void *out)
{
	vt_buf_put(out, data, len);
	return vt_buf_failed(out) ? -1 : 0;
}

static void store_le32(uint8_t *at, size_t value)
{
	for (int i = 0; i < 4; i++)
		at[i] = (uint8_t) (value >> 8 * i);
}

int vt_message_encode(const json_t *json, size_t blob_len, struct vt_buf *out, struct vt_error *err)
{
	size_t start = out->len, json_len;
	uint8_t *head;

	vt_buf_put(out, MAGIC "\0\0\0\0\0\0\0\0\0\0\0\0", VT_MESSAGE_HEAD);
	if (json_dump_callback(json, append, out, JSON_COMPACT) < 0 || vt_buf_failed(out)) {
		out->len = start;
		return vt_fail(err, ENOMEM, "no memory for a message");
	}
	json_len = out->len - start - VT_MESSAGE_HEAD;
	if (json_len > VT_MESSAGE_JSON_MAX || blob_len > VT_MESSAGE_BLOB_MAX) {
		out->len = start;
		return vt_fail(err, EMSGSIZE, "a message would be too large (%zu and %zu bytes)",
			       json_len, blob_len);
	}
	head = out->data + start;
	store_le32(head + 4, json_len);
	store_le32(head + 8, blob_len);
	return 0;
}

void vt_channel_init(struct vt_channel *channel, int fd)
{
	*channel = (struct vt_channel){
		.fd = fd, .idle_ms = -1, .max = {VT_MESSAGE_JSON_MAX, VT_MESSAGE_BLOB_MAX}};
}

void vt_channel_done(struct vt_channel *channel)
{
	vt_cleanup_close(&channel->fd);
	channel->fd = -1;
	vt_buf_done(&channel->out);
}

/* ---- waiting --------------------------------------------------------------------------------- */

static uint64_t deadline_in(int ms)
{
	return ms < 0 ? UINT64_MAX
		      : vt_clock_monotonic_ns() + (uint64_t) ms * (VT_NS_PER_SEC / 1000);
}

static int wait_for(int fd, short events, uint64_t deadline, struct vt_error *err)
{
	for (;;) {
		struct pollfd p = {.fd = fd, .events = events};
		uint64_t now = vt_clock_monotonic_ns();
		uint64_t left_ms =
			deadline > now ? (deadline - now) / (VT_NS_PER_SEC / 1000) + 1 : 0;
		int r = poll(&p, 1,
			     deadline == UINT64_MAX ? -1
			     : left_ms > INT_MAX    ? INT_MAX
						    : (int) left_ms);

		if (r > 0)
			return 0;
		if (r == 0)
			return vt_fail(err, ETIMEDOUT, "the other end of the socket is silent");
		if (errno != EINTR)
			return vt_fail(err, errno, "cannot wait for the socket: %m");
	}
}

/* ---- sending --------------------------------------------------------------------------------- */

/* One sendmsg; `fd` goes with its first byte. Returns the bytes taken, or -EAGAIN. */
static ssize_t send_some(int socket, const struct iovec *parts, size_t count, int fd)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof fd)] = {0};
	struct msghdr message = {.msg_iov = (struct iovec *) parts, .msg_iovlen = count};
	ssize_t n;

	if (fd >= 0) {
		struct cmsghdr *c = (struct cmsghdr *) control;

		message.msg_control = control;
		message.msg_controllen = sizeof control;
		*c = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof fd),
				      .cmsg_level = SOL_SOCKET,
				      .cmsg_type = SCM_RIGHTS};
		memcpy(CMSG_DATA(c), &fd, sizeof fd);
	}
	do {
		n = sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

static int send_all(int socket, struct iovec *parts, size_t count, int fd, struct vt_error *err)
{
	uint64_t deadline = deadline_in(SEND_WAIT_MS);

	while (count > 0) {
		ssize_t n;
		int r;

		if (parts->iov_len == 0) {
			parts++;
			count--;
			continue;
		}
		n = send_some(socket, parts, count, fd);
		if (n == -EAGAIN) {
			r = wait_for(socket, POLLOUT, deadline, err);
			if (r < 0)
				return r;
			continue;
		}
		if (n < 0)
			return vt_fail(err, (int) -n, "cannot send: %m");
		fd = -1;
		deadline = deadline_in(SEND_WAIT_MS);
		for (size_t left = (size_t) n; left > 0;) {
			size_t step = left < parts->iov_len ? left : parts->iov_len;

			parts->iov_base = (char *) parts->iov_base + step;
			parts->iov_len -= step;
			left -= step;
			if (parts->iov_len == 0) {
				parts++;
				count--;
			}
		}
	}
	return 0;
}

static int send_out(struct vt_channel *channel, const void *blob, size_t blob_len, int fd,
		    struct vt_error *err)
{
	struct iovec parts[] = {{channel->out.data, channel->out.len},
				{(void *) (uintptr_t) blob, blob_len}};
	int r;

	if (channel->broken)
		return vt_fail(err, EPIPE, "the connection broke within a message");
	r = send_all(channel->fd, parts, 2, fd, err);
	channel->broken = r < 0;
	vt_buf_reset(&channel->out);
	return r;
}

int vt_channel_send(struct vt_channel *channel, const json_t *json, const void *blob,
		    size_t blob_len, int fd, struct vt_error *err)
{
	int r;

	/* A descriptor must meet the first byte of its own message. */
	if (fd >= 0) {
		r = vt_channel_flush(channel, err);
		if (r < 0)
			return r;
	}
	r = vt_message_encode(json, blob_len, &channel->out, err);
	if (r < 0)
		return r;
	if (fd < 0 && channel->out.len + blob_len < FLUSH_AT) {
		vt_buf_put(&channel->out, blob, blob_len);
		if (!vt_buf_failed(&channel->out))
			return 0;
		channel->out.failed = false; /* what is there is whole; send the blob by itself */
	}
	return send_out(channel, blob, blob_len, fd, err);
}

int vt_channel_flush(struct vt_channel *channel, struct vt_error *err)
{
	return channel->out.len ? send_out(channel, NULL, 0, -1, err) : 0;
}

/* ---- receiving ------------------------------------------------------------------------------- */

/* Keeps the first descriptor of a control message, closes any other. */
static void keep_descriptor(struct msghdr *message, int *fd)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
		size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < count; i++) {
			int given;

			memcpy(&given, CMSG_DATA(c) + i * sizeof given, sizeof given);
			if (*fd < 0)
				*fd = given;
			else
				(void) close(given);
		}
	}
}

/* Up to `len` bytes. Without `fd`, descriptors that come along are closed by the kernel. */
static ssize_t receive_some(int socket, void *out, size_t len, int *fd)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof *fd)];
	struct iovec part = {out, len};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
	ssize_t n;

	if (fd) {
		message.msg_control = control;
		message.msg_controllen = sizeof control;
	}
	do {
		n = recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if (fd)
		keep_descriptor(&message, fd);
	return n;
}

/* Bytes received: `len`, or fewer when the other end closed. */
static ssize_t receive_all(int socket, void *out, size_t len, uint64_t deadline, int *fd,
			   struct vt_error *err)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = receive_some(socket, (char *) out + done, len - done, fd);
		int r;

		if (n == 0)
			break;
		if (n == -EAGAIN) {
			r = wait_for(socket, POLLIN, deadline, err);
			if (r < 0)
				return r;
			continue;
		}
		if (n < 0)
			return vt_fail(err, (int) -n, "cannot receive: %m");
		done += (size_t) n;
	}
	return (ssize_t) done;
}

static int receive_exactly(int socket, void *out, size_t len, uint64_t deadline, int *fd,
			   struct vt_error *err)
{
	ssize_t n = receive_all(socket, out, len, deadline, fd, err);

	if (n < 0)
		return (int) n;
	if ((size_t) n < len)
		return vt_fail(err, ECONNRESET, "the other end closed within a message");
	return 0;
}

static int receive_body(struct vt_channel *channel, const struct vt_message_head *head,
			uint64_t deadline, struct vt_message *message, struct vt_error *err)
{
	vt_autofree char *text = malloc(head->json_len + 1u);
	void *blob = vt_buf_grow(&message->blob, head->blob_len);
	int r;

	if (!text || vt_buf_failed(&message->blob))
		return vt_fail(err, ENOMEM, "no memory for a message");
	r = receive_exactly(channel->fd, text, head->json_len, deadline, NULL, err);
	if (r >= 0)
		r = receive_exactly(channel->fd, blob, head->blob_len, deadline, NULL, err);
	if (r < 0)
		return r;
	return vt_message_parse_json(text, head->json_len, &message->json, err);
}

int vt_channel_receive(struct vt_channel *channel, struct vt_message *out, struct vt_error *err)
{
	vt_cleanup(vt_message_done) struct vt_message message = VT_MESSAGE_INIT;
	uint8_t raw[VT_MESSAGE_HEAD];
	struct vt_message_head head;
	uint64_t deadline;
	ssize_t n;
	int r;

	n = receive_all(channel->fd, raw, 1, deadline_in(channel->idle_ms), &message.fd, err);
	if (n <= 0)
		return (int) n;
	deadline = deadline_in(MESSAGE_WAIT_MS);
	r = receive_exactly(channel->fd, raw + 1, sizeof raw - 1, deadline, NULL, err);
	if (r >= 0)
		r = vt_message_parse_head(raw, &channel->max, &head, err);
	if (r >= 0)
		r = receive_body(channel, &head, deadline, &message, err);
	if (r < 0)
		return r;
	*out = message;
	message = VT_MESSAGE_INIT;
	return 1;
}

/* ---- errors by name -------------------------------------------------------------------------- */

const char *vt_errno_name(int code)
{
	const char *name = strerrorname_np(code);

	return name && code > 0 ? name : "EIO";
}

int vt_errno_by_name(const char *name)
{
	enum { CODES = 134 }; /* of Linux, EHWPOISON being the last */

	for (int code = 1; code < CODES; code++) {
		const char *known = strerrorname_np(code);

		if (known && strcmp(known, name) == 0)
			return code;
	}
	return EIO;
}
