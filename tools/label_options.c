/* SPDX-License-Identifier: Apache-2.0 */
/* See label_options.h. */
#include "tools/label_options.h"

#include <errno.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

#include "index/base/clock.h"
#include "index/base/error.h"
#include "tools/cli.h"

#define COLUMNS_MAX 64u

const char *vt_label_format, *vt_label_annotator, *vt_label_columns;

static struct vt_label_column columns[COLUMNS_MAX];
static struct vt_label_options chosen = {.columns = columns};

static const char *user_name(void)
{
	const struct passwd *user = getpwuid(getuid());

	return user ? user->pw_name : NULL;
}

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

	if (!vt_label_columns)
		return 0;
	if (strlen(vt_label_columns) >= sizeof text)
		return vt_misused(cli, err, "--columns is too long");
	strcpy(text, vt_label_columns);
	while (r == 0 && (column = strsep(&rest, ",")))
		r = add_column(cli, column, err);
	return r;
}

int vt_label_options_check(const struct vt_cli *cli, struct vt_error *err)
{
	if (vt_label_format && strcmp(vt_label_format, "jsonl") != 0 &&
	    strcmp(vt_label_format, "csv") != 0)
		return vt_misused(cli, err, "--format is jsonl or csv");
	chosen.annotator = vt_label_annotator ? vt_label_annotator : user_name();
	chosen.time_ns = (int64_t) vt_clock_realtime_ns();
	return read_columns(cli, err);
}

const struct vt_label_options *vt_label_options_get(void)
{
	return &chosen;
}

static bool ends_with(const char *name, const char *suffix)
{
	size_t len = strlen(name), n = strlen(suffix);

	return len > n && strcasecmp(name + len - n, suffix) == 0;
}

int vt_label_options_open(const struct vt_cli *cli, const char *name, struct vt_label_reader **out,
			  struct vt_error *err)
{
	bool csv = vt_label_format ? strcmp(vt_label_format, "csv") == 0 : ends_with(name, ".csv");
	bool jsonl =
		vt_label_format ? !csv : ends_with(name, ".jsonl") || ends_with(name, ".ndjson");

	if (!csv && !jsonl)
		return vt_misused(cli, err, "'%s': say with --format whether this is jsonl or csv",
				  name);
	return vt_label_reader_open(name, csv ? VT_LABELS_CSV : VT_LABELS_JSONL, &chosen, out, err);
}
