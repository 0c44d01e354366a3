/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Directories that are kept (tools/publish/kept.h): whatever changes in the source between two
 * publishes, the version is the one that a store without a past would make of it.
 */
#include <sys/xattr.h>

#include "fs/document.h"
#include "tests/unit/publish_world.h"
#include "tests/unit/tree_model.h"

#define ROUNDS 40

static struct world w;
static struct rng rng = {20261127};

/* Eight directories, some in others; names that come and go. */
static const char *directory_name(void)
{
	static const char *const names[] = {"src",   "src/a", "src/a-b",    "src/a/b", "src/a/c",
					    "src/b", "src/z", "src/\xff\"", "src/dir", "src/dir/x"};

	return names[rng_below(&rng, sizeof names / sizeof *names)];
}

static const char *file_name(void)
{
	static char name[64];

	(void) snprintf(name, sizeof name, "%s/%c\n%u", directory_name(),
			"fg\\"[rng_below(&rng, 3)], rng_below(&rng, 40));
	return name;
}

/* One change of any kind. What cannot be done is not. */
static void change_something(void)
{
	const char *path = world_path(&w, file_name());
	const char *other = world_path(&w, file_name());
	const struct timespec times[2] = {{1, 2}, {rng_below(&rng, 1u << 30), 5}};
	int fd;

	switch (rng_below(&rng, 12)) {
	case 0:
		(void) unlink(path);
		break;
	case 1:
		(void) chmod(path, 0600 + rng_below(&rng, 64));
		break;
	case 2:
		(void) utimensat(AT_FDCWD, path, times, 0);
		break;
	case 3:
		(void) setxattr(path, "user.k", "value", rng_below(&rng, 6), 0);
		break;
	case 4:
		(void) rename(path, other);
		break;
	case 5:
		(void) link(path, other);
		break;
	case 6:
		(void) symlink(rng_below(&rng, 2) ? "x" : "yy", path);
		break;
	case 7:
		(void) rename(world_path(&w, directory_name()), world_path(&w, directory_name()));
		break;
	default:
		(void) mkdir(world_path(&w, directory_name()), 0755);
		fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
		if (fd < 0)
			break;
		ck_assert_int_ge(
			dprintf(fd, "%0*u", 1 + (int) rng_below(&rng, 40), rng_below(&rng, 100)),
			0);
		(void) close(fd);
	}
}

/* The offsets that reads of manifest.json and SHA256SUMS start from. */
static void compare_outlines(const struct vt_version *a, const struct vt_version *b)
{
	struct vt_store *store = w.direct.index->store;

	for (uint32_t block = 0; block <= a->tree.root.nodes / VT_OUTLINE_BLOCK; block++)
		for (int document = 0; document < VT_DOCUMENT_COUNT; document++) {
			vt_cleanup(vt_value_done) struct vt_value x = {0}, y = {0};
			uint8_t key[VT_OUTLINE_KEY];
			int r;

			vt_outline_key(a->outline, (enum vt_document) document, block, key);
			r = vt_store_get(store, VT_CF_OUTLINE, key, sizeof key, false, &x, NULL);
			vt_outline_key(b->outline, (enum vt_document) document, block, key);
			ck_assert_int_eq(vt_store_get(store, VT_CF_OUTLINE, key, sizeof key, false,
						      &y, NULL),
					 r);
			ck_assert_uint_eq(x.len, y.len);
			ck_assert(r < 0 || memcmp(x.data, y.data, x.len) == 0);
		}
}

static const struct vt_version *publish_as(const char *dataset)
{
	w.dataset = dataset;
	ck_published(&w, world_publish(&w, "src"));
	return world_latest(&w);
}

/* With the first version of a dataset: it keeps nothing. */
static void compare_with_fresh(void)
{
	static unsigned serial;
	const struct vt_version *a = world_latest(&w), *b;
	char dataset[32];

	(void) snprintf(dataset, sizeof dataset, "fresh-%u", serial++);
	b = publish_as(dataset);
	w.dataset = "birds";
	ck_assert(vt_digest_equal(&a->tree_digest, &b->tree_digest));
	ck_assert_uint_eq(a->tree.root.nodes, b->tree.root.nodes);
	ck_assert_uint_eq(a->counts.files, b->counts.files);
	ck_assert_uint_eq(a->counts.directories, b->counts.directories);
	ck_assert_uint_eq(a->counts.symlinks, b->counts.symlinks);
	ck_assert_uint_eq(a->counts.bytes, b->counts.bytes);
	ck_assert_uint_eq(a->tree.link_count, b->tree.link_count);
	for (int i = 0; i < VT_DOCUMENT_COUNT; i++)
		if (vt_document_is_pieced((enum vt_document) i))
			ck_assert_uint_eq(a->document_body[i], b->document_body[i]);
	compare_outlines(a, b);
	vt_version_unref(a);
	vt_version_unref(b);
}

TEST(after_any_changes_the_tree_is_that_of_a_fresh_publish)
{
	for (unsigned i = 0; i < 3000; i++)
		change_something();
	for (unsigned round = 0; round < ROUNDS; round++) {
		for (unsigned i = rng_below(&rng, 5); i > 0; i--)
			change_something();
		if (round % 8 == 0) /* or hardly any directory is free of links */
			world_run(&w, "find src -type f -links +1 -delete");
		world_pass_time();
		ck_published(&w, world_publish(&w, "src"));
		compare_with_fresh();
	}
}

