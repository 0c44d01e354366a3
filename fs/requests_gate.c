/* SPDX-License-Identifier: Apache-2.0 */
/* Requests about the quality gates of a dataset (index/dataset_gate.h). */
#include "fs/checks.h"
#include "fs/requests.h"
#include "fs/service.h"
#include "index/base/error.h"
#include "index/dataset_gate.h"
#include "index/index.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct vt_store *store_of(const struct vt_control_request *request)
{
	return request->service->index->store;
}

int vt_serve_gate_set(struct vt_control_request *request, struct vt_error *err)
{
	const char *text;
	int r = vt_arg_text(request->args, "gate", &text, err);

	return r < 0 ? r
		     : vt_dataset_gate_set(store_of(request), request->dataset->id, text,
					   strlen(text), err);
}

static int read_text(struct vt_control_request *request, struct vt_buf *out, struct vt_error *err)
{
	int r = vt_dataset_gate(store_of(request), request->dataset->id, out, NULL);

	if (r == -ENOENT)
		return vt_fail(err, ENOENT, "'%s' has no quality gate", request->dataset->name);
	return r < 0 ? vt_fail(err, -r, "cannot read the quality gate of '%s'",
			       request->dataset->name)
		     : 0;
}

int vt_serve_gate_show(struct vt_control_request *request, struct vt_error *err)
{
	vt_cleanup(vt_buf_done) struct vt_buf text = VT_BUF_INIT;
	int r = read_text(request, &text, err);

	if (r < 0)
		return r;
	request->result = json_pack("{s:s%}", "gate", (const char *) text.data, text.len);
	return request->result ? 0 : vt_fail(err, ENOMEM, "no memory for an answer");
}

int vt_serve_gate_remove(struct vt_control_request *request, struct vt_error *err)
{
	vt_cleanup(vt_buf_done) struct vt_buf text = VT_BUF_INIT;
	int r = read_text(request, &text, err);

	return r < 0 ? r : vt_dataset_gate_remove(store_of(request), request->dataset->id, err);
}

int vt_serve_gate_check(struct vt_control_request *request, struct vt_error *err)
{
	vt_autofree char *checks = NULL;
	int r = vt_control_count_begin(err);

	if (r < 0)
		return r;
	r = vt_checks_run(request, request->version, vt_control_is_over, request, &checks, err);
	vt_control_count_end();
	if (r == -ECANCELED)
		return vt_control_stopped(request, err);
	if (r < 0)
		return vt_fail_in(err, r, "'%s@%s'", request->dataset->name,
				  request->version->name);
	if (!checks)
		return vt_fail(err, ENOENT, "'%s' has no quality gate", request->dataset->name);
	request->result =
		json_pack("{s:s, s:s, s:o*}", "dataset", request->dataset->name, "version",
			  request->version->name, "checks", json_loads(checks, 0, NULL));
	return request->result ? 0 : vt_fail(err, ENOMEM, "no memory for an answer");
}
