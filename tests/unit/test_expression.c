/* SPDX-License-Identifier: Apache-2.0 */
/* Expressions as text: what is refused and with which words, what is canonical, what is mentioned.
 */
#include "index/expression.h"
#include "index/base/error.h"
#include "tests/unit/failing_malloc.h"
#include "tests/unit/suite.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static struct vt_error err;

static int parse(const char *text, const struct vt_expression **out)
{
	size_t len = strlen(text);
	char *exact = malloc(len ? len : 1); /* a sanitizer sees every read beyond */
	int r;

	ck_assert_ptr_nonnull(exact);
	memcpy(exact, text, len);
	err.text[0] = '\0';
	r = vt_expression_parse(exact, len, out, &err);
	free(exact); /* nothing is borrowed */
	return r;
}

static void check_canonical(const char *written, const char *canonical)
{
	vt_cleanup(vt_expression_freep) const struct vt_expression *expression = NULL,
								   *again = NULL;

	ck_assert_msg(parse(written, &expression) == 0, "%s: %s", written, err.text);
	ck_assert_str_eq(expression->text, canonical);
	ck_assert_uint_eq(expression->text_len, strlen(canonical));
	ck_assert_msg(parse(canonical, &again) == 0, "%s: %s", canonical, err.text);
	ck_assert_str_eq(again->text, canonical);
}

static void check_refused(const char *written, const char *sentence)
{
	const struct vt_expression *expression = NULL;

	ck_assert_msg(parse(written, &expression) == -EINVAL, "'%s' is taken", written);
	ck_assert_str_eq(err.text, sentence);
	ck_assert_ptr_null(expression);
}

START_TEST(each_form_has_a_canonical_text)
{
	static const char *const pairs[][2] = {
		{" class  =\t\ncat\r", "class=cat"},
		{"class='cat'", "class=cat"},
		{"class=\"a cat\"", "class=\"a cat\""},
		{"class='\"\\'\\\\'", "class=\"\\\"'\\\\\""},
		{"class=''", "class=\"\""},
		{"class='and'", "class=\"and\""},
		{"class='true'", "class=\"true\""},
		{"class=true", "class=true"},
		{"class=has", "class=has"},
		{"class='3'", "class=\"3\""},
		{"class='-a'", "class=\"-a\""},
		{"class='\xc3\xa4\t\n'", "class=\"\xc3\xa4\t\n\""},
		{"a-b_C9=x-1", "a-b_C9=x-1"},
		{"x=00.50", "x=0.5"},
		{"x=-0.0", "x=0"},
		{"x=1e+2", "x=100"},
		{"x=5059.99215697471715", "x=5059.992156974718"}, /* twice rounded: another */
		{"x=100", "x=100"},
		{"x=0.1", "x=0.1"},
		{"x=1000000000000000", "x=1e+15"},
		{"x=-999999999999999", "x=-999999999999999"},
		{"x=0.30000000000000004", "x=0.30000000000000004"},
		{"x=-12.5E-1", "x=-1.25"},
		{"size>0", "size>0"},
		{"size>1000", "size>1000"},
		{"size>1024", "size>1K"},
		{"size>1.5M", "size>1536K"},
		{"size>1.1K", "size>1126"},
		{"size>1.9K", "size>1946"},
		{"size>1e3", "size>1000"},
		{"size>=3G and size<2T", "size>=3G and size<2T"},
		{"size=9223372036854775807", "size=9223372036854775807"},
		{"size not in (1 , 2)", "size not in (1,2)"},
		{"class in(cat,\"dog\",3,false)", "class in (cat,dog,3,false)"},
		{"path ~ 'a/**'", "path~\"a/**\""},
		{"name !~ x and name<y", "name!~x and name<y"},
		{"class . confidence >= 0.9", "class.confidence>=0.9"},
		{"class.annotator='alice' or class.agreement<1",
		 "class.annotator=alice or class.agreement<1"},
		{"class.source in ('human',model,rule,import)",
		 "class.source in (human,model,rule,import)"},
		{"class.review not in (draft,submitted,accepted,rejected,disputed)",
		 "class.review not in (draft,submitted,accepted,rejected,disputed)"},
		{"has ( class )or unlabelled", "has(class) or unlabelled"},
		{"disputed(label . class)", "disputed(class)"},
		{"label.path=x", "label.path=x"},
		{"ab=1 and a=1", "ab=1 and a=1"},
		{"label.class=x", "class=x"},
		{"label.label.source=rule", "label.label.source=rule"},
		{"label.confidence.confidence=1", "confidence.confidence=1"},
		{"has(label.in)", "has(label.in)"},
		{"(((a=b)))", "a=b"},
		{"(a=b and c=d) and e=f", "a=b and c=d and e=f"},
		{"a=b and (c=d and e=f)", "a=b and c=d and e=f"},
		{"a=b or (c=d or e=f)", "a=b or c=d or e=f"},
		{"(a=b and c=d) or e=f", "a=b and c=d or e=f"},
		{"a=b and (c=d or e=f)", "a=b and (c=d or e=f)"},
		{"not (a=b)", "not a=b"},
		{"not(a=b and c=d)", "not (a=b and c=d)"},
		{"not(a=b or c=d)and e=f", "not (a=b or c=d) and e=f"},
		{"not(not(a=b))", "not not a=b"},
	};

	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
		check_canonical(pairs[i][0], pairs[i][1]);
}
END_TEST

