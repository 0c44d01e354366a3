/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stores of every format open for ever. tests/data/golden/store-N.tar.gz is a store folder as the
 * first vitrine whose records of versions have format N left it. VITRINE_MAKE_GOLDEN=FILE makes one
 * instead.
 */
#include "index/gc.h"
#include "index/store_private.h"
#include "index/verify.h"
#include "tests/unit/store_model.h"
#include "tests/unit/suite.h"

static char command[1024];

static void run(const char *format, const char *a, const char *b)
{
	ck_assert_int_lt(snprintf(command, sizeof command, format, a, b), (int) sizeof command);
	ck_assert_msg(system(command) == 0, "'%s' failed", command);
}

/* What the golden store holds: a version of every state, a tag, a recipe, a dictionary. */
START_TEST(a_golden_store_is_made)
{
	const char *file = getenv("VITRINE_MAKE_GOLDEN");
	struct publish p;
	uint32_t first, third, removed, retired;

	index_set_up();
	publish_begin(&p, "lab/birds", NULL);
	publish_build(&p, "first bytes");
	publish_dictionary(&p, 77, "words");
	publish_recipe(&p, "long", p.shard.serial, 600, 0);
	p.version.changes = *content_of("long");
	p.version.document_body[VT_DOCUMENT_CHANGES] = 600;
	p.version.created_ns = 1700000000000000000;
	p.version.message = "the first";
	p.version.licence = "CC-BY-4.0";
	first = publish_commit(&p);
	publish("lab/birds", "gold", "second bytes");
	third = publish("lab/birds", NULL, "third bytes");
	removed = publish("lab/birds", NULL, "fourth bytes");
	must(vt_catalog_tag(idx->catalog, p.info.dataset, "best", first, &err) == 0);
	must(vt_catalog_withdraw(idx->catalog, third, "wrong labels", 0, &retired, &err) == 0);
	must(vt_catalog_remove(idx->catalog, removed, 0, &retired, &err) == 0);
	vt_index_close(idx);
	run("rm -f %s/index/LOG* %s/index/LOCK", vt_scratch_dir, vt_scratch_dir);
	run("tar -C %s --sort=name --owner=0 --group=0 -czf %s .", vt_scratch_dir, file);
	vt_scratch_done();
}
END_TEST

static void unpack(const char *name)
{
	const char *data = getenv("VT_TEST_DATA");
	char file[512];

	if (!data)
		data = "tests/data";
	snprintf(file, sizeof file, "%s/golden/%s", data, name);
	run("tar -C %s -xzf %s", vt_scratch(), file);
}

static const struct vt_version *version_of(uint32_t dataset, const char *name)
{
	const struct vt_version *version = NULL;

	must(vt_catalog_resolve(idx->catalog, dataset, name, &version, &err) == 0);
	return version;
}

static void check_first(uint32_t dataset)
{
	vt_cleanup(vt_version_unrefp) const struct vt_version *version =
		version_of(dataset, "best");
	char hex[VT_DIGEST_HEX];

	ck_assert_str_eq(version->name, "v1");
	ck_assert_uint_eq(version->number, 1);
	ck_assert_int_eq(version->state, VT_VERSION_LIVE);
	ck_assert_str_eq(version->message, "the first");
	ck_assert_str_eq(version->licence, "CC-BY-4.0");
	ck_assert_uint_eq(version->created_ns, 1700000000000000000);
	ck_assert_uint_eq(version->counts.files, 2);
	vt_digest_format(&version->digest, hex);
	ck_assert_str_eq(hex, "f090ca52b5dc22889c0c6f36c223cecaf60dc13d3850e4967d11859e98de52ef");
}

static void check_others(uint32_t dataset)
{
	vt_cleanup(vt_version_unrefp) const struct vt_version *gold = version_of(dataset, NULL);
	vt_cleanup(vt_version_unrefp) const struct vt_version *third = version_of(dataset, "v3");
	const struct vt_version *none = NULL;

	ck_assert_str_eq(gold->name, "gold");
	ck_assert_int_eq(third->state, VT_VERSION_WITHDRAWN);
	ck_assert_str_eq(third->reason, "wrong labels");
	ck_assert_int_eq(vt_catalog_resolve(idx->catalog, dataset, "v4", &none, &err), -ENOENT);
}

static void print(void *context, const char *what, const char *problem)
{
	printf("# %s: %s\n", what, problem);
}

/* `format`: what the index has once it was opened (index/schema.md, "Seals"). */
static void check_store(const char *name, uint32_t format)
{
	vt_cleanup(vt_dataset_unrefp) const struct vt_dataset *dataset = NULL;
	vt_cleanup(vt_buf_done) struct vt_buf words = VT_BUF_INIT;
	struct vt_gc_report report;

	unpack(name);
	index_open();
	index_reopen();
	ck_assert_uint_eq(idx->store->format, format);
	must(vt_catalog_dataset(idx->catalog, "lab/birds", &dataset, &err) == 0);
	check_first(dataset->id);
	check_others(dataset->id);
	must(vt_index_dictionary(idx, 1, 77, &words, &err) == 0);
	ck_assert_mem_eq(words.data, "words", 5);
	ck_assert_int_eq(vt_verify_index(idx, print, NULL, &err), 0);
	must(vt_gc(idx, false, 0, &report, &err) == 0);
	ck_assert_uint_eq(report.shards, 1); /* of the removed version */
	ck_assert_uint_eq(report.kept_shards, 3);
	ck_assert_int_eq(vt_verify_index(idx, print, NULL, &err), 0);
	publish("lab/birds", NULL, "fifth bytes"); /* and life goes on */
	index_tear_down();
}

START_TEST(a_store_of_format_1_is_read_verified_and_collected)
{
	check_store("store-1.tar.gz", VT_FORMAT_MIXED);
}
END_TEST

START_TEST(a_store_of_format_2_is_read_verified_and_collected)
{
	check_store("store-2.tar.gz", VT_FORMAT_MIXED);
}
END_TEST

/* The first whose rows are sealed. */
START_TEST(a_store_of_format_3_is_read_verified_and_collected)
{
	check_store("store-3.tar.gz", VT_FORMAT_SEALED);
}
END_TEST

int main(void)
{
	const TTest *const check[] = {a_store_of_format_1_is_read_verified_and_collected,
				      a_store_of_format_2_is_read_verified_and_collected,
				      a_store_of_format_3_is_read_verified_and_collected, NULL};
	const TTest *const make[] = {a_golden_store_is_made, NULL};

	return vt_suite_run("golden_store", getenv("VITRINE_MAKE_GOLDEN") ? make : check, NULL);
}
