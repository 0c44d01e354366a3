/* SPDX-License-Identifier: Apache-2.0 */
/* See xattr.h. */
#include "fs/xattr.h"

#include <errno.h>
#include <string.h>

#include "fs/service.h"
#include "index/page.h"
#include "policy/gate.h"

static void put_text(struct vt_buf *out, const char *text)
{
	vt_buf_put(out, text, strlen(text));
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

static int get_own(struct vt_service *service, const struct vt_shown *shown,
		   const struct vt_subject *subject, const char *key, struct vt_buf *out)
{
	bool readable;

	if (!shown->dataset)
		return -ENODATA;
	if (strcmp(key, "dataset") == 0) {
		put_text(out, shown->dataset->name);
	} else if (strcmp(key, "version") == 0 && shown->version) {
		put_text(out, shown->version->name);
	} else if (strcmp(key, "digest") == 0) {
		return get_digest(shown, out);
	} else if (strcmp(key, "mode") == 0 && shown->kind == VT_SHOWN_TREE) {
		vt_buf_printf(out, "%04o", shown->node.entry.mode);
	} else if (strcmp(key, "access") == 0) {
		readable = vt_gate_check(service->gate, subject, VT_RIGHT_READ,
					 vt_shown_object(shown), NULL, NULL) == 0;
		put_text(out, readable ? "read" : "none");
	} else {
		return -ENODATA;
	}
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

int vt_xattr_get(struct vt_service *service, const struct vt_shown *shown,
		 const struct vt_subject *subject, const char *name, struct vt_buf *out)
{
	static const char user[] = "user.", own[] = "user.vitrine.";
	int r;

	if (strncmp(name, user, sizeof user - 1) != 0)
		return -EOPNOTSUPP;
	if (strncmp(name, own, sizeof own - 1) == 0)
		r = get_own(service, shown, subject, name + sizeof own - 1, out);
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
