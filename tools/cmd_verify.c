/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `vitrine verify`: is every stored byte what it was? The server says which shards there are; this
 * process, which needs their owner's rights, reads them; then the server checks the index. Damage
 * is a result, printed on standard output, and the exit status is 5.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "fs/daemon.h"
#include "fs/rows.h"
#include "fs/shard_reader.h"
#include "index/base/error.h"
#include "index/index.h"
#include "tools/commands.h"
#include "tools/options.h"
#include "tools/output.h"
#include "tools/progress.h"

#define QUICK_EVERY 64 /* --quick decodes the first of so many frames */

static bool quick, accept_loss;
static const char *progress_mode;
static const struct vt_option options[] = {
	VT_FLAG(0, "quick", &quick, "headers, and a sample of the frames only"),
	VT_FLAG(0, "accept-loss", &accept_loss, "go on with an index that lost its last commits"),
	VT_TEXT(0, "progress", "HOW", &progress_mode, "auto, plain (a line each 10 s) or none"),
	{0},
};

struct verification {
	struct vt_cli *cli;
	_Atomic uint64_t shards, frames, bytes; /* done */
	uint64_t total_shards, total_bytes;
	uint64_t damaged; /* findings */
};

static void look(void *context, struct vt_progress_view *out)
{
	const struct verification *v = context;

	*out = (struct vt_progress_view){
		.phase = v->shards < v->total_shards ? "reading shards" : "checking the index",
		.files = v->shards,
		.total_files = v->total_shards,
		.bytes = v->bytes,
		.total_bytes = v->total_bytes,
	};
}

static void report(struct verification *v, const char *what, const char *problem)
{
	vt_cleanup(vt_json_freep) json_t *line = json_object();

	v->damaged++;
	(void) vt_json_set_text(line, "what", what, strlen(what));
	(void) vt_json_set_text(line, "problem", problem, strlen(problem));
	if (v->cli->json) {
		vt_print_json(line);
		return;
	}
	(void) printf("%sdamaged%s  ", vt_colour(VT_RED), vt_colour(VT_PLAIN));
	vt_print_name(stdout, what, strlen(what));
	(void) fputs(": ", stdout);
	vt_print_name(stdout, problem, strlen(problem));
	(void) putchar('\n');
}

/* The server keeps a note of it. The finding stands whether this works or not. */
static void quarantine(struct verification *v, const struct vt_shard_frame *frame,
		       const char *problem)
{
	json_t *args = json_pack("{s:I, s:I}", "serial", (json_int_t) frame->at.shard, "offset",
				 (json_int_t) frame->at.frame_offset);

	(void) vt_json_set_text(args, "problem", problem, strlen(problem));
	(void) vt_cli_call(v->cli, "verify.quarantine", args, NULL, NULL, NULL, NULL);
}

static int keep_blob(void *buf, const json_t *row, const void *blob, size_t blob_len)
{
	vt_buf_put(buf, blob, blob_len);
	return vt_buf_failed(buf) ? -ENOMEM : 0;
}

static int fetch_dictionary(struct verification *v, const struct vt_shard_facts *facts,
			    struct vt_dictionary **out, struct vt_error *err)
{
	vt_cleanup(vt_buf_done) struct vt_buf bytes = VT_BUF_INIT;
	json_t *args;
	int r;

	if (facts->dictionary == 0)
		return 0;
	args = json_pack("{s:I, s:I}", "serial", (json_int_t) facts->serial, "id",
			 (json_int_t) facts->dictionary);
	r = vt_cli_call(v->cli, "verify.dictionary", args, keep_blob, &bytes, NULL, err);
	if (r < 0)
		return r;
	return vt_dictionary_new(bytes.data, bytes.len, VT_LEVEL_DEFAULT, out, err);
}

/* 0 although frames were damaged: those are findings. Negative: the shard as a whole is. */
static int check_frames(struct verification *v, struct vt_shard_reader *reader,
			const struct vt_dictionary *dictionary, const char *path,
			struct vt_error *err)
{
	struct vt_shard_frame frame;
	struct vt_error why;
	char what[4200];
	int r;

