/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See publish.h: the order of things. Whatever fails first stops the crew, and nothing is freed
 * before its threads have ended.
 */
#include "tools/publish/publish.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "index/base/clock.h"
#include "index/base/crashpoint.h"
#include "index/base/error.h"
#include "index/base/processors.h"
#include "tools/publish/assemble.h"
#include "tools/publish/bundle.h"
#include "tools/publish/changes.h"
#include "tools/publish/content.h"
#include "tools/publish/dictionary.h"
#include "tools/publish/kept.h"
#include "tools/publish/scratch.h"
#include "tools/publish/source.h"
#include "tools/publish/stamps.h"
#include "tools/publish/walk.h"

#define WARNINGS_MAX 20u /* about skipped files and such; the rest is only counted */
#define STAMPS       "stamps"

struct publication {
	struct vt_publish_context context;
	struct vt_publish_progress own_progress;
	const char *as; /* NULL: the next vN */
	struct vt_walk *walk;
	int64_t scan_ns;
	bool has_directory;
	char stamps_path[4200]; /* where this publish writes them */
};

/* For the sources */

int vt_publish_found(struct vt_publish_context *context, const struct vt_item *item,
		     struct vt_error *err)
{
	vt_cleanup(vt_buf_done) struct vt_buf key = VT_BUF_INIT, value = VT_BUF_INIT;
	int r;

	vt_item_key(item->path, item->path_len, &key);
	vt_item_encode(item, &value);
	if (vt_buf_failed(&key) || vt_buf_failed(&value))
		return vt_fail(err, ENOMEM, "no memory for an entry");
	(void) pthread_mutex_lock(&context->found_lock);
	r = vt_spool_add(context->found, key.data, key.len, value.data, value.len, err);
	(void) pthread_mutex_unlock(&context->found_lock);
	return r;
}

static void warn(struct vt_publish_context *context, const struct vt_error *sentence)
{
	const struct vt_publish_options *options = context->options;

	if (atomic_fetch_add(&context->warnings, 1) < WARNINGS_MAX && options->warn)
		options->warn(options->warn_context, sentence->text);
}

int vt_publish_skip(struct vt_publish_context *context, const char *kind, const char *path,
		    struct vt_error *err)
{
	struct vt_error sentence;

	if (context->options->strict)
		return vt_fail(err, EINVAL, "'%s' is a %s, which cannot be published", path, kind);
	(void) atomic_fetch_add(&context->progress->skipped, 1);
	(void) vt_fail(&sentence, EINVAL, "skipped %s '%s'", kind, path);
	warn(context, &sentence);
	return 0;
}

int vt_publish_ignore(struct vt_publish_context *context, const char *name, struct vt_error *err)
{
	struct vt_error sentence;

	if (context->options->strict)
		return vt_fail(err, EINVAL, "bytes that are not gzip stand behind the end of '%s'",
			       name);
	(void) vt_fail(&sentence, EINVAL, "ignored bytes that are not gzip behind the end of '%s'",
		       name);
	warn(context, &sentence);
	return 0;
}

/* Beginning */

static int load_dictionary(struct vt_publish_context *context, struct vt_error *err)
{
	vt_cleanup(vt_buf_done) struct vt_buf data = VT_BUF_INIT;
	struct vt_publish_backend *backend = context->backend;
	const struct vt_publish_options *options = context->options;
	struct vt_dictionary *dictionary;
	int r;

	if (context->info->dictionary == 0)
		return 0;
	(void) pthread_mutex_lock(&context->backend_lock);
	r = backend->ops->dictionary(backend, context->info->dictionary, &data, err);
	(void) pthread_mutex_unlock(&context->backend_lock);
	if (r < 0)
		return r;
	r = vt_dictionary_new(data.data, data.len, &options->compression, &dictionary, err);
	return r < 0 ? r : vt_content_set_dictionary(context->content, dictionary, false, err);
}

static unsigned thread_count(const struct vt_publish_options *options)
{
	unsigned count = options->threads ? options->threads : vt_processors();

	return count < VT_CREW_MAX ? count : VT_CREW_MAX;
}

