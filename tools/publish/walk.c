/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See walk.h. Hard links: in the first pass every file that may have more than one name gives a
 * record (what it is a name of -> position); sorted, these stand in groups, and each group of two
 * and more gives a record (position -> first position, names, slot) to a second spool, which is
 * then read along with the walk. What a name is a name of is (device, inode) in a directory, and in
 * an archive the path of the member that brought the content.
 */
#include "tools/publish/walk.h"

#include <endian.h>
#include <string.h>

#include "index/base/error.h"
#include "tools/publish/content.h"
#include "tools/publish/source.h"

/* A decoded record with the memory it borrows from. */
struct held_item {
	struct vt_buf path, value;
	struct vt_item item;
	bool valid;
};

struct vt_walk {
	struct vt_publish_context *context;
	struct vt_walk_totals totals;
	struct held_item current, ahead;
	struct vt_buf dir;  /* path of the directory that the walk is in */
	struct vt_buf file; /* path of the last node, if that was no directory */
	uint32_t file_source;
	uint32_t position;      /* of the node given last, or of the last that it keeps */
	struct vt_spool *links; /* by position */
	struct {
		uint32_t position, primary, links;
		uint64_t slot;
	} link; /* the next record of `links`; position 0: none left */
};

/* Of the links' spools. */
struct member {
	uint32_t position;
	uint8_t is_link; /* an archive's link; else the member with the content */
	uint64_t order;  /* archive: slot */
};

const struct vt_walk_totals *vt_walk_totals(const struct vt_walk *walk)
{
	return &walk->totals;
}

void vt_walk_free(struct vt_walk *walk)
{
	if (!walk)
		return;
	vt_buf_done(&walk->current.path);
	vt_buf_done(&walk->current.value);
	vt_buf_done(&walk->ahead.path);
	vt_buf_done(&walk->ahead.value);
	vt_buf_done(&walk->dir);
	vt_buf_done(&walk->file);
	vt_spool_free(walk->links);
	free(walk);
}

/* Names */

static int read_ahead(struct vt_walk *walk, struct vt_error *err)
{
	struct held_item *held = &walk->ahead;
	struct vt_spool_record record;
	int r = vt_spool_next(walk->context->found, &record, err);

	held->valid = r > 0;
	if (r <= 0)
		return r;
	vt_buf_reset(&held->value);
	vt_buf_put(&held->value, record.value, record.value_len);
	if (vt_buf_failed(&held->value))
		return vt_fail(err, ENOMEM, "no memory for an entry");
	return vt_item_decode(record.key, record.key_len, held->value.data, held->value.len,
			      &held->path, &held->item, err);
}

/* Moving the buffers keeps what is borrowed from them. */
static void step(struct vt_walk *walk)
{
	struct held_item swap = walk->current;

	walk->current = walk->ahead;
	walk->ahead = swap;
	walk->ahead.valid = false;
}

static const char *source_name(const struct vt_walk *walk, uint32_t source)
{
	return walk->context->sources[source].name;
}

static bool same_path(const struct vt_item *a, const struct vt_item *b)
{
	return a->path_len == b->path_len && memcmp(a->path, b->path, a->path_len) == 0;
}

/* The item ahead says of the current one that it is kept. */
static bool is_kept(const struct vt_walk *walk)
{
	const struct vt_item *directory = &walk->current.item, *mark = &walk->ahead.item;

	return walk->ahead.valid && mark->kept && mark->path_len == directory->path_len + 1 &&
	       memcmp(mark->path, directory->path, directory->path_len) == 0;
}

static int take_mark(struct vt_walk *walk, struct vt_error *err)
{
	walk->current.item.kept = walk->ahead.item.kept;
	walk->current.item.kept_entries = walk->ahead.item.kept_entries;
	return read_ahead(walk, err);
}

