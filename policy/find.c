/* SPDX-License-Identifier: Apache-2.0 */
/* See evaluate.h: what a policy holds, by id or name. */
#include "policy/evaluate.h"

#include <string.h>

const struct vt_rule *vt_policy_rule(const struct vt_policy *policy, uint64_t id)
{
	for (size_t i = 0; i < policy->rule_count; i++)
		if (policy->rules[i].id == id)
			return &policy->rules[i];
	return NULL;
}

const struct vt_lease *vt_policy_lease(const struct vt_policy *policy, uint64_t id)
{
	for (size_t i = 0; i < policy->lease_count; i++)
		if (policy->leases[i].id == id)
			return &policy->leases[i];
	return NULL;
}

const struct vt_partner *vt_policy_partner(const struct vt_policy *policy, uint32_t id)
{
	for (size_t i = 0; i < policy->partner_count; i++)
		if (policy->partners[i].id == id)
			return &policy->partners[i];
	return NULL;
}

const struct vt_partner *vt_policy_partner_named(const struct vt_policy *policy, const char *name)
{
	for (size_t i = 0; i < policy->partner_count; i++)
		if (strcmp(policy->partners[i].name, name) == 0)
			return &policy->partners[i];
	return NULL;
}

const struct vt_member *vt_member_find(const struct vt_member *members, size_t count, uint32_t uid)
{
	size_t low = 0;

	while (count) {
		size_t half = count / 2;

		if (members[low + half].uid < uid) {
			low += half + 1;
			count -= half + 1;
		} else if (members[low + half].uid > uid) {
			count = half;
		} else {
			return &members[low + half];
		}
	}
	return NULL;
}
