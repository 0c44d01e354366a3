/* SPDX-License-Identifier: Apache-2.0 */
/* The program that works on stores, as the server and the keeper do; without_publish.c. */
#include "tools/commands.h"

int main(int argc, char **argv)
{
	return vt_main(argc, argv, VT_PROGRAM_STORE);
}
