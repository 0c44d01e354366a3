/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See expression.h: a parser by recursive descent, a function for each line of the grammar. It goes
 * into itself only through parentheses and nots, which are counted.
 */
#include "index/expression.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/error.h"
#include "index/expression_parser.h"
#include "index/expression_private.h"

/* A number may be longer in its canonical form: 1e9 is 1000000000. */
#define POOL_FACTOR 16u

int vt_expression_no_memory(const struct vt_expression_parser *parser)
{
	return vt_fail(parser->lexer.err, ENOMEM, "no memory for an expression");
}

int vt_expression_new_node(struct vt_expression_parser *parser, enum vt_expression_kind kind,
			   struct vt_expression_made **out)
{
	struct vt_expression_made *made = calloc(1, sizeof *made);

	if (!made)
		return vt_expression_no_memory(parser);
	made->node.kind = kind;
	made->before = parser->whole->made;
	parser->whole->made = made;
	*out = made;
	return 0;
}

int vt_expression_expect(struct vt_expression_parser *parser, char mark, const char *what)
{
	if (!vt_lexer_is_mark(&parser->lexer, mark))
		return vt_lexer_expected(&parser->lexer, "%s", what);
	return vt_lexer_next(&parser->lexer);
}

/* ---- and, or, not ---------------------------------------------------------------------------- */

static int parse_all(struct vt_expression_parser *parser, enum vt_expression_kind kind,
		     struct vt_expression_made **out);

static int go_deeper(struct vt_expression_parser *parser)
{
	if (parser->depth++ == VT_EXPRESSION_NESTING)
		return vt_lexer_refuse(&parser->lexer, parser->lexer.token.at,
				       "parentheses and nots are at most %u deep",
				       VT_EXPRESSION_NESTING);
	return vt_lexer_next(&parser->lexer);
}

static int parse_parentheses(struct vt_expression_parser *parser, struct vt_expression_made **out)
{
	int r = go_deeper(parser);

	if (r == 0)
		r = parse_all(parser, VT_EXPRESSION_OR, out);
	parser->depth--;
	return r < 0 ? r : vt_expression_expect(parser, ')', "'and', 'or' or ')'");
}

static int parse_part(struct vt_expression_parser *parser, struct vt_expression_made **out)
{
	struct vt_expression_made *child;
	int r;

	if (vt_lexer_is_mark(&parser->lexer, '('))
		return parse_parentheses(parser, out);
	if (!vt_lexer_is_word(&parser->lexer, "not"))
		return vt_expression_parse_term(parser, out);
	r = go_deeper(parser);
	if (r == 0)
		r = parse_part(parser, &child);
	parser->depth--;
	if (r == 0)
		r = vt_expression_new_node(parser, VT_EXPRESSION_NOT, out);
	if (r == 0)
		(*out)->node.child = &child->node;
	return r;
}

/*
 * Where the next child goes, after this one at `*end`. One of the parent's kind gives its own
 * children instead: (a and b) and c is a and b and c.
 */
static struct vt_expression_node **add_child(struct vt_expression_node **end,
					     struct vt_expression_node *child,
					     enum vt_expression_kind parent)
{
	*end = child->kind == parent ? child->child : child;
	while (*end)
		end = &(*end)->next;
	return end;
}

/* Of the kind OR: all {"or" all}; of the kind AND: part {"and" part}. */
static int parse_all(struct vt_expression_parser *parser, enum vt_expression_kind kind,
		     struct vt_expression_made **out)
{
	const char *word = kind == VT_EXPRESSION_OR ? "or" : "and";
	struct vt_expression_node *first = NULL, **end = &first;
	struct vt_expression_made *part;
	int r;

	for (;;) {
		r = kind == VT_EXPRESSION_OR ? parse_all(parser, VT_EXPRESSION_AND, &part)
					     : parse_part(parser, &part);
		if (r < 0)
			return r;
		if (!first && !vt_lexer_is_word(&parser->lexer, word)) {
			*out = part;
			return 0;
		}
		end = add_child(end, &part->node, kind);
		if (!vt_lexer_is_word(&parser->lexer, word))
			break;
		r = vt_lexer_next(&parser->lexer);
		if (r < 0)
			return r;
	}
	r = vt_expression_new_node(parser, kind, out);
	if (r == 0)
		(*out)->node.child = first;
	return r;
}

/* ---- the whole ------------------------------------------------------------------------------- */

static int refuse_rest(const struct vt_lexer *lexer)
{
	const char *word = vt_expression_capital_keyword(&lexer->token);

	if (word)
		return vt_lexer_refuse(lexer, lexer->token.at, "write %s in small letters", word);
	if (vt_lexer_is_mark(lexer, ')'))
		return vt_lexer_expected(lexer, "'and', 'or' or the end, as no ( is open");
	return vt_lexer_expected(lexer, "'and', 'or' or the end");
}

/* The canonical text, which with its escapes may be longer than the one that was read. */
static int print_whole(struct vt_expression_parser *parser)
{
	struct vt_expression_whole *whole = parser->whole;

	vt_expression_print(&whole->shown, &whole->text);
	if (whole->text.len > VT_EXPRESSION_MAX)
		return vt_lexer_refuse(
			&parser->lexer, parser->lexer.len,
			"in its canonical form the expression has %zu bytes; at most %u "
			"are possible",
			whole->text.len, VT_EXPRESSION_MAX);
	vt_buf_put_u8(&whole->text, '\0');
	if (vt_buf_failed(&whole->text))
		return vt_expression_no_memory(parser);
	whole->shown.text = (const char *) whole->text.data;
	whole->shown.text_len = whole->text.len - 1;
	return 0;
}

static int parse_whole(struct vt_expression_parser *parser)
{
	struct vt_expression_made *root;
	int r = parse_all(parser, VT_EXPRESSION_OR, &root);

	if (r == 0 && parser->lexer.token.kind != VT_LEXER_END)
		r = refuse_rest(&parser->lexer);
	if (r < 0)
		return r;
	parser->whole->shown.root = &root->node;
	return print_whole(parser);
}

int vt_expression_parse(const char *text, size_t len, const struct vt_expression **out,
			struct vt_error *err)
{
	struct vt_expression_whole *whole = calloc(1, sizeof *whole);
	vt_cleanup(vt_expression_freep) const struct vt_expression *shown =
		(const struct vt_expression *) whole;
	struct vt_expression_parser parser = {.whole = whole};
	int r;

	parser.lexer.err = err;
	if (whole)
		whole->pool = malloc(POOL_FACTOR *
				     (len < VT_EXPRESSION_MAX ? len + 1 : VT_EXPRESSION_MAX));
	if (!whole || !whole->pool)
		return vt_expression_no_memory(&parser);
	r = vt_lexer_start(&parser.lexer, text, len, whole->pool, err);
	if (r == 0)
		r = parse_whole(&parser);
	if (r < 0)
		return r;
	*out = vt_steal(&shown);
	return 0;
}

void vt_expression_free(const struct vt_expression *expression)
{
	struct vt_expression_whole *whole = (struct vt_expression_whole *) expression;
	struct vt_expression_made *made = whole ? whole->made : NULL;

	while (made) {
		struct vt_expression_made *before = made->before;

		free(made->values);
		free(made);
		made = before;
	}
	if (!whole)
		return;
	vt_buf_done(&whole->text);
	free(whole->keys);
	free(whole->pool);
	free(whole);
}
