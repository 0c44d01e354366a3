/* SPDX-License-Identifier: Apache-2.0 */
/* The table of control requests: who may do what, and what bad arguments meet. */
#include "fs/holdings.h"
#include "index/base/clock.h"
#include "index/record.h"
#include "tests/unit/service_model.h"
#include "tests/unit/suite.h"

#include <fcntl.h>
#include <unistd.h>

static struct visit owner, stranger;

static void set_up(void)
{
	service_set_up();
	visit_begin(&owner, host.service->owner_uid);
	visit_begin(&stranger, STRANGER);
}

static void tear_down(void)
{
	visit_end(&owner);
	visit_end(&stranger);
	service_tear_down();
}

static int ask_dropping(struct visit *visit, const char *op, const char *args)
{
	struct reply reply;
	int r = ask(visit, op, args, &reply);

	ck_assert_msg(r == 0 || json_array_size(reply.rows) == 0, "'%s' sent rows and failed", op);
	reply_done(&reply);
	return r;
}

/* ---- rights ---------------------------------------------------------------------------------- */

/* What a request might be asked about `name`. */
static const char *args_about(const char *name)
{
	static char args[512];

	(void) snprintf(
		args, sizeof args,
		"{\"dataset\": \"%s\", \"version\": \"v1\", \"object\": \"%s\", \"tag\": \"t\", "
		"\"other_dataset\": \"%s\", \"other\": \"v1\", \"who\": \"anyone\", "
		"\"right\": \"read\", \"length\": 1000000000, \"until\": 1, \"path\": \"\"}",
		name, name, name);
	return args;
}

/* Both names are equally long. */
static void replace(char *text, const char *name, const char *by)
{
	for (char *at = text; (at = strstr(at, name)); at += strlen(by))
		memcpy(at, by, strlen(by));
}

/* Whatever comes, the name that was not asked for is not in it. */
static int ask_as_stranger(const struct vt_control_op *op, const char *name)
{
	struct reply reply;
	int r = ask(&stranger, op->name, args_about(name), &reply);
	char *result = r == 0 && reply.result ? json_dumps(reply.result, 0) : NULL;

	ck_assert_msg(json_array_size(reply.rows) == 0, "'%s' sent rows", op->name);
	ck_assert_msg(!result || !strstr(result, "secret"), "'%s' told: %s", op->name, result);
	free(result);
	reply_done(&reply);
	return r;
}

START_TEST(a_stranger_gets_nothing_from_any_row_and_cannot_tell_hidden_from_absent)
{
	const struct vt_control_op *table;
	size_t count;

	set_up();
	vt_version_unref(service_commit(service_dataset("secret", host.service->owner_uid), 1));
	table = vt_control_table(&count);
	for (size_t i = 0; i < count; i++) {
		char first[sizeof err.text] = "";
		int r = ask_as_stranger(&table[i], "secret");

		if (r < 0)
			memcpy(first, err.text, sizeof first);
		if (table[i].object != VT_OBJECT_NOTHING)
			ck_assert_msg(r == -EACCES || table[i].object == VT_OBJECT_IMPORT ||
					      table[i].object == VT_OBJECT_RELABEL,
				      "'%s': %d %s", table[i].name, r, err.text);
		ck_assert_int_eq(ask_as_stranger(&table[i], "absent"), r);
		if (r == 0)
			continue;
		replace(err.text, "absent", "secret");
		ck_assert_msg(strcmp(first, err.text) == 0, "'%s': '%s', '%s'", table[i].name,
			      first, err.text);
	}
	ck_assert(!was_stopped);
	tear_down();
}
END_TEST

/* Rows about nothing answer with what is the caller's, or ask the gate about each thing they name.
 */
START_TEST(rows_about_nothing_are_known_by_name)
{
	static const char *const about_nothing[] = {
		"hello",       "datasets", "rules",     "partner.add", "partner.remove", "partners",
		"partner.end", "leases",   "whoami",    "mount",       "mounts",         "umount",
		"status",      "clock",    "leftovers", "io"};
	const struct vt_control_op *table;
	size_t count;

	table = vt_control_table(&count);
	for (size_t i = 0; i < count; i++) {
		bool named = false;

		for (size_t k = 0; k < sizeof about_nothing / sizeof *about_nothing; k++)
			named = named || strcmp(table[i].name, about_nothing[k]) == 0;
		ck_assert_msg((table[i].object == VT_OBJECT_NOTHING) == named, "'%s'",
			      table[i].name);
		ck_assert_ptr_nonnull(table[i].run);
		for (size_t k = 0; k < i; k++)
			ck_assert_str_ne(table[i].name, table[k].name);
	}
}
END_TEST

