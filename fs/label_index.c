/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See label_index.h. What answers for a version, an *answerer*, is kept for the versions that were
 * asked about last: its set of postings, and what leads from the version that the set was made for
 * to this one.
 *
 * Lock order: `making`, then `lock`. `making` is held while postings are made.
 */
#include "fs/label_index.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "fs/hits.h"
#include "fs/value_counts.h"
#include "index/base/error.h"
#include "index/posting_sets.h"
#include "index/query.h"

#define ANSWERERS   16u
#define CHANGES_MAX 20000u /* files; beyond that a set of its own is made */

struct answerer {
	atomic_uint refs;
	/* constant */
	const struct vt_version *version, *made_for; /* references; the same without an overlay */
	struct vt_posting_source rows;
	struct vt_postings postings;
	struct vt_overlay *overlay; /* NULL: the set is the version's own */
};

struct vt_label_index {
	struct vt_index *index;
	pthread_mutex_t making, lock;
	struct answerer *answerers[ANSWERERS]; /* guarded by lock; the last asked first */
};

static void answerer_unref(struct answerer *answerer)
{
	if (!answerer || atomic_fetch_sub(&answerer->refs, 1) != 1)
		return;
	vt_overlay_free(answerer->overlay);
	vt_version_unref(answerer->version);
	vt_version_unref(answerer->made_for);
	free(answerer);
}
VT_DEFINE_CLEANUP(struct answerer, answerer_unref);

struct vt_label_index *vt_label_index_new(struct vt_index *index)
{
	struct vt_label_index *labels = calloc(1, sizeof *labels);

	if (!labels)
		return NULL;
	labels->index = index;
	(void) pthread_mutex_init(&labels->making, NULL);
	(void) pthread_mutex_init(&labels->lock, NULL);
	return labels;
}

void vt_label_index_free(struct vt_label_index *labels)
{
	if (!labels)
		return;
	for (size_t i = 0; i < ANSWERERS; i++)
		answerer_unref(labels->answerers[i]);
	(void) pthread_mutex_destroy(&labels->lock);
	(void) pthread_mutex_destroy(&labels->making);
	free(labels);
}

/* ---- answerers ------------------------------------------------------------------------------- */

/* To the front; what falls out is given back. */
static struct answerer *put_first(struct vt_label_index *labels, struct answerer *answerer,
				  size_t from)
{
	struct answerer *last = labels->answerers[from];

	for (size_t i = from; i > 0; i--)
		labels->answerers[i] = labels->answerers[i - 1];
	labels->answerers[0] = answerer;
	return last;
}

static struct answerer *find(struct vt_label_index *labels, uint32_t serial)
{
	struct answerer *found = NULL;

	(void) pthread_mutex_lock(&labels->lock);
	for (size_t i = 0; i < ANSWERERS && labels->answerers[i] && !found; i++)
		if (labels->answerers[i]->version->serial == serial) {
			found = labels->answerers[i];
			(void) put_first(labels, found, i);
			atomic_fetch_add(&found->refs, 1);
		}
	(void) pthread_mutex_unlock(&labels->lock);
	return found;
}

static void keep(struct vt_label_index *labels, struct answerer *answerer)
{
	struct answerer *last;

	atomic_fetch_add(&answerer->refs, 1);
	(void) pthread_mutex_lock(&labels->lock);
	last = put_first(labels, answerer, ANSWERERS - 1);
	(void) pthread_mutex_unlock(&labels->lock);
	answerer_unref(last);
}

static int open_set(struct vt_label_index *labels, const struct vt_version *version,
		    const struct vt_version *made_for, uint64_t set, struct answerer **out,
		    struct vt_error *err)
{
	vt_cleanup(answerer_unrefp) struct answerer *answerer = calloc(1, sizeof *answerer);
	int r;

	if (!answerer)
		return vt_fail(err, ENOMEM, "no memory for postings");
	answerer->refs = 1;
	answerer->version = vt_version_ref(version);
	answerer->made_for = vt_version_ref(made_for);
	answerer->rows = vt_posting_store_source(labels->index->store);
	r = vt_postings_open(&answerer->rows, set, &answerer->postings, err);
	if (r < 0)
		return r;
	*out = vt_steal(&answerer);
	return 0;
}

