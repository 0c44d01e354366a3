/* SPDX-License-Identifier: Apache-2.0 */
/* See recent_nodes.h: a table without chains, where a newer node takes the place of an older one.
 */
#include "index/recent_nodes.h"

#include <pthread.h>
#include <stdlib.h>

struct place {
	pthread_mutex_t lock;
	uint64_t tree;       /* guarded by lock, as the node */
	struct vt_node node; /* with its reference; no page: none */
};

struct vt_recent_nodes {
	struct place places[VT_RECENT_NODES];
};

struct vt_recent_nodes *vt_recent_nodes_new(void)
{
	struct vt_recent_nodes *recent = calloc(1, sizeof *recent);

	for (unsigned i = 0; recent && i < VT_RECENT_NODES; i++)
		(void) pthread_mutex_init(&recent->places[i].lock, NULL);
	return recent;
}

void vt_recent_nodes_free(struct vt_recent_nodes *recent)
{
	for (unsigned i = 0; recent && i < VT_RECENT_NODES; i++) {
		vt_node_done(&recent->places[i].node);
		(void) pthread_mutex_destroy(&recent->places[i].lock);
	}
	free(recent);
}

static struct place *place_of(struct vt_recent_nodes *recent, uint64_t tree, uint32_t position)
{
	uint64_t hash = (tree * 0x9e3779b97f4a7c15ull ^ position) * 0x9e3779b97f4a7c15ull;

	return &recent->places[(hash >> 32) % VT_RECENT_NODES];
}

static bool find(struct vt_recent_nodes *recent, uint64_t tree, uint32_t position,
		 struct vt_node *out)
{
	struct place *place = place_of(recent, tree, position);
	bool found;

	(void) pthread_mutex_lock(&place->lock);
	found = place->node.page && place->tree == tree && place->node.position == position;
	if (found) {
		*out = place->node;
		(void) vt_page_ref(out->page);
	}
	(void) pthread_mutex_unlock(&place->lock);
	return found;
}

void vt_recent_nodes_note(struct vt_recent_nodes *recent, const struct vt_tree *tree,
			  const struct vt_node *node)
{
	struct place *place = place_of(recent, tree->root.page, node->position);
	struct vt_node before;

	if (!node->page) /* the root, which is always at hand */
		return;
	(void) vt_page_ref(node->page);
	(void) pthread_mutex_lock(&place->lock);
	before = place->node;
	place->tree = tree->root.page;
	place->node = *node;
	(void) pthread_mutex_unlock(&place->lock);
	vt_node_done(&before);
}

int vt_recent_nodes_at(struct vt_recent_nodes *recent, const struct vt_page_source *pages,
		       bool nowait, const struct vt_tree *tree, uint32_t position,
		       struct vt_node *out, struct vt_error *err)
{
	int r;

	if (find(recent, tree->root.page, position, out))
		return 0;
	r = vt_tree_at(pages, nowait, tree, position, out, err);
	if (r == 0)
		vt_recent_nodes_note(recent, tree, out);
	return r;
}
