/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See expression_lexer.h. What other languages write, and this one does not, is refused with what
 * to write instead.
 */
#include "index/expression_lexer.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/error.h"
#include "index/base/utf8.h"

#define NUMBER_MAX 100u /* bytes */
#define SHOWN_MAX  40u  /* bytes of a token that a sentence shows */

static const char *const keywords[] = {"and", "or", "not", "in", "true", "false"};
static const char *const reserved[] = {"has",  "disputed", "unlabelled", "path",
				       "name", "size",     "label"};

static const struct {
	const char *text;
	enum vt_expression_test test;
	bool negated;
} operators[] = {
	{"=", VT_EXPRESSION_EQUAL, false},   {"!=", VT_EXPRESSION_EQUAL, true},
	{"~", VT_EXPRESSION_MATCH, false},   {"!~", VT_EXPRESSION_MATCH, true},
	{"<", VT_EXPRESSION_LESS, false},    {"<=", VT_EXPRESSION_LESS_EQUAL, false},
	{">", VT_EXPRESSION_GREATER, false}, {">=", VT_EXPRESSION_GREATER_EQUAL, false},
};

static const struct {
	const char *text, *meant;
} mistaken[] = {
	{"==", "="},  {"===", "="}, {":", "="},  {":=", "="},  {"<>", "!="}, {"!==", "!="},
	{"=~", "~"},  {"~=", "~"},  {"~~", "~"}, {"=<", "<="}, {"=>", ">="}, {"&&", "and"},
	{"&", "and"}, {"||", "or"}, {"|", "or"}, {"!", "not"},
};

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* ---- characters and words -------------------------------------------------------------------- */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool begins_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool continues_word(char c)
{
	return begins_word(c) || is_digit(c) || c == '-';
}

static bool is_control(char c)
{
	return (unsigned char) c < ' ' || c == 0x7f;
}

static bool equals(const char *bytes, size_t len, const char *word)
{
	return strlen(word) == len && memcmp(bytes, word, len) == 0;
}

static bool is_one_of(const struct vt_label_text *word, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (equals(word->bytes, word->len, words[i]))
			return true;
	return false;
}

bool vt_lexer_is_keyword(const struct vt_label_text *word)
{
	return is_one_of(word, keywords, COUNT(keywords));
}

bool vt_lexer_is_reserved(const struct vt_label_text *word)
{
	return vt_lexer_is_keyword(word) || is_one_of(word, reserved, COUNT(reserved));
}

bool vt_lexer_is_identifier(const struct vt_label_text *text)
{
	if (text->len == 0 || !begins_word(text->bytes[0]))
		return false;
	for (size_t i = 1; i < text->len; i++)
		if (!continues_word(text->bytes[i]))
			return false;
	return true;
}

bool vt_lexer_is_word(const struct vt_lexer *lexer, const char *word)
{
	const struct vt_lexer_token *token = &lexer->token;

	return token->kind == VT_LEXER_WORD && equals(token->text.bytes, token->text.len, word);
}

bool vt_lexer_is_mark(const struct vt_lexer *lexer, char mark)
{
	return lexer->token.kind == VT_LEXER_MARK && lexer->bytes[lexer->token.at] == mark;
}

/* ---- refusing -------------------------------------------------------------------------------- */

static size_t column_of(const struct vt_lexer *lexer, size_t at)
{
	size_t column = 1;

	for (size_t i = 0; i < at; i++)
		column += (lexer->bytes[i] & 0xc0) != 0x80;
	return column;
}

static int refuse(const struct vt_lexer *lexer, size_t at, const char *sentence)
{
	return vt_fail(lexer->err, EINVAL, "column %zu: %s", column_of(lexer, at), sentence);
}

int vt_lexer_refuse(const struct vt_lexer *lexer, size_t at, const char *format, ...)
{
	char sentence[512];
	va_list ap;

	va_start(ap, format);
	(void) vsnprintf(sentence, sizeof sentence, format, ap);
	va_end(ap);
	return refuse(lexer, at, sentence);
}

