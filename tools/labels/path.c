/* SPDX-License-Identifier: Apache-2.0 */
/* See path.h. */
#include "tools/labels/path.h"

#include <errno.h>
#include <string.h>

#include "index/base/error.h"
#include "index/entry.h"

static int check_name(const char *name, size_t len, struct vt_error *err)
{
	if (len == 0)
		return vt_fail(err, EINVAL, "the path has an empty name: a slash too many");
	if (len > VT_NAME_LEN_MAX)
		return vt_fail(err, EINVAL, "the path has a name longer than %u bytes",
			       VT_NAME_LEN_MAX);
	if ((len == 1 && *name == '.') || (len == 2 && memcmp(name, "..", 2) == 0))
		return vt_fail(err, EINVAL, "the path has the name '%.*s'", (int) len, name);
	return 0;
}

int vt_label_path_check(struct vt_label_text path, struct vt_error *err)
{
	const char *at = path.bytes, *end, *slash;

	if (path.len == 0)
		return vt_fail(err, EINVAL, "the path is empty");
	if (path.len > VT_LABEL_PATH_MAX)
		return vt_fail(err, EINVAL, "the path is longer than %u bytes", VT_LABEL_PATH_MAX);
	if (memchr(path.bytes, 0, path.len))
		return vt_fail(err, EINVAL, "the path has a NUL");
	if (*at == '/')
		return vt_fail(err, EINVAL, "the path begins with a slash");
	end = at + path.len;
	for (; (slash = memchr(at, '/', (size_t) (end - at))); at = slash + 1) {
		int r = check_name(at, (size_t) (slash - at), err);

		if (r < 0)
			return r;
	}
	return check_name(at, (size_t) (end - at), err);
}
