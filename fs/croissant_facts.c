/* SPDX-License-Identifier: Apache-2.0 */
/* See croissant_facts.h. */
#include "fs/croissant_facts.h"

#include <errno.h>
#include <string.h>

#include "fs/hits.h"
#include "fs/label_index.h"
#include "index/base/error.h"
#include "index/catalog.h"
#include "index/expression.h"
#include "index/number.h"

/* ---- splits ---------------------------------------------------------------------------------- */

static const struct {
	const char *name, *term;
} usual[] = {
	{"train", "cr:TrainingSplit"},
	{"training", "cr:TrainingSplit"},
	{"val", "cr:ValidationSplit"},
	{"valid", "cr:ValidationSplit"},
	{"validation", "cr:ValidationSplit"},
	{"dev", "cr:ValidationSplit"},
	{"test", "cr:TestSplit"},
	{"testing", "cr:TestSplit"},
};
#define USUAL (sizeof usual / sizeof *usual)

const char *vt_croissant_split_term(const char *name)
{
	for (size_t i = 0; i < USUAL; i++)
		if (strcmp(usual[i].name, name) == 0)
			return usual[i].term;
	return NULL;
}

/* Adds the name if it is that of a folder in the root. */
static int add_folder(const struct vt_page_source *pages, const struct vt_version *version,
		      const char *name, json_t *to, struct vt_error *err)
{
	struct vt_dir root = {.page = version->tree.root.page};
	struct vt_node node = {0};
	int r = vt_tree_lookup(pages, false, root, name, strlen(name), &node, err);

	if (r == -ENOENT)
		return 0;
	if (r == 0 && node.entry.type == VT_DIRECTORY &&
	    json_array_append_new(to, json_string(name)) < 0)
		r = vt_fail(err, ENOMEM, "no memory for croissant.json");
	vt_node_done(&node);
	return r;
}

static int find_splits(const struct vt_page_source *pages, const struct vt_version *version,
		       json_t *to, struct vt_error *err)
{
	json_t *provenance = json_loads(version->provenance, 0, NULL), *share;
	json_t *parts = json_object_get(provenance, "split");
	const char *name;
	int r = 0;

	json_object_foreach(parts, name, share)
	{
		if (r == 0)
			r = add_folder(pages, version, name, to, err);
	}
	for (size_t i = 0; !parts && r == 0 && i < USUAL; i++)
		r = add_folder(pages, version, usual[i].name, to, err);
	json_decref(provenance);
	if (json_array_size(to) < 2)
		(void) json_array_clear(to);
	return r;
}

/* ---- labels ---------------------------------------------------------------------------------- */

struct gathering {
	struct vt_label_index *labels;
	const struct vt_version *version;
	struct vt_croissant_facts *facts;
	struct vt_error *err;
};

struct values {
	json_t *counts; /* {VALUE: files} */
	size_t count;
};

/* A number and a text may read the same: they are one class. */
static int add_value(struct values *values, const char *name, uint32_t files)
{
	json_int_t before = json_integer_value(json_object_get(values->counts, name));

	return json_object_set_new(values->counts, name, json_integer(before + files)) < 0 ? -ENOMEM
											   : 0;
}

/* 1: there are too many, or one is too long. */
static int take_value(void *context, const struct vt_expression_value *value, uint32_t files)
{
	struct values *values = context;
	char name[VT_CROISSANT_VALUE_LEN + 1];

	_Static_assert(sizeof name >= VT_NUMBER_TEXT, "numbers find room");
	if (++values->count > VT_CROISSANT_VALUES_MAX ||
	    (value->type == VT_EXPRESSION_TEXT && value->text.len > VT_CROISSANT_VALUE_LEN))
		return 1;
	if (value->type == VT_EXPRESSION_BOOLEAN)
		return add_value(values, value->boolean ? "true" : "false", files);
	if (value->type == VT_EXPRESSION_NUMBER) {
		vt_number_format(value->number, name);
	} else {
		memcpy(name, value->text.bytes, value->text.len);
		name[value->text.len] = '\0';
	}
	return add_value(values, name, files);
}

static int gather_values(const struct gathering *gathering, struct vt_label_text key,
			 const char *name)
{
	struct values values = {.counts = json_object()};
	int r = vt_label_index_values(gathering->labels, gathering->version, key, NULL, take_value,
				      &values, gathering->err);

	if (r == 0 && json_object_set(gathering->facts->classes, name, values.counts) < 0)
		r = -ENOMEM;
	json_decref(values.counts);
	if (r == -ENOMEM)
		return vt_fail(gathering->err, ENOMEM, "no memory for croissant.json");
	return r == -E2BIG || r == 1 ? 0 : r;
}

/* Is there a file whose label in force has one? */
static int look_for_confidence(const struct gathering *gathering, const char *key)
{
	vt_cleanup(vt_expression_freep) const struct vt_expression *expression = NULL;
	vt_cleanup(vt_buf_done) struct vt_buf text = VT_BUF_INIT;
	struct vt_hits *hits;
	int r;

	vt_buf_printf(&text, "label.%s.confidence>=0", key);
	if (vt_buf_failed(&text))
		return -ENOMEM;
	r = vt_expression_parse((const char *) text.data, text.len, &expression, gathering->err);
	if (r == 0)
		r = vt_label_index_query(gathering->labels, gathering->version, expression, NULL,
					 &hits, gathering->err);
	if (r < 0)
		return r;
	gathering->facts->has_confidence = vt_hits_next(hits, 0) != VT_HITS_NONE;
	vt_hits_unref(hits);
	return 0;
}

static int take_key(void *context, struct vt_label_text key)
{
	const struct gathering *gathering = context;
	char name[VT_LABEL_KEY_MAX + 1];
	int r = 0;

	memcpy(name, key.bytes, key.len);
	name[key.len] = '\0';
	if (!gathering->facts->has_confidence)
		r = look_for_confidence(gathering, name);
	if (r == 0 && json_object_size(gathering->facts->classes) < VT_CROISSANT_KEYS_MAX)
		r = gather_values(gathering, key, name);
	return r;
}

int vt_croissant_facts_gather(const struct vt_page_source *pages, struct vt_label_index *labels,
			      const struct vt_version *version, struct vt_croissant_facts *out,
			      struct vt_error *err)
{
	struct gathering gathering = {labels, version, out, err};
	int r;

	*out = (struct vt_croissant_facts){.splits = json_array(), .classes = json_object()};
	if (!out->splits || !out->classes)
		return vt_fail(err, ENOMEM, "no memory for croissant.json");
	r = find_splits(pages, version, out->splits, err);
	if (r == 0 && version->labels.labels)
		r = vt_label_index_keys(labels, version, NULL, take_key, &gathering, err);
	return r;
}

void vt_croissant_facts_done(struct vt_croissant_facts *facts)
{
	json_decref(facts->splits);
	json_decref(facts->classes);
}