static bool is_made_for(const struct answerer *answerer, const struct vt_version *version)
{
	return vt_digest_equal(&answerer->postings.origin.files, &version->tree.root.content) &&
	       vt_digest_equal(&answerer->postings.origin.labels, &version->labels.content);
}

/* 1: the set answers for the version; 0: it does not, or is damaged. */
static int try_set(struct vt_label_index *labels, const struct vt_version *version,
		   const struct vt_posting_set *set, const struct vt_cancel *cancel,
		   struct answerer **out, struct vt_error *err)
{
	vt_cleanup(vt_version_unrefp) const struct vt_version *made_for = NULL;
	vt_cleanup(answerer_unrefp) struct answerer *answerer = NULL;
	struct vt_labelled_files before, after;
	int r;

	if (vt_catalog_version(labels->index->catalog, set->serial, &made_for, NULL) < 0 ||
	    open_set(labels, version, made_for, set->id, &answerer, NULL) < 0 ||
	    !is_made_for(answerer, made_for))
		return 0;
	if (!is_made_for(answerer, version)) {
		before = vt_labelled_files_of(labels->index, made_for);
		after = vt_labelled_files_of(labels->index, version);
		r = vt_overlay_new(&before, &after, CHANGES_MAX, cancel, &answerer->overlay, err);
		if (r < 0)
			return r == -E2BIG || r == -EBADMSG ? 0 : r;
	}
	*out = vt_steal(&answerer);
	return 1;
}

static int make(struct vt_label_index *labels, const struct vt_version *version,
		const struct vt_cancel *cancel, struct answerer **out, struct vt_error *err)
{
	struct vt_posting_set sets[VT_POSTING_SETS_KEPT];
	uint64_t set;
	int count = vt_posting_sets_list(labels->index->store, version->dataset, sets, err);
	int r = count < 0 ? count : 0;

	for (int i = 0; i < count && r == 0; i++)
		r = try_set(labels, version, &sets[i], cancel, out, err);
	if (r != 0)
		return r < 0 ? r : 0;
	r = vt_posting_sets_make(labels->index, version, cancel, &set, err);
	return r < 0 ? r : open_set(labels, version, version, set, out, err);
}

static int answerer_of(struct vt_label_index *labels, const struct vt_version *version,
		       const struct vt_cancel *cancel, struct answerer **out, struct vt_error *err)
{
	static const struct vt_cancel never = {0};
	int r = 0;

	*out = find(labels, version->serial);
	if (*out)
		return 0;
	if (!cancel)
		cancel = &never;
	(void) pthread_mutex_lock(&labels->making);
	*out = find(labels, version->serial); /* another was first */
	if (!*out)
		r = make(labels, version, cancel, out, err);
	else
		r = 1;
	if (r == 0)
		keep(labels, *out);
	(void) pthread_mutex_unlock(&labels->making);
	return r < 0 ? r : 0;
}

/* ---- questions ------------------------------------------------------------------------------- */

static struct vt_query query_of(struct vt_label_index *labels, const struct answerer *answerer,
				const struct vt_cancel *cancel)
{
	return (struct vt_query){
		.version = vt_labelled_files_of(labels->index, answerer->version),
		.postings = &answerer->postings,
		.overlay = answerer->overlay,
		.cancel = cancel ? *cancel : (struct vt_cancel){0},
	};
}

int vt_label_index_query(struct vt_label_index *labels, const struct vt_version *version,
			 const struct vt_expression *expression, const struct vt_cancel *cancel,
			 struct vt_hits **out, struct vt_error *err)
{
	vt_cleanup(answerer_unrefp) struct answerer *answerer = NULL;
	roaring_bitmap_t *files;
	struct vt_query query;
	int r = answerer_of(labels, version, cancel, &answerer, err);

