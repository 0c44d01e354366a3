/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that walk a version's tree or read its files, with bounded memory. */
#include "fs/file_reader.h"
#include "fs/requests.h"
#include "fs/rows.h"
#include "fs/service.h"
#include "index/base/error.h"
#include "index/diff.h"

#include <errno.h>

#define PIECE (1u << 20) /* bytes of a blob that cat sends */

static const struct vt_page_source *pages_of(const struct vt_control_request *request)
{
	return &request->service->index->pages;
}

int vt_control_find_path(const struct vt_control_request *request, struct vt_buf *path,
			 struct vt_node *node, struct vt_error *err)
{
	int r = vt_arg_path(request->args, path, err);

	if (r < 0)
		return r;
	r = vt_tree_find(pages_of(request), &request->version->tree,
			 path->len ? (const char *) path->data : "", path->len, node, err);
	return r < 0 ? vt_fail_in(err, r, "'%s@%s'", request->dataset->name, request->version->name)
		     : 0;
}

/* ---- list ------------------------------------------------------------------------------------ */

static int send_entry(struct vt_control_request *request, const char *key, const char *text,
		      size_t len, const struct vt_entry *entry, struct vt_error *err)
{
	int r = vt_control_recheck(request, err);

	return r < 0 ? r
		     : vt_control_send(request, vt_row_entry(key, text, len, entry), NULL, 0, err);
}

static int list_directory(struct vt_control_request *request, const struct vt_node *target,
			  struct vt_error *err)
{
	struct vt_dir_cursor cursor;
	struct vt_node node = {0};
	int r;

	vt_dir_cursor_init(&cursor, vt_node_dir(target), 0);
	while ((r = vt_dir_cursor_next(&cursor, pages_of(request), false, &node, err)) > 0) {
		r = send_entry(request, "name", node.entry.name, node.entry.name_len, &node.entry,
			       err);
		vt_node_done(&node);
		if (r < 0)
			break;
	}
	vt_dir_cursor_done(&cursor);
	return r;
}

/* A directory's descendants are the positions that follow its own. */
static int list_below(struct vt_control_request *request, const struct vt_node *target,
		      size_t prefix, struct vt_error *err)
{
	vt_cleanup(vt_tree_walk_freep) struct vt_tree_walk *walk = NULL;
	struct vt_node node = {0};
	const char *path;
	size_t len;
	int r = vt_tree_walk_new(pages_of(request), &request->version->tree, target->position + 1,
				 &walk, err);

	for (uint32_t left = target->entry.nodes - 1; r >= 0 && left > 0; left--) {
		r = vt_tree_walk_next(walk, &node, &path, &len, err);
		if (r == 0)
			return vt_fail(err, EBADMSG, "the tree ends before its directory does");
		if (r > 0)
			r = send_entry(request, "path", path + prefix, len - prefix, &node.entry,
				       err);
		vt_node_done(&node);
	}
	return r;
}

int vt_serve_list(struct vt_control_request *request, struct vt_error *err)
{
	struct vt_buf path = VT_BUF_INIT;
	struct vt_node target = {0};
	bool recursive;
	int r = vt_arg_flag(request->args, "recursive", &recursive, err);

	if (r >= 0)
		r = vt_control_find_path(request, &path, &target, err);
	if (r < 0)
		; /* nothing to list */
	else if (target.entry.type != VT_DIRECTORY)
		r = send_entry(request, recursive ? "path" : "name", target.entry.name,
			       target.entry.name_len, &target.entry, err);
	else if (recursive)
		r = target.entry.nodes > 1
			    ? list_below(request, &target, path.len ? path.len + 1 : 0, err)
			    : 0;
	else
		r = list_directory(request, &target, err);
	vt_node_done(&target);
	vt_buf_done(&path);
	return r;
}

/* ---- cat ------------------------------------------------------------------------------------- */

static int check_is_file(const struct vt_node *node, const struct vt_buf *path,
			 struct vt_error *err)
{
	const struct vt_entry *entry = &node->entry;

	switch (entry->type) {
	case VT_FILE:
	case VT_LABELLED: /* in no tree of files */
		return 0;
	case VT_DIRECTORY:
		return vt_fail(err, EISDIR, "'%.*s' is a directory", (int) path->len,
			       path->len ? (const char *) path->data : "");
	case VT_SYMLINK:
		break;
	}
	return vt_fail(err, EINVAL, "'%.*s' is a symlink to '%.*s', which is not followed",
		       (int) path->len, (const char *) path->data, (int) entry->target_len,
		       entry->target);
}

