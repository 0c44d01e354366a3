/* SPDX-License-Identifier: Apache-2.0 */
/* See book.h: partners, and the names that uids are pinned to. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/error.h"
#include "policy/book_private.h"
#include "policy/people.h"

/* ---- pins ------------------------------------------------------------------------------------ */

int vt_book_change_pin(struct vt_book_change *change, uint32_t uid, const char *name,
		       struct vt_error *err)
{
	const struct vt_member *old = vt_snapshot_pin(change->next, uid);
	struct vt_member pin = {.uid = uid};
	size_t len = strlen(name);

	if (old && strcmp(old->name, name) == 0)
		return 0;
	if (old)
		return vt_fail(err, ESTALE,
			       "uid %u was %s's when it was first named here and is %s's now; an "
			       "administrator can give it what was %s's ('vitrine repin %s'), or "
			       "take that away",
			       (unsigned) uid, old->name, name, old->name, name);
	if (len == 0 || len > VT_PRINCIPAL_NAME_MAX)
		return vt_fail(err, EINVAL, "uid %u has no name that can be kept", (unsigned) uid);
	memcpy(pin.name, name, len + 1);
	return vt_book_change_put_pin(change, &pin, err);
}

static int rename_rules(struct vt_book_change *change, const struct vt_member *pin,
			struct vt_error *err)
{
	for (size_t i = 0; i < change->next->policy.rule_count; i++) {
		struct vt_rule rule = change->next->rules[i];
		int r;

		if (rule.who.kind != VT_PRINCIPAL_USER || rule.who.id != pin->uid ||
		    (rule.kind != VT_RULE_ALLOW && rule.kind != VT_RULE_DENY))
			continue;
		memcpy(rule.who.name, pin->name, sizeof rule.who.name);
		r = vt_book_change_put_rule(change, &rule, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int rename_leases(struct vt_book_change *change, const struct vt_member *pin,
			 struct vt_error *err)
{
	for (size_t i = 0; i < change->next->policy.lease_count; i++) {
		struct vt_lease lease = change->next->leases[i];
		int r;

		if (lease.holder.id != pin->uid)
			continue;
		memcpy(lease.holder.name, pin->name, sizeof lease.holder.name);
		r = vt_book_change_put_lease(change, &lease, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int rename_members(struct vt_book_change *change, const struct vt_member *pin,
			  struct vt_error *err)
{
	for (size_t i = 0; i < change->next->policy.partner_count; i++) {
		struct vt_partner *partner = &change->next->partners[i];
		bool is_in = false;
		int r;

		for (size_t k = 0; k < partner->member_count; k++) {
			if (partner->members[k].uid != pin->uid)
				continue;
			partner->members[k] = *pin;
			is_in = true;
		}
		r = is_in ? vt_book_change_put_partner(change, partner, err) : 0;
		if (r < 0)
			return r;
	}
	return 0;
}

static int repin(struct vt_book_change *change, const struct vt_member *pin, uint32_t by_uid,
		 struct vt_member *was, struct vt_error *err)
{
	const struct vt_member *old = vt_snapshot_pin(change->next, pin->uid);
	int r;

	if (!old)
		return vt_fail(err, ENOENT, "nothing here names uid %u", (unsigned) pin->uid);
	*was = *old;
	if (strcmp(old->name, pin->name) == 0)
		return 0;
	r = vt_book_change_put_pin(change, pin, err);
	if (r == 0)
		r = rename_rules(change, pin, err);
	if (r == 0)
		r = rename_leases(change, pin, err);
	if (r == 0)
		r = rename_members(change, pin, err);
	if (r == 0)
		r = vt_book_record_repin(change, was, pin->name, by_uid, err);
	return r < 0 ? r : vt_book_change_commit(change, err);
}

int vt_book_repin(struct vt_book *book, uint32_t uid, uint32_t by_uid, struct vt_member *was,
		  struct vt_error *err)
{
	vt_cleanup(vt_person_unrefp) const struct vt_person *person = NULL;
	struct vt_member pin = {.uid = uid};
	struct vt_book_change change;
	int r = vt_people_ask(uid, &person);

	if (r < 0)
		return vt_fail(err, -r, "uid %u cannot be looked up: %m", (unsigned) uid);
	if (!person->name[0])
		return vt_fail(err, ENOENT, "uid %u is no user's on this machine", (unsigned) uid);
	if (strlen(person->name) > VT_PRINCIPAL_NAME_MAX)
		return vt_fail(err, EINVAL, "the name of uid %u is too long", (unsigned) uid);
	memcpy(pin.name, person->name, strlen(person->name));
	r = vt_book_change_begin(book, &change, err);
	if (r == 0)
		r = repin(&change, &pin, by_uid, was, err);
	vt_book_change_done(&change);
	return r;
}

/* ---- partners -------------------------------------------------------------------------------- */

static int check_name(const char *name, struct vt_error *err)
{
	if (strchr(name, '/') || strlen(name) > VT_PRINCIPAL_NAME_MAX)
		return vt_fail(err, EINVAL, "'%.100s' is no name for a partner", name);
	return vt_dataset_name_check(name, err);
}

static int check_until(const struct vt_book_change *change, uint64_t until_ns, struct vt_error *err)
{
	if (until_ns != VT_TIME_NEVER && change->suspect)
		return vt_fail(err, EAGAIN,
			       "the clock is in doubt: no partner with an end until an "
			       "administrator accepts it ('vitrine clock accept')");
	if (until_ns <= change->now.hi_ns)
		return vt_fail(err, EINVAL, "the partner's time is over already");
	return 0;
}

/* Puts the user into members that have room, in order of uids, once. */
static void insert(struct vt_partner *partner, const struct vt_member *user)
{
	size_t at = partner->member_count;

	while (at > 0 && partner->members[at - 1].uid >= user->uid)
		at--;
	if (at < partner->member_count && partner->members[at].uid == user->uid)
		return;
	memmove(&partner->members[at + 1], &partner->members[at],
		(partner->member_count - at) * sizeof *partner->members);
	partner->members[at] = *user;
	partner->member_count++;
}

static int partner_add(struct vt_book_change *change, struct vt_partner *partner,
		       const struct vt_member *users, size_t user_count, uint32_t by_uid,
		       struct vt_error *err)
{
	int r = check_until(change, partner->until_ns, err);

	for (size_t i = 0; r == 0 && i < user_count; i++) {
		r = vt_book_change_pin(change, users[i].uid, users[i].name, err);
		insert(partner, &users[i]);
	}
	if (r < 0)
		return r;
	if (partner->member_count > VT_PARTNER_MEMBERS_MAX)
		return vt_fail(err, EOVERFLOW, "a partner has %u users at most",
			       VT_PARTNER_MEMBERS_MAX);
	if (change->next->policy.partner_count >= VT_PARTNERS_MAX &&
	    !vt_snapshot_partner(change->next, partner->name))
		return vt_fail(err, EOVERFLOW, "the store has %u partners already",
			       VT_PARTNERS_MAX);
	r = vt_book_change_put_partner(change, partner, err);
	if (r == 0)
		r = vt_book_record_partner(change, VT_AUDIT_PARTNER_ADD, partner->name, by_uid,
					   partner->until_ns, err);
	return r < 0 ? r : vt_book_change_commit(change, err);
}

/* The partner as it is, or a new one, with room for more users. `members` is the caller's to free.
 */
static int partner_begin(struct vt_book_change *change, const char *name, size_t more,
			 struct vt_partner *out, struct vt_error *err)
{
	const struct vt_partner *old = vt_snapshot_partner(change->next, name);
	size_t count = old ? old->member_count : 0;

	*out = old ? *old : (struct vt_partner){.id = 0};
	out->members = calloc(count + more + 1, sizeof *out->members);
	if (!out->members)
		return vt_fail(err, ENOMEM, "no memory for a partner");
	if (count)
		memcpy(out->members, old->members, count * sizeof *out->members);
	if (!old) {
		out->id = change->head.partner++;
		memcpy(out->name, name, strlen(name) + 1);
	}
	return 0;
}

int vt_book_partner_add(struct vt_book *book, const char *name, const struct vt_member *users,
			size_t user_count, uint64_t until_ns, uint32_t owner_uid, uint32_t by_uid,
			struct vt_error *err)
{
	struct vt_partner partner = {0};
	struct vt_book_change change;
	int r = check_name(name, err);

	if (r == 0 && user_count > VT_PARTNER_MEMBERS_MAX)
		r = vt_fail(err, EOVERFLOW, "a partner has %u users at most",
			    VT_PARTNER_MEMBERS_MAX);
	if (r < 0)
		return r;
	r = vt_book_change_begin(book, &change, err);
	if (r == 0)
		r = partner_begin(&change, name, user_count, &partner, err);
	partner.until_ns = until_ns;
	partner.owner_uid = owner_uid;
	if (r == 0)
		r = partner_add(&change, &partner, users, user_count, by_uid, err);
	free(partner.members);
	vt_book_change_done(&change);
	return r;
}

static int find_partner(struct vt_book_change *change, const char *name, struct vt_partner **out,
			struct vt_error *err)
{
	*out = vt_snapshot_partner(change->next, name);
	return *out ? 0 : vt_fail(err, ENOENT, "there is no partner '%.100s'", name);
}

static int remove_user(struct vt_book_change *change, const char *name, uint32_t uid,
		       uint32_t by_uid, struct vt_error *err)
{
	struct vt_partner *partner;
	size_t kept = 0;
	int r = find_partner(change, name, &partner, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < partner->member_count; i++)
		if (partner->members[i].uid != uid)
			partner->members[kept++] = partner->members[i];
	if (kept == partner->member_count)
		return vt_fail(err, ENOENT, "uid %u is not in the partner '%s'", (unsigned) uid,
			       partner->name);
	partner->member_count = kept;
	r = vt_book_change_put_partner(change, partner, err);
	if (r == 0)
		r = vt_book_record_partner(change, VT_AUDIT_PARTNER_REMOVE, name, by_uid,
					   VT_TIME_NEVER, err);
	return r < 0 ? r : vt_book_change_commit(change, err);
}

int vt_book_partner_remove_user(struct vt_book *book, const char *name, uint32_t uid,
				uint32_t by_uid, struct vt_error *err)
{
	struct vt_book_change change;
	int r = vt_book_change_begin(book, &change, err);

	if (r == 0)
		r = remove_user(&change, name, uid, by_uid, err);
	vt_book_change_done(&change);
	return r;
}

static int end_partner(struct vt_book_change *change, const char *name, uint32_t by_uid,
		       struct vt_error *err)
{
	struct vt_partner *partner;
	int r = find_partner(change, name, &partner, err);

	if (r < 0)
		return r;
	if (partner->until_ns > change->now.lo_ns)
		partner->until_ns = change->now.lo_ns;
	partner->member_count = 0;
	r = vt_book_change_put_partner(change, partner, err);
	if (r == 0)
		r = vt_book_record_partner(change, VT_AUDIT_PARTNER_END, name, by_uid,
					   VT_TIME_NEVER, err);
	return r < 0 ? r : vt_book_change_commit(change, err);
}

int vt_book_partner_end(struct vt_book *book, const char *name, uint32_t by_uid,
			struct vt_error *err)
{
	struct vt_book_change change;
	int r = vt_book_change_begin(book, &change, err);

	if (r == 0)
		r = end_partner(&change, name, by_uid, err);
	vt_book_change_done(&change);
	return r;
}
