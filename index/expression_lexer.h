/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The words of expression.h's language, one at a time. Private to its parser.
 *
 * Everything that is wrong is -EINVAL with "column N: …", counting characters from 1.
 */
#include <stdbool.h>
#include <stddef.h>

#include "index/expression.h"

struct vt_error;

enum vt_lexer_kind {
	VT_LEXER_END,
	VT_LEXER_WORD,
	VT_LEXER_TEXT, /* in quotes */
	VT_LEXER_NUMBER,
	VT_LEXER_OPERATOR,
	VT_LEXER_MARK, /* one of ( ) , . */
};

struct vt_lexer_token {
	enum vt_lexer_kind kind;
	size_t at, len; /* in what is read */
	struct vt_label_text
		text; /* WORD, TEXT without quotes and escapes; NUMBER: what follows it */
	double number;     /* as every reader of labels takes it: rounded once */
	long double bytes; /* the same for a size, which may need 63 bits */
	enum vt_expression_test test;
	bool negated; /* the operator */
};

struct vt_lexer {
	const char *bytes;
	size_t len, at;
	struct vt_lexer_token token; /* the present one */
	char *pool; /* `len` bytes of the caller's, where texts without escapes go */
	size_t pooled;
	struct vt_error *err;
};

/* Refuses what is too long or no UTF-8, and reads the first token. The rest borrows `bytes`. */
int vt_lexer_start(struct vt_lexer *lexer, const char *bytes, size_t len, char *pool,
		   struct vt_error *err);
int vt_lexer_next(struct vt_lexer *lexer);

bool vt_lexer_is_word(const struct vt_lexer *lexer, const char *word);
bool vt_lexer_is_mark(const struct vt_lexer *lexer, char mark);

/* "column N: …" about the byte `at`. */
int vt_lexer_refuse(const struct vt_lexer *lexer, size_t at, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* The same about the present token: "expected …, found 'x'". */
int vt_lexer_expected(const struct vt_lexer *lexer, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* The words of the language, which are no text without quotes; and all that are no key. */
bool vt_lexer_is_keyword(const struct vt_label_text *word);
bool vt_lexer_is_reserved(const struct vt_label_text *word);
/* [A-Za-z_][A-Za-z0-9_-]* */
bool vt_lexer_is_identifier(const struct vt_label_text *text);
