/* SPDX-License-Identifier: Apache-2.0 */
/* See guess.h. */
#include "tools/labels/guess.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "index/base/cleanup.h"
#include "index/base/error.h"
#include "tools/labels/json_scan.h"

struct hint {
	const char *word;
	enum vt_label_format format;
};

static const struct hint endings[] = {
	{".csv", VT_LABELS_CSV},
	{".jsonl", VT_LABELS_JSONL},
	{".ndjson", VT_LABELS_JSONL},
};

/* Members that an object has in one format only. */
static const struct hint of_object[] = {
	{"path", VT_LABELS_JSONL},       {"path_hex", VT_LABELS_JSONL},  {"images", VT_LABELS_COCO},
	{"annotations", VT_LABELS_COCO}, {"categories", VT_LABELS_COCO},
};
static const struct hint of_element[] = {
	{"image_id", VT_LABELS_COCO},
	{"category_id", VT_LABELS_COCO},
	{"data", VT_LABELS_LABEL_STUDIO},
	{"annotations", VT_LABELS_LABEL_STUDIO},
	{"predictions", VT_LABELS_LABEL_STUDIO},
};
#define COUNT(list) (sizeof(list) / sizeof *(list))

static enum vt_label_format by_ending(const char *name)
{
	const char *dot = strrchr(name, '.');

	for (size_t i = 0; dot && i < COUNT(endings); i++)
		if (strcasecmp(dot, endings[i].word) == 0)
			return endings[i].format;
	return VT_LABELS_GUESS;
}

/* At the brace: by the names of the members, as far as the head reaches. */
static enum vt_label_format by_members(struct vt_json_scan *scan, const struct hint *hints,
				       size_t count)
{
	struct vt_label_text name, value;

	do {
		scan->at++; /* the brace, or the comma */
		if (vt_json_string(scan, &name, NULL) < 0)
			break;
		for (size_t i = 0; i < count; i++)
			if (strlen(hints[i].word) == name.len &&
			    memcmp(hints[i].word, name.bytes, name.len) == 0)
				return hints[i].format;
	} while (vt_json_take(scan, ':', NULL) == 0 && vt_json_raw(scan, &value, NULL) == 0 &&
		 vt_json_peek(scan) == ',');
	return VT_LABELS_GUESS;
}

static enum vt_label_format by_content(char *head)
{
	struct vt_json_scan scan = {head, head};

	if (vt_json_peek(&scan) == '{')
		return by_members(&scan, of_object, COUNT(of_object));
	if (vt_json_try(&scan, '[') && vt_json_peek(&scan) == '{')
		return by_members(&scan, of_element, COUNT(of_element));
	return VT_LABELS_GUESS;
}

int vt_label_format_guess(const char *name, const void *head, size_t len, enum vt_label_format *out,
			  struct vt_error *err)
{
	vt_autofree char *copy = strndup(head, len); /* which ends it, and is written over */
	enum vt_label_format format = by_ending(name);

	if (!copy)
		return vt_fail(err, ENOMEM, "no memory to read '%s'", name);
	if (!format)
		format = by_content(copy);
	if (!format)
		return vt_fail(err, EINVAL,
			       "'%s' does not look like JSONL, COCO or Label Studio's JSON, and is "
			       "not called .csv, .jsonl or .ndjson: say of which format it is",
			       name);
	*out = format;
	return 0;
}
