/* SPDX-License-Identifier: Apache-2.0 */
/* See shard_check.h. */
#include "tools/repair/shard_check.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "fs/shard_reader.h"
#include "index/base/error.h"
#include "index/json_text.h"
#include "tools/cli.h"

#define QUICK_EVERY 64 /* a quick check decodes the first of so many frames */

void vt_shard_check_done(struct vt_shard_check *check)
{
	vt_idmap_done(&check->damaged);
	vt_idmap_done(&check->bad_frames);
}

/* The server keeps a note of it. The finding stands whether this works or not. */
static void quarantine(struct vt_shard_check *check, const struct vt_shard_frame *frame,
		       const char *problem)
{
	struct vt_call call = {
		.op = "verify.quarantine",
		.args = json_pack("{s:I, s:I}", "serial", (json_int_t) frame->at.shard, "offset",
				  (json_int_t) frame->at.frame_offset),
	};

	(void) vt_json_set_text(call.args, "problem", problem, strlen(problem));
	(void) vt_cli_call_anew(check->cli, &call, NULL, NULL);
}

static int find_frame(struct vt_shard_check *check, const struct vt_shard_frame *frame,
		      const char *path, const struct vt_error *why, struct vt_error *err)
{
	char what[4200];

	(void) snprintf(what, sizeof what, "%s, frame at %u", path, frame->at.frame_offset);
	check->report(check->context, what, why->text);
	quarantine(check, frame, why->text);
	if (vt_idmap_add(&check->damaged, frame->at.shard, 0) < 0 ||
	    vt_idmap_add(&check->bad_frames, vt_frame_key(frame->at.shard, frame->at.frame_offset),
			 0) < 0)
		return vt_fail(err, ENOMEM, "no memory for what is damaged");
	return 0;
}

/* 0 although frames were damaged: those are findings. Negative: the shard as a whole is. */
static int check_frames(struct vt_shard_check *check, struct vt_shard_reader *reader,
			const struct vt_dictionary *dictionary, const char *path,
			struct vt_error *err)
{
	struct vt_shard_frame frame;
	struct vt_error why;
	int r;

	for (uint64_t i = 0; (r = vt_shard_reader_next(reader, &frame, err)) > 0; i++) {
		check->bytes += frame.at.frame_size;
		if (check->quick && i % QUICK_EVERY != 0)
			continue;
		check->frames++;
		r = vt_shard_reader_check(reader, &frame, dictionary, &why);
		if (r == -ENOMEM) /* says nothing about the frame */
			return vt_fail(err, ENOMEM, "%s", why.text);
		if (r < 0)
			r = find_frame(check, &frame, path, &why, err);
		if (r < 0)
			return r;
	}
	return r;
}

static int compare_digest(struct vt_shard_reader *reader, const char *expected,
			  struct vt_error *err)
{
	char hex[VT_DIGEST_HEX];
	struct vt_digest digest;
	int r = vt_shard_reader_digest(reader, &digest, err);

	if (r < 0)
		return r;
	vt_digest_format(&digest, hex);
	if (strcmp(hex, expected) != 0)
		return vt_fail(err, EBADMSG, "its SHA-256 is %s, recorded is %s", hex, expected);
	return 0;
}

static int read_shard(struct vt_shard_check *check, const struct vt_listed_shard *shard,
		      struct vt_error *err)
{
	vt_cleanup(vt_shard_reader_closep) struct vt_shard_reader *reader = NULL;
	const struct vt_dictionary *dictionary = NULL;
	size_t before = check->bad_frames.count;
	struct vt_shard_facts facts;
	int r;

	r = vt_shard_reader_open(shard->path, &reader, &facts, err);
	if (r == 0 && facts.serial != shard->serial)
		r = vt_fail(err, EBADMSG, "it says it is shard %u", facts.serial);
	if (r == 0 && facts.dictionary)
		r = vt_shard_list_dictionary(check->list, facts.serial, facts.dictionary,
					     &dictionary, err);
	if (r == 0)
		r = check_frames(check, reader, dictionary, shard->path, err);
	/* Frames that are sound in a file that is not: the header, the index, the seek table. */
	if (r == 0 && !check->quick && check->bad_frames.count == before)
		r = compare_digest(reader, shard->digest, err);
	return r;
}

static int check_shard(struct vt_shard_check *check, const struct vt_listed_shard *shard,
		       struct vt_error *err)
{
	int r = read_shard(check, shard, err), still = 1;
	struct vt_error why;

	check->shards++;
	if (r == -ENOENT) /* its file, or its dictionary: gc may have dropped it meanwhile */
		still = vt_shard_list_has_still(check->list, shard->serial, &why);
	if (still <= 0)
		return still < 0 ? vt_fail(err, -still, "%s", why.text) : 0;
	if (r == -EBADMSG || r == -ENOENT || r == -EIO) {
		check->report(check->context, shard->path, err->text);
		if (vt_idmap_put(&check->damaged, shard->serial, 1) < 0)
			return vt_fail(err, ENOMEM, "no memory for what is damaged");
		return 0;
	}
	return r < 0 ? vt_fail_in(err, r, "cannot check '%s'", shard->path) : 0;
}

int vt_shard_check_run(struct vt_shard_check *check, struct vt_error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < vt_shard_list_count(check->list); i++) {
		const struct vt_listed_shard shard = vt_shard_list_at(check->list, i);

		r = check_shard(check, &shard, err);
	}
	return r;
}