#define OPERATORS  "an operator (= != < <= > >= ~ !~ in)"
#define COMPARISON "a comparison such as class=cat, has(KEY), 'not' or '('"
#define FACETS     "one of confidence, annotator, source, review, agreement after the '.'"

START_TEST(what_is_wrong_is_said_with_its_column)
{
	static const char *const pairs[][2] = {
		{"", "column 1: expected " COMPARISON ", found the end"},
		{"  ", "column 3: expected " COMPARISON ", found the end"},
		{"class", "column 6: expected " OPERATORS
			  "; has(KEY) asks whether there is a label, found the end"},
		{"class cat", "column 7: expected " OPERATORS ", found 'cat'"},
		{"class 'cat'", "column 7: expected " OPERATORS ", found a text"},
		{"class==cat", "column 6: write =, not =="},
		{"class:cat", "column 6: write =, not :"},
		{"a=b && c=d", "column 5: write and, not &&"},
		{"a=b || c=d", "column 5: write or, not ||"},
		{"!a=b", "column 1: write not, not !"},
		{"a<>b", "column 2: write !=, not <>"},
		{"a=>1", "column 2: write >=, not =>"},
		{"a=~b", "column 2: write ~, not =~"},
		{"a<<b", "column 2: '<<' is no operator; there are = != < <= > >= ~ !~"},
		{"a=b AND c=d", "column 5: write and in small letters"},
		{"NOT a=b", "column 1: write not in small letters"},
		{"a IN (b)", "column 3: write in in small letters"},
		{"a=b c=d", "column 5: expected 'and', 'or' or the end, found 'c'"},
		{"a=b)", "column 4: expected 'and', 'or' or the end, as no ( is open, found ')'"},
		{"(a=b", "column 5: expected 'and', 'or' or ')', found the end"},
		{"a=b and", "column 8: expected " COMPARISON ", found the end"},
		{"a=b or or", "column 8: expected " COMPARISON ", found 'or'"},
		{"'\xc3\xa4' = 1", "column 1: expected " COMPARISON ", found a text"},
		{"a='\xc3\xa4\xc3\xa4' b", "column 8: expected 'and', 'or' or the end, found 'b'"},
		{"a=\xc3\xa4", "column 3: '\xc3\xa4' has no meaning here; a text with such "
			       "characters stands in quotes"},
		{"path~*.png", "column 6: '*' has no meaning here; a text with such characters "
			       "stands in quotes"},
		{"a=\xe2\x80\x9c"
		 "b",
		 "column 3: write straight quotes, \" or '"},
		{"a=\x01", "column 3: a control character has no meaning here"},
		{"a='\x01'", "column 4: a text has no control characters but tab and newline"},
		{"a='\x7f'", "column 4: a text has no control characters but tab and newline"},
		{"a='\\n'", "column 4: after \\ only \\, \" or ' can follow; \\ itself is \\\\"},
		{"a='\\", "column 4: after \\ only \\, \" or ' can follow; \\ itself is \\\\"},
		{"a=\"b'", "column 3: the text that begins here has no closing \""},
		{"a=\xff", "column 3: this is not UTF-8"},
		{"a=2024-01-01",
		 "column 3: expected a number (as a text it stands in quotes; K, M, "
		 "G, T are of size only), found '2024-01-01'"},
		{"a=1.",
		 "column 3: expected a number (as a text it stands in quotes; K, M, G, T are "
		 "of size only), found '1.'"},
		{"a=1e999", "column 3: the number is too large"},
		{"a=and", "column 3: expected a value; a text that is a keyword stands in quotes, "
			  "found 'and'"},
		{"a=", "column 3: expected a value; a text that is a keyword stands in quotes, "
		       "found the end"},
		{"a<true", "column 3: expected a text or a number, as only these have an order, "
			   "found 'true'"},
		{"a~3",
		 "column 3: expected a pattern; numbers and keywords need quotes, found '3'"},
		{"a~'[b'", "column 3: a [ has no ]; the character itself is [[]"},
		{"path='/a'", "column 6: a path begins below the version, without a '/'"},
		{"path=3",
		 "column 6: expected a text; numbers and keywords need quotes, found '3'"},
		{"path.x=1", "column 5: expected " OPERATORS ", found '.'"},
		{"size=big", "column 6: expected a size, such as 10M, found 'big'"},
		{"size=1k", "column 6: expected a size: a number, and K, M, G or T directly after "
			    "it, found '1k'"},
		{"size=1MB", "column 6: expected a size: a number, and K, M, G or T directly after "
			     "it, found '1MB'"},
		{"size=-1", "column 6: a size is not negative, and less than 8388608T"},
		{"size=8388608T", "column 6: a size is not negative, and less than 8388608T"},
		{"size~1", "column 5: size is no text: ~ has no meaning"},
		{"a.confidence~1", "column 13: confidence is no text: ~ has no meaning"},
		{"a.confidence>90", "column 14: confidence goes from 0 to 1"},
		{"a.agreement=-0.1", "column 13: agreement goes from 0 to 1"},
		{"a.agreement=x", "column 13: expected a number from 0 to 1, found 'x'"},
		{"a.source=robot",
		 "column 10: expected a source, one of human, model, rule, import, "
		 "found 'robot'"},
		{"a.review<draft", "column 9: review has no order: there are = != and in"},
		{"a.annotator=3", "column 13: expected a text; numbers and keywords need quotes, "
				  "found '3'"},
		{"a.confidance>1", "column 3: expected " FACETS ", found 'confidance'"},
		{"a.'b'", "column 3: expected " FACETS ", found a text"},
		{"a in b",
		 "column 6: expected a list: ( and values with commas between them, found "
		 "'b'"},
		{"a in ()",
		 "column 7: expected a value; a text that is a keyword stands in quotes, "
		 "found ')'"},
		{"a in (b c)", "column 9: expected a comma or the list's ), found 'c'"},
		{"a not = b", "column 7: expected in after not, found '='"},
		{"labelled(a)", "column 1: 'labelled' is no function; there are has(KEY) and "
				"disputed(KEY)"},
		{"has a", "column 5: expected '(' and a key, found 'a'"},
		{"has('a')", "column 5: expected a key, found a text"},
		{"has(a.source)", "column 6: expected ')' after the key, found '.'"},
		{"has(path)", "column 5: expected a key; one of this name is written label.path, "
			      "found 'path'"},
		{"label=x", "column 6: expected a '.' and a key after label, found '='"},
		{"unlabelled(a)", "column 11: expected 'and', 'or' or the end, found '('"},
		{"a=b xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
		 "column 5: expected 'and', 'or' or the end, found "
		 "'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx'"},
	};

	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
		check_refused(pairs[i][0], pairs[i][1]);
}
END_TEST

