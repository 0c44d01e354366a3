/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random expressions over random files. They are made as sentences, written in any of the ways in
 * which they may be written, and judged here by looking at the sentence. The parser has to see that
 * all ways are the same expression, the evaluator to come to the same judgement. VT_SEED repeats a
 * run.
 */
#include "index/expression.h"
#include "index/base/buf.h"
#include "index/base/error.h"
#include "index/expression_eval.h"
#include "tests/unit/chance.h"
#include "tests/unit/suite.h"

#include <fnmatch.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define PICK(array) ((array)[below(sizeof(array) / sizeof *(array))])

/* ---- files: everything in words -------------------------------------------------------------- */

enum { KEYS = 4, FILES = 25 };

static const char *const keys[KEYS] = {"class", "in", "path", "b-1"};
/* What a label says, and the same in an expression. A number begins with '#', a boolean with '^'.
 */
static const char *const contents[] = {"cat", "dog", "a b", "#3", "#-1.5", "^true", "^false", "3"};
static const char *const annotators[] = {"alice", "bob", "in"};
static const char *const sources[] = {NULL, "human", "model", "rule", "import"};
static const char *const reviews[] = {NULL,       "draft",    "submitted",
				      "accepted", "rejected", "disputed"};
static const char *const fractions[] = {"0", "0.25", "0.5", "1"};
static const char *const paths[] = {"a/cat", "dog", "b/a/cat.png", "a/b"};
static const char *const sizes[] = {"0", "1024", "1536", "1048576", "5"};

struct words {
	bool has, has_confidence, disputed;
	const char *content, *annotator, *source, *review, *confidence, *agreement;
};

struct file {
	const char *path, *size;
	struct words labels[KEYS];
	bool labelled;
};

static struct file random_file(void)
{
	struct file file = {.path = PICK(paths), .size = PICK(sizes), .labelled = one_in(2)};

	for (size_t i = 0; i < KEYS; i++)
		file.labels[i] = (struct words){.has = !one_in(3),
						.has_confidence = !one_in(3),
						.disputed = one_in(2),
						.content = PICK(contents),
						.annotator = PICK(annotators),
						.source = sources[1 + below(4)],
						.review = reviews[1 + below(5)],
						.confidence = PICK(fractions),
						.agreement = PICK(fractions)};
	return file;
}

static const char *name_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* ---- sentences ------------------------------------------------------------------------------- */

enum { SENTENCES = 64, VALUES = 3 };

struct sentence {
	char kind; /* '&' '|' '!' of parts; 'c'ompare, 'h'as, 'd'isputed, 'u'nlabelled */
	int left, right;
	unsigned key;
	const char *field; /* of a comparison, "" the label itself */
	const char *sign;
	const char *values[VALUES];
	unsigned value_count;
};

static struct sentence sentences[SENTENCES];
static int sentence_count;

static const char *random_value(const char *field, const char *sign)
{
	static const char *const patterns[] = {"*", "c*", "?o?", "[a-c]*", "cat", "a b"};
	static const char *const texts[] = {"alice", "bob", "in"};

	if (*sign == '~' || strcmp(sign, "!~") == 0)
		return PICK(patterns);
	if (!*field)
		return *sign == '<' || *sign == '>' ? contents[below(5)] : PICK(contents);
	if (strcmp(field, "path") == 0)
		return PICK(paths);
	if (strcmp(field, "name") == 0)
		return name_of(PICK(paths));
	if (strcmp(field, "size") == 0)
		return PICK(sizes);
	if (strcmp(field, "annotator") == 0)
		return PICK(texts);
	if (strcmp(field, "source") == 0)
		return sources[1 + below(4)];
	if (strcmp(field, "review") == 0)
		return reviews[1 + below(5)];
	return PICK(fractions);
}

static void random_comparison(struct sentence *s)
{
	static const char *const fields[] = {"",          "",           "",         "path",
					     "name",      "size",       "source",   "review",
					     "annotator", "confidence", "agreement"};
	static const char *const all[] = {"=",  "!=", "in", "not in", "<",
					  "<=", ">",  ">=", "~",      "!~"};
	unsigned signs;

	s->field = PICK(fields);
	signs = *s->field == 's' && s->field[1] == 'o' ? 4
		: strcmp(s->field, "review") == 0      ? 4
						       : 10;
	if (strcmp(s->field, "size") == 0 || *s->field == 'c' || strcmp(s->field, "agreement") == 0)
		signs = 8;
	s->sign = all[below(signs)];
	s->value_count = strstr(s->sign, "in") ? 1 + below(VALUES) : 1;
	for (unsigned i = 0; i < s->value_count; i++)
		s->values[i] = random_value(s->field, s->sign);
}

