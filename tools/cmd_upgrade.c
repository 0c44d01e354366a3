/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `vitrine upgrade`: what is installed now in place of what serves the store, under its mounts. The
 * server passes the new executable to its keeper and makes way; who answers next is asked which
 * program it is.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>

#include "fs/holdings.h"
#include "fs/program.h"
#include "index/base/clock.h"
#include "index/base/error.h"
#include "tools/commands.h"
#include "tools/output.h"

#define PATIENCE_MS 60000 /* for requests under way, and for the index to open */
#define STEP_MS     20
#define TRIES       20 /* to be first where the next command starts the next server */

/* Asks the server that there is; `begin`: to make way. */
static int ask(struct vt_cli *cli, bool begin, json_t **result, struct vt_error *err)
{
	char path[PATH_MAX], form[VT_HOLDINGS_FORM_MAX];
	struct vt_call call = {.op = "upgrade"};
	vt_autoclose int program = -1;
	int r = vt_program_find(VT_PROGRAM_STORE, path, err);

	if (r < 0)
		return r;
	call.fd = program = open(path, O_PATH | O_CLOEXEC);
	if (program < 0)
		return vt_fail(err, errno, "cannot open '%s': %m", path);
	vt_holdings_form(form);
	call.args = json_pack("{s:s, s:b}", "form", form, "begin", begin);
	return vt_client_call(cli->client, &call, result, err);
}

/* Whoever serves after `before`; until its end that one may still answer, or hang up. */
static int ask_successor(struct vt_cli *cli, json_int_t before, json_t **result,
			 struct vt_error *err)
{
	int r;

	for (int waited = 0;; waited += STEP_MS) {
		vt_cli_done(cli);
		r = vt_cli_connect(cli, err);
		if (r == 0)
			r = ask(cli, false, result, err);
		if (r == 0 && vt_json_count(*result, "pid") != before)
			return 0;
		if (waited >= PATIENCE_MS)
			break;
		if (r == 0)
			json_decref(vt_steal(result));
		(void) poll(NULL, 0, STEP_MS);
	}
	return r < 0 ? r
		     : vt_fail(err, ETIMEDOUT, "the server, pid %lld, still works after %d s",
			       (long long) before, PATIENCE_MS / 1000);
}

static bool is_this_program(const json_t *server)
{
	return json_is_true(json_object_get(server, "same"));
}

/* Who serves makes way unless it is this program; *now: who serves then. */
static int make_way(struct vt_cli *cli, json_t **before, json_t **now, struct vt_error *err)
{
	int r = vt_cli_connect(cli, err);

	if (r == 0)
		r = ask(cli, true, before, err);
	if (r < 0)
		return r;
	if (!is_this_program(*before))
		return ask_successor(cli, vt_json_count(*before, "pid"), now, err);
	*now = json_incref(*before);
	return 0;
}

/*
 * Mounts are handed to the new program, and back if it fails. Without any the next command starts
 * the next server, and that may be a command of the old program; or the server was ending already,
 * for another upgrade.
 */
static bool came_late(int r, const json_t *now)
{
	if (r < 0)
		return r == -ECONNREFUSED || r == -ECONNRESET;
	return !is_this_program(now) && vt_json_count(now, "mounts") == 0;
}

static int explain_failure(const struct vt_cli *cli, const json_t *now, struct vt_error *err)
{
	if (vt_json_count(now, "mounts") == 0)
		return vt_fail(err, EBUSY,
			       "other commands start another program (%s) for %s time and again: "
			       "end them, and upgrade then",
			       vt_json_text(now, "version", "?"), cli->store);
	return vt_fail(err, EIO,
		       "the new program could not take over, and the old one (%s) serves on: "
		       "%s/run/server.log says why",
		       vt_json_text(now, "version", "?"), cli->store);
}

static int replace(struct vt_cli *cli, json_t **now, struct vt_error *err)
{
	vt_cleanup(vt_json_freep) json_t *before = NULL;
	uint64_t begun = vt_clock_monotonic_ns();
	int r = make_way(cli, &before, now, err);

	for (int i = 1; i < TRIES && came_late(r, *now); i++) {
		json_decref(vt_steal(&before));
		json_decref(vt_steal(now));
		vt_cli_done(cli);
		r = make_way(cli, &before, now, err);
	}
	if (r < 0)
		return r;
	if (!is_this_program(*now))
		return explain_failure(cli, *now, err);
	if (is_this_program(before))
		vt_say(cli, "The server of %s, pid %lld, is this program already.", cli->store,
		       (long long) vt_json_count(*now, "pid"));
	else
		vt_say(cli, "Version %s has become %s: pid %lld, %lld mount(s), in %.2f s.",
		       vt_json_text(before, "version", "?"), vt_json_text(*now, "version", "?"),
		       (long long) vt_json_count(*now, "pid"),
		       (long long) vt_json_count(*now, "mounts"),
		       (double) (vt_clock_monotonic_ns() - begun) / 1e9);
	return 0;
}

static int run(struct vt_cli *cli, struct vt_error *err)
{
	vt_cleanup(vt_json_freep) json_t *now = NULL;
	int r = vt_client_connect(cli->store, false, &cli->client, err);

	if (r == -ECONNREFUSED) {
		vt_say(cli, "No server runs for %s; the next command starts this program.",
		       cli->store);
		now = json_object();
		r = 0;
	} else if (r == 0) {
		r = replace(cli, &now, err);
	}
	if (r == 0 && cli->json)
		vt_print_json(now);
	return r;
}

const struct vt_command vt_cmd_upgrade = {
	.name = "upgrade",
	.synopsis = "",
	.summary = "Put this program in the place of the server that runs",
	.details =
		"After a new version was installed. Mounts go on, and who reads notices nothing\n"
		"but a pause; should the new program fail, the old one takes its place again.\n"
		"For the store's owner and root.",
	.run = run,
};
