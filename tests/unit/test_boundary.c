/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Boundaries: each class by an example, then random policies: whoever may enter is let in by what
 * the kernel makes of owner, group, list and mode, and nobody else but where it says so.
 */
#include "policy/boundary.h"

#include "tests/unit/policy_world.h"
#include "tests/unit/suite.h"

enum { ALICE = 1001, BOB = 1002, CAROL = 1003, STORE_OWNER = 500 };
enum { BIRDS = 1, V1 = 11, V2 = 12 };

static struct vt_rule rules[1200];
static struct vt_lease leases[2];
static struct vt_partner partners[1];
static struct vt_member members[1000];
static struct vt_policy policy;

static void set_up(void)
{
	policy = (struct vt_policy){
		.store_owner = STORE_OWNER, .rules = rules, .leases = leases, .partners = partners};
}

static struct vt_principal user(uint32_t uid)
{
	return (struct vt_principal){.kind = VT_PRINCIPAL_USER, .id = uid};
}

static struct vt_principal group(uint32_t gid)
{
	return (struct vt_principal){.kind = VT_PRINCIPAL_OSGROUP, .id = gid};
}

static const struct vt_principal anyone = {.kind = VT_PRINCIPAL_ANYONE};
static const struct vt_principal partner = {.kind = VT_PRINCIPAL_PARTNER, .id = 9};
static const struct vt_pattern birds = {.scope = VT_SCOPE_DATASET, .dataset = BIRDS};
static const struct vt_pattern birds_v1 = {
	.scope = VT_SCOPE_VERSION, .dataset = BIRDS, .version = V1};
static const struct vt_object the_v1 = {.dataset = BIRDS, .version = V1, .owner_uid = CAROL};
static const struct vt_object the_folder[] = {
	{.dataset = BIRDS, .owner_uid = CAROL},
	{.dataset = BIRDS, .version = V1, .owner_uid = CAROL}};

static struct vt_rule *rule(enum vt_rule_kind kind, struct vt_principal who, enum vt_right right,
			    struct vt_pattern object)
{
	struct vt_rule *made = &rules[policy.rule_count++];

	*made = (struct vt_rule){.id = policy.rule_count,
				 .kind = kind,
				 .right = right,
				 .who = who,
				 .object = object,
				 .until_ns = VT_TIME_NEVER};
	return made;
}

static struct vt_lease *lease(uint32_t holder, enum vt_lease_state state)
{
	struct vt_lease *made = &leases[policy.lease_count++];

	*made = (struct vt_lease){.id = 5000 + policy.lease_count,
				  .state = state,
				  .holder = user(holder),
				  .object = birds_v1,
				  .until_ns = 100};
	return made;
}

static void many_partners(size_t count)
{
	for (size_t i = 0; i < count; i++)
		members[i] = (struct vt_member){.uid = 10000 + (uint32_t) i};
	partners[0] = (struct vt_partner){.id = partner.id,
					  .until_ns = VT_TIME_NEVER,
					  .members = members,
					  .member_count = count};
	policy.partner_count = 1;
}

static struct vt_boundary boundary_at(uint64_t now)
{
	struct vt_boundary boundary;

	ck_assert_int_eq(vt_boundary_of(&policy, &the_v1, 1, VT_FOLDER_VERSION,
					(struct vt_instant){now, now}, &boundary),
			 0);
	return boundary;
}

/* Of a boundary without a list, or whose list has been looked at. */
static struct vt_boundary boundary(void)
{
	return boundary_at(10);
}

static bool lists(const struct vt_boundary *b, bool is_group, uint32_t id, uint8_t bits)
{
	for (size_t i = 0; i < b->list_count; i++)
		if (b->list[i].group == is_group && b->list[i].id == id)
			return b->list[i].bits == bits;
	return false;
}

START_TEST(a_new_datasets_version_is_its_owners)
{
	struct vt_boundary b = boundary();

	ck_assert_int_eq(b.class, VT_BOUNDARY_USER);
	ck_assert_uint_eq(b.uid, CAROL);
	ck_assert_uint_eq(b.valid_until_ns, VT_TIME_NEVER);
}
END_TEST

START_TEST(a_grant_to_anyone_is_open_and_its_end_is_the_boundarys)
{
	struct vt_boundary b;

	rule(VT_RULE_ALLOW, anyone, VT_RIGHT_READ, birds)->until_ns = 50;
	b = boundary();
	ck_assert_int_eq(b.class, VT_BOUNDARY_OPEN);
	ck_assert_uint_eq(b.uid, CAROL);
	ck_assert_uint_eq(b.valid_until_ns, 50);
	ck_assert_int_eq(boundary_at(50).class, VT_BOUNDARY_USER);
}
END_TEST

