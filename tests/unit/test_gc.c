/* SPDX-License-Identifier: Apache-2.0 */
/* gc drops exactly what nothing needs; verify finds what is wrong, and nothing when all is well. */
#include "index/gc.h"

#include "index/verify.h"
#include "tests/unit/store_model.h"
#include "tests/unit/suite.h"

#include <sys/wait.h>

#include "index/base/clock.h"
#include "index/base/crashpoint.h"

#define DAY_NS (24 * 3600 * VT_NS_PER_SEC)

static char findings[4096];

static void note(void *context, const char *what, const char *problem)
{
	size_t len = strlen(findings);

	snprintf(findings + len, sizeof findings - len, "%s: %s\n", what, problem);
}

static int verify(void)
{
	int r;

	findings[0] = '\0';
	r = vt_verify_index(idx, note, NULL, &err);
	must(r >= 0);
	return r;
}

static void well(void)
{
	int r = verify();

	ck_assert_msg(r == 0, "%s", findings);
}

static void finds(const char *words)
{
	ck_assert_int_ge(verify(), 1);
	ck_assert_msg(strstr(findings, words) != NULL, "'%s' says nothing of '%s'", findings,
		      words);
}

static struct vt_gc_report gc(uint64_t min_age_ns)
{
	struct vt_gc_report planned, report;

	must(vt_gc(idx, true, min_age_ns, &planned, &err) == 0);
	must(vt_gc(idx, false, min_age_ns, &report, &err) == 0);
	ck_assert_mem_eq(&planned, &report, sizeof report); /* a dry run says what a run does */
	return report;
}

static void remove_version(uint32_t serial)
{
	uint32_t retired;

	must(vt_catalog_remove(idx->catalog, serial, 0, &retired, &err) == 0);
}

START_TEST(nothing_is_dropped_while_all_is_in_use)
{
	struct vt_gc_report report;
	uint32_t retired;

	index_set_up();
	publish("birds", NULL, "some bytes");
	must(vt_catalog_withdraw(idx->catalog, publish("birds", NULL, "other"), "", 0, &retired,
				 &err) == 0);
	report = gc(0);
	ck_assert_uint_eq(report.pages + report.chunks + report.recipes + report.shards, 0);
	ck_assert_uint_eq(report.kept_shards, 2);
	well();
	index_tear_down();
}
END_TEST

START_TEST(a_removed_version_takes_what_only_it_needed)
{
	struct vt_gc_report report;
	uint32_t first;

	index_set_up();
	first = publish("birds", NULL, "some bytes");
	publish("birds", NULL, "other bytes");
	remove_version(first);
	report = gc(0);
	ck_assert_uint_eq(report.pages, 2); /* the root and "sub": their file is another */
	ck_assert_uint_eq(report.chunks, 1);
	ck_assert_uint_eq(report.shards, 1);
	ck_assert_uint_eq(report.shard_bytes, 26);
	ck_assert_uint_eq(report.kept_shards, 1);
	ck_assert_uint_eq(count_files("shards"), 1);
	ck_assert_uint_eq(count_rows(VT_CF_VERSION), 1);
	ck_assert_uint_eq(count_rows(VT_CF_PAGE_DIGEST), 2);
	well();
	report = gc(0);
	ck_assert_uint_eq(report.pages + report.chunks + report.shards, 0);
	index_reopen();
	well();
	index_tear_down();
}
END_TEST

START_TEST(what_two_versions_share_stays_for_the_other)
{
	struct vt_gc_report report;
	uint32_t first;

	index_set_up();
	first = publish("birds", NULL, "some bytes");
	publish("fish", NULL, "some bytes"); /* the same pages; the chunk lies in the newer shard */
	remove_version(first);
	report = gc(0);
	ck_assert_uint_eq(report.pages, 0);
	ck_assert_uint_eq(report.chunks, 0);
	ck_assert_uint_eq(report.shards, 1);
	well();
	index_tear_down();
}
END_TEST

