/* SPDX-License-Identifier: Apache-2.0 */
/* See visible.h. */
#include "fs/visible.h"

#include <errno.h>

#include "fs/node.h"
#include "fs/service.h"
#include "fs/session.h"
#include "index/import.h"
#include "policy/gate.h"

static enum vt_mount_kind kind_of(const struct vt_viewer *viewer)
{
	return viewer->session ? viewer->session->plan->kind : VT_MOUNT_SHARED;
}

bool vt_is_locked_out(const struct vt_viewer *viewer, uint32_t dataset, uint32_t version)
{
	const struct vt_mount_plan *plan = viewer->session ? viewer->session->plan : NULL;

	return plan && plan->locked_version &&
	       (dataset != plan->locked_dataset || (version && version != plan->locked_version));
}

static int may(const struct vt_viewer *viewer, enum vt_right right, struct vt_place place,
	       bool nowait)
{
	int r = vt_gate_check(viewer->service->gate, viewer->subject, right, place, nowait, NULL,
			      NULL);

	return r == -EAGAIN || r == -ENOMEM ? r : r == 0;
}

int vt_visible_version(const struct vt_viewer *viewer, const struct vt_version *version,
		       bool nowait)
{
	const struct vt_place place = {version->dataset, version->serial};

	if (version->state != VT_VERSION_LIVE ||
	    vt_is_locked_out(viewer, version->dataset, version->serial))
		return 0;
	switch (kind_of(viewer)) {
	case VT_MOUNT_OPEN_ONLY:
		return vt_gate_is_open(viewer->service->gate, place);
	case VT_MOUNT_PRIVATE:
		return may(viewer, VT_RIGHT_BROWSE, place, nowait);
	case VT_MOUNT_SHARED:
		break;
	}
	return may(viewer, VT_RIGHT_SEE, place, nowait);
}

/* On mounts for one kind of reader a dataset is shown when one of its versions is. */
static int has_visible_version(const struct vt_viewer *viewer, const struct vt_dataset *dataset,
			       bool nowait)
{
	const struct vt_version **versions;
	size_t count;
	int r = vt_catalog_versions(viewer->service->index->catalog, dataset->id, &versions,
				    &count);

	if (r < 0)
		return r;
	for (size_t i = 0; i < count && r == 0; i++)
		r = vt_visible_version(viewer, versions[i], nowait);
	vt_versions_free(versions, count);
	return r;
}

int vt_visible_dataset(const struct vt_viewer *viewer, const struct vt_dataset *dataset,
		       bool nowait)
{
	if (vt_is_locked_out(viewer, dataset->id, 0))
		return 0;
	if (kind_of(viewer) == VT_MOUNT_SHARED)
		return may(viewer, VT_RIGHT_SEE, (struct vt_place){dataset->id, 0}, nowait);
	return has_visible_version(viewer, dataset, nowait);
}

static int add_dataset(const struct vt_viewer *viewer, const struct vt_dataset *dataset,
		       bool nowait, struct vt_totals *sum)
{
	const struct vt_version **versions;
	uint64_t before = sum->versions;
	size_t count;
	int r = vt_catalog_versions(viewer->service->index->catalog, dataset->id, &versions,
				    &count);

	if (r < 0)
		return r;
	for (size_t i = 0; i < count && r >= 0; i++) {
		r = vt_visible_version(viewer, versions[i], nowait);
		if (r <= 0)
			continue;
		sum->bytes += versions[i]->counts.bytes;
		sum->nodes += versions[i]->tree.root.nodes;
		sum->versions++;
	}
	vt_versions_free(versions, count);
	sum->datasets += sum->versions > before;
	return r < 0 ? r : 0;
}

int vt_visible_totals(const struct vt_viewer *viewer, bool nowait, struct vt_totals *out)
{
	const struct vt_dataset **datasets;
	struct vt_totals sum = {0};
	size_t count;
	int r = vt_catalog_datasets(viewer->service->index->catalog, &datasets, &count);

	if (r < 0)
		return r;
	for (size_t i = 0; i < count && r == 0; i++)
		r = add_dataset(viewer, datasets[i], nowait, &sum);
	vt_datasets_free(datasets, count);
	if (r == 0)
		*out = sum;
	return r;
}
