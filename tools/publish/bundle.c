/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See bundle.h. A file is compared with the scan's stamp after it was read: an unchanged ctime then
 * speaks for the time of reading, too.
 */
#include "tools/publish/bundle.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "index/base/error.h"
#include "tools/publish/decompress.h"

struct file {
	uint32_t source;
	bool decode, promised, done;
	uint64_t slot, size;
	struct vt_stamp stamp;
	struct vt_digest content; /* if promised */
	size_t path;              /* offset of a NUL-terminated path in paths; directory only */
	size_t data;              /* offset in bytes; archive only */
};

struct vt_bundle {
	struct vt_crew_job job; /* first */
	struct vt_publish_context *context;
	struct vt_stream_pool *pool;
	bool has_bytes; /* an archive's */
	size_t count;
	uint64_t weight; /* bytes to be read */
	struct vt_buf paths, bytes;
	struct file files[VT_PIECES_MAX];
};

/* Small files on their way to vt_content_store(). */
struct tray {
	struct vt_bundle *bundle;
	unsigned thread;
	size_t count;
	struct vt_piece pieces[VT_PIECES_MAX];
	size_t offsets[VT_PIECES_MAX]; /* of their bytes, in `bytes` */
	struct file *files[VT_PIECES_MAX];
	struct vt_buf bytes;
};

int vt_bundle_new(struct vt_publish_context *context, struct vt_stream_pool *pool,
		  struct vt_bundle **out, struct vt_error *err)
{
	struct vt_bundle *bundle = malloc(sizeof *bundle);

	if (!bundle)
		return vt_fail(err, ENOMEM, "no memory for a bundle of files");
	memset(bundle, 0, offsetof(struct vt_bundle, files));
	bundle->context = context;
	bundle->pool = pool;
	*out = bundle;
	return 0;
}

void vt_bundle_free(struct vt_bundle *bundle)
{
	if (!bundle)
		return;
	vt_buf_done(&bundle->paths);
	vt_buf_done(&bundle->bytes);
	free(bundle);
}

int vt_bundle_add_file(struct vt_bundle *bundle, const struct vt_item *item, uint64_t slot,
		       const struct vt_digest *content, uint64_t content_size, struct vt_error *err)
{
	struct file *file = &bundle->files[bundle->count];

	*file = (struct file){.source = item->source,
			      .decode = item->decode,
			      .promised = content,
			      .slot = slot,
			      .size = content ? content_size : item->stamp.size,
			      .stamp = item->stamp,
			      .path = bundle->paths.len};
	if (content)
		file->content = *content;
	else
		bundle->weight += item->decode ? VT_BUNDLE_BYTES : item->stamp.size;
	vt_buf_put(&bundle->paths, item->path, item->path_len);
	/* The stamp is of the file as it is named in the source. */
	if (item->decode)
		vt_buf_put(&bundle->paths, item->target, item->target_len);
	vt_buf_put_u8(&bundle->paths, 0);
	if (vt_buf_failed(&bundle->paths))
		return vt_fail(err, ENOMEM, "no memory for a bundle of files");
	bundle->count++;
	return 0;
}

int vt_bundle_add_bytes(struct vt_bundle *bundle, uint64_t slot, const void *data, size_t len,
			struct vt_error *err)
{
	bundle->files[bundle->count] =
		(struct file){.slot = slot, .size = len, .data = bundle->bytes.len};
	vt_buf_put(&bundle->bytes, data, len);
	if (vt_buf_failed(&bundle->bytes))
		return vt_fail(err, ENOMEM, "no memory for a bundle of files");
	bundle->has_bytes = true;
	bundle->weight += len;
	bundle->count++;
	return 0;
}

bool vt_bundle_is_full(const struct vt_bundle *bundle)
{
	return bundle->count == VT_PIECES_MAX || bundle->weight >= VT_BUNDLE_BYTES;
}

void vt_bundle_sample(const struct vt_bundle *bundle, struct vt_buf *samples, struct vt_buf *sizes)
{
	for (size_t i = 0; i < bundle->count; i++) {
		size_t size = bundle->files[i].size;

		if (size == 0)
			continue;
		vt_buf_put(samples, bundle->bytes.data + bundle->files[i].data, size);
		vt_buf_put(sizes, &size, sizeof size);
	}
}

/* Notes and progress */

static int note(const struct vt_bundle *bundle, struct file *file, const struct vt_stored *stored,
		struct vt_error *err)
{
	struct vt_publish_progress *progress = bundle->context->progress;

	file->done = true;
	(void) atomic_fetch_add(&progress->files, 1);
	if (!bundle->has_bytes) /* of an archive the reader counts */
		(void) atomic_fetch_add(&progress->bytes, file->stamp.size);
	return vt_content_note(bundle->context->content, file->slot, stored, err);
}

