/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See gate.h. A question goes: remembered (answers.h); else the facts, from the book, the people,
 * the catalog and the clock, to vt_decide(); then remembered under all that it was made from. What
 * the answer was made from is read before it is made: an answer that is late is kept under what it
 * saw, and not found.
 */
#include "policy/gate.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/error.h"
#include "policy/answers.h"
#include "policy/book.h"
#include "policy/boundaries.h"
#include "policy/boundary.h"
#include "policy/instant.h"
#include "policy/match.h"
#include "policy/named.h"
#include "policy/people.h"
#include "policy/refusal.h"

struct vt_gate {
	struct vt_gate_parts parts;       /* constant, like the next two */
	struct vt_answers *answers;       /* its own lock-free reads */
	struct vt_boundaries *boundaries; /* its own lock */
	atomic_bool shut;
	pthread_mutex_t lock;
	/* guarded by lock: windows that have passed, as vt_gate_generation() saw them */
	uint64_t passed, policy;
	struct vt_instant seen, next;
};

int vt_gate_new(const struct vt_gate_parts *parts, struct vt_gate **out, struct vt_error *err)
{
	struct vt_gate *gate = calloc(1, sizeof *gate);

	if (!gate)
		return vt_fail(err, ENOMEM, "no memory for the policy gate");
	gate->parts = *parts;
	(void) pthread_mutex_init(&gate->lock, NULL);
	gate->answers = vt_answers_new();
	gate->boundaries = vt_boundaries_new();
	if (!gate->answers || !gate->boundaries) {
		vt_gate_free(gate);
		return vt_fail(err, ENOMEM, "no memory for the policy gate's answers");
	}
	*out = gate;
	return 0;
}

void vt_gate_free(struct vt_gate *gate)
{
	if (!gate)
		return;
	vt_answers_free(gate->answers);
	vt_boundaries_free(gate->boundaries);
	(void) pthread_mutex_destroy(&gate->lock);
	free(gate);
}

const struct vt_gate_parts *vt_gate_parts(const struct vt_gate *gate)
{
	return &gate->parts;
}

/* ---- facts ----------------------------------------------------------------------------------- */

#define NO_OWNER        UINT32_MAX /* no uid */
#define OBJECT_NAME_MAX (VT_DATASET_NAME_MAX + VT_NAME_PART_MAX + 2)

/* An object with the words that it borrows. */
struct thing {
	struct vt_object object;
	char space[VT_NAME_PART_MAX + 1];
	char name[OBJECT_NAME_MAX]; /* "birds@v3" */
};

/* What is not in the catalog has no owner, no space and no name. */
static void look_up(struct vt_gate *gate, struct vt_place place, struct thing *thing)
{
	vt_cleanup(vt_dataset_unrefp) const struct vt_dataset *dataset = NULL;
	vt_cleanup(vt_version_unrefp) const struct vt_version *version = NULL;

	*thing = (struct thing){.object = {.dataset = place.dataset,
					   .version = place.version,
					   .owner_uid = NO_OWNER},
				.name = "the store"};
	if (!place.dataset)
		return;
	*thing->name = 0;
	if (vt_catalog_dataset_by_id(gate->parts.catalog, place.dataset, &dataset, NULL) < 0)
		return;
	if (place.version &&
	    vt_catalog_version(gate->parts.catalog, place.version, &version, NULL) < 0)
		return;
	if (version)
		thing->object.version = version->base; /* a revision has the rules of its base */
	thing->object.owner_uid = dataset->owner_uid;
	thing->object.space = vt_dataset_space(dataset->name, thing->space);
	(void) snprintf(thing->name, sizeof thing->name, "%s%s%s", dataset->name,
			version ? "@" : "", version ? version->name : "");
}

/* Everything about a question that has to be let go. */
struct facts {
	struct vt_instant now;
	const struct vt_policy *policy;
	const struct vt_person *person;
	struct vt_asker asker;
};

static void facts_done(struct facts *facts)
{
	vt_policy_unref(facts->policy);
	vt_person_unref(facts->person);
}

/* Root is whoever is uid 0, by whatever name. */
struct vt_asker vt_asker_of(const struct vt_policy *policy, const struct vt_person *person)
{
	bool stale = person->uid != 0 && !vt_name_is_still(policy, person->uid, person->name);

