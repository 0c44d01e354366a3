/* SPDX-License-Identifier: Apache-2.0 */
/* Link tables: rows are found, damage is told, the digest is of the rows in order. */
#include "index/link.h"
#include "tests/unit/fake_store.h"
#include "tests/unit/suite.h"

static const struct vt_link rows[] = {{3, 3, 3}, {5, 3, 3}, {8, 8, 2}, {9, 3, 3}, {12, 8, 2}};

START_TEST(keys_and_values_are_as_the_schema_says)
{
	static const uint8_t key[] = {0, 0, 0, 0, 0, 0, 0, 9, 1, 2, 3, 4},
			     value[] = {4, 3, 2, 1, 2, 0, 0, 0};
	struct vt_link link = {0x01020304, 0x01020304, 2};
	uint8_t got_key[VT_LINK_KEY_LEN], got_value[VT_LINK_VALUE_LEN];

	vt_link_key(9, link.position, got_key);
	vt_link_value(&link, got_value);
	ck_assert_mem_eq(got_key, key, sizeof key);
	ck_assert_mem_eq(got_value, value, sizeof value);
}
END_TEST

START_TEST(a_row_is_found_by_table_and_position)
{
	struct vt_store store = {0};
	uint8_t key[VT_LINK_KEY_LEN], value[VT_LINK_VALUE_LEN];
	struct vt_link link = {0};

	vt_link_key(2, 5, key);
	vt_link_value(&rows[1], value);
	fake_put(&store, VT_CF_LINK, key, sizeof key, value, sizeof value);
	ck_assert_int_eq(vt_link_find(&store, 2, 5, true, &link, NULL), 0);
	ck_assert_uint_eq(link.position, 5);
	ck_assert_uint_eq(link.primary, 3);
	ck_assert_uint_eq(link.count, 3);
	ck_assert_int_eq(vt_link_find(&store, 2, 6, true, &link, NULL), -ENOENT);
	ck_assert_int_eq(vt_link_find(&store, 3, 5, true, &link, NULL), -ENOENT);
	store.no_disk = true;
	ck_assert_int_eq(vt_link_find(&store, 2, 5, true, &link, NULL), -EAGAIN);
	ck_assert_int_eq(vt_link_find(&store, 2, 5, false, &link, NULL), 0);
	ck_assert_uint_eq(store.pinned, 0);
}
END_TEST

START_TEST(a_damaged_row_is_refused)
{
	static const struct {
		uint8_t bytes[9];
		size_t len;
	} bad[] = {
		{{0}, 0},
		{{3, 0, 0, 0, 2, 0, 0}, 7},
		{{3, 0, 0, 0, 2, 0, 0, 0, 0}, 9},
		{{3, 0, 0, 0, 1, 0, 0, 0}, 8}, /* a group of one */
		{{6, 0, 0, 0, 2, 0, 0, 0}, 8}, /* a primary behind its position */
	};
	struct vt_store store = {0};
	uint8_t key[VT_LINK_KEY_LEN];
	struct vt_link link;

	vt_link_key(1, 5, key);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		store.count = 0;
		fake_put(&store, VT_CF_LINK, key, sizeof key, bad[i].bytes, bad[i].len);
		ck_assert_int_eq(vt_link_find(&store, 1, 5, false, &link, NULL), -EBADMSG);
	}
	ck_assert_uint_eq(store.pinned, 0);
}
END_TEST

START_TEST(the_digest_is_of_positions_and_primaries)
{
	static const uint8_t bytes[] = {3, 0, 0, 0, 3,  0, 0, 0, 5, 0, 0, 0, 3, 0,
					0, 0, 8, 0, 0,  0, 8, 0, 0, 0, 9, 0, 0, 0,
					3, 0, 0, 0, 12, 0, 0, 0, 8, 0, 0, 0};
	struct vt_link_hasher *hasher;
	struct vt_digest digest, expected;

	ck_assert_int_eq(vt_link_hasher_new(&hasher, NULL), 0);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		ck_assert_int_eq(vt_link_hasher_add(hasher, &rows[i], NULL), 0);
	vt_link_hasher_final(hasher, &digest);
	vt_link_hasher_free(hasher);
	vt_digest_tagged("vitrine links v1", bytes, sizeof bytes, &expected);
	ck_assert(vt_digest_equal(&digest, &expected));
}
END_TEST

START_TEST(no_rows_have_no_digest)
{
	struct vt_link_hasher *hasher;
	struct vt_digest digest;

	ck_assert_int_eq(vt_link_hasher_new(&hasher, NULL), 0);
	vt_link_hasher_final(hasher, &digest);
	ck_assert(vt_digest_is_zero(&digest));
	vt_link_hasher_free(hasher);
}
END_TEST

START_TEST(rows_out_of_order_are_refused)
{
	static const struct vt_link last = {UINT32_MAX, 0, 2};
	struct vt_link_hasher *hasher;

	ck_assert_int_eq(vt_link_hasher_new(&hasher, NULL), 0);
	ck_assert_int_eq(vt_link_hasher_add(hasher, &rows[2], NULL), 0);
	ck_assert_int_eq(vt_link_hasher_add(hasher, &rows[2], NULL), -EINVAL);
	ck_assert_int_eq(vt_link_hasher_add(hasher, &rows[1], NULL), -EINVAL);
	ck_assert_int_eq(vt_link_hasher_add(hasher, &last, NULL), 0);
	ck_assert_int_eq(vt_link_hasher_add(hasher, &rows[0], NULL), -EINVAL);
	vt_link_hasher_free(hasher);
}
END_TEST

VT_SUITE(link, keys_and_values_are_as_the_schema_says, a_row_is_found_by_table_and_position,
	 a_damaged_row_is_refused, the_digest_is_of_positions_and_primaries, no_rows_have_no_digest,
	 rows_out_of_order_are_refused)
