/* SPDX-License-Identifier: Apache-2.0 */
/* What the catalog says after a change is what it says after a restart. */
#include "index/catalog.h"
#include "tests/unit/catalog_model.h"
#include "tests/unit/suite.h"

#include <pthread.h>
#include <stdatomic.h>

#include "index/base/clock.h"
#include "index/outbox.h"
#include "index/record.h"

/* Name of the version that `name` means in a dataset, or "-". */
static const char *meaning(uint32_t dataset, const char *name)
{
	vt_cleanup(vt_version_unrefp) const struct vt_version *version = NULL;
	static char text[VT_NAME_PART_MAX + 1];
	int r = vt_catalog_resolve(catalog, dataset, name, &version, &err);

	if (r == -ENOENT)
		return "-";
	must(r == 0);
	strcpy(text, version->name);
	return text;
}

static uint32_t exhibit_of(uint32_t serial)
{
	vt_cleanup(vt_version_unrefp) const struct vt_version *version = NULL;

	must(vt_catalog_version(catalog, serial, &version, &err) == 0);
	return version->exhibit;
}

static int exhibit_state(uint32_t exhibit)
{
	vt_cleanup(vt_version_unrefp) const struct vt_version *version = NULL;

	return vt_catalog_exhibit(catalog, exhibit, &version, &err);
}

static void says(const char *words)
{
	ck_assert_msg(strstr(err.text, words) != NULL, "'%s' says nothing of '%s'", err.text,
		      words);
}

static const char *repeat(char c, size_t count)
{
	static char text[512];

	memset(text, c, count);
	text[count] = '\0';
	return text;
}

START_TEST(names_follow_the_rules)
{
	static const char *const good[] = {"a", "A.b_c-9", "space/name", "9", "_", "v1", "latest"};
	static const char *const bad[] = {"",    ".a",       "-a",   "a/",   "/a",  "a/b/c",
					  "a b", "\xc3\xa4", "a/.b", "a/-b", "a\n", "a//b"};
	static const char *const reserved[] = {"latest", "v1", "v7.1", "v2final"};
	static const char *const free_names[] = {"v", "version1", "V1", "gold", "latest2"};

	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		must(vt_dataset_name_check(good[i], &err) == 0);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		ck_assert_int_eq(vt_dataset_name_check(bad[i], &err), -EINVAL);
		ck_assert_int_eq(vt_version_name_check(bad[i], &err), -EINVAL);
	}
	must(vt_dataset_name_check(repeat('x', 100), &err) == 0);
	ck_assert_int_eq(vt_dataset_name_check(repeat('x', 101), &err), -EINVAL);
	ck_assert_int_eq(vt_version_name_check("a/b", &err), -EINVAL);
	for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++)
		ck_assert_int_eq(vt_version_name_check(reserved[i], &err), -EINVAL);
	for (size_t i = 0; i < sizeof free_names / sizeof *free_names; i++)
		must(vt_version_name_check(free_names[i], &err) == 0);
}
END_TEST

START_TEST(a_dataset_is_found_by_name_and_id_after_a_restart)
{
	vt_cleanup(vt_dataset_unrefp) const struct vt_dataset *a = NULL, *b = NULL;
	uint32_t id;

	catalog_set_up();
	vt_clock_set_realtime_ns(12345);
	id = dataset_new("lab/birds");
	vt_clock_set_realtime_ns(0);
	catalog_reopen();
	must(vt_catalog_dataset(catalog, "lab/birds", &a, &err) == 0);
	must(vt_catalog_dataset_by_id(catalog, id, &b, &err) == 0);
	ck_assert_ptr_eq(a, b);
	ck_assert_str_eq(a->name, "lab/birds");
	ck_assert_uint_eq(a->owner_uid, 1000);
	ck_assert_uint_eq(a->created_ns, 12345);
	ck_assert_uint_eq(a->domain, VT_DOMAIN_PLAIN);
	ck_assert_uint_eq(a->latest, 0);
	ck_assert_str_eq(meaning(id, NULL), "-");
	ck_assert_int_eq(vt_catalog_dataset(catalog, "birds", &b, &err), -ENOENT);
	says("birds");
	catalog_tear_down();
}
END_TEST

START_TEST(a_name_is_not_both_a_space_and_a_dataset)
{
	uint32_t id, bird, *retired;
	size_t count;

	catalog_set_up();
	bird = dataset_new("a/b");
	ck_assert_int_eq(vt_catalog_create_dataset(catalog, "a/b", 0, &id, &err), -EEXIST);
	ck_assert_int_eq(vt_catalog_create_dataset(catalog, "a", 0, &id, &err), -EEXIST);
	says("'a' is a space");
	dataset_new("c");
	ck_assert_int_eq(vt_catalog_create_dataset(catalog, "c/d", 0, &id, &err), -EEXIST);
	says("'c' is a dataset");
	ck_assert_int_eq(vt_catalog_create_dataset(catalog, ".a", 0, &id, &err), -EINVAL);

	must(vt_catalog_remove_dataset(catalog, bird, 0, &retired, &count, &err) == 0);
	free(retired);
	dataset_new("a"); /* an empty space is none */
	catalog_reopen();
	ck_assert_int_eq(vt_catalog_create_dataset(catalog, "a/b", 0, &id, &err), -EEXIST);
	catalog_tear_down();
}
END_TEST

