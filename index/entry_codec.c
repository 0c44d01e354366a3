/* SPDX-License-Identifier: Apache-2.0 */
/* See entry_codec.h. */
#include "index/entry_codec.h"

#include "index/label_block.h"

enum flag { FLAG_LINKED = 1, FLAG_XATTRS = 2, FLAGS_KNOWN = FLAG_LINKED | FLAG_XATTRS };

#define MODE_KNOWN 01777u

static const char *name_problem(const char *name, size_t len)
{
	if (len == 0)
		return "a name is empty";
	if (len > VT_NAME_LEN_MAX)
		return "a name is longer than 255 bytes";
	if (memchr(name, '/', len) || memchr(name, '\0', len))
		return "a name holds '/' or NUL";
	if (name[0] == '.' && (len == 1 || (len == 2 && name[1] == '.')))
		return "a name is '.' or '..'";
	return NULL;
}

static const char *directory_problem(const struct vt_entry *entry)
{
	if (entry->linked)
		return "a directory is marked as a hard link";
	if (entry->nodes == 0 || entry->nodes > VT_NODES_MAX)
		return "a directory's node count is out of range";
	return NULL;
}

static const char *target_problem(const struct vt_entry *entry)
{
	if (entry->target_len == 0 || entry->target_len > VT_TARGET_LEN_MAX)
		return "a link target is empty or longer than 4095 bytes";
	if (memchr(entry->target, '\0', entry->target_len))
		return "a link target holds NUL";
	return NULL;
}

static const char *labelled_problem(const struct vt_entry *entry)
{
	if (entry->size > VT_LABEL_BLOCK_MAX)
		return "a file's labels are too long";
	if (vt_entry_is_inline(entry))
		return vt_label_block_problem(entry->block, entry->size, entry->labels);
	return entry->labels ? NULL : "a file has no labels";
}

/* In a tree of labels only names, contents and labels count. */
static bool is_plain(const struct vt_entry *entry)
{
	return entry->mode == 0 && entry->mtime_sec == 0 && entry->mtime_nsec == 0 &&
	       !entry->linked && entry->xattrs_len == 0;
}

static const char *kind_problem(const struct vt_entry *entry, enum vt_page_kind kind)
{
	if (kind == VT_PAGE_FILES)
		return entry->type == VT_LABELLED ? "a labelled file is in a tree of files" : NULL;
	if (entry->type == VT_FILE || entry->type == VT_SYMLINK)
		return "a file or symlink is in a tree of labels";
	return is_plain(entry) ? NULL : "an entry of a tree of labels has attributes";
}

static const char *type_problem(const struct vt_entry *entry)
{
	switch (entry->type) {
	case VT_FILE:
		return entry->size > INT64_MAX ? "a file's size is out of range" : NULL;
	case VT_DIRECTORY:
		return directory_problem(entry);
	case VT_SYMLINK:
		return target_problem(entry);
	case VT_LABELLED:
		return labelled_problem(entry);
	}
	return "an entry's type is not known";
}

const char *vt_entry_problem(const struct vt_entry *entry, enum vt_page_kind kind, bool is_root)
{
	const char *problem;

	if (is_root)
		problem = entry->name_len ? "a root has a name" : NULL;
	else
		problem = name_problem(entry->name, entry->name_len);
	if (!problem)
		problem = type_problem(entry);
	if (!problem)
		problem = kind_problem(entry, kind);
	if (problem)
		return problem;
	if (is_root && entry->type != VT_DIRECTORY)
		return "a root is not a directory";
	if (entry->mode & ~MODE_KNOWN)
		return "a mode has bits other than 01777";
	if (entry->mtime_nsec >= 1000000000)
		return "an mtime has 1e9 ns or more";
	if (entry->xattrs_len && vt_xattrs_check(entry->xattrs, entry->xattrs_len) < 0)
		return "xattrs are not in canonical form";
	return NULL;
}

