/* SPDX-License-Identifier: Apache-2.0 */
/* Texts are found by version and kind, until others were asked for since. */
#include "fs/kept_texts.h"

#include <string.h>

#include "tests/unit/suite.h"

static void keep(struct vt_kept_texts *texts, uint32_t serial, enum vt_kept_kind kind,
		 const char *text)
{
	struct vt_buf buf = VT_BUF_INIT;

	vt_buf_put(&buf, text, strlen(text));
	vt_kept_texts_keep(texts, serial, kind, buf);
}

static bool has(struct vt_kept_texts *texts, uint32_t serial, enum vt_kept_kind kind,
		const char *text)
{
	vt_cleanup(vt_buf_done) struct vt_buf found = VT_BUF_INIT;
	bool is_there = vt_kept_texts_find(texts, serial, kind, &found);

	if (is_there) {
		ck_assert_uint_eq(found.len, strlen(text));
		ck_assert_mem_eq(found.data, text, found.len);
	}
	return is_there;
}

START_TEST(kinds_and_versions_are_told_apart)
{
	vt_cleanup(vt_kept_texts_freep) struct vt_kept_texts *texts = vt_kept_texts_new();

	keep(texts, 1, VT_KEPT_CARD, "card");
	keep(texts, 1, VT_KEPT_CROISSANT, "one");
	keep(texts, 2, VT_KEPT_CROISSANT, "two");
	ck_assert(has(texts, 1, VT_KEPT_CARD, "card"));
	ck_assert(has(texts, 1, VT_KEPT_CROISSANT, "one"));
	ck_assert(has(texts, 2, VT_KEPT_CROISSANT, "two"));
	ck_assert(!has(texts, 2, VT_KEPT_CARD, ""));
	ck_assert(!has(texts, 1, VT_KEPT_CROISSANT_DRAFT, ""));
}
END_TEST

START_TEST(the_one_asked_for_longest_ago_goes_first)
{
	vt_cleanup(vt_kept_texts_freep) struct vt_kept_texts *texts = vt_kept_texts_new();

	for (uint32_t serial = 1; serial <= VT_KEPT_TEXTS; serial++)
		keep(texts, serial, VT_KEPT_CARD, "x");
	ck_assert(has(texts, 1, VT_KEPT_CARD, "x"));
	keep(texts, VT_KEPT_TEXTS + 1, VT_KEPT_CARD, "new");
	ck_assert(has(texts, 1, VT_KEPT_CARD, "x"));
	ck_assert(!has(texts, 2, VT_KEPT_CARD, ""));
	ck_assert(has(texts, 3, VT_KEPT_CARD, "x"));
	ck_assert(has(texts, VT_KEPT_TEXTS + 1, VT_KEPT_CARD, "new"));
}
END_TEST

VT_SUITE(kept_texts, kinds_and_versions_are_told_apart, the_one_asked_for_longest_ago_goes_first)
