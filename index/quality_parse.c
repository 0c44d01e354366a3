/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a file of gates (quality.h): a table of members, each of which becomes a rule. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/error.h"
#include "index/quality_private.h"

enum shape {
	SHAPE_COUNT,
	SHAPE_SHARE,
	SHAPE_FIGURE,
	SHAPE_NUMBER,
	SHAPE_TRUE,
	SHAPE_FALSE,
	SHAPE_KEY,
	SHAPE_TYPE,
	SHAPE_VALUES
};

struct member {
	const char *name;
	enum vt_quality_kind kind;
	enum shape shape;
};

static const struct member top_members[] = {
	{"unlabelled", VT_QUALITY_UNLABELLED, SHAPE_COUNT},
	{"duplicates", VT_QUALITY_DUPLICATES, SHAPE_COUNT},
	{"leakage", VT_QUALITY_LEAKAGE, SHAPE_KEY},
	{"other_keys", VT_QUALITY_OTHER_KEYS, SHAPE_FALSE},
	{0},
};
static const struct member key_members[] = {
	{"required", VT_QUALITY_REQUIRED, SHAPE_TRUE},
	{"type", VT_QUALITY_TYPE, SHAPE_TYPE},
	{"values", VT_QUALITY_VALUES, SHAPE_VALUES},
	{"min", VT_QUALITY_MIN, SHAPE_NUMBER},
	{"max", VT_QUALITY_MAX, SHAPE_NUMBER},
	{"min_share", VT_QUALITY_MIN_SHARE, SHAPE_SHARE},
	{"max_share", VT_QUALITY_MAX_SHARE, SHAPE_SHARE},
	{"min_count", VT_QUALITY_MIN_COUNT, SHAPE_COUNT},
	{"min_agreement", VT_QUALITY_MIN_AGREEMENT, SHAPE_SHARE},
	{"min_alpha", VT_QUALITY_MIN_ALPHA, SHAPE_FIGURE},
	{"max_disputed", VT_QUALITY_MAX_DISPUTED, SHAPE_COUNT},
	{0},
};

/* ---- limits ---- */

static unsigned find_type(const json_t *word)
{
	static const char *const types[] = {"", "text", "number", "boolean"};

	for (unsigned i = 1; json_is_string(word) && i < 4; i++)
		if (strcmp(json_string_value(word), types[i]) == 0)
			return i;
	return 0;
}

static bool is_key(const json_t *word)
{
	struct vt_label label = {
		.key = {json_string_value(word), json_string_length(word)},
		.type = VT_LABEL_BOOLEAN,
		.annotator = {"a", 1},
		.source = VT_LABEL_HUMAN,
		.review = VT_LABEL_DRAFT,
	};

	return json_is_string(word) && !vt_label_problem(&label);
}

/* What a limit must be; NULL: it is. */
static const char *limit_problem(enum shape shape, const json_t *limit)
{
	double number = json_number_value(limit);

	switch (shape) {
	case SHAPE_COUNT:
		return json_is_integer(limit) && number >= 0 ? NULL
							     : "a number of files, 0 or more";
	case SHAPE_SHARE:
		return json_is_number(limit) && number >= 0 && number <= 1 ? NULL : "from 0 to 1";
	case SHAPE_FIGURE:
		return json_is_number(limit) && fabs(number) <= 1 ? NULL : "from -1 to 1";
	case SHAPE_NUMBER:
		return json_is_number(limit) ? NULL : "a number";
	case SHAPE_TRUE:
		return json_is_true(limit) ? NULL : "true, or left out";
	case SHAPE_FALSE:
		return json_is_false(limit) ? NULL : "false, or left out";
	case SHAPE_KEY:
		return is_key(limit) ? NULL : "the name of a key";
	case SHAPE_TYPE:
		return find_type(limit) ? NULL : "\"text\", \"number\" or \"boolean\"";
	case SHAPE_VALUES:
		break;
	}
	return json_is_array(limit) && json_array_size(limit) > 0 ? NULL : "a list of values";
}

/* False: it is no value of a label, or too long. */
static bool value_of(const json_t *value, struct vt_stats_value *out)
{
	struct vt_label label = {.type = VT_LABEL_BOOLEAN, .value.boolean = json_is_true(value)};

	if (json_is_string(value)) {
		label.type = VT_LABEL_TEXT;
		label.value.text =
			(struct vt_label_text){json_string_value(value), json_string_length(value)};
	} else if (json_is_number(value)) {
		label.type = VT_LABEL_NUMBER;
		label.value.number = json_number_value(value) + 0.0; /* -0 is 0 */
	} else if (!json_is_boolean(value)) {
		return false;
	}
	*out = vt_stats_value_encode(&label);
	return out->len > 0;
}

static int read_values(struct vt_quality *quality, struct vt_quality_rule *rule,
		       struct vt_error *err)
{
	const json_t *value;
	size_t i;

	vt_tally_init(&rule->values, VT_STATS_VALUES_MAX, &quality->budget);
	json_array_foreach((json_t *) rule->limit, i, value)
	{
		struct vt_stats_value encoded;
		struct vt_tally_item *item;
		int r;

		if (!value_of(value, &encoded))
			return vt_fail(err, EINVAL,
				       "keys.%s.values: the %zu. is no text of up to %u bytes, "
				       "number or boolean",
				       rule->key, i + 1, VT_STATS_VALUE_LEN);
		r = vt_tally_item(&rule->values, encoded.bytes, encoded.len, &item, err);
		if (r < 0)
			return r;
		if (!item)
			return vt_fail(err, EINVAL, "keys.%s.values: more than %u, or too long",
				       rule->key, VT_STATS_VALUES_MAX);
	}
	return 0;
}

