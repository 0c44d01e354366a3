/* SPDX-License-Identifier: Apache-2.0 */
/* Recent nodes are those of their tree and position, whatever took whose place. */
#include "index/recent_nodes.h"
#include "tests/unit/suite.h"
#include "tests/unit/tree_model.h"

#include <errno.h>
#include <pthread.h>

#define TREES 2

static struct memory memory;
static struct model *roots[TREES], **flat[TREES];
static struct vt_tree trees[TREES];
static struct vt_recent_nodes *recent;

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
	recent = vt_recent_nodes_new();
	ck_assert_ptr_nonnull(recent);
}

static void tear_down(void)
{
	vt_recent_nodes_free(recent);
	memory_done(&memory);
	for (int i = 0; i < TREES; i++) {
		model_free(roots[i]);
		free(flat[i]);
	}
}

static void check(int tree, uint32_t position, bool nowait)
{
	struct vt_node node;

	must(vt_recent_nodes_at(recent, &memory.source, nowait, &trees[tree], position, &node,
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
		uint32_t near = rng_below(&rng, 600); /* more than there is room for */

		check(tree, near < trees[tree].root.nodes ? near : 0, false);
	}
	tear_down();
}
END_TEST

START_TEST(what_was_found_or_noted_needs_no_page)
{
	struct vt_node node;

	set_up();
	check(0, 9, false);
	memory.no_disk = true;
	check(0, 9, true);
	ck_assert_int_eq(
		vt_recent_nodes_at(recent, &memory.source, true, &trees[0], 10, &node, NULL),
		-EAGAIN);
	memory.no_disk = false;
	tear_down();
}
END_TEST

START_TEST(a_node_that_a_name_led_to_is_noted)
{
	struct vt_node child, root = {0};
	uint32_t position;

	set_up();
	root.entry = trees[0].root;
	vt_recent_nodes_note(recent, &trees[0], &root); /* has no page: nothing to keep */
	must(vt_tree_lookup(&memory.source, false, vt_node_dir(&root), roots[0]->children[0]->name,
			    roots[0]->children[0]->entry.name_len, &child, NULL) == 0);
	position = child.position;
	vt_recent_nodes_note(recent, &trees[0], &child);
	vt_node_done(&child);
	memory.no_disk = true;
	check(0, position, true);
	memory.no_disk = false;
	check(0, 0, false);
	ck_assert_int_eq(vt_recent_nodes_at(recent, &memory.source, false, &trees[0],
					    trees[0].root.nodes, &child, NULL),
			 -ENOENT);
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

VT_SUITE(recent_nodes, every_node_is_that_of_its_tree_and_position,
	 what_was_found_or_noted_needs_no_page, a_node_that_a_name_led_to_is_noted,
	 threads_find_their_nodes)
