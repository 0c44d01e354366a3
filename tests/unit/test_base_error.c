/* SPDX-License-Identifier: Apache-2.0 */
/* The floor: sentences that fit, and those that do not. */
#include "index/base/error.h"
#include "tests/unit/suite.h"

#include <errno.h>
#include <string.h>

START_TEST(a_failure_is_a_number_and_a_sentence)
{
	struct vt_error err;

	ck_assert_int_eq(vt_fail(&err, ENOENT, "no dataset '%s'", "birds"), -ENOENT);
	ck_assert_str_eq(err.text, "no dataset 'birds'");
}
END_TEST

START_TEST(percent_m_is_the_text_of_the_code_not_of_errno)
{
	struct vt_error err;

	errno = EIO;
	(void) vt_fail(&err, ENOSPC, "%m");
	ck_assert_str_eq(err.text, strerror(ENOSPC));
}
END_TEST

START_TEST(nobody_need_listen)
{
	ck_assert_int_eq(vt_fail(NULL, EIO, "%s", "unheard"), -EIO);
	ck_assert_int_eq(vt_fail_in(NULL, -EIO, "%s", "unheard"), -EIO);
}
END_TEST

START_TEST(words_are_put_in_front)
{
	struct vt_error err;
	int r = vt_fail(&err, EBADMSG, "magic is wrong");

	r = vt_fail_in(&err, r, "shard '%s'", "a.vsh");
	ck_assert_int_eq(vt_fail_in(&err, r, "verify"), -EBADMSG);
	ck_assert_str_eq(err.text, "verify: shard 'a.vsh': magic is wrong");
}
END_TEST

/* Every length around the buffer's end: the text is cut at its end and what is in front is kept. */
START_TEST(a_sentence_too_long_is_cut_at_its_end)
{
	char words[2 * sizeof(struct vt_error)];
	struct vt_error err;

	for (size_t len = sizeof err.text - 40; len < sizeof err.text + 40; len++) {
		memset(words, 'w', len);
		words[len] = '\0';
		(void) vt_fail(&err, EIO, "%s", words);
		ck_assert_uint_eq(strlen(err.text),
				  len < sizeof err.text ? len : sizeof err.text - 1);
		(void) vt_fail_in(&err, -EIO, "front");
		ck_assert_uint_lt(strlen(err.text), sizeof err.text);
		ck_assert_int_eq(strncmp(err.text, "front: www", 10), 0);
	}
}
END_TEST

START_TEST(a_front_too_long_leaves_room_for_the_reason)
{
	char words[2 * sizeof(struct vt_error)];
	struct vt_error err;

	for (size_t len = sizeof err.text - 8; len < sizeof err.text + 8; len++) {
		memset(words, 'w', len);
		words[len] = '\0';
		(void) vt_fail(&err, EIO, "what happened");
		(void) vt_fail_in(&err, -EIO, "%s", words);
		ck_assert_uint_lt(strlen(err.text), sizeof err.text);
		ck_assert_ptr_nonnull(strstr(err.text, "ww: what happened"));
		ck_assert_int_eq(strncmp(err.text, "wwww", 4), 0);
	}
}
END_TEST

VT_SUITE(base_error, a_failure_is_a_number_and_a_sentence,
	 percent_m_is_the_text_of_the_code_not_of_errno, nobody_need_listen, words_are_put_in_front,
	 a_sentence_too_long_is_cut_at_its_end, a_front_too_long_leaves_room_for_the_reason)
