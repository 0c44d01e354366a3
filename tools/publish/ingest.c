/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/publish/ingest.h"

#include <stdio.h>

#include "index/base/error.h"

int vt_publish_sst_new(struct vt_publish_context *context, const char *name, struct vt_sst **out,
		       struct vt_error *err)
{
	char path[sizeof context->info->dir + 64];

	(void) snprintf(path, sizeof path, "%s/%s", context->info->dir, name);
	return vt_sst_new(path, out, err);
}

int vt_publish_ingest(struct vt_publish_context *context, struct vt_sst *sst, enum vt_family family,
		      const char *name, struct vt_error *err)
{
	struct vt_publish_backend *backend = context->backend;
	uint64_t rows = 0;
	int r = vt_sst_finish(sst, &rows, err);

	if (r < 0 || rows == 0)
		return r;
	(void) pthread_mutex_lock(&context->backend_lock);
	r = backend->ops->ingest(backend, family, name, err);
	(void) pthread_mutex_unlock(&context->backend_lock);
	return r;
}

int vt_publish_ingest_spool(struct vt_publish_context *context, struct vt_spool *spool,
			    enum vt_family family, const char *name, struct vt_error *err)
{
	vt_cleanup(vt_sst_freep) struct vt_sst *sst = NULL;
	struct vt_spool_record record;
	int r = vt_spool_sort(spool, err);

	if (r == 0)
		r = vt_publish_sst_new(context, name, &sst, err);
	if (r < 0)
		return r;
	while ((r = vt_spool_next(spool, &record, err)) > 0) {
		r = vt_sst_put(sst, record.key, record.key_len, record.value, record.value_len,
			       err);
		if (r < 0 || vt_crew_stopped(context->crew))
			break;
	}
	if (r >= 0)
		r = vt_crew_result(context->crew, err);
	return r < 0 ? r : vt_publish_ingest(context, sst, family, name, err);
}
