/* SPDX-License-Identifier: Apache-2.0 */
/* See texts.h. */
#include "tools/labels/texts.h"

#include <stdlib.h>

#define BLOCK (16u << 10) /* bytes, or as many as one text needs */

struct vt_texts_block {
	struct vt_texts_block *next;
	size_t used, size;
	char bytes[];
};

char *vt_texts_room(struct vt_texts *texts, size_t len)
{
	struct vt_texts_block *block = texts->blocks;
	char *room;

	if (!block || block->size - block->used < len) {
		size_t size = len > BLOCK ? len : BLOCK;

		block = malloc(sizeof *block + size);
		if (!block)
			return NULL;
		*block = (struct vt_texts_block){.next = texts->blocks, .size = size};
		texts->blocks = block;
	}
	room = block->bytes + block->used;
	block->used += len;
	return room;
}

void vt_texts_reset(struct vt_texts *texts)
{
	struct vt_texts_block *first = texts->blocks;

	if (!first || first->size > BLOCK) {
		vt_texts_done(texts);
		return;
	}
	texts->blocks = first->next;
	vt_texts_done(texts);
	first->next = NULL;
	first->used = 0;
	texts->blocks = first;
}

void vt_texts_done(struct vt_texts *texts)
{
	while (texts->blocks) {
		struct vt_texts_block *next = texts->blocks->next;

		free(texts->blocks);
		texts->blocks = next;
	}
}