START_TEST(nothing_in_the_arguments_makes_somebody_else_of_a_caller)
{
	set_up();
	ck_assert_int_eq(ask_dropping(&stranger, "stop", "{\"uid\": 0, \"subject\": {\"uid\": 0}}"),
			 -EACCES);
	ck_assert(!was_stopped);
	ck_assert_int_eq(ask_dropping(&owner, "stop", "{}"), 0);
	ck_assert(was_stopped);
	tear_down();
}
END_TEST

START_TEST(a_stranger_sends_no_blobs_and_no_large_messages)
{
	struct reply reply;
	char *large = malloc(100000);

	set_up();
	ck_assert_int_eq(ask_with(&stranger, "hello", "{}", "x", 1, -1, &reply), -EMSGSIZE);
	reply_done(&reply);
	(void) snprintf(large, 100000, "{\"x\": \"%090000d\"}", 0);
	ck_assert_int_eq(ask_dropping(&owner, "hello", large), 0);
	free(large);
	tear_down();
}
END_TEST

/* ---- what is asked for ----------------------------------------------------------------------- */

START_TEST(hello_says_who_speaks_and_who_asks)
{
	struct reply reply;

	set_up();
	must(ask(&stranger, "hello", "{}", &reply) == 0);
	ck_assert_int_eq(json_integer_value(json_object_get(reply.result, "protocol")),
			 VT_PROTOCOL);
	ck_assert_int_eq(json_integer_value(json_object_get(reply.result, "caller_uid")), STRANGER);
	ck_assert_str_eq(json_string_value(json_object_get(reply.result, "uuid")),
			 host.service->uuid);
	reply_done(&reply);
	tear_down();
}
END_TEST

START_TEST(an_unknown_request_is_named)
{
	set_up();
	ck_assert_int_eq(ask_dropping(&owner, "frobnicate", "{}"), -ENOSYS);
	ck_assert_ptr_nonnull(strstr(err.text, "frobnicate"));
	tear_down();
}
END_TEST

START_TEST(a_request_that_failed_leaves_the_connection_good)
{
	set_up();
	ck_assert_int_eq(ask_dropping(&owner, "show", "{\"dataset\": \"absent\"}"), -ENOENT);
	ck_assert_int_eq(ask_dropping(&owner, "show", "{\"dataset\": 7}"), -EINVAL);
	ck_assert_int_eq(ask_dropping(&owner, "show", "{}"), -EINVAL);
	ck_assert_int_eq(ask_dropping(&owner, "show", "[]"), -EINVAL);
	ck_assert_int_eq(ask_dropping(&owner, "hello", "{}"), 0);
	tear_down();
}
END_TEST

/* One bad member each; a sentence names it. */
static const struct {
	const char *op, *args, *word;
} bad[] = {
	{"list", "{\"dataset\": \"d\", \"recursive\": 1}", "recursive"},
	{"list", "{\"dataset\": \"d\", \"path\": 1}", "path"},
	{"list", "{\"dataset\": \"d\", \"path_hex\": \"6\"}", "path_hex"},
	{"list", "{\"dataset\": \"d\", \"path_hex\": \"6g\"}", "path_hex"},
	{"list", "{\"dataset\": \"d\", \"path_hex\": \"00\"}", "path_hex"},
	{"show", "{\"dataset\": \"d\", \"version\": false}", "version"},
	{"diff", "{\"dataset\": \"d\"}", "other"},
	{"tag", "{\"dataset\": \"d\"}", "tag"},
	{"untag", "{\"dataset\": \"d\", \"tag\": null}", "tag"},
	{"rollback", "{\"dataset\": \"d\"}", "version"},
	{"withdraw", "{\"dataset\": \"d\"}", "version"},
	{"remove", "{\"dataset\": \"d\", \"dry_run\": 1}", "dry_run"},
	{"gc", "{\"now\": \"yes\"}", "now"},
	{"verify.dictionary", "{\"serial\": -1, \"id\": 1}", "serial"},
	{"verify.dictionary", "{\"serial\": 4294967296, \"id\": 1}", "serial"},
	{"verify.quarantine", "{\"serial\": 1, \"offset\": 1}", "problem"},
	{"import.begin", "{\"dataset\": \"x\", \"as\": 1}", "as"},
	{"import.shard", "{}", "no import"},
	{"import.commit", "{}", "no import"},
	{"mount", "{\"mountpoint\": \"relative\"}", "relative"},
	{"mount", "{\"mountpoint\": \"/mnt\"}", "/dev/fuse"},
	{"mount.adopt", "{}", "without a mount"},
	{"umount", "{}", "mountpoint"},
};

