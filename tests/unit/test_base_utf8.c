/* SPDX-License-Identifier: Apache-2.0 */
/* The floor: what is a character, what is none, and nothing past the end. */
#include "index/base/utf8.h"
#include "tests/unit/suite.h"

#include <string.h>

START_TEST(characters_have_their_length_and_code)
{
	static const struct {
		const char *bytes;
		size_t len;
		uint32_t code;
	} good[] = {
		{"a", 1, 'a'},
		{"\x7f", 1, 0x7f},
		{"\xc2\x80", 2, 0x80},
		{"\xdf\xbf", 2, 0x7ff},
		{"\xe0\xa0\x80", 3, 0x800},
		{"\xed\x9f\xbf", 3, 0xd7ff},
		{"\xee\x80\x80", 3, 0xe000},
		{"\xef\xbf\xbf", 3, 0xffff},
		{"\xf0\x90\x80\x80", 4, 0x10000},
		{"\xf4\x8f\xbf\xbf", 4, 0x10ffff},
	};

	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		uint32_t code = 1;

		ck_assert_uint_eq(vt_utf8_decode(good[i].bytes, strlen(good[i].bytes), &code),
				  good[i].len);
		ck_assert_uint_eq(code, good[i].code);
		if (good[i].len > 1)
			ck_assert_uint_eq(vt_utf8_decode(good[i].bytes, good[i].len - 1, &code), 0);
	}
}
END_TEST

START_TEST(what_rfc_3629_forbids_is_no_character)
{
	static const char *const bad[] = {
		"\x80",             /* a continuation alone */
		"\xc0\xaf",         /* longer than need be */
		"\xc1\xbf",         /* the same */
		"\xe0\x9f\xbf",     /* the same */
		"\xf0\x8f\xbf\xbf", /* the same */
		"\xed\xa0\x80",     /* a surrogate */
		"\xed\xbf\xbf",     /* the last one */
		"\xf4\x90\x80\x80", /* beyond the last code point */
		"\xf5\x80\x80\x80", /* the same */
		"\xc3(",            /* not continued */
		"\xe2\x82(",        /* the same */
		"\xff",
	};

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		uint32_t code = 7;

		ck_assert_uint_eq(vt_utf8_decode(bad[i], strlen(bad[i]), &code), 0);
		ck_assert_uint_eq(code, 7);
	}
}
END_TEST

VT_SUITE(base_utf8, characters_have_their_length_and_code, what_rfc_3629_forbids_is_no_character)
