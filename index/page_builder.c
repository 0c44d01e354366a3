/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing pages (page.h), and the rule that says where one ends. The rule looks at the page so far
 * and at the name just added, nothing else: after an edit the boundaries fall back into step at the
 * next cut, so that all other pages keep their bytes.
 */
#include <endian.h>
#include <errno.h>
#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "index/base/error.h"
#include "index/entry_codec.h"
#include "index/page_trailer.h"

#define CUT_MASK 31u /* a page holds 32 entries on average */

/* A leaf of labels holds 7 files on average: with their labels they take as much as 32 entries. */
#define LABEL_CUT_MASK    7u
#define LABEL_ENTRIES_MAX 16u

bool vt_page_ends(uint8_t level, unsigned count, size_t bytes, const char *name, size_t len)
{
	if (count >= VT_PAGE_ENTRIES_MAX || bytes >= VT_PAGE_CUT_BYTES)
		return true;
	if (level > 0 && count < 2)
		return false; /* else a level could be as long as the one below it */
	return (XXH64(name, len, level) & CUT_MASK) == 0;
}

bool vt_page_label_leaf_ends(unsigned count, const char *name, size_t len)
{
	return count >= LABEL_ENTRIES_MAX || (XXH64(name, len, 0) & LABEL_CUT_MASK) == 0;
}

void vt_page_builder_init(struct vt_page_builder *builder, enum vt_page_kind kind, uint8_t level)
{
	*builder = (struct vt_page_builder){.kind = kind, .level = level};
	vt_page_builder_reset(builder);
}

void vt_page_builder_reset(struct vt_page_builder *builder)
{
	vt_buf_reset(&builder->canonical);
	vt_buf_reset(&builder->trailer);
	vt_buf_reset(&builder->directories);
	builder->lines = (struct vt_line_sums){0};
	builder->count = 0;
	builder->entries = builder->nodes = 0;
	builder->last_name_len = 0;
	vt_buf_put_u8(&builder->canonical, builder->level);
	vt_buf_put_u8(&builder->canonical, builder->kind + 1);
	vt_buf_put_le16(&builder->canonical, 0); /* the count, known at the end */
}

void vt_page_builder_done(struct vt_page_builder *builder)
{
	vt_buf_done(&builder->canonical);
	vt_buf_done(&builder->trailer);
	vt_buf_done(&builder->directories);
}

bool vt_page_builder_is_full(const struct vt_page_builder *builder)
{
	if (builder->count == 0)
		return false;
	if (builder->kind == VT_PAGE_LABELS && builder->level == 0)
		return vt_page_label_leaf_ends(builder->count, builder->last_name,
					       builder->last_name_len);
	return vt_page_ends(builder->level, builder->count, builder->canonical.len,
			    builder->last_name, builder->last_name_len);
}

/* What entries and children have in common; asked before anything is written. */
static int check_room(const struct vt_page_builder *builder, const char *name, size_t len,
		      uint32_t nodes, const struct vt_line_sums *lines, struct vt_error *err)
{
	struct vt_line_sums sums = builder->lines;
	const char *problem;

	if (builder->count >= VT_PAGE_ENTRIES_MAX)
		return vt_fail(err, EINVAL, "a page holds at most %u names", VT_PAGE_ENTRIES_MAX);
	if (vt_name_compare(builder->last_name, builder->last_name_len, name, len) >= 0)
		return vt_fail(err, EINVAL, "'%.*s' comes after '%.*s'", (int) len, name,
			       (int) builder->last_name_len, builder->last_name);
	if (nodes > VT_NODES_MAX - builder->nodes)
		return vt_fail(err, EOVERFLOW, "more than %u entries", VT_NODES_MAX);
	if (builder->kind != VT_PAGE_LABELS)
		return 0;
	problem = vt_line_sums_problem(lines);
	if (problem)
		return vt_fail(err, EINVAL, "'%.*s': %s", (int) len, name, problem);
	vt_line_sums_add(&sums, lines);
	problem = vt_line_sums_problem(&sums);
	return problem ? vt_fail(err, EOVERFLOW, "a directory: %s", problem) : 0;
}

