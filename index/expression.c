/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See expression.h: a parser by recursive descent, a function for each line of the grammar. It goes
 * into itself only through parentheses and nots, which are counted.
 */
#include "index/expression.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/buf.h"
#include "index/base/error.h"
#include "index/expression_lexer.h"
#include "index/expression_private.h"
#include "index/glob.h"

#define BYTES_MAX 0x1p63L /* of a size */

/* A node, and the one that was made before it: all are freed along this chain. */
struct made {
	struct vt_expression_node node;
	struct vt_expression_value *values;
	struct made *before;
};

struct whole {
	struct vt_expression shown; /* first */
	struct made *made;
	struct vt_label_text *keys;
	char *pool;
	struct vt_buf text;
};

struct parser {
	struct vt_lexer lexer;
	struct whole *whole;
	unsigned depth, terms;
};

static int no_memory(const struct parser *parser)
{
	return vt_fail(parser->lexer.err, ENOMEM, "no memory for an expression");
}

static int new_node(struct parser *parser, enum vt_expression_kind kind, struct made **out)
{
	struct made *made = calloc(1, sizeof *made);

	if (!made)
		return no_memory(parser);
	made->node.kind = kind;
	made->before = parser->whole->made;
	parser->whole->made = made;
	*out = made;
	return 0;
}

static int expect_mark(struct parser *parser, char mark, const char *what)
{
	if (!vt_lexer_is_mark(&parser->lexer, mark))
		return vt_lexer_expected(&parser->lexer, "%s", what);
	return vt_lexer_next(&parser->lexer);
}

/* ---- fields ---------------------------------------------------------------------------------- */

/* The number of a key, which is added where it is new. */
static int key_number(struct parser *parser, const struct vt_label_text *key, size_t *out)
{
	struct vt_expression *shown = &parser->whole->shown;
	struct vt_label_text *keys = parser->whole->keys;

	for (size_t i = 0; i < shown->key_count; i++)
		if (keys[i].len == key->len && memcmp(keys[i].bytes, key->bytes, key->len) == 0) {
			*out = i;
			return 0;
		}
	keys = reallocarray(keys, shown->key_count + 1, sizeof *keys);
	if (!keys)
		return no_memory(parser);
	parser->whole->keys = keys;
	shown->keys = keys;
	memcpy(parser->lexer.pool + parser->lexer.pooled, key->bytes, key->len);
	keys[shown->key_count] =
		(struct vt_label_text){parser->lexer.pool + parser->lexer.pooled, key->len};
	parser->lexer.pooled += key->len;
	*out = shown->key_count++;
	return 0;
}

static int refuse_key(struct parser *parser)
{
	struct vt_lexer *lexer = &parser->lexer;
	const struct vt_label_text *word = &lexer->token.text;

	if (vt_lexer_is_reserved(word))
		return vt_lexer_expected(lexer, "a key; one of this name is written label.%.*s",
					 (int) word->len, word->bytes);
	return vt_lexer_refuse(lexer, lexer->token.at, "a key has at most %u characters",
			       VT_LABEL_KEY_MAX);
}

/* word | "label" "." word */
static int parse_key(struct parser *parser, size_t *key)
{
	struct vt_lexer *lexer = &parser->lexer;
	bool marked = vt_lexer_is_word(lexer, "label");
	int r;

	if (marked) {
		r = vt_lexer_next(lexer);
		if (r == 0)
			r = expect_mark(parser, '.', "a '.' and a key after label");
		if (r < 0)
			return r;
	}
	if (lexer->token.kind != VT_LEXER_WORD)
		return vt_lexer_expected(lexer, "a key");
	if ((!marked && vt_lexer_is_reserved(&lexer->token.text)) ||
	    lexer->token.text.len > VT_LABEL_KEY_MAX)
		return refuse_key(parser);
	r = key_number(parser, &lexer->token.text, key);
	return r < 0 ? r : vt_lexer_next(lexer);
}

/* The dot is read. */
static int parse_facet(struct parser *parser, enum vt_expression_field *field)
{
	for (int i = VT_EXPRESSION_LABEL + 1; i <= VT_EXPRESSION_AGREEMENT; i++)
		if (vt_lexer_is_word(&parser->lexer,
				     vt_expression_facet((enum vt_expression_field) i)->name)) {
			*field = (enum vt_expression_field) i;
			return vt_lexer_next(&parser->lexer);
		}
	return vt_lexer_expected(
		&parser->lexer,
		"one of confidence, annotator, source, review, agreement after the '.'");
}

