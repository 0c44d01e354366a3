/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A publish's backend over the control socket: begins an import on `client`'s connection (borrowed,
 * and used by nobody else meanwhile), which ends with that connection.
 */
#include "fs/control_client.h"
#include "index/base/cleanup.h"
#include "tools/publish/backend.h"

/* `as` may be NULL; `open`: for everybody to read. -EINVAL, -EEXIST a bad or taken name; -EACCES.
 */
int vt_publish_backend_open(struct vt_client *client, const char *dataset, const char *as,
			    bool open, struct vt_publish_backend **out, struct vt_import_info *info,
			    struct vt_error *err);
/*
 * The same for a repair (index/repair.h), of which the backend gives shards alone. Its moves are
 * the caller's to send, before the commit.
 */
int vt_publish_backend_open_repair(struct vt_client *client, struct vt_publish_backend **out,
				   struct vt_import_info *info, struct vt_error *err);
int vt_publish_backend_commit_repair(struct vt_publish_backend *backend,
				     const struct vt_new_shard *shards, size_t count,
				     struct vt_error *err);
/*
 * The commit takes `args` (an object, borrowed) along, and rows of its answer go to `row`: what a
 * quality gate has to say.
 */
void vt_publish_backend_judge(struct vt_publish_backend *backend, json_t *args, vt_client_row *row,
			      void *context);
void vt_publish_backend_close(struct vt_publish_backend *backend);
VT_DEFINE_CLEANUP(struct vt_publish_backend, vt_publish_backend_close);
