/* SPDX-License-Identifier: Apache-2.0 */
/* What a label may be, how labels compare, and which of them is in force (label.h). */
#include "index/label.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <string.h>

#include "index/base/error.h"
#include "index/base/utf8.h"
#include "index/entry_codec.h"

const char *const vt_label_sources[] = {
	"",
	[VT_LABEL_HUMAN] = "human",
	[VT_LABEL_MODEL] = "model",
	[VT_LABEL_RULE] = "rule",
	[VT_LABEL_IMPORT] = "import",
	NULL,
};

const char *const vt_label_reviews[] = {
	"",
	[VT_LABEL_DRAFT] = "draft",
	[VT_LABEL_SUBMITTED] = "submitted",
	[VT_LABEL_ACCEPTED] = "accepted",
	[VT_LABEL_REJECTED] = "rejected",
	[VT_LABEL_DISPUTED] = "disputed",
	NULL,
};

unsigned vt_label_word_find(const char *const *words, struct vt_label_text word)
{
	for (unsigned i = 1; words[i]; i++)
		if (strlen(words[i]) == word.len && memcmp(words[i], word.bytes, word.len) == 0)
			return i;
	return 0;
}

/* Unicode's Cc. */
static bool is_control(uint32_t code)
{
	return code < 0x20 || (code >= 0x7f && code < 0xa0);
}

/* What may be wrong with a text. */
struct text_words {
	const char *too_long, *not_utf8, *has_control;
};
#define TEXT_WORDS(what, max)                                                                      \
	{                                                                                          \
		what " is longer than " max " bytes", what " is not UTF-8",                        \
			what " has control characters"                                             \
	}
static const struct text_words value_words = TEXT_WORDS("the value", "4096"),
			       annotator_words = TEXT_WORDS("the annotator", "100"),
			       tool_words = TEXT_WORDS("the tool", "100"),
			       region_words = TEXT_WORDS("the region", "65536");
_Static_assert(VT_LABEL_TEXT_MAX == 4096 && VT_LABEL_NAME_MAX == 100 &&
		       VT_LABEL_REGION_MAX == 65536 && VT_LABEL_KEY_MAX == 64,
	       "sentences say so");

/* NULL: UTF-8 without control characters but those in `allowed`. Measured before it is read. */
static const char *text_problem(struct vt_label_text text, size_t max, const char *allowed,
				const struct text_words *words)
{
	const uint8_t *bytes = (const uint8_t *) text.bytes;

	if (text.len > max)
		return words->too_long;
	for (size_t i = 0, step; i < text.len; i += step) {
		uint32_t code = bytes[i];

		step = code < 0x80 ? 1 : vt_utf8_decode(bytes + i, text.len - i, &code);
		if (step == 0)
			return words->not_utf8;
		if (is_control(code) && (code == 0 || code >= 0x80 || !strchr(allowed, (int) code)))
			return words->has_control;
	}
	return NULL;
}

static bool is_key_byte(char byte, bool first)
{
	bool is_letter = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');

	return is_letter || byte == '_' ||
	       (!first && (byte == '-' || (byte >= '0' && byte <= '9')));
}

static const char *key_problem(struct vt_label_text key)
{
	if (key.len == 0)
		return "the key is empty";
	if (key.len > VT_LABEL_KEY_MAX)
		return "the key is longer than 64 bytes";
	for (size_t i = 0; i < key.len; i++)
		if (!is_key_byte(key.bytes[i], i == 0))
			return "the key is not of letters, digits, _ and -, a letter or _ first";
	return NULL;
}

static const char *value_problem(const struct vt_label *label)
{
	double number;

	switch (label->type) {
	case VT_LABEL_TEXT:
		return text_problem(label->value.text, VT_LABEL_TEXT_MAX, "\t\n", &value_words);
	case VT_LABEL_NUMBER:
		number = label->value.number;
		if (!isfinite(number))
			return "the value is no finite number";
		return number == 0 && signbit(number) ? "the value is -0" : NULL;
	case VT_LABEL_BOOLEAN:
		return NULL;
	}
	return "the value has no type";
}

static const char *maker_problem(const struct vt_label *label)
{
	const char *problem;

	if (label->annotator.len == 0)
		return "the annotator is empty";
	problem = text_problem(label->annotator, VT_LABEL_NAME_MAX, "", &annotator_words);
	if (!problem)
		problem = text_problem(label->tool, VT_LABEL_NAME_MAX, "", &tool_words);
	if (problem)
		return problem;
	if (label->source < VT_LABEL_HUMAN || label->source > VT_LABEL_IMPORT)
		return "the source is none of human, model, rule, import";
	return NULL;
}

/* NaN is in no range. */
static bool is_confidence(double confidence)
{
	return confidence >= 0 && confidence <= 1 && !signbit(confidence);
}

static bool is_blank(char byte)
{
	return byte == ' ' || byte == '\t';
}

static const char *region_problem(struct vt_label_text region)
{
	const char *problem = text_problem(region, VT_LABEL_REGION_MAX, "\t", &region_words);

	if (!problem && region.len > 0 &&
	    (is_blank(region.bytes[0]) || is_blank(region.bytes[region.len - 1])))
		return "the region begins or ends with a blank";
	return problem;
}

const char *vt_label_problem(const struct vt_label *label)
{
	const char *problem = key_problem(label->key);

	if (!problem)
		problem = value_problem(label);
	if (!problem)
		problem = maker_problem(label);
	if (problem)
		return problem;
	if (label->review < VT_LABEL_DRAFT || label->review > VT_LABEL_DISPUTED)
		return "the review is none of draft, submitted, accepted, rejected, disputed";
	if (label->has_confidence && !is_confidence(label->confidence))
		return "the confidence is not from 0 to 1";
	return region_problem(label->region);
}

static int check_json(struct vt_label_text region, struct vt_error *err)
{
	json_error_t error;
	json_t *value = json_loadb(region.bytes, region.len,
				   JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);

	if (!value)
		return vt_fail(err, EINVAL, "the region is no JSON: %s", error.text);
	json_decref(value);
	return 0;
}

int vt_label_check(const struct vt_label *label, struct vt_error *err)
{
	const char *problem = vt_label_problem(label);

	if (problem)
		return vt_fail(err, EINVAL, "%s", problem);
	return label->region.len ? check_json(label->region, err) : 0;
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

static bool has_key(const struct vt_label *label, struct vt_label_text key)
{
	return label->key.len == key.len && memcmp(label->key.bytes, key.bytes, key.len) == 0;
}

size_t vt_label_count_key(const struct vt_label *rows, size_t count)
{
	size_t end = 1;

	while (end < count && has_key(&rows[end], rows[0].key))
		end++;
	return end;
}

size_t vt_label_find_key(const struct vt_label **rows, size_t count, struct vt_label_text key)
{
	for (; count > 0; count--, ++*rows)
		if (has_key(*rows, key))
			return vt_label_count_key(*rows, count);
	return 0;
}

const struct vt_label *vt_label_next_say(const struct vt_label *rows, size_t count, size_t *i)
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
		const struct vt_label *say = vt_label_next_say(rows, count, &i);

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
