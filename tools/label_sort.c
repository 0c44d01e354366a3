/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See label_sort.h. Records of the spool: key, the path with '/' as NUL (tools/publish/item.h);
 * value, u64 origin and the label's row (label_block.h). An origin is file << 48 | line.
 */
#include "tools/label_sort.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/array.h"
#include "index/base/error.h"
#include "index/base/file.h"
#include "index/label_block.h"
#include "tools/publish/item.h"
#include "tools/publish/spool.h"

#define MEMORY    (256u << 20)
#define LINE_BITS 48u

struct vt_label_sort {
	struct vt_spool *spool;
	struct vt_buf key, value; /* of a record being added */
	/* of the file given last, and the first record of the next one */
	struct vt_buf file, path, rows; /* file: its key */
	struct vt_spool_record ahead;
	bool has_ahead;
	struct vt_label *labels;
	uint64_t *origins;
	size_t count, label_room, origin_room;
};

int vt_label_sort_new(struct vt_label_sort **out, struct vt_error *err)
{
	vt_cleanup(vt_label_sort_freep) struct vt_label_sort *sort = calloc(1, sizeof *sort);
	int r;

	if (!sort)
		return vt_fail(err, ENOMEM, "no memory to sort labels");
	r = vt_spool_new(vt_file_scratch_folder(), MEMORY, &sort->spool, err);
	if (r < 0)
		return r;
	*out = vt_steal(&sort);
	return 0;
}

void vt_label_sort_free(struct vt_label_sort *sort)
{
	if (!sort)
		return;
	vt_spool_free(sort->spool);
	vt_buf_done(&sort->key);
	vt_buf_done(&sort->value);
	vt_buf_done(&sort->file);
	vt_buf_done(&sort->path);
	vt_buf_done(&sort->rows);
	free(sort->labels);
	free(sort->origins);
	free(sort);
}

int vt_label_sort_add(struct vt_label_sort *sort, const struct vt_label_row *row, unsigned file,
		      uint64_t line, struct vt_error *err)
{
	struct vt_label label = row->label;
	size_t one = 1;
	int r;

	vt_buf_reset(&sort->key);
	vt_buf_reset(&sort->value);
	vt_item_key(row->path.bytes, row->path.len, &sort->key);
	vt_buf_put_le64(&sort->value, (uint64_t) file << LINE_BITS | line);
	r = vt_label_block_encode(&label, &one, &sort->value, err);
	if (r < 0)
		return r;
	if (vt_buf_failed(&sort->key) || vt_buf_failed(&sort->value))
		return vt_fail(err, ENOMEM, "no memory to sort labels");
	return vt_spool_add(sort->spool, sort->key.data, sort->key.len, sort->value.data,
			    sort->value.len, err);
}

static int look_ahead(struct vt_label_sort *sort, struct vt_error *err)
{
	int r = vt_spool_next(sort->spool, &sort->ahead, err);

	sort->has_ahead = r > 0;
	return r;
}

int vt_label_sort_finish(struct vt_label_sort *sort, struct vt_error *err)
{
	int r = vt_spool_sort(sort->spool, err);

	return r < 0 ? r : look_ahead(sort, err);
}

static int take_file(struct vt_label_sort *sort, struct vt_error *err)
{
	vt_buf_reset(&sort->file);
	vt_buf_put(&sort->file, sort->ahead.key, sort->ahead.key_len);
	return vt_item_path(sort->ahead.key, sort->ahead.key_len, &sort->path, err);
}

static bool is_same_file(const struct vt_label_sort *sort)
{
	return sort->ahead.key_len == sort->file.len &&
	       memcmp(sort->ahead.key, sort->file.data, sort->file.len) == 0;
}

static int make_room(struct vt_label_sort *sort, struct vt_error *err)
{
	if (vt_array_reserve(sort->labels, sort->label_room, sort->count + 1) < 0 ||
	    vt_array_reserve(sort->origins, sort->origin_room, sort->count + 1) < 0)
		return vt_fail(err, ENOMEM, "no memory to sort labels");
	return 0;
}

/* The record ahead is one more of the file at hand. */
static int take_row(struct vt_label_sort *sort, struct vt_error *err)
{
	struct vt_reader reader = vt_reader_over(sort->ahead.value, sort->ahead.value_len);
	int r = make_room(sort, err);

	if (r < 0)
		return r;
	sort->origins[sort->count++] = vt_reader_le64(&reader);
	vt_buf_put(&sort->rows, reader.at, vt_reader_left(&reader));
	return look_ahead(sort, err);
}

/* Of all rows collected, which `labels` then borrows from. */
static void read_labels(struct vt_label_sort *sort)
{
	struct vt_label_block_reader reader =
		vt_label_block_reader_over(sort->rows.data, sort->rows.len);

	for (size_t i = 0; i < sort->count; i++)
		(void) vt_label_block_next(&reader, &sort->labels[i]);
}

int vt_label_sort_next(struct vt_label_sort *sort, struct vt_label_sorted *out,
		       struct vt_error *err)
{
	int r;

	if (!sort->has_ahead)
		return 0;
	r = take_file(sort, err);
	vt_buf_reset(&sort->rows);
	sort->count = 0;
	while (r >= 0 && sort->has_ahead && is_same_file(sort))
		r = take_row(sort, err);
	if (r < 0)
		return r;
	if (vt_buf_failed(&sort->rows) || vt_buf_failed(&sort->file))
		return vt_fail(err, ENOMEM, "no memory to sort labels");
	read_labels(sort);
	*out = (struct vt_label_sorted){
		.path = {(const char *) sort->path.data, sort->file.len},
		.labels = sort->labels,
		.origins = sort->origins,
		.count = sort->count,
	};
	return 1;
}

void vt_label_sort_where(uint64_t origin, const char *const *files, struct vt_buf *out)
{
	unsigned file = (unsigned) (origin >> LINE_BITS);

	if (file > 0)
		vt_buf_printf(out, "%s:%llu: ", files[file - 1],
			      (unsigned long long) (origin & ((1ull << LINE_BITS) - 1)));
}
