/* SPDX-License-Identifier: Apache-2.0 */
/* `vitrine export-labels`: the labels of a version, or of a file, as lines of JSON or as CSV. */
#include <errno.h>
#include <string.h>

#include "index/base/error.h"
#include "tools/commands.h"
#include "tools/label_stream.h"
#include "tools/labels/csv.h"
#include "index/label_line.h"
#include "tools/options.h"
#include "tools/target.h"

static const char *format = "jsonl";
static const struct vt_option options[] = {
	VT_TEXT(0, "format", "NAME", &format, "jsonl (default) or csv"),
	{0},
};

#define WRITE_BYTES (256u << 10)

static int write_out(struct vt_buf *text, struct vt_error *err)
{
	if (vt_buf_failed(text))
		return vt_fail(err, ENOMEM, "no memory for labels");
	if (fwrite(text->data, 1, text->len, stdout) != text->len)
		return vt_fail(err, errno ? errno : EIO, "cannot write the labels: %m");
	vt_buf_reset(text);
	return 0;
}

static int put_csv(void *context, const struct vt_label_row *row, struct vt_error *err)
{
	struct vt_buf *text = context;

	vt_label_csv_put(row, text);
	return text->len < WRITE_BYTES ? 0 : write_out(text, err);
}

static int put_jsonl(void *context, const struct vt_label_row *row, struct vt_error *err)
{
	struct vt_buf *text = context;

	vt_label_line_put(row, text);
	return text->len < WRITE_BYTES ? 0 : write_out(text, err);
}

static int run(struct vt_cli *cli, struct vt_error *err)
{
	vt_cleanup(vt_buf_done) struct vt_buf text = VT_BUF_INIT;
	bool csv = strcmp(format, "csv") == 0;
	struct vt_target target;
	int r = vt_target_parse(cli->argv[0], &target, err);

	if (r < 0)
		return r;
	if (!csv && strcmp(format, "jsonl") != 0)
		return vt_misused(cli, err, "--format is jsonl or csv");
	if (csv)
		vt_label_csv_header(&text);
	r = vt_labels_receive(cli, &target, csv ? put_csv : put_jsonl, &text, err);
	return r < 0 ? r : write_out(&text, err);
}

const struct vt_command vt_cmd_export_labels = {
	.name = "export-labels",
	.synopsis = "DATASET[@VERSION][:PATH]",
	.summary = "Write the labels of a version to standard output",
	.details = "Rows in order of paths, each in one way only: two versions with the same\n"
		   "labels give the same bytes, and import-labels takes them in again as they\n"
		   "are. Formats: vitrine-labels(7).",
	.options = options,
	.min_args = 1,
	.max_args = 1,
	.run = run,
};