static int open_sources(struct publication *p, struct vt_error *err)
{
	const struct vt_publish_options *options = p->context.options;
	int r = 0;

	if (options->source_count == 0)
		return vt_fail(err, EINVAL, "there is nothing to publish");
	p->context.sources = calloc(options->source_count, sizeof *p->context.sources);
	if (!p->context.sources)
		return vt_fail(err, ENOMEM, "no memory for sources");
	for (size_t i = 0; i < options->source_count; i++)
		p->context.sources[i].fd = -1;
	for (size_t i = 0; r == 0 && i < options->source_count; i++) {
		r = vt_source_open(options->sources[i], &p->context.sources[i], err);
		p->has_directory = p->has_directory || !p->context.sources[i].archive;
	}
	return r;
}

static void stamps_path(const struct vt_publish_context *context, char path[4200])
{
	(void) snprintf(path, 4200, "%s/../../stamps/%u", context->info->dir,
			context->info->dataset);
}

static int ask_parent(struct vt_publish_context *context, struct vt_digest *tree,
		      uint64_t *root_page, struct vt_error *err)
{
	struct vt_publish_backend *backend = context->backend;
	int r;

	(void) pthread_mutex_lock(&context->backend_lock);
	r = backend->ops->parent(backend, tree, root_page, err);
	(void) pthread_mutex_unlock(&context->backend_lock);
	return r;
}

/* Of several sources another may have more for the same directory. */
static int open_kept(struct vt_publish_context *context, struct vt_error *err)
{
	char path[4200];
	struct vt_digest tree;
	uint64_t root_page;
	int r;

	if (context->info->parent == 0 || context->options->checksum ||
	    context->options->source_count > 1 || context->sources[0].archive)
		return 0;
	r = ask_parent(context, &tree, &root_page, err);
	if (r < 0)
		return r;
	stamps_path(context, path);
	context->kept = vt_kept_open(path, context->info->dataset, &tree, root_page);
	return 0;
}

static int begin(struct publication *p, struct vt_error *err)
{
	struct vt_publish_context *context = &p->context;
	const char *dir = context->info->dir;
	int r = open_sources(p, err);

	(void) snprintf(p->stamps_path, sizeof p->stamps_path, "%s/" STAMPS, dir);
	p->scan_ns = (int64_t) vt_clock_realtime_ns();
	if (r == 0)
		r = open_kept(context, err);
	if (r == 0)
		r = vt_spool_new(dir, VT_SPOOL_MEMORY, &context->found, err);
	if (r == 0)
		r = vt_content_new(context, &context->content, err);
	if (r == 0)
		r = vt_stream_pool_new(context, &context->pool, err);
	if (r == 0)
		r = vt_crew_new(context->threads, context->options->cancel, &context->crew, err);
	return r < 0 ? r : load_dictionary(context, err);
}

/* The crew ends first: its jobs use all the rest. */
static void end(struct publication *p)
{
	struct vt_publish_context *context = &p->context;

	vt_crew_free(context->crew);
	vt_walk_free(p->walk);
	vt_stream_pool_free(context->pool);
	vt_content_free(context->content);
	vt_spool_free(context->found);
	vt_kept_close(context->kept);
	for (size_t i = 0; context->sources && i < context->options->source_count; i++)
		vt_source_close(&context->sources[i]);
	free(context->sources);
	(void) pthread_mutex_destroy(&context->backend_lock);
	(void) pthread_mutex_destroy(&context->found_lock);
}

/* Reading the sources */

static int read_sources(struct publication *p, struct vt_error *err)
{
	struct vt_publish_context *context = &p->context;
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < context->options->source_count; i++) {
		struct vt_source *source = &context->sources[i];
		struct stat st;

		if (!source->archive) {
			atomic_store(&context->progress->phase, VT_PUBLISH_SCAN);
			r = vt_source_scan(context, i, err);
			continue;
		}
		atomic_store(&context->progress->phase, VT_PUBLISH_STORE);
		if (fstat(source->fd, &st) == 0 && S_ISREG(st.st_mode))
			(void) atomic_fetch_add(&context->progress->total_bytes,
						(uint64_t) st.st_size);
		r = vt_source_unpack(context, i, err);
	}
	return r < 0 ? r : vt_crew_drain(context->crew, err);
}

/* Storing the files of directories */

