/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See curate_split.h. By a key there are two sorts: one by content finds the first file of each,
 * whose value counts; one by value and place gives ranks.
 */
#include "index/curate_split.h"

#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "index/base/error.h"
#include "index/content_sort.h"
#include "index/idmap.h"
#include "index/wanted_files.h"

/* ---- as written ------------------------------------------------------------------------------ */

static bool is_name(const char *name, size_t len)
{
	return len > 0 && len <= VT_SPLIT_NAME_MAX && name[0] != '.' && name[0] != '-' &&
	       strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") >=
		       len;
}

/* Decimals up to 1, in millionths; 0 for what is none. */
static uint32_t read_share(const char *text, size_t len)
{
	uint32_t share = 0, unit = VT_SPLIT_WHOLE;

	if (len == 0 || (text[0] != '0' && text[0] != '1' && text[0] != '.'))
		return 0;
	if (*text != '.') {
		share = (uint32_t) (*text - '0') * unit;
		text++;
		len--;
	}
	if (len == 0)
		return share;
	if (*text != '.' || len == 1 || len > 7)
		return 0;
	while (--len > 0) {
		text++;
		if (*text < '0' || *text > '9')
			return 0;
		share += (uint32_t) (*text - '0') * (unit /= 10);
	}
	return share;
}

static bool is_there(const struct vt_split *split, const char *name)
{
	for (size_t i = 0; i < split->count; i++)
		if (strcmp(split->parts[i].name, name) == 0)
			return true;
	return false;
}

static int read_part(const char *text, size_t len, struct vt_split *out, struct vt_error *err)
{
	const char *equals = memchr(text, '=', len);
	size_t name_len = equals ? (size_t) (equals - text) : 0;
	struct vt_split_part *part = &out->parts[out->count];

	if (!is_name(text, name_len))
		return vt_fail(err, EINVAL, "'%.*s' is no part of a split: NAME=SHARE", (int) len,
			       text);
	if (out->count == VT_SPLIT_PARTS_MAX)
		return vt_fail(err, EINVAL, "a split has at most %u parts", VT_SPLIT_PARTS_MAX);
	*part = (struct vt_split_part){.share = read_share(equals + 1, len - name_len - 1)};
	memcpy(part->name, text, name_len);
	if (part->share == 0 || part->share > VT_SPLIT_WHOLE)
		return vt_fail(err, EINVAL,
			       "the share of '%s' must be above 0, at most 1, and have at most "
			       "six decimals",
			       part->name);
	if (is_there(out, part->name))
		return vt_fail(err, EINVAL, "'%s' is twice in the split", part->name);
	part->until = part->share + (out->count > 0 ? part[-1].until : 0);
	out->count++;
	return 0;
}

int vt_split_parse(const char *text, struct vt_split *out, struct vt_error *err)
{
	char sum[16];

	out->count = 0;
	for (;; text++) {
		size_t len = strcspn(text, ",");
		int r = read_part(text, len, out, err);

		if (r < 0)
			return r;
		text += len;
		if (!*text)
			break;
	}
	if (out->parts[out->count - 1].until == VT_SPLIT_WHOLE)
		return 0;
	vt_split_share(out->parts[out->count - 1].until, sum);
	return vt_fail(err, EINVAL, "the shares of a split make 1 together, these make %s", sum);
}

void vt_split_share(uint32_t share, char out[16])
{
	int len = snprintf(out, 16, "%u.%06u", share / VT_SPLIT_WHOLE, share % VT_SPLIT_WHOLE);

	while (out[len - 1] == '0')
		out[--len] = 0;
	if (out[len - 1] == '.')
		out[--len] = 0;
}

/* ---- places ---------------------------------------------------------------------------------- */

struct splitting {
	const struct vt_split *split;
	struct vt_wanted_files wanted;
	roaring_bitmap_t **parts;
	struct vt_idmap sizes; /* of values: how many files */
	struct vt_content_sort *by_content, *by_place;
};

/* Of a content id, by its first bytes. */
static uint64_t place_of(const struct splitting *s, const uint8_t content[VT_CONTENT_PREFIX])
{
	return XXH64(content, VT_CONTENT_PREFIX, s->split->seed);
}

static int split_by_place(struct splitting *s, struct vt_error *err)
{
	struct vt_labelled_file file;
	int r;

	while ((r = vt_wanted_files_next(&s->wanted, &file, err)) > 0) {
		uint64_t place = place_of(s, file.entry->content.bytes) >> 32;
		size_t part = 0;

		while (place * VT_SPLIT_WHOLE >> 32 >= s->split->parts[part].until)
			part++;
		roaring_bitmap_add(s->parts[part], file.position);
	}
	return r;
}

/* ---- by the values of a key ------------------------------------------------------------------ */

/* A number that stands for the value in force; none is 0 but for "no value". */
static uint64_t value_id(const struct vt_label *label)
{
	struct vt_digest digest;
	uint64_t id;
	char text[VT_LABEL_TEXT_MAX + 1];
	size_t len = 1;

	if (!label)
		return 1;
	text[0] = (char) label->type;
	switch (label->type) {
	case VT_LABEL_TEXT:
		memcpy(text + 1, label->value.text.bytes, label->value.text.len);
		len += label->value.text.len;
		break;
	case VT_LABEL_NUMBER:
		memcpy(text + 1, &label->value.number, sizeof label->value.number);
		len += sizeof label->value.number;
		break;
	case VT_LABEL_BOOLEAN:
		text[len++] = (char) label->value.boolean;
		break;
	}
	vt_digest_of(text, len, &digest);
	memcpy(&id, digest.bytes, sizeof id);
	return le64toh(id) | 2;
}

