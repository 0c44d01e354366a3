/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The golden tree, version 1 (tests/data/golden/tree-1): what was written once is read for ever,
 * and the same entries still make the same bytes. tests/tools/tree_decode.py reads it without this
 * code.
 *
 *     tree      canonical bytes of the root
 *     N.page    value of the page with id N
 *     links     rows of the link table: key and value, one after the other
 *     digests   text: the id of the root page, every digest, the names in walk order
 *
 * A new format version gets a folder of its own, made by running this program with VT_GOLDEN_WRITE
 * set to it. This one is never written again.
 */
#include "index/base/error.h"
#include "index/link.h"
#include "index/tree.h"
#include "tests/unit/golden.h"
#include "tests/unit/suite.h"
#include "tests/unit/tree_model.h"

static struct vt_link links[2] = {{0, 0, 2}, {0, 0, 2}}; /* positions: when numbered */

static struct model *add(struct model *dir, enum vt_entry_type type, const char *name)
{
	struct model *node = model_new(type, name, strlen(name));

	node->entry.mode = type == VT_DIRECTORY ? 0755 : 0644;
	node->entry.mtime_sec = 1700000000;
	if (type == VT_FILE) {
		node->entry.size = strlen(name);
		vt_digest_of(name, strlen(name), &node->entry.content);
	}
	model_insert(dir, node);
	return node;
}

static struct model *add_link(struct model *dir, const char *name, const char *target)
{
	struct model *node = add(dir, VT_SYMLINK, name);

	node->entry.target = target;
	node->entry.size = node->entry.target_len = strlen(target);
	return node;
}

static void set_xattrs(struct model *node, struct vt_xattr *list, size_t count)
{
	struct vt_buf bytes = VT_BUF_INIT;

	must(vt_xattrs_encode(list, count, &bytes, NULL) == 0);
	node->entry.xattrs = node->bytes = bytes.data;
	node->entry.xattrs_len = bytes.len;
}

/* Every kind of entry, and what is at the edge of a rule. */
static void add_odd_entries(struct model *root)
{
	struct vt_xattr two[] = {{"user.mime", 9, "image/png", 9}, {"user.a", 6, "", 0}};
	struct vt_xattr one[] = {{"user.\xff", 6, "\0\1", 2}};
	struct model *node;
	char longest[VT_NAME_LEN_MAX + 1] = {0};

	(void) add(root, VT_DIRECTORY, "empty");
	(void) add_link(root, "link", "images/0001.png");
	node = add(root, VT_FILE, "a");
	node->entry.mode = 01777;
	node->entry.mtime_sec = -1;
	node->entry.mtime_nsec = 999999999;
	node->entry.size = INT64_MAX;
	node->entry.hint = (struct vt_location){1, 4096, 1000, 17};
	set_xattrs(node, two, 2);
	(void) add(root, VT_FILE, "a\x01");
	(void) add(root, VT_FILE, "a\xff\xfe");
	memset(longest, 'z', VT_NAME_LEN_MAX);
	(void) add(root, VT_FILE, longest);
	add(root, VT_FILE, "twin-1")->entry.linked = true;
	add(root, VT_FILE, "twin-2")->entry.linked = true;
	node = add(root, VT_DIRECTORY, "with attributes");
	set_xattrs(node, one, 1);
	(void) add(node, VT_FILE, "..."); /* neither '.' nor '..' */
}

/* Leaves of one entry and inner pages of two children, up to level 2. */
static void add_high_directory(struct model *root)
{
	struct model *high = add(root, VT_DIRECTORY, "high");
	char name[16];

	for (unsigned i = 0; high->count < 6; i++) {
		int len = snprintf(name, sizeof name, "%06u", i);
		bool ends_inner = high->count % 2;

		if (vt_page_ends(0, 1, 0, name, (size_t) len) &&
		    vt_page_ends(1, 2, 0, name, (size_t) len) == ends_inner)
			(void) add(high, VT_FILE, name);
	}
}

static struct model *golden_model(void)
{
	struct model *root = model_new(VT_DIRECTORY, "", 0), *images;
	char name[16];

	root->entry.mode = 0755;
	root->entry.mtime_sec = 1700000001;
	add_odd_entries(root);
	add_high_directory(root);
	images = add(root, VT_DIRECTORY, "images");
	for (unsigned i = 0; i < 150; i++) {
		(void) snprintf(name, sizeof name, "%04u.png", i);
		(void) add(images, VT_FILE, name);
	}
	return root;
}

static void build(struct model **root, struct memory *memory, struct vt_tree *tree)
{
	struct vt_link_hasher *hasher;
	struct model **flat;

	*root = golden_model();
	flat = calloc(model_size(*root), sizeof(struct model *));
	(void) model_number(*root, flat, 0);
	free(flat);
	links[0].position = model_child(*root, "twin-1", 6)->position;
	links[1].position = model_child(*root, "twin-2", 6)->position;
	links[0].primary = links[1].primary = links[0].position;
	memory_init(memory, 0, 1);
	*tree = model_build(*root, memory);
	must(vt_link_hasher_new(&hasher, NULL) == 0);
	tree->link_count = 2;
	for (unsigned i = 0; i < tree->link_count; i++)
		must(vt_link_hasher_add(hasher, &links[i], NULL) == 0);
	vt_link_hasher_final(hasher, &tree->link_digest);
	vt_link_hasher_free(hasher);
}

