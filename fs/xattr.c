/* SPDX-License-Identifier: Apache-2.0 */
/* See xattr.h. */
#include "fs/xattr.h"

#include <errno.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <string.h>

#include "fs/label_xattr.h"
#include "fs/service.h"
#include "fs/session.h"
#include "index/base/clock.h"
#include "index/page.h"
#include "policy/gate.h"

static void put_text(struct vt_buf *out, const char *text)
{
	vt_buf_put(out, text, strlen(text));
}

static void put_time(struct vt_buf *out, uint64_t ns)
{
	char text[VT_TIME_TEXT];

	vt_time_format(ns, text);
	put_text(out, text);
}

static void put_hex(struct vt_buf *out, const struct vt_digest *digest)
{
	char hex[VT_DIGEST_HEX];

	vt_digest_format(digest, hex);
	put_text(out, hex);
}

static int get_digest(const struct vt_shown *shown, struct vt_buf *out)
{
	if (shown->kind != VT_SHOWN_TREE)
		return -ENODATA;
	if (vt_node_position(shown->id) == 0)
		put_hex(out, &shown->version->digest);
	else if (shown->node.entry.type == VT_FILE)
		put_hex(out, &shown->node.entry.content);
	else
		return -ENODATA;
	return 0;
}

/* What the caller may do there. */
static int get_access(const struct vt_viewer *viewer, const struct vt_shown *shown, bool nowait,
		      struct vt_buf *out)
{
	static const struct {
		enum vt_right right;
		const char *word;
	} steps[] = {{VT_RIGHT_READ, "read"}, {VT_RIGHT_BROWSE, "browse"}};

	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
		int r = vt_gate_check(viewer->service->gate, viewer->subject, steps[i].right,
				      vt_shown_place(shown), nowait, NULL, NULL);

		if (r == -EAGAIN)
			return r;
		if (r == 0) {
			put_text(out, steps[i].word);
			return 0;
		}
	}
	put_text(out, "none");
	return 0;
}

/* Until when the caller may go on reading. */
static int get_expires(const struct vt_viewer *viewer, const struct vt_shown *shown, bool nowait,
		       struct vt_buf *out)
{
	uint64_t until_ns;
	int r = vt_gate_expires(viewer->service->gate, viewer->subject, vt_shown_place(shown),
				nowait, &until_ns);

	if (r < 0)
		return r == -EACCES ? -ENODATA : r;
	if (until_ns == VT_TIME_NEVER)
		put_text(out, "never");
	else
		put_time(out, until_ns);
	return 0;
}

static int get_holder(const struct vt_viewer *viewer, const struct vt_shown *shown, bool nowait,
		      struct vt_buf *out)
{
	char name[VT_PRINCIPAL_NAME_MAX + 1];
	int r = vt_gate_check(viewer->service->gate, viewer->subject, VT_RIGHT_SEE,
			      vt_shown_place(shown), nowait, NULL, NULL);

	if (r == 0)
		r = vt_gate_holder(viewer->service->gate, vt_shown_place(shown), name);
	if (r == 0)
		put_text(out, name);
	return r == -EAGAIN ? r : r < 0 ? -ENODATA : 0;
}

static const char own_prefix[] = "user.vitrine.";

/* Attributes of ours that depend on who asks. */
static const struct {
	const char *key;
	int (*get)(const struct vt_viewer *viewer, const struct vt_shown *shown, bool nowait,
		   struct vt_buf *out);
} standing[] = {{"access", get_access}, {"expires", get_expires}, {"holder", get_holder}};

static int find_standing(const char *key)
{
	for (size_t i = 0; i < sizeof standing / sizeof *standing; i++)
		if (strcmp(standing[i].key, key) == 0)
			return (int) i;
	return -1;
}

bool vt_xattr_is_own_standing(const char *name)
{
	return strncmp(name, own_prefix, sizeof own_prefix - 1) == 0 &&
	       find_standing(name + sizeof own_prefix - 1) >= 0;
}

/* What was wrong with the caller's last expression in .query/V. */
static int get_error(const struct vt_viewer *viewer, const struct vt_shown *shown,
		     struct vt_buf *out)
{
	char problem[VT_VIEW_PROBLEM_MAX];

	if (shown->kind != VT_SHOWN_VERSION_QUERIES ||
	    !vt_views_problem(viewer->session->views, viewer->subject->uid, shown->version->serial,
			      problem))
		return -ENODATA;
	put_text(out, problem);
	return 0;
}

