/* SPDX-License-Identifier: Apache-2.0 */
/* Publishing archives: good ones come back whole, hostile and damaged ones publish nothing. */
#include <archive.h>
#include <archive_entry.h>

#include "tests/unit/publish_world.h"

static struct world w;
static struct archive *out;

/* Writing */

static void begin_tar(const char *name)
{
	out = archive_write_new();
	ck_assert_int_eq(archive_write_set_format_pax(out), ARCHIVE_OK);
	ck_assert_int_eq(archive_write_open_filename(out, world_path(&w, name)), ARCHIVE_OK);
}

static void end_archive(void)
{
	ck_assert_int_eq(archive_write_close(out), ARCHIVE_OK);
	ck_assert_int_eq(archive_write_free(out), ARCHIVE_OK);
}

static struct archive_entry *new_entry(const char *path, mode_t type, mode_t mode)
{
	struct archive_entry *entry = archive_entry_new();

	archive_entry_set_pathname(entry, path);
	archive_entry_set_filetype(entry, type);
	archive_entry_set_perm(entry, mode);
	archive_entry_set_mtime(entry, 1000, 5);
	return entry;
}

static void put_header(struct archive_entry *entry)
{
	ck_assert_int_eq(archive_write_header(out, entry), ARCHIVE_OK);
	archive_entry_free(entry);
}

static void add_file(const char *path, const void *data, size_t len)
{
	struct archive_entry *entry = new_entry(path, AE_IFREG, 0644);

	archive_entry_set_size(entry, (la_int64_t) len);
	put_header(entry);
	ck_assert_int_eq(archive_write_data(out, data, len), (la_ssize_t) len);
}

static void add_hard_link(const char *path, const char *target)
{
	struct archive_entry *entry = new_entry(path, AE_IFREG, 0644);

	archive_entry_set_hardlink(entry, target);
	archive_entry_set_size(entry, 0);
	put_header(entry);
}

/* Good ones */

static void check_target(const char *path, const char *target)
{
	struct vt_node node;

	ck_published(&w, world_find(&w, path, &node));
	ck_assert_int_eq(node.entry.type, VT_SYMLINK);
	ck_assert_uint_eq(node.entry.target_len, strlen(target));
	ck_assert_mem_eq(node.entry.target, target, node.entry.target_len);
	vt_node_done(&node);
}

TEST(members_of_all_kinds_come_back)
{
	static uint8_t large[1500000];
	struct archive_entry *entry;
	struct vt_node node;

	fill_random(large, sizeof large, 9);
	begin_tar("a.tar");
	put_header(new_entry("./d/", AE_IFDIR, 0710));
	add_file("./d/small", "small", 5);
	add_file("./d//large", large, sizeof large);
	add_file("implied/deeper/empty", "", 0);
	entry = new_entry("link", AE_IFLNK, 0777);
	archive_entry_set_symlink(entry, "../any/where");
	put_header(entry);
	entry = new_entry("attributed", AE_IFREG, 06600);
	archive_entry_set_size(entry, 0);
	archive_entry_xattr_add_entry(entry, "user.z", "1", 1);
	archive_entry_xattr_add_entry(entry, "security.capability", "1", 1);
	put_header(entry);
	add_hard_link("name", "./d/small");
	end_archive();
	ck_published(&w, world_publish(&w, "a.tar"));

	world_check(&w, "d/small", "small", 5);
	world_check(&w, "d/large", large, sizeof large);
	world_check(&w, "implied/deeper/empty", "", 0);
	world_check(&w, "name", "small", 5);
	ck_published(&w, world_find(&w, "d", &node));
	ck_assert_uint_eq(node.entry.mode, 0710);
	ck_assert_int_eq(node.entry.mtime_sec, 1000);
	ck_assert_uint_eq(node.entry.mtime_nsec, 5);
	vt_node_done(&node);
	ck_published(&w, world_find(&w, "implied/deeper", &node));
	ck_assert_uint_eq(node.entry.mode, 0755);
	ck_assert_int_eq(node.entry.mtime_sec, 1000);
	vt_node_done(&node);
	ck_published(&w, world_find(&w, "link", &node));
	ck_assert_int_eq(node.entry.type, VT_SYMLINK);
	ck_assert_uint_eq(node.entry.target_len, 12);
	vt_node_done(&node);
	ck_published(&w, world_find(&w, "attributed", &node));
	ck_assert_uint_eq(node.entry.mode, 0600);
	ck_assert_uint_gt(node.entry.xattrs_len, 0);
	ck_assert_uint_lt(node.entry.xattrs_len, 20); /* one attribute only */
	vt_node_done(&node);
	ck_published(&w, world_find(&w, "name", &node));
	ck_assert(node.entry.linked);
	vt_node_done(&node);
	ck_assert_uint_eq(w.result.counts.files, 5);
	ck_assert_uint_eq(w.result.counts.directories, 3);
}

