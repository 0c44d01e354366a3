/* SPDX-License-Identifier: Apache-2.0 */
/* What a session remembers of the ids the kernel may hold survives its process, and is never too
 * little. */
#include "fs/session_state.h"

#include "fs/mount.h"
#include "fs/node.h"
#include "tests/unit/suite.h"

#include <pthread.h>
#include <string.h>
#include <unistd.h>

static void collect(void *context, uint64_t id)
{
	uint64_t *list = context;

	ck_assert_uint_lt(list[0], 1000);
	list[++list[0]] = id;
}

static struct vt_session_state *open_state(int fd)
{
	struct vt_session_state *state;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(vt_session_state_open(fd, &state, NULL), 0);
	return state;
}

START_TEST(noted_ids_come_back_once_each)
{
	const uint32_t positions[] = {0, 1, 63, 64, 99999};
	uint64_t list[1001] = {0};
	int fd = vt_session_state_new(NULL);
	struct vt_session_state *state = open_state(fd);

	for (int round = 0; round < 2; round++)
		for (size_t i = 0; i < 5; i++)
			vt_session_state_note(state, vt_node_id(7, positions[i]), 100000);
	vt_session_state_note(state, vt_node_id(7, VT_POSITION_DOCUMENTS + 2), 100000);
	vt_session_state_note(state, vt_node_id(8, 5), 10);
	vt_session_state_each(state, 7, 100000, collect, list);
	ck_assert_uint_eq(list[0], 6);
	ck_assert_uint_eq(list[1], vt_node_id(7, VT_POSITION_DOCUMENTS + 2));
	for (size_t i = 0; i < 5; i++)
		ck_assert_uint_eq(list[2 + i], vt_node_id(7, positions[i]));
	vt_session_state_close(state);
	(void) close(fd);
}
END_TEST

START_TEST(an_exhibit_never_shown_gives_nothing)
{
	uint64_t list[1001] = {0};
	int fd = vt_session_state_new(NULL);
	struct vt_session_state *state = open_state(fd);

	vt_session_state_each(state, 3, 1000, collect, list);
	ck_assert_uint_eq(list[0], 0);
	vt_session_state_close(state);
	(void) close(fd);
}
END_TEST

START_TEST(a_successor_finds_what_was_noted)
{
	uint64_t list[1001] = {0};
	int fd = vt_session_state_new(NULL);
	struct vt_session_state *first = open_state(fd), *second;

	vt_session_state_note(first, vt_node_id(5, 70), 200);
	vt_session_state_close(first);
	second = open_state(fd);
	vt_session_state_note(second, vt_node_id(6, 3), 200);
	vt_session_state_each(second, 5, 200, collect, list);
	ck_assert_uint_eq(list[0], 1);
	ck_assert_uint_eq(list[1], vt_node_id(5, 70));
	vt_session_state_close(second);
	(void) close(fd);
}
END_TEST

START_TEST(more_exhibits_than_fit_are_swept_whole)
{
	uint64_t list[1001] = {0};
	int fd = vt_session_state_new(NULL);
	struct vt_session_state *state = open_state(fd);

	for (uint32_t exhibit = 1; exhibit <= 1025; exhibit++)
		vt_session_state_note(state, vt_node_id(exhibit, 1), 64);
	vt_session_state_each(state, 1025, 64, collect, list);
	ck_assert_uint_ge(list[0], 64); /* all positions, and the documents */
	vt_session_state_close(state);
	(void) close(fd);
}
END_TEST

START_TEST(a_forgotten_exhibit_is_empty)
{
	uint64_t list[1001] = {0};
	int fd = vt_session_state_new(NULL);
	struct vt_session_state *state = open_state(fd);

	vt_session_state_note(state, vt_node_id(5, 70), 200);
	vt_session_state_forget(state, 5);
	vt_session_state_each(state, 5, 200, collect, list);
	ck_assert_uint_eq(list[0], 0);
	vt_session_state_close(state);
	(void) close(fd);
}
END_TEST

START_TEST(a_foreign_file_is_refused)
{
	int fd = vt_session_state_new(NULL);
	struct vt_session_state *state;

	ck_assert_int_eq(pwrite(fd, "X", 1, 0), 1);
	ck_assert_int_lt(vt_session_state_open(fd, &state, NULL), 0);
	ck_assert_int_eq(ftruncate(fd, 10), 0);
	ck_assert_int_lt(vt_session_state_open(fd, &state, NULL), 0);
	(void) close(fd);
}
END_TEST

static void *note_many(void *state)
{
	for (uint32_t i = 0; i < 20000; i++)
		vt_session_state_note(state, vt_node_id(1 + i % 50, i % 900), 900);
	return NULL;
}

START_TEST(threads_note_side_by_side)
{
	int fd = vt_session_state_new(NULL);
	struct vt_session_state *state = open_state(fd);
	pthread_t threads[4];

	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, note_many, state), 0);
	for (int i = 0; i < 4; i++)
		(void) pthread_join(threads[i], NULL);
	for (uint32_t exhibit = 1; exhibit <= 50; exhibit++) {
		uint64_t list[1001] = {0};

		vt_session_state_each(state, exhibit, 900, collect, list);
		ck_assert_uint_eq(list[0], 18); /* i mod 50 fixed, i mod 900: 900 / 50 */
	}
	vt_session_state_close(state);
	(void) close(fd);
}
END_TEST

VT_SUITE(session_state, noted_ids_come_back_once_each, an_exhibit_never_shown_gives_nothing,
	 a_successor_finds_what_was_noted, more_exhibits_than_fit_are_swept_whole,
	 a_forgotten_exhibit_is_empty, a_foreign_file_is_refused, threads_note_side_by_side)
