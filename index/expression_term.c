/* SPDX-License-Identifier: Apache-2.0 */
/* The parser's lower half: fields, values and what is said of them. Nothing here goes into itself.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/error.h"
#include "index/expression_parser.h"
#include "index/number.h"
#include "index/expression_private.h"
#include "index/glob.h"

#define BYTES_MAX 0x1p63L /* of a size */

/* ---- fields ---------------------------------------------------------------------------------- */

/* The number of a key, which is added where it is new. */
static int key_number(struct vt_expression_parser *parser, const struct vt_label_text *key,
		      size_t *out)
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
		return vt_expression_no_memory(parser);
	parser->whole->keys = keys;
	shown->keys = keys;
	memcpy(parser->lexer.pool + parser->lexer.pooled, key->bytes, key->len);
	keys[shown->key_count] =
		(struct vt_label_text){parser->lexer.pool + parser->lexer.pooled, key->len};
	parser->lexer.pooled += key->len;
	*out = shown->key_count++;
	return 0;
}

static int refuse_key(struct vt_expression_parser *parser)
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
static int parse_key(struct vt_expression_parser *parser, size_t *key)
{
	struct vt_lexer *lexer = &parser->lexer;
	bool marked = vt_lexer_is_word(lexer, "label");
	int r;

	if (marked) {
		r = vt_lexer_next(lexer);
		if (r == 0)
			r = vt_expression_expect(parser, '.', "a '.' and a key after label");
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
static int parse_facet(struct vt_expression_parser *parser, enum vt_expression_field *field)
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

static int parse_label_field(struct vt_expression_parser *parser, struct vt_expression_node *node)
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

static int parse_field(struct vt_expression_parser *parser, struct vt_expression_node *node)
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

static int take_text(struct vt_expression_parser *parser, const struct vt_expression_node *node,
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

static int take_choice(struct vt_expression_parser *parser, const struct vt_expression_facet *facet,
		       struct vt_expression_value *value)
{
	unsigned choice = vt_label_word_find(facet->choices, parser->lexer.token.text);
	char all[64] = "";

	if (choice > 0) {
		value->type = VT_EXPRESSION_CHOICE;
		value->choice = choice;
		return 0;
	}
	for (unsigned i = 1; facet->choices[i]; i++)
		(void) snprintf(all + strlen(all), sizeof all - strlen(all), "%s%s",
				i > 1 ? ", " : "", facet->choices[i]);
	return vt_lexer_expected(&parser->lexer, "a %s, one of %s", facet->name, all);
}

static int take_bytes(struct vt_expression_parser *parser, struct vt_expression_value *value)
{
	const struct vt_lexer_token *token = &parser->lexer.token;
	static const char units[] = "KMGT";
	const char *unit = token->text.len == 1 ? strchr(units, token->text.bytes[0]) : NULL;
	long double bytes = token->bytes;

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

static int take_number(struct vt_expression_parser *parser, const struct vt_expression_facet *facet,
		       struct vt_expression_value *value)
{
	const struct vt_lexer_token *token = &parser->lexer.token;
	double number = token->number;

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
static int take_any(struct vt_expression_parser *parser, const struct vt_expression_node *node,
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

static int take_value(struct vt_expression_parser *parser, const struct vt_expression_node *node,
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

static struct vt_expression_value *add_value(struct vt_expression_parser *parser,
					     struct vt_expression_made *made)
{
	struct vt_expression_node *node = &made->node;
	struct vt_expression_value *values =
		reallocarray(made->values, node->value_count + 1, sizeof *values);

	if (!values) {
		(void) vt_expression_no_memory(parser);
		return NULL;
	}
	node->values = made->values = values;
	values[node->value_count] = (struct vt_expression_value){0};
	return &values[node->value_count];
}

/*
 * Labels out of paths and tables are texts, and nobody thinks of quotes: class=3 also means the
 * text "3". The text is the number in its canonical form, so that the canonical expression, in
 * which it does not stand, means the same.
 */
static int imply_text(struct vt_expression_parser *parser, struct vt_expression_made *made)
{
	const struct vt_expression_value last = made->values[made->node.value_count - 1];
	struct vt_lexer *lexer = &parser->lexer;
	struct vt_expression_value *value;
	char text[VT_NUMBER_TEXT];

	if (made->node.field != VT_EXPRESSION_LABEL || last.type == VT_EXPRESSION_TEXT ||
	    (made->node.test != VT_EXPRESSION_EQUAL && made->node.test != VT_EXPRESSION_IN))
		return 0;
	value = add_value(parser, made);
	if (!value)
		return -ENOMEM;
	if (last.type == VT_EXPRESSION_NUMBER)
		vt_number_format(last.number, text);
	else
		strcpy(text, last.boolean ? "true" : "false");
	*value = (struct vt_expression_value){.type = VT_EXPRESSION_TEXT, .implied = true};
	value->text.len = strlen(text);
	value->text.bytes = memcpy(lexer->pool + lexer->pooled, text, value->text.len);
	lexer->pooled += value->text.len;
	made->node.value_count++;
	return 0;
}

/* One more value of a comparison. */
static int parse_value(struct vt_expression_parser *parser, struct vt_expression_made *made)
{
	struct vt_expression_value *value;
	int r;

	if (made->written == VT_EXPRESSION_VALUES)
		return vt_lexer_refuse(&parser->lexer, parser->lexer.token.at,
				       "a list has at most %u values", VT_EXPRESSION_VALUES);
	value = add_value(parser, made);
	if (!value)
		return -ENOMEM;
	r = take_value(parser, &made->node, value);
	if (r < 0)
		return r;
	made->node.value_count++;
	made->written++;
	r = imply_text(parser, made);
	return r < 0 ? r : vt_lexer_next(&parser->lexer);
}

static int parse_list(struct vt_expression_parser *parser, struct vt_expression_made *made)
{
	struct vt_lexer *lexer = &parser->lexer;
	int r = vt_expression_expect(parser, '(', "a list: ( and values with commas between them");

	if (r == 0)
		r = parse_value(parser, made);
	while (r == 0 && vt_lexer_is_mark(lexer, ',')) {
		r = vt_lexer_next(lexer);
		if (r == 0)
			r = parse_value(parser, made);
	}
	return r < 0 ? r : vt_expression_expect(parser, ')', "a comma or the list's )");
}

/* ---- comparisons ----------------------------------------------------------------------------- */

/* ["not"] "in" */
static int parse_in(struct vt_expression_parser *parser, struct vt_expression_made *made)
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

const char *vt_expression_capital_keyword(const struct vt_lexer_token *token)
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
	const char *meant = vt_expression_capital_keyword(&lexer->token);

	if (meant)
		return vt_lexer_refuse(lexer, lexer->token.at, "write %s in small letters", meant);
	meant = vt_expression_capital_keyword(word);
	if (meant)
		return vt_lexer_refuse(lexer, word->at, "write %s in small letters", meant);
	if (lexer->token.kind == VT_LEXER_END || vt_lexer_is_mark(lexer, ')') ||
	    vt_lexer_is_word(lexer, "and") || vt_lexer_is_word(lexer, "or"))
		return vt_lexer_expected(lexer, "an operator (= != < <= > >= ~ !~ in); "
						"has(KEY) asks whether there is a label");
	return vt_lexer_expected(lexer, "an operator (= != < <= > >= ~ !~ in)");
}

static int check_operator(struct vt_expression_parser *parser,
			  const struct vt_expression_node *node)
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

static int parse_comparison(struct vt_expression_parser *parser)
{
	struct vt_lexer *lexer = &parser->lexer;
	struct vt_expression_made *made = parser->whole->made; /* the newest */
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
static int parse_about_key(struct vt_expression_parser *parser, struct vt_expression_node *node)
{
	int r = vt_expression_expect(parser, '(', "'(' and a key");

	if (r == 0)
		r = parse_key(parser, &node->key);
	return r < 0 ? r : vt_expression_expect(parser, ')', "')' after the key");
}

int vt_expression_parse_term(struct vt_expression_parser *parser, struct vt_expression_made **out)
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
	r = vt_expression_new_node(parser, kind, out);
	if (r < 0 || kind == VT_EXPRESSION_COMPARE)
		return r < 0 ? r : parse_comparison(parser);
	r = vt_lexer_next(lexer);
	return r < 0 || kind == VT_EXPRESSION_UNLABELLED ? r
							 : parse_about_key(parser, &(*out)->node);
}
