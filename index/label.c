/* SPDX-License-Identifier: Apache-2.0 */
/* What a label may be, how labels compare, and which of them is in force (label.h). */
#include "index/label.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "index/base/error.h"
#include "index/base/utf8.h"
#include "index/entry_codec.h"

/* Unicode's Cc. */
static bool is_control(uint32_t code)
{
	return code < 0x20 || (code >= 0x7f && code < 0xa0);
}

/* UTF-8 without control characters but those in `allowed`. */
static bool is_text(struct vt_label_text text, const char *allowed)
{
	const uint8_t *bytes = (const uint8_t *) text.bytes;

	for (size_t i = 0, step; i < text.len; i += step) {
		uint32_t code = bytes[i];

		step = code < 0x80 ? 1 : vt_utf8_decode(bytes + i, text.len - i, &code);
		if (step == 0 || code == 0)
			return false;
		if (is_control(code) && (code >= 0x80 || !strchr(allowed, (int) code)))
			return false;
	}
	return true;
}

static bool is_key_byte(char byte, bool first)
{
	bool is_letter = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');

	return is_letter || byte == '_' ||
	       (!first && (byte == '-' || (byte >= '0' && byte <= '9')));
}

static bool is_key(struct vt_label_text key)
{
	for (size_t i = 0; i < key.len; i++)
		if (!is_key_byte(key.bytes[i], i == 0))
			return false;
	return key.len > 0 && key.len <= VT_LABEL_KEY_MAX;
}

static const char *value_problem(const struct vt_label *label)
{
	double number;

	switch (label->type) {
	case VT_LABEL_TEXT:
		if (label->value.text.len > VT_LABEL_TEXT_MAX)
			return "a label's value is longer than 4096 bytes";
		return is_text(label->value.text, "\t\n")
			       ? NULL
			       : "a label's value is not UTF-8 or holds control characters";
	case VT_LABEL_NUMBER:
		number = label->value.number;
		return isfinite(number) && !(number == 0 && signbit(number))
			       ? NULL
			       : "a label's value is not a finite number, or -0";
	case VT_LABEL_BOOLEAN:
		return NULL;
	}
	return "a label's type is not known";
}

static const char *maker_problem(const struct vt_label *label)
{
	if (label->annotator.len == 0 || label->annotator.len > VT_LABEL_NAME_MAX)
		return "a label's annotator is empty or longer than 100 bytes";
	if (!is_text(label->annotator, ""))
		return "a label's annotator is not UTF-8 or holds control characters";
	if (label->source < VT_LABEL_HUMAN || label->source > VT_LABEL_IMPORT)
		return "a label's source is not known";
	if (label->tool.len > VT_LABEL_NAME_MAX)
		return "a label's tool is longer than 100 bytes";
	if (!is_text(label->tool, ""))
		return "a label's tool is not UTF-8 or holds control characters";
	return NULL;
}

/* NaN is in no range. */
static bool is_confidence(double confidence)
{
	return confidence >= 0 && confidence <= 1 && !signbit(confidence);
}

const char *vt_label_problem(const struct vt_label *label)
{
	const char *problem;

	if (!is_key(label->key))
		return "a label's key is not 1 to 64 of [A-Za-z0-9_-], or begins with a digit or '-'";
	problem = value_problem(label);
	if (!problem)
		problem = maker_problem(label);
	if (problem)
		return problem;
	if (label->review < VT_LABEL_DRAFT || label->review > VT_LABEL_DISPUTED)
		return "a label's review is not known";
	if (label->has_confidence && !is_confidence(label->confidence))
		return "a label's confidence is not from 0 to 1";
	if (label->region.len > VT_LABEL_REGION_MAX)
		return "a label's region is longer than 65536 bytes";
	if (!is_text(label->region, "\t\n\r"))
		return "a label's region is not UTF-8 or holds control characters";
	return NULL;
}

int vt_label_check(const struct vt_label *label, struct vt_error *err)
{
	const char *problem = vt_label_problem(label);

	return problem ? vt_fail(err, EINVAL, "%s", problem) : 0;
}

static int compare_text(struct vt_label_text a, struct vt_label_text b)
{
	return vt_name_compare(a.bytes, a.len, b.bytes, b.len);
}

bool vt_label_same_value(const struct vt_label *a, const struct vt_label *b)
{
	if (a->type != b->type)
		return false;
	switch (a->type) {
	case VT_LABEL_TEXT:
		return compare_text(a->value.text, b->value.text) == 0;
	case VT_LABEL_NUMBER:
		return a->value.number == b->value.number;
	case VT_LABEL_BOOLEAN:
		break;
	}
	return a->value.boolean == b->value.boolean;
}

static unsigned source_rank(enum vt_label_source source)
{
	switch (source) {
	case VT_LABEL_HUMAN:
		return 3;
	case VT_LABEL_IMPORT:
		return 2;
	case VT_LABEL_MODEL:
		return 1;
	case VT_LABEL_RULE:
		break;
	}
	return 0;
}

/* Rules 1 to 3, the higher the better; 0: rejected. */
static unsigned rank(const struct vt_label *label)
{
	unsigned settled = label->review != VT_LABEL_DRAFT;
	unsigned accepted = label->review == VT_LABEL_ACCEPTED;

	if (label->review == VT_LABEL_REJECTED)
		return 0;
	return 1 + (settled << 3 | source_rank(label->source) << 1 | accepted);
}

static const struct vt_label *find_effective(const struct vt_label *rows, size_t count)
{
	const struct vt_label *best = NULL;

	for (size_t i = 0; i < count; i++) {
		unsigned here = rank(&rows[i]), there = best ? rank(best) : 0;

		if (here > there || (here > 0 && here == there && rows[i].time_ns > best->time_ns))
			best = &rows[i];
	}
	return best;
}

/* Of the rows of one annotator, from `*i` on: its say, or NULL. `*i` goes behind them. */
static const struct vt_label *next_say(const struct vt_label *rows, size_t count, size_t *i)
{
	const struct vt_label *first = &rows[*i], *say = NULL;

	for (; *i < count && compare_text(rows[*i].annotator, first->annotator) == 0; ++*i)
		if (rows[*i].review != VT_LABEL_REJECTED &&
		    (!say || rows[*i].time_ns > say->time_ns))
			say = &rows[*i];
	return say;
}

static struct vt_label_agreement agree(const struct vt_label *rows, size_t count,
				       const struct vt_label *effective)
{
	struct vt_label_agreement out = {0};

	for (size_t i = 0; i < count;) {
		const struct vt_label *say = next_say(rows, count, &i);

		if (!say)
			continue;
		out.annotators++;
		out.agreeing += vt_label_same_value(say, effective);
		out.disputed |= say->review == VT_LABEL_DISPUTED;
	}
	if (out.agreeing < out.annotators && effective->review != VT_LABEL_ACCEPTED)
		out.disputed = true;
	return out;
}

const struct vt_label *vt_label_effective(const struct vt_label *rows, size_t count,
					  struct vt_label_agreement *agreement)
{
	const struct vt_label *effective = find_effective(rows, count);

	if (agreement)
		*agreement = agree(rows, count, effective);
	return effective;
}
