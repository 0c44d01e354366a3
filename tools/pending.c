/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Weak stand-ins for parts that are not in this tree yet, so that the program links. Goes when they
 * are there: a weak definition here would hide the real one in its library.
 */
#include <errno.h>

#include "fs/control_client.h"
#include "fs/keeper.h"
#include "fs/server.h"
#include "fs/shard_reader.h"
#include "index/base/error.h"
#include "index/index.h"
#include "tools/publish/backend_client.h"
#include "tools/publish/publish.h"

#define WEAK __attribute__((weak))
static int absent(struct vt_error *err)
{
	return vt_fail(err, ENOSYS, "this build has no store");
}
WEAK int vt_shard_reader_open(const char *path, struct vt_shard_reader **out,
			      struct vt_shard_facts *facts, struct vt_error *err)
{
	return absent(err);
}
WEAK void vt_shard_reader_close(struct vt_shard_reader *reader)
{
}
WEAK int vt_shard_reader_next(struct vt_shard_reader *reader, struct vt_shard_frame *out,
			      struct vt_error *err)
{
	return absent(err);
}
WEAK int vt_shard_reader_check(struct vt_shard_reader *reader, const struct vt_shard_frame *frame,
			       const struct vt_dictionary *dictionary, struct vt_error *err)
{
	return absent(err);
}
WEAK int vt_shard_reader_digest(struct vt_shard_reader *reader, struct vt_digest *out,
				struct vt_error *err)
{
	return absent(err);
}
