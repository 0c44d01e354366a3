/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See damage.h. What the index says lies in the damaged shards comes from the server; then places
 * are proven one by one where they have a digest, and recipes as a whole where they have not: the
 * index keeps no digests of pieces.
 */
#include "tools/repair/damage.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/array.h"
#include "index/base/error.h"
#include "index/chunk.h"
#include "tools/cli.h"
#include "tools/publish/content.h"
#include "tools/repair/donor.h"

#define EXTENT_BYTES  24u
#define NAMES_AT_ONCE (64u << 10) /* contents in a question */

static int no_memory(struct vt_error *err)
{
	return vt_fail(err, ENOMEM, "no memory for what is damaged");
}

void vt_damage_done(struct vt_damage *damage)
{
	vt_place_reader_free(damage->own);
	free(damage->extents);
	free(damage->contents);
	free(damage->places);
	json_decref(damage->names);
}

/* ---- what lies in the damaged shards --------------------------------------------------------- */

static int add_extents(struct vt_damage *damage, struct vt_reader *reader, uint32_t count)
{
	struct vt_hurt *hurt = &damage->contents[damage->content_count - 1];

	if (vt_array_reserve(damage->extents, damage->extent_room, damage->extent_count + count) <
	    0)
		return -ENOMEM;
	for (uint32_t i = 0; i < count; i++) {
		struct vt_extent *extent = &damage->extents[damage->extent_count++];

		extent->length = vt_reader_le64(reader);
		extent->at = vt_location_get(reader);
		hurt->size += extent->length;
	}
	hurt->count += count;
	return 0;
}

/* A record goes on with the content before it, or begins another one. */
static int add_record(struct vt_damage *damage, struct vt_reader *reader)
{
	const void *content = vt_reader_get(reader, VT_DIGEST_LEN);
	bool single = vt_reader_u8(reader) != 0;
	uint32_t count = vt_reader_le32(reader);
	struct vt_hurt *last =
		damage->content_count ? &damage->contents[damage->content_count - 1] : NULL;

	if (!content || vt_reader_left(reader) / EXTENT_BYTES < count)
		return -EPROTO;
	if (!last || last->single || memcmp(last->content.bytes, content, VT_DIGEST_LEN) != 0) {
		if (vt_array_reserve(damage->contents, damage->content_room,
				     damage->content_count + 1) < 0)
			return -ENOMEM;
		last = &damage->contents[damage->content_count++];
		*last = (struct vt_hurt){.single = single, .first = damage->extent_count};
		memcpy(last->content.bytes, content, VT_DIGEST_LEN);
	}
	return add_extents(damage, reader, count);
}

static int take_contents(void *context, const json_t *row, const void *blob, size_t blob_len)
{
	struct vt_reader reader = vt_reader_over(blob, blob_len);
	int r = 0;

	(void) row;
	while (r == 0 && vt_reader_left(&reader) > 0)
		r = add_record(context, &reader);
	return r;
}

static int compare_contents(const void *a, const void *b)
{
	return memcmp(((const struct vt_hurt *) a)->content.bytes,
		      ((const struct vt_hurt *) b)->content.bytes, VT_DIGEST_LEN);
}

struct vt_hurt *vt_damage_find(const struct vt_damage *damage, const struct vt_digest *content)
{
	const struct vt_hurt wanted = {.content = *content};

	return damage->content_count == 0
		       ? NULL
		       : bsearch(&wanted, damage->contents, damage->content_count,
				 sizeof *damage->contents, compare_contents);
}

static int ask_contents(struct vt_damage *damage, struct vt_error *err)
{
	const struct vt_idmap *damaged = &damage->check->damaged;
	struct vt_call call = {.op = "repair.contents", .row = take_contents, .context = damage};
	json_t *serials = json_array();
	int r;

	for (size_t i = 0; i < damaged->room; i++)
		if (damaged->slots[i].id)
			(void) json_array_append_new(
				serials, json_integer((json_int_t) damaged->slots[i].id));
	call.args = json_pack("{s:o}", "shards", serials);
	r = vt_cli_call_anew(damage->cli, &call, NULL, err);
	if (r == 0 && damage->content_count)
		qsort(damage->contents, damage->content_count, sizeof *damage->contents,
		      compare_contents);
	return r;
}

