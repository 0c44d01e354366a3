/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The canonical text of an expression: no blank that is not needed, no quotes around a word, no
 * parentheses but those that change what is meant, the shortest number that is the same.
 */
#include "index/base/buf.h"
#include "index/expression_lexer.h"
#include "index/expression_private.h"
#include "index/number.h"

static const struct vt_expression_facet facets[] = {
	[VT_EXPRESSION_PATH] = {"path", VT_EXPRESSION_TEXT, true, true, NULL},
	[VT_EXPRESSION_NAME] = {"name", VT_EXPRESSION_TEXT, true, true, NULL},
	[VT_EXPRESSION_SIZE] = {"size", VT_EXPRESSION_BYTES, true, false, NULL},
	[VT_EXPRESSION_LABEL] = {NULL, VT_EXPRESSION_TEXT, true, true, NULL},
	[VT_EXPRESSION_CONFIDENCE] = {"confidence", VT_EXPRESSION_NUMBER, true, false, NULL},
	[VT_EXPRESSION_ANNOTATOR] = {"annotator", VT_EXPRESSION_TEXT, true, true, NULL},
	[VT_EXPRESSION_SOURCE] = {"source", VT_EXPRESSION_CHOICE, false, false, vt_label_sources},
	[VT_EXPRESSION_REVIEW] = {"review", VT_EXPRESSION_CHOICE, false, false, vt_label_reviews},
	[VT_EXPRESSION_AGREEMENT] = {"agreement", VT_EXPRESSION_NUMBER, true, false, NULL},
};

const struct vt_expression_facet *vt_expression_facet(enum vt_expression_field field)
{
	return &facets[field];
}

static void put_text(struct vt_buf *out, const struct vt_label_text *text)
{
	if (vt_lexer_is_identifier(text) && !vt_lexer_is_keyword(text)) {
		vt_buf_put(out, text->bytes, text->len);
		return;
	}
	vt_buf_put_u8(out, '"');
	for (size_t i = 0; i < text->len; i++) {
		if (text->bytes[i] == '"' || text->bytes[i] == '\\')
			vt_buf_put_u8(out, '\\');
		vt_buf_put_u8(out, (uint8_t) text->bytes[i]);
	}
	vt_buf_put_u8(out, '"');
}

static void put_number(struct vt_buf *out, double number)
{
	char text[VT_NUMBER_TEXT];

	vt_number_format(number, text);
	vt_buf_printf(out, "%s", text);
}

/* With the largest unit that it is a multiple of. */
static void put_bytes(struct vt_buf *out, uint64_t bytes)
{
	static const char *const units[] = {"", "K", "M", "G", "T"};
	unsigned unit = 0;

	while (unit < 4 && bytes && bytes % 1024 == 0) {
		bytes /= 1024;
		unit++;
	}
	vt_buf_printf(out, "%llu%s", (unsigned long long) bytes, units[unit]);
}

static void put_value(struct vt_buf *out, enum vt_expression_field field,
		      const struct vt_expression_value *value)
{
	switch (value->type) {
	case VT_EXPRESSION_TEXT:
		put_text(out, &value->text);
		break;
	case VT_EXPRESSION_NUMBER:
		put_number(out, value->number);
		break;
	case VT_EXPRESSION_BOOLEAN:
		vt_buf_printf(out, "%s", value->boolean ? "true" : "false");
		break;
	case VT_EXPRESSION_BYTES:
		put_bytes(out, value->bytes);
		break;
	case VT_EXPRESSION_CHOICE:
		vt_buf_printf(out, "%s", facets[field].choices[value->choice]);
	}
}

static void put_key(struct vt_buf *out, const struct vt_label_text *key)
{
	if (vt_lexer_is_reserved(key))
		vt_buf_printf(out, "label.");
	vt_buf_put(out, key->bytes, key->len);
}

static void put_field(const struct vt_expression *expression, struct vt_buf *out,
		      const struct vt_expression_node *node)
{
	const char *name = facets[node->field].name;

	if (node->field >= VT_EXPRESSION_LABEL)
		put_key(out, &expression->keys[node->key]);
	if (name)
		vt_buf_printf(out, "%s%s", node->field > VT_EXPRESSION_LABEL ? "." : "", name);
}

static void put_comparison(const struct vt_expression *expression, struct vt_buf *out,
			   const struct vt_expression_node *node)
{
	static const char *const signs[][2] = {
		[VT_EXPRESSION_EQUAL] = {"=", "!="},         [VT_EXPRESSION_MATCH] = {"~", "!~"},
		[VT_EXPRESSION_IN] = {" in (", " not in ("}, [VT_EXPRESSION_LESS] = {"<"},
		[VT_EXPRESSION_LESS_EQUAL] = {"<="},         [VT_EXPRESSION_GREATER] = {">"},
		[VT_EXPRESSION_GREATER_EQUAL] = {">="},
	};

	put_field(expression, out, node);
	vt_buf_printf(out, "%s", signs[node->test][node->negated]);
	for (size_t i = 0; i < node->value_count; i++) {
		if (node->values[i].implied)
			continue;
		if (i > 0)
			vt_buf_put_u8(out, ',');
		put_value(out, node->field, &node->values[i]);
	}
	if (node->test == VT_EXPRESSION_IN)
		vt_buf_put_u8(out, ')');
}

static void put_node(const struct vt_expression *expression, struct vt_buf *out,
		     const struct vt_expression_node *node);

/* In parentheses where the parent binds more tightly. */
static void put_child(const struct vt_expression *expression, struct vt_buf *out,
		      const struct vt_expression_node *child, enum vt_expression_kind parent)
{
	bool loose = child->kind == VT_EXPRESSION_OR ||
		     (child->kind == VT_EXPRESSION_AND && parent == VT_EXPRESSION_NOT);

	if (loose)
		vt_buf_put_u8(out, '(');
	put_node(expression, out, child);
	if (loose)
		vt_buf_put_u8(out, ')');
}

static void put_children(const struct vt_expression *expression, struct vt_buf *out,
			 const struct vt_expression_node *node)
{
	const struct vt_expression_node *child = node->child;

	put_child(expression, out, child, node->kind);
	while ((child = child->next)) {
		vt_buf_printf(out, node->kind == VT_EXPRESSION_AND ? " and " : " or ");
		put_child(expression, out, child, node->kind);
	}
}

static void put_node(const struct vt_expression *expression, struct vt_buf *out,
		     const struct vt_expression_node *node)
{
	switch (node->kind) {
	case VT_EXPRESSION_AND:
	case VT_EXPRESSION_OR:
		put_children(expression, out, node);
		break;
	case VT_EXPRESSION_NOT:
		vt_buf_printf(out, "not ");
		put_child(expression, out, node->child, node->kind);
		break;
	case VT_EXPRESSION_COMPARE:
		put_comparison(expression, out, node);
		break;
	case VT_EXPRESSION_HAS:
	case VT_EXPRESSION_DISPUTED:
		vt_buf_printf(out, node->kind == VT_EXPRESSION_HAS ? "has(" : "disputed(");
		put_key(out, &expression->keys[node->key]);
		vt_buf_put_u8(out, ')');
		break;
	case VT_EXPRESSION_UNLABELLED:
		vt_buf_printf(out, "unlabelled");
	}
}

void vt_expression_print(const struct vt_expression *expression, struct vt_buf *out)
{
	put_node(expression, out, expression->root);
}
