/* SPDX-License-Identifier: Apache-2.0 */
/* See changes.h. The body goes through a scratch file: it may be as long as a listing of all. */
#include "tools/publish/changes.h"

#include "fs/document.h"
#include "index/base/error.h"
#include "tools/publish/scratch.h"
#include "tools/publish/stream.h"

struct writing {
	struct vt_changes *out;
	struct vt_scratch_writer body;
	struct vt_buf piece;
	struct vt_error *err;
	bool any;
};

struct body_input {
	struct vt_input input; /* first */
	int fd;
	uint64_t at, size;
};

static ssize_t read_body(struct vt_input *input, void *data, size_t len, struct vt_error *err)
{
	struct body_input *in = (struct body_input *) input;
	int r;

	if (len > in->size - in->at)
		len = (size_t) (in->size - in->at);
	r = vt_scratch_read(in->fd, data, len, in->at, err);
	if (r < 0)
		return r;
	in->at += len;
	return (ssize_t) len;
}

static int write_change(void *context, enum vt_change change, const char *path, size_t path_len,
			const struct vt_entry *before, const struct vt_entry *after)
{
	struct writing *writing = context;
	struct vt_changes *out = writing->out;
	const struct vt_entry *entry = after ? after : before;

	if (entry->type != VT_DIRECTORY) {
		out->added += change == VT_ADDED;
		out->removed += change == VT_REMOVED;
		out->changed += change == VT_CHANGED || change == VT_METADATA;
	}
	vt_buf_reset(&writing->piece);
	vt_document_change(change, path, path_len, before, after, !writing->any, &writing->piece);
	writing->any = true;
	if (vt_buf_failed(&writing->piece))
		return vt_fail(writing->err, ENOMEM, "no memory for a change");
	return vt_scratch_append(&writing->body, writing->piece.data, writing->piece.len,
				 writing->err);
}

int vt_changes_store(struct vt_publish_context *context, const struct vt_tree *tree,
		     struct vt_changes *out, struct vt_error *err)
{
	struct vt_publish_backend *backend = context->backend;
	struct writing writing = {.out = out, .err = err};
	struct body_input input = {.input = {read_body}};
	vt_autoclose int fd = -1;
	struct vt_stored stored;
	int r;

	if (context->info->parent == 0)
		return 0;
	fd = vt_scratch_open(context->info->dir, err);
	if (fd < 0)
		return fd;
	writing.body.fd = fd;
	(void) pthread_mutex_lock(&context->backend_lock);
	r = backend->ops->diff(backend, tree, write_change, &writing, err);
	(void) pthread_mutex_unlock(&context->backend_lock);
	if (r == 0)
		r = vt_scratch_flush(&writing.body, err);
	vt_scratch_writer_done(&writing.body);
	vt_buf_done(&writing.piece);
	if (r < 0)
		return r;
	input.fd = fd;
	input.size = writing.body.at;
	r = vt_stream_store(context->pool, context->threads, NULL, 0, &input.input, &stored, err);
	if (r < 0)
		return r;
	out->content = stored.digest;
	out->size = stored.size;
	return 0;
}
