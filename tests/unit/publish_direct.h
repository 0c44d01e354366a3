/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A publish backend for tests that calls index/import.h straight, and a store in a temporary folder
 * to publish to.
 */
#include <ftw.h>
#include <stdio.h>
#include <string.h>

#include "index/base/clock.h"
#include "index/base/error.h"
#include "index/diff.h"
#include "index/index.h"
#include "tools/publish/publish.h"

struct direct {
	struct vt_publish_backend backend; /* first */
	struct vt_index *index;
	struct vt_import *import;
	struct vt_import_info info;
	unsigned shards, known_calls; /* made, asked */
};

static inline struct direct *direct_of(struct vt_publish_backend *b)
{
	return (struct direct *) b;
}

static inline int direct_shard(struct vt_publish_backend *b, uint32_t *serial, char uuid[37],
			       char path[4096], struct vt_error *err)
{
	direct_of(b)->shards++;
	return vt_import_shard(direct_of(b)->import, serial, uuid, path, err);
}

static inline int direct_known(struct vt_publish_backend *b, const struct vt_digest *contents,
			       size_t count, struct vt_known *out, struct vt_error *err)
{
	direct_of(b)->known_calls++;
	return vt_import_known(direct_of(b)->import, contents, count, out, err);
}

static inline int direct_pages(struct vt_publish_backend *b, const struct vt_digest *digests,
			       size_t count, uint64_t *ids, struct vt_error *err)
{
	return vt_import_pages(direct_of(b)->import, digests, count, ids, err);
}

static inline int direct_take(struct vt_publish_backend *b, enum vt_counter counter, uint64_t count,
			      uint64_t *first, struct vt_error *err)
{
	return vt_import_take(direct_of(b)->import, counter, count, first, err);
}

static inline int direct_ingest(struct vt_publish_backend *b, enum vt_family family,
				const char *file, struct vt_error *err)
{
	return vt_import_ingest(direct_of(b)->import, family, file, err);
}

static inline int direct_dictionary(struct vt_publish_backend *b, uint32_t id, struct vt_buf *out,
				    struct vt_error *err)
{
	struct vt_value value = {0};
	uint32_t key[2] = {htobe32(direct_of(b)->info.domain), htobe32(id)};
	int r = vt_store_get(direct_of(b)->index->store, VT_CF_DICTIONARY, key, sizeof key, false,
			     &value, err);

	if (r == 0)
		vt_buf_put(out, value.data, value.len);
	vt_value_done(&value);
	return r;
}

static inline int direct_parent(struct vt_publish_backend *b, struct vt_digest *tree,
				uint64_t *root_page, struct vt_error *err)
{
	const struct vt_version *parent;
	int r = vt_catalog_version(direct_of(b)->index->catalog, direct_of(b)->info.parent, &parent,
				   err);

	if (r < 0)
		return r;
	*tree = parent->tree_digest;
	*root_page = parent->tree.root.page;
	vt_version_unref(parent);
	return 0;
}

static inline int direct_diff(struct vt_publish_backend *b, const struct vt_tree *tree,
			      vt_diff_each *each, void *context, struct vt_error *err)
{
	struct direct *direct = direct_of(b);
	const struct vt_version *parent;
	int r = vt_catalog_version(direct->index->catalog, direct->info.parent, &parent, err);

	if (r == 0) {
		r = vt_diff(&direct->index->pages, &parent->tree, tree, each, context, err);
		vt_version_unref(parent);
	}
	return r;
}

/* The labels that a test gives go nowhere. */
static inline int direct_tree(struct vt_publish_backend *b, const struct vt_tree *tree,
			      struct vt_error *err)
{
	(void) b, (void) tree, (void) err;
	return 0;
}

static inline int direct_commit(struct vt_publish_backend *b, const struct vt_new_shard *shards,
				size_t count, struct vt_version *version, const char *stamps,
				struct vt_publish_made *out, struct vt_error *err)
{
	const struct vt_version *made;
	int r = vt_import_commit(direct_of(b)->import, shards, count, version, stamps, &made, err);

	if (r < 0)
		return r;
	(void) snprintf(out->name, sizeof out->name, "%s", made->name);
	out->digest = made->digest;
	out->index_bytes = vt_import_index_bytes(direct_of(b)->import);
	vt_version_unref(made);
	return 0;
}

static inline struct vt_publish_backend *direct_backend(struct direct *direct)
{
	static const struct vt_publish_backend_ops ops = {
		direct_shard,  direct_known,      direct_pages, direct_take, direct_ingest,
		direct_parent, direct_dictionary, direct_diff,  direct_tree, direct_commit,
	};

	direct->backend.ops = &ops;
	return &direct->backend;
}

/* A folder for one test, removed with all in it. */
static inline int direct_remove(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void) st;
	(void) type;
	(void) ftw;
	return remove(path);
}

static inline void direct_remove_all(const char *dir)
{
	(void) nftw(dir, direct_remove, 16, FTW_DEPTH | FTW_PHYS);
}
