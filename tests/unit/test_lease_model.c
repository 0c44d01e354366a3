/* SPDX-License-Identifier: Apache-2.0 */
/*
 * 100,000 random steps of leases, in four runs, against a naive model, which knows the objects as
 * sets of points and goes through all leases for every question. After each step: the book says
 * what the model says, one holder a point, fences and revisions that only grow, nobody ahead of
 * whom he stood behind. The clock jumps, writes fail, the book and the whole store are opened again
 * on the way. VT_SEED and VT_STEPS choose another run.
 */
#include "tests/unit/book_model.h"
#include "tests/unit/failing_write.h"
#include "tests/unit/suite.h"

/* The points of the tree: what stands for versions, and for all that may come. */
enum { V1 = 1, V2 = 2, BIRDS_TO_COME = 4, BEES = 8, LAB_TO_COME = 16, PLAIN = 32, TO_COME = 64 };

static const struct {
	const char *name;
	unsigned points;
} objects[] = {
	{"**", 127},
	{"lab/**", V1 | V2 | BIRDS_TO_COME | BEES | LAB_TO_COME},
	{"lab/birds", V1 | V2 | BIRDS_TO_COME},
	{"lab/birds@v1", V1},
	{"lab/birds@v2", V2},
	{"lab/bees", BEES},
	{"plain", PLAIN},
};
#define OBJECTS   (sizeof objects / sizeof *objects)
#define LIVE_MAX  256u
#define ENDED_MAX 120000u

struct known {
	uint64_t id, fence, until;
	unsigned object;
	uint32_t holder;
	enum vt_lease_state state;
	enum vt_lease_end end;
};

struct past {
	struct known lease;
	uint64_t ended, highest_lo; /* since it ended */
};

struct model {
	struct known live[LIVE_MAX]; /* in order of ids */
	size_t count;
	uint64_t revision, fence;
	bool changed;
};

static struct model model;
static struct past ended[ENDED_MAX];
static size_t ended_count;
static struct vt_pattern patterns[OBJECTS];
static uint64_t dice_state, served, refused, broken_writes;
static struct vt_instant now;
static bool suspect;
static uint64_t last_revision, last_fence; /* that the book showed */
static struct known just_ended[LIVE_MAX];
static size_t just_ended_count;

static uint64_t dice(uint64_t sides)
{
	dice_state ^= dice_state << 13;
	dice_state ^= dice_state >> 7;
	dice_state ^= dice_state << 17;
	return dice_state % sides;
}

static bool meet(const struct known *a, const struct known *b)
{
	return (objects[a->object].points & objects[b->object].points) != 0;
}

static bool masks(const struct known *a)
{
	return a->state == VT_LEASE_ACTIVE || a->state == VT_LEASE_DRAINING;
}

static bool in_the_way(const struct known *other, const struct known *claim)
{
	if (other->id == claim->id || !meet(other, claim))
		return false;
	if (other->state == VT_LEASE_QUEUED)
		return other->id < claim->id && other->holder != claim->holder;
	return other->holder != claim->holder || other->state == VT_LEASE_DRAINING ||
	       now.hi_ns >= other->until;
}

static bool is_free(const struct model *m, const struct known *claim)
{
	for (size_t i = 0; i < m->count; i++)
		if (in_the_way(&m->live[i], claim))
			return false;
	return true;
}

static bool is_waited_for(const struct model *m, const struct known *lease)
{
	for (size_t i = 0; i < m->count; i++)
		if (m->live[i].state == VT_LEASE_QUEUED && m->live[i].holder != lease->holder &&
		    meet(&m->live[i], lease))
			return true;
	return false;
}

static struct known *find(struct model *m, uint64_t id)
{
	for (size_t i = 0; i < m->count; i++)
		if (m->live[i].id == id)
			return &m->live[i];
	return NULL;
}

static void changed(struct model *m)
{
	if (!m->changed)
		m->revision++;
	m->changed = true;
}

static void activate(struct model *m, struct known *lease, uint64_t length)
{
	lease->state = VT_LEASE_ACTIVE;
	lease->fence = ++m->fence;
	lease->until = now.hi_ns + length;
	changed(m);
}

static void end(struct model *m, struct known *lease, enum vt_lease_end how)
{
	size_t i = (size_t) (lease - m->live);

	lease->end = how;
	lease->state = VT_LEASE_ENDED;
	just_ended[just_ended_count++] = *lease;
	memmove(lease, lease + 1, (--m->count - i) * sizeof *lease);
	changed(m);
}

