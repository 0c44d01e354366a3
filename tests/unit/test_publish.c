/* SPDX-License-Identifier: Apache-2.0 */
/* A publish as a whole, from directories: what goes in can be read back, and is stored once. */
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/xattr.h>

#include "index/link.h"
#include "tests/unit/publish_world.h"

static struct world w;

static int link_file(const struct world *world, const char *from, const char *to)
{
	return link(world_path(world, from), world_path(world, to));
}

/* Bytes of the latest version's own list of changes, which is stored, too. */
static uint64_t changes_size(void)
{
	const struct vt_version *version = world_latest(&w);
	uint64_t size = version->document_body[VT_DOCUMENT_CHANGES];

	vt_version_unref(version);
	return size;
}

static void run_on(const char *command)
{
	ck_assert_int_eq(system(command), 0);
}

TEST(files_of_all_sizes_come_back)
{
	static const size_t sizes[] = {0,     1,      100,    4095,   4096,   8000,
				       65536, 131071, 131072, 131073, 262144, 3000000};
	static uint8_t data[3000000];
	char name[32];

	for (int round = 0; round < 2; round++) /* random, then repetitive */
		for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
			fill_random(data, sizes[i], sizes[i]);
			for (size_t j = 0; round && j < sizes[i]; j++)
				data[j] = "abcdefgh01234567"[data[j] % 16];
			(void) snprintf(name, sizeof name, "src/%d-%zu", round, sizes[i]);
			world_put(&w, name, data, sizes[i]);
		}
	ck_published(&w, world_publish(&w, "src"));
	for (int round = 0; round < 2; round++)
		for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
			fill_random(data, sizes[i], sizes[i]);
			for (size_t j = 0; round && j < sizes[i]; j++)
				data[j] = "abcdefgh01234567"[data[j] % 16];
			(void) snprintf(name, sizeof name, "%d-%zu", round, sizes[i]);
			ck_assert_uint_eq(world_check(&w, name, data, sizes[i]), 0);
		}
	ck_assert_uint_eq(w.result.counts.files, 24);
	ck_assert_str_eq(w.result.made.name, "v1");
}

TEST(any_name_a_folder_can_hold_is_kept)
{
	static const char *const names[] = {"src/new\nline", "src/\xff\xfe", "src/-rf", "src/ ",
					    "src/...",       "src/a",        "src/a-b", "src/a!"};
	struct vt_node node;
	char longest[300] = "src/";

	memset(longest + 4, 'x', 255);
	world_put_text(&w, longest, "long");
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (i != 5)
			world_put_text(&w, names[i], names[i]);
	ck_assert_int_eq(mkdir(world_path(&w, "src/a"), 0755), 0); /* between a! and a-b */
	world_put_text(&w, "src/a/b", "b");
	ck_published(&w, world_publish(&w, "src"));
	world_check(&w, longest + 4, "long", 4);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (i != 5)
			world_check(&w, names[i] + 4, names[i], strlen(names[i]));
	ck_published(&w, world_find(&w, "a/b", &node));
	vt_node_done(&node);
}

