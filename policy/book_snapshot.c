/* SPDX-License-Identifier: Apache-2.0 */
/* The counted snapshot of book_private.h: its arrays, in order of ids, and copies of it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/book_private.h"

#include "index/base/array.h"

struct vt_snapshot *vt_snapshot_new(uint32_t store_owner)
{
	struct vt_snapshot *snapshot = calloc(1, sizeof *snapshot);

	if (!snapshot)
		return NULL;
	snapshot->refs = 1;
	snapshot->policy.store_owner = store_owner;
	return snapshot;
}

void vt_snapshot_unref(struct vt_snapshot *snapshot)
{
	if (!snapshot || atomic_fetch_sub(&snapshot->refs, 1) != 1)
		return;
	for (size_t i = 0; i < snapshot->policy.partner_count; i++)
		free(snapshot->partners[i].members);
	free(snapshot->rules);
	free(snapshot->leases);
	free(snapshot->partners);
	free(snapshot->pins);
	free(snapshot);
}

/* Where the id belongs; ids grow, so looking begins at the end. */
#define PLACE(array, count, member, id)                                                            \
	__extension__({                                                                            \
		size_t at_ = (count);                                                              \
                                                                                                   \
		while (at_ > 0 && (array)[at_ - 1].member >= (id))                                 \
			at_--;                                                                     \
		at_;                                                                               \
	})

#define PUT(snapshot, array, count, room, member, item)                                            \
	__extension__({                                                                            \
		size_t place_ = PLACE((snapshot)->array, (snapshot)->policy.count, member,         \
				      (item)->member);                                             \
		bool there_ = place_ < (snapshot)->policy.count &&                                 \
			      (snapshot)->array[place_].member == (item)->member;                  \
		int r_ = there_ ? 0                                                                \
				: vt_array_reserve((snapshot)->array, (snapshot)->room,            \
						   (snapshot)->policy.count + 1);                  \
                                                                                                   \
		if (r_ == 0 && !there_) {                                                          \
			memmove(&(snapshot)->array[place_ + 1], &(snapshot)->array[place_],        \
				((snapshot)->policy.count - place_) * sizeof *(snapshot)->array);  \
			(snapshot)->policy.count++;                                                \
		}                                                                                  \
		if (r_ == 0)                                                                       \
			(snapshot)->array[place_] = *(item);                                       \
		(snapshot)->policy.array = (snapshot)->array;                                      \
		r_;                                                                                \
	})

#define DROP(snapshot, array, count, index)                                                        \
	do {                                                                                       \
		(snapshot)->policy.count--;                                                        \
		memmove(&(snapshot)->array[index], &(snapshot)->array[(index) + 1],                \
			((snapshot)->policy.count - (index)) * sizeof *(snapshot)->array);         \
	} while (0)

int vt_snapshot_put_rule(struct vt_snapshot *snapshot, const struct vt_rule *rule)
{
	return PUT(snapshot, rules, rule_count, rule_room, id, rule);
}

int vt_snapshot_put_lease(struct vt_snapshot *snapshot, const struct vt_lease *lease)
{
	return PUT(snapshot, leases, lease_count, lease_room, id, lease);
}

int vt_snapshot_put_pin(struct vt_snapshot *snapshot, const struct vt_member *pin)
{
	return PUT(snapshot, pins, pin_count, pin_room, uid, pin);
}

int vt_snapshot_put_partner(struct vt_snapshot *snapshot, const struct vt_partner *partner)
{
	struct vt_partner copy = *partner, *old = NULL;
	struct vt_member *old_members = NULL;
	int r;

	for (size_t i = 0; i < snapshot->policy.partner_count; i++)
		if (snapshot->partners[i].id == partner->id)
			old = &snapshot->partners[i];
	copy.members = calloc(partner->member_count + 1, sizeof *copy.members);
	if (!copy.members)
		return -ENOMEM;
	if (partner->member_count)
		memcpy(copy.members, partner->members,
		       partner->member_count * sizeof *copy.members);
	if (old)
		old_members = old->members;
	r = PUT(snapshot, partners, partner_count, partner_room, id, &copy);
	free(r < 0 ? copy.members : old_members);
	return r;
}

void vt_snapshot_drop_rule(struct vt_snapshot *snapshot, size_t index)
{
	DROP(snapshot, rules, rule_count, index);
}

void vt_snapshot_drop_lease(struct vt_snapshot *snapshot, uint64_t id)
{
	struct vt_lease *lease = vt_snapshot_lease(snapshot, id);
	size_t index = lease ? (size_t) (lease - snapshot->leases) : 0;

	if (lease)
		DROP(snapshot, leases, lease_count, index);
}

void vt_snapshot_drop_pin(struct vt_snapshot *snapshot, size_t index)
{
	DROP(snapshot, pins, pin_count, index);
}

struct vt_lease *vt_snapshot_lease(const struct vt_snapshot *snapshot, uint64_t id)
{
	size_t i = PLACE(snapshot->leases, snapshot->policy.lease_count, id, id);

	return i < snapshot->policy.lease_count && snapshot->leases[i].id == id
		       ? &snapshot->leases[i]
		       : NULL;
}

struct vt_partner *vt_snapshot_partner(const struct vt_snapshot *snapshot, const char *name)
{
	for (size_t i = 0; i < snapshot->policy.partner_count; i++)
		if (strcmp(snapshot->partners[i].name, name) == 0)
			return &snapshot->partners[i];
	return NULL;
}

struct vt_member *vt_snapshot_pin(const struct vt_snapshot *snapshot, uint32_t uid)
{
	size_t i = PLACE(snapshot->pins, snapshot->policy.pin_count, uid, uid);

	return i < snapshot->policy.pin_count && snapshot->pins[i].uid == uid ? &snapshot->pins[i]
									      : NULL;
}

#define COPY_ARRAY(to, from, array, count, room)                                                   \
	__extension__({                                                                            \
		size_t count_ = (from)->policy.count;                                              \
                                                                                                   \
		(to)->array = calloc(count_ + 4, sizeof *(to)->array);                             \
		if ((to)->array && count_)                                                         \
			memcpy((to)->array, (from)->array, count_ * sizeof *(to)->array);          \
		(to)->policy.array = (to)->array;                                                  \
		(to)->policy.count = (to)->array ? count_ : 0;                                     \
		(to)->room = (to)->array ? count_ + 4 : 0;                                         \
		(to)->array != NULL;                                                               \
	})

struct vt_snapshot *vt_snapshot_copy(const struct vt_snapshot *from)
{
	vt_cleanup(vt_snapshot_unrefp) struct vt_snapshot *to =
		vt_snapshot_new(from->policy.store_owner);

	if (!to || !COPY_ARRAY(to, from, rules, rule_count, rule_room) ||
	    !COPY_ARRAY(to, from, leases, lease_count, lease_room) ||
	    !COPY_ARRAY(to, from, pins, pin_count, pin_room))
		return NULL;
	to->policy.revision = from->policy.revision;
	for (size_t i = 0; i < from->policy.partner_count; i++)
		if (vt_snapshot_put_partner(to, &from->partners[i]) < 0)
			return NULL;
	return vt_steal(&to);
}