/* Two directories are one, with the attributes of the last; nothing else may come twice. */
static int next_name(struct vt_walk *walk, struct vt_error *err)
{
	int r;

	step(walk);
	r = read_ahead(walk, err);
	while (r >= 0 && walk->current.valid && walk->ahead.valid &&
	       same_path(&walk->current.item, &walk->ahead.item)) {
		const struct vt_item *a = &walk->current.item, *b = &walk->ahead.item;

		if (a->type != VT_DIRECTORY || b->type != VT_DIRECTORY)
			return vt_fail(err, EINVAL, "'%s' comes twice: from '%s' and from '%s'",
				       a->path, source_name(walk, a->source),
				       source_name(walk, b->source));
		step(walk);
		r = read_ahead(walk, err);
	}
	if (r >= 0 && walk->current.valid && is_kept(walk))
		r = take_mark(walk, err);
	return r < 0 ? r : walk->current.valid;
}

static bool is_below(const struct vt_buf *dir, const struct vt_item *item)
{
	return dir->len == 0 || (item->path_len > dir->len && item->path[dir->len] == '/' &&
				 memcmp(item->path, dir->data, dir->len) == 0);
}

static void leave_directories(struct vt_walk *walk, const struct vt_item *item)
{
	while (!is_below(&walk->dir, item)) {
		const char *dir = (const char *) walk->dir.data;
		const char *slash = memrchr(dir, '/', walk->dir.len);

		walk->dir.len = slash ? (size_t) (slash - dir) : 0;
	}
}

/* The length of the first directory on the way to `item` that nobody described; 0: there is none.
 */
static size_t missing_parent(const struct vt_walk *walk, const struct vt_item *item)
{
	size_t from = walk->dir.len ? walk->dir.len + 1 : 0;
	const char *slash = memchr(item->path + from, '/', item->path_len - from);

	return slash ? (size_t) (slash - item->path) : 0;
}

static int imply_directory(struct vt_walk *walk, size_t len, struct vt_item *out,
			   struct vt_error *err)
{
	const struct vt_item *below = &walk->current.item;
	const struct vt_source *source = &walk->context->sources[below->source];

	if (walk->file.len == len && len && memcmp(walk->file.data, below->path, len) == 0)
		return vt_fail(
			err, EINVAL, "'%.*s' is a directory in '%s' and something else in '%s'",
			(int) len, below->path, source->name, source_name(walk, walk->file_source));
	*out = (struct vt_item){.path = below->path,
				.path_len = len,
				.type = VT_DIRECTORY,
				.mode = 0755,
				.mtime_sec = source->newest.tv_sec,
				.mtime_nsec = (uint32_t) source->newest.tv_nsec,
				.source = below->source};
	return 0;
}

static int note_place(struct vt_walk *walk, const struct vt_item *item, struct vt_error *err)
{
	struct vt_buf *place = item->type == VT_DIRECTORY ? &walk->dir : &walk->file;

	vt_buf_reset(&walk->file);
	vt_buf_reset(place);
	vt_buf_put(place, item->path, item->path_len);
	walk->file_source = item->source;
	return vt_buf_failed(place) ? vt_fail(err, ENOMEM, "no memory for a path") : 0;
}

static uint32_t depth_of(const struct vt_item *item)
{
	uint32_t depth = 1;

	for (size_t i = 0; i < item->path_len; i++)
		depth += item->path[i] == '/';
	return depth;
}

/* Links */

static int read_link(struct vt_walk *walk, struct vt_error *err)
{
	struct vt_spool_record record;
	int r;

	walk->link.position = 0;
	if (!walk->links)
		return 0;
	r = vt_spool_next(walk->links, &record, err);
	if (r <= 0)
		return r;
	memcpy(&walk->link, record.value, sizeof walk->link);
	return 0;
}

/* Files of directories have the slots behind the archives', by the position of their first name. */
static int resolve(struct vt_walk *walk, struct vt_walk_node *node, struct vt_error *err)
{
	uint32_t owner = node->position;

	node->slot = node->item.slot;
	if (walk->link.position == node->position) {
		node->primary = owner = walk->link.primary;
		node->links = walk->link.links;
		node->slot = walk->link.slot;
		if (read_link(walk, err) < 0)
			return -EIO;
	}
	if (node->slot == 0)
		node->slot = walk->context->slots + owner;
	return 0;
}