static uint64_t serve(struct model *m)
{
	for (size_t i = 0; i < m->count && !suspect; i++)
		if (m->live[i].state == VT_LEASE_QUEUED && is_free(m, &m->live[i])) {
			activate(m, &m->live[i], m->live[i].until);
			return m->live[i].id;
		}
	return 0;
}

/* ---- the book against it --------------------------------------------------------------------- */

static void same(const struct known *known, const struct vt_lease *lease)
{
	ck_assert_uint_eq(lease->id, known->id);
	ck_assert_int_eq(lease->state, known->state);
	ck_assert_int_eq(lease->end, known->end);
	ck_assert_uint_eq(lease->fence, known->fence);
	ck_assert_uint_eq(lease->holder.id, known->holder);
	ck_assert_uint_eq(lease->until_ns, known->until);
	ck_assert_mem_eq(&lease->object, &patterns[known->object], sizeof lease->object);
}

/* What must be so whatever the model says. */
static void check_invariants(const struct vt_policy *policy)
{
	uint64_t highest = last_fence;

	ck_assert_uint_ge(policy->revision, last_revision);
	last_revision = policy->revision;
	for (size_t i = 0; i < model.count; i++) {
		const struct known *a = &model.live[i];

		for (size_t k = 0; k < i; k++) {
			const struct known *b = &model.live[k];

			ck_assert(a->fence == 0 || a->fence != b->fence);
			if (masks(a) && masks(b) && a->holder != b->holder)
				ck_assert(!meet(a, b));
		}
		if (a->fence > last_fence) { /* it just became active */
			ck_assert(a->state == VT_LEASE_ACTIVE);
			for (size_t k = 0; k < i; k++)
				ck_assert(model.live[k].state != VT_LEASE_QUEUED ||
					  model.live[k].holder == a->holder ||
					  !meet(&model.live[k], a));
		}
		highest = a->fence > highest ? a->fence : highest;
	}
	last_fence = highest;
}

static void compare(void)
{
	vt_cleanup(vt_policy_unrefp) const struct vt_policy *policy = vt_book_policy(book);

	ck_assert_uint_eq(policy->revision, model.revision);
	ck_assert_uint_eq(policy->lease_count, model.count);
	for (size_t i = 0; i < model.count; i++)
		same(&model.live[i], &policy->leases[i]);
	check_invariants(policy);
}

static int by_id(const void *a, const void *b)
{
	const struct vt_lease *left = a, *right = b;

	return left->id < right->id ? -1 : left->id > right->id;
}

/* Every ended one that is younger than 90 days is there, as it ended. */
static void compare_ended(void)
{
	struct vt_lease *list;
	size_t count, live = 0;

	must(vt_book_leases(book, &list, &count, &err) == 0);
	for (size_t i = 0; i < count; i++)
		live += list[i].state != VT_LEASE_ENDED;
	ck_assert_uint_eq(live, model.count);
	for (size_t i = 0; i < ended_count; i++) {
		struct vt_lease key = {.id = ended[i].lease.id};
		const struct vt_lease *found = bsearch(&key, list, count, sizeof *list, by_id);

		if (found)
			same(&ended[i].lease, found);
		else
			ck_assert_uint_ge(ended[i].highest_lo, ended[i].ended + 90 * DAY);
	}
	free(list);
}

static void look_at_clock(void)
{
	now = vt_timekeeper_now(keeper);
	suspect = vt_timekeeper_is_suspect(keeper);
	for (size_t i = 0; i < ended_count; i++)
		if (now.lo_ns > ended[i].highest_lo)
			ended[i].highest_lo = now.lo_ns;
}

/* The book's answer `r` to a step whose outcome the model says is `expected` and `then`. */
static void settle(int r, int expected, struct model *then)
{
	if (write_fails && expected == 0 && then->changed) {
		ck_assert_int_eq(r, -write_fails);
		broken_writes++;
	} else {
		ck_assert_msg(r == expected, "%d, not %d: %s", r, expected, err.text);
		if (expected == 0) {
			model = *then;
			for (size_t i = 0; i < just_ended_count; i++) {
				ck_assert_uint_lt(ended_count, ENDED_MAX);
				ended[ended_count++] =
					(struct past){just_ended[i], now.lo_ns, now.lo_ns};
			}
		}
	}
	just_ended_count = 0;
	model.changed = false;
	refused += expected != 0;
}

/* ---- steps ----------------------------------------------------------------------------------- */