TEST(attributes_are_kept_and_setuid_is_not)
{
	static const struct timespec times[2] = {{1, 2}, {1234567890, 987654321}};
	struct vt_xattr xattr;
	size_t state = 0;
	struct vt_node node;

	world_put_text(&w, "src/file", "text");
	ck_assert_int_eq(mkdir(world_path(&w, "src/empty"), 01750), 0);
	ck_assert_int_eq(chmod(world_path(&w, "src/empty"), 01750), 0);
	ck_assert_int_eq(symlink("no/where", world_path(&w, "src/link")), 0);
	(void) setxattr(world_path(&w, "src/file"), "user.b", "2", 1, 0);
	if (setxattr(world_path(&w, "src/file"), "user.a", "one", 3, 0) < 0)
		ck_assert_int_eq(errno, ENOTSUP);
	(void) setxattr(world_path(&w, "src/file"), "trusted.x", "no", 2, 0);
	ck_assert_int_eq(chmod(world_path(&w, "src/file"), 06641), 0);
	ck_assert_int_eq(utimensat(AT_FDCWD, world_path(&w, "src/file"), times, 0), 0);
	ck_assert_int_eq(chmod(world_path(&w, "src"), 0711), 0);
	ck_published(&w, world_publish(&w, "src"));

	ck_published(&w, world_find(&w, "file", &node));
	ck_assert_uint_eq(node.entry.mode, 0641);
	ck_assert_int_eq(node.entry.mtime_sec, 1234567890);
	ck_assert_uint_eq(node.entry.mtime_nsec, 987654321);
	if (node.entry.xattrs_len) {
		ck_assert_int_eq(
			vt_xattrs_next(node.entry.xattrs, node.entry.xattrs_len, &state, &xattr),
			1);
		ck_assert_int_eq(memcmp(xattr.name, "user.a", xattr.name_len), 0);
		ck_assert_int_eq(
			vt_xattrs_next(node.entry.xattrs, node.entry.xattrs_len, &state, &xattr),
			1);
		ck_assert_int_eq(
			vt_xattrs_next(node.entry.xattrs, node.entry.xattrs_len, &state, &xattr),
			0);
	}
	vt_node_done(&node);
	ck_published(&w, world_find(&w, "empty", &node));
	ck_assert_int_eq(node.entry.type, VT_DIRECTORY);
	ck_assert_uint_eq(node.entry.mode, 01750);
	vt_node_done(&node);
	ck_published(&w, world_find(&w, "link", &node));
	ck_assert_int_eq(node.entry.type, VT_SYMLINK);
	ck_assert_int_eq(memcmp(node.entry.target, "no/where", node.entry.target_len), 0);
	vt_node_done(&node);
	ck_published(&w, world_find(&w, "", &node));
	ck_assert_uint_eq(node.entry.mode, 0711);
	vt_node_done(&node);
}

TEST(hard_links_inside_the_source_stay_links)
{
	const struct vt_version *version;
	struct vt_link link;
	struct vt_node node;

	world_put_text(&w, "src/m", "shared");
	ck_assert_int_eq(mkdir(world_path(&w, "src/b"), 0755), 0);
	ck_assert_int_eq(link_file(&w, "src/m", "src/a"), 0);
	ck_assert_int_eq(link_file(&w, "src/m", "src/b/c"), 0);
	world_put_text(&w, "outside", "half");
	ck_assert_int_eq(link_file(&w, "outside", "src/z"), 0);
	ck_published(&w, world_publish(&w, "src"));
	/* positions: a 1, b 2, b/c 3, m 4, z 5 */
	version = world_latest(&w);
	ck_assert_uint_eq(version->tree.link_count, 3);
	ck_assert_uint_eq(version->counts.bytes, 10);
	ck_assert_uint_eq(version->counts.files, 4);
	ck_published(&w, vt_link_find(w.direct.index->store, version->tree.links, 4, false, &link,
				      &w.err));
	ck_assert_uint_eq(link.primary, 1);
	ck_assert_uint_eq(link.count, 3);
	vt_version_unref(version);
	for (unsigned i = 0; i < 3; i++)
		world_check(&w, i == 0 ? "a" : i == 1 ? "b/c" : "m", "shared", 6);
	ck_published(&w, world_find(&w, "z", &node));
	ck_assert(!node.entry.linked);
	vt_node_done(&node);
}

TEST(equal_content_is_stored_once)
{
	static uint8_t data[1 << 20];
	char name[32];

	fill_random(data, sizeof data, 7);
	for (int i = 0; i < 20; i++) {
		(void) snprintf(name, sizeof name, "src/%d", i);
		world_put(&w, name, data, i % 2 ? sizeof data : 50000);
	}
	ck_published(&w, world_publish(&w, "src"));
	ck_assert_uint_eq(w.result.new_bytes, sizeof data + 50000);
	for (int i = 0; i < 2; i++)
		world_check(&w, i ? "1" : "0", data, i ? sizeof data : 50000);
}

