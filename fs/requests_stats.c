/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `stats`: what there is in a version and what its labels say, counted in the thread of the
 * connection (index/label_stats.h) and sent as one JSON document, in pieces.
 */
#include "fs/requests.h"
#include "fs/service.h"
#include "index/base/error.h"
#include "index/file_labels.h"
#include "index/index.h"
#include "index/label_stats.h"

#include <errno.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#define PIECE         (1u << 20)
#define TAKEN_AT_ONCE 2u /* each may take VT_STATS_SORT_MEMORY and more */

/* Doubles as short as they can be and still be told from their neighbours by people. */
#define DOCUMENT (JSON_COMPACT | JSON_REAL_PRECISION(15))

static int take(struct vt_control_request *request, json_t **out, struct vt_error *err)
{
	const struct vt_labelled_files tree =
		vt_labelled_files_of(request->service->index, request->version);
	vt_cleanup(vt_label_stats_freep) struct vt_label_stats *stats = NULL;
	vt_autofree char *scratch = NULL;
	struct vt_stats_options options = {.is_cancelled = vt_control_is_over, .context = request};
	int r;

	if (asprintf(&scratch, "%s/tmp", request->service->dir) < 0) {
		scratch = NULL;
		return vt_fail(err, ENOMEM, "no memory for statistics");
	}
	options.scratch = scratch;
	r = vt_label_stats_take(&tree, &options, &stats, err);
	return r < 0 ? r : vt_label_stats_json(stats, out, err);
}

static atomic_uint under_way;

int vt_control_count_begin(struct vt_error *err)
{
	if (atomic_fetch_add(&under_way, 1) < TAKEN_AT_ONCE)
		return 0;
	vt_control_count_end();
	return vt_fail(err, EAGAIN, "%u others count already; try again later", TAKEN_AT_ONCE);
}

void vt_control_count_end(void)
{
	(void) atomic_fetch_sub(&under_way, 1);
}

static int send_text(struct vt_control_request *request, const char *text, struct vt_error *err)
{
	int r = 0;

	for (size_t left = strlen(text), len; r >= 0 && left > 0; text += len, left -= len) {
		len = left < PIECE ? left : PIECE;
		r = vt_control_recheck(request, err);
		if (r >= 0)
			r = vt_control_send(request, json_object(), text, len, err);
	}
	return r;
}

int vt_serve_stats(struct vt_control_request *request, struct vt_error *err)
{
	vt_autofree char *text = NULL;
	json_t *document = NULL;
	int r = vt_control_count_begin(err);

	if (r < 0)
		return r;
	r = take(request, &document, err);
	vt_control_count_end();
	if (r == -ECANCELED)
		return vt_control_stopped(request, err);
	if (r < 0)
		return r;
	text = json_dumps(document, DOCUMENT);
	json_decref(document);
	request->result = json_pack("{s:s}", "version", request->version->name);
	if (!text || !request->result)
		return vt_fail(err, ENOMEM, "no memory for statistics");
	return send_text(request, text, err);
}
