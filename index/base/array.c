/* SPDX-License-Identifier: Apache-2.0 */
/* See array.h. Pointers of all types look alike: memcpy() reads one without saying of which. */
#include "index/base/array.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ROOM_MIN 8u

int vt_array_grow(void *items, size_t *room, size_t size, size_t count)
{
	size_t wanted = *room ? 2 * *room : ROOM_MIN;
	void *old, *more;

	if (count <= *room)
		return 0;
	if (wanted < count)
		wanted = count;
	memcpy(&old, items, sizeof old);
	more = reallocarray(old, wanted, size);
	if (!more)
		return -ENOMEM;
	memcpy(items, &more, sizeof more);
	*room = wanted;
	return 0;
}
