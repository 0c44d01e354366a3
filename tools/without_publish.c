/* SPDX-License-Identifier: Apache-2.0 */
/*
 * In place of the publishing engine, in programs that pass its command on: so neither it nor
 * libarchive, libxml2 and ICU are linked.
 */
#include <errno.h>

#include "index/base/error.h"
#include "tools/publish/publish.h"

int vt_publish(struct vt_publish_backend *backend, const struct vt_import_info *info,
	       const char *dataset, const char *as, const struct vt_publish_options *options,
	       struct vt_publish_result *out, struct vt_error *err)
{
	return vt_fail(err, ENOSYS, "the command was not passed on");
}
