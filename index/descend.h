/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Steps down a tree, for those who walk it (tree, tree_walk, diff). A page is trusted no further
 * than its own checks, so every step compares it with what its parent says of it: level, counts and
 * last name, and its kind with that of the source. Levels then fall within a directory and node
 * counts fall from a directory to those in it, so that no set of damaged pages can send a reader in
 * circles.
 */
#include "index/tree.h"

/*
 * The root page of a directory. `nodes` is the count in the directory's entry, 0 when that is not
 * at hand.
 */
int vt_descend_root(const struct vt_page_source *pages, bool nowait, uint64_t id, uint32_t nodes,
		    struct vt_page **out, struct vt_error *err);

/* Replaces `*page`, an inner page, by its i-th child; on failure `*page` stays. */
int vt_descend_child(const struct vt_page_source *pages, bool nowait, struct vt_page **page,
		     unsigned i, struct vt_error *err);

/*
 * The entry of `dir` that stands at `position` or is a directory with that position in it. It must
 * lie below `dir`.
 */
int vt_descend_position(const struct vt_page_source *pages, bool nowait, const struct vt_node *dir,
			uint32_t position, struct vt_node *out, struct vt_error *err);

/*
 * A leaf that was come down to before: the entry that stands `offset` nodes behind its first one.
 * -ENOENT: none does, that node is below one of its directories, or in another page. Sets all of
 * `out` but position and ordinal.
 */
int vt_descend_leaf(const struct vt_page_source *pages, bool nowait, uint64_t id, uint32_t offset,
		    struct vt_node *out, struct vt_error *err);
