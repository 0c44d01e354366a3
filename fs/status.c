/* SPDX-License-Identifier: Apache-2.0 */
/* See status.h. */
#include "fs/status.h"

#include "fs/frame_cache.h"
#include "fs/metrics.h"
#include "fs/mount.h"
#include "fs/node.h"
#include "fs/service.h"
#include "fs/visible.h"
#include "index/base/lru.h"
#include "index/import.h"
#include "policy/gate.h"

/* One figure, with the name and the words of both texts. */
struct figure {
	const char *name, *type, *help;
	uint64_t value;
};

static void count_requests(void *context, const struct vt_session_info *info)
{
	uint64_t *sum = context;

	*sum += info->requests;
}

#define FIGURES      11
#define FIGURES_OPEN 2 /* the first ones are for everybody */
static void collect(struct vt_service *service, const struct vt_totals *totals,
		    struct figure out[FIGURES])
{
	struct vt_frame_cache_stats frames;
	struct vt_lru_stats cache;
	uint64_t requests = 0;

	vt_frame_cache_get_stats(service->frames, &frames);
	vt_lru_get_stats(service->index->lru, &cache);
	vt_sessions_each(service->sessions, count_requests, &requests);
	const struct figure figures[FIGURES] = {
		{"datasets", "gauge", "Datasets with a live version", totals->datasets},
		{"versions", "gauge", "Live versions", totals->versions},
		{"mounts", "gauge", "Mounts served", vt_sessions_count(service->sessions)},
		{"requests_total", "counter", "FUSE requests of the mounts there are", requests},
		{"cache_bytes", "gauge", "Bytes cached and in flight", cache.used},
		{"cache_limit_bytes", "gauge", "Their limit", cache.limit},
		{"cache_hits_total", "counter", "Objects found in the cache", cache.hits},
		{"cache_misses_total", "counter", "Objects not found there", cache.misses},
		{"frames_decoded_total", "counter", "Frames decoded", frames.decoded},
		{"stored_bytes_read_total", "counter", "Encoded bytes read", frames.bytes_stored},
		{"damaged_frames_total", "counter", "Frames refused as damaged", frames.damaged},
	};

	for (int i = 0; i < FIGURES; i++)
		out[i] = figures[i];
}

int vt_status_text(const struct vt_viewer *viewer, uint32_t which, bool nowait, struct vt_buf *out)
{
	struct figure figures[FIGURES];
	struct vt_totals totals;
	bool json = which == VT_CONTROL_STATUS;
	int r = nowait && !json ? -EAGAIN : vt_visible_totals(viewer, nowait, &totals);
	int count;
	bool all;

	if (r < 0)
		return r;
	collect(viewer->service, &totals, figures);
	all = vt_gate_administers(viewer->service->gate, viewer->subject, true);
	count = all ? FIGURES : FIGURES_OPEN;
	if (json)
		vt_buf_printf(out, "{\"program\": \"vitrine\", \"version\": \"%s\"", VT_VERSION);
	for (int i = 0; i < count; i++) {
		const struct figure *f = &figures[i];

		if (json)
			vt_buf_printf(out, ",\n \"%s\": %llu", f->name,
				      (unsigned long long) f->value);
		else
			vt_metrics_plain(out, f->name, f->type, f->help, f->value);
	}
	if (json)
		vt_buf_printf(out, "}\n");
	else
		vt_metrics_counters(viewer, all, out);
	return vt_buf_failed(out) ? -ENOMEM : 0;
}

int vt_status_text_of(const struct vt_viewer *viewer, uint32_t which, enum vt_kept_kind kind,
		      uint32_t number, bool nowait, struct vt_buf *out)
{
	struct vt_kept_texts *moments = viewer->service->moments;
	const uint64_t of = (uint64_t) viewer->subject->uid << 32 | number;
	struct vt_buf text = VT_BUF_INIT;
	int r;

	if (vt_kept_texts_find(moments, of, kind, out))
		return vt_buf_failed(out) ? -ENOMEM : 0;
	r = vt_status_text(viewer, which, nowait, &text);
	if (r < 0) {
		vt_buf_done(&text);
		return r;
	}
	vt_buf_put(out, text.data, text.len);
	vt_kept_texts_keep(moments, of, kind, text);
	return vt_buf_failed(out) ? -ENOMEM : 0;
}
