/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An archive as a source, by libarchive. It is foreign input: names are checked (member.h),
 * warnings about its data are errors, and only formats that are read in process and refer to
 * nothing outside the archive are asked for (no mtree). A zip is read by its directory: only that
 * tells its links and modes.
 *
 * Small members are bundled for the crew, large ones streamed from this thread. A first publish
 * holds the small ones back until there are enough to make a dictionary of.
 */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <locale.h>
#include <string.h>

#include "index/base/error.h"
#include "tools/publish/archive_bytes.h"
#include "tools/publish/bundle.h"
#include "tools/publish/dictionary.h"
#include "tools/publish/member.h"

#define TAR_BLOCK 512

struct unpack {
	struct vt_publish_context *context;
	struct vt_stream_pool *pool;
	struct vt_source *source;
	uint32_t index;
	struct vt_archive_bytes *bytes;
	struct archive *archive;
	struct vt_bundle *bundle;            /* being filled */
	struct vt_dictionary_sample *sample; /* bundles held back, or NULL */
	struct vt_member member;             /* the current one */
	uint8_t head[VT_SMALL_MAX + 1];
};

/* Members' bytes */

struct member_input {
	struct vt_input input; /* first */
	const struct unpack *unpack;
	const char *path;
	uint64_t got, size; /* size: as the header has it */
	bool sized, sparse;
};

static ssize_t read_archive(struct archive *archive, void *data, size_t len)
{
	ssize_t n;

	do
		n = archive_read_data(archive, data, len);
	while (n == ARCHIVE_RETRY);
	return n;
}

static ssize_t read_member(struct vt_input *input, void *data, size_t len, struct vt_error *err)
{
	struct member_input *in = (struct member_input *) input;
	const struct unpack *unpack = in->unpack;
	ssize_t n = read_archive(unpack->archive, data, len);
	int r = n < 0 ? vt_archive_bytes_failure(unpack->bytes, err) : 0;

	if (r < 0)
		return r;
	if (n < 0)
		return vt_fail(err, EBADMSG, "'%s' in '%s' is damaged: %s", in->path,
			       unpack->source->name, archive_error_string(unpack->archive));
	if (n == 0 && in->sparse && in->got < in->size) { /* a hole at its end */
		n = (ssize_t) (in->size - in->got < len ? in->size - in->got : len);
		memset(data, 0, (size_t) n);
	}
	in->got += (uint64_t) n;
	if (in->sized && (in->got > in->size || (n == 0 && in->got < in->size)))
		return vt_fail(err, EBADMSG,
			       "'%s' in '%s' is damaged: it does not have the size it says",
			       in->path, unpack->source->name);
	return n;
}

static int fail_header(const struct unpack *unpack, struct vt_error *err)
{
	int r = vt_archive_bytes_failure(unpack->bytes, err);

	return r < 0 ? r
		     : vt_fail(err, EBADMSG, "the archive '%s' is damaged: %s",
			       unpack->source->name, archive_error_string(unpack->archive));
}

/* No format took it. */
static int fail_open(const struct unpack *unpack, struct vt_error *err)
{
	const char *name = unpack->source->name;
	int r = vt_archive_bytes_failure(unpack->bytes, err);

	if (r < 0)
		return r;
	if (vt_archive_bytes_has_directory(unpack->bytes))
		return vt_fail(err, EBADMSG,
			       "the archive '%s' is damaged: its directory is not there, as when "
			       "it is truncated",
			       name);
	return vt_fail(
		err, EINVAL,
		"'%s' is not an archive (%s); a single file, compressed or not, is published "
		"by naming its directory (with --decompress to show it decompressed)",
		name, archive_error_string(unpack->archive));
}

static int open_archive(struct unpack *unpack, struct vt_error *err)
{
	static int (*const supported[])(struct archive *) = {
		archive_read_support_format_7zip,         archive_read_support_format_ar,
		archive_read_support_format_cab,          archive_read_support_format_cpio,
		archive_read_support_format_iso9660,      archive_read_support_format_lha,
		archive_read_support_format_rar,          archive_read_support_format_rar5,
		archive_read_support_format_tar,          archive_read_support_format_xar,
		archive_read_support_format_zip_seekable,
	};

	for (size_t i = 0; i < sizeof supported / sizeof *supported; i++)
		(void) supported[i](unpack->archive); /* a warning: not built in, then not known */
	if (vt_archive_bytes_open(unpack->bytes, unpack->archive) != ARCHIVE_OK)
		return fail_open(unpack, err);
	return 0;
}

