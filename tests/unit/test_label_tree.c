/* SPDX-License-Identifier: Apache-2.0 */
/* Trees of labels against a list of files with labels, and what a change costs. */
#include "index/label_tree.h"
#include "index/base/error.h"
#include "tests/unit/labelled_files.h"
#include "tests/unit/suite.h"

#include <errno.h>

#define STORED_ANEW_MAX (64u << 10) /* bytes, by one change of labels */

static void check_rows(const struct memory *memory, const struct vt_entry *entry,
		       const struct file *file)
{
	struct vt_label_rows rows;
	struct vt_label label;

	must(entry->type == VT_LABELLED && entry->labels == file->count);
	must(vt_digest_equal(&entry->content, &file->content));
	must(vt_label_rows_open(&rows, &memory->source, entry, NULL) == 0);
	for (size_t i = 0; i < file->count; i++) {
		must(vt_label_rows_next(&rows, &label, NULL) == 1);
		must(same_label(&label, &file->rows[i]));
	}
	must(vt_label_rows_next(&rows, &label, NULL) == 0);
	vt_label_rows_done(&rows);
}

/* Each is found, and a walk gives these alone. */
static void check_tree(const struct memory *memory, const struct vt_label_tree *tree,
		       const struct files *files)
{
	struct vt_tree root = vt_label_tree_root(tree);
	struct vt_tree_walk *walk;
	struct vt_node node;
	const char *path;
	size_t len, at = 0;

	for (size_t i = 0; i < files->count; i++) {
		const struct file *file = &files->list[i];

		must(vt_label_tree_find(&memory->source, tree, file->path, strlen(file->path),
					&node, NULL) == 0);
		check_rows(memory, &node.entry, file);
		vt_node_done(&node);
	}
	must(vt_tree_walk_new(&memory->source, &root, 0, &walk, NULL) == 0);
	while (vt_tree_walk_next(walk, &node, &path, &len, NULL) == 1) {
		if (node.entry.type == VT_LABELLED) {
			must(len == strlen(files->list[at].path));
			must(memcmp(path, files->list[at].path, len) == 0);
			check_rows(memory, &node.entry, &files->list[at++]);
		}
		vt_node_done(&node);
	}
	must(at == files->count && tree->files == files->count);
	vt_tree_walk_free(walk);
}

static void reverse(struct file *file)
{
	for (size_t i = 0; i < file->count / 2; i++) {
		struct vt_label row = file->rows[i];

		file->rows[i] = file->rows[file->count - 1 - i];
		file->rows[file->count - 1 - i] = row;
	}
}

START_TEST(what_was_labelled_is_found_whatever_the_order)
{
	for (uint64_t seed = 1; seed <= 8; seed++) {
		struct rng rng = {seed * 0x9e3779b97f4a7c15ull};
		struct files files = some_files(&rng, 1 + rng_below(&rng, 400));
		struct vt_label_tree tree, again;
		struct memory one, other;
		struct vt_digest a, b;

		memory_init(&one, 0, 1);
		memory_init(&other, 1000, 7);
		tree = build(&files, &one);
		check_tree(&one, &tree, &files);
		for (size_t i = 0; i < files.count; i++)
			reverse(&files.list[i]);
		again = build(&files, &other);
		a = digest_of(&tree);
		b = digest_of(&again);
		must(vt_digest_equal(&a, &b) && tree.page != again.page);
		memory_done(&one);
		memory_done(&other);
		files_done(&files);
	}
}
END_TEST

/* ---- what differs ---- */

struct seen {
	const struct files *files[2]; /* before, after */
	size_t removed, added;
	char path[64];
};

static const struct file *find_file(const struct files *files, const char *path, size_t len)
{
	for (size_t i = 0; i < files->count; i++)
		if (strlen(files->list[i].path) == len && !memcmp(files->list[i].path, path, len))
			return &files->list[i];
	return NULL;
}

static bool has_label(const struct file *file, const struct vt_label *label)
{
	for (size_t i = 0; file && i < file->count; i++)
		if (same_label(&file->rows[i], label))
			return true;
	return false;
}

static int check_change(void *context, enum vt_change change, const char *path, size_t len,
			const struct vt_label *label)
{
	struct seen *seen = context;
	bool added = change == VT_ADDED;

	must(added || change == VT_REMOVED);
	must(has_label(find_file(seen->files[added], path, len), label));
	must(!has_label(find_file(seen->files[!added], path, len), label));
	must(vt_label_path_compare(seen->path, strlen(seen->path), path, len) <= 0);
	memcpy(seen->path, path, len);
	seen->path[len] = 0;
	*(added ? &seen->added : &seen->removed) += 1;
	return 0;
}

