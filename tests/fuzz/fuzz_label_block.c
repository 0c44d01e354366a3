/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a block of labels: refused, or read without fault and, unless one of the regions is
 * no JSON, written again as the same bytes. The first four bytes are the number of labels.
 */
#include <errno.h>
#include <string.h>

#include "index/base/cleanup.h"
#include "index/label_block.h"
#include "tests/fuzz/fuzz.h"

/* Whether a region is JSON is looked at where it is written, not where it is read. */
static bool may_be_written(const struct vt_label *rows, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (vt_label_check(&rows[i], NULL) < 0)
			return false;
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vt_reader input = vt_reader_over(data, size);
	uint32_t count = vt_reader_le32(&input);
	struct vt_label_block_reader reader =
		vt_label_block_reader_over(input.at, vt_reader_left(&input));
	vt_cleanup(vt_buf_done) struct vt_buf again = VT_BUF_INIT;
	vt_autofree struct vt_label *rows = NULL;
	size_t seen = 0, len = vt_reader_left(&input);

	if (vt_label_block_problem(input.at, len, count))
		return 0;
	rows = calloc(count, sizeof *rows);
	while (rows && vt_label_block_next(&reader, &rows[seen]))
		must(++seen <= count);
	must(seen == count);
	(void) vt_label_effective(rows, seen, NULL);
	if (!may_be_written(rows, seen)) {
		must(vt_label_block_encode(rows, &seen, &again, NULL) == -EINVAL);
		return 0;
	}
	must(vt_label_block_encode(rows, &seen, &again, NULL) == 0);
	must(seen == count && again.len == len && memcmp(again.data, input.at, len) == 0);
	return 0;
}