/* Is there anything of this node to store: a file of a directory, under its first name? */
static bool is_to_store(const struct vt_publish_context *context, const struct vt_walk_node *node)
{
	return node->item.type == VT_FILE && !context->sources[node->item.source].archive &&
	       (node->links == 0 || node->primary == node->position);
}

static struct vt_stamps_reader *open_stamps(const struct vt_publish_context *context)
{
	char path[4200];

	if (context->options->checksum)
		return NULL;
	stamps_path(context, path);
	return vt_stamps_open(path, context->info->dataset);
}

static int sample_file(const struct vt_publish_context *context, const struct vt_item *item,
		       struct vt_dictionary_sample *sample, struct vt_error *err)
{
	vt_autoclose int fd = vt_source_open_below(context->sources[item->source].fd, item->path,
						   O_NONBLOCK | O_NOCTTY);
	uint8_t data[VT_SMALL_MAX];
	ssize_t len;

	if (fd < 0)
		return 0; /* storing it will say so */
	len = read(fd, data, sizeof data);
	return len <= 0 ? 0 : vt_dictionary_sample_add(sample, data, (size_t) len, err);
}

/* Every n-th small file, so that about VT_SAMPLE_MAX bytes come together. */
static int sample_files(struct publication *p, struct vt_dictionary_sample *sample,
			struct vt_error *err)
{
	const struct vt_walk_totals *totals = vt_walk_totals(p->walk);
	vt_cleanup(vt_stamps_closep) struct vt_stamps_reader *stamps = open_stamps(&p->context);
	uint64_t every = totals->small_bytes / VT_SAMPLE_MAX + 1, seen = 0, unread;
	struct vt_digest content;
	struct vt_walk_node node;
	int r = vt_walk_rewind(p->walk, err);

	while (r >= 0 && (r = vt_walk_next(p->walk, &node, err)) > 0) {
		const struct vt_item *item = &node.item;

		if (!is_to_store(&p->context, &node) || item->decode || item->stamp.size == 0 ||
		    item->stamp.size > VT_SMALL_MAX ||
		    vt_stamps_match(stamps, item, &content, &unread) || seen++ % every != 0)
			continue;
		r = sample_file(&p->context, item, sample, err);
		if (r >= 0)
			r = vt_crew_result(p->context.crew, err);
	}
	return r;
}

static bool wants_dictionary(const struct publication *p)
{
	const struct vt_walk_totals *totals = vt_walk_totals(p->walk);

	return !p->context.options->dry_run && !vt_content_has_dictionary(p->context.content) &&
	       totals->small_files >= VT_SAMPLE_FILES && totals->small_bytes >= VT_SAMPLE_BYTES;
}

static int make_dictionary(struct publication *p, struct vt_error *err)
{
	vt_cleanup(vt_dictionary_sample_freep) struct vt_dictionary_sample *sample = NULL;
	int r = vt_dictionary_sample_new(&p->context, &sample, err);

	if (r == 0)
		r = sample_files(p, sample, err);
	return r < 0 ? r : vt_dictionary_sample_release(sample, err);
}

enum share {
	ALL,
	ALONE,    /* what is a bundle by itself, and so needs no dictionary */
	TOGETHER, /* the others */
};

static int add_file(struct publication *p, enum share share, struct vt_stamps_reader *stamps,
		    struct vt_bundle **bundle, const struct vt_walk_node *node,
		    struct vt_error *err)
{
	struct vt_digest content;
	uint64_t size = 0;
	bool known = vt_stamps_match(stamps, &node->item, &content, &size);
	bool alone = !known && (node->item.decode || node->item.stamp.size > VT_SMALL_MAX);
	int r = 0;

	if (share != ALL && alone != (share == ALONE))
		return 0;
	if (*bundle && (vt_bundle_is_full(*bundle) || alone))
		vt_bundle_submit(vt_steal(bundle));
	if (!*bundle)
		r = vt_bundle_new(&p->context, p->context.pool, bundle, err);
	if (r == 0)
		r = vt_bundle_add_file(*bundle, &node->item, node->slot, known ? &content : NULL,
				       size, err);
	return r;
}