/* Contents */

static int new_bundle(struct unpack *unpack, struct vt_error *err)
{
	return unpack->bundle ? 0
			      : vt_bundle_new(unpack->context, unpack->pool, &unpack->bundle, err);
}

static int pass_bundle(struct unpack *unpack, struct vt_error *err)
{
	struct vt_bundle *bundle = vt_steal(&unpack->bundle);
	int r;

	if (!unpack->sample) {
		vt_bundle_submit(bundle);
		return 0;
	}
	r = vt_dictionary_sample_hold(unpack->sample, bundle, err);
	if (r <= 0)
		return r;
	vt_dictionary_sample_free(vt_steal(&unpack->sample)); /* it has seen enough */
	return 0;
}

static int store_member(struct unpack *unpack, struct archive_entry *entry, struct vt_item *item,
			struct vt_error *err)
{
	struct member_input input = {
		.input = {read_member},
		.unpack = unpack,
		.path = item->path,
		.sized = archive_entry_size_is_set(entry),
		.size = (uint64_t) archive_entry_size(entry),
		.sparse = archive_entry_sparse_count(entry) > 0,
	};
	struct vt_stored stored;
	size_t len = 0;
	ssize_t n = 1;
	int r;

	item->slot = ++unpack->context->slots;
	while (n > 0 && len <= VT_SMALL_MAX) {
		n = input.input.read(&input.input, unpack->head + len, VT_SMALL_MAX + 1 - len, err);
		if (n < 0)
			return (int) n;
		len += (size_t) n;
	}
	(void) atomic_fetch_add(&unpack->context->progress->total_files, 1);
	if (len > VT_SMALL_MAX) {
		r = vt_stream_store(unpack->pool, unpack->context->threads, unpack->head, len,
				    &input.input, &stored, err);
		if (r < 0)
			return r;
		(void) atomic_fetch_add(&unpack->context->progress->files, 1);
		return vt_content_note(unpack->context->content, item->slot, &stored, err);
	}
	r = new_bundle(unpack, err);
	if (r == 0)
		r = vt_bundle_add_bytes(unpack->bundle, item->slot, unpack->head, len, err);
	if (r == 0 && vt_bundle_is_full(unpack->bundle))
		r = pass_bundle(unpack, err);
	return r;
}

/* Members */

static int take_link(struct unpack *unpack, struct archive_entry *entry, struct vt_item *item,
		     struct vt_error *err)
{
	int r = vt_member_hard_link(&unpack->member, entry, item, err);

	if (r < 0)
		return r;
	unpack->source->links = true;
	if (read_archive(unpack->archive, unpack->head, 1) > 0)
		return vt_fail(err, ENOTSUP, "'%s' in '%s' is a hard link with content of its own",
			       item->path, unpack->source->name);
	item->slot = ++unpack->context->slots; /* tells its place in the archive */
	return 0;
}

/* Leaves the type 0 of what is skipped. */
static int take_typed(struct unpack *unpack, struct archive_entry *entry, struct vt_item *item,
		      struct vt_error *err)
{
	switch (archive_entry_filetype(entry)) {
	case AE_IFDIR:
		item->type = VT_DIRECTORY;
		return 0;
	case AE_IFLNK:
		return vt_member_symlink(&unpack->member, entry, item, err);
	case 0: /* formats without types */
	case AE_IFREG:
		item->type = VT_FILE;
		return store_member(unpack, entry, item, err);
	default:
		return vt_publish_skip(unpack->context, "special file", item->path, err);
	}
}

/* 1: an item, 0: nothing to store. */
static int take_content(struct unpack *unpack, struct archive_entry *entry, struct vt_item *item,
			struct vt_error *err)
{
	int r;

	if (archive_entry_hardlink(entry) || archive_entry_hardlink_utf8(entry))
		r = take_link(unpack, entry, item, err);
	else
		r = take_typed(unpack, entry, item, err);
	return r < 0 ? r : item->type != 0;
}

static int take_member(struct unpack *unpack, struct archive_entry *entry, struct vt_error *err)
{
	struct vt_item item = {.source = unpack->index};
	int r = vt_member_describe(&unpack->member, entry, &item, err);

	if (r <= 0)
		return r;
	vt_note_newest(&unpack->source->newest, (struct timespec){item.mtime_sec, item.mtime_nsec});
	r = take_content(unpack, entry, &item, err);
	return r <= 0 ? r : vt_publish_found(unpack->context, &item, err);
}

