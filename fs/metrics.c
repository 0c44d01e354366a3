/* SPDX-License-Identifier: Apache-2.0 */
/* See metrics.h. */
#include "fs/metrics.h"

#include <string.h>

#include "fs/block_source.h"
#include "fs/counters.h"
#include "fs/frame_cache.h"
#include "fs/memory.h"
#include "fs/message.h"
#include "fs/node.h"
#include "fs/service.h"
#include "fs/usage_view.h"
#include "index/base/lru.h"
#include "index/import.h"
#include "index/page_cache.h"

static void put_family(struct vt_buf *out, const char *name, const char *type, const char *help)
{
	vt_buf_printf(out, "# HELP vitrine_%s %s\n# TYPE vitrine_%s %s\n", name, help, name, type);
}

void vt_metrics_plain(struct vt_buf *out, const char *name, const char *type, const char *help,
		      uint64_t value)
{
	put_family(out, name, type, help);
	vt_buf_printf(out, "vitrine_%s %llu\n", name, (unsigned long long) value);
}

/* Of a family with one label, the value of which is plain. */
static void put_sample(struct vt_buf *out, const char *name, const char *label, const char *text,
		       uint64_t value)
{
	vt_buf_printf(out, "vitrine_%s{%s=\"%s\"} %llu\n", name, label, text,
		      (unsigned long long) value);
}

/* The value of a label, which may hold anything. */
static void put_escaped(struct vt_buf *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '\n')
			vt_buf_put(out, "\\n", 2);
		else if (*text == '"' || *text == '\\')
			vt_buf_printf(out, "\\%c", *text);
		else
			vt_buf_put(out, text, 1);
	}
}

/* ---- what the mounts do ---------------------------------------------------------------------- */

/* Kinds without a name of theirs stand together, as "other". */
static void put_messages(struct vt_buf *out, const struct vt_counted *counted)
{
	uint64_t other = 0;

	put_family(out, "fuse_requests_total", "counter", "Messages of the kernel, by kind");
	for (uint32_t code = 0; code < VT_COUNTERS_OPCODES; code++) {
		const char *name = vt_opcode_name(code);

		if (name)
			put_sample(out, "fuse_requests_total", "kind", name,
				   counted->messages[code]);
		else
			other += counted->messages[code];
	}
	put_sample(out, "fuse_requests_total", "kind", "other", other);
}

/* EIO is also the name of what has none, and both are one sample. */
static uint64_t errors_named_eio(const struct vt_counted *counted)
{
	uint64_t sum = 0;

	for (int code = 0; code < (int) VT_COUNTERS_ERRORS; code++)
		if (strcmp(vt_errno_name(code), "EIO") == 0)
			sum += counted->errors[code];
	return sum;
}

static void put_errors(struct vt_buf *out, const struct vt_counted *counted)
{
	put_family(out, "fuse_errors_total", "counter", "Answers that were an error");
	for (int code = 1; code < (int) VT_COUNTERS_ERRORS; code++)
		if (counted->errors[code] > 0 && strcmp(vt_errno_name(code), "EIO") != 0)
			put_sample(out, "fuse_errors_total", "errno", vt_errno_name(code),
				   counted->errors[code]);
	put_sample(out, "fuse_errors_total", "errno", "EIO", errors_named_eio(counted));
}

static void put_latency_of(struct vt_buf *out, const char *kind, const struct vt_latency *latency)
{
	unsigned long long count = 0;

	for (unsigned i = 0; i < VT_LATENCY_BOUNDS; i++) {
		count += latency->within[i];
		vt_buf_printf(out, "vitrine_request_seconds_bucket{kind=\"%s\",le=\"%.6f\"} %llu\n",
			      kind, (double) vt_latency_bound_us(i) / 1e6, count);
	}
	count += latency->beyond;
	vt_buf_printf(out,
		      "vitrine_request_seconds_bucket{kind=\"%s\",le=\"+Inf\"} %llu\n"
		      "vitrine_request_seconds_sum{kind=\"%s\"} %.9f\n"
		      "vitrine_request_seconds_count{kind=\"%s\"} %llu\n",
		      kind, count, kind, (double) latency->sum_ns / 1e9, kind, count);
}

static void put_latency(struct vt_buf *out, const struct vt_counted *counted)
{
	put_family(out, "request_seconds", "histogram",
		   "From the arrival of a request to its answer");
	for (unsigned c = 0; c < VT_OP_CLASSES; c++)
		put_latency_of(out, vt_op_class_name(c), &counted->latency[c]);
}

static void put_mounts(struct vt_buf *out, struct vt_service *service)
{
	struct vt_counted counted;

	vt_counters_sum(service->counters, &counted);
	put_messages(out, &counted);
	put_errors(out, &counted);
	put_latency(out, &counted);
	vt_metrics_plain(out, "files_opened_total", "counter", "Files opened, where OPEN is asked",
			 counted.opens);
	vt_metrics_plain(out, "read_bytes_total", "counter", "Bytes that answered READ",
			 counted.bytes);
}

/* ---- what the server does for that ----------------------------------------------------------- */

