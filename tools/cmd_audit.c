/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `vitrine audit`: shows the audit log and checks it. All of it reads the log's folder, so it works
 * on a copy, and while the server is down; it needs who may read that folder (the owner of the
 * store, root). each_record() is the one place that knows where records come from.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "fs/rows.h"
#include "index/base/clock.h"
#include "index/base/error.h"
#include "policy/audit_reader.h"
#include "policy/audit_verify.h"
#include "policy/book.h"
#include "tools/commands.h"
#include "tools/options.h"
#include "tools/output.h"
#include "tools/who_read.h"

#define PATH_LEN 4096
#define HEAD_MAX 65536u

static const char *dir_option, *head_option, *key_option, *kind_option, *user_option;
static uint64_t limit = UINT64_MAX;
static const struct vt_option options[] = {
	VT_TEXT(0, "dir", "DIR", &dir_option, "the log's folder (STORE/audit)"),
	VT_TEXT(0, "head", "FILE", &head_option, "verify: continues this older head ('-': stdin)"),
	VT_TEXT(0, "key", "KEY", &key_option, "verify: begins with this public key"),
	VT_TEXT(0, "kind", "KIND", &kind_option, "list: only these, as 'lease' or 'lease.end'"),
	VT_TEXT(0, "user", "USER", &user_option, "list: only records of this user or uid"),
	VT_NUMBER('n', "number", "N", &limit, "list: the newest N records only"),
	{0},
};

static int log_folder(const struct vt_cli *cli, char out[PATH_LEN], struct vt_error *err)
{
	int len = dir_option ? snprintf(out, PATH_LEN, "%s", dir_option)
			     : snprintf(out, PATH_LEN, "%s/audit", cli->store);

	return len < PATH_LEN ? 0 : vt_fail(err, ENAMETOOLONG, "the log's folder has a long name");
}

/* ---- records -------------------------------------------------------------------------------- */

typedef int record_fn(void *context, const struct vt_audit_line *line, const char *text, size_t len,
		      struct vt_error *err);

/* Calls `each` for the records of the log, oldest first. Non-zero ends it and is returned. */
static int each_record(const struct vt_cli *cli, record_fn *each, void *context,
		       struct vt_error *err)
{
	vt_cleanup(vt_audit_reader_closep) struct vt_audit_reader *reader = NULL;
	struct vt_audit_line line;
	char dir[PATH_LEN];
	const char *text;
	size_t len;
	int r = log_folder(cli, dir, err);

	if (r == 0)
		r = vt_audit_reader_open(dir, &reader, err);
	while (r == 0 && (r = vt_audit_reader_line(reader, &text, &len, err)) == 1) {
		r = vt_audit_line_parse(text, len, &line, err);
		r = r < 0 ? vt_fail_in(err, r,
				       "a record of the audit log (see 'vitrine audit verify')")
			  : each(context, &line, text, len, err);
	}
	return r;
}

static int export_record(void *context, const struct vt_audit_line *line, const char *text,
			 size_t len, struct vt_error *err)
{
	if (fwrite(text, 1, len, stdout) != len || putchar('\n') == EOF)
		return vt_fail(err, errno ? errno : EIO, "cannot write the results: %m");
	return 0;
}

static int export_log(struct vt_cli *cli, struct vt_error *err)
{
	return each_record(cli, export_record, NULL, err);
}

/* ---- list ----------------------------------------------------------------------------------- */

static bool kind_matches(const struct vt_audit_line *line)
{
	size_t len = kind_option ? strlen(kind_option) : 0;
	char kind[64];

	vt_audit_line_text(line, "kind", kind, sizeof kind);
	return !kind_option ||
	       (strncmp(kind, kind_option, len) == 0 && (kind[len] == '\0' || kind[len] == '.'));
}

static bool user_matches(const struct vt_audit_line *line)
{
	char uid[24];

	(void) snprintf(uid, sizeof uid, "%" PRId64, vt_audit_line_number(line, "uid", -1));
	return !user_option || vt_audit_line_is(line, "user", user_option) ||
	       strcmp(uid, user_option) == 0;
}

static bool has_key(const struct vt_audit_field *field, const char *key)
{
	return field->key_len == strlen(key) && memcmp(field->key, key, field->key_len) == 0;
}