START_TEST(what_was_removed_lately_stays_for_a_day)
{
	struct vt_gc_report report;

	index_set_up();
	vt_clock_set_realtime_ns(1000 * DAY_NS);
	remove_version(publish("birds", NULL, "some bytes"));
	vt_clock_set_realtime_ns(1001 * DAY_NS - 1);
	report = gc(DAY_NS);
	ck_assert_uint_eq(report.shards, 0);
	vt_clock_set_realtime_ns(999 * DAY_NS); /* a clock set back opens nothing */
	report = gc(DAY_NS);
	ck_assert_uint_eq(report.shards, 0);
	vt_clock_set_realtime_ns(1001 * DAY_NS);
	report = gc(DAY_NS);
	ck_assert_uint_eq(report.shards, 1);
	ck_assert_uint_eq(count_rows(VT_CF_VERSION), 0);
	ck_assert_uint_eq(count_rows(VT_CF_PAGE), 0);
	ck_assert_uint_eq(count_rows(VT_CF_CHUNK), 0);
	vt_clock_set_realtime_ns(0);
	index_tear_down();
}
END_TEST

START_TEST(a_removed_dataset_leaves_nothing_behind)
{
	uint32_t *retired;
	struct publish p;
	size_t count;
	uint32_t id;

	index_set_up();
	publish_begin(&p, "birds", NULL);
	publish_build(&p, "some bytes");
	publish_recipe(&p, "long", p.shard.serial, 600, 0);
	publish_dictionary(&p, 77, "words");
	publish_row(&p, VT_CF_LINK, "\0\0\0\0\0\0\0\7....", 12, "........", 8);
	publish_row(&p, VT_CF_OUTLINE, "\0\0\0\0\0\0\0\7.....", 13, "........", 8);
	id = p.info.dataset;
	publish_commit(&p);
	must(vt_catalog_remove_dataset(idx->catalog, id, 0, &retired, &count, &err) == 0);
	free(retired);
	ck_assert_uint_eq(gc(0).recipes, 1);
	for (enum vt_family f = VT_CF_DATASET; f < VT_CF_COUNT; f++)
		if (f != VT_CF_EXHIBIT)
			ck_assert_uint_eq(count_rows(f), 0);
	ck_assert_uint_eq(count_files("shards"), 0);
	ck_assert_uint_eq(count_files("stamps"), 0);
	index_tear_down();
}
END_TEST

START_TEST(a_recipe_in_use_keeps_its_shards)
{
	static struct vt_digest changes;
	struct publish p;

	index_set_up();
	publish_begin(&p, "birds", NULL);
	publish_build(&p, "some bytes");
	publish_recipe(&p, "long", p.shard.serial, 600, 0);
	changes = *content_of("long");
	p.version.changes = changes;
	p.version.document_body[VT_DOCUMENT_CHANGES] = 600;
	publish_commit(&p);
	ck_assert_uint_eq(gc(0).recipes, 0);
	ck_assert_uint_eq(count_rows(VT_CF_RECIPE), 3);
	well();
	index_tear_down();
}
END_TEST

static uint32_t publish_long(void)
{
	static struct vt_digest changes;
	struct publish p;
	uint32_t shard;

	publish_begin(&p, "birds", NULL);
	publish_build(&p, "some bytes");
	shard = p.shard.serial;
	publish_recipe(&p, "long", shard, 600, 0);
	changes = *content_of("long");
	p.version.changes = changes;
	p.version.document_body[VT_DOCUMENT_CHANGES] = 600;
	publish_commit(&p);
	return shard;
}

static uint32_t shard_of_long(void)
{
	vt_cleanup(vt_recipe_part_unrefp) struct vt_recipe_part *part = NULL;

	must(vt_recipe_find(idx->store, idx->lru, 1, content_of("long"), 0, false, &part, &err) ==
	     0);
	return part->extents[0].at.shard;
}

START_TEST(a_recipe_that_comes_again_is_not_taken_for_the_one_that_went)
{
	vt_cleanup(vt_dataset_unrefp) const struct vt_dataset *dataset = NULL;
	uint32_t *retired, first;
	size_t count;

	index_set_up();
	first = publish_long();
	ck_assert_uint_eq(shard_of_long(), first);
	must(vt_catalog_dataset(idx->catalog, "birds", &dataset, &err) == 0);
	must(vt_catalog_remove_dataset(idx->catalog, dataset->id, 0, &retired, &count, &err) == 0);
	free(retired);
	ck_assert_uint_eq(gc(0).recipes, 1);
	first = publish_long();
	ck_assert_uint_eq(shard_of_long(), first);
	index_tear_down();
}
END_TEST

