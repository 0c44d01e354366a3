/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A label and the file that it is of: what readers give and writers take. Plain values. */
#include "index/label.h"

struct vt_label_row {
	struct vt_label_text path; /* any bytes that vt_label_path_check() lets pass */
	struct vt_label label;
};
