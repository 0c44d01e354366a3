/* SPDX-License-Identifier: Apache-2.0 */
/* See place_reader.h. Who reads in the order of the disk decodes each frame once. */
#include "tools/repair/place_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "fs/shard_identity.h"
#include "index/base/error.h"
#include "index/base/file.h"
#include "index/entry.h"

struct vt_place_reader {
	struct vt_shard_list *list;
	const char *dir; /* of a copy, or NULL */
	struct vt_decoder *decoder;
	struct vt_buf encoded, decoded;
	uint32_t shard;           /* that was opened last; 0: none */
	int fd;                   /* of it; -1: it cannot be read */
	struct vt_location frame; /* that `decoded` is of; shard 0: of none */
};

void vt_place_reader_free(struct vt_place_reader *reader)
{
	if (!reader)
		return;
	if (reader->fd >= 0)
		(void) close(reader->fd);
	vt_decoder_free(reader->decoder);
	vt_buf_done(&reader->encoded);
	vt_buf_done(&reader->decoded);
	free(reader);
}

int vt_place_reader_new(struct vt_shard_list *list, const char *dir, struct vt_place_reader **out,
			struct vt_error *err)
{
	vt_cleanup(vt_place_reader_freep) struct vt_place_reader *reader =
		calloc(1, sizeof *reader);
	int r;

	if (!reader)
		return vt_fail(err, ENOMEM, "no memory to read shards");
	reader->list = list;
	reader->dir = dir;
	reader->fd = -1;
	r = vt_decoder_new(&reader->decoder, err);
	if (r < 0)
		return r;
	*out = vt_steal(&reader);
	return 0;
}

static void open_shard(struct vt_place_reader *reader, uint32_t serial)
{
	struct vt_listed_shard shard;
	char path[4200];

	if (reader->shard == serial)
		return;
	if (reader->fd >= 0)
		(void) close(reader->fd);
	reader->fd = -1;
	reader->shard = serial;
	if (vt_shard_list_find(reader->list, serial, &shard) < 0)
		return;
	if (reader->dir)
		(void) snprintf(path, sizeof path, "%s/shards/%.2s/%s.vsh", reader->dir, shard.uuid,
				shard.uuid);
	else
		(void) snprintf(path, sizeof path, "%s", shard.path);
	reader->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (reader->fd >= 0 && vt_shard_identify(reader->fd, path, serial) < 0) {
		(void) close(reader->fd);
		reader->fd = -1;
	}
}

static int decode(struct vt_place_reader *reader, struct vt_error *err)
{
	const struct vt_dictionary *dictionary = NULL;
	struct vt_frame_facts facts;
	void *room;
	int r = vt_frame_inspect(reader->encoded.data, reader->encoded.len, &facts, err);

	if (r == 0 && facts.dictionary)
		r = vt_shard_list_dictionary(reader->list, reader->shard, facts.dictionary,
					     &dictionary, err);
	if (r < 0)
		return r == -ENOENT ? -EBADMSG : r;
	vt_buf_reset(&reader->decoded);
	room = vt_buf_grow(&reader->decoded, facts.content_size);
	if (!room)
		return vt_fail(err, ENOMEM, "no memory for a frame");
	return vt_decode(reader->decoder, dictionary, reader->encoded.data, reader->encoded.len,
			 room, facts.content_size, err);
}

static int read_frame(struct vt_place_reader *reader, const struct vt_location *at,
		      struct vt_error *err)
{
	void *room;
	int r;

	if (reader->frame.shard == at->shard && reader->frame.frame_offset == at->frame_offset &&
	    reader->frame.frame_size == at->frame_size)
		return 0;
	reader->frame.shard = 0;
	open_shard(reader, at->shard);
	if (reader->fd < 0 || at->frame_size > VT_FRAME_STORED_MAX)
		return vt_fail(err, EBADMSG, "shard %u cannot be read", at->shard);
	vt_buf_reset(&reader->encoded);
	room = vt_buf_grow(&reader->encoded, at->frame_size);
	if (!room)
		return vt_fail(err, ENOMEM, "no memory for a frame");
	if (vt_file_read_at(reader->fd, room, at->frame_size, at->frame_offset) !=
	    (ssize_t) at->frame_size)
		return vt_fail(err, EBADMSG, "shard %u has no whole frame at byte %u", at->shard,
			       at->frame_offset);
	r = decode(reader, err);
	if (r == 0)
		reader->frame = *at;
	return r;
}

int vt_place_read(struct vt_place_reader *reader, const struct vt_location *at, uint64_t length,
		  const uint8_t **out, struct vt_error *err)
{
	int r = read_frame(reader, at, err);

	if (r < 0)
		return r;
	if (at->skip > reader->decoded.len || length > reader->decoded.len - at->skip)
		return vt_fail(err, EBADMSG, "the frame at byte %u of shard %u is too short",
			       at->frame_offset, at->shard);
	*out = reader->decoded.data + at->skip;
	return 0;
}
