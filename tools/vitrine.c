/* SPDX-License-Identifier: Apache-2.0 */
/* The `vitrine` program. */
#include <stdio.h>

int main(void)
{
	(void) puts("vitrine " VT_VERSION);
	return 0;
}