TEST(what_did_not_change_is_not_read_again)
{
	char name[32];

	for (int i = 0; i < 1000; i++) {
		(void) snprintf(name, sizeof name, "src/%d", i);
		world_put_text(&w, name, name);
	}
	world_pass_time();
	ck_published(&w, world_publish(&w, "src"));
	ck_assert_uint_eq(w.result.unchanged, 0);
	world_put_text(&w, "src/500", "changed");
	ck_published(&w, world_publish(&w, "src"));
	ck_assert_uint_eq(w.result.unchanged, 999);
	ck_assert_uint_eq(w.result.new_bytes, 7);
	ck_assert_uint_gt(changes_size(), 0);
	ck_assert_uint_eq(w.result.changed, 1);
	ck_assert_uint_eq(w.result.added + w.result.removed, 0);
	world_check(&w, "500", "changed", 7);
	world_check(&w, "999", "src/999", 7);

	ck_published(&w, world_publish(&w, "src"));
	ck_assert(w.result.same_as_parent);
	ck_assert_uint_eq(w.result.unchanged, 1000);
	ck_assert_uint_eq(w.direct.shards, 0);
	w.options.checksum = true;
	ck_published(&w, world_publish(&w, "src"));
	ck_assert(w.result.same_as_parent);
	ck_assert_uint_eq(w.result.unchanged, 0);
}

TEST(a_stamp_of_the_scan_s_own_second_is_not_believed)
{
	world_put_text(&w, "src/a", "1");
	ck_published(&w, world_publish(&w, "src"));
	ck_published(&w, world_publish(&w, "src"));
	ck_assert(w.result.same_as_parent);
	ck_assert_uint_eq(w.result.unchanged, 0);
}

/* 20 MB of rows, of which one in a hundred changes, in ten places. */
TEST(an_edited_table_shares_most_of_its_bytes)
{
	size_t rows = 200000, row = 100;
	char *table = malloc(rows * row + 1);

	ck_assert_ptr_nonnull(table);
	for (size_t i = 0; i < rows; i++)
		(void) snprintf(table + i * row, row + 1,
				"{\"id\": %8zu, \"hash\": \"%016zx\", \"text\": \"%043zx\"}\n", i,
				i * 0x9e3779b97f4a7c15u, i * i * 0x123456789abcdefu);
	world_put(&w, "src/table.jsonl", table, rows * row);
	ck_published(&w, world_publish(&w, "src"));
	world_check(&w, "table.jsonl", table, rows * row);
	for (size_t place = 0; place < 10; place++)
		for (size_t i = 0; i < rows / 1000; i++)
			memcpy(table + (place * rows / 10 + 777 + i) * row + 50, "edited", 6);
	memmove(table + 500 * row + 13, table + 500 * row,
		(rows - 501) * row); /* and an insertion */
	world_put(&w, "src/table.jsonl", table, rows * row);
	ck_published(&w, world_publish(&w, "src"));
	ck_assert_uint_lt(w.result.new_bytes, rows * row * 8 / 100);
	ck_assert_uint_gt(w.result.new_bytes, 0);
	world_check(&w, "table.jsonl", table, rows * row);
	free(table);
}

