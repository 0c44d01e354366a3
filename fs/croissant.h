/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * croissant.json of a version: Croissant 1.1 (https://docs.mlcommons.org/croissant/docs/
 * croissant-spec-1.1.html), JSON-LD. Addresses in it are relative to the document.
 *
 *     distribution  directory     the version; its sha256 is the tree digest, which stands for the
 *                                 contents as SHA256SUMS does (a directory has no bytes to sum)
 *                   SHA256SUMS, labels.jsonl (not without labels): files beside the document
 *                   files, files/SPLIT: sets by glob, in the directory
 *     recordSet     splits        where there are any
 *                   samples       path, split, content of each file
 *                   labels        the lines of labels.jsonl
 *                   values/KEY    an enumeration: the values in force of a key that has few
 *     usageInfo     what the licence permits, where that is known (licence.h)
 *     prov:…        wasRevisionOf: the parent, by its digest; of a curated version also
 *                   wasDerivedFrom its source, and how it wasGeneratedBy curate
 *
 * The sum of a file beside it takes making all of it. That is done for those of at most
 * VT_CROISSANT_SUMMED bytes, when the document is read; a longer one is a set of one file, which
 * needs no sum, and is pinned by the digests under `identifier`. As each sum is as long as any
 * other, the size of the document is known without them.
 *
 * Thread-safe.
 */
#include <stdbool.h>

#include "index/catalog.h"

struct vt_buf;
struct vt_croissant_facts;
struct vt_error;

#define VT_CROISSANT_SUMMED (UINT64_C(32) << 20)

/* Is the sum of a document of the version in there? */
bool vt_croissant_sums(const struct vt_version *version, enum vt_document document);

/* Appends it. -ENOMEM. */
int vt_croissant_put(const struct vt_dataset *dataset, const struct vt_version *version,
		     const struct vt_croissant_facts *facts, struct vt_buf *out,
		     struct vt_error *err);
