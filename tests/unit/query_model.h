/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Labelled versions for the tests of queries: a list of entries with labels, the two trees made
 * from it, random ones, random changes, and random expressions as texts.
 */
#include <stdio.h>

#include "index/expression.h"
#include "index/file_labels.h"
#include "tests/unit/label_model.h"
#include "tests/unit/posting_model.h"

#define PICK(rng, array) ((array)[rng_below(rng, sizeof(array) / sizeof *(array))])

struct item {
	char path[64];
	enum vt_entry_type type; /* VT_LABELLED: labelled, and not in the tree of files */
	uint64_t size;
	unsigned content;
	struct vt_label rows[8]; /* sorted once the tree is built */
	size_t count;
	uint32_t position;
};

struct world {
	struct item *items;
	size_t count;
	struct vt_tree tree;
	struct vt_label_tree labels;
};

static inline int by_path(const void *a, const void *b)
{
	const struct item *x = a, *y = b;

	return vt_label_path_compare(x->path, strlen(x->path), y->path, strlen(y->path));
}

/* ---- making trees ---- */

static inline void enter_folder(struct vt_tree_builder *builder, const char *name, size_t len)
{
	struct vt_entry entry = {.type = VT_DIRECTORY, .mode = 0755, .name = name, .name_len = len};

	must(vt_tree_builder_enter(builder, &entry, NULL) == 0);
}

/* Leaves and enters until the open folder, whose path is `open`, is that of `path`. */
static inline void go_to_folder(struct vt_tree_builder *builder, char *open, const char *path)
{
	const char *slash = strrchr(path, '/');
	size_t len = slash ? (size_t) (slash - path) : 0;

	while (*open && (strncmp(open, path, strlen(open)) != 0 || path[strlen(open)] != '/')) {
		char *last = strrchr(open, '/');

		must(vt_tree_builder_leave(builder, NULL) == 0);
		*(last ? last : open) = '\0';
	}
	while (strlen(open) < len) {
		size_t from = strlen(open) + (*open != '\0');
		size_t to = from + strcspn(path + from, "/");

		enter_folder(builder, path + from, to - from);
		memcpy(open, path, to);
		open[to] = '\0';
	}
}

static inline void add_item(struct vt_tree_builder *builder, struct item *item)
{
	const char *slash = strrchr(item->path, '/'), *name = slash ? slash + 1 : item->path;
	struct vt_entry entry = {.type = item->type,
				 .mode = 0644,
				 .name = name,
				 .name_len = strlen(name),
				 .size = item->size,
				 .nodes = 1};

	if (item->type == VT_SYMLINK) {
		entry.target = "there";
		entry.size = entry.target_len = 5;
	} else {
		memcpy(entry.content.bytes, &item->content, sizeof item->content);
	}
	item->position = vt_tree_builder_position(builder);
	must(vt_tree_builder_add(builder, &entry, NULL) == 0);
}

static inline struct vt_tree build_files(struct world *world, struct memory *memory)
{
	const struct vt_page_sink sink = {.put = memory_put, .context = memory};
	const struct vt_entry root = {.type = VT_DIRECTORY, .mode = 0755};
	struct vt_tree_builder *builder;
	struct vt_tree tree = {0};
	char open[64] = "";

	must(vt_tree_builder_new(&sink, &builder, NULL) == 0);
	for (size_t i = 0; i < world->count; i++) {
		if (world->items[i].type == VT_LABELLED)
			continue;
		go_to_folder(builder, open, world->items[i].path);
		add_item(builder, &world->items[i]);
	}
	go_to_folder(builder, open, "");
	must(vt_tree_builder_finish(builder, &root, &tree, NULL) == 0);
	vt_tree_builder_free(builder);
	return tree;
}

static inline struct vt_label_tree build_labels(struct world *world, struct memory *memory)
{
	const struct vt_page_sink sink = {.put = memory_put, .context = memory};
	struct vt_label_tree_builder *builder;
	struct vt_label_tree tree;

	must(vt_label_tree_builder_new(&sink, &builder, NULL) == 0);
	for (size_t i = 0; i < world->count; i++) {
		struct item *item = &world->items[i];
		struct vt_digest content = {{(uint8_t) item->content}};

		if (item->count > 0)
			must(vt_label_tree_builder_add(builder, item->path, strlen(item->path),
						       &content, item->rows, item->count,
						       NULL) == 0);
	}
	must(vt_label_tree_builder_finish(builder, &tree, NULL) == 0);
	vt_label_tree_builder_free(builder);
	return tree;
}

static inline void build_world(struct world *world, struct memory *memory)
{
	if (world->count > 0)
		qsort(world->items, world->count, sizeof *world->items, by_path);
	world->tree = build_files(world, memory);
	world->labels = build_labels(world, memory);
}

/* ---- random versions ---- */

