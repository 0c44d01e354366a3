/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/publish/member.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <string.h>

#include "index/base/error.h"
#include "index/page.h"

#define XATTRS_MAX 1024u

/*
 * `path` without "./", doubled and trailing slashes, NUL-terminated. A version's path never leaves
 * the version: what is absolute or climbs is refused rather than bent into shape.
 */
static int normalise(const struct vt_member *member, const char *path, struct vt_buf *out,
		     struct vt_error *err)
{
	const char *whole = path;

	vt_buf_reset(out);
	if (*path == '/')
		return vt_fail(err, EINVAL, "'%s' has an absolute member '%s'", member->archive,
			       whole);
	while (*path) {
		size_t len = strcspn(path, "/");

		if (len == 2 && path[0] == '.' && path[1] == '.')
			return vt_fail(err, EINVAL, "'%s' has a member that climbs out: '%s'",
				       member->archive, whole);
		if (len > VT_NAME_LEN_MAX)
			return vt_fail(err, ENAMETOOLONG, "a name in '%s' is too long: '%s'",
				       member->archive, whole);
		if (len > 0 && !(len == 1 && path[0] == '.')) {
			if (out->len > 0)
				vt_buf_put_u8(out, '/');
			vt_buf_put(out, path, len);
		}
		path += len + (path[len] == '/');
	}
	if (out->len > VT_PATH_LEN_MAX)
		return vt_fail(err, ENAMETOOLONG, "a path in '%s' is too long: '%.100s'",
			       member->archive, whole);
	vt_buf_put_u8(out, 0);
	return vt_buf_failed(out) ? vt_fail(err, ENOMEM, "no memory for a path") : 0;
}

static int take_name(struct vt_member *member, const char *bytes, const char *utf8,
		     struct vt_buf *out, struct vt_error *err)
{
	const char *name = bytes ? bytes : utf8;

	if (!name)
		return vt_fail(err, EBADMSG, "'%s' has a member whose name cannot be read",
			       member->archive);
	return normalise(member, name, out, err);
}

/* A pax archive may say the same in two dialects. */
static bool has_xattr(const struct vt_xattr *list, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(list[i].name, name) == 0)
			return true;
	return false;
}

static int take_xattrs(struct vt_member *member, struct archive_entry *entry, struct vt_item *item,
		       struct vt_error *err)
{
	struct vt_xattr list[XATTRS_MAX];
	size_t count = 0, size;
	const char *name;
	const void *value;

	vt_buf_reset(&member->xattrs);
	(void) archive_entry_xattr_reset(entry);
	while (archive_entry_xattr_next(entry, &name, &value, &size) == ARCHIVE_OK) {
		if (!name || strncmp(name, "user.", 5) != 0 || has_xattr(list, count, name))
			continue;
		if (count == XATTRS_MAX)
			return vt_fail(err, E2BIG, "'%s' in '%s' has too many attributes",
				       item->path, member->archive);
		list[count++] = (struct vt_xattr){name, strlen(name), value, size};
	}
	if (count > 0) {
		int r = vt_xattrs_encode(list, count, &member->xattrs, err);

		if (r < 0)
			return vt_fail_in(err, r, "'%s' in '%s'", item->path, member->archive);
	}
	item->xattrs = member->xattrs.data;
	item->xattrs_len = member->xattrs.len;
	return 0;
}

int vt_member_hard_link(struct vt_member *member, struct archive_entry *entry, struct vt_item *item,
			struct vt_error *err)
{
	int r = take_name(member, archive_entry_hardlink(entry), archive_entry_hardlink_utf8(entry),
			  &member->target, err);

	if (r < 0)
		return r;
	item->type = VT_FILE;
	item->linked = true;
	item->target = (const char *) member->target.data;
	item->target_len = member->target.len - 1;
	return 0;
}

int vt_member_symlink(const struct vt_member *member, struct archive_entry *entry,
		      struct vt_item *item, struct vt_error *err)
{
	const char *target = archive_entry_symlink(entry);

	if (!target)
		target = archive_entry_symlink_utf8(entry);
	if (!target || !*target || strlen(target) > VT_TARGET_LEN_MAX)
		return vt_fail(err, EBADMSG, "the symlink '%s' in '%s' has no valid target",
			       item->path, member->archive);
	item->type = VT_SYMLINK;
	item->target = target;
	item->target_len = strlen(target);
	return 0;
}

int vt_member_describe(struct vt_member *member, struct archive_entry *entry, struct vt_item *item,
		       struct vt_error *err)
{
	int r = take_name(member, archive_entry_pathname(entry), archive_entry_pathname_utf8(entry),
			  &member->path, err);

	if (r < 0)
		return r;
	item->path = (const char *) member->path.data;
	item->path_len = member->path.len - 1;
	if (archive_entry_is_encrypted(entry))
		return vt_fail(err, ENOTSUP, "'%s' in '%s' is encrypted", item->path,
			       member->archive);
	if (item->path_len == 0 && archive_entry_filetype(entry) == AE_IFDIR)
		return 0; /* "./": the root is nobody's */
	if (item->path_len == 0)
		return vt_fail(err, EINVAL, "'%s' has a member without a name", member->archive);
	item->mode = archive_entry_perm(entry) & 01777;
	if (archive_entry_mtime_is_set(entry)) {
		item->mtime_sec = archive_entry_mtime(entry);
		item->mtime_nsec = (uint32_t) archive_entry_mtime_nsec(entry) % 1000000000u;
	}
	r = take_xattrs(member, entry, item, err);
	return r < 0 ? r : 1;
}

void vt_member_done(struct vt_member *member)
{
	vt_buf_done(&member->path);
	vt_buf_done(&member->target);
	vt_buf_done(&member->xattrs);
}
