/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* An expression in the making: what expression.c and expression_term.c share. */
#include "index/base/buf.h"
#include "index/expression.h"
#include "index/expression_lexer.h"

/* A node, and the one that was made before it: all are freed along this chain. */
struct vt_expression_made {
	struct vt_expression_node node;
	struct vt_expression_value *values;
	size_t written; /* values, without those that are implied */
	struct vt_expression_made *before;
};

struct vt_expression_whole {
	struct vt_expression shown; /* first */
	struct vt_expression_made *made;
	struct vt_label_text *keys;
	char *pool;
	struct vt_buf text;
};

struct vt_expression_parser {
	struct vt_lexer lexer;
	struct vt_expression_whole *whole;
	unsigned depth, terms;
};

int vt_expression_new_node(struct vt_expression_parser *parser, enum vt_expression_kind kind,
			   struct vt_expression_made **out);
int vt_expression_no_memory(const struct vt_expression_parser *parser);
/* Reads on behind the mark, or says that `what` was expected. */
int vt_expression_expect(struct vt_expression_parser *parser, char mark, const char *what);

/* A comparison, has, disputed or unlabelled: expression_term.c. */
int vt_expression_parse_term(struct vt_expression_parser *parser, struct vt_expression_made **out);
/* The keyword that a word is but for capitals, or NULL. */
const char *vt_expression_capital_keyword(const struct vt_lexer_token *token);
