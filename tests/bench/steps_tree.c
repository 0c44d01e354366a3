/* SPDX-License-Identifier: Apache-2.0 */
/* The steps from a name, or a node id, to an entry of a tree (steps.h). Pages are in the cache. */
#include "index/page_cache.h"
#include "index/recent_leaves.h"
#include "tests/bench/bench.h"
#include "tests/bench/steps.h"
#include "tests/unit/fake_store.h"
#include "tests/unit/tree_model.h"

static struct vt_store store;
static struct memory memory;
static struct model *root, **nodes;
static struct vt_tree tree;
static struct vt_lru *lru;
static struct vt_page_cache cache;
static struct vt_page_source pages;
static struct vt_recent_leaves *recent;

static void set_up(void)
{
	struct rng rng = {3};
	struct memory_page *page, *next;
	uint8_t key[VT_PAGE_KEY_LEN];

	memory_init(&memory, 1, 1);
	root = model_random(&rng, 0, 900);
	nodes = calloc(model_size(root), sizeof(struct model *));
	(void) model_number(root, nodes, 0);
	tree = model_build(root, &memory);
	must(memory.new_pages <= FAKE_ROWS_MAX);
	HASH_ITER (hh, memory.by_digest, page, next) {
		vt_page_key(page->id, key);
		fake_put(&store, VT_CF_PAGE, key, sizeof key, page->value, page->len);
	}
	lru = vt_lru_new(64u << 20);
	recent = vt_recent_leaves_new();
	must(lru && recent);
	vt_page_cache_init(&cache, &store, lru);
	pages = vt_page_cache_source(&cache);
}

static void tear_down(void)
{
	vt_recent_leaves_free(recent);
	vt_lru_free(lru);
	memory_done(&memory);
	model_free(root);
	free(nodes);
}

STEP step_look_up_a_name(uint32_t i)
{
	const struct model *child = root->children[i % root->count];
	struct vt_node node;

	must(vt_tree_lookup(&pages, true, (struct vt_dir){tree.root.page, 0}, child->name,
			    child->entry.name_len, &node, NULL) == 0);
	vt_node_done(&node);
}

STEP step_find_a_node(uint32_t i)
{
	struct vt_node node;

	must(vt_tree_at(&pages, true, &tree, 1 + i % (tree.root.nodes - 1), &node, NULL) == 0);
	vt_node_done(&node);
}

STEP step_find_a_recent_node(uint32_t i)
{
	struct vt_node node;

	must(vt_recent_leaves_at(recent, &pages, true, &tree, 1 + i % 4, &node, NULL) == 0);
	vt_node_done(&node);
}

START_TEST(all_steps)
{
	struct vt_node node;

	set_up();
	for (uint32_t i = 1; i < tree.root.nodes; i++) { /* from now on all pages are there */
		must(vt_tree_at(&pages, false, &tree, i, &node, NULL) == 0);
		vt_node_done(&node);
	}
	STEPS_RUN(step_look_up_a_name);
	STEPS_RUN(step_find_a_node);
	STEPS_RUN(step_find_a_recent_node);
	tear_down();
}
END_TEST

int main(void)
{
	return bench_run(all_steps);
}
