/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The request `curate`: a new version out of some files of another one, made here in one go
 * (index/curate.h): nothing of it comes from outside but the wish, so whoever may curate the
 * dataset may ask for it, without any access to the store's files. It ends when the other end hangs
 * up.
 */
#include "fs/checks.h"
#include "fs/document.h"
#include "fs/hits.h"
#include "fs/label_index.h"
#include "fs/requests.h"
#include "fs/rows.h"
#include "fs/service.h"
#include "index/base/clock.h"
#include "index/base/crashpoint.h"
#include "index/base/error.h"
#include "index/curate.h"
#include "index/expression.h"
#include "index/index.h"
#include "index/record.h"
#include "policy/people.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

struct curation {
	struct vt_control_request *request;
	/* the wish */
	const struct vt_expression *where; /* NULL: all files */
	struct vt_split split;             /* without parts: none */
	const char *as;                    /* NULL: the next vN */
	bool dry_run;
	/* under way */
	struct vt_import *import; /* NULL in a dry run */
	struct vt_import_info info;
	const struct vt_version *parent; /* the dataset's latest, or NULL */
	struct vt_hits *hits;            /* NULL: all */
	struct vt_page_store *pages;
	struct vt_outline outline;
	struct vt_curated made;
	char *provenance, *checks;
};

static int too_little_memory(struct vt_error *err)
{
	return vt_fail(err, ENOMEM, "no memory for a curation");
}

static void curation_done(struct curation *c)
{
	vt_expression_free(c->where);
	vt_hits_unref(c->hits);
	vt_page_store_free(c->pages);
	vt_outline_done(&c->outline);
	if (c->import)
		atomic_fetch_sub(&c->request->connection->host->imports, 1);
	vt_import_free(c->import);
	vt_version_unref(c->parent);
	free(c->provenance);
	free(c->checks);
}

/* ---- the wish -------------------------------------------------------------------------------- */

static int read_where(struct curation *c, struct vt_error *err)
{
	const char *text = NULL;
	int r = vt_arg_text_or(c->request->args, "where", &text, err);

	return r < 0 || !text ? r : vt_expression_parse(text, strlen(text), &c->where, err);
}

static int read_split(struct curation *c, struct vt_error *err)
{
	const json_t *args = c->request->args;
	const char *text = NULL;
	int r = vt_arg_text_or(args, "split", &text, err);

	if (r >= 0)
		r = vt_arg_text_or(args, "by", &c->split.by, err);
	if (r >= 0 && json_object_get(args, "seed"))
		r = vt_arg_number(args, "seed", INT64_MAX, &c->split.seed, err);
	if (r >= 0 && text)
		r = vt_split_parse(text, &c->split, err);
	else if (r >= 0 && (c->split.by || json_object_get(args, "seed")))
		r = vt_fail(err, EINVAL, "a key and a seed are of a split, and there is none");
	return r;
}

static int read_source(struct vt_control_request *request, struct vt_error *err)
{
	const char *dataset, *version = NULL;
	int r = vt_arg_text(request->args, "source", &dataset, err);

	if (r >= 0)
		r = vt_arg_text_or(request->args, "source_version", &version, err);
	return r < 0 ? r : vt_control_find_other(request, VT_RIGHT_READ, dataset, version, err);
}

static int read_wish(struct curation *c, struct vt_error *err)
{
	int r = read_source(c->request, err);

	if (r >= 0)
		r = vt_arg_text_or(c->request->args, "as", &c->as, err);
	if (r >= 0)
		r = vt_arg_flag(c->request->args, "dry_run", &c->dry_run, err);
	if (r >= 0)
		r = read_where(c, err);
	if (r >= 0 && c->dry_run && json_object_get(c->request->args, "gate"))
		r = vt_fail(err, EINVAL, "a dry run stores nothing that a gate could judge");
	return r < 0 ? r : read_split(c, err);
}

/* ---- beginning ------------------------------------------------------------------------------- */