/* ---- places ---------------------------------------------------------------------------------- */

static int compare_places(const void *left, const void *right)
{
	const struct vt_place *a = left, *b = right;
	int order = vt_location_compare(&a->at, &b->at);

	return order ? order : (a->length > b->length) - (a->length < b->length);
}

static bool is_damaged(const struct vt_damage *damage, uint32_t shard)
{
	return shard && vt_idmap_find(&damage->check->damaged, shard, NULL);
}

struct vt_place *vt_damage_place(const struct vt_damage *damage, const struct vt_extent *extent)
{
	const struct vt_place wanted = {.at = extent->at, .length = (uint32_t) extent->length};

	if (!is_damaged(damage, extent->at.shard))
		return NULL;
	return bsearch(&wanted, damage->places, damage->place_count, sizeof *damage->places,
		       compare_places);
}

/* Is it in a sound frame, by a table that is sound? */
static bool is_vouched_for(const struct vt_damage *damage, const struct vt_location *at)
{
	uint64_t whole = 1;

	return vt_idmap_find(&damage->check->damaged, at->shard, &whole) && !whole &&
	       !vt_idmap_find(&damage->check->bad_frames, vt_frame_key(at->shard, at->frame_offset),
			      NULL);
}

static int add_places(struct vt_damage *damage, const struct vt_hurt *hurt, struct vt_error *err)
{
	for (size_t i = hurt->first; i < hurt->first + hurt->count; i++) {
		const struct vt_extent *extent = &damage->extents[i];

		if (!is_damaged(damage, extent->at.shard))
			continue;
		if (vt_array_reserve(damage->places, damage->place_room, damage->place_count + 1) <
		    0)
			return no_memory(err);
		damage->places[damage->place_count++] = (struct vt_place){
			.at = extent->at,
			.length = (uint32_t) extent->length,
			.small = hurt->single && extent->length <= VT_SMALL_MAX,
			.known = hurt->single,
			.digest = hurt->content,
			.proven = is_vouched_for(damage, &extent->at),
		};
	}
	return 0;
}

/* Of equal ones a place stays that has a digest, where there is one. */
static void join_places(struct vt_damage *damage)
{
	size_t kept = 0;

	if (damage->place_count == 0)
		return;
	qsort(damage->places, damage->place_count, sizeof *damage->places, compare_places);
	for (size_t i = 1; i < damage->place_count; i++) {
		struct vt_place *last = &damage->places[kept], *place = &damage->places[i];

		if (compare_places(last, place) != 0)
			damage->places[++kept] = *place;
		else if (!last->known)
			*last = *place;
	}
	damage->place_count = kept + 1;
}

static int make_places(struct vt_damage *damage, struct vt_error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < damage->content_count; i++)
		r = add_places(damage, &damage->contents[i], err);
	join_places(damage);
	return r;
}

int vt_damage_read(const struct vt_damage *damage, const struct vt_place *place,
		   const uint8_t **out, struct vt_error *err)
{
	struct vt_digest digest;
	int r = place->donor ? place->donor->ops->read(place->donor, place, out, err)
			     : vt_place_read(damage->own, &place->at, place->length, out, err);

	if (r < 0 || !place->known)
		return r;
	vt_digest_of(*out, place->length, &digest);
	if (!vt_digest_equal(&digest, &place->digest))
		return vt_fail(err, EBADMSG,
			       "the bytes at byte %u of shard %u are not what they were",
			       place->at.frame_offset, place->at.shard);
	return 0;
}

/* What has a digest needs nothing but the bytes. */
static int prove_places(struct vt_damage *damage, struct vt_error *err)
{
	for (size_t i = 0; i < damage->place_count; i++) {
		struct vt_place *place = &damage->places[i];
		const uint8_t *bytes;
		int r;

		if (place->proven || !place->known)
			continue;
		r = vt_damage_read(damage, place, &bytes, err);
		if (r < 0 && r != -EBADMSG)
			return r;
		place->proven = r == 0;
		damage->bytes += place->length;
	}
	return 0;
}

