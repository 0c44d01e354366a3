/* SPDX-License-Identifier: Apache-2.0 */
/* See label_words.h. */
#include "tools/label_words.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/error.h"
#include "tools/cli.h"

static struct vt_label_text text_of(const char *text)
{
	return (struct vt_label_text){text, strlen(text)};
}

static int parse_json(const struct vt_cli *cli, const char *text, struct vt_label *out,
		      struct vt_error *err)
{
	vt_cleanup(vt_json_freep) json_t *value = json_loads(text, JSON_DECODE_ANY, NULL);

	if (json_is_boolean(value)) {
		out->type = VT_LABEL_BOOLEAN;
		out->value.boolean = json_is_true(value);
		return 0;
	}
	if (!json_is_number(value))
		return vt_misused(cli, err, "':=%s' is no number, true or false", text);
	out->type = VT_LABEL_NUMBER;
	out->value.number = json_number_value(value);
	if (out->value.number == 0)
		out->value.number = 0; /* -0 is 0 */
	return 0;
}

int vt_label_words_parse_key(const struct vt_cli *cli, char *text, struct vt_label *out,
			     struct vt_error *err)
{
	char *equals = strchr(text, '=');
	bool is_json = equals && equals > text && equals[-1] == ':';
	size_t key_len = !equals ? strlen(text) : (size_t) (equals - text) - is_json;

	*out = (struct vt_label){.key = {text, key_len}};
	if (!equals)
		return 0;
	if (is_json)
		return parse_json(cli, equals + 1, out, err);
	out->type = VT_LABEL_TEXT;
	out->value.text = text_of(equals + 1);
	return 0;
}

static int parse_confidence(const struct vt_cli *cli, const char *text, struct vt_label *out,
			    struct vt_error *err)
{
	char *end;

	if (!text)
		return 0;
	out->confidence = strtod(text, &end);
	out->has_confidence = true;
	if (end == text || *end)
		return vt_misused(cli, err, "--confidence '%s' is no number", text);
	return 0;
}

int vt_label_words_parse(const struct vt_cli *cli, char *text, const struct vt_label_given *given,
			 struct vt_label *out, struct vt_error *err)
{
	int r = vt_label_words_parse_key(cli, text, out, err);

	if (r == 0 && out->type == 0)
		r = vt_misused(cli, err, "'%s' has no value: KEY=VALUE", text);
	if (r == 0)
		r = parse_confidence(cli, given->confidence, out, err);
	if (r < 0)
		return r;
	out->annotator = text_of(given->annotator);
	out->source = vt_label_word_find(vt_label_sources, text_of(given->source));
	out->review = vt_label_word_find(vt_label_reviews, text_of(given->review));
	out->tool = text_of(given->tool);
	out->region = text_of(given->region);
	out->time_ns = given->time_ns;
	r = vt_label_check(out, err);
	return r < 0 ? vt_fail_in(err, r, "'%s'", text) : 0;
}