	return (struct vt_asker){.uid = person->uid,
				 .stale = stale,
				 .groups = person->groups,
				 .group_count = person->group_count};
}

static int gather(struct vt_gate *gate, uint32_t uid, bool nowait, struct facts *facts)
{
	int r = vt_people_get(gate->parts.people, uid, nowait, &facts->person);

	if (r < 0)
		return r;
	facts->now = vt_timekeeper_now(gate->parts.time);
	facts->policy = vt_book_policy(gate->parts.book);
	facts->asker = vt_asker_of(facts->policy, facts->person);
	return 0;
}

/* ---- a dataset and the versions that are not like it ----------------------------------------- */

struct objects {
	struct thing thing; /* of the place */
	struct vt_object *objects;
	size_t count;
};

static void objects_done(struct objects *objects)
{
	free(objects->objects);
}

static bool has_version(const struct objects *objects, uint32_t serial)
{
	for (size_t i = 0; i < objects->count; i++)
		if (objects->objects[i].version == serial)
			return true;
	return false;
}

static void add_version(struct vt_gate *gate, const struct vt_pattern *pattern,
			struct objects *objects)
{
	vt_cleanup(vt_version_unrefp) const struct vt_version *version = NULL;
	struct vt_object object = objects->thing.object;

	if (pattern->scope != VT_SCOPE_VERSION || pattern->dataset != object.dataset ||
	    has_version(objects, pattern->version) ||
	    vt_catalog_version(gate->parts.catalog, pattern->version, &version, NULL) < 0)
		return;
	object.version = pattern->version;
	objects->objects[objects->count++] = object;
}

/*
 * Whom a dataset is shown to is decided by the dataset as such and by those of its versions that a
 * rule or a lease names: the others are like the dataset.
 */
static int objects_of(struct vt_gate *gate, const struct vt_policy *policy, struct vt_place place,
		      struct objects *objects)
{
	look_up(gate, place, &objects->thing);
	objects->objects =
		calloc(1 + policy->rule_count + policy->lease_count, sizeof *objects->objects);
	if (!objects->objects)
		return -ENOMEM;
	objects->objects[objects->count++] = objects->thing.object;
	if (!place.dataset || place.version)
		return 0;
	for (size_t i = 0; i < policy->rule_count; i++)
		add_version(gate, &policy->rules[i].object, objects);
	for (size_t i = 0; i < policy->lease_count; i++)
		add_version(gate, &policy->leases[i].object, objects);
	return 0;
}

/* Who sees a version sees its dataset's name; who sees none hears about the dataset as such. */
static int see_dataset(struct vt_gate *gate, const struct facts *facts, struct vt_place place,
		       struct vt_decision *out)
{
	vt_cleanup(objects_done) struct objects objects = {0};
	uint64_t until_ns = VT_TIME_NEVER;
	struct vt_decision found;
	int r = objects_of(gate, facts->policy, place, &objects);

	if (r < 0)
		return r;
	for (size_t i = 0; i < objects.count; i++) {
		struct vt_decision decision;

		vt_decide(facts->policy, &facts->asker, VT_RIGHT_SEE, &objects.objects[i],
			  facts->now, &decision, NULL);
		if (decision.valid_until_ns < until_ns)
			until_ns = decision.valid_until_ns;
		if (i == 0 || decision.allowed)
			found = decision;
		if (decision.allowed)
			break;
	}
	*out = found;
	out->valid_until_ns = until_ns;
	return 0;
}

/* ---- deciding -------------------------------------------------------------------------------- */

static int decide(struct vt_gate *gate, const struct facts *facts, enum vt_right right,
		  struct vt_place place, struct vt_decision *out)
{
	struct thing thing;

	if (right == VT_RIGHT_SEE && place.dataset && !place.version)
		return see_dataset(gate, facts, place, out);
	look_up(gate, place, &thing);
	vt_decide(facts->policy, &facts->asker, right, &thing.object, facts->now, out, NULL);
	return 0;
}

static int decide_anew(struct vt_gate *gate, struct vt_answer_key *key, bool nowait,
		       struct vt_decision *out)
{
	vt_cleanup(facts_done) struct facts facts = {0};
	struct vt_place place = {key->dataset, key->version};
	int r = gather(gate, key->uid, nowait, &facts);

