/* SPDX-License-Identifier: Apache-2.0 */
/* See counters.h. */
#include "fs/counters.h"

#include <linux/fuse.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#include "fs/usage.h"
#include "index/base/clock.h"
#include "index/base/stripe.h"

struct latency {
	_Atomic uint64_t sum_ns, buckets[VT_LATENCY_BOUNDS + 1];
};

struct stripe {
	alignas(VT_STRIPE_APART) _Atomic uint64_t messages[VT_COUNTERS_OPCODES];
	_Atomic uint64_t errors[VT_COUNTERS_ERRORS];
	struct latency latency[VT_OP_CLASSES];
	_Atomic uint64_t opens, bytes;
};

struct vt_counters {
	struct stripe stripes[VT_STRIPES];
	struct vt_usage *readers, *datasets; /* constant, as the next */
	uint64_t since_ns;
};

struct vt_counters *vt_counters_new(void)
{
	struct vt_counters *counters = aligned_alloc(VT_STRIPE_APART, sizeof *counters);

	if (!counters)
		return NULL;
	memset(counters, 0, sizeof *counters);
	counters->since_ns = vt_clock_monotonic_ns();
	counters->readers = vt_usage_new();
	counters->datasets = vt_usage_new();
	if (!counters->readers || !counters->datasets) {
		vt_counters_free(counters);
		return NULL;
	}
	return counters;
}

void vt_counters_free(struct vt_counters *counters)
{
	if (!counters)
		return;
	vt_usage_free(counters->readers);
	vt_usage_free(counters->datasets);
	free(counters);
}

/* ---- counting -------------------------------------------------------------------------------- */

static struct stripe *own_stripe(struct vt_counters *counters)
{
	return &counters->stripes[vt_stripe()];
}

void vt_count_message(struct vt_counters *counters, uint32_t opcode)
{
	vt_stripe_add(&own_stripe(counters)->messages[opcode < VT_COUNTERS_OPCODES ? opcode : 0],
		      1);
}

void vt_count_error(struct vt_counters *counters, int code)
{
	unsigned known = code > 0 && code < (int) VT_COUNTERS_ERRORS ? (unsigned) code : 0;

	vt_stripe_add(&own_stripe(counters)->errors[known], 1);
}

/* The first bound that is not below: a whole µs and 1 ns is above 1 µs. */
static unsigned bucket_of(uint64_t ns)
{
	uint64_t us = (ns + 999) / 1000;
	unsigned bucket = us <= 1 ? 0 : 64u - (unsigned) __builtin_clzll(us - 1);

	return bucket < VT_LATENCY_BOUNDS ? bucket : VT_LATENCY_BOUNDS;
}

void vt_count_answer(struct vt_counters *counters, enum vt_op_class op_class, uint32_t uid,
		     uint64_t took_ns)
{
	struct latency *latency = &own_stripe(counters)->latency[op_class];

	vt_stripe_add(&latency->buckets[bucket_of(took_ns)], 1);
	vt_stripe_add(&latency->sum_ns, took_ns);
	vt_usage_add(counters->readers, uid, VT_USAGE_REQUESTS, 1);
}

void vt_count_open(struct vt_counters *counters, uint32_t uid, uint32_t dataset)
{
	vt_stripe_add(&own_stripe(counters)->opens, 1);
	vt_usage_add(counters->readers, uid, VT_USAGE_OPENS, 1);
	if (dataset)
		vt_usage_add(counters->datasets, dataset, VT_USAGE_OPENS, 1);
}

void vt_count_read(struct vt_counters *counters, uint32_t uid, uint32_t dataset, uint64_t bytes)
{
	vt_stripe_add(&own_stripe(counters)->bytes, bytes);
	vt_usage_add(counters->readers, uid, VT_USAGE_BYTES, bytes);
	if (dataset)
		vt_usage_add(counters->datasets, dataset, VT_USAGE_BYTES, bytes);
}

/* ---- reading --------------------------------------------------------------------------------- */

static void add_latency(const struct latency *latency, struct vt_latency *out)
{
	out->sum_ns += vt_stripe_read(&latency->sum_ns);
	for (unsigned i = 0; i < VT_LATENCY_BOUNDS; i++)
		out->within[i] += vt_stripe_read(&latency->buckets[i]);
	out->beyond += vt_stripe_read(&latency->buckets[VT_LATENCY_BOUNDS]);
}

void vt_counters_sum(const struct vt_counters *counters, struct vt_counted *out)
{
	*out = (struct vt_counted){0};
	for (unsigned i = 0; i < VT_STRIPES; i++) {
		const struct stripe *stripe = &counters->stripes[i];

		for (unsigned code = 0; code < VT_COUNTERS_OPCODES; code++)
			out->messages[code] += vt_stripe_read(&stripe->messages[code]);
		for (unsigned code = 0; code < VT_COUNTERS_ERRORS; code++)
			out->errors[code] += vt_stripe_read(&stripe->errors[code]);
		for (unsigned c = 0; c < VT_OP_CLASSES; c++)
			add_latency(&stripe->latency[c], &out->latency[c]);
		out->opens += vt_stripe_read(&stripe->opens);
		out->bytes += vt_stripe_read(&stripe->bytes);
	}
}

const struct vt_usage *vt_counters_readers(const struct vt_counters *counters)
{
	return counters->readers;
}

const struct vt_usage *vt_counters_datasets(const struct vt_counters *counters)
{
	return counters->datasets;
}

uint64_t vt_counters_age_ns(const struct vt_counters *counters)
{
	return vt_clock_monotonic_ns() - counters->since_ns;
}

/* ---- names ----------------------------------------------------------------------------------- */

const char *vt_op_class_name(enum vt_op_class op_class)
{
	static const char *const names[VT_OP_CLASSES] = {
		[VT_OP_LOOKUP] = "lookup",   [VT_OP_OPEN] = "open",   [VT_OP_READ] = "read",
		[VT_OP_READDIR] = "readdir", [VT_OP_XATTR] = "xattr", [VT_OP_OTHER] = "other"};

	return names[op_class];
}

/* What a read-only mount is asked; the rest is refused by libfuse, and shown as one. */
const char *vt_opcode_name(uint32_t opcode)
{
	static const char *const names[VT_COUNTERS_OPCODES] = {
		[FUSE_LOOKUP] = "lookup",
		[FUSE_FORGET] = "forget",
		[FUSE_GETATTR] = "getattr",
		[FUSE_READLINK] = "readlink",
		[FUSE_OPEN] = "open",
		[FUSE_READ] = "read",
		[FUSE_STATFS] = "statfs",
		[FUSE_RELEASE] = "release",
		[FUSE_GETXATTR] = "getxattr",
		[FUSE_LISTXATTR] = "listxattr",
		[FUSE_FLUSH] = "flush",
		[FUSE_INIT] = "init",
		[FUSE_OPENDIR] = "opendir",
		[FUSE_READDIR] = "readdir",
		[FUSE_RELEASEDIR] = "releasedir",
		[FUSE_ACCESS] = "access",
		[FUSE_INTERRUPT] = "interrupt",
		[FUSE_DESTROY] = "destroy",
		[FUSE_BATCH_FORGET] = "batch_forget",
		[FUSE_READDIRPLUS] = "readdirplus",
		[FUSE_LSEEK] = "lseek",
	};

	return opcode < VT_COUNTERS_OPCODES ? names[opcode] : NULL;
}
