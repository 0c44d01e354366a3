/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Damaged archives and compressed files: a flipped bit or a missing end is refused as damage, or it
 * makes no difference to the tree; never is anything else published. In every format that has sums
 * to check, read as a file, through a pipe, and by --decompress.
 */
#include <archive.h>
#include <archive_entry.h>
#include <stdio.h>

#include "tests/unit/publish_world.h"

static struct world w;

/* Making */

enum data { RANDOM, NUMBERS };

#define DATA_SIZE 150000u

static void fill(enum data kind, uint8_t data[DATA_SIZE])
{
	char line[16];

	fill_random(data, DATA_SIZE, 7);
	for (size_t at = 0, i = 0; kind == NUMBERS && at < DATA_SIZE; i++) {
		size_t len = (size_t) snprintf(line, sizeof line, "%zu\n", i * i % 77777);

		memcpy(data + at, line, len < DATA_SIZE - at ? len : DATA_SIZE - at);
		at += len;
	}
}

/* One member "f", by libarchive: what needs no program. */
static void write_archive(const char *name, enum data kind, int format, int filter,
			  const char *options)
{
	static uint8_t data[DATA_SIZE];
	struct archive *out = archive_write_new();
	struct archive_entry *entry = archive_entry_new();

	fill(kind, data);
	ck_assert_int_eq(archive_write_set_format(out, format), ARCHIVE_OK);
	ck_assert_int_eq(archive_write_add_filter(out, filter), ARCHIVE_OK);
	if (options)
		ck_assert_int_eq(archive_write_set_options(out, options), ARCHIVE_OK);
	ck_assert_int_eq(archive_write_open_filename(out, world_path(&w, name)), ARCHIVE_OK);
	archive_entry_set_pathname(entry, "f");
	archive_entry_set_filetype(entry, AE_IFREG);
	archive_entry_set_perm(entry, 0644);
	archive_entry_set_mtime(entry, 1000, 0);
	archive_entry_set_size(entry, DATA_SIZE);
	ck_assert_int_eq(archive_write_header(out, entry), ARCHIVE_OK);
	ck_assert_int_eq(archive_write_data(out, data, DATA_SIZE), DATA_SIZE);
	archive_entry_free(entry);
	ck_assert_int_eq(archive_write_close(out), ARCHIVE_OK);
	ck_assert_int_eq(archive_write_free(out), ARCHIVE_OK);
}

static void write_tar(enum data kind)
{
	write_archive("f.tar", kind, ARCHIVE_FORMAT_TAR_USTAR, ARCHIVE_FILTER_NONE, NULL);
}

static void make_gzip(const char *name, enum data kind)
{
	write_tar(kind); /* random bytes make stored blocks */
	world_run(&w, "gzip -1 < f.tar > made");
	ck_assert_int_eq(rename(world_path(&w, "made"), world_path(&w, name)), 0);
}

static void make_zstd(const char *name, enum data kind)
{
	write_tar(kind);
	world_run(&w, "zstd -q < f.tar > made");
	ck_assert_int_eq(rename(world_path(&w, "made"), world_path(&w, name)), 0);
}

static void make_xz(const char *name, enum data kind)
{
	write_archive(name, kind, ARCHIVE_FORMAT_TAR_USTAR, ARCHIVE_FILTER_XZ, NULL);
}

static void make_bzip2(const char *name, enum data kind)
{
	write_archive(name, kind, ARCHIVE_FORMAT_TAR_USTAR, ARCHIVE_FILTER_BZIP2, NULL);
}

static void make_lz4(const char *name, enum data kind)
{
	write_archive(name, kind, ARCHIVE_FORMAT_TAR_USTAR, ARCHIVE_FILTER_LZ4, NULL);
}

static void make_stored_zip(const char *name, enum data kind)
{
	write_archive(name, kind, ARCHIVE_FORMAT_ZIP, ARCHIVE_FILTER_NONE, "zip:compression=store");
}

static void make_deflated_zip(const char *name, enum data kind)
{
	write_archive(name, kind, ARCHIVE_FORMAT_ZIP, ARCHIVE_FILTER_NONE, NULL);
}

static void make_7zip(const char *name, enum data kind)
{
	write_archive(name, kind, ARCHIVE_FORMAT_7ZIP, ARCHIVE_FILTER_NONE, NULL);
}

static void make_stored_7zip(const char *name, enum data kind)
{
	write_archive(name, kind, ARCHIVE_FORMAT_7ZIP, ARCHIVE_FILTER_NONE,
		      "7zip:compression=store");
}