	if (r == 0)
		r = decide(gate, &facts, key->right, place, out);
	if (r < 0)
		return r;
	key->policy = facts.policy->revision;
	vt_answers_put(gate->answers, key, facts.now, facts.person->asked_ns + VT_PERSON_KEPT_NS,
		       out);
	return 0;
}

static int decide_by_policy(struct vt_gate *gate, const struct vt_subject *subject,
			    enum vt_right right, struct vt_place place, bool nowait,
			    struct vt_decision *out)
{
	struct vt_answer_key key = {.uid = subject->uid,
				    .dataset = place.dataset,
				    .version = place.version,
				    .right = right,
				    .policy = vt_book_revision(gate->parts.book),
				    .catalog = vt_catalog_generation(gate->parts.catalog)};

	if (vt_answers_get(gate->answers, &key, vt_timekeeper_now(gate->parts.time), out))
		return 0;
	return decide_anew(gate, &key, nowait, out);
}

/* ---- shut ------------------------------------------------------------------------------------ */

void vt_gate_shut(struct vt_gate *gate, bool shut)
{
	(void) pthread_mutex_lock(&gate->lock);
	gate->passed += gate->shut != shut;
	gate->shut = shut;
	(void) pthread_mutex_unlock(&gate->lock);
}

/* A lease on what is open would begin to keep others from it. */
static bool is_shut_for(struct vt_gate *gate, enum vt_right right, struct vt_place place)
{
	return gate->shut && (right == VT_RIGHT_LEASE ||
			      (right == VT_RIGHT_READ && !vt_gate_is_open(gate, place)));
}

/* Not among the answers that are remembered: it holds for this instant. */
void vt_gate_apply_shut(struct vt_gate *gate, enum vt_right right, struct vt_place place,
			struct vt_decision *decision)
{
	if (decision->allowed && is_shut_for(gate, right, place))
		*decision = (struct vt_decision){.reason = VT_REASON_LEFTOVER};
}

int vt_gate_decide(struct vt_gate *gate, const struct vt_subject *subject, enum vt_right right,
		   struct vt_place place, bool nowait, struct vt_decision *out)
{
	int r = decide_by_policy(gate, subject, right, place, nowait, out);

	if (r == 0)
		vt_gate_apply_shut(gate, right, place, out);
	return r;
}

bool vt_gate_keeps(struct vt_gate *gate, const struct vt_subject *subject, struct vt_place place)
{
	struct vt_decision decision;

	return decide_by_policy(gate, subject, VT_RIGHT_READ, place, false, &decision) == 0 &&
	       decision.allowed;
}

int vt_gate_sees(struct vt_gate *gate, const struct vt_subject *subject, struct vt_place place,
		 bool nowait)
{
	struct vt_decision decision;
	int r = vt_gate_decide(gate, subject, VT_RIGHT_SEE, place, nowait, &decision);

	return r < 0 ? r : decision.allowed;
}

/* ---- refusing -------------------------------------------------------------------------------- */

/* A lease hides its object from those who would else see it, but not that it is leased. */
static bool may_be_told(struct vt_gate *gate, const struct facts *facts, struct vt_place place)
{
	struct vt_policy unleased = *facts->policy;
	struct facts but_for_leases = *facts;
	struct vt_decision decision;

	unleased.lease_count = 0;
	but_for_leases.policy = &unleased;
	return !place.dataset ||
	       (decide(gate, facts, VT_RIGHT_SEE, place, &decision) == 0 && decision.allowed) ||
	       (decide(gate, &but_for_leases, VT_RIGHT_SEE, place, &decision) == 0 &&
		decision.allowed);
}

static int refuse(struct vt_gate *gate, const struct facts *facts, enum vt_right right,
		  struct vt_place place, const char *name, const struct vt_decision *decision,
		  struct vt_error *err)
{
	const struct vt_refusal refusal = {.policy = facts->policy,
					   .person = facts->person,
					   .right = right,
					   .place = place,
					   .name = *name && may_be_told(gate, facts, place) ? name
											    : NULL,
					   .decision = decision};

	return vt_refuse(&refusal, err);
}

/* Decides once more: what is said is then of one piece with what was decided. */
static int refuse_place(struct vt_gate *gate, const struct vt_subject *subject, enum vt_right right,
			struct vt_place place, bool nowait, struct vt_error *err)
{
	vt_cleanup(facts_done) struct facts facts = {0};
	struct vt_decision decision;
	struct thing thing;
	int r = gather(gate, subject->uid, nowait, &facts);

