/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See curate.h. Parts are built one after the other, in the order of their names, each in a pass
 * over its files: folders are entered and left as paths demand.
 */
#include "index/curate.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/array.h"
#include "index/base/error.h"
#include "index/wanted_files.h"

struct curator {
	const struct vt_curate *job;
	struct vt_curated *out;
	struct vt_tree_builder *tree;
	struct vt_label_tree_builder *labels;
	struct vt_buf open; /* path of the open folder, with its '/'; nothing for the root */
	struct vt_buf path; /* of the file at hand, in the new tree */
	size_t prefix;      /* bytes of it that are the part's folder, with its '/' */
	struct vt_label *rows;
	size_t room;
};

static void curator_done(struct curator *c)
{
	vt_tree_builder_free(c->tree);
	vt_label_tree_builder_free(c->labels);
	vt_buf_done(&c->open);
	vt_buf_done(&c->path);
	free(c->rows);
}

/* ---- folders --------------------------------------------------------------------------------- */

static int tell(struct curator *c, size_t len, const struct vt_entry *entry, struct vt_error *err)
{
	if (!c->job->each)
		return 0;
	return c->job->each(c->job->context, (const char *) c->path.data, len, entry,
			    vt_tree_builder_position(c->tree), err);
}

/* Leaves the open folders that the path is not in. */
static int leave_others(struct curator *c, struct vt_error *err)
{
	struct vt_buf *open = &c->open;
	int r = 0;

	while (r == 0 && open->len > 0 &&
	       (open->len > c->path.len || memcmp(open->data, c->path.data, open->len) != 0)) {
		r = vt_tree_builder_leave(c->tree, err);
		for (open->len--; open->len > 0 && open->data[open->len - 1] != '/'; open->len--)
			;
	}
	return r;
}

/* A folder like another one; it has no name yet. */
static struct vt_entry folder_like(const struct vt_entry *from)
{
	return (struct vt_entry){
		.type = VT_DIRECTORY,
		.mode = from->mode,
		.mtime_sec = from->mtime_sec,
		.mtime_nsec = from->mtime_nsec,
		.xattrs = from->xattrs,
		.xattrs_len = from->xattrs_len,
	};
}

/* Enters the folder of which the path's first `len` bytes are the path; like `from`. */
static int enter(struct curator *c, size_t len, const struct vt_entry *from, struct vt_error *err)
{
	struct vt_entry entry = folder_like(from);
	int r;

	entry.name = (const char *) c->path.data + c->open.len;
	entry.name_len = len - c->open.len;
	entry.nodes = 1;
	r = tell(c, len, &entry, err);
	if (r == 0)
		r = vt_tree_builder_enter(c->tree, &entry, err);
	if (r < 0)
		return r;
	c->out->counts.directories++;
	vt_buf_reset(&c->open);
	vt_buf_put(&c->open, c->path.data, len + 1);
	return vt_buf_failed(&c->open) ? vt_fail(err, ENOMEM, "no memory for a path") : 0;
}

/* A part's folder is like the root; the others are as they are in the other version. */
static int enter_folder(struct curator *c, size_t len, struct vt_error *err)
{
	const struct vt_labelled_files *from = &c->job->from;
	const char *path = (const char *) c->path.data;
	struct vt_node node = {0};
	int r;

	if (len < c->prefix)
		return enter(c, len, &from->tree->root, err);
	r = vt_tree_find(from->files, from->tree, path + c->prefix, len - c->prefix, &node, err);
	if (r == 0)
		r = enter(c, len, &node.entry, err);
	vt_node_done(&node);
	return r;
}

static int move_to_folder(struct curator *c, struct vt_error *err)
{
	int r = leave_others(c, err);

	while (r == 0) {
		const uint8_t *rest = c->path.data + c->open.len;
		const uint8_t *slash = memchr(rest, '/', c->path.len - c->open.len);

		if (!slash)
			break;
		r = enter_folder(c, (size_t) (slash - c->path.data), err);
	}
	return r;
}

/* ---- files ----------------------------------------------------------------------------------- */

static int add_file(struct curator *c, const struct vt_labelled_file *file, struct vt_error *err)
{
	struct vt_entry entry = *file->entry;
	int r = move_to_folder(c, err);

	entry.linked = false;
	if (r == 0)
		r = tell(c, c->path.len, &entry, err);
	if (r == 0)
		r = vt_tree_builder_add(c->tree, &entry, err);
	if (r < 0)
		return r;
	c->out->counts.files++;
	c->out->counts.bytes += entry.size;
	return 0;
}

/* The builder wants rows that it may sort. */
static int copy_rows(struct curator *c, const struct vt_label *rows, size_t count,
		     struct vt_error *err)
{
	if (vt_array_reserve(c->rows, c->room, count) < 0)
		return vt_fail(err, ENOMEM, "no memory for the labels of a file");
	memcpy(c->rows, rows, count * sizeof *rows);
	return 0;
}

