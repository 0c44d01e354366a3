/* SPDX-License-Identifier: Apache-2.0 */
/* The floor: bytes in, the same bytes out, and nothing past the end. */
#include "index/base/buf.h"
#include "index/base/cleanup.h"
#include "tests/unit/suite.h"

#include <string.h>

START_TEST(numbers_have_the_byte_order_they_say)
{
	static const uint8_t expected[] = {0x01, 0x03, 0x02, 0x07, 0x06, 0x05, 0x04, 0x0f, 0x0e,
					   0x0d, 0x0c, 0x0b, 0x0a, 0x09, 0x08, 0x04, 0x05, 0x06,
					   0x07, 0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f};
	vt_cleanup(vt_buf_done) struct vt_buf buf = VT_BUF_INIT;

	vt_buf_put_u8(&buf, 0x01);
	vt_buf_put_le16(&buf, 0x0203);
	vt_buf_put_le32(&buf, 0x04050607);
	vt_buf_put_le64(&buf, 0x08090a0b0c0d0e0f);
	vt_buf_put_be32(&buf, 0x04050607);
	vt_buf_put_be64(&buf, 0x08090a0b0c0d0e0f);
	ck_assert(!vt_buf_failed(&buf));
	ck_assert_uint_eq(buf.len, sizeof expected);
	ck_assert_mem_eq(buf.data, expected, sizeof expected);
}
END_TEST

START_TEST(what_is_written_is_read_back_unaligned)
{
	vt_cleanup(vt_buf_done) struct vt_buf buf = VT_BUF_INIT;
	struct vt_reader r;

	vt_buf_put_u8(&buf, 7); /* everything after it is unaligned */
	vt_buf_put_le16(&buf, 0xfedc);
	vt_buf_put_le32(&buf, 0xfedcba98);
	vt_buf_put_le64(&buf, 0xfedcba9876543210);
	vt_buf_put_be32(&buf, 0xfedcba98);
	vt_buf_put_be64(&buf, 0xfedcba9876543210);
	vt_buf_put(&buf, "tail", 4);

	r = vt_reader_over(buf.data, buf.len);
	ck_assert_uint_eq(vt_reader_u8(&r), 7);
	ck_assert_uint_eq(vt_reader_le16(&r), 0xfedc);
	ck_assert_uint_eq(vt_reader_le32(&r), 0xfedcba98);
	ck_assert_uint_eq(vt_reader_le64(&r), 0xfedcba9876543210);
	ck_assert_uint_eq(vt_reader_be32(&r), 0xfedcba98);
	ck_assert_uint_eq(vt_reader_be64(&r), 0xfedcba9876543210);
	ck_assert_mem_eq(vt_reader_get(&r, 4), "tail", 4);
	ck_assert_uint_eq(vt_reader_left(&r), 0);
	ck_assert(!r.failed);
}
END_TEST

START_TEST(a_read_past_the_end_gives_zeros_for_ever)
{
	static const uint8_t bytes[] = {1, 2, 3};
	struct vt_reader r = vt_reader_over(bytes, sizeof bytes);

	ck_assert_uint_eq(vt_reader_le32(&r), 0);
	ck_assert(r.failed);
	ck_assert_uint_eq(vt_reader_u8(&r), 0); /* three bytes are there, and are not given */
	ck_assert_ptr_null(vt_reader_get(&r, 1));
	ck_assert_ptr_null(vt_reader_get(&r, 0));
}
END_TEST

START_TEST(a_length_near_the_top_of_memory_does_not_wrap)
{
	static const uint8_t bytes[] = {1, 2, 3};
	struct vt_reader r = vt_reader_over(bytes, sizeof bytes);

	ck_assert_ptr_null(vt_reader_get(&r, SIZE_MAX));
	ck_assert(r.failed);
}
END_TEST

START_TEST(an_empty_range_reads_as_empty)
{
	struct vt_reader r = vt_reader_over("", 0);

	ck_assert_ptr_nonnull(vt_reader_get(&r, 0));
	ck_assert(!r.failed);
	ck_assert_uint_eq(vt_reader_u8(&r), 0);
	ck_assert(r.failed);
}
END_TEST

START_TEST(a_length_that_overflows_is_remembered_as_failure)
{
	vt_cleanup(vt_buf_done) struct vt_buf buf = VT_BUF_INIT;

	vt_buf_put(&buf, "abc", 3);
	ck_assert_ptr_null(vt_buf_grow(&buf, SIZE_MAX));
	ck_assert(vt_buf_failed(&buf));
	vt_buf_put(&buf, "d", 1);
	vt_buf_printf(&buf, "%d", 5);
	ck_assert_uint_eq(buf.len, 3); /* nothing is added behind a gap */

	vt_buf_reset(&buf);
	vt_buf_put(&buf, "d", 1);
	ck_assert(!vt_buf_failed(&buf));
	ck_assert_uint_eq(buf.len, 1);
}
END_TEST

START_TEST(printing_grows_and_leaves_the_nul_outside)
{
	vt_cleanup(vt_buf_done) struct vt_buf buf = VT_BUF_INIT;

	for (int i = 0; i < 1000; i++)
		vt_buf_printf(&buf, "%03d,", i);
	ck_assert_uint_eq(buf.len, 4000);
	ck_assert_mem_eq(buf.data, "000,001,", 8);
	ck_assert_mem_eq(buf.data + 3992, "998,999,", 8);
	ck_assert_uint_eq(buf.data[4000], 0); /* there all the same, for those who print it */
}
END_TEST

START_TEST(a_buffer_can_be_used_again_after_done)
{
	struct vt_buf buf = VT_BUF_INIT;

	vt_buf_put(&buf, NULL, 0);
	ck_assert_ptr_null(buf.data);
	vt_buf_put_u8(&buf, 1);
	vt_buf_done(&buf);
	ck_assert_uint_eq(buf.len, 0);
	vt_buf_put_u8(&buf, 2);
	ck_assert_uint_eq(buf.data[0], 2);
	vt_buf_done(&buf);
	vt_buf_done(&buf);
}
END_TEST

VT_SUITE(base_buf, numbers_have_the_byte_order_they_say, what_is_written_is_read_back_unaligned,
	 a_read_past_the_end_gives_zeros_for_ever, a_length_near_the_top_of_memory_does_not_wrap,
	 an_empty_range_reads_as_empty, a_length_that_overflows_is_remembered_as_failure,
	 printing_grows_and_leaves_the_nul_outside, a_buffer_can_be_used_again_after_done)