static bool is_one_of(const struct vt_audit_field *field, const char *const *keys)
{
	while (*keys && !has_key(field, *keys))
		keys++;
	return *keys != NULL;
}

/* A member as people read it; nothing when it says nothing to them. */
static void say_value(const struct vt_audit_field *field, struct vt_buf *out)
{
	static const char *const times[] = {"since", "until", "from", NULL};
	bool is_number = field->type == VT_AUDIT_NUMBER;
	char when[VT_TIME_TEXT], local[32];
	const char *end;

	if (is_number && is_one_of(field, times)) {
		vt_time_format((uint64_t) field->number, when);
		vt_format_time(when, local);
		vt_buf_printf(out, "%s", field->number ? local : "");
	} else if (is_number && has_key(field, "how")) {
		end = vt_lease_end_name((enum vt_lease_end) field->number);
		vt_buf_printf(out, "%s", end ? end : "");
	} else {
		vt_buf_put(out, field->value, field->len);
	}
}

/* What has no column of its own, as KEY=VALUE; all of it there is with --json. */
static void describe(const struct vt_audit_line *line, struct vt_buf *out)
{
	static const char *const left_out[] = {"kind", "seq",  "t",    "user",      "object",
					       "ds",   "ver",  "at",   "positions", "first",
					       "last", "boot", "edge", "public",    NULL};
	bool named = vt_audit_line_find(line, "user") != NULL;

	for (size_t i = 0; i < line->count; i++) {
		const struct vt_audit_field *field = &line->fields[i];
		vt_cleanup(vt_buf_done) struct vt_buf value = VT_BUF_INIT;

		if (is_one_of(field, left_out) || (named && has_key(field, "uid")))
			continue;
		say_value(field, &value);
		if (value.len)
			vt_buf_printf(out, "%s%.*s=%.*s", out->len ? " " : "", (int) field->key_len,
				      field->key, (int) value.len, (const char *) value.data);
	}
	vt_buf_put_u8(out, '\0');
}

static json_t *make_row(const struct vt_audit_line *line)
{
	vt_cleanup(vt_buf_done) struct vt_buf details = VT_BUF_INIT;
	char kind[64], user[256], object[512];
	json_t *row;

	describe(line, &details);
	if (vt_buf_failed(&details))
		return NULL;
	vt_audit_line_text(line, "kind", kind, sizeof kind);
	vt_audit_line_text(line, "user", user, sizeof user);
	vt_audit_line_text(line, "object", object, sizeof object);
	row = json_pack("{s:I, s:s, s:s, s:s, s:s}", "seq", (json_int_t) line->seq, "kind", kind,
			"user", user, "object", object, "details", (const char *) details.data);
	if (row)
		(void) vt_json_set_time(row, "time", line->time_ns);
	return row;
}

struct listing {
	const struct vt_cli *cli;
	struct vt_grid *grid;
	uint64_t skip; /* matching records that are left out */
	uint64_t count;
};

static int count_record(void *context, const struct vt_audit_line *line, const char *text,
			size_t len, struct vt_error *err)
{
	struct listing *listing = context;

	listing->count += kind_matches(line) && user_matches(line);
	return 0;
}

/* As JSON a record is shown as it stands in the log. */
static int list_record(void *context, const struct vt_audit_line *line, const char *text,
		       size_t len, struct vt_error *err)
{
	vt_cleanup(vt_json_freep) json_t *row = NULL;
	struct listing *listing = context;

	if (!kind_matches(line) || !user_matches(line) || listing->count++ < listing->skip)
		return 0;
	if (listing->cli->json)
		return export_record(NULL, line, text, len, err);
	row = make_row(line);
	if (!row || vt_grid_row(listing->grid, row, NULL, 0) < 0)
		return vt_fail(err, ENOMEM, "no memory for the records");
	return 0;
}

