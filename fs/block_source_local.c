/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Local shard files (block_source.h). A frame that is in the page cache is read in the caller's
 * thread with preadv2(RWF_NOWAIT); anything that may wait, opening a file included, goes to the
 * pool in the shard's lane.
 *
 * pread, not mmap: 2.5 times faster when cold, and a disk error is an errno, not a signal.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <utlist.h>

#include "fs/block_source.h"
#include "fs/hash.h"
#include "fs/io_pool.h"
#include "fs/memory.h"
#include "fs/read_around.h"
#include "fs/shard_identity.h"
#include "index/base/error.h"
#include "index/base/file.h"
#include "index/base/log.h"

/* Of more than its own read-ahead the kernel may pass over the rest. */
#define ASK_AT_ONCE (128u << 10)

#define READ_AT_ONCE (256u << 10) /* bytes; that much stays in the processor's cache */

/* An open shard; in the table while it may be found, alive while somebody reads from it. */
struct open_shard {
	uint32_t shard;
	int fd;
	unsigned refs; /* readers, and one of the table; guarded by the source's lock */
	struct vt_read_around *around;  /* so is what it holds; NULL: none */
	struct open_shard *prev, *next; /* in order of use */
	UT_hash_handle hh;
};

struct local_source {
	struct vt_block_source base; /* first */
	struct vt_io_pool *pool;
	unsigned max_open;
	vt_shard_path *path;
	void *context;
	pthread_mutex_t lock;
	struct open_shard *table; /* guarded by lock, as the list */
	struct open_shard *oldest;
	uint64_t around;     /* bytes asked for around frames of the open shards */
	uint64_t around_max; /* at most, so that they need not make room for each other */
	struct vt_block_source_stats stats;
};

struct read_task {
	struct vt_io_task task; /* first */
	struct local_source *source;
	struct vt_location at;
	void *out;
	vt_block_done *done;
	void *context;
};

/* Under the lock. Was the frame's block asked for with others, and is now wanted? */
static bool note_found(struct local_source *source, struct open_shard *shard, uint64_t offset)
{
	bool used = vt_read_around_found(shard->around, offset);

	if (used)
		source->stats.around_used += VT_AROUND_BLOCK;
	return used;
}

/* `found`: a frame that was in memory, or NULL. */
static void unref_found(struct local_source *source, struct open_shard *shard,
			const struct vt_location *found)
{
	bool last;

	(void) pthread_mutex_lock(&source->lock);
	if (found && shard->around)
		(void) note_found(source, shard, found->frame_offset);
	last = --shard->refs == 0;
	if (last && shard->around)
		source->around -= vt_read_around_bytes(shard->around);
	(void) pthread_mutex_unlock(&source->lock);
	if (last) {
		(void) close(shard->fd);
		vt_read_around_free(shard->around);
		free(shard);
	}
}

static void unref(struct local_source *source, struct open_shard *shard)
{
	unref_found(source, shard, NULL);
}

static struct open_shard *find_open(struct local_source *source, uint32_t number)
{
	struct open_shard *shard;

	(void) pthread_mutex_lock(&source->lock);
	HASH_FIND(hh, source->table, &number, sizeof number, shard);
	if (shard) {
		shard->refs++;
		DL_DELETE(source->oldest, shard);
		DL_APPEND(source->oldest, shard);
	}
	(void) pthread_mutex_unlock(&source->lock);
	return shard;
}

/* Out of the table, under the lock; the caller unrefs it later. */
static void take_out(struct local_source *source, struct open_shard *shard)
{
	HASH_DEL(source->table, shard);
	DL_DELETE(source->oldest, shard);
}

/* Takes out the longest unused, if there are too many. */
static struct open_shard *take_oldest(struct local_source *source)
{
	struct open_shard *shard = source->oldest;

	if (HASH_COUNT(source->table) <= source->max_open || !shard)
		return NULL;
	take_out(source, shard);
	return shard;
}

static struct vt_read_around *new_around(int fd)
{
	struct stat st;

	return fstat(fd, &st) < 0 ? NULL : vt_read_around_new((uint64_t) st.st_size);
}

/* Puts a freshly opened file into the table, or takes the one that was quicker. */
static struct open_shard *keep(struct local_source *source, uint32_t number, int fd)
{
	struct open_shard *shard = calloc(1, sizeof *shard), *there, *old = NULL;
	uint64_t around_max = vt_memory_available() / 2;

