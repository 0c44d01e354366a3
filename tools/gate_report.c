/* SPDX-License-Identifier: Apache-2.0 */
/* See gate_report.h. */
#include "tools/gate_report.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/error.h"
#include "index/dataset_gate.h"
#include "tools/output.h"

/* ---- the file -------------------------------------------------------------------------------- */

int vt_gate_read(const char *file, json_t *args, struct vt_error *err)
{
	vt_autofree char *text = malloc(VT_GATE_TEXT_MAX + 1);
	FILE *in = strcmp(file, "-") == 0 ? stdin : fopen(file, "re");
	size_t len;
	int r = 0;

	if (!in || !text) {
		r = vt_fail(err, errno, "cannot open '%s': %m", file);
		if (in && in != stdin)
			(void) fclose(in);
		return r;
	}
	len = fread(text, 1, VT_GATE_TEXT_MAX + 1, in);
	if (ferror(in))
		r = vt_fail(err, EIO, "cannot read '%s'", file);
	else if (len > VT_GATE_TEXT_MAX)
		r = vt_fail(err, EINVAL, "'%s': a quality gate has at most %u bytes", file,
			    VT_GATE_TEXT_MAX);
	else if (json_object_set_new(args, "gate", json_stringn(text, len)) < 0)
		r = vt_fail(err, EINVAL, "'%s' is no text", file);
	if (in != stdin)
		(void) fclose(in);
	return r;
}

/* ---- the report ------------------------------------------------------------------------------ */

static void put_json(const json_t *value)
{
	char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(6));

	if (json_is_string(value))
		vt_print_name(stderr, json_string_value(value), json_string_length(value));
	else if (text)
		(void) fputs(text, stderr);
	free(text);
}

/* "NAME VALUE" of a member that is there. */
static void put_member(const json_t *object, const char *key, const char *name)
{
	const json_t *value = json_object_get(object, key);

	if (!value)
		return;
	(void) fputs(name, stderr);
	put_json(value);
}

static void put_path(const json_t *offender, const char *key, const char *before)
{
	vt_cleanup(vt_buf_done) struct vt_buf path = VT_BUF_INIT;

	if (!json_object_get(offender, key))
		return;
	vt_json_get_bytes(offender, key, &path);
	(void) fputs(before, stderr);
	vt_print_name(stderr, (const char *) path.data, path.len);
}

static void print_offender(const json_t *offender)
{
	(void) fputs("   ", stderr);
	put_path(offender, "path", " ");
	put_member(offender, "key", " key ");
	put_member(offender, "value", " ");
	put_path(offender, "other_path", " as ");
	put_member(offender, "other_value", " ");
	put_member(offender, "measured", ": ");
	(void) fputc('\n', stderr);
}

static void print_rule(const json_t *row)
{
	const char *key = vt_json_text(row, "key", NULL);

	(void) fprintf(stderr, "%s gate: %s%s%s: ", vt_json_text(row, "gate", ""), key ? key : "",
		       key ? "." : "", vt_json_text(row, "rule", ""));
	put_member(row, "measured", "measured ");
	put_member(row, "limit", ", the gate says ");
	(void) fputc('\n', stderr);
}

void vt_gate_report_end(struct vt_gate_report *report)
{
	if (report->offenders > VT_GATE_SHOWN)
		(void) fprintf(stderr, "    and others\n");
	report->offenders = 0;
}

int vt_gate_report_row(void *context, const json_t *row, const void *blob, size_t blob_len)
{
	struct vt_gate_report *report = context;
	const json_t *offender = json_object_get(row, "offender");

	if (report->cli->json) {
		vt_print_json(row);
	} else if (!offender) {
		vt_gate_report_end(report);
		print_rule(row);
	} else if (report->offenders++ < VT_GATE_SHOWN) {
		print_offender(offender);
	}
	return 0;
}