static void make_folders(void)
{
	char name[64];

	for (unsigned i = 0; i < 40; i++) {
		(void) snprintf(name, sizeof name, "src/%u", i / 10);
		(void) mkdir(world_path(&w, name), 0755);
		(void) snprintf(name, sizeof name, "src/%u/%u", i / 10, i);
		world_put_text(&w, name, name);
	}
	world_pass_time();
	ck_published(&w, world_publish(&w, "src"));
}

/* A question for known contents is one for a bundle of files that were not kept. */
TEST(nothing_is_asked_about_a_directory_that_is_kept)
{
	make_folders();
	ck_published(&w, world_publish(&w, "src"));
	ck_assert(w.result.same_as_parent);
	ck_assert_uint_eq(w.result.unchanged, 40);
	ck_assert_uint_eq(w.direct.known_calls, 0);
	world_put_text(&w, "src/2/a", "new");
	world_pass_time();
	ck_published(&w, world_publish(&w, "src"));
	ck_assert_uint_eq(w.result.unchanged, 40);
	ck_assert_uint_eq(w.result.added, 1);
	ck_assert_uint_gt(w.direct.known_calls, 0);
	world_check(&w, "2/a", "new", 3);
	world_check(&w, "3/39", "src/3/39", 8);
}

/* A tree that is not the parent's may have lost its contents meanwhile. */
TEST(on_top_of_another_tree_nothing_is_kept)
{
	const char *sources[1];

	make_folders();
	sources[0] = world_path(&w, "other.tar");
	world_run(&w, "tar -cf other.tar -C src 1");
	ck_published(&w, world_publish_many(&w, sources, 1)); /* writes no stamps */
	ck_published(&w, world_publish(&w, "src"));
	ck_assert_uint_gt(w.direct.known_calls, 0);
	ck_assert_uint_eq(w.result.unchanged, 40);
	compare_with_fresh();
}

TEST(two_sources_of_one_directory_are_merged)
{
	const char *sources[2];

	make_folders();
	sources[0] = world_path(&w, "src");
	sources[1] = world_path(&w, "more");
	ck_assert_int_eq(mkdir(world_path(&w, "more"), 0755), 0);
	ck_assert_int_eq(mkdir(world_path(&w, "more/2"), 0755), 0);
	world_put_text(&w, "more/2/new", "new");
	ck_published(&w, world_publish_many(&w, sources, 2));
	ck_assert_uint_eq(w.result.counts.files, 41);
	world_check(&w, "2/new", "new", 3);
	world_check(&w, "2/25", "src/2/25", 8);
}

struct names {
	unsigned count;
	char last[64];
};

static int note_name(void *context, const char *path, size_t len, struct vt_error *err)
{
	struct names *names = context;

	(void) err;
	ck_assert(names->count == 0 || strlen(names->last) < len ||
		  strncmp(names->last, path, len) < 0);
	(void) snprintf(names->last, sizeof names->last, "%.*s", (int) len, path);
	names->count++;
	return 0;
}

static int give_nothing(void *context, struct vt_error *err)
{
	(void) context;
	return vt_fail(err, ECANCELED, "enough");
}

TEST(labels_are_told_of_every_file_of_a_kept_directory)
{
	struct names names = {0};
	const struct vt_publish_labels labels = {note_name, give_nothing, &names};

	make_folders();
	w.options.labels = &labels;
	ck_assert_int_eq(world_publish(&w, "src"), -ECANCELED);
	ck_assert_uint_eq(names.count, 40);
	ck_assert_str_eq(names.last, "3/39");
}

/* Every byte of the stat cache flipped, and every length: the publish is as good as without. */
TEST(a_damaged_stat_cache_changes_nothing)
{
	static uint8_t bytes[1 << 16];
	const struct vt_version *version;
	char cache[128];
	size_t len;
	FILE *file;

	make_folders();
	version = world_latest(&w);
	(void) snprintf(cache, sizeof cache, "%s", world_path(&w, "store/stamps/1"));
	file = fopen(cache, "r");
	ck_assert_ptr_nonnull(file);
	len = fread(bytes, 1, sizeof bytes, file);
	(void) fclose(file);
	ck_assert_uint_gt(len, 4000);
	w.options.dry_run = true;
	for (size_t i = 0; i < len; i += 23) {
		for (unsigned cut = 0; cut < 2; cut++) {
			file = fopen(cache, "w");
			bytes[i] ^= cut ? 0 : 0x10;
			ck_assert_uint_eq(fwrite(bytes, 1, cut ? i : len, file), cut ? i : len);
			(void) fclose(file);
			bytes[i] ^= cut ? 0 : 0x10;
			ck_published(&w, world_publish(&w, "src"));
			ck_assert(vt_digest_equal(&w.result.tree_digest, &version->tree_digest));
		}
	}
	vt_version_unref(version);
}

VT_SUITE(publish_kept, after_any_changes_the_tree_is_that_of_a_fresh_publish,
	 nothing_is_asked_about_a_directory_that_is_kept, on_top_of_another_tree_nothing_is_kept,
	 two_sources_of_one_directory_are_merged, labels_are_told_of_every_file_of_a_kept_directory,
	 a_damaged_stat_cache_changes_nothing)
