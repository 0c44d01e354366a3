/* SPDX-License-Identifier: Apache-2.0 */
/* `vitrine whoami`: who the server takes the caller for. */
#include "index/base/error.h"
#include "tools/commands.h"
#include "tools/output.h"

static int run(struct vt_cli *cli, struct vt_error *err)
{
	static const struct vt_column columns[] = {
		{"uid", "uid", VT_COLUMN_TEXT},
		{"name", "name", VT_COLUMN_TEXT},
		{"partners", "partners", VT_COLUMN_LIST},
		{0},
	};
	vt_cleanup(vt_json_freep) json_t *result = NULL;
	int r = vt_print_result(cli, "whoami", NULL, &result, err);

	if (r < 0 || cli->json)
		return r;
	vt_print_record(result, columns);
	if (json_is_true(json_object_get(result, "administers_store")))
		vt_say(cli, "You administer the store.");
	if (json_is_true(json_object_get(result, "stale")))
		vt_say(cli,
		       "This uid was another user's when it was named: nothing of theirs is yours.");
	return 0;
}

const struct vt_command vt_cmd_whoami = {
	.name = "whoami",
	.synopsis = "",
	.summary = "Show who the server takes you for",
	.run = run,
};
