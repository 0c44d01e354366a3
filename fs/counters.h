/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the mounts of a server do, counted from its start: requests by kind, errors, how long
 * answers took, what was read, by whom and of which dataset. What the cache does is counted by its
 * parts (index/base/lru.h, frame_cache.h).
 *
 * Counting takes no lock, and writes cache lines that few threads share
 * (index/base/stripe.h): tests/bench/bench_counters.c says what a request costs. Thread-safe.
 */
#include <stdint.h>

struct vt_counters;
struct vt_usage;

struct vt_counters *vt_counters_new(void); /* NULL when memory is short */
void vt_counters_free(struct vt_counters *counters);

/* Kinds of requests that take about as long as each other. */
enum vt_op_class {
	VT_OP_LOOKUP, /* and getattr */
	VT_OP_OPEN,   /* and opendir */
	VT_OP_READ,
	VT_OP_READDIR, /* and readdirplus */
	VT_OP_XATTR,   /* and their lists */
	VT_OP_OTHER,
	VT_OP_CLASSES
};
const char *vt_op_class_name(enum vt_op_class op_class);

#define VT_COUNTERS_OPCODES 64u  /* of FUSE; those above are counted as 0 */
#define VT_COUNTERS_ERRORS  134u /* of errno; likewise */
#define VT_LATENCY_BOUNDS   26u  /* the last is above VT_REQUEST_DEADLINE_NS */

/* ---- counting -------------------------------------------------------------------------------- */

/* A message of the kernel, of whatever kind. */
void vt_count_message(struct vt_counters *counters, uint32_t opcode);
/* It was answered with this errno (positive). */
void vt_count_error(struct vt_counters *counters, int code);
/* A request of a reader, from its arrival to its answer. */
void vt_count_answer(struct vt_counters *counters, enum vt_op_class op_class, uint32_t uid,
		     uint64_t took_ns);
/* A file was opened; bytes of one were read. `dataset` 0: none, it is a text about the mount. */
void vt_count_open(struct vt_counters *counters, uint32_t uid, uint32_t dataset);
void vt_count_read(struct vt_counters *counters, uint32_t uid, uint32_t dataset, uint64_t bytes);

/* ---- reading --------------------------------------------------------------------------------- */

struct vt_latency {
	uint64_t sum_ns;
	uint64_t within[VT_LATENCY_BOUNDS]; /* above the bound before, up to this one */
	uint64_t beyond;
};
/* The bounds, in µs: 1, 2, 4, ... */
static inline uint64_t vt_latency_bound_us(unsigned i)
{
	return 1ull << i;
}

struct vt_counted {
	uint64_t messages[VT_COUNTERS_OPCODES], errors[VT_COUNTERS_ERRORS];
	struct vt_latency latency[VT_OP_CLASSES];
	uint64_t opens, bytes;
};
void vt_counters_sum(const struct vt_counters *counters, struct vt_counted *out);

/* By uid, and by id of dataset (in that one no requests are counted). Borrowed. */
const struct vt_usage *vt_counters_readers(const struct vt_counters *counters);
const struct vt_usage *vt_counters_datasets(const struct vt_counters *counters);

uint64_t vt_counters_age_ns(const struct vt_counters *counters);

/* "lookup"; NULL for what has no name here. */
const char *vt_opcode_name(uint32_t opcode);