START_TEST(bad_arguments_are_named)
{
	set_up();
	vt_version_unref(service_commit(service_dataset("d", host.service->owner_uid), 1));
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		ck_assert_msg(ask_dropping(&owner, bad[i].op, bad[i].args) == -EINVAL, "%s %s: %s",
			      bad[i].op, bad[i].args, err.text);
		ck_assert_msg(strstr(err.text, bad[i].word), "'%s' has no '%s'", err.text,
			      bad[i].word);
	}
	ck_assert_int_eq(ask_dropping(&owner, "remove", "{\"dataset\": \"d\", \"dry_run\": true}"),
			 0);
	ck_assert_int_eq(ask_dropping(&owner, "show", "{\"dataset\": \"d\"}"), 0);
	tear_down();
}
END_TEST

START_TEST(only_a_descriptor_of_dev_fuse_is_served)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct reply reply;

	set_up();
	ck_assert_int_eq(
		ask_with(&stranger, "mount", "{\"mountpoint\": \"/mnt\"}", NULL, 0, null, &reply),
		-EINVAL);
	reply_done(&reply);
	(void) close(null);
	tear_down();
}
END_TEST

/* The other end of a socket in which a mount of `fd` waits. */
static int ask_to_adopt(struct visit *visit, int fd)
{
	const struct vt_hold hold = {
		.fuse_fd = fd, .state_fd = fd, .mountpoint = (char *) (uintptr_t) "/mnt"};
	struct reply reply;
	int ends[2], r;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	ck_assert_int_eq(vt_holdings_send_mount(ends[0], &hold), 0);
	r = ask_with(visit, "mount.adopt", "{}", NULL, 0, ends[1], &reply);
	reply_done(&reply);
	(void) close(ends[0]);
	(void) close(ends[1]);
	return r;
}

START_TEST(a_mount_with_its_state_is_taken_from_the_owner_and_of_dev_fuse_only)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC);

	set_up();
	ck_assert_int_eq(ask_to_adopt(&stranger, null), -EACCES);
	ck_assert_int_eq(ask_to_adopt(&owner, null), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.text, "/dev/fuse"));
	if (fuse >= 0) { /* else there is none here */
		ck_assert_int_eq(ask_to_adopt(&stranger, fuse), -EACCES);
		must(ask_to_adopt(&owner, fuse) == 0);
		(void) close(fuse);
	}
	(void) close(null);
	tear_down();
}
END_TEST

START_TEST(a_version_is_shown_with_its_tags)
{
	const struct vt_version *version;
	struct reply reply;

	set_up();
	version = service_commit(service_dataset("d", host.service->owner_uid), 1);
	must(ask(&owner, "tag", "{\"dataset\": \"d\", \"tag\": \"good\"}", &reply) == 0);
	reply_done(&reply);
	must(ask(&owner, "show", "{\"dataset\": \"d\", \"version\": \"good\"}", &reply) == 0);
	ck_assert_str_eq(json_string_value(json_object_get(reply.result, "version")), "v1");
	ck_assert_str_eq(json_string_value(json_object_get(reply.result, "created")),
			 "1970-01-01T00:00:00Z");
	ck_assert(json_is_true(json_object_get(reply.result, "latest")));
	ck_assert_uint_eq(json_array_size(json_object_get(reply.result, "tags")), 1);
	reply_done(&reply);
	must(ask(&owner, "untag", "{\"dataset\": \"d\", \"tag\": \"good\"}", &reply) == 0);
	ck_assert_uint_eq(json_array_size(json_object_get(reply.result, "tags")), 0);
	reply_done(&reply);
	must(ask(&owner, "versions", "{\"dataset\": \"d\"}", &reply) == 0);
	ck_assert_uint_eq(json_array_size(reply.rows), 1);
	reply_done(&reply);
	must(ask(&owner, "datasets", "{}", &reply) == 0);
	ck_assert_str_eq(
		json_string_value(json_object_get(json_array_get(reply.rows, 0), "latest")), "v1");
	reply_done(&reply);
	vt_version_unref(version);
	tear_down();
}
END_TEST

START_TEST(a_withdrawn_version_is_shown_but_not_its_files)
{
	set_up();
	vt_version_unref(service_commit(service_dataset("d", host.service->owner_uid), 1));
	must(ask_dropping(&owner, "withdraw",
			  "{\"dataset\": \"d\", \"version\": \"v1\", \"reason\": \"wrong\"}") == 0);
	ck_assert_int_eq(ask_dropping(&owner, "show", "{\"dataset\": \"d\", \"version\": \"v1\"}"),
			 0);
	ck_assert_int_eq(ask_dropping(&owner, "list", "{\"dataset\": \"d\", \"version\": \"v1\"}"),
			 -EACCES);
	ck_assert_ptr_nonnull(strstr(err.text, "wrong"));
	ck_assert_int_eq(ask_dropping(&owner, "cat",
				      "{\"dataset\": \"d\", \"version\": \"v1\", \"path\": \"a\"}"),
			 -EACCES);
	tear_down();
}
END_TEST

