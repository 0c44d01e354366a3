/* SPDX-License-Identifier: Apache-2.0 */
/* Pages: what is written is read back, every other encoding is refused. */
#include "index/base/error.h"
#include "index/page.h"
#include "tests/unit/suite.h"
#include "tests/unit/tree_model.h"

#include <errno.h>
#include <stdio.h>

static const uint8_t one_xattr[] = {1, 0, 6, 'u', 's', 'e', 'r', '.', 'a', 1, 0, 'x'};

static struct vt_entry file_named(const char *name)
{
	struct vt_entry entry = {.type = VT_FILE, .name = name, .name_len = strlen(name)};

	entry.nodes = 1;
	entry.mode = 0644;
	return entry;
}

/* A value made of entries, without asking the cutting rule. */
static struct vt_buf value_of(const struct vt_entry *entries, size_t count)
{
	struct vt_page_builder builder;
	struct vt_buf value = VT_BUF_INIT;
	struct vt_digest digest;

	vt_page_builder_init(&builder, VT_PAGE_FILES, 0);
	for (size_t i = 0; i < count; i++)
		ck_assert_int_eq(vt_page_builder_add_entry(&builder, &entries[i], NULL), 0);
	ck_assert_int_eq(vt_page_builder_finish(&builder, &digest, NULL), 0);
	ck_assert_int_eq(vt_page_value_encode(&builder, &value), 0);
	vt_page_builder_done(&builder);
	return value;
}

static int decode(const void *value, size_t len, struct vt_error *err)
{
	uint8_t *exact = malloc(len ? len : 1); /* so that the sanitizer sees every read past it */
	struct vt_page *page = NULL;
	int r;

	memcpy(exact, value, len);
	r = vt_page_decode(exact, len, 7, true, NULL, &page, err);
	free(exact);
	if (r == 0)
		vt_page_unref(page);
	return r;
}

START_TEST(every_type_of_entry_comes_back)
{
	struct vt_entry in[3] = {file_named("a"), file_named("b"), file_named("\xff")}, out;
	vt_cleanup(vt_buf_done) struct vt_buf value = VT_BUF_INIT;
	vt_cleanup(vt_page_unrefp) struct vt_page *page = NULL;

	in[0].linked = true;
	in[0].size = INT64_MAX;
	in[0].mtime_sec = INT64_MIN;
	in[0].mtime_nsec = 999999999;
	in[0].mode = 01777;
	in[0].hint = (struct vt_location){1, 2, 3, 4};
	in[0].xattrs = one_xattr;
	in[0].xattrs_len = sizeof one_xattr;
	in[1].type = VT_DIRECTORY;
	in[1].nodes = 1000;
	in[1].page = UINT64_MAX;
	in[2].type = VT_SYMLINK;
	in[2].target = "../x";
	in[2].size = in[2].target_len = 4;
	value = value_of(in, 3);
	ck_assert_int_eq(vt_page_decode(value.data, value.len, 7, true, NULL, &page, NULL), 0);
	ck_assert_uint_eq(page->count, 3);
	ck_assert_uint_eq(page->entries, 3);
	ck_assert_uint_eq(page->nodes, 1002);
	ck_assert_uint_eq(page->id, 7);
	for (unsigned i = 0; i < 3; i++) {
		vt_page_entry(page, i, &out);
		ck_assert(same_entry(&in[i], &out));
		ck_assert_uint_eq(out.page, in[i].page);
		ck_assert_int_eq(vt_page_find(page, in[i].name, in[i].name_len), (int) i);
	}
	ck_assert_int_eq(vt_page_find(page, "ab", 2), -1);
	ck_assert_uint_eq(vt_page_nodes_before(page, 2), 1001);
	ck_assert_uint_eq(vt_page_index_of_node(page, 0), 0);
	ck_assert_uint_eq(vt_page_index_of_node(page, 1), 1);
	ck_assert_uint_eq(vt_page_index_of_node(page, 1000), 1);
	ck_assert_uint_eq(vt_page_index_of_node(page, 1001), 2);
}
END_TEST