static int parse_label_field(struct parser *parser, struct vt_expression_node *node)
{
	struct vt_lexer *lexer = &parser->lexer;
	struct vt_lexer_token word = lexer->token;
	int r = parse_key(parser, &node->key);

	if (r < 0)
		return r;
	if (vt_lexer_is_mark(lexer, '('))
		return vt_lexer_refuse(
			lexer, word.at,
			"'%.*s' is no function; there are has(KEY) and disputed(KEY)",
			(int) word.text.len, word.text.bytes);
	node->field = VT_EXPRESSION_LABEL;
	if (!vt_lexer_is_mark(lexer, '.'))
		return 0;
	r = vt_lexer_next(lexer);
	return r < 0 ? r : parse_facet(parser, &node->field);
}

static int parse_field(struct parser *parser, struct vt_expression_node *node)
{
	struct vt_expression *shown = &parser->whole->shown;
	bool *const uses[] = {&shown->uses_path, &shown->uses_name, &shown->uses_size};

	for (int i = VT_EXPRESSION_PATH; i <= VT_EXPRESSION_SIZE; i++)
		if (vt_lexer_is_word(&parser->lexer,
				     vt_expression_facet((enum vt_expression_field) i)->name)) {
			node->field = (enum vt_expression_field) i;
			*uses[i] = true;
			return vt_lexer_next(&parser->lexer);
		}
	return parse_label_field(parser, node);
}

/* ---- values ---------------------------------------------------------------------------------- */

static int take_text(struct parser *parser, const struct vt_expression_node *node,
		     struct vt_expression_value *value)
{
	struct vt_lexer *lexer = &parser->lexer;
	const struct vt_lexer_token *token = &lexer->token;
	struct vt_error why = {""};

	value->type = VT_EXPRESSION_TEXT;
	value->text = token->text;
	if (node->test == VT_EXPRESSION_MATCH &&
	    vt_glob_check(value->text.bytes, value->text.len, &why) < 0)
		return vt_lexer_refuse(lexer, token->at, "%s", why.text);
	if (node->field == VT_EXPRESSION_PATH && value->text.len > 0 && value->text.bytes[0] == '/')
		return vt_lexer_refuse(lexer, token->at,
				       "a path begins below the version, without a '/'");
	if (token->kind == VT_LEXER_TEXT)
		return 0;
	value->text.bytes = memcpy(lexer->pool + lexer->pooled, token->text.bytes, token->text.len);
	lexer->pooled += token->text.len;
	return 0;
}

static int take_choice(struct parser *parser, const struct vt_expression_facet *facet,
		       struct vt_expression_value *value)
{
	const struct vt_label_text *text = &parser->lexer.token.text;
	char all[64] = "";

	for (unsigned i = 1; facet->choices[i]; i++) {
		if (strlen(facet->choices[i]) == text->len &&
		    memcmp(facet->choices[i], text->bytes, text->len) == 0) {
			value->type = VT_EXPRESSION_CHOICE;
			value->choice = i;
			return 0;
		}
		(void) snprintf(all + strlen(all), sizeof all - strlen(all), "%s%s",
				i > 1 ? ", " : "", facet->choices[i]);
	}
	return vt_lexer_expected(&parser->lexer, "a %s, one of %s", facet->name, all);
}

static int take_bytes(struct parser *parser, struct vt_expression_value *value)
{
	const struct vt_lexer_token *token = &parser->lexer.token;
	static const char units[] = "KMGT";
	const char *unit = token->text.len == 1 ? strchr(units, token->text.bytes[0]) : NULL;
	long double bytes = token->number;

	if (token->text.len > 0 && !(unit && *unit))
		return vt_lexer_expected(&parser->lexer,
					 "a size: a number, and K, M, G or T directly after it");
	for (ptrdiff_t i = unit ? unit - units : -1; i >= 0; i--)
		bytes *= 1024;
	if (bytes < 0 || bytes >= BYTES_MAX)
		return vt_lexer_refuse(&parser->lexer, token->at,
				       "a size is not negative, and less than 8388608T");
	value->type = VT_EXPRESSION_BYTES;
	value->bytes = (uint64_t) (bytes + 0.5L);
	return 0;
}

static int take_number(struct parser *parser, const struct vt_expression_facet *facet,
		       struct vt_expression_value *value)
{
	const struct vt_lexer_token *token = &parser->lexer.token;
	double number = (double) token->number;

