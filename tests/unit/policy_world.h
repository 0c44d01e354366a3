/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Random policies over a small world, so that everything meets everything: a few users, groups and
 * partners, spaces whose names begin alike, datasets of two versions, and times from a short scale,
 * so that windows touch and questions fall on their edges. All of it follows from a seed.
 */
#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/evaluate.h"
#include "tests/unit/chance.h"

enum {
	WORLD_RULES = 10,
	WORLD_LEASES = 3,
	WORLD_PARTNERS = 3,
	WORLD_MEMBERS = 4,
	WORLD_UIDS = 8, /* 0 is root, 7 the store's owner */
	WORLD_STORE_OWNER = 7,
	WORLD_GIDS = 4,
	WORLD_DATASETS = 4, /* 1 and 2 in space "a", 3 in "ab", 4 in none; versions 11, 12, 21, … */
	WORLD_TIMES = 12,
};

struct world {
	struct vt_policy policy;
	struct vt_rule rules[WORLD_RULES];
	struct vt_lease leases[WORLD_LEASES];
	struct vt_partner partners[WORLD_PARTNERS];
	struct vt_member members[WORLD_PARTNERS][WORLD_MEMBERS];
	struct vt_member pins[WORLD_UIDS];
};

struct world_question {
	struct vt_asker who;
	uint32_t groups[WORLD_GIDS];
	enum vt_right right;
	struct vt_object object;
	struct vt_instant now;
};

/* VT_COMPARISONS makes the run longer or shorter. */
static inline uint64_t world_comparisons(uint64_t usual)
{
	const char *given = getenv("VT_COMPARISONS");

	return given ? strtoull(given, NULL, 0) : usual;
}

/* ---- making ---------------------------------------------------------------------------------- */

static inline uint64_t world_time(void)
{
	return below(WORLD_TIMES);
}

static inline void world_window(uint64_t *from, uint64_t *until)
{
	*from = one_in(2) ? 0 : world_time();
	*until = one_in(2) ? VT_TIME_NEVER : one_in(4) ? world_time() : *from + 1 + below(4);
}

static inline void world_name(uint32_t uid, char name[VT_PRINCIPAL_NAME_MAX + 1])
{
	(void) snprintf(name, VT_PRINCIPAL_NAME_MAX + 1, one_in(12) ? "old%u" : "user%u",
			(unsigned) uid);
}

static inline struct vt_principal world_user(void)
{
	struct vt_principal who = {.kind = VT_PRINCIPAL_USER, .id = below(WORLD_UIDS)};

	world_name(who.id, who.name);
	return who;
}

static inline struct vt_principal world_principal(void)
{
	switch (below(one_in(8) ? 5 : 4)) {
	case 0:
		return world_user();
	case 1:
		return (struct vt_principal){.kind = VT_PRINCIPAL_OSGROUP,
					     .id = 1 + below(WORLD_GIDS)};
	case 2: /* one more than there are */
		return (struct vt_principal){.kind = VT_PRINCIPAL_PARTNER,
					     .id = 1 + below(WORLD_PARTNERS + 1)};
	case 3:
		return (struct vt_principal){.kind = VT_PRINCIPAL_ANYONE};
	}
	return (struct vt_principal){
		.kind = (enum vt_principal_kind)(one_in(2) ? 0 : 5 + below(3))};
}

static inline const char *world_space_of(uint32_t dataset)
{
	return dataset == 1 || dataset == 2 ? "a" : dataset == 3 ? "ab" : NULL;
}

static inline struct vt_pattern world_pattern(void)
{
	struct vt_pattern pattern = {.scope = VT_SCOPE_ALL};
	uint32_t dataset = 1 + (one_in(2) ? 0 : below(WORLD_DATASETS));

	switch (below(one_in(10) ? 7 : 6)) {
	case 0:
		return pattern;
	case 1:
		pattern.scope = VT_SCOPE_SPACE;
		(void) snprintf(pattern.space, sizeof pattern.space, one_in(3) ? "ab" : "a");
		return pattern;
	case 2:
	case 3:
		return (struct vt_pattern){.scope = VT_SCOPE_DATASET, .dataset = dataset};
	case 4:
	case 5:
		return (struct vt_pattern){.scope = VT_SCOPE_VERSION,
					   .dataset = dataset,
					   .version = dataset * 10 + 1 + below(2)};
	}
	pattern.scope = (enum vt_scope)(one_in(2) ? 0 : 5);
	return pattern;
}