/* Without the first `head` bytes it is no such file any more; at the end stand `tail` bytes that
 * are not data. Names in a zip, which no sum covers, lie in both. */
static const struct format {
	const char *name;
	void (*make)(const char *name, enum data kind);
	size_t head, tail;
} formats[] = {
	{"a.tar.gz", make_gzip, 2, 0},
	{"a.tar.zst", make_zstd, 4, 0},
	{"a.tar.xz", make_xz, 6, 0},
	{"a.tar.bz2", make_bzip2, 10, 0},
	{"a.tar.lz4", make_lz4, 4, 0},
	{"stored.zip", make_stored_zip, 120, 200},
	{"a.zip", make_deflated_zip, 120, 200},
	{"a.7z", make_7zip, 6, 0},
	{"stored.7z", make_stored_7zip, 6, 0},
};

/* Publishing */

static int publish_file(const char *name)
{
	return world_publish(&w, name);
}

static int publish_pipe(const char *name)
{
	const char *const sources[] = {"-"};
	vt_autoclose int saved = dup(STDIN_FILENO);
	char command[512];
	FILE *pipe;
	int r;

	(void) snprintf(command, sizeof command, "exec cat '%s'", world_path(&w, name));
	pipe = popen(command, "r");
	ck_assert_ptr_nonnull(pipe);
	ck_assert_int_eq(dup2(fileno(pipe), STDIN_FILENO), STDIN_FILENO);
	r = world_publish_many(&w, sources, 1);
	ck_assert_int_eq(dup2(saved, STDIN_FILENO), STDIN_FILENO);
	(void) pclose(pipe);
	return r;
}

/* As the only file of a folder. */
static int publish_decompressed(const char *name)
{
	char command[512];

	(void) snprintf(command, sizeof command,
			"rm -f src/* && cp '%s' src && touch -d @1000 src/* src", name);
	world_run(&w, command);
	w.options.decompress = true;
	w.options.checksum = true;
	return world_publish(&w, "src");
}

/* Damaging */

static struct whole {
	const struct format *format;
	int (*publish)(const char *name);
	struct vt_digest tree;
	size_t len;
	uint8_t *bytes;
} whole;

static void begin(const struct format *format, enum data kind, int (*publish)(const char *name))
{
	static uint8_t bytes[4 * DATA_SIZE];
	vt_autoclose int fd = -1;

	format->make(format->name, kind);
	fd = open(world_path(&w, format->name), O_RDONLY);
	whole = (struct whole){.format = format, .publish = publish, .bytes = bytes};
	whole.len = (size_t) read(fd, bytes, sizeof bytes);
	ck_assert_uint_gt(whole.len, format->head + format->tail);
	ck_published(&w, publish(format->name));
	whole.tree = w.result.tree_digest;
}

/* Publishes the whole's bytes as they are now. */
static int publish_now(size_t len)
{
	world_put(&w, whole.format->name, whole.bytes, len);
	return whole.publish(whole.format->name);
}

static void check_refusal(int r, const char *how, size_t at)
{
	const char *name = whole.publish == publish_pipe ? "standard input" : whole.format->name;

	ck_assert_msg(r == -EBADMSG, "%s, %s at %zu of %zu: %d, %s", whole.format->name, how, at,
		      whole.len, r, w.err.text);
	ck_assert_msg(strstr(w.err.text, name), "'%s' not in '%s'", name, w.err.text);
}

static void flip(size_t at, uint8_t bits)
{
	int r;

	whole.bytes[at] ^= bits;
	r = publish_now(whole.len);
	whole.bytes[at] ^= bits;
	if (r == 0)
		ck_assert_msg(vt_digest_equal(&whole.tree, &w.result.tree_digest),
			      "%s: another tree was published with byte %zu of %zu flipped by %x",
			      whole.format->name, at, whole.len, bits);
	else
		check_refusal(r, "flipped", at);
}

/* All near either end, where headers and sums are, and `count` between. */
static void flip_many(size_t count)
{
	size_t begin = whole.format->head, end = whole.len - whole.format->tail;

	for (size_t i = 0; i < 12; i++) {
		flip(begin + i, (uint8_t) (1u << i % 8));
		flip(end - 1 - i, (uint8_t) (1u << i % 8));
	}
	for (size_t i = 0; i < count; i++)
		flip(begin + (end - begin) / count * i + i, i % 3 ? 0xff : (uint8_t) (1u << i % 8));
}

static void truncate_many(size_t count)
{
	for (size_t i = 0; i < count; i++) {
		size_t len = whole.format->head + (whole.len - whole.format->head) / count * i;

		check_refusal(publish_now(len), "truncated", len);
	}
	for (size_t i = 1; i < 10; i += 2)
		check_refusal(publish_now(whole.len - i), "truncated", whole.len - i);
}

