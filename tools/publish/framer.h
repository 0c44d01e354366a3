/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Pieces into frames: tiny ones share packs, small ones use the dictionary, what does not shrink
 * goes into raw frames. A framer keeps what one thread needs for that and is used by it alone.
 */
#include "tools/publish/content.h"
#include "tools/publish/shard_output.h"

struct vt_framer;
int vt_framer_new(const struct vt_compression *compression, struct vt_framer **out,
		  struct vt_error *err);
void vt_framer_free(struct vt_framer *framer); /* NULL is accepted */

/* Would these bytes shrink? */
bool vt_framer_probe(struct vt_framer *framer, const void *data, size_t len);

/* Makes frames of those pieces that are VT_PIECE_MINE (borrowed until the next call). */
int vt_framer_encode(struct vt_framer *framer, const struct vt_dictionary *dictionary,
		     struct vt_piece *pieces, size_t count, struct vt_error *err);
/* Writes them and tells the pieces where they lie; `stored` bytes came of it. */
int vt_framer_write(struct vt_framer *framer, struct vt_shard_output *output, uint64_t *stored,
		    struct vt_error *err);