START_TEST(spaces_keep_their_ids_and_show_only_while_in_use)
{
	uint32_t first, id, *ids, *retired;
	const char *name;
	size_t count;

	catalog_set_up();
	id = dataset_new("zoo/b");
	dataset_new("art/x");
	dataset_new("art/y");
	ck_assert_int_eq(vt_catalog_space_by_name(catalog, "zoo", &first), 0);
	ck_assert_int_eq(vt_catalog_spaces(catalog, &ids, &count), 0);
	ck_assert_uint_eq(count, 2);
	must(vt_catalog_space(catalog, ids[0], &name) == 0);
	ck_assert_str_eq(name, "art");
	free(ids);
	must(vt_catalog_remove_dataset(catalog, id, 0, &retired, &count, &err) == 0);
	free(retired);
	catalog_reopen();
	ck_assert_int_eq(vt_catalog_space_by_name(catalog, "zoo", &id), -ENOENT);
	dataset_new("zoo/c");
	ck_assert_int_eq(vt_catalog_space_by_name(catalog, "zoo", &id), 0);
	ck_assert_uint_eq(id, first);
	ck_assert_int_eq(vt_catalog_space(catalog, 999, &name), -ENOENT);
	catalog_tear_down();
}
END_TEST

START_TEST(a_version_comes_back_as_it_was_committed)
{
	static const uint8_t xattrs[] = {1, 0, 6, 'u', 's', 'e', 'r', '.', 'a', 1, 0, 'b'};
	vt_cleanup(vt_version_unrefp) const struct vt_version *before = NULL, *after = NULL;
	struct vt_version version;
	uint32_t dataset;

	catalog_set_up();
	dataset = dataset_new("birds");
	version = version_model(dataset, NULL);
	version.tree.root.xattrs = xattrs;
	version.tree.root.xattrs_len = sizeof xattrs;
	version.tree.links = 21;
	version.tree.link_count = 1;
	version.tree.link_digest.bytes[0] = 22;
	must(vt_catalog_commit(catalog, &version, 0, NULL, &before, &err) == 0);
	ck_assert_str_eq(version.name, "v1");
	ck_assert_uint_eq(version.serial, before->serial);
	catalog_reopen();
	must(vt_catalog_resolve(catalog, dataset, "latest", &after, &err) == 0);
	ck_assert_uint_eq(after->serial, before->serial);
	ck_assert_uint_eq(after->exhibit, before->exhibit);
	ck_assert_uint_ne(after->exhibit, 0);
	ck_assert_uint_eq(after->number, 1);
	ck_assert_uint_eq(after->domain, VT_DOMAIN_PLAIN);
	ck_assert_int_eq(after->state, VT_VERSION_LIVE);
	ck_assert(vt_digest_equal(&after->digest, &before->digest));
	ck_assert_mem_eq(&after->counts, &version.counts, sizeof version.counts);
	ck_assert_mem_eq(after->document_body, version.document_body, sizeof version.document_body);
	ck_assert_uint_eq(after->outline, 17);
	ck_assert_uint_eq(after->changes.bytes[0], 18);
	ck_assert_str_eq(after->author, "ada");
	ck_assert_str_eq(after->message, "what is new");
	ck_assert_str_eq(after->licence, "CC-BY-4.0");
	ck_assert_str_eq(after->reason, "");
	ck_assert_uint_eq(after->author_uid, 1001);
	ck_assert_uint_eq(after->created_ns, 1700000000123456789);
	ck_assert_uint_eq(after->tree.root.page, 7);
	ck_assert_uint_eq(after->tree.root.mode, 0755);
	ck_assert_uint_eq(after->tree.links, 21);
	ck_assert_uint_eq(after->tree.root.xattrs_len, sizeof xattrs);
	ck_assert_mem_eq(after->tree.root.xattrs, xattrs, sizeof xattrs);
	catalog_tear_down();
}
END_TEST

