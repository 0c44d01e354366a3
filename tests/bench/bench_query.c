/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What postings and queries cost: VT_FILES files (a million) with ten labels each, of which nothing
 * is clustered: values, annotators, reviews and confidences are thrown for each label. Pages stay
 * in memory; postings are in a store. One line a figure.
 */
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#include "index/base/clock.h"
#include "index/query.h"
#include "tests/bench/bench.h"
#include "tests/unit/query_model.h"
#include "tests/unit/scratch.h"

enum { KEYS = 10, SET = 1 };

static const unsigned value_counts[KEYS] = {1000, 100, 100, 10, 10, 10, 5, 3, 2, 2};
static const char *const key_names[KEYS] = {"class",  "colour", "place", "weather", "camera",
					    "season", "light",  "split", "indoor",  "blurred"};

/* ---- pages: decoded once, and kept ---- */

struct pages {
	struct vt_page **list; /* by id */
	uint64_t count, room;
};
static struct pages pages;

static int put_pages(void *context, struct vt_new_page *list, size_t count, struct vt_error *err)
{
	for (size_t i = 0; i < count; i++) {
		if (pages.count + 1 >= pages.room) {
			pages.room = pages.room ? 2 * pages.room : 1024;
			pages.list = realloc(pages.list, pages.room * sizeof *pages.list);
		}
		list[i].id = ++pages.count;
		must(vt_page_decode(list[i].value.data, list[i].value.len, list[i].id, false, NULL,
				    &pages.list[list[i].id], err) == 0);
	}
	return 0;
}

static int get_page(void *context, uint64_t id, bool nowait, struct vt_page **out,
		    struct vt_error *err)
{
	*out = vt_page_ref(pages.list[id]);
	return 0;
}

/* ---- the version ---- */

static unsigned files;
static struct vt_tree tree;
static struct vt_label_tree label_tree;
static const struct vt_page_source file_pages = {.get = get_page, .kind = VT_PAGE_FILES};
static const struct vt_page_source label_pages = {.get = get_page, .kind = VT_PAGE_LABELS};

static void path_of(unsigned i, char path[32])
{
	(void) snprintf(path, 32, "%04u/%08u.png", i / 1000, i);
}

static void build_file_tree(void)
{
	const struct vt_page_sink sink = {.put = put_pages};
	const struct vt_entry root = {.type = VT_DIRECTORY};
	struct vt_tree_builder *builder;
	char open[64] = "";

	must(vt_tree_builder_new(&sink, &builder, NULL) == 0);
	for (unsigned i = 0; i < files; i++) {
		struct item item = {.type = VT_FILE, .size = i % 5000, .content = i};

		path_of(i, item.path);
		go_to_folder(builder, open, item.path);
		add_item(builder, &item);
	}
	go_to_folder(builder, open, "");
	must(vt_tree_builder_finish(builder, &root, &tree, NULL) == 0);
	vt_tree_builder_free(builder);
}

static void throw_labels(struct rng *rng, struct vt_label rows[KEYS])
{
	static const char *const people[] = {"alice", "bob", "carol", "detector-7"};
	static char values[KEYS][24];

	for (unsigned k = 0; k < KEYS; k++) {
		(void) snprintf(values[k], sizeof values[k], "value-%u",
				rng_below(rng, value_counts[k]));
		rows[k] = label_of(key_names[k], values[k], PICK(rng, people));
		rows[k].source = *rows[k].annotator.bytes == 'd' ? VT_LABEL_MODEL : VT_LABEL_HUMAN;
		rows[k].review = VT_LABEL_SUBMITTED + rng_below(rng, 2);
		rows[k].has_confidence = true;
		rows[k].confidence = rng_below(rng, 1001) / 1000.0;
		rows[k].time_ns = (int64_t) (rng_next(rng) >> 4);
	}
}

static void build_label_tree(void)
{
	const struct vt_page_sink sink = {.put = put_pages};
	struct vt_label_tree_builder *builder;
	const struct vt_digest content = {{1}};
	struct vt_label rows[KEYS];
	struct rng rng = {1};
	char path[32];

	must(vt_label_tree_builder_new(&sink, &builder, NULL) == 0);
	for (unsigned i = 0; i < files; i++) {
		path_of(i, path);
		throw_labels(&rng, rows);
		must(vt_label_tree_builder_add(builder, path, strlen(path), &content, rows, KEYS,
					       NULL) == 0);
	}
	must(vt_label_tree_builder_finish(builder, &label_tree, NULL) == 0);
	vt_label_tree_builder_free(builder);
}

/* ---- figures ---- */

static double milliseconds(uint64_t since)
{
	return (double) (vt_clock_monotonic_ns() - since) / 1e6;
}

/* Of this process: others may be at work. */
static double cpu_milliseconds(void)
{
	struct timespec now;

	(void) clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double) now.tv_sec * 1e3 + (double) now.tv_nsec / 1e6;
}

/* The labels of a file, as they come out of its tree: in order. */
static void throw_sorted(struct rng *rng, struct vt_label rows[KEYS])
{
	throw_labels(rng, rows);
	qsort(rows, KEYS, sizeof *rows, (int (*)(const void *, const void *)) vt_label_compare);
}

static long memory_kib(void)
{
	struct rusage usage;

	(void) getrusage(RUSAGE_SELF, &usage);
	return usage.ru_maxrss;
}

struct ssts {
	struct vt_sst *postings, *terms;
	uint64_t bytes;
};

static int put_sst(void *context, enum vt_family family, const void *key, size_t key_len,
		   const void *value, size_t value_len, struct vt_error *err)
{
	struct ssts *ssts = context;

	ssts->bytes += key_len + value_len;
	return vt_sst_put(family == VT_CF_POSTING ? ssts->postings : ssts->terms, key, key_len,
			  value, value_len, err);
}