START_TEST(the_builder_refuses_entries_that_break_a_rule)
{
	static char target[VT_TARGET_LEN_MAX + 1];
	struct vt_entry bad[16];
	struct vt_page_builder builder;
	unsigned n = 0;

	for (unsigned i = 0; i < 16; i++)
		bad[i] = file_named("n");
	bad[n++].name_len = 0;
	bad[n++].name = "/";
	bad[n++].name = "";
	bad[n++].name = ".";
	bad[n] = file_named("..");
	n++;
	bad[n++].mode = 02000;
	bad[n++].mode = 04755;
	bad[n++].mtime_nsec = 1000000000;
	bad[n++].size = (uint64_t) INT64_MAX + 1;
	bad[n++].type = 0;
	bad[n++].type = 4;
	bad[n].type = VT_DIRECTORY;
	bad[n++].nodes = 0;
	bad[n].type = VT_DIRECTORY;
	bad[n++].linked = true;
	bad[n].type = VT_SYMLINK;
	bad[n++].target = "";
	bad[n].type = VT_SYMLINK;
	bad[n].target = memset(target, 'x', sizeof target);
	bad[n++].target_len = sizeof target;
	bad[n].xattrs = (const uint8_t *) "\0";
	bad[n++].xattrs_len = 2;
	ck_assert_uint_eq(n, 16);

	vt_page_builder_init(&builder, VT_PAGE_FILES, 0);
	for (unsigned i = 0; i < n; i++) {
		ck_assert_int_eq(vt_page_builder_add_entry(&builder, &bad[i], NULL), -EINVAL);
		ck_assert_uint_eq(builder.canonical.len, 4); /* nothing was written */
	}
	vt_page_builder_done(&builder);
}
END_TEST

START_TEST(counts_that_overflow_are_refused)
{
	struct vt_page_child child = {.last_name = "a", .last_name_len = 1, .entries = 1};
	struct vt_page_builder builder;

	vt_page_builder_init(&builder, VT_PAGE_FILES, 1);
	child.nodes = VT_NODES_MAX;
	ck_assert_int_eq(vt_page_builder_add_child(&builder, &child, NULL), 0);
	child.last_name = "b";
	child.nodes = 1;
	ck_assert_int_eq(vt_page_builder_add_child(&builder, &child, NULL), -EOVERFLOW);
	child.nodes = UINT32_MAX;
	ck_assert_int_eq(vt_page_builder_add_child(&builder, &child, NULL), -EOVERFLOW);
	child.entries = 0;
	ck_assert_int_eq(vt_page_builder_add_child(&builder, &child, NULL), -EINVAL);
	vt_page_builder_done(&builder);
}
END_TEST

/* Byte offsets in the value of the page { "a": file, "b": symlink to "t" }. */
enum {
	AT_LEVEL = 4,
	AT_FORM = 5,
	AT_COUNT = 6,
	AT_TYPE = 8,
	AT_FLAGS = 9,
	AT_MODE = 10,
	AT_NAME_LEN = 12,
	AT_NAME = 13,
	AT_NSEC = 22,
	AT_SIZE = 26,
	AT_SECOND = 66,
	AT_SECOND_NAME = AT_SECOND + 5,
	AT_TARGET_LEN = AT_SECOND_NAME + 13,
	AT_TARGET = AT_TARGET_LEN + 2,
	AT_TRAILER = AT_TARGET + 1,
	VALUE_LEN = AT_TRAILER + 32,
};