START_TEST(numbers_only_grow_and_names_take_one_too)
{
	uint32_t dataset, second, retired;

	catalog_set_up();
	dataset = dataset_new("birds");
	version_new(dataset, NULL);
	second = version_new(dataset, "gold");
	version_new(dataset, NULL);
	ck_assert_str_eq(meaning(dataset, NULL), "v3");
	ck_assert_str_eq(meaning(dataset, "v2"), "-");
	ck_assert_str_eq(meaning(dataset, "gold"), "gold");
	must(vt_catalog_remove(catalog, second, 0, &retired, &err) == 0);
	must(vt_catalog_remove(catalog, latest_of(dataset), 0, &retired, &err) == 0);
	ck_assert_str_eq(meaning(dataset, NULL), "v1");
	catalog_reopen();
	version_new(dataset, NULL);
	ck_assert_str_eq(meaning(dataset, NULL), "v4");
	catalog_tear_down();
}
END_TEST

START_TEST(a_version_knows_what_it_was_published_over)
{
	vt_cleanup(vt_version_unrefp) const struct vt_version *first = NULL, *second = NULL;
	uint32_t dataset;

	catalog_set_up();
	dataset = dataset_new("birds");
	version_new(dataset, NULL);
	version_new(dataset, NULL);
	must(vt_catalog_resolve(catalog, dataset, "v1", &first, &err) == 0);
	must(vt_catalog_resolve(catalog, dataset, "v2", &second, &err) == 0);
	ck_assert_uint_eq(first->parent, 0);
	ck_assert(vt_digest_is_zero(&first->parent_digest));
	ck_assert_uint_eq(second->parent, first->serial);
	ck_assert(vt_digest_equal(&second->parent_digest, &first->digest));
	ck_assert(!vt_digest_equal(&second->digest, &first->digest));
	ck_assert_uint_eq(first->history.count, 0);
	ck_assert_uint_eq(second->history.count, 1);
	catalog_tear_down();
}
END_TEST

START_TEST(a_commit_over_another_latest_or_a_taken_name_changes_nothing)
{
	const struct vt_version *made = NULL;
	struct vt_version version;
	uint32_t dataset, first;
	uint64_t generation;

	catalog_set_up();
	dataset = dataset_new("birds");
	first = version_new(dataset, "gold");
	must(vt_catalog_tag(catalog, dataset, "best", first, &err) == 0);
	generation = vt_catalog_generation(catalog);
	version = version_model(dataset, NULL);
	ck_assert_int_eq(vt_catalog_commit(catalog, &version, 0, NULL, &made, &err), -ESTALE);
	ck_assert_ptr_null(version.name);
	version.name = "gold";
	ck_assert_int_eq(vt_catalog_commit(catalog, &version, first, NULL, &made, &err), -EEXIST);
	says("version named 'gold'");
	version.name = "best";
	ck_assert_int_eq(vt_catalog_commit(catalog, &version, first, NULL, &made, &err), -EEXIST);
	says("tag named 'best'");
	version.name = "v9";
	ck_assert_int_eq(vt_catalog_commit(catalog, &version, first, NULL, &made, &err), -EINVAL);
	version.name = NULL;
	version.author = repeat('x', VT_AUTHOR_MAX + 1);
	ck_assert_int_eq(vt_catalog_commit(catalog, &version, first, NULL, &made, &err), -EINVAL);
	version.dataset = 999;
	ck_assert_int_eq(vt_catalog_commit(catalog, &version, first, NULL, &made, &err), -ENOENT);
	ck_assert_ptr_null(made);
	ck_assert_uint_eq(vt_catalog_generation(catalog), generation);
	catalog_reopen();
	ck_assert_uint_eq(latest_of(dataset), first);
	catalog_tear_down();
}
END_TEST

START_TEST(a_commit_writes_the_callers_batch_with_it)
{
	vt_cleanup(vt_batch_freep) struct vt_batch *batch = vt_batch_new();
	const struct vt_version *made = NULL;
	struct vt_version version;
	struct vt_value value = {0};

	catalog_set_up();
	version = version_model(dataset_new("birds"), NULL);
	vt_batch_put(batch, store, VT_CF_SHARD, "k", 1, "v", 1);
	ck_assert_int_eq(vt_catalog_commit(catalog, &version, 5, batch, &made, &err), -ESTALE);
	ck_assert_int_eq(vt_store_get(store, VT_CF_SHARD, "k", 1, false, &value, &err), -ENOENT);
	must(vt_catalog_commit(catalog, &version, 0, batch, &made, &err) == 0);
	must(vt_store_get(store, VT_CF_SHARD, "k", 1, false, &value, &err) == 0);
	vt_value_done(&value);
	vt_version_unref(made);
	catalog_tear_down();
}
END_TEST

