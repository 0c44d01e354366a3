/* SPDX-License-Identifier: Apache-2.0 */
/* See rewrite.h. Frames and shards are made as a publish makes them. */
#include "tools/repair/rewrite.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/array.h"
#include "index/base/error.h"
#include "tools/cli.h"
#include "tools/publish/backend_client.h"
#include "tools/publish/framer.h"
#include "tools/repair/donor.h"

#define BATCH_BYTES   (8u << 20)
#define MOVES_AT_ONCE (64u << 10)

/* One run: a batch of pieces is read, encoded, written, and their moves noted. */
struct writing {
	struct vt_rewrite *rewrite;
	struct vt_client *client; /* the import lives on its connection */
	struct vt_import_info info;
	struct vt_publish_context context;
	struct vt_framer *framer;
	struct vt_shard_output *output;
	const struct vt_dictionary *dictionary;

	struct vt_piece pieces[VT_PIECES_MAX];
	const struct vt_place *places[VT_PIECES_MAX]; /* of the pieces */
	size_t piece_count;
	uint8_t *data; /* BATCH_BYTES, of the pieces */
	size_t used;
	struct vt_buf moves; /* as a request carries them */
};

void vt_rewrite_done(struct vt_rewrite *rewrite)
{
	vt_idmap_done(&rewrite->kept);
}

/* ---- what is written ------------------------------------------------------------------------- */

static int keep_shards_of(struct vt_rewrite *rewrite, const struct vt_hurt *hurt,
			  struct vt_error *err)
{
	const struct vt_damage *damage = rewrite->damage;

	for (size_t i = hurt->first; i < hurt->first + hurt->count; i++) {
		const struct vt_place *place = vt_damage_place(damage, &damage->extents[i]);

		if (place && !place->proven && vt_idmap_add(&rewrite->kept, place->at.shard, 0) < 0)
			return vt_fail(err, ENOMEM, "no memory for a repair");
	}
	return 0;
}

static bool is_written(const struct vt_rewrite *rewrite, const struct vt_place *place)
{
	return place->proven &&
	       (place->donor || !vt_idmap_find(&rewrite->kept, place->at.shard, NULL));
}

int vt_rewrite_plan(struct vt_rewrite *rewrite, struct vt_error *err)
{
	const struct vt_damage *damage = rewrite->damage;
	int r = 0;

	for (size_t i = 0; r == 0 && i < damage->content_count; i++) {
		const struct vt_hurt *hurt = &damage->contents[i];

		if (hurt->shown && vt_damage_is_lost(damage, hurt))
			r = keep_shards_of(rewrite, hurt, err);
	}
	for (size_t i = 0; r == 0 && i < damage->place_count; i++)
		if (is_written(rewrite, &damage->places[i]))
			rewrite->total += damage->places[i].length;
	return r;
}

/* ---- the import ------------------------------------------------------------------------------ */

static int begin(struct writing *writing, struct vt_error *err)
{
	int r = vt_publish_backend_open_repair(writing->client, &writing->context.backend,
					       &writing->info, err);

	if (r == 0)
		r = vt_framer_new(&(struct vt_compression){0}, &writing->framer, err);
	return r < 0 ? r : vt_shard_output_new(&writing->context, &writing->output, err);
}

static int send_moves(struct writing *writing, size_t least, struct vt_error *err)
{
	struct vt_call call = {.op = "repair.move",
			       .args = json_object(),
			       .blob = writing->moves.data,
			       .blob_len = writing->moves.len};
	int r;

	if (vt_buf_failed(&writing->moves) || writing->moves.len < least) {
		json_decref(call.args);
		return vt_buf_failed(&writing->moves)
			       ? vt_fail(err, ENOMEM, "no memory for what was moved")
			       : 0;
	}
	r = vt_client_call(writing->client, &call, NULL, err);
	vt_buf_reset(&writing->moves);
	return r;
}

static int commit(struct writing *writing, struct vt_error *err)
{
	const struct vt_new_shard *shards;
	size_t count;
	int r = vt_shard_output_finish(writing->output, &shards, &count, err);

	if (r == 0)
		r = send_moves(writing, 1, err);
	return r < 0 ? r
		     : vt_publish_backend_commit_repair(writing->context.backend, shards, count,
							err);
}

/* ---- writing --------------------------------------------------------------------------------- */