static void put_cache(struct vt_buf *out, struct vt_service *service)
{
	static const char *const objects[VT_LRU_KINDS] = {
		[VT_LRU_PAGE] = "page", [VT_LRU_FRAME] = "frame", [VT_LRU_RECIPE] = "recipe"};
	struct vt_page_cache_stats pages;
	struct vt_lru_stats cache;

	vt_lru_get_stats(service->index->lru, &cache);
	vt_page_cache_get_stats(service->index->page_cache, &pages);
	put_family(out, "cache_lookups_total", "counter",
		   "Looks into the cache; a miss of a page or recipe reads the index");
	for (unsigned kind = 0; kind < VT_LRU_KINDS; kind++) {
		const char *object = objects[kind];

		if (object)
			vt_buf_printf(out,
				      "vitrine_cache_lookups_total{object=\"%s\",result=\"hit\"} "
				      "%llu\n"
				      "vitrine_cache_lookups_total{object=\"%s\",result=\"miss\"} "
				      "%llu\n",
				      object, (unsigned long long) cache.kinds[kind].hits, object,
				      (unsigned long long) cache.kinds[kind].misses);
	}
	vt_metrics_plain(out, "cache_evictions_total", "counter",
			 "Objects that made room for others", cache.evictions);
	vt_metrics_plain(out, "pages_around_total", "counter",
			 "Pages of the index read together with others", pages.around);
	vt_metrics_plain(out, "pages_around_used_total", "counter",
			 "Of these, pages that were wanted later", pages.used);
}

static void put_frames(struct vt_buf *out, struct vt_service *service)
{
	struct vt_frame_cache_stats frames;
	struct vt_block_source_stats source;

	vt_frame_cache_get_stats(service->frames, &frames);
	vt_block_source_get_stats(service->source, &source);
	vt_metrics_plain(out, "frame_reads_total", "counter", "Frames fetched from shards",
			 frames.reads);
	vt_metrics_plain(out, "frame_waits_total", "counter",
			 "Waits for a frame another reader fetched", frames.shared);
	vt_metrics_plain(out, "decoded_bytes_total", "counter", "Bytes that frames were decoded to",
			 frames.bytes_decoded);
	vt_metrics_plain(out, "read_around_bytes_total", "counter",
			 "Bytes read from shards together with frames", source.around);
	vt_metrics_plain(out, "read_around_used_bytes_total", "counter",
			 "Of these, in blocks that a frame was found in later", source.around_used);
	vt_metrics_plain(out, "failed_frames_total", "counter", "Frames that could not be read",
			 frames.failed);
}

static void put_process(struct vt_buf *out, struct vt_service *service)
{
	put_family(out, "uptime_seconds", "gauge", "Since the counters began");
	vt_buf_printf(out, "vitrine_uptime_seconds %.3f\n",
		      (double) vt_counters_age_ns(service->counters) / 1e9);
	vt_metrics_plain(out, "memory_bytes", "gauge", "Resident memory of the server",
			 vt_memory_resident());
}

/* ---- for whom -------------------------------------------------------------------------------- */

/* A family is written in one piece, so the rows are asked for once for each. */
struct usage_family {
	struct vt_buf *out;
	const char *name, *label;
	enum vt_usage_sum which;
};

static void put_usage(void *context, const char *name, const struct vt_usage_row *row)
{
	const struct usage_family *family = context;

	vt_buf_printf(family->out, "vitrine_%s{%s=\"", family->name, family->label);
	put_escaped(family->out, name);
	vt_buf_printf(family->out, "\"} %llu\n", (unsigned long long) row->sums[family->which]);
}

static void put_usages(const struct vt_viewer *viewer, struct vt_buf *out)
{
	static const struct {
		const char *name, *help;
		bool readers;
		enum vt_usage_sum which;
	} families[] = {
		{"reader_requests_total", "Requests of a user", true, VT_USAGE_REQUESTS},
		{"reader_opens_total", "Files that a user opened", true, VT_USAGE_OPENS},
		{"reader_bytes_total", "Bytes that a user read", true, VT_USAGE_BYTES},
		{"dataset_opens_total", "Files of a dataset opened", false, VT_USAGE_OPENS},
		{"dataset_bytes_total", "Bytes of a dataset read", false, VT_USAGE_BYTES},
	};

	for (size_t i = 0; i < sizeof families / sizeof *families; i++) {
		bool readers = families[i].readers;
		struct usage_family family = {.out = out,
					      .name = families[i].name,
					      .label = readers ? "user" : "dataset",
					      .which = families[i].which};

		put_family(out, families[i].name, "counter", families[i].help);
		(readers ? vt_usage_readers_seen : vt_usage_datasets_seen)(viewer, put_usage,
									   &family);
	}
}

void vt_metrics_counters(const struct vt_viewer *viewer, bool all, struct vt_buf *out)
{
	if (all) {
		put_process(out, viewer->service);
		put_mounts(out, viewer->service);
		put_cache(out, viewer->service);
		put_frames(out, viewer->service);
	}
	put_usages(viewer, out);
}