static bool is_format(const struct unpack *unpack, int format)
{
	return (archive_format(unpack->archive) & ARCHIVE_FORMAT_BASE_MASK) == format;
}

/* Of a zip: a member and the directory give it different sizes or sums, and libarchive warns. */
static bool contradicts_directory(const struct unpack *unpack)
{
	return is_format(unpack, ARCHIVE_FORMAT_ZIP) &&
	       strncmp(archive_error_string(unpack->archive), "Inconsistent ", 13) == 0;
}

/*
 * libarchive takes the end of the bytes for the end of a tar or an ar, too, in the middle of a
 * header at times. A tar ends with a block of zeros, of which the rest may lack; an ar with a
 * member.
 */
static int check_end(struct unpack *unpack, struct vt_error *err)
{
	int64_t read = archive_filter_bytes(unpack->archive, 0);
	int64_t end = read - archive_read_header_position(unpack->archive);

	if ((is_format(unpack, ARCHIVE_FORMAT_TAR) && end < TAR_BLOCK) ||
	    (is_format(unpack, ARCHIVE_FORMAT_AR) &&
	     (uint64_t) read < vt_archive_bytes_fed(unpack->bytes)))
		return vt_fail(
			err, EBADMSG,
			"the archive '%s' is damaged: its end is missing, as when it is truncated",
			unpack->source->name);
	return vt_archive_bytes_finish(unpack->bytes, err);
}

static int take_members(struct unpack *unpack, struct vt_error *err)
{
	for (;;) {
		struct archive_entry *entry;
		int r = archive_read_next_header(unpack->archive, &entry);

		if (r == ARCHIVE_EOF)
			return check_end(unpack, err);
		if ((r != ARCHIVE_OK && r != ARCHIVE_WARN) ||
		    (r == ARCHIVE_WARN && contradicts_directory(unpack)))
			return fail_header(unpack, err);
		r = take_member(unpack, entry, err);
		if (r == 0)
			r = vt_crew_result(unpack->context->crew, err);
		if (r < 0)
			return r;
	}
}

static int finish_bundles(struct unpack *unpack, struct vt_error *err)
{
	int r = 0;

	if (unpack->bundle)
		r = pass_bundle(unpack, err);
	if (r == 0 && unpack->sample)
		r = vt_dictionary_sample_release(unpack->sample, err);
	return r;
}

static void unpack_free(struct unpack **unpack)
{
	if (!*unpack)
		return;
	vt_bundle_free((*unpack)->bundle);
	vt_dictionary_sample_free((*unpack)->sample);
	(void) archive_read_free((*unpack)->archive);
	vt_archive_bytes_free((*unpack)->bytes);
	vt_member_done(&(*unpack)->member);
	free(*unpack);
}

/*
 * libarchive turns names into the locale's encoding. One that is UTF-8 takes what other formats
 * hold and passes plain bytes through, but composes what a pax header has decomposed (NFC for NFD);
 * one that knows ASCII alone fails at that, and then gives the bytes as they are.
 */
static int read_in_locale(struct unpack *unpack, struct vt_error *err)
{
	const char *name = vt_archive_bytes_is_tar(unpack->bytes) ? "C" : "C.UTF-8";
	locale_t locale = newlocale(LC_CTYPE_MASK, name, (locale_t) 0);
	locale_t before;
	int r;

	if (!locale)
		return vt_fail(err, errno, "the locale %s is missing: %m", name);
	before = uselocale(locale);
	r = open_archive(unpack, err);
	if (r == 0)
		r = take_members(unpack, err);
	(void) uselocale(before);
	freelocale(locale);
	return r;
}

int vt_source_unpack(struct vt_publish_context *context, uint32_t index, struct vt_error *err)
{
	vt_cleanup(unpack_free) struct unpack *unpack = calloc(1, sizeof *unpack);
	int r = 0;

	if (unpack)
		unpack->archive = archive_read_new();
	if (!unpack || !unpack->archive)
		return vt_fail(err, ENOMEM, "no memory to read an archive");
	unpack->context = context;
	unpack->pool = context->pool;
	unpack->source = &context->sources[index];
	unpack->member.archive = unpack->source->name;
	unpack->index = index;
	if (!vt_content_has_dictionary(context->content) && !context->options->dry_run)
		r = vt_dictionary_sample_new(context, &unpack->sample, err);
	if (r == 0)
		r = vt_archive_bytes_new(context, index, &unpack->bytes, err);
	if (r == 0)
		r = read_in_locale(unpack, err);
	return r < 0 ? r : finish_bundles(unpack, err);
}
