/* SPDX-License-Identifier: Apache-2.0 */
/* The program that works on stores: every command, the server and the keeper among them. */
#include "tools/commands.h"

int main(int argc, char **argv)
{
	return vt_main(argc, argv, false);
}
