/* SPDX-License-Identifier: Apache-2.0 */
/* See who_read.h. */
#include "tools/who_read.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "fs/rows.h"
#include "index/base/error.h"
#include "policy/base64.h"
#include "policy/positions.h"
#include "tools/output.h"

#define OBJECT_MAX (VT_DATASET_NAME_MAX + VT_NAME_PART_MAX + 2)
#define REASON_MAX 31

/* Positions of the path in one version; first > last: it is not there. */
struct range {
	char version[VT_NAME_PART_MAX + 1];
	uint32_t first, last;
};

struct reader {
	int64_t uid, rule, first_ns, last_ns, opens;
	char reason[REASON_MAX + 1], user[256], object[OBJECT_MAX + 1];
	struct vt_positions positions;
};

struct vt_who_read {
	struct vt_cli *cli;
	struct vt_target target;
	struct range *ranges;
	size_t range_count;
	struct reader *readers;
	size_t reader_count;
};

/* A tag, or `latest`: which version is it now? A server that is not there leaves the word as it is.
 */
static void resolve_version(struct vt_who_read *who)
{
	vt_cleanup(vt_json_freep) json_t *version = NULL;
	struct vt_target target = who->target;

	target.path = NULL;
	if (vt_cli_call(who->cli, "show", vt_target_args(&target), NULL, NULL, &version, NULL) == 0)
		(void) snprintf(who->target.version, sizeof who->target.version, "%s",
				vt_json_text(version, "version", who->target.version));
}

int vt_who_read_new(struct vt_cli *cli, const struct vt_target *target, struct vt_who_read **out,
		    struct vt_error *err)
{
	struct vt_who_read *who = calloc(1, sizeof *who);

	if (!who)
		return vt_fail(err, ENOMEM, "no memory to sum up who read");
	who->cli = cli;
	who->target = *target;
	if (target->version[0] &&
	    (target->version[0] != 'v' ||
	     strspn(target->version + 1, "0123456789.") != strlen(target->version + 1)))
		resolve_version(who);
	*out = who;
	return 0;
}

void vt_who_read_free(struct vt_who_read *who)
{
	if (!who)
		return;
	for (size_t i = 0; i < who->reader_count; i++)
		vt_positions_done(&who->readers[i].positions);
	free(who->readers);
	free(who->ranges);
	free(who);
}

/* ---- a path as positions -------------------------------------------------------------------- */

struct search {
	const struct vt_target *target;
	uint32_t position; /* of the row that comes */
	struct range *range;
};

/* Rows come in walk order: the n-th of the whole tree has position n. */
static int look_at_row(void *context, const json_t *row, const void *blob, size_t blob_len)
{
	vt_cleanup(vt_buf_done) struct vt_buf path = VT_BUF_INIT;
	struct search *search = context;
	json_int_t nodes = vt_json_count(row, "nodes");

	search->position++;
	vt_json_get_bytes(row, "path", &path);
	if (path.len != search->target->path_len ||
	    memcmp(path.data, search->target->path, path.len) != 0)
		return 0;
	search->range->first = search->position;
	search->range->last = search->position + (uint32_t) (nodes > 1 ? nodes - 1 : 0);
	return 0;
}

static int find_range(struct vt_who_read *who, const char *version, const struct range **out,
		      struct vt_error *err)
{
	struct vt_target target = who->target;
	struct search search = {.target = &who->target};
	struct range *ranges;
	json_t *args;
	int r;

	for (size_t i = 0; i < who->range_count; i++)
		if (strcmp(who->ranges[i].version, version) == 0) {
			*out = &who->ranges[i];
			return 0;
		}
	ranges = reallocarray(who->ranges, who->range_count + 1, sizeof *ranges);
	if (!ranges)
		return vt_fail(err, ENOMEM, "no memory to sum up who read");
	who->ranges = ranges;
	search.range = &ranges[who->range_count];
	*search.range = (struct range){.first = 1};
	(void) snprintf(search.range->version, sizeof search.range->version, "%s", version);
	(void) snprintf(target.version, sizeof target.version, "%s", version);
	target.path = NULL;
	args = vt_target_args(&target);
	(void) json_object_set_new(args, "recursive", json_true());
	r = vt_cli_call(who->cli, "list", args, look_at_row, &search, NULL, err);
	if (r < 0 && r != -ENOENT) /* a version that is gone has no paths any more */
		return vt_fail_in(err, r, "cannot tell what '%s' is in %s", who->target.path,
				  version);
	who->range_count++;
	*out = search.range;
	return 0;
}

/* ---- summing up ----------------------------------------------------------------------------- */

struct runs {
	struct vt_positions *to;
	const struct range *range; /* NULL: all */
};

static int add_run(void *context, uint32_t first, uint32_t last)
{
	const struct runs *runs = context;

	if (runs->range) {
		first = first < runs->range->first ? runs->range->first : first;
		last = last > runs->range->last ? runs->range->last : last;
	}
	return first > last ? 0 : vt_positions_add_run(runs->to, first, last);
}

static int take_positions(const struct vt_audit_line *line, const struct range *range,
			  struct vt_positions *to, struct vt_error *err)
{
	const struct vt_audit_field *field = vt_audit_line_find(line, "positions");
	struct runs runs = {to, range};
	uint8_t data[VT_AUDIT_LINE_MAX];
	ssize_t len = field ? vt_base64_decode(field->value, field->len, data, sizeof data) : 0;
	int r = len < 0 ? -EBADMSG : vt_positions_decode(data, (size_t) len, add_run, &runs);

