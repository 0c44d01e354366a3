/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Storing bytes once: pieces that neither the store nor this publish has are encoded and written;
 * for all of them it is known afterwards where they lie. Rows for what is new are written and
 * taken in by the store at the end.
 *
 * Thread-safe; `thread` is that of the crew, and the publish's own thread is number
 * context->threads.
 */
#include "fs/codec.h"
#include "tools/publish/context.h"

struct vt_content;

#define VT_PIECES_MAX 512u         /* in one call */
#define VT_SMALL_MAX  (128u << 10) /* a file of at most this and no holes is one piece */
#define VT_PACK_BELOW (4u << 10)   /* smaller pieces share a frame of one to two times this */

int vt_content_new(struct vt_publish_context *context, struct vt_content **out,
		   struct vt_error *err);
void vt_content_free(struct vt_content *content); /* NULL is accepted */
VT_DEFINE_CLEANUP(struct vt_content, vt_content_free);

/* For small pieces from now on; owned by `content`. With `fresh` it is written to the store. */
int vt_content_set_dictionary(struct vt_content *content, struct vt_dictionary *dictionary,
			      bool fresh, struct vt_error *err);
bool vt_content_has_dictionary(const struct vt_content *content);
/* Makes one of samples laid end to end and uses it; without a useful one goes on without. */
int vt_content_train(struct vt_content *content, const void *samples, const size_t *sizes,
		     size_t count, struct vt_error *err);

/* Bytes that are stored as a whole. */
struct vt_piece {
	const uint8_t *data; /* 1 to VT_SMALL_MAX bytes, borrowed */
	uint32_t length;
	bool small; /* a whole small file: with the dictionary, or in a pack */
	bool raw;   /* known not to shrink */
	/* filled */
	struct vt_digest digest;
	struct vt_location at;
	enum { VT_PIECE_UNKNOWN, VT_PIECE_FOUND, VT_PIECE_MINE, VT_PIECE_OTHERS } state;
};
int vt_content_store(struct vt_content *content, unsigned thread, struct vt_piece *pieces,
		     size_t count, struct vt_error *err);

/* Would these bytes shrink? */
bool vt_content_probe(struct vt_content *content, unsigned thread, const void *data, size_t len);

/* The recipe of a content whose pieces are stored; nothing when it is known already. */
int vt_content_add_recipe(struct vt_content *content, const struct vt_digest *digest,
			  const struct vt_extent *extents, size_t count, struct vt_error *err);

/* What the store or this publish has of these; at most VT_PIECES_MAX. */
int vt_content_known(struct vt_content *content, const struct vt_digest *digests, size_t count,
		     struct vt_known *out, struct vt_error *err);

/* What a file's content came to, noted under the file's slot. */
struct vt_stored {
	struct vt_digest digest;
	struct vt_location at; /* of content that is one piece */
	uint64_t size;
};
int vt_content_note(struct vt_content *content, uint64_t slot, const struct vt_stored *stored,
		    struct vt_error *err);
/* When all is noted, by one thread. */
int vt_content_noted(struct vt_content *content, uint64_t slot, struct vt_stored *out,
		     struct vt_error *err);

/*
 * Has the crew make the rows of the chunks that are stored, which takes a while. Nothing may be
 * stored until the crew is drained; what is stored after that gets its rows at the end.
 */
void vt_content_begin_rows(struct vt_content *content);

/* When all is stored: seals the shards (borrowed), has the rows taken in. */
int vt_content_finish(struct vt_content *content, const struct vt_new_shard **shards, size_t *count,
		      struct vt_error *err);
