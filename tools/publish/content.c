/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See content.h. Two threads may come with the same bytes at once: the one that finds the digest in
 * neither ledger nor store *claims* it with a record that has no shard yet; the others wait for the
 * place. A claimant never waits between claiming and publishing the place, so that nobody waits for
 * ever. Lock order: `lock` alone (never with the backend's or the shard output's).
 */
#include "tools/publish/content.h"

#include <assert.h>
#include <endian.h>
#include <string.h>

#include "index/base/error.h"
#include "index/base/file.h"
#include "tools/publish/framer.h"
#include "tools/publish/ingest.h"
#include "tools/publish/ledger.h"
#include "tools/publish/scratch.h"

#define DRY_SHARD UINT32_MAX /* where a dry run puts things */

#define NOTES_READ 256u /* at a time */

/* Dictionary: at most a sixteenth of what it was made from, or it does not pay. */
#define DICTIONARY_SHARE 16u

struct chunk_record {
	struct vt_digest digest;
	struct vt_location at; /* .shard 0: claimed, not yet written */
	uint32_t length;
};

struct rows_job {
	struct vt_crew_job job; /* first */
	struct vt_content *content;
};

struct vt_content {
	struct vt_publish_context *context;
	struct vt_shard_output *output;
	struct vt_framer **framers; /* one per thread of the crew and one for the caller */
	_Atomic(struct vt_dictionary *) dictionary; /* the crew may be at work when it comes */
	bool fresh_dictionary;
	int slots; /* struct vt_stored by slot */
	struct {
		struct vt_stored notes[NOTES_READ];
		uint64_t first;
		size_t count;
	} read; /* of `slots`, when all is noted */
	pthread_mutex_t lock;
	pthread_cond_t located;
	/* guarded by lock */
	struct vt_ledger *chunks;  /* struct chunk_record */
	struct vt_ledger *recipes; /* digests */
	struct vt_spool *rows;     /* of recipes */
	bool broken;               /* a claimant failed */
	/* while nothing is stored */
	uint64_t rows_made; /* of `chunks`: so many have their rows */
	struct rows_job making;
};

static int init_parts(struct vt_content *content, struct vt_error *err)
{
	struct vt_publish_context *context = content->context;
	const char *dir = context->info->dir;
	int r = vt_shard_output_new(context, &content->output, err);

	if (r == 0)
		r = vt_ledger_new(dir, sizeof(struct chunk_record), &content->chunks, err);
	if (r == 0)
		r = vt_ledger_new(dir, sizeof(struct vt_digest), &content->recipes, err);
	if (r == 0)
		r = vt_spool_new(dir, VT_SPOOL_MEMORY, &content->rows, err);
	if (r == 0)
		r = content->slots = vt_scratch_open(dir, err);
	for (unsigned i = 0; r >= 0 && i <= context->threads; i++)
		r = vt_framer_new(&context->options->compression, &content->framers[i], err);
	return r < 0 ? r : 0;
}

int vt_content_new(struct vt_publish_context *context, struct vt_content **out,
		   struct vt_error *err)
{
	vt_cleanup(vt_content_freep) struct vt_content *content = calloc(1, sizeof *content);
	int r;

	if (!content)
		return vt_fail(err, ENOMEM, "no memory to store contents");
	content->context = context;
	content->slots = -1;
	(void) pthread_mutex_init(&content->lock, NULL);
	(void) pthread_cond_init(&content->located, NULL);
	content->framers = calloc(context->threads + 1, sizeof(struct vt_framer *));
	if (!content->framers)
		return vt_fail(err, ENOMEM, "no memory to store contents");
	r = init_parts(content, err);
	if (r < 0)
		return r;
	*out = vt_steal(&content);
	return 0;
}

void vt_content_free(struct vt_content *content)
{
	if (!content)
		return;
	for (unsigned i = 0; content->framers && i <= content->context->threads; i++)
		vt_framer_free(content->framers[i]);
	free(content->framers);
	vt_shard_output_free(content->output);
	vt_ledger_free(content->chunks);
	vt_ledger_free(content->recipes);
	vt_spool_free(content->rows);
	vt_dictionary_free(content->dictionary);
	if (content->slots >= 0)
		(void) close(content->slots);
	(void) pthread_cond_destroy(&content->located);
	(void) pthread_mutex_destroy(&content->lock);
	free(content);
}

/* Dictionary */

int vt_content_set_dictionary(struct vt_content *content, struct vt_dictionary *dictionary,
			      bool fresh, struct vt_error *err)
{
	content->dictionary = dictionary;
	content->fresh_dictionary = fresh;
	return vt_shard_output_set_dictionary(content->output, dictionary, err);
}

bool vt_content_has_dictionary(const struct vt_content *content)
{
	return content->dictionary;
}

