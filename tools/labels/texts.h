/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Room for texts that are made while a unit is read, and stay where they are until its end. */
#include <stddef.h>

struct vt_texts_block;

struct vt_texts {
	struct vt_texts_block *blocks; /* the one in use first */
};

/* Room for `len` bytes, good until the reset; NULL when memory is short. */
char *vt_texts_room(struct vt_texts *texts, size_t len);
void vt_texts_reset(struct vt_texts *texts); /* ends all texts, keeps a little memory */
void vt_texts_done(struct vt_texts *texts);
