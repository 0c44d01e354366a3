/* SPDX-License-Identifier: Apache-2.0 */
/* See read_around.h. */
#include "fs/read_around.h"

#include <stdlib.h>
#include <string.h>

/* What became of a block. */
enum state { UNASKED, ASKED, WANTED };

struct vt_read_around {
	uint64_t blocks;        /* of the file */
	uint64_t earned, spent; /* bytes */
	uint64_t lost;          /* frames that were missing where all was asked for */
	uint8_t state[];        /* of each block */
};

struct vt_read_around *vt_read_around_new(uint64_t size)
{
	uint64_t blocks = (size + VT_AROUND_BLOCK - 1) / VT_AROUND_BLOCK;
	struct vt_read_around *around = calloc(1, sizeof *around + blocks);

	if (around)
		around->blocks = blocks;
	return around;
}

void vt_read_around_free(struct vt_read_around *around)
{
	free(around);
}

/* Blocks of a range: a power of two, so that those of a size tile the file. */
static uint64_t blocks_earned(const struct vt_read_around *around)
{
	uint64_t left = around->earned - around->spent, size = VT_AROUND_MAX;

	while (size > left)
		size /= 2;
	return size / VT_AROUND_BLOCK;
}

/* Some are only on their way; as many as there are blocks, and others took the memory meanwhile. */
static void begin_again_if_lost(struct vt_read_around *around)
{
	if (++around->lost <= around->blocks)
		return;
	memset(around->state, UNASKED, around->blocks);
	around->earned = around->spent = around->lost = 0;
}

bool vt_read_around_missing(struct vt_read_around *around, uint64_t offset, uint64_t room,
			    struct vt_byte_range *out)
{
	uint64_t at = offset / VT_AROUND_BLOCK, count, begin, end;

	if (at >= around->blocks)
		return false;
	if (around->state[at] != UNASKED) {
		begin_again_if_lost(around);
		return false;
	}
	around->earned += VT_AROUND_EARNED;
	count = blocks_earned(around);
	begin = at / count * count;
	end = begin + count < around->blocks ? begin + count : around->blocks;
	while (around->state[begin] != UNASKED)
		begin++;
	while (around->state[end - 1] != UNASKED)
		end--;
	if ((end - begin) * VT_AROUND_BLOCK > room)
		return false;
	for (uint64_t block = begin; block < end; block++)
		if (around->state[block] == UNASKED)
			around->state[block] = ASKED;
	around->state[at] = WANTED;
	*out = (struct vt_byte_range){begin * VT_AROUND_BLOCK, end * VT_AROUND_BLOCK};
	around->spent += out->end - out->begin;
	return true;
}

bool vt_read_around_found(struct vt_read_around *around, uint64_t offset)
{
	uint64_t at = offset / VT_AROUND_BLOCK;

	if (at >= around->blocks || around->state[at] != ASKED)
		return false;
	around->state[at] = WANTED;
	around->earned += VT_AROUND_EARNED;
	return true;
}

uint64_t vt_read_around_bytes(const struct vt_read_around *around)
{
	return around->spent;
}
