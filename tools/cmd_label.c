/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `vitrine label`: labels by hand, of one file or of many that are listed. What a file has is read
 * first, changed here, and sent back in its place; the revision that is being made is pinned
 * meanwhile, so that nobody's change is lost. All files together are one revision.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "index/base/clock.h"
#include "index/base/error.h"
#include "tools/commands.h"
#include "tools/label_list.h"
#include "tools/label_stream.h"
#include "tools/label_words.h"
#include "tools/options.h"
#include "tools/output.h"
#include "tools/target.h"

static const char *annotator, *source, *review, *confidence, *tool, *region, *message = "",
									     *files_from;
static bool nul;
static const struct vt_option options[] = {
	VT_TEXT(0, "files-from", "FILE", &files_from, "paths, one a line ('-': standard input)"),
	VT_FLAG('0', "null", &nul, "a NUL ends each of those paths, not a newline"),
	VT_TEXT(0, "annotator", "NAME", &annotator, "whose label (default of set: your user name)"),
	VT_TEXT(0, "source", "WORD", &source, "set: human (default), model, rule, import"),
	VT_TEXT(0, "review", "WORD", &review, "set: draft, submitted (default), accepted, ..."),
	VT_TEXT(0, "confidence", "N", &confidence, "set: 0 to 1"),
	VT_TEXT(0, "tool", "TEXT", &tool, "set: what it was made with"),
	VT_TEXT(0, "region", "JSON", &region, "set: where in the file"),
	VT_TEXT('m', "message", "TEXT", &message, "why, for the log"),
	{0},
};

/* What is done to the labels of one file. */
enum action { SHOW, SET, REMOVE, ACCEPT, REJECT, DISPUTE, ACTIONS };
static const char *const actions[ACTIONS] = {"show", "set", "rm", "accept", "reject", "dispute"};
static const enum vt_label_review verdicts[ACTIONS] = {
	[ACCEPT] = VT_LABEL_ACCEPTED,
	[REJECT] = VT_LABEL_REJECTED,
	[DISPUTE] = VT_LABEL_DISPUTED,
};

struct job {
	struct vt_cli *cli;
	enum action action;
	struct vt_target target;
	struct vt_label *wanted; /* KEY or KEY=VALUE, as labels */
	size_t count;
	struct vt_label_sender sender;
	struct vt_label_list labels; /* of the file at hand */
	uint64_t changed, outside;   /* files; labels that the schema does not allow */
};

#define SAID_MAX 20u /* of those, one by one */

/* ---- changing -------------------------------------------------------------------------------- */

static bool same_text(struct vt_label_text a, struct vt_label_text b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.bytes, b.bytes, a.len) == 0);
}

/* A key alone (type 0) means any value of it. */
static bool is_meant(const struct vt_label *label, const struct vt_label *wanted)
{
	return same_text(label->key, wanted->key) &&
	       (wanted->type == 0 || vt_label_same_value(label, wanted)) &&
	       (!annotator ||
		same_text(label->annotator, (struct vt_label_text){annotator, strlen(annotator)}));
}

/* The label in force of that key, which a new one corrects. */
static uint64_t corrected(const struct vt_label_list *list, struct vt_label_text key)
{
	const struct vt_label *effective;
	size_t first = 0, end;

	while (first < list->count && !same_text(list->labels[first].key, key))
		first++;
	for (end = first; end < list->count && same_text(list->labels[end].key, key); end++)
		;
	effective = vt_label_effective(list->labels + first, end - first, NULL);
	return effective ? vt_label_id(effective) : 0;
}