START_TEST(rows_of_a_dead_import_are_collected)
{
	struct publish p;

	index_set_up();
	publish_begin(&p, "birds", NULL);
	publish_build(&p, "some bytes");
	vt_import_free(p.import);
	ck_assert_uint_eq(gc(DAY_NS).pages, 2);
	ck_assert_uint_eq(count_rows(VT_CF_PAGE) + count_rows(VT_CF_PAGE_DIGEST), 0);
	index_tear_down();
}
END_TEST

START_TEST(gc_and_imports_keep_apart)
{
	struct vt_gc_report report;
	struct publish p;

	index_set_up();
	publish_begin(&p, "birds", NULL);
	ck_assert_int_eq(vt_gc(idx, false, 0, &report, &err), -EBUSY);
	vt_import_free(p.import);
	must(vt_gc_gate_enter_alone(idx->gc_gate, &err) == 0);
	ck_assert_int_eq(vt_gc(idx, false, 0, &report, &err), -EBUSY);
	ck_assert_int_eq(vt_gc_gate_enter(idx->gc_gate, 1, &err), -EBUSY);
	vt_gc_gate_leave_alone(idx->gc_gate);
	must(vt_gc(idx, false, 0, &report, &err) == 0);
	index_tear_down();
}
END_TEST

static void gc_dying_at(const char *point)
{
	int status;
	pid_t child;

	vt_index_close(idx);
	child = fork();
	if (child == 0) {
		struct vt_gc_report report;

		setenv("VITRINE_TEST_CRASH", point, 1);
		index_open();
		(void) vt_gc(idx, false, 0, &report, &err);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	index_open();
}

START_TEST(a_gc_that_dies_is_finished_by_the_next)
{
	static const char *const points[] = {"gc-tombstones-dropped", "gc-rows-dropped"};

	if (!VT_CAN_FORK || !VT_HAS_CRASH_POINTS)
		return;
	index_set_up();
	publish("fish", NULL, "kept bytes");
	for (size_t i = 0; i < 2; i++) {
		remove_version(publish("birds", NULL, "some bytes"));
		gc_dying_at(points[i]);
		well();
		gc(0);
		ck_assert_uint_eq(count_files("shards"), 1);
		ck_assert_uint_eq(count_rows(VT_CF_PAGE), 2);
		ck_assert_uint_eq(count_rows(VT_CF_CHUNK), 1);
		well();
	}
	index_tear_down();
}
END_TEST

/* A row of one family gets another value; NULL: it goes. */
static void damage(enum vt_family family, const void *value, size_t len)
{
	vt_cleanup(vt_iterator_freep) struct vt_iterator *it = NULL;
	vt_cleanup(vt_batch_freep) struct vt_batch *batch = vt_batch_new();
	struct vt_value key, old;

	must(vt_iterator_new(idx->store, family, NULL, 0, NULL, 0, &it, &err) == 0);
	must(vt_iterator_next(it, &key, &old, &err) == 1);
	if (value)
		vt_batch_put(batch, idx->store, family, key.data, key.len, value, len);
	else
		vt_batch_delete(batch, idx->store, family, key.data, key.len);
	must(vt_store_write(idx->store, batch, false, &err) == 0);
}

START_TEST(verify_names_what_is_missing_or_damaged)
{
	static const struct {
		enum vt_family family;
		const char *value;
		size_t len;
		const char *words;
	} cases[] = {
		{VT_CF_PAGE, NULL, 0, "birds@v1: page 1"},
		{VT_CF_PAGE, "no page", 7, "birds@v1: page 1"},
		{VT_CF_CHUNK, NULL, 0, "has no bytes from 0 on"},
		{VT_CF_CHUNK, "damaged", 7, "damaged"},
		{VT_CF_SHARD, NULL, 0, "which is none"},
		{VT_CF_SHARD, "\1", 1, "record of a shard is damaged"},
		{VT_CF_EXHIBIT, NULL, 0, "exhibit"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		index_set_up();
		publish("birds", NULL, "some bytes");
		well();
		damage(cases[i].family, cases[i].value, cases[i].len);
		finds(cases[i].words);
		index_tear_down();
	}
}
END_TEST

START_TEST(verify_finds_an_exchanged_page)
{
	vt_cleanup(vt_value_done) struct vt_value other = {0};
	vt_cleanup(vt_batch_freep) struct vt_batch *batch = vt_batch_new();
	uint8_t key[8];

	index_set_up();
	publish("birds", NULL, "some bytes"); /* page 1 is "sub", 2 the root */
	publish("fish", NULL, "other bytes"); /* 3 and 4 */
	vt_key_u64(3, key);
	must(vt_store_get(idx->store, VT_CF_PAGE, key, 8, false, &other, &err) == 0);
	vt_key_u64(1, key);
	vt_batch_put(batch, idx->store, VT_CF_PAGE, key, 8, other.data, other.len);
	must(vt_store_write(idx->store, batch, false, &err) == 0);
	vt_value_done(&other);
	finds("birds@v1: page 1: its digest is not what its parent says");
	index_tear_down();
}
END_TEST

START_TEST(verify_finds_a_missing_and_a_shortened_shard)
{
	char path[4096];

	index_set_up();
	publish("birds", NULL, "some bytes");
	must(vt_index_shard_path(idx, 1, path, &err) == 0);
	ck_assert_int_eq(truncate(path, 5), 0);
	finds("has 5 bytes, not 26");
	ck_assert_int_eq(unlink(path), 0);
	finds("is not there");
	index_tear_down();
}
END_TEST

START_TEST(verify_finds_a_record_that_was_changed)
{
	vt_cleanup(vt_version_unrefp) const struct vt_version *version = NULL;
	vt_cleanup(vt_buf_done) struct vt_buf record = VT_BUF_INIT;
	struct vt_version changed;

	index_set_up();
	must(vt_catalog_version(idx->catalog, publish("birds", NULL, "x"), &version, &err) == 0);
	changed = *version;
	changed.message = "another message";
	must(vt_version_encode(&changed, 0, &record, &err) == 0);
	damage(VT_CF_VERSION, record.data, record.len);
	index_reopen();
	finds("its digest is not that of its record");
	index_tear_down();
}
END_TEST

static uint32_t going;
static int gc_meanwhile;

/* The finding is of the first version: from then on the second is no more. */
static void remove_the_second(void *context, const char *what, const char *problem)
{
	struct vt_gc_report report;

	note(context, what, problem);
	if (going)
		remove_version(going);
	going = 0;
	gc_meanwhile = vt_gc(idx, false, 0, &report, &err);
}

START_TEST(versions_go_and_gc_waits_while_verify_looks)
{
	index_set_up();
	publish("birds", NULL, "some bytes");
	going = publish("birds", NULL, "other bytes");
	damage(VT_CF_EXHIBIT, NULL, 0);
	findings[0] = '\0';
	ck_assert_int_eq(vt_verify_index(idx, remove_the_second, NULL, &err), 1);
	ck_assert_ptr_nonnull(strstr(findings, "birds@v1: the record of its exhibit"));
	ck_assert_int_eq(gc_meanwhile, -EBUSY);
	ck_assert_uint_eq(gc(0).shards, 1);
	index_tear_down();
}
END_TEST

START_TEST(gc_drops_nothing_when_a_page_cannot_be_read)
{
	struct vt_gc_report report;

	index_set_up();
	remove_version(publish("birds", NULL, "some bytes"));
	publish("fish", NULL, "other bytes");
	vt_clock_set_realtime_ns(0);
	damage(VT_CF_PAGE, "no page", 7); /* of the removed version, which is kept for a day */
	ck_assert_int_eq(vt_gc(idx, false, DAY_NS, &report, &err), -EBADMSG);
	ck_assert_ptr_nonnull(strstr(err.text, "nothing was dropped"));
	ck_assert_uint_eq(count_files("shards"), 2);
	ck_assert_uint_eq(count_rows(VT_CF_CHUNK), 2);
	index_tear_down();
}
END_TEST

VT_SUITE(gc, nothing_is_dropped_while_all_is_in_use, a_removed_version_takes_what_only_it_needed,
	 what_two_versions_share_stays_for_the_other, what_was_removed_lately_stays_for_a_day,
	 a_removed_dataset_leaves_nothing_behind, a_recipe_in_use_keeps_its_shards,
	 a_recipe_that_comes_again_is_not_taken_for_the_one_that_went,
	 rows_of_a_dead_import_are_collected, gc_and_imports_keep_apart,
	 a_gc_that_dies_is_finished_by_the_next, verify_names_what_is_missing_or_damaged,
	 verify_finds_an_exchanged_page, verify_finds_a_missing_and_a_shortened_shard,
	 verify_finds_a_record_that_was_changed, versions_go_and_gc_waits_while_verify_looks,
	 gc_drops_nothing_when_a_page_cannot_be_read)