static int list(struct vt_cli *cli, struct vt_error *err)
{
	static const struct vt_column columns[] = {
		{"SEQ", "seq", VT_COLUMN_TEXT},
		{"TIME", "time", VT_COLUMN_TIME},
		{"KIND", "kind", VT_COLUMN_TEXT},
		{"USER", "user", VT_COLUMN_TEXT},
		{"OBJECT", "object", VT_COLUMN_TEXT},
		{"DETAILS", "details", VT_COLUMN_TEXT},
		{0},
	};
	vt_cleanup(vt_grid_freep) struct vt_grid *grid = NULL;
	struct listing listing = {.cli = cli};
	int r = vt_grid_new(cli, columns, &grid, err);

	if (r == 0 && limit != UINT64_MAX)
		r = each_record(cli, count_record, &listing, err);
	if (r < 0)
		return r;
	listing.grid = grid;
	listing.skip = listing.count > limit ? listing.count - limit : 0;
	listing.count = 0;
	r = each_record(cli, list_record, &listing, err);
	if (r == 0)
		vt_grid_print(grid);
	return r;
}

/* ---- head and verify ------------------------------------------------------------------------ */

/* The last checkpoint of a segment, if it has one: 1, and its text. */
static int last_note(const struct vt_audit_segment *segment, struct vt_checkpoint *out,
		     struct vt_buf *text, struct vt_error *err)
{
	struct vt_checkpoint note;
	size_t at = 0, used = 0;
	int found = 0, r = 0;

	for (; at < segment->notes.len; at += used) {
		const char *from = (const char *) segment->notes.data + at;

		r = vt_checkpoint_parse(from, segment->notes.len - at, &note, &used, err);
		if (r == -EAGAIN)
			break; /* it is being written */
		if (r < 0)
			return vt_fail_in(err, r, "a checkpoint of '%s'", segment->name);
		*out = note;
		vt_buf_reset(text);
		vt_buf_put(text, from, used);
		found = 1;
	}
	return found;
}

static int print_head(struct vt_cli *cli, struct vt_error *err)
{
	vt_cleanup(vt_audit_reader_closep) struct vt_audit_reader *reader = NULL;
	vt_cleanup(vt_buf_done) struct vt_buf text = VT_BUF_INIT;
	const struct vt_audit_segment *segment;
	struct vt_checkpoint note = {.size = 0};
	char dir[PATH_LEN], root[VT_DIGEST_HEX];
	int r = log_folder(cli, dir, err);

	if (r == 0)
		r = vt_audit_reader_open(dir, &reader, err);
	while (r >= 0 && (r = vt_audit_reader_segment(reader, &segment, err)) == 1)
		r = last_note(segment, &note, &text, err);
	if (r < 0)
		return r;
	if (note.size == 0)
		return vt_fail(err, ENOENT, "the audit log in '%s' has no checkpoint yet", dir);
	if (!cli->json)
		return fwrite(text.data, 1, text.len, stdout) == text.len
			       ? 0
			       : vt_fail(err, errno ? errno : EIO, "cannot write the results: %m");
	vt_buf_put_u8(&text, '\0');
	vt_digest_format(&note.root, root);
	vt_cleanup(vt_json_freep) json_t *line =
		json_pack("{s:s, s:I, s:s, s:s}", "origin", note.origin, "records",
			  (json_int_t) note.size, "root", root, "note", (const char *) text.data);
	vt_print_json(line);
	return 0;
}

static int read_head(char out[HEAD_MAX], struct vt_error *err)
{
	bool is_stdin = strcmp(head_option, "-") == 0;
	FILE *file = is_stdin ? stdin : fopen(head_option, "re");
	size_t len;

	if (!file)
		return vt_fail(err, errno, "cannot read '%s': %m", head_option);
	len = fread(out, 1, HEAD_MAX - 1, file);
	out[len] = '\0';
	if (!is_stdin)
		(void) fclose(file);
	return 0;
}

static void print_finding(void *context, uint64_t seq, bool warning, const char *text)
{
	const struct vt_cli *cli = context;
	vt_cleanup(vt_json_freep) json_t *line = json_pack(
		"{s:I, s:s}", "seq", (json_int_t) seq, "severity", warning ? "warning" : "problem");

	(void) vt_json_set_text(line, "problem", text, strlen(text));
	if (cli->json) {
		vt_print_json(line);
		return;
	}
	(void) printf("%s%s%s  record %" PRIu64 ": ", vt_colour(warning ? VT_YELLOW : VT_RED),
		      warning ? "warning" : "problem", vt_colour(VT_PLAIN), seq);
	vt_print_name(stdout, text, strlen(text));
	(void) putchar('\n');
}