static inline struct vt_rule world_rule(uint64_t id)
{
	struct vt_rule rule = {.id = id,
			       .kind = one_in(3) ? VT_RULE_DENY : VT_RULE_ALLOW,
			       .right = (enum vt_right) below(VT_RIGHT_COUNT),
			       .who = world_principal(),
			       .object = world_pattern()};

	if (one_in(25))
		rule.kind = (enum vt_rule_kind)(one_in(2) ? 0 : 3);
	if (one_in(40))
		rule.right = (enum vt_right)(VT_RIGHT_COUNT + below(2));
	world_window(&rule.from_ns, &rule.until_ns);
	return rule;
}

static inline struct vt_lease world_lease(uint64_t id)
{
	static const enum vt_lease_state states[] = {VT_LEASE_ACTIVE, VT_LEASE_ACTIVE,
						     VT_LEASE_DRAINING, VT_LEASE_QUEUED,
						     VT_LEASE_ENDED};
	struct vt_lease lease = {.id = id,
				 .state = states[below(5)],
				 .holder = world_user(),
				 .object = world_pattern(),
				 .until_ns = one_in(4) ? VT_TIME_NEVER : world_time()};

	if (one_in(30))
		lease.state = (enum vt_lease_state)(one_in(2) ? 0 : 5);
	if (one_in(30))
		lease.holder = world_principal();
	return lease;
}

static inline void world_partner(struct world *world, size_t i)
{
	struct vt_partner *partner = &world->partners[i];

	*partner = (struct vt_partner){.id = (uint32_t) i + 1,
				       .until_ns = one_in(2) ? VT_TIME_NEVER : world_time(),
				       .members = world->members[i]};
	for (uint32_t uid = 0; uid < WORLD_UIDS && partner->member_count < WORLD_MEMBERS; uid++) {
		struct vt_member *member = &world->members[i][partner->member_count];

		if (!one_in(3))
			continue;
		partner->member_count++;
		member->uid = uid;
		world_name(uid, member->name);
	}
}

/* `ids` in no order, each once. */
static inline void world_ids(uint64_t ids[WORLD_RULES])
{
	for (size_t i = 0; i < WORLD_RULES; i++) {
		size_t j = below((unsigned) i + 1);

		ids[i] = ids[j];
		ids[j] = i + 1;
	}
}

static inline void world_make(struct world *world, uint64_t seed)
{
	struct vt_policy *policy = &world->policy;
	uint64_t ids[WORLD_RULES];

	chance_state = seed;
	*world = (struct world){.policy = {.revision = seed,
					   .store_owner = WORLD_STORE_OWNER,
					   .rules = world->rules,
					   .rule_count = below(WORLD_RULES + 1),
					   .leases = world->leases,
					   .lease_count = one_in(2) ? 0 : below(WORLD_LEASES + 1),
					   .partners = world->partners,
					   .partner_count = WORLD_PARTNERS,
					   .pins = world->pins}};
	world_ids(ids);
	for (size_t i = 0; i < policy->rule_count; i++)
		world->rules[i] = world_rule(ids[i]);
	/* The same principal twice is what people write. */
	if (policy->rule_count > 1 && one_in(2))
		world->rules[1].who = world->rules[0].who;
	world_ids(ids);
	for (size_t i = 0; i < policy->lease_count; i++)
		world->leases[i] = world_lease(20 + ids[i]);
	for (size_t i = 0; i < WORLD_PARTNERS; i++)
		world_partner(world, i);
	for (uint32_t uid = 0; uid < WORLD_UIDS; uid++)
		if (!one_in(4)) {
			struct vt_member *pin = &world->pins[policy->pin_count++];

			pin->uid = uid;
			(void) snprintf(pin->name, sizeof pin->name, "user%u", (unsigned) uid);
		}
}

static inline struct vt_object world_object(uint32_t dataset, uint32_t version)
{
	return (struct vt_object){.dataset = dataset,
				  .version = version,
				  .space = world_space_of(dataset),
				  .owner_uid = dataset};
}

static inline struct vt_object world_any_object(void)
{
	uint32_t dataset = 1 + (one_in(2) ? 0 : below(WORLD_DATASETS));

	switch (below(10)) {
	case 0:
		return (struct vt_object){0};
	case 1: /* one that is to be made */
		return (struct vt_object){.space = one_in(2) ? "a" : "ab"};
	case 2:
	case 3:
	case 4:
		return world_object(dataset, 0);
	}
	return world_object(dataset, dataset * 10 + 1 + below(2));
}

static inline struct vt_instant world_instant(void)
{
	uint64_t lo = world_time();

	return (struct vt_instant){lo, lo + (one_in(2) ? 0 : below(4))};
}

static inline void world_ask(struct world_question *question)
{
	*question = (struct world_question){.right = (enum vt_right) below(VT_RIGHT_COUNT + 1),
					    .object = world_any_object(),
					    .now = world_instant()};
	for (uint32_t gid = 1; gid <= WORLD_GIDS; gid++)
		if (one_in(3))
			question->groups[question->who.group_count++] = gid;
	question->who.uid = below(WORLD_UIDS);
	question->who.groups = question->groups;
	question->who.stale = one_in(20);
}

