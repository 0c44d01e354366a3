/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The schema of a dataset: which keys its labels may have, each with what type, values and range.
 * It is the part of its gate (dataset_gate.h) that is about single labels: type, values, min and
 * max of a key, and other_keys. So it can be asked of every label that is given, at no cost but
 * that label's; the other rules are about a whole version. Rejected labels are outside of nothing.
 *
 * What it was when it was read. Thread-safe once it is.
 */
#include <stdint.h>

#include "index/base/cleanup.h"

struct vt_error;
struct vt_label;
struct vt_label_schema;
struct vt_store;

/* A dataset without a gate has one that allows all. */
int vt_label_schema_read(struct vt_store *store, uint32_t dataset, struct vt_label_schema **out,
			 struct vt_error *err);
void vt_label_schema_free(struct vt_label_schema *schema); /* NULL is accepted */
VT_DEFINE_CLEANUP(struct vt_label_schema, vt_label_schema_free);

/* -EDOM: it is outside; the sentence has key, value and what is allowed, the first of a long list.
 */
int vt_label_schema_check(const struct vt_label_schema *schema, const struct vt_label *label,
			  struct vt_error *err);

/* -ESTALE: the dataset's gate is another by now. */
int vt_label_schema_confirm(const struct vt_label_schema *schema, struct vt_store *store,
			    struct vt_error *err);
