/* SPDX-License-Identifier: Apache-2.0 */
/* What expressions mean, of one file with labels of every sort; and what is asked for that. */
#include "index/expression_eval.h"
#include "index/base/error.h"
#include "index/expression.h"
#include "tests/unit/suite.h"

#include <errno.h>
#include <string.h>

#define TEXT(literal) ((struct vt_label_text){literal, sizeof literal - 1})

static const struct vt_label class = {
	.type = VT_LABEL_TEXT,
	.value.text = {"cat", 3},
	.annotator = {"alice", 5},
	.source = VT_LABEL_MODEL,
	.review = VT_LABEL_ACCEPTED,
	.has_confidence = true,
	.confidence = 0.9,
};
static const struct vt_label count = {
	.type = VT_LABEL_NUMBER,
	.value.number = 3,
	.annotator = {"bob", 3},
	.source = VT_LABEL_HUMAN,
	.review = VT_LABEL_DRAFT,
};
static const struct vt_label sharp = {.type = VT_LABEL_BOOLEAN, .value.boolean = true};

static const struct {
	const char *key;
	struct vt_expression_label label;
} labels[] = {
	{"class", {&class, 0.75, false}},
	{"count", {&count, 1, true}},
	{"sharp", {&sharp, 1, false}},
	{"refused", {NULL, 0, true}}, /* there, but none is in force */
};

/* The file, and what was asked of it. */
static struct {
	const struct vt_expression *expression;
	unsigned asked;
	int fails;
	bool bare;
} file;

static int tell_label(void *context, size_t key, struct vt_expression_label *out,
		      struct vt_error *err)
{
	const struct vt_label_text *text = &file.expression->keys[key];

	ck_assert_ptr_eq(context, &file);
	file.asked++;
	if (file.fails)
		return vt_fail(err, file.fails, "labels cannot be read");
	for (size_t i = 0; i < sizeof labels / sizeof *labels; i++)
		if (strlen(labels[i].key) == text->len &&
		    memcmp(labels[i].key, text->bytes, text->len) == 0)
			*out = labels[i].label;
	return 0;
}

static int tell_labelled(void *context, struct vt_error *err)
{
	ck_assert_ptr_eq(context, &file);
	file.asked++;
	return file.fails ? vt_fail(err, file.fails, "labels cannot be read") : !file.bare;
}

static int matches(const char *text, struct vt_error *err)
{
	vt_cleanup(vt_expression_freep) const struct vt_expression *expression = NULL;
	const struct vt_expression_facts facts = {.path = TEXT("train/pets/0001.png"),
						  .name = TEXT("0001.png"),
						  .size = 2048,
						  .label = tell_label,
						  .is_labelled = tell_labelled,
						  .context = &file};
	struct vt_error why;

	ck_assert_msg(vt_expression_parse(text, strlen(text), &expression, &why) == 0, "%s: %s",
		      text, why.text);
	file.expression = expression;
	file.asked = 0;
	return vt_expression_matches(expression, &facts, err);
}

static void check_all(const char *const *texts, size_t text_count, int expected)
{
	for (size_t i = 0; i < text_count; i++)
		ck_assert_msg(matches(texts[i], NULL) == expected, "%s is not %d", texts[i],
			      expected);
}

#define COUNT(array) (sizeof(array) / sizeof *(array))

START_TEST(these_mean_the_file)
{
	static const char *const texts[] = {
		"path='train/pets/0001.png'",
		"path~'train/**' and path!~'train/*'",
		"path~'**/*.png' and not path~'*.png'",
		"name='0001.png' and name~'*.png' and name!=x",
		"name in (a,'0001.png')",
		"size=2K and size>=2K and size<=2K and size>2047 and size<2049 and size!=1",
		"size in (1,2K) and size not in (1,3)",
		"class=cat and class!=dog and class in (dog,cat) and class not in (dog)",
		"class~'c*' and class!~'d*'",
		"class>bird and class>=cat and class<=cat and class<cats and class>ca",
		"count=3 and count!=4 and count>2.5 and count<3.5 and count>=3 and count<=3",
		"sharp=true and sharp!=false and sharp in (true)",
		"class.confidence=0.9 and class.confidence>=0.9 and class.confidence<1",
		"class.annotator=alice and class.annotator~'a*' and class.annotator<bob",
		"class.source=model and class.source in (human,model) and class.source!=human",
		"class.review=accepted and count.review=draft and count.source=human",
		"class.agreement<1 and class.agreement=0.75 and count.agreement=1",
		"has(class) and has(count) and not has(other)",
		"disputed(count) and not disputed(class) and not disputed(other)",
		"not has(refused) and disputed(refused)",
		"not unlabelled",
		"a=b or class=cat",
		"not (class=cat and count=4)",
		"class=cat and (a=b or count=3)",
		/* of another type: not equal, without order */
		"class!=3 and class not in (3,true) and count!='3' and sharp!=1 and sharp!='true'",
		"class in (3,true,cat)",
		"count!~'3'",
	};

	check_all(texts, COUNT(texts), 1);
}
END_TEST

