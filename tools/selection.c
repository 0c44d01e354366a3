/* SPDX-License-Identifier: Apache-2.0 */
/* See selection.h. */
#include "tools/selection.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "index/base/buf.h"
#include "index/base/error.h"
#include "tools/cli.h"
#include "tools/target.h"

#define SHOWN_BEFORE 60u /* characters of an expression, before its wrong column and behind */
#define SHOWN_BEHIND 15u

struct selection {
	vt_selection_each *each;
	void *context;
};

static int take_blob(void *context, const json_t *row, const void *blob, size_t len)
{
	struct selection *selection = context;
	struct vt_reader reader = vt_reader_over(blob, len);
	int r = 0;

	(void) row;
	while (r == 0 && vt_reader_left(&reader) > 0) {
		size_t path_len = vt_reader_le16(&reader);
		const char *path = vt_reader_get(&reader, path_len);

		r = reader.failed ? -EPROTO : selection->each(selection->context, path, path_len);
	}
	return r;
}

static const char *skip_characters(const char *text, size_t count)
{
	for (; *text && count > 0; count--)
		do
			text++;
		while ((*text & 0xc0) == 0x80);
	return text;
}

/* What stands around the column, in one line, and a caret below it. */
static void point_at(const char *expression, size_t column)
{
	size_t left_out = column > SHOWN_BEFORE + 1 ? column - SHOWN_BEFORE - 1 : 0;
	size_t before = column - 1 - left_out;
	const char *text = skip_characters(expression, left_out);
	const char *end = skip_characters(text, before + SHOWN_BEHIND);

	for (; text < end; text++)
		(void) fputc((unsigned char) *text < ' ' || *text == 0x7f ? ' ' : *text, stderr);
	(void) fprintf(stderr, "\n%*s^\n", (int) before, "");
}

void vt_selection_explain(const char *expression, const char *sentence)
{
	unsigned long column;

	if (isatty(STDERR_FILENO) && sscanf(sentence, "column %lu: ", &column) == 1 && column > 0)
		point_at(expression, column);
}

int vt_selection_ask(struct vt_cli *cli, const struct vt_target *target, const char *expression,
		     uint32_t limit, vt_selection_each *each, void *context, json_t **result,
		     struct vt_error *err)
{
	struct selection selection = {.each = each, .context = context};
	json_t *args, *where = json_string(expression);
	struct vt_error why = {0};
	int r;

	if (!where)
		return vt_misused(cli, err, "an expression is text in UTF-8");
	args = vt_target_args(target);
	(void) json_object_set_new(args, "where", where);
	(void) json_object_set_new(args, "limit", json_integer(limit));
	r = vt_cli_call(cli, "select", args, take_blob, &selection, result, &why);
	if (r == -EINVAL)
		vt_selection_explain(expression, why.text);
	if (r < 0 && err)
		*err = why;
	return r;
}
