/* SPDX-License-Identifier: Apache-2.0 */
/* See target.h. */
#include "tools/target.h"

#include <errno.h>
#include <string.h>

#include "fs/rows.h"
#include "index/base/error.h"
#include "tools/output.h"

static int take_part(const char *from, size_t len, char *out, size_t size, const char *text,
		     const char *what, struct vt_error *err)
{
	if (len == 0)
		return vt_fail(err, EINVAL, "'%s' names no %s: write DATASET[@VERSION][:PATH]",
			       text, what);
	if (len >= size)
		return vt_fail(err, EINVAL, "'%s': a %s has at most %zu bytes", text, what,
			       size - 1);
	memcpy(out, from, len);
	out[len] = '\0';
	return 0;
}

int vt_target_parse(const char *text, struct vt_target *out, struct vt_error *err)
{
	struct vt_target target = {0};
	size_t names = strcspn(text, ":"), dataset = strcspn(text, "@:");
	int r;

	r = take_part(text, dataset, target.dataset, sizeof target.dataset, text, "dataset", err);
	if (r == 0 && dataset < names)
		r = take_part(text + dataset + 1, names - dataset - 1, target.version,
			      sizeof target.version, text, "version", err);
	if (r < 0)
		return r;
	if (text[names] == ':') {
		target.path = text + names + 1 + strspn(text + names + 1, "/");
		target.path_len = strlen(target.path);
		while (target.path_len > 0 && target.path[target.path_len - 1] == '/')
			target.path_len--;
	}
	*out = target;
	return 0;
}

json_t *vt_target_args(const struct vt_target *target)
{
	json_t *args = json_pack("{s:s}", "dataset", target->dataset);

	if (target->version[0])
		(void) json_object_set_new(args, "version", json_string(target->version));
	if (target->path)
		(void) vt_json_set_text(args, "path", target->path, target->path_len);
	return args;
}
