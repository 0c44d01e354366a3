/* SPDX-License-Identifier: Apache-2.0 */
/* Ids die when they must, stay dead, and a successor goes on where its predecessor stopped. */
#include <errno.h>

#include "tests/unit/catalog_model.h"
#include "tests/unit/session_model.h"

START_TEST(a_version_is_first_shown_under_the_exhibit_of_its_record)
{
	const struct vt_version version = shown_version(7, 100);

	session_begin();
	ck_assert_uint_eq(vt_exhibits_id(exhibits, &version, 5), vt_node_id(1007, 5));
	ck_assert_uint_eq(vt_exhibits_base(exhibits, 7), 0);
	(void) note(&version, 5);
	ck_assert_uint_eq(vt_exhibits_base(exhibits, 7), 1007);
	ck_assert(!vt_exhibits_pending(exhibits));
	session_end();
}
END_TEST

START_TEST(retiring_kills_every_id_that_was_noted)
{
	const uint32_t positions[] = {0, 1, 63, 64, 99, VT_POSITION_DOCUMENTS + 2};
	const struct vt_version version = shown_version(7, 100);
	uint64_t ids[6];

	session_begin();
	for (size_t i = 0; i < 6; i++)
		ids[i] = note(&version, positions[i]);
	ck_assert_int_eq(vt_exhibits_retire(exhibits, 7), 0);
	ck_assert(vt_exhibits_pending(exhibits));
	for (size_t i = 0; i < 6; i++) {
		ck_assert(is_dead(ids[i]));
		ck_assert_uint_ne(vt_exhibits_id(exhibits, &version, positions[i]), ids[i]);
	}
	vt_exhibits_done(exhibits);
	ck_assert(!vt_exhibits_pending(exhibits));
	ck_assert(!is_dead(ids[1]));
	session_end();
}
END_TEST

START_TEST(what_was_never_noted_has_nothing_to_retire)
{
	session_begin();
	ck_assert_int_eq(vt_exhibits_retire(exhibits, 7), 0);
	ck_assert(!vt_exhibits_pending(exhibits));
	session_end();
}
END_TEST

START_TEST(burning_moves_one_position_and_no_other)
{
	const struct vt_version version = shown_version(7, 100), other = shown_version(8, 100);
	const uint32_t burned[] = {5};
	uint64_t five, six, others_five;

	session_begin();
	five = note(&version, 5);
	six = note(&version, 6);
	others_five = note(&other, 5);
	ck_assert_int_eq(vt_exhibits_burn(exhibits, 7, burned, 1), 0);
	ck_assert(is_dead(five));
	ck_assert_uint_ne(vt_exhibits_id(exhibits, &version, 5), five);
	ck_assert_uint_eq(vt_exhibits_id(exhibits, &version, 6), six);
	ck_assert_uint_eq(vt_exhibits_id(exhibits, &other, 5), others_five);
	session_end();
}
END_TEST

START_TEST(one_position_of_two_versions_never_shares_an_id)
{
	const struct vt_version a = shown_version(7, 100), b = shown_version(8, 100);
	const uint32_t burned[] = {5};

	session_begin();
	(void) note(&a, 5);
	(void) note(&b, 5);
	ck_assert_int_eq(vt_exhibits_burn(exhibits, 7, burned, 1), 0);
	ck_assert_int_eq(vt_exhibits_burn(exhibits, 8, burned, 1), 0);
	ck_assert_uint_ne(vt_exhibits_id(exhibits, &a, 5), vt_exhibits_id(exhibits, &b, 5));
	session_end();
}
END_TEST

START_TEST(a_burned_position_dies_with_the_whole_version)
{
	const struct vt_version version = shown_version(7, 100);
	const uint32_t burned[] = {5};
	uint64_t second;

	session_begin();
	(void) note(&version, 5);
	ck_assert_int_eq(vt_exhibits_burn(exhibits, 7, burned, 1), 0);
	vt_exhibits_done(exhibits);
	second = note(&version, 5);
	ck_assert_int_eq(vt_exhibits_retire(exhibits, 7), 0);
	ck_assert(is_dead(second));
	/* Below the new base the old entry of the log says nothing any more. */
	ck_assert_uint_eq(vt_node_exhibit(vt_exhibits_id(exhibits, &version, 5)),
			  vt_exhibits_base(exhibits, 7));
	session_end();
}
END_TEST

