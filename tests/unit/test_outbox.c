/* SPDX-License-Identifier: Apache-2.0 */
#include "index/outbox.h"

#include <errno.h>

#include "index/base/clock.h"
#include "index/base/error.h"
#include "index/store.h"
#include "tests/unit/scratch.h"
#include "tests/unit/suite.h"

static struct vt_error err;
static struct vt_store *store;
static char delivered[256]; /* texts, each with a blank; those that were left with a star */
static const char *refused; /* a text that cannot be delivered */

#define must(condition) ck_assert_msg(condition, "%s: %s", #condition, err.text)

static void open_store(void)
{
	const struct vt_store_options options = {.cache_bytes = 8u << 20};

	must(vt_store_open(vt_scratch_path("index"), &options, &store, &err) == 0);
	delivered[0] = '\0';
	refused = NULL;
}

static void set_up(void)
{
	(void) vt_scratch();
	must(vt_store_create(vt_scratch_path("index"), &err) == 0);
	open_store();
}

static void reopen(void)
{
	vt_store_close(store);
	open_store();
}

static void tear_down(void)
{
	vt_store_close(store);
	vt_scratch_done();
}

static struct vt_batch *batch_with(const char *text)
{
	struct vt_batch *batch = vt_batch_new();

	must(vt_outbox_post(batch, store, text, strlen(text), &err) == 0);
	return batch;
}

static void post(const char *text)
{
	struct vt_batch *batch = batch_with(text);

	must(vt_store_write(store, batch, true, &err) == 0);
	vt_batch_free(batch);
}

static int deliver(void *context, const char *text, size_t len, bool left, struct vt_error *e)
{
	size_t used = strlen(delivered);

	if (refused && strlen(refused) == len && memcmp(refused, text, len) == 0)
		return vt_fail(e, EIO, "refused");
	(void) snprintf(delivered + used, sizeof delivered - used, "%.*s%s ", (int) len, text,
			left ? "*" : "");
	return 0;
}

static int empty(void)
{
	return vt_outbox_empty(store, deliver, NULL, &err);
}

START_TEST(what_was_written_is_delivered_once_in_order)
{
	set_up();
	must(empty() == 0);
	post("one");
	post("two");
	ck_assert_uint_eq(vt_outbox_count(store), 2);
	must(empty() == 0);
	must(empty() == 0);
	ck_assert_str_eq(delivered, "one two ");
	reopen();
	must(empty() == 0);
	ck_assert_str_eq(delivered, "");
	tear_down();
}
END_TEST

START_TEST(what_was_not_written_is_not_delivered)
{
	struct vt_batch *batch;

	set_up();
	batch = batch_with("never");
	vt_batch_free(batch);
	ck_assert_uint_eq(vt_outbox_count(store), 0);
	must(empty() == 0);
	reopen();
	must(empty() == 0);
	ck_assert_str_eq(delivered, "");
	tear_down();
}
END_TEST

START_TEST(what_cannot_be_delivered_stays_with_all_behind_it)
{
	set_up();
	post("one");
	post("two");
	post("three");
	refused = "two";
	ck_assert_int_eq(empty(), -EIO);
	ck_assert_str_eq(delivered, "one ");
	ck_assert_uint_eq(vt_outbox_count(store), 2);
	refused = NULL;
	must(empty() == 0);
	ck_assert_str_eq(delivered, "one two three ");
	tear_down();
}
END_TEST

START_TEST(what_is_left_is_found_by_the_next_and_comes_first)
{
	set_up();
	post("one");
	post("two");
	refused = "two";
	ck_assert_int_eq(empty(), -EIO);
	reopen();
	ck_assert_uint_eq(vt_outbox_count(store), 1);
	post("three");
	must(empty() == 0);
	ck_assert_str_eq(delivered, "two* three ");
	tear_down();
}
END_TEST

START_TEST(without_memory_for_a_batch_nothing_is_posted)
{
	set_up();
	ck_assert_int_eq(vt_outbox_post(NULL, store, "never", 5, &err), -ENOMEM);
	ck_assert_int_eq(vt_outbox_post_record(NULL, store, json_object(), &err), -ENOMEM);
	ck_assert_uint_eq(vt_outbox_count(store), 0);
	tear_down();
}
END_TEST

START_TEST(no_two_records_are_of_the_same_instant)
{
	struct vt_batch *batch = vt_batch_new();

	set_up();
	vt_clock_set_realtime_ns(1000); /* it stands */
	for (int i = 0; i < 3; i++)
		must(vt_outbox_post_record(batch, store, json_pack("{s:i}", "uid", i), &err) == 0);
	ck_assert_int_eq(vt_outbox_post_record(batch, store, NULL, &err), -ENOMEM);
	vt_clock_set_realtime_ns(0);
	must(vt_store_write(store, batch, true, &err) == 0);
	vt_batch_free(batch);
	must(empty() == 0);
	ck_assert_str_eq(delivered, "{\"at\":1000,\"uid\":0} {\"at\":1001,\"uid\":1} "
				    "{\"at\":1002,\"uid\":2} ");
	tear_down();
}
END_TEST

VT_SUITE(outbox, what_was_written_is_delivered_once_in_order, what_was_not_written_is_not_delivered,
	 what_cannot_be_delivered_stays_with_all_behind_it,
	 what_is_left_is_found_by_the_next_and_comes_first,
	 without_memory_for_a_batch_nothing_is_posted, no_two_records_are_of_the_same_instant)
