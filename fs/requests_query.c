/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `select`: the paths of the files that an expression means (fs/requests.md, "Labels"). The set is
 * made first, as a whole: what is sent afterwards are its paths, in walk order, many in a blob.
 */
#include "fs/hits.h"
#include "fs/label_index.h"
#include "fs/requests.h"
#include "fs/service.h"
#include "index/base/error.h"
#include "index/expression.h"
#include "index/index.h"

#include <errno.h>
#include <string.h>

#define SEND_MAX (1u << 20) /* of an answer */

static int send_blob(struct vt_control_request *request, struct vt_buf *blob, struct vt_error *err)
{
	int r;

	if (vt_buf_failed(blob))
		return vt_fail(err, ENOMEM, "no memory for paths");
	if (blob->len == 0)
		return 0;
	r = vt_control_recheck(request, err);
	if (r >= 0)
		r = vt_control_send(request, json_object(), blob->data, blob->len, err);
	vt_buf_reset(blob);
	return r;
}

static int send_paths(struct vt_control_request *request, const struct vt_hits *hits,
		      uint64_t limit, struct vt_error *err)
{
	const struct vt_labelled_files version =
		vt_labelled_files_of(request->service->index, request->version);
	vt_cleanup(vt_file_labels_freep) struct vt_file_labels *files = NULL;
	vt_cleanup(vt_buf_done) struct vt_buf blob = VT_BUF_INIT;
	struct vt_labelled_file file;
	uint32_t at = 0;
	int r = vt_file_labels_new(&version, &files, err);

	for (; r >= 0 && limit > 0 && (at = vt_hits_next(hits, at)) != VT_HITS_NONE; limit--) {
		r = vt_file_labels_next(files, at, &file, err);
		if (r == 0 || (r > 0 && file.position != at))
			return vt_fail(err, EBADMSG, "the tree has no file at position %u",
				       (unsigned) at);
		if (r < 0)
			return r;
		vt_buf_put_le16(&blob, (uint16_t) file.path_len);
		vt_buf_put(&blob, file.path, file.path_len);
		if (blob.len >= SEND_MAX)
			r = send_blob(request, &blob, err);
		at++;
	}
	return r < 0 ? r : send_blob(request, &blob, err);
}

int vt_control_select(struct vt_control_request *request, const struct vt_expression **where,
		      struct vt_hits **out, struct vt_error *err)
{
	/* Who has gone, or may no longer know, keeps no disk busy. */
	const struct vt_cancel cancel = {vt_control_is_over, request};
	const char *text;
	int r = vt_arg_text(request->args, "where", &text, err);

	if (r >= 0)
		r = vt_expression_parse(text, strlen(text), where, err);
	if (r >= 0)
		r = vt_label_index_query(request->service->labels, request->version, *where,
					 &cancel, out, err);
	if (r == -ECANCELED)
		return vt_control_stopped(request, err);
	return r < 0 ? r : vt_control_recheck(request, err);
}

int vt_serve_select(struct vt_control_request *request, struct vt_error *err)
{
	vt_cleanup(vt_expression_freep) const struct vt_expression *expression = NULL;
	vt_cleanup(vt_hits_unrefp) struct vt_hits *hits = NULL;
	uint64_t limit = UINT32_MAX;
	int r = 0;

	if (json_object_get(request->args, "limit"))
		r = vt_arg_number(request->args, "limit", UINT32_MAX, &limit, err);
	if (r >= 0)
		r = vt_control_select(request, &expression, &hits, err);
	if (r >= 0)
		r = send_paths(request, hits, limit, err);
	if (r < 0)
		return r;
	request->result = json_pack("{s:s, s:s, s:I}", "version", request->version->name, "where",
				    expression->text, "files",
				    (json_int_t) roaring_bitmap_get_cardinality(hits->files));
	return request->result ? 0 : vt_fail(err, ENOMEM, "no memory for an answer");
}
