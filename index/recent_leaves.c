/* SPDX-License-Identifier: Apache-2.0 */
/* See recent_leaves.h: a table without chains, where a newer leaf takes the place of an older one.
 */
#include "index/recent_leaves.h"

#include <pthread.h>
#include <stdlib.h>

#include "index/descend.h"

#define LOCKS 64u

struct place {
	uint64_t tree, leaf;     /* ids of pages; leaf 0: none */
	uint32_t first, ordinal; /* of the leaf's first entry: its position, and in its directory */
};

struct vt_recent_leaves {
	pthread_mutex_t locks[LOCKS];
	struct place places[VT_RECENT_BLOCKS]; /* each guarded by one of them */
};

struct vt_recent_leaves *vt_recent_leaves_new(void)
{
	struct vt_recent_leaves *recent = calloc(1, sizeof *recent);

	for (unsigned i = 0; recent && i < LOCKS; i++)
		(void) pthread_mutex_init(&recent->locks[i], NULL);
	return recent;
}

void vt_recent_leaves_free(struct vt_recent_leaves *recent)
{
	for (unsigned i = 0; recent && i < LOCKS; i++)
		(void) pthread_mutex_destroy(&recent->locks[i]);
	free(recent);
}

/* Blocks of a tree stand in a row, so that they take each other's places only when it has many. */
static unsigned place_of(uint64_t tree, uint32_t position)
{
	unsigned begin = (unsigned) (tree * 0x9e3779b97f4a7c15ull >> 32);

	return (begin + position / VT_RECENT_BLOCK) % VT_RECENT_BLOCKS;
}

/* Whatever lies directly in the leaf is in reach, also when it was noted for another block. */
static bool find(struct vt_recent_leaves *recent, uint64_t tree, uint32_t position,
		 struct place *out)
{
	unsigned i = place_of(tree, position);

	(void) pthread_mutex_lock(&recent->locks[i % LOCKS]);
	*out = recent->places[i];
	(void) pthread_mutex_unlock(&recent->locks[i % LOCKS]);
	return out->leaf && out->tree == tree && out->first <= position;
}

void vt_recent_leaves_note(struct vt_recent_leaves *recent, const struct vt_tree *tree,
			   const struct vt_node *node)
{
	unsigned i = place_of(tree->root.page, node->position);

	if (!node->page) /* the root, which is always at hand */
		return;
	(void) pthread_mutex_lock(&recent->locks[i % LOCKS]);
	recent->places[i] = (struct place){
		.tree = tree->root.page,
		.leaf = node->page->id,
		.first = node->position - vt_page_nodes_before(node->page, node->index),
		.ordinal = node->ordinal - node->index,
	};
	(void) pthread_mutex_unlock(&recent->locks[i % LOCKS]);
}

/* Whatever comes of it, the way from the root is there. */
static bool look_in(const struct place *place, const struct vt_page_source *pages, bool nowait,
		    uint32_t position, struct vt_node *out)
{
	if (vt_descend_leaf(pages, nowait, place->leaf, position - place->first, out, NULL) < 0)
		return false;
	out->position = position;
	out->ordinal = place->ordinal + out->index;
	return true;
}

int vt_recent_leaves_at(struct vt_recent_leaves *recent, const struct vt_page_source *pages,
			bool nowait, const struct vt_tree *tree, uint32_t position,
			struct vt_node *out, struct vt_error *err)
{
	struct place place;
	int r;

	if (find(recent, tree->root.page, position, &place) &&
	    look_in(&place, pages, nowait, position, out))
		return 0;
	r = vt_tree_at(pages, nowait, tree, position, out, err);
	if (r == 0)
		vt_recent_leaves_note(recent, tree, out);
	return r;
}
