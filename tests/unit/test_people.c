/* SPDX-License-Identifier: Apache-2.0 */
/* The user database may be slow, away or wrong; who can be answered from memory never waits for it.
 */
#include "policy/people.h"
#include "tests/unit/suite.h"

#include <errno.h>
#include <pthread.h>
#include <pwd.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "index/base/clock.h"
#include "index/base/error.h"

static uint64_t monotonic = 1000 * VT_NS_PER_SEC;
uint64_t __wrap_vt_clock_monotonic_ns(void);
uint64_t __wrap_vt_clock_monotonic_ns(void)
{
	return monotonic;
}

static struct vt_error err;
static struct vt_people *people;
static int fails; /* -errno of every lookup */
static atomic_uint lookups;
static const char *user_name = "ada";
static uint32_t group_list[200] = {30, 10, 20, 10};
static size_t group_list_count = 4;

/* A uid whose lookups hang until they are let go. */
#define HANGS 666u
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t moved = PTHREAD_COND_INITIALIZER;
static unsigned hanging;
static bool let_go;

static void hang(void)
{
	pthread_mutex_lock(&lock);
	hanging++;
	pthread_cond_broadcast(&moved);
	while (!let_go)
		pthread_cond_wait(&moved, &lock);
	pthread_mutex_unlock(&lock);
}

static int fake_person(uint32_t uid, char *name, size_t size, uint32_t *groups, size_t *count)
{
	lookups++;
	if (uid == HANGS)
		hang();
	if (fails)
		return fails;
	if (uid == 404)
		return -ENOENT;
	snprintf(name, size, "%s", user_name);
	if (*count < group_list_count)
		return -ERANGE;
	memcpy(groups, group_list, group_list_count * sizeof *groups);
	*count = group_list_count;
	return 0;
}

static int fake_id(const char *name, uint32_t *id)
{
	*id = 7;
	return strcmp(name, "ada") == 0 ? fails : -ENOENT;
}

static const struct vt_people_source fake = {fake_person, fake_id, fake_id};

static void set_up(void)
{
	vt_people_set_source(&fake);
	ck_assert_int_eq(vt_people_new(&people, &err), 0);
}

static void tear_down(void)
{
	vt_people_free(people);
	vt_people_set_source(NULL);
}

static const struct vt_person *get(uint32_t uid)
{
	const struct vt_person *person = NULL;

	ck_assert_int_eq(vt_people_get(people, uid, false, &person), 0);
	return person;
}

/* Name and number of groups of what is remembered or asked now. */
static void is(uint32_t uid, const char *name, size_t groups)
{
	vt_cleanup(vt_person_unrefp) const struct vt_person *person = get(uid);

	ck_assert_uint_eq(person->uid, uid);
	ck_assert_str_eq(person->name, name);
	ck_assert_uint_eq(person->group_count, groups);
}

static int nowait(uint32_t uid)
{
	vt_cleanup(vt_person_unrefp) const struct vt_person *person = NULL;

	return vt_people_get(people, uid, true, &person);
}

START_TEST(groups_come_in_order_each_once)
{
	vt_cleanup(vt_person_unrefp) const struct vt_person *person = NULL;

	set_up();
	person = get(1);
	ck_assert_uint_eq(person->group_count, 3);
	ck_assert_uint_eq(person->groups[0], 10);
	ck_assert_uint_eq(person->groups[1], 20);
	ck_assert_uint_eq(person->groups[2], 30);
	tear_down();
	ck_assert_str_eq(person->name, "ada"); /* a reference outlives the memory */
}
END_TEST

/* Asks about uid 1 once its answer is too old: was the next one another? */
static bool changed(void)
{
	uint64_t before = vt_people_changes(people);

	monotonic += VT_PERSON_KEPT_NS;
	vt_person_unref(get(1));
	return vt_people_changes(people) > before;
}

START_TEST(another_answer_than_the_last_is_counted)
{
	set_up();
	vt_person_unref(get(1));
	ck_assert_uint_eq(vt_people_changes(people), 0);
	ck_assert(!changed());
	user_name = "zoe";
	ck_assert(changed());
	group_list[0] = 31;
	ck_assert(changed());
	group_list_count = 3;
	ck_assert(!changed()); /* the fourth was there twice */
	group_list_count = 0;
	ck_assert(changed());
	ck_assert(!changed());
	tear_down();
}
END_TEST

