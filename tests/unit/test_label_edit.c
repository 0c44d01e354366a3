/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Edited trees of labels against trees built anew of the same labels, for random scripts of edits,
 * each on the tree that the one before left; and what an edit reads and writes.
 */
#include "index/label_edit.h"
#include "index/base/error.h"
#include "index/label_lines.h"
#include "tests/unit/labelled_files.h"
#include "tests/unit/suite.h"

#include <errno.h>

/* ---- names ---- */

enum shape { ANY, ALWAYS_CUT, NEVER_CUT, SHAPES };

/* Does a page of every level end at that name, or none of them? */
static bool has_shape(const char *name, enum shape shape)
{
	size_t len = strlen(name);
	bool leaf = vt_page_label_leaf_ends(1, name, len), inner = vt_page_ends(1, 2, 0, name, len);

	return shape == ANY || (shape == ALWAYS_CUT ? leaf && inner : !leaf && !inner);
}

/* One of about `range` names of that shape, behind `folder`. */
static void random_path(char path[64], const char *folder, enum shape shape, unsigned range,
			struct rng *rng)
{
	unsigned number = rng_below(rng, range) * 1000;
	char name[16];

	do
		(void) snprintf(name, sizeof name, "%u", number++);
	while (!has_shape(name, shape));
	(void) snprintf(path, 64, "%s%s", folder, name);
}

/* ---- sets of files ---- */

/* A kind of tree: where its files are, how they are called, and how many labels they have. */
struct kind {
	const char *const *folders; /* up to NULL */
	enum shape shape;
	unsigned range;
	bool are_big; /* some labels are in pages of rows */
};

static size_t count_folders(const struct kind *kind)
{
	size_t count = 0;

	while (kind->folders[count])
		count++;
	return count;
}

static size_t random_count(const struct kind *kind, struct rng *rng)
{
	unsigned chance = rng_below(rng, 60);

	if (kind->are_big && chance < 6)
		return chance == 0 ? 2000 : 60;
	return 1 + chance % 3;
}

static bool is_below(const char *path, const char *directory)
{
	size_t len = strlen(directory);

	return strncmp(path, directory, len) == 0 && path[len] == '/';
}

static void add_random(struct files *files, const struct kind *kind, struct rng *rng)
{
	const char *folder = kind->folders[rng_below(rng, (unsigned) count_folders(kind))];
	char path[64];

	random_path(path, folder, kind->shape, kind->range, rng);
	(void) add_file(files, path, random_count(kind, rng), rng);
}

/* Sorts; no file can be where another is, or has a directory: one of them goes. */
static void settle(struct files *files, struct rng *rng)
{
	size_t count = 0;

	if (files->count > 0)
		qsort(files->list, files->count, sizeof *files->list, by_path);
	for (size_t i = 0; i < files->count; i++) {
		struct file *file = &files->list[i], *last = count ? &files->list[count - 1] : NULL;

		if (count > 0 &&
		    (strcmp(file->path, last->path) == 0 || is_below(file->path, last->path))) {
			struct file *loser = rng_below(rng, 2) ? file : last;

			free(loser->rows);
			if (loser == last)
				*last = *file;
			continue;
		}
		files->list[count++] = *file;
	}
	files->count = count;
}

static void copy_file(struct files *files, const struct file *file)
{
	struct file *copy = new_file(files);

	*copy = *file;
	copy->rows = malloc(file->count * sizeof *file->rows);
	memcpy(copy->rows, file->rows, file->count * sizeof *file->rows);
}

static void relabel(struct file *file, struct rng *rng)
{
	file->rows[rng_below(rng, (unsigned) file->count)].parent = rng_next(rng) | 1;
	file->content.bytes[0] = (uint8_t) rng_below(rng, 2);
}

enum place { NOWHERE, FIRST, LAST, SOMEWHERE, OFTEN, EVERYWHERE, PLACES };

