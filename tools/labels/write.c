/* SPDX-License-Identifier: Apache-2.0 */
/* See write.h. */
#include "tools/labels/write.h"

#include "index/base/buf.h"
#include "index/base/utf8.h"

bool vt_label_is_utf8(struct vt_label_text text)
{
	uint32_t code;

	for (size_t i = 0, step; i < text.len; i += step) {
		step = vt_utf8_decode(text.bytes + i, text.len - i, &code);
		if (step == 0)
			return false;
	}
	return true;
}

void vt_label_put_hex(struct vt_buf *out, struct vt_label_text bytes)
{
	for (size_t i = 0; i < bytes.len; i++)
		vt_buf_printf(out, "%02x", (uint8_t) bytes.bytes[i]);
}