TEST(a_directory_and_its_archives_have_the_same_tree)
{
	static const char *const archives[] = {"a.tar", "a.tar.gz", "a.tar.zst", "a.tar.xz"};

	world_run(
		&w,
		"mkdir -p src/x/y src/empty && seq 100000 > src/x/numbers && echo hi > src/x/y/f && "
		"printf 'caf\\303\\251' > \"src/x/$(printf 'caf\\303\\251')\" && "
		"printf raw > \"src/$(printf '\\377\\376')\" && ln src/x/y/f src/other && "
		"ln -s x/y src/s && chmod 755 src && touch -d @1700000000 src src/* src/x/* src/x/y/* && "
		"tar --format=pax -C src -cf a.tar . && gzip -k a.tar && zstd -q a.tar && xz -k a.tar");
	ck_published(&w, world_publish(&w, "src"));
	for (size_t i = 0; i < sizeof archives / sizeof *archives; i++) {
		ck_published(&w, world_publish(&w, archives[i]));
		ck_assert_uint_eq(w.result.new_bytes, 0);
		/* The root's time is not the archive's to say: compare what is below. */
		ck_assert_uint_eq(w.result.counts.files, 5);
		ck_assert_uint_eq(w.result.added + w.result.removed + w.result.changed, 0);
	}
}

/* Composed, decomposed, and no UTF-8 at all; python writes pax headers, GNU tar none. */
TEST(names_in_a_tar_are_the_bytes_that_they_are)
{
	world_run(
		&w,
		"python3 -c \"import io, tarfile, os\n"
		"for form, to in ((tarfile.PAX_FORMAT, 'pax.tar'), (tarfile.GNU_FORMAT, 'gnu.tar')):\n"
		" t = tarfile.open(to, 'w', format=form)\n"
		" for n in (b'caf\\303\\251', b'cafe\\314\\201', b'\\377'):\n"
		"  i = tarfile.TarInfo(os.fsdecode(n)); i.size = len(n); t.addfile(i, io.BytesIO(n))\n"
		"  i = tarfile.TarInfo('to-' + i.name); i.type = tarfile.SYMTYPE\n"
		"  i.linkname = os.fsdecode(n); t.addfile(i)\n"
		" t.close()\"");
	for (int i = 0; i < 2; i++) {
		ck_published(&w, world_publish(&w, i == 0 ? "pax.tar" : "gnu.tar"));
		world_check(&w, "caf\303\251", "caf\303\251", 5);
		world_check(&w, "cafe\314\201", "cafe\314\201", 6);
		world_check(&w, "\377", "\377", 1);
		check_target("to-cafe\314\201", "cafe\314\201");
	}
}

TEST(a_tar_in_the_old_compress_comes_back)
{
	static const uint8_t reserved[] = {0x1f, 0x9d, 0xff, 0};

	out = archive_write_new();
	ck_assert_int_eq(archive_write_set_format_pax(out), ARCHIVE_OK);
	ck_assert_int_eq(archive_write_add_filter_compress(out), ARCHIVE_OK);
	ck_assert_int_eq(archive_write_open_filename(out, world_path(&w, "a.tar.Z")), ARCHIVE_OK);
	add_file("f", "text", 4);
	end_archive();
	ck_published(&w, world_publish(&w, "a.tar.Z"));
	world_check(&w, "f", "text", 4);
	world_put(&w, "bad.tar.Z", reserved, sizeof reserved);
	world_refuse(&w, -EBADMSG, "bad.tar.Z", "damaged");
}

TEST(zip_members_come_back)
{
	world_run(
		&w,
		"mkdir src/d && seq 50000 > src/d/numbers && echo hi > src/hi && cd src && "
		"python3 -c \"import zipfile; z = zipfile.ZipFile('../a.zip', 'w', zipfile.ZIP_DEFLATED); "
		"z.write('d/numbers'); z.write('hi')\"");
	ck_published(&w, world_publish(&w, "a.zip"));
	world_check(&w, "hi", "hi\n", 3);
	ck_assert_uint_eq(w.result.counts.bytes, 288894 + 3);
}

TEST(standard_input_is_an_archive)
{
	const char *const sources[] = {"-"};
	vt_autoclose int saved = dup(STDIN_FILENO);
	int fd;

	begin_tar("a.tar");
	add_file("f", "from afar", 9);
	end_archive();
	world_run(&w, "mkfifo pipe && (cat a.tar > pipe &)");
	fd = open(world_path(&w, "pipe"), O_RDONLY);
	ck_assert_int_eq(dup2(fd, STDIN_FILENO), STDIN_FILENO);
	(void) close(fd);
	ck_published(&w, world_publish_many(&w, sources, 1));
	ck_assert_int_eq(dup2(saved, STDIN_FILENO), STDIN_FILENO);
	world_check(&w, "f", "from afar", 9);
	ck_assert_uint_gt(atomic_load(&w.progress.bytes), 1000);
}

