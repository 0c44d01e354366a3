/* SPDX-License-Identifier: Apache-2.0 */
/* Requests about what exists: datasets, versions, tags, and taking them away. */
#include "fs/narrow.h"
#include "fs/node.h"
#include "fs/requests.h"
#include "fs/rows.h"
#include "fs/service.h"
#include "fs/visible.h"
#include "index/base/error.h"
#include "index/index.h"
#include "index/store_facts.h"

#include <errno.h>
#include <string.h>

static struct vt_catalog *catalog_of(const struct vt_control_request *request)
{
	return request->service->index->catalog;
}

static int answer(struct vt_control_request *request, json_t *result, struct vt_error *err)
{
	if (!result)
		return vt_fail(err, ENOMEM, "no memory for an answer");
	request->result = result;
	return 0;
}

int vt_serve_hello(struct vt_control_request *request, struct vt_error *err)
{
	const struct vt_service *service = request->service;

	return answer(request,
		      json_pack("{s:i, s:i, s:s, s:s, s:i, s:I, s:I}", "protocol", VT_PROTOCOL,
				"format", VT_STORE_FORMAT, "version", VT_VERSION, "uuid",
				service->uuid, "pid", (int) getpid(), "owner_uid",
				(json_int_t) service->owner_uid, "caller_uid",
				(json_int_t) vt_control_caller(request)),
		      err);
}

/* ---- listings -------------------------------------------------------------------------------- */

/* Counts, and the latest, are of what the caller may see. */
static int send_dataset(struct vt_control_request *request, const struct vt_dataset *dataset,
			struct vt_error *err)
{
	const struct vt_viewer viewer = vt_control_viewer(request);
	const struct vt_version **versions = NULL, *latest = NULL;
	size_t count = 0, seen = 0;
	json_t *row;
	int r;

	r = vt_catalog_versions(catalog_of(request), dataset->id, &versions, &count);
	if (r < 0)
		return vt_fail(err, -r, "cannot list the versions of '%s': %m", dataset->name);
	for (size_t i = 0; i < count; i++) {
		if (!vt_control_sees(request, versions[i]))
			continue;
		seen++;
		if (versions[i]->serial == dataset->latest &&
		    vt_visible_version(&viewer, versions[i], false) > 0)
			latest = versions[i];
	}
	row = json_pack("{s:s, s:I, s:s*, s:I, s:I}", "dataset", dataset->name, "versions",
			(json_int_t) seen, "latest", latest ? latest->name : NULL, "bytes",
			(json_int_t) (latest ? latest->counts.bytes : 0), "files",
			(json_int_t) (latest ? latest->counts.files : 0));
	if (row)
		(void) vt_json_set_time(row, "created", dataset->created_ns);
	vt_versions_free(versions, count);
	return vt_control_send(request, row, NULL, 0, err);
}

int vt_serve_datasets(struct vt_control_request *request, struct vt_error *err)
{
	const struct vt_viewer viewer = vt_control_viewer(request);
	const struct vt_dataset **list = NULL;
	size_t count = 0;
	int r = vt_catalog_datasets(catalog_of(request), &list, &count);

	if (r < 0)
		return vt_fail(err, -r, "cannot list the datasets: %m");
	for (size_t i = 0; i < count && r >= 0; i++) {
		if (vt_visible_dataset(&viewer, list[i], false) > 0)
			r = send_dataset(request, list[i], err);
	}
	vt_datasets_free(list, count);
	return r;
}

static int send_versions(struct vt_control_request *request, const struct vt_version **versions,
			 size_t count, struct vt_error *err)
{
	struct vt_tag *tags = NULL;
	size_t tag_count = 0;
	int r = vt_catalog_tags(catalog_of(request), request->dataset->id, &tags, &tag_count);

	if (r < 0)
		return vt_fail(err, -r, "cannot list the tags of '%s': %m", request->dataset->name);
	for (size_t i = 0; i < count && r >= 0; i++)
		if (vt_control_sees(request, versions[i]))
			r = vt_control_send(request,
					    vt_row_version(catalog_of(request), request->dataset,
							   versions[i], tags, tag_count),
					    NULL, 0, err);
	vt_tags_free(tags, tag_count);
	return r;
}

int vt_serve_versions(struct vt_control_request *request, struct vt_error *err)
{
	const struct vt_version **versions = NULL;
	size_t count = 0;
	int r = vt_catalog_versions(catalog_of(request), request->dataset->id, &versions, &count);

	if (r < 0)
		return vt_fail(err, -r, "cannot list the versions of '%s': %m",
			       request->dataset->name);
	r = send_versions(request, versions, count, err);
	vt_versions_free(versions, count);
	return r;
}

int vt_serve_show(struct vt_control_request *request, struct vt_error *err)
{
	return answer(request,
		      vt_row_version_alone(catalog_of(request), request->dataset, request->version),
		      err);
}

/* ---- changes --------------------------------------------------------------------------------- */