/* Labels of `a` that `b` has not. */
static size_t missing(const struct files *a, const struct files *b)
{
	size_t count = 0;

	for (size_t i = 0; i < a->count; i++) {
		const struct file *file = &a->list[i],
				  *there = find_file(b, file->path, strlen(file->path));

		for (size_t k = 0; k < file->count; k++)
			count += !has_label(there, &file->rows[k]);
	}
	return count;
}

static void check_diff(struct memory *memory, const struct vt_label_tree *before,
		       const struct vt_label_tree *after, const struct files *a,
		       const struct files *b)
{
	struct seen seen = {.files = {a, b}};

	must(vt_label_diff(&memory->source, before, after, check_change, &seen, NULL) == 0);
	must(seen.removed == missing(a, b) && seen.added == missing(b, a));
}

static struct files changed(const struct files *files, struct rng *rng)
{
	struct files out = {0};

	for (size_t i = 0; i < files->count; i++) {
		const struct file *file = &files->list[i];
		unsigned kind = rng_below(rng, 8);
		struct file *copy;

		if (kind == 0)
			continue;
		copy = add_file(&out, file->path, file->count + (kind == 1), rng);
		memcpy(copy->rows, file->rows, file->count * sizeof *file->rows);
		if (kind == 2)
			copy->rows[rng_below(rng, (unsigned) copy->count)].parent = 99;
		if (kind == 3)
			copy->content.bytes[0] ^= 1; /* labels are the same */
	}
	(void) add_file(&out, "d/e/new", 3, rng);
	return out;
}

START_TEST(a_difference_has_what_one_side_alone_has)
{
	for (uint64_t seed = 1; seed <= 6; seed++) {
		struct rng rng = {seed * 0x9e3779b97f4a7c15ull};
		struct files a = some_files(&rng, 150), b, none = {0};
		struct vt_label_tree before, after, empty;
		struct memory memory;

		memory_init(&memory, 0, 1);
		before = build(&a, &memory);
		b = changed(&a, &rng);
		after = build(&b, &memory);
		empty = build(&none, &memory);
		check_diff(&memory, &before, &after, &a, &b);
		check_diff(&memory, &after, &before, &b, &a);
		check_diff(&memory, &empty, &after, &none, &b);
		check_diff(&memory, &after, &empty, &b, &none);
		memory_done(&memory);
		files_done(&a);
		files_done(&b);
	}
}
END_TEST

static int count_change(void *context, enum vt_change change, const char *path, size_t len,
			const struct vt_label *label)
{
	++*(size_t *) context;
	return 0;
}

START_TEST(one_label_more_stores_few_pages_and_moves_no_cut)
{
	struct rng rng = {9};
	struct files files = {0};
	struct vt_label_tree tree, next;
	struct memory memory;
	char path[64];

	for (unsigned i = 0; i < 3000; i++) {
		(void) snprintf(path, sizeof path, "images/%06u.png", i);
		(void) add_file(&files, path, 1 + rng_below(&rng, 10), &rng);
	}
	memory_init(&memory, 0, 1);
	tree = build(&files, &memory);
	for (uint64_t n = 1; n <= 20; n++) {
		struct file *file = &files.list[rng_below(&rng, 3000)];
		size_t pages = memory.new_pages, bytes = memory.new_bytes, changes = 0;

		file->rows[0].tool = text_of("a tool with a long name, so that the row grows");
		file->rows[0].parent = 1000 + n;
		next = build(&files, &memory);
		must(memory.new_pages - pages <= 5); /* a leaf, inner pages, the root */
		must(memory.new_bytes - bytes < STORED_ANEW_MAX);
		memory.gets = 0;
		must(vt_label_diff(&memory.source, &tree, &next, count_change, &changes, NULL) ==
		     0);
		must(changes == 2 && memory.gets <= 10);
		tree = next;
	}
	memory_done(&memory);
	files_done(&files);
}
END_TEST

START_TEST(one_label_more_in_a_file_of_thousands_stores_a_part)
{
	struct rng rng = {11};
	struct files files = {0};
	struct memory memory;
	struct vt_label_tree tree;
	struct file *file = add_file(&files, "video", 40000, &rng);
	size_t bytes;

	memory_init(&memory, 0, 1);
	tree = build(&files, &memory);
	check_tree(&memory, &tree, &files);
	ck_assert_uint_gt(memory.new_bytes, 1u << 20);
	for (int n = 0; n < 5; n++) {
		bytes = memory.new_bytes;
		file->rows[rng_below(&rng, 40000)].parent = 1000 + (uint64_t) n;
		tree = build(&files, &memory);
		ck_assert_uint_lt(memory.new_bytes - bytes, STORED_ANEW_MAX);
	}
	check_tree(&memory, &tree, &files);
	memory_done(&memory);
	files_done(&files);
}
END_TEST