	(void) pthread_mutex_lock(&source->lock);
	source->around_max = around_max;
	HASH_FIND(hh, source->table, &number, sizeof number, there);
	if (!there && shard) {
		*shard = (struct open_shard){
			.shard = number, .fd = fd, .refs = 2, .around = new_around(fd)};
		HASH_ADD(hh, source->table, shard, sizeof shard->shard, shard);
		if (shard->hh.tbl) {
			DL_APPEND(source->oldest, shard);
			old = take_oldest(source);
		} else {
			shard->refs = 1; /* the table has no memory for it: this read alone */
		}
	} else if (there) {
		there->refs++;
	}
	(void) pthread_mutex_unlock(&source->lock);
	if (old)
		unref(source, old);
	if (there || !shard) {
		free(shard);
		(void) close(fd);
		return there;
	}
	return shard;
}

static int open_shard(struct local_source *source, uint32_t number, struct open_shard **out)
{
	struct vt_error err = {0};
	char path[4096];
	int r, fd;

	*out = find_open(source, number);
	if (*out)
		return 0;
	r = source->path(source->context, number, path, &err);
	if (r < 0)
		return r;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		r = -errno;
		vt_log(VT_LOG_ERROR, "cannot open a shard shard=%u path='%s': %m", number, path);
		return r == -ENOENT ? -ENOENT : -EIO;
	}
	(void) posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM); /* the kernel's guesses are no use */
	r = vt_shard_identify(fd, path, number);
	if (r < 0) {
		vt_log(VT_LOG_ERROR, "not the shard it should be shard=%u path='%s'", number, path);
		(void) close(fd);
		return r;
	}
	*out = keep(source, number, fd);
	return *out ? 0 : -ENOMEM;
}

static int read_all(int fd, const struct vt_location *at, uint8_t *out)
{
	ssize_t n = vt_file_read_at(fd, out, at->frame_size, at->frame_offset);

	if (n < 0)
		return -EIO;
	return (size_t) n < at->frame_size ? -EBADMSG /* it is shorter than the index says */ : 0;
}

static void ask_for(int fd, uint64_t begin, uint64_t end)
{
	for (uint64_t at = begin; at < end; at += ASK_AT_ONCE)
		(void) posix_fadvise(fd, (off_t) at, ASK_AT_ONCE, POSIX_FADV_WILLNEED);
}

/* Begins to bring what lies around a frame that is not in memory into the page cache. */
static void ask_around(struct local_source *source, struct open_shard *shard, uint64_t offset)
{
	struct vt_byte_range range;
	bool ask = false;

	(void) pthread_mutex_lock(&source->lock);
	if (shard->around && !note_found(source, shard, offset)) { /* else it is on its way */
		uint64_t used = source->around, max = source->around_max;

		source->around -= vt_read_around_bytes(shard->around);
		ask = vt_read_around_missing(shard->around, offset, used < max ? max - used : 0,
					     &range);
		source->around += vt_read_around_bytes(shard->around);
	}
	if (ask)
		source->stats.around += range.end - range.begin - VT_AROUND_BLOCK;
	(void) pthread_mutex_unlock(&source->lock);
	if (ask)
		ask_for(shard->fd, range.begin, range.end);
}

static void run_read(struct vt_io_task *task)
{
	struct read_task *read = (struct read_task *) task;
	struct open_shard *shard;
	int r = open_shard(read->source, read->at.shard, &shard);

	if (r == 0) {
		ask_around(read->source, shard, read->at.frame_offset);
		r = read_all(shard->fd, &read->at, read->out);
		unref(read->source, shard);
	}
	read->done(read->context, r);
	free(read);
}

/* 1: all of it came from memory. */
static int read_now(struct local_source *source, const struct vt_location *at, void *out)
{
	struct iovec iov = {.iov_base = out, .iov_len = at->frame_size};
	struct open_shard *shard = find_open(source, at->shard);
	ssize_t n;

	if (!shard)
		return 0;
	n = preadv2(shard->fd, &iov, 1, (off_t) at->frame_offset, RWF_NOWAIT);
	unref_found(source, shard, n == (ssize_t) at->frame_size ? at : NULL);
	return n == (ssize_t) at->frame_size;
}

