/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See relabel.h.
 */
#include "index/relabel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/error.h"
#include "index/label_edit.h"
#include "index/label_set.h"
#include "index/page_store.h"

struct vt_relabel {
	struct vt_page_source files, labels;
	struct vt_tree tree;
	struct vt_label_tree old;
	struct vt_page_store *pages;
	struct vt_page_sink sink;
	struct vt_label_edit *edit;
	struct vt_label_set set; /* of one file */
};

int vt_relabel_new(struct vt_index *index, uint32_t domain, const struct vt_tree *tree,
		   const struct vt_label_tree *old, struct vt_relabel **out, struct vt_error *err)
{
	vt_cleanup(vt_relabel_freep) struct vt_relabel *relabel = calloc(1, sizeof *relabel);
	int r;

	if (!relabel)
		return vt_fail(err, ENOMEM, "no memory for labels");
	relabel->files = index->pages;
	relabel->labels = index->label_pages;
	relabel->tree = *tree;
	relabel->old = *old;
	r = vt_page_store_new(index->store, domain, &relabel->pages, err);
	if (r < 0)
		return r;
	relabel->sink = vt_page_store_sink(relabel->pages, VT_PAGE_LABELS);
	r = vt_label_edit_new(&relabel->labels, &relabel->old, &relabel->sink, &relabel->edit, err);
	if (r < 0)
		return r;
	*out = vt_steal(&relabel);
	return 0;
}

void vt_relabel_free(struct vt_relabel *relabel)
{
	if (!relabel)
		return;
	vt_label_edit_free(relabel->edit);
	vt_page_store_free(relabel->pages);
	vt_label_set_done(&relabel->set);
	free(relabel);
}

/* ---- the rows of a file ---------------------------------------------------------------------- */

static int put(struct vt_relabel *relabel, const char *path, size_t len,
	       const struct vt_digest *content, struct vt_error *err)
{
	struct vt_label_set *set = &relabel->set;
	int r = vt_label_set_decode(set, err);

	if (r < 0)
		return r;
	if (set->count == 0)
		return vt_label_edit_remove(relabel->edit, path, len, err);
	return vt_label_edit_put(relabel->edit, path, len, content, set->rows, set->count, err);
}

/* ---- changes --------------------------------------------------------------------------------- */

static int find_file(struct vt_relabel *relabel, const char *path, size_t len,
		     struct vt_digest *content, struct vt_error *err)
{
	struct vt_node node = {0};
	int r = vt_tree_find(&relabel->files, &relabel->tree, path, len, &node, err);

	if (r == -ENOENT || r == -ENOTDIR)
		r = vt_fail(err, ENOENT, "there is no file '%.*s'", (int) len, path);
	else if (r == 0 && node.entry.type != VT_FILE)
		r = vt_fail(err, ENOENT, "'%.*s' is a %s: labels are of files", (int) len, path,
			    node.entry.type == VT_DIRECTORY ? "directory" : "symlink");
	if (r == 0)
		*content = node.entry.content;
	vt_node_done(&node);
	return r;
}

int vt_relabel_file(struct vt_relabel *relabel, const char *path, size_t len,
		    enum vt_relabel_how how, const void *rows, size_t rows_len, uint32_t count,
		    struct vt_error *err)
{
	const char *problem = count ? vt_label_block_problem(rows, rows_len, count) : NULL;
	struct vt_digest content;
	int r;

	if (problem || (count == 0 && rows_len > 0))
		return vt_fail(err, EINVAL, "the labels of '%.*s': %s", (int) len, path,
			       problem ? problem : "bytes are left over");
	r = find_file(relabel, path, len, &content, err);
	if (r < 0)
		return r;
	vt_label_set_clear(&relabel->set);
	if (how == VT_RELABEL_ADD)
		r = vt_label_set_add_path(&relabel->set, &relabel->labels, &relabel->old, path, len,
					  err);
	vt_label_set_add_rows(&relabel->set, rows, rows_len, count);
	return r < 0 ? r : put(relabel, path, len, &content, err);
}

int vt_relabel_copy(struct vt_relabel *relabel, const char *path, size_t len,
		    const struct vt_entry *from, struct vt_error *err)
{
	int r;

	vt_label_set_clear(&relabel->set);
	r = vt_label_set_add_entry(&relabel->set, &relabel->labels, from, err);
	return r < 0 ? r : put(relabel, path, len, &from->content, err);
}

int vt_relabel_remove(struct vt_relabel *relabel, const char *path, size_t len,
		      struct vt_error *err)
{
	return vt_label_edit_remove(relabel->edit, path, len, err);
}

int vt_relabel_finish(struct vt_relabel *relabel, struct vt_label_tree *out, uint64_t *bytes,
		      struct vt_error *err)
{
	int r = vt_label_edit_finish(relabel->edit, out, err);

	if (r == 0)
		r = vt_page_store_flush(relabel->pages, err);
	if (r == 0 && bytes)
		*bytes = vt_page_store_bytes(relabel->pages);
	return r;
}