	if (r == 0)
		r = decide(gate, &facts, right, place, &decision);
	if (r < 0)
		return vt_fail(err, -r, "cannot ask about uid %u: %m", (unsigned) subject->uid);
	vt_gate_apply_shut(gate, right, place, &decision);
	if (decision.allowed) /* since a moment ago */
		return vt_fail(err, EACCES, "uid %u was not allowed that; try again",
			       (unsigned) subject->uid);
	look_up(gate, place, &thing);
	return refuse(gate, &facts, right, place, thing.name, &decision, err);
}

int vt_gate_check(struct vt_gate *gate, const struct vt_subject *subject, enum vt_right right,
		  struct vt_place place, bool nowait, uint64_t *valid_until_ns,
		  struct vt_error *err)
{
	struct vt_decision decision;
	int r = vt_gate_decide(gate, subject, right, place, nowait, &decision);

	if (r < 0)
		return vt_fail(err, -r, "cannot ask about uid %u: %m", (unsigned) subject->uid);
	if (!decision.allowed)
		return err ? refuse_place(gate, subject, right, place, nowait, err) : -EACCES;
	if (valid_until_ns)
		*valid_until_ns = decision.valid_until_ns;
	return 0;
}

bool vt_gate_administers(struct vt_gate *gate, const struct vt_subject *subject, bool nowait)
{
	struct vt_place store = {0};

	return vt_gate_check(gate, subject, VT_RIGHT_ADMIN, store, nowait, NULL, NULL) == 0;
}

int vt_gate_check_space(struct vt_gate *gate, const struct vt_subject *subject, enum vt_right right,
			const char *space, bool nowait, struct vt_error *err)
{
	vt_cleanup(facts_done) struct facts facts = {0};
	const struct vt_object object = {.space = space, .owner_uid = NO_OWNER};
	struct vt_decision decision;
	char name[VT_NAME_PART_MAX + 16];
	int r = gather(gate, subject->uid, nowait, &facts);

	if (r < 0)
		return vt_fail(err, -r, "cannot ask about uid %u: %m", (unsigned) subject->uid);
	vt_decide(facts.policy, &facts.asker, right, &object, facts.now, &decision, NULL);
	if (decision.allowed)
		return 0;
	(void) snprintf(name, sizeof name, "%s%s", space ? space : "the store", space ? "/**" : "");
	return refuse(gate, &facts, right, (struct vt_place){0}, name, &decision, err);
}

int vt_gate_check_unleased(struct vt_gate *gate, const struct vt_subject *subject,
			   enum vt_right right, struct vt_place place, const char *space,
			   struct vt_error *err)
{
	vt_cleanup(facts_done) struct facts facts = {0};
	struct vt_decision decision;
	struct vt_policy unleased;
	struct facts but_for_leases;
	struct thing thing;
	int r = gather(gate, subject->uid, false, &facts);

	if (r < 0)
		return vt_fail(err, -r, "cannot ask about uid %u: %m", (unsigned) subject->uid);
	unleased = *facts.policy;
	unleased.lease_count = 0;
	but_for_leases = facts;
	but_for_leases.policy = &unleased;
	look_up(gate, place, &thing);
	if (space) {
		thing.object.space = space;
		(void) snprintf(thing.name, sizeof thing.name, "%s/**", space);
	}
	if (right == VT_RIGHT_SEE && place.dataset && !place.version)
		r = see_dataset(gate, &but_for_leases, place, &decision);
	else
		vt_decide(&unleased, &facts.asker, right, &thing.object, facts.now, &decision,
			  NULL);
	if (r < 0)
		return vt_fail(err, -r, "cannot ask about uid %u: %m", (unsigned) subject->uid);
	vt_gate_apply_shut(gate, right, place, &decision);
	return decision.allowed
		       ? 0
		       : refuse(gate, &but_for_leases, right, place, thing.name, &decision, err);
}

/* ---- what changes by itself ------------------------------------------------------------------ */

/* Counts an end or a beginning when either reading passes it, and the clock's being set back. */
static void count_passed(struct vt_gate *gate, const struct vt_policy *policy,
			 struct vt_instant now)
{
	struct vt_instant by_hi = {now.hi_ns, now.hi_ns};
	bool back = now.lo_ns < gate->seen.lo_ns || now.hi_ns < gate->seen.hi_ns;
	bool on = now.lo_ns >= gate->next.lo_ns || now.hi_ns >= gate->next.hi_ns;

