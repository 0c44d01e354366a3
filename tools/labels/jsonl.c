/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See label_line.h. Each line is scanned once and in place, without a tree: the speed of an import
 * is the speed of this file.
 */
#include "index/label_line.h"

#include <errno.h>
#include <string.h>

#include "index/base/error.h"
#include "tools/labels/json_scan.h"
#include "tools/labels/member.h"
#include "tools/labels/reader_private.h"

struct jsonl {
	struct vt_label_reader base;
	struct vt_buf line;
};

static int scan_value(struct vt_json_scan *scan, struct vt_label *label, struct vt_error *err)
{
	switch (vt_json_peek(scan)) {
	case '"':
		label->type = VT_LABEL_TEXT;
		return vt_json_string(scan, &label->value.text, err);
	case 't':
	case 'f':
		label->type = VT_LABEL_BOOLEAN;
		return vt_json_boolean(scan, &label->value.boolean, err);
	case '[':
	case '{':
	case 'n':
		return vt_fail(err, EINVAL, "the value is no text, number or boolean");
	default:
		label->type = VT_LABEL_NUMBER;
		return vt_json_number(scan, &label->value.number, err);
	}
}

static int scan_text(struct vt_json_scan *scan, enum vt_label_member member,
		     struct vt_label_row *row, struct vt_error *err)
{
	struct vt_label_text text;
	int r;

	if (vt_json_peek(scan) != '"')
		return vt_fail(err, EINVAL, "the %s is no text", vt_label_member_name(member));
	r = vt_json_string(scan, &text, err);
	return r < 0 ? r : vt_label_member_set(row, member, text, err);
}

static int scan_member(struct vt_json_scan *scan, enum vt_label_member member,
		       struct vt_label_row *row, struct vt_error *err)
{
	int r;

	switch (member) {
	case VT_MEMBER_VALUE:
		return scan_value(scan, &row->label, err);
	case VT_MEMBER_CONFIDENCE:
		row->label.has_confidence = true;
		r = vt_json_number(scan, &row->label.confidence, err);
		return r < 0 ? vt_fail_in(err, r, "the confidence") : 0;
	case VT_MEMBER_REGION:
		return vt_json_raw(scan, &row->label.region, err);
	default:
		return scan_text(scan, member, row, err);
	}
}

static int scan_named(struct vt_json_scan *scan, unsigned *seen, struct vt_label_row *row,
		      struct vt_error *err)
{
	enum vt_label_member member;
	struct vt_label_text name;
	int r = vt_json_string(scan, &name, err);

	if (r == 0)
		r = vt_json_take(scan, ':', err);
	if (r < 0)
		return r;
	member = vt_label_member_find(name);
	if (member == VT_MEMBER_NONE || member == VT_MEMBER_TYPE)
		return vt_fail(err, EINVAL, "a label has no member '%.*s'",
			       name.len < 40 ? (int) name.len : 40, name.bytes);
	if (*seen & 1u << member)
		return vt_fail(err, EINVAL, "the member '%s' stands there twice",
			       vt_label_member_name(member));
	*seen |= 1u << member;
	return scan_member(scan, member, row, err);
}

static int check_seen(unsigned seen, struct vt_error *err)
{
	bool has_path = seen & 1u << VT_MEMBER_PATH, has_hex = seen & 1u << VT_MEMBER_PATH_HEX;

	if (has_path && has_hex)
		return vt_fail(err, EINVAL, "it has both path and path_hex");
	if (!has_path && !has_hex)
		return vt_fail(err, EINVAL, "it has no path");
	if (!(seen & 1u << VT_MEMBER_KEY))
		return vt_fail(err, EINVAL, "it has no key");
	if (!(seen & 1u << VT_MEMBER_VALUE))
		return vt_fail(err, EINVAL, "it has no value");
	return 1;
}

static int scan_object(struct vt_json_scan *scan, struct vt_label_row *row, struct vt_error *err)
{
	unsigned seen = 0;
	int r = vt_json_take(scan, '{', err);

	if (r == 0 && !vt_json_try(scan, '}')) {
		do
			r = scan_named(scan, &seen, row, err);
		while (r == 0 && vt_json_try(scan, ','));
		if (r == 0)
			r = vt_json_take(scan, '}', err);
	}
	return r < 0 ? r : check_seen(seen, err);
}

/* The line becomes a NUL-terminated text; a NUL in it would end it early. */
static int scan_line(struct jsonl *jsonl, size_t len, struct vt_error *err)
{
	char *text = (char *) jsonl->line.data;
	struct vt_json_scan scan = {text, text};
	struct vt_label_row *row = vt_label_reader_add(&jsonl->base);
	int r;

	if (!row)
		return vt_fail(err, ENOMEM, "no memory for a label");
	text[len] = '\0';
	if (strlen(text) != len)
		return vt_fail(err, EINVAL, "it is no JSON: a NUL at byte %zu", strlen(text) + 1);
	r = scan_object(&scan, row, err);
	if (r > 0 && vt_json_peek(&scan))
		return vt_fail(err, EINVAL, "there is more behind the object");
	return r;
}

static int jsonl_fill(struct vt_label_reader *reader, struct vt_error *err)
{
	struct jsonl *jsonl = (struct jsonl *) reader;
	size_t len;
	int r;

	do {
		vt_buf_reset(&jsonl->line);
		r = vt_input_line(&reader->input, &jsonl->line, err);
		reader->line = reader->input.line;
		if (r <= 0)
			return r;
		len = vt_label_line_length(&jsonl->line);
	} while (len == 0);
	vt_buf_put_u8(&jsonl->line, 0);
	if (vt_buf_failed(&jsonl->line))
		return vt_fail(err, ENOMEM, "no memory for a line");
	return scan_line(jsonl, len, err);
}

static void jsonl_done(struct vt_label_reader *reader)
{
	vt_buf_done(&((struct jsonl *) reader)->line);
}

const struct vt_label_format_table vt_label_jsonl = {
	.size = sizeof(struct jsonl),
	.done = jsonl_done,
	.fill = jsonl_fill,
};