int vt_content_train(struct vt_content *content, const void *samples, const size_t *sizes,
		     size_t count, struct vt_error *err)
{
	const struct vt_publish_options *options = content->context->options;
	struct vt_dictionary *dictionary;
	size_t max = 0;
	int r;

	for (size_t i = 0; i < count; i++)
		max += sizes[i];
	max /= DICTIONARY_SHARE;
	if (max > VT_DICTIONARY_MAX)
		max = VT_DICTIONARY_MAX;
	r = vt_dictionary_train(samples, sizes, count, max, &options->compression, &dictionary,
				err);
	if (r == -ENODATA)
		return 0;
	return r < 0 ? r : vt_content_set_dictionary(content, dictionary, true, err);
}

bool vt_content_probe(struct vt_content *content, unsigned thread, const void *data, size_t len)
{
	return vt_framer_probe(content->framers[thread], data, len);
}

/* Finding */

static struct vt_known known_here(const struct vt_content *content, const struct vt_digest *digest)
{
	const struct chunk_record *chunk = vt_ledger_find(content->chunks, digest);

	if (chunk)
		return (struct vt_known){1, chunk->at, chunk->length};
	return (struct vt_known){vt_ledger_find(content->recipes, digest) ? 2 : 0, {0}, 0};
}

static int ask_store(struct vt_content *content, const struct vt_digest *digests, size_t count,
		     struct vt_known *out, struct vt_error *err)
{
	struct vt_publish_backend *backend = content->context->backend;
	int r;

	if (count == 0)
		return 0;
	(void) pthread_mutex_lock(&content->context->backend_lock);
	r = backend->ops->known(backend, digests, count, out, err);
	(void) pthread_mutex_unlock(&content->context->backend_lock);
	return r;
}

int vt_content_known(struct vt_content *content, const struct vt_digest *digests, size_t count,
		     struct vt_known *out, struct vt_error *err)
{
	struct vt_digest unknown[VT_PIECES_MAX];
	struct vt_known answers[VT_PIECES_MAX];
	size_t asked = 0;
	int r;

	assert(count <= VT_PIECES_MAX);
	(void) pthread_mutex_lock(&content->lock);
	for (size_t i = 0; i < count; i++) {
		out[i] = known_here(content, &digests[i]);
		if (out[i].kind == 0)
			unknown[asked++] = digests[i];
	}
	(void) pthread_mutex_unlock(&content->lock);
	r = ask_store(content, unknown, asked, answers, err);
	if (r < 0)
		return r;
	for (size_t i = count; i-- > 0;)
		if (out[i].kind == 0)
			out[i] = answers[--asked];
	return 0;
}

/* Whoever finds the digest in no ledger has it to write. */
static int claim(struct vt_content *content, struct vt_piece *piece, struct vt_error *err)
{
	struct chunk_record *found = vt_ledger_find(content->chunks, &piece->digest);
	struct chunk_record record = {.digest = piece->digest, .length = piece->length};
	int r;

	if (found) {
		piece->at = found->at;
		piece->state = found->at.shard ? VT_PIECE_FOUND : VT_PIECE_OTHERS;
		return 0;
	}
	r = vt_ledger_add(content->chunks, &record, err);
	if (r == 0)
		piece->state = VT_PIECE_MINE;
	return r;
}

static int look_up(struct vt_content *content, struct vt_piece *pieces, size_t count,
		   struct vt_error *err)
{
	struct vt_digest digests[VT_PIECES_MAX] = {0};
	struct vt_known known[VT_PIECES_MAX];
	int r;

	for (size_t i = 0; i < count; i++) {
		vt_digest_of(pieces[i].data, pieces[i].length, &pieces[i].digest);
		digests[i] = pieces[i].digest;
	}
	r = vt_content_known(content, digests, count, known, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < count; i++) {
		pieces[i].state = VT_PIECE_UNKNOWN;
		if (known[i].kind == 1 && known[i].at.shard) {
			pieces[i].at = known[i].at;
			pieces[i].state = VT_PIECE_FOUND;
		}
	}
	return 0;
}

static int claim_all(struct vt_content *content, struct vt_piece *pieces, size_t count,
		     struct vt_error *err)
{
	int r = 0;

	(void) pthread_mutex_lock(&content->lock);
	for (size_t i = 0; r == 0 && i < count; i++)
		if (pieces[i].state == VT_PIECE_UNKNOWN)
			r = claim(content, &pieces[i], err);
	(void) pthread_mutex_unlock(&content->lock);
	return r;
}

/* Storing */

static void pretend(struct vt_piece *pieces, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (pieces[i].state == VT_PIECE_MINE)
			pieces[i].at = (struct vt_location){.shard = DRY_SHARD};
}

