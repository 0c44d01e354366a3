/* SPDX-License-Identifier: Apache-2.0 */
/* See book.h: rules, and forgetting what is gone. */
#include <errno.h>
#include <string.h>

#include "index/base/clock.h"
#include "index/base/error.h"
#include "policy/book_private.h"
#include "policy/lease.h"
#include "policy/match.h"
#include "policy/people.h"

bool vt_principal_equal(const struct vt_principal *a, const struct vt_principal *b)
{
	return a->kind == b->kind && a->id == b->id;
}

bool vt_pattern_equal(const struct vt_pattern *a, const struct vt_pattern *b)
{
	return a->scope == b->scope && a->dataset == b->dataset && a->version == b->version &&
	       strcmp(a->space, b->space) == 0;
}

bool vt_book_binds(const struct vt_policy *policy, const struct vt_principal *principal,
		   const struct vt_asker *who, struct vt_instant now)
{
	uint64_t end_ns = VT_TIME_NEVER;

	return !vt_principal_is_known(principal->kind) ||
	       (vt_principal_names(policy, principal, who, VT_TO_TAKE, &end_ns) &&
		(end_ns == VT_TIME_NEVER || now.lo_ns < end_ns));
}

/* ---- adding ---------------------------------------------------------------------------------- */

static bool has_window(const struct vt_rule *rule)
{
	return rule->from_ns || rule->until_ns != VT_TIME_NEVER;
}

static int check_window(const struct vt_book_change *change, const struct vt_rule *rule,
			struct vt_error *err)
{
	char until[VT_TIME_TEXT];

	if (rule->from_ns >= rule->until_ns)
		return vt_fail(err, EINVAL, "the time of this rule ends before it begins");
	if (has_window(rule) && change->suspect)
		return vt_fail(err, EAGAIN,
			       "the clock is in doubt: no rule with a time until an administrator "
			       "accepts it ('vitrine clock accept')");
	vt_time_format(rule->until_ns, until);
	if (rule->until_ns <= change->now.hi_ns)
		return vt_fail(err, EINVAL, "the time of this rule is over already (%s)", until);
	return 0;
}

static int check_partner(const struct vt_book_change *change, const struct vt_principal *who,
			 struct vt_error *err)
{
	if (who->kind != VT_PRINCIPAL_PARTNER || vt_policy_partner(&change->next->policy, who->id))
		return 0;
	return vt_fail(err, ENOENT, "there is no partner '%s'", who->name);
}

static int check_maker(const struct vt_book_change *change, const struct vt_rule *rule,
		       const struct vt_asker *maker, struct vt_error *err)
{
	if (rule->kind == VT_RULE_DENY && rule->right == VT_RIGHT_ADMIN &&
	    vt_book_binds(&change->next->policy, &rule->who, maker, change->now))
		return vt_fail(err, EINVAL,
			       "this would take the right to administer from you, who make it");
	return 0;
}

/* Another of the same kind for the same, which the new one replaces. */
static void drop_same(struct vt_book_change *change, const struct vt_rule *rule)
{
	for (size_t i = change->next->policy.rule_count; i-- > 0;) {
		const struct vt_rule *old = &change->next->rules[i];

		if (old->kind == rule->kind && old->right == rule->right &&
		    vt_principal_equal(&old->who, &rule->who) &&
		    vt_pattern_equal(&old->object, &rule->object))
			vt_book_change_drop_rule(change, i);
	}
}

static int add_rule(struct vt_book_change *change, const struct vt_rule *rule,
		    const struct vt_asker *maker, struct vt_error *err)
{
	struct vt_rule made = *rule;
	int r = check_window(change, rule, err);

	if (r == 0)
		r = vt_object_exists(change->book->catalog, &rule->object, err);
	if (r == 0)
		r = check_partner(change, &rule->who, err);
	if (r == 0)
		r = check_maker(change, rule, maker, err);
	if (r == 0 && rule->who.kind == VT_PRINCIPAL_USER)
		r = vt_book_change_pin(change, rule->who.id, rule->who.name, err);
	if (r < 0)
		return r;
	drop_same(change, rule);
	if (change->next->policy.rule_count >= VT_RULES_MAX)
		return vt_fail(err, EOVERFLOW, "the store has %u rules already", VT_RULES_MAX);
	made.id = change->head.revision;
	made.made_ns = change->now.lo_ns;
	r = vt_book_change_put_rule(change, &made, err);
	if (r == 0)
		r = vt_book_record_rule(change, VT_AUDIT_RULE_ADD, &made, made.by_uid, err);
	return r < 0 ? r : vt_book_change_commit(change, err);
}

int vt_book_add_rule(struct vt_book *book, const struct vt_rule *rule, uint64_t *id,
		     struct vt_error *err)
{
	return vt_book_add_rule_with(book, rule, NULL, NULL, id, err);
}