static void put_link_rows(struct vt_buf *out)
{
	uint8_t key[VT_LINK_KEY_LEN], value[VT_LINK_VALUE_LEN];

	for (unsigned i = 0; i < 2; i++) {
		vt_link_key(1, links[i].position, key);
		vt_link_value(&links[i], value);
		vt_buf_put(out, key, sizeof key);
		vt_buf_put(out, value, sizeof value);
	}
}

/* Names in hexadecimal: they hold any byte. */
static void put_names(struct vt_buf *out, const struct model *dir)
{
	for (size_t i = 0; i < dir->count; i++) {
		const struct model *child = dir->children[i];

		vt_buf_printf(out, "node %u ", child->position);
		for (size_t k = 0; k < child->path_len; k++)
			vt_buf_printf(out, "%02x", (uint8_t) child->path[k]);
		vt_buf_printf(out, "\n");
		put_names(out, child);
	}
}

static void put_digests(struct vt_buf *out, const struct model *root, struct memory *memory,
			const struct vt_tree *tree)
{
	struct vt_digest digest;

	must(vt_tree_digest(tree, &digest, NULL) == 0);
	vt_buf_printf(out, "root-page %u\n", (unsigned) tree->root.page);
	put_digest(out, "tree", &digest);
	put_digest(out, "links", &tree->link_digest);
	for (uint64_t id = 1; id <= memory->new_pages; id++) {
		char what[32];

		(void) snprintf(what, sizeof what, "page %u", (unsigned) id);
		put_digest(out, what, &memory_find(memory, id)->digest);
	}
	put_names(out, root);
}

static void each_file(const char *dir,
		      void (*use)(const char *dir, const char *name, const void *data, size_t len))
{
	struct vt_buf bytes = VT_BUF_INIT;
	struct memory memory;
	struct vt_tree tree;
	struct model *root;

	build(&root, &memory, &tree);
	must(vt_tree_encode(&tree, &bytes, NULL) == 0);
	use(dir, "tree", bytes.data, bytes.len);
	vt_buf_reset(&bytes);
	put_link_rows(&bytes);
	use(dir, "links", bytes.data, bytes.len);
	vt_buf_reset(&bytes);
	put_digests(&bytes, root, &memory, &tree);
	use(dir, "digests", bytes.data, bytes.len);
	for (uint64_t id = 1; id <= memory.new_pages; id++) {
		const struct memory_page *page = memory_find(&memory, id);
		char name[32];

		(void) snprintf(name, sizeof name, "%u.page", (unsigned) id);
		use(dir, name, page->value, page->len);
	}
	vt_buf_done(&bytes);
	memory_done(&memory);
	model_free(root);
}

START_TEST(the_same_entries_make_the_same_bytes)
{
	char dir[4096];

	(void) snprintf(dir, sizeof dir, "%s/golden/tree-1", getenv("VT_TEST_DATA"));
	each_file(dir, check_file);
}
END_TEST

static int get_golden(void *context, uint64_t id, bool nowait, struct vt_page **out,
		      struct vt_error *err)
{
	uint8_t value[4096 * 16];
	char name[32];
	FILE *file;
	size_t len;

	(void) snprintf(name, sizeof name, "%u.page", (unsigned) id);
	file = open_golden(context, name, "rb");
	len = fread(value, 1, sizeof value, file);
	must(fclose(file) == 0);
	return vt_page_decode(value, len, id, true, NULL, out, err);
}

START_TEST(what_was_written_once_is_still_read)
{
	char dir[4096], root_bytes[256];
	struct vt_page_source source = {.get = get_golden, .context = dir};
	struct model *root = golden_model();
	struct vt_tree_walk *walk;
	struct vt_node node;
	struct vt_tree tree;
	struct model **flat;
	const char *path;
	size_t len, nodes;
	FILE *file;
	unsigned page;

	(void) snprintf(dir, sizeof dir, "%s/golden/tree-1", getenv("VT_TEST_DATA"));
	file = open_golden(dir, "tree", "rb");
	len = fread(root_bytes, 1, sizeof root_bytes, file);
	must(fclose(file) == 0);
	ck_assert_int_eq(vt_tree_decode(root_bytes, len, &tree, NULL), 0);
	file = open_golden(dir, "digests", "r");
	must(fscanf(file, "root-page %u", &page) == 1);
	must(fclose(file) == 0);
	tree.root.page = page;

	nodes = model_size(root);
	flat = calloc(nodes, sizeof(struct model *));
	(void) model_number(root, flat, 0);
	ck_assert_uint_eq(tree.root.nodes, nodes);
	ck_assert_int_eq(vt_tree_walk_new(&source, &tree, 0, &walk, NULL), 0);
	for (size_t i = 1; i < nodes; i++) {
		must(vt_tree_walk_next(walk, &node, &path, &len, NULL) == 1);
		must(same_entry(&node.entry, &flat[i]->entry) && node.position == i);
		must(len == flat[i]->path_len && memcmp(path, flat[i]->path, len) == 0);
		vt_node_done(&node);
	}
	ck_assert_int_eq(vt_tree_walk_next(walk, &node, &path, &len, NULL), 0);
	vt_tree_walk_free(walk);
	model_free(root);
	free(flat);
}
END_TEST

START_TEST(write_the_golden_tree_when_asked)
{
	const char *dir = getenv("VT_GOLDEN_WRITE");

	if (dir)
		each_file(dir, write_file);
}
END_TEST

VT_SUITE(golden_tree, write_the_golden_tree_when_asked, the_same_entries_make_the_same_bytes,
	 what_was_written_once_is_still_read)
