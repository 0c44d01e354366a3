/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Views in their places: which one makes room, that no id leads to another view than the one it was
 * told for, what a successor finds, and what must be dropped.
 */
#include "fs/views.h"

#include "tests/unit/instants.h"

enum { ALICE = 1001, BOB = 1002, NODES = 300 };

static struct vt_version version = {
	.serial = 7, .exhibit = 1007, .state = VT_VERSION_LIVE, .tree.root.nodes = NODES};

/* ---- the catalog: one version, or none ------------------------------------------------------- */

static bool removed;

int __wrap_vt_catalog_version(struct vt_catalog *catalog, uint32_t serial,
			      const struct vt_version **out, struct vt_error *err);
void __wrap_vt_version_unref(const struct vt_version *of);

int __wrap_vt_catalog_version(struct vt_catalog *catalog, uint32_t serial,
			      const struct vt_version **out, struct vt_error *err)
{
	(void) catalog;
	(void) err;
	if (removed || serial != version.serial)
		return -ENOENT;
	*out = &version;
	return 0;
}

void __wrap_vt_version_unref(const struct vt_version *of)
{
	(void) of;
}

/* ---- making ---------------------------------------------------------------------------------- */

static void begin(void)
{
	session_begin();
	(void) note(&version, 0);
}

/* A server goes, and another comes. */
static void hand_over(void)
{
	session_dies();
	begin();
}

static struct vt_view_key key_of(const char *text)
{
	return (struct vt_view_key){.serial = version.serial,
				    .kind = VT_VIEW_QUERY,
				    .folder = vt_exhibits_id(exhibits, &version, 0),
				    .text = text};
}

/* The id of its folder, or 0 with the error in `failed`. */
static int failed;
static uint64_t make_with(const char *text, uint32_t uid, struct vt_hits *hits)
{
	vt_cleanup(vt_view_unrefp) struct vt_view *view = NULL;
	struct vt_view_key key = key_of(text);

	failed = vt_views_make(views, &key, hits, uid, &view);
	if (failed < 0)
		return 0;
	ck_assert_str_eq(view->text, text);
	ck_assert(vt_view_has_id(vt_node_id(view->exhibit, 0)));
	return vt_node_id(view->exhibit, 0);
}

static uint64_t make(const char *text, uint32_t uid)
{
	return make_with(text, uid, NULL);
}

static uint64_t make_number(unsigned number, uint32_t uid)
{
	char text[32];

	(void) snprintf(text, sizeof text, "size>%u", number);
	return make(text, uid);
}

/* The view that an id leads to; NULL: ESTALE. With a reference. */
static struct vt_view *resolve(uint64_t id)
{
	const struct vt_version *found;
	struct vt_view *view;
	int r = vt_views_resolve(views, NULL, id, &view, &found);

	if (r < 0) {
		ck_assert_int_eq(r, -ESTALE);
		return NULL;
	}
	ck_assert_ptr_eq(found, &version);
	return view;
}

static bool leads_to(uint64_t id, const char *text)
{
	vt_cleanup(vt_view_unrefp) struct vt_view *view = resolve(id);

	return view && strcmp(view->text, text) == 0;
}

static bool is_gone(uint64_t id)
{
	vt_cleanup(vt_view_unrefp) struct vt_view *view = resolve(id);

	return !view;
}

/* ---- places ---------------------------------------------------------------------------------- */

START_TEST(one_name_is_one_view)
{
	vt_cleanup(vt_view_unrefp) struct vt_view *found = NULL;
	struct vt_view_key key;
	uint64_t id;

	begin();
	id = make("class=cat", ALICE);
	ck_assert_uint_eq(make("class=cat", BOB), id);
	ck_assert_uint_ne(make("class=dog", BOB), id);
	key = key_of("class=cat");
	found = vt_views_find(views, &key);
	ck_assert_uint_eq(vt_node_id(found->exhibit, 0), id);
	key.kind = VT_VIEW_KEY;
	ck_assert_ptr_null(vt_views_find(views, &key));
	ck_assert(leads_to(id, "class=cat"));
	ck_assert(leads_to(id + 5, "class=cat"));
	session_end();
}
END_TEST

START_TEST(a_name_that_is_too_long_is_refused)
{
	char text[VT_VIEW_TEXT_MAX + 2];

	begin();
	memset(text, 'x', sizeof text);
	text[VT_VIEW_TEXT_MAX + 1] = 0;
	ck_assert_uint_eq(make(text, ALICE), 0);
	ck_assert_int_eq(failed, -ENAMETOOLONG);
	text[VT_VIEW_TEXT_MAX] = 0;
	ck_assert(leads_to(make(text, ALICE), text));
	session_end();
}
END_TEST

