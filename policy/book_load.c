/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See book.h: loading. Rows that do not fit together are damage, and stop it: a policy that is half
 * there would let in whom the other half keeps out. What is gone from the catalog is no damage: rm
 * was cut off before vt_book_forget(), and it is dropped here.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/error.h"
#include "index/base/array.h"
#include "index/record.h"
#include "policy/book_private.h"
#include "policy/lease.h"

static int damaged(struct vt_error *err, const char *what)
{
	return vt_fail(err, EBADMSG, "the index has a damaged row: %s", what);
}

static int no_memory(struct vt_error *err)
{
	return vt_fail(err, ENOMEM, "no memory for the policy");
}

/* ---- rows ------------------------------------------------------------------------------------ */

static int load_rule(struct vt_book *book, uint64_t id, const struct vt_value *value,
		     struct vt_error *err)
{
	struct vt_rule rule;
	int r = vt_rule_decode(id, value->data, value->len, &rule, err);

	if (r < 0)
		return r;
	if (book->now->policy.rule_count >= VT_RULES_MAX)
		return damaged(err, "more rules than there can be");
	return vt_snapshot_put_rule(book->now, &rule) < 0 ? no_memory(err) : 0;
}

static int load_partner(struct vt_book *book, uint64_t id, const struct vt_value *value,
			struct vt_error *err)
{
	struct vt_partner partner;
	int r = vt_partner_decode((uint32_t) id, value->data, value->len, &partner, err);

	if (r < 0)
		return r;
	if (vt_snapshot_partner(book->now, partner.name))
		r = damaged(err, "two partners have one name");
	else if (book->now->policy.partner_count >= VT_PARTNERS_MAX)
		r = damaged(err, "more partners than there can be");
	else if (vt_snapshot_put_partner(book->now, &partner) < 0)
		r = no_memory(err);
	free(partner.members);
	return r;
}

static int load_pin(struct vt_book *book, uint64_t uid, const struct vt_value *value,
		    struct vt_error *err)
{
	struct vt_member pin;
	int r = vt_pin_decode((uint32_t) uid, value->data, value->len, &pin, err);

	if (r < 0)
		return r;
	return vt_snapshot_put_pin(book->now, &pin) < 0 ? no_memory(err) : 0;
}

static int load_row(struct vt_book *book, const struct vt_value *key, const struct vt_value *value,
		    struct vt_error *err)
{
	uint64_t id;

	switch (vt_policy_key_read(key->data, key->len, &id)) {
	case VT_ROW_HEAD:
		return vt_policy_head_decode(value->data, value->len, &book->head, err);
	case VT_ROW_CLOCK:
		return 0; /* the timekeeper's */
	case VT_ROW_RULE:
		return load_rule(book, id, value, err);
	case VT_ROW_PARTNER:
		return load_partner(book, id, value, err);
	case VT_ROW_PIN:
		return load_pin(book, id, value, err);
	case VT_ROW_UNKNOWN:
		break;
	}
	return vt_fail(err, ENOTSUP, "it has rows of a kind that a newer vitrine made");
}

static int add_ended(struct vt_book *book, const struct vt_lease *lease, struct vt_error *err)
{
	if (vt_array_reserve(book->ended, book->ended_room, book->ended_count + 1) < 0)
		return no_memory(err);
	book->ended[book->ended_count++] = *lease;
	return 0;
}

static int load_lease(struct vt_book *book, const struct vt_value *key,
		      const struct vt_value *value, struct vt_error *err)
{
	struct vt_lease lease;
	int r;

	if (key->len != 8)
		return damaged(err, "a lease's key");
	r = vt_lease_decode(vt_key_read_u64(key->data), value->data, value->len, &lease, err);
	if (r < 0)
		return r;
	if (lease.id > book->head.revision || lease.fence > book->head.fence)
		return damaged(err, "a lease from the future");
	if (lease.state == VT_LEASE_ENDED)
		return add_ended(book, &lease, err);
	if (book->now->policy.lease_count >= VT_LEASES_MAX)
		return damaged(err, "more leases than there can be");
	return vt_snapshot_put_lease(book->now, &lease) < 0 ? no_memory(err) : 0;
}

static int load_family(struct vt_book *book, enum vt_family family,
		       int (*load)(struct vt_book *, const struct vt_value *,
				   const struct vt_value *, struct vt_error *),
		       struct vt_error *err)
{
	vt_cleanup(vt_iterator_freep) struct vt_iterator *it = NULL;
	struct vt_value key, value;
	int r = vt_iterator_new(book->store, family, NULL, 0, NULL, 0, &it, err);

	if (r < 0)
		return r;
	while ((r = vt_iterator_next(it, &key, &value, err)) > 0) {
		r = load(book, &key, &value, err);
		if (r < 0)
			return r;
	}
	return r;
}