/* As much of the present token as a sentence takes: only texts are not ASCII, and none is shown. */
static int shown_len(const struct vt_lexer *lexer)
{
	return (int) (lexer->token.len < SHOWN_MAX ? lexer->token.len : SHOWN_MAX);
}

int vt_lexer_expected(const struct vt_lexer *lexer, const char *format, ...)
{
	const struct vt_lexer_token *token = &lexer->token;
	char expected[384], sentence[512];
	va_list ap;

	va_start(ap, format);
	(void) vsnprintf(expected, sizeof expected, format, ap);
	va_end(ap);
	if (token->kind == VT_LEXER_END)
		(void) snprintf(sentence, sizeof sentence, "expected %s, found the end", expected);
	else if (token->kind == VT_LEXER_TEXT)
		(void) snprintf(sentence, sizeof sentence, "expected %s, found a text", expected);
	else
		(void) snprintf(sentence, sizeof sentence, "expected %s, found '%.*s'", expected,
				shown_len(lexer), lexer->bytes + token->at);
	return refuse(lexer, token->at, sentence);
}

/* ---- reading --------------------------------------------------------------------------------- */

static char peek(const struct vt_lexer *lexer, size_t ahead)
{
	return ahead < lexer->len - lexer->at ? lexer->bytes[lexer->at + ahead] : '\0';
}

static void skip_digits(struct vt_lexer *lexer)
{
	while (is_digit(peek(lexer, 0)))
		lexer->at++;
}

static void read_word(struct vt_lexer *lexer)
{
	struct vt_lexer_token *token = &lexer->token;

	while (continues_word(peek(lexer, 0)))
		lexer->at++;
	token->kind = VT_LEXER_WORD;
	token->text = (struct vt_label_text){lexer->bytes + token->at, lexer->at - token->at};
}

/* One character of a text, or an escape. */
static int read_character(struct vt_lexer *lexer)
{
	char c = peek(lexer, 0);

	if (is_control(c) && c != '\t' && c != '\n')
		return refuse(lexer, lexer->at,
			      "a text has no control characters but tab and newline");
	if (c == '\\') {
		c = peek(lexer, 1);
		if (!c || !strchr("\\\"'", c))
			return refuse(lexer, lexer->at,
				      "after \\ only \\, \" or ' can follow; \\ itself is \\\\");
		lexer->at++;
	}
	lexer->pool[lexer->pooled++] = c;
	lexer->at++;
	return 0;
}

static int read_text(struct vt_lexer *lexer)
{
	struct vt_lexer_token *token = &lexer->token;
	char quote = peek(lexer, 0);
	size_t first = lexer->pooled;
	int r;

	lexer->at++;
	while (lexer->at < lexer->len && peek(lexer, 0) != quote) {
		r = read_character(lexer);
		if (r < 0)
			return r;
	}
	if (lexer->at == lexer->len)
		return vt_lexer_refuse(lexer, token->at,
				       "the text that begins here has no closing %c", quote);
	lexer->at++;
	token->kind = VT_LEXER_TEXT;
	token->text = (struct vt_label_text){lexer->pool + first, lexer->pooled - first};
	return 0;
}

/* strtod() with the C locale's point: the program sets no other for numbers. */
static int convert_number(struct vt_lexer *lexer)
{
	struct vt_lexer_token *token = &lexer->token;
	size_t len = lexer->at - token->at;
	char digits[NUMBER_MAX + 1];

	if (len > NUMBER_MAX)
		return vt_lexer_refuse(lexer, token->at, "a number has at most %u characters",
				       NUMBER_MAX);
	memcpy(digits, lexer->bytes + token->at, len);
	digits[len] = '\0';
	token->number = strtod(digits, NULL);
	token->bytes = strtold(digits, NULL);
	return 0;
}