/* The row of `serial` as it is after a change. */
static int answer_anew(struct vt_control_request *request, uint32_t serial, struct vt_error *err)
{
	vt_cleanup(vt_dataset_unrefp) const struct vt_dataset *dataset = NULL;
	vt_cleanup(vt_version_unrefp) const struct vt_version *version = NULL;
	int r = vt_catalog_version(catalog_of(request), serial, &version, err);

	if (r >= 0)
		r = vt_catalog_dataset_by_id(catalog_of(request), version->dataset, &dataset, err);
	if (r < 0)
		return r;
	return answer(request, vt_row_version_alone(catalog_of(request), dataset, version), err);
}

/* What cannot be undone by naming another version must name the one it means. */
static int version_was_named(const struct vt_control_request *request, struct vt_error *err)
{
	const char *name;

	return vt_arg_text(request->args, "version", &name, err);
}

int vt_serve_tag(struct vt_control_request *request, struct vt_error *err)
{
	const char *tag;
	int r = vt_arg_text(request->args, "tag", &tag, err);

	if (r >= 0)
		r = vt_catalog_tag(catalog_of(request), request->dataset->id, tag,
				   request->version->serial, err);
	vt_narrow_names_changed(request->service, request->dataset->id);
	return r < 0 ? r : answer_anew(request, request->version->serial, err);
}

static uint32_t tagged_version(struct vt_catalog *catalog, uint32_t dataset, const char *name)
{
	struct vt_tag *tags = NULL;
	uint32_t serial = 0;
	size_t count = 0;

	if (vt_catalog_tags(catalog, dataset, &tags, &count) < 0)
		return 0;
	for (size_t i = 0; i < count; i++)
		if (strcmp(tags[i].name, name) == 0)
			serial = tags[i].version;
	vt_tags_free(tags, count);
	return serial;
}

int vt_serve_untag(struct vt_control_request *request, struct vt_error *err)
{
	uint32_t serial;
	const char *tag;
	int r = vt_arg_text(request->args, "tag", &tag, err);

	if (r < 0)
		return r;
	serial = tagged_version(catalog_of(request), request->dataset->id, tag);
	r = vt_catalog_untag(catalog_of(request), request->dataset->id, tag, err);
	vt_narrow_names_changed(request->service, request->dataset->id);
	return r < 0 || !serial ? r : answer_anew(request, serial, err);
}

int vt_serve_rollback(struct vt_control_request *request, struct vt_error *err)
{
	int r = version_was_named(request, err);

	if (r >= 0)
		r = vt_catalog_set_latest(catalog_of(request), request->dataset->id,
					  request->version->serial, err);
	vt_narrow_names_changed(request->service, request->dataset->id);
	return r < 0 ? r : answer_anew(request, request->version->serial, err);
}

int vt_serve_withdraw(struct vt_control_request *request, struct vt_error *err)
{
	const char *reason = "";
	int r = version_was_named(request, err);

	if (r >= 0)
		r = vt_arg_text_or(request->args, "reason", &reason, err);
	if (r >= 0)
		r = vt_narrow_withdraw(request->service, request->version->serial, reason,
				       vt_control_caller(request), err);
	return r < 0 ? r : answer_anew(request, request->version->serial, err);
}

/* ---- removal --------------------------------------------------------------------------------- */

static int remove_version(struct vt_control_request *request, const char *name, bool dry_run,
			  uint64_t *bytes, struct vt_error *err)
{
	int r = vt_catalog_resolve(catalog_of(request), request->dataset->id, name,
				   &request->version, err);

	if (r < 0)
		return r;
	*bytes = request->version->counts.bytes;
	return dry_run ? 0
		       : vt_narrow_remove(request->service, request->version->serial,
					  vt_control_caller(request), err);
}

static int remove_dataset(struct vt_control_request *request, bool dry_run, size_t *count,
			  uint64_t *bytes, struct vt_error *err)
{
	const struct vt_version **versions = NULL;
	int r = vt_catalog_versions(catalog_of(request), request->dataset->id, &versions, count);

	if (r < 0)
		return vt_fail(err, -r, "cannot list the versions of '%s': %m",
			       request->dataset->name);
	for (size_t i = 0; i < *count; i++)
		*bytes += versions[i]->counts.bytes;
	vt_versions_free(versions, *count);
	return dry_run ? 0
		       : vt_narrow_remove_dataset(request->service, request->dataset->id,
						  vt_control_caller(request), err);
}

int vt_serve_remove(struct vt_control_request *request, struct vt_error *err)
{
	const char *name = NULL;
	uint64_t bytes = 0;
	size_t count = 1;
	bool dry_run;
	int r = vt_arg_flag(request->args, "dry_run", &dry_run, err);

	if (r >= 0)
		r = vt_arg_text_or(request->args, "version", &name, err);
	if (r < 0)
		return r;
	r = name ? remove_version(request, name, dry_run, &bytes, err)
		 : remove_dataset(request, dry_run, &count, &bytes, err);
	if (r < 0)
		return r;
	return answer(request,
		      json_pack("{s:I, s:I}", "versions", (json_int_t) count, "bytes",
				(json_int_t) bytes),
		      err);
}
