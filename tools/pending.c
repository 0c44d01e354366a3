/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Weak stand-ins for parts that are not in this tree yet, so that the program links. Goes when they
 * are there: a weak definition here would hide the real one in its library.
 */
#include <errno.h>

#include "fs/control_client.h"
#include "fs/keeper.h"
#include "fs/server.h"
#include "fs/shard_reader.h"
#include "index/base/error.h"
#include "index/index.h"
#include "tools/publish/backend_client.h"
#include "tools/publish/publish.h"

#define WEAK __attribute__((weak))
static int absent(struct vt_error *err)
{
	return vt_fail(err, ENOSYS, "this build has no store");
}
WEAK int vt_publish(struct vt_publish_backend *backend, const struct vt_import_info *info,
		    const char *dataset, const char *as, const struct vt_publish_options *options,
		    struct vt_publish_result *out, struct vt_error *err)
{
	return absent(err);
}
WEAK int vt_publish_backend_open(struct vt_client *client, const char *dataset, const char *as,
				 struct vt_publish_backend **out, struct vt_import_info *info,
				 struct vt_error *err)
{
	return absent(err);
}
WEAK void vt_publish_backend_close(struct vt_publish_backend *backend)
{
}
WEAK int vt_shard_reader_open(const char *path, struct vt_shard_reader **out,
			      struct vt_shard_facts *facts, struct vt_error *err)
{
	return absent(err);
}
WEAK void vt_shard_reader_close(struct vt_shard_reader *reader)
{
}
WEAK int vt_shard_reader_next(struct vt_shard_reader *reader, struct vt_shard_frame *out,
			      struct vt_error *err)
{
	return absent(err);
}
WEAK int vt_shard_reader_check(struct vt_shard_reader *reader, const struct vt_shard_frame *frame,
			       const struct vt_dictionary *dictionary, struct vt_error *err)
{
	return absent(err);
}
WEAK int vt_shard_reader_digest(struct vt_shard_reader *reader, struct vt_digest *out,
				struct vt_error *err)
{
	return absent(err);
}
WEAK int vt_dictionary_new(const void *data, size_t len, int level, struct vt_dictionary **out,
			   struct vt_error *err)
{
	return absent(err);
}
WEAK void vt_dictionary_free(struct vt_dictionary *dictionary)
{
}

#include "fs/file_reader.h"
#include "fs/io_pool.h"
#include "index/gc.h"
#include "index/verify.h"

WEAK int vt_block_source_local(struct vt_io_pool *pool, unsigned max_open, vt_shard_path *path,
			       void *context, struct vt_block_source **out, struct vt_error *err)
{
	return 0;
}
WEAK int vt_block_source_from_env(struct vt_block_source *inner, struct vt_block_source **out,
				  struct vt_error *err)
{
	return 0;
}
WEAK int vt_file_reader_new(struct vt_store *store, struct vt_lru *lru,
			    struct vt_frame_cache *frames, struct vt_io_pool *pool,
			    struct vt_file_reader **out, struct vt_error *err)
{
	return 0;
}
WEAK void vt_file_reader_free(struct vt_file_reader *reader)
{
}
WEAK void vt_file_reader_read(struct vt_file_reader *reader, const struct vt_content *content,
			      uint64_t offset, size_t length, vt_read_done *done, void *context)
{
	done(context, -ENOSYS, NULL, 0);
}
WEAK ssize_t vt_file_reader_read_sync(struct vt_file_reader *reader,
				      const struct vt_content *content, uint64_t offset,
				      size_t length, void *out, struct vt_error *err)
{
	return absent(err);
}
WEAK int64_t vt_file_reader_seek(struct vt_file_reader *reader, const struct vt_content *content,
				 uint64_t offset, int whence, bool nowait, struct vt_error *err)
{
	return absent(err);
}
WEAK int vt_frame_cache_new(struct vt_lru *lru, struct vt_block_source *source,
			    struct vt_io_pool *pool, vt_find_dictionary *find, void *context,
			    struct vt_frame_cache **out, struct vt_error *err)
{
	return 0;
}
WEAK void vt_frame_cache_free(struct vt_frame_cache *cache)
{
}
WEAK void vt_frame_cache_get_stats(const struct vt_frame_cache *cache,
				   struct vt_frame_cache_stats *out)
{
}
WEAK int vt_io_pool_new(unsigned threads, unsigned per_lane, struct vt_io_pool **out,
			struct vt_error *err)
{
	return 0;
}
WEAK void vt_io_pool_free(struct vt_io_pool *pool)
{
}
WEAK void vt_io_pool_submit(struct vt_io_pool *pool, struct vt_io_task *task)
{
	task->run(task);
}
WEAK int vt_gc(struct vt_index *index, bool dry_run, uint64_t min_age_ns, struct vt_gc_report *out,
	       struct vt_error *err)
{
	return absent(err);
}
WEAK int vt_verify_index(struct vt_index *index, vt_verify_each *each, void *context,
			 struct vt_error *err)
{
	return absent(err);
}
