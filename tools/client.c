/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The program that people call. It describes and completes every command, but has neither RocksDB
 * nor libarchive, which take 10 ms to load: commands that need them are passed on (cli.h,
 * `works_on_store`). What only those call stands here in place of the libraries, so that they are
 * not linked; whatever else would need them fails to link.
 */
#include <errno.h>
#include <stdlib.h>

#include "fs/keeper.h"
#include "fs/server.h"
#include "index/base/error.h"
#include "index/index.h"
#include "tools/commands.h"
#include "tools/publish/publish.h"

static int refuse(struct vt_error *err)
{
	return vt_fail(err, ENOSYS, "the command was not passed on");
}

int vt_index_create(const char *dir, struct vt_error *err)
{
	return refuse(err);
}

int vt_index_accept_loss(const char *dir, struct vt_loss *out, struct vt_error *err)
{
	return refuse(err);
}

int vt_publish(struct vt_publish_backend *backend, const struct vt_import_info *info,
	       const char *dataset, const char *as, const struct vt_publish_options *options,
	       struct vt_publish_result *out, struct vt_error *err)
{
	return refuse(err);
}

int vt_server_main(int argc, char **argv)
{
	return EXIT_FAILURE;
}

int vt_keeper_main(int argc, char **argv)
{
	return EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	return vt_main(argc, argv, true);
}
