/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What has to be told elsewhere about a change (to the audit log), in the same batch as the change:
 * there is never one without the other, whatever the process or the machine dies of. A message
 * stays until it was delivered, and is delivered at least once: the next process to open the store
 * finds what this one left, perhaps of a delivery that went well. (The "transactional outbox"
 * pattern.)
 *
 * Thread-safe.
 */
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vt_batch;
struct vt_error;
struct vt_store;

/* Copies the text. It is to be delivered once vt_store_write() wrote the batch (NULL: -ENOMEM). */
int vt_outbox_post(struct vt_batch *batch, struct vt_store *store, const char *text, size_t len,
		   struct vt_error *err);

/*
 * The same for a record of the audit log (policy/audit.md) in JSON. Takes `fields` (NULL: -ENOMEM),
 * and adds "at": CLOCK_REALTIME in ns, never the same twice while the clock is not set back.
 */
int vt_outbox_post_record(struct vt_batch *batch, struct vt_store *store, json_t *fields,
			  struct vt_error *err);

/* 0: it is delivered. `left`: an earlier process left it, and may have delivered it. */
typedef int vt_outbox_deliver(void *context, const char *text, size_t len, bool left,
			      struct vt_error *err);
/*
 * Delivers all that was posted before the call, in the order in which it was, up to the first that
 * fails. One delivery at a time: others wait.
 */
int vt_outbox_empty(struct vt_store *store, vt_outbox_deliver *deliver, void *context,
		    struct vt_error *err);
size_t vt_outbox_count(struct vt_store *store);
