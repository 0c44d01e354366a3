/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See assemble.h. Pages get ascending numbers and go straight into an SST; their digests are kept
 * in a ledger, which finds equal pages of this publish and is sorted into rows at the end.
 */
#include "tools/publish/assemble.h"

#include <endian.h>
#include <string.h>

#include "index/base/error.h"
#include "index/link.h"
#include "tools/publish/content.h"
#include "tools/publish/ingest.h"
#include "tools/publish/kept.h"
#include "tools/publish/ledger.h"
#include "tools/publish/source.h"
#include "tools/publish/stamps.h"

#define PAGES_ASKED 256u /* digests in one question */

struct page_record {
	struct vt_digest digest;
	uint64_t id;
};

struct assembler {
	struct vt_publish_context *context;
	bool write;
	struct vt_assembly *out;
	struct vt_tree_builder *builder;
	struct vt_page_sink sink;
	uint32_t depth; /* directories entered */
	struct vt_outline outline;
	struct vt_stamps_writer *stamps;
	/* pages */
	struct vt_ledger *pages;
	struct vt_sst *page_rows;
	struct vt_spool *lost_pages;    /* rows of numbers that there were; NULL: none yet */
	uint64_t next_page, pages_left; /* of the run of numbers taken */
	/* links */
	struct vt_link_hasher *link_hasher;
	struct vt_sst *link_rows;
};

static int take(struct assembler *a, enum vt_counter counter, uint64_t count, uint64_t *first,
		struct vt_error *err)
{
	struct vt_publish_backend *backend = a->context->backend;
	int r;

	if (!a->write) {
		*first = 1;
		return 0;
	}
	(void) pthread_mutex_lock(&a->context->backend_lock);
	r = backend->ops->take(backend, counter, count, first, err);
	(void) pthread_mutex_unlock(&a->context->backend_lock);
	return r;
}

/* Pages */

static int new_page(struct assembler *a, struct vt_new_page *page, struct vt_error *err)
{
	uint64_t key;
	int r = 0;

	if (a->pages_left == 0) {
		a->pages_left = a->context->info->page_chunk ? a->context->info->page_chunk : 1;
		r = take(a, VT_COUNTER_PAGE, a->pages_left, &a->next_page, err);
	}
	if (r < 0)
		return r;
	page->id = a->next_page++;
	a->pages_left--;
	if (!a->write)
		return 0;
	key = htobe64(page->id);
	return vt_sst_put(a->page_rows, &key, sizeof key, page->value.data, page->value.len, err);
}

/* One that other versions have too, and that none of them can read. */
static int restore_page(struct assembler *a, const struct vt_new_page *page, struct vt_error *err)
{
	uint64_t key = htobe64(page->id);
	int r = 0;

	if (!a->write)
		return 0;
	if (!a->lost_pages)
		r = vt_spool_new(a->context->info->dir, VT_SPOOL_MEMORY, &a->lost_pages, err);
	return r < 0 ? r
		     : vt_spool_add(a->lost_pages, &key, sizeof key, page->value.data,
				    page->value.len, err);
}

static int place_page(struct assembler *a, struct vt_new_page *page, uint64_t known,
		      struct vt_error *err)
{
	const struct page_record *found = vt_ledger_find(a->pages, &page->digest);
	struct page_record record = {.digest = page->digest};
	int r;

	page->id = found ? found->id : known & ~VT_PAGE_LOST;
	if (found || (known && !(known & VT_PAGE_LOST)))
		return 0;
	r = known ? restore_page(a, page, err) : new_page(a, page, err);
	record.id = page->id;
	return r < 0 ? r : vt_ledger_add(a->pages, &record, err);
}

static int put_pages(void *context, struct vt_new_page *pages, size_t count, struct vt_error *err)
{
	struct assembler *a = context;
	struct vt_publish_backend *backend = a->context->backend;
	struct vt_digest digests[PAGES_ASKED];
	uint64_t ids[PAGES_ASKED];

	while (count > 0) {
		size_t n = count < PAGES_ASKED ? count : PAGES_ASKED;
		int r;

		for (size_t i = 0; i < n; i++)
			digests[i] = pages[i].digest;
		(void) pthread_mutex_lock(&a->context->backend_lock);
		r = backend->ops->pages(backend, digests, n, ids, err);
		(void) pthread_mutex_unlock(&a->context->backend_lock);
		for (size_t i = 0; r == 0 && i < n; i++)
			r = place_page(a, &pages[i], ids[i], err);
		if (r < 0)
			return r;
		pages += n;
		count -= n;
	}
	return 0;
}

