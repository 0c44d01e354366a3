/* SPDX-License-Identifier: Apache-2.0 */
/* See label_options.h. */
#include "tools/label_options.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "index/base/clock.h"
#include "index/base/error.h"
#include "tools/cli.h"

#define COLUMNS_MAX 64u

struct vt_label_option_texts vt_label_option;

static const char *const format_names[VT_LABELS_FORMATS] = {
	[VT_LABELS_JSONL] = "jsonl",
	[VT_LABELS_CSV] = "csv",
	[VT_LABELS_COCO] = "coco",
	[VT_LABELS_LABEL_STUDIO] = "label-studio",
};
static enum vt_label_format format;

static struct vt_label_column columns[COLUMNS_MAX];
static struct vt_label_options chosen = {.columns = columns};

/* "A=member", "A=key:NAME", "A=" (passed over). */
static int add_column(const struct vt_cli *cli, char *text, struct vt_error *err)
{
	struct vt_label_column *column = &columns[chosen.column_count];
	char *member = strchr(text, '=');

	if (!member || member == text)
		return vt_misused(cli, err, "--columns: '%s' is not like COLUMN=MEMBER", text);
	if (chosen.column_count == COLUMNS_MAX)
		return vt_misused(cli, err, "--columns has more than %u", COLUMNS_MAX);
	*member++ = 0;
	*column = (struct vt_label_column){.column = text, .member = VT_MEMBER_NONE};
	if (strncmp(member, "key:", 4) == 0) {
		column->member = VT_MEMBER_VALUE;
		column->key = member + 4;
	} else if (*member) {
		column->member =
			vt_label_member_find((struct vt_label_text){member, strlen(member)});
		if (column->member == VT_MEMBER_NONE)
			return vt_misused(cli, err, "--columns: there is no member '%s'", member);
	}
	chosen.column_count++;
	return 0;
}

static int read_columns(const struct vt_cli *cli, struct vt_error *err)
{
	static char text[4096];
	char *rest = text, *column;
	int r = 0;

	if (!vt_label_option.columns)
		return 0;
	if (strlen(vt_label_option.columns) >= sizeof text)
		return vt_misused(cli, err, "--columns is too long");
	strcpy(text, vt_label_option.columns);
	while (r == 0 && (column = strsep(&rest, ",")))
		r = add_column(cli, column, err);
	return r;
}

static int read_format(const struct vt_cli *cli, struct vt_error *err)
{
	format = VT_LABELS_GUESS;
	if (!vt_label_option.format)
		return 0;
	for (unsigned i = 0; i < VT_LABELS_FORMATS; i++)
		if (format_names[i] && strcmp(vt_label_option.format, format_names[i]) == 0)
			format = (enum vt_label_format) i;
	return format != VT_LABELS_GUESS
		       ? 0
		       : vt_misused(cli, err, "--format is jsonl, csv, coco or label-studio");
}

static int read_source(const struct vt_cli *cli, struct vt_error *err)
{
	const char *word = vt_label_option.source;

	chosen.source = 0;
	if (word)
		chosen.source = vt_label_word_find(vt_label_sources,
						   (struct vt_label_text){word, strlen(word)});
	return word && !chosen.source
		       ? vt_misused(cli, err, "--source is human, model, rule or import")
		       : 0;
}

static int check_key(const struct vt_cli *cli, struct vt_error *err)
{
	struct vt_label label = vt_label_row_default(&chosen).label;

	label.key = vt_label_key_default(&chosen);
	label.type = VT_LABEL_BOOLEAN;
	label.annotator = (struct vt_label_text){"-", 1};
	return vt_label_problem(&label)
		       ? vt_misused(cli, err, "--key: '%s' can be no key", vt_label_option.key)
		       : 0;
}

int vt_label_options_check(const struct vt_cli *cli, struct vt_error *err)
{
	int r = read_format(cli, err);

	if (r == 0)
		r = read_source(cli, err);
	chosen.annotator = vt_label_option.annotator;
	chosen.user = *vt_cli_user_name() ? vt_cli_user_name() : NULL; /* or every row names one */
	chosen.time_ns = (int64_t) vt_clock_realtime_ns();
	chosen.key = vt_label_option.key;
	chosen.path_strip = vt_label_option.strip;
	chosen.path_prefix = vt_label_option.prefix;
	chosen.coco_images = vt_label_option.images;
	chosen.path_member = vt_label_option.path_member;
	if (r == 0)
		r = check_key(cli, err);
	return r < 0 ? r : read_columns(cli, err);
}

const struct vt_label_options *vt_label_options_get(void)
{
	return &chosen;
}

int vt_label_options_open(const char *name, struct vt_label_reader **out, struct vt_error *err)
{
	return vt_label_reader_open(name, format, &chosen, out, err);
}