/* ---- contents -------------------------------------------------------------------------------- */

bool vt_damage_is_lost(const struct vt_damage *damage, const struct vt_hurt *hurt)
{
	for (size_t i = hurt->first; i < hurt->first + hurt->count; i++) {
		const struct vt_place *place = vt_damage_place(damage, &damage->extents[i]);

		if (place && !place->proven)
			return true;
		if (place && hurt->single && !vt_digest_equal(&place->digest, &hurt->content))
			return true; /* another content's row names the same place */
	}
	return false;
}

/* A content that is being put together, and what was found for places that are not proven. */
struct proof {
	struct vt_damage *damage;
	struct vt_hasher *hasher;
	struct found {
		struct vt_place *place, with;
	} * found;
	size_t count, room;
};

static void hash_hole(struct proof *proof, uint64_t length)
{
	static const uint8_t zeros[64 << 10];

	for (uint64_t left = length; left > 0;) {
		size_t n = left < sizeof zeros ? (size_t) left : sizeof zeros;

		vt_hasher_update(proof->hasher, zeros, n);
		left -= n;
	}
}

static int add_found(struct proof *proof, struct vt_place *place, const struct vt_place *with,
		     const uint8_t *bytes, struct vt_error *err)
{
	struct found *found;

	if (vt_array_reserve(proof->found, proof->room, proof->count + 1) < 0)
		return no_memory(err);
	found = &proof->found[proof->count++];
	*found = (struct found){place, *with};
	vt_digest_of(bytes, place->length, &found->with.digest);
	if (place->known && !vt_digest_equal(&place->digest, &found->with.digest))
		return vt_fail(err, EBADMSG, "other bytes");
	return 0;
}

static int add_extent(struct proof *proof, const struct vt_extent *extent, uint64_t offset,
		      vt_extent_get *get, void *context, struct vt_error *err)
{
	struct vt_place *place = vt_damage_place(proof->damage, extent), with = {0};
	const uint8_t *bytes;
	int r;

	if (extent->at.shard == 0) {
		hash_hole(proof, extent->length);
		return 0;
	}
	if (!place)
		r = vt_place_read(proof->damage->own, &extent->at, extent->length, &bytes, err);
	else if (place->proven)
		r = vt_damage_read(proof->damage, place, &bytes, err);
	else
		r = get(context, extent, offset, &bytes, &with, err);
	if (r < 0)
		return r;
	vt_hasher_update(proof->hasher, bytes, extent->length);
	proof->damage->bytes += extent->length;
	return place && !place->proven ? add_found(proof, place, &with, bytes, err) : 0;
}

static void keep_found(const struct proof *proof)
{
	for (size_t i = 0; i < proof->count; i++) {
		struct vt_place *place = proof->found[i].place;

		place->donor = proof->found[i].with.donor;
		place->file = proof->found[i].with.file;
		place->offset = proof->found[i].with.offset;
		place->digest = proof->found[i].with.digest;
		place->known = place->proven = true;
	}
}

int vt_damage_prove(struct vt_damage *damage, const struct vt_hurt *hurt, vt_extent_get *get,
		    void *context, struct vt_error *err)
{
	vt_cleanup(vt_hasher_freep) struct vt_hasher *hasher = vt_hasher_new();
	struct proof proof = {.damage = damage, .hasher = hasher};
	struct vt_digest digest;
	uint64_t offset = 0;
	int r = hasher ? 0 : no_memory(err);

	for (size_t i = 0; r == 0 && i < hurt->count; i++) {
		const struct vt_extent *extent = &damage->extents[hurt->first + i];

		r = add_extent(&proof, extent, offset, get, context, err);
		offset += extent->length;
	}
	if (r == 0) {
		vt_hasher_final(hasher, &digest);
		r = vt_digest_equal(&digest, &hurt->content);
		if (r)
			keep_found(&proof);
	}
	free(proof.found);
	return r == -EBADMSG ? 0 : r;
}