/* ---- refusals ---- */

START_TEST(paths_that_do_not_ascend_are_refused)
{
	static const char *const pairs[][2] = {{"b", "a"},   {"a", "a"},       {"a/b", "a"},
					       {"a", "a/b"}, {"a/b/c", "a/a"}, {"b/a", "a/c"},
					       {"", "a"},    {"a", "b//c"},    {"a", "/b"},
					       {"a", "b/"},  {"a", "b/.."}};

	for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
		struct vt_label label = label_of("k", "v", "a");
		struct vt_label_tree_builder *builder;
		struct vt_digest content = {{1}};
		struct memory memory;
		int r = 0;

		memory_init(&memory, 0, 1);
		must(vt_label_tree_builder_new(&memory.sink, &builder, NULL) == 0);
		for (int k = 0; r == 0 && k < 2; k++)
			r = vt_label_tree_builder_add(builder, pairs[i][k], strlen(pairs[i][k]),
						      &content, &label, 1, NULL);
		ck_assert_msg(r == -EINVAL, "pair %zu: %d", i, r);
		vt_label_tree_builder_free(builder);
		memory_done(&memory);
	}
}
END_TEST

START_TEST(trees_of_one_kind_are_not_read_as_another)
{
	struct rng rng = {13};
	struct model *model = model_random(&rng, 1, 40);
	struct files files = some_files(&rng, 40);
	struct memory memory;
	struct vt_tree tree, labels;
	struct vt_label_tree label_tree;
	struct vt_tree_walk *walk;

	memory_init(&memory, 0, 1);
	tree = model_build(model, &memory);
	label_tree = build(&files, &memory);
	labels = vt_label_tree_root(&label_tree);
	ck_assert_int_eq(vt_tree_walk_new(&memory.source, &tree, 0, &walk, NULL), -EBADMSG);
	memory.source.kind = VT_PAGE_FILES;
	ck_assert_int_eq(vt_tree_walk_new(&memory.source, &labels, 0, &walk, NULL), -EBADMSG);
	memory_done(&memory);
	model_free(model);
	files_done(&files);
}
END_TEST

START_TEST(pages_of_one_kind_hold_no_entries_of_another)
{
	static const uint8_t row[] = {17, 0, 0, 0, 1, 'k', 1, 'a', 0, 0, 0,
				      0,  0, 0, 0, 0, 3,   1, 2,   0, 1};
	struct vt_entry entries[] = {
		{.type = VT_FILE, .name = "n", .name_len = 1, .nodes = 1},
		{.type = VT_SYMLINK, .name = "n", .name_len = 1, .target = "t", .target_len = 1},
		{.type = VT_DIRECTORY, .name = "n", .name_len = 1, .nodes = 2, .mode = 0755},
		{.type = VT_LABELLED, .name = "n", .name_len = 1, .labels = 1},
		{.type = VT_LABELLED, .name = "n", .name_len = 1, .labels = 1, .mtime_sec = 1},
		{.type = VT_LABELLED, .name = "n", .name_len = 1, .size = VT_LABEL_INLINE_MAX + 1},
		{.type = VT_LABELLED, .name = "o", .name_len = 1, .labels = 1, .size = sizeof row},
	};
	struct vt_page_builder builder;

	entries[3].size = entries[4].size = sizeof row;
	entries[3].lines.bytes = entries[4].lines.bytes = 100;
	entries[3].block = entries[4].block = entries[5].block = entries[6].block = row;
	vt_page_builder_init(&builder, VT_PAGE_LABELS, 0);
	for (size_t i = 0; i < 7; i++)
		ck_assert_msg((vt_page_builder_add_entry(&builder, &entries[i], NULL) == 0) ==
				      (i == 3),
			      "entry %zu", i);
	vt_page_builder_done(&builder);
	vt_page_builder_init(&builder, VT_PAGE_FILES, 0);
	ck_assert_int_eq(vt_page_builder_add_entry(&builder, &entries[3], NULL), -EINVAL);
	vt_page_builder_done(&builder);
}
END_TEST