static const char *const world_keys[] = {"class", "in", "b-1", "rare"};
static const char *const world_words[] = {"cat", "dog", "a b", "3", ""};
static const char *const world_people[] = {"alice", "bob", "carol"};

static inline double random_confidence(struct rng *rng)
{
	static const double some[] = {0, 0.01, 0.25, 0.29, 0.5, 0.57, 0.94, 0.945, 1};

	return rng_below(rng, 2) ? PICK(rng, some) : rng_below(rng, 1000) / 1000.0;
}

/* One time for each, so that none are equal. */
static inline struct vt_label world_label(struct rng *rng, unsigned time)
{
	struct vt_label label = label_of(rng_below(rng, 9) ? PICK(rng, world_keys) : "class",
					 PICK(rng, world_words), PICK(rng, world_people));

	label.type = 1 + rng_below(rng, 8) / 3;
	if (label.type == VT_LABEL_NUMBER)
		label.value.number = rng_below(rng, 4) * 1.5 - 1.5;
	else if (label.type == VT_LABEL_BOOLEAN)
		label.value.boolean = rng_below(rng, 2);
	label.source = 1 + rng_below(rng, 4);
	label.review = 1 + rng_below(rng, 5);
	label.time_ns = time;
	label.has_confidence = rng_below(rng, 4);
	label.confidence = label.has_confidence ? random_confidence(rng) : 0;
	/* Some so long that they stand in pages of their own. */
	label.region = text_of(rng_below(rng, 40) ? "" : "7");
	return label;
}

static inline void label_item(struct item *item, struct rng *rng)
{
	item->count = rng_below(rng, 4) ? rng_below(rng, 8) : 0;
	for (unsigned i = 0; i < item->count; i++)
		item->rows[i] = world_label(rng, i);
}

static inline struct item *find_item(struct world *world, const char *path)
{
	for (size_t i = 0; i < world->count; i++)
		if (strcmp(world->items[i].path, path) == 0)
			return &world->items[i];
	return NULL;
}

/* Is one of the two paths a folder around the other? */
static inline bool clashes(const char *a, const char *b)
{
	size_t x = strlen(a), y = strlen(b), common = x < y ? x : y;

	return memcmp(a, b, common) == 0 && x != y && (x < y ? b : a)[common] == '/';
}

static inline void remove_item(struct world *world, size_t i)
{
	world->count--;
	memmove(&world->items[i], &world->items[i + 1], (world->count - i) * sizeof *world->items);
}

/* What is in the way goes: a file becomes a folder, a folder a file. */
static inline void insert_item(struct world *world, const char *path, struct rng *rng)
{
	struct item *item;
	unsigned kind = rng_below(rng, 16);

	for (size_t i = world->count; i-- > 0;)
		if (clashes(world->items[i].path, path) || strcmp(world->items[i].path, path) == 0)
			remove_item(world, i);
	world->items = realloc(world->items, (world->count + 1) * sizeof *world->items);
	item = &world->items[world->count++];
	*item = (struct item){.type = kind == 0   ? VT_SYMLINK
				      : kind == 1 ? VT_LABELLED
						  : VT_FILE,
			      .size = rng_below(rng, 3000),
			      .content = (unsigned) rng_next(rng)};
	(void) snprintf(item->path, sizeof item->path, "%s", path);
	label_item(item, rng);
	if (item->type == VT_LABELLED && item->count == 0)
		remove_item(world, world->count - 1);
}

static inline void random_path(struct rng *rng, char path[64])
{
	static const char *const folders[] = {"", "d/", "d-1/", "d/e/", "d/e f/g/", "z/y/"};
	static const char *const ends[] = {"", "-x", ".png"};

	(void) snprintf(path, 64, "%s%u%s", PICK(rng, folders), rng_below(rng, 300),
			PICK(rng, ends));
	if (rng_below(rng, 30) == 0) /* in the place of a folder */
		(void) snprintf(path, 64, "%s", rng_below(rng, 2) ? "d/e" : "z");
}

static inline void random_world(struct world *world, struct rng *rng, unsigned most)
{
	char path[64];

	*world = (struct world){0};
	for (unsigned i = rng_below(rng, most + 1); i > 0; i--) {
		random_path(rng, path);
		insert_item(world, path, rng);
	}
}

static inline struct world clone_world(const struct world *world)
{
	struct world copy = {.count = world->count};

	copy.items = malloc((world->count + 1) * sizeof *copy.items);
	if (world->count > 0)
		memcpy(copy.items, world->items, world->count * sizeof *copy.items);
	return copy;
}

static inline void relabel_some(struct world *world, struct rng *rng, unsigned most)
{
	for (unsigned i = rng_below(rng, most + 1); i > 0 && world->count > 0; i--) {
		struct item *item = &world->items[rng_below(rng, (unsigned) world->count)];

		label_item(item, rng);
		if (item->type == VT_LABELLED && item->count == 0)
			item->rows[item->count++] = world_label(rng, 0);
	}
}

