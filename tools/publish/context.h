/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the parts of one publish share. Made by publish.c; the parts hold a pointer to it.
 */
#include <pthread.h>

#include "tools/publish/crew.h"
#include "tools/publish/item.h"
#include "tools/publish/publish.h"
#include "tools/publish/spool.h"

struct vt_content;
struct vt_kept;
struct vt_stream_pool;
struct vt_source;

struct vt_publish_context {
	/* constant */
	struct vt_publish_backend *backend;
	const struct vt_import_info *info;
	const struct vt_publish_options *options;
	struct vt_publish_progress *progress; /* never NULL */
	unsigned threads; /* of the crew; the caller's own is number `threads` */
	struct vt_crew *crew;
	struct vt_content *content;
	struct vt_stream_pool *pool;
	struct vt_source *sources;
	pthread_mutex_t backend_lock; /* around every call of the backend; innermost but for it */
	pthread_mutex_t found_lock;   /* around additions to `found`; innermost */
	atomic_uint warnings;         /* given to options->warn */
	/* one thread at a time */
	struct vt_kept *kept;   /* what may be kept of the parent, or NULL */
	struct vt_spool *found; /* items of all sources */
	/* the caller's thread only */
	uint64_t slots; /* given to archives so far; slot 0 is none */
};

/* Takes the item into `found`. Thread-safe. */
int vt_publish_found(struct vt_publish_context *context, const struct vt_item *item,
		     struct vt_error *err);
/* Thread-safe: a device, socket or fifo: a warning, or with `strict` an error. */
int vt_publish_skip(struct vt_publish_context *context, const char *kind, const char *path,
		    struct vt_error *err);
/* Thread-safe: bytes behind a gzip file's end: a warning, or with `strict` an error. */
int vt_publish_ignore(struct vt_publish_context *context, const char *name, struct vt_error *err);
