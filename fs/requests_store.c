/* SPDX-License-Identifier: Apache-2.0 */
/* Requests about the store as a whole: gc, verify, status, stop. */
#include "fs/block_source.h"
#include "fs/frame_cache.h"
#include "fs/memory.h"
#include "fs/mount.h"
#include "fs/requests.h"
#include "fs/rows.h"
#include "fs/service.h"
#include "fs/trail.h"
#include "index/base/clock.h"
#include "index/base/error.h"
#include "index/base/log.h"
#include "index/folder.h"
#include "index/gc.h"
#include "index/index.h"
#include "index/manifest_cut.h"
#include "index/record.h"
#include "index/verify.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define GC_MIN_AGE_NS (24 * 3600 * VT_NS_PER_SEC)

int vt_serve_gc(struct vt_control_request *request, struct vt_error *err)
{
	struct vt_gc_report report = {0};
	bool dry_run, now;
	int r = vt_arg_flag(request->args, "dry_run", &dry_run, err);

	if (r >= 0)
		r = vt_arg_flag(request->args, "now", &now, err);
	if (r >= 0)
		r = vt_gc(request->service->index, dry_run, now ? 0 : GC_MIN_AGE_NS, &report, err);
	if (r < 0)
		return r;
	if (!dry_run) {
		vt_block_source_close_removed(request->service->source);
		vt_trail_gc(request->service, vt_control_caller(request));
	}
	request->result = json_pack(
		"{s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "pages", (json_int_t) report.pages, "chunks",
		(json_int_t) report.chunks, "recipes", (json_int_t) report.recipes, "shards",
		(json_int_t) report.shards, "shard_bytes", (json_int_t) report.shard_bytes,
		"kept_shards", (json_int_t) report.kept_shards, "kept_bytes",
		(json_int_t) report.kept_bytes);
	return 0;
}

/* ---- verify ---------------------------------------------------------------------------------- */

static void send_finding(void *context, const char *what, const char *problem)
{
	struct vt_control_request *request = context;
	json_t *row = json_object();

	if (row && (vt_json_set_text(row, "what", what, strlen(what)) < 0 ||
		    vt_json_set_text(row, "problem", problem, strlen(problem)) < 0))
		json_decref(vt_steal(&row));
	(void) vt_control_send(request, row, NULL, 0,
			       NULL); /* a broken channel says so at the end */
}

int vt_serve_verify_index(struct vt_control_request *request, struct vt_error *err)
{
	int r = vt_verify_index(request->service->index, send_finding, request, err);

	if (r >= 0)
		request->result = json_pack("{s:i}", "findings", r);
	return r;
}

static int send_shard(struct vt_control_request *request, uint32_t serial,
		      const struct vt_shard_record *shard, struct vt_error *err)
{
	char digest[VT_DIGEST_HEX], path[4096];
	const char *file; /* UUID.vsh */
	int r = vt_index_shard_path(request->service->index, serial, path, err);

	if (r < 0)
		return r == -ENOENT ? 0 : r; /* gc has dropped it since */
	file = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	vt_digest_format(&shard->digest, digest);
	return vt_control_send(request,
			       json_pack("{s:I, s:s%, s:s, s:I, s:s, s:I}", "serial",
					 (json_int_t) serial, "uuid", file, strcspn(file, "."),
					 "path", path, "size", (json_int_t) shard->size, "digest",
					 digest, "dictionary", (json_int_t) shard->dictionary),
			       NULL, 0, err);
}

/* All of them, or the one of `serial`, if it is there still. */
int vt_serve_verify_shards(struct vt_control_request *request, struct vt_error *err)
{
	bool one = json_object_get(request->args, "serial") != NULL;
	vt_cleanup(vt_iterator_freep) struct vt_iterator *rows = NULL;
	struct vt_value key, value;
	uint8_t only[sizeof(uint32_t)];
	uint64_t serial = 0;
	int r = one ? vt_arg_number(request->args, "serial", UINT32_MAX, &serial, err) : 0;

	vt_key_u32((uint32_t) serial, only);
	if (r >= 0)
		r = vt_iterator_new(request->service->index->store, VT_CF_SHARD, only,
				    one ? sizeof only : 0, NULL, 0, &rows, err);
	while (r >= 0 && (r = vt_iterator_next(rows, &key, &value, err)) > 0) {
		struct vt_shard_record shard;

		r = key.len == sizeof(uint32_t)
			    ? vt_shard_decode(value.data, value.len, &shard, err)
			    : vt_fail(err, EBADMSG, "the key of a shard's record is damaged");
		if (r >= 0)
			r = send_shard(request, vt_key_read_u32(key.data), &shard, err);
	}
	return r;
}

int vt_serve_verify_dictionary(struct vt_control_request *request, struct vt_error *err)
{
	struct vt_buf bytes = VT_BUF_INIT;
	uint64_t serial, id;
	int r = vt_arg_number(request->args, "serial", UINT32_MAX, &serial, err);

	if (r >= 0)
		r = vt_arg_number(request->args, "id", UINT32_MAX, &id, err);
	if (r >= 0)
		r = vt_index_dictionary(request->service->index, (uint32_t) serial, (uint32_t) id,
					&bytes, err);
	if (r >= 0)
		r = vt_control_send(request, json_object(), bytes.data, bytes.len, err);
	vt_buf_done(&bytes);
	return r;
}