TEST(zeros_become_holes_and_holes_zeros)
{
	static uint8_t data[1 << 20];
	vt_autoclose int fd = -1;

	fill_random(data, sizeof data, 3);
	memset(data + 100000, 0, 400000);
	memset(data + 900000, 0, sizeof data - 900000); /* to the end, which is no whole block */
	world_put(&w, "src/dense", data, sizeof data - 5);
	fd = open(world_path(&w, "src/sparse"), O_WRONLY | O_CREAT, 0644);
	ck_assert_int_eq(pwrite(fd, data, 100000, 0), 100000);
	ck_assert_int_eq(pwrite(fd, data + 500000, 400000, 500000), 400000);
	ck_assert_int_eq(ftruncate(fd, sizeof data - 5), 0);
	world_put(&w, "src/zeros", data + 110000, 128 << 10);
	world_put(&w, "src/few", data + 110000, (64 << 10) - 1);
	ck_published(&w, world_publish(&w, "src"));
	ck_assert_uint_eq(world_check(&w, "dense", data, sizeof data - 5), 2);
	ck_assert_uint_eq(world_check(&w, "sparse", data, sizeof data - 5), 2);
	ck_assert_uint_eq(world_check(&w, "zeros", data + 110000, 128 << 10), 1);
	ck_assert_uint_eq(world_check(&w, "few", data + 110000, (64 << 10) - 1), 0);
	ck_assert_uint_lt(w.result.new_bytes, 700000);
}

TEST(a_huge_hole_costs_no_bytes)
{
	struct vt_node node;
	vt_autoclose int fd = open(world_path(&w, "src/huge"), O_WRONLY | O_CREAT, 0644);

	ck_assert_int_eq(pwrite(fd, "end", 3, 300 << 20), 3);
	ck_published(&w, world_publish(&w, "src"));
	ck_assert_uint_eq(w.result.new_bytes, 3);
	ck_published(&w, world_find(&w, "huge", &node));
	ck_assert_uint_eq(node.entry.size, (300 << 20) + 3);
	vt_node_done(&node);
}

/* Sources that meet */

TEST(directories_of_one_name_merge_and_the_last_describes_them)
{
	const char *const sources[] = {world_path(&w, "src"), world_path(&w, "two")};
	struct vt_node node;

	ck_assert_int_eq(mkdir(world_path(&w, "src/d"), 0700), 0);
	world_put_text(&w, "src/d/one", "1");
	ck_assert_int_eq(mkdir(world_path(&w, "two"), 0777), 0);
	ck_assert_int_eq(mkdir(world_path(&w, "two/d"), 0750), 0);
	world_put_text(&w, "two/d/two", "2");
	ck_published(&w, world_publish_many(&w, sources, 2));
	world_check(&w, "d/one", "1", 1);
	world_check(&w, "d/two", "2", 1);
	ck_published(&w, world_find(&w, "d", &node));
	ck_assert_uint_eq(node.entry.mode, 0750);
	vt_node_done(&node);
	ck_published(&w, world_find(&w, "", &node));
	ck_assert_uint_eq(node.entry.mode, 0755);
	vt_node_done(&node);
}

TEST(a_name_that_comes_twice_is_an_error_that_names_both_sources)
{
	const char *const sources[] = {world_path(&w, "src"), world_path(&w, "two")};

	ck_assert_int_eq(mkdir(world_path(&w, "two"), 0755), 0);
	world_put_text(&w, "src/same", "1");
	world_put_text(&w, "two/same", "1");
	ck_assert_int_eq(world_publish_many(&w, sources, 2), -EINVAL);
	ck_assert_ptr_nonnull(strstr(w.err.text, "'same'"));
	ck_assert_ptr_nonnull(strstr(w.err.text, "/src'"));
	ck_assert_ptr_nonnull(strstr(w.err.text, "/two'"));
}

TEST(a_file_and_a_directory_of_one_name_are_an_error)
{
	const char *const sources[] = {world_path(&w, "src"), world_path(&w, "two")};

	ck_assert_int_eq(mkdir(world_path(&w, "two"), 0755), 0);
	ck_assert_int_eq(mkdir(world_path(&w, "two/x"), 0755), 0);
	world_put_text(&w, "two/x/below", "1");
	world_put_text(&w, "src/x", "1");
	ck_assert_int_eq(world_publish_many(&w, sources, 2), -EINVAL);
	ck_assert_ptr_nonnull(strstr(w.err.text, "'x'"));
}

/* What goes wrong */

static void change_first_file(void *context, const char *sentence)
{
	(void) context;
	(void) sentence;
	world_put_text(&w, "src/victim", "something else");
}

