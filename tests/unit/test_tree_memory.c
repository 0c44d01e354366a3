/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trees when memory is short: whichever allocation fails, the answer is -ENOMEM and (under the
 * address sanitizer) nothing leaks.
 */
#include "index/diff.h"
#include "tests/unit/failing_malloc.h"
#include "tests/unit/suite.h"
#include "tests/unit/tree_model.h"

#include <errno.h>

/* Two models in one memory. */
struct fixture {
	struct memory memory;
	struct vt_page_sink sink;
	struct model *roots[2];
	struct vt_tree trees[2];
};

/* The test's own allocations do not fail. */
static int put_safely(void *context, struct vt_new_page *pages, size_t count, struct vt_error *err)
{
	long left = allocations_left;
	int r;

	allocations_left = -1;
	r = memory_put(context, pages, count, err);
	allocations_left = left;
	return r;
}

static void set_up(struct fixture *f)
{
	struct rng rng = {5};

	memory_init(&f->memory, 1, 1);
	f->sink = (struct vt_page_sink){.put = put_safely, .context = &f->memory};
	for (int i = 0; i < 2; i++) {
		f->roots[i] = model_random(&rng, 2, 60);
		f->trees[i] = model_build(f->roots[i], &f->memory);
	}
}

static void tear_down(struct fixture *f)
{
	memory_done(&f->memory);
	model_free(f->roots[0]);
	model_free(f->roots[1]);
}

static int build_below(const struct model *dir, struct vt_tree_builder *builder)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < dir->count; i++) {
		const struct model *child = dir->children[i];

		if (child->entry.type != VT_DIRECTORY) {
			r = vt_tree_builder_add(builder, &child->entry, NULL);
			continue;
		}
		r = vt_tree_builder_enter(builder, &child->entry, NULL);
		if (r == 0)
			r = build_below(child, builder);
		if (r == 0)
			r = vt_tree_builder_leave(builder, NULL);
	}
	return r;
}

static int build(struct fixture *f)
{
	vt_cleanup(vt_tree_builder_freep) struct vt_tree_builder *builder = NULL;
	struct vt_tree tree;
	int r = vt_tree_builder_new(&f->sink, &builder, NULL);

	if (r == 0)
		r = build_below(f->roots[0], builder);
	if (r == 0)
		r = vt_tree_builder_finish(builder, &f->roots[0]->entry, &tree, NULL);
	return r;
}

static int walk(struct fixture *f)
{
	vt_cleanup(vt_tree_walk_freep) struct vt_tree_walk *walk = NULL;
	uint32_t middle = f->trees[0].root.nodes / 2;
	struct vt_node node;
	const char *path;
	size_t len;
	int r = vt_tree_walk_new(&f->memory.source, &f->trees[0], middle, &walk, NULL);

	while (r >= 0 && (r = vt_tree_walk_next(walk, &node, &path, &len, NULL)) > 0)
		vt_node_done(&node);
	return r;
}

static int ignore(void *context, enum vt_change change, const char *path, size_t path_len,
		  const struct vt_entry *before, const struct vt_entry *after)
{
	return 0;
}

static int diff(struct fixture *f)
{
	return vt_diff(&f->memory.source, &f->trees[0], &f->trees[1], ignore, NULL, NULL);
}

/* Fails the first allocation, then the second, until all of them are given. */
static void fail_each(int (*work)(struct fixture *f), long at_least)
{
	struct fixture f;
	long n = 0;
	int r;

	set_up(&f);
	for (;; n++) {
		allocations_left = n;
		r = work(&f);
		if (!stop_failing())
			break;
		ck_assert_int_eq(r, -ENOMEM);
	}
	ck_assert_int_eq(r, 0);
	ck_assert_int_gt(n, at_least);
	tear_down(&f);
}

START_TEST(building_survives_every_failed_allocation)
{
	fail_each(build, 100);
}
END_TEST

START_TEST(walking_survives_every_failed_allocation)
{
	fail_each(walk, 20);
}
END_TEST

START_TEST(comparing_survives_every_failed_allocation)
{
	fail_each(diff, 50);
}
END_TEST

VT_SUITE(tree_memory, building_survives_every_failed_allocation,
	 walking_survives_every_failed_allocation, comparing_survives_every_failed_allocation)