START_TEST(a_moved_tag_gets_a_new_link_and_the_old_one_is_gone)
{
	uint32_t dataset, first, second, link, where, what;
	struct vt_tag *tags;
	size_t count;

	catalog_set_up();
	dataset = dataset_new("birds");
	first = version_new(dataset, NULL);
	second = version_new(dataset, NULL);
	must(vt_catalog_tag(catalog, dataset, "gold", first, &err) == 0);
	must(vt_catalog_tags(catalog, dataset, &tags, &count) == 0);
	ck_assert_uint_eq(count, 1);
	ck_assert_str_eq(tags[0].name, "gold");
	link = tags[0].link;
	vt_tags_free(tags, count);
	must(vt_catalog_tag(catalog, dataset, "gold", first, &err) == 0); /* nothing new */
	ck_assert_int_eq(vt_catalog_tag_link(catalog, link, &where, &what), 0);
	ck_assert_uint_eq(what, first);
	must(vt_catalog_tag(catalog, dataset, "gold", second, &err) == 0);
	ck_assert_int_eq(vt_catalog_tag_link(catalog, link, &where, &what), -ENOENT);
	catalog_reopen();
	ck_assert_int_eq(vt_catalog_tag_link(catalog, link, &where, &what), -ENOENT);
	ck_assert_str_eq(meaning(dataset, "gold"), "v2");
	must(vt_catalog_untag(catalog, dataset, "gold", &err) == 0);
	ck_assert_int_eq(vt_catalog_untag(catalog, dataset, "gold", &err), -ENOENT);
	catalog_reopen();
	ck_assert_str_eq(meaning(dataset, "gold"), "-");
	catalog_tear_down();
}
END_TEST

START_TEST(a_tag_refuses_what_it_cannot_name)
{
	uint32_t birds, fish, version, retired;

	catalog_set_up();
	birds = dataset_new("birds");
	fish = dataset_new("fish");
	version = version_new(birds, "gold");
	ck_assert_int_eq(vt_catalog_tag(catalog, birds, "gold", version, &err), -EEXIST);
	says("version named 'gold'");
	ck_assert_int_eq(vt_catalog_tag(catalog, fish, "best", version, &err), -EINVAL);
	ck_assert_int_eq(vt_catalog_tag(catalog, birds, "best", 999, &err), -ENOENT);
	ck_assert_int_eq(vt_catalog_tag(catalog, birds, "latest", version, &err), -EINVAL);
	must(vt_catalog_withdraw(catalog, version, "wrong labels", 0, &retired, &err) == 0);
	ck_assert_int_eq(vt_catalog_tag(catalog, birds, "best", version, &err), -ESTALE);
	says("wrong labels");
	catalog_tear_down();
}
END_TEST

START_TEST(a_withdrawn_version_is_named_but_its_exhibit_is_over)
{
	vt_cleanup(vt_version_unrefp) const struct vt_version *version = NULL;
	uint32_t dataset, first, second, exhibit, retired;

	catalog_set_up();
	dataset = dataset_new("birds");
	first = version_new(dataset, NULL);
	second = version_new(dataset, NULL);
	exhibit = exhibit_of(second);
	must(exhibit_state(exhibit) == 0);
	must(vt_catalog_withdraw(catalog, second, "wrong labels", 0, &retired, &err) == 0);
	ck_assert_uint_eq(retired, exhibit);
	for (int restart = 0; restart < 2; restart++) {
		ck_assert_int_eq(exhibit_state(exhibit), -ESTALE);
		ck_assert_uint_eq(latest_of(dataset), first);
		ck_assert_str_eq(meaning(dataset, "v2"), "v2");
		catalog_reopen();
	}
	must(vt_catalog_version(catalog, second, &version, &err) == 0);
	ck_assert_int_eq(version->state, VT_VERSION_WITHDRAWN);
	ck_assert_str_eq(version->reason, "wrong labels");
	must(vt_catalog_withdraw(catalog, second, "again", 0, &retired, &err) == 0);
	ck_assert_uint_eq(retired, 0);
	must(vt_catalog_withdraw(catalog, first, "", 0, &retired, &err) == 0);
	ck_assert_uint_eq(latest_of(dataset), 0);
	ck_assert_int_eq(vt_catalog_set_latest(catalog, dataset, first, &err), -ESTALE);
	version_new(dataset, NULL);
	ck_assert_str_eq(meaning(dataset, NULL), "v3");
	catalog_tear_down();
}
END_TEST

START_TEST(rollback_moves_latest_and_withdrawing_another_leaves_it)
{
	uint32_t dataset, first, third, retired;

	catalog_set_up();
	dataset = dataset_new("birds");
	first = version_new(dataset, NULL);
	version_new(dataset, NULL);
	third = version_new(dataset, NULL);
	must(vt_catalog_set_latest(catalog, dataset, first, &err) == 0);
	must(vt_catalog_withdraw(catalog, third, "", 0, &retired, &err) == 0);
	catalog_reopen();
	ck_assert_uint_eq(latest_of(dataset), first);
	catalog_tear_down();
}
END_TEST

