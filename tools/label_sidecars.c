/* SPDX-License-Identifier: Apache-2.0 */
/* See label_sidecars.h. Records of the spool: key, the sample; value, the path of a file of it. */
#include "tools/label_sidecars.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/array.h"
#include "index/base/error.h"
#include "index/base/file.h"
#include "tools/cli.h"
#include "tools/label_intake.h"
#include "tools/label_options.h"
#include "tools/label_sort.h"
#include "tools/labels/sidecar.h"
#include "tools/output.h"
#include "tools/publish/spool.h"
#include "tools/target.h"

struct sidecars {
	struct vt_label_intake *intake;
	const struct vt_target *target;
	struct vt_sidecars_skipped *skipped;
	struct vt_spool *spool;
	/* The sample at hand. */
	struct vt_buf sample, paths; /* of paths: u32 length, bytes */
	struct vt_label_text *files; /* borrow from `paths` */
	size_t count, room;
	struct vt_buf bytes; /* of a sidecar */
};

static int no_memory(struct vt_error *err)
{
	return vt_fail(err, ENOMEM, "no memory for sidecars");
}

/* ---- the files by sample --------------------------------------------------------------------- */

static int note_file(void *context, const json_t *row, const void *blob, size_t len)
{
	struct sidecars *all = context;
	vt_cleanup(vt_buf_done) struct vt_buf path = VT_BUF_INIT;
	struct vt_label_text sample;

	(void) blob;
	(void) len;
	if (strcmp(vt_json_text(row, "type", ""), "file") != 0)
		return 0;
	vt_json_get_bytes(row, "path", &path);
	if (vt_buf_failed(&path))
		return -ENOMEM;
	sample = vt_sample_of((struct vt_label_text){(const char *) path.data, path.len});
	return vt_spool_add(all->spool, sample.bytes, sample.len, path.data, path.len, NULL);
}

static int list_files(struct sidecars *all, struct vt_error *err)
{
	json_t *args = vt_target_args(all->target);
	int r = vt_spool_new(vt_file_scratch_folder(), VT_SPOOL_MEMORY, &all->spool, err);

	if (r < 0) {
		json_decref(args);
		return r;
	}
	(void) json_object_set_new(args, "recursive", json_true());
	r = vt_cli_call(all->intake->cli, "list", args, note_file, all, NULL, err);
	return r < 0 ? r : vt_spool_sort(all->spool, err);
}

/* ---- one sample ------------------------------------------------------------------------------ */

static int keep_piece(void *context, const json_t *row, const void *blob, size_t len)
{
	struct vt_buf *bytes = context;

	(void) row;
	if (bytes->len <= VT_SIDECAR_MAX) /* a longer one is bad anyhow */
		vt_buf_put(bytes, blob, len);
	return vt_buf_failed(bytes) ? -ENOMEM : 0;
}

static int read_bytes(struct sidecars *all, struct vt_label_text path, struct vt_error *err)
{
	struct vt_target file = *all->target;

	file.path = path.bytes;
	file.path_len = path.len;
	vt_buf_reset(&all->bytes);
	return vt_cli_call(all->intake->cli, "cat", vt_target_args(&file), keep_piece, &all->bytes,
			   NULL, err);
}

static void note_skipped(struct sidecars *all, const struct vt_sidecar *sidecar)
{
	if (all->skipped->members == 0 && sidecar->skipped > 0)
		vt_buf_put(&all->skipped->first, sidecar->first_skipped.bytes,
			   sidecar->first_skipped.len);
	all->skipped->members += sidecar->skipped;
}

static int take_sidecar(struct sidecars *all, struct vt_label_text path, struct vt_error *err)
{
	vt_cleanup(vt_sidecar_done) struct vt_sidecar sidecar = {0};
	struct vt_error why;
	int r = read_bytes(all, path, err);

	if (r < 0)
		return r;
	r = vt_sidecar_read(path, all->bytes.data, all->bytes.len, all->files, all->count,
			    vt_label_options_get(), &sidecar, &why);
	if (r == -EINVAL) {
		vt_label_intake_complain(all->intake, why.text);
		return 0;
	}
	if (r < 0)
		return vt_fail(err, -r, "%s", why.text);
	note_skipped(all, &sidecar);
	for (size_t i = 0; i < sidecar.count && r == 0; i++)
		r = vt_label_intake_add(all->intake, &sidecar.rows[i], err);
	return r;
}

static int list_sample(struct sidecars *all, struct vt_error *err)
{
	struct vt_reader reader = vt_reader_over(all->paths.data, all->paths.len);

	if (vt_buf_failed(&all->paths) || vt_buf_failed(&all->sample))
		return no_memory(err);
	if (vt_array_reserve(all->files, all->room, all->count) < 0)
		return no_memory(err);
	for (size_t i = 0; i < all->count; i++) {
		all->files[i].len = vt_reader_le32(&reader);
		all->files[i].bytes = vt_reader_get(&reader, all->files[i].len);
	}
	return 0;
}

static int take_sample(struct sidecars *all, struct vt_error *err)
{
	int r = list_sample(all, err);

	for (size_t i = 0; i < all->count && r >= 0; i++)
		if (vt_is_sidecar(all->files[i]))
			r = take_sidecar(all, all->files[i], err);
	vt_buf_reset(&all->paths);
	all->count = 0;
	return r;
}

/* ---- all of them ----------------------------------------------------------------------------- */

static bool is_of_sample(const struct sidecars *all, const struct vt_spool_record *record)
{
	return record->key_len == all->sample.len &&
	       (record->key_len == 0 ||
		memcmp(record->key, all->sample.data, record->key_len) == 0);
}

static int take_samples(struct sidecars *all, struct vt_error *err)
{
	struct vt_spool_record record;
	int r;

	while ((r = vt_spool_next(all->spool, &record, err)) > 0) {
		if (all->count > 0 && !is_of_sample(all, &record)) {
			r = take_sample(all, err);
			if (r < 0)
				return r;
		}
		if (all->count++ == 0) {
			vt_buf_reset(&all->sample);
			vt_buf_put(&all->sample, record.key, record.key_len);
		}
		vt_buf_put_le32(&all->paths, (uint32_t) record.value_len);
		vt_buf_put(&all->paths, record.value, record.value_len);
	}
	return r < 0 ? r : take_sample(all, err);
}

int vt_label_sidecars_read(struct vt_label_intake *intake, const struct vt_target *target,
			   struct vt_sidecars_skipped *skipped, struct vt_error *err)
{
	struct sidecars all = {.intake = intake, .target = target, .skipped = skipped};
	int r = list_files(&all, err);

	if (r >= 0)
		r = take_samples(&all, err);
	vt_spool_free(all.spool);
	vt_buf_done(&all.sample);
	vt_buf_done(&all.paths);
	vt_buf_done(&all.bytes);
	free(all.files);
	return r;
}
