/* SPDX-License-Identifier: Apache-2.0 */
/* Trees against a naive model: whatever was built is found by name, path, position and in order. */
#include "index/base/error.h"
#include "index/tree.h"
#include "tests/unit/suite.h"
#include "tests/unit/tree_model.h"

#include <errno.h>
#include <stdio.h>

/* A model, its nodes in walk order and the tree made of it. */
struct fixture {
	struct memory memory;
	struct model *root, **flat;
	struct vt_tree tree;
};

static void set_up(struct fixture *f, struct model *root)
{
	memory_init(&f->memory, 1, 1);
	f->root = root;
	f->flat = calloc(model_size(root), sizeof(struct model *));
	(void) model_number(root, f->flat, 0);
	f->tree = model_build(root, &f->memory);
	ck_assert_uint_eq(f->tree.root.nodes, root->entry.nodes);
}

static void tear_down(struct fixture *f)
{
	memory_done(&f->memory);
	model_free(f->root);
	free(f->flat);
}

static void check_node(const struct vt_node *node, const struct model *model)
{
	must(same_entry(&node->entry, &model->entry));
	must(node->position == model->position);
	must(node->ordinal == model->ordinal);
}

static void check_dir(struct fixture *f, const struct vt_node *dir, const struct model *model,
		      uint32_t from)
{
	struct vt_dir_cursor cursor;
	struct vt_node node;

	vt_dir_cursor_init(&cursor, vt_node_dir(dir), from);
	for (size_t i = from; i < model->count; i++) {
		must(vt_dir_cursor_next(&cursor, &f->memory.source, false, &node, NULL) == 1);
		check_node(&node, model->children[i]);
		vt_node_done(&node);
	}
	for (int twice = 0; twice < 2; twice++)
		must(vt_dir_cursor_next(&cursor, &f->memory.source, false, &node, NULL) == 0);
	vt_dir_cursor_done(&cursor);
}

static void check_all(struct fixture *f, struct rng *rng)
{
	for (uint32_t i = 0; i < f->tree.root.nodes; i++) {
		const struct model *model = f->flat[i];
		struct vt_node at, by_path, by_name;
		struct vt_dir dir;

		must(vt_tree_at(&f->memory.source, false, &f->tree, i, &at, NULL) == 0);
		check_node(&at, model);
		if (model->entry.type == VT_DIRECTORY)
			check_dir(f, &at, model, rng_below(rng, (unsigned) model->count + 2));
		vt_node_done(&at);

		must(vt_tree_find(&f->memory.source, &f->tree, model->path, model->path_len,
				  &by_path, NULL) == 0);
		check_node(&by_path, model);
		vt_node_done(&by_path);
		if (!model->parent)
			continue;

		must(vt_tree_at(&f->memory.source, false, &f->tree, model->parent->position, &at,
				NULL) == 0);
		dir = vt_node_dir(&at);
		vt_node_done(&at);
		must(vt_tree_lookup(&f->memory.source, false, dir, model->name,
				    model->entry.name_len, &by_name, NULL) == 0);
		check_node(&by_name, model);
		vt_node_done(&by_name);
	}
}

static void check_walk(struct fixture *f, uint32_t from)
{
	struct vt_tree_walk *walk;
	struct vt_node node;
	const char *path;
	size_t len;

	must(vt_tree_walk_new(&f->memory.source, &f->tree, from, &walk, NULL) == 0);
	for (uint32_t i = from ? from : 1; i < f->tree.root.nodes; i++) {
		must(vt_tree_walk_next(walk, &node, &path, &len, NULL) == 1);
		check_node(&node, f->flat[i]);
		must(len == f->flat[i]->path_len);
		must(memcmp(path, f->flat[i]->path, len) == 0);
		vt_node_done(&node);
	}
	must(vt_tree_walk_next(walk, &node, &path, &len, NULL) == 0);
	must(vt_tree_walk_next(walk, &node, &path, &len, NULL) == 0);
	vt_tree_walk_free(walk);
}