START_TEST(a_removed_version_is_gone_unless_a_tag_holds_it)
{
	const struct vt_version *version = NULL;
	uint32_t dataset, serial, exhibit, retired;

	catalog_set_up();
	dataset = dataset_new("birds");
	serial = version_new(dataset, "gold");
	exhibit = exhibit_of(serial);
	must(vt_catalog_tag(catalog, dataset, "best", serial, &err) == 0);
	ck_assert_int_eq(vt_catalog_remove(catalog, serial, 0, &retired, &err), -EBUSY);
	says("'best'");
	must(vt_catalog_untag(catalog, dataset, "best", &err) == 0);
	must(vt_catalog_remove(catalog, serial, 0, &retired, &err) == 0);
	ck_assert_uint_eq(retired, exhibit);
	for (int restart = 0; restart < 2; restart++) {
		ck_assert_int_eq(exhibit_state(exhibit), -ESTALE);
		ck_assert_int_eq(vt_catalog_version(catalog, serial, &version, &err), -ENOENT);
		ck_assert_str_eq(meaning(dataset, "gold"), "-");
		ck_assert_uint_eq(latest_of(dataset), 0);
		catalog_reopen();
	}
	ck_assert_int_eq(vt_catalog_remove(catalog, serial, 0, &retired, &err), -ENOENT);
	catalog_tear_down();
}
END_TEST

START_TEST(a_removed_dataset_takes_all_with_it)
{
	uint32_t dataset, other, exhibits[2], *retired;
	const struct vt_dataset **datasets;
	size_t count;

	catalog_set_up();
	dataset = dataset_new("birds");
	other = dataset_new("fish");
	exhibits[0] = exhibit_of(version_new(dataset, NULL));
	exhibits[1] = exhibit_of(version_new(dataset, NULL));
	must(vt_catalog_tag(catalog, dataset, "best", latest_of(dataset), &err) == 0);
	must(vt_catalog_remove_dataset(catalog, dataset, 0, &retired, &count, &err) == 0);
	ck_assert_uint_eq(count, 2);
	ck_assert_mem_eq(retired, exhibits, sizeof exhibits);
	free(retired);
	catalog_reopen();
	ck_assert_int_eq(exhibit_state(exhibits[1]), -ESTALE);
	must(vt_catalog_datasets(catalog, &datasets, &count) == 0);
	ck_assert_uint_eq(count, 1);
	ck_assert_uint_eq(datasets[0]->id, other);
	vt_datasets_free(datasets, count);
	ck_assert_uint_ne(dataset_new("birds"), dataset);
	ck_assert_int_eq(vt_catalog_remove_dataset(catalog, dataset, 0, &retired, &count, &err),
			 -ENOENT);
	catalog_tear_down();
}
END_TEST

/* ---- revisions ------------------------------------------------------------------------------- */

static const struct vt_version *version_of(uint32_t serial)
{
	const struct vt_version *version = NULL;

	must(vt_catalog_version(catalog, serial, &version, &err) == 0);
	return version;
}

/* Name of the newest live version with the files of that one, or "-". */
static const char *newest_of(uint32_t serial)
{
	vt_cleanup(vt_version_unrefp) const struct vt_version *version = NULL;
	static char text[VT_NAME_PART_MAX + 1];

	if (vt_catalog_newest(catalog, serial, &version, &err) < 0)
		return "-";
	strcpy(text, version->name);
	return text;
}

START_TEST(a_revision_has_other_labels_and_all_else_of_its_base)
{
	vt_cleanup(vt_version_unrefp) const struct vt_version *base = NULL, *after = NULL;
	struct vt_version version;
	uint32_t dataset, serial;

	catalog_set_up();
	dataset = dataset_new("birds");
	serial = version_new(dataset, NULL);
	must(revise(serial, serial, &version) == 0);
	catalog_reopen();
	base = version_of(serial);
	after = version_of(version.serial);
	ck_assert_str_eq(after->name, "v1.1");
	ck_assert_uint_eq(after->base, serial);
	ck_assert_uint_eq(base->base, serial);
	ck_assert_uint_eq(after->revision, 1);
	ck_assert_uint_eq(after->number, 1);
	ck_assert_uint_ne(after->exhibit, base->exhibit);
	ck_assert_int_eq(exhibit_state(after->exhibit), 0);
	ck_assert_uint_eq(after->parent, serial);
	ck_assert(vt_digest_equal(&after->parent_digest, &base->digest));
	ck_assert_uint_eq(after->history.count, 1);
	ck_assert(vt_digest_equal(&after->tree_digest, &base->tree_digest));
	ck_assert_uint_eq(after->tree.root.page, base->tree.root.page);
	ck_assert(vt_digest_equal(&after->label_digest, &version.label_digest));
	ck_assert(!vt_digest_equal(&after->label_digest, &base->label_digest));
	ck_assert(!vt_digest_equal(&after->digest, &base->digest));
	ck_assert_uint_eq(after->counts.files, base->counts.files);
	ck_assert_uint_eq(after->counts.stored_bytes, 0);
	ck_assert_uint_eq(after->outline, base->outline);
	ck_assert_uint_eq(after->document_body[VT_DOCUMENT_LABELS], 99);
	ck_assert_uint_eq(after->document_body[VT_DOCUMENT_MANIFEST],
			  base->document_body[VT_DOCUMENT_MANIFEST]);
	ck_assert_str_eq(after->author, "ben");
	ck_assert_str_eq(after->message, "other labels");
	ck_assert_str_eq(after->licence, "CC-BY-4.0");
	catalog_tear_down();
}
END_TEST

