/* SPDX-License-Identifier: Apache-2.0 */
/* See usage_view.h. */
#include "fs/usage_view.h"

#include "fs/counters.h"
#include "fs/node.h"
#include "fs/service.h"
#include "index/import.h"
#include "policy/gate.h"
#include "policy/people.h"

#define NAME_MAX_LEN 256u

struct showing {
	const struct vt_viewer *viewer;
	bool all; /* the viewer administers the store */
	vt_usage_row_seen *each;
	void *context;
	struct vt_usage_row others;
};

static void show(struct showing *showing, const char *name, const struct vt_usage_row *row)
{
	showing->each(showing->context, name, row);
}

static void add_to_others(struct showing *showing, const struct vt_usage_row *row)
{
	for (unsigned i = 0; i < VT_USAGE_SUMS; i++)
		showing->others.sums[i] += row->sums[i];
}

static void show_others(struct showing *showing)
{
	const uint64_t *sums = showing->others.sums;

	showing->others.others = true;
	if (showing->all && (sums[VT_USAGE_REQUESTS] | sums[VT_USAGE_OPENS] | sums[VT_USAGE_BYTES]))
		show(showing, "others", &showing->others);
}

static void show_reader(void *context, const struct vt_usage_row *row)
{
	struct showing *showing = context;
	char name[NAME_MAX_LEN];

	if (row->others) {
		add_to_others(showing, row);
	} else if (showing->all || row->number == showing->viewer->subject->uid) {
		vt_people_name_of(row->number, name, sizeof name);
		show(showing, name, row);
	}
}

static bool administers(const struct showing *showing, uint32_t dataset)
{
	return showing->all ||
	       vt_gate_check(showing->viewer->service->gate, showing->viewer->subject,
			     VT_RIGHT_ADMIN, (struct vt_place){.dataset = dataset}, false, NULL,
			     NULL) == 0;
}

/* What became of a dataset that is gone is among the others. */
static void show_dataset(void *context, const struct vt_usage_row *row)
{
	struct showing *showing = context;
	struct vt_catalog *catalog = showing->viewer->service->index->catalog;
	vt_cleanup(vt_dataset_unrefp) const struct vt_dataset *dataset = NULL;

	if (row->others || vt_catalog_dataset_by_id(catalog, row->number, &dataset, NULL) < 0)
		add_to_others(showing, row);
	else if (administers(showing, row->number))
		show(showing, dataset->name, row);
}

static struct showing begin(const struct vt_viewer *viewer, vt_usage_row_seen *each, void *context)
{
	return (struct showing){
		.viewer = viewer,
		.all = vt_gate_administers(viewer->service->gate, viewer->subject, false),
		.each = each,
		.context = context};
}

void vt_usage_readers_seen(const struct vt_viewer *viewer, vt_usage_row_seen *each, void *context)
{
	struct showing showing = begin(viewer, each, context);

	vt_usage_each(vt_counters_readers(viewer->service->counters), show_reader, &showing);
	show_others(&showing);
}

void vt_usage_datasets_seen(const struct vt_viewer *viewer, vt_usage_row_seen *each, void *context)
{
	struct showing showing = begin(viewer, each, context);

	vt_usage_each(vt_counters_datasets(viewer->service->counters), show_dataset, &showing);
	show_others(&showing);
}