static int submit_files(struct publication *p, enum share share, struct vt_error *err)
{
	vt_cleanup(vt_stamps_closep) struct vt_stamps_reader *stamps = open_stamps(&p->context);
	vt_cleanup(vt_bundle_freep) struct vt_bundle *bundle = NULL;
	struct vt_walk_node node;
	int r = vt_walk_rewind(p->walk, err);

	while (r >= 0 && (r = vt_walk_next(p->walk, &node, err)) > 0) {
		if (is_to_store(&p->context, &node))
			r = add_file(p, share, stamps, &bundle, &node, err);
		if (r >= 0)
			r = vt_crew_result(p->context.crew, err);
	}
	if (r < 0)
		return r;
	if (bundle)
		vt_bundle_submit(vt_steal(&bundle));
	return 0;
}

static int store_files(struct publication *p, struct vt_error *err)
{
	bool wanted = wants_dictionary(p);
	/* The crew has work while the dictionary is made, at the price of another walk. */
	bool apart = wanted && vt_walk_totals(p->walk)->large_files > 0;
	int r = 0;

	atomic_store(&p->context.progress->phase, VT_PUBLISH_STORE);
	if (apart)
		r = submit_files(p, ALONE, err);
	if (r == 0 && wanted)
		r = make_dictionary(p, err);
	if (r == 0)
		r = submit_files(p, apart ? TOGETHER : ALL, err);
	return r < 0 ? r : vt_crew_drain(p->context.crew, err);
}

/* The end */

static int is_same_as_parent(struct publication *p, const struct vt_assembly *assembly,
			     struct vt_error *err)
{
	struct vt_publish_context *context = &p->context;
	struct vt_digest parent;
	uint64_t root_page;
	int r;

	if (context->info->parent == 0)
		return 0;
	r = ask_parent(context, &parent, &root_page, err);
	return r < 0 ? r : vt_digest_equal(&parent, &assembly->tree_digest);
}

static int commit(struct publication *p, const struct vt_assembly *assembly,
		  const struct vt_changes *changes, struct vt_publish_result *out,
		  struct vt_error *err)
{
	struct vt_publish_context *context = &p->context;
	const struct vt_publish_options *options = context->options;
	struct vt_version version;
	const struct vt_new_shard *shards;
	size_t count;
	int r = vt_content_finish(context->content, &shards, &count, err);

	if (r == 0)
		r = vt_crew_result(context->crew, err);
	if (r < 0)
		return r;
	memset(&version, 0, sizeof version);
	version.dataset = context->info->dataset;
	version.name = p->as;
	version.reason = "";
	version.parent = context->info->parent;
	version.tree = assembly->tree;
	version.tree_digest = assembly->tree_digest;
	version.counts = out->counts;
	memcpy(version.document_body, assembly->document_body, sizeof version.document_body);
	version.document_body[VT_DOCUMENT_CHANGES] = changes->size;
	version.changes = changes->content;
	version.outline = assembly->outline;
	version.author_uid = options->author_uid;
	version.author = options->author ? options->author : "";
	version.message = options->message ? options->message : "";
	version.licence = options->licence ? options->licence : "";
	version.created_ns = vt_clock_realtime_ns();
	atomic_store(&context->progress->phase, VT_PUBLISH_COMMIT);
	VT_CRASHPOINT("publish-sealed");
	(void) pthread_mutex_lock(&context->backend_lock);
	r = context->backend->ops->commit(context->backend, shards, count, &version,
					  p->has_directory ? STAMPS : NULL, &out->made, err);
	VT_CRASHPOINT("publish-committed");
	(void) pthread_mutex_unlock(&context->backend_lock);
	return r;
}

static int name_files(struct publication *p, const struct vt_publish_labels *labels,
		      struct vt_error *err)
{
	struct vt_walk_node node;
	int r = vt_walk_rewind(p->walk, err);

	while (r >= 0 && (r = vt_walk_next(p->walk, &node, err)) > 0)
		if (node.item.type == VT_FILE)
			r = labels->file(labels->context, node.item.path, node.item.path_len, err);
		else if (node.item.kept)
			r = vt_kept_files(p->context.kept, node.item.kept, labels->file,
					  labels->context, err);
	return r;
}

