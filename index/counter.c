/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See store.h, vt_store_take(). A counter's row holds the first number that was never spoken for.
 * It is raised ahead of use in steps, so that most takes write nothing; a crash, and a restart,
 * loses the rest of a step. No number is handed out twice.
 */
#include "index/store_private.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

#include "index/base/crashpoint.h"
#include "index/base/error.h"

#define NODE_FIELD ((1ull << 28) - 1) /* what a node id has room for (fs/node.h) */

static const struct {
	const char *key; /* in VT_CF_META */
	const char *noun;
	uint64_t step;
	uint64_t max;
} counters[VT_COUNTER_COUNT] = {
	[VT_COUNTER_DATASET] = {"counter.dataset", "dataset ids", 16, NODE_FIELD},
	[VT_COUNTER_SPACE] = {"counter.space", "space ids", 16, NODE_FIELD},
	[VT_COUNTER_VERSION] = {"counter.version", "version serials", 16, UINT32_MAX},
	[VT_COUNTER_EXHIBIT] = {"counter.exhibit", "exhibits", 16, UINT32_MAX},
	[VT_COUNTER_TAG_LINK] = {"counter.tag_link", "tag links", 16, NODE_FIELD},
	[VT_COUNTER_SHARD] = {"counter.shard", "shard serials", 16, UINT32_MAX},
	[VT_COUNTER_PAGE] = {"counter.page", "page ids", 4096, UINT64_MAX},
	[VT_COUNTER_LINK_TABLE] = {"counter.link_table", "link table ids", 16, UINT64_MAX},
	[VT_COUNTER_POSTINGS] = {"counter.postings", "ids of postings", 16, UINT64_MAX},
	[VT_COUNTER_OUTLINE] = {"counter.outline", "outline ids", 16, UINT64_MAX},
	[VT_COUNTER_IMPORT] = {"counter.import", "import ids", 16, UINT64_MAX},
};

static int load(struct vt_store *store, enum vt_counter counter, struct vt_error *err)
{
	struct vt_counter_state *state = &store->counters[counter];
	const char *key = counters[counter].key;
	vt_cleanup(vt_value_done) struct vt_value value = {0};
	uint64_t limit = htole64(1);
	int r;

	if (state->next)
		return 0;
	r = vt_store_get(store, VT_CF_META, key, strlen(key), false, &value, err);
	if (r < 0 && r != -ENOENT)
		return r;
	if (r == 0) {
		if (value.len != sizeof limit)
			return vt_fail(err, EBADMSG, "the row of '%s' is damaged", key);
		memcpy(&limit, value.data, sizeof limit);
	}
	if (limit == 0)
		return vt_fail(err, EBADMSG, "the row of '%s' is damaged", key);
	state->next = state->limit = le64toh(limit);
	return 0;
}

static int raise_limit(struct vt_store *store, enum vt_counter counter, uint64_t limit,
		       struct vt_error *err)
{
	vt_cleanup(vt_batch_freep) struct vt_batch *batch = vt_batch_new();
	const char *key = counters[counter].key;
	uint64_t value = htole64(limit);
	int r;

	vt_batch_put(batch, store, VT_CF_META, key, strlen(key), &value, sizeof value);
	r = vt_store_write(store, batch, true, err);
	VT_CRASHPOINT("numbers-taken");
	return r;
}

static int take(struct vt_store *store, enum vt_counter counter, uint64_t count, uint64_t *first,
		struct vt_error *err)
{
	struct vt_counter_state *state = &store->counters[counter];
	uint64_t max = counters[counter].max, end, limit;
	int r;

	r = load(store, counter, err);
	if (r < 0)
		return r;
	if (state->next > max || count > max - state->next)
		return vt_fail(err, EOVERFLOW, "the store has no %s left", counters[counter].noun);
	end = state->next + count;
	if (end > state->limit) {
		if (__builtin_add_overflow(end, counters[counter].step, &limit))
			limit = end;
		r = raise_limit(store, counter, limit, err);
		if (r < 0)
			return r;
		state->limit = limit;
	}
	*first = state->next;
	state->next = end;
	return 0;
}

int vt_store_take(struct vt_store *store, enum vt_counter counter, uint64_t count, uint64_t *first,
		  struct vt_error *err)
{
	int r;

	if (count == 0)
		return vt_fail(err, EINVAL, "no numbers were asked for");
	(void) pthread_mutex_lock(&store->counter_lock);
	r = take(store, counter, count, first, err);
	(void) pthread_mutex_unlock(&store->counter_lock);
	return r;
}
