/* SPDX-License-Identifier: Apache-2.0 */
/* The request `io`: what the mounts do, as counted (counters.h). */
#include "fs/block_source.h"
#include "fs/counters.h"
#include "fs/frame_cache.h"
#include "fs/memory.h"
#include "fs/node.h"
#include "fs/requests.h"
#include "fs/rows.h"
#include "fs/service.h"
#include "fs/usage_view.h"
#include "index/base/error.h"
#include "index/base/lru.h"
#include "index/page_cache.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* Adds to a member that may be there: kinds and errors without a name of theirs share one. */
static void add_count(json_t *object, const char *key, uint64_t n)
{
	json_int_t before = json_integer_value(json_object_get(object, key));

	if (n > 0)
		(void) json_object_set_new(object, key, json_integer(before + (json_int_t) n));
}

static json_t *messages(const struct vt_counted *counted)
{
	json_t *object = json_object();

	for (uint32_t code = 0; code < VT_COUNTERS_OPCODES; code++) {
		const char *name = vt_opcode_name(code);

		add_count(object, name ? name : "other", counted->messages[code]);
	}
	return object;
}

static json_t *errors(const struct vt_counted *counted)
{
	json_t *object = json_object();

	for (int code = 0; code < (int) VT_COUNTERS_ERRORS; code++)
		add_count(object, vt_errno_name(code), counted->errors[code]);
	return object;
}

static json_t *latency_of(const struct vt_latency *latency)
{
	json_t *counts = json_array();
	uint64_t total = latency->beyond;

	for (unsigned i = 0; i < VT_LATENCY_BOUNDS; i++) {
		(void) json_array_append_new(counts, json_integer((json_int_t) latency->within[i]));
		total += latency->within[i];
	}
	(void) json_array_append_new(counts, json_integer((json_int_t) latency->beyond));
	return json_pack("{s:I, s:I, s:o}", "count", (json_int_t) total, "sum_ns",
			 (json_int_t) latency->sum_ns, "counts", counts);
}

static json_t *latencies(const struct vt_counted *counted)
{
	json_t *object = json_object();

	for (unsigned c = 0; c < VT_OP_CLASSES; c++)
		(void) json_object_set_new(object, vt_op_class_name(c),
					   latency_of(&counted->latency[c]));
	return object;
}

static json_t *looks(const struct vt_lru_stats *cache, enum vt_lru_kind kind)
{
	return json_pack("{s:I, s:I}", "hits", (json_int_t) cache->kinds[kind].hits, "misses",
			 (json_int_t) cache->kinds[kind].misses);
}

static json_t *cache(struct vt_service *service)
{
	struct vt_page_cache_stats pages;
	struct vt_lru_stats cache;
	json_t *looked;

	vt_lru_get_stats(service->index->lru, &cache);
	vt_page_cache_get_stats(service->index->page_cache, &pages);
	looked = looks(&cache, VT_LRU_PAGE);
	(void) json_object_set_new(looked, "around", json_integer((json_int_t) pages.around));
	(void) json_object_set_new(looked, "around_used", json_integer((json_int_t) pages.used));
	return json_pack("{s:I, s:I, s:I, s:o, s:o, s:o}", "used", (json_int_t) cache.used, "limit",
			 (json_int_t) cache.limit, "evictions", (json_int_t) cache.evictions,
			 "frames", looks(&cache, VT_LRU_FRAME), "pages", looked, "recipes",
			 looks(&cache, VT_LRU_RECIPE));
}

static json_t *frames(struct vt_service *service)
{
	struct vt_frame_cache_stats frames;
	struct vt_block_source_stats source;

	vt_frame_cache_get_stats(service->frames, &frames);
	vt_block_source_get_stats(service->source, &source);
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "around",
			 (json_int_t) source.around, "around_used", (json_int_t) source.around_used,
			 "reads", (json_int_t) frames.reads, "waits", (json_int_t) frames.shared,
			 "decoded", (json_int_t) frames.decoded, "bytes_stored",
			 (json_int_t) frames.bytes_stored, "bytes_decoded",
			 (json_int_t) frames.bytes_decoded, "damaged", (json_int_t) frames.damaged,
			 "failed", (json_int_t) frames.failed);
}

static void add_row(void *context, const char *name, const struct vt_usage_row *row)
{
	json_t *out =
		json_pack("{s:I, s:I, s:I}", "requests", (json_int_t) row->sums[VT_USAGE_REQUESTS],
			  "opens", (json_int_t) row->sums[VT_USAGE_OPENS], "bytes",
			  (json_int_t) row->sums[VT_USAGE_BYTES]);

	(void) vt_json_set_text(out, "name", name, strlen(name));
	if (!row->others)
		(void) json_object_set_new(out, "id", json_integer(row->number));
	(void) json_array_append_new(context, out);
}

static void set_rows(const struct vt_viewer *viewer, json_t *result)
{
	json_t *readers = json_array(), *datasets = json_array();

	vt_usage_readers_seen(viewer, add_row, readers);
	vt_usage_datasets_seen(viewer, add_row, datasets);
	(void) json_object_set_new(result, "readers", readers);
	(void) json_object_set_new(result, "datasets", datasets);
}

/* What others make the server do is for who administers the store. */
static void set_sums(struct vt_service *service, json_t *result)
{
	struct vt_counted counted;

	vt_counters_sum(service->counters, &counted);
	(void) json_object_set_new(result, "memory",
				   json_integer((json_int_t) vt_memory_resident()));
	(void) json_object_set_new(result, "requests", messages(&counted));
	(void) json_object_set_new(result, "errors", errors(&counted));
	(void) json_object_set_new(result, "latency", latencies(&counted));
	(void) json_object_set_new(result, "opens", json_integer((json_int_t) counted.opens));
	(void) json_object_set_new(result, "bytes", json_integer((json_int_t) counted.bytes));
	(void) json_object_set_new(result, "cache", cache(service));
	(void) json_object_set_new(result, "frames", frames(service));
}

int vt_serve_io(struct vt_control_request *request, struct vt_error *err)
{
	const struct vt_viewer viewer = vt_control_viewer(request);
	struct vt_service *service = request->service;

	request->result = json_pack("{s:i, s:I}", "pid", (int) getpid(), "age_ns",
				    (json_int_t) vt_counters_age_ns(service->counters));
	if (!request->result)
		return vt_fail(err, ENOMEM, "no memory for an answer");
	if (vt_control_administers(request))
		set_sums(service, request->result);
	set_rows(&viewer, request->result);
	return 0;
}