	gate->seen = now;
	if (!back && !on && gate->policy == policy->revision)
		return;
	gate->passed += back || on;
	gate->policy = policy->revision;
	gate->next.lo_ns = vt_policy_next_change(policy, now);
	gate->next.hi_ns = vt_policy_next_change(policy, by_hi);
}

uint64_t vt_gate_generation(struct vt_gate *gate)
{
	vt_cleanup(vt_policy_unrefp) const struct vt_policy *policy = NULL;
	uint64_t generation;

	(void) pthread_mutex_lock(&gate->lock);
	policy = vt_book_policy(gate->parts.book);
	count_passed(gate, policy, vt_timekeeper_now(gate->parts.time));
	generation = gate->passed + policy->revision + vt_catalog_generation(gate->parts.catalog);
	(void) pthread_mutex_unlock(&gate->lock);
	return generation;
}

/* ---- boundaries ------------------------------------------------------------------------------ */

static int make_boundary(struct vt_gate *gate, struct vt_boundary_key *key, struct vt_boundary *out,
			 struct vt_error *err)
{
	vt_cleanup(vt_policy_unrefp) const struct vt_policy *policy =
		vt_book_policy(gate->parts.book);
	vt_cleanup(objects_done) struct objects objects = {0};
	struct vt_instant now = vt_timekeeper_now(gate->parts.time);
	int r;

	if (!key->place.dataset) {
		*out = (struct vt_boundary){.class = VT_BOUNDARY_OPEN,
					    .uid = policy->store_owner,
					    .gid = VT_NO_GID,
					    .valid_until_ns = VT_TIME_NEVER};
		return 0;
	}
	r = objects_of(gate, policy, key->place, &objects);
	if (r == 0 && !*objects.thing.name)
		return vt_fail(err, ENOENT, "there is no such dataset or version any more");
	if (r == 0)
		r = vt_boundary_of(policy, objects.objects, objects.count,
				   key->place.version ? VT_FOLDER_VERSION : VT_FOLDER_DATASET, now,
				   out);
	if (r < 0)
		return vt_fail(err, -r, "cannot make a boundary: %m");
	key->policy = policy->revision;
	vt_boundaries_put(gate->boundaries, key, now, out);
	return 0;
}

int vt_gate_boundary(struct vt_gate *gate, struct vt_place place, struct vt_boundary *out,
		     struct vt_error *err)
{
	struct vt_boundary_key key = {.place = place,
				      .policy = vt_book_revision(gate->parts.book),
				      .catalog = vt_catalog_generation(gate->parts.catalog)};
	int r = vt_boundaries_get(gate->boundaries, &key, vt_timekeeper_now(gate->parts.time), out);

	if (r < 0)
		return vt_fail(err, ENOMEM, "no memory for a boundary");
	return r ? 0 : make_boundary(gate, &key, out, err);
}

static bool may_take(const struct vt_rule *rule, const struct vt_object *object,
		     struct vt_instant now)
{
	return rule->kind != VT_RULE_ALLOW && vt_pattern_may_cover(&rule->object, object) &&
	       (rule->until_ns == VT_TIME_NEVER || now.lo_ns < rule->until_ns);
}

bool vt_gate_is_open(struct vt_gate *gate, struct vt_place place)
{
	vt_cleanup(vt_policy_unrefp) const struct vt_policy *policy =
		vt_book_policy(gate->parts.book);
	const struct vt_asker nobody = {.uid = VT_UID_NOBODYS};
	struct vt_instant now = vt_timekeeper_now(gate->parts.time);
	struct vt_decision decision;
	struct thing thing;

	look_up(gate, place, &thing);
	for (size_t i = 0; i < policy->rule_count; i++)
		if (may_take(&policy->rules[i], &thing.object, now))
			return false;
	for (size_t i = 0; i < policy->lease_count; i++)
		if (vt_pattern_may_cover(&policy->leases[i].object, &thing.object))
			return false;
	vt_decide(policy, &nobody, VT_RIGHT_READ, &thing.object, now, &decision, NULL);
	return decision.allowed && decision.valid_until_ns == VT_TIME_NEVER;
}