static off_t take_in(struct vt_store *store, enum vt_family family, struct vt_sst *sst,
		     const char *path)
{
	struct stat st;
	uint64_t rows;

	must(vt_sst_finish(sst, &rows, NULL) == 0);
	vt_sst_free(sst);
	must(stat(path, &st) == 0);
	must(vt_store_ingest(store, family, path, NULL) == 0);
	return st.st_size;
}

static void give_postings(struct vt_store *store, struct vt_posting_builder *builder)
{
	const struct vt_posting_origin origin = {tree.root.content, label_tree.content,
						 tree.root.nodes};
	const char *postings = vt_scratch_path("postings.sst");
	const char *terms = vt_scratch_path("terms.sst");
	struct ssts ssts = {0};
	const struct vt_posting_sink sink = {put_sst, &ssts};
	uint64_t since = vt_clock_monotonic_ns();
	off_t stored;

	must(vt_sst_new(postings, &ssts.postings, NULL) == 0);
	must(vt_sst_new(terms, &ssts.terms, NULL) == 0);
	must(vt_posting_builder_finish(builder, SET, &origin, &sink, NULL) == 0);
	stored = take_in(store, VT_CF_POSTING, ssts.postings, postings) +
		 take_in(store, VT_CF_TERM, ssts.terms, terms);
	printf("%-44s %10.1f ms\n", "postings given and taken in", milliseconds(since));
	printf("%-44s %10.2f bytes\n", "a label takes in rows",
	       (double) ssts.bytes / (double) label_tree.labels);
	printf("%-44s %10.2f bytes\n", "a label takes in the store",
	       (double) stored / (double) label_tree.labels);
}

static void build_postings(struct vt_store *store)
{
	struct vt_posting_builder *builder;
	struct vt_label rows[KEYS];
	struct rng rng = {1};
	long before = memory_kib();
	double since = cpu_milliseconds(), thrown;

	for (unsigned i = 0; i < files; i++)
		throw_sorted(&rng, rows);
	thrown = cpu_milliseconds() - since;
	must(vt_posting_builder_new(NULL, &builder, NULL) == 0);
	rng = (struct rng){1};
	since = cpu_milliseconds();
	for (unsigned i = 0; i < files; i++) {
		uint32_t position = 2 + i + i / 1000;

		throw_sorted(&rng, rows);
		must(vt_posting_builder_add(builder, position, rows, KEYS, NULL) == 0);
	}
	printf("%-44s %10.1f ms of one processor\n", "labels added to postings",
	       cpu_milliseconds() - since - thrown);
	printf("%-44s %10ld KiB\n", "memory of the builder, at most", memory_kib() - before);
	give_postings(store, builder);
	vt_posting_builder_free(builder);
}

static void time_query(const struct vt_query *query, const char *text, unsigned times)
{
	const struct vt_expression *expression;
	roaring_bitmap_t *found = NULL;
	double best = 1e12;

	must(vt_expression_parse(text, strlen(text), &expression, NULL) == 0);
	for (unsigned i = 0; i < times; i++) {
		uint64_t since = vt_clock_monotonic_ns();
		double took;

		vt_bitmap_free(found);
		if (query->postings)
			must(vt_query_run(query, expression, &found, NULL) == 0);
		else
			must(vt_query_scan(query, expression, &found, NULL) == 0);
		took = milliseconds(since);
		best = took < best ? took : best;
	}
	printf("%-44s %10.2f ms (%llu files%s)\n", text, best,
	       (unsigned long long) roaring_bitmap_get_cardinality(found),
	       query->postings ? "" : ", without postings");
	vt_bitmap_free(found);
	vt_expression_free(expression);
}

static void time_queries(struct vt_store *store)
{
	static const char *const texts[] = {
		"class=value-7",
		"class=value-7 and class.confidence>=0.94",
		"weather=value-7 and weather.confidence>=0.94",
		"weather=value-7 and weather.confidence>=0.945",
		"indoor=value-1 and blurred=value-0",
		"indoor=value-1 and blurred=value-0 and split!=value-2",
		"class~\"value-?\"",
		"class>=value-5",
		"not has(class)",
		"class=value-7 and path~\"0001/*\"",
		"path~\"0001/*\"",
		"class=value-7 and name~\"*7.png\"",
		"name~\"*77777.png\"",
	};
	const struct vt_posting_source source = vt_posting_store_source(store);
	struct vt_postings postings;
	struct vt_query query = {{&file_pages, &label_pages, &tree, &label_tree}, .memory = 0};

	must(vt_postings_open(&source, SET, &postings, NULL) == 0);
	query.postings = &postings;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		time_query(&query, texts[i], 5);
	query.postings = NULL;
	time_query(&query, texts[1], 1);
}

START_TEST(all_cases)
{
	const struct vt_store_options options = {.cache_bytes = 64 << 20};
	const char *wanted = getenv("VT_FILES");
	struct vt_store *store;

	files = wanted ? (unsigned) strtoul(wanted, NULL, 10) : 1000000;
	(void) vt_scratch();
	must(mkdir(vt_scratch_path("index"), 0700) == 0);
	must(vt_store_create(vt_scratch_path("index"), NULL) == 0);
	must(vt_store_open(vt_scratch_path("index"), &options, &store, NULL) == 0);
	build_file_tree();
	build_label_tree();
	build_postings(store);
	time_queries(store);
	vt_store_close(store);
	vt_scratch_done();
	for (uint64_t id = 1; id <= pages.count; id++)
		vt_page_unref(pages.list[id]);
	free(pages.list);
}
END_TEST

int main(void)
{
	return bench_run(all_cases);
}
