/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What the tests of statistics share: files with labels, as the two trees of a version. */
#include "index/label_stats.h"
#include "index/file_labels.h"
#include "tests/unit/label_model.h"

#define STATS_ROWS_MAX 8

struct stats_file {
	const char *path;
	const char *content; /* what it has, NULL: nothing */
	struct vt_label rows[STATS_ROWS_MAX];
	size_t count;
};

struct stats_world {
	struct memory files, labels;
	struct vt_tree tree;
	struct vt_label_tree label_tree;
	struct vt_labelled_files labelled;
};

static inline struct model *world_folder(struct model *root, const char **name)
{
	const char *slash;
	struct model *dir = root, *child;

	for (; (slash = strchr(*name, '/')); *name = slash + 1) {
		child = model_child(dir, *name, (size_t) (slash - *name));
		if (!child) {
			child = model_new(VT_DIRECTORY, *name, (size_t) (slash - *name));
			child->entry.mode = 0755;
			model_insert(dir, child);
		}
		dir = child;
	}
	return dir;
}

static inline void world_add(struct model *root, const struct stats_file *file)
{
	const char *name = file->path;
	struct model *dir = world_folder(root, &name), *node;

	node = model_new(VT_FILE, name, strlen(name));
	node->entry.mode = 0644;
	node->entry.size = file->content ? strlen(file->content) : 0;
	vt_digest_of(file->content, node->entry.size, &node->entry.content);
	model_insert(dir, node);
}

/* `files` in walk order. */
static inline void world_init(struct stats_world *world, struct stats_file *files, size_t count)
{
	struct vt_label_tree_builder *builder;
	struct model *root = model_new(VT_DIRECTORY, "", 0);

	memory_init(&world->files, 0, 1);
	memory_init(&world->labels, 0, 1);
	world->files.source.kind = world->files.sink.kind = VT_PAGE_FILES;
	world->labels.source.kind = world->labels.sink.kind = VT_PAGE_LABELS;
	must(vt_label_tree_builder_new(&world->labels.sink, &builder, NULL) == 0);
	for (size_t i = 0; i < count; i++) {
		struct vt_digest content;

		world_add(root, &files[i]);
		vt_digest_of(files[i].content, files[i].content ? strlen(files[i].content) : 0,
			     &content);
		if (files[i].count > 0)
			must(vt_label_tree_builder_add(builder, files[i].path,
						       strlen(files[i].path), &content,
						       files[i].rows, files[i].count, NULL) == 0);
	}
	root->entry.mode = 0755;
	world->tree = model_build(root, &world->files);
	must(vt_label_tree_builder_finish(builder, &world->label_tree, NULL) == 0);
	vt_label_tree_builder_free(builder);
	model_free(root);
	world->labelled = (struct vt_labelled_files){&world->files.source, &world->labels.source,
						     &world->tree, &world->label_tree};
}

static inline void world_done(struct stats_world *world)
{
	memory_done(&world->files);
	memory_done(&world->labels);
}

static inline json_t *world_stats(const struct stats_world *world)
{
	const struct vt_stats_options options = {.scratch = "/tmp"};
	struct vt_label_stats *stats;
	struct vt_error err;
	json_t *json;

	ck_assert_msg(vt_label_stats_take(&world->labelled, &options, &stats, &err) == 0, "%s",
		      err.text);
	ck_assert_msg(vt_label_stats_json(stats, &json, &err) == 0, "%s", err.text);
	vt_label_stats_free(stats);
	return json;
}

static inline struct vt_label number_label(const char *key, double number, const char *annotator)
{
	struct vt_label label = label_of(key, "", annotator);

	label.type = VT_LABEL_NUMBER;
	label.value.number = number;
	return label;
}
