/* SPDX-License-Identifier: Apache-2.0 */
/* See location.h. */
#include "index/location.h"

void vt_location_put(const struct vt_location *at, struct vt_buf *out)
{
	vt_buf_put_le32(out, at->shard);
	vt_buf_put_le32(out, at->frame_offset);
	vt_buf_put_le32(out, at->frame_size);
	vt_buf_put_le32(out, at->skip);
}

struct vt_location vt_location_get(struct vt_reader *reader)
{
	struct vt_location at;

	at.shard = vt_reader_le32(reader);
	at.frame_offset = vt_reader_le32(reader);
	at.frame_size = vt_reader_le32(reader);
	at.skip = vt_reader_le32(reader);
	return at;
}

static int compare_numbers(uint32_t a, uint32_t b)
{
	return a < b ? -1 : a > b;
}

int vt_location_compare(const struct vt_location *a, const struct vt_location *b)
{
	int order = compare_numbers(a->shard, b->shard);

	if (order == 0)
		order = compare_numbers(a->frame_offset, b->frame_offset);
	return order ? order : compare_numbers(a->skip, b->skip);
}