START_TEST(an_answer_is_remembered_for_thirty_seconds)
{
	set_up();
	is(1, "ada", 3);
	user_name = "zoe";
	monotonic += VT_PERSON_KEPT_NS - 1;
	is(1, "ada", 3);
	ck_assert_uint_eq(lookups, 1);
	monotonic += 1;
	is(1, "zoe", 3);
	ck_assert_uint_eq(lookups, 2);
	tear_down();
}
END_TEST

START_TEST(who_must_not_wait_is_answered_from_memory_or_not_at_all)
{
	set_up();
	ck_assert_int_eq(nowait(1), -EAGAIN);
	is(1, "ada", 3);
	ck_assert_int_eq(nowait(1), 0);
	monotonic += VT_PERSON_KEPT_NS;
	ck_assert_int_eq(nowait(1), -EAGAIN);
	ck_assert_uint_eq(lookups, 1);
	tear_down();
}
END_TEST

START_TEST(a_uid_without_a_user_has_no_name_and_no_groups)
{
	char text[64];

	set_up();
	is(404, "", 0);
	ck_assert_int_eq(nowait(404), 0);
	vt_people_name_of(404, text, sizeof text);
	ck_assert_str_eq(text, "uid 404");
	vt_people_name_of(1, text, sizeof text);
	ck_assert_str_eq(text, "ada");
	tear_down();
}
END_TEST

START_TEST(a_user_who_is_removed_has_no_groups_after_thirty_seconds)
{
	set_up();
	is(1, "ada", 3);
	monotonic += VT_PERSON_KEPT_NS;
	fails = -ENOENT;
	is(1, "", 0);
	tear_down();
}
END_TEST

START_TEST(a_failing_database_leaves_the_answer_once_and_then_the_name)
{
	set_up();
	is(1, "ada", 3);
	fails = -EIO;
	monotonic += VT_PERSON_KEPT_NS;
	is(1, "ada", 3);
	is(1, "ada", 3);
	ck_assert_uint_eq(lookups, 2); /* it is not asked again at once */
	monotonic += VT_PERSON_KEPT_NS;
	is(1, "ada", 0);
	monotonic += VT_PERSON_KEPT_NS;
	is(1, "ada", 0);
	fails = 0;
	monotonic += VT_PERSON_KEPT_NS;
	is(1, "ada", 3);
	fails = -EIO;
	monotonic += VT_PERSON_KEPT_NS;
	is(1, "ada", 3);
	tear_down();
}
END_TEST

START_TEST(a_database_that_never_answered_gives_nobody)
{
	set_up();
	fails = -EIO;
	is(1, "", 0);
	tear_down();
}
END_TEST

START_TEST(a_lack_of_memory_is_no_answer)
{
	const struct vt_person *person;

	set_up();
	fails = -ENOMEM;
	ck_assert_int_eq(vt_people_get(people, 1, false, &person), -ENOMEM);
	ck_assert_int_eq(vt_people_ask(1, &person), -ENOMEM);
	fails = 0;
	is(1, "ada", 3);
	tear_down();
}
END_TEST

START_TEST(many_groups_find_room)
{
	set_up();
	for (uint32_t i = 0; i < 200; i++)
		group_list[i] = 1000 - i;
	group_list_count = 200;
	is(1, "ada", 200);
	tear_down();
}
END_TEST

START_TEST(no_more_than_the_bound_is_remembered)
{
	set_up();
	is(1, "ada", 3);
	for (uint32_t uid = 1000; uid < 1000 + 4095; uid++)
		vt_person_unref(get(uid));
	is(1, "ada", 3);
	ck_assert_uint_eq(lookups, 4096);
	vt_person_unref(get(9000)); /* the one used longest ago goes, and only that */
	ck_assert_int_eq(nowait(1000), -EAGAIN);
	ck_assert_int_eq(nowait(1001), 0);
	ck_assert_int_eq(nowait(1), 0);
	tear_down();
}
END_TEST