enum { REST = VT_SESSION_VIEWS - 1 }; /* of the places, when there is one view */

START_TEST(who_has_all_places_loses_his_own_that_he_looked_at_longest_ago)
{
	uint64_t bobs, ids[REST];

	begin();
	bobs = make("class=cat", BOB);
	for (unsigned i = 0; i < REST; i++)
		ids[i] = make_number(i, ALICE);
	for (unsigned i = 0; i < REST; i++)
		ck_assert(!is_gone(ids[i]));
	ck_assert(leads_to(ids[0], "size>0")); /* looked at: the next is the oldest */
	for (unsigned i = 0; i < 10; i++)
		ck_assert_uint_ne(make_number(2000 + i, ALICE), 0);
	ck_assert(!is_gone(ids[0]));
	for (unsigned i = 1; i <= 10; i++)
		ck_assert(is_gone(ids[i]));
	ck_assert(!is_gone(ids[11]));
	for (unsigned i = 5000; i < 15000; i++)
		(void) make_number(i, ALICE);
	ck_assert(leads_to(bobs, "class=cat"));
	session_end();
}
END_TEST

START_TEST(when_all_places_are_taken_the_oldest_of_all_goes)
{
	uint64_t ids[VT_SESSION_VIEWS];

	begin();
	for (unsigned i = 0; i < VT_SESSION_VIEWS; i++)
		ids[i] = make_number(i, 1 + i / (VT_VIEWS_PER_USER / 2));
	ck_assert(!is_gone(ids[0])); /* looked at: the next is the oldest */
	(void) make_number(VT_SESSION_VIEWS, 5000);
	ck_assert(!is_gone(ids[0]));
	ck_assert(is_gone(ids[1]));
	ck_assert(!is_gone(ids[2]));
	session_end();
}
END_TEST

START_TEST(when_all_places_are_taken_those_make_room_who_have_many)
{
	uint64_t carols, alices[REST - 100], bobs[100];

	begin();
	carols = make("class=cat", 1);
	for (unsigned i = 0; i < 100; i++)
		bobs[i] = make_number(i, BOB);
	for (unsigned i = 0; i < REST - 100; i++)
		alices[i] = make_number(100 + i, ALICE);
	for (unsigned i = 0; i < VT_VIEWS_PER_USER - 1; i++)
		ck_assert_uint_ne(make_number(2000 + i, 1), 0);
	ck_assert(!is_gone(carols));
	for (unsigned i = 0; i < 100; i++) /* to what is his for sure, and then alice */
		ck_assert(is_gone(bobs[i]) == (i < 100 - VT_VIEWS_PER_USER));
	for (unsigned i = 0; i < REST - 100; i++)
		ck_assert(is_gone(alices[i]) == (i < 27));
	session_end();
}
END_TEST

START_TEST(who_has_many_takes_nothing_from_others_who_have_many)
{
	uint64_t bobs[100];

	begin();
	for (unsigned i = 0; i < 100; i++)
		bobs[i] = make_number(i, BOB);
	for (unsigned i = 100; i < VT_SESSION_VIEWS + 10; i++)
		ck_assert_uint_ne(make_number(i, ALICE), 0);
	for (unsigned i = 0; i < 100; i++)
		ck_assert(!is_gone(bobs[i]));
	session_end();
}
END_TEST

static void note_as_of(uint64_t id, uint32_t nodes)
{
	vt_cleanup(vt_view_unrefp) struct vt_view *view = resolve(id);

	ck_assert_int_eq(vt_views_note(views, view, nodes, id), 0);
}

START_TEST(views_of_many_files_take_no_more_places_than_are_sure)
{
	uint64_t ids[VT_VIEWS_PER_USER + 10];

	begin();
	for (unsigned i = 0; i < VT_VIEWS_PER_USER + 10; i++) {
		ids[i] = make_number(i, ALICE);
		note_as_of(ids[i], 10u << 20);
	}
	for (unsigned i = 0; i < VT_VIEWS_PER_USER + 10; i++)
		ck_assert(is_gone(ids[i]) == (i < 10));
	session_end();
}
END_TEST