#define FORMATS (sizeof formats / sizeof *formats)

TEST(flipped_bits_are_refused_or_make_no_difference)
{
	for (size_t i = 0; i < 2 * FORMATS; i++) {
		begin(&formats[i / 2], i % 2 ? NUMBERS : RANDOM, publish_file);
		flip_many(12);
	}
}

TEST(a_missing_end_is_damage)
{
	for (size_t i = 0; i < 2 * FORMATS; i++) {
		begin(&formats[i / 2], i % 2 ? NUMBERS : RANDOM, publish_file);
		truncate_many(6);
	}
}

TEST(a_pipe_is_judged_as_a_file_is)
{
	for (size_t i = 0; i < FORMATS; i++) {
		struct vt_digest tree;

		begin(&formats[i], RANDOM, publish_file);
		tree = whole.tree;
		begin(&formats[i], RANDOM, publish_pipe);
		ck_assert(vt_digest_equal(&tree, &whole.tree));
		flip_many(2);
		truncate_many(2);
	}
}

TEST(a_damaged_file_is_not_decompressed)
{
	static const struct format compressed[] = {{"f.tar.gz", make_gzip, 2, 0},
						   {"f.tar.zst", make_zstd, 4, 0}};

	for (size_t i = 0; i < 4; i++) {
		begin(&compressed[i / 2], i % 2 ? NUMBERS : RANDOM, publish_decompressed);
		flip_many(12);
		truncate_many(6);
	}
}

/* What stands behind the end */

/* A tar is over long before its padding is, and the sums come behind that. */
TEST(the_padding_of_a_tar_is_read_to_the_end)
{
	static const char *const sums[] = {"gz", "zst"}; /* theirs come last of all */
	char name[16];
	struct stat st;

	write_tar(NUMBERS);
	world_run(&w, "truncate -s 3M f.tar && gzip -k f.tar && zstd -q f.tar");
	for (size_t i = 0; i < 2; i++) {
		uint8_t byte;
		vt_autoclose int fd = -1;

		(void) snprintf(name, sizeof name, "f.tar.%s", sums[i]);
		ck_published(&w, world_publish(&w, name));
		fd = open(world_path(&w, name), O_RDWR);
		ck_assert_int_eq(fstat(fd, &st), 0);
		ck_assert_int_eq(pread(fd, &byte, 1, st.st_size - 1), 1);
		byte ^= 1;
		ck_assert_int_eq(pwrite(fd, &byte, 1, st.st_size - 1), 1);
		world_refuse(&w, -EBADMSG, name, name);
	}
}

TEST(gzip_members_may_follow_each_other)
{
	static uint8_t data[DATA_SIZE];

	fill(NUMBERS, data);
	write_tar(NUMBERS);
	world_run(
		&w,
		"head -c 70000 f.tar | gzip > a.tar.gz && tail -c +70001 f.tar | gzip >> a.tar.gz && "
		"printf '' | gzip >> a.tar.gz && head -c 10000 /dev/zero >> a.tar.gz");
	ck_published(&w, world_publish(&w, "a.tar.gz"));
	world_check(&w, "f", data, sizeof data);
	ck_assert_uint_eq(w.warnings, 0);
}

TEST(what_follows_gzip_data_is_ignored_with_a_warning)
{
	write_tar(NUMBERS);
	world_run(&w, "gzip < f.tar > a.tar.gz && echo garbage >> a.tar.gz");
	ck_published(&w, world_publish(&w, "a.tar.gz"));
	ck_assert_uint_eq(w.warnings, 1);
	ck_assert_ptr_nonnull(strstr(w.warning, "a.tar.gz"));

	world_run(&w, "mv a.tar.gz src");
	w.options.decompress = true;
	ck_published(&w, world_publish(&w, "src"));
	ck_assert_uint_eq(w.warnings, 2);
	w.options.strict = true;
	w.options.checksum = true;
	world_refuse(&w, -EINVAL, "src", "a.tar.gz");
	world_refuse(&w, -EINVAL, "src/a.tar.gz", "a.tar.gz");
}

TEST(a_gzip_member_with_a_wrong_header_is_not_taken_for_garbage)
{
	static const char *const heads[] = {"\\036\\213\\010", "\\037\\212\\010", "\\037\\213\\011",
					    "\\037", "\\037\\213"};
	char command[128];

	write_tar(NUMBERS);
	for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
		(void) snprintf(command, sizeof command, "(gzip < f.tar; printf '%s') > a.tar.gz%s",
				heads[i], i < 3 ? " && gzip < f.tar | tail -c +4 >> a.tar.gz" : "");
		world_run(&w, command);
		world_refuse(&w, -EBADMSG, "a.tar.gz", "a.tar.gz");
	}
}

