/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Where nodes were found lately: in which leaf, by tree and position. Who looks a name up opens it
 * next and reads it then, and others open what stands beside it; each comes back by one page, where
 * the way down from the root takes as many as the path is long, and more. A tree is named by its
 * root page, whose id is never given to another, as no leaf's is: what is remembered is true for
 * ever, and only the page has to be had.
 *
 * Thread-safe. Holds no pages: 3 MiB, of which what is used counts.
 */
#include <stdbool.h>
#include <stdint.h>

#include "index/tree.h"

/* Positions in one row for which one leaf is remembered, the last one found. */
#define VT_RECENT_BLOCK  16u
#define VT_RECENT_BLOCKS (1u << 17)

struct vt_recent_leaves;

struct vt_recent_leaves *vt_recent_leaves_new(void);         /* NULL: no memory */
void vt_recent_leaves_free(struct vt_recent_leaves *recent); /* NULL is accepted */

/* As vt_tree_at(), which is asked where no leaf is known. */
int vt_recent_leaves_at(struct vt_recent_leaves *recent, const struct vt_page_source *pages,
			bool nowait, const struct vt_tree *tree, uint32_t position,
			struct vt_node *out, struct vt_error *err);

/* That node of the tree was found. */
void vt_recent_leaves_note(struct vt_recent_leaves *recent, const struct vt_tree *tree,
			   const struct vt_node *node);