TEST(an_archive_merges_with_a_directory)
{
	const char *const sources[] = {world_path(&w, "src"), world_path(&w, "a.tar")};

	begin_tar("a.tar");
	add_file("d/two", "2", 1);
	end_archive();
	ck_assert_int_eq(mkdir(world_path(&w, "src/d"), 0700), 0);
	world_put_text(&w, "src/d/one", "1");
	ck_published(&w, world_publish_many(&w, sources, 2));
	world_check(&w, "d/one", "1", 1);
	world_check(&w, "d/two", "2", 1);
}

TEST(sparse_members_have_holes)
{
	static uint8_t data[1 << 20];

	world_run(
		&w,
		"printf begin > src/s && truncate -s 1M src/s && printf mid | dd of=src/s bs=1 seek=500000 "
		"conv=notrunc status=none && tar --format=pax -S -C src -cf a.tar s");
	memcpy(data, "begin", 5);
	memcpy(data + 500000, "mid", 3);
	ck_published(&w, world_publish(&w, "a.tar"));
	ck_assert_uint_eq(world_check(&w, "s", data, sizeof data), 2);
}

TEST(small_members_are_held_back_for_a_dictionary)
{
	char name[32], text[3000];

	begin_tar("a.tar");
	for (int i = 0; i < 3000; i++) {
		int len = 0;

		for (int j = 0; j < 1 + i % 40; j++)
			len += snprintf(text + len, sizeof text - (size_t) len,
					"{\"species\": %d, \"seen\": \"%d-%d\"}\n", i, j, i * j);
		(void) snprintf(name, sizeof name, "%d", i);
		add_file(name, text, (size_t) len);
	}
	end_archive();
	ck_published(&w, world_publish(&w, "a.tar"));
	ck_assert_uint_lt(w.result.counts.stored_bytes * 3, w.result.counts.bytes);
	world_check(&w, "0", "{\"species\": 0, \"seen\": \"0-0\"}\n", 30);
	ck_assert_uint_eq(w.result.counts.files, 3000);
}

/* Hostile ones */

TEST(names_that_lead_out_are_refused)
{
	static const char *const names[] = {"/etc/passwd", "../up", "a/../../up", "a/..", ".."};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		begin_tar("a.tar");
		add_file("good", "1", 1);
		add_file(names[i], "1", 1);
		end_archive();
		world_refuse(&w, -EINVAL, "a.tar", names[i]);
	}
}

TEST(a_name_twice_in_one_archive_is_refused)
{
	begin_tar("a.tar");
	add_file("x", "1", 1);
	add_file("./x", "2", 1);
	end_archive();
	world_refuse(&w, -EINVAL, "a.tar", "'x' comes twice");
}

TEST(a_member_below_a_file_is_refused)
{
	begin_tar("a.tar");
	add_file("x", "1", 1);
	add_file("x/y", "2", 1);
	end_archive();
	world_refuse(&w, -EINVAL, "a.tar", "'x'");
}

TEST(a_hard_link_to_nothing_or_to_later_is_refused)
{
	begin_tar("a.tar");
	add_file("x", "1", 1);
	add_hard_link("y", "missing");
	end_archive();
	world_refuse(&w, -EBADMSG, "a.tar", "'missing'");

	begin_tar("b.tar");
	add_hard_link("y", "x");
	add_file("x", "1", 1);
	end_archive();
	world_refuse(&w, -EBADMSG, "b.tar", "'y' names 'x'");
}

/* Some small, one that is read in pieces, a name with a header of its own. Gives its length. */
static off_t make_long_archive(const char *format)
{
	static uint8_t large[300000];
	char name[200] = {0};
	struct stat st;

	fill_random(large, sizeof large, 4);
	out = archive_write_new();
	ck_assert_int_eq(archive_write_set_format_by_name(out, format), ARCHIVE_OK);
	ck_assert_int_eq(archive_write_set_bytes_in_last_block(out, 1), ARCHIVE_OK);
	ck_assert_int_eq(archive_write_open_filename(out, world_path(&w, "long.a")), ARCHIVE_OK);
	add_file("one", large, 600);
	add_file("large", large, sizeof large);
	add_file(memset(name, 'n', sizeof name - 1), large, 600);
	add_file("last", large, 600);
	end_archive();
	ck_assert_int_eq(stat(world_path(&w, "long.a"), &st), 0);
	return st.st_size;
}