static int ingest_page_digests(struct assembler *a, struct vt_error *err)
{
	vt_cleanup(vt_spool_freep) struct vt_spool *rows = NULL;
	int r = vt_spool_new(a->context->info->dir, VT_SPOOL_MEMORY, &rows, err);

	for (uint64_t i = 0; r == 0 && i < vt_ledger_count(a->pages); i++) {
		const struct page_record *record = vt_ledger_at(a->pages, i);
		uint8_t key[4 + VT_DIGEST_LEN];
		uint32_t domain = htobe32(a->context->info->domain);
		uint64_t id = htole64(record->id);

		memcpy(key, &domain, sizeof domain);
		memcpy(key + sizeof domain, record->digest.bytes, VT_DIGEST_LEN);
		r = vt_spool_add(rows, key, sizeof key, &id, sizeof id, err);
	}
	return r < 0 ? r
		     : vt_publish_ingest_spool(a->context, rows, VT_CF_PAGE_DIGEST,
					       "page_digest.sst", err);
}

/* Entries */

static int add_link(struct assembler *a, const struct vt_walk_node *node, struct vt_error *err)
{
	struct vt_tree *tree = &a->out->tree;
	struct vt_link link = {node->position, node->primary, node->links};
	uint8_t key[VT_LINK_KEY_LEN], value[VT_LINK_VALUE_LEN];
	int r = vt_link_hasher_add(a->link_hasher, &link, err);

	if (r == 0 && tree->links == 0)
		r = take(a, VT_COUNTER_LINK_TABLE, 1, &tree->links, err);
	if (r < 0)
		return r;
	tree->link_count++;
	if (!a->write)
		return 0;
	vt_link_key(tree->links, node->position, key);
	vt_link_value(&link, value);
	return vt_sst_put(a->link_rows, key, sizeof key, value, sizeof value, err);
}

static int fill_file(struct assembler *a, const struct vt_walk_node *node, struct vt_entry *entry,
		     struct vt_error *err)
{
	const struct vt_item *item = &node->item;
	struct vt_stored stored;
	int r = vt_content_noted(a->context->content, node->slot, &stored, err);

	if (r < 0)
		return r;
	entry->content = stored.digest;
	entry->size = stored.size;
	entry->hint = stored.at;
	a->out->counts.files++;
	if (!entry->linked || node->primary == node->position)
		a->out->counts.bytes += stored.size;
	(void) atomic_fetch_add(&a->context->progress->files, 1);
	if (a->stamps && !a->context->sources[item->source].archive)
		r = vt_stamps_add(a->stamps, item, &stored.digest, stored.size, err);
	return r;
}

static int fill_entry(struct assembler *a, const struct vt_walk_node *node, struct vt_entry *entry,
		      struct vt_error *err)
{
	const struct vt_item *item = &node->item;
	const char *slash = memrchr(item->path, '/', item->path_len);

	memset(entry, 0, sizeof *entry);
	entry->type = item->type;
	entry->mode = item->mode;
	entry->mtime_sec = item->mtime_sec;
	entry->mtime_nsec = item->mtime_nsec;
	entry->name = slash ? slash + 1 : item->path;
	entry->name_len = (size_t) (item->path + item->path_len - entry->name);
	entry->xattrs = item->xattrs_len ? item->xattrs : NULL;
	entry->xattrs_len = item->xattrs_len;
	entry->nodes = 1;
	entry->linked = node->links > 0;
	if (entry->linked) {
		int r = add_link(a, node, err);

		if (r < 0)
			return r;
	}
	switch (item->type) {
	case VT_FILE:
		return fill_file(a, node, entry, err);
	case VT_DIRECTORY:
		a->out->counts.directories++;
		return 0;
	case VT_SYMLINK:
		entry->target = item->target;
		entry->target_len = entry->size = item->target_len;
		a->out->counts.symlinks++;
		return 0;
	case VT_LABELLED: /* not found in a source */
		break;
	}
	return vt_fail(err, EIO, "a temporary file is damaged");
}

static int outline_is_short(int r, struct vt_error *err)
{
	return r < 0 ? vt_fail(err, ENOMEM, "no memory for the documents' outline") : 0;
}