	if (r < 0)
		return r;
	query = query_of(labels, answerer, cancel);
	r = vt_query_run(&query, expression, &files, err);
	if (r < 0)
		return r;
	*out = vt_hits_new(files);
	return *out ? 0 : vt_fail(err, ENOMEM, "no memory for the files of an expression");
}

/* What became different since the set was made. */
static int count_changes(struct vt_label_index *labels, const struct answerer *answerer,
			 struct vt_value_counts *counts, struct vt_error *err)
{
	if (!answerer->overlay)
		return 0;
	return vt_value_counts_change(counts, &labels->index->label_pages,
				      &answerer->made_for->labels, &answerer->version->labels, err);
}

struct keys {
	const struct vt_postings *postings;
	struct vt_value_counts counts;
	vt_label_index_each_key *each;
	void *context;
	struct vt_error *err;
};

static int add_key(void *context, struct vt_label_text name, const struct vt_posting_key *key)
{
	const struct vt_expression_value value = {.type = VT_EXPRESSION_TEXT, .text = name};
	vt_cleanup(vt_bitmap_freep) roaring_bitmap_t *files = roaring_bitmap_create();
	struct keys *keys = context;
	int r;

	if (!files)
		return vt_fail(keys->err, ENOMEM, "no memory for the files of a key");
	r = vt_postings_add(keys->postings, key, VT_POSTING_HAS, NULL, files, keys->err);
	return r < 0 ? r
		     : vt_value_counts_add(&keys->counts, &value,
					   (int64_t) roaring_bitmap_get_cardinality(files));
}

static int give_key(void *context, const struct vt_expression_value *value, uint32_t files)
{
	const struct keys *keys = context;

	(void) files;
	return keys->each(keys->context, value->text);
}

int vt_label_index_keys(struct vt_label_index *labels, const struct vt_version *version,
			vt_label_index_each_key *each, void *context, struct vt_error *err)
{
	vt_cleanup(answerer_unrefp) struct answerer *answerer = NULL;
	struct keys keys = {.each = each, .context = context, .err = err};
	int r = answerer_of(labels, version, NULL, &answerer, err);

	if (r == 0) {
		keys.postings = &answerer->postings;
		r = vt_postings_keys(keys.postings, add_key, &keys, err);
	}
	if (r == 0)
		r = count_changes(labels, answerer, &keys.counts, err);
	if (r == 0)
		r = vt_value_counts_each(&keys.counts, give_key, &keys);
	vt_value_counts_done(&keys.counts);
	return r;
}

static int add_value(void *context, const struct vt_expression_value *value, uint32_t files)
{
	return vt_value_counts_add(context, value, files);
}

int vt_label_index_facet(struct vt_label_index *labels, const struct vt_version *version,
			 struct vt_label_text key, enum vt_posting_facet facet,
			 vt_label_index_each_value *each, void *context, struct vt_error *err)
{
	vt_cleanup(answerer_unrefp) struct answerer *answerer = NULL;
	vt_cleanup(vt_value_counts_done) struct vt_value_counts counts = {.key = key,
									  .facet = facet};
	struct vt_posting_key found;
	int r = answerer_of(labels, version, NULL, &answerer, err);

	if (r == 0)
		r = vt_postings_key(&answerer->postings, key, &found, err);
	if (r > 0 && vt_posting_is_open(&found, facet))
		return vt_fail(err, E2BIG, "'%.*s' has more than %u values", (int) key.len,
			       key.bytes, VT_POSTING_VALUES_MAX);
	if (r > 0)
		r = vt_postings_terms(&answerer->postings, &found, facet, add_value, &counts, err);
	if (r >= 0)
		r = count_changes(labels, answerer, &counts, err);
	return r < 0 ? r : vt_value_counts_each(&counts, each, context);
}

int vt_label_index_values(struct vt_label_index *labels, const struct vt_version *version,
			  struct vt_label_text key, vt_label_index_each_value *each, void *context,
			  struct vt_error *err)
{
	return vt_label_index_facet(labels, version, key, VT_POSTING_VALUE, each, context, err);
}