START_TEST(random_trees_agree_with_the_model)
{
	static const unsigned sizes[] = {0, 1, 2, 33, 130, 300};

	for (uint64_t seed = 1; seed <= 12; seed++) {
		struct rng rng = {seed * 0x9e3779b97f4a7c15ull};
		struct fixture f;

		set_up(&f, model_random(&rng, 4, sizes[seed % 6]));
		check_all(&f, &rng);
		check_walk(&f, 0);
		for (int i = 0; i < 10; i++)
			check_walk(&f, rng_below(&rng, f.tree.root.nodes + 2));
		tear_down(&f);
	}
}
END_TEST

START_TEST(a_directory_of_5000_entries_agrees_with_the_model)
{
	struct rng rng = {77};
	struct model *root = model_random(&rng, 0, 0);
	struct fixture f;

	while (root->count < 5000)
		model_add_random(root, &rng, 0, 0);
	set_up(&f, root);
	check_all(&f, &rng);
	check_walk(&f, 0);
	check_walk(&f, 2500);
	tear_down(&f);
}
END_TEST

START_TEST(absent_names_and_positions_are_not_found)
{
	struct rng rng = {5};
	struct fixture f;
	struct vt_node node;

	set_up(&f, model_random(&rng, 1, 500));
	for (int i = 0; i < 2000; i++) {
		char name[VT_NAME_LEN_MAX];
		size_t len = random_name(&rng, name);
		int r = vt_tree_lookup(&f.memory.source, false,
				       (struct vt_dir){f.tree.root.page, 0}, name, len, &node,
				       NULL);

		ck_assert_int_eq(r, model_child(f.root, name, len) ? 0 : -ENOENT);
		if (r == 0)
			vt_node_done(&node);
	}
	ck_assert_int_eq(
		vt_tree_at(&f.memory.source, false, &f.tree, f.tree.root.nodes, &node, NULL),
		-ENOENT);
	ck_assert_int_eq(vt_tree_at(&f.memory.source, false, &f.tree, UINT32_MAX, &node, NULL),
			 -ENOENT);
	tear_down(&f);
}
END_TEST

/* A tree with a, a/b (a file) and nothing else. */
static struct model *small_model(void)
{
	struct model *root = model_new(VT_DIRECTORY, "", 0), *a = model_new(VT_DIRECTORY, "a", 1);

	model_insert(a, model_new(VT_FILE, "b", 1));
	model_insert(root, a);
	return root;
}

START_TEST(a_path_through_a_file_is_refused)
{
	struct vt_node node;
	struct vt_error err;
	struct fixture f;

	set_up(&f, small_model());
	ck_assert_int_eq(vt_tree_find(&f.memory.source, &f.tree, "a/b/c", 5, &node, &err),
			 -ENOTDIR);
	ck_assert_str_eq(err.text, "'a/b' is not a directory");
	ck_assert_int_eq(vt_tree_find(&f.memory.source, &f.tree, "a/c", 3, &node, &err), -ENOENT);
	ck_assert_str_eq(err.text, "there is no 'a/c'");
	ck_assert_int_eq(vt_tree_find(&f.memory.source, &f.tree, "a//b", 4, &node, &err), -ENOENT);
	ck_assert_int_eq(vt_tree_find(&f.memory.source, &f.tree, "/a", 2, &node, &err), -ENOENT);
	tear_down(&f);
}
END_TEST

START_TEST(a_read_that_must_not_wait_says_so_and_can_be_repeated)
{
	struct vt_dir_cursor cursor;
	struct rng rng = {9};
	struct vt_node node;
	struct fixture f;

	set_up(&f, model_random(&rng, 0, 400));
	vt_dir_cursor_init(&cursor, (struct vt_dir){f.tree.root.page, 0}, 0);
	for (size_t i = 0; i < f.root->count; i++) {
		f.memory.no_disk = true;
		int r = vt_dir_cursor_next(&cursor, &f.memory.source, true, &node, NULL);

		f.memory.no_disk = false;
		if (r == -EAGAIN)
			r = vt_dir_cursor_next(&cursor, &f.memory.source, true, &node, NULL);
		ck_assert_int_eq(r, 1);
		check_node(&node, f.root->children[i]);
		vt_node_done(&node);
	}
	vt_dir_cursor_done(&cursor);
	f.memory.no_disk = true;
	ck_assert_int_eq(vt_tree_at(&f.memory.source, true, &f.tree, 7, &node, NULL), -EAGAIN);
	tear_down(&f);
}
END_TEST