static int expect_acquire(struct model *m, struct known *claim, uint64_t length, bool wait)
{
	if (suspect)
		return -EAGAIN;
	for (size_t i = 0; i < m->count; i++) {
		struct known *mine = &m->live[i];

		if (mine->holder != claim->holder || mine->object != claim->object)
			continue;
		if (mine->state == VT_LEASE_QUEUED) {
			if (!wait)
				return -EBUSY;
			if (length > mine->until) {
				mine->until = length;
				changed(m);
			}
			return 0;
		}
		if (mine->state != VT_LEASE_ACTIVE || now.hi_ns >= mine->until)
			continue;
		if (now.hi_ns + length <= mine->until)
			return 0;
		if (is_waited_for(m, mine))
			return -EBUSY;
		mine->until = now.hi_ns + length;
		changed(m);
		return 0;
	}
	claim->id = m->revision + 1;
	if (is_free(m, claim)) {
		activate(m, claim, length);
	} else if (wait) {
		claim->state = VT_LEASE_QUEUED;
		claim->until = length;
		changed(m);
	} else {
		return -EBUSY;
	}
	m->live[m->count++] = *claim;
	return 0;
}

static void step_acquire(void)
{
	struct model then = model;
	struct known claim = {.object = (unsigned) dice(OBJECTS),
			      .holder = 1001 + (uint32_t) dice(5)};
	struct vt_lease_wish wish = {.holder = {VT_PRINCIPAL_USER, claim.holder, ""},
				     .object = patterns[claim.object],
				     .length_ns = (1 + dice(100)) * HOUR,
				     .wait = dice(2)};
	struct vt_lease out;
	int expected;

	if (model.count > 60)
		return;
	strcpy(wish.holder.name, user_names[claim.holder - 1000]);
	expected = expect_acquire(&then, &claim, wish.length_ns, wish.wait);
	settle(vt_book_lease_acquire(book, &wish, &out, &err), expected, &then);
}

/* Of one there is, mostly. */
static uint64_t some_id(void)
{
	if (ended_count && dice(20) == 0 &&
	    ended[ended_count - 1].highest_lo < ended[ended_count - 1].ended + 80 * DAY)
		return ended[ended_count - 1].lease.id;
	return model.count ? model.live[dice(model.count)].id : 0;
}

static void step_renew(void)
{
	struct model then = model;
	uint64_t id = some_id(), until = now.lo_ns + dice(300) * HOUR;
	struct known *lease = find(&then, id);
	bool push = dice(4) == 0;
	struct vt_lease out;
	int expected = 0;

	if (id == 0)
		return;
	if (!lease || lease->state != VT_LEASE_ACTIVE || now.hi_ns >= lease->until)
		expected = -ESTALE;
	else if (until > lease->until && is_waited_for(&then, lease) && !push)
		expected = -EBUSY;
	else if (until > lease->until) {
		lease->until = until;
		changed(&then);
	}
	settle(vt_book_lease_renew(book, id, until, push, &out, &err), expected, &then);
}

static void step_drain(void)
{
	struct model then = model;
	uint64_t id = some_id();
	struct known *lease = find(&then, id);
	enum vt_lease_end how = (enum vt_lease_end)(1 + dice(3));
	struct vt_lease out;
	int expected = 0;

	if (id == 0)
		return;
	if (!lease)
		expected = -ESTALE;
	else if (lease->state == VT_LEASE_QUEUED)
		end(&then, lease, VT_LEASE_END_REMOVED);
	else if (lease->state == VT_LEASE_ACTIVE && how == VT_LEASE_END_EXPIRED &&
		 now.hi_ns < lease->until)
		expected = -EAGAIN;
	else if (lease->state == VT_LEASE_ACTIVE) {
		lease->state = VT_LEASE_DRAINING;
		lease->end = how;
		changed(&then);
	}
	settle(vt_book_lease_drain(book, id, how, 1000, "model", &out, &err), expected, &then);
}

static void step_finish(void)
{
	struct model then = model;
	uint64_t id = some_id(), next = 0, expected_next = 0;
	struct known *lease;
	int expected = 0, r;

	for (size_t i = 0; i < model.count && dice(4); i++)
		if (model.live[i].state == VT_LEASE_DRAINING)
			id = model.live[i].id;
	lease = find(&then, id);
	if (id == 0)
		return;
	if (!lease || lease->state != VT_LEASE_DRAINING)
		expected = -ESTALE;
	else if (lease->end == VT_LEASE_END_EXPIRED && now.lo_ns < lease->until)
		expected = -EAGAIN;
	else {
		end(&then, lease, lease->end);
		expected_next = serve(&then);
	}
	r = vt_book_lease_finish(book, id, &next, &err);
	if (r == 0)
		ck_assert_uint_eq(next, expected_next);
	served += r == 0 && next;
	settle(r, expected, &then);
}

