/* SPDX-License-Identifier: Apache-2.0 */
/* `vitrine cat`: bytes of stored files to standard output, without a mount. */
#include <stdio.h>

#include "index/base/error.h"
#include "tools/commands.h"
#include "tools/target.h"

static int write_blob(void *context, const json_t *row, const void *blob, size_t blob_len)
{
	return fwrite(blob, 1, blob_len, stdout) == blob_len ? 0 : -1;
}

static int run(struct vt_cli *cli, struct vt_error *err)
{
	struct vt_target target;
	int r;

	for (int i = 0; i < cli->argc; i++) {
		r = vt_target_parse(cli->argv[i], &target, err);
		if (r < 0)
			return r;
		if (!target.path || target.path_len == 0)
			return vt_misused(cli, err,
					  "'%s' names no file: write DATASET[@VERSION]:PATH",
					  cli->argv[i]);
		r = vt_cli_call(cli, "cat", vt_target_args(&target), write_blob, NULL, NULL, err);
		if (r < 0)
			return r;
	}
	return 0;
}

const struct vt_command vt_cmd_cat = {
	.name = "cat",
	.synopsis = "DATASET[@VERSION]:PATH ...",
	.summary = "Write the bytes of files to standard output, without a mount",
	.min_args = 1,
	.max_args = -1,
	.run = run,
};