START_TEST(one_group_beside_the_owner_is_a_group)
{
	struct vt_boundary b;

	(void) rule(VT_RULE_ALLOW, group(50), VT_RIGHT_READ, birds);
	b = boundary();
	ck_assert_int_eq(b.class, VT_BOUNDARY_GROUP);
	ck_assert_uint_eq(b.uid, CAROL);
	ck_assert_uint_eq(b.gid, 50);
	(void) rule(VT_RULE_DENY, user(CAROL), VT_RIGHT_BROWSE, birds);
	b = boundary();
	ck_assert_int_eq(b.class, VT_BOUNDARY_LIST);
	ck_assert_uint_eq(b.uid, 0);
	ck_assert(lists(&b, false, CAROL, 0));
	ck_assert(lists(&b, true, 50, 5));
	vt_boundary_done(&b);
}
END_TEST

START_TEST(users_groups_and_partners_are_listed)
{
	struct vt_boundary b;

	many_partners(3);
	(void) rule(VT_RULE_ALLOW, user(ALICE), VT_RIGHT_READ, birds);
	(void) rule(VT_RULE_ALLOW, partner, VT_RIGHT_BROWSE, birds);
	(void) rule(VT_RULE_ALLOW, group(50), VT_RIGHT_READ, birds);
	(void) rule(VT_RULE_ALLOW, group(51), VT_RIGHT_CURATE, birds);
	(void) rule(VT_RULE_ALLOW, user(BOB), VT_RIGHT_ADMIN, birds);
	b = boundary();
	ck_assert_int_eq(b.class, VT_BOUNDARY_LIST);
	ck_assert_uint_eq(b.uid, CAROL);
	ck_assert(!b.others);
	ck_assert_uint_eq(b.list_count, 6);
	ck_assert(lists(&b, false, ALICE, 5));
	ck_assert(lists(&b, false, BOB, 0) == false);
	ck_assert(lists(&b, false, 10002, 5));
	ck_assert(lists(&b, true, 50, 5));
	ck_assert(lists(&b, true, 51, 5));
	vt_boundary_done(&b);
}
END_TEST

START_TEST(who_is_denied_is_shut_out_of_what_is_open)
{
	struct vt_boundary b;

	(void) rule(VT_RULE_ALLOW, anyone, VT_RIGHT_READ, birds);
	(void) rule(VT_RULE_DENY, user(BOB), VT_RIGHT_BROWSE, birds);
	(void) rule(VT_RULE_DENY, user(ALICE), VT_RIGHT_READ, birds);
	(void) rule(VT_RULE_DENY, group(50), VT_RIGHT_BROWSE, birds);
	b = boundary();
	ck_assert_int_eq(b.class, VT_BOUNDARY_LIST);
	ck_assert(b.others);
	ck_assert_uint_eq(b.list_count, 1);
	ck_assert(lists(&b, false, BOB, 0));
	vt_boundary_done(&b);
	(void) rule(VT_RULE_DENY, anyone, VT_RIGHT_BROWSE, birds);
	ck_assert_int_eq(boundary().class, VT_BOUNDARY_NOBODY);
}
END_TEST

START_TEST(up_to_500_are_listed_and_more_are_open_to_enter)
{
	struct vt_boundary b;

	(void) rule(VT_RULE_ALLOW, partner, VT_RIGHT_READ, birds);
	many_partners(500);
	b = boundary();
	ck_assert_uint_eq(b.list_count, 500);
	ck_assert(!b.others);
	vt_boundary_done(&b);
	many_partners(501);
	b = boundary();
	ck_assert_int_eq(b.class, VT_BOUNDARY_LIST);
	ck_assert_uint_eq(b.list_count, 0);
	ck_assert(b.others);
	vt_boundary_done(&b);
}
END_TEST

START_TEST(a_lease_shows_its_holder_and_while_it_drains_nobody)
{
	struct vt_boundary b;

	(void) rule(VT_RULE_ALLOW, anyone, VT_RIGHT_READ, birds);
	(void) rule(VT_RULE_ALLOW, group(50), VT_RIGHT_READ, birds);
	(void) lease(ALICE, VT_LEASE_ACTIVE);
	b = boundary();
	ck_assert_int_eq(b.class, VT_BOUNDARY_USER);
	ck_assert_uint_eq(b.uid, ALICE);
	ck_assert_uint_eq(b.valid_until_ns, 100);
	leases[0].state = VT_LEASE_DRAINING;
	ck_assert_int_eq(boundary().class, VT_BOUNDARY_NOBODY);
	leases[0].state = VT_LEASE_QUEUED;
	ck_assert_int_eq(boundary().class, VT_BOUNDARY_OPEN);
}
END_TEST

