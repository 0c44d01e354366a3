/* SPDX-License-Identifier: Apache-2.0 */
/* See gate.h: who holds what, until when, and whether lists are needed to show it. */
#include <errno.h>
#include <string.h>

#include "policy/book.h"
#include "policy/gate.h"

/* ---- who holds it ---------------------------------------------------------------------------- */

static bool covers_place(struct vt_gate *gate, const struct vt_pattern *pattern,
			 struct vt_place place)
{
	vt_cleanup(vt_dataset_unrefp) const struct vt_dataset *dataset = NULL;
	char space[VT_NAME_PART_MAX + 1];
	struct vt_object object = {.dataset = place.dataset, .version = place.version};

	if (vt_catalog_dataset_by_id(vt_gate_parts(gate)->catalog, place.dataset, &dataset, NULL) <
	    0)
		return false;
	object.space = vt_dataset_space(dataset->name, space);
	return vt_pattern_covers(pattern, &object);
}

int vt_gate_holder(struct vt_gate *gate, struct vt_place place,
		   char name[VT_PRINCIPAL_NAME_MAX + 1])
{
	vt_cleanup(vt_policy_unrefp) const struct vt_policy *policy =
		vt_book_policy(vt_gate_parts(gate)->book);

	for (size_t i = 0; i < policy->lease_count; i++) {
		const struct vt_lease *lease = &policy->leases[i];

		if (lease->state != VT_LEASE_ACTIVE || !covers_place(gate, &lease->object, place))
			continue;
		strcpy(name, lease->holder.name);
		return 0;
	}
	return -ENOENT;
}

/* ---- until when ------------------------------------------------------------------------------ */

/* What is gone since it was asked about ended nothing. */
static uint64_t end_of_rule(const struct vt_policy *policy, uint64_t id)
{
	const struct vt_rule *rule = vt_policy_rule(policy, id);
	const struct vt_partner *partner;
	uint64_t end;

	if (!rule)
		return VT_TIME_NEVER;
	if (rule->who.kind != VT_PRINCIPAL_PARTNER)
		return rule->until_ns;
	partner = vt_policy_partner(policy, rule->who.id);
	end = partner ? partner->until_ns : 0;
	return end < rule->until_ns ? end : rule->until_ns;
}

static uint64_t end_of_lease(const struct vt_policy *policy, uint64_t id)
{
	const struct vt_lease *lease = vt_policy_lease(policy, id);

	return lease ? lease->until_ns : VT_TIME_NEVER;
}

/* What allows it is, of several, the one that lasts longest (evaluate.c). */
int vt_gate_expires(struct vt_gate *gate, const struct vt_subject *subject, struct vt_place place,
		    bool nowait, uint64_t *until_ns)
{
	vt_cleanup(vt_policy_unrefp) const struct vt_policy *policy =
		vt_book_policy(vt_gate_parts(gate)->book);
	struct vt_decision decision;
	int r = vt_gate_decide(gate, subject, VT_RIGHT_READ, place, nowait, &decision);

	if (r < 0)
		return r;
	if (!decision.allowed)
		return -EACCES;
	if (decision.reason == VT_REASON_RULE)
		*until_ns = end_of_rule(policy, decision.rule);
	else if (decision.reason == VT_REASON_HOLDER)
		*until_ns = end_of_lease(policy, decision.rule);
	else
		*until_ns = VT_TIME_NEVER;
	return 0;
}

/* ---- lists ----------------------------------------------------------------------------------- */

static bool has_list(struct vt_gate *gate, struct vt_place place)
{
	struct vt_boundary boundary;
	bool listed;

	if (vt_gate_boundary(gate, place, &boundary, NULL) < 0)
		return true; /* not to be had: rather one list too many */
	listed = boundary.class == VT_BOUNDARY_LIST && boundary.list_count > 0;
	vt_boundary_done(&boundary);
	return listed;
}

static bool dataset_needs_lists(struct vt_gate *gate, const struct vt_dataset *dataset)
{
	const struct vt_version **versions;
	bool needed = has_list(gate, (struct vt_place){dataset->id, 0});
	size_t count;

	if (needed ||
	    vt_catalog_versions(vt_gate_parts(gate)->catalog, dataset->id, &versions, &count) < 0)
		return needed;
	for (size_t i = 0; i < count && !needed; i++)
		needed = versions[i]->state == VT_VERSION_LIVE &&
			 has_list(gate, (struct vt_place){dataset->id, versions[i]->serial});
	vt_versions_free(versions, count);
	return needed;
}

bool vt_gate_needs_lists(struct vt_gate *gate)
{
	const struct vt_dataset **datasets;
	bool needed = false;
	size_t count;

	if (vt_catalog_datasets(vt_gate_parts(gate)->catalog, &datasets, &count) < 0)
		return true;
	for (size_t i = 0; i < count && !needed; i++)
		needed = dataset_needs_lists(gate, datasets[i]);
	vt_datasets_free(datasets, count);
	return needed;
}
