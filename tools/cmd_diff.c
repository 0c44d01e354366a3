/* SPDX-License-Identifier: Apache-2.0 */
/* `vitrine diff`: what differs between two versions, in the order of paths. */
#include <errno.h>
#include <string.h>

#include "index/base/error.h"
#include "tools/commands.h"
#include "tools/options.h"
#include "tools/output.h"
#include "tools/target.h"

static bool summary_only, no_labels;
static const struct vt_option options[] = {
	VT_FLAG('s', "summary", &summary_only, "print the counts, not the paths"),
	VT_FLAG(0, "no-labels", &no_labels, "do not look at labels"),
	{0},
};

static enum vt_colour change_colour(char change)
{
	switch (change) {
	case 'A':
		return VT_GREEN;
	case 'R':
		return VT_RED;
	case 'C':
		return VT_YELLOW;
	default:
		return VT_BLUE;
	}
}

static void print_value(const json_t *value)
{
	vt_autofree char *text = NULL;

	if (json_is_string(value)) {
		vt_print_name(stdout, json_string_value(value), json_string_length(value));
		return;
	}
	if (value)
		text = json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
	(void) fputs(text ? text : "(none)", stdout);
}

/* L  PATH: KEY BEFORE -> AFTER (WHO), and their review where it is not the value that changed. */
static void print_label(const json_t *row, const struct vt_buf *path)
{
	const json_t *before = json_object_get(row, "before"),
		     *after = json_object_get(row, "after");
	const char *by = vt_json_text(row, "by", NULL);

	(void) printf("%sL%s  ", vt_colour(VT_YELLOW), vt_colour(VT_PLAIN));
	vt_print_name(stdout, (const char *) path->data, path->len);
	(void) printf(": %s ", vt_json_text(row, "key", ""));
	print_value(before);
	(void) fputs(" -> ", stdout);
	print_value(after);
	if (by) {
		(void) fputs(" (", stdout);
		vt_print_name(stdout, by, strlen(by));
		if (json_equal(before, after))
			(void) printf(", %s", vt_json_text(row, "review", ""));
		(void) putchar(')');
	}
	(void) putchar('\n');
}

static int print_change(void *context, const json_t *row, const void *blob, size_t blob_len)
{
	vt_cleanup(vt_buf_done) struct vt_buf path = VT_BUF_INIT;
	const struct vt_cli *cli = context;
	const char *change = vt_json_text(row, "change", "?");

	if (cli->json) {
		vt_print_json(row);
		return ferror(stdout) ? -1 : 0;
	}
	vt_json_get_bytes(row, "path", &path);
	if (*change == 'L') {
		print_label(row, &path);
		return ferror(stdout) ? -1 : 0;
	}
	(void) printf("%s%c%s  ", vt_colour(change_colour(*change)), *change, vt_colour(VT_PLAIN));
	vt_print_name(stdout, (const char *) path.data, path.len);
	(void) puts(strcmp(vt_json_text(row, "type", ""), "directory") == 0 ? "/" : "");
	return ferror(stdout) ? -1 : 0;
}

static void print_summary(const struct vt_cli *cli, json_t *counts)
{
	vt_cleanup(vt_json_freep) json_t *line = json_pack("{s:O}", "summary", counts);
	char added[32], removed[32], changed[32], metadata[32], plus[16], minus[16], labels[32];

	if (cli->json) {
		vt_print_json(line);
		return;
	}
	vt_format_count((uint64_t) vt_json_count(counts, "added"), added);
	vt_format_count((uint64_t) vt_json_count(counts, "removed"), removed);
	vt_format_count((uint64_t) vt_json_count(counts, "changed"), changed);
	vt_format_count((uint64_t) vt_json_count(counts, "metadata"), metadata);
	vt_format_size((uint64_t) vt_json_count(counts, "bytes_added"), plus);
	vt_format_size((uint64_t) vt_json_count(counts, "bytes_removed"), minus);
	vt_format_count((uint64_t) vt_json_count(counts, "labels"), labels);
	vt_say(cli, "%s added, %s removed, %s changed, %s in metadata only (+%s, -%s)%s%s%s", added,
	       removed, changed, metadata, plus, minus, *labels == '0' ? "" : ", ",
	       *labels == '0' ? "" : labels, *labels == '0' ? "" : " labels");
}

/* One argument: against the version it was published over. */
static int find_parent(struct vt_cli *cli, const struct vt_target *target, struct vt_target *parent,
		       struct vt_error *err)
{
	vt_cleanup(vt_json_freep) json_t *version = NULL;
	const char *name;
	int r = vt_cli_call(cli, "show", vt_target_args(target), NULL, NULL, &version, err);

	if (r < 0)
		return r;
	name = vt_json_text(version, "parent", NULL);
	if (!name || strlen(name) >= sizeof parent->version)
		return vt_fail(err, ENOENT, "'%s@%s' has no earlier version to compare with",
			       target->dataset, vt_json_text(version, "version", "latest"));
	*parent = *target;
	(void) strcpy(parent->version, name);
	return 0;
}

/* The second argument may leave out the dataset: "@v2". */
static int parse_second(const char *text, const struct vt_target *first, struct vt_target *out,
			struct vt_error *err)
{
	vt_cleanup(vt_buf_done) struct vt_buf full = VT_BUF_INIT;

	if (*text != '@')
		return vt_target_parse(text, out, err);
	vt_buf_printf(&full, "%s%s", first->dataset, text);
	vt_buf_put_u8(&full, '\0');
	if (vt_buf_failed(&full))
		return vt_fail(err, ENOMEM, "no memory for a name");
	return vt_target_parse((const char *) full.data, out, err);
}

static int find_targets(struct vt_cli *cli, struct vt_target *from, struct vt_target *to,
			struct vt_error *err)
{
	int r = vt_target_parse(cli->argv[0], from, err);

	if (r < 0)
		return r;
	if (cli->argc > 1) {
		r = parse_second(cli->argv[1], from, to, err);
	} else {
		*to = *from;
		r = find_parent(cli, to, from, err);
	}
	if (r == 0 && (from->path || to->path))
		return vt_misused(cli, err, "versions are compared whole, without a path");
	return r;
}

static int run(struct vt_cli *cli, struct vt_error *err)
{
	vt_cleanup(vt_json_freep) json_t *counts = NULL;
	struct vt_target from, to;
	json_t *args;
	int r = find_targets(cli, &from, &to, err);

	if (r < 0)
		return r;
	args = vt_target_args(&from);
	(void) json_object_set_new(args, "other_dataset", json_string(to.dataset));
	(void) json_object_set_new(args, "other",
				   json_string(to.version[0] ? to.version : "latest"));
	(void) json_object_set_new(args, "no_labels", json_boolean(no_labels));
	r = vt_cli_call(cli, "diff", args, summary_only ? NULL : print_change, cli, &counts, err);
	if (r < 0)
		return r;
	print_summary(cli, counts);
	return 0;
}

const struct vt_command vt_cmd_diff = {
	.name = "diff",
	.synopsis = "DATASET[@OLD] [[DATASET]@NEW]",
	.summary = "Show what differs between two versions",
	.details = "With one argument: what that version changed against its parent.\n"
		   "A added, R removed, C changed content, M changed mode, time or xattrs.\n"
		   "L has another label in force: for those who may read both versions.",
	.options = options,
	.min_args = 1,
	.max_args = 2,
	.run = run,
};
