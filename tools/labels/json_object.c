/* SPDX-License-Identifier: Apache-2.0 */
/* See json_object.h. */
#include "tools/labels/json_object.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/error.h"

int vt_json_check(struct vt_label_text value, struct vt_error *err)
{
	json_error_t error;
	json_t *tree = json_loadb(value.bytes, value.len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY,
				  &error);

	if (!tree && json_error_code(&error) == json_error_out_of_memory)
		return vt_fail(err, ENOMEM, "no memory for a value");
	if (!tree)
		return vt_fail(err, EINVAL, "it is no JSON: %s at byte %d", error.text,
			       error.position);
	json_decref(tree);
	return 0;
}

/* The scanner writes over what it reads, which is ours. */
static struct vt_json_scan scan_over(struct vt_label_text raw)
{
	char *at = (char *) (uintptr_t) raw.bytes;

	return (struct vt_json_scan){at, at};
}

struct vt_json_walk vt_json_walk_over(struct vt_label_text raw)
{
	struct vt_json_walk walk = {scan_over(raw)};

	walk.scan.at++;
	return walk;
}

bool vt_json_walk_element(struct vt_json_walk *walk, struct vt_label_text *raw)
{
	(void) vt_json_try(&walk->scan, ',');
	return vt_json_peek(&walk->scan) != ']' && vt_json_raw(&walk->scan, raw, NULL) == 0;
}

bool vt_json_walk_member(struct vt_json_walk *walk, struct vt_label_text *raw_name,
			 struct vt_label_text *raw)
{
	(void) vt_json_try(&walk->scan, ',');
	return vt_json_peek(&walk->scan) != '}' && vt_json_raw(&walk->scan, raw_name, NULL) == 0 &&
	       vt_json_take(&walk->scan, ':', NULL) == 0 &&
	       vt_json_raw(&walk->scan, raw, NULL) == 0;
}

static void set_member(struct vt_json_member *members, size_t count, struct vt_label_text name,
		       struct vt_label_text raw)
{
	for (size_t i = 0; i < count; i++)
		if (strlen(members[i].name) == name.len &&
		    memcmp(members[i].name, name.bytes, name.len) == 0)
			members[i].raw = vt_json_kind(raw) == 'n' ? (struct vt_label_text){0} : raw;
}

void vt_json_members(struct vt_label_text raw, struct vt_json_member *members, size_t count)
{
	struct vt_json_walk walk = vt_json_walk_over(raw);
	struct vt_label_text name, value;

	while (vt_json_walk_member(&walk, &name, &value))
		if (vt_json_text(name, "name", &name, NULL) == 0)
			set_member(members, count, name, value);
}

int vt_json_text(struct vt_label_text raw, const char *what, struct vt_label_text *out,
		 struct vt_error *err)
{
	struct vt_json_scan scan = scan_over(raw);

	if (vt_json_kind(raw) != '"')
		return vt_fail(err, EINVAL, "the %s is no text", what);
	return vt_json_string(&scan, out, err);
}

/* jansson has refused what is too great. */
int vt_json_whole(struct vt_label_text raw, const char *what, int64_t *out, struct vt_error *err)
{
	char *end;

	if (vt_json_is_number(raw)) {
		*out = strtoll(raw.bytes, &end, 10);
		if (end == raw.bytes + raw.len)
			return 0;
	}
	return vt_fail(err, EINVAL, "the %s is no whole number", what);
}

int vt_json_real(struct vt_label_text raw, const char *what, double *out, struct vt_error *err)
{
	struct vt_json_scan scan = scan_over(raw);

	if (!vt_json_is_number(raw))
		return vt_fail(err, EINVAL, "the %s is no number", what);
	return vt_json_number(&scan, out, err);
}

int vt_json_scalar(struct vt_label_text raw, struct vt_label *out, struct vt_error *err)
{
	struct vt_json_scan scan = scan_over(raw);

	switch (vt_json_kind(raw)) {
	case '"':
		out->type = VT_LABEL_TEXT;
		return vt_json_string(&scan, &out->value.text, err);
	case 't':
	case 'f':
		out->type = VT_LABEL_BOOLEAN;
		return vt_json_boolean(&scan, &out->value.boolean, err);
	default:
		out->type = VT_LABEL_NUMBER;
		return vt_json_is_number(raw)
			       ? vt_json_number(&scan, &out->value.number, err)
			       : vt_fail(err, EINVAL, "the value is no text, number or boolean");
	}
}

char *vt_json_compact(char *to, struct vt_label_text raw)
{
	bool in_string = false;

	for (size_t i = 0; i < raw.len; i++) {
		char byte = raw.bytes[i];

		if (!in_string && strchr(" \t\r\n", byte))
			continue;
		if (byte == '"')
			in_string = !in_string;
		*to++ = byte;
		if (in_string && byte == '\\')
			*to++ = raw.bytes[++i];
	}
	return to;
}