TEST(what_follows_other_data_is_damage)
{
	static const struct {
		const char *name;
		void (*make)(const char *name, enum data kind);
	} others[] = {{"a.tar.zst", make_zstd},
		      {"a.tar.xz", make_xz},
		      {"a.tar.bz2", make_bzip2},
		      {"a.tar.lz4", make_lz4}};
	char command[128];

	for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
		others[i].make(others[i].name, NUMBERS);
		(void) snprintf(command, sizeof command, "echo garbage and more >> %s",
				others[i].name);
		world_run(&w, command);
		world_refuse(&w, -EBADMSG, others[i].name, others[i].name);
	}
}

/* How much is taken off */

TEST(an_archive_may_be_compressed_twice)
{
	static uint8_t data[DATA_SIZE];

	fill(NUMBERS, data);
	write_tar(NUMBERS);
	world_run(&w,
		  "gzip < f.tar | zstd -q > a.tar.gz.zst && zstd -q < f.tar | gzip > a.tar.zst.gz");
	ck_published(&w, world_publish(&w, "a.tar.gz.zst"));
	world_check(&w, "f", data, sizeof data);
	ck_published(&w, world_publish(&w, "a.tar.zst.gz"));
	world_check(&w, "f", data, sizeof data);
}

TEST(decompressing_takes_off_what_the_name_says)
{
	static uint8_t data[1000];
	vt_autoclose int fd = -1;
	ssize_t n;

	world_run(
		&w,
		"echo inner | gzip -n > twice && gzip < twice > src/g.gz && zstd -q < twice > src/z.zst && "
		"printf '' | gzip > src/e.gz && printf '' | zstd -q > src/f.zst");
	w.options.decompress = true;
	ck_published(&w, world_publish(&w, "src"));
	fd = open(world_path(&w, "twice"), O_RDONLY);
	n = read(fd, data, sizeof data);
	world_check(&w, "g", data, (size_t) n);
	world_check(&w, "z", data, (size_t) n);
	world_check(&w, "e", "", 0);
	world_check(&w, "f", "", 0);
}

TEST(a_zip_from_a_pipe_keeps_what_its_directory_says)
{
	struct vt_node node;

	world_run(&w,
		  "ln -s target src/link && echo run > src/run && chmod 751 src/run && cd src && "
		  "zip -q -y ../a.zip link run && cd .. && gzip < a.zip > a.zip.gz");
	for (int i = 0; i < 2; i++) {
		ck_published(&w, publish_pipe(i ? "a.zip.gz" : "a.zip"));
		ck_published(&w, world_find(&w, "link", &node));
		ck_assert_int_eq(node.entry.type, VT_SYMLINK);
		vt_node_done(&node);
		ck_published(&w, world_find(&w, "run", &node));
		ck_assert_uint_eq(node.entry.mode, 0751);
		vt_node_done(&node);
	}
}

TEST(what_is_no_archive_is_not_called_damaged)
{
	world_run(
		&w,
		"seq 9999 > text && gzip < text > text.gz && : > empty && head -c 9999 /dev/urandom > noise");
	world_refuse(&w, -EINVAL, "text", "not an archive");
	world_refuse(&w, -EINVAL, "text.gz", "not an archive");
	world_refuse(&w, -EINVAL, "empty", "not an archive");
	world_refuse(&w, -EINVAL, "noise", "not an archive");
	ck_assert_int_eq(publish_pipe("text"), -EINVAL);
	ck_assert_int_eq(publish_pipe("text.gz"), -EINVAL);
	ck_assert_ptr_nonnull(strstr(w.err.text, "'standard input' is not an archive"));
}

VT_SUITE(publish_damage, flipped_bits_are_refused_or_make_no_difference, a_missing_end_is_damage,
	 a_pipe_is_judged_as_a_file_is, a_damaged_file_is_not_decompressed,
	 the_padding_of_a_tar_is_read_to_the_end, gzip_members_may_follow_each_other,
	 what_follows_gzip_data_is_ignored_with_a_warning,
	 a_gzip_member_with_a_wrong_header_is_not_taken_for_garbage,
	 what_follows_other_data_is_damage, an_archive_may_be_compressed_twice,
	 decompressing_takes_off_what_the_name_says,
	 a_zip_from_a_pipe_keeps_what_its_directory_says, what_is_no_archive_is_not_called_damaged)