START_TEST(a_cursor_reads_each_leaf_once)
{
	struct rng rng = {10};
	struct fixture f;
	struct vt_node root = {0};

	set_up(&f, model_random(&rng, 0, 3000));
	root.entry = f.tree.root;
	f.memory.gets = 0;
	check_dir(&f, &root, f.root, 0);
	ck_assert_uint_lt(f.memory.gets, f.root->count / 4); /* about 3 gets per 32 entries */
	tear_down(&f);
}
END_TEST

START_TEST(a_walk_goes_past_what_is_skipped)
{
	struct rng rng = {11};
	struct vt_tree_walk *walk;
	struct vt_node node;
	struct fixture f;
	const char *path;
	size_t len, given = 0;

	set_up(&f, model_random(&rng, 3, 200));
	ck_assert_int_eq(vt_tree_walk_new(&f.memory.source, &f.tree, 0, &walk, NULL), 0);
	while (vt_tree_walk_next(walk, &node, &path, &len, NULL) > 0) {
		check_node(&node, f.root->children[given++]);
		vt_tree_walk_skip(walk);
		vt_node_done(&node);
	}
	ck_assert_uint_eq(given, f.root->count);
	vt_tree_walk_free(walk);
	tear_down(&f);
}
END_TEST

START_TEST(starting_a_walk_in_the_middle_reads_few_pages)
{
	struct rng rng = {12};
	struct vt_tree_walk *walk;
	struct fixture f;

	set_up(&f, model_random(&rng, 2, 1000));
	f.memory.gets = 0;
	ck_assert_int_eq(
		vt_tree_walk_new(&f.memory.source, &f.tree, f.tree.root.nodes / 2, &walk, NULL), 0);
	ck_assert_uint_lt(f.memory.gets, 30);
	vt_tree_walk_free(walk);
	tear_down(&f);
}
END_TEST

START_TEST(page_ids_are_in_no_digest)
{
	struct rng rng = {13};
	struct model *root = model_random(&rng, 3, 300);
	struct memory a, b;
	struct vt_tree tree_a, tree_b;

	memory_init(&a, 1, 1);
	memory_init(&b, 1000000, 7);
	tree_a = model_build(root, &a);
	tree_b = model_build(root, &b);
	ck_assert(vt_digest_equal(&tree_a.root.content, &tree_b.root.content));
	ck_assert_uint_ne(tree_a.root.page, tree_b.root.page);
	memory_done(&a);
	memory_done(&b);
	model_free(root);
}
END_TEST

START_TEST(one_more_entry_makes_few_new_pages)
{
	struct rng rng = {14};
	struct model *root = model_random(&rng, 0, 5000);
	struct memory memory;

	memory_init(&memory, 1, 1);
	(void) model_build(root, &memory);
	ck_assert_uint_gt(memory.new_pages, 100);
	for (int i = 0; i < 50; i++) {
		size_t before = memory.new_pages, count = root->count;

		while (root->count == count)
			model_add_random(root, &rng, 0, 0);
		(void) model_build(root, &memory);
		/* One per level; two where the new name is a cut, which may go on upwards. */
		ck_assert_uint_le(memory.new_pages - before, 7);
	}
	memory_done(&memory);
	model_free(root);
}
END_TEST

START_TEST(a_level_never_has_more_than_half_the_pages_of_the_one_below)
{
	struct model *root = model_new(VT_DIRECTORY, "", 0);
	struct memory memory;
	struct vt_page *page;
	char name[32];

	/* Only names that end a page at level 0, and of these all that end one at level 1. */
	for (unsigned i = 0; root->count < 300; i++) {
		size_t len = (size_t) snprintf(name, sizeof name, "%08u", i);

		if (vt_page_ends(0, 1, 0, name, len) && vt_page_ends(1, 2, 0, name, len))
			model_insert(root, model_new(VT_FILE, name, len));
	}
	memory_init(&memory, 1, 1);
	struct vt_tree tree = model_build(root, &memory);
	ck_assert_int_eq(memory.source.get(&memory, tree.root.page, false, &page, NULL), 0);
	ck_assert_uint_eq(page->entries, 300);
	ck_assert_uint_ge(page->count, 2);
	ck_assert_uint_le(page->level, 9); /* 300 leaves halve to 1 in 9 steps */
	vt_page_unref(page);
	memory_done(&memory);
	model_free(root);
}
END_TEST

