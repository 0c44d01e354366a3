/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trees of labels when memory is short, or a page cannot be read or stored: whichever call fails,
 * its error is the answer and (under the address sanitizer) nothing leaks.
 */
#include "index/label_edit.h"
#include "tests/unit/failing_malloc.h"
#include "tests/unit/labelled_files.h"
#include "tests/unit/suite.h"

#include <errno.h>

/* Calls before the one that fails; negative: none does. */
static long gets_left = -1, puts_left = -1;

struct fixture {
	struct memory memory;
	struct vt_page_source source;
	struct vt_page_sink sink;
	struct files files;
	struct vt_label_tree tree;
};

/* The test's own allocations do not fail. */
static int put(void *context, struct vt_new_page *pages, size_t count, struct vt_error *err)
{
	long left = allocations_left;
	int r;

	if (puts_left >= 0 && puts_left-- == 0)
		return vt_fail(err, EIO, "a page cannot be stored");
	allocations_left = -1;
	r = memory_put(context, pages, count, err);
	allocations_left = left;
	return r;
}

static int get(void *context, uint64_t id, bool nowait, struct vt_page **out, struct vt_error *err)
{
	if (gets_left >= 0 && gets_left-- == 0)
		return vt_fail(err, EIO, "a page cannot be read");
	return memory_get(context, id, nowait, out, err);
}

static void set_up(struct fixture *f)
{
	struct rng rng = {5};

	memory_init(&f->memory, 1, 1);
	f->source =
		(struct vt_page_source){.get = get, .context = &f->memory, .kind = VT_PAGE_LABELS};
	f->sink = (struct vt_page_sink){.put = put, .context = &f->memory};
	f->files = some_files(&rng, 150);
	(void) add_file(&f->files, "d/many labels", 2000, &rng);
	f->tree = build(&f->files, &f->memory);
}

static void tear_down(struct fixture *f)
{
	memory_done(&f->memory);
	files_done(&f->files);
}

static int build_anew(struct fixture *f)
{
	vt_cleanup(vt_label_tree_builder_freep) struct vt_label_tree_builder *builder = NULL;
	struct vt_label_tree tree;
	int r = vt_label_tree_builder_new(&f->sink, &builder, NULL);

	for (size_t i = 0; r == 0 && i < f->files.count; i++) {
		struct file *file = &f->files.list[i];

		r = vt_label_tree_builder_add(builder, file->path, strlen(file->path),
					      &file->content, file->rows, file->count, NULL);
	}
	return r < 0 ? r : vt_label_tree_builder_finish(builder, &tree, NULL);
}

/* "d-1" is gone, and every seventh other file has become a directory. */
static int edit_some(struct fixture *f, struct vt_label_edit *edit)
{
	bool is_gone = false;
	int r = 0;

	for (size_t i = 0; r == 0 && i < f->files.count; i++) {
		struct file *file = &f->files.list[i];
		size_t len = strlen(file->path);
		char path[80];

		if (strncmp(file->path, "d-1/", 4) == 0) {
			if (!is_gone)
				r = vt_label_edit_remove(edit, "d-1", 3, NULL);
			is_gone = true;
			continue;
		}
		if (i % 7 > 0)
			continue;
		r = vt_label_edit_remove(edit, file->path, len, NULL);
		(void) snprintf(path, sizeof path, "%s/a/b", file->path);
		if (r == 0)
			r = vt_label_edit_put(edit, path, len + 4, &file->content, file->rows,
					      file->count, NULL);
	}
	return r;
}

static int edit_old(struct fixture *f)
{
	vt_cleanup(vt_label_edit_freep) struct vt_label_edit *edit = NULL;
	struct vt_label_tree tree;
	int r = vt_label_edit_new(&f->source, &f->tree, &f->sink, &edit, NULL);

	if (r == 0)
		r = edit_some(f, edit);
	return r < 0 ? r : vt_label_edit_finish(edit, &tree, NULL);
}

/* Fails the first call that `left` counts, then the second, until all of them are answered. */
static void fail_each(int (*work)(struct fixture *f), long *left, int error, long at_least)
{
	struct fixture f;
	long n = 0;
	bool failed;
	int r;

	set_up(&f);
	for (;; n++) {
		*left = n;
		r = work(&f);
		failed = *left < 0;
		*left = -1;
		if (!failed)
			break;
		ck_assert_int_eq(r, error);
	}
	ck_assert_int_eq(r, 0);
	ck_assert_int_gt(n, at_least);
	tear_down(&f);
}

START_TEST(building_survives_every_failed_allocation)
{
	fail_each(build_anew, &allocations_left, -ENOMEM, 100);
}
END_TEST

START_TEST(building_survives_every_page_that_is_not_stored)
{
	fail_each(build_anew, &puts_left, -EIO, 10);
}
END_TEST

START_TEST(editing_survives_every_failed_allocation)
{
	fail_each(edit_old, &allocations_left, -ENOMEM, 100);
}
END_TEST

START_TEST(editing_survives_every_page_that_is_not_read)
{
	fail_each(edit_old, &gets_left, -EIO, 10);
}
END_TEST

START_TEST(editing_survives_every_page_that_is_not_stored)
{
	fail_each(edit_old, &puts_left, -EIO, 10);
}
END_TEST

VT_SUITE(label_failures, building_survives_every_failed_allocation,
	 building_survives_every_page_that_is_not_stored, editing_survives_every_failed_allocation,
	 editing_survives_every_page_that_is_not_read,
	 editing_survives_every_page_that_is_not_stored)