static void count_new(struct vt_content *content, const struct vt_piece *pieces, size_t count,
		      uint64_t stored)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < count; i++)
		if (pieces[i].state == VT_PIECE_MINE)
			bytes += pieces[i].length;
	(void) atomic_fetch_add(&content->context->progress->new_bytes, bytes);
	(void) atomic_fetch_add(&content->context->progress->stored_bytes, stored);
}

/* Tells the others where ours lie, or that they never will. */
static void publish_places(struct vt_content *content, const struct vt_piece *pieces, size_t count,
			   bool written)
{
	(void) pthread_mutex_lock(&content->lock);
	for (size_t i = 0; written && i < count; i++)
		if (pieces[i].state == VT_PIECE_MINE) {
			struct chunk_record *record =
				vt_ledger_find(content->chunks, &pieces[i].digest);

			record->at = pieces[i].at;
		}
	if (!written)
		content->broken = true;
	(void) pthread_cond_broadcast(&content->located);
	(void) pthread_mutex_unlock(&content->lock);
}

static int await_others(struct vt_content *content, struct vt_piece *pieces, size_t count,
			struct vt_error *err)
{
	int r = 0;

	(void) pthread_mutex_lock(&content->lock);
	for (size_t i = 0; r == 0 && i < count; i++) {
		const struct chunk_record *record = NULL;

		if (pieces[i].state != VT_PIECE_OTHERS)
			continue;
		for (;;) {
			record = vt_ledger_find(content->chunks, &pieces[i].digest);
			if (record->at.shard || content->broken)
				break;
			(void) pthread_cond_wait(&content->located, &content->lock);
		}
		if (record->at.shard)
			pieces[i].at = record->at;
		else
			r = vt_fail(err, ECANCELED, "another part of the publish failed");
	}
	(void) pthread_mutex_unlock(&content->lock);
	return r;
}

int vt_content_store(struct vt_content *content, unsigned thread, struct vt_piece *pieces,
		     size_t count, struct vt_error *err)
{
	struct vt_framer *framer = content->framers[thread];
	uint64_t stored = 0;
	int r;

	assert(count <= VT_PIECES_MAX);
	if (count == 0)
		return 0;
	r = look_up(content, pieces, count, err);
	if (r < 0)
		return r;
	r = claim_all(content, pieces, count, err);
	if (r == 0 && content->context->options->dry_run)
		pretend(pieces, count);
	else if (r == 0)
		r = vt_framer_encode(framer, content->dictionary, pieces, count, err);
	if (r == 0 && !content->context->options->dry_run)
		r = vt_framer_write(framer, content->output, &stored, err);
	if (r == 0)
		count_new(content, pieces, count, stored);
	publish_places(content, pieces, count, r == 0);
	return r < 0 ? r : await_others(content, pieces, count, err);
}

/* Recipes */

static int put_recipe_row(struct vt_content *content, const struct vt_digest *digest,
			  uint32_t segment, const struct vt_buf *value, struct vt_error *err)
{
	uint8_t key[40];

	if (vt_buf_failed(value))
		return vt_fail(err, ENOMEM, "no memory for a recipe");
	vt_recipe_key(content->context->info->domain, digest, segment, key);
	return vt_spool_add(content->rows, key, sizeof key, value->data, value->len, err);
}

static int put_recipe(struct vt_content *content, const struct vt_digest *digest,
		      const struct vt_extent *extents, size_t count, struct vt_error *err)
{
	vt_cleanup(vt_buf_done) struct vt_buf starts = VT_BUF_INIT, value = VT_BUF_INIT;
	uint64_t size = 0;
	uint32_t segment = 0;
	int r = 0;

	for (size_t i = 0; r == 0 && i < count; i += VT_RECIPE_SEGMENT) {
		size_t n = count - i < VT_RECIPE_SEGMENT ? count - i : VT_RECIPE_SEGMENT;

		vt_buf_put(&starts, &size, sizeof size);
		for (size_t j = i; j < i + n; j++)
			size += extents[j].length;
		vt_buf_reset(&value);
		vt_recipe_segment_value(&extents[i], n, &value);
		r = put_recipe_row(content, digest, ++segment, &value, err);
	}
	if (r < 0)
		return r;
	if (vt_buf_failed(&starts))
		return vt_fail(err, ENOMEM, "no memory for a recipe");
	vt_buf_reset(&value);
	vt_recipe_head_value((const uint64_t *) (const void *) starts.data, segment, size, &value);
	return put_recipe_row(content, digest, 0, &value, err);
}

int vt_content_add_recipe(struct vt_content *content, const struct vt_digest *digest,
			  const struct vt_extent *extents, size_t count, struct vt_error *err)
{
	struct vt_known known;
	int r = vt_content_known(content, digest, 1, &known, err);

	if (r < 0 || known.kind != 0)
		return r;
	(void) pthread_mutex_lock(&content->lock);
	if (!vt_ledger_find(content->recipes, digest)) {
		r = vt_ledger_add(content->recipes, digest, err);
		if (r == 0)
			r = put_recipe(content, digest, extents, count, err);
	}
	(void) pthread_mutex_unlock(&content->lock);
	return r;
}