static int publish_while(void (*warn)(void *, const char *))
{
	const char *const sources[] = {world_path(&w, "src"), world_path(&w, "two")};
	struct direct *direct = &w.direct;
	int r;

	/* The fifo of the second source makes the scan call us after the first was scanned. */
	ck_assert_int_eq(mkdir(world_path(&w, "two"), 0755), 0);
	ck_assert_int_eq(mkfifo(world_path(&w, "two/fifo"), 0644), 0);
	ck_published(&w, vt_import_begin(direct->index, "birds", NULL, 1000, &direct->import,
					 &direct->info, &w.err));
	w.options.sources = sources;
	w.options.source_count = 2;
	w.options.warn = warn;
	r = vt_publish(direct_backend(direct), &direct->info, "birds", NULL, &w.options, &w.result,
		       &w.err);
	vt_import_free(direct->import);
	return r;
}

static void check_nothing_left(void)
{
	char *store = strdup(world_path(&w, "store"));

	ck_assert_int_eq(rmdir(world_path(&w, "store/tmp")), 0);
	ck_assert_int_eq(rmdir(world_path(&w, "store/shards")), 0);
	free(store);
}

TEST(a_file_that_changes_meanwhile_ends_the_publish_by_name)
{
	world_put_text(&w, "src/victim", "as scanned");
	ck_assert_int_eq(publish_while(change_first_file), -ESTALE);
	ck_assert_ptr_nonnull(strstr(w.err.text, "/src/victim'"));
	check_nothing_left();
}

static void remove_first_file(void *context, const char *sentence)
{
	ck_assert_int_eq(unlink(world_path(&w, "src/victim")), 0);
	ck_assert_int_eq(symlink("/etc/passwd", world_path(&w, "src/victim")), 0);
}

TEST(a_file_that_becomes_a_symlink_is_not_followed)
{
	world_put_text(&w, "src/victim", "as scanned");
	ck_assert_int_eq(publish_while(remove_first_file), -ESTALE);
}

static atomic_bool cancel;

static void cancel_now(void *context, const char *sentence)
{
	atomic_store(&cancel, true);
}

TEST(cancelling_leaves_nothing)
{
	static uint8_t data[3 << 20];

	atomic_store(&cancel, false);
	w.options.cancel = &cancel;
	fill_random(data, sizeof data, 1);
	world_put(&w, "src/data", data, sizeof data);
	ck_assert_int_eq(publish_while(cancel_now), -EINTR);
	check_nothing_left();
}

TEST(sockets_are_skipped_with_a_word_or_refused)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	vt_autoclose int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	(void) snprintf(address.sun_path, sizeof address.sun_path, "%s", world_path(&w, "src/s"));
	ck_assert_int_eq(bind(fd, (struct sockaddr *) &address, sizeof address), 0);
	world_put_text(&w, "src/file", "1");
	ck_published(&w, world_publish(&w, "src"));
	ck_assert_uint_eq(w.warnings, 1);
	ck_assert_str_eq(w.warning, "skipped socket 's'");
	ck_assert_uint_eq(w.result.skipped, 1);
	w.options.strict = true;
	ck_assert_int_eq(world_publish(&w, "src"), -EINVAL);
	ck_assert_ptr_nonnull(strstr(w.err.text, "'s'"));
}

TEST(a_dry_run_counts_but_writes_nothing)
{
	static uint8_t data[300000];

	fill_random(data, sizeof data, 1);
	world_put(&w, "src/1", data, sizeof data);
	world_put(&w, "src/2", data, sizeof data);
	w.options.dry_run = true;
	ck_published(&w, world_publish(&w, "src"));
	ck_assert_uint_eq(w.result.new_bytes, sizeof data);
	ck_assert_uint_eq(w.result.counts.files, 2);
	ck_assert_uint_eq(w.direct.shards, 0);
	check_nothing_left();
}

