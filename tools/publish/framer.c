/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/publish/framer.h"

#include "index/base/error.h"

/* A frame of this call: items[first .. first + count) of the framer. */
struct frame {
	size_t offset, len; /* in framer.frames */
	uint32_t content_size;
	size_t first, count;
};

struct vt_framer {
	struct vt_encoder *encoder;
	const struct vt_dictionary *dictionary; /* of this call */
	struct vt_buf frames, pack;
	struct frame plan[VT_PIECES_MAX];
	size_t frame_count, item_count;
	struct vt_shard_item items[VT_PIECES_MAX];
	struct vt_piece *owners[VT_PIECES_MAX]; /* of items */
};

int vt_framer_new(const struct vt_compression *compression, struct vt_framer **out,
		  struct vt_error *err)
{
	struct vt_framer *framer = calloc(1, sizeof *framer);
	int r;

	if (!framer)
		return vt_fail(err, ENOMEM, "no memory to store contents");
	r = vt_encoder_new(compression, &framer->encoder, err);
	if (r < 0) {
		free(framer);
		return r;
	}
	*out = framer;
	return 0;
}

void vt_framer_free(struct vt_framer *framer)
{
	if (!framer)
		return;
	vt_encoder_free(framer->encoder);
	vt_buf_done(&framer->frames);
	vt_buf_done(&framer->pack);
	free(framer);
}

bool vt_framer_probe(struct vt_framer *framer, const void *data, size_t len)
{
	return vt_encoder_probe(framer->encoder, data, len);
}

static int add_frame(struct vt_framer *framer, const void *data, uint32_t len, size_t first,
		     bool small, bool raw, struct vt_error *err)
{
	size_t offset = framer->frames.len;
	int r;

	if (raw)
		r = vt_encode_raw(data, len, &framer->frames, err);
	else
		r = vt_encode(framer->encoder, small ? framer->dictionary : NULL, data, len,
			      &framer->frames, err);
	if (r < 0)
		return r;
	framer->plan[framer->frame_count++] = (struct frame){
		.offset = offset,
		.len = framer->frames.len - offset,
		.content_size = len,
		.first = first,
		.count = framer->item_count - first,
	};
	return 0;
}

static void add_item(struct vt_framer *framer, struct vt_piece *piece, uint32_t skip)
{
	framer->owners[framer->item_count] = piece;
	framer->items[framer->item_count++] =
		(struct vt_shard_item){piece->digest, skip, piece->length};
}

static int close_pack(struct vt_framer *framer, size_t first, struct vt_error *err)
{
	int r;

	if (vt_buf_failed(&framer->pack)) /* first: of the first piece it has nothing */
		return vt_fail(err, ENOMEM, "no memory for a pack");
	if (framer->pack.len == 0)
		return 0;
	r = add_frame(framer, framer->pack.data, (uint32_t) framer->pack.len, first, true, false,
		      err);
	vt_buf_reset(&framer->pack);
	return r;
}

/* The tiny ones first, so that each pack's items stand together; then the others. */
int vt_framer_encode(struct vt_framer *framer, const struct vt_dictionary *dictionary,
		     struct vt_piece *pieces, size_t count, struct vt_error *err)
{
	size_t first = 0;
	int r = 0;

	framer->dictionary = dictionary;
	framer->frame_count = framer->item_count = 0;
	vt_buf_reset(&framer->frames);
	vt_buf_reset(&framer->pack);
	for (size_t i = 0; r == 0 && i < count; i++) {
		if (pieces[i].state != VT_PIECE_MINE || !pieces[i].small ||
		    pieces[i].length >= VT_PACK_BELOW)
			continue;
		if (framer->pack.len == 0)
			first = framer->item_count;
		add_item(framer, &pieces[i], (uint32_t) framer->pack.len);
		vt_buf_put(&framer->pack, pieces[i].data, pieces[i].length);
		if (framer->pack.len >= VT_PACK_BELOW)
			r = close_pack(framer, first, err);
	}
	if (r == 0)
		r = close_pack(framer, first, err);
	for (size_t i = 0; r == 0 && i < count; i++) {
		if (pieces[i].state != VT_PIECE_MINE ||
		    (pieces[i].small && pieces[i].length < VT_PACK_BELOW))
			continue;
		first = framer->item_count;
		add_item(framer, &pieces[i], 0);
		r = add_frame(framer, pieces[i].data, pieces[i].length, first, pieces[i].small,
			      pieces[i].raw, err);
	}
	return r;
}

int vt_framer_write(struct vt_framer *framer, struct vt_shard_output *output, uint64_t *stored,
		    struct vt_error *err)
{
	struct vt_new_frame frames[VT_PIECES_MAX];
	int r;

	*stored = 0;
	if (framer->frame_count == 0)
		return 0;
	for (size_t i = 0; i < framer->frame_count; i++) {
		const struct frame *frame = &framer->plan[i];

		frames[i] = (struct vt_new_frame){.data = framer->frames.data + frame->offset,
						  .len = frame->len,
						  .content_size = frame->content_size,
						  .items = &framer->items[frame->first],
						  .count = frame->count};
	}
	r = vt_shard_output_add(output, frames, framer->frame_count, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < framer->frame_count; i++)
		for (size_t j = 0; j < framer->plan[i].count; j++) {
			size_t item = framer->plan[i].first + j;

			framer->owners[item]->at = frames[i].at;
			framer->owners[item]->at.skip = framer->items[item].skip;
		}
	*stored = framer->frames.len;
	return 0;
}
