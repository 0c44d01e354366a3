/* SPDX-License-Identifier: Apache-2.0 */
/* See book.h and, for how a change goes, book_private.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/clock.h"
#include "index/base/array.h"
#include "index/base/crashpoint.h"
#include "index/base/error.h"
#include "index/record.h"
#include "policy/book_private.h"

static int no_memory(struct vt_error *err)
{
	return vt_fail(err, ENOMEM, "no memory for the policy");
}

/* ---- opening, snapshots ---------------------------------------------------------------------- */

int vt_book_open(struct vt_store *store, struct vt_catalog *catalog, struct vt_timekeeper *time,
		 uint32_t store_owner, struct vt_book **out, struct vt_error *err)
{
	vt_cleanup(vt_book_closep) struct vt_book *book = calloc(1, sizeof *book);
	int r;

	if (!book)
		return no_memory(err);
	(void) pthread_mutex_init(&book->writer, NULL);
	(void) pthread_mutex_init(&book->lock, NULL);
	book->store = store;
	book->catalog = catalog;
	book->time = time;
	book->head = (struct vt_policy_head){.partner = 1};
	book->now = vt_snapshot_new(store_owner);
	if (!book->now)
		return no_memory(err);
	r = vt_book_load(book, err);
	if (r < 0)
		return vt_fail_in(err, r, "the policy");
	*out = vt_steal(&book);
	return 0;
}

void vt_book_close(struct vt_book *book)
{
	if (!book)
		return;
	vt_snapshot_unref(book->now);
	free(book->ended);
	(void) pthread_mutex_destroy(&book->lock);
	(void) pthread_mutex_destroy(&book->writer);
	free(book);
}

const struct vt_policy *vt_book_policy(struct vt_book *book)
{
	const struct vt_policy *policy;

	(void) pthread_mutex_lock(&book->lock);
	(void) atomic_fetch_add(&book->now->refs, 1);
	policy = &book->now->policy;
	(void) pthread_mutex_unlock(&book->lock);
	return policy;
}

void vt_policy_unref(const struct vt_policy *policy)
{
	if (policy)
		vt_snapshot_unref(
			(struct vt_snapshot *) (void *) ((char *) (uintptr_t) policy -
							 offsetof(struct vt_snapshot, policy)));
}

uint64_t vt_book_revision(struct vt_book *book)
{
	return book->revision;
}

/* ---- changes --------------------------------------------------------------------------------- */

int vt_book_change_begin(struct vt_book *book, struct vt_book_change *change, struct vt_error *err)
{
	*change = (struct vt_book_change){.book = book};
	(void) pthread_mutex_lock(&book->writer);
	change->head = book->head;
	change->head.revision++;
	change->now = vt_timekeeper_now(book->time);
	change->suspect = vt_timekeeper_is_suspect(book->time);
	change->batch = vt_batch_new();
	change->next = vt_snapshot_copy(book->now);
	return change->next ? 0 : no_memory(err);
}

void vt_book_change_done(struct vt_book_change *change)
{
	vt_batch_free(change->batch);
	vt_snapshot_unref(change->next);
	free(change->ended);
	(void) pthread_mutex_unlock(&change->book->writer);
}

/* Room for what this change ends, so that nothing can fail behind the write. */
static int reserve_ended(struct vt_book *book, size_t more, struct vt_error *err)
{
	int r;

	(void) pthread_mutex_lock(&book->lock);
	r = vt_array_reserve(book->ended, book->ended_room, book->ended_count + more);
	(void) pthread_mutex_unlock(&book->lock);
	return r < 0 ? no_memory(err) : 0;
}

/* How many at the head of the list are past their time; their rows go into the batch. */
static size_t drop_old(struct vt_book_change *change)
{
	const struct vt_book *book = change->book;
	size_t all = book->ended_count + change->ended_count, count = 0;

	while (count < book->ended_count &&
	       (book->ended[count].ended_ns + VT_ENDED_KEPT_NS <= change->now.lo_ns ||
		all - count > VT_ENDED_MAX)) {
		uint8_t key[8];

		vt_key_u64(book->ended[count].id, key);
		vt_batch_delete(change->batch, book->store, VT_CF_LEASE, key, sizeof key);
		count++;
	}
	return count;
}

/* The batch was written. */
static void come_into_force(void *context)
{
	struct vt_book_change *change = context;
	struct vt_book *book = change->book;
	size_t dropped = change->dropped;
	struct vt_snapshot *old;

	VT_CRASHPOINT("policy-after-commit");
	book->head = change->head;
	book->noted_ns = vt_clock_boottime_ns();
	(void) pthread_mutex_lock(&book->lock);
	old = book->now;
	book->now = vt_steal(&change->next);
	book->revision = book->now->policy.revision;
	book->ended_count -= dropped;
	if (dropped && book->ended_count)
		memmove(book->ended, book->ended + dropped,
			book->ended_count * sizeof *book->ended);
	for (size_t i = 0; i < change->ended_count; i++)
		book->ended[book->ended_count++] = change->ended[i];
	(void) pthread_mutex_unlock(&book->lock);
	vt_snapshot_unref(old);
	VT_CRASHPOINT("policy-in-force");
}