/* ---- imports --------------------------------------------------------------------------------- */

START_TEST(an_import_ends_with_its_connection)
{
	struct visit publisher;
	struct reply reply;
	char dir[4096];

	set_up();
	visit_begin(&publisher, host.service->owner_uid);
	must(ask(&publisher, "import.begin", "{\"dataset\": \"d\"}", &reply) == 0);
	(void) snprintf(dir, sizeof dir, "%s",
			json_string_value(json_object_get(reply.result, "dir")));
	reply_done(&reply);
	ck_assert_int_eq(access(dir, F_OK), 0);
	ck_assert_uint_eq(host.imports, 1);
	ck_assert_int_eq(ask_dropping(&publisher, "import.begin", "{\"dataset\": \"d\"}"), -EBUSY);
	visit_end(&publisher);
	ck_assert_int_ne(access(dir, F_OK), 0);
	ck_assert_uint_eq(host.imports, 0);
	tear_down();
}
END_TEST

START_TEST(an_import_answers_in_blobs)
{
	const uint8_t digests[64] = {1};
	struct reply reply;

	set_up();
	must(ask(&owner, "import.begin", "{\"dataset\": \"d\"}", &reply) == 0);
	reply_done(&reply);
	must(ask_with(&owner, "import.known", "{}", digests, 64, -1, &reply) == 0);
	ck_assert_uint_eq(reply.blobs.len, 2 * 24);
	reply_done(&reply);
	must(ask_with(&owner, "import.pages", "{}", digests, 64, -1, &reply) == 0);
	ck_assert_uint_eq(reply.blobs.len, 2 * 8);
	reply_done(&reply);
	ck_assert_int_eq(ask_with(&owner, "import.known", "{}", digests, 63, -1, &reply), -EINVAL);
	reply_done(&reply);
	must(ask_with(&owner, "import.known", "{}", NULL, 0, -1, &reply) == 0);
	ck_assert_uint_eq(reply.blobs.len, 0);
	reply_done(&reply);
	tear_down();
}
END_TEST

START_TEST(a_commit_must_be_whole)
{
	static const char *const commits[] = {
		"{}",
		"{\"version\": []}",
		"{\"version\": {\"message\": \"m\"}}",
		"{\"version\": {\"message\": \"m\", \"licence\": \"\", \"files\": -1}}",
		"{\"version\": {\"message\": \"m\", \"licence\": \"\", \"files\": 0, "
		"\"directories\": 0, \"symlinks\": 0, \"bytes\": 0, \"stored_bytes\": 0, "
		"\"outline\": 0, \"document_body\": [0]}, \"page\": 1, \"links\": 0}",
	};
	struct reply reply;

	set_up();
	must(ask(&owner, "import.begin", "{\"dataset\": \"d\"}", &reply) == 0);
	reply_done(&reply);
	for (size_t i = 0; i < sizeof commits / sizeof *commits; i++)
		ck_assert_int_eq(ask_dropping(&owner, "import.commit", commits[i]), -EINVAL);
	must(ask(&owner, "datasets", "{}", &reply) == 0);
	reply_done(&reply);
	tear_down();
}
END_TEST

/* Where the one page of an empty tree goes. */
struct page_file {
	struct vt_sst *sst;
	uint64_t id;
};

static int put_page(void *context, struct vt_new_page *pages, size_t count, struct vt_error *e)
{
	struct page_file *file = context;
	uint8_t key[8];

	ck_assert_uint_eq(count, 1);
	pages->id = file->id;
	vt_key_u64(file->id, key);
	return vt_sst_put(file->sst, key, sizeof key, pages->value.data, pages->value.len, e);
}

/* Writes `path` and the tree that goes into the blob of a commit. */
static void build_empty_tree(const char *path, uint64_t id, struct vt_buf *out)
{
	struct page_file file = {.id = id};
	const struct vt_page_sink sink = {.put = put_page, .context = &file};
	const struct vt_entry root = {.type = VT_DIRECTORY, .mode = 0755};
	vt_cleanup(vt_tree_builder_freep) struct vt_tree_builder *builder = NULL;
	struct vt_tree tree = {0};
	uint64_t rows;

	must(vt_sst_new(path, &file.sst, &err) == 0);
	must(vt_tree_builder_new(&sink, &builder, &err) == 0);
	must(vt_tree_builder_finish(builder, &root, &tree, &err) == 0);
	must(vt_sst_finish(file.sst, &rows, &err) == 0);
	vt_sst_free(file.sst);
	must(vt_tree_encode(&tree, out, &err) == 0);
}

