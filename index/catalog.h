/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What exists: datasets, their versions, tags and exhibits. All of it is in memory (a version is a
 * kilobyte or two), loaded when the store is opened and written through to it, so that resolving
 * a name or a node id never waits for a disk. Records and keys: index/schema.md.
 *
 * Snapshots (struct vt_dataset, struct vt_version) are immutable and counted; a change makes a new
 * snapshot. Thread-safe: readers take a lock for a few instructions, one writer at a time.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "index/base/cleanup.h"
#include "index/digest.h"
#include "index/history.h"
#include "index/label_tree.h"
#include "index/tree.h"

struct vt_error;
struct vt_store;
struct vt_catalog;
struct vt_batch;

#define VT_NAME_PART_MAX    100u /* of a space, dataset, version or tag; [A-Za-z0-9._-] */
#define VT_DATASET_NAME_MAX (2 * VT_NAME_PART_MAX + 1) /* SPACE/NAME */

#define VT_DOMAIN_PLAIN 1u /* the domain of every dataset that has none of its own */

/* A removed version is not in the catalog; its record waits for gc (index/gc.h). */
enum vt_version_state {
	VT_VERSION_LIVE = 1,
	VT_VERSION_WITHDRAWN = 2,
	VT_VERSION_REMOVED = 3,
};

/* What the tree amounts to; counted at publish. */
struct vt_counts {
	uint64_t files, directories, symlinks; /* the root is not counted */
	uint64_t bytes;                        /* sum of file sizes, hard links once */
	uint64_t stored_bytes;                 /* that this publish added to the shards */
};

/*
 * Generated documents below .vitrine/V/ (fs/document.h). Their heads and tails follow from the
 * version's record; the size of what lies between, a line per entry, is counted at publish.
 */
enum vt_document {
	VT_DOCUMENT_README,
	VT_DOCUMENT_MANIFEST,
	VT_DOCUMENT_SHA256SUMS,
	VT_DOCUMENT_CHANGES,
	VT_DOCUMENT_LABELS,
	VT_DOCUMENT_CROISSANT,
	VT_DOCUMENT_COUNT,
};

struct vt_version {
	uint32_t dataset; /* id */
	uint32_t domain;  /* the dataset's */
	uint32_t serial;  /* unique in the store, never reused; in st_ino */
	uint32_t number;  /* N of vN; also of a version published `--as NAME` */
	const char *name; /* "v3", or the chosen name; of a revision "v3.1" */
	/*
	 * A *revision* has other labels than the version it revises and all else of it: tree,
	 * files, who may read. `base` is the serial of the version whose files and rules these are:
	 * its own, unless it is a revision.
	 */
	uint32_t base;
	uint32_t revision; /* M of vN.M; 0: none */
	enum vt_version_state state;
	const char *reason;             /* of a withdrawal, or "" */
	uint32_t exhibit;               /* the current one; 0 when withdrawn */
	uint32_t parent;                /* serial of the version it was published over; 0: none */
	struct vt_digest parent_digest; /* its version digest; zero: none */
	struct vt_history history;      /* the versions before */
	struct vt_tree tree;
	struct vt_label_tree labels;
	struct vt_digest tree_digest, label_digest, digest; /* digest: of the version */
	struct vt_counts counts;
	uint64_t document_body[VT_DOCUMENT_COUNT]; /* bytes between head and tail */
	uint64_t outline;         /* id of the documents' outline (fs/document.h) */
	struct vt_digest changes; /* content id of changes.json's body; zero: no parent */
	uint32_t author_uid;
	const char *author;  /* user name */
	uint64_t created_ns; /* CLOCK_REALTIME */
	const char *message, *licence;
	const char *provenance; /* JSON: what it was made of, by what (curate); "" for a publish */
	const char *checks;     /* JSON: the quality gate it passed; in no digest; "" for none */
};

struct vt_dataset {
	uint32_t id;
	uint32_t domain;
	const char *name; /* SPACE/NAME or NAME */
	uint32_t latest;  /* serial of the version that `latest` names; 0: none */
	uint32_t next_number;
	uint32_t owner_uid;
	uint64_t created_ns;
};

struct vt_tag {
	const char *name;
	uint32_t version; /* serial */
	uint32_t link;    /* id of this (tag, target) pair, never reused */
};

int vt_catalog_load(struct vt_store *store, struct vt_catalog **out, struct vt_error *err);
void vt_catalog_free(struct vt_catalog *catalog);
VT_DEFINE_CLEANUP(struct vt_catalog, vt_catalog_free);

/* Grows with every change. */
uint64_t vt_catalog_generation(const struct vt_catalog *catalog);

/* References. NULL is accepted. */
const struct vt_version *vt_version_ref(const struct vt_version *version);
const struct vt_dataset *vt_dataset_ref(const struct vt_dataset *dataset);
void vt_version_unref(const struct vt_version *version);
void vt_dataset_unref(const struct vt_dataset *dataset);
VT_DEFINE_CLEANUP(const struct vt_version, vt_version_unref);
VT_DEFINE_CLEANUP(const struct vt_dataset, vt_dataset_unref);

/* Each gives a reference, or -ENOENT with a sentence that names what was looked for. */
int vt_catalog_dataset(struct vt_catalog *catalog, const char *name, const struct vt_dataset **out,
		       struct vt_error *err);
int vt_catalog_dataset_by_id(struct vt_catalog *catalog, uint32_t id, const struct vt_dataset **out,
			     struct vt_error *err);
int vt_catalog_version(struct vt_catalog *catalog, uint32_t serial, const struct vt_version **out,
		       struct vt_error *err);
