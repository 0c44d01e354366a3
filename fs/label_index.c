/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See label_index.h. What answers for a version, an *answerer*, is kept for the versions that were
 * asked about last: its set of postings, and what leads from the version that the set was made for
 * to this one.
 *
 * Answerers are made by jobs on a small pool, whose lanes are datasets. Who asks waits for the job
 * of the version, and may stop waiting; the job goes on.
 *
 * A set may be dropped while it is read, by newer ones or a sweep. So whether it is still named is
 * asked after it was read; if not, what was read counts for nothing. One that is damaged is dropped
 * and made again.
 *
 * Lock order: `lock`, then the pool's. No lock is held while anything is read.
 */
#include "fs/label_index.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "fs/hits.h"
#include "fs/io_pool.h"
#include "fs/value_counts.h"
#include "index/base/clock.h"
#include "index/base/error.h"
#include "index/posting_sets.h"
#include "index/query.h"

#define ANSWERERS   16u
#define CHANGES_MAX 20000u                /* files; beyond that a set of its own is made */
#define MAKERS      2u                    /* sets made at a time */
#define TRIES       3u                    /* with sets that go away while they are read */
#define PATIENCE_NS (50 * 1000 * 1000ull) /* between two looks at whether it is cancelled */

struct answerer {
	atomic_uint refs;
	/* constant */
	const struct vt_version *version, *made_for; /* references; the same without an overlay */
	struct vt_posting_source rows;
	struct vt_postings postings;
	struct vt_overlay *overlay; /* NULL: the set is the version's own */
};

/* The making of an answerer. Guarded by lock, apart from what is constant. */
struct job {
	struct vt_io_task task; /* first */
	struct vt_label_index *labels;
	const struct vt_version *version; /* constant; a reference */
	unsigned waiters;
	bool done;
	int result; /* of what is done */
	struct answerer *made;
	struct vt_error err;
	struct job *next; /* of those that are not done */
};

