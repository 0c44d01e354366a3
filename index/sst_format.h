/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What tables.h and sst_sums.h know of RocksDB's tables (*.sst) alike; format: RocksDB's wiki,
 * "Rocksdb BlockBasedTable Format", version 5.
 *
 *     blocks, each behind it: u8 how it is packed | u32 sum of both
 *     footer: u8 kind of sum | places of the metaindex and of the index, zeros | u32 version |
 * magic
 *
 * A place is an offset and a length, without what is behind the block, as varints. The metaindex
 * has names of blocks before their places.
 */
#include "index/base/buf.h"

#define VT_SST_FOOTER 53u /* bytes */
#define VT_SST_BEHIND 5u  /* bytes behind a block */

struct vt_sst_place {
	uint64_t offset, len;
};

/* As short as it can be, as RocksDB writes them: else it fails. */
static inline uint64_t vt_reader_varint(struct vt_reader *r)
{
	uint64_t value = 0;

	for (unsigned shift = 0; shift < 64; shift += 7) {
		uint8_t byte = vt_reader_u8(r);

		value |= (uint64_t) (byte & 0x7f) << shift;
		if (byte == 0 && shift > 0)
			break;
		if (byte < 0x80)
			return value;
	}
	r->failed = true;
	return 0;
}

static inline struct vt_sst_place vt_reader_place(struct vt_reader *r)
{
	struct vt_sst_place place = {.offset = vt_reader_varint(r)};

	place.len = vt_reader_varint(r);
	return place;
}
