/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What writers of labels share. Thread-safe. */
#include "index/label.h"

struct vt_buf;

bool vt_label_is_utf8(struct vt_label_text text);
void vt_label_put_hex(struct vt_buf *out, struct vt_label_text bytes);
