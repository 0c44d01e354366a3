/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A plain way to write a label. */
#include <string.h>

#include "index/label.h"

static inline struct vt_label_text text_of(const char *text)
{
	return (struct vt_label_text){text, strlen(text)};
}

static inline struct vt_label label_of(const char *key, const char *value, const char *annotator)
{
	return (struct vt_label){.key = text_of(key),
				 .type = VT_LABEL_TEXT,
				 .value.text = text_of(value),
				 .annotator = text_of(annotator),
				 .source = VT_LABEL_HUMAN,
				 .review = VT_LABEL_SUBMITTED,
				 .time_ns = 1000};
}