/* Notes */

int vt_content_note(struct vt_content *content, uint64_t slot, const struct vt_stored *stored,
		    struct vt_error *err)
{
	return vt_scratch_write(content->slots, stored, sizeof *stored, slot * sizeof *stored, err);
}

/* Those from `slot` on: slots are asked for in order, but for those of links. */
static int read_notes(struct vt_content *content, uint64_t slot, struct vt_error *err)
{
	ssize_t n = vt_file_read_at(content->slots, content->read.notes, sizeof content->read.notes,
				    slot * sizeof content->read.notes[0]);

	content->read.count = n > 0 ? (size_t) n / sizeof content->read.notes[0] : 0;
	content->read.first = slot;
	if (n < 0)
		return vt_fail(err, (int) -n, "cannot read a temporary file: %m");
	return content->read.count > 0
		       ? 0
		       : vt_fail(err, EIO, "a temporary file is shorter than it was");
}

int vt_content_noted(struct vt_content *content, uint64_t slot, struct vt_stored *out,
		     struct vt_error *err)
{
	uint64_t i = slot - content->read.first;
	int r = 0;

	if (slot < content->read.first || i >= content->read.count)
		r = read_notes(content, slot, err);
	if (r < 0)
		return r;
	*out = content->read.notes[slot - content->read.first];
	return 0;
}

/* The end */

/* Rows of the chunks that have none yet. */
static int ingest_chunks(struct vt_content *content, const char *file, struct vt_error *err)
{
	vt_cleanup(vt_spool_freep) struct vt_spool *rows = NULL;
	vt_cleanup(vt_buf_done) struct vt_buf value = VT_BUF_INIT;
	struct vt_publish_context *context = content->context;
	uint64_t count = vt_ledger_count(content->chunks);
	uint8_t key[36];
	int r;

	if (content->rows_made == count)
		return 0;
	r = vt_spool_new(context->info->dir, VT_SPOOL_MEMORY, &rows, err);
	for (uint64_t i = content->rows_made; r == 0 && i < count; i++) {
		const struct chunk_record *record = vt_ledger_at(content->chunks, i);

		vt_buf_reset(&value);
		vt_chunk_key(context->info->domain, &record->digest, key);
		vt_chunk_value(&record->at, record->length, &value);
		if (vt_buf_failed(&value))
			return vt_fail(err, ENOMEM, "no memory for a row");
		r = vt_spool_add(rows, key, sizeof key, value.data, value.len, err);
	}
	content->rows_made = count;
	return r < 0 ? r : vt_publish_ingest_spool(context, rows, VT_CF_CHUNK, file, err);
}

static void make_rows(struct vt_crew_job *job, unsigned thread)
{
	struct vt_content *content = ((struct rows_job *) job)->content;
	struct vt_error why;
	int r = ingest_chunks(content, "chunk.sst", &why);

	(void) thread;
	if (r < 0)
		vt_crew_fail(content->context->crew, r, &why);
}

void vt_content_begin_rows(struct vt_content *content)
{
	content->making = (struct rows_job){.job.run = make_rows, .content = content};
	vt_crew_submit(content->context->crew, &content->making.job);
}

static int ingest_dictionary(struct vt_content *content, struct vt_error *err)
{
	vt_cleanup(vt_spool_freep) struct vt_spool *rows = NULL;
	uint32_t key[2];
	const void *data;
	size_t len;
	int r;

	if (!content->fresh_dictionary)
		return 0;
	data = vt_dictionary_data(content->dictionary, &len);
	key[0] = htobe32(content->context->info->domain);
	key[1] = htobe32(vt_dictionary_id(content->dictionary));
	r = vt_spool_new(content->context->info->dir, len, &rows, err);
	if (r == 0)
		r = vt_spool_add(rows, key, sizeof key, data, len, err);
	return r < 0 ? r
		     : vt_publish_ingest_spool(content->context, rows, VT_CF_DICTIONARY,
					       "dictionary.sst", err);
}

int vt_content_finish(struct vt_content *content, const struct vt_new_shard **shards, size_t *count,
		      struct vt_error *err)
{
	int r = vt_shard_output_finish(content->output, shards, count, err);

	if (r == 0)
		r = ingest_dictionary(content, err);
	if (r == 0)
		r = ingest_chunks(content, "chunk-late.sst", err);
	if (r == 0)
		r = vt_publish_ingest_spool(content->context, content->rows, VT_CF_RECIPE,
					    "recipe.sst", err);
	return r;
}