/* The promised contents that are still there need not be read. */
static int take_promised(struct vt_bundle *bundle, struct vt_error *err)
{
	struct vt_digest digests[VT_PIECES_MAX];
	struct vt_known known[VT_PIECES_MAX];
	struct file *files[VT_PIECES_MAX];
	size_t count = 0;
	int r;

	for (size_t i = 0; i < bundle->count; i++)
		if (bundle->files[i].promised) {
			digests[count] = bundle->files[i].content;
			files[count++] = &bundle->files[i];
		}
	if (count == 0)
		return 0;
	r = vt_content_known(bundle->context->content, digests, count, known, err);
	for (size_t i = 0; r == 0 && i < count; i++) {
		struct vt_stored stored;

		if (known[i].kind == 0 && files[i]->size > 0)
			continue;
		memset(&stored, 0, sizeof stored);
		stored.digest = files[i]->content;
		stored.size = files[i]->size;
		if (known[i].kind == 1)
			stored.at = known[i].at;
		(void) atomic_fetch_add(&bundle->context->progress->unchanged, 1);
		r = note(bundle, files[i], &stored, err);
	}
	return r;
}

/* Small files */

static int empty_tray(struct tray *tray, struct vt_error *err)
{
	struct vt_content *content = tray->bundle->context->content;
	int r;

	if (vt_buf_failed(&tray->bytes))
		return vt_fail(err, ENOMEM, "no memory for small files");
	for (size_t i = 0; i < tray->count; i++)
		tray->pieces[i].data = tray->bytes.data + tray->offsets[i];
	r = vt_content_store(content, tray->thread, tray->pieces, tray->count, err);
	for (size_t i = 0; r == 0 && i < tray->count; i++) {
		struct vt_stored stored;

		memset(&stored, 0, sizeof stored);
		stored.digest = tray->pieces[i].digest;
		stored.at = tray->pieces[i].at;
		stored.size = tray->pieces[i].length;
		r = note(tray->bundle, tray->files[i], &stored, err);
	}
	tray->count = 0;
	vt_buf_reset(&tray->bytes);
	return r;
}

static int stream_file(struct tray *tray, struct file *file, const void *prefix, size_t len,
		       struct vt_input *input, struct vt_error *err)
{
	struct vt_stored stored;
	int r = vt_stream_store(tray->bundle->pool, tray->thread, prefix, len, input, &stored, err);

	return r < 0 ? r : note(tray->bundle, file, &stored, err);
}

/* The tray's last `len` bytes are all of `file`. */
static int take_small(struct tray *tray, struct file *file, size_t len, struct vt_error *err)
{
	size_t offset = tray->bytes.len - len;
	int r = 0;

	if (len == 0 || vt_stream_has_hole(tray->bytes.data + offset, len)) {
		r = stream_file(tray, file, tray->bytes.data + offset, len, NULL, err);
		tray->bytes.len = offset;
		return r;
	}
	tray->pieces[tray->count] = (struct vt_piece){.length = (uint32_t) len, .small = true};
	tray->offsets[tray->count] = offset;
	tray->files[tray->count++] = file;
	if (tray->bytes.len >= VT_BUNDLE_BYTES || tray->count == VT_PIECES_MAX)
		r = empty_tray(tray, err);
	return r;
}

/* Files of directories */

struct file_input {
	struct vt_input input; /* first */
	int fd;
	const char *source, *path;
	uint64_t at, size;
	uint64_t data_end, hole_end; /* what is known of the bytes from `at` on */
};

static void look_for_hole(struct file_input *in)
{
	off_t data = lseek(in->fd, (off_t) in->at, SEEK_DATA);
	off_t hole;

	if (data < 0 && errno != ENXIO) {
		in->data_end = in->size; /* a file system without holes */
		return;
	}
	if (data < 0 || (uint64_t) data > in->at) {
		in->hole_end = data < 0 ? in->size : (uint64_t) data;
		return;
	}
	hole = lseek(in->fd, data, SEEK_HOLE);
	in->data_end = hole > data ? (uint64_t) hole : in->size;
}

static ssize_t read_file(struct vt_input *input, void *data, size_t len, struct vt_error *err)
{
	struct file_input *in = (struct file_input *) input;
	uint64_t end;
	ssize_t n;

	if (in->at >= in->size)
		return 0;
	if (in->at >= in->data_end && in->at >= in->hole_end)
		look_for_hole(in);
	end = in->at < in->hole_end ? in->hole_end : in->data_end;
	if (end > in->size)
		end = in->size;
	if (len > end - in->at)
		len = (size_t) (end - in->at);
	if (in->at < in->hole_end) {
		memset(data, 0, len);
		in->at += len;
		return (ssize_t) len;
	}
	do
		n = pread(in->fd, data, len, (off_t) in->at);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return vt_fail(err, errno, "cannot read '%s/%s': %m", in->source, in->path);
	if (n == 0)
		return vt_fail(err, ESTALE, "'%s/%s' changed while it was read", in->source,
			       in->path);
	in->at += (uint64_t) n;
	return n;
}

static int check_unchanged(int fd, const struct file *file, const char *source, const char *path,
			   struct vt_error *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return vt_fail(err, errno, "cannot look at '%s/%s': %m", source, path);
	if (!S_ISREG(st.st_mode) || (uint64_t) st.st_size != file->stamp.size ||
	    st.st_ino != file->stamp.inode || st.st_dev != file->stamp.device ||
	    vt_stamp_ns(&st.st_mtim) != file->stamp.mtime_ns ||
	    vt_stamp_ns(&st.st_ctim) != file->stamp.ctime_ns)
		return vt_fail(err, ESTALE, "'%s/%s' changed while it was read", source, path);
	return 0;
}