	if (token->text.len > 0)
		return vt_lexer_expected(
			&parser->lexer,
			"a number (as a text it stands in quotes; K, M, G, T are of size only)");
	if (!isfinite(number))
		return vt_lexer_refuse(&parser->lexer, token->at, "the number is too large");
	if (facet->name && (number < 0 || number > 1))
		return vt_lexer_refuse(&parser->lexer, token->at, "%s goes from 0 to 1",
				       facet->name);
	value->type = VT_EXPRESSION_NUMBER;
	value->number = number == 0 ? 0 : number;
	return 0;
}

static bool is_boolean(const struct vt_lexer *lexer)
{
	return vt_lexer_is_word(lexer, "true") || vt_lexer_is_word(lexer, "false");
}

static bool is_text(const struct vt_lexer *lexer)
{
	return lexer->token.kind == VT_LEXER_TEXT ||
	       (lexer->token.kind == VT_LEXER_WORD && !vt_lexer_is_keyword(&lexer->token.text));
}

/* The value of a label: any type, where the operator takes it. */
static int take_any(struct parser *parser, const struct vt_expression_node *node,
		    struct vt_expression_value *value)
{
	struct vt_lexer *lexer = &parser->lexer;

	if (is_text(lexer))
		return take_text(parser, node, value);
	if (node->test == VT_EXPRESSION_MATCH)
		return vt_lexer_expected(lexer, "a pattern; numbers and keywords need quotes");
	if (lexer->token.kind == VT_LEXER_NUMBER)
		return take_number(parser, vt_expression_facet(node->field), value);
	if (!is_boolean(lexer))
		return vt_lexer_expected(lexer,
					 "a value; a text that is a keyword stands in quotes");
	if (node->test != VT_EXPRESSION_EQUAL && node->test != VT_EXPRESSION_IN)
		return vt_lexer_expected(lexer, "a text or a number, as only these have an order");
	value->type = VT_EXPRESSION_BOOLEAN;
	value->boolean = vt_lexer_is_word(lexer, "true");
	return 0;
}

static int take_value(struct parser *parser, const struct vt_expression_node *node,
		      struct vt_expression_value *value)
{
	const struct vt_expression_facet *facet = vt_expression_facet(node->field);
	struct vt_lexer *lexer = &parser->lexer;
	bool number = lexer->token.kind == VT_LEXER_NUMBER;

	if (node->field == VT_EXPRESSION_LABEL)
		return take_any(parser, node, value);
	switch (facet->type) {
	case VT_EXPRESSION_BYTES:
		return number ? take_bytes(parser, value)
			      : vt_lexer_expected(lexer, "a size, such as 10M");
	case VT_EXPRESSION_NUMBER:
		return number ? take_number(parser, facet, value)
			      : vt_lexer_expected(lexer, "a number from 0 to 1");
	case VT_EXPRESSION_CHOICE:
		return take_choice(parser, facet, value);
	default:
		return is_text(lexer) ? take_text(parser, node, value)
				      : vt_lexer_expected(
						lexer, "a text; numbers and keywords need quotes");
	}
}

/* One more value of a comparison. */
static int parse_value(struct parser *parser, struct made *made)
{
	struct vt_expression_node *node = &made->node;
	struct vt_expression_value *values;
	int r;

	if (node->value_count == VT_EXPRESSION_VALUES)
		return vt_lexer_refuse(&parser->lexer, parser->lexer.token.at,
				       "a list has at most %u values", VT_EXPRESSION_VALUES);
	values = reallocarray(made->values, node->value_count + 1, sizeof *values);
	if (!values)
		return no_memory(parser);
	node->values = made->values = values;
	r = take_value(parser, node, &values[node->value_count]);
	if (r < 0)
		return r;
	node->value_count++;
	return vt_lexer_next(&parser->lexer);
}

static int parse_list(struct parser *parser, struct made *made)
{
	struct vt_lexer *lexer = &parser->lexer;
	int r = expect_mark(parser, '(', "a list: ( and values with commas between them");

	if (r == 0)
		r = parse_value(parser, made);
	while (r == 0 && vt_lexer_is_mark(lexer, ',')) {
		r = vt_lexer_next(lexer);
		if (r == 0)
			r = parse_value(parser, made);
	}
	return r < 0 ? r : expect_mark(parser, ')', "a comma or the list's )");
}

/* ---- comparisons ----------------------------------------------------------------------------- */