/* From here on gc drops nothing, so that what the source has stays, whatever becomes of it. */
static int begin_import(struct curation *c, struct vt_error *err)
{
	struct vt_control_request *request = c->request;
	struct vt_index *index = request->service->index;
	const char *dataset;
	int r = vt_arg_text(request->args, "dataset", &dataset, err);

	if (r >= 0)
		r = vt_import_begin(index, dataset, c->as, vt_control_caller(request), &c->import,
				    &c->info, err);
	if (r < 0)
		return r;
	atomic_fetch_add(&request->connection->host->imports, 1);
	if (!request->dataset) /* made by the import */
		r = vt_catalog_dataset_by_id(index->catalog, c->info.dataset, &request->dataset,
					     err);
	if (r >= 0 && c->info.parent)
		r = vt_catalog_version(index->catalog, c->info.parent, &c->parent, err);
	if (r >= 0)
		r = vt_page_store_new(index->store, c->info.domain, &c->pages, err);
	return r;
}

/* Contents are found in one domain only. */
static int check_domain(const struct curation *c, struct vt_error *err)
{
	const struct vt_dataset *dataset = c->request->dataset;
	uint32_t domain = dataset ? dataset->domain : VT_DOMAIN_PLAIN;

	if (domain == c->request->other->domain)
		return 0;
	return vt_fail(err, ENOTSUP, "'%s' shares no contents with the new version's dataset",
		       c->request->other_dataset->name);
}

static int begin(struct curation *c, struct vt_error *err)
{
	int r = c->dry_run ? 0 : begin_import(c, err);

	if (r >= 0)
		r = vt_control_recheck(c->request, err);
	return r < 0 ? r : check_domain(c, err);
}

/* ---- the tree -------------------------------------------------------------------------------- */

static int compare_key(void *context, struct vt_label_text key)
{
	const struct curation *c = context;

	return strlen(c->split.by) == key.len && memcmp(c->split.by, key.bytes, key.len) == 0;
}

/* A key that was mistyped would make a split of no kind. */
static int check_key(struct curation *c, struct vt_error *err)
{
	struct vt_control_request *request = c->request;
	int r;

	if (!c->split.by)
		return 0;
	r = vt_label_index_keys(request->service->labels, request->other, NULL, compare_key, c,
				err);
	if (r != 0)
		return r < 0 ? r : 0;
	return vt_fail(err, ENOENT, "no file of '%s@%s' has a label '%s' to split by",
		       request->other_dataset->name, request->other->name, c->split.by);
}

static int note_entry(void *context, const char *path, size_t len, const struct vt_entry *entry,
		      uint32_t position, struct vt_error *err)
{
	struct curation *c = context;

	if (vt_outline_add(&c->outline, path, len, entry, position) < 0)
		return too_little_memory(err);
	return 0;
}

static int make_tree(struct curation *c, struct vt_error *err)
{
	struct vt_control_request *request = c->request;
	const struct vt_cancel cancel = {vt_control_is_over, request};
	struct vt_service *service = request->service;
	char scratch[PATH_MAX];
	const struct vt_curate job = {
		.from = vt_labelled_files_of(service->index, request->other),
		.split = c->split.count > 0 ? &c->split : NULL,
		.scratch = scratch,
		.pages = c->pages,
		.cancel = &cancel,
		.each = note_entry,
		.context = c,
	};
	struct vt_curate wanted = job;
	int r = check_key(c, err);

	(void) snprintf(scratch, sizeof scratch, "%s/tmp", service->dir);
	if (r == 0 && c->where)
		r = vt_label_index_query(service->labels, request->other, c->where, &cancel,
					 &c->hits, err);
	if (r < 0)
		return r;
	wanted.files = c->hits ? c->hits->files : NULL;
	r = vt_curate(&wanted, &c->made, err);
	if (r == 0 && c->pages)
		r = vt_page_store_flush(c->pages, err);
	return r < 0 ? vt_fail_in(err, r, "'%s@%s'", request->other_dataset->name,
				  request->other->name)
		     : 0;
}

/* ---- the record ------------------------------------------------------------------------------ */

static json_t *shares(const struct vt_split *split)
{
	json_t *object = json_object();

	for (size_t i = 0; i < split->count; i++) {
		char text[16];

		vt_split_share(split->parts[i].share, text);
		(void) json_object_set_new(object, split->parts[i].name, json_string(text));
	}
	return object;
}

static int set_split(json_t *object, const struct vt_split *split)
{
	int failures = 0;

	if (split->count == 0)
		return 0;
	failures |= json_object_set_new(object, "split", shares(split));
	if (split->by)
		failures |= json_object_set_new(object, "split_by", json_string(split->by));
	return failures |
	       json_object_set_new(object, "seed", json_integer((json_int_t) split->seed));
}

