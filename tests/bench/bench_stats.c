/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What statistics cost, without a store: the pages of both trees are kept in memory and decoded as
 * they are read. VT_FILES and VT_LABELS (a file) say how large.
 */
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>

#include "index/base/clock.h"
#include "index/file_labels.h"
#include "index/label_stats.h"
#include "tests/bench/bench.h"
#include "tests/unit/label_model.h"

#define LABELS_MAX 64u

static unsigned count_of(const char *name, unsigned otherwise)
{
	const char *value = getenv(name);

	return value ? (unsigned) strtoul(value, NULL, 10) : otherwise;
}

static void add_labels(struct vt_label_tree_builder *builder, const char *path,
		       const struct vt_digest *content, unsigned number, unsigned count)
{
	static const char *const people[] = {"alice", "bob", "carol", "detector-7"};
	static char keys[LABELS_MAX][16], values[LABELS_MAX][16];
	struct vt_label rows[LABELS_MAX];

	for (unsigned i = 0; i < count; i++) {
		(void) snprintf(keys[i], sizeof keys[i], "key_%u", i / 2);
		(void) snprintf(values[i], sizeof values[i], "value %u",
				number * 7 / 10 % 10 + (number + i) % 20 / 19);
		rows[i] = label_of(keys[i], values[i], people[(number + i) % 4]);
		rows[i].time_ns = 1700000000000000000 + (int64_t) number * 1000003 + i;
		rows[i].has_confidence = true;
		rows[i].confidence = (number * 31 + i) % 1000 / 1000.0;
	}
	must(vt_label_tree_builder_add(builder, path, strlen(path), content, rows, count, NULL) ==
	     0);
}

static void add_file(struct vt_tree_builder *builder, const char *name, struct vt_digest *content,
		     unsigned number)
{
	unsigned seed = number % 100 ? number : 0; /* one in a hundred is the same */
	struct vt_entry entry = {.type = VT_FILE,
				 .mode = 0644,
				 .size = 1000 + seed % 5000,
				 .name = name,
				 .name_len = strlen(name),
				 .nodes = 1};

	vt_digest_of(&seed, sizeof seed, content);
	entry.content = *content;
	must(vt_tree_builder_add(builder, &entry, NULL) == 0);
}

static void build(struct memory *memories, unsigned files, unsigned count, struct vt_tree *tree,
		  struct vt_label_tree *label_tree)
{
	const struct vt_entry folder = {.type = VT_DIRECTORY, .mode = 0755};
	struct vt_label_tree_builder *labels;
	struct vt_tree_builder *builder;

	must(vt_tree_builder_new(&memories[0].sink, &builder, NULL) == 0);
	must(vt_label_tree_builder_new(&memories[1].sink, &labels, NULL) == 0);
	for (unsigned i = 0; i < files; i++) {
		struct vt_entry entry = folder;
		struct vt_digest content;
		char path[64];

		(void) snprintf(path, sizeof path, "%04u/%08u.png", i / 1000, i);
		entry.name = path;
		entry.name_len = 4;
		if (i % 1000 == 0)
			must(vt_tree_builder_enter(builder, &entry, NULL) == 0);
		add_file(builder, path + 5, &content, i);
		add_labels(labels, path, &content, i, count);
		if (i % 1000 == 999 || i + 1 == files)
			must(vt_tree_builder_leave(builder, NULL) == 0);
	}
	*tree = (struct vt_tree){0};
	must(vt_tree_builder_finish(builder, &folder, tree, NULL) == 0);
	must(vt_label_tree_builder_finish(labels, label_tree, NULL) == 0);
	vt_tree_builder_free(builder);
	vt_label_tree_builder_free(labels);
}

static double cpu_seconds(void)
{
	struct timespec now;

	(void) clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double) now.tv_sec + (double) now.tv_nsec / 1e9;
}

static long memory_at_most(void)
{
	struct rusage usage;

	(void) getrusage(RUSAGE_SELF, &usage);
	return usage.ru_maxrss;
}

START_TEST(all_cases)
{
	unsigned files = count_of("VT_FILES", 100000), count = count_of("VT_LABELS", 10);
	const struct vt_stats_options options = {.scratch = "/tmp"};
	struct memory memories[2];
	struct vt_tree tree;
	struct vt_label_tree label_tree;
	struct vt_label_stats *stats;
	uint64_t since;
	json_t *json;
	char *text;
	double cpu;
	long before;

	must(count > 0 && count <= LABELS_MAX);
	memory_init(&memories[0], 0, 1);
	memory_init(&memories[1], 0, 1);
	memories[1].source.kind = memories[1].sink.kind = VT_PAGE_LABELS;
	build(memories, files, count, &tree, &label_tree);
	before = memory_at_most();
	cpu = cpu_seconds();
	since = vt_clock_monotonic_ns();
	must(vt_label_stats_take(&(struct vt_labelled_files){&memories[0].source,
							     &memories[1].source, &tree,
							     &label_tree},
				 &options, &stats, NULL) == 0);
	printf("%-36s %12.2f s, %.2f of a processor (%u files, %llu labels)\n", "statistics taken",
	       (double) (vt_clock_monotonic_ns() - since) / 1e9, cpu_seconds() - cpu, files,
	       (unsigned long long) label_tree.labels);
	printf("%-36s %12ld KiB more than the trees in memory\n", "memory at most",
	       memory_at_most() - before);
	must(vt_label_stats_json(stats, &json, NULL) == 0);
	text = json_dumps(json, JSON_COMPACT);
	printf("%-36s %12zu bytes\n", "the document", strlen(text));
	free(text);
	json_decref(json);
	vt_label_stats_free(stats);
	memory_done(&memories[0]);
	memory_done(&memories[1]);
}
END_TEST

int main(void)
{
	return bench_run(all_cases);
}