int vt_book_change_commit(struct vt_book_change *change, struct vt_error *err)
{
	vt_cleanup(vt_buf_done) struct vt_buf value = VT_BUF_INIT;
	struct vt_book *book = change->book;
	int r = reserve_ended(book, change->ended_count, err);

	if (r < 0)
		return r;
	if (vt_policy_head_encode(&change->head, &value) < 0)
		return no_memory(err);
	vt_batch_put(change->batch, book->store, VT_CF_POLICY, VT_POLICY_KEY_HEAD,
		     strlen(VT_POLICY_KEY_HEAD), value.data, value.len);
	vt_timekeeper_note(book->time, change->batch);
	change->dropped = drop_old(change);
	change->next->policy.revision = change->head.revision;
	vt_batch_when_written(change->batch, come_into_force, change);
	VT_CRASHPOINT("policy-before-commit");
	return change->writer ? change->writer(change->writer_context, change->batch, err)
			      : vt_store_write(book->store, change->batch, true, err);
}

/* ---- rows of a change ------------------------------------------------------------------------ */

static void put(struct vt_book_change *change, struct vt_policy_key key, const struct vt_buf *value)
{
	vt_batch_put(change->batch, change->book->store, VT_CF_POLICY, key.bytes, key.len,
		     value->data, value->len);
}

static void drop(struct vt_book_change *change, struct vt_policy_key key)
{
	vt_batch_delete(change->batch, change->book->store, VT_CF_POLICY, key.bytes, key.len);
}

int vt_book_change_put_rule(struct vt_book_change *change, const struct vt_rule *rule,
			    struct vt_error *err)
{
	vt_cleanup(vt_buf_done) struct vt_buf value = VT_BUF_INIT;
	int r = vt_rule_encode(rule, &value, err);

	if (r < 0)
		return r;
	put(change, vt_rule_key(rule->id), &value);
	return vt_snapshot_put_rule(change->next, rule) < 0 ? no_memory(err) : 0;
}

void vt_book_change_drop_rule(struct vt_book_change *change, size_t index)
{
	drop(change, vt_rule_key(change->next->rules[index].id));
	vt_snapshot_drop_rule(change->next, index);
}

int vt_book_change_put_partner(struct vt_book_change *change, const struct vt_partner *partner,
			       struct vt_error *err)
{
	vt_cleanup(vt_buf_done) struct vt_buf value = VT_BUF_INIT;
	int r = vt_partner_encode(partner, &value, err);

	if (r < 0)
		return r;
	put(change, vt_partner_key(partner->id), &value);
	return vt_snapshot_put_partner(change->next, partner) < 0 ? no_memory(err) : 0;
}

int vt_book_change_put_pin(struct vt_book_change *change, const struct vt_member *pin,
			   struct vt_error *err)
{
	vt_cleanup(vt_buf_done) struct vt_buf value = VT_BUF_INIT;
	int r = vt_pin_encode(pin->name, &value, err);

	if (r < 0)
		return r;
	put(change, vt_pin_key(pin->uid), &value);
	return vt_snapshot_put_pin(change->next, pin) < 0 ? no_memory(err) : 0;
}

void vt_book_change_drop_pin(struct vt_book_change *change, size_t index)
{
	drop(change, vt_pin_key(change->next->pins[index].uid));
	vt_snapshot_drop_pin(change->next, index);
}

/* It leaves the snapshot, which holds none that has ended. */
static int add_ended(struct vt_book_change *change, const struct vt_lease *lease,
		     struct vt_error *err)
{
	struct vt_lease copy = *lease;

	if (vt_array_reserve(change->ended, change->ended_room, change->ended_count + 1) < 0)
		return no_memory(err);
	vt_snapshot_drop_lease(change->next, copy.id);
	change->ended[change->ended_count++] = copy;
	return 0;
}

int vt_book_change_put_lease(struct vt_book_change *change, const struct vt_lease *lease,
			     struct vt_error *err)
{
	vt_cleanup(vt_buf_done) struct vt_buf value = VT_BUF_INIT;
	uint8_t key[8];
	int r = vt_lease_encode(lease, &value, err);

	if (r < 0)
		return r;
	vt_key_u64(lease->id, key);
	vt_batch_put(change->batch, change->book->store, VT_CF_LEASE, key, sizeof key, value.data,
		     value.len);
	if (lease->state == VT_LEASE_ENDED)
		return add_ended(change, lease, err);
	return vt_snapshot_put_lease(change->next, lease) < 0 ? no_memory(err) : 0;
}

/* ---- the clock ------------------------------------------------------------------------------- */

static bool has_windows(const struct vt_policy *policy)
{
	for (size_t i = 0; i < policy->rule_count; i++)
		if (policy->rules[i].from_ns || policy->rules[i].until_ns != VT_TIME_NEVER)
			return true;
	for (size_t i = 0; i < policy->partner_count; i++)
		if (policy->partners[i].until_ns != VT_TIME_NEVER)
			return true;
	return policy->lease_count > 0;
}

int vt_book_keep_time(struct vt_book *book, struct vt_error *err)
{
	vt_cleanup(vt_batch_freep) struct vt_batch *batch = vt_batch_new();
	uint64_t boottime = vt_clock_boottime_ns();
	int r = 0;

	(void) pthread_mutex_lock(&book->writer);
	if (boottime - book->noted_ns >= VT_KEEP_TIME_NS && has_windows(&book->now->policy)) {
		vt_timekeeper_note(book->time, batch);
		r = vt_store_write(book->store, batch, true, err);
		if (r == 0)
			book->noted_ns = boottime;
	}
	(void) pthread_mutex_unlock(&book->writer);
	return r;
}