	return r < 0 ? vt_fail(err, -r, "record %" PRIu64 " has positions that cannot be read",
			       line->seq)
		     : 0;
}

static struct reader *find_reader(struct vt_who_read *who, const struct vt_audit_line *line,
				  const char *object)
{
	int64_t uid = vt_audit_line_number(line, "uid", -1);
	int64_t rule = vt_audit_line_number(line, "rule", 0);
	struct reader *readers, *reader;
	char reason[REASON_MAX + 1];

	vt_audit_line_text(line, "reason", reason, sizeof reason);
	for (size_t i = 0; i < who->reader_count; i++) {
		reader = &who->readers[i];
		if (reader->uid == uid && reader->rule == rule &&
		    strcmp(reader->reason, reason) == 0 && strcmp(reader->object, object) == 0)
			return reader;
	}
	readers = reallocarray(who->readers, who->reader_count + 1, sizeof *readers);
	if (!readers)
		return NULL;
	who->readers = readers;
	reader = &readers[who->reader_count++];
	*reader = (struct reader){
		.uid = uid,
		.rule = rule,
		.first_ns = vt_audit_line_number(line, "first", 0),
	};
	(void) snprintf(reader->reason, sizeof reader->reason, "%s", reason);
	vt_audit_line_text(line, "user", reader->user, sizeof reader->user);
	(void) snprintf(reader->object, sizeof reader->object, "%s", object);
	return reader;
}

static bool concerns(const struct vt_who_read *who, const char *object, const char **version)
{
	size_t len = strlen(who->target.dataset);

	if (strncmp(object, who->target.dataset, len) != 0 || object[len] != '@')
		return false;
	*version = object + len + 1;
	return !who->target.version[0] || strcmp(*version, who->target.version) == 0;
}

int vt_who_read_take(struct vt_who_read *who, const struct vt_audit_line *line,
		     struct vt_error *err)
{
	vt_cleanup(vt_positions_done) struct vt_positions found = {0};
	const struct range *range = NULL;
	char object[OBJECT_MAX + 1];
	const char *version;
	struct reader *reader;
	int r = 0;

	vt_audit_line_text(line, "object", object, sizeof object);
	if (!vt_audit_line_is(line, "kind", "access") || !concerns(who, object, &version))
		return 0;
	if (who->target.path && who->target.path_len > 0)
		r = find_range(who, version, &range, err);
	if (r == 0)
		r = take_positions(line, range, &found, err);
	if (r < 0 || (range && vt_positions_count(&found) == 0))
		return r;
	reader = find_reader(who, line, object);
	if (!reader)
		return vt_fail(err, ENOMEM, "no memory to sum up who read");
	reader->opens += vt_audit_line_number(line, "opens", 0);
	reader->last_ns = vt_audit_line_number(line, "last", 0);
	return take_positions(line, range, &reader->positions, err);
}

/* ---- showing -------------------------------------------------------------------------------- */

/* Of a holder the rule is their lease. */
static void set_why(json_t *row, const struct reader *reader)
{
	char why[64];

	if (reader->rule == 0)
		(void) snprintf(why, sizeof why, "%s", reader->reason);
	else
		(void) snprintf(why, sizeof why, "%s %" PRId64,
				strcmp(reader->reason, "holder") == 0 ? "lease" : reader->reason,
				reader->rule);
	(void) json_object_set_new(row, "why", json_string(why));
}

/* `opens` is of all files of the record: with a path it cannot be told apart, and is left out. */
static json_t *make_row(const struct vt_who_read *who, const struct reader *reader)
{
	json_t *row = json_pack("{s:I, s:s, s:s, s:I, s:I, s:s}", "uid", (json_int_t) reader->uid,
				"user", reader->user, "object", reader->object, "files",
				(json_int_t) vt_positions_count(&reader->positions), "rule",
				(json_int_t) reader->rule, "reason", reader->reason);

	if (!row)
		return NULL;
	(void) vt_json_set_time(row, "first", (uint64_t) reader->first_ns);
	(void) vt_json_set_time(row, "last", (uint64_t) reader->last_ns);
	if (!who->target.path)
		(void) json_object_set_new(row, "opens", json_integer(reader->opens));
	set_why(row, reader);
	return row;
}

int vt_who_read_print(struct vt_who_read *who, struct vt_error *err)
{
	static const struct vt_column columns[] = {
		{"USER", "user", VT_COLUMN_TEXT},
		{"UID", "uid", VT_COLUMN_TEXT},
		{"WHAT", "object", VT_COLUMN_TEXT},
		{"FIRST", "first", VT_COLUMN_TIME},
		{"LAST", "last", VT_COLUMN_TIME},
		{"FILES", "files", VT_COLUMN_COUNT},
		{"OPENS", "opens", VT_COLUMN_COUNT},
		{"BY", "why", VT_COLUMN_TEXT},
		{0},
	};
	vt_cleanup(vt_grid_freep) struct vt_grid *grid = NULL;
	int r = vt_grid_new(who->cli, columns, &grid, err);

	for (size_t i = 0; r == 0 && i < who->reader_count; i++) {
		vt_cleanup(vt_json_freep) json_t *row = make_row(who, &who->readers[i]);

		if (!row || vt_grid_row(grid, row, NULL, 0) < 0)
			r = vt_fail(err, ENOMEM, "no memory for the answer");
	}
	if (r < 0)
		return r;
	vt_grid_print(grid);
	if (who->reader_count == 0)
		vt_say(who->cli, "nobody, as far as this log goes");
	return 0;
}