START_TEST(ids_of_a_place_are_not_used_twice_and_come_to_an_end_for_one_user_alone)
{
	const uint32_t last = (1u << 20) - 1;
	uint64_t id, alices[VT_VIEWS_PER_USER];

	begin();
	for (unsigned i = 0; i < VT_SESSION_VIEWS; i++)
		ck_assert_uint_ne(make_number(i, ALICE), 0);
	for (unsigned i = 0; i < VT_VIEWS_PER_USER; i++)
		state->views[i].generation = last - 1;
	hand_over(); /* whoever has an older view in memory has none of these ids */
	for (unsigned i = 0; i < VT_VIEWS_PER_USER; i++) {
		alices[i] = make_number(2000 + i, ALICE);
		ck_assert_uint_ne(alices[i], 0);
		ck_assert_uint_eq(state->views[i].generation, last);
	}
	ck_assert_uint_eq(make_number(5000, ALICE), 0);
	ck_assert_int_eq(failed, -ENFILE);
	hand_over(); /* nobody knows any more which was looked at last */
	for (unsigned i = 0; i < 2 * VT_VIEWS_PER_USER; i++) {
		id = make_number(6000 + i, BOB);
		ck_assert_uint_ne(id, 0);
		ck_assert(!is_gone(id));
	}
	for (unsigned i = 0; i < VT_VIEWS_PER_USER; i++)
		ck_assert(!is_gone(alices[i]));
	session_end();
}
END_TEST

/* ---- what takes a version takes its views ---------------------------------------------------- */

START_TEST(a_view_dies_with_its_version_for_good)
{
	uint64_t id, fresh;

	begin();
	id = make("class=cat", ALICE);
	ck_assert_int_eq(vt_exhibits_retire(exhibits, version.serial), 0);
	ck_assert(is_gone(id));
	fresh = make("class=cat", ALICE);
	ck_assert_uint_ne(fresh, id);
	ck_assert(leads_to(fresh, "class=cat"));
	version.state = VT_VERSION_WITHDRAWN;
	ck_assert(is_gone(fresh));
	version.state = VT_VERSION_LIVE;
	removed = true;
	ck_assert(is_gone(fresh));
	removed = false;
	hand_over();
	ck_assert(is_gone(id));
	ck_assert(!is_gone(fresh));
	session_end();
}
END_TEST

START_TEST(what_is_made_of_an_older_folder_is_born_dead)
{
	vt_cleanup(vt_view_unrefp) struct vt_view *view = NULL;
	struct vt_view_key key;

	begin();
	key = key_of("class=cat");
	ck_assert_int_eq(vt_exhibits_retire(exhibits, version.serial), 0);
	ck_assert_int_eq(vt_views_make(views, &key, NULL, ALICE, &view), 0);
	ck_assert(is_gone(vt_node_id(view->exhibit, 0)));
	session_end();
}
END_TEST

static void note_view(uint64_t id, uint32_t position)
{
	vt_cleanup(vt_view_unrefp) struct vt_view *view = resolve(id);

	ck_assert_int_eq(vt_views_note(views, view, NODES, id + position), 0);
}

static struct dead dropped;

static bool is_dropped(uint64_t id)
{
	for (size_t i = 0; i < dropped.count; i++)
		if (dropped.ids[i] == id)
			return true;
	return false;
}

static void drop_dead(void)
{
	dropped.count = 0;
	vt_views_drop_dead(views, collect_dead, &dropped);
}

START_TEST(what_the_kernel_may_hold_of_dead_views_is_dropped_once)
{
	vt_cleanup(vt_view_unrefp) struct vt_view *view = NULL;
	uint64_t cat, dog;

	begin();
	cat = make("class=cat", ALICE);
	dog = make("class=dog", ALICE);
	note_view(cat, 0);
	note_view(cat, 63);
	note_view(cat, NODES - 1);
	note_view(dog, 64);
	view = resolve(cat);
	ck_assert_int_eq(vt_views_note(views, view, NODES, cat + NODES), -ESTALE);
	drop_dead();
	ck_assert_uint_eq(dropped.count, 0);
	hand_over();
	ck_assert_int_eq(vt_exhibits_retire(exhibits, version.serial), 0);
	drop_dead();
	ck_assert(is_dropped(cat) && is_dropped(cat + 63) && is_dropped(cat + NODES - 1));
	ck_assert(is_dropped(dog) && is_dropped(dog + 64) && !is_dropped(dog + 63));
	drop_dead();
	ck_assert_uint_eq(dropped.count, 0);
	ck_assert(is_gone(cat));
	session_end();
}
END_TEST

START_TEST(a_place_that_is_taken_knows_nothing_of_what_was_there)
{
	uint64_t ids[VT_SESSION_VIEWS], id;

	begin();
	for (unsigned i = 0; i < VT_SESSION_VIEWS; i++) {
		ids[i] = make_number(i, ALICE);
		note_view(ids[i], 77);
	}
	id = make("class=cat", ALICE);
	ck_assert_int_eq(vt_exhibits_retire(exhibits, version.serial), 0);
	drop_dead();
	ck_assert(is_dropped(ids[1] + 77));
	ck_assert(is_dropped(id) && !is_dropped(id + 77));
	session_end();
}
END_TEST

/* ---- death ----------------------------------------------------------------------------------- */

static uint64_t cats, olds[REST];

static void take_the_oldest_place(void)
{
	(void) make("class=dog", ALICE);
}