START_TEST(long_entries_cut_a_page_by_its_bytes)
{
	static char target[VT_TARGET_LEN_MAX];
	struct model *root = model_new(VT_DIRECTORY, "", 0);
	struct fixture f;
	struct rng rng = {15};
	char name[32];

	memset(target, 'x', sizeof target);
	for (unsigned i = 0; i < 200; i++) {
		struct model *link =
			model_new(VT_SYMLINK, name, (size_t) snprintf(name, sizeof name, "%u", i));

		link->entry.target = target;
		link->entry.size = link->entry.target_len = sizeof target;
		model_insert(root, link);
	}
	set_up(&f, root);
	ck_assert_uint_gt(f.memory.new_pages, 200 * sizeof target / VT_PAGE_BYTES_MAX);
	for (struct memory_page *page = f.memory.by_id; page; page = page->by_id.next)
		ck_assert_uint_le(page->len, VT_PAGE_CUT_BYTES + 5000 + 16 * VT_PAGE_ENTRIES_MAX);
	check_all(&f, &rng);
	tear_down(&f);
}
END_TEST

static struct vt_entry entry_of(enum vt_entry_type type, const char *name)
{
	return (struct vt_entry){.type = type, .name = name, .name_len = strlen(name), .nodes = 1};
}

START_TEST(the_builder_refuses_what_is_out_of_order_or_shape)
{
	struct vt_entry b = entry_of(VT_FILE, "b"), a = entry_of(VT_FILE, "a"),
			dir = entry_of(VT_DIRECTORY, "c"), root = entry_of(VT_DIRECTORY, "");
	struct vt_tree_builder *builder;
	struct vt_tree tree;
	struct memory memory;
	struct vt_error err;

	memory_init(&memory, 1, 1);
	ck_assert_int_eq(vt_tree_builder_new(&memory.sink, &builder, NULL), 0);
	ck_assert_int_eq(vt_tree_builder_leave(builder, &err), -EINVAL);
	ck_assert_int_eq(vt_tree_builder_add(builder, &b, NULL), 0);
	ck_assert_int_eq(vt_tree_builder_add(builder, &b, &err), -EINVAL);
	ck_assert_int_eq(vt_tree_builder_add(builder, &a, &err), -EINVAL);
	ck_assert_str_eq(err.text, "'a' comes after 'b'");
	ck_assert_int_eq(vt_tree_builder_add(builder, &dir, &err), -EINVAL);
	ck_assert_int_eq(vt_tree_builder_enter(builder, &a, &err), -EINVAL);
	ck_assert_int_eq(vt_tree_builder_enter(builder, &dir, &err), 0);
	ck_assert_uint_eq(vt_tree_builder_position(builder), 3);
	ck_assert_int_eq(vt_tree_builder_add(builder, &a, &err), 0);
	ck_assert_int_eq(vt_tree_builder_finish(builder, &root, &tree, &err), -EINVAL);
	ck_assert_int_eq(vt_tree_builder_leave(builder, &err), 0);
	ck_assert_int_eq(vt_tree_builder_enter(builder, &dir, &err), -EINVAL);
	ck_assert_int_eq(vt_tree_builder_finish(builder, &a, &tree, &err), -EINVAL);
	ck_assert_int_eq(vt_tree_builder_finish(builder, &root, &tree, &err), 0);
	ck_assert_uint_eq(tree.root.nodes, 4);
	vt_tree_builder_free(builder);
	memory_done(&memory);
}
END_TEST