/* What is short is taken whole, the rest streamed. */
static int take_input(struct tray *tray, struct file *file, struct vt_input *input,
		      struct vt_error *err)
{
	size_t before = tray->bytes.len, len = 0;
	uint8_t *room = vt_buf_grow(&tray->bytes, VT_SMALL_MAX + 1);
	ssize_t n = 1;
	int r;

	if (!room)
		return vt_fail(err, ENOMEM, "no memory for small files");
	while (len <= VT_SMALL_MAX && n > 0) {
		n = input->read(input, room + len, VT_SMALL_MAX + 1 - len, err);
		if (n < 0)
			return (int) n;
		len += (size_t) n;
	}
	tray->bytes.len = before + len;
	if (len <= VT_SMALL_MAX)
		return take_small(tray, file, len, err);
	r = stream_file(tray, file, room, len, input, err);
	tray->bytes.len = before;
	return r;
}

static int take_decoded(struct tray *tray, struct file *file, struct vt_input *input,
			const char *name, struct vt_error *err)
{
	vt_cleanup(vt_decompress_freep) struct vt_decompress *decompress = NULL;
	int r = vt_decompress_new(input, name, &decompress, err);

	if (r < 0)
		return r;
	if (!vt_decompress_format(decompress))
		return vt_fail(err, EBADMSG, "'%s' is not compressed as its name says", name);
	r = take_input(tray, file, vt_decompress_input(decompress), err);
	if (r == 0 && vt_decompress_has_garbage(decompress))
		r = vt_publish_ignore(tray->bundle->context, name, err);
	return r;
}

static int take_file(struct tray *tray, struct file *file, struct vt_error *err)
{
	struct vt_bundle *bundle = tray->bundle;
	const struct vt_source *source = &bundle->context->sources[file->source];
	const char *path = (const char *) bundle->paths.data + file->path;
	vt_autoclose int fd = vt_source_open_below(source->fd, path, O_NONBLOCK | O_NOCTTY);
	struct file_input input = {.input = {read_file},
				   .fd = fd,
				   .source = source->name,
				   .path = path,
				   .size = file->stamp.size};
	int r;

	if (input.size <= VT_SMALL_MAX)
		input.data_end = input.size; /* read whole: zeros are looked for in memory */
	if (fd == -ENOENT || fd == -ENOTDIR || fd == -ELOOP || fd == -EXDEV)
		return vt_fail(err, ESTALE, "'%s/%s' changed while it was read", source->name,
			       path);
	if (fd < 0)
		return vt_fail(err, -fd, "cannot open '%s/%s': %m", source->name, path);
	if (file->decode)
		r = take_decoded(tray, file, &input.input, path, err);
	else
		r = take_input(tray, file, &input.input, err);
	if (r < 0)
		return r;
	return check_unchanged(fd, file, source->name, path, err);
}

static int take_bytes(struct tray *tray, struct file *file, struct vt_error *err)
{
	if (file->size == 0) /* and no others have any, maybe */
		return stream_file(tray, file, NULL, 0, NULL, err);
	vt_buf_put(&tray->bytes, tray->bundle->bytes.data + file->data, file->size);
	if (vt_buf_failed(&tray->bytes))
		return vt_fail(err, ENOMEM, "no memory for small files");
	return take_small(tray, file, file->size, err);
}

static int store_bundle(struct vt_bundle *bundle, unsigned thread, struct vt_error *err)
{
	struct vt_crew *crew = bundle->context->crew;
	struct tray *tray = malloc(sizeof *tray);
	int r;

	if (!tray)
		return vt_fail(err, ENOMEM, "no memory for a bundle of files");
	memset(tray, 0, sizeof *tray);
	tray->bundle = bundle;
	tray->thread = thread;
	r = take_promised(bundle, err);
	for (size_t i = 0; r == 0 && i < bundle->count; i++) {
		struct file *file = &bundle->files[i];

		r = vt_crew_result(crew, err);
		if (r == 0 && !file->done)
			r = bundle->has_bytes ? take_bytes(tray, file, err)
					      : take_file(tray, file, err);
	}
	if (r == 0)
		r = empty_tray(tray, err);
	vt_buf_done(&tray->bytes);
	free(tray);
	return r;
}

static void run_bundle(struct vt_crew_job *job, unsigned thread)
{
	struct vt_bundle *bundle = (struct vt_bundle *) job;
	struct vt_crew *crew = bundle->context->crew;
	struct vt_error why;
	int r = 0;

	if (!vt_crew_stopped(crew))
		r = store_bundle(bundle, thread, &why);
	if (r < 0)
		vt_crew_fail(crew, r, &why);
	vt_bundle_free(bundle);
}

void vt_bundle_submit(struct vt_bundle *bundle)
{
	bundle->job.run = run_bundle;
	vt_crew_submit(bundle->context->crew, &bundle->job);
}
