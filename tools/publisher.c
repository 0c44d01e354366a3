/* SPDX-License-Identifier: Apache-2.0 */
/* The program that publishes: the only one that reads archives; without_store.c. */
#include "tools/commands.h"

int main(int argc, char **argv)
{
	return vt_main(argc, argv, VT_PROGRAM_PUBLISH);
}