static int read_number(struct vt_lexer *lexer)
{
	struct vt_lexer_token *token = &lexer->token;
	size_t sign, end;
	int r;

	lexer->at += peek(lexer, 0) == '-';
	skip_digits(lexer);
	if (peek(lexer, 0) == '.' && is_digit(peek(lexer, 1))) {
		lexer->at++;
		skip_digits(lexer);
	}
	sign = peek(lexer, 1) == '-' || peek(lexer, 1) == '+';
	if ((peek(lexer, 0) | 0x20) == 'e' && is_digit(peek(lexer, 1 + sign))) {
		lexer->at += 1 + sign;
		skip_digits(lexer);
	}
	r = convert_number(lexer);
	end = lexer->at;
	while (continues_word(peek(lexer, 0)) || peek(lexer, 0) == '.')
		lexer->at++;
	token->kind = VT_LEXER_NUMBER;
	token->text = (struct vt_label_text){lexer->bytes + end, lexer->at - end};
	return r;
}

static int read_operator(struct vt_lexer *lexer)
{
	struct vt_lexer_token *token = &lexer->token;
	const char *text = lexer->bytes + token->at;
	size_t len;

	while (peek(lexer, 0) && strchr("=!<>~&|:", peek(lexer, 0)))
		lexer->at++;
	token->kind = VT_LEXER_OPERATOR;
	len = token->len = lexer->at - token->at;
	for (size_t i = 0; i < COUNT(operators); i++)
		if (equals(text, len, operators[i].text)) {
			token->test = operators[i].test;
			token->negated = operators[i].negated;
			return 0;
		}
	for (size_t i = 0; i < COUNT(mistaken); i++)
		if (equals(text, len, mistaken[i].text))
			return vt_lexer_refuse(lexer, token->at, "write %s, not %s",
					       mistaken[i].meant, mistaken[i].text);
	return vt_lexer_refuse(lexer, token->at,
			       "'%.*s' is no operator; there are = != < <= > >= ~ !~",
			       shown_len(lexer), text);
}

static int refuse_character(struct vt_lexer *lexer)
{
	const char *c = lexer->bytes + lexer->at;
	uint32_t code;
	size_t len = vt_utf8_decode(c, lexer->len - lexer->at, &code);

	if (is_control(*c))
		return refuse(lexer, lexer->at, "a control character has no meaning here");
	if (code >= 0x2018 && code <= 0x201f)
		return refuse(lexer, lexer->at, "write straight quotes, \" or '");
	return vt_lexer_refuse(
		lexer, lexer->at,
		"'%.*s' has no meaning here; a text with such characters stands in quotes",
		(int) len, c);
}

static int read_token(struct vt_lexer *lexer)
{
	char c = peek(lexer, 0);

	if (begins_word(c)) {
		read_word(lexer);
		return 0;
	}
	if (is_digit(c) || (c == '-' && is_digit(peek(lexer, 1))))
		return read_number(lexer);
	if (c == '"' || c == '\'')
		return read_text(lexer);
	if (c && strchr("=!<>~&|:", c))
		return read_operator(lexer);
	if (!c || !strchr("(),.", c))
		return refuse_character(lexer);
	lexer->token.kind = VT_LEXER_MARK;
	lexer->at++;
	return 0;
}

int vt_lexer_next(struct vt_lexer *lexer)
{
	int r;

	while (lexer->at < lexer->len && strchr(" \t\r\n", lexer->bytes[lexer->at]) &&
	       lexer->bytes[lexer->at])
		lexer->at++;
	lexer->token = (struct vt_lexer_token){.kind = VT_LEXER_END, .at = lexer->at};
	if (lexer->at == lexer->len)
		return 0;
	r = read_token(lexer);
	lexer->token.len = lexer->at - lexer->token.at;
	return r;
}

int vt_lexer_start(struct vt_lexer *lexer, const char *bytes, size_t len, char *pool,
		   struct vt_error *err)
{
	*lexer = (struct vt_lexer){.bytes = bytes, .len = len, .pool = pool, .err = err};
	if (len > VT_EXPRESSION_MAX)
		return vt_lexer_refuse(lexer, VT_EXPRESSION_MAX,
				       "an expression has at most %u bytes", VT_EXPRESSION_MAX);
	for (size_t at = 0, step; at < len; at += step) {
		uint32_t code;

		step = vt_utf8_decode(bytes + at, len - at, &code);
		if (step == 0)
			return refuse(lexer, at, "this is not UTF-8");
	}
	return vt_lexer_next(lexer);
}