static int add_labels(struct curator *c, struct vt_wanted_files *wanted,
		      const struct vt_labelled_file *file, struct vt_error *err)
{
	const struct vt_label *rows;
	size_t count;
	int r = vt_file_labels_rows(wanted->files, &rows, &count, err);

	if (r < 0 || count == 0)
		return r;
	r = copy_rows(c, rows, count, err);
	return r < 0 ? r
		     : vt_label_tree_builder_add(c->labels, (const char *) c->path.data,
						 c->path.len, &file->entry->content, c->rows, count,
						 err);
}

static int add_wanted(struct curator *c, struct vt_wanted_files *wanted, struct vt_error *err)
{
	struct vt_labelled_file file;
	int r;

	while ((r = vt_wanted_files_next(wanted, &file, err)) > 0) {
		c->path.len = c->prefix;
		vt_buf_put(&c->path, file.path, file.path_len);
		if (vt_buf_failed(&c->path))
			return vt_fail(err, ENOMEM, "no memory for a path");
		r = add_file(c, &file, err);
		if (r == 0)
			r = add_labels(c, wanted, &file, err);
		if (r < 0)
			return vt_fail_in(err, r, "'%.*s'", (int) file.path_len, file.path);
	}
	return r;
}

/* `folder` NULL: no part. */
static int add_part(struct curator *c, const char *folder, const roaring_bitmap_t *files,
		    uint64_t *count, struct vt_error *err)
{
	uint64_t before = c->out->counts.files;
	struct vt_wanted_files wanted;
	int r = vt_wanted_files_open(&wanted, &c->job->from, files, c->job->cancel, err);

	vt_buf_reset(&c->path);
	if (folder) {
		vt_buf_put(&c->path, folder, strlen(folder));
		vt_buf_put_u8(&c->path, '/');
	}
	c->prefix = c->path.len;
	if (r == 0)
		r = add_wanted(c, &wanted, err);
	vt_wanted_files_done(&wanted);
	*count = c->out->counts.files - before;
	if (r == 0 && *count == 0)
		return folder ? vt_fail(err, ENOENT, "no file is left for the part '%s'", folder)
			      : vt_fail(err, ENOENT, "there is no such file");
	return r;
}

/* ---- parts ----------------------------------------------------------------------------------- */

/* The part whose name comes first behind `after`; its index. */
static size_t next_part(const struct vt_split *split, const char *after)
{
	size_t next = split->count;

	for (size_t i = 0; i < split->count; i++) {
		const char *name = split->parts[i].name;

		if (strcmp(name, after) > 0 &&
		    (next == split->count || strcmp(name, split->parts[next].name) < 0))
			next = i;
	}
	return next;
}

static int add_parts(struct curator *c, struct vt_error *err)
{
	const struct vt_curate *job = c->job;
	const struct vt_split *split = job->split;
	roaring_bitmap_t *parts[VT_SPLIT_PARTS_MAX];
	const char *last = "";
	int r = vt_split_files(split, &job->from, job->files, job->scratch, job->cancel, parts,
			       err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < split->count && r == 0; i++) {
		size_t part = next_part(split, last);

		last = split->parts[part].name;
		r = add_part(c, last, parts[part], &c->out->part_files[part], err);
	}
	for (size_t i = 0; i < split->count; i++)
		vt_bitmap_free(parts[i]);
	return r;
}

/* ---- the whole ------------------------------------------------------------------------------- */

/* Pages that nobody will read need only have numbers. */
static int put_nowhere(void *context, struct vt_new_page *pages, size_t count, struct vt_error *err)
{
	uint64_t *next = context;

	(void) err;
	for (size_t i = 0; i < count; i++)
		pages[i].id = ++*next;
	return 0;
}

static struct vt_page_sink sink_of(const struct vt_curate *job, enum vt_page_kind kind,
				   uint64_t *next)
{
	if (job->pages)
		return vt_page_store_sink(job->pages, kind);
	return (struct vt_page_sink){.put = put_nowhere, .context = next, .kind = kind};
}

static int finish(struct curator *c, struct vt_error *err)
{
	const struct vt_entry root = folder_like(&c->job->from.tree->root);
	int r;

	vt_buf_reset(&c->path);
	r = leave_others(c, err);
	if (r == 0)
		r = vt_tree_builder_finish(c->tree, &root, &c->out->tree, err);
	return r < 0 ? r : vt_label_tree_builder_finish(c->labels, &c->out->labels, err);
}

int vt_curate(const struct vt_curate *job, struct vt_curated *out, struct vt_error *err)
{
	vt_cleanup(curator_done) struct curator c = {.job = job, .out = out};
	uint64_t next = 0, files;
	struct vt_page_sink tree = sink_of(job, VT_PAGE_FILES, &next);
	struct vt_page_sink labels = sink_of(job, VT_PAGE_LABELS, &next);
	int r;

	memset(out, 0, sizeof *out);
	r = vt_tree_builder_new(&tree, &c.tree, err);
	if (r == 0)
		r = vt_label_tree_builder_new(&labels, &c.labels, err);
	if (r == 0)
		r = job->split ? add_parts(&c, err) : add_part(&c, NULL, job->files, &files, err);
	return r < 0 ? r : finish(&c, err);
}