START_TEST(no_id_is_ever_given_twice)
{
	const struct vt_version version = shown_version(7, 100);
	const uint32_t burned[] = {5};
	uint64_t seen[200];
	size_t count = 0;

	session_begin();
	for (int round = 0; round < 100; round++) {
		seen[count] = note(&version, 5);
		for (size_t i = 0; i < count; i++)
			ck_assert_uint_ne(seen[i], seen[count]);
		count++;
		ck_assert_int_eq(round % 3 ? vt_exhibits_burn(exhibits, 7, burned, 1)
					   : vt_exhibits_retire(exhibits, 7),
				 0);
		if (round % 5 == 0) {
			session_dies();
			session_begin();
		}
		vt_exhibits_done(exhibits);
	}
	session_end();
}
END_TEST

START_TEST(a_successor_knows_the_same_ids_and_what_is_left_to_drop)
{
	const struct vt_version version = shown_version(7, 100), other = shown_version(8, 64);
	const uint32_t burned[] = {5};
	uint64_t before_burn, before_retire, now_burned, now_retired;

	session_begin();
	before_burn = note(&version, 5);
	before_retire = note(&other, 3);
	ck_assert_int_eq(vt_exhibits_burn(exhibits, 7, burned, 1), 0);
	ck_assert_int_eq(vt_exhibits_retire(exhibits, 8), 0);
	now_burned = vt_exhibits_id(exhibits, &version, 5);
	now_retired = vt_exhibits_id(exhibits, &other, 3);
	session_dies();
	session_begin();
	ck_assert_uint_eq(vt_exhibits_id(exhibits, &version, 5), now_burned);
	ck_assert_uint_eq(vt_exhibits_id(exhibits, &other, 3), now_retired);
	ck_assert(vt_exhibits_pending(exhibits));
	ck_assert(is_dead(before_burn));
	ck_assert(is_dead(before_retire));
	session_end();
}
END_TEST

/* The predecessor died after the first of the two stores. */
START_TEST(a_flip_that_was_noted_and_did_not_happen_is_repeated)
{
	const struct vt_version version = shown_version(7, 100);
	uint64_t id;

	session_begin();
	id = note(&version, 5);
	state->versions[0].retiring = 1007;
	session_dies();
	session_begin();
	ck_assert_uint_ne(vt_exhibits_id(exhibits, &version, 5), id);
	ck_assert(is_dead(id));
	session_end();
}
END_TEST

START_TEST(a_retirement_waits_for_the_one_before_it)
{
	const struct vt_version version = shown_version(7, 100);

	session_begin();
	(void) note(&version, 5);
	ck_assert_int_eq(vt_exhibits_retire(exhibits, 7), 0);
	ck_assert_int_eq(vt_exhibits_retire(exhibits, 7), -EBUSY);
	vt_exhibits_done(exhibits);
	ck_assert_int_eq(vt_exhibits_retire(exhibits, 7), 0);
	session_end();
}
END_TEST

START_TEST(full_tables_leave_everything_as_it_was)
{
	const struct vt_version version = shown_version(7, 100), more = shown_version(9, 10);
	const uint32_t burned[] = {5};
	uint64_t id;

	session_begin();
	id = note(&version, 5);
	state->record->burn_count = state->record->burns_done = VT_SESSION_BURNS;
	ck_assert_int_eq(vt_exhibits_burn(exhibits, 7, burned, 1), -ENFILE);
	state->record->burn_count = state->record->burns_done = 0;
	state->record->exhibit_count = VT_SESSION_EXHIBITS;
	ck_assert_int_eq(vt_exhibits_burn(exhibits, 7, burned, 1), -ENFILE);
	ck_assert_int_eq(vt_exhibits_retire(exhibits, 7), -ENFILE);
	ck_assert_uint_eq(vt_exhibits_id(exhibits, &version, 5), id);
	ck_assert(!vt_exhibits_pending(exhibits));
	state->record->version_count = VT_SESSION_VERSIONS;
	ck_assert_int_eq(vt_exhibits_note(exhibits, &more, vt_exhibits_id(exhibits, &more, 1)),
			 -ENFILE);
	state->record->version_count = 1;
	session_end();
}
END_TEST