static bool is_whole(const char *text)
{
	char number[32];

	if (strcmp(text, "class=cat") == 0 || strcmp(text, "class=dog") == 0)
		return true;
	if (strncmp(text, "size>", 5) != 0)
		return false;
	(void) snprintf(number, sizeof number, "size>%lu", strtoul(text + 5, NULL, 10) % REST);
	return strcmp(text, number) == 0;
}

/* The place has its old view, none, or the new one, whole; other views are what they were. */
static void check_successor(void)
{
	uint64_t fresh;

	for (unsigned i = 0; i < VT_SESSION_VIEWS; i++)
		ck_assert(!state->views[i].kind || is_whole(state->views[i].text));
	ck_assert(leads_to(cats, "class=cat"));
	ck_assert(is_gone(olds[0]) || leads_to(olds[0], "size>0"));
	ck_assert(leads_to(olds[1], "size>1"));
	fresh = make("class=dog", ALICE);
	ck_assert(leads_to(fresh, "class=dog"));
	for (unsigned i = 0; i < REST; i++)
		ck_assert_uint_ne(fresh, olds[i]);
	ck_assert(is_gone(olds[0]) || leads_to(olds[0], "size>0"));
}

START_TEST(a_server_dies_at_any_instant_of_taking_a_place)
{
	begin();
	cats = make("class=cat", BOB);
	for (unsigned i = 0; i < REST; i++)
		olds[i] = make_number(i, ALICE);
	note_view(olds[0], 5);
	for (unsigned i = 1; i < REST; i++)
		ck_assert(!is_gone(olds[i])); /* the first is the oldest */
	dies_at_every_instant(take_the_oldest_place, check_successor);
}
END_TEST

/* ---- sets of files --------------------------------------------------------------------------- */

START_TEST(sets_of_files_are_kept_while_there_is_room)
{
	vt_cleanup(vt_view_unrefp) struct vt_view *view = NULL;
	struct vt_hits *hits = vt_hits_new(roaring_bitmap_from_range(10, 20, 2)), *again;
	uint64_t id;

	begin();
	hits->bytes = 7u << 20; /* as if it were so many */
	id = make_with("class=cat", ALICE, hits);
	view = resolve(id);
	again = vt_views_hits(views, view);
	ck_assert_ptr_eq(again, hits);
	vt_hits_unref(again);
	for (unsigned i = 0; i < 20; i++) {
		struct vt_hits *more = vt_hits_new(roaring_bitmap_create());
		char text[16];

		more->bytes = 7u << 20;
		(void) snprintf(text, sizeof text, "size>%u", i);
		ck_assert_uint_ne(make_with(text, BOB, more), 0);
		vt_hits_unref(more);
	}
	again = vt_views_hits(views, view);
	ck_assert_msg(again == hits, "what another looked at cost the set");
	vt_hits_unref(again);
	vt_hits_unref(hits);
	session_end();
}
END_TEST

/* ---- problems -------------------------------------------------------------------------------- */

START_TEST(problems_are_told_to_whose_they_are)
{
	char text[VT_VIEW_PROBLEM_MAX];

	begin();
	vt_views_note_problem(views, ALICE, 7, "column 3");
	vt_views_note_problem(views, BOB, 7, "column 9");
	ck_assert(vt_views_problem(views, ALICE, 7, text));
	ck_assert_str_eq(text, "column 3");
	ck_assert(!vt_views_problem(views, ALICE, 8, text));
	ck_assert(!vt_views_problem(views, 3, 7, text));
	for (uint32_t uid = 2000; uid < 2063; uid++)
		vt_views_note_problem(views, uid, 7, "another");
	ck_assert(!vt_views_problem(views, ALICE, 7, text));
	ck_assert(vt_views_problem(views, BOB, 7, text));
	session_end();
}
END_TEST

VT_SUITE(views, one_name_is_one_view, a_name_that_is_too_long_is_refused,
	 who_has_all_places_loses_his_own_that_he_looked_at_longest_ago,
	 when_all_places_are_taken_the_oldest_of_all_goes,
	 when_all_places_are_taken_those_make_room_who_have_many,
	 who_has_many_takes_nothing_from_others_who_have_many,
	 views_of_many_files_take_no_more_places_than_are_sure,
	 ids_of_a_place_are_not_used_twice_and_come_to_an_end_for_one_user_alone,
	 a_view_dies_with_its_version_for_good, what_is_made_of_an_older_folder_is_born_dead,
	 what_the_kernel_may_hold_of_dead_views_is_dropped_once,
	 a_place_that_is_taken_knows_nothing_of_what_was_there,
	 a_server_dies_at_any_instant_of_taking_a_place, sets_of_files_are_kept_while_there_is_room,
	 problems_are_told_to_whose_they_are)
