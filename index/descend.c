/* SPDX-License-Identifier: Apache-2.0 */
/* See descend.h. */
#include "index/descend.h"

#include <errno.h>
#include <inttypes.h>

#include "index/base/error.h"
#include "index/entry_codec.h"

static int get(const struct vt_page_source *pages, uint64_t id, bool nowait, struct vt_page **out,
	       struct vt_error *err)
{
	struct vt_page *page;
	int r = pages->get(pages->context, id, nowait, &page, err);

	if (r < 0)
		return r;
	if (page->kind != pages->kind) {
		vt_page_unref(page);
		return vt_fail(err, EBADMSG, "page %" PRIu64 " is of another kind of tree", id);
	}
	*out = page;
	return 0;
}

static int disagrees(uint64_t id, struct vt_error *err)
{
	return vt_fail(err, EBADMSG, "page %" PRIu64 " is not what its parent says", id);
}

int vt_descend_root(const struct vt_page_source *pages, bool nowait, uint64_t id, uint32_t nodes,
		    struct vt_page **out, struct vt_error *err)
{
	vt_cleanup(vt_page_unrefp) struct vt_page *page = NULL;
	int r = get(pages, id, nowait, &page, err);

	if (r < 0)
		return r;
	/* A lone child would be the root itself. */
	if (page->level > 0 && page->count < 2)
		return disagrees(id, err);
	if (nodes > 0 && page->nodes != nodes - 1)
		return disagrees(id, err);
	*out = vt_steal(&page);
	return 0;
}

int vt_descend_child(const struct vt_page_source *pages, bool nowait, struct vt_page **page,
		     unsigned i, struct vt_error *err)
{
	vt_cleanup(vt_page_unrefp) struct vt_page *child = NULL;
	struct vt_page_child said;
	const char *last;
	size_t len;
	int r;

	vt_page_child(*page, i, &said);
	r = get(pages, said.page, nowait, &child, err);
	if (r < 0)
		return r;
	/* `entries` is at least 1, so the child has a last name. */
	if (child->level != (*page)->level - 1 || child->entries != said.entries ||
	    child->nodes != said.nodes || !vt_line_sums_equal(&child->lines, &said.lines))
		return disagrees(said.page, err);
	last = vt_page_name(child, child->count - 1u, &len);
	if (vt_name_compare(last, len, said.last_name, said.last_name_len) != 0)
		return disagrees(said.page, err);
	vt_page_unref(*page);
	*page = vt_steal(&child);
	return 0;
}

int vt_descend_position(const struct vt_page_source *pages, bool nowait, const struct vt_node *dir,
			uint32_t position, struct vt_node *out, struct vt_error *err)
{
	vt_cleanup(vt_page_unrefp) struct vt_page *page = NULL;
	uint32_t first = dir->position + 1, ordinal = 0;
	unsigned i;
	int r = vt_descend_root(pages, nowait, dir->entry.page, dir->entry.nodes, &page, err);

	if (r < 0)
		return r;
	for (;;) {
		i = vt_page_index_of_node(page, position - first);
		first += vt_page_nodes_before(page, i);
		ordinal += vt_page_entries_before(page, i);
		if (page->level == 0)
			break;
		r = vt_descend_child(pages, nowait, &page, i, err);
		if (r < 0)
			return r;
	}
	vt_page_entry(page, i, &out->entry);
	out->position = first;
	out->ordinal = ordinal;
	out->index = i;
	out->page = vt_steal(&page);
	return 0;
}

int vt_descend_leaf(const struct vt_page_source *pages, bool nowait, uint64_t id, uint32_t offset,
		    struct vt_node *out, struct vt_error *err)
{
	vt_cleanup(vt_page_unrefp) struct vt_page *page = NULL;
	unsigned i;
	int r = get(pages, id, nowait, &page, err);

	if (r < 0)
		return r;
	i = vt_page_index_of_node(page, offset);
	if (page->level > 0 || vt_page_nodes_before(page, i) != offset)
		return vt_fail(err, ENOENT, "page %" PRIu64 " has no such entry", id);
	vt_page_entry(page, i, &out->entry);
	out->index = i;
	out->page = vt_steal(&page);
	return 0;
}