/* `name`: a version, a tag, "latest", or NULL for latest. Withdrawn ones are found too. */
int vt_catalog_resolve(struct vt_catalog *catalog, uint32_t dataset, const char *name,
		       const struct vt_version **out, struct vt_error *err);
/*
 * The newest live version with the files of `base`: its newest revision, or itself. -ENOENT when
 * none is live.
 */
int vt_catalog_newest(struct vt_catalog *catalog, uint32_t base, const struct vt_version **out,
		      struct vt_error *err);
/* The version shown by a live exhibit. -ESTALE for a retired or unknown one. */
int vt_catalog_exhibit(struct vt_catalog *catalog, uint32_t exhibit, const struct vt_version **out,
		       struct vt_error *err);
/* Name of a space by id, and back. -ENOENT. The name lives as long as the catalog. */
int vt_catalog_space(struct vt_catalog *catalog, uint32_t id, const char **name);
int vt_catalog_space_by_name(struct vt_catalog *catalog, const char *name, uint32_t *id);
/* The tag whose current link id this is. -ENOENT once it was moved. */
int vt_catalog_tag_link(struct vt_catalog *catalog, uint32_t link, uint32_t *dataset,
			uint32_t *version);

/*
 * Listings, in byte order of names. Arrays of references owned by the caller, freed as a whole by
 * the matching _free. -ENOMEM.
 */
int vt_catalog_datasets(struct vt_catalog *catalog, const struct vt_dataset ***out, size_t *count);
void vt_datasets_free(const struct vt_dataset **list, size_t count);
/* In order of publication. */
int vt_catalog_versions(struct vt_catalog *catalog, uint32_t dataset,
			const struct vt_version ***out, size_t *count);
void vt_versions_free(const struct vt_version **list, size_t count);
int vt_catalog_tags(struct vt_catalog *catalog, uint32_t dataset, struct vt_tag **out,
		    size_t *count);
void vt_tags_free(struct vt_tag *list, size_t count);
/* Spaces that hold at least one dataset: ids. */
int vt_catalog_spaces(struct vt_catalog *catalog, uint32_t **ids, size_t *count);

/*
 * Names. 0, or -EINVAL / -EEXIST with the rule that was broken or the name it clashes with:
 * a part is 1 to 100 of [A-Za-z0-9._-], not beginning with '.' or '-'; a name is not both a space
 * and a dataset; `latest` and v[0-9]* are reserved; versions and tags of a dataset share one space.
 */
int vt_dataset_name_check(const char *name, struct vt_error *err);
int vt_version_name_check(const char *name, struct vt_error *err); /* for --as and tags */

/* The space part of a dataset's name, copied into `space`; NULL when it has none. */
const char *vt_dataset_space(const char *dataset_name, char space[VT_NAME_PART_MAX + 1]);

/* Changes. Durable when they return. */
int vt_catalog_create_dataset(struct vt_catalog *catalog, const char *name, uint32_t owner_uid,
			      uint32_t *id, struct vt_error *err);
int vt_catalog_tag(struct vt_catalog *catalog, uint32_t dataset, const char *tag, uint32_t version,
		   struct vt_error *err); /* moves an existing tag */
int vt_catalog_untag(struct vt_catalog *catalog, uint32_t dataset, const char *tag,
		     struct vt_error *err);
int vt_catalog_set_latest(struct vt_catalog *catalog, uint32_t dataset, uint32_t version,
			  struct vt_error *err); /* rollback */
/*
 * The two that take access away; only fs/narrow.c calls them, which then clears the kernel's
 * caches. They retire the version's exhibit and move or drop `latest` (to the newest live version).
 * A withdrawal takes the version's revisions with it, in one commit; rm refuses with -EBUSY while
 * a tag names the version, or while it has revisions. `retired` gets the version's exhibit (0: none
 * live).
 * As a commit does, they post a record for the audit log (outbox.h).
 */
int vt_catalog_withdraw(struct vt_catalog *catalog, uint32_t version, const char *reason,
			uint32_t by_uid, uint32_t *retired, struct vt_error *err);
int vt_catalog_remove(struct vt_catalog *catalog, uint32_t version, uint32_t by_uid,
		      uint32_t *retired, struct vt_error *err);
int vt_catalog_remove_dataset(struct vt_catalog *catalog, uint32_t dataset, uint32_t by_uid,
			      uint32_t **retired, size_t *count, struct vt_error *err);

/*
 * The commit of a publish: gives `version` its serial, number, name (unless set), exhibit and
 * digest, and writes it together with `batch` (may be NULL) in one synced write. -EEXIST: the name
 * is taken; -ESTALE: `expected_latest` is no longer the dataset's latest.
 */
int vt_catalog_commit(struct vt_catalog *catalog, struct vt_version *version,
		      uint32_t expected_latest, struct vt_batch *batch,
		      const struct vt_version **out, struct vt_error *err);

/*
 * The commit of a revision: `version` has `base` (the serial of a version, not of a revision), its
 * labels with their digest and the size of their document, author, time and message; all else is
 * that of the base. It becomes the latest one if the latest has the same base. -ESTALE: the newest
 * revision is no longer `expected_newest`, or the base was withdrawn.
 */
int vt_catalog_revise(struct vt_catalog *catalog, struct vt_version *version,
		      uint32_t expected_newest, struct vt_batch *batch,
		      const struct vt_version **out, struct vt_error *err);

/* Would such a commit be refused, as things are now? `name` may be NULL. Errors as above. */
int vt_catalog_check_commit(struct vt_catalog *catalog, uint32_t dataset, const char *name,
			    uint32_t expected_latest, struct vt_error *err);
/* The version digest, a function of what index/schema.md lists; needs name and parent_digest. */
int vt_version_digest(const struct vt_version *version, const char *dataset_name,
		      struct vt_digest *out, struct vt_error *err);