START_TEST(revisions_are_numbered_in_a_row_past_withdrawn_ones_and_taken_names)
{
	uint32_t dataset, gold, first, second, third, retired;

	catalog_set_up();
	dataset = dataset_new("birds");
	gold = version_new(dataset, "gold");
	version_new(dataset, "gold.1");
	must(vt_catalog_tag(catalog, dataset, "gold.3", gold, &err) == 0);
	first = revision_new(gold, gold);
	ck_assert_str_eq(newest_of(gold), "gold.2");
	second = revision_new(gold, first);
	ck_assert_str_eq(newest_of(first), "gold.4"); /* of a revision too */
	must(vt_catalog_withdraw(catalog, second, "", 0, &retired, &err) == 0);
	ck_assert_str_eq(newest_of(gold), "gold.2");
	third = revision_new(gold, first);
	ck_assert_str_eq(newest_of(gold), "gold.5");
	catalog_reopen();
	ck_assert_str_eq(newest_of(gold), "gold.5");
	must(vt_catalog_withdraw(catalog, third, "", 0, &retired, &err) == 0);
	must(vt_catalog_withdraw(catalog, first, "", 0, &retired, &err) == 0);
	ck_assert_str_eq(newest_of(second), "gold");
	must(vt_catalog_withdraw(catalog, gold, "", 0, &retired, &err) == 0);
	ck_assert_str_eq(newest_of(gold), "-");
	ck_assert_str_eq(newest_of(999), "-");
	catalog_tear_down();
}
END_TEST

START_TEST(a_version_after_revisions_has_the_next_number)
{
	uint32_t dataset, first;

	catalog_set_up();
	dataset = dataset_new("birds");
	first = version_new(dataset, NULL);
	(void) revision_new(first, first);
	version_new(dataset, NULL);
	ck_assert_str_eq(meaning(dataset, NULL), "v2");
	catalog_tear_down();
}
END_TEST

START_TEST(latest_goes_to_a_revision_of_what_it_names_only)
{
	uint32_t dataset, first, second, revision, retired;

	catalog_set_up();
	dataset = dataset_new("birds");
	first = version_new(dataset, NULL);
	second = version_new(dataset, NULL);
	revision = revision_new(first, first);
	ck_assert_uint_eq(latest_of(dataset), second);
	(void) revision_new(second, second);
	ck_assert_str_eq(meaning(dataset, NULL), "v2.1");
	must(vt_catalog_set_latest(catalog, dataset, first, &err) == 0);
	(void) revision_new(first, revision);
	catalog_reopen();
	ck_assert_str_eq(meaning(dataset, NULL), "v1.2");
	must(vt_catalog_withdraw(catalog, latest_of(dataset), "", 0, &retired, &err) == 0);
	ck_assert_str_eq(meaning(dataset, NULL), "v2.1");
	catalog_tear_down();
}
END_TEST

START_TEST(a_revision_of_what_was_revised_or_withdrawn_meanwhile_changes_nothing)
{
	struct vt_version version;
	uint32_t dataset, base, first, retired;
	uint64_t generation;

	catalog_set_up();
	dataset = dataset_new("birds");
	base = version_new(dataset, NULL);
	first = revision_new(base, base);
	generation = vt_catalog_generation(catalog);
	ck_assert_int_eq(revise(base, base, &version), -ESTALE);
	says("revised meanwhile");
	ck_assert_int_eq(revise(base, 999, &version), -ESTALE);
	ck_assert_int_eq(revise(999, base, &version), -ENOENT);
	ck_assert_uint_eq(vt_catalog_generation(catalog), generation);
	must(vt_catalog_withdraw(catalog, first, "", 0, &retired, &err) == 0);
	must(vt_catalog_withdraw(catalog, base, "wrong licence", 0, &retired, &err) == 0);
	ck_assert_int_eq(revise(base, base, &version), -ESTALE);
	says("wrong licence");
	catalog_tear_down();
}
END_TEST

static bool is_withdrawn(uint32_t serial)
{
	vt_cleanup(vt_version_unrefp) const struct vt_version *version = NULL;

	must(vt_catalog_version(catalog, serial, &version, &err) == 0);
	return version->state == VT_VERSION_WITHDRAWN;
}

