/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `warm`: the stored bytes of a version's files, or of some, into memory (warm.h), in the thread of
 * the connection. Rows say how far it is.
 */
#include "fs/warm.h"

#include "fs/hits.h"
#include "fs/memory.h"
#include "fs/requests.h"
#include "fs/service.h"
#include "index/base/clock.h"
#include "index/base/error.h"
#include "index/expression.h"
#include "index/file_labels.h"
#include "index/index.h"

#define TELL_NS (200 * (VT_NS_PER_SEC / 1000)) /* between two rows */

struct warming {
	struct vt_control_request *request;
	struct vt_warm *warm;
	struct vt_hits *hits;  /* of args.where; NULL: all */
	uint32_t at, end;      /* positions */
	uint64_t files, bytes; /* that were taken */
	uint64_t told_ns;
};

/* The positions that args.path means: all without one. */
static int find_range(struct warming *w, struct vt_error *err)
{
	vt_cleanup(vt_buf_done) struct vt_buf path = VT_BUF_INIT;
	vt_cleanup(vt_node_done) struct vt_node node = {0};
	int r = vt_control_find_path(w->request, &path, &node, err);

	if (r < 0)
		return r;
	w->at = node.position;
	w->end = node.position + node.entry.nodes;
	return 0;
}

static int find_hits(struct warming *w, struct vt_error *err)
{
	vt_cleanup(vt_expression_freep) const struct vt_expression *expression = NULL;

	if (!json_object_get(w->request->args, "where"))
		return 0;
	return vt_control_select(w->request, &expression, &w->hits, err);
}

static int tell(struct warming *w, struct vt_error *err)
{
	uint64_t now = vt_clock_monotonic_ns();
	int r;

	if (now - w->told_ns < TELL_NS)
		return 0;
	w->told_ns = now;
	r = vt_control_recheck(w->request, err);
	if (r < 0)
		return r;
	return vt_control_send(w->request,
			       json_pack("{s:I, s:I}", "files", (json_int_t) w->files, "bytes",
					 (json_int_t) w->bytes),
			       NULL, 0, err);
}

/* 0: all were; 1: there was no room for more. */
static int bring_files(struct warming *w, struct vt_error *err)
{
	const struct vt_labelled_files version =
		vt_labelled_files_of(w->request->service->index, w->request->version);
	vt_cleanup(vt_file_labels_freep) struct vt_file_labels *files = NULL;
	struct vt_labelled_file file;
	int r = vt_file_labels_new(&version, &files, err);

	while (r == 0) {
		if (w->hits)
			w->at = vt_hits_next(w->hits, w->at);
		if (w->at >= w->end) /* VT_HITS_NONE is beyond any */
			return vt_warm_finish(w->warm, err);
		r = vt_file_labels_next(files, w->at, &file, err);
		if (r == 0 || (r > 0 && file.position >= w->end))
			return vt_warm_finish(w->warm, err);
		if (r > 0)
			r = vt_warm_add(w->warm, file.entry, err);
		if (r < 0)
			return r;
		w->at = file.position + 1;
		w->files++;
		w->bytes += file.entry->size;
		if (r == 0)
			r = tell(w, err);
	}
	return r;
}

static int answer(const struct warming *w, bool all, struct vt_error *err)
{
	w->request->result =
		json_pack("{s:s, s:I, s:I, s:I, s:b}", "version", w->request->version->name,
			  "files", (json_int_t) w->files, "bytes", (json_int_t) w->bytes,
			  "stored_bytes", (json_int_t) vt_warm_stored(w->warm), "complete", all);
	return w->request->result ? 0 : vt_fail(err, ENOMEM, "no memory for an answer");
}

int vt_serve_warm(struct vt_control_request *request, struct vt_error *err)
{
	/* Half stays for what else there is: pages that are wanted must not push others out. */
	uint64_t room = vt_memory_available() / 2;
	struct warming w = {.request = request};
	int r = find_range(&w, err);

	if (r >= 0)
		r = find_hits(&w, err);
	if (r >= 0)
		r = vt_warm_new(request->service->index, request->service->source,
				request->dataset->domain, room, &w.warm, err);
	if (r >= 0)
		r = vt_control_count_begin(err);
	if (r >= 0) {
		r = bring_files(&w, err);
		vt_control_count_end();
	}
	if (r >= 0)
		r = answer(&w, r == 0, err);
	vt_warm_free(w.warm);
	vt_hits_unref(w.hits);
	return r;
}
