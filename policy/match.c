/* SPDX-License-Identifier: Apache-2.0 */
/* See match.h and evaluate.h: whom a principal names. */
#include "policy/match.h"

#include <string.h>

static bool has_group(const struct vt_asker *who, uint32_t gid)
{
	for (size_t i = 0; i < who->group_count; i++)
		if (who->groups[i] == gid)
			return true;
	return false;
}

/* What was given to a name that the uid no longer has, is not given to the uid. */
bool vt_name_is_still(const struct vt_policy *policy, uint32_t uid, const char *name)
{
	const struct vt_member *pin = vt_member_find(policy->pins, policy->pin_count, uid);

	return !pin || strcmp(pin->name, name) == 0;
}

static bool is_member(const struct vt_policy *policy, const struct vt_partner *partner,
		      uint32_t uid, enum vt_naming naming)
{
	const struct vt_member *member =
		partner ? vt_member_find(partner->members, partner->member_count, uid) : NULL;

	return member && (naming == VT_TO_TAKE || vt_name_is_still(policy, uid, member->name));
}

bool vt_principal_names(const struct vt_policy *policy, const struct vt_principal *principal,
			const struct vt_asker *who, enum vt_naming naming, uint64_t *end_ns)
{
	const struct vt_partner *partner;

	switch (principal->kind) {
	case VT_PRINCIPAL_USER:
		return principal->id == who->uid &&
		       (naming == VT_TO_TAKE ||
			vt_name_is_still(policy, who->uid, principal->name));
	case VT_PRINCIPAL_OSGROUP:
		return has_group(who, principal->id);
	case VT_PRINCIPAL_PARTNER:
		partner = vt_policy_partner(policy, principal->id);
		if (!is_member(policy, partner, who->uid, naming))
			return false;
		if (partner->until_ns < *end_ns)
			*end_ns = partner->until_ns;
		return true;
	case VT_PRINCIPAL_ANYONE:
		return true;
	}
	return false;
}

bool vt_principal_is_known(enum vt_principal_kind kind)
{
	return kind >= VT_PRINCIPAL_USER && kind <= VT_PRINCIPAL_ANYONE;
}

bool vt_principal_is(const struct vt_policy *policy, const struct vt_principal *principal,
		     const struct vt_asker *who, struct vt_instant now)
{
	uint64_t end_ns = VT_TIME_NEVER;

	return !who->stale && vt_principal_names(policy, principal, who, VT_TO_GIVE, &end_ns) &&
	       (end_ns == VT_TIME_NEVER || now.hi_ns < end_ns);
}
