/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What the parser and the printer of expressions share. */
#include <stdbool.h>

#include "index/expression.h"

struct vt_buf;

struct vt_expression_facet {
	const char *name; /* behind the key's dot, or alone; NULL: the label itself */
	enum vt_expression_type type;
	bool is_ordered, is_text;   /* takes < and the like; takes ~ */
	const char *const *choices; /* of a CHOICE, ending with NULL; at the number of each */
};

const struct vt_expression_facet *vt_expression_facet(enum vt_expression_field field);

/* Appends the canonical text. */
void vt_expression_print(const struct vt_expression *expression, struct vt_buf *out);
