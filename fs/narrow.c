/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See narrow.h. The catalog's call commits and flips: from its return on every handler that looks
 * the exhibit up is refused. The sessions then drain and invalidate. Where a session cannot finish,
 * the change stands, the exhibit stays refused, and the caller hears of it.
 */
#include "fs/narrow.h"

#include <errno.h>
#include <stdlib.h>

#include "fs/mount.h"
#include "fs/service.h"
#include "index/base/cleanup.h"
#include "index/catalog.h"
#include "index/import.h"

static int retire(struct vt_service *service, uint32_t exhibit, struct vt_error *err)
{
	return exhibit && service->sessions ? vt_sessions_retire(service->sessions, exhibit, err)
					    : 0;
}

int vt_narrow_withdraw(struct vt_service *service, uint32_t version, const char *reason,
		       struct vt_error *err)
{
	uint32_t exhibit = 0;
	int r = vt_catalog_withdraw(service->index->catalog, version, reason, &exhibit, err);

	return r < 0 ? r : retire(service, exhibit, err);
}

int vt_narrow_remove(struct vt_service *service, uint32_t version, struct vt_error *err)
{
	uint32_t exhibit = 0;
	int r = vt_catalog_remove(service->index->catalog, version, &exhibit, err);

	return r < 0 ? r : retire(service, exhibit, err);
}

int vt_narrow_remove_dataset(struct vt_service *service, uint32_t dataset, struct vt_error *err)
{
	vt_autofree uint32_t *exhibits = NULL;
	size_t count = 0;
	int r = vt_catalog_remove_dataset(service->index->catalog, dataset, &exhibits, &count, err);

	for (size_t i = 0; r >= 0 && i < count; i++) {
		int one = retire(service, exhibits[i], err);

		r = one < 0 ? one : r; /* the others are finished all the same */
	}
	return r;
}