START_TEST(a_holder_whose_lease_has_passed_keeps_what_a_group_gives)
{
	(void) lease(ALICE, VT_LEASE_ACTIVE);
	ck_assert_int_eq(boundary_at(100).class, VT_BOUNDARY_NOBODY);
	(void) rule(VT_RULE_ALLOW, group(50), VT_RIGHT_READ, birds);
	ck_assert_int_eq(boundary_at(100).class, VT_BOUNDARY_USER);
	ck_assert_uint_eq(boundary_at(100).uid, ALICE);
}
END_TEST

START_TEST(the_datasets_folder_shows_whoever_sees_any_of_it)
{
	struct vt_boundary b;

	(void) rule(VT_RULE_ALLOW, user(ALICE), VT_RIGHT_READ, birds_v1);
	(void) rule(VT_RULE_ALLOW, user(BOB), VT_RIGHT_ADMIN, birds);
	(void) rule(VT_RULE_DENY, user(BOB), VT_RIGHT_BROWSE, birds);
	(void) rule(VT_RULE_ALLOW, user(STORE_OWNER), VT_RIGHT_ADMIN, birds);
	ck_assert_int_eq(vt_boundary_of(&policy, the_folder, 2, VT_FOLDER_DATASET,
					(struct vt_instant){10, 10}, &b),
			 0);
	ck_assert_int_eq(b.class, VT_BOUNDARY_LIST);
	ck_assert_uint_eq(b.uid, CAROL);
	ck_assert(!b.others);
	ck_assert_uint_eq(b.list_count, 2);
	ck_assert(lists(&b, false, ALICE, 5));
	ck_assert(lists(&b, false, BOB, 5));
	vt_boundary_done(&b);
}
END_TEST

/* ---- against the decision, as the kernel sees it --------------------------------------------- */

static bool in_groups(const struct vt_asker *who, uint32_t gid)
{
	for (size_t i = 0; i < who->group_count; i++)
		if (who->groups[i] == gid)
			return true;
	return false;
}

/* posix_acl_permission() and its like: owner, named user, any group that fits, others. */
static bool list_lets_in(const struct vt_boundary *b, const struct vt_asker *who)
{
	bool some_group = in_groups(who, b->gid);

	if (who->uid == b->uid)
		return true;
	if (some_group)
		return true;
	for (size_t i = 0; i < b->list_count; i++)
		if (!b->list[i].group && b->list[i].id == who->uid)
			return b->list[i].bits == 5;
	for (size_t i = 0; i < b->list_count; i++)
		if (b->list[i].group && in_groups(who, b->list[i].id)) {
			if (b->list[i].bits == 5)
				return true;
			some_group = true;
		}
	return !some_group && b->others;
}

static bool lets_in(const struct vt_boundary *b, const struct vt_asker *who)
{
	switch (b->class) {
	case VT_BOUNDARY_OPEN:
		return true;
	case VT_BOUNDARY_NOBODY:
		return false;
	case VT_BOUNDARY_USER:
		return who->uid == b->uid;
	case VT_BOUNDARY_GROUP:
		return who->uid == b->uid || in_groups(who, b->gid);
	case VT_BOUNDARY_LIST:
		return list_lets_in(b, who);
	}
	return false;
}

/* The uid's answer for the folder; `right` SEE: of any of the objects. */
static bool enters(const struct vt_policy *p, const struct vt_asker *who, enum vt_right right,
		   const struct vt_object *objects, size_t count, struct vt_instant now)
{
	static const enum vt_right by[] = {VT_RIGHT_BROWSE, VT_RIGHT_CURATE, VT_RIGHT_ADMIN};
	struct vt_decision decision;

	for (size_t i = 0; i < count; i++)
		for (size_t n = 0; n < (right == VT_RIGHT_SEE ? 3 : 1); n++) {
			vt_decide(p, who, by[n], &objects[i], now, &decision, NULL);
			if (decision.allowed && decision.reason != VT_REASON_STORE)
				return true;
		}
	return false;
}

static bool is_about_groups(const struct vt_policy *p)
{
	for (size_t i = 0; i < p->rule_count; i++)
		if (p->rules[i].who.kind == VT_PRINCIPAL_OSGROUP)
			return true;
	return false;
}

