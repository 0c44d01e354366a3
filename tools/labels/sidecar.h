/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * WebDataset's sidecars: files of a version that say the labels of those beside them. A sample is
 * what is called alike up to the first dot of the last name: d/7.jpg and d/7.mask.png have the
 * sidecars d/7.cls, a line of text or a number, and d/7.json, an object whose members are labels.
 *
 * Pure: whoever calls reads the files. Thread-safe.
 */
#include "tools/labels/reader.h"
#include "tools/labels/texts.h"

#define VT_SIDECAR_MAX (64u << 10) /* bytes of one */

bool vt_is_sidecar(struct vt_label_text path);
/* The path up to the dot that ends the sample's name; all of it when there is none. */
struct vt_label_text vt_sample_of(struct vt_label_text path);

/* The labels of one sidecar; borrowed from what it was made of until vt_sidecar_done(). */
struct vt_sidecar {
	struct vt_label_row *rows;
	size_t count;
	/* Members of a .json that are no label: their value is a list, an object or null, or their
	 * name can be no key; and the name of the first of them. */
	size_t skipped;
	struct vt_label_text first_skipped;
	/* private */
	struct vt_texts texts;
};
void vt_sidecar_done(struct vt_sidecar *sidecar);

/*
 * Each label of the sidecar, once for each of `files` that is of its sample and no sidecar itself.
 * -EINVAL with "'PATH': " in front: too long, no such text, a bad label, of no file.
 */
int vt_sidecar_read(struct vt_label_text path, const void *bytes, size_t len,
		    const struct vt_label_text *files, size_t file_count,
		    const struct vt_label_options *options, struct vt_sidecar *out,
		    struct vt_error *err);
