/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See donor.h: a tree of files. A lost content is one of these files, whatever its name is now; a
 * lost piece of one may also be in a file that was changed elsewhere since, where it is found by
 * cutting that file as a publish would.
 */
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "index/base/array.h"
#include "index/base/error.h"
#include "index/base/file.h"
#include "index/chunk.h"
#include "tools/publish/chunker.h"
#include "tools/repair/donor.h"

#define READ_AT_ONCE (1u << 20)

struct tree {
	struct vt_donor base; /* first */
	const char *dir;
	char **files; /* names of those that something was found in */
	size_t file_count, file_room;
	uint8_t *room; /* READ_AT_ONCE bytes, for an extent too */

	struct vt_damage *damage; /* while it searches */
	struct vt_idmap sizes;    /* of contents that are lost */
	char *reading;            /* name of the open file */
	int fd;                   /* -1: none */
};

static int no_memory(struct vt_error *err)
{
	return vt_fail(err, ENOMEM, "no memory to search a folder");
}

static int open_file(struct tree *tree, const char *path)
{
	if (tree->fd >= 0 && strcmp(tree->reading, path) == 0)
		return 0;
	if (tree->fd >= 0)
		(void) close(tree->fd);
	tree->fd = -1;
	free(tree->reading);
	tree->reading = strdup(path);
	if (!tree->reading)
		return -ENOMEM;
	tree->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	return tree->fd < 0 ? -EBADMSG : 0;
}

static int read_file(struct tree *tree, const char *path, uint64_t offset, uint64_t length,
		     const uint8_t **out, struct vt_error *err)
{
	int r = open_file(tree, path);

	if (r == -ENOMEM)
		return no_memory(err);
	if (r < 0 || length > READ_AT_ONCE ||
	    vt_file_read_at(tree->fd, tree->room, length, offset) != (ssize_t) length)
		return vt_fail(err, EBADMSG, "'%s' cannot be read", path);
	*out = tree->room;
	return 0;
}

static int tree_read(struct vt_donor *base, const struct vt_place *place, const uint8_t **out,
		     struct vt_error *err)
{
	return read_file((struct tree *) base, place->file, place->offset, place->length, out, err);
}

/* ---- whole files ----------------------------------------------------------------------------- */

/* The name of the file that is being read, to stay. */
static int keep_name(struct tree *tree, struct vt_error *err)
{
	if (tree->file_count && strcmp(tree->files[tree->file_count - 1], tree->reading) == 0)
		return 0;
	if (vt_array_reserve(tree->files, tree->file_room, tree->file_count + 1) < 0)
		return no_memory(err);
	tree->files[tree->file_count] = strdup(tree->reading);
	return tree->files[tree->file_count++] ? 0 : no_memory(err);
}

static int get(void *context, const struct vt_extent *extent, uint64_t offset, const uint8_t **out,
	       struct vt_place *found, struct vt_error *err)
{
	struct tree *tree = context;

	found->donor = &tree->base;
	found->file = tree->files[tree->file_count - 1];
	found->offset = offset;
	return read_file(tree, found->file, offset, extent->length, out, err);
}

/* 1: read to its end. */
static int hash_file(struct tree *tree, struct vt_digest *out, struct vt_error *err)
{
	vt_cleanup(vt_hasher_freep) struct vt_hasher *hasher = vt_hasher_new();
	ssize_t n = hasher ? 1 : -ENOMEM;

	for (uint64_t at = 0; n > 0; at += (uint64_t) n) {
		n = vt_file_read_at(tree->fd, tree->room, READ_AT_ONCE, at);
		if (n > 0)
			vt_hasher_update(hasher, tree->room, (size_t) n);
		tree->damage->bytes += n > 0 ? (uint64_t) n : 0;
	}
	if (!hasher)
		return no_memory(err);
	vt_hasher_final(hasher, out);
	return n == 0;
}

static int try_file(struct tree *tree, const struct stat *st, struct vt_error *err)
{
	struct vt_digest digest;
	const struct vt_hurt *hurt;
	int r;

	if (!vt_idmap_find(&tree->sizes, (uint64_t) st->st_size, NULL))
		return 0;
	r = hash_file(tree, &digest, err);
	hurt = r > 0 ? vt_damage_find(tree->damage, &digest) : NULL;
	if (!hurt || !vt_damage_is_lost(tree->damage, hurt))
		return r < 0 ? r : 0;
	r = keep_name(tree, err);
	if (r == 0)
		r = vt_damage_prove(tree->damage, hurt, get, tree, err);
	return r < 0 ? r : 0;
}