START_TEST(a_withdrawal_takes_all_revisions_in_one_commit)
{
	uint32_t dataset, other, base, first, second, retired, exhibits[2];
	uint64_t generation;

	catalog_set_up();
	dataset = dataset_new("birds");
	other = version_new(dataset, NULL);
	base = version_new(dataset, NULL);
	first = revision_new(base, base);
	second = revision_new(base, first);
	exhibits[0] = exhibit_of(base);
	exhibits[1] = exhibit_of(second);
	generation = vt_catalog_generation(catalog);
	must(vt_catalog_withdraw(catalog, base, "wrong licence", 0, &retired, &err) == 0);
	ck_assert_uint_eq(vt_catalog_generation(catalog), generation + 1);
	ck_assert_uint_eq(vt_outbox_count(store), 4 + 3); /* as many were made */
	for (int restart = 0; restart < 2; restart++) {
		ck_assert(is_withdrawn(base) && is_withdrawn(first) && is_withdrawn(second));
		ck_assert(!is_withdrawn(other));
		ck_assert_int_eq(exhibit_state(exhibits[0]), -ESTALE);
		ck_assert_int_eq(exhibit_state(exhibits[1]), -ESTALE);
		ck_assert_uint_eq(latest_of(dataset), other);
		catalog_reopen();
	}
	catalog_tear_down();
}
END_TEST

START_TEST(a_name_that_is_too_long_for_a_revision_is_said_so)
{
	struct vt_version version;
	uint32_t base;

	catalog_set_up();
	base = version_new(dataset_new("birds"), repeat('x', 99));
	ck_assert_int_eq(revise(base, base, &version), -ENAMETOOLONG);
	catalog_tear_down();
}
END_TEST

START_TEST(a_version_is_not_removed_before_its_revisions)
{
	uint32_t dataset, base, first, second, retired;

	catalog_set_up();
	dataset = dataset_new("birds");
	base = version_new(dataset, NULL);
	first = revision_new(base, base);
	second = revision_new(base, first);
	must(vt_catalog_withdraw(catalog, first, "", 0, &retired, &err) == 0);
	must(vt_catalog_remove(catalog, second, 0, &retired, &err) == 0);
	ck_assert_int_eq(vt_catalog_remove(catalog, base, 0, &retired, &err), -EBUSY);
	says("'v1.1'");
	must(vt_catalog_remove(catalog, first, 0, &retired, &err) == 0);
	must(vt_catalog_remove(catalog, base, 0, &retired, &err) == 0);
	catalog_reopen();
	ck_assert_str_eq(meaning(dataset, NULL), "-");
	catalog_tear_down();
}
END_TEST

START_TEST(the_number_of_a_removed_revision_is_not_given_again)
{
	uint32_t dataset, base, first, second, third, retired;

	catalog_set_up();
	dataset = dataset_new("birds");
	base = version_new(dataset, NULL);
	first = revision_new(base, base);
	second = revision_new(base, first);
	must(vt_catalog_remove(catalog, second, 0, &retired, &err) == 0);
	catalog_reopen();
	third = revision_new(base, first);
	ck_assert_str_eq(newest_of(base), "v1.3");
	must(vt_catalog_remove(catalog, first, 0, &retired, &err) == 0);
	(void) revision_new(base, third);
	ck_assert_str_eq(newest_of(base), "v1.4");
	catalog_tear_down();
}
END_TEST

START_TEST(listings_are_in_order)
{
	static const char *const names[] = {"b", "B", "a/z", "a.b", "10", "9"};
	static const char *const sorted[] = {"10", "9", "B", "a.b", "a/z", "b"};
	const struct vt_dataset **datasets;
	const struct vt_version **versions;
	size_t count;
	uint32_t id = 0;

	catalog_set_up();
	for (size_t i = 0; i < 6; i++)
		id = dataset_new(names[i]);
	version_new(id, "z");
	version_new(id, "a");
	for (int restart = 0; restart < 2; restart++) {
		must(vt_catalog_datasets(catalog, &datasets, &count) == 0);
		ck_assert_uint_eq(count, 6);
		for (size_t i = 0; i < count; i++)
			ck_assert_str_eq(datasets[i]->name, sorted[i]);
		vt_datasets_free(datasets, count);
		must(vt_catalog_versions(catalog, id, &versions, &count) == 0);
		ck_assert_uint_eq(count, 2);
		ck_assert_str_eq(versions[0]->name, "z");
		ck_assert_str_eq(versions[1]->name, "a");
		vt_versions_free(versions, count);
		catalog_reopen();
	}
	must(vt_catalog_versions(catalog, 999, &versions, &count) == 0);
	ck_assert_uint_eq(count, 0);
	vt_versions_free(versions, count);
	catalog_tear_down();
}
END_TEST