/* ---- members ---- */

static int add_rule(struct vt_quality *quality, const struct member *member, const char *key,
		    const json_t *limit, struct vt_error *err)
{
	const char *problem = limit_problem(member->shape, limit);
	const char *dot = key ? "." : "", *keys = key ? "keys." : "";
	struct vt_quality_rule *rule = &quality->rules[quality->count];

	if (problem)
		return vt_fail(err, EINVAL, "%s%s%s%s: it must be %s", keys, key ? key : "", dot,
			       member->name, problem);
	if (quality->count == VT_QUALITY_RULES_MAX)
		return vt_fail(err, EINVAL, "%s%s%s%s: more than %u rules", keys, key ? key : "",
			       dot, member->name, VT_QUALITY_RULES_MAX);
	quality->count++;
	*rule = (struct vt_quality_rule){.kind = member->kind,
					 .name = member->name,
					 .key = key,
					 .limit = limit,
					 .number = json_number_value(limit),
					 .offenders = json_array()};
	if (!rule->offenders)
		return vt_fail(err, ENOMEM, "no memory for gates");
	if (member->shape == SHAPE_TYPE)
		rule->number = find_type(limit);
	return member->shape == SHAPE_VALUES ? read_values(quality, rule, err) : 0;
}

static const struct member *find_member(const struct member *members, const char *name)
{
	for (; members->name; members++)
		if (strcmp(members->name, name) == 0)
			return members;
	return NULL;
}

static int read_key(struct vt_quality *quality, const char *key, const json_t *rules,
		    struct vt_error *err)
{
	const json_t *limit;
	const char *name;

	if (!json_is_object(rules))
		return vt_fail(err, EINVAL, "keys.%s: it must be an object of rules", key);
	json_object_foreach((json_t *) rules, name, limit)
	{
		const struct member *member = find_member(key_members, name);
		int r;

		if (!member)
			return vt_fail(err, EINVAL, "keys.%s.%s: there is no such rule", key, name);
		r = add_rule(quality, member, key, limit, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int read_keys(struct vt_quality *quality, const json_t *keys, struct vt_error *err)
{
	const json_t *rules;
	const char *key;
	int r = 0;

	if (!json_is_object(keys))
		return vt_fail(err, EINVAL, "keys: it must be an object of keys");
	json_object_foreach((json_t *) keys, key, rules)
	{
		json_t *name = json_string(key);
		bool good = is_key(name);

		json_decref(name);
		if (!good)
			return vt_fail(err, EINVAL, "keys: '%s' is not the name of a key", key);
		r = read_key(quality, key, rules, err);
		if (r < 0)
			break;
	}
	return r;
}

static int read_all(struct vt_quality *quality, struct vt_error *err)
{
	const json_t *limit;
	const char *name;
	int r = 0;

	if (!json_is_object(quality->document))
		return vt_fail(err, EINVAL, "gates are an object of rules");
	json_object_foreach(quality->document, name, limit)
	{
		const struct member *member = find_member(top_members, name);

		if (member)
			r = add_rule(quality, member, NULL, limit, err);
		else if (strcmp(name, "keys") == 0)
			r = read_keys(quality, limit, err);
		else
			r = vt_fail(err, EINVAL, "%s: there is no such rule", name);
		if (r < 0)
			return r;
	}
	return 0;
}

int vt_quality_parse(const char *text, size_t len, struct vt_quality **out, struct vt_error *err)
{
	vt_cleanup(vt_quality_freep) struct vt_quality *quality = calloc(1, sizeof *quality);
	json_error_t error;
	int r;

	if (!quality)
		return vt_fail(err, ENOMEM, "no memory for gates");
	quality->budget = VT_STATS_BUDGET;
	quality->watch = (struct vt_stats_watch){vt_quality_see_key, vt_quality_see_file, quality};
	quality->rules = calloc(VT_QUALITY_RULES_MAX + 1, sizeof *quality->rules);
	quality->is_met = calloc(VT_QUALITY_RULES_MAX, sizeof *quality->is_met);
	if (!quality->rules || !quality->is_met)
		return vt_fail(err, ENOMEM, "no memory for gates");
	quality->document = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
	if (!quality->document)
		return vt_fail(err, EINVAL, "line %d, column %d: %s", error.line, error.column,
			       error.text);
	r = read_all(quality, err);
	if (r < 0)
		return r;
	*out = vt_steal(&quality);
	return 0;
}

void vt_quality_free(struct vt_quality *quality)
{
	if (!quality)
		return;
	for (size_t i = 0; i < quality->count; i++) {
		vt_tally_done(&quality->rules[i].values);
		json_decref(quality->rules[i].offenders);
	}
	free(quality->rules);
	free(quality->is_met);
	json_decref(quality->document);
	free(quality);
}

const char *vt_quality_leak_key(const struct vt_quality *quality)
{
	for (size_t i = 0; i < quality->count; i++)
		if (quality->rules[i].kind == VT_QUALITY_LEAKAGE)
			return json_string_value(quality->rules[i].limit);
	return NULL;
}

const struct vt_stats_watch *vt_quality_watch(const struct vt_quality *quality)
{
	return &quality->watch;
}
