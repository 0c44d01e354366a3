/* SPDX-License-Identifier: Apache-2.0 */
/* See named.h. */
#include "policy/named.h"

#include <errno.h>
#include <stdlib.h>

#include "index/base/array.h"

void vt_ids_done(struct vt_ids *ids)
{
	free(ids->ids);
	*ids = (struct vt_ids){0};
}

int vt_ids_add(struct vt_ids *ids, uint32_t id)
{
	if (vt_array_reserve(ids->ids, ids->cap, ids->count + 1) < 0)
		return -ENOMEM;
	ids->ids[ids->count++] = id;
	return 0;
}

static int compare_ids(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *) a, y = *(const uint32_t *) b;

	return (x > y) - (x < y);
}

void vt_ids_sort(struct vt_ids *ids)
{
	size_t kept = 0;

	if (ids->count)
		qsort(ids->ids, ids->count, sizeof *ids->ids, compare_ids);
	for (size_t i = 0; i < ids->count; i++)
		if (i == 0 || ids->ids[i] != ids->ids[kept - 1])
			ids->ids[kept++] = ids->ids[i];
	ids->count = kept;
}

static int add_partner(const struct vt_policy *policy, uint32_t id, struct vt_ids *users)
{
	for (size_t i = 0; i < policy->partner_count; i++) {
		const struct vt_partner *partner = &policy->partners[i];

		for (size_t m = 0; partner->id == id && m < partner->member_count; m++)
			if (vt_ids_add(users, partner->members[m].uid) < 0)
				return -ENOMEM;
	}
	return 0;
}

static int add_principal(const struct vt_policy *policy, const struct vt_principal *who,
			 struct vt_ids *users, struct vt_ids *groups)
{
	switch (who->kind) {
	case VT_PRINCIPAL_USER:
		return vt_ids_add(users, who->id);
	case VT_PRINCIPAL_OSGROUP:
		return vt_ids_add(groups, who->id);
	case VT_PRINCIPAL_PARTNER:
		return add_partner(policy, who->id, users);
	case VT_PRINCIPAL_ANYONE:
		break;
	}
	return 0;
}

int vt_policy_named(const struct vt_policy *policy, struct vt_ids *users, struct vt_ids *groups)
{
	int r = 0;

	for (size_t i = 0; i < policy->rule_count && r == 0; i++)
		r = add_principal(policy, &policy->rules[i].who, users, groups);
	for (size_t i = 0; i < policy->lease_count && r == 0; i++)
		r = add_principal(policy, &policy->leases[i].holder, users, groups);
	vt_ids_sort(users);
	vt_ids_sort(groups);
	return r;
}
