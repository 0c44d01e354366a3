/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Rows for the store: an SST of the import's folder, or all of a spool as one, is finished and
 * taken in. Without rows nothing happens. Neither frees what it is given.
 */
#include "tools/publish/context.h"

int vt_publish_ingest_spool(struct vt_publish_context *context, struct vt_spool *spool,
			    enum vt_family family, const char *name, struct vt_error *err);
int vt_publish_ingest(struct vt_publish_context *context, struct vt_sst *sst, enum vt_family family,
		      const char *name, struct vt_error *err);
int vt_publish_sst_new(struct vt_publish_context *context, const char *name, struct vt_sst **out,
		       struct vt_error *err);