static bool is_at(enum place place, size_t i, size_t count, size_t chosen, struct rng *rng)
{
	switch (place) {
	case FIRST:
		return i == 0;
	case LAST:
		return i + 1 == count;
	case SOMEWHERE:
		return i == chosen;
	case OFTEN:
		return rng_below(rng, 8) == 0;
	case EVERYWHERE:
		return true;
	default:
		return false;
	}
}

/* Some files relabelled, some gone, some new. */
static struct files changed(const struct files *files, const struct kind *kind, struct rng *rng)
{
	enum place others = rng_below(rng, PLACES), gone = rng_below(rng, PLACES);
	unsigned more = rng_below(rng, 4);
	size_t chosen = files->count ? rng_below(rng, (unsigned) files->count) : 0;
	struct files out = {0};

	if (gone == EVERYWHERE && rng_below(rng, 4))
		gone = NOWHERE;
	for (size_t i = 0; i < files->count; i++) {
		if (is_at(gone, i, files->count, chosen, rng))
			continue;
		copy_file(&out, &files->list[i]);
		if (is_at(others, i, files->count, chosen, rng))
			relabel(&out.list[out.count - 1], rng);
	}
	if (more == 3)
		more = rng_below(rng, kind->range);
	while (more-- > 0)
		add_random(&out, kind, rng);
	settle(&out, rng);
	return out;
}

/* ---- scripts ---- */