/* ["not"] "in" */
static int parse_in(struct parser *parser, struct made *made)
{
	struct vt_lexer *lexer = &parser->lexer;
	int r;

	made->node.test = VT_EXPRESSION_IN;
	made->node.negated = vt_lexer_is_word(lexer, "not");
	if (made->node.negated) {
		r = vt_lexer_next(lexer);
		if (r < 0)
			return r;
		if (!vt_lexer_is_word(lexer, "in"))
			return vt_lexer_expected(lexer, "in after not");
	}
	r = vt_lexer_next(lexer);
	return r < 0 ? r : parse_list(parser, made);
}

/* The keyword that a word is but for capitals, or NULL. */
static const char *capital_keyword(const struct vt_lexer_token *token)
{
	static const char *const words[] = {"and", "or", "not", "in"};

	for (size_t i = 0; token->kind == VT_LEXER_WORD && i < 4; i++)
		if (token->text.len == strlen(words[i]) &&
		    strncasecmp(token->text.bytes, words[i], token->text.len) == 0)
			return words[i];
	return NULL;
}

/* No operator stands where one has to, after a field that began with `word`. */
static int refuse_operator(const struct vt_lexer *lexer, const struct vt_lexer_token *word)
{
	const char *meant = capital_keyword(&lexer->token);

	if (meant)
		return vt_lexer_refuse(lexer, lexer->token.at, "write %s in small letters", meant);
	meant = capital_keyword(word);
	if (meant)
		return vt_lexer_refuse(lexer, word->at, "write %s in small letters", meant);
	if (lexer->token.kind == VT_LEXER_END || vt_lexer_is_mark(lexer, ')') ||
	    vt_lexer_is_word(lexer, "and") || vt_lexer_is_word(lexer, "or"))
		return vt_lexer_expected(lexer, "an operator (= != < <= > >= ~ !~ in); "
						"has(KEY) asks whether there is a label");
	return vt_lexer_expected(lexer, "an operator (= != < <= > >= ~ !~ in)");
}

static int check_operator(struct parser *parser, const struct vt_expression_node *node)
{
	const struct vt_expression_facet *facet = vt_expression_facet(node->field);
	const struct vt_lexer *lexer = &parser->lexer;

	if (lexer->token.test == VT_EXPRESSION_MATCH && !facet->is_text)
		return vt_lexer_refuse(lexer, lexer->token.at, "%s is no text: ~ has no meaning",
				       facet->name);
	if (lexer->token.test >= VT_EXPRESSION_LESS && !facet->is_ordered)
		return vt_lexer_refuse(lexer, lexer->token.at,
				       "%s has no order: there are = != and in", facet->name);
	return 0;
}

static int parse_comparison(struct parser *parser)
{
	struct vt_lexer *lexer = &parser->lexer;
	struct made *made = parser->whole->made; /* the newest */
	struct vt_lexer_token word = lexer->token;
	int r = parse_field(parser, &made->node);

	if (r < 0)
		return r;
	if (vt_lexer_is_word(lexer, "not") || vt_lexer_is_word(lexer, "in"))
		return parse_in(parser, made);
	if (lexer->token.kind != VT_LEXER_OPERATOR)
		return refuse_operator(lexer, &word);
	r = check_operator(parser, &made->node);
	if (r < 0)
		return r;
	made->node.test = lexer->token.test;
	made->node.negated = lexer->token.negated;
	r = vt_lexer_next(lexer);
	return r < 0 ? r : parse_value(parser, made);
}

/* The word is read: "(" key ")" */
static int parse_about_key(struct parser *parser, struct vt_expression_node *node)
{
	int r = expect_mark(parser, '(', "'(' and a key");

	if (r == 0)
		r = parse_key(parser, &node->key);
	return r < 0 ? r : expect_mark(parser, ')', "')' after the key");
}