/* ---- do they fit together? ------------------------------------------------------------------- */

static int check_rules(const struct vt_book *book, struct vt_error *err)
{
	const struct vt_policy *policy = &book->now->policy;

	for (size_t i = 0; i < policy->rule_count; i++) {
		const struct vt_rule *rule = &policy->rules[i];

		if (rule->id > book->head.revision)
			return damaged(err, "a rule from the future");
		if (rule->who.kind == VT_PRINCIPAL_PARTNER &&
		    !vt_policy_partner(policy, rule->who.id))
			return damaged(err, "a rule for a partner that is none");
	}
	for (size_t i = 0; i < policy->partner_count; i++)
		if (policy->partners[i].id >= book->head.partner)
			return damaged(err, "a partner from the future");
	return 0;
}

static int check_leases(const struct vt_book *book, struct vt_error *err)
{
	const struct vt_policy *policy = &book->now->policy;
	struct vt_claims claims;

	vt_claims_begin(&claims, book->catalog, policy);
	for (size_t i = 0; i < policy->lease_count; i++)
		for (size_t k = 0; k < i; k++) {
			const struct vt_lease *a = &policy->leases[k], *b = &policy->leases[i];

			if (!vt_lease_masks(a) || !vt_lease_masks(b))
				continue;
			if (a->fence == b->fence)
				return damaged(err, "two leases have one fence");
			if (a->holder.id != b->holder.id && vt_claims_meet(&claims, a, b))
				return damaged(err, "two leases on one object");
		}
	return 0;
}

/* ---- dropping what is gone ------------------------------------------------------------------- */

static bool is_gone(const struct vt_book *book, const struct vt_pattern *object,
		    const void *context)
{
	return vt_object_exists(book->catalog, object, NULL) == -ENOENT;
}

static bool is_named(const struct vt_policy *policy, uint32_t uid)
{
	for (size_t i = 0; i < policy->rule_count; i++)
		if (policy->rules[i].who.kind == VT_PRINCIPAL_USER &&
		    policy->rules[i].who.id == uid)
			return true;
	for (size_t i = 0; i < policy->lease_count; i++)
		if (policy->leases[i].holder.id == uid)
			return true;
	for (size_t i = 0; i < policy->partner_count; i++)
		if (vt_member_find(policy->partners[i].members, policy->partners[i].member_count,
				   uid))
			return true;
	return false;
}

static bool owns_a_dataset(const struct vt_dataset *const *datasets, size_t count, uint32_t uid)
{
	for (size_t i = 0; i < count; i++)
		if (datasets[i]->owner_uid == uid)
			return true;
	return false;
}

/* Of users whom nothing names any more. 1: some went. */
static int drop_pins(struct vt_book_change *change, struct vt_error *err)
{
	const struct vt_dataset **datasets = NULL;
	size_t count = 0;
	int dropped = 0;

	if (vt_catalog_datasets(change->book->catalog, &datasets, &count) < 0)
		return no_memory(err);
	for (size_t i = change->next->policy.pin_count; i-- > 0;) {
		uint32_t uid = change->next->pins[i].uid;

		if (is_named(&change->next->policy, uid) || owns_a_dataset(datasets, count, uid))
			continue;
		vt_book_change_drop_pin(change, i);
		dropped = 1;
	}
	vt_datasets_free(datasets, count);
	return dropped;
}

static int drop_gone(struct vt_book *book, struct vt_error *err)
{
	struct vt_book_change change;
	int r = vt_book_change_begin(book, &change, err), forgotten = 0, pins = 0;

	if (r == 0)
		forgotten = r = vt_book_change_forget(&change, is_gone, NULL, err);
	if (r >= 0)
		pins = r = drop_pins(&change, err);
	if (r >= 0)
		r = forgotten || pins ? vt_book_change_commit(&change, err) : 0;
	vt_book_change_done(&change);
	return r;
}

static int by_end(const void *a, const void *b)
{
	const struct vt_lease *left = a, *right = b;

	if (left->ended_ns != right->ended_ns)
		return left->ended_ns < right->ended_ns ? -1 : 1;
	return left->id < right->id ? -1 : left->id > right->id;
}

int vt_book_load(struct vt_book *book, struct vt_error *err)
{
	int r = load_family(book, VT_CF_POLICY, load_row, err);

	if (r == 0)
		r = load_family(book, VT_CF_LEASE, load_lease, err);
	if (r == 0)
		r = check_rules(book, err);
	if (r == 0)
		r = check_leases(book, err);
	if (r < 0)
		return r;
	if (book->ended_count)
		qsort(book->ended, book->ended_count, sizeof *book->ended, by_end);
	book->revision = book->now->policy.revision = book->head.revision;
	return drop_gone(book, err);
}