static bool has_failed(const struct vt_page_builder *builder)
{
	return vt_buf_failed(&builder->canonical) || vt_buf_failed(&builder->trailer) ||
	       vt_buf_failed(&builder->directories);
}

static int count_in(struct vt_page_builder *builder, const char *name, size_t len, uint32_t entries,
		    uint32_t nodes, const struct vt_line_sums *lines, struct vt_error *err)
{
	if (has_failed(builder))
		return vt_fail(err, ENOMEM, "no memory for a page");
	vt_line_sums_add(&builder->lines, lines);
	builder->count++;
	builder->entries += entries;
	builder->nodes += nodes;
	memcpy(builder->last_name, name, len);
	builder->last_name_len = len;
	return 0;
}

int vt_page_builder_add_entry(struct vt_page_builder *builder, const struct vt_entry *entry,
			      struct vt_error *err)
{
	uint32_t nodes = entry->type == VT_DIRECTORY ? entry->nodes : 1;
	const char *problem = vt_entry_problem(entry, builder->kind, false);
	struct vt_line_sums lines = {0};
	int r;

	if (problem)
		return vt_fail(err, EINVAL, "%s", problem);
	if (builder->kind == VT_PAGE_LABELS)
		lines = vt_entry_lines(entry);
	r = check_room(builder, entry->name, entry->name_len, nodes, &lines, err);
	if (r < 0)
		return r;
	vt_entry_encode(entry, &builder->canonical);
	vt_trailer_put_entry(builder->kind, entry, &builder->trailer, &builder->directories);
	return count_in(builder, entry->name, entry->name_len, 1, nodes, &lines, err);
}

int vt_page_builder_add_child(struct vt_page_builder *builder, const struct vt_page_child *child,
			      struct vt_error *err)
{
	int r;

	if (child->last_name_len == 0 || child->last_name_len > VT_NAME_LEN_MAX ||
	    child->entries == 0 || child->entries > child->nodes)
		return vt_fail(err, EINVAL, "a child page has no name or impossible counts");
	r = check_room(builder, child->last_name, child->last_name_len, child->nodes, &child->lines,
		       err);
	if (r < 0)
		return r;
	vt_buf_put_u8(&builder->canonical, (uint8_t) child->last_name_len);
	vt_buf_put(&builder->canonical, child->last_name, child->last_name_len);
	vt_buf_put(&builder->canonical, child->digest.bytes, VT_DIGEST_LEN);
	vt_buf_put_le32(&builder->canonical, child->entries);
	vt_buf_put_le32(&builder->canonical, child->nodes);
	vt_trailer_put_child(builder->kind, child, &builder->trailer);
	return count_in(builder, child->last_name, child->last_name_len, child->entries,
			child->nodes, &child->lines, err);
}

int vt_page_builder_finish(struct vt_page_builder *builder, struct vt_digest *digest,
			   struct vt_error *err)
{
	uint16_t count = htole16(builder->count);

	if (builder->kind == VT_PAGE_LABELS && builder->count == 0)
		return vt_fail(err, EINVAL, "a directory in a tree of labels is empty");
	if (has_failed(builder))
		return vt_fail(err, ENOMEM, "no memory for a page");
	memcpy(builder->canonical.data + VT_PAGE_COUNT_AT, &count, sizeof count);
	vt_digest_tagged(VT_PAGE_TAG, builder->canonical.data, builder->canonical.len, digest);
	return 0;
}

int vt_page_value_encode(const struct vt_page_builder *builder, struct vt_buf *out)
{
	vt_buf_put_le32(out, (uint32_t) builder->canonical.len);
	vt_buf_put(out, builder->canonical.data, builder->canonical.len);
	vt_buf_put(out, builder->trailer.data, builder->trailer.len);
	vt_buf_put(out, builder->directories.data, builder->directories.len);
	return vt_buf_failed(out) ? -ENOMEM : 0;
}
