/* SPDX-License-Identifier: Apache-2.0 */
/* Patterns: what each character means, and random ones against a matcher that tries everything. */
#include "index/glob.h"
#include "index/base/error.h"
#include "tests/unit/chance.h"
#include "tests/unit/suite.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static bool matches(const char *pattern, const char *text)
{
	ck_assert_int_eq(vt_glob_check(pattern, strlen(pattern), NULL), 0);
	return vt_glob_matches(pattern, strlen(pattern), text, strlen(text));
}

START_TEST(each_special_character_means_what_the_header_says)
{
	static const struct {
		const char *pattern, *yes, *no;
	} table[] = {
		{"", "", "a"},
		{"a", "a", "A"},
		{"a", "a", "aa"},
		{"ab", "ab", "a"},
		{"*", "", "a/b"},
		{"*", "abc", "/"},
		{"*.png", "a.png", "a/b.png"},
		{"a*b*c", "axbybc", "axbyb"},
		{"**", "a/b/c", NULL},
		{"***", "a/b/c", NULL},
		{"a**c", "ab/c", "ab/cd"},
		{"**/x", "x", "ax"},
		{"**/x", "a/b/x", "a/bx"},
		{"a/**/x", "a/x", "ax"},
		{"a/**/x", "a/b/c/x", "a/b/c/xy"},
		{"a**/x", "a/x", "ax"},
		{"a/**", "a/b/c", "a"},
		{"**/**/x", "x", "xx"},
		{"?", "a", "/"},
		{"?", "\xc3\xa4", "ab"},
		{"?", "\xff", ""},
		{"??", "\xc3(", "\xc3\xa4"},
		{"[abc]", "b", "d"},
		{"[a-c]x", "cx", "dx"},
		{"[a-]", "-", "b"},
		{"[-a]", "-", "b"},
		{"[]]", "]", "a"},
		{"[]a]", "a", "b"},
		{"[!a]", "b", "a"},
		{"[^a]", "b", "a"},
		{"[!]]", "a", "]"},
		{"[!a]", "\xff", "/"},
		{"[a^]", "^", "b"},
		{"[,-0]", ".", "/"},
		{"[\xc3\xa0-\xc3\xa9]", "\xc3\xa4", "\xc3\xbc"},
		{"[\x01-\xf4\x8f\xbf\xbf]", "\xf0\x9f\x90\xa6", "\xff"},
		{"[*]", "*", "a"},
		{"[[]", "[", "a"},
		{"a]", "a]", "a"},
		{"\\*", "\\a", "*"},
		{"a.c", "a.c", "abc"},
	};

	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		ck_assert_msg(matches(table[i].pattern, table[i].yes), "'%s' does not match '%s'",
			      table[i].pattern, table[i].yes);
		ck_assert_msg(!table[i].no || !matches(table[i].pattern, table[i].no),
			      "'%s' matches '%s'", table[i].pattern, table[i].no);
	}
}
END_TEST

START_TEST(patterns_that_cannot_be_are_refused)
{
	static const char *const bad[] = {"[", "[a", "[]", "[!]", "[!", "a[b-", "[a-]x[", "[b-a]"};
	static char patterns[VT_GLOB_MAX + 1];

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct vt_error err = {""};

		ck_assert_int_eq(vt_glob_check(bad[i], strlen(bad[i]), &err), -EINVAL);
		ck_assert_str_ne(err.text, "");
	}
	memset(patterns, 'a', sizeof patterns);
	ck_assert_int_eq(vt_glob_check(patterns, VT_GLOB_MAX, NULL), 0);
	ck_assert_int_eq(vt_glob_check(patterns, VT_GLOB_MAX + 1, NULL), -EINVAL);
}
END_TEST

/* With matchers that try again from each star this would not end. */
START_TEST(many_stars_are_no_trap)
{
	static char pattern[VT_GLOB_MAX], text[4096];

	for (size_t i = 0; i < sizeof pattern; i += 4)
		memcpy(pattern + i, "*a**", 4);
	memset(text, 'a', sizeof text);
	ck_assert(vt_glob_matches(pattern, sizeof pattern, text, sizeof text));
	ck_assert(vt_glob_matches(pattern, sizeof pattern, text, sizeof pattern / 4));
	ck_assert(!vt_glob_matches(pattern, sizeof pattern, text, sizeof pattern / 4 - 1));
	text[sizeof text - 1] = 'b';
	ck_assert(!vt_glob_matches(pattern, sizeof pattern - 2, text, sizeof text));
}
END_TEST

/* ---- against one that tries everything ------------------------------------------------------- */

static bool tries(const char *p, const char *text, bool p_begins);

static bool tries_stars(const char *rest, const char *text, bool crosses)
{
	for (;; text++) {
		if (tries(rest, text, false))
			return true;
		if (!*text || (*text == '/' && !crosses))
			return false;
	}
}

/* Patterns of a, b, /, *, ?, [ab], [!a]; NUL-terminated. `begins`: a part of the pattern does here.
 */
static bool tries(const char *p, const char *text, bool begins)
{
	size_t stars = strspn(p, "*");

	if (stars > 1 && begins && p[stars] == '/' && tries(p + stars + 1, text, true))
		return true;
	if (stars > 0)
		return tries_stars(p + stars, text, stars > 1);
	if (!*p || !*text)
		return *p == *text;
	if (*p == '?')
		return *text != '/' && tries(p + 1, text + 1, false);
	if (strncmp(p, "[ab]", 4) == 0)
		return *text != '/' && tries(p + 4, text + 1, false);
	if (strncmp(p, "[!a]", 4) == 0)
		return *text == 'b' && tries(p + 4, text + 1, false);
	return *p == *text && tries(p + 1, text + 1, *p == '/');
}

static void random_text(const char *const parts[], unsigned part_count, unsigned most, char *out)
{
	*out = '\0';
	for (unsigned left = below(most + 1); left > 0; left--)
		strcat(out, parts[below(part_count)]);
}

static void compare_matchers(uint64_t seed, unsigned rounds)
{
	static const char *const parts[] = {"a", "b", "/", "*",    "*",    "**",
					    "?", "/", "a", "[ab]", "[!a]", "**/"};
	static const char *const letters[] = {"a", "b", "/"};
	unsigned same[2] = {0};

	chance_state = seed;
	for (unsigned i = 0; i < rounds; i++) {
		char pattern[8 * 4 + 1], text[10 + 1];
		bool tried;

		random_text(parts, 12, 8, pattern);
		random_text(letters, 3, 10, text);
		tried = tries(pattern, text, true);
		ck_assert_msg(matches(pattern, text) == tried, "VT_SEED=%" PRIu64 ": '%s' on '%s'",
			      seed, pattern, text);
		same[tried]++;
	}
	ck_assert_uint_gt(same[0], rounds / 20); /* else they agree on little */
	ck_assert_uint_gt(same[1], rounds / 20);
}

START_TEST(both_matchers_agree)
{
	uint64_t seed = chance_seed();

	for (uint64_t fixed = 1; fixed <= 4; fixed++)
		compare_matchers(fixed, 20000);
	fprintf(stderr, "VT_SEED=%" PRIu64 "\n", seed);
	compare_matchers(seed, 20000);
}
END_TEST

VT_SUITE(glob, each_special_character_means_what_the_header_says,
	 patterns_that_cannot_be_are_refused, many_stars_are_no_trap, both_matchers_agree)