/* Up to the commit. Returns the id of the root's page. */
static uint64_t import_empty_tree(struct vt_buf *tree)
{
	struct reply begun, taken;
	char path[4096], args[128];
	uint64_t id;

	must(ask(&owner, "import.begin", "{\"dataset\": \"d\", \"as\": \"first\"}", &begun) == 0);
	(void) snprintf(args, sizeof args, "{\"counter\": %d, \"count\": 1}", VT_COUNTER_PAGE);
	must(ask(&owner, "import.take", args, &taken) == 0);
	id = (uint64_t) json_integer_value(json_object_get(taken.result, "first"));
	(void) snprintf(path, sizeof path, "%s/pages.sst",
			json_string_value(json_object_get(begun.result, "dir")));
	reply_done(&begun);
	reply_done(&taken);
	build_empty_tree(path, id, tree);
	(void) snprintf(args, sizeof args, "{\"family\": %d, \"file\": \"pages.sst\"}", VT_CF_PAGE);
	must(ask_dropping(&owner, "import.ingest", args) == 0);
	return id;
}

START_TEST(a_committed_version_is_its_callers_and_of_now)
{
	static const char version[] =
		"{\"message\": \"m\", \"licence\": \"CC0\", \"author\": \"ann\", \"files\": 0, "
		"\"directories\": 0, \"symlinks\": 0, \"bytes\": 0, \"stored_bytes\": 0, "
		"\"outline\": 0, \"document_body\": [0, 0, 0, 0, 0, 0]}";
	vt_cleanup(vt_version_unrefp) const struct vt_version *found = NULL;
	vt_cleanup(vt_buf_done) struct vt_buf tree = VT_BUF_INIT;
	struct reply reply;
	char args[1024];
	uint64_t page;

	set_up();
	vt_clock_set_realtime_ns(1000000000 * VT_NS_PER_SEC);
	page = import_empty_tree(&tree);
	(void) snprintf(args, sizeof args,
			"{\"version\": %s, \"shards\": [], \"page\": %llu, \"links\": 0}", version,
			(unsigned long long) page);
	must(ask_with(&owner, "import.commit", args, tree.data, tree.len, -1, &reply) == 0);
	ck_assert_str_eq(json_string_value(json_object_get(reply.result, "version")), "first");
	ck_assert_str_eq(json_string_value(json_object_get(reply.result, "author")), "ann");
	ck_assert_str_eq(json_string_value(json_object_get(reply.result, "created")),
			 "2001-09-09T01:46:40Z");
	reply_done(&reply);
	must(vt_catalog_resolve(host.service->index->catalog, 1, "first", &found, &err) == 0);
	ck_assert_uint_eq(found->author_uid, host.service->owner_uid);
	ck_assert(!vt_digest_is_zero(&found->tree_digest));
	ck_assert_uint_eq(host.imports, 0);
	/* It is over: the connection may begin another. */
	ck_assert_int_eq(ask_dropping(&owner, "import.shard", "{}"), -EINVAL);
	must(ask_dropping(&owner, "import.begin", "{\"dataset\": \"d\"}") == 0);
	ck_assert_int_eq(ask_dropping(&stranger, "list", "{\"dataset\": \"d\"}"), -EACCES);
	vt_clock_set_realtime_ns(0);
	tear_down();
}
END_TEST

VT_SUITE(requests, a_stranger_gets_nothing_from_any_row_and_cannot_tell_hidden_from_absent,
	 rows_about_nothing_are_known_by_name,
	 nothing_in_the_arguments_makes_somebody_else_of_a_caller,
	 a_stranger_sends_no_blobs_and_no_large_messages, hello_says_who_speaks_and_who_asks,
	 an_unknown_request_is_named, a_request_that_failed_leaves_the_connection_good,
	 bad_arguments_are_named, only_a_descriptor_of_dev_fuse_is_served,
	 a_mount_with_its_state_is_taken_from_the_owner_and_of_dev_fuse_only,
	 a_version_is_shown_with_its_tags, a_withdrawn_version_is_shown_but_not_its_files,
	 an_import_ends_with_its_connection, an_import_answers_in_blobs, a_commit_must_be_whole,
	 a_committed_version_is_its_callers_and_of_now)