START_TEST(a_damaged_row_stops_the_loading)
{
	static const struct {
		enum vt_family family;
		const char *key;
		size_t key_len;
		const char *value;
		size_t value_len;
		int r;
	} rows[] = {
		{VT_CF_DATASET, "\0\0\0\7", 4, "\2", 1, -ENOTSUP},
		{VT_CF_DATASET, "\0\0\0\7", 4, "", 0, -EBADMSG},
		{VT_CF_DATASET, "\0\0\7", 3, "\1", 1, -EBADMSG},
		{VT_CF_VERSION, "\0\0\0\1\0\0\0\7", 8, "\1", 1, -EBADMSG},
		{VT_CF_VERSION, "\0\0\0\1", 4, "\1", 1, -EBADMSG},
		{VT_CF_SPACE, "x", 1, "\1\0\0\0\0", 5, -EBADMSG},
		{VT_CF_TAG, "\0\0\0\1a", 5, "\1\7\0\0\0\1\0\0\0", 9, -EBADMSG},
		{VT_CF_TAG, "\0\0\0\1", 4, "\1\7\0\0\0\1\0\0\0", 9, -EBADMSG},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		vt_cleanup(vt_batch_freep) struct vt_batch *batch = vt_batch_new();
		struct vt_catalog *other = NULL;

		catalog_set_up();
		version_new(dataset_new("birds"), NULL);
		vt_batch_put(batch, store, rows[i].family, rows[i].key, rows[i].key_len,
			     rows[i].value, rows[i].value_len);
		must(vt_store_write(store, batch, false, &err) == 0);
		ck_assert_int_eq(vt_catalog_load(store, &other, &err), rows[i].r);
		catalog_tear_down();
	}
}
END_TEST

/* Readers never see half a change: latest always is a live version of its dataset. */
static atomic_bool stop;

static void *reader(void *argument)
{
	uint32_t dataset = *(const uint32_t *) argument;
	uintptr_t problems = 0;

	while (!stop) {
		vt_cleanup(vt_version_unrefp) const struct vt_version *version = NULL, *same = NULL;

		if (vt_catalog_resolve(catalog, dataset, NULL, &version, NULL) < 0)
			continue;
		if (version->dataset != dataset || version->state != VT_VERSION_LIVE)
			problems++;
		if (vt_catalog_exhibit(catalog, version->exhibit, &same, NULL) == 0 &&
		    same->serial != version->serial)
			problems++;
	}
	return (void *) problems;
}

START_TEST(readers_never_see_half_a_change)
{
	uint32_t dataset, retired;
	pthread_t threads[3];
	void *problems;

	catalog_set_up();
	dataset = dataset_new("birds");
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, reader, &dataset), 0);
	for (int i = 0; i < 50; i++) {
		uint32_t serial = version_new(dataset, NULL);

		if (i % 3 == 1)
			must(vt_catalog_withdraw(catalog, serial, "", 0, &retired, &err) == 0);
		if (i % 3 == 2)
			must(vt_catalog_remove(catalog, serial, 0, &retired, &err) == 0);
	}
	stop = true;
	for (int i = 0; i < 3; i++) {
		pthread_join(threads[i], &problems);
		ck_assert_ptr_null(problems);
	}
	catalog_tear_down();
}
END_TEST

VT_SUITE(catalog, names_follow_the_rules, a_dataset_is_found_by_name_and_id_after_a_restart,
	 a_name_is_not_both_a_space_and_a_dataset, spaces_keep_their_ids_and_show_only_while_in_use,
	 a_version_comes_back_as_it_was_committed, numbers_only_grow_and_names_take_one_too,
	 a_version_knows_what_it_was_published_over,
	 a_commit_over_another_latest_or_a_taken_name_changes_nothing,
	 a_commit_writes_the_callers_batch_with_it,
	 a_moved_tag_gets_a_new_link_and_the_old_one_is_gone, a_tag_refuses_what_it_cannot_name,
	 a_withdrawn_version_is_named_but_its_exhibit_is_over,
	 rollback_moves_latest_and_withdrawing_another_leaves_it,
	 a_removed_version_is_gone_unless_a_tag_holds_it, a_removed_dataset_takes_all_with_it,
	 a_revision_has_other_labels_and_all_else_of_its_base,
	 revisions_are_numbered_in_a_row_past_withdrawn_ones_and_taken_names,
	 a_version_after_revisions_has_the_next_number,
	 latest_goes_to_a_revision_of_what_it_names_only,
	 a_revision_of_what_was_revised_or_withdrawn_meanwhile_changes_nothing,
	 a_withdrawal_takes_all_revisions_in_one_commit,
	 a_name_that_is_too_long_for_a_revision_is_said_so,
	 a_version_is_not_removed_before_its_revisions,
	 the_number_of_a_removed_revision_is_not_given_again, listings_are_in_order,
	 a_damaged_row_stops_the_loading, readers_never_see_half_a_change)