static void *ask_and_hang(void *unused)
{
	vt_person_unref(get(HANGS));
	return NULL;
}

START_TEST(a_hanging_lookup_holds_up_nobody_else)
{
	pthread_t threads[3];

	set_up();
	is(1, "ada", 3);
	for (size_t i = 0; i < 3; i++)
		pthread_create(&threads[i], NULL, ask_and_hang, NULL);
	pthread_mutex_lock(&lock);
	while (hanging == 0)
		pthread_cond_wait(&moved, &lock);
	pthread_mutex_unlock(&lock);
	is(1, "ada", 3); /* from memory */
	ck_assert_int_eq(nowait(1), 0);
	is(2, "ada", 3); /* asked beside it */
	ck_assert_int_eq(nowait(HANGS), -EAGAIN);
	for (uint32_t uid = 1000; uid < 1000 + 4200; uid++) /* what is asked for is not dropped */
		vt_person_unref(get(uid));
	pthread_mutex_lock(&lock);
	let_go = true;
	pthread_cond_broadcast(&moved);
	pthread_mutex_unlock(&lock);
	for (size_t i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	ck_assert_uint_eq(hanging, 1); /* one asked, the others waited for him */
	is(HANGS, "ada", 3);
	tear_down();
}
END_TEST

START_TEST(names_that_mean_nobody_are_refused_with_words)
{
	uint32_t id = 0;

	set_up();
	ck_assert_int_eq(vt_people_uid_of("ada", &id, &err), 0);
	ck_assert_uint_eq(id, 7);
	ck_assert_int_eq(vt_people_uid_of("eve", &id, &err), -ENOENT);
	ck_assert_ptr_nonnull(strstr(err.text, "no user 'eve'"));
	ck_assert_int_eq(vt_people_gid_of("eve", &id, &err), -ENOENT);
	ck_assert_ptr_nonnull(strstr(err.text, "no group 'eve'"));
	fails = -EIO;
	ck_assert_int_eq(vt_people_uid_of("ada", &id, &err), -EIO);
	ck_assert_ptr_nonnull(strstr(err.text, "cannot be looked up"));
	tear_down();
}
END_TEST

/* The machine's own: root is everywhere. */
START_TEST(the_system_knows_root)
{
	vt_cleanup(vt_person_unrefp) const struct vt_person *person = NULL, *nobody = NULL;
	uint32_t id = 1;

	ck_assert_int_eq(vt_people_ask(0, &person), 0);
	ck_assert_str_eq(person->name, "root");
	ck_assert_uint_ge(person->group_count, 1);
	ck_assert_uint_eq(person->groups[0], 0);
	ck_assert_int_eq(vt_people_uid_of("root", &id, &err), 0);
	ck_assert_uint_eq(id, 0);
	ck_assert_int_eq(vt_people_gid_of("root", &id, &err), 0);
	ck_assert_uint_eq(id, 0);
	ck_assert_int_eq(vt_people_uid_of("no-such-user-here", &id, &err), -ENOENT);
	ck_assert_ptr_null(getpwuid(3999999999u)); /* else the next line means nothing */
	ck_assert_int_eq(vt_people_ask(3999999999u, &nobody), 0);
	ck_assert_str_eq(nobody->name, "");
}
END_TEST

VT_SUITE(people, groups_come_in_order_each_once, an_answer_is_remembered_for_thirty_seconds,
	 another_answer_than_the_last_is_counted,
	 who_must_not_wait_is_answered_from_memory_or_not_at_all,
	 a_uid_without_a_user_has_no_name_and_no_groups,
	 a_user_who_is_removed_has_no_groups_after_thirty_seconds,
	 a_failing_database_leaves_the_answer_once_and_then_the_name,
	 a_database_that_never_answered_gives_nobody, a_lack_of_memory_is_no_answer,
	 many_groups_find_room, no_more_than_the_bound_is_remembered,
	 a_hanging_lookup_holds_up_nobody_else, names_that_mean_nobody_are_refused_with_words,
	 the_system_knows_root)