/* The table's end: what was shown goes on, for a successor too, and nothing else is shown. */
START_TEST(a_full_table_shows_what_it_has)
{
	const struct vt_version first = shown_version(1, 10), more = shown_version(9000000, 10);

	session_begin();
	for (uint32_t serial = 1; serial <= VT_SESSION_VERSIONS; serial++) {
		const struct vt_version version = shown_version(serial, 10);

		(void) note(&version, 1);
	}
	for (int server = 0; server < 2; server++) {
		uint64_t id = vt_exhibits_id(exhibits, &more, 1);

		ck_assert_int_eq(vt_exhibits_note(exhibits, &more, id), -ENFILE);
		(void) note(&first, 2);
		session_dies();
		session_begin();
	}
	ck_assert_int_eq(vt_exhibits_retire(exhibits, 1), 0);
	vt_exhibits_done(exhibits);
	(void) note(&first, 3);
	session_end();
}
END_TEST

/* Gone for good: retired, dropped by the kernel, and buried. */
static void bury(uint32_t serial)
{
	ck_assert_int_eq(vt_exhibits_retire(exhibits, serial), 0);
	vt_exhibits_done(exhibits);
	vt_exhibits_bury(exhibits, serial);
}

static void count_serial(void *context, uint32_t serial)
{
	(void) serial;
	++*(unsigned *) context;
}

static unsigned noted_versions(void)
{
	unsigned count = 0;

	vt_exhibits_each(exhibits, count_serial, &count);
	return count;
}

/* Three times as many as there is room for, a thousand at once. */
START_TEST(any_number_of_versions_is_shown_if_the_earlier_ones_are_gone)
{
	const uint32_t at_once = 1000, all = 3 * VT_SESSION_VERSIONS;
	uint64_t end = 0;

	session_begin();
	for (uint32_t serial = 1; serial <= all; serial++) {
		const struct vt_version version = shown_version(serial, 10);

		(void) note(&version, 1);
		if (serial > at_once)
			bury(serial - at_once);
		if (serial == at_once + 1)
			end = state->record->end;
		if (serial % VT_SESSION_VERSIONS == 0) {
			session_dies();
			session_begin();
		}
	}
	ck_assert_uint_eq(state->record->end, end);
	ck_assert_uint_eq(noted_versions(), at_once);
	for (uint32_t serial = all - 2 * at_once; serial <= all; serial++)
		ck_assert_uint_eq(vt_exhibits_base(exhibits, serial),
				  serial > all - at_once ? 1000 + serial : 0);
	session_end();
}
END_TEST

static uint32_t random_serial(void)
{
	static uint64_t dice = 1;

	dice = dice * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t) (dice >> 33) + 1;
}

static void check_shown(const uint32_t *serials, size_t count)
{
	for (size_t i = 0; i < count; i++)
		ck_assert_uint_eq(vt_exhibits_base(exhibits, serials[i]), 1000 + serials[i]);
	ck_assert_uint_eq(noted_versions(), count);
}

/* So many that they stand in each other's way in the table. */
START_TEST(versions_are_found_whichever_of_the_others_go)
{
	enum { SHOWN = 8000, STEPS = 2 * SHOWN };
	static uint32_t serials[SHOWN];

	session_begin();
	for (int step = 0; step < SHOWN + STEPS; step++) {
		uint32_t *serial =
			&serials[step < SHOWN ? (uint32_t) step : random_serial() % SHOWN];
		uint32_t before = *serial;
		struct vt_version version;

		if (before)
			bury(before);
		version = shown_version(*serial = random_serial(), 10);
		(void) note(&version, 1);
		if (before)
			ck_assert_uint_eq(vt_exhibits_base(exhibits, before), 0);
		if (step >= SHOWN && step % 1000 == 0)
			check_shown(serials, SHOWN);
	}
	session_dies();
	session_begin();
	check_shown(serials, SHOWN);
	session_end();
}
END_TEST

