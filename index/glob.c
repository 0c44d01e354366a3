/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See glob.h. The pattern is an automaton whose states are its byte offsets; all states it can be
 * in go over the text side by side (K. Thompson, "Regular expression search algorithm", 1968), so
 * that no pattern makes it try again from an earlier place.
 */
#include "index/glob.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "index/base/error.h"
#include "index/base/utf8.h"

#define WORDS    (VT_GLOB_MAX / 64 + 1) /* offsets 0 to VT_GLOB_MAX */
#define NOT_UTF8 0x110000u              /* and the byte: above all characters */

struct pattern {
	const char *bytes;
	size_t len;
};

struct states {
	uint64_t words[WORDS];
};

static void enter(struct states *states, size_t at)
{
	states->words[at / 64] |= UINT64_C(1) << at % 64;
}

/* The first state from `at` on that is entered, or `len`. */
static size_t next_state(const struct states *states, size_t at, size_t len)
{
	while (at < len) {
		uint64_t rest = states->words[at / 64] >> at % 64;

		if (rest) {
			at += (size_t) __builtin_ctzll(rest);
			return at < len ? at : len;
		}
		at = (at / 64 + 1) * 64;
	}
	return len;
}

static uint32_t take_character(const char *bytes, size_t len, size_t *at)
{
	uint32_t code;
	size_t step = vt_utf8_decode(bytes + *at, len - *at, &code);

	if (step == 0) {
		code = NOT_UTF8 + (uint8_t) bytes[*at];
		step = 1;
	}
	*at += step;
	return code;
}

/* ---- sets ------------------------------------------------------------------------------------ */

struct range {
	uint32_t low, high;
};

static bool is_negated(const struct pattern *pattern, size_t open)
{
	return open + 1 < pattern->len &&
	       (pattern->bytes[open + 1] == '!' || pattern->bytes[open + 1] == '^');
}

/* From `*at` in the set that begins at `open`: 1 a range, 0 the end of the set, -1 it has none. */
static int next_range(const struct pattern *pattern, size_t open, size_t *at, struct range *range)
{
	size_t first = open + 1 + is_negated(pattern, open), here = *at > first ? *at : first;

	if (here >= pattern->len)
		return -1;
	*at = here;
	range->low = range->high = take_character(pattern->bytes, pattern->len, at);
	if (range->low == ']' && here > first)
		return 0;
	if (*at + 1 < pattern->len && pattern->bytes[*at] == '-' &&
	    pattern->bytes[*at + 1] != ']') {
		++*at;
		range->high = take_character(pattern->bytes, pattern->len, at);
	}
	return 1;
}

/* Whether the set at `*at` has the character; moves behind the set. */
static bool set_has(const struct pattern *pattern, size_t *at, uint32_t character)
{
	size_t open = *at;
	bool has = false;
	struct range range;

	while (next_range(pattern, open, at, &range) > 0)
		has |= character >= range.low && character <= range.high;
	return has != is_negated(pattern, open);
}

/* Moves behind the set at `*at`. */
static int check_set(const struct pattern *pattern, size_t *at, struct vt_error *err)
{
	size_t open = *at;
	struct range range;
	int r;

	while ((r = next_range(pattern, open, at, &range)) > 0)
		if (range.low > range.high)
			return vt_fail(err, EINVAL, "a range in [ ] ends before it begins");
	if (r < 0)
		return vt_fail(err, EINVAL, "a [ has no ]; the character itself is [[]");
	return 0;
}

int vt_glob_check(const char *pattern, size_t len, struct vt_error *err)
{
	const struct pattern all = {pattern, len};
	int r = 0;

	if (len > VT_GLOB_MAX)
		return vt_fail(err, EINVAL, "a pattern has at most %u bytes", VT_GLOB_MAX);
	for (size_t at = 0; at < len && r == 0;) {
		if (pattern[at] == '[')
			r = check_set(&all, &at, err);
		else
			at++;
	}
	return r;
}

/* ---- matching -------------------------------------------------------------------------------- */

/* Where a text is read: the next character, and whether a part of a path begins with it. */
struct place {
	uint32_t character;
	bool begins_part;
};

/*
 * The stars at `at`: stays there on what they take, and enters what they may end at. Where a part
 * of the text begins, one of the pattern does too, or the stars have taken whole folders.
 */
static void follow_stars(const struct pattern *pattern, size_t at, const struct place *place,
			 struct states *now, struct states *then)
{
	size_t end = at;
	bool crosses;

	while (end < pattern->len && pattern->bytes[end] == '*')
		end++;
	crosses = end - at > 1;
	enter(now, end);
	if (crosses && place->begins_part && end < pattern->len && pattern->bytes[end] == '/')
		enter(now, end + 1);
	if (crosses || place->character != '/')
		enter(then, at);
}

/* One character's step from the state `at`. */
static void follow(const struct pattern *pattern, size_t at, const struct place *place,
		   struct states *now, struct states *then)
{
	bool taken;

	switch (pattern->bytes[at]) {
	case '*':
		follow_stars(pattern, at, place, now, then);
		return;
	case '?':
		at++;
		taken = place->character != '/';
		break;
	case '[':
		taken = set_has(pattern, &at, place->character) && place->character != '/';
		break;
	default:
		taken = take_character(pattern->bytes, pattern->len, &at) == place->character;
	}
	if (taken)
		enter(then, at);
}

/* Ways without a character lead forward only, so that one pass in order finds them all. */
static void step(const struct pattern *pattern, const struct place *place, struct states *now,
		 struct states *then)
{
	size_t at = 0;

	while ((at = next_state(now, at, pattern->len)) < pattern->len) {
		follow(pattern, at, place, now, then);
		at++;
	}
}

bool vt_glob_matches(const char *pattern, size_t len, const char *text, size_t text_len)
{
	const struct pattern all = {pattern, len};
	size_t used = (len / 64 + 1) * sizeof(uint64_t), at = 0;
	struct states sides[2], *now = &sides[0], *then = &sides[1], *swap;
	struct place place;

	memset(now, 0, used);
	enter(now, 0);
	while (at < text_len && next_state(now, 0, len + 1) <= len) {
		memset(then, 0, used);
		place.begins_part = at == 0 || text[at - 1] == '/';
		place.character = take_character(text, text_len, &at);
		step(&all, &place, now, then);
		swap = now;
		now = then;
		then = swap;
	}
	place = (struct place){.begins_part = at == 0 || text[at - 1] == '/'};
	memset(then, 0, used);
	step(&all, &place, now, then); /* for the ways without a character */
	return next_state(now, len, len + 1) == len;
}
