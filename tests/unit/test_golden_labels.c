/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The golden tree of labels, version 1 (tests/data/golden/labels-1): what was written once is read
 * for ever, and the same labels still make the same bytes. tests/tools/label_decode.py reads it
 * without this code.
 *
 *     tree      canonical bytes of the root
 *     N.page    value of the page with id N
 *     digests   text: the id of the root page; every digest; length and SHA-256 of the labels as
 *               lines of JSON; path and id of each label in order
 *
 * A new format version gets a folder of its own, made by running this program with VT_GOLDEN_WRITE
 * set to it. This one is never written again.
 */
#include "index/base/error.h"
#include "index/label_lines.h"
#include "tests/unit/golden.h"
#include "tests/unit/label_model.h"
#include "tests/unit/suite.h"

#define LONG_ROWS 1500u /* a list of parts */

static char region[VT_LABEL_REGION_MAX];

static void add(struct vt_label_tree_builder *builder, const char *path, struct vt_label *rows,
		size_t count)
{
	struct vt_digest content;

	vt_digest_of(path, strlen(path), &content);
	must(vt_label_tree_builder_add(builder, path, strlen(path), &content, rows, count, NULL) ==
	     0);
}

/* Every member, and what is at the edge of a rule; backwards. */
static void add_odd_labels(struct vt_label_tree_builder *builder, const char *path)
{
	struct vt_label rows[6];

	for (int i = 0; i < 6; i++)
		rows[i] = label_of("odd", "", "\xe2\x82\xac 1");
	rows[0].type = VT_LABEL_NUMBER;
	rows[0].value.number = -1e-300;
	rows[0].time_ns = INT64_MAX;
	rows[1].type = VT_LABEL_BOOLEAN;
	rows[1].value.boolean = true;
	rows[1].source = VT_LABEL_IMPORT;
	rows[1].review = VT_LABEL_DISPUTED;
	rows[2].has_confidence = true;
	rows[3].has_confidence = true;
	rows[3].confidence = 1;
	rows[3].tool = text_of("tool \xc3\xa4");
	rows[3].parent = UINT64_MAX;
	rows[3].region = text_of("{\"box\": [1,\t2]}");
	rows[4].key = text_of("_-9");
	rows[4].value.text = text_of("tab\tand\nnewline");
	rows[5].time_ns = INT64_MIN;
	rows[5].source = VT_LABEL_RULE;
	rows[5].review = VT_LABEL_DRAFT;
	add(builder, path, rows, 6);
}

static void add_many_labels(struct vt_label_tree_builder *builder, const char *path, unsigned count)
{
	struct vt_label *rows = calloc(count, sizeof *rows);

	for (unsigned i = 0; i < count; i++) {
		rows[i] = label_of(i % 2 ? "box" : "class", "cat", "detector");
		rows[i].source = VT_LABEL_MODEL;
		rows[i].time_ns = 1700000000000000000 + (int64_t) i * 1000;
	}
	add(builder, path, rows, count);
	free(rows);
}

/* A region as long as can be, three times: parts that are cut by their bytes. */
static void add_long_regions(struct vt_label_tree_builder *builder, const char *path)
{
	struct vt_label rows[3];

	memset(region, ' ', sizeof region);
	region[0] = '[';
	region[sizeof region - 1] = ']';
	for (int i = 0; i < 3; i++) {
		rows[i] = label_of("shape", "cat", "alice");
		rows[i].time_ns = i;
		rows[i].region = (struct vt_label_text){region, sizeof region};
	}
	add(builder, path, rows, 3);
}

/* In walk order, which is not that of the paths' bytes. */
static struct vt_label_tree build(struct memory *memory)
{
	struct vt_label_tree_builder *builder;
	struct vt_label_tree tree;
	char path[64];

	memory_init(memory, 0, 1);
	memory->source.kind = VT_PAGE_LABELS;
	must(vt_label_tree_builder_new(&memory->sink, &builder, NULL) == 0);
	add_odd_labels(builder, "a/b/c");
	add_many_labels(builder, "a/b-1", 40); /* one page of rows */
	add_many_labels(builder, "a-1", 1);
	add_many_labels(builder, "esc \"\\\x7f/t\x01", 2);
	add_many_labels(builder, "esc \"\\\x7f/\xff/\xc3\xa4", 2);
	add_many_labels(builder, "esc \"\\\x7f/\xff/\xfe", 1);
	add_many_labels(builder, "esc \"\\\x7f/\xff-1", 1);
	for (unsigned i = 0; i < 150; i++) {
		(void) snprintf(path, sizeof path, "images/%04u.png", i);
		add_many_labels(builder, path, 1 + i % 3);
	}
	add_long_regions(builder, "regions");
	add_many_labels(builder, "video", LONG_ROWS);
	must(vt_label_tree_builder_finish(builder, &tree, NULL) == 0);
	vt_label_tree_builder_free(builder);
	return tree;
}

static void put_rows(struct vt_buf *out, const struct vt_page_source *source,
		     const struct vt_entry *entry, const char *path, size_t len)
{
	struct vt_label_rows rows;
	struct vt_label label;
	int r;

	must(vt_label_rows_open(&rows, source, entry, NULL) == 0);
	while ((r = vt_label_rows_next(&rows, &label, NULL)) > 0)
		vt_buf_printf(out, "label %.*s %llu\n", (int) len, path,
			      (unsigned long long) vt_label_id(&label));
	must(r == 0);
	vt_label_rows_done(&rows);
}

