/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server dies at any instant of what it does to the ids of a session. For the successor the same
 * always holds: what the kernel was told is live, or is among what it must drop; what was dropped
 * stays dead; and no number comes twice.
 */
#include "tests/unit/instants.h"

#define IDS_MAX 32u

static const struct vt_version a = {.serial = 7, .exhibit = 1007, .tree.root.nodes = 100};
static const struct vt_version b = {.serial = 8, .exhibit = 1008, .tree.root.nodes = 64};

static const struct vt_version *version_of[IDS_MAX];
static uint64_t held[IDS_MAX]; /* by the kernel */
static uint64_t gone[IDS_MAX]; /* dropped */
static size_t held_count, gone_count;

static void hold(const struct vt_version *version, uint32_t position)
{
	version_of[held_count] = version;
	held[held_count++] = note(version, position);
}

static bool is_live(const struct vt_version *version, uint64_t id)
{
	return vt_exhibits_id(exhibits, version, vt_node_position(id)) == id;
}

/* The kernel drops what is dead. */
static void drop_dead(void)
{
	size_t kept = 0;

	for (size_t i = 0; i < held_count; i++) {
		if (is_dead(held[i])) {
			gone[gone_count++] = held[i];
			continue;
		}
		version_of[kept] = version_of[i];
		held[kept++] = held[i];
	}
	held_count = kept;
	vt_exhibits_done(exhibits);
}

/* Noted, burned, retired: a session with a past. */
static void live_a_little(void)
{
	const uint32_t positions[] = {0, 5, 6, 64, VT_POSITION_DOCUMENTS + 1};
	const uint32_t burned[] = {5, 64};

	held_count = gone_count = 0;
	session_begin();
	for (size_t i = 0; i < 5; i++)
		hold(&a, positions[i]);
	hold(&b, 3);
	ck_assert_int_eq(vt_exhibits_burn(exhibits, 7, burned, 2), 0);
	ck_assert_int_eq(vt_exhibits_retire(exhibits, 8), 0);
	drop_dead();
	hold(&a, 5);
	hold(&a, 64);
	hold(&b, 3);
	hold(&b, 63);
}

static void check_nothing_came_back(void)
{
	for (size_t i = 0; i < gone_count; i++) {
		ck_assert(!is_live(&a, gone[i]));
		/* Of one that is buried the catalog knows that it is gone. */
		ck_assert(!vt_exhibits_base(exhibits, 8) || !is_live(&b, gone[i]));
	}
}

static void retire_all(void)
{
	vt_exhibits_done(exhibits);
	ck_assert_int_eq(vt_exhibits_retire(exhibits, 7), 0);
	ck_assert_int_eq(vt_exhibits_retire(exhibits, 8), 0);
}

static void check_fresh(uint64_t id)
{
	for (size_t i = 0; i < held_count; i++)
		ck_assert_uint_ne(held[i], id);
	for (size_t i = 0; i < gone_count; i++)
		ck_assert_uint_ne(gone[i], id);
}

static void check_successor(void)
{
	bool offered[IDS_MAX];

	check_nothing_came_back();
	for (size_t i = 0; i < held_count; i++) {
		offered[i] = is_dead(held[i]);
		ck_assert(offered[i] || is_live(version_of[i], held[i]));
	}
	retire_all();
	check_nothing_came_back();
	for (size_t i = 0; i < held_count; i++) {
		ck_assert(!is_live(version_of[i], held[i]));
		ck_assert(offered[i] || is_dead(held[i]));
		check_fresh(note(version_of[i], vt_node_position(held[i])));
	}
}

static void burn_two(void)
{
	const uint32_t burned[] = {5, 6};

	ck_assert_int_eq(vt_exhibits_burn(exhibits, 7, burned, 2), 0);
}

START_TEST(while_it_burns)
{
	live_a_little();
	dies_at_every_instant(burn_two, check_successor);
}
END_TEST

static void retire_a(void)
{
	ck_assert_int_eq(vt_exhibits_retire(exhibits, 7), 0);
}

static void retire_b(void)
{
	ck_assert_int_eq(vt_exhibits_retire(exhibits, 8), 0);
}

START_TEST(while_it_retires)
{
	live_a_little();
	dies_at_every_instant(retire_a, check_successor);
}
END_TEST

