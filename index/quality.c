/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Measures gates (quality.h). Rules about single files are counted while the walk goes on, those
 * about all of them are read off the statistics after it.
 */
#include "index/quality.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "index/base/error.h"
#include "index/json_text.h"
#include "index/quality_private.h"

static int no_memory(struct vt_error *err)
{
	return vt_fail(err, ENOMEM, "no memory for the result of gates");
}

/* ---- file by file ---- */

json_t *vt_quality_value_json(const struct vt_label *label)
{
	switch (label->type) {
	case VT_LABEL_TEXT:
		return json_stringn(label->value.text.bytes, label->value.text.len);
	case VT_LABEL_NUMBER:
		return json_real(label->value.number);
	case VT_LABEL_BOOLEAN:
		break;
	}
	return json_boolean(label->value.boolean);
}

/* `value` is taken; NULL without one. */
static int blame(struct vt_quality_rule *rule, const struct vt_labelled_file *file,
		 const char *name, json_t *value, struct vt_error *err)
{
	json_t *row;
	int bad;

	if (rule->files++ >= VT_OFFENDERS_MAX) {
		json_decref(value);
		return 0;
	}
	row = json_object();
	bad = vt_json_set_text(row, "path", file->path, file->path_len) < 0;
	if (name)
		bad |= json_object_set_new(row, name, value) < 0;
	bad |= json_array_append_new(rule->offenders, row) < 0;
	return bad ? no_memory(err) : 0;
}

bool vt_quality_allows(const struct vt_quality_rule *rule, const struct vt_label *label)
{
	struct vt_stats_value value;

	switch (rule->kind) {
	case VT_QUALITY_TYPE:
		return label->type == (enum vt_label_type) rule->number;
	case VT_QUALITY_VALUES:
		value = vt_stats_value_encode(label);
		return value.len > 0 && vt_tally_find(&rule->values, value.bytes, value.len);
	case VT_QUALITY_MIN:
		return label->type == VT_LABEL_NUMBER && label->value.number >= rule->number;
	case VT_QUALITY_MAX:
		return label->type == VT_LABEL_NUMBER && label->value.number <= rule->number;
	default:
		return true;
	}
}

static int check_values(struct vt_quality_rule *rule, const struct vt_labelled_file *file,
			const struct vt_label *rows, size_t count, struct vt_error *err)
{
	for (size_t i = 0; i < count; i++)
		if (rows[i].review != VT_LABEL_REJECTED && !vt_quality_allows(rule, &rows[i]))
			return blame(rule, file, "value", vt_quality_value_json(&rows[i]), err);
	return 0;
}

static int check_key(struct vt_quality_rule *rule, const struct vt_labelled_file *file,
		     const struct vt_label *rows, size_t count,
		     const struct vt_label_agreement *agreement, struct vt_error *err)
{
	switch (rule->kind) {
	case VT_QUALITY_MAX_DISPUTED:
		return agreement->disputed ? blame(rule, file, NULL, NULL, err) : 0;
	case VT_QUALITY_MIN_AGREEMENT:
	case VT_QUALITY_MIN_ALPHA:
		if (agreement->annotators > 1 && agreement->agreeing < agreement->annotators)
			return blame(rule, file, NULL, NULL, err);
		return 0;
	default:
		return check_values(rule, file, rows, count, err);
	}
}

bool vt_quality_is_about(const struct vt_quality_rule *rule, struct vt_label_text key)
{
	return rule->key && strlen(rule->key) == key.len &&
	       memcmp(rule->key, key.bytes, key.len) == 0;
}

static int check_other_key(struct vt_quality *quality, const struct vt_labelled_file *file,
			   struct vt_label_text key, struct vt_error *err)
{
	for (size_t i = 0; i < quality->count; i++)
		if (quality->rules[i].kind == VT_QUALITY_OTHER_KEYS)
			return blame(&quality->rules[i], file, "key",
				     json_stringn(key.bytes, key.len), err);
	return 0;
}

static bool is_known_key(const struct vt_quality *quality, struct vt_label_text key)
{
	const json_t *keys = json_object_get(quality->document, "keys");

	return json_object_getn(keys, key.bytes, key.len) != NULL;
}