START_TEST(a_full_table_has_room_again_once_a_version_is_buried)
{
	const struct vt_version more = shown_version(9000000, 10);
	uint64_t id;

	session_begin();
	for (uint32_t serial = 1; serial <= VT_SESSION_VERSIONS; serial++) {
		const struct vt_version version = shown_version(serial, 10);

		(void) note(&version, 1);
	}
	bury(77);
	id = note(&more, 1);
	session_dies();
	session_begin();
	ck_assert_uint_eq(vt_exhibits_base(exhibits, 77), 0);
	ck_assert_uint_eq(vt_exhibits_id(exhibits, &more, 1), id);
	session_end();
}
END_TEST

START_TEST(nothing_of_a_buried_version_is_the_next_ones)
{
	const struct vt_version version = shown_version(7, 100), next = shown_version(8, 50);
	static struct dead dead;
	uint64_t seven, nine;

	session_begin();
	(void) note(&version, 3);
	ck_assert_int_eq(vt_exhibits_retire(exhibits, 7), 0);
	vt_exhibits_done(exhibits);
	(void) note(&version, 4); /* by who is late, in the folder around */
	(void) note(&version, VT_POSITION_DOCUMENTS + 2);
	vt_exhibits_bury(exhibits, 7);
	(void) note(&version, 60); /* by who is later still: it comes back, and is buried again */
	seven = vt_exhibits_id(exhibits, &version, 7);
	bury(7);
	nine = note(&next, 9);
	ck_assert_uint_eq(state->record->version_count, 1);
	ck_assert_uint_eq(vt_exhibits_id(exhibits, &version, 7), seven);
	for (int turn = 0; turn < 2; turn++) {
		size_t noted = turn == 0;

		ck_assert_int_eq(vt_exhibits_retire(exhibits, 8), 0);
		dead.count = 0;
		vt_exhibits_each_dead(exhibits, collect_dead, &dead);
		ck_assert_uint_eq(dead.count, 1 + noted); /* the boundary */
		ck_assert_uint_eq(is_dead(nine), noted);
		vt_exhibits_done(exhibits);
	}
	session_end();
}
END_TEST

START_TEST(what_is_not_dropped_yet_is_not_buried)
{
	const struct vt_version version = shown_version(7, 100);
	uint64_t id;

	session_begin();
	id = note(&version, 3);
	ck_assert_int_eq(vt_exhibits_retire(exhibits, 7), 0);
	vt_exhibits_bury(exhibits, 7);
	ck_assert(is_dead(id));
	ck_assert_uint_eq(noted_versions(), 1);
	vt_exhibits_bury(exhibits, 12345); /* never noted */
	session_end();
}
END_TEST

/* Bitmaps of 4,096 bytes, and of 8,192. */
START_TEST(a_version_gets_what_has_room_for_it)
{
	const struct vt_version small = shown_version(1, 10), large = shown_version(2, 40000),
				full = shown_version(3, 65536), other = shown_version(4, 32768);
	uint64_t last;

	session_begin();
	(void) note(&small, 1);
	bury(1);
	(void) note(&large, 39999); /* too large for what the first one left */
	ck_assert_uint_eq(state->record->version_count, 2);
	bury(2);
	last = note(&full, 65535);
	(void) note(&other, 32767);
	ck_assert_uint_eq(state->record->version_count, 2);
	ck_assert_int_eq(vt_exhibits_retire(exhibits, 3), 0);
	ck_assert(is_dead(last));
	session_end();
}
END_TEST

START_TEST(noted_ids_come_back_once_each_and_no_others)
{
	const uint32_t positions[] = {0, 1, 63, 64, 99, VT_POSITION_DOCUMENTS + 2};
	const struct vt_version version = shown_version(7, 100);
	static struct dead dead;
	uint64_t ids[6];

	session_begin();
	dead.count = 0;
	for (size_t i = 0; i < 6; i++) {
		ids[i] = note(&version, positions[i]);
		ck_assert_uint_eq(note(&version, positions[i]), ids[i]);
	}
	ck_assert_int_eq(vt_exhibits_retire(exhibits, 7), 0);
	vt_exhibits_each_dead(exhibits, collect_dead, &dead);
	for (size_t i = 1; i < 6; i++) {
		size_t times = 0;

		for (size_t j = 0; j < dead.count; j++)
			times += dead.ids[j] == ids[i];
		ck_assert_uint_eq(times, 1);
	}
	/* The boundary is told of whether it was noted or not. */
	ck_assert_uint_eq(dead.ids[0], ids[0]);
	ck_assert_uint_eq(dead.count, 7);
	session_end();
}
END_TEST