static int print_verdict(const struct vt_cli *cli, const struct vt_audit_verdict *v,
			 struct vt_error *err)
{
	char root[VT_DIGEST_HEX], records[32];
	vt_cleanup(vt_json_freep) json_t *line = NULL;

	vt_digest_format(&v->root, root);
	vt_format_count(v->records, records);
	line = json_pack("{s:{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:s, s:s}}", "summary",
			 "origin", v->origin, "records", (json_int_t) v->records, "signed",
			 (json_int_t) v->signed_records, "segments", (json_int_t) v->segments,
			 "checkpoints", (json_int_t) v->checkpoints, "keys", (json_int_t) v->keys,
			 "lost", (json_int_t) v->lost, "problems", (json_int_t) v->problems,
			 "warnings", (json_int_t) v->warnings, "root", root, "key", v->first_key);
	if (cli->json)
		vt_print_json(line);
	if (v->problems > 0)
		return vt_fail(err, EBADMSG,
			       "the audit log is not what was written, from record %" PRIu64 " on",
			       v->first_bad);
	vt_say(cli, "%s records, %" PRIu64 " checkpoints, %" PRIu64 " keys: all sound", records,
	       v->checkpoints, v->keys);
	vt_say(cli, "first key  %s", v->first_key);
	return 0;
}

static int verify(struct vt_cli *cli, struct vt_error *err)
{
	static char head[HEAD_MAX];
	const char *heads[] = {head};
	char dir[PATH_LEN];
	struct vt_audit_verify ask = {.dir = dir,
				      .heads = heads,
				      .head_count = head_option ? 1 : 0,
				      .key = key_option,
				      .finding = print_finding,
				      .context = cli};
	struct vt_audit_verdict verdict;
	int r = log_folder(cli, dir, err);

	if (r == 0 && head_option)
		r = read_head(head, err);
	if (r == 0)
		r = vt_audit_verify(&ask, &verdict, err);
	return r < 0 ? r : print_verdict(cli, &verdict, err);
}

/* ---- who-read ------------------------------------------------------------------------------- */

static int who_record(void *who, const struct vt_audit_line *line, const char *text, size_t len,
		      struct vt_error *err)
{
	return vt_who_read_take(who, line, err);
}

static int who_read(struct vt_cli *cli, struct vt_error *err)
{
	vt_cleanup(vt_who_read_freep) struct vt_who_read *who = NULL;
	struct vt_target target;
	int r;

	if (cli->argc < 2)
		return vt_misused(cli, err, "'who-read' needs DATASET[@VERSION][:PATH]");
	r = vt_target_parse(cli->argv[1], &target, err);
	if (r == 0)
		r = vt_who_read_new(cli, &target, &who, err);
	if (r == 0)
		r = each_record(cli, who_record, who, err);
	return r < 0 ? r : vt_who_read_print(who, err);
}

static int run(struct vt_cli *cli, struct vt_error *err)
{
	static const struct {
		const char *name;
		int (*run)(struct vt_cli *cli, struct vt_error *err);
		int args;
	} acts[] = {
		{"list", list, 1},     {"export", export_log, 1}, {"head", print_head, 1},
		{"verify", verify, 1}, {"who-read", who_read, 2},
	};

	for (size_t i = 0; i < sizeof acts / sizeof *acts; i++) {
		if (strcmp(cli->argv[0], acts[i].name) != 0)
			continue;
		if (cli->argc > acts[i].args)
			return vt_misused(cli, err, "'%s' is one argument too many",
					  cli->argv[acts[i].args]);
		return acts[i].run(cli, err);
	}
	return vt_misused(cli, err, "'%s' is none of list, export, head, verify and who-read",
			  cli->argv[0]);
}

const struct vt_command vt_cmd_audit = {
	.name = "audit",
	.synopsis = "list|export|head|verify|who-read [DATASET...]",
	.summary = "Show who read and who changed what, and check that record",
	.details = "list: the records. export: the lines as they are. head: the last signed\n"
		   "checkpoint, to note down elsewhere. verify: is the log what was written?\n"
		   "(exit 5: no). who-read: who opened files of a dataset, when, by which rule.\n"
		   "Reads the log's folder: needs the owner of the store, or root.",
	.options = options,
	.min_args = 1,
	.max_args = 2,
	.run = run,
};