/* Members and their order are in the version's digest, and so stay (index/schema.md). */
static int make_provenance(struct curation *c, struct vt_error *err)
{
	const struct vt_control_request *request = c->request;
	const struct vt_version *from = request->other;
	char source[VT_DATASET_NAME_MAX + VT_NAME_PART_MAX + 2];
	char digest[VT_DIGEST_HEX], labels[VT_DIGEST_HEX];
	json_t *object;
	int failures;

	(void) snprintf(source, sizeof source, "%s@%s", request->other_dataset->name, from->name);
	vt_digest_format(&from->digest, digest);
	vt_digest_format(&from->label_digest, labels);
	object = json_pack("{s:s, s:s, s:s, s:s*}", "by", "curate", "source", source,
			   "source_digest", digest, "label_digest",
			   from->labels.labels ? labels : NULL);
	failures = object ? 0 : -1;
	if (c->where)
		failures |= json_object_set_new(object, "where", json_string(c->where->text));
	failures |= set_split(object, &c->split);
	failures |= json_object_set_new(object, "tool", json_string("vitrine " VT_VERSION));
	if (failures == 0)
		c->provenance = json_dumps(object, JSON_COMPACT);
	json_decref(object);
	return c->provenance ? 0 : too_little_memory(err);
}

static int read_texts(const struct curation *c, struct vt_version *out, struct vt_error *err)
{
	const json_t *args = c->request->args;
	int r = vt_arg_text_or(args, "message", &out->message, err);

	if (r >= 0)
		r = vt_arg_text_or(args, "licence", &out->licence, err);
	/* Who a version is by, the kernel says, unless the store's owner says otherwise. */
	if (r >= 0 && vt_control_is_owner(c->request))
		r = vt_arg_text_or(args, "author", &out->author, err);
	return r;
}

struct outline_batch {
	struct vt_store *store;
	struct vt_batch *batch;
};

static int put_outline_row(void *context, const uint8_t key[VT_OUTLINE_KEY],
			   const uint8_t value[VT_OUTLINE_VALUE], struct vt_error *err)
{
	const struct outline_batch *rows = context;

	(void) err;
	vt_batch_put(rows->batch, rows->store, VT_CF_OUTLINE, key, VT_OUTLINE_KEY, value,
		     VT_OUTLINE_VALUE);
	return 0;
}

/* Not synced: the commit is, behind it. */
static int put_outline(struct curation *c, uint64_t *id, struct vt_error *err)
{
	vt_cleanup(vt_batch_freep) struct vt_batch *batch = vt_batch_new();
	struct outline_batch rows = {c->request->service->index->store, batch};
	int r = batch ? vt_import_take(c->import, VT_COUNTER_OUTLINE, 1, id, err)
		      : too_little_memory(err);

	if (r >= 0)
		r = vt_outline_rows(&c->outline, *id, put_outline_row, &rows, err);
	return r < 0 ? r : vt_store_write(rows.store, batch, false, err);
}

/* Would it be the parent over again? */
static bool is_same(const struct curation *c, const struct vt_version *version)
{
	return c->parent && !c->as &&
	       vt_digest_equal(&version->tree_digest, &c->parent->tree_digest) &&
	       vt_digest_equal(&version->label_digest, &c->parent->label_digest) &&
	       strcmp(version->provenance, c->parent->provenance) == 0;
}

static int fill_version(struct curation *c, struct vt_version *version, struct vt_error *err)
{
	int r = make_provenance(c, err);

	if (r >= 0)
		r = read_texts(c, version, err);
	version->tree = c->made.tree;
	version->labels = c->made.labels;
	version->counts = c->made.counts;
	version->provenance = c->provenance;
	memcpy(version->document_body, c->outline.size, sizeof version->document_body);
	if (c->parent)
		version->parent_digest = c->parent->digest;
	if (r >= 0)
		r = vt_tree_digest(&version->tree, &version->tree_digest, err);
	if (r >= 0)
		r = vt_label_tree_digest(&version->labels, &version->label_digest, err);
	return r;
}

/* ---- the answer ------------------------------------------------------------------------------ */