static void put_labels(struct vt_buf *out, const struct vt_page_source *source,
		       const struct vt_label_tree *tree)
{
	struct vt_tree root = vt_label_tree_root(tree);
	struct vt_tree_walk *walk;
	struct vt_node node;
	const char *path;
	size_t len;
	int r;

	must(vt_tree_walk_new(source, &root, 0, &walk, NULL) == 0);
	while ((r = vt_tree_walk_next(walk, &node, &path, &len, NULL)) > 0) {
		if (node.entry.type == VT_LABELLED)
			put_rows(out, source, &node.entry, path, len);
		vt_node_done(&node);
	}
	must(r == 0);
	vt_tree_walk_free(walk);
}

static int take_lines(void *context, uint64_t offset, const void *text, size_t len)
{
	struct vt_buf *out = context;

	must(offset == out->len);
	vt_buf_put(out, text, len);
	return 0;
}

static void put_lines(struct vt_buf *out, const struct vt_page_source *pages,
		      const struct vt_label_tree *tree)
{
	struct vt_buf lines = VT_BUF_INIT;
	struct vt_digest digest;
	char what[64];
	uint64_t size;

	must(vt_label_lines_size(pages, tree, &size, NULL) == 0);
	must(vt_label_lines_read(pages, tree, 0, size, take_lines, &lines, NULL) == 0);
	must(lines.len == size);
	vt_digest_of(lines.data, lines.len, &digest);
	(void) snprintf(what, sizeof what, "lines %llu", (unsigned long long) size);
	put_digest(out, what, &digest);
	vt_buf_done(&lines);
}

static void put_digests(struct vt_buf *out, struct memory *memory, const struct vt_label_tree *tree)
{
	struct vt_digest digest;

	must(vt_label_tree_digest(tree, &digest, NULL) == 0);
	vt_buf_printf(out, "root-page %u\n", (unsigned) tree->page);
	put_digest(out, "labels", &digest);
	for (uint64_t id = 1; id <= memory->new_pages; id++) {
		char what[32];

		(void) snprintf(what, sizeof what, "page %u", (unsigned) id);
		put_digest(out, what, &memory_find(memory, id)->digest);
	}
	put_lines(out, &memory->source, tree);
	put_labels(out, &memory->source, tree);
}

static void each_file(const char *dir,
		      void (*use)(const char *dir, const char *name, const void *data, size_t len))
{
	struct vt_buf bytes = VT_BUF_INIT;
	struct memory memory;
	struct vt_label_tree tree = build(&memory);

	must(vt_label_tree_encode(&tree, &bytes, NULL) == 0);
	use(dir, "tree", bytes.data, bytes.len);
	vt_buf_reset(&bytes);
	put_digests(&bytes, &memory, &tree);
	use(dir, "digests", bytes.data, bytes.len);
	for (uint64_t id = 1; id <= memory.new_pages; id++) {
		const struct memory_page *page = memory_find(&memory, id);
		char name[32];

		(void) snprintf(name, sizeof name, "%u.page", (unsigned) id);
		use(dir, name, page->value, page->len);
	}
	vt_buf_done(&bytes);
	memory_done(&memory);
}

START_TEST(the_same_labels_make_the_same_bytes)
{
	char dir[4096];

	(void) snprintf(dir, sizeof dir, "%s/golden/labels-1", getenv("VT_TEST_DATA"));
	each_file(dir, check_file);
}
END_TEST

static size_t read_file(const char *dir, const char *name, void *out, size_t room)
{
	FILE *file = open_golden(dir, name, "rb");
	size_t len = fread(out, 1, room, file);

	must(fclose(file) == 0);
	return len;
}

static int get_golden(void *context, uint64_t id, bool nowait, struct vt_page **out,
		      struct vt_error *err)
{
	static uint8_t value[VT_PAGE_BYTES_MAX];
	char name[32];
	size_t len;

	(void) snprintf(name, sizeof name, "%u.page", (unsigned) id);
	len = read_file(context, name, value, sizeof value);
	return vt_page_decode(value, len, id, true, NULL, out, err);
}

START_TEST(what_was_written_once_is_still_read)
{
	char dir[4096], root[256], text[256 << 10];
	struct vt_page_source source = {.get = get_golden, .context = dir, .kind = VT_PAGE_LABELS};
	vt_cleanup(vt_buf_done) struct vt_buf labels = VT_BUF_INIT;
	struct vt_label_tree tree;
	const char *said;
	size_t len;

	(void) snprintf(dir, sizeof dir, "%s/golden/labels-1", getenv("VT_TEST_DATA"));
	len = read_file(dir, "tree", root, sizeof root);
	ck_assert_int_eq(vt_label_tree_decode(root, len, &tree, NULL), 0);
	len = read_file(dir, "digests", text, sizeof text - 1);
	text[len] = 0;
	must(sscanf(text, "root-page %lu", &tree.page) == 1);
	put_labels(&labels, &source, &tree);
	said = strstr(text, "\nlabel ") + 1;
	ck_assert_uint_eq(labels.len, strlen(said));
	ck_assert(memcmp(labels.data, said, labels.len) == 0);
	vt_buf_reset(&labels);
	put_lines(&labels, &source, &tree);
	vt_buf_put_u8(&labels, '\0');
	ck_assert_ptr_nonnull(strstr(text, (const char *) labels.data));
}
END_TEST

START_TEST(write_the_golden_labels_when_asked)
{
	const char *dir = getenv("VT_GOLDEN_WRITE");

	if (dir)
		each_file(dir, write_file);
}
END_TEST

VT_SUITE(golden_labels, write_the_golden_labels_when_asked, the_same_labels_make_the_same_bytes,
	 what_was_written_once_is_still_read)
