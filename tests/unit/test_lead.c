/* SPDX-License-Identifier: Apache-2.0 */
/* Staying ahead of readers: what passes files, and what there may be of it. */
#include "fs/lead.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "index/digest.h"
#include "tests/unit/suite.h"

static struct vt_leads *leads;
static struct vt_lead *lead;

static struct vt_digest content(unsigned number)
{
	struct vt_digest digest = {0};

	memcpy(&digest, &number, sizeof number);
	return digest;
}

static void add(unsigned number, uint64_t bytes)
{
	const struct vt_digest digest = content(number);

	ck_assert_int_eq(vt_lead_add(lead, &digest, bytes, NULL), 0);
}

static void read_file(unsigned number)
{
	const struct vt_digest digest = content(number);

	vt_leads_note(leads, &digest);
}

/* Are no more than so many bytes ahead, and not one less allowed? */
static bool ahead_is(uint64_t bytes)
{
	return vt_lead_wait(lead, bytes, 0) && (bytes == 0 || !vt_lead_wait(lead, bytes - 1, 0));
}

static void begin(void)
{
	leads = vt_leads_new();
	ck_assert_ptr_nonnull(leads);
	ck_assert_int_eq(vt_lead_begin(leads, 1, &lead, NULL), 0);
}

START_TEST(a_read_passes_a_file_and_all_before_it)
{
	for (unsigned i = 1; i <= 10; i++)
		add(i, 100);
	ck_assert(ahead_is(1000));
	read_file(1);
	ck_assert(ahead_is(900));
	read_file(5);
	ck_assert(ahead_is(500));
	read_file(3); /* by a slower worker */
	ck_assert(ahead_is(500));
	read_file(10);
	ck_assert(ahead_is(0));
	add(11, 7);
	ck_assert(ahead_is(7));
}
END_TEST

START_TEST(content_that_comes_twice_counts_where_it_comes_first)
{
	add(1, 10);
	add(2, 10);
	add(1, 10);
	read_file(1);
	ck_assert(ahead_is(20));
	add(1, 10); /* passed, so it is noted anew */
	read_file(1);
	ck_assert(ahead_is(0));
}
END_TEST

START_TEST(readers_of_other_files_only_are_beyond_all)
{
	add(1, 10);
	add(2, 10);
	for (unsigned i = 1; i < VT_LEAD_STRANGERS; i++)
		read_file(100 + i);
	read_file(1);
	for (unsigned i = 1; i < VT_LEAD_STRANGERS; i++)
		read_file(100 + i);
	ck_assert(ahead_is(10));
	read_file(99);
	ck_assert(ahead_is(0));
}
END_TEST

START_TEST(no_more_files_are_ahead_than_there_is_memory_for)
{
	for (unsigned i = 0; i < VT_LEAD_FILES_MAX - 1; i++)
		add(i, 1);
	ck_assert(vt_lead_wait(lead, UINT64_MAX, 0));
	add(VT_LEAD_FILES_MAX, 1);
	ck_assert(!vt_lead_wait(lead, UINT64_MAX, 0));
	read_file(0);
	ck_assert(vt_lead_wait(lead, UINT64_MAX, 0));
}
END_TEST

START_TEST(each_has_readers_of_its_own)
{
	struct vt_lead *first = lead, *other;
	const struct vt_digest digest = content(1);

	ck_assert_int_eq(vt_lead_begin(leads, 1, &other, NULL), 0);
	ck_assert_int_eq(vt_lead_add(other, &digest, 5, NULL), 0);
	add(2, 10);
	read_file(1);
	ck_assert(ahead_is(10));
	ck_assert(vt_lead_wait(other, 0, 0));
	vt_lead_end(other);
	read_file(2);
	lead = first;
	ck_assert(ahead_is(0));
}
END_TEST

START_TEST(a_user_and_all_have_so_many)
{
	struct vt_lead *more[VT_LEADS_MAX], *refused = NULL;
	unsigned count = 1; /* the fixture's, of user 1 */

	ck_assert_int_eq(vt_lead_begin(leads, 1, &more[0], NULL), 0);
	ck_assert_int_eq(vt_lead_begin(leads, 1, &refused, NULL), -EAGAIN);
	for (count = 1; count < VT_LEADS_MAX - 1; count++)
		ck_assert_int_eq(vt_lead_begin(leads, 1 + count, &more[count], NULL), 0);
	ck_assert_int_eq(vt_lead_begin(leads, 100, &refused, NULL), -EAGAIN);
	vt_lead_end(more[0]);
	ck_assert_int_eq(vt_lead_begin(leads, 100, &more[0], NULL), 0);
	ck_assert_ptr_null(refused);
	for (count = 0; count < VT_LEADS_MAX - 1; count++)
		vt_lead_end(more[count]);
}
END_TEST

static void *read_later(void *unused)
{
	(void) usleep(20000);
	read_file(1);
	return unused;
}

START_TEST(who_waits_is_woken_by_a_reader)
{
	pthread_t reader;

	add(1, 10);
	ck_assert(!vt_lead_wait(lead, 0, 1));
	ck_assert_int_eq(pthread_create(&reader, NULL, read_later, NULL), 0);
	ck_assert(vt_lead_wait(lead, 0, 60000));
	ck_assert_int_eq(pthread_join(reader, NULL), 0);
}
END_TEST

VT_SUITE_FRESH(lead, begin, a_read_passes_a_file_and_all_before_it,
	       content_that_comes_twice_counts_where_it_comes_first,
	       readers_of_other_files_only_are_beyond_all,
	       no_more_files_are_ahead_than_there_is_memory_for, each_has_readers_of_its_own,
	       a_user_and_all_have_so_many, who_waits_is_woken_by_a_reader)
