/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Publishing: sources in, a version out. Scan (directories) or unpack (archives) into a spool of
 * entries; store each content once (dedup, chunk, compress, write shards) on all cores; sort the
 * spool; build the tree, the link table and the documents' outline; hand it to the store to commit.
 *
 * Memory is bounded (under 512 MiB) whatever the input: every queue is, and the spool is a file
 * sorted in runs. Sources are never changed. On any error nothing is published.
 */
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fs/codec.h"
#include "tools/publish/backend.h"

enum vt_publish_phase {
	VT_PUBLISH_SCAN,  /* counting: done only */
	VT_PUBLISH_STORE, /* bytes and files of totals */
	VT_PUBLISH_INDEX, /* building the tree: files of totals */
	VT_PUBLISH_COMMIT,
};

/* Read at any time by the progress bar's thread. For an archive total_bytes is of the archive. */
struct vt_publish_progress {
	_Atomic int phase;
	_Atomic uint64_t files, total_files, bytes, total_bytes;
	_Atomic uint64_t new_bytes,
		stored_bytes;       /* not deduplicated, before and after compression */
	_Atomic uint64_t unchanged; /* files taken over from the parent unread */
	_Atomic uint64_t skipped;   /* devices, sockets, fifos */
};

/*
 * Labels to be published with the files. With some, a version is made even of an unchanged tree.
 * Called by one thread, in this order; negative ends the publish.
 */
struct vt_publish_labels {
	/* Each file of the tree, in walk order. */
	int (*file)(void *context, const char *path, size_t len, struct vt_error *err);
	/* The backend's tree() was called: now is the time to give them, over its connection. */
	int (*give)(void *context, struct vt_error *err);
	void *context;
};

struct vt_publish_options {
	const char *const *sources; /* directories, archives, "-" */
	size_t source_count;
	const char *message, *licence; /* "" for none */
	const char *author;
	uint32_t author_uid;
	struct vt_compression compression; /* of what is new */
	unsigned threads;                  /* 0: one per core */
	bool decompress;     /* x.zst, x.gz -> x */
	bool checksum;       /* re-read files whose stamp is unchanged */
	bool strict;         /* no warnings: what would be one is an error */
	bool dry_run;        /* all but writing and committing */
	atomic_bool *cancel; /* set by a signal handler: ends with -EINTR */
	struct vt_publish_progress *progress;
	const struct vt_publish_labels *labels; /* NULL: those that are carried over, no more */
	/* For people: "skipped socket 'a/b'". Any thread calls it. May be NULL. */
	void (*warn)(void *context, const char *sentence);
	void *warn_context;
};

struct vt_publish_result {
	struct vt_publish_made made; /* if published */
	struct vt_digest tree_digest;
	struct vt_counts counts;
	uint64_t new_bytes, unchanged, skipped;
	uint64_t added, removed, changed; /* against the parent, files and symlinks */
	bool same_as_parent; /* the tree is the parent's */
	bool nothing_new;    /* nor is there a name, labels or content to store: not published */
};

/*
 * `dataset` and `info` as begun with the store. -EINVAL a name that comes twice (names both
 * sources), an absolute or `..` member; -ESTALE a file changed while it was read (named); -EINTR
 * cancelled; -ENOSPC, -EACCES, -EBADMSG (a damaged archive).
 */
int vt_publish(struct vt_publish_backend *backend, const struct vt_import_info *info,
	       const char *dataset, const char *as, const struct vt_publish_options *options,
	       struct vt_publish_result *out, struct vt_error *err);
