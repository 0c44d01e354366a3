/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Book, clock and people as a test sets them: linked in place of the real ones, which are in a
 * library and so stay out. For one program; the counters are of all threads.
 */
#include <stdatomic.h>

#include "index/base/clock.h"
#include "policy/book.h"
#include "policy/instant.h"
#include "policy/people.h"

static const struct vt_policy *facts_policy;
static struct vt_instant facts_now;
static struct vt_person facts_people[8];
static size_t facts_people_count;
static atomic_uint facts_asked;   /* how often a policy was looked at */
static bool facts_people_unknown; /* the user database has to be asked */
static atomic_int facts_references;

const struct vt_policy *vt_book_policy(struct vt_book *book)
{
	atomic_fetch_add(&facts_asked, 1);
	atomic_fetch_add(&facts_references, 1);
	return facts_policy;
}

void vt_policy_unref(const struct vt_policy *policy)
{
	if (policy)
		atomic_fetch_sub(&facts_references, 1);
}

uint64_t vt_book_revision(struct vt_book *book)
{
	return facts_policy->revision;
}

struct vt_instant vt_timekeeper_now(struct vt_timekeeper *keeper)
{
	return facts_now;
}

int vt_people_get(struct vt_people *people, uint32_t uid, bool nowait, const struct vt_person **out)
{
	if (facts_people_unknown && nowait)
		return -EAGAIN;
	for (size_t i = 0; i < facts_people_count; i++)
		if (facts_people[i].uid == uid) {
			atomic_fetch_add(&facts_references, 1);
			*out = &facts_people[i];
			return 0;
		}
	return -ENOMEM;
}

void vt_person_unref(const struct vt_person *person)
{
	if (person)
		atomic_fetch_sub(&facts_references, 1);
}

static inline struct vt_person *facts_person(uint32_t uid, const char *name)
{
	struct vt_person *person = &facts_people[facts_people_count++];

	*person = (struct vt_person){.uid = uid, .name = name, .asked_ns = vt_clock_monotonic_ns()};
	return person;
}