START_TEST(depth_is_bounded_when_building_and_walked_to_the_bottom)
{
	struct vt_entry dir = entry_of(VT_DIRECTORY, "d"), root = entry_of(VT_DIRECTORY, "");
	struct vt_tree_builder *builder;
	struct vt_tree_walk *walk;
	struct memory memory;
	struct vt_node node;
	struct vt_tree tree;
	const char *path;
	size_t len = 0;
	unsigned given = 0;

	memory_init(&memory, 1, 1);
	ck_assert_int_eq(vt_tree_builder_new(&memory.sink, &builder, NULL), 0);
	for (unsigned i = 0; i < VT_TREE_DEPTH_MAX; i++)
		ck_assert_int_eq(vt_tree_builder_enter(builder, &dir, NULL), 0);
	ck_assert_int_eq(vt_tree_builder_enter(builder, &dir, NULL), -EOVERFLOW);
	for (unsigned i = 0; i < VT_TREE_DEPTH_MAX; i++)
		ck_assert_int_eq(vt_tree_builder_leave(builder, NULL), 0);
	ck_assert_int_eq(vt_tree_builder_finish(builder, &root, &tree, NULL), 0);
	vt_tree_builder_free(builder);

	ck_assert_int_eq(vt_tree_walk_new(&memory.source, &tree, 0, &walk, NULL), 0);
	while (vt_tree_walk_next(walk, &node, &path, &len, NULL) > 0) {
		given++;
		vt_node_done(&node);
	}
	ck_assert_uint_eq(given, VT_TREE_DEPTH_MAX);
	ck_assert_uint_eq(len, 2 * VT_TREE_DEPTH_MAX - 1);
	vt_tree_walk_free(walk);
	memory_done(&memory);
}
END_TEST

static int failing_put(void *context, struct vt_new_page *pages, size_t count, struct vt_error *err)
{
	return vt_fail(err, ENOSPC, "no room");
}

START_TEST(a_sink_that_fails_fails_the_build)
{
	struct vt_page_sink sink = {.put = failing_put};
	struct vt_entry dir = entry_of(VT_DIRECTORY, "d"), root = entry_of(VT_DIRECTORY, "");
	struct vt_tree_builder *builder;
	struct vt_tree tree;
	char name[16];
	int r = 0;

	ck_assert_int_eq(vt_tree_builder_new(&sink, &builder, NULL), 0);
	for (unsigned i = 0; r == 0 && i < 100000; i++) { /* until a batch is full */
		struct vt_entry file = entry_of(VT_FILE, name);

		file.name_len = (size_t) snprintf(name, sizeof name, "%06u", i);
		r = vt_tree_builder_add(builder, &file, NULL);
	}
	ck_assert_int_eq(r, -ENOSPC);
	vt_tree_builder_free(builder);

	ck_assert_int_eq(vt_tree_builder_new(&sink, &builder, NULL), 0);
	ck_assert_int_eq(vt_tree_builder_enter(builder, &dir, NULL), 0);
	ck_assert_int_eq(vt_tree_builder_leave(builder, NULL), -ENOSPC);
	vt_tree_builder_free(builder); /* with the directory open */

	ck_assert_int_eq(vt_tree_builder_new(&sink, &builder, NULL), 0);
	ck_assert_int_eq(vt_tree_builder_finish(builder, &root, &tree, NULL), -ENOSPC);
	vt_tree_builder_free(builder);
}
END_TEST

START_TEST(a_root_survives_encoding)
{
	static const uint8_t xattrs[] = {1, 0, 6, 'u', 's', 'e', 'r', '.', 'a', 1, 0, 'x'};
	vt_cleanup(vt_buf_done) struct vt_buf bytes = VT_BUF_INIT;
	struct vt_tree tree = {.root = entry_of(VT_DIRECTORY, "")}, back;
	struct vt_digest digest, other;

	tree.root.nodes = 12;
	tree.root.mode = 0755;
	tree.root.mtime_sec = -5;
	tree.root.xattrs = xattrs;
	tree.root.xattrs_len = sizeof xattrs;
	tree.link_count = 2;
	vt_digest_of("links", 5, &tree.link_digest);
	ck_assert_int_eq(vt_tree_encode(&tree, &bytes, NULL), 0);
	ck_assert_int_eq(vt_tree_decode(bytes.data, bytes.len, &back, NULL), 0);
	ck_assert(same_entry(&tree.root, &back.root));
	ck_assert_uint_eq(back.link_count, 2);
	ck_assert(vt_digest_equal(&back.link_digest, &tree.link_digest));
	for (size_t len = 0; len < bytes.len; len++)
		ck_assert_int_eq(vt_tree_decode(bytes.data, len, &back, NULL), -EBADMSG);
	vt_buf_put_u8(&bytes, 0);
	ck_assert_int_eq(vt_tree_decode(bytes.data, bytes.len, &back, NULL), -EBADMSG);

	ck_assert_int_eq(vt_tree_digest(&tree, &digest, NULL), 0);
	tree.links = 9; /* local: in no digest */
	tree.root.page = 10;
	ck_assert_int_eq(vt_tree_digest(&tree, &other, NULL), 0);
	ck_assert(vt_digest_equal(&digest, &other));
	tree.root.mode = 0700;
	ck_assert_int_eq(vt_tree_digest(&tree, &other, NULL), 0);
	ck_assert(!vt_digest_equal(&digest, &other));
	tree.link_count = 0;
	ck_assert_int_eq(vt_tree_digest(&tree, &other, NULL), -EINVAL);
}
END_TEST

