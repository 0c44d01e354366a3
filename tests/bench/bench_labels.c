/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What trees of labels cost, without a store: pages are hashed and only their digests kept. Then
 * the tree is built anew with one file more at the front, and with one file labelled otherwise: how
 * much of it a store would not have. VT_FILES and VT_LABELS (a file) say how large, one line a
 * figure.
 */
#include <stdio.h>
#include <sys/resource.h>

#include "index/base/clock.h"
#include "index/idmap.h"
#include "index/label_tree.h"
#include "tests/bench/bench.h"
#include "tests/unit/label_model.h"

static struct vt_idmap seen;
static uint64_t pages, bytes;

static int put_pages(void *context, struct vt_new_page *list, size_t count, struct vt_error *err)
{
	for (size_t i = 0; i < count; i++) {
		uint64_t start;

		memcpy(&start, list[i].digest.bytes, sizeof start);
		list[i].id = start | 1;
		if (vt_idmap_find(&seen, list[i].id, NULL))
			continue;
		must(vt_idmap_add(&seen, list[i].id, 0) == 0);
		pages++;
		bytes += list[i].value.len;
	}
	return 0;
}

static unsigned count_of(const char *name, unsigned otherwise)
{
	const char *value = getenv(name);

	return value ? (unsigned) strtoul(value, NULL, 10) : otherwise;
}

static void add_file(struct vt_label_tree_builder *builder, const char *path, unsigned number,
		     unsigned count, const char *value)
{
	static const char *const people[] = {"alice", "bob", "carol", "detector-7"};
	static char keys[64][16];
	struct vt_label rows[64];
	struct vt_digest content = {{0}};

	memcpy(content.bytes, &number, sizeof number);
	for (unsigned i = 0; i < count; i++) {
		(void) snprintf(keys[i], sizeof keys[i], "key_%u", i / 2);
		rows[i] = label_of(keys[i], value, people[(number + i) % 4]);
		rows[i].time_ns = 1700000000000000000 + (int64_t) number * 1000003 + i;
		rows[i].has_confidence = true;
		rows[i].confidence = (number * 31 + i) % 1000 / 1000.0;
	}
	must(vt_label_tree_builder_add(builder, path, strlen(path), &content, rows, count, NULL) ==
	     0);
}

/* `relabelled`: the number of a file whose labels are others; -1: none. */
static struct vt_label_tree build(unsigned files, unsigned count, bool front, long relabelled)
{
	const struct vt_page_sink sink = {.put = put_pages};
	struct vt_label_tree_builder *builder;
	struct vt_label_tree tree;
	char path[64];

	pages = bytes = 0;
	must(vt_label_tree_builder_new(&sink, &builder, NULL) == 0);
	if (front)
		add_file(builder, "!", files, count, "cat");
	for (unsigned i = 0; i < files; i++) {
		(void) snprintf(path, sizeof path, "%04u/%08u.png", i / 1000, i);
		add_file(builder, path, i, count, i == relabelled ? "a much longer value" : "cat");
	}
	must(vt_label_tree_builder_finish(builder, &tree, NULL) == 0);
	vt_label_tree_builder_free(builder);
	return tree;
}

START_TEST(all_cases)
{
	unsigned files = count_of("VT_FILES", 100000), count = count_of("VT_LABELS", 10);
	uint64_t since = vt_clock_monotonic_ns(), took;
	struct vt_label_tree tree;
	struct rusage usage;

	must(count > 0 && count <= 64);
	tree = build(files, count, false, -1);
	took = vt_clock_monotonic_ns() - since;
	printf("%-36s %12.0f labels/s (%llu labels of %u files in %.1f s)\n", "labels built",
	       (double) tree.labels * 1e9 / (double) took, (unsigned long long) tree.labels, files,
	       (double) took / 1e9);
	printf("%-36s %12.1f bytes (%llu pages of %.0f bytes)\n", "a label takes, uncompressed",
	       (double) bytes / (double) tree.labels, (unsigned long long) pages,
	       (double) bytes / (double) pages);
	(void) build(files, count, true, -1);
	printf("%-36s %12llu bytes in %llu pages\n", "anew, one file more at the front",
	       (unsigned long long) bytes, (unsigned long long) pages);
	(void) build(files, count, false, files / 2);
	printf("%-36s %12llu bytes in %llu pages\n", "anew, one file relabelled",
	       (unsigned long long) bytes, (unsigned long long) pages);
	(void) getrusage(RUSAGE_SELF, &usage);
	printf("%-36s %12ld KiB, with the digests that this program keeps\n", "memory at most",
	       usage.ru_maxrss);
	vt_idmap_done(&seen);
}
END_TEST

int main(void)
{
	return bench_run(all_cases);
}