static int random_sentence(unsigned depth)
{
	static const char terms[] = "cccccchdu", all[] = "&&|||!ccchdu";
	int index = sentence_count++;
	struct sentence *s = &sentences[index];

	*s = (struct sentence){.kind = depth ? all[below(sizeof all - 1)]
					     : terms[below(sizeof terms - 1)],
			       .key = below(KEYS)};
	if (s->kind == 'c')
		random_comparison(s);
	if (strchr("&|!", s->kind))
		s->left = random_sentence(depth - 1);
	if (strchr("&|", s->kind))
		s->right = random_sentence(depth - 1);
	return index;
}

/* ---- writing --------------------------------------------------------------------------------- */

static void blank(struct vt_buf *out, bool needed)
{
	static const char *const blanks[] = {" ", "  ", "\t", "\n", " \r\n"};

	if (needed || one_in(3))
		vt_buf_printf(out, "%s", PICK(blanks));
}

static void write_text(struct vt_buf *out, const char *text)
{
	bool bare = strcmp(text, "in") != 0;
	char quote = one_in(2) ? '"' : '\'';

	for (const char *c = text; *c; c++)
		bare &= (*c >= 'a' && *c <= 'z');
	if (bare && one_in(2))
		vt_buf_printf(out, "%s", text);
	else
		vt_buf_printf(out, "%c%s%c", quote, text, quote);
}

static void write_value(struct vt_buf *out, const struct sentence *s, const char *value)
{
	if (*value == '#' || *value == '^')
		vt_buf_printf(out, "%s", value + 1);
	else if (strcmp(s->field, "size") == 0 && strcmp(value, "1536") == 0)
		vt_buf_printf(out, "%s", one_in(2) ? "1.5K" : "1536");
	else if (strcmp(s->field, "size") == 0 && strcmp(value, "1048576") == 0)
		vt_buf_printf(out, "%s", one_in(2) ? "1M" : "1024K");
	else if (strchr("0123456789", *value) && *s->field)
		vt_buf_printf(out, "%s%s", value, one_in(4) && !strchr(value, '.') ? ".0" : "");
	else
		write_text(out, value);
}

static void write_key(struct vt_buf *out, unsigned key)
{
	if (strcmp(keys[key], "in") == 0 || strcmp(keys[key], "path") == 0 || one_in(4))
		vt_buf_printf(out, "label%s.%s", one_in(4) ? " " : "", one_in(4) ? " " : "");
	vt_buf_printf(out, "%s", keys[key]);
}

static bool is_of_file(const char *field)
{
	return strcmp(field, "path") == 0 || strcmp(field, "name") == 0 ||
	       strcmp(field, "size") == 0;
}

static void write_comparison(struct vt_buf *out, const struct sentence *s)
{
	bool list = strstr(s->sign, "in");

	if (!is_of_file(s->field))
		write_key(out, s->key);
	if (*s->field)
		vt_buf_printf(out, "%s%s", is_of_file(s->field) ? "" : ".", s->field);
	blank(out, list);
	vt_buf_printf(out, "%s", s->sign);
	blank(out, false);
	for (unsigned i = 0; i < s->value_count; i++) {
		vt_buf_printf(out, "%s", !list ? "" : i ? "," : "(");
		blank(out, false);
		write_value(out, s, s->values[i]);
	}
	vt_buf_printf(out, "%s", list ? ")" : "");
}

static void write_about_key(struct vt_buf *out, const char *word, unsigned key)
{
	vt_buf_printf(out, "%s", word);
	blank(out, false);
	vt_buf_printf(out, "(");
	write_key(out, key);
	vt_buf_printf(out, ")");
}

