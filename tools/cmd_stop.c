/* SPDX-License-Identifier: Apache-2.0 */
/* `vitrine stop`: ends the server of a store, for a copy, or to remove the store. */
#include <errno.h>
#include <poll.h>
#include <sys/syscall.h>

#include "index/base/error.h"
#include "tools/commands.h"
#include "tools/mount_search.h"
#include "tools/output.h"

#define STOP_MS   30000 /* requests under way may take that long */
#define NOTICE_MS 10000 /* what was unmounted the server notices a moment later */
#define STEP_MS   50

/* By pidfd: the number may be another process's once it is gone. */
static int wait_for_end(int pidfd, long long pid, struct vt_error *err)
{
	struct pollfd watch = {.fd = pidfd, .events = POLLIN};

	if (pidfd >= 0 && poll(&watch, 1, STOP_MS) != 1)
		return vt_fail(err, ETIMEDOUT, "the server, pid %lld, still works after %d s", pid,
			       STOP_MS / 1000);
	return 0;
}

static bool is_mounted(const struct vt_cli *cli)
{
	vt_cleanup(vt_json_freep) json_t *found = NULL;

	return vt_mount_search(cli->store, NULL, &found, NULL) < 0 || json_array_size(found) > 0;
}

/* The server's status, as soon as it serves no mount that is gone. */
static int ask_status(struct vt_cli *cli, json_t **out, struct vt_error *err)
{
	for (int waited = 0;; waited += STEP_MS) {
		vt_cleanup(vt_json_freep) json_t *status = NULL;
		int r = vt_cli_call(cli, "status", NULL, NULL, NULL, &status, err);

		if (r < 0)
			return r;
		if (vt_json_count(status, "mounts") == 0 || waited >= NOTICE_MS ||
		    is_mounted(cli)) {
			*out = vt_steal(&status);
			return 0;
		}
		(void) poll(NULL, 0, STEP_MS);
	}
}

static int stop(struct vt_cli *cli, struct vt_error *err)
{
	vt_cleanup(vt_json_freep) json_t *status = NULL;
	vt_autoclose int pidfd = -1;
	long long mounts;
	int r = ask_status(cli, &status, err);

	if (r < 0)
		return r;
	mounts = vt_json_count(status, "mounts");
	if (mounts > 0)
		return vt_fail(err, EBUSY,
			       "%lld mount(s) need the server: 'vitrine umount --all' first",
			       mounts);
	pidfd = (int) syscall(SYS_pidfd_open, (pid_t) vt_json_count(status, "pid"), 0);
	r = vt_cli_call(cli, "stop", NULL, NULL, NULL, NULL, err);
	vt_cli_done(cli);
	if (r >= 0 || r == -ECONNREFUSED)
		r = wait_for_end(pidfd, vt_json_count(status, "pid"), err);
	return r;
}

static int run(struct vt_cli *cli, struct vt_error *err)
{
	vt_cleanup(vt_json_freep) json_t *line = json_pack("{s:s}", "store", cli->store);
	int r = vt_client_connect(cli->store, false, &cli->client, err);

	if (r == 0)
		r = stop(cli, err);
	if (r < 0 && r != -ECONNREFUSED) /* else it has gone, if need be by itself, meanwhile */
		return r;
	if (cli->json)
		vt_print_json(line);
	vt_say(cli, "No server runs for %s.", cli->store);
	return 0;
}

const struct vt_command vt_cmd_stop = {
	.name = "stop",
	.synopsis = "",
	.summary = "End the server of the store; the next command starts one again",
	.details = "For a copy, or before the store is removed. It is refused while the store is\n"
		   "mounted. A new version of the program does not need it: 'vitrine upgrade'.",
	.run = run,
};