static void step_serve(void)
{
	struct model then = model;
	uint64_t next = 0, expected_next = serve(&then);
	int r = vt_book_lease_serve(book, &next, &err);

	if (r == 0)
		ck_assert_uint_eq(next, expected_next);
	served += r == 0 && next;
	settle(r, 0, &then);
}

/* The version or the dataset, as if it were removed; the catalog keeps it. */
static void step_forget(void)
{
	unsigned points = dice(2) ? objects[2].points : objects[3].points;
	struct model then = model;

	for (size_t i = then.count; i-- > 0;)
		if ((objects[then.live[i].object].points & ~points) == 0)
			end(&then, &then.live[i], VT_LEASE_END_REMOVED);
	settle(vt_book_forget(book, patterns[2].dataset, points == V1 ? patterns[3].version : 0,
			      &err),
	       0, &then);
}

static void step_clock(void)
{
	static const uint64_t jumps[] = {SECOND, HOUR, 10 * YEAR};
	uint64_t by = jumps[dice(20) ? dice(2) : 2];

	/* Years are bounded: the clock is no longer than 64 bits. */
	jump(dice(2) && wall < NOON + 100 * YEAR ? (int64_t) by
	     : wall > NOON                       ? -(int64_t) by
						 : (int64_t) by);
}

static void step_restart(void)
{
	if (dice(3) == 0)
		reboot(dice(2) ? 0 : -(int64_t) (dice(10) * HOUR));
	if (dice(50) == 0) {
		book_reopen();
	} else {
		book_close();
		book_open();
	}
	look_at_clock();
	compare();
	compare_ended();
}

static void step(void)
{
	unsigned which = (unsigned) dice(1000);

	write_fails = dice(50) == 0 ? (dice(2) ? ENOSPC : EIO) : 0;
	look_at_clock();
	if (which < 300)
		step_acquire();
	else if (which < 400)
		step_renew();
	else if (which < 600)
		step_drain();
	else if (which < 800)
		step_finish();
	else if (which < 850)
		step_serve();
	else if (which < 855)
		step_forget();
	write_fails = 0;
	if (which >= 855 && which < 960)
		pass(dice(8) * HOUR + dice(2));
	else if (which >= 960 && which < 970)
		step_clock();
	else if (which >= 970 && which < 990 && suspect)
		must(vt_timekeeper_accept(keeper, &err) == 0);
	else if (which >= 996)
		step_restart();
}

static uint64_t setting(const char *name, uint64_t usual)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 10) : usual;
}

static void run(uint64_t seed)
{
	uint64_t steps = setting("VT_STEPS", 25000);
	uint32_t birds;

	model = (struct model){0};
	ended_count = 0;
	last_revision = last_fence = served = refused = broken_writes = 0;
	dice_state = (setting("VT_SEED", 20261127) + seed) * 0x9e3779b97f4a7c15u | 1;
	book_set_up();
	birds = dataset_new("lab/birds");
	dataset_new("lab/bees");
	dataset_new("plain");
	version_new(birds, NULL);
	version_new(birds, NULL);
	for (size_t i = 0; i < OBJECTS; i++)
		patterns[i] = what(objects[i].name);
	for (size_t i = 1; i < USERS; i++) { /* so that a restart drops nobody's pin */
		struct vt_rule made = rule(VT_RULE_ALLOW, "anyone", VT_RIGHT_READ, "**");
		char text[32];

		snprintf(text, sizeof text, "user:%s", user_names[i]);
		made.who = who(text);
		must(vt_book_add_rule(book, &made, &model.revision, &err) == 0);
	}
	for (uint64_t i = 0; i < steps; i++) {
		step();
		compare();
		if (i % 5000 == 0)
			compare_ended();
		if (ended_count > 4096) /* the oldest are of no more use */
			memmove(ended, ended + 1024, (ended_count -= 1024) * sizeof *ended);
	}
	/* A run that does not come to all of it tests nothing. */
	if (steps >= 25000) {
		ck_assert_uint_gt(served, 250);
		ck_assert_uint_gt(refused, 1250);
		ck_assert_uint_gt(broken_writes, 50);
	}
	book_tear_down();
}

START_TEST(random_steps_go_as_a_naive_model_says)
{
	run(0);
}
END_TEST

START_TEST(a_second_run_does_too)
{
	run(1);
}
END_TEST

START_TEST(a_third_run_does_too)
{
	run(2);
}
END_TEST

START_TEST(a_fourth_run_does_too)
{
	run(3);
}
END_TEST

VT_SUITE(lease_model, random_steps_go_as_a_naive_model_says, a_second_run_does_too,
	 a_third_run_does_too, a_fourth_run_does_too)