static inline void change_some(struct world *world, struct rng *rng, unsigned most)
{
	char path[64];

	for (unsigned i = rng_below(rng, most + 1); i > 0; i--) {
		size_t at = world->count ? rng_below(rng, (unsigned) world->count) : 0;
		unsigned what = rng_below(rng, 3);

		random_path(rng, path);
		if (what == 0)
			insert_item(world, path, rng);
		else if (world->count > 0 && what == 1)
			remove_item(world, at);
		else if (world->count > 0)
			world->items[at].size += world->items[at].content++ & 1;
	}
}

/* ---- random expressions ---- */

static inline void write_term(struct vt_buf *out, struct rng *rng)
{
	static const char *const keys[] = {"class", "class", "label.in", "b-1", "rare", "none"};
	static const char *const orders[] = {"=", "!=", "<", "<=", ">", ">="};
	static const char *const values[] = {"cat", "\"a b\"", "dog",  "\"3\"", "1.5",
					     "0",   "-1.5",    "true", "false"};
	static const char *const ordered[] = {"cat", "\"a b\"", "\"\"", "0", "1.5", "\"3\""};
	static const char *const patterns[] = {"*", "c*", "?o?", "", "* *", "[!c]*"};
	static const char *const people[] = {"alice", "bob", "zoe"};
	static const char *const sources[] = {"human", "model", "rule", "import"};
	static const char *const reviews[] = {"draft", "submitted", "accepted", "disputed"};
	static const char *const fractions[] = {"0",   "0.01", "0.25",  "0.29", "0.5",
						"0.9", "0.94", "0.943", "1"};
	static const char *const globs[] = {"**",    "d/**",  "d/*",     "*.png",   "d/e f/**",
					    "**/1*", "d*/**", "z/y/**",  "none/**", "1?",
					    "d/e",   "d/",    "z//y/**", "d/**/*x"};
	static const char *const paths[] = {"1", "d/1", "d/e/12-x", "z", "1/", "z/"};
	const char *key = PICK(rng, keys), *not = rng_below(rng, 3) ? "" : "not ";

	switch (rng_below(rng, 16)) {
	case 0:
	case 1:
		vt_buf_printf(out, "%s %s %s", key, orders[rng_below(rng, 2)], PICK(rng, values));
		break;
	case 2:
		vt_buf_printf(out, "%s %s %s", key, PICK(rng, orders), PICK(rng, ordered));
		break;
	case 3:
		vt_buf_printf(out, "%s %sin (%s, %s)", key, not, PICK(rng, values),
			      PICK(rng, values));
		break;
	case 4:
		vt_buf_printf(out, "%s %s~ \"%s\"", key, *not ? "!" : "", PICK(rng, patterns));
		break;
	case 5:
	case 6:
		vt_buf_printf(out, "%s.confidence %s %s", key, PICK(rng, orders),
			      PICK(rng, fractions));
		break;
	case 7:
		vt_buf_printf(out, "%s.annotator %s %s", key, PICK(rng, orders), PICK(rng, people));
		break;
	case 8:
		vt_buf_printf(out, "%s.source %sin (%s, %s)", key, not, PICK(rng, sources),
			      PICK(rng, sources));
		break;
	case 9:
		vt_buf_printf(out, "%s.review %s %s", key, orders[rng_below(rng, 2)],
			      PICK(rng, reviews));
		break;
	case 10:
		vt_buf_printf(out, "%s.agreement %s %s", key, PICK(rng, orders),
			      PICK(rng, fractions));
		break;
	case 11:
		vt_buf_printf(out, "%s(%s)", rng_below(rng, 2) ? "has" : "disputed", key);
		break;
	case 12:
		vt_buf_printf(out, "unlabelled");
		break;
	case 13:
		vt_buf_printf(out, "path %s~ \"%s\"", *not ? "!" : "", PICK(rng, globs));
		break;
	case 14:
		vt_buf_printf(out, "path %sin (\"%s\", \"%s\")", not, PICK(rng, paths),
			      PICK(rng, paths));
		break;
	default:
		if (rng_below(rng, 2))
			vt_buf_printf(out, "name %s~ \"%s\"", *not ? "!" : "", PICK(rng, globs));
		else
			vt_buf_printf(out, "size %s %u", PICK(rng, orders), rng_below(rng, 3000));
	}
}

static inline void write_expression(struct vt_buf *out, struct rng *rng, unsigned depth)
{
	unsigned kind = depth ? rng_below(rng, 7) : 6;

	if (kind >= 5) {
		write_term(out, rng);
		return;
	}
	vt_buf_printf(out, kind == 4 ? "not (" : "(");
	write_expression(out, rng, depth - 1);
	if (kind < 4) {
		vt_buf_printf(out, kind < 2 ? ") and (" : ") or (");
		write_expression(out, rng, depth - 1);
	}
	vt_buf_printf(out, ")");
}
