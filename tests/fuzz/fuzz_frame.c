/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a frame: refused, or decoded to as many bytes as it said, without fault. */
#include "fs/codec.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct vt_decoder *decoder;
	struct vt_frame_facts facts;
	uint8_t *out;

	if (!decoder && vt_decoder_new(&decoder, NULL) < 0)
		abort();
	if (vt_frame_inspect(data, size, &facts, NULL) < 0)
		return 0;
	if (facts.content_size == 0 || facts.content_size > VT_FRAME_MAX)
		abort();
	out = malloc(facts.content_size); /* exactly, so that a sanitizer sees every write beyond */
	(void) vt_decode(decoder, NULL, data, size, out, facts.content_size, NULL);
	free(out);
	return 0;
}