/* A narrowing that died is repeated: what it was for is done in the end, by whoever is there. */
static void check_repeated_burn(void)
{
	for (size_t i = 0; i < held_count; i++)
		if (version_of[i] == &a && is_live(&a, held[i]) &&
		    (vt_node_position(held[i]) == 5 || vt_node_position(held[i]) == 6)) {
			const uint32_t left[] = {vt_node_position(held[i])};

			ck_assert_int_eq(vt_exhibits_burn(exhibits, 7, left, 1), 0);
		}
	for (size_t i = 0; i < held_count; i++) {
		uint32_t position = vt_node_position(held[i]);
		bool burned = version_of[i] == &a && (position == 5 || position == 6);

		ck_assert_int_eq(is_dead(held[i]), burned);
		ck_assert_int_eq(is_live(version_of[i], held[i]), !burned);
	}
}

START_TEST(what_is_left_of_a_burn_can_be_burned_by_the_successor)
{
	live_a_little();
	dies_at_every_instant(burn_two, check_repeated_burn);
}
END_TEST

static void check_whole_or_nothing(void)
{
	uint32_t base = vt_exhibits_base(exhibits, 7);
	bool retired = vt_exhibits_pending(exhibits);

	for (size_t i = 0; i < held_count; i++)
		if (version_of[i] == &a) {
			ck_assert_int_eq(is_live(&a, held[i]), !retired);
			ck_assert_int_eq(is_dead(held[i]), retired);
			ck_assert(!retired ||
				  vt_exhibits_id(exhibits, &a, vt_node_position(held[i])) ==
					  vt_node_id(base, vt_node_position(held[i])));
		}
}

START_TEST(a_version_is_retired_as_a_whole)
{
	live_a_little();
	dies_at_every_instant(retire_a, check_whole_or_nothing);
}
END_TEST

static void say_done(void)
{
	vt_exhibits_done(exhibits);
}

/* All that was dead is dropped before it is said. */
START_TEST(while_it_notes_that_the_kernel_dropped_all)
{
	live_a_little();
	burn_two();
	retire_a();
	for (size_t i = 0; i < held_count; i++)
		if (is_dead(held[i]))
			gone[gone_count++] = held[i];
	held_count = 0;
	hold(&a, 0);
	hold(&a, 70);
	hold(&a, VT_POSITION_DOCUMENTS + 3);
	hold(&b, 3);
	dies_at_every_instant(say_done, check_successor);
}
END_TEST

static void note_more(void)
{
	static const struct vt_version c = {.serial = 9, .exhibit = 1009, .tree.root.nodes = 10};

	(void) note(&a, 99);
	(void) note(&c, 9);
}

START_TEST(while_it_notes_ids_and_a_version)
{
	live_a_little();
	dies_at_every_instant(note_more, check_successor);
}
END_TEST

static void bury_b(void)
{
	vt_exhibits_bury(exhibits, 8);
}

/* It is there with what it has, or is not there. */
static void check_buried(void)
{
	check_nothing_came_back();
	for (size_t i = 0; i < held_count; i++)
		ck_assert(is_live(version_of[i], held[i]));
	if (vt_exhibits_base(exhibits, 8))
		bury_b();
	ck_assert_uint_eq(vt_exhibits_base(exhibits, 8), 0);
	ck_assert(!vt_exhibits_base(exhibits, 9) || vt_exhibits_base(exhibits, 9) == 1009);
	check_successor();
}

START_TEST(while_it_buries)
{
	live_a_little();
	retire_b();
	drop_dead();
	dies_at_every_instant(bury_b, check_buried);
}
END_TEST

static void note_in_its_place(void)
{
	static const struct vt_version c = {.serial = 9, .exhibit = 1009, .tree.root.nodes = 10};

	(void) note(&c, 9);
}

START_TEST(while_another_version_gets_what_it_left)
{
	live_a_little();
	retire_b();
	drop_dead();
	bury_b();
	dies_at_every_instant(note_in_its_place, check_buried);
}
END_TEST

VT_SUITE(exhibits_death, while_it_burns, while_it_retires,
	 what_is_left_of_a_burn_can_be_burned_by_the_successor, a_version_is_retired_as_a_whole,
	 while_it_notes_that_the_kernel_dropped_all, while_it_notes_ids_and_a_version,
	 while_it_buries, while_another_version_gets_what_it_left)
