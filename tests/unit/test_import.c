/* SPDX-License-Identifier: Apache-2.0 */
/* A publish happens or leaves nothing, wherever it dies. */
#include "index/base/crashpoint.h"
#include "index/index.h"
#include "index/store_facts.h"
#include "tests/unit/scratch.h"
#include "tests/unit/suite.h"
#include "tests/unit/label_store.h"

#include <sys/wait.h>

#include "index/folder.h"
#include "index/gc.h"
#include "index/record.h"

START_TEST(a_store_is_made_once_and_says_what_it_is)
{
	struct vt_store_facts facts;
	struct stat st;

	ck_assert_int_eq(vt_store_facts_read(vt_scratch(), &facts, &err), -ENOENT);
	must(vt_index_create(vt_scratch_dir, &err) == 0);
	must(vt_store_facts_read(vt_scratch_dir, &facts, &err) == 0);
	ck_assert_int_eq(facts.format, 1);
	ck_assert_uint_eq(strlen(facts.uuid), 36);
	ck_assert_uint_eq(facts.owner_uid, geteuid());
	ck_assert_int_eq(vt_index_create(vt_scratch_dir, &err), -EEXIST);
	ck_assert_int_eq(stat(vt_scratch_dir, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0711);
	ck_assert_int_eq(stat(vt_scratch_path("run"), &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0711);
	ck_assert_int_eq(stat(vt_scratch_path("shards"), &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0700);
	vt_scratch_done();
}
END_TEST

START_TEST(a_newer_or_damaged_store_is_refused)
{
	static const struct {
		const char *text;
		int r;
	} cases[] = {
		{"{\"format\": 2, \"uuid\": \"x\"}", -ENOTSUP},
		{"{\"format\": 0}", -EBADMSG},
		{"{\"format\": \"1\"}", -EBADMSG},
		{"{\"format\": 1}", -EBADMSG},
		{"{\"format\": 1, \"uuid\": \"not one\"}", -EBADMSG},
		{"[]", -EBADMSG},
		{"", -EBADMSG},
		{"{", -EBADMSG},
	};
	struct vt_store_facts facts;
	struct vt_index *index = NULL;

	(void) vt_scratch();
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		FILE *file = fopen(vt_scratch_path("vitrine.json"), "w");

		ck_assert_ptr_nonnull(file);
		fputs(cases[i].text, file);
		fclose(file);
		ck_assert_int_eq(vt_store_facts_read(vt_scratch_dir, &facts, &err), cases[i].r);
		ck_assert_int_eq(vt_index_open(vt_scratch_dir, 1 << 20, &index, &err), cases[i].r);
	}
	vt_scratch_done();
}
END_TEST

START_TEST(a_store_opens_once_at_a_time)
{
	struct vt_index *other = NULL;

	index_set_up();
	ck_assert_int_eq(vt_index_open(vt_scratch_dir, 1 << 20, &other, &err), -EBUSY);
	ck_assert_ptr_nonnull(strstr(err.text, "another process"));
	index_tear_down();
}
END_TEST

/* Everything the store holds for one published file, by name. */
START_TEST(a_commit_shows_the_version_with_its_shards)
{
	vt_cleanup(vt_version_unrefp) const struct vt_version *version = NULL;
	vt_cleanup(vt_dataset_unrefp) const struct vt_dataset *dataset = NULL;
	struct vt_location at;
	uint32_t length;
	char path[4096];

	index_set_up();
	publish("lab/birds", NULL, "some bytes");
	index_reopen();
	must(vt_catalog_dataset(idx->catalog, "lab/birds", &dataset, &err) == 0);
	must(vt_catalog_resolve(idx->catalog, dataset->id, NULL, &version, &err) == 0);
	ck_assert_str_eq(version->name, "v1");
	must(vt_chunk_find(idx->store, 1, &(struct vt_digest){{0}}, false, &at, &length, &err) ==
	     -ENOENT);
	must(vt_chunk_find(idx->store, 1, content_of("some bytes"), false, &at, &length, &err) ==
	     0);
	must(vt_index_shard_path(idx, at.shard, path, &err) == 0);
	ck_assert_int_eq(access(path, R_OK), 0);
	ck_assert_uint_eq(count_files("shards"), 1);
	ck_assert_uint_eq(count_files("tmp"), 0);
	vt_index_stamps_path(idx, dataset->id, path);
	ck_assert_int_eq(access(path, R_OK), 0);
	ck_assert_int_eq(vt_index_shard_path(idx, 999, path, &err), -ENOENT);
	index_tear_down();
}
END_TEST

START_TEST(an_import_given_up_leaves_nothing)
{
	struct publish p;

	index_set_up();
	publish_begin(&p, "birds", NULL);
	publish_build(&p, "some bytes");
	/* folder, shard, stamps, rows of contents; the rest was taken in */
	ck_assert_uint_eq(count_files("tmp"), 4);
	vt_import_free(p.import);
	ck_assert_uint_eq(count_files("tmp"), 0);
	ck_assert_uint_eq(count_files("shards"), 0);
	ck_assert_uint_eq(count_rows(VT_CF_IMPORT), 0);
	index_tear_down();
}
END_TEST

START_TEST(a_dataset_is_there_for_its_imports_or_its_versions)
{
	struct publish first, second;

	index_set_up();
	publish_begin(&first, "birds", NULL);
	publish_begin(&second, "birds", NULL);
	ck_assert_uint_eq(count_rows(VT_CF_DATASET), 1);
	vt_import_free(first.import);
	ck_assert_uint_eq(count_rows(VT_CF_DATASET), 1);
	vt_import_free(second.import);
	ck_assert_uint_eq(count_rows(VT_CF_DATASET), 0);
	publish("birds", NULL, "some bytes");
	publish_begin(&first, "birds", NULL);
	vt_import_free(first.import);
	ck_assert_uint_eq(count_rows(VT_CF_DATASET), 1);
	index_tear_down();
}
END_TEST

START_TEST(contents_are_known_from_the_commit_on)
{
	struct vt_known known;
	struct publish p;

	index_set_up();
	publish_begin(&p, "birds", NULL);
	publish_build(&p, "some bytes");
	must(vt_import_known(p.import, content_of("some bytes"), 1, &known, &err) == 0);
	ck_assert_uint_eq(known.kind, 0);
	vt_import_free(p.import);
	publish_begin(&p, "birds", NULL);
	must(vt_import_known(p.import, content_of("some bytes"), 1, &known, &err) == 0);
	ck_assert_uint_eq(known.kind, 0);
	ck_assert_uint_eq(known.at.shard, 0);
	publish_build(&p, "some bytes");
	publish_commit(&p);
	publish_begin(&p, "birds", NULL);
	must(vt_import_known(p.import, content_of("some bytes"), 1, &known, &err) == 0);
	ck_assert_uint_eq(known.kind, 1);
	ck_assert_uint_eq(known.length, 10);
	vt_import_free(p.import);
	index_tear_down();
}
END_TEST

static void assert_readable(const char *text)
{
	struct vt_location at;
	char path[4096];
	uint32_t length;

	must(vt_chunk_find(idx->store, 1, content_of(text), false, &at, &length, &err) == 0);
	must(vt_index_shard_path(idx, at.shard, path, &err) == 0);
	ck_assert_int_eq(access(path, R_OK), 0);
}

/* Both bring the same content; its row must not lead to the shard of the one that came to nothing.
 */
START_TEST(an_import_given_up_takes_no_content_from_another)
{
	const struct vt_version *out = NULL;
	struct publish slow;

	index_set_up();
	publish_begin(&slow, "birds", NULL);
	publish("birds", NULL, "same bytes");
	publish_build(&slow, "same bytes");
	ck_assert_int_eq(
		vt_import_commit(slow.import, &slow.shard, 1, &slow.version, NULL, &out, &err),
		-ESTALE);
	vt_import_free(slow.import);
	assert_readable("same bytes");
	index_reopen();
	assert_readable("same bytes");
	index_tear_down();
}
END_TEST

START_TEST(a_recipe_is_known_when_all_its_shards_are_there)
{
	struct vt_known known;
	struct publish p;
	uint32_t shard;

	index_set_up();
	publish_begin(&p, "birds", NULL);
	publish_build(&p, "some bytes");
	shard = p.shard.serial;
	publish_recipe(&p, "whole", shard, 600, 0);
	publish_recipe(&p, "broken", shard, 600, 599);
	publish_commit(&p);
	publish_begin(&p, "birds", NULL);
	must(vt_import_known(p.import, content_of("whole"), 1, &known, &err) == 0);
	ck_assert_uint_eq(known.kind, 2);
	must(vt_import_known(p.import, content_of("broken"), 1, &known, &err) == 0);
	ck_assert_uint_eq(known.kind, 0);
	vt_import_free(p.import);
	index_tear_down();
}
END_TEST

START_TEST(pages_are_found_by_their_digest_in_their_domain)
{
	struct publish p;
	uint64_t ids[2];
	struct vt_digest digests[2] = {{{1}}};

	index_set_up();
	publish("birds", NULL, "some bytes");
	publish_begin(&p, "birds", NULL);
	digests[1] = last_root_digest;
	must(vt_import_pages(p.import, digests, 2, ids, &err) == 0);
	ck_assert_uint_eq(ids[0], 0);
	ck_assert_uint_ne(ids[1], 0);
	vt_import_free(p.import);
	index_tear_down();
}
END_TEST

START_TEST(a_bad_or_taken_name_is_refused_before_any_work)
{
	struct vt_import_info info;
	struct vt_import *import = NULL;

	index_set_up();
	publish("birds", "gold", "some bytes");
	ck_assert_int_eq(vt_import_begin(idx, "birds", "gold", 0, &import, &info, &err), -EEXIST);
	ck_assert_int_eq(vt_import_begin(idx, "birds", "v9", 0, &import, &info, &err), -EINVAL);
	ck_assert_int_eq(vt_import_begin(idx, ".birds", NULL, 0, &import, &info, &err), -EINVAL);
	ck_assert_int_eq(vt_import_begin(idx, "birds/x", NULL, 0, &import, &info, &err), -EEXIST);
	ck_assert_int_eq(vt_import_begin(idx, "new", "v9", 0, &import, &info, &err), -EINVAL);
	ck_assert_ptr_null(import);
	ck_assert_uint_eq(count_files("tmp"), 0);
	ck_assert_uint_eq(count_rows(VT_CF_DATASET), 1);
	ck_assert_int_eq(vt_gc_gate_enter_alone(idx->gc_gate, &err), 0); /* none was left inside */
	vt_gc_gate_leave_alone(idx->gc_gate);
	index_tear_down();
}
END_TEST

START_TEST(an_import_writes_no_family_and_no_file_but_its_own)
{
	struct publish p;
	uint64_t first;

	index_set_up();
	publish_begin(&p, "birds", NULL);
	ck_assert_int_eq(vt_import_ingest(p.import, VT_CF_VERSION, "x", &err), -EPERM);
	ck_assert_int_eq(vt_import_ingest(p.import, VT_CF_CHUNK, "../x", &err), -EINVAL);
	ck_assert_int_eq(vt_import_ingest(p.import, VT_CF_CHUNK, "..", &err), -EINVAL);
	ck_assert_int_eq(vt_import_ingest(p.import, VT_CF_CHUNK, "", &err), -EINVAL);
	ck_assert_int_eq(vt_import_ingest(p.import, VT_CF_CHUNK, "absent", &err), -ENOENT);
	ck_assert_int_eq(vt_import_take(p.import, VT_COUNTER_VERSION, 1, &first, &err), -EPERM);
	ck_assert_int_eq(vt_import_take(p.import, VT_COUNTER_PAGE, 1ull << 40, &first, &err),
			 -EINVAL);
	vt_import_free(p.import);
	index_tear_down();
}
END_TEST

START_TEST(a_commit_checks_the_shards_it_is_told_of)
{
	const struct vt_version *out = NULL;
	struct vt_new_shard shards[2];
	struct publish p;
	char magic[1];
	int fd;

	index_set_up();
	publish_begin(&p, "birds", NULL);
	publish_build(&p, "some bytes");
	shards[0] = shards[1] = p.shard;
	ck_assert_int_eq(vt_import_commit(p.import, shards, 2, &p.version, NULL, &out, &err),
			 -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.text, "twice"));
	shards[0].size++;
	ck_assert_int_eq(vt_import_commit(p.import, shards, 1, &p.version, NULL, &out, &err),
			 -EINVAL);
	shards[0] = p.shard;
	shards[0].serial = 999;
	ck_assert_int_eq(vt_import_commit(p.import, shards, 1, &p.version, NULL, &out, &err),
			 -EPERM);
	shards[0] = p.shard;
	shards[0].dictionary = 5;
	ck_assert_int_eq(vt_import_commit(p.import, shards, 1, &p.version, NULL, &out, &err),
			 -EINVAL);
	p.version.tree.root.page += 1000;
	ck_assert_int_eq(vt_import_commit(p.import, &p.shard, 1, &p.version, NULL, &out, &err),
			 -EINVAL);
	p.version.tree.root.page -= 1000;
	fd = open(p.shard_path, O_RDWR);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(pread(fd, magic, 1, 8), 1);
	ck_assert_int_eq(pwrite(fd, "X", 1, 8), 1);
	ck_assert_int_eq(vt_import_commit(p.import, &p.shard, 1, &p.version, NULL, &out, &err),
			 -EBADMSG);
	ck_assert_int_eq(pwrite(fd, magic, 1, 8), 1);
	close(fd);
	ck_assert_uint_eq(count_files("shards"), 0);
	publish_commit(&p); /* after all that it is as good as before */
	index_tear_down();
}
END_TEST

START_TEST(the_slower_of_two_imports_is_told_and_leaves_nothing)
{
	const struct vt_version *out = NULL;
	struct publish slow;

	index_set_up();
	publish_begin(&slow, "birds", NULL);
	publish_build(&slow, "slow bytes");
	publish("birds", NULL, "fast bytes");
	ck_assert_int_eq(
		vt_import_commit(slow.import, &slow.shard, 1, &slow.version, NULL, &out, &err),
		-ESTALE);
	ck_assert_uint_eq(count_files("shards"), 1);
	vt_import_free(slow.import);
	index_reopen();
	ck_assert_uint_eq(count_files("shards"), 1);
	ck_assert_uint_eq(count_rows(VT_CF_SHARD), 1);
	index_tear_down();
}
END_TEST

/* Publishes in a child that dies at that point; "" does not die. */
static void publish_dying_at(const char *point)
{
	int status;
	pid_t child;

	vt_index_close(idx);
	child = fork();
	if (child == 0) {
		setenv("VITRINE_TEST_CRASH", point, 1);
		index_open();
		publish("birds", NULL, "other bytes");
		_exit(0);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "'%s' was not reached",
		      point);
	index_open();
}

START_TEST(an_import_that_dies_before_its_commit_leaves_nothing)
{
	static const char *const points[] = {"import-recorded", "import-begun", "import-ingested",
					     "import-shard-moved", "import-moved"};

	if (!VT_CAN_FORK || !VT_HAS_CRASH_POINTS)
		return;
	index_set_up();
	publish("birds", NULL, "some bytes");
	for (size_t i = 0; i < sizeof points / sizeof *points; i++) {
		publish_dying_at(points[i]);
		ck_assert_uint_eq(count_rows(VT_CF_VERSION), 1);
		ck_assert_uint_eq(count_rows(VT_CF_SHARD), 1);
		ck_assert_uint_eq(count_rows(VT_CF_IMPORT), 0);
		ck_assert_uint_eq(count_files("shards"), 1);
		ck_assert_uint_eq(count_files("tmp"), 0);
	}
	publish("birds", NULL, "other bytes"); /* and nothing is in its way */
	ck_assert_uint_eq(count_rows(VT_CF_VERSION), 2);
	index_tear_down();
}
END_TEST

/* Its shard is the place of a content that another import has too, so it stays until gc. */
START_TEST(an_import_that_dies_while_it_commits_takes_no_content_along)
{
	static const char *const points[] = {"import-shards-recorded", "import-contents-ingested"};

	if (!VT_CAN_FORK || !VT_HAS_CRASH_POINTS)
		return;
	for (size_t i = 0; i < sizeof points / sizeof *points; i++) {
		struct vt_gc_report report;

		index_set_up();
		publish("birds", NULL, "other bytes");
		publish_dying_at(points[i]);
		ck_assert_uint_eq(count_rows(VT_CF_VERSION), 1);
		ck_assert_uint_eq(count_rows(VT_CF_IMPORT), 0);
		ck_assert_uint_eq(count_files("tmp"), 0);
		ck_assert_uint_eq(count_files("shards"), 2);
		assert_readable("other bytes");
		must(vt_gc(idx, false, 0, &report, &err) == 0);
		ck_assert_uint_eq(report.shards, 1);
		ck_assert_uint_eq(count_files("shards"), 1);
		assert_readable("other bytes");
		index_tear_down();
	}
}
END_TEST

START_TEST(an_import_that_dies_after_its_commit_is_there)
{
	if (!VT_CAN_FORK || !VT_HAS_CRASH_POINTS)
		return;
	index_set_up();
	publish("birds", NULL, "some bytes");
	publish_dying_at("import-committed");
	ck_assert_uint_eq(count_rows(VT_CF_VERSION), 2);
	ck_assert_uint_eq(count_rows(VT_CF_SHARD), 2);
	ck_assert_uint_eq(count_rows(VT_CF_IMPORT), 0);
	ck_assert_uint_eq(count_files("shards"), 2);
	ck_assert_uint_eq(count_files("tmp"), 0);
	index_tear_down();
}
END_TEST

START_TEST(recovery_removes_strays_and_nothing_else)
{
	index_set_up();
	publish("birds", NULL, "some bytes");
	write_file("shards/notes.txt", "kept: it has no shard's name");
	must(vt_folder_make(vt_scratch_path("shards/00"), 0700, &err) == 0 || errno == EEXIST);
	write_file("shards/00/00000000-0000-4000-8000-000000000000.vsh", "a stray");
	must(vt_folder_make(vt_scratch_path("tmp/deep"), 0700, &err) == 0);
	must(vt_folder_make(vt_scratch_path("tmp/deep/deeper"), 0700, &err) == 0);
	write_file("tmp/deep/deeper/file", "gone");
	ck_assert_int_eq(symlink("/", vt_scratch_path("tmp/deep/link")), 0);
	index_reopen();
	ck_assert_uint_eq(count_files("shards"), 2);
	ck_assert_uint_eq(count_files("tmp"), 0);
	ck_assert_int_eq(access("/etc", F_OK), 0);
	index_tear_down();
}
END_TEST

START_TEST(dictionaries_are_found_through_their_shards)
{
	vt_cleanup(vt_buf_done) struct vt_buf bytes = VT_BUF_INIT;
	struct publish p;
	uint32_t shard;

	index_set_up();
	publish_begin(&p, "birds", NULL);
	ck_assert_uint_eq(p.info.dictionary, 0);
	publish_build(&p, "some bytes");
	publish_dictionary(&p, 77, "words");
	shard = p.shard.serial;
	publish_commit(&p);
	index_reopen();
	must(vt_index_dictionary(idx, shard, 77, &bytes, &err) == 0);
	ck_assert_mem_eq(bytes.data, "words", 5);
	ck_assert_int_eq(vt_index_dictionary(idx, shard, 78, &bytes, &err), -ENOENT);
	ck_assert_int_eq(vt_index_dictionary(idx, 999, 77, &bytes, &err), -ENOENT);
	publish_begin(&p, "birds", NULL);
	ck_assert_uint_eq(p.info.dictionary, 77);
	vt_import_free(p.import);
	index_tear_down();
}
END_TEST

/* ---- revisions ------------------------------------------------------------------------------- */

/* Labels of "file" for a revision of `version`: begun, not committed. */
static struct vt_import *revise(uint32_t version, const char *value, struct vt_version *out,
				struct vt_import_info *info)
{
	const struct item labelled[] = {{"file", "some bytes", ""}, {"", "", ""}};
	struct item items[2];
	struct vt_import *import = NULL;

	memcpy(items, labelled, sizeof items);
	strcpy(items[0].label, value);
	must(vt_import_revise(idx, version, &import, info, &err) == 0);
	*out = (struct vt_version){.author = "ben", .message = "labels"};
	out->labels = items_labels(items);
	return import;
}

START_TEST(a_revision_is_committed_with_its_labels)
{
	vt_cleanup(vt_version_unrefp) const struct vt_version *made = NULL, *again = NULL;
	struct vt_import_info info;
	struct vt_version version;
	struct vt_import *import = NULL;
	uint32_t base;

	index_set_up();
	base = publish("birds", NULL, "some bytes");
	import = revise(base, "owl", &version, &info);
	ck_assert_uint_eq(info.base, base);
	ck_assert_uint_eq(info.parent, base);
	must(vt_import_commit_revision(import, &version, &made, &err) == 0);
	ck_assert_int_eq(vt_import_commit_revision(import, &version, &again, &err), -EINVAL);
	vt_import_free(import);
	ck_assert_str_eq(made->name, "v1.1");
	ck_assert(!vt_digest_is_zero(&made->label_digest));
	ck_assert_uint_eq(count_files("tmp"), 0);
	ck_assert_uint_eq(count_rows(VT_CF_IMPORT), 0);
	index_reopen();
	must(vt_catalog_version(idx->catalog, made->serial, &again, &err) == 0);
	ck_assert_str_eq(labels_text(&again->labels), "file=owl ");
	index_tear_down();
}
END_TEST

START_TEST(a_revision_begins_with_the_newest_one_whichever_was_named)
{
	vt_cleanup(vt_version_unrefp) const struct vt_version *first = NULL;
	struct vt_import_info info;
	struct vt_version version;
	struct vt_import *import = NULL;
	uint32_t base;

	index_set_up();
	base = publish("birds", NULL, "some bytes");
	import = revise(base, "owl", &version, &info);
	must(vt_import_commit_revision(import, &version, &first, &err) == 0);
	vt_import_free(import);
	for (int i = 0; i < 2; i++) {
		must(vt_import_revise(idx, i ? base : first->serial, &import, &info, &err) == 0);
		ck_assert_uint_eq(info.parent, first->serial);
		ck_assert_uint_eq(info.base, base);
		vt_import_free(import);
	}
	index_tear_down();
}
END_TEST

START_TEST(a_revision_given_up_or_too_late_leaves_nothing)
{
	vt_cleanup(vt_version_unrefp) const struct vt_version *first = NULL, *none = NULL;
	struct vt_import_info info;
	struct vt_version version, late;
	struct vt_import *import = NULL, *other;
	uint32_t base, retired;

	index_set_up();
	base = publish("birds", NULL, "some bytes");
	import = revise(base, "owl", &version, &info);
	other = revise(base, "emu", &late, &info);
	must(vt_import_commit_revision(import, &version, &first, &err) == 0);
	ck_assert_int_eq(vt_import_commit_revision(other, &late, &none, &err), -ESTALE);
	ck_assert_uint_eq(count_rows(VT_CF_IMPORT), 1);
	vt_import_free(import);
	vt_import_free(other);
	ck_assert_uint_eq(count_files("tmp"), 0);
	ck_assert_uint_eq(count_rows(VT_CF_IMPORT), 0);
	ck_assert_uint_eq(count_rows(VT_CF_VERSION), 2);
	must(vt_catalog_withdraw(idx->catalog, first->serial, "", 0, &retired, &err) == 0);
	must(vt_catalog_withdraw(idx->catalog, base, "", 0, &retired, &err) == 0);
	ck_assert_int_eq(vt_import_revise(idx, base, &import, &info, &err), -ESTALE);
	ck_assert_int_eq(vt_import_revise(idx, 999, &import, &info, &err), -ESTALE);
	index_tear_down();
}
END_TEST

START_TEST(labels_whose_pages_are_not_there_are_refused)
{
	const struct vt_version *none = NULL;
	struct vt_import_info info;
	struct vt_version version;
	struct vt_import *import = NULL;

	index_set_up();
	import = revise(publish("birds", NULL, "some bytes"), "owl", &version, &info);
	version.labels.page += 4096;
	ck_assert_int_eq(vt_import_commit_revision(import, &version, &none, &err), -EINVAL);
	vt_import_free(import);
	ck_assert_uint_eq(count_rows(VT_CF_VERSION), 1);
	index_tear_down();
}
END_TEST

START_TEST(a_publish_is_not_committed_as_a_revision)
{
	const struct vt_version *none = NULL;
	struct publish p;

	index_set_up();
	publish_begin(&p, "birds", NULL);
	publish_build(&p, "some bytes");
	ck_assert_int_eq(vt_import_commit_revision(p.import, &p.version, &none, &err), -EINVAL);
	(void) publish_commit(&p);
	index_tear_down();
}
END_TEST

/* gc sweeps when no import is open, revisions among them. */
START_TEST(a_revision_under_way_keeps_gc_out)
{
	struct vt_import_info info;
	struct vt_import *import = NULL;
	uint32_t base;

	index_set_up();
	base = publish("birds", NULL, "some bytes");
	must(vt_import_revise(idx, base, &import, &info, &err) == 0);
	ck_assert_int_eq(vt_gc_gate_enter_alone(idx->gc_gate, &err), -EBUSY);
	vt_import_free(import);
	must(vt_gc_gate_enter_alone(idx->gc_gate, &err) == 0);
	vt_gc_gate_leave_alone(idx->gc_gate);
	index_tear_down();
}
END_TEST

VT_SUITE(import, a_store_is_made_once_and_says_what_it_is, a_newer_or_damaged_store_is_refused,
	 a_store_opens_once_at_a_time, a_commit_shows_the_version_with_its_shards,
	 an_import_given_up_leaves_nothing, a_dataset_is_there_for_its_imports_or_its_versions,
	 contents_are_known_from_the_commit_on, an_import_given_up_takes_no_content_from_another,
	 a_recipe_is_known_when_all_its_shards_are_there,
	 pages_are_found_by_their_digest_in_their_domain,
	 a_bad_or_taken_name_is_refused_before_any_work,
	 an_import_writes_no_family_and_no_file_but_its_own,
	 a_commit_checks_the_shards_it_is_told_of,
	 the_slower_of_two_imports_is_told_and_leaves_nothing,
	 an_import_that_dies_before_its_commit_leaves_nothing,
	 an_import_that_dies_while_it_commits_takes_no_content_along,
	 an_import_that_dies_after_its_commit_is_there, recovery_removes_strays_and_nothing_else,
	 dictionaries_are_found_through_their_shards, a_revision_is_committed_with_its_labels,
	 a_revision_begins_with_the_newest_one_whichever_was_named,
	 a_revision_given_up_or_too_late_leaves_nothing,
	 labels_whose_pages_are_not_there_are_refused, a_publish_is_not_committed_as_a_revision,
	 a_revision_under_way_keeps_gc_out)