static int parse_term(struct parser *parser, struct made **out)
{
	struct vt_lexer *lexer = &parser->lexer;
	enum vt_expression_kind kind = VT_EXPRESSION_COMPARE;
	int r;

	if (lexer->token.kind != VT_LEXER_WORD || vt_lexer_is_keyword(&lexer->token.text))
		return vt_lexer_expected(lexer,
					 "a comparison such as class=cat, has(KEY), 'not' or '('");
	if (parser->terms++ == VT_EXPRESSION_TERMS)
		return vt_lexer_refuse(lexer, lexer->token.at,
				       "an expression has at most %u comparisons",
				       VT_EXPRESSION_TERMS);
	if (vt_lexer_is_word(lexer, "has"))
		kind = VT_EXPRESSION_HAS;
	else if (vt_lexer_is_word(lexer, "disputed"))
		kind = VT_EXPRESSION_DISPUTED;
	else if (vt_lexer_is_word(lexer, "unlabelled"))
		kind = VT_EXPRESSION_UNLABELLED;
	r = new_node(parser, kind, out);
	if (r < 0 || kind == VT_EXPRESSION_COMPARE)
		return r < 0 ? r : parse_comparison(parser);
	r = vt_lexer_next(lexer);
	return r < 0 || kind == VT_EXPRESSION_UNLABELLED ? r
							 : parse_about_key(parser, &(*out)->node);
}

/* ---- and, or, not ---------------------------------------------------------------------------- */

static int parse_all(struct parser *parser, enum vt_expression_kind kind, struct made **out);

static int go_deeper(struct parser *parser)
{
	if (parser->depth++ == VT_EXPRESSION_NESTING)
		return vt_lexer_refuse(&parser->lexer, parser->lexer.token.at,
				       "parentheses and nots are at most %u deep",
				       VT_EXPRESSION_NESTING);
	return vt_lexer_next(&parser->lexer);
}

static int parse_parentheses(struct parser *parser, struct made **out)
{
	int r = go_deeper(parser);

	if (r == 0)
		r = parse_all(parser, VT_EXPRESSION_OR, out);
	parser->depth--;
	return r < 0 ? r : expect_mark(parser, ')', "'and', 'or' or ')'");
}

static int parse_part(struct parser *parser, struct made **out)
{
	struct made *child;
	int r;

	if (vt_lexer_is_mark(&parser->lexer, '('))
		return parse_parentheses(parser, out);
	if (!vt_lexer_is_word(&parser->lexer, "not"))
		return parse_term(parser, out);
	r = go_deeper(parser);
	if (r == 0)
		r = parse_part(parser, &child);
	parser->depth--;
	if (r == 0)
		r = new_node(parser, VT_EXPRESSION_NOT, out);
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
static int parse_all(struct parser *parser, enum vt_expression_kind kind, struct made **out)
{
	const char *word = kind == VT_EXPRESSION_OR ? "or" : "and";
	struct vt_expression_node *first = NULL, **end = &first;
	struct made *part;
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
	r = new_node(parser, kind, out);
	if (r == 0)
		(*out)->node.child = first;
	return r;
}

/* ---- the whole ------------------------------------------------------------------------------- */

static int refuse_rest(const struct vt_lexer *lexer)
{
	const char *word = capital_keyword(&lexer->token);

	if (word)
		return vt_lexer_refuse(lexer, lexer->token.at, "write %s in small letters", word);
	if (vt_lexer_is_mark(lexer, ')'))
		return vt_lexer_expected(lexer, "'and', 'or' or the end, as no ( is open");
	return vt_lexer_expected(lexer, "'and', 'or' or the end");
}

/* The canonical text, which with its escapes may be longer than the one that was read. */
static int print_whole(struct parser *parser)
{
	struct whole *whole = parser->whole;

	vt_expression_print(&whole->shown, &whole->text);
	if (whole->text.len > VT_EXPRESSION_MAX)
		return vt_lexer_refuse(
			&parser->lexer, parser->lexer.len,
			"in its canonical form the expression has %zu bytes; at most %u "
			"are possible",
			whole->text.len, VT_EXPRESSION_MAX);
	vt_buf_put_u8(&whole->text, '\0');
	if (vt_buf_failed(&whole->text))
		return no_memory(parser);
	whole->shown.text = (const char *) whole->text.data;
	whole->shown.text_len = whole->text.len - 1;
	return 0;
}

static int parse_whole(struct parser *parser)
{
	struct made *root;
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
	struct whole *whole = calloc(1, sizeof *whole);
	vt_cleanup(vt_expression_freep) const struct vt_expression *shown =
		(const struct vt_expression *) whole;
	struct parser parser = {.whole = whole};
	int r;

	parser.lexer.err = err;
	if (whole)
		whole->pool = malloc(len < VT_EXPRESSION_MAX ? len + 1 : VT_EXPRESSION_MAX);
	if (!whole || !whole->pool)
		return no_memory(&parser);
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
	struct whole *whole = (struct whole *) expression;
	struct made *made = whole ? whole->made : NULL;

	while (made) {
		struct made *before = made->before;

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
