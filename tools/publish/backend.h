/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a publish asks of the store: the calls of index/import.h, over the control socket
 * (backend_client.c) or straight (tests). One thread at a time: the engine has a lock around it.
 */
#include "index/diff.h"
#include "index/import.h"

struct vt_publish_made {
	char name[101];
	struct vt_digest digest;
	uint64_t index_bytes; /* vt_import_index_bytes() */
};

struct vt_publish_backend {
	const struct vt_publish_backend_ops *ops;
};

/* Each as the function of the same name in index/import.h. */
struct vt_publish_backend_ops {
	int (*shard)(struct vt_publish_backend *b, uint32_t *serial, char uuid[37], char path[4096],
		     struct vt_error *err);
	int (*known)(struct vt_publish_backend *b, const struct vt_digest *contents, size_t count,
		     struct vt_known *out, struct vt_error *err);
	int (*pages)(struct vt_publish_backend *b, const struct vt_digest *digests, size_t count,
		     uint64_t *ids, struct vt_error *err);
	int (*take)(struct vt_publish_backend *b, enum vt_counter counter, uint64_t count,
		    uint64_t *first, struct vt_error *err);
	int (*ingest)(struct vt_publish_backend *b, enum vt_family family, const char *file,
		      struct vt_error *err);
	/* Of the tree of info->parent, asked only if there is one: digest and root page. */
	int (*parent)(struct vt_publish_backend *b, struct vt_digest *tree, uint64_t *root_page,
		      struct vt_error *err);
	/* Bytes of a dictionary, appended. */
	int (*dictionary)(struct vt_publish_backend *b, uint32_t id, struct vt_buf *out,
			  struct vt_error *err);
	/* What `tree`, whose pages were ingested, changes against the parent version. */
	int (*diff)(struct vt_publish_backend *b, const struct vt_tree *tree, vt_diff_each *each,
		    void *context, struct vt_error *err);
	/* The tree is this; labels may be given to its files until it is committed. */
	int (*tree)(struct vt_publish_backend *b, const struct vt_tree *tree, struct vt_error *err);
	/* `made`: what the store says of it. */
	int (*commit)(struct vt_publish_backend *b, const struct vt_new_shard *shards, size_t count,
		      struct vt_version *version, const char *stamps, struct vt_publish_made *made,
		      struct vt_error *err);
};
