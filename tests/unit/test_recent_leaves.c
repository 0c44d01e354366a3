/* SPDX-License-Identifier: Apache-2.0 */
/* What is found by a leaf is the node of that tree and position, whatever took whose place. */
#include "index/recent_leaves.h"
#include "tests/unit/suite.h"
#include "tests/unit/tree_model.h"

#include <errno.h>
#include <pthread.h>

#define TREES 2

static struct memory memory;
static struct model *roots[TREES], **flat[TREES];
static struct vt_tree trees[TREES];
static struct vt_recent_leaves *recent;

static void set_up(void)
{
	struct rng rng = {5};

	memory_init(&memory, 1, 1);
	for (int i = 0; i < TREES; i++) {
		roots[i] = model_random(&rng, 0, 2000);
		flat[i] = calloc(model_size(roots[i]), sizeof(struct model *));
		(void) model_number(roots[i], flat[i], 0);
		trees[i] = model_build(roots[i], &memory);
	}
	recent = vt_recent_leaves_new();
	ck_assert_ptr_nonnull(recent);
}

static void tear_down(void)
{
	vt_recent_leaves_free(recent);
	memory_done(&memory);
	for (int i = 0; i < TREES; i++) {
		model_free(roots[i]);
		free(flat[i]);
	}
}

static void check(int tree, uint32_t position, bool nowait)
{
	struct vt_node node;

	must(vt_recent_leaves_at(recent, &memory.source, nowait, &trees[tree], position, &node,
				 NULL) == 0);
	must(same_entry(&node.entry, &flat[tree][position]->entry));
	must(node.position == position);
	must(position == 0 || node.ordinal == flat[tree][position]->ordinal);
	vt_node_done(&node);
}

START_TEST(every_node_is_that_of_its_tree_and_position)
{
	struct rng rng = {7};

	set_up();
	for (int i = 0; i < 20000; i++) {
		int tree = (int) rng_below(&rng, TREES);

		check(tree, rng_below(&rng, trees[tree].root.nodes), false);
	}
	tear_down();
}
END_TEST

/* How many pages are asked for to find a node. */
static size_t pages_for(uint32_t position)
{
	size_t before = memory.gets;

	check(0, position, false);
	return memory.gets - before;
}

START_TEST(what_was_found_takes_one_page_and_so_does_most_that_stands_beside_it)
{
	size_t one = 0;

	set_up();
	for (uint32_t i = 1; i < trees[0].root.nodes; i++) {
		one += pages_for(i) == 1;
		ck_assert_uint_eq(pages_for(i), 1);
	}
	ck_assert_uint_gt(one, trees[0].root.nodes / 2);
	tear_down();
}
END_TEST

START_TEST(what_a_name_led_to_is_noted)
{
	struct vt_node child, root = {0};
	uint32_t position;

	set_up();
	root.entry = trees[0].root;
	vt_recent_leaves_note(recent, &trees[0], &root); /* has no page: nothing to keep */
	for (size_t i = 0; i < roots[0]->count; i++) {
		const struct model *named = roots[0]->children[i];

		must(vt_tree_lookup(&memory.source, false, vt_node_dir(&root), named->name,
				    named->entry.name_len, &child, NULL) == 0);
		position = child.position;
		vt_recent_leaves_note(recent, &trees[0], &child);
		vt_node_done(&child);
		ck_assert_uint_eq(pages_for(position), 1);
	}
	ck_assert_uint_eq(pages_for(0), 0);
	ck_assert_int_eq(vt_recent_leaves_at(recent, &memory.source, false, &trees[0],
					     trees[0].root.nodes, &child, NULL),
			 -ENOENT);
	tear_down();
}
END_TEST

/* The first node in a leaf of tree 1 that has some more files behind it. */
static struct vt_node begin_of_a_leaf(void)
{
	struct vt_node node;

	for (uint32_t i = 1;; i++) {
		must(vt_tree_at(&memory.source, false, &trees[1], i, &node, NULL) == 0);
		if (node.index == 0 && node.page->count > 8 &&
		    vt_page_nodes_before(node.page, 8) == 8)
			return node;
		vt_node_done(&node);
	}
}

START_TEST(no_other_tree_is_taken_for_the_one_asked_for)
{
	struct vt_tree other = {0};
	struct rng rng = {11};
	struct vt_node node;

	set_up();
	node = begin_of_a_leaf();
	node.position = 40;
	for (uint32_t i = 0; i < 8 * VT_RECENT_BLOCKS; i++) { /* wherever that of tree 0 is */
		other.root.page = 1000000 + rng_below(&rng, UINT32_MAX);
		vt_recent_leaves_note(recent, &other, &node);
	}
	for (uint32_t i = 40; i < 48; i++)
		check(0, i, false);
	vt_node_done(&node);
	tear_down();
}
END_TEST

START_TEST(who_must_not_wait_is_told_so)
{
	struct vt_node node;

	set_up();
	check(0, 9, false);
	memory.no_disk = true;
	ck_assert_int_eq(
		vt_recent_leaves_at(recent, &memory.source, true, &trees[0], 9, &node, NULL),
		-EAGAIN);
	memory.no_disk = false;
	tear_down();
}
END_TEST

static void *look(void *argument)
{
	struct rng rng = {(uint64_t) (uintptr_t) argument};

	for (int i = 0; i < 4000; i++)
		check(0, rng_below(&rng, 500), false);
	return NULL;
}

/* The pages in memory are not for threads. */
static int get_kept(void *context, uint64_t id, bool nowait, struct vt_page **out,
		    struct vt_error *err)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	int r;

	(void) pthread_mutex_lock(&lock);
	r = memory_get(context, id, nowait, out, err);
	(void) pthread_mutex_unlock(&lock);
	return r;
}

START_TEST(threads_find_their_nodes)
{
	pthread_t threads[4];

	set_up();
	memory.source.get = get_kept;
	for (uintptr_t i = 0; i < 4; i++)
		must(pthread_create(&threads[i], NULL, look, (void *) (i + 1)) == 0);
	for (int i = 0; i < 4; i++)
		must(pthread_join(threads[i], NULL) == 0);
	tear_down();
}
END_TEST

VT_SUITE(recent_leaves, every_node_is_that_of_its_tree_and_position,
	 what_was_found_takes_one_page_and_so_does_most_that_stands_beside_it,
	 what_a_name_led_to_is_noted, no_other_tree_is_taken_for_the_one_asked_for,
	 who_must_not_wait_is_told_so, threads_find_their_nodes)
