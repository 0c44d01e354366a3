/* SPDX-License-Identifier: Apache-2.0 */
/* See label.h. What a label may be, in one place: whoever makes one from foreign text asks here. */
#include "index/label.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <string.h>

#include "index/base/error.h"
#include "index/base/utf8.h"

#define SOURCES (VT_LABEL_IMPORT + 1)
#define REVIEWS (VT_LABEL_DISPUTED + 1)

static const char *const sources[SOURCES] = {
	[VT_LABEL_HUMAN] = "human",
	[VT_LABEL_MODEL] = "model",
	[VT_LABEL_RULE] = "rule",
	[VT_LABEL_IMPORT] = "import",
};

static const char *const reviews[REVIEWS] = {
	[VT_LABEL_DRAFT] = "draft",       [VT_LABEL_SUBMITTED] = "submitted",
	[VT_LABEL_ACCEPTED] = "accepted", [VT_LABEL_REJECTED] = "rejected",
	[VT_LABEL_DISPUTED] = "disputed",
};

static unsigned find(const char *const *names, unsigned count, struct vt_label_text name)
{
	for (unsigned i = 1; i < count; i++)
		if (strlen(names[i]) == name.len && memcmp(names[i], name.bytes, name.len) == 0)
			return i;
	return 0;
}

const char *vt_label_source_name(enum vt_label_source source)
{
	return sources[source];
}

enum vt_label_source vt_label_source_find(struct vt_label_text name)
{
	return find(sources, SOURCES, name);
}

const char *vt_label_review_name(enum vt_label_review review)
{
	return reviews[review];
}

enum vt_label_review vt_label_review_find(struct vt_label_text name)
{
	return find(reviews, REVIEWS, name);
}

/* ---- checking ------------------------------------------------------------------------------- */

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static int check_key(struct vt_label_text key, struct vt_error *err)
{
	if (key.len == 0)
		return vt_fail(err, EINVAL, "the key is empty");
	if (key.len > VT_LABEL_KEY_MAX)
		return vt_fail(err, EINVAL, "the key is longer than %u bytes", VT_LABEL_KEY_MAX);
	for (size_t i = 0; i < key.len; i++) {
		char c = key.bytes[i];

		if (is_letter(c) || (i > 0 && ((c >= '0' && c <= '9') || c == '-')))
			continue;
		return vt_fail(
			err, EINVAL,
			"the key '%.*s' is not of letters, digits, _ and -, a letter or _ first",
			(int) key.len, key.bytes);
	}
	return 0;
}

/* C0, DEL and C1. */
static bool is_control(uint32_t code)
{
	return code < 0x20 || (code >= 0x7f && code < 0xa0);
}

static int check_text(const char *what, struct vt_label_text text, size_t max, const char *allowed,
		      struct vt_error *err)
{
	if (text.len > max)
		return vt_fail(err, EINVAL, "the %s is longer than %zu bytes", what, max);
	for (size_t i = 0, step; i < text.len; i += step) {
		uint32_t code;

		step = vt_utf8_decode(text.bytes + i, text.len - i, &code);
		if (step == 0)
			return vt_fail(err, EINVAL, "the %s is not UTF-8", what);
		if (is_control(code) && (code == 0 || code > 0x7f || !strchr(allowed, (int) code)))
			return vt_fail(err, EINVAL, "the %s has a control character (U+%04X)", what,
				       code);
	}
	return 0;
}

static int check_value(const struct vt_label *label, struct vt_error *err)
{
	switch (label->type) {
	case VT_LABEL_TEXT:
		return check_text("value", label->value.text, VT_LABEL_TEXT_MAX, "\t\n", err);
	case VT_LABEL_NUMBER:
		if (!isfinite(label->value.number))
			return vt_fail(err, EINVAL, "the value is no finite number");
		if (label->value.number == 0 && signbit(label->value.number))
			return vt_fail(err, EINVAL, "the value is -0");
		return 0;
	case VT_LABEL_BOOLEAN:
		return 0;
	}
	return vt_fail(err, EINVAL, "the value has no type");
}

static int check_names(const struct vt_label *label, struct vt_error *err)
{
	int r;

	if (label->annotator.len == 0)
		return vt_fail(err, EINVAL, "the annotator is empty");
	r = check_text("annotator", label->annotator, VT_LABEL_NAME_MAX, "", err);
	if (r == 0)
		r = check_text("tool", label->tool, VT_LABEL_NAME_MAX, "", err);
	if (r < 0)
		return r;
	if (label->source < VT_LABEL_HUMAN || label->source > VT_LABEL_IMPORT)
		return vt_fail(err, EINVAL, "the source is none of human, model, rule, import");
	if (label->review < VT_LABEL_DRAFT || label->review > VT_LABEL_DISPUTED)
		return vt_fail(
			err, EINVAL,
			"the review is none of draft, submitted, accepted, rejected, disputed");
	return 0;
}

/* Not by !(a && b): NaN is neither. */
static int check_confidence(const struct vt_label *label, struct vt_error *err)
{
	double c = label->confidence;

	if (!label->has_confidence || (c > 0 && c <= 1) || (c == 0 && !signbit(c)))
		return 0;
	return vt_fail(err, EINVAL, "the confidence is not from 0 to 1");
}

/* One JSON value, nothing around it, that stays in its line. */
static int check_region(struct vt_label_text region, struct vt_error *err)
{
	json_error_t error;
	json_t *value;

	if (region.len == 0)
		return 0;
	if (region.len > VT_LABEL_REGION_MAX)
		return vt_fail(err, EINVAL, "the region is longer than %u bytes",
			       VT_LABEL_REGION_MAX);
	if (memchr(region.bytes, '\n', region.len) || memchr(region.bytes, '\r', region.len))
		return vt_fail(err, EINVAL, "the region has more than one line");
	if (strchr(" \t", region.bytes[0]) || strchr(" \t", region.bytes[region.len - 1]))
		return vt_fail(err, EINVAL, "the region begins or ends with a space");
	value = json_loadb(region.bytes, region.len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY,
			   &error);
	if (!value)
		return vt_fail(err, EINVAL, "the region is no JSON: %s", error.text);
	json_decref(value);
	return 0;
}

int vt_label_check(const struct vt_label *label, struct vt_error *err)
{
	int r = check_key(label->key, err);

	if (r == 0)
		r = check_value(label, err);
	if (r == 0)
		r = check_names(label, err);
	if (r == 0)
		r = check_confidence(label, err);
	return r < 0 ? r : check_region(label->region, err);
}