int vt_quality_see_key(void *context, const struct vt_labelled_file *file,
		       const struct vt_label *rows, size_t count, const struct vt_label *effective,
		       const struct vt_label_agreement *agreement, struct vt_error *err)
{
	struct vt_quality *quality = context;
	int r = 0;

	if (!is_known_key(quality, rows[0].key))
		return check_other_key(quality, file, rows[0].key, err);
	for (size_t i = 0; r == 0 && i < quality->count; i++) {
		if (!vt_quality_is_about(&quality->rules[i], rows[0].key))
			continue;
		quality->is_met[i] = effective != NULL;
		r = check_key(&quality->rules[i], file, rows, count, agreement, err);
	}
	return r;
}

int vt_quality_see_file(void *context, const struct vt_labelled_file *file, struct vt_error *err)
{
	struct vt_quality *quality = context;
	int r = 0;

	for (size_t i = 0; r == 0 && i < quality->count; i++) {
		struct vt_quality_rule *rule = &quality->rules[i];

		if ((rule->kind == VT_QUALITY_UNLABELLED && file->labels == 0) ||
		    (rule->kind == VT_QUALITY_REQUIRED && !quality->is_met[i]))
			r = blame(rule, file, NULL, NULL, err);
		quality->is_met[i] = false;
	}
	return r;
}

/* ---- all together ---- */

struct verdict {
	bool passed;
	double measured; /* NAN: cannot be */
};

static struct verdict at_most(double measured, double limit)
{
	return (struct verdict){measured <= limit, measured};
}

static struct verdict at_least(double measured, double limit)
{
	return (struct verdict){measured >= limit, measured}; /* NAN is not */
}

static int blame_twins(struct vt_quality_rule *rule, const struct vt_label_stats *stats,
		       const struct vt_twins *twins, const struct vt_key_stats *key,
		       struct vt_error *err)
{
	for (size_t i = 0; i < twins->count; i++) {
		const struct vt_twin *twin = &twins->list[i];
		json_t *row = json_object();
		int bad = json_array_append_new(rule->offenders, row) < 0, r;

		r = bad ? no_memory(err)
			: vt_stats_set_path(&stats->tree, row, "path", twin->position, err);
		if (r == 0)
			r = vt_stats_set_path(&stats->tree, row, "other_path", twin->other, err);
		if (r < 0)
			return r;
		if (!key)
			continue;
		bad |= json_object_set_new(
			       row, "value",
			       vt_stats_value_json(key->values.items[twin->value - 1])) < 0;
		bad |= json_object_set_new(
			       row, "other_value",
			       vt_stats_value_json(key->values.items[twin->other_value - 1])) < 0;
		if (bad)
			return no_memory(err);
	}
	return 0;
}

/* How much of a key's files one value has, or how many. */
static double measure_value(const struct vt_quality_rule *rule, const struct vt_key_stats *key,
			    const struct vt_tally_item *item)
{
	double count = item ? (double) item->count : 0;

	if (rule->kind == VT_QUALITY_MIN_COUNT)
		return count;
	return key && key->files ? count / (double) key->files : 0;
}

static int blame_value(struct vt_quality_rule *rule, const struct vt_tally_item *item,
		       double measured, struct vt_error *err)
{
	json_t *row;
	int bad;

	if (rule->files++ >= VT_OFFENDERS_MAX)
		return 0;
	row = json_object();
	bad = json_object_set_new(row, "value", vt_stats_value_json(item)) < 0;
	bad |= json_object_set_new(row, "measured", json_real(measured)) < 0;
	bad |= json_array_append_new(rule->offenders, row) < 0;
	return bad ? no_memory(err) : 0;
}

static const struct vt_quality_rule *values_rule(const struct vt_quality *quality, const char *key)
{
	for (size_t i = 0; i < quality->count; i++)
		if (quality->rules[i].kind == VT_QUALITY_VALUES &&
		    strcmp(quality->rules[i].key, key) == 0)
			return &quality->rules[i];
	return NULL;
}

