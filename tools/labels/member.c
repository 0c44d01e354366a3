/* SPDX-License-Identifier: Apache-2.0 */
/* See member.h. */
#include "tools/labels/member.h"

#include <errno.h>
#include <string.h>

#include "index/base/error.h"
#include "index/rfc3339.h"

#define PARENT_DIGITS 16u

static const char *const names[VT_MEMBERS] = {
	[VT_MEMBER_PATH] = "path",
	[VT_MEMBER_PATH_HEX] = "path_hex",
	[VT_MEMBER_KEY] = "key",
	[VT_MEMBER_VALUE] = "value",
	[VT_MEMBER_ANNOTATOR] = "annotator",
	[VT_MEMBER_SOURCE] = "source",
	[VT_MEMBER_CONFIDENCE] = "confidence",
	[VT_MEMBER_REVIEW] = "review",
	[VT_MEMBER_TIME] = "time",
	[VT_MEMBER_TOOL] = "tool",
	[VT_MEMBER_PARENT] = "parent",
	[VT_MEMBER_REGION] = "region",
	[VT_MEMBER_TYPE] = "type",
};

const char *vt_label_member_name(enum vt_label_member member)
{
	return names[member];
}

enum vt_label_member vt_label_member_find(struct vt_label_text name)
{
	for (unsigned i = VT_MEMBER_NONE + 1; i < VT_MEMBERS; i++)
		if (strlen(names[i]) == name.len && memcmp(names[i], name.bytes, name.len) == 0)
			return i;
	return VT_MEMBER_NONE;
}

int vt_digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* In place: bytes are fewer than their digits. */
static int set_path_hex(struct vt_label_row *row, struct vt_label_text text, struct vt_error *err)
{
	char *to = (char *) (uintptr_t) text.bytes;

	for (size_t i = 0; i < text.len; i += 2) {
		int high = vt_digit_of(text.bytes[i]);
		int low = i + 1 < text.len ? vt_digit_of(text.bytes[i + 1]) : -1;

		if (high < 0 || low < 0)
			return vt_fail(err, EINVAL, "path_hex is not pairs of hexadecimal digits");
		to[i / 2] = (char) (high << 4 | low);
	}
	row->path = (struct vt_label_text){text.bytes, text.len / 2};
	return 0;
}

static int set_parent(struct vt_label *label, struct vt_label_text text, struct vt_error *err)
{
	uint64_t parent = 0;
	bool good = text.len == PARENT_DIGITS;

	for (size_t i = 0; good && i < PARENT_DIGITS; i++) {
		int digit = vt_digit_of(text.bytes[i]);

		good = digit >= 0;
		parent = parent << 4 | (unsigned) digit;
	}
	if (!good || parent == 0)
		return vt_fail(err, EINVAL, "the parent is not %u hexadecimal digits, or is 0",
			       PARENT_DIGITS);
	label->parent = parent;
	return 0;
}

int vt_label_member_set(struct vt_label_row *row, enum vt_label_member member,
			struct vt_label_text text, struct vt_error *err)
{
	struct vt_label *label = &row->label;

	switch (member) {
	case VT_MEMBER_PATH:
		row->path = text;
		return 0;
	case VT_MEMBER_PATH_HEX:
		return set_path_hex(row, text, err);
	case VT_MEMBER_KEY:
		label->key = text;
		return 0;
	case VT_MEMBER_ANNOTATOR:
		label->annotator = text;
		return 0;
	case VT_MEMBER_TOOL:
		label->tool = text;
		return 0;
	case VT_MEMBER_SOURCE:
		label->source = vt_label_word_find(vt_label_sources, text);
		return 0;
	case VT_MEMBER_REVIEW:
		label->review = vt_label_word_find(vt_label_reviews, text);
		return 0;
	case VT_MEMBER_TIME:
		return vt_rfc3339_parse(text, &label->time_ns, err);
	case VT_MEMBER_PARENT:
		return set_parent(label, text, err);
	default:
		return vt_fail(err, EINVAL, "the %s is no text", names[member]);
	}
}
