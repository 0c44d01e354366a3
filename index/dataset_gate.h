/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The quality gates that a dataset has: a file of them (quality.h), word for word, in a row of its
 * own. They judge what is published from then on, nothing that is there. Thread-safe.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vt_buf;
struct vt_error;
struct vt_store;

#define VT_GATE_TEXT_MAX 65536u /* bytes */

/* Appends the text. -ENOENT: the dataset has none. */
int vt_dataset_gate(struct vt_store *store, uint32_t dataset, struct vt_buf *out,
		    struct vt_error *err);
/* Durable when it returns. -EINVAL: the text is no file of gates, or too long. */
int vt_dataset_gate_set(struct vt_store *store, uint32_t dataset, const char *text, size_t len,
			struct vt_error *err);
int vt_dataset_gate_remove(struct vt_store *store, uint32_t dataset, struct vt_error *err);

/* Is this the key of such a row, in VT_CF_META? For gc. */
bool vt_dataset_gate_is_key(const void *key, size_t len, uint32_t *dataset);