static int write_batch(struct writing *writing, struct vt_error *err)
{
	uint64_t stored;
	int r = vt_framer_encode(writing->framer, writing->dictionary, writing->pieces,
				 writing->piece_count, err);

	if (r == 0)
		r = vt_framer_write(writing->framer, writing->output, &stored, err);
	if (r < 0)
		return r;
	writing->rewrite->stored += stored;
	for (size_t i = 0; i < writing->piece_count; i++) {
		vt_location_put(&writing->places[i]->at, &writing->moves);
		vt_location_put(&writing->pieces[i].at, &writing->moves);
		vt_buf_put_le32(&writing->moves, writing->places[i]->length);
		writing->rewrite->bytes += writing->places[i]->length;
	}
	writing->piece_count = writing->used = 0;
	return send_moves(writing, MOVES_AT_ONCE, err);
}

/* Small files of the shards of one dataset share its dictionary. */
static int follow_dictionary(struct writing *writing, const struct vt_place *place,
			     struct vt_error *err)
{
	struct vt_shard_list *list = writing->rewrite->damage->check->list;
	const struct vt_dictionary *dictionary;
	struct vt_listed_shard shard;
	int r;

	if (!place->small || vt_shard_list_find(list, place->at.shard, &shard) < 0 ||
	    shard.dictionary == 0 ||
	    (writing->dictionary && vt_dictionary_id(writing->dictionary) == shard.dictionary))
		return 0;
	r = vt_shard_list_dictionary(list, shard.serial, shard.dictionary, &dictionary, err);
	if (r < 0)
		return r == -ENOENT ? 0 : r; /* then without */
	r = write_batch(writing, err);
	if (r == 0)
		r = vt_shard_output_set_dictionary(writing->output, dictionary, err);
	writing->dictionary = dictionary;
	return r;
}

static int add_place(struct writing *writing, const struct vt_place *place, struct vt_error *err)
{
	struct vt_piece *piece;
	const uint8_t *bytes;
	int r = follow_dictionary(writing, place, err);

	if (r == 0 &&
	    (writing->piece_count == VT_PIECES_MAX || writing->used + place->length > BATCH_BYTES))
		r = write_batch(writing, err);
	if (r == 0)
		r = vt_damage_read(writing->rewrite->damage, place, &bytes, err);
	if (r < 0)
		return r;
	piece = &writing->pieces[writing->piece_count];
	*piece = (struct vt_piece){.data = writing->data + writing->used,
				   .length = place->length,
				   .small = place->small,
				   .state = VT_PIECE_MINE};
	vt_digest_of(bytes, place->length, &piece->digest);
	memcpy(writing->data + writing->used, bytes, place->length);
	writing->places[writing->piece_count++] = place;
	writing->used += place->length;
	return 0;
}

static int write_all(struct writing *writing, struct vt_error *err)
{
	const struct vt_damage *damage = writing->rewrite->damage;
	int r = begin(writing, err);

	for (size_t i = 0; r == 0 && i < damage->place_count; i++)
		if (is_written(writing->rewrite, &damage->places[i]))
			r = add_place(writing, &damage->places[i], err);
	if (r == 0)
		r = write_batch(writing, err);
	return r < 0 ? r : commit(writing, err);
}

int vt_rewrite_run(struct vt_rewrite *rewrite, struct vt_error *err)
{
	struct writing *writing;
	int r;

	if (rewrite->total == 0)
		return 0;
	writing = calloc(1, sizeof *writing);
	if (!writing || !(writing->data = malloc(BATCH_BYTES))) {
		free(writing);
		return vt_fail(err, ENOMEM, "no memory for a repair");
	}
	writing->rewrite = rewrite;
	writing->context.info = &writing->info;
	(void) pthread_mutex_init(&writing->context.backend_lock, NULL);
	r = vt_client_connect(rewrite->damage->cli->store, true, &writing->client, err);
	if (r == 0)
		r = write_all(writing, err);
	vt_shard_output_free(writing->output);
	vt_framer_free(writing->framer);
	vt_publish_backend_close(writing->context.backend);
	vt_client_close(writing->client); /* an import that was not committed ends with it */
	vt_buf_done(&writing->moves);
	(void) pthread_mutex_destroy(&writing->context.backend_lock);
	free(writing->data);
	free(writing);
	return r;
}
