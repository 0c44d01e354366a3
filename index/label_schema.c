/* SPDX-License-Identifier: Apache-2.0 */
/* See label_schema.h. */
#include "index/label_schema.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/buf.h"
#include "index/base/error.h"
#include "index/dataset_gate.h"
#include "index/entry_codec.h"
#include "index/number.h"
#include "index/quality_private.h"

#define LISTED_MAX 240u /* bytes of what is allowed, in a sentence */
#define VALUE_MAX  80u  /* of one value there */

/* A key that the gate names, and its rules: they stand together. */
struct schema_key {
	struct vt_label_text name;
	const struct vt_quality_rule *rules;
	size_t count;
};

struct vt_label_schema {
	uint32_t dataset;
	struct vt_buf text;                  /* of the gate; empty: there is none */
	struct vt_quality *quality;          /* NULL: likewise */
	const struct vt_quality_rule *other; /* the one about other keys; or NULL */
	struct schema_key *keys;             /* in byte order */
	size_t key_count;
};

/* ---- keys ------------------------------------------------------------------------------------ */

static int by_name(const void *a, const void *b)
{
	const struct vt_label_text *x = &((const struct schema_key *) a)->name;
	const struct vt_label_text *y = &((const struct schema_key *) b)->name;

	return vt_name_compare(x->bytes, x->len, y->bytes, y->len);
}

static struct schema_key key_of(const struct vt_quality *quality, const char *name)
{
	struct schema_key key = {.name = {name, strlen(name)}};

	for (size_t i = 0; i < quality->count; i++) {
		if (!vt_quality_is_about(&quality->rules[i], key.name))
			continue;
		key.rules = &quality->rules[i - key.count];
		key.count++;
	}
	return key;
}

static int sort_keys(struct vt_label_schema *schema, struct vt_error *err)
{
	const struct vt_quality *quality = schema->quality;
	const json_t *keys = json_object_get(quality->document, "keys"), *rules;
	const char *name;

	schema->keys = calloc(json_object_size(keys) + 1, sizeof *schema->keys);
	if (!schema->keys)
		return vt_fail(err, ENOMEM, "no memory for a schema");
	json_object_foreach((json_t *) keys, name, rules)
	{
		schema->keys[schema->key_count++] = key_of(quality, name);
	}
	qsort(schema->keys, schema->key_count, sizeof *schema->keys, by_name);
	for (size_t i = 0; i < quality->count; i++)
		if (quality->rules[i].kind == VT_QUALITY_OTHER_KEYS)
			schema->other = &quality->rules[i];
	return 0;
}

/* ---- reading --------------------------------------------------------------------------------- */

static int read_gate(struct vt_store *store, uint32_t dataset, struct vt_buf *out,
		     struct vt_error *err)
{
	int r = vt_dataset_gate(store, dataset, out, err);

	return r == -ENOENT ? 0 : r;
}

int vt_label_schema_read(struct vt_store *store, uint32_t dataset, struct vt_label_schema **out,
			 struct vt_error *err)
{
	vt_cleanup(vt_label_schema_freep) struct vt_label_schema *schema =
		calloc(1, sizeof *schema);
	int r;

	if (!schema)
		return vt_fail(err, ENOMEM, "no memory for a schema");
	schema->dataset = dataset;
	r = read_gate(store, dataset, &schema->text, err);
	if (r == 0 && schema->text.len > 0)
		r = vt_quality_parse((const char *) schema->text.data, schema->text.len,
				     &schema->quality, err);
	if (r == 0 && schema->quality)
		r = sort_keys(schema, err);
	if (r < 0)
		return vt_fail_in(err, r, "the schema of the dataset");
	*out = vt_steal(&schema);
	return 0;
}

void vt_label_schema_free(struct vt_label_schema *schema)
{
	if (!schema)
		return;
	free(schema->keys);
	vt_quality_free(schema->quality);
	vt_buf_done(&schema->text);
	free(schema);
}

int vt_label_schema_confirm(const struct vt_label_schema *schema, struct vt_store *store,
			    struct vt_error *err)
{
	vt_cleanup(vt_buf_done) struct vt_buf now = VT_BUF_INIT;
	int r = read_gate(store, schema->dataset, &now, err);

	if (r < 0 || (now.len == schema->text.len &&
		      (now.len == 0 || memcmp(now.data, schema->text.data, now.len) == 0)))
		return r;
	return vt_fail(err, ESTALE,
		       "the gate of the dataset was changed meanwhile, do it once more");
}