static int leave(struct assembler *a, struct vt_error *err)
{
	int r = vt_tree_builder_leave(a->builder, err);

	if (r == 0 && a->stamps)
		r = vt_kept_leave(a->stamps, vt_tree_builder_left(a->builder), err);
	return r;
}

static int enter(struct assembler *a, const struct vt_item *item, const struct vt_entry *entry,
		 struct vt_error *err)
{
	if (a->stamps)
		vt_kept_enter(a->stamps, item);
	a->depth++;
	return vt_tree_builder_enter(a->builder, entry, err);
}

/* A directory whose pages the parent version has, with all that its entries count for. */
static int keep(struct assembler *a, const struct vt_walk_node *node, struct vt_entry *entry,
		struct vt_error *err)
{
	struct vt_kept *kept = a->context->kept;
	struct vt_kept_directory directory;
	struct vt_counts *counts = &a->out->counts;
	int r = vt_kept_read(kept, node->item.kept, &directory, err);

	for (uint32_t i = 0; r == 0 && i < directory.listing.entries; i++) {
		const uint64_t pieces[VT_OUTLINE_PIECES] = {vt_kept_piece(&directory, i, 0),
							    vt_kept_piece(&directory, i, 1)};

		r = outline_is_short(
			vt_outline_add_known(&a->outline, pieces, node->position + 1 + i), err);
	}
	if (r < 0)
		return r;
	counts->files += directory.files;
	counts->symlinks += directory.listing.entries - directory.files;
	counts->bytes += directory.bytes;
	(void) atomic_fetch_add(&a->context->progress->files, directory.files);
	entry->content = directory.content;
	entry->page = directory.page;
	entry->nodes = 1 + directory.listing.entries;
	r = vt_tree_builder_adopt(a->builder, entry, err);
	if (r == 0 && a->stamps)
		r = vt_kept_copy(kept, &directory, &node->item, a->stamps, err);
	return r;
}

static int add_node(struct assembler *a, const struct vt_walk_node *node, struct vt_error *err)
{
	const struct vt_item *item = &node->item;
	struct vt_entry entry;
	int r = 0;

	for (; r == 0 && a->depth >= node->depth; a->depth--)
		r = leave(a, err);
	if (r == 0)
		r = fill_entry(a, node, &entry, err);
	if (r == 0)
		r = outline_is_short(vt_outline_add(&a->outline, item->path, item->path_len, &entry,
						    node->position),
				     err);
	if (r < 0)
		return r;
	if (a->stamps)
		vt_kept_entry(a->stamps, item, a->outline.added,
			      item->type == VT_FILE ? entry.size : 0);
	if (item->kept)
		r = keep(a, node, &entry, err);
	else if (item->type == VT_DIRECTORY)
		r = enter(a, item, &entry, err);
	else
		r = vt_tree_builder_add(a->builder, &entry, err);
	return r < 0 ? vt_fail_in(err, r, "'%.*s'", (int) item->path_len, item->path) : 0;
}

/* The first directory source describes the root; without one nobody does. */
static struct vt_entry root_entry(const struct vt_publish_context *context)
{
	size_t count = context->options->source_count;
	struct timespec newest = VT_NO_TIME;
	struct vt_entry root = {.type = VT_DIRECTORY, .mode = 0755};

	for (size_t i = 0; i < count; i++) {
		const struct vt_source *source = &context->sources[i];

		if (!source->archive) {
			root.mode = source->root.mode;
			root.mtime_sec = source->root.mtime_sec;
			root.mtime_nsec = source->root.mtime_nsec;
			root.xattrs = source->root.xattrs_len ? source->root.xattrs : NULL;
			root.xattrs_len = source->root.xattrs_len;
			return root;
		}
		vt_note_newest(&newest, source->newest);
	}
	if (newest.tv_sec != VT_NO_TIME.tv_sec) {
		root.mtime_sec = newest.tv_sec;
		root.mtime_nsec = (uint32_t) newest.tv_nsec;
	}
	return root;
}