/* Both folders of the dataset, for every user in any set of groups. */
static bool a_folder_is_wrong(const struct world *world, const struct world_question *q,
			      enum vt_boundary_folder folder)
{
	uint32_t dataset = q->object.dataset ? q->object.dataset : 1;
	struct vt_object objects[] = {world_object(dataset, 0),
				      world_object(dataset, dataset * 10 + 1),
				      world_object(dataset, dataset * 10 + 2)};
	bool whole = folder == VT_FOLDER_DATASET;
	size_t first = whole ? 0 : 1, count = whole ? 3 : 1;
	struct vt_boundary b;
	bool wrong = false, groups = is_about_groups(&world->policy);

	ck_assert_int_eq(vt_boundary_of(&world->policy, objects + first, count, folder, q->now, &b),
			 0);
	for (uint32_t uid = 0; uid <= WORLD_UIDS; uid++)
		for (unsigned set = 0; set < 1u << WORLD_GIDS; set++) {
			uint32_t gids[WORLD_GIDS];
			struct vt_asker who = {.uid = uid, .groups = gids};
			bool may, loose;

			for (unsigned g = 0; g < WORLD_GIDS; g++)
				if (set & 1u << g)
					gids[who.group_count++] = g + 1;
			may = enters(&world->policy, &who, whole ? VT_RIGHT_SEE : VT_RIGHT_BROWSE,
				     objects + first, count, q->now);
			/* What groups take OPEN has to see, and a holder's groups let him in. */
			loose = whole || (groups && (set || world->policy.lease_count));
			wrong |= may && !lets_in(&b, &who);
			/* Root is shown where nobody else owns the folder, and passes anyway. */
			wrong |= !may && !loose && uid != 0 && lets_in(&b, &who);
		}
	vt_boundary_done(&b);
	return wrong;
}

static bool a_version_is_wrong(const struct world *world, const struct world_question *q)
{
	return a_folder_is_wrong(world, q, VT_FOLDER_VERSION);
}

static bool a_dataset_is_wrong(const struct world *world, const struct world_question *q)
{
	return a_folder_is_wrong(world, q, VT_FOLDER_DATASET);
}

/* Whoever a boundary lets in now, it lets in until its end: else it would be late. */
static bool is_late(const struct world *world, const struct world_question *q)
{
	struct vt_object object = world_object(1, 11);
	struct vt_boundary now, later;
	bool late = false;

	ck_assert_int_eq(
		vt_boundary_of(&world->policy, &object, 1, VT_FOLDER_VERSION, q->now, &now), 0);
	for (uint64_t hi = q->now.hi_ns; hi < WORLD_TIMES + 8 && hi < now.valid_until_ns; hi++) {
		ck_assert_int_eq(vt_boundary_of(&world->policy, &object, 1, VT_FOLDER_VERSION,
						(struct vt_instant){hi, hi}, &later),
				 0);
		late |= later.class != now.class || later.uid != now.uid || later.gid != now.gid ||
			later.others != now.others || later.list_count != now.list_count;
		vt_boundary_done(&later);
	}
	vt_boundary_done(&now);
	return late;
}

START_TEST(no_version_shuts_out_who_may_browse_it_nor_lets_in_others_but_for_groups)
{
	world_search(world_comparisons(200000) / 20, 1, a_version_is_wrong, "a boundary is wrong");
}
END_TEST

START_TEST(no_dataset_shuts_out_who_sees_any_of_it)
{
	world_search(world_comparisons(200000) / 20, 1, a_dataset_is_wrong, "a folder is wrong");
}
END_TEST

START_TEST(no_boundary_changes_before_it_says)
{
	world_search(world_comparisons(200000) / 20, 1, is_late, "a boundary is late");
}
END_TEST

VT_SUITE_FRESH(boundary, set_up, a_new_datasets_version_is_its_owners,
	       a_grant_to_anyone_is_open_and_its_end_is_the_boundarys,
	       one_group_beside_the_owner_is_a_group, users_groups_and_partners_are_listed,
	       who_is_denied_is_shut_out_of_what_is_open,
	       up_to_500_are_listed_and_more_are_open_to_enter,
	       a_lease_shows_its_holder_and_while_it_drains_nobody,
	       a_holder_whose_lease_has_passed_keeps_what_a_group_gives,
	       the_datasets_folder_shows_whoever_sees_any_of_it,
	       no_version_shuts_out_who_may_browse_it_nor_lets_in_others_but_for_groups,
	       no_dataset_shuts_out_who_sees_any_of_it, no_boundary_changes_before_it_says)
