/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * How often each of some byte strings occurs: a hash table that keeps the first `max` distinct ones
 * and counts the rest together. Tables share a budget of bytes, so that all of them together are
 * bounded whatever is counted. What is kept depends only on the order of calls.
 *
 * Not thread-safe.
 */
#include <stddef.h>
#include <stdint.h>

struct vt_error;

struct vt_tally_item {
	uint64_t hash, count, bytes; /* `bytes` is the caller's to sum up */
	uint32_t id;                 /* 0, 1, 2, … as they came */
	uint32_t len;
	char text[];
};

struct vt_tally {
	struct vt_tally_item **items; /* by id */
	size_t count, max;
	uint32_t *slots; /* id + 1; 0: free. A power of two of them */
	size_t slot_count;
	size_t *budget;
	uint64_t seed;
	uint64_t other_count, other_bytes; /* of strings that found no room: the caller's */
};

/* `budget` outlives the tally. `max` is below 2^31. */
void vt_tally_init(struct vt_tally *tally, size_t max, size_t *budget);
void vt_tally_done(struct vt_tally *tally);

/*
 * The item of a string, new with a count of 0. `*out` is NULL when there is no room for another; it
 * is borrowed until vt_tally_done(). -ENOMEM.
 */
int vt_tally_item(struct vt_tally *tally, const void *text, size_t len, struct vt_tally_item **out,
		  struct vt_error *err);
/* NULL: it is not kept. */
struct vt_tally_item *vt_tally_find(const struct vt_tally *tally, const void *text, size_t len);

/* Adds one to the count of a string, or of the others, and `bytes` to its bytes. -ENOMEM. */
int vt_tally_add(struct vt_tally *tally, const void *text, size_t len, uint64_t bytes,
		 struct vt_error *err);

/*
 * The items with a count, most frequent first, equally frequent ones by their bytes: an array of
 * `*count`, to be freed. -ENOMEM.
 */
int vt_tally_sorted(const struct vt_tally *tally, const struct vt_tally_item ***out, size_t *count,
		    struct vt_error *err);