static int give_labels(struct publication *p, const struct vt_assembly *assembly,
		       struct vt_error *err)
{
	struct vt_publish_context *context = &p->context;
	const struct vt_publish_labels *labels = context->options->labels;
	int r = name_files(p, labels, err);

	if (r < 0)
		return r;
	(void) pthread_mutex_lock(&context->backend_lock);
	r = context->backend->ops->tree(context->backend, &assembly->tree, err);
	if (r >= 0)
		r = labels->give(labels->context, err);
	VT_CRASHPOINT("publish-labelled");
	(void) pthread_mutex_unlock(&context->backend_lock);
	return r;
}

static void sum_up(const struct publication *p, const struct vt_assembly *assembly,
		   struct vt_publish_result *out)
{
	const struct vt_publish_progress *progress = p->context.progress;

	out->tree_digest = assembly->tree_digest;
	out->counts = assembly->counts;
	out->counts.stored_bytes = atomic_load(&progress->stored_bytes);
	out->new_bytes = atomic_load(&progress->new_bytes);
	out->unchanged = atomic_load(&progress->unchanged);
	out->skipped = atomic_load(&progress->skipped);
}

static int finish(struct publication *p, struct vt_publish_result *out, struct vt_error *err)
{
	struct vt_publish_context *context = &p->context;
	bool write = !context->options->dry_run;
	struct vt_assembly assembly;
	struct vt_changes changes = {0};
	int r;

	atomic_store(&context->progress->phase, VT_PUBLISH_INDEX);
	atomic_store(&context->progress->files, 0);
	if (write)
		vt_content_begin_rows(context->content);
	r = vt_assemble(context, p->walk, p->stamps_path, p->scan_ns, write, &assembly, err);
	VT_CRASHPOINT("publish-assembled");
	if (r == 0)
		r = vt_crew_drain(context->crew, err);
	if (r == 0)
		r = is_same_as_parent(p, &assembly, err);
	if (r < 0)
		return r;
	out->same_as_parent = r > 0;
	sum_up(p, &assembly, out);
	/* Content that the parent has is stored only if the store had lost it. */
	out->nothing_new =
		out->same_as_parent && !p->as && !context->options->labels && out->new_bytes == 0;
	if (!write || out->nothing_new)
		return 0;
	r = vt_changes_store(context, &assembly.tree, &changes, err);
	if (r < 0)
		return r;
	out->added = changes.added;
	out->removed = changes.removed;
	out->changed = changes.changed;
	out->counts.stored_bytes = atomic_load(&context->progress->stored_bytes);
	if (context->options->labels)
		r = give_labels(p, &assembly, err);
	return r < 0 ? r : commit(p, &assembly, &changes, out, err);
}

static int run(struct publication *p, struct vt_publish_result *out, struct vt_error *err)
{
	int r = begin(p, err);

	if (r == 0)
		r = read_sources(p, err);
	VT_CRASHPOINT("publish-read");
	if (r == 0)
		r = vt_walk_new(&p->context, &p->walk, err);
	if (r == 0)
		r = store_files(p, err);
	VT_CRASHPOINT("publish-stored");
	return r < 0 ? r : finish(p, out, err);
}

int vt_publish(struct vt_publish_backend *backend, const struct vt_import_info *info,
	       const char *dataset, const char *as, const struct vt_publish_options *options,
	       struct vt_publish_result *out, struct vt_error *err)
{
	struct publication *p = calloc(1, sizeof *p);
	struct vt_publish_result result;
	struct vt_error why;
	int r;

	if (!p)
		return vt_fail(err, ENOMEM, "no memory to publish '%s'", dataset);
	p->context.backend = backend;
	p->context.info = info;
	p->context.options = options;
	p->context.progress = options->progress ? options->progress : &p->own_progress;
	p->context.threads = thread_count(options);
	(void) pthread_mutex_init(&p->context.backend_lock, NULL);
	(void) pthread_mutex_init(&p->context.found_lock, NULL);
	p->as = as;
	memset(&result, 0, sizeof result);
	r = run(p, &result, &why);
	if (r < 0 && p->context.crew)
		vt_crew_fail(p->context.crew, r, &why);
	end(p);
	free(p);
	if (r < 0) {
		if (err)
			*err = why;
		return r;
	}
	*out = result;
	return 0;
}
