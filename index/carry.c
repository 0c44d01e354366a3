/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See carry.h. Two passes over the difference of the trees: the first notes where contents that
 * left a path had been, by the first half of their content id; the second takes labels away, and
 * puts them where such a content has come. Contents are compared in full before labels are taken.
 */
#include "index/carry.h"

#include <errno.h>
#include <string.h>

#include "index/base/error.h"
#include "index/diff.h"
#include "index/idmap.h"
#include "index/relabel.h"

struct carry {
	struct vt_index *index;
	const struct vt_tree *before;
	const struct vt_label_tree *labels;
	struct vt_relabel *relabel;
	struct vt_idmap left; /* half a content id -> position in `before` */
	size_t left_count;
	struct vt_error *err;
};

/* No id of a map is 0. */
static uint64_t half_of(const struct vt_digest *content)
{
	uint64_t half;

	memcpy(&half, content->bytes, sizeof half);
	return half | 1;
}

static bool loses_content(enum vt_change change, const struct vt_entry *before)
{
	return (change == VT_REMOVED || change == VT_CHANGED) && before && before->type == VT_FILE;
}

static bool gains_content(enum vt_change change, const struct vt_entry *after)
{
	return (change == VT_ADDED || change == VT_CHANGED) && after && after->type == VT_FILE;
}

/* ---- first: what left ------------------------------------------------------------------------ */

/* 1 when the file had labels; gives its position. */
static int find_labelled(struct carry *carry, const char *path, size_t len, uint32_t *position)
{
	struct vt_node label = {0}, file = {0};
	int r = vt_label_tree_find(&carry->index->label_pages, carry->labels, path, len, &label,
				   NULL);

	vt_node_done(&label);
	if (r == -ENOENT || r == -ENOTDIR)
		return 0;
	if (r == 0)
		r = vt_tree_find(&carry->index->pages, carry->before, path, len, &file, carry->err);
	*position = file.position;
	vt_node_done(&file);
	return r < 0 ? r : 1;
}

static int note_left(void *context, enum vt_change change, const char *path, size_t len,
		     const struct vt_entry *before, const struct vt_entry *after)
{
	struct carry *carry = context;
	uint32_t position;
	int r;

	(void) after;
	if (!loses_content(change, before))
		return 0;
	r = find_labelled(carry, path, len, &position);
	if (r <= 0)
		return r;
	if (++carry->left_count > VT_CARRY_MOVED_MAX)
		return vt_fail(carry->err, E2BIG,
			       "more than %u labelled files are gone or changed at once: publish "
			       "in steps, so that the labels of those that moved are found",
			       VT_CARRY_MOVED_MAX);
	if (vt_idmap_put(&carry->left, half_of(&before->content), position) < 0)
		return vt_fail(carry->err, ENOMEM, "no memory to carry labels over");
	return 0;
}

/* ---- second: labels follow ------------------------------------------------------------------- */

/* The labels of the file that was at a position, if its content was this one: 1, else 0. */
static int copy_from(struct carry *carry, uint32_t position, const struct vt_digest *content,
		     const char *path, size_t len)
{
	vt_cleanup(vt_buf_done) struct vt_buf from = VT_BUF_INIT;
	vt_cleanup(vt_node_done) struct vt_node file = {0}, label = {0};
	int r = vt_tree_path_at(&carry->index->pages, carry->before, position, &file, &from,
				carry->err);

	if (r == 0 && !vt_digest_equal(&file.entry.content, content))
		return 0;
	if (r == 0)
		r = vt_label_tree_find(&carry->index->label_pages, carry->labels,
				       (const char *) from.data, from.len, &label, carry->err);
	if (r == 0)
		r = vt_relabel_copy(carry->relabel, path, len, &label.entry, carry->err);
	return r == -ENOENT ? 0 : r < 0 ? r : 1;
}

static int follow(void *context, enum vt_change change, const char *path, size_t len,
		  const struct vt_entry *before, const struct vt_entry *after)
{
	struct carry *carry = context;
	uint64_t position;
	int r = 0;

	if (gains_content(change, after) &&
	    vt_idmap_find(&carry->left, half_of(&after->content), &position))
		r = copy_from(carry, (uint32_t) position, &after->content, path, len);
	if (r == 0 && loses_content(change, before))
		r = vt_relabel_remove(carry->relabel, path, len, carry->err);
	return r < 0 ? r : 0;
}

int vt_carry_labels(struct vt_index *index, uint32_t domain, const struct vt_tree *before,
		    const struct vt_label_tree *labels, const struct vt_tree *after,
		    struct vt_label_tree *out, uint64_t *new_bytes, struct vt_error *err)
{
	struct carry carry = {.index = index, .before = before, .labels = labels, .err = err};
	int r = 0;

	if (labels->labels == 0) {
		*out = (struct vt_label_tree){0};
		*new_bytes = 0;
		return 0;
	}
	r = vt_diff(&index->pages, before, after, note_left, &carry, err);
	if (r == 0)
		r = vt_relabel_new(index, domain, after, labels, &carry.relabel, err);
	if (r == 0)
		r = vt_diff(&index->pages, before, after, follow, &carry, err);
	if (r == 0)
		r = vt_relabel_finish(carry.relabel, out, new_bytes, err);
	vt_relabel_free(carry.relabel);
	vt_idmap_done(&carry.left);
	return r;
}
