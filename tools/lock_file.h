/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A lock file: which version of a dataset is meant, to the byte of its files and labels.
 *
 *     {"format": 1, "dataset", "version", "digest", "tree", "label_digest": text or null, "files",
 *     "bytes", "created"}
 *
 * Digests are 64 hex digits, as in a version row (fs/requests.md); the last three members are for
 * people. Members that are not known are passed over.
 */
#include <jansson.h>
#include <stdio.h>

#include "tools/cli.h"
#include "tools/target.h"

int vt_lock_write(const json_t *version, FILE *out, struct vt_error *err);

/* `path` "-": standard input. -ENOENT, -EINVAL: it is no lock file. `*out` is the caller's. */
int vt_lock_read(const char *path, json_t **out, struct vt_error *err);

/* The version that a lock names. -EINVAL. */
int vt_lock_target(const json_t *lock, struct vt_target *out, struct vt_error *err);

/* Asks the store about a version: -ESTALE, and the sentence says which digest differs. */
int vt_lock_check(struct vt_cli *cli, const json_t *lock, const struct vt_target *target,
		  struct vt_error *err);
