/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The program that people call. It describes and completes every command, but has neither RocksDB
 * nor libarchive, which take 10 ms to load: without_store.c and without_publish.c stand for what
 * needs them, and those commands are passed on (cli.h, `program`).
 */
#include "fs/confine.h"
#include "tools/commands.h"

/* It confines nothing, and needs no libseccomp. */
void vt_confine(const struct vt_bounds *bounds, struct vt_confinement *out)
{
}

int main(int argc, char **argv)
{
	return vt_main(argc, argv, VT_PROGRAM_CLIENT);
}