static int set_labels(struct job *job, struct vt_error *err)
{
	size_t before = job->labels.count;

	for (size_t i = 0; i < job->count; i++) {
		struct vt_label label = job->wanted[i];
		struct vt_label_list old = job->labels;
		int r;

		old.count = before; /* in order; those set just now stand behind */
		label.parent = corrected(&old, label.key);
		r = vt_label_list_add(&job->labels, &label, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static void remove_labels(struct job *job, const struct vt_label *wanted)
{
	size_t kept = 0;

	for (size_t i = 0; i < job->labels.count; i++)
		if (!is_meant(&job->labels.labels[i], wanted))
			job->labels.labels[kept++] = job->labels.labels[i];
	job->labels.count = kept;
}

/* Of a key alone it is the one in force that is judged; one with a value, or of somebody, is. */
static size_t judge(struct job *job, const struct vt_label *wanted)
{
	uint64_t effective = corrected(&job->labels, wanted->key);
	bool only_effective = wanted->type == 0 && !annotator;
	size_t judged = 0;

	for (size_t i = 0; i < job->labels.count; i++) {
		struct vt_label *label = &job->labels.labels[i];

		if (!is_meant(label, wanted) || (only_effective && vt_label_id(label) != effective))
			continue;
		label->review = verdicts[job->action];
		judged++;
	}
	return judged;
}

static int change_labels(struct job *job, const char *path, size_t len, struct vt_error *err)
{
	size_t before = job->labels.count;

	if (job->action == SET)
		return set_labels(job, err);
	for (size_t i = 0; i < job->count; i++) {
		const struct vt_label *wanted = &job->wanted[i];
		size_t done;

		if (job->action == REMOVE) {
			remove_labels(job, wanted);
			done = before - job->labels.count;
		} else {
			done = judge(job, wanted);
		}
		if (done == 0)
			return vt_fail(err, ENOENT, "'%.*s' has no such label: %.*s", (int) len,
				       path, (int) wanted->key.len, wanted->key.bytes);
		before = job->labels.count;
	}
	return 0;
}

/* ---- a file after the other ------------------------------------------------------------------ */

static int take_label(void *context, const struct vt_label_row *row, struct vt_error *err)
{
	struct job *job = context;

	return vt_label_list_copy(&job->labels, &row->label, err);
}

static int change_file(struct job *job, const char *path, size_t len, struct vt_error *err)
{
	struct vt_target file = job->target;
	int r;

	file.path = path;
	file.path_len = len;
	vt_label_list_clear(&job->labels);
	r = vt_labels_receive(job->cli, &file, take_label, job, err);
	if (r == 0)
		r = change_labels(job, path, len, err);
	if (r < 0)
		return r;
	job->changed++;
	return vt_label_sender_put(&job->sender, (struct vt_label_text){path, len}, true,
				   job->labels.labels, NULL, job->labels.count, err);
}

static int compare_paths(const void *a, const void *b)
{
	const char *x = *(char *const *) a, *y = *(char *const *) b;

	return vt_label_path_compare(x, strlen(x), y, strlen(y));
}

/* Sorted, each once: the order in which changes go. */
static int change_files(struct job *job, char **paths, size_t count, struct vt_error *err)
{
	int r = 0;

	qsort(paths, count, sizeof *paths, compare_paths);
	for (size_t i = 0; i < count && r == 0; i++)
		if (i == 0 || strcmp(paths[i], paths[i - 1]) != 0)
			r = change_file(job, paths[i], strlen(paths[i]), err);
	return r;
}

static void free_paths(char **paths, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(paths[i]);
	free(paths);
}

static int change_listed(struct job *job, FILE *list, struct vt_error *err)
{
	vt_autofree char *line = NULL;
	char **paths = NULL, **more;
	const char *path;
	size_t count = 0, room = 0;
	ssize_t len;
	int r = 0;

	while (r == 0 && (len = getdelim(&line, &room, nul ? 0 : '\n', list)) > 0) {
		if (line[len - 1] == (nul ? 0 : '\n'))
			line[--len] = 0;
		path = strncmp(line, "./", 2) == 0 ? line + 2 : line; /* as find writes it */
		if (!*path)
			continue;
		more = reallocarray(paths, count + 1, sizeof *paths);
		if (more)
			paths = more;
		if (!more || !(paths[count] = strdup(path)))
			r = vt_fail(err, ENOMEM, "no memory for a list of files");
		else
			count++;
	}
	if (r == 0 && ferror(list))
		r = vt_fail(err, EIO, "cannot read '%s'", files_from);
	if (r == 0 && count == 0)
		r = vt_fail(err, EINVAL, "'%s' names no files", files_from);
	if (r == 0)
		r = change_files(job, paths, count, err);
	free_paths(paths, count);
	return r;
}

static int change_all(struct job *job, struct vt_error *err)
{
	FILE *list;
	int r;

	if (!files_from)
		return change_file(job, job->target.path, job->target.path_len, err);
	list = strcmp(files_from, "-") == 0 ? stdin : fopen(files_from, "re");
	if (!list)
		return vt_fail(err, errno, "cannot open '%s': %m", files_from);
	r = change_listed(job, list, err);
	if (list != stdin)
		(void) fclose(list);
	return r;
}

static int note_refused(void *context, enum vt_labels_refusal why, uint64_t origin,
			const char *sentence, struct vt_error *err)
{
	vt_cleanup(vt_buf_done) struct vt_buf line = VT_BUF_INIT;
	struct job *job = context;

	(void) origin;
	if (why == VT_LABELS_ABSENT)
		return vt_fail(err, ENOENT, "%s", sentence);
	vt_escape(sentence, strlen(sentence), &line);
	if (job->outside++ < SAID_MAX)
		(void) fprintf(stderr, "vitrine: %.*s\n", (int) line.len, (const char *) line.data);
	return 0;
}

static int check_outside(const struct job *job, struct vt_error *err)
{
	const char *dataset = job->target.dataset;

	if (job->outside == 0)
		return 0;
	return vt_fail(
		err, EINVAL,
		"%llu labels are not allowed by the schema of '%s' ('vitrine gate show %s'), "
		"nothing was changed",
		(unsigned long long) job->outside, dataset, dataset);
}

static int revise(struct job *job, struct vt_error *err)
{
	vt_cleanup(vt_json_freep) json_t *result = NULL;
	int r = vt_label_sender_begin(&job->sender, &job->target, err);

	if (r == 0)
		r = change_all(job, err);
	if (r == 0)
		r = vt_label_sender_flush(&job->sender, err);
	if (r == 0)
		r = check_outside(job, err);
	if (r == 0)
		r = vt_label_sender_commit(&job->sender, message, NULL, &result, err);
	if (r < 0)
		return r;
	if (job->cli->json)
		vt_print_json(result);
	else if (json_is_true(json_object_get(result, "same")))
		vt_say(job->cli, "nothing is different");
	else
		vt_say(job->cli, "%s@%s: labels of %llu files changed",
		       vt_json_text(result, "dataset", ""), vt_json_text(result, "version", ""),
		       (unsigned long long) job->changed);
	return 0;
}

/* ---- the command ----------------------------------------------------------------------------- */

static int find_action(const struct vt_cli *cli, enum action *out, struct vt_error *err)
{
	for (int i = 0; i < ACTIONS; i++)
		if (strcmp(cli->argv[0], actions[i]) == 0) {
			*out = (enum action) i;
			return 0;
		}
	return vt_misused(cli, err, "'%s' is none of show, set, rm, accept, reject, dispute",
			  cli->argv[0]);
}

static int read_wanted(struct job *job, struct vt_error *err)
{
	const struct vt_label_given given = {
		.annotator = annotator ? annotator : vt_cli_user_name(),
		.source = source ? source : "human",
		.review = review ? review : "submitted",
		.confidence = confidence,
		.tool = tool ? tool : "",
		.region = region ? region : "",
		.time_ns = (int64_t) vt_clock_realtime_ns(),
	};
	int r = 0;

	job->count = (size_t) job->cli->argc - 2;
	job->wanted = calloc(job->count + 1, sizeof *job->wanted);
	if (!job->wanted)
		return vt_fail(err, ENOMEM, "no memory for labels");
	for (size_t i = 0; i < job->count && r == 0; i++)
		r = job->action == SET ? vt_label_words_parse(job->cli, job->cli->argv[2 + i],
							      &given, &job->wanted[i], err)
				       : vt_label_words_parse_key(job->cli, job->cli->argv[2 + i],
								  &job->wanted[i], err);
	return r;
}

static int check_arguments(struct job *job, struct vt_error *err)
{
	struct vt_cli *cli = job->cli;

	if (job->action != SET && (source || review || confidence || tool || region))
		return vt_misused(cli, err,
				  "--source, --review, --confidence, --tool and "
				  "--region are of 'label set'");
	if (job->action == SHOW && (cli->argc > 2 || files_from || annotator))
		return vt_misused(cli, err, "'label show' takes a dataset or a file in it");
	if (job->action == SHOW)
		return 0;
	if (cli->argc < 3)
		return vt_misused(cli, err, "'label %s' needs a key%s", actions[job->action],
				  job->action == SET ? " and a value: KEY=VALUE" : "");
	if (!job->target.path == !files_from)
		return vt_misused(cli, err, "name a file, DATASET:PATH, or many with --files-from");
	return 0;
}

static int run(struct vt_cli *cli, struct vt_error *err)
{
	struct job job = {.cli = cli};
	int r = find_action(cli, &job.action, err);

	if (r == 0)
		r = vt_target_parse(cli->argv[1], &job.target, err);
	if (r == 0)
		r = check_arguments(&job, err);
	if (r < 0)
		return r;
	if (job.action == SHOW)
		return vt_label_list_print(cli, &job.target, err);
	r = read_wanted(&job, err);
	job.sender = (struct vt_label_sender){.cli = cli, .refused = note_refused, .context = &job};
	if (r == 0)
		r = revise(&job, err);
	vt_label_sender_done(&job.sender);
	vt_label_list_done(&job.labels);
	free(job.wanted);
	return r;
}

const struct vt_command vt_cmd_label = {
	.name = "label",
	.synopsis = "ACTION DATASET[@VERSION][:PATH] [KEY[=VALUE]]...",
	.summary = "Look at labels, set them, take them away, review them",
	.details = "An ACTION is show, set, rm, accept, reject or dispute.\n"
		   "set adds a label by you, now: KEY=TEXT, or KEY:=JSON for a number, true or\n"
		   "false. accept, reject and dispute judge the label in force of a key, or those\n"
		   "of an annotator, or with a value. All changes of one call are one revision.",
	.options = options,
	.min_args = 2,
	.max_args = -1,
	.run = run,
};
