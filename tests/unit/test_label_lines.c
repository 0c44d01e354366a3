/* SPDX-License-Identifier: Apache-2.0 */
/* Labels as lines: sizes and parts of trees against the text that is made plainly. */
#include "index/label_lines.h"

#include <errno.h>

#include "index/label_edit.h"
#include "index/label_line.h"
#include "tests/unit/labelled_files.h"
#include "tests/unit/suite.h"

/* Names that are escaped, that are no UTF-8, and plain ones. */
static const char *const names[] = {"a",    "b\"",      "c\\d", "\x01", "e\x7f",
				    "\xff", "\xc3\xa4", "g-1",  "\xc3", "long name of a folder"};
#define NAMES (sizeof names / sizeof names[0])

static void random_path(char path[64], struct rng *rng)
{
	size_t depth = rng_below(rng, 4), len = 0;

	for (; depth > 0 && len < 30; depth--)
		len += (size_t) snprintf(path + len, 64 - len, "%s/", names[rng_below(rng, NAMES)]);
	(void) snprintf(path + len, 64 - len, "%u%s", rng_below(rng, 50),
			names[rng_below(rng, NAMES)]);
}

static bool is_there(const struct files *files, const char *path)
{
	for (size_t i = 0; i < files->count; i++)
		if (strcmp(files->list[i].path, path) == 0)
			return true;
	return false;
}

/* File names begin with a digit, so that no file is where a directory is. */
static struct files odd_files(struct rng *rng, unsigned count)
{
	struct files files = {0};
	char path[64];

	while (files.count < count) {
		random_path(path, rng);
		if (!is_there(&files, path))
			(void) add_file(&files, path,
					1 + rng_below(rng, rng_below(rng, 20) ? 3 : 90), rng);
	}
	return files;
}

/* The text made plainly; of a set that was built, and so is sorted. */
static struct vt_buf text_of_files(const struct files *files)
{
	struct vt_buf text = VT_BUF_INIT;

	for (size_t i = 0; i < files->count; i++)
		for (size_t k = 0; k < files->list[i].count; k++) {
			struct vt_label_row row = {.path = text_of(files->list[i].path),
						   .label = files->list[i].rows[k]};

			vt_label_line_put(&row, &text);
		}
	return text;
}

/* The range of a text that is wanted, and what came of it. */
struct got {
	uint64_t from, to, next;
	struct vt_buf bytes;
};

static int take(void *context, uint64_t offset, const void *text, size_t len)
{
	struct got *got = context;

	must(got->next == 0 || offset == got->next);
	got->next = offset + len;
	for (size_t i = 0; i < len; i++)
		if (offset + i >= got->from && offset + i < got->to)
			vt_buf_put_u8(&got->bytes, ((const uint8_t *) text)[i]);
	return 0;
}

static void check_range(struct memory *memory, const struct vt_label_tree *tree,
			const struct vt_buf *text, uint64_t from, uint64_t to)
{
	struct got got = {.from = from, .to = to};
	uint64_t end = to < text->len ? to : text->len;
	size_t len = from < end ? end - from : 0;

	must(vt_label_lines_read(&memory->source, tree, from, to, take, &got, NULL) == 0);
	must(got.bytes.len == len);
	must(len == 0 || memcmp(got.bytes.data, text->data + from, len) == 0);
	vt_buf_done(&got.bytes);
}

static void check_size(struct memory *memory, const struct vt_label_tree *tree,
		       const struct vt_buf *text)
{
	uint64_t size;

	must(vt_label_lines_size(&memory->source, tree, &size, NULL) == 0);
	ck_assert_uint_eq(size, text->len);
}

START_TEST(sizes_and_parts_are_those_of_the_text)
{
	for (uint64_t seed = 1; seed <= 12; seed++) {
		struct rng rng = {seed};
		struct files files = odd_files(&rng, 1 + rng_below(&rng, 300));
		struct vt_label_tree tree;
		struct memory memory;
		struct vt_buf text;

		memory_init(&memory, 0, 1);
		tree = build(&files, &memory);
		text = text_of_files(&files);
		check_size(&memory, &tree, &text);
		check_range(&memory, &tree, &text, 0, UINT64_MAX);
		for (int i = 0; i < 40; i++) {
			uint64_t from = rng_below(&rng, (unsigned) text.len + 1);

			check_range(&memory, &tree, &text, from, from + rng_below(&rng, 5000));
		}
		vt_buf_done(&text);
		files_done(&files);
		memory_done(&memory);
	}
}
END_TEST

START_TEST(any_byte_of_a_small_text_is_found)
{
	struct rng rng = {5};
	struct files files = odd_files(&rng, 12);
	struct vt_label_tree tree;
	struct memory memory;
	struct vt_buf text;

	memory_init(&memory, 0, 1);
	tree = build(&files, &memory);
	text = text_of_files(&files);
	for (uint64_t from = 0; from <= text.len + 1; from++)
		check_range(&memory, &tree, &text, from, from + 1);
	vt_buf_done(&text);
	files_done(&files);
	memory_done(&memory);
}
END_TEST

/* Some files get other labels, some none any more. `files` are changed likewise. */
static struct vt_label_tree edit(struct memory *memory, const struct vt_label_tree *old,
				 struct files *files, struct rng *rng)
{
	struct vt_label_edit *edit;
	struct vt_label_tree tree;
	size_t kept = 0;