static int get_own(const struct vt_viewer *viewer, const struct vt_shown *shown, const char *key,
		   bool nowait, struct vt_buf *out)
{
	int which = find_standing(key);

	if (!shown->dataset)
		return -ENODATA;
	if (which >= 0)
		return standing[which].get(viewer, shown, nowait, out);
	if (vt_label_xattr_is(key))
		return vt_label_xattr_get(viewer, shown, key, nowait, out);
	if (strcmp(key, "dataset") == 0)
		put_text(out, shown->dataset->name);
	else if (strcmp(key, "version") == 0 && shown->version)
		put_text(out, shown->version->name);
	else if (strcmp(key, "digest") == 0)
		return get_digest(shown, out);
	else if (strcmp(key, "error") == 0)
		return get_error(viewer, shown, out);
	else if (strcmp(key, "mode") == 0 && shown->kind == VT_SHOWN_TREE)
		vt_buf_printf(out, "%04o", shown->node.entry.mode);
	else
		return -ENODATA;
	return 0;
}

static int get_published(const struct vt_shown *shown, const char *name, struct vt_buf *out)
{
	const struct vt_entry *entry = &shown->node.entry;
	size_t state = 0, len = strlen(name);
	struct vt_xattr xattr;

	if (shown->kind != VT_SHOWN_TREE)
		return -ENODATA;
	while (vt_xattrs_next(entry->xattrs, entry->xattrs_len, &state, &xattr) > 0)
		if (xattr.name_len == len && memcmp(xattr.name, name, len) == 0) {
			vt_buf_put(out, xattr.value, xattr.value_len);
			return 0;
		}
	return -ENODATA;
}

int vt_xattr_get(const struct vt_viewer *viewer, const struct vt_shown *shown, const char *name,
		 bool nowait, struct vt_buf *out)
{
	static const char user[] = "user.";
	int r;

	if (strncmp(name, user, sizeof user - 1) != 0)
		return -EOPNOTSUPP;
	if (strncmp(name, own_prefix, sizeof own_prefix - 1) == 0)
		r = get_own(viewer, shown, name + sizeof own_prefix - 1, nowait, out);
	else
		r = get_published(shown, name, out);
	return r < 0 ? r : vt_buf_failed(out) ? -ENOMEM : 0;
}

int vt_xattr_list(const struct vt_shown *shown, struct vt_buf *out)
{
	const struct vt_entry *entry = &shown->node.entry;
	struct vt_xattr xattr;
	size_t state = 0;

	if (shown->kind != VT_SHOWN_TREE)
		return 0;
	while (vt_xattrs_next(entry->xattrs, entry->xattrs_len, &state, &xattr) > 0) {
		vt_buf_put(out, xattr.name, xattr.name_len);
		vt_buf_put_u8(out, '\0');
	}
	return vt_buf_failed(out) ? -ENOMEM : 0;
}

/* ---- access lists ---------------------------------------------------------------------------- */

static void put_acl_entry(struct vt_buf *out, uint16_t tag, uint16_t bits, uint32_t id)
{
	vt_buf_put_le16(out, tag);
	vt_buf_put_le16(out, bits);
	vt_buf_put_le32(out, id);
}

/* The order that the kernel demands: owner, users, group, groups, mask, others. */
static void put_acl(struct vt_buf *out, const struct vt_boundary *boundary)
{
	enum { ENTER = ACL_READ | ACL_EXECUTE };

	vt_buf_put_le32(out, POSIX_ACL_XATTR_VERSION);
	put_acl_entry(out, ACL_USER_OBJ, ENTER, (uint32_t) ACL_UNDEFINED_ID);
	for (size_t i = 0; i < boundary->list_count; i++)
		if (!boundary->list[i].group)
			put_acl_entry(out, ACL_USER, boundary->list[i].bits, boundary->list[i].id);
	put_acl_entry(out, ACL_GROUP_OBJ, boundary->others ? ENTER : 0,
		      (uint32_t) ACL_UNDEFINED_ID);
	for (size_t i = 0; i < boundary->list_count; i++)
		if (boundary->list[i].group)
			put_acl_entry(out, ACL_GROUP, boundary->list[i].bits, boundary->list[i].id);
	put_acl_entry(out, ACL_MASK, ENTER, (uint32_t) ACL_UNDEFINED_ID);
	put_acl_entry(out, ACL_OTHER, boundary->others ? ENTER : 0, (uint32_t) ACL_UNDEFINED_ID);
}

int vt_xattr_acl(const struct vt_viewer *viewer, const struct vt_shown *shown, struct vt_buf *out)
{
	struct vt_boundary boundary;
	int r;

	if (!vt_shown_is_boundary(shown))
		return -ENODATA;
	r = vt_shown_boundary(viewer, shown, &boundary, NULL);
	if (r < 0)
		return r;
	if (boundary.class == VT_BOUNDARY_LIST && boundary.list_count > 0)
		put_acl(out, &boundary);
	else
		r = -ENODATA;
	vt_boundary_done(&boundary);
	return r < 0 ? r : vt_buf_failed(out) ? -ENOMEM : 0;
}