static int build_tree(struct assembler *a, struct vt_walk *walk, struct vt_error *err)
{
	struct vt_entry root = root_entry(a->context);
	struct vt_tree *tree = &a->out->tree, built;
	struct vt_walk_node node;
	int r = vt_walk_rewind(walk, err);

	while (r >= 0 && (r = vt_walk_next(walk, &node, err)) > 0) {
		r = add_node(a, &node, err);
		if (r >= 0)
			r = vt_crew_result(a->context->crew, err);
	}
	for (; r == 0 && a->depth > 0; a->depth--)
		r = leave(a, err);
	memset(&built, 0, sizeof built);
	if (r == 0)
		r = vt_tree_builder_finish(a->builder, &root, &built, err);
	if (r < 0)
		return r;
	tree->root = built.root;
	vt_link_hasher_final(a->link_hasher, &tree->link_digest);
	return vt_tree_digest(tree, &a->out->tree_digest, err);
}

/* Rows */

static int put_outline_row(void *sst, const uint8_t key[VT_OUTLINE_KEY],
			   const uint8_t value[VT_OUTLINE_VALUE], struct vt_error *err)
{
	return vt_sst_put(sst, key, VT_OUTLINE_KEY, value, VT_OUTLINE_VALUE, err);
}

static int ingest_outline(struct assembler *a, struct vt_error *err)
{
	vt_cleanup(vt_sst_freep) struct vt_sst *sst = NULL;
	int r = take(a, VT_COUNTER_OUTLINE, 1, &a->out->outline, err);

	if (r == 0)
		r = vt_publish_sst_new(a->context, "outline.sst", &sst, err);
	if (r == 0)
		r = vt_outline_rows(&a->outline, a->out->outline, put_outline_row, sst, err);
	return r < 0 ? r : vt_publish_ingest(a->context, sst, VT_CF_OUTLINE, "outline.sst", err);
}

static int ingest_rows(struct assembler *a, struct vt_error *err)
{
	int r = vt_publish_ingest(a->context, a->page_rows, VT_CF_PAGE, "page.sst", err);

	if (r == 0 && a->lost_pages) /* others read these: what is below them is there */
		r = vt_publish_ingest_spool(a->context, a->lost_pages, VT_CF_PAGE, "lost_page.sst",
					    err);
	if (r == 0)
		r = ingest_page_digests(a, err);
	if (r == 0)
		r = vt_publish_ingest(a->context, a->link_rows, VT_CF_LINK, "link.sst", err);
	return r < 0 ? r : ingest_outline(a, err);
}

static int prepare(struct assembler *a, const char *stamps, int64_t scan_ns, struct vt_error *err)
{
	struct vt_publish_context *context = a->context;
	int r = vt_ledger_new(context->info->dir, sizeof(struct page_record), &a->pages, err);

	a->sink = (struct vt_page_sink){.put = put_pages, .context = a};
	if (r == 0)
		r = vt_tree_builder_new(&a->sink, &a->builder, err);
	if (r == 0)
		r = vt_link_hasher_new(&a->link_hasher, err);
	if (r == 0 && a->write)
		r = vt_publish_sst_new(context, "page.sst", &a->page_rows, err);
	if (r == 0 && a->write)
		r = vt_publish_sst_new(context, "link.sst", &a->link_rows, err);
	if (r == 0 && a->write)
		r = vt_stamps_writer_new(stamps, context->info->dataset, scan_ns, &a->stamps, err);
	return r;
}

static void assembler_done(struct assembler *a)
{
	vt_tree_builder_free(a->builder);
	vt_outline_done(&a->outline);
	vt_stamps_writer_free(a->stamps);
	vt_ledger_free(a->pages);
	vt_sst_free(a->page_rows);
	vt_spool_free(a->lost_pages);
	vt_sst_free(a->link_rows);
	vt_link_hasher_free(a->link_hasher);
}

int vt_assemble(struct vt_publish_context *context, struct vt_walk *walk, const char *stamps,
		int64_t scan_ns, bool write, struct vt_assembly *out, struct vt_error *err)
{
	vt_cleanup(assembler_done) struct assembler a = {
		.context = context, .write = write, .out = out};
	int r;

	memset(out, 0, sizeof *out);
	vt_outline_init(&a.outline);
	r = prepare(&a, stamps, scan_ns, err);
	if (r == 0)
		r = build_tree(&a, walk, err);
	if (r < 0)
		return r;
	memcpy(out->document_body, a.outline.size, sizeof out->document_body);
	if (!write)
		return 0;
	r = vt_stamps_finish(a.stamps, &out->tree_digest, out->tree.root.page, err);
	return r < 0 ? r : ingest_rows(&a, err);
}
