/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Whether a file is one that an expression means. What is known of the file is asked only as far as
 * the answer depends on it: parts are looked at from left to right, and no further than needed.
 *
 * - A comparison about something that is not there is false, also a negated one: class!=cat is
 *   false without a class, `not class=cat` is true.
 * - Values of different types are not equal and have no order, but that a number or boolean that is
 *   written without quotes is equal to the text that is written like it: class=5 is true of 5 and
 *   of "5", class="5" of the text alone; class<5 is false where class is a text.
 * - Texts are ordered by their bytes; nothing is folded.
 *
 * Pure; as thread-safe as the callbacks.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "index/label.h"

struct vt_error;
struct vt_expression;
struct vt_expression_node;
struct vt_expression_value;

/* What a file's labels of one key say together. */
struct vt_expression_label {
	const struct vt_label *effective; /* NULL: none is in force; borrowed until the next call */
	double agreement;                 /* 0 to 1; asked only where one is in force */
	bool disputed;
};

struct vt_expression_facts {
	struct vt_label_text path; /* from the version's root, no '/' before it */
	struct vt_label_text name; /* its last part */
	uint64_t size;             /* each only where the expression uses it */
	/* The labels of the expression's key `key`. 0, or -errno, which ends the evaluation. */
	int (*label)(void *context, size_t key, struct vt_expression_label *out,
		     struct vt_error *err);
	/* 1: the file has labels, of any key and in any state; 0; or -errno */
	int (*is_labelled)(void *context, struct vt_error *err);
	void *context;
};

/* 1 yes, 0 no, or what a callback failed with. */
int vt_expression_matches(const struct vt_expression *expression,
			  const struct vt_expression_facts *facts, struct vt_error *err);

/* The same of a part of an expression, whose facts are those of the whole. */
int vt_expression_node_matches(const struct vt_expression_node *node,
			       const struct vt_expression_facts *facts, struct vt_error *err);
/* Does a COMPARE hold for a fact that is there? */
bool vt_expression_compare(const struct vt_expression_node *node,
			   const struct vt_expression_value *fact);
