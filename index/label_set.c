/* SPDX-License-Identifier: Apache-2.0 */
/* See label_set.h. */
#include "index/label_set.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/array.h"
#include "index/base/error.h"
#include "index/label_tree.h"

void vt_label_set_done(struct vt_label_set *set)
{
	vt_buf_done(&set->bytes);
	free(set->rows);
}

void vt_label_set_clear(struct vt_label_set *set)
{
	vt_buf_reset(&set->bytes);
	set->count = 0;
}

int vt_label_set_add_entry(struct vt_label_set *set, const struct vt_page_source *pages,
			   const struct vt_entry *entry, struct vt_error *err)
{
	struct vt_label_rows rows;
	struct vt_label label;
	int r = vt_label_rows_open(&rows, pages, entry, err);

	while (r >= 0 && (r = vt_label_rows_next(&rows, &label, err)) > 0) {
		vt_buf_put_le32(&set->bytes, (uint32_t) rows.reader.row_len);
		vt_buf_put(&set->bytes, rows.reader.row, rows.reader.row_len);
		set->count++;
	}
	vt_label_rows_done(&rows);
	return r;
}

void vt_label_set_add_rows(struct vt_label_set *set, const void *rows, size_t len, size_t count)
{
	vt_buf_put(&set->bytes, rows, len);
	set->count += count;
}

int vt_label_set_add_path(struct vt_label_set *set, const struct vt_page_source *pages,
			  const struct vt_label_tree *tree, const char *path, size_t len,
			  struct vt_error *err)
{
	struct vt_node node = {0};
	int r;

	if (tree->labels == 0)
		return 0;
	r = vt_label_tree_find(pages, tree, path, len, &node, err);
	if (r == -ENOENT || r == -ENOTDIR)
		r = 0;
	else if (r == 0 && node.entry.type == VT_LABELLED)
		r = vt_label_set_add_entry(set, pages, &node.entry, err);
	vt_node_done(&node);
	return r;
}

int vt_label_set_decode(struct vt_label_set *set, struct vt_error *err)
{
	struct vt_label_block_reader reader;

	if (vt_buf_failed(&set->bytes))
		return vt_fail(err, ENOMEM, "no memory for the labels of a file");
	if (vt_array_reserve(set->rows, set->room, set->count) < 0)
		return vt_fail(err, ENOMEM, "no memory for the labels of a file");
	reader = vt_label_block_reader_over(set->bytes.data, set->bytes.len);
	for (size_t i = 0; i < set->count; i++)
		(void) vt_label_block_next(&reader, &set->rows[i]);
	return 0;
}

int vt_label_set_read(struct vt_label_set *set, const struct vt_page_source *pages,
		      const struct vt_label_tree *tree, const char *path, size_t len,
		      struct vt_error *err)
{
	int r;

	vt_label_set_clear(set);
	r = vt_label_set_add_path(set, pages, tree, path, len, err);
	return r < 0 ? r : vt_label_set_decode(set, err);
}
