/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * How versions, entries and changes look in JSON: the rows of fs/requests.md. Each gives a new
 * object, or NULL when memory is short. Thread-safe.
 */
#include <jansson.h>

#include "index/catalog.h"
#include "index/diff.h"
#include "index/json_text.h"
#include "index/label.h"

int vt_json_set_time(json_t *object, const char *key, uint64_t ns); /* RFC 3339, UTC */

/* `tags` are those of the dataset; the ones that name the version are shown. */
json_t *vt_row_version(struct vt_catalog *catalog, const struct vt_dataset *dataset,
		       const struct vt_version *version, const struct vt_tag *tags,
		       size_t tag_count);
/* The same, fetching the tags. */
json_t *vt_row_version_alone(struct vt_catalog *catalog, const struct vt_dataset *dataset,
			     const struct vt_version *version);
/* `key`: "name" or "path", of which `text` is the value. */
json_t *vt_row_entry(const char *key, const char *text, size_t len, const struct vt_entry *entry);
/* Of a key: the labels in force, of which one may be NULL; `now` also says who made it. */
json_t *vt_row_label_change(const char *path, size_t path_len, const struct vt_label *before,
			    const struct vt_label *now);
json_t *vt_row_change(enum vt_change change, const char *path, size_t path_len,
		      const struct vt_entry *before, const struct vt_entry *after);
