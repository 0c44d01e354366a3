/* SPDX-License-Identifier: Apache-2.0 */
/* Pieces become frames, all of them, or the lack of memory is said. */
#include "index/base/error.h"
#include "tests/unit/failing_malloc.h"
#include "tests/unit/suite.h"
#include "tools/publish/framer.h"

/* With that allocation failing. 1 when it was reached. */
static int encode_without(long nth, struct vt_piece *pieces, size_t count)
{
	static const struct vt_compression compression = {VT_CODEC_ZSTD, 3};
	struct vt_framer *framer;
	struct vt_error err;
	int failed, r;

	ck_assert_int_eq(vt_framer_new(&compression, &framer, &err), 0);
	allocations_left = nth;
	r = vt_framer_encode(framer, NULL, pieces, count, &err);
	failed = stop_failing();
	ck_assert_int_eq(r, failed ? -ENOMEM : 0);
	vt_framer_free(framer);
	return failed;
}

/* The first of a pack, too: such a piece would have no place, and others wait for one. */
START_TEST(no_piece_is_left_out_for_want_of_memory)
{
	static const uint8_t tiny[100] = "tiny", large[100000] = "large";
	struct vt_piece pieces[] = {
		{.data = tiny, .length = sizeof tiny, .small = true, .state = VT_PIECE_MINE},
		{.data = large, .length = sizeof large, .state = VT_PIECE_MINE},
		{.data = tiny, .length = 50, .small = true, .state = VT_PIECE_MINE},
	};
	long nth = 0;

	while (encode_without(nth, pieces, sizeof pieces / sizeof *pieces))
		nth++;
	ck_assert_int_gt(nth, 1);
}
END_TEST

VT_SUITE(framer, no_piece_is_left_out_for_want_of_memory)
