/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of an index in which a byte is wrong although RocksDB's sums are right, be it of the key or
 * of the value. No call of the store gives one, and verify names each; the catalog is refused, and
 * so are pages. VT_DAMAGE_STEP: of how many bytes of a row one is tried.
 */
#include "index/gc.h"
#include "index/verify.h"
#include "tests/unit/index_words.h"
#include "tests/unit/publish_world.h"
#include "tests/unit/raw_rows.h"

static struct world w;

/* ---- the store ------------------------------------------------------------------------------- */

/* Packs, a small file, one in pieces, and a hard link. */
static void publish_one(void)
{
	static uint8_t noise[150000];

	world_init(&w);
	fill_random(noise, sizeof noise, 3);
	world_run(&w, "mkdir -p src/deep/er && seq 9 >src/nine && seq 10 >src/deep/ten && "
		      "seq 2000 >src/deep/er/many && ln -s nine src/link && ln src/nine src/same");
	world_put(&w, "src/noise", noise, sizeof noise);
	ck_published(&w, world_publish(&w, "src"));
}

/* The same as a version before. */
static void set_up(void)
{
	publish_one();
	world_put_text(&w, "src/deep/more", "more");
	ck_published(&w, world_publish(&w, "src"));
}

static struct vt_store *store_of_world(void)
{
	return w.direct.index->store;
}

/* Gives each byte of `bytes`, of which one of a step is taken, one bit, then all bits wrong. */
static void flip_bytes(uint8_t *bytes, size_t len, size_t from, void (*look)(void *, size_t at),
		       void *context)
{
	const char *text = getenv("VT_DAMAGE_STEP");
	size_t step = text ? (size_t) atol(text) : 7;

	for (size_t at = from % step; at < len; at += step)
		for (int all = 0; all < 2; all++) {
			uint8_t mask = all ? 0xff : (uint8_t) (1u << at % 8);

			bytes[at] ^= mask;
			look(context, at);
			bytes[at] ^= mask;
		}
}

struct flip {
	enum vt_family family;
	struct raw_row *row;
	void (*look)(const struct flip *flip, size_t at);
};

static void flip_value(void *context, size_t at)
{
	const struct flip *flip = context;

	raw_put(store_of_world(), flip->family, flip->row);
	flip->look(flip, at);
}

/* The row is then under the other key, and not under its own. */
static void flip_key(void *context, size_t at)
{
	const struct flip *flip = context;

	raw_put(store_of_world(), flip->family, flip->row);
	flip->look(flip, at);
	raw_delete(store_of_world(), flip->family, flip->row);
}

static void flip_row(const struct flip *flip, size_t from)
{
	flip_bytes(flip->row->value, flip->row->len, from, flip_value, (void *) flip);
	raw_delete(store_of_world(), flip->family, flip->row);
	flip_bytes(flip->row->key, flip->row->key_len, from, flip_key, (void *) flip);
	raw_put(store_of_world(), flip->family, flip->row);
}

/* Calls `look` with each row of the family in turn wrong in its value, then in its key. */
static void flip_each(enum vt_family family, void (*look)(const struct flip *flip, size_t at))
{
	struct raw_rows rows = raw_rows_load(store_of_world(), family);

	ck_assert_uint_gt(rows.count, 0);
	for (size_t i = 0; i < rows.count; i++) {
		const struct flip flip = {family, &rows.rows[i], look};

		flip_row(&flip, i);
	}
	raw_rows_done(&rows);
}

/* ---- every family ---------------------------------------------------------------------------- */

static unsigned flips;
static char found[16384]; /* what verify said, a line each */

static void note_finding(void *context, const char *what, const char *problem)
{
	size_t len = strlen(found);

	(void) context;
	(void) snprintf(found + len, sizeof found - len, "%s: %s\n", what, problem);
}

static int verify(void)
{
	found[0] = '\0';
	return vt_verify_index(w.direct.index, note_finding, NULL, &w.err);
}

/* Walks over the family: how many rows are refused; the others come. */
static unsigned count_refused(enum vt_family family)
{
	vt_cleanup(vt_iterator_freep) struct vt_iterator *it = NULL;
	struct vt_value key, value;
	unsigned refused = 0;
	int r;

	ck_published(&w, vt_iterator_new(store_of_world(), family, NULL, 0, NULL, 0, &it, &w.err));
	while ((r = vt_iterator_next(it, &key, &value, &w.err)) > 0 || vt_is_damaged_row(r, &key))
		refused += r < 0;
	ck_assert_int_eq(r, 0);
	return refused;
}