	must(vt_label_edit_new(&memory->source, old, &memory->sink, &edit, NULL) == 0);
	for (size_t i = 0; i < files->count; i++) {
		struct file file = files->list[i];

		if (rng_below(rng, 20) == 0 && files->count > 1) {
			must(vt_label_edit_remove(edit, file.path, strlen(file.path), NULL) == 0);
			free(file.rows);
			continue;
		}
		if (rng_below(rng, 20) == 0) {
			file.rows[0].annotator = text_of("somebody else");
			must(vt_label_edit_put(edit, file.path, strlen(file.path), &file.content,
					       file.rows, file.count, NULL) == 0);
		}
		files->list[kept++] = file;
	}
	files->count = kept;
	must(vt_label_edit_finish(edit, &tree, NULL) == 0);
	vt_label_edit_free(edit);
	return tree;
}

START_TEST(edits_keep_sizes_and_parts_right)
{
	struct rng rng = {77};
	struct files files = odd_files(&rng, 400);
	struct vt_label_tree tree;
	struct memory memory;

	memory_init(&memory, 0, 1);
	tree = build(&files, &memory);
	for (int i = 0; i < 40; i++) {
		struct vt_buf text;
		uint64_t from;

		tree = edit(&memory, &tree, &files, &rng);
		text = text_of_files(&files);
		check_size(&memory, &tree, &text);
		from = rng_below(&rng, (unsigned) text.len);
		check_range(&memory, &tree, &text, from, from + 3000);
		vt_buf_done(&text);
	}
	files_done(&files);
	memory_done(&memory);
}
END_TEST

START_TEST(a_part_of_a_large_text_costs_a_few_pages)
{
	struct rng rng = {9};
	struct files files = {0};
	struct vt_label_tree tree;
	struct memory memory;
	struct vt_buf text;
	char path[64];

	memory_init(&memory, 0, 1);
	for (unsigned i = 0; i < 20000; i++) {
		(void) snprintf(path, sizeof path, "d%02u/%05u", i % 40, i);
		(void) add_file(&files, path, 1, &rng);
	}
	tree = build(&files, &memory);
	text = text_of_files(&files);
	for (int i = 0; i < 20; i++) {
		uint64_t from = rng_below(&rng, (unsigned) text.len);

		memory.gets = 0;
		check_range(&memory, &tree, &text, from, from + 500);
		ck_assert_uint_le(memory.gets, 40);
	}
	memory.gets = 0;
	check_size(&memory, &tree, &text);
	ck_assert_uint_eq(memory.gets, 1);
	vt_buf_done(&text);
	files_done(&files);
	memory_done(&memory);
}
END_TEST

START_TEST(without_labels_the_text_is_empty)
{
	const struct vt_label_tree none = {0};
	struct vt_buf empty = VT_BUF_INIT;
	struct memory memory;

	memory_init(&memory, 0, 1);
	memory.source.kind = VT_PAGE_LABELS;
	check_size(&memory, &none, &empty);
	check_range(&memory, &none, &empty, 0, 100);
	ck_assert_uint_eq(memory.gets, 0);
	memory_done(&memory);
}
END_TEST

/* Reads all as if it began at each byte; how often that was damage. */
static unsigned count_damage(struct memory *memory, const struct vt_label_tree *tree, size_t len)
{
	unsigned damage = 0;

	for (uint64_t from = 0; from < len; from += 100) {
		struct got got = {0};
		int r = vt_label_lines_read(&memory->source, tree, from, len, take, &got, NULL);

		must(r == 0 || r == -EBADMSG);
		damage += r < 0;
	}
	return damage;
}

START_TEST(another_length_in_any_page_is_damage)
{
	struct rng rng = {3};
	struct files files = odd_files(&rng, 16);
	struct memory_page *page, *next;
	struct vt_label_tree tree;
	struct memory memory;
	struct vt_buf text;

	memory_init(&memory, 0, 1);
	tree = build(&files, &memory);
	text = text_of_files(&files);
	ck_assert_uint_eq(count_damage(&memory, &tree, text.len), 0);
	HASH_ITER (hh, memory.by_digest, page, next) {
		size_t trailer = 4 + (page->value[0] | (size_t) page->value[1] << 8);

		if (page->value[5] != VT_PAGE_LABELS + 1)
			continue;
		page->value[trailer + 8] ^= 1; /* `bytes` of its first item */
		ck_assert_uint_gt(count_damage(&memory, &tree, text.len), 0);
		page->value[trailer + 8] ^= 1;
	}
	vt_buf_done(&text);
	files_done(&files);
	memory_done(&memory);
}
END_TEST

START_TEST(sums_that_are_impossible_are_a_problem)
{
	static const struct vt_line_sums good = {2, 1, 300, 400};
	static const struct vt_line_sums bad[] = {
		{0, 0, 300, 300},
		{2, 3, 300, 300},
		{2, 1, 1, 300},
		{2, 1, 300, 1},
		{2, 2, 300, 400},
		{2, 1, VT_LINE_BYTES_MAX + 1, 400},
		{2, 1, 300, VT_LINE_BYTES_MAX + 1},
	};
	struct vt_line_sums most = {1, 0, UINT64_MAX, UINT64_MAX};

	ck_assert_ptr_null(vt_line_sums_problem(&good));
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		ck_assert_msg(vt_line_sums_problem(&bad[i]) != NULL, "sums %zu", i);
	vt_line_sums_add(&most, &good);
	ck_assert_uint_eq(most.bytes, UINT64_MAX);
	ck_assert_uint_eq(most.labels, 3);
}
END_TEST

VT_SUITE(label_lines, sizes_and_parts_are_those_of_the_text, any_byte_of_a_small_text_is_found,
	 edits_keep_sizes_and_parts_right, a_part_of_a_large_text_costs_a_few_pages,
	 without_labels_the_text_is_empty, another_length_in_any_page_is_damage,
	 sums_that_are_impossible_are_a_problem)
