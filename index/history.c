/* SPDX-License-Identifier: Apache-2.0 */
/* See history.h. */
#include "index/history.h"

#include <string.h>

#include "index/base/buf.h"
#include "index/record.h"
#include "index/record_private.h"

bool vt_history_next(struct vt_reader *rows, struct vt_ancestor *out)
{
	vt_record_get_bytes(rows, out->digest.bytes, VT_DIGEST_LEN);
	out->created_ns = vt_reader_le64(rows);
	out->files = vt_reader_le64(rows);
	out->name = vt_record_get_text(rows, VT_NAME_PART_MAX);
	out->author = vt_record_get_text(rows, VT_AUTHOR_MAX);
	return !rows->failed;
}

static void put_row(struct vt_buf *rows, const struct vt_version *version)
{
	vt_buf_put(rows, version->digest.bytes, VT_DIGEST_LEN);
	vt_buf_put_le64(rows, version->created_ns);
	vt_buf_put_le64(rows, version->counts.files);
	vt_record_put_text(rows, version->name);
	vt_record_put_text(rows, version->author);
}

struct vt_history vt_history_after(const struct vt_version *parent, struct vt_buf *rows)
{
	struct vt_history history = {0};
	const struct vt_history *older;
	struct vt_reader reader;
	struct vt_ancestor row;

	if (!parent)
		return history;
	older = &parent->history;
	put_row(rows, parent);
	history.count = 1;
	reader = vt_reader_over(older->rows, older->len);
	while (history.count < VT_HISTORY_MAX && vt_history_next(&reader, &row))
		history.count++;
	vt_buf_put(rows, older->rows, older->len - vt_reader_left(&reader));
	history.rows = rows->data;
	history.len = rows->len;
	history.more = older->more || history.count <= older->count;
	return history;
}
