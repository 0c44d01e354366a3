/* SPDX-License-Identifier: Apache-2.0 */
/* See path_rule.h. */
#include "tools/labels/path_rule.h"

#include <errno.h>
#include <string.h>

#include "index/base/error.h"

/* ---- checking ------------------------------------------------------------------------------- */

static bool is_twice(const char *rule, const char *open, size_t len)
{
	const char *other = rule;

	while ((other = strchr(other, '{')) && other < open) {
		if (strcspn(other, "}") == len && memcmp(other, open, len) == 0)
			return true;
		other++;
	}
	return false;
}

/* At the brace that opens. */
static int check_key(const char *rule, const char *open, struct vt_error *err)
{
	struct vt_label probe = {.type = VT_LABEL_BOOLEAN,
				 .annotator = {"-", 1},
				 .source = VT_LABEL_IMPORT,
				 .review = VT_LABEL_SUBMITTED};
	size_t len = strcspn(open, "}");

	if (!open[len])
		return vt_fail(err, EINVAL, "'{' is not closed");
	if (open[len + 1] == '{' || open[len + 1] == '*')
		return vt_fail(err, EINVAL, "nothing parts '%.*s' from what follows", (int) len + 1,
			       open);
	if (is_twice(rule, open, len))
		return vt_fail(err, EINVAL, "'%.*s' stands there twice", (int) len + 1, open);
	probe.key = (struct vt_label_text){open + 1, len - 1};
	return vt_label_check(&probe, err);
}

static int check_parts(const char *rule, struct vt_error *err)
{
	unsigned keys = 0, wild = 0;

	for (const char *at = rule; *at; at++) {
		wild = *at == '/' ? 0 : wild + (*at == '{' || *at == '*');
		if (wild > VT_PATH_RULE_WILD)
			return vt_fail(err, EINVAL, "more than %u of * and {…} in a name",
				       VT_PATH_RULE_WILD);
		if (*at == '}')
			return vt_fail(err, EINVAL, "'}' closes nothing");
		if (*at == '{') {
			int r = check_key(rule, at, err);

			if (r < 0)
				return r;
			keys++;
			at += strcspn(at, "}");
		}
	}
	if (keys == 0 || keys > VT_PATH_RULE_KEYS)
		return vt_fail(err, EINVAL, keys ? "more than %u keys" : "there is no {key}",
			       VT_PATH_RULE_KEYS);
	return 0;
}

int vt_path_rule_check(const char *rule, struct vt_error *err)
{
	int r = check_parts(rule, err);

	return r < 0 ? vt_fail_in(err, r, "the rule '%.100s'", rule) : 0;
}

/* ---- matching ------------------------------------------------------------------------------- */

/* A name of the rule against one of the path: what is left of both. */
struct names {
	const char *rule, *rule_end;
	const char *at, *end;
};

static bool match(struct names names, struct vt_label_row *out, unsigned count);

/* At "*" or "{key}" of the rule. */
static bool match_wild(struct names names, struct vt_label_row *out, unsigned count)
{
	bool is_key = *names.rule == '{';
	const char *key = names.rule + 1, *at = names.at;

	names.rule = is_key ? strchr(key, '}') + 1 : key;
	if (is_key)
		out[count].label.key = (struct vt_label_text){key, (size_t) (names.rule - 1 - key)};
	for (names.at += is_key; names.at <= names.end; names.at++) {
		if (is_key)
			out[count].label.value.text =
				(struct vt_label_text){at, (size_t) (names.at - at)};
		if (match(names, out, count + is_key))
			return true;
	}
	return false;
}

static bool match(struct names names, struct vt_label_row *out, unsigned count)
{
	while (names.rule < names.rule_end) {
		if (*names.rule == '{' || *names.rule == '*')
			return match_wild(names, out, count);
		if (names.at == names.end || *names.at++ != *names.rule++)
			return false;
	}
	return names.at == names.end;
}

static unsigned keys_of(const char *rule, const char *end)
{
	unsigned keys = 0;

	for (; rule < end; rule++)
		keys += *rule == '{';
	return keys;
}

static const char *name_end(const char *at, const char *end)
{
	const char *slash = memchr(at, '/', (size_t) (end - at));

	return slash ? slash : end;
}

/* The names of both in step; the number of keys, 0 when it is another path. */
static unsigned match_all(const char *rule, struct vt_label_text path, struct vt_label_row *out)
{
	const char *rule_end = rule + strlen(rule), *at = path.bytes, *end = at + path.len;
	unsigned count = 0;

	for (;;) {
		struct names names = {rule, name_end(rule, rule_end), at, name_end(at, end)};

		if (!match(names, out, count))
			return 0;
		count += keys_of(rule, names.rule_end);
		if (names.rule_end == rule_end || names.end == end)
			return names.rule_end == rule_end && names.end == end ? count : 0;
		rule = names.rule_end + 1;
		at = names.end + 1;
	}
}

int vt_path_rule_labels(const char *rule, struct vt_label_text path,
			const struct vt_label_options *options, struct vt_label_row *out,
			struct vt_error *err)
{
	unsigned count;

	for (unsigned i = 0; i < VT_PATH_RULE_KEYS; i++) {
		out[i] = vt_label_row_default(options);
		out[i].path = path;
		out[i].label.type = VT_LABEL_TEXT;
	}
	count = match_all(rule, path, out);
	for (unsigned i = 0; i < count; i++) {
		int r = vt_label_check(&out[i].label, err);

		if (r < 0)
			return vt_fail_in(err, r, "'%.*s'", path.len < 300 ? (int) path.len : 300,
					  path.bytes);
	}
	return (int) count;
}
