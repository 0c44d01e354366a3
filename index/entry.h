/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The vocabulary of trees: an entry, which is one name in a directory. A plain value, no functions;
 * page.h encodes it, tree.h finds it.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "index/digest.h"
#include "index/line_sums.h"
#include "index/location.h"

#define VT_NAME_LEN_MAX   255u   /* bytes; names hold any byte but '/' and NUL, never "." or ".." */
#define VT_TARGET_LEN_MAX 4095u  /* bytes of a symlink's target */
#define VT_XATTRS_LEN_MAX 65536u /* bytes of one entry's xattrs, encoded */
#define VT_NODES_MAX                                                                               \
	0xfffffe00u /* nodes of a version; positions above are reserved (fs/node.h)                \
		     */

/* A tree of files has files, directories and symlinks, a tree of labels directories and labelled
 * files. */
enum vt_entry_type { VT_FILE = 1, VT_DIRECTORY = 2, VT_SYMLINK = 3, VT_LABELLED = 4 };

#define VT_LABEL_INLINE_MAX 2048u /* bytes of labels that stand in the entry of their file */

struct vt_entry {
	enum vt_entry_type type;
	bool linked;   /* a hard link: other positions show the same file (link table) */
	uint16_t mode; /* permission bits and sticky, & 01777; never setuid or setgid */
	int64_t mtime_sec;
	uint32_t mtime_nsec; /* < 1e9 */
	uint64_t size;       /* file: bytes; symlink, labelled: of target, labels; directory: 0 */
	const char *name;    /* not NUL-terminated; borrowed from the page */
	size_t name_len;
	const char *target; /* symlink: likewise borrowed, not NUL-terminated */
	size_t target_len;
	const uint8_t *xattrs; /* canonical encoding (index/schema.md), NULL without */
	size_t xattrs_len;
	struct vt_digest
		content;      /* file, labelled: content id; directory: digest of its root page */
	uint32_t nodes;       /* directory: itself and all below it; else 1 */
	uint32_t labels;      /* labelled: how many */
	const uint8_t *block; /* labelled: the labels (label_block.h), up to VT_LABEL_INLINE_MAX
			       * bytes; else the digest of the page where they begin */

	/* Not canonical: from the page's local trailer. */
	uint64_t page; /* directory: id of its root page; labelled, not inline: likewise */
	struct vt_line_sums lines; /* of labels: directory: of all below it; labelled: `bytes`
				    * alone, the rest follows (vt_entry_lines()) */
	struct vt_location hint;   /* file of one chunk: where it lay at publish; may be stale */
};