void vt_entry_encode(const struct vt_entry *entry, struct vt_buf *out)
{
	unsigned flags = entry->linked ? FLAG_LINKED : 0;

	if (entry->xattrs_len)
		flags |= FLAG_XATTRS;
	vt_buf_put_u8(out, (uint8_t) entry->type);
	vt_buf_put_u8(out, (uint8_t) flags);
	vt_buf_put_le16(out, entry->mode);
	vt_buf_put_u8(out, (uint8_t) entry->name_len);
	vt_buf_put(out, entry->name, entry->name_len);
	vt_buf_put_le64(out, (uint64_t) entry->mtime_sec);
	vt_buf_put_le32(out, entry->mtime_nsec);
	switch (entry->type) {
	case VT_FILE:
		vt_buf_put_le64(out, entry->size);
		vt_buf_put(out, entry->content.bytes, VT_DIGEST_LEN);
		break;
	case VT_DIRECTORY:
		vt_buf_put(out, entry->content.bytes, VT_DIGEST_LEN);
		vt_buf_put_le32(out, entry->nodes);
		break;
	case VT_SYMLINK:
		vt_buf_put_le16(out, (uint16_t) entry->target_len);
		vt_buf_put(out, entry->target, entry->target_len);
		break;
	case VT_LABELLED:
		vt_buf_put(out, entry->content.bytes, VT_DIGEST_LEN);
		vt_buf_put_le32(out, entry->labels);
		vt_buf_put_le32(out, (uint32_t) entry->size);
		vt_buf_put(out, entry->block, vt_entry_block_len(entry));
		break;
	}
	if (entry->xattrs_len) {
		vt_buf_put_le32(out, (uint32_t) entry->xattrs_len);
		vt_buf_put(out, entry->xattrs, entry->xattrs_len);
	}
}

static void read_digest(struct vt_reader *reader, struct vt_digest *out)
{
	const void *bytes = vt_reader_get(reader, VT_DIGEST_LEN);

	if (bytes)
		memcpy(out->bytes, bytes, VT_DIGEST_LEN);
}

static const char *read_by_type(struct vt_reader *reader, struct vt_entry *entry)
{
	switch (entry->type) {
	case VT_FILE:
		entry->size = vt_reader_le64(reader);
		read_digest(reader, &entry->content);
		entry->nodes = 1;
		return NULL;
	case VT_DIRECTORY:
		read_digest(reader, &entry->content);
		entry->nodes = vt_reader_le32(reader);
		return NULL;
	case VT_SYMLINK:
		entry->target_len = vt_reader_le16(reader);
		entry->target = vt_reader_get(reader, entry->target_len);
		entry->size = entry->target_len;
		entry->nodes = 1;
		return NULL;
	case VT_LABELLED:
		read_digest(reader, &entry->content);
		entry->labels = vt_reader_le32(reader);
		entry->size = vt_reader_le32(reader);
		entry->block = vt_reader_get(reader, vt_entry_block_len(entry));
		entry->nodes = 1;
		return NULL;
	}
	return "an entry's type is not known";
}

const char *vt_entry_decode(struct vt_reader *reader, struct vt_entry *out)
{
	struct vt_entry entry = {.type = vt_reader_u8(reader)};
	unsigned flags = vt_reader_u8(reader);
	const char *problem;

	if (flags & ~FLAGS_KNOWN)
		return "an entry has flags that are not known";
	entry.linked = flags & FLAG_LINKED;
	entry.mode = vt_reader_le16(reader);
	entry.name_len = vt_reader_u8(reader);
	entry.name = vt_reader_get(reader, entry.name_len);
	entry.mtime_sec = (int64_t) vt_reader_le64(reader);
	entry.mtime_nsec = vt_reader_le32(reader);
	problem = read_by_type(reader, &entry);
	if (problem)
		return problem;
	if (flags & FLAG_XATTRS) {
		entry.xattrs_len = vt_reader_le32(reader);
		entry.xattrs = vt_reader_get(reader, entry.xattrs_len);
		if (entry.xattrs_len == 0)
			return "xattrs are flagged but empty";
	}
	if (reader->failed)
		return "an entry goes past the end";
	*out = entry;
	return NULL;
}