/* ---- pieces of files ------------------------------------------------------------------------- */

static int try_piece(struct tree *tree, const uint8_t *data, size_t len, uint64_t offset,
		     struct vt_error *err)
{
	const struct vt_hurt *hurt;
	struct vt_digest digest;
	struct vt_place *place;
	int r;

	vt_digest_of(data, len, &digest);
	hurt = vt_damage_find(tree->damage, &digest);
	if (!hurt || !hurt->single || hurt->size != len || !vt_damage_is_lost(tree->damage, hurt))
		return 0;
	place = vt_damage_place(tree->damage, &tree->damage->extents[hurt->first]);
	r = keep_name(tree, err);
	if (r < 0 || !place || !vt_digest_equal(&place->digest, &digest))
		return r;
	place->donor = &tree->base;
	place->file = tree->files[tree->file_count - 1];
	place->offset = offset;
	place->proven = true;
	return 0;
}

/* `cut`: where the bytes say; else at even lengths, as what does not shrink is (publish/stream.c).
 */
static int try_cuts(struct tree *tree, bool cut, struct vt_error *err)
{
	uint64_t offset = 0;
	ssize_t n;
	int r = 0;

	while (r == 0 && (n = vt_file_read_at(tree->fd, tree->room, VT_CHUNK_MAX, offset)) > 0) {
		size_t len = cut ? vt_chunk_cut(tree->room, (size_t) n) : (size_t) n;

		r = try_piece(tree, tree->room, len, offset, err);
		offset += len;
		tree->damage->bytes += len;
	}
	return r;
}

static int try_pieces(struct tree *tree, const struct stat *st, struct vt_error *err)
{
	int r = try_cuts(tree, true, err);

	(void) st;
	return r < 0 ? r : try_cuts(tree, false, err);
}

/* ---- the tree -------------------------------------------------------------------------------- */

typedef int try_one(struct tree *tree, const struct stat *st, struct vt_error *err);

static bool anything_lost(const struct vt_damage *damage)
{
	for (size_t i = 0; i < damage->content_count; i++)
		if (damage->contents[i].shown && vt_damage_is_lost(damage, &damage->contents[i]))
			return true;
	return false;
}

/* What cannot be read is passed over: another file may have the bytes. */
static int walk(struct tree *tree, try_one *try, struct vt_error *err)
{
	char *roots[] = {(char *) (uintptr_t) tree->dir, NULL};
	FTS *fts = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	FTSENT *entry;
	int r = 0;

	if (!fts)
		return vt_fail(err, errno, "cannot search '%s': %m", tree->dir);
	while (r == 0 && (entry = fts_read(fts))) {
		if (entry->fts_info != FTS_F || entry->fts_statp->st_size == 0)
			continue;
		r = open_file(tree, entry->fts_path);
		if (r == 0)
			r = try(tree, entry->fts_statp, err);
		else
			r = r == -EBADMSG ? 0 : no_memory(err);
	}
	(void) fts_close(fts);
	return r;
}

static int tree_search(struct vt_donor *base, struct vt_damage *damage, struct vt_error *err)
{
	struct tree *tree = (struct tree *) base;
	int r = 0;

	tree->damage = damage;
	for (size_t i = 0; i < damage->content_count; i++)
		if (damage->contents[i].was_lost &&
		    vt_idmap_add(&tree->sizes, damage->contents[i].size, 0) < 0)
			return no_memory(err);
	if (anything_lost(damage))
		r = walk(tree, try_file, err);
	if (r == 0 && anything_lost(damage))
		r = walk(tree, try_pieces, err);
	return r;
}

static void tree_free(struct vt_donor *base)
{
	struct tree *tree = (struct tree *) base;

	for (size_t i = 0; i < tree->file_count; i++)
		free(tree->files[i]);
	free(tree->files);
	free(tree->room);
	free(tree->reading);
	if (tree->fd >= 0)
		(void) close(tree->fd);
	vt_idmap_done(&tree->sizes);
	free(tree);
}

int vt_donor_tree(const char *dir, struct vt_donor **out, struct vt_error *err)
{
	static const struct vt_donor_ops ops = {tree_search, tree_read, tree_free};
	struct tree *tree = calloc(1, sizeof *tree);

	if (!tree)
		return no_memory(err);
	*tree = (struct tree){.base = {&ops}, .dir = dir, .room = malloc(READ_AT_ONCE), .fd = -1};
	if (!tree->room) {
		tree_free(&tree->base);
		return no_memory(err);
	}
	*out = &tree->base;
	return 0;
}