struct vt_label_index {
	struct vt_index *index;
	struct vt_io_pool *makers;
	atomic_bool stopping;
	pthread_mutex_t lock;
	pthread_cond_t changed;                /* a job is done */
	struct answerer *answerers[ANSWERERS]; /* guarded by lock; the last asked first */
	struct job *jobs;                      /* guarded by lock */
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

int vt_label_index_new(struct vt_index *index, struct vt_label_index **out, struct vt_error *err)
{
	struct vt_label_index *labels = calloc(1, sizeof *labels);
	pthread_condattr_t attributes;
	int r;

	if (!labels)
		return vt_fail(err, ENOMEM, "no memory for an index of labels");
	r = vt_io_pool_new(MAKERS, 1, &labels->makers, err);
	if (r < 0) {
		free(labels);
		return r;
	}
	labels->index = index;
	(void) pthread_mutex_init(&labels->lock, NULL);
	(void) pthread_condattr_init(&attributes);
	(void) pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	(void) pthread_cond_init(&labels->changed, &attributes);
	(void) pthread_condattr_destroy(&attributes);
	*out = labels;
	return 0;
}

void vt_label_index_stop(struct vt_label_index *labels)
{
	if (labels)
		labels->stopping = true;
}

void vt_label_index_free(struct vt_label_index *labels)
{
	if (!labels)
		return;
	vt_label_index_stop(labels);
	vt_io_pool_free(labels->makers);
	for (size_t i = 0; i < ANSWERERS; i++)
		answerer_unref(labels->answerers[i]);
	(void) pthread_cond_destroy(&labels->changed);
	(void) pthread_mutex_destroy(&labels->lock);
	free(labels);
}

/* ---- cancelling ------------------------------------------------------------------------------ */

struct patience {
	struct vt_label_index *labels;
	const struct vt_cancel *cancel; /* NULL: none of the caller's */
};

static bool has_ended(void *context)
{
	const struct patience *patience = context;
	const struct vt_cancel *cancel = patience->cancel;

	return patience->labels->stopping ||
	       (cancel && cancel->call && cancel->call(cancel->context));
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

/* A reference, or NULL. Under the lock. */
static struct answerer *find(struct vt_label_index *labels, uint32_t serial)
{
	for (size_t i = 0; i < ANSWERERS && labels->answerers[i]; i++) {
		struct answerer *found = labels->answerers[i];

		if (found->version->serial != serial)
			continue;
		(void) put_first(labels, found, i);
		atomic_fetch_add(&found->refs, 1);
		return found;
	}
	return NULL;
}

/* Nobody shall be answered by it any more. */
static void forget(struct vt_label_index *labels, struct answerer *answerer)
{
	size_t i = 0;

	(void) pthread_mutex_lock(&labels->lock);
	while (i < ANSWERERS && labels->answerers[i] != answerer)
		i++;
	if (i < ANSWERERS) {
		for (; i + 1 < ANSWERERS; i++)
			labels->answerers[i] = labels->answerers[i + 1];
		labels->answerers[ANSWERERS - 1] = NULL;
		answerer_unref(answerer); /* the caller has one, too */
	}
	(void) pthread_mutex_unlock(&labels->lock);
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

/* ---- jobs ------------------------------------------------------------------------------------ */

static void free_job(struct job *job)
{
	vt_version_unref(job->version);
	answerer_unref(job->made);
	free(job);
}

/* Under the lock. What falls out of the table is the caller's to give back. */
static struct answerer *finish(struct job *job, struct answerer *made)
{
	struct vt_label_index *labels = job->labels;
	struct answerer *last = NULL;
	struct job **at = &labels->jobs;

	while (*at != job)
		at = &(*at)->next;
	*at = job->next;
	job->done = true;
	job->made = made;
	if (made) {
		atomic_fetch_add(&made->refs, 1);
		last = put_first(labels, made, ANSWERERS - 1);
	}
	(void) pthread_cond_broadcast(&labels->changed);
	return last;
}

static void run_job(struct vt_io_task *task)
{
	struct job *job = (struct job *) task;
	struct vt_label_index *labels = job->labels;
	struct patience patience = {.labels = labels};
	const struct vt_cancel stopping = {has_ended, &patience};
	struct answerer *made = NULL, *last;
	bool unwanted;

	job->result = labels->stopping ? vt_fail(&job->err, ECANCELED, "the server stops")
				       : make(labels, job->version, &stopping, &made, &job->err);
	(void) pthread_mutex_lock(&labels->lock);
	last = finish(job, made);
	unwanted = job->waiters == 0;
	(void) pthread_mutex_unlock(&labels->lock);
	answerer_unref(last);
	if (unwanted)
		free_job(job);
}

/* The job of a version, begun if there is none. Under the lock. NULL: no memory. */
static struct job *job_for(struct vt_label_index *labels, const struct vt_version *version)
{
	struct job *job = labels->jobs;

	while (job && job->version->serial != version->serial)
		job = job->next;
	if (job)
		return job;
	job = calloc(1, sizeof *job);
	if (!job)
		return NULL;
	*job = (struct job){.task = {.run = run_job, .lane = version->dataset},
			    .labels = labels,
			    .version = vt_version_ref(version),
			    .next = labels->jobs};
	labels->jobs = job;
	vt_io_pool_submit(labels->makers, &job->task);
	return job;
}

static bool is_busy(const struct vt_label_index *labels, uint32_t dataset)
{
	const struct job *job = labels->jobs;

	while (job && job->version->dataset != dataset)
		job = job->next;
	return job != NULL;
}

void vt_label_index_prepare(struct vt_label_index *labels, const struct vt_version *version)
{
	(void) pthread_mutex_lock(&labels->lock);
	if (!labels->stopping && !is_busy(labels, version->dataset))
		(void) job_for(labels,
			       version); /* without memory it is made when it is asked for */
	(void) pthread_mutex_unlock(&labels->lock);
}

/* Until the job is done, or has_ended(). Under the lock. */
static void wait_for(struct vt_label_index *labels, const struct job *job,
		     struct patience *patience)
{
	while (!job->done && !has_ended(patience)) {
		uint64_t until_ns = vt_clock_monotonic_ns() + PATIENCE_NS;
		struct timespec until = {.tv_sec = (time_t) (until_ns / VT_NS_PER_SEC),
					 .tv_nsec = (long) (until_ns % VT_NS_PER_SEC)};

		(void) pthread_cond_timedwait(&labels->changed, &labels->lock, &until);
	}
}

static int take_result(const struct job *job, struct answerer **out, struct vt_error *err)
{
	if (!job->done)
		return vt_fail(err, ECANCELED, "nobody waits for the postings any more");
	if (job->result < 0)
		return vt_fail(err, -job->result, "%s", job->err.text);
	atomic_fetch_add(&job->made->refs, 1);
	*out = job->made;
	return 0;
}

static int answerer_of(struct vt_label_index *labels, const struct vt_version *version,
		       struct patience *patience, struct answerer **out, struct vt_error *err)
{
	struct job *job = NULL;
	bool unwanted = false;
	int r = 0;

	(void) pthread_mutex_lock(&labels->lock);
	*out = find(labels, version->serial);
	if (!*out) {
		job = job_for(labels, version);
		r = job ? 0 : vt_fail(err, ENOMEM, "no memory to make postings");
	}
	if (job) {
		job->waiters++;
		wait_for(labels, job, patience);
		r = take_result(job, out, err);
		unwanted = --job->waiters == 0 && job->done;
	}
	(void) pthread_mutex_unlock(&labels->lock);
	if (unwanted)
		free_job(job);
	return r;
}

/* ---- questions ------------------------------------------------------------------------------- */

struct question {
	struct vt_label_index *labels;
	const struct vt_version *version;
	struct patience patience;
};

static struct question question_of(struct vt_label_index *labels, const struct vt_version *version,
				   const struct vt_cancel *cancel)
{
	return (struct question){labels, version, {labels, cancel}};
}

/* Reads the answer; may be called again, and then begins anew. */
typedef int read_answer(struct question *question, struct answerer *answerer, void *context,
			struct vt_error *err);

/* 1: what was read of a set counts; 0: read it again; or an error. */
static int check_set(struct vt_label_index *labels, const struct answerer *answerer, bool damaged,
		     struct vt_error *err)
{
	uint32_t dataset = answerer->version->dataset;
	uint64_t set = answerer->postings.set;
	int r = vt_posting_sets_has(labels->index->store, dataset, set, err);

	return r > 0 && damaged ? vt_posting_sets_drop(labels->index->store, dataset, set, err) : r;
}

static int ask(struct question *question, read_answer *read, void *context, struct vt_error *err)
{
	for (unsigned i = 0; i < TRIES; i++) {
		vt_cleanup(answerer_unrefp) struct answerer *answerer = NULL;
		int checked, r = answerer_of(question->labels, question->version,
					     &question->patience, &answerer, err);

		if (r < 0)
			return r;
		r = read(question, answerer, context, err);
		checked = check_set(question->labels, answerer, r == -EBADMSG, err);
		if (checked != 0)
			return checked < 0 ? checked : r;
		forget(question->labels, answerer);
	}
	return vt_fail(err, EBADMSG, "postings are damaged or go away as often as they are made");
}

struct files {
	const struct vt_expression *expression;
	roaring_bitmap_t *found;
};

static int read_files(struct question *question, struct answerer *answerer, void *context,
		      struct vt_error *err)
{
	const struct vt_query query = {
		.version = vt_labelled_files_of(question->labels->index, question->version),
		.postings = &answerer->postings,
		.overlay = answerer->overlay,
		.cancel = {has_ended, &question->patience},
	};
	struct files *files = context;

	vt_bitmap_free(files->found);
	files->found = NULL;
	return vt_query_run(&query, files->expression, &files->found, err);
}

int vt_label_index_query(struct vt_label_index *labels, const struct vt_version *version,
			 const struct vt_expression *expression, const struct vt_cancel *cancel,
			 struct vt_hits **out, struct vt_error *err)
{
	struct question question = question_of(labels, version, cancel);
	struct files files = {.expression = expression};
	int r = ask(&question, read_files, &files, err);

	if (r < 0) {
		vt_bitmap_free(files.found);
		return r;
	}
	*out = vt_hits_new(files.found);
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
	struct vt_value_counts *counts;
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
		     : vt_value_counts_add(keys->counts, &value,
					   (int64_t) roaring_bitmap_get_cardinality(files));
}

static int read_keys(struct question *question, struct answerer *answerer, void *context,
		     struct vt_error *err)
{
	struct keys keys = {&answerer->postings, context, err};
	int r;

	vt_value_counts_reset(keys.counts);
	r = vt_postings_keys(keys.postings, add_key, &keys, err);
	return r < 0 ? r : count_changes(question->labels, answerer, keys.counts, err);
}

struct key_giver {
	vt_label_index_each_key *each;
	void *context;
};

static int give_key(void *context, const struct vt_expression_value *value, uint32_t files)
{
	const struct key_giver *giver = context;

	(void) files;
	return giver->each(giver->context, value->text);
}

int vt_label_index_keys(struct vt_label_index *labels, const struct vt_version *version,
			const struct vt_cancel *cancel, vt_label_index_each_key *each,
			void *context, struct vt_error *err)
{
	vt_cleanup(vt_value_counts_done) struct vt_value_counts counts = {0};
	struct question question = question_of(labels, version, cancel);
	struct key_giver giver = {each, context};
	int r = ask(&question, read_keys, &counts, err);

	return r < 0 ? r : vt_value_counts_each(&counts, give_key, &giver);
}

static int add_value(void *context, const struct vt_expression_value *value, uint32_t files)
{
	return vt_value_counts_add(context, value, files);
}

static int read_values(struct question *question, struct answerer *answerer, void *context,
		       struct vt_error *err)
{
	struct vt_value_counts *counts = context;
	struct vt_posting_key found;
	int r = vt_postings_key(&answerer->postings, counts->key, &found, err);

	vt_value_counts_reset(counts);
	if (r > 0 && vt_posting_is_open(&found, counts->facet))
		return vt_fail(err, E2BIG, "'%.*s' has more than %u values", (int) counts->key.len,
			       counts->key.bytes, VT_POSTING_VALUES_MAX);
	if (r > 0)
		r = vt_postings_terms(&answerer->postings, &found, counts->facet, add_value, counts,
				      err);
	return r < 0 ? r : count_changes(question->labels, answerer, counts, err);
}

int vt_label_index_facet(struct vt_label_index *labels, const struct vt_version *version,
			 struct vt_label_text key, enum vt_posting_facet facet,
			 const struct vt_cancel *cancel, vt_label_index_each_value *each,
			 void *context, struct vt_error *err)
{
	vt_cleanup(vt_value_counts_done) struct vt_value_counts counts = {.key = key,
									  .facet = facet};
	struct question question = question_of(labels, version, cancel);
	int r = ask(&question, read_values, &counts, err);

	return r < 0 ? r : vt_value_counts_each(&counts, each, context);
}

int vt_label_index_values(struct vt_label_index *labels, const struct vt_version *version,
			  struct vt_label_text key, const struct vt_cancel *cancel,
			  vt_label_index_each_value *each, void *context, struct vt_error *err)
{
	return vt_label_index_facet(labels, version, key, VT_POSTING_VALUE, cancel, each, context,
				    err);
}