START_TEST(zero_has_no_sign)
{
	vt_cleanup(vt_expression_freep) const struct vt_expression *expression = NULL;

	ck_assert_int_eq(parse("a=-0", &expression), 0);
	ck_assert_int_eq(expression->root->values[0].type, VT_EXPRESSION_NUMBER);
	ck_assert_int_eq(__builtin_signbit(expression->root->values[0].number), 0);
}
END_TEST

START_TEST(a_nul_is_a_character_like_others)
{
	const struct vt_expression *expression;

	ck_assert_int_eq(vt_expression_parse("a=b\0", 4, &expression, &err), -EINVAL);
	ck_assert_str_eq(err.text, "column 4: a control character has no meaning here");
	ck_assert_int_eq(vt_expression_parse("a='\0'", 5, &expression, NULL), -EINVAL);
}
END_TEST

/* `count` times `part` between `before` and `after`. */
static const char *repeated(const char *before, unsigned count, const char *part, const char *after)
{
	static char text[2 * VT_EXPRESSION_MAX];
	char *end = stpcpy(text, before);

	while (count--)
		end = stpcpy(end, part);
	(void) strcpy(end, after);
	return text;
}

static int parsed(const char *text)
{
	vt_cleanup(vt_expression_freep) const struct vt_expression *expression = NULL;

	return parse(text, &expression);
}

static char *parentheses(unsigned count)
{
	static char text[VT_EXPRESSION_MAX];

	memset(text, '(', count);
	memcpy(text + count, "a=b", 3);
	memset(text + count + 3, ')', count);
	text[2 * count + 3] = '\0';
	return text;
}

