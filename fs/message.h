/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Framing of the control socket (fs/requests.md): a 16-byte head, a JSON object, a blob, and at
 * most one descriptor that comes with the first byte. Both ends use it. Sizes are checked against
 * the channel's bounds before anything is allocated.
 *
 * A channel belongs to one thread at a time.
 */
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "index/base/buf.h"
#include "index/base/cleanup.h"

struct vt_error;

#define VT_PROTOCOL         1 /* "VTC1"; what hello answers */
#define VT_MESSAGE_HEAD     16u
#define VT_MESSAGE_JSON_MAX (1u << 20)
#define VT_MESSAGE_BLOB_MAX (4u << 20)

struct vt_message {
	json_t *json; /* an object */
	struct vt_buf blob;
	int fd; /* a descriptor that came along, or -1 */
};
#define VT_MESSAGE_INIT ((struct vt_message){.fd = -1})
void vt_message_done(struct vt_message *message);

/* The two halves of reading, without a socket. -EPROTO another magic, -EMSGSIZE, -EBADMSG. */
struct vt_message_head {
	uint32_t json_len, blob_len;
};
int vt_message_parse_head(const void *raw, const struct vt_message_head *max,
			  struct vt_message_head *out, struct vt_error *err);
int vt_message_parse_json(const void *text, size_t len, json_t **out, struct vt_error *err);

/* Appends head and JSON; the blob, of which only the length is used, goes after them. */
int vt_message_encode(const json_t *json, size_t blob_len, struct vt_buf *out,
		      struct vt_error *err);

struct vt_channel {
	int fd;      /* a connected stream socket; owned */
	int idle_ms; /* how long receive waits for a message to begin; -1: for ever */
	struct vt_message_head max; /* of what may be received */
	struct vt_buf out;          /* encoded, not yet sent */
	bool broken;                /* a message went out in part; nothing may follow it */
};

/* Takes `fd`. Waits for ever and takes the largest messages unless told otherwise. */
void vt_channel_init(struct vt_channel *channel, int fd);
void vt_channel_done(struct vt_channel *channel); /* closes; drops what was not flushed */

/*
 * Sends, now or with a later message: what is small waits for vt_channel_flush or for 64 KiB.
 * `fd` (-1: none) is borrowed and sent at once. -EPIPE the other end is gone, -ETIMEDOUT it takes
 * nothing.
 */
int vt_channel_send(struct vt_channel *channel, const json_t *json, const void *blob,
		    size_t blob_len, int fd, struct vt_error *err);
int vt_channel_flush(struct vt_channel *channel, struct vt_error *err);

/*
 * 1: a message, the caller's; 0: the other end closed between two messages. -ECONNRESET it went
 * away within one, -ETIMEDOUT, or what parsing says; after an error the channel is of no more use,
 * except that a last message may be sent.
 */
int vt_channel_receive(struct vt_channel *channel, struct vt_message *out, struct vt_error *err);

/* Errors travel by name: numbers differ between machines, and programs read the answers. */
const char *vt_errno_name(int code);    /* "ENOENT"; "EIO" for what has no name */
int vt_errno_by_name(const char *name); /* EIO for a name nobody knows */
