/* SPDX-License-Identifier: Apache-2.0 */
/* See service.h. Parts are opened bottom up and closed top down. */
#include "fs/service.h"

#include "fs/block_source.h"
#include "fs/codec.h"
#include "fs/counters.h"
#include "fs/file_reader.h"
#include "fs/frame_cache.h"
#include "fs/io_pool.h"
#include "fs/kept_texts.h"
#include "fs/label_index.h"
#include "fs/lead.h"
#include "fs/leftovers.h"
#include "fs/mount.h"
#include "fs/mount_trail.h"
#include "fs/policy_watch.h"
#include "fs/trail.h"
#include "index/base/error.h"
#include "index/base/processors.h"
#include "index/index.h"
#include "index/recent_leaves.h"
#include "index/store_facts.h"
#include "policy/book.h"
#include "policy/gate.h"
#include "policy/instant.h"
#include "policy/people.h"

#include <errno.h>
#include <string.h>

/* Threads that read: they wait for disks most of the time, and decode what came. */
#define LANE_LEAST    8u /* for one shard, or more on a machine of more processors */
#define LANE_MOST     64u
#define POOL_LANES    4u /* so many shards can have all of theirs */
#define QUERY_THREADS 16u
#define QUERIES_EACH  2u /* threads that one user's queries may take */
#define SHARDS_OPEN   256u

static int find_path(void *context, uint32_t shard, char path[4096], struct vt_error *err)
{
	return vt_index_shard_path(context, shard, path, err);
}

static int find_dictionary(void *context, uint32_t shard, uint32_t id, struct vt_dictionary **out,
			   struct vt_error *err)
{
	struct vt_buf bytes = VT_BUF_INIT;
	int r = vt_index_dictionary(context, shard, id, &bytes, err);

	if (r >= 0)
		r = vt_dictionary_new(bytes.data, bytes.len, NULL, out, err);
	vt_buf_done(&bytes);
	return r;
}

static int open_source(struct vt_service *service, struct vt_error *err)
{
	vt_cleanup(vt_block_source_freep) struct vt_block_source *local = NULL;
	int r = vt_block_source_local(service->pool, SHARDS_OPEN, find_path, service->index, &local,
				      err);

	/* Takes the local one in, or gives it back as it is. */
	return r < 0 ? r : vt_block_source_from_env(vt_steal(&local), &service->source, err);
}

static int open_policy(struct vt_service *service, struct vt_error *err)
{
	struct vt_index *index = service->index;
	struct vt_gate_parts parts;
	int r = vt_timekeeper_open(index->store, &service->time, err);

	if (r >= 0)
		r = vt_book_open(index->store, index->catalog, service->time, service->owner_uid,
				 &service->book, err);
	if (r >= 0)
		r = vt_people_new(&service->people, err);
	if (r < 0)
		return r;
	parts = (struct vt_gate_parts){.catalog = index->catalog,
				       .book = service->book,
				       .people = service->people,
				       .time = service->time};
	r = vt_gate_new(&parts, &service->gate, err);
	return r < 0 ? r : vt_trail_open(service, err);
}

static int open_labels(struct vt_service *service, struct vt_error *err)
{
	int r = vt_label_index_new(service->index, &service->labels, err);

	if (r < 0)
		return r;
	service->texts = vt_kept_texts_new();
	service->moments = vt_kept_texts_new();
	return service->texts && service->moments
		       ? 0
		       : vt_fail(err, ENOMEM, "no memory for a server's parts");
}

static int open_parts(struct vt_service *service, const char *dir, uint64_t cache_bytes,
		      struct vt_error *err)
{
	unsigned lane = vt_processors_within(LANE_LEAST, LANE_MOST);
	struct vt_index *index;
	int r = vt_index_open(dir, cache_bytes, &service->index, err);

	if (r < 0)
		return r;
	index = service->index;
	service->dir = index->dir;
	r = open_policy(service, err);
	if (r >= 0)
		r = open_labels(service, err);
	if (r == 0)
		r = vt_leftovers_open(service, &service->leftovers, err);
	if (r >= 0)
		r = vt_mount_trail_open(service, &service->mount_trail, err);
	if (r >= 0)
		r = vt_io_pool_new(POOL_LANES * lane, lane, &service->pool, err);
	if (r >= 0)
		r = vt_io_pool_new(QUERY_THREADS, QUERIES_EACH, &service->queries, err);
	if (r >= 0)
		r = open_source(service, err);
	if (r >= 0)
		r = vt_frame_cache_new(index->lru, service->source, service->pool, find_dictionary,
				       index, &service->frames, err);
	if (r >= 0)
		r = vt_file_reader_new(index->store, index->lru, service->frames, service->pool,
				       &service->reader, err);
	if (r >= 0)
		r = vt_sessions_new(service, &service->sessions, err);
	if (r >= 0)
		r = vt_policy_watch_new(service, &service->watch, err);
	return r;
}

int vt_service_open(const char *dir, uint64_t cache_bytes, struct vt_service **out,
		    struct vt_error *err)
{
	vt_cleanup(vt_service_closep) struct vt_service *service = calloc(1, sizeof *service);
	struct vt_store_facts facts;
	int r;

	if (!service)
		return vt_fail(err, ENOMEM, "no memory for a server's parts");
	(void) pthread_mutex_init(&service->ending, NULL);
	service->counters = vt_counters_new();
	service->recent = vt_recent_leaves_new();
	service->leads = vt_leads_new();
	if (!service->counters || !service->recent || !service->leads)
		return vt_fail(err, ENOMEM, "no memory for a server's parts");
	r = vt_store_facts_read(dir, &facts, err);
	if (r < 0)
		return r;
	service->owner_uid = facts.owner_uid;
	service->created_ns = facts.created_ns;
	memcpy(service->uuid, facts.uuid, sizeof service->uuid);
	r = open_parts(service, dir, cache_bytes, err);
	if (r < 0)
		return r;
	*out = vt_steal(&service);
	return 0;
}

void vt_service_close(struct vt_service *service)
{
	if (!service)
		return;
	vt_policy_watch_free(service->watch);
	vt_sessions_free(service->sessions);
	vt_label_index_stop(service->labels);
	vt_io_pool_free(service->queries);
	vt_io_pool_free(service->pool); /* first of the reading parts: its tasks use the others */
	vt_file_reader_free(service->reader);
	vt_frame_cache_free(service->frames);
	vt_block_source_free(service->source);
	vt_mount_trail_free(service->mount_trail);
	vt_leftovers_free(service->leftovers);
	vt_kept_texts_free(service->moments);
	vt_kept_texts_free(service->texts);
	vt_label_index_free(service->labels);
	vt_audit_close(service->audit);
	vt_gate_free(service->gate);
	vt_people_free(service->people);
	vt_book_close(service->book);
	vt_timekeeper_free(service->time);
	vt_recent_leaves_free(service->recent);
	vt_index_close(service->index);
	vt_leads_free(service->leads);
	vt_counters_free(service->counters);
	(void) pthread_mutex_destroy(&service->ending);
	free(service);
}