static int get_own(void *context, const struct vt_extent *extent, uint64_t offset,
		   const uint8_t **out, struct vt_place *found, struct vt_error *err)
{
	const struct vt_damage *damage = context;

	(void) offset;
	(void) found;
	return vt_place_read(damage->own, &extent->at, extent->length, out, err);
}

/* All that is not proven can at least be decoded: else a long content is not read in vain. */
static int can_be_read(const struct vt_damage *damage, const struct vt_hurt *hurt,
		       struct vt_error *err)
{
	for (size_t i = hurt->first; i < hurt->first + hurt->count; i++) {
		const struct vt_place *place = vt_damage_place(damage, &damage->extents[i]);
		const uint8_t *bytes;
		int r;

		if (!place || place->proven)
			continue;
		r = vt_place_read(damage->own, &place->at, place->length, &bytes, err);
		if (r < 0)
			return r == -EBADMSG ? 0 : r;
	}
	return 1;
}

static int prove_contents(struct vt_damage *damage, struct vt_error *err)
{
	for (size_t i = 0; i < damage->content_count; i++) {
		struct vt_hurt *hurt = &damage->contents[i];
		int r = 0;

		hurt->was_lost = vt_damage_is_lost(damage, hurt);
		if (!hurt->was_lost || hurt->single)
			continue;
		r = can_be_read(damage, hurt, err);
		if (r > 0)
			r = vt_damage_prove(damage, hurt, get_own, damage, err);
		if (r < 0)
			return r;
		hurt->was_lost = r == 0;
	}
	return 0;
}

/* ---- names ----------------------------------------------------------------------------------- */

static int take_name(void *context, const json_t *row, const void *blob, size_t blob_len)
{
	struct vt_damage *damage = context;
	struct vt_digest content;
	struct vt_hurt *hurt = NULL;

	(void) blob;
	(void) blob_len;
	if (vt_digest_parse(vt_json_text(row, "content", ""), &content) == 0)
		hurt = vt_damage_find(damage, &content);
	if (!hurt)
		return -EPROTO;
	hurt->shown = true;
	return json_array_append(damage->names, (json_t *) row) < 0 ? -ENOMEM : 0;
}

static int ask_names(struct vt_damage *damage, struct vt_buf *digests, struct vt_error *err)
{
	struct vt_call call = {.op = "repair.names",
			       .args = json_object(),
			       .blob = digests->data,
			       .blob_len = digests->len,
			       .row = take_name,
			       .context = damage};
	int r = vt_buf_failed(digests) ? no_memory(err)
				       : vt_cli_call_anew(damage->cli, &call, NULL, err);

	vt_buf_reset(digests);
	return r;
}

static int name_lost(struct vt_damage *damage, struct vt_error *err)
{
	vt_cleanup(vt_buf_done) struct vt_buf digests = VT_BUF_INIT;
	int r = 0;

	damage->names = json_array();
	for (size_t i = 0; r == 0 && i < damage->content_count; i++) {
		const struct vt_hurt *hurt = &damage->contents[i];

		if (!hurt->was_lost)
			continue;
		vt_buf_put(&digests, hurt->content.bytes, VT_DIGEST_LEN);
		if (digests.len >= NAMES_AT_ONCE * VT_DIGEST_LEN)
			r = ask_names(damage, &digests, err);
	}
	return r == 0 && digests.len ? ask_names(damage, &digests, err) : r;
}

int vt_damage_assess(struct vt_cli *cli, const struct vt_shard_check *check, struct vt_damage *out,
		     struct vt_error *err)
{
	int r = vt_place_reader_new(check->list, NULL, &out->own, err);

	out->cli = cli;
	out->check = check;
	if (r == 0)
		r = ask_contents(out, err);
	if (r == 0)
		r = make_places(out, err);
	if (r == 0)
		r = prove_places(out, err);
	if (r == 0)
		r = prove_contents(out, err);
	return r < 0 ? r : name_lost(out, err);
}
