/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What trees of labels cost, without a store: pages are hashed, and kept in memory. Then the tree
 * is edited: one file more at the front, one file labelled otherwise. How long that takes, what it
 * reads, and how much of what it makes a store would not have. VT_FILES and VT_LABELS (a file) say
 * how large, one line a figure.
 */
#include <stdio.h>
#include <sys/resource.h>

#include "index/base/clock.h"
#include "index/idmap.h"
#include "index/label_edit.h"
#include "tests/bench/bench.h"
#include "tests/unit/label_model.h"

static struct vt_idmap seen; /* page id -> index of its value */
static struct vt_buf *values;
static size_t pages_kept, room;
static uint64_t pages, bytes, gets; /* put for the first time; read */

static void keep(struct vt_new_page *page)
{
	if (pages_kept == room) {
		room = room ? 2 * room : 1024;
		values = reallocarray(values, room, sizeof *values);
		must(values != NULL);
	}
	values[pages_kept] = page->value;
	page->value = VT_BUF_INIT; /* taken */
	must(vt_idmap_add(&seen, page->id, pages_kept++) == 0);
}

static int put_pages(void *context, struct vt_new_page *list, size_t count, struct vt_error *err)
{
	for (size_t i = 0; i < count; i++) {
		uint64_t start;

		memcpy(&start, list[i].digest.bytes, sizeof start);
		list[i].id = start | 1;
		if (vt_idmap_find(&seen, list[i].id, NULL))
			continue;
		pages++;
		bytes += list[i].value.len;
		keep(&list[i]);
	}
	return 0;
}

static int get_page(void *context, uint64_t id, bool nowait, struct vt_page **out,
		    struct vt_error *err)
{
	uint64_t index;

	gets++;
	must(vt_idmap_find(&seen, id, &index));
	return vt_page_decode(values[index].data, values[index].len, id, false, NULL, out, err);
}

static unsigned count_of(const char *name, unsigned otherwise)
{
	const char *value = getenv(name);

	return value ? (unsigned) strtoul(value, NULL, 10) : otherwise;
}

/* The labels of a file. */
static void make_rows(unsigned number, unsigned count, const char *value, struct vt_label rows[64])
{
	static const char *const people[] = {"alice", "bob", "carol", "detector-7"};
	static char keys[64][16];

	for (unsigned i = 0; i < count; i++) {
		(void) snprintf(keys[i], sizeof keys[i], "key_%u", i / 2);
		rows[i] = label_of(keys[i], value, people[(number + i) % 4]);
		rows[i].time_ns = 1700000000000000000 + (int64_t) number * 1000003 + i;
		rows[i].has_confidence = true;
		rows[i].confidence = (number * 31 + i) % 1000 / 1000.0;
	}
}

static struct vt_digest content_of(unsigned number)
{
	struct vt_digest content = {{0}};

	memcpy(content.bytes, &number, sizeof number);
	return content;
}

static void path_of(unsigned number, char path[64])
{
	(void) snprintf(path, 64, "%04u/%08u.png", number / 1000, number);
}

static struct vt_label_tree build(unsigned files, unsigned count)
{
	const struct vt_page_sink sink = {.put = put_pages};
	struct vt_label_tree_builder *builder;
	struct vt_label_tree tree;
	struct vt_label rows[64];
	char path[64];

	must(vt_label_tree_builder_new(&sink, &builder, NULL) == 0);
	for (unsigned i = 0; i < files; i++) {
		struct vt_digest content = content_of(i);

		path_of(i, path);
		make_rows(i, count, "cat", rows);
		must(vt_label_tree_builder_add(builder, path, strlen(path), &content, rows, count,
					       NULL) == 0);
	}
	must(vt_label_tree_builder_finish(builder, &tree, NULL) == 0);
	vt_label_tree_builder_free(builder);
	return tree;
}

/* One file's labels are put into the tree; prints what that costs. */
static void edit(const char *what, const struct vt_label_tree *old, const char *path,
		 unsigned number, unsigned count)
{
	const struct vt_page_source source = {.get = get_page, .kind = VT_PAGE_LABELS};
	const struct vt_page_sink sink = {.put = put_pages};
	const struct vt_digest content = content_of(number);
	struct vt_label_edit *edit;
	struct vt_label_tree tree;
	struct vt_label rows[64];
	uint64_t since, took;

	pages = bytes = gets = 0;
	make_rows(number, count, "a much longer value", rows);
	since = vt_clock_monotonic_ns();
	must(vt_label_edit_new(&source, old, &sink, &edit, NULL) == 0);
	must(vt_label_edit_put(edit, path, strlen(path), &content, rows, count, NULL) == 0);
	must(vt_label_edit_finish(edit, &tree, NULL) == 0);
	took = vt_clock_monotonic_ns() - since;
	vt_label_edit_free(edit);
	printf("%-36s %12.3f ms (%llu pages read, %llu pages of %llu bytes stored anew)\n", what,
	       (double) took / 1e6, (unsigned long long) gets, (unsigned long long) pages,
	       (unsigned long long) bytes);
}

static void forget_pages(void)
{
	for (size_t i = 0; i < pages_kept; i++)
		vt_buf_done(&values[i]);
	free(values);
	vt_idmap_done(&seen);
}

START_TEST(all_cases)
{
	unsigned files = count_of("VT_FILES", 1000000), count = count_of("VT_LABELS", 10);
	uint64_t since = vt_clock_monotonic_ns(), took;
	struct vt_label_tree tree;
	struct rusage usage;
	char path[64];

	must(count > 0 && count <= 64);
	tree = build(files, count);
	took = vt_clock_monotonic_ns() - since;
	printf("%-36s %12.0f labels/s (%llu labels of %u files in %.1f s)\n", "labels built",
	       (double) tree.labels * 1e9 / (double) took, (unsigned long long) tree.labels, files,
	       (double) took / 1e9);
	printf("%-36s %12.1f bytes (%llu pages of %.0f bytes)\n", "a label takes, uncompressed",
	       (double) bytes / (double) tree.labels, (unsigned long long) pages,
	       (double) bytes / (double) pages);
	edit("one file more at the front", &tree, "!", files, count);
	path_of(files / 2, path);
	edit("one file relabelled", &tree, path, files / 2, count);
	path_of(files - 1, path);
	edit("the last file relabelled", &tree, path, files - 1, count);
	(void) getrusage(RUSAGE_SELF, &usage);
	printf("%-36s %12ld KiB, with the pages that this program keeps\n", "memory at most",
	       usage.ru_maxrss);
	forget_pages();
}
END_TEST

int main(void)
{
	return bench_run(all_cases);
}