	for (uint64_t i = 0; (r = vt_shard_reader_next(reader, &frame, err)) > 0; i++) {
		v->bytes += frame.at.frame_size;
		if (quick && i % QUICK_EVERY != 0)
			continue;
		v->frames++;
		if (vt_shard_reader_check(reader, &frame, dictionary, &why) == 0)
			continue;
		(void) snprintf(what, sizeof what, "%s, frame at %u", path, frame.at.frame_offset);
		report(v, what, why.text);
		quarantine(v, &frame, why.text);
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

static int check_shard(struct verification *v, const json_t *shard, struct vt_error *err)
{
	vt_cleanup(vt_shard_reader_closep) struct vt_shard_reader *reader = NULL;
	vt_cleanup(vt_dictionary_freep) struct vt_dictionary *dictionary = NULL;
	const char *path = vt_json_text(shard, "path", "");
	uint64_t before = v->damaged;
	struct vt_shard_facts facts;
	int r;

	r = vt_shard_reader_open(path, &reader, &facts, err);
	if (r == 0 && facts.serial != (uint32_t) vt_json_count(shard, "serial"))
		r = vt_fail(err, EBADMSG, "it says it is shard %u", facts.serial);
	if (r == 0)
		r = fetch_dictionary(v, &facts, &dictionary, err);
	if (r == 0)
		r = check_frames(v, reader, dictionary, path, err);
	/* Frames that are sound in a file that is not: the header, the index, the seek table. */
	if (r == 0 && !quick && v->damaged == before)
		r = compare_digest(reader, vt_json_text(shard, "digest", ""), err);
	v->shards++;
	if (r == -EBADMSG || r == -ENOENT || r == -EIO) {
		report(v, path, err->text);
		return 0;
	}
	return r < 0 ? vt_fail_in(err, r, "cannot check '%s'", path) : 0;
}

static int keep_row(void *list, const json_t *row, const void *blob, size_t blob_len)
{
	return json_array_append(list, (json_t *) row) < 0 ? -ENOMEM : 0;
}

static int check_shards(struct verification *v, struct vt_error *err)
{
	vt_cleanup(vt_json_freep) json_t *shards = json_array();
	vt_cleanup(vt_progress_stopp) struct vt_progress *bar = NULL;
	const json_t *shard;
	size_t i;
	int r = vt_cli_call(v->cli, "verify.shards", NULL, keep_row, shards, NULL, err);

	if (r < 0)
		return r;
	v->total_shards = json_array_size(shards);
	json_array_foreach(shards, i, shard) v->total_bytes +=
		(uint64_t) vt_json_count(shard, "size");
	r = vt_progress_start(v->cli, progress_mode, look, v, &bar, err);
	json_array_foreach(shards, i, shard) if (r == 0) r = check_shard(v, shard, err);
	return r;
}

static int print_finding(void *context, const json_t *row, const void *blob, size_t blob_len)
{
	report(context, vt_json_text(row, "what", ""), vt_json_text(row, "problem", ""));
	return 0;
}

static int finish(const struct verification *v, struct vt_error *err)
{
	vt_cleanup(vt_json_freep) json_t *line = json_pack(
		"{s:{s:I, s:I, s:I, s:I, s:b}}", "summary", "shards", (json_int_t) v->shards,
		"frames", (json_int_t) v->frames, "bytes", (json_int_t) v->bytes, "damaged",
		(json_int_t) v->damaged, "quick", quick);
	char frames[32], bytes[16];

	vt_format_count(v->frames, frames);
	vt_format_size(v->bytes, bytes);
	if (v->cli->json)
		vt_print_json(line);
	if (v->damaged > 0)
		return vt_fail(err, EBADMSG,
			       "%llu finding(s) in '%s'; what is damaged is not served",
			       (unsigned long long) v->damaged, v->cli->store);
	vt_say(v->cli, "%llu shards, %s frames, %s: all sound", (unsigned long long) v->shards,
	       frames, bytes);
	return 0;
}

/* Such an index has no server: it is refused. */
static int accept(struct vt_cli *cli, struct vt_error *err)
{
	vt_cleanup(vt_json_freep) json_t *line = NULL;
	struct vt_loss loss;
	int r = vt_become_owner(cli->store, err);

	if (r == 0)
		r = vt_index_accept_loss(cli->store, &loss, err);
	if (r < 0)
		return r;
	line = json_pack("{s:{s:I, s:I}}", "lost", "commits", (json_int_t) loss.commits, "shards",
			 (json_int_t) loss.shards);
	if (cli->json)
		vt_print_json(line);
	if (loss.commits == 0)
		vt_say(cli, "The index lost nothing; nothing was done.");
	else
		vt_say(cli, "%llu lost commits are given up; %llu shards are in %s/lost now.",
		       (unsigned long long) loss.commits, (unsigned long long) loss.shards,
		       cli->store);
	return 0;
}

static int run(struct vt_cli *cli, struct vt_error *err)
{
	struct verification v = {.cli = cli};
	int r;

	if (accept_loss)
		return accept(cli, err);
	r = check_shards(&v, err);
	if (r == 0)
		r = vt_cli_call(cli, "verify.index", NULL, print_finding, &v, NULL, err);
	return r < 0 ? r : finish(&v, err);
}

const struct vt_command vt_cmd_verify = {
	.name = "verify",
	.synopsis = "",
	.summary = "Check every stored byte and the index; exit 5 names the damage",
	.details = "Reads every shard and compares each content with its SHA-256, then checks\n"
		   "that the index agrees with itself. Needs the store's owner, or root.",
	.options = options,
	.works_on_store = true,
	.run = run,
};
