/* SPDX-License-Identifier: Apache-2.0 */
/* See wanted_files.h. */
#include "index/wanted_files.h"

#include <errno.h>

#include "index/base/error.h"

#define CANCEL_EVERY 1024u /* files */

int vt_wanted_files_open(struct vt_wanted_files *wanted, const struct vt_labelled_files *version,
			 const roaring_bitmap_t *positions, const struct vt_cancel *cancel,
			 struct vt_error *err)
{
	*wanted = (struct vt_wanted_files){.cancel = cancel, .all = !positions};
	if (positions)
		roaring_init_iterator(positions, &wanted->next);
	return vt_file_labels_new(version, &wanted->files, err);
}

void vt_wanted_files_done(struct vt_wanted_files *wanted)
{
	vt_file_labels_free(wanted->files);
}

static bool is_cancelled(struct vt_wanted_files *wanted)
{
	return wanted->given++ % CANCEL_EVERY == 0 && wanted->cancel->call &&
	       wanted->cancel->call(wanted->cancel->context);
}

int vt_wanted_files_next(struct vt_wanted_files *wanted, struct vt_labelled_file *out,
			 struct vt_error *err)
{
	uint32_t from = wanted->last + 1;
	int r;

	if (is_cancelled(wanted))
		return vt_fail(err, ECANCELED, "it was cancelled");
	if (!wanted->all) {
		if (!wanted->next.has_value)
			return 0;
		from = wanted->next.current_value;
		(void) roaring_advance_uint32_iterator(&wanted->next);
	}
	r = vt_file_labels_next(wanted->files, from, out, err);
	if (r <= 0 && wanted->all)
		return r;
	if (r >= 0 && (r == 0 || (!wanted->all && out->position != from)))
		return vt_fail(err, EBADMSG, "position %u is of no file", from);
	wanted->last = r < 0 ? from : out->position;
	return r;
}
