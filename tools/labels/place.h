/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Paths as other programs write them, made those of a version. */
#include "index/label.h"

struct vt_error;
struct vt_label_options;
struct vt_texts;

/*
 * What is behind "/data/local-files/?d=" (Label Studio), its %XX decoded; without the options'
 * path_strip, which it must begin with (-EINVAL); behind their path_prefix. `out` is in `texts`.
 */
int vt_place_path(const struct vt_label_options *options, struct vt_texts *texts,
		  struct vt_label_text written, struct vt_label_text *out, struct vt_error *err);
