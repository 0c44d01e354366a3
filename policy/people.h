/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The user database (getpwnam and its kin), which may be a network away: answers are remembered for
 * 30 s, and whoever must not wait says so. A lookup that fails (not: finds nothing) leaves the
 * older answer for those 30 s; after them groups count as none.
 *
 * Thread-safe.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "index/base/cleanup.h"

struct vt_error;
struct vt_people;

#define VT_PERSON_KEPT_NS (30ull * 1000000000)

int vt_people_new(struct vt_people **out, struct vt_error *err);
void vt_people_free(struct vt_people *people);
VT_DEFINE_CLEANUP(struct vt_people, vt_people_free);

/* An answer, immutable and counted. */
struct vt_person {
	uint32_t uid;
	const char *name;       /* "" when the uid has none */
	const uint32_t *groups; /* ascending */
	size_t group_count;
	uint64_t asked_ns; /* CLOCK_MONOTONIC */
};
/* A reference. -EAGAIN: `nowait`, and it would have to be asked. -ENOMEM. */
int vt_people_get(struct vt_people *people, uint32_t uid, bool nowait,
		  const struct vt_person **out);
void vt_person_unref(const struct vt_person *person);
VT_DEFINE_CLEANUP(const struct vt_person, vt_person_unref);

/* How often an answer was another than the one before it: a name or a group came or went. */
uint64_t vt_people_changes(const struct vt_people *people);

/* Without the memory: asks now. 0 also when there is no such user (`name` ""); -errno: it failed.
 */
int vt_people_ask(uint32_t uid, const struct vt_person **out);

/* By name, not remembered. -ENOENT with a sentence. */
int vt_people_uid_of(const char *name, uint32_t *uid, struct vt_error *err);
int vt_people_gid_of(const char *group, uint32_t *gid, struct vt_error *err);
/* The name of a uid into `out` ("uid N" when it has none). */
void vt_people_name_of(uint32_t uid, char *out, size_t size);

/* For tests: answers come from these instead of the system's database; NULL gives it back. */
struct vt_people_source {
	/* `*count`: room, then how many; -ERANGE: too little room; -ENOENT: no such user. */
	int (*person)(uint32_t uid, char *name, size_t size, uint32_t *groups, size_t *count);
	int (*uid)(const char *name, uint32_t *uid);
	int (*gid)(const char *group, uint32_t *gid);
};
void vt_people_set_source(const struct vt_people_source *source);