/* ---- telling --------------------------------------------------------------------------------- */

static inline void print_pattern(const struct vt_pattern *pattern)
{
	fprintf(stderr, " on scope %d space '%s' dataset %u version %u", (int) pattern->scope,
		pattern->space, (unsigned) pattern->dataset, (unsigned) pattern->version);
}

static inline void print_principal(const struct vt_principal *who)
{
	fprintf(stderr, " kind %d id %u '%s'", (int) who->kind, (unsigned) who->id, who->name);
}

static inline void world_print(const struct vt_policy *policy)
{
	for (size_t i = 0; i < policy->rule_count; i++) {
		const struct vt_rule *rule = &policy->rules[i];

		fprintf(stderr, "rule %" PRIu64 ": kind %d right %d [%" PRIu64 ", %" PRIu64 ")",
			rule->id, (int) rule->kind, (int) rule->right, rule->from_ns,
			rule->until_ns);
		print_principal(&rule->who);
		print_pattern(&rule->object);
		fputc('\n', stderr);
	}
	for (size_t i = 0; i < policy->lease_count; i++) {
		const struct vt_lease *lease = &policy->leases[i];

		fprintf(stderr, "lease %" PRIu64 ": state %d until %" PRIu64, lease->id,
			(int) lease->state, lease->until_ns);
		print_principal(&lease->holder);
		print_pattern(&lease->object);
		fputc('\n', stderr);
	}
	for (size_t i = 0; i < policy->partner_count; i++) {
		const struct vt_partner *partner = &policy->partners[i];

		fprintf(stderr, "partner %u until %" PRIu64 ":", (unsigned) partner->id,
			partner->until_ns);
		for (size_t m = 0; m < partner->member_count; m++)
			fprintf(stderr, " %u '%s'", (unsigned) partner->members[m].uid,
				partner->members[m].name);
		fputc('\n', stderr);
	}
	for (size_t i = 0; i < policy->pin_count; i++)
		fprintf(stderr, "pin %u '%s'\n", (unsigned) policy->pins[i].uid,
			policy->pins[i].name);
}

static inline void world_print_question(const struct world_question *q)
{
	fprintf(stderr,
		"uid %u%s right %d dataset %u version %u space '%s' owner %u at [%" PRIu64
		", %" PRIu64 "] groups",
		(unsigned) q->who.uid, q->who.stale ? " (stale)" : "", (int) q->right,
		(unsigned) q->object.dataset, (unsigned) q->object.version,
		q->object.space ? q->object.space : "", (unsigned) q->object.owner_uid,
		q->now.lo_ns, q->now.hi_ns);
	for (size_t i = 0; i < q->who.group_count; i++)
		fprintf(stderr, " %u", (unsigned) q->who.groups[i]);
	fputc('\n', stderr);
}

/* ---- making smaller -------------------------------------------------------------------------- */

typedef bool (*world_fails)(const struct world *world, const struct world_question *question);

/* Takes out rules and leases, one at a time, as long as it still fails. */
static inline void world_shrink(struct world *world, const struct world_question *question,
				world_fails fails)
{
	bool smaller = true;

	while (smaller) {
		smaller = false;
		for (size_t i = 0; i < world->policy.rule_count + world->policy.lease_count; i++) {
			size_t rules = world->policy.rule_count;
			bool rule = i < rules;
			struct world kept = *world;

			if (rule)
				world->rules[i] = world->rules[--world->policy.rule_count];
			else
				world->leases[i - rules] =
					world->leases[--world->policy.lease_count];
			if (fails(world, question)) {
				smaller = true;
				break;
			}
			*world = kept;
		}
	}
}

static inline void world_report(struct world *world, const struct world_question *question,
				world_fails fails, uint64_t seed)
{
	fprintf(stderr, "it failed: VT_SEED=%" PRIu64 "\n", seed);
	world_shrink(world, question, fails);
	world_print(&world->policy);
	world_print_question(question);
}

/* Asks `comparisons` questions, `each` of one random policy. The first that fails ends the test. */
static inline void world_search(uint64_t comparisons, unsigned each, world_fails fails,
				const char *what)
{
	uint64_t seed = chance_seed();
	struct world world;

	for (uint64_t done = 0; done < comparisons; seed++) {
		world_make(&world, seed);
		for (unsigned i = 0; i < each; i++, done++) {
			struct world_question question;

			world_ask(&question);
			if (!fails(&world, &question))
				continue;
			world_report(&world, &question, fails, seed);
			ck_abort_msg("%s", what);
		}
	}
}