/* Gives the page `id` the bytes of the page `other`. */
static void overwrite(struct memory *memory, uint64_t id, uint64_t other)
{
	struct memory_page *page = memory_find(memory, id), *from = memory_find(memory, other);

	free(page->value);
	page->len = from->len;
	page->value = malloc(from->len);
	memcpy(page->value, from->value, from->len);
}

START_TEST(a_page_that_is_not_its_parents_child_is_damage)
{
	struct vt_page_child first, second;
	struct rng rng = {16};
	struct vt_page *root;
	struct vt_node node;
	struct fixture f;

	set_up(&f, model_random(&rng, 0, 1000));
	must(f.memory.source.get(&f.memory, f.tree.root.page, false, &root, NULL) == 0);
	vt_page_child(root, 0, &first);
	vt_page_child(root, 1, &second);
	overwrite(&f.memory, first.page, f.tree.root.page); /* a page that leads to itself */
	overwrite(&f.memory, second.page, first.page);
	vt_page_unref(root);
	for (uint32_t i = 1; i <= first.nodes + second.nodes; i++)
		ck_assert_int_eq(vt_tree_at(&f.memory.source, false, &f.tree, i, &node, NULL),
				 -EBADMSG);
	ck_assert_int_eq(vt_tree_lookup(&f.memory.source, false,
					(struct vt_dir){f.tree.root.page, 0},
					f.root->children[0]->name,
					f.root->children[0]->entry.name_len, &node, NULL),
			 -EBADMSG);
	tear_down(&f);
}
END_TEST

START_TEST(a_directory_that_contains_itself_is_damage)
{
	struct vt_tree_walk *walk;
	struct fixture f;
	struct vt_node node;
	const char *path;
	size_t len;

	set_up(&f, small_model());
	must(vt_tree_at(&f.memory.source, false, &f.tree, 1, &node, NULL) == 0);
	overwrite(&f.memory, node.entry.page, f.tree.root.page);
	vt_node_done(&node);
	ck_assert_int_eq(vt_tree_walk_new(&f.memory.source, &f.tree, 0, &walk, NULL), 0);
	ck_assert_int_eq(vt_tree_walk_next(walk, &node, &path, &len, NULL), 1);
	vt_node_done(&node);
	ck_assert_int_eq(vt_tree_walk_next(walk, &node, &path, &len, NULL), -EBADMSG);
	vt_tree_walk_free(walk);
	ck_assert_int_eq(vt_tree_walk_new(&f.memory.source, &f.tree, 2, &walk, NULL), -EBADMSG);
	ck_assert_int_eq(vt_tree_at(&f.memory.source, false, &f.tree, 2, &node, NULL), -EBADMSG);
	tear_down(&f);
}
END_TEST

VT_SUITE(tree, random_trees_agree_with_the_model, a_directory_of_5000_entries_agrees_with_the_model,
	 absent_names_and_positions_are_not_found, a_path_through_a_file_is_refused,
	 a_read_that_must_not_wait_says_so_and_can_be_repeated, a_cursor_reads_each_leaf_once,
	 a_walk_goes_past_what_is_skipped, starting_a_walk_in_the_middle_reads_few_pages,
	 page_ids_are_in_no_digest, one_more_entry_makes_few_new_pages,
	 a_level_never_has_more_than_half_the_pages_of_the_one_below,
	 long_entries_cut_a_page_by_its_bytes, the_builder_refuses_what_is_out_of_order_or_shape,
	 depth_is_bounded_when_building_and_walked_to_the_bottom, a_sink_that_fails_fails_the_build,
	 a_root_survives_encoding, a_page_that_is_not_its_parents_child_is_damage,
	 a_directory_that_contains_itself_is_damage)
