/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See query.h. Files that did not change keep their order, so positions move by a shift that is
 * constant from one change to the next: a *stretch* is the nodes between two changes.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/error.h"
#include "index/base/array.h"
#include "index/query_private.h"

struct stretch {
	uint32_t before, after, count; /* first position in each, and how many */
};

struct vt_overlay {
	struct vt_posting_origin before, after;
	struct stretch *stretches;
	size_t count, room;
	roaring_bitmap_t *changed; /* positions in the version after */
};

void vt_overlay_free(struct vt_overlay *overlay)
{
	if (!overlay)
		return;
	vt_bitmap_free(overlay->changed);
	free(overlay->stretches);
	free(overlay);
}

static struct vt_posting_origin origin_of(const struct vt_labelled_files *version)
{
	return (struct vt_posting_origin){.files = version->tree->root.content,
					  .labels = version->label_tree->content,
					  .nodes = version->tree->root.nodes};
}

static bool same_origin(const struct vt_posting_origin *a, const struct vt_posting_origin *b)
{
	return vt_digest_equal(&a->files, &b->files) && vt_digest_equal(&a->labels, &b->labels);
}

bool vt_overlay_fits(const struct vt_overlay *overlay, const struct vt_postings *postings,
		     const struct vt_labelled_files *version)
{
	const struct vt_posting_origin after = origin_of(version);

	return same_origin(&overlay->before, &postings->origin) &&
	       same_origin(&overlay->after, &after);
}

const roaring_bitmap_t *vt_overlay_changed(const struct vt_overlay *overlay)
{
	return overlay->changed;
}

/* Everything is where it was. */
static bool is_in_place(const struct vt_overlay *overlay)
{
	const struct stretch *only = overlay->stretches;

	return overlay->count == 1 && only->before == only->after &&
	       only->count == overlay->before.nodes;
}

int vt_overlay_move(const struct vt_overlay *overlay, const roaring_bitmap_t *before,
		    roaring_bitmap_t **out, struct vt_error *err)
{
	bool moves = !is_in_place(overlay);
	roaring_bitmap_t *after = moves ? roaring_bitmap_create() : roaring_bitmap_copy(before);

	if (!after)
		return vt_query_no_memory(err);
	for (size_t i = 0; moves && i < overlay->count; i++) {
		const struct stretch *stretch = &overlay->stretches[i];

		vt_bitmap_add_moved(after, before, stretch->before, stretch->count, stretch->after);
	}
	*out = after;
	return 0;
}

/* ---- making one ------------------------------------------------------------------------------ */

struct making {
	struct vt_overlay *overlay;
	const struct vt_labelled_files *before, *after;
	uint32_t at[2]; /* the first positions behind all changes so far */
	uint32_t changes, most;
	const struct vt_cancel *cancel;
	struct vt_buf path; /* whose labels differ, noted last */
	struct vt_error *err;
};

static int count_change(struct making *making)
{
	if (++making->changes > making->most)
		return vt_fail(making->err, E2BIG, "the versions differ in too many files");
	if (making->cancel->call && making->cancel->call(making->cancel->context))
		return vt_fail(making->err, ECANCELED, "comparing versions was cancelled");
	return 0;
}

/* `count` nodes are the same from where both sides are. */
static int add_stretch(struct making *making, uint32_t count)
{
	struct vt_overlay *overlay = making->overlay;

	if (vt_array_reserve(overlay->stretches, overlay->room, overlay->count + 1) < 0)
		return vt_query_no_memory(making->err);
	if (count > 0)
		overlay->stretches[overlay->count++] =
			(struct stretch){making->at[0], making->at[1], count};
	making->at[0] += count;
	making->at[1] += count;
	return 0;
}

static int position_of(const struct making *making, const struct vt_labelled_files *version,
		       const char *path, size_t len, uint32_t *out)
{
	struct vt_node node;
	int r = vt_tree_find(version->files, version->tree, path, len, &node, making->err);

	if (r < 0)
		return r;
	*out = node.position;
	vt_node_done(&node);
	return 0;
}

static int note_file(void *context, enum vt_change change, const char *path, size_t path_len,
		     const struct vt_entry *before, const struct vt_entry *after)
{
	struct making *making = context;
	uint32_t positions[2] = {0};
	int r;

	if (change == VT_METADATA)
		return 0; /* nothing that expressions ask for */
	r = count_change(making);
	if (r == 0 && before)
		r = position_of(making, making->before, path, path_len, &positions[0]);
	if (r == 0 && after)
		r = position_of(making, making->after, path, path_len, &positions[1]);
	if (r < 0)
		return r;
	if (after && after->type == VT_FILE)
		roaring_bitmap_add(making->overlay->changed, positions[1]);
	/* What lies in a directory that came or went is behind it already. */
	if ((before && positions[0] < making->at[0]) || (after && positions[1] < making->at[1]))
		return 0;
	r = add_stretch(making,
			before ? positions[0] - making->at[0] : positions[1] - making->at[1]);
	making->at[0] += before ? before->nodes : 0;
	making->at[1] += after ? after->nodes : 0;
	return r;
}

static int note_labels(void *context, enum vt_change change, const char *path, size_t path_len,
		       const struct vt_label *label)
{
	struct making *making = context;
	struct vt_node node;
	int r;

	if (making->path.len == path_len && memcmp(making->path.data, path, path_len) == 0)
		return 0;
	vt_buf_reset(&making->path);
	vt_buf_put(&making->path, path, path_len);
	if (vt_buf_failed(&making->path))
		return vt_query_no_memory(making->err);
	r = count_change(making);
	if (r < 0)
		return r;
	r = vt_tree_find(making->after->files, making->after->tree, path, path_len, &node,
			 making->err);
	if (r == -ENOENT || r == -ENOTDIR)
		return 0; /* it is gone */
	if (r < 0)
		return r;
	if (node.entry.type == VT_FILE)
		roaring_bitmap_add(making->overlay->changed, node.position);
	vt_node_done(&node);
	return 0;
}

static int finish(struct making *making)
{
	uint32_t left = making->before->tree->root.nodes - making->at[0];

	if (making->after->tree->root.nodes - making->at[1] != left)
		return vt_fail(making->err, EBADMSG, "two trees do not differ as they should");
	return add_stretch(making, left);
}

static int make(struct making *making)
{
	int r = vt_diff(making->after->files, making->before->tree, making->after->tree, note_file,
			making, making->err);

	if (r == 0)
		r = finish(making);
	if (r == 0)
		r = vt_label_diff(making->after->labels, making->before->label_tree,
				  making->after->label_tree, note_labels, making, making->err);
	return r;
}

int vt_overlay_new(const struct vt_labelled_files *before, const struct vt_labelled_files *after,
		   uint32_t most, const struct vt_cancel *cancel, struct vt_overlay **out,
		   struct vt_error *err)
{
	vt_cleanup(vt_overlay_freep) struct vt_overlay *overlay = calloc(1, sizeof *overlay);
	struct making making = {.overlay = overlay,
				.before = before,
				.after = after,
				.most = most,
				.cancel = cancel,
				.err = err};
	int r;

	if (!overlay)
		return vt_query_no_memory(err);
	overlay->before = origin_of(before);
	overlay->after = origin_of(after);
	overlay->changed = roaring_bitmap_create();
	r = overlay->changed ? make(&making) : vt_query_no_memory(err);
	vt_buf_done(&making.path);
	if (r == 0)
		*out = vt_steal(&overlay);
	return r;
}