/* Walking */

int vt_walk_rewind(struct vt_walk *walk, struct vt_error *err)
{
	int r = vt_spool_sort(walk->context->found, err);

	if (r == 0 && walk->links)
		r = vt_spool_sort(walk->links, err);
	walk->position = 0;
	walk->current.valid = false;
	vt_buf_reset(&walk->dir);
	vt_buf_reset(&walk->file);
	if (r == 0)
		r = read_ahead(walk, err);
	return r < 0 ? r : read_link(walk, err);
}

int vt_walk_next(struct vt_walk *walk, struct vt_walk_node *out, struct vt_error *err)
{
	struct vt_walk_node node = {0};
	size_t missing;
	int r;

	if (!walk->current.valid) {
		r = next_name(walk, err);
		if (r <= 0)
			return r;
	}
	leave_directories(walk, &walk->current.item);
	missing = missing_parent(walk, &walk->current.item);
	if (missing > 0) {
		r = imply_directory(walk, missing, &node.item, err);
		if (r < 0)
			return r;
	} else {
		node.item = walk->current.item;
		walk->current.valid = false;
	}
	if (node.item.kept_entries >= VT_NODES_MAX - 1 - walk->position)
		return vt_fail(err, EOVERFLOW, "more than %u entries", VT_NODES_MAX);
	node.position = ++walk->position;
	walk->position += node.item.kept_entries;
	node.depth = depth_of(&node.item);
	r = note_place(walk, &node.item, err);
	if (r == 0)
		r = resolve(walk, &node, err);
	if (r < 0)
		return r;
	*out = node;
	return 1;
}

/* The first pass */

static int add_member(const struct vt_walk *walk, struct vt_spool *members,
		      const struct vt_walk_node *node, struct vt_error *err)
{
	vt_cleanup(vt_buf_done) struct vt_buf key = VT_BUF_INIT, value = VT_BUF_INIT;
	const struct vt_item *item = &node->item;
	const struct vt_source *source = &walk->context->sources[item->source];
	struct member member;

	memset(&member, 0, sizeof member);
	member.position = node->position;
	member.is_link = source->archive && item->linked;
	member.order = item->slot;
	vt_buf_put_be32(&key, item->source);
	if (!source->archive) {
		vt_buf_put_be64(&key, item->stamp.device);
		vt_buf_put_be64(&key, item->stamp.inode);
	} else if (item->linked) {
		vt_buf_put(&key, item->target, item->target_len);
	} else {
		vt_buf_put(&key, item->path, item->path_len);
	}
	vt_buf_put(&value, &member, sizeof member);
	vt_buf_put(&value, item->path, item->path_len);
	if (vt_buf_failed(&key) || vt_buf_failed(&value))
		return vt_fail(err, ENOMEM, "no memory for hard links");
	return vt_spool_add(members, key.data, key.len, value.data, value.len, err);
}

static void count(struct vt_walk *walk, const struct vt_item *item)
{
	walk->totals.nodes += 1 + item->kept_entries;
	if (item->type != VT_FILE || walk->context->sources[item->source].archive)
		return;
	if (item->decode || item->stamp.size > VT_SMALL_MAX) {
		walk->totals.large_files++;
	} else if (item->stamp.size > 0) {
		walk->totals.small_files++;
		walk->totals.small_bytes += item->stamp.size;
	}
}

/* In an archive a file does not know of its links, which come later. */
static bool may_have_names(const struct vt_walk *walk, const struct vt_item *item)
{
	return item->linked ||
	       (item->type == VT_FILE && walk->context->sources[item->source].links);
}

static int collect_members(struct vt_walk *walk, struct vt_spool *members, struct vt_error *err)
{
	struct vt_walk_node node;
	int r = vt_walk_rewind(walk, err);

	while (r >= 0 && (r = vt_walk_next(walk, &node, err)) > 0) {
		count(walk, &node.item);
		if (may_have_names(walk, &node.item))
			r = add_member(walk, members, &node, err);
		if (r >= 0)
			r = vt_crew_result(walk->context->crew, err);
	}
	return r;
}