static int local_read(struct vt_block_source *base, const struct vt_location *at, void *out,
		      vt_block_done *done, void *context)
{
	struct local_source *source = (struct local_source *) base;
	struct read_task *task;

	if (read_now(source, at, out))
		return 1;
	task = malloc(sizeof *task);
	if (!task)
		return -ENOMEM;
	*task = (struct read_task){.task = {.run = run_read, .lane = at->shard},
				   .source = source,
				   .at = *at,
				   .out = out,
				   .done = done,
				   .context = context};
	vt_io_pool_submit(source->pool, &task->task);
	return 0;
}

/* All is asked for at once; reading it then is to wait for it. */
static int local_bring(struct vt_block_source *base, uint32_t shard_number, uint64_t offset,
		       uint64_t length)
{
	struct local_source *source = (struct local_source *) base;
	vt_autofree uint8_t *room = malloc(READ_AT_ONCE);
	uint64_t end = offset + length;
	struct open_shard *shard;
	ssize_t n = 1;
	int r = room ? open_shard(source, shard_number, &shard) : -ENOMEM;

	if (r < 0)
		return r;
	ask_for(shard->fd, offset, end);
	for (uint64_t at = offset; at < end && n > 0; at += READ_AT_ONCE)
		n = vt_file_read_at(shard->fd, room,
				    end - at < READ_AT_ONCE ? end - at : READ_AT_ONCE, at);
	unref(source, shard);
	return n < 0 ? -EIO : 0;
}

static void local_get_stats(struct vt_block_source *base, struct vt_block_source_stats *out)
{
	struct local_source *source = (struct local_source *) base;

	(void) pthread_mutex_lock(&source->lock);
	*out = source->stats;
	(void) pthread_mutex_unlock(&source->lock);
}

/* Unless another thread was quicker. */
static void drop(struct local_source *source, struct open_shard *shard)
{
	struct open_shard *there;

	(void) pthread_mutex_lock(&source->lock);
	HASH_FIND(hh, source->table, &shard->shard, sizeof shard->shard, there);
	if (there == shard)
		take_out(source, shard);
	(void) pthread_mutex_unlock(&source->lock);
	if (there == shard)
		unref(source, shard);
}

/* All that are open, each with a reference more. NULL: none, or no memory. */
static struct open_shard **list_open(struct local_source *source, size_t *count)
{
	struct open_shard **list, *shard;

	*count = 0;
	(void) pthread_mutex_lock(&source->lock);
	list = calloc(HASH_COUNT(source->table) + 1, sizeof(struct open_shard *));
	DL_FOREACH (source->oldest, shard)
		if (list) {
			shard->refs++;
			list[(*count)++] = shard;
		}
	(void) pthread_mutex_unlock(&source->lock);
	return list;
}

/* The files are asked without the lock: a disk that hangs would hold up all others. */
static void local_close_removed(struct vt_block_source *base)
{
	struct local_source *source = (struct local_source *) base;
	size_t count;
	struct open_shard **list = list_open(source, &count);
	struct stat st;

	for (size_t i = 0; i < count; i++) {
		if (fstat(list[i]->fd, &st) == 0 && st.st_nlink == 0)
			drop(source, list[i]);
		unref(source, list[i]);
	}
	free(list);
}

static void local_free(struct vt_block_source *base)
{
	struct local_source *source = (struct local_source *) base;
	struct open_shard *shard, *next;

	HASH_CLEAR(hh, source->table);
	DL_FOREACH_SAFE(source->oldest, shard, next)
	unref(source, shard);
	(void) pthread_mutex_destroy(&source->lock);
	free(source);
}

int vt_block_source_local(struct vt_io_pool *pool, unsigned max_open, vt_shard_path *path,
			  void *context, struct vt_block_source **out, struct vt_error *err)
{
	static const struct vt_block_source_ops ops = {
		.read = local_read,
		.bring = local_bring,
		.get_stats = local_get_stats,
		.close_removed = local_close_removed,
		.free = local_free,
	};
	struct local_source *source = calloc(1, sizeof *source);

	if (!source)
		return vt_fail(err, ENOMEM, "no memory for a block source");
	*source = (struct local_source){.base = {&ops},
					.pool = pool,
					.max_open = max_open,
					.path = path,
					.context = context};
	(void) pthread_mutex_init(&source->lock, NULL);
	*out = &source->base;
	return 0;
}
