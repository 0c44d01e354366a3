/* SPDX-License-Identifier: Apache-2.0 */
/* `vitrine lease`: a space, a dataset or a version for one reader alone, for a time. */
#include <errno.h>
#include <string.h>

#include "index/base/clock.h"
#include "index/base/error.h"
#include "tools/commands.h"
#include "tools/options.h"
#include "tools/output.h"
#include "tools/words.h"

#define LENGTH_DEFAULT "8h"

static const char *length = LENGTH_DEFAULT, *user, *reason = "";
static bool wait_for_it, all, push;
static const struct vt_option options[] = {
	VT_TEXT(0, "for", "LENGTH", &length, "how long from now: 90s, 30m, 8h, 7d (8h)"),
	VT_TEXT(0, "user", "NAME", &user, "acquire: for somebody else (admin)"),
	VT_FLAG(0, "wait", &wait_for_it, "acquire: stand in line while another holds it"),
	VT_FLAG(0, "push", &push, "renew: even if others wait (admin)"),
	VT_TEXT('m', "reason", "TEXT", &reason, "break: why, for the holder and the log"),
	VT_FLAG('a', "all", &all, "list: those that ended, too"),
	{0},
};

static json_t *object_args(const struct vt_cli *cli)
{
	return json_pack("{s:s}", "object", cli->argv[1]);
}

static void say_lease(const struct vt_cli *cli, const json_t *lease)
{
	const char *state = vt_json_text(lease, "state", "");
	char until[32];

	vt_format_time(vt_json_text(lease, "until", ""), until);
	if (strcmp(state, "active") == 0)
		vt_say(cli, "%s is %s's alone until %s (lease %lld, fence %lld)",
		       vt_json_text(lease, "object", ""), vt_json_text(lease, "holder", ""), until,
		       (long long) vt_json_count(lease, "lease"),
		       (long long) vt_json_count(lease, "fence"));
	else
		vt_say(cli, "the lease on %s has ended: %s", vt_json_text(lease, "object", ""),
		       vt_json_text(lease, "end", state));
}

static int ask(struct vt_cli *cli, const char *op, json_t *args, struct vt_error *err)
{
	vt_cleanup(vt_json_freep) json_t *lease = NULL;
	int r = vt_print_result(cli, op, args, &lease, err);

	if (r == 0)
		say_lease(cli, lease);
	return r;
}

/* ---- the words ------------------------------------------------------------------------------- */

/* A row comes when there is a line to stand in. */
static int note_waiting(void *context, const json_t *row, const void *blob, size_t blob_len)
{
	const struct vt_cli *cli = context;
	const char *holder = vt_json_text(row, "behind", NULL);
	char until[32];

	if (cli->quiet || cli->json)
		return 0;
	vt_format_time(vt_json_text(row, "behind_until", ""), until);
	(void) fprintf(stderr, "vitrine: waiting for %s%s%s%s%s; Ctrl-C gives it up\n",
		       vt_json_text(row, "object", ""), holder ? ", which is leased to " : "",
		       holder ? holder : "", holder ? " until " : "", holder ? until : "");
	return 0;
}

static int acquire(struct vt_cli *cli, struct vt_error *err)
{
	vt_cleanup(vt_json_freep) json_t *lease = NULL;
	json_t *args;
	uint64_t ns;
	int r = vt_length_parse(cli, length, &ns, err);

	if (r < 0)
		return r;
	args = json_pack("{s:s, s:I, s:b, s:s*}", "object", cli->argv[1], "length", (json_int_t) ns,
			 "wait", wait_for_it, "user", user);
	r = vt_cli_call(cli, "lease.acquire", args, note_waiting, cli, &lease, err);
	if (r < 0)
		return r;
	if (cli->json)
		vt_print_json(lease);
	say_lease(cli, lease);
	return 0;
}

static int renew(struct vt_cli *cli, struct vt_error *err)
{
	json_t *args;
	uint64_t ns;
	int r = vt_length_parse(cli, length, &ns, err);

	if (r < 0)
		return r;
	args = object_args(cli);
	(void) json_object_set_new(args, "until",
				   json_integer((json_int_t) (vt_clock_realtime_ns() + ns)));
	(void) json_object_set_new(args, "push", json_boolean(push));
	return ask(cli, "lease.renew", args, err);
}

static int release(struct vt_cli *cli, struct vt_error *err)
{
	return ask(cli, "lease.release", object_args(cli), err);
}

static int break_it(struct vt_cli *cli, struct vt_error *err)
{
	json_t *args = object_args(cli);

	(void) json_object_set_new(args, "reason", json_string(reason));
	return ask(cli, "lease.break", args, err);
}

static int list(struct vt_cli *cli, struct vt_error *err)
{
	static const struct vt_column columns[] = {
		{"LEASE", "lease", VT_COLUMN_COUNT},
		{"OBJECT", "object", VT_COLUMN_TEXT},
		{"STATE", "state", VT_COLUMN_TEXT},
		{"HOLDER", "holder", VT_COLUMN_TEXT},
		{"SINCE", "since", VT_COLUMN_TIME},
		{"UNTIL", "until", VT_COLUMN_TIME},
		{"END", "end", VT_COLUMN_TEXT},
		{"REASON", "reason", VT_COLUMN_TEXT},
		{0},
	};
	json_t *args =
		json_pack("{s:b, s:s*}", "all", all, "object", cli->argc > 1 ? cli->argv[1] : NULL);
	int r = vt_print_rows(cli, "leases", args, columns, err);

	return r < 0 ? r : 0;
}

static const struct {
	const char *word;
	bool object; /* it must be named */
	int (*run)(struct vt_cli *cli, struct vt_error *err);
} words[] = {{"acquire", true, acquire}, {"renew", true, renew}, {"release", true, release},
	     {"break", true, break_it},  {"list", false, list},  {"show", true, list}};

static int run(struct vt_cli *cli, struct vt_error *err)
{
	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		if (strcmp(cli->argv[0], words[i].word) != 0)
			continue;
		if (words[i].object && cli->argc < 2)
			return vt_misused(cli, err,
					  "say of what: DATASET, DATASET@VERSION, SPACE/**");
		return words[i].run(cli, err);
	}
	return vt_misused(cli, err, "'%s': there are acquire, renew, release, break, list, show",
			  cli->argv[0]);
}

const struct vt_command vt_cmd_lease = {
	.name = "lease",
	.synopsis = "acquire|renew|release|break|list|show [OBJECT]",
	.summary = "Hold data alone for a time",
	.details = "While somebody holds OBJECT (DATASET, DATASET@VERSION, SPACE/**) nobody else\n"
		   "sees or reads it; what others were granted comes back when the lease ends.\n"
		   "Whoever may read by name or group may lease, unless denied; who administers\n"
		   "it may break it.",
	.options = options,
	.min_args = 1,
	.max_args = 2,
	.run = run,
};