TEST(an_unreadable_source_is_named)
{
	ck_assert_int_eq(world_publish(&w, "absent"), -ENOENT);
	ck_assert_ptr_nonnull(strstr(w.err.text, "absent"));
}

TEST(a_path_longer_than_the_kernel_takes_comes_back)
{
	char name[201] = "", path[30 * 201 + 8] = "";
	vt_autoclose int dir = open(world_path(&w, "src"), O_RDONLY | O_DIRECTORY);
	vt_autoclose int fd = -1;

	memset(name, 'd', 200);
	for (int i = 0; i < 30; i++) {
		int below;

		ck_assert_int_eq(mkdirat(dir, name, 0755), 0);
		below = openat(dir, name, O_RDONLY | O_DIRECTORY);
		ck_assert_int_ge(below, 0);
		(void) close(dir);
		dir = below;
		strcat(strcat(path, name), "/");
	}
	fd = openat(dir, "file", O_WRONLY | O_CREAT, 0644);
	ck_assert_int_eq(write(fd, "deep", 4), 4);
	ck_published(&w, world_publish(&w, "src"));
	world_check(&w, strcat(path, "file"), "deep", 4);
	/* Too deep for nftw(). */
	(void) snprintf(path, sizeof path, "rm -rf '%s'", world_path(&w, "src"));
	run_on(path);
}

/* Many small files */

TEST(small_files_share_a_dictionary_and_come_back)
{
	char name[32], text[6000];

	for (int i = 0; i < 2000; i++) {
		size_t len = 0, end = 100 + (size_t) (i * 37 % 5000);

		for (int j = 0; len < end; j++)
			len += (size_t) snprintf(text + len, sizeof text - len,
						 "{\"name\": \"bird %d\", \"weight\": %d}\n", i * j,
						 i + j * 7);
		(void) snprintf(name, sizeof name, "src/%d.json", i);
		world_put(&w, name, text, end);
	}
	ck_published(&w, world_publish(&w, "src"));
	ck_assert_uint_lt(w.result.counts.stored_bytes * 4, w.result.counts.bytes);
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 2000; i += 17) {
			size_t len = 0, end = 100 + (size_t) (i * 37 % 5000);

			for (int j = 0; len < end; j++)
				len += (size_t) snprintf(
					text + len, sizeof text - len,
					"{\"name\": \"bird %d\", \"weight\": %d}\n", i * j,
					i + j * 7);
			(void) snprintf(name, sizeof name, "%d.json", i);
			world_check(&w, name, text, end);
		}
		world_put_text(&w, "src/another.json", "{\"name\": \"bird 1\", \"weight\": 2}\n");
		ck_published(&w, world_publish(&w, "src"));
		if (round == 0)
			ck_assert_uint_ne(w.direct.info.dictionary, 0);
	}
}

TEST(the_number_of_threads_changes_no_digest)
{
	static uint8_t data[2 << 20];
	struct vt_digest first;
	char name[32];

	fill_random(data, sizeof data, 1);
	memset(data + (1 << 20), 0, 200000);
	for (int i = 0; i < 600; i++) {
		(void) snprintf(name, sizeof name, "src/%d", i);
		world_put(&w, name, data + i, i % 50 ? (size_t) (i * 11) : sizeof data - 1000);
	}
	w.options.threads = 1;
	ck_published(&w, world_publish(&w, "src"));
	first = w.result.tree_digest;
	for (unsigned threads = 2; threads < 9; threads *= 2) {
		w.options.threads = threads;
		w.options.checksum = true;
		ck_published(&w, world_publish(&w, "src"));
		ck_assert(w.result.same_as_parent);
		ck_assert(vt_digest_equal(&first, &w.result.tree_digest));
		ck_assert_uint_eq(w.result.new_bytes, 0);
	}
}