static int value_of(struct splitting *s, uint64_t *id, struct vt_error *err)
{
	const struct vt_label_text key = {s->split->by, strlen(s->split->by)};
	const struct vt_label *rows;
	size_t count;
	int r = vt_file_labels_rows(s->wanted.files, &rows, &count, err);

	if (r < 0)
		return r;
	count = vt_label_find_key(&rows, count, key);
	*id = value_id(vt_label_effective(rows, count, NULL));
	return 0;
}

/* The rows of `by_content`: `size` is the value's number. */
static int sort_by_content(struct splitting *s, struct vt_error *err)
{
	struct vt_labelled_file file;
	int r;

	while ((r = vt_wanted_files_next(&s->wanted, &file, err)) > 0) {
		struct vt_content_row row = {.position = file.position};

		memcpy(row.content, file.entry->content.bytes, sizeof row.content);
		r = value_of(s, &row.size, err);
		if (r >= 0)
			r = vt_content_sort_add(s->by_content, &row, err);
		if (r < 0)
			return r;
	}
	return r;
}

static int count_value(struct splitting *s, uint64_t id, struct vt_error *err)
{
	uint64_t files = 0;

	if (!vt_idmap_find(&s->sizes, id, &files) && s->sizes.count == VT_SPLIT_VALUES_MAX)
		return vt_fail(err, E2BIG, "'%s' has more than %u values to split by", s->split->by,
			       VT_SPLIT_VALUES_MAX);
	if (vt_idmap_put(&s->sizes, id, files + 1) < 0)
		return vt_fail(err, ENOMEM, "no memory to split by '%s'", s->split->by);
	return 0;
}

/* The rows of `by_place`: `content` is value and place, `size` the value again. */
static int sort_by_place(struct splitting *s, struct vt_error *err)
{
	struct vt_content_row row, first = {0};
	bool any = false;
	int r;

	while ((r = vt_content_sort_next(s->by_content, &row, err)) > 0) {
		uint64_t order[2];

		if (!any || memcmp(row.content, first.content, sizeof row.content) != 0)
			first = row;
		any = true;
		order[0] = htobe64(first.size);
		order[1] = htobe64(place_of(s, row.content));
		row.size = first.size;
		memcpy(row.content, order, sizeof row.content);
		r = count_value(s, row.size, err);
		if (r >= 0)
			r = vt_content_sort_add(s->by_place, &row, err);
		if (r < 0)
			return r;
	}
	return r;
}

static size_t part_of_rank(const struct splitting *s, uint64_t rank, uint64_t files)
{
	size_t part = 0;

	while (rank >= (files * s->split->parts[part].until + VT_SPLIT_WHOLE / 2) / VT_SPLIT_WHOLE)
		part++;
	return part;
}

static int split_by_rank(struct splitting *s, struct vt_error *err)
{
	struct vt_content_row row, last = {0};
	uint64_t rank = 0, files = 0;
	size_t part = 0;
	int r;

	while ((r = vt_content_sort_next(s->by_place, &row, err)) > 0) {
		if (row.size != last.size) {
			rank = 0;
			(void) vt_idmap_find(&s->sizes, row.size, &files);
		}
		if (rank == 0 || memcmp(row.content, last.content, sizeof row.content) != 0)
			part = part_of_rank(s, rank, files);
		roaring_bitmap_add(s->parts[part], row.position);
		last = row;
		rank++;
	}
	return r;
}

static int split_by_key(struct splitting *s, const char *scratch, struct vt_error *err)
{
	int r = vt_content_sort_new(scratch, VT_SPLIT_MEMORY, &s->by_content, err);

	if (r == 0)
		r = sort_by_content(s, err);
	if (r == 0)
		r = vt_content_sort_new(scratch, VT_SPLIT_MEMORY, &s->by_place, err);
	if (r == 0)
		r = sort_by_place(s, err);
	if (r == 0)
		r = split_by_rank(s, err);
	vt_content_sort_free(s->by_content);
	vt_content_sort_free(s->by_place);
	vt_idmap_done(&s->sizes);
	return r;
}

/* ---- from outside ---------------------------------------------------------------------------- */

static int make_parts(size_t count, roaring_bitmap_t **parts, struct vt_error *err)
{
	for (size_t i = 0; i < count; i++) {
		parts[i] = roaring_bitmap_create();
		if (!parts[i])
			return vt_fail(err, ENOMEM, "no memory for a split");
	}
	return 0;
}

int vt_split_files(const struct vt_split *split, const struct vt_labelled_files *version,
		   const roaring_bitmap_t *files, const char *scratch,
		   const struct vt_cancel *cancel, roaring_bitmap_t *parts[VT_SPLIT_PARTS_MAX],
		   struct vt_error *err)
{
	struct splitting s = {.split = split, .parts = parts};
	int r;

	memset(parts, 0, VT_SPLIT_PARTS_MAX * sizeof *parts);
	r = vt_wanted_files_open(&s.wanted, version, files, cancel, err);
	if (r == 0)
		r = make_parts(split->count, parts, err);
	if (r == 0)
		r = split->by ? split_by_key(&s, scratch, err) : split_by_place(&s, err);
	vt_wanted_files_done(&s.wanted);
	for (size_t i = 0; r < 0 && i < split->count; i++) {
		vt_bitmap_free(parts[i]);
		parts[i] = NULL;
	}
	return r;
}
