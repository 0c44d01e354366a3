/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of an index in which a byte is wrong although RocksDB's sums are right: it is put there by
 * the store's own calls. The catalog is then refused, and so are pages, which verify names.
 * VT_DAMAGE_STEP: of how many bytes of a row one is tried.
 */
#include <stdlib.h>

#include "index/page_cache.h"
#include "index/verify.h"
#include "tests/unit/publish_world.h"

static struct world w;

struct row {
	uint8_t *key, *value;
	size_t key_len, len;
};
static struct row *rows;
static size_t row_count;

/* ---- the store ------------------------------------------------------------------------------- */

/* Packs, a small file, one in pieces, a hard link, and a version before. */
static void set_up(void)
{
	static uint8_t noise[150000];

	world_init(&w);
	fill_random(noise, sizeof noise, 3);
	world_run(&w, "mkdir -p src/deep/er && seq 9 >src/nine && seq 10 >src/deep/ten && "
		      "seq 2000 >src/deep/er/many && ln -s nine src/link && ln src/nine src/same");
	world_put(&w, "src/noise", noise, sizeof noise);
	ck_published(&w, world_publish(&w, "src"));
	world_put_text(&w, "src/deep/more", "more");
	ck_published(&w, world_publish(&w, "src"));
}

static void put(enum vt_family family, const struct row *row, const void *value)
{
	vt_cleanup(vt_batch_freep) struct vt_batch *batch = vt_batch_new();

	vt_batch_put(batch, w.direct.index->store, family, row->key, row->key_len, value, row->len);
	ck_published(&w, vt_store_write(w.direct.index->store, batch, false, &w.err));
}

static void *copy_of(const struct vt_value *value)
{
	return memcpy(malloc(value->len ? value->len : 1), value->data, value->len);
}

static void load_rows(enum vt_family family)
{
	vt_cleanup(vt_iterator_freep) struct vt_iterator *it = NULL;
	struct vt_value key, value;

	ck_published(&w,
		     vt_iterator_new(w.direct.index->store, family, NULL, 0, NULL, 0, &it, &w.err));
	while (vt_iterator_next(it, &key, &value, &w.err) > 0) {
		rows = reallocarray(rows, row_count + 1, sizeof *rows);
		rows[row_count++] = (struct row){.key = copy_of(&key),
						 .key_len = key.len,
						 .value = copy_of(&value),
						 .len = value.len};
	}
}

static void drop_rows(void)
{
	for (size_t i = 0; i < row_count; i++) {
		free(rows[i].key);
		free(rows[i].value);
	}
	free(rows);
	rows = NULL;
	row_count = 0;
}

/* Calls `look` with each row of the family in turn wrong in one bit, then all bits, of a byte. */
static void flip_each(enum vt_family family, void (*look)(enum vt_family, size_t at))
{
	const char *text = getenv("VT_DAMAGE_STEP");
	size_t step = text ? (size_t) atol(text) : 7;

	load_rows(family);
	ck_assert_uint_gt(row_count, 0);
	for (size_t i = 0; i < row_count; i++) {
		for (size_t at = i % step; at < rows[i].len; at += step)
			for (int all = 0; all < 2; all++) {
				uint8_t mask = all ? 0xff : (uint8_t) (1u << at % 8);

				rows[i].value[at] ^= mask;
				put(family, &rows[i], rows[i].value);
				look(family, at);
				rows[i].value[at] ^= mask;
			}
		put(family, &rows[i], rows[i].value);
	}
	drop_rows();
}

/* ---- the catalog ----------------------------------------------------------------------------- */

static void refuse_catalog(enum vt_family family, size_t at)
{
	struct vt_catalog *catalog = NULL;
	int r = vt_catalog_load(w.direct.index->store, &catalog, &w.err);

	ck_assert_msg(r == -EBADMSG || r == -ENOTSUP, "family %d, byte %zu: %d", (int) family, at,
		      r);
}

START_TEST(no_wrong_byte_of_the_catalog_is_loaded)
{
	set_up();
	flip_each(VT_CF_DATASET, refuse_catalog);
	flip_each(VT_CF_VERSION, refuse_catalog);
	world_done(&w);
}
END_TEST

/* ---- what files are and where they lie --------------------------------------------------------
 */

static unsigned same, refused;

static void count_finding(void *context, const char *what, const char *problem)
{
	(void) what;
	(void) problem;
	++*(unsigned *) context;
}

/* The whole tree in words, digests with it; false: it cannot be read. */
static bool describe(struct vt_buf *out)
{
	vt_cleanup(vt_tree_walk_freep) struct vt_tree_walk *walk = NULL;
	vt_cleanup(vt_version_unrefp) const struct vt_version *version = world_latest(&w);
	struct vt_lru *lru = vt_lru_new(1 << 20);
	struct vt_page_cache cache;
	struct vt_page_source pages;
	struct vt_node node = {0};
	char hex[VT_DIGEST_HEX];
	const char *path;
	size_t len;
	int r;

	vt_page_cache_init(&cache, w.direct.index->store, lru);
	pages = vt_page_cache_source(&cache);
	r = vt_tree_walk_new(&pages, &version->tree, 1, &walk, NULL);
	while (r >= 0 && (r = vt_tree_walk_next(walk, &node, &path, &len, NULL)) > 0) {
		vt_digest_format(&node.entry.content, hex);
		vt_buf_printf(out, "%.*s %d %o %lld %u %llu %s %.*s\n", (int) len, path,
			      (int) node.entry.type, node.entry.mode,
			      (long long) node.entry.mtime_sec, node.entry.mtime_nsec,
			      (unsigned long long) node.entry.size,
			      node.entry.type == VT_FILE ? hex : "", (int) node.entry.target_len,
			      node.entry.target_len ? node.entry.target : "");
		vt_node_done(&node);
	}
	vt_tree_walk_free(vt_steal(&walk));
	vt_lru_free(lru);
	return r == 0;
}

static struct vt_buf whole = VT_BUF_INIT;

/* Another byte may be of a page that no version has any more. */
static void read_tree(enum vt_family family, size_t at)
{
	vt_cleanup(vt_buf_done) struct vt_buf now = VT_BUF_INIT;
	unsigned findings = 0;
	int r;

	if (describe(&now)) {
		ck_assert_msg(now.len == whole.len && memcmp(now.data, whole.data, now.len) == 0,
			      "family %d, byte %zu: the tree is another", (int) family, at);
		same++;
		return;
	}
	refused++;
	r = vt_verify_index(w.direct.index, count_finding, &findings, &w.err);
	ck_assert_msg(r < 0 || findings > 0, "family %d, byte %zu: verify finds nothing",
		      (int) family, at);
}

START_TEST(no_wrong_byte_of_a_page_is_read_and_verify_finds_it)
{
	set_up();
	ck_assert(describe(&whole));
	flip_each(VT_CF_PAGE, read_tree);
	printf("# %u of no matter, %u refused\n", same, refused);
	ck_assert_uint_gt(refused, same);
	vt_buf_done(&whole);
	world_done(&w);
}
END_TEST

VT_SUITE(row_damage, no_wrong_byte_of_the_catalog_is_loaded,
	 no_wrong_byte_of_a_page_is_read_and_verify_finds_it)