START_TEST(limits_are_where_the_header_says)
{
	ck_assert_int_eq(parsed(repeated("a='", VT_EXPRESSION_MAX - 4, "x", "'")), 0);
	check_refused(repeated("a='", VT_EXPRESSION_MAX - 3, "x", "'"),
		      "column 4097: an expression has at most 4096 bytes");
	ck_assert_int_eq(parsed(parentheses(64)), 0);
	check_refused(parentheses(65), "column 65: parentheses and nots are at most 64 deep");
	ck_assert_int_eq(parsed(repeated("", 64, "not ", "a=b")), 0);
	check_refused(repeated("", 65, "not ", "a=b"),
		      "column 257: parentheses and nots are at most 64 deep");
	ck_assert_int_eq(parsed(repeated("", 200, "(a=b) and not c=d or ", "e=f")), -EINVAL);
	ck_assert_int_eq(parsed(repeated("", 100, "(a=b) and not c=d or ", "e=f")), 0);
	ck_assert_int_eq(parsed(repeated("a=b", 255, " or a=b", "")), 0);
	check_refused(repeated("a=b", 256, " or a=b", ""),
		      "column 1793: an expression has at most 256 comparisons");
	ck_assert_int_eq(parsed(repeated("a in (b", 255, ",b", ")")), 0);
	check_refused(repeated("a in (b", 256, ",b", ")"),
		      "column 519: a list has at most 256 values");
	ck_assert_int_eq(parsed(repeated("", VT_LABEL_KEY_MAX, "k", "=1")), 0);
	check_refused(repeated("", VT_LABEL_KEY_MAX + 1, "k", "=1"),
		      "column 1: a key has at most 64 characters");
	ck_assert_int_eq(parsed(repeated("a=", 100, "1", "")), 0);
	check_refused(repeated("a=", 101, "1", ""),
		      "column 3: a number has at most 100 characters");
	check_refused(repeated("a='", 2100, "\"", "'"),
		      "column 2105: in its canonical form the expression has 4204 bytes; at most "
		      "4096 are possible");
}
END_TEST

START_TEST(it_says_what_it_looks_at)
{
	vt_cleanup(vt_expression_freep) const struct vt_expression *expression = NULL;
	static const char *const keys[] = {"b", "a", "path", "c"};

	ck_assert_int_eq(parse("b=1 and (has(a) or not label.b.source=rule) and label.path=a or "
			       "disputed(c) and unlabelled",
			       &expression),
			 0);
	ck_assert_uint_eq(expression->key_count, 4);
	for (size_t i = 0; i < 4; i++) {
		ck_assert_uint_eq(expression->keys[i].len, strlen(keys[i]));
		ck_assert_mem_eq(expression->keys[i].bytes, keys[i], strlen(keys[i]));
	}
	ck_assert(!expression->uses_path && !expression->uses_name && !expression->uses_size);
	vt_expression_free(expression);
	ck_assert_int_eq(parse("path=a", &expression), 0);
	ck_assert(expression->uses_path && !expression->uses_name && !expression->uses_size);
	ck_assert_uint_eq(expression->key_count, 0);
	vt_expression_free(expression);
	ck_assert_int_eq(parse("name=a", &expression), 0);
	ck_assert(!expression->uses_path && expression->uses_name && !expression->uses_size);
	vt_expression_free(expression);
	ck_assert_int_eq(parse("not size in (1)", &expression), 0);
	ck_assert(!expression->uses_path && !expression->uses_name && expression->uses_size);
}
END_TEST

START_TEST(without_memory_it_says_so)
{
	static const char text[] = "a=b and not (c in (d,'e',3) or has(f) or label.path~'*')";
	const struct vt_expression *expression = NULL;
	unsigned failures = 0;
	int r;

	do {
		allocations_left = failures;
		r = vt_expression_parse(text, strlen(text), &expression, &err);
		if (!stop_failing())
			break;
		ck_assert_int_eq(r, -ENOMEM);
		ck_assert_str_eq(err.text, "no memory for an expression");
		ck_assert_ptr_null(expression);
		failures++;
	} while (failures < 1000);
	ck_assert_int_eq(r, 0);
	ck_assert_uint_gt(failures, 10);
	vt_expression_free(expression);
}
END_TEST

VT_SUITE(expression, each_form_has_a_canonical_text, what_is_wrong_is_said_with_its_column,
	 zero_has_no_sign, a_nul_is_a_character_like_others, limits_are_where_the_header_says,
	 it_says_what_it_looks_at, without_memory_it_says_so)
