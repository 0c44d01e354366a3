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
#include "index/label_schema.h"
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
	struct vt_label_set had; /* of one file, before, where a schema needs to know */
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
	vt_label_set_done(&relabel->had);
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

/* ---- the schema ------------------------------------------------------------------------------ */

/* Rows given to a file, and those of them that it may have. */
struct given {
	const char *path;
	size_t path_len;
	const struct vt_relabel_judge *judge; /* or NULL */
	uint32_t allowed;
	bool is_had_known; /* relabel->had is this file's */
};

static int by_order(const void *a, const void *b)
{
	return vt_label_compare(a, b);
}

/* 1, 0 */
static int has_already(struct vt_relabel *relabel, struct given *given,
		       const struct vt_label *label, struct vt_error *err)
{
	struct vt_label_set *had = &relabel->had;
	int r = 0;

	if (!given->is_had_known)
		r = vt_label_set_read(had, &relabel->labels, &relabel->old, given->path,
				      given->path_len, err);
	given->is_had_known = r == 0;
	if (r < 0 || had->count == 0)
		return r;
	return bsearch(label, had->rows, had->count, sizeof *had->rows, by_order) != NULL;
}

/* 1: the file may have it; 0: it may not, and the judge has been told. */
static int judge_row(struct vt_relabel *relabel, struct given *given, uint32_t row,
		     const struct vt_label *label, struct vt_error *err)
{
	const struct vt_relabel_judge *judge = given->judge;
	struct vt_error why;
	int r = judge ? vt_label_schema_check(judge->schema, label, &why) : 0;

	if (r == 0)
		return 1;
	if (r != -EDOM)
		return vt_fail(err, -r, "%s", why.text);
	r = has_already(relabel, given, label, err);
	if (r != 0)
		return r;
	(void) vt_fail_in(&why, 0, "'%.*s'", (int) given->path_len, given->path);
	r = judge->refuse(judge->context, row, why.text, err);
	return r < 0 ? r : 0;
}

static int add_allowed(struct vt_relabel *relabel, struct given *given, const void *rows,
		       size_t rows_len, struct vt_error *err)
{
	struct vt_label_block_reader reader = vt_label_block_reader_over(rows, rows_len);
	const uint8_t *start = reader.bytes.at;
	struct vt_label label;
	int r = 0;

	for (uint32_t i = 0; r >= 0 && vt_label_block_next(&reader, &label) > 0; i++) {
		r = judge_row(relabel, given, i, &label, err);
		if (r > 0) {
			vt_label_set_add_rows(&relabel->set, start,
					      (size_t) (reader.bytes.at - start), 1);
			given->allowed++;
		}
		start = reader.bytes.at;
	}
	return r < 0 ? r : 0;
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
		    const struct vt_relabel_judge *judge, struct vt_error *err)
{
	struct given given = {.path = path, .path_len = len, .judge = judge};
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
	if (r >= 0)
		r = add_allowed(relabel, &given, rows, rows_len, err);
	if (r < 0 || (count > 0 && given.allowed == 0))
		return r;
	return put(relabel, path, len, &content, err);
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