/* Reads check every frame anyway, so that a damaged one is never served: what is kept is the note.
 */
int vt_serve_verify_quarantine(struct vt_control_request *request, struct vt_error *err)
{
	uint64_t serial, offset;
	const char *problem;
	int r = vt_arg_number(request->args, "serial", UINT32_MAX, &serial, err);

	if (r >= 0)
		r = vt_arg_number(request->args, "offset", UINT32_MAX, &offset, err);
	if (r >= 0)
		r = vt_arg_text(request->args, "problem", &problem, err);
	if (r < 0)
		return r;
	vt_log(VT_LOG_ERROR, "damaged frame shard=%u offset=%u problem='%s'", (unsigned) serial,
	       (unsigned) offset, problem);
	return 0;
}

/* ---- status and stop ------------------------------------------------------------------------- */

static json_t *cache_status(const struct vt_control_request *request)
{
	const struct vt_index *index = request->service->index;
	struct vt_lru_stats lru;

	vt_lru_get_stats(index->lru, &lru);
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "limit",
			 (json_int_t) request->connection->host->cache_bytes, "used",
			 (json_int_t) lru.used, "index_used",
			 (json_int_t) vt_store_cache_used(index->store), "hits",
			 (json_int_t) lru.hits, "misses", (json_int_t) lru.misses, "evictions",
			 (json_int_t) lru.evictions);
}

static json_t *counters(const struct vt_control_request *request)
{
	struct vt_frame_cache_stats frames;

	vt_frame_cache_get_stats(request->service->frames, &frames);
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "requests",
			 (json_int_t) request->connection->host->requests, "frame_reads",
			 (json_int_t) frames.reads, "frames_decoded", (json_int_t) frames.decoded,
			 "frames_shared", (json_int_t) frames.shared, "bytes_stored",
			 (json_int_t) frames.bytes_stored, "bytes_decoded",
			 (json_int_t) frames.bytes_decoded, "frames_damaged",
			 (json_int_t) frames.damaged, "reads_failed", (json_int_t) frames.failed);
}

/* What others make the server do is for who administers the store. */
static int status_for_all(struct vt_control_request *request, struct vt_error *err)
{
	request->result = json_pack("{s:i, s:s}", "pid", (int) getpid(), "version", VT_VERSION);
	return request->result ? 0 : vt_fail(err, ENOMEM, "no memory for an answer");
}

static int set_confinement(json_t *result, const struct vt_confinement *confinement)
{
	int r = json_object_set_new(result, "confined", json_string(confinement->holds));

	if (r == 0 && confinement->lacks[0])
		r = json_object_set_new(result, "unconfined", json_string(confinement->lacks));
	return r;
}

static int add_torn(void *context, const char *name, struct vt_error *err)
{
	struct vt_control_request *request = context;
	char path[VT_PATH];
	struct stat st;
	json_t *row;
	int r = vt_path(path, err, "%s/index/%s", request->service->index->dir, name);

	if (r < 0 || !vt_manifest_is_torn(name) || stat(path, &st) < 0)
		return r;
	row = json_pack("{s:I}", "bytes", (json_int_t) st.st_size);
	if (row)
		(void) vt_json_set_text(row, "path", path, strlen(path));
	if (json_array_append_new(json_object_get(request->result, "torn"), row) < 0)
		return vt_fail(err, ENOMEM, "no memory for an answer");
	return 0;
}

/* What was cut off the index at one of its openings (manifest_cut.h), until somebody removes it. */
static int set_torn(struct vt_control_request *request, struct vt_error *err)
{
	char path[VT_PATH];
	int r = vt_path(path, err, "%s/index", request->service->index->dir);

	if (r == 0 && json_object_set_new(request->result, "torn", json_array()) < 0)
		r = vt_fail(err, ENOMEM, "no memory for an answer");
	return r < 0 ? r : vt_folder_each(path, add_torn, request, err);
}

int vt_serve_status(struct vt_control_request *request, struct vt_error *err)
{
	const struct vt_host *host = request->connection->host;
	json_t *result;

	if (!vt_control_administers(request))
		return status_for_all(request, err);
	result = json_pack("{s:i, s:s, s:I, s:I, s:o, s:I, s:I, s:o}", "pid", (int) getpid(),
			   "version", VT_VERSION, "uid", (json_int_t) geteuid(), "memory",
			   (json_int_t) vt_memory_resident(), "cache", cache_status(request),
			   "mounts", (json_int_t) vt_sessions_count(request->service->sessions),
			   "imports", (json_int_t) host->imports, "counters", counters(request));

	if (!result || vt_json_set_time(result, "started", host->started_ns) < 0 ||
	    set_confinement(result, &host->confinement) < 0) {
		json_decref(result);
		return vt_fail(err, ENOMEM, "no memory for an answer");
	}
	request->result = result;
	return set_torn(request, err);
}

int vt_serve_stop(struct vt_control_request *request, struct vt_error *err)
{
	struct vt_host *host = request->connection->host;

	(void) err;
	host->stop(host);
	return 0;
}