/* Each value the gates name for the key, or else each that occurs. */
static int judge_values(const struct vt_quality *quality, struct vt_quality_rule *rule,
			const struct vt_key_stats *key, struct verdict *out, struct vt_error *err)
{
	const struct vt_quality_rule *named = values_rule(quality, rule->key);
	const struct vt_tally *list = named ? &named->values : key ? &key->values : NULL;
	const bool is_max = rule->kind == VT_QUALITY_MAX_SHARE;

	*out = (struct verdict){false, NAN};
	if (key && key->values.other_count > 0)
		return 0; /* one of those not kept may be the worst */
	for (size_t i = 0; list && i < list->count; i++) {
		const struct vt_tally_item *item = list->items[i];
		double measured;
		int r;

		if (!named && item->count == 0)
			continue; /* said, never in force */
		measured = measure_value(
			rule, key, key ? vt_tally_find(&key->values, item->text, item->len) : NULL);
		if (isnan(out->measured) ||
		    (is_max ? measured > out->measured : measured < out->measured))
			out->measured = measured; /* the furthest out */
		if (is_max ? measured <= rule->number : measured >= rule->number)
			continue;
		r = blame_value(rule, item, measured, err);
		if (r < 0)
			return r;
	}
	out->passed = is_max ? out->measured <= rule->number : out->measured >= rule->number;
	return 0;
}

static int judge(const struct vt_quality *quality, struct vt_quality_rule *rule,
		 const struct vt_label_stats *stats, struct verdict *out, struct vt_error *err)
{
	const struct vt_duplicates *duplicates = &stats->duplicates;
	const char *name = rule->key ? rule->key : json_string_value(rule->limit);
	const struct vt_key_stats *key = name ? vt_stats_key(stats, name, strlen(name)) : NULL;

	switch (rule->kind) {
	case VT_QUALITY_DUPLICATES:
		*out = at_most((double) (duplicates->files - duplicates->groups), rule->number);
		return blame_twins(rule, stats, &duplicates->redundant, NULL, err);
	case VT_QUALITY_LEAKAGE:
		*out = at_most((double) duplicates->leaks, 0);
		return blame_twins(rule, stats, &duplicates->leaked, key, err);
	case VT_QUALITY_UNLABELLED:
	case VT_QUALITY_MAX_DISPUTED:
		*out = at_most((double) rule->files, rule->number);
		return 0;
	case VT_QUALITY_MIN_SHARE:
	case VT_QUALITY_MAX_SHARE:
	case VT_QUALITY_MIN_COUNT:
		return judge_values(quality, rule, key, out, err);
	case VT_QUALITY_MIN_AGREEMENT:
		*out = at_least(key ? vt_agreement_raw(&key->agreement) : NAN, rule->number);
		return 0;
	case VT_QUALITY_MIN_ALPHA:
		*out = at_least(key ? vt_stats_alpha(key) : NAN, rule->number);
		return 0;
	default:
		*out = at_most((double) rule->files, 0);
		return 0;
	}
}

/* ---- the result ---- */

static json_t *figure(double number)
{
	if (!isfinite(number))
		return json_null();
	return number == (double) (json_int_t) number ? json_integer((json_int_t) number)
						      : json_real(number);
}

/* What led to a rule that holds is nobody's offence. */
static int put_rule(json_t *rules, const struct vt_quality_rule *rule,
		    const struct verdict *verdict, struct vt_error *err)
{
	json_t *row = json_object();
	int bad = json_object_set_new(row, "rule", json_string(rule->name)) < 0;

	if (rule->key)
		bad |= json_object_set_new(row, "key", json_string(rule->key)) < 0;
	bad |= json_object_set_new(row, "passed", json_boolean(verdict->passed)) < 0;
	bad |= json_object_set(row, "limit", (json_t *) rule->limit) < 0;
	bad |= json_object_set_new(row, "measured", figure(verdict->measured)) < 0;
	bad |= json_object_set_new(row, "offenders",
				   verdict->passed ? json_array() : json_incref(rule->offenders)) <
	       0;
	bad |= json_array_append_new(rules, row) < 0;
	return bad ? no_memory(err) : 0;
}

int vt_quality_result(struct vt_quality *quality, const struct vt_label_stats *stats, json_t **out,
		      struct vt_error *err)
{
	json_t *result = json_object(), *rules = json_array();
	bool passed = true;
	int r = 0;

	for (size_t i = 0; r == 0 && i < quality->count; i++) {
		struct verdict verdict = {false, NAN};

		r = judge(quality, &quality->rules[i], stats, &verdict, err);
		if (r == 0)
			r = put_rule(rules, &quality->rules[i], &verdict, err);
		passed &= verdict.passed;
	}
	if (r == 0 && (json_object_set_new(result, "passed", json_boolean(passed)) < 0 ||
		       json_object_set(result, "rules", rules) < 0))
		r = no_memory(err);
	json_decref(rules);
	if (r < 0) {
		json_decref(result);
		return r;
	}
	*out = result;
	return passed;
}