START_TEST(every_other_encoding_is_refused)
{
	static const struct {
		size_t at;
		uint8_t byte;
		const char *problem;
	} cases[] = {
		{0, 0xff, "cut short"},
		{2, 0x10, "length is out of range"},
		{AT_LEVEL, VT_PAGE_LEVEL_MAX + 1, "level"},
		{AT_LEVEL, 1, "trailer has the wrong length"},
		{AT_FORM, 2, "tree of labels"},
		{AT_FORM, 3, "trailer has the wrong length"},
		{AT_FORM, 4, "form"},
		{AT_FORM, 0, "form"},
		{AT_COUNT, 1, "trailer has the wrong length"},
		{AT_COUNT, 129, "count is out of range"},
		{AT_COUNT + 1, 1, "count is out of range"},
		{AT_TYPE, 0, "type"},
		{AT_TYPE, 9, "type"},
		{AT_FLAGS, 4, "flags"},
		{AT_FLAGS, 2, ""},
		{AT_MODE + 1, 4, "mode"},
		{AT_NAME_LEN, 0, ""},
		{AT_NAME_LEN, 255, "past the end"},
		{AT_NAME, '/', "'/'"},
		{AT_NAME, 0, "NUL"},
		{AT_NAME, '.', "'.'"},
		{AT_NAME, 'b', "order"},
		{AT_NAME, 'c', "order"},
		{AT_NSEC + 3, 0x40, "mtime"},
		{AT_SIZE + 7, 0x80, "size"},
		{AT_SECOND, VT_FILE, "past the end"},
		{AT_SECOND, VT_DIRECTORY, "past the end"},
		{AT_TARGET_LEN, 0, "target"},
		{AT_TARGET_LEN + 1, 0xff, "past the end"},
		{AT_TARGET, 0, "target holds NUL"},
		{AT_TRAILER + 16, 1, "not zero"},
	};
	struct vt_entry in[2] = {file_named("a"), file_named("b")};
	vt_cleanup(vt_buf_done) struct vt_buf value = VT_BUF_INIT;
	struct vt_error err;

	in[1].type = VT_SYMLINK;
	in[1].target = "t";
	in[1].size = in[1].target_len = 1;
	value = value_of(in, 2);
	ck_assert_uint_eq(value.len, VALUE_LEN);
	ck_assert_int_eq(decode(value.data, value.len, NULL), 0);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		uint8_t was = value.data[cases[i].at];

		value.data[cases[i].at] = cases[i].byte;
		ck_assert_int_eq(decode(value.data, value.len, &err), -EBADMSG);
		ck_assert_msg(strstr(err.text, cases[i].problem), "case %zu says: %s", i, err.text);
		value.data[cases[i].at] = was;
	}
	for (size_t len = 0; len < value.len; len++)
		ck_assert_int_eq(decode(value.data, len, NULL), -EBADMSG);
	vt_buf_put_u8(&value, 0);
	ck_assert_int_eq(decode(value.data, value.len, NULL), -EBADMSG);
}
END_TEST

START_TEST(a_changed_bit_changes_the_digest_or_is_refused)
{
	struct vt_entry in[3] = {file_named("a"), file_named("b"), file_named("c")};
	vt_cleanup(vt_buf_done) struct vt_buf value = VT_BUF_INIT;
	struct vt_page *page;
	struct vt_digest was;
	size_t canonical;

	in[1].xattrs = one_xattr;
	in[1].xattrs_len = sizeof one_xattr;
	in[2].type = VT_DIRECTORY;
	value = value_of(in, 3);
	canonical = value.len - 3 * 16;
	ck_assert_int_eq(vt_page_decode(value.data, value.len, 7, true, NULL, &page, NULL), 0);
	was = page->digest;
	vt_page_unref(page);
	for (size_t bit = 0; bit < 8 * canonical; bit++) {
		value.data[bit / 8] ^= (uint8_t) (1 << bit % 8);
		if (vt_page_decode(value.data, value.len, 7, true, NULL, &page, NULL) == 0) {
			ck_assert(!vt_digest_equal(&page->digest, &was));
			vt_page_unref(page);
		}
		value.data[bit / 8] ^= (uint8_t) (1 << bit % 8);
	}
}
END_TEST

START_TEST(a_page_that_goes_on_past_a_cut_is_refused)
{
	vt_cleanup(vt_buf_done) struct vt_buf value = VT_BUF_INIT;
	struct vt_entry in[2];
	struct vt_error err;
	char name[16];

	for (unsigned i = 0;; i++) {
		(void) snprintf(name, sizeof name, "%u", i);
		if (vt_page_ends(0, 1, 0, name, strlen(name)))
			break;
	}
	in[0] = file_named(name);
	in[1] = file_named("z");
	value = value_of(in, 2);
	ck_assert_int_eq(decode(value.data, value.len, &err), -EBADMSG);
	ck_assert_msg(strstr(err.text, "goes on"), "says: %s", err.text);
}
END_TEST

