/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Dividing the files of a version into parts, by shares, always in the same way: which part a file
 * is in follows from a seed and its content alone, so that equal contents are never in two parts.
 *
 * The *place* of a content is XXH64 of the first 16 bytes of its id, with the seed. Without a key,
 * a file is in the first part for which
 *
 *     (place >> 32) * 1,000,000 >> 32  <  the shares up to and with this part, in millionths
 *
 * so shares hold about, and a file stays where it is whatever other files there are.
 *
 * By a key, they hold within the files of each value in force of it, and those without one: of n
 * such files, by place, the one of rank r (from 0) is in the first part with
 *
 *     r  <  (n * the shares up to and with this part + 500,000) / 1,000,000
 *
 * rounded down: a part ends at the nearest whole file, halves upwards. Files of one content go
 * where the first of them in this order goes, and count for the value of the first in walk order.
 */
#include "index/file_labels.h"

struct vt_error;

#define VT_SPLIT_PARTS_MAX  16u
#define VT_SPLIT_NAME_MAX   100u
#define VT_SPLIT_WHOLE      1000000u    /* millionths */
#define VT_SPLIT_VALUES_MAX 1000000u    /* of the key */
#define VT_SPLIT_MEMORY     (32u << 20) /* of each of two sorts by a key (content_sort.h) */

struct vt_split_part {
	char name[VT_SPLIT_NAME_MAX + 1]; /* [A-Za-z0-9._-], not beginning with '.' or '-' */
	uint32_t share, until;            /* millionths: its own, and with those before it */
};

struct vt_split {
	struct vt_split_part parts[VT_SPLIT_PARTS_MAX]; /* as written */
	size_t count;
	uint64_t seed;
	const char *by; /* a label's key, borrowed; NULL: none */
};

/*
 * "train=0.8,val=0.1,test=0.1": shares above 0, of at most six decimals, that make 1 together.
 * Fills parts and count. -EINVAL with a sentence.
 */
int vt_split_parse(const char *text, struct vt_split *out, struct vt_error *err);
/* A share as it is written shortest: "0.8". */
void vt_split_share(uint32_t share, char out[16]);

/*
 * One bitmap for each part, in the order written, the caller's to free; `files` NULL: all.
 * `scratch` is a folder for what finds no room in memory. -ECANCELED; -E2BIG: more than
 * VT_SPLIT_VALUES_MAX values; -EBADMSG.
 */
int vt_split_files(const struct vt_split *split, const struct vt_labelled_files *version,
		   const roaring_bitmap_t *files, const char *scratch,
		   const struct vt_cancel *cancel, roaring_bitmap_t *parts[VT_SPLIT_PARTS_MAX],
		   struct vt_error *err);
