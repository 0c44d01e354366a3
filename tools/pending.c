/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Weak stand-ins for parts that are not in this tree yet, so that the program links. Goes when they
 * are there: a weak definition here would hide the real one in its library.
 */
#include <errno.h>

#include "fs/control_client.h"
#include "fs/keeper.h"
#include "fs/server.h"
#include "index/base/error.h"
#include "index/gc.h"
#include "index/index.h"
#include "index/verify.h"
#include "tools/publish/backend_client.h"
#include "tools/publish/publish.h"

#define WEAK __attribute__((weak))
static int absent(struct vt_error *err)
{
	return vt_fail(err, ENOSYS, "this build has no store");
}
WEAK int vt_publish_backend_open(struct vt_client *client, const char *dataset, const char *as,
				 struct vt_publish_backend **out, struct vt_import_info *info,
				 struct vt_error *err)
{
	return absent(err);
}
WEAK void vt_publish_backend_close(struct vt_publish_backend *backend)
{
}
WEAK int vt_gc(struct vt_index *index, bool dry_run, uint64_t min_age_ns, struct vt_gc_report *out,
	       struct vt_error *err)
{
	return absent(err);
}
WEAK int vt_verify_index(struct vt_index *index, vt_verify_each *each, void *context,
			 struct vt_error *err)
{
	return absent(err);
}