START_TEST(what_was_dropped_is_not_dropped_again)
{
	const struct vt_version version = shown_version(7, 100);
	static struct dead dead;

	session_begin();
	dead.count = 0;
	(void) note(&version, 5);
	(void) note(&version, VT_POSITION_DOCUMENTS + 2);
	for (int turn = 0; turn < 2; turn++) {
		ck_assert_int_eq(vt_exhibits_retire(exhibits, 7), 0);
		vt_exhibits_done(exhibits);
	}
	ck_assert_int_eq(vt_exhibits_retire(exhibits, 7), 0);
	vt_exhibits_each_dead(exhibits, collect_dead, &dead);
	ck_assert_uint_eq(dead.count, 1); /* the boundary */
	session_end();
}
END_TEST

START_TEST(where_it_cannot_be_seen_what_was_noted_all_is_dropped)
{
	const struct vt_version version = shown_version(7, 100);
	uint64_t five, six;

	session_begin();
	five = note(&version, 5);
	six = vt_exhibits_id(exhibits, &version, 6);
	ck_assert_int_eq(vt_exhibits_retire(exhibits, 7), 0);
	session_dies();
	session_begin();
	for (int turn = 0; turn < 2; turn++)
		state->versions[0].offset[turn] = 1ull << 60; /* no address leads there */
	ck_assert(is_dead(five));
	ck_assert(is_dead(six));
	session_end();
}
END_TEST

START_TEST(a_position_beyond_the_version_is_not_noted)
{
	const struct vt_version version = shown_version(7, 100);

	session_begin();
	ck_assert_int_eq(vt_exhibits_note(exhibits, &version, vt_node_id(1007, 100)), -ESTALE);
	session_end();
}
END_TEST

START_TEST(burning_and_retiring_at_once_leaves_neither_id)
{
	const struct vt_version version = shown_version(7, 100);
	const uint32_t burned[] = {5};
	uint64_t first, second, six;

	session_begin();
	first = note(&version, 5);
	six = note(&version, 6);
	ck_assert_int_eq(vt_exhibits_burn(exhibits, 7, burned, 1), 0);
	second = note(&version, 5);
	ck_assert_int_eq(vt_exhibits_retire(exhibits, 7), 0);
	ck_assert(is_dead(first));
	ck_assert(is_dead(second));
	ck_assert(is_dead(six));
	session_end();
}
END_TEST

START_TEST(what_is_burned_after_a_retirement_is_dead_and_its_successor_is_not)
{
	const struct vt_version version = shown_version(7, 100);
	const uint32_t burned[] = {5};
	uint64_t first, second, third;

	session_begin();
	first = note(&version, 5);
	ck_assert_int_eq(vt_exhibits_retire(exhibits, 7), 0);
	second = note(&version, 5);
	ck_assert_int_eq(vt_exhibits_burn(exhibits, 7, burned, 1), 0);
	third = note(&version, 5);
	ck_assert(is_dead(first));
	ck_assert(is_dead(second));
	ck_assert(!is_dead(third));
	session_end();
}
END_TEST

START_TEST(an_answer_on_the_way_at_the_flip_is_noted_where_it_belongs)
{
	const struct vt_version version = shown_version(7, 100);
	uint64_t before;

	session_begin();
	(void) note(&version, 5);
	before = vt_exhibits_id(exhibits, &version, 6);
	ck_assert_int_eq(vt_exhibits_retire(exhibits, 7), 0);
	ck_assert_int_eq(vt_exhibits_note(exhibits, &version, before), 0);
	ck_assert(is_dead(before));
	session_end();
}
END_TEST

static const struct vt_version *published(uint32_t dataset)
{
	struct vt_version version = version_model(dataset, NULL);
	const struct vt_version *made = NULL;

	version.tree.root.nodes = 10;
	must(vt_catalog_commit(catalog, &version, latest_of(dataset), NULL, &made, &err) == 0);
	return made;
}

