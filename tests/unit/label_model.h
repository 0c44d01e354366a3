/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What the tests of labels share: random ones. */
#include "index/label_block.h"
#include "tests/unit/plain_label.h"
#include "tests/unit/tree_model.h"

/* Of few values each, so that equal and nearly equal labels are common. */
static inline struct vt_label random_label(struct rng *rng)
{
	static const char *const keys[] = {"a", "ab", "b", "colour-2"};
	static const char *const words[] = {"", "cat", "c\xc3\xa4t\n", "caterpillar"};
	static const char *const people[] = {"alice", "bob", "al", "\xe2\x82\xac"};
	struct vt_label label = label_of(keys[rng_below(rng, 4)], words[rng_below(rng, 4)],
					 people[rng_below(rng, 4)]);

	label.source = 1 + rng_below(rng, 4);
	label.review = 1 + rng_below(rng, 5);
	label.time_ns = (int64_t) rng_below(rng, 4) - 2;
	label.type = 1 + rng_below(rng, 3);
	if (label.type == VT_LABEL_NUMBER)
		label.value.number = (double) rng_below(rng, 5) - 2.5;
	else if (label.type == VT_LABEL_BOOLEAN)
		label.value.boolean = rng_below(rng, 2);
	label.has_confidence = rng_below(rng, 2);
	label.confidence = label.has_confidence ? rng_below(rng, 3) / 2.0 : 0;
	label.tool = text_of(rng_below(rng, 2) ? "" : "tool 1");
	label.parent = rng_below(rng, 3);
	label.region = text_of(rng_below(rng, 2) ? "" : "{\"box\": [1,\t2]}");
	return label;
}

static inline bool same_label(const struct vt_label *a, const struct vt_label *b)
{
	return vt_label_compare(a, b) == 0;
}
