/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Nodes that were found lately, by tree and position: who looks a name up opens it next and reads
 * it then, and needs not come down from the root of the tree each time. A tree is named by its root
 * page, whose id is never given to another.
 *
 * Thread-safe. The pages it holds count in their cache, and are no more than VT_RECENT_NODES.
 */
#include <stdbool.h>
#include <stdint.h>

#include "index/tree.h"

#define VT_RECENT_NODES 256u

struct vt_recent_nodes;

struct vt_recent_nodes *vt_recent_nodes_new(void);         /* NULL: no memory */
void vt_recent_nodes_free(struct vt_recent_nodes *recent); /* NULL is accepted */

/* As vt_tree_at(), which is asked for what was not found lately. */
int vt_recent_nodes_at(struct vt_recent_nodes *recent, const struct vt_page_source *pages,
		       bool nowait, const struct vt_tree *tree, uint32_t position,
		       struct vt_node *out, struct vt_error *err);

/* That node of the tree was found. */
void vt_recent_nodes_note(struct vt_recent_nodes *recent, const struct vt_tree *tree,
			  const struct vt_node *node);