static int send_content(struct vt_control_request *request, const struct vt_content *content,
			struct vt_error *err)
{
	vt_autofree uint8_t *piece = malloc(PIECE);

	if (!piece)
		return vt_fail(err, ENOMEM, "no memory to read into");
	for (uint64_t offset = 0; offset < content->size;) {
		uint64_t left = content->size - offset;
		size_t len = left < PIECE ? (size_t) left : PIECE;
		ssize_t n = vt_file_reader_read_sync(request->service->reader, content, offset, len,
						     piece, err);
		int r;

		if (n < 0)
			return (int) n;
		/* After the read: what was taken away meanwhile is not sent. */
		r = vt_control_recheck(request, err);
		if (r >= 0)
			r = vt_control_send(request, json_object(), piece, len, err);
		if (r < 0)
			return r;
		offset += len;
	}
	return 0;
}

int vt_serve_cat(struct vt_control_request *request, struct vt_error *err)
{
	struct vt_buf path = VT_BUF_INIT;
	struct vt_node target = {0};
	int r = vt_control_find_path(request, &path, &target, err);

	if (r >= 0)
		r = check_is_file(&target, &path, err);
	if (r >= 0)
		r = vt_control_record_read(request, target.position, err);
	if (r >= 0) {
		struct vt_content content = {
			.domain = request->dataset->domain,
			.id = target.entry.content,
			.size = target.entry.size,
			.hint = target.entry.hint,
		};

		request->result = json_pack("{s:I}", "size", (json_int_t) content.size);
		r = send_content(request, &content, err);
	}
	vt_node_done(&target);
	vt_buf_done(&path);
	return r;
}

/* ---- diff ------------------------------------------------------------------------------------ */

struct changes {
	struct vt_control_request *request;
	struct vt_error *err;
	uint64_t added, removed, changed, metadata, bytes_added, bytes_removed;
};

static void count_change(struct changes *changes, enum vt_change change,
			 const struct vt_entry *before, const struct vt_entry *after)
{
	switch (change) {
	case VT_ADDED:
		changes->added++;
		break;
	case VT_REMOVED:
		changes->removed++;
		break;
	case VT_CHANGED:
		changes->changed++;
		break;
	case VT_METADATA:
		changes->metadata++;
		return;
	}
	if (after && after->type == VT_FILE)
		changes->bytes_added += after->size;
	if (before && before->type == VT_FILE)
		changes->bytes_removed += before->size;
}

static int send_change(void *context, enum vt_change change, const char *path, size_t path_len,
		       const struct vt_entry *before, const struct vt_entry *after)
{
	struct changes *changes = context;
	int r = vt_control_recheck(changes->request, changes->err);

	if (r < 0)
		return r;
	count_change(changes, change, before, after);
	return vt_control_send(changes->request,
			       vt_row_change(change, path, path_len, before, after), NULL, 0,
			       changes->err);
}

int vt_control_send_diff(struct vt_control_request *request, const struct vt_tree *before,
			 const struct vt_tree *after, struct vt_error *err)
{
	struct changes changes = {.request = request, .err = err};
	int r = vt_diff(pages_of(request), before, after, send_change, &changes, err);

	if (r < 0)
		return r;
	request->result = json_pack(
		"{s:I, s:I, s:I, s:I, s:I, s:I}", "added", (json_int_t) changes.added, "removed",
		(json_int_t) changes.removed, "changed", (json_int_t) changes.changed, "metadata",
		(json_int_t) changes.metadata, "bytes_added", (json_int_t) changes.bytes_added,
		"bytes_removed", (json_int_t) changes.bytes_removed);
	return 0;
}

int vt_serve_diff(struct vt_control_request *request, struct vt_error *err)
{
	const char *dataset_name = request->dataset->name, *name;
	bool no_labels;
	int r = vt_arg_text_or(request->args, "other_dataset", &dataset_name, err);

	if (r >= 0)
		r = vt_arg_text(request->args, "other", &name, err);
	if (r >= 0)
		r = vt_arg_flag(request->args, "no_labels", &no_labels, err);
	if (r >= 0)
		r = vt_control_find_other(request, request->op->right, dataset_name, name, err);
	if (r >= 0)
		r = vt_control_send_diff(request, &request->version->tree, &request->other->tree,
					 err);
	return r < 0 || no_labels ? r : vt_control_send_label_diff(request, err);
}