static void refuse_row(const struct flip *flip, size_t at)
{
	const struct raw_row *row = flip->row;
	vt_cleanup(vt_value_done) struct vt_value value = {0};
	struct vt_value many = {0};
	int r = vt_store_get(store_of_world(), flip->family, row->key, row->key_len, false, &value,
			     &w.err);

	ck_assert_msg(r == -EBADMSG && strstr(w.err.text, vt_store_family_name(flip->family)),
		      "%s, byte %zu: %d %s", vt_store_family_name(flip->family), at, r, w.err.text);
	ck_assert_int_eq(vt_store_get_many(store_of_world(), flip->family, row->key, row->key_len,
					   1, &many, NULL),
			 -EBADMSG);
	ck_assert_uint_eq(count_refused(flip->family), 1);
	ck_assert_int_gt(verify(), 0);
	ck_assert_ptr_nonnull(strstr(found, vt_store_family_name(flip->family)));
	flips++;
}

/* In families that this store has no rows of. */
static void put_some_row(enum vt_family family)
{
	struct raw_rows rows = raw_rows_load(store_of_world(), family);
	vt_cleanup(vt_batch_freep) struct vt_batch *batch = vt_batch_new();

	vt_batch_put(batch, store_of_world(), family, "some key", 8, "some value", 10);
	if (rows.count == 0)
		ck_published(&w, vt_store_write(store_of_world(), batch, false, &w.err));
	raw_rows_done(&rows);
}

START_TEST(no_row_with_a_wrong_byte_is_given_and_verify_names_it)
{
	set_up();
	ck_assert_int_eq(verify(), 0);
	for (unsigned family = 0; family < VT_CF_COUNT; family++) {
		put_some_row((enum vt_family) family);
		flip_each((enum vt_family) family, refuse_row);
	}
	ck_assert_int_eq(verify(), 0);
	printf("# %u flips\n", flips);
	world_done(&w);
}
END_TEST

static void name_version(const struct flip *flip, size_t at)
{
	ck_assert_int_gt(verify(), 0);
	ck_assert_msg(strstr(found, "birds@v"), "%s, byte %zu: %s",
		      vt_store_family_name(flip->family), at, found);
}

/* The row of a content: pieces of long ones have rows too, which no version needs. */
static void flip_chunk(const char *path)
{
	struct raw_rows rows = raw_rows_load(store_of_world(), VT_CF_CHUNK);
	struct vt_node node;

	ck_published(&w, world_find(&w, path, &node));
	for (size_t i = 0; i < rows.count; i++) {
		const struct flip flip = {VT_CF_CHUNK, &rows.rows[i], name_version};

		if (memcmp(flip.row->key + 4, node.entry.content.bytes, VT_DIGEST_LEN) == 0)
			flip_row(&flip, 0);
	}
	vt_node_done(&node);
	raw_rows_done(&rows);
}

START_TEST(verify_names_the_version_that_lost_something)
{
	set_up();
	flip_chunk("nine");
	flip_each(VT_CF_RECIPE, name_version);
	flip_each(VT_CF_LINK, name_version);
	world_done(&w);
}
END_TEST

/* Leaves a byte of each row wrong. */
static void damage_rows(enum vt_family family)
{
	struct raw_rows rows = raw_rows_load(store_of_world(), family);

	for (size_t i = 0; i < rows.count; i++) {
		rows.rows[i].value[0] ^= 1;
		raw_put(store_of_world(), family, &rows.rows[i]);
	}
	raw_rows_done(&rows);
}

START_TEST(pages_are_stored_again_when_nothing_knows_of_them_and_gc_drops_what_is_damaged)
{
	vt_cleanup(vt_buf_done) struct vt_buf words = VT_BUF_INIT;
	struct vt_gc_report report;

	set_up();
	damage_rows(VT_CF_PAGE_DIGEST);
	world_put_text(&w, "src/deep/more", "even more");
	ck_published(&w, world_publish(&w, "src"));
	ck_assert(index_words(w.direct.index, &words));
	ck_assert_int_gt(verify(), 0);
	ck_published(&w, vt_gc(w.direct.index, false, 0, &report, &w.err));
	ck_assert_msg(verify() == 0, "%s", found);
	world_done(&w);
}
END_TEST