/* ---- sentences ------------------------------------------------------------------------------- */

/* In JSON, cut when it is long. NULL, and what memory is too short for, is a failed buffer. */
static void put_value(struct vt_buf *out, const json_t *value)
{
	vt_autofree char *text = json_dumps(value, JSON_ENCODE_ANY);
	char number[VT_NUMBER_TEXT];
	size_t len = VALUE_MAX;

	if (!text) {
		out->failed = true;
	} else if (json_is_number(value)) {
		vt_number_format(json_number_value(value), number);
		vt_buf_printf(out, "%s", number);
	} else if (strlen(text) <= len) {
		vt_buf_printf(out, "%s", text);
	} else {
		while (((uint8_t) text[len] & 0xc0) == 0x80) /* inside of a character */
			len--;
		vt_buf_printf(out, "%.*s...\"", (int) len, text);
	}
}

/* The first of them, and how many there are when that is not all. */
static void put_values(struct vt_buf *out, const json_t *values)
{
	const size_t start = out->len, count = json_array_size(values);
	size_t i;

	for (i = 0; i < count && out->len - start < LISTED_MAX; i++) {
		vt_buf_printf(out, "%s", i ? ", " : "");
		put_value(out, json_array_get(values, i));
	}
	if (i < count)
		vt_buf_printf(out, ", ... (%zu in all)", count);
}

static void put_keys(struct vt_buf *out, const json_t *keys)
{
	const size_t start = out->len, count = json_object_size(keys);
	const char *key;
	json_t *rules;
	size_t i = 0;

	json_object_foreach((json_t *) keys, key, rules)
	{
		if (out->len - start >= LISTED_MAX)
			break;
		vt_buf_printf(out, "%s%s", i++ ? ", " : "", key);
	}
	if (i < count)
		vt_buf_printf(out, ", ... (%zu in all)", count);
}

/* What the rule wants, after "it must be". */
static void put_wish(struct vt_buf *out, const struct vt_quality_rule *rule)
{
	switch (rule->kind) {
	case VT_QUALITY_TYPE:
		vt_buf_printf(out, "of type %s", json_string_value(rule->limit));
		return;
	case VT_QUALITY_MIN:
	case VT_QUALITY_MAX:
		vt_buf_printf(out, "a number, at %s ",
			      rule->kind == VT_QUALITY_MIN ? "least" : "most");
		put_value(out, rule->limit);
		return;
	default:
		vt_buf_printf(out, "%s", json_array_size(rule->limit) > 1 ? "one of " : "");
		put_values(out, rule->limit);
	}
}

static int say(const struct vt_label_schema *schema, const struct vt_quality_rule *rule,
	       const struct vt_label *label, struct vt_error *err)
{
	vt_cleanup(vt_buf_done) struct vt_buf text = VT_BUF_INIT;
	const struct vt_label_text *key = &label->key;
	json_t *value = vt_quality_value_json(label);

	if (rule->kind == VT_QUALITY_OTHER_KEYS) {
		vt_buf_printf(&text, "the schema has no key '%.*s', its keys are: ", (int) key->len,
			      key->bytes);
		put_keys(&text, json_object_get(schema->quality->document, "keys"));
	} else {
		vt_buf_printf(&text, "%.*s is ", (int) key->len, key->bytes);
		put_value(&text, value);
		vt_buf_printf(&text, ", by the schema it must be ");
		put_wish(&text, rule);
	}
	json_decref(value);
	if (vt_buf_failed(&text))
		return vt_fail(err, ENOMEM, "no memory for a sentence about a label");
	return vt_fail(err, EDOM, "%.*s", (int) text.len, (const char *) text.data);
}

/* ---- asking ---------------------------------------------------------------------------------- */

int vt_label_schema_check(const struct vt_label_schema *schema, const struct vt_label *label,
			  struct vt_error *err)
{
	const struct schema_key wanted = {.name = label->key}, *key;

	if (!schema->quality || label->review == VT_LABEL_REJECTED)
		return 0;
	key = bsearch(&wanted, schema->keys, schema->key_count, sizeof wanted, by_name);
	if (!key)
		return schema->other ? say(schema, schema->other, label, err) : 0;
	for (size_t i = 0; i < key->count; i++)
		if (!vt_quality_allows(&key->rules[i], label))
			return say(schema, &key->rules[i], label, err);
	return 0;
}