static void refuse_cut(const char *format, off_t size)
{
	ck_assert_int_eq(truncate(world_path(&w, "long.a"), size), 0);
	ck_assert_msg(world_publish(&w, "long.a") < 0, "%s, cut to %lld", format, (long long) size);
	ck_assert_ptr_nonnull(strstr(w.err.text, "long.a"));
}

/* A tar ends with two blocks of zeros, of which one will do. */
TEST(a_tar_that_is_cut_short_is_refused)
{
	static const char *const formats[] = {"pax", "gnutar"};

	for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
		off_t end = make_long_archive(formats[i]) - 512;

		ck_assert_int_eq(truncate(world_path(&w, "long.a"), end), 0);
		ck_published(&w, world_publish(&w, "long.a"));
		for (; end > 0; end -= 512) {
			if (end > 2048 && end < 300000)
				continue;
			refuse_cut(formats[i], end - 1);
			refuse_cut(formats[i], end - 211);
			refuse_cut(formats[i], end - 512);
		}
	}
}

/* What is cut behind a member is one member less, and nothing tells. */
TEST(an_ar_that_is_cut_inside_of_a_header_is_refused)
{
	off_t size = make_long_archive("arbsd");

	for (off_t cut = size - 601; cut > size - 660; cut--)
		refuse_cut("arbsd", cut);
}

TEST(a_flipped_bit_in_a_zip_is_noticed)
{
	vt_autoclose int fd = -1;
	uint8_t byte;

	world_run(&w,
		  "seq 50000 > numbers && "
		  "python3 -c \"import zipfile; zipfile.ZipFile('a.zip', 'w').write('numbers')\"");
	fd = open(world_path(&w, "a.zip"), O_RDWR);
	ck_assert_int_eq(pread(fd, &byte, 1, 1000), 1);
	byte ^= 1;
	ck_assert_int_eq(pwrite(fd, &byte, 1, 1000), 1);
	world_refuse(&w, -EBADMSG, "a.zip", "numbers");
}

TEST(an_encrypted_zip_is_named_as_such)
{
	out = archive_write_new();
	ck_assert_int_eq(archive_write_set_format_zip(out), ARCHIVE_OK);
	ck_assert_int_eq(archive_write_set_options(out, "zip:encryption=zipcrypt"), ARCHIVE_OK);
	ck_assert_int_eq(archive_write_set_passphrase(out, "secret"), ARCHIVE_OK);
	ck_assert_int_eq(archive_write_open_filename(out, world_path(&w, "a.zip")), ARCHIVE_OK);
	add_file("hidden", "text", 4);
	end_archive();
	world_refuse(&w, -ENOTSUP, "a.zip", "encrypted");
}

TEST(a_single_compressed_file_is_no_archive)
{
	world_run(&w, "echo '{}' > x.jsonl && zstd -q x.jsonl && gzip -k x.jsonl");
	world_refuse(&w, -EINVAL, "x.jsonl.zst", "--decompress");
	world_refuse(&w, -EINVAL, "x.jsonl.gz", "--decompress");
	world_refuse(&w, -EINVAL, "x.jsonl", "--decompress");
}

TEST(random_bytes_never_crash)
{
	static uint8_t data[20000];
	struct stat st;
	vt_autoclose int fd = -1;

	begin_tar("good.tar");
	add_file("a/b", "text", 4);
	add_hard_link("c", "a/b");
	end_archive();
	ck_assert_int_eq(stat(world_path(&w, "good.tar"), &st), 0);
	fd = open(world_path(&w, "good.tar"), O_RDONLY);
	for (uint64_t seed = 1; seed < 40; seed++) {
		size_t len = (size_t) pread(fd, data, sizeof data, 0);

		for (size_t i = seed * 37 % 512; i < len; i += 97 + seed)
			data[i] ^= (uint8_t) (seed * i);
		world_put(&w, "bad.tar", data, len);
		(void) world_publish(&w, "bad.tar"); /* whatever it says */
	}
}

VT_SUITE(publish_archive, members_of_all_kinds_come_back,
	 a_directory_and_its_archives_have_the_same_tree,
	 names_in_a_tar_are_the_bytes_that_they_are, a_tar_in_the_old_compress_comes_back,
	 zip_members_come_back, standard_input_is_an_archive, an_archive_merges_with_a_directory,
	 sparse_members_have_holes, small_members_are_held_back_for_a_dictionary,
	 names_that_lead_out_are_refused, a_name_twice_in_one_archive_is_refused,
	 a_member_below_a_file_is_refused, a_hard_link_to_nothing_or_to_later_is_refused,
	 a_tar_that_is_cut_short_is_refused, an_ar_that_is_cut_inside_of_a_header_is_refused,
	 a_flipped_bit_in_a_zip_is_noticed, an_encrypted_zip_is_named_as_such,
	 a_single_compressed_file_is_no_archive, random_bytes_never_crash)
