/* SPDX-License-Identifier: Apache-2.0 */
/* See expression_eval.h. Recursion is as deep as the tree, which the parser bounds. */
#include "index/expression_eval.h"

#include <string.h>

#include "index/expression.h"
#include "index/glob.h"

/* ---- values ---------------------------------------------------------------------------------- */

static int order_texts(const struct vt_label_text *a, const struct vt_label_text *b)
{
	size_t common = a->len < b->len ? a->len : b->len;
	int order = common ? memcmp(a->bytes, b->bytes, common) : 0; /* NULL may be an empty one */

	return order ? order : (a->len > b->len) - (a->len < b->len);
}

/* Below, at or above zero as `a` is before, equal to or after `b`, which has the same type. */
static int order_values(const struct vt_expression_value *a, const struct vt_expression_value *b)
{
	switch (a->type) {
	case VT_EXPRESSION_TEXT:
		return order_texts(&a->text, &b->text);
	case VT_EXPRESSION_NUMBER:
		return (a->number > b->number) - (a->number < b->number);
	case VT_EXPRESSION_BOOLEAN:
		return a->boolean - b->boolean;
	case VT_EXPRESSION_BYTES:
		return (a->bytes > b->bytes) - (a->bytes < b->bytes);
	case VT_EXPRESSION_CHOICE:
		break;
	}
	return (a->choice > b->choice) - (a->choice < b->choice);
}

static bool holds(enum vt_expression_test test, const struct vt_expression_value *fact,
		  const struct vt_expression_value *value)
{
	if (fact->type != value->type)
		return false;
	switch (test) {
	case VT_EXPRESSION_EQUAL:
	case VT_EXPRESSION_IN:
		return order_values(fact, value) == 0;
	case VT_EXPRESSION_MATCH:
		return vt_glob_matches(value->text.bytes, value->text.len, fact->text.bytes,
				       fact->text.len);
	case VT_EXPRESSION_LESS:
		return order_values(fact, value) < 0;
	case VT_EXPRESSION_LESS_EQUAL:
		return order_values(fact, value) <= 0;
	case VT_EXPRESSION_GREATER:
		return order_values(fact, value) > 0;
	case VT_EXPRESSION_GREATER_EQUAL:
		break;
	}
	return order_values(fact, value) >= 0;
}

bool vt_expression_compare(const struct vt_expression_node *node,
			   const struct vt_expression_value *fact)
{
	for (size_t i = 0; i < node->value_count; i++)
		if (holds(node->test, fact, &node->values[i]))
			return !node->negated;
	return node->negated;
}

/* ---- facts ----------------------------------------------------------------------------------- */

static struct vt_expression_value text_value(struct vt_label_text text)
{
	return (struct vt_expression_value){.type = VT_EXPRESSION_TEXT, .text = text};
}

static struct vt_expression_value number_value(double number)
{
	return (struct vt_expression_value){.type = VT_EXPRESSION_NUMBER, .number = number};
}

static struct vt_expression_value choice_value(unsigned choice)
{
	return (struct vt_expression_value){.type = VT_EXPRESSION_CHOICE, .choice = choice};
}

static struct vt_expression_value label_value(const struct vt_label *label)
{
	if (label->type == VT_LABEL_TEXT)
		return text_value(label->value.text);
	if (label->type == VT_LABEL_NUMBER)
		return number_value(label->value.number);
	return (struct vt_expression_value){.type = VT_EXPRESSION_BOOLEAN,
					    .boolean = label->value.boolean};
}

static bool compare_label(const struct vt_expression_node *node,
			  const struct vt_expression_label *label)
{
	const struct vt_label *effective = label->effective;
	struct vt_expression_value fact;

	if (!effective || (node->field == VT_EXPRESSION_CONFIDENCE && !effective->has_confidence))
		return false;
	switch (node->field) {
	case VT_EXPRESSION_CONFIDENCE:
		fact = number_value(effective->confidence);
		break;
	case VT_EXPRESSION_ANNOTATOR:
		fact = text_value(effective->annotator);
		break;
	case VT_EXPRESSION_SOURCE:
		fact = choice_value(effective->source);
		break;
	case VT_EXPRESSION_REVIEW:
		fact = choice_value(effective->review);
		break;
	case VT_EXPRESSION_AGREEMENT:
		fact = number_value(label->agreement);
		break;
	default:
		fact = label_value(effective);
	}
	return vt_expression_compare(node, &fact);
}

static int ask_label(const struct vt_expression_node *node, const struct vt_expression_facts *facts,
		     struct vt_error *err)
{
	struct vt_expression_label label = {0};
	int r = facts->label(facts->context, node->key, &label, err);

	if (r < 0)
		return r;
	if (node->kind == VT_EXPRESSION_HAS)
		return label.effective != NULL;
	if (node->kind == VT_EXPRESSION_DISPUTED)
		return label.disputed;
	return compare_label(node, &label);
}

static int ask_comparison(const struct vt_expression_node *node,
			  const struct vt_expression_facts *facts, struct vt_error *err)
{
	struct vt_expression_value fact;

	switch (node->field) {
	case VT_EXPRESSION_PATH:
		fact = text_value(facts->path);
		break;
	case VT_EXPRESSION_NAME:
		fact = text_value(facts->name);
		break;
	case VT_EXPRESSION_SIZE:
		fact = (struct vt_expression_value){.type = VT_EXPRESSION_BYTES,
						    .bytes = facts->size};
		break;
	default:
		return ask_label(node, facts, err);
	}
	return vt_expression_compare(node, &fact);
}

/* ---- the tree -------------------------------------------------------------------------------- */

/* An AND ends at the first no, an OR at the first yes. */
static int ask_children(const struct vt_expression_node *node,
			const struct vt_expression_facts *facts, struct vt_error *err)
{
	int last = node->kind == VT_EXPRESSION_OR, r = !last;

	for (const struct vt_expression_node *child = node->child; child; child = child->next) {
		r = vt_expression_node_matches(child, facts, err);
		if (r < 0 || r == last)
			break;
	}
	return r;
}

int vt_expression_node_matches(const struct vt_expression_node *node,
			       const struct vt_expression_facts *facts, struct vt_error *err)
{
	int r;

	switch (node->kind) {
	case VT_EXPRESSION_AND:
	case VT_EXPRESSION_OR:
		return ask_children(node, facts, err);
	case VT_EXPRESSION_NOT:
		r = vt_expression_node_matches(node->child, facts, err);
		return r < 0 ? r : !r;
	case VT_EXPRESSION_COMPARE:
		return ask_comparison(node, facts, err);
	case VT_EXPRESSION_HAS:
	case VT_EXPRESSION_DISPUTED:
		return ask_label(node, facts, err);
	case VT_EXPRESSION_UNLABELLED:
		break;
	}
	r = facts->is_labelled(facts->context, err);
	return r < 0 ? r : !r;
}

int vt_expression_matches(const struct vt_expression *expression,
			  const struct vt_expression_facts *facts, struct vt_error *err)
{
	return vt_expression_node_matches(expression->root, facts, err);
}
