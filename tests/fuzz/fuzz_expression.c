/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as an expression: refused with a column, or its canonical text is an expression that
 * has itself as its text and means the same of some files.
 */
#include <errno.h>
#include <string.h>

#include "index/base/error.h"
#include "index/expression.h"
#include "index/expression_eval.h"
#include "tests/fuzz/fuzz.h"

#define TEXT(literal) ((struct vt_label_text){literal, sizeof literal - 1})

/* Keys have a text, a number, a boolean or no label, by their length. */
static int tell_label(void *context, size_t key, struct vt_expression_label *out,
		      struct vt_error *err)
{
	static const struct vt_label labels[] = {
		{.type = VT_LABEL_TEXT,
		 .value.text = TEXT("cat"),
		 .annotator = TEXT("alice"),
		 .source = VT_LABEL_HUMAN,
		 .review = VT_LABEL_ACCEPTED},
		{.type = VT_LABEL_NUMBER, .value.number = 3, .has_confidence = true},
		{.type = VT_LABEL_BOOLEAN, .value.boolean = true},
	};
	const struct vt_expression *expression = context;
	size_t len;

	must(key < expression->key_count);
	len = expression->keys[key].len;
	must(len > 0 && len <= VT_LABEL_KEY_MAX);
	*out = (struct vt_expression_label){.agreement = 0.5, .disputed = len % 2};
	if (len % 4 < 3)
		out->effective = &labels[len % 4];
	return 0;
}

static int tell_labelled(void *context, struct vt_error *err)
{
	return 1;
}

static int ask(const struct vt_expression *expression)
{
	const struct vt_expression_facts facts = {.path = TEXT("train/a/0001.png"),
						  .name = TEXT("0001.png"),
						  .size = 1024,
						  .label = tell_label,
						  .is_labelled = tell_labelled,
						  .context = (void *) expression};
	int r = vt_expression_matches(expression, &facts, NULL);

	must(r == 0 || r == 1);
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct vt_expression *expression, *again;
	struct vt_error err = {""};
	int r = vt_expression_parse((const char *) data, size, &expression, &err);

	if (r < 0) {
		must(r == -EINVAL && strncmp(err.text, "column ", 7) == 0);
		return 0;
	}
	must(expression->text_len == strlen(expression->text));
	must(vt_expression_parse(expression->text, expression->text_len, &again, NULL) == 0);
	must(strcmp(again->text, expression->text) == 0);
	must(ask(again) == ask(expression));
	vt_expression_free(again);
	vt_expression_free(expression);
	return 0;
}