/* The files under another name. */
static void publish_over(enum vt_family family, const char *name)
{
	vt_cleanup(vt_buf_done) struct vt_buf words = VT_BUF_INIT;

	damage_rows(family);
	ck_assert_int_gt(verify(), 0);
	w.dataset = name;
	ck_published(&w, world_publish(&w, "src"));
	(void) verify();
	ck_assert_msg(!strstr(found, "@v1"), "%s: %s", vt_store_family_name(family), found);
	ck_assert(index_words(w.direct.index, &words)); /* of birds */
}

START_TEST(what_is_published_again_is_there_again_for_all_who_have_it)
{
	publish_one();
	publish_over(VT_CF_PAGE, "a");
	publish_over(VT_CF_CHUNK, "b");
	publish_over(VT_CF_RECIPE, "c");
	ck_assert_msg(!found[0], "%s", found);
	publish_over(VT_CF_SHARD, "d"); /* nothing leads to these any more */
	world_done(&w);
}
END_TEST

START_TEST(the_same_files_published_again_bring_back_what_was_lost)
{
	publish_one();
	w.options.checksum = true;
	ck_published(&w, world_publish(&w, "src"));
	ck_assert(w.result.nothing_new);
	damage_rows(VT_CF_CHUNK);
	ck_published(&w, world_publish(&w, "src"));
	ck_assert(w.result.same_as_parent && !w.result.nothing_new);
	ck_assert_msg(verify() == 0, "%s", found);
	damage_rows(VT_CF_PAGE);
	ck_published(&w, world_publish(&w, "src"));
	ck_assert(w.result.nothing_new);
	ck_assert_msg(verify() == 0, "%s", found);
	world_done(&w);
}
END_TEST

START_TEST(gc_does_not_go_by_a_damaged_row)
{
	struct vt_gc_report report;

	set_up();
	damage_rows(VT_CF_CHUNK);
	ck_assert_int_eq(vt_gc(w.direct.index, false, 0, &report, &w.err), -EBADMSG);
	world_done(&w);
}
END_TEST

/* ---- the catalog ----------------------------------------------------------------------------- */

static void refuse_catalog(const struct flip *flip, size_t at)
{
	struct vt_catalog *catalog = NULL;
	int r = vt_catalog_load(store_of_world(), &catalog, &w.err);

	ck_assert_msg(r == -EBADMSG, "%s, byte %zu: %d", vt_store_family_name(flip->family), at, r);
}

START_TEST(no_wrong_byte_of_the_catalog_is_loaded)
{
	set_up();
	flip_each(VT_CF_DATASET, refuse_catalog);
	flip_each(VT_CF_VERSION, refuse_catalog);
	world_done(&w);
}
END_TEST

/* ---- what files are ----------------------------------------------------------------------------
 */

static unsigned same, refused;

static struct vt_buf whole = VT_BUF_INIT;

/* The row may be of a version before. */
static void read_tree(const struct flip *flip, size_t at)
{
	vt_cleanup(vt_buf_done) struct vt_buf now = VT_BUF_INIT;

	if (!index_words(w.direct.index, &now)) {
		refused++;
		return;
	}
	ck_assert_msg(now.len == whole.len && memcmp(now.data, whole.data, now.len) == 0,
		      "%s, byte %zu: the tree is another", vt_store_family_name(flip->family), at);
	same++;
}

START_TEST(no_wrong_byte_of_what_versions_are_of_is_read)
{
	static const enum vt_family families[] = {VT_CF_PAGE, VT_CF_LINK, VT_CF_CHUNK, VT_CF_RECIPE,
						  VT_CF_SHARD};

	set_up();
	ck_assert(index_words(w.direct.index, &whole));
	for (size_t i = 0; i < sizeof families / sizeof *families; i++)
		flip_each(families[i], read_tree);
	printf("# %u of no matter, %u refused\n", same, refused);
	ck_assert_uint_gt(refused, same);
	vt_buf_done(&whole);
	world_done(&w);
}
END_TEST

VT_SUITE(row_damage, no_row_with_a_wrong_byte_is_given_and_verify_names_it,
	 verify_names_the_version_that_lost_something,
	 pages_are_stored_again_when_nothing_knows_of_them_and_gc_drops_what_is_damaged,
	 what_is_published_again_is_there_again_for_all_who_have_it,
	 the_same_files_published_again_bring_back_what_was_lost,
	 gc_does_not_go_by_a_damaged_row, no_wrong_byte_of_the_catalog_is_loaded,
	 no_wrong_byte_of_what_versions_are_of_is_read)
