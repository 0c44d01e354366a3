/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Expressions: which files of a version are meant. The language and what it means is told to users
 * in tools/man/vitrine-expressions.7; here is its grammar.
 *
 *     expression = all {"or" all}          all = part {"and" part}
 *     part       = "not" part | "(" expression ")" | comparison
 *                | "has" "(" key ")" | "disputed" "(" key ")" | "unlabelled"
 *     comparison = field operator value | field ["not"] "in" "(" value {"," value} ")"
 *     field      = "path" | "name" | "size" | key
 *                | key "." ("confidence" | "annotator" | "source" | "review" | "agreement")
 *     key        = word | "label" "." word      the latter for words that mean something else here
 *     operator   = "=" | "!=" | "<" | "<=" | ">" | ">=" | "~" | "!~"
 *     value      = word | text in " or ' | number | size | "true" | "false"
 *     word       = [A-Za-z_][A-Za-z0-9_-]*      number = ["-"] digits ["." digits] ["e" ["+"|"-"]
 * digits] size       = number ["K" | "M" | "G" | "T"]
 *
 * An expression has one canonical text: expressions that differ in blanks, quotes or parentheses
 * only have the same one, and it is an expression that has itself as its text. It stands for the
 * expression in keys of caches and in names.
 *
 * What is parsed is immutable, and may be used by many threads.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "index/base/cleanup.h"
#include "index/label.h"

struct vt_error;

#define VT_EXPRESSION_MAX     4096u /* bytes, as written and canonical */
#define VT_EXPRESSION_NESTING 64u   /* parentheses and nots in each other */
#define VT_EXPRESSION_TERMS   256u  /* comparisons, has, disputed, unlabelled */
#define VT_EXPRESSION_VALUES  256u  /* of one list, as written */

enum vt_expression_kind {
	VT_EXPRESSION_AND, /* children, at least two, none an AND */
	VT_EXPRESSION_OR,  /* children, at least two, none an OR */
	VT_EXPRESSION_NOT, /* one child */
	VT_EXPRESSION_COMPARE,
	VT_EXPRESSION_HAS,
	VT_EXPRESSION_DISPUTED,
	VT_EXPRESSION_UNLABELLED,
};

enum vt_expression_field {
	VT_EXPRESSION_PATH,
	VT_EXPRESSION_NAME,
	VT_EXPRESSION_SIZE,
	VT_EXPRESSION_LABEL, /* the value of the label itself; below: what else is known of it */
	VT_EXPRESSION_CONFIDENCE,
	VT_EXPRESSION_ANNOTATOR,
	VT_EXPRESSION_SOURCE,
	VT_EXPRESSION_REVIEW,
	VT_EXPRESSION_AGREEMENT,
};

enum vt_expression_test {
	VT_EXPRESSION_EQUAL, /* negated: != */
	VT_EXPRESSION_MATCH, /* negated: !~ */
	VT_EXPRESSION_IN,    /* negated: not in */
	VT_EXPRESSION_LESS,
	VT_EXPRESSION_LESS_EQUAL,
	VT_EXPRESSION_GREATER,
	VT_EXPRESSION_GREATER_EQUAL,
};

/* Which type a value has follows from the field, but for VT_EXPRESSION_LABEL, which takes three. */
enum vt_expression_type {
	VT_EXPRESSION_TEXT,
	VT_EXPRESSION_NUMBER,
	VT_EXPRESSION_BOOLEAN,
	VT_EXPRESSION_BYTES,  /* of size */
	VT_EXPRESSION_CHOICE, /* an enum vt_label_source or vt_label_review */
};

struct vt_expression_value {
	enum vt_expression_type type;
	bool implied; /* not written: a text that stands beside the number or boolean before it */
	union {
		struct vt_label_text
			text;  /* UTF-8; of a MATCH: a pattern that vt_glob_check() took */
		double number; /* finite, never -0 */
		bool boolean;
		uint64_t bytes;
		unsigned choice;
	};
};

struct vt_expression_node {
	enum vt_expression_kind kind;
	struct vt_expression_node *child; /* AND, OR, NOT: the first */
	struct vt_expression_node *next;  /* of the same parent */
	size_t key; /* HAS, DISPUTED, COMPARE from LABEL on: number in the expression's keys */
	/* of a COMPARE: */
	enum vt_expression_field field;
	enum vt_expression_test test;
	bool negated; /* the field is there, and the comparison does not hold */
	const struct vt_expression_value *values; /* one; of an IN: at least one */
	size_t value_count; /* those that are implied included */
};

struct vt_expression {
	const struct vt_expression_node *root;
	const char *text; /* canonical, NUL-terminated */
	size_t text_len;
	/* What it looks at. */
	const struct vt_label_text *keys; /* each once, in the order of the text */
	size_t key_count;
	bool uses_path, uses_name, uses_size;
};

/*
 * `text` need not end with a NUL. Errors: -EINVAL no expression, and `err` says "column N: …",
 * counting characters from 1; -ENOMEM. Memory is at most some 100 times the text's length.
 */
int vt_expression_parse(const char *text, size_t len, const struct vt_expression **out,
			struct vt_error *err);
void vt_expression_free(const struct vt_expression *expression);
VT_DEFINE_CLEANUP(const struct vt_expression, vt_expression_free);
