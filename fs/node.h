/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Node ids and what they stand for. An id is computed, never allotted, so that no table grows with
 * the files seen and any new process resolves any old id:
 *
 *     id = exhibit (high 32 bits) | position (low 32 bits)
 *
 *     exhibit > 0   a version as shown (exhibits.h); position: of the entry in its tree, 0 its root
 *                   directory; from VT_POSITION_DOCUMENTS on: its folder below .vitrine and the
 *                   documents in it, those below .labels and .query. A view (views.h) has an
 *                   exhibit for its folders
 *     exhibit 0     the changing part: kind (4 bits) | number (28 bits), see enum vt_shown_kind
 *
 * The id of a hard-linked file is its first position's. A dead id answers ESTALE for ever.
 */
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "index/catalog.h"
#include "policy/gate.h"

struct vt_request;
struct vt_service;
struct vt_session;
struct vt_view;
struct vt_error;

/* Who looks, and through which session: ids and what is listed depend on it. All borrowed. */
struct vt_viewer {
	struct vt_service *service;
	struct vt_session *session;
	const struct vt_subject *subject;
	const struct vt_request *request; /* that waits for the answer; NULL: none */
};

#define VT_NUMBER_MASK        0x0fffffffu
#define VT_POSITION_DOCUMENTS 0xfffffe00u /* .vitrine/V; then one position per document */
#define VT_POSITION_LABELS    0xfffffe1eu /* .labels/V */
#define VT_POSITION_QUERIES   0xfffffe1fu /* .query/V */

/* Of an enum vt_document; the audit log has it, too, of who reads labels by a request. */
#define VT_POSITION_OF_DOCUMENT(document) (VT_POSITION_DOCUMENTS + 1 + (uint32_t) (document))

/* The values of kinds that stand in ids of exhibit 0 are fixed: kernels remember them. */
enum vt_shown_kind {
	VT_SHOWN_ROOT = 0,      /* number 1: FUSE's root id */
	VT_SHOWN_DATASET = 1,   /* number: dataset id */
	VT_SHOWN_SPACE = 2,     /* space id */
	VT_SHOWN_DOCUMENTS = 3, /* DATASET/.vitrine: dataset id */
	VT_SHOWN_LABELS = 4,    /* DATASET/.labels: dataset id */
	VT_SHOWN_QUERIES = 5,   /* DATASET/.query: dataset id */
	VT_SHOWN_LATEST = 6,    /* symlink `latest`: serial of the version it names */
	VT_SHOWN_TAG = 7,       /* symlink TAG: link id of (tag, target) */
	VT_SHOWN_CONTROL = 8,   /* MNT/.vitrine: VT_CONTROL_*, and above it a turn (below) */
	VT_SHOWN_TREE = 16,     /* from here on not in exhibit 0 */
	VT_SHOWN_VERSION_DOCUMENTS = 17,
	VT_SHOWN_DOCUMENT = 18,
	VT_SHOWN_VERSION_LABELS = 19,  /* .labels/V */
	VT_SHOWN_VERSION_QUERIES = 20, /* .query/V */
	VT_SHOWN_LABEL_KEY = 21,       /* .labels/V/KEY */
	VT_SHOWN_NAME = 22, /* listed, to be looked up by name: it has no id until then */
};

/*
 * Where OPEN is not asked the kernel keeps what it read of a file: there every look-up of one of
 * these texts gives an id of its own, by a turn in the bits above these.
 */
enum { VT_CONTROL_FOLDER, VT_CONTROL_STATUS, VT_CONTROL_METRICS };
#define VT_CONTROL_BITS       2u
#define VT_CONTROL_OF(number) ((number) & ((1u << VT_CONTROL_BITS) - 1))

/* What an id stands for. Holds references; give back with vt_shown_done(). */
struct vt_shown {
	uint64_t id;
	enum vt_shown_kind kind;
	uint32_t number;                  /* exhibit 0 */
	const struct vt_dataset *dataset; /* else NULL: root, control, space */
	const struct vt_version *version; /* tree, documents of a version, symlinks' target */
	struct vt_node node;              /* tree */
	struct vt_view *view; /* whose folder this is; NULL: of the version itself, and of files */
	enum vt_document document; /* document */
};

static inline uint64_t vt_node_id(uint32_t exhibit, uint32_t position)
{
	return (uint64_t) exhibit << 32 | position;
}
static inline uint64_t vt_node_id_of(enum vt_shown_kind kind, uint32_t number)
{
	return (uint64_t) kind << 28 | number;
}
static inline uint32_t vt_node_exhibit(uint64_t id)
{
	return (uint32_t) (id >> 32);
}
static inline uint32_t vt_node_position(uint64_t id)
{
	return (uint32_t) id;
}

/*
 * -ESTALE: retired, or of something that is no more. With `nowait` -EAGAIN when a page must come
 * from disk. Thread-safe.
 */
int vt_shown_resolve(const struct vt_viewer *viewer, uint64_t id, bool nowait, struct vt_shown *out,
		     struct vt_error *err);
void vt_shown_done(struct vt_shown *shown);

/*
 * The child `name` of a directory. -ENOENT, -ENOTDIR, -EAGAIN. On a shared mount it never depends
 * on who asks: one differing answer would throw away what the kernel caches for others. On the
 * other kinds all who ask are as one, and what they may not see is not there.
 */
int vt_shown_lookup(const struct vt_viewer *viewer, const struct vt_shown *parent, const char *name,
		    bool nowait, struct vt_shown *out, struct vt_error *err);

/*
 * The entries of a directory from the n-th on, without names that the viewer may not see. 1 an
 * entry, 0 the end, or an error.
 */
struct vt_listing;
int vt_listing_new(const struct vt_viewer *viewer, const struct vt_shown *directory, uint64_t from,
		   bool nowait, struct vt_listing **out, struct vt_error *err);
void vt_listing_free(struct vt_listing *listing);
/* `name` and `out` borrow from the listing until the next call; `out` needs no vt_shown_done(). */
int vt_listing_next(struct vt_listing *listing, bool nowait, const char **name, size_t *name_len,
		    struct vt_shown *out, struct vt_error *err);
/* `from` of a listing that goes on behind what was given last. */
uint64_t vt_listing_tell(const struct vt_listing *listing);
VT_DEFINE_CLEANUP(struct vt_listing, vt_listing_free);

/*
 * As stat shows it (st_ino, mode, owner, size, times). -EAGAIN. Folders of versions and datasets
 * are boundaries: owner, mode and list (vt_shown_boundary()) let the kernel enforce by itself who
 * enters.
 */
int vt_shown_stat(const struct vt_viewer *viewer, const struct vt_shown *shown, bool nowait,
		  struct stat *out, struct vt_error *err);

/* Where a symlink points. Borrowed from `shown`. */
int vt_shown_target(const struct vt_shown *shown, const char **target, size_t *len);

bool vt_shown_is_boundary(const struct vt_shown *shown);
/* Owned by the caller: vt_boundary_done(). Shared mounts only. */
int vt_shown_boundary(const struct vt_viewer *viewer, const struct vt_shown *shown,
		      struct vt_boundary *out, struct vt_error *err);

/* What the policy is asked about. */
struct vt_place vt_shown_place(const struct vt_shown *shown);
