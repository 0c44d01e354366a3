/* SPDX-License-Identifier: Apache-2.0 */
/*
 * In place of what opens a store, in programs that pass those commands on. What else would need it
 * fails to link.
 */
#include <errno.h>
#include <stdlib.h>

#include "fs/keeper.h"
#include "fs/server.h"
#include "index/base/error.h"
#include "index/index.h"

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

int vt_server_main(int argc, char **argv)
{
	return EXIT_FAILURE;
}

int vt_keeper_main(int argc, char **argv)
{
	return EXIT_FAILURE;
}