/* A group of names of one file, in walk order. */
struct group {
	struct vt_buf key;
	struct vt_buf members; /* struct member each */
	struct vt_buf link;    /* path of a link, for words */
};

static int end_group(struct vt_walk *walk, struct group *group, struct vt_error *err)
{
	const struct member *members = (const void *) group->members.data;
	size_t n = group->members.len / sizeof *members, owner = 0;

	while (owner < n && members[owner].is_link)
		owner++;
	for (size_t i = 0; i < n; i++)
		if (members[i].is_link && (owner == n || members[i].order < members[owner].order))
			return vt_fail(err, EBADMSG,
				       "the hard link '%.*s' names '%.*s', which is no file that "
				       "comes before it in the archive",
				       (int) group->link.len, (char *) group->link.data,
				       (int) group->key.len - 4, (char *) group->key.data + 4);
	for (size_t i = 0; n > 1 && i < n; i++) {
		uint32_t key = htobe32(members[i].position);
		__typeof__(walk->link) link;
		int r;

		memset(&link, 0, sizeof link);
		link.position = members[i].position;
		link.primary = members[0].position;
		link.links = (uint32_t) n;
		link.slot = members[owner].order;
		r = vt_spool_add(walk->links, &key, sizeof key, &link, sizeof link, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int add_to_group(struct vt_walk *walk, struct group *group,
			const struct vt_spool_record *record, struct vt_error *err)
{
	struct member member;
	int r = 0;

	if (group->members.len > 0 &&
	    (group->key.len != record->key_len ||
	     memcmp(group->key.data, record->key, record->key_len) != 0)) {
		r = end_group(walk, group, err);
		vt_buf_reset(&group->members);
	}
	if (group->members.len == 0) {
		vt_buf_reset(&group->key);
		vt_buf_put(&group->key, record->key, record->key_len);
	}
	memcpy(&member, record->value, sizeof member);
	vt_buf_put(&group->members, &member, sizeof member);
	if (member.is_link) {
		vt_buf_reset(&group->link);
		vt_buf_put(&group->link, (const uint8_t *) record->value + sizeof member,
			   record->value_len - sizeof member);
	}
	if (r == 0 && (vt_buf_failed(&group->members) || vt_buf_failed(&group->key) ||
		       vt_buf_failed(&group->link)))
		r = vt_fail(err, ENOMEM, "no memory for hard links");
	return r;
}

static int find_groups(struct vt_walk *walk, struct vt_spool *members, struct vt_error *err)
{
	struct group group = {0};
	struct vt_spool_record record;
	int r = vt_spool_sort(members, err);

	while (r >= 0 && (r = vt_spool_next(members, &record, err)) > 0)
		r = add_to_group(walk, &group, &record, err);
	if (r == 0 && group.members.len > 0)
		r = end_group(walk, &group, err);
	vt_buf_done(&group.key);
	vt_buf_done(&group.members);
	vt_buf_done(&group.link);
	return r;
}

int vt_walk_new(struct vt_publish_context *context, struct vt_walk **out, struct vt_error *err)
{
	vt_cleanup(vt_walk_freep) struct vt_walk *walk = calloc(1, sizeof *walk);
	vt_cleanup(vt_spool_freep) struct vt_spool *members = NULL;
	int r;

	if (!walk)
		return vt_fail(err, ENOMEM, "no memory to sort entries");
	walk->context = context;
	r = vt_spool_new(context->info->dir, VT_SPOOL_MEMORY / 2, &members, err);
	if (r == 0)
		r = collect_members(walk, members, err);
	if (r == 0)
		r = vt_spool_new(context->info->dir, VT_SPOOL_MEMORY / 2, &walk->links, err);
	if (r == 0)
		r = find_groups(walk, members, err);
	if (r == 0)
		r = vt_walk_rewind(walk, err);
	if (r < 0)
		return r;
	*out = vt_steal(&walk);
	return 0;
}