START_TEST(a_page_that_goes_on_past_128_names_is_refused)
{
	struct vt_page_builder builder;
	struct vt_entry entry;
	char name[16];
	int r = 0;

	vt_page_builder_init(&builder, VT_PAGE_FILES, 0);
	for (unsigned i = 0; i < VT_PAGE_ENTRIES_MAX; i++) {
		(void) snprintf(name, sizeof name, "%04u", i);
		entry = file_named(name);
		ck_assert_int_eq(vt_page_builder_add_entry(&builder, &entry, NULL), 0);
	}
	ck_assert(vt_page_builder_is_full(&builder));
	entry = file_named("x");
	r = vt_page_builder_add_entry(&builder, &entry, NULL);
	ck_assert_int_eq(r, -EINVAL);
	vt_page_builder_done(&builder);
}
END_TEST

START_TEST(an_inner_page_needs_two_children_before_a_name_can_cut_it)
{
	char name[16];

	for (unsigned i = 0;; i++) {
		(void) snprintf(name, sizeof name, "%u", i);
		if (vt_page_ends(1, 2, 0, name, strlen(name)))
			break;
	}
	ck_assert(!vt_page_ends(1, 1, 0, name, strlen(name)));
	ck_assert(vt_page_ends(1, 1, VT_PAGE_CUT_BYTES, name, strlen(name)));
}
END_TEST

START_TEST(an_inner_page_finds_the_child_that_can_hold_a_name)
{
	struct vt_page_child child = {.last_name_len = 1}, out;
	static const char *const names[] = {"b", "d", "f"};
	vt_cleanup(vt_page_unrefp) struct vt_page *page = NULL;
	vt_cleanup(vt_buf_done) struct vt_buf value = VT_BUF_INIT;
	struct vt_page_builder builder;
	struct vt_digest digest;

	vt_page_builder_init(&builder, VT_PAGE_FILES, 1);
	for (unsigned i = 0; i < 3; i++) {
		child.last_name = names[i];
		child.entries = 10 + i;
		child.nodes = 100 + i;
		child.page = 5 + i;
		ck_assert_int_eq(vt_page_builder_add_child(&builder, &child, NULL), 0);
	}
	ck_assert_int_eq(vt_page_builder_finish(&builder, &digest, NULL), 0);
	ck_assert_int_eq(vt_page_value_encode(&builder, &value), 0);
	vt_page_builder_done(&builder);
	ck_assert_int_eq(vt_page_decode(value.data, value.len, 7, true, NULL, &page, NULL), 0);
	ck_assert(vt_digest_equal(&page->digest, &digest));
	ck_assert_uint_eq(page->entries, 33);
	ck_assert_uint_eq(page->nodes, 303);
	ck_assert_int_eq(vt_page_find(page, "a", 1), 0);
	ck_assert_int_eq(vt_page_find(page, "b", 1), 0);
	ck_assert_int_eq(vt_page_find(page, "ba", 2), 1);
	ck_assert_int_eq(vt_page_find(page, "f", 1), 2);
	ck_assert_int_eq(vt_page_find(page, "fa", 2), -1);
	vt_page_child(page, 2, &out);
	ck_assert_uint_eq(out.page, 7);
	ck_assert_uint_eq(out.nodes, 102);
	ck_assert_uint_eq(vt_page_entries_before(page, 2), 21);
	ck_assert_uint_eq(vt_page_index_of_entry(page, 20), 1);
	ck_assert_uint_eq(vt_page_index_of_entry(page, 21), 2);
}
END_TEST

START_TEST(a_decoded_page_counts_against_the_cache)
{
	struct vt_lru *lru = vt_lru_new(1 << 20);
	struct vt_entry in = file_named("a");
	vt_cleanup(vt_buf_done) struct vt_buf value = value_of(&in, 1);
	struct vt_lru_stats stats;
	struct vt_page *page;

	ck_assert_int_eq(vt_page_decode(value.data, value.len, 7, false, lru, &page, NULL), 0);
	ck_assert(vt_digest_is_zero(&page->digest));
	vt_lru_get_stats(lru, &stats);
	ck_assert_uint_ge(stats.used, value.len);
	vt_page_unref(page);
	vt_lru_get_stats(lru, &stats);
	ck_assert_uint_eq(stats.used, 0);
	value.data[4] = 9;
	ck_assert_int_eq(vt_page_decode(value.data, value.len, 7, false, lru, &page, NULL),
			 -EBADMSG);
	vt_lru_get_stats(lru, &stats);
	ck_assert_uint_eq(stats.used, 0);
	vt_lru_free(lru);
}
END_TEST