int vt_book_add_rule_with(struct vt_book *book, const struct vt_rule *rule, vt_batch_writer *writer,
			  void *context, uint64_t *id, struct vt_error *err)
{
	vt_cleanup(vt_person_unrefp) const struct vt_person *person = NULL;
	struct vt_asker maker = {.uid = rule->by_uid};
	struct vt_book_change change;
	int r;

	if (rule->kind != VT_RULE_ALLOW && rule->kind != VT_RULE_DENY)
		return vt_fail(err, EINVAL, "there is no such kind of rule");
	if ((unsigned) rule->right >= VT_RIGHT_COUNT)
		return vt_fail(err, EINVAL, "the right '%s' comes with any other, it is not given",
			       vt_right_name(rule->right));
	/* Before the lock: the user database may take its time. */
	if (vt_people_ask(rule->by_uid, &person) == 0) {
		maker.groups = person->groups;
		maker.group_count = person->group_count;
	}
	r = vt_book_change_begin(book, &change, err);
	change.writer = writer;
	change.writer_context = context;
	if (r == 0)
		r = add_rule(&change, rule, &maker, err);
	if (r == 0)
		*id = change.head.revision;
	vt_book_change_done(&change);
	return r;
}

/* ---- removing -------------------------------------------------------------------------------- */

/* How many of principal, right and object are the same; the object counts most, then who. */
static int likeness(const struct vt_rule *rule, const struct vt_principal *who, enum vt_right right,
		    const struct vt_pattern *object)
{
	return 4 * vt_pattern_equal(&rule->object, object) +
	       3 * vt_principal_equal(&rule->who, who) + 2 * (rule->right == right);
}

static int no_such_rule(struct vt_book_change *change, const struct vt_principal *who,
			enum vt_right right, const struct vt_pattern *object, struct vt_error *err)
{
	char whom[VT_PRINCIPAL_TEXT_MAX], what[VT_PATTERN_TEXT_MAX];
	const struct vt_rule *closest = NULL;
	int best = 2; /* the same right alone is no likeness */

	for (size_t i = 0; i < change->next->policy.rule_count; i++) {
		int like = likeness(&change->next->rules[i], who, right, object);

		if (like > best) {
			best = like;
			closest = &change->next->rules[i];
		}
	}
	if (!closest)
		return vt_fail(err, ENOENT, "there is no such rule, nor one like it");
	vt_principal_format(&closest->who, whom, sizeof whom);
	vt_pattern_format(change->book->catalog, &closest->object, what, sizeof what);
	return vt_fail(err, ENOENT,
		       "there is no such rule; closest comes rule %llu: %s %s %s on %s",
		       (unsigned long long) closest->id,
		       closest->kind == VT_RULE_ALLOW  ? "allow"
		       : closest->kind == VT_RULE_DENY ? "deny"
						       : "(of a newer vitrine)",
		       whom, vt_right_name(closest->right), what);
}

static int remove_rule(struct vt_book_change *change, const struct vt_principal *who,
		       enum vt_right right, const struct vt_pattern *object, uint32_t by_uid,
		       size_t *removed, struct vt_error *err)
{
	size_t count = 0;
	int r = 0;

	for (size_t i = change->next->policy.rule_count; r == 0 && i-- > 0;) {
		const struct vt_rule *rule = &change->next->rules[i];

		if (rule->right != right || !vt_principal_equal(&rule->who, who) ||
		    !vt_pattern_equal(&rule->object, object))
			continue;
		r = vt_book_record_rule(change, VT_AUDIT_RULE_REMOVE, rule, by_uid, err);
		vt_book_change_drop_rule(change, i);
		count++;
	}
	if (count == 0)
		return no_such_rule(change, who, right, object, err);
	if (r == 0)
		r = vt_book_change_commit(change, err);
	if (r == 0)
		*removed = count;
	return r;
}

int vt_book_remove_rule(struct vt_book *book, const struct vt_principal *who, enum vt_right right,
			const struct vt_pattern *object, uint32_t by_uid, size_t *removed,
			struct vt_error *err)
{
	struct vt_book_change change;
	int r = vt_book_change_begin(book, &change, err);

	if (r == 0)
		r = remove_rule(&change, who, right, object, by_uid, removed, err);
	vt_book_change_done(&change);
	return r;
}

/* ---- forgetting ------------------------------------------------------------------------------ */

int vt_book_change_forget(struct vt_book_change *change, vt_gone *gone, const void *context,
			  struct vt_error *err)
{
	int forgotten = 0;

	for (size_t i = change->next->policy.rule_count; i-- > 0;)
		if (gone(change->book, &change->next->rules[i].object, context)) {
			vt_book_change_drop_rule(change, i);
			forgotten = 1;
		}
	for (size_t i = change->next->policy.lease_count; i-- > 0;) {
		struct vt_lease lease = change->next->leases[i];
		int r;

		if (!gone(change->book, &lease.object, context))
			continue;
		vt_lease_remove(&lease, change->now);
		r = vt_book_record_lease(change, VT_AUDIT_LEASE_END, &lease, err);
		if (r == 0)
			r = vt_book_change_put_lease(change, &lease, err);
		if (r < 0)
			return r;
		forgotten = 1;
	}
	return forgotten;
}

static bool is_of(const struct vt_book *book, const struct vt_pattern *object, const void *context)
{
	const struct vt_pattern *gone = context;

	return object->dataset && object->dataset == gone->dataset &&
	       (!gone->version || object->version == gone->version);
}

int vt_book_forget(struct vt_book *book, uint32_t dataset, uint32_t version, struct vt_error *err)
{
	const struct vt_pattern gone = {.dataset = dataset, .version = version};
	struct vt_book_change change;
	int r = vt_book_change_begin(book, &change, err);

	if (r == 0)
		r = vt_book_change_forget(&change, is_of, &gone, err);
	if (r > 0)
		r = vt_book_change_commit(&change, err);
	vt_book_change_done(&change);
	return r;
}
