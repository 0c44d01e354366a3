/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Labels at random, the same ones for the same seed; each is within vt_label_check(). */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/error.h"
#include "tools/labels/path.h"
#include "index/label_line.h"

struct random_row {
	struct vt_label_row row; /* texts lie in static memory, until the next */
};

static inline struct vt_label_text random_text(char *to, size_t parts, const char *const *pool,
					       size_t count)
{
	size_t len = 0;

	for (; parts > 0; parts--) {
		const char *part = pool[(size_t) lrand48() % count];

		memcpy(to + len, part, strlen(part));
		len += strlen(part);
	}
	return (struct vt_label_text){to, len};
}

#define RANDOM_TEXT(to, parts, pool) random_text(to, parts, pool, sizeof(pool) / sizeof *(pool))

static inline double random_number(void)
{
	double number;

	switch (lrand48() % 4) {
	case 0:
		return (double) (lrand48() % 2000 - 1000);
	case 1:
		return drand48();
	case 2:
		return ldexp((double) mrand48(), (int) (lrand48() % 60));
	default:
		do {
			uint64_t bits = (uint64_t) mrand48() << 32 ^ (uint64_t) mrand48();

			memcpy(&number, &bits, sizeof number);
		} while (!isfinite(number) || number == 0);
		return number;
	}
}

static inline void random_value(struct vt_label *label, char *to)
{
	static const char *const parts[] = {"a",   " ",  "\"", "\\",       ",",
					    "\n",  "\t", "=",  "+",        "-",
					    "@",   "'",  "7",  "\xc3\xa4", "\xf0\x9f\x98\x80",
					    "true"};

	label->type = VT_LABEL_TEXT + (unsigned) lrand48() % 3;
	if (label->type == VT_LABEL_TEXT)
		label->value.text = RANDOM_TEXT(to, (size_t) lrand48() % 6, parts);
	else if (label->type == VT_LABEL_NUMBER)
		label->value.number = random_number();
	else
		label->value.boolean = lrand48() % 2;
}

static inline struct random_row random_row(unsigned seed)
{
	static const char *const names[] = {"a",  "b.png", " ",  "\"",   "\xff", ",",
					    "\n", "\r",    "=x", "\x7f", "\x01", "\xc3\xa4"};
	static const char *const keys[] = {"k", "_", "Z"};
	static const char *const people[] = {"bob", " ", "\"", ",", "=1", "\xc3\xa4", "\\", "'"};
	static const char *const regions[] = {
		"", "7", "[1.50, 2]", "{\"a\":\t\"\\u00e4,\\\"\"}", "\"=1\"", "null"};
	static char texts[6][256];
	struct random_row out = {0};
	struct vt_label *label = &out.row.label;

	srand48(seed);
	out.row.path = RANDOM_TEXT(texts[0], 1 + (size_t) lrand48() % 5, names);
	label->key = RANDOM_TEXT(texts[1], 1 + (size_t) lrand48() % 5, keys);
	random_value(label, texts[2]);
	label->annotator = RANDOM_TEXT(texts[3], 1 + (size_t) lrand48() % 4, people);
	label->source = VT_LABEL_HUMAN + (unsigned) lrand48() % 4;
	label->review = VT_LABEL_DRAFT + (unsigned) lrand48() % 5;
	label->has_confidence = lrand48() % 2;
	label->confidence = label->has_confidence ? drand48() : 0;
	label->time_ns = (int64_t) ((uint64_t) mrand48() << 32 ^ (uint64_t) mrand48());
	if (lrand48() % 2)
		label->time_ns -= label->time_ns % 1000000000;
	label->tool = RANDOM_TEXT(texts[4], (size_t) lrand48() % 3, people);
	label->parent = lrand48() % 2 ? (uint64_t) lrand48() << 33 | 1 : 0;
	label->region = RANDOM_TEXT(texts[5], 1, regions);
	ck_assert_int_eq(vt_label_check(label, NULL), 0);
	ck_assert_int_eq(vt_label_path_check(out.row.path, NULL), 0);
	return out;
}
