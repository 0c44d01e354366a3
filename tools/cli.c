/* SPDX-License-Identifier: Apache-2.0 */
/* See cli.h. */
#include "tools/cli.h"

#include <errno.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "index/base/error.h"
#include "tools/output.h"

const struct vt_command *vt_command_find(const char *name)
{
	for (int i = 0; vt_commands[i]; i++)
		if (strcmp(vt_commands[i]->name, name) == 0)
			return vt_commands[i];
	return NULL;
}

const char *vt_cli_user_name(void)
{
	const struct passwd *user = getpwuid(getuid());

	return user ? user->pw_name : "";
}

void vt_cli_done(struct vt_cli *cli)
{
	vt_client_close(cli->client);
	cli->client = NULL;
}

int vt_cli_connect(struct vt_cli *cli, struct vt_error *err)
{
	if (cli->client)
		return 0;
	return vt_client_connect(cli->store, true, &cli->client, err);
}

static void say_none_runs(const struct vt_cli *cli)
{
	vt_cleanup(vt_json_freep) json_t *line =
		json_pack("{s:s, s:b}", "store", cli->store, "running", 0);

	if (cli->json)
		vt_print_json(line);
	vt_say(cli, "No server runs for %s; the next command that needs one starts it.",
	       cli->store);
}

int vt_cli_connect_running(struct vt_cli *cli, struct vt_error *err)
{
	int r = vt_client_connect(cli->store, false, &cli->client, err);

	if (r == -ECONNREFUSED) {
		say_none_runs(cli);
		return 0;
	}
	return r < 0 ? r : 1;
}

int vt_cli_call(struct vt_cli *cli, const char *op, json_t *args, vt_client_row *row, void *context,
		json_t **result, struct vt_error *err)
{
	const struct vt_call call = {.op = op, .args = args, .row = row, .context = context};
	int r = vt_cli_connect(cli, err);

	if (r < 0) {
		json_decref(args);
		return r;
	}
	r = vt_client_call(cli->client, &call, result, err);
	/* A row that could not be printed ends the call without words of its own. */
	if (r < 0 && ferror(stdout))
		return vt_fail(err, EIO, "cannot write the results");
	return r;
}

int vt_cli_call_anew(struct vt_cli *cli, const struct vt_call *call, json_t **result,
		     struct vt_error *err)
{
	int r;

	vt_cli_done(cli);
	r = vt_cli_connect(cli, err);
	if (r < 0) {
		json_decref(call->args);
		return r;
	}
	return vt_client_call(cli->client, call, result, err);
}

int vt_misused(const struct vt_cli *cli, struct vt_error *err, const char *format, ...)
{
	char sentence[512];
	va_list ap;

	va_start(ap, format);
	(void) vsnprintf(sentence, sizeof sentence, format, ap);
	va_end(ap);
	if (!cli->command)
		return vt_fail(err, EINVAL, "%s (see 'vitrine help')", sentence);
	return vt_fail(err, EINVAL, "%s (see 'vitrine %s --help')", sentence, cli->command->name);
}

enum vt_exit vt_exit_status(int r)
{
	switch (-r) {
	case EINVAL:
		return VT_EXIT_MISUSED;
	case EACCES:
	case EPERM:
		return VT_EXIT_DENIED;
	case ENOENT:
		return VT_EXIT_NOT_FOUND;
	case EBADMSG:
		return VT_EXIT_DAMAGED;
	case EBUSY:
		return VT_EXIT_HELD;
	default:
		return r < 0 ? VT_EXIT_FAILED : VT_EXIT_DONE;
	}
}
