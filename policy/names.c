/* SPDX-License-Identifier: Apache-2.0 */
/* See book.h: what has a name of its own, whatever the store holds: rights, ends of leases. */
#include <errno.h>
#include <string.h>

#include "index/base/error.h"
#include "policy/book.h"

static const char *const right_names[] = {
	[VT_RIGHT_BROWSE] = "browse", [VT_RIGHT_READ] = "read",   [VT_RIGHT_LEASE] = "lease",
	[VT_RIGHT_CURATE] = "curate", [VT_RIGHT_ADMIN] = "admin", [VT_RIGHT_SEE] = "see",
};

const char *vt_right_name(enum vt_right right)
{
	return (unsigned) right <= VT_RIGHT_SEE ? right_names[right] : "(of a newer vitrine)";
}

int vt_right_parse(const char *text, enum vt_right *out, struct vt_error *err)
{
	for (unsigned i = 0; i <= VT_RIGHT_SEE; i++)
		if (strcmp(text, right_names[i]) == 0) {
			*out = (enum vt_right) i;
			return 0;
		}
	return vt_fail(err, EINVAL,
		       "'%.40s' is no right; there are browse, read, lease, curate, admin", text);
}

const char *vt_lease_end_name(enum vt_lease_end end)
{
	switch (end) {
	case VT_LEASE_END_NONE:
		break;
	case VT_LEASE_END_RELEASED:
		return "released";
	case VT_LEASE_END_EXPIRED:
		return "expired";
	case VT_LEASE_END_BROKEN:
		return "broken";
	case VT_LEASE_END_REMOVED:
		return "removed";
	}
	return NULL;
}