static struct vt_xattr xattr(const char *name, const char *value)
{
	return (struct vt_xattr){name, strlen(name), value, strlen(value)};
}

START_TEST(xattrs_are_sorted_and_come_back)
{
	struct vt_xattr list[3] = {xattr("user.b", "2"), xattr("user.a", ""),
				   xattr("user.ab", "x")};
	static const char *const names[] = {"user.a", "user.ab", "user.b"};
	vt_cleanup(vt_buf_done) struct vt_buf bytes = VT_BUF_INIT;
	struct vt_xattr out;
	size_t state = 0;

	ck_assert_int_eq(vt_xattrs_encode(list, 3, &bytes, NULL), 0);
	ck_assert_int_eq(vt_xattrs_check(bytes.data, bytes.len), 0);
	for (unsigned i = 0; i < 3; i++) {
		ck_assert_int_eq(vt_xattrs_next(bytes.data, bytes.len, &state, &out), 1);
		ck_assert_uint_eq(out.name_len, strlen(names[i]));
		ck_assert_mem_eq(out.name, names[i], out.name_len);
	}
	ck_assert_int_eq(vt_xattrs_next(bytes.data, bytes.len, &state, &out), 0);
	for (size_t len = 0; len < bytes.len; len++)
		ck_assert_int_eq(vt_xattrs_check(bytes.data, len), -EBADMSG);
	state = 0;
	ck_assert_int_eq(vt_xattrs_next(NULL, 0, &state, &out), 0);
}
END_TEST

START_TEST(xattrs_out_of_form_are_refused)
{
	static const struct {
		const char *bytes;
		size_t len;
	} bad[] = {
		{"\0\0", 2},                          /* none */
		{"\1\0\6user.a\0", 10},               /* value length cut short */
		{"\1\0\5user.\0\0", 10},              /* nothing behind the prefix */
		{"\1\0\6trus.a\0\0", 11},             /* another prefix */
		{"\1\0\6user.\0\0\0", 11},            /* NUL */
		{"\2\0\6user.b\0\0\6user.a\0\0", 20}, /* out of order */
		{"\2\0\6user.a\0\0\6user.a\0\0", 20}, /* twice */
		{"\1\0\6user.a\0\0x", 12},            /* left over */
		{"\2\0\6user.a\0\0", 11},             /* one is missing */
	};
	struct vt_xattr twice[2] = {xattr("user.a", ""), xattr("user.a", "")};
	struct vt_xattr other = xattr("security.x", "");
	static char big[VT_XATTRS_LEN_MAX];
	struct vt_xattr large[2] = {xattr("user.a", ""), xattr("user.b", "")};
	vt_cleanup(vt_buf_done) struct vt_buf bytes = VT_BUF_INIT;

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		ck_assert_int_eq(vt_xattrs_check((const uint8_t *) bad[i].bytes, bad[i].len),
				 -EBADMSG);
	ck_assert_int_eq(vt_xattrs_encode(twice, 2, &bytes, NULL), -EINVAL);
	ck_assert_int_eq(vt_xattrs_encode(&other, 1, &bytes, NULL), -EINVAL);
	large[0].value = large[1].value = big;
	large[0].value_len = sizeof big;
	ck_assert_int_eq(vt_xattrs_encode(large, 1, &bytes, NULL), -E2BIG);
	large[0].value_len = large[1].value_len = sizeof big / 2;
	ck_assert_int_eq(vt_xattrs_encode(large, 2, &bytes, NULL), -E2BIG);
	ck_assert_uint_eq(bytes.len, 0);
}
END_TEST

VT_SUITE(page, every_type_of_entry_comes_back, the_builder_refuses_entries_that_break_a_rule,
	 counts_that_overflow_are_refused, every_other_encoding_is_refused,
	 a_changed_bit_changes_the_digest_or_is_refused, a_page_that_goes_on_past_a_cut_is_refused,
	 a_page_that_goes_on_past_128_names_is_refused,
	 an_inner_page_needs_two_children_before_a_name_can_cut_it,
	 an_inner_page_finds_the_child_that_can_hold_a_name,
	 a_decoded_page_counts_against_the_cache, xattrs_are_sorted_and_come_back,
	 xattrs_out_of_form_are_refused)