/* `tight`: what stands around it binds more tightly than (1) or, (2) and. */
static void write_sentence(struct vt_buf *out, int index, int tight)
{
	const struct sentence *s = &sentences[index];
	bool needed = (s->kind == '|' && tight > 0) || (s->kind == '&' && tight > 1);
	bool wrapped = needed || one_in(6);

	if (wrapped) {
		vt_buf_printf(out, "(");
		blank(out, false);
	}
	if (s->kind == '&' || s->kind == '|') {
		write_sentence(out, s->left, s->kind == '&');
		vt_buf_printf(out, s->kind == '&' ? " and" : "\tor");
		blank(out, true);
		write_sentence(out, s->right, s->kind == '&');
	} else if (s->kind == '!') {
		vt_buf_printf(out, "not ");
		write_sentence(out, s->left, 2);
	} else if (s->kind == 'u') {
		vt_buf_printf(out, "unlabelled");
	} else if (s->kind == 'c') {
		write_comparison(out, s);
	} else {
		write_about_key(out, s->kind == 'h' ? "has" : "disputed", s->key);
	}
	if (wrapped)
		vt_buf_printf(out, " )");
}

/* ---- judging --------------------------------------------------------------------------------- */

/* '#' a number, '^' a boolean, 't' a text. */
static char type_of(const char *field, const char *value)
{
	if (!*field)
		return *value == '#' || *value == '^' ? *value : 't';
	return strcmp(field, "size") == 0 || strcmp(field, "confidence") == 0 ||
			       strcmp(field, "agreement") == 0
		       ? '#'
		       : 't';
}

static bool naive_holds(const char *field, const char *sign, const char *fact, const char *value)
{
	char type = type_of(field, fact);
	double a, b;
	int order;

	if (type == 't' && !*field && (*sign == '=' || *sign == 'i' || *sign == 'n') &&
	    type_of(field, value) != 't')
		return strcmp(fact, value + (*value == '#' || *value == '^')) == 0;
	if (type != (*sign == '~' ? 't' : type_of(field, value)))
		return false;
	if (*sign == '~')
		return fnmatch(value, fact, FNM_PATHNAME | FNM_NOESCAPE) == 0;
	a = strtod(fact + (*fact == '#'), NULL);
	b = strtod(value + (*value == '#'), NULL);
	order = type == '#' ? (a > b) - (a < b) : strcmp(fact, value);
	if (*sign == '<')
		return order < 0 || (sign[1] && order == 0);
	if (*sign == '>')
		return order > 0 || (sign[1] && order == 0);
	return order == 0;
}

/* The fact that a comparison is about, or NULL. */
static const char *fact_of(const struct sentence *s, const struct file *file)
{
	const struct words *label = &file->labels[s->key];

	if (strcmp(s->field, "path") == 0)
		return file->path;
	if (strcmp(s->field, "name") == 0)
		return name_of(file->path);
	if (strcmp(s->field, "size") == 0)
		return file->size;
	if (!label->has)
		return NULL;
	if (strcmp(s->field, "confidence") == 0)
		return label->has_confidence ? label->confidence : NULL;
	return !*s->field                           ? label->content
	       : strcmp(s->field, "annotator") == 0 ? label->annotator
	       : strcmp(s->field, "source") == 0    ? label->source
	       : strcmp(s->field, "review") == 0    ? label->review
						    : label->agreement;
}

static bool naive_compare(const struct sentence *s, const struct file *file)
{
	bool negated = *s->sign == '!' || *s->sign == 'n', any = false;
	const char *sign = *s->sign == '!' ? s->sign + 1 : s->sign, *fact = fact_of(s, file);

	for (unsigned i = 0; fact && i < s->value_count; i++)
		any |= naive_holds(s->field, sign, fact, s->values[i]);
	return fact && any != negated;
}

static bool judge(int index, const struct file *file)
{
	const struct sentence *s = &sentences[index];

	switch (s->kind) {
	case '&':
		return judge(s->left, file) && judge(s->right, file);
	case '|':
		return judge(s->left, file) || judge(s->right, file);
	case '!':
		return !judge(s->left, file);
	case 'h':
		return file->labels[s->key].has;
	case 'd':
		return file->labels[s->key].disputed;
	case 'u':
		return !file->labelled;
	}
	return naive_compare(s, file);
}

/* ---- the same files for the evaluator -------------------------------------------------------- */

struct told {
	const struct file *file;
	const struct vt_expression *expression;
	struct vt_label label;
};

static unsigned number_of(const char *const *names, const char *name)
{
	unsigned i = 1;

	while (strcmp(names[i], name) != 0)
		i++;
	return i;
}

static struct vt_label_text text_of(const char *text)
{
	return (struct vt_label_text){text, strlen(text)};
}

