/* SPDX-License-Identifier: Apache-2.0 */
/* `vitrine stats`: what there is in a version and what its labels say. The server counts. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "index/base/error.h"
#include "tools/commands.h"
#include "tools/options.h"
#include "tools/output.h"
#include "tools/stats_html.h"
#include "tools/stats_pick.h"
#include "tools/stats_text.h"
#include "tools/target.h"

static const char *html;
static const struct vt_option options[] = {
	VT_TEXT(0, "html", "FILE", &html, "write a page with charts and sample images"),
	{0},
};

static int take_blob(void *context, const json_t *row, const void *blob, size_t len)
{
	(void) row;
	vt_buf_put(context, blob, len);
	return vt_buf_failed(context) ? -ENOMEM : 0;
}

/* The document; `target` gets the version that it is of. */
static int receive(struct vt_cli *cli, struct vt_target *target, struct vt_buf *text, json_t **out,
		   struct vt_error *err)
{
	vt_cleanup(vt_json_freep) json_t *result = NULL;
	int r = vt_cli_call(cli, "stats", vt_target_args(target), take_blob, text, &result, err);

	if (r < 0)
		return r;
	(void) snprintf(target->version, sizeof target->version, "%s",
			vt_json_text(result, "version", ""));
	*out = json_loadb((const char *) text->data, text->len, 0, NULL);
	return *out ? 0 : vt_fail(err, EPROTO, "the server sent what are no statistics");
}

static int write_file(const char *name, const struct vt_buf *text, struct vt_error *err)
{
	FILE *file = strcmp(name, "-") == 0 ? stdout : fopen(name, "we");
	int failed;

	if (!file)
		return vt_fail(err, errno, "cannot write '%s': %m", name);
	failed = fwrite(text->data, 1, text->len, file) != text->len || fflush(file) != 0;
	if (failed)
		(void) vt_fail(err, errno, "cannot write '%s': %m", name);
	if (file != stdout && fclose(file) != 0 && !failed)
		return vt_fail(err, errno, "cannot write '%s': %m", name);
	return failed ? -EIO : 0;
}

static int write_page(struct vt_cli *cli, const struct vt_target *target, const char *title,
		      const json_t *stats, struct vt_error *err)
{
	vt_cleanup(vt_stats_pick_freep) struct vt_stats_pick *pick = NULL;
	vt_cleanup(vt_buf_done) struct vt_buf page = VT_BUF_INIT;
	struct vt_stats_samples samples;
	int r = vt_stats_pick(cli, target, stats, &pick, err);

	if (r < 0)
		return r;
	samples = vt_stats_pick_samples(pick);
	r = vt_stats_html(stats, title, &samples, &page, err);
	return r < 0 ? r : write_file(html, &page, err);
}

static int print_text(const char *title, const json_t *stats, struct vt_error *err)
{
	const struct vt_stats_look look = vt_stats_look_of(stdout, title);
	vt_cleanup(vt_buf_done) struct vt_buf text = VT_BUF_INIT;

	vt_stats_text(stats, &look, &text);
	if (vt_buf_failed(&text))
		return vt_fail(err, ENOMEM, "no memory for statistics");
	(void) fwrite(text.data, 1, text.len, stdout);
	return 0;
}

static int run(struct vt_cli *cli, struct vt_error *err)
{
	vt_cleanup(vt_json_freep) json_t *stats = NULL;
	vt_cleanup(vt_buf_done) struct vt_buf document = VT_BUF_INIT;
	char title[sizeof((struct vt_target *) 0)->dataset +
		   sizeof((struct vt_target *) 0)->version];
	struct vt_target target;
	int r = vt_target_parse(cli->argv[0], &target, err);

	if (r == 0 && target.path)
		return vt_misused(cli, err, "'%s': statistics are of a version, not a path",
				  cli->argv[0]);
	if (r == 0)
		r = receive(cli, &target, &document, &stats, err);
	if (r < 0)
		return r;
	(void) snprintf(title, sizeof title, "%s@%s", target.dataset, target.version);
	if (html)
		r = write_page(cli, &target, title, stats, err);
	if (r == 0 && cli->json)
		(void) printf("%.*s\n", (int) document.len, (const char *) document.data);
	else if (r == 0 && !html)
		r = print_text(title, stats, err);
	return r;
}

const struct vt_command vt_cmd_stats = {
	.name = "stats",
	.synopsis = "DATASET[@VERSION]",
	.summary = "Count what there is in a version and what its labels say",
	.details = "Files, sizes, types and duplicates; of each key of labels its values, how\n"
		   "sure they are, by whom, and how far annotators agree.",
	.options = options,
	.min_args = 1,
	.max_args = 1,
	.run = run,
};