/* Has the set a file at that path or below it? */
static bool has_any(const struct files *files, const char *path, size_t len)
{
	size_t low = 0, high = files->count;

	while (low < high) { /* for the first that is not before the path */
		size_t middle = (low + high) / 2;
		const char *there = files->list[middle].path;

		if (vt_label_path_compare(there, strlen(there), path, len) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low < files->count && strncmp(files->list[low].path, path, len) == 0 &&
	       (files->list[low].path[len] == '/' || files->list[low].path[len] == 0);
}

struct script {
	struct vt_label_edit *edit;
	const struct files *after;
	struct rng *rng;
	char last[64]; /* path removed last */
};

/* A file that is gone, or all of a directory above it that is gone. */
static void remove_one(struct script *script, const char *path)
{
	size_t len = strlen(path);

	if (script->last[0] && is_below(path, script->last) && rng_below(script->rng, 2))
		return;
	for (size_t i = 0; i < len; i++)
		if (path[i] == '/' && !has_any(script->after, path, i) &&
		    strncmp(path, script->last, i) != 0 && rng_below(script->rng, 2))
			len = i;
	must(vt_label_edit_remove(script->edit, path, len, NULL) == 0);
	memcpy(script->last, path, len);
	script->last[len] = 0;
}

static void put_one(struct script *script, struct file *file)
{
	must(vt_label_edit_put(script->edit, file->path, strlen(file->path), &file->content,
			       file->rows, file->count, NULL) == 0);
}

static bool same_file(const struct file *a, const struct file *b)
{
	if (a->count != b->count || !vt_digest_equal(&a->content, &b->content))
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (!same_label(&a->rows[i], &b->rows[i]))
			return false;
	return true;
}

/* What makes one sorted set of the other, and now and then a file again as it was. */
static struct vt_label_tree edit(struct memory *memory, const struct vt_label_tree *old,
				 const struct files *before, const struct files *after,
				 struct rng *rng)
{
	struct script script = {.after = after, .rng = rng};
	struct vt_label_tree tree;
	size_t i = 0, k = 0;

	must(vt_label_edit_new(&memory->source, old, &memory->sink, &script.edit, NULL) == 0);
	while (i < before->count || k < after->count) {
		struct file *a = i < before->count ? &before->list[i] : NULL,
			    *b = k < after->count ? &after->list[k] : NULL;
		int order = !a ? 1 : !b ? -1 : by_path(a, b);

		if (order < 0)
			remove_one(&script, a->path);
		else if (order > 0 || !same_file(a, b) || rng_below(rng, 50) == 0)
			put_one(&script, b);
		i += order <= 0;
		k += order >= 0;
	}
	must(vt_label_edit_finish(script.edit, &tree, NULL) == 0);
	vt_label_edit_free(script.edit);
	return tree;
}

/* ---- what must be equal ---- */

/* Every page is where its parent says: digests alone would not show a wrong number. */
static void check_pages(struct memory *memory, uint64_t id, const struct vt_digest *digest,
			const struct vt_line_sums *lines)
{
	struct vt_page *page;

	must(memory_get(memory, id, false, &page, NULL) == 0);
	must(vt_digest_equal(&page->digest, digest));
	must(!lines || vt_line_sums_equal(&page->lines, lines));
	for (unsigned i = 0; page->kind == VT_PAGE_LABELS && i < page->count; i++) {
		struct vt_page_child child;
		struct vt_entry entry;

		if (page->level > 0) {
			vt_page_child(page, i, &child);
			check_pages(memory, child.page, &child.digest, &child.lines);
			continue;
		}
		vt_page_entry(page, i, &entry);
		if (entry.type == VT_LABELLED && !vt_entry_is_inline(&entry))
			memcpy(entry.content.bytes, entry.block, VT_DIGEST_LEN);
		if (entry.type == VT_DIRECTORY || !vt_entry_is_inline(&entry))
			check_pages(memory, entry.page, &entry.content, NULL);
	}
	vt_page_unref(page);
}

static uint64_t size_of(struct memory *memory, const struct vt_label_tree *tree)
{
	uint64_t size;

	must(vt_label_lines_size(&memory->source, tree, &size, NULL) == 0);
	return size;
}

static void check_equal(struct memory *memory, const struct vt_label_tree *edited,
			struct files *files)
{
	struct vt_label_tree anew;
	struct memory other;

	memory_init(&other, 1000, 7);
	anew = build(files, &other);
	must(vt_digest_equal(&edited->content, &anew.content));
	must(edited->nodes == anew.nodes && edited->files == anew.files &&
	     edited->labels == anew.labels);
	must(size_of(memory, edited) == size_of(&other, &anew));
	if (edited->labels > 0)
		check_pages(memory, edited->page, &edited->content, NULL);
	memory_done(&other);
}

static void run_scripts(const struct kind *kind, uint64_t seed, unsigned files, unsigned scripts)
{
	struct rng rng = {seed * 0x9e3779b97f4a7c15ull};
	struct files now = {0};
	struct vt_label_tree tree;
	struct memory memory;

	memory_init(&memory, 0, 1);
	for (unsigned i = 0; i < files; i++)
		add_random(&now, kind, &rng);
	settle(&now, &rng);
	tree = build(&now, &memory);
	while (scripts-- > 0) {
		struct files next = changed(&now, kind, &rng);

		tree = edit(&memory, &tree, &now, &next, &rng);
		check_equal(&memory, &tree, &next);
		files_done(&now);
		now = next;
	}
	files_done(&now);
	memory_done(&memory);
}

static const char *const flat[] = {"", NULL};
/* '/' sorts among other bytes, and a name is a folder here and a file there. */
static const char *const nested[] = {"",   "d/",         "d-1/",     "d/0/", "d/1000/",
				     "0/", "1000/2000/", "z/y/x/w/", NULL};

START_TEST(small_trees_are_edited_to_what_is_built_anew)
{
	for (uint64_t seed = 1; seed <= 80; seed++) {
		struct rng rng = {seed};
		const struct kind kind = {.folders = nested,
					  .shape = seed % SHAPES,
					  .range = 2 + rng_below(&rng, 60),
					  .are_big = seed % 5 == 0};

		run_scripts(&kind, seed, rng_below(&rng, 60), 15);
	}
}
END_TEST

START_TEST(directories_of_one_folder_are_edited_to_what_is_built_anew)
{
	for (uint64_t seed = 1; seed <= 60; seed++) {
		struct rng rng = {seed};
		const struct kind kind = {
			.folders = flat, .shape = seed % SHAPES, .range = 2 + rng_below(&rng, 300)};

		run_scripts(&kind, seed, rng_below(&rng, 300), 15);
	}
}
END_TEST

START_TEST(large_directories_are_edited_to_what_is_built_anew)
{
	for (uint64_t seed = 1; seed <= 6; seed++) {
		const struct kind kind = {.folders = seed <= 3 ? flat : nested,
					  .shape = seed % SHAPES,
					  .range = 4000};

		run_scripts(&kind, seed, 3000, 4);
	}
}
END_TEST

/* ---- what it costs ---- */

#define PAGES_MAX       24u         /* read, or put, for one edit */
#define STORED_ANEW_MAX (64u << 10) /* bytes */

struct counted {
	struct memory memory;
	struct vt_page_source source;
	struct vt_page_sink sink;
	size_t pages_put, rows_read;
};

static int counted_get(void *context, uint64_t id, bool nowait, struct vt_page **out,
		       struct vt_error *err)
{
	struct counted *counted = context;
	int r = memory_get(&counted->memory, id, nowait, out, err);

	counted->rows_read += r == 0 && (*out)->kind == VT_PAGE_ROWS;
	return r;
}

static int counted_put(void *context, struct vt_new_page *pages, size_t count, struct vt_error *err)
{
	struct counted *counted = context;

	counted->pages_put += count;
	return memory_put(&counted->memory, pages, count, err);
}

static void counted_init(struct counted *counted)
{
	*counted = (struct counted){0};
	memory_init(&counted->memory, 0, 1);
	counted->source = (struct vt_page_source){
		.get = counted_get, .context = counted, .kind = VT_PAGE_LABELS};
	counted->sink = (struct vt_page_sink){.put = counted_put, .context = counted};
}

static struct vt_label_tree edit_one(struct counted *counted, const struct vt_label_tree *old,
				     const char *path, size_t labels)
{
	struct rng rng = {old->page};
	struct files files = {0};
	struct vt_label_edit *edit;
	struct vt_label_tree tree;
	struct file *file = add_file(&files, path, labels, &rng);

	must(vt_label_edit_new(&counted->source, old, &counted->sink, &edit, NULL) == 0);
	if (labels > 0)
		must(vt_label_edit_put(edit, path, strlen(path), &file->content, file->rows, labels,
				       NULL) == 0);
	else
		must(vt_label_edit_remove(edit, path, strlen(path), NULL) == 0);
	must(vt_label_edit_finish(edit, &tree, NULL) == 0);
	vt_label_edit_free(edit);
	files_done(&files);
	return tree;
}

static void check_cost(struct counted *counted, const struct vt_label_tree *old, const char *path,
		       size_t labels, int more_files)
{
	size_t gets = counted->memory.gets, bytes = counted->memory.new_bytes;
	struct vt_label_tree tree;

	counted->pages_put = 0;
	tree = edit_one(counted, old, path, labels);
	ck_assert_uint_le(counted->memory.gets - gets, PAGES_MAX);
	ck_assert_uint_le(counted->pages_put, PAGES_MAX);
	ck_assert_uint_lt(counted->memory.new_bytes - bytes, STORED_ANEW_MAX);
	ck_assert_uint_eq(counted->rows_read, 0);
	ck_assert_int_eq((int) tree.files - (int) old->files, more_files);
}

/* A hundred thousand files, `per_folder` in each; every hundredth has labels in pages of rows. */
static struct vt_label_tree build_many(struct counted *counted, unsigned per_folder)
{
	struct rng rng = {per_folder};
	struct files files = {0};
	struct vt_label_tree tree;
	char path[64];

	for (unsigned i = 0; i < 100000; i++) {
		(void) snprintf(path, sizeof path, "%03u/%06u.png", i / per_folder, i);
		(void) add_file(&files, path, i % 100 == 0 ? 60 : 2, &rng);
	}
	tree = build(&files, &counted->memory);
	files_done(&files);
	return tree;
}

static void check_costs(unsigned per_folder)
{
	struct counted counted;
	struct vt_label_tree tree;
	char path[64];

	counted_init(&counted);
	tree = build_many(&counted, per_folder);
	for (unsigned i = 0; i < 100000; i += 11111) {
		(void) snprintf(path, sizeof path, "%03u/%06u.png", i / per_folder, i);
		check_cost(&counted, &tree, path, 3, 0);
		check_cost(&counted, &tree, path, 0, -1);
	}
	check_cost(&counted, &tree, "!", 3, 1);
	check_cost(&counted, &tree, "000/!", 3, 1);
	check_cost(&counted, &tree, "~", 3, 1);
	check_cost(&counted, &tree, "050/~/a/b/c", 3, 1);
	memory_done(&counted.memory);
}

START_TEST(an_edit_among_many_directories_touches_few_pages)
{
	check_costs(1000);
}
END_TEST

START_TEST(an_edit_in_one_large_directory_touches_few_pages)
{
	check_costs(100000);
}
END_TEST

START_TEST(without_edits_nothing_is_read)
{
	const struct vt_label_tree old = {.nodes = 3, .files = 2, .labels = 2, .page = 99};
	struct vt_label_edit *edit;
	struct vt_label_tree tree;
	struct counted counted;

	counted_init(&counted);
	ck_assert_int_eq(vt_label_edit_new(&counted.source, &old, &counted.sink, &edit, NULL), 0);
	ck_assert_int_eq(vt_label_edit_finish(edit, &tree, NULL), 0);
	ck_assert_uint_eq(tree.page, 99);
	ck_assert_uint_eq(counted.memory.gets + counted.pages_put, 0);
	vt_label_edit_free(edit);
	memory_done(&counted.memory);
}
END_TEST

/* ---- refusals ---- */

/* Edits the files "a" and "d/f"; a path in brackets is removed. */
static int try(const char *const edits[], const struct vt_label_tree *lie)
{
	struct rng rng = {7};
	struct files files = {0};
	struct vt_label label = label_of("k", "v", "a");
	const struct vt_digest content = {{1}};
	struct vt_label_edit *edit;
	struct vt_label_tree tree;
	struct memory memory;
	int r = 0;

	memory_init(&memory, 0, 1);
	(void) add_file(&files, "a", 1, &rng);
	(void) add_file(&files, "d/f", 2, &rng);
	tree = build(&files, &memory);
	if (lie)
		tree.files = lie->files;
	if (lie)
		tree.labels = lie->labels;
	must(vt_label_edit_new(&memory.source, &tree, &memory.sink, &edit, NULL) == 0);
	for (; r == 0 && *edits; edits++) {
		size_t len = strlen(*edits);

		r = **edits == '('
			    ? vt_label_edit_remove(edit, *edits + 1, len - 2, NULL)
			    : vt_label_edit_put(edit, *edits, len, &content, &label, 1, NULL);
	}
	if (r == 0)
		r = vt_label_edit_finish(edit, &tree, NULL);
	vt_label_edit_free(edit);
	files_done(&files);
	memory_done(&memory);
	return r;
}

START_TEST(edits_that_make_no_tree_are_refused)
{
	static const char *const refused[][4] = {
		{"b", "a"}, {"a", "a"},     {"(b)", "a"},     {"(a)", "a"},     {"a/b"},
		{"d/f/g"},  {"a", "a/b"},   {"(a/b)", "a/c"}, {"d", "d/f"},     {""},
		{"/b"},     {"b//c"},       {"b/"},           {"b/.."},         {"()"},
		{"(/b)"},   {"d/g", "(d)"}, {"e/f", "e"},     {"d/f", "d/e/f"},
	};

	for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
		ck_assert_msg(try(refused[i], NULL) == -EINVAL, "script %zu", i);
}
END_TEST

START_TEST(what_is_not_there_can_be_removed)
{
	static const char *const accepted[][4] = {
		{"(b)"},          {"(a/b)"},        {"(a/b)", "(a/c)"},
		{"(b/c/d)"},      {"(a)", "a/b"},   {"d", "(d/f)"},
		{"(d)", "(d/f)"}, {"(d)", "d/f/g"}, {"(a)", "(d)"},
	};

	for (size_t i = 0; i < sizeof accepted / sizeof accepted[0]; i++)
		ck_assert_msg(try(accepted[i], NULL) == 0, "script %zu", i);
}
END_TEST

START_TEST(a_root_that_says_too_little_is_damage)
{
	static const char *const all[] = {"(a)", "(d)", NULL}, *const one[] = {"(d)", NULL};

	ck_assert_int_eq(try(all, &(struct vt_label_tree){.files = 1, .labels = 3}), -EBADMSG);
	ck_assert_int_eq(try(all, &(struct vt_label_tree){.files = 2, .labels = 2}), -EBADMSG);
	ck_assert_int_eq(try(one, &(struct vt_label_tree){.files = 3, .labels = 3}), -EBADMSG);
}
END_TEST

START_TEST(a_path_through_too_many_directories_is_refused)
{
	struct vt_label label = label_of("k", "v", "a");
	const struct vt_label_tree none = {0};
	const struct vt_digest content = {{1}};
	char path[2 * (VT_TREE_DEPTH_MAX + 1) + 1];
	struct vt_label_edit *edit;
	struct memory memory;

	memory_init(&memory, 0, 1);
	for (size_t i = 0; i < sizeof path; i++)
		path[i] = i % 2 ? '/' : 'd';
	must(vt_label_edit_new(&memory.source, &none, &memory.sink, &edit, NULL) == 0);
	ck_assert_int_eq(vt_label_edit_put(edit, path, sizeof path, &content, &label, 1, NULL),
			 -EOVERFLOW);
	vt_label_edit_free(edit);
	memory_done(&memory);
}
END_TEST

/* The leaf that this gives begins with a name that comes before the leaf in front of it. */
static struct vt_page_child spoil_leaf(struct memory *memory, const struct vt_page *root)
{
	struct vt_page_child child = {0};
	uint8_t *name;

	for (unsigned i = 1; child.entries < 2; i++) {
		must(i < root->count);
		vt_page_child(root, i, &child);
	}
	name = memory_find(memory, child.page)->value + 13; /* schema.md, "Labels" */
	*name = '#'; /* not escaped, so that lines stay as long */
	while (vt_page_label_leaf_ends(1, (const char *) name, name[-1]))
		++*name;
	return child;
}

START_TEST(leaves_out_of_order_are_damage)
{
	struct rng rng = {19};
	struct files files = {0};
	struct vt_label label = label_of("k", "v", "a");
	const struct vt_digest content = {{1}};
	struct vt_page_child child;
	struct vt_label_edit *edit;
	struct vt_label_tree tree;
	struct memory memory;
	struct vt_page *root;
	struct vt_error err;
	char path[64];

	memory_init(&memory, 0, 1);
	for (unsigned i = 0; i < 40; i++) {
		(void) snprintf(path, sizeof path, "n%u", i);
		(void) add_file(&files, path, 1, &rng);
	}
	tree = build(&files, &memory);
	must(memory_get(&memory, tree.page, false, &root, NULL) == 0);
	ck_assert_uint_eq(root->level, 1);
	child = spoil_leaf(&memory, root);
	must(vt_label_edit_new(&memory.source, &tree, &memory.sink, &edit, NULL) == 0);
	ck_assert_int_eq(vt_label_edit_put(edit, child.last_name, child.last_name_len, &content,
					   &label, 1, &err),
			 -EBADMSG);
	ck_assert_msg(strstr(err.text, "comes after"), "%s", err.text);
	vt_label_edit_free(edit);
	vt_page_unref(root);
	files_done(&files);
	memory_done(&memory);
}
END_TEST

VT_SUITE(label_edit, small_trees_are_edited_to_what_is_built_anew,
	 directories_of_one_folder_are_edited_to_what_is_built_anew,
	 large_directories_are_edited_to_what_is_built_anew,
	 an_edit_among_many_directories_touches_few_pages,
	 an_edit_in_one_large_directory_touches_few_pages, without_edits_nothing_is_read,
	 edits_that_make_no_tree_are_refused, what_is_not_there_can_be_removed,
	 a_root_that_says_too_little_is_damage, a_path_through_too_many_directories_is_refused,
	 leaves_out_of_order_are_damage)