START_TEST(a_part_that_is_not_as_listed_is_refused)
{
	struct rng rng = {15};
	struct files files = {0};
	struct memory memory;
	struct vt_label_tree tree;
	struct vt_label_rows rows;
	struct vt_label label;
	struct vt_node node;
	struct memory_page *stored;
	struct vt_page *list;
	uint8_t *ids;
	int r;

	(void) add_file(&files, "video", 3000, &rng);
	memory_init(&memory, 0, 1);
	tree = build(&files, &memory);
	must(vt_label_tree_find(&memory.source, &tree, "video", 5, &node, NULL) == 0);
	must(memory_get(&memory, node.entry.page, false, &list, NULL) == 0);
	ck_assert_uint_eq(list->level, 1);
	ck_assert_uint_gt(list->count, 3);
	/* the second part's number leads to the third */
	stored = memory_find(&memory, node.entry.page);
	ids = stored->value + stored->len - 8u * list->count;
	memcpy(ids + 8, ids + 16, 8);
	must(vt_label_rows_open(&rows, &memory.source, &node.entry, NULL) == 0);
	while ((r = vt_label_rows_next(&rows, &label, NULL)) > 0)
		;
	ck_assert_int_eq(r, -EBADMSG);
	vt_label_rows_done(&rows);
	node.entry.labels++;
	ck_assert_int_eq(vt_label_rows_open(&rows, &memory.source, &node.entry, NULL), -EBADMSG);
	node.entry.page = tree.page; /* no page of rows */
	ck_assert_int_eq(vt_label_rows_open(&rows, &memory.source, &node.entry, NULL), -EBADMSG);
	vt_page_unref(list);
	vt_node_done(&node);
	memory_done(&memory);
	files_done(&files);
}
END_TEST

static void swap(uint8_t *at, size_t len)
{
	uint8_t first[64];

	memcpy(first, at, len);
	memcpy(at, at + len, len);
	memcpy(at + len, first, len);
}

START_TEST(parts_out_of_order_are_refused)
{
	struct rng rng = {17};
	struct files files = {0};
	struct memory memory;
	struct vt_label_tree tree;
	struct vt_label_rows rows;
	struct memory_page *list;
	struct vt_label label;
	struct vt_node node;
	int r;

	(void) add_file(&files, "video", 3000, &rng);
	memory_init(&memory, 0, 1);
	tree = build(&files, &memory);
	must(vt_label_tree_find(&memory.source, &tree, "video", 5, &node, NULL) == 0);
	list = memory_find(&memory, node.entry.page);
	swap(list->value + 8, 40); /* what it says of the first two, and their ids */
	swap(list->value + 4 + (list->value[0] | list->value[1] << 8), 8);
	must(vt_label_rows_open(&rows, &memory.source, &node.entry, NULL) == 0);
	while ((r = vt_label_rows_next(&rows, &label, NULL)) > 0)
		;
	ck_assert_int_eq(r, -EBADMSG);
	vt_label_rows_done(&rows);
	vt_node_done(&node);
	memory_done(&memory);
	files_done(&files);
}
END_TEST

START_TEST(roots_have_one_encoding)
{
	struct vt_label_tree tree = {.content = {{7}}, .nodes = 3, .files = 2, .labels = 5}, out;
	vt_cleanup(vt_buf_done) struct vt_buf bytes = VT_BUF_INIT;
	struct vt_digest digest;

	ck_assert_int_eq(vt_label_tree_encode(&tree, &bytes, NULL), 0);
	ck_assert_uint_eq(bytes.len, 48);
	ck_assert_int_eq(vt_label_tree_decode(bytes.data, bytes.len, &out, NULL), 0);
	ck_assert(out.nodes == 3 && out.files == 2 && out.labels == 5 && out.content.bytes[0] == 7);
	for (size_t len = 0; len < bytes.len; len++)
		ck_assert_int_eq(vt_label_tree_decode(bytes.data, len, &out, NULL), -EBADMSG);
	bytes.data[36] = 3; /* as many files as nodes */
	ck_assert_int_eq(vt_label_tree_decode(bytes.data, bytes.len, &out, NULL), -EBADMSG);
	bytes.data[36] = 0;
	ck_assert_int_eq(vt_label_tree_decode(bytes.data, bytes.len, &out, NULL), -EBADMSG);
	tree.labels = 1;
	ck_assert_int_eq(vt_label_tree_encode(&tree, &bytes, NULL), -EINVAL);
	tree.labels = 0;
	ck_assert_int_eq(vt_label_tree_digest(&tree, &digest, NULL), 0);
	ck_assert(vt_digest_is_zero(&digest));
}
END_TEST

VT_SUITE(label_tree, what_was_labelled_is_found_whatever_the_order,
	 a_difference_has_what_one_side_alone_has, one_label_more_stores_few_pages_and_moves_no_cut,
	 one_label_more_in_a_file_of_thousands_stores_a_part, paths_that_do_not_ascend_are_refused,
	 trees_of_one_kind_are_not_read_as_another, pages_of_one_kind_hold_no_entries_of_another,
	 a_part_that_is_not_as_listed_is_refused, parts_out_of_order_are_refused,
	 roots_have_one_encoding)