TEST(compressed_files_are_shown_decompressed)
{
	char command[512];
	struct vt_node node;

	world_put_text(&w, "src/a.jsonl", "{}\n{}\n");
	world_put_text(&w, "src/b.txt", "plain");
	(void) snprintf(command, sizeof command,
			"cd '%s/src' && zstd -q --rm a.jsonl && gzip b.txt", w.dir);
	run_on(command);
	w.options.decompress = true;
	ck_published(&w, world_publish(&w, "src"));
	world_check(&w, "a.jsonl", "{}\n{}\n", 6);
	world_check(&w, "b.txt", "plain", 5);
	ck_assert_int_eq(world_find(&w, "a.jsonl.zst", &node), -ENOENT);

	world_put_text(&w, "src/b.txt", "plain, too");
	ck_assert_int_eq(world_publish(&w, "src"), -EINVAL); /* b.txt twice */
	ck_assert_int_eq(unlink(world_path(&w, "src/b.txt")), 0);
	world_put_text(&w, "src/c.gz", "not compressed at all");
	ck_assert_int_eq(world_publish(&w, "src"), -EBADMSG);
	ck_assert_ptr_nonnull(strstr(w.err.text, "c.gz"));
}

TEST(a_truncated_compressed_file_is_damaged)
{
	static uint8_t data[500000];
	char command[512];

	fill_random(data, sizeof data, 1);
	world_put(&w, "src/a", data, sizeof data);
	(void) snprintf(command, sizeof command,
			"cd '%s/src' && zstd -q --rm a && truncate -s 300000 a.zst", w.dir);
	run_on(command);
	w.options.decompress = true;
	ck_assert_int_eq(world_publish(&w, "src"), -EBADMSG);
	ck_assert_ptr_nonnull(strstr(w.err.text, "a.zst"));
}

TEST(a_full_disk_is_an_error_and_leaves_nothing)
{
	static uint8_t data[24 << 20];

	vt_index_close(w.direct.index);
	direct_remove_all(world_path(&w, "store"));
	ck_assert_int_eq(mkdir(world_path(&w, "store"), 0700), 0);
	if (mount("tmpfs", world_path(&w, "store"), "tmpfs", 0, "size=12m") == 0) {
		ck_assert_int_eq(vt_index_create(world_path(&w, "store"), &w.err), 0);
		world_open(&w);
		fill_random(data, sizeof data, 1);
		world_put(&w, "src/data", data, sizeof data);
		ck_assert_int_eq(world_publish(&w, "src"), -ENOSPC);
		vt_index_close(w.direct.index);
		ck_assert_int_eq(umount(world_path(&w, "store")), 0);
	}
	ck_published(&w, vt_index_create(world_path(&w, "store"), &w.err));
	world_open(&w);
}

VT_SUITE(publish, files_of_all_sizes_come_back, any_name_a_folder_can_hold_is_kept,
	 attributes_are_kept_and_setuid_is_not, hard_links_inside_the_source_stay_links,
	 equal_content_is_stored_once, what_did_not_change_is_not_read_again,
	 a_stamp_of_the_scan_s_own_second_is_not_believed, an_edited_table_shares_most_of_its_bytes,
	 zeros_become_holes_and_holes_zeros, a_huge_hole_costs_no_bytes,
	 directories_of_one_name_merge_and_the_last_describes_them,
	 a_name_that_comes_twice_is_an_error_that_names_both_sources,
	 a_file_and_a_directory_of_one_name_are_an_error,
	 a_file_that_changes_meanwhile_ends_the_publish_by_name,
	 a_file_that_becomes_a_symlink_is_not_followed, cancelling_leaves_nothing,
	 sockets_are_skipped_with_a_word_or_refused, a_dry_run_counts_but_writes_nothing,
	 an_unreadable_source_is_named, a_path_longer_than_the_kernel_takes_comes_back,
	 small_files_share_a_dictionary_and_come_back, the_number_of_threads_changes_no_digest,
	 compressed_files_are_shown_decompressed, a_truncated_compressed_file_is_damaged,
	 a_full_disk_is_an_error_and_leaves_nothing)