static int resolve(uint64_t id, uint32_t serial)
{
	const struct vt_version *found = NULL;
	int r = vt_exhibits_version(exhibits, catalog, id, &found);

	if (r < 0)
		return r;
	ck_assert_uint_eq(found->serial, serial);
	vt_version_unref(found);
	return 0;
}

START_TEST(a_live_id_leads_to_its_version_and_no_other_leads_anywhere)
{
	const uint32_t burned[] = {5};
	const struct vt_version *version;
	uint64_t first, second, third;

	catalog_set_up();
	version = published(dataset_new("birds"));
	session_begin();
	first = note(version, 5);
	ck_assert_int_eq(resolve(first, version->serial), 0);
	ck_assert_int_eq(vt_exhibits_burn(exhibits, version->serial, burned, 1), 0);
	second = note(version, 5);
	ck_assert_int_eq(resolve(first, version->serial), -ESTALE);
	ck_assert_int_eq(resolve(second, version->serial), 0);
	/* A number that is the position's of another one's. */
	ck_assert_int_eq(resolve(vt_node_id(vt_node_exhibit(second), 6), version->serial), -ESTALE);
	ck_assert_int_eq(vt_exhibits_retire(exhibits, version->serial), 0);
	third = note(version, 5);
	ck_assert_int_eq(resolve(second, version->serial), -ESTALE);
	ck_assert_int_eq(resolve(third, version->serial), 0);
	/* Numbers that were never given. */
	ck_assert_int_eq(resolve(vt_node_id(0x80000002, 5), version->serial), -ESTALE);
	ck_assert_int_eq(resolve(vt_node_id(UINT32_MAX, 5), version->serial), -ESTALE);
	ck_assert_int_eq(resolve(vt_node_id(12345, 5), version->serial), -ESTALE);
	session_end();
	vt_version_unref(version);
	catalog_tear_down();
}
END_TEST

START_TEST(no_id_of_a_withdrawn_version_leads_to_it)
{
	const struct vt_version *version;
	uint32_t retired;
	uint64_t first, second;

	catalog_set_up();
	version = published(dataset_new("birds"));
	session_begin();
	first = note(version, 5);
	ck_assert_int_eq(vt_exhibits_retire(exhibits, version->serial), 0);
	second = note(version, 5);
	must(vt_catalog_withdraw(catalog, version->serial, "wrong", 0, &retired, &err) == 0);
	ck_assert_int_eq(resolve(first, version->serial), -ESTALE);
	ck_assert_int_eq(resolve(second, version->serial), -ESTALE);
	session_end();
	vt_version_unref(version);
	catalog_tear_down();
}
END_TEST

VT_SUITE(exhibits, a_version_is_first_shown_under_the_exhibit_of_its_record,
	 retiring_kills_every_id_that_was_noted, what_was_never_noted_has_nothing_to_retire,
	 burning_moves_one_position_and_no_other, one_position_of_two_versions_never_shares_an_id,
	 a_burned_position_dies_with_the_whole_version, no_id_is_ever_given_twice,
	 a_successor_knows_the_same_ids_and_what_is_left_to_drop,
	 a_flip_that_was_noted_and_did_not_happen_is_repeated,
	 a_retirement_waits_for_the_one_before_it, full_tables_leave_everything_as_it_was,
	 a_full_table_shows_what_it_has,
	 any_number_of_versions_is_shown_if_the_earlier_ones_are_gone,
	 versions_are_found_whichever_of_the_others_go,
	 a_full_table_has_room_again_once_a_version_is_buried,
	 nothing_of_a_buried_version_is_the_next_ones, what_is_not_dropped_yet_is_not_buried,
	 a_version_gets_what_has_room_for_it, noted_ids_come_back_once_each_and_no_others,
	 what_was_dropped_is_not_dropped_again,
	 where_it_cannot_be_seen_what_was_noted_all_is_dropped,
	 a_position_beyond_the_version_is_not_noted, burning_and_retiring_at_once_leaves_neither_id,
	 what_is_burned_after_a_retirement_is_dead_and_its_successor_is_not,
	 an_answer_on_the_way_at_the_flip_is_noted_where_it_belongs,
	 a_live_id_leads_to_its_version_and_no_other_leads_anywhere,
	 no_id_of_a_withdrawn_version_leads_to_it)