static int set_parts(const struct curation *c, json_t *result)
{
	json_t *parts = json_object();
	int failures = 0;

	for (size_t i = 0; i < c->split.count; i++)
		failures |= json_object_set_new(parts, c->split.parts[i].name,
						json_integer((json_int_t) c->made.part_files[i]));
	return failures | json_object_set_new(result, "parts", parts);
}

static int answer(struct curation *c, json_t *result, struct vt_error *err)
{
	c->request->result = result;
	if (!result || (c->split.count > 0 && set_parts(c, result) < 0))
		return too_little_memory(err);
	return 0;
}

static int answer_unpublished(struct curation *c, const struct vt_version *version, bool same,
			      struct vt_error *err)
{
	char tree[VT_DIGEST_HEX], labels[VT_DIGEST_HEX];
	const char *dataset = "";
	json_t *result;

	vt_digest_format(&version->tree_digest, tree);
	vt_digest_format(&version->label_digest, labels);
	(void) vt_arg_text_or(c->request->args, "dataset", &dataset, NULL);
	result = json_pack(
		"{s:s, s:s*, s:s, s:s*, s:I, s:I, s:I, s:I, s:I}", "dataset", dataset, "version",
		same ? c->parent->name : c->as, "tree", tree, "label_digest",
		version->labels.labels ? labels : NULL, "files", (json_int_t) version->counts.files,
		"directories", (json_int_t) version->counts.directories, "bytes",
		(json_int_t) version->counts.bytes, "labels", (json_int_t) version->labels.labels,
		"labelled", (json_int_t) version->labels.files);
	if (result)
		(void) json_object_set_new(result, same ? "same" : "dry_run", json_true());
	return answer(c, result, err);
}

/* ---- the whole ------------------------------------------------------------------------------- */

static int publish(struct curation *c, struct vt_version *version, struct vt_error *err)
{
	struct vt_control_request *request = c->request;
	struct vt_index *index = request->service->index;
	int r = vt_checks_run(request, version, vt_control_is_over, request, &c->checks, err);

	if (r == -EDOM)
		(void) vt_fail_in(err, r, "nothing is published");
	version->checks = c->checks;
	if (r >= 0)
		r = put_outline(c, &version->outline, err);
	VT_CRASHPOINT("curate-outlined");
	if (r >= 0)
		r = vt_control_recheck(request, err);
	if (r >= 0)
		r = vt_import_commit(c->import, NULL, 0, version, NULL, &request->version, err);
	if (r < 0)
		return r;
	vt_control_version_made(request);
	vt_dataset_unref(request->dataset); /* `latest` has moved */
	request->dataset = NULL;
	r = vt_catalog_dataset_by_id(index->catalog, c->info.dataset, &request->dataset, err);
	return r < 0 ? r
		     : answer(c,
			      vt_row_version_alone(index->catalog, request->dataset,
						   request->version),
			      err);
}

static int curate(struct curation *c, struct vt_error *err)
{
	const struct vt_subject *subject = &c->request->connection->subject;
	char author[LOGIN_NAME_MAX];
	struct vt_version version = {
		.state = VT_VERSION_LIVE,
		.reason = "",
		.parent = c->info.parent,
		.author_uid = subject->uid,
		.author = author,
		.created_ns = vt_clock_realtime_ns(),
		.message = "",
		.licence = c->request->other->licence,
	};
	int r = make_tree(c, err);

	VT_CRASHPOINT("curate-tree-made");
	vt_people_name_of(subject->uid, author, sizeof author);
	if (r >= 0)
		r = fill_version(c, &version, err);
	if (r < 0)
		return r;
	if (c->dry_run || is_same(c, &version))
		return answer_unpublished(c, &version, !c->dry_run, err);
	return publish(c, &version, err);
}

int vt_serve_curate(struct vt_control_request *request, struct vt_error *err)
{
	vt_cleanup(curation_done) struct curation c = {.request = request};
	int r;

	if (request->connection->import)
		return vt_fail(err, EBUSY, "an import is already open on this connection");
	vt_outline_init(&c.outline);
	r = read_wish(&c, err);
	if (r >= 0)
		r = begin(&c, err);
	if (r >= 0)
		r = curate(&c, err);
	return r == -ECANCELED ? vt_control_stopped(request, err) : r;
}