START_TEST(these_do_not_mean_the_file)
{
	static const char *const texts[] = {
		"path=train",
		"path='0001.png'",
		"path~'*.png'",
		"size!=2K",
		"size not in (2K)",
		"size<2K",
		"size>2K",
		"class=Cat",
		"class=ca",
		"class!=cat",
		"class not in (cat)",
		"class!~'c*'",
		"class<cat",
		"class>cat",
		"count!=3",
		"sharp=false",
		"class.review!=accepted",
		"unlabelled",
		"class=cat and a=b",
		"not class=cat",
		/* of another type */
		"class=3",
		"class<3",
		"class>=3",
		"count='3'",
		"count~'3'",
		"count<x",
		"count>''",
		"sharp=1",
		"sharp='true'",
		"sharp>''",
		"class in (3,true)",
		/* not there */
		"other=x",
		"other!=x",
		"other not in (x)",
		"other!~x",
		"other<x",
		"other.confidence<1",
		"other.annotator!=x",
		"other.source!=human",
		"other.review!=draft",
		"other.agreement<1",
		"refused.agreement<1",
		"refused!=x",
		"count.confidence<1",
		"count.confidence!=1",
	};

	check_all(texts, COUNT(texts), 0);
}
END_TEST

START_TEST(unlabelled_is_without_any_label)
{
	file.bare = true;
	ck_assert_int_eq(matches("unlabelled", NULL), 1);
	ck_assert_int_eq(matches("not unlabelled", NULL), 0);
	file.bare = false;
}
END_TEST

START_TEST(labels_are_asked_only_as_far_as_needed)
{
	static const struct {
		const char *text;
		unsigned asked;
	} table[] = {
		{"size>1 and path~'**' and name!=x", 0},
		{"size>1 or class=cat or unlabelled", 0},
		{"size=1 and class=cat", 0},
		{"class=dog and count=3 and sharp=true", 1},
		{"class=cat or count=3 or sharp=true", 1},
		{"class=cat and count=3 and sharp=true", 3},
		{"not (size>1 or unlabelled)", 0},
		{"unlabelled or class=cat", 2},
	};

	for (size_t i = 0; i < COUNT(table); i++) {
		(void) matches(table[i].text, NULL);
		ck_assert_msg(file.asked == table[i].asked, "%s asked %u times", table[i].text,
			      file.asked);
	}
}
END_TEST

START_TEST(what_cannot_be_read_is_no_answer)
{
	static const char *const texts[] = {
		"class=cat",       "not class=cat",         "has(class)", "not unlabelled",
		"disputed(class)", "a=b or size>1 and c=d", "a!=b",       "size>1 and not (a=b)",
		"not (not (a=b))", "unlabelled or size>1",
	};

	file.fails = EIO;
	for (size_t i = 0; i < COUNT(texts); i++) {
		struct vt_error err = {""};

		ck_assert_int_eq(matches(texts[i], &err), -EIO);
		ck_assert_str_eq(err.text, "labels cannot be read");
		ck_assert_uint_eq(file.asked, 1);
	}
	ck_assert_int_eq(matches("size>1 or a=b", NULL), 1);
	file.fails = 0;
}
END_TEST

VT_SUITE(expression_eval, these_mean_the_file, these_do_not_mean_the_file,
	 unlabelled_is_without_any_label, labels_are_asked_only_as_far_as_needed,
	 what_cannot_be_read_is_no_answer)