static void tell_content(struct vt_label *label, const char *content)
{
	label->type = *content == '#'   ? VT_LABEL_NUMBER
		      : *content == '^' ? VT_LABEL_BOOLEAN
					: VT_LABEL_TEXT;
	if (label->type == VT_LABEL_NUMBER)
		label->value.number = strtod(content + 1, NULL);
	else if (label->type == VT_LABEL_BOOLEAN)
		label->value.boolean = strcmp(content, "^true") == 0;
	else
		label->value.text = text_of(content);
}

static int tell_label(void *context, size_t key, struct vt_expression_label *out,
		      struct vt_error *err)
{
	struct told *told = context;
	const struct vt_label_text *text = &told->expression->keys[key];
	const struct words *words = told->file->labels;

	for (size_t i = 0; strlen(keys[i]) != text->len || memcmp(keys[i], text->bytes, text->len);
	     i++)
		words++;
	told->label = (struct vt_label){
		.annotator = text_of(words->annotator),
		.source = (enum vt_label_source) number_of(sources, words->source),
		.review = (enum vt_label_review) number_of(reviews, words->review),
		.has_confidence = words->has_confidence,
		.confidence = words->has_confidence ? strtod(words->confidence, NULL) : 0};
	tell_content(&told->label, words->content);
	*out = (struct vt_expression_label){words->has ? &told->label : NULL,
					    strtod(words->agreement, NULL), words->disputed};
	return 0;
}

static int tell_labelled(void *context, struct vt_error *err)
{
	return ((struct told *) context)->file->labelled;
}

static bool evaluate(const struct vt_expression *expression, const struct file *file)
{
	struct told told = {.file = file, .expression = expression};
	const struct vt_expression_facts facts = {.path = text_of(file->path),
						  .name = text_of(name_of(file->path)),
						  .size = strtoull(file->size, NULL, 10),
						  .label = tell_label,
						  .is_labelled = tell_labelled,
						  .context = &told};
	int r = vt_expression_matches(expression, &facts, NULL);

	ck_assert_int_ge(r, 0);
	return r;
}

/* ---- comparing ------------------------------------------------------------------------------- */

static const struct vt_expression *parse(uint64_t seed, const void *text, size_t len)
{
	const struct vt_expression *expression = NULL;
	struct vt_error err;

	ck_assert_msg(vt_expression_parse(text, len, &expression, &err) == 0,
		      "VT_SEED=%" PRIu64 ": %.*s: %s", seed, (int) len, (const char *) text,
		      err.text);
	return expression;
}

static const struct vt_expression *write_and_parse(uint64_t seed, int index)
{
	vt_cleanup(vt_buf_done) struct vt_buf text = VT_BUF_INIT;

	write_sentence(&text, index, 0);
	ck_assert(!vt_buf_failed(&text));
	return parse(seed, text.data, text.len);
}

/* One sentence in three ways, about several files. Returns how many it means. */
static unsigned compare_one(uint64_t seed)
{
	vt_cleanup(vt_expression_freep) const struct vt_expression *one = NULL, *other = NULL,
								   *again = NULL;
	unsigned meant = 0;
	int index;

	sentence_count = 0;
	index = random_sentence(4);
	one = write_and_parse(seed, index);
	other = write_and_parse(seed, index);
	again = parse(seed, one->text, one->text_len);
	ck_assert_str_eq(one->text, other->text);
	ck_assert_str_eq(one->text, again->text);
	for (unsigned i = 0; i < FILES; i++) {
		struct file file = random_file();
		bool judged = judge(index, &file);

		ck_assert_msg(evaluate(one, &file) == judged, "VT_SEED=%" PRIu64 ": %s is %d", seed,
			      one->text, !judged);
		ck_assert(evaluate(again, &file) == judged);
		meant += judged;
	}
	return meant;
}

static void compare_many(uint64_t seed, unsigned count)
{
	unsigned meant = 0;

	chance_state = seed;
	for (unsigned i = 0; i < count; i++)
		meant += compare_one(seed);
	ck_assert_uint_gt(meant, count * FILES / 5); /* else they agree on little */
	ck_assert_uint_lt(meant, count * FILES / 5 * 4);
}

START_TEST(both_evaluators_agree_however_it_is_written)
{
	uint64_t seed = chance_seed();

	for (uint64_t fixed = 1; fixed <= 4; fixed++)
		compare_many(fixed, 200);
	fprintf(stderr, "VT_SEED=%" PRIu64 "\n", seed);
	compare_many(seed, 400);
}
END_TEST

VT_SUITE(expression_random, both_evaluators_agree_however_it_is_written)
