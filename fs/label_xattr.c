/* SPDX-License-Identifier: Apache-2.0 */
/* See label_xattr.h. The path of a file, by which labels are kept, follows from its position. */
#include "fs/label_xattr.h"

#include <errno.h>
#include <linux/limits.h>
#include <string.h>

#include "fs/service.h"
#include "index/index.h"
#include "index/label_line.h"
#include "index/label_set.h"
#include "index/label_tree.h"
#include "index/number.h"
#include "policy/gate.h"

static const char one[] = "label.", all[] = "labels";

bool vt_label_xattr_is(const char *key)
{
	return strncmp(key, one, sizeof one - 1) == 0 || strcmp(key, all) == 0;
}

static int read_labels(struct vt_service *service, const struct vt_version *version,
		       uint32_t position, struct vt_label_set *set)
{
	vt_cleanup(vt_buf_done) struct vt_buf path = VT_BUF_INIT;
	vt_cleanup(vt_node_done) struct vt_node node = {0};
	int r;

	if (version->labels.labels == 0)
		return 0;
	r = vt_tree_path_at(&service->index->pages, &version->tree, position, &node, &path, NULL);
	if (r == 0)
		r = vt_label_set_read(set, &service->index->label_pages, &version->labels,
				      (const char *) path.data, path.len, NULL);
	return r;
}

static void put_value(const struct vt_label *label, struct vt_buf *out)
{
	char number[VT_NUMBER_TEXT];

	switch (label->type) {
	case VT_LABEL_TEXT:
		vt_buf_put(out, label->value.text.bytes, label->value.text.len);
		return;
	case VT_LABEL_NUMBER:
		vt_number_format(label->value.number, number);
		vt_buf_put(out, number, strlen(number));
		return;
	case VT_LABEL_BOOLEAN:
		vt_buf_printf(out, "%s", label->value.boolean ? "true" : "false");
		return;
	}
}

static int put_one(const struct vt_label_set *set, const char *key, struct vt_buf *out)
{
	const struct vt_label_text name = {key, strlen(key)};
	const struct vt_label *rows = set->rows, *label;
	size_t count = vt_label_find_key(&rows, set->count, name);

	label = vt_label_effective(rows, count, NULL);
	if (!label)
		return -ENODATA;
	put_value(label, out);
	return 0;
}

/* Names of versions need no escape. */
static int put_all(const struct vt_label_set *set, const char *version, struct vt_buf *out)
{
	vt_buf_printf(out, "{\"version\": \"%s\", \"labels\": [", version);
	for (size_t i = 0; i < set->count; i++) {
		vt_buf_printf(out, "%s{", i ? ", " : "");
		vt_label_line_put_label(&set->rows[i], out);
		vt_buf_put_u8(out, '}');
	}
	vt_buf_printf(out, "]}");
	return 0;
}

static int get(const struct vt_viewer *viewer, const struct vt_version *version, uint32_t position,
	       const char *key, bool nowait, struct vt_buf *out)
{
	const struct vt_place place = {version->dataset, version->serial};
	struct vt_label_set set = {0};
	int r = vt_gate_check(viewer->service->gate, viewer->subject, VT_RIGHT_READ, place, nowait,
			      NULL, NULL);

	if (r < 0)
		return r == -EACCES ? -ENODATA : r;
	if (nowait)
		return -EAGAIN;
	r = read_labels(viewer->service, version, position, &set);
	if (r == 0)
		r = strcmp(key, all) == 0 ? put_all(&set, version->name, out)
					  : put_one(&set, key + sizeof one - 1, out);
	vt_label_set_done(&set);
	return r;
}

int vt_label_xattr_get(const struct vt_viewer *viewer, const struct vt_shown *shown,
		       const char *key, bool nowait, struct vt_buf *out)
{
	const struct vt_version *newest;
	int r;

	if (shown->kind != VT_SHOWN_TREE || shown->node.entry.type != VT_FILE)
		return -ENODATA;
	r = vt_catalog_newest(viewer->service->index->catalog, shown->version->base, &newest, NULL);
	if (r < 0)
		return r == -ENOENT ? -ENODATA : r;
	r = get(viewer, newest, vt_node_position(shown->id), key, nowait, out);
	vt_version_unref(newest);
	if (r < 0)
		return r;
	return out->len > XATTR_SIZE_MAX ? -E2BIG : vt_buf_failed(out) ? -ENOMEM : 0;
}
