/* SPDX-License-Identifier: Apache-2.0 */
/* The request that has another program, a newer one, take the place of this one under its mounts.
 */
#include "fs/holdings.h"
#include "fs/mount.h"
#include "fs/requests.h"
#include "fs/service.h"
#include "index/base/error.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

static int is_ours(int program, bool *out, struct vt_error *err)
{
	struct stat given, ours;

	if (program < 0)
		return vt_fail(err, EINVAL, "the request came without a program");
	if (fstat(program, &given) < 0 || stat("/proc/self/exe", &ours) < 0)
		return vt_fail(err, errno, "cannot look at the program: %m");
	if (!S_ISREG(given.st_mode))
		return vt_fail(err, EINVAL, "what came with the request is no program");
	*out = given.st_dev == ours.st_dev && given.st_ino == ours.st_ino;
	return 0;
}

/* Mounts of another form can only be ended; an import ends with its connection. */
static int check_time(struct vt_control_request *request, const char *form, struct vt_error *err)
{
	unsigned imports = request->connection->host->imports;
	char ours[VT_HOLDINGS_FORM_MAX];

	vt_holdings_form(ours);
	if (strcmp(form, ours) != 0)
		return vt_fail(
			err, ENOTSUP,
			"the server that runs (%s: %s) keeps its mounts in another form than "
			"the new program (%.80s): 'vitrine umount --all', 'vitrine stop', then "
			"mount again",
			VT_VERSION, ours, form);
	if (imports > 0)
		return vt_fail(err, EBUSY,
			       "%u publish(es) under way would be lost; upgrade when they are done",
			       imports);
	return 0;
}

/*
 * Begins it unless the program is the same, and with `begin` false only says whether it is. The end
 * of this process is the answer's sequel: who asked asks the next server.
 */
int vt_serve_upgrade(struct vt_control_request *request, struct vt_error *err)
{
	struct vt_host *host = request->connection->host;
	bool begin, same = false;
	const char *form;
	int r = vt_control_check_owner(request, "upgrade its server", err); /* it is run as them */

	if (r >= 0)
		r = vt_arg_text(request->args, "form", &form, err);
	if (r >= 0)
		r = vt_arg_flag(request->args, "begin", &begin, err);
	if (r >= 0)
		r = is_ours(request->message->fd, &same, err);
	if (r >= 0 && begin && !same)
		r = check_time(request, form, err);
	if (r >= 0 && begin && !same)
		r = host->upgrade(host, request->message->fd, err);
	if (r < 0)
		return r;
	request->result = json_pack("{s:i, s:b, s:s, s:I}", "pid", (int) getpid(), "same", same,
				    "version", VT_VERSION, "mounts",
				    (json_int_t) vt_sessions_count(request->service->sessions));
	return 0;
}
