/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of names (catalog.h), which need no store. Clashes are the catalog's to find. */
#include "index/catalog.h"

#include <errno.h>
#include <string.h>

#include "index/base/error.h"

static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";

static int check_part(const char *part, size_t len, const char *whole, struct vt_error *err)
{
	if (len == 0)
		return vt_fail(err, EINVAL, "the name '%s' has an empty part", whole);
	if (len > VT_NAME_PART_MAX)
		return vt_fail(err, EINVAL, "the name '%.40s...' has a part longer than %u", whole,
			       VT_NAME_PART_MAX);
	if (part[0] == '.' || part[0] == '-')
		return vt_fail(err, EINVAL, "the name '%s' has a part that begins with '%c'", whole,
			       part[0]);
	if (strspn(part, allowed) < len)
		return vt_fail(err, EINVAL, "the name '%s' has more than letters, digits, . _ -",
			       whole);
	return 0;
}

int vt_dataset_name_check(const char *name, struct vt_error *err)
{
	const char *slash = strchr(name, '/');
	int r;

	if (!slash)
		return check_part(name, strlen(name), name, err);
	r = check_part(name, (size_t) (slash - name), name, err);
	return r < 0 ? r : check_part(slash + 1, strlen(slash + 1), name, err);
}

/* `v` and a digit may one day be a version or a revision (v7, v7.1), whatever follows. */
static bool is_reserved(const char *name)
{
	return strcmp(name, "latest") == 0 || (name[0] == 'v' && name[1] >= '0' && name[1] <= '9');
}

int vt_version_name_check(const char *name, struct vt_error *err)
{
	int r = check_part(name, strlen(name), name, err);

	if (r == 0 && is_reserved(name))
		return vt_fail(err, EINVAL,
			       "the name '%s' is reserved, as are 'latest' and 'v1...'", name);
	return r;
}
