/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Documents that are made as a whole and take a while, of the versions asked about last: a `stat`
 * of one, and each part that is read, needs all of it. Likewise texts of a moment (status.h), the
 * parts of which would not fit together if each were made when it is read. Thread-safe.
 */
#include <stdbool.h>
#include <stdint.h>

#include "index/base/buf.h"
#include "index/base/cleanup.h"

#define VT_KEPT_TEXTS 128u

/* What of a version it is; or a moment's, by what it is known. */
enum vt_kept_kind {
	VT_KEPT_CARD,            /* what README.md says of labels */
	VT_KEPT_CROISSANT_DRAFT, /* croissant.json, as long as it will be */
	VT_KEPT_CROISSANT,
	VT_KEPT_OPENED,    /* a uid, and the number of a handle */
	VT_KEPT_LOOKED_UP, /* that of a node, where OPEN is not asked */
};

struct vt_kept_texts;
struct vt_kept_texts *vt_kept_texts_new(void); /* NULL: no memory */
void vt_kept_texts_free(struct vt_kept_texts *texts);
VT_DEFINE_CLEANUP(struct vt_kept_texts, vt_kept_texts_free);

/*
 * Appends it; false: it is not there. `of`: the serial of the version, or what a moment is known
 * by; not 0.
 */
bool vt_kept_texts_find(struct vt_kept_texts *texts, uint64_t of, enum vt_kept_kind kind,
			struct vt_buf *out);
/* Takes the text over, in place of the one that was asked for longest ago. */
void vt_kept_texts_keep(struct vt_kept_texts *texts, uint64_t of, enum vt_kept_kind kind,
			struct vt_buf text);
