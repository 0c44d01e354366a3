/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What the tests of trees of labels share: a list of files with labels, and the tree of it. */
#include <stdio.h>

#include "index/label_tree.h"
#include "tests/unit/label_model.h"

struct file {
	char path[64];
	struct vt_digest content;
	struct vt_label *rows; /* sorted once the tree is built */
	size_t count;
};

struct files {
	struct file *list;
	size_t count;
};

static inline int by_path(const void *a, const void *b)
{
	const struct file *x = a, *y = b;

	return vt_label_path_compare(x->path, strlen(x->path), y->path, strlen(y->path));
}

static inline struct file *new_file(struct files *files)
{
	if ((files->count & (files->count - 1)) == 0) /* the room is a power of two */
		files->list = realloc(files->list,
				      (files->count ? 2 * files->count : 1) * sizeof *files->list);
	return &files->list[files->count++];
}

static inline struct file *add_file(struct files *files, const char *path, size_t count,
				    struct rng *rng)
{
	struct file *file = new_file(files);

	*file = (struct file){.count = count, .rows = calloc(count, sizeof(struct vt_label))};
	(void) snprintf(file->path, sizeof file->path, "%s", path);
	vt_digest_of(path, strlen(path), &file->content);
	for (size_t i = 0; i < count; i++) {
		file->rows[i] = random_label(rng);
		file->rows[i].time_ns = (int64_t) (rng_next(rng) >> 8); /* none twice */
	}
	return file;
}

/* Names such that '/' sorts among other bytes: "d", "d-1", "d/…". */
static inline struct files some_files(struct rng *rng, unsigned most)
{
	static const char *const folders[] = {"", "d/", "d-1/", "d/e/", "d/e f/g/", "z/y/x/w/"};
	struct files files = {0};

	for (unsigned i = 0; i < most; i++) {
		char path[64];
		size_t rows = 1 + rng_below(rng, rng_below(rng, 30) ? 8 : 300);

		(void) snprintf(path, sizeof path, "%s%06u%s", folders[rng_below(rng, 6)], i,
				rng_below(rng, 2) ? "" : "-x");
		(void) add_file(&files, path, rows, rng);
	}
	return files;
}

static inline void files_done(struct files *files)
{
	for (size_t i = 0; i < files->count; i++)
		free(files->list[i].rows);
	free(files->list);
}

static inline struct vt_label_tree build(struct files *files, struct memory *memory)
{
	struct vt_label_tree_builder *builder;
	struct vt_label_tree tree;

	if (files->count > 0)
		qsort(files->list, files->count, sizeof *files->list, by_path);
	memory->source.kind = VT_PAGE_LABELS;
	must(vt_label_tree_builder_new(&memory->sink, &builder, NULL) == 0);
	for (size_t i = 0; i < files->count; i++) {
		struct file *file = &files->list[i];

		must(vt_label_tree_builder_add(builder, file->path, strlen(file->path),
					       &file->content, file->rows, file->count, NULL) == 0);
	}
	must(vt_label_tree_builder_finish(builder, &tree, NULL) == 0);
	vt_label_tree_builder_free(builder);
	return tree;
}

static inline struct vt_digest digest_of(const struct vt_label_tree *tree)
{
	struct vt_digest digest;

	must(vt_label_tree_digest(tree, &digest, NULL) == 0);
	return digest;
}
